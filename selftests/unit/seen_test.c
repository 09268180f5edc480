// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a queue has seen: ids come and grow old at random, next to an array that keeps
 * them all; as many as there may be, and what the table costs then.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>

#include "accounts.h"
#include "kmod/seen.h"
#include "random.h"
#include "shim.h"
#include "test.h"

static struct payer payer;
static struct mqk_seen *seen;

static void begin(void)
{
	payer_init(&payer);
	seen = mqk_seen_alloc(&payer.tenant, NULL);
	CHECK(!IS_ERR(seen));
}

static void end(void)
{
	mqk_seen_free(seen);
	CHECK(payer_idle(&payer));

	CHECK_EQ(shim_live(), 0);
}

/* The n-th id: as a hash is, but its upper bits decide nothing. */
static struct mqk_msgid id_of(u32 n)
{
	return (struct mqk_msgid) { (n + 1) * 0x9e3779b97f4a7c15ull ?: 1, n };
}

static bool has(u32 n, u64 now)
{
	struct mqk_msgid id = id_of(n);

	return mqk_seen_has(seen, &id, now);
}

static void add(u32 n, u64 now, u64 until)
{
	struct mqk_msgid id = id_of(n);

	mqk_seen_forget(seen, now);
	if (!mqk_seen_has_room(seen))
		mqk_seen_feed(seen, mqk_seen_page_alloc(&payer.tenant, false, NULL));
	mqk_seen_add(seen, &id, until);
}

/* --- against an array --------------------------------------------------- */

#define IDS	3000u
#define STEPS	400000u

static u64 until[IDS];

static void at_random(u32 stream, u64 window, bool changes)
{
	struct random r = random_from(stream);
	u64 now = 1;
	u32 i, hits = 0;

	begin();
	memset(until, 0, sizeof(until));
	for (i = 0; i < STEPS; i++) {
		u32 n = random_below(&r, IDS);
		bool known = until[n] > now;

		if (!CHECK_EQ(has(n, now), known))
			break;
		hits += known;
		if (!known) {
			until[n] = now + (changes ? random_below(&r, window) : window);
			add(n, now, until[n]);
		}
		now += random_below(&r, 3);
		/* a pause after which all are too old */
		if (!random_below(&r, 20000))
			now += 2 * window;
	}
	CHECK(hits > STEPS / 50 && hits < STEPS);
	/* no more room than they ever needed together, and what is not forgotten yet */
	CHECK(seen->nr_pages <= (2 * IDS) / MQK_SEEN_IDS + 2);
	end();
}

static void test_random(void)
{
	at_random(1, 1000, false);
	at_random(2, 100, false);
}

static void test_random_windows(void)
{
	at_random(3, 2000, true);
}

/* --- as many as there may be -------------------------------------------- */

static void test_bound(void)
{
	u32 i, wrong = 0;

	begin();
	for (i = 0; i < MQK_SEEN_MAX; i++)
		add(i, 1, 1000);
	for (i = 0; i < MQK_SEEN_MAX; i++)
		wrong += !has(i, 2);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen->nr, MQK_SEEN_MAX);
	/* then the oldest goes, and no other */
	for (i = 0; i < 1000; i++)
		add(MQK_SEEN_MAX + i, 3, 1000);
	for (i = 0; i < MQK_SEEN_MAX + 1000; i++)
		wrong += has(i, 4) != (i >= 1000);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen->nr, MQK_SEEN_MAX);
	CHECK(seen->nr_pages <= MQK_SEEN_PAGES);
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES),
		 sizeof(*seen) + seen->nr_pages * (u64)MQK_SEEN_BYTES);
	/* all too old: two go for each that comes */
	for (i = 0; i < MQK_SEEN_MAX; i++)
		add(2 * MQK_SEEN_MAX + i, 2000, 3000);
	CHECK_EQ(seen->nr, MQK_SEEN_MAX);
	for (i = 0; i < MQK_SEEN_MAX; i++)
		wrong += !has(2 * MQK_SEEN_MAX + i, 2001);
	CHECK_EQ(wrong, 0);
	end();
}

/* The longest chain of a bucket, of all. */
static u32 longest(void)
{
	u32 i, n, most = 0;

	for (i = 0; i < seen->buckets; i++) {
		mqk_seen_place at = seen->page[i / MQK_SEEN_IDS]->bucket[i % MQK_SEEN_IDS];

		for (n = 0; at; n++)
			at = seen->page[(at - 1) / MQK_SEEN_IDS]->entry[(at - 1) % MQK_SEEN_IDS]
				     .chain;
		most = n > most ? n : most;
	}
	return most;
}

/* Chains stay short while the table grows, and there are as many buckets as ids. */
static void test_chains(void)
{
	struct random r = random_from(5);
	u32 i;

	begin();
	for (i = 0; i < MQK_SEEN_MAX; i++) {
		struct mqk_msgid id = {
			(u64)random_next(&r) << 32 | random_next(&r), i,
		};

		if (!mqk_seen_has_room(seen)) {
			CHECK(longest() <= 16);
			mqk_seen_feed(seen, mqk_seen_page_alloc(&payer.tenant, false, NULL));
			CHECK_EQ(seen->buckets, seen->nr_pages * MQK_SEEN_IDS);
		}
		mqk_seen_add(seen, &id, 1000);
	}
	CHECK(longest() <= 16);
	end();
}

/* --- room --------------------------------------------------------------- */

/* What is reserved is nobody else's. */
static void test_reserved(void)
{
	u32 i;

	begin();
	CHECK(!mqk_seen_has_room(seen));
	CHECK(!has(1, 1));
	add(0, 1, 10);
	for (i = 1; i < MQK_SEEN_IDS; i++) {
		CHECK(mqk_seen_has_room(seen));
		seen->reserved++;
	}
	CHECK(!mqk_seen_has_room(seen));
	seen->reserved--;
	CHECK(mqk_seen_has_room(seen));
	add(1, 1, 10);
	CHECK(!mqk_seen_has_room(seen));
	/* what grows old makes room */
	mqk_seen_forget(seen, 9);
	CHECK(!mqk_seen_has_room(seen));
	mqk_seen_forget(seen, 10);
	CHECK(mqk_seen_has_room(seen));
	CHECK(!has(0, 10) && !has(1, 10));
	end();
}

static void test_refused(void)
{
	struct mqk_seen_page *page;

	begin();
	payer.account.limit[MQK_RES_BYTES] = sizeof(*seen) + MQK_SEEN_BYTES - 1;
	page = mqk_seen_page_alloc(&payer.tenant, false, NULL);
	CHECK_EQ(PTR_ERR(page), -ENOSPC);
	page = mqk_seen_page_alloc(&payer.tenant, true, NULL);
	if (CHECK(!IS_ERR(page)))
		mqk_seen_page_free(page);
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES), sizeof(*seen));
	payer.account.limit[MQK_RES_BYTES] = sizeof(*seen);
	CHECK_EQ(PTR_ERR(mqk_seen_alloc(&payer.tenant, NULL)), -ENOSPC);
	end();
}

static const struct test tests[] = {
	{ "as an array: one window", test_random },
	{ "as an array: windows that change", test_random_windows },
	{ "as many as there may be, then the oldest goes", test_bound },
	{ "chains stay short", test_chains },
	{ "room that is reserved", test_reserved },
	{ "room that a limit refuses", test_refused },
};

TEST_MAIN(tests)
