/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Publishing: from a port to all queues of a route, or to none.
 *
 * For each message: copy its head, check the copy, find the route, reserve what
 * can run out (credit of messages, a place in each queue's index), then commit:
 * from there nothing fails.
 */
#ifndef MQK_PUBLISH_H
#define MQK_PUBLISH_H

#include <linux/types.h>

struct mqk_message;
struct mqk_segment;
struct mqk_port;
struct mqk_port_segment;
struct mqk_refusal;
struct mqk_staging;

/**
 * struct mqk_kept - a message that was copied, and is published later
 * @segment: where it lies, with a reference; NULL: there is none
 * @offset: where it begins
 *
 * Its head and key are what the port has copied last: it must be the port's only
 * message.
 */
struct mqk_kept {
	struct mqk_segment *segment;
	u64 offset;
};

int mqk_publish_keep(struct mqk_port *p, const struct mqk_message *m,
		     struct mqk_kept *kept);
int mqk_publish_kept(struct mqk_port *p, struct mqk_kept *kept);
void mqk_publish_drop(struct mqk_kept *kept);

int mqk_publish_join(struct mqk_port *p, struct mqk_staging *st,
		     struct mqk_refusal *why);
int mqk_publish_stage_rest(struct mqk_port *p, struct mqk_refusal *why);
void mqk_publish_skip(struct mqk_port *p);

int mqk_publish_doorbell(struct mqk_port *p);
void mqk_publish_rest(struct mqk_port *p);
int mqk_publish_next_segment(struct mqk_port *p, struct mqk_port_segment *arg);
int mqk_publish_copies(struct mqk_port *p,
		       const struct mqk_message __user *messages, u32 count,
		       u64 *first_seq);

#endif /* MQK_PUBLISH_H */
