// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules of queues, written as arguments and read again: they are the same.
 */
#include <string.h>

#include <linux/kernel.h>

#include "kmod/rules.h"
#include "random.h"
#include "test.h"
#include "util/record.h"

static u64 some(struct random *r, u64 unset, u64 min, u64 max)
{
	return random_below(r, 3) ? unset : min + random_next(r) % (max - min + 1);
}

static void text(struct random *r, struct mqk_rules_text *t)
{
	u32 i;

	t->given = random_below(r, 2);
	if (!t->given)
		return;
	t->len = random_below(r, 256);
	for (i = 0; i < t->len; i++)
		t->text[i] = 1 + random_below(r, 255);
}

static void make(struct random *r, struct mqk_rules *m)
{
	memset(m, 0, sizeof(*m));
	m->max_length = some(r, U64_MAX, 0, U32_MAX);
	m->max_bytes = some(r, U64_MAX, 0, S64_MAX);
	m->overflow = random_below(r, 5);
	m->block_timeout = some(r, MQK_RULES_UNSET, 0, U32_MAX);
	m->single_active = random_below(r, 3);
	m->handover = random_below(r, 3);
	m->message_ttl = some(r, MQK_RULES_UNSET, 0, U32_MAX);
	m->expires = some(r, MQK_RULES_UNSET, 1, U32_MAX);
	m->delivery_limit = some(r, MQK_RULES_UNSET, 0, U16_MAX);
	m->retry_delay = some(r, MQK_RULES_UNSET, 0, U32_MAX);
	m->retry_max = some(r, MQK_RULES_UNSET, 0, U32_MAX);
	m->retry_backoff = random_below(r, 3);
	m->consumer_timeout = some(r, MQK_RULES_UNSET, 1, U32_MAX);
	m->max_priority = some(r, MQK_RULES_UNSET, 0, 31);
	m->levels = MQK_RULES_UNSET;
	if (m->delivery_limit == MQK_RULES_UNSET &&
	    (m->max_priority == MQK_RULES_UNSET || !m->max_priority))
		m->levels = some(r, MQK_RULES_UNSET, 2, 32);
	m->demote_after = some(r, MQK_RULES_UNSET, 1, U16_MAX);
	m->dedup_window = some(r, MQK_RULES_UNSET, 0, U32_MAX);
	if (m->levels == MQK_RULES_UNSET &&
	    (m->max_priority == MQK_RULES_UNSET || !m->max_priority))
		m->groups = random_below(r, 3);
	text(r, &m->dead_exchange);
	if (m->dead_exchange.given)
		text(r, &m->dead_key);
}

static void test_again(void)
{
	struct random r = random_from(1);
	u8 args[MQK_RULES_ENCODED_MAX];
	struct mqk_rules rules, again;
	u32 i, len, most = 0;

	for (i = 0; i < 200000; i++) {
		make(&r, &rules);
		len = mqk_rules_encode(&rules, args);
		if (!CHECK(len <= sizeof(args)) || !CHECK(mqk_headers_valid(args, len)) ||
		    !CHECK_EQ(mqk_rules_parse(&again, args, len, NULL), 0) ||
		    !CHECK(mqk_rules_equal(&rules, &again)))
			break;
		most = len > most ? len : most;
	}
	test_note("at most %u bytes", most);
}

/* All that can be given, as long as it can be. */
static void test_longest(void)
{
	struct mqk_rules rules;
	static u8 args[2 * MQK_RULES_ENCODED_MAX];

	memset(&rules, 0, sizeof(rules));
	rules.overflow = MQK_OVERFLOW_REJECT_PUBLISH_DLX;
	rules.single_active = MQK_CHOICE_YES;
	rules.groups = MQK_CHOICE_YES;
	rules.handover = MQK_HANDOVER_DRAIN;
	rules.retry_backoff = MQK_BACKOFF_EXPONENTIAL;
	rules.dead_exchange.given = rules.dead_key.given = true;
	rules.dead_exchange.len = rules.dead_key.len = MQK_NAME_MAX;
	CHECK(mqk_rules_encode(&rules, args) <= MQK_RULES_ENCODED_MAX);
}

static void test_none(void)
{
	u8 args[8];

	CHECK_EQ(mqk_rules_encode(NULL, args), 0);
}

static const struct test tests[] = {
	{ "what is written is read as the same", test_again },
	{ "all that can be given fits", test_longest },
	{ "no rules, no arguments", test_none },
};

TEST_MAIN(tests)
