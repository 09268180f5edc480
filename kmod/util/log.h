/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of a durable broker: whether what they hold is valid, and what it says.
 *
 * <linux/mqk_log.h> has the format, with the rule that makes a record valid.  What is
 * read here is a private copy that nobody changes, of any bytes: nothing is believed,
 * and nothing outside of it is looked at.  This file knows nothing of files: it is
 * tested and fuzzed in userspace.
 */
#ifndef MQK_UTIL_LOG_H
#define MQK_UTIL_LOG_H

#include <linux/types.h>
#include <linux/mqk.h>
#include <linux/mqk_log.h>

/* A record without anything behind its head. */
#define MQK_LOG_BARE	((u32)sizeof(struct mqk_log_record))

/**
 * struct mqk_log_walk - a walk through a journal
 * @bytes: the file
 * @len: its bytes
 * @at: where the next record would begin
 * @seq: its sequence number
 * @generation: of the file
 * @seed: checksum of the uuid
 */
struct mqk_log_walk {
	const u8 *bytes;
	u64 len;
	u64 at;
	u64 seq;
	u64 generation;
	u32 seed;
};

/**
 * struct mqk_log_view - a record, where it lies
 * @size: bytes of it
 * @type: MQK_LOG_*
 * @seq: sequence number
 * @id: what it is about
 * @d: its definition, or NULL
 * @name: the definition's
 * @target: the definition's
 * @key: the definition's
 * @args: the definition's
 * @args_len: bytes of those
 */
struct mqk_log_view {
	u32 size;
	u32 type;
	u64 seq;
	u64 id;
	const struct mqk_log_definition *d;
	const u8 *name;
	const u8 *target;
	const u8 *key;
	const u8 *args;
	u32 args_len;
};

enum mqk_log_end {
	MQK_LOG_END_CLEAN,	/* there is nothing behind */
	MQK_LOG_END_TORN,	/* there is, which nobody was told of */
	MQK_LOG_END_DAMAGED,	/* what is not valid was on the disk once */
};

u32 mqk_log_seed(const u8 *uuid);
u32 mqk_log_crc(u32 seed, const void *from, u32 len);

bool mqk_log_super_valid(const struct mqk_log_super *s);
void mqk_log_super_seal(struct mqk_log_super *s);

void mqk_log_head_fill(struct mqk_log_head *h, u32 seed, u64 generation,
		       u64 first_seq);
bool mqk_log_walk_begin(struct mqk_log_walk *w, const void *bytes, u64 len,
			u32 seed);
bool mqk_log_walk_next(struct mqk_log_walk *w, struct mqk_log_view *v);
enum mqk_log_end mqk_log_walk_end(const struct mqk_log_walk *w);

bool mqk_log_record_view(const struct mqk_log_record *r, u32 size,
			 struct mqk_log_view *v);
void mqk_log_record_seal(struct mqk_log_record *r, u32 seed, u64 seq,
			 u64 stable);
u32 mqk_log_definition_size(u32 names_len, u32 args_len);

#endif /* MQK_UTIL_LOG_H */
