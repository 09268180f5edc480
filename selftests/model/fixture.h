/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

/*
 * What most tests need: a broker with a session, a port, and a consumer that
 * pulls. Messages are known by their number.
 */

#include "broker.h"
#include "test.h"

struct fixture {
	struct broker *b;
	unsigned int session, port, puller;
	struct text t;			/* what the last function returned */
};

/* "name=number" or "name=text" or "name=true", separated by blanks. */
struct table table_of(const char *text);

void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
int fixture_queue(struct fixture *f, const char *name, const char *args);
int fixture_bind(struct fixture *f, const char *from, const char *to, const char *key);
int fixture_bind_exchange(struct fixture *f, const char *from, const char *to, const char *key);
/* To a queue through the default exchange, or to an exchange. */
int fixture_put(struct fixture *f, const char *queue, unsigned int body);
int fixture_send(struct fixture *f, const char *exchange, const char *key, unsigned int body);
int fixture_send_message(struct fixture *f, const char *exchange, const char *key,
			 struct message m);
/* What the port was told since the last time: "ack nack return3 ack". */
const char *fixture_confirms(struct fixture *f);
/* Get and accept all there is: "1 2 4r" (r: redelivered). */
const char *fixture_drain(struct fixture *f, const char *queue);
/* What a consumer was given since the last time, in the same way. */
const char *fixture_given(struct fixture *f, unsigned int consumer);
int fixture_consume(struct fixture *f, const char *queue, unsigned int prefetch);
/* Of the oldest message that waits: its headers and deaths. */
const struct message *fixture_first(struct fixture *f, const char *queue);
unsigned int fixture_ready(struct fixture *f, const char *queue);

#define CHECK_TEXT(got, want)	check_text(got, want, __FILE__, __LINE__)
void check_text(const char *got, const char *want, const char *file, int line);

/* A row of selftests/vectors, cut at the tabs; returns how many there were. */
unsigned int vectors_read(const char *name, unsigned int columns,
			  void (*row)(char **column));

#endif
