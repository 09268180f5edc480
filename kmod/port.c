// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: what they are made of, and how they report.
 */
#include "port.h"

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "appender.h"
#include "broker.h"
#include "limits.h"
#include "mapped.h"
#include "producer.h"
#include "queue.h"
#include "room.h"
#include "segment.h"
#include "trace.h"
#include "util/index.h"
#include "window.h"
#include "work.h"

static_assert(sizeof(struct mqk_completion) == 32);
static_assert(sizeof(struct mqk_port_page) <= MQK_PORT_RING);
static_assert(MQK_RING_MIN > MQK_PORT_RESERVE);
/* a wanted prefix of the key in the head, the rest behind it */
static_assert(sizeof(struct mqk_record) == MQK_RECORD_ALIGN);
static_assert(offsetof(struct mqk_record, key) == MQK_RECORD_KEY);

/* The first port of a tenant brings the appender. */
static int appender_get(struct mqk_broker *broker, struct mqk_tenant *tenant)
{
	int err = 0;

	mutex_lock(&broker->mutex);
	if (!tenant->appender)
		tenant->appender = mqk_appender_alloc();
	if (tenant->appender)
		tenant->ports++;
	else
		err = -ENOMEM;
	mutex_unlock(&broker->mutex);
	return err;
}

static void appender_put(struct mqk_broker *broker, struct mqk_tenant *tenant)
{
	mutex_lock(&broker->mutex);
	if (!--tenant->ports)
		mqk_appender_trim(tenant->appender);
	mutex_unlock(&broker->mutex);
}

static int alloc_rings(struct mqk_port *p, u32 entries,
		       struct mqk_refusal *why)
{
	size_t kernel_size = PAGE_ALIGN(MQK_PORT_RING +
					entries * sizeof(struct mqk_completion));
	struct mqk_mapped *rings;
	int err;

	rings = mqk_mapped_alloc(p->broker, p->tenant, kernel_size + PAGE_SIZE,
				 why);
	if (IS_ERR(rings))
		return PTR_ERR(rings);
	p->rings = rings;
	err = mqk_area_alloc(&p->kernel_area, kernel_size);
	if (err)
		return err;
	err = mqk_area_alloc(&p->user_area, PAGE_SIZE);
	if (err)
		return err;
	p->page = p->kernel_area.vaddr;
	p->ring = p->kernel_area.vaddr + MQK_PORT_RING;
	p->mask = entries - 1;
	p->user = p->user_area.vaddr;
	return 0;
}

/* After a grace period: poll and the like look at the rings under RCU. */
static void free_port(struct work_struct *work)
{
	struct mqk_port *p = container_of(to_rcu_work(work), struct mqk_port,
					  free);

	mqk_area_free(&p->kernel_area);
	mqk_area_free(&p->user_area);
	kfree(p);
}

static void release(struct mqk_port *p)
{
	struct mqk_chunk *c, *next;

	list_for_each_entry_safe(c, next, &p->chunks, link)
		mqk_queue_free_chunk(c);
	mqk_stock_free(&p->stock);
	mqk_uncharge(p->tenant, MQK_RES_MESSAGES, p->grant);
	mqk_router_free(p->router);
	if (p->producer)
		mqk_producer_close(p->producer, p);
	if (p->window)
		mqk_window_free(p->window);
	mqk_mapped_put(p->rings);
	if (!p->letters)
		mqk_uncharge(p->tenant, MQK_RES_PORTS, 1);
	queue_rcu_work(mqk_workqueue, &p->free);
}

static int fill_port(struct mqk_port *p, const struct mqk_port_options *o,
		     u32 entries, struct mqk_refusal *why)
{
	int err;

	err = o->letters ? 0 : alloc_rings(p, entries, why);
	if (err)
		return err;
	p->router = mqk_router_alloc(p->broker, o->router_tenant ?: p->tenant,
				     o->cred, why);
	if (IS_ERR(p->router)) {
		err = PTR_ERR(p->router);
		p->router = NULL;
		return err;
	}
	p->router->inside = o->letters || o->inside;
	p->router->tapped = !p->router->inside;
	if (o->producer) {
		p->producer = mqk_producer_open(p->broker, p->tenant,
						o->producer, o->cred, why);
		if (IS_ERR(p->producer)) {
			err = PTR_ERR(p->producer);
			p->producer = NULL;
			return err;
		}
		p->apart = true;
	}
	if (!(o->flags & MQK_PORT_F_INPLACE))
		return 0;
	p->window = mqk_window_alloc();
	if (!IS_ERR(p->window))
		return 0;
	err = PTR_ERR(p->window);
	p->window = NULL;
	return err;
}

/**
 * mqk_port_alloc() - make a port
 * @broker: its broker
 * @tenant: who pays
 * @o: what it is made with
 * @why: filled when it is refused
 *
 * Context: may sleep; takes broker->mutex.
 * Return: the port with one reference; ERR_PTR of -EINVAL for the options,
 * -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_port *mqk_port_alloc(struct mqk_broker *broker,
				struct mqk_tenant *tenant,
				const struct mqk_port_options *o,
				struct mqk_refusal *why)
{
	u32 entries = o->entries ?: MQK_RING_DEFAULT;
	struct mqk_port *p;
	int err;

	if (!is_power_of_2(entries) || entries < MQK_RING_MIN ||
	    entries > MQK_RING_MAX)
		return ERR_PTR(mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL));
	err = o->letters ? 0 : mqk_charge(tenant, MQK_RES_PORTS, 1, why);
	if (err)
		return ERR_PTR(err);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p) {
		if (!o->letters)
			mqk_uncharge(tenant, MQK_RES_PORTS, 1);
		return ERR_PTR(-ENOMEM);
	}
	mutex_init(&p->mutex);
	p->flags = o->flags;
	p->broker = broker;
	p->tenant = tenant;
	p->uid = o->uid;
	p->pid = o->pid;
	p->clear = o->clear;
	p->letters = o->letters;
	p->closing = o->letters;
	INIT_LIST_HEAD(&p->chunks);
	mqk_stock_init(&p->stock);
	init_waitqueue_head(&p->wq);
	refcount_set(&p->refs, 1);
	INIT_RCU_WORK(&p->free, free_port);
	INIT_LIST_HEAD(&p->in_writers);
	INIT_LIST_HEAD(&p->in_staging);
	INIT_DELAYED_WORK(&p->look_again, mqk_room_look_again);

	err = fill_port(p, o, entries, why);
	if (!err)
		err = appender_get(broker, tenant);
	if (err) {
		release(p);
		return ERR_PTR(err);
	}
	return p;
}

/**
 * mqk_port_put() - drop a reference
 * @p: the port
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_port_put(struct mqk_port *p)
{
	if (!refcount_dec_and_test(&p->refs))
		return;
	mqk_port_close_segment(p);
	appender_put(p->broker, p->tenant);
	release(p);
}

/**
 * mqk_port_close_segment() - take the open segment from its producer
 * @p: the port
 *
 * Context: p->mutex, or the last reference; may sleep.
 */
void mqk_port_close_segment(struct mqk_port *p)
{
	if (!p->segment)
		return;
	mqk_window_show(p->window, NULL);
	mqk_segment_close(p->segment);
	p->segment = NULL;
	p->offset = 0;
	p->routed = false;
}

/**
 * mqk_port_wake() - wake its reader, if it sleeps
 * @p: the port
 *
 * Context: any, after a completion was stored.
 */
void mqk_port_wake(struct mqk_port *p)
{
	/* (D) as in mqk_consumer_wake() */
	smp_mb();
	if (READ_ONCE(p->user->awake))
		return;
	/* after the barrier (D) */
	if (waitqueue_active(&p->wq))
		wake_up_interruptible_poll(&p->wq, EPOLLIN | EPOLLRDNORM);
	/* after the barrier (D) */
	if (waitqueue_active(p->session_wq))
		wake_up_interruptible_poll(p->session_wq, EPOLLIN | EPOLLRDNORM);
}

/**
 * mqk_port_readable() - whether there is a completion to read, or an end
 * @p: the port
 *
 * Context: any.
 * Return: true when a reader need not sleep
 */
bool mqk_port_readable(struct mqk_port *p)
{
	return READ_ONCE(p->pos) != READ_ONCE(p->user->head) ||
	       READ_ONCE(p->error);
}

/**
 * mqk_port_writable() - whether it is worth publishing, or there is an end
 * @p: the port
 *
 * Context: any.
 * Return: true when nothing holds it back that will pass without its user
 */
bool mqk_port_writable(struct mqk_port *p)
{
	return !(READ_ONCE(p->page->flags) & MQK_PORT_PAGE_F_HELD) ||
	       READ_ONCE(p->error);
}

/**
 * mqk_port_make_room() - look how far the user has read
 * @p: the port; broken if its user's head is out of range
 *
 * Context: p->mutex.
 * Return: true when one more message can be reported
 */
bool mqk_port_make_room(struct mqk_port *p)
{
	/* (F) the user has read what its head covers */
	u64 head = smp_load_acquire(&p->user->head);

	if (head - p->head > p->pos - p->head) {
		mqk_port_break(p, -EPROTO);
		return false;
	}
	p->head = head;
	return p->pos - p->head + MQK_PORT_RESERVE <= p->mask + 1;
}

/**
 * mqk_port_complete() - report something
 * @p: the port, which has room, or is closing: then nobody is told
 * @type: MQK_COMPLETION_*
 * @flags: MQK_COMPLETION_F_*
 * @seq: of which message
 * @result: 0 or negative errno
 * @queues: queues reached
 *
 * Context: p->mutex.  Waking is the caller's.
 */
void mqk_port_complete(struct mqk_port *p, u32 type, u32 flags, u64 seq,
		       int result, u32 queues)
{
	struct mqk_completion *c = &p->ring[p->pos & p->mask];

	if (unlikely(p->closing))
		return;
	c->seq = seq;
	c->type = type;
	c->flags = flags;
	c->result = result;
	c->queues = queues;
	/* (E) the entry is complete before its number appears */
	smp_store_release(&c->pos, p->pos + 1);
	WRITE_ONCE(p->pos, p->pos + 1);
}

/**
 * mqk_port_confirm() - confirm what was taken and not reported yet
 * @p: the port, which has room
 *
 * Context: p->mutex.
 */
void mqk_port_confirm(struct mqk_port *p)
{
	u64 n = p->seq - p->reported;

	p->reported = p->seq;
	if (!n || !(p->flags & MQK_PORT_F_CONFIRM))
		return;
	mqk_port_complete(p, MQK_COMPLETION_CONFIRM,
			  n > 1 ? MQK_COMPLETION_F_MULTIPLE : 0, p->seq, 0,
			  n > 1 ? 0 : p->reached);
}

/**
 * mqk_port_break() - end a port whose user broke the rules
 * @p: the port
 * @error: negative errno
 *
 * Context: p->mutex.
 */
void mqk_port_break(struct mqk_port *p, int error)
{
	/* another port may fence it at the same time */
	if (cmpxchg(&p->error, 0, error))
		return;
	WRITE_ONCE(p->page->error, error);
	mqk_count(p->broker, broken, 1);
	trace_mqk_broken(p->broker, p->id, error);
	mqk_port_wake(p);
}

/**
 * mqk_port_fence() - end a port whose producer publishes through another one
 * @p: the port, which is kept by the producer's lock
 *
 * Context: never waits for the port's owner.
 */
void mqk_port_fence(struct mqk_port *p)
{
	if (cmpxchg(&p->error, 0, -ESTALE))
		return;
	WRITE_ONCE(p->page->error, -ESTALE);
	trace_mqk_broken(p->broker, p->id, -ESTALE);
	wake_up_interruptible_all(&p->wq);
	wake_up_interruptible_poll(p->session_wq, EPOLLIN | EPOLLRDNORM);
}
