// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds are interleaved: round r of every test comes before round r + 1 of
 * any, so that what disturbs the machine for a while disturbs all alike.
 */
#include "plan.h"
#include "options.h"
#include "pair.h"
#include "result.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TESTS_MAX	512
#define BATCH		32u

struct planned {
	struct test test;
	char name[64];
	const char *why_not;
	char error[300];
	int rounds;			/* that gave an outcome */
	struct outcome *outcome;
};

static struct planned plan[TESTS_MAX];
static size_t planned;

const struct mech *const mechs[] = {
	&mech_mqk_copy, &mech_mqk_inplace, &mech_mqueue, &mech_seqpacket,
	&mech_stream, &mech_pipe, &mech_eventfd_shm, &mech_cacheline, NULL
};

const char *plan_wait_name(enum wait_mode wait)
{
	return wait == WAIT_SPIN ? "spin" : "block";
}

const char *plan_size_name(uint32_t size)
{
	static char text[4][16];
	static unsigned int turn;
	char *t = text[turn++ % 4];

	if (size >= 1u << 20)
		snprintf(t, sizeof(text[0]), "%uM", size >> 20);
	else if (size >= 1024)
		snprintf(t, sizeof(text[0]), "%uK", size >> 10);
	else
		snprintf(t, sizeof(text[0]), "%u", size);
	return t;
}

const uint32_t *plan_sizes(void)
{
	static const uint32_t all[] = { 64, 1024, 65536, 1u << 20, 0 };
	static const uint32_t few[] = { 64, 65536, 0 };

	return options.quick ? few : all;
}

static void add(const struct mech *m, enum metric metric, enum wait_mode wait,
		uint32_t size, uint32_t batch)
{
	struct planned *p = &plan[planned];

	if (planned == TESTS_MAX)
		return;
	p->test = (struct test){ m, metric, wait, size, batch };
	snprintf(p->name, sizeof(p->name), "%s-%s-%s-%u-%s",
		 metric == METRIC_LATENCY ? "latency" : "throughput", m->name,
		 plan_size_name(size), batch, plan_wait_name(wait));
	if (options_match(p->name))
		planned++;
}

static void make_plan(void)
{
	const uint32_t *size;
	int metric, wait, m;

	planned = 0;
	for (metric = METRIC_LATENCY; metric <= METRIC_THROUGHPUT; metric++)
		for (wait = 0; wait < WAIT_NR; wait++)
			for (size = plan_sizes(); *size; size++)
				for (m = 0; mechs[m]; m++) {
					/* the floor is one test alone */
					if (mechs[m] == &mech_cacheline &&
					    (metric != METRIC_LATENCY ||
					     wait != WAIT_SPIN || *size != 64))
						continue;
					add(mechs[m], metric, wait, *size, 1);
					if (metric == METRIC_THROUGHPUT &&
					    mechs[m]->batches)
						add(mechs[m], metric, wait, *size, BATCH);
				}
}

void plan_list(void)
{
	size_t i;

	make_plan();
	for (i = 0; i < planned; i++)
		puts(plan[i].name);
}

static const char *why_not(const struct test *t)
{
	if (t->wait == WAIT_SPIN && pair_processors() < 2)
		return "spinning needs two processors";
	return t->mech->why_not ? t->mech->why_not(t) : NULL;
}

static void run_round(int round)
{
	size_t i;

	for (i = 0; i < planned; i++) {
		struct planned *p = &plan[i];

		if (p->why_not || p->error[0])
			continue;
		if (isatty(2))
			fprintf(stderr, "\r\033[K  round %d of %d, %zu of %zu: %s",
				round + 1, options.rounds, i + 1, planned, p->name);
		if (!pair_run(&p->test, &p->outcome[p->rounds], p->error,
			      sizeof(p->error)))
			p->rounds++;
	}
	if (isatty(2))
		fprintf(stderr, "\r\033[K");
}

static void report(const struct planned *p, const char *metric, size_t member)
{
	struct result r = {
		.mechanism = p->test.mech->name,
		.wait = plan_wait_name(p->test.wait),
		.metric = metric,
		.size = p->test.size,
		.batch = p->test.batch,
	};
	double *v = calloc((size_t)p->rounds, sizeof(*v));
	int i;

	if (!v)
		abort();
	for (i = 0; i < p->rounds; i++)
		memcpy(&v[i], (const char *)&p->outcome[i] + member, sizeof(*v));
	r.value = stats_median(v, (size_t)p->rounds);
	free(v);
	result_add(&r);
}

static void report_all(const struct planned *p)
{
	if (p->test.metric == METRIC_THROUGHPUT) {
		report(p, "throughput_msgs_s", offsetof(struct outcome, rate));
		return;
	}
	report(p, "latency_p50_ns", offsetof(struct outcome, p50));
	report(p, "latency_p99_ns", offsetof(struct outcome, p99));
	report(p, "latency_p999_ns", offsetof(struct outcome, p999));
}

/* One line for all tests of a mechanism with the same reason. */
static void report_skipped(void)
{
	size_t i, k, n;

	for (i = 0; i < planned; i++) {
		if (!plan[i].why_not)
			continue;
		for (k = 0; k < i; k++)
			if (plan[k].why_not == plan[i].why_not &&
			    plan[k].test.mech == plan[i].test.mech)
				break;
		if (k < i)
			continue;
		for (n = 0; k < planned; k++)
			n += plan[k].why_not == plan[i].why_not &&
			     plan[k].test.mech == plan[i].test.mech;
		printf("# skipped: %s", plan[i].name);
		if (n > 1)
			printf(" and %zu more of %s", n - 1, plan[i].test.mech->name);
		printf(": %s\n", plan[i].why_not);
	}
}

int plan_run(void)
{
	int round, failed = 0;
	size_t i;

	make_plan();
	for (i = 0; i < planned; i++) {
		plan[i].why_not = why_not(&plan[i].test);
		plan[i].outcome = calloc((size_t)options.rounds, sizeof(struct outcome));
		if (!plan[i].outcome)
			abort();
	}
	for (round = 0; round < options.rounds; round++)
		run_round(round);
	report_skipped();
	for (i = 0; i < planned; i++) {
		if (plan[i].error[0]) {
			printf("# FAILED: %s: %s\n", plan[i].name, plan[i].error);
			failed++;
		} else if (plan[i].rounds) {
			report_all(&plan[i]);
		}
		free(plan[i].outcome);
	}
	return failed;
}
