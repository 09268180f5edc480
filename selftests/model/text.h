/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_TEXT_H
#define MODEL_TEXT_H

/* A text that grows. What is observed of a broker is text: easy to compare and to read. */

#include <stddef.h>

struct text {
	char *s;		/* NULL or terminated */
	size_t len;
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_clear(struct text *t);
const char *text_of(const struct text *t);

#endif
