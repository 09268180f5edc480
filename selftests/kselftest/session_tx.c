// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions: what a session publishes and settles, all of it or nothing.
 *
 * mqk-test: parallel timeout=300
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define PULL		MQK_CONSUMER_F_PULL
#define INPLACE		MQK_PORT_F_INPLACE

FIXTURE(tx)
{
	struct env env;
	int s, r;			/* r looks on */
	struct port port, out;		/* of s, of r */
	struct consumer in;		/* of s: pushed from "in", or pulls */
	struct consumer get;		/* PULL, of r */
	__u32 direct, fanout;
	__u32 source, a, b;		/* fanout leads to a and b */
};

FIXTURE_VARIANT(tx)
{
	__u32 flags;
	bool pulls;
};

FIXTURE_VARIANT_ADD(tx, copy_push) { .flags = 0, .pulls = false };
FIXTURE_VARIANT_ADD(tx, copy_pull) { .flags = 0, .pulls = true };
FIXTURE_VARIANT_ADD(tx, inplace_push) { .flags = INPLACE, .pulls = false };
FIXTURE_VARIANT_ADD(tx, inplace_pull) { .flags = INPLACE, .pulls = true };

static int transact(int fd, __u32 flag, struct mqk_tx *out)
{
	struct mqk_tx tx = { .size = sizeof(tx), .flags = flag };
	int ret = mq(fd, MQK_IOC_TX, &tx);

	if (out)
		*out = tx;
	return ret;
}

static int begin(int fd)
{
	return transact(fd, MQK_TX_F_BEGIN, NULL);
}

static int commit(int fd)
{
	return transact(fd, MQK_TX_F_COMMIT, NULL);
}

static int rollback(int fd)
{
	return transact(fd, MQK_TX_F_ROLLBACK, NULL);
}

FIXTURE_SETUP(tx)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->direct = id;
	id = exchange_declare(self->s, "f", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_LT(0, id);
	self->fanout = id;
	id = queue_declare(self->s, "in", 0);
	ASSERT_LT(0, id);
	self->source = id;
	id = queue_declare(self->s, "a", 0);
	ASSERT_LT(0, id);
	self->a = id;
	id = queue_declare(self->s, "b", 0);
	ASSERT_LT(0, id);
	self->b = id;
	ASSERT_EQ(0, binding_add(self->s, "f", "a", ""));
	ASSERT_EQ(0, binding_add(self->s, "f", "b", ""));
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags | CONFIRM, 64));
	ASSERT_EQ(0, port_make(&self->out, self->r, CONFIRM, 64));
	ASSERT_EQ(0, consumer_make(&self->get, self->r, NULL, PULL, 0, 64));
	ASSERT_EQ(0, consumer_make(&self->in, self->s, variant->pulls ? NULL : "in",
				   variant->pulls ? PULL : 0, 0, 64));
}

FIXTURE_TEARDOWN(tx)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Into the source, outside of the transaction. */
static int feed(FIXTURE_DATA(tx) *self, __u32 from, __u32 to)
{
	return port_numbers(&self->out, self->direct, "in", from, to);
}

/* The next message of the source: its number, or -errno. */
static __s64 takes(FIXTURE_DATA(tx) *self, struct mqk_delivery *d)
{
	int ret;

	if (self->in.c.flags & PULL) {
		ret = queue_get(self->s, self->in.c.id, self->source, 0, 0, d, NULL);
		return ret ? ret : (__s64)delivery_number(self->s, d);
	}
	return take_number(&self->in, d, LONG_MS);
}

/* What r gets out of a queue, and acknowledges. */
static __s64 gets(FIXTURE_DATA(tx) *self, __u32 queue)
{
	struct mqk_delivery d;
	int ret = queue_get(self->r, self->get.c.id, queue, 0, 0, &d, NULL);
	__u32 number;

	if (ret)
		return ret;
	number = delivery_number(self->r, &d);
	ret = consumer_settle(&self->get, d.tag, MQK_ACK_ACCEPT, 0);
	return ret == 1 ? (__s64)number : -EIO;
}

static int sends(FIXTURE_DATA(tx) *self, __u32 number)
{
	return port_number(&self->port, self->fanout, "", number);
}

static __s64 ready(FIXTURE_DATA(tx) *self, __u32 queue)
{
	struct mqk_queue_next info = {};
	int ret = queue_info(self->r, queue, &info);

	return ret ? ret : (__s64)info.ready;
}

static __s64 unacked(FIXTURE_DATA(tx) *self, __u32 queue)
{
	struct mqk_queue_next info = {};
	int ret = queue_info(self->r, queue, &info);

	return ret ? ret : (__s64)info.unacked;
}

/* --- the call --------------------------------------------------------------- */

TEST_F(tx, begins_and_ends)
{
	EXPECT_EQ(-EINVAL, commit(self->s));
	EXPECT_EQ(MQK_RULE_NO_TX, rule(self->s));
	EXPECT_EQ(-EINVAL, rollback(self->s));
	EXPECT_EQ(MQK_RULE_NO_TX, rule(self->s));
	EXPECT_EQ(0, begin(self->s));
	EXPECT_EQ(-EBUSY, begin(self->s));
	EXPECT_EQ(MQK_RULE_IN_TX, rule(self->s));
	/* another session has its own */
	EXPECT_EQ(0, begin(self->r));
	EXPECT_EQ(0, commit(self->s));
	EXPECT_EQ(-EINVAL, commit(self->s));
	EXPECT_EQ(0, rollback(self->r));
	EXPECT_EQ(-EINVAL, rollback(self->r));
	EXPECT_EQ(0, begin(self->s));
	EXPECT_EQ(0, rollback(self->s));
}

TEST_F(tx, exactly_one_flag)
{
	EXPECT_EQ(-EINVAL, transact(self->s, 0, NULL));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	EXPECT_EQ(-EINVAL, transact(self->s, MQK_TX_F_BEGIN | MQK_TX_F_COMMIT, NULL));
	EXPECT_EQ(-EINVAL, transact(self->s, 8, NULL));
	EXPECT_EQ(-EINVAL, commit(self->s));
	EXPECT_EQ(MQK_RULE_NO_TX, rule(self->s));
}

/* --- publishing ------------------------------------------------------------- */

TEST_F(tx, nothing_is_seen_before_the_commit)
{
	struct mqk_tx tx;
	__u32 i;

	ASSERT_EQ(0, begin(self->s));
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(0, sends(self, i));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(0, ready(self, self->b));
	EXPECT_EQ(0, port_completions(&self->port));
	ASSERT_EQ(0, transact(self->s, MQK_TX_F_COMMIT, &tx));
	EXPECT_EQ(3, tx.messages);
	EXPECT_EQ(0, tx.settlements);
	EXPECT_EQ(0, port_confirmed(&self->port, 3, NULL));
	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(i, gets(self, self->a));
		EXPECT_EQ(i, gets(self, self->b));
	}
	EXPECT_EQ(-EAGAIN, gets(self, self->a));
	/* and on without one */
	ASSERT_EQ(0, sends(self, 4));
	EXPECT_EQ(4, gets(self, self->a));
	EXPECT_EQ(0, port_confirmed(&self->port, 4, NULL));
}

TEST_F(tx, rollback_forgets_messages)
{
	struct mqk_tx tx;

	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, sends(self, 2));
	ASSERT_EQ(0, transact(self->s, MQK_TX_F_ROLLBACK, &tx));
	EXPECT_EQ(2, tx.messages);
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(0, port_completions(&self->port));
	ASSERT_EQ(0, sends(self, 3));
	EXPECT_EQ(3, gets(self, self->a));
	EXPECT_EQ(-EAGAIN, gets(self, self->a));
	/* numbers of what is forgotten are passed over */
	EXPECT_EQ(0, port_confirmed(&self->port, 3, NULL));
	EXPECT_EQ(3, gets(self, self->b));
}

/* What was committed to the segment, and no call has taken, is part of it. */
TEST_F(tx, records_that_nobody_rang_for)
{
	__u32 number = 7;
	struct msg m = {
		.exchange = self->fanout, .key = "", .payload = &number,
		.payload_len = sizeof(number),
	};

	if (!(variant->flags & INPLACE))
		SKIP(return, "of records in place");
	ASSERT_EQ(0, port_place(&self->port, &m));
	ASSERT_EQ(0, begin(self->s));
	/* this one came before */
	EXPECT_EQ(7, gets(self, self->a));
	number = 8;
	ASSERT_EQ(0, port_place(&self->port, &m));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(8, gets(self, self->a));
	ASSERT_EQ(0, begin(self->s));
	number = 9;
	ASSERT_EQ(0, port_place(&self->port, &m));
	ASSERT_EQ(0, rollback(self->s));
	EXPECT_EQ(0, port_doorbell(&self->port));
	EXPECT_EQ(-EAGAIN, gets(self, self->a));
	number = 10;
	ASSERT_EQ(0, port_publish(&self->port, &m));
	EXPECT_EQ(10, gets(self, self->a));
}

/* A message goes where its key leads when it is committed. */
TEST_F(tx, routes_are_those_of_the_commit)
{
	__s64 c = queue_declare(self->s, "c", 0);

	ASSERT_LT(0, c);
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, binding_add(self->r, "f", "c", ""));
	ASSERT_EQ(0, binding_del(self->r, "f", "b", ""));
	ASSERT_EQ(0, queue_delete(self->r, "a", 0));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(1, gets(self, c));
	EXPECT_EQ(-EAGAIN, gets(self, self->b));
	EXPECT_EQ(0, port_confirmed(&self->port, 1, NULL));
}

TEST_F(tx, returns_come_with_the_commit)
{
	__u32 number = 1, returns = 0;
	struct msg m = {
		.exchange = self->direct, .key = "nowhere", .key_len = 7,
		.flags = MQK_MSG_F_MANDATORY,
		.payload = &number, .payload_len = sizeof(number),
	};
	struct mqk_completion c;

	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, sends(self, 2));
	EXPECT_EQ(0, port_completions(&self->port));
	ASSERT_EQ(0, commit(self->s));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_RETURN, c.type);
	EXPECT_EQ(1, c.seq);
	EXPECT_EQ(0, port_confirmed(&self->port, 2, &returns));
	EXPECT_EQ(0, returns);
	/* and none when somebody has bound it meanwhile */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_LT(0, queue_declare(self->r, "nowhere", 0));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(0, port_confirmed(&self->port, 3, &returns));
	EXPECT_EQ(0, returns);
}

/* Each RETURN has room when it is kept back. */
TEST_F(tx, as_many_mandatory_ones_as_the_ring_has_room_for)
{
	struct msg m = {
		.exchange = self->direct, .key = "nowhere", .key_len = 7,
		.flags = MQK_MSG_F_MANDATORY,
	};
	__u32 i, returns = 0;
	int ret = 0;

	ASSERT_EQ(0, begin(self->s));
	for (i = 0; i < 64 && !ret; i++)
		ret = port_publish(&self->port, &m);
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_LT(50, i);
	/* others have it still */
	if (!(variant->flags & INPLACE)) {
		EXPECT_EQ(0, sends(self, 1));
		ASSERT_EQ(0, commit(self->s));
		EXPECT_EQ(0, port_confirmed(&self->port, i, &returns));
		EXPECT_EQ(i - 1, returns);
	} else {
		/* the record lies there, and all of it cannot be done */
		ASSERT_EQ(-EAGAIN, commit(self->s));
		EXPECT_EQ(0, port_completions(&self->port));
	}
}

TEST_F(tx, an_exchange_that_goes)
{
	__s64 x = exchange_declare(self->s, "x", MQK_EXCHANGE_DIRECT, 0);

	ASSERT_LT(0, x);
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, port_number(&self->port, x, "k", 2));
	ASSERT_EQ(0, exchange_delete(self->r, "x", 0));
	EXPECT_EQ(-ENOENT, commit(self->s));
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->s));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(-EINVAL, commit(self->s));
}

/* What can never be published is refused when it is handed in. */
TEST_F(tx, refused_at_once)
{
	struct mqk_completion c;
	int ret;

	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ret = port_number(&self->port, 0xdead, "", 2);
	if (!(variant->flags & INPLACE)) {
		EXPECT_EQ(-ENOENT, ret);
		EXPECT_EQ(0, commit(self->s));
		EXPECT_EQ(1, gets(self, self->a));
		return;
	}
	/* nobody is told by the call: so the transaction is lost */
	EXPECT_EQ(0, ret);
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_ERROR, c.type);
	EXPECT_EQ(-ENOENT, c.result);
	EXPECT_EQ(2, c.seq);
	EXPECT_EQ(-ENOENT, commit(self->s));
	EXPECT_EQ(0, ready(self, self->a));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 3));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(3, gets(self, self->a));
	EXPECT_EQ(0, port_confirmed(&self->port, 3, NULL));
}

TEST_F(tx, ports_of_producers_take_no_part)
{
	struct mqk_completion c;
	struct port p;

	ASSERT_EQ(0, port_make_for(&p, self->s, variant->flags | CONFIRM, 64, "p", 0));
	ASSERT_EQ(0, begin(self->s));
	if (variant->flags & INPLACE) {
		EXPECT_EQ(0, port_number(&p, self->fanout, "", 1));
		ASSERT_EQ(0, port_completion(&p, &c, LONG_MS));
		EXPECT_EQ(-EINVAL, c.result);
		EXPECT_EQ(-EINVAL, commit(self->s));
	} else {
		EXPECT_EQ(-EINVAL, port_number(&p, self->fanout, "", 1));
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
		EXPECT_EQ(0, commit(self->s));
	}
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(0, port_forget(&p));
}

/* --- settling --------------------------------------------------------------- */

TEST_F(tx, settlements_wait_for_the_commit)
{
	struct mqk_delivery d[3];
	struct mqk_tx tx;
	__u32 i;

	ASSERT_EQ(0, feed(self, 1, 3));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(i + 1, takes(self, &d[i]));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&self->in, d[0].tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(0, consumer_settle(&self->in, d[1].tag, MQK_ACK_REJECT,
				     MQK_ACK_F_REQUEUE));
	/* this one nobody kicks for */
	consumer_ack(&self->in, d[2].tag, MQK_ACK_NACK, 0);
	EXPECT_EQ(3, unacked(self, self->source));
	EXPECT_EQ(0, ready(self, self->source));
	ASSERT_EQ(0, consumer_close(&self->get));
	ASSERT_EQ(0, transact(self->s, MQK_TX_F_COMMIT, &tx));
	EXPECT_EQ(3, tx.settlements);
	/* it comes back to the only consumer there is, or lies there */
	EXPECT_EQ(2, takes(self, &d[1]));
	EXPECT_EQ(1, d[1].count);
	EXPECT_EQ(1, consumer_settle(&self->in, d[1].tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(0, unacked(self, self->source));
}

TEST_F(tx, rollback_undoes_acknowledgements)
{
	struct mqk_delivery d[2];

	ASSERT_EQ(0, feed(self, 1, 2));
	ASSERT_EQ(1, takes(self, &d[0]));
	ASSERT_EQ(2, takes(self, &d[1]));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&self->in, d[0].tag, MQK_ACK_ACCEPT, 0));
	consumer_ack(&self->in, d[1].tag, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(0, rollback(self->s));
	EXPECT_EQ(2, unacked(self, self->source));
	/* nothing came back, and both can be acknowledged */
	EXPECT_EQ(1, consumer_settle(&self->in, d[0].tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, consumer_settle(&self->in, d[1].tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(0, unacked(self, self->source));
	EXPECT_EQ(0, ready(self, self->source));
}

TEST_F(tx, multiple_stands_for_those_that_are_left)
{
	struct mqk_delivery d[5];
	struct mqk_tx tx;
	__u32 i;

	ASSERT_EQ(0, feed(self, 1, 5));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(i + 1, takes(self, &d[i]));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&self->in, d[1].tag, MQK_ACK_REJECT,
				     MQK_ACK_F_REQUEUE));
	EXPECT_EQ(0, consumer_settle(&self->in, d[3].tag, MQK_ACK_ACCEPT,
				     MQK_ACK_F_MULTIPLE));
	ASSERT_EQ(0, transact(self->s, MQK_TX_F_COMMIT, &tx));
	EXPECT_EQ(4, tx.settlements);
	EXPECT_EQ(2, takes(self, &d[1]));
	EXPECT_EQ(2, unacked(self, self->source));
	/* all of them */
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&self->in, 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE));
	ASSERT_EQ(0, feed(self, 6, 6));
	ASSERT_EQ(6, takes(self, &d[0]));
	ASSERT_EQ(0, commit(self->s));
	/* but not what came later */
	EXPECT_EQ(1, unacked(self, self->source));
	EXPECT_EQ(1, consumer_settle(&self->in, d[0].tag, MQK_ACK_ACCEPT, 0));
}

TEST_F(tx, settled_twice)
{
	struct mqk_delivery d;

	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, takes(self, &d));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 5));
	EXPECT_EQ(0, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(-EINVAL, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(MQK_RULE_UNKNOWN_TAG, rule(self->s));
	EXPECT_EQ(-ESTALE, commit(self->s));
	EXPECT_EQ(MQK_RULE_TAKEN_BACK, rule(self->s));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(0, consumer_close(&self->in));
	EXPECT_EQ(1, gets(self, self->source));
}

TEST_F(tx, a_tag_that_is_none)
{
	struct mqk_delivery d;

	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, takes(self, &d));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(-EINVAL, consumer_settle(&self->in, d.tag + 1, MQK_ACK_ACCEPT,
					   MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(0, consumer_close(&self->in));
	/* it settles nothing that was taken back */
	EXPECT_EQ(0, commit(self->s));
	EXPECT_EQ(1, gets(self, self->source));
}

/* A credit is in use until the commit. */
TEST_F(tx, credit)
{
	struct mqk_delivery d;
	struct consumer c;

	if (variant->pulls)
		SKIP(return, "of pushed consumers");
	ASSERT_EQ(0, consumer_close(&self->in));
	ASSERT_EQ(0, consumer_make(&c, self->s, "in", 0, 1, 16));
	ASSERT_EQ(0, feed(self, 1, 2));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(-EAGAIN, consumer_poll(&c, &d));
	EXPECT_EQ(1, ready(self, self->source));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(2, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
}

TEST_F(tx, consumers_that_go)
{
	struct mqk_delivery d[2];

	ASSERT_EQ(0, feed(self, 1, 2));
	ASSERT_EQ(1, takes(self, &d[0]));
	ASSERT_EQ(2, takes(self, &d[1]));
	/* cancelled: it settles on */
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&self->in, d[0].tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, consumer_cancel(&self->in));
	EXPECT_EQ(0, commit(self->s));
	EXPECT_EQ(1, unacked(self, self->source));
	/* closed: what it held is not its own any more */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 9));
	EXPECT_EQ(0, consumer_settle(&self->in, d[1].tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, consumer_close(&self->in));
	EXPECT_EQ(-ESTALE, commit(self->s));
	EXPECT_EQ(MQK_RULE_TAKEN_BACK, rule(self->s));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(2, gets(self, self->source));
}

TEST_F(tx, a_queue_that_goes_is_settled_all_the_same)
{
	struct mqk_delivery d;

	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, takes(self, &d));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 9));
	EXPECT_EQ(0, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, queue_delete(self->r, "in", 0));
	EXPECT_EQ(0, commit(self->s));
	EXPECT_EQ(9, gets(self, self->a));
}

TEST_F(tx, taken_back_in_time)
{
	struct mqk_delivery d;
	__u64 end;

	ASSERT_EQ(0, queue_set(self->r, "in", 0, "x-consumer-timeout=300"));
	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, takes(self, &d));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 9));
	EXPECT_EQ(0, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	if (!variant->pulls)
		ASSERT_EQ(0, consumer_cancel(&self->in));
	for (end = now_ms() + LONG_MS; ready(self, self->source) != 1 && now_ms() < end;)
		sleep_ms(10);
	EXPECT_EQ(-ESTALE, commit(self->s));
	EXPECT_EQ(MQK_RULE_TAKEN_BACK, rule(self->s));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(1, gets(self, self->source));
}

/* --- both ------------------------------------------------------------------- */

TEST_F(tx, all_or_nothing)
{
	__s64 full = queue_declare_args(self->s, "full",
					"x-max-length=1 x-overflow=reject-publish");
	struct mqk_delivery d;
	struct mqk_error e;

	ASSERT_LT(0, full);
	ASSERT_EQ(0, binding_add(self->s, "f", "full", ""));
	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, takes(self, &d));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, sends(self, 2));
	EXPECT_EQ(0, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	/* one fits, two do not */
	EXPECT_EQ(-ENOSPC, commit(self->s));
	ASSERT_EQ(0, error_get(self->s, &e));
	EXPECT_EQ(MQK_RULE_FULL, e.rule);
	EXPECT_EQ(full, e.used);
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(0, ready(self, self->b));
	EXPECT_EQ(0, ready(self, full));
	EXPECT_EQ(0, port_completions(&self->port));
	EXPECT_EQ(1, unacked(self, self->source));
	/* no place was kept: there is room for one */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 3));
	EXPECT_EQ(0, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(0, unacked(self, self->source));
	EXPECT_EQ(3, gets(self, self->a));
	EXPECT_EQ(3, gets(self, self->b));
	EXPECT_EQ(3, gets(self, full));
}

/* A queue that blocks says no instead. */
TEST_F(tx, nobody_waits_for_room)
{
	__s64 full = queue_declare_args(self->s, "full", "x-max-length=1 x-overflow=block");

	ASSERT_LT(0, full);
	ASSERT_EQ(0, port_number(&self->out, self->direct, "full", 1));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_number(&self->port, self->direct, "full", 2));
	EXPECT_EQ(-ENOSPC, commit(self->s));
	EXPECT_EQ(MQK_RULE_FULL, rule(self->s));
	EXPECT_EQ(1, gets(self, full));
	EXPECT_EQ(-EAGAIN, gets(self, full));
	/* one that waits already has to be done before */
	ASSERT_EQ(0, port_number(&self->out, self->direct, "full", 3));
	EXPECT_EQ(-EAGAIN, port_number(&self->port, self->direct, "full", 4));
	if (variant->flags & INPLACE) {
		EXPECT_EQ(-EAGAIN, begin(self->s));
		EXPECT_EQ(MQK_RULE_HELD, rule(self->s));
		EXPECT_EQ(3, gets(self, full));
		EXPECT_EQ(1, port_doorbell(&self->port));
		ASSERT_EQ(0, begin(self->s));
		EXPECT_EQ(4, gets(self, full));
	} else {
		/* a copy is its caller's */
		ASSERT_EQ(0, begin(self->s));
		EXPECT_EQ(0, port_number(&self->port, self->direct, "full", 4));
		EXPECT_EQ(3, gets(self, full));
		ASSERT_EQ(0, commit(self->s));
		EXPECT_EQ(4, gets(self, full));
		ASSERT_EQ(0, begin(self->s));
	}
	ASSERT_EQ(0, rollback(self->s));
}

/* What is one too many goes when all is done, not before. */
TEST_F(tx, what_follows_comes_last)
{
	struct mqk_delivery d;
	struct consumer c;

	if (variant->pulls)
		SKIP(return, "of pushed consumers");
	ASSERT_EQ(0, consumer_close(&self->in));
	ASSERT_EQ(0, queue_set(self->r, "in", 0, "x-max-length=0"));
	ASSERT_EQ(0, consumer_make(&c, self->s, "in", 0, 1, 16));
	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	/* its own acknowledgement makes room for what it publishes */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_number(&self->port, self->direct, "in", 2));
	consumer_ack(&c, d.tag, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(2, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
}

TEST_F(tx, times_begin_with_the_commit)
{
	__u32 number = 1;
	struct msg m = {
		.exchange = self->direct, .key = "a", .key_len = 1,
		.flags = MQK_MSG_F_DELAY, .delay = 50,
		.payload = &number, .payload_len = sizeof(number),
	};
	struct mqk_queue_next info;
	struct mqk_delivery d;

	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_publish(&self->port, &m));
	m.flags = MQK_MSG_F_EXPIRATION;
	m.delay = 0;
	m.expiration = 1;
	number = 2;
	ASSERT_EQ(0, port_publish(&self->port, &m));
	sleep_ms(SHORT_MS);
	ASSERT_EQ(0, queue_info(self->r, self->a, &info));
	EXPECT_EQ(0, info.scheduled);
	ASSERT_EQ(0, queue_set(self->r, "a", MQK_QUEUE_SET_F_PAUSE, NULL));
	ASSERT_EQ(0, commit(self->s));
	ASSERT_EQ(0, queue_set(self->r, "a", MQK_QUEUE_SET_F_RESUME, NULL));
	/* the second one may be too late by now, the first one comes */
	do {
		ASSERT_EQ(0, queue_get(self->r, self->get.c.id, self->a, 0,
				       LONG_MS * 1000000ll, &d, NULL));
	} while (delivery_number(self->r, &d) != 1);
	EXPECT_LE(1, consumer_settle(&self->get, 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE));
}

/* BCC is taken out, as without a transaction. */
TEST_F(tx, further_keys)
{
	struct headers h = {};
	__u32 number = 1;
	struct msg m = {
		.exchange = self->direct, .key = "nowhere", .key_len = 7,
		.flags = MQK_MSG_F_CC, .payload = &number, .payload_len = sizeof(number),
	};
	struct mqk_delivery d;
	const char *r;
	__u32 i;

	headers_text(&h, "BCC", "a");
	headers_text(&h, "CC", "b");
	m.headers = h.bytes;
	m.headers_len = h.len;
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, commit(self->s));
	ASSERT_EQ(0, queue_get(self->r, self->get.c.id, self->a, 0, 0, &d, NULL));
	r = record_map(self->r, &d);
	ASSERT_NE(NULL, r);
	for (i = 0; i + 3 <= d.headers_len; i++)
		EXPECT_NE(0, memcmp(r + MQK_RECORD_HEADERS(d.key_len) + i, "BCC", 3));
	EXPECT_EQ(1, consumer_settle(&self->get, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, gets(self, self->b));
}

/* A last-value exchange remembers what was committed, in order. */
TEST_F(tx, remembered_with_the_commit)
{
	__s64 x = exchange_declare(self->s, "last", MQK_EXCHANGE_LAST_VALUE, 0);

	ASSERT_LT(0, x);
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, port_number(&self->port, x, "k", 2));
	ASSERT_EQ(0, port_number(&self->port, x, "k", 3));
	ASSERT_EQ(0, binding_add(self->r, "last", "b", "#"));
	EXPECT_EQ(-EAGAIN, gets(self, self->b));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(1, gets(self, self->a));
	EXPECT_EQ(1, gets(self, self->b));
	EXPECT_EQ(2, gets(self, self->b));
	EXPECT_EQ(3, gets(self, self->b));
	ASSERT_EQ(0, binding_add(self->r, "last", "a", "#"));
	EXPECT_EQ(3, gets(self, self->a));
	EXPECT_EQ(-EAGAIN, gets(self, self->a));
	/* and forgets nothing that was not */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_number(&self->port, x, "k", 4));
	ASSERT_EQ(0, rollback(self->s));
	ASSERT_EQ(0, binding_del(self->r, "last", "a", "#"));
	ASSERT_EQ(0, binding_add(self->r, "last", "a", "#"));
	EXPECT_EQ(3, gets(self, self->a));
	EXPECT_EQ(-EAGAIN, gets(self, self->a));
	ASSERT_EQ(0, exchange_delete(self->r, "last", 0));
}

/* As sends(), with a header that counts. */
static int sends_header(FIXTURE_DATA(tx) *self, struct port *p, __u32 flags, const char *name,
			const char *value, __u32 number)
{
	struct headers h = {};

	headers_text(&h, name, value);
	return port_publish(p, &(struct msg) {
		.exchange = self->fanout, .key = "", .flags = flags,
		.headers = h.bytes, .headers_len = h.len,
		.payload = &number, .payload_len = sizeof(number),
	});
}

static int sends_id(FIXTURE_DATA(tx) *self, struct port *p, const char *id, __u32 number)
{
	return sends_header(self, p, MQK_MSG_F_ID, "message-id", id, number);
}

static int sends_group(FIXTURE_DATA(tx) *self, const char *group, __u32 number)
{
	return sends_header(self, &self->port, MQK_MSG_F_GROUP, "group-id", group, number);
}

/* What a queue has seen, and what comes twice in one transaction, comes once. */
TEST_F(tx, ids_that_repeat)
{
	struct mqk_queue_next info;
	__s64 d = queue_declare_args(self->s, "d", "x-mqk-dedup-window=600000");

	ASSERT_LT(0, d);
	ASSERT_EQ(0, binding_add(self->s, "f", "d", ""));
	ASSERT_EQ(0, sends_id(self, &self->out, "x", 1));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends_id(self, &self->port, "x", 2));
	ASSERT_EQ(0, sends_id(self, &self->port, "y", 3));
	ASSERT_EQ(0, sends_id(self, &self->port, "y", 4));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(4, ready(self, self->a));
	EXPECT_EQ(4, ready(self, self->b));
	EXPECT_EQ(1, gets(self, d));
	EXPECT_EQ(3, gets(self, d));
	EXPECT_EQ(-EAGAIN, gets(self, d));
	ASSERT_EQ(0, queue_info(self->r, d, &info));
	EXPECT_EQ(2, info.repeated);
	/* what was forgotten was not seen */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends_id(self, &self->port, "z", 5));
	ASSERT_EQ(0, rollback(self->s));
	ASSERT_LT(0, queue_declare_args(self->s, "full",
					"x-max-length=0 x-overflow=reject-publish"));
	ASSERT_EQ(0, binding_add(self->s, "f", "full", ""));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends_id(self, &self->port, "x", 6));
	ASSERT_EQ(0, sends_id(self, &self->port, "z", 7));
	EXPECT_EQ(-ENOSPC, commit(self->s));
	ASSERT_EQ(0, queue_delete(self->s, "full", 0));
	ASSERT_EQ(0, sends_id(self, &self->out, "z", 8));
	EXPECT_EQ(8, gets(self, d));
}

/* Get the next one for a consumer, which keeps it: its number, or -errno. */
static __s64 keeps(int fd, __u32 consumer, __u32 queue)
{
	struct mqk_delivery d;
	int ret = queue_get(fd, consumer, queue, 0, 0, &d, NULL);

	return ret ? ret : (__s64)delivery_number(fd, &d);
}

/* Many groups that are new, of which none may find that there is no room for it. */
TEST_F(tx, groups)
{
	struct consumer other;
	__s64 g = queue_declare_args(self->s, "g", "x-mqk-groups=true");
	char name[16];
	__u32 i;

	ASSERT_LT(0, g);
	ASSERT_EQ(0, binding_add(self->s, "f", "g", ""));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends_group(self, "p", 1));
	ASSERT_EQ(0, sends_group(self, "p", 2));
	for (i = 3; i <= 40; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ASSERT_EQ(0, sends_group(self, name, i));
	}
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(1, keeps(self->r, self->get.c.id, g));
	ASSERT_EQ(0, consumer_make(&other, self->r, NULL, PULL, 0, 64));
	for (i = 3; i <= 40; i++)
		EXPECT_EQ(i, keeps(self->r, other.c.id, g));
	EXPECT_EQ(-EAGAIN, keeps(self->r, other.c.id, g));
	EXPECT_EQ(2, keeps(self->r, self->get.c.id, g));
	/* what is forgotten gives its room back, and so does what was refused */
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends_group(self, "q", 41));
	ASSERT_EQ(0, rollback(self->s));
	ASSERT_LT(0, queue_declare_args(self->s, "full",
					"x-max-length=0 x-overflow=reject-publish"));
	ASSERT_EQ(0, binding_add(self->s, "f", "full", ""));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends_group(self, "q", 42));
	EXPECT_EQ(-ENOSPC, commit(self->s));
	EXPECT_EQ(0, ready(self, g));
}

/* Another process writes what was taken already: nothing of the kernel breaks. */
TEST_F(tx, scribbled_headers)
{
	struct headers h = {};
	struct msg m = {
		.exchange = self->direct, .key = "a", .key_len = 1, .flags = MQK_MSG_F_CC,
	};
	struct mqk_record *r;
	__u8 *at;

	if (!(variant->flags & INPLACE))
		SKIP(return, "of records in place");
	headers_text(&h, "BCC", "b");
	m.headers = h.bytes;
	m.headers_len = h.len;
	ASSERT_EQ(0, begin(self->s));
	r = port_reserve(&self->port, m.key_len, m.headers_len, 0);
	ASSERT_NE(NULL, r);
	port_fill(r, &m);
	port_commit(&self->port, r);
	ASSERT_EQ(1, port_doorbell(&self->port));
	at = (__u8 *)r + MQK_RECORD_HEADERS(1);
	memset(at, 0xff, h.len);
	memset(r, 0xff, 32);
	EXPECT_EQ(-EINVAL, commit(self->s));
	EXPECT_EQ(0, ready(self, self->a));
	/* the head is the kernel's copy */
	memset(&m.flags, 0, sizeof(m.flags));
	m.headers_len = 0;
	ASSERT_EQ(0, begin(self->s));
	r = port_reserve(&self->port, m.key_len, 0, 0);
	ASSERT_NE(NULL, r);
	port_fill(r, &m);
	port_commit(&self->port, r);
	ASSERT_EQ(1, port_doorbell(&self->port));
	memset((__u8 *)r + 4, 0xff, 60);
	EXPECT_EQ(0, commit(self->s));
	EXPECT_EQ(1, ready(self, self->a));
	EXPECT_EQ(1, queue_purge(self->r, "a"));
}

/* --- who takes part --------------------------------------------------------- */

TEST_F(tx, who_comes_later_takes_part)
{
	struct mqk_delivery d;
	struct consumer c;
	struct port p;

	ASSERT_EQ(0, consumer_close(&self->in));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, port_make(&p, self->s, variant->flags | CONFIRM, 64));
	ASSERT_EQ(0, consumer_make(&c, self->s, "in", 0, 0, 64));
	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(0, port_number(&p, self->fanout, "", 1));
	EXPECT_EQ(0, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(1, unacked(self, self->source));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(1, gets(self, self->a));
	EXPECT_EQ(0, unacked(self, self->source));
}

TEST_F(tx, a_port_that_goes_leaves_its_messages)
{
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	ASSERT_EQ(0, port_close(&self->port));
	EXPECT_EQ(0, ready(self, self->a));
	ASSERT_EQ(0, commit(self->s));
	EXPECT_EQ(1, gets(self, self->a));
	EXPECT_EQ(1, gets(self, self->b));
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags, 64));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 2));
	ASSERT_EQ(0, port_close(&self->port));
	ASSERT_EQ(0, rollback(self->s));
	EXPECT_EQ(0, ready(self, self->a));
}

/* Order over several ports is that of handing in. */
TEST_F(tx, two_ports)
{
	struct port p;
	__u32 i;

	ASSERT_EQ(0, port_make(&p, self->s, CONFIRM, 64));
	ASSERT_EQ(0, begin(self->s));
	for (i = 1; i <= 6; i += 2) {
		ASSERT_EQ(0, sends(self, i));
		ASSERT_EQ(0, port_number(&p, self->fanout, "", i + 1));
	}
	ASSERT_EQ(0, commit(self->s));
	for (i = 1; i <= 6; i++)
		EXPECT_EQ(i, gets(self, self->a));
	EXPECT_EQ(0, port_confirmed(&self->port, 3, NULL));
	EXPECT_EQ(0, port_confirmed(&p, 3, NULL));
}

/* --- limits ----------------------------------------------------------------- */

TEST_F(tx, so_many_messages)
{
	struct mqk_error e;
	int ret = 0;
	__u32 i;

	ASSERT_EQ(0, begin(self->s));
	for (i = 0; i <= MQK_TX_MESSAGES_MAX && !ret; i++)
		ret = port_number(&self->port, self->direct, "a", i);
	EXPECT_EQ(-EOVERFLOW, ret);
	EXPECT_EQ(MQK_TX_MESSAGES_MAX + 1, i);
	ASSERT_EQ(0, error_get(self->s, &e));
	EXPECT_EQ(MQK_RULE_TX_LIMIT, e.rule);
	EXPECT_EQ(MQK_TX_MESSAGES_MAX, e.limit);
	if (variant->flags & INPLACE) {
		/* the record lies there */
		EXPECT_EQ(-EOVERFLOW, commit(self->s));
		EXPECT_EQ(0, ready(self, self->a));
		EXPECT_EQ(0, port_doorbell(&self->port));
	} else {
		EXPECT_EQ(0, commit(self->s));
		EXPECT_EQ(MQK_TX_MESSAGES_MAX, ready(self, self->a));
	}
	EXPECT_LE(0, queue_purge(self->r, "a"));
}

TEST_F(tx, so_many_settlements)
{
	__u32 n = MQK_TX_SETTLEMENTS_MAX + 1, i;
	struct mqk_delivery d = {};
	struct consumer c;
	struct port p;

	if (variant->pulls)
		SKIP(return, "a ring is enough");
	ASSERT_EQ(0, consumer_close(&self->in));
	ASSERT_EQ(0, consumer_make(&c, self->s, "in", 0, 0, 2048));
	ASSERT_EQ(0, port_make(&p, self->r, 0, 64));
	ASSERT_EQ(0, port_numbers(&p, self->direct, "in", 1, n));
	for (i = 0; i < n; i++)
		ASSERT_EQ(i + 1, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(-EOVERFLOW, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT,
					      MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(MQK_RULE_TX_LIMIT, rule(self->s));
	EXPECT_EQ(-EOVERFLOW, commit(self->s));
	EXPECT_EQ(n, unacked(self, self->source));
	/* one less is all right */
	EXPECT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, begin(self->s));
	EXPECT_EQ(0, consumer_settle(&c, 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(0, commit(self->s));
	EXPECT_EQ(0, unacked(self, self->source));
}

/* --- ends ------------------------------------------------------------------- */

/* What a process has, and hands in, that dies before it commits. */
static void die_inside(FIXTURE_DATA(tx) *self, __u32 flags, bool pulls, __u32 *word)
{
	int s = broker_open(&self->env.broker, O_RDWR);
	struct mqk_delivery d;
	struct consumer in;
	struct port p;
	__u32 number = 2;
	struct msg m = {
		.exchange = self->fanout, .key = "", .payload = &number,
		.payload_len = sizeof(number),
	};

	if (s < 0 || port_make(&p, s, flags, 64) ||
	    consumer_make(&in, s, pulls ? NULL : "in", pulls ? PULL : 0, 0, 64) || begin(s))
		_exit(1);
	if (pulls ? queue_get(s, in.c.id, self->source, 0, LONG_MS * 1000000ll, &d, NULL) :
		    consumer_next(&in, &d, LONG_MS))
		_exit(2);
	if (port_number(&p, self->fanout, "", 1) ||
	    (flags & INPLACE && port_place(&p, &m)) ||
	    consumer_settle(&in, d.tag, MQK_ACK_ACCEPT, 0))
		_exit(3);
	word_set(word, 1);
	pause();
	_exit(4);
}

TEST_F(tx, killed)
{
	__u32 *word = shared(sizeof(*word));
	__u64 end;
	pid_t pid;

	ASSERT_NE(NULL, word);
	ASSERT_EQ(0, consumer_close(&self->in));
	ASSERT_EQ(0, feed(self, 1, 1));
	pid = spawn();
	ASSERT_LE(0, pid);
	if (!pid)
		die_inside(self, variant->flags, variant->pulls, word);
	ASSERT_EQ(0, word_wait(word, 1, LONG_MS));
	EXPECT_EQ(1, unacked(self, self->source));
	EXPECT_EQ(128 + SIGKILL, kill_hard(pid));
	for (end = now_ms() + LONG_MS; ready(self, self->source) != 1 && now_ms() < end;)
		sleep_ms(10);
	EXPECT_EQ(1, gets(self, self->source));
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(0, ready(self, self->b));
}

/* A session that ends has not committed. */
TEST_F(tx, closed)
{
	struct mqk_delivery d;

	ASSERT_EQ(0, feed(self, 1, 1));
	ASSERT_EQ(1, takes(self, &d));
	ASSERT_EQ(0, begin(self->s));
	ASSERT_EQ(0, sends(self, 1));
	EXPECT_EQ(0, consumer_settle(&self->in, d.tag, MQK_ACK_ACCEPT, 0));
	session_close(self->s);
	EXPECT_EQ(0, ready(self, self->a));
	EXPECT_EQ(1, gets(self, self->source));
}

TEST_F(tx, the_broker_goes)
{
	struct mqk_delivery d;
	struct broker b;
	struct consumer c;
	struct port p;
	__s64 id;
	int s;

	memset(&b, 0, sizeof(b));
	ASSERT_EQ(0, broker_make(&b, NULL));
	s = broker_open(&b, O_RDWR);
	ASSERT_LE(0, s);
	id = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	ASSERT_LT(0, queue_declare(s, "q", 0));
	ASSERT_EQ(0, port_make(&p, s, variant->flags, 64));
	ASSERT_EQ(0, consumer_make(&c, s, "q", 0, 0, 64));
	ASSERT_EQ(0, port_number(&p, id, "q", 1));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(0, begin(s));
	ASSERT_EQ(0, port_number(&p, id, "q", 2));
	EXPECT_EQ(0, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
	EXPECT_EQ(-ESHUTDOWN, commit(s));
	port_unmap(&p);
	consumer_unmap(&c);
	record_unmap(s);
	close(s);
}

/* --- several at once -------------------------------------------------------- */

#define MOVERS		3
#define TOKENS		24

struct mover {
	const struct env *env;
	__u32 direct;
	__u32 flags;
	unsigned int seed;
	int ret;
};

/* Move tokens from one queue to another, at random, for a while. */
static void *move(void *arg)
{
	static const char * const names[] = { "in", "a", "b" };
	struct mover *m = arg;
	int s = broker_open(&m->env->broker, O_RDWR), i, ret;
	struct consumer c[3];
	struct port p;

	m->ret = s < 0 ? s : port_make(&p, s, m->flags, 256);
	for (i = 0; i < 3 && !m->ret; i++)
		m->ret = consumer_make(&c[i], s, names[i], 0, 2, 16);
	for (i = 0; i < 300 && !m->ret; i++) {
		struct consumer *from = &c[rand_r(&m->seed) % 3];
		struct mqk_delivery d;
		__u32 number;

		if (consumer_poll(from, &d))
			continue;
		number = delivery_number(s, &d);
		m->ret = begin(s) ?:
			 port_number(&p, m->direct, names[rand_r(&m->seed) % 3], number);
		consumer_ack(from, d.tag, MQK_ACK_ACCEPT, 0);
		if (rand_r(&m->seed) % 3) {
			ret = m->ret ?: commit(s);
		} else {
			ret = m->ret ?: rollback(s);
			consumer_ack(from, d.tag, MQK_ACK_NACK, MQK_ACK_F_REQUEUE);
			consumer_kick(from);
		}
		m->ret = ret;
	}
	if (s >= 0)
		session_close(s);
	return NULL;
}

TEST_F(tx, tokens_are_neither_lost_nor_doubled)
{
	struct mover m[MOVERS];
	pthread_t t[MOVERS];
	bool seen[TOKENS + 1] = {};
	__u32 queues[] = { self->source, self->a, self->b }, n = 0;
	int i;

	if (variant->pulls)
		SKIP(return, "of pushed consumers");
	ASSERT_EQ(0, consumer_close(&self->in));
	ASSERT_EQ(0, feed(self, 1, TOKENS));
	for (i = 0; i < MOVERS; i++) {
		m[i] = (struct mover) {
			.env = &self->env, .direct = self->direct,
			.flags = variant->flags, .seed = i + 1,
		};
		ASSERT_EQ(0, pthread_create(&t[i], NULL, move, &m[i]));
	}
	for (i = 0; i < MOVERS; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(0, m[i].ret);
	}
	for (i = 0; i < 3; i++) {
		__s64 number;

		while ((number = gets(self, queues[i])) > 0) {
			ASSERT_LE(number, TOKENS);
			EXPECT_FALSE(seen[number]);
			seen[number] = true;
			n++;
		}
	}
	EXPECT_EQ(TOKENS, n);
}

TEST_HARNESS_MAIN
