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

static int make(int fd, __u32 exchange, const char *key, __u32 number)
{
	struct mqk_message m = {
		.exchange = exchange, .key = (uintptr_t)key,
		.key_len = strlen(key), .payload = (uintptr_t)&number,
		.payload_len = sizeof(number),
	};

	return make_full(fd, &m, 0, 0);
}

static int goodbye(int fd)
{
	return make_full(fd, NULL, MQK_WILL_F_NONE, 0);
}

static __s64 takes(FIXTURE_DATA(will) *self)
{
	struct mqk_delivery d;
	int ret = queue_get(self->s, self->get.c.id, self->queue, 0, 0, &d, NULL);

	return ret ? ret : (__s64)delivery_number(self->s, &d);
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

	EXPECT_EQ(-EOPNOTSUPP, make_full(self->dying, &m, 0, 1));
	EXPECT_EQ(-EOPNOTSUPP, make_full(self->dying, NULL, MQK_WILL_F_NONE, 1));
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

TEST_HARNESS_MAIN
