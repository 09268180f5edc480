/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_ROUTE_H
#define MODEL_ROUTE_H

/* From an exchange, by way of others, to queues. */

#include "exchange.h"

#define TARGETS_ROOM	32

struct targets {
	unsigned int nr;
	char queue[TARGETS_ROOM][NAME_ROOM];
};

/* Each queue once. What was last published is kept where an exchange does that. */
void route_find(struct broker *b, const char *exchange, const struct message *m,
		bool keep, struct targets *targets);

#endif
