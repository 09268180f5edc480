// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "text.h"

#define GAP	2	/* blanks between columns */

void table_init(struct table *t, const char *const *titles, size_t columns)
{
	memset(t, 0, sizeof(*t));
	t->titles = titles;
	t->columns = columns;
}

/* Takes the cell over, NULL where there was no memory for it. */
static void add(struct table *t, char *cell)
{
	char **cells;
	size_t room;

	if (t->failed || !cell)
		goto err;
	if (t->used == t->room) {
		room = t->room ? 2 * t->room : 64;
		cells = reallocarray(t->cells, room, sizeof(*cells));
		if (!cells)
			goto err;
		t->cells = cells;
		t->room = room;
	}
	t->cells[t->used++] = cell;
	return;
err:
	free(cell);
	t->failed = true;
}

void table_name(struct table *t, const char *name)
{
	add(t, text_name(name));
}

void table_word(struct table *t, const void *word, size_t len)
{
	add(t, text_word(word, len));
}

void table_text(struct table *t, const char *format, ...)
{
	char *cell;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&cell, format, ap) < 0)
		cell = NULL;
	va_end(ap);
	add(t, cell);
}

void table_u64(struct table *t, uint64_t v)
{
	table_text(t, "%" PRIu64, v);
}

static bool to_the_right(const struct table *t, size_t column)
{
	return t->titles[column][0] == '>';
}

static const char *title(const struct table *t, size_t column)
{
	return t->titles[column] + to_the_right(t, column);
}

static size_t *measure(const struct table *t)
{
	size_t *widths = calloc(t->columns, sizeof(*widths));
	size_t i, n;

	if (!widths)
		return NULL;
	for (i = 0; i < t->columns; i++)
		widths[i] = text_columns(title(t, i));
	for (i = 0; i < t->used; i++) {
		n = text_columns(t->cells[i]);
		if (n > widths[i % t->columns])
			widths[i % t->columns] = n;
	}
	return widths;
}

static void blanks(FILE *f, size_t n)
{
	while (n--)
		putc(' ', f);
}

/* Print the first characters of a cell. */
static void put_cell(FILE *f, const char *s, size_t columns)
{
	for (; *s; s++) {
		if ((*s & 0xc0) != 0x80 && !columns--)
			return;
		putc(*s, f);
	}
}

/* A cell of a row, at *at columns from the left, within width. */
static void cell(FILE *f, const char *s, size_t column_width, bool right,
		 bool last, size_t *at, size_t width)
{
	size_t have = text_columns(s);
	size_t pad = column_width - have;
	size_t start = *at + (right ? pad : 0);

	*at += column_width + GAP;
	if (start >= width)
		return;
	if (right)
		blanks(f, pad);
	put_cell(f, s, width - start);
	if (last || start + have >= width)
		return;
	pad = (right ? 0 : pad) + GAP;
	blanks(f, pad < width - start - have ? pad : width - start - have);
}

bool table_print(struct table *t, FILE *f, size_t width)
{
	size_t *widths = t->failed ? NULL : measure(t);
	size_t i, c, at;

	if (!width)
		width = SIZE_MAX;
	/* Row 0 is that of the titles. */
	for (i = 0; widths && i <= t->used / t->columns; i++) {
		for (c = at = 0; c < t->columns; c++)
			cell(f, i ? t->cells[(i - 1) * t->columns + c] :
				    title(t, c), widths[c], to_the_right(t, c),
			     c + 1 == t->columns, &at, width);
		putc('\n', f);
	}
	for (i = 0; i < t->used; i++)
		free(t->cells[i]);
	free(t->cells);
	free(widths);
	return widths != NULL;
}
