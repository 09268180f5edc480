// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: a broker with small ones is filled up in each resource; the refusal
 * names rule, resource, limit and use; nothing else stops working; and when
 * something is given back it fits again.
 *
 * mqk-test: parallel timeout=60 kernels=stock,debug,host
 */
#include <grp.h>
#include <sys/mman.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define KIB	1024ull

FIXTURE(limits)
{
	struct env env;
	int s;
};

FIXTURE_VARIANT(limits)
{
	unsigned int res;
	__u64 limit;
};

/* The env's own session and the broker's own exchanges count as well. */
FIXTURE_VARIANT_ADD(limits, sessions) { MQK_RES_SESSIONS, 6 };
FIXTURE_VARIANT_ADD(limits, ports) { MQK_RES_PORTS, 5 };
FIXTURE_VARIANT_ADD(limits, consumers) { MQK_RES_CONSUMERS, 5 };
FIXTURE_VARIANT_ADD(limits, exchanges) { MQK_RES_EXCHANGES, 12 };
FIXTURE_VARIANT_ADD(limits, queues) { MQK_RES_QUEUES, 5 };
FIXTURE_VARIANT_ADD(limits, bindings) { MQK_RES_BINDINGS, 5 };
FIXTURE_VARIANT_ADD(limits, messages) { MQK_RES_MESSAGES, 256 };
FIXTURE_VARIANT_ADD(limits, bytes) { MQK_RES_BYTES, 2048 * KIB };
FIXTURE_VARIANT_ADD(limits, mapped) { MQK_RES_MAPPED, 128 * KIB };

FIXTURE_SETUP(limits)
{
	struct mqk_broker_create want = { .segment_size = 64 * KIB };

	want.limit[variant->res] = variant->limit;
	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Take one more of it.  0 or -errno. */
static int more(FIXTURE_DATA(limits) *self, unsigned int res, __u32 number,
		struct port *port)
{
	static __u8 payload[8 * KIB];
	char name[16];
	struct consumer c;
	struct port p;
	int ret;

	sprintf(name, "n%u", number);
	switch (res) {
	case MQK_RES_SESSIONS:
		ret = env_session(&self->env, O_RDWR);
		return ret < 0 ? ret : 0;
	case MQK_RES_PORTS:
		return port_make(&p, self->s, 0, 16);
	case MQK_RES_MAPPED:
		ret = port_make(&p, self->s, 0, 256);
		/* A mapping would keep the charge. */
		if (!ret)
			port_unmap(&p);
		return ret;
	case MQK_RES_CONSUMERS:
		return consumer_make(&c, self->s, "q", 0, 1, 16);
	case MQK_RES_EXCHANGES:
		ret = exchange_declare(self->s, name, MQK_EXCHANGE_DIRECT, 0);
		return ret < 0 ? ret : 0;
	case MQK_RES_QUEUES:
		ret = queue_declare(self->s, name, 0);
		return ret < 0 ? ret : 0;
	case MQK_RES_BINDINGS:
		return binding_add(self->s, "amq.direct", "q", name);
	case MQK_RES_MESSAGES:
		return port_number(port, exchange_declare(self->s, "", 0,
				   MQK_DECLARE_F_PASSIVE), "q", number);
	case MQK_RES_BYTES: {
		struct msg m = {
			.exchange = exchange_declare(self->s, "", 0,
						     MQK_DECLARE_F_PASSIVE),
			.key = "q", .key_len = 1, .payload = payload,
			.payload_len = sizeof(payload),
		};

		return port_publish(port, &m);
	}
	}
	return -EINVAL;
}

/* Give one back. */
static int less(FIXTURE_DATA(limits) *self, unsigned int res, __u32 number)
{
	char name[16];
	struct mqk_id id = { .size = sizeof(id) };

	sprintf(name, "n%u", number);
	switch (res) {
	case MQK_RES_PORTS:
	case MQK_RES_MAPPED:
	case MQK_RES_CONSUMERS:
		/* Some id among the first few is one of them. */
		for (id.id = 0; id.id < 64; id.id++)
			if (!mq(self->s, res == MQK_RES_CONSUMERS ?
				MQK_IOC_CONSUMER_CLOSE : MQK_IOC_PORT_CLOSE,
				&id))
				return 0;
		return -ENOENT;
	case MQK_RES_EXCHANGES:
		return exchange_delete(self->s, name, 0);
	case MQK_RES_QUEUES:
		return queue_delete(self->s, name, 0);
	case MQK_RES_BINDINGS:
		return binding_del(self->s, "amq.direct", "q", name);
	case MQK_RES_MESSAGES:
	case MQK_RES_BYTES:
		return queue_purge(self->s, "q") > 0 ? 0 : -ENOENT;
	}
	return -EINVAL;
}

TEST_F(limits, up_to_the_limit_and_again)
{
	__u32 number = 0, i, most = 10000;
	struct mqk_error e;
	struct mqk_query q;
	struct port port;
	int ret = 0;

	if (variant->res != MQK_RES_PORTS && variant->res != MQK_RES_MAPPED) {
		ASSERT_EQ(0, port_make(&port, self->s, 0, 16));
	}
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	while (number < most) {
		ret = more(self, variant->res, number, &port);
		if (ret)
			break;
		number++;
	}
	ASSERT_EQ(-ENOSPC, ret);
	ASSERT_LT(0, number);
	/* For a session that was refused there is nobody to ask. */
	if (variant->res != MQK_RES_SESSIONS) {
		ASSERT_EQ(0, error_get(self->s, &e));
		EXPECT_EQ(ENOSPC, e.error);
		EXPECT_EQ(MQK_RULE_BROKER_LIMIT, e.rule);
		EXPECT_EQ(variant->res, e.resource);
		EXPECT_EQ(variant->limit, e.limit);
		EXPECT_LE(e.used, e.limit);
	}
	ASSERT_EQ(0, query(self->env.admin, &q));
	EXPECT_EQ(variant->limit, q.broker_limit[variant->res]);
	EXPECT_LE(q.broker_used[variant->res], variant->limit);
	/* It says so again, and again, and the counter stays. */
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-ENOSPC, more(self, variant->res, number, &port));
	}
	EXPECT_EQ(q.broker_used[variant->res],
		  env_used(&self->env, variant->res,
			   q.broker_used[variant->res]));
	/* One back, one more; a few times. */
	if (variant->res == MQK_RES_SESSIONS) {
		close(env_session(&self->env, O_RDWR));
		return;
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, less(self, variant->res, number - 1));
		for (ret = -ENOSPC; ret == -ENOSPC; ) {
			static int tries;

			ret = more(self, variant->res, number - 1, &port);
			/* What is freed by RCU takes a moment. */
			sleep_ms(ret ? 5 : 0);
			ASSERT_GT(2000, tries++);
		}
		ASSERT_EQ(0, ret);
	}
}

TEST_F(limits, sessions_are_back_after_close)
{
	int i, fd;

	if (variant->res != MQK_RES_SESSIONS)
		return;
	for (i = 0; i < 50; i++) {
		__u64 end = now_ms() + LONG_MS;

		do {
			fd = broker_open(&self->env.broker, O_RDWR);
		} while (fd == -ENOSPC && now_ms() < end);
		ASSERT_LE(0, fd);
		close(fd);
	}
}

/* In place the refused record stays where it is: the next doorbell tries again. */
TEST_F(limits, inplace_publisher_tries_again)
{
	__u32 exchange = exchange_declare(self->s, "", 0,
					  MQK_DECLARE_F_PASSIVE);
	__u32 number = 0, i;
	struct consumer c;
	struct port port;
	int ret = 0;

	if (variant->res != MQK_RES_MESSAGES)
		return;
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&port, self->s, MQK_PORT_F_INPLACE |
					       MQK_PORT_F_CONFIRM, 1024));
	while (number < 10000) {
		ret = port_number(&port, exchange, "q", number++);
		if (ret)
			break;
	}
	ASSERT_EQ(-ENOSPC, ret);
	EXPECT_EQ(-ENOSPC, port_doorbell(&port));
	EXPECT_EQ(MQK_RULE_BROKER_LIMIT, rule(self->s));
	EXPECT_EQ(0, port.k->error);
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", MQK_CONSUMER_F_NOACK, 0,
				   1024));
	for (i = 0; i < number - 1; i++) {
		ASSERT_EQ(i, take_number(&c, NULL, LONG_MS));
	}
	/* The wait lets the kernel know how far it has read. */
	ASSERT_EQ(-EAGAIN, consumer_wait(&c, 0));
	ASSERT_EQ(1, port_doorbell(&port));
	EXPECT_EQ(number - 1, take_number(&c, NULL, LONG_MS));
	EXPECT_EQ(0, port_confirmed(&port, number, NULL));
}

/* All or none: where one queue of two has no room, the other gets nothing. */
TEST_F(limits, a_message_reaches_all_queues_or_none)
{
	struct mqk_queue_next a, b;
	__s64 one, two, e;
	struct port port;
	int ret = 0;
	__u32 i;

	if (variant->res != MQK_RES_MESSAGES)
		return;
	one = queue_declare(self->s, "one", 0);
	two = queue_declare(self->s, "two", 0);
	e = exchange_declare(self->s, "f", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_EQ(0, binding_add(self->s, "f", "one", ""));
	ASSERT_EQ(0, binding_add(self->s, "f", "two", ""));
	ASSERT_EQ(0, port_make(&port, self->s, 0, 16));
	/* An odd number in one of them first. */
	ASSERT_EQ(0, port_numbers(&port, exchange_declare(self->s, "", 0,
				  MQK_DECLARE_F_PASSIVE), "one", 1, 65));
	for (i = 0; i < 10000 && !ret; i++)
		ret = port_number(&port, e, "", i);
	ASSERT_EQ(-ENOSPC, ret);
	ASSERT_EQ(0, queue_info(self->s, one, &a));
	ASSERT_EQ(0, queue_info(self->s, two, &b));
	EXPECT_EQ(i - 1, b.ready);
	EXPECT_EQ(i - 1 + 65, a.ready);
}

/* A segment cannot be had: the open one stays, and goes on. */
TEST_F(limits, no_segment_to_be_had)
{
	__u32 exchange = exchange_declare(self->s, "", 0,
					  MQK_DECLARE_F_PASSIVE);
	static __u8 payload[30000];
	struct msg m = {
		.exchange = exchange, .key = "q", .key_len = 1,
		.payload = payload, .payload_len = sizeof(payload),
	};
	struct port port;
	int ret = 0, sent = 0;

	if (variant->res != MQK_RES_BYTES)
		return;
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&port, self->s, MQK_PORT_F_INPLACE, 16));
	while (sent < 1000) {
		ret = port_publish(&port, &m);
		if (ret)
			break;
		sent++;
	}
	ASSERT_EQ(-ENOSPC, ret);
	EXPECT_EQ(MQK_RULE_BROKER_LIMIT, rule(self->s));
	ASSERT_EQ(-ENOSPC, port_segment(&port, 1 << 20));
	/* There is room for a small one behind the two large ones. */
	m.payload_len = 100;
	EXPECT_EQ(0, port_publish(&port, &m));
	ASSERT_LT(0, queue_purge(self->s, "q"));
	m.payload_len = sizeof(payload);
	EXPECT_EQ(0, port_publish(&port, &m));
}

/* --- limits of a user ------------------------------------------------------ */

/* What a user holds is counted over all brokers, and given back. */
TEST(user_counters_come_back)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE, .mode = 0666,
	};
	unsigned int uid = 30000 + getpid() % 10000;
	struct env env;
	pid_t pid;

	ASSERT_EQ(0, env_begin(&env, &want));
	pid = spawn();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct mqk_query before, held, after;
		struct consumer c;
		struct port p;
		int s, probe, i;

		/* A user that is nobody else's: the counters are exact. */
		if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
		    setresuid(uid, uid, uid))
			_exit(1);
		probe = broker_open(&env.broker, O_RDWR);
		if (probe < 0 || query(probe, &before))
			_exit(2);
		s = broker_open(&env.broker, O_RDWR);
		if (exchange_declare(s, "e", MQK_EXCHANGE_FANOUT, 0) < 0 ||
		    queue_declare(s, "q", 0) < 0 ||
		    binding_add(s, "e", "q", "") ||
		    port_make(&p, s, MQK_PORT_F_INPLACE, 16) ||
		    consumer_make(&c, s, "q", 0, 0, 16) ||
		    port_number(&p, exchange_declare(s, "e", 0,
						     MQK_DECLARE_F_PASSIVE),
				"", 1) || query(probe, &held))
			_exit(3);
		for (i = 0; i < MQK_RES_NR; i++)
			if (held.user_used[i] <= before.user_used[i])
				_exit(10 + i);
		queue_delete(s, "q", 0);
		exchange_delete(s, "e", 0);
		port_unmap(&p);
		consumer_unmap(&c);
		session_close(s);
		for (i = 0; i < 1000; i++) {
			if (query(probe, &after))
				_exit(4);
			/* Segments are the broker's to keep. */
			after.user_used[MQK_RES_BYTES] =
				before.user_used[MQK_RES_BYTES];
			if (!memcmp(after.user_used, before.user_used,
				    sizeof(after.user_used)))
				_exit(0);
			sleep_ms(10);
		}
		for (i = 0; i < MQK_RES_NR; i++)
			if (after.user_used[i] != before.user_used[i])
				_exit(30 + i);
	}
	EXPECT_EQ(0, reap(pid, 2 * LONG_MS));
	EXPECT_EQ(0, env_end(&env));
}

/* --- what is mapped ---------------------------------------------------------- */

static __u64 mapped(struct env *env)
{
	struct mqk_query q;

	return query(env->admin, &q) ? ~0ull : q.broker_used[MQK_RES_MAPPED];
}

TEST(rings_are_charged_while_they_are_mapped)
{
	struct env env;
	struct consumer c;
	struct port p;
	__u64 before, rings;
	int s;

	ASSERT_EQ(0, env_begin(&env, NULL));
	s = env_session(&env, O_RDWR);
	before = mapped(&env);
	ASSERT_EQ(0, port_make(&p, s, 0, 1024));
	rings = p.c.page_size + p.c.user_size;
	EXPECT_LT(before + rings, mapped(&env));
	ASSERT_EQ(0, port_close(&p));
	EXPECT_EQ(before + rings, mapped(&env));
	/* Any part of any of them keeps all. */
	munmap((void *)p.k, PAGE);
	EXPECT_EQ(before + rings, mapped(&env));
	unmap((void *)p.k, p.c.page_size);
	EXPECT_EQ(before + rings, mapped(&env));
	unmap(p.u, p.c.user_size);
	EXPECT_EQ(before, mapped(&env));

	/* A session that is gone, too; the other one's mappings are its own. */
	ASSERT_EQ(0, consumer_make(&c, s, NULL, MQK_CONSUMER_F_PULL, 0, 256));
	ASSERT_EQ(0, port_make(&p, env_session(&env, O_RDWR), 0, 16));
	rings = c.c.page_size + c.c.user_size;
	session_drop(s);
	port_unmap(&p);
	ASSERT_EQ(0, port_close(&p));
	EXPECT_EQ(before + rings, mapped(&env));
	/* A second mapping of the same pages was possible until then. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, c.c.page_size, PROT_READ, MAP_SHARED, s,
				   c.c.page_offset));
	consumer_unmap(&c);
	EXPECT_EQ(before, mapped(&env));
	EXPECT_EQ(0, env_end(&env));
}

static void child_holds_a_ring(void *arg)
{
	struct env *env = arg;
	struct consumer c;
	int s = broker_open(&env->broker, O_RDWR);

	if (consumer_make(&c, s, NULL, MQK_CONSUMER_F_PULL, 0, 256))
		_exit(1);
	close(s);
	_exit(mapped(env) ? 0 : 2);
}

/* Who dies unmaps; and a mapping may be the last that is left of a broker. */
TEST(charges_of_rings_end_with_their_process_and_outlive_brokers)
{
	struct broker b;
	struct env env;
	struct consumer c;
	pid_t pid;
	int s;

	ASSERT_EQ(0, env_begin(&env, NULL));
	pid = spawn();
	if (!pid)
		child_holds_a_ring(&env);
	EXPECT_EQ(0, reap(pid, LONG_MS));
	EXPECT_EQ(env.used[MQK_RES_MAPPED],
		  env_used(&env, MQK_RES_MAPPED, env.used[MQK_RES_MAPPED]));

	ASSERT_EQ(0, broker_make(&b, NULL));
	s = broker_open(&b, O_RDWR);
	ASSERT_EQ(0, consumer_make(&c, s, NULL, MQK_CONSUMER_F_PULL, 0, 256));
	close(s);
	ASSERT_EQ(0, broker_delete(&b, 0));
	*(volatile __u32 *)&c.u->awake = 1;
	consumer_unmap(&c);
	EXPECT_EQ(0, env_end(&env));
}

/* What a port remembers of routes is charged: where there is no room for more,
 * it forgets, and goes on.
 */
TEST(remembered_routes_are_charged)
{
	struct mqk_broker_create want = { .limit[MQK_RES_MAPPED] = 128 * KIB };
	__u64 before, most = 0, used;
	struct port filler[32];
	struct mqk_error e;
	struct port port;
	struct env env;
	char name[16];
	int s, i, n;
	__s64 x;

	ASSERT_EQ(0, env_begin(&env, &want));
	s = env_session(&env, O_RDWR);
	x = exchange_declare(s, "t", MQK_EXCHANGE_TOPIC, 0);
	for (i = 0; i < 64; i++) {
		sprintf(name, "q%d", i);
		ASSERT_LT(0, queue_declare(s, name, 0));
		ASSERT_EQ(0, binding_add(s, "t", name, "#"));
	}
	ASSERT_EQ(0, port_make(&port, s, 0, 16));
	before = mapped(&env);
	for (i = 0; i < 600; i++) {
		sprintf(name, "key.%d", i);
		ASSERT_EQ(0, port_number(&port, x, name, i));
		used = mapped(&env);
		if (used > most)
			most = used;
	}
	/* 64 pointers for each; and not more than there may be. */
	EXPECT_LT(before + 64 * 64 * 8, most);
	EXPECT_GE(128 * KIB, most);

	/* No room for one of a thousand: refused, and taken when there is. */
	ASSERT_EQ(0, port_close(&port));
	port_unmap(&port);
	for (i = 0; i < 1000; i++) {
		sprintf(name, "r%d", i);
		ASSERT_LT(0, queue_declare(s, name, 0));
		ASSERT_EQ(0, binding_add(s, "t", name, "#"));
	}
	ASSERT_EQ(0, port_make(&port, s, 0, 16));
	for (n = 0; n < 32 && !port_make(&filler[n], s, 0, 16); n++)
		;
	ASSERT_GT(32, n);
	EXPECT_EQ(-ENOSPC, port_number(&port, x, "key.0", 0));
	ASSERT_EQ(0, error_get(s, &e));
	EXPECT_EQ(MQK_RULE_BROKER_LIMIT, e.rule);
	EXPECT_EQ(MQK_RES_MAPPED, e.resource);
	while (n--) {
		ASSERT_EQ(0, port_close(&filler[n]));
		port_unmap(&filler[n]);
	}
	EXPECT_EQ(0, port_number(&port, x, "key.0", 0));
	EXPECT_EQ(0, env_end(&env));
}

TEST(broker_limits_are_reported)
{
	struct mqk_broker_create want = { 0 };
	struct mqk_query q;
	struct env env;
	int i;

	for (i = 0; i < MQK_RES_NR; i++)
		want.limit[i] = 100000 + i;
	want.limit[MQK_RES_BYTES] = 1 << 30;
	want.limit[MQK_RES_MAPPED] = 1 << 30;
	ASSERT_EQ(0, env_begin(&env, &want));
	ASSERT_EQ(0, query(env.admin, &q));
	for (i = 0; i < MQK_RES_NR; i++) {
		EXPECT_EQ(want.limit[i], q.broker_limit[i]);
	}
	EXPECT_EQ(0, env_end(&env));
}

TEST_HARNESS_MAIN
