// SPDX-License-Identifier: GPL-2.0-only
/*
 * The relay: publishes copies of the messages that passed a broker's taps (tap.h).
 *
 * The record may lie where its producer can write: its headers are copied, and the
 * copy is checked; its payload is opaque, and is copied once, as it stands now.
 */
#include "tap.h"

#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "broker.h"
#include "herald.h"
#include "limits.h"
#include "port.h"
#include "segment.h"
#include "util/headers.h"
#include "util/record.h"

#define PROPERTIES	"properties"

/* Bytes of a header with that name before its value. */
#define BEFORE_VALUE(name)	(sizeof(struct mqk_header) + sizeof(name) - 1)

/**
 * struct relay - a work that publishes
 * @broker: its broker
 * @port: through which, or NULL
 * @key: routing key of the copy
 * @key_len: its bytes
 * @theirs: headers of the message, as it came
 * @ours: headers of the copy
 * @len: bytes of them
 */
struct relay {
	struct mqk_broker *broker;
	struct mqk_port *port;
	u8 key[MQK_KEY_MAX];
	u32 key_len;
	u8 theirs[MQK_HEADERS_MAX];
	u8 ours[MQK_HEADERS_MAX];
	u32 len;
};

/* There is room for all of ours: a few numbers, and names. */
static void put(struct relay *r, const struct mqk_event_field *f)
{
	u32 size = mqk_event_field_size(f);

	memset(r->ours + r->len, 0, size);
	mqk_event_field_put(r->ours + r->len, f);
	r->len += size;
}

static void put_text(struct relay *r, const char *name, const u8 *text, u8 len)
{
	put(r, &(struct mqk_event_field)MQK_EVENT_TEXT(name, text, len));
}

static void put_number(struct relay *r, const char *name, s64 number)
{
	put(r, &(struct mqk_event_field)MQK_EVENT_NUMBER(name, number));
}

static void put_bool(struct relay *r, const char *name, bool is)
{
	put(r, &(struct mqk_event_field)MQK_EVENT_BOOL(name, is));
}

/* What is known of it. */
static void put_facts(struct relay *r, const struct mqk_tap *tap)
{
	const struct mqk_tap_facts *f = &tap->facts;
	const struct mqk_tap_texts *t = &tap->texts;

	r->len = 0;
	put_number(r, "number", tap->number);
	put(r, &(struct mqk_event_field){
		.name = MQK_PROPERTY_TIMESTAMP, .type = MQK_HEADER_TIMESTAMP,
		.number = tap->time,
	});
	put_text(r, "exchange", t->exchange, t->exchange_len);
	put_text(r, "routing-key", t->key, t->key_len);
	put_number(r, "user", f->uid);
	put_number(r, "pid", f->pid);
	put_number(r, "priority", f->priority);
	put_number(r, "bytes", f->payload_len);
	if (f->payload_len > MQK_TRACE_BODY)
		put_bool(r, "cut", true);
	if (f->delivery) {
		put_text(r, "queue", t->queue, t->queue_len);
		put_bool(r, "redelivered", f->count);
		put_number(r, "count", f->count);
		put_number(r, "consumer-user", f->to_uid);
		put_number(r, "consumer-pid", f->to_pid);
	} else {
		put_number(r, "queues", f->queues);
		put_bool(r, "refused", f->refused);
	}
}

/* Copy the headers of the message behind its table's name; bytes, or -1: no room. */
static int copy_theirs(u8 *to, u32 room, const u8 *from, u32 len)
{
	struct mqk_header_at h;
	u32 used = 0, size;

	while (mqk_header_next(&from, &len, &h)) {
		const u8 *at = h.name - sizeof(struct mqk_header);

		size = from - at;
		if (used + size > room)
			return -1;
		memcpy(to + used, at, size);
		used += size;
	}
	return used;
}

/* Put the headers of the message into a table: false if they are bad, or too long. */
static bool put_table(struct relay *r, u32 theirs)
{
	u8 *at = r->ours + r->len;
	u32 before = BEFORE_VALUE(PROPERTIES), room = MQK_HEADERS_MAX - r->len, size;
	int len;

	if (room < before + 8)
		return false;
	/* what follows may have to be padded */
	len = copy_theirs(at + before, room - before - 8, r->theirs, theirs);
	if (len < 0)
		return false;
	size = round_up(before + len, 8);
	at[0] = MQK_HEADER_TABLE;
	at[1] = sizeof(PROPERTIES) - 1;
	put_unaligned_le16(len, at + 2);
	memcpy(at + sizeof(struct mqk_header), PROPERTIES, sizeof(PROPERTIES) - 1);
	memset(at + before + len, 0, size - before - len);
	/* it may be one too deep now */
	if (!mqk_headers_valid(at, size))
		return false;
	r->len += size;
	return true;
}

/* The headers that the message has itself. */
static void put_theirs(struct relay *r, const struct mqk_tap *tap, const u8 *record)
{
	u32 len = tap->facts.headers_len;

	if (!len)
		return;
	memcpy(r->theirs, record + MQK_RECORD_HEADERS(tap->texts.key_len), len);
	/* nothing below looks at the record's headers again */
	barrier();
	if (!mqk_headers_valid(r->theirs, len) || !put_table(r, len))
		put_bool(r, "properties-lost", true);
}

static void make_key(struct relay *r, const struct mqk_tap *tap)
{
	static const char publish[] = "publish.", deliver[] = "deliver.";
	const char *what = tap->facts.delivery ? deliver : publish;
	const u8 *name = tap->facts.delivery ? tap->texts.queue : tap->texts.exchange;
	u32 len = tap->facts.delivery ? tap->texts.queue_len : tap->texts.exchange_len;
	u32 first = sizeof(publish) - 1;

	static_assert(sizeof(publish) == sizeof(deliver));
	/* the header has all of a name that is too long here */
	len = min(len, MQK_KEY_MAX - first);
	memcpy(r->key, what, first);
	memcpy(r->key + first, name, len);
	r->key_len = first + len;
}

static bool publish(struct relay *r, const struct mqk_tap *tap)
{
	const struct mqk_tap_facts *f = &tap->facts;
	const u8 *record = tap->segment->vaddr + MQK_REF_OFFSET(f->ref);
	struct mqk_notice n = {
		.exchange = r->broker->taps.exchange,
		.key = r->key,
		.headers = r->ours,
		.body_len = min_t(u32, f->payload_len, MQK_TRACE_BODY),
		.body = record + MQK_RECORD_PAYLOAD(tap->texts.key_len, f->headers_len),
	};

	make_key(r, tap);
	put_facts(r, tap);
	put_theirs(r, tap, record);
	n.key_len = r->key_len;
	n.headers_len = r->len;
	return mqk_herald_publish(r->port, &n);
}

/* Everything that publishing takes, or NULL. */
static struct relay *begin(struct mqk_broker *broker)
{
	struct relay *r = kvzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	r->broker = broker;
	r->port = mqk_herald_open(broker);
	if (r->port)
		return r;
	kvfree(r);
	return NULL;
}

static void end(struct relay *r)
{
	if (!r)
		return;
	mqk_port_put(r->port);
	kvfree(r);
}

/**
 * mqk_taps_publish() - work: publish what passed the taps of a broker
 * @work: the broker's; has a reference
 */
void mqk_taps_publish(struct work_struct *work)
{
	struct mqk_taps *taps = container_of(work, struct mqk_taps, work);
	struct mqk_broker *broker = container_of(taps, struct mqk_broker, taps);
	struct relay *r = NULL;
	struct mqk_tap *tap;

	while ((tap = mqk_tap_next(taps))) {
		bool dead = READ_ONCE(broker->dead);

		if (!r && !dead)
			r = begin(broker);
		if (!dead && r && publish(r, tap))
			mqk_count(broker, traces, 1);
		else
			mqk_count(broker, traces_lost, 1);
		mqk_tap_free(tap);
		cond_resched();
	}
	end(r);
	mqk_broker_put(broker);
}
