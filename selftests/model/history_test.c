// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random histories: the model agrees with itself; a model with one rule broken
 * is found out, and the history cut to what the rule is about.
 */
#include "history.h"

#include <stdlib.h>

#include "test.h"

#define LENGTH		200
#define MAX_TRIES	400
/* A step that others count on by number, as consumers are, is not left out. */
#define MAX_STEPS	12

extern const struct driver broken_REQUEUE, broken_TTL, broken_PRIORITY, broken_CYCLE,
	broken_LIMIT, broken_NACK;

static void test_itself(void)
{
	struct random r = random_from(1);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		static struct history h;

		history_make(&h, &scope_all, &r, LENGTH);
		CHECK_EQ(history_differs(&h, &model_driver, &model_driver, NULL, NULL), -1);
	}
}

/* The steps of random histories have to do something: each at least now and then. */
static void test_reach(void)
{
	unsigned int done[NR_OPERATIONS] = {}, i, j;
	struct random r = random_from(2);

	for (i = 0; i < 50; i++) {
		void *broker = model_driver.open();
		static struct history h;

		history_make(&h, &scope_all, &r, LENGTH);
		for (j = 0; j < h.nr; j++) {
			struct text says = {};

			model_driver.apply(broker, &h.step[j], j, &says);
			done[h.step[j].op] += atoi(says.s) >= 0;
			text_clear(&says);
		}
		model_driver.close(broker);
	}
	for (i = 0; i < NR_OPERATIONS; i++)
		if (!CHECK(done[i] >= 5))
			test_note("  operation %u: %u times", i, done[i]);
}

/* Found, and shrunk: every one of them shows in a handful of steps. */
static void find(const struct driver *broken)
{
	struct random r = random_from(3);
	static struct history h;
	struct text says[2] = {};
	unsigned int tries, runs;

	for (tries = 1; tries <= MAX_TRIES; tries++) {
		history_make(&h, &scope_all, &r, LENGTH);
		if (history_differs(&h, &model_driver, broken, NULL, NULL) >= 0)
			break;
	}
	if (!CHECK(tries <= MAX_TRIES))
		return;
	runs = history_shrink(&h, &model_driver, broken);
	CHECK_EQ(history_differs(&h, &model_driver, broken, &says[0], &says[1]), h.nr - 1);
	test_note("found in history %u, shrunk to %u steps in %u runs:", tries, h.nr, runs);
	history_print(&h, "#   ");
	test_note("  model:  %s", says[0].s);
	test_note("  broken: %s", says[1].s);
	CHECK(h.nr <= MAX_STEPS);
	text_clear(&says[0]);
	text_clear(&says[1]);
}

static void test_requeue(void)
{
	find(&broken_REQUEUE);
}

static void test_ttl(void)
{
	find(&broken_TTL);
}

static void test_priority(void)
{
	find(&broken_PRIORITY);
}

static void test_cycle(void)
{
	find(&broken_CYCLE);
}

static void test_limit(void)
{
	find(&broken_LIMIT);
}

static void test_nack(void)
{
	find(&broken_NACK);
}

static const struct test tests[] = {
	{ "the model agrees with itself", test_itself },
	{ "random histories reach all operations", test_reach },
	{ "found: a requeued message goes to the end", test_requeue },
	{ "found: only the head of a queue expires", test_ttl },
	{ "found: the youngest of a priority goes first", test_priority },
	{ "found: a rejected message may not come back", test_cycle },
	{ "found: the delivery limit is one too low", test_limit },
	{ "found: a refused message is confirmed", test_nack },
};

TEST_MAIN(tests)
