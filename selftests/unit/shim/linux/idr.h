/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_IDR_H
#define SHIM_LINUX_IDR_H

#include <linux/mutex.h>
#include <linux/types.h>

struct ida {
	struct mutex lock;
	u64 *words;
	unsigned int nr_words;
};

void ida_init(struct ida *ida);
/* The lowest free number from min to max; -ENOMEM; -ENOSPC. */
int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp);
void ida_free(struct ida *ida, unsigned int id);
void ida_destroy(struct ida *ida);

#define ida_alloc_max(ida, max, gfp)	ida_alloc_range(ida, 0, max, gfp)

#endif
