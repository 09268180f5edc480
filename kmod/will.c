// SPDX-License-Identifier: GPL-2.0-only
/*
 * Last wills.
 */
#include "will.h"

#include <linux/mqk.h>
#include <linux/slab.h>

#include "broker.h"
#include "limits.h"
#include "port.h"
#include "publish.h"
#include "session.h"

struct mqk_testament {
	struct mqk_port *port;		/* nobody else's */
	struct mqk_kept kept;
};

static void end(struct mqk_testament *t)
{
	if (!t)
		return;
	mqk_publish_drop(&t->kept);
	mqk_port_put(t->port);
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

/**
 * mqk_will_make() - have a message published when the session dies
 * @s: the session
 * @m: the message; what it points to is the caller's
 * @why: filled when it is refused
 *
 * Context: may sleep; takes s->mutex, broker->mutex.
 * Return: 0; -EMSGSIZE when it takes more than MQK_WILL_MAX; errno of
 * MQK_IOC_PORT_CREATE and MQK_IOC_PUBLISH
 */
int mqk_will_make(struct mqk_session *s, const struct mqk_message *m,
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

/**
 * mqk_will_publish() - a session ends
 * @s: the session, which nobody uses any more
 *
 * Context: may sleep; takes broker->mutex.
 */
void mqk_will_publish(struct mqk_session *s)
{
	struct mqk_testament *t = replace(s, NULL);

	if (t && !READ_ONCE(s->broker->dead))
		mqk_publish_kept(t->port, &t->kept);
	end(t);
}
