/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libmqk: the hot paths, inline.  Included by <mqk/mqk.h>; not on its own.
 *
 * The structures here are the first members of struct mqk_port and struct
 * mqk_consumer.  They are shared between the library and the programs compiled
 * against it: members are only ever appended, and nobody else touches them.
 * The library exports the same functions for callers that cannot inline.
 *
 * Who writes what, and the barrier pairs (A)-(H), is in <linux/mqk.h> and
 * Documentation/rings.rst; the letters stand at the uses.
 */
#ifndef MQK_RING_H
#define MQK_RING_H

#ifndef MQK_MQK_H
#error "include <mqk/mqk.h>"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Small, but with many arguments that are mostly constants. */
#define MQK_INLINE	inline __attribute__((__always_inline__))

/* A released head costs the kernel and the reader a cache line: do it seldom. */
#define MQK_RELEASE_BYTES	65536u

/**
 * struct mqk_port_ring - a port's place in its open segment
 * @base: the mapped segment; NULL before the first
 * @size: bytes of it that may be used
 * @pos: where the next record goes
 * @seq: sequence number of the last message
 * @reserved: bytes of the record at @pos that is reserved, 0: none
 * @generation: commit word of a complete record
 * @unflushed: records committed since the kernel last took them
 * @batch: hand in when there are so many
 * @inplace: 1 if made with MQK_PORT_F_INPLACE
 */
struct mqk_port_ring {
	unsigned char *base;
	uint64_t size;
	uint64_t pos;
	uint64_t seq;
	uint64_t reserved;
	uint32_t generation;
	uint32_t unflushed;
	uint32_t batch;
	uint32_t inplace;
};

/**
 * struct mqk_consumer_ring - a consumer's place in its rings
 * @ring: delivery ring (K)
 * @acks: acknowledgement ring (U)
 * @page: what the kernel says (K)
 * @user: what we say (U)
 * @segs: address of each segment that is mapped, by number, else NULL; jumbo
 *	segments are never in it
 * @next: entries read; entry @next + 1 is the next one
 * @release_at: publish head when @next has come here; 0: something else must be
 *	given up before the next message
 * @ack_tail: acknowledgements written
 * @ack_limit: value of @ack_tail at which the ring may be full, or settling
 *	needs more than an entry: mqk_ack_room() first
 * @bytes: payload read since head was published
 * @nsegs: entries of @segs
 * @mask: entries of @ring less 1
 * @ack_mask: entries of @acks less 1
 * @flags: MQK_CONSUMER_F_*
 */
struct mqk_consumer_ring {
	const struct mqk_delivery *ring;
	struct mqk_ack *acks;
	const struct mqk_consumer_page *page;
	struct mqk_consumer_user *user;
	const unsigned char **segs;
	uint64_t next;
	uint64_t release_at;
	uint64_t ack_tail;
	uint64_t ack_limit;
	uint64_t bytes;
	uint32_t nsegs;
	uint32_t mask;
	uint32_t ack_mask;
	uint32_t flags;
};

/* Copy a key, which is mostly short; not a byte more than it has is read. */
MQK_INLINE void mqk_copy_key(unsigned char *to, const void *key, size_t len)
{
	const unsigned char *from = (const unsigned char *)key;

	if (len > 16) {
		memcpy(to, from, len);
	} else if (len >= 8) {
		/* the two halves overlap */
		uint64_t first, last;

		memcpy(&first, from, 8);
		memcpy(&last, from + len - 8, 8);
		memcpy(to, &first, 8);
		memcpy(to + len - 8, &last, 8);
	} else if (len >= 4) {
		uint32_t first, last;

		memcpy(&first, from, 4);
		memcpy(&last, from + len - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + len - 4, &last, 4);
	} else if (len) {
		/* of up to three bytes: the first, the middle, the last one */
		unsigned char first = from[0], middle = from[len / 2];
		unsigned char last = from[len - 1];

		to[0] = first;
		to[len / 2] = middle;
		to[len - 1] = last;
	}
}

/**
 * mqk_reserve - reserve a record in the open segment
 * @p: port with the option inplace
 * @exchange: id of the exchange
 * @key: routing key
 * @key_len: its bytes, at most MQK_KEY_MAX
 * @headers: encoded headers or NULL
 * @headers_len: their bytes, a multiple of 8, at most MQK_HEADERS_MAX
 * @payload_len: bytes of payload
 * @flags: MQK_MSG_F_*
 * @payload: out: where the payload goes, 64-byte aligned; valid until the
 *	record is committed, or the port is used otherwise
 *
 * Fill the payload, then mqk_commit().  A port has one reservation: another
 * mqk_reserve() drops the first.  A record that does not fit makes the kernel
 * take what is committed, close the segment and open another.
 *
 * Threads: one at a time.
 * Return: 0; -EINVAL a length, or not in place; -EAGAIN the completion ring is
 * full; the errors of struct mqk_port_segment; errors of mmap(2) for records
 * larger than a segment.
 * Source: struct mqk_record.
 */
MQK_INLINE int mqk_reserve(struct mqk_port *p, uint32_t exchange,
		       const void *key, size_t key_len,
		       const void *headers, size_t headers_len,
		       size_t payload_len, uint32_t flags, void **payload)
{
	struct mqk_port_ring *r = (struct mqk_port_ring *)(void *)p;
	struct mqk_record *rec;
	uint64_t size;

	if (key_len > MQK_KEY_MAX || headers_len > MQK_HEADERS_MAX ||
	    headers_len % 8 || (uint64_t)payload_len > UINT32_MAX)
		return -EINVAL;
	size = MQK_RECORD_SIZE(key_len, headers_len, payload_len);
	if (__builtin_expect(size >= r->size - r->pos, 0)) {
		int err = mqk_reserve_last(p, size);

		if (err)
			return err;
	} else {
		/*
		 * Before the record is committed, the place behind it must not
		 * look like one: old bytes there could hold anything.
		 */
		__atomic_store_n((uint32_t *)(void *)(r->base + r->pos + size),
				 0, __ATOMIC_RELAXED);
	}
	rec = (struct mqk_record *)(void *)(r->base + r->pos);
	rec->payload_len = (uint32_t)payload_len;
	rec->headers_len = (uint16_t)headers_len;
	rec->key_len = (uint8_t)key_len;
	rec->type = MQK_RECORD_DATA;
	rec->flags = flags;
	rec->exchange = exchange;
	/* no priority, no expiration, no delay, and what is reserved */
	memset(&rec->priority, 0, MQK_RECORD_KEY - offsetof(struct mqk_record, priority));
	mqk_copy_key((unsigned char *)rec + MQK_RECORD_KEY, key, key_len);
	if (headers_len)
		memcpy((unsigned char *)rec + MQK_RECORD_HEADERS(key_len),
		       headers, headers_len);
	r->reserved = size;
	*payload = (unsigned char *)rec +
		   MQK_RECORD_PAYLOAD(key_len, headers_len);
	return 0;
}

/**
 * mqk_commit - publish the reserved record
 * @p: port with a reservation
 *
 * The record has its sequence number from now on (mqk_port_seq()).  The kernel
 * takes it with the next mqk_flush(), which the option batch does from here.
 *
 * Threads: one at a time.
 * Return: 0; -EINVAL no reservation.  Another error is that of mqk_flush(): the
 * record is committed all the same, only to be handed in by another
 * mqk_flush().
 */
MQK_INLINE int mqk_commit(struct mqk_port *p)
{
	struct mqk_port_ring *r = (struct mqk_port_ring *)(void *)p;
	int ret;

	if (!r->reserved)
		return -EINVAL;
	/* (G): all of the record before its commit word */
	__atomic_store_n((uint32_t *)(void *)(r->base + r->pos), r->generation,
			 __ATOMIC_RELEASE);
	r->pos += r->reserved;
	r->reserved = 0;
	r->seq++;
	if (++r->unflushed < r->batch)
		return 0;
	ret = mqk_flush(p);
	return ret < 0 ? ret : 0;
}

/**
 * mqk_next - receive a message, without blocking
 * @c: consumer
 * @msg: out: the message, see struct mqk_msg for how long it is valid
 *
 * Threads: one at a time.
 * Return: 1 a message.  0 nothing there: poll(2) on mqk_fd() may follow (with
 * the option spin: mqk_consumer_arm() first).  When nothing is left to read, why
 * the consumer has ended: -ECANCELED mqk_cancel(), -ENOENT the queue was
 * deleted, -ESHUTDOWN the broker was removed, -EINVAL an unknown delivery tag or
 * -EPROTO a shared word was damaged.  Errors of mmap(2) or MQK_IOC_READ: the
 * message stays where it is and the next call tries again.
 * Source: struct mqk_delivery.
 */
MQK_INLINE int mqk_next(struct mqk_consumer *c, struct mqk_msg *msg)
{
	struct mqk_consumer_ring *r = (struct mqk_consumer_ring *)(void *)c;
	const struct mqk_delivery *d = &r->ring[r->next & r->mask];
	const unsigned char *rec;
	uint32_t segment, offset;
	int err;

	/* (A): the entry is read after its number */
	if (__atomic_load_n(&d->pos, __ATOMIC_ACQUIRE) != r->next + 1)
		return mqk_next_dry(c, msg);
	if (r->next >= r->release_at || r->bytes >= MQK_RELEASE_BYTES)
		mqk_next_release(c);
	msg->d = *d;
	segment = MQK_REF_SEGMENT(msg->d.ref);
	offset = MQK_REF_OFFSET(msg->d.ref);
	if (segment < r->nsegs && r->segs[segment]) {
		rec = r->segs[segment] + offset;
		msg->key = rec + MQK_RECORD_KEY;
		msg->headers = rec + MQK_RECORD_HEADERS(msg->d.key_len);
		msg->payload = rec + MQK_RECORD_PAYLOAD(msg->d.key_len,
							msg->d.headers_len);
	} else {
		err = mqk_next_view(c, msg);
		if (err)
			return err;
	}
	r->next++;
	r->bytes += msg->d.payload_len;
	return 1;
}

/**
 * mqk_ack_put - write an entry of the acknowledgement ring
 * @c: consumer
 * @tag: delivery tag; 0 with MULTIPLE: all that are unacknowledged
 * @op: MQK_ACK_*
 * @flags: MQK_ACK_F_*
 *
 * What mqk_ack(), mqk_nack() and mqk_reject() are made of.
 * Threads: one at a time.
 * Return: as mqk_ack().
 */
MQK_INLINE int mqk_ack_put(struct mqk_consumer *c, uint64_t tag, uint32_t op,
		       uint32_t flags)
{
	struct mqk_consumer_ring *r = (struct mqk_consumer_ring *)(void *)c;
	struct mqk_ack *e = &r->acks[r->ack_tail & r->ack_mask];
	uint32_t tail;
	int err;

	if (r->ack_tail == r->ack_limit || !tag) {
		err = mqk_ack_room(c, tag, flags);
		if (err)
			return err;
	}
	e->tag = tag;
	e->op = op;
	e->flags = flags;
	/* (C): the entry before the tail */
	__atomic_store_n(&r->user->ack_tail, ++r->ack_tail, __ATOMIC_RELEASE);
	/*
	 * (H): either the kernel sees our tail when it runs out of credit, or
	 * we see that it asks for a kick.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&r->page->flags, __ATOMIC_RELAXED) &
	      MQK_CONSUMER_PAGE_F_KICK))
		return 0;
	tail = (uint32_t)r->ack_tail;
	if ((int32_t)(tail - __atomic_load_n(&r->page->kick_at,
					     __ATOMIC_RELAXED)) < 0 &&
	    __atomic_load_n(&r->ring[r->next & r->mask].pos,
			    __ATOMIC_RELAXED) == r->next + 1)
		return 0;
	err = mqk_settle(c);
	return err < 0 ? err : 0;
}

/**
 * mqk_ack - accept a message: it is done and leaves its queue
 * @c: consumer the message came from
 * @tag: its delivery tag
 *
 * The message's memory is invalid from now on.  Mostly no system call: the
 * kernel reads the ring when it next needs to.
 *
 * Threads: one at a time.
 * Return: 0; -EINVAL a tag of 0, or the kernel met a tag that is not
 * outstanding, which ends the consumer (possibly found by a later call);
 * -EPROTO, -ENOENT, -ESHUTDOWN the consumer has ended.
 * Source: AMQP 0-9-1 basic.ack; uapi struct mqk_ack.
 */
MQK_INLINE int mqk_ack(struct mqk_consumer *c, uint64_t tag)
{
	return mqk_ack_put(c, tag, MQK_ACK_ACCEPT, 0);
}

#ifdef __cplusplus
}
#endif

#endif /* MQK_RING_H */
