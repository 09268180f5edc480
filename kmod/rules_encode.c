// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules of a queue, written as the arguments that ask for them.
 */
#include "rules.h"

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/mqk.h>

static u8 *add(u8 *to, u8 type, const char *name, const void *value, u32 len)
{
	u32 name_len = strlen(name), size = sizeof(struct mqk_header) + name_len + len;

	memset(to, 0, ALIGN(size, 8));
	to[0] = type;
	to[1] = name_len;
	put_unaligned_le16(len, to + 2);
	memcpy(to + sizeof(struct mqk_header), name, name_len);
	memcpy(to + sizeof(struct mqk_header) + name_len, value, len);
	return to + ALIGN(size, 8);
}

static u8 *add_number(u8 *to, const char *name, u64 n, u64 unset)
{
	u8 value[8];

	if (n == unset)
		return to;
	put_unaligned_le64(n, value);
	return add(to, MQK_HEADER_LONG, name, value, sizeof(value));
}

/* One of several words, the first of which is none. */
static u8 *add_word(u8 *to, const char *name, const char *const *words, u32 which)
{
	return which ? add(to, MQK_HEADER_STRING, name, words[which],
			   strlen(words[which])) : to;
}

static u8 *add_choice(u8 *to, const char *name, enum mqk_choice choice)
{
	u8 yes = choice == MQK_CHOICE_YES;

	return choice == MQK_CHOICE_NOT_GIVEN ? to :
	       add(to, MQK_HEADER_BOOL, name, &yes, sizeof(yes));
}

static u8 *add_text(u8 *to, const char *name, const struct mqk_rules_text *t)
{
	return t->given ? add(to, MQK_HEADER_STRING, name, t->text, t->len) : to;
}

static const char *const overflows[] = {
	[MQK_OVERFLOW_DROP_HEAD] = "drop-head",
	[MQK_OVERFLOW_REJECT_PUBLISH] = "reject-publish",
	[MQK_OVERFLOW_REJECT_PUBLISH_DLX] = "reject-publish-dlx",
	[MQK_OVERFLOW_BLOCK] = "block",
};

static const char *const handovers[] = {
	[MQK_HANDOVER_DRAIN] = "drain",
	[MQK_HANDOVER_FORCE] = "force",
};

static const char *const backoffs[] = {
	[MQK_BACKOFF_LINEAR] = "linear",
	[MQK_BACKOFF_EXPONENTIAL] = "exponential",
};

/**
 * mqk_rules_encode() - write rules as arguments
 * @r: the rules; NULL: none
 * @to: where to; MQK_RULES_ENCODED_MAX bytes fit
 *
 * Return: bytes that were written; mqk_rules_parse() makes the same rules of them
 */
u32 mqk_rules_encode(const struct mqk_rules *r, u8 *to)
{
	u8 *at = to;

	if (!r)
		return 0;
	at = add_number(at, "x-max-length", r->max_length, U64_MAX);
	at = add_number(at, "x-max-length-bytes", r->max_bytes, U64_MAX);
	at = add_word(at, "x-overflow", overflows, r->overflow);
	at = add_number(at, "x-mqk-block-timeout", r->block_timeout, MQK_RULES_UNSET);
	at = add_choice(at, "x-single-active-consumer", r->single_active);
	at = add_word(at, "x-mqk-handover", handovers, r->handover);
	at = add_number(at, "x-message-ttl", r->message_ttl, MQK_RULES_UNSET);
	at = add_number(at, "x-expires", r->expires, MQK_RULES_UNSET);
	at = add_number(at, "x-delivery-limit", r->delivery_limit, MQK_RULES_UNSET);
	at = add_number(at, "x-mqk-retry-delay", r->retry_delay, MQK_RULES_UNSET);
	at = add_number(at, "x-mqk-retry-max", r->retry_max, MQK_RULES_UNSET);
	at = add_word(at, "x-mqk-retry-backoff", backoffs, r->retry_backoff);
	at = add_number(at, "x-consumer-timeout", r->consumer_timeout, MQK_RULES_UNSET);
	at = add_number(at, "x-max-priority", r->max_priority, MQK_RULES_UNSET);
	at = add_number(at, "x-mqk-levels", r->levels, MQK_RULES_UNSET);
	at = add_number(at, "x-mqk-demote-after", r->demote_after, MQK_RULES_UNSET);
	at = add_number(at, "x-mqk-dedup-window", r->dedup_window, MQK_RULES_UNSET);
	at = add_choice(at, "x-mqk-groups", r->groups);
	at = add_text(at, "x-dead-letter-exchange", &r->dead_exchange);
	at = add_text(at, "x-dead-letter-routing-key", &r->dead_key);
	return at - to;
}
