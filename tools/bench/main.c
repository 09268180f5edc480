// SPDX-License-Identifier: GPL-2.0-only
#include "broker.h"
#include "clock.h"
#include "icount.h"
#include "noise.h"
#include "options.h"
#include "pair.h"
#include "plan.h"
#include "result.h"
#include "rules.h"
#include "scale.h"
#include "svg.h"
#include "table.h"

#include <stdio.h>
#include <string.h>

static int list(void)
{
	if (options.icount)
		icount_list();
	else
		plan_list();
	if (options.scale) {
		scale_list();
		rules_list();
	}
	return 0;
}

static int count_instructions(void)
{
	int failed;

	if (!icount_clock()) {
		fprintf(stderr, "mqk-bench: this clock does not count instructions "
			"(tools/vm/run --icount has one that does)\n");
		return 1;
	}
	if ((options.budget || options.record) && budget_read(options.budgets))
		return 1;
	failed = icount_run();
	if (options.record)
		budget_record();
	else if (options.budget)
		failed += budget_check();
	else
		icount_print();
	return failed;
}

/* Spinning needs both processors all the time. */
static void warn_of_noise(void)
{
	double share = noise_share(SECOND / 2);

	if (share > 0.02)
		printf("# busy: other work holds a processor up for %.0f %% of the time;"
		       " what spins suffers most\n", share * 100);
}

static int measure(void)
{
	int failed;

	printf("mqk-bench: %d rounds of %g s, %d processors%s\n", options.rounds,
	       options.time, pair_processors(),
	       pair_processors() < 2 ? ": sender and receiver share one" : "");
	warn_of_noise();
	failed = plan_run();
	warn_of_noise();
	if (options.scale) {
		failed += rules_run();
		/* last: it leaves the kernel much to clear away */
		failed += scale_run();
	}
	table_print();
	if (options.svg) {
		int err = svg_write(options.svg);

		if (err) {
			fprintf(stderr, "mqk-bench: %s: %s\n", options.svg, strerror(-err));
			failed++;
		}
	}
	return failed;
}

int main(int argc, char **argv)
{
	int failed, err;

	options_parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (options.list)
		return list();
	failed = options.icount ? count_instructions() : measure();
	if (options.json) {
		err = result_write(options.json, options.icount);
		if (err) {
			fprintf(stderr, "mqk-bench: %s: %s\n", options.json, strerror(-err));
			failed++;
		}
	}
	if (failed)
		fprintf(stderr, "mqk-bench: %d failed\n", failed);
	broker_remove();
	return failed ? 1 : 0;
}
