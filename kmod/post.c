// SPDX-License-Identifier: GPL-2.0-only
/*
 * Posting.
 */
#include "post.h"

#include <linux/list.h>

#include "admit.h"
#include "broker.h"
#include "deadline.h"
#include "deliver.h"
#include "dying.h"
#include "extra.h"
#include "group.h"
#include "order.h"
#include "producer.h"
#include "room.h"
#include "repeat.h"
#include "retained.h"
#include "schedule.h"
#include "stock.h"
#include "util/record.h"

/**
 * mqk_post_grant_more() - charge messages in advance
 * @p: the port
 * @n: have at least so many, more than there are
 *
 * Context: p->mutex.
 * Return: 0, -EDQUOT, -ENOSPC
 */
int mqk_post_grant_more(struct mqk_port *p, u32 n)
{
	u32 more;
	int err;

	more = round_up(n - p->grant, MQK_MESSAGE_GRANT);
	if (p->letters) {
		/* whatever the limit: it takes the place of one that is charged */
		mqk_charge_anyway(p->tenant, MQK_RES_MESSAGES, more);
		p->grant += more;
		return 0;
	}
	err = mqk_charge(p->tenant, MQK_RES_MESSAGES, more, &p->why);
	if (!err)
		p->grant += more;
	return err;
}

static bool brings_time(const struct mqk_port *p)
{
	return p->head_copy.flags & MQK_MSG_F_TIME;
}

/* Whether it is of a group in that queue, so that there has to be room for that. */
static bool brings_group(const struct mqk_port *p, const struct mqk_queue *q)
{
	return p->head_copy.flags & MQK_MSG_F_GROUP && mqk_queue_groups(q);
}

/* Which index of a queue the message of p->head_copy goes into. */
static struct mqk_index *index_for(struct mqk_port *p, struct mqk_queue *q)
{
	return unlikely(p->head_copy.delay && q->keep) ? &q->keep->schedule.index :
							 &q->index;
}

/* Whether a place can be had there; if not, the stock lacks something. */
static bool has_place(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_index *x;

	if (unlikely(brings_time(p)) && !mqk_stock_keep_extras(p, q))
		return false;
	x = index_for(p, q);
	if (mqk_index_has_room(x) || mqk_stock_feed(p, q, x))
		return true;
	p->want_chunks = 1;
	return false;
}

/* More dies there than the queue can see to: whoever made the call will wait. */
static void note_crowd(struct mqk_port *p, struct mqk_queue *q)
{
	if (!p->crowded && !p->closing && kref_get_unless_zero(&q->ref))
		p->crowded = q;
}

/* Whether all queues of its route take a message of this port, or none. */
static bool all_or_none(const struct mqk_port *p)
{
	return p->apart;
}

/* What becomes of a message that comes to a special queue. */
enum verdict {
	REFUSED,
	ADMITTED,
	REPEATED,		/* the queue has seen it */
	BURIED,			/* refused, and becomes a dead letter */
};

/*
 * Whether a special queue, which is locked, takes the message of p->head_copy.
 * If not, p->nack, or p->full: it waits; and if *more, the queue has to be run.
 */
static noinline enum verdict judge(struct mqk_port *p, struct mqk_queue *q, bool *more)
{
	*more = false;
	if (q->dead)
		return REFUSED;
	if (q->crowded)
		note_crowd(p, q);
	if (!q->refuses ||
	    mqk_queue_admits_locked(q, p->head_copy.payload_len, p->head_copy.delay,
				    mqk_port_group(p), more))
		return ADMITTED;
	if (q->blocks) {
		/* nobody comes again with what a port has left behind */
		if (p->letters && !p->returns)
			return ADMITTED;
		if (p->closing)
			p->nack = true;
		else
			p->full = q;
		return REFUSED;
	}
	p->nack = true;
	/* who may come again with it buries nothing */
	if (q->rules->overflow == MQK_OVERFLOW_REJECT_PUBLISH_DLX &&
	    !all_or_none(p) && !p->returns && mqk_dying_here(q))
		return BURIED;
	return REFUSED;
}

static noinline void begin_kept(struct mqk_port *p, struct mqk_queue *q,
				struct mqk_entry *e)
{
	mqk_deadline_begin(q, e, mqk_deadline_expiration(&p->head_copy));
	if (q->keep->order)
		mqk_order_add(q->keep->order, e);
	if (q->keep->groups)
		mqk_groups_add(q->keep->groups, e, mqk_stock_join(p, q));
}

/* Describe the message of p->head_copy, which was appended, to a queue. */
static bool added(struct mqk_port *p, struct mqk_queue *q, u64 ref)
{
	struct mqk_entry *e = mqk_index_append(&q->index);

	mqk_post_describe(p, &p->head_copy, ref, e);
	if (unlikely(q->keep))
		begin_kept(p, q, e);
	return mqk_queue_added_locked(q, e);
}

/* The same where a delay is to pass first; the index of the schedule has room. */
static void scheduled(struct mqk_port *p, struct mqk_queue *q, u64 ref)
{
	struct mqk_entry *e = mqk_index_append(&q->keep->schedule.index);

	mqk_post_describe(p, &p->head_copy, ref, e);
	mqk_schedule_add(q, e, &p->head_copy,
			 p->head_copy.flags & MQK_MSG_F_ID ? p->router->id.number : 0,
			 mqk_stock_join(p, q));
}

/* The same, of one that was refused: it has a place, but never is ready. */
static void bury(struct mqk_port *p, struct mqk_queue *q, u64 ref)
{
	struct mqk_index *x = index_for(p, q);
	struct mqk_entry *e = mqk_index_append(x);

	mqk_post_describe(p, &p->head_copy, ref, e);
	q->bytes += e->payload_len;
	mqk_index_detach(x, e);
	mqk_dying_add(q, e, MQK_REASON_MAXLEN);
	p->buried++;
}

/* As post_to_one(), of a message that is not admitted there. */
static noinline int post_refused(struct mqk_port *p, struct mqk_hold *h,
				 struct mqk_route *route, u64 ref,
				 enum verdict verdict, bool more)
{
	struct mqk_queue *q = route->queue[0];

	if (verdict == BURIED && !has_place(p, q)) {
		/* it is asked again */
		p->nack = false;
		return -ENOBUFS;
	}
	if (verdict == BURIED)
		bury(p, q, ref);
	if (more || p->full)
		mqk_hold_end(h);
	if (more)
		mqk_queue_run(q);
	if (p->full)
		return mqk_room_wait(p, route);
	return verdict == BURIED;
}

/* Whether it takes more than a place in the index. */
static bool takes_more(const struct mqk_port *p)
{
	return p->head_copy.flags & MQK_MSG_F_MORE;
}

/*
 * As post_to_one(), of a message that brings a time, an id or a group; the queue is
 * held.
 */
static noinline int post_more(struct mqk_port *p, struct mqk_hold *h,
			      struct mqk_route *route, u64 ref)
{
	struct mqk_queue *q = route->queue[0];
	enum verdict verdict = ADMITTED;
	bool more = false;

	if (mqk_repeat_is(p, q)) {
		q->repeated++;
		p->repeated = true;
		return 0;
	}
	if (q->special)
		verdict = judge(p, q, &more);
	if (verdict != ADMITTED)
		return post_refused(p, h, route, ref, verdict, more);
	if (brings_group(p, q) && !mqk_stock_has_group(p, q))
		return -ENOBUFS;
	if (!has_place(p, q) || !mqk_repeat_reserve(p, q))
		return -ENOBUFS;
	/* no failure past this point */
	mqk_repeat_unreserve(p, q);
	mqk_repeat_note(p, q);
	if (p->head_copy.delay)
		scheduled(p, q, ref);
	else
		more = added(p, q, ref);
	if (q->nr_writers)
		mqk_room_wake_locked(q);
	if (more) {
		mqk_hold_end(h);
		mqk_queue_run(q);
	}
	return 1;
}

/* Put the message of p->head_copy into one queue, which is held. */
static int post_to_one(struct mqk_port *p, struct mqk_hold *h,
		       struct mqk_route *route, u64 ref)
{
	struct mqk_queue *q = route->queue[0];
	enum verdict verdict = ADMITTED;
	bool more = false;

	if (unlikely(takes_more(p))) {
		mqk_repeat_begin(p);
		mqk_hold_queue(h, q);
		return post_more(p, h, route, ref);
	}
	mqk_hold_queue(h, q);
	if (unlikely(q->special)) {
		verdict = judge(p, q, &more);
		if (verdict != ADMITTED)
			return post_refused(p, h, route, ref, verdict, more);
	}
	if (unlikely(!mqk_index_has_room(&q->index)) && !has_place(p, q))
		return -ENOBUFS;
	/* no failure past this point */
	if (unlikely(added(p, q, ref))) {
		mqk_hold_end(h);
		mqk_queue_run(q);
	}
	return 1;
}

/* Take a place back, to use it or to give it up. */
static void unreserve(struct mqk_port *p, struct mqk_queue *q)
{
	mqk_index_unreserve(index_for(p, q));
	if (unlikely(mqk_repeat_can_be(p)))
		mqk_repeat_unreserve(p, q);
	if (unlikely(p->promising))
		mqk_queue_redeem_locked(q, p->head_copy.payload_len);
}

static void unreserve_some(struct mqk_port *p, const struct mqk_route *route,
			   u32 n)
{
	while (n--) {
		struct mqk_queue *q = route->queue[n];

		spin_lock(&q->lock);
		unreserve(p, q);
		if (unlikely(q->nr_writers))
			mqk_room_wake_locked(q);
		spin_unlock(&q->lock);
	}
}

/* Whether a queue is asked before the message is in any. */
static bool is_asked(const struct mqk_port *p, const struct mqk_queue *q)
{
	return all_or_none(p) || q->blocks;
}

/* For a message for which queues are asked before it is in any; as judge(). */
static bool promises(struct mqk_port *p, struct mqk_queue *q, bool *more)
{
	if (!p->promising)
		return true;
	if (unlikely(q->special) && !q->dead && is_asked(p, q) &&
	    !mqk_repeat_is(p, q) && judge(p, q, more) != ADMITTED) {
		p->held_id = q->id;
		return false;
	}
	mqk_queue_promise_locked(q, p->head_copy.payload_len);
	return true;
}

/* Reserve in one queue, which is not asked if only chunks are still counted. */
static bool reserve_one(struct mqk_port *p, struct mqk_queue *q, bool counting)
{
	if (unlikely(q->dead)) {
		/* given up again below; nothing is appended any more */
		index_for(p, q)->reserved += !counting;
		return true;
	}
	if (counting)
		return mqk_index_has_room(index_for(p, q)) && mqk_repeat_has_room(p, q);
	if (has_place(p, q) && mqk_repeat_reserve(p, q)) {
		index_for(p, q)->reserved++;
		return true;
	}
	if (unlikely(p->promising))
		mqk_queue_redeem_locked(q, p->head_copy.payload_len);
	return false;
}

/*
 * One queue refuses the message, for which it was asked.  It waits all the same if
 * another one of those from @i on would have it wait: in whatever order they stand.
 */
static void ask_to_wait(struct mqk_port *p, const struct mqk_route *route, u32 i)
{
	for (; i < route->nr && !p->full; i++) {
		struct mqk_queue *q = route->queue[i];
		bool more = false;

		spin_lock(&q->lock);
		if (q->blocks && !mqk_repeat_is(p, q))
			judge(p, q, &more);
		spin_unlock(&q->lock);
		if (more)
			mqk_queue_run(q);
	}
	if (p->full)
		p->nack = false;
}

/* As mqk_post_reserve(); -ERESTART: queues have to be asked, and were not. */
static int try_reserve(struct mqk_port *p, struct mqk_route *route)
{
	u32 i, reserved = 0, missing = 0, groups = 0;
	bool ask = false;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		bool ok = true, more = false;

		spin_lock(&q->lock);
		groups += brings_group(p, q);
		ask = unlikely(q->blocks) && !p->promising;
		if (!ask && (missing || promises(p, q, &more)))
			ok = reserve_one(p, q, missing);
		spin_unlock(&q->lock);
		if (unlikely(more))
			mqk_queue_run(q);
		if (unlikely(ask || p->nack || p->full))
			break;
		if (!ok)
			missing++;
		else if (!missing)
			reserved++;
	}
	groups -= min(groups, p->stock.nr_groups);
	if (likely(!missing && !groups && !ask && !p->nack && !p->full))
		return 0;
	unreserve_some(p, route, reserved);
	if (ask)
		return -ERESTART;
	if (p->nack)
		ask_to_wait(p, route, i + 1);
	p->want_chunks = missing;
	if (groups)
		p->stock.want_groups = p->stock.nr_groups + groups;
	return p->nack || p->full ? 0 : -ENOBUFS;
}

/**
 * mqk_post_reserve() - reserve a place in every queue of a route
 * @p: the port, for the message of p->head_copy
 * @route: the route; queues that have seen it are left out of it
 *
 * Also in a dead one, where it is given up again.  When chunks are missing, go on
 * only to learn how many.  Where one queue is enough to refuse it, p->nack or
 * p->full says that one does: then nothing is reserved.
 *
 * Context: p->mutex, no queue's lock; RCU read side, or references to the queues.
 * Return: 0; -ENOBUFS: mqk_post_prepare() and try again
 */
int mqk_post_reserve(struct mqk_port *p, struct mqk_route *route)
{
	int err;

	p->promising = all_or_none(p);
	if (unlikely(mqk_repeat_can_be(p))) {
		mqk_repeat_begin(p);
		mqk_repeat_leave_out(p, route);
	}
	err = try_reserve(p, route);
	if (likely(err != -ERESTART))
		return err;
	p->promising = true;
	return try_reserve(p, route);
}

/**
 * mqk_post_commit() - put the message of p->head_copy where a place is reserved
 * @p: the port
 * @route: the route
 * @ref: the message's record
 *
 * Context: as mqk_post_reserve(), which came before; nothing fails here.
 * Return: how many queues have a reference to it now
 */
int mqk_post_commit(struct mqk_port *p, const struct mqk_route *route, u64 ref)
{
	u32 i, reached = 0;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		enum verdict verdict = ADMITTED;
		bool more = false;

		spin_lock(&q->lock);
		unreserve(p, q);
		if (unlikely(mqk_repeat_can_be(p)))
			verdict = mqk_repeat_is_late(p, q) ? REPEATED : ADMITTED;
		if (unlikely(q->special) && verdict == ADMITTED)
			verdict = is_asked(p, q) && !q->dead ? ADMITTED :
							       judge(p, q, &more);
		if (unlikely(mqk_repeat_can_be(p)) && verdict == ADMITTED)
			mqk_repeat_note(p, q);
		if (verdict == BURIED)
			bury(p, q, ref);
		else if (verdict == ADMITTED && unlikely(p->head_copy.delay))
			scheduled(p, q, ref);
		else if (verdict == ADMITTED)
			more = added(p, q, ref);
		reached += verdict == ADMITTED || verdict == BURIED;
		/* what was promised and went straight to a consumer */
		if (unlikely(q->nr_writers))
			mqk_room_wake_locked(q);
		spin_unlock(&q->lock);
		if (unlikely(more))
			mqk_queue_run(q);
	}
	if (unlikely(mqk_repeat_can_be(p)))
		mqk_repeat_done(p, route, reached);
	return reached;
}

/**
 * mqk_post_unreserve() - give up what mqk_post_reserve() has reserved
 * @p: the port
 * @route: the route
 *
 * Context: as mqk_post_reserve().
 */
void mqk_post_unreserve(struct mqk_port *p, const struct mqk_route *route)
{
	unreserve_some(p, route, route->nr);
}

static int post_to_many(struct mqk_port *p, struct mqk_route *route, u64 ref)
{
	int err = mqk_post_reserve(p, route);

	if (unlikely(p->full))
		return mqk_room_wait(p, route);
	if (unlikely(err || p->nack))
		return err;
	/* no failure past this point */
	return mqk_post_commit(p, route, ref);
}

/**
 * mqk_post() - put the message of @p->head_copy into all queues of a route
 * @p: the port
 * @h: the lock that is kept
 * @route: the route; of several queues, those that have seen it are left out of it
 * @ref: the message's record; it has a reference for each queue of the route
 *
 * Context: p->mutex, RCU read side.
 * Return: how many have a reference to it now, fewer than the route has when some
 * were deleted meanwhile or refuse it (then p->nack is set; in p->buried of them it
 * is dead), or an error and it is in none; -EAGAIN: it waits for room; -ENOBUFS:
 * mqk_post_prepare() and try again
 */
int mqk_post(struct mqk_port *p, struct mqk_hold *h, struct mqk_route *route,
	     u64 ref)
{
	if (likely(route->nr == 1))
		return post_to_one(p, h, route, ref);
	mqk_hold_end(h);
	return route->nr ? post_to_many(p, route, ref) : 0;
}

/**
 * mqk_post_nowhere() - take the message with p->number of a producer, which leads
 *	nowhere
 * @p: the port
 *
 * Context: p->mutex, RCU read side.
 * Return: 0, or the error of mqk_producer_begin()
 */
int mqk_post_nowhere(struct mqk_port *p)
{
	int n = mqk_producer_begin(p);

	if (n > 0)
		mqk_producer_end(p, true);
	else if (!n)
		p->repeated = true;
	return min(n, 0);
}

/**
 * mqk_post_numbered() - mqk_post() for the message with p->number of a producer
 * @p: the port, which holds no queue's lock
 * @route: the route
 * @ref: the message's record; it has a reference for each queue of the route
 * @record: the record, where it lies
 *
 * Nobody else publishes under the name before it is in all queues, or in none.
 *
 * Context: p->mutex, RCU read side.
 * Return: as mqk_post(); 0 and p->repeated: it was taken before; the errors of
 * mqk_producer_begin()
 */
int mqk_post_numbered(struct mqk_port *p, struct mqk_route *route,
		      u64 ref, void *record)
{
	struct mqk_hold h = {};
	int n;

	if (!route->nr && !route->further)
		return mqk_post_nowhere(p);
	n = mqk_producer_begin(p);
	if (n <= 0) {
		p->repeated = !n;
		return n;
	}
	n = p->head_copy.flags & MQK_MSG_F_CC || route->further ?
	    mqk_post_further(p, &h, route, ref, record) :
	    mqk_post(p, &h, route, ref);
	mqk_hold_end(&h);
	mqk_producer_end(p, n >= 0 && !p->nack);
	return n;
}

/**
 * mqk_post_prepare() - get what -ENOBUFS was about
 * @p: the port
 *
 * Context: p->mutex; may sleep.
 * Return: 0, -EDQUOT, -ENOSPC, -ENOMEM
 */
int mqk_post_prepare(struct mqk_port *p)
{
	bool stock = mqk_stock_wants(&p->stock);
	u32 want = p->want_chunks;
	int err;

	p->want_chunks = 0;
	if (p->stock.stale) {
		p->stock.stale = false;
		mqk_retained_wait(p->broker);
		return 0;
	}
	if (stock) {
		err = mqk_stock_fill(p);
		if (err || !want)
			return err;
	}
	return want ? mqk_stock_chunks(p, want) : mqk_router_grow(p->router, &p->why);
}

/**
 * mqk_post_route() - where the message leads whose head and key were copied
 * @p: the port
 * @record: its record; NULL: it is not there yet
 *
 * Context: p->mutex, RCU read side.
 * Return: as mqk_route_find(); -ENODATA: it depends on headers, and there is no
 * @record
 */
struct mqk_route *mqk_post_route(struct mqk_port *p, const void *record)
{
	const struct mqk_record *head = &p->head_copy;

	struct mqk_envelope envelope = {
		.flags = head->flags,
		.headers_len = head->headers_len,
		.headers = record ? record + MQK_RECORD_HEADERS(head->key_len) :
				    NULL,
	};

	if (unlikely(head->flags & MQK_MSG_F_HEADERS))
		mqk_router_forget_last(p->router);
	return mqk_route_again(p->router, head->exchange, &p->key) ?:
	       mqk_route_find(p->router, head->exchange, &p->key, &envelope,
			      &p->why);
}

/**
 * mqk_post_wait() - wait until a queue where too much dies has caught up
 * @p: the port, which has come to one
 *
 * Not for ever: what dies there is charged to who published it in any case.
 *
 * Context: p->mutex; sleeps.
 */
void mqk_post_wait(struct mqk_port *p)
{
	struct mqk_queue *q = p->crowded;

	p->crowded = NULL;
	wait_event_killable_timeout(q->dying->crowd,
				    !READ_ONCE(q->crowded) || READ_ONCE(q->dead),
				    MQK_DYING_WAIT);
	mqk_queue_put(q);
}
