// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of every size, published both ways, read both ways: what goes in
 * comes out, byte for byte, with its key, headers and properties.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define MIB	(1ull << 20)

FIXTURE(sizes)
{
	struct env env;
	int s, r;			/* sends, receives */
	struct port port;
	struct consumer consumer;
	__u32 exchange, queue;
	struct mqk_query q;
};

FIXTURE_VARIANT(sizes)
{
	__u32 port_flags, consumer_flags;
	__u64 segment_size;
};

FIXTURE_VARIANT_ADD(sizes, copy_mapped)
{
	.segment_size = 1 << 20,
};

FIXTURE_VARIANT_ADD(sizes, inplace_mapped)
{
	.port_flags = MQK_PORT_F_INPLACE, .segment_size = 1 << 20,
};

FIXTURE_VARIANT_ADD(sizes, copy_read)
{
	.consumer_flags = MQK_CONSUMER_F_COPY, .segment_size = 64 << 10,
};

FIXTURE_VARIANT_ADD(sizes, inplace_read)
{
	.port_flags = MQK_PORT_F_INPLACE,
	.consumer_flags = MQK_CONSUMER_F_COPY, .segment_size = 64 << 10,
};

FIXTURE_SETUP(sizes)
{
	struct mqk_broker_create want = {
		.segment_size = variant->segment_size,
	};
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	ASSERT_EQ(0, query(self->s, &self->q));
	id = exchange_declare(self->s, "e", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, binding_add(self->s, "e", "q", ""));
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->port_flags, 64));
	ASSERT_EQ(0, consumer_make(&self->consumer, self->r, "q",
				   variant->consumer_flags, 16, 16));
}

FIXTURE_TEARDOWN(sizes)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Why the delivery @d is not message @m with payload pattern @seed; or 0. */
static int differs(FIXTURE_DATA(sizes) *self, __u32 consumer_flags,
		   const struct mqk_delivery *d, const struct msg *m,
		   __u64 seed)
{
	__u64 size = MQK_RECORD_SIZE(m->key_len, m->headers_len,
				     m->payload_len);
	__u8 *copied = NULL;
	const __u8 *record;
	int ret = 0;

	if (d->payload_len != m->payload_len || d->key_len != m->key_len ||
	    d->headers_len != m->headers_len)
		return 1;
	if (d->exchange != m->exchange || d->queue != self->queue ||
	    d->priority != m->priority || d->flags || d->count)
		return 2;
	if (d->uid != getuid() || d->pid != (__u32)getpid())
		return 3;
	if (MQK_REF_OFFSET(d->ref) % MQK_RECORD_ALIGN)
		return 4;
	if (consumer_flags & MQK_CONSUMER_F_COPY) {
		struct mqk_read r = {
			.size = sizeof(r),
			.consumer = self->consumer.c.id,
			.tag = d->tag,
			.offset = MQK_RECORD_KEY,
		};

		copied = malloc(size);
		r.data = (uintptr_t)(copied + MQK_RECORD_KEY);
		r.len = size - MQK_RECORD_KEY;
		record = copied;
		if (mq(self->r, MQK_IOC_READ, &r))
			ret = 5;
		/* All there is: the payload's end may be padding. */
		else if (r.len < MQK_RECORD_PAYLOAD(m->key_len, m->headers_len)
				 + m->payload_len - MQK_RECORD_KEY)
			ret = 6;
	} else {
		record = record_map(self->r, d);
		if (!record)
			return 7;
	}
	if (!ret && memcmp(record + MQK_RECORD_KEY, m->key, m->key_len))
		ret = 8;
	if (!ret && memcmp(record + MQK_RECORD_HEADERS(m->key_len), m->headers,
			   m->headers_len))
		ret = 9;
	if (!ret && !pattern_ok(record + MQK_RECORD_PAYLOAD(m->key_len,
							    m->headers_len),
				m->payload_len, seed))
		ret = 10;
	free(copied);
	return ret;
}

/* Send one message of these lengths and check what comes. */
static int round_trip(FIXTURE_DATA(sizes) *self, __u32 consumer_flags,
		      __u8 key_len, __u16 headers_len, __u32 payload_len)
{
	static __u64 seed;
	__u8 key[255], *headers = calloc(1, 65536);
	__u8 *payload = malloc(payload_len + 8ull);
	struct mqk_delivery d;
	struct msg m = {
		.exchange = self->exchange,
		.key = key, .key_len = key_len,
		.headers = headers, .headers_len = headers_len,
		.payload = payload, .payload_len = payload_len,
	};
	int ret = -ENOMEM;

	if (!payload || !headers)
		goto out;
	pattern_fill(key, key_len, ++seed);
	pattern_fill(payload, payload_len, seed);
	/* Valid headers: void ones without a name take 8 bytes each. */
	for (ret = 0; ret < headers_len; ret += 8) {
		headers[ret] = MQK_HEADER_VOID;
		headers[ret + 1] = 1;
		headers[ret + 4] = 'a' + ret / 8 % 26;
	}
	ret = port_publish(&self->port, &m);
	if (!ret)
		ret = consumer_next(&self->consumer, &d, LONG_MS);
	if (!ret)
		ret = differs(self, consumer_flags, &d, &m, seed);
	if (!ret && consumer_settle(&self->consumer, d.tag, MQK_ACK_ACCEPT, 0)
		    != 1)
		ret = 11;
out:
	free(payload);
	free(headers);
	return ret;
}

TEST_F(sizes, payloads)
{
	static const __u32 sizes[] = {
		0, 1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 1000, 4031, 4032,
		4033, 4095, 4096, 4097, 8191, 8192, 16384, 32768, 65000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, round_trip(self, variant->consumer_flags, 4, 0,
					sizes[i])) {
			TH_LOG("%u bytes", sizes[i]);
		}
	}
}

TEST_F(sizes, keys_and_headers)
{
	static const __u8 keys[] = { 0, 1, 31, 32, 33, 40, 254, 255 };
	static const __u16 headers[] = { 0, 8, 16, 64, 4096, MQK_HEADERS_MAX };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		for (j = 0; j < ARRAY_SIZE(headers); j++) {
			ASSERT_EQ(0, round_trip(self, variant->consumer_flags,
						keys[i], headers[j], 100)) {
				TH_LOG("key %u, headers %u", keys[i],
				       headers[j]);
			}
		}
}

/* What just fits a segment, and what just does not. */
TEST_F(sizes, around_the_segment_size)
{
	__u32 fits = self->q.segment_size - MQK_RECORD_PAYLOAD(4, 0);
	static const int off[] = { -65, -64, -63, -1, 0, 1, 2, 63, 64, 65 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(off); i++) {
		ASSERT_EQ(0, round_trip(self, variant->consumer_flags, 4, 0,
					fits + off[i])) {
			TH_LOG("%u bytes, segments of %llu", fits + off[i],
			       self->q.segment_size);
		}
		/* Ordinary ones in between. */
		ASSERT_EQ(0, round_trip(self, variant->consumer_flags, 4, 0,
					100));
	}
}

TEST_F(sizes, several_segments_long)
{
	unsigned int i;

	for (i = 2; i < 6; i++) {
		ASSERT_EQ(0, round_trip(self, variant->consumer_flags, 33, 16,
					self->q.segment_size * i + i));
	}
}

TEST_F_TIMEOUT(sizes, sixty_four_MiB, 120)
{
	if (kernel_is_slow() && variant->segment_size != 1 << 20)
		SKIP(return, "takes minutes on an instrumented kernel: done there with large segments only");
	ASSERT_LE(64 * MIB, self->q.message_max);
	ASSERT_EQ(0, round_trip(self, variant->consumer_flags, 4, 0,
				64 * MIB));
	ASSERT_EQ(0, round_trip(self, variant->consumer_flags, 4, 0, 5));
}

TEST_F(sizes, over_message_max_is_EMSGSIZE)
{
	struct mqk_queue_next info;
	struct msg m = { .exchange = self->exchange, .key = "", };

	/* No byte of it is touched. */
	m.payload = map(self->r, self->consumer.c.page_offset, PAGE, PROT_READ);
	m.payload_len = self->q.message_max - 63;
	if (self->port.inplace) {
		EXPECT_EQ(-EMSGSIZE, port_segment(&self->port,
						  self->q.message_max + 1));
		EXPECT_EQ(-EMSGSIZE, port_segment(&self->port, ~0ull));
	} else {
		EXPECT_EQ(-EMSGSIZE, port_publish(&self->port, &m));
		m.payload_len = ~0u;
		EXPECT_EQ(-EMSGSIZE, port_publish(&self->port, &m));
	}
	EXPECT_EQ(MQK_RULE_TOO_LARGE, rule(self->s));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(0, info.published);
	EXPECT_EQ(0, round_trip(self, variant->consumer_flags, 4, 0, 5));
}

/* Sizes at random, more than fits the broker's spare segments, each freed when
 * it is acknowledged: numbers of segments come round again.
 */
TEST_F_TIMEOUT(sizes, random_sizes_recycle_segments, 60)
{
	__u64 state = 1, sum = 0;
	int i;

	for (i = 0; i < (kernel_is_slow() ? 100 : 300) && sum < 100 * MIB; i++) {
		__u32 size = random_next(&state) % 5 ?
			random_next(&state) % 5000 :
			random_next(&state) % (3 * self->q.segment_size);

		sum += size;
		ASSERT_EQ(0, round_trip(self, variant->consumer_flags,
					random_next(&state) % 256,
					random_next(&state) % 8 * 8, size)) {
			TH_LOG("message %d of %u bytes", i, size);
		}
	}
}

/* Many in one call; the queue keeps their order and their bytes. */
TEST_F(sizes, batches)
{
	static const __u32 counts[] = { 1, 2, 15, 16, 17, 64, 100, 500 };
	struct mqk_delivery d;
	struct msg m[500] = { 0 };
	__u32 numbers[500], i, j, next;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (j = 0; j < counts[i]; j++) {
			numbers[j] = i * 1000 + j;
			m[j].exchange = self->exchange;
			m[j].payload = &numbers[j];
			m[j].payload_len = 4;
			m[j].key = "k";
			m[j].key_len = 1;
		}
		/* In place, a hand-over in the middle has taken some already. */
		if (self->port.inplace) {
			ASSERT_LE(0, port_publish_batch(&self->port, m,
							counts[i]));
		} else {
			ASSERT_EQ(counts[i], port_publish_batch(&self->port, m,
								counts[i]));
		}
		for (j = 0; j < counts[i]; j++) {
			ASSERT_EQ(0, consumer_next(&self->consumer, &d,
						   LONG_MS));
			if (variant->consumer_flags & MQK_CONSUMER_F_COPY) {
				ASSERT_EQ(4, delivery_read(&self->consumer, &d,
							   &next, 4));
			} else
				next = delivery_number(self->r, &d);
			ASSERT_EQ(i * 1000 + j, next);
			consumer_ack(&self->consumer, d.tag, MQK_ACK_ACCEPT, 0);
		}
	}
}

/* One record, many queues: each has it, the bytes are there once. */
TEST_F(sizes, to_many_queues)
{
	enum { QUEUES = 40 };
	struct mqk_queue_next info;
	__u8 payload[5000];
	struct msg m = {
		.exchange = self->exchange, .key = "",
		.payload = payload, .payload_len = sizeof(payload),
	};
	struct mqk_stat before, after;
	__s64 ids[QUEUES];
	char name[16];
	int i;

	for (i = 0; i < QUEUES; i++) {
		sprintf(name, "many-%d", i);
		ids[i] = queue_declare(self->s, name, 0);
		ASSERT_LT(0, ids[i]);
		ASSERT_EQ(0, binding_add(self->s, "e", name, ""));
	}
	ASSERT_EQ(0, stat_get(self->s, &before));
	pattern_fill(payload, sizeof(payload), 1);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, port_publish(&self->port, &m));
	}
	ASSERT_EQ(0, stat_get(self->s, &after));
	EXPECT_EQ(20, after.published - before.published);
	EXPECT_EQ(20 * sizeof(payload),
		  after.published_bytes - before.published_bytes);
	EXPECT_EQ(20 * (QUEUES + 1), after.routed - before.routed);
	/* 20 times 5 KB, be it for 40 queues: a segment or two. */
	EXPECT_GE(2 + 100000 / self->q.segment_size + 1, after.segments);
	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(0, queue_info(self->s, ids[i], &info));
		EXPECT_EQ(20, info.ready);
		EXPECT_EQ(20 * sizeof(payload), info.bytes);
	}
}

TEST_HARNESS_MAIN
