/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taps: what a broker tells of the messages that others publish and get, through its
 * exchange amq.mqk.trace.
 *
 * Where a message is published or delivered while somebody listens, what is known of
 * it is written down, whatever locks are held, with a reference to its record: no
 * payload is copied there.  A work (relay.c) publishes copies, in their order.  Each
 * has a number; one for which there is no room, memory or credit is lost: its number
 * is missing, and it is counted.  That a message is published comes before what that
 * leads to: its place in the list is taken before the message is in any queue, and is
 * pending, so that the work goes no further, until it is known what became of it.
 *
 * Who pays when nobody listens: nobody.  Publishers find that their message is to be
 * told of together with its route, which then is good for one message only (route.h).
 * Delivering tests a static key, the one that its tracepoint would test (mqk_watched()).
 *
 * Nothing is told of what a broker publishes itself: events, and what comes from here.
 * Such a message has no sender, wherever it goes in its broker, dead letters included;
 * so no tap makes another one.
 *
 * Life: part of the broker.  The work has a reference of the broker while it is
 * queued; on a broker that is dead it drops what is left.  A tap has a reference to
 * its record, as a queue would.
 * Locks: lock, a leaf; @listeners is the broker's, under its mutex.
 */
#ifndef MQK_TAP_H
#define MQK_TAP_H

#include <linux/jump_label_ratelimit.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mqk_broker;
struct mqk_segment;

/**
 * struct mqk_tap_facts - what is known of a message that was published or delivered
 * @delivery: which of both
 * @refused: a queue refused it
 * @ref: its record
 * @payload_len: bytes
 * @headers_len: bytes
 * @uid: who published it
 * @pid: the same
 * @queues: how many it came to, if it was published
 * @count: how often it was delivered before, if it was delivered
 * @to_uid: then, who gets it
 * @to_pid: the same
 * @priority: its
 */
struct mqk_tap_facts {
	bool delivery;
	bool refused;
	u8 priority;
	u16 headers_len;
	u32 payload_len;
	u64 ref;
	u32 uid;
	u32 pid;
	u32 queues;
	u32 count;
	u32 to_uid;
	u32 to_pid;
};

/**
 * struct mqk_tap_texts - its names
 * @exchange: it was published to; empty if that is gone
 * @queue: it was delivered from
 * @key: its routing key
 * @exchange_len: bytes
 * @queue_len: bytes
 * @key_len: bytes
 */
struct mqk_tap_texts {
	const u8 *exchange;
	const u8 *queue;
	const u8 *key;
	u8 exchange_len;
	u8 queue_len;
	u8 key_len;
};

/**
 * struct mqk_tap - a message that is to be told of
 * @link: in the list of its broker
 * @pending: it is being published
 * @skipped: how many were lost before it
 * @facts: what is known
 * @segment: where it lies, with a reference
 * @number: its own, once it is taken out of the list
 * @time: when it was, in seconds since 1970
 * @texts: its names, in @data
 * @data: the bytes of those
 */
struct mqk_tap {
	struct list_head link;
	bool pending;
	u32 skipped;
	struct mqk_tap_facts facts;
	struct mqk_segment *segment;
	u64 number;
	s64 time;
	struct mqk_tap_texts texts;
	u8 data[];
};

/**
 * struct mqk_taps - the taps of a broker
 * @lock: guards @list, @nr, @bytes, @lost, @number
 * @list: those that are to be told
 * @nr: how many
 * @bytes: of the payloads that they keep
 * @lost: how many were lost since the last one was written down
 * @number: of the last one that was taken out
 * @listeners: bindings of the exchange
 * @exchange: its id
 * @work: publishes them
 */
struct mqk_taps {
	spinlock_t lock;
	struct list_head list;
	u32 nr;
	u64 bytes;
	u32 lost;
	u64 number;
	u32 listeners;
	u32 exchange;
	struct work_struct work;
};

extern struct static_key_false_deferred mqk_watch_key;

/* Whether any delivery is watched, in any broker or by a tracepoint. */
#define mqk_watched()	static_branch_unlikely(&mqk_watch_key.key)

int mqk_watch_traced(void);
void mqk_watch_untraced(void);

void mqk_taps_init(struct mqk_taps *taps);
void mqk_taps_listen(struct mqk_broker *broker, bool begin);
void mqk_taps_exit(void);
struct mqk_tap *mqk_tap_begin(struct mqk_broker *broker,
			      const struct mqk_tap_facts *facts,
			      const struct mqk_tap_texts *texts);
void mqk_tap_cancel(struct mqk_broker *broker, struct mqk_tap *tap);
void mqk_tap_end(struct mqk_broker *broker, struct mqk_tap *tap);
struct mqk_tap *mqk_tap_next(struct mqk_taps *taps);
void mqk_tap_free(struct mqk_tap *tap);

/* relay.c */
void mqk_taps_publish(struct work_struct *work);

#endif /* MQK_TAP_H */
