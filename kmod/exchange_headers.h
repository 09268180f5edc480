/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The headers of a message, taken apart for headers exchanges.
 *
 * The bytes are a copy of the router's own: those of an in-place record are its
 * producer's to change.  They are copied once, checked, and taken apart, for
 * all exchanges that the message goes through.
 */
#ifndef MQK_EXCHANGE_HEADERS_H
#define MQK_EXCHANGE_HEADERS_H

#include <linux/types.h>

#include "limits.h"
#include "util/headers.h"

/**
 * struct mqk_match_header - one header
 * @by_name: hash of its name
 * @by_value: hash of its name and value
 * @name: its name
 * @name_len: bytes
 * @value: its value
 */
struct mqk_match_header {
	u64 by_name;
	u64 by_value;
	const u8 *name;
	u32 name_len;
	struct mqk_value value;
};

/**
 * struct mqk_match - the headers of a message
 * @parsed: they were taken apart
 * @nr: how many headers there are
 * @steps: arguments of bindings that were compared with them, so far
 * @room: bytes that fit
 * @header: the headers; of two with the same name the first
 * @bytes: their bytes
 */
struct mqk_match {
	bool parsed;
	u32 nr;
	u32 steps;
	u32 room;
	struct mqk_match_header header[MQK_MATCH_HEADERS];
	u8 bytes[] __counted_by(room);
};

int mqk_match_parse(struct mqk_match *m, u32 len);
const struct mqk_value *mqk_match_find(const struct mqk_match *m,
				       const u8 *name, u32 len);

#endif /* MQK_EXCHANGE_HEADERS_H */
