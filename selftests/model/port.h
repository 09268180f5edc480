/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_PORT_H
#define MODEL_PORT_H

/*
 * Ports: publishing, confirms and returns; named producers, whose repeats are
 * dropped; transactions, which are the session's.
 */

#include "message.h"
#include "text.h"

struct broker;
struct targets;

struct port {
	bool open;
	unsigned int session;
	int producer;			/* or -1 */
	unsigned int epoch;
	uint64_t seq;
	uint64_t unconfirmed;		/* so many of them, of a transaction */
	int failed;			/* what a transaction cannot be committed for */
	bool blocked;			/* by a full queue, with this one: */
	struct message waiting;
	uint64_t until;
	uint64_t waiting_number;
	struct text seen;		/* in this step */
};

struct producer {
	char name[TEXT_ROOM];
	unsigned int epoch;
	uint64_t last;			/* number of the last message taken */
};

/* Publishing as another producer of that name fences the ones before. */
int port_open(struct broker *b, unsigned int session, const char *producer,
	      uint64_t *last);
int port_close(struct broker *b, unsigned int id);
/*
 * ENOENT no such exchange, EACCES internal, EINVAL property, ENAMETOOLONG key,
 * EAGAIN blocked, ESTALE fenced, ERANGE a gap in the numbers.
 */
int port_publish(struct broker *b, unsigned int id, const struct message *m, uint64_t number);
/* The same, without what follows from it. */
int port_take(struct broker *b, unsigned int id, const struct message *m, uint64_t number);
/* What a transaction has kept back, and every queue takes. */
void port_commit(struct broker *b, unsigned int id, const struct message *m);
void port_confirm(struct broker *b, unsigned int id);
/* Into all queues that take it, for a message that waits for no room; false: into none. */
bool port_gives(struct broker *b, const struct message *m, const struct targets *t);
/* Try what is blocked again; true if one of them is not any more. */
bool port_retry(struct broker *b);
uint64_t port_deadline(const struct broker *b);

#endif
