/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_RANDOM_H
#define UNIT_RANDOM_H

/*
 * A sequence of random numbers for one thread. MQK_SEED repeats a run with
 * another seed.
 */

#include <stdint.h>
#include <stdlib.h>

struct random {
	uint64_t state;
};

static inline struct random random_from(uint64_t stream)
{
	const char *seed = getenv("MQK_SEED");
	uint64_t start = seed ? strtoull(seed, NULL, 0) : 20240601;

	return (struct random){ (start + stream) * 0x9e3779b97f4a7c15ULL + stream };
}

static inline uint32_t random_next(struct random *r)
{
	r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return r->state >> 33 ^ r->state >> 44;
}

static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint64_t)(random_next(r) & 0x7fffffff) * n >> 31;
}

#endif
