// SPDX-License-Identifier: GPL-2.0-only
/*
 * publish: one message, or one a line.
 *
 * Messages are handed in as copies, many with one call: the call then tells
 * exactly which one was refused, and why.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "input.h"
#include "number.h"
#include "outcome.h"
#include "property.h"

#define BATCH	256	/* messages in a call; fewer than completions fit */

/**
 * struct publishing - a run of publish
 * @ctl: what all share
 * @m: session
 * @p: port, which others may have used before
 * @before: its sequence number before the first message
 * @outcome: what completions told
 * @message: what all messages have in common
 * @subject: for errors
 * @key: routing key
 * @confirm: wait for confirms
 * @sent: messages that the broker has taken
 * @number: of the producer's first message, or 0: what comes next
 */
struct publishing {
	struct ctl *ctl;
	struct mqk *m;
	struct mqk_port *p;
	uint64_t before;
	struct outcome *outcome;
	struct mqk_message message;
	struct subject subject;
	const char *key;
	bool confirm;
	uint64_t sent;
	uint64_t number;
};

/* Wait for what becomes of all that was sent. */
static int settle(struct publishing *g)
{
	int err = g->confirm ? mqk_confirm_wait(g->p, 0, MQK_FOREVER) : 0;

	return err ? err : g->outcome->error;
}

/* Hand messages in; *taken of them are in, also when there is an error. */
static int hand_in(struct publishing *g, const struct mqk_message *msgs,
		   unsigned int count, unsigned int *taken)
{
	int n, err;

	for (*taken = 0; *taken < count; *taken += (unsigned int)n) {
		n = mqk_publishv(g->p, msgs + *taken, count - *taken);
		if (n == -EAGAIN) {
			err = settle(g);
			if (!err)
				err = mqk_port_wait_room(g->p, MQK_FOREVER);
			if (err < 0)
				return err;
			n = 0;
		} else if (n < 0) {
			return n;
		}
	}
	return settle(g);
}

static int refused_at(struct publishing *g, uint64_t line, int err)
{
	const char *before = g->ctl->where;
	char *where;
	int status;

	if (!line || asprintf(&where, "%sline %" PRIu64 ": ", before, line) < 0)
		return refused(g->ctl, g->m, err, &g->subject);
	g->ctl->where = where;
	status = refused(g->ctl, g->m, err, &g->subject);
	g->ctl->where = before;
	free(where);
	return status;
}

static int one_message(struct publishing *g, const void *data, size_t len)
{
	struct mqk_message msg = g->message;
	unsigned int taken;
	int err;

	msg.payload = (uintptr_t)data;
	msg.payload_len = (uint32_t)len;
	err = hand_in(g, &msg, 1, &taken);
	g->sent += taken;
	return err ? refused_at(g, 0, err) : DONE;
}

/* Publish lines that were read; false: there are no more whole ones. */
static bool some_lines(struct publishing *g, struct input *in, int *status)
{
	struct mqk_message msgs[BATCH];
	unsigned int n, taken;
	const char *line;
	size_t len;
	int err;

	for (n = 0; n < BATCH && input_line(in, &line, &len); n++) {
		msgs[n] = g->message;
		msgs[n].payload = (uintptr_t)line;
		msgs[n].payload_len = (uint32_t)len;
	}
	if (!n)
		return false;
	err = hand_in(g, msgs, n, &taken);
	g->sent += taken;
	if (err)
		*status = refused_at(g, g->sent + (taken < n), err);
	return n == BATCH;
}

static int cannot_read(struct ctl *ctl, const char *name, int err,
		       uint64_t max)
{
	if (err == -EMSGSIZE)
		return refuse(ctl, "%s: a message is larger than the %" PRIu64 " bytes that the broker takes; send less in one message",
			      name, max);
	return refuse(ctl, "%s: %s", name, strerror(-err));
}

static int all_lines(struct publishing *g, uint64_t max)
{
	struct input in;
	int status = DONE, err = 0;

	input_init(&in, STDIN_FILENO, max);
	while (status == DONE && !in.end) {
		err = input_read(&in);
		if (err) {
			status = cannot_read(g->ctl, "standard input", err,
					     max);
			break;
		}
		while (status == DONE && some_lines(g, &in, &status))
			;
	}
	input_destroy(&in);
	return status;
}

static int whole_file(struct publishing *g, const char *file, uint64_t max)
{
	bool is_stdin = !file || !strcmp(file, "-");
	const char *name = is_stdin ? "standard input" : file;
	int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	struct input in;
	int err, status;

	if (fd < 0)
		return refuse(g->ctl, "%s: %s", name, strerror(errno));
	input_init(&in, fd, max);
	err = input_read_all(&in);
	status = err ? cannot_read(g->ctl, name, err, max) :
		 one_message(g, in.buf, in.len);
	input_destroy(&in);
	if (!is_stdin)
		close(fd);
	return status;
}

/* Say that mandatory messages came back. */
static int returned(struct publishing *g)
{
	const char *exchange = g->subject.exchange;

	if (!g->outcome->returned)
		return DONE;
	if (g->sent == 1)
		return refuse(g->ctl, "exchange '%s', key '%s': the message is mandatory and reaches no queue; bind a queue to that key (mqkctl route shows what is reached), or leave --mandatory out",
			      exchange, g->key);
	return refuse(g->ctl, "exchange '%s', key '%s': %" PRIu64 " of %" PRIu64 " messages are mandatory and reach no queue (the first is number %" PRIu64 "); bind a queue to that key, or leave --mandatory out",
		      exchange, g->key, g->outcome->returned, g->sent,
		      g->outcome->first_returned - g->before);
}

/* Say that a queue did not take all of them. */
static int nacked(struct publishing *g)
{
	const char *exchange = g->subject.exchange;

	if (!g->outcome->nacked)
		return DONE;
	if (g->sent == 1)
		return refuse(g->ctl, "exchange '%s', key '%s': a queue that it leads to is full and refuses the message (x-overflow is reject-publish or reject-publish-dlx); let consumers take some, purge it, or declare it longer",
			      exchange, g->key);
	return refuse(g->ctl, "exchange '%s', key '%s': %" PRIu64 " of %" PRIu64 " messages were refused by a queue that is full (the first is number %" PRIu64 "); let consumers take some, purge it, or declare it longer",
		      exchange, g->key, g->outcome->nacked, g->sent,
		      g->outcome->first_nacked - g->before);
}

static int publish_input(struct publishing *g, const struct args *args)
{
	struct mqk_query q = { .size = sizeof(q) };
	const char *data = args->pos[2];
	int status, err;

	err = mqk_query(g->m, &q);
	if (err < 0)
		return refused(g->ctl, g->m, err, &g->subject);
	if (args_has(args, OPT_LINES))
		status = all_lines(g, q.message_max);
	else if (data)
		status = one_message(g, data, strlen(data));
	else
		status = whole_file(g, args_value(args, OPT_FILE),
				    q.message_max);
	if (returned(g))
		status = REFUSED;
	return nacked(g) ? REFUSED : status;
}

/* What was published, for those who asked for JSON. */
static void report(const struct publishing *g)
{
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "exchange", g->subject.exchange);
	json_string(&j, "key", g->key);
	json_u64(&j, "published", g->sent);
	if (g->confirm) {
		json_u64(&j, "confirmed", mqk_port_confirmed(g->p) - g->before -
					  g->outcome->nacked);
		json_u64(&j, "returned", g->outcome->returned);
		json_u64(&j, "nacked", g->outcome->nacked);
	}
	json_end(&j);
}

static int publish_open(struct publishing *g, const struct args *args)
{
	const char *producer = args_value(args, OPT_PRODUCER);
	uint32_t exchange;
	int err, status;

	err = mqk_exchange_id(g->m, args->pos[0], &exchange);
	if (!err)
		err = producer ? ctl_producer_port(g->ctl, g->m, producer, &g->p,
						   &g->outcome) :
				 ctl_port(g->ctl, g->m, g->confirm, &g->p, &g->outcome);
	if (!err && g->number)
		err = mqk_port_renumber(g->p, g->number);
	if (err)
		return refused(g->ctl, g->m, err, &g->subject);
	g->before = mqk_port_seq(g->p);
	g->message.exchange = exchange;
	status = publish_input(g, args);
	if (g->ctl->json)
		report(g);
	return status;
}

static int check_producer(struct publishing *g, const struct args *args)
{
	const char *number = args_value(args, OPT_NUMBER);

	if (!number)
		return DONE;
	if (!args_has(args, OPT_PRODUCER))
		return bad_usage(g->ctl, "publish: --number needs --producer");
	if (!number_u64(number, &g->number) || !g->number)
		return bad_usage(g->ctl, "--number %s: give a number from 1",
				 number);
	return DONE;
}

static int check(struct ctl *ctl, const struct args *args)
{
	const char *file = args_value(args, OPT_FILE);
	bool lines = args_has(args, OPT_LINES);

	if (args->pos[2] && (file || lines))
		return bad_usage(ctl, "publish: DATA and --%s exclude each other",
				 file ? "file" : "lines");
	if (ctl->stdin_used && !args->pos[2] && (!file || !strcmp(file, "-")))
		return bad_usage(ctl, "publish: standard input holds the commands; give DATA or --file");
	if (ctl->tx && (args_has(args, OPT_CONFIRM) || args_has(args, OPT_MANDATORY) ||
			args_has(args, OPT_PRODUCER)))
		return bad_usage(ctl, "publish: in a transaction, nothing can be told before its end; leave --confirm, --mandatory and --producer out");
	if (strlen(args->pos[1]) > MQK_KEY_MAX)
		return refuse(ctl, "publish: the key is too long; use at most %d bytes",
			      MQK_KEY_MAX);
	return DONE;
}

/* The delay, and whether the property message-id counts: to cancel it. */
static int set_delay(struct ctl *ctl, const struct args *args, struct mqk_message *m)
{
	const char *text;
	uint64_t ms = 0;
	int pos = 0, status;

	if (!args_has(args, OPT_DELAY))
		return DONE;
	status = args_count(ctl, args, OPT_DELAY, 0, UINT32_MAX, &ms);
	if (status)
		return status;
	m->delay = (uint32_t)ms;
	m->flags |= MQK_MSG_F_DELAY;
	while ((text = args_each(args, OPT_PROPERTY, &pos)))
		if (!strncmp(text, MQK_PROPERTY_MESSAGE_ID "=",
			     sizeof(MQK_PROPERTY_MESSAGE_ID)))
			m->flags |= MQK_MSG_F_ID;
	return DONE;
}

/* Of a group, by --group or by the property: then the kernel heeds it. */
static int set_group(struct ctl *ctl, const struct args *args, struct mqk_message *m,
		     struct mqk_headers *h)
{
	const char *id = args_value(args, OPT_GROUP), *text;
	bool property = false;
	int pos = 0;

	while ((text = args_each(args, OPT_PROPERTY, &pos)))
		property |= !strncmp(text, MQK_PROPERTY_GROUP_ID "=",
				     sizeof(MQK_PROPERTY_GROUP_ID));
	if (property || id)
		m->flags |= MQK_MSG_F_GROUP;
	if (!id)
		return DONE;
	if (property)
		return bad_usage(ctl, "publish: --group and --property group-id exclude each other");
	if (!*id || strlen(id) > MQK_ID_MAX)
		return bad_usage(ctl, "--group %s: give 1 to %d bytes", id, MQK_ID_MAX);
	if (!headers_room(h))
		return out_of_memory(ctl);
	if (mqk_headers_add_string(h, MQK_PROPERTY_GROUP_ID, id))
		return bad_usage(ctl, "--group: with all headers it takes more than %d bytes",
				 MQK_HEADERS_MAX);
	return DONE;
}

int publish(struct ctl *ctl, const struct args *args)
{
	struct publishing g = {
		.ctl = ctl,
		.subject = { .exchange = args->pos[0],
			     .doing = "publish to" },
		.key = args->pos[1],
		.confirm = args_has(args, OPT_CONFIRM) ||
			   args_has(args, OPT_MANDATORY) ||
			   args_has(args, OPT_PRODUCER),
	};
	struct mqk_headers h;
	int status;

	status = check(ctl, args);
	if (!status)
		status = check_producer(&g, args);
	if (!status)
		status = headers_build(ctl, args, OPT_HEADER, &h);
	if (status)
		return status;
	status = properties_build(ctl, args, &g.message, &h);
	if (!status)
		status = set_delay(ctl, args, &g.message);
	if (!status)
		status = set_group(ctl, args, &g.message, &h);
	if (status) {
		headers_free(&h);
		return status;
	}
	g.message.flags |= args_has(args, OPT_MANDATORY) ?
			   MQK_MSG_F_MANDATORY : 0;
	g.message.flags |= headers_flags(args);
	g.message.key = (uintptr_t)g.key;
	g.message.key_len = (uint8_t)strlen(g.key);
	g.message.headers = (uintptr_t)h.buf;
	g.message.headers_len = (uint16_t)h.len;
	g.m = ctl_session(ctl, ACCESS_WRITE);
	status = g.m ? publish_open(&g, args) : REFUSED;
	headers_free(&h);
	return status;
}

int forget(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .doing = "forget the producer" };
	struct mqk *m = ctl_session(ctl, ACCESS_WRITE);
	struct mqk_port_opts o = { .sz = sizeof(o), .producer = args->pos[0] };
	struct mqk_port *p;
	int err;

	if (!m)
		return REFUSED;
	err = mqk_port_open(m, &o, &p);
	if (!err) {
		err = mqk_port_forget(p);
		if (err)
			mqk_port_close(p);
	}
	return err ? refused(ctl, m, err, &subject) : DONE;
}
