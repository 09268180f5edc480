/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peeking: looking at a message without taking it.
 *
 * What is looked at keeps its segment until mqk_peek_end(), whatever becomes of the
 * message meanwhile.
 */
#ifndef MQK_PEEK_H
#define MQK_PEEK_H

#include <linux/types.h>
#include <linux/mqk.h>

struct mqk_consumer;
struct mqk_queue;
struct mqk_segment;

/**
 * struct mqk_peek - a record that is looked at
 * @delivery: what it is
 * @segment: where it lies; mqk_peek_end() lets go of it
 */
struct mqk_peek {
	struct mqk_delivery delivery;
	struct mqk_segment *segment;
};

int mqk_queue_peek(struct mqk_queue *q, u64 *seq, struct mqk_peek *peek);
int mqk_consumer_peek(struct mqk_consumer *c, u64 tag, struct mqk_peek *peek);
void mqk_peek_end(struct mqk_peek *peek);

#endif /* MQK_PEEK_H */
