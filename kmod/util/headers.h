/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Going through encoded headers that were checked (util/record.h).
 *
 * Nothing here checks: it is for private copies that mqk_headers_valid() has
 * accepted, and that nobody changes meanwhile.
 */
#ifndef MQK_UTIL_HEADERS_H
#define MQK_UTIL_HEADERS_H

#include <linux/string.h>
#include <linux/types.h>
#include <linux/mqk.h>

#include "util/record.h"

/**
 * struct mqk_header_at - one header, where it lies
 * @type: MQK_HEADER_*
 * @name_len: bytes of the name, at least 1
 * @value_len: bytes of the value
 * @name: the name
 * @value: the value
 */
struct mqk_header_at {
	u8 type;
	u8 name_len;
	u16 value_len;
	const u8 *name;
	const u8 *value;
};

/**
 * mqk_header_next() - take one header off the front
 * @p: where the rest begins; moved behind the header
 * @len: bytes of the rest; lowered
 * @h: the header
 * Return: false when there are no more
 */
static inline bool mqk_header_next(const u8 **p, u32 *len,
				   struct mqk_header_at *h)
{
	const u8 *at;
	u32 size;

	/* what was taken out */
	for (; *len && mqk_header_blank(*p); *p += 8)
		*len -= 8;
	if (!*len)
		return false;
	at = *p;
	h->type = at[0];
	h->name_len = at[1];
	h->value_len = at[2] | at[3] << 8;
	h->name = at + sizeof(struct mqk_header);
	h->value = h->name + h->name_len;
	size = mqk_header_size(at);
	*p += size;
	*len -= size;
	return true;
}

/* Whether a header has this name, a string of C. */
static inline bool mqk_header_is(const struct mqk_header_at *h, const char *name)
{
	return h->name_len == strlen(name) && !memcmp(h->name, name, h->name_len);
}

/* Whether a header is this string. */
static inline bool mqk_header_says(const struct mqk_header_at *h,
				   const char *text)
{
	return h->type == MQK_HEADER_STRING && h->value_len == strlen(text) &&
	       !memcmp(h->value, text, h->value_len);
}

/* What a value is compared as. */
enum mqk_value_class {
	MQK_VALUE_NONE,		/* nothing equals it: a time, a NaN */
	MQK_VALUE_VOID,
	MQK_VALUE_NUMBER,	/* whole, of any width */
	MQK_VALUE_REAL,		/* float or double */
	MQK_VALUE_TEXT,		/* string or bytes */
	MQK_VALUE_BOOL,
};

/**
 * struct mqk_value - a value in the form in which it is compared
 * @class: what it is
 * @len: bytes of a text, else 0
 * @number: the number; of a real its bits as a double, with one zero; of a bool
 *	0 or 1; else 0
 * @text: a text, in the headers
 */
struct mqk_value {
	enum mqk_value_class class;
	u32 len;
	u64 number;
	const u8 *text;
};

struct mqk_value mqk_value_of(const struct mqk_header_at *h);

/* Whether two values are the same; none is the same as NONE. */
static inline bool mqk_value_equal(const struct mqk_value *a,
				   const struct mqk_value *b)
{
	return a->class == b->class && a->class != MQK_VALUE_NONE &&
	       a->number == b->number && a->len == b->len &&
	       !memcmp(a->text, b->text, a->len);
}

#endif /* MQK_UTIL_HEADERS_H */
