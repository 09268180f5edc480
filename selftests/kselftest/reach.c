// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message reaches.
 */
#include "reach.h"

#include <stdio.h>

int reach_begin(struct reach *r, __u32 port_flags)
{
	char name[8];
	int i, err;

	memset(r, 0, sizeof(*r));
	err = env_begin(&r->env, NULL);
	if (err)
		return err;
	r->s = env_session(&r->env, O_RDWR);
	if (r->s < 0)
		return r->s;
	for (i = 0; i < QUEUES; i++) {
		__s64 id;

		sprintf(name, "q%d", i);
		id = queue_declare(r->s, name, 0);
		if (id < 0)
			return id;
		r->queue[i] = id;
	}
	return port_make(&r->port, r->s, port_flags, 64);
}

int reach_end(struct reach *r)
{
	return env_end(&r->env);
}

__u32 reach_exchange(struct reach *r, const char *name)
{
	return exchange_declare(r->s, name, 0, MQK_DECLARE_F_PASSIVE);
}

int reach_asked(struct reach *r, const char *exchange, const void *key,
		__u32 key_len, const struct headers *h)
{
	__u32 ids[QUEUES + 1];
	int n = route_headers(r->s, r->flags & MQK_MSG_F_CC, exchange, key,
			      key_len, h, ids, QUEUES + 1);
	int i, j, bits = 0;

	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		for (j = 0; j < QUEUES; j++) {
			if (ids[i] != r->queue[j])
				continue;
			if (bits & 1 << j)
				return -EEXIST;
			bits |= 1 << j;
		}
	}
	return bits;
}

int reach_arrived(struct reach *r)
{
	int i, bits = 0;

	for (i = 0; i < QUEUES; i++) {
		struct mqk_queue_next info;

		if (queue_info(r->s, r->queue[i], &info))
			continue;
		if (info.published - r->published[i] > 1)
			return -EEXIST;
		if (info.published != r->published[i])
			bits |= 1 << i;
		r->published[i] = info.published;
	}
	return bits;
}

int reach_published(struct reach *r, const char *exchange, const void *key,
		    __u32 key_len, const struct headers *h)
{
	struct msg m = {
		.exchange = reach_exchange(r, exchange), .flags = r->flags,
		.key = key, .key_len = key_len,
		.headers = h ? h->bytes : NULL, .headers_len = h ? h->len : 0,
		.payload = "x", .payload_len = 1,
	};
	int ret = port_publish(&r->port, &m);
	struct mqk_completion c;

	if (!ret && !port_completion(&r->port, &c, 0))
		ret = c.result;
	return ret ? ret : reach_arrived(r);
}

int reach_both(struct reach *r, const char *exchange, const void *key,
	       __u32 key_len, const struct headers *h)
{
	int bits = reach_asked(r, exchange, key, key_len, h);

	return bits == reach_published(r, exchange, key, key_len, h) ? bits : -EBADE;
}
