// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Encoded headers: one after the other, each
 *	u8 type; u8 name_len; u16 value_len (little-endian); name; value; padding
 * to a multiple of 8.
 */
#include <errno.h>
#include <string.h>

#include "session.h"

#define HEAD	sizeof(struct mqk_header)

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Little-endian numbers at any address, on any machine. */
static uint64_t load_le(const unsigned char *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static void store_le(unsigned char *p, uint64_t v, unsigned int bytes)
{
	for (; bytes--; v >>= 8)
		*p++ = (unsigned char)v;
}

/* Bytes of a type's value; -1: any number; -2: no such type. */
static int value_size(int type)
{
	switch (type) {
	case MQK_HEADER_VOID:
		return 0;
	case MQK_HEADER_BOOL:
	case MQK_HEADER_BYTE:
		return 1;
	case MQK_HEADER_SHORT:
		return 2;
	case MQK_HEADER_INT:
	case MQK_HEADER_FLOAT:
		return 4;
	case MQK_HEADER_LONG:
	case MQK_HEADER_DOUBLE:
	case MQK_HEADER_TIMESTAMP:
		return 8;
	case MQK_HEADER_STRING:
	case MQK_HEADER_BYTES:
	case MQK_HEADER_ARRAY:
	case MQK_HEADER_TABLE:
		return -1;
	default:
		return -2;
	}
}

static bool value_fits(int type, size_t len)
{
	int size = value_size(type);

	return size == -1 || (size >= 0 && (size_t)size == len);
}

/* Where the next header begins, behind what is none. */
static size_t skip_blank(const unsigned char *p, size_t pos, size_t len)
{
	static const unsigned char blank[8];

	while (len - pos >= sizeof(blank) && !memcmp(p + pos, blank, sizeof(blank)))
		pos += sizeof(blank);
	return pos;
}

/* One header at p, its name too if @named: its bytes, 0: malformed. */
static size_t read_one(const unsigned char *p, size_t left, bool named,
		       struct mqk_header_view *view)
{
	size_t size, used, name_len, value_len;
	uint8_t head[HEAD];
	unsigned int i;

	if (left < HEAD)
		return 0;
	/*
	 * The producer may change the bytes under us: each is read once, and
	 * what was read is what is checked and used.
	 */
	for (i = 0; i < HEAD; i++)
		head[i] = __atomic_load_n(&p[i], __ATOMIC_RELAXED);
	name_len = head[1];
	value_len = (size_t)load_le(head + 2, 2);
	used = HEAD + name_len + value_len;
	size = padded(used);
	if (size > left || named != !!name_len || !value_fits(head[0], value_len))
		return 0;
	if (head[0] == MQK_HEADER_BOOL && p[HEAD + name_len] > 1)
		return 0;
	for (; used < size; used++)
		if (p[used])
			return 0;
	view->type = head[0];
	view->name_len = (uint8_t)name_len;
	view->value_len = (uint16_t)value_len;
	view->name = (const char *)(p + HEAD);
	view->value = p + HEAD + name_len;
	return size;
}

static bool nests(int type)
{
	return type == MQK_HEADER_ARRAY || type == MQK_HEADER_TABLE;
}

/* The next value of an array, or field of a table, but for what is in it. */
static int read_item(const struct mqk_header_view *outer, size_t *pos,
		     struct mqk_header_view *view)
{
	size_t size;

	if (*pos >= outer->value_len)
		return *pos == outer->value_len ? 0 : -EBADMSG;
	size = read_one((const unsigned char *)outer->value + *pos,
			outer->value_len - *pos, outer->type == MQK_HEADER_TABLE,
			view);
	if (!size)
		return -EBADMSG;
	*pos += size;
	return 1;
}

/* Whether all that is in an array or table is well formed; @depth: of what it is in. */
static bool nested_fits(const struct mqk_header_view *outer, unsigned int depth)
{
	struct mqk_header_view item;
	size_t pos = 0;
	int ret;

	if (!nests(outer->type))
		return true;
	if (depth == MQK_HEADERS_DEPTH)
		return false;
	while ((ret = read_item(outer, &pos, &item)) > 0)
		if (!nested_fits(&item, depth + 1))
			return false;
	return !ret;
}

int mqk_header_item(const struct mqk_header_view *outer, size_t *pos,
		    struct mqk_header_view *view)
{
	struct mqk_header_view v;
	size_t at = *pos;
	int ret;

	if (!nests(outer->type))
		return -EINVAL;
	ret = read_item(outer, &at, &v);
	if (ret <= 0)
		return ret;
	if (!nested_fits(&v, 1))
		return -EBADMSG;
	*view = v;
	*pos = at;
	return 1;
}

void mqk_headers_init(struct mqk_headers *h, void *buf, size_t room)
{
	h->buf = buf;
	h->room = room;
	h->len = 0;
}

int mqk_headers_add(struct mqk_headers *h, int type, const char *name,
		    const void *value, size_t value_len)
{
	unsigned char *p;
	size_t name_len, size;

	if (!name || !*name || (value_len && !value))
		return -EINVAL;
	name_len = strnlen(name, 256);
	if (name_len > 255 || !value_fits(type, value_len))
		return -EINVAL;
	if (type == MQK_HEADER_BOOL && *(const unsigned char *)value > 1)
		return -EINVAL;
	if (value_len > MQK_HEADERS_MAX)
		return -EMSGSIZE;
	if (!nested_fits(&(struct mqk_header_view){
			.type = (uint8_t)type, .value = value,
			.value_len = (uint16_t)value_len }, 0))
		return -EINVAL;
	size = padded(HEAD + name_len + value_len);
	if (size > MQK_HEADERS_MAX || h->len > MQK_HEADERS_MAX - size)
		return -EMSGSIZE;
	if (h->len > h->room || size > h->room - h->len)
		return -ENOBUFS;

	p = h->buf + h->len;
	p[0] = (unsigned char)type;
	p[1] = (unsigned char)name_len;
	store_le(p + 2, value_len, 2);
	memcpy(p + HEAD, name, name_len);
	if (value_len)
		memcpy(p + HEAD + name_len, value, value_len);
	memset(p + HEAD + name_len + value_len, 0,
	       size - HEAD - name_len - value_len);
	h->len += size;
	return 0;
}

int mqk_headers_add_bool(struct mqk_headers *h, const char *name, bool value)
{
	unsigned char v = value;

	return mqk_headers_add(h, MQK_HEADER_BOOL, name, &v, 1);
}

int mqk_headers_add_int(struct mqk_headers *h, const char *name, int64_t value)
{
	unsigned char v[8];

	store_le(v, (uint64_t)value, 8);
	return mqk_headers_add(h, MQK_HEADER_LONG, name, v, sizeof(v));
}

int mqk_headers_add_double(struct mqk_headers *h, const char *name,
			   double value)
{
	unsigned char v[8];
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	store_le(v, bits, 8);
	return mqk_headers_add(h, MQK_HEADER_DOUBLE, name, v, sizeof(v));
}

int mqk_headers_add_string(struct mqk_headers *h, const char *name,
			   const char *value)
{
	if (!value)
		return -EINVAL;
	return mqk_headers_add(h, MQK_HEADER_STRING, name, value,
			       strlen(value));
}

int mqk_headers_add_strings(struct mqk_headers *h, const char *name,
			    const char *const *values, unsigned int count)
{
	size_t name_len = name ? strnlen(name, 256) : 0, value_len = 0, size;
	unsigned char *p;
	unsigned int i;

	if (!name_len || name_len > 255 || (count && !values))
		return -EINVAL;
	for (i = 0; i < count; i++) {
		if (!values[i])
			return -EINVAL;
		size = strnlen(values[i], MQK_HEADERS_MAX);
		if (size > MQK_HEADERS_MAX - HEAD)
			return -EMSGSIZE;
		value_len += padded(HEAD + size);
		if (value_len > MQK_HEADERS_MAX)
			return -EMSGSIZE;
	}
	size = padded(HEAD + name_len + value_len);
	if (size > MQK_HEADERS_MAX || h->len > MQK_HEADERS_MAX - size)
		return -EMSGSIZE;
	if (h->len > h->room || size > h->room - h->len)
		return -ENOBUFS;

	p = h->buf + h->len;
	memset(p, 0, size);
	p[0] = MQK_HEADER_ARRAY;
	p[1] = (unsigned char)name_len;
	store_le(p + 2, value_len, 2);
	memcpy(p + HEAD, name, name_len);
	p += HEAD + name_len;
	for (i = 0; i < count; i++) {
		size_t len = strlen(values[i]);

		p[0] = MQK_HEADER_STRING;
		store_le(p + 2, len, 2);
		memcpy(p + HEAD, values[i], len);
		p += padded(HEAD + len);
	}
	h->len += size;
	return 0;
}

int mqk_headers_add_timestamp(struct mqk_headers *h, const char *name,
			      int64_t seconds)
{
	unsigned char v[8];

	store_le(v, (uint64_t)seconds, 8);
	return mqk_headers_add(h, MQK_HEADER_TIMESTAMP, name, v, sizeof(v));
}

int mqk_headers_next(const void *headers, size_t len, size_t *pos,
		     struct mqk_header_view *view)
{
	struct mqk_header_view v;
	size_t size, at = *pos;

	if (at > len)
		return -EBADMSG;
	if (!headers)
		return len ? -EBADMSG : 0;
	at = skip_blank(headers, at, len);
	if (at < len) {
		size = read_one((const unsigned char *)headers + at, len - at,
				true, &v);
		if (!size || !nested_fits(&v, 0))
			return -EBADMSG;
		*view = v;
		*pos = at + size;
		return 1;
	}
	*pos = at;
	return 0;
}

int mqk_headers_find(const void *headers, size_t len, const char *name,
		     struct mqk_header_view *view)
{
	struct mqk_header_view v;
	size_t pos = 0;
	size_t name_len = strnlen(name, 256);
	int ret;

	while ((ret = mqk_headers_next(headers, len, &pos, &v)) > 0) {
		if (v.name_len != name_len || memcmp(v.name, name, name_len))
			continue;
		*view = v;
		return 1;
	}
	return ret;
}

int mqk_headers_check(const void *headers, size_t len)
{
	struct mqk_header_view v;
	size_t pos = 0;
	int ret, n = 0;

	if (len > MQK_HEADERS_MAX)
		return -EBADMSG;
	while ((ret = mqk_headers_next(headers, len, &pos, &v)) > 0)
		n++;
	return ret < 0 ? ret : n;
}

int mqk_header_int(const struct mqk_header_view *view, int64_t *value)
{
	int size = value_size(view->type);
	uint64_t v;

	switch (view->type) {
	case MQK_HEADER_BOOL:
	case MQK_HEADER_BYTE:
	case MQK_HEADER_SHORT:
	case MQK_HEADER_INT:
	case MQK_HEADER_LONG:
	case MQK_HEADER_TIMESTAMP:
		break;
	default:
		return -EINVAL;
	}
	v = load_le(view->value, (unsigned int)size);
	switch (view->type) {
	case MQK_HEADER_BOOL:
		*value = !!v;
		break;
	case MQK_HEADER_BYTE:
		*value = (int8_t)v;
		break;
	case MQK_HEADER_SHORT:
		*value = (int16_t)v;
		break;
	case MQK_HEADER_INT:
		*value = (int32_t)v;
		break;
	default:
		*value = (int64_t)v;
		break;
	}
	return 0;
}

int mqk_header_double(const struct mqk_header_view *view, double *value)
{
	uint64_t bits64;
	uint32_t bits32;
	float f;

	switch (view->type) {
	case MQK_HEADER_FLOAT:
		bits32 = (uint32_t)load_le(view->value, 4);
		memcpy(&f, &bits32, sizeof(f));
		*value = f;
		return 0;
	case MQK_HEADER_DOUBLE:
		bits64 = load_le(view->value, 8);
		memcpy(value, &bits64, sizeof(bits64));
		return 0;
	default:
		return -EINVAL;
	}
}
