// SPDX-License-Identifier: GPL-2.0-only
/*
 * bind, unbind, route.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "text.h"

#define KEY_HELP	"the key is too long; use at most 255 bytes"

typedef int bind_call(struct mqk *m, const char *exchange, const char *queue,
		      const void *key, size_t key_len, const void *args,
		      size_t args_len);

static int change(struct ctl *ctl, const struct args *args, bind_call *call,
		  const char *doing)
{
	struct subject subject = { .exchange = args->pos[0],
				   .queue = args->pos[1], .doing = doing };
	const char *key = args->pos[2] ? args->pos[2] : "";
	struct mqk_headers h;
	struct mqk *m;
	int status, err;

	if (strlen(key) > MQK_KEY_MAX)
		return refuse(ctl, "%s: " KEY_HELP, doing);
	status = headers_build(ctl, args, OPT_ARG, &h);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m) {
		status = REFUSED;
	} else {
		err = call(m, args->pos[0], args->pos[1], MQK_STR(key), h.buf,
			   h.len);
		if (err)
			status = refused(ctl, m, err, &subject);
	}
	headers_free(&h);
	return status;
}

int bind_bind(struct ctl *ctl, const struct args *args)
{
	return change(ctl, args, args_has(args, OPT_TO_EXCHANGE) ?
				 mqk_bind_exchange : mqk_bind, "bind");
}

int bind_unbind(struct ctl *ctl, const struct args *args)
{
	return change(ctl, args, args_has(args, OPT_TO_EXCHANGE) ?
				 mqk_unbind_exchange : mqk_unbind, "unbind");
}

/* Ids of all queues, malloc'ed; their number or a negative errno. */
static int ask(struct mqk *m, const struct args *args,
	       const struct mqk_headers *h, uint32_t **ids)
{
	const char *key = args->pos[1];
	uint32_t room = 64;
	int n;

	*ids = NULL;
	for (;;) {
		uint32_t *more = reallocarray(*ids, room, sizeof(**ids));

		if (!more)
			return -ENOMEM;
		*ids = more;
		n = mqk_route(m, args->pos[0], MQK_STR(key), h->buf, h->len,
			      headers_flags(args),
			      *ids, room);
		if (n <= 0 || (uint32_t)n <= room)
			return n;
		room = (uint32_t)n;
	}
}

/* Drop the ids of queues that are gone meanwhile; names of the others. */
static int names_of(struct mqk *m, const uint32_t *ids, int n, char **names)
{
	struct mqk_queue_info q = { .sz = sizeof(q) };
	int i, err, found = 0;

	for (i = 0; i < n; i++) {
		err = mqk_queue_get(m, ids[i], &q);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		names[found] = strdup(q.name);
		if (!names[found++])
			return -ENOMEM;
	}
	return found;
}

static void route_json(const struct args *args, char **names, int n)
{
	bool exact = true;
	struct json j;
	int i;

	json_begin(&j, stdout);
	json_string(&j, "exchange", args->pos[0]);
	json_string(&j, "key", args->pos[1]);
	json_open(&j, "queues", '[');
	for (i = 0; i < n; i++) {
		json_string(&j, NULL, names[i]);
		exact = exact && utf8_valid(names[i], strlen(names[i]));
	}
	json_close(&j, ']');
	if (!exact) {
		json_open(&j, "queues_base64", '[');
		for (i = 0; i < n; i++)
			json_base64(&j, NULL, names[i], strlen(names[i]));
		json_close(&j, ']');
	}
	json_end(&j);
}

static void route_print(char **names, int n)
{
	char *name;
	int i;

	for (i = 0; i < n; i++) {
		name = text_name(names[i]);
		puts(name ? name : "?");
		free(name);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int show(struct ctl *ctl, struct mqk *m, const struct args *args,
		const uint32_t *ids, int n)
{
	struct subject subject = { .exchange = args->pos[0],
				   .doing = "route through" };
	char **names = calloc((size_t)n + 1, sizeof(*names));
	int status = DONE;
	int i, found;

	if (!names)
		return out_of_memory(ctl);
	found = names_of(m, ids, n, names);
	if (found < 0) {
		status = refused(ctl, m, found, &subject);
	} else {
		qsort(names, (size_t)found, sizeof(*names), by_name);
		if (ctl->json)
			route_json(args, names, found);
		else
			route_print(names, found);
	}
	for (i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return status;
}

int bind_route(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .exchange = args->pos[0],
				   .doing = "route through" };
	struct mqk_headers h;
	struct mqk *m;
	uint32_t *ids;
	int status, n;

	if (strlen(args->pos[1]) > MQK_KEY_MAX)
		return refuse(ctl, "route: " KEY_HELP);
	status = headers_build(ctl, args, OPT_HEADER, &h);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m) {
		status = REFUSED;
	} else {
		n = ask(m, args, &h, &ids);
		if (n < 0)
			status = refused(ctl, m, n, &subject);
		else
			status = show(ctl, m, args, ids, n);
		free(ids);
	}
	headers_free(&h);
	return status;
}
