/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mqk-bench: what the parts share.
 *
 * A test is one mechanism with one size, batch and way to wait, measured for
 * latency or for throughput.  plan.c lists them.  For each round and test
 * pair.c forks two processes, each on a processor of its own, joined by a link:
 * a struct mech (one per mech_*.c) with two directions.  Results go to a list
 * (result.c), from where table.c, svg.c and the JSON file take them.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum wait_mode {
	WAIT_SPIN,	/* ask again and again, without blocking */
	WAIT_BLOCK,	/* sleep in the kernel until there is something */
	WAIT_NR,
};

enum metric {
	METRIC_LATENCY,
	METRIC_THROUGHPUT,
};

struct link;
struct mech;

struct test {
	const struct mech *mech;
	enum metric metric;
	enum wait_mode wait;
	uint32_t size;		/* bytes of a message */
	uint32_t batch;		/* messages per hand-over */
};

/* What a round of a test gave. */
struct outcome {
	uint64_t messages;	/* measured, in one direction */
	double rate;		/* messages a second */
	double p50, p99, p999;	/* ns one way */
};

/**
 * struct mech - a way to hand messages from one process to another
 * @name: as in reports
 * @batches: hands over several messages at once if asked
 * @why_not: reason why a test cannot be run here, or NULL
 * @prepare: before the fork: make what both sides share; link->state
 * @join: in each process (link->side 0 or 1)
 * @send: hand over messages @seq to @seq + @n - 1, 1 <= @n <= test->batch
 * @recv: receive and check 1 to @max messages from @seq on
 * @finish: after both processes are gone, also after prepare() failed
 *
 * send() of side 0 arrives at recv() of side 1 and the other way round; a
 * throughput test only uses the first direction.  Functions return 0 or more
 * (recv: number of messages) or a negative errno; link_fail() adds words.
 */
struct mech {
	const char *name;
	bool batches;
	const char *(*why_not)(const struct test *t);
	int (*prepare)(struct link *l);
	int (*join)(struct link *l);
	int (*send)(struct link *l, uint64_t seq, uint32_t n);
	int (*recv)(struct link *l, uint64_t seq, uint32_t max);
	void (*finish)(struct link *l);
};

/*
 * Shared by the two processes and their parent.  @taken, @sender_sleeps: for
 * mechanisms without a bound of their own, see flow.h.
 */
struct pair {
	_Alignas(128) _Atomic uint32_t joined;
	_Alignas(128) _Atomic uint64_t last;	/* number of the last message */
	_Alignas(128) _Atomic uint32_t enough;	/* measured long enough */
	_Alignas(128) _Atomic uint64_t taken;
	_Alignas(128) _Atomic uint32_t sender_sleeps;
	_Alignas(128) struct outcome outcome;
	char error[2][256];
};

struct link {
	const struct test *test;
	struct pair *pair;
	void *state;
	int side;
	unsigned char *out;	/* room for a batch of messages */
	unsigned char *in;
};

/* Record why a side gives up, and return @err. */
int link_fail(struct link *l, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The message at @p is not number @seq: -EBADMSG. */
int link_bad(struct link *l, const void *p, uint64_t seq);

/* Messages that may be under way in a bounded mechanism: the same for all. */
uint32_t link_depth(const struct test *t);

extern const struct mech mech_mqk_copy, mech_mqk_inplace, mech_mqueue,
	mech_seqpacket, mech_stream, mech_pipe, mech_eventfd_shm,
	mech_cacheline;
extern const struct mech *const mechs[];	/* ends with NULL */

#endif /* BENCH_BENCH_H */
