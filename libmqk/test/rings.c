// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The protocols of the rings, rule by rule.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"


static void in_place(void)
{
	unsigned char headers[64], key[255];
	struct mqk_header_view v;
	struct mqk_headers h;
	void *to;

	begin(PORT(.inplace = true), CONSUMER(.prefetch = 0));
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(put(1, 100), 0);
	EXPECT_NEXT(1, 100);
	CHECK_EQ((uintptr_t)msg.payload % 64, 0);
	CHECK(!memcmp(msg.key, &(uint32_t){ 1 }, 4));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(put(2, 0), 0);
	EXPECT_NEXT(2, 0);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);

	mqk_headers_init(&h, headers, sizeof(headers));
	CHECK_EQ(mqk_headers_add_string(&h, "colour", "blue"), 0);
	memset(key, 'k', sizeof(key));
	CHECK_EQ(mqk_reserve(p, 3, key, 255, headers, h.len, 5, 0, &to), 0);
	memcpy(to, "12345", 5);
	CHECK_EQ(mqk_commit(p), 0);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(msg.d.key_len, 255);
	CHECK(!memcmp(msg.key, key, 255));
	CHECK_EQ(mqk_headers_find(msg.headers, msg.d.headers_len, "colour", &v), 1);
	CHECK(!memcmp(msg.payload, "12345", 5));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_port_seq(p), 3);
	CHECK_EQ(mqk_put(p, 4, MQK_STR("key"), "abc", 3, 0), 0);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK(msg.d.key_len == 3 && !memcmp(msg.payload, "abc", 3));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_settle(c), 4);
	end();
}

static void reservations(void)
{
	void *to, *again;

	begin(PORT(.inplace = true), CONSUMER(.prefetch = 0));
	CHECK_EQ(mqk_reserve(p, 1, NULL, 256, NULL, 0, 0, 0, &to), -EINVAL);
	CHECK_EQ(mqk_reserve(p, 1, NULL, 0, NULL, 4, 0, 0, &to), -EINVAL);
	CHECK_EQ(mqk_reserve(p, 1, NULL, 0, NULL, 0, 2000000, 0, &to), -EMSGSIZE);
	CHECK_EQ(mqk_commit(p), -EINVAL);
	/* Another one replaces it, in the same place. */
	CHECK_EQ(mqk_reserve(p, 9, NULL, 0, NULL, 0, 5000, 0, &to), 0);
	memset(to, 0xee, 5000);
	CHECK_EQ(mqk_reserve(p, 1, NULL, 0, NULL, 0, 10, 0, &again), 0);
	CHECK(to == again);
	fill(again, 10, 1);
	CHECK_EQ(mqk_commit(p), 0);
	CHECK_EQ(mqk_commit(p), -EINVAL);
	EXPECT_NEXT(1, 10);
	CHECK_EQ(mqk_next(c, &msg), 0);
	/* Shorter than reserved. */
	CHECK_EQ(mqk_reserve(p, 2, NULL, 0, NULL, 0, 10000, 0, &to), 0);
	memset(to, 0xee, 10000);
	fill(to, 130, 2);
	CHECK_EQ(mqk_commit_len(p, 10001), -EINVAL);
	CHECK_EQ(mqk_commit_len(p, 130), 0);
	CHECK_EQ(mqk_reserve(p, 3, NULL, 0, NULL, 0, 10, 0, &again), 0);
	CHECK_EQ((char *)again - (char *)to, 256);
	fill(again, 10, 3);
	CHECK_EQ(mqk_commit_len(p, 10), 0);
	EXPECT_NEXT(2, 130);
	EXPECT_NEXT(3, 10);
	CHECK_EQ(mqk_ack_multiple(c, msg.d.tag), 0);
	CHECK_EQ(mqk_port_seq(p), 3);
	end();
}

/* A copy port reserves nothing. */
static void reserve_needs_inplace(void)
{
	void *to;

	begin(NULL, NULL);
	CHECK_EQ(mqk_reserve(p, 1, NULL, 0, NULL, 0, 8, 0, &to), -EINVAL);
	end();
}

static void batches(void)
{
	unsigned int i;

	begin(PORT(.inplace = true, .batch = 10), CONSUMER(.prefetch = 0));
	for (i = 0; i < 9; i++)
		CHECK_EQ(put(i, 20), 0);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(fake_counts().doorbells, 0);
	CHECK_EQ(put(9, 20), 0);
	CHECK_EQ(fake_counts().doorbells, 1);
	for (i = 0; i < 10; i++) {
		EXPECT_NEXT(i, 20);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	CHECK_EQ(put(10, 20), 0);
	CHECK_EQ(mqk_flush(p), 1);
	CHECK_EQ(mqk_flush(p), 0);
	CHECK_EQ(fake_counts().doorbells, 2);
	EXPECT_NEXT(10, 20);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	/* Records wait in the segment: a copy must not overtake them. */
	CHECK_EQ(put(11, 20), 0);
	CHECK_EQ(mqk_publish(p, 12, MQK_STR("k"), "x", 1, 0), 0);
	CHECK_EQ(mqk_port_seq(p), 13);
	EXPECT_NEXT(11, 20);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(msg.d.exchange, 12);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	end();
}

/* Every commit word of a segment looks valid until it is overwritten. */
static void many_segments(void)
{
	unsigned int i, seed = 3;

	begin(PORT(.inplace = true, .batch = 7), CONSUMER(.entries = 16));
	for (i = 0; i < 3000; i++) {
		size_t len = (unsigned int)rand_r(&seed) % 3000;

		CHECK_EQ(put(i, len), 0);
		CHECK_EQ(mqk_flush(p) >= 0, 1);
		EXPECT_NEXT(i, len);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	/* Exactly to the end of a segment. */
	for (i = 0; i < 5; i++) {
		CHECK_EQ(put(i, FAKE_SEGMENT - 64), 0);
		CHECK_EQ(mqk_flush(p) >= 0, 1);
		EXPECT_NEXT(i, FAKE_SEGMENT - 64);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	CHECK_EQ(mqk_settle(c) >= 0, 1);
	end();
}

static void jumbo(void)
{
	static const size_t sizes[] = { 65473, 100000, 200000, 1000000, 70000 };
	struct mqk_msg msgs[5];
	unsigned int i;
	void *to;

	begin(PORT(.inplace = true), CONSUMER(.prefetch = 0));
	for (i = 0; i < 5; i++)
		CHECK_EQ(put(i, sizes[i]), 0);
	CHECK_EQ(put(5, 64), 0);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(mqk_next(c, &msgs[i]), 1);
		CHECK_EQ(msgs[i].d.payload_len, sizes[i]);
	}
	EXPECT_NEXT(5, 64);
	CHECK_EQ(fake_counts().mappings, 5 + 1);
	for (i = 0; i < 5; i++)
		CHECK(filled(msgs[i].payload, sizes[i], i));
	/* Each mapping goes with its message. */
	CHECK_EQ(mqk_ack(c, msgs[1].d.tag), 0);
	CHECK_EQ(fake_counts().mappings, 4 + 1);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(fake_counts().mappings, 4 + 1);
	CHECK_EQ(mqk_reject(c, msgs[3].d.tag, false), 0);
	CHECK_EQ(fake_counts().mappings, 3 + 1);
	CHECK_EQ(mqk_ack_multiple(c, msgs[2].d.tag), 0);
	CHECK_EQ(fake_counts().mappings, 1 + 1);
	CHECK(filled(msgs[4].payload, sizes[4], 4));
	CHECK_EQ(mqk_nack(c, 0, false, true), 0);
	CHECK_EQ(fake_counts().mappings, 0 + 1);
	CHECK_EQ(mqk_settle(c) >= 0, 1);

	/* Shorter, but still larger than a segment; and no longer. */
	CHECK_EQ(mqk_reserve(p, 6, NULL, 0, NULL, 0, 500000, 0, &to), 0);
	fill(to, 80000, 6);
	CHECK_EQ(mqk_commit_len(p, 80000), 0);
	CHECK_EQ(mqk_reserve(p, 7, MQK_STR("key"), NULL, 0, 500000, 0, &to), 0);
	fill(to, 800, 7);
	CHECK_EQ(mqk_commit_len(p, 800), 0);
	CHECK_EQ(put(8, 8), 0);
	EXPECT_NEXT(6, 80000);
	EXPECT_NEXT(7, 800);
	CHECK(msg.d.key_len == 3 && !memcmp(msg.key, "key", 3));
	EXPECT_NEXT(8, 8);
	CHECK_EQ(mqk_port_seq(p), 9);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	end();
}

/* What a noack consumer has not given back is not overwritten. */
static void noack(void)
{
	unsigned int i, n = 0;

	begin(PORT(.inplace = true, .batch = MQK_BATCH_MANUAL),
	      CONSUMER(.noack = true, .entries = 16));
	for (i = 0; i < 1000; i++) {
		CHECK_EQ(put(i, i % 300 == 0 ? 70000 : 1000), 0);
		if (i % 40 == 39)
			CHECK_EQ(mqk_flush(p) >= 0, 1);
	}
	CHECK_EQ(mqk_flush(p) >= 0, 1);
	/* The ring has 16 entries: the rest comes by kicks from mqk_next(). */
	while (mqk_next(c, &msg) == 1) {
		size_t len = n % 300 == 0 ? 70000 : 1000;

		CHECK_EQ(msg.d.exchange, n);
		CHECK(filled(msg.payload, len, n));
		CHECK_EQ(mqk_settle(c) >= 0, 1);	/* must not release it */
		CHECK(filled(msg.payload, len, n));
		n++;
	}
	CHECK_EQ(n, 1000);
	CHECK_EQ(mqk_ack(c, 1), -EINVAL);
	CHECK_EQ(mqk_next(c, &msg), 0);
	end();
}

static void copies(void)
{
	struct mqk_message v[10];
	unsigned char payload[10][100];
	unsigned int i;

	begin(NULL, CONSUMER(.copy = true));
	CHECK(mqk_consumer_copies(c));
	memset(v, 0, sizeof(v));
	for (i = 0; i < 10; i++) {
		fill(payload[i], 100, i);
		v[i].exchange = i;
		v[i].payload = (uintptr_t)payload[i];
		v[i].payload_len = 100;
	}
	/* publish_max is 4 */
	CHECK_EQ(mqk_publishv(p, v, 10), 10);
	CHECK_EQ(mqk_port_seq(p), 10);
	for (i = 0; i < 10; i++) {
		EXPECT_NEXT(i, 100);
		CHECK_EQ((uintptr_t)msg.payload % 16, 0);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	v[6].exchange = 404;
	CHECK_EQ(mqk_publishv(p, v, 10), 6);
	CHECK_EQ(mqk_publishv(p, v + 6, 4), -ENOENT);
	CHECK_EQ(mqk_port_seq(p), 16);
	for (i = 0; i < 6; i++)
		EXPECT_NEXT(i, 100);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK_EQ(fake_counts().mappings, 0);
	end();

	/* Not by choice. */
	fake_reset();
	fake.access = MQK_ACCESS_READ;
	CHECK_EQ(mqk_open(FAKE_NODE, MQK_OPEN_CONSUME, &m), 0);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	CHECK(mqk_consumer_copies(c));
	mqk_consumer_close(c);
	mqk_close(m);
}

/* No call but one for each few messages, although there is little credit. */
static void acknowledgements(void)
{
	unsigned long before;
	unsigned int i;

	begin(PORT(.inplace = true, .batch = MQK_BATCH_MANUAL),
	      CONSUMER(.entries = 16));
	for (i = 0; i < 400; i++)
		CHECK_EQ(put(i, 8), 0);
	CHECK_EQ(mqk_flush(p), 400);
	before = fake_counts().calls;
	for (i = 0; i < 400; i++) {
		EXPECT_NEXT(i, 8);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	CHECK(fake_counts().calls - before <= 400 / 4);
	/* Nothing to read, nothing new to tell: no call. */
	before = fake_counts().calls;
	for (i = 0; i < 10; i++)
		CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK(fake_counts().calls - before <= 1);

	/* Acknowledged too little for a kick: the dry ring makes up for it. */
	for (i = 0; i < 20; i++)
		CHECK_EQ(put(i, 8), 0);
	CHECK_EQ(mqk_flush(p), 20);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	for (i = 0; i < 16; i++)
		CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	for (i = 0; i < 3; i++)
		CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK_EQ(mqk_settle(c), 3);

	/* Out of credit, and idle polling makes no call either. */
	for (i = 0; i < 20; i++)
		CHECK_EQ(put(i, 8), 0);
	CHECK_EQ(mqk_flush(p), 20);
	for (i = 0; i < 16; i++)
		CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(mqk_next(c, &msg), 0);
	before = fake_counts().calls;
	for (i = 0; i < 10; i++)
		CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(fake_counts().calls, before);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	while (mqk_next(c, &msg) == 1)
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	end();
}

static void requeue(void)
{
	begin(PORT(.inplace = true), CONSUMER(.entries = 16));
	CHECK_EQ(put(1, 8), 0);
	CHECK_EQ(put(2, 8), 0);
	EXPECT_NEXT(1, 8);
	CHECK_EQ(mqk_nack(c, msg.d.tag, true, false), 0);
	CHECK_EQ(mqk_settle(c), 1);
	EXPECT_NEXT(2, 8);
	EXPECT_NEXT(1, 8);
	CHECK_EQ(msg.d.flags, MQK_DELIVERY_F_REDELIVERED);
	CHECK_EQ(mqk_reject(c, msg.d.tag, false), 0);
	/* What is not acknowledged returns with the consumer's end. */
	mqk_consumer_close(c);
	CHECK_EQ(fake_ready(), 1);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	EXPECT_NEXT(2, 8);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	end();
}

/* A ring full of acknowledgements that nobody takes is taken by a kick. */
static void ack_ring_full(void)
{
	unsigned int i;

	begin(PORT(.inplace = true), CONSUMER(.entries = 16, .prefetch = 16));
	for (i = 0; i < 3; i++)
		CHECK_EQ(put(i, 8), 0);
	EXPECT_NEXT(0, 8);
	for (i = 0; i < 50; i++)
		CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK(fake_counts().kicks >= 3);
	EXPECT_NEXT(1, 8);
	/* Settled with all others: unknown now, which breaks the consumer. */
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_settle(c), -EINVAL);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(mqk_next(c, &msg), -EINVAL);
	CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), -EINVAL);
	CHECK_EQ(mqk_consumer_arm(c), -EINVAL);
	end();
}

static void ends(void)
{
	begin(PORT(.inplace = true), CONSUMER(.entries = 16));
	CHECK_EQ(put(1, 8), 0);
	CHECK_EQ(mqk_cancel(c), 0);
	EXPECT_NEXT(1, 8);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_next(c, &msg), -ECANCELED);
	CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), -ECANCELED);
	end();

	begin(PORT(.inplace = true), CONSUMER(.entries = 16));
	CHECK_EQ(put(1, 8), 0);
	fake_end(-ENOENT);
	EXPECT_NEXT(1, 8);
	CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), -ENOENT);
	end();
}

static void timeouts(void)
{
	uint64_t start = mqk_now();

	begin(PORT(.confirm = true), CONSUMER(.spin_ns = 1000000));
	CHECK_EQ(mqk_recv(c, &msg, 0), 0);
	CHECK_EQ(mqk_recv(c, &msg, 20000000), 0);
	CHECK(mqk_now() - start >= 20000000);
	CHECK_EQ(c->ring.user->awake, 0);
	CHECK_EQ(mqk_port_wait(p, 0), 0);
	CHECK_EQ(mqk_port_wait(p, 1000000), 0);
	fake.hold_completions = true;
	CHECK_EQ(mqk_publish(p, 1, NULL, 0, "x", 1, 0), 0);
	CHECK_EQ(mqk_confirm_wait(p, 0, 1000000), -ETIMEDOUT);
	CHECK_EQ(mqk_confirm_wait(p, 2, 0), -EINVAL);
	CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), 1);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	end();
}

/* Who may sleep is woken, who spins is not. */
static void awake_word(void)
{
	begin(PORT(.inplace = true), CONSUMER(.entries = 16));
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(c->ring.user->awake, 0);
	mqk_consumer_close(c);
	CHECK_EQ(mqk_consume(m, "q", CONSUMER(.spin = true), &c), 0);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(c->ring.user->awake, 1);
	CHECK_EQ(mqk_consumer_arm(c), 0);
	CHECK_EQ(c->ring.user->awake, 0);
	CHECK_EQ(put(1, 8), 0);
	CHECK_EQ(mqk_consumer_arm(c), 1);
	EXPECT_NEXT(1, 8);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(c->ring.user->awake, 1);
	mqk_consumer_close(c);
	CHECK_EQ(mqk_consume(m, "q", CONSUMER(.spin_ns = 1000), &c), 0);
	CHECK_EQ(mqk_recv(c, &msg, 100000), 0);
	CHECK_EQ(c->ring.user->awake, 0);
	end();
}

struct told {
	unsigned int n;
	struct mqk_completion last;
};

static void tell(void *arg, const struct mqk_completion *done)
{
	struct told *t = arg;

	t->n++;
	t->last = *done;
}

static void confirms(void)
{
	struct mqk_completion done;
	struct told told = { .n = 0 };
	unsigned int i;

	begin(PORT(.inplace = true, .confirm = true, .batch = 4,
		   .entries = 16), CONSUMER(.noack = true));
	for (i = 0; i < 6; i++)
		CHECK_EQ(put(i, 8), 0);
	CHECK_EQ(mqk_confirm_wait(p, 3, MQK_FOREVER), 0);
	CHECK(mqk_port_confirmed(p) >= 3);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), 0);
	CHECK_EQ(mqk_port_confirmed(p), 6);
	CHECK_EQ(mqk_completion_next(p, &done), 0);

	/* One, several at once, a refusal, a return. */
	fake.hold_completions = true;
	p->ring.batch = MQK_BATCH_MANUAL;
	for (i = 6; i < 20; i++)
		CHECK_EQ(put(i, 8), 0);
	CHECK_EQ(mqk_flush(p), 14);
	CHECK_EQ(mqk_confirm_wait(p, 7, 0), -ETIMEDOUT);
	CHECK_EQ(mqk_port_confirmed(p), 6);
	fake_complete(7, MQK_COMPLETION_CONFIRM, 0, 0);
	fake_complete(8, MQK_COMPLETION_ERROR, 0, -EDQUOT);
	CHECK_EQ(mqk_port_wait(p, MQK_FOREVER), 1);
	CHECK_EQ(mqk_completion_next(p, &done), 1);
	CHECK_EQ(done.seq, 7);
	CHECK_EQ(mqk_port_confirmed(p), 7);
	CHECK_EQ(mqk_confirm_wait(p, 8, 0), -EDQUOT);
	CHECK_EQ(mqk_confirm_wait(p, 8, 0), 0);
	fake_complete(12, MQK_COMPLETION_RETURN, 0, -ENOENT);
	CHECK_EQ(mqk_confirm_wait(p, 12, 0), -ETIMEDOUT);
	CHECK_EQ(mqk_port_confirmed(p), 8);
	fake_complete(13, MQK_COMPLETION_CONFIRM, MQK_COMPLETION_F_MULTIPLE, 0);
	/* Read before it was time to tell. */
	CHECK_EQ(mqk_confirm_wait(p, 13, MQK_FOREVER), -ENOENT);
	fake_complete(14, MQK_COMPLETION_RETURN, 0, -ENOENT);
	fake_complete(15, MQK_COMPLETION_CONFIRM, MQK_COMPLETION_F_MULTIPLE, 0);
	fake_complete(16, MQK_COMPLETION_ERROR, 0, -EDQUOT);
	CHECK_EQ(mqk_confirm_wait(p, 16, MQK_FOREVER), -ENOENT);

	/* Somebody is told. */
	p->refused = tell;
	p->arg = &told;
	fake_complete(17, MQK_COMPLETION_ERROR, 0, -EMSGSIZE);
	fake_complete(20, MQK_COMPLETION_CONFIRM, MQK_COMPLETION_F_MULTIPLE, 0);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), 0);
	CHECK_EQ(mqk_port_confirmed(p), 20);
	CHECK_EQ(told.n, 1);
	CHECK_EQ(told.last.result, -EMSGSIZE);
	while (mqk_next(c, &msg) == 1)
		;
	end();
}

/* A full completion ring stops the port until it is read. */
static void completions_stop(void)
{
	struct mqk_completion done;
	unsigned int i, n = 0;

	begin(PORT(.inplace = true, .confirm = true, .entries = 16,
		   .batch = MQK_BATCH_MANUAL), NULL);
	fake.confirm_each = true;
	for (i = 0; i < 100; i++)
		CHECK_EQ(put(i, 8), 0);
	CHECK_EQ(mqk_flush(p), -EAGAIN);
	CHECK_EQ(mqk_flush(p), -EAGAIN);
	CHECK_EQ(mqk_publish(p, 1, NULL, 0, "x", 1, 0), -EAGAIN);
	while (mqk_completion_next(p, &done) == 1)
		CHECK_EQ(done.seq, ++n);
	CHECK_EQ(n, 16);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), 0);
	CHECK_EQ(mqk_port_confirmed(p), 100);
	end();
}

static void pulling(void)
{
	struct mqk_buffer buf = { NULL, 0 };
	unsigned int i, pass;
	uint64_t seq = 0;

	begin(PORT(.inplace = true), NULL);
	for (i = 0; i < 5; i++)
		CHECK_EQ(put(i, i == 3 ? 90000 : 5000), 0);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(mqk_browse(m, 1, &seq, &msg, &buf), 1);
		CHECK_EQ(msg.d.seq, i + 1);
		CHECK(filled(msg.payload, msg.d.payload_len, i));
	}
	CHECK_EQ(mqk_browse(m, 1, &seq, &msg, &buf), 0);
	mqk_buffer_free(&buf);
	for (pass = 0; pass < 3; pass++) {
		CHECK_EQ(mqk_puller_open(m, CONSUMER(.noack = pass == 2,
						     .copy = pass == 1), &c), 0);
		CHECK_EQ(mqk_next(c, &msg), -EINVAL);
		CHECK_EQ(mqk_recv(c, &msg, 0), -EINVAL);
		CHECK_EQ(mqk_cancel(c), -EINVAL);
		for (i = 0; i < 5; i++) {
			CHECK_EQ(mqk_get(c, 1, &msg, NULL, 0), 1);
			CHECK_EQ(msg.d.exchange, i);
			CHECK(filled(msg.payload, msg.d.payload_len, i));
		}
		CHECK_EQ(mqk_get(c, 1, &msg, NULL, 0), 0);
		CHECK_EQ(mqk_get(c, 1, &msg, NULL, 1000), 0);
		if (pass == 0)
			CHECK_EQ(mqk_nack(c, 0, true, true), 0);
		if (pass == 1)
			CHECK_EQ(mqk_nack(c, msg.d.tag, true, true), 0);
		mqk_consumer_close(c);
		c = NULL;
	}
	end();
}

/* No room for mappings: nothing is lost, and trimming makes some. */
static void out_of_mappings(void)
{
	unsigned int i;

	begin(PORT(.inplace = true), CONSUMER(.prefetch = 0));
	for (i = 0; i < 10; i++)
		CHECK_EQ(put(i, 50000), 0);
	for (i = 0; i < 5; i++)
		EXPECT_NEXT(i, 50000);
	fake.mmap_fails = 1;
	CHECK_EQ(mqk_next(c, &msg), -ENOMEM);
	EXPECT_NEXT(5, 50000);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK_EQ(fake_counts().mappings, 6);
	mqk_consumer_trim(c);
	CHECK_EQ(fake_counts().mappings, 0);
	for (i = 6; i < 10; i++)
		EXPECT_NEXT(i, 50000);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK_EQ(mqk_settle(c) >= 0, 1);
	mqk_consumer_close(c);
	/* A mapping stays for the next consumer. */
	CHECK(fake_counts().mappings > 0);
	CHECK_EQ(mqk_consume(m, "q", CONSUMER(.noack = true), &c), 0);
	for (i = 0; i < 10; i++)
		CHECK_EQ(put(i, 50000), 0);
	for (i = 0; i < 10; i++) {
		if (i == 5)
			fake.mmap_fails = 1;
		EXPECT_NEXT(i, 50000);
	}
	CHECK_EQ(mqk_next(c, &msg), 0);
	end();
}

static const struct test tests[] = {
	TEST(in_place),
	TEST(reservations),
	TEST(reserve_needs_inplace),
	TEST(batches),
	TEST(many_segments),
	TEST(jumbo),
	TEST(noack),
	TEST(copies),
	TEST(acknowledgements),
	TEST(requeue),
	TEST(ack_ring_full),
	TEST(ends),
	TEST(timeouts),
	TEST(awake_word),
	TEST(confirms),
	TEST(completions_stop),
	TEST(pulling),
	TEST(out_of_mappings),
};

int main(void)
{
	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
