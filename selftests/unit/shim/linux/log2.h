/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_LOG2_H
#define SHIM_LINUX_LOG2_H

#include <linux/types.h>

#define ilog2(n)		(63 - __builtin_clzll(n))
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define rounddown_pow_of_two(n)	((__typeof__(n))1 << ilog2(n))
#define roundup_pow_of_two(n)	((n) <= 1 ? (__typeof__(n))1 : \
				 (__typeof__(n))1 << (ilog2((n) - 1) + 1))

#endif
