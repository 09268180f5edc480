/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SLOTS_MODEL_H
#define SLOTS_MODEL_H

/*
 * Delivery tags beside a plain list of those that are outstanding. The calls
 * return NULL or what is wrong.
 */

#include <linux/kernel.h>

#include "util/slots.h"

#define SLOTS_MAX	1024u		/* slots of a table */

struct slots_model {
	struct mqk_slots s;
	struct mqk_slot *table;
	u32 size;
	u64 given;			/* the last tag */
	/* outstanding, in the order in which they were given */
	u64 tag[SLOTS_MAX / 2];
	u32 n;
	u64 adds;
	u64 skips;
};

/* A table of so many slots, a power of two, after so many tags were given. */
void slots_init(struct slots_model *m, u32 size, u64 given);
/* Ends all tags. */
const char *slots_destroy(struct slots_model *m);

static inline bool slots_full(const struct slots_model *m)
{
	return m->n == m->size / 2;
}

/* Needs that it is not full. */
const char *slots_add(struct slots_model *m);
/* The n-th of those that are outstanding. */
const char *slots_del(struct slots_model *m, u32 n);
/* As MULTIPLE does: from the first to this tag. */
const char *slots_del_up_to(struct slots_model *m, u64 tag);
/* Whether a tag is found as it must be. */
const char *slots_find(struct slots_model *m, u64 tag);
const char *slots_check(struct slots_model *m);

#endif
