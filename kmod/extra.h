/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extras: what rules know of a message, beyond its entry.
 *
 * They lie in arrays parallel to the entries of a chunk, one for each, so that a
 * message needs no allocation of its own: a chunk of a queue that keeps extras is
 * fed together with its array.  A queue keeps extras when its arguments need them,
 * or from the first message on that brings a time of its own; entries of chunks
 * from before that have none, and need none.
 *
 * Life: an array, as long as its chunk; what the queue has (struct mqk_keep), as
 * long as the queue, once it is there.
 * Locks: queue->lock.
 */
#ifndef MQK_EXTRA_H
#define MQK_EXTRA_H

#include <linux/build_bug.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/workqueue.h>

#include "schedule.h"
#include "util/index.h"

struct mqk_takers;
struct mqk_consumer;
struct mqk_group;
struct mqk_groups;
struct mqk_order;
struct mqk_queue;
struct mqk_refusal;
struct mqk_tenant;

#define MQK_EXTRA_BYTES		8192u
#define MQK_EXTRA_ORDER		1
#define MQK_NEVER		U64_MAX

/* What a message waits for: its one deadline is about that. */
enum mqk_extra_state {
	MQK_EXTRA_NONE,
	/* in the order in which they are met, of those of one time */
	MQK_EXTRA_TAKEN,	/* for its acknowledgement */
	MQK_EXTRA_RETRYING,	/* until it returns to its place */
	MQK_EXTRA_SCHEDULED,	/* until it takes its place */
	MQK_EXTRA_READY,	/* until it expires */
};

/**
 * struct mqk_extra - what rules know of one message
 * @when: its deadline; it is in the tree of deadlines if @node says so
 * @expires: when it will have waited for too long, or MQK_NEVER
 * @ttl: while it is scheduled: its expiration, in ms, or MQK_NEVER
 * @node: in the tree
 * @consumer: who has it, if there is a deadline for that
 * @group: while it is scheduled: its group, or NULL
 * @tag: under which tag
 * @failures: how often it came back because it failed
 * @state: MQK_EXTRA_*
 * @resv: 0
 *
 * Times are in nanoseconds since the machine was started, asleep or awake.
 */
struct mqk_extra {
	u64 when;
	union {
		u64 expires;
		u64 ttl;
	};
	struct rb_node node;
	union {
		struct mqk_consumer *consumer;
		struct mqk_group *group;
	};
	u64 tag;
	u16 failures;
	u8 state;
	u8 resv[5];
};

/**
 * struct mqk_extras - the extras of a chunk, aligned to MQK_EXTRA_BYTES
 * @link: while it is in nobody's chunk
 * @chunk: whose it is
 * @owner: who pays
 * @extra: one for each entry
 */
struct mqk_extras {
	struct list_head link;
	struct mqk_chunk *chunk;
	struct mqk_tenant *owner;
	struct mqk_extra extra[MQK_CHUNK_ENTRIES];
};

static_assert(sizeof(struct mqk_extra) == 64);
static_assert(sizeof(struct mqk_extras) <= MQK_EXTRA_BYTES);

/**
 * struct mqk_keep - what a queue has that keeps extras
 * @link: while it is no queue's
 * @queue: whose it is
 * @deadlines: tree of the extras that have one, the next one first
 * @armed: when the timer fires, or MQK_NEVER
 * @timer: queues @work, and nothing else
 * @work: upkeep.c; has a reference of the queue while it is queued
 * @retrying: messages that wait for their next try
 * @used: when the queue was used last
 * @order: its order, or NULL: that of coming
 * @groups: its groups, or NULL: it has none
 * @takers: who may have what (takers.h), or NULL: everybody everything
 * @schedule: messages that are not due
 * @rcu: frees it with the queue
 */
struct mqk_keep {
	struct list_head link;
	struct mqk_queue *queue;
	struct rb_root_cached deadlines;
	u64 armed;
	struct hrtimer timer;
	struct work_struct work;
	u64 retrying;
	u64 used;
	struct mqk_order *order;
	struct mqk_groups *groups;
	struct mqk_takers *takers;
	struct mqk_schedule schedule;
	struct rcu_head rcu;
};

/* The extra of an entry, or NULL. */
static inline struct mqk_extra *mqk_extra_of(const struct mqk_entry *e)
{
	const struct mqk_chunk *c = mqk_entry_chunk(e);

	return c->extras ? &c->extras->extra[e - c->entry] : NULL;
}

/* The entry of an extra. */
static inline struct mqk_entry *mqk_extra_entry(const struct mqk_extra *x)
{
	struct mqk_extras *xs = (void *)((unsigned long)x &
					 ~(MQK_EXTRA_BYTES - 1UL));

	return &xs->chunk->entry[x - xs->extra];
}

struct mqk_extras *mqk_extras_alloc(struct mqk_tenant *tenant, bool overdraw,
				    struct mqk_refusal *why);
struct mqk_extras *mqk_extras_make(struct mqk_tenant *tenant);
void mqk_extras_free(struct mqk_extras *xs);
void mqk_extras_give(struct mqk_extras *xs, struct mqk_chunk *c);

struct mqk_keep *mqk_keep_alloc(void);
void mqk_keep_begin(struct mqk_queue *q, struct mqk_keep *keep);

#endif /* MQK_EXTRA_H */
