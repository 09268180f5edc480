// SPDX-License-Identifier: GPL-2.0-only
/*
 * Malformed records: every byte of a record's head with every kind of value.
 * A record is taken, or refused with an error of its own, or it breaks the port
 * that wrote it (EPROTO); whatever was published before it stays.
 *
 * mqk-test: parallel timeout=60 kernels=stock,debug,host
 */
#include <stdlib.h>
#include <unistd.h>
#include "innocent.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define SEGMENT	(64u << 10)

FIXTURE(record)
{
	struct env env;
	struct innocent innocent;
	int s;
	struct port port;
	__u32 exchange, queue;
};

FIXTURE_SETUP(record)
{
	struct mqk_broker_create want = { .segment_size = SEGMENT };
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	ASSERT_EQ(0, innocent_start(&self->innocent, &self->env));
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
	id = exchange_declare(self->s, "e", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, binding_add(self->s, "e", "q", ""));
	ASSERT_EQ(0, port_make(&self->port, self->s, MQK_PORT_F_INPLACE, 64));
}

FIXTURE_TEARDOWN(record)
{
	EXPECT_LT(0, innocent_stop(&self->innocent));
	EXPECT_EQ(0, env_end(&self->env));
}

static __u64 arrived(FIXTURE_DATA(record) *self)
{
	struct mqk_queue_next info;

	return queue_info(self->s, self->queue, &info) ? ~0ull : info.published;
}

/* A new port in place of the broken one. */
static int renew(FIXTURE_DATA(record) *self)
{
	int ret = port_close(&self->port);

	port_unmap(&self->port);
	return ret ?: port_make(&self->port, self->s, MQK_PORT_F_INPLACE, 64);
}

enum outcome { TAKEN = 1, IGNORED, REFUSED, BROKEN };

/* Ring for a record, and say what became of it; -1: something else. */
static int ring(FIXTURE_DATA(record) *self)
{
	__u64 before = arrived(self);
	struct mqk_completion c;
	int ret = port_doorbell(&self->port);
	__u64 more = arrived(self) - before;

	if (ret == -EPROTO && self->port.k->error == -EPROTO && !more)
		/* For good. */
		return port_doorbell(&self->port) == -EPROTO ? BROKEN : -1;
	if (ret < 0 || self->port.k->error)
		return -1;
	if (!port_completion(&self->port, &c, 0))
		return c.type == MQK_COMPLETION_ERROR && !more ? REFUSED : -1;
	/* Another exchange may lead nowhere. */
	return ret == 0 && !more ? IGNORED : ret == 1 && more <= 1 ? TAKEN : -1;
}

static struct mqk_record *prepare(FIXTURE_DATA(record) *self)
{
	struct msg m = {
		.exchange = self->exchange, .key = "key", .key_len = 3,
		.payload = "some payload of a record", .payload_len = 24,
	};
	struct mqk_record *r = port_reserve(&self->port, 3, 0, 24);

	if (r)
		port_fill(r, &m);
	return r;
}

/* What the outcome of a single field must be. */
static int outcome_of(FIXTURE_DATA(record) *self, __u32 offset,
		      const void *value, __u32 len)
{
	struct mqk_record *r;
	int ret;

	if (self->port.k->error && renew(self))
		return -2;
	/* Each in a segment of its own: what it claims may be long. */
	if (port_segment(&self->port, 0))
		return -3;
	r = prepare(self);
	if (!r)
		return -4;
	port_commit(&self->port, r);
	memcpy((__u8 *)r + offset, value, len);
	ret = ring(self);
	/* The port is as good as before, unless it is broken. */
	if (ret == TAKEN || ret == REFUSED || ret == IGNORED) {
		if (port_segment(&self->port, 0))
			return -5;
		port_commit(&self->port, prepare(self));
		if (ring(self) != TAKEN)
			return -6;
	}
	return ret;
}

#define OUTCOME(member, value) ({					\
	__typeof__(((struct mqk_record *)0)->member) v_ = (value);	\
	outcome_of(self, offsetof(struct mqk_record, member), &v_,	\
		   sizeof(v_));						\
})

TEST_F(record, commit_word)
{
	__u32 generation;

	ASSERT_EQ(0, port_segment(&self->port, 0));
	generation = self->port.seg.generation;
	/* Anything but the segment's generation is no record (yet). */
	EXPECT_EQ(IGNORED, OUTCOME(commit, 0));
	EXPECT_EQ(IGNORED, OUTCOME(commit, ~0u));
	EXPECT_EQ(IGNORED, OUTCOME(commit, generation + 0x10000000));
	EXPECT_EQ(IGNORED, OUTCOME(commit, self->port.seg.generation - 1));
}

TEST_F(record, payload_len)
{
	EXPECT_EQ(TAKEN, OUTCOME(payload_len, 0));
	EXPECT_EQ(TAKEN, OUTCOME(payload_len, SEGMENT - 64));
	EXPECT_EQ(BROKEN, OUTCOME(payload_len, SEGMENT - 63));
	EXPECT_EQ(BROKEN, OUTCOME(payload_len, SEGMENT));
	EXPECT_EQ(BROKEN, OUTCOME(payload_len, 0x7fffffff));
	EXPECT_EQ(BROKEN, OUTCOME(payload_len, ~0u));
	EXPECT_EQ(BROKEN, OUTCOME(payload_len, ~0u - 127));
}

TEST_F(record, headers_len)
{
	EXPECT_EQ(BROKEN, OUTCOME(headers_len, 1));
	EXPECT_EQ(BROKEN, OUTCOME(headers_len, 7));
	EXPECT_EQ(BROKEN, OUTCOME(headers_len, 0xffff));
	EXPECT_EQ(BROKEN, OUTCOME(headers_len, MQK_HEADERS_MAX + 4));
	/* Within a segment there is no room for the largest. */
	EXPECT_EQ(BROKEN, OUTCOME(headers_len, MQK_HEADERS_MAX));
}

TEST_F(record, key_len)
{
	EXPECT_EQ(TAKEN, OUTCOME(key_len, 0));
	EXPECT_EQ(TAKEN, OUTCOME(key_len, 32));
	EXPECT_EQ(TAKEN, OUTCOME(key_len, 255));
}

TEST_F(record, type)
{
	EXPECT_EQ(BROKEN, OUTCOME(type, 0));
	EXPECT_EQ(BROKEN, OUTCOME(type, 2));
	EXPECT_EQ(BROKEN, OUTCOME(type, 255));
}

TEST_F(record, flags)
{
	unsigned int bit;

	EXPECT_EQ(TAKEN, OUTCOME(flags, MQK_MSG_F_MANDATORY));
	EXPECT_EQ(TAKEN, OUTCOME(flags, MQK_MSG_F_CC));
	EXPECT_EQ(TAKEN, OUTCOME(flags, MQK_MSG_F_EXPIRATION));
	EXPECT_EQ(TAKEN, OUTCOME(flags, MQK_MSG_F_DELAY));
	/* it has no id */
	EXPECT_EQ(REFUSED, OUTCOME(flags, MQK_MSG_F_ID));
	EXPECT_EQ(REFUSED, OUTCOME(flags, MQK_MSG_F_GROUP));
	for (bit = 3; bit < 32; bit++) {
		if (1u << bit & (MQK_MSG_F_DELAY | MQK_MSG_F_GROUP | MQK_MSG_F_ID))
			continue;
		EXPECT_EQ(BROKEN, OUTCOME(flags, 1u << bit)) {
			TH_LOG("flag %#x", 1u << bit);
		}
	}
}

TEST_F(record, exchange)
{
	EXPECT_EQ(REFUSED, OUTCOME(exchange, 0));
	EXPECT_EQ(REFUSED, OUTCOME(exchange, self->exchange + 1));
	EXPECT_EQ(REFUSED, OUTCOME(exchange, 0x7fffffff));
	EXPECT_EQ(REFUSED, OUTCOME(exchange, ~0u));
}

TEST_F(record, reserved)
{
	EXPECT_EQ(BROKEN, OUTCOME(resv0[0], 1));
	EXPECT_EQ(BROKEN, OUTCOME(resv0[2], 0x80));
	/* without its flag */
	EXPECT_EQ(BROKEN, OUTCOME(expiration, 1));
	EXPECT_EQ(BROKEN, OUTCOME(delay, 1));
	EXPECT_EQ(BROKEN, OUTCOME(delay, 1u << 31));
}

/* Every byte of the head, at several values: one of the four, always. */
TEST_F_TIMEOUT(record, every_byte, 60)
{
	static const __u8 values[] = { 0, 1, 2, 7, 0x20, 0x7f, 0x80, 0xff };
	__u32 count[5] = { 0 }, offset, v;

	for (offset = 0; offset < sizeof(struct mqk_record); offset++) {
		for (v = 0; v < ARRAY_SIZE(values); v++) {
			int ret = outcome_of(self, offset, &values[v], 1);

			ASSERT_LT(0, ret) {
				TH_LOG("byte %u, value %#x", offset, values[v]);
			}
			count[ret]++;
			/* The key may be anything. */
			if (offset >= MQK_RECORD_KEY) {
				ASSERT_EQ(TAKEN, ret);
			}
		}
	}
	EXPECT_LT(0, count[TAKEN]);
	EXPECT_LT(0, count[IGNORED]);
	EXPECT_LT(0, count[REFUSED]);
	EXPECT_LT(0, count[BROKEN]);
	EXPECT_TRUE(queue_adds_up(self->s, self->queue));
}

TEST_F_TIMEOUT(record, random_heads, 60)
{
	__u64 random = 99;
	int i;

	for (i = 0; i < 1000; i++) {
		__u8 bytes[16];
		__u32 len = random_next(&random) % 15 + 1, j;
		__u32 at = random_next(&random) % (sizeof(struct mqk_record) -
						   len);

		for (j = 0; j < len; j++)
			bytes[j] = random_next(&random) >> 50;
		ASSERT_LT(0, outcome_of(self, at, bytes, len)) {
			TH_LOG("round %d, %u bytes at %u", i, len, at);
		}
	}
	EXPECT_TRUE(queue_adds_up(self->s, self->queue));
}

/* Good ones before a bad one in the same batch are in the queue. */
TEST_F(record, good_ones_before_a_bad_one)
{
	struct mqk_record *r;
	int i;

	for (i = 0; i < 5; i++) {
		r = prepare(self);
		if (i == 3)
			r->type = 77;
		port_commit(&self->port, r);
	}
	/* They are reported, then the trouble is. */
	EXPECT_EQ(3, port_doorbell(&self->port));
	EXPECT_EQ(3, arrived(self));
	EXPECT_EQ(-EPROTO, port_doorbell(&self->port));
	EXPECT_EQ(-EPROTO, self->port.k->error);
	EXPECT_EQ(MQK_RULE_BROKEN, ({
		port_doorbell(&self->port);
		rule(self->s);
	}));
	EXPECT_EQ(-EPROTO, port_segment(&self->port, 0));
	/* The session is none the worse. */
	ASSERT_EQ(0, renew(self));
	port_commit(&self->port, prepare(self));
	EXPECT_EQ(1, port_doorbell(&self->port));
	EXPECT_EQ(4, arrived(self));
}

/* A record that ends where the segment ends, and one that does not fit. */
TEST_F(record, at_the_segments_end)
{
	__u32 i, records = SEGMENT / 128;
	struct mqk_record *r;

	for (i = 0; i < records; i++) {
		r = prepare(self);
		ASSERT_EQ(self->port.open + i * 128, (__u8 *)r);
		port_commit(&self->port, r);
	}
	ASSERT_EQ(records, port_doorbell(&self->port));
	ASSERT_EQ(0, port_doorbell(&self->port));
	/* In the last place, one that claims 64 bytes more. */
	ASSERT_EQ(0, port_segment(&self->port, 0));
	for (i = 0; i < records; i++) {
		r = prepare(self);
		if (i == records - 1)
			r->payload_len = 65;
		port_commit(&self->port, r);
	}
	EXPECT_EQ(records - 1, port_doorbell(&self->port));
	EXPECT_EQ(-EPROTO, port_doorbell(&self->port));
	EXPECT_EQ(2 * records - 1, arrived(self));
}

/* The same head as all before it, where there is no room for it any more. */
TEST_F(record, one_more_of_the_same)
{
	struct msg m = {
		.exchange = self->exchange, .key = "key", .key_len = 3,
		.payload = "", .payload_len = 100,
	};
	__u32 i, fit = SEGMENT / 192;
	__u8 payload[100] = { 0 };
	struct mqk_record *r;

	m.payload = payload;
	for (i = 0; i < fit; i++) {
		ASSERT_EQ(0, port_place(&self->port, &m));
	}
	ASSERT_EQ(64, SEGMENT - self->port.at);
	ASSERT_EQ(fit, port_doorbell(&self->port));
	r = (struct mqk_record *)(self->port.open + self->port.at);
	memcpy((__u8 *)r + 4, (__u8 *)(self->port.open) + 4, 60);
	port_commit(&self->port, r);
	EXPECT_EQ(-EPROTO, port_doorbell(&self->port));
	EXPECT_EQ(fit, arrived(self));
}

/* A key that is longer than what is left of the segment. */
TEST_F(record, key_beyond_the_end)
{
	__u32 i, records = SEGMENT / 128;
	struct mqk_record *r = NULL;

	for (i = 0; i < records; i++) {
		r = prepare(self);
		if (i == records - 1) {
			r->payload_len = 0;
			r->key_len = 200;
		}
		port_commit(&self->port, r);
	}
	EXPECT_EQ(records - 1, port_doorbell(&self->port));
	EXPECT_EQ(-EPROTO, port_doorbell(&self->port));
	EXPECT_EQ(records - 1, arrived(self));
}

/* A segment full of valid commit words at every place: garbage breaks the port,
 * it is not walked into.
 */
TEST_F(record, a_segment_of_commit_words)
{
	__u32 i, *words;
	int ret;

	ASSERT_EQ(0, port_segment(&self->port, 0));
	words = (__u32 *)self->port.open;
	for (i = 0; i < SEGMENT / 4; i++)
		words[i] = self->port.seg.generation;
	ret = port_doorbell(&self->port);
	EXPECT_EQ(-EPROTO, ret);
	EXPECT_EQ(0, arrived(self));
}

TEST_HARNESS_MAIN
