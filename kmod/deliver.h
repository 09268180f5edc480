/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delivering: from queues to consumers, and what comes back.
 *
 * dispatch   while something is ready and a consumer is able, deliver
 * drain      take a consumer's acknowledgements; settle what they name
 * kick       drain, and dispatch with the credit that it gave
 *
 * Publishing dispatches, and a consumer is drained when its credit has run out,
 * or after some deliveries, so in steady state nobody makes a system call to
 * acknowledge.  A consumer that has run dry is told so (F_KICK) before it is
 * looked at a last time; then it is its turn to kick.
 *
 * Locks: each function says what it takes.  No work under a queue's lock grows
 * with what the queue holds: it is cut into budgets (limits.h).
 */
#ifndef MQK_DELIVER_H
#define MQK_DELIVER_H

#include <linux/types.h>
#include <linux/mqk.h>

#include "queue.h"

struct mqk_consumer;
struct mqk_delivery;
struct mqk_entry;

bool mqk_queue_added_locked(struct mqk_queue *q, struct mqk_entry *e);
bool mqk_queue_filled_locked(struct mqk_queue *q, u32 n, u64 bytes);

/* Keep room for a message that is to come, and was let in. */
static inline void mqk_queue_promise_locked(struct mqk_queue *q, u32 payload_len)
{
	q->promised++;
	q->promised_bytes += payload_len;
}

/* It comes now, or will not come. */
static inline void mqk_queue_redeem_locked(struct mqk_queue *q, u32 payload_len)
{
	q->promised--;
	q->promised_bytes -= payload_len;
}

bool mqk_consumer_can_take(struct mqk_queue *q, struct mqk_consumer *c, u32 *budget);
bool mqk_queue_dispatch_locked(struct mqk_queue *q);
bool mqk_queue_dispatch_at_locked(struct mqk_queue *q, u64 now);
void mqk_queue_run(struct mqk_queue *q);

bool mqk_queue_gettable(struct mqk_queue *q, const struct mqk_consumer *c);
int mqk_queue_get(struct mqk_queue *q, struct mqk_consumer *c,
		  struct mqk_delivery *d, u64 *ready);
void mqk_consumer_give_back(struct mqk_queue *q, struct mqk_consumer *c, u64 tag);

#endif /* MQK_DELIVER_H */
