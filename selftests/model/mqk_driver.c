// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module as a broker that histories are run against, through libmqk. After
 * each step the library hands in what was acknowledged, and everything that came
 * is read.
 */
#include "mqk_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mqk/mqk.h>

/* As in exchange.h, whose names are others here. */
#define F_AUTO_DELETE	2u
#define F_EXCLUSIVE	8u

#define ROOM		64
#define HELD_ROOM	512
#define NAMES_ROOM	512
#define PAYLOAD		64
#define ARGS_ROOM	1024
#define HEADERS_ROOM	128
#define PRODUCERS	2

struct driven_session {
	struct mqk *m;			/* NULL: closed */
	bool tx;
};

struct driven_port {
	unsigned int session;
	struct mqk_port *p;
	unsigned int last;		/* step of the message published last */
	unsigned int staged[HELD_ROOM];	/* the same, of those that a transaction has */
	unsigned int nr_staged;
	unsigned long long confirmed;	/* messages, up to here */
	int producer;			/* name, or -1 */
	unsigned int errors;		/* messages that have a number for the kernel alone */
	int error;			/* of the one published last */
	bool taken;			/* it was confirmed */
	bool held;			/* a message waits for room: */
	bool inplace;			/* in the segment, or here */
	uint64_t number;
	struct mqk_message waiting;
	char key[8], payload[PAYLOAD];
	unsigned char headers[HEADERS_ROOM];
	struct text seen;
};

struct held {
	uint64_t tag;
	uint32_t queue;
	uint64_t until;			/* when it returns, or 0 */
	bool staged;			/* a transaction settles it */
};

struct driven_consumer {
	unsigned int session;
	struct mqk_consumer *c;
	bool pulls, noack, cancelled;
	struct held held[HELD_ROOM];
	unsigned int nr_held;
	struct text seen;
};

struct driven {
	struct mqk *admin;
	struct driven_session session[ROOM];
	struct driven_port port[ROOM];
	struct driven_consumer consumer[ROOM];
	unsigned int nr_sessions, nr_ports, nr_consumers;
	const char *node;
	uint64_t now;			/* ms */
	uint64_t taken[PRODUCERS];	/* number of the last message of each */
	/* by id: ids are not used again soon */
	char queue[NAMES_ROOM][TEXT_ROOM];
	uint64_t timeout[NAMES_ROOM];	/* after which a message returns, or 0 */
	char exchange[NAMES_ROOM][TEXT_ROOM];
};

static void must(int err)
{
	if (err < 0)
		abort();
}

static void *driver_open(void)
{
	struct driven *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->node = mqk_driver_start();
	must(mqk_open(d->node, 0, &d->admin));
	return d;
}

static void close_consumer(struct driven *d, struct driven_consumer *c)
{
	mqk_consumer_close(c->c);
	c->c = NULL;
	c->nr_held = 0;
}

static void close_session(struct driven *d, unsigned int id, bool dies)
{
	unsigned int i;

	/* then it hears nothing of what follows */
	if (dies)
		close(mqk_fd(d->session[id].m));
	for (i = 0; i < d->nr_ports; i++)
		if (d->port[i].session == id && d->port[i].p) {
			mqk_port_close(d->port[i].p);
			d->port[i].p = NULL;
		}
	/* None of them is to get what another one returns. */
	for (i = 0; i < d->nr_consumers; i++)
		if (d->consumer[i].session == id && d->consumer[i].c && !d->consumer[i].pulls)
			mqk_cancel(d->consumer[i].c);
	for (i = 0; i < d->nr_consumers; i++)
		if (d->consumer[i].session == id && d->consumer[i].c)
			close_consumer(d, &d->consumer[i]);
	mqk_close(d->session[id].m);
	d->session[id].m = NULL;
}

static void driver_close(void *broker)
{
	struct driven *d = broker;
	unsigned int i;

	for (i = 0; i < d->nr_sessions; i++)
		if (d->session[i].m)
			close_session(d, i, false);
	for (i = 0; i < d->nr_consumers; i++)
		text_clear(&d->consumer[i].seen);
	for (i = 0; i < d->nr_ports; i++)
		text_clear(&d->port[i].seen);
	mqk_close(d->admin);
	mqk_driver_stop();
	free(d);
}

/* ---- steps ---- */

static int open_session(struct driven *d)
{
	int err = mqk_open(d->node, 0, &d->session[d->nr_sessions].m);

	return err ?: (int)d->nr_sessions++;
}

static int open_port(struct driven *d, struct mqk *m, const struct step *s)
{
	struct mqk_port_opts opts = { .sz = sizeof(opts), .confirm = true, .inplace = true };
	struct driven_port *p = &d->port[d->nr_ports];
	char name[TEXT_ROOM];
	int err;

	p->session = s->n[0];
	p->producer = s->op == OPEN_PRODUCER ? (int)s->n[1] : -1;
	if (p->producer >= 0) {
		queue_name(p->producer, name);
		opts.producer = name;
	}
	err = mqk_port_open(m, &opts, &p->p);
	if (!err && p->producer >= 0 && mqk_port_last(p->p) != d->taken[p->producer])
		return -EBADMSG;
	return err ?: (int)d->nr_ports++;
}

static void encode(struct mqk_headers *h, void *buf, const struct table *t)
{
	unsigned int i;

	mqk_headers_init(h, buf, ARGS_ROOM);
	for (i = 0; i < t->nr; i++) {
		const struct value *v = &t->field[i].value;
		const char *name = t->field[i].name;

		if (v->type == 'S')
			must(mqk_headers_add_string(h, name, v->text));
		else if (v->type == 't')
			must(mqk_headers_add_bool(h, name, v->number));
		else if (v->type == 'V')
			must(mqk_headers_add(h, 'V', name, NULL, 0));
		else
			must(mqk_headers_add(h, v->type, name, &v->number,
					     v->type == 'b' ? 1 : v->type == 's' ? 2 :
					     v->type == 'I' ? 4 : 8));
	}
}

static uint64_t timeout_of(const struct table *args)
{
	unsigned int i;

	for (i = 0; i < args->nr; i++)
		if (!strcmp(args->field[i].name, "x-consumer-timeout"))
			return args->field[i].value.number;
	return 0;
}

/* A change that has one, or takes it away: from then on. */
static void note_timeout(struct driven *d, const char *name, const struct table *args)
{
	unsigned int i;

	if (!table_find(args, "x-consumer-timeout"))
		return;
	for (i = 0; i < NAMES_ROOM; i++)
		if (!strcmp(d->queue[i], name))
			d->timeout[i] = timeout_of(args);
}

static int declare_queue(struct driven *d, struct mqk *m, const unsigned int *n)
{
	struct queue_profile profile = queue_profile(n[2]);
	struct mqk_queue_opts opts = {
		.sz = sizeof(opts),
		.auto_delete = profile.flags & F_AUTO_DELETE,
		.exclusive = profile.flags & F_EXCLUSIVE,
	};
	struct mqk_queue_info info = { .sz = sizeof(info) };
	char name[TEXT_ROOM], args[ARGS_ROOM];
	struct mqk_headers h;
	int err;

	encode(&h, args, &profile.args);
	opts.args = args;
	opts.args_len = h.len;
	queue_name(n[1], name);
	err = mqk_queue_declare(m, name, &opts, &info);
	if (!err && info.id < NAMES_ROOM) {
		strcpy(d->queue[info.id], name);
		d->timeout[info.id] = timeout_of(&profile.args);
	}
	return err;
}

/* Pause, resume or change a queue, which may be one session's alone. */
static int set_queue(struct driven *d, const struct step *s)
{
	struct table change = queue_change_args(s->n[1]);
	char name[TEXT_ROOM], args[ARGS_ROOM];
	struct mqk *m = d->admin;
	struct mqk_headers h;
	unsigned int i = 0;
	int err;

	encode(&h, args, &change);
	queue_name(s->n[0], name);
	for (;;) {
		err = s->op == CHANGE ? mqk_queue_set(m, name, args, h.len) :
		      s->n[1] ? mqk_queue_pause(m, name) : mqk_queue_resume(m, name);
		for (; i < d->nr_sessions && !d->session[i].m; i++)
			;
		if (!err && s->op == CHANGE)
			note_timeout(d, name, &change);
		if (err != -EBUSY || i == d->nr_sessions)
			return err;
		m = d->session[i++].m;
	}
}

/* Redriving a queue that is one session's alone is for that one. */
static int redrive(struct driven *d, const struct step *s)
{
	struct mqk *m = d->admin;
	char name[TEXT_ROOM];
	uint64_t moved = 0;
	unsigned int i = 0;
	int err;

	queue_name(s->n[0], name);
	for (;;) {
		err = mqk_queue_redrive(m, name, s->n[1], &moved);
		for (; i < d->nr_sessions && !d->session[i].m; i++)
			;
		if (err != -EBUSY || i == d->nr_sessions)
			return err ?: (int)moved;
		m = d->session[i++].m;
	}
}

static int declare_exchange(struct driven *d, const unsigned int *n)
{
	static const struct {
		const char *type;
		uint32_t value;
	} types[] = {
		{ "direct", MQK_EXCHANGE_DIRECT },
		{ "fanout", MQK_EXCHANGE_FANOUT },
		{ "topic", MQK_EXCHANGE_TOPIC },
		{ "headers", MQK_EXCHANGE_HEADERS },
		{ "x-consistent-hash", MQK_EXCHANGE_HASH },
		{ "x-last-value", MQK_EXCHANGE_LAST_VALUE },
	};
	struct exchange_profile profile = exchange_profile(n[1]);
	struct mqk_exchange_opts opts = { .sz = sizeof(opts) };
	char name[TEXT_ROOM], args[ARGS_ROOM];
	uint32_t id, type = ~0u;
	struct mqk_headers h;
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].type, profile.type))
			type = types[i].value;
	encode(&h, args, &profile.args);
	opts.args = args;
	opts.args_len = h.len;
	exchange_name(n[0], name);
	err = mqk_exchange_declare(d->admin, name, type, &opts, &id);
	if (!err && id < NAMES_ROOM)
		strcpy(d->exchange[id], name);
	return err;
}

static int bind(struct mqk *m, enum operation op, const unsigned int *n)
{
	char from[TEXT_ROOM], to[TEXT_ROOM];

	exchange_name(n[1], from);
	if (op == BIND_EXCHANGE) {
		exchange_name(n[2], to);
		return mqk_bind_exchange(m, from, to, MQK_STR(key_name(n[3])), NULL, 0);
	}
	queue_name(n[2], to);
	return (op == BIND ? mqk_bind : mqk_unbind)(m, from, to, MQK_STR(key_name(n[3])), NULL, 0);
}

/* CC as an array, BCC as a string: both are right. */
static size_t further_keys(const struct message_kind *kind, unsigned char *to)
{
	struct mqk_headers h;

	mqk_headers_init(&h, to, HEADERS_ROOM);
	if (kind->bcc)
		must(mqk_headers_add_string(&h, "BCC", kind->bcc));
	if (kind->cc)
		must(mqk_headers_add_strings(&h, "CC", &kind->cc, 1));
	if (*kind->group)
		must(mqk_headers_add_string(&h, "group-id", kind->group));
	if (kind->id)
		must(mqk_headers_add_string(&h, "message-id", kind->id));
	return h.len;
}

static int min_zero(int ret)
{
	return ret < 0 ? ret : 0;
}

static int put(struct mqk_port *p, const struct mqk_message *msg)
{
	void *to;
	int err;

	err = mqk_reserve(p, msg->exchange, (const void *)(uintptr_t)msg->key, msg->key_len,
			  (const void *)(uintptr_t)msg->headers, msg->headers_len,
			  msg->payload_len, msg->flags & ~MQK_MSG_F_EXPIRATION, &to);
	if (err)
		return err;
	memcpy(to, (const void *)(uintptr_t)msg->payload, msg->payload_len);
	must(mqk_reserved_set(p, msg->priority, msg->flags & MQK_MSG_F_EXPIRATION ?
						(int64_t)msg->expiration : -1));
	must(mqk_reserved_delay(p, msg->delay));
	return min_zero(mqk_commit(p));
}

static void read_port(struct driven_port *p)
{
	struct mqk_completion c;

	while (p->p && mqk_completion_next(p->p, &c) == 1) {
		unsigned long long seq = c.seq - p->errors;

		p->taken = c.type == MQK_COMPLETION_CONFIRM;
		if (c.type == MQK_COMPLETION_ERROR) {
			p->errors++;
			p->error = c.result;
		} else if (c.type == MQK_COMPLETION_RETURN) {
			text_add(&p->seen, "[return %llu m%u]", seq,
				 p->nr_staged ? p->staged[seq - p->confirmed - 1] : p->last);
		} else {
			while (p->confirmed < seq)
				text_add(&p->seen, "[confirm %llu %s]", ++p->confirmed,
					 p->taken ? "ack" : "nack");
		}
	}
}

/* Have a message wait, as its publisher does. */
static void keep(struct driven_port *p, const struct mqk_message *m, bool inplace)
{
	p->held = true;
	p->inplace = inplace;
	p->waiting = *m;
	memcpy(p->key, (const void *)(uintptr_t)m->key, m->key_len);
	memcpy(p->payload, (const void *)(uintptr_t)m->payload, m->payload_len);
	memcpy(p->headers, (const void *)(uintptr_t)m->headers, m->headers_len);
	p->waiting.key = (uintptr_t)p->key;
	p->waiting.payload = (uintptr_t)p->payload;
	p->waiting.headers = (uintptr_t)p->headers;
}

static int hand_in(struct driven_port *p, const struct mqk_message *m, bool inplace)
{
	int err;

	p->error = 0;
	err = inplace ? put(p->p, m) : min_zero(mqk_publishv(p->p, m, 1));
	read_port(p);
	if (err == -EAGAIN) {
		keep(p, m, inplace);
		return 0;
	}
	return err ?: p->error;
}

/* The number of a producer's message was taken. */
static void note_taken(struct driven *d, struct driven_port *p)
{
	if (p->producer >= 0 && p->taken && p->number == d->taken[p->producer] + 1)
		d->taken[p->producer] = p->number;
}

/* Try what waits again; whether that changed anything. */
static bool try_again(struct driven *d, struct driven_port *p)
{
	int err;

	if (!p->p || !p->held)
		return false;
	p->taken = false;
	err = p->inplace ? mqk_flush(p->p) : mqk_publishv(p->p, &p->waiting, 1);
	read_port(p);
	if (err == -EAGAIN || !err)
		return false;
	p->held = false;
	note_taken(d, p);
	return true;
}

/* What a port says to another message while one waits. */
static int while_held(struct driven *d, struct driven_port *p, uint64_t number)
{
	struct mqk_completion c;
	int err = mqk_completion_next(p->p, &c);

	if (err < 0)
		return err;
	if (p->producer >= 0 && number > d->taken[p->producer] + 1)
		return -ERANGE;
	return -EAGAIN;
}

/* As hand_in(), for a port of a producer. */
static int hand_in_numbered(struct driven *d, struct driven_port *p, struct mqk_message *m,
			    bool inplace, enum numbering numbering)
{
	uint64_t *last = &d->taken[p->producer];
	uint64_t number = *last + (numbering == NUMBER_NEXT ? 1 : numbering == NUMBER_GAP ? 3 : 0);
	int err;

	number += !number;
	if (p->held)
		return while_held(d, p, number);
	p->number = number;
	if (inplace) {
		err = mqk_port_renumber(p->p, number);
		if (err)
			return err;
	} else {
		m->number = number;
	}
	p->taken = false;
	err = hand_in(p, m, inplace);
	note_taken(d, p);
	return err;
}

/* A message and what it points to. */
struct made {
	struct mqk_message m;
	char payload[PAYLOAD];
	unsigned char headers[HEADERS_ROOM];
};

/* Of a kind, for the exchange and key of a step. */
static int make(struct driven *d, struct made *made, const unsigned int *n, unsigned int number,
		unsigned int nr)
{
	struct message_kind kind = message_kind(number);
	const char *key = key_name(n[2]);
	struct mqk_message *m = &made->m;
	char name[TEXT_ROOM];

	*made = (struct made){};
	exchange_name(n[1], name);
	if (mqk_exchange_id(d->admin, name, &m->exchange))
		return -ENOENT;
	m->key = (uintptr_t)key;
	m->key_len = strlen(key);
	m->payload = (uintptr_t)made->payload;
	m->payload_len = sizeof(made->payload);
	memcpy(made->payload, &nr, sizeof(nr));
	m->headers = (uintptr_t)made->headers;
	m->headers_len = further_keys(&kind, made->headers);
	m->flags |= kind.mandatory ? MQK_MSG_F_MANDATORY : 0;
	m->flags |= kind.cc || kind.bcc ? MQK_MSG_F_CC : 0;
	m->flags |= kind.id ? MQK_MSG_F_ID : 0;
	m->flags |= *kind.group ? MQK_MSG_F_GROUP : 0;
	if (kind.delay) {
		m->delay = kind.delay;
		m->flags |= MQK_MSG_F_DELAY;
	}
	if (kind.priority >= 0)
		m->priority = kind.priority;
	if (kind.expiration >= 0) {
		m->expiration = kind.expiration;
		m->flags |= MQK_MSG_F_EXPIRATION;
	}
	return 0;
}

static int will(struct driven *d, struct mqk *m, const unsigned int *n, unsigned int nr)
{
	unsigned int kind, delay;
	struct made made;
	int err;

	if (!will_kind(n[3], &kind, &delay))
		return mqk_will(m, NULL, 0);
	err = make(d, &made, n, kind, nr);
	return err ?: mqk_will(m, &made.m, delay * 1000000ull);
}

static int publish(struct driven *d, const struct step *s, unsigned int nr)
{
	const unsigned int *n = s->n;
	struct driven_port *p = n[0] < d->nr_ports ? &d->port[n[0]] : NULL;
	bool numbered = s->op == PUBLISH_NUMBERED;
	struct made made;
	int err;

	if (!p || !p->p)
		return -ENOENT;
	err = make(d, &made, n, numbered ? 0 : n[3], nr);
	if (err)
		return err;
	if (!p->held)
		p->last = nr;
	if (d->session[p->session].tx && p->nr_staged < HELD_ROOM)
		p->staged[p->nr_staged] = nr;
	/* in place or not, as it happens */
	if (p->producer < 0) {
		err = p->held ? while_held(d, p, 0) : hand_in(p, &made.m, nr % 2);
		p->nr_staged += d->session[p->session].tx && !err;
		return err;
	}
	return hand_in_numbered(d, p, &made.m, nr % 2, numbered ? n[3] : NUMBER_NEXT);
}

static int consume(struct driven *d, struct mqk *m, const unsigned int *n, bool pulls)
{
	struct driven_consumer *c = &d->consumer[d->nr_consumers];
	struct mqk_consumer_opts opts = { .sz = sizeof(opts) };
	char name[TEXT_ROOM], args[ARGS_ROOM];
	struct table table = {};
	struct mqk_headers h;
	int err;

	c->session = n[0];
	c->pulls = pulls;
	c->noack = !pulls && n[3] & CONSUME_NOACK;
	opts.noack = c->noack;
	opts.prefetch = pulls || c->noack ? 0 : n[2];
	if (!pulls && n[3] & CONSUME_PREFERRED)
		table_set_number(&table, "x-priority", 'b', 1);
	if (!pulls && n[3] & CONSUME_LOWER)
		table_set_number(&table, "x-mqk-level", 's', 1);
	encode(&h, args, &table);
	opts.args = args;
	opts.args_len = h.len;
	queue_name(n[1], name);
	err = pulls ? mqk_puller_open(m, &opts, &c->c) : mqk_consume(m, name, &opts, &c->c);
	return err ?: (int)d->nr_consumers++;
}

/* CC is told; BCC must not be there. */
static void note_headers(struct driven_consumer *c, const struct mqk_msg *msg)
{
	struct mqk_header_view v, item;
	size_t at = 0;

	if (mqk_headers_find(msg->headers, msg->d.headers_len, "BCC", &v))
		text_add(&c->seen, " bcc!");
	if (mqk_headers_find(msg->headers, msg->d.headers_len, "CC", &v) != 1)
		return;
	while (mqk_header_item(&v, &at, &item) == 1)
		text_add(&c->seen, " cc=%.*s", item.value_len, (const char *)item.value);
}

static void add_text(struct text *t, const struct mqk_header_view *outer, const char *name)
{
	struct mqk_header_view v;
	size_t at = 0;

	while (mqk_header_item(outer, &at, &v) == 1)
		if (v.name_len == strlen(name) && !memcmp(v.name, name, v.name_len))
			text_add(t, "%.*s", v.value_len, (const char *)v.value);
}

static int64_t number_of(const struct mqk_header_view *outer, const char *name)
{
	struct mqk_header_view v;
	int64_t n = -1;
	size_t at = 0;

	while (mqk_header_item(outer, &at, &v) == 1)
		if (v.name_len == strlen(name) && !memcmp(v.name, name, v.name_len))
			must(mqk_header_int(&v, &n));
	return n;
}

static void note_keys(struct text *t, const struct mqk_header_view *death)
{
	struct mqk_header_view v, key;
	size_t at = 0, pos = 0;

	while (mqk_header_item(death, &at, &v) == 1)
		if (v.type == MQK_HEADER_ARRAY)
			while (mqk_header_item(&v, &pos, &key) == 1)
				text_add(t, ":%.*s", key.value_len, (const char *)key.value);
}

static void note_death(struct text *t, const struct mqk_header_view *death)
{
	struct text expiration = {};

	text_add(t, " died=");
	add_text(t, death, "queue");
	text_add(t, ":");
	add_text(t, death, "reason");
	text_add(t, ":%lld:", (long long)number_of(death, "count"));
	add_text(t, death, "exchange");
	note_keys(t, death);
	add_text(&expiration, death, "original-expiration");
	if (expiration.len)
		text_add(t, ":%sms", expiration.s);
	text_clear(&expiration);
	if (number_of(death, "time") <= 0)
		text_add(t, " no time!");
}

static void note_end(struct text *t, const struct mqk_msg *msg, const char *which)
{
	static const char * const names[] = { "reason", "queue", "exchange" };
	struct mqk_header_view v;
	struct text name = {};
	unsigned int i;

	text_add(t, " %s=", which);
	for (i = 0; i < 3; i++) {
		text_add(&name, "x-%s-death-%s", which, names[i]);
		if (mqk_headers_find(msg->headers, msg->d.headers_len, name.s, &v) == 1)
			text_add(t, "%.*s", v.value_len, (const char *)v.value);
		text_add(t, ":");
		text_clear(&name);
	}
}

static void note_deaths(struct driven_consumer *c, const struct mqk_msg *msg)
{
	struct mqk_header_view v, death;
	size_t at = 0;

	if (mqk_headers_find(msg->headers, msg->d.headers_len, "x-death", &v) != 1)
		return;
	while (mqk_header_item(&v, &at, &death) == 1)
		note_death(&c->seen, &death);
	note_end(&c->seen, msg, "first");
	note_end(&c->seen, msg, "last");
}

static void note(struct driven *d, struct driven_consumer *c, const struct mqk_msg *msg,
		 bool settled)
{
	/* it is mapped, so its head lies in front of its key */
	const struct mqk_record *r = (const void *)((const char *)msg->key - MQK_RECORD_KEY);
	uint64_t timeout;
	unsigned int nr;

	memcpy(&nr, msg->payload, sizeof(nr));
	text_add(&c->seen, "[%s m%u exchange=%s key=%.*s", d->queue[msg->d.queue % NAMES_ROOM], nr,
		 d->exchange[msg->d.exchange % NAMES_ROOM], msg->d.key_len,
		 (const char *)msg->key);
	if (msg->d.priority)
		text_add(&c->seen, " priority=%u", msg->d.priority);
	if (r->flags & MQK_MSG_F_EXPIRATION)
		text_add(&c->seen, " expiration=%u", r->expiration);
	note_headers(c, msg);
	note_deaths(c, msg);
	text_add(&c->seen, "%s count=%u]",
		 msg->d.flags & MQK_DELIVERY_F_REDELIVERED ? " redelivered" : "", msg->d.count);
	if (settled)
		return;
	if (c->nr_held == HELD_ROOM)
		abort();
	timeout = d->timeout[msg->d.queue % NAMES_ROOM];
	c->held[c->nr_held++] = (struct held){
		.tag = msg->d.tag, .queue = msg->d.queue,
		.until = timeout ? d->now + timeout : 0,
	};
}

static int get(struct driven *d, const unsigned int *n)
{
	struct driven_consumer *c = n[0] < d->nr_consumers ? &d->consumer[n[0]] : NULL;
	struct mqk_queue_info info = { .sz = sizeof(info) };
	char name[TEXT_ROOM];
	struct mqk_msg msg;
	int err;

	if (!c || !c->c || !c->pulls)
		return -ENOENT;
	queue_name(n[1], name);
	err = mqk_queue_lookup(d->session[c->session].m, name, &info);
	if (err)
		return err;
	err = mqk_get(c->c, info.id, &msg, NULL, 0);
	if (err == 1)
		note(d, c, &msg, false);
	return err == 1 ? 0 : err ?: -EAGAIN;
}

static void forget(struct driven_consumer *c, unsigned int at)
{
	c->nr_held--;
	memmove(&c->held[at], &c->held[at + 1], (c->nr_held - at) * sizeof(c->held[0]));
}

static int say(struct driven_consumer *c, const struct step *s)
{
	const unsigned int *n = s->n;

	if (s->op == SETTLE_ACK)
		return n[2] ? mqk_ack_multiple(c->c, c->held[n[1]].tag) :
			      mqk_ack(c->c, c->held[n[1]].tag);
	if (s->op == SETTLE_NACK)
		return mqk_nack(c->c, c->held[n[1]].tag, n[3], n[2]);
	return mqk_reject(c->c, c->held[n[1]].tag, n[3]);
}

/* What is settled in a transaction is still held until that is committed. */
static int settle_in_tx(struct driven *d, struct driven_consumer *c, const struct step *s)
{
	unsigned int from;
	int err;

	err = say(c, s);
	if (!err)
		err = min_zero(mqk_settle(c->c));
	if (err == -EINVAL) {
		text_add(&c->seen, "broken");
		close_consumer(d, c);
		return err;
	}
	for (from = s->n[1] + 1; from-- > (s->n[2] ? 0 : s->n[1]);)
		c->held[from].staged = true;
	return err;
}

static int settle(struct driven *d, const struct step *s)
{
	const unsigned int *n = s->n;
	struct driven_consumer *c = n[0] < d->nr_consumers ? &d->consumer[n[0]] : NULL;
	unsigned int from;
	int err;

	if (!c || !c->c || n[1] >= c->nr_held)
		return -ENOENT;
	if (d->session[c->session].tx)
		return settle_in_tx(d, c, s);
	err = say(c, s);
	for (from = n[1] + 1; from-- > (n[2] ? 0 : n[1]);)
		forget(c, from);
	return err;
}

static int cancel(struct driven *d, unsigned int id)
{
	struct driven_consumer *c = id < d->nr_consumers ? &d->consumer[id] : NULL;

	if (!c || !c->c)
		return -ENOENT;
	if (c->pulls || c->cancelled)
		return 0;
	c->cancelled = true;
	return mqk_cancel(c->c);
}

static int purge(struct mqk *m, const char *name)
{
	uint64_t nr = 0;

	return mqk_queue_purge(m, name, &nr) ?: (int)nr;
}

/* Of an exclusive queue, its session must. */
static int cancel_scheduled(struct driven *d, const unsigned int *n)
{
	const char *id = id_name(n[1]);
	struct mqk *m = d->admin;
	unsigned int i = 0;
	char name[TEXT_ROOM];
	uint64_t nr = 0;
	int err;

	queue_name(n[0], name);
	for (;;) {
		err = mqk_queue_cancel(m, name, id, strlen(id), &nr);
		for (; i < d->nr_sessions && !d->session[i].m; i++)
			;
		if (err != -EBUSY || i == d->nr_sessions)
			return err ?: (int)nr;
		m = d->session[i++].m;
	}
}

/* What a session has kept back is done, or forgotten. */
static void end_tx(struct driven *d, unsigned int session, bool done)
{
	unsigned int i, j;

	d->session[session].tx = false;
	for (i = 0; i < d->nr_ports; i++)
		if (d->port[i].session == session) {
			read_port(&d->port[i]);
			if (!done)
				d->port[i].confirmed += d->port[i].nr_staged;
			d->port[i].nr_staged = 0;
		}
	for (i = 0; i < d->nr_consumers; i++) {
		struct driven_consumer *c = &d->consumer[i];

		for (j = c->session == session ? c->nr_held : 0; j-- > 0;) {
			if (c->held[j].staged && done)
				forget(c, j);
			else
				c->held[j].staged = false;
		}
	}
}

static int begin(struct driven *d, unsigned int session)
{
	unsigned int i;
	int err;

	/* a copy that waits is its caller's, who might never come again */
	for (i = 0; !d->session[session].tx && i < d->nr_ports; i++)
		if (d->port[i].session == session && d->port[i].p && d->port[i].held &&
		    !d->port[i].inplace)
			return -EAGAIN;
	err = mqk_tx_begin(d->session[session].m);
	if (!err)
		d->session[session].tx = true;
	return err;
}

static int transact(struct driven *d, enum operation op, unsigned int session)
{
	struct mqk *m = d->session[session].m;
	int err;

	if (op == TX)
		return begin(d, session);
	err = op == COMMIT ? mqk_tx_commit(m) : mqk_tx_rollback(m);
	end_tx(d, session, !err && op == COMMIT);
	return err;
}

static int apply_in_session(struct driven *d, const struct step *s, unsigned int nr)
{
	const unsigned int *n = s->n;
	struct mqk *m = n[0] < d->nr_sessions ? d->session[n[0]].m : NULL;
	char name[TEXT_ROOM];

	if (!m)
		return -ENOENT;
	queue_name(n[1], name);
	switch (s->op) {
	case DECLARE_QUEUE:
		return declare_queue(d, m, n);
	case DELETE_QUEUE:
		return mqk_queue_delete(m, name, 0, NULL);
	case PURGE:
		return purge(m, name);
	case BIND:
	case BIND_EXCHANGE:
	case UNBIND:
		return bind(m, s->op, n);
	case CLOSE_SESSION:
		close_session(d, n[0], n[1]);
		return 0;
	case OPEN_PORT:
	case OPEN_PRODUCER:
		return open_port(d, m, s);
	case CONSUME:
	case PULL:
		return consume(d, m, n, s->op == PULL);
	case TX:
	case COMMIT:
	case ROLLBACK:
		return transact(d, s->op, n[0]);
	case WILL:
		return will(d, m, n, nr);
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- what is seen ---- */

static bool read_consumer(struct driven *d, struct driven_consumer *c)
{
	struct mqk_msg msg;
	bool any = false;
	int ret;

	while ((ret = mqk_next(c->c, &msg)) == 1) {
		note(d, c, &msg, c->noack);
		any = true;
	}
	if (ret < 0 && !c->cancelled) {
		c->cancelled = true;
		text_add(&c->seen, ret == -EINVAL || ret == -EPROTO ? "broken" : "cancelled");
	}
	return any;
}

static void settle_down(struct driven *d)
{
	bool any;
	unsigned int i;

	for (i = 0; i < d->nr_consumers; i++)
		if (d->consumer[i].c)
			mqk_settle(d->consumer[i].c);
	do {
		mqk_driver_idle();
		for (any = false, i = 0; i < d->nr_consumers; i++)
			if (d->consumer[i].c && !d->consumer[i].pulls)
				any |= read_consumer(d, &d->consumer[i]);
		for (i = 0; !any && i < d->nr_ports; i++)
			any |= try_again(d, &d->port[i]);
	} while (any);
}

/* Half a tick of the clock, as something may be due then; what was out for too long is nobody's any more. */
static void half_tick(struct driven *d)
{
	unsigned int i, j;

	d->now += TICK_MS / 2;
	for (i = 0; i < d->nr_consumers; i++)
		for (j = d->consumer[i].nr_held; j-- > 0;) {
			const struct held *h = &d->consumer[i].held[j];

			if (h->until && h->until <= d->now)
				forget(&d->consumer[i], j);
		}
	mqk_driver_advance(TICK_MS / 2);
	settle_down(d);
}

/* ---- one step ---- */

static int apply(struct driven *d, const struct step *s, unsigned int nr)
{
	unsigned int i;

	switch (s->op) {
	case OPEN_SESSION:
		return open_session(d);
	case DECLARE_EXCHANGE:
		return declare_exchange(d, s->n);
	case PUBLISH:
	case PUBLISH_NUMBERED:
		return publish(d, s, nr);
	case PAUSE:
	case CHANGE:
		return set_queue(d, s);
	case CANCEL_SCHEDULED:
		return cancel_scheduled(d, s->n);
	case REDRIVE:
		return redrive(d, s);
	case CANCEL:
		return cancel(d, s->n[0]);
	case CLOSE_CONSUMER:
		if (s->n[0] >= d->nr_consumers || !d->consumer[s->n[0]].c)
			return -ENOENT;
		close_consumer(d, &d->consumer[s->n[0]]);
		return 0;
	case GET:
		return get(d, s->n);
	case SETTLE_ACK:
	case SETTLE_NACK:
	case SETTLE_REJECT:
		return settle(d, s);
	case ADVANCE:
		for (i = 0; i < 2 * s->n[0]; i++)
			half_tick(d);
		return 0;
	default:
		return apply_in_session(d, s, nr);
	}
}

/* ---- what is told ---- */

/* Messages of a queue that is gone cannot be settled any more. */
static void forget_gone(struct driven *d)
{
	struct mqk_queue_info info = { .sz = sizeof(info) };
	unsigned int i, j;

	for (i = 0; i < d->nr_consumers; i++)
		for (j = d->consumer[i].nr_held; j-- > 0;)
			if (mqk_queue_get(d->admin, d->consumer[i].held[j].queue, &info))
				forget(&d->consumer[i], j);
}

static void tell_port(struct driven *d, unsigned int i, struct text *out)
{
	struct text *seen = &d->port[i].seen;

	read_port(&d->port[i]);
	if (seen->len)
		text_add(out, "; port %u: %s", i, seen->s);
	text_clear(seen);
}

static void tell_queues(struct driven *d, struct text *out)
{
	struct mqk_queue_info info[ROOM] = { { .sz = sizeof(info[0]) } };
	unsigned int i, j, nr = 0;

	while (nr < ROOM - 1 && mqk_queue_next(d->admin, &info[nr]) == 1) {
		info[nr + 1] = info[nr];
		nr++;
	}
	for (i = 0; i < nr; i++)
		for (j = 0; j < nr; j++) {
			unsigned int k, before = 0;

			for (k = 0; k < nr; k++)
				before += strcmp(info[k].name, info[j].name) < 0;
			if (before == i)
				text_add(out, "; %s %llu+%llu+%llu+%llu", info[j].name,
					 (unsigned long long)info[j].ready,
					 (unsigned long long)info[j].unacked,
					 (unsigned long long)info[j].scheduled,
					 (unsigned long long)info[j].retrying);
		}
}

static void driver_apply(void *broker, const struct step *s, unsigned int nr, struct text *out)
{
	struct driven *d = broker;
	unsigned int i;

	text_add(out, "%d", apply(d, s, nr));
	settle_down(d);
	forget_gone(d);
	for (i = 0; i < d->nr_ports; i++)
		tell_port(d, i, out);
	for (i = 0; i < d->nr_consumers; i++) {
		struct text *seen = &d->consumer[i].seen;

		if (seen->len)
			text_add(out, "; consumer %u: %s", i, seen->s);
		text_clear(seen);
	}
	tell_queues(d, out);
}

const struct driver mqk_driver = {
	.name = "mqk",
	.open = driver_open,
	.apply = driver_apply,
	.close = driver_close,
};
