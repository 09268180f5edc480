// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reply queues.
 */
#include "reply.h"

#include <linux/kernel.h>
#include <linux/mqk.h>
#include <linux/random.h>
#include <linux/string.h>

#include "queue.h"

#define SECRET_BYTES	16

/**
 * mqk_reply_make_name() - make a name that cannot be guessed
 * @number: a number that no other name of the broker has
 * @name: where MQK_REPLY_NAME_LEN bytes go
 *
 * Context: process context.
 */
void mqk_reply_make_name(u64 number, u8 *name)
{
	char text[MQK_REPLY_NAME_LEN + 1];
	u8 secret[SECRET_BYTES];

	get_random_bytes(secret, sizeof(secret));
	snprintf(text, sizeof(text), "amq.reply-%016llx-", number);
	bin2hex(text + MQK_REPLY_SHOWN + 1, secret, SECRET_BYTES);
	memcpy(name, text, MQK_REPLY_NAME_LEN);
	memzero_explicit(secret, sizeof(secret));
	memzero_explicit(text, sizeof(text));
}

/**
 * mqk_reply_known() - how much of a queue's name a session may know
 * @q: the queue, of any kind
 * @session: the session
 *
 * Context: any.
 * Return: bytes of the name, all of them but for reply queues of others
 */
u32 mqk_reply_known(const struct mqk_queue *q, const void *session)
{
	return q->flags & MQK_DECLARE_F_REPLY && q->session != session ?
	       MQK_REPLY_SHOWN : q->name_len;
}
