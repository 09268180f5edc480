// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads of records and headers. Input: a byte that tells what follows: encoded
 * headers; a description of headers; or a head and the room that it has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "record_ref.h"
#include "util/record.h"

static void ok(const char *complaint)
{
	if (!complaint)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

static void head(const u8 *data, size_t size)
{
	struct mqk_record r;
	u64 room, got;

	if (size < sizeof(r) + sizeof(room))
		return;
	memcpy(&r, data, sizeof(r));
	memcpy(&room, data + sizeof(r), sizeof(room));
	/* or it would seldom be right */
	if (data[sizeof(r) + 7] & 1)
		r.type = MQK_RECORD_DATA;
	if (data[sizeof(r) + 7] & 2)
		memset(&r.priority, 0, 12);
	room >>= data[sizeof(r) + 6] & 63;
	got = mqk_record_size(&r, room);
	if (got != ref_record_size(&r, room) || got > room)
		abort();
}

/* Four bytes for each header: type, name, value, and what is wrong with it. */
static void described(const u8 *data, size_t size)
{
	static const u8 type[] = "tbsIlfdSxTVAF";
	static const u8 fixed[] = { 1, 1, 2, 4, 8, 4, 8, 0, 0, 8, 0, 0, 0 };
	static u8 p[8192];
	u32 len = 0;
	bool valid;

	for (; size >= 4 && len < 2000; data += 4, size -= 4) {
		u32 t = data[0] % 13, name = data[1], value, used;
		u8 flaw = data[3] >> 4, where = data[3] & 15;

		value = type[t] == 'S' || type[t] == 'x' ? data[2] * 16 : fixed[t];
		if (flaw == 1)
			value += where;
		used = 4 + name + value;
		memset(p + len, 1, used);
		memset(p + len + used, 0, 8);
		p[len] = flaw == 2 ? data[2] : type[t];
		p[len + 1] = name;
		p[len + 2] = value;
		p[len + 3] = value >> 8;
		if (flaw == 3)
			p[len + used + where % 8] = 1;
		if (flaw == 4)
			p[len + 4 + name] = where;
		len += (used + 7) & ~7u;
		if (flaw == 5)
			len -= min(len, (u32)where);
		if (flaw == 6)
			p[len + 2] ^= 1 << where % 8;
	}
	ok(headers_compare(p, len, &valid));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bool valid;

	if (!size)
		return 0;
	switch (*data % 3) {
	case 0:
		ok(headers_compare(data + 1, size - 1, &valid));
		break;
	case 1:
		described(data + 1, size - 1);
		break;
	case 2:
		head(data + 1, size - 1);
		break;
	}
	return 0;
}
