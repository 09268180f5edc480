/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: an open broker node, with its ports and consumers.
 *
 * Who opens the node fixes the identity: credentials, process, and what the
 * open mode grants.  Closing the last descriptor ends the session, also when
 * its process is killed: what its ports have committed is published, what its
 * consumers hold returns to the queues, its exclusive queues are deleted.
 * Mappings do not keep a session: each refers to another file (ringmap.h).
 *
 * Life: the file.  A session is in its broker's list, and holds a reference to
 * the broker.
 *
 * Locks: tx_mutex and then mutex while ports and consumers come and go; the tables are
 * read under RCU; tx_mutex alone guards its transaction (tx.h), mutex alone which will
 * it has; error_lock guards last; broker->mutex the rest.
 */
#ifndef MQK_SESSION_H
#define MQK_SESSION_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <linux/mqk.h>

#include "account.h"

struct cred;
struct file;
struct mqk_broker;
struct mqk_consumer;
struct mqk_port;
struct mqk_queue;
struct mqk_staging;
struct mqk_testament;
struct seq_file;

/* Ports whose id is below are found without a search. */
#define MQK_SESSION_NEAR	16u

struct mqk_session {
	struct mqk_port __rcu *near[MQK_SESSION_NEAR];	/* by id, as in ports */
	struct mqk_broker *broker;
	struct mqk_tenant *tenant;
	const struct cred *cred;	/* the file's */
	u64 number;			/* in the broker */
	u32 access;			/* MQK_ACCESS_* */
	u32 uid;
	u32 pid;
	struct xarray ports;
	struct xarray consumers;
	struct mutex mutex;
	struct mutex tx_mutex;
	struct mqk_staging *staging;	/* of its transactions, or NULL */
	wait_queue_head_t wq;		/* poll */
	spinlock_t error_lock;
	struct mqk_error last;
	u64 limit_told;			/* until when no more is told of limits */
	struct list_head link;		/* broker->sessions */
	struct list_head exclusive;	/* queues */
	struct mqk_testament *will;	/* or NULL */
};

struct mqk_session *mqk_session_open(struct mqk_broker *broker,
				     struct file *file, u32 access);
void mqk_session_close(struct mqk_session *s);
void mqk_session_shutdown(struct mqk_session *s);
void mqk_session_refused(struct mqk_session *s, int error,
			 const struct mqk_refusal *why);
void mqk_session_show(struct seq_file *m, struct mqk_session *s);

/**
 * mqk_session_peek_port() - look up a port
 * @s: the session
 * @id: its id
 *
 * Context: RCU read side.
 * Return: the port or NULL; whoever takes its mutex before the section ends keeps
 * it until the mutex is given back, which must be in such a section as well
 */
static __always_inline struct mqk_port *
mqk_session_peek_port(struct mqk_session *s, unsigned long id)
{
	if (likely(id < MQK_SESSION_NEAR))
		return rcu_dereference(s->near[array_index_nospec(id, MQK_SESSION_NEAR)]);
	return xa_load(&s->ports, id);
}

struct mqk_port *mqk_session_port(struct mqk_session *s, unsigned long id);
int mqk_session_add_port(struct mqk_session *s, struct mqk_port *p, u64 *last);
int mqk_session_drop_port(struct mqk_session *s, u32 id);

struct mqk_consumer *mqk_session_consumer(struct mqk_session *s,
					  unsigned long id);
int mqk_session_add_consumer(struct mqk_session *s, struct mqk_consumer *c,
			     struct mqk_queue *q, struct mqk_refusal *why);
int mqk_session_drop_consumer(struct mqk_session *s, u32 id, bool died);
bool mqk_session_readable(struct mqk_session *s);
bool mqk_session_writable(struct mqk_session *s);

#endif /* MQK_SESSION_H */
