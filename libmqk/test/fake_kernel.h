/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Inside of the kernel for one process: fake.c has what is behind the calls,
 * fake_calls.c the calls.  One lock for all of it, held by every call.
 */
#ifndef MQK_TEST_FAKE_KERNEL_H
#define MQK_TEST_FAKE_KERNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/mqk.h>

#include "fake.h"

#define SHIFT		20		/* largest segment: 1 MiB */
#define SEGMENTS	64u
#define INDEX(no)	((uint64_t)(no) % SEGMENTS)
#define BASE		((uint64_t)1 << 40)
#define JUMBO		((uint64_t)1 << 41)
#define PAGES		((uint64_t)1 << 42)	/* + handle << 20 */
#define MESSAGES	65536u
#define HANDLES		16

struct fake_message {
	struct mqk_delivery d;
	bool taken, gone;
};

struct handle {				/* a port or a consumer */
	bool used, consumer;
	uint32_t flags, entries, prefetch, acks;
	char *k, *u;
	size_t k_size, u_size;
	/* consumer */
	uint64_t pos, head, ack_head, tag;
	struct { uint64_t tag; struct fake_message *m; } tags[4096];
	uint32_t nr_tags;
	bool ended;
	/* port */
	uint64_t seq, comps;
	int segment;
	uint64_t taken, segment_size;
	uint32_t generation;
	void *window;
};

struct segment {
	bool open;
	unsigned long refs;
	uint64_t size;
	bool used;
};

extern pthread_mutex_t fake_lock;
extern pthread_cond_t fake_woken;
extern struct handle fake_handles[HANDLES];
extern struct fake_counts fake_now;
extern int fake_memfd;
extern int fake_last_port;

char *fake_bytes(uint64_t ref);
int fake_segment_open(uint64_t size);
void fake_segment_close(int no);
bool fake_completions_full(struct handle *h);
void fake_confirm(struct handle *h, uint64_t seq);
int fake_settle(struct handle *h, const struct mqk_ack *a);
int fake_drain(struct handle *h);
struct fake_message *fake_next_ready(uint64_t from);
void fake_take(struct handle *h, struct fake_message *m,
	       struct mqk_delivery *d);
void fake_dispatch(void);
void fake_enqueue(uint32_t no, uint64_t offset, const struct mqk_record *r);
int fake_walk(struct handle *h);

void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t off);

#endif /* MQK_TEST_FAKE_KERNEL_H */
