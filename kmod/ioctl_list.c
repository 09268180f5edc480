// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that list, a page at a time.
 *
 * The cursor is the number of the last object that was listed: numbers rise, so
 * that objects which come and go move nobody else.  What is listed is gathered
 * in memory of the kernel's and copied out at the end; it is found under RCU, and
 * only producers, of which a page is short, under broker->mutex.
 */
#include "ioctl.h"

#include <linux/cred.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "attach.h"
#include "binding.h"
#include "broker.h"
#include "consumer.h"
#include "exchange.h"
#include "producer.h"
#include "queue.h"
#include "reply.h"
#include "session.h"

/* A binding's arguments and names, whatever they are, fit into one call. */
static_assert(MQK_HEADERS_MAX + 2 * MQK_NAME_MAX + MQK_KEY_MAX + 8 <=
	      MQK_LIST_DATA);

/* What one call lists. */
struct page_of {
	void *entries;
	u8 *data;
	u32 count;		/* entries, so far */
	u32 max;
	u32 used;		/* bytes of data, so far */
	u32 room;
	u32 last;		/* number of the last one */
};

static int begin_page(struct page_of *l, const struct mqk_list *a,
		      size_t entry_size, struct mqk_refusal *why)
{
	if (a->flags || a->resv || !a->count)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	l->max = min(a->count, MQK_LIST_MAX);
	l->room = min(a->data_len, MQK_LIST_DATA);
	l->last = a->after;
	l->entries = kcalloc(l->max, entry_size, GFP_KERNEL_ACCOUNT);
	/* zeroed: what pads the data is copied out, too */
	l->data = kvzalloc(l->room, GFP_KERNEL_ACCOUNT);
	return l->entries && (l->data || !l->room) ? 0 : -ENOMEM;
}

static void end_page(struct page_of *l)
{
	kfree(l->entries);
	kvfree(l->data);
}

static int give_page(const struct page_of *l, struct mqk_list *a,
		     size_t entry_size)
{
	if (copy_to_user(u64_to_user_ptr(a->entries), l->entries,
			 l->count * entry_size) ||
	    copy_to_user(u64_to_user_ptr(a->data), l->data, l->used))
		return -EFAULT;
	a->after = l->last;
	a->count = l->count;
	a->data_len = l->used;
	return 0;
}

/* Room for the bytes of one entry, or NULL. */
static u8 *take_room(struct page_of *l, u32 bytes, u32 *at)
{
	*at = l->used;
	if (bytes > l->room - l->used)
		return NULL;
	/* the next one's begin at a multiple of 8, if they fit at all */
	l->used = min(l->used + round_up(bytes, 8), l->room);
	return l->data + *at;
}

static u8 *add(u8 *to, const void *from, u32 len)
{
	memcpy(to, from, len);
	return to + len;
}

static bool list_binding(struct page_of *l, const struct mqk_binding *b)
{
	const struct mqk_exchange *x = b->exchange;
	struct mqk_binding_entry *e = l->entries;
	const u8 *name = b->to ? b->to->name : b->queue->name;
	u32 at, name_len = b->to ? b->to->name_len : b->queue->name_len;
	u8 *to;

	to = take_room(l, b->args_len + x->name_len + name_len + b->key_len,
		       &at);
	if (!to)
		return false;
	to = add(to, b->data + b->key_len, b->args_len);
	to = add(to, x->name, x->name_len);
	to = add(to, name, name_len);
	add(to, b->data, b->key_len);

	e += l->count++;
	l->last = b->number;
	e->number = b->number;
	e->exchange = x->id;
	e->flags = b->to ? MQK_BIND_F_EXCHANGE : 0;
	e->queue = b->to ? b->to->id : b->queue->id;
	e->data = at;
	e->args_len = b->args_len;
	e->exchange_len = x->name_len;
	e->queue_len = name_len;
	e->key_len = b->key_len;
	return true;
}

/* What a page begins with: -ENOENT there is nothing, -ERANGE it has no room. */
static int list_bindings(struct page_of *l, struct mqk_broker *broker)
{
	struct mqk_binding *b = NULL;
	unsigned long number = l->last;

	rcu_read_lock();
	while (l->count < l->max) {
		b = xa_find_after(&broker->binding_ids, &number, INT_MAX,
				  XA_PRESENT);
		/* it keeps its exchange and its queue until the section ends */
		if (!b || !list_binding(l, b))
			break;
	}
	rcu_read_unlock();
	return l->count ? 0 : b ? -ERANGE : -ENOENT;
}

int mqk_ioctl_binding_list(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why)
{
	const size_t size = sizeof(struct mqk_binding_entry);
	struct mqk_list *a = arg;
	struct page_of l = {};
	int err;

	err = begin_page(&l, a, size, why) ?: list_bindings(&l, s->broker) ?:
	      give_page(&l, a, size);
	end_page(&l);
	return err;
}

/* The first consumer whose number is greater, with a reference, or NULL. */
static struct mqk_consumer *next_consumer(struct mqk_broker *broker,
					  unsigned long number)
{
	struct mqk_consumer *c;

	rcu_read_lock();
	do {
		c = xa_find_after(&broker->consumers, &number, INT_MAX,
				  XA_PRESENT);
	} while (c && !refcount_inc_not_zero(&c->refs));
	rcu_read_unlock();
	return c;
}

static bool list_consumer(struct page_of *l, struct mqk_session *s,
			  struct mqk_consumer *c)
{
	struct mqk_consumer_entry *e = l->entries;
	const struct mqk_queue *q = c->queue;
	u32 at, len = q ? mqk_reply_known(q, s) : 0;
	u8 *to = take_room(l, len, &at);

	if (!to && len)
		return false;
	if (q)
		add(to, q->name, len);
	e += l->count++;
	l->last = c->number;
	mqk_consumer_describe(c, e);
	e->number = c->number;
	e->session = c->session;
	e->id = c->id;
	e->queue = q ? q->id : 0;
	e->uid = from_kuid_munged(current_user_ns(), c->uid);
	e->pid = c->pid;
	e->data = at;
	e->queue_len = len;
	return true;
}

static int list_consumers(struct page_of *l, struct mqk_session *s)
{
	struct mqk_consumer *c = NULL;
	bool fits = true;

	while (fits && l->count < l->max) {
		c = next_consumer(s->broker, l->last);
		if (!c)
			break;
		fits = list_consumer(l, s, c);
		mqk_consumer_put(c);
		cond_resched();
	}
	return l->count ? 0 : c ? -ERANGE : -ENOENT;
}

int mqk_ioctl_consumer_list(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why)
{
	const size_t size = sizeof(struct mqk_consumer_entry);
	struct mqk_list *a = arg;
	struct page_of l = {};
	int err;

	err = begin_page(&l, a, size, why) ?: list_consumers(&l, s) ?:
	      give_page(&l, a, size);
	end_page(&l);
	return err;
}

static bool list_producer(struct page_of *l, struct mqk_producer *producer)
{
	struct mqk_producer_entry *e = l->entries;
	u32 at;
	u8 *to = take_room(l, producer->name_len, &at);

	if (!to)
		return false;
	add(to, producer->name, producer->name_len);
	e += l->count++;
	l->last = producer->number;
	mqk_producer_describe(producer, e);
	e->data = at;
	e->name_len = producer->name_len;
	return true;
}

static int list_producers(struct page_of *l, struct mqk_broker *broker)
{
	struct mqk_producer *producer = NULL;

	mutex_lock(&broker->mutex);
	while (l->count < l->max) {
		producer = mqk_producer_next(broker, l->last);
		if (!producer || !list_producer(l, producer))
			break;
	}
	mutex_unlock(&broker->mutex);
	return l->count ? 0 : producer ? -ERANGE : -ENOENT;
}

int mqk_ioctl_producer_list(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why)
{
	const size_t size = sizeof(struct mqk_producer_entry);
	struct mqk_list *a = arg;
	struct page_of l = {};
	int err;

	err = begin_page(&l, a, size, why) ?: list_producers(&l, s->broker) ?:
	      give_page(&l, a, size);
	end_page(&l);
	return err;
}
