// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers exchanges: a message goes where the arguments of the binding match
 * its headers (AMQP 0-9-1, exchange type headers; values as RabbitMQ compares
 * them).
 *
 * Bindings with the same arguments share a set.  A set's arguments are
 * conditions, and a hash table of buckets leads from name and value (for void,
 * which any value meets: from the name) to conditions: for `any` to each one,
 * for `all` to one of them, that whose bucket has the fewest.  So a message looks
 * up each of its headers twice, and compares what that finds: what it costs grows
 * with its headers and with these candidates, not with the bindings.  Sets that
 * match without conditions are in a list.
 */
#include "exchange_headers.h"

#include <linux/jhash.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/mqk.h>

#include "account.h"
#include "binding.h"
#include "exchange.h"

/* So that nobody can choose names and values that collide. */
static siphash_key_t secret;

struct bucket {
	u64 hash;
	struct rhash_head node;
	struct list_head conditions;
	u32 nr;
	struct rcu_head rcu;
};

struct headers_set;

/* One argument of a set's bindings. */
struct condition {
	struct list_head in_bucket;	/* if @bucket is set */
	struct bucket *bucket;
	struct headers_set *set;
	u64 by_name;
	const u8 *name;
	u32 name_len;
	struct mqk_value value;
};

struct headers_set {
	struct mqk_bindset set;
	struct rhash_head node;		/* index->sets */
	struct list_head in_always;	/* if @always is set */
	struct rcu_head rcu;
	u8 *args;
	u32 args_len;
	u32 nr;
	bool any;
	bool always;
	struct condition condition[] __counted_by(nr);
};

/**
 * struct mqk_headers_index - the sets of a headers exchange
 * @sets: by their arguments
 * @buckets: by hash
 * @always: sets that match every message
 */
struct mqk_headers_index {
	struct rhashtable sets;
	struct rhashtable buckets;
	struct list_head always;
};

static u64 hash_name(const u8 *name, u32 len)
{
	return siphash(name, len, &secret);
}

static u64 hash_value(u64 by_name, const struct mqk_value *v)
{
	return siphash_3u64(by_name, v->class, v->class == MQK_VALUE_TEXT ?
			    siphash(v->text, v->len, &secret) : v->number,
			    &secret);
}

/* ---- the headers of a message ---- */

static bool has_name(const u8 *name, u32 len, u64 by_name,
		     const struct mqk_match_header *h)
{
	return h->by_name == by_name && h->name_len == len &&
	       !memcmp(h->name, name, len);
}

static const struct mqk_match_header *find_header(const struct mqk_match *m,
						  const u8 *name, u32 len,
						  u64 by_name)
{
	u32 i;

	for (i = 0; i < m->nr; i++)
		if (has_name(name, len, by_name, &m->header[i]))
			return &m->header[i];
	return NULL;
}

/**
 * mqk_match_parse() - take the headers of a message apart
 * @m: with its bytes, checked
 * @len: how many
 *
 * Context: any.
 * Return: 0; -E2BIG when there are more than MQK_MATCH_HEADERS
 */
int mqk_match_parse(struct mqk_match *m, u32 len)
{
	const u8 *p = m->bytes;
	struct mqk_header_at at;

	m->nr = 0;
	m->steps = 0;
	m->parsed = true;
	while (mqk_header_next(&p, &len, &at)) {
		struct mqk_match_header *h = &m->header[m->nr];
		u64 by_name = hash_name(at.name, at.name_len);

		if (find_header(m, at.name, at.name_len, by_name))
			continue;
		if (m->nr == MQK_MATCH_HEADERS)
			return -E2BIG;
		h->by_name = by_name;
		h->name = at.name;
		h->name_len = at.name_len;
		h->value = mqk_value_of(&at);
		h->by_value = hash_value(by_name, &h->value);
		m->nr++;
	}
	return 0;
}

/**
 * mqk_match_find() - the value of a header
 * @m: with its headers taken apart
 * @name: the header's name
 * @len: bytes of it
 *
 * Context: any.
 * Return: the value; NULL: there is none of that name
 */
const struct mqk_value *mqk_match_find(const struct mqk_match *m,
				       const u8 *name, u32 len)
{
	const struct mqk_match_header *h;

	h = find_header(m, name, len, hash_name(name, len));
	return h ? &h->value : NULL;
}

/* ---- the arguments of a binding ---- */

struct how {
	bool any;
	bool with_x;
};

/* x-match: all and any leave out names that begin with x-. */
static int read_how(const struct mqk_binding_id *id, struct how *how)
{
	struct mqk_header_at h;
	const u8 *p = id->args;
	u32 len = id->args_len;

	memset(how, 0, sizeof(*how));
	while (mqk_header_next(&p, &len, &h)) {
		if (!mqk_header_is(&h, "x-match"))
			continue;
		how->any = mqk_header_says(&h, "any") ||
			   mqk_header_says(&h, "any-with-x");
		how->with_x = mqk_header_says(&h, "all-with-x") ||
			      mqk_header_says(&h, "any-with-x");
		return how->any || how->with_x || mqk_header_says(&h, "all") ?
		       0 : -EINVAL;
	}
	return 0;
}

static bool counts(const struct mqk_header_at *h, const struct how *how)
{
	if (how->with_x)
		return !mqk_header_is(h, "x-match");
	return h->name_len < 2 || memcmp(h->name, "x-", 2);
}

static bool is_repeated(const struct mqk_binding_id *id,
			const struct mqk_header_at *h)
{
	struct mqk_header_at other;
	const u8 *p = id->args;
	u32 len = id->args_len;

	while (mqk_header_next(&p, &len, &other) && other.name != h->name)
		if (other.name_len == h->name_len &&
		    !memcmp(other.name, h->name, h->name_len))
			return true;
	return false;
}

static int headers_check(const struct mqk_binding_id *id,
			 struct mqk_refusal *why)
{
	struct mqk_header_at h;
	const u8 *p = id->args;
	u32 len = id->args_len, n = 0;
	struct how how;

	if (read_how(id, &how))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	while (mqk_header_next(&p, &len, &h))
		if (++n > MQK_MATCH_HEADERS + 1 || is_repeated(id, &h))
			return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
}

/* ---- sets ---- */

static u32 args_hash(const void *data, u32 len, u32 seed)
{
	const struct mqk_binding_id *id = data;

	return jhash(id->args, id->args_len, seed);
}

static u32 set_hash(const void *data, u32 len, u32 seed)
{
	const struct headers_set *s = data;

	return jhash(s->args, s->args_len, seed);
}

static int set_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mqk_binding_id *id = arg->key;
	const struct headers_set *s = obj;

	return s->args_len != id->args_len ||
	       memcmp(s->args, id->args, id->args_len);
}

static const struct rhashtable_params set_params = {
	.nelem_hint = 3,
	.head_offset = offsetof(struct headers_set, node),
	.hashfn = args_hash,
	.obj_hashfn = set_hash,
	.obj_cmpfn = set_cmp,
	.automatic_shrinking = true,
};

static const struct rhashtable_params bucket_params = {
	.nelem_hint = 3,
	.head_offset = offsetof(struct bucket, node),
	.key_offset = offsetof(struct bucket, hash),
	.key_len = sizeof_field(struct bucket, hash),
	.automatic_shrinking = true,
};

static int headers_init(struct mqk_exchange *x)
{
	struct mqk_headers_index *index;
	int err;

	get_random_once(&secret, sizeof(secret));
	index = kzalloc(sizeof(*index), GFP_KERNEL_ACCOUNT);
	if (!index)
		return -ENOMEM;
	INIT_LIST_HEAD(&index->always);
	err = rhashtable_init(&index->sets, &set_params);
	if (err)
		goto err_free;
	err = rhashtable_init(&index->buckets, &bucket_params);
	if (err)
		goto err_sets;
	x->headers = index;
	x->by_headers = true;
	return 0;

err_sets:
	rhashtable_destroy(&index->sets);
err_free:
	kfree(index);
	return err;
}

static void headers_destroy(struct mqk_exchange *x)
{
	rhashtable_destroy(&x->headers->buckets);
	rhashtable_destroy(&x->headers->sets);
	kfree(x->headers);
}

static u32 count_args(const struct mqk_binding_id *id)
{
	struct mqk_header_at h;
	const u8 *p = id->args;
	u32 len = id->args_len, n = 0;

	while (mqk_header_next(&p, &len, &h))
		n++;
	return n;
}

static u64 headers_set_bytes(const struct mqk_binding_id *id)
{
	return sizeof(struct headers_set) + id->args_len +
	       count_args(id) * (sizeof(struct condition) + sizeof(struct bucket));
}

/* A set with its conditions, in no table yet. */
static struct headers_set *alloc_set(const struct mqk_binding_id *id)
{
	u32 len = id->args_len, room = count_args(id);
	struct headers_set *s;
	struct mqk_header_at h;
	struct how how;
	const u8 *p;

	s = kvzalloc(struct_size(s, condition, room) + len, GFP_KERNEL_ACCOUNT);
	if (!s)
		return NULL;
	INIT_LIST_HEAD(&s->set.bindings);
	s->nr = room;
	s->args = (u8 *)&s->condition[room];
	s->args_len = len;
	memcpy(s->args, id->args, len);
	read_how(id, &how);
	s->any = how.any;
	p = s->args;
	for (room = 0; mqk_header_next(&p, &len, &h);) {
		struct condition *c = &s->condition[room];

		if (!counts(&h, &how))
			continue;
		c->set = s;
		c->name = h.name;
		c->name_len = h.name_len;
		c->by_name = hash_name(h.name, h.name_len);
		c->value = mqk_value_of(&h);
		room++;
	}
	s->nr = room;
	s->always = !s->any && !room;
	return s;
}

static u64 hash_of(const struct condition *c)
{
	return c->value.class == MQK_VALUE_VOID ? c->by_name :
						  hash_value(c->by_name, &c->value);
}

static void drop_condition(struct mqk_headers_index *index, struct condition *c)
{
	struct bucket *b = c->bucket;

	if (!b)
		return;
	list_del_rcu(&c->in_bucket);
	if (--b->nr)
		return;
	rhashtable_remove_fast(&index->buckets, &b->node, bucket_params);
	kfree_rcu(b, rcu);
}

/* Let messages find a condition; one that nothing meets need not be found. */
static int add_condition(struct mqk_headers_index *index, struct condition *c)
{
	u64 hash = hash_of(c);
	struct bucket *b;
	int err;

	if (c->value.class == MQK_VALUE_NONE)
		return 0;
	b = rhashtable_lookup_fast(&index->buckets, &hash, bucket_params);
	if (!b) {
		b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
		if (!b)
			return -ENOMEM;
		b->hash = hash;
		INIT_LIST_HEAD(&b->conditions);
		err = rhashtable_insert_fast(&index->buckets, &b->node,
					     bucket_params);
		if (err) {
			kfree(b);
			return -ENOMEM;
		}
	}
	c->bucket = b;
	b->nr++;
	list_add_tail_rcu(&c->in_bucket, &b->conditions);
	return 0;
}

/* That one of all conditions that the fewest others share; NULL: never met. */
static struct condition *choose(struct mqk_headers_index *index,
				struct headers_set *s)
{
	struct condition *best = NULL;
	u32 i, fewest = U32_MAX;
	struct bucket *b;

	for (i = 0; i < s->nr; i++) {
		u64 hash = hash_of(&s->condition[i]);

		if (s->condition[i].value.class == MQK_VALUE_NONE)
			return NULL;
		b = rhashtable_lookup_fast(&index->buckets, &hash,
					   bucket_params);
		if (b && b->nr >= fewest)
			continue;
		best = &s->condition[i];
		fewest = b ? b->nr : 0;
	}
	return best;
}

static void drop_conditions(struct mqk_headers_index *index,
			    struct headers_set *s)
{
	u32 i;

	for (i = 0; i < s->nr; i++)
		drop_condition(index, &s->condition[i]);
}

static int add_conditions(struct mqk_headers_index *index,
			  struct headers_set *s)
{
	struct condition *c;
	int err = 0;
	u32 i;

	if (!s->any) {
		c = choose(index, s);
		return c ? add_condition(index, c) : 0;
	}
	for (i = 0; !err && i < s->nr; i++)
		err = add_condition(index, &s->condition[i]);
	return err;
}

static struct mqk_bindset *headers_get_set(struct mqk_exchange *x,
					   const struct mqk_binding_id *id)
{
	struct mqk_headers_index *index = x->headers;
	struct headers_set *s;
	int err;

	s = rhashtable_lookup_fast(&index->sets, id, set_params);
	if (s)
		return &s->set;
	s = alloc_set(id);
	if (!s)
		return ERR_PTR(-ENOMEM);
	err = add_conditions(index, s);
	if (!err)
		err = rhashtable_insert_fast(&index->sets, &s->node, set_params);
	if (err) {
		/* messages may have seen it already */
		drop_conditions(index, s);
		kvfree_rcu(s, rcu);
		return ERR_PTR(-ENOMEM);
	}
	if (s->always)
		list_add_tail_rcu(&s->in_always, &index->always);
	return &s->set;
}

static void headers_put_set(struct mqk_exchange *x, struct mqk_bindset *set)
{
	struct headers_set *s = container_of(set, struct headers_set, set);
	struct mqk_headers_index *index = x->headers;

	if (s->always)
		list_del_rcu(&s->in_always);
	rhashtable_remove_fast(&index->sets, &s->node, set_params);
	drop_conditions(index, s);
	kvfree_rcu(s, rcu);
}

/* ---- matching ---- */

static bool meets(const struct condition *c, const struct mqk_match_header *h)
{
	return c->value.class == MQK_VALUE_VOID ||
	       mqk_value_equal(&c->value, &h->value);
}

static bool meets_all(const struct headers_set *s, struct mqk_match *m)
{
	const struct mqk_match_header *h;
	u32 i;

	for (i = 0; i < s->nr; i++) {
		const struct condition *c = &s->condition[i];

		m->steps++;
		h = find_header(m, c->name, c->name_len, c->by_name);
		if (!h || !meets(c, h))
			return false;
	}
	return true;
}

/* Add the sets that one header leads to. */
static int follow(struct mqk_headers_index *index, u64 hash,
		  const struct mqk_match_header *h, struct mqk_targets *targets)
{
	struct mqk_match *m = targets->match;
	struct condition *c;
	struct bucket *b;
	bool hit;
	int err;

	b = rhashtable_lookup(&index->buckets, &hash, bucket_params);
	if (!b)
		return 0;
	list_for_each_entry_rcu(c, &b->conditions, in_bucket) {
		if (++m->steps > MQK_MATCH_STEPS)
			return -EMLINK;
		if (c->set->any)
			hit = has_name(c->name, c->name_len, c->by_name, h) &&
			      meets(c, h);
		else
			hit = meets_all(c->set, m);
		err = hit ? mqk_targets_add(targets, &c->set->set) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int headers_route(struct mqk_exchange *x, const u8 *key, u32 len,
			 struct mqk_targets *targets)
{
	struct mqk_headers_index *index = x->headers;
	struct mqk_match *m = targets->match;
	struct headers_set *s;
	int err = 0;
	u32 i;

	list_for_each_entry_rcu(s, &index->always, in_always) {
		if (++m->steps > MQK_MATCH_STEPS)
			return -EMLINK;
		err = mqk_targets_add(targets, &s->set);
		if (err)
			return err;
	}
	for (i = 0; !err && i < m->nr; i++) {
		const struct mqk_match_header *h = &m->header[i];

		err = follow(index, h->by_name, h, targets);
		if (!err && h->value.class > MQK_VALUE_VOID)
			err = follow(index, h->by_value, h, targets);
	}
	return err;
}

const struct mqk_exchange_ops mqk_exchange_headers = {
	.type = MQK_EXCHANGE_HEADERS,
	.name = "headers",
	.args = MQK_EXCHANGE_ARG_ALTERNATE,
	.init = headers_init,
	.destroy = headers_destroy,
	.check = headers_check,
	.set_bytes = headers_set_bytes,
	.get_set = headers_get_set,
	.put_set = headers_put_set,
	.route = headers_route,
};
