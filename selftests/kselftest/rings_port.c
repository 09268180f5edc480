// SPDX-License-Identifier: GPL-2.0-only
#include "rings_port.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PTR(p)	((__u64)(uintptr_t)(p))

int port_make(struct port *p, int fd, __u32 flags, __u32 entries)
{
	return port_make_for(p, fd, flags, entries, NULL, 0);
}

int port_make_for(struct port *p, int fd, __u32 flags, __u32 entries,
		  const char *producer, __u32 mode)
{
	int ret;

	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->inplace = flags & MQK_PORT_F_INPLACE;
	p->c.size = sizeof(p->c);
	p->c.flags = flags;
	p->c.entries = entries;
	p->c.producer = PTR(producer);
	p->c.producer_len = producer ? strlen(producer) : 0;
	p->c.producer_mode = mode;
	ret = mq(fd, MQK_IOC_PORT_CREATE, &p->c);
	if (ret)
		return ret;
	p->k = map(fd, p->c.page_offset, p->c.page_size, PROT_READ);
	p->u = map(fd, p->c.user_offset, p->c.user_size,
		   PROT_READ | PROT_WRITE);
	if (p->k == MAP_FAILED || p->u == MAP_FAILED)
		return -ENOMEM;
	p->ring = (const void *)((const __u8 *)p->k + p->c.ring_offset);
	if (p->inplace) {
		p->window = map(fd, p->c.window_offset, p->c.window_size,
				PROT_READ | PROT_WRITE);
		if (p->window == MAP_FAILED)
			return -ENOMEM;
	}
	return 0;
}

int port_close(struct port *p)
{
	struct mqk_id id = { .size = sizeof(id), .id = p->c.id };

	return mq(p->fd, MQK_IOC_PORT_CLOSE, &id);
}

int port_forget(struct port *p)
{
	struct mqk_id id = {
		.size = sizeof(id), .flags = MQK_ID_F_FORGET, .id = p->c.id,
	};

	return mq(p->fd, MQK_IOC_PORT_CLOSE, &id);
}

void port_unmap(struct port *p)
{
	if (p->open && p->open != p->window)
		unmap(p->open, p->seg.map_size);
	if (p->window)
		unmap(p->window, p->c.window_size);
	unmap((void *)p->k, p->c.page_size);
	unmap(p->u, p->c.user_size);
}

int port_segment(struct port *p, __u64 min_size)
{
	struct mqk_port_segment seg = {
		.size = sizeof(seg),
		.port = p->c.id,
		.min_size = min_size,
	};
	int ret = mq(p->fd, MQK_IOC_PORT_SEGMENT, &seg);

	if (ret)
		return ret;
	if (p->open && p->open != p->window)
		unmap(p->open, p->seg.map_size);
	p->seg = seg;
	p->at = 0;
	p->open = p->window;
	/* Larger than the window: mapped anew, wherever that is. */
	if (seg.map_offset != p->c.window_offset ||
	    seg.map_size > p->c.window_size) {
		p->open = map(p->fd, seg.map_offset, seg.map_size,
			      PROT_READ | PROT_WRITE);
		if (p->open == MAP_FAILED) {
			p->open = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

struct mqk_record *port_reserve(struct port *p, __u8 key_len, __u16 headers_len,
				__u32 payload_len)
{
	__u64 size = MQK_RECORD_SIZE(key_len, headers_len, payload_len);
	struct mqk_record *r;

	if (!p->seg.generation || size > p->seg.map_size - p->at) {
		int ret = port_segment(p, size);

		if (ret) {
			errno = -ret;
			return NULL;
		}
	}
	r = (struct mqk_record *)(p->open + p->at);
	p->at += size;
	if (p->at < p->seg.map_size)
		__atomic_store_n((__u32 *)(p->open + p->at), 0,
				 __ATOMIC_RELAXED);
	return r;
}

void *record_payload(struct mqk_record *r)
{
	return (__u8 *)r + MQK_RECORD_PAYLOAD(r->key_len, r->headers_len);
}

void port_fill(struct mqk_record *r, const struct msg *m)
{
	struct mqk_record head = {
		.payload_len = m->payload_len,
		.headers_len = m->headers_len,
		.key_len = m->key_len,
		.type = MQK_RECORD_DATA,
		.flags = m->flags,
		.exchange = m->exchange,
		.priority = m->priority,
		.expiration = m->expiration,
		.delay = m->delay,
	};

	/* All but the commit word, which is the first, and the key. */
	memcpy((__u8 *)r + 4, (__u8 *)&head + 4, MQK_RECORD_KEY - 4);
	memcpy((__u8 *)r + MQK_RECORD_KEY, m->key, m->key_len);
	memcpy((__u8 *)r + MQK_RECORD_HEADERS(m->key_len), m->headers,
	       m->headers_len);
	memcpy(record_payload(r), m->payload, m->payload_len);
}

void port_commit(struct port *p, struct mqk_record *r)
{
	__atomic_store_n(&r->commit, p->seg.generation, __ATOMIC_RELEASE);
}

int port_place_number(struct port *p, __u64 number)
{
	struct mqk_record *r = port_reserve(p, sizeof(number), 0, 0);

	if (!r)
		return -errno;
	memset((__u8 *)r + 4, 0, sizeof(*r) - 4);
	r->type = MQK_RECORD_NUMBER;
	r->key_len = sizeof(number);
	memcpy(r->key, &number, sizeof(number));
	port_commit(p, r);
	return 0;
}

int port_place(struct port *p, const struct msg *m)
{
	int ret = m->number ? port_place_number(p, m->number) : 0;
	struct mqk_record *r;

	if (ret)
		return ret;
	r = port_reserve(p, m->key_len, m->headers_len, m->payload_len);
	if (!r)
		return -errno;
	port_fill(r, m);
	port_commit(p, r);
	return 0;
}

int port_doorbell(struct port *p)
{
	return mq_value(p->fd, MQK_IOC_DOORBELL, p->c.id);
}

static int publish_copies(struct port *p, const struct msg *m, __u32 n)
{
	struct mqk_message *copies = calloc(n ?: 1, sizeof(*copies));
	struct mqk_publish pub = {
		.size = sizeof(pub),
		.port = p->c.id,
		.count = n,
		.messages = PTR(copies),
	};
	__u32 i;
	int ret;

	if (!copies)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		copies[i].exchange = m[i].exchange;
		copies[i].flags = m[i].flags;
		copies[i].key = PTR(m[i].key);
		copies[i].key_len = m[i].key_len;
		copies[i].headers = PTR(m[i].headers);
		copies[i].headers_len = m[i].headers_len;
		copies[i].payload = PTR(m[i].payload);
		copies[i].payload_len = m[i].payload_len;
		copies[i].priority = m[i].priority;
		copies[i].expiration = m[i].expiration;
		copies[i].delay = m[i].delay;
		copies[i].number = m[i].number;
	}
	ret = mq(p->fd, MQK_IOC_PUBLISH, &pub);
	free(copies);
	return ret < 0 ? ret : (int)pub.count;
}

int port_publish_batch(struct port *p, const struct msg *m, __u32 n)
{
	__u32 i;

	if (!p->inplace)
		return publish_copies(p, m, n);
	for (i = 0; i < n; i++) {
		int ret = port_place(p, &m[i]);

		if (ret)
			return ret;
	}
	return port_doorbell(p);
}

int port_publish(struct port *p, const struct msg *m)
{
	int ret = port_publish_batch(p, m, 1);

	return ret < 0 ? ret : ret == 1 ? 0 : -EIO;
}

int port_number(struct port *p, __u32 exchange, const char *key, __u32 number)
{
	struct msg m = {
		.exchange = exchange,
		.key = key,
		.key_len = strlen(key),
		.payload = &number,
		.payload_len = sizeof(number),
	};

	return port_publish(p, &m);
}

int port_numbers(struct port *p, __u32 exchange, const char *key, __u32 from,
		 __u32 to)
{
	int ret = 0;

	for (; from <= to && !ret; from++)
		ret = port_number(p, exchange, key, from);
	return ret;
}

static const struct mqk_completion *completion_slot(const struct port *p,
						    __u64 pos)
{
	return &p->ring[(pos - 1) & (p->c.entries - 1)];
}

__u32 port_completions(const struct port *p)
{
	__u32 n = 0;

	while (n < p->c.entries &&
	       __atomic_load_n(&completion_slot(p, p->head + n + 1)->pos,
			       __ATOMIC_ACQUIRE) == p->head + n + 1)
		n++;
	return n;
}

int port_completion(struct port *p, struct mqk_completion *out, int ms)
{
	const struct mqk_completion *slot = completion_slot(p, p->head + 1);

	if (__atomic_load_n(&slot->pos, __ATOMIC_ACQUIRE) != p->head + 1) {
		struct mqk_wait w = {
			.size = sizeof(w),
			.flags = MQK_WAIT_F_PORT,
			.id = p->c.id,
			.timeout = ms * 1000000ll,
		};
		int ret = mq(p->fd, MQK_IOC_WAIT, &w);

		if (ret)
			return ret;
		if (__atomic_load_n(&slot->pos, __ATOMIC_ACQUIRE) !=
		    p->head + 1)
			return -EIO;
	}
	*out = *slot;
	p->head++;
	__atomic_store_n(&p->u->head, p->head, __ATOMIC_RELEASE);
	return 0;
}

int port_confirmed(struct port *p, __u64 seq, __u32 *returns)
{
	struct mqk_completion c;
	int ret;

	for (;;) {
		ret = port_completion(p, &c, LONG_MS);
		if (ret)
			return ret;
		if (c.type == MQK_COMPLETION_RETURN) {
			if (returns)
				++*returns;
		} else if (c.type == MQK_COMPLETION_ERROR) {
			if (c.seq == seq)
				return c.result;
		} else if (c.seq == seq ||
			   (c.seq > seq &&
			    (c.flags & MQK_COMPLETION_F_MULTIPLE))) {
			return 0;
		} else if (c.seq > seq) {
			return -EBADE;
		}
	}
}
