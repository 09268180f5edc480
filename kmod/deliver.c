// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatching and settling.
 *
 * The barriers (A) to (D) and (H) are those of Documentation/rings.rst.
 */
#include "deliver.h"

#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "consumer.h"
#include "express.h"
#include "limits.h"
#include "queue.h"
#include "rules.h"
#include "trace.h"
#include "work.h"

static_assert(offsetof(struct mqk_delivery, ref) == 32);
static_assert(offsetof(struct mqk_entry, payload_len) + 32 ==
	      offsetof(struct mqk_delivery, payload_len));
static_assert(offsetof(struct mqk_entry, headers_len) + 32 ==
	      offsetof(struct mqk_delivery, headers_len));
static_assert(offsetof(struct mqk_entry, key_len) + 32 ==
	      offsetof(struct mqk_delivery, key_len));
static_assert(offsetof(struct mqk_entry, flags) + 32 ==
	      offsetof(struct mqk_delivery, priority));
static_assert(offsetof(struct mqk_entry, exchange) + 32 ==
	      offsetof(struct mqk_delivery, exchange));
static_assert(offsetof(struct mqk_entry, count) + 32 ==
	      offsetof(struct mqk_delivery, count));
static_assert(offsetof(struct mqk_entry, uid) + 32 ==
	      offsetof(struct mqk_delivery, uid));
static_assert(offsetof(struct mqk_entry, pid) + 32 ==
	      offsetof(struct mqk_delivery, pid));

/* All of a delivery but its number and its tag. */
static __always_inline void describe(const struct mqk_queue *q,
				     const struct mqk_entry *e, u32 flags,
				     struct mqk_delivery *d)
{
	d->seq = mqk_entry_seq(e);
	d->queue = q->id;
	d->flags = e->count ? flags | MQK_DELIVERY_F_REDELIVERED : flags;
	memcpy((u8 *)d + offsetof(struct mqk_delivery, ref), e, sizeof(*e));
	/* flags of the entry stand in its place */
	d->priority = 0;
}

/* An entry is done with: let go of its record. */
static __always_inline void end(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_chunk *c;

	mqk_segment_put(mqk_segment_of(&q->broker->store, e->ref));
	c = mqk_index_done(&q->index, e);
	if (unlikely(c))
		mqk_queue_free_chunk(c);
}

/* Taken by a consumer who acknowledges nothing: settled, but still being read. */
static void settle_at_once(struct mqk_queue *q, struct mqk_entry *e)
{
	e->flags |= MQK_ENTRY_F_SETTLED;
	q->bytes -= e->payload_len;
	q->acked++;
}

/* What was delivered to one who acknowledges has been processed. */
static __always_inline void accept(struct mqk_queue *q, struct mqk_entry *e)
{
	q->unacked--;
	q->bytes -= e->payload_len;
	q->acked++;
	end(q, e);
}

static void settle(struct mqk_queue *q, struct mqk_entry *e, u32 op,
		   bool requeue)
{
	lockdep_assert_held(&q->lock);
	trace_mqk_settle(q, e, op, requeue);
	if (e->flags & MQK_ENTRY_F_SETTLED) {
		end(q, e);
	} else if (op == MQK_ACK_ACCEPT) {
		accept(q, e);
	} else if (requeue && !q->dead) {
		q->unacked--;
		q->ready++;
		q->ready_bytes += e->payload_len;
		q->requeued++;
		mqk_index_return(&q->index, e);
	} else {
		q->unacked--;
		q->bytes -= e->payload_len;
		q->dropped++;
		end(q, e);
	}
}

/* A ready entry, not counted as such any more, goes to a consumer. */
static __always_inline void take(struct mqk_queue *q, struct mqk_entry *e,
				 bool noack)
{
	mqk_index_take(&q->index, e);
	q->delivered++;
	if (unlikely(e->count))
		q->redelivered++;
	if (likely(e->count < MQK_DELIVERY_COUNT_MAX))
		e->count++;
	if (noack)
		settle_at_once(q, e);
	else
		q->unacked++;
}

static __always_inline void deliver(struct mqk_queue *q, struct mqk_consumer *c,
				    struct mqk_entry *e)
{
	struct mqk_delivery *d = &c->ring[c->pos & c->mask];
	bool noack = mqk_consumer_noack(c);
	u64 pos = c->pos + 1;

	describe(q, e, noack ? MQK_DELIVERY_F_SETTLED : 0, d);
	d->tag = mqk_slots_add(&c->slots, e);
	take(q, e, noack);
	c->allowed -= min(c->allowed, mqk_consumer_share(e->payload_len));
	trace_mqk_deliver(q, c, d);
	/* (A) the entry is complete before its number appears */
	smp_store_release(&d->pos, pos);
	WRITE_ONCE(c->pos, pos);
	mqk_consumer_wake(c);
}

/* To be called after any change to what it depends on. */
static void find_sole(struct mqk_queue *q)
{
	q->sole = !q->dead && !q->held && list_is_singular(&q->able) ?
		  list_first_entry(&q->able, struct mqk_consumer, link) : NULL;
}

static void detach(struct mqk_queue *q, struct mqk_consumer *c)
{
	lockdep_assert_held(&q->lock);
	if (!c->attached)
		return;
	list_del_init(&c->link);
	find_sole(q);
	c->attached = false;
	c->able = false;
	q->nr_consumers--;
	q->exclusive_consumer = false;
	/* Who sees that it has ended must see why: page->error comes first. */
	smp_store_release(&c->page->flags, MQK_CONSUMER_PAGE_F_CANCELLED);
}

/*
 * A consumer broke the rules of its rings: nothing that it says counts any
 * more, and the reaper returns what it holds.
 */
static void break_consumer(struct mqk_queue *q, struct mqk_consumer *c, int error)
{
	if (c->broken)
		return;
	c->broken = true;
	WRITE_ONCE(c->error, error);
	WRITE_ONCE(c->page->error, error);
	mqk_count(c->broker, broken, 1);
	trace_mqk_broken(c->broker, c->id, error);
	if (q)
		detach(q, c);
	if (c->shut)
		return;			/* who shuts it returns what it holds */
	refcount_inc(&c->refs);
	if (!queue_work(mqk_workqueue, &c->reaper))
		refcount_dec(&c->refs);
	mqk_consumer_wake(c);
}

/* Where a tag leads: a pushed consumer's queue is locked, others are not. */
static void settle_slot(struct mqk_queue *locked, struct mqk_consumer *c,
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

/* Settle the tags up to one, at most a budget of them. */
static int settle_up_to(struct mqk_queue *locked, struct mqk_consumer *c,
			u64 tag, u32 op, bool requeue, u32 budget)
{
	struct mqk_slot *slot;
	u32 n = 0;

	while (n < budget && (slot = mqk_slots_first(&c->slots)) &&
	       slot->tag <= tag) {
		settle_slot(locked, c, slot, op, requeue);
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

	if (a->op < MQK_ACK_ACCEPT || a->op > MQK_ACK_REJECT ||
	    a->flags & ~(MQK_ACK_F_MULTIPLE | MQK_ACK_F_REQUEUE) ||
	    (a->op == MQK_ACK_ACCEPT && requeue) || mqk_consumer_noack(c))
		return -EINVAL;

	if (!(a->flags & MQK_ACK_F_MULTIPLE)) {
		slot = mqk_slots_find(&c->slots, tag);
		if (!slot)
			return -EINVAL;
		settle_slot(locked, c, slot, a->op, requeue);
		return 1;
	}
	if (tag > c->slots.tag)
		return -EINVAL;
	n = settle_up_to(locked, c, tag ?: U64_MAX, a->op, requeue, budget);
	if (!n && tag)
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
	n = settle_up_to(locked, c, head, MQK_ACK_ACCEPT, false,
			 MQK_ACK_BUDGET);
	*more = more_up_to(c, head);
	return n;
}

/* An entry is copied once, then checked. */
static void copy_ack(struct mqk_ack *to, const struct mqk_ack *from)
{
	to->tag = READ_ONCE(from->tag);
	to->op = READ_ONCE(from->op);
	to->flags = READ_ONCE(from->flags);
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
static u32 take_plain(struct mqk_queue *q, struct mqk_consumer *c, u64 tail,
		      u32 budget)
{
	struct mqk_store *store = &q->broker->store;
	struct puts puts = { .no = U32_MAX };
	u64 bytes = 0;
	u32 n;

	if (unlikely(mqk_consumer_noack(c) || trace_mqk_settle_enabled()))
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

static bool has_credit(const struct mqk_consumer *c)
{
	return c->slots.nr < c->prefetch && c->pos - c->head <= c->mask;
}

/* How much it may get before its rings have to be looked at again. */
static void allow(struct mqk_consumer *c)
{
	if (!has_credit(c))
		return;
	c->allowed = min3(c->prefetch - c->slots.nr, MQK_DRAIN_MESSAGES,
			  c->mask + 1 - (u32)(c->pos - c->head));
}

/*
 * Take acknowledgements, at most a budget of them.  Returns how many messages
 * they settled, or the error that broke the consumer; *more tells whether
 * there is more to take.
 */
static int drain(struct mqk_queue *locked, struct mqk_consumer *c, bool *more)
{
	u32 budget = MQK_ACK_BUDGET, settled;
	struct mqk_ack a;
	u64 tail;
	int n;

	*more = false;
	c->allowed = 0;
	if (c->broken || c->error == -ESHUTDOWN)
		return c->error;
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
		copy_ack(&a, &c->acks[c->ack_head & c->ack_mask]);
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
	allow(c);
	return settled;

broken:
	break_consumer(locked, c, n);
	return n;
}

static void set_able(struct mqk_queue *q, struct mqk_consumer *c, bool able)
{
	c->able = able;
	list_move_tail(&c->link, able ? &q->able : &q->idle);
	find_sole(q);
	WRITE_ONCE(c->page->flags, able ? 0 : MQK_CONSUMER_PAGE_F_KICK);
}

/*
 * A consumer has run out of credit or room, or was not drained for a while.
 * Returns whether it can take a message now.  If not, it was broken, or is in
 * the idle list; or it is still able, since there is more to drain than one
 * hold of the lock allows.  Only what settles something is progress: nobody
 * can keep others busy by acknowledging nothing.
 */
static bool refill(struct mqk_queue *q, struct mqk_consumer *c, u32 *budget)
{
	bool more;
	int n;

	n = drain(q, c, &more);
	*budget -= min_t(u32, *budget, max(n, 0));
	if (n < 0) {
		detach(q, c);
		return false;
	}
	if (has_credit(c))
		return true;
	if (more && n)
		return false;

	WRITE_ONCE(c->page->kick_at,
		   (u32)c->ack_head + max(c->prefetch / 4, 1u));
	set_able(q, c, false);
	/*
	 * (H) The user stores its tail or head, then looks at the flag; we
	 * store the flag, then look at tail and head: one of us sees the other.
	 */
	smp_mb();
	n = drain(q, c, &more);
	*budget -= min_t(u32, *budget, max(n, 0));
	if (n < 0)
		return false;
	if (has_credit(c) || (more && n))
		set_able(q, c, true);
	return has_credit(c);
}

static __always_inline bool can_take(struct mqk_queue *q,
				     struct mqk_consumer *c, u32 *budget)
{
	if (likely(c->allowed))
		return true;
	return refill(q, c, budget);
}

/* End what would be delivered next. */
static void drop_next(struct mqk_queue *q)
{
	struct mqk_entry *e = mqk_index_next(&q->index);

	mqk_index_take(&q->index, e);
	q->ready--;
	q->ready_bytes -= e->payload_len;
	q->bytes -= e->payload_len;
	q->dropped++;
	end(q, e);
}

/*
 * Drop what is too much, now that nobody can take any of it.  Returns true when the
 * budget did not suffice: a large message may take the place of many.
 */
static bool shorten(struct mqk_queue *q, u32 budget)
{
	if (q->refuses)
		return false;
	while (mqk_rules_exceeded(q->rules, q->ready, q->ready_bytes)) {
		if (!budget--)
			return true;
		drop_next(q);
	}
	return false;
}

/**
 * mqk_queue_dispatch_locked() - deliver what can be delivered
 * @q: the queue
 *
 * Context: q->lock.
 * Return: true when it stopped short: call mqk_queue_run() without the lock
 */
bool mqk_queue_dispatch_locked(struct mqk_queue *q)
{
	u32 budget = MQK_DELIVER_BUDGET;
	struct mqk_consumer *c;
	struct mqk_entry *e;

	lockdep_assert_held(&q->lock);
	while (q->ready && !q->held) {
		c = list_first_entry_or_null(&q->able, struct mqk_consumer, link);
		if (!c)
			break;
		if (!budget)
			return true;
		budget--;
		if (unlikely(!can_take(q, c, &budget))) {
			if (c->able)
				return true;
			continue;
		}
		e = mqk_index_next(&q->index);
		q->ready--;
		q->ready_bytes -= e->payload_len;
		deliver(q, c, e);
		if (!list_is_last(&c->link, &q->able))
			list_move_tail(&c->link, &q->able);
	}
	if (unlikely(q->rules) && !q->held && shorten(q, budget))
		return true;
	/* getters look under q->lock before they sleep: no barrier needed */
	if (unlikely(q->ready && waitqueue_active(&q->getters)))
		wake_up_interruptible(&q->getters);
	return false;
}

static bool dispatch(struct mqk_queue *q)
{
	bool more;

	spin_lock(&q->lock);
	more = mqk_queue_dispatch_locked(q);
	spin_unlock(&q->lock);
	return more;
}

/**
 * mqk_queue_pump() - work: deliver what can be delivered, however much it is
 * @work: the queue's pump; has a reference
 */
void mqk_queue_pump(struct work_struct *work)
{
	struct mqk_queue *q = container_of(work, struct mqk_queue, pump);

	while (dispatch(q))
		cond_resched();
	mqk_queue_put(q);
}

/**
 * mqk_queue_run() - deliver what can be delivered; very much of it later
 * @q: the queue, with a reference, or under RCU
 *
 * Context: any, without q->lock.
 */
void mqk_queue_run(struct mqk_queue *q)
{
	u32 rounds = MQK_RUN_ROUNDS;

	while (dispatch(q)) {
		if (--rounds)
			continue;
		/* Publishers are in an RCU section: the rest is done elsewhere. */
		if (kref_get_unless_zero(&q->ref) &&
		    !queue_work(mqk_workqueue, &q->pump))
			mqk_queue_put(q);
		return;
	}
}

/**
 * mqk_queue_added_locked() - a message was appended to the index
 * @q: the queue, not dead
 * @e: its entry
 *
 * Context: q->lock.
 * Return: true when it stopped short: call mqk_queue_run() without the lock
 */
bool mqk_queue_added_locked(struct mqk_queue *q, struct mqk_entry *e)
{
	u32 budget = MQK_DELIVER_BUDGET;
	struct mqk_consumer *c;

	lockdep_assert_held(&q->lock);
	q->published++;
	q->bytes += e->payload_len;
	c = list_first_entry_or_null(&q->able, struct mqk_consumer, link);
	/* Looking whether it can take one may return messages to the queue. */
	if (likely(c && !q->held && can_take(q, c, &budget) && !q->ready)) {
		/* Nothing waits, so it is the next one: straight through. */
		mqk_index_skip_to(&q->index, e);
		deliver(q, c, e);
		if (!list_is_last(&c->link, &q->able))
			list_move_tail(&c->link, &q->able);
		return false;
	}
	q->ready++;
	q->ready_bytes += e->payload_len;
	return mqk_queue_dispatch_locked(q);
}

static bool has_room(const struct mqk_queue *q, u32 payload_len)
{
	return !mqk_rules_exceeded(q->rules, q->ready + 1,
				   q->ready_bytes + payload_len);
}

/**
 * mqk_queue_admits_locked() - whether the rules let one more message in
 * @q: a queue that refuses
 * @payload_len: of the message
 * @more: out: true when it stopped short: call mqk_queue_run() without the lock
 *
 * What a waiting consumer takes at once is never ready, so it is always let in.
 *
 * Context: q->lock, until mqk_queue_added_locked() if it is let in.
 * Return: true if so
 */
bool mqk_queue_admits_locked(struct mqk_queue *q, u32 payload_len, bool *more)
{
	u32 budget = MQK_DELIVER_BUDGET;
	struct mqk_consumer *c;

	lockdep_assert_held(&q->lock);
	*more = false;
	if (has_room(q, payload_len))
		return true;
	/* what could be with a consumer by now does not count */
	*more = mqk_queue_dispatch_locked(q);
	if (has_room(q, payload_len))
		return true;
	c = list_first_entry_or_null(&q->able, struct mqk_consumer, link);
	if (!c || q->ready || q->held)
		return false;
	if (can_take(q, c, &budget) && !q->ready)
		return true;
	/* looking whether it can take one may have returned messages */
	*more |= mqk_queue_dispatch_locked(q);
	return has_room(q, payload_len);
}

/**
 * mqk_queue_filled_locked() - messages were appended to the index, several at once
 * @q: the queue, not dead
 * @n: how many
 * @bytes: of their payloads
 *
 * Context: q->lock.
 * Return: as mqk_queue_dispatch_locked()
 */
bool mqk_queue_filled_locked(struct mqk_queue *q, u32 n, u64 bytes)
{
	lockdep_assert_held(&q->lock);
	q->published += n;
	q->bytes += bytes;
	q->ready += n;
	q->ready_bytes += bytes;
	return mqk_queue_dispatch_locked(q);
}

/**
 * mqk_express_refill() - make its consumer able to take a message
 * @q: the queue
 * @c: its sole consumer, which has used up what it is allowed
 *
 * Context: q->lock.
 * Return: true when it can take one, and nothing else is ready
 */
bool mqk_express_refill(struct mqk_queue *q, struct mqk_consumer *c)
{
	u32 budget = MQK_DELIVER_BUDGET;

	return refill(q, c, &budget) && !q->ready;
}

/**
 * mqk_consumer_attach() - let a queue deliver to a consumer
 * @c: a new consumer
 * @q: the queue; the consumer takes over the caller's reference
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0; -EACCES when it or another one is exclusive; -ENOENT when the
 * queue is dead; in both cases the reference stays the caller's
 */
int mqk_consumer_attach(struct mqk_consumer *c, struct mqk_queue *q,
			struct mqk_refusal *why)
{
	bool exclusive = c->flags & MQK_CONSUMER_F_EXCLUSIVE;
	int err = 0;

	spin_lock(&q->lock);
	if (q->dead)
		err = mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	else if (q->exclusive_consumer || (exclusive && q->nr_consumers))
		err = mqk_refuse(why, MQK_RULE_IN_USE, -EACCES);
	if (!err) {
		c->queue = q;
		c->about = mqk_pair(q->id, mqk_consumer_noack(c) ?
					   MQK_DELIVERY_F_SETTLED : 0);
		c->attached = true;
		q->nr_consumers++;
		q->exclusive_consumer = exclusive;
		q->consumed = true;
		allow(c);
		set_able(q, c, true);
	}
	spin_unlock(&q->lock);
	if (!err)
		mqk_queue_run(q);
	return err;
}

/**
 * mqk_consumer_cancel() - end deliveries to a consumer
 * @c: the consumer; nothing happens when it is not attached
 *
 * Context: any, without q->lock.
 */
void mqk_consumer_cancel(struct mqk_consumer *c)
{
	struct mqk_queue *q = c->queue;

	if (!q)
		return;
	spin_lock(&q->lock);
	detach(q, c);
	spin_unlock(&q->lock);
	mqk_consumer_wake(c);
}

/* Return what a pushed consumer holds, all of it before anyone gets it. */
static void return_tags(struct mqk_queue *q, struct mqk_consumer *c)
{
	u32 n;

	spin_lock(&q->lock);
	q->held++;
	find_sole(q);
	do {
		n = settle_up_to(q, c, U64_MAX, MQK_ACK_NACK, true,
				 MQK_ACK_BUDGET);
		spin_unlock(&q->lock);
		cond_resched();
		spin_lock(&q->lock);
	} while (n == MQK_ACK_BUDGET);
	q->held--;
	find_sole(q);
	spin_unlock(&q->lock);
	mqk_queue_run(q);
}

static void return_all(struct mqk_consumer *c)
{
	if (c->queue) {
		return_tags(c->queue, c);
		mqk_queue_autodelete(c->queue);
		return;
	}
	mutex_lock(&c->mutex);
	settle_up_to(NULL, c, U64_MAX, MQK_ACK_NACK, true, U32_MAX);
	mutex_unlock(&c->mutex);
}

/**
 * mqk_consumer_reap() - work: return what a broken consumer holds
 * @work: the consumer's reaper; has a reference
 */
void mqk_consumer_reap(struct work_struct *work)
{
	struct mqk_consumer *c = container_of(work, struct mqk_consumer, reaper);

	return_all(c);
	mqk_consumer_put(c);
}

/* From here on nobody settles anything, and no reaper is queued. */
static void mark_shut(struct mqk_consumer *c)
{
	struct mqk_queue *q = c->queue;

	if (q)
		spin_lock(&q->lock);
	else
		mutex_lock(&c->mutex);
	c->shut = true;
	c->broken = true;
	if (!c->error)
		WRITE_ONCE(c->error, -ENOENT);
	if (q)
		spin_unlock(&q->lock);
	else
		mutex_unlock(&c->mutex);
}

/**
 * mqk_consumer_shut() - end a consumer: its last acknowledgements count, the
 *	rest goes back to where it was
 * @c: the consumer; nobody but the caller uses it any more
 *
 * Context: may sleep; no locks.
 */
void mqk_consumer_shut(struct mqk_consumer *c)
{
	/* No more for it, before what it acknowledges makes room for more. */
	mqk_consumer_cancel(c);
	mqk_consumer_kick(c);
	mark_shut(c);
	wake_up_interruptible_all(&c->wq);
	if (cancel_work_sync(&c->reaper))
		mqk_consumer_put(c);
	return_all(c);
}

/**
 * mqk_consumer_kick() - take acknowledgements, and deliver what that allows
 * @c: the consumer
 *
 * Context: may sleep.
 * Return: how many messages were settled; the error that broke the consumer
 */
int mqk_consumer_kick(struct mqk_consumer *c)
{
	struct mqk_queue *q = c->queue;
	/* What its rings can hold now; what comes meanwhile can wait. */
	u32 rounds = 2 + (c->ack_mask + c->slots.mask) / MQK_ACK_BUDGET;
	int n, total = 0;
	bool more;

	do {
		if (q)
			spin_lock(&q->lock);
		else
			mutex_lock(&c->mutex);
		n = drain(q, c, &more);
		if (q && c->attached && !c->able &&
		    (has_credit(c) || (more && n > 0)))
			set_able(q, c, true);
		if (q)
			spin_unlock(&q->lock);
		else
			mutex_unlock(&c->mutex);
		if (q)
			mqk_queue_run(q);
		if (n < 0)
			return n;
		total += n;
		cond_resched();
	} while (more && --rounds && !fatal_signal_pending(current));
	return total;
}

/* Take the acknowledgements of some consumers of a list, a budget of them. */
static void settle_list(struct mqk_queue *q, struct list_head *list)
{
	u32 limit = MQK_SETTLE_CONSUMERS, budget = MQK_ACK_BUDGET;
	struct mqk_consumer *c, *next;
	bool more;
	int n;

	spin_lock(&q->lock);
	list_for_each_entry_safe(c, next, list, link) {
		if (!limit-- || !budget)
			break;
		n = drain(q, c, &more);
		budget -= min_t(u32, budget, max(n, 0));
		if (n >= 0 && !c->able && (has_credit(c) || (more && n)))
			set_able(q, c, true);
	}
	spin_unlock(&q->lock);
}

/**
 * mqk_queue_settle() - take what its consumers have acknowledged so far, so that
 *	its numbers are exact
 * @q: the queue; of many consumers only the first ones are looked at
 *
 * Context: any.
 */
void mqk_queue_settle(struct mqk_queue *q)
{
	settle_list(q, &q->idle);
	settle_list(q, &q->able);
	mqk_queue_run(q);
}

/**
 * mqk_consumer_describe() - what a listing tells of a consumer
 * @c: the consumer; unless it pulls, some of what it acknowledged is taken first
 * @e: where it is told, but for what a listing itself knows
 *
 * Context: may sleep.
 */
void mqk_consumer_describe(struct mqk_consumer *c, struct mqk_consumer_entry *e)
{
	struct mqk_queue *q = c->queue;
	bool more;
	int n;

	if (q) {
		spin_lock(&q->lock);
		n = drain(q, c, &more);
		if (n >= 0 && c->attached && !c->able &&
		    (has_credit(c) || (more && n)))
			set_able(q, c, true);
		spin_unlock(&q->lock);
		mqk_queue_run(q);
	}
	/* What changes meanwhile changes: each number is one that it had. */
	e->flags = c->flags;
	e->prefetch = READ_ONCE(c->prefetch);
	e->unacked = READ_ONCE(c->slots.nr);
	e->delivered = q ? READ_ONCE(c->pos) : READ_ONCE(c->slots.tag);
	e->error = READ_ONCE(c->error);
	e->state = READ_ONCE(c->page->flags);
}

/**
 * mqk_consumer_prefetch() - change a consumer's credit
 * @c: a pushed consumer
 * @prefetch: the new one; 0: as much as its ring holds
 *
 * Context: may sleep.
 * Return: 0 or -EINVAL
 */
int mqk_consumer_prefetch(struct mqk_consumer *c, u32 prefetch)
{
	struct mqk_queue *q = c->queue;

	if (!q || prefetch > c->mask + 1)
		return -EINVAL;
	spin_lock(&q->lock);
	if (!mqk_consumer_noack(c))
		c->prefetch = prefetch ?: c->mask + 1;
	c->allowed = 0;
	spin_unlock(&q->lock);
	return min(mqk_consumer_kick(c), 0);
}

/**
 * mqk_queue_get() - take one message
 * @q: the queue
 * @c: a pulling consumer; what it need not acknowledge is settled at once, and
 *	can be read until its next get
 * @d: where it is described
 * @ready: how many are left
 *
 * Context: c->mutex.
 * Return: 0; -EAGAIN: none is ready; -ENOENT: the queue is dead; -EACCES: it has
 * an exclusive consumer; -ENOBUFS: too many are unacknowledged; the consumer's
 * error, when it has ended
 */
int mqk_queue_get(struct mqk_queue *q, struct mqk_consumer *c,
		  struct mqk_delivery *d, u64 *ready)
{
	bool noack = mqk_consumer_noack(c);
	struct mqk_entry *e;
	int err = 0;

	lockdep_assert_held(&c->mutex);
	if (c->error)
		return c->error;
	/* What was settled when it was taken has been read by now. */
	if (mqk_consumer_noack(c))
		settle_up_to(NULL, c, U64_MAX, MQK_ACK_ACCEPT, false, U32_MAX);
	if (c->slots.nr > c->slots.mask / 2)
		return -ENOBUFS;

	spin_lock(&q->lock);
	if (q->dead)
		err = -ENOENT;
	else if (q->exclusive_consumer)
		err = -EACCES;
	else if (!q->ready || q->held)
		err = -EAGAIN;
	if (!err) {
		e = mqk_index_next(&q->index);
		q->ready--;
		q->ready_bytes -= e->payload_len;
		describe(q, e, noack ? MQK_DELIVERY_F_SETTLED : 0, d);
		d->pos = 0;
		d->tag = mqk_slots_add(&c->slots, e);
		take(q, e, noack);
		*ready = q->ready;
		trace_mqk_deliver(q, c, d);
		kref_get(&q->ref);	/* the tag's */
	}
	spin_unlock(&q->lock);
	return err;
}

/**
 * mqk_consumer_give_back() - undo a get that could not be told
 * @c: a pulling consumer
 * @tag: the tag that it gave
 *
 * Context: may sleep; takes c->mutex.
 */
void mqk_consumer_give_back(struct mqk_consumer *c, u64 tag)
{
	struct mqk_slot *slot;

	mutex_lock(&c->mutex);
	slot = mqk_slots_find(&c->slots, tag);
	if (slot)
		settle_slot(NULL, c, slot, MQK_ACK_NACK, true);
	mutex_unlock(&c->mutex);
}

/* Drop up to a number of ready messages, oldest first. */
static u64 drop_ready(struct mqk_queue *q, u64 limit)
{
	u64 n = 0;

	while (n < limit) {
		u32 budget = MQK_ACK_BUDGET;

		spin_lock(&q->lock);
		while (q->ready && n < limit && budget--) {
			drop_next(q);
			n++;
		}
		if (!q->ready)
			limit = n;
		spin_unlock(&q->lock);
		cond_resched();
	}
	return n;
}

/**
 * mqk_queue_purge() - drop what is ready now
 * @q: the queue
 *
 * Context: may sleep.
 * Return: how many messages
 */
u64 mqk_queue_purge(struct mqk_queue *q)
{
	return drop_ready(q, READ_ONCE(q->ready));
}

/**
 * mqk_queue_kill() - delete a queue
 * @q: the queue; not to be used any more without a reference of one's own
 *
 * Context: broker->mutex; may sleep.
 * Return: how many messages were ready
 */
u64 mqk_queue_kill(struct mqk_queue *q)
{
	struct mqk_consumer *c;
	LIST_HEAD(consumers);
	u64 n;

	lockdep_assert_held(&q->broker->mutex);
	mqk_queue_unlink(q);

	spin_lock(&q->lock);
	q->dead = true;			/* nobody attaches from here on */
	find_sole(q);
	for (n = 1;; n++) {
		if (n % MQK_SETTLE_CONSUMERS == 0) {
			spin_unlock(&q->lock);
			cond_resched();
			spin_lock(&q->lock);
		}
		c = list_first_entry_or_null(list_empty(&q->able) ? &q->idle :
					     &q->able, struct mqk_consumer, link);
		if (!c)
			break;
		if (!c->error) {
			WRITE_ONCE(c->error, -ENOENT);
			WRITE_ONCE(c->page->error, -ENOENT);
		}
		detach(q, c);
		mqk_consumer_wake(c);
	}
	wake_up_interruptible_all(&q->getters);
	spin_unlock(&q->lock);

	n = drop_ready(q, U64_MAX);
	mqk_queue_put(q);
	return n;
}

/**
 * mqk_queue_autodelete() - delete a queue whose last consumer has gone, if it
 *	was declared so
 * @q: the queue, with a reference of the caller's
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_queue_autodelete(struct mqk_queue *q)
{
	struct mqk_broker *broker = q->broker;
	bool kill;

	if (!(q->flags & MQK_DECLARE_F_AUTO_DELETE))
		return;
	mutex_lock(&broker->mutex);
	spin_lock(&q->lock);
	kill = !q->dead && q->consumed && !q->nr_consumers;
	spin_unlock(&q->lock);
	if (kill)
		mqk_queue_kill(q);
	mutex_unlock(&broker->mutex);
}

static void hold(struct mqk_queue *q, struct mqk_entry *e, struct mqk_peek *peek)
{
	struct mqk_segment *seg = mqk_segment_of(&q->broker->store, e->ref);

	describe(q, e, 0, &peek->delivery);
	peek->delivery.pos = 0;
	peek->delivery.tag = 0;
	peek->segment = seg;
	/* whatever the limit: it is a reference for the length of a copy */
	mqk_uncharge(seg->tenant, MQK_RES_MESSAGES, -1);
	mqk_segment_get(seg, 1);
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
		e = mqk_index_find(&q->index, seq, MQK_DELIVER_BUDGET);
		if (e)
			hold(q, e, peek);
		more = !e && *seq < q->index.next_seq;
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
