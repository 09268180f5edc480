// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attaching.
 */
#include "attach.h"

#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "broker.h"
#include "consumer.h"
#include "deliver.h"
#include "express.h"
#include "group.h"
#include "limits.h"
#include "queue.h"
#include "reply.h"
#include "retire.h"
#include "settle.h"
#include "staged.h"
#include "takers.h"
#include "turn.h"

/*
 * A consumer has come, and is perhaps to take over: what the active one has
 * acknowledged so far may be all that is missing.
 */
static void hand_over(struct mqk_queue *q, struct mqk_consumer *c)
{
	struct mqk_consumer *active = q->active;
	bool more;

	if (!active || active == c)
		return;
	/* (H) it was told to kick, if it is not to be active: now its tail */
	smp_mb();
	mqk_consumer_drain(q, active, &more);
	mqk_turn_settled(q, active);
}

/**
 * mqk_consumer_attach() - let a queue deliver to a consumer
 * @c: a new consumer
 * @q: the queue; the consumer takes over the caller's reference
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0; -EACCES when it or another one is exclusive; -ENOENT when the
 * queue is dead; -EINVAL when it has no such level; in all these cases the reference
 * stays the caller's
 */
int mqk_consumer_attach(struct mqk_consumer *c, struct mqk_queue *q,
			struct mqk_refusal *why)
{
	bool exclusive = c->flags & MQK_CONSUMER_F_EXCLUSIVE;
	int err = 0;

	spin_lock(&q->lock);
	if (q->dead)
		err = mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	else if (!mqk_takers_has(mqk_queue_takers(q), c->level))
		err = mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
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
		mqk_consumer_allow(c);
		mqk_turn_enter(q, c);
		if (unlikely(q->single))
			hand_over(q, c);
	}
	spin_unlock(&q->lock);
	if (!err)
		mqk_queue_run(q);
	return err;
}

/* Returns whether others may wait for it to settle what it holds. */
static bool leave(struct mqk_queue *q, struct mqk_consumer *c, bool closing)
{
	bool delays;

	spin_lock(&q->lock);
	c->closing |= closing;
	mqk_turn_leave(q, c);
	delays = q->single || mqk_queue_groups(q);
	spin_unlock(&q->lock);
	mqk_consumer_wake(c);
	return delays;
}

/**
 * mqk_consumer_cancel() - end deliveries to a consumer, which keeps what it holds
 * @c: the consumer; nothing happens when it is not attached
 *
 * Context: may sleep; without q->lock.
 */
void mqk_consumer_cancel(struct mqk_consumer *c)
{
	struct mqk_queue *q = c->queue;

	if (!q)
		return;
	if (!leave(q, c, false))
		return;
	/* (H) it was told to kick if it holds something: now its tail */
	smp_mb();
	mqk_consumer_kick(c);
}

/**
 * mqk_consumer_stop() - end deliveries to a consumer that is to be shut
 * @c: the consumer
 *
 * Nobody is given anything for that before mqk_consumer_shut().
 *
 * Context: any, without q->lock.
 */
void mqk_consumer_stop(struct mqk_consumer *c)
{
	if (c->queue)
		leave(c->queue, c, true);
}

/**
 * mqk_consumer_tell() - tell an event of a consumer
 * @c: the consumer
 * @what: the routing key
 *
 * Context: process.
 */
void mqk_consumer_tell(const struct mqk_consumer *c, const char *what)
{
	const struct mqk_queue *q = c->queue;
	u32 len;

	if (q && READ_ONCE(q->listens))
		return;
	len = !q ? 0 : q->flags & MQK_DECLARE_F_REPLY ? MQK_REPLY_SHOWN : q->name_len;
	mqk_event_tell(c->broker, what, MQK_EVENT_TEXT("queue", q ? q->name : NULL, len),
		       MQK_EVENT_NUMBER("consumer", c->number),
		       MQK_EVENT_NUMBER("session", c->session),
		       MQK_EVENT_NUMBER("user", mqk_event_user(c->uid)),
		       MQK_EVENT_NUMBER("pid", c->pid));
}

/* How what a consumer holds comes back: it has failed, if the consumer has. */
static u32 return_op(const struct mqk_consumer *c)
{
	return c->failed ? MQK_ACK_REJECT : MQK_ACK_NACK;
}

/* Return what a pushed consumer holds, all of it before anyone gets it. */
static void return_tags(struct mqk_queue *q, struct mqk_consumer *c)
{
	spin_lock(&q->lock);
	q->held++;
	mqk_turn_find_sole(q);
	while (mqk_settle_up_to(q, c, U64_MAX, return_op(c), true,
				MQK_ACK_BUDGET) == MQK_ACK_BUDGET) {
		spin_unlock(&q->lock);
		cond_resched();
		spin_lock(&q->lock);
	}
	q->held--;
	mqk_turn_settled(q, c);
	mqk_turn_find_sole(q);
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
	mqk_settle_up_to(NULL, c, U64_MAX, return_op(c), true, U32_MAX);
	mutex_unlock(&c->mutex);
}

/**
 * mqk_consumer_reap() - work: return what a broken consumer holds
 * @work: the consumer's reaper; has a reference
 */
void mqk_consumer_reap(struct work_struct *work)
{
	struct mqk_consumer *c = container_of(work, struct mqk_consumer, reaper);

	mqk_consumer_tell(c, "consumer.died");
	return_all(c);
	mqk_consumer_put(c);
}

/* From here on nobody settles anything, and no reaper is queued. */
static void mark_shut(struct mqk_consumer *c, bool died)
{
	struct mqk_queue *q = c->queue;

	if (q)
		spin_lock(&q->lock);
	else
		mutex_lock(&c->mutex);
	c->shut = true;
	c->broken = true;
	c->failed |= died;
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
 * @died: nobody said that it is to end, so what it holds has failed
 *
 * Context: may sleep; no locks.
 */
void mqk_consumer_shut(struct mqk_consumer *c, bool died)
{
	/* No more for it, before what it acknowledges makes room for more. */
	mqk_consumer_stop(c);
	mqk_consumer_kick(c);
	mark_shut(c, died);
	wake_up_interruptible_all(&c->wq);
	if (cancel_work_sync(&c->reaper)) {
		mqk_consumer_tell(c, "consumer.died");
		mqk_consumer_put(c);
	}
	return_all(c);
}

/*
 * Take its acknowledgements, as mqk_consumer_drain(), and give it its turn again.
 * Then, mqk_turn_settled().
 */
static int catch_up(struct mqk_queue *q, struct mqk_consumer *c, bool *more)
{
	int n = mqk_consumer_drain(q, c, more);

	if (n >= 0 && q && c->attached && !c->able &&
	    (mqk_consumer_has_credit(c) || (*more && n)))
		mqk_turn_set_able(q, c, true);
	return n;
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

	if (unlikely(READ_ONCE(c->odd))) {
		n = mqk_staging_drain(c);
		if (n < 0)
			return n;
	}
	do {
		if (q)
			spin_lock(&q->lock);
		else
			mutex_lock(&c->mutex);
		n = catch_up(q, c, &more);
		if (q) {
			mqk_turn_settled(q, c);
			spin_unlock(&q->lock);
		} else {
			mutex_unlock(&c->mutex);
		}
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
		n = catch_up(q, c, &more);
		budget -= min_t(u32, budget, max(n, 0));
	}
	spin_unlock(&q->lock);
}

/* Of those of which one is active, as far as that is the one that holds something. */
static void settle_active(struct mqk_queue *q)
{
	struct mqk_consumer *c;
	bool more;

	spin_lock(&q->lock);
	c = q->active;
	if (c) {
		catch_up(q, c, &more);
		mqk_turn_settled(q, c);
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
	struct mqk_takers *t;
	u32 i;

	if (q->single) {
		settle_active(q);
	} else {
		settle_list(q, &q->idle);
		settle_list(q, &q->able);
		spin_lock(&q->lock);
		t = mqk_queue_takers(q);
		spin_unlock(&q->lock);
		for (i = 0; t && i < t->nr; i++)
			settle_list(q, &t->class[i].able);
	}
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
	u32 state = 0;
	bool more;

	if (q) {
		spin_lock(&q->lock);
		catch_up(q, c, &more);
		mqk_turn_settled(q, c);
		if (q->single && c->attached)
			state = q->active == c ? MQK_CONSUMER_STATE_ACTIVE :
						 MQK_CONSUMER_STATE_WAITS;
		spin_unlock(&q->lock);
		mqk_queue_run(q);
	}
	/* What changes meanwhile changes: each number is one that it had. */
	e->flags = c->flags;
	e->priority = c->priority;
	e->prefetch = READ_ONCE(c->prefetch);
	e->unacked = READ_ONCE(c->slots.nr);
	e->delivered = q ? READ_ONCE(c->pos) : READ_ONCE(c->slots.tag);
	e->error = READ_ONCE(c->error);
	e->state = READ_ONCE(c->page->flags) | state;
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
