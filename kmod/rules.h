/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules of a queue: what the arguments of its declaration ask for.
 *
 * A queue without arguments has none, and pays one test of a pointer for it
 * where it dispatches.  What the rules say is done by deliver.h.
 *
 * Life: made with the queue, or when one that has none is given some; freed with
 * it.  Nothing in them changes: a change makes new ones in their place, and frees
 * the old ones, which nobody looks at without broker->mutex or queue->lock.
 */
#ifndef MQK_RULES_H
#define MQK_RULES_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/mqk.h>

struct mqk_refusal;

/* What is not given is as drop-head, but not the same to who declares again. */
enum mqk_overflow {
	MQK_OVERFLOW_NOT_GIVEN,
	MQK_OVERFLOW_DROP_HEAD,
	MQK_OVERFLOW_REJECT_PUBLISH,
	MQK_OVERFLOW_REJECT_PUBLISH_DLX,
	MQK_OVERFLOW_BLOCK,
};

enum mqk_choice {
	MQK_CHOICE_NOT_GIVEN,
	MQK_CHOICE_NO,
	MQK_CHOICE_YES,
};

enum mqk_handover {
	MQK_HANDOVER_NOT_GIVEN,
	MQK_HANDOVER_DRAIN,
	MQK_HANDOVER_FORCE,
};

/* How the delay before the next try grows; the same as above. */
enum mqk_backoff {
	MQK_BACKOFF_NOT_GIVEN,
	MQK_BACKOFF_LINEAR,
	MQK_BACKOFF_EXPONENTIAL,
};

/* Most bytes that rules take as arguments. */
#define MQK_RULES_ENCODED_MAX	1536u

/* A number that is not given. */
#define MQK_RULES_UNSET	U64_MAX

/**
 * struct mqk_rules_text - a name or key among the rules
 * @given: it is there
 * @len: bytes of it
 * @text: the bytes
 */
struct mqk_rules_text {
	bool given;
	u8 len;
	u8 text[MQK_NAME_MAX];
};

/**
 * struct mqk_rules - the rules of a queue
 * @max_length: most messages that are ready; U64_MAX: any number
 * @max_bytes: most payload bytes of those; U64_MAX: any number
 * @overflow: what happens when one of them is exceeded
 * @block_timeout: how long a message waits for room, in ms, as are all times here
 * @single_active: whether one consumer alone is given messages
 * @handover: when another one takes over from it
 * @message_ttl: how long a message may wait
 * @expires: how long nobody may use the queue
 * @delivery_limit: how often a message may fail
 * @retry_delay: how long it waits for its next try
 * @retry_max: at most so long
 * @retry_backoff: how that grows
 * @consumer_timeout: how long a consumer may have a message
 * @max_priority: priorities from 0 to this are told apart
 * @levels: how many there are
 * @demote_after: failures that take a message one level down
 * @dedup_window: how long a message is known by its id; 0: not at all
 * @groups: whether messages of a group go to one consumer at a time
 * @dead_exchange: where dead letters go
 * @dead_key: under which key, in place of their own
 * @rcu: frees it
 */
struct mqk_rules {
	u64 max_length;
	u64 max_bytes;
	enum mqk_overflow overflow;
	u64 block_timeout;
	enum mqk_choice single_active;
	enum mqk_handover handover;
	u64 message_ttl;
	u64 expires;
	u64 delivery_limit;
	u64 retry_delay;
	u64 retry_max;
	enum mqk_backoff retry_backoff;
	u64 consumer_timeout;
	u64 max_priority;
	u64 levels;
	u64 demote_after;
	u64 dedup_window;
	enum mqk_choice groups;
	struct mqk_rules_text dead_exchange;
	struct mqk_rules_text dead_key;
	struct rcu_head rcu;
};

int mqk_rules_parse(struct mqk_rules *r, const u8 *args, u32 len,
		    struct mqk_refusal *why);
int mqk_rules_change(struct mqk_rules *r, const struct mqk_rules *old,
		     const u8 *args, u32 len, struct mqk_refusal *why);
u32 mqk_rules_encode(const struct mqk_rules *r, u8 *to);
bool mqk_rules_equal(const struct mqk_rules *a, const struct mqk_rules *b);
bool mqk_rules_same_text(const struct mqk_rules_text *a,
			 const struct mqk_rules_text *b);
struct mqk_rules *mqk_rules_alloc(const struct mqk_rules *r);

bool mqk_rules_keep(const struct mqk_rules *r);
u32 mqk_rules_demote_after(const struct mqk_rules *r);
bool mqk_rules_count_failures(const struct mqk_rules *r);
bool mqk_rules_give_up(const struct mqk_rules *r, u32 failures);
bool mqk_rules_order(const struct mqk_rules *r);
u32 mqk_rules_levels(const struct mqk_rules *r);
u64 mqk_rules_retry(const struct mqk_rules *r, u32 failures);
u64 mqk_rules_patience(const struct mqk_rules *r);

/**
 * mqk_rules_refuse() - whether they may refuse a message
 * @r: the rules; NULL: none
 *
 * Return: true if so
 */
static inline bool mqk_rules_refuse(const struct mqk_rules *r)
{
	return r && (r->overflow == MQK_OVERFLOW_REJECT_PUBLISH ||
		     r->overflow == MQK_OVERFLOW_REJECT_PUBLISH_DLX ||
		     r->overflow == MQK_OVERFLOW_BLOCK);
}

/**
 * mqk_rules_groups() - whether a group of messages goes to one consumer at a time
 * @r: the rules; NULL: none
 *
 * Return: true if so
 */
static inline bool mqk_rules_groups(const struct mqk_rules *r)
{
	return r && r->groups == MQK_CHOICE_YES;
}

/**
 * mqk_rules_dead_letters() - whether what dies goes on
 * @r: the rules; NULL: none
 *
 * Return: true if so
 */
static inline bool mqk_rules_dead_letters(const struct mqk_rules *r)
{
	return r && r->dead_exchange.given;
}

/**
 * mqk_rules_dedup() - whether messages are known by their ids
 * @r: the rules; NULL: none
 *
 * Return: true if so
 */
static inline bool mqk_rules_dedup(const struct mqk_rules *r)
{
	return r && r->dedup_window && r->dedup_window != MQK_RULES_UNSET;
}

/**
 * mqk_rules_block() - whether a message that they do not let in waits
 * @r: the rules; NULL: none
 *
 * Return: true if so
 */
static inline bool mqk_rules_block(const struct mqk_rules *r)
{
	return r && r->overflow == MQK_OVERFLOW_BLOCK;
}

/**
 * mqk_rules_exceeded() - whether so much is too much
 * @r: the rules
 * @messages: how many are ready
 * @bytes: bytes of their payload
 *
 * Return: true if so
 */
static inline bool mqk_rules_exceeded(const struct mqk_rules *r, u64 messages,
				      u64 bytes)
{
	return messages > r->max_length || bytes > r->max_bytes;
}

#endif /* MQK_RULES_H */
