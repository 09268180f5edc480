// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admitting.
 */
#include "admit.h"

#include <linux/lockdep.h>

#include "consumer.h"
#include "deliver.h"
#include "extra.h"
#include "limits.h"
#include "rules.h"
#include "takers.h"

/* What is scheduled is counted: it comes in whatever the length is then. */
static bool has_room(const struct mqk_queue *q, u32 payload_len)
{
	u64 messages = q->ready + q->promised, bytes = q->ready_bytes + q->promised_bytes;

	if (q->keep) {
		messages += q->keep->schedule.nr;
		bytes += q->keep->schedule.bytes;
	}
	return !mqk_rules_exceeded(q->rules, messages + 1, bytes + payload_len);
}

/* Who is next in turn to be given a message that comes, when nothing is ready; or NULL. */
static struct mqk_consumer *waits_for(struct mqk_queue *q, u64 group)
{
	if (mqk_queue_takers(q))
		return mqk_takers_for(q, group);
	return list_first_entry_or_null(&q->able, struct mqk_consumer, link);
}

/**
 * mqk_queue_admits_locked() - whether the rules let one more message in
 * @q: a queue that refuses
 * @payload_len: of the message
 * @delayed: it would be scheduled, so nobody takes it at once
 * @group: number of its group, or 0
 * @more: out: true when it stopped short: call mqk_queue_run() without the lock
 *
 * What a waiting consumer takes at once is never ready, so it is always let in; but
 * not on the credit that is left when what was promised has come.
 *
 * Context: q->lock, until mqk_queue_added_locked() or mqk_queue_promise_locked() if
 * it is let in.
 * Return: true if so
 */
bool mqk_queue_admits_locked(struct mqk_queue *q, u32 payload_len, bool delayed,
			     u64 group, bool *more)
{
	u32 budget = MQK_DELIVER_BUDGET;
	struct mqk_consumer *c;

	lockdep_assert_held(&q->lock);
	*more = false;
	if (has_room(q, payload_len))
		return true;
	/* what could be with a consumer by now does not count */
	*more = mqk_queue_dispatch_locked(q);
	if (delayed || has_room(q, payload_len))
		return has_room(q, payload_len);
	while (!q->ready && !q->held && budget) {
		c = waits_for(q, group);
		if (!c)
			return false;
		budget--;
		if (mqk_consumer_can_take(q, c, &budget) && !q->ready)
			return c->allowed > q->promised;
		/* one that is able yet has more to settle than the budget allows */
		if (c->able)
			break;
	}
	/* looking whether they can take one may have returned messages */
	*more |= mqk_queue_dispatch_locked(q);
	return has_room(q, payload_len);
}

/**
 * mqk_queue_fits_locked() - whether a message would be let in, as far as one can see
 * @q: a queue that refuses
 * @payload_len: of the message
 * @delayed: as for mqk_queue_admits_locked()
 * @group: the same
 *
 * Context: q->lock.
 * Return: true: it is worth trying
 */
bool mqk_queue_fits_locked(struct mqk_queue *q, u32 payload_len, bool delayed,
			   u64 group)
{
	lockdep_assert_held(&q->lock);
	return !q->refuses || has_room(q, payload_len) ||
	       (!delayed && !q->ready && !q->held && !q->promised && waits_for(q, group));
}
