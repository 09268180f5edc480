// SPDX-License-Identifier: GPL-2.0-only
#include "death.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"

/*
 * What died waits for its turn to be published: an exchange may lead to a queue
 * from which it goes on at once, and so on.
 */
void death_of_message(struct broker *b, struct queue *q, const struct message *m,
		      enum reason reason)
{
	struct dead *d;

	if (!q->rules.dead_letters)
		return;
	/* what was to be scheduled is not in one order with what was not */
	if (b->nr_dead && (strcmp(b->dead[b->nr_dead - 1].from, q->name) ||
			   b->dead[b->nr_dead - 1].delayed != !!m->delay))
		b->undecided = true;
	b->dead = realloc(b->dead, (b->nr_dead + 1) * sizeof(*d));
	if (!b->dead)
		abort();
	d = &b->dead[b->nr_dead++];
	d->m = *m;
	d->reason = reason;
	d->delayed = m->delay;
	strcpy(d->from, q->name);
	message_died(&d->m, q->name, reason, b->now);
	strcpy(d->exchange, q->rules.dead_exchange);
	strcpy(d->m.exchange, d->exchange);
	d->m.bcc.nr = 0;
	d->m.delay = 0;
	d->m.mandatory = false;
	if (q->rules.has_dead_key) {
		strcpy(d->m.key, q->rules.dead_key);
		d->m.cc.nr = 0;
	}
}

void death_of_entry(struct broker *b, struct queue *q, struct entry *e, enum reason reason)
{
	death_of_message(b, q, &e->m, reason);
	queue_drop(q, e);
}

bool death_publish(struct broker *b)
{
	struct targets t;
	struct dead d;
	unsigned int i;

	if (!b->nr_dead)
		return false;
	for (i = 0; i < b->nr_dead && strcmp(b->dead[i].from, b->dead_from); i++)
		;
	i %= b->nr_dead;
	d = b->dead[i];
	b->nr_letters++;
	strcpy(b->dead_from, d.from);
	memmove(&b->dead[i], &b->dead[i + 1], (--b->nr_dead - i) * sizeof(d));
	route_find(b, d.exchange, &d.m, true, &t);
	for (i = 0; i < t.nr; i++) {
		struct queue *q = queue_find(b, t.queue[i]);
		enum admission a;

		/* where it has been, nobody is asked to take it */
		if (message_cycles(&d.m, q->name))
			continue;
		a = queue_admits(b, q, &d.m, 0);
		if (a == REPEATED)
			continue;
		/* Nobody waits for a dead letter, so there is none to hold back. */
		if (a == ADMITTED || q->rules.overflow == BLOCK)
			queue_append(b, q, &d.m);
		else if (q->rules.overflow == REJECT_PUBLISH_DLX)
			death_of_message(b, q, &d.m, MAXLEN);
	}
	return true;
}

void death_forget(struct broker *b, const struct queue *q)
{
	unsigned int i, kept = 0;

	for (i = 0; i < b->nr_dead; i++)
		if (strcmp(b->dead[i].from, q->name))
			b->dead[kept++] = b->dead[i];
	b->nr_dead = kept;
}
