// SPDX-License-Identifier: GPL-2.0-only
/*
 * call: send a request, and print the reply.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "input.h"
#include "message.h"
#include "number.h"
#include "property.h"

#define TIMEOUT	30	/* seconds, unless told */

/**
 * struct calling - a run of call
 * @p: prints the reply
 * @c: the caller
 * @request: the request
 * @headers: its headers
 * @in: its data, when that was read
 * @subject: for errors
 * @key: its routing key
 * @seconds: how long to wait for a reply
 */
struct calling {
	struct printer p;
	struct mqk_caller *c;
	struct mqk_message request;
	struct mqk_headers headers;
	struct input in;
	struct subject subject;
	const char *key;
	double seconds;
};

static int failed(struct calling *g, int err)
{
	if (err == -ETIMEDOUT)
		return refuse(g->p.ctl, "exchange '%s', key '%s': no reply within %g seconds; the request may still be carried out",
			      g->subject.exchange, g->key, g->seconds);
	if (err == -ENOENT)
		return refuse(g->p.ctl, "exchange '%s', key '%s': the request reaches no queue; nobody serves there",
			      g->subject.exchange, g->key);
	if (err == -ENOBUFS)
		return refuse(g->p.ctl, "exchange '%s', key '%s': a queue that it leads to is full and refuses the request",
			      g->subject.exchange, g->key);
	return refused(g->p.ctl, g->p.m, err, &g->subject);
}

static int ask(struct calling *g)
{
	struct mqk_caller_opts o = { .sz = sizeof(o), .copy = true };
	struct mqk_msg reply;
	int err, status = DONE;

	err = mqk_exchange_id(g->p.m, g->subject.exchange,
			      &g->request.exchange);
	if (err)
		return refused(g->p.ctl, g->p.m, err, &g->subject);
	err = mqk_caller_open(g->p.m, &o, &g->c);
	if (err)
		return refused(g->p.ctl, g->p.m, err, &g->subject);
	g->p.queue = mqk_caller_address(g->c);
	err = mqk_callv(g->c, &g->request, &reply,
			(int64_t)(g->seconds * 1e9));
	if (err) {
		status = failed(g, err);
	} else {
		printer_message(&g->p, &reply);
		if (!printer_flush())
			status = printer_failed(g->p.ctl, "the reply is lost");
	}
	mqk_caller_close(g->c);
	return status;
}

/* The data of the request: words, a file, or standard input. */
static int read_data(struct calling *g, const struct args *args)
{
	const char *data = args->pos[2], *file = args_value(args, OPT_FILE);
	bool is_stdin = !file || !strcmp(file, "-");
	struct mqk_query q = { .size = sizeof(q) };
	int fd, err;

	if (data) {
		g->request.payload = (uintptr_t)data;
		g->request.payload_len = (uint32_t)strlen(data);
		return DONE;
	}
	err = mqk_query(g->p.m, &q);
	if (err < 0)
		return refused(g->p.ctl, g->p.m, err, &g->subject);
	fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse(g->p.ctl, "%s: %s", file, strerror(errno));
	input_init(&g->in, fd, q.message_max);
	err = input_read_all(&g->in);
	if (!is_stdin)
		close(fd);
	if (err)
		return refuse(g->p.ctl, "%s: %s",
			      is_stdin ? "standard input" : file,
			      strerror(-err));
	g->request.payload = (uintptr_t)g->in.buf;
	g->request.payload_len = (uint32_t)g->in.len;
	return DONE;
}

static int check(struct ctl *ctl, const struct args *args, struct calling *g)
{
	const char *file = args_value(args, OPT_FILE);
	const char *timeout = args_value(args, OPT_TIMEOUT);

	if (args->pos[2] && file)
		return bad_usage(ctl, "call: DATA and --file exclude each other");
	if (ctl->stdin_used && !args->pos[2] && (!file || !strcmp(file, "-")))
		return bad_usage(ctl, "call: standard input holds the commands; give DATA or --file");
	if (strlen(g->key) > MQK_KEY_MAX)
		return refuse(ctl, "call: the key is too long; use at most %d bytes",
			      MQK_KEY_MAX);
	if (timeout && !number_seconds(timeout, &g->seconds))
		return bad_usage(ctl, "--timeout %s: give a number of seconds, such as 0.5",
				 timeout);
	return DONE;
}

static int call_open(struct calling *g, struct ctl *ctl,
		     const struct args *args)
{
	struct mqk *m = ctl_session(ctl, ACCESS_BOTH);
	int status;

	if (!m)
		return REFUSED;
	status = printer_init(&g->p, ctl, m, args);
	if (status)
		return status;
	status = read_data(g, args);
	if (!status)
		status = ask(g);
	if (g->in.buf)
		input_destroy(&g->in);
	printer_destroy(&g->p);
	return status;
}

int call_call(struct ctl *ctl, const struct args *args)
{
	struct calling g = {
		.subject = { .exchange = args->pos[0],
			     .doing = "publish to" },
		.key = args->pos[1],
		.seconds = TIMEOUT,
	};
	int status;

	status = check(ctl, args, &g);
	if (!status)
		status = headers_build(ctl, args, OPT_HEADER, &g.headers);
	if (status)
		return status;
	status = properties_build(ctl, args, &g.request, &g.headers);
	if (!status) {
		g.request.key = (uintptr_t)g.key;
		g.request.key_len = (uint8_t)strlen(g.key);
		g.request.headers = (uintptr_t)g.headers.buf;
		g.request.headers_len = (uint16_t)g.headers.len;
		status = call_open(&g, ctl, args);
	}
	headers_free(&g.headers);
	return status;
}
