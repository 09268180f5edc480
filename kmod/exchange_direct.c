// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct exchanges: a message goes where the binding key equals its routing
 * key, byte by byte (AMQP 0-9-1, direct-exchange-key-matching).
 */
#include "exchange.h"

#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/mqk.h>

#include "binding.h"

/* The set of a key. */
struct direct_set {
	struct mqk_bindset set;
	struct rhash_head node;
	struct rcu_head rcu;
	u8 len;
	u8 key[] __counted_by(len);
};

struct lookup {
	const u8 *key;
	u32 len;
};

static u32 lookup_hash(const void *data, u32 len, u32 seed)
{
	const struct lookup *l = data;

	return jhash(l->key, l->len, seed);
}

static u32 set_hash(const void *data, u32 len, u32 seed)
{
	const struct direct_set *s = data;

	return jhash(s->key, s->len, seed);
}

static int set_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct lookup *l = arg->key;
	const struct direct_set *s = obj;

	return l->len != s->len || memcmp(l->key, s->key, s->len);
}

static const struct rhashtable_params params = {
	.head_offset = offsetof(struct direct_set, node),
	.hashfn = lookup_hash,
	.obj_hashfn = set_hash,
	.obj_cmpfn = set_cmp,
	.automatic_shrinking = true,
};

static int direct_init(struct mqk_exchange *x)
{
	return rhashtable_init(&x->keys, &params);
}

static void direct_destroy(struct mqk_exchange *x)
{
	rhashtable_destroy(&x->keys);
}

static u64 direct_set_bytes(const struct mqk_binding_id *id)
{
	return struct_size_t(struct direct_set, key, id->key_len);
}

static struct mqk_bindset *direct_get_set(struct mqk_exchange *x,
					  const struct mqk_binding_id *id)
{
	struct lookup l = { .key = id->key, .len = id->key_len };
	struct direct_set *s;
	int err;

	s = rhashtable_lookup_fast(&x->keys, &l, params);
	if (s)
		return &s->set;
	s = kmalloc(struct_size(s, key, l.len), GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&s->set.bindings);
	s->len = l.len;
	memcpy(s->key, l.key, l.len);
	err = rhashtable_insert_fast(&x->keys, &s->node, params);
	if (err) {
		kfree(s);
		return ERR_PTR(-ENOMEM);
	}
	return &s->set;
}

static void direct_put_set(struct mqk_exchange *x, struct mqk_bindset *set)
{
	struct direct_set *s = container_of(set, struct direct_set, set);

	rhashtable_remove_fast(&x->keys, &s->node, params);
	kfree_rcu(s, rcu);
}

static int direct_route(struct mqk_exchange *x, const u8 *key, u32 len,
			struct mqk_targets *targets)
{
	struct lookup l = { .key = key, .len = len };
	struct direct_set *s = rhashtable_lookup(&x->keys, &l, params);

	return s ? mqk_targets_add(targets, &s->set) : 0;
}

const struct mqk_exchange_ops mqk_exchange_direct = {
	.type = MQK_EXCHANGE_DIRECT,
	.name = "direct",
	.args = MQK_EXCHANGE_ARG_ALTERNATE,
	.by_key = true,
	.init = direct_init,
	.destroy = direct_destroy,
	.set_bytes = direct_set_bytes,
	.get_set = direct_get_set,
	.put_set = direct_put_set,
	.route = direct_route,
};
