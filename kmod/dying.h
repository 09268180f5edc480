/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dying: messages that have left a queue for the reasons of dead letters, and are
 * not in the next one yet.
 *
 * That a message dies is decided under the lock of its queue, by whoever holds it.
 * From then on the message is neither ready nor with a consumer, and counts nowhere
 * but here; its entry stays in its place in the index, with its record, until the
 * queue's work has put the letter into all queues that get it (deadletter.h).  So
 * nothing is lost between, and who decides needs no memory.
 *
 * The work goes by the order of death within a chunk of the index, and takes the
 * chunks in the order in which the first of each died: each chunk has a list of its
 * dying entries, which are linked by what an entry has no use for any more (count,
 * resv).
 *
 * Life: made when the queue gets a dead-letter exchange; ends with it.  The work has
 * a reference of the queue while it is queued.  A queue that is dead makes no
 * letters: what is dying there ends.
 * Locks: queue->lock.
 */
#ifndef MQK_DYING_H
#define MQK_DYING_H

#include <linux/list.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "queue.h"
#include "rules.h"
#include "util/death.h"

struct cred;

/**
 * struct mqk_dying - the dying messages of a queue
 * @queue: the queue
 * @chunks: chunks of the index with dying entries
 * @nr: how many messages
 * @crowd: whoever has made too many waits here until they are fewer
 * @cred: with whose rights they are published: of who named the exchange
 * @work: publishes them
 * @rcu: frees it with the queue
 */
struct mqk_dying {
	struct mqk_queue *queue;
	struct list_head chunks;
	u64 nr;
	wait_queue_head_t crowd;
	const struct cred *cred;
	struct delayed_work work;
	struct rcu_head rcu;
};

struct mqk_dying *mqk_dying_alloc(struct mqk_queue *q, const struct cred *cred);
void mqk_dying_free(struct mqk_dying *d);
void mqk_dying_add(struct mqk_queue *q, struct mqk_entry *e, enum mqk_reason reason);
struct mqk_entry *mqk_dying_first(struct mqk_queue *q);
void mqk_dying_defer(struct mqk_queue *q, struct mqk_entry *e);
void mqk_dying_end(struct mqk_queue *q, struct mqk_entry *e);
void mqk_dying_bury(struct mqk_queue *q);

/* Whether what dies in a queue becomes a letter; its lock. */
static inline bool mqk_dying_here(const struct mqk_queue *q)
{
	return q->dying && !q->dead && mqk_rules_dead_letters(q->rules);
}

/* Why an entry is dying. */
static inline enum mqk_reason mqk_dying_reason(const struct mqk_entry *e)
{
	return e->resv;
}

#endif /* MQK_DYING_H */
