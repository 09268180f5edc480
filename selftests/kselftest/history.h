/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The history of a stress run, in memory that all its processes share, and the
 * rules that it is held to.
 *
 * Each message has a producer and a number; both fix where it is routed, how
 * long it is and what is in it.  Producers note what they have begun and what
 * was confirmed, consumers each delivery and what they settled.  A process may
 * be killed between doing and noting, which the rules allow for:
 *
 *  - lost: confirmed, and one of its queues never delivered it
 *  - nowhere: delivered by a queue that it does not lead to, never begun, or
 *    with other contents
 *  - duplicate: a second delivery that is not flagged as redelivered
 *  - zombie: delivered after the kernel had taken its settlement
 *  - order: first deliveries of a producer's messages to one consumer, or their
 *    places in the queue, not in the order of publication
 *  - torn: not confirmed, and in some of its queues but not in all
 *  - report: a return of a message that leads somewhere, or none of one that
 *    does not; a confirm out of order
 */
#ifndef MQK_TEST_HISTORY_H
#define MQK_TEST_HISTORY_H

#include "lib.h"

#define PRODUCERS	4
#define QUEUES		6
#define ROUTES		8

enum offence {
	LOST, NOWHERE, DUPLICATE, ZOMBIE, ORDER, TORN, REPORT, NR_OFFENCES
};

extern const char * const offence_name[NR_OFFENCES];

/* What a message carries. */
struct stamp {
	__u32 producer, number;
	__u64 check;			/* of what follows, and the above */
};

struct cell {
	__u32 place;			/* mqk_delivery.seq + 1, cut off */
	__u8 first, again, settled, spare;
};

struct history {
	__u32 numbers;			/* messages of a producer, at most */
	__u32 stop_producers, stop_consumers;
	__u32 begun[PRODUCERS];
	__u64 deliveries, redeliveries, confirms, returns, settled;
	__u32 offences[NR_OFFENCES];
	struct { __u32 queue, producer, number; } example[NR_OFFENCES];
	__u8 *confirmed;		/* [PRODUCERS][numbers] */
	struct cell *cells;		/* [QUEUES][PRODUCERS][numbers] */
};

struct history *history_make(__u32 numbers);
/* Facts about a message: the route it takes, the queues that leads to (bits),
 * its payload.
 */
__u32 message_route(__u32 producer, __u32 number);
__u32 route_queues(__u32 route);
bool message_mandatory(__u32 producer, __u32 number);
__u32 message_len(__u32 producer, __u32 number);
void message_fill(__u32 producer, __u32 number, void *payload);

/* A producer: before it publishes; when a confirm, a return came. */
void history_begin(struct history *h, __u32 producer, __u32 count);
void history_confirm(struct history *h, __u32 producer, __u32 number);
void history_offence(struct history *h, enum offence what, __u32 queue,
		     __u32 producer, __u32 number);

/* A consumer: what it got, and, later, that it is settled for good.  @last:
 * PRODUCERS numbers, zero in a new consumer.  Returns the message's cell, or
 * NULL if it is from nowhere.
 */
struct cell *history_deliver(struct history *h, __u32 queue,
			     const struct mqk_delivery *d, const void *payload,
			     __u32 *last);
void history_settle(struct history *h, struct cell *cell);

/* When all is quiet: what only the whole shows. */
void history_check(struct history *h);

#endif /* MQK_TEST_HISTORY_H */
