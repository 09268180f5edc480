// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arguments of an exchange.
 */
#include "exchange_args.h"

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/mqk.h>

#include "limits.h"
#include "util/headers.h"

static int take_name(const struct mqk_header_at *h, const u8 **name, u8 *len)
{
	if (h->type != MQK_HEADER_STRING || h->value_len > MQK_NAME_MAX ||
	    memchr(h->value, 0, h->value_len))
		return -EINVAL;
	*name = h->value;
	*len = h->value_len;
	return 0;
}

static int take_dialect(const struct mqk_header_at *h,
			enum mqk_topic_dialect *dialect)
{
	if (!mqk_header_says(h, "mqtt") && !mqk_header_says(h, "amqp"))
		return -EINVAL;
	*dialect = mqk_header_says(h, "mqtt") ? MQK_TOPIC_MQTT : MQK_TOPIC_AMQP;
	return 0;
}

static int take_history(const struct mqk_header_at *h, u32 *history)
{
	struct mqk_value v = mqk_value_of(h);

	/* one below 0 is beyond all */
	if (v.class != MQK_VALUE_NUMBER || !v.number ||
	    v.number > MQK_RETAINED_HISTORY)
		return -EINVAL;
	*history = v.number;
	return 0;
}

/* One argument: which it is, or -EINVAL. */
static int parse_one(struct mqk_exchange_args *args,
		     const struct mqk_header_at *h)
{
	if (mqk_header_is(h, "alternate-exchange"))
		return take_name(h, &args->alternate, &args->alternate_len) ?:
		       MQK_EXCHANGE_ARG_ALTERNATE;
	if (mqk_header_is(h, "hash-header"))
		return take_name(h, &args->hash_header, &args->hash_header_len) ?:
		       MQK_EXCHANGE_ARG_HASH_HEADER;
	if (mqk_header_is(h, "x-mqk-dialect"))
		return take_dialect(h, &args->dialect) ?:
		       MQK_EXCHANGE_ARG_DIALECT;
	if (mqk_header_is(h, "x-recent-history-length"))
		return take_history(h, &args->history) ?:
		       MQK_EXCHANGE_ARG_HISTORY;
	return -EINVAL;
}

/**
 * mqk_exchange_args_parse() - read the arguments of an exchange
 * @args: where to
 * @known: MQK_EXCHANGE_ARG_* that its kind has
 * @encoded: the arguments, checked; @args points into them
 * @len: bytes
 *
 * Return: 0; -EINVAL for an argument that is unknown, of another type, out of
 * range, given twice, or of another kind of exchange
 */
int mqk_exchange_args_parse(struct mqk_exchange_args *args, u32 known,
			    const u8 *encoded, u32 len)
{
	struct mqk_header_at h;
	int arg;

	memset(args, 0, sizeof(*args));
	if (len > MQK_EXCHANGE_ARGS_MAX)
		return -EINVAL;
	args->encoded = encoded;
	args->len = len;
	args->history = 1;
	while (mqk_header_next(&encoded, &len, &h)) {
		arg = parse_one(args, &h);
		if (arg < 0)
			return arg;
		if (!(arg & known) || arg & args->given)
			return -EINVAL;
		args->given |= arg;
	}
	return 0;
}

/**
 * mqk_exchange_args_equal() - compare arguments, whatever their order
 * @a: arguments
 * @b: others
 * Return: true when they say the same
 */
bool mqk_exchange_args_equal(const struct mqk_exchange_args *a,
			     const struct mqk_exchange_args *b)
{
	return a->given == b->given && a->dialect == b->dialect &&
	       a->history == b->history &&
	       a->alternate_len == b->alternate_len &&
	       !memcmp(a->alternate, b->alternate, a->alternate_len) &&
	       a->hash_header_len == b->hash_header_len &&
	       !memcmp(a->hash_header, b->hash_header, a->hash_header_len);
}
