/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takers: which consumer takes which message, in a queue where not everybody may have
 * everything.
 *
 * Elsewhere the next message goes to whoever is next in turn.  Here consumers that are
 * able stand in classes by what they may have: the first class may have anything, and
 * with levels there is one for each of them (x-mqk-level).  Each is in turn within
 * itself (turn.h), and each turn has a number, so that who is next of two classes is
 * known without going through either.
 *
 * The message comes first: it is the first one that somebody who is able may have; then
 * whoever is next in turn among those.  What nobody able may have holds up nothing else.
 * With levels, a word of bits tells which of them somebody is able to take from; with
 * groups, group.h knows.  So this costs the same whatever waits, and whoever.
 *
 * queue->able is empty in such a queue: what is fast because everybody may have
 * everything does not have to ask.
 *
 * Life: made with its queue, freed with it.
 * Locks: queue->lock.
 */
#ifndef MQK_TAKERS_H
#define MQK_TAKERS_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "consumer.h"
#include "extra.h"
#include "queue.h"

struct mqk_entry;
struct mqk_rules;

/**
 * struct mqk_class - consumers that are able, and may have the same
 * @able: they, the next one in turn first
 * @ranks: of each priority the last one, as queue->ranks
 */
struct mqk_class {
	struct list_head able;
	struct rb_root ranks;
};

/**
 * struct mqk_takers - the consumers of a queue that are able, by what they may have
 * @turns: how many turns were given
 * @served: bits of the levels whose own class is not empty
 * @nr: how many classes
 * @rcu: frees it
 * @class: the first one may have anything, the others one level each
 */
struct mqk_takers {
	u64 turns;
	u32 served;
	u32 nr;
	struct rcu_head rcu;
	struct mqk_class class[] __counted_by(nr);
};

struct mqk_takers *mqk_takers_alloc(const struct mqk_rules *r);
void mqk_takers_enter(struct mqk_queue *q, struct mqk_consumer *c);
void mqk_takers_leave(struct mqk_queue *q, struct mqk_consumer *c);
struct mqk_consumer *mqk_takers_next(struct mqk_queue *q, struct mqk_entry **e);
struct mqk_consumer *mqk_takers_for(struct mqk_queue *q, u64 group);
struct mqk_entry *mqk_takers_get(struct mqk_queue *q, const struct mqk_consumer *c);

/* The takers of a queue, or NULL: everybody may have everything. */
static inline struct mqk_takers *mqk_queue_takers(const struct mqk_queue *q)
{
	return q->keep ? q->keep->takers : NULL;
}

/* Whether a queue has the level that a consumer asks for, if it asks for one. */
static inline bool mqk_takers_has(const struct mqk_takers *t, s32 level)
{
	return level == MQK_ANY_LEVEL || (t && level + 1 < (s32)t->nr);
}

/* Where a consumer stands while it is able. */
static inline struct mqk_class *mqk_takers_class(struct mqk_takers *t,
						 const struct mqk_consumer *c)
{
	return &t->class[c->level + 1];
}

/* A consumer has its turn: it is the last one now. */
static inline void mqk_takers_turn(struct mqk_takers *t, struct mqk_consumer *c)
{
	c->turn = t->turns++;
}

#endif /* MQK_TAKERS_H */
