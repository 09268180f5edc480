/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queues: messages in order, and the consumers that they go to.
 *
 * A message of a queue is an entry of its index (util/index.h).  It is ready
 * until it goes to a consumer, then unacknowledged until it is settled; deliver.h
 * does both.  As long as a consumer can take one, nothing is ready: whoever
 * makes a message ready or a consumer able dispatches before it lets go of
 * the lock.
 *
 * Life: made by declaring.  References: the broker's table of names, each
 * attached consumer, each entry that a pulling consumer holds, its works while they
 * are queued.  Deleting makes
 * it dead, which publishers and consumers find under its lock; the memory goes
 * after the last reference and a grace period, since publishers use it inside
 * the RCU section in which they found it.
 *
 * Locks: lock for all that follows it up to the line; broker->mutex for the
 * rest; name, id and broker never change.  Rules change under both, so that
 * either suffices to look at them.
 *
 * Promises: what a message of several queues is to enter if all of them take it has
 * room promised in each, and counts for their rules, until it has come or gone
 * elsewhere (mqk_queue_promise_locked()).
 */
#ifndef MQK_QUEUE_H
#define MQK_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "owner.h"
#include "util/index.h"

struct cred;
struct mqk_broker;
struct mqk_consumer;
struct mqk_declare;
struct mqk_definition;
struct mqk_dying;
struct mqk_keep;
struct mqk_refusal;
struct mqk_rules;
struct mqk_seen;
struct mqk_tenant;

struct mqk_queue {
	spinlock_t lock;
	union {
		struct {
			bool dead;
			bool refuses;	/* its rules may refuse a message */
			bool keeps;	/* extras: there is q->keep */
			bool crowded;	/* too many are dying */
		};
		u32 special;		/* any of them */
	};
	bool blocks;			/* what it refuses waits for room */
	bool exclusive_consumer;
	bool paused;			/* held for that, once */
	u32 held;			/* dispatching waits while not 0 */
	u32 nr_consumers;
	u64 ready;
	u64 unacked;
	u64 bytes;
	u64 ready_bytes;
	struct mqk_index index;
	struct mqk_rules *rules;	/* NULL: none */
	struct mqk_keep *keep;		/* NULL: no extras (extra.h) */
	struct mqk_consumer *sole;	/* the only one in able, unless held or dead */
	struct list_head able;		/* consumers that can take one: turn.h, takers.h */
	struct list_head idle;		/* the others */
	wait_queue_head_t getters;	/* MQK_IOC_GET */
	u64 published;
	u64 delivered;
	u64 redelivered;
	u64 acked;
	u64 requeued;
	u64 dropped;
	u64 repeated;			/* messages that it had seen, and did not take */
	u64 promised;			/* messages that will come, and have room */
	u64 promised_bytes;
	struct list_head writers;	/* ports that wait for room: room.h */
	u32 nr_writers;
	bool ranked;			/* consumers have had priorities */
	bool single;			/* one is active alone; never changes */
	struct rb_root ranks;		/* of consumers: turn.h */
	struct mqk_consumer *active;	/* with single: who is given messages, or has
					 * to settle before another one is
					 */
	struct mqk_seen *seen;		/* NULL: no x-mqk-dedup-window (seen.h) */
	struct mqk_dying *dying;	/* NULL: never had dead letters (dying.h) */
	/* -------- */
	struct mqk_broker *broker;
	u32 id;
	u32 flags;			/* MQK_DECLARE_F_* */
	struct kref ref;
	struct mqk_owner owner;
	const void *session;		/* of an exclusive queue */
	struct list_head in_session;	/* its list of them */
	struct mqk_tenant *tenant;	/* who pays */
	struct list_head bindings;
	bool consumed;			/* ever: for auto-delete */
	struct mqk_definition *definition;	/* on disk, or NULL */
	u32 listens;			/* bindings from exchanges of events */
	struct rhash_head node;		/* broker->queue_names */
	struct work_struct pump;	/* deliver.c: what one hold could not */
	struct rcu_head rcu;
	u8 name_len;
	u8 name[] __counted_by(name_len);
};

extern const struct rhashtable_params mqk_queue_name_params;

int mqk_queue_declare(struct mqk_broker *broker, const struct mqk_declare *d,
		      struct mqk_refusal *why);
struct mqk_queue *mqk_queue_find(struct mqk_broker *broker, const u8 *name,
				 u32 len);
struct mqk_queue *mqk_queue_get_by_id(struct mqk_broker *broker, u32 id);
int mqk_queue_access(const struct mqk_queue *q, const struct cred *cred,
		     const void *session, u32 want, struct mqk_refusal *why);
void mqk_queue_unlink(struct mqk_queue *q);
void mqk_queue_put(struct mqk_queue *q);
void mqk_queue_free_chunk(struct mqk_chunk *c);

/* deliver.c */
void mqk_queue_pump(struct work_struct *work);

/* deadletter.c */
void mqk_queue_letters(struct work_struct *work);

/* upkeep.c */
void mqk_queue_upkeep(struct work_struct *work);

#endif /* MQK_QUEUE_H */
