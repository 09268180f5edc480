// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules of a queue: the arguments of a declaration.
 */
#include "rules.h"

#include <linux/align.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/mqk.h>

#include "account.h"

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

static int read_overflow(const struct argument *a, enum mqk_overflow *to)
{
	if (a->type != MQK_HEADER_STRING)
		return -EINVAL;
	if (equals(a->value, a->value_len, "drop-head"))
		*to = MQK_OVERFLOW_DROP_HEAD;
	else if (equals(a->value, a->value_len, "reject-publish"))
		*to = MQK_OVERFLOW_REJECT_PUBLISH;
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

/* Those that say what may be in a queue, not what the queue is. */
static bool may_change(const struct argument *a)
{
	static const char * const names[] = {
		"x-max-length", "x-max-length-bytes", "x-overflow",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (equals(a->name, a->name_len, names[i]))
			return true;
	return false;
}

static int read_one(struct mqk_rules *r, const struct argument *a)
{
	if (equals(a->name, a->name_len, "x-max-length"))
		return read_number(a, &r->max_length);
	if (equals(a->name, a->name_len, "x-max-length-bytes"))
		return read_number(a, &r->max_bytes);
	if (equals(a->name, a->name_len, "x-overflow"))
		return read_overflow(a, &r->overflow);
	if (equals(a->name, a->name_len, "x-single-active-consumer"))
		return read_choice(a, &r->single_active);
	if (equals(a->name, a->name_len, "x-mqk-handover"))
		return read_handover(a, &r->handover);
	return -EINVAL;
}

/* What a queue has that is declared without arguments. */
static const struct mqk_rules none = {
	.max_length = U64_MAX,
	.max_bytes = U64_MAX,
};

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
		if ((change && !may_change(&a)) || read_one(r, &a))
			return -EINVAL;
	}
	return 0;
}

/**
 * mqk_rules_parse() - read the arguments of a declaration
 * @r: where the rules go; of an argument that is given twice, the last counts
 * @args: encoded headers that mqk_headers_valid() has found so, a private copy
 * @len: bytes of them
 * @why: filled when they are refused
 *
 * Return: 0; -EINVAL for an argument that is unknown, of another type or out of
 * range
 */
int mqk_rules_parse(struct mqk_rules *r, const u8 *args, u32 len,
		    struct mqk_refusal *why)
{
	*r = none;
	if (read_all(r, args, len, false))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
}

/**
 * mqk_rules_change() - read the arguments that a queue is given while it lives
 * @r: where the rules go
 * @old: what they are; NULL: none
 * @args: as of mqk_rules_parse()
 * @len: bytes of them
 * @why: filled when they are refused
 *
 * Return: as mqk_rules_parse(); -EINVAL also for an argument that may not change
 */
int mqk_rules_change(struct mqk_rules *r, const struct mqk_rules *old,
		     const u8 *args, u32 len, struct mqk_refusal *why)
{
	*r = old ? *old : none;
	if (read_all(r, args, len, true))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
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
	       a->overflow == b->overflow &&
	       a->single_active == b->single_active && a->handover == b->handover;
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
