// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takers.
 */
#include "takers.h"

#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "group.h"
#include "order.h"
#include "rules.h"

/**
 * mqk_takers_alloc() - make the takers of a queue
 * @r: its rules, by which not everybody may have everything
 *
 * Context: may sleep.
 * Return: it, with nobody, or NULL; until a queue has it, kfree() frees it
 */
struct mqk_takers *mqk_takers_alloc(const struct mqk_rules *r)
{
	u32 nr = 1 + mqk_rules_levels(r), i;
	struct mqk_takers *t;

	t = kzalloc(struct_size(t, class, nr), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	t->nr = nr;
	for (i = 0; i < nr; i++) {
		INIT_LIST_HEAD(&t->class[i].able);
		t->class[i].ranks = RB_ROOT;
	}
	return t;
}

/**
 * mqk_takers_enter() - a consumer is able, and in the list of its class
 * @q: its queue, where not everybody may have everything
 * @c: the consumer
 *
 * Context: q->lock.
 */
void mqk_takers_enter(struct mqk_queue *q, struct mqk_consumer *c)
{
	struct mqk_takers *t = q->keep->takers;

	mqk_takers_turn(t, c);
	if (c->level != MQK_ANY_LEVEL)
		t->served |= 1u << c->level;
	if (q->keep->groups)
		mqk_groups_able(q->keep->groups, c);
}

/**
 * mqk_takers_leave() - a consumer is not able any more, and in no list
 * @q: its queue, where not everybody may have everything
 * @c: the consumer
 *
 * Context: q->lock.
 */
void mqk_takers_leave(struct mqk_queue *q, struct mqk_consumer *c)
{
	struct mqk_takers *t = q->keep->takers;

	if (c->level != MQK_ANY_LEVEL && list_empty(&mqk_takers_class(t, c)->able))
		t->served &= ~(1u << c->level);
	if (q->keep->groups)
		mqk_groups_unable(q->keep->groups, c);
}

/* Who is next in turn in a class, or NULL. */
static struct mqk_consumer *first(struct mqk_takers *t, u32 class)
{
	return list_first_entry_or_null(&t->class[class].able, struct mqk_consumer, link);
}

/* Who of two is next in turn; either may be missing. */
static struct mqk_consumer *sooner(struct mqk_consumer *a, struct mqk_consumer *b)
{
	if (!a || !b)
		return a ?: b;
	if (a->priority != b->priority)
		return a->priority > b->priority ? a : b;
	return a->turn < b->turn ? a : b;
}

/* Who is next in turn of those who may have a message of a level, or NULL. */
static struct mqk_consumer *first_for(struct mqk_takers *t, u32 level)
{
	return sooner(first(t, 0), first(t, 1 + level));
}

/* As mqk_takers_next(), with groups: the older one of what is free and what is owned. */
static struct mqk_consumer *next_grouped(struct mqk_takers *t, const struct mqk_groups *gs,
					 struct mqk_entry **e)
{
	struct mqk_consumer *owner = mqk_groups_owner_first(gs), *c = first(t, 0);

	*e = mqk_groups_free_first(gs);
	if (!owner || (*e && mqk_entry_seq(*e) < owner->own_first))
		return *e ? c : NULL;
	*e = mqk_groups_first(gs, owner);
	return owner;
}

/**
 * mqk_takers_next() - what goes next to whom
 * @q: the queue, where not everybody may have everything; something is ready
 * @e: out: the message
 *
 * Context: q->lock.
 * Return: the consumer, which is able as far as is known; NULL: nobody able may have
 * anything that is ready
 */
struct mqk_consumer *mqk_takers_next(struct mqk_queue *q, struct mqk_entry **e)
{
	struct mqk_takers *t = q->keep->takers;
	u32 level;

	lockdep_assert_held(&q->lock);
	if (q->keep->groups)
		return next_grouped(t, q->keep->groups, e);
	*e = mqk_order_next_of(q->keep->order, first(t, 0) ? U32_MAX : t->served, &level);
	return *e ? first_for(t, level) : NULL;
}

/**
 * mqk_takers_for() - who would be given a message that comes in
 * @q: the queue, where not everybody may have everything; nothing is ready
 * @group: number of its group, or 0
 *
 * Context: q->lock.
 * Return: the consumer, which is able as far as is known, or NULL
 */
struct mqk_consumer *mqk_takers_for(struct mqk_queue *q, u64 group)
{
	struct mqk_takers *t = q->keep->takers;
	struct mqk_consumer *owner;

	lockdep_assert_held(&q->lock);
	if (!q->keep->groups)
		return first_for(t, 0);
	if (!mqk_groups_open(q->keep->groups, group, &owner))
		return NULL;
	if (!owner)
		return first(t, 0);
	return owner->able ? owner : NULL;
}

/**
 * mqk_takers_get() - the first message that one who gets may have
 * @q: the queue; something is ready
 * @c: who gets
 *
 * Context: q->lock.
 * Return: its entry, or NULL
 */
struct mqk_entry *mqk_takers_get(struct mqk_queue *q, const struct mqk_consumer *c)
{
	struct mqk_groups *gs = mqk_queue_groups(q);
	struct mqk_entry *free, *own;

	if (!gs)
		return mqk_queue_next(q);
	free = mqk_groups_free_first(gs);
	own = mqk_groups_first(gs, c);
	if (!free || !own)
		return free ?: own;
	return mqk_entry_seq(free) < mqk_entry_seq(own) ? free : own;
}
