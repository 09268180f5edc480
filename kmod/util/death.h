/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the headers of a message say about its deaths.
 *
 *	x-death		array of tables, the newest first, one for each queue
 *			and reason: count, reason, queue, time, exchange,
 *			routing-keys, original-expiration
 *	x-first-death-reason, -queue, -exchange		of the first one
 *	x-last-death-reason, -queue, -exchange		of the last one
 *
 * They are looked at and written in copies that mqk_headers_valid() has accepted.
 * A process may have written them itself: what is called x-death and has another
 * form is left out, and an entry of another form is no death.
 *
 * Nothing here knows of queues or records, so it is tested and fuzzed in userspace.
 */
#ifndef MQK_UTIL_DEATH_H
#define MQK_UTIL_DEATH_H

#include <linux/types.h>
#include <linux/mqk.h>

#define MQK_DEATHS_MAX	64u

enum mqk_reason {
	MQK_REASON_NONE,		/* gone, not dead */
	MQK_REASON_REJECTED,
	MQK_REASON_EXPIRED,
	MQK_REASON_MAXLEN,
	MQK_REASON_DELIVERY_LIMIT,
};

/**
 * struct mqk_span - some bytes
 * @at: where they lie; NULL: there are none
 * @len: how many
 */
struct mqk_span {
	const u8 *at;
	u32 len;
};

/**
 * struct mqk_death - a death
 * @reason: MQK_REASON_*
 * @queue: name of the queue
 * @exchange: name of the exchange that the message was published to; may be unknown
 * @key: its routing key
 * @further: the header CC holds further ones
 * @forget: that header is left out, since another key takes their place
 * @time: seconds since 1970
 * @expiration: milliseconds that it was to live, or -1
 */
struct mqk_death {
	enum mqk_reason reason;
	struct mqk_span queue;
	struct mqk_span exchange;
	struct mqk_span key;
	bool further;
	bool forget;
	u64 time;
	s64 expiration;
};

const char *mqk_reason_name(enum mqk_reason reason);
int mqk_death_write(const struct mqk_death *d, const u8 *headers, u32 len, u8 *to,
		    u32 room);
bool mqk_death_cycles(const u8 *headers, u32 len, const u8 *queue, u32 queue_len);
struct mqk_span mqk_death_queue(const u8 *headers, u32 len);

#endif /* MQK_UTIL_DEATH_H */
