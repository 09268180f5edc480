// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Bindings, consumers and producers, listed a page at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* A page, and room to make texts of the names in it. */
struct list {
	struct mqk_list call;
	union {
		struct mqk_binding_entry binding[MQK_LIST_MAX];
		struct mqk_consumer_entry consumer[MQK_LIST_MAX];
		struct mqk_producer_entry producer[MQK_LIST_MAX];
	} entry;
	unsigned char data[MQK_LIST_DATA];
	char exchange[MQK_NAME_MAX + 1];
	char queue[MQK_NAME_MAX + 1];
};

/* The next page: 1, 0 there are no more, or a negative errno. */
static int next_page(struct mqk *m, unsigned long request, struct list *l)
{
	uint32_t i;
	int err;

	l->call.size = sizeof(l->call);
	l->call.count = MQK_LIST_MAX;
	l->call.entries = mqk_ptr(&l->entry);
	l->call.data = mqk_ptr(l->data);
	l->call.data_len = sizeof(l->data);
	err = mqk_ioctl(m, request, &l->call);
	if (err == -ENOENT)
		return 0;
	if (err < 0)
		return err;
	i = l->call.count;
	return i && i <= MQK_LIST_MAX ? 1 : -EPROTO;
}

/* A name in the data as a text; what comes behind it. */
static const unsigned char *take_name(char *name, const unsigned char *from,
				      uint8_t len)
{
	memcpy(name, from, len);
	name[len] = 0;
	return from + len;
}

/* What is called for each entry of a page. */
struct giving {
	union {
		mqk_binding_fn *binding;
		mqk_consumer_fn *consumer;
		mqk_producer_fn *producer;
	} fn;
	void *arg;
};

/* Give entry @i of a page to its function. */
typedef int give_fn(struct list *l, uint32_t i, const struct giving *to);

static int list_all(struct mqk *m, unsigned long request, give_fn *give,
		    const struct giving *to)
{
	struct list *l = calloc(1, sizeof(*l));
	uint32_t i;
	int ret;

	if (!l)
		return -ENOMEM;
	do {
		ret = next_page(m, request, l);
		if (ret <= 0)
			break;
		for (i = 0, ret = 0; !ret && i < l->call.count; i++)
			ret = give(l, i, to);
	} while (!ret);
	free(l);
	return ret;
}

static int give_binding(struct list *l, uint32_t i, const struct giving *to)
{
	const struct mqk_binding_entry *e = &l->entry.binding[i];
	const size_t len = (size_t)e->args_len + e->exchange_len +
			   e->queue_len + e->key_len;
	const unsigned char *from = l->data + e->data;
	struct mqk_binding_info info = {
		.number = e->number,
		.exchange_id = e->exchange,
		.queue_id = e->queue,
		.exchange = l->exchange,
		.queue = l->queue,
		.args = from,
		.args_len = e->args_len,
		.key_len = e->key_len,
		.flags = e->flags,
	};

	if (e->data > sizeof(l->data) || len > sizeof(l->data) - e->data)
		return -EPROTO;
	from = take_name(l->exchange, from + e->args_len, e->exchange_len);
	info.key = take_name(l->queue, from, e->queue_len);
	return to->fn.binding(&info, to->arg);
}

int mqk_binding_list(struct mqk *m, mqk_binding_fn *fn, void *arg)
{
	const struct giving to = { .fn.binding = fn, .arg = arg };

	return list_all(m, MQK_IOC_BINDING_LIST, give_binding, &to);
}

static int give_consumer(struct list *l, uint32_t i, const struct giving *to)
{
	const struct mqk_consumer_entry *e = &l->entry.consumer[i];
	struct mqk_consumer_info info = {
		.number = e->number,
		.flags = e->flags,
		.session = e->session,
		.id = e->id,
		.queue_id = e->queue,
		.queue = e->queue ? l->queue : NULL,
		.uid = e->uid,
		.pid = e->pid,
		.prefetch = e->prefetch,
		.unacked = e->unacked,
		.delivered = e->delivered,
		.error = e->error,
		.state = e->state,
		.priority = e->priority,
	};

	if (e->data > sizeof(l->data) ||
	    e->queue_len > sizeof(l->data) - e->data)
		return -EPROTO;
	take_name(l->queue, l->data + e->data, e->queue_len);
	return to->fn.consumer(&info, to->arg);
}

int mqk_consumer_list(struct mqk *m, mqk_consumer_fn *fn, void *arg)
{
	const struct giving to = { .fn.consumer = fn, .arg = arg };

	return list_all(m, MQK_IOC_CONSUMER_LIST, give_consumer, &to);
}

static int give_producer(struct list *l, uint32_t i, const struct giving *to)
{
	const struct mqk_producer_entry *e = &l->entry.producer[i];
	struct mqk_producer_info info = {
		.number = e->number,
		.flags = e->flags,
		.last = e->last,
		.uid = e->uid,
		.gid = e->gid,
		.mode = e->mode,
		.pid = e->pid,
		.name = l->queue,
	};

	if (e->data > sizeof(l->data) ||
	    e->name_len > sizeof(l->data) - e->data)
		return -EPROTO;
	take_name(l->queue, l->data + e->data, e->name_len);
	return to->fn.producer(&info, to->arg);
}

int mqk_producer_list(struct mqk *m, mqk_producer_fn *fn, void *arg)
{
	const struct giving to = { .fn.producer = fn, .arg = arg };

	return list_all(m, MQK_IOC_PRODUCER_LIST, give_producer, &to);
}
