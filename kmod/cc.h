/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CC and BCC: headers that hold further routing keys of a message.
 *
 * They are looked for where the record's flag (MQK_MSG_F_CC) says so, in a copy
 * of the headers that nobody else writes to.  BCC is for the broker alone: it is
 * taken out of the record before anybody gets the message, by writing the copy
 * back with 8 bytes of 0 for each 8 that BCC took, so that nothing moves.
 */
#ifndef MQK_CC_H
#define MQK_CC_H

#include <linux/types.h>
#include <linux/mqk.h>

/**
 * struct mqk_cc - the further keys of a message
 * @nr: how many there are
 * @blind: some of them are BCC
 * @key: the keys, in the headers
 */
struct mqk_cc {
	u32 nr;
	bool blind;
	struct {
		const u8 *text;
		u32 len;
	} key[MQK_KEYS_MAX];
};

int mqk_cc_parse(struct mqk_cc *cc, const u8 *headers, u32 len);
void mqk_cc_blank(u8 *headers, u32 len);

#endif /* MQK_CC_H */
