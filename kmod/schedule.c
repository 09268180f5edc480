// SPDX-License-Identifier: GPL-2.0-only
/*
 * The schedule of a queue.
 */
#include "schedule.h"

#include <linux/lockdep.h>
#include <linux/time64.h>
#include <linux/mqk.h>

#include "broker.h"
#include "deadline.h"
#include "extra.h"
#include "group.h"
#include "link.h"
#include "order.h"
#include "queue.h"
#include "segment.h"

/**
 * mqk_schedule_init() - begin a schedule of nothing
 * @s: the schedule
 */
void mqk_schedule_init(struct mqk_schedule *s)
{
	mqk_index_init(&s->index);
	s->index.parallel = true;
	s->ids = RB_ROOT;
}

static struct mqk_link *link_at(struct rb_node *node)
{
	return rb_entry(node, struct mqk_link, back);
}

static bool before(struct rb_node *a, const struct rb_node *b)
{
	return link_at(a)->id < rb_entry(b, struct mqk_link, back)->id;
}

/**
 * mqk_schedule_add() - schedule a message
 * @q: its queue, which keeps extras, not dead
 * @e: its entry, appended to the index of the schedule, and filled
 * @head: the head of its record, a copy
 * @id: number of its id; 0: it has none
 * @group: its group, which it has joined, or NULL
 *
 * Context: q->lock.
 */
void mqk_schedule_add(struct mqk_queue *q, struct mqk_entry *e,
		      const struct mqk_record *head, u64 id, struct mqk_group *group)
{
	struct mqk_schedule *s = &q->keep->schedule;
	struct mqk_extra *x = mqk_extra_of(e);
	struct mqk_link *l = mqk_link_of(e);

	lockdep_assert_held(&q->lock);
	q->published++;
	q->bytes += e->payload_len;
	s->nr++;
	s->bytes += e->payload_len;
	*x = (struct mqk_extra) { .ttl = mqk_deadline_expiration(head), .group = group };
	RB_CLEAR_NODE(&x->node);
	l->id = id;
	if (id)
		rb_add(&l->back, &s->ids, before);
	mqk_deadline_set(q, x, mqk_deadline_now() + (u64)head->delay * NSEC_PER_MSEC,
			 MQK_EXTRA_SCHEDULED);
}

/* A message is scheduled no more. */
static void leave(struct mqk_queue *q, struct mqk_entry *e)
{
	struct mqk_schedule *s = &q->keep->schedule;
	struct mqk_link *l = mqk_link_of(e);
	struct mqk_chunk *c;

	mqk_deadline_clear(q, mqk_extra_of(e));
	if (l->id)
		rb_erase(&l->back, &s->ids);
	s->nr--;
	s->bytes -= e->payload_len;
	c = mqk_index_remove(&s->index, e);
	if (c)
		mqk_queue_free_chunk(c);
}

/**
 * mqk_schedule_move() - a message is due: move it to the end of its queue
 * @q: the queue; its index has room
 * @x: the message's extra
 *
 * It is ready then: the caller dispatches.
 *
 * Context: q->lock.
 */
void mqk_schedule_move(struct mqk_queue *q, struct mqk_extra *x)
{
	struct mqk_entry *from = mqk_extra_entry(x);
	struct mqk_entry *e = mqk_index_append(&q->index);
	struct mqk_keep *keep = q->keep;

	*e = *from;
	mqk_deadline_begin(q, e, x->ttl);
	if (keep->order)
		mqk_order_add(keep->order, e);
	if (keep->groups)
		mqk_groups_add(keep->groups, e, x->group);
	leave(q, from);
	q->ready++;
	q->ready_bytes += e->payload_len;
	mqk_deadline_ready(q, e);
}

/**
 * mqk_schedule_drop() - end a message that is scheduled
 * @q: the queue
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_schedule_drop(struct mqk_queue *q, struct mqk_entry *e)
{
	lockdep_assert_held(&q->lock);
	if (q->keep->groups)
		mqk_groups_part(q->keep->groups, mqk_extra_of(e)->group);
	q->bytes -= e->payload_len;
	q->dropped++;
	mqk_segment_put(mqk_segment_of(&q->broker->store, e->ref));
	leave(q, e);
}

/* A message of an id, or NULL. */
static struct mqk_link *find(struct mqk_schedule *s, u64 id)
{
	struct rb_node *node = s->ids.rb_node;

	while (node) {
		struct mqk_link *l = link_at(node);

		if (id == l->id)
			return l;
		node = id < l->id ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/**
 * mqk_schedule_cancel() - end messages of an id
 * @q: the queue
 * @id: number of the id
 * @max: most of them
 *
 * Context: q->lock.
 * Return: how many; fewer than @max: there are no more
 */
u32 mqk_schedule_cancel(struct mqk_queue *q, u64 id, u32 max)
{
	struct mqk_link *l;
	u32 n = 0;

	while (n < max && q->keep && (l = find(&q->keep->schedule, id))) {
		mqk_schedule_drop(q, mqk_link_entry(l));
		n++;
	}
	return n;
}
