// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events.
 */
#include "event.h"

#include <linux/math.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/unaligned.h>

#include "broker.h"
#include "limits.h"
#include "work.h"

/**
 * mqk_events_init() - begin with none
 * @events: of a new broker
 */
void mqk_events_init(struct mqk_events *events)
{
	spin_lock_init(&events->lock);
	INIT_LIST_HEAD(&events->list);
	INIT_WORK(&events->work, mqk_events_publish);
}

static u32 value_len(const struct mqk_event_field *f)
{
	switch (f->type) {
	case MQK_HEADER_STRING:
		return f->len;
	case MQK_HEADER_BOOL:
		return 1;
	default:
		return sizeof(u64);
	}
}

/**
 * mqk_event_field_size() - how much room a header takes
 * @f: the header
 * Return: bytes, with padding
 */
u32 mqk_event_field_size(const struct mqk_event_field *f)
{
	return round_up(sizeof(struct mqk_header) + strlen(f->name) + value_len(f), 8);
}

/**
 * mqk_event_field_put() - encode a header
 * @at: where it goes; its room is zero
 * @f: the header
 * Return: where the next one goes
 */
u8 *mqk_event_field_put(u8 *at, const struct mqk_event_field *f)
{
	u32 name_len = strlen(f->name), len = value_len(f);
	u8 *value = at + sizeof(struct mqk_header) + name_len;

	at[0] = f->type;
	at[1] = name_len;
	put_unaligned_le16(len, at + 2);
	memcpy(at + sizeof(struct mqk_header), f->name, name_len);
	if (f->type == MQK_HEADER_STRING)
		memcpy(value, f->text, len);
	else if (f->type == MQK_HEADER_BOOL)
		*value = f->number;
	else
		put_unaligned_le64(f->number, value);
	return at + mqk_event_field_size(f);
}

/* Its key, and what it is about, if that has a name. */
static void put_body(struct mqk_event *e, const char *key,
		     const struct mqk_event_field *about)
{
	u8 *at = mqk_event_body(e);

	memcpy(at, key, e->key_len);
	if (e->body_len == e->key_len)
		return;
	at[e->key_len] = ' ';
	memcpy(at + e->key_len + 1, about->text, about->len);
}

static struct mqk_event *alloc(const char *key, const struct mqk_event_field *field,
			       u32 nr, const struct mqk_event_field *ends)
{
	u32 key_len = strlen(key), body_len = key_len, headers_len, i;
	struct mqk_event *e;
	u8 *at;

	headers_len = mqk_event_field_size(&ends[0]) + mqk_event_field_size(&ends[1]);
	for (i = 0; i < nr; i++)
		headers_len += mqk_event_field_size(&field[i]);
	if (nr && field[0].type == MQK_HEADER_STRING)
		body_len += 1 + field[0].len;
	e = kzalloc(struct_size(e, data, key_len + headers_len + body_len),
		    GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!e)
		return NULL;
	e->key_len = key_len;
	e->headers_len = headers_len;
	e->body_len = body_len;
	memcpy(e->data, key, key_len);
	at = mqk_event_headers(e);
	at = mqk_event_field_put(at, &ends[0]);
	at = mqk_event_field_put(at, &ends[1]);
	for (i = 0; i < nr; i++)
		at = mqk_event_field_put(at, &field[i]);
	put_body(e, key, &field[0]);
	return e;
}

/* Into the list, if there is room; nobody comes in between its number and its place. */
static bool enter(struct mqk_events *events, const char *key,
		  const struct mqk_event_field *field, u32 nr)
{
	struct mqk_event_field ends[] = {
		MQK_EVENT_NUMBER("number", 0),
		{ .name = MQK_PROPERTY_TIMESTAMP, .type = MQK_HEADER_TIMESTAMP,
		  .number = ktime_get_real_seconds() },
	};
	struct mqk_event *e = NULL;

	spin_lock(&events->lock);
	ends[0].number = ++events->number;
	if (events->nr < MQK_EVENTS_MAX)
		e = alloc(key, field, nr, ends);
	if (e) {
		list_add_tail(&e->link, &events->list);
		events->nr++;
	}
	spin_unlock(&events->lock);
	return e;
}

/**
 * mqk_event_write() - write down an event that is to be published
 * @broker: the broker, with a reference of the caller's
 * @key: its routing key
 * @field: what it is about, and further headers
 * @nr: how many
 *
 * Context: process; sleeps not, and takes no lock but its own.
 */
void mqk_event_write(struct mqk_broker *broker, const char *key,
		     const struct mqk_event_field *field, u32 nr)
{
	if (READ_ONCE(broker->dead))
		return;
	if (!enter(&broker->events, key, field, nr)) {
		mqk_count(broker, events_lost, 1);
		return;
	}
	mqk_broker_get(broker);
	if (!queue_work(mqk_workqueue, &broker->events.work))
		mqk_broker_put(broker);
}

/**
 * mqk_event_next() - take the first one that is to be published
 * @events: the events
 *
 * Context: process.
 * Return: the event, to be freed with kfree(), or NULL
 */
struct mqk_event *mqk_event_next(struct mqk_events *events)
{
	struct mqk_event *e;

	spin_lock(&events->lock);
	e = list_first_entry_or_null(&events->list, struct mqk_event, link);
	if (e) {
		list_del(&e->link);
		events->nr--;
	}
	spin_unlock(&events->lock);
	return e;
}
