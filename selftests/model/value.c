// SPDX-License-Identifier: GPL-2.0-only
#include "value.h"

#include <stdlib.h>
#include <string.h>

bool value_is_number(const struct value *v)
{
	return strchr("bsIl", v->type);
}

bool value_is_text(const struct value *v)
{
	return strchr("Sx", v->type);
}

static bool value_is_real(const struct value *v)
{
	return strchr("fd", v->type);
}

/*
 * RabbitMQ 4: a whole number equals one of any width, but no other number; a
 * string equals the same bytes; a time equals nothing, not even itself.
 */
bool value_equal(const struct value *a, const struct value *b)
{
	if (value_is_number(a))
		return value_is_number(b) && a->number == b->number;
	if (value_is_real(a))
		return value_is_real(b) && a->real == b->real;
	if (value_is_text(a))
		return value_is_text(b) && !strcmp(a->text, b->text);
	if (a->type == 't')
		return b->type == 't' && a->number == b->number;
	if (a->type == 'V')
		return b->type == 'V';
	return false;
}

const struct value *table_find(const struct table *t, const char *name)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->field[i].name, name))
			return &t->field[i].value;
	return NULL;
}

void table_set(struct table *t, const char *name, const struct value *v)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->field[i].name, name))
			break;
	if (i == TABLE_ROOM || strlen(name) >= TEXT_ROOM)
		abort();
	strcpy(t->field[i].name, name);
	t->field[i].value = *v;
	if (i == t->nr)
		t->nr++;
}

void table_remove(struct table *t, const char *name)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		if (!strcmp(t->field[i].name, name)) {
			t->field[i] = t->field[--t->nr];
			return;
		}
}

void table_set_number(struct table *t, const char *name, char type, int64_t number)
{
	table_set(t, name, &(struct value){ .type = type, .number = number });
}

void table_set_text(struct table *t, const char *name, const char *text)
{
	struct value v = { .type = 'S' };

	if (strlen(text) >= sizeof(v.text))
		abort();
	strcpy(v.text, text);
	table_set(t, name, &v);
}

/* Two declarations are the same if a time, too, is the same. */
static bool same(const struct value *a, const struct value *b)
{
	if (a->type == 'T')
		return b->type == 'T' && a->number == b->number;
	return value_equal(a, b);
}

bool table_equal(const struct table *a, const struct table *b)
{
	unsigned int i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++) {
		const struct value *v = table_find(b, a->field[i].name);

		if (!v || !same(&a->field[i].value, v))
			return false;
	}
	return true;
}
