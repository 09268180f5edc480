// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * What needs no kernel: headers, option structures, sentences, bad arguments.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fake.h"
#include "../session.h"

static void headers_round_trip(void)
{
	struct mqk_header_view v;
	struct mqk_headers h;
	unsigned char buf[1024];
	int64_t n;
	double f;
	size_t pos = 0;

	memset(buf, 0xff, sizeof(buf));
	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add_bool(&h, "yes", true), 0);
	CHECK_EQ(mqk_headers_add_int(&h, "n", -5), 0);
	CHECK_EQ(mqk_headers_add_double(&h, "pi", 3.25), 0);
	CHECK_EQ(mqk_headers_add_string(&h, "s", "text"), 0);
	CHECK_EQ(mqk_headers_add_string(&h, "empty", ""), 0);
	CHECK_EQ(mqk_headers_add_timestamp(&h, "t", INT64_MAX), 0);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, "v", NULL, 0), 0);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_BYTES, "x", "\0\1\2", 3), 0);
	CHECK_EQ(h.len % 8, 0);
	CHECK_EQ(mqk_headers_check(buf, h.len), 8);

	CHECK_EQ(mqk_headers_next(buf, h.len, &pos, &v), 1);
	CHECK(v.type == MQK_HEADER_BOOL && v.name_len == 3);
	CHECK(!memcmp(v.name, "yes", 3));
	CHECK_EQ(mqk_header_int(&v, &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(mqk_headers_find(buf, h.len, "n", &v), 1);
	CHECK_EQ(mqk_header_int(&v, &n), 0);
	CHECK_EQ(n, -5);
	CHECK_EQ(mqk_header_double(&v, &f), -EINVAL);
	CHECK_EQ(mqk_headers_find(buf, h.len, "pi", &v), 1);
	CHECK_EQ(mqk_header_double(&v, &f), 0);
	CHECK(f == 3.25);
	CHECK_EQ(mqk_header_int(&v, &n), -EINVAL);
	CHECK_EQ(mqk_headers_find(buf, h.len, "s", &v), 1);
	CHECK(v.value_len == 4 && !memcmp(v.value, "text", 4));
	CHECK_EQ(mqk_headers_find(buf, h.len, "t", &v), 1);
	CHECK_EQ(mqk_header_int(&v, &n), 0);
	CHECK_EQ(n, INT64_MAX);
	CHECK_EQ(mqk_headers_find(buf, h.len, "x", &v), 1);
	CHECK(v.value_len == 3 && !memcmp(v.value, "\0\1\2", 3));
	CHECK_EQ(mqk_headers_find(buf, h.len, "X", &v), 0);
	CHECK_EQ(mqk_headers_find(buf, 0, "x", &v), 0);
	CHECK_EQ(mqk_headers_find(NULL, 0, "x", &v), 0);
}

static void headers_arrays(void)
{
	static const char *const values[] = { "", "one", "twenty-two characters!" };
	struct mqk_header_view v, item;
	unsigned char buf[256] = {};
	struct mqk_headers h;
	size_t pos = 0, i;

	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add_strings(&h, "CC", values, 3), 0);
	CHECK_EQ(mqk_headers_add_strings(&h, "none", NULL, 0), 0);
	CHECK_EQ(mqk_headers_add_strings(&h, "", values, 3), -EINVAL);
	CHECK_EQ(mqk_headers_add_strings(&h, "x", NULL, 1), -EINVAL);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_ARRAY, "x", "S\0\0", 3), -EINVAL);
	CHECK_EQ(mqk_headers_check(buf, h.len), 2);
	/* what was taken out is passed over */
	CHECK_EQ(mqk_headers_check(buf, h.len + 16), 2);
	CHECK_EQ(mqk_headers_find(buf, h.len + 16, "none", &v), 1);
	CHECK_EQ(mqk_header_item(&v, &pos, &item), 0);
	CHECK_EQ(mqk_headers_find(buf, h.len, "CC", &v), 1);
	CHECK_EQ(v.type, MQK_HEADER_ARRAY);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(mqk_header_item(&v, &pos, &item), 1);
		CHECK(item.type == MQK_HEADER_STRING && !item.name_len);
		CHECK_EQ(item.value_len, strlen(values[i]));
		CHECK(!memcmp(item.value, values[i], strlen(values[i])));
	}
	CHECK_EQ(mqk_header_item(&v, &pos, &item), 0);
	CHECK_EQ(mqk_header_item(&item, &pos, &v), -EINVAL);
	mqk_headers_init(&h, buf, 24);
	CHECK_EQ(mqk_headers_add_strings(&h, "CC", values, 3), -ENOBUFS);
}

static bool text_is(const struct mqk_text *t, const char *s)
{
	return t->at && t->len == strlen(s) && !memcmp(t->at, s, t->len);
}

static void properties(void)
{
	struct mqk_properties in = {
		.sz = sizeof(in),
		.content_type = MQK_TEXT("text/plain"),
		.content_encoding = MQK_TEXT(""),
		.correlation_id = { "a\0b", 3 },
		.reply_to = MQK_TEXT("there"),
		.message_id = MQK_TEXT("m"),
		.group_id = MQK_TEXT("g"),
		.type = MQK_TEXT("t"),
		.app_id = MQK_TEXT("a"),
		.timestamp_set = true, .timestamp = -7,
		.user_id_set = true, .user_id = 4000000000u,
	};
	struct mqk_properties out = { .sz = sizeof(out) };
	struct mqk_properties none = { .sz = sizeof(none) };
	struct { struct mqk_properties p; size_t more; } longer = {
		.p.sz = sizeof(longer), .more = 1 };
	unsigned char buf[1024];
	struct mqk_headers h;
	struct mqk_msg msg = { .headers = buf, .d.uid = 4000000000u };

	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add_string(&h, "other", "x"), 0);
	CHECK_EQ(mqk_properties_add(&h, &none), 0);
	CHECK_EQ(mqk_headers_check(buf, h.len), 1);
	CHECK_EQ(mqk_properties_add(&h, &longer.p), -E2BIG);
	CHECK_EQ(mqk_properties_add(&h, &in), 0);
	/* the first one of a name counts */
	CHECK_EQ(mqk_headers_add_string(&h, MQK_PROPERTY_TYPE, "later"), 0);
	CHECK_EQ(mqk_headers_add_timestamp(&h, MQK_PROPERTY_TIMESTAMP, 1), 0);
	msg.d.headers_len = (uint16_t)h.len;
	CHECK_EQ(mqk_properties_get(&msg, &out), 10);
	CHECK(text_is(&out.content_type, "text/plain"));
	CHECK(text_is(&out.content_encoding, ""));
	CHECK(out.correlation_id.len == 3 &&
	      !memcmp(out.correlation_id.at, "a\0b", 3));
	CHECK(text_is(&out.reply_to, "there"));
	CHECK(text_is(&out.message_id, "m"));
	CHECK(text_is(&out.group_id, "g"));
	CHECK(text_is(&out.type, "t"));
	CHECK(text_is(&out.app_id, "a"));
	CHECK(out.timestamp_set && out.timestamp == -7);
	CHECK(out.user_id_set && out.user_id == 4000000000u);

	/* who did not publish it is not its user */
	msg.d.uid = 1;
	CHECK_EQ(mqk_properties_get(&msg, &out), 9);
	CHECK(!out.user_id_set);
	/* another type is just a header */
	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add_string(&h, MQK_PROPERTY_TIMESTAMP, "now"), 0);
	CHECK_EQ(mqk_headers_add_int(&h, MQK_PROPERTY_TYPE, 1), 0);
	CHECK_EQ(mqk_headers_add_string(&h, MQK_PROPERTY_USER_ID, "1"), 0);
	msg.d.headers_len = (uint16_t)h.len;
	CHECK_EQ(mqk_properties_get(&msg, &out), 0);
	CHECK(!out.type.at && !out.timestamp_set && !out.user_id_set);
	CHECK_EQ(mqk_property_type("type", 4), MQK_HEADER_STRING);
	CHECK_EQ(mqk_property_type("timestamp", 9), MQK_HEADER_TIMESTAMP);
	CHECK_EQ(mqk_property_type("user-id", 7), MQK_HEADER_LONG);
	CHECK_EQ(mqk_property_type("types", 5), 0);
	CHECK_EQ(mqk_property_type("typ", 3), 0);

	/* no room: nothing is added */
	mqk_headers_init(&h, buf, 40);
	CHECK_EQ(mqk_headers_add_string(&h, "x", "y"), 0);
	CHECK_EQ(mqk_properties_add(&h, &in), -ENOBUFS);
	CHECK_EQ(h.len, 8);
	buf[0] = '?';
	msg.d.headers_len = 8;
	CHECK_EQ(mqk_properties_get(&msg, &out), -EBADMSG);
	out.sz = 0;
	CHECK_EQ(mqk_properties_get(&msg, &out), -EINVAL);
}

static void headers_small_types(void)
{
	static const struct {
		int type;
		unsigned char value[4];
		int len;
		int64_t n;
	} t[] = {
		{ MQK_HEADER_BYTE, { 0x80 }, 1, -128 },
		{ MQK_HEADER_SHORT, { 0xfe, 0xff }, 2, -2 },
		{ MQK_HEADER_SHORT, { 0x01, 0x02 }, 2, 0x201 },
		{ MQK_HEADER_INT, { 0, 0, 0, 0x80 }, 4, INT32_MIN },
	};
	struct mqk_header_view v;
	struct mqk_headers h;
	unsigned char buf[64];
	unsigned int i;
	double f;
	int64_t n;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		mqk_headers_init(&h, buf, sizeof(buf));
		CHECK_EQ(mqk_headers_add(&h, t[i].type, "a", t[i].value,
					 (size_t)t[i].len), 0);
		CHECK_EQ(mqk_headers_find(buf, h.len, "a", &v), 1);
		CHECK_EQ(mqk_header_int(&v, &n), 0);
		CHECK_EQ(n, t[i].n);
	}
	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_FLOAT, "f", "\0\0\x80\xbf", 4), 0);
	CHECK_EQ(mqk_headers_find(buf, h.len, "f", &v), 1);
	CHECK_EQ(mqk_header_double(&v, &f), 0);
	CHECK(f == -1.0);
}

static void headers_refuse(void)
{
	static unsigned char big[MQK_HEADERS_MAX + 64], value[MQK_HEADERS_MAX];
	static char name[300];
	struct mqk_headers h;
	unsigned char buf[16];

	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add(&h, 'q', "a", NULL, 0), -EINVAL);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_INT, "a", "abc", 3), -EINVAL);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_BOOL, "a", "\2", 1), -EINVAL);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, "", NULL, 0), -EINVAL);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_STRING, "a", NULL, 1), -EINVAL);
	memset(name, 'n', 256);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, name, NULL, 0), -EINVAL);
	CHECK_EQ(mqk_headers_add_string(&h, "name", "123456789"), -ENOBUFS);
	CHECK_EQ(h.len, 0);
	CHECK_EQ(mqk_headers_add_string(&h, "name", "12345678"), 0);
	CHECK_EQ(h.len, 16);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, "a", NULL, 0), -ENOBUFS);

	mqk_headers_init(&h, big, sizeof(big));
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_BYTES, "a", value,
				 MQK_HEADERS_MAX - 4), -EMSGSIZE);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_BYTES, "a", value, SIZE_MAX),
		 -EMSGSIZE);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_BYTES, "a", value,
				 MQK_HEADERS_MAX - 5), 0);
	CHECK_EQ(h.len, MQK_HEADERS_MAX);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, "a", NULL, 0), -EMSGSIZE);
	CHECK_EQ(mqk_headers_check(big, h.len), 1);
	name[255] = 0;
	mqk_headers_init(&h, big, sizeof(big));
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_VOID, name, NULL, 0), 0);
	CHECK_EQ(mqk_headers_check(big, h.len), 1);
}

static void headers_malformed(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "V\1\0\0a\0\0", 7 },		/* no multiple of 8 */
		{ "V\5\0\0abcd", 8 },		/* name runs out */
		{ "S\1\4\0abcd", 8 },		/* value runs out */
		{ "V\1\1\0ab\0\0", 8 },		/* void with a value */
		{ "q\1\0\0a\0\0\0", 8 },	/* unknown type */
		{ "V\0\0\0\0\0\0\0", 8 },	/* no name */
		{ "t\1\1\0a\2\0\0", 8 },	/* neither true nor false */
		{ "V\1\0\0a\0\0\1", 8 },	/* padding */
		{ "S\1\xff\xff" "abcd", 8 },
		{ "V\1\0\0a\0\0\0V", 9 },
	};
	struct mqk_header_view v;
	size_t pos = 99;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Exactly as long, so that a sanitizer sees a read behind it. */
		char *p = malloc(bad[i].len);

		memcpy(p, bad[i].bytes, bad[i].len);
		CHECK_EQ(mqk_headers_check(p, bad[i].len), -EBADMSG);
		CHECK_EQ(mqk_headers_find(p, bad[i].len, "zz", &v), -EBADMSG);
		free(p);
	}
	CHECK_EQ(mqk_headers_next("V\1\0\0a\0\0\0", 8, &pos, &v), -EBADMSG);
	CHECK_EQ(mqk_headers_next(NULL, 8, &(size_t){ 0 }, &v), -EBADMSG);
}

/* Random headers, cut and with some bytes changed: no read out of bounds. */
static void headers_fuzz(void)
{
	static const int types[] = { 't', 'b', 's', 'I', 'l', 'f', 'd', 'S',
				     'x', 'T', 'V' };
	static const size_t sizes[] = { 1, 1, 2, 4, 8, 4, 8, 0, 0, 8, 0 };
	unsigned char buf[512], value[64];
	struct mqk_header_view v;
	struct mqk_headers h;
	unsigned int seed = 1, round;
	int good = 0, bad = 0;

	memset(value, 0, sizeof(value));
	for (round = 0; round < 200000; round++) {
		unsigned int n = (unsigned int)rand_r(&seed) % 6;
		size_t len, pos = 0;
		unsigned char *p;
		int ret, count = 0;

		mqk_headers_init(&h, buf, sizeof(buf));
		while (n--) {
			unsigned int t = (unsigned int)rand_r(&seed) % 11;
			char name[] = "abcdefgh";
			size_t size = sizes[t];

			name[1 + (unsigned int)rand_r(&seed) % 7] = 0;
			if (t == 7 || t == 8)
				size = (unsigned int)rand_r(&seed) % 60;
			CHECK_EQ(mqk_headers_add(&h, types[t], name, value,
						 size), 0);
			count++;
		}
		CHECK_EQ(mqk_headers_check(buf, h.len), count);
		len = h.len;
		if (len && !(rand_r(&seed) % 4))
			len = (unsigned int)rand_r(&seed) % len;
		p = malloc(len ? len : 1);
		memcpy(p, buf, len);
		for (n = (unsigned int)rand_r(&seed) % 4; len && n; n--)
			p[(unsigned int)rand_r(&seed) % len] =
				(unsigned char)rand_r(&seed);
		while ((ret = mqk_headers_next(p, len, &pos, &v)) > 0) {
			const unsigned char *end = p + len;

			CHECK((const unsigned char *)v.name + v.name_len <= end);
			CHECK((const unsigned char *)v.value + v.value_len <= end);
			CHECK(pos <= len);
		}
		*(ret ? &bad : &good) += 1;
		free(p);
	}
	CHECK(good > 1000 && bad > 1000);
}

struct opts2 {				/* of a later library */
	struct mqk_port_opts o;
	uint64_t more;
};

static void options(void)
{
	struct mqk_port_opts in, out;
	struct opts2 later;

	memset(&out, 0xff, sizeof(out));
	CHECK_EQ(mqk_opts_take(&out, sizeof(out), NULL), 0);
	CHECK(!out.inplace && !out.batch && !out.sz);

	memset(&in, 0, sizeof(in));
	CHECK_EQ(mqk_opts_take(&out, sizeof(out), &in), -EINVAL);
	in.sz = sizeof(in);
	in.inplace = true;
	in.batch = 7;
	CHECK_EQ(mqk_opts_take(&out, sizeof(out), &in), 0);
	CHECK(out.inplace && out.batch == 7);
	in.sz = offsetof(struct mqk_port_opts, batch);
	CHECK_EQ(mqk_opts_take(&out, sizeof(out), &in), 0);
	CHECK(out.inplace && out.batch == 0);

	memset(&later, 0, sizeof(later));
	later.o.sz = sizeof(later);
	later.o.batch = 3;
	CHECK_EQ(mqk_opts_take(&out, sizeof(out), &later), 0);
	CHECK_EQ(out.batch, 3);
	later.more = (uint64_t)1 << 63;
	CHECK_EQ(mqk_opts_take(&out, sizeof(out), &later), -E2BIG);
}

static void infos(void)
{
	struct { struct mqk_exchange_info i; uint64_t more; } later;
	struct mqk_exchange_info from;

	memset(&from, 0, sizeof(from));
	from.id = 5;
	strcpy(from.name, "name");
	memset(&later, 0xff, sizeof(later));
	later.i.sz = sizeof(later);
	mqk_info_give(&later, &from, sizeof(from));
	CHECK_EQ(later.i.sz, sizeof(later));
	CHECK_EQ(later.i.id, 5);
	CHECK(!strcmp(later.i.name, "name"));
	CHECK_EQ(later.more, 0);

	memset(&later, 0xff, sizeof(later));
	later.i.sz = offsetof(struct mqk_exchange_info, flags);
	mqk_info_give(&later, &from, sizeof(from));
	CHECK_EQ(later.i.id, 5);
	CHECK_EQ(later.i.flags, UINT32_MAX);
}

static void sentences(void)
{
	char buf[MQK_ERROR_TEXT_MAX], little[10];
	struct mqk_error e;
	uint32_t rule, resource;
	int len;

	memset(&e, 0, sizeof(e));
	CHECK(mqk_error_text(&e, buf, sizeof(buf)) > 0);
	e.error = EDQUOT;
	e.limit = 123456;
	e.used = 123455;
	for (rule = 0; rule < MQK_RULE_NR + 2; rule++) {
		for (resource = 0; resource <= MQK_RES_NR; resource++) {
			e.rule = rule;
			e.resource = resource;
			len = mqk_error_text(&e, buf, sizeof(buf));
			CHECK(len > 10 && len < (int)sizeof(buf));
			CHECK_EQ(strlen(buf), len);
			CHECK(buf[len - 1] == '.');
			CHECK_EQ(mqk_error_text(&e, little, sizeof(little)), len);
			CHECK_EQ(strlen(little), sizeof(little) - 1);
			CHECK_EQ(mqk_error_text(&e, NULL, 0), len);
		}
	}
	e.rule = MQK_RULE_USER_LIMIT;
	e.resource = MQK_RES_QUEUES;
	mqk_error_text(&e, buf, sizeof(buf));
	CHECK(strstr(buf, "123456 queues") && strstr(buf, "123455"));
	CHECK(strstr(buf, "user"));
	CHECK_EQ(mqk_error_text(NULL, buf, sizeof(buf)), -EINVAL);
}

/* Refused without a call. */
static void bad_arguments(void)
{
	struct mqk_exchange_opts xo = { .sz = sizeof(xo), .args_len = 8 };
	struct mqk_queue_info qi = { .sz = 8 };
	struct mqk_consumer *c;
	struct mqk_port *p;
	struct mqk *m;
	char name[300];
	uint32_t id;
	unsigned long calls;

	fake_reset();
	memset(name, 'n', sizeof(name));
	name[299] = 0;
	CHECK_EQ(mqk_open(FAKE_NODE, 4, &m), -EINVAL);
	CHECK_EQ(mqk_open("", 0, &m), -EINVAL);
	CHECK_EQ(mqk_open(name, 0, &m), -ENAMETOOLONG);
	CHECK_EQ(mqk_open(FAKE_NODE, 0, NULL), -EINVAL);
	CHECK_EQ(mqk_open("/no/such/node", 0, &m), -ENOENT);
	CHECK_EQ(mqk_open("/dev/null", 0, &m), -ENOTTY);
	fake.abi = 2;
	CHECK_EQ(mqk_open(FAKE_NODE, 0, &m), -EPROTONOSUPPORT);
	fake.abi = MQK_ABI;
	CHECK_EQ(mqk_open(FAKE_NODE, 0, &m), 0);

	calls = fake_counts().calls;
	CHECK_EQ(mqk_exchange_declare(m, NULL, 1, NULL, &id), -EINVAL);
	CHECK_EQ(mqk_exchange_declare(m, name, 1, NULL, &id), -ENAMETOOLONG);
	CHECK_EQ(mqk_exchange_declare(m, "x", 1, &xo, &id), -EINVAL);
	CHECK_EQ(mqk_exchange_id(m, "x", NULL), -EINVAL);
	CHECK_EQ(mqk_queue_declare(m, name, NULL, NULL), -ENAMETOOLONG);
	CHECK_EQ(mqk_queue_declare(m, "q", NULL, &qi), -EINVAL);
	CHECK_EQ(mqk_queue_lookup(m, "", NULL), -EINVAL);
	CHECK_EQ(mqk_queue_purge(m, NULL, NULL), -EINVAL);
	CHECK_EQ(mqk_queue_next(m, &qi), -EINVAL);
	CHECK_EQ(mqk_bind(m, "x", "", MQK_STR("k"), NULL, 0), -EINVAL);
	CHECK_EQ(mqk_bind(m, "x", "q", name, 256, NULL, 0), -EINVAL);
	CHECK_EQ(mqk_bind(m, "x", "q", NULL, 1, NULL, 0), -EINVAL);
	CHECK_EQ(mqk_bind(m, "x", "q", MQK_STR("k"), name, 7), -EINVAL);
	CHECK_EQ(mqk_route(m, "x", MQK_STR("k"), NULL, 0, 0, NULL, 1), -EINVAL);
	CHECK_EQ(mqk_consume(m, "", NULL, &c), -EINVAL);
	CHECK_EQ(mqk_consume(m, "q", NULL, NULL), -EINVAL);
	CHECK_EQ(mqk_broker_create(m, "", NULL), -EINVAL);
	name[64] = 0;
	CHECK_EQ(mqk_broker_create(m, name, NULL), -ENAMETOOLONG);
	CHECK_EQ(mqk_port_open(m, &(struct mqk_port_opts){ .sz = 1 }, &p), -EINVAL);
	CHECK_EQ(fake_counts().calls, calls);

	CHECK_EQ(mqk_port_open(m, NULL, &p), 0);
	calls = fake_counts().calls;
	CHECK_EQ(mqk_publish(p, 1, name, 256, NULL, 0, 0), -EINVAL);
	CHECK_EQ(mqk_publish(p, 1, NULL, 0, NULL, 5, 0), -EINVAL);
	CHECK_EQ(mqk_publishv(p, NULL, 1), -EINVAL);
	CHECK_EQ(mqk_put(p, 1, NULL, 0, name, 5, 0), -EINVAL);
	CHECK_EQ(mqk_commit(p), -EINVAL);
	CHECK_EQ(mqk_commit_len(p, 0), -EINVAL);
	CHECK_EQ(mqk_flush(p), 0);
	CHECK_EQ(mqk_confirm_wait(p, 0, 0), -EINVAL);
	CHECK_EQ(fake_counts().calls, calls);
	mqk_port_close(p);

	CHECK_EQ(mqk_consume(m, "nope", NULL, &c), -ENOENT);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	calls = fake_counts().calls;
	CHECK_EQ(mqk_ack(c, 0), -EINVAL);
	CHECK_EQ(mqk_nack(c, 0, true, false), -EINVAL);
	CHECK_EQ(mqk_get(c, 1, &(struct mqk_msg){ .key = NULL }, NULL, 0), -EINVAL);
	CHECK_EQ(fake_counts().calls, calls);
	mqk_consumer_close(c);
	mqk_close(m);
	mqk_close(NULL);
	mqk_port_close(NULL);
	mqk_consumer_close(NULL);
}

static const struct test tests[] = {
	TEST(headers_round_trip),
	TEST(headers_arrays),
	TEST(properties),
	TEST(headers_small_types),
	TEST(headers_refuse),
	TEST(headers_malformed),
	TEST(headers_fuzz),
	TEST(options),
	TEST(infos),
	TEST(sentences),
	TEST(bad_arguments),
};

int main(void)
{
	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
