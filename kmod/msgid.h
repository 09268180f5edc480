/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The id of a message: its property message-id, where a flag of the message says that
 * it counts (MQK_MSG_F_ID).
 *
 * What the kernel keeps of it is a number, a keyed hash of 64 bits: two ids have the
 * same one with a probability of 2^-64, and who does not know the key cannot look for
 * such.
 */
#ifndef MQK_MSGID_H
#define MQK_MSGID_H

#include <linux/types.h>

u64 mqk_msgid(const u8 *text, u32 len);
u64 mqk_msgid_find(const u8 *headers, u32 len);

#endif /* MQK_MSGID_H */
