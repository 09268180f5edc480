// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random histories, run against the module and against the model: the first one
 * that differs is cut to the shortest.
 */
#include "model/history.h"
#include "model/mqk_driver.h"

#include "kernel.h"
#include "test.h"

#define NODE		"/unit/node"
#define HISTORIES	300
#define LENGTH		200

static const char *left;

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
	unsigned int i;

	for (i = 0; i < HISTORIES; i++) {
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
	test_note("%lu of %u steps, as far as there is a promise", before,
		  HISTORIES * LENGTH);
	CHECK(before >= HISTORIES * LENGTH / 2);
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

static const struct test tests[] = {
	{ "the module does as the model", test_histories },
	{ "the same, of levels and groups", test_takers },
};

TEST_MAIN(tests)
