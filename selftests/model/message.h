/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_MESSAGE_H
#define MODEL_MESSAGE_H

/* A message: what was published, and how often it has died since. */

#include "value.h"

#define KEYS_ROOM	4
#define DEATHS_ROOM	16

struct text;

struct keys {
	unsigned int nr;
	char key[KEYS_ROOM][NAME_ROOM];
};

enum reason {
	REJECTED,
	EXPIRED,
	MAXLEN,
	DELIVERY_LIMIT,
};

extern const char * const reason_name[];

/* An entry of x-death: all deaths in one queue for one reason. */
struct death {
	enum reason reason;
	char queue[NAME_ROOM];
	char exchange[NAME_ROOM];
	struct keys keys;
	unsigned int count;
	uint64_t time;			/* the first of them */
	int64_t expiration;		/* the property that was taken away, or -1 */
};

struct message {
	unsigned int body;		/* stands for the payload */
	unsigned int bytes;
	char exchange[NAME_ROOM];
	char key[NAME_ROOM];
	struct keys cc, bcc;
	struct table headers;
	bool mandatory;
	int priority;			/* -1: none */
	int64_t expiration;		/* ms, -1: none */
	int64_t delay;			/* ms */
	char id[TEXT_ROOM];		/* message-id */
	char group[TEXT_ROOM];
	unsigned int nr_deaths;
	struct death death[DEATHS_ROOM];	/* newest first */
};

struct message message_make(unsigned int body);
/* It died: x-death, x-first-death-*, x-last-death-*; no expiration from then on. */
void message_died(struct message *m, const char *queue, enum reason reason, uint64_t now);
/* Whether it was in a queue before, and nobody has rejected it since. */
bool message_cycles(const struct message *m, const char *queue);
void message_print(struct text *t, const struct message *m);

#endif
