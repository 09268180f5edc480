// SPDX-License-Identifier: GPL-2.0-only
#include "rules.h"
#include "broker.h"
#include "clock.h"
#include "icount.h"
#include "loop.h"
#include "options.h"
#include "result.h"

#include <stdio.h>
#include <string.h>

#define SIZE		64u
#define SEGMENT		(1u << 20)
#define MESSAGES	2048u
#define SAMPLES		5
#define HOUR_MS		(3600 * 1000)
#define ARGS_ROOM	256

struct work {
	const struct kind *kind;
	struct mqk *m;
	struct mqk_port *port;
	struct mqk_consumer *puller;
	uint32_t n;
	uint32_t exchange;
	uint32_t queue, letters;
	uint64_t sent;
	char header[ARGS_ROOM];
};

/* What is special about one kind of queue, exchange or message; all may be NULL. */
struct kind {
	const char *name;
	int (*args)(struct mqk_headers *h);	/* of the queue */
	int (*make)(struct work *w);		/* what is needed beside it */
	/* of the message with a number; its header may go to w->header */
	int (*message)(struct work *w, struct mqk_message *msg, uint64_t number);
};

/* --- kinds ---------------------------------------------------------------- */

static int priority_args(struct mqk_headers *h)
{
	return mqk_headers_add_int(h, "x-max-priority", 9);
}

static int priority_message(struct work *w, struct mqk_message *msg, uint64_t number)
{
	(void)w;
	msg->priority = (uint8_t)(number % 10);
	return 0;
}

static int ttl_args(struct mqk_headers *h)
{
	return mqk_headers_add_int(h, "x-message-ttl", HOUR_MS);
}

/* Have the message carry one header, of text. */
static int set_header(struct work *w, struct mqk_message *msg, const char *name,
		      const char *text)
{
	struct mqk_headers h;
	int err;

	mqk_headers_init(&h, w->header, sizeof(w->header));
	err = mqk_headers_add_string(&h, name, text);
	msg->headers = (uintptr_t)h.buf;
	msg->headers_len = (uint16_t)h.len;
	return err;
}

static int groups_args(struct mqk_headers *h)
{
	return mqk_headers_add_bool(h, "x-mqk-groups", true);
}

static int groups_message(struct work *w, struct mqk_message *msg, uint64_t number)
{
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)(number % (w->n ? w->n : 1)));
	msg->flags |= MQK_MSG_F_GROUP;
	return set_header(w, msg, MQK_PROPERTY_GROUP_ID, id);
}

static int dedup_args(struct mqk_headers *h)
{
	return mqk_headers_add_int(h, "x-mqk-dedup-window", HOUR_MS);
}

static int dedup_message(struct work *w, struct mqk_message *msg, uint64_t number)
{
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)number);
	msg->flags |= MQK_MSG_F_ID;
	return set_header(w, msg, MQK_PROPERTY_MESSAGE_ID, id);
}

static int dead_args(struct mqk_headers *h)
{
	int err = mqk_headers_add_string(h, "x-dead-letter-exchange", "");

	return err ? err : mqk_headers_add_string(h, "x-dead-letter-routing-key", "letters");
}

static int dead_make(struct work *w)
{
	struct mqk_queue_info info = { .sz = sizeof(info) };
	int err = mqk_queue_declare(w->m, "letters", NULL, &info);

	w->letters = info.id;
	return err;
}

static int headers_make(struct work *w)
{
	struct mqk_headers h;
	char args[ARGS_ROOM], text[16];
	uint32_t i;
	int err;

	err = mqk_exchange_declare(w->m, "h", MQK_EXCHANGE_HEADERS, NULL, NULL);
	for (i = 0; i < w->n && !err; i++) {
		mqk_headers_init(&h, args, sizeof(args));
		snprintf(text, sizeof(text), "%u", i);
		err = mqk_headers_add_string(&h, "number", text);
		if (!err)
			err = mqk_bind(w->m, "h", "q", MQK_STR(""), h.buf, h.len);
	}
	return err ? err : mqk_exchange_id(w->m, "h", &w->exchange);
}

static int headers_message(struct work *w, struct mqk_message *msg, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)(number % w->n));
	return set_header(w, msg, "number", text);
}

static const struct kind kinds[] = {
	{ "plain", NULL, NULL, NULL },
	{ "priority", priority_args, NULL, priority_message },
	{ "ttl", ttl_args, NULL, NULL },
	{ "groups", groups_args, NULL, groups_message },
	{ "dedup", dedup_args, NULL, dedup_message },
	{ "dead", dead_args, dead_make, NULL },
};

static const struct kind headers_kind = {
	"headers", NULL, headers_make, headers_message
};

/* --- messages --------------------------------------------------------------- */

/* Publish @n copies, at most 256. */
static int publish(struct work *w, uint32_t n)
{
	struct mqk_message msg[256];
	static char headers[256][ARGS_ROOM];
	char payload[SIZE] = "";
	uint32_t i;
	int ret, err = 0;

	memset(msg, 0, n * sizeof(*msg));
	for (i = 0; i < n && !err; i++) {
		msg[i].exchange = w->exchange;
		msg[i].key = (uintptr_t)"q";
		msg[i].key_len = 1;
		msg[i].payload = (uintptr_t)payload;
		msg[i].payload_len = SIZE;
		if (w->kind->message)
			err = w->kind->message(w, &msg[i], w->sent);
		w->sent++;
		if (!msg[i].headers_len || n == 1)
			continue;
		memcpy(headers[i], w->header, msg[i].headers_len);
		msg[i].headers = (uintptr_t)headers[i];
	}
	if (err)
		return loop_fail(NULL, err, "headers");
	ret = mqk_publishv(w->port, msg, n);
	return ret == (int)n ? 0 : loop_fail(w->m, ret < 0 ? ret : -EIO, "publish");
}

static int get(struct work *w, uint32_t queue, struct mqk_msg *msg)
{
	int ret = mqk_get(w->puller, queue, msg, NULL, LOOP_PATIENCE);

	return ret == 1 ? 0 : loop_fail(w->m, ret ? ret : -ENOMSG, "get");
}

/* Have a message die, and get it out of the queue for dead letters. */
static int bury(struct work *w, struct mqk_msg *msg)
{
	int ret = mqk_reject(w->puller, msg->d.tag, false);

	if (ret >= 0)
		ret = mqk_settle(w->puller);
	return ret < 0 ? loop_fail(w->m, ret, "reject") : get(w, w->letters, msg);
}

static int rules_pass(void *arg, uint64_t n)
{
	struct work *w = arg;
	struct mqk_msg msg;
	int err = 0;

	for (; n && !err; n--) {
		err = publish(w, 1);
		if (!err)
			err = get(w, w->queue, &msg);
		if (!err && w->letters)
			err = bury(w, &msg);
		if (err)
			break;
		err = mqk_ack(w->puller, msg.d.tag);
		if (err)
			loop_fail(w->m, err, "ack");
	}
	return err;
}

/* --- cases ------------------------------------------------------------------ */

/* A fresh broker with the queue in it, and what else is needed. */
static int make(struct work *w)
{
	struct mqk_queue_opts opts = { .sz = sizeof(opts) };
	struct mqk_queue_info info = { .sz = sizeof(info) };
	struct mqk_headers h;
	char args[ARGS_ROOM];
	const char *why = "";
	int err;

	broker_remove();
	err = broker_need(SEGMENT, &why);
	if (err)
		return loop_fail(NULL, err, why);
	err = mqk_open(broker_name(), 0, &w->m);
	if (err)
		return loop_fail(NULL, err, "session");
	mqk_headers_init(&h, args, sizeof(args));
	if (w->kind->args)
		err = w->kind->args(&h);
	opts.args = h.buf;
	opts.args_len = h.len;
	if (!err)
		err = mqk_queue_declare(w->m, "q", &opts, &info);
	w->queue = info.id;
	if (!err)
		err = mqk_exchange_id(w->m, "", &w->exchange);
	if (!err && w->kind->make)
		err = w->kind->make(w);
	if (!err)
		err = mqk_port_open(w->m, NULL, &w->port);
	if (!err)
		err = mqk_puller_open(w->m, NULL, &w->puller);
	return err ? loop_fail(w->m, err, w->kind->name) : 0;
}

static void report(const struct work *w, const char *name, double value)
{
	struct result r = {
		.mechanism = "mqk-copy",
		.scale = w->kind->name,
		.n = w->n,
		.wait = "spin",
		.metric = options.icount ? "instructions_per_msg" : "ns_per_msg",
		.size = SIZE,
		.batch = 1,
		.value = value,
	};

	result_add(&r);
	icount_note(name, value);
}

/* @waiting: so many others wait all the time. */
static int run(const struct kind *kind, uint32_t n, uint32_t waiting)
{
	struct work w = { .kind = kind, .n = n };
	uint32_t part;
	char name[40];
	double cost;
	int err;

	snprintf(name, sizeof(name), "%s-%u", kind->name, n);
	if (!icount_wanted(name))
		return 0;
	err = make(&w);
	for (; waiting && !err; waiting -= part) {
		part = waiting < 256 ? waiting : 256;
		err = publish(&w, part);
	}
	if (!err)
		err = loop_cost(rules_pass, &w, MESSAGES, SAMPLES, &cost);
	if (err)
		printf("# FAILED: %s: %s\n", name, loop_error());
	else
		report(&w, name, cost);
	mqk_consumer_close(w.puller);
	mqk_port_close(w.port);
	mqk_close(w.m);
	return err != 0;
}

static const uint32_t waiting_n[] = { 0, 10000 };
static const uint32_t bindings_n[] = { 1, 1000 };

void rules_list(void)
{
	size_t i, j;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (j = 0; j < 2; j++)
			printf("%s-%u\n", kinds[i].name, waiting_n[j]);
	for (j = 0; j < 2; j++)
		printf("%s-%u\n", headers_kind.name, bindings_n[j]);
}

int rules_run(void)
{
	int failed = 0;
	size_t i, j;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (j = 0; j < 2; j++)
			failed += run(&kinds[i], waiting_n[j], waiting_n[j]);
	for (j = 0; j < 2; j++)
		failed += run(&headers_kind, bindings_n[j], 0);
	broker_remove();
	return failed;
}
