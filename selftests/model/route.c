// SPDX-License-Identifier: GPL-2.0-only
#include "route.h"

#include <string.h>

#include "broker.h"

/* Exchanges still to be gone through, and those that were. */
struct walk {
	unsigned int nr, done;
	char exchange[ROOM][NAME_ROOM];
};

static void visit(struct walk *w, const char *name)
{
	unsigned int i;

	for (i = 0; i < w->nr; i++)
		if (!strcmp(w->exchange[i], name))
			return;
	if (w->nr < ROOM)
		strcpy(w->exchange[w->nr++], name);
}

static void add_queue(struct broker *b, struct targets *t, const char *name)
{
	unsigned int i;

	if (!queue_find(b, name))
		return;
	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->queue[i], name))
			return;
	if (t->nr < TARGETS_ROOM)
		strcpy(t->queue[t->nr++], name);
}

static void follow(struct broker *b, struct walk *w, struct targets *t,
		   const struct binding *binding)
{
	if (binding->to_exchange)
		visit(w, binding->to);
	else
		add_queue(b, t, binding->to);
}

/* The default exchange: every queue under its name, also by CC and BCC. */
static bool route_default(struct broker *b, const struct message *m, struct targets *t)
{
	unsigned int i, before = t->nr;

	add_queue(b, t, m->key);
	for (i = 0; i < m->cc.nr; i++)
		add_queue(b, t, m->cc.key[i]);
	for (i = 0; i < m->bcc.nr; i++)
		add_queue(b, t, m->bcc.key[i]);
	return t->nr > before;
}

static bool route_bindings(struct broker *b, const struct exchange *x, const struct message *m,
			   struct walk *w, struct targets *t)
{
	const struct binding *chosen = x->kind == HASH ? hash_choose(b, x, m) : NULL;
	bool any = false;
	unsigned int i;

	for (i = 0; i < b->nr_bindings; i++) {
		const struct binding *binding = &b->binding[i];

		if (strcmp(binding->from, x->name))
			continue;
		if (x->kind == HASH ? binding != chosen : !binding_matches(x, binding, m))
			continue;
		any = true;
		follow(b, w, t, binding);
	}
	return any;
}

void route_find(struct broker *b, const char *exchange, const struct message *m, bool keep,
		struct targets *t)
{
	struct walk w = {};

	t->nr = 0;
	for (visit(&w, exchange); w.done < w.nr; w.done++) {
		struct exchange *x = exchange_find(b, w.exchange[w.done]);
		const struct value *alternate;
		bool any;

		if (!x)
			continue;
		any = x->kind == DEFAULT ? route_default(b, m, t) :
					   route_bindings(b, x, m, &w, t);
		if (x->kind == LAST_VALUE && keep)
			retained_keep(b, x, m);
		alternate = table_find(&x->args, "alternate-exchange");
		if (!any && alternate)
			visit(&w, alternate->text);
	}
}
