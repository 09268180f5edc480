/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_H
#define SHIM_H

/*
 * What a test can tell the shim, and learn from it.
 */

#include <linux/types.h>

/*
 * Let the n-th allocation from now on fail, the first being 1, the table's own
 * ones included; 0: none. Single-threaded tests only.
 */
void shim_fail_nth(unsigned long n);
/* Has it failed? */
bool shim_failed(void);

/* A thread for work that is queued; and to run it here and now, without one. */
void shim_work_start(void);
void shim_work_stop(void);
void shim_work_run(void);

/* The clock that timers go by, in ns; it begins at 1 s and stands still. */
void shim_clock_set(u64 now);
/* Fire the first timer that is due until @end, the clock set to it: was there one? */
bool shim_timer_fire(u64 end);

/* Objects got by kmalloc() and its like, and not yet freed. */
size_t shim_live(void);

/*
 * hsiphash() and jhash() results are masked with this: 0 makes everything
 * collide. Change it only while there is no table.
 */
extern u32 shim_hash_mask;

/* Internal: raw memory under the same fault injection, not counted as live. */
void *shim_alloc(size_t size);

#endif
