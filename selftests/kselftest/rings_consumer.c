// SPDX-License-Identifier: GPL-2.0-only
#include "rings_consumer.h"

#include <sys/mman.h>
#include <unistd.h>

#define PTR(p)	((__u64)(uintptr_t)(p))

int consumer_make(struct consumer *c, int fd, const char *queue, __u32 flags,
		  __u32 prefetch, __u32 entries)
{
	return consumer_make_args(c, fd, queue, flags, prefetch, entries, NULL);
}

int consumer_make_args(struct consumer *c, int fd, const char *queue,
		       __u32 flags, __u32 prefetch, __u32 entries,
		       const struct headers *h)
{
	int ret;

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->c.size = sizeof(c->c);
	c->c.flags = flags;
	c->c.queue = PTR(queue);
	c->c.queue_len = queue ? strlen(queue) : 0;
	c->c.prefetch = prefetch;
	c->c.entries = entries;
	c->c.args = h ? PTR(h->bytes) : 0;
	c->c.args_len = h ? h->len : 0;
	ret = mq(fd, MQK_IOC_CONSUMER_CREATE, &c->c);
	if (ret)
		return ret;
	c->k = map(fd, c->c.page_offset, c->c.page_size, PROT_READ);
	c->u = map(fd, c->c.user_offset, c->c.user_size,
		   PROT_READ | PROT_WRITE);
	if (c->k == MAP_FAILED || c->u == MAP_FAILED)
		return -ENOMEM;
	c->ring = (const void *)((const __u8 *)c->k + c->c.ring_offset);
	c->acks = (void *)((__u8 *)c->u + c->c.ack_offset);
	return 0;
}

static int id_call(int fd, unsigned long cmd, __u32 number)
{
	struct mqk_id id = { .size = sizeof(id), .id = number };

	return mq(fd, cmd, &id);
}

int consumer_cancel(struct consumer *c)
{
	return id_call(c->fd, MQK_IOC_CONSUMER_CANCEL, c->c.id);
}

int consumer_close(struct consumer *c)
{
	return id_call(c->fd, MQK_IOC_CONSUMER_CLOSE, c->c.id);
}

void consumer_unmap(struct consumer *c)
{
	unmap((void *)c->k, c->c.page_size);
	unmap(c->u, c->c.user_size);
}

int consumer_prefetch(struct consumer *c, __u32 prefetch)
{
	struct mqk_prefetch p = {
		.size = sizeof(p),
		.id = c->c.id,
		.prefetch = prefetch,
	};

	return mq(c->fd, MQK_IOC_PREFETCH, &p);
}

static const struct mqk_delivery *delivery_slot(const struct consumer *c,
						__u64 pos)
{
	return &c->ring[(pos - 1) & (c->c.entries - 1)];
}

bool consumer_there(const struct consumer *c, __u32 ahead)
{
	__u64 pos = c->head + 1 + ahead;

	return __atomic_load_n(&delivery_slot(c, pos)->pos,
			       __ATOMIC_ACQUIRE) == pos;
}

__u32 consumer_count(const struct consumer *c)
{
	__u32 n = 0;

	while (n < c->c.entries && consumer_there(c, n))
		n++;
	return n;
}

int consumer_poll(struct consumer *c, struct mqk_delivery *d)
{
	if (!consumer_there(c, 0))
		return -EAGAIN;
	*d = *delivery_slot(c, c->head + 1);
	c->head++;
	__atomic_store_n(&c->u->head, c->head, __ATOMIC_RELEASE);
	return 0;
}

int consumer_wait(struct consumer *c, __s64 timeout_ns)
{
	struct mqk_wait w = {
		.size = sizeof(w),
		.flags = MQK_WAIT_F_CONSUMER,
		.id = c->c.id,
		.timeout = timeout_ns,
	};

	return mq(c->fd, MQK_IOC_WAIT, &w);
}

int consumer_next(struct consumer *c, struct mqk_delivery *d, int ms)
{
	if (!consumer_there(c, 0)) {
		int ret = consumer_wait(c, ms * 1000000ll);

		if (ret)
			return ret;
	}
	return consumer_poll(c, d) ? -EIO : 0;
}

void consumer_ack(struct consumer *c, __u64 tag, __u32 op, __u32 flags)
{
	struct mqk_ack *ack;

	if (c->ack_tail - __atomic_load_n(&c->k->ack_head, __ATOMIC_ACQUIRE) ==
	    c->c.ack_entries)
		consumer_kick(c);
	ack = &c->acks[c->ack_tail & (c->c.ack_entries - 1)];
	ack->tag = tag;
	ack->op = op;
	ack->flags = flags;
	c->ack_tail++;
	__atomic_store_n(&c->u->ack_tail, c->ack_tail, __ATOMIC_RELEASE);
}

int consumer_kick(struct consumer *c)
{
	return mq_value(c->fd, MQK_IOC_KICK, c->c.id);
}

int consumer_settle(struct consumer *c, __u64 tag, __u32 op, __u32 flags)
{
	consumer_ack(c, tag, op, flags);
	return consumer_kick(c);
}

int queue_get(int fd, __u32 consumer, __u32 queue, __u32 flags,
	      __s64 timeout_ns, struct mqk_delivery *d, __u64 *ready)
{
	struct mqk_get g = {
		.size = sizeof(g),
		.flags = flags,
		.consumer = consumer,
		.queue = queue,
		.delivery = PTR(d),
		.timeout = timeout_ns,
	};
	int ret = mq(fd, MQK_IOC_GET, &g);

	if (ready)
		*ready = g.ready;
	return ret;
}

/* --- records ------------------------------------------------------------- */

#define SEGMENTS	256
static struct {
	unsigned int epoch;
	pid_t owner;
	struct {
		int fd;
		__u32 segment;
		void *address;
		size_t bytes;
	} maps[SEGMENTS];
	int nr;
} seen;

static void seen_own(void)
{
	if (seen.owner == getpid() && seen.epoch == session_epoch)
		return;
	memset(&seen, 0, sizeof(seen));
	seen.owner = getpid();
	seen.epoch = session_epoch;
}

void record_unmap(int fd)
{
	int i;

	seen_own();
	for (i = 0; i < seen.nr; i++) {
		while (i < seen.nr && seen.maps[i].fd == fd) {
			unmap(seen.maps[i].address, seen.maps[i].bytes);
			seen.maps[i] = seen.maps[--seen.nr];
		}
	}
}

/* The number of a jumbo segment comes back as another file. */
static void forget_segment(int fd, __u32 segment)
{
	int i;

	for (i = 0; i < seen.nr; i++) {
		if (seen.maps[i].fd != fd || seen.maps[i].segment != segment)
			continue;
		unmap(seen.maps[i].address, seen.maps[i].bytes);
		seen.maps[i--] = seen.maps[--seen.nr];
	}
}

const void *record_map(int fd, const struct mqk_delivery *d)
{
	__u64 end = MQK_REF_OFFSET(d->ref) +
		    MQK_RECORD_SIZE(d->key_len, d->headers_len, d->payload_len);
	__u32 segment = MQK_REF_SEGMENT(d->ref);
	struct mqk_query q;
	void *address;
	size_t bytes;
	int i;

	seen_own();
	for (i = 0; i < seen.nr; i++)
		if (seen.maps[i].fd == fd && seen.maps[i].segment == segment &&
		    seen.maps[i].bytes >= end &&
		    !(segment & MQK_SEGMENT_JUMBO))
			return (__u8 *)seen.maps[i].address +
			       MQK_REF_OFFSET(d->ref);
	if (query(fd, &q))
		return NULL;
	bytes = q.segment_size;
	if (end > bytes)
		bytes = (end + PAGE - 1) & ~(size_t)(PAGE - 1);
	if (seen.nr == SEGMENTS)
		record_unmap(fd);
	if (seen.nr == SEGMENTS)
		return NULL;
	address = map(fd, q.segment_base + ((__u64)segment << q.segment_shift),
		      bytes, PROT_READ);
	if (address == MAP_FAILED)
		return NULL;
	if (segment & MQK_SEGMENT_JUMBO)
		forget_segment(fd, segment);
	seen.maps[seen.nr].fd = fd;
	seen.maps[seen.nr].segment = segment;
	seen.maps[seen.nr].address = address;
	seen.maps[seen.nr++].bytes = bytes;
	return (__u8 *)address + MQK_REF_OFFSET(d->ref);
}

const void *delivery_payload(int fd, const struct mqk_delivery *d)
{
	const __u8 *record = record_map(fd, d);

	return record ? record + MQK_RECORD_PAYLOAD(d->key_len, d->headers_len)
		      : NULL;
}

__u32 delivery_number(int fd, const struct mqk_delivery *d)
{
	const void *payload;
	__u32 number;

	if (d->payload_len != sizeof(number))
		return ~0u;
	payload = delivery_payload(fd, d);
	if (!payload)
		return ~0u;
	memcpy(&number, payload, sizeof(number));
	return number;
}

__s64 delivery_read(struct consumer *c, const struct mqk_delivery *d,
		    void *to, __u64 room)
{
	struct mqk_read r = {
		.size = sizeof(r),
		.consumer = c->c.id,
		.tag = d->tag,
		.offset = MQK_RECORD_PAYLOAD(d->key_len, d->headers_len),
		.data = PTR(to),
		.len = room,
	};
	int ret = mq(c->fd, MQK_IOC_READ, &r);

	return ret ? ret : (__s64)r.len;
}

__s64 take_number(struct consumer *c, struct mqk_delivery *d, int ms)
{
	struct mqk_delivery own;
	int ret = consumer_next(c, d ?: &own, ms);

	return ret ? ret : (__s64)delivery_number(c->fd, d ?: &own);
}

__u32 take_numbers(struct consumer *c, __u32 n, __u32 *numbers, __u64 *tags)
{
	struct mqk_delivery d;
	__u32 i;

	for (i = 0; i < n; i++) {
		__s64 number = take_number(c, &d, LONG_MS);

		if (number < 0)
			break;
		if (numbers)
			numbers[i] = number;
		if (tags)
			tags[i] = d.tag;
	}
	return i;
}
