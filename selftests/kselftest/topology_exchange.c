// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where messages go beyond one exchange: bindings between exchanges, alternate
 * exchanges.  What MQK_IOC_ROUTE answers is compared with what a publish
 * reaches, at every step; the port has the routes of the step before in its
 * cache.
 *
 * mqk-test: parallel timeout=180 kernels=stock,debug,host
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "reach.h"
#include "harness.h"

#define DIRECT	MQK_EXCHANGE_DIRECT
#define FANOUT	MQK_EXCHANGE_FANOUT
#define TOPIC	MQK_EXCHANGE_TOPIC
#define HOPS	64		/* exchanges that one message goes through */

FIXTURE(exchange)
{
	struct reach to;
};

FIXTURE_VARIANT(exchange)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(exchange, copy) { .port_flags = 0 };
FIXTURE_VARIANT_ADD(exchange, inplace) { .port_flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(exchange)
{
	ASSERT_EQ(0, reach_begin(&self->to, variant->port_flags));
}

FIXTURE_TEARDOWN(exchange)
{
	EXPECT_EQ(0, reach_end(&self->to));
}

static int goes(FIXTURE_DATA(exchange) *self, const char *exchange,
		const char *key)
{
	return reach_both(&self->to, exchange, key, strlen(key), NULL);
}

static __s64 with_alternate(FIXTURE_DATA(exchange) *self, const char *name,
			    __u32 type, const char *alternate)
{
	struct headers h = {};

	headers_text(&h, "alternate-exchange", alternate);
	return exchange_declare_args(self->to.s, name, type, 0, &h);
}

static void declare(struct __test_metadata *_metadata,
		    FIXTURE_DATA(exchange) *self, const char *name, __u32 type,
		    __u32 flags)
{
	ASSERT_LT(0, exchange_declare(self->to.s, name, type, flags)) {
		TH_LOG("%s", name);
	}
}

#define DECLARE(name, type, flags)	\
	declare(_metadata, self, name, type, flags)

/* Two ways, and a way back: each exchange once, one copy. */
TEST_F(exchange, diamond_and_cycle)
{
	DECLARE("a", FANOUT, 0);
	DECLARE("b", DIRECT, 0);
	DECLARE("c", TOPIC, 0);
	DECLARE("d", FANOUT, 0);
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "b", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "c", ""));
	EXPECT_EQ(0, goes(self, "a", "k"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "b", "d", "k"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "c", "d", "*"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "d", "a", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "d", "d", "self"));
	ASSERT_EQ(0, binding_add(self->to.s, "d", "q0", ""));
	EXPECT_EQ(1, goes(self, "a", "k"));
	EXPECT_EQ(1, goes(self, "a", "other"));
	EXPECT_EQ(0, goes(self, "a", "two.words"));
	EXPECT_EQ(1, goes(self, "d", "two.words"));
	ASSERT_EQ(0, binding_add(self->to.s, "b", "q1", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "c", "q0", "#"));
	EXPECT_EQ(3, goes(self, "a", "k"));
	EXPECT_EQ(3, goes(self, "b", "k"));
	EXPECT_EQ(3, goes(self, "d", "k"));
	EXPECT_EQ(1, goes(self, "c", "k.k"));
	/* the key is the message's all the way */
	EXPECT_EQ(0, goes(self, "b", "x"));
}

/* What changes further on changes what a port remembers. */
TEST_F(exchange, changes_downstream_are_seen)
{
	DECLARE("a", FANOUT, 0);
	DECLARE("b", DIRECT, 0);
	DECLARE("c", DIRECT, 0);
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "b", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "b", "c", "k"));
	EXPECT_EQ(0, goes(self, "a", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "c", "q2", "k"));
	EXPECT_EQ(4, goes(self, "a", "k"));
	ASSERT_EQ(0, binding_del(self->to.s, "c", "q2", "k"));
	EXPECT_EQ(0, goes(self, "a", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "c", "q3", "k"));
	EXPECT_EQ(8, goes(self, "a", "k"));
	ASSERT_EQ(0, exchange_unbind(self->to.s, "b", "c", "k"));
	EXPECT_EQ(0, goes(self, "a", "k"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "b", "c", "k"));
	EXPECT_EQ(8, goes(self, "a", "k"));
	ASSERT_EQ(0, queue_delete(self->to.s, "q3", 0));
	EXPECT_EQ(0, goes(self, "a", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "c", "q1", "k"));
	EXPECT_EQ(2, goes(self, "a", "k"));
	ASSERT_EQ(0, exchange_delete(self->to.s, "c", 0));
	EXPECT_EQ(0, goes(self, "a", "k"));
}

/* Deleting either end removes the binding. */
TEST_F(exchange, either_end_takes_it_along)
{
	__u64 before = env_used(&self->to.env, MQK_RES_BINDINGS, 0);
	struct mqk_exchange_next info;
	__s64 a;

	ASSERT_EQ(0, before);
	DECLARE("a", FANOUT, 0);
	DECLARE("b", FANOUT, 0);
	a = exchange_declare(self->to.s, "a", FANOUT, 0);
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "b", "k"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "b", "k"));
	EXPECT_EQ(1, env_used(&self->to.env, MQK_RES_BINDINGS, 1));
	EXPECT_EQ(-EBUSY, exchange_delete(self->to.s, "a", MQK_DELETE_F_IF_UNUSED));
	/* nothing is bound to b */
	EXPECT_EQ(0, exchange_delete(self->to.s, "b", MQK_DELETE_F_IF_UNUSED));
	EXPECT_EQ(0, env_used(&self->to.env, MQK_RES_BINDINGS, 0));
	ASSERT_EQ(0, exchange_info(self->to.s, a, &info));
	EXPECT_EQ(0, info.bindings);
	DECLARE("b", FANOUT, 0);
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "b", "k"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "b", "b", "k"));
	ASSERT_EQ(0, exchange_delete(self->to.s, "a", 0));
	EXPECT_EQ(1, env_used(&self->to.env, MQK_RES_BINDINGS, 1));
	ASSERT_EQ(0, exchange_delete(self->to.s, "b", 0));
	EXPECT_EQ(0, env_used(&self->to.env, MQK_RES_BINDINGS, 0));
}

/* The last binding of an auto-delete exchange may be one to an exchange. */
TEST_F(exchange, a_long_chain_deletes_itself)
{
	char name[16], next[16];
	int i;

	for (i = 0; i <= 1000; i++) {
		sprintf(name, "x%d", i);
		DECLARE(name, FANOUT, MQK_DECLARE_F_AUTO_DELETE);
	}
	for (i = 0; i < 1000; i++) {
		sprintf(name, "x%d", i);
		sprintf(next, "x%d", i + 1);
		ASSERT_EQ(0, exchange_bind(self->to.s, name, next, ""));
	}
	ASSERT_EQ(0, binding_add(self->to.s, "x1000", "q0", ""));
	ASSERT_EQ(0, binding_del(self->to.s, "x1000", "q0", ""));
	for (i = 0; i <= 1000; i++) {
		sprintf(name, "x%d", i);
		ASSERT_EQ(-ENOENT, exchange_declare(self->to.s, name, 0,
						    MQK_DECLARE_F_PASSIVE));
	}
	EXPECT_EQ(0, env_used(&self->to.env, MQK_RES_BINDINGS, 0));
}

TEST_F(exchange, refusals)
{
	DECLARE("a", TOPIC, 0);
	DECLARE("b", FANOUT, 0);
	EXPECT_EQ(-EACCES, exchange_bind(self->to.s, "", "a", "k"));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->to.s));
	EXPECT_EQ(-EACCES, exchange_bind(self->to.s, "a", "", "k"));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->to.s));
	EXPECT_EQ(-ENOENT, exchange_bind(self->to.s, "a", "no", "k"));
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->to.s));
	EXPECT_EQ(-ENOENT, exchange_bind(self->to.s, "no", "a", "k"));
	EXPECT_EQ(-ENOENT, exchange_bind(self->to.s, "a", "q0", "k"));
	EXPECT_EQ(-ENOENT, binding_add(self->to.s, "a", "b", "k"));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->to.s));
	EXPECT_EQ(-EINVAL, exchange_bind(self->to.s, "a", "b", "#.#.#"));
	EXPECT_EQ(MQK_RULE_BAD_PATTERN, rule(self->to.s));
	EXPECT_EQ(0, exchange_unbind(self->to.s, "a", "b", "k"));
	EXPECT_EQ(0, exchange_unbind(self->to.s, "a", "no", "k"));
	/* an exchange that cannot be published to can be led to */
	DECLARE("in", FANOUT, MQK_DECLARE_F_INTERNAL);
	ASSERT_EQ(0, binding_add(self->to.s, "in", "q0", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "amq.fanout", "in", ""));
	EXPECT_EQ(1, goes(self, "amq.fanout", ""));
	EXPECT_EQ(-EACCES, goes(self, "in", ""));
}

/* A queue and an exchange of one name are two ends. */
TEST_F(exchange, same_name_is_another_binding)
{
	DECLARE("a", DIRECT, 0);
	DECLARE("q0", FANOUT, 0);
	ASSERT_EQ(0, binding_add(self->to.s, "q0", "q1", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "q0", "k"));
	EXPECT_EQ(2, goes(self, "a", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "a", "q0", "k"));
	EXPECT_EQ(3, goes(self, "a", "k"));
	ASSERT_EQ(0, exchange_unbind(self->to.s, "a", "q0", "k"));
	EXPECT_EQ(1, goes(self, "a", "k"));
}

/* HOPS exchanges are gone through; one more refuses the message. */
TEST_F(exchange, too_many_exchanges_is_ELOOP)
{
	char name[16], next[16];
	int i;

	for (i = 0; i <= HOPS; i++) {
		sprintf(name, "x%d", i);
		DECLARE(name, FANOUT, 0);
	}
	for (i = 0; i < HOPS; i++) {
		sprintf(name, "x%d", i);
		sprintf(next, "x%d", i + 1);
		ASSERT_EQ(0, exchange_bind(self->to.s, name, next, ""));
	}
	ASSERT_EQ(0, binding_add(self->to.s, "x64", "q0", ""));
	EXPECT_EQ(1, goes(self, "x1", "k"));
	EXPECT_EQ(-ELOOP, reach_asked(&self->to, "x0", "k", 1, NULL));
	EXPECT_EQ(MQK_RULE_HOPS, rule(self->to.s));
	EXPECT_EQ(-ELOOP, goes(self, "x0", "k"));
	/* back to one that was seen is not one more */
	ASSERT_EQ(0, exchange_unbind(self->to.s, "x63", "x64", ""));
	ASSERT_EQ(0, exchange_bind(self->to.s, "x63", "x0", ""));
	EXPECT_EQ(0, goes(self, "x0", "k"));
}

TEST_F(exchange, alternate)
{
	ASSERT_LT(0, with_alternate(self, "x", DIRECT, "rest"));
	/* it need not be there */
	EXPECT_EQ(0, goes(self, "x", "k"));
	ASSERT_LT(0, with_alternate(self, "rest", FANOUT, "x"));
	EXPECT_EQ(0, goes(self, "x", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "rest", "q0", ""));
	EXPECT_EQ(1, goes(self, "x", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "x", "q1", "k"));
	EXPECT_EQ(2, goes(self, "x", "k"));
	EXPECT_EQ(1, goes(self, "x", "other"));
	ASSERT_EQ(0, exchange_delete(self->to.s, "rest", 0));
	EXPECT_EQ(0, goes(self, "x", "other"));
	DECLARE("rest", DIRECT, 0);
	ASSERT_EQ(0, binding_add(self->to.s, "rest", "q3", "other"));
	EXPECT_EQ(8, goes(self, "x", "other"));
	EXPECT_EQ(0, goes(self, "x", "third"));
	/* a binding to an exchange that leads nowhere is one */
	DECLARE("dead end", FANOUT, 0);
	ASSERT_EQ(0, exchange_bind(self->to.s, "x", "dead end", "other"));
	EXPECT_EQ(0, goes(self, "x", "other"));
	/* the default exchange is one, too */
	ASSERT_LT(0, with_alternate(self, "y", FANOUT, ""));
	EXPECT_EQ(4, goes(self, "y", "q2"));
	ASSERT_EQ(0, queue_delete(self->to.s, "q2", 0));
	EXPECT_EQ(0, goes(self, "y", "q2"));
}

/* One that was there before anybody named it. */
TEST_F(exchange, changes_at_an_alternate_are_seen)
{
	DECLARE("rest", DIRECT, 0);
	ASSERT_LT(0, with_alternate(self, "x", DIRECT, "rest"));
	EXPECT_EQ(0, goes(self, "x", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "rest", "q2", "k"));
	EXPECT_EQ(4, goes(self, "x", "k"));
	ASSERT_EQ(0, binding_del(self->to.s, "rest", "q2", "k"));
	EXPECT_EQ(0, goes(self, "x", "k"));
}

TEST_F(exchange, alternate_is_a_property)
{
	struct headers twice = {}, number = {}, nul = {}, unknown = {};
	__s64 id = with_alternate(self, "x", DIRECT, "rest");
	struct mqk_exchange_next n = {
		.size = sizeof(n), .flags = MQK_NEXT_F_EXACT, .id = id,
	};
	__u8 args[64];
	char name[256];
	struct headers h = {};

	ASSERT_LT(0, id);
	EXPECT_EQ(id, with_alternate(self, "x", DIRECT, "rest"));
	EXPECT_EQ(-EINVAL, with_alternate(self, "x", DIRECT, "other"));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->to.s));
	EXPECT_EQ(-EINVAL, exchange_declare(self->to.s, "x", DIRECT, 0));
	EXPECT_EQ(-EINVAL, with_alternate(self, "amq.direct", DIRECT, "rest"));
	EXPECT_EQ(id, exchange_declare(self->to.s, "x", 0, MQK_DECLARE_F_PASSIVE));

	headers_text(&twice, "alternate-exchange", "rest");
	headers_text(&twice, "alternate-exchange", "rest");
	headers_number(&number, "alternate-exchange", 1);
	headers_add(&nul, MQK_HEADER_STRING, "alternate-exchange", "a\0b", 3);
	headers_text(&unknown, "alternate-exchang", "rest");
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "y", DIRECT, 0, &twice));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->to.s));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "y", DIRECT, 0, &number));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "y", DIRECT, 0, &nul));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "y", DIRECT, 0, &unknown));
	EXPECT_EQ(-ENOENT, exchange_declare(self->to.s, "y", 0, MQK_DECLARE_F_PASSIVE));

	/* listed, as much as there is room for */
	headers_text(&h, "alternate-exchange", "rest");
	n.name = (uintptr_t)name;
	n.args = (uintptr_t)args;
	n.args_len = sizeof(args);
	ASSERT_EQ(0, mq(self->to.s, MQK_IOC_EXCHANGE_NEXT, &n));
	ASSERT_EQ(h.len, n.args_len);
	EXPECT_EQ(0, memcmp(args, h.bytes, h.len));
	memset(args, 0x55, sizeof(args));
	n.flags = MQK_NEXT_F_EXACT;
	n.args_len = 8;
	ASSERT_EQ(0, mq(self->to.s, MQK_IOC_EXCHANGE_NEXT, &n));
	EXPECT_EQ(h.len, n.args_len);
	EXPECT_EQ(0, memcmp(args, h.bytes, 8));
	EXPECT_EQ(0x55, args[8]);
}

/* MQTT's dialect: all vectors; what is no topic matches nothing. */
TEST_F(exchange, mqtt_dialect)
{
	struct headers mqtt = {}, amqp = {}, bad = {};
	char line[1024], *c[4], *next;
	int i, rows = 0;
	FILE *f;

	headers_text(&mqtt, "x-mqk-dialect", "mqtt");
	headers_text(&amqp, "x-mqk-dialect", "amqp");
	headers_text(&bad, "x-mqk-dialect", "stomp");
	ASSERT_LT(0, exchange_declare_args(self->to.s, "m", TOPIC, 0, &mqtt));
	EXPECT_LT(0, exchange_declare_args(self->to.s, "a", TOPIC, 0, &amqp));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "m", TOPIC, 0, &amqp));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "b", TOPIC, 0, &bad));
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->to.s, "b", DIRECT, 0, &mqtt));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->to.s));
	EXPECT_EQ(-EINVAL, binding_add(self->to.s, "m", "q0", "a/#/b"));
	EXPECT_EQ(-EINVAL, binding_add(self->to.s, "m", "q0", "a+"));
	EXPECT_EQ(-EINVAL, binding_add(self->to.s, "m", "q0", ""));
	ASSERT_EQ(0, binding_add(self->to.s, "m", "q1", "#"));
	EXPECT_EQ(0, goes(self, "m", ""));
	EXPECT_EQ(0, goes(self, "m", "a/+"));
	EXPECT_EQ(2, goes(self, "m", "a.b/c"));
	EXPECT_EQ(0, goes(self, "m", "$SYS/x"));
	ASSERT_EQ(0, binding_del(self->to.s, "m", "q1", "#"));
	f = fopen("selftests/vectors/topic_vectors.tsv", "r");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		for (i = 0, next = line; i < 4; i++)
			c[i] = strsep(&next, "\t");
		if (!next || strcmp(c[0], "mqtt"))
			continue;
		rows++;
		ASSERT_EQ(0, binding_add(self->to.s, "m", "q0", c[1])) {
			TH_LOG("%s", c[1]);
		}
		EXPECT_EQ(atoi(c[3]), goes(self, "m", c[2])) {
			TH_LOG("%s %s", c[1], c[2]);
		}
		ASSERT_EQ(0, binding_del(self->to.s, "m", "q0", c[1]));
	}
	fclose(f);
	EXPECT_LT(0, rows);
}

/* Listed as what they are. */
TEST_F(exchange, bindings_are_listed)
{
	struct mqk_binding_entry e[4];
	char data[256];
	struct mqk_list l = {
		.size = sizeof(l), .count = 4, .entries = (uintptr_t)e,
		.data = (uintptr_t)data, .data_len = sizeof(data),
	};
	__s64 b;

	DECLARE("a", DIRECT, 0);
	b = exchange_declare(self->to.s, "bb", DIRECT, 0);
	ASSERT_LT(0, b);
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "bb", "key"));
	ASSERT_EQ(0, binding_add(self->to.s, "bb", "q1", "key"));
	ASSERT_EQ(0, mq(self->to.s, MQK_IOC_BINDING_LIST, &l));
	ASSERT_EQ(2, l.count);
	EXPECT_EQ(MQK_BIND_F_EXCHANGE, e[0].flags);
	EXPECT_EQ(b, e[0].queue);
	EXPECT_EQ(2, e[0].queue_len);
	EXPECT_EQ(0, memcmp(data + e[0].data, "abbkey", 6));
	EXPECT_EQ(0, e[1].flags);
	EXPECT_EQ(self->to.queue[1], e[1].queue);
}

/* What user @uid can do with exchanges of root: bits; a child's exit status. */
static int as_other(struct env *env, int (*fn)(int s))
{
	pid_t pid;
	int s;

	pid = spawn();
	if (pid)
		return reap(pid, LONG_MS);
	if (setgid(4242) || setuid(4242))
		_exit(100);
	s = broker_open(&env->broker, O_RDWR);
	_exit(s < 0 ? 101 : fn(s));
}

static int bind_private(int s)
{
	struct headers h = {};
	__u32 ids[4];

	headers_text(&h, "alternate-exchange", "private");
	if (exchange_declare(s, "mine", FANOUT, 0) < 0 ||
	    exchange_declare_args(s, "sneak", FANOUT, 0, &h) < 0)
		return 102;
	/* neither by a binding nor by an alternate does it get there */
	if (exchange_bind(s, "mine", "private", "") != -EACCES ||
	    rule(s) != MQK_RULE_PERMISSION)
		return 1;
	if (route(s, "sneak", "", 0, ids, 4))
		return 2;
	/* but it may lead its own messages to one that is public */
	if (exchange_bind(s, "mine", "public", "") ||
	    route(s, "mine", "", 0, ids, 4) != 1)
		return 3;
	/* and from one that may not be bound from */
	if (exchange_bind(s, "private", "mine", "") != -EACCES)
		return 4;
	return 0;
}

TEST_F(exchange, permissions_hold_on_the_way)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE, .mode = 0666,
	};
	struct env env;
	int s;

	if (geteuid())
		SKIP(return, "only root can be somebody else");
	ASSERT_EQ(0, env_begin(&env, &want));
	s = env_session(&env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_LT(0, queue_declare(s, "q", 0));
	ASSERT_LT(0, exchange_declare_mode(s, "private", FANOUT, 0700));
	ASSERT_LT(0, exchange_declare(s, "public", FANOUT, 0));
	ASSERT_EQ(0, binding_add(s, "private", "q", ""));
	ASSERT_EQ(0, binding_add(s, "public", "q", ""));
	EXPECT_EQ(0, as_other(&env, bind_private));
	EXPECT_EQ(0, env_end(&env));
}

TEST_HARNESS_MAIN
