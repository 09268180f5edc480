// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dead letters: x-dead-letter-exchange, x-dead-letter-routing-key, and
 * x-overflow=reject-publish-dlx.
 *
 * What a letter says of its deaths is compared as text, an entry for each, newest
 * first: queue:reason:count:exchange:key,key...[:expiration].
 *
 * mqk-test: parallel timeout=300
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define EXPIRES		MQK_MSG_F_EXPIRATION
#define REQUEUE		MQK_ACK_F_REQUEUE
#define TO(key)		"x-dead-letter-exchange= x-dead-letter-routing-key=" key

FIXTURE(dead)
{
	struct pair pair;
};

FIXTURE_VARIANT(dead)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(dead, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(dead, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(dead)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | CONFIRM));
}

FIXTURE_TEARDOWN(dead)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* --- headers -------------------------------------------------------------- */

struct header {
	__u8 type, name_len;
	__u16 len;
	const __u8 *name, *value;
};

/* The header at *p; false at the end. */
static bool header_next(const __u8 **p, __u32 *left, struct header *h)
{
	__u32 size;

	for (; *left >= 8 && !(*p)[0]; *p += 8)
		*left -= 8;
	if (*left < 4)
		return false;
	h->type = (*p)[0];
	h->name_len = (*p)[1];
	h->len = (*p)[2] | (*p)[3] << 8;
	h->name = *p + 4;
	h->value = h->name + h->name_len;
	size = (4 + h->name_len + h->len + 7) & ~7u;
	if (size > *left)
		return false;
	*p += size;
	*left -= size;
	return true;
}

static bool header_find(const void *headers, __u32 len, const char *name,
			struct header *h)
{
	const __u8 *p = headers;

	while (header_next(&p, &len, h))
		if (h->name_len == strlen(name) && !memcmp(h->name, name, h->name_len))
			return true;
	return false;
}

static void add(char *to, const char *before, const struct header *h)
{
	sprintf(to + strlen(to), "%s%.*s", before, h->len, (const char *)h->value);
}

static void describe_death(char *to, const struct header *death)
{
	struct header h, key;
	const char *before = ":";
	__s64 count = -1, when = 0;
	const __u8 *p;
	__u32 left;

	if (header_find(death->value, death->len, "queue", &h))
		add(to, *to ? " " : "", &h);
	if (header_find(death->value, death->len, "reason", &h))
		add(to, ":", &h);
	if (header_find(death->value, death->len, "count", &h) &&
	    h.type == MQK_HEADER_LONG)
		memcpy(&count, h.value, sizeof(count));
	sprintf(to + strlen(to), ":%lld", (long long)count);
	if (header_find(death->value, death->len, "exchange", &h))
		add(to, ":", &h);
	if (header_find(death->value, death->len, "routing-keys", &h))
		for (p = h.value, left = h.len; header_next(&p, &left, &key); before = ",")
			add(to, before, &key);
	if (header_find(death->value, death->len, "original-expiration", &h))
		add(to, ":", &h);
	if (header_find(death->value, death->len, "time", &h) &&
	    h.type == MQK_HEADER_TIMESTAMP)
		memcpy(&when, h.value, sizeof(when));
	if (when < time(NULL) - 300 || when > time(NULL) + 1)
		strcat(to, ":when?");
}

/* All deaths of a message as text; "" when it has not died. */
static const char *deaths_in(const void *headers, __u32 len)
{
	static char text[4096];
	struct header h, death;
	const __u8 *p;
	__u32 left;

	*text = 0;
	if (!header_find(headers, len, "x-death", &h))
		return text;
	if (h.type != MQK_HEADER_ARRAY)
		return "no array";
	for (p = h.value, left = h.len; header_next(&p, &left, &death);)
		describe_death(text, &death);
	return text;
}

static const void *headers_of(int fd, const struct mqk_delivery *d)
{
	const __u8 *record = record_map(fd, d);

	return record ? record + MQK_RECORD_HEADERS(d->key_len) : NULL;
}

static const char *deaths_of(int fd, const struct mqk_delivery *d)
{
	const void *headers = headers_of(fd, d);

	return headers ? deaths_in(headers, d->headers_len) : "no record";
}

/* reason:queue:exchange of x-first-death-* or x-last-death-*. */
static const char *end_of(int fd, const struct mqk_delivery *d, const char *which)
{
	static const char * const names[] = { "reason", "queue", "exchange" };
	const void *headers = headers_of(fd, d);
	static char text[1024];
	char name[64];
	struct header h;
	unsigned int i;

	*text = 0;
	for (i = 0; headers && i < 3; i++) {
		sprintf(name, "x-%s-death-%s", which, names[i]);
		if (header_find(headers, d->headers_len, name, &h))
			add(text, i ? ":" : "", &h);
		else
			strcat(text, "?");
	}
	return text;
}

/* --- messages ------------------------------------------------------------- */

/* Get and settle the message of that number. */
static int fails(FIXTURE_DATA(dead) *self, __u32 queue, __s64 number, __u32 op,
		 __u32 flags)
{
	struct mqk_delivery d;

	return pair_get(&self->pair, queue, LONG_MS,
			&d) == number ? pair_settle(&self->pair, &d, op, flags) : -EIO;
}

/* What is ready, once nothing is dying there. */
static __u64 settled(int fd, __u32 queue)
{
	struct mqk_queue_next info = {};
	__u64 end = now_ms() + LONG_MS;

	do {
		if (queue_info(fd, queue, &info))
			return ~0ull;
	} while (info.dying && now_ms() < end);
	return info.dying ? ~0ull : info.ready;
}

/* Wait until so many letters were made, and so many were lost. */
static bool letters(int fd, __u64 made, __u64 lost)
{
	struct mqk_stat st = {};
	__u64 end = now_ms() + LONG_MS;

	do {
		if (stat_get(fd, &st))
			return false;
	} while ((st.dead_letters < made || st.dead_lost < lost) && now_ms() < end);
	return st.dead_letters == made && st.dead_lost == lost;
}

/* --- arguments ------------------------------------------------------------ */

TEST_F(dead, arguments_that_are_none)
{
	static const char * const bad[] = {
		/* what RabbitMQ says 406 to */
		"x-dead-letter-routing-key=k", "x-dead-letter-exchange=1",
		"x-dead-letter-exchange=x x-dead-letter-routing-key=1",
		"x-overflow=reject-publish-dlq", "x-dead-letter-exchanges=x",
	};
	static const char * const good[] = {
		"x-dead-letter-exchange=none", "x-overflow=reject-publish-dlx",
		"x-dead-letter-routing-key=k x-dead-letter-exchange=x",
		"x-dead-letter-exchange=",
	};
	struct headers h = {};
	char name[257];
	unsigned int i;

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	EXPECT_STREQ("", pair_args_taken(&self->pair, good, ARRAY_SIZE(good)));
	ASSERT_LT(0, queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange=x"));
	EXPECT_LT(0, queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange=x"));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange=y"));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q",
					      "x-dead-letter-exchange=x x-dead-letter-routing-key=k"));

	/* 255 bytes are a name, none of them 0; a key may have any */
	memset(name, 'n', 256);
	name[256] = 0;
	for (i = 255; i <= 256; i++) {
		struct mqk_queue_declare d = {
			.size = sizeof(d), .name = (uintptr_t)"l", .name_len = 1,
			.args = (uintptr_t)h.bytes,
		};

		h.len = 0;
		headers_add(&h, MQK_HEADER_STRING, "x-dead-letter-exchange", name, i);
		headers_add(&h, MQK_HEADER_STRING, "x-dead-letter-routing-key", name, i);
		d.args_len = h.len;
		EXPECT_EQ(i == 255 ? 0 : -EINVAL, mq(self->pair.s, MQK_IOC_QUEUE_DECLARE, &d));
		EXPECT_EQ(0, queue_delete(self->pair.s, "l", 0));
		h.len = 0;
		headers_add(&h, MQK_HEADER_STRING, "x-dead-letter-exchange", "x\0y", 3);
		d.args_len = h.len;
		EXPECT_EQ(-EINVAL, mq(self->pair.s, MQK_IOC_QUEUE_DECLARE, &d));
		h.len = 0;
		headers_add(&h, MQK_HEADER_STRING, "x-dead-letter-exchange", "x", 1);
		headers_add(&h, MQK_HEADER_STRING, "x-dead-letter-routing-key", "x\0y", 3);
		d.args_len = h.len;
		EXPECT_EQ(0, mq(self->pair.s, MQK_IOC_QUEUE_DECLARE, &d));
		EXPECT_EQ(0, queue_delete(self->pair.s, "l", 0));
	}
}

/* --- why ------------------------------------------------------------------ */

TEST_F(dead, rejected)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct mqk_delivery d;
	struct mqk_queue_next info;
	__u32 number = 7;
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number), .priority = 200,
	};

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, fails(self, q, 7, MQK_ACK_NACK, 0));
	ASSERT_EQ(7, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("q:rejected:1::q", deaths_of(self->pair.r, &d));
	EXPECT_STREQ("rejected:q:", end_of(self->pair.r, &d, "first"));
	EXPECT_STREQ("rejected:q:", end_of(self->pair.r, &d, "last"));
	/* a new message, of who published the first */
	EXPECT_EQ(0, d.count);
	EXPECT_EQ(0, d.flags);
	EXPECT_EQ(200, d.priority);
	EXPECT_EQ(getpid(), (pid_t)d.pid);
	EXPECT_EQ(getuid(), d.uid);
	EXPECT_EQ(self->pair.exchange, d.exchange);
	EXPECT_EQ(4, d.key_len);
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(0, settled(self->pair.s, q));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked + info.bytes + info.dying);
	EXPECT_EQ(1, info.dropped);
	EXPECT_TRUE(letters(self->pair.s, 1, 0));
	/* rejecting does the same, requeueing does not */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, fails(self, q, 7, MQK_ACK_REJECT, REQUEUE));
	ASSERT_EQ(0, fails(self, q, 7, MQK_ACK_NACK, REQUEUE));
	ASSERT_EQ(0, fails(self, q, 7, MQK_ACK_REJECT, 0));
	EXPECT_EQ(7, pair_await(&self->pair, dead));
	EXPECT_TRUE(letters(self->pair.s, 2, 0));
}

/* By rings, and by copies: several at once, and their order. */
TEST_F(dead, rejected_together)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct consumer push, copy;
	struct mqk_delivery d;
	__u32 i, payload;

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_EQ(0, consumer_make(&copy, self->pair.r, "dead", MQK_CONSUMER_F_COPY, 0, 64));
	ASSERT_EQ(0, consumer_make(&push, self->pair.r, "q", 0, 0, 64));
	for (i = 1; i <= 40; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	ASSERT_EQ(40, take_numbers(&push, 40, NULL, NULL));
	ASSERT_EQ(40, consumer_settle(&push, 0, MQK_ACK_NACK, MQK_ACK_F_MULTIPLE));
	for (i = 1; i <= 40; i++) {
		__u8 record[1024];
		struct mqk_read rd = {
			.size = sizeof(rd), .consumer = copy.c.id,
			.offset = MQK_RECORD_KEY, .data = (uintptr_t)record,
			.len = sizeof(record),
		};

		ASSERT_EQ(0, consumer_next(&copy, &d, LONG_MS));
		ASSERT_EQ(4, delivery_read(&copy, &d, &payload, sizeof(payload)));
		EXPECT_EQ(i, payload);
		rd.tag = d.tag;
		ASSERT_EQ(0, mq(self->pair.r, MQK_IOC_READ, &rd));
		EXPECT_STREQ("q:rejected:1::q",
			     deaths_in(record + MQK_RECORD_HEADERS(d.key_len) -
				       MQK_RECORD_KEY, d.headers_len));
	}
	ASSERT_EQ(40, consumer_settle(&copy, 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE));
	EXPECT_TRUE(letters(self->pair.s, 40, 0));
}

TEST_F(dead, expired)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 t = queue_declare_args(self->pair.s, "t", "x-message-ttl=1 " TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct mqk_delivery d;
	__u32 number = 1;
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number),
		.flags = EXPIRES, .expiration = 23,
	};
	const struct mqk_record *r;

	ASSERT_LT(0, q);
	ASSERT_LT(0, t);
	ASSERT_LT(0, dead);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(1, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("q:expired:1::q:23", deaths_of(self->pair.r, &d));
	/* and does not expire again */
	r = record_map(self->pair.r, &d);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(0, r->flags);
	EXPECT_EQ(0, r->expiration);
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "t", 2));
	ASSERT_EQ(2, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("t:expired:1::t", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
}

/* RabbitMQ: the two oldest of four, each with a count of 1. */
TEST_F(dead, too_many)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=2 " TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	for (i = 1; i <= 2; i++) {
		ASSERT_EQ(i, pair_get(&self->pair, dead, LONG_MS, &d));
		EXPECT_STREQ("q:maxlen:1::q", deaths_of(self->pair.r, &d));
		EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	}
	EXPECT_EQ(2, settled(self->pair.s, q));
	EXPECT_EQ(0, settled(self->pair.s, dead));
	EXPECT_EQ(3, pair_await(&self->pair, q));
	EXPECT_EQ(4, pair_await(&self->pair, q));
	EXPECT_TRUE(letters(self->pair.s, 2, 0));
}

/* The first of many, whose letters are made while others come. */
TEST_F(dead, very_many)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=1 " TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct port p;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 64));
	ASSERT_EQ(0, port_numbers(&p, self->pair.exchange, "q", 1, 5000));
	EXPECT_EQ(1, settled(self->pair.s, q));
	EXPECT_TRUE(letters(self->pair.s, 4999, 0));
	for (i = 1; i < 5000; i++)
		ASSERT_EQ(i, pair_await(&self->pair, dead));
	EXPECT_EQ(0, settled(self->pair.s, dead));
}

TEST_F(dead, failed_too_often)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-delivery-limit=2 " TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, fails(self, q, 1, MQK_ACK_REJECT, REQUEUE));
	ASSERT_EQ(1, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("q:delivery_limit:1::q", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, d.count);
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
}

/* Refused by the queue: a nack, and dead; other queues have it. */
TEST_F(dead, refused)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     "x-max-length=1 x-overflow=reject-publish-dlx " TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	__s64 other = queue_declare(self->pair.s, "other", 0);
	__s64 x = exchange_declare(self->pair.s, "x", MQK_EXCHANGE_FANOUT, 0);
	struct mqk_completion c;
	struct mqk_delivery d;
	__u32 number = 3;
	struct msg m = {
		.exchange = x, .key = "k", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number),
	};

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_LT(0, other);
	ASSERT_LT(0, x);
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "q", "k"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	/* alone, then with others */
	ASSERT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(2, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("q:maxlen:1::q", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, binding_add(self->pair.s, "x", "other", "k"));
	ASSERT_EQ(0, port_publish(&self->pair.port, &m));
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_NACK, c.type);
	EXPECT_EQ(-ENOBUFS, c.result);
	EXPECT_EQ(1, c.queues);
	EXPECT_EQ(3, pair_await(&self->pair, other));
	ASSERT_EQ(3, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("q:maxlen:1:x:k", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, settled(self->pair.s, q));
	EXPECT_EQ(1, pair_await(&self->pair, q));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 4));
	/* without an exchange, they are gone */
	ASSERT_LT(0,
		  queue_declare_args(self->pair.s, "g", "x-max-length=0 x-overflow=reject-publish-dlx"));
	EXPECT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "g", 5));
	EXPECT_TRUE(letters(self->pair.s, 2, 0));
}

/* A letter that its queue refuses is gone, or dies once more. */
TEST_F(dead, refused_letters)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=0 " TO("full"));
	__s64 full = queue_declare_args(self->pair.s, "full",
					"x-max-length=1 x-overflow=reject-publish-dlx " TO("last"));
	__s64 last = queue_declare_args(self->pair.s, "last",
					"x-max-length=1 x-overflow=reject-publish");
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_LT(0, full);
	ASSERT_LT(0, last);
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
		ASSERT_EQ(0, settled(self->pair.s, q));
		ASSERT_EQ(1, settled(self->pair.s, full));
	}
	ASSERT_EQ(1, pair_get(&self->pair, full, LONG_MS, &d));
	EXPECT_STREQ("q:maxlen:1::q", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(2, pair_get(&self->pair, last, LONG_MS, &d));
	EXPECT_STREQ("full:maxlen:1::full q:maxlen:1::q", deaths_of(self->pair.r, &d));
	EXPECT_STREQ("maxlen:q:", end_of(self->pair.r, &d, "first"));
	EXPECT_STREQ("maxlen:full:", end_of(self->pair.r, &d, "last"));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	/* 1 came to full, 2 to last; refused: 2 and 3 by full, 3 by last */
	EXPECT_TRUE(letters(self->pair.s, 2, 3));
}

TEST_F(dead, purged_and_deleted_are_gone)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct mqk_delivery d;

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	EXPECT_EQ(1, queue_purge(self->pair.s, "q"));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 3));
	ASSERT_EQ(2, pair_get(&self->pair, q, LONG_MS, &d));
	EXPECT_EQ(0, queue_delete(self->pair.s, "q", 0));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_REJECT, 0));
	sleep_ms(SHORT_MS);
	EXPECT_EQ(0, settled(self->pair.s, dead));
	EXPECT_TRUE(letters(self->pair.s, 0, 0));
}

/* --- where ---------------------------------------------------------------- */

/* With its own keys, CC included; or with another one, and none of them. */
TEST_F(dead, keys)
{
	static const char * const cc[] = { "cc", "more", NULL };
	__s64 q = queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange=amq.direct");
	__s64 p = queue_declare_args(self->pair.s, "p",
				     "x-dead-letter-exchange=amq.direct x-dead-letter-routing-key=new");
	__s64 by_key = queue_declare(self->pair.s, "by_key", 0);
	__s64 by_cc = queue_declare(self->pair.s, "by_cc", 0);
	__s64 by_bcc = queue_declare(self->pair.s, "by_bcc", 0);
	__s64 by_new = queue_declare(self->pair.s, "by_new", 0);
	struct headers h = {};
	struct mqk_delivery d;
	struct header found;
	__u32 number = 1;
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number),
		.flags = MQK_MSG_F_CC, .headers = h.bytes,
	};

	ASSERT_LT(0, q);
	ASSERT_LT(0, p);
	headers_text(&h, "own", "stays");
	headers_text(&h, "BCC", "bcc");
	headers_array(&h, "CC", cc);
	m.headers_len = h.len;
	ASSERT_EQ(0, binding_add(self->pair.s, "amq.direct", "by_key", "q"));
	ASSERT_EQ(0, binding_add(self->pair.s, "amq.direct", "by_cc", "cc"));
	ASSERT_EQ(0, binding_add(self->pair.s, "amq.direct", "by_bcc", "bcc"));
	ASSERT_EQ(0, binding_add(self->pair.s, "amq.direct", "by_new", "new"));

	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, fails(self, q, 1, MQK_ACK_NACK, 0));
	ASSERT_EQ(1, pair_get(&self->pair, by_key, LONG_MS, &d));
	EXPECT_STREQ("q:rejected:1::q,cc,more", deaths_of(self->pair.r, &d));
	EXPECT_TRUE(header_find(headers_of(self->pair.r, &d), d.headers_len, "CC", &found));
	EXPECT_FALSE(header_find(headers_of(self->pair.r, &d), d.headers_len, "BCC", &found));
	EXPECT_TRUE(header_find(headers_of(self->pair.r, &d), d.headers_len, "own", &found));
	EXPECT_EQ(1, d.key_len);
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(1, pair_await(&self->pair, by_cc));

	m.key = "p";
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, fails(self, p, 1, MQK_ACK_NACK, 0));
	ASSERT_EQ(1, pair_get(&self->pair, by_new, LONG_MS, &d));
	EXPECT_STREQ("p:rejected:1::p,cc,more", deaths_of(self->pair.r, &d));
	EXPECT_FALSE(header_find(headers_of(self->pair.r, &d), d.headers_len, "CC", &found));
	EXPECT_TRUE(header_find(headers_of(self->pair.r, &d), d.headers_len, "own", &found));
	EXPECT_EQ(3, d.key_len);
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	EXPECT_TRUE(letters(self->pair.s, 2, 0));
	EXPECT_EQ(0, settled(self->pair.s, by_key));
	EXPECT_EQ(0, settled(self->pair.s, by_cc));
	EXPECT_EQ(0, settled(self->pair.s, by_bcc));
}

/* None of that name, nothing bound, nothing again: gone, whatever becomes later. */
TEST_F(dead, nowhere)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-dead-letter-exchange=later");
	__s64 dead = queue_declare(self->pair.s, "dead", 0);

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(0, fails(self, q, 1, MQK_ACK_NACK, 0));
	EXPECT_TRUE(letters(self->pair.s, 0, 1));
	/* also one that nobody publishes to */
	ASSERT_LT(0, exchange_declare(self->pair.s, "later", MQK_EXCHANGE_FANOUT,
				      MQK_DECLARE_F_INTERNAL));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(0, fails(self, q, 2, MQK_ACK_NACK, 0));
	EXPECT_TRUE(letters(self->pair.s, 0, 2));
	ASSERT_EQ(0, binding_add(self->pair.s, "later", "dead", ""));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 3));
	ASSERT_EQ(0, fails(self, q, 3, MQK_ACK_NACK, 0));
	EXPECT_EQ(3, pair_await(&self->pair, dead));
	EXPECT_TRUE(letters(self->pair.s, 1, 2));
	ASSERT_EQ(0, exchange_delete(self->pair.s, "later", 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 4));
	ASSERT_EQ(0, fails(self, q, 4, MQK_ACK_NACK, 0));
	EXPECT_TRUE(letters(self->pair.s, 1, 3));
	EXPECT_EQ(0, settled(self->pair.s, dead));
}

/* --- circles -------------------------------------------------------------- */

TEST_F(dead, circles_of_time_end)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-message-ttl=1 " TO("q"));
	__s64 a = queue_declare_args(self->pair.s, "a", "x-message-ttl=1 " TO("b"));
	__s64 b = queue_declare_args(self->pair.s, "b", "x-message-ttl=1 " TO("a"));

	ASSERT_LT(0, q);
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	EXPECT_TRUE(letters(self->pair.s, 0, 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "a", 1));
	EXPECT_TRUE(letters(self->pair.s, 1, 2));
	EXPECT_EQ(0,
		  settled(self->pair.s, q) + settled(self->pair.s, a) + settled(self->pair.s, b));
}

/* RabbitMQ: counts 1, 2, 3. */
TEST_F(dead, circles_with_a_consumer_do_not)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("q"));
	__s64 work = queue_declare_args(self->pair.s, "work", TO("wait"));
	__s64 wait = queue_declare_args(self->pair.s, "wait", "x-message-ttl=1 " TO("work"));
	struct mqk_delivery d;
	char text[128];
	int i;

	ASSERT_LT(0, q);
	ASSERT_LT(0, work);
	ASSERT_LT(0, wait);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, pair_get(&self->pair, q, LONG_MS, &d));
		sprintf(text, "q:rejected:%d::q", i);
		EXPECT_STREQ(i ? text : "", deaths_of(self->pair.r, &d));
		EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_NACK, 0));
	}
	/* a queue to wait in: both are counted */
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "work", 2));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(2, pair_get(&self->pair, work, LONG_MS, &d));
		sprintf(text, "wait:expired:%d::wait work:rejected:%d::work", i, i);
		EXPECT_STREQ(i ? text : "", deaths_of(self->pair.r, &d));
		EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_REJECT, 0));
	}
}

/* --- what may be in it ---------------------------------------------------- */

/* A payload larger than a segment. */
TEST_F(dead, large)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	const __u32 len = 5 << 20;
	struct mqk_delivery d;
	__u8 *bytes = malloc(len);
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = bytes, .payload_len = len,
	};

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_NE(NULL, bytes);
	pattern_fill(bytes, len, 5);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_LE(0, pair_get(&self->pair, q, LONG_MS, &d));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_NACK, 0));
	ASSERT_LE(0, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_EQ(len, d.payload_len);
	EXPECT_TRUE(pattern_ok(delivery_payload(self->pair.r, &d), len, 5));
	EXPECT_STREQ("q:rejected:1::q", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
	free(bytes);
}

/* Headers of those names that anybody may write are no deaths. */
TEST_F(dead, forged)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	static const char * const strings[] = { "dead", "q", NULL };
	struct headers h = {};
	struct mqk_delivery d;
	struct header found;
	__u32 number = 1;
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number), .headers = h.bytes,
	};

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	headers_array(&h, "x-death", strings);
	headers_text(&h, "x-death", "dead");
	headers_text(&h, "x-last-death-queue", "dead");
	headers_text(&h, "mine", "stays");
	m.headers_len = h.len;
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, fails(self, q, 1, MQK_ACK_NACK, 0));
	ASSERT_EQ(1, pair_get(&self->pair, dead, LONG_MS, &d));
	EXPECT_STREQ("q:rejected:1::q", deaths_of(self->pair.r, &d));
	EXPECT_STREQ("rejected:q:", end_of(self->pair.r, &d, "first"));
	EXPECT_STREQ("rejected:q:", end_of(self->pair.r, &d, "last"));
	EXPECT_TRUE(header_find(headers_of(self->pair.r, &d), d.headers_len, "mine", &found));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_ACCEPT, 0));
}

/* Headers that leave no room for the death: gone, and the queue goes on. */
TEST_F(dead, no_room)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	__u32 number = 1, len = MQK_HEADERS_MAX;
	__u8 *bytes = calloc(1, len);
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number), .headers = bytes,
	};

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_NE(NULL, bytes);
	for (; number <= 2; number++, len -= 1024) {
		memset(bytes, 0, MQK_HEADERS_MAX);
		bytes[0] = MQK_HEADER_BYTES;
		bytes[1] = 1;
		bytes[2] = (len - 5) & 0xff;
		bytes[3] = (len - 5) >> 8;
		bytes[4] = 'n';
		m.headers_len = len;
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
		ASSERT_EQ(0, fails(self, q, number, MQK_ACK_NACK, 0));
		EXPECT_TRUE(letters(self->pair.s, number - 1, 1));
	}
	EXPECT_EQ(2, pair_await(&self->pair, dead));
	free(bytes);
}

/* --- while the queue lives ------------------------------------------------ */

/* What was there before becomes a letter, too. */
TEST_F(dead, given_later)
{
	__s64 q = queue_declare(self->pair.s, "q", 0);
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	__s64 other = queue_declare(self->pair.s, "other", 0);
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	ASSERT_LT(0, other);
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	ASSERT_EQ(0, fails(self, q, 1, MQK_ACK_NACK, 0));
	ASSERT_EQ(2, pair_get(&self->pair, q, LONG_MS, &d));
	EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "q", 0, "x-dead-letter-routing-key=dead"));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.s));
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, TO("dead")));
	EXPECT_LT(0, queue_declare_args(self->pair.s, "q", TO("dead")));
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_NACK, 0));
	ASSERT_EQ(2, pair_await(&self->pair, dead));
	ASSERT_EQ(0,
		  queue_set(self->pair.s, "q", 0, "x-dead-letter-routing-key=other x-max-length=1"));
	EXPECT_EQ(3, pair_await(&self->pair, other));
	EXPECT_EQ(1, settled(self->pair.s, q));
	EXPECT_EQ(4, pair_await(&self->pair, q));
	EXPECT_TRUE(letters(self->pair.s, 2, 0));
}

/* Queues and exchanges go while letters are on their way. */
TEST_F(dead, deleted_meanwhile)
{
	int i, status;
	pid_t pid;

	ASSERT_LT(0, queue_declare(self->pair.s, "dead", 0));
	ASSERT_LT(0, exchange_declare(self->pair.s, "x", MQK_EXCHANGE_FANOUT, 0));
	pid = spawn();
	if (!pid) {
		int fd = broker_open(&self->pair.env.broker, O_RDWR);
		struct port p;

		if (fd < 0 || port_make(&p, fd, variant->flags, 64))
			_exit(1);
		for (;;)
			port_numbers(&p, self->pair.exchange, "q", 1, 50);
	}
	ASSERT_LT(0, pid);
	for (i = 0; i < 100; i++) {
		ASSERT_LT(0, queue_declare_args(self->pair.s, "q",
						"x-max-length=3 x-dead-letter-exchange=x"));
		if (i % 2)
			EXPECT_EQ(0, binding_add(self->pair.s, "x", "dead", ""));
		sleep_ms(i % 5);
		if (i % 3 == 0) {
			EXPECT_EQ(0, exchange_delete(self->pair.s, "x", 0));
			EXPECT_LT(0,
				  exchange_declare(self->pair.s, "x", MQK_EXCHANGE_FANOUT, 0));
		}
		if (i % 10 == 9) {
			EXPECT_EQ(0, queue_delete(self->pair.s, "dead", 0));
			EXPECT_LT(0, queue_declare(self->pair.s, "dead", 0));
		}
		EXPECT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
	status = kill_hard(pid);
	EXPECT_EQ(128 + 9, status);
}

/* The broker is removed with letters on their way; so does the teardown. */
TEST_F(dead, broker_goes_meanwhile)
{
	struct broker b;
	struct port p;
	__s64 x;
	int fd;

	ASSERT_EQ(0, broker_make(&b, NULL));
	fd = broker_open(&b, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, queue_declare_args(fd, "q", "x-max-length=1 " TO("dead")));
	ASSERT_LT(0, queue_declare_args(fd, "dead", "x-max-length=1 " TO("q")));
	x = exchange_declare(fd, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, x);
	ASSERT_EQ(0, port_make(&p, fd, variant->flags, 64));
	ASSERT_EQ(0, port_numbers(&p, x, "q", 1, 3000));
	ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
	session_drop(fd);
}

/* --- the way back ---------------------------------------------------------- */

/* Messages moved, or -errno. */
static __s64 redrives(int fd, const char *queue, __u64 max)
{
	struct mqk_queue_redrive r = {
		.size = sizeof(r), .name = (uintptr_t)queue, .name_len = strlen(queue),
		.count = max,
	};
	int ret = mq(fd, MQK_IOC_QUEUE_REDRIVE, &r);

	return ret ? ret : (__s64)r.count;
}

TEST_F(dead, redriven)
{
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	__s64 a = queue_declare_args(self->pair.s, "a", "x-delivery-limit=0 " TO("dead"));
	__s64 b = queue_declare_args(self->pair.s, "b", TO("dead"));
	struct mqk_delivery d;
	__u32 i;

	ASSERT_LT(0, dead);
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "dead", 100));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "a", i));
		ASSERT_EQ(0, fails(self, a, i, MQK_ACK_REJECT, REQUEUE));
	}
	ASSERT_EQ(0, settled(self->pair.s, a));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "b", 4));
	ASSERT_EQ(0, fails(self, b, 4, MQK_ACK_NACK, 0));
	ASSERT_EQ(0, settled(self->pair.s, b));
	EXPECT_EQ(-ENOENT, redrives(self->pair.s, "none", 1));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->pair.s));
	EXPECT_EQ(0, redrives(self->pair.s, "dead", 0));
	EXPECT_EQ(0, redrives(self->pair.s, "a", 10));
	EXPECT_EQ(2, redrives(self->pair.s, "dead", 2));
	EXPECT_EQ(2, redrives(self->pair.s, "dead", ~0ull));
	/* with its history, and a new life */
	ASSERT_EQ(1, pair_get(&self->pair, a, LONG_MS, &d));
	EXPECT_STREQ("a:delivery_limit:1::a", deaths_of(self->pair.r, &d));
	EXPECT_EQ(0, d.count);
	EXPECT_EQ(0, pair_settle(&self->pair, &d, MQK_ACK_NACK, REQUEUE));
	for (i = 1; i <= 3; i++)
		EXPECT_EQ(i, pair_await(&self->pair, a));
	EXPECT_EQ(4, pair_await(&self->pair, b));
	/* what never died stays, and what died in a queue that is gone */
	EXPECT_EQ(1, settled(self->pair.s, dead));
	EXPECT_EQ(100, pair_await(&self->pair, dead));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "b", 5));
	ASSERT_EQ(0, fails(self, b, 5, MQK_ACK_NACK, 0));
	ASSERT_EQ(0, settled(self->pair.s, b));
	ASSERT_EQ(0, queue_delete(self->pair.s, "b", 0));
	EXPECT_EQ(0, redrives(self->pair.s, "dead", 10));
	EXPECT_EQ(5, pair_await(&self->pair, dead));
}

/*
 * It stops where a queue refuses, and what was not moved is in its old place, behind
 * what was not looked at for long.
 */
static void redrives_to_full(struct __test_metadata *_metadata,
			     FIXTURE_DATA(dead) *self, const char *order,
			     const char *overflow)
{
	__s64 dead = queue_declare_args(self->pair.s, "dead", order), q;
	char args[128];
	__u32 i;

	ASSERT_LT(0, dead);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "dead", 100));
	sprintf(args, "x-max-length=2 x-overflow=%s " TO("dead"), overflow);
	q = queue_declare_args(self->pair.s, "q", args);
	ASSERT_LT(0, q);
	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
		ASSERT_EQ(0, fails(self, q, i, MQK_ACK_NACK, 0));
		ASSERT_EQ(0, settled(self->pair.s, q));
	}
	EXPECT_EQ(2, redrives(self->pair.s, "dead", 10));
	EXPECT_EQ(0, redrives(self->pair.s, "dead", 10));
	EXPECT_EQ(3, settled(self->pair.s, dead));
	EXPECT_EQ(100, pair_await(&self->pair, dead));
	EXPECT_EQ(3, pair_await(&self->pair, dead));
	EXPECT_EQ(1, pair_await(&self->pair, q));
	EXPECT_EQ(1, redrives(self->pair.s, "dead", 10));
	EXPECT_EQ(2, pair_await(&self->pair, q));
	EXPECT_EQ(4, pair_await(&self->pair, q));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_EQ(0, queue_delete(self->pair.s, "dead", 0));
}

TEST_F(dead, redriven_to_a_full_queue)
{
	static const char * const orders[] = {
		"x-max-priority=0", "x-max-priority=4", "x-mqk-levels=2",
		"x-message-ttl=600000",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		redrives_to_full(_metadata, self, orders[i], "reject-publish");
		redrives_to_full(_metadata, self, orders[i], "reject-publish-dlx");
	}
}

/* There it has its priority, no failures, and waits for no delay. */
TEST_F(dead, redriven_to_queues_with_an_order)
{
	__s64 dead = queue_declare_args(self->pair.s, "dead", "x-max-priority=4");
	__s64 p = queue_declare_args(self->pair.s, "p", "x-max-priority=4 " TO("dead"));
	__s64 l = queue_declare_args(self->pair.s, "l", "x-mqk-levels=2 x-mqk-demote-after=1 "
				       TO("dead"));
	struct mqk_queue_next info = {};
	struct msg m = {
		.exchange = self->pair.exchange, .payload_len = sizeof(__u32), .key_len = 1,
	};
	__u32 i;

	ASSERT_LT(0, dead);
	ASSERT_LT(0, p);
	ASSERT_LT(0, l);
	for (i = 1; i <= 3; i++) {
		m.key = "p";
		m.payload = &i;
		m.priority = i;
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
		ASSERT_EQ(0, fails(self, p, i, MQK_ACK_NACK, 0));
		ASSERT_EQ(0, settled(self->pair.s, p));
	}
	/* the oldest go, not those that are next in turn */
	EXPECT_EQ(2, redrives(self->pair.s, "dead", 2));
	EXPECT_EQ(2, pair_await(&self->pair, p));
	EXPECT_EQ(1, pair_await(&self->pair, p));
	EXPECT_EQ(1, redrives(self->pair.s, "dead", 2));
	EXPECT_EQ(3, pair_await(&self->pair, p));

	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "l", 1));
	ASSERT_EQ(0, fails(self, l, 1, MQK_ACK_REJECT, REQUEUE));
	ASSERT_EQ(0, fails(self, l, 1, MQK_ACK_REJECT, REQUEUE));
	ASSERT_EQ(0, settled(self->pair.s, l));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "l", 2));
	ASSERT_EQ(0, fails(self, l, 2, MQK_ACK_REJECT, REQUEUE));
	EXPECT_EQ(1, redrives(self->pair.s, "dead", 2));
	EXPECT_EQ(1, pair_await(&self->pair, l));
	EXPECT_EQ(2, pair_await(&self->pair, l));

	i = 9;
	m.flags = MQK_MSG_F_DELAY;
	m.delay = 500;
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_publish(&self->pair, &m));
	ASSERT_EQ(0, fails(self, p, 9, MQK_ACK_NACK, 0));
	ASSERT_EQ(0, settled(self->pair.s, p));
	EXPECT_EQ(1, redrives(self->pair.s, "dead", 2));
	ASSERT_EQ(0, queue_info(self->pair.s, p, &info));
	EXPECT_EQ(0, info.scheduled);
	EXPECT_EQ(1, info.ready);
	EXPECT_EQ(9, pair_await(&self->pair, p));
}

/* --- hostile -------------------------------------------------------------- */

/* Who writes over the headers of a message loses it, and nothing else. */
TEST_F(dead, written_over)
{
	__s64 q = queue_declare_args(self->pair.s, "q", TO("dead"));
	__s64 dead = queue_declare(self->pair.s, "dead", 0);
	struct headers h = {};
	struct mqk_record *r;
	__u32 number = 1;
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = sizeof(number), .headers = h.bytes,
	};

	if (!(variant->flags & MQK_PORT_F_INPLACE))
		SKIP(return, "only what lies in place can be written to");
	ASSERT_LT(0, q);
	ASSERT_LT(0, dead);
	headers_text(&h, "name", "value");
	m.headers_len = h.len;
	r = port_reserve(&self->pair.port, m.key_len, m.headers_len, m.payload_len);
	ASSERT_NE(NULL, r);
	port_fill(r, &m);
	port_commit(&self->pair.port, r);
	ASSERT_EQ(1, port_doorbell(&self->pair.port));
	((__u8 *)r)[MQK_RECORD_HEADERS(1)] = 'A';
	r->flags = ~0u;
	r->headers_len = 0xfff8;
	r->payload_len = ~0u;
	ASSERT_EQ(0, fails(self, q, 1, MQK_ACK_NACK, 0));
	EXPECT_TRUE(letters(self->pair.s, 0, 1));
	EXPECT_EQ(0, settled(self->pair.s, q));
	EXPECT_EQ(0, settled(self->pair.s, dead));
}

TEST_HARNESS_MAIN
