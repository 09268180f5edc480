// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing.
 */
#include "publish.h"

#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "appender.h"
#include "broker.h"
#include "deliver.h"
#include "express.h"
#include "limits.h"
#include "port.h"
#include "queue.h"
#include "segment.h"
#include "trace.h"
#include "util/record.h"
#include "window.h"

/* What one call published; added to the broker's counters at its end. */
struct tally {
	u32 published;
	u32 unrouted;
	u32 returned;
	u32 refused;
	u32 nacked;
	u64 bytes;
};

static void add_tally(struct mqk_broker *broker, const struct tally *t)
{
	mqk_count(broker, published, t->published);
	mqk_count(broker, published_bytes, t->bytes);
	if (likely(!(t->unrouted | t->refused | t->nacked)))
		return;
	mqk_count(broker, unrouted, t->unrouted);
	mqk_count(broker, returned, t->returned);
	mqk_count(broker, refused, t->refused + t->nacked);
}

/* Have at least so many messages charged in advance. */
static int take_grant(struct mqk_port *p, u32 n)
{
	u32 more;
	int err;

	if (likely(p->grant >= n))
		return 0;
	more = round_up(n - p->grant, MQK_MESSAGE_GRANT);
	err = mqk_charge(p->tenant, MQK_RES_MESSAGES, more, &p->why);
	if (!err)
		p->grant += more;
	return err;
}

/* Feed a queue that lacks a chunk with one of the port's. */
static bool feed(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_chunk *c;

	if (!p->nr_chunks)
		return false;
	c = list_first_entry(&p->chunks, struct mqk_chunk, link);
	list_del(&c->link);
	p->nr_chunks--;
	mqk_index_feed(&q->index, c, c->owner);
	return true;
}

/* Reserve a place in a queue. */
static bool reserve(struct mqk_port *p, struct mqk_queue *q)
{
	if (!mqk_index_has_room(&q->index) && !feed(p, q))
		return false;
	q->index.reserved++;
	return true;
}

static_assert(offsetof(struct mqk_entry, headers_len) -
	      offsetof(struct mqk_entry, payload_len) ==
	      offsetof(struct mqk_record, headers_len) -
	      offsetof(struct mqk_record, payload_len));
static_assert(offsetof(struct mqk_entry, key_len) -
	      offsetof(struct mqk_entry, payload_len) ==
	      offsetof(struct mqk_record, key_len) -
	      offsetof(struct mqk_record, payload_len));

static __always_inline void describe(const struct mqk_port *p,
				     const struct mqk_record *r, u64 ref,
				     struct mqk_entry *e)
{
	e->ref = ref;
	/* the three lengths; the type, which comes next, is where flags go */
	memcpy((u8 *)e + offsetof(struct mqk_entry, payload_len),
	       (const u8 *)r + offsetof(struct mqk_record, payload_len), 8);
	e->flags = 0;
	e->exchange = r->exchange;
	e->count = 0;
	e->uid = p->uid;
	e->pid = p->pid;
}

/*
 * The queue whose lock is kept from one message to the next, while they all go
 * there and nothing else is to be done; for at most so many.
 */
struct hold {
	struct mqk_queue *queue;
	u32 left;
};

static void let_go(struct hold *h)
{
	if (!h->queue)
		return;
	spin_unlock(&h->queue->lock);
	h->queue = NULL;
}

static __always_inline void take_hold(struct hold *h, struct mqk_queue *q)
{
	if (likely(h->queue == q && h->left)) {
		h->left--;
		return;
	}
	let_go(h);
	spin_lock(&q->lock);
	h->queue = q;
	h->left = MQK_HOLD_MESSAGES - 1;
}

/*
 * Whether a special queue, which is locked, takes the message of p->head_copy.
 * If not, and *more, it has to be run.
 */
static noinline bool admits(struct mqk_port *p, struct mqk_queue *q, bool *more)
{
	*more = false;
	if (q->dead)
		return false;
	if (mqk_queue_admits_locked(q, p->head_copy.payload_len, more))
		return true;
	p->nack = true;
	return false;
}

/* Put the message of p->head_copy into one queue, which is held. */
static __always_inline int post_to_one(struct mqk_port *p, struct hold *h,
				       struct mqk_queue *q, u64 ref)
{
	struct mqk_entry *e;
	bool more;

	take_hold(h, q);
	if (unlikely(q->special) && !admits(p, q, &more)) {
		if (more) {
			let_go(h);
			mqk_queue_run(q);
		}
		return 0;
	}
	if (unlikely(!mqk_index_has_room(&q->index) && !feed(p, q))) {
		p->want_chunks = 1;
		return -ENOBUFS;
	}
	/* no failure past this point */
	e = mqk_index_append(&q->index);
	describe(p, &p->head_copy, ref, e);
	if (unlikely(mqk_queue_added_locked(q, e))) {
		let_go(h);
		mqk_queue_run(q);
	}
	return 1;
}

static void unreserve(const struct mqk_route *route, u32 n)
{
	while (n--) {
		struct mqk_queue *q = route->queue[n];

		spin_lock(&q->lock);
		mqk_index_unreserve(&q->index);
		spin_unlock(&q->lock);
	}
}

/*
 * Reserve a place in every queue, also in a dead one, where it is given up
 * again.  When chunks are missing, go on only to learn how many.
 */
static int reserve_all(struct mqk_port *p, const struct mqk_route *route)
{
	u32 i, reserved = 0, missing = 0;

	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		bool ok;

		spin_lock(&q->lock);
		if (unlikely(q->dead)) {
			/* given up again below; nothing is appended any more */
			ok = true;
			q->index.reserved += !missing;
		} else if (missing) {
			ok = mqk_index_has_room(&q->index);
		} else {
			ok = reserve(p, q);
		}
		spin_unlock(&q->lock);
		if (!ok)
			missing++;
		else if (!missing)
			reserved++;
	}
	if (!missing)
		return 0;
	unreserve(route, reserved);
	p->want_chunks = missing;
	return -ENOBUFS;
}

static int post_to_many(struct mqk_port *p, const struct mqk_route *route,
			u64 ref)
{
	u32 i, reached = 0;
	int err;

	err = reserve_all(p, route);
	if (err)
		return err;
	/* no failure past this point */
	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];
		struct mqk_entry *e;
		bool more = false;

		spin_lock(&q->lock);
		mqk_index_unreserve(&q->index);
		if (likely(!q->special) || admits(p, q, &more)) {
			e = mqk_index_append(&q->index);
			describe(p, &p->head_copy, ref, e);
			more = mqk_queue_added_locked(q, e);
			reached++;
		}
		spin_unlock(&q->lock);
		if (unlikely(more))
			mqk_queue_run(q);
	}
	return reached;
}

/*
 * Put the message of p->head_copy into all queues of a route.  The references
 * to its record, one per queue, must be there already.  Returns how many it
 * reached (fewer than the route has when some were deleted meanwhile), or an
 * error and it is in none; -ENOBUFS: prepare() and try again.
 */
static __always_inline int post(struct mqk_port *p, struct hold *h,
				const struct mqk_route *route, u64 ref)
{
	if (likely(route->nr == 1))
		return post_to_one(p, h, route->queue[0], ref);
	let_go(h);
	return route->nr ? post_to_many(p, route, ref) : 0;
}

/* Get what -ENOBUFS was about. */
static int prepare(struct mqk_port *p)
{
	u32 want = p->want_chunks;

	p->want_chunks = 0;
	return want ? mqk_port_feed(p, want) : mqk_router_grow(p->router, &p->why);
}

static void report_unrouted(struct mqk_port *p, struct tally *t, u32 flags)
{
	t->unrouted++;
	if (flags & MQK_MSG_F_MANDATORY) {
		t->returned++;
		mqk_port_complete(p, MQK_COMPLETION_RETURN, 0, p->seq, -ENOENT, 0);
	}
}

/*
 * Number a message that a queue refused, whatever others did: what came before it
 * is confirmed first.
 */
static noinline void report_nack(struct mqk_port *p, struct tally *t,
				 u32 reached, u32 payload_len)
{
	p->nack = false;
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

/* Number a message that was taken, and report what must be reported now. */
static __always_inline void report(struct mqk_port *p, struct tally *t,
				   u32 reached, u32 flags, u32 payload_len)
{
	if (unlikely(p->nack)) {
		report_nack(p, t, reached, payload_len);
		return;
	}
	p->seq++;
	p->reached = reached;
	t->published++;
	t->bytes += payload_len;
	trace_mqk_publish(p, p->seq, reached);
	if (unlikely(!reached))
		report_unrouted(p, t, flags);
}

/* Number a message that was refused: what came before it is confirmed first. */
static void report_refused(struct mqk_port *p, struct tally *t, int error)
{
	mqk_port_confirm(p);
	p->seq++;
	p->reported = p->seq;
	t->refused++;
	trace_mqk_publish(p, p->seq, error);
	mqk_port_complete(p, MQK_COMPLETION_ERROR, 0, p->seq, error, 0);
	memset(&p->why, 0, sizeof(p->why));
}

static __always_inline void finish(struct mqk_port *p, const struct tally *t,
				   u64 pos)
{
	if (p->flags & MQK_PORT_F_CONFIRM)
		mqk_port_confirm(p);
	if (p->pos != pos)
		mqk_port_wake(p);
	add_tally(p->broker, t);
}

/* Errors that say that a message cannot be taken now, not that it is bad. */
static bool for_now(int error)
{
	return error == -EDQUOT || error == -ENOSPC || error == -ENOMEM;
}

/* ---- in place ---- */

/*
 * The head of a record and the words of its key, as copied last, with what was
 * found out about them: most records are like the one before, and a head that
 * is equal to one that was checked needs no check.
 */
static __always_inline bool same_head(const struct mqk_port *p,
				      const struct mqk_record *r)
{
	const u64 *last = (const u64 *)&p->head_copy, *now = (const u64 *)r;
	const u64 *key = (const u64 *)r->key;
	u32 i;

	/* the commit word, in the lower half, was looked at already */
	if ((READ_ONCE(now[0]) ^ last[0]) >> 32 || READ_ONCE(now[1]) != last[1] ||
	    READ_ONCE(now[2]) != last[2] || READ_ONCE(now[3]) != last[3])
		return false;
	for (i = 0; i < p->key_last; i++)
		if (READ_ONCE(key[i]) != p->key.word[i])
			return false;
	return (READ_ONCE(key[i]) & p->key_mask) == p->key.word[i];
}

/* Which bytes of its last word belong to a key. */
static u64 key_mask(u32 len)
{
	return ~0ull >> (-len % 8 * 8);
}

/* The three lengths as they stand in an entry, with its flags, which are 0. */
static __always_inline u64 sizes(const struct mqk_record *r)
{
	union {
		struct {
			u32 payload_len;
			u16 headers_len;
			u8 key_len;
			u8 flags;
		};
		u64 word;
	} u = {
		.payload_len = r->payload_len,
		.headers_len = r->headers_len,
		.key_len = r->key_len,
	};

	return u.word;
}

/* Copy and check the head and the key of a record; its size, or -EPROTO. */
static s64 copy_new_head(struct mqk_port *p, const struct mqk_record *r, u64 room)
{
	struct mqk_record *copy = &p->head_copy;
	const u64 *key = (const u64 *)r->key;
	u32 i, len, words;

	p->size = 0;
	p->routed = false;
	memcpy(copy, r, MQK_RECORD_KEY);
	/* nothing below looks at the record's head again */
	barrier();
	p->size = mqk_record_size(copy, room);
	if (!p->size)
		return -EPROTO;
	p->sizes = sizes(copy);
	len = copy->key_len;
	/* the words that the key ends in are part of the record; so is the first */
	words = DIV_ROUND_UP(len, 8);
	for (i = 0; i < words; i++)
		p->key.word[i] = READ_ONCE(key[i]);
	mqk_key_pad(&p->key, len);
	if (words) {
		p->key_last = words - 1;
		p->key_mask = key_mask(len);
	} else {
		p->key.word[0] = 0;
		p->key_last = 0;
		p->key_mask = 0;
	}
	return p->size;
}

/*
 * Copy the head and the key of the record at the port's position, unless they
 * are the same as the last ones.  Returns the record's size; 0 when there is none yet; -EPROTO.
 */
static __always_inline s64 copy_head(struct mqk_port *p)
{
	struct mqk_segment *seg = p->segment;
	const struct mqk_record *r = seg->vaddr + p->offset;
	u64 room = seg->size - p->offset;

	/* (G) the record is complete once its generation appears */
	if (!room || smp_load_acquire(&r->commit) != seg->generation)
		return 0;
	if (likely(p->size && p->size <= room && same_head(p, r)))
		return p->size;
	return copy_new_head(p, r, room);
}

/*
 * Where the message leads whose head and key were copied, and whose record is
 * given; without one, -ENODATA when that depends on its headers.
 */
static const struct mqk_route *find_route(struct mqk_port *p, const void *record)
{
	const struct mqk_record *head = &p->head_copy;

	return mqk_route_again(p->router, head->exchange, &p->key) ?:
	       mqk_route_find(p->router, head->exchange, &p->key, record ?
			      record + MQK_RECORD_HEADERS(head->key_len) : NULL,
			      head->headers_len, &p->why);
}

enum { NONE, ALIKE, ANOTHER, MORE };

/* What stands at an offset: a record like the one whose head was copied last? */
static __always_inline int look(const struct mqk_port *p, u64 offset)
{
	const struct mqk_segment *seg = p->segment;
	const struct mqk_record *r = seg->vaddr + offset;
	u64 room = seg->size - offset;

	/* (G) */
	if (!room || smp_load_acquire(&r->commit) != seg->generation)
		return NONE;
	return p->size <= room && same_head(p, r) ? ALIKE : ANOTHER;
}

/* Records that are alike were posted to one queue. */
static __always_inline void posted(struct mqk_port *p, u64 offset, u32 n)
{
	p->offset = offset;
	p->grant -= n;
	mqk_segment_give(p->segment, n);
	p->seq += n;
	p->reached = 1;
}

/* As post_alike(), where the express lane is closed: they wait in the queue. */
static noinline u32 post_waiting(struct mqk_port *p, const struct mqk_route *route,
				 u32 budget, int *next)
{
	struct mqk_queue *q = route->queue[0];
	u64 offset = p->offset, ref = MQK_REF(p->segment->no, offset);
	u32 room = min(budget, p->grant), n = 0;
	struct mqk_entry *e;

	/* who may refuse is asked for each message */
	if (unlikely(q->special || trace_mqk_publish_enabled()))
		return 0;
	e = mqk_index_front(&q->index, &room);
	if (unlikely(!room))
		return 0;
	/* no failure past this point */
	do {
		describe(p, &p->head_copy, ref, &e[n++]);
		ref += p->size;
		offset += p->size;
		*next = look(p, offset);
	} while (*next == ALIKE && n < room && mqk_route_good(route));
	mqk_index_filled(&q->index, n);
	posted(p, offset, n);
	if (unlikely(mqk_queue_filled_locked(q, n, (u64)n * p->head_copy.payload_len)))
		*next = MORE;
	return n;
}

/*
 * Post the record whose head was copied, and those behind it that are like it,
 * to the one queue that they lead to, which is locked and not dead.  Returns how
 * many; *next says what comes behind them, or MORE: mqk_queue_run() comes next.
 */
static __always_inline u32 post_alike(struct mqk_port *p,
				      const struct mqk_route *route,
				      u32 budget, int *next)
{
	struct mqk_express x __uninitialized;
	struct mqk_queue *q = route->queue[0];
	u32 len = p->head_copy.payload_len;
	u64 offset = p->offset;
	u32 room, n = 0;

	*next = ALIKE;
	room = mqk_express_open(&x, q, len, min(budget, p->grant));
	if (unlikely(!room))
		return post_waiting(p, route, budget, next);
	x.ref = MQK_REF(p->segment->no, offset);
	x.sizes = p->sizes;
	x.exchange = mqk_pair(p->head_copy.exchange, 0);
	x.sender = mqk_pair(p->uid, p->pid);
	/* no failure past this point */
	do {
		mqk_express_send(&x);
		x.ref += p->size;
		offset += p->size;
		n++;
		*next = look(p, offset);
	} while (*next == ALIKE && n < room &&
		 /* one that was committed after a change goes by the change */
		 mqk_route_good(route));
	mqk_express_close(&x, len, n);
	posted(p, offset, n);
	return n;
}

/*
 * Route and post the record whose head was copied, under RCU, and perhaps some
 * behind it.  Returns how many of the budget that used, or an error.
 */
static __always_inline int post_records(struct mqk_port *p, struct tally *t,
					struct hold *h, u32 budget)
{
	struct mqk_segment *seg = p->segment;
	const struct mqk_route *route;
	int n, next;

	route = p->routed ? mqk_route_last(p->router) :
			    mqk_route_again(p->router, p->head_copy.exchange, &p->key);
	if (unlikely(!route)) {
		let_go(h);		/* this may take longer */
		route = find_route(p, seg->vaddr + p->offset);
		if (IS_ERR(route))
			return PTR_ERR(route);
	}
	p->routed = true;
	n = take_grant(p, route->nr);
	if (unlikely(n))
		return n;
	if (likely(route->nr == 1)) {
		take_hold(h, route->queue[0]);
		if (likely(!h->queue->dead)) {
			n = post_alike(p, route, min(budget, h->left + 1), &next);
			h->left -= n ? n - 1 : 0;
			if (unlikely(next == MORE)) {
				let_go(h);
				mqk_queue_run(route->queue[0]);
			}
		}
		if (likely(n)) {
			t->published += n;
			t->bytes += (u64)n * p->head_copy.payload_len;
			return n;
		}
	}
	n = post(p, h, route, MQK_REF(seg->no, p->offset));
	if (unlikely(n < 0))
		return n;
	if (likely(n)) {
		mqk_segment_give(seg, n);
		p->grant -= n;
	}
	report(p, t, n, p->head_copy.flags, p->head_copy.payload_len);
	p->offset += p->size;
	return 1 + n / MQK_WALK_BATCH;
}

/*
 * Take records, under RCU, until there are no more (0) or something stops it:
 * an error of the record (its head and key are copied, and its size is set), or
 * -EAGAIN when the ring is full, -EPROTO when the record is none.
 */
static int walk(struct mqk_port *p, struct tally *t, u32 budget, s64 *size)
{
	struct hold h = {};
	int n = 0;

	while (budget) {
		*size = copy_head(p);
		if (*size <= 0) {
			n = *size;
			break;
		}
		if (unlikely(!mqk_port_has_room(p))) {
			n = p->error ?: -EAGAIN;
			break;
		}
		n = post_records(p, t, &h, budget);
		if (unlikely(n < 0))
			break;
		budget -= min_t(u32, budget, n);
		n = 0;
	}
	let_go(&h);
	return n;
}

/* What stopped a walk: 0 when it can go on. */
static int overcome(struct mqk_port *p, struct tally *t, int err, s64 size)
{
	if (err == -ENOBUFS)
		return prepare(p);
	if (err == -EPROTO)
		mqk_port_break(p, err);
	if (err == -EPROTO || err == -EAGAIN || p->error || for_now(err))
		return err;
	report_refused(p, t, err);
	p->offset += size;
	return 0;
}

/*
 * The usual case: the records are like the last one, and go where it went, by
 * the express lane.  Returns how many were posted; *next says what comes next.
 */
static __always_inline u32 walk_alike(struct mqk_port *p, int *next)
{
	const struct mqk_route *route;
	struct mqk_queue *q;
	u32 n = 0;

	if (unlikely(p->error || !p->routed))
		return 0;
	*next = look(p, p->offset);
	if (unlikely(*next != ALIKE))
		return 0;
	route = mqk_route_last(p->router);
	if (unlikely(!route || route->nr != 1 || !p->grant || !mqk_port_has_room(p)))
		return 0;
	q = route->queue[0];
	spin_lock(&q->lock);
	if (likely(!q->dead))
		n = post_alike(p, route, MQK_HOLD_MESSAGES, next);
	spin_unlock(&q->lock);
	if (unlikely(*next == MORE))
		mqk_queue_run(q);
	return n;
}

/* All else, after so many messages. */
static noinline int walk_rest(struct mqk_port *p, u32 taken) __must_hold(RCU)
{
	struct tally t = {
		.published = taken,
		.bytes = (u64)taken * p->head_copy.payload_len,
	};
	u64 pos = p->pos, before;
	s64 size;
	int err;

	if (unlikely(p->error))
		return p->error;
	if (unlikely(!p->segment))
		return 0;
	do {
		before = p->offset;
		err = walk(p, &t, MQK_WALK_BATCH, &size);
		if (likely(!err && (!size || p->offset == before)))
			break;
		rcu_read_unlock();
		if (err)
			err = overcome(p, &t, err, size);
		cond_resched();
		rcu_read_lock();
	} while (!err && !fatal_signal_pending(current));
	WRITE_ONCE(p->page->position, p->offset);
	finish(p, &t, pos);
	return t.published + t.refused ?: err;
}

/**
 * mqk_publish_doorbell() - take the committed records of the open segment
 * @p: the port
 *
 * Context: p->mutex and the RCU read side, which it leaves when it has to sleep:
 * it is the mutex that keeps the port then.
 * Return: how many, refused ones included; when there are none, why not: 0,
 * -EAGAIN, -EDQUOT, -ENOSPC, -ENOMEM, or the error that broke the port
 */
int mqk_publish_doorbell(struct mqk_port *p) __must_hold(RCU)
{
	struct mqk_counters __percpu *counters;
	int next = ANOTHER;
	u32 n;

	lockdep_assert_held(&p->mutex);
	n = walk_alike(p, &next);
	if (unlikely(next != NONE || p->flags & MQK_PORT_F_CONFIRM))
		return walk_rest(p, n);
	if (likely(n)) {
		WRITE_ONCE(p->page->position, p->offset);
		counters = p->broker->counters;
		this_cpu_add(counters->published, n);
		this_cpu_add(counters->published_bytes,
			     (u64)n * p->head_copy.payload_len);
	}
	return n;
}

static int walk_all(struct mqk_port *p)
{
	int n;

	rcu_read_lock();
	n = mqk_publish_doorbell(p);
	rcu_read_unlock();
	return n;
}

/**
 * mqk_publish_rest() - end a port: take what is committed, and close its segment
 * @p: the port; nobody reads its completions any more
 *
 * A commit is a publish: the doorbell only asks for attention.  What a limit
 * refuses is lost.
 *
 * Context: may sleep; takes p->mutex.
 */
void mqk_publish_rest(struct mqk_port *p)
{
	mutex_lock(&p->mutex);
	p->closing = true;
	if (p->window)
		mqk_window_show(p->window, NULL);
	while (walk_all(p) > 0)
		cond_resched();
	mqk_port_close_segment(p);
	if (!p->error)
		WRITE_ONCE(p->error, -ENOENT);
	mutex_unlock(&p->mutex);
	wake_up_interruptible_all(&p->wq);
}

static int next_segment(struct mqk_port *p, struct mqk_port_segment *arg)
{
	struct mqk_segment *seg;
	int n;

	if (!p->window)
		return -EINVAL;
	if (arg->min_size > MQK_MESSAGE_MAX)
		return mqk_refuse(&p->why, MQK_RULE_TOO_LARGE, -EMSGSIZE);
	do {
		n = walk_all(p);
	} while (n > 0);
	if (n < 0)
		return n;

	seg = mqk_segment_open(&p->broker->store, arg->min_size, p->clear,
			       p->tenant, &p->why);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	/* no failure past this point */
	mqk_window_show(p->window, NULL);
	/* what another thread committed meanwhile */
	while (walk_all(p) > 0)
		cond_resched();
	mqk_port_close_segment(p);
	p->segment = seg;
	WRITE_ONCE(p->page->position, 0);
	mqk_window_show(p->window, seg);
	arg->generation = seg->generation;
	arg->map_size = seg->size;
	arg->segment = seg->no;
	return 0;
}

/**
 * mqk_publish_next_segment() - give a port its next segment
 * @p: the port
 * @arg: as uapi; the offset of the mapping is the caller's to fill
 *
 * Context: may sleep; takes p->mutex.
 * Return: errno as struct mqk_port_segment says
 */
int mqk_publish_next_segment(struct mqk_port *p, struct mqk_port_segment *arg)
{
	int err;

	mutex_lock(&p->mutex);
	err = next_segment(p, arg);
	mutex_unlock(&p->mutex);
	return err;
}

/* ---- copies ---- */

/* The head that a message will have, but for its generation. */
static void make_head(struct mqk_port *p, const struct mqk_message *m)
{
	struct mqk_record *r = &p->head_copy;

	memset(r, 0, sizeof(*r));
	r->payload_len = m->payload_len;
	r->headers_len = m->headers_len;
	r->key_len = m->key_len;
	r->type = MQK_RECORD_DATA;
	r->flags = m->flags;
	r->exchange = m->exchange;
	/* what is copied is not a record that was checked */
	p->size = 0;
	p->routed = false;
}

static int check_message(struct mqk_port *p, const struct mqk_message *m,
			 u64 *size)
{
	if (m->flags & ~MQK_MSG_F_ALL || m->priority || m->headers_len % 8 ||
	    m->resv[0] | m->resv[1] | m->resv[2])
		return mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	*size = MQK_RECORD_SIZE(m->key_len, m->headers_len, m->payload_len);
	if (*size > MQK_MESSAGE_MAX)
		return mqk_refuse(&p->why, MQK_RULE_TOO_LARGE, -EMSGSIZE);
	if (copy_from_user(p->key.word, u64_to_user_ptr(m->key), m->key_len))
		return -EFAULT;
	mqk_key_pad(&p->key, m->key_len);
	return 0;
}

/* Write a record into room that no process can write to. */
static int fill_record(struct mqk_port *p, const struct mqk_message *m,
		       struct mqk_segment *seg, u64 offset)
{
	u8 *at = seg->vaddr + offset;
	u8 *headers = at + MQK_RECORD_HEADERS(m->key_len);
	u8 *payload = at + MQK_RECORD_PAYLOAD(m->key_len, m->headers_len);
	struct mqk_record *r = &p->head_copy;

	r->commit = seg->generation;
	memcpy(at, r, MQK_RECORD_KEY);
	memcpy(at + MQK_RECORD_KEY, p->key.word, m->key_len);
	if (copy_from_user(headers, u64_to_user_ptr(m->headers), m->headers_len) ||
	    copy_from_user(payload, u64_to_user_ptr(m->payload), m->payload_len))
		return -EFAULT;
	if (!mqk_headers_valid(headers, m->headers_len))
		return mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
}

/*
 * Post a copy to which the caller has one reference, which is given to the
 * queue if there is but one, else put at the end.
 */
static int post_copy(struct mqk_port *p, struct mqk_segment *seg, u64 offset)
{
	const struct mqk_route *route;
	struct hold h = {};
	u32 i, nr = 0;
	int n;

	do {
		rcu_read_lock();
		route = find_route(p, seg->vaddr + offset);
		n = IS_ERR(route) ? PTR_ERR(route) : take_grant(p, route->nr);
		if (!n) {
			nr = route->nr;
			if (nr > 1) {
				p->grant -= nr;
				mqk_segment_get(seg, nr);
			}
			n = post(p, &h, route, MQK_REF(seg->no, offset));
			let_go(&h);
			/* references of queues that it did not reach */
			for (i = max(n, 0); nr > 1 && i < nr; i++)
				mqk_segment_put(seg);
		}
		rcu_read_unlock();
		if (n == -ENOBUFS)
			n = prepare(p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	if (nr != 1 || n != 1)
		mqk_segment_put(seg);
	return n;
}

/*
 * A message that leads nowhere is not worth a copy, but whether it is a message
 * does not depend on who is bound: 0, or the error that a copy would have met.
 */
static int check_unrouted(struct mqk_port *p, const struct mqk_message *m)
{
	void *headers;
	bool valid;

	if (m->headers_len) {
		headers = vmemdup_user(u64_to_user_ptr(m->headers),
				       m->headers_len);
		if (IS_ERR(headers))
			return PTR_ERR(headers);
		valid = mqk_headers_valid(headers, m->headers_len);
		kvfree(headers);
		if (!valid)
			return mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT,
					  -EINVAL);
	}
	return fault_in_readable(u64_to_user_ptr(m->payload), m->payload_len) ?
	       -EFAULT : 0;
}

/*
 * Whether a message leads anywhere: 0 or 1, or an error.  Where that depends on
 * its headers, which were not copied yet, it may.
 */
static int leads_somewhere(struct mqk_port *p)
{
	const struct mqk_route *route;
	int n;

	do {
		rcu_read_lock();
		route = find_route(p, NULL);
		n = IS_ERR(route) ? PTR_ERR(route) : !!route->nr;
		rcu_read_unlock();
		if (n == -ENOBUFS)
			n = prepare(p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	return n == -ENODATA ? 1 : n;
}

/* Publish a copy of one message: the queues it reached, or an error. */
static int copy_one(struct mqk_port *p, const struct mqk_message *m)
{
	struct mqk_segment *seg;
	u64 size, offset;
	int n;

	if (!mqk_port_has_room(p))
		return p->error ?: -EAGAIN;
	make_head(p, m);
	n = check_message(p, m, &size);
	if (n)
		return n;
	n = leads_somewhere(p);
	if (n <= 0)
		return n ?: check_unrouted(p, m);
	n = take_grant(p, 1);
	if (n)
		return n;
	seg = mqk_appender_take(&p->broker->store, p->tenant, size, &offset,
				&p->why);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	p->grant--;
	n = fill_record(p, m, seg, offset);
	if (n) {
		mqk_segment_put(seg);
		return n;
	}
	return post_copy(p, seg, offset);
}

/*
 * A copy was refused.  If it is not the first one of the call, the call succeeds
 * and the caller comes again with it: then it counts.  One that only waits for
 * room in the ring was not refused.
 */
static void tell_refused(struct mqk_port *p, struct tally *t, int error)
{
	if (t->published || error == -EAGAIN || p->error)
		return;
	t->refused++;
	trace_mqk_publish(p, 0, error);
}

static int publish_copies(struct mqk_port *p,
			  const struct mqk_message __user *messages, u32 count)
{
	struct tally t = {};
	struct mqk_message m;
	u64 pos = p->pos;
	int n = p->error;
	u32 i;

	for (i = 0; !n && i < count; i++) {
		if (copy_from_user(&m, &messages[i], sizeof(m))) {
			n = -EFAULT;
			break;
		}
		n = copy_one(p, &m);
		if (unlikely(n < 0)) {
			tell_refused(p, &t, n);
			break;
		}
		report(p, &t, n, m.flags, m.payload_len);
		n = 0;
		if (i % MQK_WALK_BATCH == MQK_WALK_BATCH - 1) {
			cond_resched();
			if (signal_pending(current))
				n = -EINTR;
		}
	}
	finish(p, &t, pos);
	return t.published ?: n;
}

/**
 * mqk_publish_copies() - publish copies of messages
 * @p: the port
 * @messages: the messages
 * @count: how many
 * @first_seq: number of the first one
 *
 * Context: may sleep; takes p->mutex.
 * Return: how many were taken; when the first was refused, why
 */
int mqk_publish_copies(struct mqk_port *p,
		       const struct mqk_message __user *messages, u32 count,
		       u64 *first_seq)
{
	int n;

	mutex_lock(&p->mutex);
	*first_seq = p->seq + 1;
	n = publish_copies(p, messages, count);
	mutex_unlock(&p->mutex);
	return n;
}
