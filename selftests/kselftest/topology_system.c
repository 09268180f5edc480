// SPDX-License-Identifier: GPL-2.0-only
/*
 * The broker's own exchanges: who may do what with them, and the events that come
 * through amq.mqk.event.
 *
 * mqk-test: parallel timeout=240
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "heard.h"
#include "rings_pair.h"
#include "harness.h"

#define EVENT		"amq.mqk.event"
#define PASSIVE		MQK_DECLARE_F_PASSIVE
#define INTERNAL	MQK_DECLARE_F_INTERNAL
#define EXCLUSIVE	MQK_DECLARE_F_EXCLUSIVE

FIXTURE(events)
{
	struct pair pair;
	int ear;			/* session that listens */
	struct consumer c;		/* of "ear", made by listens() */
};

FIXTURE_VARIANT(events)
{
	bool copy;			/* what comes is read as a copy */
};

FIXTURE_VARIANT_ADD(events, mapped) { .copy = false };
FIXTURE_VARIANT_ADD(events, copied) { .copy = true };

FIXTURE_SETUP(events)
{
	ASSERT_EQ(0, pair_begin(&self->pair, MQK_PORT_F_CONFIRM));
	self->ear = env_session(&self->pair.env, O_RDWR);
	ASSERT_LE(0, self->ear);
}

FIXTURE_TEARDOWN(events)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static int listens(FIXTURE_DATA(events) *self, bool copy, const char *pattern)
{
	__s64 q = queue_declare(self->ear, "ear", EXCLUSIVE);
	int err = q < 0 ? (int)q : binding_add(self->ear, EVENT, "ear", pattern);

	return err ? err : consumer_make(&self->c, self->ear, "ear",
					 copy ? MQK_CONSUMER_F_COPY : 0, 0, 256);
}

/* Whether the next event has this key and text. */
static bool comes(FIXTURE_DATA(events) *self, struct heard *e, const char *key,
		  const char *body)
{
	int err = heard_take(&self->c, e, LONG_MS);

	if (!err && !strcmp(e->key, key) && !strcmp(e->body, body))
		return true;
	fprintf(stderr, "# wanted %s '%s', got %s '%s' (%d)\n", key, body,
		err ? "-" : e->key, err ? "-" : e->body, err);
	return false;
}

/* That nothing comes but what is asked for now: its event is the next one. */
static bool nothing_else(FIXTURE_DATA(events) *self)
{
	struct heard e;

	return exchange_declare(self->pair.s, "mark", MQK_EXCHANGE_FANOUT, 0) > 0 &&
	       comes(self, &e, "exchange.created", "exchange.created mark") &&
	       !exchange_delete(self->pair.s, "mark", 0) &&
	       comes(self, &e, "exchange.deleted", "exchange.deleted mark");
}

/* --- what is told --------------------------------------------------------- */

TEST_F(events, exchanges_and_queues)
{
	__s64 before, user = getuid();
	struct heard e;
	__u32 len;

	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_LT(0, exchange_declare(self->pair.s, "x", MQK_EXCHANGE_TOPIC, INTERNAL));
	ASSERT_TRUE(comes(self, &e, "exchange.created", "exchange.created x"));
	EXPECT_TRUE(heard_says(&e, "exchange", "x"));
	EXPECT_TRUE(heard_says(&e, "kind", "topic"));
	EXPECT_EQ(1, heard_flag(&e, "internal"));
	EXPECT_EQ(user, heard_number(&e, "user"));
	EXPECT_EQ(0, e.d.pid);
	EXPECT_EQ(exchange_declare(self->pair.s, EVENT, 0, PASSIVE), e.d.exchange);
	before = heard_number(&e, "number");
	EXPECT_LT(0, before);
	EXPECT_NE(NULL, heard_header(&e, "timestamp", MQK_HEADER_TIMESTAMP, &len));
	/* again is nothing new */
	ASSERT_LT(0, exchange_declare(self->pair.s, "x", MQK_EXCHANGE_TOPIC, INTERNAL));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", EXCLUSIVE));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", EXCLUSIVE));
	ASSERT_TRUE(comes(self, &e, "queue.created", "queue.created q"));
	EXPECT_TRUE(heard_says(&e, "queue", "q"));
	EXPECT_EQ(1, heard_flag(&e, "exclusive"));
	EXPECT_EQ(0, heard_flag(&e, "auto-delete"));
	EXPECT_EQ(before + 1, heard_number(&e, "number"));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q", "a.#"));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q", "a.#"));
	ASSERT_TRUE(comes(self, &e, "binding.created", "binding.created x"));
	EXPECT_TRUE(heard_says(&e, "exchange", "x"));
	EXPECT_TRUE(heard_says(&e, "queue", "q"));
	EXPECT_TRUE(heard_says(&e, "binding-key", "a.#"));
	ASSERT_EQ(0, exchange_bind(self->pair.s, "amq.topic", "x", "b"));
	ASSERT_TRUE(comes(self, &e, "binding.created", "binding.created amq.topic"));
	EXPECT_TRUE(heard_says(&e, "to-exchange", "x"));
	EXPECT_FALSE(heard_says(&e, "queue", ""));
	ASSERT_EQ(0, binding_del(self->pair.s, "x", "q", "none"));
	ASSERT_EQ(0, binding_del(self->pair.s, "x", "q", "a.#"));
	ASSERT_TRUE(comes(self, &e, "binding.deleted", "binding.deleted x"));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_TRUE(comes(self, &e, "queue.deleted", "queue.deleted q"));
	ASSERT_EQ(0, exchange_delete(self->pair.s, "x", 0));
	ASSERT_TRUE(comes(self, &e, "exchange.deleted", "exchange.deleted x"));
	ASSERT_TRUE(comes(self, &e, "binding.deleted", "binding.deleted amq.topic"));
	EXPECT_TRUE(nothing_else(self));
}

/* Patterns choose; the keys are words. */
TEST_F(events, chosen)
{
	struct heard e;

	ASSERT_EQ(0, listens(self, variant->copy, "queue.*"));
	ASSERT_EQ(0, binding_add(self->ear, EVENT, "ear", "*.deleted"));
	ASSERT_LT(0, exchange_declare(self->pair.s, "x", MQK_EXCHANGE_FANOUT, 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, exchange_delete(self->pair.s, "x", 0));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_TRUE(comes(self, &e, "queue.created", "queue.created q"));
	ASSERT_TRUE(comes(self, &e, "exchange.deleted", "exchange.deleted x"));
	ASSERT_TRUE(comes(self, &e, "queue.deleted", "queue.deleted q"));
	/* bound twice, told once */
	EXPECT_EQ(-ETIMEDOUT, heard_take(&self->c, &e, SHORT_MS));
}

TEST_F(events, sessions_and_consumers)
{
	struct consumer c, pull;
	struct heard e;
	__s64 session;
	int s;

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	s = broker_open(&self->pair.env.broker, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_TRUE(comes(self, &e, "session.opened", "session.opened"));
	session = heard_number(&e, "session");
	EXPECT_LT(0, session);
	EXPECT_EQ(getpid(), heard_number(&e, "pid"));
	EXPECT_EQ(getuid(), heard_number(&e, "user"));
	ASSERT_EQ(0, consumer_make(&c, s, "q", 0, 0, 16));
	ASSERT_TRUE(comes(self, &e, "consumer.created", "consumer.created q"));
	EXPECT_EQ(session, heard_number(&e, "session"));
	EXPECT_LT(0, heard_number(&e, "consumer"));
	ASSERT_EQ(0, consumer_make(&pull, s, NULL, MQK_CONSUMER_F_PULL, 0, 16));
	ASSERT_TRUE(comes(self, &e, "consumer.created", "consumer.created "));
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_TRUE(comes(self, &e, "consumer.closed", "consumer.closed q"));
	/* what is still open has died with its session */
	session_close(s);
	ASSERT_TRUE(comes(self, &e, "consumer.died", "consumer.died "));
	ASSERT_TRUE(comes(self, &e, "session.closed", "session.closed"));
	EXPECT_EQ(session, heard_number(&e, "session"));
	EXPECT_TRUE(nothing_else(self));
}

/* One whose rings are broken dies once. */
TEST_F(events, broken)
{
	struct consumer c;
	struct heard e;

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, consumer_make(&c, self->pair.s, "q", 0, 0, 16));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	EXPECT_EQ(-EINVAL, consumer_settle(&c, 4711, MQK_ACK_ACCEPT, 0));
	ASSERT_TRUE(comes(self, &e, "consumer.died", "consumer.died q"));
	consumer_close(&c);
	EXPECT_TRUE(nothing_else(self));
}

TEST_F(events, limits)
{
	struct mqk_broker_create want = { .limit = { [MQK_RES_QUEUES] = 2 } };
	struct heard e;
	struct pair p;
	FIXTURE_DATA(events) other = {};
	__u32 i;

	ASSERT_EQ(0, pair_open(&p, &want));
	other.pair = p;
	other.ear = env_session(&other.pair.env, O_RDWR);
	ASSERT_EQ(0, listens(&other, variant->copy, "limit.#"));
	ASSERT_LT(0, queue_declare(p.s, "q", 0));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(-ENOSPC, queue_declare(p.s, "r", 0));
	ASSERT_TRUE(comes(&other, &e, "limit.hit", "limit.hit"));
	EXPECT_EQ(MQK_RES_QUEUES, heard_number(&e, "resource"));
	EXPECT_EQ(MQK_RULE_BROKER_LIMIT, heard_number(&e, "rule"));
	EXPECT_EQ(2, heard_number(&e, "limit"));
	EXPECT_EQ(getpid(), heard_number(&e, "pid"));
	EXPECT_EQ(0, pair_end(&other.pair));
}

/* --- no event makes another one ------------------------------------------- */

TEST_F(events, of_those_who_listen)
{
	struct consumer c;
	struct mqk_stat s;
	struct heard e;
	__u64 end;
	__s64 q;

	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	/* the queue is told of, until it listens */
	q = queue_declare(self->pair.r, "other", 0);
	ASSERT_LT(0, q);
	ASSERT_TRUE(comes(self, &e, "queue.created", "queue.created other"));
	ASSERT_EQ(0, binding_add(self->pair.r, EVENT, "other", "queue.#"));
	ASSERT_EQ(0, binding_add(self->pair.r, "amq.topic", "other", "a"));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "other", 0, 0, 16));
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_EQ(0, binding_del(self->pair.r, "amq.topic", "other", "a"));
	ASSERT_TRUE(nothing_else(self));
	ASSERT_EQ(0, binding_del(self->pair.r, EVENT, "other", "queue.#"));
	ASSERT_EQ(0, queue_delete(self->pair.r, "other", 0));
	ASSERT_TRUE(comes(self, &e, "queue.deleted", "queue.deleted other"));
	/* full, and dropping: no event either */
	ASSERT_EQ(0, queue_set(self->ear, "ear", 0, "x-max-length=1"));
	ASSERT_TRUE(nothing_else(self));
	end = now_ms() + LONG_MS;
	do {
		ASSERT_EQ(0, stat_get(self->pair.s, &s));
	} while (s.events < heard_number(&e, "number") + 2 && now_ms() < end);
	EXPECT_EQ(heard_number(&e, "number") + 2, s.events);
	EXPECT_EQ(0, s.events_lost);
}

/* Nobody listens: nothing is made, and numbers do not go on. */
TEST_F(events, nobody_listens)
{
	struct mqk_stat s;
	struct heard e;

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, stat_get(self->pair.s, &s));
	EXPECT_EQ(0, s.events + s.events_lost);
	EXPECT_EQ(0, s.published);
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_TRUE(comes(self, &e, "queue.deleted", "queue.deleted q"));
	EXPECT_EQ(1, heard_number(&e, "number"));
	/* also when it goes without a word */
	ASSERT_EQ(0, queue_delete(self->ear, "ear", 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_TRUE(comes(self, &e, "queue.created", "queue.created q"));
	EXPECT_EQ(2, heard_number(&e, "number"));
}

#define MANY	1500

/* More at once than can wait: those that are lost are missing, and counted. */
TEST_F(events, many)
{
	__s64 last = 0, missing = 0, number;
	struct mqk_stat s;
	struct heard e;
	__u32 i, got;
	__u64 end;

	ASSERT_EQ(0, listens(self, variant->copy, "queue.#"));
	for (i = 0; i < MANY / 2; i++) {
		ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
	end = now_ms() + LONG_MS;
	do {
		ASSERT_EQ(0, stat_get(self->pair.s, &s));
	} while (s.events + s.events_lost < MANY && now_ms() < end);
	ASSERT_EQ(MANY, s.events + s.events_lost);
	for (got = 0; got < s.events; got++) {
		ASSERT_EQ(0, heard_take(&self->c, &e, LONG_MS));
		number = heard_number(&e, "number");
		ASSERT_LT(last, number);
		missing += number - last - 1;
		last = number;
	}
	EXPECT_EQ(s.events_lost, missing + MANY - last);
}

/* --- who may do what ------------------------------------------------------ */

/* Nobody declares one, publishes to it, or has something lead to it. */
TEST_F(events, reserved)
{
	__s64 x = exchange_declare(self->pair.s, EVENT, 0, PASSIVE), q;
	struct mqk_exchange_next info = {};
	struct mqk_completion c;
	struct headers h = {};
	struct mqk_stat s;
	__u32 id = 1;
	struct msg m = { .exchange = x, .key = "queue.created", .key_len = 13,
			 .payload = &id, .payload_len = 4 };

	ASSERT_LT(0, x);
	ASSERT_EQ(0, exchange_info(self->pair.s, x, &info));
	EXPECT_EQ(MQK_EXCHANGE_SYSTEM, info.type);
	EXPECT_EQ(INTERNAL, info.flags & INTERNAL);
	EXPECT_EQ(0400, info.mode);
	EXPECT_EQ(-EINVAL, exchange_declare(self->pair.s, "mine", MQK_EXCHANGE_SYSTEM, 0));
	EXPECT_EQ(MQK_RULE_BAD_TYPE, rule(self->pair.s));
	EXPECT_EQ(-EINVAL, exchange_declare(self->pair.s, EVENT, MQK_EXCHANGE_SYSTEM, 0));
	EXPECT_EQ(-EINVAL, exchange_declare(self->pair.s, EVENT, MQK_EXCHANGE_TOPIC, 0));
	EXPECT_EQ(-EACCES, exchange_delete(self->pair.s, EVENT, 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->pair.s));
	EXPECT_EQ(-EACCES, port_publish(&self->pair.port, &m));
	EXPECT_EQ(MQK_RULE_PERMISSION, rule(self->pair.s));
	EXPECT_EQ(-EACCES, route(self->pair.s, EVENT, "a", 1, &id, 1));
	/* by no other way */
	EXPECT_EQ(-EACCES, exchange_bind(self->pair.s, "amq.topic", EVENT, "#"));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->pair.s));
	ASSERT_EQ(0, listens(self, variant->copy, "a"));
	headers_text(&h, "alternate-exchange", EVENT);
	x = exchange_declare_args(self->pair.s, "alt", MQK_EXCHANGE_FANOUT, 0, &h);
	ASSERT_LT(0, x);
	m.exchange = x;
	m.key = "a";
	m.key_len = 1;
	m.flags = MQK_MSG_F_MANDATORY;
	ASSERT_EQ(MQK_COMPLETION_RETURN, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	q = queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange=" EVENT
			       " x-dead-letter-routing-key=a");
	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 7));
	ASSERT_EQ(7, pair_do(&self->pair, q, MQK_ACK_REJECT, 0));
	do {
		ASSERT_EQ(0, stat_get(self->pair.s, &s));
	} while (!s.dead_lost && !s.dead_letters);
	EXPECT_EQ(1, s.dead_lost);
	EXPECT_FALSE(consumer_there(&self->c, 0));
	/* but from it to others */
	ASSERT_EQ(0, exchange_bind(self->pair.s, EVENT, "amq.fanout", "#"));
	ASSERT_EQ(0, exchange_unbind(self->pair.s, EVENT, "amq.fanout", "#"));
}

/* Who owns the node may listen; others may not. */
TEST_F(events, permission)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE | MQK_BROKER_F_OWNER, .mode = 0666, .uid = 1000,
		.gid = 1000,
	};
	struct env env;
	__u32 uid;

	ASSERT_EQ(0, env_begin(&env, &want));
	for (uid = 1000; uid <= 1001; uid++) {
		pid_t pid = spawn();
		int s, err;

		ASSERT_LE(0, pid);
		if (!pid) {
			if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
			    setresuid(uid, uid, uid))
				_exit(99);
			s = broker_open(&env.broker, O_RDWR);
			if (s < 0 || queue_declare(s, "q", EXCLUSIVE) < 0)
				_exit(98);
			err = binding_add(s, EVENT, "q", "#");
			if (uid == 1000)
				_exit(err ? 1 : 0);
			_exit(err == -EACCES && rule(s) == MQK_RULE_PERMISSION ? 0 : 2);
		}
		EXPECT_EQ(0, reap(pid, LONG_MS));
	}
	EXPECT_EQ(0, env_end(&env));
}

/* --- how it ends ---------------------------------------------------------- */

/* A broker that is removed while it has much to tell. */
TEST_F(events, removed)
{
	struct broker b;
	__u32 round, i;

	for (round = 0; round < 3; round++) {
		int s;

		ASSERT_EQ(0, broker_make(&b, NULL));
		s = broker_open(&b, O_RDWR);
		ASSERT_LE(0, s);
		ASSERT_LT(0, queue_declare(s, "ear", 0));
		ASSERT_EQ(0, binding_add(s, EVENT, "ear", "#"));
		for (i = 0; i < 100; i++) {
			ASSERT_LT(0, queue_declare(s, "q", 0));
			ASSERT_EQ(0, queue_delete(s, "q", 0));
		}
		ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
		session_close(s);
	}
}

TEST_HARNESS_MAIN
