// SPDX-License-Identifier: GPL-2.0-only
#include "loop.h"
#include "broker.h"
#include "clock.h"
#include "message.h"
#include "options.h"
#include "stats.h"

#include <stdio.h>
#include <string.h>

#define SAMPLES_MAX	15
#define BATCH_MAX	64
static char error_text[300];

const char *loop_error(void)
{
	return error_text;
}

int loop_fail(struct mqk *m, int err, const char *what)
{
	snprintf(error_text, sizeof(error_text), "%s", broker_error(m, err, what));
	return err < 0 ? err : -EIO;
}

void loop_close(struct loop *l)
{
	mqk_consumer_close(l->consumer);
	mqk_port_close(l->port);
	mqk_close(l->to);
	mqk_close(l->from);
	l->consumer = NULL;
	l->port = NULL;
	l->from = l->to = NULL;
}

int loop_open(struct loop *l, const char *exchange_name, const char *queue)
{
	struct mqk_port_opts port = {
		.sz = sizeof(port),
		.inplace = !l->copy,
		.batch = l->batch,
	};
	struct mqk_consumer_opts consumer = {
		.sz = sizeof(consumer),
		.spin = true,
	};
	int err;

	l->from = l->to = NULL;
	l->port = NULL;
	l->consumer = NULL;
	l->sent = l->received = 0;
	l->key_len = strlen(l->key);
	err = mqk_open(broker_name(), 0, &l->from);
	if (!err)
		err = mqk_open(broker_name(), 0, &l->to);
	if (err)
		return loop_fail(NULL, err, "open");
	err = mqk_exchange_id(l->from, exchange_name, &l->exchange);
	if (!err)
		err = mqk_port_open(l->from, &port, &l->port);
	if (err)
		return loop_fail(l->from, err, "port");
	if (!queue)
		return 0;
	err = mqk_consume(l->to, queue, &consumer, &l->consumer);
	return err ? loop_fail(l->to, err, "consumer") : 0;
}

static int send_copies(struct loop *l)
{
	static unsigned char payload[BATCH_MAX][4096];
	static struct mqk_message messages[BATCH_MAX];
	uint32_t i;
	int ret;

	if (l->batch == 1) {
		message_stamp(payload, l->size, ++l->sent);
		ret = mqk_publish(l->port, l->exchange, l->key, l->key_len,
				  payload, l->size, 0);
		return ret < 0 ? loop_fail(l->from, ret, "publish") : 0;
	}
	for (i = 0; i < l->batch; i++) {
		message_stamp(payload[i], l->size, ++l->sent);
		messages[i].exchange = l->exchange;
		messages[i].key = (uintptr_t)l->key;
		messages[i].key_len = (uint8_t)l->key_len;
		messages[i].payload = (uintptr_t)payload[i];
		messages[i].payload_len = l->size;
	}
	ret = mqk_publishv(l->port, messages, l->batch);
	return ret != (int)l->batch ? loop_fail(l->from, ret, "publish") : 0;
}

static int send_inplace(struct loop *l)
{
	void *payload;
	uint32_t i;
	int err;

	for (i = 0; i < l->batch; i++) {
		err = mqk_reserve(l->port, l->exchange, l->key, l->key_len, NULL,
				  0, l->size, 0, &payload);
		if (err)
			return loop_fail(l->from, err, "reserve");
		message_stamp(payload, l->size, ++l->sent);
		err = mqk_commit(l->port);
		if (err)
			return loop_fail(l->from, err, "commit");
	}
	return 0;
}

int loop_send(struct loop *l, uint64_t n)
{
	int err = 0;

	for (; n && !err; n -= l->batch)
		err = l->copy ? send_copies(l) : send_inplace(l);
	return err;
}

int loop_recv(struct loop *l, uint64_t n)
{
	struct mqk_msg msg;
	int ret;

	for (; n; n--) {
		ret = mqk_next(l->consumer, &msg);
		if (!ret)
			ret = mqk_recv(l->consumer, &msg, LOOP_PATIENCE);
		if (ret <= 0)
			return loop_fail(l->to, ret ? ret : -ETIMEDOUT, "receive");
		l->received++;
		if (msg.d.payload_len != l->size) {
			snprintf(error_text, sizeof(error_text),
				 "message %llu has %u bytes",
				 (unsigned long long)l->received, msg.d.payload_len);
			return -EBADMSG;
		}
		if (!message_stamped(msg.payload, l->size, l->received)) {
			snprintf(error_text, sizeof(error_text),
				 "message %llu is another one, or damaged",
				 (unsigned long long)l->received);
			return -EBADMSG;
		}
		if (!l->multiple)
			ret = mqk_ack(l->consumer, msg.d.tag);
		else if (l->received % l->batch == 0)
			ret = mqk_ack_multiple(l->consumer, msg.d.tag);
		else
			continue;
		if (ret)
			return loop_fail(l->to, ret, "ack");
	}
	return 0;
}

int loop_pass(struct loop *l, uint64_t n)
{
	uint64_t i;
	int err = 0;

	for (i = 0; i < n && !err; i += l->batch) {
		err = loop_send(l, l->batch);
		if (!err)
			err = loop_recv(l, l->batch);
	}
	return err;
}

int loop_cost(int (*pass)(void *arg, uint64_t n), void *arg, uint64_t n,
	      int samples, double *cost)
{
	double v[SAMPLES_MAX], median;
	uint64_t start;
	int i, err;

	err = pass(arg, n);
	for (i = 0; i < samples && i < SAMPLES_MAX && !err; i++) {
		start = clock_now();
		err = pass(arg, n);
		v[i] = (double)(clock_now() - start) / (double)n;
	}
	if (err)
		return err;
	median = stats_median(v, (size_t)i);
	*cost = options.icount ? v[0] : median;
	return 0;
}
