// SPDX-License-Identifier: GPL-2.0-only
/*
 * Publishing copies.
 */
#include "publish.h"

#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "appender.h"
#include "broker.h"
#include "limits.h"
#include "port.h"
#include "post.h"
#include "producer.h"
#include "room.h"
#include "segment.h"
#include "sender.h"
#include "staged.h"
#include "tally.h"
#include "trace.h"
#include "util/record.h"

/* A copy of so few bytes costs less than finding out where it goes. */
#define SHORT_COPY	128u

/*
 * As copy_from_user(), where the room is known.  Its check of where it copies to has
 * to find the area of mapped memory, which costs more than a short copy; the room was
 * sized from the same lengths.
 */
static __always_inline int copy_short(void *to, const void __user *from, u32 len)
{
	const u8 __user *at = from;
	u8 *room = to;
	u64 word;
	u8 byte;

	if (!user_read_access_begin(from, len))
		return -EFAULT;
	for (; len >= sizeof(word); len -= sizeof(word)) {
		unsafe_get_user(word, (const u64 __user *)at, fault);
		put_unaligned(word, (u64 *)room);
		at += sizeof(word);
		room += sizeof(word);
	}
	for (; len; len--) {
		unsafe_get_user(byte, at++, fault);
		*room++ = byte;
	}
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int copy_in(void *to, u64 from, u32 len)
{
	const void __user *user = u64_to_user_ptr(from);

	if (!len)
		return 0;
	if (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) && len <= SHORT_COPY)
		return copy_short(to, user, len);
	return copy_from_user(to, user, len) ? -EFAULT : 0;
}

/* The head that a message will have, but for its generation. */
static void make_head(struct mqk_port *p, const struct mqk_message *m)
{
	struct mqk_record *r = &p->head_copy;

	memset(r, 0, sizeof(*r));
	r->payload_len = m->payload_len;
	r->headers_len = m->headers_len;
	r->key_len = m->key_len;
	r->type = MQK_RECORD_DATA;
	r->flags = m->flags;
	r->exchange = m->exchange;
	r->priority = m->priority;
	r->expiration = m->expiration;
	r->delay = m->delay;
	/* what is copied is not a record that was checked */
	p->size = 0;
	p->routed = false;
}

static __always_inline int check_message(struct mqk_port *p, const struct mqk_message *m,
			 u64 *size)
{
	if (m->flags & ~MQK_MSG_F_ALL || m->headers_len % 8 ||
	    m->resv || (m->number && !p->producer))
		return mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (unlikely(m->expiration | m->delay) &&
	    ((m->expiration && !(m->flags & MQK_MSG_F_EXPIRATION)) ||
	     (m->delay && !(m->flags & MQK_MSG_F_DELAY))))
		return mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	*size = MQK_RECORD_SIZE(m->key_len, m->headers_len, m->payload_len);
	if (*size > MQK_MESSAGE_MAX)
		return mqk_refuse(&p->why, MQK_RULE_TOO_LARGE, -EMSGSIZE);
	if (copy_in(p->key.word, m->key, m->key_len))
		return -EFAULT;
	mqk_key_pad(&p->key, m->key_len);
	return 0;
}

/* Headers that no process can write to. */
static noinline int check_some(struct mqk_port *p, const u8 *headers, u32 len)
{
	if (!mqk_headers_valid(headers, len))
		return mqk_refuse(&p->why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (!mqk_sender_honest(headers, len, p->uid))
		return mqk_refuse(&p->why, MQK_RULE_PERMISSION, -EACCES);
	return 0;
}

/* The same; most messages have none. */
static __always_inline int check_headers(struct mqk_port *p, const u8 *headers, u32 len)
{
	return likely(!len) ? 0 : check_some(p, headers, len);
}

/* Write a record into room that no process can write to. */
static __always_inline int fill_record(struct mqk_port *p, const struct mqk_message *m,
		       struct mqk_segment *seg, u64 offset)
{
	u8 *at = seg->vaddr + offset;
	u8 *headers = at + MQK_RECORD_HEADERS(m->key_len);
	u8 *payload = at + MQK_RECORD_PAYLOAD(m->key_len, m->headers_len);
	struct mqk_record *r = &p->head_copy;

	r->commit = seg->generation;
	memcpy(at, r, MQK_RECORD_KEY);
	memcpy(at + MQK_RECORD_KEY, p->key.word, m->key_len);
	if (copy_in(headers, m->headers, m->headers_len) ||
	    copy_in(payload, m->payload, m->payload_len))
		return -EFAULT;
	return check_headers(p, headers, m->headers_len);
}

static int post_one(struct mqk_port *p, struct mqk_hold *h,
		    struct mqk_route *route, struct mqk_segment *seg,
		    u64 offset)
{
	u64 ref = MQK_REF(seg->no, offset);

	if (unlikely(p->producer))
		return mqk_post_numbered(p, route, ref, seg->vaddr + offset);
	if (likely(!(p->head_copy.flags & MQK_MSG_F_CC) && !route->further))
		return mqk_post(p, h, route, ref);
	return mqk_post_further(p, h, route, ref, seg->vaddr + offset);
}

/*
 * Post a copy to which the caller has one reference, which is given to the
 * queue if there is but one, else put at the end.
 */
static __always_inline int post_copy(struct mqk_port *p, struct mqk_segment *seg, u64 offset)
{
	struct mqk_route *route;
	struct mqk_hold h = {};
	u32 i, nr = 0;
	int n;

	do {
		rcu_read_lock();
		route = mqk_post_route(p, seg->vaddr + offset);
		n = IS_ERR(route) ? PTR_ERR(route) : mqk_post_grant(p, route->nr);
		if (!n) {
			nr = route->nr;
			if (nr > 1) {
				p->grant -= nr;
				mqk_segment_get(seg, nr);
			}
			n = post_one(p, &h, route, seg, offset);
			mqk_hold_end(&h);
			/* references of queues that it did not reach */
			for (i = max(n, 0); nr > 1 && i < nr; i++)
				mqk_segment_put(seg);
		}
		rcu_read_unlock();
		if (n == -ENOBUFS)
			n = mqk_post_prepare(p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	if (nr != 1 || n != 1)
		mqk_segment_put(seg);
	return n;
}

/*
 * A message that leads nowhere is not worth a copy, but whether it is a message
 * does not depend on who is bound: 0, or the error that a copy would have met.
 */
static int check_unrouted(struct mqk_port *p, const struct mqk_message *m)
{
	void *headers;
	int err;

	if (m->headers_len) {
		headers = vmemdup_user(u64_to_user_ptr(m->headers),
				       m->headers_len);
		if (IS_ERR(headers))
			return PTR_ERR(headers);
		err = check_headers(p, headers, m->headers_len);
		kvfree(headers);
		if (err)
			return err;
	}
	return fault_in_readable(u64_to_user_ptr(m->payload), m->payload_len) ?
	       -EFAULT : 0;
}

/*
 * Whether a message leads anywhere, or is remembered: 0 or 1, or an error.  Where that depends on
 * its headers, which were not copied yet, it may.
 */
static int leads_somewhere(struct mqk_port *p)
{
	struct mqk_route *route;
	int n;

	do {
		rcu_read_lock();
		route = mqk_post_route(p, NULL);
		n = IS_ERR(route) ? PTR_ERR(route) :
				    route->nr || route->further;
		rcu_read_unlock();
		if (n == -ENOBUFS)
			n = mqk_post_prepare(p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	return n == -ENODATA ? 1 : n;
}

/*
 * What comes before a message of a producer is copied: 1 if that is to be done.  It is
 * not for a repeat, nor for one that leads nowhere, which are looked at all the same.
 */
static int look_at_number(struct mqk_port *p, const struct mqk_message *m, int leads)
{
	int n, err;

	p->number = m->number ?: mqk_port_next_number(p);
	n = mqk_producer_look(p);
	if (n < 0 || (n && leads))
		return n;
	err = check_unrouted(p, m);
	if (err)
		return err;
	rcu_read_lock();
	err = mqk_post_nowhere(p);
	rcu_read_unlock();
	return err;
}

/* Whether a record that was copied may be published at all: 0, or why not. */
static int check_route(struct mqk_port *p, const void *record)
{
	struct mqk_route *route;
	int n;

	do {
		rcu_read_lock();
		route = mqk_post_route(p, record);
		n = PTR_ERR_OR_ZERO(route);
		rcu_read_unlock();
		if (n == -ENOBUFS)
			n = mqk_post_prepare(p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	return n;
}

/* A message of a transaction is copied, and kept back: 0, or why it is not. */
static noinline int stage(struct mqk_port *p, const struct mqk_message *m, u64 size)
{
	struct mqk_segment *seg;
	u64 offset;
	int n;

	if (p->producer)
		return mqk_staged_refuse(p, m->number ?: mqk_port_next_number(p));
	if (p->staging_closed)
		return mqk_refuse(&p->why, MQK_RULE_IN_TX, -EBUSY);
	n = (p->spare ? 0 : mqk_staged_supply(p)) ?: mqk_post_grant(p, 1);
	if (n)
		return n;
	seg = mqk_appender_take(&p->broker->store, p->tenant, size, &offset,
				&p->why);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	p->grant--;
	n = fill_record(p, m, seg, offset) ?: check_route(p, seg->vaddr + offset) ?:
	    mqk_staged_add(p, seg, offset);
	if (n)
		mqk_segment_put(seg);
	return n;
}

/* Publish a copy of one message: the queues it reached, or an error. */
static int copy_one(struct mqk_port *p, const struct mqk_message *m)
{
	struct mqk_segment *seg;
	u64 size, offset;
	int n;

	if (!mqk_port_has_room(p))
		return p->error ?: -EAGAIN;
	make_head(p, m);
	n = check_message(p, m, &size);
	if (n)
		return n;
	n = leads_somewhere(p);
	if (unlikely(p->apart) && n >= 0) {
		if (p->staging)
			return stage(p, m, size);
		n = look_at_number(p, m, n);
		if (n <= 0)
			return n;
	}
	if (n <= 0)
		return n ?: check_unrouted(p, m);
	n = mqk_post_grant(p, 1);
	if (n)
		return n;
	seg = mqk_appender_take(&p->broker->store, p->tenant, size, &offset,
				&p->why);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	p->grant--;
	n = fill_record(p, m, seg, offset);
	if (n) {
		mqk_segment_put(seg);
		return n;
	}
	return post_copy(p, seg, offset);
}

/*
 * A copy was refused.  If it is not the first one of the call, the call succeeds
 * and the caller comes again with it: then it counts.  One that only waits for
 * room in the ring was not refused.
 */
static void tell_refused(struct mqk_port *p, struct mqk_tally *t, int error)
{
	if (t->published || t->aside || error == -EAGAIN || p->error)
		return;
	t->refused++;
	trace_mqk_publish(p, 0, error);
}

static int keep(struct mqk_port *p, const struct mqk_message *m,
		struct mqk_kept *kept)
{
	u64 size;
	int n;

	make_head(p, m);
	n = check_message(p, m, &size);
	if (n)
		return n;
	/* where it leads now does not matter, but that it may be published does */
	n = leads_somewhere(p);
	if (n < 0)
		return n;
	n = mqk_post_grant(p, 1);
	if (n)
		return n;
	kept->segment = mqk_appender_take(&p->broker->store, p->tenant, size,
					  &kept->offset, &p->why);
	if (IS_ERR(kept->segment)) {
		n = PTR_ERR(kept->segment);
		kept->segment = NULL;
		return n;
	}
	p->grant--;
	n = fill_record(p, m, kept->segment, kept->offset);
	if (n)
		mqk_publish_drop(kept);
	return n;
}

/**
 * mqk_publish_keep() - copy a message that is published later
 * @p: the port, which publishes nothing else
 * @m: the message
 * @kept: where it lies, on success
 *
 * Context: may sleep; takes p->mutex.
 * Return: 0, or why it would be refused now (p->why)
 */
int mqk_publish_keep(struct mqk_port *p, const struct mqk_message *m,
		     struct mqk_kept *kept)
{
	int n;

	mutex_lock(&p->mutex);
	/* nobody reads its completions */
	p->closing = true;
	n = keep(p, m, kept);
	mutex_unlock(&p->mutex);
	return n;
}

/**
 * mqk_publish_kept() - publish a message that was kept
 * @p: its port
 * @kept: where it lies; afterwards nowhere
 *
 * Context: may sleep; takes p->mutex.
 * Return: how many queues have it, or why none has
 */
int mqk_publish_kept(struct mqk_port *p, struct mqk_kept *kept)
{
	const struct mqk_record *head = &p->head_copy;
	struct mqk_tally t = {};
	int n;

	mutex_lock(&p->mutex);
	n = post_copy(p, kept->segment, kept->offset);
	kept->segment = NULL;
	if (n < 0)
		tell_refused(p, &t, n);
	else
		mqk_tally_report(p, &t, n, head->flags, head->payload_len);
	mqk_tally_finish(p, &t, p->pos);
	mutex_unlock(&p->mutex);
	return n;
}

/**
 * mqk_publish_drop() - forget a message that was kept
 * @kept: where it lies, or nowhere
 *
 * Context: may sleep.
 */
void mqk_publish_drop(struct mqk_kept *kept)
{
	if (kept->segment)
		mqk_segment_put(kept->segment);
	kept->segment = NULL;
}

/* Report a message that has a number of its producer's, or waits for a commit. */
static noinline void report_apart(struct mqk_port *p, struct mqk_tally *t, int n,
				  const struct mqk_message *m)
{
	if (p->staging) {
		t->aside++;
		return;
	}
	p->ahead = p->number - (p->seq + 1);
	mqk_tally_report(p, t, n, m->flags, m->payload_len);
}

static int publish_copies(struct mqk_port *p,
			  const struct mqk_message __user *messages, u32 count)
{
	struct mqk_tally t = {};
	struct mqk_message m;
	u64 pos = p->pos;
	int n = p->error;
	u32 i;

	if (unlikely(p->held && !p->held_copy && !n))
		return mqk_room_in_line(p);
	for (i = 0; !n && i < count; i++) {
		if (copy_from_user(&m, &messages[i], sizeof(m))) {
			n = -EFAULT;
			break;
		}
		n = copy_one(p, &m);
		if (unlikely(n < 0)) {
			tell_refused(p, &t, n);
			break;
		}
		if (unlikely(p->apart))
			report_apart(p, &t, n, &m);
		else
			mqk_tally_report(p, &t, n, m.flags, m.payload_len);
		n = 0;
		if (i % MQK_WALK_BATCH == MQK_WALK_BATCH - 1) {
			cond_resched();
			if (unlikely(p->crowded))
				mqk_post_wait(p);
			if (signal_pending(current))
				n = -EINTR;
		}
	}
	mqk_tally_finish(p, &t, pos);
	if (unlikely(n || p->stopped)) {
		mqk_room_stopped(p, n);
		p->held_copy = p->held;
	}
	if (unlikely(p->crowded))
		mqk_post_wait(p);
	return t.published + t.aside ?: n;
}

/**
 * mqk_publish_copies() - publish copies of messages
 * @p: the port
 * @messages: the messages
 * @count: how many
 * @first_seq: number of the first one
 *
 * Context: may sleep; takes p->mutex.
 * Return: how many were taken; when the first was refused, why
 */
int mqk_publish_copies(struct mqk_port *p,
		       const struct mqk_message __user *messages, u32 count,
		       u64 *first_seq)
{
	int n;

	mutex_lock(&p->mutex);
	*first_seq = p->seq + p->staged_nr + 1;
	n = publish_copies(p, messages, count);
	mutex_unlock(&p->mutex);
	return n;
}
