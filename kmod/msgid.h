/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ids of messages, and of their groups: of the text in a message, the property
 * message-id or group-id, the kernel keeps a keyed hash of 128 bits, and no more.
 *
 * What is asked of it is whether two are the same, also long after the message of one
 * is gone, so the text cannot be compared.  Two texts have the same hash with a
 * probability of 2^-128 and nobody who does not know the key can do better: with a
 * billion messages a second that meet 65,536 ids each, one in 10^17 years is taken for
 * another one.
 */
#ifndef MQK_MSGID_H
#define MQK_MSGID_H

#include <linux/types.h>

/**
 * struct mqk_msgid - an id
 * @number: half of the hash, not 0; 0: there is no id
 * @check: the other half
 */
struct mqk_msgid {
	u64 number;
	u64 check;
};

static inline bool mqk_msgid_same(const struct mqk_msgid *a, const struct mqk_msgid *b)
{
	return a->number == b->number && a->check == b->check;
}

struct mqk_msgid mqk_msgid(const u8 *text, u32 len);
struct mqk_msgid mqk_msgid_find(const u8 *headers, u32 len, const char *name);

#endif /* MQK_MSGID_H */
