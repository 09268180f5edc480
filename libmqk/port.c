// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Ports: their life, and publishing in place.
 *
 * The producer writes records one behind the other into the open segment; the
 * kernel walks them at a doorbell, as far as their commit words say.  When a
 * record does not fit any more, the kernel takes what is committed, closes the
 * segment and opens another, which appears in the same window.  A record larger
 * than a segment gets one of its own size and mapping, for itself alone.
 */
#include "port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The copies that callers use who cannot inline. */
extern inline void mqk_copy_key(unsigned char *to, const void *key, size_t len);
extern inline int mqk_reserve(struct mqk_port *p, uint32_t exchange,
			      const void *key, size_t key_len,
			      const void *headers, size_t headers_len,
			      size_t payload_len, uint32_t flags,
			      void **payload);
extern inline int mqk_commit(struct mqk_port *p);

static int map_pages(struct mqk_port *p, const struct mqk_port_create *pc)
{
	uint64_t entries = pc->entries;
	void *addr;
	int err;

	if (!entries || entries & (entries - 1) ||
	    pc->ring_offset > pc->page_size ||
	    entries * sizeof(*p->comps) > pc->page_size - pc->ring_offset ||
	    pc->user_size < sizeof(*p->user))
		return -EPROTO;
	err = mqk_map(p->m, pc->page_offset, pc->page_size, PROT_READ, &addr);
	if (err)
		return err;
	p->page = addr;
	p->page_size = pc->page_size;
	p->comps = (void *)((char *)addr + pc->ring_offset);
	p->comps_mask = (uint32_t)entries - 1;
	err = mqk_map(p->m, pc->user_offset, pc->user_size,
		      PROT_READ | PROT_WRITE, &addr);
	if (err)
		return err;
	p->user = addr;
	p->user_size = pc->user_size;
	p->window_offset = pc->window_offset;
	p->window_size = pc->window_size;
	return 0;
}

int mqk_port_open(struct mqk *m, const struct mqk_port_opts *opts,
		  struct mqk_port **out)
{
	struct mqk_port_create pc = { .size = sizeof(pc) };
	struct mqk_port_opts o;
	struct mqk_port *p;
	int err;

	if (!out)
		return -EINVAL;
	err = mqk_opts_take(&o, sizeof(o), opts);
	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->confirm = o.confirm;
	p->refused = o.refused;
	p->arg = o.arg;
	p->ring.inplace = o.inplace;
	p->ring.batch = o.batch ? o.batch : 1;

	if (o.inplace)
		pc.flags |= MQK_PORT_F_INPLACE;
	if (o.confirm)
		pc.flags |= MQK_PORT_F_CONFIRM;
	pc.entries = o.entries;
	if (o.producer) {
		pc.producer = mqk_ptr(o.producer);
		pc.producer_len = (uint32_t)strlen(o.producer);
		pc.producer_mode = o.producer_mode;
		if (!pc.producer_len) {
			free(p);
			return -EINVAL;
		}
	}
	err = mqk_ioctl(m, MQK_IOC_PORT_CREATE, &pc);
	if (err < 0) {
		free(p);
		return err;
	}
	p->m = mqk_session_get(m);
	p->id = pc.id;
	p->numbered = o.producer;
	p->last = pc.last;
	err = map_pages(p, &pc);
	if (err) {
		mqk_port_close(p);
		return err;
	}
	*out = p;
	return 0;
}

static void drop_jumbo(struct mqk_port *p)
{
	if (p->jumbo)
		mqk_unmap(p->jumbo, p->jumbo_size);
	p->jumbo = NULL;
}

static int end_port(struct mqk_port *p, uint32_t flags)
{
	struct mqk_id id = { .size = sizeof(id), .flags = flags, .id = p->id };

	return mqk_ioctl(p->m, MQK_IOC_PORT_CLOSE, &id);
}

static void free_port(struct mqk_port *p)
{
	drop_jumbo(p);
	if (p->window)
		mqk_unmap(p->window, p->window_size);
	if (p->user)
		mqk_unmap(p->user, p->user_size);
	if (p->page)
		mqk_unmap(p->page, p->page_size);
	mqk_session_put(p->m);
	free(p);
}

void mqk_port_close(struct mqk_port *p)
{
	if (!p)
		return;
	end_port(p, 0);
	free_port(p);
}

int mqk_port_forget(struct mqk_port *p)
{
	int err;

	if (!p->numbered)
		return -EINVAL;
	err = end_port(p, MQK_ID_F_FORGET);
	if (err < 0)
		return err;
	free_port(p);
	return 0;
}

uint64_t mqk_port_last(const struct mqk_port *p)
{
	return p->last;
}

uint64_t mqk_port_seq(const struct mqk_port *p)
{
	return p->ring.seq;
}

/* Map what PORT_SEGMENT opened; tells where. */
static int map_segment(struct mqk_port *p, const struct mqk_port_segment *ps,
		       void **base)
{
	int prot = PROT_READ | PROT_WRITE;
	int err = 0;

	if (ps->map_size <= p->window_size) {
		if (ps->map_offset != p->window_offset)
			return -EPROTO;
		if (!p->window)
			err = mqk_map(p->m, p->window_offset, p->window_size,
				      prot, &p->window);
		*base = p->window;
		return err;
	}
	/* Larger than the window is mapped so far: a mapping of its own. */
	err = mqk_map(p->m, ps->map_offset, ps->map_size, prot, &p->jumbo);
	if (err) {
		p->jumbo = NULL;
		return err;
	}
	p->jumbo_size = ps->map_size;
	*base = p->jumbo;
	return 0;
}

static void store_commit(unsigned char *base, uint64_t offset, uint32_t value)
{
	__atomic_store_n((uint32_t *)(void *)(base + offset), value,
			 __ATOMIC_RELAXED);
}

static int next_segment(struct mqk_port *p, uint64_t size)
{
	struct mqk_port_ring *r = &p->ring;
	struct mqk_port_segment ps = {
		.size = sizeof(ps), .port = p->id, .min_size = size,
	};
	void *base;
	int err;

	if (!r->inplace)
		return -EINVAL;
	err = mqk_ioctl(p->m, MQK_IOC_PORT_SEGMENT, &ps);
	if (err < 0)
		return err;

	/* The one before is closed: nothing in it is ours any more. */
	drop_jumbo(p);
	r->base = NULL;
	r->size = 0;
	r->pos = 0;
	r->unflushed = 0;
	if (ps.map_size < size || !ps.generation)
		return -EPROTO;
	err = map_segment(p, &ps, &base);
	if (err)
		return err;
	r->base = base;
	r->size = ps.map_size;
	r->generation = ps.generation;
	store_commit(base, 0, 0);
	if (p->jumbo) {
		/* One record and no other. */
		if (size < r->size)
			store_commit(base, size, 0);
		r->size = size;
	}
	return 0;
}

/* A record that fills the segment, or needs the next one. */
int mqk_reserve_last(struct mqk_port *p, uint64_t size)
{
	struct mqk_port_ring *r = &p->ring;
	int err = 0;

	r->reserved = 0;
	if (size > r->size - r->pos)
		err = next_segment(p, size);
	if (!err && size < r->size - r->pos)
		store_commit(r->base, r->pos + size, 0);
	return err;
}

/* A record that is no message; nothing waits in front of it, and it is handed in. */
static int put_number(struct mqk_port *p, uint64_t number)
{
	struct mqk_port_ring *r = &p->ring;
	struct mqk_record *rec;
	int err;

	err = mqk_flush(p);
	if (err < 0)
		return err;
	if (r->size - r->pos <= MQK_RECORD_ALIGN) {
		err = mqk_reserve_last(p, MQK_RECORD_ALIGN);
		if (err)
			return err;
	} else {
		store_commit(r->base, r->pos + MQK_RECORD_ALIGN, 0);
	}
	rec = (void *)(r->base + r->pos);
	memset((char *)rec + sizeof(rec->commit), 0,
	       MQK_RECORD_ALIGN - sizeof(rec->commit));
	rec->type = MQK_RECORD_NUMBER;
	rec->key_len = sizeof(number);
	memcpy(rec->key, &number, sizeof(number));
	/* (G): all of the record before its commit word */
	__atomic_store_n(&rec->commit, r->generation, __ATOMIC_RELEASE);
	r->pos += MQK_RECORD_ALIGN;
	err = mqk_ioctl_id(p->m, MQK_IOC_DOORBELL, p->id);
	return err < 0 ? err : 0;
}

int mqk_port_renumber(struct mqk_port *p, uint64_t number)
{
	if (!p->numbered || !number || p->ring.reserved)
		return -EINVAL;
	if (p->ring.inplace)
		return put_number(p, number);
	p->number = number;
	return 0;
}

int mqk_reserved_set(struct mqk_port *p, uint8_t priority, int64_t expiration)
{
	struct mqk_port_ring *r = &p->ring;
	struct mqk_record *rec = (void *)(r->base + r->pos);

	if (!r->reserved || expiration > UINT32_MAX || expiration < -1)
		return -EINVAL;
	rec->priority = priority;
	rec->expiration = expiration < 0 ? 0 : (uint32_t)expiration;
	rec->flags &= ~(uint32_t)MQK_MSG_F_EXPIRATION;
	if (expiration >= 0)
		rec->flags |= MQK_MSG_F_EXPIRATION;
	return 0;
}

int mqk_reserved_delay(struct mqk_port *p, uint32_t ms)
{
	struct mqk_port_ring *r = &p->ring;
	struct mqk_record *rec = (void *)(r->base + r->pos);

	if (!r->reserved)
		return -EINVAL;
	rec->delay = ms;
	rec->flags &= ~(uint32_t)MQK_MSG_F_DELAY;
	if (ms)
		rec->flags |= MQK_MSG_F_DELAY;
	return 0;
}

/*
 * A record that has become small may not stay in a jumbo segment: commit a copy
 * in the next segment.
 */
static int commit_moved(struct mqk_port *p, const struct mqk_record *rec,
			size_t payload_len)
{
	struct mqk_port_ring *r = &p->ring;
	uint64_t reserved = r->reserved;
	size_t head = MQK_RECORD_PAYLOAD(rec->key_len, rec->headers_len);
	unsigned char *copy;
	struct mqk_record old;
	void *to;
	int err;

	copy = malloc(head + payload_len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, rec, head + payload_len);
	memcpy(&old, copy, sizeof(old));
	r->pos = r->size;		/* full */
	err = mqk_reserve(p, old.exchange, copy + MQK_RECORD_KEY, old.key_len,
			  copy + MQK_RECORD_HEADERS(old.key_len),
			  old.headers_len, payload_len, old.flags, &to);
	if (!err) {
		memcpy(to, copy + head, payload_len);
		mqk_reserved_set(p, old.priority, old.flags & MQK_MSG_F_EXPIRATION ?
						  (int64_t)old.expiration : -1);
		mqk_reserved_delay(p, old.delay);
		err = mqk_commit(p);
	} else if (p->jumbo) {
		/* It is still open, as if nothing had happened. */
		r->pos = 0;
		r->reserved = reserved;
	}
	free(copy);
	return err;
}

int mqk_commit_len(struct mqk_port *p, size_t payload_len)
{
	struct mqk_port_ring *r = &p->ring;
	struct mqk_record *rec;
	uint64_t size;

	if (!r->reserved)
		return -EINVAL;
	rec = (void *)(r->base + r->pos);
	if (payload_len > rec->payload_len)
		return -EINVAL;
	size = MQK_RECORD_SIZE(rec->key_len, rec->headers_len, payload_len);
	if (p->jumbo && size <= p->m->query.segment_size)
		return commit_moved(p, rec, payload_len);
	if (size < r->reserved) {
		rec->payload_len = (uint32_t)payload_len;
		store_commit(r->base, r->pos + size, 0);
		/* A jumbo segment has one record. */
		if (!p->jumbo)
			r->reserved = size;
	}
	return mqk_commit(p);
}

int mqk_put(struct mqk_port *p, uint32_t exchange, const void *key,
	    size_t key_len, const void *payload, size_t len, uint32_t flags)
{
	void *to;
	int err;

	if ((key_len && !key) || (len && !payload))
		return -EINVAL;
	err = mqk_reserve(p, exchange, key, key_len, NULL, 0, len, flags, &to);
	if (err)
		return err;
	if (len)
		memcpy(to, payload, len);
	return mqk_commit(p);
}

/*
 * The kernel took so many of the records, or told why it took none; until it has
 * taken all.
 */
static int flush_rest(struct mqk_port *p, int ret)
{
	struct mqk_port_ring *r = &p->ring;
	int taken = 0;

	for (;;) {
		if (ret < 0)
			return ret;
		taken += ret;
		r->unflushed -= (uint32_t)ret < r->unflushed ? (uint32_t)ret : r->unflushed;
		/* It may have taken some before we rang. */
		if (__atomic_load_n(&p->page->position, __ATOMIC_RELAXED) >= r->pos)
			r->unflushed = 0;
		if (!r->unflushed)
			return taken;
		if (!ret)
			return -EAGAIN;
		ret = mqk_ioctl_id(p->m, MQK_IOC_DOORBELL, p->id);
	}
}

int mqk_flush(struct mqk_port *p)
{
	uint32_t n = p->ring.unflushed;
	int ret;

	if (!n)
		return 0;
	ret = mqk_ioctl_id(p->m, MQK_IOC_DOORBELL, p->id);
	if (mqk_unlikely(ret != (int)n))
		return flush_rest(p, ret);
	p->ring.unflushed = 0;
	return ret;
}
