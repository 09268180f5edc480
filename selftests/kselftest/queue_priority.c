// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priorities of messages: x-max-priority.
 *
 * mqk-test: parallel timeout=240
 */
#include <stdlib.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define PULL		MQK_CONSUMER_F_PULL
#define REQUEUE		MQK_ACK_F_REQUEUE
#define MULTIPLE	MQK_ACK_F_MULTIPLE
#define REJECT		"x-overflow=reject-publish"

FIXTURE(priority)
{
	struct env env;
	int s, r;
	struct port port;		/* with confirms, of s */
	struct consumer get;		/* PULL, of r */
	__u32 exchange;			/* the default one */
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
	self->number = 0;
}

FIXTURE_TEARDOWN(priority)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Publish the next number: the completion's type, or -errno. */
static int sends_until(FIXTURE_DATA(priority) *self, __u8 priority, __u32 expiration)
{
	__u32 number = ++self->number;
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number), .priority = priority,
		.flags = expiration ? MQK_MSG_F_EXPIRATION : 0, .expiration = expiration,
	};
	struct mqk_completion c;
	int err = port_publish(&self->port, &m);

	if (!err)
		err = port_completion(&self->port, &c, LONG_MS);
	return err ? err : (int)c.type;
}

static int sends(FIXTURE_DATA(priority) *self, __u8 priority)
{
	return sends_until(self, priority, 0);
}

/* Get a message; its number, or -errno. */
static __s64 gets(FIXTURE_DATA(priority) *self, __u32 queue, struct mqk_delivery *d)
{
	int ret = queue_get(self->r, self->get.c.id, queue, 0, 0, d, NULL);

	return ret ? ret : (__s64)delivery_number(self->r, d);
}

static __s64 takes(FIXTURE_DATA(priority) *self, __u32 queue)
{
	struct mqk_delivery d;
	__s64 number = gets(self, queue, &d);

	if (number < 0)
		return number;
	return consumer_settle(&self->get, d.tag, MQK_ACK_ACCEPT, 0) == 1 ? number : -EIO;
}

/* Browse: the number of the next message from @seq on, or -errno. */
static __s64 browses(FIXTURE_DATA(priority) *self, __u32 queue, __u64 *seq,
		     struct mqk_delivery *d)
{
	__u8 record[256];
	struct mqk_browse b = {
		.size = sizeof(b), .queue = queue, .seq = *seq,
		.delivery = (uintptr_t)d, .data = (uintptr_t)record, .len = sizeof(record),
	};
	int err = mq(self->r, MQK_IOC_BROWSE, &b);
	__u32 number;

	if (err)
		return err;
	*seq = b.seq;
	memcpy(&number, record + MQK_RECORD_PAYLOAD(d->key_len, d->headers_len) -
	       MQK_RECORD_KEY, sizeof(number));
	return number;
}

static __u64 ready(FIXTURE_DATA(priority) *self, __u32 queue)
{
	struct mqk_queue_next info;

	return queue_info(self->s, queue, &info) ? ~0ull : info.ready;
}

TEST_F(priority, arguments)
{
	static const char * const bad[] = {
		"x-max-priority=-1", "x-max-priority=32", "x-max-priority=255",
		"x-max-priority=high",
	};
	__s64 q;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, queue_declare_args(self->s, "q", bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	}
	q = queue_declare_args(self->s, "q", "x-max-priority=31");
	ASSERT_LT(0, q);
	EXPECT_EQ(q, queue_declare_args(self->s, "q", "x-max-priority=31"));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->s, "q", "x-max-priority=30"));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "q", 0));
	/* it is what the queue is */
	EXPECT_EQ(-EINVAL, queue_set(self->s, "q", 0, "x-max-priority=31"));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
}

/* Strictly the highest first, those above the maximum alike, each in turn. */
TEST_F(priority, the_highest_first)
{
	static const __u8 priorities[] = { 5, 9, 4, 1, 0, 5, 0, 255, 1, 6 };
	static const __u32 order[] = { 1, 2, 6, 8, 10, 3, 4, 9, 5, 7 };
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=5");
	struct mqk_delivery d;
	unsigned int i;

	ASSERT_LT(0, q);
	for (i = 0; i < ARRAY_SIZE(priorities); i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	ASSERT_EQ(ARRAY_SIZE(priorities), ready(self, q));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		ASSERT_EQ(order[i], gets(self, q, &d));
		EXPECT_EQ(priorities[order[i] - 1], d.priority);
	}
	EXPECT_EQ(-EAGAIN, takes(self, q));
}

/* Without the argument, or with none to tell apart, all are equal. */
TEST_F(priority, none)
{
	static const char * const args[] = { "x-max-priority=0", "x-max-length=100" };
	__u32 i, j, first;

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		__s64 q = queue_declare_args(self->s, "q", args[i]);

		ASSERT_LT(0, q);
		first = self->number + 1;
		for (j = 0; j < 10; j++)
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, j));
		for (j = 0; j < 10; j++)
			ASSERT_EQ(first + j, takes(self, q));
		ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	}
}

TEST_F(priority, all_of_them)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=31");
	int i, n;

	ASSERT_LT(0, q);
	for (n = 0; n < 8; n++)
		for (i = 0; i < 32; i++)
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	for (i = 31; i >= 0; i--)
		for (n = 0; n < 8; n++)
			ASSERT_EQ(n * 32 + i + 1, takes(self, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
}

/* What is pushed goes by what is ready when there is credit. */
TEST_F(priority, pushed)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=9");
	static const __u8 priorities[] = { 1, 1, 7, 1, 7 };
	__u32 numbers[5];
	__u64 tags[5];
	struct consumer c;
	int i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 1, 16));
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
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=3");
	static const __u32 order[] = { 3, 4, 7, 1, 2, 5, 6, 8 };
	static const __u8 priorities[] = { 1, 1, 3, 3, 1, 1, 3, 1 };
	static const int back[] = { 4, 0, 2, 3, 1 };
	struct mqk_delivery d[5];
	int i;

	ASSERT_LT(0, q);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(order[i], gets(self, q, &d[i]));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(1, consumer_settle(&self->get, d[back[i]].tag,
					     i % 2 ? MQK_ACK_REJECT : MQK_ACK_NACK,
					     REQUEUE));
	ASSERT_EQ(8, ready(self, q));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(order[i], gets(self, q, &d[0]));
		EXPECT_EQ(i < 5, d[0].count);
		ASSERT_EQ(1, consumer_settle(&self->get, d[0].tag, MQK_ACK_ACCEPT, 0));
	}
}

/* In order of delivery, and nothing changes by it. */
TEST_F(priority, browsed)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=4");
	struct mqk_delivery d;
	__u64 seq = 0, last = 0;
	int i, priority;

	ASSERT_LT(0, q);
	/* more than the chunks that are looked through at once hold */
	for (i = 0; i < 600; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 5));
	/* one that is out, one that has returned */
	ASSERT_EQ(5, gets(self, q, &d));
	ASSERT_EQ(10, gets(self, q, &d));
	ASSERT_EQ(1, consumer_settle(&self->get, d.tag, MQK_ACK_NACK, REQUEUE));
	for (priority = 4; priority >= 0; priority--)
		for (i = priority == 4; i < 120; i++) {
			ASSERT_EQ(i * 5 + priority + 1, browses(self, q, &seq, &d));
			EXPECT_EQ(priority, d.priority);
			EXPECT_EQ(seq, d.seq);
			EXPECT_LT(last, d.seq);
			last = d.seq;
			seq++;
		}
	EXPECT_EQ(-EAGAIN, browses(self, q, &seq, &d));
	seq = ~0ull;
	EXPECT_EQ(-EAGAIN, browses(self, q, &seq, &d));
	seq = 200ull << 56;
	EXPECT_EQ(-EAGAIN, browses(self, q, &seq, &d));
	EXPECT_EQ(599, ready(self, q));
	seq = 0;
	last = browses(self, q, &seq, &d);
	ASSERT_EQ(10, last);
	EXPECT_EQ(1, d.count);
	/* who gets it is told the same */
	ASSERT_EQ(10, gets(self, q, &d));
	EXPECT_EQ(seq, d.seq);
}

/* Each where it stands: at the head, in the midst, at the end, and of what returned. */
TEST_F(priority, expired)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=2");
	struct mqk_delivery d;
	__u64 begin = now_ms();
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 12; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  sends_until(self, i % 3, i == 2 || i == 6 || i == 12 || i == 7 ?
				      1500 : 0));
	ASSERT_EQ(2, gets(self, q, &d));
	ASSERT_EQ(1, consumer_settle(&self->get, d.tag, MQK_ACK_NACK, REQUEUE));
	while (ready(self, q) != 8 && now_ms() < begin + LONG_MS)
		sleep_ms(1);
	for (i = 5; i <= 11; i += 3)
		EXPECT_EQ(i, takes(self, q));
	EXPECT_EQ(1, takes(self, q));
	EXPECT_EQ(4, takes(self, q));
	EXPECT_EQ(10, takes(self, q));
	EXPECT_EQ(3, takes(self, q));
	EXPECT_EQ(9, takes(self, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
}

/* What would be delivered next goes, so the highest. */
TEST_F(priority, head_is_dropped)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=2 x-max-length=2");
	static const __u8 priorities[] = { 1, 2, 0, 1 };
	int i;

	ASSERT_LT(0, q);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, priorities[i]));
	ASSERT_EQ(2, ready(self, q));
	EXPECT_EQ(4, takes(self, q));
	EXPECT_EQ(3, takes(self, q));
}

TEST_F(priority, refused)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=2 x-max-length=2 " REJECT);

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(self, 2));
	EXPECT_EQ(2, takes(self, q));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	EXPECT_EQ(4, takes(self, q));
	EXPECT_EQ(1, takes(self, q));
}

/* What is out returns to a queue that was purged. */
TEST_F(priority, purged)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=2");
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 300; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 3));
	ASSERT_EQ(3, gets(self, q, &d));
	EXPECT_EQ(299, queue_purge(self->s, "q"));
	EXPECT_EQ(0, ready(self, q));
	ASSERT_EQ(1, consumer_settle(&self->get, d.tag, MQK_ACK_NACK, REQUEUE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	EXPECT_EQ(3, takes(self, q));
	EXPECT_EQ(301, takes(self, q));
	ASSERT_EQ(0, queue_purge(self->s, "q"));
}

/* Several queues, one of them ordered: its chunks come with more than others'. */
TEST_F(priority, beside_others)
{
	__s64 x = exchange_declare(self->s, "f", MQK_EXCHANGE_FANOUT, 0), q[3];
	struct mqk_delivery d;
	__u32 i, j;

	ASSERT_LT(0, x);
	q[0] = queue_declare(self->s, "q0", 0);
	q[1] = queue_declare_args(self->s, "q1", "x-max-priority=1");
	q[2] = queue_declare_args(self->s, "q2", "x-message-ttl=4294967295");
	self->exchange = x;
	for (i = 0; i < 3; i++) {
		char name[] = { 'q', '0' + i, 0 };

		ASSERT_LT(0, q[i]);
		ASSERT_EQ(0, binding_add(self->s, "f", name, "q"));
	}
	for (i = 0; i < 400; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 2));
	for (i = 0; i < 400; i++)
		for (j = 0; j < 3; j++)
			ASSERT_EQ(j != 1 ? i + 1 : i < 200 ? 2 * i + 2 : 2 * i - 399,
				  takes(self, q[j]));
	for (j = 0; j < 3; j++)
		EXPECT_EQ(-EAGAIN, gets(self, q[j], &d));
}

#define NUMBERS	3000

/* Everything at random, against an array. */
TEST_F_TIMEOUT(priority, at_random, 120)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=7");
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
			ASSERT_EQ(best ? (__s64)best : -EAGAIN, gets(self, q, &d));
			if (best) {
				priority[best] = 255;
				out[nr_out++] = d;
				nr_ready--;
			}
		} else if (nr_out) {
			j = random_next(&state) % nr_out;
			d = out[j];
			out[j] = out[--nr_out];
			ASSERT_EQ(1, consumer_settle(&self->get, d.tag,
						     what % 2 ? MQK_ACK_ACCEPT : MQK_ACK_NACK,
						     what % 2 ? 0 : REQUEUE));
			if (what % 2)
				continue;
			priority[delivery_number(self->r, &d)] = d.priority < 7 ? d.priority : 7;
			nr_ready++;
		}
		ASSERT_EQ(nr_ready, ready(self, q));
	}
}

/* A consumer that is gone gives back; what it had is first again. */
TEST_F(priority, closed)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-priority=1");
	struct consumer c;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 200; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i & 1));
	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 150, 256));
	ASSERT_EQ(150, take_numbers(&c, 150, NULL, NULL));
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_EQ(200, ready(self, q));
	for (i = 2; i <= 200; i += 2)
		ASSERT_EQ(i, takes(self, q));
	for (i = 1; i <= 200; i += 2)
		ASSERT_EQ(i, takes(self, q));
}

TEST_HARNESS_MAIN
