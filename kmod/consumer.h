/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Consumers: rings through which a process receives and acknowledges.
 *
 * A pushed consumer belongs to one queue, which delivers into its ring as long
 * as it has credit.  A pulling one gets from any queue; it has no delivery ring
 * in use, but tags and an acknowledgement ring all the same.
 *
 * States of a pushed consumer:
 *	able	has credit and room in its ring; in queue->able, or in a list by what
 *		it may have (takers.h)
 *	idle	lacks either; in queue->idle; the KICK flag is set
 *	ended	in no list: cancelled, broken, or its queue was deleted; tags
 *		that are outstanding can still be settled unless it was broken
 *
 * Life: references are the session's table, each call under way, the reaper
 * work while it is queued.  The broker's table, for listing, holds none: it is
 * left together with the session's.  Being in a queue's list is no reference: detaching
 * comes before the session lets go.  It keeps a reference to its queue to the
 * end, so that tags can be settled when the queue is dead.  Its memory goes a
 * grace period later, since poll looks at the rings under RCU.
 *
 * Locks: of a pushed consumer, queue->lock guards everything but what never
 * changes; of a pulling one, mutex does.  The layout of the shared pages:
 *
 *	K pages, read-only to the process: mqk_consumer_page, ring
 *	U pages: mqk_consumer_user, acknowledgements
 */
#ifndef MQK_CONSUMER_H
#define MQK_CONSUMER_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/mqk.h>

#include "area.h"
#include "limits.h"
#include "util/slots.h"

struct mqk_broker;
struct mqk_mapped;
struct mqk_queue;
struct mqk_refusal;
struct mqk_staging;
struct mqk_tenant;

/* The ring starts this far into the K pages, and so do acks into U pages. */
#define MQK_CONSUMER_RING	64u
#define MQK_CONSUMER_ACKS	128u

/* Of a consumer that may have messages of any level. */
#define MQK_ANY_LEVEL		(-1)

struct mqk_consumer {
	struct list_head link;		/* of those that are able, or queue->idle */
	struct mqk_queue *queue;
	u32 flags;			/* MQK_CONSUMER_F_* */
	u32 prefetch;
	struct mqk_delivery *ring;
	u32 mask;
	u32 allowed;			/* shares until it must be drained */
	u64 pos;			/* deliveries so far */
	u64 head;			/* those the user has done with */
	u64 about;			/* queue and flags of its deliveries */
	struct mqk_slots slots;
	struct mqk_consumer_user *user;	/* U: load once, check, use */
	struct mqk_consumer_page *page;	/* K */
	struct mqk_ack *acks;		/* U */
	u32 ack_mask;
	u64 ack_head;
	bool able;
	bool attached;
	bool closing;			/* what it holds will return now */
	union {
		struct {
			bool broken;	/* nothing it says counts any more */
			bool staged;	/* what it says waits: c->staging */
		};
		u16 odd;		/* either */
	};
	bool shut;
	bool failed;			/* so does what it holds, once it returns */
	bool lapsed;			/* a message was taken back from it */
	s32 priority;
	struct rb_node node;		/* queue->ranks, or cleared */
	s32 level;			/* the only one, or MQK_ANY_LEVEL */
	u64 turn;			/* while it is able, where not all may have all */
	struct rb_node own;		/* among those that own groups (group.h), or cleared */
	u64 own_first;			/* then, the place of the first message of those */
	int error;
	int cpu;			/* where it fell asleep, or -1 */
	wait_queue_head_t wq;
	wait_queue_head_t *session_wq;
	struct mutex mutex;
	struct work_struct reaper;
	refcount_t refs;
	/* of a transaction that it takes part in: staged.h */
	struct mqk_staging *staging;
	bool claimed;			/* what it says is being carried out */
	bool staged_some;		/* of the MULTIPLE under way */
	u64 staged_from;		/* the same; tags below were looked at */
	u32 id;
	u32 number;			/* in the broker, for listing */
	u64 session;			/* the session's */
	u32 pid;			/* the same */
	kuid_t uid;			/* the same */
	struct mqk_broker *broker;
	struct mqk_tenant *tenant;
	struct mqk_area kernel_area;
	struct mqk_area user_area;
	struct mqk_mapped *rings;	/* what the areas are charged */
	u64 tags;			/* bytes charged for the tags */
	struct rcu_work free;
};

/**
 * struct mqk_consumer_options - what a consumer is made with
 * @flags: MQK_CONSUMER_F_*
 * @prefetch: credit, 0 for as many as @entries
 * @entries: of the delivery ring, 0 for the default
 * @priority: x-priority
 * @level: x-mqk-level, or MQK_ANY_LEVEL
 */
struct mqk_consumer_options {
	u32 flags;
	u32 prefetch;
	u32 entries;
	s32 priority;
	s32 level;
};

static inline bool mqk_consumer_noack(const struct mqk_consumer *c)
{
	return c->flags & MQK_CONSUMER_F_NOACK;
}

static inline bool mqk_consumer_pulls(const struct mqk_consumer *c)
{
	return c->flags & MQK_CONSUMER_F_PULL;
}

/* How much of what a consumer is allowed a message takes: one, or more if large. */
static __always_inline u32 mqk_consumer_share(u32 payload_len)
{
	return 1 + payload_len / MQK_DRAIN_SHARE;
}

/* Whether it may have one more: by its prefetch, and by the room in its ring. */
static __always_inline bool mqk_consumer_has_credit(const struct mqk_consumer *c)
{
	return c->slots.nr < c->prefetch && c->pos - c->head <= c->mask;
}

/* How much it may get before its rings have to be looked at again. */
static __always_inline void mqk_consumer_allow(struct mqk_consumer *c)
{
	if (!mqk_consumer_has_credit(c))
		return;
	c->allowed = min3(c->prefetch - c->slots.nr, MQK_DRAIN_MESSAGES,
			  c->mask + 1 - (u32)(c->pos - c->head));
}

struct mqk_consumer *mqk_consumer_alloc(struct mqk_broker *broker,
					struct mqk_tenant *tenant,
					const struct mqk_consumer_options *o,
					struct mqk_refusal *why);
void mqk_consumer_put(struct mqk_consumer *c);
void mqk_consumer_wake_sleepers(struct mqk_consumer *c);
bool mqk_consumer_readable(struct mqk_consumer *c);

/**
 * mqk_consumer_wake() - wake its reader, if it sleeps
 * @c: the consumer, kept alive by the caller
 *
 * Context: any, after the word that the reader will look at was stored.
 */
static inline void mqk_consumer_wake(struct mqk_consumer *c)
{
	/* (D) pairs with the reader's fence between awake = 0 and its last look */
	smp_mb();
	if (!READ_ONCE(c->user->awake))
		mqk_consumer_wake_sleepers(c);
}

#endif /* MQK_CONSUMER_H */
