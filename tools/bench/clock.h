/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one clock of the bench.  CLOCK_MONOTONIC is read without a system call,
 * and under QEMU's -icount it counts instructions: there a nanosecond is one.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SECOND	1000000000ull

static inline uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/*
 * Between two looks of a loop that spins.  No PAUSE: an emulated processor
 * takes it as a reason to leave its loop, which would be most of what is
 * measured.
 */
static inline void clock_relax(void)
{
	__asm__ volatile("" ::: "memory");
}

#endif /* BENCH_CLOCK_H */
