/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a consumer is told of an entry: the second half of a delivery is a copy of it.
 */
#ifndef MQK_DELIVERY_H
#define MQK_DELIVERY_H

#include <linux/build_bug.h>
#include <linux/string.h>
#include <linux/mqk.h>

#include "queue.h"
#include "util/index.h"

static_assert(offsetof(struct mqk_delivery, ref) == 32);
static_assert(offsetof(struct mqk_entry, payload_len) + 32 ==
	      offsetof(struct mqk_delivery, payload_len));
static_assert(offsetof(struct mqk_entry, headers_len) + 32 ==
	      offsetof(struct mqk_delivery, headers_len));
static_assert(offsetof(struct mqk_entry, key_len) + 32 ==
	      offsetof(struct mqk_delivery, key_len));
static_assert(offsetof(struct mqk_entry, flags) + 32 ==
	      offsetof(struct mqk_delivery, resv0));
static_assert(offsetof(struct mqk_entry, exchange) + 32 ==
	      offsetof(struct mqk_delivery, exchange));
static_assert(offsetof(struct mqk_entry, priority) + 32 ==
	      offsetof(struct mqk_delivery, priority));
static_assert(offsetof(struct mqk_entry, count) + 32 ==
	      offsetof(struct mqk_delivery, count));
static_assert(offsetof(struct mqk_entry, uid) + 32 ==
	      offsetof(struct mqk_delivery, uid));
static_assert(offsetof(struct mqk_entry, pid) + 32 ==
	      offsetof(struct mqk_delivery, pid));

/**
 * mqk_delivery_describe() - fill all of a delivery but its number and its tag
 * @q: the queue
 * @e: the entry
 * @flags: MQK_DELIVERY_F_*; REDELIVERED is found out here
 * @d: the delivery
 *
 * Context: q->lock.
 */
static __always_inline void
mqk_delivery_describe(const struct mqk_queue *q, const struct mqk_entry *e,
		      u32 flags, struct mqk_delivery *d)
{
	d->seq = mqk_entry_seq(e);
	d->queue = q->id;
	d->flags = e->count ? flags | MQK_DELIVERY_F_REDELIVERED : flags;
	memcpy((u8 *)d + offsetof(struct mqk_delivery, ref), e, sizeof(*e));
	/* flags of the entry stand in its place */
	d->resv0 = 0;
}

#endif /* MQK_DELIVERY_H */
