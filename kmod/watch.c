// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching.
 */
#include "watch.h"

#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "broker.h"
#include "consumer.h"
#include "exchange.h"
#include "port.h"
#include "queue.h"
#include "segment.h"
#include "tap.h"
#include "trace.h"
#include "util/record.h"

/* Write a message down that was published to an exchange, which may be gone. */
static struct mqk_tap *begin(struct mqk_broker *broker, u32 exchange,
			     const struct mqk_tap_facts *facts,
			     struct mqk_tap_texts *texts)
{
	const struct mqk_exchange *x;
	struct mqk_tap *tap;

	rcu_read_lock();
	x = xa_load(&broker->exchanges, exchange);
	if (x) {
		texts->exchange = x->name;
		texts->exchange_len = x->name_len;
	}
	tap = mqk_tap_begin(broker, facts, texts);
	rcu_read_unlock();
	return tap;
}

/**
 * mqk_watch_publish() - the message of p->head_copy, which is traced, is published now
 * @p: the port
 * @ref: its record
 *
 * Context: p->mutex; no lock of a queue.
 * Return: what mqk_watch_published() wants soon: no sleeping in between; or NULL
 */
struct mqk_tap *mqk_watch_publish(const struct mqk_port *p, u64 ref)
{
	const struct mqk_record *head = &p->head_copy;
	struct mqk_tap_facts facts = {
		.priority = head->priority,
		.headers_len = head->headers_len,
		.payload_len = head->payload_len,
		.ref = ref,
		.uid = p->uid,
		.pid = p->pid,
	};
	struct mqk_tap_texts texts = {
		.key = (const u8 *)p->key.word,
		.key_len = head->key_len,
	};

	return begin(p->broker, head->exchange, &facts, &texts);
}

/**
 * mqk_watch_published() - what has become of it
 * @p: the port
 * @tap: what mqk_watch_publish() has returned
 * @n: as mqk_post() returns it: if it is an error, it has yet to be published
 *
 * Context: as mqk_watch_publish().
 */
void mqk_watch_published(const struct mqk_port *p, struct mqk_tap *tap, int n)
{
	if (n < 0) {
		mqk_tap_cancel(p->broker, tap);
		return;
	}
	if (tap) {
		tap->facts.queues = n - p->buried;
		tap->facts.refused = p->nack;
	}
	mqk_tap_end(p->broker, tap);
}

/**
 * mqk_watch_delivery() - a message goes to a consumer, while some are watched
 * @q: its queue
 * @c: the consumer
 * @d: the delivery, complete but for its number
 *
 * Context: q->lock; the record is referred to.
 */
void mqk_watch_delivery(const struct mqk_queue *q, const struct mqk_consumer *c,
			const struct mqk_delivery *d)
{
	struct mqk_broker *broker = q->broker;
	struct mqk_tap_facts facts = {
		.delivery = true,
		.priority = d->priority,
		.headers_len = d->headers_len,
		.payload_len = d->payload_len,
		.ref = d->ref,
		.uid = d->uid,
		.pid = d->pid,
		.count = d->count,
		.to_uid = mqk_event_user(c->uid),
		.to_pid = c->pid,
	};
	struct mqk_tap_texts texts = {
		.queue = q->name,
		.queue_len = q->name_len,
		.key_len = d->key_len,
	};
	struct mqk_segment *seg;

	trace_mqk_deliver(q, c, d);
	/* what has no process is the broker's own, and not told of */
	if (!READ_ONCE(broker->taps.listeners) || !d->pid)
		return;
	seg = mqk_segment_of(&broker->store, d->ref);
	texts.key = seg->vaddr + MQK_REF_OFFSET(d->ref) + MQK_RECORD_KEY;
	mqk_tap_end(broker, begin(broker, d->exchange, &facts, &texts));
}
