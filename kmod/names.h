/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables by name, for objects with members name, name_len and node.
 */
#ifndef MQK_NAMES_H
#define MQK_NAMES_H

#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/string.h>

/* What a table by name is searched for. */
struct mqk_name {
	const u8 *name;
	u32 len;
};

static inline u32 mqk_name_hash(const void *data, u32 len, u32 seed)
{
	const struct mqk_name *n = data;

	return jhash(n->name, n->len, seed);
}

/* Define the rhashtable_params of a table of @type by name. */
#define MQK_NAME_PARAMS(params, type)					\
static u32 params##_hash(const void *data, u32 len, u32 seed)		\
{									\
	const type *o = data;						\
									\
	return jhash(o->name, o->name_len, seed);			\
}									\
									\
static int params##_cmp(struct rhashtable_compare_arg *arg,		\
			const void *obj)				\
{									\
	const struct mqk_name *n = arg->key;				\
	const type *o = obj;						\
									\
	return n->len != o->name_len ||					\
	       memcmp(n->name, o->name, n->len);			\
}									\
									\
const struct rhashtable_params params = {				\
	.head_offset = offsetof(type, node),				\
	.hashfn = mqk_name_hash,					\
	.obj_hashfn = params##_hash,					\
	.obj_cmpfn = params##_cmp,					\
	.automatic_shrinking = true,					\
}

#endif /* MQK_NAMES_H */
