// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a queue has seen.
 */
#include "seen.h"

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/slab.h>

#include "account.h"

/* Ids that are looked at, whether they are too old, for each that comes. */
#define FORGET_BUDGET	2u

/* ---- room ---- */

/**
 * mqk_seen_page_alloc() - make room for ids
 * @tenant: who pays
 * @overdraw: a limit may be exceeded, once
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: a page; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_seen_page *mqk_seen_page_alloc(struct mqk_tenant *tenant, bool overdraw,
					  struct mqk_refusal *why)
{
	struct mqk_seen_page *page;
	int err;

	err = overdraw ? mqk_overdraw(tenant, MQK_RES_BYTES, MQK_SEEN_BYTES) :
			 mqk_charge(tenant, MQK_RES_BYTES, MQK_SEEN_BYTES, why);
	if (err)
		return ERR_PTR(err);
	page = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, MQK_SEEN_ORDER);
	if (!page) {
		mqk_uncharge(tenant, MQK_RES_BYTES, MQK_SEEN_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	page->owner = tenant;
	return page;
}

/**
 * mqk_seen_page_free() - free a page of room
 * @page: the page
 *
 * Context: any.
 */
void mqk_seen_page_free(struct mqk_seen_page *page)
{
	mqk_uncharge(page->owner, MQK_RES_BYTES, MQK_SEEN_BYTES);
	free_pages((unsigned long)page, MQK_SEEN_ORDER);
}

/**
 * mqk_seen_alloc() - begin to see
 * @tenant: who pays
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: what has seen nothing; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_seen *mqk_seen_alloc(struct mqk_tenant *tenant, struct mqk_refusal *why)
{
	struct mqk_seen *s;
	int err;

	err = mqk_charge(tenant, MQK_RES_BYTES, sizeof(*s), why);
	if (err)
		return ERR_PTR(err);
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s) {
		mqk_uncharge(tenant, MQK_RES_BYTES, sizeof(*s));
		return ERR_PTR(-ENOMEM);
	}
	s->owner = tenant;
	return s;
}

/**
 * mqk_seen_free() - forget it all
 * @s: what was seen, or NULL; nobody else has it
 *
 * Context: any; it frees MQK_SEEN_PAGES at most.
 */
void mqk_seen_free(struct mqk_seen *s)
{
	if (!s)
		return;
	while (s->nr_pages)
		mqk_seen_page_free(s->page[--s->nr_pages]);
	mqk_uncharge(s->owner, MQK_RES_BYTES, sizeof(*s));
	kfree(s);
}

/* ---- the table ---- */

static struct mqk_seen_id *at(const struct mqk_seen *s, mqk_seen_place place)
{
	return &s->page[(place - 1) / MQK_SEEN_IDS]->entry[(place - 1) % MQK_SEEN_IDS];
}

/* The bucket of an id, of so many. */
static mqk_seen_place *bucket_of(const struct mqk_seen *s, u64 number)
{
	u32 mask = roundup_pow_of_two(s->buckets) - 1, n = number & mask;

	/* those of the upper half that are not there yet are one with their lower ones */
	if (n >= s->buckets)
		n = number & (mask >> 1);
	return &s->page[n / MQK_SEEN_IDS]->bucket[n % MQK_SEEN_IDS];
}

static void link_id(struct mqk_seen *s, mqk_seen_place place)
{
	struct mqk_seen_id *x = at(s, place);
	mqk_seen_place *bucket = bucket_of(s, x->id.number);

	x->chain = *bucket;
	*bucket = place;
}

static void unlink_id(struct mqk_seen *s, mqk_seen_place place)
{
	struct mqk_seen_id *x = at(s, place);
	mqk_seen_place *to = bucket_of(s, x->id.number);

	while (*to != place)
		to = &at(s, *to)->chain;
	*to = x->chain;
}

/* One bucket more, which gets its part of another one. */
static void split(struct mqk_seen *s)
{
	u32 from = s->buckets ? s->buckets - rounddown_pow_of_two(s->buckets) : 0;
	mqk_seen_place *bucket, place, next;

	s->buckets++;
	if (s->buckets == 1)
		return;
	bucket = &s->page[from / MQK_SEEN_IDS]->bucket[from % MQK_SEEN_IDS];
	place = *bucket;
	for (*bucket = 0; place; place = next) {
		next = at(s, place)->chain;
		link_id(s, place);
	}
}

/**
 * mqk_seen_has_room() - whether one more id can be kept
 * @s: what was seen
 *
 * Context: q->lock.
 * Return: true if so, beside those that room is reserved for
 */
bool mqk_seen_has_room(const struct mqk_seen *s)
{
	u32 room = s->nr_pages * MQK_SEEN_IDS;

	return room - s->nr > s->reserved || s->nr_pages == MQK_SEEN_PAGES;
}

/**
 * mqk_seen_feed() - give it room
 * @s: what was seen; it has none
 * @page: the room
 *
 * Context: q->lock.
 */
void mqk_seen_feed(struct mqk_seen *s, struct mqk_seen_page *page)
{
	mqk_seen_place first = s->nr_pages * MQK_SEEN_IDS + 1, i;

	s->page[s->nr_pages++] = page;
	for (i = 0; i < MQK_SEEN_IDS; i++) {
		page->entry[i].newer = s->room;
		s->room = first + i;
		split(s);
	}
}

/* ---- ids ---- */

/* The oldest one goes. */
static void drop_oldest(struct mqk_seen *s)
{
	mqk_seen_place place = s->oldest;
	struct mqk_seen_id *x = at(s, place);

	if (x->id.number)
		unlink_id(s, place);
	s->oldest = x->newer;
	if (!s->oldest)
		s->newest = 0;
	x->newer = s->room;
	s->room = place;
	s->nr--;
}

/**
 * mqk_seen_forget() - forget some of what is too old
 * @s: what was seen
 * @now: the time
 *
 * Context: q->lock.
 */
void mqk_seen_forget(struct mqk_seen *s, u64 now)
{
	u32 budget = FORGET_BUDGET;

	while (budget-- && s->oldest && at(s, s->oldest)->until <= now)
		drop_oldest(s);
}

/**
 * mqk_seen_has() - whether an id was seen
 * @s: what was seen
 * @id: the id
 * @now: the time
 *
 * Context: q->lock.
 * Return: true if so, and it is not too old
 */
bool mqk_seen_has(struct mqk_seen *s, const struct mqk_msgid *id, u64 now)
{
	mqk_seen_place place;
	struct mqk_seen_id *x;

	if (!s->buckets)
		return false;
	for (place = *bucket_of(s, id->number); place; place = x->chain) {
		x = at(s, place);
		if (!mqk_msgid_same(&x->id, id))
			continue;
		if (x->until > now)
			return true;
		/* its place goes when it is the oldest one's */
		unlink_id(s, place);
		x->id.number = 0;
		return false;
	}
	return false;
}

/**
 * mqk_seen_add() - see an id
 * @s: what was seen; it has room, or MQK_SEEN_PAGES
 * @id: the id, which it does not have
 * @until: when it is too old
 *
 * Context: q->lock.
 */
void mqk_seen_add(struct mqk_seen *s, const struct mqk_msgid *id, u64 until)
{
	struct mqk_seen_id *x;
	mqk_seen_place place;

	if (s->nr >= MQK_SEEN_MAX || !s->room)
		drop_oldest(s);
	place = s->room;
	x = at(s, place);
	s->room = x->newer;
	x->id = *id;
	x->until = until;
	x->newer = 0;
	if (s->newest)
		at(s, s->newest)->newer = place;
	else
		s->oldest = place;
	s->newest = place;
	s->nr++;
	link_id(s, place);
}
