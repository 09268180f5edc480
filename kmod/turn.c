// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns of consumers.
 */
#include "turn.h"

#include <linux/list.h>
#include <linux/lockdep.h>

#include "consumer.h"
#include "queue.h"

/**
 * mqk_turn_find_sole() - see whether one consumer is alone with a queue
 * @q: the queue
 *
 * To be called after any change to what it depends on: the list of the able
 * ones, being held, being dead.
 *
 * Context: q->lock.
 */
void mqk_turn_find_sole(struct mqk_queue *q)
{
	q->sole = !q->dead && !q->held && list_is_singular(&q->able) ?
		  list_first_entry(&q->able, struct mqk_consumer, link) : NULL;
}

/**
 * mqk_turn_set_able() - a consumer can take messages from now on, or cannot
 * @q: its queue
 * @c: the consumer, attached
 * @able: which; the last in turn if so
 *
 * Context: q->lock.
 */
void mqk_turn_set_able(struct mqk_queue *q, struct mqk_consumer *c, bool able)
{
	c->able = able;
	list_move_tail(&c->link, able ? &q->able : &q->idle);
	mqk_turn_find_sole(q);
	WRITE_ONCE(c->page->flags, able ? 0 : MQK_CONSUMER_PAGE_F_KICK);
}

/**
 * mqk_turn_leave() - a consumer gets nothing more
 * @q: its queue
 * @c: the consumer; nothing happens when it is not attached
 *
 * Context: q->lock.
 */
void mqk_turn_leave(struct mqk_queue *q, struct mqk_consumer *c)
{
	lockdep_assert_held(&q->lock);
	if (!c->attached)
		return;
	list_del_init(&c->link);
	mqk_turn_find_sole(q);
	c->attached = false;
	c->able = false;
	q->nr_consumers--;
	q->exclusive_consumer = false;
	/* Who sees that it has ended must see why: page->error comes first. */
	smp_store_release(&c->page->flags, MQK_CONSUMER_PAGE_F_CANCELLED);
}
