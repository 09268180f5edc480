// SPDX-License-Identifier: GPL-2.0-only
#include "rules.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct number {
	const char *name;
	size_t offset;
	int64_t min, max;
};

#define AT(member)	offsetof(struct rules, member)

/* All of int64_t */
static const struct number numbers[] = {
	{ "x-message-ttl", AT(message_ttl), 0, MAX_MS },
	{ "x-expires", AT(expires), 1, MAX_MS },
	{ "x-max-length", AT(max_length), 0, UNLIMITED },
	{ "x-max-length-bytes", AT(max_bytes), 0, UNLIMITED },
	{ "x-delivery-limit", AT(delivery_limit), 0, 65535 },
	{ "x-consumer-timeout", AT(consumer_timeout), 1, MAX_MS },
	{ "x-mqk-block-timeout", AT(block_timeout), 0, MAX_MS },
	{ "x-mqk-retry-delay", AT(retry_delay), 0, MAX_MS },
	{ "x-mqk-retry-max", AT(retry_max), 0, MAX_MS },
	{ "x-mqk-dedup-window", AT(dedup_window), 0, MAX_MS },
};

/* All of unsigned int */
static const struct number small_numbers[] = {
	{ "x-max-priority", AT(max_priority), 0, MAX_PRIORITY },
	{ "x-mqk-levels", AT(levels), 2, MAX_LEVELS },
	{ "x-mqk-demote-after", AT(demote_after), 1, 65535 },
};

static const struct number bools[] = {
	{ "x-single-active-consumer", AT(single_active), 0, 1 },
	{ "x-mqk-groups", AT(groups), 0, 1 },
};

static const char * const fixed[] = {
	"x-max-priority", "x-mqk-levels", "x-mqk-demote-after", "x-single-active-consumer",
	"x-mqk-handover", "x-mqk-groups", "x-queue-type",
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static const struct number *find(const struct number *n, unsigned int nr, const char *name)
{
	for (; nr; nr--, n++)
		if (!strcmp(n->name, name))
			return n;
	return NULL;
}

/* One of several words; its number or -1. */
static int word(const struct value *v, const char * const *words, unsigned int nr)
{
	unsigned int i;

	for (i = 0; v->type == 'S' && i < nr; i++)
		if (!strcmp(v->text, words[i]))
			return i;
	return -1;
}

static int read_text(struct rules *r, const char *name, const struct value *v)
{
	static const char * const overflow[] = {
		"drop-head", "reject-publish", "reject-publish-dlx", "block",
	};
	static const char * const backoff[] = { "linear", "exponential" };
	static const char * const handover[] = { "drain", "force" };
	static const char * const type[] = { "classic" };
	int n = 0;

	if (v->type != 'S')
		return -EINVAL;
	if (!strcmp(name, "x-dead-letter-exchange")) {
		r->dead_letters = true;
		strcpy(r->dead_exchange, v->text);
	} else if (!strcmp(name, "x-dead-letter-routing-key")) {
		r->has_dead_key = true;
		strcpy(r->dead_key, v->text);
	} else if (!strcmp(name, "x-overflow")) {
		n = word(v, overflow, COUNT(overflow));
		r->overflow = n;
	} else if (!strcmp(name, "x-mqk-retry-backoff")) {
		n = word(v, backoff, COUNT(backoff));
		r->exponential = n == 1;
	} else if (!strcmp(name, "x-mqk-handover")) {
		n = word(v, handover, COUNT(handover));
		r->force_handover = n == 1;
	} else if (!strcmp(name, "x-queue-type")) {
		n = word(v, type, COUNT(type));
	} else {
		return -EINVAL;
	}
	return n < 0 ? -EINVAL : 0;
}

static int read_one(struct rules *r, const char *name, const struct value *v)
{
	const struct number *n = find(numbers, COUNT(numbers), name);
	const struct number *small = find(small_numbers, COUNT(small_numbers), name);
	const struct number *flag = find(bools, COUNT(bools), name);

	if (flag) {
		if (v->type != 't')
			return -EINVAL;
		*(bool *)((char *)r + flag->offset) = v->number;
		return 0;
	}
	if (!n && !small)
		return read_text(r, name, v);
	if (!value_is_number(v) || v->number < (n ?: small)->min ||
	    v->number > (n ?: small)->max)
		return -EINVAL;
	if (n)
		*(int64_t *)((char *)r + n->offset) = v->number;
	else
		*(unsigned int *)((char *)r + small->offset) = v->number;
	return 0;
}

int rules_read(struct rules *r, const struct table *args)
{
	unsigned int i;

	*r = (struct rules){
		.message_ttl = -1, .expires = -1, .max_length = UNLIMITED,
		.max_bytes = UNLIMITED, .block_timeout = MAX_MS, .delivery_limit = -1,
		.consumer_timeout = -1, .retry_max = MAX_MS, .demote_after = 3,
	};
	for (i = 0; i < args->nr; i++)
		if (read_one(r, args->field[i].name, &args->field[i].value))
			return -EINVAL;
	if (r->has_dead_key && !r->dead_letters)
		return -EINVAL;
	/* Both would order the queue; both would say how often it is tried. */
	if (r->levels && (r->max_priority || r->delivery_limit >= 0))
		return -EINVAL;
	/* A group is in the order of coming, and in no other. */
	if (r->groups && (r->levels || r->max_priority))
		return -EINVAL;
	return 0;
}

bool rules_may_change(const char *name)
{
	unsigned int i;

	for (i = 0; i < COUNT(fixed); i++)
		if (!strcmp(fixed[i], name))
			return false;
	return true;
}
