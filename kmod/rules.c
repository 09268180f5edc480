// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules of a queue: the arguments of a declaration.
 */
#include "rules.h"

#include <linux/align.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/mqk.h>

#include "account.h"
#include "limits.h"

/* An encoded header of those that were found valid. */
struct argument {
	u8 type;
	const u8 *name;
	u32 name_len;
	const u8 *value;
	u32 value_len;
};

static bool equals(const u8 *bytes, u32 len, const char *text)
{
	return len == strlen(text) && !memcmp(bytes, text, len);
}

#define MS_MAX		U32_MAX
#define FAILURES_MAX	U16_MAX
#define PRIORITY_MAX	31u
/* What takes a message down unless it is said. */
#define DEMOTE_AFTER	3u

/* What a queue without arguments has. */
static const struct mqk_rules none = {
	.max_length = U64_MAX,
	.max_bytes = U64_MAX,
	.block_timeout = MQK_RULES_UNSET,
	.message_ttl = MQK_RULES_UNSET,
	.expires = MQK_RULES_UNSET,
	.delivery_limit = MQK_RULES_UNSET,
	.retry_delay = MQK_RULES_UNSET,
	.retry_max = MQK_RULES_UNSET,
	.consumer_timeout = MQK_RULES_UNSET,
	.max_priority = MQK_RULES_UNSET,
	.levels = MQK_RULES_UNSET,
	.demote_after = MQK_RULES_UNSET,
	.dedup_window = MQK_RULES_UNSET,
};

/* A whole number of any width, from 0. */
static int read_number(const struct argument *a, u64 *to)
{
	s64 n;

	switch (a->type) {
	case MQK_HEADER_BYTE:
		n = (s8)*a->value;
		break;
	case MQK_HEADER_SHORT:
		n = (s16)get_unaligned_le16(a->value);
		break;
	case MQK_HEADER_INT:
		n = (s32)get_unaligned_le32(a->value);
		break;
	case MQK_HEADER_LONG:
		n = get_unaligned_le64(a->value);
		break;
	default:
		return -EINVAL;
	}
	if (n < 0)
		return -EINVAL;
	*to = n;
	return 0;
}

/* One from a range. */
static int read_between(const struct argument *a, u64 min, u64 max, u64 *to)
{
	u64 n;

	if (read_number(a, &n) || n < min || n > max)
		return -EINVAL;
	*to = n;
	return 0;
}

static int read_backoff(const struct argument *a, enum mqk_backoff *to)
{
	if (a->type != MQK_HEADER_STRING)
		return -EINVAL;
	if (equals(a->value, a->value_len, "linear"))
		*to = MQK_BACKOFF_LINEAR;
	else if (equals(a->value, a->value_len, "exponential"))
		*to = MQK_BACKOFF_EXPONENTIAL;
	else
		return -EINVAL;
	return 0;
}

static int read_overflow(const struct argument *a, enum mqk_overflow *to)
{
	if (a->type != MQK_HEADER_STRING)
		return -EINVAL;
	if (equals(a->value, a->value_len, "drop-head"))
		*to = MQK_OVERFLOW_DROP_HEAD;
	else if (equals(a->value, a->value_len, "reject-publish"))
		*to = MQK_OVERFLOW_REJECT_PUBLISH;
	else if (equals(a->value, a->value_len, "reject-publish-dlx"))
		*to = MQK_OVERFLOW_REJECT_PUBLISH_DLX;
	else if (equals(a->value, a->value_len, "block"))
		*to = MQK_OVERFLOW_BLOCK;
	else
		return -EINVAL;
	return 0;
}

static int read_choice(const struct argument *a, enum mqk_choice *to)
{
	if (a->type != MQK_HEADER_BOOL)
		return -EINVAL;
	*to = *a->value ? MQK_CHOICE_YES : MQK_CHOICE_NO;
	return 0;
}

static int read_handover(const struct argument *a, enum mqk_handover *to)
{
	if (a->type != MQK_HEADER_STRING)
		return -EINVAL;
	if (equals(a->value, a->value_len, "drain"))
		*to = MQK_HANDOVER_DRAIN;
	else if (equals(a->value, a->value_len, "force"))
		*to = MQK_HANDOVER_FORCE;
	else
		return -EINVAL;
	return 0;
}

/* The name of an exchange, which may be empty, or a key, of any bytes. */
static int read_text(const struct argument *a, bool key, struct mqk_rules_text *to)
{
	if (a->type != MQK_HEADER_STRING || a->value_len > sizeof(to->text) ||
	    (!key && memchr(a->value, 0, a->value_len)))
		return -EINVAL;
	to->given = true;
	to->len = a->value_len;
	memcpy(to->text, a->value, a->value_len);
	return 0;
}

/* Those that say what becomes of messages, not what the queue is: they may change. */
static const struct changeable {
	const char *name;
	u32 offset;
	u32 size;
} changeable[] = {
#define MEMBER(name, member) \
	{ name, offsetof(struct mqk_rules, member), sizeof_field(struct mqk_rules, member) }
	MEMBER("x-max-length", max_length),
	MEMBER("x-max-length-bytes", max_bytes),
	MEMBER("x-overflow", overflow),
	MEMBER("x-mqk-block-timeout", block_timeout),
	MEMBER("x-message-ttl", message_ttl),
	MEMBER("x-expires", expires),
	MEMBER("x-delivery-limit", delivery_limit),
	MEMBER("x-mqk-retry-delay", retry_delay),
	MEMBER("x-mqk-retry-max", retry_max),
	MEMBER("x-mqk-retry-backoff", retry_backoff),
	MEMBER("x-consumer-timeout", consumer_timeout),
	MEMBER("x-mqk-dedup-window", dedup_window),
	MEMBER("x-dead-letter-exchange", dead_exchange),
	MEMBER("x-dead-letter-routing-key", dead_key),
#undef MEMBER
};

static const struct changeable *find_changeable(const struct argument *a)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changeable); i++)
		if (equals(a->name, a->name_len, changeable[i].name))
			return &changeable[i];
	return NULL;
}

static int read_one(struct mqk_rules *r, const struct argument *a)
{
	if (equals(a->name, a->name_len, "x-max-length"))
		return read_number(a, &r->max_length);
	if (equals(a->name, a->name_len, "x-max-length-bytes"))
		return read_number(a, &r->max_bytes);
	if (equals(a->name, a->name_len, "x-overflow"))
		return read_overflow(a, &r->overflow);
	if (equals(a->name, a->name_len, "x-mqk-block-timeout"))
		return read_between(a, 0, MS_MAX, &r->block_timeout);
	if (equals(a->name, a->name_len, "x-single-active-consumer"))
		return read_choice(a, &r->single_active);
	if (equals(a->name, a->name_len, "x-mqk-handover"))
		return read_handover(a, &r->handover);
	if (equals(a->name, a->name_len, "x-message-ttl"))
		return read_between(a, 0, MS_MAX, &r->message_ttl);
	if (equals(a->name, a->name_len, "x-expires"))
		return read_between(a, 1, MS_MAX, &r->expires);
	if (equals(a->name, a->name_len, "x-delivery-limit"))
		return read_between(a, 0, FAILURES_MAX, &r->delivery_limit);
	if (equals(a->name, a->name_len, "x-mqk-retry-delay"))
		return read_between(a, 0, MS_MAX, &r->retry_delay);
	if (equals(a->name, a->name_len, "x-mqk-retry-max"))
		return read_between(a, 0, MS_MAX, &r->retry_max);
	if (equals(a->name, a->name_len, "x-mqk-retry-backoff"))
		return read_backoff(a, &r->retry_backoff);
	if (equals(a->name, a->name_len, "x-consumer-timeout"))
		return read_between(a, 1, MS_MAX, &r->consumer_timeout);
	if (equals(a->name, a->name_len, "x-mqk-dedup-window"))
		return read_between(a, 0, MS_MAX, &r->dedup_window);
	if (equals(a->name, a->name_len, "x-max-priority"))
		return read_between(a, 0, PRIORITY_MAX, &r->max_priority);
	if (equals(a->name, a->name_len, "x-mqk-levels"))
		return read_between(a, 2, MQK_LEVELS_MAX, &r->levels);
	if (equals(a->name, a->name_len, "x-mqk-demote-after"))
		return read_between(a, 1, FAILURES_MAX, &r->demote_after);
	if (equals(a->name, a->name_len, "x-mqk-groups"))
		return read_choice(a, &r->groups);
	if (equals(a->name, a->name_len, "x-dead-letter-exchange"))
		return read_text(a, false, &r->dead_exchange);
	if (equals(a->name, a->name_len, "x-dead-letter-routing-key"))
		return read_text(a, true, &r->dead_key);
	return -EINVAL;
}

/* Change one; of type void, as if it had never been given. */
static int change_one(struct mqk_rules *r, const struct argument *a)
{
	const struct changeable *c = find_changeable(a);

	if (!c)
		return -EINVAL;
	if (a->type != MQK_HEADER_VOID)
		return read_one(r, a);
	memcpy((u8 *)r + c->offset, (const u8 *)&none + c->offset, c->size);
	return 0;
}

static int read_all(struct mqk_rules *r, const u8 *args, u32 len, bool change)
{
	struct argument a;
	u32 size;

	for (; len; args += size, len -= size) {
		a.type = args[0];
		a.name_len = args[1];
		a.value_len = get_unaligned_le16(args + 2);
		a.name = args + sizeof(struct mqk_header);
		a.value = a.name + a.name_len;
		size = ALIGN(sizeof(struct mqk_header) + a.name_len + a.value_len, 8);
		if (change ? change_one(r, &a) : read_one(r, &a))
			return -EINVAL;
	}
	/* a key for what goes nowhere */
	return r->dead_key.given && !r->dead_exchange.given ? -EINVAL : 0;
}

static bool has_priorities(const struct mqk_rules *r)
{
	return r->max_priority != MQK_RULES_UNSET && r->max_priority;
}

static bool has_levels(const struct mqk_rules *r)
{
	return r->levels != MQK_RULES_UNSET;
}

/*
 * Both would order the queue; both would say how often a message may fail.  A group is
 * in the order of coming, and nothing else.
 */
static bool contradicts(const struct mqk_rules *r)
{
	if (has_levels(r) && (has_priorities(r) || r->delivery_limit != MQK_RULES_UNSET))
		return true;
	return mqk_rules_groups(r) && mqk_rules_order(r);
}

/**
 * mqk_rules_parse() - read the arguments of a declaration
 * @r: where the rules go; of an argument that is given twice, the last counts
 * @args: encoded headers that mqk_headers_valid() has found so, a private copy
 * @len: bytes of them
 * @why: filled when they are refused
 *
 * Return: 0; -EINVAL for an argument that is unknown, of another type or out of
 * range, or that needs another one
 */
int mqk_rules_parse(struct mqk_rules *r, const u8 *args, u32 len,
		    struct mqk_refusal *why)
{
	*r = none;
	if (read_all(r, args, len, false) || contradicts(r))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
}

/**
 * mqk_rules_change() - read the arguments that a queue is given while it lives
 * @r: where the rules go
 * @old: what they are; NULL: none
 * @args: as of mqk_rules_parse(); one of type void is taken away
 * @len: bytes of them
 * @why: filled when they are refused
 *
 * Return: as mqk_rules_parse(); -EINVAL also for an argument that may not change
 */
int mqk_rules_change(struct mqk_rules *r, const struct mqk_rules *old,
		     const u8 *args, u32 len, struct mqk_refusal *why)
{
	*r = old ? *old : none;
	if (read_all(r, args, len, true) || contradicts(r))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
}

/**
 * mqk_rules_same_text() - whether two names, or keys, are the same
 * @a: one, given or not
 * @b: the other
 *
 * Return: true if so
 */
bool mqk_rules_same_text(const struct mqk_rules_text *a,
			 const struct mqk_rules_text *b)
{
	return a->given == b->given && a->len == b->len &&
	       !memcmp(a->text, b->text, a->len);
}

/**
 * mqk_rules_equal() - whether two queues would have the same rules
 * @a: one's; NULL: none
 * @b: the other's; NULL: none
 *
 * Return: true if so
 */
bool mqk_rules_equal(const struct mqk_rules *a, const struct mqk_rules *b)
{
	a = a ?: &none;
	b = b ?: &none;
	return a->max_length == b->max_length && a->max_bytes == b->max_bytes &&
	       a->overflow == b->overflow && a->block_timeout == b->block_timeout &&
	       a->message_ttl == b->message_ttl &&
	       a->expires == b->expires &&
	       a->delivery_limit == b->delivery_limit &&
	       a->retry_delay == b->retry_delay &&
	       a->retry_max == b->retry_max &&
	       a->retry_backoff == b->retry_backoff &&
	       a->consumer_timeout == b->consumer_timeout &&
	       a->max_priority == b->max_priority &&
	       a->levels == b->levels && a->demote_after == b->demote_after &&
	       a->dedup_window == b->dedup_window &&
	       a->groups == b->groups &&
	       a->single_active == b->single_active && a->handover == b->handover &&
	       mqk_rules_same_text(&a->dead_exchange, &b->dead_exchange) &&
	       mqk_rules_same_text(&a->dead_key, &b->dead_key);
}

/**
 * mqk_rules_alloc() - make the rules of a queue
 * @r: what they are
 *
 * Context: may sleep.
 * Return: a copy, to be freed with kfree() or kfree_rcu(); NULL when they say nothing;
 * ERR_PTR(-ENOMEM)
 */
struct mqk_rules *mqk_rules_alloc(const struct mqk_rules *r)
{
	if (mqk_rules_equal(r, NULL))
		return NULL;
	return kmemdup(r, sizeof(*r), GFP_KERNEL_ACCOUNT) ?: ERR_PTR(-ENOMEM);
}

/**
 * mqk_rules_keep() - whether they need to know more of messages than the index does
 * @r: the rules, or NULL
 *
 * Return: true: the queue keeps extras
 */
bool mqk_rules_keep(const struct mqk_rules *r)
{
	return r && (r->message_ttl != MQK_RULES_UNSET ||
		     r->expires != MQK_RULES_UNSET ||
		     r->delivery_limit != MQK_RULES_UNSET ||
		     r->retry_delay != MQK_RULES_UNSET ||
		     r->consumer_timeout != MQK_RULES_UNSET ||
		     mqk_rules_order(r) || mqk_rules_groups(r));
}

/**
 * mqk_rules_order() - whether they put messages into another order than that of coming
 * @r: the rules, or NULL
 *
 * Return: true: the queue has an order, and links for it
 */
bool mqk_rules_order(const struct mqk_rules *r)
{
	return r && (has_priorities(r) || has_levels(r));
}

/**
 * mqk_rules_levels() - how many levels they make
 * @r: the rules, or NULL
 *
 * Return: how many; 0: there are no levels
 */
u32 mqk_rules_levels(const struct mqk_rules *r)
{
	return r && has_levels(r) ? r->levels : 0;
}

/**
 * mqk_rules_demote_after() - how many failures take a message one level down
 * @r: the rules
 *
 * Return: how many; 0: there are no levels
 */
u32 mqk_rules_demote_after(const struct mqk_rules *r)
{
	if (!has_levels(r))
		return 0;
	return r->demote_after == MQK_RULES_UNSET ? DEMOTE_AFTER : r->demote_after;
}

/**
 * mqk_rules_count_failures() - whether anything depends on how often messages fail
 * @r: the rules, or NULL
 *
 * Return: true: failures are counted
 */
bool mqk_rules_count_failures(const struct mqk_rules *r)
{
	return r && (has_levels(r) || r->delivery_limit != MQK_RULES_UNSET ||
		     (r->retry_delay && r->retry_delay != MQK_RULES_UNSET));
}

/**
 * mqk_rules_give_up() - whether a message has failed too often
 * @r: the rules
 * @failures: how often
 *
 * Return: true if so
 */
bool mqk_rules_give_up(const struct mqk_rules *r, u32 failures)
{
	if (has_levels(r))
		return failures / mqk_rules_demote_after(r) >= r->levels;
	return failures > r->delivery_limit;
}

/**
 * mqk_rules_retry() - how long a message waits for its next try
 * @r: the rules
 * @failures: how often it has failed, at least once
 *
 * Return: milliseconds; 0: not at all
 */
u64 mqk_rules_retry(const struct mqk_rules *r, u32 failures)
{
	u64 max = r->retry_max == MQK_RULES_UNSET ? MS_MAX : r->retry_max;
	u64 delay = r->retry_delay;

	if (delay == MQK_RULES_UNSET)
		return 0;
	if (r->retry_backoff != MQK_BACKOFF_EXPONENTIAL)
		delay *= failures;
	else if (failures > 32)
		delay = delay ? max : 0;
	else
		delay <<= failures - 1;
	return min(delay, max);
}

/**
 * mqk_rules_patience() - how long a message waits for room
 * @r: the rules, which block
 *
 * Return: milliseconds
 */
u64 mqk_rules_patience(const struct mqk_rules *r)
{
	return min_t(u64, r->block_timeout, MS_MAX);
}
