/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_WILL_H
#define MODEL_WILL_H

/* Last wills: what a session leaves when it ends without a goodbye. */

#include "message.h"

struct broker;

struct will {
	bool there;
	struct message m;
	uint64_t delay;			/* ms from the end of the session */
	uint64_t due;			/* while it waits for that */
};

/* ENOENT: no such exchange. It takes the place of the one before. */
int will_make(struct broker *b, unsigned int session, const struct message *m,
	      uint64_t delay);
int will_forget(struct broker *b, unsigned int session);
/* The session has ended: publish it, or have it wait. */
void will_execute(struct broker *b, unsigned int session);
/* Publish one whose time has come; false: there is none. */
bool will_wake_up(struct broker *b);
uint64_t will_deadline(const struct broker *b);
unsigned int wills_due(const struct broker *b, uint64_t when);

#endif
