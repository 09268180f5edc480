/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turns: which consumers of a queue can take a message, and who is next.
 *
 * Those that can are in queue->able, the next one first; the others are in
 * queue->idle, and know that it is theirs to kick.  One whose turn comes again and
 * again, since it is alone among those of the highest priority, is queue->sole, so
 * that the express lane needs no list.
 *
 * Priorities: able is in order of them, and in turn within each.  queue->ranks has
 * of each priority the last one that is able, so that who comes in between finds its
 * place in O(log n).  A queue whose consumers have none has no ranks.
 *
 * A queue where not everybody may have everything has such lists and ranks for each
 * class of consumers (takers.h), and nobody in queue->able.
 *
 * A queue with a single active consumer: able has at most queue->active, and ranks
 * has all that are attached, in the order in which they become active.  Where another
 * one is to take over from one that has yet to settle what it holds, nobody is able.
 *
 * Locks: queue->lock for all of it.
 */
#ifndef MQK_TURN_H
#define MQK_TURN_H

#include <linux/compiler.h>
#include <linux/list.h>

#include "consumer.h"
#include "queue.h"

void mqk_turn_find_sole(struct mqk_queue *q);
void mqk_turn_enter(struct mqk_queue *q, struct mqk_consumer *c);
void mqk_turn_set_able(struct mqk_queue *q, struct mqk_consumer *c, bool able);
void mqk_turn_leave(struct mqk_queue *q, struct mqk_consumer *c);
void mqk_turn_settled(struct mqk_queue *q, struct mqk_consumer *c);
void mqk_turn_to_end(struct mqk_queue *q, struct mqk_consumer *c);
struct mqk_consumer *mqk_turn_some(struct mqk_queue *q);

/**
 * mqk_turn_over() - a consumer has taken a message
 * @q: its queue
 * @c: the consumer, the first of those that are able
 *
 * Context: q->lock.
 */
static __always_inline void mqk_turn_over(struct mqk_queue *q,
					  struct mqk_consumer *c)
{
	if (list_is_last(&c->link, &q->able))
		return;
	if (likely(!q->ranked))
		list_move_tail(&c->link, &q->able);
	else
		mqk_turn_to_end(q, c);
}

#endif /* MQK_TURN_H */
