/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settling: what consumers say about the messages that they hold.
 *
 * Acknowledgements are taken from a ring that its process writes: each is copied
 * once, then checked, and the first wrong one ends its consumer.  No call does more
 * than a budget of them (limits.h).
 *
 * Locks: of a pushed consumer, its queue's, which the caller holds and passes as
 * @locked; of a pulling one, its mutex, and @locked is NULL: the queue of each tag
 * is locked in turn.
 */
#ifndef MQK_SETTLE_H
#define MQK_SETTLE_H

#include <linux/types.h>
#include <linux/mqk.h>

#include "consumer.h"
#include "util/death.h"

struct mqk_entry;
struct mqk_queue;
struct mqk_slot;

/* Whether an acknowledgement, a copy, says something that its consumer may say. */
static inline bool mqk_ack_valid(const struct mqk_consumer *c, const struct mqk_ack *a)
{
	return a->op >= MQK_ACK_ACCEPT && a->op <= MQK_ACK_REJECT &&
	       !(a->flags & ~(MQK_ACK_F_MULTIPLE | MQK_ACK_F_REQUEUE)) &&
	       !(a->op == MQK_ACK_ACCEPT && a->flags & MQK_ACK_F_REQUEUE) &&
	       !mqk_consumer_noack(c);
}

/* An entry is copied once, then checked. */
static inline void mqk_ack_copy(struct mqk_ack *to, const struct mqk_ack *from)
{
	to->tag = READ_ONCE(from->tag);
	to->op = READ_ONCE(from->op);
	to->flags = READ_ONCE(from->flags);
}

/* Whether it may be the tag of a message that was out for too long. */
static inline bool mqk_consumer_lapsed(const struct mqk_consumer *c, u64 tag)
{
	return c->lapsed && tag && tag <= c->slots.tag;
}

void mqk_consumer_break(struct mqk_queue *q, struct mqk_consumer *c, int error);
int mqk_consumer_drain(struct mqk_queue *locked, struct mqk_consumer *c,
		       bool *more);
void mqk_settle_slot(struct mqk_queue *locked, struct mqk_consumer *c,
		     struct mqk_slot *slot, u32 op, bool requeue);
int mqk_settle_up_to(struct mqk_queue *locked, struct mqk_consumer *c, u64 tag,
		     u32 op, bool requeue, u32 budget);
void mqk_queue_drop_next(struct mqk_queue *q, enum mqk_reason reason);
void mqk_entry_end_ready(struct mqk_queue *q, struct mqk_entry *e,
			 enum mqk_reason reason);
void mqk_entry_take_out(struct mqk_queue *q, struct mqk_entry *e);
void mqk_entry_put_back(struct mqk_queue *q, struct mqk_entry *e);
void mqk_entry_end_out(struct mqk_queue *q, struct mqk_entry *e);
void mqk_entry_end_retrying(struct mqk_queue *q, struct mqk_entry *e);

#endif /* MQK_SETTLE_H */
