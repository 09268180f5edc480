// SPDX-License-Identifier: GPL-2.0-only
#include "history.h"

const char * const offence_name[NR_OFFENCES] = {
	[LOST] = "nothing is lost",
	[NOWHERE] = "nothing comes from nowhere",
	[DUPLICATE] = "nothing comes twice unflagged",
	[ZOMBIE] = "nothing comes back after it was settled",
	[ORDER] = "order per port and queue",
	[TORN] = "in all its queues or in none",
	[REPORT] = "confirms and returns",
};

struct history *history_make(__u32 numbers)
{
	struct history *h = shared(sizeof(*h));

	if (!h)
		return NULL;
	h->numbers = numbers;
	h->confirmed = shared((size_t)PRODUCERS * numbers);
	h->cells = shared(sizeof(struct cell) * QUEUES * PRODUCERS * numbers);
	return h->confirmed && h->cells ? h : NULL;
}

/* --- what a message is ---------------------------------------------------- */

static __u64 hash(__u32 producer, __u32 number)
{
	__u64 state = (__u64)producer << 32 | number;

	random_next(&state);
	return random_next(&state);
}

__u32 message_route(__u32 producer, __u32 number)
{
	return hash(producer, number) % ROUTES;
}

/* Written down here, not asked of the kernel. */
__u32 route_queues(__u32 route)
{
	static const __u32 queues[ROUTES] = {
		1 << 0 | 1 << 1 | 1 << 2,	/* topic net.high.curl */
		1 << 0 | 1 << 2 | 1 << 3,	/* topic net.low.wget */
		1 << 0 | 1 << 3,		/* topic lib.low.zlib */
		1 << 0,				/* topic lib.mid.c */
		1 << 3 | 1 << 4,		/* fanout */
		1 << 1 | 1 << 4,		/* direct x */
		0,				/* direct nowhere */
		1 << 5,				/* default, q5 */
	};

	return queues[route];
}

bool message_mandatory(__u32 producer, __u32 number)
{
	return hash(producer, number) >> 20 & 1;
}

__u32 message_len(__u32 producer, __u32 number)
{
	__u64 r = hash(producer, number) >> 24;

	/* One in 500 is larger than a segment. */
	if (r % 500 == 0)
		return 66000 + (r >> 12) % 60000;
	return sizeof(struct stamp) + (r >> 12) % (r & 7 ? 200 : 3000);
}

void message_fill(__u32 producer, __u32 number, void *payload)
{
	struct stamp stamp = { .producer = producer, .number = number };
	__u32 len = message_len(producer, number);

	stamp.check = hash(producer ^ 0x5555, number);
	memcpy(payload, &stamp, sizeof(stamp));
	pattern_fill((__u8 *)payload + sizeof(stamp), len - sizeof(stamp),
		     stamp.check);
}

static bool message_ok(const struct stamp *stamp, const void *payload,
		       __u32 len)
{
	return len == message_len(stamp->producer, stamp->number) &&
	       stamp->check == hash(stamp->producer ^ 0x5555, stamp->number) &&
	       pattern_ok((const __u8 *)payload + sizeof(*stamp),
			  len - sizeof(*stamp), stamp->check);
}

/* --- noting --------------------------------------------------------------- */

void history_offence(struct history *h, enum offence what, __u32 queue,
		     __u32 producer, __u32 number)
{
	if (__atomic_fetch_add(&h->offences[what], 1, __ATOMIC_RELAXED))
		return;
	h->example[what].queue = queue;
	h->example[what].producer = producer;
	h->example[what].number = number;
}

void history_begin(struct history *h, __u32 producer, __u32 count)
{
	__atomic_fetch_add(&h->begun[producer], count, __ATOMIC_SEQ_CST);
}

void history_confirm(struct history *h, __u32 producer, __u32 number)
{
	h->confirmed[(size_t)producer * h->numbers + number] = 1;
	__atomic_fetch_add(&h->confirms, 1, __ATOMIC_RELAXED);
}

static struct cell *cell_of(struct history *h, __u32 queue, __u32 producer,
			    __u32 number)
{
	return &h->cells[((size_t)queue * PRODUCERS + producer) * h->numbers +
			 number];
}

struct cell *history_deliver(struct history *h, __u32 queue,
			     const struct mqk_delivery *d, const void *payload,
			     __u32 *last)
{
	bool again = d->flags & MQK_DELIVERY_F_REDELIVERED;
	struct stamp stamp;
	struct cell *cell;

	if (!payload || d->payload_len < sizeof(stamp)) {
		history_offence(h, NOWHERE, queue, ~0u, ~0u);
		return NULL;
	}
	memcpy(&stamp, payload, sizeof(stamp));
	if (stamp.producer >= PRODUCERS ||
	    stamp.number >= __atomic_load_n(&h->begun[stamp.producer],
					    __ATOMIC_SEQ_CST) ||
	    !message_ok(&stamp, payload, d->payload_len) ||
	    !(route_queues(message_route(stamp.producer, stamp.number)) &
	      1u << queue)) {
		history_offence(h, NOWHERE, queue, stamp.producer,
				stamp.number);
		return NULL;
	}
	cell = cell_of(h, queue, stamp.producer, stamp.number);
	__atomic_fetch_add(again ? &h->redeliveries : &h->deliveries, 1,
			   __ATOMIC_RELAXED);

	if (__atomic_load_n(&cell->settled, __ATOMIC_ACQUIRE))
		history_offence(h, ZOMBIE, queue, stamp.producer, stamp.number);
	if (again != (d->count > 0))
		history_offence(h, DUPLICATE, queue, stamp.producer,
				stamp.number);
	if (again) {
		cell->again = 1;
	} else {
		if (__atomic_exchange_n(&cell->first, 1, __ATOMIC_ACQ_REL))
			history_offence(h, DUPLICATE, queue, stamp.producer,
					stamp.number);
		if (stamp.number + 1 <= last[stamp.producer])
			history_offence(h, ORDER, queue, stamp.producer,
					stamp.number);
		last[stamp.producer] = stamp.number + 1;
	}
	/* A message keeps its place, however often it comes. */
	if (cell->place && cell->place != (__u32)d->seq + 1)
		history_offence(h, ORDER, queue, stamp.producer, stamp.number);
	cell->place = (__u32)d->seq + 1;
	return cell;
}

void history_settle(struct history *h, struct cell *cell)
{
	__atomic_store_n(&cell->settled, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&h->settled, 1, __ATOMIC_RELAXED);
}

/* --- at the end ----------------------------------------------------------- */

static void check_message(struct history *h, __u32 p, __u32 n)
{
	__u32 wanted = route_queues(message_route(p, n)), got = 0, q;

	for (q = 0; q < QUEUES; q++) {
		struct cell *cell = cell_of(h, q, p, n);

		if (cell->first || cell->again)
			got |= 1u << q;
	}
	if (h->confirmed[(size_t)p * h->numbers + n]) {
		if (got != wanted)
			history_offence(h, LOST, wanted & ~got, p, n);
	} else if (got && got != wanted) {
		history_offence(h, TORN, wanted & ~got, p, n);
	}
}

void history_check(struct history *h)
{
	__u32 p, n, q;

	for (p = 0; p < PRODUCERS; p++) {
		__u32 last[QUEUES] = { 0 };

		for (n = 0; n < h->begun[p]; n++) {
			check_message(h, p, n);
			for (q = 0; q < QUEUES; q++) {
				__u32 place = cell_of(h, q, p, n)->place;

				if (!place)
					continue;
				if (place <= last[q])
					history_offence(h, ORDER, q, p, n);
				last[q] = place;
			}
		}
	}
}
