// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redriving.
 */
#include "redrive.h"

#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "deliver.h"
#include "exchange.h"
#include "limits.h"
#include "msgid.h"
#include "port.h"
#include "post.h"
#include "queue.h"
#include "segment.h"
#include "settle.h"
#include "util/death.h"
#include "util/record.h"

/* What moves messages, and the one that it is at. */
struct mover {
	struct mqk_queue *queue;
	const struct cred *cred;
	struct mqk_port *port;		/* of the publisher of the last one */
	struct mqk_refusal *why;
	u64 seq;			/* where it waits, or waited */
	struct mqk_entry copy;
	struct mqk_segment *segment;	/* where it lies, held while it is looked at */
	struct mqk_route *route;	/* with room for one */
	u8 headers[MQK_HEADERS_MAX];
};

/* Look for the next message that waits, and hold its record; false: none does. */
static bool look(struct mover *m)
{
	struct mqk_queue *q = m->queue;
	struct mqk_entry *e;
	bool more;

	do {
		spin_lock(&q->lock);
		e = q->dead ? NULL : mqk_index_find(&q->index, &m->seq,
						    MQK_DELIVER_BUDGET);
		more = !e && !q->dead && m->seq < q->index.next_seq;
		if (e) {
			m->copy = *e;
			m->segment = mqk_segment_of(&q->broker->store, e->ref);
			/* whatever the limit: it is for a moment */
			mqk_charge_anyway(m->segment->tenant, MQK_RES_MESSAGES, 1);
			mqk_segment_get(m->segment, 1);
		}
		spin_unlock(&q->lock);
		cond_resched();
	} while (more);
	return e;
}

/* Where it died last: copied from where a process may write. */
static struct mqk_span find_home(struct mover *m)
{
	const struct mqk_entry *e = &m->copy;

	memcpy(m->headers, m->segment->vaddr + MQK_REF_OFFSET(e->ref) +
			   MQK_RECORD_HEADERS(e->key_len), e->headers_len);
	/* nothing below looks at the record's headers again */
	barrier();
	if (!mqk_headers_valid(m->headers, e->headers_len))
		return (struct mqk_span) {};
	return mqk_death_queue(m->headers, e->headers_len);
}

static void forget_port(struct mover *m)
{
	if (m->port)
		mqk_port_put(m->port);
	m->port = NULL;
}

/* A port for what this publisher has published. */
static int get_port(struct mover *m)
{
	struct mqk_queue *q = m->queue;
	const struct mqk_port_options o = {
		.entries = MQK_RING_MIN,
		.cred = m->cred,
		.letters = true,
		.router_tenant = q->tenant,
	};
	struct mqk_tenant *tenant = m->segment->tenant;
	struct mqk_port *p;

	if (m->port && m->port->tenant == tenant)
		return 0;
	forget_port(m);
	p = mqk_port_alloc(q->broker, tenant, &o, m->why);
	if (IS_ERR(p))
		return PTR_ERR(p);
	p->returns = true;
	m->port = p;
	return 0;
}

/* Number of its group, or 0; its headers were copied. */
static u64 find_group(const struct mover *m)
{
	const struct mqk_record *r = m->segment->vaddr + MQK_REF_OFFSET(m->copy.ref);

	if (!(READ_ONCE(r->flags) & MQK_MSG_F_GROUP))
		return 0;
	return mqk_msgid_find(m->headers, m->copy.headers_len, MQK_PROPERTY_GROUP_ID).number;
}

static void make_head(struct mover *m)
{
	struct mqk_port *p = m->port;
	struct mqk_record *r = &p->head_copy;

	memset(r, 0, sizeof(*r));
	r->payload_len = m->copy.payload_len;
	r->headers_len = m->copy.headers_len;
	r->key_len = m->copy.key_len;
	r->exchange = m->copy.exchange;
	r->priority = m->copy.priority;
	p->uid = m->copy.uid;
	p->pid = m->copy.pid;
	p->router->group = find_group(m);
	if (p->router->group)
		r->flags = MQK_MSG_F_GROUP;
}

/* Put it into the queue of that name: 1; 0: that one refuses it; or why not. */
static int post(struct mover *m, struct mqk_span home)
{
	struct mqk_port *p = m->port;
	struct mqk_hold h = {};
	struct mqk_queue *to;
	int n;

	do {
		rcu_read_lock();
		to = mqk_queue_find(m->queue->broker, home.at, home.len);
		m->route->nr = 1;
		m->route->queue[0] = to;
		n = !to ? -ENOENT : mqk_post_grant(p, 1);
		if (!n) {
			p->grant--;
			mqk_segment_get(m->segment, 1);
			n = mqk_post(p, &h, m->route, m->copy.ref);
			mqk_hold_end(&h);
			if (n != 1)
				mqk_segment_put(m->segment);
			if (!n && !p->nack)
				n = -ENOENT;		/* it was deleted */
		}
		rcu_read_unlock();
		p->nack = false;
		if (n == -ENOBUFS)
			n = mqk_post_prepare(p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	return n;
}

static bool is_there(struct mover *m, struct mqk_span home)
{
	struct mqk_queue *to;

	rcu_read_lock();
	to = mqk_queue_find(m->queue->broker, home.at, home.len);
	rcu_read_unlock();
	return to && to != m->queue;
}

/*
 * Move the message that is held: 1; 0: its queue refuses it; -ENOENT: it stays, and
 * others may go; or an error.
 */
static int move(struct mover *m)
{
	struct mqk_queue *q = m->queue;
	struct mqk_span home = find_home(m);
	struct mqk_entry *e;
	bool more;
	int n;

	if (!home.at || !is_there(m, home))
		return -ENOENT;
	n = get_port(m);
	if (n)
		return n;
	make_head(m);
	spin_lock(&q->lock);
	e = q->dead ? NULL : mqk_index_at(&q->index, m->seq);
	/* somebody may have got it meanwhile, or compaction may have moved it */
	if (e && e->ref == m->copy.ref)
		mqk_entry_take_out(q, e);
	else
		e = NULL;
	spin_unlock(&q->lock);
	if (!e)
		return -ENOENT;
	n = post(m, home);
	spin_lock(&q->lock);
	if (n == 1)
		mqk_entry_end_out(q, e);
	else
		mqk_entry_put_back(q, e);
	more = mqk_queue_dispatch_locked(q);
	spin_unlock(&q->lock);
	if (more)
		mqk_queue_run(q);
	return n;
}

/* Go through the queue, once; what stopped it, or 0. */
static int move_all(struct mover *m, u64 max, u64 *moved)
{
	u64 end;
	int n;

	spin_lock(&m->queue->lock);
	end = m->queue->index.next_seq;
	spin_unlock(&m->queue->lock);
	for (*moved = 0; *moved < max && look(m); m->seq++) {
		n = m->seq < end ? move(m) : 0;
		mqk_segment_put(m->segment);
		if (n == 1)
			++*moved;
		else if (n != -ENOENT)
			return n;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Who redrives publishes, as if through the default exchange. */
static bool permitted(struct mqk_queue *q, const struct cred *cred)
{
	struct mqk_exchange *x;
	bool ok;

	rcu_read_lock();
	x = xa_load(&q->broker->exchanges, MQK_EXCHANGE_DEFAULT_ID);
	ok = x && mqk_may(&x->owner, cred, MQK_MAY_WRITE);
	rcu_read_unlock();
	return ok;
}

/**
 * mqk_queue_redrive() - move dead letters back to where they died last
 * @q: the queue, with a reference
 * @cred: who asks; kept by the caller
 * @max: how many at most
 * @moved: how many were
 * @why: filled when it is refused
 *
 * What did not die, or whose queue is not there, stays.  It stops at a queue that
 * refuses, and at what has come since it began.
 *
 * Context: may sleep; takes broker->mutex.
 * Return: 0; -EACCES; -EINTR, -EDQUOT, -ENOMEM when nothing was moved
 */
int mqk_queue_redrive(struct mqk_queue *q, const struct cred *cred, u64 max,
		      u64 *moved, struct mqk_refusal *why)
{
	struct mover *m;
	int err;

	if (!permitted(q, cred))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	m = kvzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	m->queue = q;
	m->cred = cred;
	m->why = why;
	m->route = kzalloc(struct_size(m->route, queue, 1), GFP_KERNEL_ACCOUNT);
	err = -ENOMEM;
	if (m->route) {
		m->route->room = 1;
		err = move_all(m, max, moved);
	}
	forget_port(m);
	kfree(m->route);
	kvfree(m);
	return err && !*moved ? err : 0;
}
