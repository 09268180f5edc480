// SPDX-License-Identifier: GPL-2.0-only
/*
 * Committing what a transaction has kept back: all of it, or nothing.
 *
 *	reserve	each message finds its queues, and each of them promises it a
 *		place; a queue that refuses it ends the transaction
 *	claim	each message that is to be settled is its consumer's still, and
 *		nobody takes it away from now on
 *	-- no failure past this point --
 *	hold	no queue that is concerned delivers, or drops, anything
 *	put	each message is put where it was promised a place, and reported
 *	settle	each settlement is carried out
 *	let go	the queues go on
 *
 * One lock is taken at a time, so others see one queue change before the next; but
 * what follows from any of it, a delivery, an expiry, a message that is one too many,
 * follows when all of it is done.
 *
 * A message that a last-value exchange has to remember is remembered with the route
 * that it was reserved for.  So from the first such message on no binding may change:
 * broker->mutex is taken, above port->mutex, until all is put.
 *
 * Until all is let go, what a message refers to is kept by references: its record, its
 * queues.  A queue that is deleted meanwhile gets nothing, as from any publisher.
 */
#include "staged.h"

#include <linux/sched.h>
#include <linux/slab.h>

#include "broker.h"
#include "consumer.h"
#include "deliver.h"
#include "group.h"
#include "port.h"
#include "post.h"
#include "queue.h"
#include "retained.h"
#include "segment.h"
#include "settle.h"
#include "stock.h"
#include "tally.h"
#include "turn.h"
#include "watch.h"

/* A commit under way. */
struct commit {
	struct mqk_staging *st;
	struct mqk_refusal *why;
	struct mqk_tally tally;
	u32 targets;			/* queues that messages reach so far */
	bool locked;			/* broker->mutex is held */
};

static void *record_of(const struct mqk_staged *m)
{
	return m->segment->vaddr + m->offset;
}

static u64 ref_of(const struct mqk_staged *m)
{
	return MQK_REF(m->segment->no, m->offset);
}

/* The port works on this message now. */
static void load(const struct mqk_staged *m)
{
	struct mqk_port *p = m->port;

	memcpy(&p->head_copy, &m->head, MQK_RECORD_KEY);
	memcpy(p->key.word, m->key.word, sizeof(m->key.word));
	p->key.len = m->key.len;
	p->router->id = m->id;
	p->router->group = m->group;
	p->seen_gen = m->seen_gen;
	p->left_out = m->left_out;
	p->late = 0;
	p->size = 0;
	p->routed = false;
}

/* ---- reserve ---- */

/* Room for a route, with so many queues. */
static int make_room(struct commit *c, struct mqk_staged *m, u32 nr)
{
	if (c->targets + nr > MQK_TX_TARGETS_MAX)
		return mqk_refuse(c->why, MQK_RULE_TARGETS, -EMLINK);
	kvfree(m->route);
	m->route = kvzalloc(struct_size(m->route, queue, nr), GFP_KERNEL_ACCOUNT);
	if (!m->route)
		return -ENOMEM;
	m->route->room = nr;
	return 0;
}

/*
 * Keep the route that was found last, with a reference to each queue; -ENOBUFS:
 * make_room() for *want.
 */
static int keep_route(struct mqk_staged *m, const struct mqk_route *found, u32 *want)
{
	struct mqk_route *route = m->route;
	u32 i;

	if (!route || route->room < found->nr) {
		*want = found->nr ?: 1;
		return -ENOBUFS;
	}
	route->further = found->further;
	for (i = 0; i < found->nr; i++)
		if (kref_get_unless_zero(&found->queue[i]->ref))
			route->queue[m->nr_queues++] = found->queue[i];
	route->nr = m->nr_queues;
	m->id = m->port->router->id;
	m->group = m->port->router->group;
	return 0;
}

static void forget_route(struct mqk_staged *m)
{
	while (m->nr_queues)
		mqk_queue_put(m->route->queue[--m->nr_queues]);
}

/* Which last-value exchanges remember it, as long as broker->mutex is held. */
static int keep_exchanges(struct commit *c, struct mqk_staged *m)
{
	const struct mqk_targets *t = &m->port->router->targets;
	u32 i;

	m->exchange = kcalloc(m->route->remembers, sizeof(*m->exchange),
			      GFP_KERNEL_ACCOUNT);
	if (!m->exchange)
		return -ENOMEM;
	for (i = 0; i < t->nr_exchanges; i++)
		if (t->exchange[i]->retained)
			m->exchange[m->nr_exchanges++] = t->exchange[i];
	return 0;
}

/* Room to be remembered in. */
static int keep_room(struct mqk_staged *m)
{
	struct mqk_stock *s = &m->port->stock;
	u32 n = m->nr_exchanges, i;
	int err;

	if (!m->head.payload_len)
		return 0;
	s->want_retained = n;
	err = mqk_stock_fill(m->port);
	for (i = 0; !err && i < n; i++) {
		list_move_tail(s->retained.next, &m->retained);
		s->nr_retained--;
	}
	return err;
}

/* Find the route of a message, with references: 0 or an error. */
static int find_route(struct commit *c, struct mqk_staged *m)
{
	struct mqk_port *p = m->port;
	struct mqk_route *found;
	u32 want;
	int err;

	do {
		want = 0;
		rcu_read_lock();
		found = mqk_post_route(p, record_of(m));
		err = IS_ERR(found) ? PTR_ERR(found) : keep_route(m, found, &want);
		rcu_read_unlock();
		if (err == -ENOBUFS)
			err = (want ? make_room(c, m, want) : mqk_post_prepare(p)) ?:
			      -ENOBUFS;
	} while (err == -ENOBUFS);
	return err;
}

/* Room for its group wherever it may be the first one of it. */
static void keep_groups(struct mqk_staged *m)
{
	struct mqk_stock *s = &m->port->stock;
	struct mqk_queue *q;
	u32 i;

	if (!(m->head.flags & MQK_MSG_F_GROUP))
		return;
	for (i = 0; i < m->route->nr; i++) {
		q = m->route->queue[i];
		spin_lock(&q->lock);
		m->nr_groups += !!mqk_queue_groups(q);
		spin_unlock(&q->lock);
	}
	for (i = 0; i < m->nr_groups; i++)
		list_move(s->groups.next, &m->groups);
	s->nr_groups -= m->nr_groups;
}

/* How many references a message takes. */
static u32 refs_of(const struct mqk_staged *m)
{
	return m->route->nr + (m->head.payload_len ? m->nr_exchanges : 0);
}

/* Get all that a message needs, whose route is kept: a credit and a place. */
static int reserve_route(struct mqk_staged *m)
{
	struct mqk_port *p = m->port;
	u32 refs;
	int err;

	err = mqk_post_grant(p, refs_of(m));
	while (!err) {
		/* those that were left out are asked again */
		m->route->nr = m->nr_queues;
		err = mqk_post_reserve(p, m->route);
		if (err != -ENOBUFS)
			break;
		err = mqk_post_prepare(p);
	}
	if (p->nack || p->full) {
		p->nack = false;
		p->full = NULL;
		p->why.used = p->held_id;
		return mqk_refuse(&p->why, MQK_RULE_FULL, -ENOSPC);
	}
	if (err)
		return err;
	m->reserved = true;
	m->seen_gen = p->seen_gen;
	m->left_out = p->left_out;
	keep_groups(m);
	refs = refs_of(m);
	p->grant -= refs;
	mqk_segment_get(m->segment, refs);
	return 0;
}

/*
 * As reserve(), under the port's mutex; -ERESTART: it has to be remembered, and
 * broker->mutex is not held.
 */
static int reserve_locked(struct commit *c, struct mqk_staged *m)
{
	struct mqk_port *p = m->port;
	int err;

	load(m);
	err = find_route(c, m);
	if (err)
		return err;
	if (m->route->remembers && !c->locked) {
		forget_route(m);
		return -ERESTART;
	}
	if (m->route->remembers) {
		err = keep_exchanges(c, m) ?: keep_room(m);
		if (err)
			return err;
	}
	err = reserve_route(m);
	if (err)
		return err;
	c->targets += m->nr_queues;
	/* it is committed with this route, or never */
	if (m->head.flags & MQK_MSG_F_CC && mqk_router_blind(p->router))
		mqk_router_blank(p->router, record_of(m) +
				 MQK_RECORD_HEADERS(m->head.key_len));
	return 0;
}

/* Have all queues of a message promise it a place. */
static int reserve(struct commit *c, struct mqk_staged *m)
{
	struct mqk_port *p = m->port;
	int err;

	do {
		mutex_lock(&p->mutex);
		err = reserve_locked(c, m);
		if (err && err != -ERESTART && c->why->rule == MQK_RULE_NONE)
			*c->why = p->why;
		memset(&p->why, 0, sizeof(p->why));
		mutex_unlock(&p->mutex);
		if (err == -ERESTART) {
			mutex_lock(&c->st->broker->mutex);
			c->locked = true;
		}
	} while (err == -ERESTART);
	return err;
}

static int reserve_all(struct commit *c)
{
	struct mqk_staged *m;
	int err;

	list_for_each_entry(m, &c->st->messages, link) {
		err = reserve(c, m);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static void unreserve_all(struct commit *c)
{
	struct mqk_staged *m;
	u32 refs;

	list_for_each_entry(m, &c->st->messages, link) {
		if (!m->reserved)
			continue;
		mutex_lock(&m->port->mutex);
		load(m);
		mqk_post_unreserve(m->port, m->route);
		mutex_unlock(&m->port->mutex);
		refs = refs_of(m);
		if (refs)
			mqk_segment_put_n(m->segment, refs);
		m->reserved = false;
		cond_resched();
	}
}

/* ---- claim ---- */

/* The queue of what a consumer holds. */
static struct mqk_queue *queue_of(const struct mqk_slot *slot)
{
	return container_of(mqk_entry_chunk(slot->entry)->index, struct mqk_queue,
			    index);
}

/* Have what is to be settled stay with its consumer until it is. */
static int claim(struct mqk_settlement *s)
{
	struct mqk_consumer *c = s->consumer;
	struct mqk_slot *slot;

	if (c->queue)
		spin_lock(&c->queue->lock);
	else
		mutex_lock(&c->mutex);
	slot = c->broken ? NULL : mqk_slots_find(&c->slots, s->tag);
	if (slot) {
		s->queue = queue_of(slot);
		kref_get(&s->queue->ref);
		WRITE_ONCE(c->claimed, true);
	}
	if (c->queue)
		spin_unlock(&c->queue->lock);
	else
		mutex_unlock(&c->mutex);
	return slot ? 0 : -ESTALE;
}

static int claim_all(struct commit *c)
{
	u32 i;

	for (i = 0; i < c->st->nr_settlements; i++) {
		if (claim(&c->st->settlement[i]))
			return mqk_refuse(c->why, MQK_RULE_TAKEN_BACK, -ESTALE);
		cond_resched();
	}
	return 0;
}

/* ---- no failure past this point ---- */

static void hold(struct mqk_queue *q)
{
	spin_lock(&q->lock);
	q->held++;
	mqk_turn_find_sole(q);
	spin_unlock(&q->lock);
}

static void let_go(struct mqk_queue *q)
{
	spin_lock(&q->lock);
	q->held--;
	mqk_turn_find_sole(q);
	spin_unlock(&q->lock);
	mqk_queue_run(q);
}

/* Have all queues that are concerned wait, once for each message; or go on. */
static void for_all_queues(struct commit *c, void (*do_it)(struct mqk_queue *q))
{
	struct mqk_staged *m;
	u32 i;

	list_for_each_entry(m, &c->st->messages, link) {
		for (i = 0; i < m->route->nr; i++)
			do_it(m->route->queue[i]);
		cond_resched();
	}
	for (i = 0; i < c->st->nr_settlements; i++) {
		do_it(c->st->settlement[i].queue);
		cond_resched();
	}
}

/* The room that it is remembered in goes where remembering takes it from. */
static void give_room(struct mqk_staged *m)
{
	struct mqk_stock *s = &m->port->stock;

	if (m->head.payload_len)
		s->nr_retained += m->nr_exchanges;
	list_splice_init(&m->retained, &s->retained);
}

/* The same for the room for its group. */
static void give_groups(struct mqk_staged *m)
{
	struct mqk_stock *s = &m->port->stock;

	s->nr_groups += m->nr_groups;
	list_splice_init(&m->groups, &s->groups);
}

static void put_message(struct commit *c, struct mqk_staged *m)
{
	struct mqk_port *p = m->port;
	struct mqk_tap *tap = NULL;
	u32 i, reached;

	mutex_lock(&p->mutex);
	load(m);
	if (m->nr_exchanges) {
		give_room(m);
		mqk_post_remember(p, m->exchange, m->nr_exchanges, ref_of(m));
	}
	give_groups(m);
	rcu_read_lock();
	if (m->route->traced)
		tap = mqk_watch_publish(p, ref_of(m));
	reached = mqk_post_commit(p, m->route, ref_of(m));
	if (m->route->traced)
		mqk_watch_published(p, tap, reached);
	rcu_read_unlock();
	for (i = reached; i < m->route->nr; i++)
		mqk_segment_put(m->segment);
	mqk_tally_report(p, &c->tally, reached, m->head.flags, m->head.payload_len);
	m->reserved = false;
	mutex_unlock(&p->mutex);
}

static void put_all(struct commit *c)
{
	struct mqk_staged *m;

	list_for_each_entry(m, &c->st->messages, link) {
		put_message(c, m);
		cond_resched();
	}
}

static void settle(const struct mqk_settlement *s)
{
	struct mqk_queue *locked = s->consumer->queue;
	struct mqk_consumer *c = s->consumer;
	struct mqk_slot *slot;

	if (locked)
		spin_lock(&locked->lock);
	else
		mutex_lock(&c->mutex);
	slot = mqk_slots_find(&c->slots, s->tag);
	if (!WARN_ON_ONCE(!slot))
		mqk_settle_slot(locked, c, slot, s->op, s->requeue);
	if (locked) {
		if (c->attached && !c->able && mqk_consumer_has_credit(c))
			mqk_turn_set_able(locked, c, true);
		mqk_turn_settled(locked, c);
		spin_unlock(&locked->lock);
	} else {
		mutex_unlock(&c->mutex);
	}
}

static void settle_all(struct commit *c)
{
	u32 i;

	for (i = 0; i < c->st->nr_settlements; i++) {
		settle(&c->st->settlement[i]);
		cond_resched();
	}
}

/* Confirm what was put, and count it. */
static void finish(struct commit *c)
{
	struct mqk_tally none = {};
	const struct mqk_tally *t = &c->tally;
	struct mqk_port *p;

	list_for_each_entry(p, &c->st->ports, in_staging) {
		mutex_lock(&p->mutex);
		mqk_tally_finish(p, t, p->staging_pos);
		if (p->crowded)
			mqk_post_wait(p);
		mutex_unlock(&p->mutex);
		t = &none;
	}
}

static int reserve_and_claim(struct commit *c)
{
	int err = reserve_all(c) ?: claim_all(c);

	if (err)
		unreserve_all(c);
	return err;
}

/**
 * mqk_staging_commit() - do all that a transaction has kept back, or nothing
 * @st: the transaction, closed to all of its ports and consumers
 * @why: filled when it fails
 *
 * Context: may sleep; takes broker->mutex; session->tx_mutex.
 * Return: 0; -ENOSPC: a queue refuses a message; -ESTALE: a message that is to be
 * settled was taken back; errno of mqk_route_find(); -EDQUOT, -ENOMEM
 */
int mqk_staging_commit(struct mqk_staging *st, struct mqk_refusal *why)
{
	struct commit c = { .st = st, .why = why };
	int err;

	err = reserve_and_claim(&c);
	if (!err) {
		/* no failure past this point */
		for_all_queues(&c, hold);
		put_all(&c);
	}
	if (c.locked)
		mutex_unlock(&st->broker->mutex);
	if (err)
		return err;
	settle_all(&c);
	for_all_queues(&c, let_go);
	finish(&c);
	return 0;
}
