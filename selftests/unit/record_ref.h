/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RECORD_REF_H
#define RECORD_REF_H

/*
 * What a record and its headers must look like, from the words of
 * <linux/mqk.h>: slow and plain.
 */

#include <linux/types.h>
#include <linux/mqk.h>

/* As mqk_record_size(). */
u64 ref_record_size(const struct mqk_record *r, u64 room);

/* A header that was read. */
struct ref_header {
	u8 type;
	u32 name, name_len;	/* offset and bytes */
	u32 value, value_len;
};

/* How many headers there are, up to max of which are told; -1: malformed. */
int ref_headers(const u8 *p, u32 len, struct ref_header *h, int max);

/*
 * What the kernel, libmqk and we make of the same headers, in memory of exactly
 * that size: NULL or who disagrees.
 */
const char *headers_compare(const u8 *p, u32 len, bool *valid);

#endif
