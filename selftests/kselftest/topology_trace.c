// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace of a broker's messages, through amq.mqk.trace.
 *
 * mqk-test: parallel timeout=300
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "heard.h"
#include "rings_pair.h"
#include "harness.h"

#define TRACE		"amq.mqk.trace"
#define PASSIVE		MQK_DECLARE_F_PASSIVE
#define EXCLUSIVE	MQK_DECLARE_F_EXCLUSIVE
#define CONFIRM		MQK_PORT_F_CONFIRM
#define INPLACE		MQK_PORT_F_INPLACE
#define CONFIRMED	MQK_COMPLETION_CONFIRM
#define CUT		65536u		/* of a payload; more is not traced */
#define WAITING		1024u		/* messages that wait to be traced */

FIXTURE(traces)
{
	struct pair pair;
	int ear;			/* session that listens */
	struct consumer c;		/* of "ear", made by listens() */
	struct heard e;			/* what came last */
};

FIXTURE_VARIANT(traces)
{
	__u32 flags;			/* of the port */
	bool copy;			/* what comes is read as a copy */
};

FIXTURE_VARIANT_ADD(traces, copy_mapped) { .flags = 0, .copy = false };
FIXTURE_VARIANT_ADD(traces, inplace_copied) { .flags = INPLACE, .copy = true };

FIXTURE_SETUP(traces)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | CONFIRM));
	self->ear = env_session(&self->pair.env, O_RDWR);
	ASSERT_LE(0, self->ear);
}

FIXTURE_TEARDOWN(traces)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static int listens(FIXTURE_DATA(traces) *self, bool copy, const char *pattern)
{
	__s64 q = queue_declare(self->ear, "ear", EXCLUSIVE);
	int err = q < 0 ? (int)q : binding_add(self->ear, TRACE, "ear", pattern);

	return err ? err : consumer_make(&self->c, self->ear, "ear",
					 copy ? MQK_CONSUMER_F_COPY : 0, 0, 256);
}

/* Whether the next trace has this key. */
static bool comes(FIXTURE_DATA(traces) *self, const char *key)
{
	int err = heard_take(&self->c, &self->e, LONG_MS);

	if (!err && !strcmp(self->e.key, key))
		return true;
	fprintf(stderr, "# wanted %s, got %s (%d)\n", key, err ? "-" : self->e.key, err);
	return false;
}

/* Whether its payload is that number. */
static bool is_number(FIXTURE_DATA(traces) *self, __u32 number)
{
	__u32 is;

	memcpy(&is, self->e.payload, sizeof(is));
	if (self->e.d.payload_len == sizeof(is) && is == number)
		return true;
	fprintf(stderr, "# wanted %u, got %u\n", number, is);
	return false;
}

/* That nothing comes but what is asked for now; queues of the pair's are not bound. */
static bool nothing_else(FIXTURE_DATA(traces) *self)
{
	__s64 x = exchange_declare(self->pair.s, "mark", MQK_EXCHANGE_FANOUT, 0);
	__u32 number = 4711;
	struct msg m = { .exchange = x, .key = "m", .key_len = 1, .payload = &number,
			 .payload_len = sizeof(number) };

	return x > 0 && pair_publish(&self->pair, &m) == CONFIRMED &&
	       comes(self, "publish.mark") && is_number(self, number);
}

/* What is traced and lost in all, once that is at least @want. */
static __u64 all_traces(FIXTURE_DATA(traces) *self, __u64 want, struct mqk_stat *s)
{
	__u64 end = now_ms() + LONG_MS;

	do {
		if (stat_get(self->pair.s, s))
			return 0;
	} while (s->traces + s->traces_lost < want && now_ms() < end);
	return s->traces + s->traces_lost;
}

/* --- what is told --------------------------------------------------------- */

TEST_F(traces, publishing)
{
	__s64 x = exchange_declare(self->pair.s, "x", MQK_EXCHANGE_TOPIC, 0), number;
	__u32 payload = 7, len;
	const void *table;
	struct headers h = {};
	struct msg m = { .exchange = x, .key = "a.b", .key_len = 3, .payload = &payload,
			 .payload_len = 4, .priority = 5 };

	ASSERT_LT(0, x);
	headers_text(&h, "app-id", "it");
	headers_number(&h, "number", 99);
	m.headers = h.bytes;
	m.headers_len = h.len;
	ASSERT_LT(0, queue_declare(self->pair.s, "q1", 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "q2", 0));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q1", "a.#"));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q2", "*.b"));
	ASSERT_EQ(0, listens(self, variant->copy, "publish.#"));
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish.x"));
	EXPECT_TRUE(is_number(self, 7));
	EXPECT_TRUE(heard_says(&self->e, "exchange", "x"));
	EXPECT_TRUE(heard_says(&self->e, "routing-key", "a.b"));
	EXPECT_EQ(getuid(), heard_number(&self->e, "user"));
	EXPECT_EQ(getpid(), heard_number(&self->e, "pid"));
	EXPECT_EQ(2, heard_number(&self->e, "queues"));
	EXPECT_EQ(0, heard_flag(&self->e, "refused"));
	EXPECT_EQ(5, heard_number(&self->e, "priority"));
	EXPECT_EQ(4, heard_number(&self->e, "bytes"));
	EXPECT_EQ(-1, heard_flag(&self->e, "cut"));
	EXPECT_EQ(-1, heard_flag(&self->e, "properties-lost"));
	EXPECT_EQ(-1, heard_number(&self->e, "count"));
	number = heard_number(&self->e, "number");
	EXPECT_EQ(1, number);
	EXPECT_NE(NULL, heard_header(&self->e, "timestamp", MQK_HEADER_TIMESTAMP, &len));
	/* the message's own are apart, all of them */
	table = heard_header(&self->e, "properties", MQK_HEADER_TABLE, &len);
	ASSERT_NE(NULL, table);
	ASSERT_EQ(h.len, len);
	EXPECT_EQ(0, memcmp(table, h.bytes, len));
	/* the trace itself is the broker's */
	EXPECT_EQ(0, self->e.d.pid);
	EXPECT_EQ(exchange_declare(self->pair.s, TRACE, 0, PASSIVE), self->e.d.exchange);
	/* to nobody, and through the default exchange */
	m.key = "b";
	m.key_len = 1;
	m.headers_len = 0;
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish.x"));
	EXPECT_EQ(0, heard_number(&self->e, "queues"));
	EXPECT_EQ(number + 1, heard_number(&self->e, "number"));
	EXPECT_EQ(NULL, heard_header(&self->e, "properties", MQK_HEADER_TABLE, &len));
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q1", 8));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_TRUE(heard_says(&self->e, "exchange", ""));
	EXPECT_TRUE(heard_says(&self->e, "routing-key", "q1"));
	EXPECT_EQ(1, heard_number(&self->e, "queues"));
	EXPECT_TRUE(is_number(self, 8));
}

/* A port that has found its route before anybody listened. */
TEST_F(traces, a_route_in_use)
{
	__s64 x = exchange_declare(self->pair.s, "x", MQK_EXCHANGE_DIRECT, 0);
	__u32 payload = 3;
	struct msg m = { .exchange = x, .key = "k", .key_len = 1, .payload = &payload,
			 .payload_len = 4 };

	ASSERT_LT(0, x);
	ASSERT_LT(0, queue_declare(self->pair.s, "q1", 0));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q1", "k"));
	ASSERT_LT(0, queue_declare(self->ear, "ear", EXCLUSIVE));
	ASSERT_EQ(0, consumer_make(&self->c, self->ear, "ear",
				   variant->copy ? MQK_CONSUMER_F_COPY : 0, 0, 256));
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, binding_add(self->ear, TRACE, "ear", "publish.#"));
	payload = 4;
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish.x"));
	EXPECT_TRUE(is_number(self, 4));
}

TEST_F(traces, refused)
{
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_LT(0, queue_declare_args(self->pair.s, "full",
					"x-max-length=1 x-overflow=reject-publish"));
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "full", 1));
	ASSERT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "full", 2));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_EQ(0, heard_flag(&self->e, "refused"));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_EQ(1, heard_flag(&self->e, "refused"));
	EXPECT_EQ(0, heard_number(&self->e, "queues"));
	EXPECT_TRUE(is_number(self, 2));
	EXPECT_TRUE(nothing_else(self));
}

TEST_F(traces, delivering)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(0, listens(self, variant->copy, "deliver.#"));
	/* got, given back, and got again */
	ASSERT_EQ(1, pair_do(&self->pair, q, MQK_ACK_REJECT, MQK_ACK_F_REQUEUE));
	ASSERT_TRUE(comes(self, "deliver.q"));
	EXPECT_TRUE(heard_says(&self->e, "queue", "q"));
	EXPECT_TRUE(heard_says(&self->e, "exchange", ""));
	EXPECT_TRUE(heard_says(&self->e, "routing-key", "q"));
	EXPECT_EQ(0, heard_flag(&self->e, "redelivered"));
	EXPECT_EQ(0, heard_number(&self->e, "count"));
	EXPECT_EQ(getuid(), heard_number(&self->e, "user"));
	EXPECT_EQ(getpid(), heard_number(&self->e, "pid"));
	EXPECT_EQ(getuid(), heard_number(&self->e, "consumer-user"));
	EXPECT_EQ(getpid(), heard_number(&self->e, "consumer-pid"));
	EXPECT_EQ(-1, heard_number(&self->e, "queues"));
	EXPECT_TRUE(is_number(self, 1));
	ASSERT_EQ(1, pair_take(&self->pair, q));
	ASSERT_TRUE(comes(self, "deliver.q"));
	EXPECT_EQ(1, heard_flag(&self->e, "redelivered"));
	EXPECT_EQ(1, heard_number(&self->e, "count"));
	/* to one that is pushed to: what waits, and what comes */
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", MQK_CONSUMER_F_NOACK, 0, 16));
	ASSERT_TRUE(comes(self, "deliver.q"));
	EXPECT_TRUE(is_number(self, 2));
	ASSERT_EQ(2, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 3));
	ASSERT_TRUE(comes(self, "deliver.q"));
	EXPECT_TRUE(is_number(self, 3));
	EXPECT_EQ(-ETIMEDOUT, heard_take(&self->c, &self->e, SHORT_MS));
}

/* A message is published before it is delivered. */
TEST_F(traces, in_order)
{
	__u32 number = 0, i;
	struct consumer c;

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 0, 64));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	for (i = 1; i <= 20; i++) {
		ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", i));
		ASSERT_TRUE(comes(self, "publish."));
		EXPECT_TRUE(is_number(self, i));
		EXPECT_EQ(++number, heard_number(&self->e, "number"));
		ASSERT_TRUE(comes(self, "deliver.q"));
		EXPECT_TRUE(is_number(self, i));
		EXPECT_EQ(++number, heard_number(&self->e, "number"));
	}
}

/* Patterns choose. */
TEST_F(traces, chosen)
{
	__s64 a = queue_declare(self->pair.s, "a", 0), b = queue_declare(self->pair.s, "b", 0);

	ASSERT_LT(0, b);
	ASSERT_EQ(0, listens(self, variant->copy, "deliver.b"));
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "a", 1));
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "b", 2));
	ASSERT_EQ(1, pair_take(&self->pair, a));
	ASSERT_EQ(2, pair_take(&self->pair, b));
	ASSERT_TRUE(comes(self, "deliver.b"));
	EXPECT_TRUE(is_number(self, 2));
	EXPECT_EQ(4, heard_number(&self->e, "number"));
	EXPECT_EQ(-ETIMEDOUT, heard_take(&self->c, &self->e, SHORT_MS));
}

/* What is too long is cut, and says so. */
TEST_F(traces, cut)
{
	static const __u32 sizes[] = { 0, CUT, CUT + 1, 5u << 20, 20u << 20 };
	__u8 *payload = malloc(20u << 20);
	struct msg m = { .exchange = self->pair.exchange, .key = "q", .key_len = 1,
			 .payload = payload };
	__u32 i;

	ASSERT_NE(NULL, payload);
	pattern_fill(payload, 20u << 20, 3);
	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		m.payload_len = sizes[i];
		ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
		ASSERT_TRUE(comes(self, "publish."));
		EXPECT_EQ(sizes[i], heard_number(&self->e, "bytes"));
		EXPECT_EQ(sizes[i] > CUT ? 1 : -1, heard_flag(&self->e, "cut"));
		ASSERT_EQ(sizes[i] > CUT ? CUT : sizes[i], self->e.d.payload_len);
		EXPECT_TRUE(pattern_ok(self->e.payload, self->e.d.payload_len, 3));
	}
	free(payload);
}

/* Headers that do not fit into a table, by length or by depth, or are none. */
TEST_F(traces, properties)
{
	static __u8 big[MQK_HEADERS_MAX];
	struct headers in = {}, out;
	__u32 payload = 1, len, i;
	struct msg m = { .exchange = self->pair.exchange, .key = "q", .key_len = 1,
			 .payload = &payload, .payload_len = 4, .headers = big };

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	/* one header fills them */
	big[0] = MQK_HEADER_BYTES;
	big[1] = 1;
	big[2] = (sizeof(big) - 5) & 0xff;
	big[3] = (sizeof(big) - 5) >> 8;
	big[4] = 'n';
	m.headers_len = sizeof(big);
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_EQ(1, heard_flag(&self->e, "properties-lost"));
	EXPECT_EQ(NULL, heard_header(&self->e, "properties", MQK_HEADER_TABLE, &len));
	EXPECT_TRUE(is_number(self, 1));
	/* tables in tables, as deep as they may be, are too deep in one more */
	for (i = 0; i <= MQK_HEADERS_DEPTH; i++) {
		m.headers = in.bytes;
		m.headers_len = in.len;
		ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
		ASSERT_TRUE(comes(self, "publish."));
		EXPECT_EQ(i == MQK_HEADERS_DEPTH ? 1 : -1,
			  heard_flag(&self->e, "properties-lost"));
		memset(&out, 0, sizeof(out));
		headers_add(&out, MQK_HEADER_TABLE, "t", in.bytes, in.len);
		in = out;
	}
	/* nobody looks at them when they are published in place */
	if (!(variant->flags & INPLACE))
		return;
	big[0] = '?';
	m.headers = big;
	m.headers_len = 64;
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_EQ(1, heard_flag(&self->e, "properties-lost"));
	EXPECT_TRUE(is_number(self, 1));
}

/* Who gets a message and who is not to know who else does, does not, here either. */
TEST_F(traces, further_keys)
{
	static const char * const cc[] = { "q1", NULL }, * const bcc[] = { "q2", NULL };
	__u32 payload = 1, len, found;
	struct headers h = {};
	const void *table;
	struct msg m = { .exchange = self->pair.exchange, .key = "q0", .key_len = 2,
			 .flags = MQK_MSG_F_CC, .payload = &payload, .payload_len = 4,
			 .headers = h.bytes };

	headers_array(&h, "BCC", bcc);
	headers_array(&h, "CC", cc);
	m.headers_len = h.len;
	ASSERT_LT(0, queue_declare(self->pair.s, "q0", 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "q1", 0));
	ASSERT_LT(0, queue_declare(self->pair.s, "q2", 0));
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_EQ(3, heard_number(&self->e, "queues"));
	table = heard_header(&self->e, "properties", MQK_HEADER_TABLE, &len);
	ASSERT_NE(NULL, table);
	EXPECT_NE(NULL, headers_find(table, len, "CC", MQK_HEADER_ARRAY, &found));
	EXPECT_EQ(NULL, headers_find(table, len, "BCC", MQK_HEADER_ARRAY, &found));
}

/* What is remembered is so all the same, and what it is given later is delivered. */
TEST_F(traces, last_value)
{
	__s64 x = exchange_declare(self->pair.s, "x", MQK_EXCHANGE_LAST_VALUE, 0);
	__s64 q = queue_declare(self->pair.s, "q", 0);
	__u32 payload = 5;
	struct msg m = { .exchange = x, .key = "k", .key_len = 1, .payload = &payload,
			 .payload_len = 4 };

	ASSERT_LT(0, x);
	ASSERT_LT(0, q);
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(CONFIRMED, pair_publish(&self->pair, &m));
	ASSERT_TRUE(comes(self, "publish.x"));
	EXPECT_EQ(0, heard_number(&self->e, "queues"));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q", "#"));
	ASSERT_EQ(5, pair_take(&self->pair, q));
	ASSERT_TRUE(comes(self, "deliver.q"));
	EXPECT_TRUE(is_number(self, 5));
	EXPECT_TRUE(heard_says(&self->e, "exchange", "x"));
}

static int transact(int fd, __u32 flag)
{
	struct mqk_tx tx = { .size = sizeof(tx), .flags = flag };

	return mq(fd, MQK_IOC_TX, &tx);
}

/* A transaction's messages are published when it is committed. */
TEST_F(traces, transactions)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);

	ASSERT_LT(0, q);
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(0, transact(self->pair.s, MQK_TX_F_BEGIN));
	ASSERT_EQ(0, port_number(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(0, transact(self->pair.s, MQK_TX_F_ROLLBACK));
	ASSERT_EQ(0, transact(self->pair.s, MQK_TX_F_BEGIN));
	ASSERT_EQ(0, port_number(&self->pair.port, self->pair.exchange, "q", 2));
	ASSERT_EQ(0, port_number(&self->pair.port, self->pair.exchange, "none", 3));
	EXPECT_EQ(-ETIMEDOUT, heard_take(&self->c, &self->e, SHORT_MS));
	ASSERT_EQ(0, transact(self->pair.s, MQK_TX_F_COMMIT));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_TRUE(is_number(self, 2));
	EXPECT_EQ(1, heard_number(&self->e, "queues"));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_TRUE(is_number(self, 3));
	EXPECT_EQ(0, heard_number(&self->e, "queues"));
	ASSERT_EQ(2, pair_take(&self->pair, q));
	ASSERT_TRUE(comes(self, "deliver.q"));
	EXPECT_TRUE(is_number(self, 2));
}

/* What a producer repeats is not published again. */
TEST_F(traces, producers)
{
	__u32 payload = 1;
	struct msg m = { .exchange = self->pair.exchange, .key = "none", .key_len = 4,
			 .payload = &payload, .payload_len = 4, .number = 1 };
	struct port p;
	__u32 i;

	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(0, port_make_for(&p, self->pair.r, CONFIRM, 64, "name", 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, port_publish(&p, &m));
		ASSERT_EQ(0, port_confirmed(&p, i + 1, NULL));
	}
	m.number = payload = 2;
	ASSERT_EQ(0, port_publish(&p, &m));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_TRUE(is_number(self, 1));
	ASSERT_TRUE(comes(self, "publish."));
	EXPECT_TRUE(is_number(self, 2));
	EXPECT_EQ(2, heard_number(&self->e, "number"));
}

/* --- no trace makes another one ------------------------------------------- */

/*
 * Traces that go through other exchanges, are delivered there, and die there; and
 * events are not messages that others publish.
 */
TEST_F(traces, of_traces)
{
	struct consumer far, dead;
	struct mqk_stat s;
	__s64 q;

	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(0, exchange_bind(self->ear, TRACE, "amq.fanout", "#"));
	ASSERT_LT(0, queue_declare(self->ear, "far", 0));
	ASSERT_EQ(0, binding_add(self->ear, "amq.fanout", "far", ""));
	ASSERT_EQ(0, binding_add(self->ear, "amq.mqk.event", "far", "#"));
	ASSERT_LT(0, exchange_declare(self->ear, "dlx", MQK_EXCHANGE_FANOUT, 0));
	ASSERT_LT(0, queue_declare(self->ear, "dead", 0));
	ASSERT_EQ(0, binding_add(self->ear, "dlx", "dead", ""));
	ASSERT_LT(0, queue_declare_args(self->ear, "short",
					"x-message-ttl=0 x-dead-letter-exchange=dlx"));
	ASSERT_EQ(0, binding_add(self->ear, "amq.fanout", "short", ""));
	ASSERT_EQ(0, consumer_make(&far, self->ear, "far", MQK_CONSUMER_F_NOACK, 0, 64));
	ASSERT_EQ(0, consumer_make(&dead, self->ear, "dead", MQK_CONSUMER_F_NOACK, 0, 64));
	q = queue_declare(self->pair.s, "q", 0);
	ASSERT_LT(0, q);
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 1));
	ASSERT_TRUE(comes(self, "publish."));
	/* it has died, and is delivered as a letter */
	ASSERT_EQ(1, take_number(&dead, NULL, LONG_MS));
	ASSERT_EQ(1, pair_take(&self->pair, q));
	ASSERT_TRUE(comes(self, "deliver.q"));
	ASSERT_EQ(1, take_number(&dead, NULL, LONG_MS));
	EXPECT_TRUE(nothing_else(self));
	EXPECT_EQ(3, heard_number(&self->e, "number"));
	EXPECT_EQ(3, all_traces(self, 3, &s));
	EXPECT_EQ(0, s.traces_lost);
	ASSERT_EQ(0, exchange_unbind(self->ear, TRACE, "amq.fanout", "#"));
}

/* Dead letters are delivered, but nobody publishes them. */
TEST_F(traces, dead_letters)
{
	__s64 q, l = queue_declare(self->pair.s, "letters", 0);

	ASSERT_LT(0, l);
	q = queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange= "
			       "x-dead-letter-routing-key=letters");
	ASSERT_LT(0, q);
	ASSERT_EQ(0, listens(self, variant->copy, "#"));
	ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 1));
	ASSERT_TRUE(comes(self, "publish."));
	ASSERT_EQ(1, pair_do(&self->pair, q, MQK_ACK_REJECT, 0));
	ASSERT_TRUE(comes(self, "deliver.q"));
	ASSERT_EQ(1, pair_await(&self->pair, l));
	ASSERT_TRUE(comes(self, "deliver.letters"));
	EXPECT_EQ(getpid(), heard_number(&self->e, "pid"));
	EXPECT_TRUE(nothing_else(self));
}

/* Nobody listens: nothing is written down, and numbers do not go on. */
TEST_F(traces, nobody_listens)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	struct mqk_stat s;
	__u32 round;

	ASSERT_LT(0, q);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 1));
		ASSERT_EQ(1, pair_take(&self->pair, q));
		EXPECT_EQ(2 * round, all_traces(self, 2 * round, &s));
		ASSERT_EQ(0, listens(self, variant->copy, "#"));
		ASSERT_EQ(CONFIRMED, pair_number(&self->pair, "q", 2));
		ASSERT_EQ(2, pair_take(&self->pair, q));
		ASSERT_TRUE(comes(self, "publish."));
		EXPECT_EQ(2 * round + 1, heard_number(&self->e, "number"));
		ASSERT_TRUE(comes(self, "deliver.q"));
		/* by a word, or with the queue */
		if (round % 2)
			ASSERT_EQ(0, binding_del(self->ear, TRACE, "ear", "#"));
		ASSERT_EQ(0, consumer_close(&self->c));
		ASSERT_EQ(0, queue_delete(self->ear, "ear", 0));
	}
}

/* --- how much ------------------------------------------------------------- */

#define MANY	3000

/*
 * More at once than can wait: those that are lost are missing, and counted; and those
 * that come have their contents, although their queue is emptied and deleted at once.
 */
TEST_F(traces, many)
{
	struct msg m = { .exchange = self->pair.exchange, .key = "q", .key_len = 1 };
	__s64 last = 0, missing = 0, number;
	static struct msg batch[30];
	static __u32 payload[30];
	struct mqk_stat s;
	__u32 i, got, n;

	ASSERT_LT(0, queue_declare(self->pair.s, "q", 0));
	ASSERT_EQ(0, listens(self, variant->copy, "publish.#"));
	for (i = 0; i < MANY; i += 30) {
		for (n = 0; n < 30; n++) {
			payload[n] = i + n;
			batch[n] = m;
			batch[n].payload = &payload[n];
			batch[n].payload_len = 4;
		}
		ASSERT_EQ(30, port_publish_batch(&self->pair.port, batch, 30));
		ASSERT_EQ(0, port_confirmed(&self->pair.port, i + 30, NULL));
		if (i % 900 == 0)
			ASSERT_LT(0, queue_purge(self->pair.s, "q"));
	}
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_EQ(MANY, all_traces(self, MANY, &s));
	for (got = 0; got < s.traces; got++) {
		ASSERT_TRUE(comes(self, "publish."));
		number = heard_number(&self->e, "number");
		ASSERT_LT(last, number);
		ASSERT_TRUE(is_number(self, number - 1));
		missing += number - last - 1;
		last = number;
	}
	EXPECT_EQ(s.traces_lost, missing + MANY - last);
}

/* The broker has no credit to tell anything: traces are lost, messages are not. */
TEST_F(traces, no_credit)
{
	struct mqk_broker_create want = { .limit = { [MQK_RES_PORTS] = 1 } };
	FIXTURE_DATA(traces) *other = calloc(1, sizeof(*other));
	struct mqk_stat s;
	__u32 i;

	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, pair_open(&other->pair, &want));
	ASSERT_EQ(0, port_make(&other->pair.port, other->pair.s, variant->flags | CONFIRM, 64));
	other->ear = env_session(&other->pair.env, O_RDWR);
	ASSERT_EQ(0, listens(other, variant->copy, "#"));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(CONFIRMED, pair_number(&other->pair, "none", i));
	EXPECT_EQ(100, all_traces(other, 100, &s));
	EXPECT_EQ(100, s.traces_lost);
	EXPECT_EQ(100, s.published);
	EXPECT_EQ(0, s.refused);
	EXPECT_EQ(0, pair_end(&other->pair));
	free(other);
}

/* --- who may do what ------------------------------------------------------ */

/* Nobody publishes to it, deletes it, or has something lead to it. */
TEST_F(traces, reserved)
{
	__s64 x = exchange_declare(self->pair.s, TRACE, 0, PASSIVE);
	struct mqk_exchange_next info = {};
	__u32 id = 1;
	struct msg m = { .exchange = x, .key = "publish.a", .key_len = 9,
			 .payload = &id, .payload_len = 4 };

	ASSERT_LT(0, x);
	ASSERT_EQ(0, exchange_info(self->pair.s, x, &info));
	EXPECT_EQ(MQK_EXCHANGE_SYSTEM, info.type);
	EXPECT_EQ(0400, info.mode);
	if (variant->flags & INPLACE) {
		EXPECT_EQ(MQK_COMPLETION_ERROR, pair_publish(&self->pair, &m));
	} else {
		EXPECT_EQ(-EACCES, port_publish(&self->pair.port, &m));
		EXPECT_EQ(MQK_RULE_PERMISSION, rule(self->pair.s));
	}
	EXPECT_EQ(-EACCES, route(self->pair.s, TRACE, "a", 1, &id, 1));
	EXPECT_EQ(-EACCES, exchange_delete(self->pair.s, TRACE, 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->pair.s));
	EXPECT_EQ(-EACCES, exchange_bind(self->pair.s, "amq.topic", TRACE, "#"));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->pair.s));
	EXPECT_EQ(-EACCES, exchange_bind(self->pair.s, "amq.mqk.event", TRACE, "#"));
}

/* Who owns the node may listen; others may not. */
TEST_F(traces, permission)
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
			if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) ||
			    setresuid(uid, uid, uid))
				_exit(99);
			s = broker_open(&env.broker, O_RDWR);
			if (s < 0 || queue_declare(s, "q", EXCLUSIVE) < 0)
				_exit(98);
			err = binding_add(s, TRACE, "q", "#");
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
TEST_F(traces, removed)
{
	static __u32 payload[30];
	static struct msg batch[30];
	struct broker b;
	__u32 round, i;

	for (round = 0; round < 3; round++) {
		struct port p;
		__s64 x;
		int s;

		ASSERT_EQ(0, broker_make(&b, NULL));
		s = broker_open(&b, O_RDWR);
		ASSERT_LE(0, s);
		x = exchange_declare(s, "", 0, PASSIVE);
		ASSERT_LT(0, x);
		ASSERT_LT(0, queue_declare(s, "ear", 0));
		ASSERT_EQ(0, binding_add(s, TRACE, "ear", "#"));
		ASSERT_EQ(0, port_make(&p, s, variant->flags, 64));
		for (i = 0; i < 30; i++)
			batch[i] = (struct msg) { .exchange = x, .key = "ear", .key_len = 3,
						  .payload = &payload[i], .payload_len = 4 };
		for (i = 0; i < 10; i++)
			ASSERT_EQ(30, port_publish_batch(&p, batch, 30));
		ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
		port_unmap(&p);
		session_close(s);
	}
}

TEST_HARNESS_MAIN
