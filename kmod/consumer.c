// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consumers: what they are made of.
 */
#include "consumer.h"

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "account.h"
#include "broker.h"
#include "limits.h"
#include "mapped.h"
#include "queue.h"
#include "work.h"

static_assert(sizeof(struct mqk_delivery) == 64);
static_assert(sizeof(struct mqk_ack) == 16);
static_assert(sizeof(struct mqk_consumer_page) <= MQK_CONSUMER_RING);
static_assert(sizeof(struct mqk_consumer_user) <= MQK_CONSUMER_ACKS);
static_assert(offsetof(struct mqk_consumer_user, ack_tail) == 64);

/* Shapes derived from the options. */
struct shape {
	u32 entries;
	u32 prefetch;
	u32 acks;
	u32 slots;
	size_t kernel_size;
	size_t user_size;
};

static int measure(const struct mqk_consumer_options *o, struct shape *s)
{
	s->entries = o->entries;
	s->prefetch = o->prefetch;
	if (s->prefetch > MQK_PREFETCH_MAX)
		return -EINVAL;
	if (!s->entries)
		s->entries = max(MQK_RING_DEFAULT,
				 roundup_pow_of_two(max(s->prefetch, 1u)));
	if (s->entries < MQK_RING_MIN || s->entries > MQK_RING_MAX ||
	    !is_power_of_2(s->entries) || s->prefetch > s->entries)
		return -EINVAL;
	if (!s->prefetch)
		s->prefetch = s->entries;
	s->acks = s->entries;
	s->slots = 2 * s->entries;
	s->kernel_size = PAGE_ALIGN(MQK_CONSUMER_RING +
				    s->entries * sizeof(struct mqk_delivery));
	s->user_size = PAGE_ALIGN(MQK_CONSUMER_ACKS +
				  s->acks * sizeof(struct mqk_ack));
	return 0;
}

static int alloc_rings(struct mqk_consumer *c, const struct shape *s)
{
	struct mqk_slot *slots;
	int err;

	err = mqk_area_alloc(&c->kernel_area, s->kernel_size);
	if (err)
		return err;
	err = mqk_area_alloc(&c->user_area, s->user_size);
	if (err)
		return err;
	slots = kvcalloc(s->slots, sizeof(*slots), GFP_KERNEL_ACCOUNT);
	if (!slots)
		return -ENOMEM;
	mqk_slots_init(&c->slots, slots, s->slots);

	c->page = c->kernel_area.vaddr;
	c->ring = c->kernel_area.vaddr + MQK_CONSUMER_RING;
	c->mask = s->entries - 1;
	c->user = c->user_area.vaddr;
	c->acks = c->user_area.vaddr + MQK_CONSUMER_ACKS;
	c->ack_mask = s->acks - 1;
	return 0;
}

/* After a grace period: poll and the like look at the rings under RCU. */
static void free_consumer(struct work_struct *work)
{
	struct mqk_consumer *c = container_of(to_rcu_work(work),
					      struct mqk_consumer, free);

	mqk_area_free(&c->kernel_area);
	mqk_area_free(&c->user_area);
	kvfree(c->slots.slot);
	mqk_broker_put(c->broker);
	kfree(c);
}

static void release(struct mqk_consumer *c)
{
	mqk_uncharge(c->tenant, MQK_RES_MAPPED, c->tags);
	mqk_mapped_put(c->rings);
	mqk_uncharge(c->tenant, MQK_RES_CONSUMERS, 1);
	queue_rcu_work(mqk_workqueue, &c->free);
}

/**
 * mqk_consumer_alloc() - make a consumer that is attached to nothing
 * @broker: its broker
 * @tenant: who pays
 * @o: what it is made with
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: the consumer with one reference; ERR_PTR of -EINVAL for the options,
 * -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_consumer *mqk_consumer_alloc(struct mqk_broker *broker,
					struct mqk_tenant *tenant,
					const struct mqk_consumer_options *o,
					struct mqk_refusal *why)
{
	struct mqk_consumer *c;
	struct mqk_mapped *rings;
	struct shape s;
	u64 tags;
	int err;

	err = measure(o, &s);
	if (err)
		return ERR_PTR(mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, err));
	err = mqk_charge(tenant, MQK_RES_CONSUMERS, 1, why);
	if (err)
		return ERR_PTR(err);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c) {
		mqk_uncharge(tenant, MQK_RES_CONSUMERS, 1);
		return ERR_PTR(-ENOMEM);
	}
	c->broker = mqk_broker_get(broker);
	INIT_RCU_WORK(&c->free, free_consumer);
	c->tenant = tenant;
	c->flags = o->flags;
	c->prefetch = s.prefetch;
	c->priority = o->priority;
	c->level = o->level;
	RB_CLEAR_NODE(&c->node);
	RB_CLEAR_NODE(&c->own);
	c->cpu = -1;
	INIT_LIST_HEAD(&c->link);
	init_waitqueue_head(&c->wq);
	mutex_init(&c->mutex);
	refcount_set(&c->refs, 1);

	rings = mqk_mapped_alloc(broker, tenant, s.kernel_size + s.user_size, why);
	err = PTR_ERR_OR_ZERO(rings);
	if (err)
		goto err;
	c->rings = rings;
	tags = s.slots * sizeof(struct mqk_slot);
	err = mqk_charge(tenant, MQK_RES_MAPPED, tags, why);
	if (err)
		goto err;
	c->tags = tags;
	err = alloc_rings(c, &s);
	if (err)
		goto err;
	return c;
err:
	release(c);
	return ERR_PTR(err);
}

/**
 * mqk_consumer_put() - drop a reference
 * @c: the consumer
 *
 * Context: may sleep.
 */
void mqk_consumer_put(struct mqk_consumer *c)
{
	if (!refcount_dec_and_test(&c->refs))
		return;
	WARN_ON_ONCE(c->attached || c->slots.nr);
	if (c->queue)
		mqk_queue_put(c->queue);
	release(c);
}

/* Wake a queue of sleepers, gently if they slept on this processor. */
static void wake(wait_queue_head_t *wq, int cpu)
{
	/* after the barrier (D) in mqk_consumer_wake() */
	if (!waitqueue_active(wq))
		return;
	if (cpu == raw_smp_processor_id())
		wake_up_interruptible_sync_poll(wq, EPOLLIN | EPOLLRDNORM);
	else
		wake_up_interruptible_poll(wq, EPOLLIN | EPOLLRDNORM);
}

/**
 * mqk_consumer_wake_sleepers() - wake its reader, who has not said that it is
 *	awake
 * @c: the consumer
 *
 * Context: any; mqk_consumer_wake() has ordered what must be.
 */
void mqk_consumer_wake_sleepers(struct mqk_consumer *c)
{
	wake(&c->wq, READ_ONCE(c->cpu));
	wake(c->session_wq, -1);
}

/**
 * mqk_consumer_readable() - whether there is something to read, or an end
 * @c: the consumer
 *
 * Context: any.  Trusts the user's head only for what it is: the user's wish.
 * Return: true when a reader need not sleep
 */
bool mqk_consumer_readable(struct mqk_consumer *c)
{
	return READ_ONCE(c->pos) != READ_ONCE(c->user->head) ||
	       READ_ONCE(c->error) ||
	       READ_ONCE(c->page->flags) & MQK_CONSUMER_PAGE_F_CANCELLED;
}
