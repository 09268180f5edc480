// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compaction: a slow queue that keeps a few records in each of many segments
 * does not pin them all; what is moved comes out complete, in order, once, with
 * its properties and contents; and what must not move does not.
 *
 * mqk-test: parallel timeout=240
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define SEGMENT		65536ull
#define SLOW_KEY	"a.routing.key.that.is.longer.than.32.bytes"
/* One in so many goes to the slow queue: some two in a segment. */
#define ONE_IN		30u
#define SEGMENTS	40u
#define MESSAGES	(SEGMENTS * 2 * ONE_IN)
#define SLOW		(MESSAGES / ONE_IN)
/* What a user may hold in sparse segments, and in open and half filled ones. */
#define LEFT		(8 + 4)

static const __u8 headers[8] = { MQK_HEADER_BOOL, 1, 1, 0, 'h', 1 };

struct payload {
	__u32 number, again;
	__u8 pattern[1152];
};

static __u32 payload_len(__u32 number)
{
	return 8 + 880 + number % 251;
}

static bool goes_slow(__u32 number)
{
	return number % ONE_IN == ONE_IN / 2;
}

FIXTURE(compact)
{
	struct env env;
	int s, r;			/* sends, receives */
	__u32 exchange, slow, pid;
	struct port port;
};

FIXTURE_VARIANT(compact)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(compact, copy) { 0 };
FIXTURE_VARIANT_ADD(compact, inplace) { MQK_PORT_F_INPLACE };

FIXTURE_SETUP(compact)
{
	struct mqk_broker_create want = { .segment_size = SEGMENT };
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	self->pid = getpid();
	id = exchange_declare(self->s, "amq.direct", MQK_EXCHANGE_DIRECT,
			      MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "slow", 0);
	ASSERT_LT(0, id);
	self->slow = id;
	ASSERT_LT(0, queue_declare(self->s, "fast", 0));
	ASSERT_EQ(0, binding_add(self->s, "amq.direct", "slow", SLOW_KEY));
	ASSERT_EQ(0, binding_add(self->s, "amq.direct", "fast", "fast"));
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->port_flags, 64));
}

FIXTURE_TEARDOWN(compact)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Publish a message: 0 or -errno. */
static int publish(struct port *p, __u32 exchange, __u32 number, const char *key)
{
	struct payload payload = { number, number };
	struct msg m = {
		.exchange = exchange,
		.key = key,
		.key_len = strlen(key),
		.headers = headers,
		.headers_len = sizeof(headers),
		.payload = &payload,
		.payload_len = payload_len(number),
	};

	pattern_fill(payload.pattern, m.payload_len - 8, number);
	return port_publish(p, &m);
}

static int publish_some(struct port *p, __u32 exchange, __u32 from, __u32 n)
{
	int ret = 0;

	for (; n && !ret; n--, from++)
		ret = publish(p, exchange, from,
			      goes_slow(from) ? SLOW_KEY : "fast");
	return ret;
}

/* The number of a delivery, all of which is as it was published; or -1. */
static __s64 number_of(int fd, const struct mqk_delivery *d)
{
	const __u8 *record = record_map(fd, d);
	const struct payload *payload;

	if (!record || d->key_len != strlen(SLOW_KEY) ||
	    d->headers_len != sizeof(headers) ||
	    memcmp(record + MQK_RECORD_KEY, SLOW_KEY, d->key_len) ||
	    memcmp(record + MQK_RECORD_HEADERS(d->key_len), headers,
		   sizeof(headers)))
		return -1;
	payload = (const void *)(record + MQK_RECORD_PAYLOAD(d->key_len,
							      d->headers_len));
	if (payload->number != payload->again ||
	    d->payload_len != payload_len(payload->number) ||
	    !pattern_ok(payload->pattern, d->payload_len - 8, payload->number))
		return -1;
	return payload->number;
}

static struct mqk_stat stat_of(int fd)
{
	struct mqk_stat st = {};

	stat_get(fd, &st);
	return st;
}

/* Wait until a pass that has moved something is over: how many are. */
static __u64 compactions(int fd)
{
	__u64 end = now_ms() + LONG_MS, n;

	do {
		n = stat_of(fd).compactions;
		if (n)
			break;
		sleep_ms(20);
	} while (now_ms() < end);
	return n;
}

/* Wait until at most so many segments are in use: how many are. */
static __u64 segments_fall(int fd, __u64 most)
{
	__u64 end = now_ms() + 4 * LONG_MS, n;

	do {
		n = stat_of(fd).segments;
		if (n <= most)
			break;
		sleep_ms(20);
	} while (now_ms() < end);
	return n;
}

/* Take @n messages of the slow queue in order; the number of good ones. */
static __u32 drain(struct consumer *c, __u32 n, __u32 publisher)
{
	__u32 want = ONE_IN / 2, i;
	struct mqk_delivery d;

	for (i = 0; i < n; i++, want += ONE_IN) {
		if (consumer_next(c, &d, LONG_MS) || number_of(c->fd, &d) != want ||
		    d.seq != i || d.pid != publisher || d.count ||
		    d.flags & MQK_DELIVERY_F_REDELIVERED)
			break;
		consumer_ack(c, d.tag, MQK_ACK_ACCEPT, 0);
	}
	consumer_kick(c);
	return i;
}

TEST_F(compact, gives_segments_back)
{
	struct mqk_stat before, after;
	struct consumer c;

	ASSERT_EQ(0, publish_some(&self->port, self->exchange, 0, MESSAGES));
	before = stat_of(self->s);
	ASSERT_LE(SEGMENTS, before.segments);
	EXPECT_EQ(0, before.compactions);
	ASSERT_LT(0, queue_purge(self->s, "fast"));
	EXPECT_GE(LEFT, segments_fall(self->s, LEFT));

	EXPECT_LE(1, compactions(self->s));
	after = stat_of(self->s);
	EXPECT_LE(SLOW / 2, after.compacted);
	EXPECT_GE(SLOW, after.compacted);
	EXPECT_LE(after.compacted * 1024, after.compacted_bytes);
	EXPECT_GE(after.compacted * 1280, after.compacted_bytes);
	EXPECT_EQ(before.routed, after.routed);
	EXPECT_EQ(0, after.delivered);

	ASSERT_EQ(0, consumer_make(&c, self->r, "slow", 0, 0, 64));
	EXPECT_EQ(SLOW, drain(&c, SLOW, self->pid));
	EXPECT_EQ(-ETIMEDOUT, consumer_wait(&c, SHORT_MS * 1000000ll));
	EXPECT_GE(3, segments_fall(self->s, 3));
}

/* Reads by the kernel, and looks without taking, find the copies. */
TEST_F(compact, read_and_browse)
{
	struct payload payload;
	struct mqk_delivery d;
	struct mqk_browse b = {
		.size = sizeof(b), .queue = self->slow,
		.delivery = (uintptr_t)&d, .data = (uintptr_t)&payload,
	};
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, publish_some(&self->port, self->exchange, 0, MESSAGES));
	ASSERT_LT(0, queue_purge(self->s, "fast"));
	EXPECT_GE(LEFT, segments_fall(self->s, LEFT));
	for (i = 0; i < SLOW; i++, b.seq++) {
		b.len = sizeof(payload);
		ASSERT_EQ(0, mq(self->r, MQK_IOC_BROWSE, &b));
		ASSERT_EQ(i, b.seq);
		ASSERT_EQ(i * ONE_IN + ONE_IN / 2, number_of(self->r, &d));
	}
	ASSERT_EQ(0, consumer_make(&c, self->r, "slow", MQK_CONSUMER_F_COPY, 1,
				   16));
	for (i = 0; i < SLOW; i++) {
		ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
		ASSERT_EQ(d.payload_len, delivery_read(&c, &d, &payload,
						       sizeof(payload)));
		ASSERT_EQ(i * ONE_IN + ONE_IN / 2, payload.number);
		ASSERT_TRUE(pattern_ok(payload.pattern, d.payload_len - 8,
				       payload.number));
		consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0);
	}
}

/* What a consumer holds stays where it is; when it returned, it moves too. */
TEST_F(compact, in_flight)
{
	struct mqk_delivery held[24], d;
	struct consumer a, b;
	__u32 i, flagged = 0;

	ASSERT_EQ(0, publish_some(&self->port, self->exchange, 0, MESSAGES));
	ASSERT_EQ(0, consumer_make(&a, self->r, "slow", 0, 24, 32));
	for (i = 0; i < 24; i++) {
		ASSERT_EQ(0, consumer_next(&a, &held[i], LONG_MS));
		ASSERT_EQ(i * ONE_IN + ONE_IN / 2, number_of(self->r, &held[i]));
	}
	ASSERT_LT(0, queue_purge(self->s, "fast"));
	/* A dozen is pinned by what is held. */
	EXPECT_GE(LEFT + 12, segments_fall(self->s, LEFT + 12));
	EXPECT_LE(12, stat_of(self->s).segments);
	EXPECT_LE(1, compactions(self->s));
	/* what became free is used again, and written over */
	for (i = 0; i < MESSAGES / 2; i++)
		ASSERT_EQ(0, publish(&self->port, self->exchange, i, "fast"));
	ASSERT_LT(0, queue_purge(self->s, "fast"));
	for (i = 0; i < 24; i++)
		ASSERT_EQ(i * ONE_IN + ONE_IN / 2, number_of(self->r, &held[i]));

	/* half of them are done, half return */
	for (i = 0; i < 12; i++)
		consumer_ack(&a, held[i].tag, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(0, consumer_cancel(&a));
	ASSERT_LE(0, consumer_kick(&a));
	ASSERT_EQ(0, consumer_close(&a));
	EXPECT_GE(LEFT, segments_fall(self->s, LEFT));

	ASSERT_EQ(0, consumer_make(&b, self->r, "slow", 0, 16, 16));
	for (i = 12; i < SLOW; i++) {
		ASSERT_EQ(0, consumer_next(&b, &d, LONG_MS));
		ASSERT_EQ(i, d.seq);
		ASSERT_EQ(i * ONE_IN + ONE_IN / 2, number_of(self->r, &d));
		ASSERT_EQ(i < 24, d.count);
		flagged += !!(d.flags & MQK_DELIVERY_F_REDELIVERED);
		consumer_ack(&b, d.tag, MQK_ACK_ACCEPT, 0);
		consumer_kick(&b);
	}
	EXPECT_EQ(12, flagged);
}

/*
 * A record that waits in several queues: each gets its own, all come out.  What
 * others are fast with does not pin anything.
 */
TEST_F(compact, several_queues)
{
	static const char * const queues[] = { "slow", "slow2", "slow3" };
	struct consumer c, fast;
	struct mqk_delivery d;
	__u32 i, n;

	for (i = 1; i < 3; i++) {
		ASSERT_LT(0, queue_declare(self->s, queues[i], 0));
		ASSERT_EQ(0, binding_add(self->s, "amq.direct", queues[i],
					 SLOW_KEY));
	}
	ASSERT_EQ(0, consumer_make(&fast, self->r, "fast", 0, 0, 64));
	for (n = 0; n < MESSAGES; n += ONE_IN) {
		ASSERT_EQ(0, publish_some(&self->port, self->exchange, n, ONE_IN));
		for (i = 1; i < ONE_IN; i++) {
			ASSERT_EQ(0, consumer_next(&fast, &d, LONG_MS));
			consumer_ack(&fast, d.tag, MQK_ACK_ACCEPT, 0);
		}
	}
	ASSERT_LE(0, consumer_kick(&fast));
	EXPECT_GE(LEFT + 4, segments_fall(self->s, LEFT + 4));
	EXPECT_LE(1, compactions(self->s));
	EXPECT_LE(SLOW, stat_of(self->s).compacted);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, consumer_make(&c, self->r, queues[i], 0, 0, 64));
		EXPECT_EQ(SLOW, drain(&c, SLOW, self->pid));
	}
}

/* The lengths are what was routed, whatever was written over the record. */
TEST_F(compact, scribbled_head)
{
	struct mqk_record *record[MESSAGES / ONE_IN], *r;
	struct payload payload;
	struct mqk_delivery d;
	struct consumer c;
	__u32 i, n = 0;

	if (!(variant->port_flags & MQK_PORT_F_INPLACE))
		SKIP(return, "nothing that a producer could write to");
	for (i = 0; i < MESSAGES; i++) {
		bool slow = goes_slow(i);
		struct msg m = {
			.exchange = self->exchange,
			.key = slow ? SLOW_KEY : "fast",
			.key_len = slow ? strlen(SLOW_KEY) : 4,
			.headers = headers, .headers_len = sizeof(headers),
			.payload = &payload, .payload_len = payload_len(i),
		};

		payload.number = i;
		payload.again = i;
		pattern_fill(payload.pattern, m.payload_len - 8, i);
		r = port_reserve(&self->port, m.key_len, m.headers_len,
				 m.payload_len);
		ASSERT_NE(NULL, r);
		port_fill(r, &m);
		port_commit(&self->port, r);
		ASSERT_EQ(1, port_doorbell(&self->port));
		if (!slow)
			continue;
		record[n++] = r;
		memset((__u8 *)r + 4, 0xff, MQK_RECORD_KEY - 4);
	}
	ASSERT_EQ(SLOW, n);
	ASSERT_LT(0, queue_purge(self->s, "fast"));
	EXPECT_GE(LEFT, segments_fall(self->s, LEFT));
	ASSERT_LE(1, compactions(self->s));
	ASSERT_EQ(0, consumer_make(&c, self->r, "slow", 0, 1, 16));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
		ASSERT_EQ(i * ONE_IN + ONE_IN / 2, number_of(self->r, &d));
		r = (void *)record_map(self->r, &d);
		/* a copy's head is good again */
		if (r->payload_len != ~0u) {
			ASSERT_EQ(d.payload_len, r->payload_len);
			ASSERT_EQ(d.key_len, r->key_len);
			ASSERT_EQ(d.headers_len, r->headers_len);
			ASSERT_EQ(d.exchange, r->exchange);
			ASSERT_EQ(MQK_RECORD_DATA, r->type);
			ASSERT_EQ(0, r->flags & ~(MQK_MSG_F_MANDATORY |
						  MQK_MSG_F_CC |
						  MQK_MSG_F_EXPIRATION |
						  MQK_MSG_F_DELAY | MQK_MSG_F_GROUP |
						  MQK_MSG_F_ID));
			ASSERT_EQ(0, r->priority);
			ASSERT_TRUE(!r->delay || r->flags & MQK_MSG_F_DELAY);
			record[i] = NULL;
		}
		consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0);
	}
	/* at least half of them were moved */
	for (i = 0, n = 0; i < SLOW; i++)
		n += !record[i];
	EXPECT_LE(SLOW / 2, n);
}

/* At a limit: what is refused fits again, without anybody's help. */
TEST_F(compact, at_the_limit)
{
	struct mqk_broker_create want = {
		.segment_size = SEGMENT,
		/* no room for another one, nor for one and its index */
		.limit[MQK_RES_BYTES] = 24 * SEGMENT + 5 * 4096,
	};
	static __u8 payload[4000];
	struct env env;
	struct port p;
	struct msg m = {
		.payload = payload, .payload_len = sizeof(payload),
	};
	struct consumer c;
	struct mqk_query q;
	__u32 i, n = 0;
	__u64 end;
	int s, ret;

	ASSERT_EQ(0, env_begin(&env, &want));
	s = env_session(&env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_LT(0, queue_declare(s, "slow", 0));
	ASSERT_LT(0, queue_declare(s, "fast", 0));
	m.exchange = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_EQ(0, port_make(&p, s, variant->port_flags, 16));
	for (i = 0;; i++) {
		m.key = i % 15 == 7 ? "slow" : "fast";
		m.key_len = 4;
		memcpy(payload, &i, 4);
		pattern_fill(payload + 4, sizeof(payload) - 4, i);
		ret = port_publish(&p, &m);
		if (ret)
			break;
		n += i % 15 == 7;
		ASSERT_GT(1000, i);
	}
	EXPECT_EQ(-ENOSPC, ret);
	ASSERT_LE(20, n);
	ASSERT_LT(0, queue_purge(s, "fast"));
	end = now_ms() + LONG_MS;
	do {
		m.key = "fast";
		ret = port_publish(&p, &m);
		sleep_ms(20);
	} while (ret && now_ms() < end);
	EXPECT_EQ(0, ret);
	EXPECT_LE(1, compactions(s));
	ASSERT_EQ(0, query(s, &q));
	/* beyond it by one segment at most, for a moment */
	EXPECT_GE(want.limit[MQK_RES_BYTES] + SEGMENT,
		  q.broker_used[MQK_RES_BYTES]);

	/* and nothing is lost */
	ASSERT_EQ(0, consumer_make(&c, s, "slow", 0, 4, 16));
	for (i = 0; i < n; i++) {
		struct mqk_delivery d;
		const __u8 *got;
		__u32 number;

		ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
		got = delivery_payload(s, &d);
		ASSERT_NE(NULL, got);
		memcpy(&number, got, 4);
		ASSERT_EQ(i * 15 + 7, number);
		ASSERT_TRUE(pattern_ok(got + 4, sizeof(payload) - 4, number));
		consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0);
	}
	EXPECT_EQ(0, env_end(&env));
}

/* Few sparse segments, full ones, open ones and jumbo ones stay as they are. */
TEST_F(compact, left_alone)
{
	static __u8 large[3 * SEGMENT];
	struct msg m = {
		.exchange = self->exchange, .key = SLOW_KEY,
		.key_len = strlen(SLOW_KEY), .payload = large,
		.payload_len = sizeof(large),
	};
	__u32 number = 0, i;
	__u64 segments;

	/* five sparse ones: two messages each, the rest is fast */
	ASSERT_EQ(0, publish_some(&self->port, self->exchange, 0, 300));
	ASSERT_LT(0, queue_purge(self->s, "fast"));
	/* a dozen full ones */
	for (i = 0; i < 700; i++)
		ASSERT_EQ(0, publish(&self->port, self->exchange, number++,
				     SLOW_KEY));
	/* and a dozen large messages */
	for (i = 0; i < 12; i++)
		ASSERT_EQ(0, port_publish(&self->port, &m));
	segments = stat_of(self->s).segments;
	ASSERT_LE(5 + 12 + 12, segments);
	sleep_ms(2000);
	EXPECT_EQ(0, stat_of(self->s).compactions);
	EXPECT_EQ(segments, stat_of(self->s).segments);
}

/* The queue is purged or deleted at any moment of it. */
TEST_F(compact, purged_and_deleted)
{
	__u64 state = 4711;
	__u32 round;

	for (round = 0; round < 12; round++) {
		ASSERT_EQ(0, publish_some(&self->port, self->exchange, 0,
					  MESSAGES / 2));
		ASSERT_LT(0, queue_purge(self->s, "fast"));
		sleep_ms(random_next(&state) % 250);
		if (round % 2) {
			ASSERT_LE(0, queue_purge(self->s, "slow"));
		} else {
			ASSERT_EQ(0, queue_delete(self->s, "slow", 0));
			ASSERT_LT(0, queue_declare(self->s, "slow", 0));
			ASSERT_EQ(0, binding_add(self->s, "amq.direct", "slow",
						 SLOW_KEY));
		}
		ASSERT_GE(4, segments_fall(self->s, 4));
	}
}

/* What consumers that are killed have come to: by message. */
struct track {
	__u32 begun, done;		/* the acknowledgement */
};

struct tracks {
	__u32 bad, stop;
	struct track track[4 * MESSAGES];
};

static void consume_until_killed(const struct broker *broker, struct tracks *t)
{
	struct mqk_delivery d;
	struct consumer c;
	int fd = broker_open(broker, O_RDWR);
	__s64 last = -1;

	if (fd < 0 || consumer_make(&c, fd, "slow", 0, 8, 16))
		_exit(1);
	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		struct track *track;
		__s64 n;

		if (consumer_next(&c, &d, 20))
			continue;
		n = number_of(fd, &d);
		if (n < 0 || n <= last || n >= 4 * MESSAGES) {
			word_set(&t->bad, 1);
			_exit(2);
		}
		last = n;
		track = &t->track[n];
		if (track->done ||
		    (track->begun && !(d.flags & MQK_DELIVERY_F_REDELIVERED)))
			word_set(&t->bad, 2);
		track->begun = 1;
		/* what was delivered stays where it is */
		sleep_ms(3);
		if (number_of(fd, &d) != n)
			word_set(&t->bad, 3);
		consumer_ack(&c, d.tag, MQK_ACK_ACCEPT, 0);
		track->done = 1;
		consumer_kick(&c);
	}
	_exit(0);
}

/*
 * A consumer that is killed again and again, while producers publish, one of
 * which dies in the middle too: all messages come, in order, once.
 */
TEST_F(compact, killed)
{
	struct tracks *t = shared(sizeof(*t));
	pid_t consumer = -1, producer;
	__u32 i, n, from = 0, *sent = shared(sizeof(*sent));
	__u64 state = 42, end;
	struct mqk_queue_next info;

	for (i = 0; i < 4; i++, from += MESSAGES) {
		producer = spawn();
		ASSERT_LE(0, producer);
		if (!producer) {
			int fd = broker_open(&self->env.broker, O_RDWR);
			struct port p;

			if (port_make(&p, fd, variant->port_flags, 64))
				_exit(1);
			for (n = from; n < from + MESSAGES; n++) {
				if (publish(&p, self->exchange, n,
					    goes_slow(n) ? SLOW_KEY : "fast"))
					_exit(2);
				word_set(sent, n + 1);
			}
			kill(getpid(), SIGKILL);
		}
		while (*sent < from + MESSAGES) {
			ASSERT_LE(0, queue_purge(self->s, "fast"));
			if (consumer > 0)
				kill_hard(consumer);
			consumer = spawn();
			ASSERT_LE(0, consumer);
			if (!consumer)
				consume_until_killed(&self->env.broker, t);
			sleep_ms(50 + random_next(&state) % 150);
		}
		ASSERT_EQ(128 + SIGKILL, reap(producer, LONG_MS));
	}
	ASSERT_LE(0, queue_purge(self->s, "fast"));
	ASSERT_EQ(128 + SIGKILL, kill_hard(consumer));
	/* with nobody who takes them, what waits takes up little */
	EXPECT_GE(LEFT + 4 * SLOW * 1216 / SEGMENT,
		  segments_fall(self->s, LEFT + 4 * SLOW * 1216 / SEGMENT));
	EXPECT_LE(1, compactions(self->s));
	consumer = spawn();
	ASSERT_LE(0, consumer);
	if (!consumer)
		consume_until_killed(&self->env.broker, t);
	end = now_ms() + 4 * LONG_MS;
	do {
		sleep_ms(50);
		ASSERT_EQ(0, queue_info(self->s, self->slow, &info));
	} while (info.ready + info.unacked && now_ms() < end);
	word_set(&t->stop, 1);
	EXPECT_EQ(0, reap(consumer, LONG_MS));
	EXPECT_EQ(0, t->bad);
	for (n = 0, i = 0; i < 4 * MESSAGES; i++)
		n += t->track[i].done && goes_slow(i);
	EXPECT_EQ(4 * SLOW, n);
}

TEST_HARNESS_MAIN
