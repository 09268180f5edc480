// SPDX-License-Identifier: GPL-2.0-only
#include "retained.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"

static void forget(struct broker *b, unsigned int i)
{
	b->nr_retained--;
	memmove(&b->retained[i], &b->retained[i + 1],
		(b->nr_retained - i) * sizeof(b->retained[0]));
}

static bool is_of(const struct retained *r, const char *exchange, const char *key)
{
	return !strcmp(r->exchange, exchange) && (!key || !strcmp(r->m.key, key));
}

/* All but the newest so many of a key go. */
static void keep_newest(struct broker *b, const char *exchange, const char *key, unsigned int nr)
{
	unsigned int i;

	for (i = b->nr_retained; i-- > 0;)
		if (is_of(&b->retained[i], exchange, key) && nr-- == 0) {
			forget(b, i);
			nr = 0;
		}
}

void retained_keep(struct broker *b, const struct exchange *x, const struct message *m)
{
	const struct value *length = table_find(&x->args, "x-recent-history-length");
	struct retained *r;

	if (!m->bytes) {
		keep_newest(b, x->name, m->key, 0);
		return;
	}
	b->retained = realloc(b->retained, (b->nr_retained + 1) * sizeof(*r));
	if (!b->retained)
		abort();
	r = &b->retained[b->nr_retained++];
	r->m = *m;
	r->m.bcc.nr = 0;
	strcpy(r->exchange, x->name);
	keep_newest(b, x->name, m->key, length ? length->number : 1);
}

/*
 * What dies by that goes on when all is given: it may be remembered then, which changes
 * nothing about what is given.
 */
void retained_deliver(struct broker *b, const struct exchange *x, const struct binding *binding)
{
	unsigned int i;

	b->letters_wait = true;
	for (i = 0; i < b->nr_retained; i++) {
		const struct message *m = &b->retained[i].m;
		struct targets t;

		if (!is_of(&b->retained[i], x->name, NULL) || !binding_matches(x, binding, m))
			continue;
		if (binding->to_exchange) {
			route_find(b, binding->to, m, false, &t);
		} else {
			t.nr = 1;
			strcpy(t.queue[0], binding->to);
		}
		port_gives(b, m, &t);
		broker_settle(b);
	}
	b->letters_wait = false;
	broker_settle(b);
}

void retained_forget(struct broker *b, const char *exchange)
{
	unsigned int i;

	for (i = b->nr_retained; i-- > 0;)
		if (is_of(&b->retained[i], exchange, NULL))
			forget(b, i);
}
