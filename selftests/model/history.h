/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

/* Histories: made at random, run against two brokers, cut to the shortest that differs. */

#include "driver.h"
#include "random.h"

#define HISTORY_ROOM	256

struct history {
	unsigned int nr;
	struct step step[HISTORY_ROOM];
	const struct scope *scope;	/* what it may hold; NULL: anything */
};

/* What histories are made of: a bit for each that may be. */
struct scope {
	uint32_t operations;
	uint32_t queue_profiles, exchange_profiles, consumer_profiles, message_kinds;
};

extern const struct scope scope_all;
/* What the module does today; each part that lands adds its bits. */
extern const struct scope scope_module;
/* Of that, queues with levels and groups, and what concerns them. */
extern const struct scope scope_takers;

/* @nr steps; the first ones make what the others need. */
void history_make(struct history *h, const struct scope *scope, struct random *r,
		  unsigned int nr);
/*
 * The number of the first step after which the two say different things, or
 * -1; what they say goes to @a_says and @b_says unless those are NULL. A history
 * ends with a step of which @a does not promise what comes.
 */
int history_differs(const struct history *h, const struct driver *a, const struct driver *b,
		    struct text *a_says, struct text *b_says);
/* Steps in which the two said the same, in all that was run so far. */
unsigned long history_compared(void);
/* Leave out what is not needed for a difference; how many runs that took. */
unsigned int history_shrink(struct history *h, const struct driver *a, const struct driver *b);
void history_print(const struct history *h, const char *prefix);

#endif
