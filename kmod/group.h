/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups: messages of a queue that one consumer at a time may have.
 *
 * A message of a queue with groups may belong to one, by its header group-id.  As long
 * as a consumer holds any message of a group, it owns that group, and is given the rest
 * of it; then the group is anybody's.  A message that waits for its next try holds up
 * those of its group that are younger.
 *
 * The index keeps all in the order of coming.  What may be given to somebody stands in
 * lines by place: one of what is free to all, that is messages without a group and the
 * heads of groups that nobody owns; and one for each consumer, of the heads of the groups
 * that it owns.  A head is the first message of its group that nothing holds up.  So what
 * waits for another one of its group is not looked at, however much it is; coming, going
 * and changing owners is O(log n), and so is finding what a consumer may have.
 *
 *	free	[ m4 ]-[ head of a ]-[ m9 ]		by place
 *	owned	[ X: head of b, head of c ] [ Y: head of d ]	by owner, then place
 *	owners	[ X ]-[ Y ]				those that are able, by their first
 *
 * The lines of all consumers are one tree, so that who gets from many queues needs no
 * memory in each of them.
 *
 * What puts a message into a line, or lets it wait in its group, is its link (link.h):
 * it is in one of them at a time.  A group is found by a number, a keyed hash of its id
 * of 64 bits (msgid.h); two ids of one number are one group, which does no harm.
 *
 * Life: a group comes with its first message, which brings the memory for it
 * (MQK_GROUP_BYTES, charged to who publishes that), and goes with its last one, those
 * counted that are scheduled, unacknowledged or wait for their next try.  The owner of a
 * group holds a message of it, so it is alive.
 * Locks: queue->lock.
 */
#ifndef MQK_GROUP_H
#define MQK_GROUP_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "extra.h"
#include "queue.h"

struct mqk_consumer;
struct mqk_entry;
struct mqk_link;
struct mqk_refusal;
struct mqk_tenant;

/* What a group is charged as. */
#define MQK_GROUP_BYTES		128u

/**
 * struct mqk_group - a group
 * @link: while it is no queue's
 * @node: in the tree of its queue's groups
 * @number: by which it is found
 * @members: messages of it in the queue, in whatever state
 * @held: those that are with its owner
 * @owner: who is given the rest of it, or NULL
 * @head: the first one that nothing holds up, which stands in a line; or NULL
 * @line: whose line that is; NULL: the free one
 * @waiting: the others that are ready, by place
 * @retrying: those that wait for their next try, by place
 * @tenant: who pays
 */
struct mqk_group {
	union {
		struct list_head link;
		struct rb_node node;
	};
	u64 number;
	u32 members;
	u32 held;
	struct mqk_consumer *owner;
	struct mqk_link *head;
	struct mqk_consumer *line;
	struct rb_root_cached waiting;
	struct rb_root_cached retrying;
	struct mqk_tenant *tenant;
};

static_assert(sizeof(struct mqk_group) <= MQK_GROUP_BYTES);

/**
 * struct mqk_groups - the groups of a queue
 * @all: tree of the groups, by number
 * @free: tree of links: what everybody may have, by place
 * @owned: tree of links: the heads of groups with an owner, by that and by place
 * @owners: tree of the consumers that are able and in whose line something stands, by
 *	the place of that
 * @rcu: frees it
 */
struct mqk_groups {
	struct rb_root all;
	struct rb_root_cached free;
	struct rb_root owned;
	struct rb_root_cached owners;
	struct rcu_head rcu;
};

struct mqk_groups *mqk_groups_alloc(void);
struct mqk_group *mqk_group_alloc(struct mqk_tenant *tenant, bool overdraw,
				  struct mqk_refusal *why);
void mqk_group_free(struct mqk_group *g);

bool mqk_groups_has(const struct mqk_groups *gs, u64 number);
struct mqk_group *mqk_groups_join(struct mqk_groups *gs, u64 number,
				  struct mqk_group *spare);
void mqk_groups_part(struct mqk_groups *gs, struct mqk_group *g);
void mqk_groups_add(struct mqk_groups *gs, struct mqk_entry *e, struct mqk_group *g);
void mqk_groups_return(struct mqk_groups *gs, struct mqk_entry *e);
void mqk_groups_remove(struct mqk_groups *gs, struct mqk_entry *e);
void mqk_groups_take(struct mqk_groups *gs, struct mqk_entry *e,
		     struct mqk_consumer *c, bool noack);
void mqk_groups_let_go(struct mqk_groups *gs, struct mqk_entry *e);
void mqk_groups_retry(struct mqk_groups *gs, struct mqk_entry *e);
void mqk_groups_tried(struct mqk_groups *gs, struct mqk_entry *e);
void mqk_groups_end(struct mqk_groups *gs, struct mqk_entry *e);

void mqk_groups_able(struct mqk_groups *gs, struct mqk_consumer *c);
void mqk_groups_unable(struct mqk_groups *gs, struct mqk_consumer *c);
struct mqk_entry *mqk_groups_free_first(const struct mqk_groups *gs);
struct mqk_consumer *mqk_groups_owner_first(const struct mqk_groups *gs);
struct mqk_entry *mqk_groups_first(const struct mqk_groups *gs,
				   const struct mqk_consumer *c);
bool mqk_groups_open(const struct mqk_groups *gs, u64 number,
		     struct mqk_consumer **owner);

/* The groups of a queue, or NULL: it has none. */
static inline struct mqk_groups *mqk_queue_groups(const struct mqk_queue *q)
{
	return q->keep ? q->keep->groups : NULL;
}

/* Whether the messages of a queue have links that put them into lines. */
static inline bool mqk_queue_linked(const struct mqk_queue *q)
{
	return q->keep && (q->keep->order || q->keep->groups);
}

#endif /* MQK_GROUP_H */
