/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings: what of a queue changes while it lives.
 *
 * Its rules are replaced by others, which whoever puts a message into the queue or
 * takes one out finds under its lock.  A paused queue is one that is held, as one is
 * while a consumer's messages return: nothing that delivers has to ask for more.
 *
 * Locks: broker->mutex, and queue->lock within it.
 */
#ifndef MQK_SETTINGS_H
#define MQK_SETTINGS_H

#include <linux/types.h>

struct cred;
struct mqk_queue;
struct mqk_refusal;

/**
 * struct mqk_settings - a change
 * @flags: MQK_QUEUE_SET_F_*, not both
 * @args: encoded headers that mqk_headers_valid() has found so, a private copy
 * @args_len: bytes of them
 * @cred: who changes it; kept by the caller
 */
struct mqk_settings {
	u32 flags;
	const u8 *args;
	u32 args_len;
	const struct cred *cred;
};

int mqk_queue_set(struct mqk_queue *q, const struct mqk_settings *s,
		  struct mqk_refusal *why);

#endif /* MQK_SETTINGS_H */
