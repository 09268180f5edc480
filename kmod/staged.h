/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Staging: what a session's transaction keeps back until it is committed.
 *
 * Messages: a copy, or a record in place, with a reference to its record, and its head
 * and key as the kernel has copied them.  What a message is was checked when it was
 * handed in; where it leads is found when it is committed.
 *
 * Settlements: a consumer, a tag, and what is to become of it, one for each message: a
 * MULTIPLE is spelt out when it is taken.  The message stays its consumer's, with its
 * tag and its credit; its entry is marked, so that it is settled once.  What the process
 * wrote into the ring stays there until MQK_IOC_KICK or the commit takes it; nobody else
 * drains a consumer that takes part.
 *
 * Who hands in has the port's mutex, or what guards the consumer.  So a port or consumer
 * is closed to the transaction under that lock, and afterwards only who ends it is left.
 *
 * Life: made by the session's first transaction, used by all that follow, freed with the
 * session.  It holds a reference to each port and to the consumer of each settlement, as
 * long as the transaction lasts.  All is charged: the structure as long as it lives,
 * each message as a message and in bytes.
 *
 * Locks: session->tx_mutex for when it is open; lock (spin, a leaf) for lists and
 * numbers; port->mutex for what a port knows of it; queue->lock or consumer->mutex for
 * what a consumer does.
 */
#ifndef MQK_STAGED_H
#define MQK_STAGED_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/mqk.h>

#include "limits.h"
#include "route.h"

struct mqk_broker;
struct mqk_consumer;
struct mqk_exchange;
struct mqk_port;
struct mqk_queue;
struct mqk_refusal;
struct mqk_segment;
struct mqk_tenant;

/**
 * struct mqk_staged - a message that is kept back
 * @link: in the staging
 * @port: where it was handed in
 * @segment: where its record lies, with a reference
 * @offset: where it begins
 * @head: the head of the record, a copy, without the key
 * @key: the key, a copy
 * @id: its id, if that counts; from here on: while it is committed
 * @group: number of its group, if it has one
 * @route: where it leads; NULL: not known yet
 * @nr_queues: queues of @route with a reference: those that have seen it, and are left
 *	out, are behind the others
 * @left_out: how many those are
 * @seen_gen: mqk_port.seen_gen, for it
 * @reserved: it has a place and a promise in each of them
 * @held: none of them delivers
 * @exchange: last-value exchanges that remember it
 * @nr_exchanges: how many
 * @retained: room for it there
 * @groups: room for its group in each queue that has groups
 * @nr_groups: how many
 */
struct mqk_staged {
	struct list_head link;
	struct mqk_port *port;
	struct mqk_segment *segment;
	u64 offset;
	struct mqk_record head;
	struct mqk_key key;
	struct mqk_msgid id;
	u64 group;
	struct mqk_route *route;
	u32 nr_queues;
	u32 left_out;
	u64 seen_gen;
	bool reserved;
	bool held;
	struct mqk_exchange **exchange;
	u32 nr_exchanges;
	struct list_head retained;
	struct list_head groups;
	u32 nr_groups;
};

/**
 * struct mqk_settlement - what is to become of a message that a consumer holds
 * @consumer: the consumer, with a reference
 * @queue: the message's queue, held, with a reference; NULL until it is committed
 * @tag: the message's
 * @op: MQK_ACK_*
 * @requeue: what is not accepted goes back to its place
 */
struct mqk_settlement {
	struct mqk_consumer *consumer;
	struct mqk_queue *queue;
	u64 tag;
	u32 op;
	bool requeue;
};

/**
 * struct mqk_staging - what a session's transaction keeps back
 * @lock: guards lists and numbers until all is closed
 * @broker: the session's
 * @tenant: who pays
 * @open: there is a transaction
 * @ports: those that take part, with a reference: mqk_port.in_staging
 * @messages: struct mqk_staged, in the order in which they were handed in
 * @nr_messages: how many
 * @nr_settlements: how many
 * @settlement: in the order in which they were taken
 */
struct mqk_staging {
	spinlock_t lock;
	struct mqk_broker *broker;
	struct mqk_tenant *tenant;
	bool open;
	struct list_head ports;
	struct list_head messages;
	u32 nr_messages;
	u32 nr_settlements;
	struct mqk_settlement settlement[MQK_TX_SETTLEMENTS_MAX];
};

struct mqk_staging *mqk_staging_alloc(struct mqk_broker *broker,
				      struct mqk_tenant *tenant,
				      struct mqk_refusal *why);
void mqk_staging_free(struct mqk_staging *st);
void mqk_staging_empty(struct mqk_staging *st);

void mqk_staging_join(struct mqk_staging *st, struct mqk_port *p);
void mqk_staging_leave(struct mqk_port *p, bool forget);
int mqk_staged_supply(struct mqk_port *p);
int mqk_staged_may_add(struct mqk_port *p);
int mqk_staged_add(struct mqk_port *p, struct mqk_segment *seg, u64 offset);
int mqk_staged_refuse(struct mqk_port *p, u64 number);
void mqk_staged_free(struct mqk_staged *m);

void mqk_staging_join_consumer(struct mqk_staging *st, struct mqk_consumer *c);
int mqk_staging_drain(struct mqk_consumer *c);
void mqk_staging_unmark(struct mqk_staging *st);
void mqk_staging_leave_consumer(struct mqk_consumer *c, bool forget);
void mqk_staging_cut_consumer(struct mqk_consumer *c);

/* commit.c */
int mqk_staging_commit(struct mqk_staging *st, struct mqk_refusal *why);

#endif /* MQK_STAGED_H */
