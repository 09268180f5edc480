/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turns: which consumers of a queue can take a message, and who is next.
 *
 * Those that can are in queue->able, the next one first; the others are in
 * queue->idle, and know that it is theirs to kick.  One that is alone among the
 * able ones is queue->sole, so that the express lane needs no list.
 *
 * Locks: queue->lock for all of it.
 */
#ifndef MQK_TURN_H
#define MQK_TURN_H

#include <linux/types.h>

struct mqk_consumer;
struct mqk_queue;

void mqk_turn_find_sole(struct mqk_queue *q);
void mqk_turn_set_able(struct mqk_queue *q, struct mqk_consumer *c, bool able);
void mqk_turn_leave(struct mqk_queue *q, struct mqk_consumer *c);

#endif /* MQK_TURN_H */
