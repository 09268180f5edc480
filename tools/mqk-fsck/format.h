/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the files of a durable broker, byte by byte, as <linux/mqk_log.h> says.
 *
 * Nothing of the kernel's reader is in here: the two are compared with each other by
 * the unit tests, on whole files and damaged ones.
 */
#ifndef MQK_FSCK_FORMAT_H
#define MQK_FSCK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum super_state {
	SUPER_EMPTY,		/* no bytes: the broker was never made */
	SUPER_BAD,		/* not what was written */
	SUPER_GOOD,
};

struct super {
	uint64_t compat, ro_compat, incompat;
	uint64_t created;	/* ns since 1970 */
	uint64_t segment_size;
	uint32_t sync, flags;
	uint64_t limit[16];
	uint8_t uuid[16];
};

enum super_state super_read(const uint8_t *bytes, size_t len, struct super *s);

struct text {
	const uint8_t *bytes;
	uint32_t len;
};

/* A record: what it says. */
struct record {
	uint64_t at, seq, stable, id;
	uint32_t size, type;
	/* of a definition */
	uint32_t flags, kind, payer, uid, gid, mode, by_uid, by_gid;
	struct text name, target, key, args;
};

enum journal_state {
	JOURNAL_EMPTY,		/* no bytes */
	JOURNAL_NO_HEAD,	/* its head is not valid */
	JOURNAL_UNFINISHED,	/* its checkpoint does not come to its end */
	JOURNAL_WHOLE,
};

enum journal_end {
	END_CLEAN,		/* the last record ends the file */
	END_TORN,		/* what follows was never confirmed */
	END_DAMAGED,		/* what follows was, and is not valid */
	END_NONSENSE,		/* a record that is valid contradicts those before it */
};

struct journal {
	enum journal_state state;
	enum journal_end end;
	uint64_t generation;
	uint64_t at;		/* where the valid records end */
	uint64_t records;
	uint64_t next_seq;
	struct record *live;	/* what is declared, in order of id */
	size_t nr_live;
};

/* Each valid record in turn; NULL for those who do not care. */
typedef void (*record_fn)(void *arg, const struct record *r);

/* False when there is no memory. */
bool journal_read(const uint8_t *bytes, size_t len, const uint8_t uuid[16],
		  struct journal *j, record_fn each, void *arg);
void journal_free(struct journal *j);

uint32_t crc32c_of(uint32_t crc, const void *bytes, size_t len);

#endif /* MQK_FSCK_FORMAT_H */
