/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_DEATH_H
#define MODEL_DEATH_H

/* Dead letters: out of a queue, through its dead-letter exchange. */

#include "message.h"

struct broker;
struct entry;
struct queue;

struct dead {
	struct message m;
	char exchange[NAME_ROOM];
	char from[NAME_ROOM];		/* the queue */
	enum reason reason;
	bool delayed;			/* it was to be scheduled */
};

/* The entry leaves its queue for this reason. */
void death_of_entry(struct broker *b, struct queue *q, struct entry *e, enum reason reason);
/* A message that never came in dies as well. */
void death_of_message(struct broker *b, struct queue *q, const struct message *m,
		      enum reason reason);
/*
 * Publish the next one; false: there is none. Those of a queue go in the order of
 * death, and all of them before those of another queue.
 */
bool death_publish(struct broker *b);
/* The queue is deleted before its letters are published: then they are gone. */
void death_forget(struct broker *b, const struct queue *q);

#endif
