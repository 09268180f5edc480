// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exchanges: declaring, finding, deleting; and the default exchange.
 */
#include "exchange.h"

#include <linux/cred.h>
#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/mqk.h>

#include "account.h"
#include "binding.h"
#include "broker.h"
#include "definition.h"
#include "journal.h"
#include "limits.h"
#include "names.h"
#include "queue.h"
#include "work.h"

MQK_NAME_PARAMS(mqk_exchange_name_params, struct mqk_exchange);

static const struct mqk_exchange_ops *const kinds[] = {
	&mqk_exchange_direct,
	&mqk_exchange_fanout,
	&mqk_exchange_topic,
	&mqk_exchange_headers,
	&mqk_exchange_hash,
	&mqk_exchange_last_value,
};

static const struct mqk_exchange_ops *find_kind(u32 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->type == type)
			return kinds[i];
	return NULL;
}

/**
 * mqk_name_reserved() - names that only the broker makes
 * @name: the name
 * @len: its bytes
 * Return: true for those that begin with "amq."
 */
bool mqk_name_reserved(const u8 *name, u32 len)
{
	return len >= 4 && !memcmp(name, "amq.", 4);
}

static int by_address(const void *a, const void *b)
{
	const struct mqk_queue *x = *(struct mqk_queue *const *)a;
	const struct mqk_queue *y = *(struct mqk_queue *const *)b;

	return x < y ? -1 : x > y;
}

/**
 * mqk_targets_unique() - keep each queue once, however many bindings lead to it
 * @targets: the targets
 *
 * Context: any.
 */
void mqk_targets_unique(struct mqk_targets *targets)
{
	u32 i, n = 1;

	if (targets->nr < 2)
		return;
	sort(targets->queue, targets->nr, sizeof(*targets->queue), by_address,
	     NULL);
	for (i = 1; i < targets->nr; i++)
		if (targets->queue[i] != targets->queue[n - 1])
			targets->queue[n++] = targets->queue[i];
	targets->nr = n;
}

/*
 * No room: more can be had up to twice the limit; at that, repetitions must
 * leave half of it, so that looking for them costs little per binding.
 */
static int make_room(struct mqk_targets *targets)
{
	if (targets->room < 2 * MQK_TARGETS_MAX)
		return -ENOBUFS;
	mqk_targets_unique(targets);
	return targets->nr > MQK_TARGETS_MAX ? -EMLINK : 0;
}

/**
 * mqk_targets_visit() - have a message go through an exchange, once
 * @targets: where the exchanges are collected
 * @x: the exchange
 *
 * Context: RCU read side.
 * Return: 0; -ELOOP when they are too many
 */
int mqk_targets_visit(struct mqk_targets *targets, struct mqk_exchange *x)
{
	u32 i;

	for (i = 0; i < targets->nr_exchanges; i++)
		if (targets->exchange[i] == x)
			return 0;
	if (i == MQK_HOPS_MAX)
		return -ELOOP;
	targets->exchange[targets->nr_exchanges++] = x;
	return 0;
}

/**
 * mqk_targets_add() - collect the queues and exchanges of a set
 * @targets: where to
 * @set: the set
 *
 * Context: RCU read side.
 * Return: 0; -ENOBUFS when they do not fit; -EMLINK, -ELOOP when they are too
 * many
 */
int mqk_targets_add(struct mqk_targets *targets, struct mqk_bindset *set)
{
	struct mqk_binding *b;
	int err;

	list_for_each_entry_rcu(b, &set->bindings, in_set) {
		targets->matched = true;
		if (b->to) {
			err = mqk_targets_visit(targets, b->to);
			if (err)
				return err;
			continue;
		}
		if (targets->nr == targets->room) {
			err = make_room(targets);
			if (err)
				return err;
		}
		targets->queue[targets->nr++] = b->queue;
	}
	return 0;
}

/**
 * mqk_exchange_find() - look up an exchange by name
 * @broker: the broker
 * @name: its name; empty: the default exchange
 * @len: bytes of it
 *
 * Context: broker->mutex or RCU read side.
 * Return: the exchange or NULL
 */
struct mqk_exchange *mqk_exchange_find(struct mqk_broker *broker,
				       const u8 *name, u32 len)
{
	struct mqk_name key = { .name = name, .len = len };

	if (!len)
		return xa_load(&broker->exchanges, MQK_EXCHANGE_DEFAULT_ID);
	return rhashtable_lookup_fast(&broker->exchange_names, &key,
				      mqk_exchange_name_params);
}

/**
 * mqk_exchange_alternate() - where messages go that find no binding
 * @x: the exchange
 *
 * Context: RCU read side.
 * Return: the alternate exchange; NULL when it has none, when there is none of
 * that name, or when its owner does not let the declarer of @x publish to it
 */
struct mqk_exchange *mqk_exchange_alternate(struct mqk_exchange *x)
{
	struct mqk_exchange *to;

	if (!(x->args.given & MQK_EXCHANGE_ARG_ALTERNATE))
		return NULL;
	to = mqk_exchange_find(x->broker, x->args.alternate,
			       x->args.alternate_len);
	return to && !to->system && mqk_may(&to->owner, x->cred, MQK_MAY_WRITE) ? to :
										  NULL;
}

/*
 * Alternate exchanges are found by name, so that one may come later.  So the
 * names are remembered, as bits of a filter that only grows: an exchange whose
 * name may be one of them is taken for one that others lead to.
 */
static u64 name_bit(const u8 *name, u32 len)
{
	return BIT_ULL(jhash(name, len, 0) % 64);
}

static void note_alternate(struct mqk_exchange *x)
{
	const struct mqk_exchange_args *args = &x->args;
	struct mqk_broker *broker = x->broker;
	struct mqk_exchange *to;

	if (args->given & MQK_EXCHANGE_ARG_ALTERNATE) {
		broker->alternates |= name_bit(args->alternate,
					       args->alternate_len);
		to = mqk_exchange_find(broker, args->alternate,
				       args->alternate_len);
		if (to)
			mqk_broker_led_to(broker, to->id);
	}
	if (!(broker->alternates & name_bit(x->name, x->name_len)))
		return;
	mqk_broker_led_to(broker, x->id);
	mqk_broker_reroute(broker, x->id);
}

static void free_memory(struct mqk_exchange *x)
{
	if (x->cred)
		put_cred(x->cred);
	kfree(x->args.encoded);
	kfree(x);
}

static void free_exchange(struct work_struct *work)
{
	struct mqk_exchange *x = container_of(to_rcu_work(work),
					      struct mqk_exchange, work);

	x->ops->destroy(x);
	mqk_uncharge(x->tenant, MQK_RES_EXCHANGES, 1);
	mqk_broker_put(x->broker);
	free_memory(x);
}

/* Keep a copy of the arguments, which were found good. */
static int keep_args(struct mqk_exchange *x, const struct mqk_declare *d)
{
	u8 *encoded;

	if (!d->args_len)
		return mqk_exchange_args_parse(&x->args, 0, NULL, 0);
	encoded = kmemdup(d->args, d->args_len, GFP_KERNEL_ACCOUNT);
	if (!encoded)
		return -ENOMEM;
	mqk_exchange_args_parse(&x->args, x->ops->args, encoded, d->args_len);
	if (x->args.given & MQK_EXCHANGE_ARG_ALTERNATE)
		x->cred = get_cred(d->cred);
	return 0;
}

static void tell(const struct mqk_exchange *x, const char *what)
{
	mqk_event_tell(x->broker, what,
		       MQK_EVENT_TEXT("exchange", x->name, x->name_len),
		       MQK_EVENT_TEXT("kind", x->ops->name, strlen(x->ops->name)),
		       MQK_EVENT_BOOL("internal", x->flags & MQK_DECLARE_F_INTERNAL),
		       MQK_EVENT_NUMBER("user", mqk_event_user(x->owner.uid)));
}

static struct mqk_exchange *make(struct mqk_broker *broker,
				 const struct mqk_exchange_ops *ops,
				 const struct mqk_declare *d,
				 struct mqk_refusal *why)
{
	struct mqk_exchange *x;
	int err;

	lockdep_assert_held(&broker->mutex);
	err = mqk_charge(d->tenant, MQK_RES_EXCHANGES, 1, why);
	if (err)
		return ERR_PTR(err);
	err = -ENOMEM;
	x = kzalloc(struct_size(x, name, d->name_len), GFP_KERNEL_ACCOUNT);
	if (!x)
		goto err_charge;
	x->ops = ops;
	x->broker = broker;
	x->flags = d->flags & (MQK_DECLARE_F_DURABLE | MQK_DECLARE_F_AUTO_DELETE |
			       MQK_DECLARE_F_INTERNAL);
	x->owner = d->owner;
	x->tenant = d->tenant;
	INIT_LIST_HEAD(&x->bindings);
	INIT_LIST_HEAD(&x->sources);
	INIT_RCU_WORK(&x->work, free_exchange);
	x->name_len = d->name_len;
	memcpy(x->name, d->name, d->name_len);

	err = keep_args(x, d);
	if (err)
		goto err_free;
	err = ops->init(x);
	if (err)
		goto err_free;
	/* Published only when nothing can fail any more: see mqk_exchange_remove() */
	err = xa_alloc_cyclic(&broker->exchanges, &x->id, NULL, mqk_id_limit,
			      &broker->next_exchange, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto err_destroy;
	if (x->name_len) {
		err = rhashtable_insert_fast(&broker->exchange_names, &x->node,
					     mqk_exchange_name_params);
		if (err)
			goto err_id;
	}
	/* no failure past this point: the place is allocated */
	mqk_broker_get(broker);
	xa_store(&broker->exchanges, x->id, x, GFP_KERNEL_ACCOUNT);
	note_alternate(x);
	mqk_define_exchange(x, d);
	tell(x, "exchange.created");
	return x;

err_id:
	xa_erase(&broker->exchanges, x->id);
err_destroy:
	ops->destroy(x);
err_free:
	free_memory(x);
err_charge:
	mqk_uncharge(d->tenant, MQK_RES_EXCHANGES, 1);
	return ERR_PTR(err);
}

/* The same as what is declared, or why not. */
static int equivalent(const struct mqk_exchange *x, const struct mqk_declare *d,
		      const struct mqk_exchange_args *args,
		      struct mqk_refusal *why)
{
	const u32 flags = MQK_DECLARE_F_DURABLE | MQK_DECLARE_F_AUTO_DELETE |
			  MQK_DECLARE_F_INTERNAL;

	if (d->flags & MQK_DECLARE_F_PASSIVE) {
		if (d->type && d->type != x->ops->type)
			return mqk_refuse(why, MQK_RULE_INEQUIVALENT, -EINVAL);
		return 0;
	}
	if (x->ops->type != d->type || (x->flags ^ d->flags) & flags ||
	    !mqk_exchange_args_equal(&x->args, args))
		return mqk_refuse(why, MQK_RULE_INEQUIVALENT, -EINVAL);
	return 0;
}

/**
 * mqk_exchange_declare() - find an exchange, or make it
 * @broker: the broker
 * @d: what is declared
 * @why: filled when it is refused
 *
 * Context: broker->mutex.
 * Return: its id; errno as struct mqk_exchange_declare says
 */
int mqk_exchange_declare(struct mqk_broker *broker,
			 const struct mqk_declare *d, struct mqk_refusal *why)
{
	bool passive = d->flags & MQK_DECLARE_F_PASSIVE;
	const struct mqk_exchange_ops *ops;
	struct mqk_exchange_args args;
	struct mqk_exchange *x;
	int err;

	lockdep_assert_held(&broker->mutex);
	if (!d->name_len && !passive)
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	ops = find_kind(d->type);
	if (!ops && !(passive && !d->type))
		return mqk_refuse(why, MQK_RULE_BAD_TYPE, -EINVAL);
	if (!passive &&
	    mqk_exchange_args_parse(&args, ops->args, d->args, d->args_len))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);

	x = mqk_exchange_find(broker, d->name, d->name_len);
	if (x) {
		err = equivalent(x, d, &args, why);
		return err ?: x->id;
	}
	if (passive)
		return mqk_refuse(why, MQK_RULE_NO_EXCHANGE, -ENOENT);
	if (mqk_name_reserved(d->name, d->name_len))
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	x = make(broker, ops, d, why);
	return IS_ERR(x) ? PTR_ERR(x) : x->id;
}

static void remove_one(struct mqk_exchange *x)
{
	struct mqk_broker *broker = x->broker;

	tell(x, "exchange.deleted");
	if (x->ops->close)
		x->ops->close(x);
	while (!list_empty(&x->bindings))
		mqk_binding_remove(list_first_entry(&x->bindings,
						    struct mqk_binding,
						    in_exchange));
	while (!list_empty(&x->sources))
		mqk_binding_remove(list_first_entry(&x->sources,
						    struct mqk_binding,
						    in_target));
	if (x->name_len)
		rhashtable_remove_fast(&broker->exchange_names, &x->node,
				       mqk_exchange_name_params);
	xa_erase(&broker->exchanges, x->id);
	mqk_broker_reroute(broker, x->id);
	mqk_definition_forget(x->definition);
}

/**
 * mqk_exchange_remove() - delete an exchange with its bindings
 * @x: the exchange
 *
 * With the bindings to it, exchanges may go that delete themselves with their
 * last one, and so on: whoever is the first removes them all, one after the
 * other; those that its removals call for only get in line.
 *
 * Context: the broker's mutex, or nobody else can reach the broker.
 */
void mqk_exchange_remove(struct mqk_exchange *x)
{
	struct mqk_broker *broker = x->broker;
	bool first = list_empty(&broker->doomed_exchanges);

	/* So that it does not get in line again with its last binding. */
	x->flags &= ~MQK_DECLARE_F_AUTO_DELETE;
	list_add_tail(&x->doomed, &broker->doomed_exchanges);
	while (first && !list_empty(&broker->doomed_exchanges)) {
		x = list_first_entry(&broker->doomed_exchanges,
				     struct mqk_exchange, doomed);
		remove_one(x);
		list_del(&x->doomed);
		/* not used past this point */
		queue_rcu_work(mqk_workqueue, &x->work);
	}
}

/**
 * mqk_exchange_delete() - delete an exchange by name
 * @broker: the broker
 * @name: its name
 * @len: bytes of it
 * @cred: who asks
 * @if_unused: refuse when it has bindings
 * @why: filled when it is refused
 *
 * Context: broker->mutex.
 * Return: 0, also when there is none; -EACCES, -EBUSY, -EIO
 */
int mqk_exchange_delete(struct mqk_broker *broker, const u8 *name, u32 len,
			const struct cred *cred, bool if_unused,
			struct mqk_refusal *why)
{
	struct mqk_exchange *x;

	if (!len || mqk_name_reserved(name, len))
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	x = mqk_exchange_find(broker, name, len);
	if (!x)
		return 0;
	if (!mqk_may(&x->owner, cred, MQK_MAY_DELETE))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	if (if_unused && x->nr_bindings)
		return mqk_refuse(why, MQK_RULE_IN_USE, -EBUSY);
	if (x->definition && mqk_journal_error(broker->journal, why))
		return -EIO;
	mqk_exchange_remove(x);
	return 0;
}

/*
 * The default exchange leads to each queue under its name.  It has no bindings
 * of its own: it looks at the table of names.
 */
static int default_init(struct mqk_exchange *x)
{
	return 0;
}

static void default_destroy(struct mqk_exchange *x)
{
}

static int default_route(struct mqk_exchange *x, const u8 *key, u32 len,
			 struct mqk_targets *targets)
{
	struct mqk_queue *q = mqk_queue_find(x->broker, key, len);
	int err;

	if (!q)
		return 0;
	if (targets->nr == targets->room) {
		err = make_room(targets);
		if (err)
			return err;
	}
	targets->matched = true;
	targets->queue[targets->nr++] = q;
	return 0;
}

const struct mqk_exchange_ops mqk_exchange_default = {
	.type = MQK_EXCHANGE_DIRECT,
	.name = "direct",
	.by_key = true,
	.init = default_init,
	.destroy = default_destroy,
	.route = default_route,
};

/* Make an exchange that the broker alone publishes to; its id or an error. */
static int make_system(struct mqk_broker *broker, struct mqk_declare *d,
		       const char *name, struct mqk_refusal *why)
{
	struct mqk_exchange *x;

	d->name = name;
	d->name_len = strlen(name);
	x = make(broker, &mqk_exchange_system, d, why);
	if (IS_ERR(x))
		return PTR_ERR(x);
	x->system = true;
	return x->id;
}

/**
 * mqk_exchange_predeclare() - make the exchanges that every broker has
 * @broker: a new broker
 * @tenant: who pays: its maker
 * @why: filled when it is refused, may be NULL
 *
 * Context: broker->mutex.
 * Return: 0, -EDQUOT, -ENOSPC, -ENOMEM
 */
int mqk_exchange_predeclare(struct mqk_broker *broker,
			    struct mqk_tenant *tenant,
			    struct mqk_refusal *why)
{
	static const struct {
		const char *name;
		const struct mqk_exchange_ops *ops;
	} table[] = {
		{ "", &mqk_exchange_default },	/* MQK_EXCHANGE_DEFAULT_ID */
		{ "amq.direct", &mqk_exchange_direct },
		{ "amq.fanout", &mqk_exchange_fanout },
		{ "amq.topic", &mqk_exchange_topic },
		{ "amq.headers", &mqk_exchange_headers },
		{ "amq.match", &mqk_exchange_headers },
	};
	struct mqk_declare d = {
		.flags = MQK_DECLARE_F_DURABLE,
		.owner = { broker->maker, broker->node.gid, 0766 },
		.tenant = tenant,
	};
	struct mqk_exchange *x;
	unsigned int i;
	int id;

	/* in the order of the table: the first one has MQK_EXCHANGE_DEFAULT_ID */
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		d.name = table[i].name;
		d.name_len = strlen(table[i].name);
		x = make(broker, table[i].ops, &d, why);
		if (IS_ERR(x))
			return PTR_ERR(x);
	}
	d.flags |= MQK_DECLARE_F_INTERNAL;
	/*
	 * who binds one makes its owner pay for messages, and learns of everybody, or
	 * reads all their messages
	 */
	d.owner = (struct mqk_owner) { broker->node.uid, broker->node.gid, 0400 };
	id = make_system(broker, &d, "amq.mqk.event", why);
	if (id < 0)
		return id;
	broker->events.exchange = id;
	id = make_system(broker, &d, "amq.mqk.trace", why);
	if (id < 0)
		return id;
	broker->taps.exchange = id;
	return 0;
}
