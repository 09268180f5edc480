// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

struct table table_of(const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	struct table t = {};

	while ((word = strsep(&rest, " "))) {
		char *value = strchr(word, '='), *end;
		long long number;

		if (!value)
			continue;
		*value++ = '\0';
		number = strtoll(value, &end, 10);
		if (!strcmp(value, "true") || !strcmp(value, "false"))
			table_set_number(&t, word, 't', *value == 't');
		else if (*value && !*end)
			table_set_number(&t, word, 'l', number);
		else
			table_set_text(&t, word, value);
	}
	free(copy);
	return t;
}

void fixture_open(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->b = broker_make();
	f->session = session_open(f->b);
	f->port = port_open(f->b, f->session, NULL, NULL);
	f->puller = consumer_open(f->b, f->session, NULL,
				  &(struct consumer_options){ .level = ANY_LEVEL });
}

void fixture_close(struct fixture *f)
{
	text_clear(&f->t);
	broker_free(f->b);
}

int fixture_queue(struct fixture *f, const char *name, const char *args)
{
	struct table t = table_of(args);

	return queue_declare(f->b, f->session, name, 0, &t, NULL);
}

static int bind(struct fixture *f, const char *from, const char *to, const char *key,
		bool to_exchange)
{
	struct binding b = { .to_exchange = to_exchange };
	bool made;

	strcpy(b.from, from);
	strcpy(b.to, to);
	strcpy(b.key, key);
	return binding_make(f->b, f->session, &b, &made);
}

int fixture_bind(struct fixture *f, const char *from, const char *to, const char *key)
{
	return bind(f, from, to, key, false);
}

int fixture_bind_exchange(struct fixture *f, const char *from, const char *to, const char *key)
{
	return bind(f, from, to, key, true);
}

int fixture_send_message(struct fixture *f, const char *exchange, const char *key,
			 struct message m)
{
	strcpy(m.exchange, exchange);
	strcpy(m.key, key);
	return port_publish(f->b, f->port, &m, 0);
}

int fixture_send(struct fixture *f, const char *exchange, const char *key, unsigned int body)
{
	return fixture_send_message(f, exchange, key, message_make(body));
}

int fixture_put(struct fixture *f, const char *queue, unsigned int body)
{
	return fixture_send(f, "", queue, body);
}

const char *fixture_confirms(struct fixture *f)
{
	struct text *seen = &f->b->port[f->port].seen;
	const char *s = text_of(seen);

	text_clear(&f->t);
	while ((s = strchr(s, '['))) {
		unsigned long long seq;
		unsigned int body;
		char word[8];

		if (f->t.len)
			text_add(&f->t, " ");
		if (sscanf(s, "[confirm %llu %4[a-z]]", &seq, word) == 2)
			text_add(&f->t, "%s", word);
		else if (sscanf(s, "[return %llu m%u]", &seq, &body) == 2)
			text_add(&f->t, "return%u", body);
		s++;
	}
	text_clear(seen);
	return text_of(&f->t);
}

/* "[q0 m3 exchange=... redelivered count=1][...": the numbers */
static void add_numbers(struct text *t, struct text *seen)
{
	const char *s = text_of(seen), *end;

	for (; *s; s = end) {
		end = strchr(s, ']');
		end = end ? end + 1 : s + strlen(s);
		if (*s != '[') {
			text_add(t, "%s%s", t->len ? " " : "", s);
			break;
		}
		text_add(t, "%s%d%s", t->len ? " " : "", atoi(strstr(s, " m") + 2),
			 memmem(s, end - s, "redelivered", 11) ? "r" : "");
	}
	text_clear(seen);
}

const char *fixture_drain(struct fixture *f, const char *queue)
{
	struct consumer *c = &f->b->consumer[f->puller];

	text_clear(&f->t);
	text_clear(&c->seen);
	while (!consumer_get(f->b, f->puller, queue, true))
		;
	add_numbers(&f->t, &c->seen);
	return text_of(&f->t);
}

const char *fixture_given(struct fixture *f, unsigned int consumer)
{
	text_clear(&f->t);
	add_numbers(&f->t, &f->b->consumer[consumer].seen);
	return text_of(&f->t);
}

int fixture_consume(struct fixture *f, const char *queue, unsigned int prefetch)
{
	return consumer_open(f->b, f->session, queue, &(struct consumer_options){
		.prefetch = prefetch, .level = ANY_LEVEL });
}

const struct message *fixture_first(struct fixture *f, const char *queue)
{
	struct queue *q = queue_find(f->b, queue);
	const struct entry *first = NULL;
	unsigned int i;

	for (i = 0; q && i < q->nr; i++)
		if (q->entry[i]->state == READY && (!first || q->entry[i]->place < first->place))
			first = q->entry[i];
	return first ? &first->m : NULL;
}

unsigned int fixture_ready(struct fixture *f, const char *queue)
{
	struct queue *q = queue_find(f->b, queue);

	return q ? queue_count(q, READY) : 0;
}

void check_text(const char *got, const char *want, const char *file, int line)
{
	if (!test_check(!strcmp(got, want), file, line, want))
		test_note("  \"%s\" against \"%s\"", got, want);
}

unsigned int vectors_read(const char *name, unsigned int columns, void (*row)(char **column))
{
	const char *dir = getenv("MQK_VECTORS");
	char path[4096], line[4096];
	unsigned int nr = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir ?: "../vectors", name);
	file = fopen(path, "r");
	if (!CHECK(file) || !CHECK(fgets(line, sizeof(line), file)))
		return 0;
	while (fgets(line, sizeof(line), file)) {
		char *column[16], *rest = line;
		unsigned int i;

		line[strcspn(line, "\n")] = '\0';
		for (i = 0; i < columns && rest; i++)
			column[i] = strsep(&rest, "\t");
		if (!CHECK(i == columns && !rest))
			continue;
		row(column);
		nr++;
	}
	fclose(file);
	return nr;
}
