// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings.
 */
#include "binding.h"

#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/mqk.h>

#include "account.h"
#include "broker.h"
#include "definition.h"
#include "exchange.h"
#include "journal.h"
#include "queue.h"

static u32 hash(const void *exchange, const void *target, u32 text)
{
	return jhash_3words((unsigned long)exchange, (unsigned long)target,
			    text, 0);
}

static u32 id_hash(const void *data, u32 len, u32 seed)
{
	const struct mqk_binding_id *id = data;

	return hash(id->exchange, id->queue ?: (void *)id->to,
		    jhash(id->args, id->args_len,
			  jhash(id->key, id->key_len, seed)));
}

static u32 binding_hash(const void *data, u32 len, u32 seed)
{
	const struct mqk_binding *b = data;

	return hash(b->exchange, b->queue ?: (void *)b->to,
		    jhash(b->data + b->key_len, b->args_len,
			  jhash(b->data, b->key_len, seed)));
}

static int binding_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mqk_binding_id *id = arg->key;
	const struct mqk_binding *b = obj;

	return b->exchange != id->exchange || b->queue != id->queue ||
	       b->to != id->to || b->key_len != id->key_len ||
	       b->args_len != id->args_len ||
	       memcmp(b->data, id->key, id->key_len) ||
	       memcmp(b->data + b->key_len, id->args, id->args_len);
}

const struct rhashtable_params mqk_binding_params = {
	.head_offset = offsetof(struct mqk_binding, node),
	.hashfn = id_hash,
	.obj_hashfn = binding_hash,
	.obj_cmpfn = binding_cmp,
	.automatic_shrinking = true,
};

/* Kernel memory that a binding takes, with its share of its exchange's set. */
static u64 binding_bytes(const struct mqk_binding_id *id)
{
	u64 bytes = sizeof(struct mqk_binding) + id->key_len + id->args_len;

	if (id->exchange->ops->set_bytes)
		bytes += id->exchange->ops->set_bytes(id);
	return bytes;
}

static int charge(struct mqk_tenant *tenant, u64 bytes, struct mqk_refusal *why)
{
	int err;

	err = mqk_charge(tenant, MQK_RES_BINDINGS, 1, why);
	if (err)
		return err;
	err = mqk_charge(tenant, MQK_RES_BYTES, bytes, why);
	if (err)
		mqk_uncharge(tenant, MQK_RES_BINDINGS, 1);
	return err;
}

static void uncharge(struct mqk_tenant *tenant, u64 bytes)
{
	mqk_uncharge(tenant, MQK_RES_BYTES, bytes);
	mqk_uncharge(tenant, MQK_RES_BINDINGS, 1);
}

static struct mqk_binding *alloc_binding(const struct mqk_binding_id *id,
					 struct mqk_tenant *tenant)
{
	struct mqk_binding *b;

	b = kmalloc(struct_size(b, data, id->key_len + id->args_len),
		    GFP_KERNEL_ACCOUNT);
	if (!b)
		return NULL;
	b->queue = id->queue;
	b->to = id->to;
	b->exchange = id->exchange;
	b->tenant = tenant;
	b->args_len = id->args_len;
	b->key_len = id->key_len;
	memcpy(b->data, id->key, id->key_len);
	memcpy(b->data + id->key_len, id->args, id->args_len);
	return b;
}

static bool is_of_events(const struct mqk_exchange *x)
{
	return x->id == x->broker->events.exchange;
}

/* Somebody begins to listen to events or messages, or has one binding less that does. */
static void listen(const struct mqk_binding *b, int n)
{
	struct mqk_events *events = &b->exchange->broker->events;

	if (!is_of_events(b->exchange)) {
		mqk_taps_listen(b->exchange->broker, n > 0);
		return;
	}
	WRITE_ONCE(events->listeners, events->listeners + n);
	if (b->queue)
		WRITE_ONCE(b->queue->listens, b->queue->listens + n);
}

static void tell(const struct mqk_binding *b, const char *what)
{
	const struct mqk_exchange *x = b->exchange;

	if (is_of_events(x) || (b->queue && b->queue->listens))
		return;
	mqk_event_tell(x->broker, what,
		       MQK_EVENT_TEXT("exchange", x->name, x->name_len),
		       b->queue ? (struct mqk_event_field)
				  MQK_EVENT_TEXT("queue", b->queue->name, b->queue->name_len) :
				  (struct mqk_event_field)
				  MQK_EVENT_TEXT("to-exchange", b->to->name, b->to->name_len),
		       MQK_EVENT_TEXT("binding-key", b->data, b->key_len));
}

/**
 * mqk_binding_make() - make a binding, unless it is there
 * @broker: the broker
 * @id: what it is
 * @tenant: who pays
 * @why: filled when it is refused
 *
 * Context: broker->mutex.
 * Return: 1; 0 when it was there; -EINVAL for a key or arguments that the exchange
 * refuses; -EMLINK, -EDQUOT, -ENOSPC, -ENOMEM
 */
int mqk_binding_make(struct mqk_broker *broker, const struct mqk_binding_id *id,
		     struct mqk_tenant *tenant, struct mqk_refusal *why)
{
	struct mqk_exchange *x = id->exchange;
	u64 bytes = binding_bytes(id);
	struct mqk_binding *b;
	int err;

	lockdep_assert_held(&broker->mutex);
	err = x->ops->check ? x->ops->check(id, why) : 0;
	if (err)
		return err;
	if (rhashtable_lookup_fast(&broker->bindings, id, mqk_binding_params))
		return 0;
	err = charge(tenant, bytes, why);
	if (err)
		return err;
	err = -ENOMEM;
	b = alloc_binding(id, tenant);
	if (!b)
		goto err_charge;
	b->bytes = bytes;
	b->set = x->ops->get_set(x, id);
	if (IS_ERR(b->set)) {
		err = PTR_ERR(b->set);
		if (err == -EMLINK)
			mqk_refuse(why, MQK_RULE_TARGETS, err);
		goto err_free;
	}
	err = xa_alloc_cyclic(&broker->binding_ids, &b->number, NULL,
			      mqk_id_limit, &broker->next_binding,
			      GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto err_set;
	err = rhashtable_insert_fast(&broker->bindings, &b->node,
				     mqk_binding_params);
	if (err)
		goto err_number;

	/* no failure past this point: the place is allocated */
	xa_store(&broker->binding_ids, b->number, b, GFP_KERNEL_ACCOUNT);
	list_add_tail(&b->in_exchange, &x->bindings);
	x->nr_bindings++;
	list_add_tail(&b->in_target, id->queue ? &id->queue->bindings :
					  &id->to->sources);
	if (id->to)
		mqk_broker_led_to(broker, id->to->id);
	list_add_tail_rcu(&b->in_set, &b->set->bindings);
	mqk_broker_reroute(broker, x->id);
	mqk_define_binding(b, id->definition);
	if (unlikely(x->system))
		listen(b, 1);
	tell(b, "binding.created");
	return 1;

err_number:
	xa_erase(&broker->binding_ids, b->number);
err_set:
	if (list_empty(&b->set->bindings))
		x->ops->put_set(x, b->set);
err_free:
	kfree(b);
err_charge:
	uncharge(tenant, bytes);
	return err;
}

/**
 * mqk_binding_remove() - remove a binding
 * @b: the binding; its exchange goes too when it deletes itself with the last
 *
 * Context: the broker's mutex.
 */
void mqk_binding_remove(struct mqk_binding *b)
{
	struct mqk_exchange *x = b->exchange;
	struct mqk_broker *broker = x->broker;

	tell(b, "binding.deleted");
	if (unlikely(x->system))
		listen(b, -1);
	rhashtable_remove_fast(&broker->bindings, &b->node, mqk_binding_params);
	xa_erase(&broker->binding_ids, b->number);
	list_del(&b->in_exchange);
	list_del(&b->in_target);
	list_del_rcu(&b->in_set);
	if (list_empty(&b->set->bindings))
		x->ops->put_set(x, b->set);
	uncharge(b->tenant, b->bytes);
	mqk_definition_forget(b->definition);
	mqk_broker_reroute(broker, x->id);
	kfree_rcu(b, rcu);
	if (!--x->nr_bindings && (x->flags & MQK_DECLARE_F_AUTO_DELETE))
		mqk_exchange_remove(x);
}

/**
 * mqk_binding_unmake() - remove a binding by identity, if it is there
 * @broker: the broker
 * @id: what it is
 * @why: filled when it is refused
 *
 * Context: broker->mutex.
 * Return: 0; -EIO when it is on disk and has to stay there
 */
int mqk_binding_unmake(struct mqk_broker *broker, const struct mqk_binding_id *id,
		       struct mqk_refusal *why)
{
	struct mqk_binding *b;

	b = rhashtable_lookup_fast(&broker->bindings, id, mqk_binding_params);
	if (!b)
		return 0;
	if (b->definition && mqk_journal_error(broker->journal, why))
		return -EIO;
	mqk_binding_remove(b);
	return 0;
}
