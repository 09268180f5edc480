// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which message goes to which consumer, when: order, credit, taking turns,
 * consumers that want no acknowledgement, exclusive ones, changes on the way.
 *
 * mqk-test: parallel timeout=60
 */
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define ACCEPT	MQK_ACK_ACCEPT

FIXTURE(order)
{
	struct env env;
	int s, a, b;
	struct port port;
	__u32 exchange, queue;
};

FIXTURE_VARIANT(order)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(order, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(order, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(order)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->a = env_session(&self->env, O_RDWR);
	self->b = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->b);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags, 16));
}

FIXTURE_TEARDOWN(order)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static int send(FIXTURE_DATA(order) *self, __u32 from, __u32 to)
{
	return port_numbers(&self->port, self->exchange, "q", from, to);
}

static __u64 ready(FIXTURE_DATA(order) *self)
{
	struct mqk_queue_next info;

	return queue_info(self->s, self->queue, &info) ? ~0ull : info.ready;
}

TEST_F(order, first_in_first_out)
{
	struct mqk_delivery d;
	struct consumer c;
	__u64 tag = 0, seq = 0;
	__u32 i;

	/* Some wait in the queue, some come while the consumer is there. */
	ASSERT_EQ(0, send(self, 0, 99));
	ASSERT_EQ(0, consumer_make(&c, self->a, "q", 0, 64, 64));
	for (i = 0; i < 300; i++) {
		if (i == 50) {
			ASSERT_EQ(0, send(self, 100, 299));
		}
		ASSERT_EQ(i, take_number(&c, &d, LONG_MS));
		ASSERT_EQ(i + 1, d.pos);
		ASSERT_LT(tag, d.tag);
		tag = d.tag;
		if (i) {
			ASSERT_LT(seq, d.seq);
		}
		seq = d.seq;
		ASSERT_EQ(self->queue, d.queue);
		ASSERT_EQ(0, d.flags);
		ASSERT_EQ(0, d.count);
		consumer_ack(&c, d.tag, ACCEPT, 0);
	}
	EXPECT_EQ(-EAGAIN, consumer_wait(&c, 0));
}

/* From several ports, each port's own order is kept. */
TEST_F(order, per_port)
{
	struct consumer c;
	struct port ports[4];
	__u32 next[4] = { 0 }, i;

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", MQK_CONSUMER_F_NOACK, 0,
				   1024));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, port_make(&ports[i], i & 1 ? self->b : self->s,
				       i & 2 ? MQK_PORT_F_INPLACE : 0, 16));
	}
	for (i = 0; i < 400; i++) {
		__u32 from = i * 7 % 4;

		ASSERT_EQ(0, port_number(&ports[from], self->exchange, "q",
					 from << 16 | next[from]++));
	}
	memset(next, 0, sizeof(next));
	for (i = 0; i < 400; i++) {
		__s64 number = take_number(&c, NULL, LONG_MS);

		ASSERT_LE(0, number);
		ASSERT_EQ(next[number >> 16]++, number & 0xffff);
	}
}

TEST_F(order, prefetch_is_exact)
{
	struct mqk_queue_next info;
	struct consumer c;
	__u32 numbers[8];
	__u64 tags[8];

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", 0, 3, 16));
	ASSERT_EQ(0, send(self, 1, 10));
	EXPECT_EQ(3, consumer_count(&c));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(3, info.unacked);
	EXPECT_EQ(7, info.ready);
	ASSERT_EQ(3, take_numbers(&c, 3, numbers, tags));
	EXPECT_EQ(-EAGAIN, consumer_wait(&c, 0));
	/* Acknowledging 2 of 1, 2, 3 gives one more, exactly. */
	ASSERT_EQ(1, consumer_settle(&c, tags[1], ACCEPT, 0));
	EXPECT_EQ(1, consumer_count(&c));
	ASSERT_EQ(1, take_numbers(&c, 1, numbers, NULL));
	EXPECT_EQ(4, numbers[0]);
	EXPECT_EQ(-EAGAIN, consumer_wait(&c, 0));
	/* Three at once give three. */
	ASSERT_EQ(3, consumer_settle(&c, 0, ACCEPT, MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(3, consumer_count(&c));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(3, info.unacked);
	EXPECT_EQ(3, info.ready);
}

TEST_F(order, prefetch_of_zero_is_the_ring)
{
	struct consumer c;

	ASSERT_EQ(0, send(self, 1, 100));
	ASSERT_EQ(0, consumer_make(&c, self->a, "q", 0, 0, 32));
	EXPECT_EQ(32, consumer_count(&c));
	EXPECT_EQ(68, ready(self));
}

/* Slots are free when they were read, credit when it was acknowledged. */
TEST_F(order, a_ring_smaller_than_the_prefetch_is_refused)
{
	struct mqk_query q;
	struct consumer c;

	ASSERT_EQ(0, query(self->a, &q));
	EXPECT_EQ(-EINVAL, consumer_make(&c, self->a, "q", 0,
					 q.prefetch_max + 1, 0));
	EXPECT_EQ(-EINVAL, consumer_make(&c, self->a, "q", 0, ~0u, 16));
	EXPECT_EQ(-EINVAL, consumer_make(&c, self->a, "q", 0, 0, 15));
	EXPECT_EQ(-EINVAL, consumer_make(&c, self->a, "q", 0, 0, 24));
	EXPECT_EQ(-EINVAL, consumer_make(&c, self->a, "q", 0, 0,
					 q.ring_max * 2));
	EXPECT_EQ(0, ready(self));
}

TEST_F(order, lower_prefetch_waits_for_what_is_in_flight)
{
	struct consumer c;
	__u64 tags[8];

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", 0, 5, 16));
	ASSERT_EQ(0, send(self, 1, 20));
	ASSERT_EQ(5, take_numbers(&c, 5, NULL, tags));
	ASSERT_EQ(0, consumer_prefetch(&c, 2));
	EXPECT_EQ(0, consumer_count(&c));
	/* Four in flight, then three, then two: still none; then one: one. */
	ASSERT_EQ(3, consumer_settle(&c, tags[2], ACCEPT, MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(0, consumer_count(&c));
	ASSERT_EQ(1, consumer_settle(&c, tags[3], ACCEPT, 0));
	EXPECT_EQ(1, consumer_count(&c));
	/* Raising gives at once what it makes room for. */
	ASSERT_EQ(0, consumer_prefetch(&c, 10));
	EXPECT_EQ(9, consumer_count(&c));
	EXPECT_EQ(-EINVAL, consumer_prefetch(&c, 17));
	ASSERT_EQ(0, consumer_prefetch(&c, 0));
	EXPECT_EQ(15, consumer_count(&c));
	EXPECT_EQ(0, ready(self));
}

/* --- taking turns --------------------------------------------------------- */

TEST_F(order, round_robin)
{
	struct consumer a, b;
	__u32 got[3];

	ASSERT_EQ(0, consumer_make(&a, self->a, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_make(&b, self->b, "q", 0, 0, 16));
	ASSERT_EQ(0, send(self, 0, 5));
	ASSERT_EQ(3, consumer_count(&a));
	ASSERT_EQ(3, consumer_count(&b));
	ASSERT_EQ(3, take_numbers(&a, 3, got, NULL));
	EXPECT_EQ(0, got[0]);
	EXPECT_EQ(2, got[1]);
	EXPECT_EQ(4, got[2]);
	ASSERT_EQ(3, take_numbers(&b, 3, got, NULL));
	EXPECT_EQ(1, got[0]);
	EXPECT_EQ(3, got[1]);
	EXPECT_EQ(5, got[2]);
}

TEST_F(order, those_without_credit_are_passed_over)
{
	struct consumer a, b, c;
	__u32 got[16];
	__u64 tags[16];

	ASSERT_EQ(0, consumer_make(&a, self->a, "q", 0, 1, 16));
	ASSERT_EQ(0, consumer_make(&b, self->b, "q", 0, 16, 16));
	ASSERT_EQ(0, consumer_make(&c, self->b, "q", 0, 2, 16));
	ASSERT_EQ(0, send(self, 0, 9));
	/* a: 0; c: 2 and 4; b all others. */
	ASSERT_EQ(1, consumer_count(&a));
	ASSERT_EQ(7, consumer_count(&b));
	ASSERT_EQ(2, consumer_count(&c));
	ASSERT_EQ(1, take_numbers(&a, 1, got, tags));
	EXPECT_EQ(0, got[0]);
	ASSERT_EQ(2, take_numbers(&c, 2, got, NULL));
	EXPECT_EQ(2, got[0]);
	EXPECT_EQ(4, got[1]);
	/* With credit again, it takes part again. */
	ASSERT_EQ(1, consumer_settle(&a, tags[0], ACCEPT, 0));
	ASSERT_EQ(0, send(self, 10, 12));
	EXPECT_EQ(1, consumer_count(&a));
	EXPECT_EQ(9, consumer_count(&b));
	EXPECT_EQ(0, consumer_count(&c));
}

TEST_F(order, nobody_with_credit_and_the_queue_keeps_it)
{
	struct consumer a, b;
	__u64 tags[2];

	ASSERT_EQ(0, consumer_make(&a, self->a, "q", 0, 1, 16));
	ASSERT_EQ(0, consumer_make(&b, self->b, "q", 0, 1, 16));
	ASSERT_EQ(0, send(self, 0, 9));
	EXPECT_EQ(8, ready(self));
	ASSERT_EQ(1, take_numbers(&b, 1, NULL, tags));
	ASSERT_EQ(1, consumer_settle(&b, tags[0], ACCEPT, 0));
	EXPECT_EQ(2, take_number(&b, NULL, LONG_MS));
}

/* --- without acknowledgement ---------------------------------------------- */

TEST_F(order, noack_is_settled_when_delivered)
{
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", MQK_CONSUMER_F_NOACK, 0,
				   16));
	ASSERT_EQ(0, send(self, 0, 9));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(0, info.ready);
	EXPECT_EQ(0, info.unacked);
	EXPECT_EQ(10, info.acked);
	EXPECT_EQ(0, info.bytes);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(i, take_number(&c, &d, LONG_MS));
		EXPECT_EQ(MQK_DELIVERY_F_SETTLED, d.flags);
	}
	/* Lost with the consumer, as ordered. */
	ASSERT_EQ(0, send(self, 10, 12));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(0, ready(self));
}

/* Room in its ring is all the credit it has, and reading makes room. */
TEST_F(order, noack_goes_on_as_the_ring_is_read)
{
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", MQK_CONSUMER_F_NOACK, 0,
				   16));
	ASSERT_EQ(0, send(self, 0, 199));
	EXPECT_EQ(16, consumer_count(&c));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(i, take_number(&c, NULL, LONG_MS));
	}
	EXPECT_EQ(-EAGAIN, consumer_wait(&c, 0));
}

/* A settled record stays readable until head passes it. */
TEST_F(order, noack_payload_stays_until_it_is_read)
{
	__u8 payload[3000];
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = payload, .payload_len = sizeof(payload),
	};
	struct consumer c;
	__u32 i, round;

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", MQK_CONSUMER_F_NOACK, 0,
				   16));
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 16; i++) {
			pattern_fill(payload, sizeof(payload), round * 16 + i);
			ASSERT_EQ(0, port_publish(&self->port, &m));
		}
		for (i = 0; i < 16; i++) {
			const struct mqk_delivery *slot =
				&c.ring[c.head & (c.c.entries - 1)];

			ASSERT_TRUE(consumer_there(&c, 0));
			ASSERT_TRUE(pattern_ok(delivery_payload(self->a, slot),
					       sizeof(payload),
					       round * 16 + i));
			ASSERT_EQ(0, consumer_poll(&c, &(struct mqk_delivery){}));
		}
	}
}

/* --- exclusive consumers -------------------------------------------------- */

TEST_F(order, exclusive_consumer_is_alone)
{
	struct consumer a, b;

	ASSERT_EQ(0, consumer_make(&a, self->a, "q", MQK_CONSUMER_F_EXCLUSIVE,
				   0, 16));
	EXPECT_EQ(-EACCES, consumer_make(&b, self->b, "q", 0, 0, 16));
	EXPECT_EQ(-EACCES, consumer_make(&b, self->b, "q",
					 MQK_CONSUMER_F_EXCLUSIVE, 0, 16));
	EXPECT_EQ(-EACCES, consumer_make(&b, self->a, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_close(&a));
	ASSERT_EQ(0, consumer_make(&b, self->b, "q", 0, 0, 16));
	EXPECT_EQ(-EACCES, consumer_make(&a, self->a, "q",
					 MQK_CONSUMER_F_EXCLUSIVE, 0, 16));
	ASSERT_EQ(0, consumer_close(&b));
	EXPECT_EQ(0, consumer_make(&a, self->a, "q", MQK_CONSUMER_F_EXCLUSIVE,
				   0, 16));
}

TEST_F(order, exclusive_consumer_ends_with_its_session)
{
	struct consumer a, b;

	ASSERT_EQ(0, consumer_make(&a, self->a, "q", MQK_CONSUMER_F_EXCLUSIVE,
				   0, 16));
	session_close(self->a);
	EXPECT_EQ(0, consumer_make(&b, self->b, "q", 0, 0, 16));
}

/* --- consumers come and go ------------------------------------------------ */

TEST_F(order, missing_queue_is_ENOENT)
{
	struct consumer c;

	EXPECT_EQ(-ENOENT, consumer_make(&c, self->a, "no", 0, 0, 16));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->a));
}

TEST_F(order, cancel_stops_deliveries_only)
{
	struct consumer c;
	__u32 numbers[8];
	__u64 tags[8];

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", 0, 4, 16));
	ASSERT_EQ(0, send(self, 1, 10));
	ASSERT_EQ(2, take_numbers(&c, 2, numbers, tags));
	ASSERT_EQ(0, consumer_cancel(&c));
	EXPECT_NE(0, c.k->flags & MQK_CONSUMER_PAGE_F_CANCELLED);
	EXPECT_EQ(0, c.k->error);
	/* What was delivered can still be read and acknowledged. */
	ASSERT_EQ(2, take_numbers(&c, 2, numbers + 2, tags + 2));
	EXPECT_EQ(4, numbers[3]);
	ASSERT_EQ(4, consumer_settle(&c, tags[3], ACCEPT, MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(0, consumer_count(&c));
	EXPECT_EQ(6, ready(self));
	EXPECT_EQ(0, consumer_cancel(&c));
	EXPECT_EQ(0, consumer_close(&c));
	EXPECT_EQ(-ENOENT, consumer_close(&c));
	EXPECT_EQ(-ENOENT, consumer_cancel(&c));
	EXPECT_EQ(-ENOENT, consumer_kick(&c));
}

TEST_F(order, cancelled_consumer_gets_no_turn)
{
	struct consumer a, b;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&a, self->a, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_make(&b, self->b, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_cancel(&a));
	ASSERT_EQ(0, send(self, 0, 5));
	EXPECT_EQ(0, consumer_count(&a));
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(i, take_number(&b, NULL, LONG_MS));
	}
}

/* Many of one session on one queue, and one on many. */
TEST_F(order, many_consumers)
{
	enum { MANY = 60 };
	struct consumer *c = calloc(MANY, sizeof(*c));
	__u32 i;

	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, consumer_make(&c[i], self->a, "q", 0, 1, 16));
	}
	ASSERT_EQ(0, send(self, 0, MANY - 1));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(i, take_number(&c[i], NULL, LONG_MS));
	}
	for (i = 0; i < MANY; i += 2) {
		ASSERT_EQ(0, consumer_close(&c[i]));
		ASSERT_EQ(i / 2 + 1, ready(self));
	}
	free(c);
}

/* A ring of 16 that has gone round thousands of times. */
TEST_F(order, rings_go_round)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i, j;

	ASSERT_EQ(0, consumer_make(&c, self->a, "q", 0, 0, 16));
	for (i = 0; i < 3000; i += 10) {
		ASSERT_EQ(0, send(self, i, i + 9));
		for (j = i; j < i + 10; j++) {
			ASSERT_EQ(j, take_number(&c, &d, LONG_MS));
			ASSERT_EQ(j + 1, d.pos);
			consumer_ack(&c, d.tag, ACCEPT, 0);
		}
	}
	ASSERT_LE(0, consumer_kick(&c));
	EXPECT_EQ(3000, c.k->ack_head);
}

TEST_F(order, entries_are_reported)
{
	struct mqk_consumer_create c = {
		.size = sizeof(c), .queue = (uintptr_t)"q", .queue_len = 1,
	};

	ASSERT_EQ(0, mq(self->a, MQK_IOC_CONSUMER_CREATE, &c));
	EXPECT_EQ(256, c.entries);
	EXPECT_EQ(256, c.prefetch);
	EXPECT_EQ(self->queue, c.queue_id);
	EXPECT_LE(c.entries, c.ack_entries);
	EXPECT_EQ(0, c.ack_entries & (c.ack_entries - 1));
	EXPECT_LE(c.entries * 64ull, c.page_size - c.ring_offset);
	EXPECT_LE(c.ack_entries * 16ull, c.user_size - c.ack_offset);
	EXPECT_EQ(0, c.page_size % PAGE);
	EXPECT_EQ(0, c.user_size % PAGE);
	EXPECT_EQ(0, c.ring_offset % 64);
	EXPECT_EQ(0, c.ack_offset % 64);
	/* More entries where the prefetch needs them. */
	c.prefetch = 3000;
	c.entries = 0;
	ASSERT_EQ(0, mq(self->a, MQK_IOC_CONSUMER_CREATE, &c));
	EXPECT_EQ(4096, c.entries);
}

TEST_HARNESS_MAIN
