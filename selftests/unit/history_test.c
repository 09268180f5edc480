// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random histories, run against the module and against the model: the first one
 * that differs is cut to the shortest.
 */
#include "model/history.h"
#include "model/mqk_driver.h"

#include <string.h>

#include "kernel.h"
#include "test.h"

#define NODE		"/unit/node"
#define HISTORIES	1000
#define LENGTH		200

static const char *left;

/* MQK_HISTORIES asks for more of them, or for fewer. */
static unsigned int histories(void)
{
	const char *nr = getenv("MQK_HISTORIES");

	return nr ? strtoul(nr, NULL, 0) : HISTORIES;
}

const char *mqk_driver_start(void)
{
	kernel_start(0, false);
	return NODE;
}

void mqk_driver_idle(void)
{
	kernel_work();
}

void mqk_driver_advance(unsigned int ms)
{
	kernel_advance(ms);
}

void mqk_driver_stop(void)
{
	left = kernel_stop();
}

static void show(struct history *h)
{
	struct text says[2] = {};

	test_note("shrunk from %u steps in %u runs:", h->nr,
		  history_shrink(h, &model_driver, &mqk_driver));
	history_differs(h, &model_driver, &mqk_driver, &says[0], &says[1]);
	history_print(h, "#   ");
	test_note("  model:  %s", text_of(&says[0]));
	test_note("  module: %s", text_of(&says[1]));
	text_clear(&says[0]);
	text_clear(&says[1]);
}

static void run(const struct scope *scope, unsigned int seed)
{
	unsigned long before = history_compared();
	struct random r = random_from(seed);
	static struct history h;
	unsigned int i, nr = histories();

	for (i = 0; i < nr; i++) {
		int at;

		history_make(&h, scope, &r, LENGTH);
		at = history_differs(&h, &model_driver, &mqk_driver, NULL, NULL);
		CHECK_OK(left);
		if (!CHECK_EQ(at, -1)) {
			show(&h);
			return;
		}
	}
	before = history_compared() - before;
	test_note("%lu of %lu steps, as far as there is a promise", before,
		  (unsigned long)nr * LENGTH);
	CHECK(before >= (unsigned long)nr * LENGTH / 2);
}

static void test_histories(void)
{
	run(&scope_module, 4);
}

/* Queues where not everybody may have everything, and consumers of a level. */
static void test_takers(void)
{
	run(&scope_takers, 5);
}

/* Histories in which the module was wrong once. */

/* What a queue refuses waits for another one that blocks, in whatever order they stand. */
static const struct step refused_and_blocked[] = {
	{ OPEN_SESSION, {} },
	{ OPEN_PORT, { 0 } },
	{ DECLARE_EXCHANGE, { 1, 1 } },
	{ DECLARE_QUEUE, { 0, 0, 4 } },		/* reject-publish */
	{ DECLARE_QUEUE, { 0, 1, 11 } },	/* block */
	{ DECLARE_QUEUE, { 0, 2, 11 } },
	{ DECLARE_QUEUE, { 0, 3, 4 } },
	{ BIND, { 0, 1, 0, 0 } },
	{ BIND, { 0, 1, 1, 0 } },
	{ BIND, { 0, 1, 2, 0 } },
	{ BIND, { 0, 1, 3, 0 } },
	{ PUBLISH, { 0, 0, 0, 0 } },
	{ PUBLISH, { 0, 1, 0, 0 } },
	{ PUBLISH, { 0, 0, 3, 0 } },
	{ OPEN_PRODUCER, { 0, 0 } },
	{ OPEN_PRODUCER, { 0, 1 } },
	{ PUBLISH, { 1, 1, 0, 0 } },		/* by copy */
	{ PUBLISH, { 2, 1, 0, 0 } },		/* in place */
	{ ADVANCE, { 3 } },
	{ ADVANCE, { 5 } },
};

/* What was got comes back, as old as it is, before anything younger goes. */
static const struct step got_for_too_long[] = {
	{ OPEN_SESSION, {} },
	{ OPEN_PORT, { 0 } },
	{ PULL, { 0 } },
	{ DECLARE_QUEUE, { 0, 0, 9 } },
	{ CONSUME, { 0, 0, 1, 0 } },
	{ PUBLISH, { 0, 0, 0, 3 } },		/* gone when it comes back */
	{ PUBLISH, { 0, 0, 0, 0 } },
	{ PUBLISH, { 0, 0, 0, 0 } },
	{ GET, { 0, 0 } },
	{ ADVANCE, { 9 } },
};

/* Of two queues, one has seen what both are given: what is left out is let go. */
static const struct step given_and_seen[] = {
	{ OPEN_SESSION, {} },
	{ OPEN_PORT, { 0 } },
	{ DECLARE_EXCHANGE, { 1, 1 } },
	{ DECLARE_EXCHANGE, { 2, 4 } },		/* last value */
	{ DECLARE_QUEUE, { 0, 0, 24 } },	/* deduplicates */
	{ DECLARE_QUEUE, { 0, 1, 0 } },
	{ BIND, { 0, 1, 0, 0 } },
	{ PUBLISH, { 0, 2, 1, 15 } },
	{ PUBLISH, { 0, 1, 0, 15 } },
	{ BIND, { 0, 1, 1, 0 } },
	{ BIND_EXCHANGE, { 0, 2, 1, 1 } },
};

/* Failures of a message that nobody counted then do not count later. */
static const struct step failed_without_limit[] = {
	{ OPEN_SESSION, {} },
	{ OPEN_PORT, { 0 } },
	{ PULL, { 0 } },
	{ DECLARE_QUEUE, { 0, 0, 4 } },		/* has rules */
	{ DECLARE_QUEUE, { 0, 1, 0 } },		/* has none */
	{ PUBLISH, { 0, 0, 0, 3 } },		/* with an expiration: it keeps extras */
	{ PUBLISH, { 0, 0, 1, 3 } },
	{ GET, { 0, 0 } },
	{ GET, { 0, 1 } },
	{ SETTLE_REJECT, { 0, 1, 0, 1 } },
	{ SETTLE_REJECT, { 0, 0, 0, 1 } },
	{ CHANGE, { 0, 9 } },			/* a delivery limit of 1 */
	{ CHANGE, { 1, 9 } },
	{ GET, { 0, 0 } },
	{ GET, { 0, 1 } },
	{ SETTLE_REJECT, { 0, 1, 0, 1 } },
	{ SETTLE_REJECT, { 0, 0, 0, 1 } },
};

static void repeat(const struct step *steps, unsigned int nr)
{
	static struct history h;
	int at;

	memcpy(h.step, steps, nr * sizeof(*steps));
	h.nr = nr;
	h.scope = &scope_all;
	at = history_differs(&h, &model_driver, &mqk_driver, NULL, NULL);
	CHECK_OK(left);
	if (!CHECK_EQ(at, -1))
		show(&h);
}

#define REPEAT(h)	repeat(h, sizeof(h) / sizeof((h)[0]))

static void test_once(void)
{
	REPEAT(refused_and_blocked);
	REPEAT(got_for_too_long);
	REPEAT(given_and_seen);
	REPEAT(failed_without_limit);
}

static const struct test tests[] = {
	{ "it does in histories in which it was wrong once", test_once },
	{ "the module does as the model", test_histories },
	{ "the same, of levels and groups", test_takers },
};

TEST_MAIN(tests)
