/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Percentiles of many samples, medians of few.
 *
 * A histogram has 128 buckets for each power of two: a percentile is off by
 * less than 0.8 %, whatever the number of samples, and adding one is cheap.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_BITS	7

struct histogram {
	uint64_t count;
	uint32_t bucket[(64 - STATS_BITS) << STATS_BITS];
};

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	unsigned int shift = 0;

	if (value >> STATS_BITS)
		shift = (unsigned int)(63 - STATS_BITS - __builtin_clzll(value)) + 1;
	/* The top bit of what is left is known, but for the lowest bucket. */
	h->bucket[((uint64_t)shift << (STATS_BITS - 1)) + (value >> shift)]++;
	h->count++;
}

/* The value that a share @p (0 to 1) of the samples does not exceed. */
double histogram_percentile(const struct histogram *h, double p);

/* Sorts @v. */
double stats_median(double *v, size_t n);

#endif /* BENCH_STATS_H */
