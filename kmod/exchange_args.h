/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arguments of an exchange: what its declare says beside type and flags.
 *
 * They never change.  What is parsed points into the encoded headers that it
 * was parsed from, which the exchange keeps.
 */
#ifndef MQK_EXCHANGE_ARGS_H
#define MQK_EXCHANGE_ARGS_H

#include <linux/types.h>

#include "util/topic.h"

/* Bits of struct mqk_exchange_args.given, and of what a kind knows. */
#define MQK_EXCHANGE_ARG_ALTERNATE	0x1u
#define MQK_EXCHANGE_ARG_DIALECT	0x2u
#define MQK_EXCHANGE_ARG_HASH_HEADER	0x4u
#define MQK_EXCHANGE_ARG_HISTORY	0x8u

/**
 * struct mqk_exchange_args - arguments
 * @given: MQK_EXCHANGE_ARG_*
 * @len: bytes at @encoded
 * @encoded: encoded headers, checked
 * @alternate: name of the alternate exchange; with ALTERNATE, may be empty
 * @alternate_len: bytes of it
 * @hash_header: name of the header that a hash exchange looks at; may be empty
 * @hash_header_len: bytes of it
 * @dialect: of a topic exchange
 * @history: how many messages of a key a last-value exchange remembers
 */
struct mqk_exchange_args {
	u32 given;
	u32 len;
	const u8 *encoded;
	const u8 *alternate;
	const u8 *hash_header;
	u8 alternate_len;
	u8 hash_header_len;
	enum mqk_topic_dialect dialect;
	u32 history;
};

int mqk_exchange_args_parse(struct mqk_exchange_args *args, u32 known,
			    const u8 *encoded, u32 len);
bool mqk_exchange_args_equal(const struct mqk_exchange_args *a,
			     const struct mqk_exchange_args *b);

#endif /* MQK_EXCHANGE_ARGS_H */
