/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports: through which a process publishes.
 *
 * A port takes messages in the order in which they are handed in, numbers them
 * from 1, and reports in its completion ring: confirms if it wants them,
 * returns and errors in any case.  It hands them in as copies, or in place, in
 * a segment of its own that it sees through a window.
 *
 * Life: references are the session's table and each call under way, but for the
 * doorbell: it finds the port under RCU and takes its mutex at once, which shutting
 * has to wait for (mqk_session_peek_port()).  Shutting
 * takes what is committed in the open segment, closes it, and lets go of the
 * tenant's appender.
 *
 * Locks: mutex guards everything but what never changes.  It is held while user
 * memory is copied: nobody but the port's own session ever waits for it.
 *
 * The shared pages: K, read-only to the process: mqk_port_page, ring; U:
 * mqk_port_user.
 */
#ifndef MQK_PORT_H
#define MQK_PORT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/mqk.h>

#include "account.h"
#include "area.h"
#include "route.h"
#include "stock.h"

struct cred;
struct mqk_broker;
struct mqk_mapped;
struct mqk_producer;
struct mqk_producer_options;
struct mqk_segment;
struct mqk_staged;
struct mqk_staging;
struct mqk_window;

#define MQK_PORT_RING	64u		/* where the ring starts in the K pages */

/* Most completions that one message causes: a confirm of those before it,
 * a return, a confirm of its own.
 */
#define MQK_PORT_RESERVE	3u

struct mqk_port {
	struct mutex mutex;
	u32 flags;			/* MQK_PORT_F_* */
	int error;
	bool closing;			/* nobody reads completions any more */
	struct mqk_broker *broker;
	struct mqk_tenant *tenant;
	struct mqk_router *router;
	u32 uid;			/* of the session, for its messages */
	u32 pid;
	/* the open segment */
	struct mqk_segment *segment;
	u64 offset;			/* taken up to here */
	struct mqk_window *window;
	bool clear;			/* may not read what others wrote */
	/* what was charged or allocated in advance */
	u32 grant;			/* messages */
	u32 nr_chunks;
	u32 want_chunks;
	struct list_head chunks;
	struct mqk_stock stock;		/* for queues that keep extras */
	/* completions */
	struct mqk_completion *ring;
	u32 mask;
	u64 pos;			/* completions so far */
	u64 head;			/* those that were read */
	u64 seq;			/* messages so far */
	u64 reported;			/* confirmed or refused, up to here */
	u32 reached;			/* queues, by the last one taken */
	struct mqk_port_page *page;
	struct mqk_port_user *user;	/* U: load once, check, use */
	wait_queue_head_t wq;
	wait_queue_head_t *session_wq;
	/* working memory */
	struct mqk_key key;
	struct mqk_record head_copy;	/* all but the key */
	u64 size;			/* of such a record; 0: not checked */
	union {
		struct {
			bool nack;	/* a queue refuses it */
			bool repeated;	/* it was sent before, and is in no queue anew */
		};
		u16 odd;		/* either */
	};
	u64 seen_gen;			/* of the broker, when it began: repeat.h */
	u32 left_out;			/* queues of its route that have seen it */
	u32 late;			/* the same, seen when it came */
	bool routed;			/* the router's last route is its, in segment */
	u64 sizes;			/* as struct mqk_express has them */
	u64 key_mask;			/* of the last word of the key */
	u32 key_last;			/* which word that is */
	struct mqk_refusal why;		/* of the message under way */
	u32 buried;			/* queues in which it is dead, of those that
					 * it has come to
					 */
	struct mqk_queue *crowded;	/* with a reference: what dies there is more
					 * than the queue can see to
					 */
	/* under whose name it publishes, or NULL; then, the number of the message
	 * under way, and by how much numbers are ahead of seq
	 */
	struct mqk_producer *producer;
	u64 number;
	u64 ahead;
	bool apart;			/* it has a producer, or is in a transaction */
	/* of a transaction that it takes part in: staged.h */
	struct mqk_staging *staging;	/* or NULL */
	bool staging_closed;		/* it takes no more */
	int staged_error;		/* of a message that was refused */
	u32 staged_nr;			/* messages that were handed in */
	u32 staged_returns;		/* those that are mandatory */
	u64 staging_pos;		/* completions before it was committed */
	struct mqk_staged *spare;	/* room for one more, or NULL */
	struct list_head in_staging;
	/* what waits for room, and for which: room.h */
	struct mqk_queue *full;		/* has none for the message under way */
	bool promising;			/* that one is asked for before it is put in */
	bool held;			/* the next message waits */
	bool held_copy;			/* and its caller has it */
	u32 held_reason;		/* MQK_HELD_QUEUE or _LIMIT, as it is counted */
	u32 stopped;			/* MQK_HELD_*, as the last call told */
	u64 held_seq;			/* the one behind this number */
	u64 held_until;
	struct mqk_queue *held_by;	/* with a reference */
	u32 held_id;			/* of that queue */
	u32 held_len;			/* of its payload; held_by->lock */
	bool held_delayed;		/* it is to be scheduled; held_by->lock */
	struct mqk_msgid held_msgid;	/* that counts; held_by->lock */
	u64 held_group;			/* number of its group, or 0; held_by->lock */
	struct list_head in_writers;	/* held_by->lock */
	struct delayed_work look_again;	/* has a reference of the port */
	/* the rest */
	bool letters;			/* of struct mqk_port_options */
	bool returns;			/* what is refused is no dead letter: it
					 * stays where it was
					 */
	refcount_t refs;
	u32 id;
	struct mqk_area kernel_area;
	struct mqk_area user_area;
	struct mqk_mapped *rings;	/* what the areas are charged */
	struct rcu_work free;
};

/**
 * struct mqk_port_options - what a port is made with
 * @flags: MQK_PORT_F_*
 * @entries: of the completion ring, 0 for the default
 * @cred: who publishes; kept by the caller as long as the port
 * @uid: the same, as its messages tell it
 * @pid: the same
 * @clear: it may not read what others wrote
 * @letters: it is the kernel's own, for dead letters: nobody reads its completions,
 *	and it has no rings; what it puts into queues takes the place of what is
 *	charged already, so that limits may be exceeded, once
 * @inside: it is the kernel's own, and publishes to exchanges that nobody else may
 * @router_tenant: with @letters, who pays for finding routes
 * @producer: under which name it publishes, or NULL
 */
struct mqk_port_options {
	u32 flags;
	u32 entries;
	const struct cred *cred;
	u32 uid;
	u32 pid;
	bool clear;
	bool letters;
	bool inside;
	struct mqk_tenant *router_tenant;
	const struct mqk_producer_options *producer;
};

struct mqk_port *mqk_port_alloc(struct mqk_broker *broker,
				struct mqk_tenant *tenant,
				const struct mqk_port_options *o,
				struct mqk_refusal *why);
void mqk_port_put(struct mqk_port *p);
void mqk_port_close_segment(struct mqk_port *p);
void mqk_port_wake(struct mqk_port *p);
bool mqk_port_readable(struct mqk_port *p);
bool mqk_port_writable(struct mqk_port *p);

bool mqk_port_make_room(struct mqk_port *p);
void mqk_port_complete(struct mqk_port *p, u32 type, u32 flags, u64 seq,
		       int result, u32 queues);
void mqk_port_confirm(struct mqk_port *p);
void mqk_port_break(struct mqk_port *p, int error);
void mqk_port_fence(struct mqk_port *p);

/* The number of the next message, if it brings none itself. */
static inline u64 mqk_port_next_number(const struct mqk_port *p)
{
	return p->seq + 1 + p->ahead;
}

/* Number of the group of the message of @p->head_copy, whose route was found; 0: none. */
static inline u64 mqk_port_group(const struct mqk_port *p)
{
	return p->head_copy.flags & MQK_MSG_F_GROUP ? p->router->group : 0;
}

/**
 * mqk_port_has_room() - whether one more message could be reported
 * @p: the port; broken if its user's head is out of range
 *
 * Context: p->mutex.
 * Return: true if so
 */
static inline bool mqk_port_has_room(struct mqk_port *p)
{
	return likely(p->pos - p->head + MQK_PORT_RESERVE <= p->mask + 1) ||
	       p->closing || mqk_port_make_room(p);
}

#endif /* MQK_PORT_H */
