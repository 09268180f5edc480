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
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define PULL		MQK_CONSUMER_F_PULL
#define PAUSE		MQK_QUEUE_SET_F_PAUSE
#define RESUME		MQK_QUEUE_SET_F_RESUME

FIXTURE(set)
{
	struct env env;
	int s, r;
	struct port port;
	struct consumer get;		/* PULL, of r */
	__u32 exchange;			/* the default one */
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
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	self->q = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, self->q);
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags | CONFIRM,
			       64));
	ASSERT_EQ(0, consumer_make(&self->get, self->r, NULL, PULL, 0, 64));
}

FIXTURE_TEARDOWN(set)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Type of the completion that a message makes, or -errno. */
static int sends(FIXTURE_DATA(set) *self, __u32 number)
{
	struct mqk_completion c;
	int ret = port_number(&self->port, self->exchange, "q", number);

	if (!ret)
		ret = port_completion(&self->port, &c, LONG_MS);
	return ret ? ret : (int)c.type;
}

static int set(FIXTURE_DATA(set) *self, __u32 flags)
{
	return queue_set(self->s, "q", flags, NULL);
}

static int change(FIXTURE_DATA(set) *self, const char *args)
{
	return queue_set(self->s, "q", 0, args);
}

static __u64 ready(FIXTURE_DATA(set) *self, __u64 want)
{
	struct mqk_queue_next info = {};
	__u64 end = now_ms() + LONG_MS;

	do {
		if (queue_info(self->s, self->q, &info))
			return ~0ull;
	} while (info.ready != want && now_ms() < end);
	return info.ready;
}

static __s64 takes(FIXTURE_DATA(set) *self)
{
	struct mqk_delivery d;
	int ret = queue_get(self->r, self->get.c.id, self->q, 0, 0, &d, NULL);

	return ret ? ret : (__s64)delivery_number(self->r, &d);
}

static bool is_paused(FIXTURE_DATA(set) *self)
{
	struct mqk_queue_next info = {};

	return !queue_info(self->s, self->q, &info) &&
	       info.flags & MQK_QUEUE_F_PAUSED;
}

/* --- pause ---------------------------------------------------------------- */

TEST_F(set, a_paused_queue_delivers_nothing)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 0, 16));
	EXPECT_FALSE(is_paused(self));
	ASSERT_EQ(0, set(self, PAUSE));
	EXPECT_TRUE(is_paused(self));
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	EXPECT_EQ(5, ready(self, 5));
	EXPECT_LE(0, consumer_kick(&c));
	EXPECT_EQ(-EAGAIN, consumer_poll(&c, &d));
	EXPECT_EQ(-EAGAIN, queue_get(self->r, self->get.c.id, self->q, 0, 0, &d,
				     NULL));
	/* once paused, once resumed is enough */
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, set(self, RESUME));
	EXPECT_FALSE(is_paused(self));
	for (i = 1; i <= 5; i++)
		EXPECT_EQ(i, take_number(&c, NULL, LONG_MS));
	/* and once resumed, it is not resumed again */
	ASSERT_EQ(0, set(self, RESUME));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 6));
	EXPECT_EQ(6, take_number(&c, NULL, LONG_MS));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 7));
	EXPECT_EQ(-EAGAIN, take_number(&c, NULL, 0));
}

/* What is out can be settled, and comes back to its place; purging goes on. */
TEST_F(set, all_else_goes_on)
{
	struct mqk_delivery d[2];
	struct consumer c, other;

	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 2, 16));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	ASSERT_EQ(1, take_number(&c, &d[0], LONG_MS));
	ASSERT_EQ(2, take_number(&c, &d[1], LONG_MS));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 3));
	EXPECT_EQ(1, consumer_settle(&c, d[1].tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, consumer_settle(&c, d[0].tag, MQK_ACK_NACK,
				     MQK_ACK_F_REQUEUE));
	EXPECT_EQ(2, ready(self, 2));
	/* whoever comes meanwhile has to wait as well */
	ASSERT_EQ(0, consumer_make(&other, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(-EAGAIN, take_number(&other, NULL, 0));
	ASSERT_EQ(0, set(self, RESUME));
	EXPECT_EQ(1, take_number(&other, NULL, LONG_MS));
	EXPECT_EQ(3, take_number(&other, NULL, LONG_MS));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 4));
	EXPECT_EQ(1, queue_purge(self->s, "q"));
	EXPECT_EQ(0, ready(self, 0));
}

/* What a closed consumer held comes back, and stays until the queue is resumed. */
TEST_F(set, a_consumer_dies_meanwhile)
{
	struct consumer c, other;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 3, 16));
	ASSERT_EQ(0, consumer_make(&other, self->s, "q", 0, 3, 16));
	for (i = 1; i <= 6; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	ASSERT_EQ(3, take_numbers(&other, 3, NULL, NULL));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(3, ready(self, 3));
	EXPECT_EQ(1, consumer_settle(&other, 0, MQK_ACK_ACCEPT,
				     MQK_ACK_F_MULTIPLE) > 0);
	EXPECT_EQ(-EAGAIN, take_number(&other, NULL, 0));
	ASSERT_EQ(0, set(self, RESUME));
	ASSERT_EQ(3, take_numbers(&other, 3, NULL, NULL));
	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
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
		.fd = self->r, .consumer = self->get.c.id, .queue = self->q,
	};
	pid_t tid;

	ASSERT_EQ(0, set(self, PAUSE));
	ASSERT_EQ(0, pthread_create(&g.thread, NULL, getter, &g));
	while (!(tid = __atomic_load_n(&g.tid, __ATOMIC_ACQUIRE)))
		sleep_ms(1);
	ASSERT_TRUE(asleep(tid, LONG_MS));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	EXPECT_TRUE(asleep(tid, LONG_MS));
	EXPECT_EQ(1, ready(self, 1));
	ASSERT_EQ(0, set(self, RESUME));
	ASSERT_EQ(0, pthread_join(g.thread, NULL));
	ASSERT_EQ(0, g.ret);
	EXPECT_EQ(1, delivery_number(self->r, &g.d));
}

/* --- arguments ------------------------------------------------------------ */

TEST_F(set, a_shorter_length_takes_effect_at_once)
{
	struct mqk_queue_next info;
	__u32 i;

	for (i = 1; i <= 10; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	ASSERT_EQ(0, change(self, "x-max-length=4"));
	ASSERT_EQ(0, queue_info(self->s, self->q, &info));
	EXPECT_EQ(4, info.ready);
	EXPECT_EQ(6, info.dropped);
	ASSERT_EQ(0, change(self, "x-max-length-bytes=8"));
	EXPECT_EQ(2, ready(self, 2));
	/* the other one has stayed */
	ASSERT_EQ(0, change(self, "x-max-length-bytes=1000"));
	for (i = 11; i <= 15; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	EXPECT_EQ(4, ready(self, 4));
	EXPECT_EQ(12, takes(self));
}

/* Also of one that is paused: a pause holds no message back from its end. */
TEST_F(set, a_paused_queue_is_shortened)
{
	__u32 i;

	ASSERT_EQ(0, queue_set(self->s, "q", PAUSE, "x-max-length=3"));
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, i));
	EXPECT_EQ(3, ready(self, 3));
	ASSERT_EQ(0, queue_set(self->s, "q", RESUME, "x-max-length=2"));
	EXPECT_EQ(2, ready(self, 2));
	EXPECT_EQ(4, takes(self));
}

TEST_F(set, refusing_begins_and_ends)
{
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(0, change(self, "x-max-length=1 x-overflow=reject-publish"));
	EXPECT_EQ(MQK_COMPLETION_NACK, sends(self, 2));
	ASSERT_EQ(0, change(self, "x-max-length=2"));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 3));
	EXPECT_EQ(MQK_COMPLETION_NACK, sends(self, 4));
	/* what is there already is not refused */
	ASSERT_EQ(0, change(self, "x-max-length=1"));
	EXPECT_EQ(2, ready(self, 2));
	ASSERT_EQ(0, change(self, "x-overflow=drop-head"));
	EXPECT_EQ(1, ready(self, 1));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 5));
	EXPECT_EQ(5, takes(self));
}

/* Very many go: the call does not wait for all of them, but they go. */
TEST_F(set, many_are_dropped)
{
	struct port p;

	ASSERT_EQ(0, port_make(&p, self->s, variant->flags, 16));
	ASSERT_EQ(0, port_numbers(&p, self->exchange, "q", 1, 6000));
	ASSERT_EQ(0, change(self, "x-max-length=1"));
	EXPECT_EQ(1, ready(self, 1));
	EXPECT_EQ(6000, takes(self));
}

TEST_F(set, declaring_again_compares_with_what_they_are)
{
	ASSERT_EQ(0, change(self, "x-max-length=7"));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "q", 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	EXPECT_EQ(self->q, queue_declare_args(self->s, "q", "x-max-length=7"));
	ASSERT_EQ(0, change(self, "x-max-length=8"));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->s, "q", "x-max-length=7"));
	EXPECT_EQ(self->q, queue_declare_args(self->s, "q", "x-max-length=8"));
	/* a pause is no property of a declaration */
	ASSERT_EQ(0, set(self, PAUSE));
	EXPECT_EQ(self->q, queue_declare_args(self->s, "q", "x-max-length=8"));
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
		EXPECT_EQ(self->q, queue_declare_args(self->s, "q", text));
		EXPECT_EQ(-EINVAL, queue_declare(self->s, "q", 0));
		h.len = 0;
		headers_add(&h, MQK_HEADER_VOID, args[i], NULL, 0);
		ASSERT_EQ(0, queue_set_headers(self->s, "q", &h));
		/* and again */
		ASSERT_EQ(0, queue_set_headers(self->s, "q", &h));
		EXPECT_EQ(self->q, queue_declare(self->s, "q", 0));
	}
	/* not those that stay */
	h.len = 0;
	headers_add(&h, MQK_HEADER_VOID, "x-single-active-consumer", NULL, 0);
	EXPECT_EQ(-EINVAL, queue_set_headers(self->s, "q", &h));
	h.len = 0;
	headers_add(&h, MQK_HEADER_VOID, "x-unknown", NULL, 0);
	EXPECT_EQ(-EINVAL, queue_set_headers(self->s, "q", &h));
}

/* --- times and failures, of a queue that knew of none --------------------- */

static int rejects(FIXTURE_DATA(set) *self, __u64 tag)
{
	return consumer_settle(&self->get, tag, MQK_ACK_REJECT, MQK_ACK_F_REQUEUE) == 1 ?
	       0 : -EIO;
}

TEST_F(set, a_time_to_live_is_of_what_comes_then)
{
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(0, change(self, "x-message-ttl=1"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	EXPECT_EQ(1, ready(self, 1));
	EXPECT_EQ(1, takes(self));
}

/* What was delivered before fails under the new rule; so does what waited. */
TEST_F(set, a_limit_is_of_what_fails_then)
{
	struct mqk_delivery first, second;

	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	ASSERT_EQ(0, queue_get(self->r, self->get.c.id, self->q, 0, 0, &first, NULL));
	ASSERT_EQ(0, change(self, "x-delivery-limit=0"));
	ASSERT_EQ(0, rejects(self, first.tag));
	EXPECT_EQ(1, ready(self, 1));
	ASSERT_EQ(0, queue_get(self->r, self->get.c.id, self->q, 0, 0, &second, NULL));
	EXPECT_EQ(2, delivery_number(self->r, &second));
	ASSERT_EQ(0, rejects(self, second.tag));
	EXPECT_EQ(0, ready(self, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 3));
	EXPECT_EQ(3, takes(self));
}

TEST_F(set, a_timeout_is_of_what_is_delivered_then)
{
	struct mqk_delivery d;

	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(self, 2));
	EXPECT_EQ(1, takes(self));
	ASSERT_EQ(0, change(self, "x-consumer-timeout=1"));
	EXPECT_EQ(2, takes(self));
	ASSERT_EQ(1, ready(self, 1));
	ASSERT_EQ(0, queue_get(self->r, self->get.c.id, self->q, 0, 0, &d, NULL));
	EXPECT_EQ(2, delivery_number(self->r, &d));
	EXPECT_EQ(1, d.count);
}

TEST_F(set, unused_from_the_change_on)
{
	struct mqk_queue_next info = {};
	__u64 end = now_ms() + LONG_MS;

	ASSERT_EQ(0, change(self, "x-expires=1"));
	while (!queue_info(self->s, self->q, &info) && now_ms() < end)
		sleep_ms(1);
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "q", MQK_DECLARE_F_PASSIVE));
}

/* Of a deep queue: chunks that are full, by the hundred, the last one, and later ones. */
TEST_F(set, in_a_deep_queue)
{
	const __u32 n = 9000;
	struct mqk_delivery d;
	struct port port;
	__u32 i;

	ASSERT_EQ(0, port_make(&port, self->s, variant->flags, 16));
	ASSERT_EQ(0, port_numbers(&port, self->exchange, "q", 1, n));
	ASSERT_EQ(0, change(self, "x-delivery-limit=0"));
	for (i = 1; i <= n; i++) {
		ASSERT_EQ(0, queue_get(self->r, self->get.c.id, self->q, 0, 0, &d, NULL));
		ASSERT_EQ(i, delivery_number(self->r, &d));
		ASSERT_EQ(0, rejects(self, d.tag));
	}
	EXPECT_EQ(-EAGAIN, takes(self));
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
		EXPECT_EQ(-EINVAL, queue_set(self->s, "q", PAUSE, bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	}
	EXPECT_EQ(-EINVAL, set(self, PAUSE | RESUME));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	EXPECT_FALSE(is_paused(self));
	EXPECT_EQ(self->q, queue_declare(self->s, "q", 0));
	EXPECT_EQ(-ENOENT, queue_set(self->s, "none", 0, "x-max-length=1"));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->s));
	EXPECT_EQ(-EINVAL, queue_set(self->s, "", PAUSE, NULL));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->s));
	ASSERT_LT(0, queue_declare(self->s, "own", MQK_DECLARE_F_EXCLUSIVE));
	EXPECT_EQ(-EBUSY, queue_set(self->r, "own", PAUSE, NULL));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->r));
	EXPECT_EQ(0, queue_set(self->s, "own", PAUSE, NULL));
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
	struct changer ch = { .fd = self->r };
	__u32 taken = 0, nacked = 0, i;
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 8, 16));
	ASSERT_EQ(0, pthread_create(&ch.thread, NULL, changer, &ch));
	for (i = 0; i < 2000; i++) {
		int type = sends(self, i);

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
	ASSERT_EQ(0, queue_info(self->s, self->q, &info));
	EXPECT_EQ(0, info.ready);
	EXPECT_EQ(2000 - nacked, taken + info.dropped);
}

TEST_HARNESS_MAIN
