/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A broker: a name space of exchanges and queues, the store of their messages,
 * the accounts of those who use it, and a device node.
 *
 * Life: made by the module (`default`) or through the control node.  It lives
 * as long as it is in the table of brokers, has sessions, or a ring of it is
 * mapped.  Deleting takes it out of the table and removes the node; if that was
 * forced, its sessions get ESHUTDOWN from everything but close.
 *
 * The lock tree of the module.  A lock is taken only while locks above it, on
 * the same branch, are held; no two of the same kind are held at once, but for
 * port->mutex and consumer->mutex, which are never held together.
 *
 *	brokers_lock (mutex)		table of brokers; minors
 *	  broker->mutex			names, bindings, tenants, sessions, wills
 *	    users_lock (mutex)		table of users
 *	    queue->lock
 *	    broker->retained_lock (spin)	what last-value exchanges remember
 *	    journal->lock (spin)	notes for the disk, and room there
 *	session->tx_mutex		its transaction; its ports and consumers come and go
 *	  broker->mutex			while a message that is remembered is committed
 *	    port->mutex
 *	  session->mutex		the same; its will
 *	  port->mutex, consumer->mutex
 *	port->mutex			what one producer does
 *	  mmap_lock			when user memory faults
 *	    window->lock (mutex)	which segment a window shows
 *	  window->lock
 *	  appender->lock (spin)		where copies go
 *	  queue->lock
 *	  broker->retained_lock
 *	  producer->lock (spin)		who has the name; the last number
 *	consumer->mutex			a pulling consumer's tags
 *	  queue->lock (spin)		entries, consumers and their tags, rings
 *	    store->lock (spin)		lists of segments, numbers, when to compact
 *	    wait queues
 *
 * Leaves that are not drawn: broker->events.lock, broker->taps.lock, and those of
 * Documentation/locking.rst.
 *
 * Data paths hold no lock while they copy from or to a process, but
 * port->mutex and consumer->mutex, which belong to that process alone.
 *
 * RCU protects what publishing looks up: exchanges, bindings, queues, and the
 * tables they are in.  What is looked up is used inside the same read section.
 */
#ifndef MQK_BROKER_H
#define MQK_BROKER_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "account.h"
#include "event.h"
#include "owner.h"
#include "segment.h"
#include "tap.h"

struct device;
struct mqk_durable;
struct mqk_journal;

/* Ids of exchanges and queues, so that they fit an int. */
#define mqk_id_limit		XA_LIMIT(1, INT_MAX)

/* Generations of routes: an exchange uses the one of its id modulo this. */
#define MQK_ROUTE_GENS		64u

/*
 * Per CPU; what each counts stands at struct mqk_stat.  Those that queues count
 * themselves are added when a queue ends.
 */
struct mqk_counters {
	u64 published;
	u64 published_bytes;
	u64 routed;
	u64 unrouted;
	u64 returned;
	u64 refused;
	u64 delivered;
	u64 acked;
	u64 requeued;
	u64 dropped;
	u64 route_misses;
	u64 broken;
	u64 compactions;
	u64 compacted;
	u64 compacted_bytes;
	u64 dead_letters;
	u64 dead_lost;
	u64 events;
	u64 events_lost;
	u64 traces;
	u64 traces_lost;
	u64 held_queue;			/* those that are, as all that follow */
	u64 held_limit;
};

/**
 * struct mqk_broker - a broker
 * @counters: statistics
 * @dead: was deleted
 * @store: segments
 * @account: what is in use
 * @exchanges: by id
 * @queues: by id
 * @consumers: by number
 * @binding_ids: bindings by number
 * @route_gen: changed whenever a route through an exchange may have changed
 * @led_to: generations of exchanges that others lead to, as bits; they stay
 * @alternates: names of alternate exchanges, as bits of a filter
 * @doomed_exchanges: to be removed, see mqk_exchange_remove()
 * @exchange_names: by name
 * @queue_names: by name
 * @bindings: by identity
 * @producer_names: by name
 * @mutex: guards all that is declared here, and the lists below
 * @tenants: its users
 * @giving: a new binding is given what is remembered: nothing changes (retained.h)
 * @retained_lock: guards what last-value exchanges remember
 * @given: who waits for that to end
 * @sessions: open ones
 * @wills: of sessions that have ended, not published yet: will.h
 * @producers: names that are known, by number
 * @next_producer: where the search for a free number begins
 * @events: what it tells of itself
 * @taps: what it tells of messages
 * @seen_gen: how often queues were given what they have seen (seen.h)
 * @next_name: for queues that the broker names
 * @next_exchange: cursor of ids
 * @next_queue: cursor of ids
 * @next_binding: cursor of numbers
 * @next_consumer: cursor of numbers; guarded by that table's lock
 * @next_session: number of the last session
 * @ref: the table of brokers, each session, each object that refers to it
 * @id: minor number of its node
 * @nomap: readers get copies
 * @asked_limit: limits by MQK_RES_* as they were asked for, 0 for the default
 * @ready: sessions can be opened; brokers_lock
 * @maker: who made it
 * @journal: what is declared, on disk; NULL: the broker is transient
 * @node: owner and mode of the node
 * @work: frees it
 * @dev: the node
 * @name: its name
 */
struct mqk_broker {
	struct mqk_counters __percpu *counters;
	bool dead;
	struct mqk_store store;
	struct mqk_account account;
	struct xarray exchanges;
	struct xarray queues;
	struct xarray consumers;
	struct xarray binding_ids;
	u32 route_gen[MQK_ROUTE_GENS];
	u64 led_to;
	u64 alternates;
	struct list_head doomed_exchanges;
	struct rhashtable exchange_names;
	struct rhashtable queue_names;
	struct rhashtable bindings;
	struct rhashtable producer_names;
	struct mutex mutex;
	struct list_head tenants;
	struct list_head sessions;
	struct list_head wills;
	bool giving;
	spinlock_t retained_lock;
	wait_queue_head_t given;
	struct xarray producers;
	u32 next_producer;
	struct mqk_events events;
	struct mqk_taps taps;
	u64 seen_gen;
	u64 next_name;
	u32 next_exchange;
	u32 next_queue;
	u32 next_binding;
	u32 next_consumer;
	u64 next_session;
	struct kref ref;
	u32 id;
	bool nomap;
	bool ready;
	kuid_t maker;
	u64 asked_limit[MQK_RES_NR];
	struct mqk_journal *journal;
	struct mqk_owner node;
	struct work_struct work;
	struct device *dev;
	char name[MQK_BROKER_NAME_MAX + 1];
};

#define mqk_count(broker, what, n)	this_cpu_add((broker)->counters->what, n)

/**
 * struct mqk_broker_options - what a broker is made with
 * @name: its name
 * @segment_size: bytes of a segment
 * @limit: by MQK_RES_*, 0 for the default
 * @node: owner and mode of the node
 * @maker: who makes it
 * @nomap: readers get copies
 * @durable: where it is kept, or NULL
 */
struct mqk_broker_options {
	const char *name;
	u64 segment_size;
	u64 limit[MQK_RES_NR];
	struct mqk_owner node;
	kuid_t maker;
	bool nomap;
	struct mqk_durable *durable;
};

struct mqk_broker *mqk_broker_alloc(const struct mqk_broker_options *options,
				    struct mqk_refusal *why);
struct mqk_broker *mqk_broker_get(struct mqk_broker *broker);
void mqk_broker_put(struct mqk_broker *broker);
void mqk_broker_retire(struct mqk_broker *broker);

struct mqk_tenant *mqk_broker_tenant(struct mqk_broker *broker, kuid_t uid);
void mqk_broker_trim(struct mqk_broker *broker);
void mqk_broker_stat(struct mqk_broker *broker, struct mqk_stat *stat);

/**
 * mqk_broker_led_to() - know that messages come to an exchange from others
 * @broker: the broker
 * @exchange: id of the exchange
 *
 * Context: broker->mutex; before a route leads through it.
 */
static inline void mqk_broker_led_to(struct mqk_broker *broker, u32 exchange)
{
	static_assert(MQK_ROUTE_GENS == 64);

	lockdep_assert_held(&broker->mutex);
	broker->led_to |= 1ull << (exchange % MQK_ROUTE_GENS);
}

/**
 * mqk_broker_reroute() - make the cached routes through an exchange stale
 * @broker: the broker
 * @exchange: id of the exchange
 *
 * A route is known under the generation of the exchange that is published to.
 * So what changes at one that others lead to changes all of them: that costs
 * when binding, not when publishing.
 *
 * Context: broker->mutex; before what the routes led to is freed under RCU.
 */
static inline void mqk_broker_reroute(struct mqk_broker *broker, u32 exchange)
{
	u32 first = exchange % MQK_ROUTE_GENS, last = first, i;

	lockdep_assert_held(&broker->mutex);
	if (broker->led_to >> first & 1) {
		first = 0;
		last = MQK_ROUTE_GENS - 1;
	}
	for (i = first; i <= last; i++) {
		u32 *gen = &broker->route_gen[i];

		/* what changed is there before the number: mqk_route_gen() */
		smp_store_release(gen, *gen + 1);
	}
}

/**
 * mqk_broker_reroute_all() - make all cached routes stale
 * @broker: the broker
 *
 * Context: broker->mutex.
 */
static inline void mqk_broker_reroute_all(struct mqk_broker *broker)
{
	u32 i;

	lockdep_assert_held(&broker->mutex);
	for (i = 0; i < MQK_ROUTE_GENS; i++)
		/* pairs with mqk_route_gen() */
		smp_store_release(&broker->route_gen[i], broker->route_gen[i] + 1);
}

#endif /* MQK_BROKER_H */
