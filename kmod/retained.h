/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What last-value exchanges remember: the last messages of each routing key.
 *
 * A remembered message is a reference to its record, as an entry of a queue is, with
 * what an entry would know of it; it keeps the record's segment, and counts as a
 * message of who published it.  Compaction moves no such records: they pin their
 * segments, for which their publishers pay.
 *
 * Of a key, the newest messages are kept, as many as the exchange says; of all keys,
 * those that were published to last (MQK_RETAINED_KEYS); and of all messages of an
 * exchange the newest (MQK_RETAINED_MAX).  An empty message makes its key forgotten.
 *
 * Nobody misses a message, or gets it twice, because he binds while it is
 * published: a publisher finds a route, and then remembers the message only if under
 * the lock no route has changed since, else he finds it anew.  While a new binding is
 * given what is remembered (give.h), nothing is remembered in the broker: publishers
 * to such exchanges wait, so that what comes later is behind it in the queue.
 *
 * Two publishers at once may find their messages remembered in one order and queued
 * in the other, as they may in two queues.
 *
 * Life: as its exchange, which frees it a grace period after it is gone.
 *
 * Locks: broker->retained_lock (spin), a leaf, for all exchanges of a broker, since
 * one message may go through several of them; broker->giving changes under
 * broker->mutex too.
 */
#ifndef MQK_RETAINED_H
#define MQK_RETAINED_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/mqk.h>

#include "limits.h"
#include "msgid.h"

struct mqk_broker;
struct mqk_exchange;
struct mqk_refusal;
struct mqk_segment;
struct mqk_tenant;

/**
 * struct mqk_retained_key - a key of which something is remembered
 * @node: in the table of keys
 * @in_keys: in the list of keys, the one published to last at the end
 * @messages: struct mqk_retained_message.in_key, oldest first
 * @nr: how many
 * @len: bytes of the key
 * @text: the key
 */
struct mqk_retained_key {
	struct hlist_node node;
	struct list_head in_keys;
	struct list_head messages;
	u32 nr;
	u8 len;
	u8 text[MQK_KEY_MAX];
};

/**
 * struct mqk_retained_message - a message that is remembered, or room for one
 * @in_order: in the list of all, oldest first; or of room
 * @in_key: in the list of its key
 * @key: its key; of room: for a key that is new
 * @head: the head of its record, without its key
 * @ref: where its record lies, to which it has a reference
 * @uid: of who published it
 * @pid: the same
 * @id: its message-id, if that counts; else none
 * @group: of its group, or 0
 * @chosen: who gives it out has chosen it
 * @tenant: who pays for this
 */
struct mqk_retained_message {
	struct list_head in_order;
	struct list_head in_key;
	struct mqk_retained_key *key;
	struct mqk_record head;
	u64 ref;
	u32 uid;
	u32 pid;
	struct mqk_msgid id;
	u64 group;
	bool chosen;
	struct mqk_tenant *tenant;
};

/**
 * struct mqk_retained - what one exchange remembers
 * @order: its messages, oldest first
 * @keys: its keys, the one published to last at the end
 * @nr: how many messages
 * @nr_keys: how many keys
 * @history: how many messages of a key at most
 * @seed: of the table, so that nobody can choose keys that collide
 * @table: the keys by hash
 */
struct mqk_retained {
	struct list_head order;
	struct list_head keys;
	u32 nr;
	u32 nr_keys;
	u32 history;
	u32 seed;
	struct hlist_head table[MQK_RETAINED_BUCKETS];
};

struct mqk_retained *mqk_retained_alloc(u32 history);
void mqk_retained_free(struct mqk_retained *r, struct mqk_broker *broker);

struct mqk_retained_message *mqk_retained_room(struct mqk_tenant *tenant,
					       struct mqk_refusal *why);
void mqk_retained_free_room(struct mqk_retained_message *m);

bool mqk_retained_begin(struct mqk_broker *broker);
void mqk_retained_end(struct mqk_broker *broker);
void mqk_retained_keep(struct mqk_retained *r, struct mqk_retained_message *m,
		       struct list_head *gone);
void mqk_retained_forget(struct mqk_retained *r, const u8 *key, u32 len,
			 struct list_head *gone);
void mqk_retained_let_go(struct mqk_broker *broker, struct list_head *gone);

void mqk_retained_freeze(struct mqk_broker *broker);
void mqk_retained_thaw(struct mqk_broker *broker);
void mqk_retained_wait(struct mqk_broker *broker);

#endif /* MQK_RETAINED_H */
