// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that a queue has taken before: by their ids, within a window.
 *
 * mqk-test: parallel timeout=240
 */
#include <stdlib.h>
#include "rings_pair.h"
#include "harness.h"

#define ID		MQK_MSG_F_ID
#define CONFIRMED	MQK_COMPLETION_CONFIRM
#define REFUSED		MQK_COMPLETION_NACK
/* Longer than any test takes. */
#define WINDOW		"x-mqk-dedup-window=100000000"

FIXTURE(dedup)
{
	struct pair pair;
	__u32 number;			/* of the message sent last */
};

FIXTURE_VARIANT(dedup)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(dedup, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(dedup, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(dedup)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | MQK_PORT_F_CONFIRM));
	self->number = 0;
}

FIXTURE_TEARDOWN(dedup)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* A message with an id; NULL: it has none. */
struct sent {
	struct headers h;
	struct msg m;
	__u32 number;
};

static struct msg *prepare(FIXTURE_DATA(dedup) *self, struct sent *s, const char *key,
			   __u32 flags, const char *id)
{
	memset(s, 0, sizeof(*s));
	s->number = ++self->number;
	if (id)
		headers_text(&s->h, "message-id", id);
	s->m = (struct msg){
		.exchange = self->pair.exchange, .flags = flags, .key = key,
		.key_len = strlen(key), .headers = s->h.bytes, .headers_len = s->h.len,
		.payload = &s->number, .payload_len = sizeof(s->number),
	};
	return &s->m;
}

/* Publish the next number with an id that counts: the type of what completes it. */
static int sends(FIXTURE_DATA(dedup) *self, const char *key, const char *id)
{
	struct sent s;

	return pair_publish(&self->pair, prepare(self, &s, key, ID, id));
}

/* The same with a delay. */
static int sends_late(FIXTURE_DATA(dedup) *self, const char *id, __u32 delay)
{
	struct sent s;
	struct msg *m = prepare(self, &s, "q", ID | MQK_MSG_F_DELAY, id);

	m->delay = delay;
	return pair_publish(&self->pair, m);
}

static int sends_to(FIXTURE_DATA(dedup) *self, __u32 exchange, const char *key,
		    __u32 flags, const char *id)
{
	struct sent s;
	struct msg *m = prepare(self, &s, key, ID | flags, id);

	m->exchange = exchange;
	return pair_publish(&self->pair, m);
}

static __s64 takes(FIXTURE_DATA(dedup) *self, __u32 queue)
{
	return pair_take(&self->pair, queue);
}

static __u64 repeated(FIXTURE_DATA(dedup) *self, __u32 queue)
{
	struct mqk_queue_next info;

	return queue_info(self->pair.s, queue, &info) ? ~0ull : info.repeated;
}

static __u64 index_bytes(FIXTURE_DATA(dedup) *self, __u32 queue)
{
	struct mqk_queue_next info;

	return queue_info(self->pair.s, queue, &info) ? ~0ull : info.index_bytes;
}

/* Confirmed, and not there; whatever became of the first. */
TEST_F(dedup, once)
{
	__s64 q = queue_declare_args(self->pair.s, "q", WINDOW);
	struct mqk_stat before, after;
	struct mqk_delivery d;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, stat_get(self->pair.s, &before));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	EXPECT_EQ(1, takes(self, q));
	/* acknowledged */
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(3, pair_get(&self->pair, q, 0, &d));
	/* unacknowledged, returned */
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	ASSERT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_REJECT, MQK_ACK_F_REQUEUE));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	EXPECT_EQ(1, queue_purge(self->pair.s, "q"));
	/* purged */
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	EXPECT_EQ(-EAGAIN, takes(self, q));
	EXPECT_EQ(5, repeated(self, q));
	ASSERT_EQ(0, stat_get(self->pair.s, &after));
	EXPECT_EQ(2, after.routed - before.routed);
	EXPECT_EQ(0, after.unrouted - before.unrouted);
	EXPECT_EQ(0, after.refused - before.refused);
}

/* Ids are bytes of a length; without one, or without the flag, all are different. */
TEST_F(dedup, what_is_the_same)
{
	__s64 q = queue_declare_args(self->pair.s, "q", WINDOW);
	static char longest[MQK_ID_MAX + 1];
	struct sent s;
	__u32 i;

	memset(longest, 'i', MQK_ID_MAX);
	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "A"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "aa"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", longest));
	longest[MQK_ID_MAX - 1] = 'j';
	ASSERT_EQ(CONFIRMED, sends(self, "q", longest));
	ASSERT_EQ(5, queue_purge(self->pair.s, "q"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(CONFIRMED, pair_publish(&self->pair,
						  prepare(self, &s, "q", 0, NULL)));
		ASSERT_EQ(CONFIRMED, pair_publish(&self->pair,
						  prepare(self, &s, "q", 0, "a")));
	}
	EXPECT_EQ(4, queue_purge(self->pair.s, "q"));
	EXPECT_EQ(0, repeated(self, q));
	/* the key and what else differs does not matter */
	ASSERT_LT(0, exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0));
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q", ""));
	ASSERT_EQ(CONFIRMED, sends_to(self, exchange_declare(self->pair.s, "f", 0,
							     MQK_DECLARE_F_PASSIVE),
				      "other", 0, longest));
	EXPECT_EQ(1, repeated(self, q));
}

/* Only within the window; one of 0 is none, and so is no argument. */
TEST_F(dedup, window)
{
	static const char * const none[] = { NULL, "x-mqk-dedup-window=0" };
	__s64 q = queue_declare_args(self->pair.s, "q", "x-mqk-dedup-window=300");
	__u64 taken;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
		taken = now_ms();
		EXPECT_EQ(i, takes(self, q));
		while (now_ms() <= taken + 301)
			sleep_ms(1);
	}
	EXPECT_EQ(0, repeated(self, q));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	for (i = 0; i < 2; i++) {
		q = none[i] ? queue_declare_args(self->pair.s, "q", none[i]) :
			      queue_declare(self->pair.s, "q", 0);
		ASSERT_LT(0, q);
		ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
		ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
		EXPECT_EQ(2, queue_purge(self->pair.s, "q"));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

/* Who waits is given the first one alone. */
TEST_F(dedup, pushed)
{
	__s64 q = queue_declare_args(self->pair.s, "q", WINDOW);
	struct consumer c;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 8, 16));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	EXPECT_EQ(1, take_number(&c, NULL, LONG_MS));
	EXPECT_EQ(3, take_number(&c, NULL, LONG_MS));
	ASSERT_EQ(0, consumer_close(&c));
	EXPECT_EQ(2, queue_purge(self->pair.s, "q"));
}

/* Each queue for itself; a mandatory one leads somewhere, also if all have seen it. */
TEST_F(dedup, several_queues)
{
	__s64 x = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0), q[3];
	struct mqk_stat before, after;
	__u32 i;

	ASSERT_LT(0, x);
	q[0] = queue_declare_args(self->pair.s, "q0", WINDOW);
	q[1] = queue_declare(self->pair.s, "q1", 0);
	q[2] = queue_declare_args(self->pair.s, "q2", WINDOW " x-max-priority=3");
	for (i = 0; i < 3; i++) {
		char name[] = { 'q', '0' + i, 0 };

		ASSERT_LT(0, q[i]);
		ASSERT_EQ(0, binding_add(self->pair.s, "f", name, ""));
	}
	ASSERT_EQ(CONFIRMED, sends(self, "q0", "a"));
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "", MQK_MSG_F_MANDATORY, "a"));
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "", 0, "a"));
	EXPECT_EQ(1, takes(self, q[0]));
	EXPECT_EQ(-EAGAIN, takes(self, q[0]));
	EXPECT_EQ(2, takes(self, q[1]));
	EXPECT_EQ(3, takes(self, q[1]));
	EXPECT_EQ(2, takes(self, q[2]));
	EXPECT_EQ(-EAGAIN, takes(self, q[2]));
	EXPECT_EQ(2, repeated(self, q[0]));
	EXPECT_EQ(0, repeated(self, q[1]));
	EXPECT_EQ(1, repeated(self, q[2]));
	ASSERT_EQ(0, binding_del(self->pair.s, "f", "q1", ""));
	ASSERT_EQ(0, stat_get(self->pair.s, &before));
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "", MQK_MSG_F_MANDATORY, "a"));
	ASSERT_EQ(CONFIRMED, sends_to(self, self->pair.exchange, "q0",
				      MQK_MSG_F_MANDATORY, "a"));
	ASSERT_EQ(0, stat_get(self->pair.s, &after));
	EXPECT_EQ(0, after.returned - before.returned);
	EXPECT_EQ(0, after.unrouted - before.unrouted);
	EXPECT_EQ(4, repeated(self, q[0]));
	EXPECT_EQ(2, repeated(self, q[2]));
}

/* A full queue has not taken what it refuses; and is not asked for a repeat. */
TEST_F(dedup, refused)
{
	static const char * const overflow[] = {
		"reject-publish", "reject-publish-dlx",
	};
	__u32 i;

	for (i = 0; i < 2; i++) {
		char args[160];
		__s64 q;

		snprintf(args, sizeof(args), WINDOW " x-max-length=1 x-overflow=%s",
			 overflow[i]);
		q = queue_declare_args(self->pair.s, "q", args);
		ASSERT_LT(0, q);
		ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
		ASSERT_EQ(REFUSED, sends(self, "q", "b"));
		ASSERT_EQ(REFUSED, sends(self, "q", "b"));
		ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
		EXPECT_EQ(self->number - 3, takes(self, q));
		ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
		EXPECT_EQ(self->number, takes(self, q));
		EXPECT_EQ(1, repeated(self, q));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

/* Of several queues one is full: the others have taken it. */
TEST_F(dedup, refused_by_one)
{
	__s64 x = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0), a, b;

	ASSERT_LT(0, x);
	a = queue_declare_args(self->pair.s, "a", WINDOW);
	b = queue_declare_args(self->pair.s, "b",
			       WINDOW " x-max-length=1 x-overflow=reject-publish");
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "a", ""));
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "b", ""));
	ASSERT_EQ(CONFIRMED, sends(self, "b", "first"));
	ASSERT_EQ(REFUSED, sends_to(self, x, "", 0, "a"));
	ASSERT_EQ(1, takes(self, b));
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "", 0, "a"));
	EXPECT_EQ(2, takes(self, a));
	EXPECT_EQ(-EAGAIN, takes(self, a));
	EXPECT_EQ(3, takes(self, b));
	EXPECT_EQ(1, repeated(self, a));
	EXPECT_EQ(0, repeated(self, b));
}

static int wait_for_room(struct port *p)
{
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_ROOM, .id = p->c.id,
		.timeout = (__s64)LONG_MS * 1000000,
	};

	return mq(p->fd, MQK_IOC_WAIT, &w);
}

/* A repeat does not wait for room; what waits becomes one, and does no more. */
TEST_F(dedup, blocked)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     WINDOW " x-max-length=1 x-overflow=block");
	struct sent s[2];
	struct port other;
	struct mqk_completion c;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&other, self->pair.s,
			       variant->flags | MQK_PORT_F_CONFIRM, 64));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	/* both wait */
	ASSERT_EQ(-EAGAIN, port_publish(&self->pair.port, prepare(self, &s[0], "q", ID, "b")));
	ASSERT_EQ(MQK_RULE_HELD, rule(self->pair.s));
	ASSERT_EQ(-EAGAIN, port_publish(&other, prepare(self, &s[1], "q", ID, "b")));
	ASSERT_EQ(1, takes(self, q));
	/* one comes in, and the other one need not any more */
	for (i = 0; i < 2; i++) {
		struct port *p = i ? &other : &self->pair.port;
		int err;

		do {
			ASSERT_EQ(0, wait_for_room(p));
			err = variant->flags ? port_doorbell(p) : port_publish(p, &s[i].m);
		} while (err == -EAGAIN);
		ASSERT_LE(0, err);
		ASSERT_EQ(0, port_completion(p, &c, LONG_MS));
		EXPECT_EQ(CONFIRMED, c.type);
	}
	EXPECT_EQ(3, takes(self, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
	EXPECT_EQ(2, repeated(self, q));
}

/* Scheduled messages count from when they are published. */
TEST_F(dedup, scheduled)
{
	__s64 q = queue_declare_args(self->pair.s, "q", WINDOW);

	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, sends_late(self, "a", 300));
	ASSERT_EQ(CONFIRMED, sends_late(self, "a", 1));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	EXPECT_EQ(1, pair_await(&self->pair, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
	EXPECT_EQ(2, repeated(self, q));
}

/* What dies and comes to a queue that has seen it is gone; else it is seen there. */
TEST_F(dedup, dead_letters)
{
	__s64 d = queue_declare_args(self->pair.s, "d", WINDOW), q;
	struct mqk_stat s;
	__u64 begin;

	ASSERT_LT(0, d);
	q = queue_declare_args(self->pair.s, "q",
			       "x-dead-letter-exchange= x-dead-letter-routing-key=d");
	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, sends(self, "d", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	ASSERT_EQ(2, pair_do(&self->pair, q, MQK_ACK_REJECT, 0));
	ASSERT_EQ(3, pair_do(&self->pair, q, MQK_ACK_REJECT, 0));
	begin = now_ms();
	do {
		ASSERT_EQ(0, stat_get(self->pair.s, &s));
	} while (s.dead_letters + s.dead_lost < 2 && now_ms() < begin + LONG_MS);
	EXPECT_EQ(1, s.dead_letters);
	EXPECT_EQ(1, s.dead_lost);
	EXPECT_EQ(1, takes(self, d));
	EXPECT_EQ(3, takes(self, d));
	ASSERT_EQ(CONFIRMED, sends(self, "d", "b"));
	EXPECT_EQ(-EAGAIN, takes(self, d));
	EXPECT_EQ(2, repeated(self, d));
}

/* What is moved back is no repeat of itself. */
TEST_F(dedup, redriven)
{
	struct mqk_queue_redrive r = {
		.size = sizeof(r), .name = (uintptr_t)"d", .name_len = 1, .count = 10,
	};
	__s64 d = queue_declare(self->pair.s, "d", 0), q;

	ASSERT_LT(0, d);
	q = queue_declare_args(self->pair.s, "q", WINDOW
			       " x-dead-letter-exchange= x-dead-letter-routing-key=d");
	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(1, pair_do(&self->pair, q, MQK_ACK_REJECT, 0));
	ASSERT_EQ(1, pair_ready(&self->pair, d, 1));
	ASSERT_EQ(0, mq(self->pair.s, MQK_IOC_QUEUE_REDRIVE, &r));
	EXPECT_EQ(1, r.count);
	EXPECT_EQ(0, repeated(self, q));
	EXPECT_EQ(1, takes(self, q));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	EXPECT_EQ(-EAGAIN, takes(self, q));
}

/* What an exchange remembers, and gives to a binding, is a message like any other. */
TEST_F(dedup, last_value)
{
	__s64 x = exchange_declare(self->pair.s, "v", MQK_EXCHANGE_LAST_VALUE, 0), q;

	ASSERT_LT(0, x);
	q = queue_declare_args(self->pair.s, "q", WINDOW);
	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "k", 0, "a"));
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "l", 0, "b"));
	ASSERT_EQ(0, binding_add(self->pair.s, "v", "q", "#"));
	EXPECT_EQ(1, takes(self, q));
	EXPECT_EQ(3, takes(self, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
	/* by the binding: seen, and remembered by the exchange all the same */
	ASSERT_EQ(CONFIRMED, sends_to(self, x, "m", 0, "b"));
	EXPECT_EQ(2, repeated(self, q));
	q = queue_declare(self->pair.s, "r", 0);
	ASSERT_LT(0, q);
	ASSERT_EQ(0, binding_add(self->pair.s, "v", "r", "m"));
	EXPECT_EQ(4, takes(self, q));
}

/* A producer's number is taken by a repeat, too. */
TEST_F(dedup, producer)
{
	__s64 q = queue_declare_args(self->pair.s, "q", WINDOW), one;
	struct mqk_completion c;
	struct port p;
	struct sent s;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags | MQK_PORT_F_CONFIRM, 64,
				   "me", 0));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, port_publish(&p, prepare(self, &s, "q", ID, "a")));
		ASSERT_EQ(0, port_completion(&p, &c, LONG_MS));
		EXPECT_EQ(CONFIRMED, c.type);
	}
	ASSERT_EQ(0, port_close(&p));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, 0, 64, "me", 0));
	EXPECT_EQ(3, p.c.last);
	one = takes(self, q);
	EXPECT_EQ(1, one);
	EXPECT_EQ(-EAGAIN, takes(self, q));
	EXPECT_EQ(2, repeated(self, q));
	ASSERT_EQ(0, port_forget(&p));
}

/* Given to a queue, changed, and taken away while it lives. */
TEST_F(dedup, changed)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct headers none = {};
	__u64 bytes;

	headers_add(&none, MQK_HEADER_VOID, "x-mqk-dedup-window", NULL, 0);
	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	bytes = index_bytes(self, q);
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, WINDOW));
	/* what came before was not seen */
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	EXPECT_EQ(2, pair_ready(&self->pair, q, 2));
	EXPECT_LT(bytes, index_bytes(self, q));
	/* a shorter window is for what comes from now on */
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, "x-mqk-dedup-window=1"));
	sleep_ms(2);
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	EXPECT_EQ(2, pair_ready(&self->pair, q, 2));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	sleep_ms(2);
	ASSERT_EQ(CONFIRMED, sends(self, "q", "b"));
	EXPECT_EQ(4, pair_ready(&self->pair, q, 4));
	EXPECT_EQ(2, repeated(self, q));
	/* taken away, in either way: forgotten */
	ASSERT_EQ(0, queue_set_headers(self->pair.s, "q", &none));
	EXPECT_EQ(bytes, index_bytes(self, q));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, WINDOW));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	EXPECT_EQ(6, pair_ready(&self->pair, q, 6));
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, "x-mqk-dedup-window=0"));
	ASSERT_EQ(CONFIRMED, sends(self, "q", "a"));
	EXPECT_EQ(7, pair_ready(&self->pair, q, 7));
	EXPECT_EQ(bytes, index_bytes(self, q));
	EXPECT_EQ(3, repeated(self, q));
}

static const char * const bad[] = {
	"x-mqk-dedup-window=4294967296", "x-mqk-dedup-window=1s",
};

TEST_F(dedup, bad_arguments)
{
	struct headers h = {};
	__u32 i;

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "r", bad[i]));
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
		EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "q", 0, bad[i]));
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
	}
	headers_number(&h, "x-mqk-dedup-window", -1);
	EXPECT_EQ(-EINVAL, queue_set_headers(self->pair.s, "q", &h));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", WINDOW));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	/* 0 is given, and none is not */
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", "x-mqk-dedup-window=0"));
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, WINDOW));
	EXPECT_LT(0, queue_declare_args(self->pair.s, "q", WINDOW));
}

#define MANY	1500

/* Several pages of them, in any order: each once. */
TEST_F_TIMEOUT(dedup, many, 120)
{
	__s64 q = queue_declare_args(self->pair.s, "q", WINDOW);
	static bool sent[MANY];
	__u64 state = 7;
	__u32 i, nr = 0;
	char id[16];

	ASSERT_LT(0, q);
	memset(sent, 0, sizeof(sent));
	for (i = 0; i < 2 * MANY; i++) {
		__u32 n = random_next(&state) % MANY;

		sprintf(id, "%u", n);
		ASSERT_EQ(CONFIRMED, sends(self, "q", id));
		nr += !sent[n];
		if (!sent[n])
			ASSERT_EQ(self->number, takes(self, q));
		sent[n] = true;
	}
	EXPECT_EQ(-EAGAIN, takes(self, q));
	EXPECT_EQ(2 * MANY - nr, repeated(self, q));
	EXPECT_LE(nr * 32, index_bytes(self, q));
}

TEST_HARNESS_MAIN
