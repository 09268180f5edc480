// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priorities of messages: x-max-priority.
 *
 * mqk-test: parallel timeout=240 kernels=stock,debug,host
 */
#include <stdlib.h>
#include "rings_pair.h"
#include "harness.h"

#define REQUEUE		MQK_ACK_F_REQUEUE
#define REJECT		"x-overflow=reject-publish"

FIXTURE(priority)
{
	struct pair pair;
	__u32 number;			/* of the message sent last */
};

FIXTURE_VARIANT(priority)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(priority, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(priority, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(priority)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | MQK_PORT_F_CONFIRM));
	self->number = 0;
}

FIXTURE_TEARDOWN(priority)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* Publish the next number: the completion's type, or -errno. */
static int sends_until(FIXTURE_DATA(priority) *self, __u8 priority, __u32 expiration)
{
	__u32 number = ++self->number;
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number), .priority = priority,
		.flags = expiration ? MQK_MSG_F_EXPIRATION : 0, .expiration = expiration,
	};
	struct mqk_completion c;
	int err = port_publish(&self->pair.port, &m);

	if (!err)
		err = port_completion(&self->pair.port, &c, LONG_MS);
	return err ? err : (int)c.type;
}

static int sends(FIXTURE_DATA(priority) *self, __u8 priority)
{
	return sends_until(self, priority, 0);
}

TEST_F(priority, arguments)
{
	static const char * const bad[] = {
		"x-max-priority=-1", "x-max-priority=32", "x-max-priority=255",
		"x-max-priority=high",
	};
	__s64 q;

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	q = queue_declare_args(self->pair.s, "q", "x-max-priority=31");
	ASSERT_LT(0, q);
	EXPECT_EQ(q, queue_declare_args(self->pair.s, "q", "x-max-priority=31"));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", "x-max-priority=30"));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	EXPECT_EQ(-EINVAL, queue_declare(self->pair.s, "q", 0));
	/* it is what the queue is */
	EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "q", 0, "x-max-priority=31"));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
}

/* Strictly the highest first, those above the maximum alike, each in turn. */
TEST_F(priority, the_highest_first)
{
	static const __u8 priorities[] = { 5, 9, 4, 1, 0, 5, 0, 255, 1, 6 };
	static const __u32 order[] = { 1, 2, 6, 8, 10, 3, 4, 9, 5, 7 };
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=5");
	struct mqk_delivery d;
	unsigned int i;

	ASSERT_LT(0, q);
	for (i = 0; i < ARRAY_SIZE(priorities); i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	ASSERT_EQ(ARRAY_SIZE(priorities), pair_ready(&self->pair, q, ARRAY_SIZE(priorities)));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(order[i], pair_get(&self->pair, q, 0, &d));
		EXPECT_EQ(priorities[order[i] - 1], d.priority);
	}
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* Without the argument, or with none to tell apart, all are equal. */
TEST_F(priority, none)
{
	static const char * const args[] = { "x-max-priority=0", "x-max-length=100" };
	__u32 i, j, first;

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		__s64 q = queue_declare_args(self->pair.s, "q", args[i]);

		ASSERT_LT(0, q);
		first = self->number + 1;
		for (j = 0; j < 10; j++)
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, j));
		for (j = 0; j < 10; j++)
			ASSERT_EQ(first + j, pair_take(&self->pair, q));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

TEST_F(priority, all_of_them)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=31");
	int i, n;

	ASSERT_LT(0, q);
	for (n = 0; n < 8; n++)
		for (i = 0; i < 32; i++)
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	for (i = 31; i >= 0; i--)
		for (n = 0; n < 8; n++)
			ASSERT_EQ(n * 32 + i + 1, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* What is pushed goes by what is ready when there is credit. */
TEST_F(priority, pushed)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=9");
	static const __u8 priorities[] = { 1, 1, 7, 1, 7 };
	__u32 numbers[5];
	__u64 tags[5];
	struct consumer c;
	int i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 1, 16));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, take_numbers(&c, 1, &numbers[i], &tags[i]));
		EXPECT_EQ(-EAGAIN, take_number(&c, NULL, 0));
		ASSERT_EQ(1, consumer_settle(&c, tags[i], MQK_ACK_ACCEPT, 0));
	}
	/* the first was there before the others */
	EXPECT_EQ(1, numbers[0]);
	EXPECT_EQ(3, numbers[1]);
	EXPECT_EQ(5, numbers[2]);
	EXPECT_EQ(2, numbers[3]);
	EXPECT_EQ(4, numbers[4]);
}

/* Back to its place within its priority, in whatever order they come back. */
TEST_F(priority, returned)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=3");
	static const __u32 order[] = { 3, 4, 7, 1, 2, 5, 6, 8 };
	static const __u8 priorities[] = { 1, 1, 3, 3, 1, 1, 3, 1 };
	static const int back[] = { 4, 0, 2, 3, 1 };
	struct mqk_delivery d[5];
	int i;

	ASSERT_LT(0, q);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(order[i], pair_get(&self->pair, q, 0, &d[i]));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1, consumer_settle(&self->pair.get, d[back[i]].tag,
					     i % 2 ? MQK_ACK_REJECT : MQK_ACK_NACK,
					     REQUEUE));
	ASSERT_EQ(8, pair_ready(&self->pair, q, 8));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(order[i], pair_get(&self->pair, q, 0, &d[0]));
		EXPECT_EQ(i < 5, d[0].count);
		ASSERT_EQ(1, consumer_settle(&self->pair.get, d[0].tag, MQK_ACK_ACCEPT, 0));
	}
}

/* In order of delivery, and nothing changes by it. */
TEST_F(priority, browsed)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=4");
	struct mqk_delivery d;
	__u64 seq = 0, last = 0;
	int i, priority;

	ASSERT_LT(0, q);
	/* more than the chunks that are looked through at once hold */
	for (i = 0; i < 600; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 5));
	/* one that is out, one that has returned */
	ASSERT_EQ(5, pair_get(&self->pair, q, 0, &d));
	ASSERT_EQ(10, pair_get(&self->pair, q, 0, &d));
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK, REQUEUE));
	for (priority = 4; priority >= 0; priority--)
		for (i = priority == 4; i < 120; i++) {
			ASSERT_EQ(i * 5 + priority + 1, pair_browse(&self->pair, q, &seq, &d));
			EXPECT_EQ(priority, d.priority);
			EXPECT_EQ(seq, d.seq);
			EXPECT_LT(last, d.seq);
			last = d.seq;
			seq++;
		}
	EXPECT_EQ(-EAGAIN, pair_browse(&self->pair, q, &seq, &d));
	seq = ~0ull;
	EXPECT_EQ(-EAGAIN, pair_browse(&self->pair, q, &seq, &d));
	seq = 200ull << 56;
	EXPECT_EQ(-EAGAIN, pair_browse(&self->pair, q, &seq, &d));
	EXPECT_EQ(599, pair_ready(&self->pair, q, 599));
	seq = 0;
	last = pair_browse(&self->pair, q, &seq, &d);
	ASSERT_EQ(10, last);
	EXPECT_EQ(1, d.count);
	/* who gets it is told the same */
	ASSERT_EQ(10, pair_get(&self->pair, q, 0, &d));
	EXPECT_EQ(seq, d.seq);
}

/* Each where it stands: at the head, in the midst, at the end, and of what returned. */
TEST_F(priority, expired)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=2");
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 12; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  sends_until(self, i % 3, i == 2 || i == 6 || i == 12 || i == 7 ?
				      1500 : 0));
	ASSERT_EQ(2, pair_get(&self->pair, q, 0, &d));
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK, REQUEUE));
	ASSERT_EQ(8, pair_ready(&self->pair, q, 8));
	for (i = 5; i <= 11; i += 3)
		EXPECT_EQ(i, pair_take(&self->pair, q));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(4, pair_take(&self->pair, q));
	EXPECT_EQ(10, pair_take(&self->pair, q));
	EXPECT_EQ(3, pair_take(&self->pair, q));
	EXPECT_EQ(9, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* What would be delivered next goes, so the highest. */
TEST_F(priority, head_is_dropped)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=2 x-max-length=2");
	static const __u8 priorities[] = { 1, 2, 0, 1 };
	int i;

	ASSERT_LT(0, q);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	ASSERT_EQ(2, pair_ready(&self->pair, q, 2));
	EXPECT_EQ(4, pair_take(&self->pair, q));
	EXPECT_EQ(3, pair_take(&self->pair, q));
}

TEST_F(priority, refused)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     "x-max-priority=2 x-max-length=2 " REJECT);

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(self, 2));
	EXPECT_EQ(2, pair_take(&self->pair, q));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	EXPECT_EQ(4, pair_take(&self->pair, q));
	EXPECT_EQ(1, pair_take(&self->pair, q));
}

/* What is out returns to a queue that was purged. */
TEST_F(priority, purged)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=2");
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 300; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 3));
	ASSERT_EQ(3, pair_get(&self->pair, q, 0, &d));
	EXPECT_EQ(299, queue_purge(self->pair.s, "q"));
	EXPECT_EQ(0, pair_ready(&self->pair, q, 0));
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK, REQUEUE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	EXPECT_EQ(3, pair_take(&self->pair, q));
	EXPECT_EQ(301, pair_take(&self->pair, q));
	ASSERT_EQ(0, queue_purge(self->pair.s, "q"));
}

/* Several queues, one of them ordered: its chunks come with more than others'. */
TEST_F(priority, beside_others)
{
	__s64 x = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0), q[3];
	struct mqk_delivery d;
	__u32 i, j;

	ASSERT_LT(0, x);
	q[0] = queue_declare(self->pair.s, "q0", 0);
	q[1] = queue_declare_args(self->pair.s, "q1", "x-max-priority=1");
	q[2] = queue_declare_args(self->pair.s, "q2", "x-message-ttl=4294967295");
	self->pair.exchange = x;
	for (i = 0; i < 3; i++) {
		char name[] = { 'q', '0' + i, 0 };

		ASSERT_LT(0, q[i]);
		ASSERT_EQ(0, binding_add(self->pair.s, "f", name, "q"));
	}
	for (i = 0; i < 400; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 2));
	for (i = 0; i < 400; i++)
		for (j = 0; j < 3; j++)
			ASSERT_EQ(j != 1 ? i + 1 : i < 200 ? 2 * i + 2 : 2 * i - 399,
				  pair_take(&self->pair, q[j]));
	for (j = 0; j < 3; j++)
		EXPECT_EQ(-EAGAIN, pair_get(&self->pair, q[j], 0, &d));
}

#define NUMBERS	3000

/* Everything at random, against an array. */
TEST_F_TIMEOUT(priority, at_random, 120)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=7");
	static __u8 priority[NUMBERS + 1];	/* of what is ready; 255: is not */
	static struct mqk_delivery out[512];
	__u32 i, nr_out = 0, nr_ready = 0;
	__u64 state = 7;

	ASSERT_LT(0, q);
	memset(priority, 255, sizeof(priority));
	for (i = 0; i < 3 * NUMBERS; i++) {
		__u32 what = random_next(&state) % 8, best, j;
		struct mqk_delivery d;

		if (what < 4 && self->number < NUMBERS) {
			__u8 p = random_next(&state) % 12;

			ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, p));
			priority[self->number] = p < 7 ? p : 7;
			nr_ready++;
		} else if (what < 6 && nr_out < 512) {
			for (best = 0, j = 1; j <= self->number; j++)
				if (priority[j] != 255 &&
				    (!best || priority[j] > priority[best]))
					best = j;
			ASSERT_EQ(best ? (__s64)best : -EAGAIN,
				  pair_get(&self->pair, q, 0, &d));
			if (best) {
				priority[best] = 255;
				out[nr_out++] = d;
				nr_ready--;
			}
		} else if (nr_out) {
			j = random_next(&state) % nr_out;
			d = out[j];
			out[j] = out[--nr_out];
			ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag,
						     what % 2 ? MQK_ACK_ACCEPT : MQK_ACK_NACK,
						     what % 2 ? 0 : REQUEUE));
			if (what % 2)
				continue;
			priority[delivery_number(self->pair.r,
						 &d)] = d.priority < 7 ? d.priority : 7;
			nr_ready++;
		}
		ASSERT_EQ(nr_ready, pair_ready(&self->pair, q, nr_ready));
	}
}

/* A consumer that is gone gives back; what it had is first again. */
TEST_F(priority, closed)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-priority=1");
	struct consumer c;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 200; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i & 1));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 150, 256));
	ASSERT_EQ(150, take_numbers(&c, 150, NULL, NULL));
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_EQ(200, pair_ready(&self->pair, q, 200));
	for (i = 2; i <= 200; i += 2)
		ASSERT_EQ(i, pair_take(&self->pair, q));
	for (i = 1; i <= 200; i += 2)
		ASSERT_EQ(i, pair_take(&self->pair, q));
}

TEST_HARNESS_MAIN
