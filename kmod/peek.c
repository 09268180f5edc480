// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peeking.
 */
#include "peek.h"

#include <linux/sched.h>
#include <linux/spinlock.h>

#include "account.h"
#include "broker.h"
#include "consumer.h"
#include "delivery.h"
#include "limits.h"
#include "order.h"
#include "queue.h"
#include "segment.h"

static void hold(struct mqk_queue *q, struct mqk_entry *e, struct mqk_peek *peek)
{
	struct mqk_segment *seg = mqk_segment_of(&q->broker->store, e->ref);

	mqk_delivery_describe(q, e, 0, &peek->delivery);
	if (mqk_queue_order(q))
		peek->delivery.seq = mqk_order_seq(q->keep->order, e);
	peek->delivery.pos = 0;
	peek->delivery.tag = 0;
	peek->segment = seg;
	/* whatever the limit: it is a reference for the length of a copy */
	mqk_charge_anyway(seg->tenant, MQK_RES_MESSAGES, 1);
	mqk_segment_get(seg, 1);
}

/*
 * The first message that waits from a place on, or NULL: then *more tells whether it
 * is worth to go on from there.
 */
static struct mqk_entry *find(struct mqk_queue *q, u64 *seq, bool *more)
{
	struct mqk_order *o = mqk_queue_order(q);
	struct mqk_entry *e;

	if (o) {
		e = mqk_order_find(o, &q->index, seq, MQK_DELIVER_BUDGET);
		*more = !e && *seq != U64_MAX;
	} else {
		e = mqk_index_find(&q->index, seq, MQK_DELIVER_BUDGET);
		*more = !e && *seq < q->index.next_seq;
	}
	return e;
}

/**
 * mqk_queue_peek() - look at a waiting message without taking it
 * @q: the queue
 * @seq: in: lowest place; out: its place
 * @peek: what was found
 *
 * Context: may sleep.
 * Return: 0; -EAGAIN: none
 */
int mqk_queue_peek(struct mqk_queue *q, u64 *seq, struct mqk_peek *peek)
{
	struct mqk_entry *e;
	bool more;

	do {
		spin_lock(&q->lock);
		e = find(q, seq, &more);
		if (e)
			hold(q, e, peek);
		spin_unlock(&q->lock);
		cond_resched();
	} while (more);
	return e ? 0 : -EAGAIN;
}

/**
 * mqk_consumer_peek() - look at a message that was delivered
 * @c: the consumer
 * @tag: its tag
 * @peek: what was found
 *
 * Context: may sleep.
 * Return: 0; -EINVAL: no such tag is outstanding
 */
int mqk_consumer_peek(struct mqk_consumer *c, u64 tag, struct mqk_peek *peek)
{
	struct mqk_queue *q = c->queue;
	struct mqk_slot *slot;
	struct mqk_entry *e;

	if (q)
		spin_lock(&q->lock);
	else
		mutex_lock(&c->mutex);
	slot = mqk_slots_find(&c->slots, tag);
	if (slot) {
		e = slot->entry;
		hold(container_of(mqk_entry_chunk(e)->index, struct mqk_queue,
				  index), e, peek);
	}
	if (q)
		spin_unlock(&q->lock);
	else
		mutex_unlock(&c->mutex);
	return slot ? 0 : -EINVAL;
}

/**
 * mqk_peek_end() - let go of what was looked at
 * @peek: it
 *
 * Context: any.
 */
void mqk_peek_end(struct mqk_peek *peek)
{
	mqk_segment_put(peek->segment);
}
