// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers exchanges: what matches, by the vectors and by type; and that a route
 * which depends on headers is never used for the next message.
 *
 * mqk-test: parallel timeout=180 kernels=stock,debug,host
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "rings_consumer.h"
#include "reach.h"
#include "harness.h"

#define HEADERS		MQK_EXCHANGE_HEADERS
#define FANOUT		MQK_EXCHANGE_FANOUT
#define COMPARED	64	/* most headers of a message, arguments of a binding */

FIXTURE(headers)
{
	struct reach to;
};

FIXTURE_VARIANT(headers)
{
	__u32 port_flags;
};

FIXTURE_VARIANT_ADD(headers, copy) { .port_flags = 0 };
FIXTURE_VARIANT_ADD(headers, inplace) { .port_flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(headers)
{
	ASSERT_EQ(0, reach_begin(&self->to, variant->port_flags));
}

FIXTURE_TEARDOWN(headers)
{
	EXPECT_EQ(0, reach_end(&self->to));
}

static struct msg message(FIXTURE_DATA(headers) *self, const char *exchange,
			  const struct headers *h)
{
	return (struct msg){
		.exchange = reach_exchange(&self->to, exchange),
		.key = "k", .key_len = 1,
		.headers = h->bytes, .headers_len = h->len,
		.payload = "x", .payload_len = 1,
	};
}

static int goes(FIXTURE_DATA(headers) *self, const char *exchange,
		const struct headers *h)
{
	return reach_both(&self->to, exchange, "k", 1, h);
}

static int bind_headers(int s, const char *exchange, const char *queue,
			const struct headers *h)
{
	return bind_full(s, MQK_IOC_BIND, 0, exchange, queue, "", h);
}

static int unbind_headers(int s, const char *exchange, const char *queue,
			  const struct headers *h)
{
	return bind_full(s, MQK_IOC_UNBIND, 0, exchange, queue, "", h);
}

/* {"name": ["S", "text"], ...}; types S, V and I are all that the vectors use. */
static bool read_json(const char *text, struct headers *h)
{
	char name[256], value[256], type;
	int used, number;

	text++;
	while (*text != '}') {
		if (sscanf(text, "\"%255[^\"]\": [\"%c\", %n", name, &type, &used) != 2)
			return false;
		text += used;
		if (type == 'S' && sscanf(text, "\"%255[^\"]\"%n", value, &used) == 1)
			headers_text(h, name, value);
		else if (type == 'I' && sscanf(text, "%d%n", &number, &used) == 1)
			headers_add(h, type, name, &number, 4);
		else if (type == 'V' && !strncmp(text, "null", used = 4))
			headers_add(h, type, name, NULL, 0);
		else
			return false;
		text += used;
		text += strspn(text, "], ");
	}
	return true;
}

TEST_F(headers, vectors)
{
	char line[4096], *c[5], *next;
	FILE *f = fopen("selftests/vectors/headers_vectors.tsv", "r");
	int i, rows = 0;

	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		struct headers args = {}, h = {};

		for (i = 0, next = line; i < 5; i++)
			c[i] = strsep(&next, "\t");
		headers_text(&args, "x-match", c[0]);
		ASSERT_TRUE(read_json(c[1], &args) && read_json(c[2], &h)) {
			TH_LOG("%s %s", c[1], c[2]);
		}
		ASSERT_EQ(0, bind_headers(self->to.s, "amq.headers", "q0", &args));
		EXPECT_EQ(atoi(c[3]), goes(self, "amq.headers", &h)) {
			TH_LOG("%s %s %s", c[0], c[1], c[2]);
		}
		ASSERT_EQ(0, unbind_headers(self->to.s, "amq.headers", "q0", &args));
		rows++;
	}
	fclose(f);
	EXPECT_LE(56, rows);
}

struct value {
	char type;
	const void *bytes;
	__u32 len;
};

#define V(t, v)	{ t, &(v), sizeof(v) }

/* Whether a binding with one value takes a message with the other. */
static int meets(FIXTURE_DATA(headers) *self, const struct value *want,
		 const struct value *have)
{
	struct headers args = {}, h = {};
	int bits;

	headers_add(&args, want->type, "n", want->bytes, want->len);
	headers_add(&h, have->type, "n", have->bytes, have->len);
	if (bind_headers(self->to.s, "amq.match", "q0", &args))
		return -EBADE;
	bits = goes(self, "amq.match", &h);
	return unbind_headers(self->to.s, "amq.match", "q0", &args) ?: bits;
}

/* Values in classes: those of one class are equal, others are not. */
TEST_F(headers, values_by_type)
{
	static const __s8 b = -7, t = 1;
	static const __s16 s = -7;
	static const __s32 i = -7, one = 1;
	static const __s64 l = -7, other = 249, t8 = 1;
	static const float f = 1.5f, tiny = FLT_TRUE_MIN, f0 = 0.0f, inf = INFINITY;
	static const float nan = NAN;
	static const double d = 1.5, dtiny = FLT_TRUE_MIN, d0 = -0.0, dinf = INFINITY;
	static const double d1 = 1.0, dm7 = -7.0;
	static const struct {
		int class;		/* 0: equals nothing */
		struct value v;
	} values[] = {
		{ 1, V('b', b) }, { 1, V('s', s) }, { 1, V('I', i) },
		{ 1, V('l', l) }, { 2, V('l', other) }, { 3, V('I', one) },
		{ 4, V('f', f) }, { 4, V('d', d) },
		{ 5, V('f', tiny) }, { 5, V('d', dtiny) },
		{ 6, V('f', f0) }, { 6, V('d', d0) },
		{ 7, V('f', inf) }, { 7, V('d', dinf) },
		{ 8, V('d', d1) }, { 9, V('d', dm7) }, { 0, V('f', nan) },
		{ 10, { 'S', "ab", 2 } }, { 10, { 'x', "ab", 2 } },
		{ 11, { 'S', "ab\0", 3 } }, { 12, { 'S', "", 0 } },
		{ 13, V('t', t) }, { 0, V('T', t8) }, { 14, { 'V', NULL, 0 } },
	};
	unsigned int m, n;

	for (m = 0; m < ARRAY_SIZE(values); m++) {
		for (n = 0; n < ARRAY_SIZE(values); n++) {
			bool void_ = values[m].v.type == 'V';
			bool same = values[m].class &&
				    values[m].class == values[n].class;

			ASSERT_EQ(void_ || same,
				  meets(self, &values[m].v, &values[n].v)) {
				TH_LOG("values %u and %u", m, n);
			}
		}
	}
}

TEST_F(headers, x_match_and_names)
{
	static const char *const bad[] = { "", "ALL", "any ", "allx" };
	struct headers all = {}, any = {}, none = {}, x = {}, h = {}, hx = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct headers args = {};

		headers_text(&args, "x-match", bad[i]);
		EXPECT_EQ(-EINVAL, bind_headers(self->to.s, "amq.match", "q0", &args));
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->to.s));
	}
	headers_number(&none, "x-match", 1);
	EXPECT_EQ(-EINVAL, bind_headers(self->to.s, "amq.match", "q0", &none));
	/* with nothing to compare, all is true and any is false */
	headers_text(&all, "x-match", "all");
	headers_text(&all, "x-other", "left out");
	headers_text(&any, "x-match", "any");
	headers_text(&any, "x-other", "left out");
	headers_text(&x, "x-match", "any-with-x");
	headers_text(&x, "x-other", "left out");
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.match", "q0", &all));
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.match", "q1", &any));
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.match", "q2", NULL));
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.match", "q3", &x));
	headers_text(&hx, "x-other", "left out");
	EXPECT_EQ(5, goes(self, "amq.match", &h));
	EXPECT_EQ(13, goes(self, "amq.match", &hx));
	/* byte by byte, and of two the first */
	headers_text(&h, "X-other", "left out");
	headers_text(&h, "x-other", "left");
	headers_text(&h, "x-other", "left out");
	EXPECT_EQ(5, goes(self, "amq.match", &h));
}

TEST_F(headers, limits)
{
	struct headers args = {}, h = {}, twice = {};
	char name[8];
	int i;

	headers_text(&args, "x-match", "all");
	for (i = 0; i < COMPARED; i++) {
		sprintf(name, "n%d", i);
		headers_number(&args, name, i);
		headers_number(&h, name, i);
	}
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.match", "q0", &args));
	EXPECT_EQ(1, goes(self, "amq.match", &h));
	headers_number(&args, "more", 1);
	EXPECT_EQ(-EINVAL, bind_headers(self->to.s, "amq.match", "q0", &args));
	headers_number(&h, "more", 1);
	EXPECT_EQ(-EINVAL, goes(self, "amq.match", &h));
	/* which no other exchange minds */
	ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q1", ""));
	EXPECT_EQ(2, goes(self, "amq.fanout", &h));
	headers_number(&twice, "a", 1);
	headers_number(&twice, "a", 1);
	EXPECT_EQ(-EINVAL, bind_headers(self->to.s, "amq.match", "q0", &twice));
}

/* Many bindings that differ in one of their arguments; then they go. */
TEST_F(headers, many_bindings)
{
	int i;

	for (i = 0; i < 400; i++) {
		struct headers args = {};

		headers_text(&args, "x-match", i % 2 ? "any" : "all");
		headers_text(&args, i % 2 ? "never" : "type", "t");
		headers_number(&args, "id", i);
		ASSERT_EQ(0, bind_headers(self->to.s, "amq.headers",
					  i % 2 ? "q1" : "q0", &args));
	}
	for (i = 0; i < 400; i += 57) {
		struct headers h = {};

		headers_text(&h, "type", "t");
		EXPECT_EQ(0, goes(self, "amq.headers", &h));
		headers_number(&h, "id", i);
		EXPECT_EQ(i % 2 ? 2 : 1, goes(self, "amq.headers", &h));
	}
	ASSERT_EQ(0, queue_delete(self->to.s, "q0", 0));
	EXPECT_EQ(200, env_used(&self->to.env, MQK_RES_BINDINGS, 200));
	ASSERT_EQ(0, queue_delete(self->to.s, "q1", 0));
	EXPECT_EQ(0, env_used(&self->to.env, MQK_RES_BINDINGS, 0));
}

/* A message that is compared with too many bindings is refused. */
TEST_F(headers, too_many_candidates_is_EMLINK)
{
	struct headers h = {};
	int i;

	for (i = 0; i < 16384 + 1; i++) {
		struct headers args = {};

		headers_text(&args, "x-match", "any");
		headers_text(&args, "type", "t");
		headers_number(&args, "id", i);
		if (bind_headers(self->to.s, "amq.headers", "q0", &args))
			break;
		if (i == 1000 && variant->port_flags)
			break;		/* once is enough of the long way */
	}
	headers_text(&h, "type", "t");
	EXPECT_EQ(variant->port_flags ? 1 : -EMLINK,
		  goes(self, "amq.headers", &h));
}

/*
 * The same exchange, key and sizes, other headers: in one call, so that nothing
 * but the headers tells one from the next.
 */
TEST_F(headers, a_route_is_for_one_message)
{
	struct headers args[2] = {}, h[2] = {};
	struct mqk_queue_next info;
	struct msg m[40];
	int i;

	for (i = 0; i < 2; i++) {
		headers_number(&args[i], "n", i);
		headers_number(&h[i], "n", i);
	}
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.headers", "q0", &args[0]));
	ASSERT_EQ(0, bind_headers(self->to.s, "amq.headers", "q1", &args[1]));
	/* also where it comes by another exchange */
	ASSERT_EQ(0, exchange_bind(self->to.s, "amq.fanout", "amq.headers", ""));
	for (i = 0; i < 40; i++)
		m[i] = message(self, i < 20 ? "amq.headers" : "amq.fanout",
			       &h[i % 3 == 0]);
	ASSERT_EQ(40, port_publish_batch(&self->to.port, m, 40));
	ASSERT_EQ(0, queue_info(self->to.s, self->to.queue[0], &info));
	EXPECT_EQ(26, info.published);
	ASSERT_EQ(0, queue_info(self->to.s, self->to.queue[1], &info));
	EXPECT_EQ(14, info.published);
	/* and once it looks at headers no more, it is remembered again */
	ASSERT_EQ(0, exchange_unbind(self->to.s, "amq.fanout", "amq.headers", ""));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q2", ""));
	ASSERT_EQ(20, port_publish_batch(&self->to.port, m + 20, 20));
	ASSERT_EQ(0, queue_info(self->to.s, self->to.queue[2], &info));
	EXPECT_EQ(20, info.published);
}

/* Headers that are none are an error of that message alone. */
TEST_F(headers, malformed_headers_are_EINVAL)
{
	struct headers bad = {}, good = {};
	__u32 exchange = reach_exchange(&self->to, "amq.headers");
	struct mqk_completion c;
	struct msg m;

	ASSERT_EQ(0, bind_headers(self->to.s, "amq.headers", "q0", NULL));
	headers_number(&good, "n", 1);
	bad = good;
	bad.bytes[2] = 200;
	m = message(self, "amq.headers", &bad);
	if (variant->port_flags) {
		ASSERT_EQ(0, port_publish(&self->to.port, &m));
		ASSERT_EQ(0, port_completion(&self->to.port, &c, 0));
		EXPECT_EQ(-EINVAL, c.result);
	} else {
		EXPECT_EQ(-EINVAL, port_publish(&self->to.port, &m));
	}
	EXPECT_EQ(0, reach_arrived(&self->to));
	EXPECT_EQ(1, goes(self, "amq.headers", &good));
	EXPECT_LT(0, exchange);
}

TEST_F(headers, with_an_alternate)
{
	struct headers args = {}, alternate = {}, h = {}, none = {};

	headers_text(&alternate, "alternate-exchange", "amq.fanout");
	ASSERT_LT(0, exchange_declare_args(self->to.s, "h", HEADERS, 0, &alternate));
	headers_number(&args, "n", 1);
	headers_number(&h, "n", 1);
	ASSERT_EQ(0, bind_headers(self->to.s, "h", "q0", &args));
	ASSERT_EQ(0, binding_add(self->to.s, "amq.fanout", "q1", ""));
	EXPECT_EQ(1, goes(self, "h", &h));
	EXPECT_EQ(2, goes(self, "h", &none));
}

TEST_HARNESS_MAIN
