// SPDX-License-Identifier: GPL-2.0-only
/*
 * broker create, delete, open, close, list.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "number.h"
#include "resource.h"
#include "table.h"

/* A user by name or number; *group is that of the user's login. */
static bool find_user(const char *name, uint32_t *uid, uint32_t *group)
{
	const struct passwd *pw = getpwnam(name);
	uint64_t number;

	if (!pw && number_u64(name, &number) && number < UINT32_MAX) {
		*uid = (uint32_t)number;
		pw = getpwuid((uid_t)number);
		*group = pw ? pw->pw_gid : getgid();
		return true;
	}
	if (!pw)
		return false;
	*uid = pw->pw_uid;
	*group = pw->pw_gid;
	return true;
}

static bool find_group(const char *name, uint32_t *gid)
{
	const struct group *gr = getgrnam(name);
	uint64_t number;

	if (!gr && number_u64(name, &number) && number < UINT32_MAX) {
		*gid = (uint32_t)number;
		return true;
	}
	if (gr)
		*gid = gr->gr_gid;
	return gr != NULL;
}

/* U, U:, U:G or :G, as chown(1) has it. */
static int parse_owner(struct ctl *ctl, const struct args *args,
		       struct mqk_broker_opts *o)
{
	const char *text = args_value(args, OPT_OWNER);
	const char *colon;
	char *user;
	uint32_t login = 0;
	int status = DONE;

	if (!text)
		return DONE;
	o->owner_set = true;
	o->uid = getuid();
	o->gid = getgid();
	colon = strchr(text, ':');
	user = strndup(text, strcspn(text, ":"));
	if (!user)
		return out_of_memory(ctl);
	if (*user && !find_user(user, &o->uid, &login))
		status = bad_usage(ctl, "--owner %s: there is no user %s", text,
				   user);
	else if (colon && colon[1] && !find_group(colon + 1, &o->gid))
		status = bad_usage(ctl, "--owner %s: there is no group %s",
				   text, colon + 1);
	else if (colon && !colon[1] && *user)
		o->gid = login;
	free(user);
	return status;
}

static int parse_limit(struct ctl *ctl, const char *text,
		       struct mqk_broker_opts *o)
{
	size_t len = strcspn(text, "=");
	unsigned int i;

	for (i = 0; i < MQK_RES_NR; i++)
		if (strlen(resource_names[i]) == len &&
		    !memcmp(resource_names[i], text, len))
			break;
	if (i == MQK_RES_NR)
		return bad_usage(ctl, "--limit %s: give RESOURCE=NUMBER, with sessions, ports, consumers, exchanges, queues, bindings, messages, bytes or mapped",
				 text);
	if (!text[len] || !number_size(text + len + 1, &o->limit[i]) ||
	    !o->limit[i])
		return bad_usage(ctl, "--limit %s: give a number from 1, such as 1000 or 64M",
				 text);
	return DONE;
}

/* How messages are kept. */
static int parse_sync(struct ctl *ctl, const struct args *args,
		      struct mqk_broker_opts *o)
{
	static const char *const levels[] = {
		[MQK_SYNC_NONE] = "none",
		[MQK_SYNC_CACHE] = "cache",
		[MQK_SYNC_DISK] = "disk",
	};
	const char *text = args_value(args, OPT_SYNC);

	if (!text)
		return DONE;
	if (!o->durable)
		return bad_usage(ctl, "--sync goes with --dir");
	for (o->sync = 0; o->sync < 3; o->sync++)
		if (!strcmp(text, levels[o->sync]))
			return DONE;
	return bad_usage(ctl, "--sync %s: give none, cache or disk", text);
}

/* The directory of a durable broker, open; -1: the reason was printed. */
static int open_dir(struct ctl *ctl, const struct args *args)
{
	const char *path = args_value(args, OPT_DIR);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		refuse(ctl, "directory %s: %s", path, strerror(errno));
	return fd;
}

static int parse_opts(struct ctl *ctl, const struct args *args,
		      struct mqk_broker_opts *o)
{
	const char *limit;
	int pos = 0;
	int status;

	o->nomap = args_has(args, OPT_NOMAP);
	o->durable = args_has(args, OPT_DIR);
	status = args_mode(ctl, args, &o->mode_set, &o->mode);
	if (!status)
		status = args_size(ctl, args, OPT_SEGMENT_SIZE,
				   &o->segment_size);
	if (!status)
		status = parse_owner(ctl, args, o);
	while (!status && (limit = args_each(args, OPT_LIMIT, &pos)))
		status = parse_limit(ctl, limit, o);
	if (!status)
		status = args_size(ctl, args, OPT_MAX_BYTES, &o->limit[MQK_RES_BYTES]);
	if (!status)
		status = parse_sync(ctl, args, o);
	return status;
}

int broker_create(struct ctl *ctl, const struct args *args)
{
	struct mqk_broker_opts o = { .sz = sizeof(o) };
	const char *name = args->pos[0];
	struct mqk *m;
	int err;

	err = parse_opts(ctl, args, &o);
	if (err)
		return err;
	m = ctl_control(ctl);
	if (!m)
		return REFUSED;
	if (o.durable) {
		o.dir = open_dir(ctl, args);
		if (o.dir < 0)
			return REFUSED;
	}
	err = mqk_broker_create(m, name, &o);
	if (o.durable)
		close(o.dir);
	return err ? broker_refused(ctl, m, err, name, "create") : DONE;
}

int broker_open(struct ctl *ctl, const struct args *args)
{
	struct mqk_broker_opts o = { .sz = sizeof(o) };
	const char *name = args->pos[0];
	struct mqk *m;
	int dir, err;

	err = args_mode(ctl, args, &o.mode_set, &o.mode);
	if (!err)
		err = parse_owner(ctl, args, &o);
	if (err)
		return err;
	m = ctl_control(ctl);
	if (!m)
		return REFUSED;
	dir = open_dir(ctl, args);
	if (dir < 0)
		return REFUSED;
	err = mqk_broker_open(m, name, dir, &o);
	close(dir);
	return err ? broker_refused(ctl, m, err, name, "open") : DONE;
}

static uint32_t end_flags(const struct args *args)
{
	return args_has(args, OPT_FORCE) ? MQK_BROKER_DELETE_F_FORCE : 0;
}

int broker_close(struct ctl *ctl, const struct args *args)
{
	const char *name = args->pos[0];
	struct mqk *m = ctl_control(ctl);
	int err;

	if (!m)
		return REFUSED;
	err = mqk_broker_close(m, name, end_flags(args));
	return err ? broker_refused(ctl, m, err, name, "close") : DONE;
}

int broker_delete(struct ctl *ctl, const struct args *args)
{
	const char *name = args->pos[0];
	struct mqk *m = ctl_control(ctl);
	int err;

	if (!m)
		return REFUSED;
	err = mqk_broker_delete(m, name, end_flags(args));
	return err ? broker_refused(ctl, m, err, name, "delete") : DONE;
}

static void list_json(const struct mqk_broker_info *b)
{
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "name", b->name);
	json_u64(&j, "id", b->id);
	json_bool(&j, "nomap", b->flags & MQK_BROKER_F_NOMAP);
	json_bool(&j, "durable", b->flags & MQK_BROKER_F_DIR);
	json_u64(&j, "segment_size", b->segment_size);
	resources_json(&j, "resources", b->used, b->limit);
	json_end(&j);
}

static void list_row(struct table *t, const struct mqk_broker_info *b)
{
	static const char *const flags[] = { "-", "nomap", "durable", "nomap,durable" };

	table_name(t, b->name);
	table_u64(t, b->used[MQK_RES_SESSIONS]);
	table_u64(t, b->used[MQK_RES_EXCHANGES]);
	table_u64(t, b->used[MQK_RES_QUEUES]);
	table_u64(t, b->used[MQK_RES_BINDINGS]);
	table_u64(t, b->used[MQK_RES_MESSAGES]);
	table_u64(t, b->used[MQK_RES_BYTES]);
	table_u64(t, b->segment_size);
	table_text(t, "%s", flags[(b->flags & MQK_BROKER_F_NOMAP ? 1 : 0) |
				  (b->flags & MQK_BROKER_F_DIR ? 2 : 0)]);
}

int broker_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"NAME", ">SESSIONS", ">EXCHANGES", ">QUEUES", ">BINDINGS",
		">MESSAGES", ">BYTES", ">SEGMENT", "FLAGS",
	};
	struct mqk_broker_info b = { .sz = sizeof(b) };
	struct mqk *m = ctl_control(ctl);
	struct table t;
	int ret;

	(void)args;
	if (!m)
		return REFUSED;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	while ((ret = mqk_broker_next(m, &b)) > 0) {
		if (ctl->json)
			list_json(&b);
		else
			list_row(&t, &b);
	}
	if (!ctl->json && !table_print(&t, stdout, 0))
		return out_of_memory(ctl);
	return ret ? refuse(ctl, "list of brokers: %s", strerror(-ret)) : DONE;
}
