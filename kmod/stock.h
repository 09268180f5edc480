/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stocks: what a port has in advance of what queues need for messages, so that
 * nothing is allocated under their locks: chunks, and what comes with them.
 *
 * Taking from it says what was lacking (want_*, port->want_chunks); it is got
 * without a lock of a queue, and the message tried again.
 *
 * Locks: port->mutex.
 */
#ifndef MQK_STOCK_H
#define MQK_STOCK_H

#include <linux/list.h>
#include <linux/types.h>

struct mqk_group;
struct mqk_index;
struct mqk_port;
struct mqk_queue;
struct mqk_seen;

/**
 * struct mqk_stock - what is needed to keep extras
 * @extras: of chunks
 * @keeps: of queues
 * @links: of chunks, for queues with an order
 * @groups: room for groups of messages (group.h)
 * @retained: room for messages that are remembered (retained.h)
 * @pages: room for ids that queues have seen (seen.h)
 * @nr_extras: how many there are
 * @nr_keeps: the same
 * @nr_links: the same
 * @want_extras: how many were lacking, or 0
 * @want_keeps: the same
 * @want_links: the same
 * @nr_groups: the same
 * @want_groups: the same
 * @nr_retained: the same
 * @want_retained: the same
 * @want_pages: how many were lacking
 * @stale: a message could not be remembered now: wait, and find its route anew
 */
struct mqk_stock {
	struct list_head extras;
	struct list_head keeps;
	struct list_head links;
	struct list_head groups;
	struct list_head retained;
	struct list_head pages;
	u32 nr_extras;
	u32 nr_keeps;
	u32 nr_links;
	u32 want_extras;
	u32 want_keeps;
	u32 want_links;
	u32 nr_groups;
	u32 want_groups;
	u32 nr_retained;
	u32 want_retained;
	u32 want_pages;
	bool stale;
};

void mqk_stock_init(struct mqk_stock *s);
void mqk_stock_free(struct mqk_stock *s);
int mqk_stock_chunks(struct mqk_port *p, u32 chunks);
int mqk_stock_fill(struct mqk_port *p);
bool mqk_stock_feed(struct mqk_port *p, struct mqk_queue *q, struct mqk_index *x);
bool mqk_stock_feed_seen(struct mqk_port *p, struct mqk_seen *seen);
bool mqk_stock_keep_extras(struct mqk_port *p, struct mqk_queue *q);
bool mqk_stock_has_group(struct mqk_port *p, struct mqk_queue *q);
struct mqk_group *mqk_stock_join(struct mqk_port *p, struct mqk_queue *q);

/* Whether it lacks something beside chunks. */
static inline bool mqk_stock_wants(const struct mqk_stock *s)
{
	return s->want_extras || s->want_keeps || s->want_links || s->want_groups ||
	       s->want_retained || s->want_pages;
}

#endif /* MQK_STOCK_H */
