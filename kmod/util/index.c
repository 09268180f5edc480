// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a queue.
 */
#include "util/index.h"

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/string.h>

static_assert(sizeof(struct mqk_entry) == 32);
static_assert(sizeof(struct mqk_chunk) <= MQK_CHUNK_BYTES);
static_assert(MQK_CHUNK_ENTRIES <= 64 * MQK_CHUNK_WORDS);

/**
 * mqk_index_init() - make an empty index
 * @x: the index
 */
void mqk_index_init(struct mqk_index *x)
{
	memset(x, 0, sizeof(*x));
	INIT_LIST_HEAD(&x->chunks);
	INIT_LIST_HEAD(&x->spare);
	x->returned = RB_ROOT_CACHED;
	x->places = RB_ROOT;
}

/* Make a chunk ready for use; what the entries hold does not matter. */
static void stock(struct mqk_index *x, struct mqk_chunk *c)
{
	c->used = 0;
	c->head = 0;
	c->live = 0;
	c->nr_dying = 0;
	memset(c->returned, 0, sizeof(c->returned));
	list_add_tail(&c->link, &x->spare);
	x->room += MQK_CHUNK_ENTRIES;
}

/**
 * mqk_index_unpromised() - how many of some entries nobody was promised room for
 * @x: the index
 * @n: how many
 *
 * Return: at most @n
 */
u32 mqk_index_unpromised(const struct mqk_index *x, u32 n)
{
	return min_t(u64, n, x->room - x->reserved);
}

/**
 * mqk_index_feed() - give the index a chunk
 * @x: the index
 * @c: MQK_CHUNK_BYTES, aligned to that; any contents
 * @owner: kept with it for the caller
 */
void mqk_index_feed(struct mqk_index *x, struct mqk_chunk *c, void *owner)
{
	c->index = x;
	c->owner = owner;
	x->nr_chunks++;
	stock(x, c);
}

/**
 * mqk_index_drain() - take an unused chunk out of the index
 * @x: the index, to which nothing is appended any more, whatever is reserved
 *
 * Return: a chunk for the caller to free: a spare one, or one that is in use
 * but holds no live entry; NULL when every chunk is needed
 */
struct mqk_chunk *mqk_index_drain(struct mqk_index *x)
{
	struct mqk_chunk *c;

	c = list_first_entry_or_null(&x->spare, struct mqk_chunk, link);
	if (c) {
		x->room -= MQK_CHUNK_ENTRIES;
	} else {
		c = list_first_entry_or_null(&x->chunks, struct mqk_chunk, link);
		if (!c || c->live)
			return NULL;
		/* All are done: this is the last chunk, with room at its end. */
		x->room -= MQK_CHUNK_ENTRIES - c->used;
		x->cursor = NULL;
		x->tail = NULL;
		rb_erase(&c->place, &x->places);
	}
	list_del(&c->link);
	x->nr_chunks--;
	return c;
}

static bool place_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mqk_chunk, place)->base <
	       rb_entry(b, struct mqk_chunk, place)->base;
}

/**
 * mqk_index_grow() - put a spare chunk at the end
 * @x: the index, which has one
 */
void mqk_index_grow(struct mqk_index *x)
{
	struct mqk_chunk *c = list_first_entry(&x->spare, struct mqk_chunk, link);

	list_move_tail(&c->link, &x->chunks);
	c->base = x->next_seq;
	rb_add(&c->place, &x->places, place_before);
	x->tail = c;
	if (!x->cursor)
		x->cursor = c;
}

static struct mqk_entry *first_returned(struct rb_node *node)
{
	struct mqk_chunk *c = rb_entry(node, struct mqk_chunk, node);
	unsigned int i = c->returned[0] ? __ffs64(c->returned[0])
					: 64 + __ffs64(c->returned[1]);

	return &c->entry[i];
}

/**
 * mqk_index_next() - the entry that is next in turn
 * @x: the index
 *
 * Return: the oldest entry that is returned or waiting; NULL when there is none
 */
struct mqk_entry *mqk_index_next(struct mqk_index *x)
{
	struct rb_node *node = rb_first_cached(&x->returned);
	struct mqk_chunk *c = x->cursor;

	if (unlikely(node))
		return first_returned(node);
	while (c) {
		for (; c->head < c->used; c->head++)
			if (likely(mqk_entry_ready(&c->entry[c->head])))
				return &c->entry[c->head];
		if (c->head < MQK_CHUNK_ENTRIES || list_is_last(&c->link, &x->chunks))
			return NULL;
		c = list_next_entry(c, link);
		x->cursor = c;
	}
	return NULL;
}

/**
 * mqk_index_take_returned() - take an entry out of the returned ones
 * @x: the index
 * @e: the entry
 */
void mqk_index_take_returned(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);
	unsigned int i = e - c->entry;

	c->returned[i / 64] &= ~(1ull << (i % 64));
	if (!(c->returned[0] | c->returned[1]))
		rb_erase_cached(&c->node, &x->returned);
}

static bool returned_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mqk_chunk, node)->base <
	       rb_entry(b, struct mqk_chunk, node)->base;
}

/**
 * mqk_index_return() - put a taken entry back to its place
 * @x: the index
 * @e: the entry
 */
void mqk_index_return(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);
	unsigned int i = e - c->entry;

	if (!(c->returned[0] | c->returned[1]))
		rb_add_cached(&c->node, &x->returned, returned_before);
	c->returned[i / 64] |= 1ull << (i % 64);
	e->flags = 0;
}

/**
 * mqk_index_detach() - take an entry out of turn
 * @x: the index
 * @e: an entry that is waiting or returned, wherever it is
 */
void mqk_index_detach(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);
	unsigned int i = e - c->entry;

	if (c->returned[i / 64] & 1ull << (i % 64))
		mqk_index_take_returned(x, e);
	e->flags = MQK_ENTRY_F_TAKEN;
}

/* Whether the cursor has gone past an entry. */
static bool passed(const struct mqk_index *x, const struct mqk_entry *e)
{
	const struct mqk_chunk *c = mqk_entry_chunk(e);

	if (!x->cursor || c->base < x->cursor->base)
		return true;
	return c == x->cursor && e - c->entry < c->head;
}

/**
 * mqk_index_attach() - undo mqk_index_detach()
 * @x: the index
 * @e: the entry; it waits again, or is returned when later ones were taken
 */
void mqk_index_attach(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);

	if (!passed(x, e)) {
		e->flags = 0;
		return;
	}
	/* where the cursor did not go through what was detached or removed */
	if (c != x->cursor)
		c->head = c->used;
	mqk_index_return(x, e);
}

/**
 * mqk_index_remove() - end an entry that is not taken
 * @x: the index
 * @e: an entry that is waiting or returned, wherever it is; gone afterwards
 *
 * Return: a chunk for the caller to free, or NULL
 */
struct mqk_chunk *mqk_index_remove(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);
	unsigned int i = e - c->entry;

	if (c->returned[i / 64] & 1ull << (i % 64))
		mqk_index_take_returned(x, e);
	return mqk_index_done(x, e);
}

/**
 * mqk_index_retire() - take a full chunk, all of whose entries are done, out of
 *	use
 * @x: the index
 * @c: the chunk
 *
 * Return: the chunk for the caller to free, or NULL when it is kept
 */
struct mqk_chunk *mqk_index_retire(struct mqk_index *x, struct mqk_chunk *c)
{
	if (x->cursor == c)
		x->cursor = list_is_last(&c->link, &x->chunks) ?
			    NULL : list_next_entry(c, link);
	if (x->tail == c)
		x->tail = NULL;
	list_del(&c->link);
	rb_erase(&c->place, &x->places);
	if (list_empty(&x->spare) && (!x->parallel || c->extras)) {
		stock(x, c);
		return NULL;
	}
	x->nr_chunks--;
	return c;
}

/**
 * mqk_index_chunk_at() - look for a chunk by place
 * @x: the index
 * @seq: the place
 *
 * Return: the chunk in use that holds the place, or the first one behind it;
 * NULL when there is none
 */
struct mqk_chunk *mqk_index_chunk_at(struct mqk_index *x, u64 seq)
{
	struct rb_node *node = x->places.rb_node;
	struct mqk_chunk *found = NULL;

	while (node) {
		struct mqk_chunk *c = rb_entry(node, struct mqk_chunk, place);

		if (seq < c->base + c->used) {
			found = c;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/**
 * mqk_index_at() - the ready entry of a place
 * @x: the index
 * @seq: the place
 *
 * Return: the entry, when it is returned or waiting, else NULL
 */
struct mqk_entry *mqk_index_at(struct mqk_index *x, u64 seq)
{
	struct mqk_chunk *c = mqk_index_chunk_at(x, seq);
	struct mqk_entry *e;

	if (!c || seq < c->base)
		return NULL;
	e = &c->entry[seq - c->base];
	return mqk_entry_ready(e) ? e : NULL;
}

/**
 * mqk_index_find() - look for an entry without taking it
 * @x: the index
 * @seq: in: lowest place that is wanted; out: place of what is found, or where
 *	to go on
 * @chunks: how many chunks to look through
 *
 * Return: the oldest entry from there on that is returned or waiting; NULL when
 * there is none among so many: if @seq is below @x->next_seq, there are more
 */
struct mqk_entry *mqk_index_find(struct mqk_index *x, u64 *seq,
				 unsigned int chunks)
{
	struct mqk_chunk *c = mqk_index_chunk_at(x, *seq);

	while (c) {
		u32 i = *seq > c->base ? *seq - c->base : 0;

		for (; i < c->used; i++) {
			*seq = c->base + i;
			if (mqk_entry_ready(&c->entry[i]))
				return &c->entry[i];
		}
		*seq = c->base + c->used;
		if (!--chunks || list_is_last(&c->link, &x->chunks))
			return NULL;
		c = list_next_entry(c, link);
	}
	*seq = x->next_seq;
	return NULL;
}
