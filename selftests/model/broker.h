/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_BROKER_H
#define MODEL_BROKER_H

/*
 * The broker, as a whole: arrays of all there is, and a clock that moves when
 * it is told to. After each call everything that could happen has happened.
 */

#include "consumer.h"
#include "death.h"
#include "exchange.h"
#include "port.h"
#include "queue.h"
#include "retained.h"
#include "route.h"
#include "session.h"
#include "will.h"

#define ROOM		64
#define PRODUCERS_ROOM	8

struct broker {
	uint64_t now;			/* ms */
	uint64_t turn;
	uint64_t next_name;
	struct exchange exchange[ROOM];
	unsigned int nr_exchanges;
	struct binding binding[ROOM];
	unsigned int nr_bindings;
	struct queue *queue[ROOM];
	unsigned int nr_queues;
	struct session session[ROOM];
	unsigned int nr_sessions;
	struct consumer consumer[ROOM];
	unsigned int nr_consumers;
	struct port port[ROOM];
	unsigned int nr_ports;
	struct producer producer[PRODUCERS_ROOM];
	unsigned int nr_producers;
	struct dead *dead;		/* to be published */
	unsigned int nr_dead;
	unsigned int nr_letters;	/* so many were published */
	char dead_from[NAME_ROOM];	/* queue of the last one that was */
	bool letters_wait;		/* and who waits for room */
	bool undecided;			/* those of two queues were to be at once: no
					 * order between them is promised
					 */
	struct will will[ROOM];		/* those that wait */
	unsigned int nr_wills;
	struct retained *retained;
	unsigned int nr_retained;
};

struct broker *broker_make(void);
void broker_free(struct broker *b);
/* Let happen all that can: each function that changes something ends with this. */
void broker_settle(struct broker *b);
void broker_advance(struct broker *b, uint64_t ms);
int name_check(const char *name);

#endif
