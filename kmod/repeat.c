// SPDX-License-Identifier: GPL-2.0-only
/*
 * Repeats.
 */
#include "repeat.h"

#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/time64.h>

#include "broker.h"
#include "deadline.h"
#include "queue.h"
#include "route.h"
#include "rules.h"
#include "seen.h"
#include "stock.h"

/* What a queue has seen, and had when the message began; or NULL. */
static struct mqk_seen *seen_by(const struct mqk_port *p, const struct mqk_queue *q)
{
	lockdep_assert_held(&q->lock);
	if (!mqk_repeat_can_be(p) || q->dead || !q->seen || q->seen->gen > p->seen_gen)
		return NULL;
	return q->seen;
}

/**
 * mqk_repeat_begin() - a message begins
 * @p: the port
 *
 * Context: before the lock of a queue is taken for it.
 */
void mqk_repeat_begin(struct mqk_port *p)
{
	p->left_out = 0;
	p->late = 0;
	/* pairs with mqk_queue_set() */
	p->seen_gen = smp_load_acquire(&p->broker->seen_gen);
}

/**
 * mqk_repeat_leave_out() - leave those queues out of a route that have seen the
 *	message of @p->head_copy
 * @p: the port; p->left_out says how many they were, which are behind the others
 * @route: a route that is good for this message alone, and found anew when it is
 *	tried again
 *
 * Context: no queue's lock.
 */
void mqk_repeat_leave_out(struct mqk_port *p, struct mqk_route *route)
{
	u32 i, nr = 0;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		bool seen;

		spin_lock(&q->lock);
		seen = mqk_repeat_is(p, q);
		spin_unlock(&q->lock);
		if (seen)
			continue;
		swap(route->queue[nr], route->queue[i]);
		nr++;
	}
	p->left_out = route->nr - nr;
	route->nr = nr;
}

/**
 * mqk_repeat_done() - a message is where it is to be
 * @p: the port; p->repeated is set if that is nowhere, and some queue has seen it
 * @route: its route, without those that were left out
 * @reached: how many queues have it
 *
 * Context: no queue's lock.
 */
void mqk_repeat_done(struct mqk_port *p, const struct mqk_route *route, u32 reached)
{
	u32 i;

	p->repeated = !reached && (p->left_out || p->late);
	for (i = route->nr; i < route->nr + p->left_out; i++) {
		struct mqk_queue *q = route->queue[i];

		spin_lock(&q->lock);
		q->repeated++;
		spin_unlock(&q->lock);
	}
}

/**
 * mqk_repeat_is() - whether a queue has seen the message of @p->head_copy
 * @p: the port
 * @q: the queue
 *
 * Context: q->lock.
 * Return: true if so
 */
bool mqk_repeat_is(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_seen *seen = seen_by(p, q);

	return seen && mqk_seen_has(seen, &p->router->id, mqk_deadline_now());
}

/**
 * mqk_repeat_is_late() - whether a queue that was not left out has seen it by now
 * @p: the port; p->late says how many have
 * @q: the queue
 *
 * Context: q->lock.
 * Return: true if so; it is counted
 */
bool mqk_repeat_is_late(struct mqk_port *p, struct mqk_queue *q)
{
	if (!mqk_repeat_is(p, q))
		return false;
	q->repeated++;
	p->late++;
	return true;
}

/**
 * mqk_repeat_has_room() - whether a queue could remember the message
 * @p: the port, whose stock lacks a page if not
 * @q: the queue
 *
 * Context: q->lock.
 * Return: true if so, or if it need not
 */
bool mqk_repeat_has_room(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_seen *seen = seen_by(p, q);

	if (!seen)
		return true;
	mqk_seen_forget(seen, mqk_deadline_now());
	if (mqk_seen_has_room(seen))
		return true;
	p->stock.want_pages++;
	return false;
}

/**
 * mqk_repeat_reserve() - have room for the id of the message in a queue
 * @p: the port, whose stock lacks a page if there is none
 * @q: the queue
 *
 * Context: q->lock, until mqk_repeat_note(), or until mqk_repeat_unreserve() is
 * called under it later.
 * Return: true: there is room, or none is needed
 */
bool mqk_repeat_reserve(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_seen *seen = seen_by(p, q);

	if (!seen)
		return true;
	mqk_seen_forget(seen, mqk_deadline_now());
	if (!mqk_seen_has_room(seen) && !mqk_stock_feed_seen(p, seen))
		return false;
	seen->reserved++;
	return true;
}

/**
 * mqk_repeat_unreserve() - take room back, to use it or to give it up
 * @p: the port
 * @q: the queue
 *
 * Context: q->lock.
 */
void mqk_repeat_unreserve(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_seen *seen = seen_by(p, q);

	if (seen)
		seen->reserved--;
}

/**
 * mqk_repeat_note() - remember the message, which a queue takes
 * @p: the port
 * @q: the queue, where there was room, and whose lock was not let go since
 *
 * Context: q->lock.
 */
void mqk_repeat_note(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_seen *seen = seen_by(p, q);

	if (seen)
		mqk_seen_add(seen, &p->router->id,
			     mqk_deadline_now() + q->rules->dedup_window * NSEC_PER_MSEC);
}
