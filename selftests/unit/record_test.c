// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads of records, and encoded headers: kernel, library and the words of the
 * header file.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "libmqk/mqk.h"
#include "random.h"
#include "record_ref.h"
#include "test.h"
#include "util/record.h"

#define HEADS	3000000u
#define LISTS	300000u

static const u8 types[] = "tbsIlfdSxTV";

static u64 size_of(const struct mqk_record *r, u64 room)
{
	u64 size = mqk_record_size(r, room);

	CHECK_EQ(size, ref_record_size(r, room));
	CHECK(size <= room);
	CHECK(size % MQK_RECORD_ALIGN == 0);
	return size;
}

static void test_sizes(void)
{
	static const u32 payload[] = { 0, 1, 63, 64, 65, 127, 128, 4096, 65536, 1u << 20,
				       0x7fffffff, 0x80000000, 0xffffff3f, 0xffffff40, 0xffffff41,
				       0xffffffbf, 0xffffffc0, 0xffffffc1, 0xffffffff };
	static const u32 headers[] = { 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 128, 1024, 32768,
				       MQK_HEADERS_MAX - 56, MQK_HEADERS_MAX };
	struct mqk_record r = { .type = MQK_RECORD_DATA };
	u32 key, i, j;

	for (key = 0; key <= 255; key++) {
		for (i = 0; i < ARRAY_SIZE(headers); i++) {
			for (j = 0; j < ARRAY_SIZE(payload); j++) {
				u64 size;

				r.key_len = key;
				r.headers_len = headers[i];
				r.payload_len = payload[j];
				size = size_of(&r, ~0ull);
				CHECK(size >= 32ull + key + headers[i] + payload[j]);
				/* it fits, or it does not, by one byte */
				CHECK_EQ(size_of(&r, size), size);
				CHECK_EQ(size_of(&r, size - 1), 0);
				CHECK_EQ(size_of(&r, 0), 0);
				/* a room that looks large enough in 32 bits */
				CHECK_EQ(size_of(&r, (u32)size),
					 size >> 32 ? 0 : size);
			}
		}
	}
	CHECK_EQ(MQK_HEADERS_MAX, 65528);
}

/* Whatever is not 0 where 0 is asked for; each bit alone. */
static void test_reserved(void)
{
	static const struct {
		size_t offset, size;
	} fields[] = {
		{ offsetof(struct mqk_record, resv0), 3 },
		{ offsetof(struct mqk_record, expiration), 4 },
		{ offsetof(struct mqk_record, delay), 4 },
	};
	struct mqk_record r = { .type = MQK_RECORD_DATA };
	u32 i, bit;

	CHECK_EQ(size_of(&r, 4096), 64);
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		for (bit = 0; bit < 8 * fields[i].size; bit++) {
			u8 *byte = (u8 *)&r + fields[i].offset + bit / 8;

			*byte = 1 << bit % 8;
			CHECK_EQ(size_of(&r, 4096), 0);
			*byte = 0;
		}
	}
	for (bit = 0; bit < 32; bit++) {
		r.flags = 1u << bit;
		CHECK_EQ(size_of(&r, 4096), r.flags & 0x3f ? 64 : 0);
	}
	r.flags = 0;
	for (i = 0; i < 256; i++) {
		r.type = i;
		CHECK_EQ(size_of(&r, 4096), i == MQK_RECORD_DATA ? 64 : 0);
	}
	r.type = MQK_RECORD_DATA;
	for (i = 0; i < 65536; i++) {
		r.headers_len = i;
		CHECK_EQ(size_of(&r, ~0ull) != 0, i % 8 == 0);
	}
	/* what anything goes in */
	r.headers_len = 0;
	memset(r.key, 0xff, sizeof(r.key));
	r.commit = ~0u;
	r.exchange = ~0u;
	r.priority = 0xff;
	r.expiration = ~0u;
	r.flags = MQK_MSG_F_EXPIRATION;
	CHECK_EQ(size_of(&r, 4096), 64);
}

static void test_random_heads(void)
{
	struct random rnd = random_from(1);
	u32 i, good = 0;

	for (i = 0; i < HEADS; i++) {
		struct mqk_record r;
		u32 flaw = random_below(&rnd, 24);
		u64 room = (u64)random_next(&rnd) >> random_below(&rnd, 32);

		memset(&r, 0, sizeof(r));
		r.payload_len = random_next(&rnd) >> random_below(&rnd, 32);
		r.headers_len = random_below(&rnd, 8192) * 8 + (flaw == 0);
		r.key_len = random_next(&rnd);
		r.type = flaw == 1 ? random_next(&rnd) : MQK_RECORD_DATA;
		r.flags = flaw == 2 ? random_next(&rnd) : random_below(&rnd, 4);
		if (flaw == 3)
			((u8 *)&r)[20 + random_below(&rnd, 12)] = random_next(&rnd);
		good += size_of(&r, room) != 0;
	}
	test_note("%u heads, %u good ones", HEADS, good);
}

static void compare(const u8 *p, u32 len, bool want)
{
	bool valid;

	CHECK_OK(headers_compare(p, len, &valid));
	CHECK_EQ(valid, want);
}

static bool is_type(u32 type)
{
	return type && (type == 'A' || type == 'F' || strchr((const char *)types, type));
}

/* All types with all small sizes; a value that is right for each of them. */
static void test_each_type(void)
{
	u32 type, name, value;
	u8 p[64];

	for (type = 0; type < 256; type++) {
		for (name = 0; name < 12; name++) {
			for (value = 0; value < 12; value++) {
				u32 len = (4 + name + value + 7) & ~7u;
				bool fits, valid;

				memset(p, 0, sizeof(p));
				memset(p + 4, 'n', name);
				memset(p + 4 + name, 1, value);
				p[0] = type;
				p[1] = name;
				p[2] = value;
				CHECK_OK(headers_compare(p, len, &fits));
				CHECK(!fits || (is_type(type) && name) || len == 8);
				/* cut off or followed by less than a header */
				compare(p, len - 1, false);
				CHECK_OK(headers_compare(p, len + 1, &valid));
				CHECK(!valid);
				compare(p, 3, false);
				compare(p, 4, false);
			}
		}
	}
	compare(p, 0, true);
}

static void test_fixed_sizes(void)
{
	static const u8 size[] = { 1, 1, 2, 4, 8, 4, 8, 0xff, 0xff, 8, 0 };
	u32 i, value;
	u8 p[32];

	for (i = 0; types[i]; i++) {
		for (value = 0; value < 20; value++) {
			memset(p, 0, sizeof(p));
			p[0] = types[i];
			p[1] = 1;
			p[2] = value;
			p[4] = 'n';
			compare(p, (5 + value + 7) & ~7u, size[i] == 0xff || size[i] == value);
		}
	}
	/* a truth value is 0 or 1 */
	for (value = 0; value < 256; value++) {
		memcpy(p, (u8 []){ 't', 2, 1, 0, 'n', 'm', value, 0 }, 8);
		compare(p, 8, value < 2);
		p[0] = 'b';
		compare(p, 8, true);
	}
}

static void test_padding(void)
{
	u32 value, i;
	u8 p[64];

	for (value = 0; value < 24; value++) {
		u32 used = 4 + 3 + value, len = (used + 7) & ~7u;

		memset(p, 0xff, sizeof(p));
		memcpy(p, (u8 []){ 'x', 3, value, 0, 'a', 'b', 'c' }, 7);
		memset(p + used, 0, len - used);
		compare(p, len, true);
		for (i = used; i < len; i++) {
			p[i] = 1;
			compare(p, len, false);
			p[i] = 0x80;
			compare(p, len, false);
			p[i] = 0;
		}
	}
}

/* 8 bytes of 0 are none, wherever a header may begin, and nowhere else. */
static void test_blank(void)
{
	u8 p[64] = {};
	u32 len;

	for (len = 0; len <= sizeof(p); len++)
		compare(p, len, len % 8 == 0);
	memcpy(p + 16, "V\1\0\0n", 5);
	for (len = 0; len <= sizeof(p); len++)
		compare(p, len, len % 8 == 0);
	p[24] = 1;
	compare(p, 32, false);
	compare(p, 24, true);
}

/* Values of all types, right and wrong; no names, nothing behind. */
static void test_arrays(void)
{
	static const struct {
		const char *value;
		u32 len;
		bool valid;
	} array[] = {
		{ "", 0, true },
		{ "S\0\0\0\0\0\0\0", 8, true },
		{ "S\0\3\0abc\0", 8, true },
		{ "S\0\3\0abc\0V\0\0\0\0\0\0\0", 16, true },
		{ "t\0\1\0\1\0\0\0", 8, true },
		{ "t\0\1\0\2\0\0\0", 8, false },
		{ "I\0\4\0\1\2\3\4", 8, true },
		{ "I\0\3\0\1\2\3\0", 8, false },
		{ "S\1\2\0nab\0", 8, false },
		{ "S\0\3\0abcd", 8, false },
		{ "S\0\3\0abc", 7, false },
		{ "S\0\5\0abc\0", 8, false },
		{ "S\0\3\0abc\0S\0\0", 11, false },
		{ "A\0\0\0\0\0\0\0", 8, true },
		{ "F\0\0\0\0\0\0\0", 8, true },
		{ "F\0\10\0V\1\0\0n\0\0\0\0\0\0\0", 16, true },
		{ "F\0\10\0V\1\0\0n\0\0\0\0\0\0", 15, false },
		{ "F\0\11\0V\1\0\0n\0\0\0\0\0\0\0", 16, false },
		{ "A\0\10\0V\0\0\0\0\0\0\0\0\0\0\0", 16, true },
		{ "\0\0\0\0\0\0\0\0", 8, false },
		{ "?\0\0\0\0\0\0\0", 8, false },
	};
	u32 i, name;
	u8 p[64];

	for (i = 0; i < ARRAY_SIZE(array); i++) {
		for (name = 1; name < 10; name++) {
			memset(p, 0, sizeof(p));
			p[0] = 'A';
			p[1] = name;
			p[2] = array[i].len;
			memset(p + 4, 'n', name);
			memcpy(p + 4 + name, array[i].value, array[i].len);
			compare(p, (4 + name + array[i].len + 7) & ~7u, array[i].valid);
		}
	}
}

/*
 * Arrays and tables in one another, each the only one in the next, from the inside:
 * a word of letters tells which.  Names are "n", also where none belongs.
 */
static u32 nest(const char *word, u8 *p, bool right)
{
	u32 i, len = 0, size = strlen(word);

	for (i = size; i-- > 0;) {
		bool named = !i || (word[i - 1] == 'F') == right;
		u32 used = 4 + named + len, total = (used + 7) & ~7u;

		memmove(p + 4 + named, p, len);
		p[0] = word[i];
		p[1] = named;
		p[2] = len;
		p[3] = 0;
		if (named)
			p[4] = 'n';
		memset(p + used, 0, total - used);
		len = total;
	}
	return len;
}

static void test_depth(void)
{
	static const struct {
		const char *word;
		bool valid;
	} depth[] = {
		{ "A", true }, { "F", true }, { "AF", true }, { "FA", true },
		{ "AAAA", true }, { "FFFF", true }, { "AFAF", true },
		{ "AAAAA", false }, { "FFFFF", false }, { "AFAFA", false },
		{ "AFAV", true }, { "AFAFV", true }, { "FFFFV", true },
		{ "FFFFFV", false }, { "AAAAAV", false },
		{ "AFA?", false }, { "F?", false }, { "AAAt", false },
	};
	u8 p[128];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(depth); i++) {
		compare(p, nest(depth[i].word, p, true), depth[i].valid);
		/* fields without a name, values with one */
		if (depth[i].word[1])
			compare(p, nest(depth[i].word, p, false), false);
	}
}

/* The longest there are, and lengths that reach beyond the end. */
static void test_large(void)
{
	static u8 p[70000];
	u32 len, value;

	for (value = 65000; value <= 65535; value++) {
		len = (4 + 255 + value + 7) & ~7u;
		memset(p, 0, sizeof(p));
		p[0] = 'S';
		p[1] = 255;
		p[2] = value;
		p[3] = value >> 8;
		compare(p, len, true);
		if (len > MQK_HEADERS_MAX)
			compare(p, MQK_HEADERS_MAX, false);
		compare(p, len - 8, false);
		compare(p, 8, false);
	}
	/* as many as can be */
	memset(p, 0, sizeof(p));
	for (len = 0; len < MQK_HEADERS_MAX; len += 8)
		memcpy(p + len, "V\1\0\0n", 5);
	compare(p, MQK_HEADERS_MAX, true);
	p[MQK_HEADERS_MAX - 1] = 1;
	compare(p, MQK_HEADERS_MAX, false);
}

/* Random lists, mostly well formed; what is damaged is so in one place. */
static void test_random_lists(void)
{
	struct random r = random_from(2);
	u32 i, good = 0;
	u8 p[512];

	for (i = 0; i < LISTS; i++) {
		u32 len = 0, n = random_below(&r, 5);
		bool valid;

		while (n-- && len < 300) {
			static const u8 sizes[] = { 1, 1, 2, 4, 8, 4, 8, 0, 0, 8, 0 };
			u32 t = random_below(&r, 11), name = 1 + random_below(&r, 20);
			u32 value = types[t] == 'S' || types[t] == 'x' ? random_below(&r, 40) :
				    sizes[t];
			u32 used = 4 + name + value, j;

			memset(p + len, 0, used + 8);
			p[len] = types[t];
			p[len + 1] = name;
			p[len + 2] = value;
			for (j = 4; j < used; j++)
				p[len + j] = types[t] == 't' ? 1 : random_next(&r);
			len += (used + 7) & ~7u;
		}
		if (len && random_below(&r, 2))
			p[random_below(&r, len)] ^= 1 << random_below(&r, 8);
		if (random_below(&r, 8) == 0)
			len -= random_below(&r, len + 1);
		CHECK_OK(headers_compare(p, len, &valid));
		good += valid;
	}
	test_note("%u lists, %u good ones", LISTS, good);
}

/* What the library writes, the kernel takes. */
static void test_written_by_the_library(void)
{
	u8 room[4096], value[64] = { 1 };
	struct random r = random_from(3);
	struct mqk_headers h;
	u32 i, n, written = 0;
	char name[40];
	bool valid;

	for (i = 0; i < 20000; i++) {
		mqk_headers_init(&h, room, random_below(&r, sizeof(room)));
		memset(room, 0xa5, sizeof(room));
		for (n = random_below(&r, 10); n; n--) {
			u32 len = random_below(&r, sizeof(name));

			memset(name, 'n', sizeof(name));
			name[len] = '\0';
			if (!mqk_headers_add(&h, types[random_below(&r, 11)], name, value,
					     random_below(&r, 10)))
				written++;
		}
		CHECK_OK(headers_compare(room, h.len, &valid));
		CHECK(valid);
	}
	CHECK(written > 20000);
	test_note("%u headers", written);
}

static const struct test tests[] = {
	{ "sizes of records", test_sizes },
	{ "reserved members, types and flags", test_reserved },
	{ "random heads", test_random_heads },
	{ "headers: each type", test_each_type },
	{ "headers: sizes of types", test_fixed_sizes },
	{ "headers: padding", test_padding },
	{ "headers: what was taken out", test_blank },
	{ "headers: arrays", test_arrays },
	{ "arrays and tables in one another", test_depth },
	{ "headers: the largest", test_large },
	{ "headers: random lists", test_random_lists },
	{ "headers: written by libmqk", test_written_by_the_library },
};

TEST_MAIN(tests)
