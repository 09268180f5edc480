// SPDX-License-Identifier: GPL-2.0-only
/*
 * Producers: what is sent again is not taken again, and who takes over a name ends
 * the one before.
 *
 * mqk-test: parallel timeout=180
 */
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define NAMES_MAX	4096
#define OTHER		4321

FIXTURE(producer)
{
	struct pair pair;
	__u32 exchange, queue;
};

FIXTURE_VARIANT(producer)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(producer, copy) { .flags = CONFIRM };
FIXTURE_VARIANT_ADD(producer, inplace) { .flags = CONFIRM | MQK_PORT_F_INPLACE };

FIXTURE_SETUP(producer)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE, .mode = 0666,
	};
	__s64 id;

	ASSERT_EQ(0, pair_open(&self->pair, &want));
	id = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->pair.s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q", ""));
	ASSERT_EQ(0, port_make_for(&self->pair.port, self->pair.s, variant->flags, 64, "p", 0));
	ASSERT_EQ(0, self->pair.port.c.last);
}

/* Names are charged as long as they are known. */
static int forget(int s, const char *name)
{
	struct port p;
	int ret = port_make_for(&p, s, 0, 16, name, 0);

	return ret ? ret : port_forget(&p);
}

FIXTURE_TEARDOWN(producer)
{
	EXPECT_EQ(0, forget(self->pair.s, "p"));
	EXPECT_EQ(0, pair_end(&self->pair));
}

static struct msg numbered(__u32 exchange, __u64 number, const __u32 *payload)
{
	return (struct msg) {
		.exchange = exchange, .key = "", .number = number,
		.payload = payload, .payload_len = sizeof(*payload),
	};
}

/*
 * Publish @payload under a number, or the next one (0): the type of the completion, or
 * -errno, which one in place is told by a completion.
 */
static int sends(struct port *p, __u32 exchange, __u64 number, __u32 payload,
		 struct mqk_completion *c)
{
	struct msg m = numbered(exchange, number, &payload);
	struct mqk_completion any;
	int ret = port_publish(p, &m);

	if (!c)
		c = &any;
	if (!ret)
		ret = port_completion(p, c, LONG_MS);
	if (ret)
		return ret;
	return c->type == MQK_COMPLETION_ERROR ? c->result : (int)c->type;
}

/* --- numbers -------------------------------------------------------------- */

TEST_F(producer, the_last_number_is_told)
{
	struct port p;
	__u32 i;

	for (i = 1; i <= 3; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  sends(&self->pair.port, self->exchange, 0, i, NULL));
	ASSERT_EQ(0, port_close(&self->pair.port));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "p", 0));
	EXPECT_EQ(3, p.c.last);
	/* it goes on where the other one was */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(&p, self->exchange, 0, 4, NULL));
	ASSERT_EQ(0, port_close(&p));
	ASSERT_EQ(0, port_make_for(&p, self->pair.r, variant->flags, 16, "p", 0));
	EXPECT_EQ(4, p.c.last);
	for (i = 1; i <= 4; i++)
		EXPECT_EQ(i, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
}

TEST_F(producer, what_is_sent_again_is_confirmed_and_dropped)
{
	struct mqk_completion c;
	struct mqk_stat s;
	__u32 i;

	for (i = 1; i <= 3; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  sends(&self->pair.port, self->exchange, i, i, NULL));
	for (i = 3; i >= 1; i--) {
		ASSERT_EQ(MQK_COMPLETION_CONFIRM,
			  sends(&self->pair.port, self->exchange, i, 100 + i, &c));
		EXPECT_EQ(0, c.queues);
		EXPECT_EQ(7 - i, c.seq);
	}
	/* after 1 comes 2, which was taken, too */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 0, 102, NULL));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 4, 4, &c));
	EXPECT_EQ(1, c.queues);
	for (i = 1; i <= 4; i++)
		EXPECT_EQ(i, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
	ASSERT_EQ(0, stat_get(self->pair.s, &s));
	EXPECT_EQ(4, s.routed);
	EXPECT_EQ(0, s.unrouted);
}

TEST_F(producer, a_gap_is_ERANGE)
{
	struct mqk_error e = { .size = sizeof(e) };

	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 1, 1, NULL));
	EXPECT_EQ(-ERANGE, sends(&self->pair.port, self->exchange, 3, 3, NULL));
	if (!self->pair.port.inplace) {
		ASSERT_EQ(0, error_get(self->pair.s, &e));
		EXPECT_EQ(MQK_RULE_GAP, e.rule);
		EXPECT_EQ(2, e.limit);
		EXPECT_EQ(3, e.used);
		/* what was refused has no number: the next one is the next */
		EXPECT_EQ(MQK_COMPLETION_CONFIRM,
			  sends(&self->pair.port, self->exchange, 0, 2, NULL));
	} else {
		/* it had 3, and so 4 is next */
		EXPECT_EQ(-ERANGE, sends(&self->pair.port, self->exchange, 0, 4, NULL));
		EXPECT_EQ(MQK_COMPLETION_CONFIRM,
			  sends(&self->pair.port, self->exchange, 2, 2, NULL));
	}
	EXPECT_EQ(-ERANGE, sends(&self->pair.port, self->exchange, ~0ull, 9, NULL));
	EXPECT_EQ(1, pair_take(&self->pair, self->queue));
	EXPECT_EQ(2, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
	EXPECT_EQ(0, self->pair.port.k->error);
}

/* In the midst of a batch: copies up to it, in place each is told. */
TEST_F(producer, a_gap_in_a_batch)
{
	static const __u64 number[] = { 1, 2, 4, 5, 3 };
	static const __u32 payload[] = { 1, 2, 4, 5, 3 };
	static const int types[] = {
		MQK_COMPLETION_CONFIRM, MQK_COMPLETION_ERROR,
		MQK_COMPLETION_ERROR, MQK_COMPLETION_CONFIRM,
	};
	struct mqk_completion c;
	struct msg m[5];
	int i;

	for (i = 0; i < 5; i++)
		m[i] = numbered(self->exchange, number[i], &payload[i]);
	if (!self->pair.port.inplace) {
		ASSERT_EQ(2, port_publish_batch(&self->pair.port, m, 5));
		EXPECT_EQ(-ERANGE, port_publish_batch(&self->pair.port, m + 2, 3));
		EXPECT_EQ(-ERANGE, port_publish_batch(&self->pair.port, m + 3, 2));
		EXPECT_EQ(1, port_publish_batch(&self->pair.port, m + 4, 1));
	} else {
		ASSERT_EQ(5, port_publish_batch(&self->pair.port, m, 5));
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
			EXPECT_EQ(types[i], c.type);
			EXPECT_EQ(i + 2, c.seq);
		}
	}
	for (i = 1; i <= 3; i++)
		EXPECT_EQ(i, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
}

/* A message that leads nowhere has a number, and is returned once. */
TEST_F(producer, nowhere_is_taken_as_well)
{
	struct mqk_completion c;
	struct msg m = {
		.exchange = self->exchange, .key = "", .number = 1,
		.flags = MQK_MSG_F_MANDATORY,
	};
	struct port p;

	ASSERT_EQ(0, binding_del(self->pair.s, "f", "q", ""));
	ASSERT_EQ(0, port_publish(&self->pair.port, &m));
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_RETURN, c.type);
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	ASSERT_EQ(0, port_publish(&self->pair.port, &m));
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(2, c.seq);
	ASSERT_EQ(0, port_make_for(&p, self->pair.r, 0, 16, "p", 0));
	EXPECT_EQ(1, p.c.last);
}

/* What is not a message is none, whatever its number: the same checks. */
TEST_F(producer, a_repeat_is_checked)
{
	__u32 payload = 1;
	struct msg m = numbered(self->exchange, 1, &payload);

	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 1, 1, NULL));
	EXPECT_EQ(-ENOENT, sends(&self->pair.port, self->exchange + 999, 1, 1, NULL));
	if (self->pair.port.inplace)
		return;
	m.headers = "not a header....";
	m.headers_len = 16;
	EXPECT_EQ(-EINVAL, port_publish(&self->pair.port, &m));
	m.headers_len = 0;
	m.payload = (void *)8;
	EXPECT_EQ(-EFAULT, port_publish(&self->pair.port, &m));
}

TEST_F(producer, numbers_of_a_port_without_a_producer)
{
	struct port p;
	__u32 payload = 1;
	struct msg m = numbered(self->exchange, 1, &payload);

	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	EXPECT_EQ(0, p.c.last);
	EXPECT_EQ(p.inplace ? -EPROTO : -EINVAL, port_publish(&p, &m));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EINVAL, port_forget(&p));
}

static int place_odd(struct port *p, void (*change)(struct mqk_record *r))
{
	struct mqk_record *r = port_reserve(p, 8, 0, 0);
	__u64 number = 1;

	memset((__u8 *)r + 4, 0, sizeof(*r) - 4);
	r->type = MQK_RECORD_NUMBER;
	r->key_len = 8;
	memcpy(r->key, &number, 8);
	change(r);
	port_commit(p, r);
	return port_doorbell(p);
}

static void nothing(struct mqk_record *r) { }
static void zero(struct mqk_record *r) { memset(r->key, 0, 8); }
static void short_key(struct mqk_record *r) { r->key_len = 7; }
static void long_key(struct mqk_record *r) { r->key_len = 9; }
static void payload(struct mqk_record *r) { r->payload_len = 1; }
static void headers(struct mqk_record *r) { r->headers_len = 8; }
static void flags(struct mqk_record *r) { r->flags = 1; }
static void exchange(struct mqk_record *r) { r->exchange = 1; }
static void priority(struct mqk_record *r) { r->priority = 1; }
static void resv(struct mqk_record *r) { r->resv0[2] = 1; }
static void expiration(struct mqk_record *r) { r->expiration = 1; }
static void delay(struct mqk_record *r) { r->delay = 1; }

TEST_F(producer, malformed_numbers)
{
	static void (* const change[])(struct mqk_record *r) = {
		zero, short_key, long_key, payload, headers, flags, exchange,
		priority, resv, expiration, delay,
	};
	unsigned int i;

	if (!self->pair.port.inplace)
		SKIP(return, "records are in place");
	ASSERT_EQ(0, place_odd(&self->pair.port, nothing));
	for (i = 0; i < ARRAY_SIZE(change); i++) {
		struct port p;

		ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "odd", 0));
		EXPECT_EQ(-EPROTO, place_odd(&p, change[i])) {
			TH_LOG("change %u", i);
		}
		EXPECT_EQ(-EPROTO, p.k->error);
		ASSERT_EQ(0, port_close(&p));
	}
}

/* --- refused -------------------------------------------------------------- */

TEST_F(producer, what_a_queue_refuses_is_in_none)
{
	__s64 full = queue_declare_args(self->pair.s, "full",
					"x-max-length=1 x-overflow=reject-publish");
	struct mqk_queue_next info;
	struct mqk_completion c;

	ASSERT_LT(0, full);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "full", ""));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 1, 1, &c));
	EXPECT_EQ(2, c.queues);
	ASSERT_EQ(MQK_COMPLETION_NACK,
		  sends(&self->pair.port, self->exchange, 2, 2, &c));
	EXPECT_EQ(0, c.queues);
	EXPECT_EQ(-ENOBUFS, c.result);
	/* what comes behind it has left a gap */
	EXPECT_EQ(-ERANGE, sends(&self->pair.port, self->exchange, 0, 3, NULL));
	ASSERT_EQ(MQK_COMPLETION_NACK,
		  sends(&self->pair.port, self->exchange, 2, 2, NULL));
	ASSERT_EQ(0, queue_info(self->pair.s, self->queue, &info));
	EXPECT_EQ(1, info.ready);
	EXPECT_EQ(1, pair_take(&self->pair, full));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 2, 2, &c));
	EXPECT_EQ(2, c.queues);
	EXPECT_EQ(2, pair_take(&self->pair, full));
	EXPECT_EQ(1, pair_take(&self->pair, self->queue));
	EXPECT_EQ(2, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
	/* room that was promised and not used is there again */
	EXPECT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 3, 3, NULL));
}

/* The waiting consumer's credit is promised once. */
TEST_F(producer, a_waiting_consumer_takes_it)
{
	__s64 none = queue_declare_args(self->pair.s, "none",
					"x-max-length=0 x-overflow=reject-publish");
	struct consumer c;

	ASSERT_LT(0, none);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "none", ""));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(&self->pair.port, self->exchange, 1, 1, NULL));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "none", 0, 1, 16));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 1, 1, NULL));
	ASSERT_EQ(MQK_COMPLETION_NACK, sends(&self->pair.port, self->exchange, 2, 2, NULL));
	EXPECT_EQ(1, take_number(&c, NULL, LONG_MS));
	EXPECT_EQ(1, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
}

struct racer {
	pthread_t thread;
	struct port port;
	__u32 exchange, first, taken, refused;
	int error;
};

#define RACERS	4
#define EACH	150
#define FITS	200

static void *race(void *arg)
{
	struct racer *r = arg;
	__u32 i;

	for (i = 0; i < EACH && !r->error; i++) {
		int type = sends(&r->port, r->exchange, r->taken + 1,
				 r->first + r->taken, NULL);

		if (type == MQK_COMPLETION_CONFIRM)
			r->taken++;
		else if (type == MQK_COMPLETION_NACK)
			r->refused++;
		else
			r->error = type ? type : -1;
	}
	return NULL;
}

/* However many publish at once: exactly so many, and the same ones everywhere. */
TEST_F_TIMEOUT(producer, promises_are_exact, 120)
{
	static struct racer r[RACERS];
	__u32 taken = 0, i, next[2][RACERS] = {}, q[2];
	struct mqk_queue_next info;
	__s64 id;

	memset(r, 0, sizeof(r));
	ASSERT_EQ(0, binding_del(self->pair.s, "f", "q", ""));
	id = queue_declare_args(self->pair.s, "a",
				"x-max-length=200 x-overflow=reject-publish");
	ASSERT_LT(0, id);
	q[0] = id;
	id = queue_declare_args(self->pair.s, "b",
				"x-max-length=260 x-overflow=reject-publish");
	ASSERT_LT(0, id);
	q[1] = id;
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "b", ""));
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "a", ""));
	for (i = 0; i < RACERS; i++) {
		char name[8] = { 'r', '0' + i };
		int s = env_session(&self->pair.env, O_RDWR);

		ASSERT_LE(0, s);
		r[i].exchange = self->exchange;
		r[i].first = i << 16;
		ASSERT_EQ(0, port_make_for(&r[i].port, s, variant->flags, 16, name, 0));
	}
	for (i = 0; i < RACERS; i++)
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, race, &r[i]));
	for (i = 0; i < RACERS; i++) {
		pthread_join(r[i].thread, NULL);
		EXPECT_EQ(0, r[i].error);
		EXPECT_EQ(EACH, r[i].taken + r[i].refused);
		taken += r[i].taken;
	}
	EXPECT_EQ(FITS, taken);
	for (i = 0; i < 2; i++) {
		__u32 n;

		ASSERT_EQ(0, queue_info(self->pair.s, q[i], &info));
		EXPECT_EQ(FITS, info.ready);
		for (n = 0; n < FITS; n++) {
			__s64 got = pair_take(&self->pair, q[i]);

			ASSERT_LE(0, got);
			ASSERT_GT(RACERS, got >> 16);
			/* each producer's in order, and all of them */
			ASSERT_EQ(next[i][got >> 16]++, got & 0xffff);
		}
	}
	for (i = 0; i < RACERS; i++) {
		EXPECT_EQ(r[i].taken, next[0][i]);
		EXPECT_EQ(r[i].taken, next[1][i]);
		EXPECT_EQ(0, port_forget(&r[i].port));
	}
}

/* --- fencing -------------------------------------------------------------- */

TEST_F(producer, another_port_fences_it)
{
	struct pollfd fd = { .fd = self->pair.s, .events = POLLIN };
	struct mqk_completion c;
	__u32 payload = 2;
	struct msg m = numbered(self->exchange, 0, &payload);
	struct port p;

	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 0, 1, NULL));
	if (self->pair.port.inplace) {
		ASSERT_EQ(0, port_place(&self->pair.port, &m));
	}
	EXPECT_EQ(0, poll(&fd, 1, 0));
	ASSERT_EQ(0, port_make_for(&p, self->pair.r, variant->flags, 16, "p", 0));
	EXPECT_EQ(1, p.c.last);
	EXPECT_EQ(-ESTALE, self->pair.port.k->error);
	EXPECT_EQ(1, poll(&fd, 1, 0));
	EXPECT_EQ(-ESTALE, self->pair.port.inplace ? port_doorbell(&self->pair.port) :
						port_publish(&self->pair.port, &m));
	EXPECT_EQ(MQK_RULE_FENCED, rule(self->pair.s));
	EXPECT_EQ(-ESTALE, port_completion(&self->pair.port, &c, 0));
	EXPECT_EQ(-ESTALE, port_forget(&self->pair.port));
	EXPECT_EQ(MQK_RULE_FENCED, rule(self->pair.s));
	if (self->pair.port.inplace) {
		EXPECT_EQ(-ESTALE, port_segment(&self->pair.port, 64));
	}
	/* nothing of it comes, also not when it ends */
	EXPECT_EQ(0, port_close(&self->pair.port));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(&p, self->exchange, 2, 22, NULL));
	EXPECT_EQ(1, pair_take(&self->pair, self->queue));
	EXPECT_EQ(22, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
}

static void *waits(void *arg)
{
	struct port *p = arg;
	struct mqk_completion c;

	return (void *)(intptr_t)port_completion(p, &c, LONG_MS);
}

TEST_F(producer, who_waits_is_told)
{
	pthread_t thread;
	struct port p;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, waits, &self->pair.port));
	sleep_ms(SHORT_MS);
	ASSERT_EQ(0, port_make_for(&p, self->pair.r, variant->flags, 16, "p", 0));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-ESTALE, (intptr_t)ret);
}

/* A call that makes no port fences nobody. */
TEST_F(producer, a_port_that_is_refused_fences_nobody)
{
	struct port p;

	EXPECT_EQ(-EINVAL, port_make_for(&p, self->pair.r, variant->flags, 17, "p", 0));
	EXPECT_EQ(-EINVAL, port_make_for(&p, self->pair.r, 1u << 30, 16, "p", 0));
	EXPECT_EQ(-EINVAL, port_make_for(&p, self->pair.r, variant->flags, 16, "p", 01000));
	EXPECT_EQ(0, self->pair.port.k->error);
	EXPECT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 0, 1, NULL));
}

/* What is committed when its port ends is taken, and counts. */
TEST_F(producer, what_is_committed_at_the_end)
{
	__u32 payload[] = { 1, 2, 3 };
	struct port p;
	int i;

	if (!self->pair.port.inplace)
		SKIP(return, "of records only");
	for (i = 0; i < 3; i++) {
		struct msg m = numbered(self->exchange, 0, &payload[i]);

		ASSERT_EQ(0, port_place(&self->pair.port, &m));
	}
	ASSERT_EQ(0, port_close(&self->pair.port));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "p", 0));
	EXPECT_EQ(3, p.c.last);
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, sends(&p, self->exchange, 3, 33, NULL));
	for (i = 1; i <= 3; i++)
		EXPECT_EQ(i, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
}

struct rival {
	pthread_t thread;
	int s;
	__u32 flags, exchange, wanted;
	int error;
};

/*
 * Publish under a name that others want, too: whenever it is lost, take it back, and
 * go on behind what was taken.  One that is not confirmed may have been.
 */
static void *fight(void *arg)
{
	struct rival *v = arg;
	__u64 number = 0;
	struct port p;
	int ret;

	do {
		ret = port_make_for(&p, v->s, v->flags, 16, "p", 0);
		if (ret)
			break;
		for (number = p.c.last + 1; number <= v->wanted; number++) {
			ret = sends(&p, v->exchange, number, number, NULL);
			if (ret != MQK_COMPLETION_CONFIRM)
				break;
		}
		port_close(&p);
		port_unmap(&p);
	} while (number <= v->wanted && ret == -ESTALE);
	v->error = number > v->wanted ? 0 : ret;
	return NULL;
}

/* Each number once and in order, however often the name changes hands. */
TEST_F_TIMEOUT(producer, rivals, 120)
{
	static struct rival v[3];
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		v[i] = (struct rival) {
			.s = env_session(&self->pair.env, O_RDWR), .flags = variant->flags,
			.exchange = self->exchange, .wanted = 300,
		};
		ASSERT_LE(0, v[i].s);
	}
	for (i = 0; i < ARRAY_SIZE(v); i++)
		ASSERT_EQ(0, pthread_create(&v[i].thread, NULL, fight, &v[i]));
	for (i = 0; i < ARRAY_SIZE(v); i++) {
		ASSERT_EQ(0, pthread_join(v[i].thread, NULL));
		EXPECT_EQ(0, v[i].error);
	}
	for (i = 1; i <= 300; i++)
		ASSERT_EQ(i, pair_take(&self->pair, self->queue));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->queue));
}

/* --- names ---------------------------------------------------------------- */

TEST_F(producer, names)
{
	struct mqk_port_create c = {
		.size = sizeof(c), .flags = variant->flags, .entries = 16,
		.producer = (uintptr_t)"a\0b", .producer_len = 3,
	};
	char name[257];
	struct port p;

	EXPECT_EQ(-EINVAL, mq(self->pair.s, MQK_IOC_PORT_CREATE, &c));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->pair.s));
	c.producer_len = 0;
	EXPECT_EQ(-EINVAL, mq(self->pair.s, MQK_IOC_PORT_CREATE, &c));
	c.producer = 0;
	c.producer_mode = 0600;
	EXPECT_EQ(-EINVAL, mq(self->pair.s, MQK_IOC_PORT_CREATE, &c));
	memset(name, 'n', 256);
	name[256] = 0;
	EXPECT_EQ(-ENAMETOOLONG, port_make_for(&p, self->pair.s, variant->flags, 16, name, 0));
	name[255] = 0;
	EXPECT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, name, 0));
	/* it is not that of a queue, nor of an exchange */
	EXPECT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "amq.q", 0));
}

/* Nothing was taken, or it is forgotten: as if it had never been. */
TEST_F(producer, what_is_forgotten)
{
	struct mqk_query before, q;
	struct port p;

	ASSERT_EQ(0, query(self->pair.s, &before));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, 0, 16, "new", 0));
	ASSERT_EQ(0, query(self->pair.s, &q));
	EXPECT_EQ(before.broker_used[MQK_RES_BYTES] + 512, q.broker_used[MQK_RES_BYTES]);
	ASSERT_EQ(0, port_close(&p));
	EXPECT_EQ(before.broker_used[MQK_RES_BYTES],
		  env_used(&self->pair.env, MQK_RES_BYTES, before.broker_used[MQK_RES_BYTES]));

	ASSERT_EQ(MQK_COMPLETION_CONFIRM,
		  sends(&self->pair.port, self->exchange, 0, 1, NULL));
	ASSERT_EQ(0, port_forget(&self->pair.port));
	EXPECT_EQ(-ENOENT, port_close(&self->pair.port));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "p", 0));
	EXPECT_EQ(0, p.c.last);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, sends(&p, self->exchange, 0, 2, NULL));
	EXPECT_EQ(1, pair_take(&self->pair, self->queue));
	EXPECT_EQ(2, pair_take(&self->pair, self->queue));
}

/* Another user's session; what @fn returns. */
static int as_other(FIXTURE_DATA(producer) *self, const char *name)
{
	int *result = shared(sizeof(*result));
	pid_t pid = spawn();

	if (!pid) {
		struct port p;
		int s;

		if (setgroups(0, NULL) || setresgid(OTHER, OTHER, OTHER) ||
		    setresuid(OTHER, OTHER, OTHER))
			_exit(1);
		s = broker_open(&self->pair.env.broker, O_RDWR);
		*result = s < 0 ? s : port_make_for(&p, s, 0, 16, name, 0);
		if (*result)
			*result = *result == -EACCES ? (int)rule(s) : *result;
		_exit(0);
	}
	return pid < 0 || reap(pid, LONG_MS) ? -EIO : *result;
}

TEST_F(producer, whose_name_it_is)
{
	struct port open;

	ASSERT_EQ(0, port_make_for(&open, self->pair.s, 0, 16, "open", 0602));
	EXPECT_EQ(MQK_RULE_PERMISSION, as_other(self, "p"));
	EXPECT_EQ(0, self->pair.port.k->error);
	EXPECT_EQ(0, as_other(self, "open"));
	EXPECT_EQ(-ESTALE, open.k->error);
	EXPECT_EQ(0, as_other(self, "other"));
}

static int opens(int s, unsigned int i, bool forgets)
{
	struct mqk_port_create c = { .size = sizeof(c), .entries = 16 };
	struct mqk_id id = {
		.size = sizeof(id), .flags = forgets ? MQK_ID_F_FORGET : 0,
	};
	struct mqk_message m = { .exchange = 0, .key = (uintptr_t)"nowhere", .key_len = 7 };
	struct mqk_publish pub = {
		.size = sizeof(pub), .count = 1, .messages = (uintptr_t)&m,
	};
	static __s64 exchange;
	char name[16];
	int ret;

	exchange = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
	m.exchange = exchange;
	c.producer_len = sprintf(name, "name-%u", i);
	c.producer = (uintptr_t)name;
	ret = mq(s, MQK_IOC_PORT_CREATE, &c);
	if (ret)
		return ret;
	pub.port = id.id = c.id;
	ret = forgets ? 0 : mq(s, MQK_IOC_PUBLISH, &pub);
	return mq(s, MQK_IOC_PORT_CLOSE, &id) ?: ret;
}

TEST_F_TIMEOUT(producer, there_are_so_many, 120)
{
	struct mqk_error e = { .size = sizeof(e) };
	unsigned int i;

	if (variant->flags & MQK_PORT_F_INPLACE)
		SKIP(return, "is not about messages");
	if (kernel_is_slow())
		SKIP(return, "makes 8,191 ports: on the stock kernel only");
	/* "p" is one of them */
	for (i = 1; i < NAMES_MAX; i++)
		ASSERT_EQ(0, opens(self->pair.s, i, false));
	EXPECT_EQ(-EDQUOT, opens(self->pair.r, i, false));
	ASSERT_EQ(0, error_get(self->pair.r, &e));
	EXPECT_EQ(MQK_RULE_PRODUCERS, e.rule);
	EXPECT_EQ(NAMES_MAX, e.limit);
	EXPECT_EQ(NAMES_MAX, e.used);
	EXPECT_EQ(0, opens(self->pair.s, 7, true));
	EXPECT_EQ(0, opens(self->pair.r, i, false));
	EXPECT_EQ(0, opens(self->pair.r, i, true));
	for (i = 1; i < NAMES_MAX; i++)
		if (i != 7)
			ASSERT_EQ(0, opens(self->pair.s, i, true));
}

TEST_HARNESS_MAIN
