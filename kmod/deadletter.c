// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dead letters: what becomes of messages that are dying (dying.h).
 *
 * The work of a queue takes them one by one, in the order of death, and for each
 *	reads	the headers of its record, once, from where they lie: a process
 *		may be able to write there still
 *	writes	headers that tell of the death (util/death.h)
 *	routes	through the dead-letter exchange, with the rights of who named it,
 *		and leaves out queues to which it would come back in a circle
 *	copies	a record of its own, where the copies of its publisher go
 *	posts	it as any message: a place in each queue first, then it is in all
 *	ends	the entry of the dying one
 *
 * What has no well-formed headers, or leads nowhere, is lost, and counted.  What
 * lacks memory or credit is put behind the others, and tried again later.  Its
 * publisher pays, beyond a limit if it must be: what dies is charged already, and
 * is given back once its letter is written.
 *
 * A letter that dies at once where it comes is the business of the work of that
 * queue: there is no recursion.
 *
 * Locks: none, but where a step says so; queue->lock of one queue at a time.
 */
#include "dying.h"

#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "appender.h"
#include "broker.h"
#include "exchange.h"
#include "limits.h"
#include "port.h"
#include "post.h"
#include "rules.h"
#include "segment.h"
#include "trace.h"
#include "util/death.h"
#include "util/record.h"
#include "work.h"

/* Copied between two looks at need_resched(). */
#define COPY_STEP	SZ_64K

/* A message that is dying, and the rules of its queue, copied under the lock. */
struct letter {
	struct mqk_entry *entry;	/* in its place until the letter is written */
	struct mqk_entry copy;
	enum mqk_reason reason;
	u64 seq;
	u32 flags;			/* of its record */
	s64 expiration;			/* the same, or -1 */
	struct mqk_segment *from;	/* where it lies */
	struct mqk_rules_text exchange;
	struct mqk_rules_text key;
	u8 own_key[MQK_KEY_MAX];
	u32 own_key_len;
	u8 origin[MQK_NAME_MAX];	/* exchange that it was published to */
	u32 origin_len;
	bool origin_known;
};

/* What the work of a queue writes letters with. */
struct postman {
	struct mqk_queue *queue;
	const struct cred *cred;
	struct mqk_port *port;		/* of the publisher of the last one */
	struct letter letter;
	struct mqk_route *route;	/* with room for so many */
	u8 *old;			/* headers that it had */
	u8 *headers;			/* and has as a letter */
	u32 len;
};

static void forget_port(struct postman *m)
{
	if (m->port)
		mqk_port_put(m->port);
	m->port = NULL;
}

/* ---- the letter ---- */

/* Take the first dying message, and the identity under which it is published. */
static bool first_letter(struct postman *m, struct letter *l)
{
	struct mqk_queue *q = m->queue;
	const struct cred *old = NULL;
	struct mqk_entry *e = NULL;

	spin_lock(&q->lock);
	if (!q->dead)
		e = mqk_dying_first(q);
	if (e) {
		l->entry = e;
		l->copy = *e;
		l->reason = mqk_dying_reason(e);
		l->seq = mqk_entry_seq(e);
		/* it may have been taken away meanwhile */
		l->exchange.given = mqk_rules_dead_letters(q->rules);
		if (l->exchange.given) {
			l->exchange = q->rules->dead_exchange;
			l->key = q->rules->dead_key;
		}
		if (m->cred != q->dying->cred) {
			old = m->cred;
			m->cred = get_cred(q->dying->cred);
		}
	}
	spin_unlock(&q->lock);
	if (old) {
		forget_port(m);
		put_cred(old);
	}
	return e;
}

/* Its name may be gone with it. */
static void find_origin(struct postman *m, struct letter *l)
{
	struct mqk_exchange *x;

	rcu_read_lock();
	x = xa_load(&m->queue->broker->exchanges, l->copy.exchange);
	l->origin_known = x;
	if (x) {
		l->origin_len = x->name_len;
		memcpy(l->origin, x->name, x->name_len);
	}
	rcu_read_unlock();
}

/*
 * Copy what a letter needs of a record.  Its lengths are the entry's; all else may
 * be written to, so it is copied once, and the copy is checked.
 */
static int read_record(struct postman *m, struct letter *l)
{
	const struct mqk_entry *e = &l->copy;
	u64 offset = MQK_REF_OFFSET(e->ref);
	const struct mqk_record *r;

	l->from = mqk_segment_of(&m->queue->broker->store, e->ref);
	if (WARN_ON_ONCE(MQK_RECORD_SIZE(e->key_len, e->headers_len, e->payload_len) >
			 l->from->size - offset))
		return -EIO;
	r = l->from->vaddr + offset;
	l->flags = READ_ONCE(r->flags);
	l->expiration = -1;
	if (l->flags & MQK_MSG_F_EXPIRATION)
		l->expiration = READ_ONCE(r->expiration);
	l->own_key_len = e->key_len;
	memcpy(l->own_key, r->key, e->key_len);
	memcpy(m->old, (const u8 *)r + MQK_RECORD_HEADERS(e->key_len), e->headers_len);
	/* nothing below looks at the record's head or headers again */
	barrier();
	if (!mqk_headers_valid(m->old, e->headers_len))
		return -EBADMSG;
	if (l->flags & MQK_MSG_F_CC)
		mqk_cc_blank(m->old, e->headers_len);
	return 0;
}

/* Write the headers that it has as a letter. */
static int write_headers(struct postman *m, struct letter *l)
{
	const struct mqk_death d = {
		.reason = l->reason,
		.queue = { m->queue->name, m->queue->name_len },
		.exchange = { l->origin_known ? l->origin : NULL, l->origin_len },
		.key = { l->own_key, l->own_key_len },
		.further = l->flags & MQK_MSG_F_CC,
		.forget = l->flags & MQK_MSG_F_CC && l->key.given,
		.time = ktime_get_real_seconds(),
		.expiration = l->expiration,
	};
	int len;

	len = mqk_death_write(&d, m->old, l->copy.headers_len, m->headers,
			      MQK_HEADERS_MAX);
	if (len < 0)
		return len;
	m->len = len;
	return 0;
}

/* ---- where it goes ---- */

/* A port for what this publisher has published, and who named the exchange. */
static int get_port(struct postman *m, const struct letter *l)
{
	struct mqk_queue *q = m->queue;
	const struct mqk_port_options o = {
		.entries = MQK_RING_MIN,
		.cred = m->cred,
		.letters = true,
		.router_tenant = q->tenant,
	};
	struct mqk_tenant *tenant = l->from->tenant;
	struct mqk_refusal why;

	if (m->port && m->port->tenant == tenant)
		return 0;
	forget_port(m);
	m->port = mqk_port_alloc(q->broker, tenant, &o, &why);
	if (!IS_ERR(m->port))
		return 0;
	m->port = NULL;
	return -ENOMEM;
}

/* The head of its record, but for what depends on where it goes and lies. */
static void make_head(struct postman *m, const struct letter *l)
{
	struct mqk_port *p = m->port;
	struct mqk_record *r = &p->head_copy;
	const u8 *key = l->key.given ? l->key.text : l->own_key;

	memset(r, 0, sizeof(*r));
	r->payload_len = l->copy.payload_len;
	r->headers_len = m->len;
	r->key_len = l->key.given ? l->key.len : l->own_key_len;
	r->type = MQK_RECORD_DATA;
	r->flags = l->flags & (MQK_MSG_F_GROUP | MQK_MSG_F_ID |
			       (l->key.given ? 0 : MQK_MSG_F_CC));
	r->priority = l->copy.priority;
	memcpy(p->key.word, key, r->key_len);
	mqk_key_pad(&p->key, r->key_len);
	p->uid = l->copy.uid;
	p->pid = l->copy.pid;
	p->size = 0;
	p->routed = false;
}

/* The queues of a route that it has not died in, or has been rejected since. */
static int leave_out_circles(struct postman *m, const struct mqk_route *route)
{
	u32 i;

	if (!m->route || m->route->room < route->nr)
		return -ENOBUFS;
	m->route->nr = 0;
	m->route->further = route->further;
	for (i = 0; i < route->nr; i++) {
		struct mqk_queue *q = route->queue[i];

		if (!mqk_death_cycles(m->headers, m->len, q->name, q->name_len))
			m->route->queue[m->route->nr++] = q;
	}
	return 0;
}

/*
 * Find where it leads; m->route, until the RCU section ends.  -ENOBUFS: get_room()
 * and come again.
 */
static int find_route(struct postman *m, const struct letter *l, u32 *want)
{
	struct mqk_port *p = m->port;
	const struct mqk_envelope envelope = {
		.flags = p->head_copy.flags,
		.headers_len = m->len,
		.headers = m->headers,
	};
	struct mqk_route *route;
	struct mqk_exchange *x;
	int err;

	*want = 0;
	x = mqk_exchange_find(m->queue->broker, l->exchange.text, l->exchange.len);
	if (!x || x->system || !mqk_may(&x->owner, m->cred, MQK_MAY_WRITE))
		return -ENOENT;
	p->head_copy.exchange = x->id;
	route = mqk_route_find(p->router, x->id, &p->key, &envelope, &p->why);
	if (IS_ERR(route))
		return PTR_ERR(route);
	err = leave_out_circles(m, route);
	if (err)
		*want = max(route->nr, 1u);
	return err;
}

/* Get what -ENOBUFS was about: room for a route, or what a port needs. */
static int get_room(struct postman *m, u32 want)
{
	struct mqk_route *route;

	if (!want)
		return mqk_post_prepare(m->port);
	want = max(want, 16u);
	route = kvmalloc(struct_size(route, queue, want), GFP_KERNEL_ACCOUNT);
	if (!route)
		return -ENOMEM;
	route->room = want;
	kvfree(m->route);
	m->route = route;
	return 0;
}

/* How many queues and memories it leads to now, or an error. */
static int leads_to(struct postman *m, const struct letter *l)
{
	u32 want;
	int n;

	do {
		rcu_read_lock();
		n = find_route(m, l, &want) ?: m->route->nr + m->route->remembers;
		rcu_read_unlock();
		if (n == -ENOBUFS)
			n = get_room(m, want) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	return n;
}

/* ---- on its way ---- */

/* A record of its own; its segment with a reference to it. */
static struct mqk_segment *write_record(struct postman *m, const struct letter *l,
					u64 *offset)
{
	const struct mqk_entry *e = &l->copy;
	struct mqk_record *r = &m->port->head_copy;
	u64 size = MQK_RECORD_SIZE(r->key_len, m->len, e->payload_len), done, n;
	const u8 *from = l->from->vaddr + MQK_REF_OFFSET(e->ref) +
			 MQK_RECORD_PAYLOAD(e->key_len, e->headers_len);
	struct mqk_segment *seg;
	u8 *to;

	if (size > MQK_MESSAGE_MAX)
		return ERR_PTR(-EMSGSIZE);
	/* which cannot fail here */
	mqk_post_grant(m->port, 1);
	seg = mqk_appender_take_like(l->from, size, offset);
	if (IS_ERR(seg))
		return seg;
	m->port->grant--;
	to = seg->vaddr + *offset;
	r->commit = seg->generation;
	memcpy(to, r, MQK_RECORD_KEY);
	memcpy(to + MQK_RECORD_KEY, m->port->key.word, r->key_len);
	memcpy(to + MQK_RECORD_HEADERS(r->key_len), m->headers, m->len);
	to += MQK_RECORD_PAYLOAD(r->key_len, m->len);
	for (done = 0; done < e->payload_len; done += n) {
		n = min_t(u64, e->payload_len - done, COPY_STEP);
		memcpy(to + done, from + done, n);
		cond_resched();
	}
	return seg;
}

/*
 * Put it into all queues that it leads to by now; the caller has one reference to
 * the record.  How many have it now, or an error, and it is in none.
 */
static int post_once(struct postman *m, const struct letter *l,
		     struct mqk_segment *seg, u64 offset, u32 *want)
{
	struct mqk_route *route;
	struct mqk_hold h = {};
	u32 i, nr;
	int n;

	rcu_read_lock();
	n = find_route(m, l, want) ?: mqk_post_grant(m->port, m->route->nr);
	if (n) {
		rcu_read_unlock();
		return n;
	}
	/* it was not known when the record was written */
	((struct mqk_record *)(seg->vaddr + offset))->exchange =
		m->port->head_copy.exchange;
	route = m->route;
	nr = route->nr;
	m->port->grant -= nr;
	mqk_segment_get(seg, nr);
	n = route->remembers ?
	    mqk_post_further(m->port, &h, route, MQK_REF(seg->no, offset),
			     seg->vaddr + offset) :
	    mqk_post(m->port, &h, route, MQK_REF(seg->no, offset));
	mqk_hold_end(&h);
	/* references of queues that it did not reach */
	for (i = max(n, 0); i < nr; i++)
		mqk_segment_put(seg);
	rcu_read_unlock();
	return n;
}

static int post_letter(struct postman *m, const struct letter *l,
		       struct mqk_segment *seg, u64 offset)
{
	struct mqk_port *p = m->port;
	u32 want;
	int n;

	do {
		n = post_once(m, l, seg, offset, &want);
		if (n == -ENOBUFS)
			n = get_room(m, want) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	if (n > 0)
		n -= p->buried;
	p->odd = 0;
	p->buried = 0;
	return n;
}

/* The queues and memories that it has reached, or an error. */
static int write_letter(struct postman *m, struct letter *l)
{
	struct mqk_segment *seg;
	u64 offset;
	int n;

	if (!l->exchange.given)
		return 0;
	find_origin(m, l);
	n = read_record(m, l) ?: write_headers(m, l) ?: get_port(m, l);
	if (n)
		return n;
	make_head(m, l);
	n = leads_to(m, l);
	if (n <= 0)
		return n;
	seg = write_record(m, l, &offset);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	n = post_letter(m, l, seg, offset);
	mqk_segment_put(seg);
	return n < 0 ? n : n + m->route->remembers;
}

/* ---- the work ---- */

/* Errors that say that it cannot be written now. */
static bool for_now(int error)
{
	return error == -ENOMEM || error == -EDQUOT || error == -ENOSPC;
}

/* What became of it; returns whether it has to wait for memory or credit. */
static bool finish(struct postman *m, struct letter *l, int n)
{
	struct mqk_queue *q = m->queue;
	bool wait = for_now(n);

	spin_lock(&q->lock);
	/* a queue that is dead by now makes no more letters */
	if (wait && !q->dead)
		mqk_dying_defer(q, l->entry);
	else
		mqk_dying_end(q, l->entry);
	spin_unlock(&q->lock);
	trace_mqk_dead_letter(q, l->seq, l->reason, n);
	if (wait)
		return true;
	if (n > 0)
		mqk_count(q->broker, dead_letters, 1);
	else
		mqk_count(q->broker, dead_lost, 1);
	return false;
}

/* Write the letters of a queue; returns whether some have to wait. */
static bool write_letters(struct postman *m)
{
	u64 waiting = 0;

	while (first_letter(m, &m->letter)) {
		int n = write_letter(m, &m->letter);

		cond_resched();
		if (!finish(m, &m->letter, n))
			continue;
		/* once around, at most so far, nothing has room */
		if (waiting++ >= min_t(u64, READ_ONCE(m->queue->dying->nr),
				       MQK_LETTER_TRIES))
			return true;
	}
	return false;
}

static struct postman *postman_alloc(struct mqk_queue *q)
{
	struct postman *m = kvzalloc(sizeof(*m) + 2 * MQK_HEADERS_MAX,
				     GFP_KERNEL_ACCOUNT);

	if (!m)
		return NULL;
	m->queue = q;
	m->old = (u8 *)(m + 1);
	m->headers = m->old + MQK_HEADERS_MAX;
	return m;
}

static void postman_free(struct postman *m)
{
	forget_port(m);
	if (m->cred)
		put_cred(m->cred);
	kvfree(m->route);
	kvfree(m);
}

/* Come again later; the reference of the queue goes with it. */
static bool again(struct mqk_queue *q)
{
	bool queued = false;

	spin_lock(&q->lock);
	if (!q->dead && q->dying->nr)
		queued = queue_delayed_work(mqk_workqueue, &q->dying->work,
					    MQK_LETTER_RETRY);
	spin_unlock(&q->lock);
	return queued;
}

/**
 * mqk_queue_letters() - work: write the dead letters of a queue
 * @work: the queue's; has a reference
 */
void mqk_queue_letters(struct work_struct *work)
{
	struct mqk_dying *d = container_of(to_delayed_work(work), struct mqk_dying,
					   work);
	struct mqk_queue *q = d->queue;
	struct postman *m = postman_alloc(q);
	bool wait = !m || write_letters(m);

	if (m)
		postman_free(m);
	if (!wait || !again(q))
		mqk_queue_put(q);
}
