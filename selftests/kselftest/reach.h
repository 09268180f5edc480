/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a message reaches: a broker with four queues, and the question which of
 * them get a message, put by asking (MQK_IOC_ROUTE) and by doing (a publish).
 * Both must agree, at every step of a test; the port has the routes of the step
 * before in its cache.
 */
#ifndef MQK_TEST_REACH_H
#define MQK_TEST_REACH_H

#include "rings_port.h"

#define QUEUES	4

struct reach {
	struct env env;
	int s;				/* a session */
	struct port port;
	__u32 queue[QUEUES];		/* "q0" ... */
	__u64 published[QUEUES];	/* messages seen in each */
	__u32 flags;			/* of messages, none at first */
};

/* 0, or what failed. */
int reach_begin(struct reach *r, __u32 port_flags);
/* What env_end() says. */
int reach_end(struct reach *r);

/*
 * Queues as bits, or the error that refused the message; @h may be NULL.  Where a
 * queue gets it twice: -EEXIST.
 */
int reach_asked(struct reach *r, const char *exchange, const void *key,
		__u32 key_len, const struct headers *h);
int reach_published(struct reach *r, const char *exchange, const void *key,
		    __u32 key_len, const struct headers *h);
/* Queues that have got one more message each since the last question. */
int reach_arrived(struct reach *r);
/* Both; -EBADE when they do not agree. */
int reach_both(struct reach *r, const char *exchange, const void *key,
	       __u32 key_len, const struct headers *h);
__u32 reach_exchange(struct reach *r, const char *name);

#endif /* MQK_TEST_REACH_H */
