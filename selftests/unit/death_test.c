// SPDX-License-Identifier: GPL-2.0-only
/*
 * What headers say about deaths: written by the kernel, read by the library, which
 * knows nothing of it; and headers of any kind, well formed or not quite.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "libmqk/mqk.h"
#include "random.h"
#include "test.h"
#include "util/death.h"
#include "util/record.h"

#define ROOM	MQK_HEADERS_MAX

#define CHECK_TEXT(got, want)	check_text(got, want, __LINE__)

static u8 buffers[2][ROOM + 64];

static void check_text(const char *got, const char *want, int line)
{
	if (!CHECK(!strcmp(got, want)))
		test_note("line %d: '%s', not '%s'", line, got, want);
}

static struct mqk_span span(const char *text)
{
	return (struct mqk_span){ (const u8 *)text, strlen(text) };
}

static struct mqk_death death(enum mqk_reason reason, const char *queue)
{
	return (struct mqk_death){
		.reason = reason, .queue = span(queue), .exchange = span("x"),
		.key = span("key"), .time = 1234567890, .expiration = -1,
	};
}

static const char *text_of(const struct mqk_header_view *v)
{
	static char text[8][300];
	static unsigned int n;
	char *to = text[n++ % 8];

	snprintf(to, sizeof(text[0]), "%.*s", v->value_len, (const char *)v->value);
	return to;
}

/* queue:reason:count of each, in order. */
static const char *deaths(const u8 *p, u32 len)
{
	static char all[16384];
	struct mqk_header_view v, d, f;
	size_t at = 0;

	*all = 0;
	if (mqk_headers_find(p, len, "x-death", &v) != 1)
		return all;
	while (mqk_header_item(&v, &at, &d) == 1) {
		const char *queue = "?", *reason = "?";
		int64_t count = -1;
		size_t pos = 0;

		while (mqk_header_item(&d, &pos, &f) == 1) {
			if (!strncmp(f.name, "queue", f.name_len))
				queue = text_of(&f);
			else if (!strncmp(f.name, "reason", f.name_len))
				reason = text_of(&f);
			else if (!strncmp(f.name, "count", f.name_len))
				mqk_header_int(&f, &count);
		}
		sprintf(all + strlen(all), "%s%s:%s:%lld", *all ? " " : "", queue, reason,
			(long long)count);
	}
	return all;
}

/* Die so often, each time with the headers of the time before. */
static u32 die(const struct mqk_death *d, u32 n, u32 len, u32 *in)
{
	u32 i, from = 0;

	for (i = 0; i < n; i++, from = !from) {
		int got = mqk_death_write(&d[i], buffers[from], len, buffers[!from], ROOM);

		CHECK(got > 0 && got % 8 == 0);
		CHECK(mqk_headers_valid(buffers[!from], got));
		CHECK(mqk_headers_check(buffers[!from], got) > 0);
		len = got;
	}
	*in = from;
	return len;
}

static void test_order(void)
{
	const struct mqk_death d[] = {
		death(MQK_REASON_EXPIRED, "a"), death(MQK_REASON_REJECTED, "b"),
		death(MQK_REASON_EXPIRED, "a"), death(MQK_REASON_MAXLEN, "a"),
		death(MQK_REASON_DELIVERY_LIMIT, "c"), death(MQK_REASON_REJECTED, "b"),
		death(MQK_REASON_REJECTED, "b"),
	};
	struct mqk_header_view v;
	u32 in, len = die(d, ARRAY_SIZE(d), 0, &in);
	const u8 *p = buffers[in];

	CHECK_TEXT(deaths(p, len),
		   "b:rejected:3 c:delivery_limit:1 a:maxlen:1 a:expired:2");
	CHECK_EQ(mqk_headers_find(p, len, "x-first-death-queue", &v), 1);
	CHECK_TEXT(text_of(&v), "a");
	CHECK_EQ(mqk_headers_find(p, len, "x-last-death-reason", &v), 1);
	CHECK_TEXT(text_of(&v), "rejected");
	CHECK_EQ(mqk_death_queue(p, len).len, 1);
	CHECK(!memcmp(mqk_death_queue(p, len).at, "b", 1));
	/* rejected since it was in any of them */
	CHECK(!mqk_death_cycles(p, len, (const u8 *)"a", 1));
	CHECK(!mqk_death_cycles(p, len, (const u8 *)"b", 1));
}

static void test_circles(void)
{
	const struct mqk_death d[] = {
		death(MQK_REASON_EXPIRED, "old"), death(MQK_REASON_REJECTED, "r"),
		death(MQK_REASON_EXPIRED, "a"), death(MQK_REASON_MAXLEN, "bb"),
	};
	u32 in, len = die(d, ARRAY_SIZE(d), 0, &in);
	const u8 *p = buffers[in];

	CHECK(mqk_death_cycles(p, len, (const u8 *)"a", 1));
	CHECK(mqk_death_cycles(p, len, (const u8 *)"bb", 2));
	CHECK(!mqk_death_cycles(p, len, (const u8 *)"b", 1));
	CHECK(!mqk_death_cycles(p, len, (const u8 *)"r", 1));
	CHECK(!mqk_death_cycles(p, len, (const u8 *)"old", 3));
	CHECK(!mqk_death_cycles(p, 0, (const u8 *)"a", 1));
}

/* 64 are told; then the oldest go, or the message, if nobody has rejected it. */
static void test_many(void)
{
	struct mqk_death d[80];
	char name[80][8];
	u32 i, in, len;

	for (i = 0; i < ARRAY_SIZE(d); i++) {
		sprintf(name[i], "q%u", i);
		d[i] = death(MQK_REASON_EXPIRED, name[i]);
	}
	len = die(d, 64, 0, &in);
	CHECK(mqk_death_cycles(buffers[in], len, (const u8 *)"q0", 2));
	CHECK_EQ(mqk_death_write(&d[64], buffers[in], len, buffers[!in], ROOM), -EMSGSIZE);
	d[30].reason = MQK_REASON_REJECTED;
	len = die(d, 80, 0, &in);
	CHECK(!strncmp(deaths(buffers[in], len), "q79:expired:1 q78", 17));
	CHECK(!strstr(deaths(buffers[in], len), "q15:"));
	CHECK(strstr(deaths(buffers[in], len), " q16:expired:1"));
}

/* As much as fits, whatever room there is; never more. */
static void test_room(void)
{
	const struct mqk_death d[] = {
		death(MQK_REASON_EXPIRED, "a"), death(MQK_REASON_REJECTED, "b"),
		death(MQK_REASON_EXPIRED, "c"),
	};
	u32 in, len = die(d, 2, 0, &in), room, least = 0;

	for (room = 0; room < 2000; room += 8) {
		u8 *to = malloc(room);
		int got = mqk_death_write(&d[2], buffers[in], len, to, room);

		CHECK(got <= (int)room);
		CHECK(got > 0 || !least);
		if (got > 0 && !least)
			least = room;
		CHECK(got < 0 || mqk_headers_valid(to, got));
		free(to);
	}
	CHECK(least > 200 && least < 900);
}

/* Entries and headers of another form are left out; others stay, byte by byte. */
static void test_foreign(void)
{
	struct mqk_death d = death(MQK_REASON_REJECTED, "q");
	static u8 nested[512], tables[1024];
	struct mqk_headers h, in, entries;
	struct mqk_header_view v;
	int len;

	mqk_headers_init(&h, buffers[0], ROOM);
	mqk_headers_init(&in, nested, sizeof(nested));
	mqk_headers_init(&entries, tables, sizeof(tables));
	CHECK_OK(mqk_headers_add_int(&in, "count", 5) ? "count" : NULL);
	CHECK_OK(mqk_headers_add_string(&in, "reason", "rejected") ? "reason" : NULL);
	CHECK_OK(mqk_headers_add_string(&in, "queue", "q") ? "queue" : NULL);
	/* an array of a string, of an entry without a name, and of one with too little */
	memcpy(tables, "S\0\1\0x\0\0\0", 8);
	tables[8] = MQK_HEADER_TABLE;
	tables[10] = in.len;
	memcpy(tables + 12, nested, in.len);
	entries.len = (12 + in.len + 7) & ~7u;
	memcpy(tables + entries.len, "F\0\0\0\0\0\0\0", 8);
	entries.len += 8;
	CHECK_EQ(mqk_headers_add_string(&h, "mine", "stays"), 0);
	CHECK_EQ(mqk_headers_add(&h, MQK_HEADER_ARRAY, "x-death", tables, entries.len), 0);
	CHECK_EQ(mqk_headers_add_string(&h, "x-last-death-queue", "forged"), 0);
	CHECK_EQ(mqk_headers_add_string(&h, "x-death", "second"), 0);
	CHECK(mqk_headers_valid(buffers[0], h.len));
	len = mqk_death_write(&d, buffers[0], h.len, buffers[1], ROOM);
	CHECK(len > 0);
	CHECK_TEXT(deaths(buffers[1], len), "q:rejected:6");
	CHECK_EQ(mqk_headers_find(buffers[1], len, "mine", &v), 1);
	CHECK_EQ(mqk_headers_find(buffers[1], len, "x-last-death-queue", &v), 1);
	CHECK_TEXT(text_of(&v), "q");
}

/* Anything that is well formed is taken, and gives what is well formed. */
static void test_random(void)
{
	static const char * const names[] = {
		"x-death", "queue", "reason", "count", "x-first-death-queue", "CC", "n",
	};
	struct random r = random_from(9);
	u32 i, good = 0;

	for (i = 0; i < 300000; i++) {
		struct mqk_death d = death(1 + random_below(&r, 4), "q");
		u32 len = 0, n = random_below(&r, 12);
		int got;

		while (n--) {
			const char *name = names[random_below(&r, ARRAY_SIZE(names))];
			u8 *p = buffers[0] + len;
			u32 name_len = random_below(&r, 4) ? strlen(name) : 0, value, used;

			p[0] = "AFAFSlA"[random_below(&r, 7)];
			/* what follows may become its value */
			value = p[0] == 'l' ? 8 : 8 * random_below(&r, 12);
			used = 4 + name_len;
			p[1] = name_len;
			p[2] = value;
			p[3] = 0;
			memcpy(p + 4, name, name_len);
			memset(p + used, 0, 16);
			if (p[0] == 'l' || p[0] == 'S') {
				p[2] = p[0] == 'S' ? 1 : 8;
				p[used] = 'q';
				len += (used + p[2] + 7) & ~7u;
			} else {
				len += (used + 7) & ~7u;
			}
		}
		d.further = random_below(&r, 2);
		d.forget = d.further && random_below(&r, 2);
		if (!mqk_headers_valid(buffers[0], len))
			continue;
		good += len > 0;
		mqk_death_cycles(buffers[0], len, (const u8 *)"q", 1);
		mqk_death_queue(buffers[0], len);
		got = mqk_death_write(&d, buffers[0], len, buffers[1], ROOM);
		if (got < 0 || !mqk_headers_valid(buffers[1], got) ||
		    strncmp(deaths(buffers[1], got), "q:", 2)) {
			CHECK(false);
			return;
		}
	}
	test_note("%u that were well formed", good);
	CHECK(good > 1000);
}

static const struct test tests[] = {
	{ "newest first, one for each queue and reason", test_order },
	{ "circles", test_circles },
	{ "more than are told", test_many },
	{ "as much as there is room for", test_room },
	{ "what others wrote", test_foreign },
	{ "random headers", test_random },
};

TEST_MAIN(tests)
