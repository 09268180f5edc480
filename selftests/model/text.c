// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	t->s = realloc(t->s, t->len + n + 1);
	if (!t->s)
		abort();
	va_start(args, format);
	vsprintf(t->s + t->len, format, args);
	va_end(args);
	t->len += n;
}

void text_clear(struct text *t)
{
	free(t->s);
	t->s = NULL;
	t->len = 0;
}

const char *text_of(const struct text *t)
{
	return t->s ? t->s : "";
}
