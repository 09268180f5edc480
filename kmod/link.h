/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Links: what puts the messages of a queue into another order than that of its index.
 *
 * They lie in arrays parallel to the entries of a chunk, as extras do (extra.h), and
 * for the same reason: a message needs no allocation of its own.  A queue whose
 * arguments order it has them for all of its chunks, from the first one on.
 *
 * Life: an array, as long as its chunk.
 * Locks: queue->lock.
 */
#ifndef MQK_LINK_H
#define MQK_LINK_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/rbtree.h>

#include "util/index.h"

struct mqk_group;
struct mqk_refusal;
struct mqk_tenant;

#define MQK_LINK_BYTES	4096u

/**
 * struct mqk_link - the link of one message
 * @fresh: in the list of a line (line.h), when it was never taken
 * @back: in the tree of a line, when it has returned; in that of ids; in one of groups
 * @id: while it is scheduled: number of its id, or 0 (schedule.h)
 * @group: in a queue with groups, but for that: its group, or NULL (group.h)
 */
struct mqk_link {
	union {
		struct list_head fresh;
		struct rb_node back;
	};
	union {
		u64 id;
		struct mqk_group *group;
	};
};

/**
 * struct mqk_links - the links of a chunk, aligned to MQK_LINK_BYTES
 * @link: while it is in nobody's chunk
 * @chunk: whose it is
 * @owner: who pays
 * @entry: one for each entry
 */
struct mqk_links {
	struct list_head link;
	struct mqk_chunk *chunk;
	struct mqk_tenant *owner;
	struct mqk_link entry[MQK_CHUNK_ENTRIES];
};

static_assert(sizeof(struct mqk_link) == 32);
static_assert(sizeof(struct mqk_links) <= MQK_LINK_BYTES);

/* The link of an entry, whose chunk has links. */
static inline struct mqk_link *mqk_link_of(const struct mqk_entry *e)
{
	const struct mqk_chunk *c = mqk_entry_chunk(e);

	return &c->links->entry[e - c->entry];
}

/* The entry of a link. */
static inline struct mqk_entry *mqk_link_entry(const struct mqk_link *l)
{
	struct mqk_links *ls = (void *)((unsigned long)l & ~(MQK_LINK_BYTES - 1UL));

	return &ls->chunk->entry[l - ls->entry];
}

struct mqk_links *mqk_links_alloc(struct mqk_tenant *tenant, bool overdraw,
				  struct mqk_refusal *why);
struct mqk_links *mqk_links_make(struct mqk_tenant *tenant);
void mqk_links_free(struct mqk_links *ls);
void mqk_links_give(struct mqk_links *ls, struct mqk_chunk *c);

#endif /* MQK_LINK_H */
