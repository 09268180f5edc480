// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

static void put_escaped(FILE *f, unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		putc('\\', f);
		putc(c, f);
		break;
	case '\n':
		fputs("\\n", f);
		break;
	case '\t':
		fputs("\\t", f);
		break;
	case '\r':
		fputs("\\r", f);
		break;
	default:
		fprintf(f, "\\u%04x", c);
	}
}

/* Bytes at the front of s that a JSON string may hold as they are. */
static size_t run(const unsigned char *s, size_t len)
{
	size_t n, done = 0;
	uint32_t cp;

	while (done < len) {
		n = utf8_next(s + done, len - done, &cp);
		/* C1 controls and DEL are allowed, but not on a terminal. */
		if (!n || cp < 0x20 || cp == '"' || cp == '\\' ||
		    (cp >= 0x7f && cp < 0xa0))
			break;
		done += n;
	}
	return done;
}

void json_value_string(struct json *j, const void *text, size_t len)
{
	const unsigned char *s = text;
	uint32_t cp;
	size_t n;

	putc('"', j->f);
	while (len) {
		n = run(s, len);
		if (n) {
			fwrite(s, 1, n, j->f);
		} else {
			n = utf8_next(s, len, &cp);
			put_escaped(j->f, n ? (unsigned char)cp : *s);
			n = n ? n : 1;
		}
		s += n;
		len -= n;
	}
	putc('"', j->f);
}

void json_name(struct json *j, const void *name, size_t len)
{
	if (j->comma)
		putc(',', j->f);
	j->comma = true;
	if (!name)
		return;
	json_value_string(j, name, len);
	putc(':', j->f);
}

static void member(struct json *j, const char *name)
{
	json_name(j, name, name ? strlen(name) : 0);
}

void json_begin(struct json *j, FILE *f)
{
	j->f = f;
	j->comma = false;
	putc('{', f);
}

void json_end(struct json *j)
{
	fputs("}\n", j->f);
}

void json_open(struct json *j, const char *name, char bracket)
{
	member(j, name);
	putc(bracket, j->f);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	putc(bracket, j->f);
	j->comma = true;
}

void json_base64(struct json *j, const char *name, const void *s, size_t len)
{
	member(j, name);
	putc('"', j->f);
	base64_print(j->f, s, len);
	putc('"', j->f);
}

void json_text(struct json *j, const char *name, const void *s, size_t len)
{
	char exact[64];

	member(j, name);
	json_value_string(j, s, len);
	if (!name || utf8_valid(s, len))
		return;
	snprintf(exact, sizeof(exact), "%s_base64", name);
	json_base64(j, exact, s, len);
}

void json_string(struct json *j, const char *name, const char *s)
{
	json_text(j, name, s, strlen(s));
}

void json_u64(struct json *j, const char *name, uint64_t v)
{
	member(j, name);
	fprintf(j->f, "%" PRIu64, v);
}

void json_i64(struct json *j, const char *name, int64_t v)
{
	member(j, name);
	fprintf(j->f, "%" PRId64, v);
}

/* JSON has no infinities: those, and what is no number, become strings. */
void json_double(struct json *j, const char *name, double v, int precision)
{
	member(j, name);
	if (isnan(v))
		fputs("\"nan\"", j->f);
	else if (isinf(v))
		fputs(v < 0 ? "\"-inf\"" : "\"inf\"", j->f);
	else
		fprintf(j->f, "%.*g", precision, v);
}

void json_bool(struct json *j, const char *name, bool v)
{
	member(j, name);
	fputs(v ? "true" : "false", j->f);
}

void json_null(struct json *j, const char *name)
{
	member(j, name);
	fputs("null", j->f);
}

/* Octal, which JSON has not: a string. */
void json_mode(struct json *j, uint32_t mode)
{
	char text[16];

	snprintf(text, sizeof(text), "%04" PRIo32, mode);
	json_string(j, "mode", text);
}
