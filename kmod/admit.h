/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admitting: whether the rules of a queue let one more message in.
 *
 * Only of queues that refuse any; the others let everything in.
 *
 * Locks: queue->lock.
 */
#ifndef MQK_ADMIT_H
#define MQK_ADMIT_H

#include <linux/types.h>

struct mqk_queue;

bool mqk_queue_admits_locked(struct mqk_queue *q, u32 payload_len, bool delayed,
			     u64 group, bool *more);
bool mqk_queue_fits_locked(struct mqk_queue *q, u32 payload_len, bool delayed,
			   u64 group);

#endif /* MQK_ADMIT_H */
