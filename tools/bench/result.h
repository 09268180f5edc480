/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of results, and the JSON file made of it: an array with one object
 * on each line, with mechanism, size, batch, wait (spin or block), metric and
 * value.  Results at scale also have case, n and, where it matters, keys (few:
 * the routing keys of eight queues, all: those of every queue).
 */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result {
	const char *mechanism;
	const char *scale;	/* case at scale, or NULL */
	const char *keys;	/* or NULL */
	const char *wait;
	const char *metric;
	uint64_t n;		/* with @scale: how many */
	uint32_t size;
	uint32_t batch;
	double value;
};

void result_add(const struct result *r);
/* How many there are, and the list. */
size_t result_list(const struct result **list);
/* Value of a result without @scale; negative: there is none. */
double result_value(const char *mechanism, const char *wait, const char *metric,
		    uint32_t size, uint32_t batch);

/*
 * Write the results to @path.  With @merge, what is there already stays, but
 * for instruction counts, which are what is written then.  Return: 0 or -errno.
 */
int result_write(const char *path, bool merge);

#endif /* BENCH_RESULT_H */
