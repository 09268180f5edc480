// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A kernel for one process: its calls, and how the library's calls get there.
 */
#define _GNU_SOURCE
#include "fake_kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define FD		1000

static uint32_t generation;

int __real_open64(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __real_munmap(void *addr, size_t len);
int __real_close(int fd);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t off);
int __wrap_munmap(void *addr, size_t len);
int __wrap_close(int fd);

static int port_segment(struct handle *h, struct mqk_port_segment *ps)
{
	uint64_t size = FAKE_SEGMENT;
	int no, ret, byte;

	while (size < ps->min_size)
		size *= 2;
	if (size > 1u << SHIFT)
		return -EMSGSIZE;
	do {
		ret = fake_walk(h);
		if (ret < 0)
			return ret;
	} while (ret);
	no = fake_segment_open(size);
	if (no < 0)
		return no;
	fake_segment_close(h->segment);
	h->segment = no;
	h->segment_size = size;
	h->taken = 0;
	if (size == FAKE_SEGMENT && h->window &&
	    __real_mmap64(h->window, FAKE_SEGMENT, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fake_memfd,
			  (off_t)(INDEX(no) << SHIFT)) == MAP_FAILED)
		abort();
	/* Every word of it looks like a commit word, until it is overwritten. */
	byte = (int)(++generation % 255) + 1;
	memset(fake_bytes(MQK_REF(no, 0)), byte, size);
	h->generation = (uint32_t)byte * 0x01010101u;
	ps->generation = h->generation;
	ps->map_size = size;
	ps->segment = (uint32_t)no;
	ps->map_offset = size == FAKE_SEGMENT ?
			 PAGES + ((uint64_t)(h - fake_handles) << SHIFT) + (2u << 16) :
			 JUMBO + ((uint64_t)no << SHIFT);
	return 0;
}

static int publish(struct handle *h, struct mqk_publish *p)
{
	const struct mqk_message *m = (void *)(uintptr_t)p->messages;
	uint32_t i;

	p->first_seq = h->seq + 1;
	for (i = 0; i < p->count; i++, m++) {
		uint64_t size = MQK_RECORD_SIZE(m->key_len, m->headers_len,
						m->payload_len);
		struct mqk_record r = {
			.payload_len = m->payload_len,
			.headers_len = m->headers_len,
			.key_len = m->key_len,
			.exchange = m->exchange,
		};
		char *to;
		int no;

		if (fake_completions_full(h))
			break;
		/* One segment each; refused as what is too large. */
		no = m->exchange == 404 ? -ENOENT : fake_segment_open(
			size > FAKE_SEGMENT ? (uint64_t)1 << SHIFT : FAKE_SEGMENT);
		if (no < 0) {
			if (!i)
				return no;
			break;
		}
		to = fake_bytes(MQK_REF(no, 0));
		if (m->key_len)
			memcpy(to + MQK_RECORD_KEY, (void *)(uintptr_t)m->key,
			       m->key_len);
		if (m->headers_len)
			memcpy(to + MQK_RECORD_HEADERS(m->key_len),
			       (void *)(uintptr_t)m->headers, m->headers_len);
		memcpy(to + MQK_RECORD_PAYLOAD(m->key_len, m->headers_len),
		       (void *)(uintptr_t)m->payload, m->payload_len);
		fake_enqueue((uint32_t)no, 0, &r);
		fake_segment_close(no);
		fake_confirm(h, ++h->seq);
	}
	if (!i)
		return -EAGAIN;
	p->count = i;
	fake_dispatch();
	return 0;
}

static int make_handle(struct handle **out)
{
	int i;

	for (i = 1; i < HANDLES; i++)
		if (!fake_handles[i].used) {
			free(fake_handles[i].k);
			free(fake_handles[i].u);
			memset(&fake_handles[i], 0, sizeof(fake_handles[i]));
			fake_handles[i].used = true;
			fake_handles[i].segment = -1;
			*out = &fake_handles[i];
			return i;
		}
	abort();
}

static void make_pages(struct handle *h, size_t k, size_t u)
{
	h->k_size = k;
	h->u_size = u;
	h->k = aligned_alloc(4096, (k + 4095) & ~(size_t)4095);
	h->u = aligned_alloc(4096, (u + 4095) & ~(size_t)4095);
	memset(h->k, 0, k);
	memset(h->u, 0, u);
}

static int port_create(struct mqk_port_create *p)
{
	struct handle *h;
	int id = make_handle(&h);
	uint64_t base = PAGES + ((uint64_t)id << SHIFT);

	h->flags = p->flags;
	p->entries = h->entries = p->entries ? p->entries : 256;
	make_pages(h, 64 + h->entries * sizeof(struct mqk_completion), 4096);
	p->id = (uint32_t)id;
	p->page_offset = base;
	p->page_size = h->k_size;
	p->ring_offset = 64;
	p->user_offset = base + (1u << 16);
	p->user_size = h->u_size;
	p->window_offset = base + (2u << 16);
	p->window_size = FAKE_SEGMENT;
	fake_last_port = id;
	return 0;
}

static int consumer_create(struct mqk_consumer_create *c)
{
	struct handle *h;
	int id;
	uint64_t base;

	if (!(c->flags & MQK_CONSUMER_F_PULL) &&
	    (c->queue_len != 1 || *(char *)(uintptr_t)c->queue != 'q'))
		return -ENOENT;
	if (!(fake.access & MQK_ACCESS_MAP) && !(c->flags & MQK_CONSUMER_F_COPY))
		return -EACCES;
	id = make_handle(&h);
	base = PAGES + ((uint64_t)id << SHIFT);
	h->consumer = true;
	h->flags = c->flags;
	c->entries = h->entries = c->entries ? c->entries : 256;
	c->ack_entries = h->acks = h->entries;
	h->prefetch = c->prefetch ? c->prefetch : h->entries;
	make_pages(h, 64 + h->entries * sizeof(struct mqk_delivery),
		   128 + h->acks * sizeof(struct mqk_ack));
	c->id = (uint32_t)id;
	c->queue_id = 1;
	c->page_offset = base;
	c->page_size = h->k_size;
	c->ring_offset = 64;
	c->user_offset = base + (1u << 16);
	c->user_size = h->u_size;
	c->ack_offset = 128;
	fake_dispatch();
	return 0;
}

static void consumer_close(struct handle *h)
{
	struct mqk_ack all = { 0, MQK_ACK_NACK,
			       MQK_ACK_F_MULTIPLE | MQK_ACK_F_REQUEUE };

	fake_drain(h);
	fake_settle(h, &all);
	h->used = false;
	fake_dispatch();
}

/* Sleep until cond(h) with the fake_lock held; 0, -EAGAIN or -ETIMEDOUT. */
static int sleep_until(bool (*cond)(struct handle *h), struct handle *h,
		       int64_t timeout)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (timeout > 0) {
		ts.tv_sec += timeout / 1000000000;
		ts.tv_nsec += timeout % 1000000000;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_nsec -= 1000000000;
			ts.tv_sec++;
		}
	}
	while (!cond(h)) {
		if (!timeout)
			return -EAGAIN;
		if (timeout < 0)
			pthread_cond_wait(&fake_woken, &fake_lock);
		else if (pthread_cond_timedwait(&fake_woken, &fake_lock, &ts))
			return cond(h) ? 0 : -ETIMEDOUT;
	}
	return 0;
}

static bool readable(struct handle *h)
{
	struct mqk_consumer_user *u = (void *)h->u;
	struct mqk_port_user *p = (void *)h->u;

	if (!h->consumer)
		return h->comps != __atomic_load_n(&p->head, __ATOMIC_ACQUIRE);
	return h->ended || h->pos != __atomic_load_n(&u->head, __ATOMIC_ACQUIRE);
}

static bool any_readable(struct handle *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < HANDLES; i++)
		if (fake_handles[i].used && fake_handles[i].consumer && readable(&fake_handles[i]))
			return true;
	return false;
}

void fake_poll(void)
{
	pthread_mutex_lock(&fake_lock);
	sleep_until(any_readable, NULL, -1);
	pthread_mutex_unlock(&fake_lock);
}

static bool some_ready(struct handle *h)
{
	(void)h;
	return fake_next_ready(0);
}

static int get(struct handle *h, struct mqk_get *g)
{
	struct mqk_delivery d = { .pos = 0 };
	struct mqk_ack all = { h->tag, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE };
	int ret;

	ret = fake_drain(h);
	if (ret < 0)
		return ret;
	if (h->flags & MQK_CONSUMER_F_NOACK && h->nr_tags)
		fake_settle(h, &all);
	ret = sleep_until(some_ready, h, g->timeout);
	if (ret)
		return ret;
	fake_take(h, fake_next_ready(0), &d);
	memcpy((void *)(uintptr_t)g->delivery, &d, sizeof(d));
	return 0;
}

static int read_record(struct handle *h, struct mqk_read *r)
{
	uint32_t i;

	for (i = 0; i < h->nr_tags; i++) {
		const struct mqk_delivery *d = &h->tags[i].m->d;
		uint64_t size = MQK_RECORD_SIZE(d->key_len, d->headers_len,
						d->payload_len);

		if (h->tags[i].tag != r->tag)
			continue;
		if (r->offset < MQK_RECORD_KEY || r->offset > size)
			return -EINVAL;
		if (r->len > size - r->offset)
			r->len = size - r->offset;
		memcpy((void *)(uintptr_t)r->data, fake_bytes(d->ref) + r->offset,
		       r->len);
		return 0;
	}
	return -EINVAL;
}

static int browse(struct mqk_browse *b)
{
	struct fake_message *m = fake_next_ready(b->seq ? b->seq - 1 : 0);
	uint64_t size;

	if (!m)
		return -EAGAIN;
	b->seq = m->d.seq;
	size = MQK_RECORD_SIZE(m->d.key_len, m->d.headers_len,
			       m->d.payload_len) - MQK_RECORD_KEY;
	memcpy((void *)(uintptr_t)b->delivery, &m->d, sizeof(m->d));
	if (b->len)
		memcpy((void *)(uintptr_t)b->data, fake_bytes(m->d.ref) + MQK_RECORD_KEY,
		       b->len < size ? b->len : size);
	b->len = size;
	return 0;
}

static int query(struct mqk_query *q)
{
	q->abi = fake.abi;
	q->access = fake.access;
	q->segment_size = FAKE_SEGMENT;
	q->segment_base = BASE;
	q->segment_shift = SHIFT;
	q->publish_max = 4;
	return 0;
}

static int wait_for(struct mqk_wait *w)
{
	struct handle *h = &fake_handles[w->id];

	fake_now.waits++;
	if (h->consumer && !h->ended) {
		fake_drain(h);
		fake_dispatch();
	}
	return sleep_until(readable, h, w->timeout);
}

static int call(unsigned long request, unsigned long arg)
{
	void *p = (void *)arg;
	struct mqk_id *id = p;
	int ret;

	switch (request) {
	case MQK_IOC_QUERY:
		return query(p);
	case MQK_IOC_PORT_CREATE:
		return port_create(p);
	case MQK_IOC_PORT_CLOSE:
		while ((ret = fake_walk(&fake_handles[id->id])) > 0)
			;
		fake_segment_close(fake_handles[id->id].segment);
		fake_handles[id->id].used = false;
		return 0;
	case MQK_IOC_PORT_SEGMENT:
		return port_segment(&fake_handles[((struct mqk_port_segment *)p)->port],
				    p);
	case MQK_IOC_PUBLISH:
		return publish(&fake_handles[((struct mqk_publish *)p)->port], p);
	case MQK_IOC_DOORBELL:
		fake_now.doorbells++;
		return fake_walk(&fake_handles[arg]);
	case MQK_IOC_CONSUMER_CREATE:
		return consumer_create(p);
	case MQK_IOC_CONSUMER_CANCEL:
		fake_handles[id->id].ended = true;
		__atomic_store_n(&((struct mqk_consumer_page *)(void *)
				   fake_handles[id->id].k)->flags,
				 MQK_CONSUMER_PAGE_F_CANCELLED,
				 __ATOMIC_RELEASE);
		return 0;
	case MQK_IOC_CONSUMER_CLOSE:
		consumer_close(&fake_handles[id->id]);
		return 0;
	case MQK_IOC_KICK:
		fake_now.kicks++;
		ret = fake_drain(&fake_handles[arg]);
		if (ret >= 0)
			__atomic_store_n(&((struct mqk_consumer_page *)(void *)
					   fake_handles[arg].k)->flags, 0,
					 __ATOMIC_RELAXED);
		fake_dispatch();
		return ret;
	case MQK_IOC_WAIT:
		return wait_for(p);
	case MQK_IOC_GET:
		return get(&fake_handles[((struct mqk_get *)p)->consumer], p);
	case MQK_IOC_READ:
		return read_record(&fake_handles[((struct mqk_read *)p)->consumer], p);
	case MQK_IOC_BROWSE:
		return browse(p);
	default:
		return -ENOTTY;
	}
}

/* The C library's side ----------------------------------------------------- */

int __wrap_open64(const char *path, int flags, ...)
{
	if (!strcmp(path, FAKE_NODE))
		return FD;
	return __real_open64(path, flags, 0600);
}

int __wrap_close(int fd)
{
	return fd == FD ? 0 : __real_close(fd);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	if (fd != FD)
		return __real_ioctl(fd, request, arg);
	pthread_mutex_lock(&fake_lock);
	fake_now.calls++;
	ret = call(request, arg);
	pthread_mutex_unlock(&fake_lock);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static void *map(size_t len, int prot, uint64_t off)
{
	struct handle *h = &fake_handles[(off >> SHIFT) % HANDLES];
	void *p;

	if (off >= PAGES) {
		switch (off >> 16 & 0xf) {
		case 0:
			return h->k;
		case 1:
			return h->u;
		}
		off = BASE + ((uint64_t)h->segment << SHIFT);
	} else if (fake.mmap_fails > 0 && off < JUMBO) {
		fake.mmap_fails--;
		errno = ENOMEM;
		return MAP_FAILED;
	} else {
		h = NULL;
	}
	p = __real_mmap64(NULL, len, prot, MAP_SHARED, fake_memfd,
			  (off_t)(INDEX(off >> SHIFT) << SHIFT));
	if (p == MAP_FAILED)
		abort();
	if (h)
		h->window = p;
	else
		fake_now.mappings++;
	return p;
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t off)
{
	void *p;

	if (fd != FD)
		return __real_mmap64(addr, len, prot, flags, fd, off);
	pthread_mutex_lock(&fake_lock);
	p = map(len, prot, (uint64_t)off);
	pthread_mutex_unlock(&fake_lock);
	return p;
}

int __wrap_munmap(void *addr, size_t len)
{
	int i;

	pthread_mutex_lock(&fake_lock);
	for (i = 0; i < HANDLES; i++)
		if (addr == fake_handles[i].k || addr == fake_handles[i].u ||
		    addr == fake_handles[i].window)
			break;
	if (i == HANDLES)
		fake_now.mappings--;
	pthread_mutex_unlock(&fake_lock);
	/* Rings are freed with the fake, windows are mapped over. */
	return i == HANDLES ? __real_munmap(addr, len) : 0;
}
