// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Consumers: their life, and waiting for messages.
 *
 * Sleeping without losing a wake-up (barrier pair (D)): publish head, set awake
 * to 0, full fence, look at the ring again, and only then sleep in the kernel,
 * which looks once more.  awake is 1 only while mqk_recv() spins, or with the
 * option spin; whoever is told that there is nothing to read finds it 0, so that
 * poll(2) may follow.
 */
#include "consumer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The copies that callers use who cannot inline. */
extern inline int mqk_next(struct mqk_consumer *c, struct mqk_msg *msg);
extern inline int mqk_ack_put(struct mqk_consumer *c, uint64_t tag, uint32_t op,
			      uint32_t flags);
extern inline int mqk_ack(struct mqk_consumer *c, uint64_t tag);

#define SPIN_BATCH	64	/* looks at the ring between two at the clock */

static void set_awake(struct mqk_consumer *c, bool awake)
{
	__atomic_store_n(&c->ring.user->awake, awake, __ATOMIC_RELAXED);
	c->awake = awake;
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static int map_pages(struct mqk_consumer *c,
		     const struct mqk_consumer_create *cc)
{
	struct mqk_consumer_ring *r = &c->ring;
	int err;

	if (!power_of_two(cc->entries) || !power_of_two(cc->ack_entries) ||
	    cc->ring_offset > cc->page_size ||
	    (uint64_t)cc->entries * sizeof(*r->ring) >
	    cc->page_size - cc->ring_offset ||
	    cc->ack_offset > cc->user_size ||
	    (uint64_t)cc->ack_entries * sizeof(*r->acks) >
	    cc->user_size - cc->ack_offset)
		return -EPROTO;
	err = mqk_map(c->m, cc->page_offset, cc->page_size, PROT_READ,
		      &c->page);
	if (err)
		return err;
	c->page_size = cc->page_size;
	err = mqk_map(c->m, cc->user_offset, cc->user_size,
		      PROT_READ | PROT_WRITE, &c->user);
	if (err)
		return err;
	c->user_size = cc->user_size;

	r->page = c->page;
	r->ring = (void *)((char *)c->page + cc->ring_offset);
	r->mask = cc->entries - 1;
	r->user = c->user;
	r->acks = (void *)((char *)c->user + cc->ack_offset);
	r->ack_mask = cc->ack_entries - 1;
	r->release_at = cc->entries / 4;
	c->ack_entries = cc->ack_entries;
	/* At 0 of a noack consumer: each acknowledgement is refused. */
	r->ack_limit = mqk_consumer_noack(c) ? 0 : cc->ack_entries;
	return 0;
}

int mqk_consumer_open(struct mqk *m, struct mqk_consumer_create *cc,
		      const struct mqk_consumer_opts *o,
		      struct mqk_consumer **out)
{
	struct mqk_consumer *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	cc->size = sizeof(*cc);
	cc->entries = o->entries;
	if (o->noack)
		cc->flags |= MQK_CONSUMER_F_NOACK;
	if (o->copy || !(m->query.access & MQK_ACCESS_MAP))
		cc->flags |= MQK_CONSUMER_F_COPY;
	err = mqk_ioctl(m, MQK_IOC_CONSUMER_CREATE, cc);
	if (err < 0) {
		free(c);
		return err;
	}
	c->m = mqk_session_get(m);
	c->id = cc->id;
	c->queue = cc->queue_id;
	c->spin = o->spin;
	c->spin_ns = o->spin_ns;
	c->ring.flags = cc->flags;
	err = map_pages(c, cc);
	if (err) {
		mqk_consumer_close(c);
		return err;
	}
	if (c->spin)
		set_awake(c, true);
	*out = c;
	return 0;
}

int mqk_consume(struct mqk *m, const char *queue,
		const struct mqk_consumer_opts *opts, struct mqk_consumer **c)
{
	struct mqk_consumer_create cc = { .queue = mqk_ptr(queue) };
	struct mqk_consumer_opts o;
	int err;

	if (!c)
		return -EINVAL;
	err = mqk_opts_take(&o, sizeof(o), opts);
	if (!err)
		err = mqk_name_len(queue, &cc.queue_len);
	if (err)
		return err;
	cc.prefetch = o.prefetch;
	if (o.args_len > MQK_HEADERS_MAX || o.args_len % 8 ||
	    (o.args_len && !o.args))
		return -EINVAL;
	cc.args = mqk_ptr(o.args);
	cc.args_len = (uint32_t)o.args_len;
	if (o.exclusive)
		cc.flags |= MQK_CONSUMER_F_EXCLUSIVE;
	return mqk_consumer_open(m, &cc, &o, c);
}

int mqk_cancel(struct mqk_consumer *c)
{
	struct mqk_id id = { .size = sizeof(id), .id = c->id };

	if (mqk_consumer_pulls(c))
		return -EINVAL;
	return mqk_ioctl(c->m, MQK_IOC_CONSUMER_CANCEL, &id);
}

void mqk_consumer_close(struct mqk_consumer *c)
{
	struct mqk_id id = { .size = sizeof(id) };

	if (!c)
		return;
	id.id = c->id;
	mqk_ioctl(c->m, MQK_IOC_CONSUMER_CLOSE, &id);
	mqk_private_drop(c, 0, true);
	mqk_view_forget(c);
	free(c->ring.segs);
	mqk_buffer_free(&c->buffer);
	if (c->user)
		mqk_unmap(c->user, c->user_size);
	if (c->page)
		mqk_unmap(c->page, c->page_size);
	mqk_session_put(c->m);
	free(c);
}

uint32_t mqk_consumer_queue(const struct mqk_consumer *c)
{
	return c->queue;
}

bool mqk_consumer_copies(const struct mqk_consumer *c)
{
	return c->ring.flags & MQK_CONSUMER_F_COPY;
}

int mqk_consumer_prefetch(struct mqk_consumer *c, uint32_t prefetch)
{
	struct mqk_prefetch p = {
		.size = sizeof(p), .id = c->id, .prefetch = prefetch,
	};

	if (mqk_consumer_pulls(c))
		return -EINVAL;
	return mqk_ioctl(c->m, MQK_IOC_PREFETCH, &p);
}

/* All that was read is done with: messages that want no ack become invalid. */
void mqk_next_release(struct mqk_consumer *c)
{
	struct mqk_consumer_ring *r = &c->ring;

	if (mqk_consumer_noack(c))
		mqk_private_drop(c, 0, true);
	r->bytes = 0;
	r->release_at = r->next + (r->mask + 1) / 4;
	if (c->released == r->next)
		return;
	/* (B): the entries are read before they may be overwritten */
	__atomic_store_n(&r->user->head, r->next, __ATOMIC_RELEASE);
	c->released = r->next;
	/*
	 * Without acknowledgements it is room in the ring that deliveries wait
	 * for: do not let it run dry before the kernel hears of it.
	 */
	if (mqk_consumer_noack(c))
		mqk_consumer_kick(c);
}

/* Why there will be nothing more, or 0.  The kernel stores the flag last. */
static int ended(const struct mqk_consumer *c)
{
	const struct mqk_consumer_page *page = c->ring.page;
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);
	int err = __atomic_load_n(&page->error, __ATOMIC_ACQUIRE);

	if (!err && flags & MQK_CONSUMER_PAGE_F_CANCELLED)
		err = -ECANCELED;
	return err;
}

/*
 * Release, and ask for wake-ups unless the caller spins.  Returns 1 when there
 * is something to read after all, 0, or why the consumer has ended.
 */
static int settle_down(struct mqk_consumer *c, bool awake)
{
	int err;

	mqk_next_release(c);
	if (c->awake != awake)
		set_awake(c, awake);
	/* (D): our head and awake before we look again */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (mqk_consumer_ready(c))
		return 1;
	err = mqk_consumer_kick(c);
	if (err < 0)
		return err;
	err = ended(c);
	/* What came before the end is read before it is told. */
	return mqk_consumer_ready(c) ? 1 : err;
}

int mqk_next_dry(struct mqk_consumer *c, struct mqk_msg *msg)
{
	int ret;

	if (mqk_consumer_pulls(c))
		return -EINVAL;
	ret = settle_down(c, c->spin);
	return ret > 0 ? mqk_next(c, msg) : ret;
}

int mqk_consumer_arm(struct mqk_consumer *c)
{
	if (mqk_consumer_pulls(c))
		return -EINVAL;
	return settle_down(c, false);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Look at the ring until it has something, it has ended, or time is up. */
static void spin(struct mqk_consumer *c, uint64_t start, int64_t timeout)
{
	uint64_t budget = c->spin_ns;
	unsigned int i;

	if (timeout > 0 && (uint64_t)timeout < budget)
		budget = (uint64_t)timeout;
	if (!c->awake)
		set_awake(c, true);
	do {
		for (i = 0; i < SPIN_BATCH; i++) {
			if (mqk_consumer_ready(c))
				return;
			relax();
		}
	} while (!ended(c) && mqk_now() - start < budget);
}

static int sleep_in_kernel(struct mqk_consumer *c, int64_t timeout)
{
	struct mqk_wait w = {
		.size = sizeof(w),
		.flags = MQK_WAIT_F_CONSUMER,
		.id = c->id,
		.timeout = timeout,
	};

	return mqk_ioctl(c->m, MQK_IOC_WAIT, &w);
}

int mqk_recv(struct mqk_consumer *c, struct mqk_msg *msg, int64_t timeout)
{
	uint64_t start;
	int64_t left;
	int ret, got;

	ret = mqk_next(c, msg);
	if (ret || !timeout)
		return ret;
	start = timeout > 0 || c->spin_ns ? mqk_now() : 0;
	if (c->spin_ns)
		spin(c, start, timeout);
	for (;;) {
		ret = mqk_next(c, msg);
		if (ret)
			return ret;
		left = mqk_timeout_left(timeout, start);
		if (!left)
			return 0;
		ret = mqk_consumer_arm(c);
		if (!ret)
			ret = sleep_in_kernel(c, left);
		if (ret < 0)
			break;
	}
	if (ret == -ETIMEDOUT || ret == -EAGAIN)
		ret = 0;
	/* A message that has come meanwhile is better than an error. */
	got = mqk_next(c, msg);
	return got ? got : ret;
}
