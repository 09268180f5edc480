// SPDX-License-Identifier: GPL-2.0-only
/*
 * CC and BCC: further routing keys in the headers of a message, and what of them
 * is delivered.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdio.h>
#include <stdlib.h>
#include "rings_consumer.h"
#include "reach.h"
#include "harness.h"

#define CC	MQK_MSG_F_CC
#define DIRECT	MQK_EXCHANGE_DIRECT
#define FANOUT	MQK_EXCHANGE_FANOUT
#define TOPIC	MQK_EXCHANGE_TOPIC

#define LIST(...)	((const char *const []){ __VA_ARGS__, NULL })

FIXTURE(cc)
{
	struct reach to;
};

FIXTURE_VARIANT(cc)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(cc, copy) { .port_flags = 0 };
FIXTURE_VARIANT_ADD(cc, inplace) { .port_flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(cc)
{
	ASSERT_EQ(0, reach_begin(&self->to, variant->port_flags));
	self->to.flags = CC;
}

FIXTURE_TEARDOWN(cc)
{
	EXPECT_EQ(0, reach_end(&self->to));
}

static int goes(FIXTURE_DATA(cc) *self, const char *exchange, const char *key,
		const struct headers *h)
{
	return reach_both(&self->to, exchange, key, strlen(key), h);
}

TEST_F(cc, each_is_a_key)
{
	struct headers none = {}, one = {}, list = {}, both = {}, empty = {};

	headers_text(&one, "CC", "q1");
	headers_array(&list, "BCC", LIST("q1", "q2", "q1"));
	headers_number(&both, "n", 1);
	headers_array(&both, "CC", LIST("q0", "q3"));
	headers_text(&both, "BCC", "q2");
	headers_array(&empty, "CC", LIST(NULL));
	/* the default exchange, and direct ones */
	EXPECT_EQ(1, goes(self, "", "q0", &none));
	EXPECT_EQ(3, goes(self, "", "q0", &one));
	EXPECT_EQ(7, goes(self, "", "q0", &list));
	EXPECT_EQ(15, goes(self, "", "q1", &both) | 2);
	EXPECT_EQ(1, goes(self, "", "q0", &empty));
	EXPECT_EQ(2, goes(self, "", "nobody", &one));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.direct", "q0", "q1"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.direct", "q1", "k"));
	EXPECT_EQ(2, goes(self, "amq.direct", "k", &none));
	EXPECT_EQ(3, goes(self, "amq.direct", "k", &one));
	EXPECT_EQ(3, goes(self, "amq.direct", "k", &list));
	EXPECT_EQ(1, goes(self, "amq.direct", "", &list));
	/* topics */
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q0", "*"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q2", "q2.#"));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q3", "a.b"));
	EXPECT_EQ(8, goes(self, "amq.topic", "a.b", &none));
	EXPECT_EQ(13, goes(self, "amq.topic", "a.b", &both));
	/* others have no keys, or look at other things */
	ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q3", "q1"));
	EXPECT_EQ(8, goes(self, "amq.fanout", "k", &list));
	ASSERT_EQ(0, bind_full(self->to.s, MQK_IOC_BIND, 0, "amq.match", "q1",
			       "q1", &(struct headers){}));
	EXPECT_EQ(2, goes(self, "amq.match", "k", &list));
}

/* Without the flag they are headers as others are. */
TEST_F(cc, not_without_the_flag)
{
	struct headers h = {}, bad = {};

	headers_text(&h, "CC", "q1");
	headers_array(&h, "BCC", LIST("q2"));
	headers_number(&bad, "BCC", 1);
	self->to.flags = 0;
	EXPECT_EQ(1, goes(self, "", "q0", &h));
	EXPECT_EQ(1, goes(self, "", "q0", &bad));
	self->to.flags = CC;
	EXPECT_EQ(7, goes(self, "", "q0", &h));
	self->to.flags = 0;
	EXPECT_EQ(1, goes(self, "", "q0", &h));
	EXPECT_EQ(0, goes(self, "", "no", &h));
}

/* Names are compared byte by byte; of two headers the first counts. */
TEST_F(cc, names)
{
	struct headers h = {}, twice = {};

	headers_text(&h, "cc", "q1");
	headers_text(&h, "Bcc", "q1");
	headers_text(&h, "CC ", "q1");
	EXPECT_EQ(1, goes(self, "", "q0", &h));
	headers_text(&twice, "CC", "q1");
	headers_text(&twice, "CC", "q2");
	headers_text(&twice, "BCC", "q0");
	headers_text(&twice, "BCC", "q3");
	EXPECT_EQ(3, goes(self, "", "none", &twice));
}

/*
 * One key with and without, and with others, in one call: nothing is remembered
 * of one for the next.
 */
TEST_F(cc, a_route_is_for_one_message)
{
	struct headers h[3] = {};
	struct mqk_queue_next info;
	struct msg m[48];
	__u64 want[QUEUES] = {};
	int i;

	headers_text(&h[0], "CC", "q1");
	headers_text(&h[1], "CC", "q2");
	headers_text(&h[2], "CC", "q3");
	for (i = 0; i < 48; i++) {
		int which = i % 8 % 3;
		bool has = i % 5 != 1;

		m[i] = (struct msg){
			.exchange = reach_exchange(&self->to, ""),
			.flags = has ? CC : 0, .key = "q0", .key_len = 2,
			.headers = h[which].bytes, .headers_len = h[which].len,
			.payload = "x", .payload_len = 1,
		};
		want[0]++;
		want[1 + which] += has;
	}
	ASSERT_EQ(48, port_publish_batch(&self->to.port, m, 48));
	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(0, queue_info(self->to.s, self->to.queue[i], &info));
		EXPECT_EQ(want[i], info.published) {
			TH_LOG("queue %d", i);
		}
	}
}

/* They go along from exchange to exchange, and to alternates. */
TEST_F(cc, all_the_way)
{
	struct headers h = {}, no = {}, alternate = {};

	headers_array(&h, "CC", LIST("x", "y"));
	headers_text(&no, "CC", "z");
	headers_text(&alternate, "alternate-exchange", "rest");
	ASSERT_LT(0, exchange_declare_args(self->to.s, "a", DIRECT, 0, &alternate));
	ASSERT_LT(0, exchange_declare(self->to.s, "b", TOPIC, 0));
	ASSERT_LT(0, exchange_declare(self->to.s, "rest", DIRECT, 0));
	ASSERT_EQ(0, exchange_bind(self->to.s, "a", "b", "x"));
	ASSERT_EQ(0, binding_add(self->to.s, "b", "q0", "y"));
	ASSERT_EQ(0, binding_add(self->to.s, "b", "q1", "k"));
	ASSERT_EQ(0, binding_add(self->to.s, "rest", "q2", "z"));
	EXPECT_EQ(3, goes(self, "a", "k", &h));
	EXPECT_EQ(1, goes(self, "a", "other", &h));
	/* any key that matches is a match */
	EXPECT_EQ(4, goes(self, "a", "k", &no));
	EXPECT_EQ(0, goes(self, "a", "x", &no));
}

/* A key that a topic exchange cannot split refuses the message; not further on. */
TEST_F(cc, keys_of_too_many_words)
{
	struct headers h = {};
	char key[256];

	memset(key, '.', 255);
	key[255] = '\0';
	headers_array(&h, "CC", LIST(key, "q1"));
	EXPECT_EQ(-EINVAL, goes(self, "amq.topic", "k", &h));
	EXPECT_EQ(3, goes(self, "", "q0", &h));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.topic", "q3", "q1"));
	ASSERT_EQ(0, exchange_bind(self->to.s, "amq.direct", "amq.topic", "k"));
	EXPECT_EQ(8, goes(self, "amq.direct", "k", &h));
	ASSERT_EQ(0, exchange_unbind(self->to.s, "amq.direct", "amq.topic", "k"));
}

/* What is wrong is an error of that message, and of no other. */
TEST_F(cc, bad_ones_are_EINVAL)
{
	const char *keys[MQK_KEYS_MAX + 2] = {};
	struct headers bad[6] = {}, many = {}, good = {};
	__u8 items[16] = { MQK_HEADER_STRING, 0, 2, 0, 'q', '1', 0, 0,
			   MQK_HEADER_BYTE, 0, 1, 0, 7 };
	char key[257];
	int i;

	headers_text(&good, "CC", "q1");
	headers_number(&bad[0], "CC", 1);
	headers_add(&bad[1], MQK_HEADER_BYTES, "BCC", "q1", 2);
	headers_add(&bad[2], MQK_HEADER_ARRAY, "CC", items, sizeof(items));
	memset(key, 'k', 256);
	key[256] = '\0';
	headers_text(&bad[3], "CC", key);
	headers_array(&bad[4], "BCC", LIST("q1", key));
	bad[5] = good;
	bad[5].bytes[2] = 200;
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(-EINVAL, reach_published(&self->to, "", "q0", 2, &bad[i])) {
			TH_LOG("%d", i);
		}
		EXPECT_EQ(-EINVAL, reach_asked(&self->to, "", "q0", 2, &bad[i]));
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->to.s));
		EXPECT_EQ(0, reach_arrived(&self->to));
		EXPECT_EQ(3, goes(self, "", "q0", &good));
	}
	key[255] = '\0';
	for (i = 0; i <= MQK_KEYS_MAX; i++)
		keys[i] = "q2";
	headers_array(&many, "BCC", keys);
	EXPECT_EQ(-EINVAL, goes(self, "", "q0", &many));
	keys[MQK_KEYS_MAX] = NULL;
	memset(&many, 0, sizeof(many));
	headers_array(&many, "BCC", keys);
	EXPECT_EQ(5, goes(self, "", "q0", &many));
	/* both together are no more */
	headers_text(&many, "CC", "q1");
	EXPECT_EQ(-EINVAL, goes(self, "", "q0", &many));
}

/* The value of a header of a record that lies somewhere; NULL: there is none. */
static const __u8 *find(const __u8 *h, __u32 len, const char *name)
{
	__u32 size;

	for (; len; h += size, len -= size) {
		size = (4 + h[1] + (h[2] | h[3] << 8) + 7) & ~7u;
		if (h[1] == strlen(name) && !memcmp(h + 4, name, h[1]))
			return h + 4 + h[1];
	}
	return NULL;
}

static bool holds(const __u8 *bytes, __u32 len, const char *text)
{
	return memmem(bytes, len, text, strlen(text));
}

/* One delivery of a message that was hidden from: what it must be. */
static void check_delivery(struct __test_metadata *_metadata, int s,
			   struct consumer *c, const char *payload, bool blind)
{
	const __u8 *record, *headers;
	struct mqk_delivery d;
	char read[64] = {};

	ASSERT_EQ(0, consumer_next(c, &d, LONG_MS));
	record = record_map(s, &d);
	ASSERT_NE(NULL, record);
	headers = record + MQK_RECORD_HEADERS(d.key_len);
	EXPECT_EQ(!blind, holds(headers, d.headers_len, "secret"));
	EXPECT_EQ(!blind, holds(headers, d.headers_len, "BCC"));
	EXPECT_TRUE(holds(headers, d.headers_len, "CC") ||
		    !holds(headers, d.headers_len, "q3"));
	ASSERT_NE(NULL, find(headers, d.headers_len, "n"));
	EXPECT_EQ(7, *find(headers, d.headers_len, "n"));
	ASSERT_NE(NULL, find(headers, d.headers_len, "last"));
	EXPECT_EQ(0, memcmp(find(headers, d.headers_len, "last"), "one", 3));
	EXPECT_EQ(0, memcmp(delivery_payload(s, &d), payload, strlen(payload)));
	EXPECT_EQ(strlen(payload), delivery_read(c, &d, read, sizeof(read)));
	EXPECT_STREQ(payload, read);
	EXPECT_EQ(1, consumer_settle(c, d.tag, MQK_ACK_ACCEPT, 0));
}

/* To the first message of new queues, of one and of several; wherever BCC is. */
TEST_F(cc, bcc_is_taken_out)
{
	struct headers h[5] = {};
	struct consumer c[2];
	char payload[16];
	int i, j;

	headers_number(&h[0], "n", 7);
	headers_text(&h[0], "BCC", "secret");
	headers_text(&h[0], "last", "one");

	headers_array(&h[1], "BCC", LIST("secret", "q1", "q2"));
	headers_number(&h[1], "n", 7);
	headers_text(&h[1], "last", "one");

	headers_number(&h[2], "n", 7);
	headers_text(&h[2], "last", "one");
	headers_array(&h[2], "CC", LIST("q1", "q3"));
	headers_array(&h[2], "BCC", LIST("q0", "secret"));

	headers_array(&h[3], "BCC", LIST("q1"));
	headers_number(&h[3], "n", 7);
	headers_text(&h[3], "BCC", "secret");
	headers_text(&h[3], "last", "one");
	headers_text(&h[3], "BCC", "secret");

	headers_number(&h[4], "n", 7);
	headers_text(&h[4], "BCC", "secret, but not looked for");
	headers_text(&h[4], "last", "one");

	ASSERT_EQ(0, consumer_make(&c[0], self->to.s, "q0", 0, 10, 16));
	ASSERT_EQ(0, consumer_make(&c[1], self->to.s, "q1", 0, 10, 16));
	for (i = 0; i < 5; i++) {
		struct msg m = {
			.exchange = reach_exchange(&self->to, ""),
			.flags = i < 4 ? CC : 0, .key = "q0", .key_len = 2,
			.headers = h[i].bytes, .headers_len = h[i].len,
			.payload = payload,
		};

		m.payload_len = sprintf(payload, "message %d", i);
		ASSERT_EQ(0, port_publish(&self->to.port, &m));
		check_delivery(_metadata, self->to.s, &c[0], payload, i < 4);
		for (j = 1; j < 4; j++)
			if (i == j)
				check_delivery(_metadata, self->to.s, &c[1], payload,
					       true);
		EXPECT_FALSE(consumer_there(&c[0], 0));
		EXPECT_FALSE(consumer_there(&c[1], 0));
	}
}

/* Also where nobody is waiting, and by an answer of the kernel's. */
TEST_F(cc, bcc_is_not_in_what_waits)
{
	struct headers h = {};
	struct mqk_delivery d;
	struct consumer get;
	const __u8 *record;
	int i;

	headers_array(&h, "BCC", LIST("q0", "secret"));
	headers_array(&h, "CC", LIST("q1"));
	EXPECT_EQ(3, goes(self, "", "none", &h));
	EXPECT_EQ(3, goes(self, "", "q1", &h));
	ASSERT_EQ(0, consumer_make(&get, self->to.s, NULL, MQK_CONSUMER_F_PULL, 0, 16));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, queue_get(self->to.s, get.c.id, self->to.queue[i / 2],
				       0, 0, &d, NULL));
		record = record_map(self->to.s, &d);
		ASSERT_NE(NULL, record);
		EXPECT_EQ(h.len, d.headers_len);
		EXPECT_FALSE(holds(record, MQK_RECORD_PAYLOAD(d.key_len, d.headers_len),
				   "secret"));
		EXPECT_TRUE(holds(record, MQK_RECORD_PAYLOAD(d.key_len, d.headers_len),
				  "q1"));
	}
}

/* Nobody gets any of it: a mandatory one comes back, whatever keys it had. */
TEST_F(cc, keys_that_lead_nowhere)
{
	struct headers h = {};
	struct mqk_completion c;
	struct msg m = {
		.exchange = reach_exchange(&self->to, ""),
		.flags = CC | MQK_MSG_F_MANDATORY, .key = "none", .key_len = 4,
		.headers = h.bytes, .payload = "x", .payload_len = 1,
	};

	headers_array(&h, "CC", LIST("nobody", "no one"));
	m.headers_len = h.len;
	ASSERT_EQ(0, port_publish(&self->to.port, &m));
	ASSERT_EQ(0, port_completion(&self->to.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_RETURN, c.type);
	headers_text(&h, "BCC", "q0");
	m.headers_len = h.len;
	ASSERT_EQ(0, port_publish(&self->to.port, &m));
	EXPECT_EQ(-ETIMEDOUT, port_completion(&self->to.port, &c, SHORT_MS));
	EXPECT_EQ(1, reach_arrived(&self->to));
}

TEST_HARNESS_MAIN
