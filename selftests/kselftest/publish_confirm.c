// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a producer is told: confirms, returns, errors, and what happens when it
 * does not listen.
 *
 * mqk-test: parallel timeout=60
 */
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM

FIXTURE(confirm)
{
	struct env env;
	int s;
	struct port port;
	__u32 exchange, queue, internal;
};

FIXTURE_VARIANT(confirm)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(confirm, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(confirm, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(confirm)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
	id = exchange_declare(self->s, "e", MQK_EXCHANGE_DIRECT, 0);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = exchange_declare(self->s, "i", MQK_EXCHANGE_FANOUT,
			      MQK_DECLARE_F_INTERNAL);
	ASSERT_LT(0, id);
	self->internal = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, binding_add(self->s, "e", "q", "k"));
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags | CONFIRM,
			       64));
}

FIXTURE_TEARDOWN(confirm)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static struct msg to(__u32 exchange, const char *key, __u32 flags)
{
	return (struct msg) {
		.exchange = exchange, .flags = flags, .key = key,
		.key_len = strlen(key), .payload = "payload", .payload_len = 7,
	};
}

TEST_F(confirm, one_by_one)
{
	struct msg m = to(self->exchange, "k", 0);
	struct mqk_completion c;
	__u64 i;

	for (i = 1; i <= 200; i++) {
		ASSERT_EQ(0, port_publish(&self->port, &m));
		ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, c.type);
		ASSERT_EQ(i, c.seq);
		ASSERT_EQ(i, c.pos);
		ASSERT_EQ(0, c.result);
		if (!(c.flags & MQK_COMPLETION_F_MULTIPLE)) {
			ASSERT_EQ(1, c.queues);
		}
	}
	EXPECT_EQ(0, port_completions(&self->port));
}

TEST_F(confirm, first_seq_counts_from_one)
{
	struct mqk_message m = {
		.exchange = self->exchange, .key = (uintptr_t)"k", .key_len = 1,
	};
	struct mqk_publish p = {
		.size = sizeof(p), .count = 1, .messages = (uintptr_t)&m,
	};
	struct port other;

	if (variant->flags & MQK_PORT_F_INPLACE)
		SKIP(return, "PUBLISH alone tells the number");
	p.port = self->port.c.id;
	ASSERT_EQ(0, mq(self->s, MQK_IOC_PUBLISH, &p));
	EXPECT_EQ(1, p.first_seq);
	p.count = 1;
	ASSERT_EQ(0, mq(self->s, MQK_IOC_PUBLISH, &p));
	EXPECT_EQ(2, p.first_seq);
	ASSERT_EQ(0, port_make(&other, self->s, 0, 16));
	p.port = other.c.id;
	ASSERT_EQ(0, mq(self->s, MQK_IOC_PUBLISH, &p));
	EXPECT_EQ(1, p.first_seq);
}

/* A batch may be confirmed with one entry or many; each message once. */
TEST_F(confirm, batches)
{
	__u64 confirmed = 0, sent = 0;
	struct mqk_completion c;
	struct msg m[50];
	int i, round;

	for (i = 0; i < 50; i++)
		m[i] = to(self->exchange, "k", 0);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(50, port_publish_batch(&self->port, m, 50));
		sent += 50;
		while (confirmed < sent) {
			ASSERT_EQ(0, port_completion(&self->port, &c,
						     LONG_MS));
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, c.type);
			if (c.flags & MQK_COMPLETION_F_MULTIPLE) {
				ASSERT_LT(confirmed, c.seq);
			} else {
				ASSERT_EQ(confirmed + 1, c.seq);
			}
			ASSERT_LE(c.seq, sent);
			confirmed = c.seq;
		}
		ASSERT_EQ(0, port_completions(&self->port));
	}
}

/* Nobody asked: no confirm; but an error is told all the same. */
TEST_F(confirm, not_without_the_flag)
{
	struct msg good = to(self->exchange, "k", 0);
	struct msg lost = to(self->exchange, "no", MQK_MSG_F_MANDATORY);
	struct mqk_completion c;
	struct port p;

	ASSERT_EQ(0, port_make(&p, self->s, variant->flags, 16));
	ASSERT_EQ(0, port_publish(&p, &good));
	ASSERT_EQ(-EAGAIN, port_completion(&p, &c, 0));
	ASSERT_EQ(0, port_publish(&p, &lost));
	ASSERT_EQ(0, port_completion(&p, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_RETURN, c.type);
	EXPECT_EQ(2, c.seq);
	EXPECT_EQ(-EAGAIN, port_completion(&p, &c, 0));
}

/* Nowhere to go, and nobody minds: dropped and confirmed. */
TEST_F(confirm, unroutable_is_confirmed)
{
	struct msg m = to(self->exchange, "no", 0);
	struct mqk_completion c;
	struct mqk_stat s;

	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(1, c.seq);
	EXPECT_EQ(0, c.queues);
	EXPECT_EQ(0, c.result);
	ASSERT_EQ(0, stat_get(self->s, &s));
	EXPECT_EQ(1, s.unrouted);
	EXPECT_EQ(0, s.returned);
}

/* The return comes first, then the confirm. */
TEST_F(confirm, mandatory_is_returned_then_confirmed)
{
	struct msg m = to(self->exchange, "no", MQK_MSG_F_MANDATORY);
	struct mqk_completion c;
	struct mqk_stat s;

	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_RETURN, c.type);
	EXPECT_EQ(1, c.seq);
	EXPECT_EQ(-ENOENT, c.result);
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(1, c.seq);
	ASSERT_EQ(0, stat_get(self->s, &s));
	EXPECT_EQ(1, s.returned);
}

TEST_F(confirm, mandatory_that_arrives_is_not_returned)
{
	struct msg m = to(self->exchange, "k", MQK_MSG_F_MANDATORY);
	struct mqk_completion c;

	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
}

/* Confirms of what came before a return in a batch do not overtake it, nor
 * does a MULTIPLE swallow the return's own.
 */
TEST_F(confirm, mixed_batch_keeps_its_order)
{
	static const char pattern[] = "kknkknnkkkkn";	/* k arrives, n not */
	__u64 confirmed = 0, returned = 0;
	struct mqk_completion c;
	struct msg m[12];
	int i;

	for (i = 0; i < 12; i++)
		m[i] = to(self->exchange, pattern[i] == 'k' ? "k" : "no",
			  MQK_MSG_F_MANDATORY);
	ASSERT_EQ(12, port_publish_batch(&self->port, m, 12));
	while (confirmed < 12) {
		ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
		ASSERT_LE(1, c.seq);
		ASSERT_GE(12, c.seq);
		if (c.type == MQK_COMPLETION_RETURN) {
			ASSERT_EQ('n', pattern[c.seq - 1]);
			ASSERT_LT(confirmed, c.seq);
			ASSERT_LT(returned, c.seq);
			returned = c.seq;
			continue;
		}
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, c.type);
		if (!(c.flags & MQK_COMPLETION_F_MULTIPLE)) {
			ASSERT_EQ(confirmed + 1, c.seq);
		}
		/* Every return up to it has been seen. */
		for (i = confirmed; i < (int)c.seq; i++)
			if (pattern[i] == 'n') {
				ASSERT_LE(i + 1, returned);
			}
		confirmed = c.seq;
	}
	EXPECT_EQ(12, returned);
}

TEST_F(confirm, unknown_exchange)
{
	struct msg bad = to(self->exchange + 1000, "k", 0);
	struct msg good = to(self->exchange, "k", 0);
	struct mqk_completion c;
	struct mqk_stat s;

	if (!self->port.inplace) {
		EXPECT_EQ(-ENOENT, port_publish(&self->port, &bad));
		EXPECT_EQ(MQK_RULE_NO_EXCHANGE, rule(self->s));
		EXPECT_EQ(0, port_completions(&self->port));
		return;
	}
	ASSERT_EQ(0, port_place(&self->port, &good));
	ASSERT_EQ(0, port_place(&self->port, &bad));
	ASSERT_EQ(0, port_place(&self->port, &good));
	ASSERT_EQ(3, port_doorbell(&self->port));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(1, c.seq);
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_ERROR, c.type);
	EXPECT_EQ(2, c.seq);
	EXPECT_EQ(-ENOENT, c.result);
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(3, c.seq);
	ASSERT_EQ(0, stat_get(self->s, &s));
	EXPECT_EQ(1, s.refused);
	EXPECT_EQ(2, s.routed);
	EXPECT_EQ(0, self->port.k->error);
}

TEST_F(confirm, internal_exchange)
{
	struct msg bad = to(self->internal, "k", 0);
	struct mqk_completion c;

	if (!self->port.inplace) {
		EXPECT_EQ(-EACCES, port_publish(&self->port, &bad));
		return;
	}
	ASSERT_EQ(0, port_publish(&self->port, &bad));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_ERROR, c.type);
	EXPECT_EQ(-EACCES, c.result);
	EXPECT_EQ(1, c.seq);
}

/* Taken up to the first that is refused; the rest tells why. */
TEST_F(confirm, batch_up_to_a_refused_one)
{
	struct msg m[4];
	int i;

	if (self->port.inplace)
		SKIP(return, "of copies only");
	for (i = 0; i < 4; i++)
		m[i] = to(self->exchange, "k", 0);
	m[2].exchange = self->internal;
	EXPECT_EQ(2, port_publish_batch(&self->port, m, 4));
	EXPECT_EQ(-EACCES, port_publish_batch(&self->port, m + 2, 2));
	EXPECT_EQ(1, port_publish_batch(&self->port, m + 3, 1));
	EXPECT_EQ(0, port_confirmed(&self->port, 3, NULL));
}

TEST_F(confirm, count_out_of_range)
{
	struct mqk_query q;
	struct msg *m;

	if (self->port.inplace)
		SKIP(return, "of copies only");
	ASSERT_EQ(0, query(self->s, &q));
	m = calloc(q.publish_max + 1, sizeof(*m));
	EXPECT_EQ(-EINVAL, port_publish_batch(&self->port, m, 0));
	EXPECT_EQ(-EINVAL, port_publish_batch(&self->port, m,
					      q.publish_max + 1));
	free(m);
}

/* Returns need an entry each: 16 entries, and nobody reads. */
TEST_F(confirm, full_ring_is_EAGAIN_and_nothing_is_lost)
{
	struct mqk_completion c;
	__u32 sent = 0, returned = 0;
	__u64 confirmed = 0;
	struct port p;
	int ret, i;

	ASSERT_EQ(0, port_make(&p, self->s, variant->flags | CONFIRM, 16));
	for (i = 0; i < 40; i++) {
		struct msg m = to(self->exchange, "no", MQK_MSG_F_MANDATORY);

		ret = port_publish(&p, &m);
		if (ret) {
			/* In place it lies there already: ring again later. */
			if (p.inplace)
				sent++;
			break;
		}
		sent++;
	}
	/* In place a doorbell that takes nothing more returns -EAGAIN. */
	ASSERT_EQ(-EAGAIN, ret);
	ASSERT_GT(17, sent);
	ASSERT_LT(4, sent);
	/* Again: still full, still nothing lost. */
	if (p.inplace) {
		ASSERT_EQ(-EAGAIN, port_doorbell(&p));
	}
	for (;;) {
		ret = port_completion(&p, &c, 0);
		if (ret == -EAGAIN && confirmed < sent && p.inplace) {
			ASSERT_LE(0, port_doorbell(&p));
			continue;
		}
		if (ret)
			break;
		if (c.type == MQK_COMPLETION_RETURN) {
			ASSERT_EQ(++returned, c.seq);
		} else {
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, c.type);
			ASSERT_LE(c.seq, returned);
			confirmed = c.seq;
		}
	}
	ASSERT_EQ(-EAGAIN, ret);
	EXPECT_EQ(sent, returned);
	EXPECT_EQ(sent, confirmed);
	EXPECT_EQ(0, port_number(&p, self->exchange, "k", 1));
}

/* A port that never reads: what it publishes to real queues is confirmed with
 * MULTIPLE or waits, but none of it is lost and none twice.
 */
TEST_F(confirm, reading_seldom_loses_nothing)
{
	struct mqk_queue_next info;
	__u64 confirmed = 0, sent = 0;
	struct mqk_completion c;
	struct port p;
	int ret, i;

	ASSERT_EQ(0, port_make(&p, self->s, variant->flags | CONFIRM, 16));
	for (i = 0; i < 1000; i++) {
		struct msg m = to(self->exchange, "k", 0);

		ret = p.inplace ? port_place(&p, &m) : 0;
		ASSERT_EQ(0, ret);
		for (;;) {
			ret = p.inplace ? port_doorbell(&p) :
					  port_publish(&p, &m);
			if (ret != -EAGAIN)
				break;
			while (!port_completion(&p, &c, 0)) {
				ASSERT_EQ(MQK_COMPLETION_CONFIRM, c.type);
				ASSERT_LT(confirmed, c.seq);
				confirmed = c.seq;
			}
		}
		ASSERT_LE(0, ret);
		sent++;
	}
	ASSERT_EQ(0, port_confirmed(&p, sent, NULL));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(sent, info.ready);
}

/* --- the wait for a completion ------------------------------------------- */

TEST_F(confirm, wait_on_a_port)
{
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_PORT,
		.id = self->port.c.id,
	};
	struct mqk_completion c;
	__u64 begin = now_ms();

	EXPECT_EQ(-EAGAIN, mq(self->s, MQK_IOC_WAIT, &w));
	w.timeout = SHORT_MS * 1000000ll;
	EXPECT_EQ(-ETIMEDOUT, mq(self->s, MQK_IOC_WAIT, &w));
	EXPECT_LE(SHORT_MS, now_ms() - begin);
	ASSERT_EQ(0, port_number(&self->port, self->exchange, "k", 1));
	w.timeout = -1;
	EXPECT_EQ(0, mq(self->s, MQK_IOC_WAIT, &w));
	EXPECT_EQ(0, port_completion(&self->port, &c, 0));
	w.timeout = 0;
	EXPECT_EQ(-EAGAIN, mq(self->s, MQK_IOC_WAIT, &w));
	w.id = self->port.c.id + 1;
	EXPECT_EQ(-ENOENT, mq(self->s, MQK_IOC_WAIT, &w));
}

/* --- limits of one message ------------------------------------------------ */

TEST_F(confirm, entries_of_the_ring)
{
	static const __u32 bad[] = { 1, 2, 8, 15, 17, 24, 100, 1u << 31, ~0u };
	struct mqk_port_create c = { .size = sizeof(c) };
	struct mqk_query q;
	unsigned int i;

	ASSERT_EQ(0, query(self->s, &q));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		c.entries = bad[i];
		c.flags = variant->flags;
		EXPECT_EQ(-EINVAL, mq(self->s, MQK_IOC_PORT_CREATE, &c)) {
			TH_LOG("%u entries", bad[i]);
		}
	}
	c.entries = q.ring_max * 2;
	EXPECT_EQ(-EINVAL, mq(self->s, MQK_IOC_PORT_CREATE, &c));
	c.entries = q.ring_max;
	EXPECT_EQ(0, mq(self->s, MQK_IOC_PORT_CREATE, &c));
	EXPECT_LE(q.ring_max * 32ull, c.page_size - c.ring_offset);
	c.entries = 0;
	ASSERT_EQ(0, mq(self->s, MQK_IOC_PORT_CREATE, &c));
	EXPECT_EQ(256, c.entries);
	EXPECT_LE(256 * 32, c.page_size - c.ring_offset);
	EXPECT_EQ(0, c.page_size % PAGE);
	EXPECT_EQ(0, c.user_size % PAGE);
	EXPECT_EQ(0, c.ring_offset % 64);
}

TEST_F_TIMEOUT(confirm, more_queues_than_one_may_reach_is_EMLINK, 60)
{
	struct mqk_completion c;
	struct mqk_query q;
	char name[16];
	__u32 id, i;
	__s64 e;

	ASSERT_EQ(0, query(self->s, &q));
	if (q.targets_max > 5000)
		SKIP(return, "targets_max is %u", q.targets_max);
	e = exchange_declare(self->s, "f", MQK_EXCHANGE_FANOUT, 0);
	for (i = 0; i < q.targets_max; i++) {
		sprintf(name, "t%u", i);
		ASSERT_LT(0, queue_declare(self->s, name, 0));
		ASSERT_EQ(0, binding_add(self->s, "f", name, ""));
	}
	EXPECT_EQ(q.targets_max, route(self->s, "f", "", 0, &id, 1));
	ASSERT_EQ(0, port_number(&self->port, e, "", 1));
	ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(q.targets_max, c.queues);
	ASSERT_EQ(0, binding_add(self->s, "f", "q", ""));
	EXPECT_EQ(-EMLINK, route(self->s, "f", "", 0, &id, 1));
	EXPECT_EQ(MQK_RULE_TARGETS, rule(self->s));
	if (self->port.inplace) {
		ASSERT_EQ(0, port_number(&self->port, e, "", 2));
		ASSERT_EQ(0, port_completion(&self->port, &c, LONG_MS));
		EXPECT_EQ(MQK_COMPLETION_ERROR, c.type);
		EXPECT_EQ(-EMLINK, c.result);
	} else {
		EXPECT_EQ(-EMLINK, port_number(&self->port, e, "", 2));
	}
}

TEST_HARNESS_MAIN
