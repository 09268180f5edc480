/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Inside of libmqk: consumers.
 *
 * The ring comes first: the inline functions of ring.h know only that part.
 *
 * What a message points into is one of
 *	a segment in ring.segs, mapped until the consumer is closed or trimmed;
 *	a private mapping (struct mqk_private) of a jumbo segment: until it is
 *	  settled, of a noack consumer until the next message;
 *	the buffer, for copies: until the next message.
 *
 * Threads: a consumer is used by one thread at a time; nothing here is locked.
 */
#ifndef MQK_LIB_CONSUMER_H
#define MQK_LIB_CONSUMER_H

#include "session.h"

struct mqk_private {
	struct mqk_private *next;
	uint64_t tag;
	void *addr;
	uint64_t size;
};

struct mqk_consumer {
	struct mqk_consumer_ring ring;
	struct mqk *m;
	uint32_t id;
	uint32_t queue;
	uint32_t ack_entries;
	bool spin;
	bool awake;			/* what user->awake says */
	uint64_t spin_ns;
	uint64_t released;		/* what user->head says */
	uint64_t kicked_head;		/* both as of the last kick */
	uint64_t kicked_tail;
	struct mqk_private *privates;
	struct mqk_buffer buffer;
	/* shared pages */
	void *page;
	uint64_t page_size;
	void *user;
	uint64_t user_size;
};

/* The kind of consumer that flags say; the rings are mapped. */
int mqk_consumer_open(struct mqk *m, struct mqk_consumer_create *cc,
		      const struct mqk_consumer_opts *o,
		      struct mqk_consumer **out);

/* view.c: where the bytes of msg->d are. */
int mqk_view_copy(struct mqk_consumer *c, struct mqk_msg *msg);
void mqk_view_point(struct mqk_msg *msg, const void *from_key);
void mqk_view_forget(struct mqk_consumer *c);
/* Unmap private mappings of messages: all, one tag, or all up to it. */
void mqk_private_drop(struct mqk_consumer *c, uint64_t tag, bool multiple);

/* ack.c: MQK_IOC_KICK, when there is something new for it. */
int mqk_consumer_kick(struct mqk_consumer *c);

int mqk_buffer_reserve(struct mqk_buffer *b, size_t size);

static inline bool mqk_consumer_noack(const struct mqk_consumer *c)
{
	return c->ring.flags & MQK_CONSUMER_F_NOACK;
}

static inline bool mqk_consumer_pulls(const struct mqk_consumer *c)
{
	return c->ring.flags & MQK_CONSUMER_F_PULL;
}

static inline bool mqk_consumer_ready(const struct mqk_consumer *c)
{
	const struct mqk_consumer_ring *r = &c->ring;

	return __atomic_load_n(&r->ring[r->next & r->mask].pos,
			       __ATOMIC_ACQUIRE) == r->next + 1;
}

#endif /* MQK_LIB_CONSUMER_H */
