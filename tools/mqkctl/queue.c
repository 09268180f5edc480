// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue declare, delete, purge, cancel, set, pause, resume, list.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "owner.h"
#include "table.h"
#include "text.h"

/* The queue that is there now: its name, which the kernel may have made. */
static int print_queue(struct ctl *ctl, const struct mqk_queue_info *q)
{
	struct json j;
	char *name;

	if (ctl->json) {
		json_begin(&j, stdout);
		json_string(&j, "name", q->name);
		json_u64(&j, "ready", q->ready);
		json_u64(&j, "consumers", q->consumers);
		json_u64(&j, "id", q->id);
		json_end(&j);
		return DONE;
	}
	name = text_name(q->name);
	if (!name)
		return out_of_memory(ctl);
	puts(name);
	free(name);
	return DONE;
}

static int declare(struct ctl *ctl, const struct args *args,
		   const struct mqk_queue_opts *o)
{
	const char *name = args->pos[0];
	struct subject subject = { .queue = name ? name : "",
				   .doing = "declare" };
	struct mqk_queue_info q = { .sz = sizeof(q) };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	int err;

	if (!m)
		return REFUSED;
	if (args_has(args, OPT_PASSIVE)) {
		subject.doing = NULL;
		err = mqk_queue_lookup(m, name, &q);
	} else {
		err = mqk_queue_declare(m, name, o, &q);
	}
	return err ? refused(ctl, m, err, &subject) : print_queue(ctl, &q);
}

int queue_declare(struct ctl *ctl, const struct args *args)
{
	struct mqk_queue_opts o = {
		.sz = sizeof(o),
		.durable = args_has(args, OPT_DURABLE),
		.auto_delete = args_has(args, OPT_AUTO_DELETE),
		.exclusive = args_has(args, OPT_EXCLUSIVE),
	};
	struct mqk_headers h;
	int status;

	if (args_has(args, OPT_PASSIVE) && !args->pos[0])
		return bad_usage(ctl, "queue declare: --passive needs the NAME of a queue");
	status = args_mode(ctl, args, &o.mode_set, &o.mode);
	if (!status)
		status = headers_build(ctl, args, OPT_ARG, &h);
	if (status)
		return status;
	o.args = h.buf;
	o.args_len = h.len;
	status = declare(ctl, args, &o);
	headers_free(&h);
	return status;
}

/* How many messages are gone. */
static void print_messages(const char *queue, uint64_t messages)
{
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "queue", queue);
	json_u64(&j, "messages", messages);
	json_end(&j);
}

int queue_delete(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .queue = args->pos[0], .doing = "delete" };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	uint32_t flags = 0;
	uint64_t messages;
	int err;

	if (!m)
		return REFUSED;
	if (args_has(args, OPT_IF_UNUSED))
		flags |= MQK_DELETE_F_IF_UNUSED;
	if (args_has(args, OPT_IF_EMPTY))
		flags |= MQK_DELETE_F_IF_EMPTY;
	err = mqk_queue_delete(m, args->pos[0], flags, &messages);
	if (err)
		return refused(ctl, m, err, &subject);
	if (ctl->json)
		print_messages(args->pos[0], messages);
	return DONE;
}

/* What was done to a queue, or not, and to how many messages. */
static int messages_gone(struct ctl *ctl, struct mqk *m, const char *queue, int err,
			 uint64_t messages)
{
	struct subject subject = { .queue = queue };

	if (err)
		return refused(ctl, m, err, &subject);
	if (ctl->json)
		print_messages(queue, messages);
	else
		printf("%" PRIu64 "\n", messages);
	return DONE;
}

int queue_purge(struct ctl *ctl, const struct args *args)
{
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	uint64_t messages = 0;
	int err;

	if (!m)
		return REFUSED;
	err = mqk_queue_purge(m, args->pos[0], &messages);
	return messages_gone(ctl, m, args->pos[0], err, messages);
}

int queue_cancel(struct ctl *ctl, const struct args *args)
{
	size_t len = strlen(args->pos[1]);
	uint64_t messages = 0;
	struct mqk *m;
	int err;

	if (!len || len > MQK_ID_MAX)
		return bad_usage(ctl, "queue cancel: an id has 1 to %d bytes", MQK_ID_MAX);
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m)
		return REFUSED;
	err = mqk_queue_cancel(m, args->pos[0], args->pos[1], len, &messages);
	return messages_gone(ctl, m, args->pos[0], err, messages);
}

int queue_redrive(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .queue = args->pos[0], .doing = "redrive" };
	uint64_t count = UINT64_MAX, moved;
	struct mqk *m;
	int err, status;

	status = args_count(ctl, args, OPT_COUNT, 1, UINT64_MAX, &count);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m)
		return REFUSED;
	err = mqk_queue_redrive(m, args->pos[0], count, &moved);
	if (err)
		return refused(ctl, m, err, &subject);
	if (ctl->json)
		print_messages(args->pos[0], moved);
	else
		printf("%" PRIu64 "\n", moved);
	return DONE;
}

int queue_set(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .queue = args->pos[0], .doing = "change" };
	struct mqk_headers h;
	struct mqk *m;
	int err, status;

	status = headers_build(ctl, args, OPT_ARG, &h);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_ANY);
	err = m ? mqk_queue_set(m, args->pos[0], h.buf, h.len) : 0;
	headers_free(&h);
	if (!m)
		return REFUSED;
	return err ? refused(ctl, m, err, &subject) : DONE;
}

static int pause_or_resume(struct ctl *ctl, const struct args *args,
			   int (*fn)(struct mqk *m, const char *name),
			   const char *doing)
{
	struct subject subject = { .queue = args->pos[0], .doing = doing };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	int err;

	if (!m)
		return REFUSED;
	err = fn(m, args->pos[0]);
	return err ? refused(ctl, m, err, &subject) : DONE;
}

int queue_pause(struct ctl *ctl, const struct args *args)
{
	return pause_or_resume(ctl, args, mqk_queue_pause, "pause");
}

int queue_resume(struct ctl *ctl, const struct args *args)
{
	return pause_or_resume(ctl, args, mqk_queue_resume, "resume");
}

static void list_json(const struct mqk_queue_info *q)
{
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "name", q->name);
	json_u64(&j, "ready", q->ready);
	json_u64(&j, "unacked", q->unacked);
	json_u64(&j, "consumers", q->consumers);
	json_u64(&j, "bytes", q->bytes);
	json_bool(&j, "durable", q->flags & MQK_DECLARE_F_DURABLE);
	json_bool(&j, "auto_delete", q->flags & MQK_DECLARE_F_AUTO_DELETE);
	json_bool(&j, "exclusive", q->flags & MQK_DECLARE_F_EXCLUSIVE);
	json_bool(&j, "paused", q->flags & MQK_QUEUE_F_PAUSED);
	owner_json(&j, q->mode, q->uid, q->gid);
	json_u64(&j, "published", q->published);
	json_u64(&j, "delivered", q->delivered);
	json_u64(&j, "redelivered", q->redelivered);
	json_u64(&j, "acked", q->acked);
	json_u64(&j, "dropped", q->dropped);
	json_u64(&j, "index_bytes", q->index_bytes);
	json_u64(&j, "retrying", q->retrying);
	json_u64(&j, "scheduled", q->scheduled);
	json_u64(&j, "dying", q->dying);
	json_u64(&j, "repeated", q->repeated);
	json_u64(&j, "id", q->id);
	json_end(&j);
}

static void list_row(struct table *t, const struct mqk_queue_info *q)
{
	table_name(t, q->name);
	table_u64(t, q->ready);
	table_u64(t, q->unacked);
	table_u64(t, q->scheduled);
	table_u64(t, q->consumers);
	table_u64(t, q->bytes);
	owner_cells(t, q->mode, q->uid, q->gid);
	declare_flags_cell(t, q->flags);
}

int queue_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"NAME", ">READY", ">UNACKED", ">SCHEDULED", ">CONSUMERS", ">BYTES",
		"MODE", "OWNER", "FLAGS",
	};
	struct mqk_queue_info q = { .sz = sizeof(q) };
	struct subject subject = { .doing = "list of queues" };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	struct table t;
	int ret;

	(void)args;
	if (!m)
		return REFUSED;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	while ((ret = mqk_queue_next(m, &q)) > 0) {
		if (ctl->json)
			list_json(&q);
		else
			list_row(&t, &q);
	}
	if (!ctl->json && !table_print(&t, stdout, 0))
		return out_of_memory(ctl);
	return ret ? refused(ctl, m, ret, &subject) : DONE;
}
