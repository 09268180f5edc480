/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flow control for mqk.  Its queues grow as far as their limits allow, where
 * a socket makes its sender wait; so that both are measured with the same
 * number of messages under way, the receiver tells the sender how far it is,
 * as an application would: seldom, in a shared word, with a futex in the tests
 * that block.
 */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include "bench.h"
#include "clock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void flow_sleep(struct pair *p, uint64_t want)
{
	for (;;) {
		atomic_store(&p->sender_sleeps, 1);
		if (atomic_load(&p->taken) >= want)
			break;
		syscall(SYS_futex, &p->sender_sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
	}
	atomic_store(&p->sender_sleeps, 0);
}

/* Before message number @seq goes out: at most a window is under way. */
static inline void flow_send(struct link *l, uint64_t seq, uint32_t window)
{
	struct pair *p = l->pair;
	uint64_t want = seq > window ? seq - window : 0;

	if (atomic_load_explicit(&p->taken, memory_order_acquire) >= want)
		return;
	if (l->test->wait == WAIT_BLOCK) {
		flow_sleep(p, want);
		return;
	}
	while (atomic_load_explicit(&p->taken, memory_order_acquire) < want)
		clock_relax();
}

/* After message number @seq was received; told each quarter of a window. */
static inline void flow_taken(struct link *l, uint64_t seq, uint32_t window)
{
	struct pair *p = l->pair;

	if (seq & (window / 4 - 1))
		return;
	if (l->test->wait == WAIT_SPIN) {
		atomic_store_explicit(&p->taken, seq, memory_order_release);
		return;
	}
	atomic_store(&p->taken, seq);
	if (atomic_load(&p->sender_sleeps)) {
		atomic_store(&p->sender_sleeps, 0);
		syscall(SYS_futex, &p->sender_sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

#endif /* BENCH_FLOW_H */
