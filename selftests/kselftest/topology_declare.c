// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exchanges and queues come and go: declare, look up, delete, purge, list; by
 * AMQP's rules, as a RabbitMQ 4.0.5 was seen to keep them.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdio.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define DIRECT	MQK_EXCHANGE_DIRECT
#define FANOUT	MQK_EXCHANGE_FANOUT
#define TOPIC	MQK_EXCHANGE_TOPIC
#define PASSIVE	MQK_DECLARE_F_PASSIVE

FIXTURE(declare)
{
	struct env env;
	int s, other;
};

FIXTURE_SETUP(declare)
{
	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->other = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(declare)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* --- exchanges ------------------------------------------------------------ */

TEST_F(declare, exchange_twice_is_the_same)
{
	__s64 id = exchange_declare(self->s, "e", TOPIC, 0);

	ASSERT_LT(0, id);
	EXPECT_EQ(id, exchange_declare(self->s, "e", TOPIC, 0));
	EXPECT_EQ(id, exchange_declare(self->other, "e", TOPIC, 0));
	EXPECT_EQ(id, exchange_declare(self->other, "e", TOPIC, PASSIVE));
	/* PASSIVE without a type asks for none in particular. */
	EXPECT_EQ(id, exchange_declare(self->other, "e", 0, PASSIVE));
}

TEST_F(declare, exchange_otherwise_is_EINVAL)
{
	ASSERT_LT(0, exchange_declare(self->s, "e", TOPIC, 0));
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "e", DIRECT, 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "e", TOPIC,
					    MQK_DECLARE_F_DURABLE));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "e", TOPIC,
					    MQK_DECLARE_F_AUTO_DELETE));
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "e", TOPIC,
					    MQK_DECLARE_F_INTERNAL));
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "e", DIRECT, PASSIVE));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
}

TEST_F(declare, exchange_missing_passive_is_ENOENT)
{
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "e", 0, PASSIVE));
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->s));
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "amq.no", 0, PASSIVE));
}

TEST_F(declare, exchange_types)
{
	static const __u32 unknown[] = { 0, 7, 0x100, 0x7fffffff, ~0u };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-EINVAL, exchange_declare(self->s, "e", unknown[i],
						    0)) {
			TH_LOG("type %u", unknown[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_TYPE, rule(self->s));
	}
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "e", 0, PASSIVE));
}

TEST_F(declare, reserved_names_are_EACCES)
{
	EXPECT_EQ(-EACCES, exchange_declare(self->s, "amq.mine", DIRECT, 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->s));
	EXPECT_EQ(-EACCES, exchange_declare(self->s, "amq.", DIRECT, 0));
	EXPECT_EQ(-EACCES, queue_declare(self->s, "amq.mine", 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->s));
	EXPECT_EQ(-EACCES, exchange_declare(self->s, "", DIRECT, 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->s));
	EXPECT_EQ(-EACCES, exchange_delete(self->s, "amq.topic", 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->s));
	EXPECT_EQ(-EACCES, exchange_delete(self->s, "", 0));
	/* Only the prefix is reserved. */
	EXPECT_LT(0, exchange_declare(self->s, "amq", DIRECT, 0));
	EXPECT_LT(0, exchange_declare(self->s, "AMQ.x", DIRECT, 0));
	EXPECT_LT(0, queue_declare(self->s, "amqp.x", 0));
}

TEST_F(declare, standard_exchanges_exist)
{
	static const struct { const char *name; __u32 type; } standard[] = {
		{ "amq.direct", DIRECT }, { "amq.fanout", FANOUT },
		{ "amq.topic", TOPIC }, { "", DIRECT },
	};
	struct mqk_exchange_next info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(standard); i++) {
		__s64 id = exchange_declare(self->s, standard[i].name, 0,
					    PASSIVE);

		ASSERT_LT(0, id);
		EXPECT_EQ(id, exchange_declare(self->s, standard[i].name,
					       standard[i].type, PASSIVE));
		ASSERT_EQ(0, exchange_info(self->s, id, &info));
		EXPECT_EQ(standard[i].type, info.type);
		EXPECT_EQ(strlen(standard[i].name), info.name_len);
	}
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "amq.topic", DIRECT,
					    PASSIVE));
}

TEST_F(declare, exchange_delete_of_nothing_succeeds)
{
	EXPECT_EQ(0, exchange_delete(self->s, "no", 0));
	EXPECT_EQ(0, exchange_delete(self->s, "no", MQK_DELETE_F_IF_UNUSED));
	ASSERT_LT(0, exchange_declare(self->s, "e", DIRECT, 0));
	EXPECT_EQ(0, exchange_delete(self->other, "e", 0));
	EXPECT_EQ(0, exchange_delete(self->other, "e", 0));
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "e", 0, PASSIVE));
}

TEST_F(declare, exchange_delete_if_unused)
{
	ASSERT_LT(0, exchange_declare(self->s, "e", DIRECT, 0));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, binding_add(self->s, "e", "q", "k"));
	EXPECT_EQ(-EBUSY, exchange_delete(self->s, "e",
					  MQK_DELETE_F_IF_UNUSED));
	EXPECT_EQ(MQK_RULE_IN_USE, rule(self->s));
	ASSERT_EQ(0, binding_del(self->s, "e", "q", "k"));
	EXPECT_EQ(0, exchange_delete(self->s, "e", MQK_DELETE_F_IF_UNUSED));
}

/* Bindings go with their exchange, so that a new one begins empty. */
TEST_F(declare, exchange_delete_takes_its_bindings)
{
	__u32 id;

	ASSERT_LT(0, exchange_declare(self->s, "e", DIRECT, 0));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, binding_add(self->s, "e", "q", "k"));
	ASSERT_EQ(1, route(self->s, "e", "k", 1, &id, 1));
	ASSERT_EQ(0, exchange_delete(self->s, "e", 0));
	ASSERT_EQ(-ENOENT, route(self->s, "e", "k", 1, &id, 1));
	ASSERT_LT(0, exchange_declare(self->s, "e", DIRECT, 0));
	ASSERT_EQ(0, route(self->s, "e", "k", 1, &id, 1));
	ASSERT_EQ(0, env_used(&self->env, MQK_RES_BINDINGS, 0));
}

TEST_F(declare, auto_delete_exchange_goes_with_its_last_binding)
{
	ASSERT_LT(0, exchange_declare(self->s, "e", DIRECT,
				      MQK_DECLARE_F_AUTO_DELETE));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_LT(0, queue_declare(self->s, "r", 0));
	/* Never bound: it stays. */
	EXPECT_LT(0, exchange_declare(self->s, "e", 0, PASSIVE));
	EXPECT_EQ(0, binding_del(self->s, "e", "q", "k"));
	EXPECT_LT(0, exchange_declare(self->s, "e", 0, PASSIVE));
	ASSERT_EQ(0, binding_add(self->s, "e", "q", "k"));
	ASSERT_EQ(0, binding_add(self->s, "e", "r", "k"));
	ASSERT_EQ(0, binding_del(self->s, "e", "q", "k"));
	EXPECT_LT(0, exchange_declare(self->s, "e", 0, PASSIVE));
	ASSERT_EQ(0, binding_del(self->s, "e", "r", "k"));
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "e", 0, PASSIVE));
}

TEST_F(declare, auto_delete_exchange_goes_with_the_last_bound_queue)
{
	ASSERT_LT(0, exchange_declare(self->s, "e", FANOUT,
				      MQK_DECLARE_F_AUTO_DELETE));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, binding_add(self->s, "e", "q", ""));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "e", 0, PASSIVE));
}

/* --- queues --------------------------------------------------------------- */

TEST_F(declare, queue_twice_is_the_same)
{
	__s64 id = queue_declare(self->s, "q", 0);

	ASSERT_LT(0, id);
	EXPECT_EQ(id, queue_declare(self->s, "q", 0));
	EXPECT_EQ(id, queue_declare(self->other, "q", 0));
	EXPECT_EQ(id, queue_declare(self->other, "q", PASSIVE));
}

TEST_F(declare, queue_declare_counts)
{
	struct mqk_queue_declare d = {
		.size = sizeof(d), .name = (uintptr_t)"q", .name_len = 1,
	};
	struct consumer c;
	struct port p;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&p, self->s, 0, 16));
	ASSERT_EQ(0, port_numbers(&p, exchange_declare(self->s, "", 0, PASSIVE),
				  "q", 1, 5));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 2, 16));
	ASSERT_EQ(0, mq(self->s, MQK_IOC_QUEUE_DECLARE, &d));
	EXPECT_EQ(1, d.consumers);
	EXPECT_EQ(3, d.ready);
}

TEST_F(declare, queue_otherwise_is_EINVAL)
{
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "q", MQK_DECLARE_F_DURABLE));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "q",
					 MQK_DECLARE_F_AUTO_DELETE));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "q",
					 MQK_DECLARE_F_EXCLUSIVE));
}

TEST_F(declare, queue_missing)
{
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "q", PASSIVE));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->s));
	EXPECT_EQ(-ENOENT, queue_purge(self->s, "q"));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->s));
	EXPECT_EQ(0, queue_delete(self->s, "q", 0));
	EXPECT_EQ(0, queue_delete(self->s, "q", MQK_DELETE_F_IF_UNUSED |
						MQK_DELETE_F_IF_EMPTY));
}

TEST_F(declare, queue_delete_conditions)
{
	struct consumer c;
	struct port p;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&p, self->s, 0, 16));
	ASSERT_EQ(0, port_numbers(&p, exchange_declare(self->s, "", 0, PASSIVE),
				  "q", 1, 3));
	EXPECT_EQ(-EBUSY, queue_delete(self->s, "q", MQK_DELETE_F_IF_EMPTY));
	EXPECT_EQ(MQK_RULE_IN_USE, rule(self->s));
	ASSERT_EQ(3, queue_purge(self->s, "q"));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	EXPECT_EQ(-EBUSY, queue_delete(self->s, "q", MQK_DELETE_F_IF_UNUSED));
	EXPECT_EQ(MQK_RULE_IN_USE, rule(self->s));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(0, queue_delete(self->s, "q", MQK_DELETE_F_IF_UNUSED |
						MQK_DELETE_F_IF_EMPTY));
}

TEST_F(declare, queue_delete_tells_how_many_went)
{
	struct mqk_delete d = {
		.size = sizeof(d), .name = (uintptr_t)"q", .name_len = 1,
	};
	struct port p;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&p, self->s, 0, 16));
	ASSERT_EQ(0, port_numbers(&p, exchange_declare(self->s, "", 0, PASSIVE),
				  "q", 1, 7));
	ASSERT_EQ(0, mq(self->s, MQK_IOC_QUEUE_DELETE, &d));
	EXPECT_EQ(7, d.messages);
}

TEST_F(declare, queue_delete_takes_its_bindings)
{
	__u32 id;

	ASSERT_LT(0, exchange_declare(self->s, "e", FANOUT, 0));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, binding_add(self->s, "e", "q", ""));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	EXPECT_EQ(0, route(self->s, "e", "", 0, &id, 1));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	EXPECT_EQ(0, route(self->s, "e", "", 0, &id, 1));
	EXPECT_EQ(0, exchange_delete(self->s, "e", MQK_DELETE_F_IF_UNUSED));
}

TEST_F(declare, purge_leaves_what_is_delivered)
{
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;
	struct port p;
	__s64 q = queue_declare(self->s, "q", 0);

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&p, self->s, 0, 16));
	ASSERT_EQ(0, port_numbers(&p, exchange_declare(self->s, "", 0, PASSIVE),
				  "q", 0, 2));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 1, 16));
	ASSERT_EQ(0, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(2, queue_purge(self->s, "q"));
	ASSERT_EQ(0, queue_info(self->s, q, &info));
	EXPECT_EQ(0, info.ready);
	EXPECT_EQ(1, info.unacked);
	EXPECT_EQ(2, info.dropped);
	/* It comes back when it is requeued. */
	ASSERT_EQ(0, consumer_cancel(&c));
	ASSERT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_NACK,
				     MQK_ACK_F_REQUEUE));
	ASSERT_EQ(0, queue_info(self->s, q, &info));
	EXPECT_EQ(1, info.ready);
	EXPECT_EQ(0, info.unacked);
}

TEST_F(declare, exclusive_queue_is_locked_to_others)
{
	struct consumer c;
	struct port p;
	__s64 q;

	q = queue_declare(self->s, "q", MQK_DECLARE_F_EXCLUSIVE);
	ASSERT_LT(0, q);
	EXPECT_EQ(q, queue_declare(self->s, "q", MQK_DECLARE_F_EXCLUSIVE));
	EXPECT_EQ(-EBUSY, queue_declare(self->other, "q",
					MQK_DECLARE_F_EXCLUSIVE));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->other));
	EXPECT_EQ(-EBUSY, queue_declare(self->other, "q", 0));
	EXPECT_EQ(-EBUSY, queue_declare(self->other, "q", PASSIVE));
	EXPECT_EQ(-EBUSY, queue_delete(self->other, "q", 0));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->other));
	EXPECT_EQ(-EBUSY, queue_purge(self->other, "q"));
	EXPECT_EQ(-EBUSY, binding_add(self->other, "amq.fanout", "q", ""));
	EXPECT_EQ(-EBUSY, consumer_make(&c, self->other, "q", 0, 0, 16));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->other));
	/* But anyone may publish to it. */
	ASSERT_EQ(0, port_make(&p, self->other, 0, 16));
	ASSERT_EQ(0, port_number(&p, exchange_declare(self->s, "", 0, PASSIVE),
				 "q", 9));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	EXPECT_EQ(9, take_number(&c, NULL, LONG_MS));
}

TEST_F(declare, exclusive_queue_is_locked_to_get_and_browse)
{
	struct mqk_browse b = { .size = sizeof(b) };
	struct mqk_delivery d;
	struct consumer c;
	__s64 q;

	q = queue_declare(self->s, "q", MQK_DECLARE_F_EXCLUSIVE);
	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&c, self->other, NULL, MQK_CONSUMER_F_PULL,
				   0, 16));
	EXPECT_EQ(-EBUSY, queue_get(self->other, c.c.id, q, 0, 0, &d, NULL));
	b.queue = q;
	b.delivery = (uintptr_t)&d;
	EXPECT_EQ(-EBUSY, mq(self->other, MQK_IOC_BROWSE, &b));
}

TEST_F(declare, exclusive_queue_goes_with_its_session)
{
	ASSERT_LT(0, queue_declare(self->s, "q", MQK_DECLARE_F_EXCLUSIVE |
						 MQK_DECLARE_F_DURABLE));
	session_close(self->s);
	EXPECT_EQ(-ENOENT, queue_declare(self->other, "q", PASSIVE));
	EXPECT_LT(0, queue_declare(self->other, "q", 0));
}

TEST_F(declare, auto_delete_queue_goes_with_its_last_consumer)
{
	struct consumer a, b;

	ASSERT_LT(0, queue_declare(self->s, "q", MQK_DECLARE_F_AUTO_DELETE));
	/* Never consumed from: it stays. */
	EXPECT_LT(0, queue_declare(self->s, "q", PASSIVE));
	ASSERT_EQ(0, consumer_make(&a, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_make(&b, self->other, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_close(&a));
	EXPECT_LT(0, queue_declare(self->s, "q", PASSIVE));
	session_close(self->other);
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "q", PASSIVE));
}

TEST_F(declare, auto_delete_queue_goes_with_a_cancelled_consumer)
{
	struct consumer c;

	ASSERT_LT(0, queue_declare(self->s, "q", MQK_DECLARE_F_AUTO_DELETE));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_cancel(&c));
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "q", PASSIVE));
}

TEST_F(declare, server_named_queues)
{
	char one[MQK_NAME_MAX + 1], two[MQK_NAME_MAX + 1];
	__s64 a, b;

	a = queue_declare_made(self->s, one, 0);
	b = queue_declare_made(self->s, two, MQK_DECLARE_F_EXCLUSIVE);
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	EXPECT_NE(a, b);
	EXPECT_EQ(0, strncmp(one, "amq.gen-", 8));
	EXPECT_EQ(0, strncmp(two, "amq.gen-", 8));
	EXPECT_NE(0, strcmp(one, two));
	EXPECT_EQ(a, queue_declare(self->s, one, PASSIVE));
	EXPECT_EQ(0, binding_add(self->s, "amq.fanout", one, ""));
	EXPECT_EQ(0, queue_delete(self->s, one, 0));
	EXPECT_EQ(-ENOENT, queue_declare(self->s, one, PASSIVE));
	/* Nobody has to want to know the name, and there is none to look up. */
	EXPECT_LT(0, queue_declare_n(self->s, NULL, 0, 0));
	EXPECT_EQ(-EINVAL, queue_declare_n(self->s, NULL, 0, PASSIVE));
}

/* --- names ---------------------------------------------------------------- */

TEST_F(declare, names_of_every_length)
{
	static const __u32 lengths[] = { 1, 7, 8, 31, 32, 33, 254, 255 };
	char name[300], back[MQK_NAME_MAX];
	unsigned int i;

	memset(name, 'n', sizeof(name));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct mqk_queue_next n = {
			.size = sizeof(n), .flags = MQK_NEXT_F_EXACT,
			.name = (uintptr_t)back,
		};
		__s64 id = queue_declare_n(self->s, name, lengths[i], 0);

		ASSERT_LT(0, id);
		EXPECT_EQ(id, queue_declare_n(self->s, name, lengths[i], 0));
		EXPECT_LT(0, exchange_declare_n(self->s, name, lengths[i],
						DIRECT, 0));
		n.id = id;
		ASSERT_EQ(0, mq(self->s, MQK_IOC_QUEUE_NEXT, &n));
		EXPECT_EQ(lengths[i], n.name_len);
		EXPECT_EQ(0, memcmp(name, back, n.name_len));
	}
	EXPECT_EQ(-ENAMETOOLONG, queue_declare_n(self->s, name, 256, 0));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->s));
	EXPECT_EQ(-ENAMETOOLONG, queue_declare_n(self->s, name, ~0u, 0));
	EXPECT_EQ(-ENAMETOOLONG, exchange_declare_n(self->s, name, 256, DIRECT,
						    0));
}

TEST_F(declare, names_are_bytes_but_not_zero)
{
	EXPECT_EQ(-EINVAL, queue_declare_n(self->s, "a\0b", 3, 0));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->s));
	EXPECT_EQ(-EINVAL, queue_declare_n(self->s, "\0", 1, 0));
	EXPECT_EQ(-EINVAL, exchange_declare_n(self->s, "a\0", 2, DIRECT, 0));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->s));
	/* Any other byte will do: not UTF-8, controls, spaces. */
	EXPECT_LT(0, queue_declare(self->s, "\xff\xfe\x80", 0));
	EXPECT_LT(0, queue_declare(self->s, "\n\t \x01", 0));
	EXPECT_LT(0, exchange_declare(self->s, "\xc3\x28/../%s", DIRECT, 0));
	/* Case counts, and so does every byte. */
	EXPECT_LT(0, queue_declare(self->s, "Name", 0));
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "name", PASSIVE));
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "Name ", PASSIVE));
}

/* No argument is known yet: whatever one asks for, one does not get. */
TEST_F(declare, unknown_and_bad_arguments_are_EINVAL)
{
	static const struct {
		__u8 bytes[16];
		__u32 len;
	} args[] = {
		/* x-y = 7 */
		{ { 'I', 3, 4, 0, 'x', '-', 'y', 7, 0, 0, 0 }, 16 },
		/* runs over its end */
		{ { 'S', 3, 200, 0, 'x', '-', 'y' }, 16 },
		/* no such type */
		{ { '?', 3, 1, 0, 'x', '-', 'y', 7 }, 8 },
		/* half a header */
		{ { 'I', 3, 4, 0 }, 4 },
		{ { 'I', 0 }, 8 },
	};
	struct mqk_queue_declare q = {
		.size = sizeof(q), .name = (uintptr_t)"q", .name_len = 1,
	};
	struct mqk_exchange_declare e = {
		.size = sizeof(e), .name = (uintptr_t)"e", .name_len = 1,
		.type = DIRECT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		q.args = e.args = (uintptr_t)args[i].bytes;
		q.args_len = e.args_len = args[i].len;
		EXPECT_EQ(-EINVAL, mq(self->s, MQK_IOC_QUEUE_DECLARE, &q)) {
			TH_LOG("arguments %u", i);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
		EXPECT_EQ(-EINVAL, mq(self->s, MQK_IOC_EXCHANGE_DECLARE, &e)) {
			TH_LOG("arguments %u", i);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	}
	q.args_len = MQK_HEADERS_MAX + 8;
	EXPECT_EQ(-EINVAL, mq(self->s, MQK_IOC_QUEUE_DECLARE, &q));
	EXPECT_EQ(-ENOENT, queue_declare(self->s, "q", PASSIVE));
	EXPECT_EQ(-ENOENT, exchange_declare(self->s, "e", 0, PASSIVE));
}

TEST_F(declare, modes_beyond_0777_are_EINVAL)
{
	EXPECT_EQ(-EINVAL, queue_declare_mode(self->s, "q", 01000));
	EXPECT_EQ(-EINVAL, queue_declare_mode(self->s, "q", ~0u));
	EXPECT_EQ(-EINVAL, exchange_declare_mode(self->s, "e", DIRECT, 04755));
	EXPECT_LT(0, queue_declare_mode(self->s, "q", 0));
	EXPECT_LT(0, exchange_declare_mode(self->s, "e", DIRECT, 0777));
}

/* --- lists ---------------------------------------------------------------- */

TEST_F(declare, queues_are_listed_once_each)
{
	char name[MQK_NAME_MAX], text[16];
	struct mqk_queue_next n = { .size = sizeof(n), .name = (uintptr_t)name };
	bool seen[100] = { false };
	unsigned int i, number;
	__u32 last = 0;

	for (i = 0; i < 100; i++) {
		sprintf(text, "q%u", i);
		ASSERT_LT(0, queue_declare(self->s, text, i & 1 ?
					   MQK_DECLARE_F_DURABLE : 0));
	}
	for (i = 0; !mq(self->s, MQK_IOC_QUEUE_NEXT, &n); i++) {
		ASSERT_LT(last, n.id);
		last = n.id;
		name[n.name_len] = '\0';
		ASSERT_EQ(1, sscanf(name, "q%u", &number));
		ASSERT_GT(100, number);
		EXPECT_FALSE(seen[number]);
		seen[number] = true;
		EXPECT_EQ(number & 1 ? MQK_DECLARE_F_DURABLE : 0, n.flags);
		EXPECT_EQ(0700, n.mode);
		EXPECT_EQ(0, n.uid);
		n.flags = 0;
	}
	EXPECT_EQ(100, i);
	n.flags = MQK_NEXT_F_EXACT;
	n.id = last + 1;
	EXPECT_EQ(-ENOENT, mq(self->s, MQK_IOC_QUEUE_NEXT, &n));
	n.id = 0;
	EXPECT_EQ(-ENOENT, mq(self->s, MQK_IOC_QUEUE_NEXT, &n));
}

TEST_F(declare, exchanges_are_listed_with_their_bindings)
{
	struct mqk_exchange_next info;
	__s64 id = exchange_declare(self->s, "e", TOPIC,
				    MQK_DECLARE_F_INTERNAL);

	ASSERT_LT(0, id);
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, exchange_info(self->s, id, &info));
	EXPECT_EQ(0, info.bindings);
	EXPECT_EQ(0766, info.mode);
	EXPECT_EQ(MQK_DECLARE_F_INTERNAL, info.flags);
	EXPECT_EQ(TOPIC, info.type);
	ASSERT_EQ(0, binding_add(self->s, "e", "q", "a"));
	ASSERT_EQ(0, binding_add(self->s, "e", "q", "b"));
	ASSERT_EQ(0, exchange_info(self->s, id, &info));
	EXPECT_EQ(2, info.bindings);
}

/* An id is never handed out again soon: old ones find nothing. */
TEST_F(declare, ids_of_deleted_objects_are_ENOENT)
{
	struct mqk_exchange_next e;
	struct mqk_queue_next q;
	__s64 qid = queue_declare(self->s, "q", 0);
	__s64 eid = exchange_declare(self->s, "e", DIRECT, 0);

	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	ASSERT_EQ(0, exchange_delete(self->s, "e", 0));
	EXPECT_EQ(-ENOENT, queue_info(self->s, qid, &q));
	EXPECT_EQ(-ENOENT, exchange_info(self->s, eid, &e));
	EXPECT_NE(qid, queue_declare(self->s, "q", 0));
	EXPECT_NE(eid, exchange_declare(self->s, "e", DIRECT, 0));
}

TEST_HARNESS_MAIN
