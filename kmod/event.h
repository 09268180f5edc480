/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: what a broker tells of itself, through its exchange amq.mqk.event.
 *
 * Who does something that is an event tells it here, whatever locks he holds: it is
 * written down, and put into a list of MQK_EVENTS_MAX at most.  A work (herald.h)
 * publishes them, in their order.  When nobody has bound a queue to the exchange,
 * nothing is written down.  Each has a number; one that does not fit, or for which
 * there is no memory, or that its exchange's owner has no credit for, is lost: its
 * number is missing, and it is counted.
 *
 * Nothing is told of queues that events go to (queue->listens), nor by the work
 * itself, so that no event makes another one.
 *
 * Life: part of the broker.  The work has a reference of the broker while it is
 * queued; on a broker that is dead it drops what is left.
 * Locks: lock, a leaf; @listeners is the broker's, under its mutex.
 */
#ifndef MQK_EVENT_H
#define MQK_EVENT_H

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/mqk.h>

struct mqk_broker;

/**
 * struct mqk_event_field - a header of an event
 * @name: its name
 * @type: MQK_HEADER_STRING, _LONG or _BOOL
 * @len: bytes of @text
 * @text: of a string
 * @number: of a number, or of a bool
 */
struct mqk_event_field {
	const char *name;
	u8 type;
	u8 len;
	const void *text;
	s64 number;
};

#define MQK_EVENT_TEXT(n, t, l) \
	{ .name = (n), .type = MQK_HEADER_STRING, .text = (t), .len = (l) }
#define MQK_EVENT_NUMBER(n, v) \
	{ .name = (n), .type = MQK_HEADER_LONG, .number = (v) }
#define MQK_EVENT_BOOL(n, v) \
	{ .name = (n), .type = MQK_HEADER_BOOL, .number = !!(v) }

/**
 * struct mqk_event - an event that is to be published
 * @link: in the list of its broker
 * @key_len: bytes of its routing key
 * @headers_len: bytes of its encoded headers
 * @body_len: bytes of its text
 * @data: key, headers, text
 */
struct mqk_event {
	struct list_head link;
	u32 key_len;
	u32 headers_len;
	u32 body_len;
	u8 data[];
};

/**
 * struct mqk_events - the events of a broker
 * @lock: guards @list, @nr, @number
 * @list: those that are to be published
 * @nr: how many
 * @number: of the last one
 * @listeners: bindings of the exchange
 * @exchange: its id
 * @work: publishes them
 */
struct mqk_events {
	spinlock_t lock;
	struct list_head list;
	u32 nr;
	u64 number;
	u32 listeners;
	u32 exchange;
	struct work_struct work;
};

u32 mqk_event_field_size(const struct mqk_event_field *f);
u8 *mqk_event_field_put(u8 *at, const struct mqk_event_field *f);

void mqk_events_init(struct mqk_events *events);
void mqk_event_write(struct mqk_broker *broker, const char *key,
		     const struct mqk_event_field *field, u32 nr);
struct mqk_event *mqk_event_next(struct mqk_events *events);

/* herald.c */
void mqk_events_publish(struct work_struct *work);

static inline u8 *mqk_event_headers(struct mqk_event *e)
{
	return e->data + e->key_len;
}

static inline u8 *mqk_event_body(struct mqk_event *e)
{
	return mqk_event_headers(e) + e->headers_len;
}

/* A user, as events tell it. */
static inline u32 mqk_event_user(kuid_t uid)
{
	return from_kuid_munged(&init_user_ns, uid);
}

/* Tell an event, if anybody listens; the first field is what it is about. */
#define mqk_event_tell(broker, key, ...) do {					\
	struct mqk_broker *_broker = (broker);					\
										\
	if (unlikely(READ_ONCE(_broker->events.listeners))) {			\
		const struct mqk_event_field _field[] = { __VA_ARGS__ };	\
										\
		mqk_event_write(_broker, key, _field, ARRAY_SIZE(_field));	\
	}									\
} while (0)

#endif /* MQK_EVENT_H */
