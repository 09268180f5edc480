/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of strangers on their way to a terminal.
 *
 * Names, keys, headers and data may hold any bytes.  What is not well-formed
 * UTF-8, control characters, and characters that would reorder what stands
 * around them, are printed as \xNN, byte by byte.
 */
#ifndef MQKCTL_TEXT_H
#define MQKCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of the well-formed character at s, 0: there is none.  len > 0. */
size_t utf8_next(const unsigned char *s, size_t len, uint32_t *cp);
bool utf8_valid(const void *s, size_t len);

/* A whole text, malloc'ed; NULL: no memory.  A backslash becomes two. */
char *text_escape(const void *s, size_t len);
/* The same for a name: in double quotes where it could be misread. */
char *text_name(const char *name);
/* The same for any bytes: a key. */
char *text_word(const void *word, size_t len);
/* Characters of a text that has been escaped: columns on most terminals. */
size_t text_columns(const char *s);

/* Print a text; lines after the first begin with indent, tabs stay. */
void text_print(FILE *f, const void *s, size_t len, const char *indent);

void base64_print(FILE *f, const void *s, size_t len);
/* Decode; out has room for strlen(s) / 4 * 3 + 3.  -1: malformed. */
long base64_decode(const char *s, unsigned char *out);

#endif /* MQKCTL_TEXT_H */
