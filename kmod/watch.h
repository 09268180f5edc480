/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watching: what passes a broker's taps (tap.h).
 *
 * Locks: each function says what it expects; none takes any but that of the taps.
 */
#ifndef MQK_WATCH_H
#define MQK_WATCH_H

#include <linux/types.h>

struct mqk_consumer;
struct mqk_delivery;
struct mqk_port;
struct mqk_queue;
struct mqk_tap;

struct mqk_tap *mqk_watch_publish(const struct mqk_port *p, u64 ref);
void mqk_watch_published(const struct mqk_port *p, struct mqk_tap *tap, int n);
void mqk_watch_delivery(const struct mqk_queue *q, const struct mqk_consumer *c,
			const struct mqk_delivery *d);

#endif /* MQK_WATCH_H */
