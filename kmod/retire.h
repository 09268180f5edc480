/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Retiring: how a queue loses all its messages, and how it ends.
 */
#ifndef MQK_RETIRE_H
#define MQK_RETIRE_H

#include <linux/types.h>

struct mqk_queue;

u64 mqk_queue_purge(struct mqk_queue *q);
u64 mqk_queue_cancel(struct mqk_queue *q, u64 id);
u64 mqk_queue_kill(struct mqk_queue *q);
void mqk_queue_bury(struct mqk_queue *q);
void mqk_queue_autodelete(struct mqk_queue *q);

#endif /* MQK_RETIRE_H */
