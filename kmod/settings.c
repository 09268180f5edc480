// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing the settings of a queue.
 */
#include "settings.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "deadline.h"
#include "deliver.h"
#include "dying.h"
#include "extra.h"
#include "limits.h"
#include "queue.h"
#include "rules.h"
#include "seen.h"
#include "turn.h"

static void pause_or_resume(struct mqk_queue *q, u32 flags)
{
	bool paused = flags & MQK_QUEUE_SET_F_PAUSE;

	if (!flags || q->paused == paused)
		return;
	q->paused = paused;
	if (paused)
		q->held++;
	else
		q->held--;
	mqk_turn_find_sole(q);
}

/* Extras that are no chunk's yet, and how many. */
struct supply {
	struct list_head list;
	u32 nr;
};

static int stock(struct mqk_queue *q, struct supply *s, u32 nr,
		 struct mqk_refusal *why)
{
	struct mqk_extras *xs;

	for (; s->nr < nr; s->nr++) {
		xs = mqk_extras_alloc(q->tenant, false, why);
		if (IS_ERR(xs))
			return PTR_ERR(xs);
		list_add(&xs->link, &s->list);
	}
	return 0;
}

static void give(struct supply *s, struct mqk_chunk *c)
{
	struct mqk_extras *xs = list_first_entry(&s->list, struct mqk_extras, link);

	list_del(&xs->link);
	s->nr--;
	mqk_extras_give(xs, c);
}

/* Begin to keep extras for what comes; returns how many are lacking for that. */
static u32 begin_keep(struct mqk_queue *q, struct supply *s,
		      struct mqk_keep **keep)
{
	struct mqk_chunk *tail = q->index.tail, *c;
	u32 n = 0;

	lockdep_assert_held(&q->lock);
	if (q->keeps)
		return 0;
	n += tail && !tail->extras;
	list_for_each_entry(c, &q->index.spare, link)
		n += !c->extras;
	if (s->nr < n)
		return n;
	if (tail && !tail->extras)
		give(s, tail);
	list_for_each_entry(c, &q->index.spare, link)
		if (!c->extras)
			give(s, c);
	mqk_keep_begin(q, *keep);
	*keep = NULL;
	mqk_turn_find_sole(q);
	return 0;
}

/*
 * Keep extras for what is there, from a place on: of some chunks.  What is out for
 * delivery is settled by them from now on.  Returns whether that was all.
 */
static bool keep_some(struct mqk_queue *q, u64 *from, struct supply *s)
{
	u32 budget = MQK_KEEP_CHUNKS, i;
	struct mqk_chunk *c;

	lockdep_assert_held(&q->lock);
	while ((c = mqk_index_chunk_at(&q->index, *from))) {
		if (!budget-- || (!c->extras && !s->nr))
			return false;
		if (!c->extras)
			give(s, c);
		for (i = 0; i < c->used; i++)
			if (mqk_entry_is_out(&c->entry[i]))
				c->entry[i].flags |= MQK_ENTRY_F_KEPT;
		*from = c->base + c->used;
	}
	return true;
}

/*
 * Have a queue keep extras of all its messages.  When that fails, it may keep some,
 * which changes nothing.
 */
static int keep_all(struct mqk_queue *q, struct mqk_refusal *why)
{
	struct mqk_keep *keep = mqk_keep_alloc();
	struct mqk_extras *xs, *next;
	struct supply s = { .list = LIST_HEAD_INIT(s.list) };
	bool all = false;
	u64 from = 0;
	u32 n = 2;
	int err;

	if (!keep)
		return -ENOMEM;
	do {
		err = stock(q, &s, n, why);
		if (err)
			break;
		spin_lock(&q->lock);
		n = begin_keep(q, &s, &keep);
		if (!n) {
			n = MQK_KEEP_CHUNKS;
			all = keep_some(q, &from, &s);
		}
		spin_unlock(&q->lock);
		cond_resched();
	} while (!all);
	list_for_each_entry_safe(xs, next, &s.list, link)
		mqk_extras_free(xs);
	kfree(keep);
	return err;
}

/* What dead letters need, when the queue has none yet. */
static int prepare_dying(struct mqk_queue *q, const struct mqk_rules *rules,
			 const struct cred *cred, struct mqk_dying **dying)
{
	*dying = NULL;
	if (q->dying || !mqk_rules_dead_letters(rules))
		return 0;
	*dying = mqk_dying_alloc(q, cred);
	return *dying ? 0 : -ENOMEM;
}

/* Letters are published with the rights of who named their exchange. */
static const struct cred *change_cred(struct mqk_queue *q, const struct mqk_rules *old,
				      const struct mqk_rules *rules,
				      const struct cred *cred)
{
	const struct cred *before;

	if (!q->dying || !mqk_rules_dead_letters(rules) ||
	    (old && mqk_rules_same_text(&old->dead_exchange, &rules->dead_exchange)))
		return NULL;
	before = q->dying->cred;
	q->dying->cred = get_cred(cred);
	return before;
}

/* What the queue is to see ids with, if it is to begin now; else NULL. */
static struct mqk_seen *prepare_seeing(struct mqk_queue *q, const struct mqk_rules *rules,
				       struct mqk_refusal *why)
{
	if (q->seen || !mqk_rules_dedup(rules))
		return NULL;
	return mqk_seen_alloc(q->tenant, why);
}

/* Begin to see ids, or forget them; returns what nobody needs any more. */
static struct mqk_seen *change_seeing(struct mqk_queue *q, struct mqk_seen *fresh)
{
	struct mqk_seen *old = q->seen;

	lockdep_assert_held(&q->lock);
	if (mqk_rules_dedup(q->rules)) {
		if (fresh)
			q->seen = fresh;
		return NULL;
	}
	q->seen = NULL;
	return old;
}

/**
 * mqk_queue_set() - change the settings of a queue
 * @q: the queue
 * @s: the change
 * @why: filled when it is refused
 *
 * What follows from it is left to mqk_queue_run().  Changing arguments is a use of the
 * queue.  Rules that need to know more of messages than before do so of those that
 * are there, too: what that takes is charged to who pays for the queue.
 *
 * Context: broker->mutex; may sleep.
 * Return: 0; -EINVAL for an argument; -EDQUOT, -ENOSPC, -ENOMEM
 */
int mqk_queue_set(struct mqk_queue *q, const struct mqk_settings *s,
		  struct mqk_refusal *why)
{
	struct mqk_broker *broker = q->broker;
	struct mqk_rules rules, *fresh, *old;
	struct mqk_seen *seen, *forgotten;
	const struct cred *cred;
	struct mqk_dying *dying;
	int err;

	lockdep_assert_held(&broker->mutex);
	err = mqk_rules_change(&rules, q->rules, s->args, s->args_len, why);
	if (err)
		return err;
	if (mqk_rules_keep(&rules) && !mqk_rules_keep(q->rules)) {
		err = keep_all(q, why);
		if (err)
			return err;
	}
	fresh = mqk_rules_alloc(&rules);
	if (IS_ERR(fresh))
		return PTR_ERR(fresh);
	seen = prepare_seeing(q, fresh, why);
	err = PTR_ERR_OR_ZERO(seen);
	if (err)
		goto err_rules;
	err = prepare_dying(q, fresh, s->cred, &dying);
	if (err)
		goto err_seen;
	if (seen)
		seen->gen = broker->seen_gen + 1;
	/* no failure past this point */
	spin_lock(&q->lock);
	old = q->rules;
	cred = change_cred(q, old, &rules, s->cred);
	q->rules = fresh;
	if (dying)
		q->dying = dying;
	q->refuses = mqk_rules_refuse(fresh);
	q->blocks = mqk_rules_block(fresh);
	forgotten = change_seeing(q, seen);
	pause_or_resume(q, s->flags);
	/* or one that is to expire would be late already */
	if (s->args_len)
		mqk_deadline_used(q);
	spin_unlock(&q->lock);
	if (seen) {
		/* who sees this number sees q->seen under the lock: mqk_repeat_begin() */
		smp_store_release(&broker->seen_gen, seen->gen);
	}
	kfree(old);
	mqk_seen_free(forgotten);
	if (cred)
		put_cred(cred);
	return 0;

err_seen:
	mqk_seen_free(seen);
err_rules:
	kfree(fresh);
	return err;
}
