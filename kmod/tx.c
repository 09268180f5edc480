// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions.
 */
#include "tx.h"

#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "attach.h"
#include "broker.h"
#include "consumer.h"
#include "port.h"
#include "publish.h"
#include "session.h"
#include "staged.h"
#include "window.h"

/* Have the session's transaction end; what is not carried out by now is forgotten. */
static void end(struct mqk_session *s, bool forget)
{
	struct mqk_staging *st = s->staging;
	struct mqk_consumer *c;
	struct mqk_port *p, *next;
	unsigned long id;

	/* those that take it back meanwhile find marks that mean nothing */
	xa_for_each(&s->consumers, id, c)
		mqk_staging_leave_consumer(c, forget);
	if (forget)
		mqk_staging_unmark(st);
	list_for_each_entry(p, &st->ports, in_staging) {
		mutex_lock(&p->mutex);
		p->staging_closed = true;
		if (forget)
			mqk_publish_skip(p);
		mutex_unlock(&p->mutex);
	}
	mqk_staging_empty(st);
	list_for_each_entry_safe(p, next, &st->ports, in_staging) {
		mutex_lock(&p->mutex);
		mqk_staging_leave(p, forget);
		mutex_unlock(&p->mutex);
		mqk_port_put(p);
	}
	st->open = false;
	/* what they have acknowledged since, and what that allows */
	xa_for_each(&s->consumers, id, c)
		mqk_consumer_kick(c);
}

static int join_all(struct mqk_session *s, struct mqk_refusal *why)
{
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;
	int err;

	xa_for_each(&s->ports, id, p) {
		err = mqk_publish_join(p, s->staging, why);
		if (err)
			return err;
	}
	xa_for_each(&s->consumers, id, c) {
		mqk_consumer_kick(c);
		mqk_staging_join_consumer(s->staging, c);
	}
	return 0;
}

static int begin(struct mqk_session *s, struct mqk_refusal *why)
{
	struct mqk_staging *st = s->staging;
	bool first = !st;
	int err;

	if (st && st->open)
		return mqk_refuse(why, MQK_RULE_IN_TX, -EBUSY);
	if (first) {
		st = mqk_staging_alloc(s->broker, s->tenant, why);
		if (IS_ERR(st))
			return PTR_ERR(st);
		s->staging = st;
	}
	err = join_all(s, why);
	if (!err) {
		st->open = true;
		return 0;
	}
	end(s, false);
	if (first) {
		s->staging = NULL;
		mqk_staging_free(st);
	}
	return err;
}

/**
 * mqk_tx_begin() - keep back what a session publishes and settles from now on
 * @s: the session
 * @why: filled when it fails
 *
 * Context: may sleep; takes s->tx_mutex.
 * Return: 0; -EBUSY: there is a transaction; -EDQUOT, -ENOSPC, -ENOMEM; the error of
 * mqk_publish_join()
 */
int mqk_tx_begin(struct mqk_session *s, struct mqk_refusal *why)
{
	int err;

	mutex_lock(&s->tx_mutex);
	err = begin(s, why);
	mutex_unlock(&s->tx_mutex);
	return err;
}

/* Take what is in rings and segments into the transaction; nothing comes after that. */
static int close_all(struct mqk_session *s, struct mqk_refusal *why)
{
	struct mqk_staging *st = s->staging;
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;
	int err = 0, ret;

	list_for_each_entry(p, &st->ports, in_staging) {
		ret = mqk_publish_stage_rest(p, why);
		err = err ?: ret;
	}
	xa_for_each(&s->consumers, id, c) {
		ret = mqk_staging_drain(c);
		if (ret == -EOVERFLOW && !err) {
			why->limit = MQK_TX_SETTLEMENTS_MAX;
			why->used = MQK_TX_SETTLEMENTS_MAX;
			err = mqk_refuse(why, MQK_RULE_TX_LIMIT, ret);
		}
	}
	return err;
}

static int commit(struct mqk_session *s, u32 *messages, u32 *settlements,
		  struct mqk_refusal *why)
{
	struct mqk_staging *st = s->staging;
	int err;

	if (!st || !st->open)
		return mqk_refuse(why, MQK_RULE_NO_TX, -EINVAL);
	err = close_all(s, why);
	if (!err) {
		*messages = st->nr_messages;
		*settlements = st->nr_settlements;
		err = mqk_staging_commit(st, why);
	}
	end(s, err);
	return err;
}

/**
 * mqk_tx_commit() - do all that was kept back, or nothing
 * @s: the session, whose transaction is over in either case
 * @messages: how many were published
 * @settlements: how many were settled
 * @why: filled when it fails
 *
 * Context: may sleep; takes s->tx_mutex.
 * Return: 0; -EINVAL: there is no transaction; else as struct mqk_tx says
 */
int mqk_tx_commit(struct mqk_session *s, u32 *messages, u32 *settlements,
		  struct mqk_refusal *why)
{
	int err;

	mutex_lock(&s->tx_mutex);
	err = commit(s, messages, settlements, why);
	mutex_unlock(&s->tx_mutex);
	return err;
}

/**
 * mqk_tx_rollback() - forget what was kept back
 * @s: the session
 * @messages: how many messages of those that were taken
 * @settlements: how many settlements of those
 * @why: filled when it fails
 *
 * Context: may sleep; takes s->tx_mutex.
 * Return: 0; -EINVAL: there is no transaction
 */
int mqk_tx_rollback(struct mqk_session *s, u32 *messages, u32 *settlements,
		    struct mqk_refusal *why)
{
	struct mqk_staging *st;
	int err = 0;

	mutex_lock(&s->tx_mutex);
	st = s->staging;
	if (st && st->open) {
		*messages = st->nr_messages;
		*settlements = st->nr_settlements;
		end(s, true);
	} else {
		err = mqk_refuse(why, MQK_RULE_NO_TX, -EINVAL);
	}
	mutex_unlock(&s->tx_mutex);
	return err;
}

/**
 * mqk_tx_close() - a session ends, and its transaction with it
 * @s: the session, which nobody uses any more
 *
 * What its process has committed in place or acknowledged, and still does, is part of
 * the transaction.
 *
 * Context: may sleep; takes s->tx_mutex.
 */
void mqk_tx_close(struct mqk_session *s)
{
	struct mqk_staging *st = s->staging;
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;

	if (!st)
		return;
	mutex_lock(&s->tx_mutex);
	if (st->open) {
		xa_for_each(&s->consumers, id, c)
			mqk_staging_cut_consumer(c);
		list_for_each_entry(p, &st->ports, in_staging) {
			mutex_lock(&p->mutex);
			if (p->window)
				mqk_window_show(p->window, NULL);
			mutex_unlock(&p->mutex);
		}
		end(s, true);
	}
	mutex_unlock(&s->tx_mutex);
	mqk_staging_free(st);
	s->staging = NULL;
}
