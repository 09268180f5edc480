/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HASHTABLE_H
#define SHIM_LINUX_HASHTABLE_H

/* One list for all. */

#include <linux/list.h>

struct hlist_head {
	struct hlist_node *first;
};

#define DEFINE_HASHTABLE(name, bits)	struct hlist_head name

static inline void shim_hlist_add(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (n->next)
		n->next->pprev = &n->next;
	h->first = n;
}

static inline void hash_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}

#define hash_add(table, node, key)	((void)(key), shim_hlist_add(node, &(table)))
#define hash_for_each_possible(table, obj, member, key) \
	for (struct hlist_node *_n = ((void)(key), (table).first); \
	     _n && (obj = container_of(_n, __typeof__(*obj), member), true); _n = _n->next)

#define hash_for_each(table, bucket, obj, member) \
	for (struct hlist_node *_n = ((bucket) = 0, (void)(bucket), (table).first); \
	     _n && (obj = container_of(_n, __typeof__(*obj), member), true); _n = _n->next)

#endif
