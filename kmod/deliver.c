// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivering.
 *
 * The barriers (A), (D) and (H) are those of Documentation/rings.rst.
 */
#include "deliver.h"

#include <linux/spinlock.h>

#include "broker.h"
#include "consumer.h"
#include "deadline.h"
#include "delivery.h"
#include "express.h"
#include "extra.h"
#include "group.h"
#include "limits.h"
#include "order.h"
#include "queue.h"
#include "room.h"
#include "rules.h"
#include "settle.h"
#include "takers.h"
#include "turn.h"
#include "watch.h"
#include "work.h"

/* Taken by a consumer who acknowledges nothing: settled, but still being read. */
static void settle_at_once(struct mqk_queue *q, struct mqk_entry *e)
{
	e->flags |= MQK_ENTRY_F_SETTLED;
	q->bytes -= e->payload_len;
	q->acked++;
}

/* As take(), of a queue that keeps extras, but for what is counted. */
static noinline void take_kept(struct mqk_queue *q, struct mqk_entry *e,
			       struct mqk_consumer *c, struct mqk_delivery *d, bool noack)
{
	struct mqk_groups *gs = q->keep->groups;
	struct mqk_order *o = q->keep->order;

	if (o) {
		d->seq = mqk_order_seq(o, e);
		mqk_order_take(o, e);
	} else if (gs) {
		mqk_groups_take(gs, e, c, noack);
		mqk_index_detach(&q->index, e);
	} else {
		mqk_index_take(&q->index, e);
	}
	e->flags |= MQK_ENTRY_F_KEPT;
	mqk_deadline_taken(q, e, c, d->tag, noack);
}

/* A ready entry, not counted as such any more, goes to a consumer. */
static __always_inline void take(struct mqk_queue *q, struct mqk_entry *e,
				 struct mqk_consumer *c, struct mqk_delivery *d, bool noack)
{
	if (unlikely(q->keep))
		take_kept(q, e, c, d, noack);
	else
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

	mqk_delivery_describe(q, e, noack ? MQK_DELIVERY_F_SETTLED : 0, d);
	d->tag = mqk_slots_add(&c->slots, e);
	take(q, e, c, d, noack);
	c->allowed -= min(c->allowed, mqk_consumer_share(e->payload_len));
	if (mqk_watched())
		mqk_watch_delivery(q, c, d);
	/* (A) the entry is complete before its number appears */
	smp_store_release(&d->pos, pos);
	WRITE_ONCE(c->pos, pos);
	mqk_consumer_wake(c);
}

/* How many acknowledgements of one that is idle are worth a call. */
static u32 kick_after(const struct mqk_queue *q, const struct mqk_consumer *c)
{
	/* each may be the last one of a group that others wait for */
	return unlikely(mqk_queue_groups(q)) ? 1 : max(c->prefetch / 4, 1u);
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

	n = mqk_consumer_drain(q, c, &more);
	*budget -= min_t(u32, *budget, max(n, 0));
	if (n < 0) {
		mqk_turn_leave(q, c);
		return false;
	}
	if (mqk_consumer_has_credit(c))
		return true;
	if (more && n)
		return false;

	WRITE_ONCE(c->page->kick_at, (u32)c->ack_head + kick_after(q, c));
	mqk_turn_set_able(q, c, false);
	/*
	 * (H) The user stores its tail or head, then looks at the flag; we
	 * store the flag, then look at tail and head: one of us sees the other.
	 */
	smp_mb();
	n = mqk_consumer_drain(q, c, &more);
	*budget -= min_t(u32, *budget, max(n, 0));
	if (n < 0)
		return false;
	if (mqk_consumer_has_credit(c) || (more && n))
		mqk_turn_set_able(q, c, true);
	return mqk_consumer_has_credit(c);
}

/* Whether it can take a message now; else it is idle, or has more to settle. */
static __always_inline bool can_take(struct mqk_queue *q,
				     struct mqk_consumer *c, u32 *budget)
{
	if (likely(c->allowed))
		return true;
	return refill(q, c, budget);
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
		mqk_queue_drop_next(q, MQK_REASON_MAXLEN);
	}
	return false;
}

/*
 * What is too late is not delivered; returns whether it was.  @now is the time, or 0
 * where the clock is still to be looked at.
 */
static bool is_late(struct mqk_queue *q, struct mqk_entry *e, u64 now)
{
	const struct mqk_extra *x = mqk_extra_of(e);

	/* what came with no time at all is not late in this moment */
	if (!x || x->expires == MQK_NEVER ||
	    x->expires >= (now ?: mqk_deadline_now()))
		return false;
	mqk_entry_end_ready(q, e, MQK_REASON_EXPIRED);
	return true;
}

/* End what has expired, now that nobody can take any of it; as shorten(). */
static bool expire(struct mqk_queue *q, u32 budget, u64 now)
{
	struct mqk_extra *x;

	now = now ?: mqk_deadline_now();
	while ((x = mqk_deadline_first(q)) && x->when <= now &&
	       x->state == MQK_EXTRA_READY) {
		if (!budget--)
			return true;
		mqk_entry_end_ready(q, mqk_extra_entry(x), MQK_REASON_EXPIRED);
	}
	return false;
}

/*
 * The loop of dispatch_at(), where not everybody may have everything.  Returns true when
 * the budget did not suffice.
 */
static noinline bool dispatch_chosen(struct mqk_queue *q, u32 *budget, u64 now)
{
	struct mqk_consumer *c;
	struct mqk_entry *e;

	while (q->ready && !q->held && (c = mqk_takers_next(q, &e))) {
		if (!*budget)
			return true;
		--*budget;
		if (!c->allowed) {
			/* what it settles may be what decides */
			if (!refill(q, c, budget) && c->able)
				return true;
			continue;
		}
		if (is_late(q, e, now))
			continue;
		q->ready--;
		q->ready_bytes -= e->payload_len;
		deliver(q, c, e);
		mqk_turn_to_end(q, c);
	}
	return false;
}

/* The rest of dispatch_at() in a queue that keeps extras; returns the same. */
static noinline bool dispatch_kept(struct mqk_queue *q, u32 budget, u64 now)
{
	if (mqk_queue_takers(q) && dispatch_chosen(q, &budget, now))
		return true;
	/* what is held for a moment is not late because of that */
	return q->held == q->paused && expire(q, budget, now);
}

static __always_inline bool dispatch_at(struct mqk_queue *q, u64 now)
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
		if (likely(!q->keep)) {
			e = mqk_index_next(&q->index);
		} else {
			e = mqk_queue_next(q);
			if (is_late(q, e, now))
				continue;
		}
		q->ready--;
		q->ready_bytes -= e->payload_len;
		deliver(q, c, e);
		mqk_turn_over(q, c);
	}
	if (unlikely(q->keep) && dispatch_kept(q, budget, now))
		return true;
	if (unlikely(q->rules)) {
		/* a pause lets it be, what will return soon does not */
		if (q->held == q->paused && shorten(q, budget))
			return true;
		if (q->nr_writers)
			mqk_room_wake_locked(q);
	}
	/* getters look under q->lock before they sleep: no barrier needed */
	if (unlikely(q->ready && !q->held && waitqueue_active(&q->getters)))
		wake_up_interruptible(&q->getters);
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
	return dispatch_at(q, 0);
}

/**
 * mqk_queue_dispatch_at_locked() - the same, for a moment that has just passed
 * @q: the queue
 * @now: the moment; what was ready then, and for no time at all, is not too late
 *
 * Context: q->lock.
 * Return: as mqk_queue_dispatch_locked()
 */
bool mqk_queue_dispatch_at_locked(struct mqk_queue *q, u64 now)
{
	return dispatch_at(q, now);
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

/* A message has come to a queue that keeps extras, and is ready. */
static noinline bool added_kept(struct mqk_queue *q, struct mqk_entry *e)
{
	const struct mqk_extra *x = mqk_extra_of(e);
	u64 now = mqk_deadline_now();

	mqk_deadline_ready(q, e);
	/* if it came with no time at all, it is offered as if none had passed */
	return dispatch_at(q, x ? min(now, x->expires) : now);
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
		mqk_turn_over(q, c);
		return false;
	}
	q->ready++;
	q->ready_bytes += e->payload_len;
	if (unlikely(q->keep))
		return added_kept(q, e);
	return mqk_queue_dispatch_locked(q);
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
 * mqk_consumer_can_take() - whether a consumer can take a message now
 * @q: its queue
 * @c: the consumer, able as far as is known
 * @budget: how much may be settled to find out
 *
 * Context: q->lock.
 * Return: true if so; else it is idle, or has ended, or is able and has more to settle
 * than the budget allows
 */
bool mqk_consumer_can_take(struct mqk_queue *q, struct mqk_consumer *c, u32 *budget)
{
	lockdep_assert_held(&q->lock);
	return can_take(q, c, budget);
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

/* What is next for one who gets, or NULL. */
static struct mqk_entry *next_to_get(struct mqk_queue *q, const struct mqk_consumer *c)
{
	return q->ready && !q->held ? mqk_takers_get(q, c) : NULL;
}

/* A get is a use of the queue, and what is too late is not got. */
static void end_late(struct mqk_queue *q, const struct mqk_consumer *c)
{
	u32 budget = MQK_DELIVER_BUDGET;
	struct mqk_entry *e;

	if (likely(!q->keep))
		return;
	if (!q->dead)
		mqk_deadline_used(q);
	while ((e = next_to_get(q, c)) && is_late(q, e, 0)) {
		if (--budget)
			continue;
		spin_unlock(&q->lock);
		cond_resched();
		spin_lock(&q->lock);
		budget = MQK_DELIVER_BUDGET;
	}
}

/**
 * mqk_queue_gettable() - whether it is worth trying to get a message
 * @q: the queue
 * @c: a pulling consumer
 *
 * Context: takes q->lock, since who wakes looks for sleepers under it.
 * Return: true if so, or there is none any more
 */
bool mqk_queue_gettable(struct mqk_queue *q, const struct mqk_consumer *c)
{
	bool ready;

	spin_lock(&q->lock);
	ready = q->dead || next_to_get(q, c);
	spin_unlock(&q->lock);
	return ready;
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
		mqk_settle_up_to(NULL, c, U64_MAX, MQK_ACK_ACCEPT, false, U32_MAX);
	if (c->slots.nr > c->slots.mask / 2)
		return -ENOBUFS;

	spin_lock(&q->lock);
	end_late(q, c);
	e = next_to_get(q, c);
	if (q->dead)
		err = -ENOENT;
	else if (q->exclusive_consumer)
		err = -EACCES;
	else if (!e)
		err = -EAGAIN;
	if (!err) {
		q->ready--;
		q->ready_bytes -= e->payload_len;
		mqk_delivery_describe(q, e, noack ? MQK_DELIVERY_F_SETTLED : 0, d);
		d->pos = 0;
		d->tag = mqk_slots_add(&c->slots, e);
		take(q, e, c, d, noack);
		*ready = q->ready;
		if (unlikely(q->nr_writers))
			mqk_room_wake_locked(q);
		if (mqk_watched())
			mqk_watch_delivery(q, c, d);
		kref_get(&q->ref);	/* the tag's */
	}
	spin_unlock(&q->lock);
	return err;
}

/**
 * mqk_consumer_give_back() - undo a get that could not be told
 * @q: the queue
 * @c: a pulling consumer
 * @tag: the tag that it gave; what was settled by that is gone
 *
 * Context: may sleep; takes c->mutex.
 */
void mqk_consumer_give_back(struct mqk_queue *q, struct mqk_consumer *c, u64 tag)
{
	struct mqk_entry *e;
	struct mqk_slot *slot;
	bool again;

	mutex_lock(&c->mutex);
	slot = mqk_slots_find(&c->slots, tag);
	if (slot && !mqk_consumer_noack(c)) {
		e = slot->entry;
		again = --e->count;
		mqk_settle_slot(NULL, c, slot, MQK_ACK_NACK, true);
		/* nobody has seen any of it */
		spin_lock(&q->lock);
		q->delivered--;
		q->redelivered -= again;
		q->requeued--;
		spin_unlock(&q->lock);
	}
	mutex_unlock(&c->mutex);
}
