// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dying.
 */
#include "dying.h"

#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "limits.h"
#include "work.h"

/**
 * mqk_dying_alloc() - make what a queue needs for dead letters
 * @q: the queue
 * @cred: who named the dead-letter exchange
 *
 * Context: may sleep.
 * Return: it, or NULL
 */
struct mqk_dying *mqk_dying_alloc(struct mqk_queue *q, const struct cred *cred)
{
	struct mqk_dying *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);

	if (!d)
		return NULL;
	d->queue = q;
	INIT_LIST_HEAD(&d->chunks);
	init_waitqueue_head(&d->crowd);
	d->cred = get_cred(cred);
	INIT_DELAYED_WORK(&d->work, mqk_queue_letters);
	return d;
}

/**
 * mqk_dying_free() - free it with its queue
 * @d: it, or NULL; nothing is dying
 *
 * Context: any.
 */
void mqk_dying_free(struct mqk_dying *d)
{
	if (!d)
		return;
	put_cred(d->cred);
	kfree_rcu(d, rcu);
}

static void not_last(struct kref *ref)
{
	WARN_ON_ONCE(1);
}

static void append(struct mqk_dying *d, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);
	u8 i = e - c->entry;

	static_assert(MQK_CHUNK_ENTRIES <= U8_MAX);
	if (c->nr_dying++)
		c->entry[c->last_dying].count = i;
	else
		list_add_tail(&c->dying, &d->chunks);
	if (c->nr_dying == 1)
		c->first_dying = i;
	c->last_dying = i;
	d->nr++;
}

/* Take out the first one. */
static void take_out(struct mqk_dying *d, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);

	c->first_dying = e->count;
	if (!--c->nr_dying)
		list_del(&c->dying);
	d->nr--;
}

/**
 * mqk_dying_add() - a message dies
 * @q: its queue; mqk_dying_here()
 * @e: its entry, taken out of the index; it counts as neither ready nor
 *	unacknowledged any more, and has no deadline
 * @reason: why
 *
 * Context: q->lock.
 */
void mqk_dying_add(struct mqk_queue *q, struct mqk_entry *e, enum mqk_reason reason)
{
	struct mqk_dying *d = q->dying;

	lockdep_assert_held(&q->lock);
	q->bytes -= e->payload_len;
	q->dropped++;
	e->resv = reason;
	append(d, e);
	if (d->nr > MQK_DYING_CROWD)
		q->crowded = true;
	if (d->nr > 1)
		return;			/* it is at it, or will be */
	/* The table's reference stays as long as the queue is not dead. */
	kref_get(&q->ref);
	if (!queue_delayed_work(mqk_workqueue, &d->work, 0))
		kref_put(&q->ref, not_last);
}

/**
 * mqk_dying_first() - the message whose letter is next
 * @q: a queue with dead letters
 *
 * Context: q->lock.
 * Return: its entry; NULL when nothing is dying
 */
struct mqk_entry *mqk_dying_first(struct mqk_queue *q)
{
	struct mqk_chunk *c;

	lockdep_assert_held(&q->lock);
	c = list_first_entry_or_null(&q->dying->chunks, struct mqk_chunk, dying);
	return c ? &c->entry[c->first_dying] : NULL;
}

/**
 * mqk_dying_defer() - let others go first
 * @q: the queue
 * @e: the first one, for which there is no memory now
 *
 * Context: q->lock.
 */
void mqk_dying_defer(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);

	lockdep_assert_held(&q->lock);
	take_out(q->dying, e);
	append(q->dying, e);
	/* behind those of other chunks, too */
	list_move_tail(&c->dying, &q->dying->chunks);
}

/**
 * mqk_dying_end() - a message is dead: its letter is where it should be, or lost
 * @q: the queue
 * @e: the first one; gone afterwards
 *
 * Context: q->lock.
 */
void mqk_dying_end(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_dying *d = q->dying;
	struct mqk_chunk *c;

	lockdep_assert_held(&q->lock);
	take_out(d, e);
	mqk_segment_put(mqk_segment_of(&q->broker->store, e->ref));
	c = mqk_index_done(mqk_entry_chunk(e)->index, e);
	if (c)
		mqk_queue_free_chunk(c);
	if (q->crowded && d->nr <= MQK_DYING_CROWD / 2) {
		q->crowded = false;
		wake_up_all(&d->crowd);
	}
}

/**
 * mqk_dying_bury() - end what is dying in a queue that was killed
 * @q: the queue
 *
 * Context: may sleep; no locks.
 */
void mqk_dying_bury(struct mqk_queue *q)
{
	struct mqk_entry *e;
	u32 budget;

	if (!q->dying)
		return;
	/* From here on nobody queues it: the queue is dead. */
	if (cancel_delayed_work_sync(&q->dying->work))
		mqk_queue_put(q);
	do {
		budget = MQK_ACK_BUDGET;
		spin_lock(&q->lock);
		while ((e = mqk_dying_first(q)) && budget--)
			mqk_dying_end(q, e);
		if (!e)
			wake_up_all(&q->dying->crowd);
		spin_unlock(&q->lock);
		cond_resched();
	} while (e);
}
