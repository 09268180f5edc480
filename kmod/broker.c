// SPDX-License-Identifier: GPL-2.0-only
/*
 * Brokers: what they are made of, and how that is freed.
 */
#include "broker.h"

#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "appender.h"
#include "binding.h"
#include "compact.h"
#include "exchange.h"
#include "journal.h"
#include "producer.h"
#include "queue.h"
#include "work.h"

static int init_tables(struct mqk_broker *broker)
{
	int err;

	err = rhashtable_init(&broker->exchange_names, &mqk_exchange_name_params);
	if (err)
		return err;
	err = rhashtable_init(&broker->queue_names, &mqk_queue_name_params);
	if (err)
		goto err_exchanges;
	err = rhashtable_init(&broker->bindings, &mqk_binding_params);
	if (err)
		goto err_queues;
	err = rhashtable_init(&broker->producer_names, &mqk_producer_name_params);
	if (err)
		goto err_bindings;
	return 0;

err_bindings:
	rhashtable_destroy(&broker->bindings);
err_queues:
	rhashtable_destroy(&broker->queue_names);
err_exchanges:
	rhashtable_destroy(&broker->exchange_names);
	return err;
}

/* Exchanges refer to the broker: they go when it is deleted, not freed. */
static void remove_exchanges(struct mqk_broker *broker)
{
	struct mqk_exchange *x;
	unsigned long id;

	mutex_lock(&broker->mutex);
	xa_for_each(&broker->exchanges, id, x)
		mqk_exchange_remove(x);
	mutex_unlock(&broker->mutex);
}

/**
 * mqk_broker_alloc() - make a broker with the exchanges that each one has
 * @options: what it is made with, checked
 * @why: filled when it is refused, may be NULL
 *
 * Context: may sleep.
 * Return: the broker with one reference; mqk_broker_retire() undoes it; ERR_PTR of
 * -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_broker *mqk_broker_alloc(const struct mqk_broker_options *options,
				    struct mqk_refusal *why)
{
	struct mqk_broker *broker = kzalloc(sizeof(*broker), GFP_KERNEL_ACCOUNT);
	struct mqk_tenant *tenant;
	int err = -ENOMEM;

	if (!broker)
		return ERR_PTR(-ENOMEM);
	broker->counters = alloc_percpu_gfp(struct mqk_counters,
					    GFP_KERNEL_ACCOUNT);
	if (!broker->counters)
		goto err_free;
	err = init_tables(broker);
	if (err)
		goto err_counters;
	mutex_init(&broker->mutex);
	kref_init(&broker->ref);
	xa_init_flags(&broker->exchanges, XA_FLAGS_ALLOC1);
	xa_init_flags(&broker->queues, XA_FLAGS_ALLOC1);
	xa_init_flags(&broker->consumers, XA_FLAGS_ALLOC1);
	xa_init_flags(&broker->binding_ids, XA_FLAGS_ALLOC1);
	INIT_LIST_HEAD(&broker->tenants);
	INIT_LIST_HEAD(&broker->doomed_exchanges);
	INIT_LIST_HEAD(&broker->sessions);
	INIT_LIST_HEAD(&broker->wills);
	spin_lock_init(&broker->retained_lock);
	init_waitqueue_head(&broker->given);
	xa_init_flags(&broker->producers, XA_FLAGS_ALLOC1);
	mqk_events_init(&broker->events);
	mqk_taps_init(&broker->taps);
	mqk_store_init(&broker->store, options->segment_size);
	mqk_compact_start(broker);
	mqk_account_init(&broker->account, options->limit);
	memcpy(broker->asked_limit, options->limit, sizeof(broker->asked_limit));
	broker->nomap = options->nomap;
	broker->node = options->node;
	broker->maker = options->maker;
	strscpy(broker->name, options->name, sizeof(broker->name));

	mutex_lock(&broker->mutex);
	tenant = mqk_broker_tenant(broker, broker->maker);
	err = IS_ERR(tenant) ? PTR_ERR(tenant) :
			       mqk_exchange_predeclare(broker, tenant, why);
	mutex_unlock(&broker->mutex);
	if (err) {
		mqk_broker_retire(broker);
		return ERR_PTR(err);
	}
	return broker;

err_counters:
	free_percpu(broker->counters);
err_free:
	kfree(broker);
	return ERR_PTR(err);
}

static void free_broker(struct work_struct *work)
{
	struct mqk_broker *broker = container_of(work, struct mqk_broker, work);
	struct mqk_tenant *tenant, *next;

	/* Objects that readers may still see use the tables and the accounts. */
	rcu_barrier();
	mqk_compact_stop(broker);
	list_for_each_entry(tenant, &broker->tenants, link)
		if (tenant->appender)
			mqk_appender_free(tenant->appender);
	mqk_producer_free_all(broker);
	if (broker->journal)
		mqk_journal_free(broker->journal);
	mqk_store_destroy(&broker->store);
	mqk_account_idle(&broker->account, broker->name);
	list_for_each_entry_safe(tenant, next, &broker->tenants, link)
		mqk_tenant_free(tenant);
	rhashtable_destroy(&broker->producer_names);
	rhashtable_destroy(&broker->bindings);
	rhashtable_destroy(&broker->queue_names);
	rhashtable_destroy(&broker->exchange_names);
	xa_destroy(&broker->binding_ids);
	xa_destroy(&broker->consumers);
	xa_destroy(&broker->producers);
	xa_destroy(&broker->queues);
	xa_destroy(&broker->exchanges);
	free_percpu(broker->counters);
	kfree(broker);
}

static void release(struct kref *ref)
{
	struct mqk_broker *broker = container_of(ref, struct mqk_broker, ref);

	INIT_WORK(&broker->work, free_broker);
	queue_work(mqk_reaper_workqueue, &broker->work);
}

/**
 * mqk_broker_get() - take a reference
 * @broker: the broker
 * Return: @broker
 */
struct mqk_broker *mqk_broker_get(struct mqk_broker *broker)
{
	kref_get(&broker->ref);
	return broker;
}

/**
 * mqk_broker_put() - drop a reference
 * @broker: the broker; freed later, by a work
 *
 * Context: any.
 */
void mqk_broker_put(struct mqk_broker *broker)
{
	kref_put(&broker->ref, release);
}

/**
 * mqk_broker_retire() - drop the reference that the table of brokers had, and
 *	what only the table kept
 * @broker: the broker; its queues are gone, or no session was ever opened
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_broker_retire(struct mqk_broker *broker)
{
	remove_exchanges(broker);
	mqk_broker_put(broker);
}

/**
 * mqk_broker_tenant() - find or make the tenant that a user is
 * @broker: the broker
 * @uid: the user
 *
 * Context: broker->mutex; may sleep.
 * Return: the tenant, which lives as long as the broker; ERR_PTR(-ENOMEM)
 */
struct mqk_tenant *mqk_broker_tenant(struct mqk_broker *broker, kuid_t uid)
{
	struct mqk_tenant *tenant;

	lockdep_assert_held(&broker->mutex);
	list_for_each_entry(tenant, &broker->tenants, link)
		if (uid_eq(tenant->user->uid, uid))
			return tenant;
	tenant = mqk_tenant_alloc(uid, &broker->account);
	if (!IS_ERR(tenant))
		list_add(&tenant->link, &broker->tenants);
	return tenant;
}

/**
 * mqk_broker_trim() - give back what tenants without ports do not need
 * @broker: the broker
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_broker_trim(struct mqk_broker *broker)
{
	struct mqk_tenant *tenant;

	mutex_lock(&broker->mutex);
	list_for_each_entry(tenant, &broker->tenants, link)
		if (tenant->appender && !tenant->ports)
			mqk_appender_trim(tenant->appender);
	mutex_unlock(&broker->mutex);
}

/**
 * mqk_broker_stat() - add up the counters
 * @broker: the broker
 * @stat: where they go
 *
 * Context: any.
 */
void mqk_broker_stat(struct mqk_broker *broker, struct mqk_stat *stat)
{
	const struct mqk_counters *c;
	struct mqk_queue *q;
	unsigned long id;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(broker->counters, cpu);
		stat->published += READ_ONCE(c->published);
		stat->published_bytes += READ_ONCE(c->published_bytes);
		stat->routed += READ_ONCE(c->routed);
		stat->unrouted += READ_ONCE(c->unrouted);
		stat->returned += READ_ONCE(c->returned);
		stat->refused += READ_ONCE(c->refused);
		stat->delivered += READ_ONCE(c->delivered);
		stat->acked += READ_ONCE(c->acked);
		stat->requeued += READ_ONCE(c->requeued);
		stat->dropped += READ_ONCE(c->dropped);
		stat->route_misses += READ_ONCE(c->route_misses);
		stat->broken += READ_ONCE(c->broken);
		stat->compactions += READ_ONCE(c->compactions);
		stat->compacted += READ_ONCE(c->compacted);
		stat->compacted_bytes += READ_ONCE(c->compacted_bytes);
		stat->dead_letters += READ_ONCE(c->dead_letters);
		stat->dead_lost += READ_ONCE(c->dead_lost);
		stat->events += READ_ONCE(c->events);
		stat->events_lost += READ_ONCE(c->events_lost);
		stat->traces += READ_ONCE(c->traces);
		stat->traces_lost += READ_ONCE(c->traces_lost);
		stat->held_queue += READ_ONCE(c->held_queue);
		stat->held_limit += READ_ONCE(c->held_limit);
	}
	rcu_read_lock();
	xa_for_each(&broker->queues, id, q) {
		if (id % 1024 == 0) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
			q = xa_load(&broker->queues, id);
			if (!q)
				continue;
		}
		stat->routed += READ_ONCE(q->published);
		stat->delivered += READ_ONCE(q->delivered);
		stat->acked += READ_ONCE(q->acked);
		stat->requeued += READ_ONCE(q->requeued);
		stat->dropped += READ_ONCE(q->dropped);
	}
	rcu_read_unlock();
	stat->segments = READ_ONCE(broker->store.nr_used);
	stat->segments_free = READ_ONCE(broker->store.nr_pool);
}
