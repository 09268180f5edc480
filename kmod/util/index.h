/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index of a queue: which messages it holds, in order, and their state.
 *
 * Entries of 32 bytes lie in chunks of one page, in the order in which they
 * came.  An entry stays in its place until it is done, also while it is out
 * for delivery: so to return it to its old place is to set a bit.
 *
 *	          cursor: first entry that was never taken
 *	             v
 *	[ d d t d | d t r t | t t w w | w w . . ]      d done     t taken
 *	  chunk 1   chunk 2   chunk 3   chunk 4        r returned w waiting
 *
 * States of an entry: waiting -> taken -> done; taken -> returned -> taken; and
 * what is waiting or returned may end without being taken (mqk_index_remove()), or
 * be taken out of turn (mqk_index_detach()).
 * Every returned entry is older than every waiting one, so the next to take is
 * the oldest returned one, else the one at the cursor.  Chunks with returned
 * entries are in a tree by age, and in each a bitmap tells which they are.  A
 * chunk goes when all its entries are done; one is kept for the next use.  A
 * second tree finds a chunk by place, for those who look without taking.
 *
 * Appending cannot fail: room is reserved first, and what feeds the index with
 * fresh chunks is the caller, who can sleep.  Every operation costs the same
 * whatever the index holds, but for the trees: O(log chunks), and for the
 * second one only once in MQK_CHUNK_ENTRIES messages.  What was removed in front of
 * the cursor is passed once: a chunk that holds nothing else has gone.
 *
 * An index can also do no more than store: then the caller knows what is next, and
 * calls neither mqk_index_next() nor what takes or returns an entry, but marks it
 * itself; what ends it is the same.
 *
 * Locks: the caller's.  No allocation, so it runs in userspace for its tests.
 */
#ifndef MQK_UTIL_INDEX_H
#define MQK_UTIL_INDEX_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct mqk_extras;
struct mqk_links;

#define MQK_CHUNK_BYTES		4096u
#define MQK_CHUNK_ENTRIES	123u
#define MQK_CHUNK_WORDS		2

/**
 * struct mqk_entry - a message in a queue
 * @ref: its record
 * @payload_len: as in its head, as are the next two
 * @headers_len: bytes of headers
 * @key_len: bytes of the key
 * @flags: MQK_ENTRY_F_*; 0 when it is appended, and while it is returned, but for
 *	what is the caller's
 * @exchange: id of the exchange
 * @priority: as in the head of its record
 * @resv: 0
 * @count: deliveries so far
 * @uid: who published it
 * @pid: the process that opened the publishing session
 *
 * The second half of a struct mqk_delivery, so that it is copied as it is.
 */
struct mqk_entry {
	u64 ref;
	u32 payload_len;
	u16 headers_len;
	u8 key_len;
	u8 flags;
	u32 exchange;
	u8 priority;
	u8 resv;
	u16 count;
	u32 uid;
	u32 pid;
};

#define MQK_ENTRY_F_TAKEN	0x1
#define MQK_ENTRY_F_DONE	0x2
#define MQK_ENTRY_F_SETTLED	0x4	/* taken by one who acknowledges nothing */
#define MQK_ENTRY_F_KEPT	0x8	/* taken out of a queue that keeps extras */
#define MQK_ENTRY_F_BACK	0x10	/* the caller's, of one that is ready */
#define MQK_ENTRY_F_STAGED	0x20	/* the caller's, of one that is taken */

/**
 * struct mqk_chunk - a page of entries, aligned to its size
 * @link: in the index's list, oldest first, or spare
 * @node: in the tree of chunks with returned entries
 * @place: in the tree of chunks in use, by age
 * @index: whose it is
 * @owner: the caller's: who pays for it
 * @base: place of the first entry in the queue
 * @returned: bitmap of returned entries
 * @used: entries appended
 * @head: entries that the cursor has passed: taken at least once, or removed
 * @live: entries appended and not done
 * @nr_dying: the caller's, as are the next two: entries that are dying
 * @first_dying: the first of them
 * @last_dying: the last one
 * @resv: 0
 * @extras: the caller's, one for each entry, or NULL; @parallel says when it counts
 * @links: the caller's, one for each entry, or NULL
 * @dying: the caller's, while some are dying
 * @entry: the entries
 */
struct mqk_chunk {
	struct list_head link;
	struct rb_node node;
	struct rb_node place;
	struct mqk_index *index;
	void *owner;
	u64 base;
	u64 returned[MQK_CHUNK_WORDS];
	u32 used;
	u32 head;
	u32 live;
	u8 nr_dying;
	u8 first_dying;
	u8 last_dying;
	u8 resv;
	struct mqk_extras *extras;
	struct mqk_links *links;
	struct list_head dying;
	struct mqk_entry entry[MQK_CHUNK_ENTRIES];
};

/**
 * struct mqk_index - the index
 * @chunks: chunks in use, oldest first
 * @spare: chunks that wait for use
 * @tail: the last chunk in use, or NULL
 * @cursor: chunk of the first entry that was never taken, or NULL
 * @returned: tree of chunks with returned entries
 * @places: tree of all chunks in use
 * @next_seq: place of the next entry
 * @room: entries that can be appended without feeding
 * @reserved: how many of those are promised
 * @nr_chunks: chunks, spare ones included
 * @parallel: only chunks with extras are used again
 */
struct mqk_index {
	struct list_head chunks;
	struct list_head spare;
	struct mqk_chunk *tail;
	struct mqk_chunk *cursor;
	struct rb_root_cached returned;
	struct rb_root places;
	u64 next_seq;
	u64 room;
	u64 reserved;
	u32 nr_chunks;
	bool parallel;
};

static inline struct mqk_chunk *mqk_entry_chunk(const struct mqk_entry *e)
{
	return (struct mqk_chunk *)((unsigned long)e & ~(MQK_CHUNK_BYTES - 1UL));
}

/* Whether somebody has it who is to acknowledge it. */
static inline bool mqk_entry_is_out(const struct mqk_entry *e)
{
	return (e->flags & (MQK_ENTRY_F_TAKEN | MQK_ENTRY_F_DONE |
			    MQK_ENTRY_F_SETTLED)) == MQK_ENTRY_F_TAKEN;
}

/* Place of an entry in its queue, from 0. */
static inline u64 mqk_entry_seq(const struct mqk_entry *e)
{
	const struct mqk_chunk *c = mqk_entry_chunk(e);

	return c->base + (u64)(e - c->entry);
}

/* Whether an entry can be appended, or promised room; false: feed it first. */
static inline bool mqk_index_has_room(const struct mqk_index *x)
{
	return x->reserved < x->room;
}

/* Promise room for one entry; false: feed it and try again. */
static inline bool mqk_index_reserve(struct mqk_index *x)
{
	if (!mqk_index_has_room(x))
		return false;
	x->reserved++;
	return true;
}

/* Take a promise back, to use it or to give it up. */
static inline void mqk_index_unreserve(struct mqk_index *x)
{
	x->reserved--;
}

void mqk_index_init(struct mqk_index *x);
u32 mqk_index_unpromised(const struct mqk_index *x, u32 n);
void mqk_index_feed(struct mqk_index *x, struct mqk_chunk *c, void *owner);
struct mqk_chunk *mqk_index_drain(struct mqk_index *x);
void mqk_index_grow(struct mqk_index *x);
struct mqk_entry *mqk_index_next(struct mqk_index *x);
void mqk_index_take_returned(struct mqk_index *x, struct mqk_entry *e);
void mqk_index_detach(struct mqk_index *x, struct mqk_entry *e);
void mqk_index_attach(struct mqk_index *x, struct mqk_entry *e);
void mqk_index_return(struct mqk_index *x, struct mqk_entry *e);
struct mqk_chunk *mqk_index_remove(struct mqk_index *x, struct mqk_entry *e);
struct mqk_chunk *mqk_index_retire(struct mqk_index *x, struct mqk_chunk *c);
struct mqk_entry *mqk_index_find(struct mqk_index *x, u64 *seq,
				 unsigned int chunks);
struct mqk_chunk *mqk_index_chunk_at(struct mqk_index *x, u64 seq);
struct mqk_entry *mqk_index_at(struct mqk_index *x, u64 seq);

/**
 * mqk_index_append() - add an entry at the end
 * @x: the index, which has room, or whose promise was just taken back
 *
 * Return: the entry in its place, for the caller to fill; its flags must be 0
 */
static inline struct mqk_entry *mqk_index_append(struct mqk_index *x)
{
	struct mqk_chunk *c = x->tail;

	if (unlikely(!c || c->used == MQK_CHUNK_ENTRIES)) {
		mqk_index_grow(x);
		c = x->tail;
	}
	c->live++;
	x->next_seq++;
	x->room--;
	return &c->entry[c->used++];
}

/**
 * mqk_index_front() - where the next entries go
 * @x: the index
 * @n: in: how many are wanted; out: how many there is room for, side by side
 *
 * Return: the first place; then mqk_index_filled() tells how many were filled,
 * or, if nothing waits and they are taken as they come, mqk_index_through()
 */
static __always_inline struct mqk_entry *
mqk_index_front(struct mqk_index *x, u32 *n)
{
	struct mqk_chunk *c = x->tail;

	if (unlikely(!c || c->used == MQK_CHUNK_ENTRIES)) {
		if (!mqk_index_has_room(x)) {
			*n = 0;
			return NULL;
		}
		mqk_index_grow(x);
		c = x->tail;
	}
	*n = min(*n, MQK_CHUNK_ENTRIES - c->used);
	if (unlikely(x->reserved))
		*n = mqk_index_unpromised(x, *n);
	return &c->entry[c->used];
}

/* So many entries from there on were appended. */
static __always_inline void mqk_index_filled(struct mqk_index *x, u32 n)
{
	struct mqk_chunk *c = x->tail;

	c->live += n;
	c->used += n;
	x->next_seq += n;
	x->room -= n;
}

/* So many entries from there on were appended, and taken in the same breath. */
static __always_inline void mqk_index_through(struct mqk_index *x, u32 n)
{
	struct mqk_chunk *c = x->tail;

	mqk_index_filled(x, n);
	c->head = c->used;
	x->cursor = c;
}

/* Whether an entry is returned or waiting: nobody has it. */
static inline bool mqk_entry_ready(const struct mqk_entry *e)
{
	return !(e->flags & (MQK_ENTRY_F_TAKEN | MQK_ENTRY_F_DONE));
}

/* When nothing else waits: the entry that was appended last is next in turn. */
static inline void mqk_index_skip_to(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);

	c->head = e - c->entry;		/* behind it are removed ones */
	x->cursor = c;
}

/**
 * mqk_index_take() - take the entry that is next in turn
 * @x: the index
 * @e: what mqk_index_next() returned
 */
static inline void mqk_index_take(struct mqk_index *x, struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);

	e->flags = MQK_ENTRY_F_TAKEN;
	if (likely(e == &c->entry[c->head]))
		c->head++;
	else
		mqk_index_take_returned(x, e);
}

/**
 * mqk_index_done() - end a taken entry
 * @x: the index
 * @e: the entry, gone afterwards
 *
 * Return: a chunk for the caller to free, or NULL
 */
static inline struct mqk_chunk *mqk_index_done(struct mqk_index *x,
					       struct mqk_entry *e)
{
	struct mqk_chunk *c = mqk_entry_chunk(e);

	e->flags |= MQK_ENTRY_F_DONE;
	if (likely(--c->live || c->used < MQK_CHUNK_ENTRIES))
		return NULL;
	return mqk_index_retire(x, c);
}

#endif /* MQK_UTIL_INDEX_H */
