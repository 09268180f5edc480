// SPDX-License-Identifier: GPL-2.0-only
/*
 * Producers.
 */
#include "producer.h"

#include <linux/err.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "account.h"
#include "broker.h"
#include "limits.h"
#include "names.h"
#include "port.h"

MQK_NAME_PARAMS(mqk_producer_name_params, struct mqk_producer);

/* What a name is charged, whatever its length. */
#define PRODUCER_BYTES	512u

static_assert(sizeof(struct mqk_producer) + MQK_NAME_MAX <= PRODUCER_BYTES);

static struct mqk_producer *find(struct mqk_broker *broker,
				 const struct mqk_producer_options *o)
{
	struct mqk_name key = { .name = o->name, .len = o->len };

	return rhashtable_lookup_fast(&broker->producer_names, &key,
				      mqk_producer_name_params);
}

static void uncharge(struct mqk_tenant *tenant)
{
	tenant->producers--;
	mqk_uncharge(tenant, MQK_RES_BYTES, PRODUCER_BYTES);
}

static int charge(struct mqk_tenant *tenant, struct mqk_refusal *why)
{
	int err;

	if (tenant->producers >= MQK_PRODUCERS_MAX) {
		why->limit = MQK_PRODUCERS_MAX;
		why->used = tenant->producers;
		return mqk_refuse(why, MQK_RULE_PRODUCERS, -EDQUOT);
	}
	err = mqk_charge(tenant, MQK_RES_BYTES, PRODUCER_BYTES, why);
	if (!err)
		tenant->producers++;
	return err;
}

static struct mqk_producer *make(struct mqk_broker *broker,
				 struct mqk_tenant *tenant,
				 const struct mqk_producer_options *o,
				 struct mqk_refusal *why)
{
	struct mqk_producer *producer;
	int err;

	err = charge(tenant, why);
	if (err)
		return ERR_PTR(err);
	err = -ENOMEM;
	producer = kzalloc(struct_size(producer, name, o->len),
			   GFP_KERNEL_ACCOUNT);
	if (!producer)
		goto err_charge;
	spin_lock_init(&producer->lock);
	init_waitqueue_head(&producer->idle);
	producer->tenant = tenant;
	producer->owner = o->owner;
	producer->name_len = o->len;
	memcpy(producer->name, o->name, o->len);
	err = xa_alloc_cyclic(&broker->producers, &producer->number, producer,
			      mqk_id_limit, &broker->next_producer,
			      GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto err_free;
	err = rhashtable_insert_fast(&broker->producer_names, &producer->node,
				     mqk_producer_name_params);
	if (err)
		goto err_number;
	producer->known = true;
	return producer;

err_number:
	xa_erase(&broker->producers, producer->number);
err_free:
	kfree(producer);
err_charge:
	uncharge(tenant);
	return ERR_PTR(err);
}

/* Nobody finds it any more; it is freed with its last port. */
static void forget(struct mqk_broker *broker, struct mqk_producer *producer)
{
	if (!producer->known)
		return;
	producer->known = false;
	xa_erase(&broker->producers, producer->number);
	rhashtable_remove_fast(&broker->producer_names, &producer->node,
			       mqk_producer_name_params);
}

static void free_producer(struct mqk_producer *producer)
{
	uncharge(producer->tenant);
	kfree(producer);
}

/**
 * mqk_producer_open() - find a producer's name, or make it
 * @broker: the broker
 * @tenant: who pays for a new one
 * @o: the name
 * @cred: who asks
 * @why: filled when it is refused
 *
 * Context: may sleep; takes broker->mutex.
 * Return: the producer, for mqk_producer_close(); ERR_PTR of -EACCES, -EDQUOT,
 * -ENOSPC, -ENOMEM
 */
struct mqk_producer *mqk_producer_open(struct mqk_broker *broker,
				       struct mqk_tenant *tenant,
				       const struct mqk_producer_options *o,
				       const struct cred *cred,
				       struct mqk_refusal *why)
{
	struct mqk_producer *producer;

	mutex_lock(&broker->mutex);
	producer = find(broker, o);
	if (!producer)
		producer = make(broker, tenant, o, why);
	else if (!mqk_may(&producer->owner, cred, MQK_MAY_WRITE))
		producer = ERR_PTR(mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES));
	if (!IS_ERR(producer))
		producer->ports++;
	mutex_unlock(&broker->mutex);
	return producer;
}

/**
 * mqk_producer_close() - a port of the name has ended
 * @producer: the producer
 * @p: the port
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_producer_close(struct mqk_producer *producer, struct mqk_port *p)
{
	struct mqk_broker *broker = p->broker;

	spin_lock(&producer->lock);
	if (producer->port == p)
		producer->port = NULL;
	spin_unlock(&producer->lock);

	mutex_lock(&broker->mutex);
	if (!--producer->ports) {
		if (!producer->last)
			forget(broker, producer);
		if (!producer->known)
			free_producer(producer);
	}
	mutex_unlock(&broker->mutex);
}

/**
 * mqk_producer_forget() - forget the name of a port's producer
 * @p: the port
 *
 * Context: may sleep; takes broker->mutex.
 * Return: 0; -EINVAL: it has no producer; -ESTALE: another port has the name
 */
int mqk_producer_forget(struct mqk_port *p)
{
	struct mqk_producer *producer = p->producer;
	bool fenced;

	if (!producer)
		return -EINVAL;
	mutex_lock(&p->broker->mutex);
	spin_lock(&producer->lock);
	fenced = producer->port != p;
	spin_unlock(&producer->lock);
	if (!fenced)
		forget(p->broker, producer);
	mutex_unlock(&p->broker->mutex);
	return fenced ? -ESTALE : 0;
}

/**
 * mqk_producer_free_all() - free the names that a broker still knows
 * @broker: the broker, which has no ports any more
 */
void mqk_producer_free_all(struct mqk_broker *broker)
{
	struct mqk_producer *producer;
	unsigned long number;

	xa_for_each(&broker->producers, number, producer) {
		rhashtable_remove_fast(&broker->producer_names, &producer->node,
				       mqk_producer_name_params);
		free_producer(producer);
	}
}

/**
 * mqk_producer_next() - the first name whose number is greater
 * @broker: the broker
 * @number: any number
 *
 * Context: broker->mutex, as long as it is used.
 * Return: the producer or NULL
 */
struct mqk_producer *mqk_producer_next(struct mqk_broker *broker, u32 number)
{
	unsigned long index = number;

	lockdep_assert_held(&broker->mutex);
	return xa_find_after(&broker->producers, &index, INT_MAX, XA_PRESENT);
}

/**
 * mqk_producer_describe() - what a list says of a name
 * @producer: the producer
 * @e: filled, but for where the name is
 *
 * Context: broker->mutex.
 */
void mqk_producer_describe(struct mqk_producer *producer,
			   struct mqk_producer_entry *e)
{
	const struct mqk_owner *owner = &producer->owner;

	e->number = producer->number;
	e->uid = from_kuid_munged(current_user_ns(), owner->uid);
	e->gid = from_kgid_munged(current_user_ns(), owner->gid);
	e->mode = owner->mode;
	spin_lock(&producer->lock);
	e->last = producer->last;
	if (producer->port) {
		e->flags = MQK_PRODUCER_F_OPEN;
		e->pid = producer->port->pid;
	}
	spin_unlock(&producer->lock);
}

/**
 * mqk_producer_enter() - publish under a name from now on, and let nobody else
 * @p: the port, made for it
 *
 * Context: may sleep, for as long as the port before takes one message.
 * Return: number of the last message that was taken
 */
u64 mqk_producer_enter(struct mqk_port *p)
{
	struct mqk_producer *producer = p->producer;
	u64 last;

	spin_lock(&producer->lock);
	if (producer->port)
		mqk_port_fence(producer->port);
	producer->port = p;
	spin_unlock(&producer->lock);
	wait_event(producer->idle, !READ_ONCE(producer->busy));

	spin_lock(&producer->lock);
	last = producer->last;
	spin_unlock(&producer->lock);
	return last;
}

static int look(const struct mqk_producer *producer, struct mqk_port *p)
{
	if (producer->port != p)
		return mqk_refuse(&p->why, MQK_RULE_FENCED, -ESTALE);
	if (p->number <= producer->last)
		return 0;
	if (p->number == producer->last + 1)
		return 1;
	p->why.limit = producer->last + 1;
	p->why.used = p->number;
	return mqk_refuse(&p->why, MQK_RULE_GAP, -ERANGE);
}

/**
 * mqk_producer_look() - what the message with p->number is
 * @p: a port of a producer
 *
 * Context: p->mutex.
 * Return: 1: new; 0: a repeat; -ESTALE: another port has the name; -ERANGE: there are
 * numbers between it and the last one
 */
int mqk_producer_look(struct mqk_port *p)
{
	struct mqk_producer *producer = p->producer;
	int ret;

	lockdep_assert_held(&p->mutex);
	spin_lock(&producer->lock);
	ret = look(producer, p);
	spin_unlock(&producer->lock);
	return ret;
}

/**
 * mqk_producer_begin() - claim the message with p->number, if it is new
 * @p: a port of a producer
 *
 * Context: p->mutex, and the RCU read side until mqk_producer_end(): somebody may
 * wait for it.
 * Return: as mqk_producer_look(); the claim is made if it is 1
 */
int mqk_producer_begin(struct mqk_port *p)
{
	struct mqk_producer *producer = p->producer;
	int ret;

	spin_lock(&producer->lock);
	ret = look(producer, p);
	if (ret > 0)
		producer->busy = true;
	spin_unlock(&producer->lock);
	return ret;
}

/**
 * mqk_producer_end() - give a claim back
 * @p: the port that has it
 * @taken: whether the message was taken
 *
 * Context: as mqk_producer_begin().
 */
void mqk_producer_end(struct mqk_port *p, bool taken)
{
	struct mqk_producer *producer = p->producer;

	spin_lock(&producer->lock);
	if (taken)
		producer->last = p->number;
	WRITE_ONCE(producer->busy, false);
	spin_unlock(&producer->lock);
	if (unlikely(wq_has_sleeper(&producer->idle)))
		wake_up(&producer->idle);
}
