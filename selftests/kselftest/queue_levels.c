// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues with levels: x-mqk-levels, x-mqk-demote-after.
 *
 * mqk-test: parallel timeout=240
 */
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define PULL		MQK_CONSUMER_F_PULL
#define REQUEUE		MQK_ACK_F_REQUEUE

FIXTURE(levels)
{
	struct env env;
	int s, r;
	struct port port;		/* with confirms, of s */
	struct consumer get;		/* PULL, of r */
	__u32 exchange;			/* the default one */
};

FIXTURE_VARIANT(levels)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(levels, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(levels, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(levels)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	ASSERT_EQ(0, port_make(&self->port, self->s,
			       variant->flags | MQK_PORT_F_CONFIRM, 64));
	ASSERT_EQ(0, consumer_make(&self->get, self->r, NULL, PULL, 0, 1024));
}

FIXTURE_TEARDOWN(levels)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Publish a number: 0, or -errno. */
static int sends(FIXTURE_DATA(levels) *self, __u32 number)
{
	struct mqk_completion c;
	int err = port_number(&self->port, self->exchange, "q", number);

	if (!err)
		err = port_completion(&self->port, &c, LONG_MS);
	return err ? err : c.type == MQK_COMPLETION_CONFIRM ? 0 : -EIO;
}

/* Get a message, and say @op of it: its number, or -errno. */
static __s64 does(FIXTURE_DATA(levels) *self, __u32 queue, __u32 op)
{
	struct mqk_delivery d;
	int ret = queue_get(self->r, self->get.c.id, queue, 0, 0, &d, NULL);
	__u32 number;

	if (ret)
		return ret;
	number = delivery_number(self->r, &d);
	ret = consumer_settle(&self->get, d.tag, op, op == MQK_ACK_ACCEPT ? 0 : REQUEUE);
	return ret == 1 ? (__s64)number : -EIO;
}

static __s64 takes(FIXTURE_DATA(levels) *self, __u32 queue)
{
	return does(self, queue, MQK_ACK_ACCEPT);
}

static __s64 fails(FIXTURE_DATA(levels) *self, __u32 queue)
{
	return does(self, queue, MQK_ACK_REJECT);
}

/* The number of the next message that waits, from *seq on, which goes behind it. */
static __s64 browses(FIXTURE_DATA(levels) *self, __u32 queue, __u64 *seq)
{
	struct mqk_delivery d;
	__u8 record[256];
	struct mqk_browse b = {
		.size = sizeof(b), .queue = queue, .seq = *seq,
		.delivery = (uintptr_t)&d, .data = (uintptr_t)record, .len = sizeof(record),
	};
	int err = mq(self->r, MQK_IOC_BROWSE, &b);
	__u32 number;

	if (err)
		return err;
	*seq = b.seq + 1;
	memcpy(&number, record + MQK_RECORD_PAYLOAD(d.key_len, d.headers_len) -
	       MQK_RECORD_KEY, sizeof(number));
	return number;
}

TEST_F(levels, arguments)
{
	static const char * const bad[] = {
		"x-mqk-levels=1", "x-mqk-levels=33", "x-mqk-levels=0", "x-mqk-levels=-2",
		"x-mqk-levels=two", "x-mqk-demote-after=0", "x-mqk-demote-after=65536",
		"x-mqk-levels=2 x-max-priority=1", "x-max-priority=1 x-mqk-levels=2",
		"x-mqk-levels=2 x-delivery-limit=0",
	};
	static const char * const good[] = {
		"x-mqk-levels=2", "x-mqk-levels=32", "x-mqk-levels=2 x-mqk-demote-after=65535",
		"x-mqk-demote-after=1", "x-mqk-levels=2 x-max-priority=0",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, queue_declare_args(self->s, "q", bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_LT(0, queue_declare_args(self->s, "q", good[i])) {
			TH_LOG("%s", good[i]);
		}
		EXPECT_LT(0, queue_declare_args(self->s, "q", good[i]));
		EXPECT_EQ(-EINVAL, queue_declare(self->s, "q", 0));
		EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
		EXPECT_EQ(-EINVAL, queue_set(self->s, "q", 0, "x-mqk-levels=3"));
		ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	}
}

/* Three failures unless it is said; what is no failure does not count. */
TEST_F(levels, demoted)
{
	__s64 q = queue_declare_args(self->s, "q", "x-mqk-levels=2");
	struct mqk_queue_next info;
	int i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, sends(self, 2));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1, does(self, q, MQK_ACK_NACK));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, fails(self, q));
	/* the younger one is on the higher level now */
	ASSERT_EQ(2, does(self, q, MQK_ACK_NACK));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(2, fails(self, q));
	/* on one level, the older one goes first again */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, fails(self, q));
	ASSERT_EQ(0, queue_info(self->s, q, &info));
	EXPECT_EQ(1, info.ready);
	EXPECT_EQ(1, info.dropped);
	EXPECT_EQ(2, takes(self, q));
}

/* Each level in its turn, and from the last one it goes. */
TEST_F(levels, to_the_last)
{
	__s64 q = queue_declare_args(self->s, "q", "x-mqk-levels=32 x-mqk-demote-after=1");
	struct mqk_queue_next info;
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1));
	for (i = 0; i < 32; i++) {
		ASSERT_EQ(0, queue_get(self->r, self->get.c.id, q, 0, 0, &d, NULL));
		EXPECT_EQ((__u64)i << 56, d.seq);
		EXPECT_EQ(i, d.count);
		ASSERT_EQ(1, consumer_settle(&self->get, d.tag, MQK_ACK_REJECT, REQUEUE));
	}
	ASSERT_EQ(0, queue_info(self->s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked + info.bytes);
	EXPECT_EQ(1, info.dropped);
}

/* A level that others went before eight times has its turn, once. */
TEST_F(levels, nobody_starves)
{
	/* the last level was passed over once by 2, the one before not at all */
	static const __u32 order[] = {
		100, 101, 102, 103, 104, 105, 106, 1, 107, 3, 108, 109, 110, 111, 112,
		113, 2, 114, 115, 4, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
		126, 127, 128, 129,
	};
	__s64 q = queue_declare_args(self->s, "q", "x-mqk-levels=3 x-mqk-demote-after=1");
	__u32 i;

	ASSERT_LT(0, q);
	/* 1 and 2 to the last level, 3 and 4 to the one before */
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(0, sends(self, i));
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(i, fails(self, q));
	ASSERT_EQ(1, fails(self, q));
	ASSERT_EQ(2, fails(self, q));
	for (i = 100; i < 130; i++)
		ASSERT_EQ(0, sends(self, i));
	for (i = 0; i < ARRAY_SIZE(order); i++)
		ASSERT_EQ(order[i], takes(self, q));
}

TEST_F(levels, browsed)
{
	__s64 q = queue_declare_args(self->s, "q", "x-mqk-levels=3 x-mqk-demote-after=1");
	static const __u32 order[] = { 4, 5, 2, 3, 1 };
	__u64 seq = 0;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(0, sends(self, i));
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(i, fails(self, q));
	/* 4 and 5 are out meanwhile */
	ASSERT_EQ(0, queue_set(self->s, "q", 0, "x-max-length=9"));
	{
		struct mqk_delivery d[2];

		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, queue_get(self->r, self->get.c.id, q, 0, 0, &d[i], NULL));
		ASSERT_EQ(1, fails(self, q));
		for (i = 0; i < 2; i++)
			ASSERT_EQ(1, consumer_settle(&self->get, d[i].tag, MQK_ACK_NACK, REQUEUE));
	}
	for (i = 0; i < 5; i++)
		EXPECT_EQ(order[i], browses(self, q, &seq));
	EXPECT_EQ(-EAGAIN, browses(self, q, &seq));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(order[i], takes(self, q));
}

/* A consumer that dies has failed with all it had. */
TEST_F(levels, death_demotes)
{
	__s64 q = queue_declare_args(self->s, "q", "x-mqk-levels=2 x-mqk-demote-after=1");
	struct mqk_queue_next info = {};
	struct mqk_delivery d;
	__u64 begin = now_ms();
	struct consumer c;
	__u32 i;
	int s;

	ASSERT_LT(0, q);
	for (i = 1; i <= 300; i++)
		ASSERT_EQ(0, sends(self, i));
	s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, consumer_make(&c, s, "q", 0, 200, 256));
	for (i = 1; i <= 200; i++)
		ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	consumer_unmap(&c);
	close(s);
	while (!queue_info(self->s, q, &info) && info.ready != 300 &&
	       now_ms() < begin + LONG_MS)
		sleep_ms(1);
	ASSERT_EQ(300, info.ready);
	/* the level below has its turn after each eight */
	for (i = 0; i < 9; i++)
		ASSERT_EQ(i < 8 ? 201 + i : 1, takes(self, q));
	EXPECT_EQ(291, queue_purge(self->s, "q"));
}

TEST_HARNESS_MAIN
