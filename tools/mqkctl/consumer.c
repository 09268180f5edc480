// SPDX-License-Identifier: GPL-2.0-only
/*
 * consumer list.
 */
#include "args.h"
#include "commands.h"
#include "json.h"
#include "table.h"

struct lines {
	struct ctl *ctl;
	struct table table;
};

static const char *ack_mode(const struct mqk_consumer_info *c)
{
	return c->flags & MQK_CONSUMER_F_NOACK ? "none" : "explicit";
}

/* What keeps it from getting more, if anything does. */
static const char *state(const struct mqk_consumer_info *c)
{
	if (c->error)
		return "ended";
	if (c->state & MQK_CONSUMER_PAGE_F_CANCELLED)
		return "cancelled";
	if (c->flags & MQK_CONSUMER_F_PULL)
		return "pulls";
	if (c->state & MQK_CONSUMER_STATE_WAITS)
		return "waits";
	if (c->state & MQK_CONSUMER_PAGE_F_KICK)
		return "full";
	return c->state & MQK_CONSUMER_STATE_ACTIVE ? "active" : "ready";
}

static void list_json(const struct mqk_consumer_info *c)
{
	struct json j;

	json_begin(&j, stdout);
	if (c->queue)
		json_string(&j, "queue", c->queue);
	else
		json_null(&j, "queue");
	json_u64(&j, "session", c->session);
	json_u64(&j, "id", c->id);
	json_u64(&j, "pid", c->pid);
	json_u64(&j, "uid", c->uid);
	json_u64(&j, "prefetch", c->prefetch);
	json_u64(&j, "unacked", c->unacked);
	json_u64(&j, "delivered", c->delivered);
	json_string(&j, "ack", ack_mode(c));
	json_bool(&j, "exclusive", c->flags & MQK_CONSUMER_F_EXCLUSIVE);
	json_bool(&j, "copy", c->flags & MQK_CONSUMER_F_COPY);
	json_i64(&j, "priority", c->priority);
	json_bool(&j, "active", c->state & MQK_CONSUMER_STATE_ACTIVE);
	json_string(&j, "state", state(c));
	json_i64(&j, "error", c->error);
	json_u64(&j, "queue_id", c->queue_id);
	json_u64(&j, "number", c->number);
	json_end(&j);
}

static void list_row(struct table *t, const struct mqk_consumer_info *c)
{
	if (c->queue)
		table_name(t, c->queue);
	else
		table_text(t, "-");
	table_u64(t, c->session);
	table_u64(t, c->id);
	table_u64(t, c->pid);
	table_u64(t, c->uid);
	table_u64(t, c->prefetch);
	table_u64(t, c->unacked);
	table_text(t, "%d", c->priority);
	table_text(t, "%s", ack_mode(c));
	table_text(t, "%s", state(c));
}

static int list_one(const struct mqk_consumer_info *c, void *arg)
{
	struct lines *l = arg;

	if (l->ctl->json)
		list_json(c);
	else
		list_row(&l->table, c);
	return 0;
}

int consumer_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"QUEUE", ">SESSION", ">ID", ">PID", ">UID", ">PREFETCH",
		">UNACKED", ">PRIORITY", "ACK", "STATE",
	};
	struct subject subject = { .doing = "list of consumers" };
	struct lines l = { .ctl = ctl };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	int err;

	(void)args;
	if (!m)
		return REFUSED;
	table_init(&l.table, titles, sizeof(titles) / sizeof(titles[0]));
	err = mqk_consumer_list(m, list_one, &l);
	if (!ctl->json && !table_print(&l.table, stdout, 0))
		return out_of_memory(ctl);
	return err ? refused(ctl, m, err, &subject) : DONE;
}
