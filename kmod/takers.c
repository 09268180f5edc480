// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takers.
 */
#include "takers.h"

#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "line.h"
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
	*e = mqk_order_next_of(q->keep->order, first(t, 0) ? U32_MAX : t->served, &level);
	return *e ? first_for(t, level) : NULL;
}

/**
 * mqk_takers_for() - who would be given a message that comes in
 * @q: the queue, where not everybody may have everything; nothing is ready
 *
 * Context: q->lock.
 * Return: the consumer, which is able as far as is known, or NULL
 */
struct mqk_consumer *mqk_takers_for(struct mqk_queue *q)
{
	lockdep_assert_held(&q->lock);
	return first_for(q->keep->takers, 0);
}
