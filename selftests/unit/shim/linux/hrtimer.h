/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HRTIMER_H
#define SHIM_LINUX_HRTIMER_H

#include <linux/ktime.h>
#include <linux/sched.h>

#define HRTIMER_MODE_ABS	0

/* Returns 0 when the time has come, else -EINTR. */
int schedule_hrtimeout(ktime_t *expires, int mode);

#endif
