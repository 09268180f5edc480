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
	b->letters_wait = false;
	broker_settle(b);
	return 0;
}

int session_tx(struct broker *b, unsigned int id)
{
	if (id >= b->nr_sessions || !b->session[id].open)
		return -ENOENT;
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

bool session_staged(const struct session *s, unsigned int consumer, uint64_t tag)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (!s->staged[i].publish && s->staged[i].id == consumer &&
		    (s->staged[i].multiple ? tag <= s->staged[i].tag || !s->staged[i].tag :
					     tag == s->staged[i].tag))
			return true;
	return false;
}

/* How many of the first so many staged messages go to a queue. */
static unsigned int staged_before(struct broker *b, const struct session *s, unsigned int nr,
				  const char *queue)
{
	unsigned int i, j, n = 0;
	struct targets t;

	for (i = 0; i < nr; i++) {
		if (!s->staged[i].publish)
			continue;
		route_find(b, s->staged[i].m.exchange, &s->staged[i].m, false, &t);
		for (j = 0; j < t.nr; j++)
			n += !strcmp(t.queue[j], queue);
	}
	return n;
}

/* Whether no queue refuses any of it. */
static bool is_admitted(struct broker *b, const struct session *s)
{
	unsigned int i, j;
	struct targets t;

	for (i = 0; i < s->nr; i++) {
		if (!s->staged[i].publish)
			continue;
		if (!exchange_find(b, s->staged[i].m.exchange))
			return false;
		route_find(b, s->staged[i].m.exchange, &s->staged[i].m, false, &t);
		for (j = 0; j < t.nr; j++) {
			struct queue *q = queue_find(b, t.queue[j]);
			unsigned int before = staged_before(b, s, i, t.queue[j]);

			if (queue_admits(b, q, &s->staged[i].m, before) == REFUSED)
				return false;
		}
	}
	return true;
}

static void forget(struct session *s)
{
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

	if (!s || !s->open)
		return -ENOENT;
	if (!s->tx)
		return -EINVAL;
	if (!is_admitted(b, s)) {
		forget(s);
		return -ENOSPC;
	}
	staged = s->staged;
	nr = s->nr;
	*s = (struct session){ .open = true };
	/* All of it, before anything follows from any of it. */
	for (i = 0; i < nr; i++)
		if (staged[i].publish)
			port_take(b, staged[i].id, &staged[i].m, 0);
	for (i = 0; i < nr; i++)
		if (!staged[i].publish)
			consumer_take(b, staged[i].id, staged[i].tag, staged[i].multiple,
				      staged[i].verdict, staged[i].requeue);
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
	forget(&b->session[id]);
	return 0;
}
