// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A kernel for one process: segments, rings and the queue.
 */
#define _GNU_SOURCE
#include "fake_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake_knobs fake;

pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t fake_woken = PTHREAD_COND_INITIALIZER;
struct handle fake_handles[HANDLES];
static struct segment segments[SEGMENTS];
static struct fake_message queue[MESSAGES];
static uint64_t first, last;		/* of queue; first may be gone */
struct fake_counts fake_now;
int fake_memfd = -1;
static char *memory;
int fake_last_port;

char *fake_bytes(uint64_t ref)
{
	return memory + (INDEX(MQK_REF_SEGMENT(ref)) << SHIFT) +
	       MQK_REF_OFFSET(ref);
}

void fake_reset(void)
{
	int i;

	if (fake_memfd < 0) {
		fake_memfd = memfd_create("fake", 0);
		if (ftruncate(fake_memfd, (off_t)SEGMENTS << SHIFT))
			abort();
		memory = __real_mmap64(NULL, (size_t)SEGMENTS << SHIFT,
				       PROT_READ | PROT_WRITE, MAP_SHARED,
				       fake_memfd, 0);
		if (memory == MAP_FAILED)
			abort();
	}
	for (i = 0; i < HANDLES; i++) {
		free(fake_handles[i].k);
		free(fake_handles[i].u);
	}
	memset(fake_handles, 0, sizeof(fake_handles));
	memset(segments, 0, sizeof(segments));
	memset(queue, 0, sizeof(queue));
	memset(&fake_now, 0, sizeof(fake_now));
	memset(&fake, 0, sizeof(fake));
	fake.access = MQK_ACCESS_READ | MQK_ACCESS_WRITE | MQK_ACCESS_MAP;
	fake.abi = MQK_ABI;
	first = last = 0;
}

/* Segments ---------------------------------------------------------------- */

int fake_segment_open(uint64_t size)
{
	unsigned int i;

	for (i = 0; i < SEGMENTS; i++) {
		/* The upper half is for jumbo segments. */
		if (segments[i].used || (i < SEGMENTS / 2) != (size <= FAKE_SEGMENT))
			continue;
		segments[i].used = true;
		segments[i].open = true;
		segments[i].refs = 0;
		segments[i].size = size;
		fake_now.segments++;
		return (int)(size > FAKE_SEGMENT ? i | MQK_SEGMENT_JUMBO : i);
	}
	return -ENOSPC;
}

static void segment_check(unsigned int no)
{
	struct segment *s = &segments[INDEX(no)];

	if (s->open || s->refs || !s->used)
		return;
	memset(fake_bytes(MQK_REF(no, 0)), 0xa5, s->size);
	s->used = false;
	fake_now.segments--;
}

void fake_segment_close(int no)
{
	if (no < 0)
		return;
	segments[INDEX(no)].open = false;
	segment_check((unsigned int)no);
}

/* Completions ------------------------------------------------------------- */

bool fake_completions_full(struct handle *h)
{
	struct mqk_port_user *u = (void *)h->u;

	return h->comps - __atomic_load_n(&u->head, __ATOMIC_ACQUIRE) >=
	       h->entries;
}

static void complete(struct handle *h, uint64_t seq, uint32_t type,
		     uint32_t flags, int32_t result)
{
	struct mqk_completion *c = (void *)(h->k + 64);

	if (fake_completions_full(h))
		abort();
	c += h->comps & (h->entries - 1);
	c->seq = seq;
	c->type = type;
	c->flags = flags;
	c->result = result;
	__atomic_store_n(&c->pos, ++h->comps, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&fake_woken);
}

void fake_complete(uint64_t seq, uint32_t type, uint32_t flags, int32_t result)
{
	pthread_mutex_lock(&fake_lock);
	complete(&fake_handles[fake_last_port], seq, type, flags, result);
	pthread_mutex_unlock(&fake_lock);
}

/* Delivering -------------------------------------------------------------- */

static void message_end(struct fake_message *m)
{
	unsigned int no = MQK_REF_SEGMENT(m->d.ref);

	m->gone = true;
	segments[INDEX(no)].refs--;
	segment_check(no);
	fake_now.settled++;
}

int fake_settle(struct handle *h, const struct mqk_ack *a)
{
	uint32_t i, kept = 0, n = 0;

	for (i = 0; i < h->nr_tags; i++) {
		uint64_t tag = h->tags[i].tag;

		if (tag == a->tag || (a->flags & MQK_ACK_F_MULTIPLE &&
				      (!a->tag || tag < a->tag))) {
			if (a->flags & MQK_ACK_F_REQUEUE)
				h->tags[i].m->taken = false;
			else
				message_end(h->tags[i].m);
			n++;
		} else {
			h->tags[kept++] = h->tags[i];
		}
	}
	h->nr_tags = kept;
	return n || (a->flags & MQK_ACK_F_MULTIPLE && !a->tag) ? (int)n : -EINVAL;
}

int fake_drain(struct handle *h)
{
	struct mqk_consumer_page *page = (void *)h->k;
	struct mqk_consumer_user *u = (void *)h->u;
	struct mqk_ack *acks = (void *)(h->u + 128);
	uint64_t head = __atomic_load_n(&u->head, __ATOMIC_ACQUIRE);
	uint64_t tail = __atomic_load_n(&u->ack_tail, __ATOMIC_ACQUIRE);
	int n, total = 0;

	if (head - h->head > h->pos - h->head || tail - h->ack_head > h->acks)
		goto broken;
	h->head = head;
	if (h->flags & MQK_CONSUMER_F_NOACK && head) {
		struct mqk_ack a = { head, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE };

		fake_settle(h, &a);
	}
	for (; h->ack_head != tail; h->ack_head++) {
		struct mqk_ack a = acks[h->ack_head & (h->acks - 1)];

		n = fake_settle(h, &a);
		if (n < 0)
			goto broken;
		total += n;
	}
	__atomic_store_n(&page->ack_head, h->ack_head, __ATOMIC_RELEASE);
	return total;

broken:
	__atomic_store_n(&page->error, -EINVAL, __ATOMIC_RELEASE);
	h->ended = true;
	return -EINVAL;
}

static bool has_credit(const struct handle *h)
{
	return h->nr_tags < h->prefetch && h->pos - h->head < h->entries;
}

static bool can_take(struct handle *h)
{
	struct mqk_consumer_page *page = (void *)h->k;

	if (h->ended)
		return false;
	if (has_credit(h))
		return true;
	if (fake_drain(h) < 0 || has_credit(h))
		return !h->ended;
	__atomic_store_n(&page->kick_at,
			 (uint32_t)h->ack_head + h->prefetch / 4 + 1,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&page->flags, MQK_CONSUMER_PAGE_F_KICK,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (fake_drain(h) < 0 || !has_credit(h))
		return false;
	__atomic_store_n(&page->flags, 0, __ATOMIC_RELAXED);
	return true;
}

struct fake_message *fake_next_ready(uint64_t from)
{
	uint64_t i;

	while (first < last && queue[first % MESSAGES].gone)
		first++;
	for (i = from > first ? from : first; i < last; i++) {
		struct fake_message *m = &queue[i % MESSAGES];

		if (!m->taken && !m->gone)
			return m;
	}
	return NULL;
}

void fake_take(struct handle *h, struct fake_message *m, struct mqk_delivery *d)
{
	uint64_t pos = d->pos;

	*d = m->d;
	d->pos = pos;
	d->tag = ++h->tag;
	d->queue = 1;
	d->flags = m->d.count ? MQK_DELIVERY_F_REDELIVERED : 0;
	m->taken = true;
	m->d.count++;
	h->tags[h->nr_tags].tag = d->tag;
	h->tags[h->nr_tags++].m = m;
}

static void deliver(struct handle *h, struct fake_message *m)
{
	struct mqk_delivery *ring = (void *)(h->k + 64);
	struct mqk_delivery *slot = &ring[h->pos & (h->entries - 1)];
	struct mqk_consumer_user *u = (void *)h->u;
	struct mqk_delivery d = { .pos = 0 };

	fake_take(h, m, &d);
	memcpy(&slot->tag, &d.tag, sizeof(d) - sizeof(d.pos));
	__atomic_store_n(&slot->pos, ++h->pos, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&u->awake, __ATOMIC_RELAXED))
		pthread_cond_broadcast(&fake_woken);
}

void fake_dispatch(void)
{
	static int turn;
	struct fake_message *m;
	int i;

	while ((m = fake_next_ready(0))) {
		for (i = 0; i < HANDLES; i++) {
			struct handle *h = &fake_handles[++turn % HANDLES];

			if (h->used && h->consumer &&
			    !(h->flags & MQK_CONSUMER_F_PULL) && can_take(h)) {
				deliver(h, m);
				break;
			}
		}
		if (i == HANDLES)
			break;
	}
}

void fake_end(int error)
{
	int i;

	pthread_mutex_lock(&fake_lock);
	for (i = 0; i < HANDLES; i++) {
		struct mqk_consumer_page *page = (void *)fake_handles[i].k;

		if (!fake_handles[i].used || !fake_handles[i].consumer)
			continue;
		fake_handles[i].ended = true;
		__atomic_store_n(&page->error, error, __ATOMIC_RELAXED);
		__atomic_store_n(&page->flags, MQK_CONSUMER_PAGE_F_CANCELLED,
				 __ATOMIC_RELEASE);
	}
	pthread_cond_broadcast(&fake_woken);
	pthread_mutex_unlock(&fake_lock);
}

/* Publishing -------------------------------------------------------------- */

void fake_enqueue(uint32_t no, uint64_t offset, const struct mqk_record *r)
{
	struct fake_message *m = &queue[last % MESSAGES];

	if (last - first >= MESSAGES)
		abort();
	memset(m, 0, sizeof(*m));
	m->d.ref = MQK_REF(no, offset);
	m->d.payload_len = r->payload_len;
	m->d.headers_len = r->headers_len;
	m->d.key_len = r->key_len;
	m->d.exchange = r->exchange;
	m->d.seq = ++last;
	segments[INDEX(no)].refs++;
}

void fake_confirm(struct handle *h, uint64_t seq)
{
	if (!(h->flags & MQK_PORT_F_CONFIRM) || fake.hold_completions)
		return;
	complete(h, seq, MQK_COMPLETION_CONFIRM,
		 fake.confirm_each ? 0 : MQK_COMPLETION_F_MULTIPLE, 0);
}

/* The fake_walk of a doorbell. */
int fake_walk(struct handle *h)
{
	struct mqk_port_page *page = (void *)h->k;
	int taken = 0;

	while (h->segment >= 0 && h->taken < h->segment_size) {
		uint64_t ref = MQK_REF((uint32_t)h->segment, h->taken);
		struct mqk_record r;
		uint64_t size;

		if (__atomic_load_n((uint32_t *)(void *)fake_bytes(ref),
				    __ATOMIC_ACQUIRE) != h->generation)
			break;
		if (fake_completions_full(h)) {
			if (!taken)
				return -EAGAIN;
			break;
		}
		memcpy(&r, fake_bytes(ref), sizeof(r));
		size = MQK_RECORD_SIZE(r.key_len, r.headers_len, r.payload_len);
		if (r.type != MQK_RECORD_DATA || (r.delay && !(r.flags & MQK_MSG_F_DELAY)) || r.resv0[0] || r.resv0[1] || r.resv0[2] ||
		    r.headers_len & 7 || size > h->segment_size - h->taken ||
		    (h->segment_size > FAKE_SEGMENT && size <= FAKE_SEGMENT)) {
			fake_now.bad_records++;
			page->error = -EPROTO;
			return -EPROTO;
		}
		fake_enqueue((uint32_t)h->segment, h->taken, &r);
		h->taken += size;
		h->seq++;
		taken++;
		fake_confirm(h, h->seq);
	}
	__atomic_store_n(&page->position, h->taken, __ATOMIC_RELAXED);
	fake_dispatch();
	return taken;
}

struct fake_counts fake_counts(void)
{
	struct fake_counts c;

	pthread_mutex_lock(&fake_lock);
	c = fake_now;
	pthread_mutex_unlock(&fake_lock);
	return c;
}

uint64_t fake_ready(void)
{
	uint64_t i, n = 0;

	pthread_mutex_lock(&fake_lock);
	for (i = first; i < last; i++)
		n += !queue[i % MESSAGES].taken && !queue[i % MESSAGES].gone;
	pthread_mutex_unlock(&fake_lock);
	return n;
}
