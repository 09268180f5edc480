/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_RETAINED_H
#define MODEL_RETAINED_H

/* What last-value exchanges keep: the last messages of each key. */

#include "exchange.h"

struct retained {
	char exchange[NAME_ROOM];
	struct message m;
};

/* A message came by; an empty one clears its key. */
void retained_keep(struct broker *b, const struct exchange *x, const struct message *m);
/* To a queue that was just bound: what its key matches, oldest first. */
void retained_deliver(struct broker *b, const struct exchange *x, const struct binding *binding);
void retained_forget(struct broker *b, const char *exchange);

#endif
