// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk, by copy and in place.
 *
 * Two queues, bound to a direct exchange with a key of their own.  Each side has
 * a session; the receiver reads its mapped delivery ring, checks the message in
 * its segment and acknowledges each one.  In place: the sender reserves the
 * record in its mapped segment, writes the message there, commits it and rings
 * the doorbell once per batch.  By copy: MQK_IOC_PUBLISH, one call per batch.
 *
 * Segments have the default of 1 MiB.  A message of 1 MiB would not fit; those
 * are measured with segments of 16 MiB.
 */
#include "bench.h"
#include "broker.h"
#include "flow.h"
#include "message.h"
#include "options.h"

#include <stdlib.h>

#define EXCHANGE	"bench"

static const char *const queue_names[] = { "to-1", "to-0" };

struct state {
	struct mqk *m;			/* of the parent, then of the side */
	struct mqk_port *port;
	struct mqk_consumer *consumer;
	uint32_t exchange;
	uint32_t window;		/* 0: no more than one under way */
	struct mqk_message *messages;	/* by copy: a batch */
};

static uint64_t segment_size(const struct test *t)
{
	if (options.segment)
		return options.segment;
	return t->size < 1u << 20 ? 1u << 20 : 16u << 20;
}

static const char *why_not(const struct test *t)
{
	const char *why = NULL;

	return broker_need(segment_size(t), &why) ? why : NULL;
}

static int fail(struct link *l, int err, const char *what)
{
	const struct state *s = l->state;

	return link_fail(l, 0, "%s", broker_error(s->m, err, what)), err;
}

static void finish(struct link *l)
{
	struct state *s = l->state;
	int i;

	if (!s)
		return;
	for (i = 0; s->m && i < 2; i++)
		mqk_queue_delete(s->m, queue_names[i], 0, NULL);
	mqk_close(s->m);
	free(s->messages);
	free(s);
}

static int prepare(struct link *l)
{
	struct state *s = calloc(1, sizeof(*s));
	const char *why = NULL;
	uint32_t i;
	int err;

	if (!s)
		return -ENOMEM;
	l->state = s;
	err = broker_need(segment_size(l->test), &why);
	if (err)
		return link_fail(l, 0, "%s", why);
	err = mqk_open(broker_name(), 0, &s->m);
	if (err)
		return fail(l, err, "open");
	err = mqk_exchange_declare(s->m, EXCHANGE, MQK_EXCHANGE_DIRECT, NULL,
				   &s->exchange);
	for (i = 0; i < 2 && !err; i++) {
		err = mqk_queue_declare(s->m, queue_names[i], NULL, NULL);
		if (!err)
			err = mqk_bind(s->m, EXCHANGE, queue_names[i],
				       MQK_STR(queue_names[i]), NULL, 0);
	}
	if (err)
		return fail(l, err, "topology");
	if (l->test->metric == METRIC_THROUGHPUT)
		s->window = link_depth(l->test);
	s->messages = calloc(l->test->batch, sizeof(*s->messages));
	if (!s->messages)
		return -ENOMEM;
	for (i = 0; i < l->test->batch; i++) {
		struct mqk_message *m = &s->messages[i];

		m->exchange = s->exchange;
		m->payload = (uintptr_t)(l->out + (size_t)i * l->test->size);
		m->payload_len = l->test->size;
	}
	return 0;
}

/* What is shared memory of the parent's session is not there in a side. */
static int join(struct link *l, bool inplace)
{
	struct mqk_port_opts port = {
		.sz = sizeof(port),
		.inplace = inplace,
		.batch = l->test->batch,
	};
	struct mqk_consumer_opts consumer = {
		.sz = sizeof(consumer),
		.spin = l->test->wait == WAIT_SPIN,
	};
	bool both = l->test->metric == METRIC_LATENCY;
	struct state *s = l->state;
	uint32_t i;
	int err;

	s->m = NULL;
	err = mqk_open(broker_name(), 0, &s->m);
	if (err)
		return fail(l, err, "open");
	if (l->side == 0 || both) {
		err = mqk_port_open(s->m, &port, &s->port);
		if (err)
			return fail(l, err, "port");
	}
	if (l->side == 1 || both) {
		err = mqk_consume(s->m, queue_names[!l->side], &consumer,
				  &s->consumer);
		if (err)
			return fail(l, err, "consume");
	}
	for (i = 0; i < l->test->batch; i++) {
		s->messages[i].key = (uintptr_t)queue_names[l->side];
		s->messages[i].key_len = (uint8_t)strlen(queue_names[l->side]);
	}
	return 0;
}

static int join_copy(struct link *l)
{
	return join(l, false);
}

static int join_inplace(struct link *l)
{
	return join(l, true);
}

static int copy_send(struct link *l, uint64_t seq, uint32_t n)
{
	struct state *s = l->state;
	const char *key = queue_names[l->side];
	uint32_t i, done = 0;
	int ret;

	if (s->window)
		flow_send(l, seq + n - 1, s->window);
	for (i = 0; i < n; i++)
		message_fill(l->out + (size_t)i * l->test->size, l->test->size,
			     seq + i);
	if (l->test->batch == 1) {
		ret = mqk_publish(s->port, s->exchange, key, 4, l->out,
				  l->test->size, 0);
		return ret < 0 ? fail(l, ret, "publish") : 0;
	}
	while (done < n) {
		ret = mqk_publishv(s->port, s->messages + done, n - done);
		if (ret <= 0)
			return fail(l, ret, "publish");
		done += (uint32_t)ret;
	}
	return 0;
}

static int inplace_send(struct link *l, uint64_t seq, uint32_t n)
{
	struct state *s = l->state;
	const char *key = queue_names[l->side];
	void *payload;
	uint32_t i;
	int err;

	if (s->window)
		flow_send(l, seq + n - 1, s->window);
	/* The last commit of a batch rings the doorbell. */
	for (i = 0; i < n; i++) {
		err = mqk_reserve(s->port, s->exchange, key, 4, NULL, 0,
				  l->test->size, 0, &payload);
		if (err)
			return fail(l, err, "reserve");
		message_fill(payload, l->test->size, seq + i);
		err = mqk_commit(s->port);
		if (err)
			return fail(l, err, "commit");
	}
	return 0;
}

/* The first message of a batch is waited for, the others are taken if there. */
static int receive(struct link *l, struct mqk_msg *msg, bool first)
{
	struct state *s = l->state;
	int ret;

	if (!first)
		return mqk_next(s->consumer, msg);
	if (l->test->wait == WAIT_BLOCK)
		return mqk_recv(s->consumer, msg, MQK_FOREVER);
	while (!(ret = mqk_next(s->consumer, msg)))
		clock_relax();
	return ret;
}

static int mqk_mech_recv(struct link *l, uint64_t seq, uint32_t max)
{
	struct state *s = l->state;
	struct mqk_msg msg;
	uint32_t n;
	int ret;

	for (n = 0; n < max; n++, seq++) {
		ret = receive(l, &msg, !n);
		if (ret < 0)
			return fail(l, ret, "receive");
		if (!ret)
			break;
		if (msg.d.payload_len != l->test->size)
			return link_fail(l, 0, "a message of %u bytes", msg.d.payload_len);
		if (!message_check(msg.payload, l->test->size, seq))
			return link_bad(l, msg.payload, seq);
		ret = mqk_ack(s->consumer, msg.d.tag);
		if (ret)
			return fail(l, ret, "ack");
		if (s->window)
			flow_taken(l, seq, s->window);
	}
	return (int)n;
}

const struct mech mech_mqk_copy = {
	.name = "mqk-copy",
	.batches = true,
	.why_not = why_not,
	.prepare = prepare,
	.join = join_copy,
	.send = copy_send,
	.recv = mqk_mech_recv,
	.finish = finish,
};

const struct mech mech_mqk_inplace = {
	.name = "mqk-inplace",
	.batches = true,
	.why_not = why_not,
	.prepare = prepare,
	.join = join_inplace,
	.send = inplace_send,
	.recv = mqk_mech_recv,
	.finish = finish,
};
