/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_JIFFIES_H
#define SHIM_LINUX_JIFFIES_H

#include <linux/ktime.h>

#define HZ		1000ul
#define jiffies		((unsigned long)(ktime_get() / 1000000))

#endif
