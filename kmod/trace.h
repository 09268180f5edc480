/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: events/mqk/ in tracefs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mqk

#if !defined(MQK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MQK_TRACE_H

#include <linux/tracepoint.h>

#include "broker.h"
#include "consumer.h"
#include "port.h"
#include "queue.h"
#include "tap.h"
#include "util/death.h"

TRACE_EVENT(mqk_publish,
	TP_PROTO(const struct mqk_port *port, u64 seq, int result),
	TP_ARGS(port, seq, result),
	TP_STRUCT__entry(
		__string(broker, port->broker->name)
		__field(u32, port)
		__field(u32, pid)
		__field(u64, seq)
		__field(u32, exchange)
		__field(u32, bytes)
		__field(int, result)
	),
	TP_fast_assign(
		__assign_str(broker);
		__entry->port = port->id;
		__entry->pid = port->pid;
		__entry->seq = seq;
		__entry->exchange = port->head_copy.exchange;
		__entry->bytes = port->head_copy.payload_len;
		__entry->result = result;
	),
	TP_printk("broker=%s pid=%u port=%u seq=%llu exchange=%u bytes=%u result=%d",
		  __get_str(broker), __entry->pid, __entry->port, __entry->seq,
		  __entry->exchange, __entry->bytes, __entry->result)
);

/* It is told of by mqk_watch_delivery(), which is called while that is wanted. */
TRACE_EVENT_FN(mqk_deliver,
	TP_PROTO(const struct mqk_queue *q, const struct mqk_consumer *c,
		 const struct mqk_delivery *d),
	TP_ARGS(q, c, d),
	TP_STRUCT__entry(
		__string(broker, q->broker->name)
		__field(u32, queue)
		__field(u32, consumer)
		__field(u64, seq)
		__field(u64, tag)
		__field(u32, bytes)
		__field(u32, count)
	),
	TP_fast_assign(
		__assign_str(broker);
		__entry->queue = q->id;
		__entry->consumer = c->id;
		__entry->seq = d->seq;
		__entry->tag = d->tag;
		__entry->bytes = d->payload_len;
		__entry->count = d->count;
	),
	TP_printk("broker=%s queue=%u consumer=%u seq=%llu tag=%llu bytes=%u count=%u",
		  __get_str(broker), __entry->queue, __entry->consumer,
		  __entry->seq, __entry->tag, __entry->bytes, __entry->count),
	mqk_watch_traced, mqk_watch_untraced
);

TRACE_EVENT(mqk_settle,
	TP_PROTO(const struct mqk_queue *q, const struct mqk_entry *e, u32 op,
		 bool requeue),
	TP_ARGS(q, e, op, requeue),
	TP_STRUCT__entry(
		__string(broker, q->broker->name)
		__field(u32, queue)
		__field(u64, seq)
		__field(u32, op)
		__field(bool, requeue)
	),
	TP_fast_assign(
		__assign_str(broker);
		__entry->queue = q->id;
		__entry->seq = mqk_entry_seq(e);
		__entry->op = op;
		__entry->requeue = requeue;
	),
	TP_printk("broker=%s queue=%u seq=%llu op=%s%s",
		  __get_str(broker), __entry->queue, __entry->seq,
		  __print_symbolic(__entry->op,
				   { MQK_ACK_ACCEPT, "ack" },
				   { MQK_ACK_NACK, "nack" },
				   { MQK_ACK_REJECT, "reject" }),
		  __entry->requeue ? " requeue" : "")
);

TRACE_EVENT(mqk_dead_letter,
	TP_PROTO(const struct mqk_queue *q, u64 seq, enum mqk_reason reason,
		 int result),
	TP_ARGS(q, seq, reason, result),
	TP_STRUCT__entry(
		__string(broker, q->broker->name)
		__field(u32, queue)
		__field(u64, seq)
		__field(u32, reason)
		__field(int, result)
	),
	TP_fast_assign(
		__assign_str(broker);
		__entry->queue = q->id;
		__entry->seq = seq;
		__entry->reason = reason;
		__entry->result = result;
	),
	TP_printk("broker=%s queue=%u seq=%llu reason=%s result=%d",
		  __get_str(broker), __entry->queue, __entry->seq,
		  __print_symbolic(__entry->reason,
				   { MQK_REASON_REJECTED, "rejected" },
				   { MQK_REASON_EXPIRED, "expired" },
				   { MQK_REASON_MAXLEN, "maxlen" },
				   { MQK_REASON_DELIVERY_LIMIT, "delivery_limit" }),
		  __entry->result)
);

TRACE_EVENT(mqk_compact,
	TP_PROTO(const struct mqk_broker *broker, u32 segments, u64 messages,
		 u64 bytes, int error),
	TP_ARGS(broker, segments, messages, bytes, error),
	TP_STRUCT__entry(
		__string(broker, broker->name)
		__field(u32, segments)
		__field(u64, messages)
		__field(u64, bytes)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(broker);
		__entry->segments = segments;
		__entry->messages = messages;
		__entry->bytes = bytes;
		__entry->error = error;
	),
	TP_printk("broker=%s segments=%u messages=%llu bytes=%llu error=%d",
		  __get_str(broker), __entry->segments, __entry->messages,
		  __entry->bytes, __entry->error)
);

TRACE_EVENT(mqk_broken,
	TP_PROTO(const struct mqk_broker *broker, u32 id, int error),
	TP_ARGS(broker, id, error),
	TP_STRUCT__entry(
		__string(broker, broker->name)
		__field(u32, id)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(broker);
		__entry->id = id;
		__entry->error = error;
	),
	TP_printk("broker=%s id=%u error=%d", __get_str(broker), __entry->id,
		  __entry->error)
);

#endif /* MQK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
