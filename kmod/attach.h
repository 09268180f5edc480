/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attaching: how consumers come to a queue, what they do there, and how they go.
 *
 * kick	take what a consumer has acknowledged, and deliver with the credit
 *	that this gave
 * shut	its last acknowledgements count; the rest goes back to where it was
 */
#ifndef MQK_ATTACH_H
#define MQK_ATTACH_H

#include <linux/types.h>

struct mqk_consumer;
struct mqk_consumer_entry;
struct mqk_queue;
struct mqk_refusal;
struct work_struct;

int mqk_consumer_attach(struct mqk_consumer *c, struct mqk_queue *q,
			struct mqk_refusal *why);
void mqk_consumer_tell(const struct mqk_consumer *c, const char *what);
void mqk_consumer_cancel(struct mqk_consumer *c);
void mqk_consumer_stop(struct mqk_consumer *c);
void mqk_consumer_shut(struct mqk_consumer *c, bool died);
int mqk_consumer_kick(struct mqk_consumer *c);
void mqk_consumer_describe(struct mqk_consumer *c, struct mqk_consumer_entry *e);
int mqk_consumer_prefetch(struct mqk_consumer *c, u32 prefetch);
void mqk_consumer_reap(struct work_struct *work);
void mqk_queue_settle(struct mqk_queue *q);

#endif /* MQK_ATTACH_H */
