// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stocks: what a port has of what queues need, got before their locks are taken.
 */
#include "stock.h"

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "account.h"
#include "extra.h"
#include "group.h"
#include "link.h"
#include "port.h"
#include "queue.h"
#include "retained.h"
#include "schedule.h"
#include "seen.h"
#include "turn.h"
#include "util/index.h"

/**
 * mqk_stock_init() - initialise an empty stock
 * @s: the stock
 */
void mqk_stock_init(struct mqk_stock *s)
{
	INIT_LIST_HEAD(&s->extras);
	INIT_LIST_HEAD(&s->keeps);
	INIT_LIST_HEAD(&s->links);
	INIT_LIST_HEAD(&s->groups);
	INIT_LIST_HEAD(&s->retained);
	INIT_LIST_HEAD(&s->pages);
}

/**
 * mqk_stock_free() - free what a port has in advance, but for chunks
 * @s: the stock
 *
 * Context: process.
 */
void mqk_stock_free(struct mqk_stock *s)
{
	struct mqk_retained_message *m, *next_m;
	struct mqk_extras *xs, *next_xs;
	struct mqk_links *ls, *next_ls;
	struct mqk_seen_page *page, *next_page;
	struct mqk_keep *keep, *next;
	struct mqk_group *g, *next_g;

	list_for_each_entry_safe(xs, next_xs, &s->extras, link)
		mqk_extras_free(xs);
	list_for_each_entry_safe(ls, next_ls, &s->links, link)
		mqk_links_free(ls);
	list_for_each_entry_safe(keep, next, &s->keeps, link)
		kfree(keep);
	list_for_each_entry_safe(g, next_g, &s->groups, link)
		mqk_group_free(g);
	list_for_each_entry_safe(m, next_m, &s->retained, in_order)
		mqk_retained_free_room(m);
	list_for_each_entry_safe(page, next_page, &s->pages, link)
		mqk_seen_page_free(page);
}

/* Memory for queues that is charged; limits bind all but dead letters. */
static int charge(struct mqk_port *p, u64 bytes)
{
	return p->letters ? mqk_overdraw(p->tenant, MQK_RES_BYTES, bytes) :
			    mqk_charge(p->tenant, MQK_RES_BYTES, bytes, &p->why);
}

/**
 * mqk_stock_chunks() - get chunks for the queues that lacked one
 * @p: the port
 * @chunks: how many it must have
 *
 * Context: p->mutex; may sleep.
 * Return: 0; -EDQUOT, -ENOSPC (p->why), -ENOMEM
 */
int mqk_stock_chunks(struct mqk_port *p, u32 chunks)
{
	struct mqk_chunk *c;
	int err;

	while (p->nr_chunks < chunks) {
		err = charge(p, MQK_CHUNK_BYTES);
		if (err)
			return err;
		c = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!c) {
			mqk_uncharge(p->tenant, MQK_RES_BYTES, MQK_CHUNK_BYTES);
			return -ENOMEM;
		}
		c->owner = p->tenant;
		c->extras = NULL;
		c->links = NULL;
		list_add(&c->link, &p->chunks);
		p->nr_chunks++;
	}
	return 0;
}

/* Room for messages that are to be remembered. */
static int fill_retained(struct mqk_port *p)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_retained_message *m;

	while (s->nr_retained < s->want_retained) {
		m = mqk_retained_room(p->tenant, &p->why);
		if (IS_ERR(m))
			return PTR_ERR(m);
		list_add(&m->in_order, &s->retained);
		s->nr_retained++;
	}
	s->want_retained = 0;
	return 0;
}

/* Room for ids that queues see. */
static int fill_pages(struct mqk_port *p)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_seen_page *page;

	for (; s->want_pages; s->want_pages--) {
		page = mqk_seen_page_alloc(p->tenant, p->letters, &p->why);
		if (IS_ERR(page))
			return PTR_ERR(page);
		list_add(&page->link, &s->pages);
	}
	return 0;
}

/* Room for groups. */
static int fill_groups(struct mqk_port *p)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_group *g;

	while (s->nr_groups < s->want_groups) {
		g = mqk_group_alloc(p->tenant, p->letters, &p->why);
		if (IS_ERR(g))
			return PTR_ERR(g);
		list_add(&g->link, &s->groups);
		s->nr_groups++;
	}
	s->want_groups = 0;
	return 0;
}

/**
 * mqk_stock_fill() - get what is needed beside chunks, as much as is wanted
 * @p: the port
 *
 * Context: p->mutex; may sleep.
 * Return: 0; -EDQUOT, -ENOSPC (p->why), -ENOMEM
 */
int mqk_stock_fill(struct mqk_port *p)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_extras *xs;
	struct mqk_links *ls;
	struct mqk_keep *keep;

	while (s->nr_extras < s->want_extras) {
		xs = mqk_extras_alloc(p->tenant, p->letters, &p->why);
		if (IS_ERR(xs))
			return PTR_ERR(xs);
		list_add(&xs->link, &s->extras);
		s->nr_extras++;
	}
	while (s->nr_keeps < s->want_keeps) {
		keep = mqk_keep_alloc();
		if (!keep)
			return -ENOMEM;
		list_add(&keep->link, &s->keeps);
		s->nr_keeps++;
	}
	while (s->nr_links < s->want_links) {
		ls = mqk_links_alloc(p->tenant, p->letters, &p->why);
		if (IS_ERR(ls))
			return PTR_ERR(ls);
		list_add(&ls->link, &s->links);
		s->nr_links++;
	}
	s->want_extras = 0;
	s->want_keeps = 0;
	s->want_links = 0;
	return fill_groups(p) ?: fill_retained(p) ?: fill_pages(p);
}

static void give_extras(struct mqk_port *p, struct mqk_chunk *c)
{
	struct mqk_extras *xs;

	xs = list_first_entry(&p->stock.extras, struct mqk_extras, link);
	list_del(&xs->link);
	p->stock.nr_extras--;
	mqk_extras_give(xs, c);
}

/**
 * mqk_stock_keep_extras() - have a queue keep extras
 * @p: the port, with a message that brings a time of its own
 * @q: the queue, locked
 *
 * What comes behind the full chunks has them from now on.
 *
 * Return: false: the port lacks what is needed
 */
bool mqk_stock_keep_extras(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_chunk *tail = q->index.tail, *c;
	struct mqk_stock *s = &p->stock;
	struct mqk_keep *keep;
	u32 n = 0;

	if (q->keeps)
		return true;
	n += tail && !tail->extras;
	list_for_each_entry(c, &q->index.spare, link)
		n += !c->extras;
	if (!s->nr_keeps || s->nr_extras < n) {
		s->want_keeps = 1;
		s->want_extras = n;
		return false;
	}
	if (tail && !tail->extras)
		give_extras(p, tail);
	list_for_each_entry(c, &q->index.spare, link)
		if (!c->extras)
			give_extras(p, c);
	keep = list_first_entry(&s->keeps, struct mqk_keep, link);
	list_del(&keep->link);
	s->nr_keeps--;
	mqk_keep_begin(q, keep);
	mqk_turn_find_sole(q);
	return true;
}

static void give_links(struct mqk_port *p, struct mqk_chunk *c)
{
	struct mqk_links *ls;

	ls = list_first_entry(&p->stock.links, struct mqk_links, link);
	list_del(&ls->link);
	p->stock.nr_links--;
	mqk_links_give(ls, c);
}

/* Whether the port has what comes with a chunk of a queue that keeps extras. */
static bool has_companions(struct mqk_port *p, bool linked)
{
	struct mqk_stock *s = &p->stock;
	bool extras = s->nr_extras, links = !linked || s->nr_links;

	s->want_extras += !extras;
	s->want_links += !links;
	return extras && links;
}

/**
 * mqk_stock_feed() - feed an index of a queue, which lacks a chunk, with one of the port's
 * @p: the port
 * @q: the queue, locked
 * @x: the index
 *
 * Return: false: the port has none, or lacks what comes with it
 */
bool mqk_stock_feed(struct mqk_port *p, struct mqk_queue *q, struct mqk_index *x)
{
	bool linked = x != &q->index || mqk_queue_linked(q);
	struct mqk_chunk *c;

	if (!p->nr_chunks)
		return false;
	if (unlikely(q->keeps) && !has_companions(p, linked))
		return false;
	c = list_first_entry(&p->chunks, struct mqk_chunk, link);
	list_del(&c->link);
	if (unlikely(q->keeps))
		give_extras(p, c);
	if (unlikely(linked))
		give_links(p, c);
	p->nr_chunks--;
	mqk_index_feed(x, c, c->owner);
	return true;
}

/**
 * mqk_stock_feed_seen() - give what a queue has seen a page of room
 * @p: the port
 * @seen: what it has seen, locked
 *
 * Return: false: the port has none
 */
bool mqk_stock_feed_seen(struct mqk_port *p, struct mqk_seen *seen)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_seen_page *page;

	page = list_first_entry_or_null(&s->pages, struct mqk_seen_page, link);
	if (!page) {
		s->want_pages++;
		return false;
	}
	list_del(&page->link);
	mqk_seen_feed(seen, page);
	return true;
}

/**
 * mqk_stock_has_group() - whether the message of p->head_copy can join its group
 * @p: the port
 * @q: the queue, locked, where it is of a group
 *
 * Return: false: the port lacks room for a new one
 */
bool mqk_stock_has_group(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_stock *s = &p->stock;

	if (s->nr_groups || mqk_groups_has(q->keep->groups, mqk_port_group(p)))
		return true;
	s->want_groups = 1;
	return false;
}

/**
 * mqk_stock_join() - have the message of p->head_copy join its group
 * @p: the port, which has room for it if it is new
 * @q: the queue, locked
 *
 * Return: the group; NULL: it is of none there
 */
struct mqk_group *mqk_stock_join(struct mqk_port *p, struct mqk_queue *q)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_group *spare, *g;

	if (!mqk_port_group(p) || !mqk_queue_groups(q))
		return NULL;
	spare = list_first_entry_or_null(&s->groups, struct mqk_group, link);
	if (spare)
		list_del(&spare->link);
	g = mqk_groups_join(q->keep->groups, mqk_port_group(p), spare);
	if (g == spare)
		s->nr_groups--;
	else if (spare)
		list_add(&spare->link, &s->groups);
	return g;
}
