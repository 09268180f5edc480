// SPDX-License-Identifier: GPL-2.0-only
#include "will.h"

#include <errno.h>
#include <stdlib.h>

#include "broker.h"

static struct session *open_session(struct broker *b, unsigned int id)
{
	return id < b->nr_sessions && b->session[id].open ? &b->session[id] : NULL;
}

int will_make(struct broker *b, unsigned int session, const struct message *m, uint64_t delay)
{
	struct session *s = open_session(b, session);

	if (!s || !exchange_find(b, m->exchange))
		return -ENOENT;
	s->will = (struct will){ .there = true, .m = *m, .delay = delay };
	return 0;
}

int will_forget(struct broker *b, unsigned int session)
{
	struct session *s = open_session(b, session);

	if (!s)
		return -ENOENT;
	s->will.there = false;
	return 0;
}

/* Where its key leads now; it waits for no room, and nobody hears of it. */
static void publish(struct broker *b, const struct message *m)
{
	struct targets t;

	if (!exchange_find(b, m->exchange))
		return;
	route_find(b, m->exchange, m, false, &t);
	if (port_gives(b, m, &t))
		route_find(b, m->exchange, m, true, &t);
}

void will_execute(struct broker *b, unsigned int session)
{
	struct will *will = &b->session[session].will;

	if (!will->there)
		return;
	will->there = false;
	if (!will->delay) {
		/* what has died goes on meanwhile */
		if (b->nr_dead)
			b->undecided = true;
		publish(b, &will->m);
		return;
	}
	if (b->nr_wills == ROOM)
		abort();
	will->due = b->now + will->delay;
	b->will[b->nr_wills++] = *will;
}

bool will_wake_up(struct broker *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_wills; i++) {
		struct message m = b->will[i].m;

		if (b->will[i].due > b->now)
			continue;
		b->will[i] = b->will[--b->nr_wills];
		publish(b, &m);
		return true;
	}
	return false;
}

uint64_t will_deadline(const struct broker *b)
{
	uint64_t first = NEVER;
	unsigned int i;

	for (i = 0; i < b->nr_wills; i++)
		if (b->will[i].due < first)
			first = b->will[i].due;
	return first;
}

unsigned int wills_due(const struct broker *b, uint64_t when)
{
	unsigned int i, nr = 0;

	for (i = 0; i < b->nr_wills; i++)
		nr += b->will[i].due <= when;
	return nr;
}
