// SPDX-License-Identifier: GPL-2.0-only
#include "port.h"

#include <errno.h>
#include <string.h>

#include "broker.h"

int port_open(struct broker *b, unsigned int session, const char *producer, uint64_t *last)
{
	struct port *p = &b->port[b->nr_ports], *other;
	unsigned int i;

	if (b->nr_ports == ROOM)
		return -ENOSPC;
	*p = (struct port){ .open = true, .session = session, .producer = -1 };
	if (producer) {
		for (i = 0; i < b->nr_producers; i++)
			if (!strcmp(b->producer[i].name, producer))
				break;
		if (i == PRODUCERS_ROOM)
			return -ENOSPC;
		if (i == b->nr_producers) {
			b->producer[b->nr_producers++] = (struct producer){};
			strcpy(b->producer[i].name, producer);
		}
		for (other = b->port; other < p; other++)
			if (other->producer == (int)i)
				other->blocked = false;
		p->producer = i;
		p->epoch = ++b->producer[i].epoch;
		if (last)
			*last = b->producer[i].last;
	}
	return b->nr_ports++;
}

int port_close(struct broker *b, unsigned int id)
{
	if (id >= b->nr_ports || !b->port[id].open)
		return -ENOENT;
	b->port[id].open = false;
	b->port[id].blocked = false;
	return 0;
}

/* What is wrong with a message whatever the state of queues. */
static int check(struct broker *b, const struct port *p, const struct message *m,
		 uint64_t number)
{
	const struct exchange *x = exchange_find(b, m->exchange);
	const struct producer *producer = p->producer < 0 ? NULL : &b->producer[p->producer];

	if (strlen(m->key) > 255)
		return -ENAMETOOLONG;
	if (!x)
		return -ENOENT;
	if (x->flags & F_INTERNAL)
		return -EACCES;
	if (m->expiration < -1 || m->priority < -1 || m->priority > 255 || m->delay < 0)
		return -EINVAL;
	if (producer && p->epoch != producer->epoch)
		return -ESTALE;
	if (producer && number > producer->last + 1)
		return -ERANGE;
	return 0;
}

static unsigned int count_refusals(struct broker *b, const struct message *m,
				   const struct targets *t, bool only_blocking)
{
	unsigned int i, nr = 0;

	for (i = 0; i < t->nr; i++) {
		struct queue *q = queue_find(b, t->queue[i]);

		if (only_blocking && q->rules.overflow != BLOCK)
			continue;
		nr += queue_admits(b, q, m, 0) == REFUSED;
	}
	return nr;
}

/* The least that any of them has, but for those that have seen the message. */
static uint64_t patience(struct broker *b, const struct message *m, const struct targets *t)
{
	uint64_t least = NEVER;
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		struct queue *q = queue_find(b, t->queue[i]);

		if (q->rules.overflow == BLOCK && queue_admits(b, q, m, 0) != REPEATED &&
		    b->now + q->rules.block_timeout < least)
			least = b->now + q->rules.block_timeout;
	}
	return least;
}

static void confirm(struct port *p, bool ok)
{
	text_add(&p->seen, "[confirm %llu %s]", (unsigned long long)p->seq, ok ? "ack" : "nack");
}

/* Into each queue that takes it; whether all did. */
static bool deliver(struct broker *b, const struct message *m, const struct targets *t)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		struct queue *q = queue_find(b, t->queue[i]);

		switch (queue_admits(b, q, m, 0)) {
		case ADMITTED:
			queue_append(b, q, m);
			break;
		case REPEATED:
			break;
		case REFUSED:
			all = false;
			if (q->rules.overflow == REJECT_PUBLISH_DLX)
				death_of_message(b, q, m, MAXLEN);
			break;
		}
	}
#ifdef MODEL_BREAK_NACK
	return true;
#endif
	return all;
}

bool port_gives(struct broker *b, const struct message *m, const struct targets *t)
{
	if (count_refusals(b, m, t, true))
		return false;
	deliver(b, m, t);
	return true;
}

/* Take a message that nothing is wrong with; false: it has to wait. */
static bool publish(struct broker *b, struct port *p, const struct message *m, uint64_t number)
{
	struct producer *producer = p->producer < 0 ? NULL : &b->producer[p->producer];
	struct targets t;
	bool ok;

	if (producer && number <= producer->last) {
		p->seq++;
		confirm(p, true);
		return true;
	}
	route_find(b, m->exchange, m, false, &t);
	if (count_refusals(b, m, &t, true)) {
		if (!p->blocked)
			p->until = patience(b, m, &t);
		if (b->now < p->until)
			return false;
		/* it has waited long enough, and goes nowhere */
		p->seq++;
		confirm(p, false);
		return true;
	}
	p->seq++;
	/* A producer that is refused will send again: then no queue may have it. */
	if (producer && count_refusals(b, m, &t, false)) {
		confirm(p, false);
		return true;
	}
	if (producer)
		producer->last = number;
	route_find(b, m->exchange, m, true, &t);
	if (!t.nr && m->mandatory)
		text_add(&p->seen, "[return %llu m%u]", (unsigned long long)p->seq, m->body);
	ok = deliver(b, m, &t);
	confirm(p, ok);
	return true;
}

void port_commit(struct broker *b, unsigned int id, const struct message *m)
{
	struct port *p = &b->port[id];
	struct targets t;
	unsigned int i;

	p->seq++;
	p->unconfirmed++;
	route_find(b, m->exchange, m, true, &t);
	if (!t.nr && m->mandatory && p->open)
		text_add(&p->seen, "[return %llu m%u]", (unsigned long long)p->seq, m->body);
	for (i = 0; i < t.nr; i++) {
		struct queue *q = queue_find(b, t.queue[i]);

		if (queue_admits(b, q, m, 0) != REPEATED)
			queue_append(b, q, m);
	}
}

void port_confirm(struct broker *b, unsigned int id)
{
	struct port *p = &b->port[id];

	for (; p->unconfirmed; p->unconfirmed--)
		if (p->open)
			text_add(&p->seen, "[confirm %llu ack]",
				 (unsigned long long)(p->seq - p->unconfirmed + 1));
}

int port_take(struct broker *b, unsigned int id, const struct message *m, uint64_t number)
{
	struct port *p = id < b->nr_ports ? &b->port[id] : NULL;
	struct session *s;
	int err;

	if (!p || !p->open)
		return -ENOENT;
	err = check(b, p, m, number);
	if (err)
		return err;
	s = &b->session[p->session];
	if (s->tx) {
		if (p->producer >= 0)
			return -EINVAL;
		*session_stage(s) = (struct staged){ .publish = true, .id = id, .m = *m };
		return 0;
	}
	if (p->blocked)
		return -EAGAIN;
	if (!publish(b, p, m, number)) {
		p->blocked = true;
		p->waiting = *m;
		p->waiting_number = number;
	}
	return 0;
}

int port_publish(struct broker *b, unsigned int id, const struct message *m, uint64_t number)
{
	int err = port_take(b, id, m, number);

	broker_settle(b);
	return err;
}

bool port_retry(struct broker *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_ports; i++) {
		struct port *p = &b->port[i];

		if (!p->blocked || !publish(b, p, &p->waiting, p->waiting_number))
			continue;
		p->blocked = false;
		return true;
	}
	return false;
}

uint64_t port_deadline(const struct broker *b)
{
	uint64_t first = NEVER;
	unsigned int i;

	for (i = 0; i < b->nr_ports; i++)
		if (b->port[i].blocked && b->port[i].until < first)
			first = b->port[i].until;
	return first;
}
