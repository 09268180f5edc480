// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "number.h"
#include "property.h"
#include "text.h"

/* Types by name; for integers their range, for all the bytes of a value. */
static const struct type {
	const char *name;
	int type;
	unsigned int size;
	int64_t min;
	int64_t max;
} types[] = {
	{ "bool", MQK_HEADER_BOOL, 1, 0, 1 },
	{ "byte", MQK_HEADER_BYTE, 1, INT8_MIN, INT8_MAX },
	{ "short", MQK_HEADER_SHORT, 2, INT16_MIN, INT16_MAX },
	{ "int", MQK_HEADER_INT, 4, INT32_MIN, INT32_MAX },
	{ "long", MQK_HEADER_LONG, 8, INT64_MIN, INT64_MAX },
	{ "timestamp", MQK_HEADER_TIMESTAMP, 8, INT64_MIN, INT64_MAX },
	{ "float", MQK_HEADER_FLOAT, 4, 0, 0 },
	{ "double", MQK_HEADER_DOUBLE, 8, 0, 0 },
	{ "string", MQK_HEADER_STRING, 0, 0, 0 },
	{ "bytes", MQK_HEADER_BYTES, 0, 0, 0 },
	{ "void", MQK_HEADER_VOID, 0, 0, 0 },
	{ "array", MQK_HEADER_ARRAY, 0, 0, 0 },
	{ "table", MQK_HEADER_TABLE, 0, 0, 0 },
};

#define TYPES_NR	(sizeof(types) / sizeof(types[0]))

static const struct type *type_by_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < TYPES_NR; i++)
		if (strlen(types[i].name) == len &&
		    !memcmp(types[i].name, name, len))
			return &types[i];
	return NULL;
}

static const struct type *type_by_number(int type)
{
	size_t i;

	for (i = 0; i < TYPES_NR; i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

static void store_le(unsigned char *p, uint64_t v, unsigned int size)
{
	for (; size--; v >>= 8)
		*p++ = (unsigned char)v;
}

static bool encode_number(const struct type *t, const char *value,
			  unsigned char *out)
{
	int64_t v;

	if (t->type == MQK_HEADER_BOOL && !strcmp(value, "true"))
		value = "1";
	else if (t->type == MQK_HEADER_BOOL && !strcmp(value, "false"))
		value = "0";
	if (!number_i64(value, t->min, t->max, &v))
		return false;
	store_le(out, (uint64_t)v, t->size);
	return true;
}

static bool encode_real(const struct type *t, const char *value,
			unsigned char *out)
{
	uint64_t bits64;
	uint32_t bits32;
	double d;
	float f;

	if (!number_double(value, &d))
		return false;
	f = (float)d;
	if (t->size == 4 && isinf(f) && !isinf(d))
		return false;
	memcpy(&bits64, &d, sizeof(bits64));
	memcpy(&bits32, &f, sizeof(bits32));
	store_le(out, t->size == 4 ? bits32 : bits64, t->size);
	return true;
}

/* Strings with commas between them. */
static long encode_array(const char *value, unsigned char *out)
{
	unsigned char *p = out;

	while (*value) {
		size_t len = (size_t)(strchrnul(value, ',') - value);
		size_t size = (sizeof(struct mqk_header) + len + 7) & ~(size_t)7;

		if (len > UINT16_MAX)
			return -1;
		memset(p, 0, size);
		p[0] = MQK_HEADER_STRING;
		store_le(p + 2, len, 2);
		memcpy(p + sizeof(struct mqk_header), value, len);
		p += size;
		value += len;
		value += *value == ',';
	}
	return p - out;
}

/* Bytes of the value at out, which has room; -1: bad. */
static long encode(const struct type *t, const char *value, unsigned char *out)
{
	switch (t->type) {
	case MQK_HEADER_STRING:
		memcpy(out, value, strlen(value));
		return (long)strlen(value);
	case MQK_HEADER_BYTES:
		return base64_decode(value, out);
	case MQK_HEADER_VOID:
		return *value ? -1 : 0;
	case MQK_HEADER_ARRAY:
		return encode_array(value, out);
	case MQK_HEADER_TABLE:
		return -1;		/* the broker's own: none is given here */
	case MQK_HEADER_FLOAT:
	case MQK_HEADER_DOUBLE:
		return encode_real(t, value, out) ? (long)t->size : -1;
	default:
		return encode_number(t, value, out) ? (long)t->size : -1;
	}
}

static int add_value(struct ctl *ctl, struct mqk_headers *h, enum opt opt,
		     const char *text, const char *name, const struct type *t,
		     const char *value)
{
	/* an array takes most: 8 bytes for each of them, and padding */
	unsigned char *out = malloc(12 * strlen(value) + 16);
	const char *option = option_texts[opt].name;
	int status = DONE, err;
	long len;

	if (!out)
		return out_of_memory(ctl);
	len = encode(t, value, out);
	if (len < 0) {
		status = bad_usage(ctl, "--%s %s: '%s' is no value of type %s",
				   option, text, value, t->name);
	} else {
		err = mqk_headers_add(h, t->type, name, out, (size_t)len);
		if (err == -EMSGSIZE || err == -ENOBUFS)
			status = bad_usage(ctl, "--%s: all of them together take more than %d bytes",
					   option, MQK_HEADERS_MAX);
		else if (err)
			status = bad_usage(ctl, "--%s %s: a name has 1 to 255 bytes",
					   option, text);
	}
	free(out);
	return status;
}

static int add(struct ctl *ctl, struct mqk_headers *h, enum opt opt,
	       const char *text)
{
	const char *equals = strchrnul(text, '=');
	const char *colon = memrchr(text, ':', (size_t)(equals - text));
	const char *end = colon ? colon : equals;
	const struct type *t = colon ?
		type_by_name(colon + 1, (size_t)(equals - colon - 1)) :
		type_by_name("string", 6);
	char *name;
	int status;

	if (!t)
		return bad_usage(ctl, "--%s %s: '%.*s' is no type; use bool, byte, short, int, long, float, double, string, bytes, timestamp, void or array",
				 option_texts[opt].name, text,
				 (int)(equals - colon - 1), colon + 1);
	if (!*equals && t->type != MQK_HEADER_VOID)
		return bad_usage(ctl, "--%s %s: give NAME=VALUE or NAME:TYPE=VALUE",
				 option_texts[opt].name, text);
	name = strndup(text, (size_t)(end - text));
	if (!name)
		return out_of_memory(ctl);
	status = add_value(ctl, h, opt, text, name, t,
			   *equals ? equals + 1 : "");
	free(name);
	return status;
}

/* All uses of --cc, or --bcc, as an array. */
static int add_keys(struct ctl *ctl, const struct args *args, enum opt opt,
		    const char *name, struct mqk_headers *h)
{
	const char **keys;
	unsigned int n = 0;
	int err, pos = 0;

	if (!args_has(args, opt))
		return DONE;
	keys = calloc((size_t)args->ngiven, sizeof(*keys));
	if (!keys)
		return out_of_memory(ctl);
	while ((keys[n] = args_each(args, opt, &pos)))
		if (++n == (unsigned int)args->ngiven)
			break;
	err = mqk_headers_add_strings(h, name, keys, n);
	free(keys);
	if (err)
		return bad_usage(ctl, "--%s: all headers together take more than %d bytes",
				 option_texts[opt].name, MQK_HEADERS_MAX);
	return DONE;
}

uint32_t headers_flags(const struct args *args)
{
	return args_has(args, OPT_CC) || args_has(args, OPT_BCC) ?
	       MQK_MSG_F_CC : 0;
}

int headers_build(struct ctl *ctl, const struct args *args, enum opt opt,
		  struct mqk_headers *h)
{
	const char *text;
	int status = DONE;
	void *buf = NULL;
	int pos = 0;

	if (args_has(args, opt) ||
	    (opt == OPT_HEADER && headers_flags(args))) {
		buf = malloc(MQK_HEADERS_MAX);
		if (!buf)
			return out_of_memory(ctl);
	}
	mqk_headers_init(h, buf, buf ? MQK_HEADERS_MAX : 0);
	while (!status && (text = args_each(args, opt, &pos)))
		status = add(ctl, h, opt, text);
	if (!status && opt == OPT_HEADER)
		status = add_keys(ctl, args, OPT_CC, "CC", h);
	if (!status && opt == OPT_HEADER)
		status = add_keys(ctl, args, OPT_BCC, "BCC", h);
	if (status)
		headers_free(h);
	return status;
}

bool headers_room(struct mqk_headers *h)
{
	void *buf;

	if (h->buf)
		return true;
	buf = malloc(MQK_HEADERS_MAX);
	if (buf)
		mqk_headers_init(h, buf, MQK_HEADERS_MAX);
	return buf;
}

void headers_free(struct mqk_headers *h)
{
	free(h->buf);
	h->buf = NULL;
}

/* The fewest digits that give the same number again. */
static int digits_of(double v, bool is_float)
{
	int most = is_float ? 9 : 17, n = is_float ? 6 : 15;
	char text[64];

	for (; n < most; n++) {
		snprintf(text, sizeof(text), "%.*g", n, v);
		if (is_float ? strtof(text, NULL) == (float)v :
			       strtod(text, NULL) == v)
			break;
	}
	return n;
}

static void value_json(struct json *j, const struct mqk_header_view *v);

static void table_json(struct json *j, const struct mqk_header_view *v)
{
	struct mqk_header_view field;
	struct json fields = { .f = j->f };
	size_t pos = 0;

	putc('{', j->f);
	while (mqk_header_item(v, &pos, &field) > 0) {
		json_name(&fields, field.name, field.name_len);
		value_json(&fields, &field);
	}
	putc('}', j->f);
}

static void array_json(struct json *j, const struct mqk_header_view *v)
{
	struct mqk_header_view item;
	struct json items = { .f = j->f };
	size_t pos = 0;

	putc('[', j->f);
	while (mqk_header_item(v, &pos, &item) > 0) {
		json_name(&items, NULL, 0);
		value_json(&items, &item);
	}
	putc(']', j->f);
}

/* Whether JSON says exactly what the value is. */
static bool value_exact(const struct mqk_header_view *v)
{
	struct mqk_header_view item;
	bool exact = true;
	size_t pos = 0;

	if (v->type == MQK_HEADER_STRING)
		return utf8_valid(v->value, v->value_len);
	while (exact && mqk_header_item(v, &pos, &item) > 0)
		exact = (!item.name_len || utf8_valid(item.name, item.name_len)) &&
			value_exact(&item);
	return exact;
}

static void value_json(struct json *j, const struct mqk_header_view *v)
{
	struct json value = { .f = j->f };
	int64_t i;
	double d;

	if (v->type == MQK_HEADER_STRING)
		json_value_string(j, v->value, v->value_len);
	else if (v->type == MQK_HEADER_ARRAY)
		array_json(j, v);
	else if (v->type == MQK_HEADER_TABLE)
		table_json(j, v);
	else if (v->type == MQK_HEADER_BYTES)
		json_base64(&value, NULL, v->value, v->value_len);
	else if (v->type == MQK_HEADER_BOOL && !mqk_header_int(v, &i))
		json_bool(&value, NULL, i);
	else if (!mqk_header_int(v, &i))
		json_i64(&value, NULL, i);
	else if (!mqk_header_double(v, &d))
		json_double(&value, NULL, d,
			    digits_of(d, v->type == MQK_HEADER_FLOAT));
	else
		json_null(&value, NULL);
}

/* Whether the value alone tells the type: text, true, a whole number, null. */
static bool type_shows(int type)
{
	return type == MQK_HEADER_STRING || type == MQK_HEADER_BOOL ||
	       type == MQK_HEADER_LONG || type == MQK_HEADER_VOID;
}

/* A member NAME_types with the types of those whose values do not tell. */
static void types_json(struct json *j, const char *name, const void *headers,
		       size_t len)
{
	struct mqk_header_view v;
	char types_name[32];
	struct json value = { .f = j->f };
	bool any = false;
	size_t pos = 0;

	while (mqk_headers_next(headers, len, &pos, &v) > 0) {
		const struct type *t = type_by_number(v.type);

		if (!t || type_shows(v.type))
			continue;
		if (!any) {
			snprintf(types_name, sizeof(types_name), "%s_types",
				 name);
			json_open(j, types_name, '{');
		}
		any = true;
		json_name(j, v.name, v.name_len);
		json_string(&value, NULL, t->name);
		value.comma = false;
	}
	if (any)
		json_close(j, '}');
}

void headers_json(struct json *j, const char *name, const void *headers,
		  size_t len)
{
	struct mqk_header_view v;
	char encoded[32];
	bool exact = true;
	size_t pos = 0;
	int ret;

	json_open(j, name, '{');
	while ((ret = mqk_headers_next(headers, len, &pos, &v)) > 0) {
		json_name(j, v.name, v.name_len);
		value_json(j, &v);
		if (!utf8_valid(v.name, v.name_len) || !value_exact(&v))
			exact = false;
	}
	json_close(j, '}');
	types_json(j, name, headers, len);
	if (exact && !ret)
		return;
	snprintf(encoded, sizeof(encoded), "%s_base64", name);
	json_base64(j, encoded, headers, len);
}

static void value_print(FILE *f, const struct mqk_header_view *v)
{
	struct mqk_header_view item;
	bool first = true;
	size_t pos = 0;
	char *escaped;
	int64_t i;
	double d;

	if (v->type == MQK_HEADER_STRING) {
		escaped = text_escape(v->value, v->value_len);
		fputs(escaped ? escaped : "?", f);
		free(escaped);
	} else if (v->type == MQK_HEADER_ARRAY || v->type == MQK_HEADER_TABLE) {
		if (v->type == MQK_HEADER_TABLE)
			putc('{', f);
		while (mqk_header_item(v, &pos, &item) > 0) {
			if (!first)
				putc(',', f);
			first = false;
			if (v->type == MQK_HEADER_TABLE) {
				escaped = text_escape(item.name, item.name_len);
				fprintf(f, "%s=", escaped ? escaped : "?");
				free(escaped);
			}
			value_print(f, &item);
		}
		if (v->type == MQK_HEADER_TABLE)
			putc('}', f);
	} else if (v->type == MQK_HEADER_BYTES) {
		base64_print(f, v->value, v->value_len);
	} else if (v->type == MQK_HEADER_BOOL && !mqk_header_int(v, &i)) {
		fputs(i ? "true" : "false", f);
	} else if (!mqk_header_int(v, &i)) {
		fprintf(f, "%" PRId64, i);
	} else if (!mqk_header_double(v, &d)) {
		fprintf(f, "%.*g", digits_of(d, v->type == MQK_HEADER_FLOAT),
			d);
	}
}

/* As one would write it on the command line. */
static void header_print(FILE *f, const struct mqk_header_view *v)
{
	const struct type *t = type_by_number(v->type);
	char *name = text_escape(v->name, v->name_len);

	fputs(name ? name : "?", f);
	free(name);
	/* a name with a colon would be read as one with a type */
	if (t && (t->type != MQK_HEADER_STRING ||
		  memchr(v->name, ':', v->name_len)))
		fprintf(f, ":%s", t->name);
	putc('=', f);
	value_print(f, v);
}

void headers_print(FILE *f, const void *headers, size_t len)
{
	struct mqk_header_view v;
	size_t pos = 0;
	int ret;

	while ((ret = mqk_headers_next(headers, len, &pos, &v)) > 0) {
		fputs(property_is(&v) ? "    property " : "    header ", f);
		header_print(f, &v);
		putc('\n', f);
	}
	if (ret < 0)
		fputs("    the rest of the headers is malformed\n", f);
}

char *headers_text(const void *headers, size_t len)
{
	struct mqk_header_view v;
	char *text = NULL;
	size_t size, pos = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	while (mqk_headers_next(headers, len, &pos, &v) > 0) {
		if (ftell(f) > 0)
			putc(' ', f);
		header_print(f, &v);
	}
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}
