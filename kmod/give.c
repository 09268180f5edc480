// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving what a last-value exchange remembers.
 */
#include "give.h"

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "binding.h"
#include "broker.h"
#include "cc.h"
#include "exchange.h"
#include "group.h"
#include "port.h"
#include "post.h"
#include "retained.h"
#include "route.h"
#include "segment.h"
#include "stock.h"
#include "util/index.h"
#include "util/record.h"
#include "util/topic.h"

/**
 * struct mqk_giving - giving to one binding
 * @p: a port that is used for this alone
 * @id: the binding
 * @retained: what its exchange remembers, which does not change
 * @topic: its pattern alone
 * @cc: the further keys of a message
 * @headers: room for its headers
 * @chosen: how many messages match
 * @grouped: how many of those are of a group
 * @delayed: some of them are scheduled first: those need places in an index of theirs
 * @charged: a reference more to each of them is charged
 * @to: its queue, as a route
 */
struct mqk_giving {
	struct mqk_port *p;
	const struct mqk_binding_id *id;
	struct mqk_retained *retained;
	struct mqk_topic topic;
	struct mqk_cc cc;
	u8 *headers;
	u32 chosen;
	u32 grouped;
	bool delayed;
	bool charged;
	struct mqk_route *to;
};

static int found(void *value, void *arg)
{
	*(bool *)arg = true;
	return 0;
}

static bool key_matches(struct mqk_giving *g, const u8 *key, u32 len)
{
	bool matches = false;

	/* what is no topic name in MQTT matches nothing */
	if (g->topic.dialect == MQK_TOPIC_MQTT &&
	    mqk_topic_check_key(key, len, MQK_TOPIC_MQTT))
		return false;
	rcu_read_lock();
	mqk_topic_match(&g->topic, key, len, g->p->router->targets.scratch, found,
			&matches);
	rcu_read_unlock();
	return matches;
}

/* The message's record; its segment is kept by what remembers it. */
static void *record_of(struct mqk_giving *g, const struct mqk_retained_message *m)
{
	return mqk_segment_of(&g->p->broker->store, m->ref)->vaddr +
	       MQK_REF_OFFSET(m->ref);
}

/* Whether one of its further keys does; whoever may still write to them lost it. */
static bool further_matches(struct mqk_giving *g, const struct mqk_retained_message *m)
{
	u32 i, len = m->head.headers_len;

	if (!(m->head.flags & MQK_MSG_F_CC))
		return false;
	memcpy(g->headers, record_of(g, m) + MQK_RECORD_HEADERS(m->head.key_len),
	       len);
	/* nothing below looks at the record's headers again */
	barrier();
	if (!mqk_headers_valid(g->headers, len) ||
	    mqk_cc_parse(&g->cc, g->headers, len))
		return false;
	for (i = 0; i < g->cc.nr; i++)
		if (key_matches(g, g->cc.key[i].text, g->cc.key[i].len))
			return true;
	return false;
}

/* Find out which messages match the binding. */
static int choose(struct mqk_giving *g)
{
	struct mqk_retained_message *m;
	struct mqk_topic_node *node;
	int err;

	err = mqk_topic_init(&g->topic, g->id->exchange->args.dialect,
			     &g->p->broker->mutex);
	if (err)
		return err;
	node = mqk_topic_insert(&g->topic, g->id->key, g->id->key_len);
	if (IS_ERR(node)) {
		mqk_topic_destroy(&g->topic);
		return PTR_ERR(node);
	}
	/* any value but NULL */
	rcu_assign_pointer(node->value, g);
	list_for_each_entry(m, &g->retained->order, in_order) {
		m->chosen = key_matches(g, m->key->text, m->key->len) ||
			    further_matches(g, m);
		g->chosen += m->chosen;
		g->delayed |= m->chosen && m->head.delay;
		g->grouped += m->chosen && m->group;
		cond_resched();
	}
	RCU_INIT_POINTER(node->value, NULL);
	mqk_topic_prune(&g->topic, node);
	mqk_topic_destroy(&g->topic);
	return 0;
}

/* The first so many that were chosen are charged again: undo that. */
static void uncharge(struct mqk_giving *g, u32 n)
{
	struct mqk_retained_message *m;

	list_for_each_entry(m, &g->retained->order, in_order) {
		if (!n)
			return;
		if (!m->chosen)
			continue;
		mqk_uncharge(mqk_segment_of(&g->p->broker->store, m->ref)->tenant,
			     MQK_RES_MESSAGES, 1);
		n--;
	}
}

/* Charge a reference more to each that was chosen. */
static int charge(struct mqk_giving *g, struct mqk_refusal *why)
{
	struct mqk_retained_message *m;
	u32 n = 0;
	int err;

	list_for_each_entry(m, &g->retained->order, in_order) {
		if (!m->chosen)
			continue;
		err = mqk_charge(mqk_segment_of(&g->p->broker->store, m->ref)->tenant,
				 MQK_RES_MESSAGES, 1, why);
		if (err) {
			uncharge(g, n);
			return err;
		}
		n++;
	}
	return 0;
}

/* Get all that putting them into one queue can take. */
static int reserve(struct mqk_giving *g, struct mqk_refusal *why)
{
	struct mqk_stock *s = &g->p->stock;
	u32 chunks = (g->chosen / MQK_CHUNK_ENTRIES + 2) * (g->delayed ? 2 : 1);
	int err;

	g->to = kzalloc(struct_size(g->to, queue, 1), GFP_KERNEL_ACCOUNT);
	if (!g->to)
		return -ENOMEM;
	g->to->room = 1;
	g->to->nr = 1;
	g->to->queue[0] = g->id->queue;
	err = charge(g, why);
	if (err)
		return err;
	g->charged = true;
	/* extras for what it has and has not: any of them may bring a time */
	s->want_extras = chunks + 2;
	s->want_keeps = 1;
	s->want_links = g->delayed || mqk_queue_linked(g->id->queue) ? chunks : 0;
	s->want_groups = mqk_queue_groups(g->id->queue) ? g->grouped : 0;
	err = mqk_stock_chunks(g->p, chunks) ?: mqk_stock_fill(g->p);
	if (err)
		*why = g->p->why;
	return err;
}

/* Describe a message as if its publisher handed it in again. */
static void describe(struct mqk_port *p, const struct mqk_retained_message *m)
{
	p->head_copy = m->head;
	p->uid = m->uid;
	p->pid = m->pid;
	p->router->id = m->id;
	p->router->group = m->group;
	memcpy(p->key.word, m->key->text, m->key->len);
	mqk_key_pad(&p->key, m->key->len);
}

/* Where a message leads from here. */
static struct mqk_route *route_of(struct mqk_giving *g,
					const struct mqk_retained_message *m)
{
	struct mqk_port *p = g->p;
	struct mqk_envelope envelope = {
		.flags = m->head.flags,
		.headers_len = m->head.headers_len,
		.headers = record_of(g, m) + MQK_RECORD_HEADERS(m->head.key_len),
	};

	if (g->to)
		return g->to;
	return mqk_route_through(p->router, g->id->to, &p->key, &envelope, &p->why);
}

/*
 * Post a message on a route with a reference for each of its queues, which are
 * charged to its publisher.
 */
static int post(struct mqk_giving *g, const struct mqk_retained_message *m,
		struct mqk_route *route)
{
	struct mqk_segment *seg = mqk_segment_of(&g->p->broker->store, m->ref);
	struct mqk_hold h = {};
	/* posting leaves out those that have seen it */
	int i, n, nr = route->nr;

	mqk_segment_get(seg, nr);
	n = mqk_post(g->p, &h, route, m->ref);
	mqk_hold_end(&h);
	g->p->odd = 0;
	/* references of queues that it did not reach */
	for (i = max(n, 0); i < nr; i++)
		mqk_segment_put(seg);
	return n;
}

/* Give one message: how many queues of how many have it, or why none has. */
static int give_one(struct mqk_giving *g, const struct mqk_retained_message *m)
{
	struct mqk_segment *seg = mqk_segment_of(&g->p->broker->store, m->ref);
	struct mqk_route *route;
	bool charged = g->charged;
	int n;

	describe(g->p, m);
	do {
		rcu_read_lock();
		route = route_of(g, m);
		n = PTR_ERR_OR_ZERO(route);
		if (!n && !charged)
			n = mqk_charge(seg->tenant, MQK_RES_MESSAGES, route->nr, NULL);
		if (!n && route->nr)
			n = post(g, m, route);
		rcu_read_unlock();
		if (n != -ENOBUFS)
			break;
		/* what was charged is given back with the references */
		charged = false;
		n = mqk_post_prepare(g->p) ?: -ENOBUFS;
	} while (n == -ENOBUFS);
	return n;
}

/**
 * mqk_giving_prepare() - get all that giving to a new binding may take
 * @p: a port without messages that nobody else has
 * @id: the binding, from a last-value exchange
 * @why: filled when it is refused
 *
 * Context: broker->mutex, mqk_retained_freeze(), until mqk_giving_end(); may sleep.
 * Return: what is to be given; ERR_PTR of -EINVAL for a key that is no pattern,
 * -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_giving *mqk_giving_prepare(struct mqk_port *p,
				      const struct mqk_binding_id *id,
				      struct mqk_refusal *why)
{
	struct mqk_giving *g;
	int err;

	err = id->exchange->ops->check(id, why);
	if (err)
		return ERR_PTR(err);
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return ERR_PTR(-ENOMEM);
	/* it waits for no room, and nobody reads its completions */
	p->closing = true;
	g->p = p;
	g->id = id;
	g->retained = id->exchange->retained;
	g->headers = kvmalloc(MQK_HEADERS_MAX, GFP_KERNEL_ACCOUNT);
	err = g->headers ? choose(g) : -ENOMEM;
	if (!err && g->chosen && id->queue)
		err = reserve(g, why);
	if (!err)
		return g;
	mqk_giving_end(g);
	return ERR_PTR(err);
}

/**
 * mqk_giving_give() - give it, since the binding was made
 * @g: what is to be given; afterwards nothing
 *
 * Context: as mqk_giving_prepare()
 */
void mqk_giving_give(struct mqk_giving *g)
{
	struct mqk_broker *broker = g->p->broker;
	struct mqk_retained_message *m;

	list_for_each_entry(m, &g->retained->order, in_order) {
		if (m->chosen && give_one(g, m) < 0)
			mqk_count(broker, refused, 1);
		cond_resched();
	}
	g->charged = false;
}

/**
 * mqk_giving_end() - give back what is left of that
 * @g: what was to be given
 *
 * Context: as mqk_giving_prepare()
 */
void mqk_giving_end(struct mqk_giving *g)
{
	if (g->charged)
		uncharge(g, g->chosen);
	kfree(g->to);
	kvfree(g->headers);
	kfree(g);
}
