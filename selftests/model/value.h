/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_VALUE_H
#define MODEL_VALUE_H

/*
 * Typed values, and tables of them: message headers and arguments. The types
 * are AMQP's letters: t b s I l (whole numbers), f d (others), S x (bytes),
 * T (time), V (none).
 */

#include <stdbool.h>
#include <stdint.h>

#define TEXT_ROOM	64
#define NAME_ROOM	256
#define TABLE_ROOM	16

struct value {
	char type;
	int64_t number;
	double real;
	char text[NAME_ROOM];
};

struct field {
	char name[TEXT_ROOM];
	struct value value;
};

struct table {
	unsigned int nr;
	struct field field[TABLE_ROOM];
};

bool value_is_number(const struct value *v);
bool value_is_text(const struct value *v);
/* Equal for a headers binding. */
bool value_equal(const struct value *a, const struct value *b);

const struct value *table_find(const struct table *t, const char *name);
void table_set(struct table *t, const char *name, const struct value *v);
void table_set_number(struct table *t, const char *name, char type, int64_t number);
void table_set_text(struct table *t, const char *name, const char *text);
void table_remove(struct table *t, const char *name);
/* The same fields of the same types, in any order. */
bool table_equal(const struct table *a, const struct table *b);

#endif
