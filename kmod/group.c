// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups.
 */
#include "group.h"

#include <linux/err.h>
#include <linux/slab.h>

#include "account.h"
#include "consumer.h"
#include "link.h"

static struct mqk_link *link_at(const struct rb_node *node)
{
	return node ? rb_entry(node, struct mqk_link, back) : NULL;
}

static u64 place_of(const struct mqk_link *l)
{
	return mqk_entry_seq(mqk_link_entry(l));
}

static bool older(struct rb_node *a, const struct rb_node *b)
{
	return place_of(link_at(a)) < place_of(link_at(b));
}

/**
 * mqk_groups_alloc() - make what a queue needs to have groups
 *
 * Context: may sleep.
 * Return: it, with no groups, or NULL; until a queue has it, kfree() frees it
 */
struct mqk_groups *mqk_groups_alloc(void)
{
	struct mqk_groups *gs = kzalloc(sizeof(*gs), GFP_KERNEL_ACCOUNT);

	if (!gs)
		return NULL;
	gs->all = RB_ROOT;
	gs->free = RB_ROOT_CACHED;
	gs->owned = RB_ROOT;
	gs->owners = RB_ROOT_CACHED;
	return gs;
}

/**
 * mqk_group_alloc() - make room for a group
 * @tenant: who pays
 * @overdraw: a limit may be exceeded, once
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: the room; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_group *mqk_group_alloc(struct mqk_tenant *tenant, bool overdraw,
				  struct mqk_refusal *why)
{
	struct mqk_group *g;
	int err;

	err = overdraw ? mqk_overdraw(tenant, MQK_RES_BYTES, MQK_GROUP_BYTES) :
			 mqk_charge(tenant, MQK_RES_BYTES, MQK_GROUP_BYTES, why);
	if (err)
		return ERR_PTR(err);
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g) {
		mqk_uncharge(tenant, MQK_RES_BYTES, MQK_GROUP_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	g->tenant = tenant;
	return g;
}

/**
 * mqk_group_free() - free a group, or room for one
 * @g: the group, in no tree
 *
 * Context: any.
 */
void mqk_group_free(struct mqk_group *g)
{
	mqk_uncharge(g->tenant, MQK_RES_BYTES, MQK_GROUP_BYTES);
	kfree(g);
}

/* ---- lines ---- */

/* By owner; where they stand has no meaning, but all of one stand together. */
static bool owned_before(struct rb_node *a, const struct rb_node *b)
{
	const struct mqk_link *l = link_at(a), *m = link_at(b);

	if (l->group->line != m->group->line)
		return l->group->line < m->group->line;
	return place_of(l) < place_of(m);
}

/* What stands first in the line of a consumer, or NULL. */
static struct mqk_link *first_owned(const struct mqk_groups *gs,
				    const struct mqk_consumer *c)
{
	struct rb_node *node = gs->owned.rb_node;
	struct mqk_link *first = NULL;

	while (node) {
		struct mqk_link *l = link_at(node);

		if (l->group->line == c)
			first = l;
		node = l->group->line < c ? node->rb_right : node->rb_left;
	}
	return first;
}

static struct mqk_consumer *owner_at(const struct rb_node *node)
{
	return node ? rb_entry(node, struct mqk_consumer, own) : NULL;
}

static bool owner_before(struct rb_node *a, const struct rb_node *b)
{
	return owner_at(a)->own_first < owner_at(b)->own_first;
}

/**
 * mqk_groups_unable() - a consumer is not able any more
 * @gs: the groups of its queue
 * @c: the consumer
 *
 * Context: q->lock.
 */
void mqk_groups_unable(struct mqk_groups *gs, struct mqk_consumer *c)
{
	if (RB_EMPTY_NODE(&c->own))
		return;
	rb_erase_cached(&c->own, &gs->owners);
	RB_CLEAR_NODE(&c->own);
}

/**
 * mqk_groups_able() - a consumer is able, or what stands in its line has changed
 * @gs: the groups of its queue
 * @c: the consumer; nothing happens while it is not able
 *
 * Context: q->lock.
 */
void mqk_groups_able(struct mqk_groups *gs, struct mqk_consumer *c)
{
	struct mqk_link *l;

	/* who gets comes by itself, and may be here from many queues */
	if (!c->queue || !c->able)
		return;
	l = first_owned(gs, c);
	if (l && !RB_EMPTY_NODE(&c->own) && c->own_first == place_of(l))
		return;
	mqk_groups_unable(gs, c);
	if (!l)
		return;
	c->own_first = place_of(l);
	rb_add_cached(&c->own, &gs->owners, owner_before);
}

/* Take the head of a group out of its line; it waits with the others. */
static void withdraw(struct mqk_groups *gs, struct mqk_group *g)
{
	struct mqk_link *l = g->head;

	if (!l)
		return;
	if (g->line)
		rb_erase(&l->back, &gs->owned);
	else
		rb_erase_cached(&l->back, &gs->free);
	g->head = NULL;
	rb_add_cached(&l->back, &g->waiting, older);
	if (g->line)
		mqk_groups_able(gs, g->line);
}

/* Put one that waits in its group into the line of whoever may have it. */
static void present(struct mqk_groups *gs, struct mqk_group *g, struct mqk_link *l)
{
	rb_erase_cached(&l->back, &g->waiting);
	g->head = l;
	g->line = g->owner;
	if (!g->line) {
		rb_add_cached(&l->back, &gs->free, older);
		return;
	}
	rb_add(&l->back, &gs->owned, owned_before);
	mqk_groups_able(gs, g->line);
}

/* The first message of a group that nothing holds up, or NULL. */
static struct mqk_link *head_of(const struct mqk_group *g)
{
	struct mqk_link *tried = link_at(rb_first_cached(&g->retrying));
	struct mqk_link *l = link_at(rb_first_cached(&g->waiting));

	if (!l || (g->head && place_of(g->head) < place_of(l)))
		l = g->head;
	return l && tried && place_of(tried) < place_of(l) ? NULL : l;
}

/* Something about a group has changed: see that the right one stands in the right line. */
static void update(struct mqk_groups *gs, struct mqk_group *g)
{
	struct mqk_link *l = head_of(g);

	if (l == g->head && (!l || g->line == g->owner))
		return;
	withdraw(gs, g);
	if (l)
		present(gs, g, l);
}

/* ---- groups ---- */

static struct mqk_group *group_at(const struct rb_node *node)
{
	return rb_entry(node, struct mqk_group, node);
}

static bool number_before(struct rb_node *a, const struct rb_node *b)
{
	return group_at(a)->number < group_at(b)->number;
}

static struct mqk_group *find(const struct mqk_groups *gs, u64 number)
{
	struct rb_node *node = gs->all.rb_node;

	while (node) {
		struct mqk_group *g = group_at(node);

		if (number == g->number)
			return g;
		node = number < g->number ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/**
 * mqk_groups_has() - whether a queue has a group
 * @gs: its groups
 * @number: number of the group
 *
 * Context: q->lock.
 * Return: true: who joins it needs no room for it
 */
bool mqk_groups_has(const struct mqk_groups *gs, u64 number)
{
	return find(gs, number);
}

/**
 * mqk_groups_join() - one more message of a group comes
 * @gs: the groups of its queue
 * @number: number of the group
 * @spare: room for it, if there is no such group; else not used
 *
 * Context: q->lock.
 * Return: the group; @spare if that was used
 */
struct mqk_group *mqk_groups_join(struct mqk_groups *gs, u64 number,
				  struct mqk_group *spare)
{
	struct mqk_group *g = find(gs, number);

	if (!g) {
		g = spare;
		g->number = number;
		g->waiting = RB_ROOT_CACHED;
		g->retrying = RB_ROOT_CACHED;
		rb_add(&g->node, &gs->all, number_before);
	}
	g->members++;
	return g;
}

/**
 * mqk_groups_part() - a message has left its group
 * @gs: the groups of its queue
 * @g: the group, in none of whose trees the message is; or NULL
 *
 * Context: q->lock.
 */
void mqk_groups_part(struct mqk_groups *gs, struct mqk_group *g)
{
	if (!g)
		return;
	if (--g->members) {
		update(gs, g);
		return;
	}
	rb_erase(&g->node, &gs->all);
	mqk_group_free(g);
}

/**
 * mqk_groups_open() - whether a message that comes would not have to wait for others
 * @gs: the groups of its queue, of which nothing is ready
 * @number: number of its group, or 0
 * @owner: out: who alone may have it, or NULL
 *
 * Context: q->lock.
 * Return: true if so
 */
bool mqk_groups_open(const struct mqk_groups *gs, u64 number, struct mqk_consumer **owner)
{
	struct mqk_group *g = number ? find(gs, number) : NULL;

	*owner = g ? g->owner : NULL;
	return !g || !rb_first_cached(&g->retrying);
}

/* ---- messages ---- */

/**
 * mqk_groups_add() - a message comes in
 * @gs: the groups of its queue
 * @e: its entry, just appended and filled; it counts as ready
 * @g: its group, which it has joined, or NULL
 *
 * Context: q->lock.
 */
void mqk_groups_add(struct mqk_groups *gs, struct mqk_entry *e, struct mqk_group *g)
{
	mqk_link_of(e)->group = g;
	mqk_groups_return(gs, e);
}

/**
 * mqk_groups_return() - a message is ready again
 * @gs: the groups of its queue
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_groups_return(struct mqk_groups *gs, struct mqk_entry *e)
{
	struct mqk_link *l = mqk_link_of(e);
	struct mqk_group *g = l->group;

	if (!g) {
		rb_add_cached(&l->back, &gs->free, older);
		return;
	}
	rb_add_cached(&l->back, &g->waiting, older);
	update(gs, g);
}

/* A message is ready no more; what that means for its group is still to be seen. */
static void leave(struct mqk_groups *gs, struct mqk_link *l)
{
	struct mqk_group *g = l->group;

	if (!g) {
		rb_erase_cached(&l->back, &gs->free);
		return;
	}
	if (g->head == l)
		withdraw(gs, g);
	rb_erase_cached(&l->back, &g->waiting);
}

/**
 * mqk_groups_remove() - a message is ready no more
 * @gs: the groups of its queue
 * @e: its entry; it stays in its group
 *
 * Context: q->lock.
 */
void mqk_groups_remove(struct mqk_groups *gs, struct mqk_entry *e)
{
	struct mqk_link *l = mqk_link_of(e);

	leave(gs, l);
	if (l->group)
		update(gs, l->group);
}

/**
 * mqk_groups_take() - a message is taken
 * @gs: the groups of its queue
 * @e: its entry, ready
 * @c: who takes it, and owns its group from then on
 * @noack: it is settled by that: then nobody does, and it leaves the group
 *
 * Context: q->lock.
 */
void mqk_groups_take(struct mqk_groups *gs, struct mqk_entry *e,
		     struct mqk_consumer *c, bool noack)
{
	struct mqk_link *l = mqk_link_of(e);
	struct mqk_group *g = l->group;

	leave(gs, l);
	if (!g)
		return;
	if (noack) {
		mqk_groups_part(gs, g);
		return;
	}
	g->held++;
	g->owner = c;
	update(gs, g);
}

/**
 * mqk_groups_let_go() - a message that was taken is with nobody any more
 * @gs: the groups of its queue
 * @e: its entry; mqk_groups_return(), _retry() or _end() comes next
 *
 * Context: q->lock.
 */
void mqk_groups_let_go(struct mqk_groups *gs, struct mqk_entry *e)
{
	struct mqk_group *g = mqk_link_of(e)->group;

	if (g && !--g->held)
		g->owner = NULL;
}

/**
 * mqk_groups_retry() - a message waits for its next try
 * @gs: the groups of its queue
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_groups_retry(struct mqk_groups *gs, struct mqk_entry *e)
{
	struct mqk_link *l = mqk_link_of(e);

	if (!l->group)
		return;
	rb_add_cached(&l->back, &l->group->retrying, older);
	update(gs, l->group);
}

/**
 * mqk_groups_tried() - a message does not wait for its next try any more
 * @gs: the groups of its queue
 * @e: its entry; mqk_groups_return() or _end() comes next
 *
 * Context: q->lock.
 */
void mqk_groups_tried(struct mqk_groups *gs, struct mqk_entry *e)
{
	struct mqk_link *l = mqk_link_of(e);

	if (l->group)
		rb_erase_cached(&l->back, &l->group->retrying);
}

/**
 * mqk_groups_end() - a message is gone, or dying
 * @gs: the groups of its queue
 * @e: its entry, not ready, with nobody, waiting for nothing
 *
 * Context: q->lock.
 */
void mqk_groups_end(struct mqk_groups *gs, struct mqk_entry *e)
{
	mqk_groups_part(gs, mqk_link_of(e)->group);
}

/* ---- what is next ---- */

static struct mqk_entry *entry_of(const struct mqk_link *l)
{
	return l ? mqk_link_entry(l) : NULL;
}

/**
 * mqk_groups_free_first() - the first message that everybody may have
 * @gs: the groups of the queue
 *
 * Context: q->lock.
 * Return: its entry, or NULL
 */
struct mqk_entry *mqk_groups_free_first(const struct mqk_groups *gs)
{
	return entry_of(link_at(rb_first_cached(&gs->free)));
}

/**
 * mqk_groups_owner_first() - who is able and owns the first of what is owned by such
 * @gs: the groups of the queue
 *
 * Context: q->lock.
 * Return: the consumer, in whose line that is at @own_first; or NULL
 */
struct mqk_consumer *mqk_groups_owner_first(const struct mqk_groups *gs)
{
	return owner_at(rb_first_cached(&gs->owners));
}

/**
 * mqk_groups_first() - the first message in the line of a consumer
 * @gs: the groups of the queue
 * @c: the consumer
 *
 * Context: q->lock.
 * Return: its entry, or NULL
 */
struct mqk_entry *mqk_groups_first(const struct mqk_groups *gs, const struct mqk_consumer *c)
{
	return entry_of(first_owned(gs, c));
}
