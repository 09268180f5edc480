/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic that must not notice: a process of its own with a producer and a
 * consumer, on the broker where a test misbehaves.  Every message is checked
 * for number, order and content.
 */
#ifndef MQK_TEST_INNOCENT_H
#define MQK_TEST_INNOCENT_H

#include "lib.h"

struct innocent {
	pid_t pid;
	struct {
		__u32 stop, ready;
		__u32 messages;		/* that came through */
		__s32 error;		/* first thing that went wrong */
		__u32 line;
	} *shared;
};

int innocent_start(struct innocent *i, const struct env *env);
/* Messages that came through, or -errno of the first thing that went wrong
 * (its line is printed).
 */
__s64 innocent_stop(struct innocent *i);
/* published == ready + unacked + acked + dropped */
bool queue_adds_up(int fd, __u32 queue);

#endif /* MQK_TEST_INNOCENT_H */
