/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_CAPABILITY_H
#define SHIM_LINUX_CAPABILITY_H

#include <linux/types.h>

#define CAP_CHOWN		0
#define CAP_DAC_OVERRIDE	1
#define cap_raised(set, cap)	((set) >> (cap) & 1)

#define cap_clear(set)		((set) = 0)
#define cap_raise(set, cap)	((set) |= 1u << (cap))

/* No test asks for what it may not. */
static inline bool capable(int cap)
{
	return true;
}

#endif
