/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bindings: from an exchange to a queue or to another exchange, under a key.
 *
 * A binding is known by its two ends, key and arguments; making it twice changes
 * nothing.  It is in five places: the broker's tables by identity and by number,
 * its exchange's set for the key, and the lists of its two ends, so that each
 * takes its bindings along when it goes.
 *
 * Locks: broker->mutex for changes; the set and the table by number are read
 * under RCU.
 */
#ifndef MQK_BINDING_H
#define MQK_BINDING_H

#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

struct mqk_bindset;
struct mqk_broker;
struct mqk_definition;
struct mqk_exchange;
struct mqk_queue;
struct mqk_refusal;
struct mqk_tenant;

struct mqk_binding {
	struct list_head in_set;
	struct mqk_queue *queue;	/* where it leads, or NULL */
	struct mqk_exchange *to;	/* where it leads, or NULL */
	struct mqk_exchange *exchange;
	struct mqk_bindset *set;
	struct list_head in_exchange;
	struct list_head in_target;	/* of the queue, or the other exchange */
	struct rhash_head node;		/* broker->bindings */
	struct mqk_tenant *tenant;	/* who pays */
	struct mqk_definition *definition;	/* on disk, or NULL */
	struct rcu_head rcu;
	u64 bytes;			/* charged */
	u32 number;			/* in the broker, for listing */
	u16 args_len;
	u8 key_len;
	u8 data[];			/* key, then arguments */
};

/**
 * struct mqk_binding_id - what a binding is known by
 * @exchange: from
 * @queue: to, or NULL
 * @to: to another exchange, or NULL
 * @key: binding key
 * @args: encoded arguments
 * @key_len: bytes
 * @args_len: bytes
 * @definition: what keeps it when it is made, taken if it is kept; or NULL
 */
struct mqk_binding_id {
	struct mqk_exchange *exchange;
	struct mqk_queue *queue;
	struct mqk_exchange *to;
	const u8 *key;
	const u8 *args;
	u32 key_len;
	u32 args_len;
	struct mqk_definition **definition;
};

extern const struct rhashtable_params mqk_binding_params;

int mqk_binding_make(struct mqk_broker *broker, const struct mqk_binding_id *id,
		     struct mqk_tenant *tenant, struct mqk_refusal *why);
int mqk_binding_unmake(struct mqk_broker *broker, const struct mqk_binding_id *id,
		       struct mqk_refusal *why);
void mqk_binding_remove(struct mqk_binding *b);

#endif /* MQK_BINDING_H */
