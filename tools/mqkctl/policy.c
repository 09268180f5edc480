// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy set, delete, list, apply: arguments that all queues with certain names are
 * to have.
 *
 * A queue has the arguments of one policy, the one of the highest priority; what is
 * taken away by a change is what the policy before had and the one now has not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "json.h"
#include "number.h"
#include "policies.h"
#include "table.h"

#define DIRECTORY	"/etc/mqk/policies"

/* Where they are; malloc'ed, or NULL. */
static char *file_of(struct ctl *ctl, const struct args *args)
{
	const char *given = args_value(args, OPT_POLICIES);
	char *file = NULL;

	if (given)
		file = strdup(given);
	else if (asprintf(&file, DIRECTORY "/%s", ctl_broker(ctl)) < 0)
		file = NULL;
	if (!file)
		out_of_memory(ctl);
	return file;
}

static size_t name_len(const char *arg)
{
	return strcspn(arg, ":=");
}

static bool has(const struct policy *p, const char *arg)
{
	size_t len = name_len(arg);
	int i;

	for (i = 0; p && i < p->nargs; i++)
		if (name_len(p->arg[i]) == len && !memcmp(p->arg[i], arg, len))
			return true;
	return false;
}

/* The change from one policy to another as uses of --arg; how many, or -1. */
static int change(struct given *given, const struct policy *from,
		  const struct policy *to)
{
	int i, n = 0;

	for (i = 0; to && i < to->nargs; i++)
		given[n++] = (struct given){ OPT_ARG, to->arg[i] };
	for (i = 0; from && i < from->nargs; i++) {
		char *taken;

		if (has(to, from->arg[i]))
			continue;
		if (asprintf(&taken, "%.*s:void=", (int)name_len(from->arg[i]),
			     from->arg[i]) < 0)
			return -1;
		given[n++] = (struct given){ OPT_ARG, taken };
	}
	return n;
}

static int apply_to(struct ctl *ctl, struct mqk *m, const char *queue,
		    const struct policy *from, const struct policy *to)
{
	struct subject subject = { .queue = queue, .doing = "change" };
	struct args args = { .given = NULL };
	int i, err, kept = to ? to->nargs : 0, status;
	struct mqk_headers h;

	if (!from && !to)
		return DONE;
	args.given = calloc((size_t)(kept + (from ? from->nargs : 0)),
			    sizeof(*args.given));
	args.ngiven = args.given ? change(args.given, from, to) : -1;
	if (args.ngiven < 0) {
		free(args.given);
		return out_of_memory(ctl);
	}
	status = headers_build(ctl, &args, OPT_ARG, &h);
	if (!status) {
		err = mqk_queue_set(m, queue, h.buf, h.len);
		/* one that has gone meanwhile has nothing to be changed */
		status = err && err != -ENOENT ? refused(ctl, m, err, &subject) : DONE;
		headers_free(&h);
	}
	for (i = kept; i < args.ngiven; i++)
		free((char *)args.given[i].value);
	free(args.given);
	return status;
}

/* Those of other sessions are not to be changed, and replies have no names. */
static bool concerns(const struct mqk_queue_info *q)
{
	return !(q->flags & (MQK_DECLARE_F_EXCLUSIVE | MQK_DECLARE_F_REPLY));
}

/* The worst status of all queues. */
static int apply_all(struct ctl *ctl, const struct policies *before,
		     const struct policies *now)
{
	struct subject subject = { .doing = "list of queues" };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);
	struct mqk_queue_info q = { .sz = sizeof(q) };
	int ret, status, worst = DONE;

	if (!m)
		return REFUSED;
	while ((ret = mqk_queue_next(m, &q)) > 0) {
		if (!concerns(&q))
			continue;
		status = apply_to(ctl, m, q.name, policies_for(before, q.name),
				  policies_for(now, q.name));
		worst = status > worst ? status : worst;
	}
	return ret ? refused(ctl, m, ret, &subject) : worst;
}

/* Load, change, save, and apply what that means. */
static int edit(struct ctl *ctl, const struct args *args,
		int (*fn)(struct ctl *ctl, const struct args *args,
			  struct policies *all))
{
	struct policies before, now = { NULL, 0 };
	char *file = file_of(ctl, args);
	int status;

	if (!file)
		return REFUSED;
	status = policies_load(ctl, file, &before);
	if (!status)
		status = policies_load(ctl, file, &now);
	if (!status)
		status = fn(ctl, args, &now);
	if (!status)
		status = policies_save(ctl, file, &now);
	if (!status)
		status = apply_all(ctl, &before, &now);
	policies_free(&before);
	policies_free(&now);
	free(file);
	return status;
}

static int set(struct ctl *ctl, const struct args *args, struct policies *all)
{
	const char *priority = args_value(args, OPT_PRIORITY), *arg;
	char **word = calloc((size_t)args->ngiven + 3, sizeof(*word));
	struct mqk_headers h;
	int pos = 0, n = 3, status;

	if (!word)
		return out_of_memory(ctl);
	word[0] = (char *)args->pos[0];
	word[1] = (char *)args->pos[1];
	word[2] = (char *)(priority ? priority : "0");
	while ((arg = args_each(args, OPT_ARG, &pos)))
		word[n++] = (char *)arg;
	/* so that what is no argument is not kept */
	status = headers_build(ctl, args, OPT_ARG, &h);
	if (!status) {
		headers_free(&h);
		status = policies_set(ctl, all, word, n);
	}
	free(word);
	return status;
}

int policy_set(struct ctl *ctl, const struct args *args)
{
	int64_t priority;
	const char *text = args_value(args, OPT_PRIORITY);

	if (text && !number_i64(text, INT32_MIN, INT32_MAX, &priority))
		return bad_usage(ctl, "--priority %s: give a whole number", text);
	text = args_value(args, OPT_APPLY_TO);
	if (text && !strcmp(text, "exchanges"))
		return bad_usage(ctl, "--apply-to exchanges: what an exchange was declared with does not change");
	if (text && strcmp(text, "queues") && strcmp(text, "all"))
		return bad_usage(ctl, "--apply-to %s: give queues or all", text);
	return edit(ctl, args, set);
}

static int delete(struct ctl *ctl, const struct args *args, struct policies *all)
{
	if (policies_delete(all, args->pos[0]))
		return DONE;
	return refuse(ctl, "policy '%s': there is none", args->pos[0]);
}

int policy_delete(struct ctl *ctl, const struct args *args)
{
	return edit(ctl, args, delete);
}

int policy_apply(struct ctl *ctl, const struct args *args)
{
	struct policies none = { NULL, 0 }, all;
	char *file = file_of(ctl, args);
	int status;

	if (!file)
		return REFUSED;
	status = policies_load(ctl, file, &all);
	if (!status)
		status = apply_all(ctl, &none, &all);
	policies_free(&all);
	free(file);
	return status;
}

/* All arguments, with blanks between; malloc'ed, or NULL. */
static char *join(const struct policy *p)
{
	size_t len = 1;
	char *text;
	int i;

	for (i = 0; i < p->nargs; i++)
		len += strlen(p->arg[i]) + 1;
	text = calloc(1, len);
	for (i = 0; text && i < p->nargs; i++) {
		strcat(text, i ? " " : "");
		strcat(text, p->arg[i]);
	}
	return text;
}

static void list_one(struct ctl *ctl, const struct policy *p, struct table *t)
{
	char *text = join(p);
	struct json j;

	if (ctl->json) {
		json_begin(&j, stdout);
		json_string(&j, "name", p->name);
		json_string(&j, "pattern", p->pattern);
		json_i64(&j, "priority", p->priority);
		json_string(&j, "arguments", text ? text : "");
		json_end(&j);
	} else {
		table_name(t, p->name);
		table_name(t, p->pattern);
		table_text(t, "%lld", (long long)p->priority);
		table_text(t, "%s", text ? text : "?");
	}
	free(text);
}

int policy_list(struct ctl *ctl, const struct args *args)
{
	static const char *const titles[] = {
		"NAME", "PATTERN", ">PRIORITY", "ARGUMENTS",
	};
	char *file = file_of(ctl, args);
	struct policies all;
	struct table t;
	int i, status;

	if (!file)
		return REFUSED;
	status = policies_load(ctl, file, &all);
	free(file);
	if (status)
		return status;
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (i = 0; i < all.n; i++)
		list_one(ctl, &all.policy[i], &t);
	policies_free(&all);
	if (!ctl->json && !table_print(&t, stdout, 0))
		return out_of_memory(ctl);
	return DONE;
}
