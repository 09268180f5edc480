/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_QUEUE_H
#define MODEL_QUEUE_H

/*
 * A queue: its entries in no particular order, each with its place. What is
 * next is looked for among all of them, each time.
 */

#include "message.h"
#include "rules.h"

#define NOBODY		(~0u)
#define SEEN_ROOM	64

struct broker;
struct consumer;

enum state {
	READY,
	TAKEN,			/* by a consumer, not settled */
	SCHEDULED,		/* never ready yet; gets its place when it is due */
	RETRYING,		/* failed; back to its place when it is due */
};

struct entry {
	struct message m;
	enum state state;
	uint64_t came;			/* its number, of all that came in */
	uint64_t place;			/* NEVER while scheduled */
	uint64_t due;
	uint64_t expires;
	uint64_t timeout;		/* when a consumer has had it for too long */
	unsigned int deliveries, failures;
	unsigned int consumer;
	uint64_t tag;
};

struct seen {
	char id[TEXT_ROOM];
	uint64_t until;
};

struct queue {
	char name[NAME_ROOM];
	unsigned int flags;
	unsigned int session;		/* of an exclusive one, else NOBODY */
	struct table args;
	struct rules rules;
	bool paused;
	bool consumed;			/* ever */
	uint64_t used_at;		/* for x-expires */
	uint64_t next_place, next_came;
	unsigned int active;		/* consumer, with single_active */
	unsigned int passed[MAX_LEVELS];	/* messages that went before it from above */
	struct entry **entry;
	unsigned int nr;
	struct seen seen[SEEN_ROOM];
	unsigned int nr_seen;
};

int queue_declare(struct broker *b, unsigned int session, const char *name, unsigned int flags,
		  const struct table *args, char *made_name);
int queue_delete(struct broker *b, unsigned int session, const char *name, bool if_unused,
		 bool if_empty);
/* Change arguments of a live queue: those given replace those it has. */
int queue_change(struct broker *b, const char *name, const struct table *args);
int queue_pause(struct broker *b, const char *name, bool paused);
/* errno, or how many are gone */
int queue_purge(struct broker *b, unsigned int session, const char *name);
/* Scheduled messages with this id are gone: errno or how many. */
int queue_cancel(struct broker *b, const char *name, const char *message_id);
/* Back to where they died last, oldest first: errno or how many. */
int queue_redrive(struct broker *b, const char *name, unsigned int max);
struct queue *queue_find(struct broker *b, const char *name);
int queue_access(const struct queue *q, unsigned int session);
void queue_remove(struct broker *b, struct queue *q);

unsigned int queue_count(const struct queue *q, enum state state);
unsigned int queue_rank(const struct queue *q, const struct entry *e);
/* Whether a goes before b: better rank, then older. */
bool queue_before(const struct queue *q, const struct entry *a, const struct entry *b);

enum admission {
	ADMITTED, REPEATED, REFUSED,
};

/* What would become of a new message, after @staged others. */
enum admission queue_admits(struct broker *b, struct queue *q, const struct message *m,
			    unsigned int staged);
void queue_append(struct broker *b, struct queue *q, const struct message *m);
void queue_drop(struct queue *q, struct entry *e);
/* A taken message comes back. */
void queue_return(struct broker *b, struct queue *q, struct entry *e, bool failed);

/* All that follows in this queue alone: deliveries, expiry, what is too much. */
void queue_settle(struct broker *b, struct queue *q);
/* What time and length do; true if anything changed. */
bool queue_expire(struct broker *b, struct queue *q);
bool queue_shorten(struct broker *b, struct queue *q);
bool queue_wake_up(struct broker *b, struct queue *q);
uint64_t queue_deadline(const struct broker *b, const struct queue *q);
/* Unused for too long. */
bool queue_expired(const struct broker *b, const struct queue *q);

#endif
