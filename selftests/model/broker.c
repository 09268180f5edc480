// SPDX-License-Identifier: GPL-2.0-only
#include "broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum kind kind;
} predeclared[] = {
	{ "", DEFAULT },
	{ "amq.direct", DIRECT },
	{ "amq.fanout", FANOUT },
	{ "amq.topic", TOPIC },
	{ "amq.headers", HEADERS },
	{ "amq.match", HEADERS },
};

struct broker *broker_make(void)
{
	struct broker *b = calloc(1, sizeof(*b));
	unsigned int i;

	if (!b)
		abort();
	for (i = 0; i < sizeof(predeclared) / sizeof(predeclared[0]); i++) {
		strcpy(b->exchange[i].name, predeclared[i].name);
		b->exchange[i].kind = predeclared[i].kind;
		b->exchange[i].flags = *predeclared[i].name ? F_DURABLE : 0;
		b->nr_exchanges++;
	}
	return b;
}

void broker_free(struct broker *b)
{
	unsigned int i;

	while (b->nr_queues)
		queue_remove(b, b->queue[0]);
	for (i = 0; i < b->nr_sessions; i++)
		free(b->session[i].staged);
	for (i = 0; i < b->nr_consumers; i++)
		text_clear(&b->consumer[i].seen);
	for (i = 0; i < b->nr_ports; i++)
		text_clear(&b->port[i].seen);
	free(b->dead);
	free(b->retained);
	free(b);
}

int name_check(const char *name)
{
	return strlen(name) > 255 ? -ENAMETOOLONG : 0;
}

static bool is_overdue(const struct broker *b, const struct entry *e)
{
	return e->state == TAKEN && e->timeout <= b->now;
}

/*
 * A message that was out for too long comes back, and nobody has failed; of several
 * the one whose time came first, then the oldest.  One that somebody got comes back by
 * itself: what follows from that in its queue does so before the next one comes back.
 */
static bool take_back(struct broker *b, struct queue *q)
{
	struct entry *first = NULL;
	unsigned int i;
	bool pulled;

	for (i = 0; i < q->nr; i++) {
		struct entry *e = q->entry[i];

		if (!is_overdue(b, e))
			continue;
		if (!first || e->timeout < first->timeout ||
		    (e->timeout == first->timeout && e->place < first->place))
			first = e;
	}
	if (!first)
		return false;
	pulled = b->consumer[first->consumer].pulls;
	consumer_lose(b, first, true);
	queue_return(b, q, first, false);
	if (pulled)
		queue_settle(b, q);
	return true;
}

static bool remove_expired(struct broker *b)
{
	unsigned int i;

	for (i = 0; i < b->nr_queues; i++)
		if (queue_expired(b, b->queue[i])) {
			queue_remove(b, b->queue[i]);
			return true;
		}
	return false;
}

/*
 * One thing at a time, in this order: so a message is offered to who waits for
 * it before it expires or is one too many.
 */
static bool step(struct broker *b)
{
	unsigned int i;

	if (remove_expired(b))
		return true;
	for (i = 0; i < b->nr_queues; i++)
		if (take_back(b, b->queue[i]) || queue_wake_up(b, b->queue[i]))
			return true;
	for (i = 0; i < b->nr_queues; i++)
		if (consumer_dispatch(b, b->queue[i]))
			return true;
	for (i = 0; i < b->nr_queues; i++)
		if (queue_expire(b, b->queue[i]) || queue_shorten(b, b->queue[i]))
			return true;
	return !b->letters_wait && (death_publish(b) || will_wake_up(b) || port_retry(b));
}

void broker_settle(struct broker *b)
{
	while (step(b))
		;
}

static uint64_t deadline(const struct broker *b)
{
	uint64_t first = port_deadline(b), wills = will_deadline(b);
	unsigned int i;

	if (wills < first)
		first = wills;

	for (i = 0; i < b->nr_queues; i++) {
		uint64_t d = queue_deadline(b, b->queue[i]);

		if (d < first)
			first = d;
	}
	return first;
}

static unsigned int queues_due(const struct broker *b, uint64_t when)
{
	unsigned int i, nr = 0;

	for (i = 0; i < b->nr_queues; i++)
		nr += queue_deadline(b, b->queue[i]) <= when;
	return nr;
}

/*
 * From one deadline to the next, so that each finds its own time. Whether the letters
 * of one queue come before what is due at the same time in another is not promised, nor
 * whether a will comes before that.
 */
void broker_advance(struct broker *b, uint64_t ms)
{
	uint64_t end = b->now + ms;
	uint64_t next;

	while ((next = deadline(b)) <= end) {
		unsigned int due = queues_due(b, next), letters = b->nr_letters;
		unsigned int wills = wills_due(b, next);

		if (wills && wills + due + (port_deadline(b) <= next) > 1)
			b->undecided = true;
		b->now = next;
		broker_settle(b);
		if (due > 1 && b->nr_letters > letters)
			b->undecided = true;
		/* only a model whose rules are broken leaves what is due as it is */
		if (deadline(b) == next)
			break;
	}
	b->now = end;
}
