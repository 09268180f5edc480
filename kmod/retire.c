// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retiring.
 */
#include "retire.h"

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "consumer.h"
#include "deadline.h"
#include "dying.h"
#include "extra.h"
#include "limits.h"
#include "queue.h"
#include "room.h"
#include "schedule.h"
#include "settle.h"
#include "turn.h"

/* Drop up to a number of ready messages, oldest first. */
static u64 drop_ready(struct mqk_queue *q, u64 limit)
{
	u64 n = 0;

	while (n < limit) {
		u32 budget = MQK_ACK_BUDGET;

		spin_lock(&q->lock);
		while (q->ready && n < limit && budget--) {
			mqk_queue_drop_next(q, MQK_REASON_NONE);
			n++;
		}
		if (!q->ready)
			limit = n;
		if (q->nr_writers)
			mqk_room_wake_locked(q);
		spin_unlock(&q->lock);
		cond_resched();
	}
	return n;
}

/*
 * Nothing waits for a time any more: what waits for its next try, or is scheduled, is
 * gone.
 */
static void drop_deadlines(struct mqk_queue *q)
{
	struct mqk_extra *x;
	u32 budget;

	if (!q->keep)
		return;
	hrtimer_cancel(&q->keep->timer);
	do {
		budget = MQK_ACK_BUDGET;
		spin_lock(&q->lock);
		while (budget-- && (x = mqk_deadline_first(q))) {
			if (x->state == MQK_EXTRA_RETRYING)
				mqk_entry_end_retrying(q, mqk_extra_entry(x));
			else if (x->state == MQK_EXTRA_SCHEDULED)
				mqk_schedule_drop(q, mqk_extra_entry(x));
			else
				mqk_deadline_clear(q, x);
		}
		spin_unlock(&q->lock);
		cond_resched();
	} while (x);
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
 * mqk_queue_cancel() - drop what is scheduled and has an id
 * @q: the queue
 * @id: number of the id
 *
 * Context: may sleep.
 * Return: how many messages
 */
u64 mqk_queue_cancel(struct mqk_queue *q, u64 id)
{
	u64 all = 0;
	u32 n;

	do {
		spin_lock(&q->lock);
		n = mqk_schedule_cancel(q, id, MQK_ACK_BUDGET);
		if (q->nr_writers)
			mqk_room_wake_locked(q);
		spin_unlock(&q->lock);
		all += n;
		cond_resched();
	} while (n == MQK_ACK_BUDGET);
	return all;
}

/**
 * mqk_queue_kill() - delete a queue: nobody finds it, nobody gets anything from it
 * @q: the queue; mqk_queue_bury() has to follow, without the mutex
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
	mqk_turn_find_sole(q);
	for (n = 1;; n++) {
		if (n % MQK_SETTLE_CONSUMERS == 0) {
			spin_unlock(&q->lock);
			cond_resched();
			spin_lock(&q->lock);
		}
		c = mqk_turn_some(q);
		if (!c)
			break;
		if (!c->error) {
			WRITE_ONCE(c->error, -ENOENT);
			WRITE_ONCE(c->page->error, -ENOENT);
		}
		mqk_turn_leave(q, c);
		mqk_consumer_wake(c);
	}
	wake_up_interruptible_all(&q->getters);
	mqk_room_wake_locked(q);
	n = q->ready;
	spin_unlock(&q->lock);
	return n;
}

/**
 * mqk_queue_bury() - drop what a queue held that was killed
 * @q: the queue; not to be used any more without a reference of one's own
 *
 * That takes as long as there are messages, so nobody is kept waiting meanwhile.
 *
 * Context: may sleep; no locks.
 */
void mqk_queue_bury(struct mqk_queue *q)
{
	drop_deadlines(q);
	mqk_dying_bury(q);
	drop_ready(q, U64_MAX);
	mqk_queue_put(q);
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
	if (kill)
		mqk_queue_bury(q);
}
