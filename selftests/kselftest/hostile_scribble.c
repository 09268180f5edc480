// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every word of every page that a process may write, scribbled with 0, 1, the
 * largest and random values: it may break the scribbler's own port or consumer,
 * with an errno that says so, and nothing else.  Innocent traffic flows beside
 * it, and what others put into the scribbler's queue is not lost.
 *
 * mqk-test: parallel timeout=120
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "innocent.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

FIXTURE(scribble)
{
	struct env env;
	struct innocent innocent;
	int s;				/* the scribbler's */
	int other;			/* who feeds its queue */
	struct port port, feed;
	struct consumer c;
	__u32 exchange, queue, own;
	__u32 fed, broken;
	__u64 random;
};

FIXTURE_VARIANT(scribble)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(scribble, copy) { .port_flags = 0 };
FIXTURE_VARIANT_ADD(scribble, inplace) { .port_flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(scribble)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	ASSERT_EQ(0, innocent_start(&self->innocent, &self->env));
	self->s = env_session(&self->env, O_RDWR);
	self->other = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->other);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "fed", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	id = queue_declare(self->s, "own", 0);
	ASSERT_LT(0, id);
	self->own = id;
	ASSERT_EQ(0, port_make(&self->feed, self->other, 0, 16));
	ASSERT_EQ(0, port_make(&self->port, self->s,
			       variant->port_flags | MQK_PORT_F_CONFIRM, 16));
	ASSERT_EQ(0, consumer_make(&self->c, self->s, "fed", 0, 4, 16));
	self->random = 1;
}

FIXTURE_TEARDOWN(scribble)
{
	EXPECT_LT(0, innocent_stop(&self->innocent));
	EXPECT_EQ(0, env_end(&self->env));
}

/* All that makes the kernel look at the scribbler's words. */
static int exercise(FIXTURE_DATA(scribble) *self)
{
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_PORT,
		.id = self->port.c.id,
	};
	int ret;

	ret = port_number(&self->feed, self->exchange, "fed", self->fed);
	if (ret)
		return ret;
	self->fed++;
	if (!self->port.k->error)
		port_number(&self->port, self->exchange, "own", 1);
	else
		port_doorbell(&self->port);
	mq(self->s, MQK_IOC_WAIT, &w);
	consumer_wait(&self->c, 0);
	consumer_kick(&self->c);
	return 0;
}

/* Replace what is broken; an unexpected errno is an error. */
static int mend(FIXTURE_DATA(scribble) *self)
{
	int error = self->port.k->error, ret = 0;

	if (error != 0 && error != -EPROTO)
		return error;
	if (error) {
		self->broken++;
		port_close(&self->port);
		port_unmap(&self->port);
		ret = port_make(&self->port, self->s,
				(self->port.inplace ? MQK_PORT_F_INPLACE : 0) |
				MQK_PORT_F_CONFIRM, 16);
	}
	error = self->c.k->error;
	if (ret || (error != 0 && error != -EPROTO && error != -EINVAL))
		return ret ?: error;
	if (error) {
		self->broken++;
		consumer_close(&self->c);
		consumer_unmap(&self->c);
		ret = consumer_make(&self->c, self->s, "fed", 0, 4, 16);
	}
	return ret;
}

/* Words @from to @to of a page, each with several values.  0, or what went
 * wrong.
 */
static int scribble(FIXTURE_DATA(scribble) *self, volatile __u32 *(*page)
		    (FIXTURE_DATA(scribble) *self), __u32 from, __u32 to)
{
	__u32 word, v;
	int ret;

	for (word = from; word < to; word++) {
		const __u32 values[] = {
			0, 1, 0xffffffff, 0x80000000, random_next(&self->random),
			17,
		};

		for (v = 0; v < ARRAY_SIZE(values); v++) {
			page(self)[word] = values[v];
			ret = exercise(self) ?: mend(self);
			if (ret) {
				fprintf(stderr, "# word %u, value %#x\n", word,
					values[v]);
				return ret;
			}
		}
	}
	return 0;
}

static volatile __u32 *port_page(FIXTURE_DATA(scribble) *self)
{
	return (volatile __u32 *)self->port.u;
}

static volatile __u32 *consumer_page(FIXTURE_DATA(scribble) *self)
{
	return (volatile __u32 *)self->c.u;
}

static volatile __u32 *ack_ring(FIXTURE_DATA(scribble) *self)
{
	return (volatile __u32 *)self->c.acks;
}

/* Whoever holds the scribbler's place gets everything that is left. */
static __u32 left_over(FIXTURE_DATA(scribble) *self)
{
	struct mqk_queue_next q;

	if (consumer_close(&self->c) || queue_info(self->other, self->queue, &q))
		return ~0u;
	return q.ready;
}

TEST_F_TIMEOUT(scribble, port_user_page, 60)
{
	__u32 words = self->port.c.user_size / 4;

	ASSERT_EQ(0, scribble(self, port_page, 0, 32));
	EXPECT_LT(0, self->broken);
	ASSERT_EQ(0, scribble(self, port_page, words - 8, words));
	/* Nobody took from the queue: all that was fed is there. */
	EXPECT_EQ(self->fed, left_over(self));
	EXPECT_TRUE(queue_adds_up(self->other, self->queue));
	EXPECT_TRUE(queue_adds_up(self->other, self->own));
}

/* Of the words beyond the structure none matters. */
TEST_F_TIMEOUT(scribble, consumer_user_page, 60)
{
	__u32 words = self->c.c.ack_offset / 4;

	ASSERT_EQ(0, scribble(self, consumer_page, 0, words < 40 ? words : 40));
	EXPECT_LT(0, self->broken);
	ASSERT_NE(~0u, left_over(self));
	EXPECT_TRUE(queue_adds_up(self->other, self->queue));
	EXPECT_TRUE(queue_adds_up(self->other, self->own));
}

/* Entries that the kernel is told to read: each of its words in turn. */
TEST_F_TIMEOUT(scribble, ack_ring, 60)
{
	__u32 i, v;

	for (i = 0; i < 64; i++) {
		const __u32 values[] = { 0, 1, 3, ~0u, 1u << 31, i * 77 };

		for (v = 0; v < ARRAY_SIZE(values); v++) {
			__u32 entry = self->c.ack_tail &
				      (self->c.c.ack_entries - 1);
			struct mqk_delivery d;

			ASSERT_EQ(0, exercise(self));
			if (!consumer_next(&self->c, &d, 0)) {
				consumer_ack(&self->c, d.tag, MQK_ACK_NACK,
					     MQK_ACK_F_REQUEUE);
				ack_ring(self)[entry * 4 + i % 4] = values[v];
			}
			ASSERT_EQ(0, exercise(self));
			ASSERT_EQ(0, mend(self));
		}
	}
	EXPECT_LT(0, self->broken);
	ASSERT_NE(~0u, left_over(self));
	EXPECT_TRUE(queue_adds_up(self->other, self->queue));
}

/* --- while it is being read ----------------------------------------------- */

struct scribbler {
	volatile __u32 *pages[4];
	__u32 words[4];
	__u32 stop;
	__u64 random;
};

/* The window is taken away from a broken port: the scribbler goes on elsewhere. */
static __thread sigjmp_buf window_gone;

static void on_bus(int sig)
{
	siglongjmp(window_gone, 1);
}

static void *scribble_on(void *arg)
{
	struct scribbler *w = arg;

	if (sigsetjmp(window_gone, 1))
		w->words[0] = 0;
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		__u64 r = random_next(&w->random);
		__u32 page = r % 4;

		if (!w->words[page])
			continue;
		/* Small numbers do more harm than large ones. */
		w->pages[page][r / 4 % w->words[page]] =
			r >> 60 ? r >> 40 & 0x1f : r >> 32;
	}
	return NULL;
}

/* A thread scribbles on all of them while another calls: what the kernel read
 * twice could be two things.
 */
TEST_F_TIMEOUT(scribble, while_the_kernel_reads, 90)
{
	struct scribbler w = { .random = 7 };
	__u64 end = now_ms() + 6000;
	pthread_t thread;
	__u32 rounds = 0;

	signal(SIGBUS, on_bus);
	do {
		__u64 stop = now_ms() + 150;

		if (self->port.inplace) {
			ASSERT_EQ(0, port_segment(&self->port, 0));
			w.pages[0] = (volatile __u32 *)self->port.open;
			w.words[0] = 64;
		}
		w.pages[1] = (volatile __u32 *)self->port.u;
		w.words[1] = 4;
		w.pages[2] = (volatile __u32 *)self->c.u;
		w.words[2] = 18;
		w.pages[3] = (volatile __u32 *)self->c.acks;
		w.words[3] = 64;
		w.stop = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, scribble_on, &w));
		while (now_ms() < stop) {
			ASSERT_EQ(0, exercise(self));
			rounds++;
		}
		__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		/* In place a record that was scribbled on breaks the port. */
		ASSERT_EQ(0, mend(self));
		port_close(&self->port);
		port_unmap(&self->port);
		ASSERT_EQ(0, port_make(&self->port, self->s,
				       variant->port_flags, 16));
	} while (now_ms() < end);
	EXPECT_LT(0, self->broken);
	TH_LOG("%u rounds, %u broken", rounds, self->broken);
	ASSERT_NE(~0u, left_over(self));
	EXPECT_TRUE(queue_adds_up(self->other, self->queue));
	EXPECT_TRUE(queue_adds_up(self->other, self->own));
}

TEST_HARNESS_MAIN
