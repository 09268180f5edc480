// SPDX-License-Identifier: GPL-2.0-only
/*
 * Last-value exchanges: what they remember, what makes them forget it, what a new
 * binding is given and in which order, who pays, and that nobody misses a message or
 * gets it twice because he binds while it is published.
 *
 * mqk-test: parallel timeout=600 kernels=stock,debug,host
 */
#include <stdio.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define LAST		MQK_EXCHANGE_LAST_VALUE
#define PULL		MQK_CONSUMER_F_PULL
#define NOACK		MQK_CONSUMER_F_NOACK

FIXTURE(last)
{
	struct env env;
	int s;
	struct port port;
	struct consumer get;		/* PULL and NOACK */
	__u32 x;			/* "x", H = 1 */
};

FIXTURE_VARIANT(last)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(last, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(last, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(last)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	id = exchange_declare(self->s, "x", LAST, 0);
	ASSERT_LT(0, id);
	self->x = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags, 64));
	ASSERT_EQ(0, consumer_make(&self->get, self->s, NULL, PULL | NOACK, 0, 64));
}

FIXTURE_TEARDOWN(last)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* A number under a key; 0: an empty message. */
static int says_full(FIXTURE_DATA(last) *self, __u32 exchange, const char *key,
		     __u32 number, struct msg m)
{
	m.exchange = exchange;
	m.key = key;
	m.key_len = strlen(key);
	m.payload = &number;
	m.payload_len = number ? sizeof(number) : 0;
	return port_publish(&self->port, &m);
}

static int says(FIXTURE_DATA(last) *self, const char *key, __u32 number)
{
	return says_full(self, self->x, key, number, (struct msg){});
}

/* What is in a queue, as decimal digits with blanks between. */
static const char *content(FIXTURE_DATA(last) *self, __u32 queue)
{
	static char text[2048];
	struct mqk_delivery d;
	size_t len = 0;

	text[0] = '\0';
	while (len < sizeof(text) - 20 &&
	       !queue_get(self->s, self->get.c.id, queue, 0, 0, &d, NULL))
		len += sprintf(text + len, len ? " %llu" : "%llu",
			       d.payload_len ? (unsigned long long)delivery_number(self->s, &d) : 0);
	return text;
}

static const char *new_gets(FIXTURE_DATA(last) *self, const char *exchange,
			    const char *pattern)
{
	static const char *got;
	__s64 q = queue_declare(self->s, "new", 0);
	int err = binding_add(self->s, exchange, "new", pattern);

	got = err ? strerror(-err) : content(self, q);
	queue_delete(self->s, "new", 0);
	return got;
}

static __s64 declare_history(int fd, const char *name, __s64 n)
{
	struct headers h = {};

	headers_number(&h, "x-recent-history-length", n);
	return exchange_declare_args(fd, name, LAST, 0, &h);
}

TEST_F(last, arguments)
{
	struct headers h = {};
	__s64 x;

	if (variant->flags)
		return;
	EXPECT_EQ(-EINVAL, declare_history(self->s, "y", 0));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	EXPECT_EQ(-EINVAL, declare_history(self->s, "y", -1));
	EXPECT_EQ(-EINVAL, declare_history(self->s, "y", 1025));
	headers_text(&h, "x-recent-history-length", "2");
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->s, "y", LAST, 0, &h));
	h.len = 0;
	headers_number(&h, "x-recent-history-length", 2);
	EXPECT_EQ(-EINVAL, exchange_declare_args(self->s, "y", MQK_EXCHANGE_TOPIC, 0, &h));
	x = declare_history(self->s, "y", 1024);
	EXPECT_LT(0, x);
	EXPECT_EQ(x, declare_history(self->s, "y", 1024));
	EXPECT_EQ(-EINVAL, declare_history(self->s, "y", 2));
	/* one is what there is without it */
	EXPECT_EQ(-EINVAL, declare_history(self->s, "x", 2));
	EXPECT_EQ(-ENOENT, binding_add(self->s, "x", "nowhere", "#"));
}

TEST_F(last, routes_as_topic)
{
	__s64 q = queue_declare(self->s, "q", 0);

	ASSERT_EQ(0, binding_add(self->s, "x", "q", "a.*"));
	ASSERT_EQ(0, says(self, "a.b", 1));
	ASSERT_EQ(0, says(self, "b.a", 2));
	ASSERT_EQ(0, says(self, "a.b", 3));
	EXPECT_STREQ("1 3", content(self, q));
}

TEST_F(last, the_last_of_each_key_oldest_first)
{
	ASSERT_EQ(0, says(self, "a", 1));
	ASSERT_EQ(0, says(self, "b", 2));
	ASSERT_EQ(0, says(self, "c", 3));
	ASSERT_EQ(0, says(self, "a", 4));
	EXPECT_STREQ("2 3 4", new_gets(self, "x", "#"));
	EXPECT_STREQ("2", new_gets(self, "x", "b"));
	EXPECT_STREQ("", new_gets(self, "x", "d"));
	EXPECT_STREQ("2 3 4", new_gets(self, "x", "*"));
}

TEST_F(last, so_many_of_each_key)
{
	__s64 y = declare_history(self->s, "y", 3);
	unsigned int i;

	ASSERT_LT(0, y);
	for (i = 1; i <= 10; i++)
		ASSERT_EQ(0, says_full(self, y, i % 2 ? "odd" : "even", i,
				       (struct msg){}));
	EXPECT_STREQ("5 6 7 8 9 10", new_gets(self, "y", "#"));
	EXPECT_STREQ("5 7 9", new_gets(self, "y", "odd"));
}

TEST_F(last, an_empty_message_forgets_its_key)
{
	__s64 q = queue_declare(self->s, "q", 0);

	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	ASSERT_EQ(0, says(self, "a", 1));
	ASSERT_EQ(0, says(self, "b", 2));
	ASSERT_EQ(0, says(self, "a", 0));
	ASSERT_EQ(0, says(self, "never", 0));
	/* it is passed on */
	EXPECT_STREQ("1 2 0 0", content(self, q));
	EXPECT_STREQ("2", new_gets(self, "x", "#"));
	ASSERT_EQ(0, says(self, "a", 3));
	EXPECT_STREQ("2 3", new_gets(self, "x", "#"));
}

TEST_F(last, a_binding_made_again_gives_nothing)
{
	__s64 q = queue_declare(self->s, "q", 0);

	ASSERT_EQ(0, says(self, "a", 1));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	EXPECT_STREQ("1", content(self, q));
	/* but another one does, and so does one that was removed */
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "a"));
	EXPECT_STREQ("1", content(self, q));
	ASSERT_EQ(0, binding_del(self->s, "x", "q", "#"));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	EXPECT_STREQ("1", content(self, q));
}

TEST_F(last, goes_to_a_consumer_that_waits)
{
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, says(self, "a", 1));
	ASSERT_EQ(0, says(self, "b", 2));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	EXPECT_EQ(1, delivery_number(self->s, &d));
	EXPECT_EQ(getpid(), d.pid);
	EXPECT_EQ(self->x, d.exchange);
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	EXPECT_EQ(2, delivery_number(self->s, &d));
}

TEST_F(last, through_an_exchange)
{
	__s64 q = queue_declare(self->s, "q", 0), r = queue_declare(self->s, "r", 0);

	ASSERT_LT(0, exchange_declare(self->s, "d", MQK_EXCHANGE_DIRECT,
				      MQK_DECLARE_F_INTERNAL));
	ASSERT_EQ(0, binding_add(self->s, "d", "q", "a.b"));
	ASSERT_EQ(0, binding_add(self->s, "d", "r", "a.b"));
	ASSERT_EQ(0, binding_add(self->s, "d", "r", "c"));
	ASSERT_EQ(0, says(self, "a.b", 1));
	ASSERT_EQ(0, says(self, "a.c", 2));
	ASSERT_EQ(0, says(self, "c", 3));
	ASSERT_EQ(0, exchange_bind(self->s, "x", "d", "a.*"));
	EXPECT_STREQ("1", content(self, q));
	EXPECT_STREQ("1", content(self, r));
	/* what is bound behind it is not new to this one */
	ASSERT_EQ(0, binding_add(self->s, "d", "q", "a.c"));
	EXPECT_STREQ("", content(self, q));
}

/* What comes through another exchange, or as to the alternate one, counts as well. */
TEST_F(last, remembers_what_comes_from_others)
{
	struct headers h = {};
	__s64 d, a;

	d = exchange_declare(self->s, "d", MQK_EXCHANGE_DIRECT, 0);
	ASSERT_LT(0, d);
	ASSERT_LT(0, exchange_declare(self->s, "y", LAST, 0));
	headers_text(&h, "alternate-exchange", "x");
	a = exchange_declare_args(self->s, "a", MQK_EXCHANGE_FANOUT, 0, &h);
	ASSERT_LT(0, a);
	ASSERT_EQ(0, exchange_bind(self->s, "d", "x", "k"));
	ASSERT_EQ(0, exchange_bind(self->s, "d", "y", "k"));
	ASSERT_EQ(0, says_full(self, d, "k", 1, (struct msg){}));
	ASSERT_EQ(0, says_full(self, d, "l", 2, (struct msg){}));
	ASSERT_EQ(0, says_full(self, a, "m", 3, (struct msg){}));
	EXPECT_STREQ("1 3", new_gets(self, "x", "#"));
	EXPECT_STREQ("1", new_gets(self, "y", "#"));
}

TEST_F(last, mqtt)
{
	struct headers h = {};
	__s64 y;

	headers_text(&h, "x-mqk-dialect", "mqtt");
	y = exchange_declare_args(self->s, "y", LAST, 0, &h);
	ASSERT_LT(0, y);
	ASSERT_EQ(0, says_full(self, y, "a/b", 1, (struct msg){}));
	ASSERT_EQ(0, says_full(self, y, "a", 2, (struct msg){}));
	ASSERT_EQ(0, says_full(self, y, "$SYS/x", 3, (struct msg){}));
	ASSERT_EQ(0, says_full(self, y, "a+", 4, (struct msg){}));
	EXPECT_STREQ("1 2", new_gets(self, "y", "#"));
	EXPECT_STREQ("1 2", new_gets(self, "y", "a/#"));
	EXPECT_STREQ("1", new_gets(self, "y", "+/+"));
	EXPECT_STREQ("3", new_gets(self, "y", "$SYS/#"));
	EXPECT_STREQ("Invalid argument", new_gets(self, "y", "a/#/b"));
}

/* CC matches as well, BCC is gone. */
TEST_F(last, further_keys)
{
	struct headers h = {};
	struct msg m = { .flags = MQK_MSG_F_CC };

	headers_text(&h, "CC", "seen");
	headers_text(&h, "BCC", "blind");
	m.headers = h.bytes;
	m.headers_len = h.len;
	ASSERT_EQ(0, says_full(self, self->x, "k", 1, m));
	EXPECT_STREQ("1", new_gets(self, "x", "k"));
	EXPECT_STREQ("1", new_gets(self, "x", "seen"));
	EXPECT_STREQ("", new_gets(self, "x", "blind"));
}

TEST_F(last, reaches_nobody_and_is_remembered)
{
	struct mqk_stat st = {};
	struct msg m = { .flags = MQK_MSG_F_MANDATORY };

	ASSERT_EQ(0, says_full(self, self->x, "k", 1, m));
	ASSERT_EQ(0, stat_get(self->s, &st));
	EXPECT_EQ(1, st.published);
	EXPECT_EQ(1, st.returned);
	EXPECT_STREQ("1", new_gets(self, "x", "#"));
}

/* A queue's rules hold for what it is given: one of a length, and of a time. */
TEST_F(last, is_given_under_the_rules_of_the_queue)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-length=2 x-overflow=reject-publish");
	__s64 t = queue_declare_args(self->s, "t", "x-message-ttl=1");
	struct mqk_queue_next info = {};
	__u64 end = now_ms() + LONG_MS;
	struct msg m = { .flags = MQK_MSG_F_EXPIRATION, .expiration = 100000 };

	ASSERT_LT(0, q);
	ASSERT_LT(0, t);
	ASSERT_EQ(0, says(self, "a", 1));
	ASSERT_EQ(0, says_full(self, self->x, "b", 2, m));
	ASSERT_EQ(0, says(self, "c", 3));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	EXPECT_STREQ("1 2", content(self, q));
	ASSERT_EQ(0, binding_add(self->s, "x", "t", "#"));
	do {
		sleep_ms(1);
		ASSERT_EQ(0, queue_info(self->s, t, &info));
	} while (info.ready && now_ms() < end);
	EXPECT_EQ(0, info.ready);
	EXPECT_EQ(3, info.published);
}

/* Who gives waits for no room, whatever the queue says, and is gone afterwards. */
TEST_F(last, waits_for_no_room)
{
	__s64 q = queue_declare_args(self->s, "q", "x-max-length=1 x-overflow=block");

	ASSERT_LT(0, q);
	ASSERT_EQ(0, says(self, "a", 1));
	ASSERT_EQ(0, says(self, "b", 2));
	ASSERT_EQ(0, says(self, "c", 3));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	/* taking it out wakes those that wait: nobody may be left among them */
	EXPECT_STREQ("1", content(self, q));
	ASSERT_EQ(0, says(self, "d", 4));
	EXPECT_STREQ("4", content(self, q));
}

TEST_F(last, a_key_too_many_makes_the_silent_one_go)
{
	__s64 q = queue_declare(self->s, "q", 0);
	struct mqk_queue_next info = {};
	char key[16];
	unsigned int i;

	for (i = 1; i <= 1024; i++) {
		sprintf(key, "k%u", i);
		ASSERT_EQ(0, says(self, key, i));
	}
	ASSERT_EQ(0, says(self, "k1", 5001));
	ASSERT_EQ(0, says(self, "one more", 5002));
	ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
	ASSERT_EQ(0, queue_info(self->s, q, &info));
	EXPECT_EQ(1024, info.ready);
	EXPECT_STREQ("", new_gets(self, "x", "k2"));
	EXPECT_STREQ("3", new_gets(self, "x", "k3"));
	EXPECT_STREQ("5001", new_gets(self, "x", "k1"));
	EXPECT_EQ(1024, queue_purge(self->s, "q"));
}

TEST_F(last, no_more_than_so_many_together)
{
	__s64 y = declare_history(self->s, "y", 1024), q = queue_declare(self->s, "q", 0);
	struct mqk_queue_next info = {};
	char key[16];
	unsigned int i;

	/* once will do */
	if (!variant->flags)
		return;
	ASSERT_LT(0, y);
	for (i = 0; i < 16384 + 100; i++) {
		sprintf(key, "k%u", i % 17);
		ASSERT_EQ(0, says_full(self, y, key, i + 1, (struct msg){}));
	}
	ASSERT_EQ(0, binding_add(self->s, "y", "q", "#"));
	ASSERT_EQ(0, queue_info(self->s, q, &info));
	EXPECT_EQ(16384, info.ready);
	EXPECT_EQ(16384, queue_purge(self->s, "q"));
}

/* Messages are charged to who publishes them, also those that are given. */
TEST_F(last, is_charged_and_given_back)
{
	__u64 messages = env_used(&self->env, MQK_RES_MESSAGES, 0), now;
	__u64 bytes = env_used(&self->env, MQK_RES_BYTES, 0);

	ASSERT_EQ(0, says(self, "a", 1));
	now = env_used(&self->env, MQK_RES_BYTES, 0);
	EXPECT_LT(bytes, now);
	EXPECT_STREQ("1", new_gets(self, "x", "#"));
	ASSERT_EQ(0, exchange_delete(self->s, "x", 0));
	port_close(&self->port);
	EXPECT_EQ(messages, env_used(&self->env, MQK_RES_MESSAGES, messages));
}

/* A binding that a limit refuses is none, and nothing was given. */
TEST_F(last, binds_and_gives_or_neither)
{
	struct mqk_broker_create want = {
		.segment_size = 65536, .limit[MQK_RES_MESSAGES] = 800,
	};
	struct mqk_queue_next info = {};
	struct mqk_error e = {};
	struct broker b;
	struct port p;
	char key[16];
	__s64 x, q;
	int fd, i;

	ASSERT_EQ(0, broker_make(&b, &want));
	fd = broker_open(&b, O_RDWR);
	ASSERT_LE(0, fd);
	x = exchange_declare(fd, "auto", LAST, MQK_DECLARE_F_AUTO_DELETE);
	q = queue_declare(fd, "q", 0);
	ASSERT_EQ(0, port_make(&p, fd, variant->flags, 64));
	for (i = 0; i < 300; i++) {
		__u32 number = i;
		struct msg m = {
			.exchange = x, .key = key, .payload = &number, .payload_len = 4,
		};

		m.key_len = sprintf(key, "k%d", i);
		ASSERT_EQ(0, port_publish(&p, &m));
	}
	ASSERT_EQ(0, binding_add(fd, "auto", "q", "#"));
	EXPECT_EQ(-ENOSPC, binding_add(fd, "auto", "q", "*"));
	ASSERT_EQ(0, error_get(fd, &e));
	EXPECT_EQ(MQK_RULE_BROKER_LIMIT, e.rule);
	EXPECT_EQ(MQK_RES_MESSAGES, e.resource);
	ASSERT_EQ(0, queue_info(fd, q, &info));
	EXPECT_EQ(300, info.ready);
	ASSERT_EQ(300, queue_purge(fd, "q"));
	ASSERT_EQ(0, binding_add(fd, "auto", "q", "*"));
	ASSERT_EQ(0, queue_info(fd, q, &info));
	EXPECT_EQ(300, info.ready);
	port_unmap(&p);
	close(fd);
	EXPECT_EQ(0, broker_delete(&b, 0));
}

/* ---- while it is published ---- */

struct teller {
	__u32 begun, stop;
	int err;
};

static void tell(FIXTURE_DATA(last) *self, __u32 flags, struct teller *t)
{
	int fd = broker_open(&self->env.broker, O_RDWR);
	__u32 number = 0;
	struct port p;

	t->err = port_make(&p, fd, flags, 64);
	while (!t->err && !__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		t->err = port_number(&p, self->x, "k", ++number);
		word_set(&t->begun, 1);
	}
	_exit(0);
}

/* Each new queue has one message that was the last, and all that came after it. */
TEST_F(last, nobody_misses_one_or_gets_it_twice)
{
	struct teller *t = shared(PAGE);
	struct mqk_delivery d;
	__u32 first = 0, n, round;
	pid_t pid = spawn();
	__u64 end;
	__s64 q;

	ASSERT_LE(0, pid);
	if (!pid)
		tell(self, variant->flags, t);
	ASSERT_EQ(0, word_wait(&t->begun, 1, LONG_MS));
	for (round = 0; round < 50; round++) {
		q = queue_declare(self->s, "q", 0);
		ASSERT_LT(0, q);
		ASSERT_EQ(0, binding_add(self->s, "x", "q", "#"));
		end = now_ms() + LONG_MS;
		for (n = 0; n < 5 && now_ms() < end;) {
			if (queue_get(self->s, self->get.c.id, q, 0, 0, &d, NULL))
				continue;
			if (!n)
				first = delivery_number(self->s, &d);
			ASSERT_EQ(first + n, delivery_number(self->s, &d));
			n++;
		}
		ASSERT_EQ(5, n);
		ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	}
	word_set(&t->stop, 1);
	EXPECT_EQ(0, reap(pid, LONG_MS));
	EXPECT_EQ(0, t->err);
}

TEST_HARNESS_MAIN
