/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Redriving: dead letters go back to the queues that they died in last.
 *
 * A message that waits is looked at first: its headers are copied without a lock, and
 * tell where it died (util/death.h).  Then it is taken out of its queue, put at the end
 * of the other one with the record that it has, and ends in the first; or it goes back
 * to its place.  So it is never in both, and not lost between.
 *
 * Locks: none, but where a step says so; queue->lock of one queue at a time.
 */
#ifndef MQK_REDRIVE_H
#define MQK_REDRIVE_H

#include <linux/types.h>

struct cred;
struct mqk_queue;
struct mqk_refusal;

int mqk_queue_redrive(struct mqk_queue *q, const struct cred *cred, u64 max,
		      u64 *moved, struct mqk_refusal *why);

#endif /* MQK_REDRIVE_H */
