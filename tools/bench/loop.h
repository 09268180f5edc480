/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One thread that publishes, receives, checks and acknowledges: what a message
 * costs without another processor, waiting or waking.  The consumer counts as
 * awake.  Sender and receiver have a session each.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <mqk.h>

/* A way from a port through a queue to a consumer. */
/* A mapped delivery needs no more than this; nothing may hang. */
#define LOOP_PATIENCE	(5 * (int64_t)SECOND)

struct loop {
	struct mqk *from, *to;
	struct mqk_port *port;
	struct mqk_consumer *consumer;
	uint64_t sent, received;
	uint32_t exchange;
	uint32_t size;			/* bytes of a message */
	uint32_t batch;			/* messages per doorbell or call */
	bool copy;
	bool multiple;			/* one acknowledgement per batch */
	size_t key_len;
	char key[24];
};

/*
 * Open sessions, port and consumer: @queue exists (NULL: no consumer);
 * l->key, size, batch and copy are set.  Return: 0 or -errno; loop_error() has words.
 */
int loop_open(struct loop *l, const char *exchange_name, const char *queue);
void loop_close(struct loop *l);

/* Publish, without receiving; @n is a multiple of the batch. */
int loop_send(struct loop *l, uint64_t n);
/* Receive, check and acknowledge @n messages that are there. */
int loop_recv(struct loop *l, uint64_t n);
/* A batch out, a batch in, until @n are through. */
int loop_pass(struct loop *l, uint64_t n);

/* What went wrong in the last call that failed. */
const char *loop_error(void);
int loop_fail(struct mqk *m, int err, const char *what);

/*
 * Run @pass(@arg, @n) once to warm up, then @samples times, and give the cost of
 * one of @n, on the clock: in ns the median; in instructions the least, since an
 * interrupt, or what the kernel has left to do, can only add to them.
 */
int loop_cost(int (*pass)(void *arg, uint64_t n), void *arg, uint64_t n,
	      int samples, double *cost);

#endif /* BENCH_LOOP_H */
