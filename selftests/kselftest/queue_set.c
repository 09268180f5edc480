// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues that are changed while they live: paused, resumed, given other
 * arguments.
 *
 * mqk-test: parallel timeout=120
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define PAUSE		MQK_QUEUE_SET_F_PAUSE
#define RESUME		MQK_QUEUE_SET_F_RESUME

FIXTURE(set)
{
	struct pair pair;
	__s64 q;
};

FIXTURE_VARIANT(set)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(set, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(set, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(set)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | CONFIRM));
	self->q = queue_declare(self->pair.s, "q", 0);
	ASSERT_LT(0, self->q);
}

FIXTURE_TEARDOWN(set)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static int set(FIXTURE_DATA(set) *self, __u32 flags)
{
	return queue_set(self->pair.s, "q", flags, NULL);
}

static int change(FIXTURE_DATA(set) *self, const char *args)
{
	return queue_set(self->pair.s, "q", 0, args);
}

/* Get the next one, which stays unacknowledged: its number, or -errno. */
static __s64 gets(FIXTURE_DATA(set) *self)
{
	struct mqk_delivery d;

	return pair_get(&self->pair, self->q, 0, &d);
}

static bool is_paused(FIXTURE_DATA(set) *self)
{
	struct mqk_queue_next info = {};

	return !queue_info(self->pair.s, self->q, &info) &&
	       info.flags & MQK_QUEUE_F_PAUSED;
}

/* --- pause ---------------------------------------------------------------- */

TEST_F(set, a_paused_queue_delivers_nothing)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 0, 16));
	EXPECT_FALSE(is_paused(self));
	ASSERT_EQ(0, set(self, PAUSE));
	EXPECT_TRUE(is_paused(self));
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	EXPECT_EQ(5, pair_ready(&self->pair, self->q, 5));
	EXPECT_LE(0, consumer_kick(&c));
	EXPECT_EQ(-EAGAIN, consumer_poll(&c, &d));
	EXPECT_EQ(-EAGAIN, queue_get(self->pair.r, self->pair.get.c.id, self->q, 0, 0, &d,
				     NULL));
	/* once paused, once resumed is enough */
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, set(self, RESUME));
	EXPECT_FALSE(is_paused(self));
	for (i = 1; i <= 5; i++)
		EXPECT_EQ(i, take_number(&c, NULL, LONG_MS));
	/* and once resumed, it is not resumed again */
	ASSERT_EQ(0, set(self, RESUME));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 6));
	EXPECT_EQ(6, take_number(&c, NULL, LONG_MS));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 7));
	EXPECT_EQ(-EAGAIN, take_number(&c, NULL, 0));
}

/* What is out can be settled, and comes back to its place; purging goes on. */
TEST_F(set, all_else_goes_on)
{
	struct mqk_delivery d[2];
	struct consumer c, other;

	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 2, 16));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(1, take_number(&c, &d[0], LONG_MS));
	ASSERT_EQ(2, take_number(&c, &d[1], LONG_MS));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 3));
	EXPECT_EQ(1, consumer_settle(&c, d[1].tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, consumer_settle(&c, d[0].tag, MQK_ACK_NACK,
				     MQK_ACK_F_REQUEUE));
	EXPECT_EQ(2, pair_ready(&self->pair, self->q, 2));
	/* whoever comes meanwhile has to wait as well */
	ASSERT_EQ(0, consumer_make(&other, self->pair.s, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(-EAGAIN, take_number(&other, NULL, 0));
	ASSERT_EQ(0, set(self, RESUME));
	EXPECT_EQ(1, take_number(&other, NULL, LONG_MS));
	EXPECT_EQ(3, take_number(&other, NULL, LONG_MS));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 4));
	EXPECT_EQ(1, queue_purge(self->pair.s, "q"));
	EXPECT_EQ(0, pair_ready(&self->pair, self->q, 0));
}

/* What a closed consumer held comes back, and stays until the queue is resumed. */
TEST_F(set, a_consumer_dies_meanwhile)
{
	struct consumer c, other;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 3, 16));
	ASSERT_EQ(0, consumer_make(&other, self->pair.s, "q", 0, 3, 16));
	for (i = 1; i <= 6; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	ASSERT_EQ(3, take_numbers(&other, 3, NULL, NULL));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(3, pair_ready(&self->pair, self->q, 3));
	EXPECT_EQ(1, consumer_settle(&other, 0, MQK_ACK_ACCEPT,
				     MQK_ACK_F_MULTIPLE) > 0);
	EXPECT_EQ(-EAGAIN, take_number(&other, NULL, 0));
	ASSERT_EQ(0, set(self, RESUME));
	ASSERT_EQ(3, take_numbers(&other, 3, NULL, NULL));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	EXPECT_EQ(-ENOENT, consumer_wait(&other, -1));
}

struct getter {
	pthread_t thread;
	pid_t tid;
	int fd, ret;
	__u32 consumer, queue;
	struct mqk_delivery d;
};

static void *getter(void *arg)
{
	struct getter *g = arg;

	__atomic_store_n(&g->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	g->ret = queue_get(g->fd, g->consumer, g->queue, 0, 60000000000ll, &g->d, NULL);
	return NULL;
}

/* A get that waits is woken by the resume, not by what comes before. */
TEST_F(set, a_get_waits_for_the_end_of_the_pause)
{
	struct getter g = {
		.fd = self->pair.r, .consumer = self->pair.get.c.id, .queue = self->q,
	};
	pid_t tid;

	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, pthread_create(&g.thread, NULL, getter, &g));
	while (!(tid = __atomic_load_n(&g.tid, __ATOMIC_ACQUIRE)))
		sleep_ms(1);
	ASSERT_TRUE(asleep(tid, LONG_MS));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	EXPECT_TRUE(asleep(tid, LONG_MS));
	EXPECT_EQ(1, pair_ready(&self->pair, self->q, 1));
	ASSERT_EQ(0, set(self, RESUME));
	ASSERT_EQ(0, pthread_join(g.thread, NULL));
	ASSERT_EQ(0, g.ret);
	EXPECT_EQ(1, delivery_number(self->pair.r, &g.d));
}

/* --- arguments ------------------------------------------------------------ */

TEST_F(set, a_shorter_length_takes_effect_at_once)
{
	struct mqk_queue_next info;
	__u32 i;

	for (i = 1; i <= 10; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	ASSERT_EQ(0, change(self, "x-max-length=4"));
	ASSERT_EQ(0, queue_info(self->pair.s, self->q, &info));
	EXPECT_EQ(4, info.ready);
	EXPECT_EQ(6, info.dropped);
	ASSERT_EQ(0, change(self, "x-max-length-bytes=8"));
	EXPECT_EQ(2, pair_ready(&self->pair, self->q, 2));
	/* the other one has stayed */
	ASSERT_EQ(0, change(self, "x-max-length-bytes=1000"));
	for (i = 11; i <= 15; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	EXPECT_EQ(4, pair_ready(&self->pair, self->q, 4));
	EXPECT_EQ(12, gets(self));
}

/* Also of one that is paused: a pause holds no message back from its end. */
TEST_F(set, a_paused_queue_is_shortened)
{
	__u32 i;

	ASSERT_EQ(0, queue_set(self->pair.s, "q", PAUSE, "x-max-length=3"));
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	EXPECT_EQ(3, pair_ready(&self->pair, self->q, 3));
	ASSERT_EQ(0, queue_set(self->pair.s, "q", RESUME, "x-max-length=2"));
	EXPECT_EQ(2, pair_ready(&self->pair, self->q, 2));
	EXPECT_EQ(4, gets(self));
}

TEST_F(set, refusing_begins_and_ends)
{
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(0, change(self, "x-max-length=1 x-overflow=reject-publish"));
	EXPECT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(0, change(self, "x-max-length=2"));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 3));
	EXPECT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "q", 4));
	/* what is there already is not refused */
	ASSERT_EQ(0, change(self, "x-max-length=1"));
	EXPECT_EQ(2, pair_ready(&self->pair, self->q, 2));
	ASSERT_EQ(0, change(self, "x-overflow=drop-head"));
	EXPECT_EQ(1, pair_ready(&self->pair, self->q, 1));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 5));
	EXPECT_EQ(5, gets(self));
}

/* Very many go: the call does not wait for all of them, but they go. */
TEST_F(set, many_are_dropped)
{
	struct port p;

	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	ASSERT_EQ(0, port_numbers(&p, self->pair.exchange, "q", 1, 6000));
	ASSERT_EQ(0, change(self, "x-max-length=1"));
	EXPECT_EQ(1, pair_ready(&self->pair, self->q, 1));
	EXPECT_EQ(6000, gets(self));
}

TEST_F(set, declaring_again_compares_with_what_they_are)
{
	ASSERT_EQ(0, change(self, "x-max-length=7"));
	EXPECT_EQ(-EINVAL, queue_declare(self->pair.s, "q", 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	EXPECT_EQ(self->q, queue_declare_args(self->pair.s, "q", "x-max-length=7"));
	ASSERT_EQ(0, change(self, "x-max-length=8"));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", "x-max-length=7"));
	EXPECT_EQ(self->q, queue_declare_args(self->pair.s, "q", "x-max-length=8"));
	/* a pause is no property of a declaration */
	ASSERT_EQ(0, set(self, PAUSE));
	EXPECT_EQ(self->q, queue_declare_args(self->pair.s, "q", "x-max-length=8"));
}

/* One that is taken away is as if it had never been given. */
TEST_F(set, arguments_are_taken_away)
{
	static const char * const args[] = {
		"x-max-length", "x-max-length-bytes", "x-overflow", "x-message-ttl",
		"x-expires", "x-delivery-limit", "x-mqk-retry-delay", "x-mqk-retry-max",
		"x-mqk-retry-backoff", "x-consumer-timeout",
	};
	static const char * const values[] = {
		"100", "100000", "reject-publish", "100000", "100000", "5", "100000",
		"100000", "exponential", "100000",
	};
	struct headers h = {};
	char text[100];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		snprintf(text, sizeof(text), "%s=%s", args[i], values[i]);
		ASSERT_EQ(0, change(self, text)) {
			TH_LOG("%s", text);
		}
		EXPECT_EQ(self->q, queue_declare_args(self->pair.s, "q", text));
		EXPECT_EQ(-EINVAL, queue_declare(self->pair.s, "q", 0));
		h.len = 0;
		headers_add(&h, MQK_HEADER_VOID, args[i], NULL, 0);
		ASSERT_EQ(0, queue_set_headers(self->pair.s, "q", &h));
		/* and again */
		ASSERT_EQ(0, queue_set_headers(self->pair.s, "q", &h));
		EXPECT_EQ(self->q, queue_declare(self->pair.s, "q", 0));
	}
	/* not those that stay */
	h.len = 0;
	headers_add(&h, MQK_HEADER_VOID, "x-single-active-consumer", NULL, 0);
	EXPECT_EQ(-EINVAL, queue_set_headers(self->pair.s, "q", &h));
	h.len = 0;
	headers_add(&h, MQK_HEADER_VOID, "x-unknown", NULL, 0);
	EXPECT_EQ(-EINVAL, queue_set_headers(self->pair.s, "q", &h));
}

/* --- times and failures, of a queue that knew of none --------------------- */

static int rejects(FIXTURE_DATA(set) *self, __u64 tag)
{
	return consumer_settle(&self->pair.get, tag, MQK_ACK_REJECT, MQK_ACK_F_REQUEUE) == 1 ?
	       0 : -EIO;
}

TEST_F(set, a_time_to_live_is_of_what_comes_then)
{
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(0, change(self, "x-message-ttl=1"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	EXPECT_EQ(1, pair_ready(&self->pair, self->q, 1));
	EXPECT_EQ(1, gets(self));
}

/* What was delivered before fails under the new rule; so does what waited. */
TEST_F(set, a_limit_is_of_what_fails_then)
{
	struct mqk_delivery first, second;

	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, self->q, 0, 0, &first, NULL));
	ASSERT_EQ(0, change(self, "x-delivery-limit=0"));
	ASSERT_EQ(0, rejects(self, first.tag));
	EXPECT_EQ(1, pair_ready(&self->pair, self->q, 1));
	ASSERT_EQ(0,
		  queue_get(self->pair.r, self->pair.get.c.id, self->q, 0, 0, &second, NULL));
	EXPECT_EQ(2, delivery_number(self->pair.r, &second));
	ASSERT_EQ(0, rejects(self, second.tag));
	EXPECT_EQ(0, pair_ready(&self->pair, self->q, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 3));
	EXPECT_EQ(3, gets(self));
}

TEST_F(set, a_timeout_is_of_what_is_delivered_then)
{
	struct mqk_delivery d;

	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	EXPECT_EQ(1, gets(self));
	ASSERT_EQ(0, change(self, "x-consumer-timeout=1"));
	EXPECT_EQ(2, gets(self));
	ASSERT_EQ(1, pair_ready(&self->pair, self->q, 1));
	ASSERT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, self->q, 0, 0, &d, NULL));
	EXPECT_EQ(2, delivery_number(self->pair.r, &d));
	EXPECT_EQ(1, d.count);
}

TEST_F(set, unused_from_the_change_on)
{
	struct mqk_queue_next info = {};
	__u64 end = now_ms() + LONG_MS;

	ASSERT_EQ(0, change(self, "x-expires=1"));
	while (!queue_info(self->pair.s, self->q, &info) && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(-ENOENT, queue_declare(self->pair.s, "q", MQK_DECLARE_F_PASSIVE));
}

/* Of a deep queue: chunks that are full, by the hundred, the last one, and later ones. */
TEST_F(set, in_a_deep_queue)
{
	const __u32 n = 9000;
	struct mqk_delivery d;
	struct port port;
	__u32 i;

	ASSERT_EQ(0, port_make(&port, self->pair.s, variant->flags, 16));
	ASSERT_EQ(0, port_numbers(&port, self->pair.exchange, "q", 1, n));
	ASSERT_EQ(0, change(self, "x-delivery-limit=0"));
	for (i = 1; i <= n; i++) {
		ASSERT_EQ(0,
			  queue_get(self->pair.r, self->pair.get.c.id, self->q, 0, 0, &d, NULL));
		ASSERT_EQ(i, delivery_number(self->pair.r, &d));
		ASSERT_EQ(0, rejects(self, d.tag));
	}
	EXPECT_EQ(-EAGAIN, gets(self));
}

/* All of it or nothing. */
TEST_F(set, what_is_refused_changes_nothing)
{
	static const char * const bad[] = {
		"x-max-length=-1", "x-max-length=1 x-overflow=drop",
		"x-max-length=1 x-unknown=1", "x-max-length=1 x-queue-type=classic",
		"x-max-length=1 x-single-active-consumer=1",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "q", PAUSE, bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
	}
	EXPECT_EQ(-EINVAL, set(self, PAUSE | RESUME));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
	EXPECT_FALSE(is_paused(self));
	EXPECT_EQ(self->q, queue_declare(self->pair.s, "q", 0));
	EXPECT_EQ(-ENOENT, queue_set(self->pair.s, "none", 0, "x-max-length=1"));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->pair.s));
	EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "", PAUSE, NULL));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->pair.s));
	ASSERT_LT(0, queue_declare(self->pair.s, "own", MQK_DECLARE_F_EXCLUSIVE));
	EXPECT_EQ(-EBUSY, queue_set(self->pair.r, "own", PAUSE, NULL));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->pair.r));
	EXPECT_EQ(0, queue_set(self->pair.s, "own", PAUSE, NULL));
}

/* --- at once -------------------------------------------------------------- */

struct changer {
	pthread_t thread;
	int fd, error;
	bool stop;
};

static void *changer(void *arg)
{
	static const char * const args[] = {
		"x-max-length=5", "x-overflow=reject-publish", "x-max-length=100",
		"x-overflow=drop-head", "x-delivery-limit=100",
	};
	struct changer *c = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); i++) {
		int ret = queue_set(c->fd, "q", i % 3 ? RESUME : PAUSE,
				    args[i % ARRAY_SIZE(args)]);

		if (ret && !c->error)
			c->error = ret;
	}
	queue_set(c->fd, "q", RESUME, NULL);
	return NULL;
}

/* While a queue changes all the time, each message has one end. */
TEST_F_TIMEOUT(set, changed_under_load, 60)
{
	struct changer ch = { .fd = self->pair.r };
	__u32 taken = 0, nacked = 0, i;
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_EQ(0, consumer_make(&c, self->pair.s, "q", 0, 8, 16));
	ASSERT_EQ(0, pthread_create(&ch.thread, NULL, changer, &ch));
	for (i = 0; i < 2000; i++) {
		int type = pair_number(&self->pair, "q", i);

		nacked += type == MQK_COMPLETION_NACK;
		ASSERT_TRUE(type == MQK_COMPLETION_NACK ||
			    type == MQK_COMPLETION_CONFIRM);
		while (!consumer_poll(&c, &d)) {
			taken++;
			ASSERT_LE(0, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
		}
	}
	__atomic_store_n(&ch.stop, true, __ATOMIC_RELAXED);
	pthread_join(ch.thread, NULL);
	EXPECT_EQ(0, ch.error);
	while (!consumer_next(&c, &d, SHORT_MS)) {
		taken++;
		ASSERT_LE(0, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	}
	ASSERT_EQ(0, queue_info(self->pair.s, self->q, &info));
	EXPECT_EQ(0, info.ready);
	EXPECT_EQ(2000 - nacked, taken + info.dropped);
}

TEST_HARNESS_MAIN
