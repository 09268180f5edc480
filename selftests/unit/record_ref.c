// SPDX-License-Identifier: GPL-2.0-only
#include "record_ref.h"

#include <stdlib.h>
#include <string.h>

#include "libmqk/mqk.h"
#include "util/record.h"

static u64 next_multiple(u64 n, u64 of)
{
	while (n % of)
		n++;
	return n;
}

static bool zero(const void *p, size_t size)
{
	const u8 *b = p;

	while (size--)
		if (*b++)
			return false;
	return true;
}

u64 ref_record_size(const struct mqk_record *r, u64 room)
{
	u64 end;

	if (r->type != MQK_RECORD_DATA)
		return 0;
	if (r->flags & ~0x3fu)
		return 0;
	if (r->headers_len % 8 || r->headers_len > MQK_HEADERS_MAX)
		return 0;
	if (!zero(r->resv0, sizeof(r->resv0)) || (!(r->flags & 4) && r->expiration) ||
	    (!(r->flags & 8) && r->delay))
		return 0;
	end = next_multiple(32 + (u64)r->key_len, 8);
	end = next_multiple(end + r->headers_len, 64);
	end = next_multiple(end + r->payload_len, 64);
	return end > room ? 0 : end;
}

static bool size_fits(u8 type, u32 size)
{
	static const struct {
		char type;
		u8 size;
	} fixed[] = {
		{ 't', 1 }, { 'b', 1 }, { 's', 2 }, { 'I', 4 }, { 'l', 8 }, { 'f', 4 },
		{ 'd', 8 }, { 'T', 8 }, { 'V', 0 },
	};
	u32 i;

	if (type == 'S' || type == 'x')
		return true;
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].type == type)
			return fixed[i].size == size;
	return false;
}

/*
 * What is in an array (without names) or a table (with names), one level of so many
 * that there may be.
 */
static bool items_fit(const u8 *p, u64 at, u64 end, bool named, int level)
{
	if (level > 4)
		return false;
	while (at < end) {
		u64 len, next, value;

		if (end - at < 4 || (p[at + 1] != 0) != named)
			return false;
		value = at + 4 + p[at + 1];
		len = p[at + 2] + 256 * p[at + 3];
		next = at + next_multiple(4 + p[at + 1] + len, 8);
		if (next > end || !zero(p + value + len, next - value - len))
			return false;
		if (p[at] == 'A' || p[at] == 'F') {
			if (!items_fit(p, value, value + len, p[at] == 'F', level + 1))
				return false;
		} else if (!size_fits(p[at], len) || (p[at] == 't' && p[value] > 1)) {
			return false;
		}
		at = next;
	}
	return true;
}

int ref_headers(const u8 *p, u32 len, struct ref_header *h, int max)
{
	u64 at = 0, end;
	int n;

	for (n = 0; at < len; n++) {
		struct ref_header one;

		if (len - at >= 8 && zero(p + at, 8)) {
			at += 8;
			n--;
			continue;
		}
		if (len - at < 4)
			return -1;
		one.type = p[at];
		one.name_len = p[at + 1];
		one.value_len = p[at + 2] + 256 * p[at + 3];
		one.name = at + 4;
		one.value = one.name + one.name_len;
		end = next_multiple((u64)one.value + one.value_len, 8);
		if (!one.name_len || end > len)
			return -1;
		if (one.type == 'A' || one.type == 'F' ?
		    !items_fit(p, one.value, one.value + one.value_len, one.type == 'F', 1) :
		    !size_fits(one.type, one.value_len))
			return -1;
		if (one.type == 't' && p[one.value] != 0 && p[one.value] != 1)
			return -1;
		if (!zero(p + one.value + one.value_len, end - one.value - one.value_len))
			return -1;
		if (n < max)
			h[n] = one;
		at = end;
	}
	return n;
}

/* Go through the library's views. */
static const char *compare_views(const u8 *p, u32 len, const struct ref_header *h, int n, int max)
{
	struct mqk_header_view v;
	size_t pos = 0;
	int i, ret;

	for (i = 0; (ret = mqk_headers_next(p, len, &pos, &v)) > 0; i++) {
		if (n >= 0 && i >= n)
			return "libmqk: more headers than there are";
		if (i >= max || n < 0)
			continue;
		if (v.type != h[i].type || v.name_len != h[i].name_len ||
		    v.value_len != h[i].value_len ||
		    v.name != (const char *)p + h[i].name || v.value != p + h[i].value)
			return "libmqk: another header";
	}
	if (n < 0)
		return ret == -EBADMSG ? NULL : "libmqk: takes what is malformed";
	return ret || i != n || pos != len ? "libmqk: refuses what is well formed" : NULL;
}

const char *headers_compare(const u8 *from, u32 len, bool *valid)
{
	struct ref_header h[16];
	const char *bad = NULL;
	u8 *p = calloc(1, len);
	int n;

	if (len)
		memcpy(p, from, len);
	n = ref_headers(p, len, h, 16);
	*valid = n >= 0;
	if (mqk_headers_valid(p, len) != *valid)
		bad = *valid ? "kernel: refuses what is well formed" :
			       "kernel: takes what is malformed";
	/* the kernel is never asked for more than MQK_HEADERS_MAX */
	if (!bad && mqk_headers_check(p, len) !=
		    (*valid && len <= MQK_HEADERS_MAX ? n : -EBADMSG))
		bad = "libmqk: another number of headers";
	if (!bad)
		bad = compare_views(p, len, h, n, 16);
	if (!bad && len && memcmp(p, from, len))
		bad = "it was changed";
	free(p);
	return bad;
}
