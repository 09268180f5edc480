/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two sessions of a broker of their own: one that publishes numbers, and one that
 * gets them.
 */
#ifndef MQK_TEST_RINGS_PAIR_H
#define MQK_TEST_RINGS_PAIR_H

#include "rings_consumer.h"
#include "rings_port.h"

struct pair {
	struct env env;
	int s, r;			/* who publishes, and who gets */
	struct port port;		/* of s, with 64 completions */
	struct consumer get;		/* PULL, of r */
	__u32 exchange;			/* the default one */
};

/* All but the port, which the caller makes: 0 or -errno. */
int pair_open(struct pair *p, const struct mqk_broker_create *want);
/* All of it, the port with @flags: 0 or -errno. */
int pair_begin(struct pair *p, __u32 flags);
int pair_end(struct pair *p);

/* Publish; the type of the completion, which the port must make, or -errno. */
int pair_publish(struct pair *p, const struct msg *m);
/* The same for @number, to the queue @key. */
int pair_number(struct pair *p, const char *key, __u32 number);

/* Get a message, waiting up to @ms: its number, or -errno. */
__s64 pair_get(struct pair *p, __u32 queue, int ms, struct mqk_delivery *d);
/* Settle it; 0 or -errno */
int pair_settle(struct pair *p, const struct mqk_delivery *d, __u32 op, __u32 flags);
/* Get the one that is there, and settle it: its number, or -errno. */
__s64 pair_do(struct pair *p, __u32 queue, __u32 op, __u32 flags);
/* The same, accepting it. */
__s64 pair_take(struct pair *p, __u32 queue);
/* The same, waiting for one for a long time. */
__s64 pair_await(struct pair *p, __u32 queue);

/* The next message that waits, from *seq on: its number, or -errno; *seq is its own. */
__s64 pair_browse(struct pair *p, __u32 queue, __u64 *seq, struct mqk_delivery *d);
/* How many are ready, once @want are, or after a long time; ~0: no such queue. */
__u64 pair_ready(struct pair *p, __u32 queue, __u64 want);

/*
 * Declare the queue "q" with each of @args: the first that is not refused as a bad
 * argument; or that is not taken, twice, and kept; "" when none is.
 */
const char *pair_args_refused(struct pair *p, const char * const *args, unsigned int n);
const char *pair_args_taken(struct pair *p, const char * const *args, unsigned int n);

#endif /* MQK_TEST_RINGS_PAIR_H */
