// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: declaring, finding, and what is left when they end.
 */
#include "queue.h"

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/mqk.h>

#include "account.h"
#include "binding.h"
#include "broker.h"
#include "deadline.h"
#include "definition.h"
#include "dying.h"
#include "exchange.h"
#include "extra.h"
#include "group.h"
#include "journal.h"
#include "link.h"
#include "names.h"
#include "order.h"
#include "reply.h"
#include "rules.h"
#include "seen.h"
#include "takers.h"

MQK_NAME_PARAMS(mqk_queue_name_params, struct mqk_queue);

#define QUEUE_PROPERTIES (MQK_DECLARE_F_DURABLE | MQK_DECLARE_F_AUTO_DELETE | \
			  MQK_DECLARE_F_EXCLUSIVE | MQK_DECLARE_F_REPLY)

/* "amq.gen-" and 16 hexadecimal digits. */
#define MADE_NAME_LEN	24

/**
 * mqk_queue_find() - look up a queue by name
 * @broker: the broker
 * @name: its name
 * @len: bytes of it
 *
 * Context: broker->mutex or RCU read side.
 * Return: the queue or NULL
 */
struct mqk_queue *mqk_queue_find(struct mqk_broker *broker, const u8 *name,
				 u32 len)
{
	struct mqk_name key = { .name = name, .len = len };

	return rhashtable_lookup_fast(&broker->queue_names, &key,
				      mqk_queue_name_params);
}

/**
 * mqk_queue_get_by_id() - look up a queue by id
 * @broker: the broker
 * @id: its id
 *
 * Context: any.
 * Return: the queue with a reference, or NULL
 */
struct mqk_queue *mqk_queue_get_by_id(struct mqk_broker *broker, u32 id)
{
	struct mqk_queue *q;

	rcu_read_lock();
	q = xa_load(&broker->queues, id);
	if (q && !kref_get_unless_zero(&q->ref))
		q = NULL;
	rcu_read_unlock();
	return q;
}

/**
 * mqk_queue_access() - whether a session may do something with a queue
 * @q: the queue
 * @cred: who asks
 * @session: the asking session
 * @want: MQK_MAY_*
 * @why: filled when it is refused
 *
 * Return: 0, -EBUSY when it is exclusive to another session, -EACCES
 */
int mqk_queue_access(const struct mqk_queue *q, const struct cred *cred,
		     const void *session, u32 want, struct mqk_refusal *why)
{
	if (q->session && q->session != session)
		return mqk_refuse(why, MQK_RULE_LOCKED, -EBUSY);
	if (!mqk_may(&q->owner, cred, want))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	return 0;
}

/* One that no queue has, or whose queue nobody has seen. */
static void free_keep(struct mqk_keep *keep)
{
	if (!keep)
		return;
	kfree(keep->order);
	kfree(keep->groups);
	kfree(keep->takers);
	kfree(keep);
}

/* What the rules need to know of all messages, and of the consumers. */
static bool fit_keep(struct mqk_keep *keep, const struct mqk_rules *r)
{
	if (mqk_rules_order(r)) {
		keep->order = mqk_order_alloc(r);
		if (!keep->order)
			return false;
	}
	if (mqk_rules_groups(r)) {
		keep->groups = mqk_groups_alloc();
		if (!keep->groups)
			return false;
	}
	if (mqk_rules_levels(r) || mqk_rules_groups(r)) {
		keep->takers = mqk_takers_alloc(r);
		if (!keep->takers)
			return false;
	}
	return true;
}

static bool begin_keep(struct mqk_queue *q)
{
	struct mqk_keep *keep = mqk_keep_alloc();

	if (!keep)
		return false;
	if (!fit_keep(keep, q->rules)) {
		free_keep(keep);
		return false;
	}
	mqk_keep_begin(q, keep);
	/* each class has ranks from the first consumer on */
	q->ranked = keep->takers && !q->single;
	return true;
}

/* What the rules need beside themselves. */
static bool fit_out(struct mqk_queue *q, const struct cred *cred)
{
	if (mqk_rules_keep(q->rules) && !begin_keep(q))
		return false;
	if (!mqk_rules_dead_letters(q->rules))
		return true;
	q->dying = mqk_dying_alloc(q, cred);
	return q->dying;
}

/* One that nobody has seen. */
static void free_queue(struct mqk_queue *q)
{
	mqk_dying_free(q->dying);
	mqk_seen_free(q->seen);
	free_keep(q->keep);
	kfree(q->rules);
	kfree(q);
}

static struct mqk_queue *alloc_queue(struct mqk_broker *broker,
				     const struct mqk_declare *d, u32 name_len)
{
	struct mqk_queue *q;

	q = kzalloc(struct_size(q, name, name_len), GFP_KERNEL_ACCOUNT);
	if (!q)
		return NULL;
	spin_lock_init(&q->lock);
	mqk_index_init(&q->index);
	INIT_LIST_HEAD(&q->able);
	INIT_LIST_HEAD(&q->idle);
	q->ranks = RB_ROOT;
	init_waitqueue_head(&q->getters);
	INIT_LIST_HEAD(&q->writers);
	q->broker = broker;
	INIT_WORK(&q->pump, mqk_queue_pump);
	q->flags = d->flags & QUEUE_PROPERTIES;
	kref_init(&q->ref);
	q->owner = d->owner;
	INIT_LIST_HEAD(&q->in_session);
	if (d->flags & MQK_DECLARE_F_EXCLUSIVE)
		q->session = d->session;
	q->rules = mqk_rules_alloc(d->rules);
	if (IS_ERR(q->rules)) {
		kfree(q);
		return NULL;
	}
	q->single = q->rules && q->rules->single_active == MQK_CHOICE_YES;
	if (!fit_out(q, d->cred)) {
		free_queue(q);
		return NULL;
	}
	q->refuses = mqk_rules_refuse(q->rules);
	q->blocks = mqk_rules_block(q->rules);
	q->tenant = d->tenant;
	INIT_LIST_HEAD(&q->bindings);
	q->name_len = name_len;
	return q;
}

static void make_name(struct mqk_broker *broker, u8 *name)
{
	char text[MADE_NAME_LEN + 1];

	snprintf(text, sizeof(text), "amq.gen-%016llx", ++broker->next_name);
	memcpy(name, text, MADE_NAME_LEN);
}

/*
 * Whether a reserved name is one that the broker made before it was closed: it is not
 * made a second time.
 */
static bool known_name(struct mqk_broker *broker, const struct mqk_declare *d)
{
	u64 number = 0;
	u32 i;
	int n;

	if (!mqk_definition_known(d->definition) || d->name_len != MADE_NAME_LEN ||
	    memcmp(d->name, "amq.gen-", 8))
		return false;
	for (i = 8; i < MADE_NAME_LEN; i++) {
		n = hex_to_bin(d->name[i]);
		if (n < 0)
			return false;
		number = number << 4 | n;
	}
	broker->next_name = max(broker->next_name, number);
	return true;
}

static u32 name_len(const struct mqk_declare *d)
{
	if (d->flags & MQK_DECLARE_F_REPLY)
		return MQK_REPLY_NAME_LEN;
	return d->name_len ?: MADE_NAME_LEN;
}

/* What a queue with a window for repeats needs. */
static int begin_seeing(struct mqk_queue *q, struct mqk_refusal *why)
{
	struct mqk_seen *seen;

	if (!mqk_rules_dedup(q->rules))
		return 0;
	seen = mqk_seen_alloc(q->tenant, why);
	if (IS_ERR(seen))
		return PTR_ERR(seen);
	q->seen = seen;
	return 0;
}

/* Nothing is told of those that events go to, and of none more than its lists show. */
static void tell(const struct mqk_queue *q, const char *what)
{
	u32 len = q->flags & MQK_DECLARE_F_REPLY ? MQK_REPLY_SHOWN : q->name_len;

	if (q->listens)
		return;
	mqk_event_tell(q->broker, what, MQK_EVENT_TEXT("queue", q->name, len),
		       MQK_EVENT_BOOL("exclusive", q->flags & MQK_DECLARE_F_EXCLUSIVE),
		       MQK_EVENT_BOOL("auto-delete", q->flags & MQK_DECLARE_F_AUTO_DELETE),
		       MQK_EVENT_NUMBER("user", mqk_event_user(q->owner.uid)));
}

static struct mqk_queue *make(struct mqk_broker *broker,
			      const struct mqk_declare *d,
			      struct mqk_refusal *why)
{
	struct mqk_queue *q;
	int err;

	err = mqk_charge(d->tenant, MQK_RES_QUEUES, 1, why);
	if (err)
		return ERR_PTR(err);
	err = -ENOMEM;
	q = alloc_queue(broker, d, name_len(d));
	if (!q)
		goto err_charge;
	err = begin_seeing(q, why);
	if (err)
		goto err_free;
	if (d->flags & MQK_DECLARE_F_REPLY)
		mqk_reply_make_name(++broker->next_name, q->name);
	else if (d->name_len)
		memcpy(q->name, d->name, d->name_len);
	else
		make_name(broker, q->name);

	err = xa_alloc_cyclic(&broker->queues, &q->id, NULL, mqk_id_limit,
			      &broker->next_queue, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		goto err_free;
	err = rhashtable_insert_fast(&broker->queue_names, &q->node,
				     mqk_queue_name_params);
	if (err)
		goto err_id;
	/* no failure past this point: the place is allocated */
	spin_lock(&q->lock);
	mqk_deadline_used(q);
	spin_unlock(&q->lock);
	mqk_broker_get(broker);
	xa_store(&broker->queues, q->id, q, GFP_KERNEL_ACCOUNT);
	if (q->session)
		list_add_tail(&q->in_session, d->exclusive);
	mqk_broker_reroute(broker, MQK_EXCHANGE_DEFAULT_ID);
	mqk_define_queue(q, d);
	tell(q, "queue.created");
	return q;

err_id:
	xa_erase(&broker->queues, q->id);
err_free:
	free_queue(q);
err_charge:
	mqk_uncharge(d->tenant, MQK_RES_QUEUES, 1);
	return ERR_PTR(err);
}

/**
 * mqk_queue_declare() - find a queue, or make it
 * @broker: the broker
 * @d: what is declared
 * @why: filled when it is refused
 *
 * Context: broker->mutex.
 * Return: its id; errno as struct mqk_queue_declare says
 */
int mqk_queue_declare(struct mqk_broker *broker, const struct mqk_declare *d,
		      struct mqk_refusal *why)
{
	struct mqk_queue *q = NULL;

	lockdep_assert_held(&broker->mutex);
	if (d->name_len)
		q = mqk_queue_find(broker, d->name, d->name_len);
	if (q) {
		if (q->session && q->session != d->session)
			return mqk_refuse(why, MQK_RULE_LOCKED, -EBUSY);
		if (!(d->flags & MQK_DECLARE_F_PASSIVE) &&
		    ((q->flags ^ d->flags) & QUEUE_PROPERTIES ||
		     !mqk_rules_equal(q->rules, d->rules)))
			return mqk_refuse(why, MQK_RULE_INEQUIVALENT, -EINVAL);
		spin_lock(&q->lock);
		mqk_deadline_used(q);
		spin_unlock(&q->lock);
		return q->id;
	}
	if (d->flags & MQK_DECLARE_F_PASSIVE)
		return mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	if (mqk_name_reserved(d->name, d->name_len) && !known_name(broker, d))
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	q = make(broker, d, why);
	return IS_ERR(q) ? PTR_ERR(q) : q->id;
}

/**
 * mqk_queue_unlink() - take a queue out of the tables, with its bindings
 * @q: the queue; mqk_queue_put() drops the reference that the tables had
 *
 * Context: the broker's mutex.
 */
void mqk_queue_unlink(struct mqk_queue *q)
{
	struct mqk_broker *broker = q->broker;

	tell(q, "queue.deleted");
	/* Removing a binding may remove its exchange with others of this queue. */
	while (!list_empty(&q->bindings))
		mqk_binding_remove(list_first_entry(&q->bindings,
						    struct mqk_binding,
						    in_target));
	list_del_init(&q->in_session);
	rhashtable_remove_fast(&broker->queue_names, &q->node,
			       mqk_queue_name_params);
	xa_erase(&broker->queues, q->id);
	mqk_broker_reroute(broker, MQK_EXCHANGE_DEFAULT_ID);
	mqk_definition_forget(q->definition);
	q->definition = NULL;
}

/**
 * mqk_queue_free_chunk() - free a chunk that came out of an index
 * @c: the chunk, or NULL
 *
 * Context: any.
 */
void mqk_queue_free_chunk(struct mqk_chunk *c)
{
	if (!c)
		return;
	mqk_extras_free(c->extras);
	mqk_links_free(c->links);
	mqk_uncharge(c->owner, MQK_RES_BYTES, MQK_CHUNK_BYTES);
	free_page((unsigned long)c);
}

static void release(struct kref *ref)
{
	struct mqk_queue *q = container_of(ref, struct mqk_queue, ref);
	struct mqk_chunk *c;

	while ((c = mqk_index_drain(&q->index)))
		mqk_queue_free_chunk(c);
	while (q->keep && (c = mqk_index_drain(&q->keep->schedule.index)))
		mqk_queue_free_chunk(c);
	WARN_ON_ONCE(q->keep && q->keep->schedule.index.nr_chunks);
	if (WARN_ON_ONCE(q->index.nr_chunks))
		pr_err("mqk: leaked %u chunks of a queue\n", q->index.nr_chunks);
	mqk_count(q->broker, routed, q->published);
	mqk_count(q->broker, delivered, q->delivered);
	mqk_count(q->broker, acked, q->acked);
	mqk_count(q->broker, requeued, q->requeued);
	mqk_count(q->broker, dropped, q->dropped);
	mqk_uncharge(q->tenant, MQK_RES_QUEUES, 1);
	mqk_broker_put(q->broker);
	if (mqk_queue_order(q))
		kfree_rcu(q->keep->order, rcu);
	if (mqk_queue_groups(q)) {
		WARN_ON_ONCE(q->keep->groups->all.rb_node);
		kfree_rcu(q->keep->groups, rcu);
	}
	if (mqk_queue_takers(q))
		kfree_rcu(q->keep->takers, rcu);
	if (q->keep)
		kfree_rcu(q->keep, rcu);
	mqk_dying_free(q->dying);
	mqk_seen_free(q->seen);
	if (q->rules)
		kfree_rcu(q->rules, rcu);
	kfree_rcu(q, rcu);
}

/**
 * mqk_queue_put() - drop a reference
 * @q: the queue
 *
 * Context: may sleep.
 */
void mqk_queue_put(struct mqk_queue *q)
{
	kref_put(&q->ref, release);
}
