// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routing.
 */
#include "route.h"

#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/mqk.h>

#include "account.h"
#include "broker.h"
#include "cc.h"
#include "exchange.h"
#include "exchange_headers.h"
#include "msgid.h"
#include "util/record.h"

/* A spare route has at least this much room. */
#define ROUTE_ROOM	4u

static size_t route_bytes(u32 room)
{
	return struct_size_t(struct mqk_route, queue, room);
}

static void free_route(struct mqk_router *r, struct mqk_route *route)
{
	u64 bytes;

	if (!route)
		return;
	bytes = route_bytes(route->room);
	kvfree(route);
	r->bytes -= bytes;
	mqk_uncharge(r->tenant, MQK_RES_MAPPED, bytes);
}

/* Forget all routes; the table stays. */
static void forget(struct mqk_router *r)
{
	u32 i;

	r->last = NULL;
	for (i = 0; i < MQK_ROUTE_CACHE; i++) {
		free_route(r, r->cache[i]);
		r->cache[i] = NULL;
	}
	free_route(r, r->once);
	r->once = NULL;
	free_route(r, r->spare);
	r->spare = NULL;
}

static int charge(struct mqk_router *r, u64 bytes, struct mqk_refusal *why)
{
	int err = mqk_charge(r->tenant, MQK_RES_MAPPED, bytes, NULL);

	if (err) {
		forget(r);
		err = mqk_charge(r->tenant, MQK_RES_MAPPED, bytes, why);
	}
	if (!err)
		r->bytes += bytes;
	return err;
}

/* Charged memory; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM */
static void *alloc_charged(struct mqk_router *r, size_t bytes,
			   struct mqk_refusal *why)
{
	int err = charge(r, bytes, why);
	void *memory;

	if (err)
		return ERR_PTR(err);
	memory = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (memory)
		return memory;
	r->bytes -= bytes;
	mqk_uncharge(r->tenant, MQK_RES_MAPPED, bytes);
	return ERR_PTR(-ENOMEM);
}

/**
 * mqk_router_alloc() - make a router that knows nothing yet
 * @broker: the broker
 * @tenant: who pays
 * @cred: who publishes; kept by the caller
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: the router; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_router *mqk_router_alloc(struct mqk_broker *broker,
				    struct mqk_tenant *tenant,
				    const struct cred *cred,
				    struct mqk_refusal *why)
{
	struct mqk_topic_scratch *scratch;
	struct mqk_router *r;
	int err;

	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->broker = broker;
	r->tenant = tenant;
	r->cred = cred;
	r->want = ROUTE_ROOM;
	err = charge(r, sizeof(*r), why);
	if (err)
		goto err;
	scratch = alloc_charged(r, sizeof(*scratch), why);
	err = PTR_ERR_OR_ZERO(scratch);
	if (err)
		goto err;
	r->targets.scratch = scratch;
	err = mqk_router_grow(r, why);
	if (err)
		goto err;
	return r;
err:
	mqk_router_free(r);
	return ERR_PTR(err);
}

/**
 * mqk_router_free() - free a router
 * @r: the router or NULL
 *
 * Context: may sleep.
 */
void mqk_router_free(struct mqk_router *r)
{
	if (!r)
		return;
	forget(r);
	kvfree(r->targets.queue);
	kvfree(r->targets.scratch);
	kvfree(r->targets.match);
	mqk_uncharge(r->tenant, MQK_RES_MAPPED, r->bytes);
	kfree(r);
}

/* Have room for so many targets while they are collected. */
static int grow_targets(struct mqk_router *r, u32 room, struct mqk_refusal *why)
{
	struct mqk_targets *t = &r->targets;
	u64 bytes = (u64)t->room * sizeof(*t->queue);
	struct mqk_queue **queue;

	if (t->room >= room)
		return 0;
	queue = alloc_charged(r, room * sizeof(*queue), why);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	kvfree(t->queue);
	r->bytes -= bytes;
	mqk_uncharge(r->tenant, MQK_RES_MAPPED, bytes);
	t->queue = queue;
	t->room = room;
	return 0;
}

/* Have room for the headers of a message. */
static int grow_match(struct mqk_router *r, struct mqk_refusal *why)
{
	u32 room = roundup_pow_of_two(max(r->want_headers, 1024u));
	struct mqk_match *m, *old = r->targets.match;
	u64 bytes;

	m = alloc_charged(r, struct_size(m, bytes, room), why);
	if (IS_ERR(m))
		return PTR_ERR(m);
	m->room = room;
	r->targets.match = m;
	r->want_headers = 0;
	if (!old)
		return 0;
	bytes = struct_size(old, bytes, old->room);
	kvfree(old);
	r->bytes -= bytes;
	mqk_uncharge(r->tenant, MQK_RES_MAPPED, bytes);
	return 0;
}

/**
 * mqk_router_grow() - get the memory that finding a route lacked
 * @r: the router
 * @why: filled when it is refused
 *
 * Context: may sleep; outside of the section in which a route was found.
 * Return: 0, -EDQUOT, -ENOSPC, -ENOMEM
 */
int mqk_router_grow(struct mqk_router *r, struct mqk_refusal *why)
{
	u32 room = roundup_pow_of_two(max(r->want, ROUTE_ROOM));
	struct mqk_route *spare;
	int err;

	if (r->want_headers)
		return grow_match(r, why);
	err = grow_targets(r, room, why);
	if (err)
		return err;
	room = min(room, MQK_TARGETS_MAX);
	if (r->spare && r->spare->room >= room)
		return 0;
	spare = alloc_charged(r, route_bytes(room), why);
	if (IS_ERR(spare))
		return PTR_ERR(spare);
	spare->room = room;
	free_route(r, r->spare);
	r->spare = spare;
	return 0;
}

/* Private to a port, so that it need not resist anybody: cheap, not secret. */
static u64 hash_key(u32 exchange, const struct mqk_key *key)
{
	u64 h = exchange + ((u64)key->len << 32);
	u32 i;

	for (i = 0; i < DIV_ROUND_UP(key->len, 8); i++)
		h = (h ^ key->word[i]) * GOLDEN_RATIO_64;
	return h * GOLDEN_RATIO_64;
}

/* The upper bits: each depends on all of the key, the lower ones do not. */
static u32 place_of(u64 hash)
{
	return hash >> (64 - ilog2(MQK_ROUTE_CACHE));
}

/*
 * Get the headers of the message, for the first who looks at them.  They are
 * copied once, since a process may write where they lie.
 */
static int take_headers(struct mqk_router *r)
{
	struct mqk_match *m = r->targets.match;
	u32 len = r->envelope->headers_len;

	if (r->by_headers)
		return 0;
	r->by_headers = true;
	if (len && !r->envelope->headers)
		return -ENODATA;
	if (!m || m->room < len) {
		r->want_headers = max(len, 1u);
		return -ENOBUFS;
	}
	memcpy(m->bytes, r->envelope->headers, len);
	/* nothing below looks at the message's headers again */
	barrier();
	m->parsed = false;
	return mqk_headers_valid(m->bytes, len) ? 0 : -EBADMSG;
}

/* Take them apart, for the first exchange that compares them. */
static int match_headers(struct mqk_router *r)
{
	struct mqk_match *m;
	int err;

	err = take_headers(r);
	m = r->targets.match;
	if (err || m->parsed)
		return err;
	return mqk_match_parse(m, r->envelope->headers_len) ? -EBADMSG : 0;
}

/* Find the further keys in them, and the ids. */
static int take_keys(struct mqk_router *r)
{
	struct mqk_targets *t = &r->targets;
	int err;

	t->cc.nr = 0;
	t->cc.blind = false;
	if (!(r->envelope->flags & MQK_MSG_F_HEADERS))
		return 0;
	err = take_headers(r);
	if (err)
		return err;
	if (r->envelope->flags & MQK_MSG_F_ID) {
		r->id = mqk_msgid_find(t->match->bytes, r->envelope->headers_len,
				       MQK_PROPERTY_MESSAGE_ID);
		if (!r->id.number)
			return -EBADMSG;
	}
	if (r->envelope->flags & MQK_MSG_F_GROUP) {
		r->group = mqk_msgid_find(t->match->bytes, r->envelope->headers_len,
					  MQK_PROPERTY_GROUP_ID).number;
		if (!r->group)
			return -EBADMSG;
	}
	if (!(r->envelope->flags & MQK_MSG_F_CC))
		return 0;
	return mqk_cc_parse(&t->cc, t->match->bytes, r->envelope->headers_len) ?
	       -EBADMSG : 0;
}

/* Collect what an exchange makes of a key, and of the further ones. */
static int route_keys(struct mqk_exchange *x, const struct mqk_key *key,
		      bool lenient, struct mqk_targets *t)
{
	u32 i, nr = x->ops->by_key ? t->cc.nr : 0;
	int err;

	err = x->ops->route(x, (const u8 *)key->word, key->len, t);
	for (i = 0; i < nr && (!err || (err == -EINVAL && lenient)); i++)
		err = x->ops->route(x, t->cc.key[i].text, t->cc.key[i].len, t);
	return err == -EINVAL && lenient ? 0 : err;
}

/* Go through one of the exchanges that a key leads to: the n-th. */
static int go_through(struct mqk_router *r, u32 n, const struct mqk_key *key,
		      bool lenient)
{
	struct mqk_targets *t = &r->targets;
	struct mqk_exchange *x = t->exchange[n];
	int err;

	if (x->by_headers) {
		err = match_headers(r);
		if (err)
			return err;
	}
	r->remembers += !!x->retained;
	t->matched = false;
	/* who publishes to another exchange need not know this one's keys */
	err = route_keys(x, key, n || lenient, t);
	if (err)
		return err;
	if (t->matched)
		return 0;
	x = mqk_exchange_alternate(x);
	return x ? mqk_targets_visit(t, x) : 0;
}

/* Collect the queues that a key leads to. */
static int collect(struct mqk_router *r, struct mqk_exchange *x,
		   const struct mqk_key *key, bool lenient,
		   struct mqk_refusal *why)
{
	struct mqk_targets *t = &r->targets;
	int err;
	u32 i;

	t->nr = 0;
	t->exchange[0] = x;
	t->nr_exchanges = 1;
	r->by_headers = false;
	r->remembers = 0;
	err = take_keys(r);
	for (i = 0; !err && i < t->nr_exchanges; i++)
		err = go_through(r, i, key, lenient);
	if (!err) {
		mqk_targets_unique(&r->targets);
		if (r->targets.nr > MQK_TARGETS_MAX)
			err = -EMLINK;
	}
	switch (err) {
	case -ENOBUFS:
		if (!r->want_headers)
			r->want = r->targets.room * 2;
		break;
	case -EMLINK:
		mqk_refuse(why, MQK_RULE_TARGETS, err);
		break;
	case -EBADMSG:
		err = mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
		break;
	case -ELOOP:
		mqk_refuse(why, MQK_RULE_HOPS, err);
		break;
	case -EINVAL:
		mqk_refuse(why, MQK_RULE_BAD_PATTERN, err);
		break;
	}
	return err;
}

/* The exchange, if this port may publish to it. */
static struct mqk_exchange *permitted(struct mqk_router *r, u32 id,
				      struct mqk_refusal *why)
{
	struct mqk_exchange *x = xa_load(&r->broker->exchanges, id);

	if (!x)
		return ERR_PTR(mqk_refuse(why, MQK_RULE_NO_EXCHANGE, -ENOENT));
	if ((x->flags & MQK_DECLARE_F_INTERNAL && !r->inside) ||
	    !mqk_may(&x->owner, r->cred, MQK_MAY_WRITE))
		return ERR_PTR(mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES));
	return x;
}

/* What the generation of a route stands at that is good for one message only. */
static const u32 never;

/* Put what was collected where a route is kept, or where one for one message is. */
static struct mqk_route *keep_route(struct mqk_router *r, u32 exchange,
					  const struct mqk_key *key, u64 hash,
					  u32 gen, bool once, bool traced)
{
	struct mqk_route **place, *route;

	place = once ? &r->once : &r->cache[place_of(hash)];
	route = *place;
	if (!route || route->room < r->targets.nr) {
		if (!r->spare || r->spare->room < r->targets.nr) {
			r->want = r->targets.nr;
			return ERR_PTR(-ENOBUFS);
		}
		swap(*place, r->spare);
		route = *place;
	}
	route->hash = hash;
	route->now = once ? &never : mqk_route_gen_at(r, exchange);
	route->exchange = exchange;
	route->gen = once ? never + 1 : gen;
	route->remembers = r->remembers;
	route->traced = traced;
	route->nr = r->targets.nr;
	route->key.len = key->len;
	memcpy(route->key.word, key->word, round_up(key->len, 8));
	memcpy(route->queue, r->targets.queue,
	       route->nr * sizeof(*route->queue));
	return route;
}

static struct mqk_route *find_slow(struct mqk_router *r, u32 exchange,
					 const struct mqk_key *key, u64 hash,
					 u32 gen, struct mqk_refusal *why)
{
	struct mqk_exchange *x;
	bool traced;
	int err;

	mqk_count(r->broker, route_misses, 1);
	x = permitted(r, exchange, why);
	if (IS_ERR(x))
		return ERR_CAST(x);
	err = collect(r, x, key, false, why);
	if (err)
		return ERR_PTR(err);
	r->found_now = mqk_route_gen_at(r, exchange);
	r->found_gen = gen;
	/* after the generation was looked at: mqk_taps_listen() */
	traced = r->tapped && READ_ONCE(r->broker->taps.listeners);
	return keep_route(r, exchange, key, hash, gen,
			  r->by_headers || r->remembers || traced, traced);
}

/**
 * mqk_route_find() - find where a key leads
 * @r: the router
 * @exchange: id of the exchange
 * @key: the key, padded
 * @envelope: what else it may depend on
 * @why: filled when it is refused
 *
 * Context: RCU read side; the route is good until its end, and until the next
 * route is found.
 * Return: the route; ERR_PTR of -ENOENT, -EACCES, -EMLINK, -ELOOP, -EINVAL;
 * -ENODATA: it depends on headers, and they cannot be had; -ENOBUFS: leave the
 * read section, call mqk_router_grow(), and come again
 */
struct mqk_route *mqk_route_find(struct mqk_router *r, u32 exchange,
				 const struct mqk_key *key,
				 const struct mqk_envelope *envelope,
				 struct mqk_refusal *why)
{
	u64 hash = hash_key(exchange, key);
	struct mqk_route *route = r->cache[place_of(hash)];
	u32 gen = mqk_route_gen(r, exchange);

	if (likely(route && route->hash == hash && route->gen == gen &&
		   route->exchange == exchange &&
		   !(envelope->flags & MQK_MSG_F_HEADERS) &&
		   mqk_key_equal(&route->key, key))) {
		r->last = route;
		return route;
	}
	r->last = NULL;
	r->envelope = envelope;
	r->headers_len = envelope->headers_len;
	return find_slow(r, exchange, key, hash, gen, why);
}

/**
 * mqk_route_through() - find where a key leads from an exchange, for one message
 *	that comes to it from another one
 * @r: the router
 * @x: the exchange, which need not let anybody publish
 * @key: the key, padded
 * @envelope: what else it may depend on
 * @why: filled when it is refused
 *
 * Context: RCU read side, and so on as mqk_route_find()
 * Return: as mqk_route_find()
 */
struct mqk_route *mqk_route_through(struct mqk_router *r,
				    struct mqk_exchange *x,
				    const struct mqk_key *key,
				    const struct mqk_envelope *envelope,
				    struct mqk_refusal *why)
{
	int err;

	r->last = NULL;
	r->envelope = envelope;
	r->headers_len = envelope->headers_len;
	err = collect(r, x, key, true, why);
	return err ? ERR_PTR(err) : keep_route(r, x->id, key, 0, 0, true, false);
}

/**
 * mqk_router_blank() - write headers back without BCC
 * @r: the router, which has just found the route of the message
 * @headers: where the headers lie
 *
 * Context: as the route: until the next one is found.
 */
void mqk_router_blank(struct mqk_router *r, void *headers)
{
	struct mqk_match *m = r->targets.match;
	u32 len = r->headers_len;

	mqk_cc_blank(m->bytes, len);
	memcpy(headers, m->bytes, len);
}
