// SPDX-License-Identifier: GPL-2.0-only
/*
 * binding list.
 */
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "table.h"
#include "text.h"

struct lines {
	struct ctl *ctl;
	struct table table;
};

static void list_json(const struct mqk_binding_info *b)
{
	bool exchange = b->flags & MQK_BIND_F_EXCHANGE;
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "exchange", b->exchange);
	json_string(&j, exchange ? "to_exchange" : "queue", b->queue);
	json_text(&j, "key", b->key, b->key_len);
	headers_json(&j, "arguments", b->args, b->args_len);
	json_u64(&j, "exchange_id", b->exchange_id);
	json_u64(&j, exchange ? "to_exchange_id" : "queue_id", b->queue_id);
	json_u64(&j, "number", b->number);
	json_end(&j);
}

static void list_row(struct table *t, const struct mqk_binding_info *b)
{
	char *text = b->args_len ? headers_text(b->args, b->args_len) : NULL;
	char *to;

	table_name(t, b->exchange);
	if (b->flags & MQK_BIND_F_EXCHANGE) {
		to = text_name(b->queue);
		table_text(t, "exchange %s", to ? to : "?");
		free(to);
	} else {
		table_name(t, b->queue);
	}
	table_word(t, b->key, b->key_len);
	table_text(t, "%s", b->args_len ? text ? text : "?" : "-");
	free(text);
}

static int list_one(const struct mqk_binding_info *b, void *arg)
{
	struct lines *l = arg;

	if (l->ctl->json)
		list_json(b);
	else
		list_row(&l->table, b);
	return 0;
}

int binding_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"EXCHANGE", "QUEUE", "KEY", "ARGUMENTS",
	};
	struct subject subject = { .doing = "list of bindings" };
	struct lines l = { .ctl = ctl };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	int err;

	(void)args;
	if (!m)
		return REFUSED;
	table_init(&l.table, titles, sizeof(titles) / sizeof(titles[0]));
	err = mqk_binding_list(m, list_one, &l);
	if (!ctl->json && !table_print(&l.table, stdout, 0))
		return out_of_memory(ctl);
	return err ? refused(ctl, m, err, &subject) : DONE;
}
