/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RHASHTABLE_H
#define SHIM_LINUX_RHASHTABLE_H

/*
 * The kernel's calls on a chained table. Look-ups run beside one change or one
 * resize at a time; the kernel allows many, this shim stops at the second.
 */

#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>

int rhashtable_init(struct rhashtable *ht, const struct rhashtable_params *params);
void rhashtable_destroy(struct rhashtable *ht);
void rhashtable_free_and_destroy(struct rhashtable *ht,
				 void (*free_fn)(void *ptr, void *arg), void *arg);

/* Under rcu_read_lock(). */
void *rhashtable_lookup(struct rhashtable *ht, const void *key,
			const struct rhashtable_params params);
void *rhashtable_lookup_fast(struct rhashtable *ht, const void *key,
			     const struct rhashtable_params params);
/* 0 or -ENOMEM; does not look for a double. */
int rhashtable_insert_fast(struct rhashtable *ht, struct rhash_head *obj,
			   const struct rhashtable_params params);
/* 0 or -ENOENT. */
int rhashtable_remove_fast(struct rhashtable *ht, struct rhash_head *obj,
			   const struct rhashtable_params params);

#endif
