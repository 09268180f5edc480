// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns of consumers.
 */
#include "turn.h"

#include <linux/lockdep.h>
#include <linux/rbtree.h>

#include "deadline.h"
#include "group.h"
#include "rules.h"
#include "takers.h"

static struct mqk_consumer *at(struct rb_node *node)
{
	return node ? rb_entry(node, struct mqk_consumer, node) : NULL;
}

/* Higher ones come first; equals, in the order in which they were added. */
static bool before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mqk_consumer, node)->priority >
	       rb_entry(b, struct mqk_consumer, node)->priority;
}

/* Where a consumer stands while it is able. */
static struct list_head *able_of(struct mqk_queue *q, const struct mqk_consumer *c)
{
	struct mqk_takers *t = mqk_queue_takers(q);

	return unlikely(t) ? &mqk_takers_class(t, c)->able : &q->able;
}

static struct rb_root *ranks_of(struct mqk_queue *q, const struct mqk_consumer *c)
{
	struct mqk_takers *t = mqk_queue_takers(q);

	return unlikely(t && !q->single) ? &mqk_takers_class(t, c)->ranks : &q->ranks;
}

static void add_rank(struct mqk_queue *q, struct mqk_consumer *c)
{
	rb_add(&c->node, ranks_of(q, c), before);
}

static void del_rank(struct mqk_queue *q, struct mqk_consumer *c)
{
	rb_erase(&c->node, ranks_of(q, c));
	RB_CLEAR_NODE(&c->node);
}

/* Put one, which is in no list, behind those of its priority. */
static void place(struct mqk_queue *q, struct mqk_consumer *c)
{
	struct list_head *able = able_of(q, c);
	struct mqk_consumer *last;

	if (likely(!q->ranked)) {
		list_add_tail(&c->link, able);
		return;
	}
	add_rank(q, c);
	last = at(rb_prev(&c->node));
	list_add(&c->link, last ? &last->link : able);
	if (last && last->priority == c->priority)
		del_rank(q, last);
}

static void add_able(struct mqk_queue *q, struct mqk_consumer *c)
{
	place(q, c);
	if (unlikely(mqk_queue_takers(q)))
		mqk_takers_enter(q, c);
}

static void del_able(struct mqk_queue *q, struct mqk_consumer *c)
{
	struct mqk_consumer *last;

	if (unlikely(q->ranked && !RB_EMPTY_NODE(&c->node))) {
		del_rank(q, c);
		if (!list_is_first(&c->link, able_of(q, c))) {
			last = list_prev_entry(c, link);
			if (last->priority == c->priority)
				add_rank(q, last);
		}
	}
	list_del_init(&c->link);
	if (unlikely(mqk_queue_takers(q)))
		mqk_takers_leave(q, c);
}

/**
 * mqk_turn_find_sole() - see whether one consumer is alone with a queue
 * @q: the queue
 *
 * To be called after any change to what it depends on: the list of the able
 * ones, being held, being dead.
 *
 * Context: q->lock.
 */
void mqk_turn_find_sole(struct mqk_queue *q)
{
	struct mqk_consumer *c;
	bool alone;

	c = list_first_entry_or_null(&q->able, struct mqk_consumer, link);
	/* of those that are ranked, the first one is also the last of its rank */
	alone = c && (q->ranked ? !RB_EMPTY_NODE(&c->node) :
				  list_is_singular(&q->able));
	q->sole = !q->dead && !q->held && !q->keeps && alone ? c : NULL;
}

static void move(struct mqk_queue *q, struct mqk_consumer *c, bool able)
{
	if (c->able)
		del_able(q, c);
	else
		list_del_init(&c->link);
	c->able = able;
	if (able)
		add_able(q, c);
	else
		list_add_tail(&c->link, &q->idle);
	mqk_turn_find_sole(q);
}

/* ---- single active consumer ---- */

/* Who is to be active. */
static struct mqk_consumer *first(const struct mqk_queue *q)
{
	return q->dead ? NULL : at(rb_first(&q->ranks));
}

/**
 * mqk_turn_set_able() - a consumer can take messages from now on, or cannot
 * @q: its queue
 * @c: the consumer, attached
 * @able: which; the last in turn of its priority if so.  One that is not the active
 *	one of a queue that has one stays as it is.
 *
 * Context: q->lock.
 */
void mqk_turn_set_able(struct mqk_queue *q, struct mqk_consumer *c, bool able)
{
	if (unlikely(q->single && able && (q->active != c || first(q) != c)))
		return;
	move(q, c, able);
	WRITE_ONCE(c->page->flags, able ? 0 : MQK_CONSUMER_PAGE_F_KICK);
}

static bool holds(const struct mqk_consumer *c)
{
	return c->slots.nr && !mqk_consumer_noack(c);
}

/*
 * Whether the next one has to wait for this one.  What one holds that goes for
 * good returns in a moment: then it is never at once.
 */
static bool delays(const struct mqk_queue *q, const struct mqk_consumer *c)
{
	return holds(c) && (c->closing || c->broken ||
			    q->rules->handover != MQK_HANDOVER_FORCE);
}

static void tell(struct mqk_consumer *c)
{
	u32 flags = c->attached ? 0 : MQK_CONSUMER_PAGE_F_CANCELLED;

	/* nobody looks for what it acknowledges, so each one wants a kick */
	if (holds(c) && !c->broken) {
		WRITE_ONCE(c->page->kick_at, (u32)c->ack_head + 1);
		flags |= MQK_CONSUMER_PAGE_F_KICK;
	}
	/* as in mqk_turn_leave() */
	smp_store_release(&c->page->flags, flags);
}

/* One that was active is not to be any more. */
static void depose(struct mqk_queue *q, struct mqk_consumer *c)
{
	if (c->able)
		move(q, c, false);
	tell(c);
}

static void choose(struct mqk_queue *q)
{
	struct mqk_consumer *old = q->active, *c = first(q);

	if (old && old != c) {
		depose(q, old);
		if (delays(q, old))
			return;
	}
	q->active = c;
	if (c && !c->able && (c != old || mqk_consumer_has_credit(c)))
		mqk_turn_set_able(q, c, true);
}

/**
 * mqk_turn_settled() - a consumer may have settled what it held
 * @q: its queue; nothing happens unless that has a single active consumer, or groups
 * @c: the consumer
 *
 * One that gets no more, and owns groups, is to tell of each message as well.
 *
 * Context: q->lock; the caller dispatches.
 */
void mqk_turn_settled(struct mqk_queue *q, struct mqk_consumer *c)
{
	lockdep_assert_held(&q->lock);
	if (likely(!q->single)) {
		if (unlikely(!c->attached && mqk_queue_groups(q)))
			tell(c);
		return;
	}
	choose(q);
	if (q->active != c)
		tell(c);
}

/* ---- */

/* The first one with a priority: from here on there are ranks. */
static void begin_ranks(struct mqk_queue *q)
{
	q->ranked = true;
	if (!list_empty(&q->able))
		add_rank(q, list_last_entry(&q->able, struct mqk_consumer, link));
}

/**
 * mqk_turn_to_end() - a consumer of a queue with ranks has taken a message
 * @q: its queue
 * @c: the consumer, able: the last in turn of its priority from now on
 *
 * Context: q->lock.
 */
void mqk_turn_to_end(struct mqk_queue *q, struct mqk_consumer *c)
{
	struct mqk_takers *t = mqk_queue_takers(q);

	if (t)
		mqk_takers_turn(t, c);
	/* it is the last one already, if it has the rank */
	if (!RB_EMPTY_NODE(&c->node))
		return;
	list_del(&c->link);
	place(q, c);
}

/**
 * mqk_turn_some() - one of the consumers of a queue
 * @q: the queue
 *
 * Context: q->lock.
 * Return: the consumer; NULL: it has none
 */
struct mqk_consumer *mqk_turn_some(struct mqk_queue *q)
{
	struct mqk_takers *t = mqk_queue_takers(q);
	struct list_head *list = list_empty(&q->able) ? &q->idle : &q->able;
	u32 i;

	for (i = 0; t && list_empty(list) && i < t->nr; i++)
		list = &t->class[i].able;
	return list_first_entry_or_null(list, struct mqk_consumer, link);
}

/**
 * mqk_turn_enter() - a consumer was attached: have it given messages
 * @q: its queue
 * @c: the consumer
 *
 * Context: q->lock.
 */
void mqk_turn_enter(struct mqk_queue *q, struct mqk_consumer *c)
{
	lockdep_assert_held(&q->lock);
	if (unlikely(q->single)) {
		add_rank(q, c);
		list_add_tail(&c->link, &q->idle);
		choose(q);
		return;
	}
	if (unlikely(c->priority && !q->ranked))
		begin_ranks(q);
	mqk_turn_set_able(q, c, true);
}

/**
 * mqk_turn_leave() - a consumer gets nothing more
 * @q: its queue
 * @c: the consumer; nothing happens when it is not attached
 *
 * Context: q->lock.
 */
void mqk_turn_leave(struct mqk_queue *q, struct mqk_consumer *c)
{
	lockdep_assert_held(&q->lock);
	if (!c->attached)
		return;
	if (c->able)
		del_able(q, c);
	else
		list_del_init(&c->link);
	mqk_turn_find_sole(q);
	c->attached = false;
	c->able = false;
	q->nr_consumers--;
	q->exclusive_consumer = false;
	if (!q->nr_consumers)
		mqk_deadline_used(q);
	/* Who sees that it has ended must see why: page->error comes first. */
	smp_store_release(&c->page->flags, MQK_CONSUMER_PAGE_F_CANCELLED);
	if (unlikely(q->single)) {
		del_rank(q, c);
		choose(q);
	} else if (unlikely(mqk_queue_groups(q))) {
		tell(c);
	}
}
