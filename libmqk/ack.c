// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Acknowledgements: what mqk_ack_put() leaves to do.
 */
#include <errno.h>

#include "consumer.h"

static int kick(struct mqk_consumer *c)
{
	c->kicked_head = c->released;
	c->kicked_tail = c->ring.ack_tail;
	return mqk_ioctl_id(c->m, MQK_IOC_KICK, c->id);
}

int mqk_consumer_kick(struct mqk_consumer *c)
{
	/* (H): what we published before what the kernel wants */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&c->ring.page->flags, __ATOMIC_RELAXED) &
	      MQK_CONSUMER_PAGE_F_KICK))
		return 0;
	/* It has heard that already: do not ask again in each round. */
	if (c->kicked_head == c->released &&
	    c->kicked_tail == c->ring.ack_tail)
		return 0;
	return kick(c);
}

int mqk_settle(struct mqk_consumer *c)
{
	/* A message that wants no ack may still be in the caller's hands. */
	if (!mqk_consumer_noack(c))
		mqk_next_release(c);
	return kick(c);
}

/*
 * The ring may be full, or a private mapping has to go first, or the arguments
 * are bad.
 */
int mqk_ack_room(struct mqk_consumer *c, uint64_t tag, uint32_t flags)
{
	struct mqk_consumer_ring *r = &c->ring;
	bool multiple = flags & MQK_ACK_F_MULTIPLE;
	uint64_t head;
	int err;

	if (mqk_consumer_noack(c) || (!tag && !multiple))
		return -EINVAL;
	head = __atomic_load_n(&r->page->ack_head, __ATOMIC_ACQUIRE);
	if (r->ack_tail - head >= c->ack_entries) {
		err = mqk_settle(c);
		if (err < 0)
			return err;
		head = __atomic_load_n(&r->page->ack_head, __ATOMIC_ACQUIRE);
		if (r->ack_tail - head >= c->ack_entries)
			return -EAGAIN;
	}
	mqk_private_drop(c, tag, multiple);
	r->ack_limit = c->privates ? r->ack_tail + 1 : head + c->ack_entries;
	return 0;
}

int mqk_ack_multiple(struct mqk_consumer *c, uint64_t tag)
{
	return mqk_ack_put(c, tag, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE);
}

int mqk_nack(struct mqk_consumer *c, uint64_t tag, bool requeue, bool multiple)
{
	return mqk_ack_put(c, tag, MQK_ACK_NACK,
			   (requeue ? MQK_ACK_F_REQUEUE : 0u) |
			   (multiple ? MQK_ACK_F_MULTIPLE : 0u));
}

int mqk_reject(struct mqk_consumer *c, uint64_t tag, bool requeue)
{
	return mqk_ack_put(c, tag, MQK_ACK_REJECT,
			   requeue ? MQK_ACK_F_REQUEUE : 0u);
}
