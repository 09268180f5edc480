/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reply queues: addresses that cannot be guessed.
 *
 * Who asks declares an exclusive queue with MQK_DECLARE_F_REPLY and no name.  The
 * kernel makes one: "amq.reply-", 16 hexadecimal digits that tell it from others,
 * "-", and 32 that are random.  It is a key of the default exchange like that of
 * any queue, so a reply is a message like any other, and costs the same.
 *
 * The name is what gives the right to reply.  The kernel tells it to the session
 * that declared the queue and to nobody else: lists and texts show others the
 * part before the random one, which leads nowhere.  So it is known to whom it was
 * sent, as reply-to of a request, and to whom those tell.  The queue cannot be
 * bound, which would be another way in.
 *
 * It goes with its session, and no other will ever have its name: what comes
 * later reaches no queue.
 *
 * What it does not promise: who may map the broker's segments can read requests
 * of others, and so the names in them (design of segments); a broker made with
 * MQK_BROKER_F_NOMAP keeps them.
 *
 * Locks: none of its own; what is asked never changes.
 */
#ifndef MQK_REPLY_H
#define MQK_REPLY_H

#include <linux/types.h>

struct mqk_queue;

#define MQK_REPLY_SHOWN		26u	/* bytes that anybody may know */
#define MQK_REPLY_NAME_LEN	59u	/* bytes of the name */

void mqk_reply_make_name(u64 number, u8 *name);
u32 mqk_reply_known(const struct mqk_queue *q, const void *session);

#endif /* MQK_REPLY_H */
