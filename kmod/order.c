// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of a queue.
 */
#include "order.h"

#include <linux/minmax.h>
#include <linux/slab.h>

#include "link.h"
#include "rules.h"

#define SEQ_MASK	((1ull << MQK_ORDER_SHIFT) - 1)

static u32 rank_of(const struct mqk_order *o, const struct mqk_entry *e)
{
	if (o->demote_after)
		return mqk_extra_of(e)->failures / o->demote_after;
	return o->highest - min_t(u32, e->priority, o->highest);
}

/**
 * mqk_order_alloc() - make the order of a queue
 * @r: its rules, which order it
 *
 * Context: may sleep.
 * Return: the order, of nothing, or NULL; until a queue has it, kfree() frees it
 */
struct mqk_order *mqk_order_alloc(const struct mqk_rules *r)
{
	struct mqk_order *o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	u32 i;

	if (!o)
		return NULL;
	o->demote_after = mqk_rules_demote_after(r);
	if (!o->demote_after)
		o->highest = r->max_priority;
	for (i = 0; i < MQK_ORDER_RANKS; i++)
		mqk_line_init(&o->line[i]);
	return o;
}

/**
 * mqk_order_add() - a message comes in
 * @o: the order of its queue
 * @e: its entry, just appended and filled; it counts as ready
 *
 * Context: q->lock.
 */
void mqk_order_add(struct mqk_order *o, struct mqk_entry *e)
{
	u32 rank = rank_of(o, e);

	mqk_line_add(&o->line[rank], e);
	o->waiting |= 1u << rank;
}

/**
 * mqk_order_remove() - a message is ready no more
 * @o: the order of its queue
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_order_remove(struct mqk_order *o, struct mqk_entry *e)
{
	u32 rank = rank_of(o, e);

	mqk_line_leave(&o->line[rank], e);
	if (mqk_line_empty(&o->line[rank]))
		o->waiting &= ~(1u << rank);
}

/* A message of a level is taken: those below it, where something waits, are not. */
static void pass_over(struct mqk_order *o, u32 level)
{
	u32 below = o->waiting & ~(u32)((2ull << level) - 1), i;

	o->passed[level] = 0;
	o->starved &= ~(1u << level);
	for (; below; below &= below - 1) {
		i = __ffs64(below);
		if (o->passed[i] < MQK_ORDER_PATIENCE)
			o->passed[i]++;
		if (o->passed[i] == MQK_ORDER_PATIENCE)
			o->starved |= 1u << i;
	}
}

/**
 * mqk_order_take() - a message is taken
 * @o: the order of its queue
 * @e: its entry, ready
 *
 * Context: q->lock.
 */
void mqk_order_take(struct mqk_order *o, struct mqk_entry *e)
{
	mqk_order_remove(o, e);
	if (o->demote_after)
		pass_over(o, rank_of(o, e));
	e->flags = MQK_ENTRY_F_TAKEN;
}

/**
 * mqk_order_return() - a message that was taken is ready again
 * @o: the order of its queue
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_order_return(struct mqk_order *o, struct mqk_entry *e)
{
	u32 rank = rank_of(o, e);

	mqk_line_return(&o->line[rank], e);
	o->waiting |= 1u << rank;
}

/**
 * mqk_order_next() - the message that is next in turn
 * @o: the order of its queue
 *
 * Context: q->lock.
 * Return: its entry; NULL when nothing is ready
 */
struct mqk_entry *mqk_order_next(struct mqk_order *o)
{
	u32 rank;

	return mqk_order_next_of(o, U32_MAX, &rank);
}

/**
 * mqk_order_next_of() - the message that is next in turn, of some ranks
 * @o: the order of its queue
 * @ranks: bits of the ranks
 * @rank: out: its rank
 *
 * Context: q->lock.
 * Return: its entry; NULL when nothing of those ranks is ready
 */
struct mqk_entry *mqk_order_next_of(struct mqk_order *o, u32 ranks, u32 *rank)
{
	u32 waiting = o->waiting & ranks;
	u32 first = waiting & o->starved ?: waiting;

	if (!first)
		return NULL;
	*rank = __ffs64(first);
	return mqk_line_first(&o->line[*rank]);
}

/**
 * mqk_order_seq() - a number by which messages are in order of delivery
 * @o: the order of its queue
 * @e: its entry
 *
 * Context: q->lock.
 * Return: the rank, in the upper 8 bits, and the place
 */
u64 mqk_order_seq(const struct mqk_order *o, const struct mqk_entry *e)
{
	return (u64)rank_of(o, e) << MQK_ORDER_SHIFT | mqk_entry_seq(e);
}

/* The first entry of a chunk that is ready and of a rank, from a place on. */
static struct mqk_entry *find_in(const struct mqk_order *o, struct mqk_chunk *c,
				 u32 rank, u64 place)
{
	u32 i;

	for (i = place > c->base ? place - c->base : 0; i < c->used; i++) {
		struct mqk_entry *e = &c->entry[i];

		if (mqk_entry_ready(e) && rank_of(o, e) == rank)
			return e;
	}
	return NULL;
}

/**
 * mqk_order_find() - look for a message without taking it
 * @o: the order of its queue
 * @x: the queue's index
 * @seq: in: lowest number, as of mqk_order_seq(); out: that of what is found, or where
 *	to go on; U64_MAX: nowhere
 * @chunks: how many chunks to look through
 *
 * Context: q->lock.
 * Return: the first message from there on that is ready; NULL when there is none
 * among so many
 */
struct mqk_entry *mqk_order_find(const struct mqk_order *o, struct mqk_index *x,
				 u64 *seq, unsigned int chunks)
{
	u64 place = *seq & SEQ_MASK, rank = *seq >> MQK_ORDER_SHIFT;
	struct mqk_chunk *c = NULL;
	struct mqk_entry *e;
	u32 left;

	while (chunks && rank < MQK_ORDER_RANKS) {
		left = o->waiting >> rank;
		if (!left)
			break;
		if (!(left & 1)) {
			rank += __ffs64(left);
			place = 0;
			c = NULL;
		}
		if (!c)
			c = mqk_index_chunk_at(x, place);
		if (!c) {
			rank++;
			place = 0;
			continue;
		}
		e = find_in(o, c, rank, place);
		if (e) {
			*seq = mqk_order_seq(o, e);
			return e;
		}
		chunks--;
		place = c->base + c->used;
		c = list_is_last(&c->link, &x->chunks) ? NULL : list_next_entry(c, link);
	}
	*seq = chunks ? U64_MAX : rank << MQK_ORDER_SHIFT | place;
	return NULL;
}
