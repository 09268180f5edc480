// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deadlines.
 */
#include "deadline.h"

#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/time64.h>
#include <linux/mqk.h>

#include "rules.h"
#include "work.h"

static void not_last(struct kref *ref)
{
	WARN_ON_ONCE(1);
}

/**
 * mqk_deadline_timer() - the time has come, or nearly
 * @timer: the queue's; the queue is alive as long as this runs
 *
 * Context: hard interrupt.
 */
enum hrtimer_restart mqk_deadline_timer(struct hrtimer *timer)
{
	struct mqk_keep *keep = container_of(timer, struct mqk_keep, timer);
	struct mqk_queue *q = keep->queue;

	/* The table's reference stays until the timer is stopped. */
	kref_get(&q->ref);
	if (!queue_work(mqk_workqueue, &keep->work))
		kref_put(&q->ref, not_last);
	return HRTIMER_NORESTART;
}

static bool before(struct rb_node *a, const struct rb_node *b)
{
	const struct mqk_extra *x = rb_entry(a, struct mqk_extra, node);
	const struct mqk_extra *y = rb_entry(b, struct mqk_extra, node);

	if (x->when != y->when)
		return x->when < y->when;
	if (x->state != y->state)
		return x->state < y->state;
	return mqk_entry_seq(mqk_extra_entry(x)) <
	       mqk_entry_seq(mqk_extra_entry(y));
}

static void arm_for(struct mqk_queue *q, u64 when)
{
	struct mqk_keep *keep = q->keep;

	if (when >= keep->armed || q->dead)
		return;
	keep->armed = when;
	hrtimer_start(&keep->timer, ns_to_ktime(when), HRTIMER_MODE_ABS);
}

/**
 * mqk_deadline_set() - give a message a deadline
 * @q: its queue
 * @x: its extra, which has none
 * @when: the time
 * @state: what it is about
 *
 * Context: q->lock.
 */
void mqk_deadline_set(struct mqk_queue *q, struct mqk_extra *x, u64 when,
		      enum mqk_extra_state state)
{
	lockdep_assert_held(&q->lock);
	x->when = when;
	x->state = state;
	rb_add_cached(&x->node, &q->keep->deadlines, before);
	arm_for(q, when);
}

/**
 * mqk_deadline_drop() - a message has no deadline any more
 * @q: its queue
 * @x: its extra, which has one
 *
 * Context: q->lock.
 */
void mqk_deadline_drop(struct mqk_queue *q, struct mqk_extra *x)
{
	rb_erase_cached(&x->node, &q->keep->deadlines);
	RB_CLEAR_NODE(&x->node);
	x->state = MQK_EXTRA_NONE;
}

static u64 in_ms(u64 now, u64 ms)
{
	return now + ms * NSEC_PER_MSEC;
}

/* When the queue is to be deleted, if nobody uses it until then. */
static u64 queue_expires(const struct mqk_queue *q)
{
	if (!q->rules || q->rules->expires == MQK_RULES_UNSET || q->nr_consumers)
		return MQK_NEVER;
	return in_ms(q->keep->used, q->rules->expires);
}

/**
 * mqk_deadline_arm() - arm the timer, which has fired, for what comes next
 * @q: the queue; it keeps extras
 *
 * Context: q->lock.
 */
void mqk_deadline_arm(struct mqk_queue *q)
{
	struct mqk_extra *x = mqk_deadline_first(q);

	lockdep_assert_held(&q->lock);
	q->keep->armed = MQK_NEVER;
	if (x)
		arm_for(q, x->when);
	arm_for(q, queue_expires(q));
}

/**
 * mqk_deadline_expiration() - how long a message itself says that it may wait
 * @head: the head of its record, a copy
 *
 * Return: milliseconds, or MQK_NEVER
 */
u64 mqk_deadline_expiration(const struct mqk_record *head)
{
	return head->flags & MQK_MSG_F_EXPIRATION ? head->expiration : MQK_NEVER;
}

/**
 * mqk_deadline_begin() - a message comes into a queue that keeps extras
 * @q: the queue
 * @e: its entry, just appended
 * @expiration: as mqk_deadline_expiration() says
 *
 * Context: q->lock.
 */
void mqk_deadline_begin(struct mqk_queue *q, struct mqk_entry *e, u64 expiration)
{
	struct mqk_extra *x = mqk_extra_of(e);
	u64 ttl = q->rules ? q->rules->message_ttl : MQK_RULES_UNSET;

	ttl = min(ttl, expiration);
	*x = (struct mqk_extra) {
		.expires = ttl == MQK_RULES_UNSET ? MQK_NEVER :
			   in_ms(mqk_deadline_now(), ttl),
	};
	RB_CLEAR_NODE(&x->node);
}

/**
 * mqk_deadline_ready() - a message is ready
 * @q: a queue that keeps extras
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_deadline_ready(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_extra *x = mqk_extra_of(e);

	if (x && x->expires != MQK_NEVER)
		mqk_deadline_set(q, x, x->expires, MQK_EXTRA_READY);
}

/**
 * mqk_deadline_taken() - a message is delivered
 * @q: a queue that keeps extras
 * @e: its entry
 * @c: who gets it
 * @tag: under which tag
 * @noack: it is settled by that
 *
 * Context: q->lock.
 */
void mqk_deadline_taken(struct mqk_queue *q, struct mqk_entry *e,
			struct mqk_consumer *c, u64 tag, bool noack)
{
	struct mqk_extra *x = mqk_extra_of(e);

	if (!x)
		return;
	mqk_deadline_clear(q, x);
	if (noack || !q->rules || q->rules->consumer_timeout == MQK_RULES_UNSET)
		return;
	x->consumer = c;
	x->tag = tag;
	mqk_deadline_set(q, x, in_ms(mqk_deadline_now(), q->rules->consumer_timeout),
			 MQK_EXTRA_TAKEN);
}

/**
 * mqk_deadline_used() - somebody uses a queue, or does not any more
 * @q: the queue
 *
 * Context: q->lock.
 */
void mqk_deadline_used(struct mqk_queue *q)
{
	if (!q->keep)
		return;
	q->keep->used = mqk_deadline_now();
	arm_for(q, queue_expires(q));
}

/**
 * mqk_deadline_unused() - whether nobody has used a queue for too long
 * @q: the queue; it keeps extras
 * @now: the time
 *
 * Context: q->lock.
 * Return: true if so
 */
bool mqk_deadline_unused(const struct mqk_queue *q, u64 now)
{
	return queue_expires(q) <= now;
}
