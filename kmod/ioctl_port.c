// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls on ports.
 */
#include "ioctl.h"

#include <linux/mm.h>
#include <linux/uaccess.h>

#include "broker.h"
#include "limits.h"
#include "port.h"
#include "producer.h"
#include "publish.h"
#include "ringmap.h"
#include "session.h"
#include "tx.h"
#include "will.h"

/* Who may use a name, unless who made it has said so. */
#define PRODUCER_MODE	0600u

/* The name that a port is to publish under, if there is one. */
static int copy_producer(struct mqk_session *s, const struct mqk_port_create *a,
			 struct mqk_text *name, struct mqk_producer_options *o,
			 struct mqk_refusal *why)
{
	int err;

	if (!a->producer_len) {
		if (a->producer || a->producer_mode)
			return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
		return 0;
	}
	if (a->producer_mode & ~0777u)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(name, a->producer, a->producer_len, false, why);
	o->name = name->text;
	o->len = name->len;
	o->owner.uid = s->cred->fsuid;
	o->owner.gid = s->cred->fsgid;
	o->owner.mode = a->producer_mode ?: PRODUCER_MODE;
	return err;
}

int mqk_ioctl_port_create(struct mqk_session *s, void *arg,
			  struct mqk_refusal *why)
{
	struct mqk_producer_options producer = {};
	struct mqk_text name;
	struct mqk_port_create *a = arg;
	struct mqk_port_options o = {
		.flags = a->flags,
		.entries = a->entries,
		.cred = s->cred,
		.uid = s->uid,
		.pid = s->pid,
		.clear = !(s->access & MQK_ACCESS_MAP),
	};
	struct mqk_port *p;
	int err;

	if (mqk_bad_flags(a->flags, MQK_PORT_F_INPLACE | MQK_PORT_F_CONFIRM) ||
	    a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = copy_producer(s, a, &name, &producer, why);
	if (err)
		return err;
	if (producer.len)
		o.producer = &producer;
	p = mqk_port_alloc(s->broker, s->tenant, &o, why);
	if (IS_ERR(p))
		return PTR_ERR(p);
	/* Before it is known: afterwards another thread could close it. */
	a->entries = p->mask + 1;
	a->page_size = mqk_area_size(&p->kernel_area);
	a->ring_offset = MQK_PORT_RING;
	a->user_size = mqk_area_size(&p->user_area);
	refcount_inc(&p->refs);		/* ours: another thread may close it */
	err = mqk_session_add_port(s, p, &a->last);
	if (err) {
		mqk_port_put(p);
		goto out;
	}
	a->id = p->id;
	a->page_offset = mqk_map_offset(MQK_MAP_PORT_PAGE, a->id);
	a->user_offset = mqk_map_offset(MQK_MAP_PORT_USER, a->id);
	a->window_offset = mqk_map_offset(MQK_MAP_PORT_WINDOW, a->id);
	a->window_size = s->broker->store.segment_size;
	if (!(a->flags & MQK_PORT_F_INPLACE))
		a->window_offset = a->window_size = 0;
out:
	mqk_port_put(p);
	return err;
}

static int forget_producer(struct mqk_session *s, u32 id, struct mqk_refusal *why)
{
	struct mqk_port *p = mqk_session_port(s, id);
	int err;

	if (!p)
		return -ENOENT;
	err = mqk_producer_forget(p);
	mqk_port_put(p);
	if (err)
		mqk_refuse(why, err == -ESTALE ? MQK_RULE_FENCED :
						 MQK_RULE_BAD_ARGUMENT, err);
	return err;
}

int mqk_ioctl_port_close(struct mqk_session *s, void *arg,
			 struct mqk_refusal *why)
{
	struct mqk_id *a = arg;
	int err;

	if (mqk_bad_flags(a->flags, MQK_ID_F_FORGET) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (a->flags & MQK_ID_F_FORGET) {
		err = forget_producer(s, a->id, why);
		if (err)
			return err;
	}
	return mqk_session_drop_port(s, a->id);
}

int mqk_ioctl_will(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_will *a = arg;
	bool none = a->flags & MQK_WILL_F_NONE;
	struct mqk_message m;

	if (mqk_bad_flags(a->flags, MQK_WILL_F_NONE) ||
	    (none && (a->message || a->delay)) || a->delay > MQK_WILL_DELAY_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (none) {
		mqk_will_forget(s);
		return 0;
	}
	if (copy_from_user(&m, u64_to_user_ptr(a->message), sizeof(m)))
		return -EFAULT;
	return mqk_will_make(s, &m, a->delay, why);
}

int mqk_ioctl_tx(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_tx *a = arg;

	switch (a->flags) {
	case MQK_TX_F_BEGIN:
		return mqk_tx_begin(s, why);
	case MQK_TX_F_COMMIT:
		return mqk_tx_commit(s, &a->messages, &a->settlements, why);
	case MQK_TX_F_ROLLBACK:
		return mqk_tx_rollback(s, &a->messages, &a->settlements, why);
	}
	return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
}

/* What the port noted while it had its mutex. */
static int explain(struct mqk_port *p, int err, struct mqk_refusal *why)
{
	if (err == -ESTALE)
		why->rule = MQK_RULE_FENCED;
	else if (err == p->error)
		why->rule = MQK_RULE_BROKEN;
	else
		*why = p->why;
	memset(&p->why, 0, sizeof(p->why));
	return err;
}

int mqk_ioctl_port_segment(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why)
{
	struct mqk_port_segment *a = arg;
	struct mqk_port *p;
	int err;

	if (a->flags || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	p = mqk_session_port(s, a->port);
	if (!p)
		return -ENOENT;
	err = mqk_publish_next_segment(p, a);
	a->map_offset = mqk_map_offset(MQK_MAP_PORT_WINDOW, a->port);
	if (err)
		explain(p, err, why);
	mqk_port_put(p);
	return err;
}

int mqk_ioctl_publish(struct mqk_session *s, void *arg,
		      struct mqk_refusal *why)
{
	struct mqk_publish *a = arg;
	struct mqk_port *p;
	int n;

	if (a->flags || a->resv || !a->count || a->count > MQK_PUBLISH_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	p = mqk_session_port(s, a->port);
	if (!p)
		return -ENOENT;
	n = mqk_publish_copies(p, u64_to_user_ptr(a->messages), a->count,
			       &a->first_seq);
	if (n < 0)
		explain(p, n, why);
	else
		a->count = n;
	mqk_port_put(p);
	return min(n, 0);
}

/*
 * Who finds the port's mutex free needs no reference: closing the port takes the
 * mutex as well, and its memory goes a grace period later.
 */
static __always_inline bool ring_quickly(struct mqk_session *s, unsigned long id,
					 int *n)
{
	struct mqk_port *p;
	bool done = false;

	rcu_read_lock();
	p = mqk_session_peek_port(s, id);
	if (likely(p && mutex_trylock(&p->mutex))) {
		*n = mqk_publish_doorbell(p);
		done = *n >= 0;
		mutex_unlock(&p->mutex);
	}
	rcu_read_unlock();
	return done;
}

/* The port is missing or in use, or it has something to explain. */
static noinline int ring_slowly(struct mqk_session *s, unsigned long id)
{
	struct mqk_port *p = mqk_session_port(s, id);
	struct mqk_refusal why = {};
	int n = -ENOENT;

	if (p) {
		mutex_lock(&p->mutex);
		rcu_read_lock();
		n = mqk_publish_doorbell(p);
		rcu_read_unlock();
		if (n < 0)
			explain(p, n, &why);
		mutex_unlock(&p->mutex);
		mqk_port_put(p);
	}
	if (n < 0) {
		if (READ_ONCE(s->broker->dead))
			n = -ESHUTDOWN;
		mqk_session_refused(s, n, &why);
	}
	return n;
}

/* MQK_IOC_DOORBELL: the hot path, so no structure and no table */
int mqk_ioctl_doorbell(struct mqk_session *s, unsigned long id)
{
	int n;

	return likely(ring_quickly(s, id, &n)) ? n : ring_slowly(s, id);
}
