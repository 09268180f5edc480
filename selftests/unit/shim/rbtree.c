// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rbtree.h>

/* A parent has a higher one than its children; it need not be stored. */
static u64 priority(const struct rb_node *node)
{
	u64 h = (u64)(unsigned long)node * 0x9e3779b97f4a7c15ULL;

	return h ^ h >> 29;
}

static struct rb_node **link_of(struct rb_node *node, struct rb_root *tree)
{
	struct rb_node *parent = node->shim_parent;

	if (!parent)
		return &tree->rb_node;
	return parent->rb_left == node ? &parent->rb_left : &parent->rb_right;
}

/* Put a child in the place of its parent, which becomes its child. */
static void rotate_up(struct rb_node *child, struct rb_root *tree)
{
	struct rb_node *parent = child->shim_parent, *orphan;

	*link_of(parent, tree) = child;
	if (parent->rb_left == child) {
		orphan = child->rb_right;
		parent->rb_left = orphan;
		child->rb_right = parent;
	} else {
		orphan = child->rb_left;
		parent->rb_right = orphan;
		child->rb_left = parent;
	}
	if (orphan)
		orphan->shim_parent = parent;
	child->shim_parent = parent->shim_parent;
	parent->shim_parent = child;
}

void rb_add(struct rb_node *node, struct rb_root *tree, shim_rb_less_t less)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = less(node, parent) ? &parent->rb_left : &parent->rb_right;
	}
	*link = node;
	node->shim_parent = parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	while (node->shim_parent && priority(node) > priority(node->shim_parent))
		rotate_up(node, tree);
}

void rb_erase(struct rb_node *node, struct rb_root *tree)
{
	while (node->rb_left || node->rb_right)
		rotate_up(!node->rb_right || (node->rb_left &&
			  priority(node->rb_left) > priority(node->rb_right)) ?
			  node->rb_left : node->rb_right, tree);
	*link_of(node, tree) = NULL;
	/* As in the kernel, the node keeps what it held; here it traps. */
	node->shim_parent = (void *)-1L;
	node->rb_left = (void *)-1L;
	node->rb_right = (void *)-1L;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *node = root->rb_node;

	while (node && node->rb_left)
		node = node->rb_left;
	return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	const struct rb_node *parent;

	if (node->rb_right) {
		node = node->rb_right;
		while (node->rb_left)
			node = node->rb_left;
		return (struct rb_node *)node;
	}
	while ((parent = node->shim_parent) && parent->rb_right == node)
		node = parent;
	return (struct rb_node *)parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	const struct rb_node *parent;

	if (node->rb_left) {
		node = node->rb_left;
		while (node->rb_right)
			node = node->rb_right;
		return (struct rb_node *)node;
	}
	while ((parent = node->shim_parent) && parent->rb_left == node)
		node = parent;
	return (struct rb_node *)parent;
}

struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *tree,
			      shim_rb_less_t less)
{
	rb_add(node, &tree->rb_root, less);
	if (tree->rb_leftmost && !less(node, tree->rb_leftmost))
		return NULL;
	tree->rb_leftmost = node;
	return node;
}

struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *tree)
{
	struct rb_node *next = NULL;

	if (tree->rb_leftmost == node)
		next = tree->rb_leftmost = rb_next(node);
	rb_erase(node, &tree->rb_root);
	return next;
}
