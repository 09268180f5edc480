// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing in place, step by step: reserve, fill, commit, doorbell, hand-over
 * of segments, and what the producer cannot do to a record any more.
 *
 * mqk-test: parallel timeout=60
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

FIXTURE(inplace)
{
	struct env env;
	int s, r;
	struct port port;
	struct consumer consumer;
	__u32 exchange, queue;
};

FIXTURE_SETUP(inplace)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, MQK_PORT_F_INPLACE |
						     MQK_PORT_F_CONFIRM, 64));
	ASSERT_EQ(0, consumer_make(&self->consumer, self->r, "q", 0, 64, 64));
}

FIXTURE_TEARDOWN(inplace)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static struct mqk_record *reserve(FIXTURE_DATA(inplace) *self,
				  const __u32 *number)
{
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = number, .payload_len = 4,
	};
	struct mqk_record *r = port_reserve(&self->port, 1, 0, 4);

	if (r)
		port_fill(r, &m);
	return r;
}

static __u64 ready(FIXTURE_DATA(inplace) *self)
{
	struct mqk_queue_next info;

	return queue_info(self->s, self->queue, &info) ? ~0ull :
	       info.ready + info.unacked;
}

TEST_F(inplace, doorbell_of_nothing_takes_nothing)
{
	EXPECT_EQ(0, port_doorbell(&self->port));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_EQ(0, port_doorbell(&self->port));
	EXPECT_EQ(0, self->port.k->position);
	EXPECT_EQ(0, self->port.k->error);
}

TEST_F(inplace, doorbell_takes_what_is_committed_in_order)
{
	struct mqk_record *r[4];
	__u32 i;

	for (i = 0; i < 4; i++) {
		r[i] = reserve(self, &i);
		ASSERT_NE(NULL, r[i]);
	}
	EXPECT_EQ(0, port_doorbell(&self->port));
	/* Not the one behind a gap. */
	port_commit(&self->port, r[1]);
	EXPECT_EQ(0, port_doorbell(&self->port));
	port_commit(&self->port, r[0]);
	EXPECT_EQ(2, port_doorbell(&self->port));
	EXPECT_EQ(256, self->port.k->position);
	EXPECT_EQ(0, port_doorbell(&self->port));
	port_commit(&self->port, r[2]);
	port_commit(&self->port, r[3]);
	EXPECT_EQ(2, port_doorbell(&self->port));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i, take_number(&self->consumer, NULL, LONG_MS));
	}
}

TEST_F(inplace, a_full_batch_in_one_doorbell)
{
	__u32 i, taken = 0, fit = (64 << 10) / 128;

	for (i = 0; i < fit; i++)
		port_commit(&self->port, reserve(self, &i));
	ASSERT_EQ(64 << 10, self->port.at);
	ASSERT_EQ(fit, port_doorbell(&self->port));
	EXPECT_EQ(64 << 10, self->port.k->position);
	EXPECT_EQ(0, port_doorbell(&self->port));
	for (i = 0; i < fit; i++) {
		struct mqk_delivery d;

		ASSERT_EQ(i, take_number(&self->consumer, &d, LONG_MS));
		EXPECT_EQ(i + 1, d.tag);
		EXPECT_EQ(i, d.seq);
		EXPECT_EQ(0, d.flags);
		EXPECT_EQ(0, d.count);
		EXPECT_EQ(self->queue, d.queue);
		EXPECT_EQ(getpid(), d.pid);
		consumer_ack(&self->consumer, d.tag, MQK_ACK_ACCEPT, 0);
		taken++;
	}
	EXPECT_EQ(fit, taken);
}

TEST_F(inplace, a_closed_port_has_no_doorbell)
{
	__u32 i = 1;

	port_commit(&self->port, reserve(self, &i));
	EXPECT_EQ(1, port_doorbell(&self->port));
	ASSERT_EQ(0, port_close(&self->port));
	/* Its memory goes a grace period later: nothing looks there any more. */
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-ENOENT, port_doorbell(&self->port));
		sleep_ms(20);
	}
	/* nor one that never was, near or far */
	self->port.c.id = 15;
	EXPECT_EQ(-ENOENT, port_doorbell(&self->port));
	self->port.c.id = 16;
	EXPECT_EQ(-ENOENT, port_doorbell(&self->port));
}

TEST_F(inplace, ports_beyond_the_near_ones)
{
	struct port ports[20];
	__u32 i, n;

	for (i = 0; i < 20; i++) {
		struct msg m = {
			.exchange = self->exchange, .key = "q", .key_len = 1,
			.payload = &i, .payload_len = 4,
		};

		ASSERT_EQ(0, port_make(&ports[i], self->s, MQK_PORT_F_INPLACE, 16));
		ASSERT_EQ(0, port_place(&ports[i], &m));
	}
	for (n = 0; n < 20; n++) {
		EXPECT_EQ(1, port_doorbell(&ports[19 - n]));
		EXPECT_EQ(19 - n, take_number(&self->consumer, NULL, LONG_MS));
	}
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, port_close(&ports[i]));
		EXPECT_EQ(-ENOENT, port_doorbell(&ports[i]));
		port_unmap(&ports[i]);
	}
}

TEST_F(inplace, the_next_segment_has_another_generation)
{
	struct mqk_port_segment first;

	ASSERT_EQ(0, port_segment(&self->port, 0));
	first = self->port.seg;
	EXPECT_EQ(64 << 10, first.map_size);
	EXPECT_EQ(self->port.c.window_offset, first.map_offset);
	EXPECT_NE(0, first.generation);
	EXPECT_EQ(0, port_number(&self->port, self->exchange, "q", 1));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_NE(0, self->port.seg.generation);
	/* The segment with the message cannot be this one. */
	EXPECT_NE(first.segment, self->port.seg.segment);
	EXPECT_EQ(0, self->port.k->position);
}

/* PORT_SEGMENT takes what is committed first, PORT_CLOSE and close() do. */
TEST_F(inplace, hand_over_is_a_doorbell)
{
	__u32 number = 5;

	port_commit(&self->port, reserve(self, &number));
	EXPECT_EQ(0, ready(self));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_EQ(1, ready(self));
	number = 6;
	port_commit(&self->port, reserve(self, &number));
	ASSERT_EQ(0, port_close(&self->port));
	EXPECT_EQ(5, take_number(&self->consumer, NULL, LONG_MS));
	EXPECT_EQ(6, take_number(&self->consumer, NULL, LONG_MS));
	EXPECT_EQ(-ENOENT, port_doorbell(&self->port));
	EXPECT_EQ(-ENOENT, port_close(&self->port));
}

TEST_F(inplace, closing_the_session_takes_what_is_committed)
{
	__u32 i;

	for (i = 0; i < 3; i++)
		port_commit(&self->port, reserve(self, &i));
	reserve(self, &i);
	port_unmap(&self->port);
	session_close(self->s);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, take_number(&self->consumer, NULL, LONG_MS));
	}
	EXPECT_EQ(-EAGAIN, consumer_wait(&self->consumer, 0));
}

TEST_F(inplace, an_uncommitted_record_is_lost_with_its_segment)
{
	__u32 number = 1;
	struct mqk_record *r;

	r = reserve(self, &number);
	ASSERT_NE(NULL, r);
	ASSERT_EQ(0, port_segment(&self->port, 0));
	number = 2;
	port_commit(&self->port, reserve(self, &number));
	ASSERT_EQ(1, port_doorbell(&self->port));
	EXPECT_EQ(2, take_number(&self->consumer, NULL, LONG_MS));
}

/* Once handed over, what is written through the window goes elsewhere. */
TEST_F(inplace, a_handed_over_record_does_not_change)
{
	struct mqk_delivery d;
	__u8 payload[8192];
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = payload, .payload_len = sizeof(payload),
	};
	const void *seen;

	pattern_fill(payload, sizeof(payload), 42);
	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, consumer_next(&self->consumer, &d, LONG_MS));
	seen = delivery_payload(self->r, &d);
	ASSERT_NE(NULL, seen);
	EXPECT_TRUE(pattern_ok(seen, sizeof(payload), 42));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	memset(self->port.open, 0xee, self->port.seg.map_size);
	EXPECT_TRUE(pattern_ok(seen, sizeof(payload), 42));
	/* Neither did the new segment's scribble become a record. */
	EXPECT_GE(0, port_doorbell(&self->port));
}

/* Until then the producer can, but only within its own record: what was routed
 * is the kernel's copy.
 */
TEST_F(inplace, what_was_routed_is_the_kernels_copy)
{
	struct mqk_delivery d;
	struct mqk_record *r;
	__u32 number = 7;

	r = reserve(self, &number);
	port_commit(&self->port, r);
	ASSERT_EQ(1, port_doorbell(&self->port));
	r->payload_len = 60000;
	r->key_len = 200;
	r->headers_len = 4096;
	r->exchange = 12345;
	memset(r->key, 'z', sizeof(r->key));
	ASSERT_EQ(0, consumer_next(&self->consumer, &d, LONG_MS));
	EXPECT_EQ(4, d.payload_len);
	EXPECT_EQ(1, d.key_len);
	EXPECT_EQ(0, d.headers_len);
	EXPECT_EQ(self->exchange, d.exchange);
}

/* --- writing where one may not -------------------------------------------- */

static void write_byte(void *arg)
{
	*(volatile __u8 *)arg = 1;
}

/* The mappings are not inherited, so the fault has to be caught here. */
static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

/* Signal that @fn(@arg) raises in this process; 0: none. */
static int fault_of(void (*fn)(void *arg), void *arg)
{
	struct sigaction sa = { .sa_handler = on_fault }, bus, segv;
	int sig;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	sig = sigsetjmp(fault_env, 1);
	if (!sig)
		fn(arg);
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

TEST_F(inplace, no_open_segment_no_window)
{
	EXPECT_EQ(SIGBUS, fault_of(write_byte, self->port.window));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_EQ(0, fault_of(write_byte, self->port.window));
	EXPECT_EQ(0, fault_of(write_byte, self->port.window +
					  self->port.c.window_size - 1));
	ASSERT_EQ(0, port_close(&self->port));
	EXPECT_EQ(SIGBUS, fault_of(write_byte, self->port.window));
}

TEST_F(inplace, a_large_record_has_a_mapping_of_its_own)
{
	struct mqk_port_segment large;
	__u8 *mapped, *payload = malloc(300000);
	struct mqk_delivery d;
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = payload, .payload_len = 300000,
	};
	const void *seen;

	pattern_fill(payload, 300000, 3);
	ASSERT_EQ(0, port_segment(&self->port, 0));
	ASSERT_EQ(0, port_publish(&self->port, &m));
	large = self->port.seg;
	EXPECT_LE(300000, large.map_size);
	EXPECT_EQ(0, large.map_size % PAGE);
	ASSERT_EQ(0, consumer_next(&self->consumer, &d, LONG_MS));
	ASSERT_EQ(large.segment, MQK_REF_SEGMENT(d.ref));
	EXPECT_NE(0, large.segment & MQK_SEGMENT_JUMBO);
	seen = delivery_payload(self->r, &d);
	EXPECT_TRUE(pattern_ok(seen, 300000, 3));
	/* Closed, it is closed wherever it was mapped: what a write hits, if
	 * anything, is the next segment.
	 */
	mapped = map(self->s, large.map_offset, large.map_size,
		     PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, mapped);
	EXPECT_EQ(0, fault_of(write_byte, mapped + large.map_size - 1));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_EQ(0, fault_of(write_byte, self->port.window));
	fault_of(write_byte, mapped + 64);
	EXPECT_EQ(SIGBUS, fault_of(write_byte, mapped + 200000));
	EXPECT_EQ(SIGBUS, fault_of(write_byte, mapped + large.map_size - 1));
	EXPECT_TRUE(pattern_ok(seen, 300000, 3));
	ASSERT_EQ(0, port_close(&self->port));
	EXPECT_EQ(SIGBUS, fault_of(write_byte, mapped));
	free(payload);
}

/* Nobody else maps a window, nor does the port beyond it. */
TEST_F(inplace, the_window_is_its_ports_alone)
{
	__u8 *longer;

	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_NE(0, map_errno(self->r, self->port.c.window_offset,
			       self->port.c.window_size,
			       PROT_READ | PROT_WRITE, MAP_SHARED));
	/* Beyond its end there is nothing. */
	longer = map(self->s, self->port.c.window_offset,
		     self->port.c.window_size + PAGE, PROT_READ | PROT_WRITE);
	if (longer != MAP_FAILED) {
		EXPECT_EQ(SIGBUS, fault_of(write_byte, longer +
					   self->port.c.window_size));
	}
	EXPECT_NE(0, map_errno(self->s, self->port.c.window_offset,
			       self->port.c.window_size,
			       PROT_READ | PROT_WRITE, MAP_PRIVATE));
}

TEST_F(inplace, min_size_decides_where)
{
	ASSERT_EQ(0, port_segment(&self->port, 64 << 10));
	EXPECT_EQ(self->port.c.window_offset, self->port.seg.map_offset);
	ASSERT_EQ(0, port_segment(&self->port, (64 << 10) + 1));
	EXPECT_LT(64 << 10, self->port.seg.map_size);
	ASSERT_EQ(0, port_segment(&self->port, 0));
	EXPECT_EQ(self->port.c.window_offset, self->port.seg.map_offset);
	EXPECT_EQ(64 << 10, self->port.seg.map_size);
}

TEST_F(inplace, segment_calls_need_an_inplace_port)
{
	struct port copy;

	ASSERT_EQ(0, port_make(&copy, self->s, 0, 16));
	EXPECT_GT(0, port_segment(&copy, 0));
	EXPECT_GE(0, port_doorbell(&copy));
}

/* The same place is used again and again: stale bytes are never records. */
TEST_F(inplace, recycled_segments_bring_nothing_back)
{
	__u32 i, round;

	for (round = 0; round < 200; round++) {
		struct mqk_delivery d;

		for (i = 0; i < 20; i++) {
			__u32 number = round * 20 + i;

			port_commit(&self->port, reserve(self, &number));
		}
		ASSERT_EQ(20, port_doorbell(&self->port));
		for (i = 0; i < 20; i++) {
			ASSERT_EQ(round * 20 + i,
				  take_number(&self->consumer, &d, LONG_MS));
		}
		ASSERT_EQ(20, consumer_settle(&self->consumer, d.tag,
					      MQK_ACK_ACCEPT,
					      MQK_ACK_F_MULTIPLE));
		ASSERT_EQ(0, port_confirmed(&self->port, round * 20 + 20,
					    NULL));
		ASSERT_EQ(0, port_segment(&self->port, 0));
		ASSERT_EQ(0, port_doorbell(&self->port));
	}
	EXPECT_EQ(0, ready(self));
}

/* PORT_SEGMENT with a full completion ring: EAGAIN, and nothing has changed. */
TEST_F(inplace, hand_over_with_a_full_ring_is_EAGAIN)
{
	struct mqk_completion c;
	struct mqk_port_segment open;
	struct port p;
	int ret = 0, i, returned = 0;

	ASSERT_EQ(0, port_make(&p, self->s, MQK_PORT_F_INPLACE, 16));
	for (i = 0; i < 20; i++) {
		struct msg m = {
			.exchange = self->exchange, .key = "none", .key_len = 4,
			.flags = MQK_MSG_F_MANDATORY,
		};

		ASSERT_EQ(0, port_place(&p, &m));
	}
	open = p.seg;
	ASSERT_LT(0, port_doorbell(&p));
	ASSERT_EQ(-EAGAIN, port_doorbell(&p));
	ret = port_segment(&p, 0);
	ASSERT_EQ(-EAGAIN, ret);
	EXPECT_EQ(open.segment, p.seg.segment);
	EXPECT_EQ(0, fault_of(write_byte, p.window + p.at));
	p.window[p.at] = 0;
	while (returned < 20) {
		ret = port_completion(&p, &c, 0);
		if (ret == -EAGAIN) {
			ASSERT_LT(0, port_doorbell(&p));
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(MQK_COMPLETION_RETURN, c.type);
		ASSERT_EQ(++returned, c.seq);
	}
	EXPECT_EQ(0, port_segment(&p, 0));
}

/* Nobody reads completions of a port that is closed: none holds up a message. */
TEST_F(inplace, closing_with_a_full_ring_takes_what_is_committed)
{
	struct msg lost = {
		.exchange = self->exchange, .key = "none", .key_len = 4,
		.flags = MQK_MSG_F_MANDATORY,
	};
	struct port p;
	__u32 i;

	ASSERT_EQ(0, port_make(&p, self->s, MQK_PORT_F_INPLACE, 16));
	for (i = 0; i < 40; i++) {
		struct msg m = {
			.exchange = self->exchange, .key = "q", .key_len = 1,
			.payload = &i, .payload_len = 4,
		};

		ASSERT_EQ(0, port_place(&p, &lost));
		ASSERT_EQ(0, port_place(&p, &m));
	}
	ASSERT_LT(0, port_doorbell(&p));
	ASSERT_EQ(-EAGAIN, port_doorbell(&p));
	port_unmap(&p);
	session_close(self->s);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(i, take_number(&self->consumer, NULL, SHORT_MS));
	}
}

TEST_HARNESS_MAIN
