/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables with aligned columns.
 *
 * Cells are filled from left to right, row by row, and printed at the end.  A
 * column whose title begins with '>' is aligned to the right.
 */
#ifndef MQKCTL_TABLE_H
#define MQKCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table {
	const char *const *titles;
	size_t columns;
	char **cells;
	size_t used;
	size_t room;
	bool failed;	/* there was no memory for a cell */
};

void table_init(struct table *t, const char *const *titles, size_t columns);
/* A name of strangers, quoted where needed. */
void table_name(struct table *t, const char *name);
/* The same for any bytes: a key. */
void table_word(struct table *t, const void *word, size_t len);
void table_text(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void table_u64(struct table *t, uint64_t v);
/* Print and free; width cuts lines off, 0: not.  False: no memory. */
bool table_print(struct table *t, FILE *f, size_t width);

#endif /* MQKCTL_TABLE_H */
