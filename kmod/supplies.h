/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Supplies: a chunk with all that comes with it, got by who may sleep, for a queue
 * whose lock may not be held meanwhile.
 *
 * For messages that were taken long ago, and need a place now: so the tenant who paid
 * for the place that they have pays for the new one, beyond its limit if it must be,
 * once; and the memory cgroup of the old place for the new one.
 *
 * Use: under the lock, feed; if that fails, want, and let go of the lock; get; come
 * again.
 */
#ifndef MQK_SUPPLIES_H
#define MQK_SUPPLIES_H

#include <linux/types.h>

struct mem_cgroup;
struct mqk_chunk;
struct mqk_queue;
struct mqk_tenant;

/**
 * struct mqk_supplies - supplies for one queue
 * @chunk: a chunk that is ready for use, or NULL
 * @tenant: who pays for the next one
 * @memcg: whose memory it is, with a reference, or NULL
 * @want: one is to be got
 * @failed: there was no memory for one
 */
struct mqk_supplies {
	struct mqk_chunk *chunk;
	struct mqk_tenant *tenant;
	struct mem_cgroup *memcg;
	bool want;
	bool failed;
};

bool mqk_supplies_feed(struct mqk_supplies *s, struct mqk_queue *q);
void mqk_supplies_want(struct mqk_supplies *s, struct mqk_chunk *like);
void mqk_supplies_get(struct mqk_supplies *s, bool linked);
void mqk_supplies_end(struct mqk_supplies *s);

#endif /* MQK_SUPPLIES_H */
