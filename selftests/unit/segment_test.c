// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments: references and the messages charged for them, one step at a time;
 * and the store that lends segments.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>

#include "accounts.h"
#include "kmod/segment.h"
#include "random.h"
#include "shim.h"
#include "test.h"

#define SIZE	65536u
#define GRANT	MQK_MESSAGE_GRANT
#define STEPS	3000000u

static struct mqk_store store;

static void begin(void)
{
	memset(&store, 0, sizeof(store));
	mqk_store_init(&store, SIZE);
	store.pool_max = 4;
}

static void end(void)
{
	CHECK_EQ(store.nr_used, 0);
	mqk_store_destroy(&store);
	rcu_barrier();
	CHECK_EQ(shim_live(), 0);
}

/* A segment with a payer of its own, and what is known of it. */
struct loan {
	struct mqk_segment *seg;
	struct payer payer;
	u32 out;		/* references that were not dropped */
	bool open;
};

static u32 lent;		/* segments that are open or referred to */
static u32 opened, dropped;

/*
 * What is charged is never less than what is outstanding, and at most a grant
 * less one more; and the segment is in use as long as it must be.
 */
static const char *check(const struct loan *l)
{
	s64 used = payer_used(&l->payer, MQK_RES_MESSAGES);
	bool alive = l->open || l->out;

	if (used < l->out)
		return "more was given back than dropped";
	if (used > l->out + GRANT - 1)
		return "a whole grant is not given back";
	if (!l->out && !l->open && used)
		return "something stays charged";
	if (payer_used(&l->payer, MQK_RES_BYTES) != (alive ? (s64)l->seg->size : 0))
		return "its bytes are charged wrongly";
	if (store.nr_used != lent)
		return "it is in use too short or too long";
	return NULL;
}

static const char *loan_open(struct loan *l)
{
	payer_init(&l->payer);
	l->seg = mqk_segment_open(&store, 1, false, &l->payer.tenant, NULL);
	if (IS_ERR(l->seg))
		return "cannot be opened";
	l->out = 0;
	l->open = true;
	lent++;
	opened++;
	return check(l);
}

static const char *loan_give(struct loan *l, u32 n)
{
	mqk_charge(&l->payer.tenant, MQK_RES_MESSAGES, n, NULL);
	mqk_segment_give(l->seg, n);
	l->out += n;
	return check(l);
}

static const char *loan_put(struct loan *l)
{
	if (!--l->out && !l->open)
		lent--;
	dropped++;
	mqk_segment_put(l->seg);
	return check(l);
}

static const char *loan_get(struct loan *l, u32 n)
{
	mqk_charge(&l->payer.tenant, MQK_RES_MESSAGES, n, NULL);
	mqk_segment_get(l->seg, n);
	l->out += n;
	return check(l);
}

static const char *loan_close(struct loan *l)
{
	l->open = false;
	if (!l->out)
		lent--;
	mqk_segment_close(l->seg);
	return check(l);
}

/* Several at a time, as acknowledgements are taken. */
static const char *loan_put_n(struct loan *l, u32 n)
{
	l->out -= n;
	if (!l->out && !l->open)
		lent--;
	dropped += n;
	mqk_segment_put_n(l->seg, n);
	return check(l);
}

static const char *put_many(struct loan *l, u32 n)
{
	const char *bad = NULL;
	static u32 turn;

	/* in steps of many sizes, or one by one */
	if (turn++ % 2) {
		for (u32 step = 1; n && !bad; step = step * 3 + turn % 7) {
			bad = loan_put_n(l, min(n, step));
			n -= min(n, step);
		}
		return bad;
	}
	while (n-- && !bad)
		bad = loan_put(l);
	return bad;
}

/*
 * As if very many had been given and dropped before: the bias is used up soon,
 * unless it is renewed.
 */
static void grow_old(struct loan *l, u32 left)
{
	u32 given = MQK_SEGMENT_BIAS / 2 - left;

	l->seg->given = given;
	atomic_sub(given, &l->seg->refs);
}

/* One course: given, some dropped, some added, closed at a point of it. */
static const char *course(u32 given, u32 before, u32 add, u32 moment)
{
	struct loan l;
	const char *bad = loan_open(&l) ?: loan_give(&l, given);

	bad = bad ?: (moment == 0 ? loan_close(&l) : NULL);
	if (before < given || add == 0) {
		bad = bad ?: put_many(&l, before);
		bad = bad ?: (moment == 1 ? loan_close(&l) : NULL);
		bad = bad ?: (add ? loan_get(&l, add) : NULL);
	} else {
		/* references are added by one who has one */
		bad = bad ?: loan_get(&l, add);
		bad = bad ?: (moment == 1 ? loan_close(&l) : NULL);
		bad = bad ?: put_many(&l, before);
	}
	bad = bad ?: (moment == 2 ? loan_close(&l) : NULL);
	bad = bad ?: put_many(&l, l.out);
	bad = bad ?: (moment == 3 ? loan_close(&l) : NULL);
	if (!bad && !payer_idle(&l.payer))
		bad = "not everything was given back";
	return bad;
}

static void test_courses(void)
{
	static const u32 size[] = { 0, 1, 2, 62, 63, 64, 65, 66, 126, 127, 128, 129, 190, 200 };
	u32 given, before, add, moment, n = 0;
	const char *bad = NULL;

	begin();
	for (given = 0; given < ARRAY_SIZE(size); given++) {
		for (before = 0; size[before] < size[given] || before == given; before++) {
			for (add = 0; add < ARRAY_SIZE(size); add++) {
				if (!size[given] && size[add])
					continue;
				for (moment = 0; moment < 4 && !bad; moment++, n++) {
					bad = course(size[given], size[before], size[add], moment);
					if (bad)
						test_note("given %u, dropped %u, added %u, closed at %u",
							  size[given], size[before], size[add], moment);
				}
			}
			if (before == given)
				break;
		}
	}
	test_note("%u courses", n);
	CHECK_OK(bad);
	end();
}

/* The path of a copy to several queues: one reference for the copy itself. */
static void test_copy_to_many(void)
{
	const char *bad = NULL;
	struct loan l;
	u32 queues, n;

	begin();
	for (queues = 2; queues < 300 && !bad; queues += queues < 70 ? 1 : 13) {
		for (n = 0; n < 5; n++) {
			bad = bad ?: loan_open(&l) ?: loan_give(&l, 1);
			/* an appender's segment is mostly open, a jumbo one never */
			bad = bad ?: (n == 0 ? loan_close(&l) : NULL);
			bad = bad ?: loan_get(&l, queues) ?: loan_put(&l);
			bad = bad ?: (n == 1 ? loan_close(&l) : NULL);
			bad = bad ?: (n > 2 ? loan_give(&l, n) : NULL);
			bad = bad ?: put_many(&l, queues / 2);
			bad = bad ?: (n > 1 ? loan_close(&l) : NULL);
			bad = bad ?: put_many(&l, l.out);
			if (!bad && !payer_idle(&l.payer))
				bad = "not everything was given back";
		}
	}
	CHECK_OK(bad);
	end();
}

static const char *random_step(struct random *r, struct loan *l)
{
	u32 n;

	if (!l->open && !l->out)
		return payer_idle(&l->payer) ? loan_open(l) : "not everything was given back";
	n = random_below(r, 4) ? 1 : random_below(r, 150);
	switch (random_below(r, 64)) {
	case 0:
		return l->open ? loan_close(l) : NULL;
	case 1 ... 2:
		return l->out && l->out < 1000 ? loan_get(l, n) : NULL;
	case 3 ... 24:
		return l->open && l->out < 1000 ? loan_give(l, n) : NULL;
	default:
		return l->out ? put_many(l, min(l->out, n)) : NULL;
	}
}

static void test_old_segment(void)
{
	static const u32 left[] = { 64, 128, 256 };
	const char *bad = NULL;
	struct loan l;
	u32 i, n;

	begin();
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		for (n = 0; n < 400 && !bad; n++) {
			bad = loan_open(&l);
			grow_old(&l, left[i]);
			CHECK(mqk_segment_unused(l.seg));
			/* over the edge at once, or in steps, with some outstanding */
			bad = bad ?: loan_give(&l, n);
			CHECK_EQ(mqk_segment_unused(l.seg), !n);
			bad = bad ?: put_many(&l, n / 2);
			bad = bad ?: loan_give(&l, 100) ?: loan_get(&l, 3);
			bad = bad ?: loan_give(&l, 400);
			CHECK(l.seg->given < MQK_SEGMENT_BIAS / 2);
			bad = bad ?: put_many(&l, n % 2 ? l.out : l.out / 3);
			CHECK_EQ(mqk_segment_unused(l.seg), n % 2);
			bad = bad ?: loan_close(&l);
			bad = bad ?: put_many(&l, l.out);
			if (!bad && !payer_idle(&l.payer))
				bad = "not everything was given back";
		}
	}
	CHECK_OK(bad);
	end();
}

static void test_random(void)
{
	static struct loan loans[8];
	struct random r = random_from(1);
	const char *bad = NULL;
	u32 i;

	begin();
	opened = dropped = 0;
	memset(loans, 0, sizeof(loans));
	for (i = 0; i < STEPS && !bad; i++) {
		bad = random_step(&r, &loans[random_below(&r, ARRAY_SIZE(loans))]);
		if (i % 10000 == 0)
			shim_work_run();
	}
	for (i = 0; i < ARRAY_SIZE(loans) && !bad; i++) {
		if (loans[i].open)
			bad = loan_close(&loans[i]);
		bad = bad ?: put_many(&loans[i], loans[i].out);
		if (!bad && !payer_idle(&loans[i].payer))
			bad = "not everything was given back";
	}
	test_note("%u segments opened, %u references dropped", opened, dropped);
	CHECK_OK(bad);
	end();
}

/* ---- the store ---- */

static struct payer payer;

static struct mqk_segment *get_segment(u64 size, bool clear)
{
	struct mqk_segment *seg = mqk_segment_open(&store, size, clear, &payer.tenant, NULL);

	return IS_ERR(seg) ? NULL : seg;
}

static struct mqk_segment *find(u32 no)
{
	struct mqk_segment *seg;

	rcu_read_lock();
	seg = mqk_segment_find(&store, no);
	rcu_read_unlock();
	return seg;
}

static void test_numbers(void)
{
	struct mqk_segment *seg[10], *jumbo;
	struct file *file[10];
	u32 i, j, no[10];

	begin();
	payer_init(&payer);
	for (i = 0; i < 10; i++) {
		seg[i] = get_segment(i * 100, i % 2);
		if (!CHECK(seg[i]))
			return;
		no[i] = seg[i]->no;
		file[i] = seg[i]->file;
		CHECK(!(no[i] & MQK_SEGMENT_JUMBO));
		CHECK(find(no[i]) == seg[i]);
		CHECK_EQ(seg[i]->size, SIZE);
		for (j = 0; j < i; j++)
			CHECK(no[i] != no[j] && seg[i]->generation != seg[j]->generation);
		memset(seg[i]->vaddr, i + 1, SIZE);
	}
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES), 10 * SIZE);
	/* four go to the pool, the others lose their pages, but not their numbers */
	for (i = 0; i < 10; i++)
		mqk_segment_close(seg[i]);
	CHECK(payer_idle(&payer));
	CHECK_EQ(store.nr_pool, 4);
	shim_work_run();
	for (i = 0; i < 10; i++)
		CHECK(find(no[i]) == seg[i] && seg[i]->file == file[i]);

	/* the one that was used last comes first; its contents only if it may */
	seg[0] = get_segment(1, false);
	CHECK_EQ(seg[0]->no, no[3]);
	CHECK_EQ(*(u32 *)seg[0]->vaddr, 0);
	CHECK_EQ(((u8 *)seg[0]->vaddr)[4], 4);
	seg[1] = get_segment(SIZE, true);
	CHECK_EQ(seg[1]->no, no[2]);
	for (i = 0; i < SIZE; i++)
		if (((u8 *)seg[1]->vaddr)[i])
			break;
	CHECK_EQ(i, SIZE);
	for (i = 2; i < 10; i++) {
		seg[i] = get_segment(1, false);
		for (j = 0; j < i; j++)
			CHECK(seg[i]->no != seg[j]->no);
		CHECK(seg[i]->no <= 9);
		CHECK_EQ(*(u32 *)seg[i]->vaddr, 0);
	}
	/* no eleventh one was needed; now it is */
	jumbo = get_segment(SIZE, false);
	CHECK_EQ(jumbo->no, 10);
	mqk_segment_close(jumbo);

	jumbo = get_segment(SIZE + 1, false);
	CHECK_EQ(jumbo->size, 2 * SIZE);
	CHECK(jumbo->no & MQK_SEGMENT_JUMBO);
	no[0] = jumbo->no;
	mqk_segment_close(jumbo);
	shim_work_run();
	CHECK(!find(no[0]));
	jumbo = get_segment(5 * SIZE, false);
	CHECK_EQ(jumbo->size, 8 * SIZE);
	CHECK_EQ(jumbo->no, no[0]);
	mqk_segment_close(jumbo);
	CHECK(!find(MQK_SEGMENTS_MAX));
	CHECK(!find(~0u));
	CHECK(!find(12345));
	for (i = 0; i < 10; i++)
		mqk_segment_close(seg[i]);
	CHECK(payer_idle(&payer));
	end();
}

/* A generation is never 0, which means that a record is not complete. */
static void test_generations(void)
{
	struct mqk_segment *seg;
	u32 i;

	begin();
	payer_init(&payer);
	store.generation = ~0u - 3;
	for (i = 0; i < 8; i++) {
		seg = get_segment(1, false);
		CHECK_EQ(seg->generation, i < 3 ? ~0u - 2 + i : i - 2);
		mqk_segment_close(seg);
	}
	end();
}

/* Each allocation fails in turn: nothing stays charged, in use or allocated. */
static void failing(u64 size, bool from_empty)
{
	struct mqk_segment *seg = NULL;
	size_t live;
	u32 nth, used, failures = 0;

	begin();
	payer_init(&payer);
	if (from_empty) {
		store.pool_max = 0;
		mqk_segment_close(get_segment(1, false));
		shim_work_run();
	}
	used = store.nr_used;
	live = shim_live();
	for (nth = 1; !seg; nth++) {
		shim_fail_nth(nth);
		seg = get_segment(size, false);
		failures += shim_failed();
		shim_fail_nth(0);
		if (seg)
			break;
		rcu_barrier();
		CHECK(payer_idle(&payer));
		CHECK_EQ(store.nr_used, used);
		CHECK_EQ(shim_live(), live);
	}
	CHECK(!shim_failed());
	CHECK_EQ(failures, nth - 1);
	CHECK(failures > SIZE / 4096);
	/* also the number was given back */
	CHECK_EQ(seg->no & ~MQK_SEGMENT_JUMBO, 0);
	mqk_segment_close(seg);
	end();
}

static void test_failing(void)
{
	failing(1, false);
	failing(3 * SIZE, false);
	failing(1, true);
}

static void test_limit(void)
{
	struct mqk_segment *seg, *like;
	struct mqk_refusal why = {};

	begin();
	payer_init(&payer);
	payer.account.limit[MQK_RES_BYTES] = SIZE;
	seg = get_segment(1, false);
	CHECK_EQ(PTR_ERR(mqk_segment_open(&store, 1, false, &payer.tenant, &why)), -ENOSPC);
	CHECK_EQ(why.rule, MQK_RULE_BROKER_LIMIT);
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES), SIZE);
	/* one more for what is moved out of it, not two */
	like = mqk_segment_open_like(seg, 1);
	CHECK(!IS_ERR(like));
	CHECK_EQ(like->tenant == &payer.tenant && like->size == SIZE, 1);
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES), 2 * SIZE);
	CHECK_EQ(PTR_ERR(mqk_segment_open_like(seg, 1)), -EDQUOT);
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES), 2 * SIZE);
	mqk_segment_close(like);
	mqk_segment_close(seg);
	CHECK(payer_idle(&payer));
	end();
}

static const struct test tests[] = {
	{ "references: all courses around grants", test_courses },
	{ "references: a copy to many queues", test_copy_to_many },
	{ "references: a bias that is used up", test_old_segment },
	{ "references: random histories", test_random },
	{ "store: numbers, pool, jumbo", test_numbers },
	{ "store: generations", test_generations },
	{ "store: each allocation failing", test_failing },
	{ "store: a limit", test_limit },
};

TEST_MAIN(tests)
