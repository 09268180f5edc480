// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extras.
 */
#include "extra.h"

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "account.h"
#include "deadline.h"
#include "queue.h"

/**
 * mqk_extras_make() - make extras for a chunk that are charged already
 * @tenant: who pays
 *
 * Context: may sleep.
 * Return: the extras, of messages that wait for nothing, or NULL
 */
struct mqk_extras *mqk_extras_make(struct mqk_tenant *tenant)
{
	struct mqk_extras *xs;
	u32 i;

	xs = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
				      MQK_EXTRA_ORDER);
	if (!xs)
		return NULL;
	xs->owner = tenant;
	for (i = 0; i < MQK_CHUNK_ENTRIES; i++) {
		xs->extra[i].expires = MQK_NEVER;
		RB_CLEAR_NODE(&xs->extra[i].node);
	}
	return xs;
}

/**
 * mqk_extras_alloc() - make extras for a chunk
 * @tenant: who pays
 * @overdraw: a limit may be exceeded, once
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: the extras, of messages that wait for nothing; ERR_PTR of -EDQUOT,
 * -ENOSPC, -ENOMEM
 */
struct mqk_extras *mqk_extras_alloc(struct mqk_tenant *tenant, bool overdraw,
				    struct mqk_refusal *why)
{
	struct mqk_extras *xs;
	int err;

	err = overdraw ? mqk_overdraw(tenant, MQK_RES_BYTES, MQK_EXTRA_BYTES) :
			 mqk_charge(tenant, MQK_RES_BYTES, MQK_EXTRA_BYTES, why);
	if (err)
		return ERR_PTR(err);
	xs = mqk_extras_make(tenant);
	if (!xs) {
		mqk_uncharge(tenant, MQK_RES_BYTES, MQK_EXTRA_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	return xs;
}

/**
 * mqk_extras_free() - free the extras of a chunk
 * @xs: the extras, or NULL
 *
 * Context: any.
 */
void mqk_extras_free(struct mqk_extras *xs)
{
	if (!xs)
		return;
	mqk_uncharge(xs->owner, MQK_RES_BYTES, MQK_EXTRA_BYTES);
	free_pages((unsigned long)xs, MQK_EXTRA_ORDER);
}

/**
 * mqk_extras_give() - give extras to a chunk
 * @xs: the extras
 * @c: the chunk, which has none
 */
void mqk_extras_give(struct mqk_extras *xs, struct mqk_chunk *c)
{
	xs->chunk = c;
	c->extras = xs;
}

/**
 * mqk_keep_alloc() - make what a queue needs to keep extras
 *
 * Context: may sleep.
 * Return: it, or NULL; until a queue has it, kfree() frees it
 */
struct mqk_keep *mqk_keep_alloc(void)
{
	struct mqk_keep *keep = kzalloc(sizeof(*keep), GFP_KERNEL_ACCOUNT);

	if (!keep)
		return NULL;
	keep->deadlines = RB_ROOT_CACHED;
	keep->armed = MQK_NEVER;
	mqk_schedule_init(&keep->schedule);
	hrtimer_init(&keep->timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	keep->timer.function = mqk_deadline_timer;
	INIT_WORK(&keep->work, mqk_queue_upkeep);
	return keep;
}

/**
 * mqk_keep_begin() - a queue keeps extras from now on
 * @q: the queue, which does not; all its chunks but those in use that are full
 *	have extras
 * @keep: what it needs for that
 *
 * Context: q->lock, or nobody else has the queue yet.
 */
void mqk_keep_begin(struct mqk_queue *q, struct mqk_keep *keep)
{
	keep->queue = q;
	keep->used = mqk_deadline_now();
	q->keep = keep;
	q->keeps = true;
	q->index.parallel = true;
}
