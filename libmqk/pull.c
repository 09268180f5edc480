// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Pulling single messages, and browsing.
 */
#include <errno.h>

#include "consumer.h"

int mqk_puller_open(struct mqk *m, const struct mqk_consumer_opts *opts,
		    struct mqk_consumer **c)
{
	struct mqk_consumer_create cc = { .flags = MQK_CONSUMER_F_PULL };
	struct mqk_consumer_opts o;
	int err;

	if (!c)
		return -EINVAL;
	err = mqk_opts_take(&o, sizeof(o), opts);
	if (err)
		return err;
	o.entries = 0;
	return mqk_consumer_open(m, &cc, &o, c);
}

int mqk_get(struct mqk_consumer *c, uint32_t queue, struct mqk_msg *msg,
	    uint64_t *ready, int64_t timeout)
{
	struct mqk_get g = {
		.size = sizeof(g),
		.consumer = c->id,
		.queue = queue,
		.delivery = mqk_ptr(&msg->d),
		.timeout = timeout,
	};
	int err;

	if (!mqk_consumer_pulls(c))
		return -EINVAL;
	if (mqk_consumer_noack(c))
		mqk_private_drop(c, 0, true);
	err = mqk_ioctl(c->m, MQK_IOC_GET, &g);
	if (err == -EAGAIN || err == -ETIMEDOUT)
		return 0;
	if (err < 0)
		return err;
	err = mqk_next_view(c, msg);
	if (err) {
		if (!mqk_consumer_noack(c))
			mqk_nack(c, msg->d.tag, true, false);
		return err;
	}
	if (ready)
		*ready = g.ready;
	return 1;
}

int mqk_browse(struct mqk *m, uint32_t queue, uint64_t *seq,
	       struct mqk_msg *msg, struct mqk_buffer *buf)
{
	uint64_t want = *seq, need;
	int err;

	for (;;) {
		struct mqk_browse b = {
			.size = sizeof(b),
			.queue = queue,
			.seq = want,
			.delivery = mqk_ptr(&msg->d),
			.data = mqk_ptr(buf->data),
			.len = buf->size,
		};

		err = mqk_ioctl(m, MQK_IOC_BROWSE, &b);
		if (err == -EAGAIN)
			return 0;
		if (err < 0)
			return err;
		if (b.len <= buf->size) {
			need = (uint64_t)MQK_RECORD_PAYLOAD(msg->d.key_len,
							msg->d.headers_len) +
			       msg->d.payload_len - MQK_RECORD_KEY;
			if (need > b.len)
				return -EPROTO;
			*seq = b.seq + 1;
			mqk_view_point(msg, buf->data);
			return 1;
		}
		/* The message can be another one by the next look. */
		if (b.len != (size_t)b.len)
			return -ENOMEM;
		err = mqk_buffer_reserve(buf, (size_t)b.len);
		if (err)
			return err;
	}
}
