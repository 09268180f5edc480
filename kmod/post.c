// SPDX-License-Identifier: GPL-2.0-only
/*
 * Posting.
 */
#include "post.h"

#include <linux/list.h>

#include "broker.h"
#include "deadline.h"
#include "deliver.h"
#include "dying.h"
#include "extra.h"
#include "link.h"
#include "order.h"
#include "producer.h"
#include "room.h"
#include "retained.h"
#include "schedule.h"
#include "segment.h"
#include "turn.h"
#include "util/record.h"

static void add_tally(struct mqk_broker *broker, const struct mqk_tally *t)
{
	mqk_count(broker, published, t->published);
	mqk_count(broker, published_bytes, t->bytes);
	if (likely(!(t->unrouted | t->refused | t->nacked)))
		return;
	mqk_count(broker, unrouted, t->unrouted);
	mqk_count(broker, returned, t->returned);
	mqk_count(broker, refused, t->refused + t->nacked);
}

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
		mqk_uncharge(p->tenant, MQK_RES_MESSAGES, -(s64)more);
		p->grant += more;
		return 0;
	}
	err = mqk_charge(p->tenant, MQK_RES_MESSAGES, more, &p->why);
	if (!err)
		p->grant += more;
	return err;
}

static void give_extras(struct mqk_port *p, struct mqk_chunk *c)
{
	struct mqk_extras *xs;

	xs = list_first_entry(&p->stock.extras, struct mqk_extras, link);
	list_del(&xs->link);
	p->stock.nr_extras--;
	mqk_extras_give(xs, c);
}

/*
 * Have a queue keep extras, for a message that brings a time of its own: what comes
 * behind the full chunks has them from now on.
 */
static bool keep_extras(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_chunk *tail = q->index.tail, *c;
	struct mqk_stock *s = &p->stock;
	struct mqk_keep *keep;
	u32 n = 0;

	if (q->keeps)
		return true;
	n += tail && !tail->extras;
	list_for_each_entry(c, &q->index.spare, link)
		n += !c->extras;
	if (!s->nr_keeps || s->nr_extras < n) {
		s->want_keeps = 1;
		s->want_extras = n;
		return false;
	}
	if (tail && !tail->extras)
		give_extras(p, tail);
	list_for_each_entry(c, &q->index.spare, link)
		if (!c->extras)
			give_extras(p, c);
	keep = list_first_entry(&s->keeps, struct mqk_keep, link);
	list_del(&keep->link);
	s->nr_keeps--;
	mqk_keep_begin(q, keep);
	mqk_turn_find_sole(q);
	return true;
}

static bool brings_time(const struct mqk_port *p)
{
	return p->head_copy.flags & MQK_MSG_F_TIME;
}

/* Which index of a queue the message of p->head_copy goes into. */
static struct mqk_index *index_for(struct mqk_port *p, struct mqk_queue *q)
{
	return unlikely(p->head_copy.delay && q->keep) ? &q->keep->schedule.index :
							 &q->index;
}

static void give_links(struct mqk_port *p, struct mqk_chunk *c)
{
	struct mqk_links *ls;

	ls = list_first_entry(&p->stock.links, struct mqk_links, link);
	list_del(&ls->link);
	p->stock.nr_links--;
	mqk_links_give(ls, c);
}

/* Whether the port has what comes with a chunk of a queue that keeps extras. */
static bool has_companions(struct mqk_port *p, bool linked)
{
	struct mqk_stock *s = &p->stock;
	bool extras = s->nr_extras, links = !linked || s->nr_links;

	s->want_extras += !extras;
	s->want_links += !links;
	return extras && links;
}

/* Feed an index of a queue, which lacks a chunk, with one of the port's. */
static bool feed(struct mqk_port *p, struct mqk_queue *q, struct mqk_index *x)
{
	bool linked = x != &q->index || mqk_queue_order(q);
	struct mqk_chunk *c;

	if (!p->nr_chunks)
		return false;
	if (unlikely(q->keeps) && !has_companions(p, linked))
		return false;
	c = list_first_entry(&p->chunks, struct mqk_chunk, link);
	list_del(&c->link);
	if (unlikely(q->keeps))
		give_extras(p, c);
	if (unlikely(linked))
		give_links(p, c);
	p->nr_chunks--;
	mqk_index_feed(x, c, c->owner);
	return true;
}

/* Reserve a place in a queue. */
static bool reserve(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_index *x;

	if (unlikely(brings_time(p)) && !keep_extras(p, q))
		return false;
	x = index_for(p, q);
	if (!mqk_index_has_room(x) && !feed(p, q, x))
		return false;
	x->reserved++;
	return true;
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
	return p->producer;
}

/* What becomes of a message that comes to a special queue. */
enum verdict {
	REFUSED,
	ADMITTED,
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
	    mqk_queue_admits_locked(q, p->head_copy.payload_len, p->head_copy.delay, more))
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
			 p->head_copy.flags & MQK_MSG_F_ID ? p->router->id : 0);
}

/* Whether a place can be had where the message goes. */
static bool has_place(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_index *x;

	if (brings_time(p) && !keep_extras(p, q))
		return false;
	x = index_for(p, q);
	if (mqk_index_has_room(x) || feed(p, q, x))
		return true;
	p->want_chunks = 1;
	return false;
}

/* The same for a message that brings a time, but for what is found out before. */
static noinline int post_timed(struct mqk_port *p, struct mqk_hold *h,
			       struct mqk_queue *q, u64 ref)
{
	if (!has_place(p, q))
		return -ENOBUFS;
	/* no failure past this point */
	if (p->head_copy.delay) {
		scheduled(p, q, ref);
	} else if (added(p, q, ref)) {
		mqk_hold_end(h);
		mqk_queue_run(q);
	}
	return 1;
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
				 const struct mqk_route *route, u64 ref,
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

/* Put the message of p->head_copy into one queue, which is held. */
static int post_to_one(struct mqk_port *p, struct mqk_hold *h,
		       const struct mqk_route *route, u64 ref)
{
	struct mqk_queue *q = route->queue[0];
	enum verdict verdict = ADMITTED;
	bool more = false;

	mqk_hold_queue(h, q);
	if (unlikely(q->special)) {
		verdict = judge(p, q, &more);
		if (verdict != ADMITTED)
			return post_refused(p, h, route, ref, verdict, more);
	}
	if (unlikely(brings_time(p)))
		return post_timed(p, h, q, ref);
	if (unlikely(!mqk_index_has_room(&q->index) && !feed(p, q, &q->index))) {
		p->want_chunks = 1;
		return -ENOBUFS;
	}
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
	    judge(p, q, more) != ADMITTED)
		return false;
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
		return mqk_index_has_room(index_for(p, q));
	if (reserve(p, q))
		return true;
	if (unlikely(p->promising))
		mqk_queue_redeem_locked(q, p->head_copy.payload_len);
	return false;
}

/* As reserve_all(); -ERESTART: queues have to be asked, and were not. */
static int try_reserve(struct mqk_port *p, const struct mqk_route *route)
{
	u32 i, reserved = 0, missing = 0;
	bool ask = false;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		bool ok = true, more = false;

		spin_lock(&q->lock);
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
	if (likely(!missing && !ask && !p->nack && !p->full))
		return 0;
	unreserve_some(p, route, reserved);
	if (ask)
		return -ERESTART;
	p->want_chunks = missing;
	return p->nack || p->full ? 0 : -ENOBUFS;
}

/*
 * Reserve a place in every queue, also in a dead one, where it is given up
 * again.  When chunks are missing, go on only to learn how many.  Where one queue
 * is enough to refuse it, p->nack or p->full says that one does: then nothing is
 * reserved.
 */
static int reserve_all(struct mqk_port *p, const struct mqk_route *route)
{
	int err;

	p->promising = all_or_none(p);
	err = try_reserve(p, route);
	if (likely(err != -ERESTART))
		return err;
	p->promising = true;
	return try_reserve(p, route);
}

/* Put it where a place is reserved; nothing fails here. */
static int commit_all(struct mqk_port *p, const struct mqk_route *route, u64 ref)
{
	u32 i, reached = 0;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		enum verdict verdict = ADMITTED;
		bool more = false;

		spin_lock(&q->lock);
		unreserve(p, q);
		if (unlikely(q->special))
			verdict = is_asked(p, q) && !q->dead ? ADMITTED :
							       judge(p, q, &more);
		if (verdict == BURIED)
			bury(p, q, ref);
		else if (verdict == ADMITTED && unlikely(p->head_copy.delay))
			scheduled(p, q, ref);
		else if (verdict == ADMITTED)
			more = added(p, q, ref);
		reached += verdict != REFUSED;
		/* what was promised and went straight to a consumer */
		if (unlikely(q->nr_writers))
			mqk_room_wake_locked(q);
		spin_unlock(&q->lock);
		if (unlikely(more))
			mqk_queue_run(q);
	}
	return reached;
}

static int post_to_many(struct mqk_port *p, const struct mqk_route *route,
			u64 ref)
{
	int err = reserve_all(p, route);

	if (unlikely(p->full))
		return mqk_room_wait(p, route);
	if (unlikely(err || p->nack))
		return err;
	/* no failure past this point */
	return commit_all(p, route, ref);
}

/**
 * mqk_post() - put the message of @p->head_copy into all queues of a route
 * @p: the port
 * @h: the lock that is kept
 * @route: the route
 * @ref: the message's record; it has a reference for each queue of the route
 *
 * Context: p->mutex, RCU read side.
 * Return: how many have a reference to it now, fewer than the route has when some
 * were deleted meanwhile or refuse it (then p->nack is set; in p->buried of them it
 * is dead), or an error and it is in none; -EAGAIN: it waits for room; -ENOBUFS:
 * mqk_post_prepare() and try again
 */
int mqk_post(struct mqk_port *p, struct mqk_hold *h, const struct mqk_route *route,
	     u64 ref)
{
	if (likely(route->nr == 1))
		return post_to_one(p, h, route, ref);
	mqk_hold_end(h);
	return route->nr ? post_to_many(p, route, ref) : 0;
}

/* Have each last-value exchange on the way remember the message of p->head_copy. */
static void remember(struct mqk_port *p, u64 ref, struct list_head *gone)
{
	struct mqk_targets *t = &p->router->targets;
	struct mqk_stock *s = &p->stock;
	struct mqk_retained_message *m;
	u32 i;

	for (i = 0; i < t->nr_exchanges; i++) {
		struct mqk_retained *r = t->exchange[i]->retained;

		if (r && !p->head_copy.payload_len)
			mqk_retained_forget(r, (const u8 *)p->key.word, p->key.len,
					    gone);
		if (!r || !p->head_copy.payload_len)
			continue;
		m = list_first_entry(&s->retained, struct mqk_retained_message,
				     in_order);
		list_del(&m->in_order);
		s->nr_retained--;
		memcpy(&m->head, &p->head_copy, MQK_RECORD_KEY);
		m->key->len = p->key.len;
		memcpy(m->key->text, p->key.word, p->key.len);
		m->ref = ref;
		m->uid = p->uid;
		m->pid = p->pid;
		m->id = p->head_copy.flags & MQK_MSG_F_ID ? p->router->id : 0;
		mqk_retained_keep(r, m, gone);
	}
}

/*
 * Have the message remembered, if its route is still up to date, and BCC taken out
 * of it before; after that nothing may fail.
 */
static int try_remember(struct mqk_port *p, u32 n, u64 ref, void *headers)
{
	struct mqk_broker *broker = p->broker;
	LIST_HEAD(gone);
	bool good;

	p->stock.stale = true;
	if (!mqk_retained_begin(broker))
		return -ENOBUFS;
	good = mqk_router_up_to_date(p->router);
	if (good) {
		p->stock.stale = false;
		if (mqk_router_blind(p->router))
			mqk_router_blank(p->router, headers);
		if (p->head_copy.payload_len) {
			p->grant -= n;
			mqk_segment_get(mqk_segment_of(&broker->store, ref), n);
		}
		remember(p, ref, &gone);
	}
	mqk_retained_end(broker);
	mqk_retained_let_go(broker, &gone);
	return good ? 0 : -ENOBUFS;
}

/* Post a message that last-value exchanges have to remember. */
static int post_remembered(struct mqk_port *p, const struct mqk_route *route,
			   u64 ref, void *headers)
{
	u32 n = route->remembers;
	int err;

	err = mqk_post_grant(p, route->nr + n);
	if (err)
		return err;
	if (p->head_copy.payload_len && p->stock.nr_retained < n) {
		p->stock.want_retained = max(n, MQK_RETAINED_ROOM);
		return -ENOBUFS;
	}
	err = reserve_all(p, route);
	if (p->full)
		return mqk_room_wait(p, route);
	if (err || p->nack)
		return err;
	err = try_remember(p, n, ref, headers);
	if (err) {
		unreserve_some(p, route, route->nr);
		return err;
	}
	/* no failure past this point */
	return commit_all(p, route, ref);
}

/**
 * mqk_post_further() - mqk_post() for a message with further keys, or that an
 *	exchange remembers
 * @p: the port
 * @h: the lock that is kept
 * @route: the route, found last
 * @ref: the message's record; it has a reference for each queue of the route
 * @record: the record, where it lies
 *
 * BCC is taken out of it when nothing can fail any more: what has to be tried
 * again needs it.
 *
 * Context: p->mutex, RCU read side.
 * Return: as mqk_post()
 */
int mqk_post_further(struct mqk_port *p, struct mqk_hold *h,
		     const struct mqk_route *route, u64 ref, void *record)
{
	void *headers = record + MQK_RECORD_HEADERS(p->head_copy.key_len);
	int err;

	if (route->remembers) {
		mqk_hold_end(h);
		return post_remembered(p, route, ref, headers);
	}
	if (!route->nr || !mqk_router_blind(p->router))
		return mqk_post(p, h, route, ref);
	mqk_hold_end(h);
	err = reserve_all(p, route);
	if (p->full)
		return mqk_room_wait(p, route);
	if (err || p->nack)
		return err;
	/* no failure past this point */
	mqk_router_blank(p->router, headers);
	return commit_all(p, route, ref);
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
int mqk_post_numbered(struct mqk_port *p, const struct mqk_route *route,
		      u64 ref, void *record)
{
	struct mqk_hold h = {};
	int n;

	if (!route->nr && !route->remembers)
		return mqk_post_nowhere(p);
	n = mqk_producer_begin(p);
	if (n <= 0) {
		p->repeated = !n;
		return n;
	}
	n = p->head_copy.flags & MQK_MSG_F_CC || route->remembers ?
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
	bool stock = p->stock.want_extras || p->stock.want_keeps ||
		     p->stock.want_links || p->stock.want_retained;
	u32 want = p->want_chunks;
	int err;

	p->want_chunks = 0;
	if (p->stock.stale) {
		p->stock.stale = false;
		mqk_retained_wait(p->broker);
		return 0;
	}
	if (stock) {
		err = mqk_port_stock(p);
		if (err || !want)
			return err;
	}
	return want ? mqk_port_feed(p, want) : mqk_router_grow(p->router, &p->why);
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
const struct mqk_route *mqk_post_route(struct mqk_port *p, const void *record)
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
 * mqk_post_unrouted() - report a message that leads nowhere
 * @p: the port
 * @t: what the call published
 * @flags: the message's
 *
 * Context: p->mutex.
 */
void mqk_post_unrouted(struct mqk_port *p, struct mqk_tally *t, u32 flags)
{
	t->unrouted++;
	if (flags & MQK_MSG_F_MANDATORY) {
		t->returned++;
		mqk_port_complete(p, MQK_COMPLETION_RETURN, 0, p->seq, -ENOENT, 0);
	}
}

/* Number a message that a queue refused, whatever others did. */
static void post_nacked(struct mqk_port *p, struct mqk_tally *t, u32 reached,
			u32 payload_len)
{
	reached -= p->buried;
	p->buried = 0;
	mqk_port_confirm(p);
	p->seq++;
	p->reported = p->seq;
	t->published++;
	t->nacked++;
	t->bytes += payload_len;
	trace_mqk_publish(p, p->seq, reached);
	if (p->flags & MQK_PORT_F_CONFIRM)
		mqk_port_complete(p, MQK_COMPLETION_NACK, 0, p->seq, -ENOBUFS,
				  reached);
}

/* Number a message that was taken before: it is confirmed like the first one. */
static void post_repeated(struct mqk_port *p, struct mqk_tally *t)
{
	p->seq++;
	p->reached = 0;
	t->repeated++;
	trace_mqk_publish(p, p->seq, 0);
}

/**
 * mqk_post_odd() - number a message with p->odd
 * @p: the port; what came before a refused one is confirmed first
 * @t: what the call published
 * @reached: how many queues have it
 * @payload_len: bytes of payload
 *
 * Context: p->mutex.
 */
void mqk_post_odd(struct mqk_port *p, struct mqk_tally *t, u32 reached,
		  u32 payload_len)
{
	bool nack = p->nack;

	p->odd = 0;
	if (nack)
		post_nacked(p, t, reached, payload_len);
	else
		post_repeated(p, t);
}

/**
 * mqk_post_refused() - number a message that was refused
 * @p: the port; what came before it is confirmed first
 * @t: what the call published
 * @error: why
 *
 * Context: p->mutex.
 */
void mqk_post_refused(struct mqk_port *p, struct mqk_tally *t, int error)
{
	mqk_port_confirm(p);
	p->seq++;
	p->reported = p->seq;
	t->refused++;
	trace_mqk_publish(p, p->seq, error);
	mqk_port_complete(p, MQK_COMPLETION_ERROR, 0, p->seq, error, 0);
	memset(&p->why, 0, sizeof(p->why));
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

/**
 * mqk_post_finish() - end a call: confirm, wake, count
 * @p: the port
 * @t: what the call published
 * @pos: how many completions the port had when it began
 *
 * Context: p->mutex.
 */
void mqk_post_finish(struct mqk_port *p, const struct mqk_tally *t, u64 pos)
{
	if (p->flags & MQK_PORT_F_CONFIRM)
		mqk_port_confirm(p);
	if (p->pos != pos)
		mqk_port_wake(p);
	add_tally(p->broker, t);
}
