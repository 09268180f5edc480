/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOPIC_MODEL_H
#define TOPIC_MODEL_H

/*
 * A trie beside a plain list of the same patterns. Every operation is done to
 * both, and what the trie says is compared with what the reference says of the
 * list. Functions return NULL or a complaint.
 */

#include <linux/mutex.h>

#include "util/topic.h"

struct model_entry {
	u8 pattern[MQK_TOPIC_MAX_LEN];
	unsigned int len;
	bool live;
	unsigned int hits;
	struct mqk_topic_node *node;
};

struct model {
	struct mqk_topic trie;
	struct mutex lock;
	struct mqk_topic_scratch scratch;
	struct model_entry **entry;
	unsigned int n;
	unsigned int live;
	bool stray;
};

const char *model_init(struct model *m, enum mqk_topic_dialect dialect);
/* Removes everything, and checks that nothing is left. */
const char *model_destroy(struct model *m);

/* -ENOMEM from the trie goes to *err if that is given; then nothing changed. */
const char *model_insert(struct model *m, const void *pattern, unsigned int len, int *err);
const char *model_remove(struct model *m, const void *pattern, unsigned int len);
/* Number i of the patterns that ever were inserted. */
const char *model_remove_nth(struct model *m, unsigned int i);

const char *model_match(struct model *m, const void *key, unsigned int len);
/* Node count, bytes and find() against the list: slower. */
const char *model_shape(struct model *m);

#endif
