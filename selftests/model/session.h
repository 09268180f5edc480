/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

/* Sessions, and their transactions over publishes and settlements. */

#include "consumer.h"
#include "port.h"
#include "will.h"

struct staged {
	bool publish;
	unsigned int id;		/* port or consumer */
	struct message m;
	uint64_t tag;
	bool requeue;
	enum verdict verdict;
	bool lost;			/* the message was taken back meanwhile */
};

struct session {
	bool open;
	struct will will;
	bool tx;
	struct staged *staged;
	unsigned int nr;
};

int session_open(struct broker *b);
/* @died: without a goodbye */
int session_close(struct broker *b, unsigned int id, bool died);
/* EBUSY: there is a transaction; EAGAIN: a message of a port waits for room. */
int session_tx(struct broker *b, unsigned int id);
/*
 * When it fails nothing has happened, and the transaction is over. ENOSPC: a queue
 * refuses; ENOENT: an exchange is gone; ESTALE: a message that is settled is not its
 * consumer's any more; else why a message was refused that was handed in in place.
 */
int session_commit(struct broker *b, unsigned int id);
int session_rollback(struct broker *b, unsigned int id);
struct staged *session_stage(struct session *s);
bool session_staged(const struct session *s, unsigned int consumer, uint64_t tag);
/* A message is its consumer's no more. */
void session_lose(struct session *s, unsigned int consumer, uint64_t tag);
/* The consumer is gone, whatever became of the queues that its messages were in. */
void session_lose_all(struct session *s, unsigned int consumer);

#endif
