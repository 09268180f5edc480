/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines: what is to happen to a message, or to a queue, at a time.
 *
 * A message has at most one, by its state: expiry while it is ready; the time for
 * its acknowledgement while it is taken; the end of its delay while it waits for its
 * next try, or is scheduled.  All of a queue are in one tree, the earliest first; of those
 * of one time, what returns to its place comes before what is scheduled, and expiry last:
 * so what returns is offered first.
 *
 * The queue's timer fires for the first one, or earlier, which does no harm.  All
 * that it does is to queue the queue's work (upkeep.h).  Whoever delivers looks at
 * the clock himself, so nothing is delivered late because the work is.
 *
 * Life: killing a queue marks it dead, after which nobody arms its timer, and then
 * stops the timer.
 * Locks: queue->lock; the timer takes none.
 */
#ifndef MQK_DEADLINE_H
#define MQK_DEADLINE_H

#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "extra.h"
#include "queue.h"

struct mqk_record;

static inline u64 mqk_deadline_now(void)
{
	return ktime_get_boottime_ns();
}

enum hrtimer_restart mqk_deadline_timer(struct hrtimer *timer);
void mqk_deadline_set(struct mqk_queue *q, struct mqk_extra *x, u64 when,
		      enum mqk_extra_state state);
void mqk_deadline_drop(struct mqk_queue *q, struct mqk_extra *x);
void mqk_deadline_arm(struct mqk_queue *q);
u64 mqk_deadline_expiration(const struct mqk_record *head);
void mqk_deadline_begin(struct mqk_queue *q, struct mqk_entry *e, u64 expiration);
void mqk_deadline_ready(struct mqk_queue *q, struct mqk_entry *e);
void mqk_deadline_taken(struct mqk_queue *q, struct mqk_entry *e,
			struct mqk_consumer *c, u64 tag, bool noack);
void mqk_deadline_used(struct mqk_queue *q);
bool mqk_deadline_unused(const struct mqk_queue *q, u64 now);

/* A message has no deadline any more; nothing happens when it has none. */
static inline void mqk_deadline_clear(struct mqk_queue *q, struct mqk_extra *x)
{
	if (!RB_EMPTY_NODE(&x->node))
		mqk_deadline_drop(q, x);
}

/* The first deadline of a queue that keeps extras, or NULL. */
static inline struct mqk_extra *mqk_deadline_first(const struct mqk_queue *q)
{
	struct rb_node *node = rb_first_cached(&q->keep->deadlines);

	return node ? rb_entry(node, struct mqk_extra, node) : NULL;
}

#endif /* MQK_DEADLINE_H */
