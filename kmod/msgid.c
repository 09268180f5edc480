// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ids of messages.
 */
#include "msgid.h"

#include <linux/once.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/mqk.h>

#include "util/headers.h"

/* So that nobody can choose ids that collide. */
static siphash_key_t secret[2];

/**
 * mqk_msgid() - make an id
 * @text: its text
 * @len: bytes of it
 *
 * Context: any.
 * Return: the id
 */
struct mqk_msgid mqk_msgid(const u8 *text, u32 len)
{
	get_random_once(&secret, sizeof(secret));
	return (struct mqk_msgid) {
		.number = siphash(text, len, &secret[0]) ?: 1,
		.check = siphash(text, len, &secret[1]),
	};
}

/**
 * mqk_msgid_find() - find an id of a message
 * @headers: encoded headers, checked, a private copy
 * @len: bytes of them
 * @name: of the header that is the id
 *
 * Of two headers of that name the first counts.
 *
 * Context: any.
 * Return: the id; none: there is no such header, or it is no string, or none of 1 to
 * MQK_ID_MAX bytes
 */
struct mqk_msgid mqk_msgid_find(const u8 *headers, u32 len, const char *name)
{
	struct mqk_header_at h;

	while (mqk_header_next(&headers, &len, &h)) {
		if (!mqk_header_is(&h, name))
			continue;
		if (h.type != MQK_HEADER_STRING || !h.value_len ||
		    h.value_len > MQK_ID_MAX)
			break;
		return mqk_msgid(h.value, h.value_len);
	}
	return (struct mqk_msgid) {};
}
