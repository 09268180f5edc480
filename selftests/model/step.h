/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_STEP_H
#define MODEL_STEP_H

/*
 * A history is a sequence of steps, each an operation with small numbers, so
 * that it can be made at random, cut short, printed, and run against anything
 * that is a broker. Objects are numbered from 0 in the order in which they are
 * opened, or named by a number: queue 2 is "q2", exchange 1 is "x1". What does
 * not exist is asked for as well.
 */

#include <stdint.h>

#include "text.h"
#include "value.h"

enum operation {
	DECLARE_QUEUE,		/* session, queue, profile */
	DELETE_QUEUE,		/* session, queue */
	PURGE,			/* session, queue */
	PAUSE,			/* queue, whether */
	REDRIVE,		/* queue, how many */
	DECLARE_EXCHANGE,	/* exchange, profile */
	BIND,			/* session, exchange, queue, key */
	BIND_EXCHANGE,		/* session, exchange, to exchange, key */
	UNBIND,			/* session, exchange, queue, key */
	OPEN_SESSION,
	CLOSE_SESSION,		/* session, whether it dies */
	OPEN_PORT,		/* session */
	PUBLISH,		/* port, exchange (0: default), key, kind of message */
	CONSUME,		/* session, queue, prefetch, profile */
	CANCEL,			/* consumer */
	CLOSE_CONSUMER,		/* consumer */
	PULL,			/* session: a consumer that gets */
	GET,			/* consumer, queue */
	SETTLE_ACK,		/* consumer, its nth, multiple */
	SETTLE_NACK,		/* consumer, its nth, multiple, requeue */
	SETTLE_REJECT,		/* consumer, its nth, 0, requeue: of one, as in AMQP */
	TX,			/* session */
	COMMIT,			/* session */
	ROLLBACK,		/* session */
	ADVANCE,		/* ticks of the clock */
	CHANGE,			/* queue, which change of its arguments */
	CANCEL_SCHEDULED,	/* queue, which id */
	OPEN_PRODUCER,		/* session, name: a port for a producer */
	PUBLISH_NUMBERED,	/* port, exchange, key, enum numbering */
	WILL,			/* session, exchange, key, which one: will_kind() */
	NR_OPERATIONS,
};

/* What number a message has that a producer's port is given. */
enum numbering {
	NUMBER_NEXT,
	NUMBER_AGAIN,		/* that of the last one that was taken */
	NUMBER_GAP,
	NR_NUMBERINGS,
};

#define STEP_NUMBERS	4
#define TICK_MS		100

struct step {
	enum operation op;
	unsigned int n[STEP_NUMBERS];
};

void step_print(struct text *t, const struct step *s);

/* What the numbers stand for, the same for every broker. */
#define NR_QUEUE_PROFILES	30
#define NR_EXCHANGE_PROFILES	8
#define NR_KEYS			8
#define NR_CHANGES		19

#define NR_CONSUMER_PROFILES	8

/* Bits of a consumer's profile */
#define CONSUME_NOACK		1u
#define CONSUME_PREFERRED	2u	/* priority 1 */
#define CONSUME_LOWER		4u	/* level 1 only */

struct queue_profile {
	unsigned int flags;		/* F_* of exchange.h */
	struct table args;
};

struct exchange_profile {
	const char *type;
	struct table args;
};

/* Kinds of messages: plain, with a priority, an expiration, mandatory, ... */
struct message_kind {
	int priority;			/* -1: none */
	int expiration;			/* ms, -1: none */
	int delay;			/* ms */
	bool mandatory;
	const char *group;
	const char *cc, *bcc;		/* NULL: none */
	const char *id;			/* NULL: none, or none that counts */
};

/* A last will is of a kind, at once or with a delay; or there is none any more. */
#define NR_WILLS		(2 * NR_MESSAGE_KINDS + 1)
/* Between two ticks, so that it seldom comes at the time of something else. */
#define WILL_DELAY_MS		(5 * TICK_MS / 2)

#define NR_IDS			2
#define NR_MESSAGE_KINDS	20

void queue_name(unsigned int n, char *name);
void exchange_name(unsigned int n, char *name);
const char *key_name(unsigned int n);
const char *id_name(unsigned int n);
struct queue_profile queue_profile(unsigned int n);
/* Arguments that a queue is given while it lives; of some, one may not change. */
struct table queue_change_args(unsigned int n);
struct exchange_profile exchange_profile(unsigned int n);
struct message_kind message_kind(unsigned int n);
/* False: no will; else the number of its kind, and its delay. */
bool will_kind(unsigned int n, unsigned int *kind, unsigned int *delay_ms);

#endif
