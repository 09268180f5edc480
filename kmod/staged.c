// SPDX-License-Identifier: GPL-2.0-only
/*
 * Staging.
 *
 * The barrier (C) is that of Documentation/rings.rst.
 */
#include "staged.h"

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "broker.h"
#include "consumer.h"
#include "group.h"
#include "port.h"
#include "producer.h"
#include "queue.h"
#include "retained.h"
#include "segment.h"
#include "settle.h"

/* What a message that is kept back is charged beside its record. */
#define STAGED_BYTES	512u

static_assert(sizeof(struct mqk_staged) <= STAGED_BYTES);

/**
 * mqk_staging_alloc() - make what a session's transactions use
 * @broker: the session's
 * @tenant: who pays
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: it, with nothing in it; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_staging *mqk_staging_alloc(struct mqk_broker *broker,
				      struct mqk_tenant *tenant,
				      struct mqk_refusal *why)
{
	struct mqk_staging *st;
	int err;

	err = mqk_charge(tenant, MQK_RES_BYTES, sizeof(*st), why);
	if (err)
		return ERR_PTR(err);
	st = kvmalloc(sizeof(*st), GFP_KERNEL_ACCOUNT);
	if (!st) {
		mqk_uncharge(tenant, MQK_RES_BYTES, sizeof(*st));
		return ERR_PTR(-ENOMEM);
	}
	spin_lock_init(&st->lock);
	st->broker = broker;
	st->tenant = tenant;
	st->open = false;
	INIT_LIST_HEAD(&st->ports);
	INIT_LIST_HEAD(&st->messages);
	st->nr_messages = 0;
	st->nr_settlements = 0;
	return st;
}

/**
 * mqk_staging_free() - free it
 * @st: it, empty; NULL: nothing
 */
void mqk_staging_free(struct mqk_staging *st)
{
	if (!st)
		return;
	mqk_uncharge(st->tenant, MQK_RES_BYTES, sizeof(*st));
	kvfree(st);
}

/* ---- messages ---- */

/**
 * mqk_staging_join() - have a port take part
 * @st: the transaction
 * @p: the port
 *
 * Context: p->mutex, or nobody knows the port yet; session->tx_mutex.
 */
void mqk_staging_join(struct mqk_staging *st, struct mqk_port *p)
{
	refcount_inc(&p->refs);
	list_add_tail(&p->in_staging, &st->ports);
	p->staging = st;
	p->staging_closed = false;
	p->staged_error = 0;
	p->staged_nr = 0;
	p->staged_returns = 0;
	p->apart = true;
	/* the fast way does not look for a transaction */
	p->routed = false;
	p->size = 0;
}

/**
 * mqk_staging_leave() - a port takes part no more
 * @p: the port; the reference to it becomes the caller's
 * @forget: what it has handed in is forgotten: its numbers are passed over
 *
 * Context: p->mutex, session->tx_mutex.
 */
void mqk_staging_leave(struct mqk_port *p, bool forget)
{
	list_del_init(&p->in_staging);
	if (forget) {
		p->seq += p->staged_nr;
		p->reported = p->seq;
	}
	p->staged_nr = 0;
	p->staging = NULL;
	p->apart = p->producer;
	/* what was copied last may be what was committed last */
	p->routed = false;
	p->size = 0;
	if (p->spare)
		mqk_staged_free(p->spare);
	p->spare = NULL;
}

/**
 * mqk_staged_supply() - get room for a message that is kept back
 * @p: the port, which has none
 *
 * Context: p->mutex; may sleep.
 * Return: 0; -EDQUOT, -ENOSPC (p->why), -ENOMEM
 */
int mqk_staged_supply(struct mqk_port *p)
{
	struct mqk_staged *m;
	int err;

	err = mqk_charge(p->tenant, MQK_RES_BYTES, STAGED_BYTES, &p->why);
	if (err)
		return err;
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m) {
		mqk_uncharge(p->tenant, MQK_RES_BYTES, STAGED_BYTES);
		return -ENOMEM;
	}
	m->port = p;
	INIT_LIST_HEAD(&m->link);
	INIT_LIST_HEAD(&m->retained);
	INIT_LIST_HEAD(&m->groups);
	p->spare = m;
	return 0;
}

/* Whether the RETURN of one more mandatory message could be reported. */
static int has_room_to_return(struct mqk_port *p)
{
	u64 want = p->staged_returns + 1 + MQK_PORT_RESERVE, room = p->mask + 1;

	if (p->closing || p->pos - p->head + want <= room)
		return 0;
	mqk_port_make_room(p);
	if (p->error)
		return p->error;
	return p->pos - p->head + want <= room ? 0 : -EAGAIN;
}

/**
 * mqk_staged_add() - keep the message of p->head_copy back
 * @p: a port that takes part in a transaction
 * @seg: where its record lies
 * @offset: where it begins
 *
 * On success, one of the caller's references to the record goes with it.
 *
 * Context: p->mutex.
 * Return: 0; -ENOBUFS: mqk_staged_supply() and try again; -EBUSY: the transaction is
 * being ended; -EOVERFLOW: it has as many as it may; -EAGAIN: a RETURN would have no
 * room; the error that broke the port
 */
int mqk_staged_add(struct mqk_port *p, struct mqk_segment *seg, u64 offset)
{
	bool mandatory = p->head_copy.flags & MQK_MSG_F_MANDATORY;
	struct mqk_staging *st = p->staging;
	struct mqk_staged *m = p->spare;
	int err = 0;

	lockdep_assert_held(&p->mutex);
	if (p->staging_closed)
		return mqk_refuse(&p->why, MQK_RULE_IN_TX, -EBUSY);
	if (!m)
		return -ENOBUFS;
	if (mandatory)
		err = has_room_to_return(p);
	if (err)
		return err;
	spin_lock(&st->lock);
	if (st->nr_messages < MQK_TX_MESSAGES_MAX) {
		st->nr_messages++;
		list_add_tail(&m->link, &st->messages);
		m->segment = seg;
	}
	spin_unlock(&st->lock);
	if (!m->segment) {
		p->why.limit = MQK_TX_MESSAGES_MAX;
		p->why.used = MQK_TX_MESSAGES_MAX;
		return mqk_refuse(&p->why, MQK_RULE_TX_LIMIT, -EOVERFLOW);
	}
	p->spare = NULL;
	p->staged_nr++;
	p->staged_returns += mandatory;
	m->offset = offset;
	memcpy(&m->head, &p->head_copy, MQK_RECORD_KEY);
	memcpy(m->key.word, p->key.word, sizeof(m->key.word));
	m->key.len = p->key.len;
	return 0;
}

/**
 * mqk_staged_refuse() - why a message of a producer takes no part
 * @p: the port
 * @number: the message's
 *
 * Context: p->mutex.
 * Return: what it would be refused for anyway, of the errors of mqk_producer_look();
 * else -EINVAL
 */
int mqk_staged_refuse(struct mqk_port *p, u64 number)
{
	int err;

	p->number = number;
	err = mqk_producer_look(p);
	return err < 0 ? err : mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
}

/**
 * mqk_staged_free() - forget a message that was kept back
 * @m: the message, or room for one; not in a queue, nor promised to one
 *
 * Context: may sleep; no locks but a port's mutex.
 */
void mqk_staged_free(struct mqk_staged *m)
{
	struct mqk_retained_message *r, *next;
	struct mqk_group *g, *next_g;
	u32 i;

	for (i = 0; i < m->nr_queues; i++)
		mqk_queue_put(m->route->queue[i]);
	list_for_each_entry_safe(r, next, &m->retained, in_order)
		mqk_retained_free_room(r);
	list_for_each_entry_safe(g, next_g, &m->groups, link)
		mqk_group_free(g);
	if (m->segment)
		mqk_segment_put(m->segment);
	mqk_uncharge(m->port->tenant, MQK_RES_BYTES, STAGED_BYTES);
	kvfree(m->route);
	kfree(m->exchange);
	kfree(m);
}

/**
 * mqk_staging_empty() - forget all that was kept back
 * @st: the transaction, closed to all ports and consumers
 *
 * Context: may sleep; session->tx_mutex.
 */
void mqk_staging_empty(struct mqk_staging *st)
{
	struct mqk_staged *m, *next;
	u32 i;

	list_for_each_entry_safe(m, next, &st->messages, link) {
		list_del(&m->link);
		mqk_staged_free(m);
		cond_resched();
	}
	for (i = 0; i < st->nr_settlements; i++) {
		struct mqk_settlement *s = &st->settlement[i];

		if (s->queue)
			mqk_queue_put(s->queue);
		mqk_consumer_put(s->consumer);
		cond_resched();
	}
	st->nr_messages = 0;
	st->nr_settlements = 0;
}

/* ---- settlements ---- */

static void lock_consumer(struct mqk_consumer *c)
{
	if (c->queue)
		spin_lock(&c->queue->lock);
	else
		mutex_lock(&c->mutex);
}

static void unlock_consumer(struct mqk_consumer *c)
{
	if (c->queue)
		spin_unlock(&c->queue->lock);
	else
		mutex_unlock(&c->mutex);
}

/**
 * mqk_staging_join_consumer() - have a consumer take part
 * @st: the transaction
 * @c: the consumer
 *
 * Context: session->tx_mutex.
 */
void mqk_staging_join_consumer(struct mqk_staging *st, struct mqk_consumer *c)
{
	if (mqk_consumer_noack(c))
		return;
	lock_consumer(c);
	c->staging = st;
	c->staged = true;
	WRITE_ONCE(c->claimed, false);
	c->staged_from = 0;
	c->staged_some = false;
	unlock_consumer(c);
}

/* Mark an entry as settled by the transaction, or as not. */
static void mark(struct mqk_consumer *c, struct mqk_entry *e, bool staged)
{
	struct mqk_queue *q = container_of(mqk_entry_chunk(e)->index,
					   struct mqk_queue, index);

	if (!c->queue)
		spin_lock(&q->lock);
	if (staged)
		e->flags |= MQK_ENTRY_F_STAGED;
	else
		e->flags &= ~MQK_ENTRY_F_STAGED;
	if (!c->queue)
		spin_unlock(&q->lock);
}

static bool is_marked(const struct mqk_slot *slot)
{
	const struct mqk_entry *e = slot->entry;

	return e->flags & MQK_ENTRY_F_STAGED;
}

/* Keep back what an acknowledgement says of one message, which is not marked. */
static int stage(struct mqk_consumer *c, struct mqk_slot *slot,
		 const struct mqk_ack *a)
{
	struct mqk_staging *st = c->staging;
	struct mqk_settlement *s = NULL;

	spin_lock(&st->lock);
	if (st->nr_settlements < MQK_TX_SETTLEMENTS_MAX) {
		s = &st->settlement[st->nr_settlements++];
		s->consumer = c;
		s->queue = NULL;
		s->tag = slot->tag;
		s->op = a->op;
		s->requeue = a->flags & MQK_ACK_F_REQUEUE;
		refcount_inc(&c->refs);
	}
	spin_unlock(&st->lock);
	if (!s)
		return -EOVERFLOW;
	mark(c, slot->entry, true);
	return 0;
}

/* As stage(), of one of those that a MULTIPLE stands for. */
static int stage_one_of(struct mqk_consumer *c, struct mqk_slot *slot,
			const struct mqk_ack *a)
{
	int err;

	if (slot->tag < c->staged_from || is_marked(slot))
		return 0;
	err = stage(c, slot, a);
	if (err)
		return err;
	c->staged_from = slot->tag + 1;
	c->staged_some = true;
	return 1;
}

/*
 * Spell a MULTIPLE out, a budget of it.  Those that were met in an earlier call are
 * marked, or below c->staged_from.  Returns how many of the budget that used, or an
 * error; with *again when it did not suffice.
 */
static int stage_up_to(struct mqk_consumer *c, const struct mqk_ack *a, u64 tag,
		       u32 budget, bool *again)
{
	struct mqk_slots *s = &c->slots;
	u64 low = max(s->low, s->tag > s->mask ? s->tag - s->mask : 1);
	u32 i, used = 0;
	int n;

	/* stragglers: each one that is passed here is marked by that */
	for (i = s->first; i != MQK_SLOT_NONE && s->slot[i].tag <= tag;
	     i = s->slot[i].next) {
		n = stage_one_of(c, &s->slot[i], a);
		if (n < 0)
			return n;
		used += n;
		if (used >= budget)
			goto again;
	}
	for (low = max(low, c->staged_from); low <= tag; low++) {
		struct mqk_slot *slot = mqk_slots_find(s, low);

		n = slot ? stage_one_of(c, slot, a) : 0;
		if (n < 0)
			return n;
		/* looking costs less than keeping */
		used += n + (low % 16 == 0);
		if (used >= budget) {
			c->staged_from = low + 1;
			goto again;
		}
	}
	return used;

again:
	*again = true;
	return used;
}

/* As take_ack() of settle.c, but that it is kept back. */
static int stage_ack(struct mqk_consumer *c, const struct mqk_ack *a, u32 budget,
		     bool *again)
{
	u64 up_to = a->tag ?: c->slots.tag;
	struct mqk_slot *slot;
	bool some;
	int n;

	if (!mqk_ack_valid(c, a))
		return -EINVAL;
	if (!(a->flags & MQK_ACK_F_MULTIPLE)) {
		slot = mqk_slots_find(&c->slots, a->tag);
		if (!slot)
			return mqk_consumer_lapsed(c, a->tag) ? 0 : -EINVAL;
		return is_marked(slot) ? -EINVAL : stage(c, slot, a) ?: 1;
	}
	if (up_to > c->slots.tag)
		return -EINVAL;
	n = stage_up_to(c, a, up_to, budget, again);
	if (n < 0 || *again)
		return n;
	some = c->staged_some;
	c->staged_from = 0;
	c->staged_some = false;
	return some || !a->tag || mqk_consumer_lapsed(c, a->tag) ? n : -EINVAL;
}

/* As mqk_staging_drain(), as much as one hold of the lock allows. */
static int drain(struct mqk_consumer *c, bool *more)
{
	u32 budget = MQK_ACK_BUDGET;
	struct mqk_ack a;
	bool again;
	u64 tail;
	int n = 0;

	*more = false;
	if (!c->staging || c->claimed)
		return 0;
	if (c->broken || c->error == -ESHUTDOWN)
		return c->error;
	/* (C) the entries up to the tail are complete */
	tail = smp_load_acquire(&c->user->ack_tail);
	if (tail - c->ack_head > (u64)c->ack_mask + 1)
		n = -EPROTO;
	while (n >= 0 && c->ack_head != tail && budget) {
		again = false;
		mqk_ack_copy(&a, &c->acks[c->ack_head & c->ack_mask]);
		n = stage_ack(c, &a, budget, &again);
		if (n < 0)
			break;
		budget -= min_t(u32, budget, max(n, 1));
		if (!again)
			c->ack_head++;
	}
	/* (C) its place may be written again once this is seen */
	smp_store_release(&c->page->ack_head, c->ack_head);
	if (n < 0 && n != -EOVERFLOW)
		mqk_consumer_break(c->queue, c, n);
	*more = n >= 0 && c->ack_head != tail;
	return min(n, 0);
}

/**
 * mqk_staging_drain() - take a consumer's acknowledgements into the transaction
 * @c: a consumer
 *
 * Context: may sleep; no locks.
 * Return: 0, also when it takes part in none; -EOVERFLOW: the transaction has as many
 * as it may; the error that broke the consumer
 */
int mqk_staging_drain(struct mqk_consumer *c)
{
	/* what its ring can hold now, and what those stand for, in budgets */
	u32 rounds = 2 + (c->ack_mask + c->slots.mask) / 16;
	bool more;
	int err;

	do {
		lock_consumer(c);
		err = drain(c, &more);
		unlock_consumer(c);
		cond_resched();
	} while (more && --rounds);
	return err;
}

/**
 * mqk_staging_unmark() - nothing is settled by a transaction any more
 * @st: the transaction; its consumers still take part
 *
 * Context: may sleep; session->tx_mutex, no other locks.
 */
void mqk_staging_unmark(struct mqk_staging *st)
{
	struct mqk_slot *slot;
	u32 i;

	for (i = 0; i < st->nr_settlements; i++) {
		struct mqk_settlement *s = &st->settlement[i];

		lock_consumer(s->consumer);
		/* it may have been taken back */
		slot = mqk_slots_find(&s->consumer->slots, s->tag);
		if (slot)
			mark(s->consumer, slot->entry, false);
		unlock_consumer(s->consumer);
		cond_resched();
	}
}

/**
 * mqk_staging_leave_consumer() - a consumer takes part no more
 * @c: the consumer
 * @forget: what it has acknowledged, and is not settled, is as if it had not
 *
 * Context: session->tx_mutex; no other locks.
 */
void mqk_staging_leave_consumer(struct mqk_consumer *c, bool forget)
{
	u64 tail;

	if (!c->staging)
		return;
	lock_consumer(c);
	/* (C) */
	tail = smp_load_acquire(&c->user->ack_tail);
	/* one that is out of range will break it */
	if (forget && tail - c->ack_head <= (u64)c->ack_mask + 1) {
		c->ack_head = tail;
		/* (C) */
		smp_store_release(&c->page->ack_head, tail);
	}
	c->staging = NULL;
	c->staged = false;
	WRITE_ONCE(c->claimed, false);
	unlock_consumer(c);
}

/**
 * mqk_staging_cut_consumer() - the session of a consumer ends in a transaction
 * @c: the consumer
 *
 * Whoever still acknowledges means the transaction, which has ended: nothing that is
 * said from now on counts, and all that the consumer has returns.
 *
 * Context: session->tx_mutex; no other locks.
 */
void mqk_staging_cut_consumer(struct mqk_consumer *c)
{
	if (!c->staging)
		return;
	lock_consumer(c);
	c->staging = NULL;
	WRITE_ONCE(c->claimed, true);
	unlock_consumer(c);
}
