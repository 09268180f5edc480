// SPDX-License-Identifier: GPL-2.0-only
/*
 * Supplies.
 */
#include "supplies.h"

#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "account.h"
#include "extra.h"
#include "link.h"
#include "queue.h"

/**
 * mqk_supplies_feed() - feed the index of a queue
 * @s: what there is
 * @q: the queue, for which it was got
 *
 * Context: q->lock.
 * Return: false when there is nothing
 */
bool mqk_supplies_feed(struct mqk_supplies *s, struct mqk_queue *q)
{
	if (!s->chunk)
		return false;
	mqk_index_feed(&q->index, s->chunk, s->chunk->owner);
	s->chunk = NULL;
	return true;
}

/**
 * mqk_supplies_want() - mqk_supplies_get() comes next
 * @s: what there is: nothing
 * @like: the chunk that holds what needs another place
 *
 * Context: q->lock.
 */
void mqk_supplies_want(struct mqk_supplies *s, struct mqk_chunk *like)
{
	struct mem_cgroup *memcg;

	s->want = true;
	s->tenant = like->owner;
	rcu_read_lock();
	memcg = folio_memcg(page_folio(virt_to_page(like)));
	s->memcg = mem_cgroup_tryget(memcg) ? memcg : NULL;
	rcu_read_unlock();
}

/* What lies beside a chunk, and is charged with it. */
static bool fill(struct mqk_chunk *c, bool linked)
{
	struct mqk_extras *xs = mqk_extras_make(c->owner);
	struct mqk_links *ls = linked ? mqk_links_make(c->owner) : NULL;

	if (xs)
		mqk_extras_give(xs, c);
	else
		mqk_uncharge(c->owner, MQK_RES_BYTES, MQK_EXTRA_BYTES);
	if (ls)
		mqk_links_give(ls, c);
	else if (linked)
		mqk_uncharge(c->owner, MQK_RES_BYTES, MQK_LINK_BYTES);
	return xs && (ls || !linked);
}

static struct mqk_chunk *make(struct mqk_tenant *tenant, bool linked)
{
	u64 bytes = MQK_CHUNK_BYTES + MQK_EXTRA_BYTES + (linked ? MQK_LINK_BYTES : 0);
	struct mqk_chunk *c;

	if (mqk_overdraw(tenant, MQK_RES_BYTES, bytes))
		return NULL;
	c = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!c) {
		mqk_uncharge(tenant, MQK_RES_BYTES, bytes);
		return NULL;
	}
	c->owner = tenant;
	c->extras = NULL;
	c->links = NULL;
	if (fill(c, linked))
		return c;
	mqk_queue_free_chunk(c);
	return NULL;
}

/**
 * mqk_supplies_get() - get what is wanted
 * @s: where to; @s->failed tells whether there was none
 * @linked: the queue has an order
 *
 * Context: may sleep.
 */
void mqk_supplies_get(struct mqk_supplies *s, bool linked)
{
	struct mem_cgroup *old = set_active_memcg(s->memcg);

	s->want = false;
	s->chunk = make(s->tenant, linked);
	s->failed = !s->chunk;
	set_active_memcg(old);
	mem_cgroup_put(s->memcg);
	s->memcg = NULL;
}

/**
 * mqk_supplies_end() - give back what was not used
 * @s: what there is
 *
 * Context: any.
 */
void mqk_supplies_end(struct mqk_supplies *s)
{
	mqk_queue_free_chunk(s->chunk);
	s->chunk = NULL;
}
