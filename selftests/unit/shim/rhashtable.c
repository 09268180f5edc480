// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's resizable hash table, its calls only.
 *
 * Entries point to the objects, so that a resize can make a new table beside
 * the old one, which readers may still walk. Every table has another seed.
 */
#include <linux/rhashtable.h>

#include <errno.h>
#include <string.h>

#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "shim.h"

struct entry {
	struct entry *next;
	void *obj;
	struct rcu_head rcu;
};

struct shim_table {
	u32 seed;
	u32 size;
	u32 busy;
	struct rcu_head rcu;
	struct entry *bucket[];
};

static void free_entry(struct rcu_head *head)
{
	free(container_of(head, struct entry, rcu));
}

static void free_table(struct rcu_head *head)
{
	free(container_of(head, struct shim_table, rcu));
}

static struct shim_table *alloc_table(u32 size)
{
	size_t bytes = sizeof(struct shim_table) + size * sizeof(struct entry *);
	struct shim_table *tbl = shim_alloc(bytes);

	if (!tbl)
		return NULL;
	memset(tbl, 0, bytes);
	tbl->size = size;
	get_random_bytes(&tbl->seed, sizeof(tbl->seed));
	return tbl;
}

static u32 key_slot(const struct rhashtable *ht, const struct shim_table *tbl, const void *key)
{
	rht_hashfn_t fn = ht->p.hashfn ?: jhash;

	return fn(key, ht->p.key_len, tbl->seed) % tbl->size;
}

static u32 obj_slot(const struct rhashtable *ht, const struct shim_table *tbl, const void *obj)
{
	if (!ht->p.obj_hashfn)
		return key_slot(ht, tbl, (const char *)obj + ht->p.key_offset);
	return ht->p.obj_hashfn(obj, ht->p.key_len, tbl->seed) % tbl->size;
}

static bool is_key_of(struct rhashtable *ht, const void *key, const void *obj)
{
	struct rhashtable_compare_arg arg = { .ht = ht, .key = key };

	if (ht->p.obj_cmpfn)
		return !ht->p.obj_cmpfn(&arg, obj);
	return !memcmp((const char *)obj + ht->p.key_offset, key, ht->p.key_len);
}

static int add_entry(struct rhashtable *ht, struct shim_table *tbl, void *obj)
{
	struct entry *e = shim_alloc(sizeof(*e)), **slot;

	if (!e)
		return -ENOMEM;
	slot = &tbl->bucket[obj_slot(ht, tbl, obj)];
	e->obj = obj;
	e->next = *slot;
	rcu_assign_pointer(*slot, e);
	return 0;
}

static void retire_table(struct shim_table *tbl)
{
	struct entry *e, *next;
	u32 i;

	for (i = 0; i < tbl->size; i++) {
		for (e = tbl->bucket[i]; e; e = next) {
			next = e->next;
			call_rcu(&e->rcu, free_entry);
		}
	}
	call_rcu(&tbl->rcu, free_table);
}

/* Like the kernel, do without the new size if there is no memory. */
static struct shim_table *resize(struct rhashtable *ht, struct shim_table *tbl)
{
	u32 n = ht->nelems, i, size = tbl->size;
	struct shim_table *other;
	struct entry *e;

	if (n > size / 4 * 3)
		size *= 2;
	else if (ht->p.automatic_shrinking && n < size * 3 / 10 && size > 4)
		size /= 2;
	if (size == tbl->size)
		return tbl;
	other = alloc_table(size);
	if (!other)
		return tbl;
	for (i = 0; i < tbl->size; i++) {
		for (e = tbl->bucket[i]; e; e = e->next) {
			if (add_entry(ht, other, e->obj)) {
				retire_table(other);
				return tbl;
			}
		}
	}
	rcu_assign_pointer(ht->table, other);
	return other;
}

static void resize_and_retire(struct rhashtable *ht, struct shim_table *tbl)
{
	struct shim_table *now = resize(ht, tbl);

	__atomic_store_n(&tbl->busy, 0, __ATOMIC_RELEASE);
	if (now != tbl)
		retire_table(tbl);
}

static struct shim_table *begin_change(struct rhashtable *ht)
{
	struct shim_table *tbl = rcu_dereference_protected(ht->table, true);

	BUG_ON(__atomic_exchange_n(&tbl->busy, 1, __ATOMIC_ACQUIRE));
	return tbl;
}

int rhashtable_init(struct rhashtable *ht, const struct rhashtable_params *params)
{
	struct shim_table *tbl;

	if ((!params->key_len && !params->obj_hashfn) ||
	    (params->obj_hashfn && !params->obj_cmpfn))
		return -EINVAL;
	tbl = alloc_table(4);
	if (!tbl)
		return -ENOMEM;
	ht->table = tbl;
	ht->nelems = 0;
	ht->p = *params;
	return 0;
}

void rhashtable_free_and_destroy(struct rhashtable *ht,
				 void (*free_fn)(void *ptr, void *arg), void *arg)
{
	struct shim_table *tbl = begin_change(ht);
	struct entry *e, *next;
	u32 i;

	for (i = 0; i < tbl->size; i++) {
		for (e = tbl->bucket[i]; e; e = next) {
			next = e->next;
			if (free_fn)
				free_fn(e->obj, arg);
			free(e);
		}
	}
	free(tbl);
	ht->table = NULL;
}

void rhashtable_destroy(struct rhashtable *ht)
{
	rhashtable_free_and_destroy(ht, NULL, NULL);
}

void *rhashtable_lookup(struct rhashtable *ht, const void *key,
			const struct rhashtable_params params)
{
	struct shim_table *tbl = rcu_dereference(ht->table);
	struct entry *e;

	for (e = rcu_dereference(tbl->bucket[key_slot(ht, tbl, key)]); e;
	     e = rcu_dereference(e->next))
		if (is_key_of(ht, key, e->obj))
			return e->obj;
	return NULL;
}

void *rhashtable_lookup_fast(struct rhashtable *ht, const void *key,
			     const struct rhashtable_params params)
{
	void *obj;

	rcu_read_lock();
	obj = rhashtable_lookup(ht, key, params);
	rcu_read_unlock();
	return obj;
}

int rhashtable_insert_fast(struct rhashtable *ht, struct rhash_head *obj,
			   const struct rhashtable_params params)
{
	struct shim_table *tbl = begin_change(ht);
	int err;

	err = add_entry(ht, tbl, (char *)obj - params.head_offset);
	if (!err)
		ht->nelems++;
	resize_and_retire(ht, tbl);
	return err;
}

int rhashtable_remove_fast(struct rhashtable *ht, struct rhash_head *obj,
			   const struct rhashtable_params params)
{
	struct shim_table *tbl = begin_change(ht);
	void *ptr = (char *)obj - params.head_offset;
	struct entry **link = &tbl->bucket[obj_slot(ht, tbl, ptr)], *e;
	int err = -ENOENT;

	for (; (e = *link); link = &e->next) {
		if (e->obj != ptr)
			continue;
		rcu_assign_pointer(*link, e->next);
		call_rcu(&e->rcu, free_entry);
		ht->nelems--;
		err = 0;
		break;
	}
	resize_and_retire(ht, tbl);
	return err;
}
