// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues with levels: x-mqk-levels, x-mqk-demote-after.
 *
 * mqk-test: parallel timeout=240 kernels=stock,debug,host
 */
#include <stdlib.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define REQUEUE		MQK_ACK_F_REQUEUE

FIXTURE(levels)
{
	struct pair pair;
};

FIXTURE_VARIANT(levels)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(levels, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(levels, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(levels)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | MQK_PORT_F_CONFIRM));
}

FIXTURE_TEARDOWN(levels)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static __s64 fails(FIXTURE_DATA(levels) *self, __u32 queue)
{
	return pair_do(&self->pair, queue, MQK_ACK_REJECT, REQUEUE);
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

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	EXPECT_STREQ("", pair_args_taken(&self->pair, good, ARRAY_SIZE(good)));
	ASSERT_LT(0, queue_declare_args(self->pair.s, "q", good[0]));
	EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "q", 0, "x-mqk-levels=3"));
}

/* Three failures unless it is said; what is no failure does not count. */
TEST_F(levels, demoted)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2");
	struct mqk_queue_next info;
	int i;

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1, pair_do(&self->pair, q, MQK_ACK_NACK, REQUEUE));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, fails(self, q));
	/* the younger one is on the higher level now */
	ASSERT_EQ(2, pair_do(&self->pair, q, MQK_ACK_NACK, REQUEUE));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(2, fails(self, q));
	/* on one level, the older one goes first again */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, fails(self, q));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.ready);
	EXPECT_EQ(1, info.dropped);
	EXPECT_EQ(2, pair_take(&self->pair, q));
}

/* Each level in its turn, and from the last one it goes. */
TEST_F(levels, to_the_last)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=32 x-mqk-demote-after=1");
	struct mqk_queue_next info;
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	for (i = 0; i < 32; i++) {
		ASSERT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, q, 0, 0, &d, NULL));
		EXPECT_EQ((__u64)i << 56, d.seq);
		EXPECT_EQ(i, d.count);
		ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_REJECT, REQUEUE));
	}
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
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
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=3 x-mqk-demote-after=1");
	__u32 i;

	ASSERT_LT(0, q);
	/* 1 and 2 to the last level, 3 and 4 to the one before */
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(i, fails(self, q));
	ASSERT_EQ(1, fails(self, q));
	ASSERT_EQ(2, fails(self, q));
	for (i = 100; i < 130; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	for (i = 0; i < ARRAY_SIZE(order); i++)
		ASSERT_EQ(order[i], pair_take(&self->pair, q));
}

TEST_F(levels, browsed)
{
	struct mqk_delivery d[2];
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=3 x-mqk-demote-after=1");
	static const __u32 order[] = { 4, 5, 2, 3, 1 };
	__u64 seq = 0;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(i, fails(self, q));
	/* 4 and 5 are out meanwhile */
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, "x-max-length=9"));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(4 + i, pair_get(&self->pair, q, 0, &d[i]));
	ASSERT_EQ(1, fails(self, q));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pair_settle(&self->pair, &d[i], MQK_ACK_NACK, REQUEUE));
	for (i = 0; i < 5; i++, seq++)
		EXPECT_EQ(order[i], pair_browse(&self->pair, q, &seq, &d[0]));
	EXPECT_EQ(-EAGAIN, pair_browse(&self->pair, q, &seq, &d[0]));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(order[i], pair_take(&self->pair, q));
}

/* A consumer that dies has failed with all it had. */
TEST_F(levels, death_demotes)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2 x-mqk-demote-after=1");
	struct mqk_queue_next info = {};
	struct mqk_delivery d;
	__u64 begin = now_ms();
	struct consumer c;
	__u32 i;
	int s;

	ASSERT_LT(0, q);
	for (i = 1; i <= 300; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	s = env_session(&self->pair.env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, consumer_make(&c, s, "q", 0, 200, 256));
	for (i = 1; i <= 200; i++)
		ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	consumer_unmap(&c);
	close(s);
	while (!queue_info(self->pair.s, q, &info) && info.ready != 300 &&
	       now_ms() < begin + LONG_MS)
		sleep_ms(1);
	ASSERT_EQ(300, info.ready);
	/* the level below has its turn after each eight */
	for (i = 0; i < 9; i++)
		ASSERT_EQ(i < 8 ? 201 + i : 1, pair_take(&self->pair, q));
	EXPECT_EQ(291, queue_purge(self->pair.s, "q"));
}

/* ---- consumers of one level ---- */

/* Publish a number: 0, -EIO when it is refused, or -errno. */
static int sends(FIXTURE_DATA(levels) *self, __u32 number)
{
	int type = pair_number(&self->pair, "q", number);

	return type < 0 ? type : type == MQK_COMPLETION_CONFIRM ? 0 : -EIO;
}

/* A consumer of session r; @level < 0: of any. */
static int make(FIXTURE_DATA(levels) *self, struct consumer *c, int level, __u32 flags,
		__u32 prefetch)
{
	struct headers h = {};

	if (level >= 0)
		headers_number(&h, "x-mqk-level", level);
	return consumer_make_args(c, self->pair.r, "q", flags, prefetch, 16, &h);
}

/* Get the next message that comes, and say @op of it: its number, or -errno. */
static __s64 settles(struct consumer *c, __u32 op)
{
	struct mqk_delivery d;
	__s64 number = take_number(c, &d, LONG_MS);
	__u32 copy = 0;
	int ret;

	if (number < 0)
		return number;
	/* as a copy, it is the same */
	if (delivery_read(c, &d, &copy, sizeof(copy)) != sizeof(copy) || copy != number)
		return -EBADMSG;
	ret = consumer_settle(c, d.tag, op, op == MQK_ACK_ACCEPT ? 0 : REQUEUE);
	return ret == 1 ? number : -EIO;
}

TEST_F(levels, arguments_of_consumers)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=3");
	struct headers h = {};
	struct consumer c;

	ASSERT_LT(0, q);
	headers_number(&h, "x-mqk-level", -1);
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.r));
	memset(&h, 0, sizeof(h));
	headers_text(&h, "x-mqk-level", "1");
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	memset(&h, 0, sizeof(h));
	headers_add(&h, MQK_HEADER_BOOL, "x-mqk-level", "\1", 1);
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	memset(&h, 0, sizeof(h));
	headers_number(&h, "x-mqk-level", 1);
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, NULL, MQK_CONSUMER_F_PULL, 0, 16, &h));
	EXPECT_EQ(-EINVAL, make(self, &c, 32, 0, 1));
	/* levels that the queue does not have */
	EXPECT_EQ(-EINVAL, make(self, &c, 3, 0, 1));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.r));
	EXPECT_EQ(0, make(self, &c, 2, 0, 1));
	EXPECT_EQ(0, consumer_close(&c));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	EXPECT_EQ(-EINVAL, make(self, &c, 0, 0, 1));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.r));
	EXPECT_EQ(0, make(self, &c, -1, 0, 1));
}

/* Each message goes down the levels, from one consumer to the next. */
TEST_F(levels, to_its_consumers)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=3 x-mqk-demote-after=1");
	static const __u32 flags[] = { 0, MQK_CONSUMER_F_COPY, 0 };
	struct mqk_queue_next info;
	struct consumer c[3];
	__u32 i, a, b;

	ASSERT_LT(0, q);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, make(self, &c[i], i, flags[i], 4));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, sends(self, 2));
	for (i = 0; i < 3; i++) {
		a = i % 2 ? 2 : 1;
		b = 3 - a;
		/* what does not fail stays; what fails first goes first */
		ASSERT_EQ(a, settles(&c[i], MQK_ACK_NACK)) {
			TH_LOG("level %u", i);
		}
		ASSERT_EQ(b, settles(&c[i], MQK_ACK_REJECT));
		ASSERT_EQ(a, settles(&c[i], MQK_ACK_REJECT));
		EXPECT_EQ(0, consumer_count(&c[i]));
	}
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked);
	EXPECT_EQ(2, info.dropped);
}

/* What nobody may have, or nobody who has credit, holds up nothing else. */
TEST_F(levels, nothing_is_held_up)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=3 x-mqk-demote-after=1");
	struct consumer high, low;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &low, 1, 0, 2));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, sends(self, 2));
	ASSERT_EQ(1, fails(self, q));
	ASSERT_EQ(1, take_number(&low, NULL, LONG_MS));
	EXPECT_EQ(0, consumer_count(&low));
	ASSERT_EQ(0, make(self, &high, 0, 0, 1));
	ASSERT_EQ(2, take_number(&high, NULL, LONG_MS));
	ASSERT_EQ(0, sends(self, 3));
	ASSERT_EQ(0, sends(self, 4));
	ASSERT_EQ(3, fails(self, q));
	ASSERT_EQ(3, take_number(&low, NULL, LONG_MS));
	/* who gets may have any */
	EXPECT_EQ(4, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* Who may have any, and who may have that level, are in turn together. */
TEST_F(levels, in_turn)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2 x-mqk-demote-after=1");
	struct consumer any, high[2], low;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &low, 1, 0, 16));
	ASSERT_EQ(0, make(self, &high[0], 0, 0, 16));
	ASSERT_EQ(0, make(self, &any, -1, 0, 16));
	ASSERT_EQ(0, make(self, &high[1], 0, 0, 16));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, sends(self, i));
	for (i = 0; i < 6; i += 3) {
		EXPECT_EQ(i, settles(&high[0], MQK_ACK_REJECT));
		EXPECT_EQ(i + 1, take_number(&any, NULL, LONG_MS));
		EXPECT_EQ(i + 2, take_number(&high[1], NULL, LONG_MS));
	}
	/* the low one had no turn yet; then it is after the other one */
	EXPECT_EQ(0, take_number(&low, NULL, LONG_MS));
	EXPECT_EQ(3, take_number(&any, NULL, LONG_MS));
	EXPECT_EQ(0, consumer_count(&high[0]) + consumer_count(&high[1]) +
		     consumer_count(&any) + consumer_count(&low));
}

/* Priorities of consumers go before turns, across levels. */
TEST_F(levels, preferred_consumers)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2 x-mqk-demote-after=1");
	struct headers h = {};
	struct consumer any, high;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &any, -1, 0, 16));
	headers_number(&h, "x-mqk-level", 0);
	headers_number(&h, "x-priority", 1);
	ASSERT_EQ(0, consumer_make_args(&high, self->pair.r, "q", 0, 2, 16, &h));
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(0, sends(self, i));
	EXPECT_EQ(3, take_number(&any, NULL, LONG_MS));
	EXPECT_EQ(1, settles(&high, MQK_ACK_REJECT));
	EXPECT_EQ(2, take_number(&high, NULL, LONG_MS));
	/* the preferred one may not have that */
	EXPECT_EQ(1, take_number(&any, NULL, LONG_MS));
	ASSERT_EQ(0, sends(self, 4));
	EXPECT_EQ(4, take_number(&high, NULL, LONG_MS));
}

/* What comes begins on level 0: only who may have that makes room for it. */
TEST_F(levels, room)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2 x-max-length=0 "
				     "x-overflow=reject-publish");
	struct consumer high, low;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &low, 1, 0, 4));
	EXPECT_EQ(-EIO, sends(self, 1));
	ASSERT_EQ(0, make(self, &high, 0, 0, 1));
	EXPECT_EQ(0, sends(self, 2));
	EXPECT_EQ(-EIO, sends(self, 3));
	EXPECT_EQ(2, settles(&high, MQK_ACK_ACCEPT));
	EXPECT_EQ(0, sends(self, 4));
	EXPECT_EQ(4, settles(&high, MQK_ACK_ACCEPT));
}

/* The active one alone is given messages, and of its level. */
TEST_F(levels, single_active)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2 x-mqk-demote-after=1 "
				     "x-single-active-consumer=true");
	struct consumer high, low;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &high, 0, 0, 4));
	ASSERT_EQ(0, make(self, &low, 1, 0, 4));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, sends(self, 2));
	ASSERT_EQ(1, settles(&high, MQK_ACK_REJECT));
	ASSERT_EQ(2, settles(&high, MQK_ACK_ACCEPT));
	EXPECT_EQ(0, consumer_count(&low));
	ASSERT_EQ(0, consumer_close(&high));
	ASSERT_EQ(0, sends(self, 3));
	ASSERT_EQ(1, settles(&low, MQK_ACK_ACCEPT));
	EXPECT_EQ(0, consumer_count(&low));
}

/* Whoever is able or idle hears that the queue is gone. */
TEST_F(levels, deleted)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-levels=2");
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c[4];
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, make(self, &c[i], i % 2, 0, i < 2 ? 1 : 2));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, sends(self, i));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(4, info.consumers);
	EXPECT_EQ(3, info.unacked);
	ASSERT_EQ(0, consumer_cancel(&c[3]));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(3, info.consumers);
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	for (i = 0; i < 4; i++) {
		while (!consumer_poll(&c[i], &d))
			;
		EXPECT_EQ(-ENOENT, consumer_next(&c[i], &d, LONG_MS));
	}
}

TEST_HARNESS_MAIN
