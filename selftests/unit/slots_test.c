// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery tags against a list.
 */
#include "random.h"
#include "slots_model.h"
#include "test.h"

#define STEPS	2000000u

static struct slots_model m;

static void test_in_order(void)
{
	u64 i;

	slots_init(&m, 32, 0);
	CHECK_OK(slots_check(&m));
	CHECK(!mqk_slots_first(&m.s));
	for (i = 1; i <= 16; i++)
		CHECK_OK(slots_add(&m));
	CHECK_EQ(m.given, 16);
	CHECK(slots_full(&m));
	/* what is settled in order leaves no gaps */
	for (; i <= 100000; i++) {
		CHECK_OK(slots_del(&m, 0));
		CHECK_OK(slots_add(&m));
	}
	CHECK_EQ(m.given, 100000);
	CHECK_EQ(m.skips, 0);
	CHECK_OK(slots_destroy(&m));
}

static void test_unknown_tags(void)
{
	static const u64 tags[] = { 0, 1, 2, 31, 32, 33, 34, 64, 65, 1ull << 32, (1ull << 32) + 1,
				    ~0ull, ~0ull - 30 };
	u32 i;

	slots_init(&m, 32, 0);
	for (i = 0; i < ARRAY_SIZE(tags); i++)
		CHECK_OK(slots_find(&m, tags[i]));
	CHECK_OK(slots_add(&m));
	CHECK_OK(slots_add(&m));
	for (i = 0; i < ARRAY_SIZE(tags); i++)
		CHECK_OK(slots_find(&m, tags[i]));
	/* one that was settled, and another in its slot */
	CHECK_OK(slots_del(&m, 0));
	for (i = 0; i < 31; i++) {
		CHECK_OK(slots_add(&m));
		CHECK_OK(slots_del(&m, 1));
		CHECK_OK(slots_find(&m, 1));
		CHECK_OK(slots_find(&m, 33));
	}
	CHECK_OK(slots_destroy(&m));
}

/* One tag for ever: it holds up nobody, and leaves a gap at each turn. */
static void test_straggler(void)
{
	u32 i;

	slots_init(&m, 16, 0);
	CHECK_OK(slots_add(&m));
	for (i = 0; i < 1500; i++) {
		CHECK_OK(slots_add(&m));
		CHECK_OK(slots_del(&m, 1));
	}
	/* 17, 33, ... */
	CHECK_EQ(m.skips, 99);
	CHECK_EQ(m.given, 1 + 1500 + 99);
	CHECK_OK(slots_find(&m, 1));
	CHECK_OK(slots_check(&m));
	CHECK_OK(slots_destroy(&m));
}

/* Half of the slots are taken for ever but for one, in several patterns. */
static void test_half_full(void)
{
	u32 i, pattern;

	for (pattern = 0; pattern < 3; pattern++) {
		slots_init(&m, SLOTS_MAX, 0);
		for (i = 0; m.n < SLOTS_MAX / 2 - 1; i++) {
			CHECK_OK(slots_add(&m));
			/* side by side, each second one, or in blocks */
			if (pattern && (pattern == 1 ? i % 2 : i / 64 % 2))
				CHECK_OK(slots_del(&m, m.n - 1));
		}
		for (i = 0; i < 20000; i++) {
			CHECK_OK(slots_add(&m));
			CHECK(slots_full(&m));
			CHECK_OK(slots_del(&m, m.n - 1));
		}
		/* so a tag costs two looks in the mean, whoever stands in the way */
		CHECK(m.skips <= m.adds + SLOTS_MAX / 2);
		CHECK_OK(slots_check(&m));
		CHECK_OK(slots_destroy(&m));
	}
}

static void test_multiple(void)
{
	u32 i;

	slots_init(&m, 64, 0);
	CHECK_OK(slots_del_up_to(&m, ~0ull));
	for (i = 0; i < 32; i++)
		CHECK_OK(slots_add(&m));
	for (i = 0; i < 8; i++)
		CHECK_OK(slots_del(&m, 2 * i));
	CHECK_OK(slots_del_up_to(&m, 0));
	CHECK_EQ(m.n, 24);
	CHECK_OK(slots_del_up_to(&m, 2));
	CHECK_OK(slots_check(&m));
	/* to one that is not outstanding any more, and with gaps between tags */
	for (i = 0; i < 9; i++)
		CHECK_OK(slots_add(&m));
	CHECK_OK(slots_del_up_to(&m, 20));
	CHECK_OK(slots_check(&m));
	for (i = 0; i < 100; i++) {
		CHECK_OK(slots_add(&m));
		CHECK_OK(slots_del(&m, m.n - 1 - (i % 8 == 0)));
	}
	CHECK(m.skips);
	while (!slots_full(&m))
		CHECK_OK(slots_add(&m));
	CHECK_OK(slots_del_up_to(&m, m.given - 1));
	CHECK_EQ(m.n, 1);
	CHECK_OK(slots_check(&m));
	CHECK_OK(slots_destroy(&m));
}

/* Mostly the oldest ones are settled, or mostly those that came last. */
static u32 pick(struct random *r, bool young)
{
	u32 n = random_below(r, random_below(r, 4) ? min(m.n, 3u) : m.n);

	return young ? m.n - 1 - n : n;
}

static const char *step(struct random *r, bool young)
{
	switch (random_below(r, 64)) {
	case 0:
		return slots_del_up_to(&m, m.n ? m.tag[random_below(r, m.n)] : 0);
	case 1:
		return slots_find(&m, m.given - random_below(r, 4 * m.size));
	case 2:
		return slots_find(&m, m.given + random_below(r, m.size));
	case 3:
		return m.n ? slots_find(&m, m.tag[random_below(r, m.n)] + m.size) : NULL;
	case 4:
		return slots_check(&m);
	case 5 ... 34:
		return slots_full(&m) ? NULL : slots_add(&m);
	default:
		return m.n ? slots_del(&m, pick(r, young)) : NULL;
	}
}

static void random_history(u32 size, u64 given, u32 steps)
{
	struct random r = random_from(size);
	const char *bad = NULL;
	u32 i;

	slots_init(&m, size, given);
	for (i = 0; i < steps && !bad; i++)
		bad = step(&r, i / 4096 & 1);
	test_note("%u slots: %llu tags, %llu skipped", size, m.adds, m.skips);
	CHECK(m.skips <= m.adds + size / 2);
	CHECK_OK(bad ?: slots_check(&m));
	CHECK_OK(slots_destroy(&m));
}

static void test_random(void)
{
	random_history(32, 0, STEPS);
	random_history(2, 0, STEPS / 10);
	random_history(SLOTS_MAX, 0, STEPS / 10);
}

/* Tags outgrow 32 bits. */
static void test_wide_tags(void)
{
	random_history(32, (1ull << 32) - 1000, STEPS / 10);
	random_history(64, (1ull << 63) - 1000, STEPS / 10);
}

static const struct test tests[] = {
	{ "settled in order: no gaps", test_in_order },
	{ "tags that are not outstanding", test_unknown_tags },
	{ "a straggler", test_straggler },
	{ "half full", test_half_full },
	{ "MULTIPLE", test_multiple },
	{ "random histories", test_random },
	{ "tags of more than 32 bits", test_wide_tags },
};

TEST_MAIN(tests)
