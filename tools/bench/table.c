// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"
#include "plan.h"
#include "result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BATCH	32u

/* 5.51k, 209k, 1.20M: three digits. */
static const char *short_number(double v, char text[16])
{
	static const char unit[] = " kMG";
	int u = 0;

	for (; v >= 999.5 && u < 3; u++)
		v /= 1000;
	snprintf(text, 16, "%.*f%.*s", !u || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2,
		 v, u ? 1 : 0, &unit[u]);
	return text;
}

static double value(const struct mech *m, int wait, const char *metric,
		    uint32_t size, uint32_t batch)
{
	return result_value(m->name, plan_wait_name((enum wait_mode)wait), metric,
			    size, batch);
}

static bool any(const struct mech *m, int wait, const char *metric, uint32_t batch)
{
	const uint32_t *size;

	for (size = plan_sizes(); *size; size++)
		if (value(m, wait, metric, *size, batch) >= 0)
			return true;
	return false;
}

static void heading(const char *first)
{
	const uint32_t *size;

	printf("  %-5s %-12s %5s", "wait", "mechanism", first);
	for (size = plan_sizes(); *size; size++)
		printf("  %16s", plan_size_name(*size));
	putchar('\n');
}

/* A value, and how many times better than a mqueue that blocks it is. */
static void cell(const struct mech *m, int wait, const char *metric,
		 uint32_t size, uint32_t batch, bool low_is_good)
{
	double v = value(m, wait, metric, size, batch), times;
	double mqueue = value(&mech_mqueue, WAIT_BLOCK, metric, size, 1);
	char text[16], factor[24] = "";

	if (v < 0) {
		printf("  %16s", "-");
		return;
	}
	if (mqueue > 0 && v > 0) {
		times = low_is_good ? mqueue / v : v / mqueue;
		snprintf(factor, sizeof(factor), "(%.*fx)", times < 9.95 ? 1 : 0, times);
	}
	printf("  %8s %7s", short_number(v, text), factor);
}

static void latency(void)
{
	const uint32_t *size;
	int wait, m;

	printf("\nOne-way latency in ns, half of a ping-pong, p50 "
	       "(times better than mqueue, blocking)\n");
	heading("");
	for (wait = 0; wait < WAIT_NR; wait++)
		for (m = 0; mechs[m]; m++) {
			if (!any(mechs[m], wait, "latency_p50_ns", 1))
				continue;
			printf("  %-5s %-12s %5s", plan_wait_name((enum wait_mode)wait),
			       mechs[m]->name, "");
			for (size = plan_sizes(); *size; size++)
				cell(mechs[m], wait, "latency_p50_ns", *size, 1, true);
			putchar('\n');
		}
}

static void tail(void)
{
	char one[16], two[16], both[40];
	const uint32_t *size;
	double v, w;
	int wait, m;

	printf("\nOne-way latency in ns, p99 / p99.9\n");
	heading("");
	for (wait = 0; wait < WAIT_NR; wait++)
		for (m = 0; mechs[m]; m++) {
			if (!any(mechs[m], wait, "latency_p99_ns", 1))
				continue;
			printf("  %-5s %-12s %5s", plan_wait_name((enum wait_mode)wait),
			       mechs[m]->name, "");
			for (size = plan_sizes(); *size; size++) {
				v = value(mechs[m], wait, "latency_p99_ns", *size, 1);
				w = value(mechs[m], wait, "latency_p999_ns", *size, 1);
				snprintf(both, sizeof(both), "%s / %s",
					 short_number(v, one), short_number(w, two));
				printf("  %16s", v < 0 ? "-" : both);
			}
			putchar('\n');
		}
}

static void throughput(void)
{
	const uint32_t *size;
	uint32_t batch;
	int wait, m;

	printf("\nThroughput in messages a second, one way "
	       "(times better than mqueue, blocking)\n");
	heading("batch");
	for (wait = 0; wait < WAIT_NR; wait++)
		for (m = 0; mechs[m]; m++)
			for (batch = 1; batch <= BATCH; batch += BATCH - 1) {
				if (!any(mechs[m], wait, "throughput_msgs_s", batch))
					continue;
				printf("  %-5s %-12s %5u", plan_wait_name((enum wait_mode)wait),
				       mechs[m]->name, batch);
				for (size = plan_sizes(); *size; size++)
					cell(mechs[m], wait, "throughput_msgs_s",
					     *size, batch, false);
				putchar('\n');
			}
}

static void scale(const char *mechanism, const char *title)
{
	const struct result *r;
	size_t n = result_list(&r), i;
	bool first = true;

	for (i = 0; i < n; i++) {
		if (!r[i].scale || strcmp(r[i].mechanism, mechanism))
			continue;
		if (first)
			printf("\n%s, 64 bytes, one thread sends, receives and acknowledges\n",
			       title);
		first = false;
		printf("  %-10s %9" PRIu64 " %-5s %10.*f %s\n", r[i].scale, r[i].n,
		       r[i].keys ? r[i].keys : "", r[i].value < 1000 ? 1 : 0,
		       r[i].value, r[i].metric);
	}
}

static bool measured(const char *metric)
{
	const struct result *r;
	size_t n = result_list(&r), i;

	for (i = 0; i < n; i++)
		if (!strcmp(r[i].metric, metric))
			return true;
	return false;
}

void table_print(void)
{
	if (measured("latency_p50_ns")) {
		latency();
		tail();
	}
	if (measured("throughput_msgs_s"))
		throughput();
	scale("mqk-inplace", "mqk in place at scale");
	scale("mqk-copy", "mqk by copy, queues with rules, others waiting");
}
