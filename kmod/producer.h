/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Producers: names to publish under, so that what is sent again is not taken again.
 *
 * A producer numbers its messages from 1.  The broker remembers under its name the
 * number of the last message that it has taken: one with that number or a lower one
 * is a repeat, one with the next number is new, and any other leaves a gap.  Whoever
 * opens a port for the name is told the number, and fences the port that had the name
 * before: from then on nothing is taken from that one.
 *
 * Taking is a claim, from before the message enters the first queue to after it has
 * entered the last one.  Who fences waits for the claim, which nobody holds while he
 * sleeps or copies from a process: so he is told a number that nothing adds to.
 *
 * Life: made by the first port of the name; kept by its ports, and by the table of
 * names.  It leaves the table when it is forgotten (PORT_CLOSE with FORGET), with its
 * last port if nothing was ever taken from it, or with the broker.
 *
 * Locks: lock for port, last and busy; broker->mutex for the rest; name and owner
 * never change.  The lock is a leaf below port->mutex, under which wait queues are
 * woken.
 */
#ifndef MQK_PRODUCER_H
#define MQK_PRODUCER_H

#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "owner.h"

struct cred;
struct mqk_broker;
struct mqk_port;
struct mqk_producer_entry;
struct mqk_refusal;
struct mqk_tenant;

/**
 * struct mqk_producer - a producer's name
 * @lock: guards what follows, up to the line
 * @port: who publishes under it, or NULL
 * @last: number of the last message that was taken, 0: none
 * @busy: @port, or the one before, is taking one
 * @idle: where who fences waits until nobody does
 * @known: it is in the table of names
 * @ports: those that were opened for it and are not closed
 * @owner: who may use it: MQK_MAY_WRITE
 * @tenant: who pays
 * @number: in the broker
 * @node: in the broker's table
 * @name_len: bytes of the name
 * @name: the name
 */
struct mqk_producer {
	spinlock_t lock;
	struct mqk_port *port;
	u64 last;
	bool busy;
	wait_queue_head_t idle;
	/* -------- */
	bool known;
	u32 ports;
	struct mqk_owner owner;
	struct mqk_tenant *tenant;
	u32 number;
	struct rhash_head node;
	u8 name_len;
	u8 name[] __counted_by(name_len);
};

/**
 * struct mqk_producer_options - a name that a port is opened for
 * @name: the name
 * @len: bytes of it; 0: none
 * @owner: whose it is, if it is new
 */
struct mqk_producer_options {
	const u8 *name;
	u32 len;
	struct mqk_owner owner;
};

extern const struct rhashtable_params mqk_producer_name_params;

struct mqk_producer *mqk_producer_open(struct mqk_broker *broker,
				       struct mqk_tenant *tenant,
				       const struct mqk_producer_options *o,
				       const struct cred *cred,
				       struct mqk_refusal *why);
void mqk_producer_close(struct mqk_producer *producer, struct mqk_port *p);
int mqk_producer_forget(struct mqk_port *p);
void mqk_producer_free_all(struct mqk_broker *broker);
struct mqk_producer *mqk_producer_next(struct mqk_broker *broker, u32 number);
void mqk_producer_describe(struct mqk_producer *producer,
			   struct mqk_producer_entry *e);

u64 mqk_producer_enter(struct mqk_port *p);
int mqk_producer_look(struct mqk_port *p);
int mqk_producer_begin(struct mqk_port *p);
void mqk_producer_end(struct mqk_port *p, bool taken);

#endif /* MQK_PRODUCER_H */
