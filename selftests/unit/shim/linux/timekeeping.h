/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_TIMEKEEPING_H
#define SHIM_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>

/* Stands still but for shim_timer_fire() and shim_clock_set() (shim.h). */
u64 ktime_get_boottime_ns(void);

/* The time of day, near enough. */
static inline u64 ktime_get_real_seconds(void)
{
	return 1700000000 + ktime_get_boottime_ns() / 1000000000;
}

static inline u64 ktime_get_real_ns(void)
{
	return ktime_get_real_seconds() * 1000000000;
}

#endif
