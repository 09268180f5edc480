/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Appenders: where the kernel puts the messages that it copies.
 *
 * A tenant has one, with an open segment that no process can write to; its
 * ports share it.  Room is taken under a lock, filled without one.  Whoever has
 * taken room has a reference to the segment, which keeps it until the message
 * is in its queues, or was given up.
 *
 * Life: from the tenant's first port on, as long as the tenant.  Without ports
 * its segment stays open while there are messages in it, so that many short
 * sessions share one; it is closed when somebody looks and there are none.
 * Locks: lock.
 */
#ifndef MQK_APPENDER_H
#define MQK_APPENDER_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct mqk_refusal;
struct mqk_segment;
struct mqk_store;
struct mqk_tenant;

struct mqk_appender {
	spinlock_t lock;
	struct mqk_segment *segment;
	u64 offset;
};

struct mqk_appender *mqk_appender_alloc(void);
void mqk_appender_trim(struct mqk_appender *a);
void mqk_appender_free(struct mqk_appender *a);
struct mqk_segment *mqk_appender_take(struct mqk_store *store,
				      struct mqk_tenant *tenant, u64 size,
				      u64 *offset, struct mqk_refusal *why);
struct mqk_segment *mqk_appender_take_like(struct mqk_segment *from, u64 size,
					   u64 *offset);

#endif /* MQK_APPENDER_H */
