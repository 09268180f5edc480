// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a queue against plain arrays: random histories, and its edges.
 */
#include "index_model.h"
#include "random.h"
#include "test.h"

#include <linux/kernel.h>

#define STEPS	10000000u

static struct index_model m;

static void reserve(void)
{
	bool ok;

	CHECK_OK(model_reserve(&m, &ok));
	if (!ok) {
		CHECK_OK(model_feed(&m));
		CHECK_OK(model_reserve(&m, &ok));
	}
	CHECK(ok);
}

static void fill(u32 n)
{
	while (n--) {
		reserve();
		CHECK_OK(model_append(&m));
	}
}

/* Straight through, as when a consumer is there. */
static void pass(u32 n)
{
	while (n--) {
		reserve();
		CHECK_OK(model_pass(&m, false));
	}
}

static void take(u32 n)
{
	while (n--)
		CHECK_OK(model_take(&m, false));
}

/* Ends those that are taken, oldest first. */
static void end(u32 n)
{
	u32 i, oldest;

	while (n--) {
		for (i = oldest = 0; i < m.nr_taken; i++)
			if (m.taken[i] < m.taken[oldest])
				oldest = i;
		CHECK_OK(model_done(&m, oldest));
	}
}

static void give_back(u64 seq)
{
	CHECK_OK(model_return(&m, m.nth_taken[seq]));
}

static void test_empty(void)
{
	u64 seq = 5;
	bool ok;

	model_init(&m);
	CHECK_OK(model_check(&m));
	CHECK_OK(model_reserve(&m, &ok));
	CHECK(!ok);
	CHECK_OK(model_take(&m, false));
	CHECK_OK(model_drain(&m));
	CHECK(!mqk_index_find(&m.x, &seq, 1));
	CHECK_EQ(seq, 0);
	CHECK_OK(model_destroy(&m));
}

/* To the last place of a chunk, and one less and more, whatever ends first. */
static void test_chunk_edges(void)
{
	static const u32 size[] = { 1, 63, 64, 65, 122, 123, 124, 245, 246, 247, 369 };
	u32 i, order;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		for (order = 0; order < 6; order++) {
			u32 n = size[i];

			model_init(&m);
			if (order >= 4)
				pass(n);
			else
				fill(n);
			CHECK_OK(model_check(&m));
			if (order & 1 || order >= 4) {
				take(n);
				take(1);
				end(n);
			} else {
				for (; n; n--) {
					take(1);
					end(1);
					CHECK_OK(model_check(&m));
				}
			}
			CHECK_OK(model_check(&m));
			/* and once more, from where it stands */
			fill(order & 2 ? 200 : 1);
			take(300);
			pass(order * 40);
			CHECK_OK(model_check(&m));
			CHECK_OK(model_destroy(&m));
		}
	}
}

static void test_reservations(void)
{
	u32 i;
	bool ok;

	model_init(&m);
	CHECK_OK(model_feed(&m));
	for (i = 0; i < MQK_CHUNK_ENTRIES; i++) {
		CHECK_OK(model_reserve(&m, &ok));
		CHECK(ok);
	}
	CHECK_OK(model_reserve(&m, &ok));
	CHECK(!ok);
	CHECK_OK(model_unreserve(&m));
	CHECK_OK(model_reserve(&m, &ok));
	CHECK(ok);
	CHECK_OK(model_append(&m));
	CHECK_OK(model_reserve(&m, &ok));
	CHECK(!ok);
	CHECK_OK(model_feed(&m));
	CHECK_EQ(m.x.room, 2 * MQK_CHUNK_ENTRIES - 1);
	CHECK_EQ(m.x.reserved, MQK_CHUNK_ENTRIES - 1);
	CHECK_OK(model_destroy(&m));
}

/* Whatever the order of their return, they go out in the order of their age. */
static void test_returned_order(void)
{
	struct random r = random_from(1);
	u32 i, n = 5 * MQK_CHUNK_ENTRIES + 7;

	model_init(&m);
	fill(n);
	take(n - 20);
	for (i = 0; i < 300; i++)
		CHECK_OK(model_return(&m, random_below(&r, m.nr_taken)));
	CHECK_OK(model_check(&m));
	/* the model insists on the order; the last 20 were never out */
	for (i = 0; i < 320; i++)
		CHECK_OK(model_take(&m, i % 2));
	CHECK_EQ(m.nr_taken, n);
	CHECK_OK(model_take(&m, false));
	CHECK_EQ(m.nr_taken, n);
	/* the edges of a chunk's bitmap */
	give_back(122);
	give_back(64);
	give_back(63);
	give_back(0);
	give_back(123);
	take(2);
	give_back(0);
	take(5);
	CHECK_OK(model_check(&m));
	CHECK_OK(model_destroy(&m));
}

/* One that stays holds one chunk, not those around it. */
static void test_straggler(void)
{
	u32 i;

	model_init(&m);
	fill(50);
	take(1);
	CHECK_EQ(m.taken[0], 0);
	for (i = 0; i < 2000; i++) {
		fill(20);
		while (m.nr_taken < 21)
			CHECK_OK(model_take(&m, false));
		while (m.nr_taken > 1)
			CHECK_OK(model_done(&m, 1));
		CHECK(m.nr_chunks <= 4);
	}
	CHECK_OK(model_check(&m));
	give_back(0);
	take(1);
	CHECK_EQ(m.taken[m.nr_taken - 1], 0);
	CHECK_OK(model_destroy(&m));
}

static void test_find(void)
{
	struct random r = random_from(2);
	u32 i, n = 20 * MQK_CHUNK_ENTRIES;
	u64 far;

	model_init(&m);
	fill(n);
	take(n - 300);
	for (i = 0; i < n / 2; i++) {
		u32 k = random_below(&r, m.nr_taken);
		u64 seq = m.taken[k];

		/* leave gaps: chunks 3 to 6 and 9 go */
		if ((seq / MQK_CHUNK_ENTRIES >= 3 && seq / MQK_CHUNK_ENTRIES < 7) ||
		    seq / MQK_CHUNK_ENTRIES == 9 || i % 3)
			CHECK_OK(model_done(&m, k));
		else
			CHECK_OK(model_return(&m, k));
	}
	for (i = 0; i < m.nr_taken; i++) {
		u32 c = m.taken[i] / MQK_CHUNK_ENTRIES;

		if ((c >= 3 && c < 7) || c == 9)
			CHECK_OK(model_done(&m, i--));
	}
	CHECK_OK(model_check(&m));
	for (i = 0; i <= n; i++) {
		CHECK_OK(model_find(&m, i, 1));
		CHECK_OK(model_find(&m, i, 2));
		CHECK_OK(model_find(&m, i, 1000));
	}
	for (i = 1; i < 6; i++) {
		CHECK_OK(model_find_all(&m, 0, i));
		CHECK_OK(model_find_all(&m, random_below(&r, n), i));
	}
	/* beyond the end */
	far = n + 10;
	CHECK(!mqk_index_find(&m.x, &far, 1));
	CHECK_EQ(far, n);
	far = ~0ull;
	CHECK(!mqk_index_find(&m.x, &far, 1));
	CHECK_EQ(far, n);
	CHECK_OK(model_destroy(&m));
}

static void test_drain_and_go_on(void)
{
	u32 round;

	model_init(&m);
	for (round = 0; round < 500; round++) {
		fill(1 + round % 300);
		CHECK_OK(model_take(&m, false));
		/* not while one is alive */
		while (m.nr_spare)
			CHECK_OK(model_drain(&m));
		CHECK(!mqk_index_drain(&m.x));
		take(300);
		while (m.nr_taken)
			CHECK_OK(model_done(&m, m.nr_taken - 1));
		while (m.nr_chunks)
			CHECK_OK(model_drain(&m));
		CHECK_EQ(m.x.room, 0);
		CHECK_OK(model_check(&m));
	}
	CHECK_OK(model_destroy(&m));
}

/* Ended where it waits: at the cursor, behind it, returned; then what follows. */
static void test_remove(void)
{
	static const u32 size[] = { 1, 2, 64, 122, 123, 124, 246, 300 };
	u32 i, n, back;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		for (back = 0; back < 4; back++) {
			n = size[i];
			model_init(&m);
			fill(n);
			take(n / 3);
			if (back & 1 && n > 2)
				give_back(n / 3 - 1);
			/* the last one first, or from the cursor on */
			while (!model_idle(&m)) {
				CHECK_OK(model_remove(&m, back & 2 ? 0 : n - 1));
				CHECK_OK(model_check(&m));
				if (!(back & 2) && n)
					n--;
			}
			take(1);
			/* straight through, many, and by the list, behind removed ones */
			pass(1);
			CHECK_OK(model_check(&m));
			fill(1);
			CHECK_OK(model_remove(&m, 0));
			reserve();
			CHECK_OK(model_unreserve(&m));
			CHECK_OK(model_through(&m, 5));
			CHECK_OK(model_check(&m));
			fill(130);
			CHECK_OK(model_remove(&m, m.next - 130));
			CHECK_OK(model_remove(&m, m.next - 60));
			take(128);
			CHECK(model_idle(&m));
			CHECK_OK(model_check(&m));
			CHECK_OK(model_destroy(&m));
		}
	}
}

/* How likely each step is, of 16: append, take, return, the rest is done. */
static const u8 mood[][3] = {
	{ 8, 4, 0 }, { 5, 5, 1 }, { 2, 6, 2 }, { 1, 4, 1 }, { 3, 8, 5 }, { 6, 6, 0 }, { 9, 6, 1 },
};

static const char *step(struct random *r, const u8 *p, bool tidy)
{
	u32 dice = random_below(r, 16);
	const char *bad;
	bool ok;

	if (dice < p[0]) {
		bad = model_reserve(&m, &ok);
		if (!bad && !ok)
			return model_feed(&m);
		/* now and then it is held for a while, or given up */
		if (random_below(r, 8) == 0)
			return bad;
		if (random_below(r, 32) == 0)
			return bad ?: model_unreserve(&m);
		if (!bad && model_idle(&m) && random_below(r, 4) == 0)
			return model_unreserve(&m) ?: model_through(&m, 1 + random_below(r, 40));
		if (!bad && model_idle(&m) && random_below(r, 4))
			return model_pass(&m, random_below(r, 2));
		return bad ?: model_append(&m);
	}
	if (dice < p[0] + p[1])
		return model_take(&m, random_below(r, 4) == 0);
	if (random_below(r, 24) == 0)
		return model_detach(&m, m.first + random_below(r, m.next - m.first + 1));
	if (m.nr_detached && random_below(r, 24) == 0)
		return random_below(r, 2) ? model_end_detached(&m) : model_attach(&m);
	if (random_below(r, 24) == 0)
		return model_remove(&m, m.first + random_below(r, m.next - m.first + 1));
	if (!m.nr_taken)
		return NULL;
	dice -= p[0] + p[1];
	if (dice < p[2])
		return model_return(&m, random_below(r, m.nr_taken));
	if (tidy && m.state[m.first] == TAKEN)
		return model_done(&m, m.nth_taken[m.first]);
	return model_done(&m, random_below(r, m.nr_taken));
}

static const char *rare_step(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
		return model_feed(&m);
	case 1:
		return model_check(&m);
	case 2:
		return model_find_all(&m, random_below(r, m.next + 2), 1 + random_below(r, 4));
	case 3:
		/* what was held goes back, what is spare goes out */
		while (m.reserved)
			if (model_unreserve(&m))
				return "unreserve";
		return model_drain(&m);
	default:
		return model_find(&m, random_below(r, m.next + 2), 1 + random_below(r, 4));
	}
}

static void test_random(void)
{
	struct random r = random_from(3);
	u32 steps = 0, histories = 0, longest = 0;
	const char *bad = NULL;

	while (steps < STEPS && !bad) {
		const u8 *p = mood[0];
		u32 room = random_below(&r, 4) ? 3000 : 20000;

		model_init(&m);
		while (!bad && steps < STEPS && m.next < MODEL_PLACES - 1) {
			if (steps % 1024 == 0)
				p = mood[random_below(&r, ARRAY_SIZE(mood))];
			/* nor may it hold so many that the model becomes slow */
			if (m.next - m.first > room)
				p = mood[3];
			bad = random_below(&r, 1000) ? step(&r, p, m.next - m.first > room) :
						       rare_step(&r);
			steps++;
			longest = max(longest, (u32)(m.next - m.first));
			if (m.nr_chunks > 1000)
				break;
		}
		bad = bad ?: model_check(&m);
		bad = bad ?: model_destroy(&m);
		histories++;
	}
	test_note("%u steps in %u histories, up to %u places alive", steps, histories, longest);
	CHECK_OK(bad);
}

static const struct test tests[] = {
	{ "an empty index", test_empty },
	{ "sizes around those of chunks", test_chunk_edges },
	{ "reservations", test_reservations },
	{ "what returns goes out by age", test_returned_order },
	{ "a straggler", test_straggler },
	{ "looking without taking", test_find },
	{ "drained, and used again", test_drain_and_go_on },
	{ "ended where it waits", test_remove },
	{ "random histories", test_random },
};

TEST_MAIN(tests)
