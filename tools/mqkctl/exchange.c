// SPDX-License-Identifier: GPL-2.0-only
/*
 * exchange declare, delete, list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "owner.h"
#include "table.h"

static const char *const types[] = {
	[0] = "-",
	[MQK_EXCHANGE_DIRECT] = "direct",
	[MQK_EXCHANGE_FANOUT] = "fanout",
	[MQK_EXCHANGE_TOPIC] = "topic",
	[MQK_EXCHANGE_HEADERS] = "headers",
	[MQK_EXCHANGE_HASH] = "x-consistent-hash",
	[MQK_EXCHANGE_LAST_VALUE] = "x-last-value",
	[MQK_EXCHANGE_SYSTEM] = "system",
};

#define TYPES_NR	((int)(sizeof(types) / sizeof(types[0])))

static const char *type_name(uint32_t type)
{
	return type < (uint32_t)TYPES_NR ? types[type] : "unknown";
}

/* 0 when there is none: with --passive it need not be. */
static int parse_type(struct ctl *ctl, const struct args *args, uint32_t *type)
{
	const char *text = args_value(args, OPT_TYPE);
	int found;

	*type = 0;
	if (!text)
		return DONE;
	found = word_find(text, types + 1, TYPES_NR - 1);
	if (found < 0)
		return bad_usage(ctl, "--type %s: there is no such exchange type; use direct, fanout, topic, headers or x-consistent-hash",
				 text);
	*type = (uint32_t)found + 1;
	return DONE;
}

static int check_passive(struct ctl *ctl, struct mqk *m, const char *name,
			 uint32_t type)
{
	struct subject subject = { .exchange = name };
	struct mqk_exchange_info info = { .sz = sizeof(info) };
	uint32_t id;
	int err;

	err = mqk_exchange_id(m, name, &id);
	if (!err)
		err = mqk_exchange_get(m, id, &info);
	if (err)
		return refused(ctl, m, err, &subject);
	if (type && info.type != type)
		return refuse(ctl, "exchange '%s': it is of type %s; declare it with that type, or delete it first",
			      name, type_name(info.type));
	return DONE;
}

int exchange_declare(struct ctl *ctl, const struct args *args)
{
	struct mqk_exchange_opts o = {
		.sz = sizeof(o),
		.durable = args_has(args, OPT_DURABLE),
		.auto_delete = args_has(args, OPT_AUTO_DELETE),
		.internal = args_has(args, OPT_INTERNAL),
	};
	const char *name = args->pos[0];
	struct subject subject = { .exchange = name, .doing = "declare" };
	struct mqk_headers h;
	uint32_t type;
	struct mqk *m;
	int status, err;

	status = parse_type(ctl, args, &type);
	if (!status)
		status = args_mode(ctl, args, &o.mode_set, &o.mode);
	if (!status)
		status = headers_build(ctl, args, OPT_ARG, &h);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m) {
		status = REFUSED;
	} else if (args_has(args, OPT_PASSIVE)) {
		status = check_passive(ctl, m, name, type);
	} else {
		o.args = h.buf;
		o.args_len = h.len;
		err = mqk_exchange_declare(m, name, type, &o, NULL);
		if (err)
			status = refused(ctl, m, err, &subject);
	}
	headers_free(&h);
	return status;
}

int exchange_delete(struct ctl *ctl, const struct args *args)
{
	uint32_t flags = args_has(args, OPT_IF_UNUSED) ?
			 MQK_DELETE_F_IF_UNUSED : 0;
	struct subject subject = { .exchange = args->pos[0],
				   .doing = "delete" };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	int err;

	if (!m)
		return REFUSED;
	err = mqk_exchange_delete(m, args->pos[0], flags);
	return err ? refused(ctl, m, err, &subject) : DONE;
}

static void list_json(const struct mqk_exchange_info *x)
{
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "name", x->name);
	json_string(&j, "type", type_name(x->type));
	json_u64(&j, "bindings", x->bindings);
	json_bool(&j, "durable", x->flags & MQK_DECLARE_F_DURABLE);
	json_bool(&j, "auto_delete", x->flags & MQK_DECLARE_F_AUTO_DELETE);
	json_bool(&j, "internal", x->flags & MQK_DECLARE_F_INTERNAL);
	headers_json(&j, "arguments", x->args, x->args_len);
	owner_json(&j, x->mode, x->uid, x->gid);
	json_u64(&j, "id", x->id);
	json_end(&j);
}

static void list_row(struct table *t, const struct mqk_exchange_info *x)
{
	char *text = x->args_len ? headers_text(x->args, x->args_len) : NULL;

	table_name(t, x->name);
	table_text(t, "%s", type_name(x->type));
	table_u64(t, x->bindings);
	owner_cells(t, x->mode, x->uid, x->gid);
	declare_flags_cell(t, x->flags);
	table_text(t, "%s", x->args_len ? text ? text : "?" : "-");
	free(text);
}

int exchange_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"NAME", "TYPE", ">BINDINGS", "MODE", "OWNER", "FLAGS",
		"ARGUMENTS",
	};
	struct mqk_exchange_info x = { .sz = sizeof(x) };
	struct subject subject = { .doing = "list of exchanges" };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	struct table t;
	int ret;

	(void)args;
	if (!m)
		return REFUSED;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	while ((ret = mqk_exchange_next(m, &x)) > 0) {
		if (ctl->json)
			list_json(&x);
		else
			list_row(&t, &x);
	}
	if (!ctl->json && !table_print(&t, stdout, 0))
		return out_of_memory(ctl);
	return ret ? refused(ctl, m, ret, &subject) : DONE;
}
