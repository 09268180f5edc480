// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model as a broker that histories are run against.
 */
#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

static void *driver_open(void)
{
	return broker_make();
}

static void driver_close(void *broker)
{
	broker_free(broker);
}

static int declare_queue(struct broker *b, const unsigned int *n)
{
	struct queue_profile p = queue_profile(n[2]);
	char name[NAME_ROOM];

	queue_name(n[1], name);
	return queue_declare(b, n[0], name, p.flags, &p.args, NULL);
}

static int change_queue(struct broker *b, const unsigned int *n)
{
	struct table args = queue_change_args(n[1]);
	char name[NAME_ROOM];

	queue_name(n[0], name);
	return queue_change(b, name, &args);
}

static int declare_exchange(struct broker *b, const unsigned int *n)
{
	struct exchange_profile p = exchange_profile(n[1]);
	char name[NAME_ROOM];

	exchange_name(n[0], name);
	return exchange_declare(b, name, p.type, 0, &p.args);
}

static int change_binding(struct broker *b, enum operation op, const unsigned int *n)
{
	struct binding binding = { .to_exchange = op == BIND_EXCHANGE };
	bool made;

	exchange_name(n[1], binding.from);
	if (op == BIND_EXCHANGE)
		exchange_name(n[2], binding.to);
	else
		queue_name(n[2], binding.to);
	strcpy(binding.key, key_name(n[3]));
	return op == UNBIND ? binding_remove(b, n[0], &binding) :
			      binding_make(b, n[0], &binding, &made);
}

/* The number of a message of a port; one without a producer does not mind. */
static uint64_t number_of(struct broker *b, unsigned int port, enum numbering numbering)
{
	uint64_t last, number;

	if (port >= b->nr_ports || b->port[port].producer < 0)
		return 0;
	last = b->producer[b->port[port].producer].last;
	number = last + (numbering == NUMBER_NEXT ? 1 : numbering == NUMBER_GAP ? 3 : 0);
	/* there was none before the first */
	return number ? number : 1;
}

/*
 * Of a message that a port refuses which is handed in in place, nobody hears before the
 * commit, which fails by that.
 */
static int hand_in(struct broker *b, unsigned int id, const struct message *m,
		   uint64_t number)
{
	int err = port_publish(b, id, m, number);
	struct port *p = id < b->nr_ports ? &b->port[id] : NULL;

	if ((err == -EINVAL || err == -ERANGE) && m->body % 2 && b->session[p->session].tx &&
	    !p->failed)
		p->failed = err;
	return err;
}

static int publish_numbered(struct broker *b, const unsigned int *n, unsigned int nr)
{
	struct message m = message_make(nr);

	exchange_name(n[1], m.exchange);
	strcpy(m.key, key_name(n[2]));
	return hand_in(b, n[0], &m, number_of(b, n[0], n[3]));
}

static int open_producer(struct broker *b, const unsigned int *n)
{
	char name[NAME_ROOM];

	queue_name(n[1], name);
	return port_open(b, n[0], name, NULL);
}

/* A message of a kind, for the exchange and key of a step. */
static struct message make(const unsigned int *n, unsigned int number, unsigned int nr)
{
	struct message_kind kind = message_kind(number);
	struct message m = message_make(nr);

	exchange_name(n[1], m.exchange);
	strcpy(m.key, key_name(n[2]));
	strcpy(m.group, kind.group);
	if (kind.id)
		strcpy(m.id, kind.id);
	m.priority = kind.priority;
	m.expiration = kind.expiration;
	m.delay = kind.delay;
	m.mandatory = kind.mandatory;
	if (kind.cc)
		strcpy(m.cc.key[m.cc.nr++], kind.cc);
	if (kind.bcc)
		strcpy(m.bcc.key[m.bcc.nr++], kind.bcc);
	return m;
}

static int publish(struct broker *b, const unsigned int *n, unsigned int nr)
{
	struct message m = make(n, n[3], nr);

	return hand_in(b, n[0], &m, number_of(b, n[0], NUMBER_NEXT));
}

static int will(struct broker *b, const unsigned int *n, unsigned int nr)
{
	unsigned int kind, delay;
	struct message m;

	if (!will_kind(n[3], &kind, &delay))
		return will_forget(b, n[0]);
	m = make(n, kind, nr);
	return will_make(b, n[0], &m, delay);
}

static int consume(struct broker *b, const unsigned int *n)
{
	struct consumer_options options = {
		.noack = n[3] & CONSUME_NOACK, .prefetch = n[2], .priority = n[3] & CONSUME_PREFERRED ? 1 : 0,
		.level = n[3] & CONSUME_LOWER ? 1 : ANY_LEVEL,
	};
	char name[NAME_ROOM];

	queue_name(n[1], name);
	return consumer_open(b, n[0], name, &options);
}

/* Who gets looks up the name, which is a use, also of a queue that refuses then. */
static int get(struct broker *b, unsigned int id, const char *name)
{
	const struct consumer *c = id < b->nr_consumers ? &b->consumer[id] : NULL;
	struct queue *q = queue_find(b, name);

	if (c && c->open && c->pulls && q && !queue_access(q, c->session))
		q->used_at = b->now;
	return consumer_get(b, id, name, false);
}

static int settle(struct broker *b, enum operation op, const unsigned int *n)
{
	uint64_t tag = consumer_nth(b, n[0], n[1]);

	if (!tag)
		return -ENOENT;
	return consumer_settle(b, n[0], tag, n[2],
			       op == SETTLE_ACK ? ACCEPT : op == SETTLE_NACK ? NACK : REJECT,
			       op != SETTLE_ACK && n[3]);
}

static bool is_open(const struct broker *b, unsigned int session)
{
	return session < b->nr_sessions && b->session[session].open;
}

static int apply_in_session(struct broker *b, const struct step *s)
{
	const unsigned int *n = s->n;
	char name[NAME_ROOM];

	if (!is_open(b, n[0]))
		return -ENOENT;
	queue_name(n[1], name);
	switch (s->op) {
	case DECLARE_QUEUE:
		return declare_queue(b, n);
	case DELETE_QUEUE:
		return queue_delete(b, n[0], name, false, false);
	case PURGE:
		return queue_purge(b, n[0], name);
	case BIND:
	case BIND_EXCHANGE:
	case UNBIND:
		return change_binding(b, s->op, n);
	case CLOSE_SESSION:
		return session_close(b, n[0], n[1]);
	case OPEN_PORT:
		return port_open(b, n[0], NULL, NULL);
	case OPEN_PRODUCER:
		return open_producer(b, n);
	case CONSUME:
		return consume(b, n);
	case PULL:
		return consumer_open(b, n[0], NULL, &(struct consumer_options){
			.level = ANY_LEVEL });
	case TX:
		return session_tx(b, n[0]);
	case COMMIT:
		return session_commit(b, n[0]);
	case ROLLBACK:
		return session_rollback(b, n[0]);
	default:
		abort();
	}
}

static int apply(struct broker *b, const struct step *s, unsigned int nr)
{
	const unsigned int *n = s->n;
	char name[NAME_ROOM];

	switch (s->op) {
	case OPEN_SESSION:
		return session_open(b);
	case DECLARE_EXCHANGE:
		return declare_exchange(b, n);
	case PUBLISH:
		return publish(b, n, nr);
	case PUBLISH_NUMBERED:
		return publish_numbered(b, n, nr);
	case WILL:
		return will(b, n, nr);
	case PAUSE:
		queue_name(n[0], name);
		return queue_pause(b, name, n[1]);
	case CHANGE:
		return change_queue(b, n);
	case CANCEL_SCHEDULED:
		queue_name(n[0], name);
		return queue_cancel(b, name, id_name(n[1]));
	case REDRIVE:
		queue_name(n[0], name);
		return queue_redrive(b, name, n[1]);
	case CANCEL:
		return consumer_cancel(b, n[0]);
	case CLOSE_CONSUMER:
		return consumer_close(b, n[0], false);
	case GET:
		queue_name(n[1], name);
		return get(b, n[0], name);
	case SETTLE_ACK:
	case SETTLE_NACK:
	case SETTLE_REJECT:
		return settle(b, s->op, n);
	case ADVANCE:
		broker_advance(b, (uint64_t)n[0] * TICK_MS);
		return 0;
	default:
		return apply_in_session(b, s);
	}
}

static void tell(struct text *out, const char *what, unsigned int id, struct text *seen)
{
	if (seen->len)
		text_add(out, "; %s %u: %s", what, id, seen->s);
	text_clear(seen);
}

static void tell_queue(struct text *out, const struct queue *q)
{
	text_add(out, "; %s %u+%u+%u+%u", q->name, queue_count(q, READY), queue_count(q, TAKEN),
		 queue_count(q, SCHEDULED), queue_count(q, RETRYING));
}

static void tell_queues(struct text *out, struct broker *b)
{
	unsigned int i, j, before;

	/* the one with so many names before its own */
	for (i = 0; i < b->nr_queues; i++)
		for (j = 0; j < b->nr_queues; j++) {
			unsigned int k;

			for (before = 0, k = 0; k < b->nr_queues; k++)
				before += strcmp(b->queue[k]->name, b->queue[j]->name) < 0;
			if (before == i)
				tell_queue(out, b->queue[j]);
		}
}

static void driver_apply(void *broker, const struct step *s, unsigned int nr, struct text *out)
{
	struct broker *b = broker;
	unsigned int i;

	text_add(out, "%d", apply(b, s, nr));
	for (i = 0; i < b->nr_ports; i++)
		tell(out, "port", i, &b->port[i].seen);
	for (i = 0; i < b->nr_consumers; i++)
		tell(out, "consumer", i, &b->consumer[i].seen);
	tell_queues(out, b);
}

static bool driver_undecided(void *broker)
{
	const struct broker *b = broker;

	return b->undecided;
}

const struct driver model_driver = {
	.name = "model",
	.open = driver_open,
	.apply = driver_apply,
	.undecided = driver_undecided,
	.close = driver_close,
};
