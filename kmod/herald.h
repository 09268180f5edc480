/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The herald: publishes what a broker has to tell.
 *
 * What it tells are messages like any others: who owns the broker's node pays for
 * them, within its limits, and a queue that is full refuses them.
 *
 * Context: a work, which holds no locks.
 */
#ifndef MQK_HERALD_H
#define MQK_HERALD_H

#include <linux/types.h>

struct mqk_broker;
struct mqk_port;

/**
 * struct mqk_notice - a message of the broker's own
 * @exchange: id of a system exchange
 * @key_len: bytes
 * @headers_len: bytes
 * @body_len: bytes
 * @key: its routing key
 * @headers: its encoded headers
 * @body: its payload
 */
struct mqk_notice {
	u32 exchange;
	u32 key_len;
	u32 headers_len;
	u32 body_len;
	const u8 *key;
	const u8 *headers;
	const u8 *body;
};

struct mqk_port *mqk_herald_open(struct mqk_broker *broker);
bool mqk_herald_publish(struct mqk_port *p, const struct mqk_notice *n);

#endif /* MQK_HERALD_H */
