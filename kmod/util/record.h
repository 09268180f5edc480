/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The head of a record, copied once and checked.
 *
 * A record that a process wrote is never looked at twice: its head is copied
 * (with a key of at most 32 bytes), the copy is checked here, and everything
 * that follows uses the copy.  Nothing in this file knows where the record
 * lies, so it is tested and fuzzed in userspace.
 */
#ifndef MQK_UTIL_RECORD_H
#define MQK_UTIL_RECORD_H

#include <linux/string.h>
#include <linux/types.h>
#include <linux/mqk.h>

#define MQK_MSG_F_ALL	(MQK_MSG_F_MANDATORY | MQK_MSG_F_CC | MQK_MSG_F_EXPIRATION | \
			 MQK_MSG_F_DELAY | MQK_MSG_F_GROUP | MQK_MSG_F_ID)
/* Those of messages whose headers are looked at wherever they go. */
#define MQK_MSG_F_HEADERS	(MQK_MSG_F_CC | MQK_MSG_F_GROUP | MQK_MSG_F_ID)
/* Those of messages that have a time. */
#define MQK_MSG_F_TIME		(MQK_MSG_F_EXPIRATION | MQK_MSG_F_DELAY)
/* Those of messages that may need more than a place in a queue. */
#define MQK_MSG_F_MORE		(MQK_MSG_F_TIME | MQK_MSG_F_GROUP | MQK_MSG_F_ID)

/**
 * mqk_record_size() - check a copied head and compute the record's size
 * @r: the copy
 * @room: bytes from the start of the record to the end of its segment
 *
 * Return: bytes that the record takes, a multiple of MQK_RECORD_ALIGN not
 * larger than @room; 0 when the head is not one that this kernel understands
 * or the record does not fit
 */
static inline u64 mqk_record_size(const struct mqk_record *r, u64 room)
{
	u64 size;

	if (r->type != MQK_RECORD_DATA || (r->flags & ~MQK_MSG_F_ALL) ||
	    (r->headers_len & 7))
		return 0;
	if (r->resv0[0] | r->resv0[1] | r->resv0[2])
		return 0;
	if (r->expiration && !(r->flags & MQK_MSG_F_EXPIRATION))
		return 0;
	if (r->delay && !(r->flags & MQK_MSG_F_DELAY))
		return 0;
	size = MQK_RECORD_SIZE(r->key_len, r->headers_len, r->payload_len);
	return size <= room ? size : 0;
}

/**
 * mqk_record_renumbers() - whether a copied head is not a message's, but says which
 *	number its producer's next message has
 * @r: the copy
 * @room: as for mqk_record_size()
 *
 * The number is the key, which stands in the head.
 *
 * Return: true if so; it takes MQK_RECORD_ALIGN bytes
 */
static inline bool mqk_record_renumbers(const struct mqk_record *r, u64 room)
{
	return r->type == MQK_RECORD_NUMBER && r->key_len == sizeof(u64) &&
	       !r->payload_len && !r->headers_len && !r->flags && !r->exchange &&
	       !(r->priority | r->resv0[0] | r->resv0[1] | r->resv0[2]) &&
	       !r->expiration && !r->delay && room >= MQK_RECORD_ALIGN;
}

/* Bytes of an encoded header, with its padding. */
static inline u32 mqk_header_size(const u8 *p)
{
	return (sizeof(struct mqk_header) + p[1] + (p[2] | (u32)p[3] << 8) + 7u) & ~7u;
}

/* Whether no header begins here, but 8 bytes of nothing. */
static inline bool mqk_header_blank(const u8 *p)
{
	static const u8 blank[8];

	return !memcmp(p, blank, sizeof(blank));
}

/* Whether there is a whole header, but for what its value says. */
static inline bool mqk_header_whole(const u8 *p, u32 len)
{
	u32 i, size;

	if (len < sizeof(struct mqk_header))
		return false;
	size = mqk_header_size(p);
	if (size > len)
		return false;
	for (i = sizeof(struct mqk_header) + p[1] + (p[2] | (u32)p[3] << 8);
	     i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* Whether the value of a whole header that is no array or table is one. */
static inline bool mqk_header_scalar_valid(const u8 *p)
{
	u32 value = p[2] | (u32)p[3] << 8;

	switch (p[0]) {
	case MQK_HEADER_BOOL:
		return value == 1 && p[4 + p[1]] <= 1;
	case MQK_HEADER_BYTE:
		return value == 1;
	case MQK_HEADER_SHORT:
		return value == 2;
	case MQK_HEADER_INT:
	case MQK_HEADER_FLOAT:
		return value == 4;
	case MQK_HEADER_LONG:
	case MQK_HEADER_DOUBLE:
	case MQK_HEADER_TIMESTAMP:
		return value == 8;
	case MQK_HEADER_VOID:
		return !value;
	case MQK_HEADER_STRING:
	case MQK_HEADER_BYTES:
		return true;
	default:
		return false;
	}
}

/**
 * mqk_headers_valid() - check encoded headers
 * @p: the bytes, a private copy
 * @len: how many
 *
 * Return: true when they are a sequence of whole headers with known types,
 * values of the right size and padding of zeros, arrays and tables at most
 * MQK_HEADERS_DEPTH deep
 */
static inline bool mqk_headers_valid(const u8 *p, u32 len)
{
	/* where what is open ends, what comes behind it, and whether it has names */
	const u8 *end[MQK_HEADERS_DEPTH + 1], *next[MQK_HEADERS_DEPTH + 1];
	bool named[MQK_HEADERS_DEPTH + 1];
	u32 depth = 0, size;

	end[0] = p + len;
	named[0] = true;
	for (;;) {
		while (p == end[depth]) {
			if (!depth)
				return true;
			p = next[depth--];
		}
		len = end[depth] - p;
		if (!depth && len >= sizeof(u64) && mqk_header_blank(p)) {
			p += sizeof(u64);
			continue;
		}
		if (!mqk_header_whole(p, len) || named[depth] != !!p[1])
			return false;
		size = mqk_header_size(p);
		if (p[0] != MQK_HEADER_ARRAY && p[0] != MQK_HEADER_TABLE) {
			if (!mqk_header_scalar_valid(p))
				return false;
			p += size;
			continue;
		}
		if (depth++ == MQK_HEADERS_DEPTH)
			return false;
		next[depth] = p + size;
		named[depth] = p[0] == MQK_HEADER_TABLE;
		len = p[2] | (u32)p[3] << 8;
		p += sizeof(struct mqk_header) + p[1];
		end[depth] = p + len;
	}
}

#endif /* MQK_UTIL_RECORD_H */
