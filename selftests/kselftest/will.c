// SPDX-License-Identifier: GPL-2.0-only
/*
 * Last wills: published when a session ends without a goodbye, once, after all
 * else, with the rights and the identity of who made them.
 *
 * mqk-test: parallel timeout=120
 */
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define PULL		MQK_CONSUMER_F_PULL
#define NOACK		MQK_CONSUMER_F_NOACK

FIXTURE(will)
{
	struct env env;
	int s;				/* looks on */
	int dying;
	struct consumer get;		/* PULL and NOACK, of s */
	__u32 exchange, queue;		/* the default one, "q" */
};

FIXTURE_SETUP(will)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->dying = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->dying);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, consumer_make(&self->get, self->s, NULL, PULL | NOACK, 0,
				   16));
}

FIXTURE_TEARDOWN(will)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static int make_full(int fd, const struct mqk_message *m, __u32 flags,
		     __u64 delay)
{
	struct mqk_will w = {
		.size = sizeof(w), .flags = flags,
		.message = (uintptr_t)m, .delay = delay,
	};

	return mq(fd, MQK_IOC_WILL, &w);
}

static int make_late(int fd, __u32 exchange, const char *key, __u32 number,
		     __u64 delay)
{
	struct mqk_message m = {
		.exchange = exchange, .key = (uintptr_t)key,
		.key_len = strlen(key), .payload = (uintptr_t)&number,
		.payload_len = sizeof(number),
	};

	return make_full(fd, &m, 0, delay);
}

static int make(int fd, __u32 exchange, const char *key, __u32 number)
{
	return make_late(fd, exchange, key, number, 0);
}

static int goodbye(int fd)
{
	return make_full(fd, NULL, MQK_WILL_F_NONE, 0);
}

static __s64 takes_within(FIXTURE_DATA(will) *self, int ms)
{
	struct mqk_delivery d;
	int ret = queue_get(self->s, self->get.c.id, self->queue, 0, ms * 1000000ll,
			    &d, NULL);

	return ret ? ret : (__s64)delivery_number(self->s, &d);
}

static __s64 takes(FIXTURE_DATA(will) *self)
{
	return takes_within(self, 0);
}

TEST_F(will, published_when_the_session_ends)
{
	struct mqk_stat st = {};

	ASSERT_EQ(0, make(self->dying, self->exchange, "q", 7));
	EXPECT_EQ(-EAGAIN, takes(self));
	session_close(self->dying);
	EXPECT_EQ(7, takes(self));
	EXPECT_EQ(-EAGAIN, takes(self));
	ASSERT_EQ(0, stat_get(self->s, &st));
	EXPECT_EQ(1, st.published);
	EXPECT_EQ(4, st.published_bytes);
}

TEST_F(will, not_after_a_goodbye)
{
	ASSERT_EQ(0, make(self->dying, self->exchange, "q", 7));
	ASSERT_EQ(0, goodbye(self->dying));
	ASSERT_EQ(0, goodbye(self->dying));
	session_close(self->dying);
	EXPECT_EQ(-EAGAIN, takes(self));
}

TEST_F(will, the_last_one_counts)
{
	__u32 i;

	for (i = 1; i <= 20; i++)
		ASSERT_EQ(0, make(self->dying, self->exchange, "q", i));
	ASSERT_EQ(0, goodbye(self->dying));
	ASSERT_EQ(0, make(self->dying, self->exchange, "q", 30));
	/* one that is refused leaves it as it is */
	EXPECT_EQ(-ENOENT, make(self->dying, 4711, "q", 31));
	session_close(self->dying);
	EXPECT_EQ(30, takes(self));
	EXPECT_EQ(-EAGAIN, takes(self));
}

TEST_F(will, of_a_process_that_is_killed)
{
	__u32 *ready = shared(PAGE);
	struct mqk_delivery d;
	pid_t pid = spawn();

	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = broker_open(&self->env.broker, O_RDWR);

		if (!make(fd, self->exchange, "q", 9))
			word_set(ready, 1);
		pause();
	}
	ASSERT_EQ(0, word_wait(ready, 1, LONG_MS));
	EXPECT_EQ(-EAGAIN, takes(self));
	kill_hard(pid);
	ASSERT_EQ(0, queue_get(self->s, self->get.c.id, self->queue, 0,
			       LONG_MS * 1000000ll, &d, NULL));
	EXPECT_EQ(9, delivery_number(self->s, &d));
	EXPECT_EQ(pid, d.pid);
}

/* What was committed without a doorbell, and what it held, come before it. */
TEST_F(will, comes_last)
{
	struct consumer c;
	struct mqk_delivery d;
	struct port p, own;
	__u32 number = 2;
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = 4,
	};

	ASSERT_EQ(0, port_make(&own, self->s, 0, 16));
	ASSERT_EQ(0, make(self->dying, self->exchange, "q", 3));
	ASSERT_EQ(0, port_make(&p, self->dying, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, consumer_make(&c, self->dying, "q", 0, 0, 16));
	ASSERT_EQ(0, port_number(&own, self->exchange, "q", 1));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	ASSERT_EQ(0, port_place(&p, &m));
	session_close(self->dying);
	EXPECT_EQ(1, takes(self));
	EXPECT_EQ(2, takes(self));
	EXPECT_EQ(3, takes(self));
	EXPECT_EQ(-EAGAIN, takes(self));
}

TEST_F(will, to_its_own_exclusive_queue_is_lost)
{
	ASSERT_LT(0, queue_declare(self->dying, "mine", MQK_DECLARE_F_EXCLUSIVE));
	ASSERT_EQ(0, make(self->dying, self->exchange, "mine", 7));
	session_close(self->dying);
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "mine", MQK_DECLARE_F_PASSIVE));
}

TEST_F(will, goes_where_the_key_leads_at_the_end)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_TOPIC, 0);

	ASSERT_LT(0, x);
	ASSERT_EQ(0, make(self->dying, x, "a.b", 7));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "a.*"));
	session_close(self->dying);
	EXPECT_EQ(7, takes(self));
}

TEST_F(will, whose_exchange_has_gone_is_lost)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_FANOUT, 0);
	struct mqk_stat st = {};

	ASSERT_LT(0, x);
	ASSERT_EQ(0, binding_add(self->s, "x", "q", ""));
	ASSERT_EQ(0, make(self->dying, x, "", 7));
	ASSERT_EQ(0, exchange_delete(self->s, "x", 0));
	session_close(self->dying);
	EXPECT_EQ(-EAGAIN, takes(self));
	ASSERT_EQ(0, stat_get(self->s, &st));
	EXPECT_EQ(0, st.published);
	EXPECT_EQ(1, st.refused);
}

TEST_F(will, to_several_queues)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_FANOUT, 0);
	__s64 other = queue_declare(self->s, "q2", 0);
	struct mqk_delivery d;

	ASSERT_LT(0, x);
	ASSERT_LT(0, other);
	ASSERT_EQ(0, binding_add(self->s, "x", "q", ""));
	ASSERT_EQ(0, binding_add(self->s, "x", "q2", ""));
	ASSERT_EQ(0, make(self->dying, x, "", 7));
	session_close(self->dying);
	EXPECT_EQ(7, takes(self));
	ASSERT_EQ(0, queue_get(self->s, self->get.c.id, other, 0, 0, &d, NULL));
	EXPECT_EQ(7, delivery_number(self->s, &d));
}

TEST_F(will, what_is_refused)
{
	static char big[MQK_WILL_MAX];
	struct mqk_message m = { .exchange = self->exchange };
	__u8 bad_headers[8] = { '?', 1 };
	int reader = env_session(&self->env, O_RDONLY);

	EXPECT_EQ(-EINVAL, make_full(self->dying, &m, 0, MQK_WILL_DELAY_MAX + 1));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->dying));
	EXPECT_EQ(-EINVAL, make_full(self->dying, NULL, MQK_WILL_F_NONE, 1));
	EXPECT_EQ(-EINVAL, make_full(self->dying, &m, MQK_WILL_F_NONE, 0));
	EXPECT_EQ(-EINVAL, make_full(self->dying, &m, 2, 0));
	EXPECT_EQ(-EFAULT, make_full(self->dying, NULL, 0, 0));
	EXPECT_EQ(-EACCES, make_full(reader, &m, 0, 0));
	m.payload = (uintptr_t)big;
	m.payload_len = sizeof(big);
	EXPECT_EQ(-EMSGSIZE, make_full(self->dying, &m, 0, 0));
	EXPECT_EQ(MQK_RULE_TOO_LARGE, rule(self->dying));
	m.payload_len = ~0u;
	EXPECT_EQ(-EMSGSIZE, make_full(self->dying, &m, 0, 0));
	m.payload_len = sizeof(big) - 64;
	EXPECT_EQ(0, make_full(self->dying, &m, 0, 0));
	m.headers = (uintptr_t)bad_headers;
	m.headers_len = 8;
	m.payload_len = 0;
	EXPECT_EQ(-EINVAL, make_full(self->dying, &m, 0, 0));
	m.headers_len = 0;
	m.flags = 0x80000000;
	EXPECT_EQ(-EINVAL, make_full(self->dying, &m, 0, 0));
}

TEST_F(will, an_exchange_that_does_not_let_one_publish)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_FANOUT,
				   MQK_DECLARE_F_INTERNAL);

	ASSERT_LT(0, x);
	EXPECT_EQ(-EACCES, make(self->dying, x, "", 7));
	EXPECT_EQ(MQK_RULE_PERMISSION, rule(self->dying));
}

/* It counts as a port, and is given back with the session in any case. */
TEST_F(will, is_charged)
{
	__u64 before = env_used(&self->env, MQK_RES_PORTS, 0);

	ASSERT_EQ(0, make(self->dying, self->exchange, "q", 1));
	EXPECT_EQ(before + 1, env_used(&self->env, MQK_RES_PORTS, before + 1));
	ASSERT_EQ(0, make(self->dying, self->exchange, "q", 2));
	EXPECT_EQ(before + 1, env_used(&self->env, MQK_RES_PORTS, before + 1));
	ASSERT_EQ(0, goodbye(self->dying));
	EXPECT_EQ(before, env_used(&self->env, MQK_RES_PORTS, before));
}

TEST_F(will, a_broker_that_is_removed_publishes_none)
{
	struct broker b;
	int fd;

	ASSERT_EQ(0, broker_make(&b, NULL));
	fd = broker_open(&b, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, queue_declare(fd, "q", 0));
	ASSERT_EQ(0, make(fd, self->exchange, "q", 1));
	ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
	EXPECT_EQ(-ESHUTDOWN, make(fd, self->exchange, "q", 1));
	close(fd);
}

/* ---- with a delay ---- */

#define MS		1000000ull
/* Nobody waits for it. */
#define A_DAY		(86400ull * 1000 * MS)

TEST_F(will, waits_for_its_time)
{
	__u64 begin;

	ASSERT_EQ(0, make_late(self->dying, self->exchange, "q", 7, 300 * MS));
	/* it runs from the end of the session */
	sleep_ms(2 * SHORT_MS);
	begin = now_ms();
	session_close(self->dying);
	EXPECT_EQ(7, takes_within(self, LONG_MS));
	EXPECT_LE(299, now_ms() - begin);
	EXPECT_EQ(-EAGAIN, takes(self));
}

TEST_F(will, of_which_the_last_delay_counts)
{
	ASSERT_EQ(0, make_late(self->dying, self->exchange, "q", 6, A_DAY));
	ASSERT_EQ(0, make_late(self->dying, self->exchange, "q", 7, MS));
	session_close(self->dying);
	EXPECT_EQ(7, takes_within(self, LONG_MS));
	EXPECT_EQ(-EAGAIN, takes(self));
}

TEST_F(will, with_the_longest_delay)
{
	struct mqk_stat st = {};
	struct broker b;
	int dying, fd;

	ASSERT_EQ(0, broker_make(&b, NULL));
	fd = broker_open(&b, O_RDWR);
	dying = broker_open(&b, O_RDWR);
	ASSERT_LE(0, dying);
	ASSERT_EQ(0, make_late(dying, self->exchange, "q", 7, MQK_WILL_DELAY_MAX));
	close(dying);
	sleep_ms(SHORT_MS);
	ASSERT_EQ(0, stat_get(fd, &st));
	EXPECT_EQ(0, st.published);
	close(fd);
	EXPECT_EQ(0, broker_delete(&b, 0));
}

TEST_F(will, taken_back_before_it_waits)
{
	ASSERT_EQ(0, make_late(self->dying, self->exchange, "q", 7, MS));
	ASSERT_EQ(0, goodbye(self->dying));
	session_close(self->dying);
	EXPECT_EQ(-ETIMEDOUT, takes_within(self, 2 * SHORT_MS));
}

/* Those of many sessions, each at its own time. */
TEST_F(will, in_order_of_their_times)
{
	static const int order[] = { 4, 1, 3, 2 };
	__s64 first = 0, n;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		fd = env_session(&self->env, O_RDWR);
		ASSERT_LE(0, fd);
		/* far apart: a slow machine closes them one long after the other */
		ASSERT_EQ(0, make_late(fd, self->exchange, "q", order[i],
				       order[i] * 700 * MS));
		session_close(fd);
	}
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		n = takes_within(self, LONG_MS);
		EXPECT_LT(first, n);
		first = n;
	}
	EXPECT_EQ(4, first);
}

TEST_F(will, goes_where_the_key_leads_when_it_is_time)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_TOPIC, 0);

	ASSERT_LT(0, x);
	ASSERT_EQ(0, make_late(self->dying, x, "a.b", 7, 500 * MS));
	session_close(self->dying);
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "a.*"));
	EXPECT_EQ(7, takes_within(self, LONG_MS));
}

TEST_F(will, whose_exchange_goes_while_it_waits_is_lost)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_FANOUT, 0);
	__u64 before = env_used(&self->env, MQK_RES_PORTS, 0);
	struct mqk_stat st = {};

	ASSERT_LT(0, x);
	ASSERT_EQ(0, make_late(self->dying, x, "", 7, 300 * MS));
	session_close(self->dying);
	ASSERT_EQ(0, exchange_delete(self->s, "x", 0));
	EXPECT_EQ(before, env_used(&self->env, MQK_RES_PORTS, before));
	ASSERT_EQ(0, stat_get(self->s, &st));
	EXPECT_EQ(0, st.published);
	EXPECT_EQ(1, st.refused);
}

/* Its port and its record are charged until it is published. */
TEST_F(will, is_charged_while_it_waits)
{
	__u64 before = env_used(&self->env, MQK_RES_PORTS, 0);

	ASSERT_EQ(0, make_late(self->dying, self->exchange, "q", 1, 1000 * MS));
	session_close(self->dying);
	EXPECT_EQ(before + 1, env_used(&self->env, MQK_RES_PORTS, before + 1));
	EXPECT_EQ(1, takes_within(self, LONG_MS));
	EXPECT_EQ(before, env_used(&self->env, MQK_RES_PORTS, before));
}

TEST_F(will, as_many_as_there_may_be_ports)
{
	struct mqk_broker_create want = { .limit[MQK_RES_PORTS] = 4 };
	struct broker b;
	int fd, i;

	ASSERT_EQ(0, broker_make(&b, &want));
	for (i = 0; i < 5; i++) {
		fd = broker_open(&b, O_RDWR);
		ASSERT_LE(0, fd);
		EXPECT_EQ(i < 4 ? 0 : -ENOSPC,
			  make_late(fd, self->exchange, "q", i, A_DAY));
		close(fd);
	}
	EXPECT_EQ(0, broker_delete(&b, 0));
}

/* Who made it is remembered, not who is there when it is published. */
TEST_F(will, keeps_its_identity)
{
	__u32 *pid = shared(PAGE);
	struct mqk_delivery d;
	pid_t child = spawn();

	ASSERT_LE(0, child);
	if (!child) {
		int fd = broker_open(&self->env.broker, O_RDWR);

		_exit(make_late(fd, self->exchange, "q", 9, 300 * MS) ? 1 : 0);
	}
	*pid = child;
	ASSERT_EQ(0, reap(child, LONG_MS));
	ASSERT_EQ(0, queue_get(self->s, self->get.c.id, self->queue, 0,
			       LONG_MS * MS, &d, NULL));
	EXPECT_EQ(9, delivery_number(self->s, &d));
	EXPECT_EQ(*pid, d.pid);
}

/* What waits does not keep a broker, which drops it, nor is it published then. */
TEST_F(will, dropped_with_the_broker)
{
	__u64 delays[] = { A_DAY, 50 * MS, 1 };
	unsigned int i, j;
	struct broker b;
	int fd;

	for (i = 0; i < 3 * ARRAY_SIZE(delays); i++) {
		ASSERT_EQ(0, broker_make(&b, NULL));
		fd = broker_open(&b, O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_LT(0, queue_declare(fd, "q", 0));
		close(fd);
		for (j = 0; j < 8; j++) {
			fd = broker_open(&b, O_RDWR);
			ASSERT_LE(0, fd);
			ASSERT_EQ(0, make_late(fd, self->exchange, "q", 1,
					       delays[i % ARRAY_SIZE(delays)]));
			close(fd);
		}
		EXPECT_EQ(0, broker_delete(&b, 0));
	}
}

TEST_F(will, that_begins_to_wait_when_the_broker_has_gone)
{
	struct broker b;
	int fd;

	ASSERT_EQ(0, broker_make(&b, NULL));
	fd = broker_open(&b, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, queue_declare(fd, "q", 0));
	ASSERT_EQ(0, make_late(fd, self->exchange, "q", 1, MS));
	ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
	close(fd);
}

TEST_HARNESS_MAIN
