/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

/*
 * An array of pointers by small numbers. Changes are made under a lock of its
 * own, look-ups under RCU.
 */

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct shim_xa_table;

struct xarray {
	struct mutex lock;
	struct shim_xa_table __rcu *table;
};

struct xa_limit {
	u32 min, max;
};

#define XA_LIMIT(low, high)	((struct xa_limit){ .min = low, .max = high })
#define XA_FLAGS_ALLOC1		1
#define XA_PRESENT		0

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	mutex_init(&xa->lock);
	xa->table = NULL;
}

#define xa_init(xa)		xa_init_flags(xa, 0)

void xa_destroy(struct xarray *xa);
/* The lowest free number, or the next one behind @next. */
int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp);
int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next,
		    gfp_t gfp);
/* Only where there was a number before. */
/* Of an id that is given, not taken from the table. */
int xa_insert(struct xarray *xa, unsigned long id, void *entry, gfp_t gfp);
void *xa_store(struct xarray *xa, unsigned long id, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, unsigned long id);
void *xa_load(struct xarray *xa, unsigned long id);
/* The first one from that number on, or behind it. */
void *xa_find(struct xarray *xa, unsigned long *id, unsigned long max, gfp_t mark);
void *xa_find_after(struct xarray *xa, unsigned long *id, unsigned long max, gfp_t mark);

#define xa_for_each(xa, id, entry) \
	for (id = 0, entry = xa_find(xa, &id, ~0ul, XA_PRESENT); entry; \
	     entry = xa_find_after(xa, &id, ~0ul, XA_PRESENT))

#endif
