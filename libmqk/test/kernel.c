// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * libmqk on the real module: each call once with success and with what it
 * refuses, then the rings under load.  mqk-test: timeout=300
 *
 * Every test has a broker of its own, with small segments.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mqk/mqk.h>

#include "check.h"

#define SEGMENT	65536u

static char name[64];
static struct mqk *control, *m;
static struct mqk_port *p;
static struct mqk_consumer *c;
static struct mqk_msg msg;
static uint32_t direct;			/* an exchange, bound to "q" by "k" */
static uint32_t queue;			/* id of "q" */

#define PORT(...)							\
	(&(struct mqk_port_opts){ .sz = sizeof(struct mqk_port_opts),	\
				  __VA_ARGS__ })
#define CONSUMER(...)							\
	(&(struct mqk_consumer_opts){					\
		.sz = sizeof(struct mqk_consumer_opts), __VA_ARGS__ })
#define QUEUE_INFO	{ .sz = sizeof(struct mqk_queue_info) }

static void drop_broker(void)
{
	mqk_port_close(p);
	mqk_consumer_close(c);
	mqk_close(m);
	p = NULL;
	c = NULL;
	m = NULL;
	if (*name)
		mqk_broker_delete(control, name, MQK_BROKER_DELETE_F_FORCE);
	*name = 0;
}

static void make_broker(const struct mqk_broker_opts *opts)
{
	struct mqk_broker_opts o = { .sz = sizeof(o) };
	struct mqk_queue_info qi = QUEUE_INFO;
	static int n;

	drop_broker();
	if (opts)
		o = *opts;
	o.segment_size = SEGMENT;
	snprintf(name, sizeof(name), "libmqk-%d-%d", (int)getpid(), n++);
	CHECK_EQ(mqk_broker_create(control, name, &o), 0);
	CHECK_EQ(mqk_open(name, 0, &m), 0);
	CHECK_EQ(mqk_exchange_declare(m, "x", MQK_EXCHANGE_DIRECT, NULL,
				      &direct), 0);
	CHECK_EQ(mqk_queue_declare(m, "q", NULL, &qi), 0);
	CHECK_EQ(mqk_bind(m, "x", "q", MQK_STR("k"), NULL, 0), 0);
	queue = qi.id;
}

static void make_rings(const struct mqk_port_opts *po,
		       const struct mqk_consumer_opts *co)
{
	make_broker(NULL);
	CHECK_EQ(mqk_port_open(m, po, &p), 0);
	if (co)
		CHECK_EQ(mqk_consume(m, "q", co, &c), 0);
}

static void fill(unsigned char *to, size_t len, uint32_t n)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = (unsigned char)(n * 7 + i * 13 + len);
}

static bool filled(const void *from, size_t len, uint32_t n)
{
	const unsigned char *b = from;
	size_t i;

	for (i = 0; i < len; i++)
		if (b[i] != (unsigned char)(n * 7 + i * 13 + len))
			return false;
	return true;
}

/* The headers carry the number. */
static int put(uint32_t n, size_t len)
{
	unsigned char buf[32];
	struct mqk_headers h;
	void *to;
	int err;

	mqk_headers_init(&h, buf, sizeof(buf));
	err = mqk_headers_add_int(&h, "number", n);
	if (!err)
		err = mqk_reserve(p, direct, "k", 1, buf, h.len, len, 0, &to);
	if (err)
		return err;
	fill(to, len, n);
	return mqk_commit(p);
}

static bool is(uint32_t n, size_t len)
{
	struct mqk_header_view v;
	int64_t number;

	return msg.d.payload_len == len && filled(msg.payload, len, n) &&
	       msg.d.key_len == 1 && *(const char *)msg.key == 'k' &&
	       msg.d.exchange == direct && msg.d.queue == queue &&
	       mqk_headers_find(msg.headers, msg.d.headers_len, "number",
				&v) == 1 &&
	       !mqk_header_int(&v, &number) && number == n;
}

#define EXPECT_NEXT(n, len)						\
	do {								\
		CHECK_EQ(mqk_next(c, &msg), 1);				\
		CHECK(is(n, len));					\
	} while (0)

/* Sessions and topology ---------------------------------------------------- */

static void session(void)
{
	struct mqk_query q = { .size = sizeof(q) };
	struct mqk_stat s = { .size = sizeof(s) };
	struct mqk_error e = { .size = sizeof(e) };
	char text[MQK_ERROR_TEXT_MAX];
	struct mqk *other;

	make_broker(NULL);
	CHECK_EQ(mqk_query(m, &q), 0);
	CHECK_EQ(q.abi, MQK_ABI);
	CHECK_EQ(q.segment_size, SEGMENT);
	CHECK_EQ(q.access, MQK_ACCESS_READ | MQK_ACCESS_WRITE | MQK_ACCESS_MAP);
	CHECK_EQ(mqk_stat(m, &s), 0);
	CHECK_EQ(mqk_last_error(m, &e), 0);
	CHECK_EQ(e.error, 0);
	CHECK_EQ(mqk_consume(m, "nope", NULL, &c), -ENOENT);
	CHECK_EQ(mqk_last_error(m, &e), 0);
	CHECK_EQ(e.error, ENOENT);
	CHECK_EQ(e.rule, MQK_RULE_NO_QUEUE);
	CHECK(mqk_error_text(&e, text, sizeof(text)) > 0);
	CHECK(strstr(text, "queue"));
	CHECK_EQ(mqk_open("libmqk-no-such", 0, &other), -ENOENT);
	CHECK_EQ(mqk_open("/dev/null", 0, &other), -ENOTTY);
	CHECK_EQ(mqk_query(control, &q), 0);
	CHECK_EQ(mqk_stat(control, &s), -ENOTTY);
}

static void brokers(void)
{
	struct mqk_broker_info b = { .sz = sizeof(b) };
	struct mqk_stat s = { .size = sizeof(s) };
	bool found = false;

	make_broker(NULL);
	CHECK_EQ(mqk_broker_create(control, name, NULL), -EEXIST);
	CHECK_EQ(mqk_broker_create(control, "a/b", NULL), -EINVAL);
	while (mqk_broker_next(control, &b) == 1)
		if (!strcmp(b.name, name))
			found = b.segment_size == SEGMENT;
	CHECK(found);
	CHECK_EQ(mqk_broker_delete(control, name, 0), -EBUSY);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	CHECK_EQ(mqk_broker_delete(control, name, MQK_BROKER_DELETE_F_FORCE), 0);
	CHECK_EQ(mqk_broker_delete(control, name, 0), -ENOENT);
	CHECK_EQ(mqk_stat(m, &s), -ESHUTDOWN);
	CHECK_EQ(mqk_next(c, &msg), -ESHUTDOWN);
	CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), -ESHUTDOWN);
}

static void exchanges(void)
{
	struct mqk_exchange_opts internal = { .sz = sizeof(internal),
					      .internal = true };
	struct mqk_exchange_info x = { .sz = sizeof(x) };
	uint32_t id, again, n = 0;

	make_broker(NULL);
	CHECK_EQ(mqk_exchange_id(m, "", &id), 0);
	CHECK_EQ(mqk_exchange_id(m, "none", &id), -ENOENT);
	CHECK_EQ(mqk_exchange_declare(m, "t", MQK_EXCHANGE_TOPIC, NULL, &id), 0);
	CHECK_EQ(mqk_exchange_declare(m, "t", MQK_EXCHANGE_TOPIC, NULL, &again), 0);
	CHECK_EQ(id, again);
	CHECK_EQ(mqk_exchange_declare(m, "t", MQK_EXCHANGE_FANOUT, NULL, NULL),
		 -EINVAL);
	CHECK_EQ(mqk_exchange_declare(m, "amq.t", MQK_EXCHANGE_TOPIC, NULL, NULL),
		 -EACCES);
	CHECK_EQ(mqk_exchange_declare(m, "", MQK_EXCHANGE_TOPIC, NULL, NULL),
		 -EACCES);
	CHECK_EQ(mqk_exchange_declare(m, "i", MQK_EXCHANGE_FANOUT, &internal,
				      NULL), 0);
	CHECK_EQ(mqk_exchange_id(m, "t", &again), 0);
	CHECK_EQ(id, again);
	while (mqk_exchange_next(m, &x) == 1)
		n += x.id == id && !strcmp(x.name, "t") &&
		     x.type == MQK_EXCHANGE_TOPIC;
	CHECK_EQ(n, 1);
	CHECK_EQ(mqk_exchange_get(m, direct, &x), 0);
	CHECK(!strcmp(x.name, "x") && x.bindings == 1);
	CHECK_EQ(mqk_exchange_delete(m, "x", MQK_DELETE_F_IF_UNUSED), -EBUSY);
	CHECK_EQ(mqk_exchange_delete(m, "t", MQK_DELETE_F_IF_UNUSED), 0);
	CHECK_EQ(mqk_exchange_delete(m, "t", 0), 0);
	CHECK_EQ(mqk_exchange_delete(m, "", 0), -EACCES);
	CHECK_EQ(mqk_exchange_get(m, id, &x), -ENOENT);
}

static void queues(void)
{
	struct mqk_queue_opts exclusive = { .sz = sizeof(exclusive),
					    .exclusive = true };
	struct mqk_queue_info a = QUEUE_INFO, b = QUEUE_INFO, i = QUEUE_INFO;
	struct mqk *other;
	uint64_t n;
	int count = 0;

	make_broker(NULL);
	CHECK_EQ(mqk_queue_declare(m, NULL, &exclusive, &a), 0);
	CHECK(!strncmp(a.name, "amq.gen-", 8));
	CHECK_EQ(mqk_queue_lookup(m, a.name, &b), 0);
	CHECK_EQ(a.id, b.id);
	CHECK_EQ(mqk_open(name, 0, &other), 0);
	CHECK_EQ(mqk_queue_lookup(other, a.name, &b), -EBUSY);
	mqk_close(other);
	CHECK_EQ(mqk_queue_lookup(m, "none", &b), -ENOENT);
	CHECK_EQ(mqk_queue_declare(m, "q", &exclusive, NULL), -EINVAL);
	while (mqk_queue_next(m, &i) == 1)
		count++;
	CHECK_EQ(count, 2);
	CHECK_EQ(mqk_port_open(m, NULL, &p), 0);
	CHECK_EQ(mqk_publish(p, direct, "k", 1, "hello", 5, 0), 0);
	CHECK_EQ(mqk_queue_get(m, queue, &b), 0);
	CHECK(b.ready == 1 && b.bytes == 5 && b.published == 1);
	CHECK_EQ(mqk_queue_delete(m, "q", MQK_DELETE_F_IF_EMPTY, NULL), -EBUSY);
	CHECK_EQ(mqk_queue_purge(m, "q", &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(mqk_queue_purge(m, "none", &n), -ENOENT);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	CHECK_EQ(mqk_queue_delete(m, "q", MQK_DELETE_F_IF_UNUSED, NULL), -EBUSY);
	CHECK_EQ(mqk_queue_delete(m, "q", 0, &n), 0);
	CHECK_EQ(mqk_queue_delete(m, "q", 0, &n), 0);
	CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), -ENOENT);
}

static void bindings(void)
{
	uint32_t ids[4], id;

	make_broker(NULL);
	CHECK_EQ(mqk_exchange_declare(m, "t", MQK_EXCHANGE_TOPIC, NULL, &id), 0);
	CHECK_EQ(mqk_queue_declare(m, "r", NULL, NULL), 0);
	CHECK_EQ(mqk_bind(m, "t", "q", MQK_STR("a.*"), NULL, 0), 0);
	CHECK_EQ(mqk_bind(m, "t", "q", MQK_STR("a.*"), NULL, 0), 0);
	CHECK_EQ(mqk_bind(m, "t", "r", MQK_STR("#"), NULL, 0), 0);
	CHECK_EQ(mqk_bind(m, "none", "r", MQK_STR("#"), NULL, 0), -ENOENT);
	CHECK_EQ(mqk_bind(m, "", "r", MQK_STR("#"), NULL, 0), -EACCES);
	CHECK_EQ(mqk_route(m, "t", MQK_STR("a.b"), NULL, 0, 0, ids, 4), 2);
	CHECK(ids[0] == queue || ids[1] == queue);
	CHECK_EQ(mqk_route(m, "t", MQK_STR("a.b"), NULL, 0, 0, NULL, 0), 2);
	CHECK_EQ(mqk_route(m, "t", MQK_STR("b"), NULL, 0, 0, ids, 4), 1);
	CHECK_EQ(mqk_route(m, "", MQK_STR("q"), NULL, 0, 0, ids, 4), 1);
	CHECK_EQ(ids[0], queue);
	CHECK_EQ(mqk_unbind(m, "t", "r", MQK_STR("#"), NULL, 0), 0);
	CHECK_EQ(mqk_unbind(m, "t", "r", MQK_STR("#"), NULL, 0), 0);
	CHECK_EQ(mqk_route(m, "t", MQK_STR("b"), NULL, 0, 0, ids, 4), 0);
}

static int seen_binding(const struct mqk_binding_info *info, void *arg)
{
	uint32_t *mask = arg;
	int i;

	CHECK_EQ(info->queue_id, queue);
	CHECK(!strcmp(info->queue, "q") && !strcmp(info->exchange, "t"));
	CHECK_EQ(info->key_len, 3);
	i = ((const char *)info->key)[2] - 'a';
	CHECK(!memcmp(info->key, "k.", 2) && i >= 0 && i < 26);
	CHECK(info->args_len == (i ? 0 : 16) && info->number);
	if (!i)
		CHECK_EQ(mqk_headers_check(info->args, info->args_len), 1);
	CHECK(!(*mask & 1u << i));
	*mask |= 1u << i;
	return i == 25 ? 7 : 0;
}

static int seen_producer(const struct mqk_producer_info *info, void *arg)
{
	int *count = arg;

	CHECK(!strcmp(info->name, "the-one") && info->number && !info->last);
	CHECK(info->flags == MQK_PRODUCER_F_OPEN && info->pid == (uint32_t)getpid());
	CHECK(info->uid == getuid() && info->gid == getgid() && info->mode == 0600);
	++*count;
	return 0;
}

static int seen_consumer(const struct mqk_consumer_info *info, void *arg)
{
	int *count = arg;

	CHECK_EQ(info->pid, getpid());
	CHECK_EQ(info->uid, getuid());
	CHECK(info->session && info->number && info->id && !info->error);
	if (info->queue) {
		CHECK(!strcmp(info->queue, "q") && info->queue_id == queue);
		CHECK(info->prefetch == 5 && !info->unacked);
	} else {
		CHECK(info->flags & MQK_CONSUMER_F_PULL && !info->queue_id);
	}
	++*count;
	return 0;
}

static void lists(void)
{
	struct mqk_consumer_opts o = { .sz = sizeof(o), .prefetch = 5 };
	struct mqk_port_opts po = { .sz = sizeof(po), .producer = "the-one" };
	struct mqk_consumer *pull;
	struct mqk_port *named;
	struct mqk_headers h;
	uint32_t id, mask = 0;
	char key[] = "k.a", buf[64];
	int count = 0;

	make_broker(NULL);
	CHECK_EQ(mqk_exchange_declare(m, "t", MQK_EXCHANGE_TOPIC, NULL, &id), 0);
	CHECK_EQ(mqk_unbind(m, "x", "q", MQK_STR("k"), NULL, 0), 0);
	mqk_headers_init(&h, buf, sizeof(buf));
	CHECK_EQ(mqk_headers_add_int(&h, "n", 1), 0);
	CHECK_EQ(mqk_bind(m, "t", "q", key, 3, h.buf, h.len), 0);
	for (key[2] = 'b'; key[2] <= 'z'; key[2]++)
		CHECK_EQ(mqk_bind(m, "t", "q", key, 3, NULL, 0), 0);
	CHECK_EQ(mqk_binding_list(m, seen_binding, &mask), 7);
	CHECK_EQ(mask, (1u << 26) - 1);

	CHECK_EQ(mqk_consumer_list(m, seen_consumer, &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(mqk_consume(m, "q", &o, &c), 0);
	CHECK_EQ(mqk_puller_open(m, NULL, &pull), 0);
	CHECK_EQ(mqk_consumer_list(m, seen_consumer, &count), 0);
	CHECK_EQ(count, 2);
	mqk_consumer_close(pull);
	CHECK_EQ(mqk_consumer_list(m, seen_consumer, &count), 0);
	CHECK_EQ(count, 3);

	count = 0;
	CHECK_EQ(mqk_producer_list(m, seen_producer, &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(mqk_port_open(m, &po, &named), 0);
	CHECK_EQ(mqk_producer_list(m, seen_producer, &count), 0);
	CHECK_EQ(count, 1);
	mqk_port_close(named);
	CHECK_EQ(mqk_producer_list(m, seen_producer, &count), 0);
	CHECK_EQ(count, 1);
}

static void limits(void)
{
	struct mqk_broker_opts o = { .sz = sizeof(o) };
	struct mqk_error e = { .size = sizeof(e) };
	char text[MQK_ERROR_TEXT_MAX];

	o.limit[MQK_RES_QUEUES] = 2;
	make_broker(&o);
	CHECK_EQ(mqk_queue_declare(m, "two", NULL, NULL), 0);
	CHECK_EQ(mqk_queue_declare(m, "three", NULL, NULL), -ENOSPC);
	CHECK_EQ(mqk_last_error(m, &e), 0);
	CHECK_EQ(e.rule, MQK_RULE_BROKER_LIMIT);
	CHECK_EQ(e.resource, MQK_RES_QUEUES);
	CHECK(e.limit == 2 && e.used == 2);
	CHECK(mqk_error_text(&e, text, sizeof(text)) > 0);
	CHECK(strstr(text, "2 queues"));
}

/* Publishing and receiving ------------------------------------------------- */

static void copies(void)
{
	struct mqk_message v[5];
	unsigned int i;

	make_rings(PORT(.confirm = true), CONSUMER(.copy = true));
	memset(v, 0, sizeof(v));
	for (i = 0; i < 5; i++) {
		v[i].exchange = direct;
		v[i].key = (uintptr_t)"k";
		v[i].key_len = 1;
		v[i].payload = (uintptr_t)"payload";
		v[i].payload_len = i;
	}
	CHECK_EQ(mqk_publishv(p, v, 5), 5);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), 0);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(mqk_next(c, &msg), 1);
		CHECK_EQ(msg.d.payload_len, i);
		CHECK(!memcmp(msg.payload, "payload", i));
		CHECK_EQ(msg.d.pid, getpid());
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	CHECK_EQ(mqk_settle(c), 5);
	v[2].exchange = 999999;
	CHECK_EQ(mqk_publishv(p, v, 5), 2);
	CHECK_EQ(mqk_publishv(p, v + 2, 3), -ENOENT);
	CHECK_EQ(mqk_port_seq(p), 7);
	CHECK_EQ(mqk_publish(p, direct, MQK_STR("nobody"), "x", 1,
			     MQK_MSG_F_MANDATORY), 0);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), -ENOENT);
	CHECK_EQ(mqk_publish(p, direct, MQK_STR("nobody"), "x", 1, 0), 0);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), 0);
	drop_broker();
}

static void in_place(void)
{
	static const size_t jumbo[] = { 65473, 100000, 3000000 };
	unsigned int i, seed = 5;
	void *to;

	make_rings(PORT(.inplace = true, .batch = 3), CONSUMER(.entries = 64));
	for (i = 0; i < 2000; i++) {
		size_t len = (unsigned int)rand_r(&seed) % 2000;

		CHECK_EQ(put(i, len), 0);
		CHECK(mqk_flush(p) >= 0);
		EXPECT_NEXT(i, len);
		CHECK_EQ((uintptr_t)msg.payload % 64, 0);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	for (i = 0; i < 9; i++) {
		CHECK_EQ(put(i, jumbo[i % 3]), 0);
		CHECK(mqk_flush(p) >= 0);
		EXPECT_NEXT(i, jumbo[i % 3]);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
		CHECK_EQ(put(i, 10), 0);
		CHECK(mqk_flush(p) >= 0);
		EXPECT_NEXT(i, 10);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	/* A large reservation that becomes a small record. */
	CHECK_EQ(mqk_reserve(p, direct, "k", 1, NULL, 0, 300000, 0, &to), 0);
	memcpy(to, "small", 5);
	CHECK_EQ(mqk_commit_len(p, 5), 0);
	CHECK(mqk_flush(p) >= 0);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK(msg.d.payload_len == 5 && !memcmp(msg.payload, "small", 5));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_reserve(p, direct, "k", 1, NULL, 0, UINT32_MAX, 0, &to),
		 -EMSGSIZE);
	/* The segment that was open stays so. */
	CHECK_EQ(put(1, 1), 0);
	CHECK_EQ(mqk_publish(p, direct, "k", 1, "copy", 4, 0), 0);
	EXPECT_NEXT(1, 1);
	CHECK_EQ(mqk_next(c, &msg), 1);
	CHECK_EQ(msg.d.payload_len, 4);
	CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK(mqk_settle(c) >= 2);
	drop_broker();
}

/* The kernel drops segments that it does not need: nothing stale is read. */
static void segments_come_and_go(void)
{
	unsigned int i, round;

	make_rings(PORT(.inplace = true, .batch = MQK_BATCH_MANUAL), NULL);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 800; i++)	/* 50 MiB */
			CHECK_EQ(put(i + round, 60000), 0);
		CHECK(mqk_flush(p) > 0);
		CHECK_EQ(mqk_consume(m, "q", CONSUMER(.entries = 16), &c), 0);
		for (i = 0; i < 800; i++) {
			EXPECT_NEXT(i + round, 60000);
			CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
		}
		mqk_consumer_close(c);
		c = NULL;
	}
	drop_broker();
}

static void returning(void)
{
	unsigned int i;

	make_rings(PORT(.inplace = true), CONSUMER(.prefetch = 4));
	for (i = 0; i < 4; i++)
		CHECK_EQ(put(i, 8), 0);
	for (i = 0; i < 4; i++)
		EXPECT_NEXT(i, 8);
	CHECK_EQ(mqk_nack(c, msg.d.tag, true, true), 0);
	CHECK_EQ(mqk_settle(c), 4);
	for (i = 0; i < 4; i++) {
		EXPECT_NEXT(i, 8);
		CHECK_EQ(msg.d.flags, MQK_DELIVERY_F_REDELIVERED);
		CHECK_EQ(msg.d.count, 1);
	}
	mqk_consumer_close(c);
	CHECK_EQ(mqk_consume(m, "q", CONSUMER(.exclusive = true), &c), 0);
	EXPECT_NEXT(0, 8);
	CHECK_EQ(mqk_reject(c, msg.d.tag, false), 0);
	EXPECT_NEXT(1, 8);
	CHECK_EQ(mqk_consumer_prefetch(c, 1), 0);
	CHECK_EQ(mqk_cancel(c), 0);
	EXPECT_NEXT(2, 8);
	EXPECT_NEXT(3, 8);
	CHECK_EQ(mqk_ack_multiple(c, msg.d.tag), 0);
	CHECK_EQ(mqk_next(c, &msg), -ECANCELED);
	CHECK_EQ(mqk_settle(c), 3);
	/* A tag that is not outstanding ends the consumer. */
	CHECK_EQ(mqk_ack(c, 12345), 0);
	CHECK_EQ(mqk_settle(c), -EINVAL);
	CHECK_EQ(mqk_next(c, &msg), -EINVAL);
	drop_broker();
}

static void noack(void)
{
	unsigned int i;

	make_rings(PORT(.inplace = true, .batch = 50),
		   CONSUMER(.noack = true, .entries = 16));
	for (i = 0; i < 1000; i++)
		CHECK_EQ(put(i, i % 100 ? 500 : 80000), 0);
	CHECK(mqk_flush(p) >= 0);
	for (i = 0; i < 1000; i++)
		EXPECT_NEXT(i, i % 100 ? 500 : 80000);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(mqk_ack(c, 1), -EINVAL);
	drop_broker();
}

static void pulling(void)
{
	struct mqk_buffer buf = { NULL, 0 };
	uint64_t seq = 0, ready;
	unsigned int i, pass;

	make_rings(PORT(.inplace = true), NULL);
	for (i = 0; i < 5; i++)
		CHECK_EQ(put(i, i == 3 ? 90000 : 5000), 0);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(mqk_browse(m, queue, &seq, &msg, &buf), 1);
		CHECK(is(i, i == 3 ? 90000 : 5000));
	}
	CHECK_EQ(mqk_browse(m, queue, &seq, &msg, &buf), 0);
	CHECK_EQ(mqk_browse(m, 999999, &seq, &msg, &buf), -ENOENT);
	mqk_buffer_free(&buf);
	for (pass = 0; pass < 3; pass++) {
		CHECK_EQ(mqk_puller_open(m, CONSUMER(.noack = pass == 2,
						     .copy = pass == 1), &c), 0);
		for (i = 0; i < 5; i++) {
			CHECK_EQ(mqk_get(c, queue, &msg, &ready, 0), 1);
			CHECK(is(i, i == 3 ? 90000 : 5000));
			CHECK_EQ(ready, 4 - i);
		}
		CHECK_EQ(mqk_get(c, queue, &msg, &ready, 0), 0);
		CHECK_EQ(mqk_get(c, queue, &msg, &ready, 1000000), 0);
		CHECK_EQ(mqk_get(c, 999999, &msg, &ready, 0), -ENOENT);
		if (pass == 0)
			CHECK_EQ(mqk_nack(c, 0, true, true), 0);
		mqk_consumer_close(c);
		c = NULL;
	}
	drop_broker();
}

static void completions_stop(void)
{
	struct mqk_completion done;
	unsigned int i;
	int ret = 0;

	make_rings(PORT(.inplace = true, .confirm = true, .entries = 16), NULL);
	for (i = 0; i < 100 && !ret; i++)
		ret = put(i, 8);
	CHECK_EQ(ret, -EAGAIN);
	CHECK_EQ(mqk_port_seq(p), i);
	CHECK_EQ(mqk_flush(p), -EAGAIN);
	CHECK_EQ(mqk_completion_next(p, &done), 1);
	CHECK(done.type == MQK_COMPLETION_CONFIRM && done.seq == 1);
	CHECK_EQ(done.queues, 1);
	CHECK_EQ(mqk_port_wait(p, MQK_FOREVER), 1);
	CHECK_EQ(mqk_confirm_wait(p, 0, MQK_FOREVER), 0);
	CHECK_EQ(mqk_port_confirmed(p), i);
	CHECK_EQ(mqk_port_wait(p, 1000000), 0);
	drop_broker();
}

/* A session for one direction has mappings and rights for that alone. */
static void one_way(void)
{
	struct mqk_broker_opts nomap = { .sz = sizeof(nomap), .nomap = true };
	struct mqk *reader, *writer;
	int pass;

	for (pass = 0; pass < 2; pass++) {
		make_broker(pass ? &nomap : NULL);
		CHECK_EQ(mqk_open(name, MQK_OPEN_CONSUME, &reader), 0);
		CHECK_EQ(mqk_open(name, MQK_OPEN_PUBLISH, &writer), 0);
		CHECK_EQ(mqk_consume(writer, "q", NULL, &c), -EACCES);
		CHECK_EQ(mqk_port_open(reader, NULL, &p), -EACCES);
		CHECK_EQ(mqk_consume(reader, "q", NULL, &c), 0);
		CHECK_EQ(mqk_consumer_copies(c), pass);
		CHECK_EQ(mqk_port_open(writer, PORT(.inplace = true), &p), 0);
		mqk_close(reader);
		mqk_close(writer);
		CHECK_EQ(put(3, 70000), 0);
		CHECK_EQ(put(4, 700), 0);
		CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), 1);
		CHECK(is(3, 70000));
		CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), 1);
		CHECK(is(4, 700));
		CHECK_EQ(mqk_ack_multiple(c, 0), 0);
		drop_broker();
	}
}

static void polling(void)
{
	struct pollfd fd = { .events = POLLIN };
	struct mqk_completion done;

	make_rings(PORT(.inplace = true, .confirm = true), CONSUMER(.prefetch = 0));
	fd.fd = mqk_fd(m);
	CHECK_EQ(mqk_next(c, &msg), 0);
	CHECK_EQ(poll(&fd, 1, 0) && fd.revents & POLLIN, 0);
	CHECK_EQ(put(1, 1), 0);
	CHECK_EQ(poll(&fd, 1, -1), 1);
	CHECK(fd.revents & POLLIN);
	CHECK_EQ(mqk_consumer_arm(c), 1);
	EXPECT_NEXT(1, 1);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_consumer_arm(c), 0);
	CHECK_EQ(mqk_completion_next(p, &done), 1);
	CHECK_EQ(mqk_completion_next(p, &done), 0);
	CHECK_EQ(poll(&fd, 1, 0) && fd.revents & POLLIN, 0);
	CHECK_EQ(mqk_broker_delete(control, name, MQK_BROKER_DELETE_F_FORCE), 0);
	CHECK_EQ(poll(&fd, 1, -1), 1);
	CHECK(fd.revents & POLLHUP);
	drop_broker();
}

/* What a consumer had when it was killed comes again, in its old order. */
static void death(void)
{
	unsigned int i;
	int status;
	pid_t pid;

	make_rings(PORT(.inplace = true), NULL);
	for (i = 0; i < 10; i++)
		CHECK_EQ(put(i, 100), 0);
	pid = fork();
	if (!pid) {
		struct mqk *mine;

		if (mqk_open(name, MQK_OPEN_CONSUME, &mine) ||
		    mqk_consume(mine, "q", NULL, &c))
			_exit(1);
		for (i = 0; i < 5; i++)
			if (mqk_recv(c, &msg, MQK_FOREVER) != 1)
				_exit(2);
		/* Written, and never handed over by a call. */
		if (mqk_ack_multiple(c, 2))
			_exit(3);
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	for (i = 2; i < 10; i++) {
		CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), 1);
		CHECK(is(i, 100));
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	drop_broker();
}

#define RACES	20000u

static void *produce(void *unused)
{
	uintptr_t i;

	for (i = 0; i < RACES; i++)
		if (put((uint32_t)i, i % 700))
			break;
	return (void *)(mqk_flush(p) < 0 ? 0 : i + (uintptr_t)unused);
}

static void race(const struct mqk_port_opts *po,
		 const struct mqk_consumer_opts *co)
{
	pthread_t thread;
	uint32_t i;
	void *done;

	make_rings(po, co);
	pthread_create(&thread, NULL, produce, NULL);
	for (i = 0; i < RACES; i++) {
		CHECK_EQ(mqk_recv(c, &msg, MQK_FOREVER), 1);
		CHECK(is(i, i % 700));
		if (!co->noack)
			CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	pthread_join(thread, &done);
	CHECK_EQ((uintptr_t)done, RACES);
	drop_broker();
}

static void race_sleep(void)
{
	race(PORT(.inplace = true), CONSUMER(.prefetch = 16));
}

static void race_spin(void)
{
	race(PORT(.inplace = true, .batch = 32),
	     CONSUMER(.spin_ns = 20000, .entries = 128));
}

static void race_noack(void)
{
	race(PORT(.inplace = true, .batch = 8),
	     CONSUMER(.noack = true, .entries = 16));
}

static void race_copy(void)
{
	race(PORT(.inplace = true, .batch = 8),
	     CONSUMER(.copy = true, .spin_ns = 20000));
}

/* Requests and replies ------------------------------------------------------ */

static uint32_t default_exchange(void)
{
	uint32_t id = 0;

	CHECK_EQ(mqk_exchange_id(m, "", &id), 0);
	return id;
}

/* Replies with the request's data doubled; "stop" ends, "none" is not replied to,
 * "bad" is rejected, "late" is replied to twice: with the id of the last request
 * that was not replied to, then its own.
 */
static struct {
	char id[64];
} unanswered;

static int double_it(struct mqk_port *port, const struct mqk_msg *request,
		     void *arg)
{
	struct mqk_properties props = { .sz = sizeof(props) };
	size_t len = request->d.payload_len;
	char text[64];

	(*(int *)arg)++;
	if (len == 3 && !memcmp(request->payload, "bad", 3))
		return -1;
	CHECK(mqk_properties_get(request, &props) >= 2);
	if (len == 4 && !memcmp(request->payload, "none", 4)) {
		snprintf(unanswered.id, sizeof(unanswered.id), "%.*s",
			 (int)props.correlation_id.len, props.correlation_id.at);
		return 0;
	}
	if (len == 4 && !memcmp(request->payload, "late", 4)) {
		struct mqk_properties old = { .sz = sizeof(old),
			.correlation_id = MQK_TEXT(unanswered.id) };
		unsigned char buf[256];
		struct mqk_headers h;
		struct mqk_message stale = {
			.exchange = *((uint32_t *)arg + 1),
			.key = (uintptr_t)props.reply_to.at,
			.key_len = (uint8_t)props.reply_to.len,
			.headers = (uintptr_t)buf,
			.payload = (uintptr_t)"stale", .payload_len = 5,
		};

		/* of another request, without any id, with garbage */
		mqk_headers_init(&h, buf, sizeof(buf));
		CHECK_EQ(mqk_properties_add(&h, &old), 0);
		stale.headers_len = (uint16_t)h.len;
		CHECK_EQ(mqk_publishv(port, &stale, 1), 1);
		stale.headers_len = 0;
		CHECK_EQ(mqk_publishv(port, &stale, 1), 1);
	}
	memcpy(text, request->payload, len);
	memcpy(text + len, request->payload, len);
	CHECK_EQ(mqk_reply(port, request, text, 2 * len), 0);
	return len == 4 && !memcmp(text, "stop", 4) ? 7 : 0;
}

struct served {
	int requests;
	uint32_t exchange;
	int ret;
};

static void *server(void *arg)
{
	struct served *s = arg;

	s->ret = mqk_serve(c, p, double_it, s, MQK_FOREVER);
	return NULL;
}

#define CALL(text, ns) \
	mqk_call(caller, exchange, MQK_STR("q"), MQK_STR(text), &msg, ns)
#define REPLIED(text) \
	(msg.d.payload_len == strlen(text) && \
	 !memcmp(msg.payload, text, strlen(text)))
#define LONG	60000000000ll

static void calling(void)
{
	struct served s = { .ret = -1 };
	struct mqk_caller *caller, *other;
	struct mqk_queue_info qi = QUEUE_INFO;
	pthread_t thread;
	uint32_t exchange;

	make_rings(PORT(0), CONSUMER(.prefetch = 1));
	exchange = s.exchange = default_exchange();
	CHECK_EQ(mqk_caller_open(m, NULL, &caller), 0);
	CHECK_EQ(strncmp(mqk_caller_address(caller), "amq.reply-", 10), 0);
	CHECK_EQ(pthread_create(&thread, NULL, server, &s), 0);
	CHECK_EQ(CALL("ab", LONG), 0);
	CHECK(REPLIED("abab"));
	CHECK_EQ(CALL("", LONG), 0);
	CHECK(REPLIED(""));
	/* too late: neither its reply nor any other is taken for the next one's */
	CHECK_EQ(CALL("none", 200000000), -ETIMEDOUT);
	CHECK_EQ(CALL("late", LONG), 0);
	CHECK(REPLIED("latelate"));
	CHECK_EQ(CALL("bad", 200000000), -ETIMEDOUT);
	CHECK_EQ(mqk_caller_open(m, NULL, &other), 0);
	CHECK(strcmp(mqk_caller_address(caller), mqk_caller_address(other)));
	CHECK_EQ(mqk_call(other, exchange, MQK_STR("q"), MQK_STR("cd"), &msg,
			  LONG), 0);
	CHECK(REPLIED("cdcd"));
	mqk_caller_close(other);
	CHECK_EQ(CALL("stop", LONG), 0);
	CHECK(REPLIED("stopstop"));
	pthread_join(thread, NULL);
	CHECK_EQ(s.ret, 7);
	CHECK_EQ(s.requests, 7);
	qi.id = queue;
	CHECK_EQ(mqk_queue_get(m, queue, &qi), 0);
	CHECK_EQ(qi.acked, 6);
	CHECK_EQ(qi.dropped, 1);
	CHECK_EQ(qi.unacked, 0);

	CHECK_EQ(CALL("ab", 0), -ETIMEDOUT);
	CHECK_EQ(mqk_call(caller, exchange, MQK_STR("nobody"), MQK_STR("x"),
			  &msg, LONG), -ENOENT);
	CHECK_EQ(mqk_call(caller, 4711, MQK_STR("q"), MQK_STR("x"), &msg, LONG),
		 -ENOENT);
	CHECK_EQ(mqk_call(caller, exchange, NULL, 1, "", 0, &msg, 0), -EINVAL);
	CHECK_EQ(mqk_callv(caller, NULL, &msg, 0), -EINVAL);
	/* without an address there is nobody to reply to */
	CHECK_EQ(mqk_publish(p, exchange, MQK_STR("q"), "", 0, 0), 0);
	CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
	/* the one that was not waited for comes first */
	while (msg.d.headers_len) {
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
		CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
	}
	CHECK_EQ(mqk_reply(p, &msg, "x", 1), -EDESTADDRREQ);
	CHECK_EQ(mqk_serve(c, p, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(mqk_serve(c, p, double_it, &s, 1000000), 0);
	mqk_caller_close(caller);
	mqk_caller_close(NULL);
	CHECK_EQ(mqk_caller_open(m, NULL, NULL), -EINVAL);
	drop_broker();
}

/* A child that has a will, and ends in one way or another. */
static void will_of(bool goodbye, uint64_t delay)
{
	struct mqk_message will = {
		.exchange = direct, .key = (uintptr_t)"k", .key_len = 1,
		.payload = (uintptr_t)"died", .payload_len = 4,
	};
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct mqk *own;

		if (mqk_open(name, 0, &own) || mqk_will(own, &will, delay))
			_exit(1);
		if (goodbye)
			mqk_close(own);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void wills(void)
{
	struct mqk_message large = {
		.exchange = 1, .payload = (uintptr_t)name,
		.payload_len = MQK_WILL_MAX,
	};

	make_broker(NULL);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	will_of(true, 0);
	will_of(true, 1);
	CHECK_EQ(mqk_recv(c, &msg, 100000000), 0);
	will_of(false, 0);
	CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
	CHECK(REPLIED("died"));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	will_of(false, 50000000);
	CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
	CHECK(REPLIED("died"));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_will(m, &large, 0), -EMSGSIZE);
	large.payload_len = 0;
	CHECK_EQ(mqk_will(m, &large, MQK_WILL_DELAY_MAX + 1), -EINVAL);
	CHECK_EQ(mqk_will(m, NULL, 1), 0);
	drop_broker();
}

/* ---- transactions ---- */

static void transactions(void)
{
	struct mqk_port_opts po = { .sz = sizeof(po), .confirm = true, .inplace = true };

	make_broker(NULL);
	CHECK_EQ(mqk_port_open(m, &po, &p), 0);
	CHECK_EQ(mqk_consume(m, "q", NULL, &c), 0);
	CHECK_EQ(mqk_tx_commit(m), -EINVAL);
	CHECK_EQ(mqk_tx_rollback(m), -EINVAL);
	CHECK_EQ(mqk_tx_begin(m), 0);
	CHECK_EQ(mqk_tx_begin(m), -EBUSY);
	CHECK_EQ(mqk_publish(p, direct, MQK_STR("k"), "a", 1, 0), 0);
	CHECK_EQ(mqk_put(p, direct, MQK_STR("k"), "b", 1, 0), 0);
	CHECK_EQ(mqk_recv(c, &msg, 50000000), 0);
	CHECK_EQ(mqk_tx_rollback(m), 0);
	CHECK_EQ(mqk_recv(c, &msg, 50000000), 0);
	CHECK_EQ(mqk_tx_begin(m), 0);
	CHECK_EQ(mqk_put(p, direct, MQK_STR("k"), "c", 1, 0), 0);
	CHECK_EQ(mqk_publish(p, direct, MQK_STR("k"), "d", 1, 0), 0);
	CHECK_EQ(mqk_tx_commit(m), 0);
	CHECK_EQ(mqk_confirm_wait(p, 0, LONG), 0);
	CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
	CHECK(REPLIED("c"));
	CHECK_EQ(mqk_tx_begin(m), 0);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_tx_rollback(m), 0);
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
	CHECK(REPLIED("d"));
	CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	drop_broker();
}

#define ITEMS	60

struct process {
	struct mqk_port *out;
	uint32_t exchange;
	int fails;
};

/* What comes of a message: itself, twice. */
static int twice(const struct mqk_msg *in, void *arg)
{
	struct process *w = arg;
	int err;

	err = mqk_publish(w->out, w->exchange, MQK_STR("out"), in->payload,
			  in->d.payload_len, 0);
	if (!err && w->fails && !--w->fails)
		return -EIO;
	return err ? err : mqk_put(w->out, w->exchange, MQK_STR("out"), in->payload,
				   in->d.payload_len, 0);
}

static int open_process(struct mqk *own, struct process *w, struct mqk_consumer **in)
{
	struct mqk_port_opts po = { .sz = sizeof(po), .inplace = true };
	int err;

	w->fails = 0;
	err = mqk_exchange_id(own, "", &w->exchange);
	if (!err)
		err = mqk_port_open(own, &po, &w->out);
	return err ? err : mqk_consume(own, "in", NULL, in);
}

/* Until it is killed. */
static void process_for_ever(void)
{
	struct mqk_consumer *in;
	struct process w;
	struct mqk *own;

	if (mqk_open(name, 0, &own) || open_process(own, &w, &in))
		_exit(1);
	while (mqk_process(in, twice, &w, 3, MQK_FOREVER) > 0)
		;
	_exit(2);
}

static uint64_t left_in(const char *queue)
{
	struct mqk_queue_info info = { .sz = sizeof(info) };

	CHECK_EQ(mqk_queue_lookup(m, queue, &info), 0);
	CHECK_EQ(mqk_queue_get(m, info.id, &info), 0);
	return info.ready + info.unacked;
}

/* Each item is there twice, and in order of the pair; none is missing. */
static void check_items(void)
{
	unsigned int seen[ITEMS] = { 0 }, i, item;

	CHECK_EQ(mqk_consume(m, "out", NULL, &c), 0);
	for (i = 0; i < 2 * ITEMS; i++) {
		CHECK_EQ(mqk_recv(c, &msg, LONG), 1);
		memcpy(&item, msg.payload, sizeof(item));
		CHECK(item < ITEMS && ++seen[item] <= 2);
		CHECK_EQ(mqk_ack(c, msg.d.tag), 0);
	}
	CHECK_EQ(mqk_recv(c, &msg, 50000000), 0);
}

/*
 * Processes that move messages are killed at random moments: nothing is lost, and
 * nothing comes twice.
 */
static void processing_is_exactly_once(void)
{
	struct timespec pause = { 0 };
	unsigned int i, seed = 1, killed = 0;
	int status;

	make_broker(NULL);
	CHECK_EQ(mqk_queue_declare(m, "in", NULL, NULL), 0);
	CHECK_EQ(mqk_queue_declare(m, "out", NULL, NULL), 0);
	CHECK_EQ(mqk_exchange_id(m, "", &direct), 0);
	CHECK_EQ(mqk_port_open(m, NULL, &p), 0);
	for (i = 0; i < ITEMS; i++)
		CHECK_EQ(mqk_publish(p, direct, MQK_STR("in"), &i, sizeof(i), 0), 0);
	while (left_in("in") && killed < 5000) {
		pid_t pid = fork();

		if (!pid)
			process_for_ever();
		/* longer by and by, so that a slow machine gets there, too */
		pause.tv_nsec = rand_r(&seed) % (200000u * (1 + killed++));
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
	}
	CHECK_EQ(left_in("in"), 0);
	check_items();
	drop_broker();
}

static void processing(void)
{
	struct mqk_consumer *in;
	struct process w;
	unsigned int i;

	make_broker(NULL);
	CHECK_EQ(mqk_queue_declare(m, "in", NULL, NULL), 0);
	CHECK_EQ(mqk_queue_declare(m, "out", NULL, NULL), 0);
	CHECK_EQ(open_process(m, &w, &in), 0);
	CHECK_EQ(mqk_process(in, NULL, &w, 1, 0), -EINVAL);
	CHECK_EQ(mqk_process(in, twice, &w, 0, 0), -EINVAL);
	CHECK_EQ(mqk_process(in, twice, &w, MQK_TX_SETTLEMENTS_MAX + 1, 0), -EINVAL);
	CHECK_EQ(mqk_process(in, twice, &w, 1, 1000000), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(mqk_publish(w.out, w.exchange, MQK_STR("in"), &i, sizeof(i), 0), 0);
	/* the second one fails, and takes the first one with it */
	w.fails = 2;
	CHECK_EQ(mqk_process(in, twice, &w, 4, LONG), -EIO);
	CHECK_EQ(left_in("out"), 0);
	CHECK_EQ(left_in("in"), 4);
	for (i = 0; i < 4;) {
		int n = mqk_process(in, twice, &w, 4, LONG);

		CHECK(n > 0);
		i += (unsigned int)n;
	}
	CHECK_EQ(left_in("in"), 0);
	CHECK_EQ(left_in("out"), 8);
	mqk_consumer_close(in);
	mqk_port_close(w.out);
	drop_broker();
}

static const struct test tests[] = {
	TEST(session),
	TEST(brokers),
	TEST(exchanges),
	TEST(queues),
	TEST(bindings),
	TEST(lists),
	TEST(limits),
	TEST(copies),
	TEST(in_place),
	TEST(segments_come_and_go),
	TEST(returning),
	TEST(noack),
	TEST(pulling),
	TEST(completions_stop),
	TEST(one_way),
	TEST(polling),
	TEST(death),
	TEST(calling),
	TEST(wills),
	TEST(transactions),
	TEST(processing),
	TEST(processing_is_exactly_once),
	TEST(race_sleep),
	TEST(race_spin),
	TEST(race_noack),
	TEST(race_copy),
};

int main(void)
{
	int err = mqk_control_open(&control);

	if (err) {
		printf("1..0 # SKIP /dev/mqk/control: %s\n", strerror(-err));
		return 0;
	}
	err = test_main(tests, sizeof(tests) / sizeof(tests[0]));
	drop_broker();
	mqk_close(control);
	return err;
}
