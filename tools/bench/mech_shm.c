// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared memory without a kernel between: what a userspace library can do.
 *
 * eventfd-shm: a ring of slots in shared memory, for one producer and one
 * consumer.  A slot begins with its number, stored last; there is no shared
 * head but the consumer's, which it publishes each quarter of the ring.  The
 * payload is written and read in its slot.  A side that has nothing to do sets
 * its flag, looks again and sleeps in its eventfd; the other one looks at the
 * flag once per hand-over and writes to the eventfd when it is set.
 *
 * cacheline: one word that two processors hand back and forth, the floor.  Its
 * "messages" carry 8 bytes.
 */
#include "bench.h"
#include "clock.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the two sides of one direction share; slots follow. */
struct ring {
	_Alignas(128) _Atomic uint64_t head;		/* consumer's */
	_Alignas(128) _Atomic uint32_t consumer_sleeps;
	_Alignas(128) _Atomic uint32_t producer_sleeps;
	_Alignas(128) _Atomic uint64_t line;		/* cacheline */
	_Alignas(128) unsigned char slots[];
};

struct way {
	struct ring *ring;
	int filled;	/* eventfd the consumer sleeps in */
	int drained;	/* eventfd the producer sleeps in */
};

struct state {
	struct way way[2];
	size_t bytes;		/* of a ring */
	size_t stride;		/* of a slot */
	uint32_t depth;		/* slots, a power of two */
	uint64_t room;		/* head as last seen by the producer */
	uint64_t head;		/* consumer's own */
};

static void finish(struct link *l)
{
	struct state *s = l->state;
	int i;

	if (!s)
		return;
	for (i = 0; i < 2; i++) {
		if (s->way[i].ring)
			munmap(s->way[i].ring, s->bytes);
		if (s->way[i].filled >= 0)
			close(s->way[i].filled);
		if (s->way[i].drained >= 0)
			close(s->way[i].drained);
	}
	free(s);
}

static int prepare_way(struct link *l, struct way *w, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return link_fail(l, errno, "mmap of %zu bytes", bytes);
	w->ring = p;
	w->filled = eventfd(0, EFD_CLOEXEC);
	w->drained = eventfd(0, EFD_CLOEXEC);
	if (w->filled < 0 || w->drained < 0)
		return link_fail(l, errno, "eventfd");
	return 0;
}

static int prepare(struct link *l)
{
	struct state *s = calloc(1, sizeof(*s));
	int i, err;

	if (!s)
		return -ENOMEM;
	l->state = s;
	for (i = 0; i < 2; i++)
		s->way[i].filled = s->way[i].drained = -1;
	s->depth = link_depth(l->test);
	s->stride = 64 + ((l->test->size + 63u) & ~63u);
	s->bytes = sizeof(struct ring) + s->depth * s->stride;
	for (i = 0; i < (l->test->metric == METRIC_LATENCY ? 2 : 1); i++) {
		err = prepare_way(l, &s->way[i], s->bytes);
		if (err)
			return err;
	}
	return 0;
}

static _Atomic uint64_t *slot(const struct state *s, struct ring *r, uint64_t seq)
{
	return (void *)(r->slots + (seq & (s->depth - 1)) * s->stride);
}

static void *payload(_Atomic uint64_t *number)
{
	return (unsigned char *)number + 64;
}

static int sleep_in(struct link *l, int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? 0 :
	       link_fail(l, errno, "read of eventfd");
}

static int wake(struct link *l, _Atomic uint32_t *flag, int fd)
{
	uint64_t one = 1;

	/* The sleeper's store, ours, the sleeper's look and ours: full order. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(flag, memory_order_relaxed))
		return 0;
	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 :
	       link_fail(l, errno, "write of eventfd");
}

/* Wait until slot @seq is free. */
static int wait_room(struct link *l, struct way *w, uint64_t seq)
{
	struct state *s = l->state;
	struct ring *r = w->ring;
	int err;

	for (;;) {
		s->room = atomic_load_explicit(&r->head, memory_order_acquire);
		if (seq <= s->room + s->depth)
			return 0;
		if (l->test->wait == WAIT_SPIN) {
			clock_relax();
			continue;
		}
		atomic_store(&r->producer_sleeps, 1);
		atomic_thread_fence(memory_order_seq_cst);
		if (seq > atomic_load(&r->head) + s->depth) {
			err = sleep_in(l, w->drained);
			if (err)
				return err;
		}
		atomic_store_explicit(&r->producer_sleeps, 0, memory_order_relaxed);
	}
}

static int ring_send(struct link *l, uint64_t seq, uint32_t n)
{
	struct state *s = l->state;
	struct way *w = &s->way[l->side];
	uint32_t i;
	int err;

	for (i = 0; i < n; i++, seq++) {
		_Atomic uint64_t *number = slot(s, w->ring, seq);

		if (seq > s->room + s->depth) {
			err = wait_room(l, w, seq);
			if (err)
				return err;
		}
		message_fill(payload(number), l->test->size, seq);
		atomic_store_explicit(number, seq, memory_order_release);
	}
	if (l->test->wait == WAIT_SPIN)
		return 0;
	return wake(l, &w->ring->consumer_sleeps, w->filled);
}

/* Wait until slot @seq is filled. */
static int wait_filled(struct link *l, struct way *w, uint64_t seq)
{
	struct ring *r = w->ring;
	_Atomic uint64_t *number = slot(l->state, r, seq);
	int err;

	while (atomic_load_explicit(number, memory_order_acquire) != seq) {
		if (l->test->wait == WAIT_SPIN) {
			clock_relax();
			continue;
		}
		atomic_store(&r->consumer_sleeps, 1);
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_load(number) != seq) {
			err = sleep_in(l, w->filled);
			if (err)
				return err;
		}
		atomic_store_explicit(&r->consumer_sleeps, 0, memory_order_relaxed);
	}
	return 0;
}

static int ring_recv(struct link *l, uint64_t seq, uint32_t max)
{
	struct state *s = l->state;
	struct way *w = &s->way[!l->side];
	uint32_t n;
	int err;

	for (n = 0; n < max; n++, seq++) {
		_Atomic uint64_t *number = slot(s, w->ring, seq);

		if (atomic_load_explicit(number, memory_order_acquire) != seq) {
			if (n)
				break;
			err = wait_filled(l, w, seq);
			if (err)
				return err;
		}
		if (!message_check(payload(number), l->test->size, seq))
			return link_bad(l, payload(number), seq);
		s->head = seq;
		if (seq & (s->depth / 4 - 1))
			continue;
		atomic_store_explicit(&w->ring->head, seq, memory_order_release);
		if (l->test->wait == WAIT_BLOCK) {
			err = wake(l, &w->ring->producer_sleeps, w->drained);
			if (err)
				return err;
		}
	}
	return (int)n;
}

static int line_send(struct link *l, uint64_t seq, uint32_t n)
{
	struct state *s = l->state;

	(void)n;
	atomic_store_explicit(&s->way[l->side].ring->line, seq,
			      memory_order_release);
	return 0;
}

static int line_recv(struct link *l, uint64_t seq, uint32_t max)
{
	struct state *s = l->state;
	_Atomic uint64_t *line = &s->way[!l->side].ring->line;
	uint64_t got;

	(void)max;
	while ((got = atomic_load_explicit(line, memory_order_acquire)) == seq - 1)
		clock_relax();
	return got == seq ? 1 : link_fail(l, 0, "the line holds another number");
}

const struct mech mech_eventfd_shm = {
	.name = "eventfd-shm",
	.batches = true,
	.prepare = prepare,
	.send = ring_send,
	.recv = ring_recv,
	.finish = finish,
};

const struct mech mech_cacheline = {
	.name = "cacheline",
	.prepare = prepare,
	.send = line_send,
	.recv = line_recv,
	.finish = finish,
};
