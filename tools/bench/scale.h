/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a message costs with many queues and bindings, many messages waiting
 * and many sessions, and what memory a waiting message takes.
 *
 *   bindings-N-few  N queues with a binding each to a topic exchange; messages
 *		go to 8 of them in turn, each of which has a consumer
 *   bindings-N-all  messages go to all of them in turn, a get takes each out
 *   waiting-N	a queue in which N messages wait all the time
 *   scheduled-N	a queue in which N messages are scheduled all the time: one more is
 *		scheduled, and cancelled by its id
 *   sessions-N-one, -all  N sessions, each with a port, a consumer and a queue;
 *		messages go through one, or through all of them in turn
 *   index-bytes, kernel-bytes, segment-bytes  memory per waiting message: what
 *		the queue says, what the machine lost besides the segments, what
 *		the segments take
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

void scale_list(void);
/*
 * Run those that were asked for, in instructions if the clock counts them.
 * Return: cases that failed.
 */
int scale_run(void);

#endif /* BENCH_SCALE_H */
