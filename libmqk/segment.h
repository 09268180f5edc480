/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Inside of libmqk: the segments that a session has mapped to read them.
 *
 * The kernel uses segments again, and a number means the same file as long as
 * there is the broker, so mappings are kept and shared by the session's
 * consumers.  Each consumer looks a segment up once and keeps the address, with
 * a reference.  Mappings without a reference are unmapped when memory or address
 * space runs out.
 *
 * The number of a jumbo segment, which has one record alone, can later mean
 * another file: those are mapped for one message at a time (consumer.h) and never
 * come here.
 */
#ifndef MQK_LIB_SEGMENT_H
#define MQK_LIB_SEGMENT_H

#include <pthread.h>
#include <stdint.h>

struct mqk;

/* Numbers from here on are mapped for one message at a time as well. */
#define MQK_SEGMENTS_CACHED	(1u << 20)

struct mqk_mapping {
	void *base;
	uint32_t refs;
};

struct mqk_segments {
	pthread_mutex_t lock;		/* guards what follows */
	struct mqk_mapping *map;	/* by number */
	uint32_t count;
};

int mqk_segments_init(struct mqk *m);
void mqk_segments_destroy(struct mqk *m);

int mqk_segment_get(struct mqk *m, uint32_t no, const unsigned char **base);
void mqk_segment_put(struct mqk *m, uint32_t no);

/* Unmap what no consumer uses; tells how many. */
unsigned int mqk_segments_trim(struct mqk *m);

#endif /* MQK_LIB_SEGMENT_H */
