/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INDEX_MODEL_H
#define INDEX_MODEL_H

/*
 * An index beside plain arrays: each call below does the same to both, and
 * returns NULL or what is wrong.
 */

#include "util/index.h"

#define MODEL_PLACES	200000u		/* entries that one index may see */

/* What was detached while it waited is DETACHED; else it is TAKEN. */
enum place { WAITING = 1, TAKEN, RETURNED, DETACHED, DONE, REMOVED };

/* A chunk that was put in use. */
struct span {
	u64 base;
	u32 used;
	u32 live;
	bool gone;
};

struct index_model {
	struct mqk_index x;
	/* by place */
	u8 state[MODEL_PLACES];
	struct mqk_entry *at[MODEL_PLACES];
	u32 nth_taken[MODEL_PLACES];	/* where in taken */
	u64 first;			/* none before it is alive */
	u64 next;
	/* in no order */
	u32 taken[MODEL_PLACES];
	u32 nr_taken;
	/* those that were taken out of turn, in that order; they do not return */
	u64 detached[64];
	u32 nr_detached;
	/* chunks in the order of use */
	struct span span[MODEL_PLACES / 64];
	u32 nr_spans;
	u32 nr_spare;
	u32 nr_chunks;
	u64 reserved;
};

void model_init(struct index_model *m);
/* Ends everything, drains, and checks that no chunk is left. */
const char *model_destroy(struct index_model *m);

const char *model_feed(struct index_model *m);
/* Says whether there was room. */
const char *model_reserve(struct index_model *m, bool *ok);
const char *model_unreserve(struct index_model *m);
/* Needs a reservation. */
const char *model_append(struct index_model *m);
/* The same, and takes it at once; when nothing waits. */
const char *model_pass(struct index_model *m, bool settled);
/* Several at a time, each taken as it comes, without reservations of theirs. */
const char *model_through(struct index_model *m, u32 n);
bool model_idle(const struct index_model *m);
/* Takes the next one, if there is any. */
const char *model_take(struct index_model *m, bool settled);
/* The n-th of those that are taken. */
const char *model_return(struct index_model *m, u32 n);
const char *model_done(struct index_model *m, u32 n);
/* Ends the first one from there on that is ready, if there is any. */
const char *model_remove(struct index_model *m, u64 seq);
/* Takes the first one from there on that is ready out of turn; ends the oldest such one. */
const char *model_detach(struct index_model *m, u64 seq);
const char *model_end_detached(struct index_model *m);
/* The oldest such one is ready again. */
const char *model_attach(struct index_model *m);
/* One call; and from one place to the end, in calls of so many chunks. */
const char *model_find(struct index_model *m, u64 seq, u32 chunks);
const char *model_find_all(struct index_model *m, u64 seq, u32 chunks);
/* Needs that nothing is reserved. */
const char *model_drain(struct index_model *m);
/* All that can be known of the insides. */
const char *model_check(const struct index_model *m);

u64 model_room(const struct index_model *m);

#endif
