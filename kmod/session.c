// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions.
 */
#include "session.h"

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include "attach.h"
#include "broker.h"
#include "consumer.h"
#include "port.h"
#include "producer.h"
#include "publish.h"
#include "queue.h"
#include "retire.h"
#include "ringmap.h"
#include "staged.h"
#include "tx.h"
#include "will.h"

/* Ids fit what a mapping's offset has room for. */
#define session_id_limit	XA_LIMIT(1, MQK_MAP_ID_MAX)

static int enter(struct mqk_session *s)
{
	struct mqk_broker *broker = s->broker;
	int err;

	mutex_lock(&broker->mutex);
	s->tenant = mqk_broker_tenant(broker, s->cred->fsuid);
	err = IS_ERR(s->tenant) ? PTR_ERR(s->tenant) :
	      broker->dead ? -ENXIO :
	      mqk_charge(s->tenant, MQK_RES_SESSIONS, 1, NULL);
	if (!err) {
		s->number = ++broker->next_session;
		list_add(&s->link, &broker->sessions);
	}
	mutex_unlock(&broker->mutex);
	return err;
}

static void tell(const struct mqk_session *s, const char *what)
{
	mqk_event_tell(s->broker, what, MQK_EVENT_NUMBER("session", s->number),
		       MQK_EVENT_NUMBER("user", s->uid), MQK_EVENT_NUMBER("pid", s->pid));
}

/**
 * mqk_session_open() - make a session
 * @broker: the broker; the session takes over the caller's reference
 * @file: the open node
 * @access: MQK_ACCESS_*
 *
 * Context: may sleep; takes broker->mutex.
 * Return: the session; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM, -ENXIO
 */
struct mqk_session *mqk_session_open(struct mqk_broker *broker,
				     struct file *file, u32 access)
{
	struct mqk_session *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	int err;

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->broker = broker;
	s->cred = file->f_cred;
	s->access = access;
	s->uid = from_kuid_munged(&init_user_ns, s->cred->fsuid);
	s->pid = task_tgid_nr(current);
	xa_init_flags(&s->ports, XA_FLAGS_ALLOC1);
	xa_init_flags(&s->consumers, XA_FLAGS_ALLOC1);
	mutex_init(&s->mutex);
	mutex_init(&s->tx_mutex);
	init_waitqueue_head(&s->wq);
	spin_lock_init(&s->error_lock);
	INIT_LIST_HEAD(&s->exclusive);
	err = enter(s);
	if (err) {
		kfree(s);
		return ERR_PTR(err);
	}
	tell(s, "session.opened");
	return s;
}

static void delete_exclusive(struct mqk_session *s)
{
	struct mqk_queue *q;

	do {
		mutex_lock(&s->broker->mutex);
		q = list_first_entry_or_null(&s->exclusive, struct mqk_queue,
					     in_session);
		if (q)
			mqk_queue_kill(q);
		mutex_unlock(&s->broker->mutex);
		if (q)
			mqk_queue_bury(q);
	} while (q);
}

/**
 * mqk_session_close() - end a session
 * @s: the session, which nobody uses any more
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_session_close(struct mqk_session *s)
{
	struct mqk_broker *broker = s->broker;
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;

	mqk_tx_close(s);
	xa_for_each(&s->ports, id, p)
		mqk_session_drop_port(s, id);
	/* Nothing that one returns may go to another that ends as well. */
	xa_for_each(&s->consumers, id, c)
		mqk_consumer_stop(c);
	xa_for_each(&s->consumers, id, c)
		mqk_session_drop_consumer(s, id, true);
	delete_exclusive(s);
	mqk_will_execute(s);
	xa_destroy(&s->ports);
	xa_destroy(&s->consumers);
	mqk_broker_trim(broker);
	tell(s, "session.closed");

	mutex_lock(&broker->mutex);
	list_del(&s->link);
	mqk_uncharge(s->tenant, MQK_RES_SESSIONS, 1);
	mutex_unlock(&broker->mutex);
	mqk_broker_put(broker);
	kfree(s);
}

/**
 * mqk_session_shutdown() - tell a session that its broker was removed
 * @s: the session
 *
 * Context: broker->mutex, which keeps the session; never waits for its owner.
 */
void mqk_session_shutdown(struct mqk_session *s)
{
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&s->ports, id, p) {
		WRITE_ONCE(p->error, -ESHUTDOWN);
		WRITE_ONCE(p->page->error, -ESHUTDOWN);
		wake_up_interruptible_all(&p->wq);
	}
	xa_for_each(&s->consumers, id, c) {
		WRITE_ONCE(c->error, -ESHUTDOWN);
		WRITE_ONCE(c->page->error, -ESHUTDOWN);
		wake_up_interruptible_all(&c->wq);
	}
	rcu_read_unlock();
	wake_up_interruptible_poll(&s->wq, EPOLLIN | EPOLLERR | EPOLLHUP);
}

/* Once a second: who is refused usually tries again. */
static void tell_limit(struct mqk_session *s, const struct mqk_refusal *why)
{
	u64 now = ktime_get_boottime_ns();

	if (now < READ_ONCE(s->limit_told))
		return;
	WRITE_ONCE(s->limit_told, now + NSEC_PER_SEC);
	mqk_event_tell(s->broker, "limit.hit", MQK_EVENT_NUMBER("resource", why->resource),
		       MQK_EVENT_NUMBER("rule", why->rule),
		       MQK_EVENT_NUMBER("limit", why->limit),
		       MQK_EVENT_NUMBER("session", s->number),
		       MQK_EVENT_NUMBER("user", s->uid), MQK_EVENT_NUMBER("pid", s->pid));
}

/**
 * mqk_session_refused() - remember why a call failed
 * @s: the session
 * @error: negative errno
 * @why: the reason
 *
 * Context: any.
 */
void mqk_session_refused(struct mqk_session *s, int error,
			 const struct mqk_refusal *why)
{
	spin_lock(&s->error_lock);
	mqk_fill_error(&s->last, error, why);
	spin_unlock(&s->error_lock);
	if (why->rule == MQK_RULE_USER_LIMIT || why->rule == MQK_RULE_BROKER_LIMIT)
		tell_limit(s, why);
}

/**
 * mqk_session_port() - look up a port
 * @s: the session
 * @id: its id
 *
 * Return: the port with a reference, or NULL
 */
struct mqk_port *mqk_session_port(struct mqk_session *s, unsigned long id)
{
	struct mqk_port *p;

	rcu_read_lock();
	p = mqk_session_peek_port(s, id);
	if (p && !refcount_inc_not_zero(&p->refs))
		p = NULL;
	rcu_read_unlock();
	return p;
}

static bool in_tx(const struct mqk_session *s)
{
	lockdep_assert_held(&s->tx_mutex);
	return s->staging && s->staging->open;
}

/**
 * mqk_session_add_port() - give a port its id, and make it known
 * @s: the session
 * @p: the port
 * @last: number of the last message that was taken from its producer; 0 if it has
 *	none
 *
 * A port that had the producer's name is fenced once nothing can fail any more.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM
 */
int mqk_session_add_port(struct mqk_session *s, struct mqk_port *p, u64 *last)
{
	int err;

	p->session_wq = &s->wq;
	*last = 0;
	mutex_lock(&s->tx_mutex);
	mutex_lock(&s->mutex);
	err = xa_alloc(&s->ports, &p->id, NULL, session_id_limit,
		       GFP_KERNEL_ACCOUNT);
	if (err)
		goto out;
	/* no failure past this point: the place is allocated */
	if (p->producer) {
		*last = mqk_producer_enter(p);
		p->ahead = *last;
	}
	if (in_tx(s))
		mqk_staging_join(s->staging, p);
	xa_store(&s->ports, p->id, p, GFP_KERNEL_ACCOUNT);
	if (p->id < MQK_SESSION_NEAR)
		rcu_assign_pointer(s->near[p->id], p);
out:
	mutex_unlock(&s->mutex);
	mutex_unlock(&s->tx_mutex);
	return err;
}

/**
 * mqk_session_drop_port() - end a port
 * @s: the session
 * @id: its id
 *
 * Context: may sleep.
 * Return: 0 or -ENOENT
 */
int mqk_session_drop_port(struct mqk_session *s, u32 id)
{
	struct mqk_port *p;

	mutex_lock(&s->tx_mutex);
	mutex_lock(&s->mutex);
	p = xa_erase(&s->ports, id);
	if (p && id < MQK_SESSION_NEAR)
		RCU_INIT_POINTER(s->near[id], NULL);
	mutex_unlock(&s->mutex);
	if (p)
		mqk_publish_rest(p);
	mutex_unlock(&s->tx_mutex);
	if (!p)
		return -ENOENT;
	mqk_port_put(p);
	return 0;
}

/**
 * mqk_session_consumer() - look up a consumer
 * @s: the session
 * @id: its id
 *
 * Return: the consumer with a reference, or NULL
 */
struct mqk_consumer *mqk_session_consumer(struct mqk_session *s,
					  unsigned long id)
{
	struct mqk_consumer *c;

	rcu_read_lock();
	c = xa_load(&s->consumers, id);
	if (c && !refcount_inc_not_zero(&c->refs))
		c = NULL;
	rcu_read_unlock();
	return c;
}

/* Give a consumer its id in the session and its number in the broker. */
static int make_known(struct mqk_session *s, struct mqk_consumer *c)
{
	struct xarray *all = &s->broker->consumers;
	int err;

	err = xa_alloc_cyclic(all, &c->number, NULL, mqk_id_limit,
			      &s->broker->next_consumer, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		return err;
	mutex_lock(&s->mutex);
	err = xa_alloc(&s->consumers, &c->id, c, session_id_limit,
		       GFP_KERNEL_ACCOUNT);
	/* the place is allocated; together, since another thread may drop it */
	if (!err)
		xa_store(all, c->number, c, GFP_KERNEL_ACCOUNT);
	mutex_unlock(&s->mutex);
	if (err)
		xa_erase(all, c->number);
	return err;
}

/**
 * mqk_session_add_consumer() - attach a consumer, give it its id, and make it
 *	known
 * @s: the session
 * @c: the consumer; on failure it is shut, and still the caller's
 * @q: its queue, whose reference it takes over if it is attached; NULL for one
 *	that pulls
 * @why: filled when it is refused
 *
 * Attached before it is known, since what it is attached to says which lock
 * guards it.
 *
 * Context: may sleep.
 * Return: 0; errno of mqk_consumer_attach(); -ENOMEM
 */
int mqk_session_add_consumer(struct mqk_session *s, struct mqk_consumer *c,
			     struct mqk_queue *q, struct mqk_refusal *why)
{
	int err;

	c->session_wq = &s->wq;
	c->session = s->number;
	c->pid = s->pid;
	c->uid = s->cred->fsuid;
	INIT_WORK(&c->reaper, mqk_consumer_reap);
	err = q ? mqk_consumer_attach(c, q, why) : 0;
	if (err) {
		mqk_queue_put(q);
		return err;
	}
	mutex_lock(&s->tx_mutex);
	if (in_tx(s))
		mqk_staging_join_consumer(s->staging, c);
	err = make_known(s, c);
	mutex_unlock(&s->tx_mutex);
	if (err)
		mqk_consumer_shut(c, false);
	else
		mqk_consumer_tell(c, "consumer.created");
	return err;
}

/**
 * mqk_session_drop_consumer() - end a consumer; what it holds returns
 * @s: the session
 * @id: its id
 * @died: nobody has asked for it: the session ends with the consumer open
 *
 * Context: may sleep.
 * Return: 0 or -ENOENT
 */
int mqk_session_drop_consumer(struct mqk_session *s, u32 id, bool died)
{
	struct mqk_consumer *c;

	mutex_lock(&s->tx_mutex);
	mutex_lock(&s->mutex);
	c = xa_erase(&s->consumers, id);
	if (c)
		xa_erase(&s->broker->consumers, c->number);
	mutex_unlock(&s->mutex);
	if (c) {
		/* what has died is told by its reaper, or when that is cancelled */
		if (!READ_ONCE(c->broken))
			mqk_consumer_tell(c, died ? "consumer.died" : "consumer.closed");
		mqk_consumer_shut(c, died);
	}
	mutex_unlock(&s->tx_mutex);
	if (!c)
		return -ENOENT;
	mqk_consumer_put(c);
	return 0;
}

/**
 * mqk_session_readable() - whether poll has something to tell
 * @s: the session
 *
 * Return: true when a consumer or a port of it is readable
 */
bool mqk_session_readable(struct mqk_session *s)
{
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;
	bool readable = false;

	rcu_read_lock();
	xa_for_each(&s->consumers, id, c) {
		readable = mqk_consumer_readable(c);
		if (readable)
			goto out;
	}
	xa_for_each(&s->ports, id, p) {
		readable = mqk_port_readable(p);
		if (readable)
			goto out;
	}
out:
	rcu_read_unlock();
	return readable;
}

/**
 * mqk_session_writable() - whether poll has nothing that it has to wait for
 * @s: the session, which may publish
 *
 * Return: true when no port of it is held back
 */
bool mqk_session_writable(struct mqk_session *s)
{
	struct mqk_port *p;
	unsigned long id;
	bool writable = true;

	rcu_read_lock();
	xa_for_each(&s->ports, id, p) {
		writable = mqk_port_writable(p);
		if (!writable)
			break;
	}
	rcu_read_unlock();
	return writable;
}

/**
 * mqk_session_show() - what /proc/PID/fdinfo tells
 * @m: where to
 * @s: the session
 */
void mqk_session_show(struct seq_file *m, struct mqk_session *s)
{
	struct mqk_consumer *c;
	struct mqk_port *p;
	unsigned long id;

	seq_printf(m, "mqk-broker:\t%s\n", s->broker->name);
	seq_printf(m, "mqk-access:\t%#x\n", s->access);
	rcu_read_lock();
	xa_for_each(&s->ports, id, p)
		seq_printf(m, "mqk-port:\t%lu published %llu mapped %zu error %d held %u about %u\n",
			   id, READ_ONCE(p->seq), mqk_area_size(&p->kernel_area) +
			   mqk_area_size(&p->user_area), READ_ONCE(p->error),
			   READ_ONCE(p->page->reason), READ_ONCE(p->page->about));
	xa_for_each(&s->consumers, id, c)
		seq_printf(m, "mqk-consumer:\t%lu queue %u delivered %llu unacked %u prefetch %u mapped %zu error %d\n",
			   id, c->queue ? c->queue->id : 0, READ_ONCE(c->pos),
			   READ_ONCE(c->slots.nr), READ_ONCE(c->prefetch),
			   mqk_area_size(&c->kernel_area) +
			   mqk_area_size(&c->user_area), READ_ONCE(c->error));
	rcu_read_unlock();
}
