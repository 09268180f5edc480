/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tallies: what becomes of the messages of one call: numbered, counted, and reported
 * to who published them.
 *
 * Locks: port->mutex.
 */
#ifndef MQK_TALLY_H
#define MQK_TALLY_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "port.h"
#include "trace.h"

/**
 * struct mqk_tally - what one call published; added to the broker's counters at its end
 * @published: messages, with those in no queue
 * @unrouted: messages that lead nowhere
 * @returned: those that were mandatory
 * @refused: messages that were refused
 * @nacked: messages that a queue refused
 * @aside: messages that their producer has sent before, or that wait for a commit
 * @bytes: payload bytes
 */
struct mqk_tally {
	u32 published;
	u32 unrouted;
	u32 returned;
	u32 refused;
	u32 nacked;
	u32 aside;
	u64 bytes;
};

void mqk_tally_unrouted(struct mqk_port *p, struct mqk_tally *t, u32 flags);
void mqk_tally_odd(struct mqk_port *p, struct mqk_tally *t, u32 reached,
		   u32 payload_len);
void mqk_tally_refused(struct mqk_port *p, struct mqk_tally *t, int error);
void mqk_tally_finish(struct mqk_port *p, const struct mqk_tally *t, u64 pos);

/* Number a message that was taken, and report what must be reported now. */
static __always_inline void mqk_tally_report(struct mqk_port *p, struct mqk_tally *t,
				   u32 reached, u32 flags, u32 payload_len)
{
	if (unlikely(p->odd)) {
		mqk_tally_odd(p, t, reached, payload_len);
		return;
	}
	p->seq++;
	p->reached = reached;
	t->published++;
	t->bytes += payload_len;
	trace_mqk_publish(p, p->seq, reached);
	if (unlikely(!reached))
		mqk_tally_unrouted(p, t, flags);
}

#endif /* MQK_TALLY_H */
