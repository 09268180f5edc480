/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_PERCPU_H
#define SHIM_LINUX_PERCPU_H

/* One copy, for all processors. */

#include <linux/slab.h>

#define __percpu

#define alloc_percpu_gfp(type, gfp)	((type *)kzalloc(sizeof(type), gfp))
#define free_percpu(p)			kfree(p)
#define for_each_possible_cpu(cpu)	for (cpu = 0; cpu < 1; cpu++)
#define per_cpu_ptr(p, cpu)		((void)(cpu), p)
#define this_cpu_add(counter, n)	((void)__atomic_add_fetch(&(counter), n, __ATOMIC_RELAXED))

#endif
