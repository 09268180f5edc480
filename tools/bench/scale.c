// SPDX-License-Identifier: GPL-2.0-only
#include "scale.h"
#include "broker.h"
#include "clock.h"
#include "icount.h"
#include "loop.h"
#include "memory.h"
#include "message.h"
#include "options.h"
#include "result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXCHANGE	"scale"
#define SIZE		64u
#define SEGMENT		(1u << 20)
#define FEW		8u
#define SAMPLES		5
/* Records of 128 bytes: as many as one segment holds. */
#define MESSAGES	8192u

static int failed;

static void report(const char *name, const char *kind, uint64_t n,
		   const char *keys, const char *metric, double value)
{
	struct result r = {
		.mechanism = "mqk-inplace",
		.scale = kind,
		.n = n,
		.keys = keys,
		.wait = "spin",
		.metric = metric ? metric :
			  options.icount ? "instructions_per_msg" : "ns_per_msg",
		.size = SIZE,
		.batch = 1,
		.value = value,
	};

	result_add(&r);
	icount_note(name, value);
}

static void complain(const char *name)
{
	printf("# FAILED: %s: %s\n", name, loop_error());
	failed++;
}

/* A fresh broker with the exchange in it. */
static struct mqk *fresh(uint64_t segment_size)
{
	const char *why = "";
	struct mqk *m = NULL;
	int err;

	broker_remove();
	err = broker_need(segment_size, &why);
	if (err) {
		loop_fail(NULL, err, why);
		return NULL;
	}
	err = mqk_open(broker_name(), 0, &m);
	if (!err)
		err = mqk_exchange_declare(m, EXCHANGE, MQK_EXCHANGE_TOPIC, NULL, NULL);
	if (err) {
		loop_fail(m, err, "exchange");
		mqk_close(m);
		m = NULL;
	}
	return m;
}

/* Queue "qI", bound by the key "scale.I.x". */
static int add_queue(struct mqk *m, uint32_t i, uint32_t *id)
{
	struct mqk_queue_info info = { .sz = sizeof(info) };
	char name[24], key[24];
	int err;

	snprintf(name, sizeof(name), "q%u", i);
	snprintf(key, sizeof(key), "scale.%u.x", i);
	err = mqk_queue_declare(m, name, NULL, &info);
	if (!err)
		err = mqk_bind(m, EXCHANGE, name, MQK_STR(key), NULL, 0);
	if (err)
		return loop_fail(m, err, name);
	if (id)
		*id = info.id;
	return 0;
}

static int open_loop(struct loop *l, uint32_t i)
{
	char queue[24];

	memset(l, 0, sizeof(*l));
	l->size = SIZE;
	l->batch = 1;
	snprintf(l->key, sizeof(l->key), "scale.%u.x", i);
	snprintf(queue, sizeof(queue), "q%u", i);
	return loop_open(l, EXCHANGE, queue);
}

/* "scale.I.x", without what snprintf() costs.  Return: its length. */
static size_t make_key(char key[24], uint32_t i)
{
	char digits[10];
	size_t n = 0, len = 6;

	memcpy(key, "scale.", 6);
	do
		digits[n++] = (char)('0' + i % 10);
	while (i /= 10);
	while (n)
		key[len++] = digits[--n];
	memcpy(key + len, ".x", 3);
	return len + 2;
}

/* Several ways in turn. */
struct set {
	struct loop *loops;
	uint32_t n;
	uint64_t turn;
};

static int set_pass(void *arg, uint64_t n)
{
	struct set *s = arg;
	int err = 0;

	for (; n && !err; n--) {
		err = loop_pass(&s->loops[s->turn], 1);
		if (++s->turn == s->n)
			s->turn = 0;
	}
	return err;
}

/* --- bindings ----------------------------------------------------------- */

struct everyone {
	struct loop loop;
	struct mqk_consumer *puller;
	uint32_t *ids;
	uint32_t n;
	uint64_t turn;
};

static int everyone_pass(void *arg, uint64_t n)
{
	struct everyone *e = arg;
	struct mqk_msg msg;
	int ret;

	for (; n; n--) {
		e->loop.key_len = make_key(e->loop.key, (uint32_t)e->turn);
		ret = loop_send(&e->loop, 1);
		if (ret)
			return ret;
		ret = mqk_get(e->puller, e->ids[e->turn], &msg, NULL, 0);
		if (ret <= 0)
			return loop_fail(e->loop.to, ret ? ret : -ENOMSG, "get");
		if (!message_stamped(msg.payload, SIZE, e->loop.sent))
			return loop_fail(NULL, -EBADMSG, "get");
		ret = mqk_ack(e->puller, msg.d.tag);
		if (ret)
			return loop_fail(e->loop.to, ret, "ack");
		if (++e->turn == e->n)
			e->turn = 0;
	}
	return 0;
}

static int bindings_few(uint32_t n, double *cost)
{
	uint32_t many = n < FEW ? n : FEW, i;
	struct loop *loops = calloc(many, sizeof(*loops));
	struct set s = { .loops = loops, .n = many };
	int err = loops ? 0 : -ENOMEM;

	for (i = 0; i < many && !err; i++)
		err = open_loop(&loops[i], (uint32_t)((uint64_t)i * n / many));
	if (!err)
		err = loop_cost(set_pass, &s, MESSAGES, SAMPLES, cost);
	for (i = 0; i < many && loops; i++)
		loop_close(&loops[i]);
	free(loops);
	return err;
}

static int bindings_all(uint32_t n, uint32_t *ids, double *cost)
{
	struct everyone e = { .loop = { .size = SIZE, .batch = 1 }, .ids = ids, .n = n };
	uint64_t messages = n > MESSAGES ? n : MESSAGES;
	int err = loop_open(&e.loop, EXCHANGE, NULL);

	if (!err) {
		err = mqk_puller_open(e.loop.to, NULL, &e.puller);
		if (err)
			loop_fail(e.loop.to, err, "puller");
	}
	if (!err)
		err = loop_cost(everyone_pass, &e, messages, 3, cost);
	mqk_consumer_close(e.puller);
	loop_close(&e.loop);
	return err;
}

static void bindings(uint32_t n)
{
	uint32_t *ids = calloc(n, sizeof(*ids)), i;
	char few[40], all[40];
	struct mqk *m = NULL;
	double cost;
	int err = -ENOMEM;

	snprintf(few, sizeof(few), "bindings-%u-few", n);
	snprintf(all, sizeof(all), "bindings-%u-all", n);
	if (!icount_wanted(few) && !icount_wanted(all))
		goto out;
	if (ids)
		m = fresh(SEGMENT);
	err = m ? 0 : -ENODEV;
	for (i = 0; i < n && !err; i++)
		err = add_queue(m, i, &ids[i]);
	if (err) {
		complain(few);
		goto out;
	}
	if (icount_wanted(few)) {
		if (bindings_few(n, &cost))
			complain(few);
		else
			report(few, "bindings", n, "few", NULL, cost);
	}
	if (icount_wanted(all)) {
		if (bindings_all(n, ids, &cost))
			complain(all);
		else
			report(all, "bindings", n, "all", NULL, cost);
	}
out:
	mqk_close(m);
	free(ids);
}

/* --- messages that wait -------------------------------------------------- */

static int fill(struct loop *l, uint64_t n)
{
	struct mqk_port *one = l->port;
	int err;

	/* In large batches, from another port of the same session. */
	struct mqk_port_opts opts = { .sz = sizeof(opts), .inplace = true, .batch = 256 };

	err = mqk_port_open(l->from, &opts, &l->port);
	if (err) {
		l->port = one;
		return loop_fail(l->from, err, "port");
	}
	err = loop_send(l, n);
	if (!err)
		err = mqk_flush(l->port);
	mqk_port_close(l->port);
	l->port = one;
	return err < 0 ? loop_fail(l->from, err, "fill") : 0;
}

static void report_memory(struct mqk *m, uint64_t n, const struct memory *before,
			  const struct memory *after)
{
	struct mqk_queue_info info = { .sz = sizeof(info) };
	double each = (double)n;

	if (mqk_queue_lookup(m, "q0", &info))
		return;
	info.sz = sizeof(info);
	if (mqk_queue_get(m, info.id, &info))
		return;
	report("index-bytes", "memory", n, NULL, "index_bytes_per_msg",
	       (double)info.index_bytes / each);
	report("kernel-bytes", "memory", n, NULL, "kernel_bytes_per_msg",
	       (double)memory_kernel(before, after) / each);
	report("segment-bytes", "memory", n, NULL, "segment_bytes_per_msg",
	       (double)(after->segments - before->segments) / each);
}

static int loop_pass_any(void *arg, uint64_t n)
{
	return loop_pass(arg, n);
}

static void waiting(uint32_t n)
{
	struct memory before, after;
	struct loop l = { .size = SIZE, .batch = 1, .key = "scale.0.x" };
	struct mqk_consumer_opts opts = { .sz = sizeof(opts), .spin = true };
	bool memory = n >= 1000000 && icount_wanted("index-bytes");
	char name[40];
	struct mqk *m;
	double cost;
	int err;

	snprintf(name, sizeof(name), "waiting-%u", n);
	if (!icount_wanted(name) && !memory)
		return;
	m = fresh(SEGMENT);
	err = m ? add_queue(m, 0, NULL) : -ENODEV;
	if (!err)
		err = loop_open(&l, EXCHANGE, NULL);
	/* What the last case gave back, the kernel gives back a little later. */
	if (memory)
		sleep(2);
	memory_read(&before);
	if (!err)
		err = fill(&l, n);
	memory_read(&after);
	if (!err && memory)
		report_memory(m, n, &before, &after);
	if (!err) {
		err = mqk_consume(l.to, "q0", &opts, &l.consumer);
		if (err)
			loop_fail(l.to, err, "consumer");
	}
	if (!err)
		err = loop_cost(loop_pass_any, &l, MESSAGES, SAMPLES, &cost);
	if (err)
		complain(name);
	else
		report(name, "waiting", n, NULL, NULL, cost);
	loop_close(&l);
	mqk_close(m);
}

/* --- messages that are scheduled ------------------------------------------ */

struct scheduling {
	struct mqk *m;
	struct mqk_port *port;
	uint32_t exchange;
	uint64_t state;
};

/* Later than the bench ends: an hour, and up to eleven days more. */
static uint32_t later(struct scheduling *s)
{
	s->state = s->state * 6364136223846793005ull + 1442695040888963407ull;
	return 3600u * 1000 + (uint32_t)(s->state >> 34) % 1000000000u;
}

/* @n copies, with an id if @headers is given. */
static int schedule(struct scheduling *s, uint32_t n, const struct mqk_headers *headers)
{
	struct mqk_message msg[256];
	char payload[SIZE] = "";
	uint32_t i;
	int ret;

	memset(msg, 0, sizeof(msg));
	for (i = 0; i < n; i++) {
		msg[i].exchange = s->exchange;
		msg[i].flags = MQK_MSG_F_DELAY | (headers ? MQK_MSG_F_ID : 0);
		msg[i].delay = later(s);
		msg[i].key = (uintptr_t)"scale.0.x";
		msg[i].key_len = 9;
		msg[i].payload = (uintptr_t)payload;
		msg[i].payload_len = SIZE;
		if (headers) {
			msg[i].headers = (uintptr_t)headers->buf;
			msg[i].headers_len = (uint16_t)headers->len;
		}
	}
	ret = mqk_publishv(s->port, msg, n);
	return ret == (int)n ? 0 : loop_fail(s->m, ret < 0 ? ret : -EIO, "schedule");
}

static int scheduling_pass(void *arg, uint64_t n)
{
	struct scheduling *s = arg;
	struct mqk_headers h;
	uint64_t gone;
	char buf[64];
	int err;

	mqk_headers_init(&h, buf, sizeof(buf));
	err = mqk_headers_add_string(&h, MQK_PROPERTY_MESSAGE_ID, "one");
	for (; n && !err; n--) {
		err = schedule(s, 1, &h);
		if (!err)
			err = mqk_queue_cancel(s->m, "q0", "one", 3, &gone);
		if (!err && gone != 1)
			err = loop_fail(s->m, -ENOMSG, "cancel");
	}
	return err;
}

static void scheduled(uint32_t n)
{
	struct scheduling s = { .state = 1 };
	struct mqk_headers h;
	char name[40], id[16], buf[64];
	uint32_t left, part, i;
	double cost;
	int err;

	snprintf(name, sizeof(name), "scheduled-%u", n);
	if (!icount_wanted(name))
		return;
	s.m = fresh(SEGMENT);
	err = s.m ? add_queue(s.m, 0, NULL) : -ENODEV;
	if (!err)
		err = mqk_exchange_id(s.m, EXCHANGE, &s.exchange);
	if (!err)
		err = mqk_port_open(s.m, NULL, &s.port);
	for (i = 0, left = n; left && !err; left -= part, i++) {
		part = left < 256 ? left : 256;
		snprintf(id, sizeof(id), "%u", i);
		mqk_headers_init(&h, buf, sizeof(buf));
		err = mqk_headers_add_string(&h, MQK_PROPERTY_MESSAGE_ID, id);
		if (!err)
			err = schedule(&s, part, &h);
	}
	if (!err)
		err = loop_cost(scheduling_pass, &s, MESSAGES / 8, SAMPLES, &cost);
	if (err)
		complain(name);
	else
		report(name, "scheduled", n, NULL, NULL, cost);
	mqk_port_close(s.port);
	mqk_close(s.m);
}

/* --- sessions --------------------------------------------------------------- */

static void sessions(uint32_t n)
{
	struct loop *loops = calloc(n, sizeof(*loops));
	struct rlimit files = { 4 * n + 1024, 4 * n + 1024 };
	struct set one = { .loops = loops, .n = 1 };
	struct set all = { .loops = loops, .n = n };
	char name_one[40], name_all[40];
	struct mqk *m = NULL;
	double cost;
	uint32_t i;
	int err = -ENOMEM;

	snprintf(name_one, sizeof(name_one), "sessions-%u-one", n);
	snprintf(name_all, sizeof(name_all), "sessions-%u-all", n);
	if (!icount_wanted(name_one) && !icount_wanted(name_all))
		goto out;
	setrlimit(RLIMIT_NOFILE, &files);
	/* Each port has a segment open: small ones. */
	m = loops ? fresh(65536) : NULL;
	err = m ? 0 : -ENODEV;
	for (i = 0; i < n && !err; i++) {
		err = add_queue(m, i, NULL);
		if (!err)
			err = open_loop(&loops[i], i);
	}
	if (err) {
		complain(name_all);
		goto out;
	}
	if (icount_wanted(name_one)) {
		if (loop_cost(set_pass, &one, MESSAGES, SAMPLES, &cost))
			complain(name_one);
		else
			report(name_one, "sessions", n, "few", NULL, cost);
	}
	if (icount_wanted(name_all)) {
		if (loop_cost(set_pass, &all, MESSAGES, SAMPLES, &cost))
			complain(name_all);
		else
			report(name_all, "sessions", n, "all", NULL, cost);
	}
out:
	for (i = 0; i < n && loops; i++)
		loop_close(&loops[i]);
	mqk_close(m);
	free(loops);
}

/* --- all ---------------------------------------------------------------------- */

void scale_list(void)
{
	static const uint32_t bindings_n[] = { 1, 1000, 100000 };
	static const uint32_t waiting_n[] = { 0, 10000, 1000000 };
	static const uint32_t sessions_n[] = { 1, 1000 };
	size_t i;

	for (i = 0; i < 3; i++)
		printf("bindings-%u-few\nbindings-%u-all\n", bindings_n[i], bindings_n[i]);
	for (i = 0; i < 3; i++)
		printf("waiting-%u\n", waiting_n[i]);
	for (i = 0; i < 3; i++)
		printf("scheduled-%u\n", waiting_n[i]);
	for (i = 0; i < 2; i++)
		printf("sessions-%u-one\nsessions-%u-all\n", sessions_n[i], sessions_n[i]);
	puts("index-bytes\nkernel-bytes\nsegment-bytes");
}

static void progress(const char *what)
{
	if (isatty(2))
		fprintf(stderr, "\r\033[K%s%s", *what ? "  scale: " : "", what);
}

int scale_run(void)
{
	const char *why = NULL;

	failed = 0;
	if (broker_need(SEGMENT, &why)) {
		printf("# skipped: scale: %s\n", why);
		return 0;
	}
	progress("bindings");
	bindings(1);
	bindings(1000);
	if (!options.quick)
		bindings(100000);
	progress("waiting");
	waiting(0);
	waiting(10000);
	if (!options.quick)
		waiting(1000000);
	progress("sessions");
	sessions(1);
	sessions(1000);
	/* last: what a million of them leave behind is cleared away after their queue */
	progress("scheduled");
	scheduled(0);
	scheduled(10000);
	if (!options.quick)
		scheduled(1000000);
	progress("");
	broker_remove();
	return failed;
}
