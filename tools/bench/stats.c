// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

#include <stdlib.h>

#define HALF	(1u << (STATS_BITS - 1))
#define BUCKETS	(sizeof(((struct histogram *)0)->bucket) / sizeof(uint32_t))

double histogram_percentile(const struct histogram *h, double p)
{
	uint64_t want = (uint64_t)(p * (double)h->count + 0.999999), seen = 0;
	size_t i, shift;

	if (!h->count)
		return 0;
	if (!want)
		want = 1;
	for (i = 0; i < BUCKETS - 1; i++) {
		seen += h->bucket[i];
		if (seen >= want)
			break;
	}
	if (i < 2 * HALF)
		return (double)i;
	/* The middle of the bucket. */
	shift = i / HALF - 1;
	return ((double)(i - shift * HALF) + 0.5) * (double)(1ull << shift);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double stats_median(double *v, size_t n)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}
