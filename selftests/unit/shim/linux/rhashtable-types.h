/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RHASHTABLE_TYPES_H
#define SHIM_LINUX_RHASHTABLE_TYPES_H

#include <linux/types.h>
#include <linux/workqueue.h>

struct rhash_head {
	struct rhash_head *unused;
};

struct rhashtable;
struct shim_table;

struct rhashtable_compare_arg {
	struct rhashtable *ht;
	const void *key;
};

typedef u32 (*rht_hashfn_t)(const void *data, u32 len, u32 seed);
typedef u32 (*rht_obj_hashfn_t)(const void *data, u32 len, u32 seed);
typedef int (*rht_obj_cmpfn_t)(struct rhashtable_compare_arg *arg, const void *obj);

struct rhashtable_params {
	u16 nelem_hint;
	u16 key_len;
	u16 key_offset;
	u16 head_offset;
	unsigned int max_size;
	u16 min_size;
	bool automatic_shrinking;
	rht_hashfn_t hashfn;
	rht_obj_hashfn_t obj_hashfn;
	rht_obj_cmpfn_t obj_cmpfn;
};

struct rhashtable {
	struct shim_table __rcu *table;
	unsigned int nelems;
	struct rhashtable_params p;
};

#endif
