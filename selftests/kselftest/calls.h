/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every call of <linux/mqk.h> in one table, with a request that works, so that
 * what holds for all calls (sizes, flags, reserved members, bad pointers,
 * injected faults) is tested for all of them.  A new call gets a new row.
 *
 * A world is what the requests need to work: a broker with an exchange, queues
 * with messages, ports and consumers.  world_state() is what no refused call
 * may change.
 */
#ifndef MQK_TEST_CALLS_H
#define MQK_TEST_CALLS_H

#include "lib.h"
#include "rings_consumer.h"
#include "rings_port.h"

#define REQUEST_MAX	1024		/* bytes of the largest request */
#define CALL_PTRS	6
#define CALL_RESV	3

struct world {
	struct env env;
	int control;
	int s;				/* the session that has everything */
	__u32 exchange, queue;		/* "e", "q" */
	struct port copy, inplace;
	struct consumer push, pull;	/* push on "r" */
	struct mqk_delivery unacked;	/* of push */
	struct broker victim;		/* another broker, without sessions */
	char fresh[MQK_BROKER_NAME_MAX + 1]; /* name of one that is not there */
	struct broker kept;		/* an open durable one */
	char kept_dir[64], shelf_dir[64];
	int shelf;			/* descriptor of the directory of a closed one */
	/* What requests point to. */
	char name[MQK_NAME_MAX + 1];
	__u8 out[4096];
	struct mqk_delivery delivery;
	struct mqk_message message;
	__u32 number;
};

struct call_ptr {
	__u16 offset;
	__u16 len_at;		/* offset of its length; 0: none */
	__u8 len_bytes;		/* size of that member */
	__u32 len;		/* bytes read or written through it */
	bool out;
};

struct call {
	const char *name;
	unsigned long cmd;
	__u32 size;
	__u32 flags;		/* every flag it knows */
	bool control, broker;	/* on which nodes */
	int access;		/* O_RDONLY: needs to read, O_WRONLY: to write,
				 * O_RDWR: one of them, and not tested
				 */
	bool own_id;		/* names a port or consumer of the session */
	void (*fill)(struct world *w, void *request);
	struct call_ptr ptr[CALL_PTRS];
	struct { __u16 offset, len; } resv[CALL_RESV];
};

extern const struct call calls[];
extern const unsigned int nr_calls;

/*
 * V() for each call, for fixtures with a variant for each: abi_calls and
 * abi_pointers check that none is missing.
 */
/* Those with a pointer in their request, or that tell something in it. */
#define CALLS_WITH_RESULTS(V) \
	V(QUERY) V(ERROR) V(STAT) V(BROKER_CREATE) V(BROKER_DELETE) V(BROKER_NEXT) \
	V(BROKER_OPEN) V(BROKER_CLOSE) \
	V(EXCHANGE_DECLARE) V(EXCHANGE_DELETE) V(EXCHANGE_NEXT) V(QUEUE_DECLARE) \
	V(QUEUE_DELETE) V(QUEUE_PURGE) V(QUEUE_SET) V(QUEUE_CANCEL) V(QUEUE_NEXT) \
	V(BIND) V(UNBIND) V(ROUTE) V(BINDING_LIST) V(PORT_CREATE) V(PORT_SEGMENT) \
	V(PUBLISH) V(WILL) V(CONSUMER_CREATE) V(GET) V(READ) V(BROWSE) \
	V(CONSUMER_LIST) V(PRODUCER_LIST) V(QUEUE_REDRIVE)

/* The others. */
#define CALLS_WITHOUT_RESULTS(V) \
	V(PORT_CLOSE) V(CONSUMER_CANCEL) V(CONSUMER_CLOSE) V(PREFETCH) V(WAIT) \
	V(TX)

#define CALLS_ALL(V) CALLS_WITH_RESULTS(V) CALLS_WITHOUT_RESULTS(V)
/* For a list of their names. */
#define CALLS_NAME(NAME) #NAME,

const struct call *call_find(const char *name);

int world_begin(struct world *w);
int world_end(struct world *w);
/* The descriptor that the call works on. */
int world_fd(const struct world *w, const struct call *call);
/* A request of REQUEST_MAX bytes, zero behind the structure. */
void call_fill(const struct call *call, struct world *w, void *request);
int call_do(const struct call *call, struct world *w, void *request);

struct world_state {
	__u64 used[MQK_RES_NR];
	__u64 counters[7];
	__u64 queues[2][8];
	int victim, fresh;
	int error;
};

void world_state(struct world *w, struct world_state *state);
/* Number of differences; prints them to stderr. */
int world_changed(struct world *w, const struct world_state *before);

#endif /* MQK_TEST_CALLS_H */
