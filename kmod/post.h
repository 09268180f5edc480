/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Posting: putting the message of port->head_copy into all queues of a route or
 * into none.
 *
 * What both ways of publishing do, in place and by copy: credit first, then a
 * place in each queue, then nothing fails any more.
 *
 * Locks: port->mutex, and the RCU read side in which the route was found.
 */
#ifndef MQK_POST_H
#define MQK_POST_H

#include <linux/spinlock.h>
#include <linux/mqk.h>

#include "express.h"
#include "limits.h"
#include "port.h"
#include "queue.h"
#include "route.h"

/**
 * struct mqk_hold - the queue whose lock is kept from one message to the next
 * @queue: the queue, or NULL
 * @left: for how many more
 *
 * It is kept while they all go there and nothing else is to be done.
 */
struct mqk_hold {
	struct mqk_queue *queue;
	u32 left;
};

static inline void mqk_hold_end(struct mqk_hold *h)
{
	if (!h->queue)
		return;
	spin_unlock(&h->queue->lock);
	h->queue = NULL;
}

static __always_inline void mqk_hold_queue(struct mqk_hold *h, struct mqk_queue *q)
{
	if (likely(h->queue == q && h->left)) {
		h->left--;
		return;
	}
	mqk_hold_end(h);
	spin_lock(&q->lock);
	h->queue = q;
	h->left = MQK_HOLD_MESSAGES - 1;
}

static_assert(offsetof(struct mqk_entry, headers_len) -
	      offsetof(struct mqk_entry, payload_len) ==
	      offsetof(struct mqk_record, headers_len) -
	      offsetof(struct mqk_record, payload_len));

static_assert(offsetof(struct mqk_entry, key_len) -
	      offsetof(struct mqk_entry, payload_len) ==
	      offsetof(struct mqk_record, key_len) -
	      offsetof(struct mqk_record, payload_len));

static_assert(offsetof(struct mqk_entry, exchange) % 8 == 0);

static_assert(offsetof(struct mqk_entry, priority) -
	      offsetof(struct mqk_entry, exchange) ==
	      offsetof(struct mqk_record, priority) -
	      offsetof(struct mqk_record, exchange));

/*
 * Exchange and priority, as one word; the rest of it is 0 in both, in an entry the
 * count.
 */
static __always_inline u64 mqk_post_exchange(const struct mqk_record *r)
{
	static_assert(offsetof(struct mqk_record, exchange) % 8 == 0);

	return *(const u64 *)((const u8 *)r + offsetof(struct mqk_record, exchange));
}

static __always_inline void mqk_post_describe(const struct mqk_port *p,
				     const struct mqk_record *r, u64 ref,
				     struct mqk_entry *e)
{
	e->ref = ref;
	/* the three lengths; the type, which comes next, is where flags go */
	memcpy((u8 *)e + offsetof(struct mqk_entry, payload_len),
	       (const u8 *)r + offsetof(struct mqk_record, payload_len), 8);
	e->flags = 0;
	MQK_ENTRY_WORD(e, exchange) = mqk_post_exchange(r);
	e->uid = p->uid;
	e->pid = p->pid;
}

int mqk_post(struct mqk_port *p, struct mqk_hold *h, struct mqk_route *route,
	     u64 ref);
int mqk_post_further(struct mqk_port *p, struct mqk_hold *h,
		     struct mqk_route *route, u64 ref, void *record);
int mqk_post_reserve(struct mqk_port *p, struct mqk_route *route);
void mqk_post_unreserve(struct mqk_port *p, const struct mqk_route *route);
int mqk_post_commit(struct mqk_port *p, const struct mqk_route *route, u64 ref);
void mqk_post_remember(struct mqk_port *p, struct mqk_exchange *const *x, u32 nr,
		       u64 ref);
int mqk_post_prepare(struct mqk_port *p);
int mqk_post_grant_more(struct mqk_port *p, u32 n);
struct mqk_route *mqk_post_route(struct mqk_port *p, const void *record);
int mqk_post_numbered(struct mqk_port *p, struct mqk_route *route,
		      u64 ref, void *record);
int mqk_post_nowhere(struct mqk_port *p);
void mqk_post_wait(struct mqk_port *p);

/* Have at least so many messages charged in advance. */
static __always_inline int mqk_post_grant(struct mqk_port *p, u32 n)
{
	return likely(p->grant >= n) ? 0 : mqk_post_grant_more(p, n);
}

#endif /* MQK_POST_H */
