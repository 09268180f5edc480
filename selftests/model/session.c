// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

int session_open(struct broker *b)
{
	if (b->nr_sessions == ROOM)
		return -ENOSPC;
	b->session[b->nr_sessions] = (struct session){ .open = true };
	return b->nr_sessions++;
}

int session_close(struct broker *b, unsigned int id, bool died)
{
	unsigned int i;

	if (id >= b->nr_sessions || !b->session[id].open)
		return -ENOENT;
	session_rollback(b, id);
	b->session[id].open = false;
	for (i = 0; i < b->nr_ports; i++)
		if (b->port[i].session == id)
			port_close(b, i);
	/*
	 * One after the other; none of them gets what another one returns, and what
	 * dies by that goes on when it is done.
	 */
	b->letters_wait = true;
	for (i = 0; i < b->nr_consumers; i++)
		if (b->consumer[i].session == id)
			consumer_stop(b, i);
	for (i = 0; i < b->nr_consumers; i++)
		if (b->consumer[i].session == id)
			consumer_close(b, i, died);
	for (i = b->nr_queues; i-- > 0;)
		if (b->queue[i]->session == id)
			queue_remove(b, b->queue[i]);
	if (died) {
		broker_settle(b);
		will_execute(b, id);
	}
	b->letters_wait = false;
	broker_settle(b);
	return 0;
}

int session_tx(struct broker *b, unsigned int id)
{
	unsigned int i;

	if (id >= b->nr_sessions || !b->session[id].open)
		return -ENOENT;
	if (b->session[id].tx)
		return -EBUSY;
	for (i = 0; i < b->nr_ports; i++)
		if (b->port[i].session == id && b->port[i].blocked)
			return -EAGAIN;
	for (i = 0; i < b->nr_ports; i++)
		if (b->port[i].session == id)
			b->port[i].failed = 0;
	b->session[id].tx = true;
	return 0;
}

struct staged *session_stage(struct session *s)
{
	s->staged = realloc(s->staged, (s->nr + 1) * sizeof(*s->staged));
	if (!s->staged)
		abort();
	return &s->staged[s->nr++];
}

static struct staged *find_settlement(const struct session *s, unsigned int consumer,
				      uint64_t tag)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (!s->staged[i].publish && s->staged[i].id == consumer &&
		    s->staged[i].tag == tag)
			return &s->staged[i];
	return NULL;
}

bool session_staged(const struct session *s, unsigned int consumer, uint64_t tag)
{
	return find_settlement(s, consumer, tag);
}

void session_lose(struct session *s, unsigned int consumer, uint64_t tag)
{
	struct staged *staged = find_settlement(s, consumer, tag);

	if (staged)
		staged->lost = true;
}

void session_lose_all(struct session *s, unsigned int consumer)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (!s->staged[i].publish && s->staged[i].id == consumer)
			s->staged[i].lost = true;
}

/* How many of the first so many staged messages are to have a place in a queue. */
static unsigned int staged_before(struct broker *b, const struct session *s, unsigned int nr,
				  const char *queue)
{
	struct queue *q = queue_find(b, queue);
	unsigned int i, j, n = 0;
	struct targets t;

	for (i = 0; i < nr; i++) {
		if (!s->staged[i].publish)
			continue;
		route_find(b, s->staged[i].m.exchange, &s->staged[i].m, false, &t);
		for (j = 0; j < t.nr; j++)
			n += !strcmp(t.queue[j], queue) &&
			     queue_admits(b, q, &s->staged[i].m, 0) != REPEATED;
	}
	return n;
}

/* Whether no queue refuses a message; those before it are counted. */
static int admit(struct broker *b, const struct session *s, unsigned int nr)
{
	const struct staged *staged = &s->staged[nr];
	struct targets t;
	unsigned int i;

	if (!exchange_find(b, staged->m.exchange))
		return -ENOENT;
	route_find(b, staged->m.exchange, &staged->m, false, &t);
	for (i = 0; i < t.nr; i++)
		if (queue_admits(b, queue_find(b, t.queue[i]), &staged->m,
				 staged_before(b, s, nr, t.queue[i])) == REFUSED)
			return -ENOSPC;
	return 0;
}

/* Whether all of it can be done. */
static int check(struct broker *b, const struct session *s, unsigned int id)
{
	unsigned int i;
	int err;

	for (i = 0; i < b->nr_ports; i++)
		if (b->port[i].session == id && b->port[i].failed)
			return b->port[i].failed;
	for (i = 0; i < s->nr; i++) {
		err = s->staged[i].publish ? admit(b, s, i) : 0;
		if (err)
			return err;
	}
	for (i = 0; i < s->nr; i++)
		if (!s->staged[i].publish && s->staged[i].lost)
			return -ESTALE;
	return 0;
}

/* What was handed in has had a number. */
static void forget(struct broker *b, struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (s->staged[i].publish)
			b->port[s->staged[i].id].seq++;
	free(s->staged);
	s->staged = NULL;
	s->nr = 0;
	s->tx = false;
}

int session_commit(struct broker *b, unsigned int id)
{
	struct session *s = id < b->nr_sessions ? &b->session[id] : NULL;
	struct staged *staged;
	unsigned int i, nr;
	int err;

	if (!s || !s->open)
		return -ENOENT;
	if (!s->tx)
		return -EINVAL;
	err = check(b, s, id);
	if (err) {
		forget(b, s);
		return err;
	}
	staged = s->staged;
	nr = s->nr;
	s->staged = NULL;
	s->nr = 0;
	s->tx = false;
	/* All of it, before anything follows from any of it. */
	for (i = 0; i < nr; i++)
		if (staged[i].publish)
			port_commit(b, staged[i].id, &staged[i].m);
	for (i = 0; i < nr; i++)
		if (!staged[i].publish)
			consumer_commit(b, staged[i].id, staged[i].tag, staged[i].verdict,
					staged[i].requeue);
	for (i = 0; i < b->nr_ports; i++)
		if (b->port[i].session == id)
			port_confirm(b, i);
	broker_settle(b);
	free(staged);
	return 0;
}

int session_rollback(struct broker *b, unsigned int id)
{
	if (id >= b->nr_sessions || !b->session[id].open)
		return -ENOENT;
	if (!b->session[id].tx)
		return -EINVAL;
	forget(b, &b->session[id]);
	return 0;
}
