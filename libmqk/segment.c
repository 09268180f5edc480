// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Segments that are mapped for reading.
 */
#include "segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "session.h"

int mqk_segments_init(struct mqk *m)
{
	return -pthread_mutex_init(&m->segments.lock, NULL);
}

void mqk_segments_destroy(struct mqk *m)
{
	struct mqk_segments *s = &m->segments;
	uint32_t no;

	for (no = 0; no < s->count; no++)
		if (s->map[no].base)
			mqk_unmap(s->map[no].base, m->query.segment_size);
	free(s->map);
	pthread_mutex_destroy(&s->lock);
}

static unsigned int trim(struct mqk *m)
{
	struct mqk_segments *s = &m->segments;
	unsigned int n = 0;
	uint32_t no;

	for (no = 0; no < s->count; no++) {
		if (!s->map[no].base || s->map[no].refs)
			continue;
		mqk_unmap(s->map[no].base, m->query.segment_size);
		s->map[no].base = NULL;
		n++;
	}
	return n;
}

unsigned int mqk_segments_trim(struct mqk *m)
{
	unsigned int n;

	pthread_mutex_lock(&m->segments.lock);
	n = trim(m);
	pthread_mutex_unlock(&m->segments.lock);
	return n;
}

static int reach(struct mqk_segments *s, uint32_t no)
{
	struct mqk_mapping *map;
	uint32_t count = s->count ? s->count : 16;

	if (no < s->count)
		return 0;
	while (count <= no)
		count *= 2;
	map = realloc(s->map, count * sizeof(*map));
	if (!map)
		return -ENOMEM;
	memset(map + s->count, 0, (count - s->count) * sizeof(*map));
	s->map = map;
	s->count = count;
	return 0;
}

static int map_segment(struct mqk *m, uint32_t no, void **base)
{
	const struct mqk_query *q = &m->query;
	uint64_t offset = q->segment_base +
			  ((uint64_t)no << q->segment_shift);
	int err;

	do {
		err = mqk_map(m, offset, q->segment_size, PROT_READ, base);
	} while (err == -ENOMEM && trim(m));
	return err;
}

int mqk_segment_get(struct mqk *m, uint32_t no, const unsigned char **base)
{
	struct mqk_segments *s = &m->segments;
	void *addr;
	int err;

	pthread_mutex_lock(&s->lock);
	err = reach(s, no);
	if (!err && !s->map[no].base) {
		err = map_segment(m, no, &addr);
		if (!err)
			s->map[no].base = addr;
	}
	if (!err) {
		s->map[no].refs++;
		*base = s->map[no].base;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

void mqk_segment_put(struct mqk *m, uint32_t no)
{
	pthread_mutex_lock(&m->segments.lock);
	m->segments.map[no].refs--;
	pthread_mutex_unlock(&m->segments.lock);
}
