// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sample.h"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int add(struct sample *s, const struct mqk_queue_info *q)
{
	struct queue_rates *queues;
	size_t room;

	if (s->n == s->room) {
		room = s->room ? 2 * s->room : 64;
		queues = reallocarray(s->queues, room, sizeof(*queues));
		if (!queues)
			return -ENOMEM;
		s->queues = queues;
		s->room = room;
	}
	memset(&s->queues[s->n], 0, sizeof(*s->queues));
	s->queues[s->n++].q = *q;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = ((const struct queue_rates *)a)->q.id;
	uint32_t y = ((const struct queue_rates *)b)->q.id;

	return (x > y) - (x < y);
}

static void sample_order(struct sample *s)
{
	if (s->n)
		qsort(s->queues, s->n, sizeof(*s->queues), by_id);
}

int sample_take(struct sample *s, struct mqk *m)
{
	struct mqk_queue_info q = { .sz = sizeof(q) };
	int ret;

	s->n = 0;
	s->time = now();
	memset(&s->stat, 0, sizeof(s->stat));
	s->stat.size = sizeof(s->stat);
	ret = mqk_stat(m, &s->stat);
	if (ret < 0)
		return ret;
	while ((ret = mqk_queue_next(m, &q)) > 0) {
		ret = add(s, &q);
		if (ret)
			return ret;
	}
	sample_order(s);
	return ret;
}

void sample_free(struct sample *s)
{
	free(s->queues);
}

void sample_rates(struct sample *s, struct sample *before)
{
	double seconds = s->time - before->time;
	size_t i, k = 0;

	sample_order(before);
	for (i = 0; i < s->n; i++) {
		struct queue_rates *r = &s->queues[i];
		const struct mqk_queue_info *old;

		while (k < before->n && before->queues[k].q.id < r->q.id)
			k++;
		if (k == before->n || before->queues[k].q.id != r->q.id ||
		    seconds <= 0)
			continue;
		old = &before->queues[k].q;
		r->known = true;
		r->published = (double)(r->q.published - old->published) /
			       seconds;
		r->delivered = (double)(r->q.delivered - old->delivered) /
			       seconds;
		r->acked = (double)(r->q.acked - old->acked) / seconds;
	}
}

static int by_work(const void *a, const void *b)
{
	const struct queue_rates *x = a, *y = b;
	double dx = x->published + x->delivered + x->acked;
	double dy = y->published + y->delivered + y->acked;

	if (dx != dy)
		return dx < dy ? 1 : -1;
	if (x->q.ready != y->q.ready)
		return x->q.ready < y->q.ready ? 1 : -1;
	return strcmp(x->q.name, y->q.name);
}

void sample_sort(struct sample *s)
{
	if (s->n)
		qsort(s->queues, s->n, sizeof(*s->queues), by_work);
}
