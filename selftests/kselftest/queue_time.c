// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages and queues that do not last: x-message-ttl, expiration, x-expires,
 * x-consumer-timeout; and messages that fail: x-delivery-limit, x-mqk-retry-*.
 *
 * mqk-test: parallel timeout=240
 */
#include <stdlib.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define EXPIRES		MQK_MSG_F_EXPIRATION
#define REQUEUE		MQK_ACK_F_REQUEUE

FIXTURE(time)
{
	struct pair pair;
};

FIXTURE_VARIANT(time)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(time, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(time, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(time)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags));
}

FIXTURE_TEARDOWN(time)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static int sends(FIXTURE_DATA(time) *self, __u32 number, __u32 flags, __u32 expiration)
{
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number),
		.flags = flags, .expiration = expiration, .priority = number,
	};

	return port_publish(&self->pair.port, &m);
}

/* Wait until so many are ready; how long that took. */
static __u64 until_ready(FIXTURE_DATA(time) *self, __u32 queue, __u64 want)
{
	struct mqk_queue_next info = {};
	__u64 begin = now_ms();

	while (!queue_info(self->pair.s, queue, &info) && info.ready != want &&
	       now_ms() < begin + LONG_MS)
		sleep_ms(1);
	return info.ready == want ? now_ms() - begin : ~0ull;
}

static int rejects(FIXTURE_DATA(time) *self, __u32 queue, __s64 number)
{
	struct mqk_delivery d;

	if (pair_get(&self->pair, queue, 0, &d) != number)
		return -EIO;
	return consumer_settle(&self->pair.get, d.tag, MQK_ACK_REJECT, REQUEUE) == 1 ? 0 : -EIO;
}

TEST_F(time, arguments_that_are_none)
{
	static const char * const bad[] = {
		"x-message-ttl=-1", "x-message-ttl=4294967296", "x-message-ttl=soon",
		"x-expires=0", "x-expires=4294967296", "x-delivery-limit=65536",
		"x-delivery-limit=-1", "x-consumer-timeout=0", "x-mqk-retry-delay=-1",
		"x-mqk-retry-max=4294967296", "x-mqk-retry-backoff=none",
		"x-mqk-retry-backoff=1",
	};
	static const char * const good[] = {
		"x-message-ttl=0", "x-message-ttl=4294967295", "x-expires=4294967295",
		"x-delivery-limit=0", "x-delivery-limit=65535",
		"x-consumer-timeout=4294967295", "x-mqk-retry-delay=4294967295",
		"x-mqk-retry-max=0", "x-mqk-retry-backoff=linear",
		"x-mqk-retry-backoff=exponential",
	};

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	EXPECT_STREQ("", pair_args_taken(&self->pair, good, ARRAY_SIZE(good)));
}

TEST_F(time, priority_is_delivered)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_delivery d;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 255, 0, 0));
	ASSERT_EQ(255, pair_get(&self->pair, q, 0, &d));
	EXPECT_EQ(255, d.priority);
	EXPECT_EQ(0, d.count);
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK, REQUEUE));
	ASSERT_EQ(255, pair_get(&self->pair, q, 0, &d));
	EXPECT_EQ(255, d.priority);
	EXPECT_EQ(1, d.count);
}

TEST_F(time, ttl)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-message-ttl=300");
	struct mqk_queue_next info;
	__u64 begin = now_ms();

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, 0, 0));
	/* the shorter of two times counts */
	ASSERT_EQ(0, sends(self, 2, EXPIRES, 60000));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_GT(LONG_MS, until_ready(self, q, 0));
	EXPECT_LE(300, now_ms() - begin);
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.dropped);
	EXPECT_EQ(0, info.bytes);
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* Also in a queue without arguments, and behind those that live longer. */
TEST_F(time, expiration)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	__u64 begin = now_ms();
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 130; i++)
		ASSERT_EQ(0, sends(self, i, 0, 0));
	ASSERT_EQ(0, sends(self, 130, EXPIRES, 60000));
	ASSERT_EQ(0, sends(self, 131, EXPIRES, 200));
	ASSERT_EQ(0, sends(self, 132, EXPIRES, ~0u));
	for (i = 133; i < 260; i++)
		ASSERT_EQ(0, sends(self, i, i % 2 ? 0 : EXPIRES, i % 2 ? 0 : 60000));
	EXPECT_GT(LONG_MS, until_ready(self, q, 259));
	EXPECT_LE(200, now_ms() - begin);
	for (i = 0; i < 260; i++) {
		if (i != 131)
			ASSERT_EQ(i, pair_take(&self->pair, q));
	}
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
	/* where others were before */
	for (i = 0; i < 260; i++)
		ASSERT_EQ(0, sends(self, i, EXPIRES, i % 2 ? 60000 : 1));
	EXPECT_GT(LONG_MS, until_ready(self, q, 130));
	for (i = 1; i < 260; i += 2)
		ASSERT_EQ(i, pair_take(&self->pair, q));
}

/* With no time at all it is for who waits, or for nobody. */
TEST_F(time, zero)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, EXPIRES, 0));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready);
	EXPECT_EQ(1, info.dropped);
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 1, 16));
	ASSERT_EQ(0, sends(self, 2, EXPIRES, 0));
	ASSERT_EQ(0, sends(self, 3, EXPIRES, 0));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	EXPECT_EQ(2, delivery_number(self->pair.r, &d));
	/* it is too late for it to return */
	ASSERT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_NACK, REQUEUE));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked + info.bytes);
	EXPECT_EQ(3, info.dropped);
}

TEST_F(time, unused)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-expires=1500");
	struct mqk_queue_next info;
	struct consumer c;
	__u64 begin;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 10; i++) {
		sleep_ms(300);
		ASSERT_EQ(i % 2 ? -EAGAIN : q, i % 2 ? pair_take(&self->pair, q) :
			  queue_declare(self->pair.s, "q", MQK_DECLARE_F_PASSIVE));
	}
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 1, 16));
	sleep_ms(2000);
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	begin = now_ms();
	ASSERT_EQ(0, consumer_close(&c));
	while (!queue_info(self->pair.s, q, &info) && now_ms() < begin + LONG_MS)
		sleep_ms(1);
	EXPECT_LE(1499, now_ms() - begin);
	EXPECT_EQ(-ENOENT, queue_info(self->pair.s, q, &info));
}

TEST_F(time, limit)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-delivery-limit=2");
	struct mqk_queue_next info;
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, 0, 0));
	/* what is not a failure, however often */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, pair_get(&self->pair, q, 0, &d));
		ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK, REQUEUE));
	}
	ASSERT_EQ(0, rejects(self, q, 1));
	ASSERT_EQ(0, rejects(self, q, 1));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.ready);
	ASSERT_EQ(0, rejects(self, q, 1));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked + info.bytes);
	EXPECT_EQ(1, info.dropped);
}

/* A consumer that is closed has not failed; one that is left open has. */
TEST_F(time, death_is_a_failure)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-delivery-limit=0");
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;
	int s;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, 0, 0));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 1, 16));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_GT(LONG_MS, until_ready(self, q, 1));
	s = env_session(&self->pair.env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, consumer_make(&c, s, "q", 0, 1, 16));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	EXPECT_EQ(1, d.count);
	consumer_unmap(&c);
	close(s);
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked);
	EXPECT_EQ(1, info.dropped);
}

TEST_F(time, retries)
{
	static const struct {
		const char *args;
		__u32 ms[3];
	} rows[] = {
		{ "x-mqk-retry-delay=400", { 400, 800, 1200 } },
		{ "x-mqk-retry-delay=400 x-mqk-retry-backoff=exponential",
		  { 400, 800, 1600 } },
		{ "x-mqk-retry-delay=1200 x-mqk-retry-max=600", { 600, 600, 600 } },
	};
	struct mqk_queue_next info;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		__s64 q = queue_declare_args(self->pair.s, "q", rows[i].args);

		ASSERT_LT(0, q);
		ASSERT_EQ(0, sends(self, 1, 0, 0));
		ASSERT_EQ(0, sends(self, 2, 0, 0));
		for (j = 0; j < 3; j++) {
			__u64 begin = now_ms();

			ASSERT_EQ(0, rejects(self, q, 1));
			ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
			EXPECT_EQ(1, info.retrying);
			EXPECT_EQ(1, info.ready);
			EXPECT_EQ(8, info.bytes);
			EXPECT_GT(LONG_MS, until_ready(self, q, 2));
			EXPECT_LE(rows[i].ms[j], now_ms() - begin + 1) {
				TH_LOG("%s, try %u", rows[i].args, j);
			}
		}
		/* in its old place */
		EXPECT_EQ(1, pair_take(&self->pair, q));
		EXPECT_EQ(2, pair_take(&self->pair, q));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

/* What waits for its next try goes with its queue. */
TEST_F(time, deleted_with_its_queue)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-retry-delay=60000");
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 0; i < 150; i++)
		ASSERT_EQ(0, sends(self, i, i % 2 ? 0 : EXPIRES, i % 2 ? 0 : 60000));
	for (i = 0; i < 150; i += 2) {
		struct mqk_delivery d;

		ASSERT_EQ(i / 2, pair_get(&self->pair, q, 0, &d));
		ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_REJECT, REQUEUE));
	}
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
}

static void taken_back(struct __test_metadata *_metadata, FIXTURE_DATA(time) *self, __s64 q,
		       struct consumer *c, struct mqk_delivery *d, __u64 begin)
{
	struct mqk_queue_next info;

	do {
		sleep_ms(1);
		ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	} while (info.ready != 1 && now_ms() < begin + LONG_MS);
	EXPECT_LE(999, now_ms() - begin);
	EXPECT_EQ(1, info.ready);
	EXPECT_EQ(0, info.unacked);
	/* means nothing, twice */
	EXPECT_EQ(0, consumer_settle(c, d->tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(0, consumer_settle(c, d->tag, MQK_ACK_REJECT, REQUEUE));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.ready);
}

TEST_F(time, taken_back_from_a_puller)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     "x-consumer-timeout=1000 x-delivery-limit=0");
	struct mqk_delivery d;
	__u64 begin;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, 0, 0));
	begin = now_ms();
	ASSERT_EQ(1, pair_get(&self->pair, q, 0, &d));
	taken_back(_metadata, self, q, &self->pair.get, &d, begin);
	ASSERT_EQ(1, pair_get(&self->pair, q, 0, &d));
	EXPECT_EQ(1, d.count);
	EXPECT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_ACCEPT, 0));
}

TEST_F(time, taken_back_from_a_consumer)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     "x-consumer-timeout=1000 x-delivery-limit=0");
	struct mqk_delivery d, again;
	struct consumer c;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 1, 16));
	ASSERT_EQ(0, sends(self, 1, 0, 0));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	/* the credit is free again, so it is there once more */
	ASSERT_EQ(0, consumer_next(&c, &again, LONG_MS));
	EXPECT_EQ(d.seq, again.seq);
	EXPECT_LT(d.tag, again.tag);
	EXPECT_EQ(0, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, consumer_settle(&c, again.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

TEST_HARNESS_MAIN
