// SPDX-License-Identifier: GPL-2.0-only
/*
 * What last-value exchanges remember.
 */
#include "retained.h"

#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "account.h"
#include "broker.h"
#include "segment.h"

/* What a message takes, with the key that it may bring. */
#define ROOM_BYTES	(sizeof(struct mqk_retained_message) + \
			 sizeof(struct mqk_retained_key))

static_assert((MQK_RETAINED_BUCKETS & (MQK_RETAINED_BUCKETS - 1)) == 0);

/**
 * mqk_retained_alloc() - make what an exchange remembers: nothing yet
 * @history: how many messages of a key at most
 *
 * Context: may sleep.
 * Return: it, or NULL
 */
struct mqk_retained *mqk_retained_alloc(u32 history)
{
	struct mqk_retained *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	INIT_LIST_HEAD(&r->order);
	INIT_LIST_HEAD(&r->keys);
	r->history = history;
	r->seed = get_random_u32();
	return r;
}

/**
 * mqk_retained_room() - get room for a message before it is needed
 * @tenant: who pays
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: the room, with that for a key; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_retained_message *mqk_retained_room(struct mqk_tenant *tenant,
					       struct mqk_refusal *why)
{
	struct mqk_retained_message *m;
	int err;

	err = mqk_charge(tenant, MQK_RES_BYTES, ROOM_BYTES, why);
	if (err)
		return ERR_PTR(err);
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (m)
		m->key = kzalloc(sizeof(*m->key), GFP_KERNEL_ACCOUNT);
	if (!m || !m->key) {
		kfree(m);
		mqk_uncharge(tenant, MQK_RES_BYTES, ROOM_BYTES);
		return ERR_PTR(-ENOMEM);
	}
	m->tenant = tenant;
	return m;
}

/**
 * mqk_retained_free_room() - give room back
 * @m: the room, in which no message is; its key is NULL or its own
 *
 * Context: any.
 */
void mqk_retained_free_room(struct mqk_retained_message *m)
{
	mqk_uncharge(m->tenant, MQK_RES_BYTES, ROOM_BYTES);
	kfree(m->key);
	kfree(m);
}

/**
 * mqk_retained_begin() - begin to change what is remembered
 * @broker: the broker
 *
 * Context: any; takes broker->retained_lock, unless it fails.
 * Return: false while a new binding is given what is remembered:
 * mqk_retained_wait()
 */
bool mqk_retained_begin(struct mqk_broker *broker)
{
	spin_lock(&broker->retained_lock);
	if (!broker->giving)
		return true;
	spin_unlock(&broker->retained_lock);
	return false;
}

/**
 * mqk_retained_end() - end that
 * @broker: the broker
 */
void mqk_retained_end(struct mqk_broker *broker)
{
	spin_unlock(&broker->retained_lock);
}

static struct hlist_head *bucket(struct mqk_retained *r, const u8 *text, u32 len)
{
	return &r->table[jhash(text, len, r->seed) & (MQK_RETAINED_BUCKETS - 1)];
}

static struct mqk_retained_key *find_key(struct mqk_retained *r, const u8 *text,
					 u32 len)
{
	struct mqk_retained_key *k;

	hlist_for_each_entry(k, bucket(r, text, len), node)
		if (k->len == len && !memcmp(k->text, text, len))
			return k;
	return NULL;
}

/* Take a message out; the last one of its key takes that along. */
static void take_out(struct mqk_retained *r, struct mqk_retained_message *m,
		     struct list_head *gone)
{
	struct mqk_retained_key *k = m->key;

	list_move_tail(&m->in_order, gone);
	list_del(&m->in_key);
	r->nr--;
	m->key = NULL;
	if (--k->nr)
		return;
	hlist_del(&k->node);
	list_del(&k->in_keys);
	r->nr_keys--;
	m->key = k;
}

/* At most MQK_RETAINED_HISTORY of them. */
static void take_out_key(struct mqk_retained *r, struct mqk_retained_key *k,
			 struct list_head *gone)
{
	u32 n = k->nr;

	while (n--)
		take_out(r, list_first_entry(&k->messages,
					     struct mqk_retained_message, in_key),
			 gone);
}

/**
 * mqk_retained_forget() - forget what there is of a key
 * @r: what the exchange remembers
 * @key: the key
 * @len: bytes of it
 * @gone: where what is forgotten goes: mqk_retained_let_go()
 *
 * Context: mqk_retained_begin().
 */
void mqk_retained_forget(struct mqk_retained *r, const u8 *key, u32 len,
			 struct list_head *gone)
{
	struct mqk_retained_key *k = find_key(r, key, len);

	if (k)
		take_out_key(r, k, gone);
}

/* A key that is new takes the place of the one that was silent for longest. */
static void add_key(struct mqk_retained *r, struct mqk_retained_key *k,
		    struct list_head *gone)
{
	if (r->nr_keys == MQK_RETAINED_KEYS)
		take_out_key(r, list_first_entry(&r->keys, struct mqk_retained_key,
						 in_keys), gone);
	INIT_LIST_HEAD(&k->messages);
	hlist_add_head(&k->node, bucket(r, k->text, k->len));
	list_add_tail(&k->in_keys, &r->keys);
	r->nr_keys++;
}

/**
 * mqk_retained_keep() - remember a message
 * @r: what the exchange remembers
 * @m: the message, complete, with a key of its own in which its key is
 * @gone: where what is forgotten for it goes, and what is not needed
 *
 * Context: mqk_retained_begin().
 */
void mqk_retained_keep(struct mqk_retained *r, struct mqk_retained_message *m,
		       struct list_head *gone)
{
	struct mqk_retained_key *k = find_key(r, m->key->text, m->key->len);

	if (k) {
		kfree(m->key);
		m->key = k;
		list_move_tail(&k->in_keys, &r->keys);
	} else {
		k = m->key;
		add_key(r, k, gone);
	}
	k->nr++;
	r->nr++;
	list_add_tail(&m->in_key, &k->messages);
	list_add_tail(&m->in_order, &r->order);
	if (k->nr > r->history)
		take_out(r, list_first_entry(&k->messages,
					     struct mqk_retained_message, in_key),
			 gone);
	if (r->nr > MQK_RETAINED_MAX)
		take_out(r, list_first_entry(&r->order,
					     struct mqk_retained_message, in_order),
			 gone);
}

/**
 * mqk_retained_let_go() - free what was forgotten
 * @broker: the broker
 * @gone: the messages; empty afterwards
 *
 * Context: any, without broker->retained_lock.
 */
void mqk_retained_let_go(struct mqk_broker *broker, struct list_head *gone)
{
	struct mqk_retained_message *m, *next;

	list_for_each_entry_safe(m, next, gone, in_order) {
		mqk_segment_put(mqk_segment_of(&broker->store, m->ref));
		mqk_retained_free_room(m);
	}
	INIT_LIST_HEAD(gone);
}

/**
 * mqk_retained_free() - free what an exchange remembered
 * @r: it, or NULL; nobody else has it
 * @broker: the broker
 *
 * Context: may sleep.
 */
void mqk_retained_free(struct mqk_retained *r, struct mqk_broker *broker)
{
	LIST_HEAD(gone);

	while (r && !list_empty(&r->keys)) {
		take_out_key(r, list_first_entry(&r->keys, struct mqk_retained_key,
						 in_keys), &gone);
		mqk_retained_let_go(broker, &gone);
		cond_resched();
	}
	kfree(r);
}

/**
 * mqk_retained_freeze() - let nothing that is remembered change
 * @broker: the broker
 *
 * Context: broker->mutex, until mqk_retained_thaw().
 */
void mqk_retained_freeze(struct mqk_broker *broker)
{
	lockdep_assert_held(&broker->mutex);
	spin_lock(&broker->retained_lock);
	broker->giving = true;
	spin_unlock(&broker->retained_lock);
}

/**
 * mqk_retained_thaw() - let it change again
 * @broker: the broker
 *
 * Context: broker->mutex.
 */
void mqk_retained_thaw(struct mqk_broker *broker)
{
	spin_lock(&broker->retained_lock);
	broker->giving = false;
	spin_unlock(&broker->retained_lock);
	wake_up_all(&broker->given);
}

/**
 * mqk_retained_wait() - wait until it may change
 * @broker: the broker
 *
 * Who gives waits for nobody: this takes as long as giving MQK_RETAINED_MAX
 * messages does.
 *
 * Context: may sleep; without broker->mutex.
 */
void mqk_retained_wait(struct mqk_broker *broker)
{
	wait_event(broker->given, !READ_ONCE(broker->giving));
}
