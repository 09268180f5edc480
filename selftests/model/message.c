// SPDX-License-Identifier: GPL-2.0-only
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

const char * const reason_name[] = { "rejected", "expired", "maxlen", "delivery_limit" };

struct message message_make(unsigned int body)
{
	return (struct message){ .body = body, .bytes = 64, .priority = -1, .expiration = -1 };
}

static void set_death_headers(struct message *m, const char *which, const struct death *d)
{
	struct text t = {};

	text_add(&t, "x-%s-death-reason", which);
	table_set_text(&m->headers, t.s, reason_name[d->reason]);
	text_clear(&t);
	text_add(&t, "x-%s-death-queue", which);
	table_set_text(&m->headers, t.s, d->queue);
	text_clear(&t);
	text_add(&t, "x-%s-death-exchange", which);
	table_set_text(&m->headers, t.s, d->exchange);
	text_clear(&t);
}

void message_died(struct message *m, const char *queue, enum reason reason, uint64_t now)
{
	struct death d = { .reason = reason, .time = now, .expiration = m->expiration };
	unsigned int i;

	for (i = 0; i < m->nr_deaths; i++)
		if (m->death[i].reason == reason && !strcmp(m->death[i].queue, queue))
			break;
	if (i < m->nr_deaths) {
		d = m->death[i];
	} else {
		strcpy(d.queue, queue);
		strcpy(d.exchange, m->exchange);
		d.keys = m->cc;
		if (d.keys.nr == KEYS_ROOM || i == DEATHS_ROOM)
			abort();
		memmove(d.keys.key[1], d.keys.key[0], sizeof(d.keys.key[0]) * d.keys.nr++);
		strcpy(d.keys.key[0], m->key);
		m->nr_deaths++;
	}
	d.count++;
	memmove(&m->death[1], &m->death[0], i * sizeof(d));
	m->death[0] = d;
	m->expiration = -1;
	if (!table_find(&m->headers, "x-first-death-queue"))
		set_death_headers(m, "first", &d);
	set_death_headers(m, "last", &d);
}

bool message_cycles(const struct message *m, const char *queue)
{
	unsigned int i;

	for (i = 0; i < m->nr_deaths; i++) {
#ifndef MODEL_BREAK_CYCLE
		if (m->death[i].reason == REJECTED)
			return false;
#endif
		if (!strcmp(m->death[i].queue, queue))
			return true;
	}
	return false;
}

/* All that x-death says but the time. */
static void print_death(struct text *t, const struct death *d)
{
	unsigned int i;

	text_add(t, " died=%s:%s:%u:%s", d->queue, reason_name[d->reason], d->count, d->exchange);
	for (i = 0; i < d->keys.nr; i++)
		text_add(t, ":%s", d->keys.key[i]);
	if (d->expiration >= 0)
		text_add(t, ":%lldms", (long long)d->expiration);
}

static void print_end(struct text *t, const struct message *m, const char *which)
{
	static const char * const names[] = { "reason", "queue", "exchange" };
	struct text name = {};
	unsigned int i;

	text_add(t, " %s=", which);
	for (i = 0; i < 3; i++) {
		text_add(&name, "x-%s-death-%s", which, names[i]);
		text_add(t, "%s:", table_find(&m->headers, name.s)->text);
		text_clear(&name);
	}
}

void message_print(struct text *t, const struct message *m)
{
	unsigned int i;

	text_add(t, "m%u exchange=%s key=%s", m->body, m->exchange, m->key);
	if (m->priority >= 0)
		text_add(t, " priority=%d", m->priority);
	if (m->expiration >= 0)
		text_add(t, " expiration=%lld", (long long)m->expiration);
	for (i = 0; i < m->cc.nr; i++)
		text_add(t, " cc=%s", m->cc.key[i]);
	for (i = 0; i < m->nr_deaths; i++)
		print_death(t, &m->death[i]);
	if (m->nr_deaths) {
		print_end(t, m, "first");
		print_end(t, m, "last");
	}
}
