/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting for room: a port whose next message a full queue does not let in yet.
 *
 * Such a queue (x-overflow is block) refuses nothing: the message stays with who
 * publishes it, a record where it lies and a copy with its caller, who is told EAGAIN,
 * and comes again when the port's page does not say HELD any more: wait_room(), poll.
 * The queue knows the ports that wait, and wakes those whose message would fit
 * whenever there is room, under its lock; so nobody is forgotten.  It keeps
 * MQK_WRITERS_MAX of them; others look again after a while, by the port's own timer.
 * That also ends the patience: a message that has waited for as long as the queue says
 * is refused by all of its queues (nack) when it comes again.
 *
 * Limits of users and brokers (EDQUOT, ENOSPC) hold a port back as well; who waits for
 * that looks again after a while.
 *
 * Life: a port that waits has a reference of the queue, its timer one of the port.
 * Locks: port->mutex for what the port knows; queue->lock for the queue's list.
 */
#ifndef MQK_ROOM_H
#define MQK_ROOM_H

#include <linux/types.h>

struct mqk_port;
struct mqk_queue;
struct mqk_route;
struct work_struct;

int mqk_room_wait(struct mqk_port *p, const struct mqk_route *route);
int mqk_room_in_line(struct mqk_port *p);
void mqk_room_stopped(struct mqk_port *p, int error);
void mqk_room_close(struct mqk_port *p);
void mqk_room_wake_locked(struct mqk_queue *q);
void mqk_room_look_again(struct work_struct *work);

#endif /* MQK_ROOM_H */
