/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a session maps, by offset: rings, windows and segments.
 *
 *	bits 41-43	what: MQK_MAP_*
 *	bits 16-40	id of the port or consumer, or number of the segment
 *	bits 0-15	0, also where pages have 64 KiB
 *
 * Users take the offsets from the kernel and need not know this, but that they
 * are below 2^44: mmap2(2) of a 32-bit process takes 32 bits of pages of 4 KiB.
 * An offset is the name of something, not a place: what it names is mapped from
 * its beginning, and may be longer than the distance to the next name.
 */
#ifndef MQK_RINGMAP_H
#define MQK_RINGMAP_H

#include <linux/types.h>

struct mqk_session;
struct vm_area_struct;

enum mqk_map {
	MQK_MAP_SEGMENT = 1,
	MQK_MAP_PORT_PAGE,
	MQK_MAP_PORT_USER,
	MQK_MAP_PORT_WINDOW,
	MQK_MAP_CONSUMER_PAGE,
	MQK_MAP_CONSUMER_USER,
};

#define MQK_MAP_KIND_SHIFT	41
#define MQK_MAP_ID_SHIFT	16
#define MQK_MAP_SEGMENT_SHIFT	MQK_MAP_ID_SHIFT

/* The highest id that an offset has room for. */
#define MQK_MAP_ID_MAX	((1u << (MQK_MAP_KIND_SHIFT - MQK_MAP_ID_SHIFT)) - 1)

static inline u64 mqk_map_offset(enum mqk_map kind, u32 id)
{
	return (u64)kind << MQK_MAP_KIND_SHIFT | (u64)id << MQK_MAP_ID_SHIFT;
}

int mqk_session_mmap(struct mqk_session *s, struct vm_area_struct *vma);

#endif /* MQK_RINGMAP_H */
