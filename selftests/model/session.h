/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

/* Sessions, and their transactions over publishes and settlements. */

#include "consumer.h"
#include "port.h"

struct staged {
	bool publish;
	unsigned int id;		/* port or consumer */
	struct message m;
	uint64_t tag;
	bool multiple, requeue;
	enum verdict verdict;
};

struct session {
	bool open;
	bool tx;
	struct staged *staged;
	unsigned int nr;
};

int session_open(struct broker *b);
/* @died: without a goodbye */
int session_close(struct broker *b, unsigned int id, bool died);
int session_tx(struct broker *b, unsigned int id);
/* -ENOSPC: a queue refuses; nothing has happened, the transaction is over. */
int session_commit(struct broker *b, unsigned int id);
int session_rollback(struct broker *b, unsigned int id);
struct staged *session_stage(struct session *s);
bool session_staged(const struct session *s, unsigned int consumer, uint64_t tag);

#endif
