// SPDX-License-Identifier: GPL-2.0-only
/*
 * Positions that cannot be: heads and tails that go back or run ahead.  They
 * break their own ring for good, with -EPROTO, and return what it held.
 *
 * mqk-test: parallel timeout=60
 */
#include <unistd.h>
#include "innocent.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define ACCEPT	MQK_ACK_ACCEPT

FIXTURE(words)
{
	struct env env;
	struct innocent innocent;
	int s, other;
	struct port port;
	struct consumer c, second;
	__u32 exchange, queue;
	__u64 tags[4];
};

FIXTURE_SETUP(words)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	ASSERT_EQ(0, innocent_start(&self->innocent, &self->env));
	self->s = env_session(&self->env, O_RDWR);
	self->other = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->other);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, MQK_PORT_F_INPLACE |
						     MQK_PORT_F_CONFIRM, 16));
	/* 1 to 4 delivered and read, 5 and 6 wait; and one beside it. */
	ASSERT_EQ(0, consumer_make(&self->c, self->s, "q", 0, 4, 16));
	ASSERT_EQ(0, port_numbers(&self->port, self->exchange, "q", 1, 6));
	ASSERT_EQ(4, take_numbers(&self->c, 4, NULL, self->tags));
	ASSERT_LT(0, queue_declare(self->s, "own", 0));
	ASSERT_EQ(0, consumer_make(&self->second, self->s, "own", 0, 0, 16));
}

FIXTURE_TEARDOWN(words)
{
	EXPECT_LT(0, innocent_stop(&self->innocent));
	EXPECT_EQ(0, env_end(&self->env));
}

/* The consumer is broken for good, what it held is with another, in order,
 * and the session goes on.
 */
static int consumer_broken(FIXTURE_DATA(words) *self, int from)
{
	__u64 end = now_ms() + LONG_MS;
	struct mqk_queue_next info;
	struct consumer other;
	int i;

	if (self->c.k->error != -EPROTO)
		return 1;
	if (consumer_kick(&self->c) != -EPROTO)
		return 2;
	if (rule(self->s) != MQK_RULE_BROKEN)
		return 3;
	/* What it held comes back a little later. */
	do {
		if (queue_info(self->other, self->queue, &info))
			return 8;
	} while (info.unacked && now_ms() < end);
	if (consumer_make(&other, self->other, "q", 0, 16, 16))
		return 4;
	for (i = from; i <= 6; i++)
		if (take_number(&other, NULL, LONG_MS) != i)
			return 10 + i;
	if (self->port.k->error || self->second.k->error)
		return 5;
	if (port_number(&self->port, self->exchange, "own", 1))
		return 6;
	return take_number(&self->second, NULL, LONG_MS) == 1 ? 0 : 7;
}

static void set64(__u64 *word, __u64 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

TEST_F(words, ack_tail_far_ahead)
{
	set64(&self->c.u->ack_tail, self->c.c.ack_entries + 1);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, consumer_broken(self, 1));
}

TEST_F(words, ack_tail_largest)
{
	set64(&self->c.u->ack_tail, ~0ull);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, consumer_broken(self, 1));
}

TEST_F(words, ack_tail_goes_back)
{
	ASSERT_EQ(1, consumer_settle(&self->c, self->tags[0], ACCEPT, 0));
	set64(&self->c.u->ack_tail, 0);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, consumer_broken(self, 2));
}

/* A tail that is in range, over entries never written: zeros are no operation. */
TEST_F(words, ack_tail_over_nothing)
{
	set64(&self->c.u->ack_tail, 3);
	EXPECT_EQ(-EINVAL, consumer_kick(&self->c));
	EXPECT_EQ(-EINVAL, self->c.k->error);
}

TEST_F(words, head_ahead_of_what_was_delivered)
{
	set64(&self->c.u->head, 5);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, consumer_broken(self, 1));
}

TEST_F(words, head_largest)
{
	set64(&self->c.u->head, ~0ull);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, consumer_broken(self, 1));
}

TEST_F(words, head_goes_back)
{
	ASSERT_EQ(4, self->c.u->head);
	/* So that the kernel has seen it. */
	ASSERT_EQ(1, consumer_settle(&self->c, self->tags[0], ACCEPT, 0));
	set64(&self->c.u->head, 1);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, consumer_broken(self, 2));
}

/* The kernel looks when someone else publishes as well: it is the owner of the
 * word who pays, not the publisher.
 */
TEST_F(words, a_publisher_does_not_pay)
{
	struct port theirs;
	int i;

	ASSERT_EQ(0, port_make(&theirs, self->other, 0, 16));
	set64(&self->c.u->ack_tail, 1ull << 40);
	set64(&self->c.u->head, 1ull << 40);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, port_number(&theirs, self->exchange, "q", i));
	}
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(0, theirs.k->error);
	EXPECT_TRUE(queue_adds_up(self->other, self->queue));
}

/* The wait does not sleep on a broken ring. */
TEST_F(words, wait_tells)
{
	set64(&self->c.u->ack_tail, 1ull << 40);
	EXPECT_EQ(-EPROTO, consumer_wait(&self->c, -1));
	EXPECT_EQ(-EPROTO, consumer_wait(&self->c, 0));
}

TEST_F(words, wait_with_a_head_ahead_tells)
{
	set64(&self->c.u->head, 1ull << 40);
	EXPECT_EQ(-EPROTO, consumer_wait(&self->c, 0));
}

/* What a broken consumer was given stays readable, to no end. */
TEST_F(words, a_broken_consumer_can_only_be_closed)
{
	set64(&self->c.u->ack_tail, ~0ull);
	ASSERT_EQ(-EPROTO, consumer_kick(&self->c));
	/* Mending the word mends nothing. */
	set64(&self->c.u->ack_tail, 0);
	EXPECT_EQ(-EPROTO, consumer_kick(&self->c));
	EXPECT_EQ(-EPROTO, consumer_prefetch(&self->c, 8));
	EXPECT_EQ(0, consumer_count(&self->c));
	EXPECT_EQ(0, consumer_close(&self->c));
}

TEST_F(words, a_broken_consumer_is_counted)
{
	struct mqk_stat before, after;

	ASSERT_EQ(0, stat_get(self->s, &before));
	set64(&self->c.u->ack_tail, ~0ull);
	ASSERT_EQ(-EPROTO, consumer_kick(&self->c));
	ASSERT_EQ(0, stat_get(self->s, &after));
	EXPECT_EQ(before.broken + 1, after.broken);
}

/* --- ports ---------------------------------------------------------------- */

/* Broken for good: nothing more is taken, the rest of the session goes on. */
static int port_broken(FIXTURE_DATA(words) *self)
{
	struct port fresh;

	if (self->port.k->error != -EPROTO)
		return 1;
	if (port_doorbell(&self->port) != -EPROTO)
		return 2;
	if (rule(self->s) != MQK_RULE_BROKEN)
		return 3;
	if (self->c.k->error || self->second.k->error)
		return 4;
	if (port_close(&self->port))
		return 5;
	if (port_make(&fresh, self->s, 0, 16))
		return 6;
	if (port_number(&fresh, self->exchange, "own", 1))
		return 7;
	return take_number(&self->second, NULL, 0) == 1 ? 0 : 8;
}

static int ring_once(FIXTURE_DATA(words) *self)
{
	struct msg m = {
		.exchange = self->exchange, .key = "none", .key_len = 4,
		.payload = "", .payload_len = 0,
	};
	int ret = port_place(&self->port, &m);

	return ret ?: port_doorbell(&self->port);
}

/* The kernel looks at the head when the ring seems full: 16 entries on. */
static int ring_until_it_looks(FIXTURE_DATA(words) *self)
{
	int i, ret = 1;

	for (i = 0; i < 40 && ret == 1; i++)
		ret = ring_once(self);
	return ret;
}

TEST_F(words, completion_head_ahead)
{
	set64(&self->port.u->head, 100);
	EXPECT_EQ(-EPROTO, ring_until_it_looks(self));
	EXPECT_EQ(0, port_broken(self));
}

TEST_F(words, completion_head_largest)
{
	set64(&self->port.u->head, ~0ull);
	EXPECT_EQ(-EPROTO, ring_until_it_looks(self));
	EXPECT_EQ(0, port_broken(self));
}

TEST_F(words, completion_head_goes_back)
{
	struct mqk_completion c;
	int i;

	for (i = 0; i < 40; i++) {
		ASSERT_EQ(1, ring_once(self));
		while (!port_completion(&self->port, &c, 0))
			;
	}
	set64(&self->port.u->head, 1);
	EXPECT_EQ(-EPROTO, ring_until_it_looks(self));
	EXPECT_EQ(0, port_broken(self));
}

/* Whatever it says, it does not sleep. */
TEST_F(words, port_wait_with_a_head_ahead_returns)
{
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_PORT,
		.id = self->port.c.id, .timeout = -1,
	};
	int ret;

	set64(&self->port.u->head, 1ull << 50);
	ret = mq(self->s, MQK_IOC_WAIT, &w);
	EXPECT_TRUE(ret == 0 || ret == -EPROTO);
	EXPECT_EQ(-EPROTO, ring_until_it_looks(self));
	EXPECT_EQ(0, port_broken(self));
}

/* What was committed before the ring broke is not taken back. */
TEST_F(words, what_was_taken_stays)
{
	struct mqk_queue_next info;

	set64(&self->port.u->head, ~0ull);
	EXPECT_EQ(-EPROTO, ring_until_it_looks(self));
	ASSERT_EQ(0, queue_info(self->other, self->queue, &info));
	EXPECT_EQ(6, info.published);
	EXPECT_EQ(6, info.ready + info.unacked);
}

TEST_HARNESS_MAIN
