// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Views: where the bytes of a delivered message are.
 *
 * mqk_next() finds those in segments that this consumer has mapped.  Here is the
 * rest: first sight of a segment, jumbo segments, and copies.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consumer.h"

/* Set what msg points to from its lengths; from_key is where its key lies. */
void mqk_view_point(struct mqk_msg *msg, const void *from_key)
{
	const unsigned char *p = from_key;
	const struct mqk_delivery *d = &msg->d;

	msg->key = p;
	msg->headers = p + (MQK_RECORD_HEADERS(d->key_len) - MQK_RECORD_KEY);
	msg->payload = p + (MQK_RECORD_PAYLOAD(d->key_len, d->headers_len) -
			    MQK_RECORD_KEY);
}

int mqk_buffer_reserve(struct mqk_buffer *b, size_t size)
{
	size_t n = b->size ? b->size : 4096;
	void *data;

	if (size <= b->size)
		return 0;
	while (n < size) {
		if (n > SIZE_MAX / 2)
			return -ENOMEM;
		n *= 2;
	}
	/* What is in it is not needed any more: no realloc(). */
	data = malloc(n);
	if (!data)
		return -ENOMEM;
	free(b->data);
	b->data = data;
	b->size = n;
	return 0;
}

void mqk_buffer_free(struct mqk_buffer *b)
{
	if (!b)
		return;
	free(b->data);
	b->data = NULL;
	b->size = 0;
}

int mqk_view_copy(struct mqk_consumer *c, struct mqk_msg *msg)
{
	const struct mqk_delivery *d = &msg->d;
	uint64_t len = (uint64_t)MQK_RECORD_PAYLOAD(d->key_len,
						    d->headers_len) +
		       d->payload_len - MQK_RECORD_KEY;
	struct mqk_read r = {
		.size = sizeof(r),
		.consumer = c->id,
		.tag = d->tag,
		.offset = MQK_RECORD_KEY,
		.len = len,
	};
	int err;

	if (len != (size_t)len)
		return -ENOMEM;
	err = mqk_buffer_reserve(&c->buffer, (size_t)len);
	if (err)
		return err;
	r.data = mqk_ptr(c->buffer.data);
	err = mqk_ioctl(c->m, MQK_IOC_READ, &r);
	if (err < 0)
		return err;
	if (r.len < len)
		return -EPROTO;
	mqk_view_point(msg, c->buffer.data);
	return 0;
}

/* Have an entry for a segment in ring.segs. */
static int reach(struct mqk_consumer_ring *r, uint32_t no)
{
	uint32_t n = r->nsegs ? r->nsegs : 16;
	const unsigned char **segs;

	if (no < r->nsegs)
		return 0;
	while (n <= no)
		n *= 2;
	segs = realloc(r->segs, n * sizeof(*segs));
	if (!segs)
		return -ENOMEM;
	memset(segs + r->nsegs, 0, (n - r->nsegs) * sizeof(*segs));
	r->segs = segs;
	r->nsegs = n;
	return 0;
}

static int view_segment(struct mqk_consumer *c, struct mqk_msg *msg)
{
	struct mqk_consumer_ring *r = &c->ring;
	uint32_t no = MQK_REF_SEGMENT(msg->d.ref);
	int err;

	err = reach(r, no);
	if (!err && !r->segs[no])
		err = mqk_segment_get(c->m, no, &r->segs[no]);
	if (!err)
		mqk_view_point(msg, r->segs[no] + MQK_REF_OFFSET(msg->d.ref) +
				    MQK_RECORD_KEY);
	return err;
}

static int view_private(struct mqk_consumer *c, struct mqk_msg *msg)
{
	const struct mqk_query *q = &c->m->query;
	const struct mqk_delivery *d = &msg->d;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t offset = q->segment_base +
			  ((uint64_t)MQK_REF_SEGMENT(d->ref) <<
			   q->segment_shift);
	struct mqk_private *v = malloc(sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	v->tag = d->tag;
	v->size = MQK_REF_OFFSET(d->ref) +
		  MQK_RECORD_SIZE(d->key_len, d->headers_len, d->payload_len);
	v->size = (v->size + page - 1) & ~(page - 1);
	err = mqk_map(c->m, offset, v->size, PROT_READ, &v->addr);
	if (err) {
		free(v);
		return err;
	}
	v->next = c->privates;
	c->privates = v;
	/* Have the mapping dropped when its message is done with. */
	if (mqk_consumer_noack(c))
		c->ring.release_at = 0;
	else
		c->ring.ack_limit = c->ring.ack_tail;
	mqk_view_point(msg, (unsigned char *)v->addr +
			    MQK_REF_OFFSET(d->ref) + MQK_RECORD_KEY);
	return 0;
}

void mqk_private_drop(struct mqk_consumer *c, uint64_t tag, bool multiple)
{
	struct mqk_private **link = &c->privates;
	struct mqk_private *v;

	while ((v = *link)) {
		if (v->tag == tag || (multiple && (!tag || v->tag < tag))) {
			*link = v->next;
			mqk_unmap(v->addr, v->size);
			free(v);
		} else {
			link = &v->next;
		}
	}
}

/* Drop the references to segments; the mappings stay with the session. */
void mqk_view_forget(struct mqk_consumer *c)
{
	struct mqk_consumer_ring *r = &c->ring;
	uint32_t no;

	for (no = 0; no < r->nsegs; no++) {
		if (!r->segs[no])
			continue;
		r->segs[no] = NULL;
		mqk_segment_put(c->m, no);
	}
}

void mqk_consumer_trim(struct mqk_consumer *c)
{
	mqk_view_forget(c);
	mqk_segments_trim(c->m);
}

static int view(struct mqk_consumer *c, struct mqk_msg *msg)
{
	uint32_t no = MQK_REF_SEGMENT(msg->d.ref);

	if (no & MQK_SEGMENT_JUMBO || no >= MQK_SEGMENTS_CACHED)
		return view_private(c, msg);
	return view_segment(c, msg);
}

int mqk_next_view(struct mqk_consumer *c, struct mqk_msg *msg)
{
	int err;

	if (mqk_consumer_copies(c))
		return mqk_view_copy(c, msg);
	err = view(c, msg);
	if (err == -ENOMEM && mqk_consumer_noack(c)) {
		/* Nobody holds another message of this consumer: make room. */
		mqk_consumer_trim(c);
		err = view(c, msg);
	}
	return err;
}
