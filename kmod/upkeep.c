// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upkeep: what a queue that keeps extras does when a time has come.
 *
 * A message that was out for too long is taken back from its consumer; one that
 * waited for its next try is ready again; one that was scheduled takes its place; what
 * has expired ends; and a queue that nobody uses is deleted.  One work does it all, which
 * the queue's timer queues (deadline.h), a budget of it under each hold of the queue's
 * lock.
 *
 * What a pulling consumer has is guarded by that one's mutex, which comes before the
 * queue's lock: so the lock is let go first, and the message looked for again.
 */
#include "queue.h"

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "consumer.h"
#include "deadline.h"
#include "deliver.h"
#include "extra.h"
#include "group.h"
#include "limits.h"
#include "retire.h"
#include "schedule.h"
#include "settle.h"
#include "supplies.h"
#include "turn.h"
#include "util/slots.h"

/* A message that a consumer has had for too long, found under the queue's lock. */
struct overdue {
	struct mqk_consumer *consumer;	/* with a reference; NULL: none */
	struct mqk_entry *entry;
	u64 tag;
};

/* Take a message back; it has not failed.  Nobody hears of its tag again. */
static void take_back(struct mqk_queue *locked, struct mqk_consumer *c,
		      const struct mqk_entry *e, u64 tag)
{
	struct mqk_slot *slot = mqk_slots_find(&c->slots, tag);

	if (!slot || slot->entry != e || c->claimed)
		return;
	c->lapsed = true;
	mqk_settle_slot(locked, c, slot, MQK_ACK_NACK, true);
	if (!locked)
		return;
	mqk_turn_settled(locked, c);
	if (c->attached && !c->able && mqk_consumer_has_credit(c))
		mqk_turn_set_able(locked, c, true);
}

/*
 * A scheduled message is due; false: there is no room for it, and nothing was done.
 * When none is to be had, it is scheduled anew, for a little later.
 */
static bool move_in(struct mqk_queue *q, struct mqk_extra *x, struct mqk_supplies *s)
{
	if (!mqk_index_has_room(&q->index) && !mqk_supplies_feed(s, q)) {
		if (!s->failed) {
			mqk_supplies_want(s, mqk_entry_chunk(mqk_extra_entry(x)));
			return false;
		}
		mqk_deadline_clear(q, x);
		mqk_deadline_set(q, x, mqk_deadline_now() + MQK_SCHEDULE_AGAIN,
				 MQK_EXTRA_SCHEDULED);
		return true;
	}
	mqk_schedule_move(q, x);
	return true;
}

/* A message's time has come; what the caller has to see to is in *late. */
static void meet(struct mqk_queue *q, struct mqk_extra *x, struct overdue *late)
{
	struct mqk_entry *e = mqk_extra_entry(x);
	struct mqk_consumer *c = x->consumer;

	if (x->state == MQK_EXTRA_RETRYING) {
		mqk_entry_end_retrying(q, e);
	} else if (READ_ONCE(c->claimed)) {
		/* a transaction settles what it has: that comes first */
		mqk_deadline_clear(q, x);
		mqk_deadline_set(q, x, mqk_deadline_now() + MQK_CLAIMED_WAIT,
				 MQK_EXTRA_TAKEN);
	} else if (c->queue) {
		take_back(q, c, e, x->tag);
	} else {
		/* it has the message, so somebody has it */
		refcount_inc(&c->refs);
		*late = (struct overdue) { c, e, x->tag };
	}
}

/*
 * Everything whose time has come, but for expiry, which is the business of who
 * dispatches.  Returns true when there is more.
 */
static bool meet_some(struct mqk_queue *q, u64 now, struct overdue *late,
		      struct mqk_supplies *s)
{
	u32 budget = MQK_UPKEEP_BUDGET;
	struct mqk_extra *x;
	bool more = false;

	while (!more && (x = mqk_deadline_first(q)) && x->when <= now &&
	       x->state != MQK_EXTRA_READY) {
		bool moves = x->state == MQK_EXTRA_SCHEDULED;

		more = !budget-- || late->consumer || (moves && !move_in(q, x, s));
		if (!more && !moves)
			meet(q, x, late);
	}
	/* it comes back before anything younger goes in its place */
	if (late->consumer)
		return true;
	return mqk_queue_dispatch_at_locked(q, now) || more ||
	       ((x = mqk_deadline_first(q)) && x->when <= now);
}

static void settle_overdue(const struct overdue *late)
{
	struct mqk_consumer *c = late->consumer;

	mutex_lock(&c->mutex);
	take_back(NULL, c, late->entry, late->tag);
	mutex_unlock(&c->mutex);
	mqk_consumer_put(c);
}

/* Delete a queue, unless somebody has used it meanwhile. */
static void delete_unused(struct mqk_queue *q)
{
	struct mqk_broker *broker = q->broker;
	bool kill;

	mutex_lock(&broker->mutex);
	spin_lock(&q->lock);
	kill = !q->dead && mqk_deadline_unused(q, mqk_deadline_now());
	spin_unlock(&q->lock);
	if (kill)
		mqk_queue_kill(q);
	mutex_unlock(&broker->mutex);
	if (kill)
		mqk_queue_bury(q);
}

/**
 * mqk_queue_upkeep() - work: see to what was to happen at a time
 * @work: the queue's; has a reference
 */
void mqk_queue_upkeep(struct work_struct *work)
{
	struct mqk_keep *keep = container_of(work, struct mqk_keep, work);
	struct mqk_queue *q = keep->queue;
	struct mqk_supplies supplies = {};
	bool more, unused = false;

	do {
		struct overdue late = {};

		spin_lock(&q->lock);
		more = !q->dead && meet_some(q, mqk_deadline_now(), &late, &supplies);
		if (!more && !q->dead) {
			unused = mqk_deadline_unused(q, mqk_deadline_now());
			if (!unused)
				mqk_deadline_arm(q);
		}
		spin_unlock(&q->lock);
		if (late.consumer) {
			settle_overdue(&late);
			more = true;
		}
		if (supplies.want)
			mqk_supplies_get(&supplies, mqk_queue_linked(q));
		cond_resched();
	} while (more);
	mqk_supplies_end(&supplies);
	if (unused)
		delete_unused(q);
	mqk_queue_put(q);
}
