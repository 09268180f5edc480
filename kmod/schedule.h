/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The schedule of a queue: messages that were taken, and are not to be delivered yet.
 *
 * They are in an index of their own, which only stores, and each has a deadline
 * (deadline.h), whatever else it has later.  When it is due, the queue's work
 * (upkeep.c) moves its entry to the end of the queue's index: there it gets its place,
 * and its time to live begins.  The room for that is got by the work, which can sleep;
 * while there is none the message stays scheduled, and the work tries again.
 *
 * Messages whose id counts (MQK_MSG_F_ID) are in a tree by that, too, so that they are
 * found by it: O(log n), and no memory but the links of their chunk.  What the tree has
 * is a keyed hash of 64 bits (util/headers.h has the text); two ids are taken for one
 * with a probability of 2^-64, and nobody who does not know the key can do better.
 *
 * Life: part of what a queue has that keeps extras, as long as that.
 * Locks: queue->lock.
 */
#ifndef MQK_SCHEDULE_H
#define MQK_SCHEDULE_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "util/index.h"

struct mqk_extra;
struct mqk_group;
struct mqk_queue;
struct mqk_record;

/**
 * struct mqk_schedule - the schedule of a queue
 * @index: stores the messages
 * @ids: tree of those that have an id
 * @nr: how many messages
 * @bytes: of their payloads
 */
struct mqk_schedule {
	struct mqk_index index;
	struct rb_root ids;
	u64 nr;
	u64 bytes;
};

void mqk_schedule_init(struct mqk_schedule *s);
void mqk_schedule_add(struct mqk_queue *q, struct mqk_entry *e,
		      const struct mqk_record *head, u64 id, struct mqk_group *group);
void mqk_schedule_move(struct mqk_queue *q, struct mqk_extra *x);
void mqk_schedule_drop(struct mqk_queue *q, struct mqk_entry *e);
u32 mqk_schedule_cancel(struct mqk_queue *q, u64 id, u32 max);

#endif /* MQK_SCHEDULE_H */
