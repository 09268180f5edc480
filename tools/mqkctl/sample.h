/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look at all queues of a broker, and what changed between two of them.
 */
#ifndef MQKCTL_SAMPLE_H
#define MQKCTL_SAMPLE_H

#include <mqk/mqk.h>

/**
 * struct queue_rates - a queue, and its messages a second since the last look
 * @q: as the kernel tells it
 * @known: it was there at the last look: the rates mean something
 */
struct queue_rates {
	struct mqk_queue_info q;
	bool known;
	double published;
	double delivered;
	double acked;
};

/**
 * struct sample - all queues at a time
 * @queues: in the order of their ids after sample_take()
 * @n: how many
 * @room: entries of @queues
 * @time: seconds, monotonic
 * @stat: counters of the broker
 */
struct sample {
	struct queue_rates *queues;
	size_t n;
	size_t room;
	double time;
	struct mqk_stat stat;
};

/* A negative errno, or 0.  A sample begins as zeros and may be taken again. */
int sample_take(struct sample *s, struct mqk *m);
void sample_free(struct sample *s);
/* Fill the rates of s, which is in order of ids; before is put in order. */
void sample_rates(struct sample *s, struct sample *before);
/* The busiest first, then the longest. */
void sample_sort(struct sample *s);

#endif /* MQKCTL_SAMPLE_H */
