// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings and consumers, listed a page at a time: all of them, once, whatever
 * comes and goes meanwhile.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define N	100u			/* more than one page */

FIXTURE(list)
{
	struct env env;
	int s, other;
	__s64 exchange, queue;
	struct mqk_list l;
	struct mqk_binding_entry b[MQK_LIST_MAX + 1];
	struct mqk_consumer_entry c[MQK_LIST_MAX + 1];
	struct mqk_producer_entry p[MQK_LIST_MAX + 1];
	__u8 data[MQK_LIST_DATA];
};

FIXTURE_SETUP(list)
{
	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->other = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->other);
	self->exchange = exchange_declare(self->s, "exchange",
					  MQK_EXCHANGE_DIRECT, 0);
	self->queue = queue_declare(self->s, "queue", 0);
	ASSERT_LT(0, self->exchange);
	ASSERT_LT(0, self->queue);
}

FIXTURE_TEARDOWN(list)
{
	EXPECT_EQ(0, env_end(&self->env));
}

typedef FIXTURE_DATA(list) data;

/* The next page of @count and @room: how many, or -errno. */
static int next(data *self, unsigned long cmd, __u32 after, __u32 count,
		__u32 room)
{
	void *entries = cmd == MQK_IOC_BINDING_LIST ? (void *)self->b :
			cmd == MQK_IOC_CONSUMER_LIST ? (void *)self->c : self->p;
	int err;

	self->l = (struct mqk_list) {
		.size = sizeof(self->l),
		.after = after,
		.count = count,
		.entries = (uintptr_t)entries,
		.data = (uintptr_t)self->data,
		.data_len = room,
	};
	err = mq(self->other, cmd, &self->l);
	return err ?: (int)self->l.count;
}

static int bindings(data *self, __u32 after, __u32 count)
{
	return next(self, MQK_IOC_BINDING_LIST, after, count, MQK_LIST_DATA);
}

static int consumers(data *self, __u32 after, __u32 count)
{
	return next(self, MQK_IOC_CONSUMER_LIST, after, count, MQK_LIST_DATA);
}

static int producers(data *self, __u32 after, __u32 count)
{
	return next(self, MQK_IOC_PRODUCER_LIST, after, count, MQK_LIST_DATA);
}

/* A port for a producer; with @publishes one message is taken from it. */
static int producer_open(data *self, const char *name, __u32 mode, bool publishes)
{
	struct mqk_port_create c = {
		.size = sizeof(c), .entries = 16, .producer = (uintptr_t)name,
		.producer_len = strlen(name), .producer_mode = mode,
	};
	struct mqk_message m = {
		.exchange = self->exchange, .key = (uintptr_t)"nowhere", .key_len = 7,
	};
	struct mqk_publish pub = {
		.size = sizeof(pub), .count = 1, .messages = (uintptr_t)&m,
	};
	int err = mq(self->s, MQK_IOC_PORT_CREATE, &c);

	pub.port = c.id;
	if (!err && publishes)
		err = mq(self->s, MQK_IOC_PUBLISH, &pub);
	return err ?: (int)c.id;
}

static int producer_close(data *self, int port, bool forgets)
{
	struct mqk_id id = {
		.size = sizeof(id), .flags = forgets ? MQK_ID_F_FORGET : 0, .id = port,
	};

	return mq(self->s, MQK_IOC_PORT_CLOSE, &id);
}

static int bind_number(data *self, __u32 i)
{
	return binding_add_n(self->s, "exchange", "queue", &i, sizeof(i));
}

static int unbind_number(data *self, __u32 i)
{
	struct mqk_bind b = {
		.size = sizeof(b),
		.exchange = (uintptr_t)"exchange", .exchange_len = 8,
		.queue = (uintptr_t)"queue", .queue_len = 5,
		.key = (uintptr_t)&i, .key_len = sizeof(i),
	};

	return mq(self->s, MQK_IOC_UNBIND, &b);
}

/* The number that a listed binding has as its key; ~0: something is wrong. */
static __u32 number_of(const data *self, __u32 at)
{
	const struct mqk_binding_entry *b = &self->b[at];
	const __u8 *text = self->data + b->data;
	__u32 i;

	if (b->exchange != self->exchange || b->queue != self->queue ||
	    b->data % 8 || b->args_len || b->exchange_len != 8 ||
	    b->queue_len != 5 || b->key_len != 4 || b->flags ||
	    memcmp(text, "exchangequeue", 13))
		return ~0u;
	memcpy(&i, text + 13, sizeof(i));
	return i;
}

TEST_F(list, nothing_is_ENOENT)
{
	EXPECT_EQ(-ENOENT, bindings(self, 0, 1));
	EXPECT_EQ(-ENOENT, consumers(self, 0, 1));
	EXPECT_EQ(-ENOENT, bindings(self, ~0u, 1));
	EXPECT_EQ(-ENOENT, consumers(self, ~0u, 1));
	EXPECT_EQ(-EINVAL, bindings(self, 0, 0));
	EXPECT_EQ(-EINVAL, consumers(self, 0, 0));
}

TEST_F(list, bindings_in_pages_once_each)
{
	static const __u32 sizes[] = { 1, 7, MQK_LIST_MAX, MQK_LIST_MAX + 1, ~0u };
	__u32 i, j, seen, after;
	int n;

	for (i = 0; i < N; i++)
		ASSERT_EQ(0, bind_number(self, i));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (after = seen = 0; ; after = self->l.after) {
			n = bindings(self, after, sizes[i]);
			if (n == -ENOENT)
				break;
			ASSERT_LT(0, n);
			ASSERT_GE(sizes[i], n);
			ASSERT_GE(MQK_LIST_MAX, n);
			for (j = 0; j < n; j++) {
				ASSERT_LT(after, self->b[j].number);
				ASSERT_EQ(seen++, number_of(self, j));
			}
			ASSERT_EQ(self->b[n - 1].number, self->l.after);
		}
		EXPECT_EQ(N, seen);
	}
}

/* What was listed goes, also the last one of a page; more comes. */
TEST_F(list, a_cursor_outlives_what_it_points_to)
{
	bool seen[3 * N] = { false };
	__u32 i, j, key, after = 0, fresh = N;
	int n;

	for (i = 0; i < N; i++)
		ASSERT_EQ(0, bind_number(self, i));
	while (fresh < 2 * N) {
		n = bindings(self, after, 10);
		if (n == -ENOENT)
			break;
		ASSERT_LT(0, n);
		for (j = 0; j < n; j++) {
			key = number_of(self, j);
			ASSERT_GT(3 * N, key);
			EXPECT_FALSE(seen[key]);
			seen[key] = true;
			ASSERT_EQ(0, unbind_number(self, key));
			if (fresh < 2 * N) {
				ASSERT_EQ(0, bind_number(self, fresh++));
			}
		}
		after = self->l.after;
	}
	for (i = 0; i < N; i++)
		EXPECT_TRUE(seen[i]);
}

TEST_F(list, bindings_go_with_their_ends)
{
	ASSERT_EQ(0, bind_number(self, 1));
	ASSERT_LT(0, queue_declare(self->s, "q2", 0));
	ASSERT_EQ(0, binding_add(self->s, "amq.fanout", "q2", ""));
	ASSERT_EQ(0, binding_add(self->s, "exchange", "q2", ""));
	EXPECT_EQ(3, bindings(self, 0, 10));
	ASSERT_EQ(0, queue_delete(self->s, "q2", 0));
	EXPECT_EQ(1, bindings(self, 0, 10));
	EXPECT_EQ(1, number_of(self, 0));
	ASSERT_EQ(0, exchange_delete(self->s, "exchange", 0));
	EXPECT_EQ(-ENOENT, bindings(self, 0, 10));
}

/* One whose names, key and arguments are as long as they can be. */
TEST_F(list, the_longest_binding_fits)
{
	static __u8 args[MQK_HEADERS_MAX], key[MQK_KEY_MAX];
	char exchange[MQK_NAME_MAX + 1] = "", queue[MQK_NAME_MAX + 1] = "";
	struct mqk_bind b = {
		.size = sizeof(b),
		.exchange = (uintptr_t)exchange, .exchange_len = MQK_NAME_MAX,
		.queue = (uintptr_t)queue, .queue_len = MQK_NAME_MAX,
		.key = (uintptr_t)key, .key_len = sizeof(key),
		.args = (uintptr_t)args, .args_len = sizeof(args),
	};
	struct mqk_header h = { .type = MQK_HEADER_BYTES, .name_len = 4 };
	const __u32 total = sizeof(args) + 2 * MQK_NAME_MAX + sizeof(key);
	const __u8 *at;

	memset(exchange, 'e', MQK_NAME_MAX);
	memset(queue, 'q', MQK_NAME_MAX);
	pattern_fill(key, sizeof(key), 1);
	pattern_fill(args, sizeof(args), 2);
	h.value_len = sizeof(args) - sizeof(h) - h.name_len;
	memcpy(args, &h, sizeof(h));
	memcpy(args + sizeof(h), "name", 4);
	ASSERT_LT(0, exchange_declare(self->s, exchange, MQK_EXCHANGE_FANOUT, 0));
	ASSERT_LT(0, queue_declare(self->s, queue, 0));
	ASSERT_EQ(0, bind_number(self, 7));
	ASSERT_EQ(0, mq(self->s, MQK_IOC_BIND, &b));

	ASSERT_EQ(2, bindings(self, 0, 5));
	EXPECT_EQ(7, number_of(self, 0));
	ASSERT_EQ(sizeof(args), self->b[1].args_len);
	at = self->data + self->b[1].data;
	EXPECT_EQ(0, memcmp(at, args, sizeof(args)));
	at += sizeof(args);
	EXPECT_EQ(0, memcmp(at, exchange, MQK_NAME_MAX));
	EXPECT_EQ(0, memcmp(at + MQK_NAME_MAX, queue, MQK_NAME_MAX));
	EXPECT_TRUE(pattern_ok(at + 2 * MQK_NAME_MAX, sizeof(key), 1));

	/* Without room for it the page ends before it; then there is none. */
	EXPECT_EQ(1, next(self, MQK_IOC_BINDING_LIST, 0, 5, total - 1));
	EXPECT_EQ(24, self->l.data_len);
	EXPECT_EQ(-ERANGE, next(self, MQK_IOC_BINDING_LIST, self->l.after, 5,
				total - 1));
	EXPECT_EQ(1, next(self, MQK_IOC_BINDING_LIST, self->b[0].number, 5,
			  total));
	EXPECT_EQ(total, self->l.data_len);
	EXPECT_EQ(-ERANGE, next(self, MQK_IOC_BINDING_LIST, 0, 5, 16));
	EXPECT_EQ(-ERANGE, next(self, MQK_IOC_BINDING_LIST, 0, 5, 0));
}

/* What lies between the names of two entries was never anybody's. */
TEST_F(list, padding_is_zero)
{
	__u32 i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, bind_number(self, i));
	memset(self->data, 0xaa, sizeof(self->data));
	ASSERT_EQ(20, bindings(self, 0, 20));
	ASSERT_EQ(20 * 24, self->l.data_len);
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, memcmp(self->data + 24 * i + 17, "\0\0\0\0\0\0\0", 7));
	EXPECT_EQ(0xaa, self->data[20 * 24]);
}

/* --- consumers ------------------------------------------------------------- */

TEST_F(list, consumers_are_described)
{
	struct consumer a, b, pull;
	struct mqk_consumer_entry *e = self->c;

	ASSERT_EQ(0, consumer_make(&a, self->s, "queue", 0, 3, 16));
	ASSERT_EQ(0, consumer_make(&b, self->other, "queue",
				   MQK_CONSUMER_F_NOACK, 0, 32));
	ASSERT_EQ(0, consumer_make(&pull, self->s, NULL, MQK_CONSUMER_F_PULL, 0,
				   16));
	ASSERT_EQ(3, consumers(self, 0, 10));
	EXPECT_EQ(0, e[0].flags);
	EXPECT_EQ(a.c.id, e[0].id);
	EXPECT_EQ(self->queue, e[0].queue);
	EXPECT_EQ(5, e[0].queue_len);
	EXPECT_EQ(0, memcmp(self->data + e[0].data, "queue", 5));
	EXPECT_EQ(0, memcmp(self->data + e[1].data, "queue", 5));
	EXPECT_EQ(getuid(), e[0].uid);
	EXPECT_EQ(getpid(), e[0].pid);
	EXPECT_EQ(3, e[0].prefetch);
	EXPECT_EQ(32, e[1].prefetch);
	EXPECT_EQ(MQK_CONSUMER_F_NOACK, e[1].flags);
	EXPECT_NE(e[0].session, e[1].session);
	EXPECT_EQ(e[0].session, e[2].session);
	EXPECT_EQ(MQK_CONSUMER_F_PULL, e[2].flags);
	EXPECT_EQ(0, e[2].queue);
	EXPECT_EQ(0, e[2].queue_len);
	EXPECT_LT(e[0].number, e[1].number);
	EXPECT_LT(e[1].number, e[2].number);
	ASSERT_EQ(1, consumers(self, 0, 1));
	ASSERT_EQ(2, consumers(self, self->l.after, 10));
	EXPECT_EQ(-ERANGE, next(self, MQK_IOC_CONSUMER_LIST, 0, 10, 4));

	ASSERT_EQ(0, consumer_close(&b));
	ASSERT_EQ(2, consumers(self, 0, 10));
	EXPECT_EQ(pull.c.id, e[1].id);
	session_close(self->s);
	EXPECT_EQ(-ENOENT, consumers(self, 0, 10));
}

TEST_F(list, producers_are_described)
{
	const struct mqk_producer_entry *e = self->p;
	int first, second, third;

	EXPECT_EQ(-ENOENT, producers(self, 0, 10));
	first = producer_open(self, "first", 0, false);
	second = producer_open(self, "the second", 0620, true);
	third = producer_open(self, "third", 0, false);
	ASSERT_LT(0, first);
	ASSERT_LT(0, second);
	ASSERT_LT(0, third);
	ASSERT_EQ(3, producers(self, 0, 10));
	EXPECT_EQ(5, e[0].name_len);
	EXPECT_EQ(0, memcmp(self->data + e[0].data, "first", 5));
	EXPECT_EQ(MQK_PRODUCER_F_OPEN, e[0].flags);
	EXPECT_EQ(getpid(), e[0].pid);
	EXPECT_EQ(0, e[0].last);
	EXPECT_EQ(getuid(), e[0].uid);
	EXPECT_EQ(getgid(), e[0].gid);
	EXPECT_EQ(0600, e[0].mode);
	EXPECT_EQ(10, e[1].name_len);
	EXPECT_EQ(0, memcmp(self->data + e[1].data, "the second", 10));
	EXPECT_EQ(1, e[1].last);
	EXPECT_EQ(0620, e[1].mode);
	EXPECT_EQ(0, e[1].data % 8);
	EXPECT_LT(e[0].number, e[1].number);
	EXPECT_LT(e[1].number, e[2].number);
	ASSERT_EQ(1, producers(self, 0, 1));
	ASSERT_EQ(2, producers(self, self->l.after, 10));
	EXPECT_EQ(-ERANGE, next(self, MQK_IOC_PRODUCER_LIST, 0, 10, 4));

	/* A name from which something was taken stays, one from which nothing was goes. */
	EXPECT_EQ(0, producer_close(self, first, false));
	EXPECT_EQ(0, producer_close(self, second, false));
	ASSERT_EQ(2, producers(self, 0, 10));
	EXPECT_EQ(0, memcmp(self->data + e[0].data, "the second", 10));
	EXPECT_EQ(0, e[0].flags);
	EXPECT_EQ(0, e[0].pid);
	EXPECT_EQ(1, e[0].last);
	EXPECT_EQ(0, memcmp(self->data + e[1].data, "third", 5));
	/* One that is forgotten goes. */
	second = producer_open(self, "the second", 0, false);
	ASSERT_LT(0, second);
	EXPECT_EQ(0, producer_close(self, second, true));
	ASSERT_EQ(1, producers(self, 0, 10));
	session_close(self->s);
	EXPECT_EQ(-ENOENT, producers(self, 0, 10));
}

/* What is in flight is what is in flight now. */
TEST_F(list, consumers_acknowledgements_are_taken_first)
{
	struct mqk_delivery d;
	struct consumer c, pull;
	struct port p;

	ASSERT_EQ(0, port_make(&p, self->s, 0, 16));
	ASSERT_EQ(0, binding_add(self->s, "exchange", "queue", "k"));
	ASSERT_EQ(0, consumer_make(&c, self->s, "queue", 0, 4, 16));
	ASSERT_EQ(0, port_numbers(&p, self->exchange, "k", 1, 3));
	ASSERT_EQ(1, consumers(self, 0, 10));
	EXPECT_EQ(3, self->c[0].unacked);
	EXPECT_EQ(3, self->c[0].delivered);
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	consumer_ack(&c, d.tag, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(1, consumers(self, 0, 10));
	EXPECT_EQ(2, self->c[0].unacked);

	ASSERT_EQ(0, consumer_cancel(&c));
	ASSERT_EQ(1, consumers(self, 0, 10));
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_CANCELLED,
		  self->c[0].state & MQK_CONSUMER_PAGE_F_CANCELLED);
	EXPECT_EQ(0, self->c[0].error);
	/* A tag that it does not have breaks it, whoever looks. */
	consumer_ack(&c, 1000, MQK_ACK_ACCEPT, 0);
	ASSERT_EQ(1, consumers(self, 0, 10));
	EXPECT_EQ(-EINVAL, self->c[0].error);
	ASSERT_EQ(0, consumer_close(&c));

	ASSERT_EQ(0, consumer_make(&pull, self->s, NULL, MQK_CONSUMER_F_PULL, 0,
				   16));
	ASSERT_EQ(0, queue_get(self->s, pull.c.id, self->queue, 0,
			       LONG_MS * 1000000ll, &d, NULL));
	ASSERT_EQ(1, consumers(self, 0, 10));
	EXPECT_EQ(1, self->c[0].unacked);
	EXPECT_EQ(1, self->c[0].delivered);
}

/* --- while all comes and goes ---------------------------------------------- */

struct churn {
	int fd;
	__u32 stop, rounds, failed;
};

static void *churn(void *arg)
{
	struct churn *c = arg;
	struct consumer con;
	char name[8];
	__u32 i;

	for (i = 0; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); i++) {
		snprintf(name, sizeof(name), "x%u", i % 10);
		c->failed += queue_declare(c->fd, name, 0) < 0;
		c->failed += exchange_declare(c->fd, "gone",
					      MQK_EXCHANGE_FANOUT, 0) < 0;
		c->failed += binding_add(c->fd, "gone", name, "") != 0;
		c->failed += binding_add(c->fd, "exchange", name, name) != 0;
		if (!consumer_make(&con, c->fd, name, 0, 0, 16)) {
			consumer_close(&con);
			/* or its rings stay charged */
			consumer_unmap(&con);
		}
		if (i & 1)
			c->failed += exchange_delete(c->fd, "gone", 0) != 0;
		c->failed += queue_delete(c->fd, name, 0) != 0;
		__atomic_add_fetch(&c->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(list, lists_while_all_comes_and_goes)
{
	struct churn c = { .fd = self->s };
	__u32 i, j, after, keys, last;
	pthread_t thread;
	int n;

	for (i = 0; i < N; i++)
		ASSERT_EQ(0, bind_number(self, i));
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &c));
	for (i = 0; i < 200 || __atomic_load_n(&c.rounds, __ATOMIC_RELAXED) < 20;
	     i++) {
		for (after = keys = 0; ; after = self->l.after) {
			n = bindings(self, after, 9);
			if (n == -ENOENT)
				break;
			ASSERT_LT(0, n);
			for (j = 0; j < n; j++)
				if (self->b[j].queue == self->queue) {
					ASSERT_EQ(keys, number_of(self, j));
					keys++;
				}
		}
		ASSERT_EQ(N, keys);
		for (after = 0; ; after = last) {
			n = consumers(self, after, 2);
			if (n == -ENOENT)
				break;
			ASSERT_LT(0, n);
			last = self->l.after;
			ASSERT_LT(after, last);
		}
	}
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, c.failed);
}

TEST_HARNESS_MAIN
