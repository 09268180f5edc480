// SPDX-License-Identifier: GPL-2.0-only
/*
 * Last wills.
 */
#include "will.h"

#include <linux/cred.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/mqk.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "broker.h"
#include "limits.h"
#include "port.h"
#include "publish.h"
#include "session.h"
#include "work.h"

struct mqk_testament {
	struct mqk_port *port;		/* nobody else's */
	struct mqk_kept kept;
	const struct cred *cred;	/* the port's, longer than the session's */
	u64 delay;			/* nanoseconds */
	/* while it waits */
	struct mqk_broker *broker;
	struct list_head link;		/* broker->wills */
	struct hrtimer timer;		/* queues work, and nothing else */
	struct work_struct work;
};

static void end(struct mqk_testament *t)
{
	if (!t)
		return;
	mqk_publish_drop(&t->kept);
	mqk_port_put(t->port);
	put_cred(t->cred);
	kfree(t);
}

/* Put another one, or none, in the place of the session's. */
static struct mqk_testament *replace(struct mqk_session *s,
				     struct mqk_testament *t)
{
	mutex_lock(&s->mutex);
	swap(s->will, t);
	mutex_unlock(&s->mutex);
	return t;
}

/* The delay is over, unless somebody else ends the will. */
static void execute_later(struct work_struct *work)
{
	struct mqk_testament *t = container_of(work, struct mqk_testament, work);
	struct mqk_broker *broker = t->broker;
	bool mine;

	mutex_lock(&broker->mutex);
	mine = !list_empty(&t->link);
	list_del_init(&t->link);
	mutex_unlock(&broker->mutex);
	if (!mine)
		return;
	/* its function may still be on its way out */
	hrtimer_cancel(&t->timer);
	if (!READ_ONCE(broker->dead))
		mqk_publish_kept(t->port, &t->kept);
	end(t);
	mqk_broker_trim(broker);
	mqk_broker_put(broker);
}

static enum hrtimer_restart delay_is_over(struct hrtimer *timer)
{
	struct mqk_testament *t = container_of(timer, struct mqk_testament, timer);

	queue_work(mqk_workqueue, &t->work);
	return HRTIMER_NORESTART;
}

/**
 * mqk_will_make() - have a message published when the session dies
 * @s: the session
 * @m: the message; what it points to is the caller's
 * @delay: how long after that, in nanoseconds, at most MQK_WILL_DELAY_MAX
 * @why: filled when it is refused
 *
 * Context: may sleep; takes s->mutex, broker->mutex.
 * Return: 0; -EMSGSIZE when it takes more than MQK_WILL_MAX; errno of
 * MQK_IOC_PORT_CREATE and MQK_IOC_PUBLISH
 */
int mqk_will_make(struct mqk_session *s, const struct mqk_message *m, u64 delay,
		  struct mqk_refusal *why)
{
	const struct mqk_port_options o = {
		.entries = MQK_RING_MIN,
		.cred = s->cred,
		.uid = s->uid,
		.pid = s->pid,
	};
	struct mqk_testament *t;
	int err;

	if (MQK_RECORD_SIZE(m->key_len, m->headers_len, m->payload_len) >
	    MQK_WILL_MAX)
		return mqk_refuse(why, MQK_RULE_TOO_LARGE, -EMSGSIZE);
	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	t->delay = delay;
	t->broker = s->broker;
	INIT_LIST_HEAD(&t->link);
	INIT_WORK(&t->work, execute_later);
	hrtimer_init(&t->timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
	t->timer.function = delay_is_over;
	t->port = mqk_port_alloc(s->broker, s->tenant, &o, why);
	if (IS_ERR(t->port)) {
		err = PTR_ERR(t->port);
		kfree(t);
		return err;
	}
	err = mqk_publish_keep(t->port, m, &t->kept);
	if (err) {
		*why = t->port->why;
		mqk_port_put(t->port);
		kfree(t);
		return err;
	}
	/* no failure past this point */
	t->cred = get_cred(s->cred);
	end(replace(s, t));
	return 0;
}

/**
 * mqk_will_forget() - a session says goodbye
 * @s: the session, with a will or without
 *
 * Context: may sleep; takes s->mutex, broker->mutex.
 */
void mqk_will_forget(struct mqk_session *s)
{
	end(replace(s, NULL));
}

/* Let it wait for its time, unless nothing is published any more. */
static bool put_off(struct mqk_testament *t)
{
	struct mqk_broker *broker = t->broker;
	ktime_t when = ns_to_ktime(ktime_get_boottime_ns() + t->delay);
	bool dead;

	mutex_lock(&broker->mutex);
	dead = broker->dead;
	if (!dead) {
		mqk_broker_get(broker);
		list_add_tail(&t->link, &broker->wills);
		/* under the lock: who takes it out cancels the timer */
		hrtimer_start(&t->timer, when, HRTIMER_MODE_ABS);
	}
	mutex_unlock(&broker->mutex);
	return !dead;
}

/**
 * mqk_will_execute() - a session ends
 * @s: the session, which nobody uses any more
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_will_execute(struct mqk_session *s)
{
	struct mqk_testament *t = replace(s, NULL);

	if (t && t->delay && put_off(t))
		return;
	if (t && !READ_ONCE(s->broker->dead))
		mqk_publish_kept(t->port, &t->kept);
	end(t);
}

static struct mqk_testament *take_first(struct mqk_broker *broker)
{
	struct mqk_testament *t;

	mutex_lock(&broker->mutex);
	t = list_first_entry_or_null(&broker->wills, struct mqk_testament, link);
	if (t)
		list_del_init(&t->link);
	mutex_unlock(&broker->mutex);
	return t;
}

/**
 * mqk_will_cancel_all() - drop the wills that wait
 * @broker: the broker, which is dead: no more come
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_will_cancel_all(struct mqk_broker *broker)
{
	struct mqk_testament *t;

	while ((t = take_first(broker))) {
		/* first what queues the work; it then finds that it is not its own */
		hrtimer_cancel(&t->timer);
		cancel_work_sync(&t->work);
		end(t);
		mqk_broker_put(broker);
		cond_resched();
	}
}
