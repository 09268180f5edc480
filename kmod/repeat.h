/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Repeats: messages whose id a queue has seen (seen.h), on their way through a port.
 *
 * A message for one queue is looked at, put in and remembered under one hold of its
 * lock.  For several, those that have seen it are left out of its route first, and
 * are asked nothing; the others reserve room for its id with its place, and are looked
 * at again when it comes, since another port may have brought it meanwhile.
 *
 * Only messages with MQK_MSG_F_ID come here: their routes are good for them alone.
 *
 * Locks: port->mutex; RCU read side; queue->lock where it is said.
 */
#ifndef MQK_REPEAT_H
#define MQK_REPEAT_H

#include <linux/mqk.h>

#include "port.h"

struct mqk_route;

/* Whether the message of p->head_copy can be a repeat. */
static __always_inline bool mqk_repeat_can_be(const struct mqk_port *p)
{
	return p->head_copy.flags & MQK_MSG_F_ID;
}

void mqk_repeat_begin(struct mqk_port *p);
void mqk_repeat_leave_out(struct mqk_port *p, struct mqk_route *route);
void mqk_repeat_done(struct mqk_port *p, const struct mqk_route *route, u32 reached);
bool mqk_repeat_is_late(struct mqk_port *p, struct mqk_queue *q);
bool mqk_repeat_is(struct mqk_port *p, struct mqk_queue *q);
bool mqk_repeat_reserve(struct mqk_port *p, struct mqk_queue *q);
bool mqk_repeat_has_room(struct mqk_port *p, struct mqk_queue *q);
void mqk_repeat_unreserve(struct mqk_port *p, struct mqk_queue *q);
void mqk_repeat_note(struct mqk_port *p, struct mqk_queue *q);

#endif /* MQK_REPEAT_H */
