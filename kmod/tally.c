// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tallies.
 */
#include "tally.h"

#include "broker.h"

static void add_tally(struct mqk_broker *broker, const struct mqk_tally *t)
{
	mqk_count(broker, published, t->published);
	mqk_count(broker, published_bytes, t->bytes);
	if (likely(!(t->unrouted | t->refused | t->nacked)))
		return;
	mqk_count(broker, unrouted, t->unrouted);
	mqk_count(broker, returned, t->returned);
	mqk_count(broker, refused, t->refused + t->nacked);
}

/**
 * mqk_tally_unrouted() - report a message that leads nowhere
 * @p: the port
 * @t: what the call published
 * @flags: the message's
 *
 * Context: p->mutex.
 */
void mqk_tally_unrouted(struct mqk_port *p, struct mqk_tally *t, u32 flags)
{
	t->unrouted++;
	if (flags & MQK_MSG_F_MANDATORY) {
		t->returned++;
		mqk_port_complete(p, MQK_COMPLETION_RETURN, 0, p->seq, -ENOENT, 0);
	}
}

/* Number a message that a queue refused, whatever others did. */
static void add_nacked(struct mqk_port *p, struct mqk_tally *t, u32 reached,
			u32 payload_len)
{
	reached -= p->buried;
	p->buried = 0;
	mqk_port_confirm(p);
	p->seq++;
	p->reported = p->seq;
	t->published++;
	t->nacked++;
	t->bytes += payload_len;
	trace_mqk_publish(p, p->seq, reached);
	if (p->flags & MQK_PORT_F_CONFIRM)
		mqk_port_complete(p, MQK_COMPLETION_NACK, 0, p->seq, -ENOBUFS,
				  reached);
}

/* Number a message that was taken before: it is confirmed like the first one. */
static void add_repeated(struct mqk_port *p, struct mqk_tally *t)
{
	p->seq++;
	p->reached = 0;
	t->aside++;
	trace_mqk_publish(p, p->seq, 0);
}

/**
 * mqk_tally_odd() - number a message with p->odd
 * @p: the port; what came before a refused one is confirmed first
 * @t: what the call published
 * @reached: how many queues have it
 * @payload_len: bytes of payload
 *
 * Context: p->mutex.
 */
void mqk_tally_odd(struct mqk_port *p, struct mqk_tally *t, u32 reached,
		  u32 payload_len)
{
	bool nack = p->nack;

	p->odd = 0;
	if (nack)
		add_nacked(p, t, reached, payload_len);
	else
		add_repeated(p, t);
}

/**
 * mqk_tally_refused() - number a message that was refused
 * @p: the port; what came before it is confirmed first
 * @t: what the call published
 * @error: why
 *
 * Context: p->mutex.
 */
void mqk_tally_refused(struct mqk_port *p, struct mqk_tally *t, int error)
{
	mqk_port_confirm(p);
	p->seq++;
	p->reported = p->seq;
	t->refused++;
	trace_mqk_publish(p, p->seq, error);
	mqk_port_complete(p, MQK_COMPLETION_ERROR, 0, p->seq, error, 0);
	memset(&p->why, 0, sizeof(p->why));
}

/**
 * mqk_tally_finish() - end a call: confirm, wake, count
 * @p: the port
 * @t: what the call published
 * @pos: how many completions the port had when it began
 *
 * Context: p->mutex.
 */
void mqk_tally_finish(struct mqk_port *p, const struct mqk_tally *t, u64 pos)
{
	if (p->flags & MQK_PORT_F_CONFIRM)
		mqk_port_confirm(p);
	if (p->pos != pos)
		mqk_port_wake(p);
	add_tally(p->broker, t);
}
