/* SPDX-License-Identifier: GPL-2.0-only */
/* The tests between two processes, and their rounds. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "bench.h"

const char *plan_wait_name(enum wait_mode wait);
/* "64", "1K", "64K", "1M" */
const char *plan_size_name(uint32_t size);
/* The sizes measured, ending with 0. */
const uint32_t *plan_sizes(void);

/* Name all tests. */
void plan_list(void);
/* Run all tests that were asked for, add results.  Return: tests that failed. */
int plan_run(void);

#endif /* BENCH_PLAN_H */
