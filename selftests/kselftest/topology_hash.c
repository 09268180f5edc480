// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consistent-hash exchanges: the places that names and weights give, what moves
 * when something is bound or unbound, and what chooses.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdio.h>
#include <stdlib.h>
#include "rings_consumer.h"
#include "reach.h"
#include "harness.h"

#define HASH	MQK_EXCHANGE_HASH
#define KEYS	400

FIXTURE(hash)
{
	struct reach to;
};

FIXTURE_VARIANT(hash)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(hash, copy) { .port_flags = 0 };
FIXTURE_VARIANT_ADD(hash, inplace) { .port_flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(hash)
{
	ASSERT_EQ(0, reach_begin(&self->to, variant->port_flags));
	ASSERT_LT(0, exchange_declare(self->to.s, "h", HASH, 0));
}

FIXTURE_TEARDOWN(hash)
{
	EXPECT_EQ(0, reach_end(&self->to));
}

/* As Documentation/broker.rst says. */
static __u64 hash(const char *s, __u64 salt)
{
	__u64 h = 0xcbf29ce484222325ull ^ salt;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

/* The queue whose point comes next, as a bit; 0 for weights that are all 0. */
static int place(const char *text, const int weight[QUEUES])
{
	__u64 h = hash(text, 0), best = ~0ull;
	int q, i, bit = 0;
	char name[8];

	for (q = 0; q < QUEUES; q++) {
		sprintf(name, "q%d", q);
		for (i = 1; i <= 64 * weight[q]; i++) {
			if (hash(name, i) - h >= best)
				continue;
			best = hash(name, i) - h;
			bit = 1 << q;
		}
	}
	return bit;
}

static int asks(FIXTURE_DATA(hash) *self, const char *exchange, const char *key)
{
	return reach_asked(&self->to, exchange, key, strlen(key), NULL);
}

/* All keys, by asking; a few by doing as well. */
static void check_places(struct __test_metadata *_metadata,
			 FIXTURE_DATA(hash) *self, const int weight[QUEUES])
{
	char key[16];
	int i;

	for (i = 0; i < KEYS; i++) {
		sprintf(key, "key.%d", i);
		ASSERT_EQ(place(key, weight), i % 20 ? asks(self, "h", key) :
			  reach_both(&self->to, "h", key, strlen(key), NULL));
	}
}

/* One goes there, wherever the others come and go, in any order. */
TEST_F(hash, places)
{
	static const struct {
		int queue;
		const char *key;
		int weight;
	} step[] = {
		{ 2, "1", 1 }, { 0, "3", 3 }, { 1, "100", 100 }, { 3, "007", 7 },
		{ 1, "100", 0 }, { 2, "1", 0 }, { 2, "20", 20 }, { 3, "007", 0 },
		{ 0, "3", 0 }, { 1, "1", 1 }, { 2, "20", 0 }, { 1, "1", 0 },
		{ 0, "1", 1 },
	};
	int weight[QUEUES] = {};
	char name[8];
	unsigned int i;

	EXPECT_EQ(0, asks(self, "h", "key"));
	for (i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		sprintf(name, "q%d", step[i].queue);
		weight[step[i].queue] = step[i].weight;
		ASSERT_EQ(0, (step[i].weight ? binding_add : binding_del)
			     (self->to.s, "h", name, step[i].key));
		check_places(_metadata, self, weight);
	}
	ASSERT_EQ(0, queue_delete(self->to.s, "q0", 0));
	EXPECT_EQ(0, asks(self, "h", "key"));
}

/* Weights are shares. */
TEST_F(hash, shares)
{
	int i, n[2] = {};
	char key[16];

	ASSERT_EQ(0, binding_add(self->to.s, "h", "q0", "10"));
	ASSERT_EQ(0, binding_add(self->to.s, "h", "q1", "30"));
	for (i = 0; i < 2000; i++) {
		int bits;

		sprintf(key, "%d", i);
		bits = asks(self, "h", key);
		ASSERT_TRUE(bits == 1 || bits == 2);
		n[bits - 1]++;
	}
	EXPECT_LT(350, n[0]);
	EXPECT_GT(650, n[0]);
}

TEST_F(hash, what_is_no_weight)
{
	static const char * const bad[] = {
		"", "0", "000", "101", "-1", "+1", " 1", "1 ", "1.0", "0x1", "x",
		"4294967297", "99999999999999999999",
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, binding_add(self->to.s, "h", "q0", bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->to.s));
	}
	EXPECT_EQ(0, asks(self, "h", "key"));
}

/* 4,096 of weight; one more is refused, and has no effect. */
TEST_F(hash, too_much_weight_is_EMLINK)
{
	__u64 before;
	char name[16];
	int i;

	for (i = 0; i < 40; i++) {
		sprintf(name, "more%d", i);
		ASSERT_LT(0, queue_declare(self->to.s, name, 0));
		ASSERT_EQ(0, binding_add(self->to.s, "h", name, "100"));
	}
	EXPECT_EQ(-EMLINK, binding_add(self->to.s, "h", "q0", "97"));
	EXPECT_EQ(MQK_RULE_TARGETS, rule(self->to.s));
	before = env_used(&self->to.env, MQK_RES_BINDINGS, 40);
	EXPECT_EQ(40, before);
	ASSERT_EQ(0, binding_add(self->to.s, "h", "q0", "96"));
	EXPECT_EQ(-EMLINK, binding_add(self->to.s, "h", "q1", "1"));
	/* what is there may be made again */
	EXPECT_EQ(0, binding_add(self->to.s, "h", "q0", "96"));
	ASSERT_EQ(0, binding_del(self->to.s, "h", "more7", "100"));
	EXPECT_EQ(0, binding_add(self->to.s, "h", "q1", "1"));
	for (i = 0; i < 40; i++) {
		sprintf(name, "more%d", i);
		ASSERT_EQ(0, queue_delete(self->to.s, name, 0));
	}
	check_places(_metadata, self, (int []){ 96, 1, 0, 0 });
}

/* All its bindings go at once, and nothing of it stays. */
TEST_F(hash, deleted_with_its_bindings)
{
	char name[16];
	int i;

	ASSERT_EQ(0, binding_add(self->to.s, "h", "q0", "96"));
	for (i = 0; i < 40; i++) {
		sprintf(name, "more%d", i);
		ASSERT_LT(0, queue_declare(self->to.s, name, 0));
		ASSERT_EQ(0, binding_add(self->to.s, "h", name, "100"));
	}
	ASSERT_EQ(0, exchange_delete(self->to.s, "h", 0));
	EXPECT_EQ(0, env_used(&self->to.env, MQK_RES_BINDINGS, 0));
	EXPECT_EQ(-ENOENT, binding_add(self->to.s, "h", "q0", "1"));
	ASSERT_LT(0, exchange_declare(self->to.s, "h", MQK_EXCHANGE_HASH, 0));
	ASSERT_EQ(0, binding_add(self->to.s, "h", "q0", "1"));
	ASSERT_EQ(0, binding_add(self->to.s, "h", "q1", "100"));
	check_places(_metadata, self, (int []){ 1, 100, 0, 0 });
}

/* By the text of a header; other types, and none, are as an empty one. */
TEST_F(hash, by_header)
{
	struct headers args = {}, none = {};
	static const int weight[QUEUES] = { 1, 2, 1, 2 };
	char text[16];
	int i;

	headers_text(&args, "hash-header", "who");
	ASSERT_LT(0, exchange_declare_args(self->to.s, "by", HASH, 0, &args));
	for (i = 0; i < QUEUES; i++) {
		sprintf(text, "q%d", i);
		ASSERT_EQ(0, binding_add(self->to.s, "by", text, i % 2 ? "2" : "1"));
	}
	for (i = 0; i < 100; i++) {
		struct headers h = {};

		sprintf(text, "%d", i);
		headers_number(&h, "other", 1);
		headers_add(&h, i % 2 ? MQK_HEADER_STRING : MQK_HEADER_BYTES, "who",
			    text, strlen(text));
		ASSERT_EQ(place(text, weight), reach_both(&self->to, "by", "k", 1, &h));
	}
	EXPECT_EQ(place("", weight), reach_both(&self->to, "by", "k", 1, &none));
	headers_number(&none, "who", 1);
	EXPECT_EQ(place("", weight), reach_both(&self->to, "by", "k", 1, &none));
}

TEST_F(hash, arguments)
{
	struct headers who = {}, number = {}, twice = {};

	headers_text(&who, "hash-header", "who");
	headers_number(&number, "hash-header", 1);
	headers_text(&twice, "hash-header", "who");
	headers_text(&twice, "hash-header", "who");
	ASSERT_LT(0, exchange_declare_args(self->to.s, "by", HASH, 0, &who));
	EXPECT_LT(0, exchange_declare_args(self->to.s, "by", HASH, 0, &who));
	EXPECT_EQ(-EINVAL, exchange_declare(self->to.s, "by", HASH, 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->to.s));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "h", HASH, 0, &who));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "n", HASH, 0, &number));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "n", HASH, 0, &twice));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "n", MQK_EXCHANGE_DIRECT,
						 0, &who));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->to.s));
	memset(&who, 0, sizeof(who));
	headers_text(&who, "hash-header", "whom");
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "by", HASH, 0, &who));
}

/* To exchanges, by their names; further keys choose nothing; alternates. */
TEST_F(hash, among_exchanges)
{
	struct headers cc = {}, args = {};
	int i, seen = 0;
	char key[16];

	ASSERT_LT(0, exchange_declare(self->to.s, "q0", MQK_EXCHANGE_FANOUT, 0));
	ASSERT_LT(0, exchange_declare(self->to.s, "q1", MQK_EXCHANGE_FANOUT, 0));
	ASSERT_EQ(0, binding_add(self->to.s, "q0", "q2", ""));
	ASSERT_EQ(0, binding_add(self->to.s, "q1", "q3", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "h", "q0", "1"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "h", "q1", "2"));
	headers_text(&cc, "CC", "other key");
	self->to.flags = MQK_MSG_F_CC;
	for (i = 0; i < 50; i++) {
		int want;

		sprintf(key, "%d", i);
		want = place(key, (int []){ 1, 2, 0, 0 }) << 2;
		seen |= want;
		ASSERT_EQ(want, reach_both(&self->to, "h", key, strlen(key), &cc));
	}
	EXPECT_EQ(12, seen);
	headers_text(&args, "alternate-exchange", "q1");
	ASSERT_LT(0, exchange_declare_args(self->to.s, "a", HASH, 0, &args));
	EXPECT_EQ(8, asks(self, "a", "k"));
}

TEST_HARNESS_MAIN
