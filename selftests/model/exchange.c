// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "broker.h"
#include "topic.h"

static const char * const kind_name[NR_KINDS] = {
	[DIRECT] = "direct",
	[FANOUT] = "fanout",
	[TOPIC] = "topic",
	[HEADERS] = "headers",
	[HASH] = "x-consistent-hash",
	[LAST_VALUE] = "x-last-value",
};

static int find_kind(const char *type)
{
	enum kind k;

	for (k = DIRECT; k < NR_KINDS; k++)
		if (!strcmp(kind_name[k], type))
			return k;
	return -EINVAL;
}

struct exchange *exchange_find(struct broker *b, const char *name)
{
	unsigned int i;

	for (i = 0; i < b->nr_exchanges; i++)
		if (!strcmp(b->exchange[i].name, name))
			return &b->exchange[i];
	return NULL;
}

const struct topic_dialect *exchange_dialect(const struct exchange *x)
{
	const struct value *v = table_find(&x->args, "x-mqk-dialect");

	return v && !strcmp(v->text, "mqtt") ? &topic_mqtt : &topic_amqp;
}

static bool is_text(const struct value *v, const char *text)
{
	return v->type == 'S' && (!text || !strcmp(v->text, text));
}

static bool argument_valid(enum kind kind, const char *name, const struct value *v)
{
	if (!strcmp(name, "alternate-exchange"))
		return is_text(v, NULL);
	if (!strcmp(name, "x-mqk-dialect"))
		return (kind == TOPIC || kind == LAST_VALUE) &&
		       (is_text(v, "amqp") || is_text(v, "mqtt"));
	if (!strcmp(name, "hash-header"))
		return kind == HASH && is_text(v, NULL);
	if (!strcmp(name, "x-recent-history-length"))
		return kind == LAST_VALUE && value_is_number(v) && v->number >= 1 &&
		       v->number <= 1024;
	return false;
}

static int declare_again(const struct exchange *x, int kind, unsigned int flags,
			 const struct table *args)
{
	if ((enum kind)kind != x->kind || flags != x->flags || !table_equal(args, &x->args))
		return -EINVAL;
	return 0;
}

int exchange_declare(struct broker *b, const char *name, const char *type, unsigned int flags,
		     const struct table *args)
{
	struct exchange *x;
	int kind = find_kind(type);
	unsigned int i;

	if (name_check(name) == -ENAMETOOLONG)
		return -ENAMETOOLONG;
	x = exchange_find(b, name);
	if (flags & F_PASSIVE)
		return x ? 0 : -ENOENT;
	if (kind < 0)
		return -EINVAL;
	if (!*name)
		return -EACCES;
	for (i = 0; i < args->nr; i++)
		if (!argument_valid(kind, args->field[i].name, &args->field[i].value))
			return -EINVAL;
	if (x)
		return declare_again(x, kind, flags, args);
	if (!strncmp(name, "amq.", 4))
		return -EACCES;
	if (b->nr_exchanges == ROOM)
		return -ENOSPC;
	x = &b->exchange[b->nr_exchanges++];
	*x = (struct exchange){ .kind = kind, .flags = flags, .args = *args };
	strcpy(x->name, name);
	return 0;
}

static void remove_exchange(struct broker *b, const char *name)
{
	char copy[NAME_ROOM];
	struct exchange *x;

	strcpy(copy, name);
	x = exchange_find(b, copy);
	if (!x)
		return;
	*x = b->exchange[--b->nr_exchanges];
	retained_forget(b, copy);
	binding_remove_all(b, copy, true);
}

static bool is_used(const struct broker *b, const char *name)
{
	unsigned int i;

	for (i = 0; i < b->nr_bindings; i++)
		if (!strcmp(b->binding[i].from, name))
			return true;
	return false;
}

int exchange_delete(struct broker *b, const char *name, bool if_unused)
{
	if (!*name || !strncmp(name, "amq.", 4))
		return -EACCES;
	if (!exchange_find(b, name))
		return 0;
	if (if_unused && is_used(b, name))
		return -EBUSY;
	remove_exchange(b, name);
	broker_settle(b);
	return 0;
}

static int check_key(const struct exchange *x, const struct binding *binding)
{
	switch (x->kind) {
	case TOPIC:
	case LAST_VALUE:
		return topic_check_pattern(exchange_dialect(x), binding->key);
	case HEADERS:
		return headers_check(&binding->args);
	case HASH:
		return hash_check_key(binding->key);
	default:
		return 0;
	}
}

static int check_ends(struct broker *b, unsigned int session, const struct binding *binding)
{
	struct queue *q;

	if (!*binding->from || (binding->to_exchange && !*binding->to))
		return -EACCES;
	if (!exchange_find(b, binding->from))
		return -ENOENT;
	if (binding->to_exchange)
		return exchange_find(b, binding->to) ? 0 : -ENOENT;
	q = queue_find(b, binding->to);
	return q ? queue_access(q, session) : -ENOENT;
}

static struct binding *find_binding(struct broker *b, const struct binding *like)
{
	unsigned int i;

	for (i = 0; i < b->nr_bindings; i++) {
		struct binding *binding = &b->binding[i];

		if (!strcmp(binding->from, like->from) && !strcmp(binding->to, like->to) &&
		    binding->to_exchange == like->to_exchange &&
		    !strcmp(binding->key, like->key) && table_equal(&binding->args, &like->args))
			return binding;
	}
	return NULL;
}

int binding_make(struct broker *b, unsigned int session, const struct binding *binding,
		 bool *made)
{
	struct exchange *x;
	int err = check_ends(b, session, binding);

	*made = false;
	if (err)
		return err;
	x = exchange_find(b, binding->from);
	err = check_key(x, binding);
	if (err || find_binding(b, binding))
		return err;
	if (b->nr_bindings == ROOM)
		return -ENOSPC;
	b->binding[b->nr_bindings++] = *binding;
	*made = true;
	if (x->kind == LAST_VALUE)
		retained_deliver(b, x, binding);
	broker_settle(b);
	return 0;
}

static void remove_binding(struct broker *b, struct binding *binding)
{
	struct exchange *x;
	char from[NAME_ROOM];

	strcpy(from, binding->from);
	b->nr_bindings--;
	memmove(binding, binding + 1, (char *)&b->binding[b->nr_bindings] - (char *)binding);
	x = exchange_find(b, from);
	if (x && x->flags & F_AUTO_DELETE && !is_used(b, from))
		remove_exchange(b, from);
}

int binding_remove(struct broker *b, unsigned int session, const struct binding *like)
{
	int err = check_ends(b, session, like);
	struct binding *binding = find_binding(b, like);

	/* What is not there is not bound. */
	if (err)
		return err == -ENOENT ? 0 : err;
	if (binding)
		remove_binding(b, binding);
	broker_settle(b);
	return 0;
}

static struct binding *any_of(struct broker *b, const char *name, bool exchange)
{
	unsigned int i;

	for (i = 0; i < b->nr_bindings; i++) {
		struct binding *binding = &b->binding[i];

		if ((!strcmp(binding->to, name) && binding->to_exchange == exchange) ||
		    (exchange && !strcmp(binding->from, name)))
			return binding;
	}
	return NULL;
}

void binding_remove_all(struct broker *b, const char *name, bool exchange)
{
	struct binding *binding;

	while ((binding = any_of(b, name, exchange)))
		remove_binding(b, binding);
}

static bool key_matches(const struct exchange *x, const struct binding *binding,
			const char *key)
{
	if (x->kind == DIRECT)
		return !strcmp(binding->key, key);
	return !topic_check_key(exchange_dialect(x), key) &&
	       topic_matches(exchange_dialect(x), binding->key, key);
}

bool binding_matches(const struct exchange *x, const struct binding *binding,
		     const struct message *m)
{
	unsigned int i;

	if (x->kind == FANOUT)
		return true;
	if (x->kind == HEADERS)
		return headers_match(&binding->args, &m->headers);
	if (key_matches(x, binding, m->key))
		return true;
	for (i = 0; i < m->cc.nr; i++)
		if (key_matches(x, binding, m->cc.key[i]))
			return true;
	for (i = 0; i < m->bcc.nr; i++)
		if (key_matches(x, binding, m->bcc.key[i]))
			return true;
	return false;
}
