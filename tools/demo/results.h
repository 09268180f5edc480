/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a receiving process did with which record: a file that it alone writes
 * to, through a shared mapping, so that what it did is on record when it is
 * killed.  mqk-demo-wait and mqk-demo-report read it.
 *
 * A record is noted when it was processed, and marked as acknowledged before it
 * is: a process that dies between the two gets no message back that it has not
 * marked.
 */
#ifndef DEMO_RESULTS_H
#define DEMO_RESULTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RESULTS_MAGIC	0x6d716b64656d6f31ull

enum results_state {
	RESULTS_RUNNING,
	RESULTS_HOLDING,	/* has messages that it does not acknowledge */
	RESULTS_DONE,		/* ended by itself */
};

struct results_entry {
	uint32_t sum;		/* as it came in */
	uint8_t plain;		/* times it came as a first delivery */
	uint8_t flagged;	/* times it came flagged as redelivered */
	uint8_t acked;		/* times it was acknowledged */
	uint8_t resv;
};

struct results {
	_Atomic uint64_t magic;		/* set last */
	uint64_t records;		/* entries */
	char queue[64];			/* or the mechanism */
	char how[32];			/* how it read: "in place", "copy" */
	uint32_t pid;
	uint32_t prefetch;
	_Atomic uint32_t state;
	_Atomic uint64_t messages;
	uint64_t bytes;			/* of text */
	uint64_t flagged;
	uint64_t strange;		/* no record of ours */
	uint64_t disorder;		/* came behind a later one */
	uint64_t next;			/* lowest number that is in order */
	uint64_t first_ns, last_ns;	/* when it got the first and last one */
	struct results_entry entry[];
};

/* Make the file; exits when it cannot. */
struct results *results_create(const char *path, const char *queue,
			       uint64_t records);
/* Map a file read-only; NULL: it is not there, or not ready. */
const struct results *results_open(const char *path);

/* Record @id came. */
void results_note(struct results *r, uint64_t id, const void *key, size_t key_len,
		  const void *text, size_t len, int redelivered);
/* It is about to be acknowledged. */
void results_acked(struct results *r, uint64_t id);

#endif /* DEMO_RESULTS_H */
