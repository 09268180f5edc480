/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_CONSUMER_H
#define MODEL_CONSUMER_H

/* Consumers, what they are given, and what they make of it. */

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define ANY_LEVEL	(-1)
#define VOID_ROOM	512

struct broker;
struct entry;
struct message;
struct queue;

enum verdict {
	ACCEPT, NACK, REJECT,
};

/* A tag whose message is not its consumer's any more: settling it does nothing. */
struct gone {
	uint64_t tag;
	bool lapsed;			/* it was out for too long; else its queue is gone */
};

struct consumer {
	bool open;
	unsigned int session;
	bool pulls;
	char queue[256];
	bool attached;			/* gets deliveries */
	bool noack, exclusive;
	unsigned int prefetch;		/* 0: no limit */
	int priority;
	int level;
	uint64_t turn;			/* the lowest is next */
	bool passed_over;		/* had no credit when it was its turn */
	uint64_t last_tag;
	unsigned int held;
	bool broken;
	bool lapsed;			/* a message was taken back from it */
	struct gone gone[VOID_ROOM];
	unsigned int nr_gone;
	struct text seen;		/* in this step */
};

struct consumer_options {
	bool noack, exclusive;
	unsigned int prefetch;
	int priority;
	int level;
};

/* The consumer's number or errno; without a queue, it pulls. */
int consumer_open(struct broker *b, unsigned int session, const char *queue,
		  const struct consumer_options *options);
int consumer_cancel(struct broker *b, unsigned int id);
/* The same, without what follows from it. */
void consumer_stop(struct broker *b, unsigned int id);
/* What it holds comes back, as failed if it died. */
int consumer_close(struct broker *b, unsigned int id, bool died);
/* The same, without what follows from it. */
void consumer_end(struct broker *b, unsigned int id, bool died);
int consumer_prefetch(struct broker *b, unsigned int id, unsigned int prefetch);
/* -EAGAIN: nothing there */
int consumer_get(struct broker *b, unsigned int id, const char *queue, bool noack);
/* @requeue: for NACK and REJECT. An unknown tag breaks the consumer: -EINVAL. */
int consumer_settle(struct broker *b, unsigned int id, uint64_t tag, bool multiple,
		    enum verdict verdict, bool requeue);
/* The same, without what follows from it. */
int consumer_take(struct broker *b, unsigned int id, uint64_t tag, bool multiple,
		  enum verdict verdict, bool requeue);
/* Carry out what a transaction has kept back. */
void consumer_commit(struct broker *b, unsigned int id, uint64_t tag, enum verdict verdict,
		     bool requeue);
struct entry *consumer_holds(struct broker *b, unsigned int id, uint64_t tag,
			     struct queue **q);
/* The tag of its nth unacknowledged message, from 0; 0 if there are fewer. */
uint64_t consumer_nth(struct broker *b, unsigned int id, unsigned int n);
/* The message of a tag is taken from it: it had it for too long, or its queue goes. */
void consumer_lose(struct broker *b, struct entry *e, bool lapsed);
/* Give a ready message to a consumer that can take it; false: none, or nobody. */
bool consumer_dispatch(struct broker *b, struct queue *q);
/* Whether a message that came now, after @staged others, would not have to wait. */
bool consumer_waits_for(struct broker *b, struct queue *q, const struct message *m,
			unsigned int staged);
unsigned int consumer_count(const struct broker *b, const char *queue);

#endif
