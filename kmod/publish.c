// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing in place.
 */
#include "publish.h"

#include <linux/sched/signal.h>

#include "broker.h"
#include "deliver.h"
#include "express.h"
#include "limits.h"
#include "port.h"
#include "post.h"
#include "queue.h"
#include "room.h"
#include "segment.h"
#include "staged.h"
#include "tally.h"
#include "trace.h"
#include "util/record.h"
#include "window.h"

/* Errors that say that a message cannot be taken now, not that it is bad. */
static bool for_now(int error)
{
	return error == -EDQUOT || error == -ENOSPC || error == -ENOMEM ||
	       error == -EBUSY || error == -EOVERFLOW;
}

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

/* Not a message, but what the next one's number is. */
#define RENUMBERED	(-ENOMSG)

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
		return mqk_record_renumbers(copy, room) && p->producer ? RENUMBERED :
									 -EPROTO;
	if (unlikely(copy->flags & MQK_MSG_F_HEADERS))
		mqk_router_forget_last(p->router);
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

/* How many records were posted, and what comes behind them, as one word. */
#define NEXT_BITS	2
#define POSTED(n, next)	((n) << NEXT_BITS | (next))

static_assert(MORE < 1 << NEXT_BITS);

/*
 * As post_alike(), where the express lane is closed: they wait in the queue.
 * Returns POSTED(); with a pointer to what comes next, that could not be in a
 * register where it matters.
 */
static noinline u32 post_waiting(struct mqk_port *p, struct mqk_route *route,
				 u32 budget)
{
	struct mqk_queue *q = route->queue[0];
	u64 offset = p->offset, ref = MQK_REF(p->segment->no, offset);
	u32 room = min(budget, p->grant), n = 0;
	struct mqk_entry *e;
	int next;

	/* who may refuse is asked for each message */
	if (unlikely(q->special || trace_mqk_publish_enabled()))
		return POSTED(0, ALIKE);
	e = mqk_index_front(&q->index, &room);
	if (unlikely(!room))
		return POSTED(0, ALIKE);
	/* no failure past this point */
	do {
		mqk_post_describe(p, &p->head_copy, ref, &e[n++]);
		ref += p->size;
		offset += p->size;
		next = look(p, offset);
	} while (next == ALIKE && n < room && mqk_route_good(route));
	mqk_index_filled(&q->index, n);
	posted(p, offset, n);
	if (unlikely(mqk_queue_filled_locked(q, n, (u64)n * p->head_copy.payload_len)))
		next = MORE;
	return POSTED(n, next);
}

/*
 * Post the record whose head was copied, and those behind it that are like it,
 * to the one queue that they lead to, which is locked and not dead.  Returns how
 * many; *next says what comes behind them, or MORE: mqk_queue_run() comes next.
 */
static __always_inline u32 post_alike(struct mqk_port *p,
				      struct mqk_route *route,
				      u32 budget, int *next)
{
	struct mqk_express x __uninitialized;
	struct mqk_queue *q = route->queue[0];
	u32 len = p->head_copy.payload_len;
	u64 offset = p->offset;
	u32 room, n = 0;

	room = mqk_express_open(&x, q, len, min(budget, p->grant));
	if (unlikely(!room)) {
		n = post_waiting(p, route, budget);
		*next = n & ((1 << NEXT_BITS) - 1);
		return n >> NEXT_BITS;
	}
	x.ref = MQK_REF(p->segment->no, offset);
	x.sizes = p->sizes;
	x.exchange = mqk_post_exchange(&p->head_copy);
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

/* Count and report one record that was posted, or not: n, as mqk_post() says. */
static __always_inline int finish(struct mqk_port *p, struct mqk_tally *t, int n)
{
	if (unlikely(n < 0))
		return n;
	if (likely(n)) {
		mqk_segment_give(p->segment, n);
		p->grant -= n;
	}
	mqk_tally_report(p, t, n, p->head_copy.flags, p->head_copy.payload_len);
	p->offset += p->size;
	return 1 + n / MQK_WALK_BATCH;
}

/*
 * As post_records(), for one with further keys or an id that counts, or that is
 * remembered.
 */
static noinline int post_further(struct mqk_port *p, struct mqk_tally *t,
				 struct mqk_hold *h, struct mqk_route *route)
{
	struct mqk_segment *seg = p->segment;

	return mqk_post_grant(p, route->nr) ?:
	       finish(p, t, mqk_post_further(p, h, route,
					     MQK_REF(seg->no, p->offset),
					     seg->vaddr + p->offset));
}

/*
 * Route and post the record whose head was copied, under RCU, and perhaps some
 * behind it.  Returns how many of the budget that used, or an error.
 */
static __always_inline int post_records(struct mqk_port *p, struct mqk_tally *t,
					struct mqk_hold *h, u32 budget)
{
	struct mqk_segment *seg = p->segment;
	struct mqk_route *route;
	int n, next;

	route = p->routed ? mqk_route_last(p->router) :
			    mqk_route_again(p->router, p->head_copy.exchange, &p->key);
	if (unlikely(!route)) {
		mqk_hold_end(h);		/* this may take longer */
		route = mqk_post_route(p, seg->vaddr + p->offset);
		if (IS_ERR(route))
			return PTR_ERR(route);
		if (unlikely(p->head_copy.flags & MQK_MSG_F_HEADERS || route->further))
			return post_further(p, t, h, route);
	}
	/* one that brings a time of its own does not go with others */
	p->routed = likely(!(p->head_copy.flags & MQK_MSG_F_TIME));
	n = mqk_post_grant(p, route->nr);
	if (unlikely(n))
		return n;
	if (likely(route->nr == 1 && p->routed)) {
		mqk_hold_queue(h, route->queue[0]);
		if (likely(!h->queue->dead)) {
			n = post_alike(p, route, min(budget, h->left + 1), &next);
			h->left -= n ? n - 1 : 0;
			if (unlikely(next == MORE)) {
				mqk_hold_end(h);
				mqk_queue_run(route->queue[0]);
			}
		}
		if (likely(n)) {
			t->published += n;
			t->bytes += (u64)n * p->head_copy.payload_len;
			return n;
		}
	}
	return finish(p, t, mqk_post(p, h, route, MQK_REF(seg->no, p->offset)));
}

/* As post_records(), for one of a producer, whose number is p->number. */
static int post_numbered(struct mqk_port *p, struct mqk_tally *t)
{
	struct mqk_segment *seg = p->segment;
	void *record = seg->vaddr + p->offset;
	struct mqk_route *route;

	p->number = mqk_port_next_number(p);
	route = mqk_post_route(p, record);
	if (IS_ERR(route))
		return PTR_ERR(route);
	return mqk_post_grant(p, route->nr) ?:
	       finish(p, t, mqk_post_numbered(p, route, MQK_REF(seg->no, p->offset),
					      record));
}

/*
 * As post_records(), in a transaction: it is kept back, with a reference of its own,
 * which is all that it takes.
 */
static noinline int stage(struct mqk_port *p, struct mqk_tally *t)
{
	struct mqk_segment *seg = p->segment;
	struct mqk_route *route;
	int err;

	if (p->producer)
		return mqk_staged_refuse(p, mqk_port_next_number(p));
	/* where it leads now does not matter, but that it may be published does */
	route = mqk_post_route(p, seg->vaddr + p->offset);
	if (IS_ERR(route))
		return PTR_ERR(route);
	err = mqk_post_grant(p, 1) ?: mqk_staged_add(p, seg, p->offset);
	if (err)
		return err;
	mqk_segment_give(seg, 1);
	p->grant--;
	p->offset += p->size;
	t->aside++;
	return 1;
}

/* What a port does with a record that has a producer, or is in a transaction. */
static noinline int post_apart(struct mqk_port *p, struct mqk_tally *t)
{
	return p->staging ? stage(p, t) : post_numbered(p, t);
}

/* The record whose head was copied says which number the next message has. */
static noinline int renumber(struct mqk_port *p)
{
	const u64 *key = p->segment->vaddr + p->offset + MQK_RECORD_KEY;
	u64 number = READ_ONCE(*key);

	if (!number)
		return -EPROTO;
	p->ahead = number - (p->seq + 1);
	p->offset += MQK_RECORD_ALIGN;
	return 0;
}

/*
 * Take records, under RCU, until there are no more (0) or something stops it:
 * an error of the record (its head and key are copied, and its size is set), or
 * -EAGAIN when the ring is full, -EPROTO when the record is none.
 */
static int walk(struct mqk_port *p, struct mqk_tally *t, u32 budget, s64 *size)
{
	struct mqk_hold h = {};
	int n = 0;

	while (budget) {
		*size = copy_head(p);
		if (*size <= 0) {
			n = *size;
			if (unlikely(n == RENUMBERED))
				n = renumber(p);
			else
				break;
			if (n)
				break;
			budget--;
			continue;
		}
		if (unlikely(!mqk_port_has_room(p))) {
			n = p->error ?: -EAGAIN;
			break;
		}
		n = likely(!p->apart) ? post_records(p, t, &h, budget) :
					post_apart(p, t);
		if (unlikely(n < 0))
			break;
		budget -= min_t(u32, budget, n);
		n = 0;
	}
	mqk_hold_end(&h);
	return n;
}

/* A record of a transaction was refused, which cannot be committed any more. */
static void refuse_staged(struct mqk_port *p, struct mqk_tally *t, int error)
{
	u64 seq = p->seq + ++p->staged_nr;

	p->staged_error = p->staged_error ?: error;
	t->refused++;
	trace_mqk_publish(p, seq, error);
	mqk_port_complete(p, MQK_COMPLETION_ERROR, 0, seq, error, 0);
	memset(&p->why, 0, sizeof(p->why));
}

/* What stopped a walk: 0 when it can go on. */
static int overcome(struct mqk_port *p, struct mqk_tally *t, int err, s64 size)
{
	if (err == -ENOBUFS)
		return p->staging && !p->spare ? mqk_staged_supply(p) :
						 mqk_post_prepare(p);
	if (err == -EPROTO)
		mqk_port_break(p, err);
	if (err == -EPROTO || err == -EAGAIN || p->error || for_now(err))
		return err;
	if (p->staging)
		refuse_staged(p, t, err);
	else
		mqk_tally_refused(p, t, err);
	p->offset += size;
	return 0;
}

/*
 * The usual case: the records are like the last one, and go where it went, by
 * the express lane.  Returns how many were posted; *next says what comes next.
 */
static __always_inline u32 walk_alike(struct mqk_port *p, int *next)
{
	struct mqk_route *route;
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
	struct mqk_tally t = {
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
		if (unlikely(p->crowded))
			mqk_post_wait(p);
		cond_resched();
		rcu_read_lock();
	} while (!err && !fatal_signal_pending(current));
	WRITE_ONCE(p->page->position, p->offset);
	mqk_tally_finish(p, &t, pos);
	if (unlikely(err || p->stopped))
		mqk_room_stopped(p, err);
	if (unlikely(p->crowded)) {
		rcu_read_unlock();
		mqk_post_wait(p);
		rcu_read_lock();
	}
	return t.published + t.refused + t.aside ?: err;
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

/* Take what is committed, all of it unless something stops it: 0, or what does. */
static int walk_some(struct mqk_port *p)
{
	int n;

	while ((n = walk_all(p)) > 0)
		cond_resched();
	return n;
}

/**
 * mqk_publish_join() - have what a port publishes be part of a transaction from now on
 * @p: the port
 * @st: the transaction
 * @why: filled when it fails
 *
 * What was committed before is taken first.  A copy that waits for room is its
 * caller's: if it comes again, it is part of the transaction.
 *
 * Context: may sleep; takes p->mutex; session->tx_mutex.
 * Return: 0; the errno of mqk_publish_doorbell() if that is not possible
 */
int mqk_publish_join(struct mqk_port *p, struct mqk_staging *st,
		     struct mqk_refusal *why)
{
	int err;

	mutex_lock(&p->mutex);
	err = walk_some(p);
	if (p->error)
		err = 0;		/* it publishes nothing */
	if (err) {
		*why = p->why;
		memset(&p->why, 0, sizeof(p->why));
	} else {
		p->held = false;
		mqk_room_stopped(p, 0);
		mqk_staging_join(st, p);
	}
	mutex_unlock(&p->mutex);
	return err;
}

/**
 * mqk_publish_stage_rest() - close a port to its transaction: take what is committed
 * @p: the port
 * @why: filled when it fails
 *
 * Context: may sleep; takes p->mutex; session->tx_mutex.
 * Return: 0; why not all of it could be taken
 */
int mqk_publish_stage_rest(struct mqk_port *p, struct mqk_refusal *why)
{
	int err;

	mutex_lock(&p->mutex);
	err = p->closing ? 0 : walk_some(p);
	/* it has a producer, so it takes no part */
	if (err == -ESTALE)
		err = 0;
	err = p->staged_error ?: err;
	if (err)
		*why = p->why;
	memset(&p->why, 0, sizeof(p->why));
	p->staging_closed = true;
	p->staging_pos = p->pos;
	mutex_unlock(&p->mutex);
	return err;
}

/**
 * mqk_publish_skip() - pass by what is committed in the open segment
 * @p: the port, in a transaction that is forgotten
 *
 * Context: may sleep; p->mutex.
 */
void mqk_publish_skip(struct mqk_port *p)
{
	s64 size = 0;
	u32 n;

	lockdep_assert_held(&p->mutex);
	for (n = 1; p->segment && !p->error; n++) {
		size = copy_head(p);
		if (size == RENUMBERED)
			size = MQK_RECORD_ALIGN;
		if (size <= 0)
			break;
		p->offset += size;
		if (n % MQK_WALK_BATCH == 0)
			cond_resched();
	}
	if (size == -EPROTO)
		mqk_port_break(p, size);
	if (p->segment)
		WRITE_ONCE(p->page->position, p->offset);
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
	int err;

	mutex_lock(&p->mutex);
	p->closing = true;
	if (p->window)
		mqk_window_show(p->window, NULL);
	err = walk_some(p);
	if (p->staging && err)
		p->staged_error = p->staged_error ?: err;
	mqk_port_close_segment(p);
	if (!p->error)
		WRITE_ONCE(p->error, -ENOENT);
	mutex_unlock(&p->mutex);
	mqk_room_close(p);
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
