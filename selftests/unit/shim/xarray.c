// SPDX-License-Identifier: GPL-2.0-only
#include <linux/xarray.h>

#include <linux/err.h>
#include <linux/slab.h>

#include "shim.h"

struct shim_xa_table {
	unsigned long size;
	struct rcu_head rcu;
	struct {
		bool used;		/* the lock's */
		void *entry;
	} slot[];
};

static struct shim_xa_table *locked_table(struct xarray *xa)
{
	return rcu_dereference_protected(xa->table, lockdep_is_held(&xa->lock));
}

static bool grow(struct xarray *xa)
{
	struct shim_xa_table *old = locked_table(xa), *new;
	unsigned long size = old ? 2 * old->size : 8, i;

	new = kzalloc(sizeof(*new) + size * sizeof(new->slot[0]), GFP_KERNEL);
	if (!new)
		return false;
	new->size = size;
	for (i = 0; old && i < old->size; i++)
		new->slot[i] = old->slot[i];
	rcu_assign_pointer(xa->table, new);
	if (old)
		kfree_rcu(old, rcu);
	return true;
}

static int alloc(struct xarray *xa, u32 *id, void *entry, u32 first, u32 last)
{
	u32 i;

	for (i = first;; i++) {
		struct shim_xa_table *t = locked_table(xa);

		if (i > last)
			return -EBUSY;
		if (!t || i >= t->size) {
			if (!grow(xa))
				return -ENOMEM;
			i--;
		} else if (!t->slot[i].used) {
			t->slot[i].used = true;
			rcu_assign_pointer(t->slot[i].entry, entry);
			*id = i;
			return 0;
		}
	}
}

/* The number is known to nobody before its entry is: so it is stored here. */
int xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp)
{
	int err;

	mutex_lock(&xa->lock);
	err = alloc(xa, id, entry, limit.min, limit.max);
	mutex_unlock(&xa->lock);
	return err;
}

int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next,
		    gfp_t gfp)
{
	int err;

	mutex_lock(&xa->lock);
	err = alloc(xa, id, entry, *next < limit.min ? limit.min : *next, limit.max);
	if (!err)
		*next = *id + 1;
	mutex_unlock(&xa->lock);
	return err;
}

int xa_insert(struct xarray *xa, unsigned long id, void *entry, gfp_t gfp)
{
	int err = 0;

	mutex_lock(&xa->lock);
	while (!err && (!locked_table(xa) || id >= locked_table(xa)->size))
		err = id >= 1 << 20 || !grow(xa) ? -ENOMEM : 0;
	if (!err && locked_table(xa)->slot[id].used)
		err = -EBUSY;
	if (!err) {
		locked_table(xa)->slot[id].used = true;
		rcu_assign_pointer(locked_table(xa)->slot[id].entry, entry);
	}
	mutex_unlock(&xa->lock);
	return err;
}

void *xa_store(struct xarray *xa, unsigned long id, void *entry, gfp_t gfp)
{
	struct shim_xa_table *t;

	mutex_lock(&xa->lock);
	t = locked_table(xa);
	BUG_ON(!t || id >= t->size || !t->slot[id].used);
	rcu_assign_pointer(t->slot[id].entry, entry);
	mutex_unlock(&xa->lock);
	return NULL;
}

void *xa_erase(struct xarray *xa, unsigned long id)
{
	struct shim_xa_table *t;
	void *entry = NULL;

	mutex_lock(&xa->lock);
	t = locked_table(xa);
	if (t && id < t->size) {
		entry = shim_read(t->slot[id].entry);
		t->slot[id].used = false;
		RCU_INIT_POINTER(t->slot[id].entry, NULL);
	}
	mutex_unlock(&xa->lock);
	return entry;
}

/* As in the kernel, the read side is its own. */
void *xa_load(struct xarray *xa, unsigned long id)
{
	struct shim_xa_table *t;
	void *entry = NULL;

	rcu_read_lock();
	t = rcu_dereference(xa->table);
	if (t && id < t->size)
		entry = rcu_dereference(t->slot[id].entry);
	rcu_read_unlock();
	return entry;
}

void *xa_find(struct xarray *xa, unsigned long *id, unsigned long max, gfp_t mark)
{
	struct shim_xa_table *t;
	void *entry = NULL;
	unsigned long i;

	rcu_read_lock();
	t = rcu_dereference(xa->table);
	for (i = *id; !entry && t && i < t->size && i <= max; i++) {
		entry = rcu_dereference(t->slot[i].entry);
		if (entry)
			*id = i;
	}
	rcu_read_unlock();
	return entry;
}

void *xa_find_after(struct xarray *xa, unsigned long *id, unsigned long max, gfp_t mark)
{
	unsigned long next = *id + 1;
	void *entry = next ? xa_find(xa, &next, max, mark) : NULL;

	if (entry)
		*id = next;
	return entry;
}

void xa_destroy(struct xarray *xa)
{
	struct shim_xa_table *t = shim_read(xa->table);

	if (t)
		kfree_rcu(t, rcu);
	xa->table = NULL;
}
