/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exchanges: names that messages are published to, and the bindings that lead
 * on from there, to queues and to other exchanges.  An exchange stores nothing.
 *
 * Each kind keeps its bindings in sets, one per key (for fanout one in all),
 * and brings the operations to find, make and remove a set, and to go through
 * the sets that a routing key matches.
 *
 * Where nothing that is bound matches, a message goes on to the alternate
 * exchange, which is looked up by name each time: with the rights of who
 * declared the exchange, to which nobody's but their own messages need be
 * permitted there.
 *
 * Life: made by declaring; the names table of the broker holds it.  Deleting
 * unlinks it and its bindings, makes the routes through it stale, and frees it
 * after a grace period: nothing else refers to it, since a publisher only uses
 * it inside the RCU section in which it found it.
 *
 * Locks: broker->mutex for changes, RCU for routing.
 */
#ifndef MQK_EXCHANGE_H
#define MQK_EXCHANGE_H

#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>

#include "cc.h"
#include "exchange_args.h"
#include "limits.h"
#include "owner.h"
#include "util/topic.h"

struct cred;
struct mqk_binding_id;
struct mqk_broker;
struct mqk_definition;
struct mqk_exchange;
struct mqk_hash_index;
struct mqk_headers_index;
struct mqk_match;
struct mqk_queue;
struct mqk_refusal;
struct mqk_retained;
struct mqk_rules;
struct mqk_tenant;

/* The default exchange: no name, made first. */
#define MQK_EXCHANGE_DEFAULT_ID	1u

/**
 * struct mqk_bindset - the bindings of one exchange under one key
 * @bindings: struct mqk_binding.in_set, read under RCU
 */
struct mqk_bindset {
	struct list_head bindings;
};

/**
 * struct mqk_targets - where a route collects the queues that it leads to
 * @queue: room for them
 * @nr: how many there are
 * @room: how many fit
 * @matched: a binding of the exchange that was asked last has matched
 * @nr_exchanges: how many exchanges there are
 * @exchange: those that the message goes through, each once
 * @scratch: working memory for topics
 * @match: the headers of the message, where an exchange is @by_headers
 * @cc: its further keys
 */
struct mqk_targets {
	struct mqk_queue **queue;
	u32 nr;
	u32 room;
	bool matched;
	u32 nr_exchanges;
	struct mqk_exchange *exchange[MQK_HOPS_MAX];
	struct mqk_topic_scratch *scratch;
	struct mqk_match *match;
	struct mqk_cc cc;
};

/**
 * struct mqk_exchange_ops - what a kind of exchange does
 * @type: MQK_EXCHANGE_*, 0 for the default exchange
 * @name: the kind's name
 * @args: MQK_EXCHANGE_ARG_* that it knows
 * @by_key: a message's further keys count like its key
 * @init: make it ready; may sleep
 * @destroy: free what @init made; no sets are left, no readers
 * @check: refuse a binding: 0, or -EINVAL with the reason; or NULL
 * @set_bytes: most memory that the set of a binding adds, or NULL for none
 * @get_set: find the set that a binding belongs to, or make it;
 *	ERR_PTR(-ENOMEM), or -EMLINK when the exchange has enough
 * @close: the exchange goes, with all its bindings: they lead nowhere from now on;
 *	or NULL, where removing one after the other is as cheap
 * @put_set: remove a set that has become empty
 * @route: collect the queues and exchanges that a key leads to, queues with
 *	repetitions; under RCU; 0, -ENOBUFS when they do not fit, -EMLINK,
 *	-ELOOP when they are too many, -EINVAL for a key it cannot split
 */
struct mqk_exchange_ops {
	u32 type;
	const char *name;
	u32 args;
	bool by_key;
	int (*init)(struct mqk_exchange *x);
	void (*destroy)(struct mqk_exchange *x);
	int (*check)(const struct mqk_binding_id *id, struct mqk_refusal *why);
	u64 (*set_bytes)(const struct mqk_binding_id *id);
	struct mqk_bindset *(*get_set)(struct mqk_exchange *x,
				       const struct mqk_binding_id *id);
	void (*close)(struct mqk_exchange *x);
	void (*put_set)(struct mqk_exchange *x, struct mqk_bindset *set);
	int (*route)(struct mqk_exchange *x, const u8 *key, u32 len,
		     struct mqk_targets *targets);
};

struct mqk_exchange {
	const struct mqk_exchange_ops *ops;
	struct mqk_broker *broker;
	u32 id;
	u32 flags;			/* MQK_DECLARE_F_* */
	bool by_headers;		/* routes depend on headers, too */
	bool system;			/* the broker alone publishes to it */
	struct mqk_owner owner;
	union {
		struct mqk_bindset all;		/* fanout */
		struct rhashtable keys;		/* direct */
		struct mqk_topic topic;
		struct mqk_headers_index *headers;
		struct mqk_hash_index *hash;
	};
	struct mqk_retained *retained;	/* last value: what it remembers */
	struct mqk_tenant *tenant;	/* who pays */
	struct mqk_exchange_args args;
	const struct cred *cred;	/* with an alternate: who declared it */
	struct mqk_definition *definition;	/* on disk, or NULL */
	struct list_head bindings;	/* from it */
	struct list_head sources;	/* to it, from exchanges */
	struct list_head doomed;	/* broker->doomed_exchanges */
	u64 nr_bindings;		/* from it */
	struct rhash_head node;		/* broker->exchange_names */
	struct rcu_work work;
	u8 name_len;
	u8 name[] __counted_by(name_len);
};

extern const struct mqk_exchange_ops mqk_exchange_default;
extern const struct mqk_exchange_ops mqk_exchange_direct;
extern const struct mqk_exchange_ops mqk_exchange_fanout;
extern const struct mqk_exchange_ops mqk_exchange_topic;
extern const struct mqk_exchange_ops mqk_exchange_system;
extern const struct mqk_exchange_ops mqk_exchange_headers;
extern const struct mqk_exchange_ops mqk_exchange_hash;
extern const struct mqk_exchange_ops mqk_exchange_last_value;

/**
 * struct mqk_declare - what is declared, an exchange or a queue
 * @name: its name, checked
 * @name_len: bytes of it
 * @flags: MQK_DECLARE_F_*
 * @type: MQK_EXCHANGE_*
 * @rules: of a queue
 * @owner: who will own it, and its mode
 * @args: encoded arguments, checked
 * @args_len: bytes of them
 * @cred: who declares it; kept by the caller
 * @tenant: who pays
 * @session: the declaring session
 * @exclusive: its list of exclusive queues
 * @definition: what keeps it, taken by who is kept; or NULL
 */
struct mqk_declare {
	const u8 *name;
	u32 name_len;
	u32 flags;
	u32 type;
	const struct mqk_rules *rules;
	struct mqk_owner owner;
	const u8 *args;
	u32 args_len;
	const struct cred *cred;
	struct mqk_tenant *tenant;
	const void *session;
	struct list_head *exclusive;
	struct mqk_definition **definition;
};

int mqk_exchange_declare(struct mqk_broker *broker,
			 const struct mqk_declare *d, struct mqk_refusal *why);
int mqk_exchange_delete(struct mqk_broker *broker, const u8 *name, u32 len,
			const struct cred *cred, bool if_unused,
			struct mqk_refusal *why);
struct mqk_exchange *mqk_exchange_find(struct mqk_broker *broker,
				       const u8 *name, u32 len);
void mqk_exchange_remove(struct mqk_exchange *x);
struct mqk_exchange *mqk_exchange_alternate(struct mqk_exchange *x);

int mqk_exchange_predeclare(struct mqk_broker *broker,
			    struct mqk_tenant *tenant,
			    struct mqk_refusal *why);
int mqk_targets_add(struct mqk_targets *targets, struct mqk_bindset *set);
int mqk_targets_visit(struct mqk_targets *targets, struct mqk_exchange *x);
void mqk_targets_unique(struct mqk_targets *targets);

bool mqk_name_reserved(const u8 *name, u32 len);

extern const struct rhashtable_params mqk_exchange_name_params;

#endif /* MQK_EXCHANGE_H */
