// SPDX-License-Identifier: GPL-2.0-only
/*
 * The herald; and what it tells of events (event.h).
 */
#include "herald.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "appender.h"
#include "broker.h"
#include "event.h"
#include "port.h"
#include "post.h"
#include "publish.h"
#include "segment.h"
#include "util/record.h"

/**
 * mqk_herald_open() - a port of the owner of a broker's node
 * @broker: the broker
 *
 * Nobody reads its completions.
 *
 * Return: the port, to be put; NULL: there is no memory or credit
 */
struct mqk_port *mqk_herald_open(struct mqk_broker *broker)
{
	const struct mqk_port_options o = {
		.entries = MQK_RING_MIN,
		/* of a kernel thread: it may do anything, and is never freed */
		.cred = current_cred(),
		.uid = mqk_event_user(broker->node.uid),
		.inside = true,
	};
	struct mqk_tenant *tenant;
	struct mqk_port *p;

	mutex_lock(&broker->mutex);
	tenant = mqk_broker_tenant(broker, broker->node.uid);
	mutex_unlock(&broker->mutex);
	if (IS_ERR(tenant))
		return NULL;
	p = mqk_port_alloc(broker, tenant, &o, NULL);
	if (IS_ERR(p))
		return NULL;
	p->closing = true;
	return p;
}

static void make_head(struct mqk_port *p, const struct mqk_notice *n)
{
	struct mqk_record *r = &p->head_copy;

	memset(r, 0, sizeof(*r));
	r->payload_len = n->body_len;
	r->headers_len = n->headers_len;
	r->key_len = n->key_len;
	r->type = MQK_RECORD_DATA;
	r->exchange = n->exchange;
	p->size = 0;
	p->routed = false;
	memcpy(p->key.word, n->key, n->key_len);
	mqk_key_pad(&p->key, n->key_len);
}

/* Write its record; 0 or why there is no room. */
static int write_record(struct mqk_port *p, const struct mqk_notice *n,
			struct mqk_kept *kept)
{
	struct mqk_record *r = &p->head_copy;
	u64 size = MQK_RECORD_SIZE(n->key_len, n->headers_len, n->body_len);
	struct mqk_segment *seg;
	u8 *at;
	int err;

	make_head(p, n);
	err = mqk_post_grant(p, 1);
	if (err)
		return err;
	seg = mqk_appender_take(&p->broker->store, p->tenant, size, &kept->offset, &p->why);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	p->grant--;
	kept->segment = seg;
	at = seg->vaddr + kept->offset;
	r->commit = seg->generation;
	memcpy(at, r, MQK_RECORD_KEY);
	memcpy(at + MQK_RECORD_KEY, n->key, n->key_len);
	memcpy(at + MQK_RECORD_HEADERS(n->key_len), n->headers, n->headers_len);
	memcpy(at + MQK_RECORD_PAYLOAD(n->key_len, n->headers_len), n->body, n->body_len);
	return 0;
}

/**
 * mqk_herald_publish() - publish a message of the broker's own
 * @p: a port that mqk_herald_open() has made
 * @n: the message
 *
 * Return: whether it is where it is to be
 */
bool mqk_herald_publish(struct mqk_port *p, const struct mqk_notice *n)
{
	struct mqk_kept kept = {};
	int err;

	mutex_lock(&p->mutex);
	err = write_record(p, n, &kept);
	mutex_unlock(&p->mutex);
	return !err && mqk_publish_kept(p, &kept) >= 0;
}

static bool publish(struct mqk_port *p, struct mqk_event *e)
{
	const struct mqk_notice n = {
		.exchange = p->broker->events.exchange,
		.key_len = e->key_len,
		.headers_len = e->headers_len,
		.body_len = e->body_len,
		.key = e->data,
		.headers = mqk_event_headers(e),
		.body = mqk_event_body(e),
	};

	return mqk_herald_publish(p, &n);
}

/**
 * mqk_events_publish() - work: publish the events of a broker
 * @work: the broker's; has a reference
 */
void mqk_events_publish(struct work_struct *work)
{
	struct mqk_events *events = container_of(work, struct mqk_events, work);
	struct mqk_broker *broker = container_of(events, struct mqk_broker, events);
	struct mqk_port *p = NULL;
	struct mqk_event *e;

	while ((e = mqk_event_next(events))) {
		bool dead = READ_ONCE(broker->dead);

		if (!p && !dead)
			p = mqk_herald_open(broker);
		if (!dead && p && publish(p, e))
			mqk_count(broker, events, 1);
		else
			mqk_count(broker, events_lost, 1);
		kfree(e);
		cond_resched();
	}
	if (p)
		mqk_port_put(p);
	mqk_broker_put(broker);
}
