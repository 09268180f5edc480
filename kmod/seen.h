/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a queue has seen: the ids of the messages that it has taken, as long as its
 * x-mqk-dedup-window asks for.
 *
 * A message is looked for by its id in a hash table, and what is too old is forgotten
 * in order of coming, a little for each message that comes: both O(1).  The table
 * grows by one bucket at a time (linear hashing), as many as there is room for ids, so
 * no work under the queue's lock grows with what it holds.  Room comes in pages, which
 * whoever publishes gets and pays for, as for all that a message needs in a queue
 * (stock.h).  At MQK_SEEN_MAX ids it grows no more: then the oldest one goes.
 *
 * A message that is to enter several queues reserves room in each, under one lock after
 * the other.  What a queue has seen may have been taken away when it comes, or made
 * anew, with its window; @gen tells what was there when the message began.
 *
 * Life: as long as the queue has a window.  Pages: as long as this.
 * Locks: queue->lock.
 */
#ifndef MQK_SEEN_H
#define MQK_SEEN_H

#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#include "limits.h"
#include "msgid.h"

struct mqk_refusal;
struct mqk_tenant;

#define MQK_SEEN_BYTES		8192u
#define MQK_SEEN_ORDER		1
#define MQK_SEEN_IDS		224u		/* in a page */
#define MQK_SEEN_PAGES		DIV_ROUND_UP(MQK_SEEN_MAX, MQK_SEEN_IDS)

/* A place among all ids, from 1; 0: none. */
typedef u32 mqk_seen_place;

/**
 * struct mqk_seen_id - an id that was seen, or room for one
 * @id: the id; none: it is nobody's any more, and is still among the others
 * @until: when it is too old
 * @chain: the next one of its bucket
 * @newer: the one that came after it; of room, more room
 */
struct mqk_seen_id {
	struct mqk_msgid id;
	u64 until;
	mqk_seen_place chain;
	mqk_seen_place newer;
};

/**
 * struct mqk_seen_page - room for ids, and buckets for as many
 * @link: while it is no queue's
 * @owner: who pays
 * @bucket: the first one of each
 * @entry: the ids
 */
struct mqk_seen_page {
	struct list_head link;
	struct mqk_tenant *owner;
	mqk_seen_place bucket[MQK_SEEN_IDS];
	struct mqk_seen_id entry[MQK_SEEN_IDS];
};

static_assert(sizeof(struct mqk_seen_id) == 32);
static_assert(sizeof(struct mqk_seen_page) <= MQK_SEEN_BYTES);

/**
 * struct mqk_seen - what a queue has seen
 * @gen: larger than broker->seen_gen was before the queue had this; 0: it has always
 * @owner: who pays for this
 * @nr_pages: how many pages there are
 * @nr: how many ids, those included that are nobody's
 * @reserved: so much of the room is promised
 * @buckets: how many there are
 * @room: the first of the ids that are free
 * @oldest: the first of the others
 * @newest: the last of them
 * @page: the pages
 */
struct mqk_seen {
	u64 gen;
	struct mqk_tenant *owner;
	u32 nr_pages;
	u32 nr;
	u32 reserved;
	u32 buckets;
	mqk_seen_place room;
	mqk_seen_place oldest;
	mqk_seen_place newest;
	struct mqk_seen_page *page[MQK_SEEN_PAGES];
};

struct mqk_seen_page *mqk_seen_page_alloc(struct mqk_tenant *tenant, bool overdraw,
					  struct mqk_refusal *why);
void mqk_seen_page_free(struct mqk_seen_page *page);

struct mqk_seen *mqk_seen_alloc(struct mqk_tenant *tenant, struct mqk_refusal *why);
void mqk_seen_free(struct mqk_seen *s);

bool mqk_seen_has(struct mqk_seen *s, const struct mqk_msgid *id, u64 now);
bool mqk_seen_has_room(const struct mqk_seen *s);
void mqk_seen_feed(struct mqk_seen *s, struct mqk_seen_page *page);
void mqk_seen_forget(struct mqk_seen *s, u64 now);
void mqk_seen_add(struct mqk_seen *s, const struct mqk_msgid *id, u64 until);

#endif /* MQK_SEEN_H */
