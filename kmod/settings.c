// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing the settings of a queue.
 */
#include "settings.h"

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "broker.h"
#include "deliver.h"
#include "queue.h"
#include "rules.h"
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

/**
 * mqk_queue_set() - change the settings of a queue
 * @q: the queue
 * @s: the change
 * @why: filled when it is refused
 *
 * What follows from it is left to mqk_queue_run().
 *
 * Context: broker->mutex; may sleep.
 * Return: 0; -EINVAL for an argument; -ENOMEM
 */
int mqk_queue_set(struct mqk_queue *q, const struct mqk_settings *s,
		  struct mqk_refusal *why)
{
	struct mqk_rules rules, *fresh, *old;
	int err;

	lockdep_assert_held(&q->broker->mutex);
	err = mqk_rules_change(&rules, q->rules, s->args, s->args_len, why);
	if (err)
		return err;
	fresh = mqk_rules_alloc(&rules);
	if (IS_ERR(fresh))
		return PTR_ERR(fresh);
	/* no failure past this point */
	spin_lock(&q->lock);
	old = q->rules;
	q->rules = fresh;
	q->refuses = mqk_rules_refuse(fresh);
	pause_or_resume(q, s->flags);
	spin_unlock(&q->lock);
	kfree(old);
	return 0;
}
