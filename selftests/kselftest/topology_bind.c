// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings and routes.  What MQK_IOC_ROUTE answers is compared with what a
 * publish reaches, at every step.
 *
 * mqk-test: parallel timeout=180 kernels=stock,debug,host
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "reach.h"
#include "harness.h"

#define DIRECT	MQK_EXCHANGE_DIRECT
#define FANOUT	MQK_EXCHANGE_FANOUT
#define TOPIC	MQK_EXCHANGE_TOPIC

FIXTURE(bind)
{
	struct reach to;
};

FIXTURE_VARIANT(bind)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(bind, copy) { .port_flags = 0 };
FIXTURE_VARIANT_ADD(bind, inplace) { .port_flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(bind)
{
	ASSERT_EQ(0, reach_begin(&self->to, variant->port_flags));
}

FIXTURE_TEARDOWN(bind)
{
	EXPECT_EQ(0, reach_end(&self->to));
}

static int goes(FIXTURE_DATA(bind) *self, const char *exchange, const void *key,
		__u32 len)
{
	return reach_both(&self->to, exchange, key, len, NULL);
}

#define GOES(exchange, key)	goes(self, exchange, key, strlen(key))

TEST_F(bind, direct_matches_the_key_exactly)
{
	ASSERT_LT(0, exchange_declare(self->to.s, "e", DIRECT, 0));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q0", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q1", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q2", "K"));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q3", ""));
	EXPECT_EQ(3, GOES("e", "k"));
	EXPECT_EQ(4, GOES("e", "K"));
	EXPECT_EQ(8, GOES("e", ""));
	EXPECT_EQ(0, GOES("e", "kk"));
	EXPECT_EQ(0, goes(self, "e", "k\0", 2));
	EXPECT_EQ(0, GOES("e", "*"));
	EXPECT_EQ(0, GOES("e", "#"));
}

TEST_F(bind, fanout_ignores_the_key)
{
	ASSERT_LT(0, exchange_declare(self->to.s, "e", FANOUT, 0));
	EXPECT_EQ(0, GOES("e", ""));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q0", "a"));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q1", ""));
	EXPECT_EQ(3, GOES("e", "a"));
	EXPECT_EQ(3, GOES("e", "b"));
	EXPECT_EQ(3, GOES("e", ""));
}

/* A queue reached by several bindings gets one copy. */
TEST_F(bind, one_copy_per_queue)
{
	ASSERT_LT(0, exchange_declare(self->to.s, "f", FANOUT, 0));
	ASSERT_EQ(0, binding_add(self->to.s, "f", "q0", "a"));
	ASSERT_EQ(0, binding_add(self->to.s, "f", "q0", "b"));
	ASSERT_EQ(0, binding_add(self->to.s, "f", "q1", "a"));
	EXPECT_EQ(3, GOES("f", "a"));
	ASSERT_LT(0, exchange_declare(self->to.s, "t", TOPIC, 0));
	ASSERT_EQ(0, binding_add(self->to.s, "t", "q0", "x.#"));
	ASSERT_EQ(0, binding_add(self->to.s, "t", "q0", "#.x"));
	ASSERT_EQ(0, binding_add(self->to.s, "t", "q0", "*.x"));
	ASSERT_EQ(0, binding_add(self->to.s, "t", "q0", "x.x"));
	EXPECT_EQ(1, GOES("t", "x.x"));
	/* And it stays as long as one of them does. */
	ASSERT_EQ(0, binding_del(self->to.s, "t", "q0", "x.#"));
	ASSERT_EQ(0, binding_del(self->to.s, "t", "q0", "#.x"));
	ASSERT_EQ(0, binding_del(self->to.s, "t", "q0", "x.x"));
	EXPECT_EQ(1, GOES("t", "x.x"));
	ASSERT_EQ(0, binding_del(self->to.s, "t", "q0", "*.x"));
	EXPECT_EQ(0, GOES("t", "x.x"));
}

TEST_F(bind, default_exchange_reaches_the_queue_of_that_name)
{
	EXPECT_EQ(1, GOES("", "q0"));
	EXPECT_EQ(8, GOES("", "q3"));
	EXPECT_EQ(0, GOES("", "q"));
	EXPECT_EQ(0, GOES("", ""));
	EXPECT_EQ(0, goes(self, "", "q0\0", 3));
	ASSERT_EQ(0, queue_delete(self->to.s, "q0", 0));
	EXPECT_EQ(0, GOES("", "q0"));
}

TEST_F(bind, default_exchange_takes_no_bindings)
{
	EXPECT_EQ(-EACCES, binding_add(self->to.s, "", "q0", "k"));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->to.s));
	EXPECT_EQ(-EACCES, binding_del(self->to.s, "", "q0", "q0"));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->to.s));
	EXPECT_EQ(1, GOES("", "q0"));
}

TEST_F(bind, standard_exchanges_route)
{
	ASSERT_EQ(0, binding_add(self->to.s, "amq.direct", "q0", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q1", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q2", "*.k"));
	EXPECT_EQ(1, GOES("amq.direct", "k"));
	EXPECT_EQ(2, GOES("amq.fanout", "whatever"));
	EXPECT_EQ(4, GOES("amq.topic", "a.k"));
	EXPECT_EQ(0, GOES("amq.direct", "a.k"));
}

TEST_F(bind, twice_is_once)
{
	__u64 before = env_used(&self->to.env, MQK_RES_BINDINGS, 0);

	ASSERT_EQ(0, before);
	ASSERT_EQ(0, binding_add(self->to.s, "amq.direct", "q0", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.direct", "q0", "k"));
	EXPECT_EQ(1, env_used(&self->to.env, MQK_RES_BINDINGS, 1));
	ASSERT_EQ(0, binding_del(self->to.s, "amq.direct", "q0", "k"));
	EXPECT_EQ(0, GOES("amq.direct", "k"));
	EXPECT_EQ(0, env_used(&self->to.env, MQK_RES_BINDINGS, 0));
}

TEST_F(bind, missing_things)
{
	__u32 id;

	EXPECT_EQ(-ENOENT, binding_add(self->to.s, "no", "q0", "k"));
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->to.s));
	EXPECT_EQ(-ENOENT, binding_add(self->to.s, "amq.direct", "no", "k"));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->to.s));
	/* What is not there is as good as removed. */
	EXPECT_EQ(0, binding_del(self->to.s, "amq.direct", "q0", "k"));
	EXPECT_EQ(-ENOENT, route(self->to.s, "no", "k", 1, &id, 1));
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->to.s));
}

TEST_F(bind, internal_exchange_is_not_published_to)
{
	__u32 id;

	ASSERT_LT(0, exchange_declare(self->to.s, "e", FANOUT,
				      MQK_DECLARE_F_INTERNAL));
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q0", ""));
	EXPECT_EQ(-EACCES, route(self->to.s, "e", "", 0, &id, 1));
	EXPECT_EQ(MQK_RULE_PERMISSION, rule(self->to.s));
	EXPECT_EQ(-EACCES, reach_published(&self->to, "e", "", 0, NULL));
}

TEST_F(bind, keys_are_any_bytes_up_to_255)
{
	__u8 key[256];
	int i;

	for (i = 0; i < 256; i++)
		key[i] = 255 - i;
	ASSERT_EQ(0, binding_add_n(self->to.s, "amq.direct", "q0", key, 255));
	EXPECT_EQ(1, goes(self, "amq.direct", key, 255));
	EXPECT_EQ(0, goes(self, "amq.direct", key, 254));
	key[254] ^= 1;
	EXPECT_EQ(0, goes(self, "amq.direct", key, 255));
	EXPECT_GT(0, binding_add_n(self->to.s, "amq.direct", "q0", key, 256));
	EXPECT_GT(0, binding_add_n(self->to.s, "amq.direct", "q0", key, ~0u));
	/* Zero bytes are bytes. */
	ASSERT_EQ(0, binding_add_n(self->to.s, "amq.direct", "q1", "\0\0", 2));
	EXPECT_EQ(2, goes(self, "amq.direct", "\0\0", 2));
	EXPECT_EQ(0, goes(self, "amq.direct", "\0", 1));
}

/* Every length of a key, in a record and out of it: at 32 it leaves the head. */
TEST_F(bind, keys_of_every_length)
{
	__u8 key[255];
	__u32 len;

	memset(key, 'k', sizeof(key));
	for (len = 0; len <= 255; len++) {
		ASSERT_EQ(0, binding_add_n(self->to.s, "amq.direct",
					   len & 1 ? "q1" : "q0", key, len));
	}
	for (len = 0; len <= 255; len++) {
		ASSERT_EQ(len & 1 ? 2 : 1,
			  goes(self, "amq.direct", key, len)) {
			TH_LOG("key of %u bytes", len);
		}
	}
	EXPECT_EQ(256, env_used(&self->to.env, MQK_RES_BINDINGS, 256));
}

TEST_F(bind, route_tells_how_many_there_are)
{
	struct mqk_route_query r = {
		.size = sizeof(r),
		.exchange = (uintptr_t)"amq.fanout", .exchange_len = 10,
	};
	__u32 ids[QUEUES] = { 0 };
	char name[8];
	int i;

	for (i = 0; i < QUEUES; i++) {
		sprintf(name, "q%d", i);
		ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", name, ""));
	}
	/* No room at all is a question for the number. */
	ASSERT_EQ(0, mq(self->to.s, MQK_IOC_ROUTE, &r));
	EXPECT_EQ(QUEUES, r.count);
	r.ids = (uintptr_t)ids;
	r.count = 2;
	ASSERT_EQ(0, mq(self->to.s, MQK_IOC_ROUTE, &r));
	EXPECT_EQ(QUEUES, r.count);
	EXPECT_NE(0, ids[0]);
	EXPECT_NE(0, ids[1]);
	EXPECT_EQ(0, ids[2]);
}

/* A remembered route is forgotten when the topology changes. */
TEST_F(bind, a_change_is_seen_by_the_next_publish)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q0", "a.*"));
		ASSERT_EQ(1, GOES("amq.topic", "a.b"));
		ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q1", "#"));
		ASSERT_EQ(3, GOES("amq.topic", "a.b"));
		ASSERT_EQ(0, binding_del(self->to.s, "amq.topic", "q0", "a.*"));
		ASSERT_EQ(2, GOES("amq.topic", "a.b"));
		ASSERT_EQ(0, binding_del(self->to.s, "amq.topic", "q1", "#"));
		ASSERT_EQ(0, GOES("amq.topic", "a.b"));
	}
}

TEST_F(bind, a_deleted_exchange_is_gone_for_the_next_publish)
{
	__s64 id = exchange_declare(self->to.s, "e", FANOUT, 0);
	struct mqk_completion c;
	int ret;

	ASSERT_LT(0, id);
	ASSERT_EQ(0, binding_add(self->to.s, "e", "q0", ""));
	ASSERT_EQ(0, port_number(&self->to.port, id, "", 1));
	ASSERT_EQ(0, exchange_delete(self->to.s, "e", 0));
	ret = port_number(&self->to.port, id, "", 2);
	if (self->to.port.inplace) {
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, port_completion(&self->to.port, &c, 0));
		EXPECT_EQ(MQK_COMPLETION_ERROR, c.type);
		EXPECT_EQ(-ENOENT, c.result);
		return;
	}
	EXPECT_EQ(-ENOENT, ret);
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->to.s));
}

/* The queue of a route is deleted and another made under its name. */
TEST_F(bind, a_deleted_queue_is_gone_for_the_next_publish)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct mqk_queue_next info;
		__s64 id;

		ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q0", ""));
		ASSERT_EQ(1, GOES("amq.fanout", ""));
		ASSERT_EQ(0, queue_delete(self->to.s, "q0", 0));
		ASSERT_EQ(0, GOES("amq.fanout", ""));
		id = queue_declare(self->to.s, "q0", 0);
		ASSERT_LT(0, id);
		ASSERT_EQ(0, queue_info(self->to.s, id, &info));
		ASSERT_EQ(0, info.published);
		self->to.queue[0] = id;
		self->to.published[0] = 0;
		ASSERT_EQ(0, GOES("amq.fanout", ""));
	}
}

/* Keys that are the same but for one late byte, or for their length, one after
 * the other: the message before says nothing about this one.
 */
TEST_F(bind, keys_that_differ_late)
{
	static const __u8 lengths[] = { 1, 7, 8, 9, 31, 32, 33, 40, 255 };
	__u8 key[256], other[256];
	unsigned int i, round;

	memset(key, 'k', sizeof(key));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		__u8 len = lengths[i];

		memcpy(other, key, sizeof(other));
		other[len - 1] = 'l';
		ASSERT_EQ(0, binding_add_n(self->to.s, "amq.direct", "q0", key,
					   len));
		ASSERT_EQ(0, binding_add_n(self->to.s, "amq.direct", "q1", other,
					   len));
		ASSERT_EQ(0, binding_add_n(self->to.s, "amq.direct", "q2", key,
					   len - 1));
		for (round = 0; round < 3; round++) {
			ASSERT_EQ(1, goes(self, "amq.direct", key, len) & 1);
			ASSERT_EQ(2, goes(self, "amq.direct", other, len));
			ASSERT_EQ(4, goes(self, "amq.direct", key, len - 1) & 4);
			ASSERT_EQ(1, goes(self, "amq.direct", key, len) & 1);
			ASSERT_EQ(0, goes(self, "amq.topic", key, len));
		}
		ASSERT_EQ(0, queue_delete(self->to.s, "q0", 0));
		ASSERT_EQ(0, queue_delete(self->to.s, "q1", 0));
		ASSERT_EQ(0, queue_delete(self->to.s, "q2", 0));
		self->to.queue[0] = queue_declare(self->to.s, "q0", 0);
		self->to.queue[1] = queue_declare(self->to.s, "q1", 0);
		self->to.queue[2] = queue_declare(self->to.s, "q2", 0);
		memset(self->to.published, 0, sizeof(self->to.published));
	}
}

/* More bindings than a message may reach queues, but of one queue: one copy. */
TEST_F_TIMEOUT(bind, many_bindings_of_one_queue, 60)
{
	char key[16];
	int i;

	for (i = 0; i < 10000; i++) {
		sprintf(key, "%d", i);
		ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q0", key));
	}
	ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q1", ""));
	EXPECT_EQ(3, GOES("amq.fanout", "any"));
}

/* More keys than a port remembers routes for. */
TEST_F(bind, many_keys)
{
	char key[16], name[8];
	int i, round;

	for (i = 0; i < 1000; i++) {
		sprintf(key, "key-%d", i);
		sprintf(name, "q%d", i % QUEUES);
		ASSERT_EQ(0, binding_add(self->to.s, "amq.direct", name, key));
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 1000; i++) {
			sprintf(key, "key-%d", i);
			ASSERT_EQ(1 << i % QUEUES, GOES("amq.direct", key));
		}
	}
}

/* --- topic patterns ------------------------------------------------------- */

TEST_F(bind, topic_patterns_out_of_bounds_are_EINVAL)
{
	static const char * const bad[] = {
		"#.#.#", "#.a.#.b.#", "#.*.#.*.#", "a.#.b.#.c.#", "#.#.#.#",
	};
	static const char * const good[] = {
		"", "#", "#.#", "#.a.#", "a#b", "##.##.##", "*.*.*.*", "#.*.#",
		"...", "a..b", ".",
	};
	char words[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, binding_add(self->to.s, "amq.topic", "q0",
					       bad[i])) {
			TH_LOG("pattern %u", i);
		}
		EXPECT_EQ(MQK_RULE_BAD_PATTERN, rule(self->to.s));
		/* Elsewhere it is a key like any other. */
		EXPECT_EQ(0, binding_add(self->to.s, "amq.direct", "q0", bad[i]));
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, binding_add(self->to.s, "amq.topic", "q0", good[i])) {
			TH_LOG("pattern %u", i);
		}
	}
	/* MQK_KEY_WORDS_MAX words have one dot fewer. */
	memset(words, '.', sizeof(words));
	EXPECT_EQ(0, binding_add_n(self->to.s, "amq.topic", "q1", words,
				   MQK_KEY_WORDS_MAX - 1));
	EXPECT_EQ(-EINVAL, binding_add_n(self->to.s, "amq.topic", "q1", words,
					 MQK_KEY_WORDS_MAX));
	EXPECT_EQ(MQK_RULE_BAD_PATTERN, rule(self->to.s));
}

/* One pattern at a time, through binding and route, as collected from the test
 * suites of brokers and from runs against them.
 */
TEST_F_TIMEOUT(bind, topic_vectors, 120)
{
	static const char * const places[] = {
		"selftests/vectors/topic_vectors.tsv",
		"../vectors/topic_vectors.tsv",
	};
	char line[1024], *field[4], *at;
	int i, rows = 0, dots;
	FILE *file = NULL;

	for (i = 0; i < 2 && !file; i++)
		file = fopen(places[i], "r");
	if (!file)
		SKIP(return, "no topic_vectors.tsv (run from the checkout)");
	while (fgets(line, sizeof(line), file)) {
		int hashes = 0;

		at = line;
		for (i = 0; i < 4; i++)
			field[i] = strsep(&at, "\t");
		if (!at || strcmp(field[0], "amqp"))
			continue;
		rows++;
		for (i = 0, dots = 1; field[1][i]; i++) {
			dots += field[1][i] == '.';
			hashes += field[1][i] == '#' &&
				  (!i || field[1][i - 1] == '.') &&
				  (!field[1][i + 1] || field[1][i + 1] == '.');
		}
		if (hashes > 2) {
			EXPECT_EQ(-EINVAL, binding_add(self->to.s, "amq.topic",
						       "q0", field[1]));
			continue;
		}
		ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q0", field[1]));
		EXPECT_EQ(atoi(field[3]), GOES("amq.topic", field[2])) {
			TH_LOG("pattern '%s', key '%s'", field[1], field[2]);
		}
		ASSERT_EQ(0, binding_del(self->to.s, "amq.topic", "q0", field[1]));
	}
	fclose(file);
	EXPECT_LT(100, rows);
}

/* All at once: a message goes to each queue whose pattern matches. */
TEST_F(bind, topic_patterns_side_by_side)
{
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q0", "*.orange.*"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q1", "*.*.rabbit"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q1", "lazy.#"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q2", "#"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q3", ""));
	EXPECT_EQ(7, GOES("amq.topic", "quick.orange.rabbit"));
	EXPECT_EQ(7, GOES("amq.topic", "lazy.orange.elephant"));
	EXPECT_EQ(5, GOES("amq.topic", "quick.orange.fox"));
	EXPECT_EQ(6, GOES("amq.topic", "lazy"));
	EXPECT_EQ(6, GOES("amq.topic", "lazy.orange.new.rabbit"));
	EXPECT_EQ(4, GOES("amq.topic", "orange"));
	EXPECT_EQ(5, GOES("amq.topic", ".orange."));
	EXPECT_EQ(12, GOES("amq.topic", ""));
	/* Wildcards in a key are words like others. */
	EXPECT_EQ(5, GOES("amq.topic", "*.orange.#"));
	EXPECT_EQ(4, GOES("amq.topic", "#"));
}

TEST_HARNESS_MAIN
