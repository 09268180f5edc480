/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Segments: the files that records lie in, and the store that lends them.
 *
 * A segment is a shmem file whose pages are all allocated and which the kernel
 * sees through one contiguous mapping.  Readers map the file itself, read-only;
 * the one producer that fills it maps it through its port's window (window.h),
 * so that write access can be taken away without touching the readers.
 *
 * States:
 *	pooled	free, kept for reuse, last used first; charged to nobody
 *	open	lent to one writer: a port, or an appender for copies
 *	closed	nobody can write to it; it goes back to the pool when the last
 *		reference to one of its records is dropped; compact.h has what
 *		may help there
 *	empty	did not fit into the pool: has its number and its file, but no
 *		pages; the file's size is 0 until it is lent again, so that who
 *		still has it mapped gets SIGBUS, not fresh pages
 * A segment's number means the same file as long as the broker lives: readers
 * may keep it mapped.  Only a jumbo segment, which holds one record larger than
 * the store's segments, is freed with its number; such numbers have the bit
 * MQK_SEGMENT_JUMBO, and readers map them anew for each record.
 *
 * References count records in queues, not who maps them: a mapping keeps the
 * file.  While a segment is open, refs has a bias, so that the writer, who only
 * counts what it has given away (given), adds nothing to the shared counter;
 * closing takes the rest of the bias back.  As refs only falls, each multiple
 * of MQK_MESSAGE_GRANT that it passes gives as many charged messages back, and
 * closing settles the difference.
 *
 * Who is alive: the store, as long as the broker; a segment, as long as the
 * store, or, jumbo, until its last record is gone.
 *
 * Locks: store->lock (spin), for the lists, the table, the numbers and when to
 * compact; nests inside a queue's lock.  The table is read under RCU.
 */
#ifndef MQK_SEGMENT_H
#define MQK_SEGMENT_H

#include <linux/atomic.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/math.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/mqk.h>

#include "limits.h"

struct file;
struct mqk_refusal;
struct mqk_tenant;

#define MQK_SEGMENT_BIAS	(1 << 30)

struct mqk_segment {
	/* what publishing and settling touch */
	void *vaddr;
	u64 size;
	u32 no;
	u32 generation;
	atomic_t refs;
	u32 given;			/* writer's: references handed out */
	struct mqk_tenant *tenant;	/* who pays, while not pooled */
	struct mqk_store *store;
	/* the rest */
	struct list_head link;		/* store->pool, closed, doomed or empty */
	struct file *file;
	struct file *readers;		/* the same, open read-only */
	struct page **pages;
	u32 nr_pages;
	bool jumbo;
	/* compaction's, while it is closed */
	bool victim;
	u32 pass;			/* which one looks at it, or 0 */
	u32 seen;			/* references to it that can be moved */
	u32 judged;			/* refs when it was found dense */
	u64 live;			/* bytes that the seen ones take */
	struct rcu_head rcu;
};

struct mqk_leaf {
	struct mqk_segment __rcu *segment[MQK_SEGMENT_LEAF];
};

struct mqk_store {
	spinlock_t lock;
	u64 segment_size;
	struct list_head pool;
	u32 nr_pool;
	u32 pool_max;
	u32 nr_used;
	u32 generation;			/* last one given */
	struct ida numbers;
	struct list_head doomed;
	struct list_head empty;
	struct work_struct reaper;
	/* compaction: which is to look at the closed ones, and when */
	struct list_head closed;	/* and in use; no jumbo ones */
	u32 nr_closed;
	bool compacts;
	u32 pass;			/* the compactor's: number of the last */
	unsigned long pause;		/* until it looks, in jiffies */
	unsigned long rest;		/* least pause now */
	struct delayed_work compactor;
	struct mqk_leaf __rcu *leaf[MQK_SEGMENT_DIR];
};

void mqk_store_init(struct mqk_store *store, u64 segment_size);
void mqk_store_destroy(struct mqk_store *store);

struct mqk_segment *mqk_segment_open(struct mqk_store *store, u64 size,
				     bool clear, struct mqk_tenant *tenant,
				     struct mqk_refusal *why);
struct mqk_segment *mqk_segment_open_like(struct mqk_segment *from, u64 size);
void mqk_segment_close(struct mqk_segment *seg);
void mqk_segment_get(struct mqk_segment *seg, u32 n);
void mqk_segment_put_slow(struct mqk_segment *seg, struct mqk_tenant *tenant,
			  int refs, u32 n);
struct mqk_segment *mqk_segment_find(struct mqk_store *store, u32 no);
/**
 * mqk_segment_give() - its writer hands out references
 * @seg: an open segment
 * @n: how many, at most MQK_TARGETS_MAX
 *
 * Long before what was handed out could use up the bias, both are moved up by
 * the same multiple of the grant, which changes nothing else.
 *
 * Context: the writer's.
 */
static inline void mqk_segment_give(struct mqk_segment *seg, u32 n)
{
	seg->given += n;
	if (unlikely(seg->given >= MQK_SEGMENT_BIAS / 2)) {
		u32 k = round_down(seg->given, MQK_MESSAGE_GRANT);

		atomic_add(k, &seg->refs);
		seg->given -= k;
	}
}

/* Whether all that its writer has given away was put; it is open. */
static inline bool mqk_segment_unused(const struct mqk_segment *seg)
{
	return atomic_read(&seg->refs) == MQK_SEGMENT_BIAS - (int)seg->given;
}

/**
 * mqk_segment_of() - the segment of a record that is referred to
 * @store: the store
 * @ref: the reference; whoever holds it keeps the segment
 * Return: the segment
 */
static inline struct mqk_segment *mqk_segment_of(struct mqk_store *store, u64 ref)
{
	u32 no = MQK_REF_SEGMENT(ref);
	struct mqk_leaf *leaf;

	leaf = rcu_dereference_protected(store->leaf[no / MQK_SEGMENT_LEAF], true);
	return rcu_dereference_protected(leaf->segment[no % MQK_SEGMENT_LEAF], true);
}

/**
 * mqk_segment_put_n() - drop references to its records
 * @seg: the segment
 * @n: how many, at least one
 *
 * Context: any.
 */
static __always_inline void mqk_segment_put_n(struct mqk_segment *seg, u32 n)
{
	/* Before: afterwards another put may be the last, and it is lent anew. */
	struct mqk_tenant *tenant = seg->tenant;
	int refs = atomic_sub_return(n, &seg->refs);

	/* a multiple of the grant lies among refs ... refs + n - 1 */
	if (unlikely((-refs & (int)(MQK_MESSAGE_GRANT - 1)) < n))
		mqk_segment_put_slow(seg, tenant, refs, n);
}

/* Drop one reference to one of its records; any context. */
static __always_inline void mqk_segment_put(struct mqk_segment *seg)
{
	mqk_segment_put_n(seg, 1);
}

struct file *mqk_segment_file(struct mqk_store *store, u32 no, u64 *size);

#endif /* MQK_SEGMENT_H */
