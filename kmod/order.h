/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of a queue whose arguments say that it is not that of coming.
 *
 * The index stores what such a queue holds, and nothing else; what is ready stands in
 * lines (line.h), one for each rank, and what is first in the first of those that are
 * not empty is next.  Rank 0 goes first: with x-max-priority it is that of the highest
 * priority, with x-mqk-levels it is the level on which messages begin.  A word of bits
 * tells which lines are not empty, so that the next message is found in O(1).
 *
 * A level that was passed over MQK_ORDER_PATIENCE times in a row goes before all that
 * were not; another word of bits tells which those are.
 *
 * One index and lines of its entries, not one index for each rank: a message that
 * changes its rank, or waits for another one of its group, stays where it is stored,
 * and there is one place in memory for what many ranks hold a little of.  The price is
 * that a chunk goes only when all of its messages have, of whatever rank.
 *
 * Life: made with its queue, never changed, freed with it.
 * Locks: queue->lock.
 */
#ifndef MQK_ORDER_H
#define MQK_ORDER_H

#include <linux/bitops.h>
#include <linux/types.h>

#include "extra.h"
#include "line.h"
#include "queue.h"
#include "util/index.h"

struct mqk_rules;

/* Ranks, and a place for them in what orders messages for those who browse. */
#define MQK_ORDER_RANKS		32u
#define MQK_ORDER_SHIFT		56
#define MQK_ORDER_PATIENCE	8u

/**
 * struct mqk_order - what a queue has that is ordered
 * @highest: priority from which on all are alike
 * @demote_after: failures that take a message one level down; 0: there are no levels
 * @waiting: bits of the lines that are not empty
 * @starved: bits of the levels that were passed over too often
 * @passed: how often each was, in a row, while something waited there
 * @rcu: frees it
 * @line: by rank
 */
struct mqk_order {
	u32 highest;
	u32 demote_after;
	u32 waiting;
	u32 starved;
	u8 passed[MQK_ORDER_RANKS];
	struct rcu_head rcu;
	struct mqk_line line[MQK_ORDER_RANKS];
};

struct mqk_order *mqk_order_alloc(const struct mqk_rules *r);
void mqk_order_add(struct mqk_order *o, struct mqk_entry *e);
void mqk_order_take(struct mqk_order *o, struct mqk_entry *e);
void mqk_order_return(struct mqk_order *o, struct mqk_entry *e);
void mqk_order_remove(struct mqk_order *o, struct mqk_entry *e);
struct mqk_entry *mqk_order_next(struct mqk_order *o);
struct mqk_entry *mqk_order_next_of(struct mqk_order *o, u32 ranks, u32 *rank);
u64 mqk_order_seq(const struct mqk_order *o, const struct mqk_entry *e);
struct mqk_entry *mqk_order_find(const struct mqk_order *o, struct mqk_index *x,
				 u64 *seq, unsigned int chunks);

/* The order of a queue, or NULL: that of coming. */
static inline struct mqk_order *mqk_queue_order(const struct mqk_queue *q)
{
	return q->keep ? q->keep->order : NULL;
}

/* The entry of a queue that is next in turn; something is ready. */
static inline struct mqk_entry *mqk_queue_next(struct mqk_queue *q)
{
	struct mqk_order *o = mqk_queue_order(q);

	return o ? mqk_order_next(o) : mqk_index_next(&q->index);
}

#endif /* MQK_ORDER_H */
