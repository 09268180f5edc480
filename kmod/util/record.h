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

#define MQK_MSG_F_ALL	MQK_MSG_F_MANDATORY

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
	u32 resv;		/* priority and resv0 */
	u64 size;

	if (r->type != MQK_RECORD_DATA || (r->flags & ~MQK_MSG_F_ALL) ||
	    (r->headers_len & 7))
		return 0;
	memcpy(&resv, &r->priority, sizeof(resv));
	if (resv | r->resv1 | r->resv2)
		return 0;
	size = MQK_RECORD_SIZE(r->key_len, r->headers_len, r->payload_len);
	return size <= room ? size : 0;
}

/**
 * mqk_headers_valid() - check encoded headers
 * @p: the bytes, a private copy
 * @len: how many
 *
 * Return: true when they are a sequence of whole headers with known types,
 * values of the right size and padding of zeros
 */
static inline bool mqk_headers_valid(const u8 *p, u32 len)
{
	while (len) {
		u32 name, value, size, i;

		if (len < sizeof(struct mqk_header))
			return false;
		name = p[1];
		value = p[2] | (u32)p[3] << 8;
		size = (sizeof(struct mqk_header) + name + value + 7u) & ~7u;
		if (size > len || !name)
			return false;
		switch (p[0]) {
		case MQK_HEADER_BOOL:
			if (value != 1 || p[4 + name] > 1)
				return false;
			break;
		case MQK_HEADER_BYTE:
			if (value != 1)
				return false;
			break;
		case MQK_HEADER_SHORT:
			if (value != 2)
				return false;
			break;
		case MQK_HEADER_INT:
		case MQK_HEADER_FLOAT:
			if (value != 4)
				return false;
			break;
		case MQK_HEADER_LONG:
		case MQK_HEADER_DOUBLE:
		case MQK_HEADER_TIMESTAMP:
			if (value != 8)
				return false;
			break;
		case MQK_HEADER_VOID:
			if (value)
				return false;
			break;
		case MQK_HEADER_STRING:
		case MQK_HEADER_BYTES:
			break;
		default:
			return false;
		}
		for (i = sizeof(struct mqk_header) + name + value; i < size; i++)
			if (p[i])
				return false;
		p += size;
		len -= size;
	}
	return true;
}

#endif /* MQK_UTIL_RECORD_H */
