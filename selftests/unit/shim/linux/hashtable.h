/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HASHTABLE_H
#define SHIM_LINUX_HASHTABLE_H

/* One list for all. */

#include <linux/list.h>

#define DEFINE_HASHTABLE(name, bits)	struct hlist_head name

static inline void hash_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}

#define hash_add(table, node, key)	((void)(key), hlist_add_head(node, &(table)))
#define hash_for_each_possible(table, obj, member, key) \
	for (struct hlist_node *_n = ((void)(key), (table).first); \
	     _n && (obj = container_of(_n, __typeof__(*obj), member), true); _n = _n->next)

#define hash_for_each(table, bucket, obj, member) \
	for (struct hlist_node *_n = ((bucket) = 0, (void)(bucket), (table).first); \
	     _n && (obj = container_of(_n, __typeof__(*obj), member), true); _n = _n->next)

#endif
