// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for room.
 */
#include "room.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/time64.h>

#include "admit.h"
#include "broker.h"
#include "deadline.h"
#include "limits.h"
#include "port.h"
#include "queue.h"
#include "route.h"
#include "rules.h"
#include "seen.h"
#include "work.h"

/* Count what is held back, by reason; others may change it at the same time. */
static void note(struct mqk_port *p, u32 reason)
{
	u32 before = xchg(&p->held_reason, reason);

	if (before == reason)
		return;
	if (before == MQK_HELD_QUEUE)
		mqk_count(p->broker, held_queue, -1ull);
	else if (before == MQK_HELD_LIMIT)
		mqk_count(p->broker, held_limit, -1ull);
	if (reason == MQK_HELD_QUEUE)
		mqk_count(p->broker, held_queue, 1);
	else if (reason == MQK_HELD_LIMIT)
		mqk_count(p->broker, held_limit, 1);
}

static void hold(struct mqk_port *p, u32 reason)
{
	WRITE_ONCE(p->page->flags, MQK_PORT_PAGE_F_HELD);
	note(p, reason);
}

static void release(struct mqk_port *p)
{
	WRITE_ONCE(p->page->flags, 0);
	note(p, MQK_HELD_NOT);
}

/* Whoever waits may try again. */
static void let_go(struct mqk_port *p)
{
	release(p);
	wake_up_interruptible_poll(&p->wq, EPOLLOUT | EPOLLWRNORM);
	wake_up_interruptible_poll(p->session_wq, EPOLLOUT | EPOLLWRNORM);
}

/* Whether it is worth for a port that waits to try again. */
static bool may_try(struct mqk_queue *q, struct mqk_port *p)
{
	return q->dead || mqk_queue_fits_locked(q, p->held_len, p->held_delayed,
						p->held_group) ||
	       /* a repeat needs no room */
	       (p->held_msgid.number && q->seen &&
		mqk_seen_has(q->seen, &p->held_msgid, mqk_deadline_now()));
}

static void unlist(struct mqk_queue *q, struct mqk_port *p)
{
	list_del_init(&p->in_writers);
	q->nr_writers--;
}

/**
 * mqk_room_wake_locked() - let those try again whose message fits by now
 * @q: the queue; if it is dead, all of them
 *
 * Context: q->lock.
 */
void mqk_room_wake_locked(struct mqk_queue *q)
{
	struct mqk_port *p, *next;

	lockdep_assert_held(&q->lock);
	/* MQK_WRITERS_MAX at most */
	list_for_each_entry_safe(p, next, &q->writers, in_writers) {
		if (!may_try(q, p))
			continue;
		unlist(q, p);
		let_go(p);
	}
}

/**
 * mqk_room_look_again() - work: it is time to try again
 * @work: the port's; has a reference
 */
void mqk_room_look_again(struct work_struct *work)
{
	struct mqk_port *p = container_of(to_delayed_work(work), struct mqk_port,
					  look_again);

	let_go(p);
	mqk_port_put(p);
}

static void set_timer(struct mqk_port *p, unsigned long delay)
{
	/* not the last one: the session has one as long as the mutex is held */
	refcount_inc(&p->refs);
	if (mod_delayed_work(mqk_workqueue, &p->look_again, delay))
		refcount_dec(&p->refs);
}

/* Out of the queue's list; that the port waited is forgotten. */
static void leave(struct mqk_port *p)
{
	struct mqk_queue *q = p->held_by;

	if (!q)
		return;
	spin_lock(&q->lock);
	if (!list_empty(&p->in_writers))
		unlist(q, p);
	spin_unlock(&q->lock);
	p->held_by = NULL;
	mqk_queue_put(q);
}

/* Into the queue's list, unless the message fits by now; whether it waits. */
static bool enter(struct mqk_port *p, struct mqk_queue *q, bool *listed)
{
	bool waits;

	leave(p);
	p->held_len = p->head_copy.payload_len;
	p->held_delayed = p->head_copy.delay;
	p->held_msgid = p->head_copy.flags & MQK_MSG_F_ID ? p->router->id :
							    (struct mqk_msgid) {};
	p->held_group = mqk_port_group(p);
	spin_lock(&q->lock);
	waits = !may_try(q, p);
	*listed = waits && q->nr_writers < MQK_WRITERS_MAX;
	if (waits)
		hold(p, MQK_HELD_QUEUE);
	else
		let_go(p);		/* it may have waited before, and is in no list now */
	if (*listed) {
		kref_get(&q->ref);
		p->held_by = q;
		list_add_tail(&p->in_writers, &q->writers);
		q->nr_writers++;
	}
	spin_unlock(&q->lock);
	return waits;
}

static int waits(struct mqk_port *p)
{
	p->why.used = p->held_id;
	return mqk_refuse(&p->why, MQK_RULE_HELD, -EAGAIN);
}

/* The least that any of the queues has patience for, in nanoseconds. */
static u64 patience(const struct mqk_route *route)
{
	u64 least = U64_MAX;
	u32 i;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];

		spin_lock(&q->lock);
		if (q->blocks)
			least = min(least, mqk_rules_patience(q->rules) * NSEC_PER_MSEC);
		spin_unlock(&q->lock);
	}
	return least;
}

/**
 * mqk_room_wait() - the message of @p->head_copy waits for room
 * @p: the port; p->full is the queue that has none
 * @route: where it leads
 *
 * Context: p->mutex, RCU read side, no queue's lock.
 * Return: -EAGAIN; 0 when it has waited long enough: then p->nack says that it is
 * refused, and it is in no queue
 */
int mqk_room_wait(struct mqk_port *p, const struct mqk_route *route)
{
	struct mqk_queue *q = p->full;
	u64 now = mqk_deadline_now(), left;
	bool listed = false;

	lockdep_assert_held(&p->mutex);
	p->full = NULL;
	/* a message that waits has no sequence number yet: is it the same one? */
	if (!p->held || p->held_seq != p->seq) {
		p->held = true;
		p->held_copy = false;
		p->held_seq = p->seq;
		p->held_until = now + min(patience(route), U64_MAX - now);
	}
	if (now >= p->held_until) {
		p->nack = true;
		return 0;
	}
	left = p->held_until - now;
	if (enter(p, q, &listed))
		set_timer(p, listed ? nsecs_to_jiffies(left) + 1 :
				      min(nsecs_to_jiffies(left) + 1, MQK_ROOM_PAUSE));
	p->held_id = q->id;
	return waits(p);
}

/**
 * mqk_room_in_line() - a copy has to wait until a record has passed that waits
 * @p: the port
 *
 * Context: p->mutex.
 * Return: -EAGAIN
 */
int mqk_room_in_line(struct mqk_port *p)
{
	return waits(p);
}

static u32 reason_of(const struct mqk_port *p, int error)
{
	switch (error) {
	case -EAGAIN:
		return p->held ? MQK_HELD_QUEUE : MQK_HELD_RING;
	case -EDQUOT:
	case -ENOSPC:
		return MQK_HELD_LIMIT;
	default:
		return MQK_HELD_NOT;
	}
}

/**
 * mqk_room_stopped() - note why a call stopped, or that it did not
 * @p: the port
 * @error: 0 or negative errno
 *
 * Context: p->mutex.
 */
void mqk_room_stopped(struct mqk_port *p, int error)
{
	u32 reason, about = 0;

	if (p->held && p->held_seq != p->seq)
		p->held = false;
	reason = reason_of(p, error);
	if (reason != MQK_HELD_QUEUE)
		leave(p);
	if (reason == MQK_HELD_QUEUE)
		about = p->held_id;
	else if (reason == MQK_HELD_LIMIT)
		about = p->why.resource;
	if (reason == MQK_HELD_LIMIT) {
		hold(p, MQK_HELD_LIMIT);
		set_timer(p, MQK_ROOM_PAUSE);
	} else if (reason != MQK_HELD_QUEUE) {
		release(p);
	}
	p->stopped = reason;
	/* the fast way does not look whether it was stopped */
	if (reason)
		p->routed = false;
	WRITE_ONCE(p->page->reason, reason);
	WRITE_ONCE(p->page->about, about);
}

/**
 * mqk_room_close() - a port ends: it waits for nothing any more
 * @p: the port, whose p->error is set
 *
 * Context: may sleep; p->mutex is not held.
 */
void mqk_room_close(struct mqk_port *p)
{
	mutex_lock(&p->mutex);
	leave(p);
	mutex_unlock(&p->mutex);
	if (cancel_delayed_work_sync(&p->look_again))
		mqk_port_put(p);
	note(p, MQK_HELD_NOT);
}
