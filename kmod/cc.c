// SPDX-License-Identifier: GPL-2.0-only
/*
 * CC and BCC.
 */
#include "cc.h"

#include <linux/errno.h>
#include <linux/string.h>

#include "util/headers.h"
#include "util/record.h"

static int add(struct mqk_cc *cc, const u8 *text, u32 len)
{
	if (len > MQK_KEY_MAX || cc->nr == MQK_KEYS_MAX)
		return -EINVAL;
	cc->key[cc->nr].text = text;
	cc->key[cc->nr++].len = len;
	return 0;
}

/* The strings of an array. */
static int add_all(struct mqk_cc *cc, const struct mqk_header_at *h)
{
	const u8 *p = h->value;
	u32 size, left = h->value_len;
	int err;

	for (; left; p += size, left -= size) {
		size = mqk_header_size(p);
		if (p[0] != MQK_HEADER_STRING)
			return -EINVAL;
		err = add(cc, p + sizeof(struct mqk_header), p[2] | p[3] << 8);
		if (err)
			return err;
	}
	return 0;
}

/**
 * mqk_cc_parse() - find the further keys of a message
 * @cc: where to; it points into the headers
 * @headers: encoded headers, checked
 * @len: bytes of them
 *
 * Of two CC, and of two BCC, the first counts.
 *
 * Context: any.
 * Return: 0; -EINVAL for one of another type, or keys that are too long or too
 * many
 */
int mqk_cc_parse(struct mqk_cc *cc, const u8 *headers, u32 len)
{
	struct mqk_header_at h;
	bool seen = false;
	int err = 0;

	cc->nr = 0;
	cc->blind = false;
	while (!err && mqk_header_next(&headers, &len, &h)) {
		bool *already;

		if (mqk_header_is(&h, "CC"))
			already = &seen;
		else if (mqk_header_is(&h, "BCC"))
			already = &cc->blind;
		else
			continue;
		if (!*already && h.type == MQK_HEADER_STRING)
			err = add(cc, h.value, h.value_len);
		else if (!*already && h.type == MQK_HEADER_ARRAY)
			err = add_all(cc, &h);
		else if (!*already)
			err = -EINVAL;
		*already = true;
	}
	return err;
}

/**
 * mqk_cc_blank() - take BCC out of headers
 * @headers: encoded headers, checked, a private copy; keys that were found in
 *	them are gone
 * @len: bytes of them
 *
 * Context: any.
 */
void mqk_cc_blank(u8 *headers, u32 len)
{
	struct mqk_header_at h;
	const u8 *next = headers;

	while (mqk_header_next(&next, &len, &h)) {
		u8 *at = headers + (h.name - sizeof(struct mqk_header) - headers);

		if (mqk_header_is(&h, "BCC"))
			memset(at, 0, next - at);
	}
}
