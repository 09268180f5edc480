/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The express lane: messages that are alike but for their place, on their way
 * through one queue straight to its only able consumer.
 *
 * What mqk_queue_added_locked() does for each message is done here once for
 * many: opening the lane finds out how many may take it, sending one writes its
 * entry in the index, its tag and its delivery, and closing counts them.  In
 * between nothing else happens to the queue or its consumer: the lock is held.
 *
 * A message takes the lane when nothing waits in the queue, exactly one consumer
 * is able, and nobody traces; mqk_queue_added_locked() sees to all others, and
 * what it does is the same.
 *
 * Locks: queue->lock, from opening to closing.  Barrier (A) is that of
 * Documentation/rings.rst.
 */
#ifndef MQK_EXPRESS_H
#define MQK_EXPRESS_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/mqk.h>

#include "consumer.h"
#include "limits.h"
#include "queue.h"
#include "trace.h"

/**
 * struct mqk_express - an open lane
 * @queue: the queue
 * @consumer: the consumer
 * @to: place of the next entry
 * @seq: its number in the queue
 * @pos: how many deliveries the consumer's ring has had
 * @ref: record of the next message
 * @sizes: the three lengths of an entry, with flags of 0, as one word
 * @exchange: exchange, priority and a count of 0, as one word
 * @sender: uid and pid, as one word
 */
struct mqk_express {
	struct mqk_queue *queue;
	struct mqk_consumer *consumer;
	struct mqk_entry *to;
	u64 seq;
	u64 pos;
	u64 ref;
	u64 sizes;
	u64 exchange;
	u64 sender;
};

/* Two fields side by side, as one word. */
static __always_inline u64 mqk_pair(u32 first, u32 second)
{
	union {
		u32 half[2];
		u64 word;
	} u = { .half = { first, second } };

	return u.word;
}

/* The word of an entry that begins at a field. */
#define MQK_ENTRY_WORD(e, field)						\
	(*(u64 *)((u8 *)(e) + offsetof(struct mqk_entry, field)))

static_assert(offsetof(struct mqk_entry, payload_len) == 8);
static_assert(offsetof(struct mqk_entry, flags) == 15);
static_assert(offsetof(struct mqk_entry, exchange) == 16);
static_assert(offsetof(struct mqk_entry, priority) == 20);
static_assert(offsetof(struct mqk_entry, count) == 22);
static_assert(offsetof(struct mqk_entry, uid) == 24);
static_assert(offsetof(struct mqk_entry, pid) == 28);
static_assert(sizeof(struct mqk_entry) == 32);
static_assert(offsetof(struct mqk_delivery, flags) ==
	      offsetof(struct mqk_delivery, queue) + 4);
static_assert(offsetof(struct mqk_delivery, queue) % 8 == 0);
static_assert(offsetof(struct mqk_delivery, ref) % 8 == 0);

bool mqk_express_refill(struct mqk_queue *q, struct mqk_consumer *c);

/**
 * mqk_express_open() - open the lane
 * @x: the lane; @x->ref, sizes, exchange and sender are those of the first message
 * @q: the queue, not dead
 * @payload_len: of each of them
 * @n: how many are wanted
 *
 * Context: q->lock.
 * Return: how many may be sent; 0: mqk_queue_added_locked() sees to the next one
 */
static __always_inline u32 mqk_express_open(struct mqk_express *x,
					    struct mqk_queue *q,
					    u32 payload_len, u32 n)
{
	struct mqk_consumer *c;

	c = q->sole;
	if (unlikely(!c || q->ready ||
		     trace_mqk_publish_enabled() || trace_mqk_deliver_enabled()))
		return 0;
	if (unlikely(!c->allowed) && !mqk_express_refill(q, c))
		return 0;
	n = min(n, c->allowed);
	/* large ones have larger shares */
	if (unlikely(payload_len >= MQK_DRAIN_SHARE))
		n = 1;
	x->to = mqk_index_front(&q->index, &n);
	x->queue = q;
	x->consumer = c;
	x->seq = q->index.next_seq;
	x->pos = c->pos;
	return n;
}

/**
 * mqk_express_send() - send a message
 * @x: the lane, open for one more; @x->ref is its record
 */
static __always_inline void mqk_express_send(struct mqk_express *x)
{
	struct mqk_consumer *c = x->consumer;
	struct mqk_delivery *d = &c->ring[x->pos & c->mask];
	void *copy = (u8 *)d + offsetof(struct mqk_delivery, ref);
	struct mqk_entry *e = x->to++;

	e->ref = x->ref;
	MQK_ENTRY_WORD(e, payload_len) = x->sizes;
	e->flags = MQK_ENTRY_F_TAKEN;
	MQK_ENTRY_WORD(e, exchange) = x->exchange;
	e->count = 1;
	MQK_ENTRY_WORD(e, uid) = x->sender;
	MQK_ENTRY_WORD(copy, ref) = x->ref;
	MQK_ENTRY_WORD(copy, payload_len) = x->sizes;
	MQK_ENTRY_WORD(copy, exchange) = x->exchange;
	MQK_ENTRY_WORD(copy, uid) = x->sender;
	d->seq = x->seq++;
	*(u64 *)&d->queue = c->about;
	d->tag = mqk_slots_add(&c->slots, e);
	/* (A) the entry is complete before its number appears */
	smp_store_release(&d->pos, ++x->pos);
}

/**
 * mqk_express_close() - close the lane
 * @x: the lane
 * @payload_len: of each
 * @n: how many were sent, at least one
 */
static __always_inline void mqk_express_close(struct mqk_express *x,
					      u32 payload_len, u32 n)
{
	u64 bytes = (u64)n * payload_len;
	struct mqk_consumer *c = x->consumer;
	struct mqk_queue *q = x->queue;

	mqk_index_through(&q->index, n);
	q->published += n;
	q->delivered += n;
	if (unlikely(mqk_consumer_noack(c))) {
		struct mqk_entry *e = x->to;
		u32 i;

		for (i = 0; i < n; i++)
			(--e)->flags |= MQK_ENTRY_F_SETTLED;
		q->acked += n;
	} else {
		q->unacked += n;
		q->bytes += bytes;
	}
	c->allowed -= likely(payload_len < MQK_DRAIN_SHARE) ? n :
		      min(c->allowed, mqk_consumer_share(payload_len));
	WRITE_ONCE(c->pos, x->pos);
	mqk_consumer_wake(c);
}

#endif /* MQK_EXPRESS_H */
