// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: opened when a command first needs them, and kept, so that the
 * commands of a batch share one and exclusive queues live as long as it runs.
 * So are their ports.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mqkctl.h"
#include "outcome.h"

#define CONTROL_NODE	"/dev/mqk/control"

/**
 * struct session - an open node
 * @next: opened before it
 * @broker: its broker, NULL: the control node
 * @access: MQK_OPEN_* that it has
 * @m: the session
 * @port: one without confirms, and one with them
 * @outcome: what became of messages of @port
 * @producer: the last one that was opened for a producer, or NULL; its outcome is that
 *	of the port with confirms
 */
struct session {
	struct session *next;
	char *broker;
	int access;
	struct mqk *m;
	struct mqk_port *port[2];
	struct outcome outcome[2];
	struct mqk_port *producer;
};

const char *ctl_broker(const struct ctl *ctl)
{
	return ctl->broker ? ctl->broker : "default";
}

static struct mqk *keep(struct ctl *ctl, struct mqk *m, const char *broker,
			int access)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s && broker)
		s->broker = strdup(broker);
	if (!s || (broker && !s->broker)) {
		free(s);
		mqk_close(m);
		out_of_memory(ctl);
		return NULL;
	}
	s->m = m;
	s->access = access;
	s->next = ctl->sessions;
	ctl->sessions = s;
	return m;
}

static bool suits(const struct session *s, const char *broker, int need)
{
	if (!broker || !s->broker)
		return !broker && !s->broker;
	return !strcmp(s->broker, broker) && (s->access & need) == need;
}

static struct mqk *find(struct ctl *ctl, const char *broker, int need)
{
	struct session *s;

	for (s = ctl->sessions; s; s = s->next)
		if (suits(s, broker, need))
			return s->m;
	return NULL;
}

/*
 * All the access that the node's permissions give, as long as it is what the
 * command needs.
 */
static int open_broker(const char *broker, int need, int *access,
		       struct mqk **m)
{
	static const int tries[] = {
		MQK_OPEN_CONSUME | MQK_OPEN_PUBLISH,
		MQK_OPEN_CONSUME,
		MQK_OPEN_PUBLISH,
	};
	int err = -EACCES;
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if ((tries[i] & need) != need)
			continue;
		*access = tries[i];
		err = mqk_open(broker, tries[i], m);
		if (err != -EACCES)
			break;
	}
	return err;
}

static bool module_loaded(void)
{
	return !access(CONTROL_NODE, F_OK);
}

static int open_refused(struct ctl *ctl, int err, const char *broker,
			const char *doing)
{
	if (err == -ENOENT && !module_loaded())
		return refuse(ctl, "broker '%s': there is no " CONTROL_NODE "; load the module first (modprobe mqk)",
			      broker);
	return broker_refused(ctl, NULL, err, broker, doing);
}

struct mqk *ctl_session(struct ctl *ctl, enum access need)
{
	const char *broker = ctl_broker(ctl);
	int flags = need == ACCESS_READ ? MQK_OPEN_CONSUME :
		    need == ACCESS_WRITE ? MQK_OPEN_PUBLISH :
		    need == ACCESS_BOTH ? MQK_OPEN_CONSUME | MQK_OPEN_PUBLISH : 0;
	struct mqk *m = find(ctl, broker, flags);
	int err, access;

	if (m)
		return m;
	err = open_broker(broker, flags, &access, &m);
	if (err) {
		open_refused(ctl, err, broker,
			     need == ACCESS_READ ? "read from" :
			     need == ACCESS_WRITE ? "write to" :
			     need == ACCESS_BOTH ? "read from and write to" : "open");
		return NULL;
	}
	return keep(ctl, m, broker, access);
}

struct mqk *ctl_control(struct ctl *ctl)
{
	struct mqk *m = find(ctl, NULL, 0);
	int err;

	if (m)
		return m;
	err = mqk_control_open(&m);
	if (err) {
		if (err == -ENOENT)
			refuse(ctl, CONTROL_NODE " is not there; load the module first (modprobe mqk)");
		else
			refuse(ctl, CONTROL_NODE ": %s", strerror(-err));
		return NULL;
	}
	return keep(ctl, m, NULL, 0);
}

/* A refusal of some message, or the return of a mandatory one. */
static void on_refusal(void *arg, const struct mqk_completion *c)
{
	struct outcome *o = arg;

	if (c->type == MQK_COMPLETION_RETURN) {
		if (!o->returned++)
			o->first_returned = c->seq;
	} else if (c->type == MQK_COMPLETION_NACK) {
		if (!o->nacked++)
			o->first_nacked = c->seq;
	} else if (!o->error) {
		o->error = c->result ? c->result : -EIO;
	}
}

int ctl_port(struct ctl *ctl, struct mqk *m, bool confirm,
	     struct mqk_port **port, struct outcome **outcome)
{
	struct session *s = ctl->sessions;
	struct mqk_port_opts o = {
		.sz = sizeof(o),
		.confirm = confirm,
		.refused = on_refusal,
	};
	int err;

	while (s->m != m)
		s = s->next;
	*outcome = o.arg = &s->outcome[confirm];
	memset(*outcome, 0, sizeof(**outcome));
	if (!s->port[confirm]) {
		err = mqk_port_open(m, &o, &s->port[confirm]);
		if (err)
			return err;
	}
	*port = s->port[confirm];
	return 0;
}

int ctl_producer_port(struct ctl *ctl, struct mqk *m, const char *producer,
		      struct mqk_port **port, struct outcome **outcome)
{
	struct session *s = ctl->sessions;
	struct mqk_port_opts o = {
		.sz = sizeof(o),
		.confirm = true,
		.refused = on_refusal,
		.producer = producer,
	};
	int err;

	while (s->m != m)
		s = s->next;
	*outcome = o.arg = &s->outcome[1];
	memset(*outcome, 0, sizeof(**outcome));
	mqk_port_close(s->producer);
	s->producer = NULL;
	err = mqk_port_open(m, &o, &s->producer);
	*port = s->producer;
	return err;
}

void ctl_sessions_close(struct ctl *ctl)
{
	struct session *s;

	while ((s = ctl->sessions)) {
		ctl->sessions = s->next;
		mqk_port_close(s->port[0]);
		mqk_port_close(s->port[1]);
		mqk_port_close(s->producer);
		mqk_close(s->m);
		free(s->broker);
		free(s);
	}
}
