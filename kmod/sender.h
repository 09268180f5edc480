/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a message claims of its sender.
 *
 * The property user-id (MQK_PROPERTY_USER_ID) of a message that is published by
 * copy must be the user who publishes it.  Headers of a record that is published
 * in place are not looked at, since its producer may change them until the
 * segment is closed: there the reader compares with mqk_delivery.uid, which the
 * kernel has set in either case (libmqk does).
 */
#ifndef MQK_SENDER_H
#define MQK_SENDER_H

#include <linux/types.h>

bool mqk_sender_honest(const u8 *headers, u32 len, u32 uid);

#endif /* MQK_SENDER_H */
