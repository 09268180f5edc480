// SPDX-License-Identifier: GPL-2.0-only
/*
 * Consistent-hash exchanges: a message goes to one binding, chosen by the hash of
 * its key, or of a header; the binding key is a weight.
 *
 * Each binding has points on a ring of 64 bits, hashes of the name of where it
 * leads; a message goes to the point that comes next behind its own hash.  What
 * else is bound does not move those that stay, and names alone decide: the same
 * bindings give the same places after a restart.
 *
 * The ring is a sorted array, replaced when something is bound, so a look-up is
 * a binary search under RCU.  Unbinding needs no memory, since it must not fail:
 * the points of what goes stand for the next one's from then on, which is where
 * their messages go anyway.  An array that is mostly such points is replaced, if
 * there is memory for that.
 *
 * Locks: broker->mutex for changes, RCU for routing.
 */
#include "exchange.h"

#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/mqk.h>

#include "account.h"
#include "binding.h"
#include "exchange_headers.h"
#include "limits.h"
#include "queue.h"

#define POINTS_PER_WEIGHT	64u

/* The set of a binding: each has its own. */
struct hash_set {
	struct mqk_bindset set;
	struct rcu_head rcu;
	u32 weight;
};

/*
 * Where it lies, and whose it is; in the lowest bit, that it was another's.
 */
struct point {
	u64 at;
	unsigned long owner;
};

#define STANDS_IN	1ul

struct ring {
	struct rcu_head rcu;
	u32 nr;
	struct point point[] __counted_by(nr);
};

/**
 * struct mqk_hash_index - the bindings of a consistent-hash exchange
 * @ring: their points; NULL: there are none
 * @weight: of all of them
 */
struct mqk_hash_index {
	struct ring __rcu *ring;
	u32 weight;
};

static struct hash_set *owner_of(const struct point *p)
{
	return (struct hash_set *)(READ_ONCE(p->owner) & ~STANDS_IN);
}

static bool stands_in(const struct point *p)
{
	return p->owner & STANDS_IN;
}

/* FNV-1a, and Murmur3's last step, since FNV's upper bits move little. */
static u64 hash(const u8 *s, u32 len, u64 salt)
{
	u64 h = 0xcbf29ce484222325ull ^ salt;

	while (len--)
		h = (h ^ *s++) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

/* A binding key as a weight; 0: it is none. */
static u32 weight_of(const u8 *key, u32 len)
{
	u32 n = 0;

	while (len--) {
		if (*key < '0' || *key > '9')
			return 0;
		n = n * 10 + *key++ - '0';
		if (n > MQK_HASH_WEIGHT_MAX)
			return 0;
	}
	return n;
}

static int hash_init(struct mqk_exchange *x)
{
	x->by_headers = x->args.given & MQK_EXCHANGE_ARG_HASH_HEADER;
	x->hash = kzalloc(sizeof(*x->hash), GFP_KERNEL_ACCOUNT);
	return x->hash ? 0 : -ENOMEM;
}

static void hash_destroy(struct mqk_exchange *x)
{
	kvfree(rcu_dereference_protected(x->hash->ring, true));
	kfree(x->hash);
}

static int hash_check(const struct mqk_binding_id *id, struct mqk_refusal *why)
{
	if (!weight_of(id->key, id->key_len))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return 0;
}

static u64 hash_set_bytes(const struct mqk_binding_id *id)
{
	return sizeof(struct hash_set) + weight_of(id->key, id->key_len) *
	       POINTS_PER_WEIGHT * sizeof(struct point);
}

static int by_place(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	return p->at < q->at ? -1 : p->at > q->at;
}

/* The points of a new binding, in order; NULL: no memory */
static struct point *make_points(const struct mqk_binding_id *id,
				 struct hash_set *s, u32 nr)
{
	const u8 *name = id->queue ? id->queue->name : id->to->name;
	u32 len = id->queue ? id->queue->name_len : id->to->name_len;
	struct point *p = kvmalloc_array(nr, sizeof(*p), GFP_KERNEL_ACCOUNT);
	u32 i;

	for (i = 0; p && i < nr; i++) {
		p[i].at = hash(name, len, i + 1);
		p[i].owner = (unsigned long)s;
	}
	if (p)
		sort(p, nr, sizeof(*p), by_place, NULL);
	return p;
}

static u32 count_own(const struct ring *ring)
{
	u32 i, n = 0;

	for (i = 0; ring && i < ring->nr; i++)
		n += !stands_in(&ring->point[i]);
	return n;
}

/* A ring with what is its own in @old, and more; of equal ones the older first. */
static struct ring *merge(const struct ring *old, const struct point *more,
			  u32 nr_more)
{
	u32 i, j = 0, n = 0, nr = count_own(old) + nr_more;
	struct ring *ring;

	ring = kvmalloc(struct_size(ring, point, nr), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return NULL;
	ring->nr = nr;
	for (i = 0; old && i < old->nr; i++) {
		if (stands_in(&old->point[i]))
			continue;
		while (j < nr_more && more[j].at < old->point[i].at)
			ring->point[n++] = more[j++];
		ring->point[n++] = old->point[i];
	}
	while (j < nr_more)
		ring->point[n++] = more[j++];
	return ring;
}

static void replace(struct mqk_hash_index *index, struct ring *old,
		    struct ring *ring)
{
	rcu_assign_pointer(index->ring, ring);
	if (old)
		kvfree_rcu(old, rcu);
}

static struct mqk_bindset *hash_get_set(struct mqk_exchange *x,
					const struct mqk_binding_id *id)
{
	u32 weight = weight_of(id->key, id->key_len);
	struct mqk_hash_index *index = x->hash;
	struct ring *ring = NULL, *old;
	struct point *points;
	struct hash_set *s;

	if (index->weight + weight > MQK_HASH_WEIGHTS)
		return ERR_PTR(-EMLINK);
	s = kmalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&s->set.bindings);
	s->weight = weight;
	old = rcu_dereference_protected(index->ring, true);
	points = make_points(id, s, weight * POINTS_PER_WEIGHT);
	if (points)
		ring = merge(old, points, weight * POINTS_PER_WEIGHT);
	kvfree(points);
	if (!ring) {
		kfree(s);
		return ERR_PTR(-ENOMEM);
	}
	replace(index, old, ring);
	index->weight += weight;
	return &s->set;
}

/* Let the next ones stand in for what goes; false: there is nothing else. */
static bool take_out(struct ring *ring, const struct hash_set *s)
{
	struct hash_set *next = NULL, *owner;
	u32 i, round;

	/* twice, since the last ones' next is the first */
	for (round = 0; round < 2; round++) {
		for (i = ring->nr; i--;) {
			owner = owner_of(&ring->point[i]);
			if (owner != s)
				next = owner;
			else if (next)
				WRITE_ONCE(ring->point[i].owner,
					   (unsigned long)next | STANDS_IN);
		}
	}
	return next;
}

/* With no ring, to remove a binding is to forget it. */
static void hash_close(struct mqk_exchange *x)
{
	struct mqk_hash_index *index = x->hash;
	struct ring *old = rcu_dereference_protected(index->ring, true);

	if (old)
		replace(index, old, NULL);
}

static void hash_put_set(struct mqk_exchange *x, struct mqk_bindset *set)
{
	struct hash_set *s = container_of(set, struct hash_set, set);
	struct mqk_hash_index *index = x->hash;
	struct ring *ring, *old;

	old = rcu_dereference_protected(index->ring, true);
	index->weight -= s->weight;
	if (!old) {
		/* closed */
	} else if (!take_out(old, s)) {
		replace(index, old, NULL);
	} else if (count_own(old) < old->nr / 2) {
		ring = merge(old, NULL, 0);
		if (ring)
			replace(index, old, ring);
	}
	kfree_rcu(s, rcu);
}

/* The hash of a message: of its key, or of the text of a header, or of nothing. */
static u64 hash_message(const struct mqk_exchange *x, const u8 *key, u32 len,
			const struct mqk_match *m)
{
	const struct mqk_value *v;

	if (!(x->args.given & MQK_EXCHANGE_ARG_HASH_HEADER))
		return hash(key, len, 0);
	v = mqk_match_find(m, x->args.hash_header, x->args.hash_header_len);
	return v && v->class == MQK_VALUE_TEXT ? hash(v->text, v->len, 0) :
						 hash(NULL, 0, 0);
}

/* The first point that is not before a place; the number of points: none. */
static u32 find_point(const struct ring *ring, u64 at)
{
	u32 low = 0, high = ring->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (ring->point[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int hash_route(struct mqk_exchange *x, const u8 *key, u32 len,
		      struct mqk_targets *targets)
{
	const struct ring *ring = rcu_dereference(x->hash->ring);
	u32 i, n;
	int err;

	if (!ring)
		return 0;
	n = find_point(ring, hash_message(x, key, len, targets->match));
	/* more than one only where a binding is just being made or removed */
	for (i = 0; i < ring->nr; i++, n++) {
		struct hash_set *s = owner_of(&ring->point[n % ring->nr]);

		err = mqk_targets_add(targets, &s->set);
		if (err || targets->matched)
			return err;
	}
	return 0;
}

const struct mqk_exchange_ops mqk_exchange_hash = {
	.type = MQK_EXCHANGE_HASH,
	.name = "x-consistent-hash",
	.args = MQK_EXCHANGE_ARG_ALTERNATE | MQK_EXCHANGE_ARG_HASH_HEADER,
	.init = hash_init,
	.destroy = hash_destroy,
	.check = hash_check,
	.set_bytes = hash_set_bytes,
	.get_set = hash_get_set,
	.close = hash_close,
	.put_set = hash_put_set,
	.route = hash_route,
};
