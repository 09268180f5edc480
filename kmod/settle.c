// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settling.
 *
 * The barriers (B) and (C) are those of Documentation/rings.rst.
 */
#include "settle.h"

#include <linux/spinlock.h>
#include <linux/time64.h>

#include "broker.h"
#include "consumer.h"
#include "deadline.h"
#include "deliver.h"
#include "dying.h"
#include "express.h"
#include "extra.h"
#include "group.h"
#include "limits.h"
#include "order.h"
#include "queue.h"
#include "rules.h"
#include "trace.h"
#include "turn.h"
#include "work.h"

/* An entry is done with: let go of its record. */
static __always_inline void end(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_chunk *c;

	mqk_segment_put(mqk_segment_of(&q->broker->store, e->ref));
	c = mqk_index_done(&q->index, e);
	if (unlikely(c))
		mqk_queue_free_chunk(c);
}

/* What was delivered to one who acknowledges has been processed. */
static __always_inline void accept(struct mqk_queue *q, struct mqk_entry *e)
{
	q->unacked--;
	q->bytes -= e->payload_len;
	q->acked++;
	end(q, e);
}

/* What was taken is gone, or goes on as a dead letter. */
static void drop(struct mqk_queue *q, struct mqk_entry *e, enum mqk_reason reason)
{
	struct mqk_groups *gs = mqk_queue_groups(q);

	if (unlikely(gs))
		mqk_groups_end(gs, e);
	if (reason && mqk_dying_here(q)) {
		mqk_dying_add(q, e, reason);
		return;
	}
	q->bytes -= e->payload_len;
	q->dropped++;
	end(q, e);
}

static void make_ready(struct mqk_queue *q, struct mqk_entry *e)
{
	q->ready++;
	q->ready_bytes += e->payload_len;
	mqk_index_return(&q->index, e);
}

/* A message is ready again in a queue whose messages have links. */
static void line_up(struct mqk_queue *q, struct mqk_entry *e)
{
	if (q->keep->order) {
		mqk_order_return(q->keep->order, e);
	} else {
		mqk_index_attach(&q->index, e);
		mqk_groups_return(q->keep->groups, e);
	}
}

/* One that was ready is not; the index has to know as well. */
static void line_out(struct mqk_queue *q, struct mqk_entry *e)
{
	if (q->keep->order)
		mqk_order_remove(q->keep->order, e);
	else
		mqk_groups_remove(q->keep->groups, e);
}

/* The same in a queue that keeps extras, for a message that has one. */
static void make_kept_ready(struct mqk_queue *q, struct mqk_entry *e)
{
	if (mqk_queue_linked(q)) {
		q->ready++;
		q->ready_bytes += e->payload_len;
		line_up(q, e);
	} else {
		make_ready(q, e);
	}
	mqk_deadline_ready(q, e);
}

/*
 * A message comes back to a queue that keeps extras, and is not unacknowledged any
 * more: it may have failed too often, wait for its next try, or be too late.
 */
static void give_back(struct mqk_queue *q, struct mqk_entry *e,
		      struct mqk_extra *x, bool failed)
{
	u64 now = mqk_deadline_now(), delay = 0;

	if (failed && mqk_rules_count_failures(q->rules)) {
		if (x->failures < U16_MAX)
			x->failures++;
		if (mqk_rules_give_up(q->rules, x->failures)) {
			drop(q, e, MQK_REASON_DELIVERY_LIMIT);
			return;
		}
		delay = mqk_rules_retry(q->rules, x->failures);
	}
	q->requeued++;
	if (delay) {
		q->keep->retrying++;
		if (q->keep->groups)
			mqk_groups_retry(q->keep->groups, e);
		mqk_deadline_set(q, x, now + delay * NSEC_PER_MSEC,
				 MQK_EXTRA_RETRYING);
	} else if (x->expires <= now) {
		drop(q, e, MQK_REASON_EXPIRED);
	} else {
		make_kept_ready(q, e);
	}
}

/* As settle(), of what was settled when it was delivered, or that has an extra. */
static noinline void settle_kept(struct mqk_queue *q, struct mqk_entry *e, u32 op,
				 bool requeue)
{
	struct mqk_groups *gs = mqk_queue_groups(q);
	struct mqk_extra *x = mqk_extra_of(e);

	if (e->flags & MQK_ENTRY_F_SETTLED) {
		end(q, e);
		return;
	}
	if (x)
		mqk_deadline_clear(q, x);
	if (gs)
		mqk_groups_let_go(gs, e);
	if (op == MQK_ACK_ACCEPT) {
		if (gs)
			mqk_groups_end(gs, e);
		accept(q, e);
		return;
	}
	q->unacked--;
	if (!requeue || q->dead) {
		drop(q, e, MQK_REASON_REJECTED);
	} else if (x) {
		give_back(q, e, x, op == MQK_ACK_REJECT);
	} else {
		q->requeued++;
		make_ready(q, e);
	}
}

static void settle(struct mqk_queue *q, struct mqk_entry *e, u32 op,
		   bool requeue)
{
	lockdep_assert_held(&q->lock);
	trace_mqk_settle(q, e, op, requeue);
	if (unlikely(e->flags & (MQK_ENTRY_F_SETTLED | MQK_ENTRY_F_KEPT))) {
		settle_kept(q, e, op, requeue);
	} else if (op == MQK_ACK_ACCEPT) {
		accept(q, e);
	} else if (requeue && !q->dead) {
		q->unacked--;
		q->requeued++;
		make_ready(q, e);
	} else {
		q->unacked--;
		drop(q, e, MQK_REASON_REJECTED);
	}
}

/**
 * mqk_queue_drop_next() - end what would be delivered next
 * @q: the queue; something is ready
 * @reason: of a dead letter; MQK_REASON_NONE: it becomes none
 *
 * Context: q->lock.
 */
void mqk_queue_drop_next(struct mqk_queue *q, enum mqk_reason reason)
{
	struct mqk_entry *e = mqk_queue_next(q);

	if (unlikely(q->keep)) {
		mqk_entry_end_ready(q, e, reason);
		return;
	}
	mqk_index_take(&q->index, e);
	q->ready--;
	q->ready_bytes -= e->payload_len;
	drop(q, e, reason);
}

/**
 * mqk_entry_end_ready() - end a message that is ready, wherever it is
 * @q: the queue
 * @e: its entry
 * @reason: of a dead letter; MQK_REASON_NONE: it becomes none
 *
 * Context: q->lock.
 */
void mqk_entry_end_ready(struct mqk_queue *q, struct mqk_entry *e,
			 enum mqk_reason reason)
{
	struct mqk_extra *x = mqk_extra_of(e);
	struct mqk_chunk *c;

	if (x)
		mqk_deadline_clear(q, x);
	q->ready--;
	q->ready_bytes -= e->payload_len;
	if (mqk_queue_linked(q))
		line_out(q, e);
	if (mqk_queue_groups(q))
		mqk_groups_end(q->keep->groups, e);
	if (reason && mqk_dying_here(q)) {
		mqk_index_detach(&q->index, e);
		mqk_dying_add(q, e, reason);
		return;
	}
	q->bytes -= e->payload_len;
	q->dropped++;
	mqk_segment_put(mqk_segment_of(&q->broker->store, e->ref));
	c = mqk_index_remove(&q->index, e);
	if (c)
		mqk_queue_free_chunk(c);
}

/* As make_kept_ready(), in any queue, of one that may never have been delivered. */
static void make_waiting(struct mqk_queue *q, struct mqk_entry *e)
{
	q->ready++;
	q->ready_bytes += e->payload_len;
	if (mqk_queue_linked(q))
		line_up(q, e);
	else
		mqk_index_attach(&q->index, e);
	if (mqk_extra_of(e))
		mqk_deadline_ready(q, e);
}

/**
 * mqk_entry_take_out() - let nobody have a message that is ready, for a while
 * @q: the queue
 * @e: its entry; mqk_entry_put_back() or mqk_entry_end_out() has to follow
 *
 * Context: q->lock.
 */
void mqk_entry_take_out(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_extra *x = mqk_extra_of(e);

	if (x)
		mqk_deadline_clear(q, x);
	q->ready--;
	q->ready_bytes -= e->payload_len;
	if (mqk_queue_linked(q))
		line_out(q, e);
	mqk_index_detach(&q->index, e);
}

/**
 * mqk_entry_put_back() - a message that was taken out is ready again
 * @q: the queue; when it is dead, the message is gone
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_entry_put_back(struct mqk_queue *q, struct mqk_entry *e)
{
	if (q->dead)
		drop(q, e, MQK_REASON_NONE);
	else
		make_waiting(q, e);
}

/**
 * mqk_entry_end_out() - a message that was taken out is somewhere else now
 * @q: the queue
 * @e: its entry; gone afterwards
 *
 * Context: q->lock.
 */
void mqk_entry_end_out(struct mqk_queue *q, struct mqk_entry *e)
{
	drop(q, e, MQK_REASON_NONE);
}

/**
 * mqk_entry_end_retrying() - a message does not wait for its next try any more
 * @q: the queue; when it is dead, the message is gone
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_entry_end_retrying(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_extra *x = mqk_extra_of(e);

	mqk_deadline_clear(q, x);
	q->keep->retrying--;
	if (q->keep->groups)
		mqk_groups_tried(q->keep->groups, e);
	if (q->dead || x->expires <= mqk_deadline_now()) {
		drop(q, e, MQK_REASON_EXPIRED);
		return;
	}
	make_kept_ready(q, e);
}

/**
 * mqk_consumer_break() - a consumer broke the rules of its rings
 * @q: its queue, locked; NULL: it pulls
 * @c: the consumer
 * @error: negative errno
 *
 * Nothing that it says counts any more, and the reaper returns what it holds.
 *
 * Context: @q->lock, or c->mutex.
 */
void mqk_consumer_break(struct mqk_queue *q, struct mqk_consumer *c, int error)
{
	if (c->broken)
		return;
	c->broken = true;
	c->failed = true;
	WRITE_ONCE(c->error, error);
	WRITE_ONCE(c->page->error, error);
	mqk_count(c->broker, broken, 1);
	trace_mqk_broken(c->broker, c->id, error);
	if (q)
		mqk_turn_leave(q, c);
	if (c->shut)
		return;			/* who shuts it returns what it holds */
	refcount_inc(&c->refs);
	if (!queue_work(mqk_workqueue, &c->reaper))
		refcount_dec(&c->refs);
	mqk_consumer_wake(c);
}

/**
 * mqk_settle_slot() - settle one tag
 * @locked: the queue of a pushed consumer, locked; NULL: it pulls
 * @c: the consumer
 * @slot: the tag's
 * @op: MQK_ACK_*
 * @requeue: what is not accepted goes back to its place
 *
 * Context: @locked->lock, or c->mutex.
 */
void mqk_settle_slot(struct mqk_queue *locked, struct mqk_consumer *c,
		     struct mqk_slot *slot, u32 op, bool requeue)
{
	struct mqk_entry *e = mqk_slots_del(&c->slots, slot);
	struct mqk_queue *q = locked;

	if (!locked) {
		q = container_of(mqk_entry_chunk(e)->index, struct mqk_queue, index);
		spin_lock(&q->lock);
	}
	settle(q, e, op, requeue);
	if (!locked) {
		mqk_queue_dispatch_locked(q);
		spin_unlock(&q->lock);
		mqk_queue_run(q);
		mqk_queue_put(q);
	}
}

/**
 * mqk_settle_up_to() - settle the tags up to one
 * @locked: the queue of a pushed consumer, locked; NULL: it pulls
 * @c: the consumer
 * @tag: the last one
 * @op: MQK_ACK_*
 * @requeue: what is not accepted goes back to its place
 * @budget: most of them
 *
 * Context: @locked->lock, or c->mutex.
 * Return: how many
 */
int mqk_settle_up_to(struct mqk_queue *locked, struct mqk_consumer *c,
		     u64 tag, u32 op, bool requeue, u32 budget)
{
	struct mqk_slot *slot;
	u32 n = 0;

	while (n < budget && (slot = mqk_slots_first(&c->slots)) &&
	       slot->tag <= tag) {
		mqk_settle_slot(locked, c, slot, op, requeue);
		n++;
	}
	return n;
}

static bool more_up_to(struct mqk_consumer *c, u64 tag)
{
	struct mqk_slot *slot = mqk_slots_first(&c->slots);

	return slot && slot->tag <= tag;
}

/*
 * Carry out one acknowledgement, given as a private copy.  Returns how many
 * tags it settled, with *again set if the budget did not suffice; -EINVAL.
 */
static int take_ack(struct mqk_queue *locked, struct mqk_consumer *c,
		    const struct mqk_ack *a, u32 budget, bool *again)
{
	bool requeue = a->flags & MQK_ACK_F_REQUEUE;
	struct mqk_slot *slot;
	u64 tag = a->tag;
	int n;

	if (!mqk_ack_valid(c, a))
		return -EINVAL;

	if (!(a->flags & MQK_ACK_F_MULTIPLE)) {
		slot = mqk_slots_find(&c->slots, tag);
		if (!slot)
			return mqk_consumer_lapsed(c, tag) ? 0 : -EINVAL;
		mqk_settle_slot(locked, c, slot, a->op, requeue);
		return 1;
	}
	if (tag > c->slots.tag)
		return -EINVAL;
	n = mqk_settle_up_to(locked, c, tag ?: U64_MAX, a->op, requeue, budget);
	if (!n && tag && !mqk_consumer_lapsed(c, tag))
		return -EINVAL;
	*again = more_up_to(c, tag ?: U64_MAX);
	return n;
}

/*
 * Take the user's position, and release what it covers if nothing is acked.
 * Returns how many messages that settled, with *more set if there are more.
 */
static int take_head(struct mqk_queue *locked, struct mqk_consumer *c,
		     bool *more)
{
	/* (B) the user has read what its head covers */
	u64 head = smp_load_acquire(&c->user->head);
	int n;

	if (head - c->head > c->pos - c->head)
		return -EPROTO;
	c->head = head;
	if (!mqk_consumer_noack(c) || mqk_consumer_pulls(c))
		return 0;
	n = mqk_settle_up_to(locked, c, head, MQK_ACK_ACCEPT, false,
			 MQK_ACK_BUDGET);
	*more = more_up_to(c, head);
	return n;
}

/* References to records of one segment, to be put together. */
struct puts {
	struct mqk_segment *segment;
	u32 no;
	u32 n;
};

static __always_inline void put_later(struct puts *puts, struct mqk_store *store,
				      u64 ref)
{
	u32 no = MQK_REF_SEGMENT(ref);

	if (unlikely(puts->no != no)) {
		if (puts->n)
			mqk_segment_put_n(puts->segment, puts->n);
		puts->segment = mqk_segment_of(store, ref);
		puts->no = no;
		puts->n = 0;
	}
	puts->n++;
}

/* The op and the flags of an acknowledgement, as one word. */
static __always_inline u64 op_and_flags(const struct mqk_ack *a)
{
	static_assert(offsetof(struct mqk_ack, flags) ==
		      offsetof(struct mqk_ack, op) + sizeof(a->op));
	static_assert(offsetof(struct mqk_ack, op) % 8 == 0);

	return READ_ONCE(*(const u64 *)&a->op);
}

/*
 * Take the acknowledgements that most consumers write, one tag, accepted, up to
 * the first one that is another, or wrong: take_ack() sees to that.  Returns how
 * many.
 */
static noinline u32 take_plain(struct mqk_queue *q, struct mqk_consumer *c, u64 tail,
		      u32 budget)
{
	struct mqk_store *store = &q->broker->store;
	struct puts puts = { .no = U32_MAX };
	u64 bytes = 0;
	u32 n;

	if (unlikely(mqk_consumer_noack(c) || q->keep ||
		     trace_mqk_settle_enabled()))
		return 0;
	budget = min_t(u64, budget, tail - c->ack_head);
	for (n = 0; n < budget; n++) {
		const struct mqk_ack *a = &c->acks[(c->ack_head + n) & c->ack_mask];
		struct mqk_chunk *chunk;
		struct mqk_slot *slot;
		struct mqk_entry *e;
		u64 tag;

		if (unlikely(op_and_flags(a) != mqk_pair(MQK_ACK_ACCEPT, 0)))
			break;
		tag = READ_ONCE(a->tag);
		slot = mqk_slots_at(&c->slots, tag);
		if (unlikely(!mqk_slot_is(slot, tag)))
			break;
		e = mqk_slots_del(&c->slots, slot);
		bytes += e->payload_len;
		put_later(&puts, store, e->ref);
		chunk = mqk_index_done(&q->index, e);
		if (unlikely(chunk))
			mqk_queue_free_chunk(chunk);
	}
	if (!n)
		return 0;
	mqk_segment_put_n(puts.segment, puts.n);
	c->ack_head += n;
	q->unacked -= n;
	q->bytes -= bytes;
	q->acked += n;
	return n;
}

/*
 * As mqk_consumer_drain(), of one that is broken, or whose acknowledgements wait for
 * a transaction: what it has read is taken, unless that is being committed.
 */
static noinline int drain_odd(struct mqk_queue *locked, struct mqk_consumer *c)
{
	bool more;
	int n;

	if (c->broken || c->error == -ESHUTDOWN)
		return c->error;
	n = c->claimed ? 0 : take_head(locked, c, &more);
	if (n < 0)
		mqk_consumer_break(locked, c, n);
	else
		mqk_consumer_allow(c);
	return n;
}

/**
 * mqk_consumer_drain() - take acknowledgements, a budget of them
 * @locked: the queue of a pushed consumer, locked; NULL: it pulls
 * @c: the consumer
 * @more: out: whether there is more to take
 *
 * Context: @locked->lock, or c->mutex.
 * Return: how many messages they settled; the error that broke the consumer
 */
int mqk_consumer_drain(struct mqk_queue *locked, struct mqk_consumer *c, bool *more)
{
	u32 budget = MQK_ACK_BUDGET, settled;
	struct mqk_ack a;
	u64 tail;
	int n;

	*more = false;
	c->allowed = 0;
	if (unlikely(c->odd || c->error == -ESHUTDOWN))
		return drain_odd(locked, c);
	n = take_head(locked, c, more);
	if (n < 0)
		goto broken;
	settled = n;

	/* (C) the entries up to the tail are complete */
	tail = smp_load_acquire(&c->user->ack_tail);
	n = -EPROTO;
	if (tail - c->ack_head > (u64)c->ack_mask + 1)
		goto broken;
	while (c->ack_head != tail && budget) {
		bool again = false;

		if (likely(locked)) {
			n = take_plain(locked, c, tail, budget);
			budget -= n;
			settled += n;
			if (c->ack_head == tail || !budget)
				break;
		}
		mqk_ack_copy(&a, &c->acks[c->ack_head & c->ack_mask]);
		n = take_ack(locked, c, &a, budget, &again);
		if (unlikely(n < 0))
			goto broken;
		settled += n;
		budget -= min_t(u32, budget, max(n, 1));
		if (unlikely(again))
			break;
		c->ack_head++;
	}
	*more |= c->ack_head != tail;
	/* (C) its place may be written again once this is seen */
	smp_store_release(&c->page->ack_head, c->ack_head);
	mqk_consumer_allow(c);
	return settled;

broken:
	mqk_consumer_break(locked, c, n);
	return n;
}
