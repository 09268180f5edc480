/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_JIFFIES_H
#define SHIM_LINUX_JIFFIES_H

#include <linux/ktime.h>

#define HZ		1000ul
#define jiffies		((unsigned long)(ktime_get() / 1000000))

#define nsecs_to_jiffies(ns)	((unsigned long)((ns) / (1000000000ull / HZ)))

#endif
