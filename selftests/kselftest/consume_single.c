// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues that give messages to one consumer alone: x-single-active-consumer.
 *
 * mqk-test: parallel timeout=120
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define PULL		MQK_CONSUMER_F_PULL
#define ACTIVE		MQK_CONSUMER_STATE_ACTIVE
#define WAITS		MQK_CONSUMER_STATE_WAITS

FIXTURE(single)
{
	struct env env;
	int s, r;
	struct port port;
	__u32 exchange, number;
	__u32 q;
};

FIXTURE_VARIANT(single)
{
	__u32 flags;
	const char *handover;
};

FIXTURE_VARIANT_ADD(single, copy_drain) { .handover = "drain" };
FIXTURE_VARIANT_ADD(single, copy_force) { .handover = "force" };
FIXTURE_VARIANT_ADD(single, inplace_drain) {
	.flags = MQK_PORT_F_INPLACE, .handover = "drain",
};
FIXTURE_VARIANT_ADD(single, inplace_force) {
	.flags = MQK_PORT_F_INPLACE, .handover = "force",
};

/* Declare with arguments of any type: its id, or -errno. */
static __s64 declare(int fd, const char *name, const struct headers *h)
{
	struct mqk_queue_declare d = {
		.size = sizeof(d), .name = (uintptr_t)name, .name_len = strlen(name),
		.args = (uintptr_t)h->bytes, .args_len = h->len,
	};
	int ret = mq(fd, MQK_IOC_QUEUE_DECLARE, &d);

	return ret ? ret : (__s64)d.id;
}

FIXTURE_SETUP(single)
{
	struct headers h = {};
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	headers_add(&h, MQK_HEADER_BOOL, "x-single-active-consumer", "\1", 1);
	headers_text(&h, "x-mqk-handover", variant->handover);
	id = declare(self->s, "q", &h);
	ASSERT_LT(0, id);
	self->q = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags, 64));
	self->number = 0;
}

FIXTURE_TEARDOWN(single)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static bool forced(const FIXTURE_VARIANT(single) *variant)
{
	return *variant->handover == 'f';
}

static int make(int fd, struct consumer *c, __u32 flags, __u32 prefetch, __s64 priority)
{
	struct headers h = {};

	headers_number(&h, "x-priority", priority);
	return consumer_make_args(c, fd, "q", flags, prefetch, 16, &h);
}

static int send(FIXTURE_DATA(single) *self, __u32 n)
{
	__u32 first = self->number + 1;

	self->number += n;
	return port_numbers(&self->port, self->exchange, "q", first, self->number);
}

/* What a listing says of a consumer's state, MQK_CONSUMER_STATE_*. */
static __u32 state(FIXTURE_DATA(single) *self, const struct consumer *c)
{
	struct mqk_consumer_entry e = {};
	char data[MQK_NAME_MAX];
	struct mqk_list l = {
		.size = sizeof(l), .count = 1, .entries = (uintptr_t)&e,
		.data = (uintptr_t)data, .data_len = sizeof(data),
	};

	while (!mq(self->s, MQK_IOC_CONSUMER_LIST, &l)) {
		if (e.id == c->c.id)
			return e.state & (ACTIVE | WAITS);
		l.count = 1;
		l.data_len = sizeof(data);
	}
	return ~0u;
}

/* --- arguments ------------------------------------------------------------ */

TEST_F(single, arguments)
{
	struct headers h = {};

	headers_number(&h, "x-single-active-consumer", 1);
	EXPECT_EQ(-EINVAL, declare(self->s, "x", &h));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	memset(&h, 0, sizeof(h));
	headers_text(&h, "x-mqk-handover", "drains");
	EXPECT_EQ(-EINVAL, declare(self->s, "x", &h));
	/* they say what the queue is: they do not change */
	EXPECT_EQ(-EINVAL, queue_set(self->s, "q", 0, "x-mqk-handover=drain"));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "q", 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
	/* said to have none, it is as one that says nothing, but not declared the same */
	memset(&h, 0, sizeof(h));
	headers_add(&h, MQK_HEADER_BOOL, "x-single-active-consumer", "\0", 1);
	EXPECT_LT(0, declare(self->s, "x", &h));
	EXPECT_LT(0, declare(self->s, "x", &h));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "x", 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->s));
}

TEST_F(single, get_is_refused)
{
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_EQ(0, consumer_make(&c, self->r, NULL, PULL, 0, 16));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(-EBUSY, queue_get(self->r, c.c.id, self->q, 0, 0, &d, NULL));
	EXPECT_EQ(MQK_RULE_SINGLE_ACTIVE, rule(self->r));
	EXPECT_EQ(-EBUSY, queue_get(self->r, c.c.id, self->q, 0, -1, &d, NULL));
}

/* --- who ------------------------------------------------------------------ */

/* The first one gets all, also what is beyond its credit; the next takes over. */
TEST_F(single, one_alone)
{
	struct consumer c[3];
	__u64 tags[2];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, make(self->r, &c[i], 0, 2, 0));
	EXPECT_EQ(ACTIVE, state(self, &c[0]));
	EXPECT_EQ(WAITS, state(self, &c[1]));
	EXPECT_EQ(WAITS, state(self, &c[2]));
	ASSERT_EQ(0, send(self, 4));
	ASSERT_EQ(2, take_numbers(&c[0], 2, NULL, tags));
	for (i = 1; i < 3; i++)
		EXPECT_EQ(-EAGAIN, take_number(&c[i], NULL, 0));
	ASSERT_EQ(1, consumer_settle(&c[0], tags[0], MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(3, take_number(&c[0], NULL, LONG_MS));
	ASSERT_EQ(0, consumer_close(&c[0]));
	/* all that it held is back before anybody gets anything */
	EXPECT_EQ(ACTIVE, state(self, &c[1]));
	EXPECT_EQ(2, take_number(&c[1], NULL, LONG_MS));
	EXPECT_EQ(3, take_number(&c[1], NULL, LONG_MS));
	EXPECT_EQ(-EAGAIN, take_number(&c[2], NULL, 0));
	/* one that waits may go at any time */
	ASSERT_EQ(0, consumer_close(&c[2]));
	ASSERT_EQ(3, consumer_settle(&c[1], 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE) + 1);
	EXPECT_EQ(4, take_number(&c[1], NULL, LONG_MS));
}

/* What is asked of one that is to be relieved, and what it may leave undone. */
TEST_F(single, a_higher_one_takes_over)
{
	struct consumer low, high;
	struct mqk_delivery d[2];

	ASSERT_EQ(0, make(self->r, &low, 0, 4, 0));
	ASSERT_EQ(0, send(self, 2));
	ASSERT_EQ(1, take_number(&low, &d[0], LONG_MS));
	ASSERT_EQ(2, take_number(&low, &d[1], LONG_MS));
	ASSERT_EQ(0, make(self->r, &high, 0, 4, 1));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(-EAGAIN, take_number(&low, NULL, 0));
	if (forced(variant)) {
		EXPECT_EQ(WAITS, state(self, &low));
		EXPECT_EQ(ACTIVE, state(self, &high));
		EXPECT_EQ(3, take_number(&high, NULL, LONG_MS));
	} else {
		EXPECT_EQ(ACTIVE, state(self, &low));
		EXPECT_EQ(-EAGAIN, take_number(&high, NULL, 0));
	}
	/* each acknowledgement wants a kick, so the last one does */
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_KICK, low.k->flags);
	EXPECT_EQ((__u32)low.k->ack_head + 1, low.k->kick_at);
	ASSERT_EQ(1, consumer_settle(&low, d[0].tag, MQK_ACK_ACCEPT, 0));
	if (!forced(variant))
		EXPECT_EQ(-EAGAIN, take_number(&high, NULL, 0));
	ASSERT_EQ(1, consumer_settle(&low, d[1].tag, MQK_ACK_NACK, MQK_ACK_F_REQUEUE));
	EXPECT_EQ(2, take_number(&high, NULL, LONG_MS));
	if (!forced(variant))
		EXPECT_EQ(3, take_number(&high, NULL, LONG_MS));
	EXPECT_EQ(WAITS, state(self, &low));
	EXPECT_EQ(0, low.k->flags);
	/* and back again */
	ASSERT_EQ(0, consumer_close(&high));
	EXPECT_EQ(2, take_number(&low, NULL, LONG_MS));
	EXPECT_EQ(3, take_number(&low, NULL, LONG_MS));
}

/* What lies in its ring already, unseen, counts when another one comes. */
TEST_F(single, acknowledged_but_not_seen)
{
	struct consumer low, high;
	struct mqk_delivery d;

	ASSERT_EQ(0, make(self->r, &low, 0, 4, 0));
	ASSERT_EQ(0, send(self, 1));
	ASSERT_EQ(1, take_number(&low, &d, LONG_MS));
	consumer_ack(&low, d.tag, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(0, make(self->r, &high, 0, 4, 1));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(2, take_number(&high, NULL, LONG_MS));
}

/* The higher one goes before it has got anything: all is as it was. */
TEST_F(single, it_does_not_come_to_that)
{
	struct consumer low, high;
	struct mqk_delivery d;

	ASSERT_EQ(0, make(self->r, &low, 0, 4, 0));
	ASSERT_EQ(0, send(self, 1));
	ASSERT_EQ(1, take_number(&low, &d, LONG_MS));
	ASSERT_EQ(0, make(self->r, &high, 0, 4, 1));
	ASSERT_EQ(0, consumer_close(&high));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(2, take_number(&low, NULL, LONG_MS));
	EXPECT_EQ(ACTIVE, state(self, &low));
}

/* --- ends ----------------------------------------------------------------- */

/* A cancelled one keeps what it holds, and settles it. */
TEST_F(single, cancelled)
{
	struct consumer c[2];
	struct mqk_delivery d;

	ASSERT_EQ(0, make(self->r, &c[0], 0, 4, 0));
	ASSERT_EQ(0, make(self->r, &c[1], 0, 4, 0));
	ASSERT_EQ(0, send(self, 1));
	ASSERT_EQ(1, take_number(&c[0], &d, LONG_MS));
	ASSERT_EQ(0, consumer_cancel(&c[0]));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_CANCELLED | MQK_CONSUMER_PAGE_F_KICK,
		  c[0].k->flags);
	if (!forced(variant))
		EXPECT_EQ(-EAGAIN, take_number(&c[1], NULL, 0));
	ASSERT_EQ(1, consumer_settle(&c[0], d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_CANCELLED, c[0].k->flags);
	EXPECT_EQ(2, take_number(&c[1], NULL, LONG_MS));
}

/* One that had acknowledged all when it was cancelled keeps nobody waiting. */
TEST_F(single, cancelled_with_all_acknowledged)
{
	struct consumer c[2];
	struct mqk_delivery d;

	ASSERT_EQ(0, make(self->r, &c[0], 0, 4, 0));
	ASSERT_EQ(0, make(self->r, &c[1], 0, 4, 0));
	ASSERT_EQ(0, send(self, 1));
	ASSERT_EQ(1, take_number(&c[0], &d, LONG_MS));
	consumer_ack(&c[0], d.tag, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(0, consumer_cancel(&c[0]));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(2, take_number(&c[1], NULL, LONG_MS));
}

/* A bad tag breaks the active one: what it held comes first. */
TEST_F(single, broken)
{
	struct consumer c[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, make(self->r, &c[i], 0, 3, 0));
	ASSERT_EQ(0, send(self, 5));
	ASSERT_EQ(3, take_numbers(&c[0], 3, NULL, NULL));
	EXPECT_EQ(-EINVAL, consumer_settle(&c[0], 99, MQK_ACK_ACCEPT, 0));
	for (i = 1; i <= 3; i++)
		EXPECT_EQ(i, take_number(&c[1], NULL, LONG_MS));
	EXPECT_EQ(ACTIVE, state(self, &c[1]));
}

/* The process of the active one is killed, with messages in its hands. */
TEST_F(single, killed)
{
	__u32 *told = shared(sizeof(*told));
	struct consumer c;
	pid_t pid;
	int i;

	pid = spawn();
	if (!pid) {
		struct consumer mine;
		int fd = env_session(&self->env, O_RDWR);

		if (fd < 0 || make(fd, &mine, 0, 3, 9))
			_exit(1);
		word_set(told, 1);
		if (take_numbers(&mine, 3, NULL, NULL) != 3)
			_exit(2);
		word_set(told, 2);
		pause();
		_exit(3);
	}
	ASSERT_EQ(0, word_wait(told, 1, LONG_MS));
	ASSERT_EQ(0, make(self->r, &c, 0, 8, 0));
	ASSERT_EQ(0, send(self, 5));
	ASSERT_EQ(0, word_wait(told, 2, LONG_MS));
	EXPECT_EQ(-EAGAIN, take_number(&c, NULL, 0));
	ASSERT_EQ(128 + SIGKILL, kill_hard(pid));
	for (i = 1; i <= 5; i++)
		EXPECT_EQ(i, take_number(&c, NULL, LONG_MS));
}

/* One session has the active one and one that waits: none of both gets it back. */
TEST_F(single, a_session_with_two_closes)
{
	struct consumer a, b, other;
	int fd = env_session(&self->env, O_RDWR), i;
	struct mqk_delivery d;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, make(fd, &a, 0, 2, 1));
	ASSERT_EQ(0, make(fd, &b, 0, 2, 1));
	ASSERT_EQ(0, make(self->r, &other, 0, 8, 0));
	ASSERT_EQ(0, send(self, 4));
	ASSERT_EQ(2, take_numbers(&a, 2, NULL, NULL));
	session_close(fd);
	for (i = 1; i <= 4; i++) {
		EXPECT_EQ(i, take_number(&other, &d, LONG_MS));
		EXPECT_EQ(i <= 2, d.count);
	}
}

TEST_F(single, the_queue_is_deleted)
{
	struct consumer c[2];
	struct mqk_delivery d;
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, make(self->r, &c[i], 0, 4, 0));
	ASSERT_EQ(0, send(self, 2));
	ASSERT_EQ(1, take_number(&c[0], &d, LONG_MS));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	EXPECT_EQ(-ENOENT, c[1].k->error);
	EXPECT_EQ(-ENOENT, consumer_wait(&c[1], -1));
	EXPECT_EQ(0, consumer_count(&c[1]));
	EXPECT_EQ(1, consumer_settle(&c[0], d.tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, consumer_close(&c[0]));
	ASSERT_EQ(0, consumer_close(&c[1]));
}

/* One that acknowledges nothing has nothing to settle. */
TEST_F(single, without_acknowledgements)
{
	struct consumer low, high;

	ASSERT_EQ(0, make(self->r, &low, MQK_CONSUMER_F_NOACK, 0, 0));
	ASSERT_EQ(0, send(self, 2));
	ASSERT_EQ(2, take_numbers(&low, 2, NULL, NULL));
	ASSERT_EQ(0, make(self->r, &high, MQK_CONSUMER_F_NOACK, 0, 1));
	ASSERT_EQ(0, send(self, 1));
	EXPECT_EQ(3, take_number(&high, NULL, LONG_MS));
	EXPECT_EQ(-EAGAIN, take_number(&low, NULL, 0));
}

#define RANDOM	12

/*
 * Consumers of random priorities come and go: only the one that is the first of the
 * highest priority is given anything, and each number once, but for what returned.
 */
TEST_F_TIMEOUT(single, random, 60)
{
	static struct consumer c[RANDOM];
	static bool open[RANDOM];
	static __s64 priority[RANDOM];
	static unsigned int age[RANDOM];
	__u64 state = 17;
	unsigned int i, step;

	memset(open, 0, sizeof(open));
	for (step = 0; step < 1500; step++) {
		unsigned int who = random_next(&state) % RANDOM, best = RANDOM;
		struct mqk_delivery d;

		if (!open[who]) {
			priority[who] = (__s64)(random_next(&state) % 3);
			age[who] = step;
			ASSERT_EQ(0, make(self->r, &c[who], 0, 4, priority[who]));
			open[who] = true;
		} else if (random_next(&state) % 3 == 0) {
			ASSERT_EQ(0, consumer_close(&c[who]));
			consumer_unmap(&c[who]);
			open[who] = false;
		}
		for (i = 0; i < RANDOM; i++)
			if (open[i] && (best == RANDOM || priority[i] > priority[best] ||
					(priority[i] == priority[best] && age[i] < age[best])))
				best = i;
		if (best == RANDOM)
			continue;
		ASSERT_EQ(0, send(self, 1));
		for (i = 0; i < RANDOM; i++) {
			if (!open[i])
				continue;
			ASSERT_EQ(i == best ? 0 : -EAGAIN, consumer_poll(&c[i], &d)) {
				TH_LOG("step %u, consumer %u, best %u", step, i, best);
			}
			if (i == best)
				ASSERT_EQ(1, consumer_settle(&c[i], d.tag, MQK_ACK_ACCEPT, 0));
		}
	}
}

TEST_HARNESS_MAIN
