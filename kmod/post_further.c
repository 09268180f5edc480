// SPDX-License-Identifier: GPL-2.0-only
/*
 * Posting what costs more: messages with further keys, those that last-value exchanges
 * remember, and those that are traced.
 */
#include "post.h"

#include <linux/list.h>

#include "broker.h"
#include "exchange.h"
#include "retained.h"
#include "room.h"
#include "segment.h"
#include "stock.h"
#include "util/record.h"
#include "watch.h"

/* Have each last-value exchange of some remember the message of p->head_copy. */
static void remember(struct mqk_port *p, struct mqk_exchange *const *x, u32 nr,
		     u64 ref, struct list_head *gone)
{
	struct mqk_stock *s = &p->stock;
	struct mqk_retained_message *m;
	u32 i;

	for (i = 0; i < nr; i++) {
		struct mqk_retained *r = x[i]->retained;

		if (r && !p->head_copy.payload_len)
			mqk_retained_forget(r, (const u8 *)p->key.word, p->key.len,
					    gone);
		if (!r || !p->head_copy.payload_len)
			continue;
		m = list_first_entry(&s->retained, struct mqk_retained_message,
				     in_order);
		list_del(&m->in_order);
		s->nr_retained--;
		memcpy(&m->head, &p->head_copy, MQK_RECORD_KEY);
		m->key->len = p->key.len;
		memcpy(m->key->text, p->key.word, p->key.len);
		m->ref = ref;
		m->uid = p->uid;
		m->pid = p->pid;
		m->id = p->head_copy.flags & MQK_MSG_F_ID ? p->router->id :
							    (struct mqk_msgid) {};
		m->group = mqk_port_group(p);
		mqk_retained_keep(r, m, gone);
	}
}

/*
 * Have the message remembered, if its route is still up to date, and BCC taken out
 * of it before; after that nothing may fail.
 */
static int try_remember(struct mqk_port *p, u32 n, u64 ref, void *headers)
{
	struct mqk_broker *broker = p->broker;
	LIST_HEAD(gone);
	bool good;

	p->stock.stale = true;
	if (!mqk_retained_begin(broker))
		return -ENOBUFS;
	good = mqk_router_up_to_date(p->router);
	if (good) {
		p->stock.stale = false;
		if (mqk_router_blind(p->router))
			mqk_router_blank(p->router, headers);
		if (p->head_copy.payload_len) {
			p->grant -= n;
			mqk_segment_get(mqk_segment_of(&broker->store, ref), n);
		}
		remember(p, p->router->targets.exchange,
			 p->router->targets.nr_exchanges, ref, &gone);
	}
	mqk_retained_end(broker);
	mqk_retained_let_go(broker, &gone);
	return good ? 0 : -ENOBUFS;
}

/**
 * mqk_post_remember() - have last-value exchanges remember the message of p->head_copy
 * @p: the port, with room for it in its stock, and the message's id in its router
 * @x: the exchanges
 * @nr: how many
 * @ref: the message's record; it has a reference for each, if it is not empty
 *
 * Context: p->mutex; broker->mutex, under which no route changes, and no binding is
 * being given what is remembered.
 */
void mqk_post_remember(struct mqk_port *p, struct mqk_exchange *const *x, u32 nr,
		       u64 ref)
{
	LIST_HEAD(gone);

	lockdep_assert_held(&p->broker->mutex);
	if (WARN_ON_ONCE(!mqk_retained_begin(p->broker)))
		return;
	remember(p, x, nr, ref, &gone);
	mqk_retained_end(p->broker);
	mqk_retained_let_go(p->broker, &gone);
}

/* Post a message that last-value exchanges have to remember. */
static int post_remembered(struct mqk_port *p, struct mqk_route *route,
			   u64 ref, void *headers)
{
	u32 n = route->remembers;
	int err;

	err = mqk_post_grant(p, route->nr + n);
	if (err)
		return err;
	if (p->head_copy.payload_len && p->stock.nr_retained < n) {
		p->stock.want_retained = max(n, MQK_RETAINED_ROOM);
		return -ENOBUFS;
	}
	err = mqk_post_reserve(p, route);
	if (p->full)
		return mqk_room_wait(p, route);
	if (err || p->nack)
		return err;
	err = try_remember(p, n, ref, headers);
	if (err) {
		mqk_post_unreserve(p, route);
		return err;
	}
	/* no failure past this point */
	return mqk_post_commit(p, route, ref);
}

/* As mqk_post_further(), but for what is traced. */
static int post(struct mqk_port *p, struct mqk_hold *h, struct mqk_route *route,
		u64 ref, void *record)
{
	void *headers = record + MQK_RECORD_HEADERS(p->head_copy.key_len);
	int err;

	if (route->remembers) {
		mqk_hold_end(h);
		return post_remembered(p, route, ref, headers);
	}
	if (!route->nr || !mqk_router_blind(p->router))
		return mqk_post(p, h, route, ref);
	mqk_hold_end(h);
	err = mqk_post_reserve(p, route);
	if (p->full)
		return mqk_room_wait(p, route);
	if (err || p->nack)
		return err;
	/* no failure past this point */
	mqk_router_blank(p->router, headers);
	return mqk_post_commit(p, route, ref);
}

/**
 * mqk_post_further() - mqk_post() for a message with further keys, or that an
 *	exchange remembers, or that is traced
 * @p: the port
 * @h: the lock that is kept
 * @route: the route, found last
 * @ref: the message's record; it has a reference for each queue of the route
 * @record: the record, where it lies
 *
 * BCC is taken out of it when nothing can fail any more: what has to be tried
 * again needs it.
 *
 * Context: p->mutex, RCU read side.
 * Return: as mqk_post()
 */
int mqk_post_further(struct mqk_port *p, struct mqk_hold *h,
		     struct mqk_route *route, u64 ref, void *record)
{
	struct mqk_tap *tap;
	int n;

	if (likely(!route->traced))
		return post(p, h, route, ref, record);
	mqk_hold_end(h);
	tap = mqk_watch_publish(p, ref);
	n = post(p, h, route, ref, record);
	mqk_hold_end(h);
	mqk_watch_published(p, tap, n);
	return n;
}
