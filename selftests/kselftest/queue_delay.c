// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages with a delay: scheduled, due, cancelled.
 *
 * mqk-test: parallel timeout=240
 */
#include <stdlib.h>
#include "rings_pair.h"
#include "harness.h"

#define REQUEUE		MQK_ACK_F_REQUEUE
#define EXPIRES		MQK_MSG_F_EXPIRATION
#define ID		MQK_MSG_F_ID
#define REJECT		"x-overflow=reject-publish"
/* Later than any test ends. */
#define NEVER_MS	(1000u * 60 * 60 * 24 * 30)

FIXTURE(delay)
{
	struct pair pair;
	__u32 number;			/* of the message sent last */
};

FIXTURE_VARIANT(delay)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(delay, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(delay, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(delay)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | MQK_PORT_F_CONFIRM));
	self->number = 0;
}

FIXTURE_TEARDOWN(delay)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* Publish the next number as @m says: the type of what completes it, or -errno. */
static int publishes(FIXTURE_DATA(delay) *self, struct msg m)
{
	__u32 number = ++self->number;
	struct mqk_completion c;
	int err;

	m.exchange = self->pair.exchange;
	m.key = "q";
	m.key_len = 1;
	m.payload = &number;
	m.payload_len = sizeof(number);
	err = port_publish(&self->pair.port, &m);
	if (!err)
		err = port_completion(&self->pair.port, &c, LONG_MS);
	return err ? err : (int)c.type;
}

/* The same with a delay, or none. */
static int sends(FIXTURE_DATA(delay) *self, __u32 delay)
{
	return publishes(self, (struct msg){ .flags = delay ? MQK_MSG_F_DELAY : 0,
					     .delay = delay });
}

/* The same with an id that counts. */
static int sends_id(FIXTURE_DATA(delay) *self, __u32 delay, const char *id)
{
	struct headers h = {};

	headers_text(&h, "message-id", id);
	return publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY | ID, .delay = delay,
					     .headers = h.bytes, .headers_len = h.len });
}

static __s64 cancels(int fd, const char *queue, const void *id, __u32 len)
{
	struct mqk_queue_cancel c = {
		.size = sizeof(c), .name = (uintptr_t)queue, .name_len = strlen(queue),
		.id = (uintptr_t)id, .id_len = len,
	};
	int err = mq(fd, MQK_IOC_QUEUE_CANCEL, &c);

	return err ? err : (__s64)c.messages;
}

/* Ready and scheduled, as a number of two digits for each; ~0: no such queue. */
static __u64 counts(FIXTURE_DATA(delay) *self, __u32 queue)
{
	struct mqk_queue_next info;

	return queue_info(self->pair.s, queue,
			  &info) ? ~0ull : info.ready * 100 + info.scheduled;
}

static __u64 counts_soon(FIXTURE_DATA(delay) *self, __u32 queue, __u64 want)
{
	__u64 begin = now_ms();

	while (counts(self, queue) != want && now_ms() < begin + LONG_MS)
		sleep_ms(1);
	return counts(self, queue);
}

/* Confirmed at once, neither ready nor unacknowledged, and not before its time. */
TEST_F(delay, it_waits)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_queue_next info;
	struct mqk_delivery d;
	__u64 begin = now_ms();

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1500));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked + info.retrying);
	EXPECT_EQ(1, info.scheduled);
	EXPECT_EQ(1, info.published);
	EXPECT_EQ(4, info.bytes);
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
	ASSERT_EQ(100, counts_soon(self, q, 100));
	EXPECT_LE(1500, now_ms() - begin);
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.published);
	EXPECT_EQ(4, info.bytes);
	ASSERT_EQ(1, pair_get(&self->pair, q, 0, &d));
	EXPECT_EQ(0, d.count);
	/* it is a message like any other from now on */
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK, REQUEUE));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.bytes + info.dropped);
}

/* In order of the time when they are due; a delay of 0 is none. */
TEST_F(delay, in_order)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 3000));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1000));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2000));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY }));
	EXPECT_EQ(4, pair_take(&self->pair, q));
	EXPECT_EQ(5, pair_take(&self->pair, q));
	EXPECT_EQ(2, pair_await(&self->pair, q));
	EXPECT_EQ(3, pair_await(&self->pair, q));
	EXPECT_EQ(1, pair_await(&self->pair, q));
}

/* Its place is at the end when it is due. */
TEST_F(delay, at_the_end)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2000));
	for (i = 0; i < 130; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(13100, counts_soon(self, q, 13100));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	for (i = 2; i <= 131; i++)
		ASSERT_EQ(i, pair_take(&self->pair, q));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(132, pair_take(&self->pair, q));
}

/* Who waits is given it. */
TEST_F(delay, pushed)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_queue_next info;
	struct consumer c;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 8, 16));
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 500 * i));
	EXPECT_EQ(-EAGAIN, take_number(&c, NULL, 0));
	for (i = 1; i <= 3; i++)
		EXPECT_EQ(i, take_number(&c, NULL, LONG_MS));
	/* with no time at all, too: then it is for who waits */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY | EXPIRES,
						.delay = 300 }));
	EXPECT_EQ(4, take_number(&c, NULL, LONG_MS));
	ASSERT_EQ(0, consumer_close(&c));
	/* the last one has come back too late */
	ASSERT_EQ(3, queue_purge(self->pair.s, "q"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY | EXPIRES,
						.delay = 300 }));
	ASSERT_EQ(0, counts_soon(self, q, 0));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(5, info.dropped);
}

/* The time to live begins when it is due. */
TEST_F(delay, then_it_expires)
{
	static const char * const args[] = { "x-message-ttl=1500", "x-message-ttl=60000000" };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		__s64 q = queue_declare_args(self->pair.s, "q", args[i]);
		__u64 begin = now_ms();

		ASSERT_LT(0, q);
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY | EXPIRES,
							.delay = 1000,
							.expiration = i ? 1500 : 60000 }));
		ASSERT_EQ(100, counts_soon(self, q, 100));
		EXPECT_LE(1000, now_ms() - begin);
		ASSERT_EQ(0, counts_soon(self, q, 0));
		EXPECT_LE(2500, now_ms() - begin);
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

/* Purging leaves them; a queue that goes takes them with it. */
TEST_F(delay, purged_and_deleted)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 60; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i % 2 ? NEVER_MS : 0));
	EXPECT_EQ(30, queue_purge(self->pair.s, "q"));
	EXPECT_EQ(30, counts(self, q));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", MQK_DELETE_F_IF_EMPTY));
	EXPECT_EQ(0, env_used(&self->pair.env, MQK_RES_QUEUES, 0));
}

/* What refuses counts them; what drops does so when they are due. */
TEST_F(delay, length)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=2 " REJECT);
	struct mqk_queue_next info;
	struct consumer c;

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 500));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, NEVER_MS));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(self, 0));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(self, 500));
	ASSERT_EQ(101, counts_soon(self, q, 101));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(self, 0));
	ASSERT_EQ(1, pair_take(&self->pair, q));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 2, 16));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, NEVER_MS));
	/* who waits takes what comes now, and nothing that comes later */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(self, NEVER_MS));
	ASSERT_EQ(2, counts(self, q));
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));

	q = queue_declare_args(self->pair.s, "q", "x-max-length=1");
	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1000));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(101, counts(self, q));
	ASSERT_EQ(100, counts_soon(self, q, 100));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.dropped);
	EXPECT_EQ(self->number - 1, pair_take(&self->pair, q));
}

/* Each queue has it scheduled, also one that is ordered, or had others before. */
TEST_F(delay, several_queues)
{
	__s64 x = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0), q[3];
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
	for (i = 1; i <= 250; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY,
							.delay = i % 4 ? 1 : NEVER_MS,
							.priority = i % 2 }));
	for (j = 0; j < 3; j++)
		ASSERT_EQ(18800 + 62, counts_soon(self, q[j], 18800 + 62));
	for (i = 1; i <= 250; i += 2)
		ASSERT_EQ(i, pair_take(&self->pair, q[1]));
	for (i = 2; i <= 250; i += 4)
		ASSERT_EQ(i, pair_take(&self->pair, q[1]));
	for (i = 1; i <= 250; i++) {
		if (i % 4) {
			ASSERT_EQ(i, pair_take(&self->pair, q[0]));
			ASSERT_EQ(i, pair_take(&self->pair, q[2]));
		}
	}
	for (j = 0; j < 3; j++)
		EXPECT_EQ(62, counts(self, q[j]));
}

/* --- cancelling ----------------------------------------------------------- */

TEST_F(delay, cancelled)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_queue_next info;
	__u32 i;

	ASSERT_LT(0, q);
	EXPECT_EQ(0, cancels(self->pair.s, "q", "a", 1));
	for (i = 0; i < 90; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  sends_id(self, NEVER_MS, i % 3 ? i % 3 == 1 ? "a" : "b" : "ab"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends_id(self, 1, "a"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, NEVER_MS));
	ASSERT_EQ(191, counts_soon(self, q, 191));
	/* what is due is a message like others */
	EXPECT_EQ(30, cancels(self->pair.s, "q", "a", 1));
	EXPECT_EQ(0, cancels(self->pair.s, "q", "a", 1));
	EXPECT_EQ(0, cancels(self->pair.s, "q", "c", 1));
	EXPECT_EQ(0, cancels(self->pair.s, "q", "abc", 3));
	EXPECT_EQ(161, counts(self, q));
	EXPECT_EQ(30, cancels(self->pair.s, "q", "abc", 2));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(60, info.dropped);
	EXPECT_EQ(4 * 32, info.bytes);
	EXPECT_EQ(91, pair_take(&self->pair, q));
}

/* More than one hold of the lock cancels. */
TEST_F(delay, many_of_one_id)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_queue_next info;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 700; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends_id(self, NEVER_MS, "the same"));
	EXPECT_EQ(700, cancels(self->pair.s, "q", "the same", 8));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.scheduled + info.bytes);
}

TEST_F(delay, what_cannot_be_cancelled)
{
	struct mqk_queue_cancel c = { .size = sizeof(c), .name = (uintptr_t)"q", .name_len = 1 };
	static char id[MQK_ID_MAX + 1];

	memset(id, 'i', sizeof(id));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "own", MQK_DECLARE_F_EXCLUSIVE));
	EXPECT_EQ(-ENOENT, cancels(self->pair.s, "none", "a", 1));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->pair.s));
	EXPECT_EQ(-EBUSY, cancels(self->pair.r, "own", "a", 1));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->pair.r));
	EXPECT_EQ(0, cancels(self->pair.s, "own", "a", 1));
	EXPECT_EQ(-EINVAL, cancels(self->pair.s, "q", "a", 0));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
	EXPECT_EQ(-EINVAL, cancels(self->pair.s, "q", id, MQK_ID_MAX + 1));
	EXPECT_EQ(0, cancels(self->pair.s, "q", id, MQK_ID_MAX));
	EXPECT_EQ(-EINVAL, cancels(self->pair.s, "", "a", 1));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->pair.s));
	c.id_len = 1;
	EXPECT_EQ(-EFAULT, mq(self->pair.s, MQK_IOC_QUEUE_CANCEL, &c));
}

/* What says that its id counts has one, of 1 to 255 bytes. */
TEST_F(delay, ids)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	int refused = variant->flags ? MQK_COMPLETION_ERROR : -EINVAL;
	static char id[MQK_ID_MAX + 2];
	struct headers h = {};

	memset(id, 'i', MQK_ID_MAX);
	ASSERT_LT(0, q);
	/* also where a route is known already */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	EXPECT_EQ(refused, publishes(self, (struct msg){ .flags = ID }));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 0));
	ASSERT_EQ(2, queue_purge(self->pair.s, "q"));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, sends_id(self, NEVER_MS, id));
	id[MQK_ID_MAX] = 'i';
	EXPECT_EQ(refused, sends_id(self, NEVER_MS, id));
	EXPECT_EQ(refused, sends_id(self, NEVER_MS, ""));
	EXPECT_EQ(refused, publishes(self, (struct msg){ .flags = ID }));
	headers_number(&h, "message-id", 1);
	headers_text(&h, "message-id", "late");
	EXPECT_EQ(refused, publishes(self, (struct msg){ .flags = ID, .headers = h.bytes,
							 .headers_len = h.len }));
	/* the first counts; without the flag, none does */
	h.len = 0;
	headers_text(&h, "Message-id", "other");
	headers_text(&h, "message-id", "first");
	headers_text(&h, "message-id", "second");
	EXPECT_EQ(MQK_COMPLETION_CONFIRM,
		  publishes(self, (struct msg){ .flags = ID | MQK_MSG_F_DELAY, .delay = NEVER_MS,
						.headers = h.bytes, .headers_len = h.len }));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM,
		  publishes(self, (struct msg){ .flags = MQK_MSG_F_DELAY, .delay = NEVER_MS,
						.headers = h.bytes, .headers_len = h.len }));
	/* nor does that of one without a delay */
	EXPECT_EQ(MQK_COMPLETION_CONFIRM,
		  publishes(self, (struct msg){ .flags = ID, .headers = h.bytes,
						.headers_len = h.len }));
	EXPECT_EQ(103, counts(self, q));
	EXPECT_EQ(0, cancels(self->pair.s, "q", "second", 6));
	EXPECT_EQ(0, cancels(self->pair.s, "q", "other", 5));
	EXPECT_EQ(1, cancels(self->pair.s, "q", "first", 5));
	id[MQK_ID_MAX] = 0;
	EXPECT_EQ(1, cancels(self->pair.s, "q", id, MQK_ID_MAX));
	EXPECT_EQ(101, counts(self, q));
}

/* --- many ----------------------------------------------------------------- */

#define MANY	1500

/* At random, some cancelled: the others, each once, in the order of their times. */
TEST_F_TIMEOUT(delay, at_random, 120)
{
	static __u64 not_before[MANY + 1];
	static bool gone[MANY + 1];
	__s64 q = queue_declare(self->pair.s, "q", 0);
	__u32 i, left = MANY, cancelled = 0;
	__u64 state = 11;
	char id[16];

	ASSERT_LT(0, q);
	memset(gone, 0, sizeof(gone));
	for (i = 1; i <= MANY; i++) {
		__u32 delay = 1 + random_next(&state) % 4000;

		sprintf(id, "%u", i);
		not_before[i] = now_ms() + delay;
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends_id(self, delay, id));
		if (i % 5)
			continue;
		sprintf(id, "%u", i - 2);
		gone[i - 2] = cancels(self->pair.s, "q", id, strlen(id)) == 1;
		cancelled += gone[i - 2];
		left -= gone[i - 2];
	}
	while (left) {
		__s64 n = pair_await(&self->pair, q);

		ASSERT_LT(0, n);
		ASSERT_GE(MANY, n);
		ASSERT_FALSE(gone[n]);
		gone[n] = true;
		ASSERT_LE(not_before[n], now_ms());
		left--;
	}
	EXPECT_EQ(0, counts(self, q));
	EXPECT_LT(0, cancelled);
}

TEST_HARNESS_MAIN
