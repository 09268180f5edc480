/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HRTIMER_H
#define SHIM_LINUX_HRTIMER_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>

#define HRTIMER_MODE_ABS	0

/*
 * Timers fire when a test says so (shim.h), the earliest first, of one time in the
 * order in which they were made.
 */
enum hrtimer_restart { HRTIMER_NORESTART };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *timer);
	struct list_head entry;		/* when it is armed */
	bool armed;
	u64 expires;
	u64 number;
};

void hrtimer_init(struct hrtimer *timer, int clock, int mode);
void hrtimer_start(struct hrtimer *timer, ktime_t expires, int mode);
int hrtimer_cancel(struct hrtimer *timer);

/* Returns 0 when the time has come, else -EINTR. */
int schedule_hrtimeout(ktime_t *expires, int mode);

#endif
