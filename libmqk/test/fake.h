/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * A kernel for one process: enough of mqk behind open(2), ioctl(2) and mmap(2)
 * to run libmqk against it, with other threads on the other side of its rings.
 *
 * The linker sends those calls here (--wrap).  There is one broker with one
 * queue, "q" (id 1), that every exchange leads to.  Segments lie in a memfd:
 * what is released is overwritten, so that reading too late shows.
 *
 * It is as strict as <linux/mqk.h> allows: it looks at heads and tails only when
 * it must, wakes nobody who says that he is awake, and stops at a bad record.
 */
#ifndef MQK_TEST_FAKE_H
#define MQK_TEST_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_SEGMENT	65536u		/* bytes of a segment */
#define FAKE_NODE	"/fake/node"	/* opens it */

/* Begin again with an empty broker; all descriptors are closed. */
void fake_reset(void);

/* What the next calls do. */
struct fake_knobs {
	uint32_t access;		/* of sessions, MQK_ACCESS_* */
	bool confirm_each;		/* no MULTIPLE */
	bool hold_completions;		/* until fake_confirm() */
	int mmap_fails;			/* -ENOMEM for so many segment mappings */
	uint32_t abi;
};
extern struct fake_knobs fake;

/* Post a completion on the last port that was made. */
void fake_complete(uint64_t seq, uint32_t type, uint32_t flags, int32_t result);
/* Sleep like poll(2) on the session until any consumer's ring has something. */
void fake_poll(void);
/* End all consumers, as when the queue is deleted. */
void fake_end(int error);

/* What happened. */
struct fake_counts {
	unsigned long calls;		/* of ioctl(2) */
	unsigned long doorbells;
	unsigned long kicks;
	unsigned long waits;
	unsigned long mappings;		/* of segments, now */
	unsigned long settled;
	unsigned long segments;		/* in use */
	unsigned long bad_records;
};
struct fake_counts fake_counts(void);
uint64_t fake_ready(void);

#endif /* MQK_TEST_FAKE_H */
