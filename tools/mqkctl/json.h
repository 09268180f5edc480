/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON on standard output, one object a line.
 *
 * A string holds well-formed UTF-8.  Bytes that are not are written as the
 * characters U+0080 to U+00FF of the same number, and a member NAME_base64 with
 * the exact bytes follows: json_text() does both.
 */
#ifndef MQKCTL_JSON_H
#define MQKCTL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *f;
	bool comma;	/* before the next member */
};

/* A line: an object and what belongs to it. */
void json_begin(struct json *j, FILE *f);
void json_end(struct json *j);

/* An object or array inside; name is NULL in an array. */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);

/* Members; name is NULL in an array. */
void json_text(struct json *j, const char *name, const void *s, size_t len);
void json_string(struct json *j, const char *name, const char *s);
void json_base64(struct json *j, const char *name, const void *s, size_t len);
void json_u64(struct json *j, const char *name, uint64_t v);
void json_i64(struct json *j, const char *name, int64_t v);
void json_double(struct json *j, const char *name, double v, int precision);
void json_bool(struct json *j, const char *name, bool v);
void json_null(struct json *j, const char *name);
void json_mode(struct json *j, uint32_t mode);

/* The comma and the name, which need not be terminated, of a member. */
void json_name(struct json *j, const void *name, size_t len);
/* A string alone, as a value behind json_name(). */
void json_value_string(struct json *j, const void *s, size_t len);

#endif /* MQKCTL_JSON_H */
