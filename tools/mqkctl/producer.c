// SPDX-License-Identifier: GPL-2.0-only
/*
 * producer list.
 */
#include "args.h"
#include "commands.h"
#include "json.h"
#include "table.h"

struct lines {
	struct ctl *ctl;
	struct table table;
};

static void list_json(const struct mqk_producer_info *p)
{
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "name", p->name);
	json_u64(&j, "last", p->last);
	json_bool(&j, "open", p->flags & MQK_PRODUCER_F_OPEN);
	json_u64(&j, "pid", p->pid);
	json_u64(&j, "uid", p->uid);
	json_u64(&j, "gid", p->gid);
	json_u64(&j, "mode", p->mode);
	json_u64(&j, "number", p->number);
	json_end(&j);
}

static void list_row(struct table *t, const struct mqk_producer_info *p)
{
	table_name(t, p->name);
	table_u64(t, p->last);
	if (p->flags & MQK_PRODUCER_F_OPEN)
		table_u64(t, p->pid);
	else
		table_text(t, "-");
	table_u64(t, p->uid);
	table_u64(t, p->gid);
	table_text(t, "%04o", p->mode);
}

static int list_one(const struct mqk_producer_info *p, void *arg)
{
	struct lines *l = arg;

	if (l->ctl->json)
		list_json(p);
	else
		list_row(&l->table, p);
	return 0;
}

int producer_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"NAME", ">LAST", ">PID", ">UID", ">GID", "MODE",
	};
	struct subject subject = { .doing = "list of producers" };
	struct lines l = { .ctl = ctl };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	int err;

	(void)args;
	if (!m)
		return REFUSED;
	table_init(&l.table, titles, sizeof(titles) / sizeof(titles[0]));
	err = mqk_producer_list(m, list_one, &l);
	if (!ctl->json && !table_print(&l.table, stdout, 0))
		return out_of_memory(ctl);
	return err ? refused(ctl, m, err, &subject) : DONE;
}
