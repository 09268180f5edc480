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

#include <linux/types.h>

struct mqk_refusal;

/* What is not given is as drop-head, but not the same to who declares again. */
enum mqk_overflow {
	MQK_OVERFLOW_NOT_GIVEN,
	MQK_OVERFLOW_DROP_HEAD,
	MQK_OVERFLOW_REJECT_PUBLISH,
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

/**
 * struct mqk_rules - the rules of a queue
 * @max_length: most messages that are ready; U64_MAX: any number
 * @max_bytes: most payload bytes of those; U64_MAX: any number
 * @overflow: what happens when one of them is exceeded
 * @single_active: whether one consumer alone is given messages
 * @handover: when another one takes over from it
 * @rcu: frees it
 */
struct mqk_rules {
	u64 max_length;
	u64 max_bytes;
	enum mqk_overflow overflow;
	enum mqk_choice single_active;
	enum mqk_handover handover;
	struct rcu_head rcu;
};

int mqk_rules_parse(struct mqk_rules *r, const u8 *args, u32 len,
		    struct mqk_refusal *why);
int mqk_rules_change(struct mqk_rules *r, const struct mqk_rules *old,
		     const u8 *args, u32 len, struct mqk_refusal *why);
bool mqk_rules_equal(const struct mqk_rules *a, const struct mqk_rules *b);
struct mqk_rules *mqk_rules_alloc(const struct mqk_rules *r);

/**
 * mqk_rules_refuse() - whether they may refuse a message
 * @r: the rules; NULL: none
 *
 * Return: true if so
 */
static inline bool mqk_rules_refuse(const struct mqk_rules *r)
{
	return r && r->overflow == MQK_OVERFLOW_REJECT_PUBLISH;
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
