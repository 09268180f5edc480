// SPDX-License-Identifier: GPL-2.0-only
/* Topic trie. See topic.h for what it is and what it promises. */
#include "util/topic.h"

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "util/topic_words.h"

/*
 * Validity
 */

static int check_text(const u8 *text, unsigned int len, enum mqk_topic_dialect dialect,
		      unsigned int max_multi, bool is_key)
{
	struct mqk_topic_cursor c = mqk_topic_words(dialect, text, len);
	unsigned int words = 0, multi = 0;
	struct mqk_topic_word w;

	if (len > MQK_TOPIC_MAX_LEN)
		return -ENAMETOOLONG;
	if (!len && c.syntax->strict)
		return -EINVAL;
	while (mqk_topic_next_word(&c, &w)) {
		if (++words > MQK_TOPIC_MAX_WORDS)
			return -EINVAL;
		if (!is_key && w.kind == MQK_TOPIC_MULTI && ++multi > max_multi)
			return -EINVAL;
		if (!c.syntax->strict)
			continue;
		if (!mqk_topic_word_is_strict(c.syntax, &w))
			return -EINVAL;
		if (is_key && w.kind != MQK_TOPIC_LITERAL)
			return -EINVAL;
	}
	return 0;
}

/**
 * mqk_topic_check - may this text be a pattern?
 * @pattern: the text, not NULL
 * @len: its length
 * @dialect: whose rules
 * @max_multi: how many multi-word wildcards it may have
 *
 * MQTT filters are not checked for being UTF-8.
 *
 * Context: Any.
 * Return: 0; -ENAMETOOLONG over MQK_TOPIC_MAX_LEN bytes; -EINVAL for more than
 * MQK_TOPIC_MAX_WORDS words, more than @max_multi multi-word wildcards, or what
 * the dialect forbids.
 */
int mqk_topic_check(const u8 *pattern, unsigned int len, enum mqk_topic_dialect dialect,
		    unsigned int max_multi)
{
	return check_text(pattern, len, dialect, max_multi, false);
}

/**
 * mqk_topic_check_key - may this text be a routing key?
 * @key: the text, not NULL
 * @len: its length
 * @dialect: whose rules
 *
 * Context: Any.
 * Return: 0; -ENAMETOOLONG over MQK_TOPIC_MAX_LEN bytes; -EINVAL for more than
 * MQK_TOPIC_MAX_WORDS words or what the dialect forbids.
 */
int mqk_topic_check_key(const u8 *key, unsigned int len, enum mqk_topic_dialect dialect)
{
	return check_text(key, len, dialect, 0, true);
}

/*
 * Edges
 */

/* What names a literal child. */
struct edge {
	const struct mqk_topic_node *parent;
	const u8 *word;
	unsigned int len;
	u32 hash;
};

static u32 edge_hash(const struct mqk_topic_node *parent, u32 hash, u32 seed)
{
	unsigned long p = (unsigned long)parent;

	return jhash_3words(lower_32_bits(p), upper_32_bits(p), hash, seed);
}

static u32 edge_hashfn(const void *data, u32 len, u32 seed)
{
	const struct edge *e = data;

	return edge_hash(e->parent, e->hash, seed);
}

static u32 edge_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct mqk_topic_node *node = data;

	return edge_hash(node->parent, node->hash, seed);
}

static int edge_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mqk_topic_node *node = obj;
	const struct edge *e = arg->key;

	return node->parent != e->parent || node->hash != e->hash || node->len != e->len ||
	       memcmp(node->word, e->word, e->len);
}

static const struct rhashtable_params edge_params = {
	.nelem_hint = 3, /* most exchanges have a handful of bindings */
	.head_offset = offsetof(struct mqk_topic_node, edge),
	.hashfn = edge_hashfn,
	.obj_hashfn = edge_obj_hashfn,
	.obj_cmpfn = edge_cmpfn,
	.automatic_shrinking = true,
};

static u32 word_hash(const struct mqk_topic *t, const u8 *word, unsigned int len)
{
	return hsiphash(word, len, &t->key);
}

/*
 * Nodes
 */

/* The table shrinks below 30 % use: up to 3.4 buckets for a node, taken as 4. */
static size_t node_bytes(unsigned int len)
{
	struct mqk_topic_node *node = NULL;

	return kmalloc_size_roundup(struct_size(node, word, len)) + 4 * sizeof(void *);
}

/**
 * mqk_topic_pattern_bytes - what a pattern may cost
 * @pattern: a valid pattern
 * @len: its length
 * @dialect: whose rules
 *
 * What inserting @pattern takes if it shares no node. The sum over all live
 * patterns bounds the memory that their trie uses (&struct mqk_topic.bytes), so
 * this is what to charge for each: unlike the nodes that an insert really adds,
 * it does not depend on who comes first and who leaves last.
 *
 * Context: Any.
 * Return: bytes.
 */
size_t mqk_topic_pattern_bytes(const u8 *pattern, unsigned int len,
			       enum mqk_topic_dialect dialect)
{
	struct mqk_topic_cursor c = mqk_topic_words(dialect, pattern, len);
	struct mqk_topic_word w;
	size_t bytes = 0;

	while (mqk_topic_next_word(&c, &w))
		bytes += node_bytes(w.len);
	return bytes;
}

static struct mqk_topic_node __rcu **wildcard_slot(struct mqk_topic_node *node, u8 kind)
{
	return kind == MQK_TOPIC_MULTI ? &node->multi : &node->single;
}

static struct mqk_topic_node *find_child(struct mqk_topic *t, struct mqk_topic_node *parent,
					 const struct mqk_topic_word *w)
{
	struct edge e = { .parent = parent, .word = w->at, .len = w->len };

	if (w->kind != MQK_TOPIC_LITERAL)
		return rcu_dereference_protected(*wildcard_slot(parent, w->kind),
						 lockdep_is_held(t->lock));
	e.hash = word_hash(t, w->at, w->len);
	return rhashtable_lookup_fast(&t->edges, &e, edge_params);
}

/* Once linked, readers see the node. */
static int link_node(struct mqk_topic *t, struct mqk_topic_node *node)
{
	struct mqk_topic_node *parent = node->parent;
	int err;

	if (node->kind == MQK_TOPIC_LITERAL) {
		err = rhashtable_insert_fast(&t->edges, &node->edge, edge_params);
		if (err)
			return err;
		WRITE_ONCE(parent->literals, parent->literals + 1);
	} else {
		rcu_assign_pointer(*wildcard_slot(parent, node->kind), node);
	}
	t->nodes++;
	t->bytes += node_bytes(node->len);
	return 0;
}

static void unlink_node(struct mqk_topic *t, struct mqk_topic_node *node)
{
	struct mqk_topic_node *parent = node->parent;

	if (node->kind == MQK_TOPIC_LITERAL) {
		WRITE_ONCE(parent->literals, parent->literals - 1);
		rhashtable_remove_fast(&t->edges, &node->edge, edge_params);
	} else {
		RCU_INIT_POINTER(*wildcard_slot(parent, node->kind), NULL);
	}
	t->nodes--;
	t->bytes -= node_bytes(node->len);
	kfree_rcu(node, rcu);
}

static struct mqk_topic_node *add_child(struct mqk_topic *t, struct mqk_topic_node *parent,
					const struct mqk_topic_word *w)
{
	struct mqk_topic_node *node;

	node = kzalloc(struct_size(node, word, w->len), GFP_KERNEL_ACCOUNT);
	if (!node)
		return NULL;
	node->parent = parent;
	node->kind = w->kind;
	node->hash = word_hash(t, w->at, w->len);
	node->len = w->len;
	memcpy(node->word, w->at, w->len);
	if (link_node(t, node)) {
		kfree(node);
		return NULL;
	}
	return node;
}

static bool node_is_bare(const struct mqk_topic_node *node)
{
	return !node->literals && !rcu_access_pointer(node->single) &&
	       !rcu_access_pointer(node->multi) && !rcu_access_pointer(node->value);
}

/* Remove bare nodes from @node towards the root, but not @stop. */
static void prune_up_to(struct mqk_topic *t, struct mqk_topic_node *node,
			const struct mqk_topic_node *stop)
{
	while (node != stop && node_is_bare(node)) {
		struct mqk_topic_node *parent = node->parent;

		unlink_node(t, node);
		node = parent;
	}
}

/**
 * mqk_topic_init - make an empty trie
 * @t: where
 * @dialect: of its patterns and keys
 * @lock: the mutex under which the caller will change it
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int mqk_topic_init(struct mqk_topic *t, enum mqk_topic_dialect dialect, struct mutex *lock)
{
	int err;

	t->lock = lock;
	t->dialect = dialect;
	t->nodes = 0;
	t->bytes = 0;
	get_random_bytes(&t->key, sizeof(t->key));
	t->root = kzalloc(sizeof(*t->root), GFP_KERNEL_ACCOUNT);
	if (!t->root)
		return -ENOMEM;
	err = rhashtable_init(&t->edges, &edge_params);
	if (err)
		kfree(t->root);
	return err;
}

/* Free what hangs below @top by wildcard edges alone, children first. */
static void free_wildcards(struct mqk_topic_node *top)
{
	struct mqk_topic_node *node = top, *child, *parent;

	for (;;) {
		child = rcu_dereference_protected(node->single, true) ?:
			rcu_dereference_protected(node->multi, true);
		if (child) {
			node = child;
			continue;
		}
		if (node == top)
			return;
		parent = node->parent;
		RCU_INIT_POINTER(*wildcard_slot(parent, node->kind), NULL);
		kfree(node);
		node = parent;
	}
}

static void free_literal(void *ptr, void *arg)
{
	free_wildcards(ptr);
	kfree(ptr);
}

/**
 * mqk_topic_destroy - free all nodes
 * @t: the trie; values still in it are left to the caller
 *
 * Context: May sleep. A grace period has passed since readers could find @t.
 */
void mqk_topic_destroy(struct mqk_topic *t)
{
	/*
	 * Every node hangs by wildcard edges from a literal node or the root.
	 * Freeing a literal node follows no edge upwards or to another literal
	 * node, so these may go in any order.
	 */
	rhashtable_free_and_destroy(&t->edges, free_literal, NULL);
	free_wildcards(t->root);
	kfree(t->root);
}

/**
 * mqk_topic_insert - find or make the node of a pattern
 * @t: the trie
 * @pattern: the pattern, not NULL
 * @len: its length
 *
 * A node made here has no value: set one (rcu_assign_pointer()) or give the
 * node back with mqk_topic_prune() before the mutex is released.
 *
 * Context: May sleep. The trie's mutex is held.
 * Return: the node; ERR_PTR(-ENOMEM), the trie being as before; or what
 * mqk_topic_check() says with any number of multi-word wildcards allowed.
 */
struct mqk_topic_node *mqk_topic_insert(struct mqk_topic *t, const u8 *pattern, unsigned int len)
{
	struct mqk_topic_cursor c = mqk_topic_words(t->dialect, pattern, len);
	struct mqk_topic_node *node, *child, *old;
	struct mqk_topic_word w;
	int err;

	lockdep_assert_held(t->lock);

	/* The stack in the scratch relies on the limit of words. */
	err = mqk_topic_check(pattern, len, t->dialect, UINT_MAX);
	if (err)
		return ERR_PTR(err);

	old = t->root;
	for (node = old; mqk_topic_next_word(&c, &w); node = child) {
		child = find_child(t, node, &w);
		if (child) {
			old = child;
			continue;
		}
		child = add_child(t, node, &w);
		if (!child) {
			prune_up_to(t, node, old);
			return ERR_PTR(-ENOMEM);
		}
	}
	return node;
}

/**
 * mqk_topic_find - find the node of a pattern
 * @t: the trie
 * @pattern: the pattern itself, wildcards and all, not NULL
 * @len: its length
 *
 * Context: The trie's mutex is held.
 * Return: the node, which may be part of other patterns' paths only and have
 * no value; or NULL.
 */
struct mqk_topic_node *mqk_topic_find(struct mqk_topic *t, const u8 *pattern, unsigned int len)
{
	struct mqk_topic_cursor c = mqk_topic_words(t->dialect, pattern, len);
	struct mqk_topic_node *node = t->root;
	struct mqk_topic_word w;

	lockdep_assert_held(t->lock);

	while (node && mqk_topic_next_word(&c, &w))
		node = find_child(t, node, &w);
	return node;
}

/**
 * mqk_topic_prune - remove a node that is no longer needed
 * @t: the trie
 * @node: from insert or find; not to be used afterwards
 *
 * To be called whenever a node's value became NULL. Removes the node, and those
 * on its path, as far as they have neither children nor value.
 *
 * Context: The trie's mutex is held. The memory goes after a grace period.
 */
void mqk_topic_prune(struct mqk_topic *t, struct mqk_topic_node *node)
{
	lockdep_assert_held(t->lock);

	prune_up_to(t, node, t->root);
}

/*
 * Matching
 */

/* Positions 0 to the number of words fit, and a set of them can advance once. */
static_assert(MQK_TOPIC_MAX_WORDS + 1 < MQK_POSSET_END);
/* Offsets and lengths are bytes, so are the numbers of distinct words. */
static_assert(MQK_TOPIC_MAX_LEN <= U8_MAX && MQK_TOPIC_MAX_WORDS <= U8_MAX + 1);

/* The order in which a frame turns to the node's children. */
enum step {
	STEP_MULTI,
	STEP_SINGLE,
	STEP_LITERALS,
};

/* The number of a word among the distinct ones. */
static unsigned int intern_word(const struct mqk_topic *t, struct mqk_topic_scratch *s,
				const struct mqk_topic_word *w)
{
	u32 hash = word_hash(t, w->at, w->len);
	struct mqk_topic_key_word *d;
	unsigned int i;

	for (i = 0; i < s->distinct; i++) {
		d = &s->word[i];
		if (d->hash == hash && d->len == w->len &&
		    !memcmp(s->key + d->offset, w->at, w->len))
			return i;
	}
	s->word[s->distinct++] = (struct mqk_topic_key_word){
		.hash = hash, .offset = w->at - s->key, .len = w->len,
	};
	return i;
}

static int split_key(const struct mqk_topic *t, const u8 *key, unsigned int len,
		     struct mqk_topic_scratch *s)
{
	struct mqk_topic_cursor c = mqk_topic_words(t->dialect, key, len);
	struct mqk_topic_word w;

	if (len > MQK_TOPIC_MAX_LEN)
		return -ENAMETOOLONG;
	s->key = key;
	s->words = 0;
	s->distinct = 0;
	s->all = mqk_posset_of(0);
	while (mqk_topic_next_word(&c, &w)) {
		unsigned int pos = s->words, i;

		if (pos == MQK_TOPIC_MAX_WORDS)
			return -EINVAL;
		i = intern_word(t, s, &w);
		s->index[pos] = i;
		mqk_posset_add(&s->word[i].at, pos);
		mqk_posset_add(&s->all, ++s->words);
	}
	return 0;
}

/*
 * The next literal child on a beginning of the key, and its set. The frame's
 * set loses the positions that have been dealt with.
 */
static struct mqk_topic_node *next_literal(struct mqk_topic *t, struct mqk_topic_scratch *s,
					   struct mqk_topic_frame *f, struct mqk_posset *set)
{
	struct edge e = { .parent = f->node };
	struct mqk_topic_node *child;
	unsigned int pos;

	if (!READ_ONCE(f->node->literals))
		return NULL;
	/* No word stands at position s->words, the end of the key. */
	while ((pos = mqk_posset_first(&f->set)) < s->words) {
		const struct mqk_topic_key_word *d = &s->word[s->index[pos]];

		*set = mqk_posset_advance(mqk_posset_and(f->set, d->at));
		mqk_posset_remove(&f->set, d->at);
		e.word = s->key + d->offset;
		e.len = d->len;
		e.hash = d->hash;
		s->lookups++;
		child = rhashtable_lookup(&t->edges, &e, edge_params);
		if (child)
			return child;
	}
	return NULL;
}

/* The next child whose path matches a beginning of the key, and its set. */
static struct mqk_topic_node *next_child(struct mqk_topic *t, struct mqk_topic_scratch *s,
					 struct mqk_topic_frame *f, struct mqk_posset *set)
{
	unsigned int first = mqk_posset_first(&f->set);
	struct mqk_topic_node *child;

	if (f->step == STEP_MULTI) {
		f->step = STEP_SINGLE;
		child = rcu_dereference(f->node->multi);
		if (child) {
			/* None of the words that follow, or one, ... or all. */
			*set = mqk_posset_from(s->all, first);
			return child;
		}
	}
	if (f->step == STEP_SINGLE) {
		f->step = STEP_LITERALS;
		child = rcu_dereference(f->node->single);
		if (child && first < s->words) {
			*set = mqk_posset_and(mqk_posset_advance(f->set), s->all);
			return child;
		}
	}
	return next_literal(t, s, f, set);
}

/* A guarded key is hidden from the wildcards that are children of the root. */
static enum step first_step(const struct mqk_topic *t, const u8 *key, unsigned int len)
{
	const struct mqk_topic_syntax *x = &mqk_topic_syntaxes[t->dialect];

	return x->guarded && len && *key == x->guard ? STEP_LITERALS : STEP_MULTI;
}

/**
 * mqk_topic_match - report the values of all patterns that match a key
 * @t: the trie
 * @key: the key, not NULL; must not change meanwhile
 * @len: its length
 * @s: working memory
 * @fn: gets each value that is not NULL, once; any return but 0 ends the match
 * @arg: for @fn
 *
 * What only mqk_topic_check_key() forbids is matched byte by byte.
 *
 * Context: rcu_read_lock() is held. Does not sleep, nor may @fn.
 * Return: 0; what @fn returned; -ENAMETOOLONG for a key of more than
 * MQK_TOPIC_MAX_LEN bytes or -EINVAL for more than MQK_TOPIC_MAX_WORDS words,
 * @fn not having been called.
 */
int mqk_topic_match(struct mqk_topic *t, const u8 *key, unsigned int len,
		    struct mqk_topic_scratch *s, int (*fn)(void *value, void *arg), void *arg)
{
	struct mqk_posset set = mqk_posset_of(0);
	struct mqk_topic_node *node = t->root;
	struct mqk_topic_frame *f = s->stack;
	void *value;
	int ret;

	s->visits = 0;
	s->lookups = 0;
	ret = split_key(t, key, len, s);
	if (ret)
		return ret;

	f->step = first_step(t, key, len);
	for (;;) {
		f->node = node;
		f->set = set;
		s->visits++;
		value = rcu_dereference(node->value);
		if (value && mqk_posset_has(&set, s->words)) {
			ret = fn(value, arg);
			if (ret)
				return ret;
		}
		while (!(node = next_child(t, s, f, &set))) {
			if (f == s->stack)
				return 0;
			f--;
		}
		/* No path has more words than a pattern, so the stack suffices. */
		f++;
		f->step = STEP_MULTI;
	}
}
