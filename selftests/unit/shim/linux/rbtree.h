/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RBTREE_H
#define SHIM_LINUX_RBTREE_H

/*
 * The kernel's calls on a treap: balanced by a hash of each node's address. As
 * in the kernel, equal nodes stand in the order in which they were added.
 */

#include <linux/kernel.h>

struct rb_node {
	struct rb_node *shim_parent;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
	struct rb_node *rb_leftmost;
};

#define RB_EMPTY_NODE(node)	((node)->shim_parent == (node))
#define RB_CLEAR_NODE(node)	((node)->shim_parent = (node))
#define RB_ROOT		((struct rb_root) { NULL })
#define RB_ROOT_CACHED	((struct rb_root_cached) { { NULL }, NULL })

/* As in the kernel: in no tree. */
#define RB_EMPTY_NODE(node)	((node)->shim_parent == (node))
#define RB_CLEAR_NODE(node)	((node)->shim_parent = (node))

#define rb_entry(ptr, type, member)	container_of(ptr, type, member)
#define rb_first_cached(root)		((root)->rb_leftmost)

typedef bool (*shim_rb_less_t)(struct rb_node *a, const struct rb_node *b);

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

void rb_add(struct rb_node *node, struct rb_root *tree, shim_rb_less_t less);
void rb_erase(struct rb_node *node, struct rb_root *tree);

/* Returns the node if it is the first one now, else NULL. */
struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *tree,
			      shim_rb_less_t less);
/* Returns the new first node if it was the first one, else NULL. */
struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *tree);

#endif
