// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compaction of sparse segments.
 */
#include "compact.h"

#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

#include "broker.h"
#include "extra.h"
#include "limits.h"
#include "queue.h"
#include "segment.h"
#include "trace.h"
#include "util/index.h"
#include "util/record.h"
#include "work.h"

/* Copied between two looks at need_resched(). */
#define COPY_STEP	SZ_64K

static unsigned int compact_segments = MQK_COMPACT_SEGMENTS;
module_param(compact_segments, uint, 0644);
MODULE_PARM_DESC(compact_segments,
		 "compact when a user holds so many sparse segments, 2 or more (0: never)");

struct pass {
	struct mqk_broker *broker;
	struct mqk_store *store;
	u32 no;
	u32 min;			/* segments that a user must gain from */
	struct list_head movers;	/* of users with closed segments */
	u32 segments;			/* what it has come to */
	u64 messages;
	u64 bytes;
	int error;
};

/* A record that is being moved; its segment is held. */
struct move {
	struct mqk_entry entry;		/* as it was */
	u64 seq;
	u64 size;
	struct mqk_segment *from;
	struct mqk_segment *to;
	u64 offset;			/* there */
};

struct batch {
	struct move move[MQK_COMPACT_RECORDS];
	u32 nr;
	u64 bytes;
};

typedef bool (*visit_fn)(struct pass *p, struct mqk_entry *e, void *data);

static u64 record_size(const struct mqk_entry *e)
{
	return MQK_RECORD_SIZE(e->key_len, e->headers_len, e->payload_len);
}

/* ---- segments ---- */

/* Few references are left, and fewer than when that turned out to be wrong. */
static bool seems_sparse(const struct mqk_segment *seg)
{
	u32 refs = atomic_read(&seg->refs);

	return (u64)refs * MQK_COMPACT_SPARSE < seg->given &&
	       refs <= seg->judged / 2;
}

static void look_at(struct pass *p, struct mqk_segment *seg)
{
	struct mqk_mover *m = &seg->tenant->mover;

	if (seg->pass == p->no)
		return;
	seg->pass = p->no;
	seg->victim = false;
	seg->seen = 0;
	seg->live = 0;
	if (m->pass != p->no) {
		m->pass = p->no;
		m->sparse = 0;
		m->victims = 0;
		list_add(&m->link, &p->movers);
	}
	m->sparse += seems_sparse(seg);
}

static void judge(struct pass *p, struct mqk_segment *seg)
{
	struct mqk_mover *m = &seg->tenant->mover;
	u32 refs = atomic_read(&seg->refs);

	if (seg->pass != p->no || seg->victim || m->sparse < p->min)
		return;
	/* Something is out for delivery, or none of this matters any more. */
	if (!refs || seg->seen < refs)
		return;
	if (seg->live >= seg->size / MQK_COMPACT_SPARSE) {
		seg->judged = refs;
		return;
	}
	seg->victim = true;
	m->victims++;
}

/*
 * Do something with each closed segment, some under each hold of the lock.
 * What was looked at goes to the end of the list, so segments may come and go
 * meanwhile; one may be met twice.
 */
static void each_closed(struct pass *p,
			void (*fn)(struct pass *p, struct mqk_segment *seg))
{
	struct mqk_store *store = p->store;
	struct mqk_segment *seg;
	u32 left;

	spin_lock(&store->lock);
	for (left = store->nr_closed; left; left--) {
		seg = list_first_entry_or_null(&store->closed,
					       struct mqk_segment, link);
		if (!seg)
			break;
		list_move_tail(&seg->link, &store->closed);
		fn(p, seg);
		if (left % MQK_COMPACT_LOOK)
			continue;
		spin_unlock(&store->lock);
		cond_resched();
		spin_lock(&store->lock);
	}
	spin_unlock(&store->lock);
}

static bool enough_sparse(const struct pass *p)
{
	struct mqk_mover *m;

	list_for_each_entry(m, &p->movers, link)
		if (m->sparse >= p->min)
			return true;
	return false;
}

static u32 count_victims(const struct pass *p)
{
	struct mqk_mover *m;
	u32 n = 0;

	list_for_each_entry(m, &p->movers, link)
		n += m->victims >= p->min ? m->victims : 0;
	return n;
}

/* ---- queues ---- */

/* The index of what is ready, or of what is scheduled. */
static struct mqk_index *index_of(struct mqk_queue *q, bool scheduled)
{
	return scheduled && q->keep ? &q->keep->schedule.index : &q->index;
}

/*
 * Visit the ready entries from a place on, as many as one hold of the lock
 * allows, or until one is not taken.  Returns whether there may be more.
 */
static bool visit_some(struct pass *p, struct mqk_queue *q, bool scheduled, u64 *seq,
		       u64 end, visit_fn visit, void *data)
{
	u32 chunks = MQK_COMPACT_CHUNKS;
	struct mqk_chunk *c;
	bool more;

	spin_lock(&q->lock);
	while (*seq < end && chunks--) {
		c = mqk_index_chunk_at(index_of(q, scheduled), *seq);
		if (!c) {
			*seq = end;
			break;
		}
		for (*seq = max(*seq, c->base); *seq < c->base + c->used; ++*seq) {
			struct mqk_entry *e = &c->entry[*seq - c->base];

			if (mqk_entry_ready(e) && !visit(p, e, data))
				goto out;
		}
	}
out:
	more = *seq < end && !q->dead;
	spin_unlock(&q->lock);
	cond_resched();
	return more;
}

/* Where an index of a queue ends now; 0 also where it has no such index. */
static u64 end_of(struct mqk_queue *q, bool scheduled)
{
	u64 end;

	spin_lock(&q->lock);
	end = scheduled && !q->keep ? 0 : index_of(q, scheduled)->next_seq;
	spin_unlock(&q->lock);
	return end;
}

static bool count(struct pass *p, struct mqk_entry *e, void *data)
{
	struct mqk_segment *seg = mqk_segment_of(p->store, e->ref);

	if (seg->pass == p->no) {
		seg->seen++;
		seg->live += record_size(e);
	}
	return true;
}

static void count_index(struct pass *p, struct mqk_queue *q, bool scheduled)
{
	u64 seq = 0, end = end_of(q, scheduled);

	while (visit_some(p, q, scheduled, &seq, end, count, NULL))
		;
}

static void count_queue(struct pass *p, struct mqk_queue *q)
{
	count_index(p, q, false);
	count_index(p, q, true);
}

/* ---- moving ---- */

static bool collect(struct pass *p, struct mqk_entry *e, void *data)
{
	struct mqk_segment *seg = mqk_segment_of(p->store, e->ref);
	struct batch *b = data;
	u64 size = record_size(e);
	struct move *m;

	if (seg->pass != p->no || !seg->victim ||
	    seg->tenant->mover.victims < p->min)
		return true;
	if (b->nr == MQK_COMPACT_RECORDS ||
	    (b->nr && b->bytes + size > MQK_COMPACT_BYTES))
		return false;
	m = &b->move[b->nr++];
	b->bytes += size;
	m->entry = *e;
	m->seq = mqk_entry_seq(e);
	m->size = size;
	m->from = seg;
	m->to = NULL;
	/* whatever the limit: it is a reference for the length of a copy */
	mqk_charge_anyway(seg->tenant, MQK_RES_MESSAGES, 1);
	mqk_segment_get(seg, 1);
	return true;
}

/* Take room for a record where its user's go, with a reference to it. */
static int take_room(struct move *m)
{
	struct mqk_tenant *tenant = m->from->tenant;
	struct mqk_mover *mover = &tenant->mover;
	struct mqk_segment *fresh;

	if (!mover->segment || m->size > mover->segment->size - mover->offset) {
		fresh = mqk_segment_open_like(m->from, m->size);
		if (IS_ERR(fresh))
			return PTR_ERR(fresh);
		if (mover->segment)
			mqk_segment_close(mover->segment);
		mover->segment = fresh;
		mover->offset = 0;
	}
	/* It takes the place of one that is charged: no limit applies. */
	mqk_charge_anyway(tenant, MQK_RES_MESSAGES, 1);
	mqk_segment_give(mover->segment, 1);
	m->to = mover->segment;
	m->offset = mover->offset;
	mover->offset += m->size;
	return 0;
}

/*
 * The entry says what the record is: its own head may have been written over
 * before its segment was closed.
 */
static void write_head(const struct move *m)
{
	struct mqk_record *to = m->to->vaddr + m->offset;
	struct mqk_record head = {
		.commit = m->to->generation,
		.payload_len = m->entry.payload_len,
		.headers_len = m->entry.headers_len,
		.key_len = m->entry.key_len,
		.type = MQK_RECORD_DATA,
		.flags = to->flags & MQK_MSG_F_ALL,
		.exchange = m->entry.exchange,
		.priority = m->entry.priority,
		.expiration = to->expiration,
		.delay = to->flags & MQK_MSG_F_DELAY ? to->delay : 0,
	};

	memcpy(to, &head, MQK_RECORD_KEY);
}

static int copy(struct move *m)
{
	u64 from = MQK_REF_OFFSET(m->entry.ref), done, n;
	int err;

	if (WARN_ON_ONCE(m->size > m->from->size - from))
		return -EIO;
	err = take_room(m);
	if (err)
		return err;
	for (done = 0; done < m->size; done += n) {
		n = min_t(u64, m->size - done, COPY_STEP);
		memcpy(m->to->vaddr + m->offset + done,
		       m->from->vaddr + from + done, n);
		cond_resched();
	}
	write_head(m);
	return 0;
}

/* The copies take the place of what they are copies of, where that waits yet. */
static void replace(struct pass *p, struct mqk_queue *q, bool scheduled,
		    struct batch *b)
{
	struct mqk_entry *e;
	struct move *m;

	spin_lock(&q->lock);
	for (m = b->move; m < b->move + b->nr && m->to; m++) {
		e = mqk_index_at(index_of(q, scheduled), m->seq);
		if (!e || e->ref != m->entry.ref)
			continue;
		e->ref = MQK_REF(m->to->no, m->offset);
		/* The reference to the copy is the entry's now, the old one ours. */
		m->to = m->from;
		p->messages++;
		p->bytes += m->size;
	}
	spin_unlock(&q->lock);
}

/* Move a batch, which holds the segments that its records lie in. */
static void move(struct pass *p, struct mqk_queue *q, bool scheduled,
		 struct batch *b)
{
	struct move *m;

	for (m = b->move; m < b->move + b->nr && !p->error; m++)
		p->error = copy(m);
	replace(p, q, scheduled, b);
	for (m = b->move; m < b->move + b->nr; m++) {
		if (m->to)
			mqk_segment_put(m->to);
		mqk_segment_put(m->from);
	}
}

static void move_index(struct pass *p, struct mqk_queue *q, bool scheduled)
{
	u64 seq = 0, end = end_of(q, scheduled);
	struct batch b;
	bool more;

	do {
		b.nr = 0;
		b.bytes = 0;
		more = visit_some(p, q, scheduled, &seq, end, collect, &b);
		if (b.nr)
			move(p, q, scheduled, &b);
	} while (more && !p->error);
}

static void move_queue(struct pass *p, struct mqk_queue *q)
{
	move_index(p, q, false);
	if (!p->error)
		move_index(p, q, true);
}

/* Close what records were moved to, full or not. */
static void close_movers(struct pass *p)
{
	struct mqk_mover *m;

	list_for_each_entry(m, &p->movers, link) {
		if (m->segment)
			mqk_segment_close(m->segment);
		m->segment = NULL;
	}
}

/* ---- the work ---- */

/* The first queue from an id on, with a reference, or NULL. */
static struct mqk_queue *next_queue(struct mqk_broker *broker, unsigned long *id)
{
	struct mqk_queue *q;

	rcu_read_lock();
	do {
		q = xa_find(&broker->queues, id, INT_MAX, XA_PRESENT);
		++*id;
	} while (q && !kref_get_unless_zero(&q->ref));
	rcu_read_unlock();
	return q;
}

static void each_queue(struct pass *p,
		       void (*fn)(struct pass *p, struct mqk_queue *q))
{
	struct mqk_queue *q;
	unsigned long id = 0;

	while (!p->error && (q = next_queue(p->broker, &id))) {
		fn(p, q);
		mqk_queue_put(q);
	}
}

/* Returns false when there was nothing to do but look. */
static bool run(struct pass *p)
{
	each_closed(p, look_at);
	if (!enough_sparse(p))
		return false;
	each_queue(p, count_queue);
	each_closed(p, judge);
	p->segments = count_victims(p);
	if (!p->segments)
		return true;
	each_queue(p, move_queue);
	close_movers(p);
	if (p->messages) {
		mqk_count(p->broker, compactions, 1);
		mqk_count(p->broker, compacted, p->messages);
		mqk_count(p->broker, compacted_bytes, p->bytes);
	}
	trace_mqk_compact(p->broker, p->segments, p->messages, p->bytes,
			  p->error);
	return true;
}

/* When to look again, after a pass that took so long. */
static void pause(struct pass *p, bool worked, unsigned long took)
{
	struct mqk_store *store = p->store;
	unsigned long rest = clamp(took * MQK_COMPACT_REST, MQK_COMPACT_PAUSE_MIN,
				   MQK_COMPACT_PAUSE_MAX);

	spin_lock(&store->lock);
	if (p->messages)
		store->pause = rest;
	else
		store->pause = clamp(2 * store->pause, rest,
				     (unsigned long)MQK_COMPACT_PAUSE_MAX);
	/* Looking is cheap; going through the queues in vain is not. */
	store->rest = worked ? store->pause : rest;
	if (store->compacts && store->nr_closed >= p->min)
		queue_delayed_work(mqk_workqueue, &store->compactor,
				   store->pause);
	spin_unlock(&store->lock);
}

static void compact(struct work_struct *work)
{
	struct mqk_store *store = container_of(to_delayed_work(work),
					       struct mqk_store, compactor);
	u32 min = READ_ONCE(compact_segments);
	struct pass p = {
		.broker = container_of(store, struct mqk_broker, store),
		.store = store,
		.min = max(min, 2u),
		.movers = LIST_HEAD_INIT(p.movers),
	};
	unsigned long start = jiffies;
	bool worked;

	if (!min)
		return;
	/* 0 is no pass */
	p.no = ++store->pass ?: ++store->pass;
	worked = run(&p);
	pause(&p, worked, jiffies - start);
}

/**
 * mqk_compact_start() - let a broker's segments be compacted
 * @broker: the broker, whose store is empty
 *
 * Context: any.
 */
void mqk_compact_start(struct mqk_broker *broker)
{
	struct mqk_store *store = &broker->store;

	INIT_DELAYED_WORK(&store->compactor, compact);
	store->rest = MQK_COMPACT_PAUSE_MIN;
	store->pause = MQK_COMPACT_PAUSE_MIN;
	store->compacts = true;
}

/**
 * mqk_compact_stop() - end that
 * @broker: the broker, which has no queues any more
 *
 * Context: may sleep.
 */
void mqk_compact_stop(struct mqk_broker *broker)
{
	struct mqk_store *store = &broker->store;

	spin_lock(&store->lock);
	store->compacts = false;
	spin_unlock(&store->lock);
	cancel_delayed_work_sync(&store->compactor);
}
