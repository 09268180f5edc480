/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routing: from an exchange and a key to queues.
 *
 * A router belongs to one port (or one question) and remembers the routes that
 * it found, in a table of MQK_ROUTE_CACHE places by hash.  A route is good as
 * long as the generation of its exchange (broker->route_gen) is the one that it
 * was found under; every bind, unbind, declare and delete that could change it
 * changes the generation first.  So a known key costs one hash and one compare,
 * and permission was checked when the route was found.
 *
 * A route holds no references to its queues: it is found and used inside one
 * RCU read section, and a queue is freed only a grace period after the
 * generation was changed.
 *
 * Where the message goes through an exchange that looks at headers, or has
 * further keys (CC), a group, or an id that counts, its route is good for it alone: it is in no cache, and never good again (mqk_route_good()),
 * so that nobody who asks whether it is needs to know about headers.  The same holds
 * where it goes through a last-value exchange, which has to remember it, and where
 * somebody listens to what is published (tap.h).  That is
 * seen where a route is found, not where it is found again.  Each such message
 * costs a walk through its exchanges.
 *
 * Finding cannot sleep.  Where it lacks memory it fails with -ENOBUFS, and
 * mqk_router_grow(), which can sleep, gets what was missing.  All its memory is
 * charged (MQK_RES_MAPPED); at the limit it forgets the routes it knows first.
 *
 * Locks: the owner's (port->mutex).
 */
#ifndef MQK_ROUTE_H
#define MQK_ROUTE_H

#include <linux/types.h>

#include "broker.h"
#include "exchange.h"
#include "limits.h"
#include "msgid.h"

struct cred;
struct mqk_broker;
struct mqk_refusal;
struct mqk_tenant;

/* A key in words of 8 bytes, the last one padded with zeros. */
#define MQK_KEY_WORDS	32u

struct mqk_key {
	u64 word[MQK_KEY_WORDS];
	u32 len;
};

/**
 * struct mqk_route - the queues that a key leads to
 * @hash: of exchange and key
 * @now: where the generation of its exchange stands
 * @exchange: id
 * @gen: generation under which it was found
 * @nr: queues
 * @room: how many fit
 * @key: the key
 * @remembers: last-value exchanges on the way
 * @traced: the message is told of (tap.h)
 * @further: either, so that it is posted by mqk_post_further()
 * @queue: the queues, each once
 *
 * One that is good for one message alone is changed by who posts it (repeat.h).
 */
struct mqk_route {
	u64 hash;
	const u32 *now;
	u32 exchange;
	u32 gen;
	u32 nr;
	u32 room;
	struct mqk_key key;
	union {
		struct {
			u16 remembers;
			u16 traced;
		};
		u32 further;
	};
	struct mqk_queue *queue[] __counted_by(room);
};

/**
 * struct mqk_envelope - what a route may depend on beside exchange and key
 * @flags: MQK_MSG_F_*; CC counts
 * @headers_len: bytes of headers, at most MQK_HEADERS_MAX
 * @headers: encoded headers, where they lie; or NULL: they cannot be had now
 */
struct mqk_envelope {
	u32 flags;
	u32 headers_len;
	const void *headers;
};

struct mqk_router {
	struct mqk_broker *broker;
	struct mqk_tenant *tenant;	/* who pays */
	const struct cred *cred;
	bool inside;			/* also to exchanges that nobody publishes to */
	bool tapped;			/* who listens to taps is told what it publishes */
	u64 bytes;			/* charged */
	struct mqk_targets targets;
	struct mqk_route *spare;	/* for the next route that needs one */
	u32 want;			/* how many targets were too many */
	struct mqk_route *last;		/* the last one found */
	struct mqk_route *once;		/* one that is for one message */
	const struct mqk_envelope *envelope;	/* while a route is being found */
	u32 headers_len;		/* of that message */
	u32 want_headers;		/* how many bytes were too many */
	bool by_headers;		/* the route that is being found */
	struct mqk_msgid id;		/* of a message whose id counts */
	u64 group;			/* of one of a group */
	u32 remembers;			/* last-value exchanges on its way */
	const u32 *found_now;		/* as mqk_route.now, .gen, were it cached */
	u32 found_gen;
	struct mqk_route *cache[MQK_ROUTE_CACHE];
};

struct mqk_router *mqk_router_alloc(struct mqk_broker *broker,
				    struct mqk_tenant *tenant,
				    const struct cred *cred,
				    struct mqk_refusal *why);
void mqk_router_free(struct mqk_router *r);
int mqk_router_grow(struct mqk_router *r, struct mqk_refusal *why);
struct mqk_route *mqk_route_find(struct mqk_router *r, u32 exchange,
				 const struct mqk_key *key,
				 const struct mqk_envelope *envelope,
				 struct mqk_refusal *why);
struct mqk_route *mqk_route_through(struct mqk_router *r,
				    struct mqk_exchange *x,
				    const struct mqk_key *key,
				    const struct mqk_envelope *envelope,
				    struct mqk_refusal *why);
void mqk_router_blank(struct mqk_router *r, void *headers);

/* Where the generation of an exchange's routes stands. */
static __always_inline const u32 *mqk_route_gen_at(const struct mqk_router *r,
						   u32 exchange)
{
	return &r->broker->route_gen[exchange % MQK_ROUTE_GENS];
}

/* Read before anything that it vouches for is looked at. */
static __always_inline u32 mqk_route_gen(const struct mqk_router *r, u32 exchange)
{
	/* pairs with mqk_broker_reroute() */
	return smp_load_acquire(mqk_route_gen_at(r, exchange));
}

/* Pad the last word of a key that was copied into @key->word. */
static inline void mqk_key_pad(struct mqk_key *key, u32 len)
{
	key->len = len;
	if (len % 8)
		key->word[len / 8] &= ~0ull >> (64 - 8 * (len % 8));
}

static __always_inline bool mqk_key_equal(const struct mqk_key *a,
					  const struct mqk_key *b)
{
	u32 i;

	if (a->len != b->len)
		return false;
	for (i = 0; i < a->len; i += 8)
		if (a->word[i / 8] != b->word[i / 8])
			return false;
	return true;
}

/* Whether nothing has changed since a route was found. */
static __always_inline bool mqk_route_good(const struct mqk_route *route)
{
	/* pairs with mqk_broker_reroute() */
	return smp_load_acquire(route->now) == route->gen;
}

/* The route that was found last, if it is still good; RCU read side. */
static __always_inline struct mqk_route *mqk_route_last(struct mqk_router *r)
{
	struct mqk_route *last = r->last;

	if (likely(last && mqk_route_good(last)))
		return last;
	return NULL;
}

/* What comes next has further keys: its key alone says nothing. */
static inline void mqk_router_forget_last(struct mqk_router *r)
{
	r->last = NULL;
}

/* Whether the headers that were looked at last have to be written back. */
static inline bool mqk_router_blind(const struct mqk_router *r)
{
	return r->by_headers && r->targets.cc.blind;
}

/* Whether nothing has changed since that route was found that is for one message. */
static inline bool mqk_router_up_to_date(const struct mqk_router *r)
{
	/* pairs with mqk_broker_reroute() */
	return smp_load_acquire(r->found_now) == r->found_gen;
}

/**
 * mqk_route_again() - the route that was found last, if it is this one and good
 * @r: the router
 * @exchange: id of the exchange
 * @key: the key, padded
 *
 * Context: RCU read side.
 * Return: the route, or NULL
 */
static __always_inline struct mqk_route *
mqk_route_again(struct mqk_router *r, u32 exchange, const struct mqk_key *key)
{
	struct mqk_route *last = r->last;

	if (likely(last && last->exchange == exchange && mqk_route_good(last) &&
		   mqk_key_equal(&last->key, key)))
		return last;
	return NULL;
}

#endif /* MQK_ROUTE_H */
