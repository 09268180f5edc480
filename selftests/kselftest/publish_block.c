// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues that block: publishers wait for room, and are told what they wait for.
 *
 * mqk-test: parallel timeout=180
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define ONE		"x-max-length=1 x-overflow=block"

FIXTURE(block)
{
	struct pair pair;
	__u32 exchange, other;		/* fanout; a queue of it */
};

FIXTURE_VARIANT(block)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(block, copy) { .flags = CONFIRM };
FIXTURE_VARIANT_ADD(block, inplace) { .flags = CONFIRM | MQK_PORT_F_INPLACE };

FIXTURE_SETUP(block)
{
	__s64 id;

	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags));
	id = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->pair.s, "other", 0);
	ASSERT_LT(0, id);
	self->other = id;
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "other", ""));
}

FIXTURE_TEARDOWN(block)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* Hand a message in; one in place that waits lies there from now on. */
static int sends(struct port *p, __u32 exchange, const char *key, __u32 number)
{
	return port_number(p, exchange, key, number);
}

/* What waits, once more. */
static int again(struct port *p, __u32 exchange, const char *key, __u32 number)
{
	int ret = p->inplace ? port_doorbell(p) :
			       port_number(p, exchange, key, number);

	return p->inplace && ret == 1 ? 0 : ret;
}

static int room(struct port *p, int ms)
{
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_ROOM, .id = p->c.id,
		.timeout = ms * 1000000ll,
	};

	return mq(p->fd, MQK_IOC_WAIT, &w);
}

/*
 * What waits, once more when there may be room, or it has waited for long enough: who
 * is woken a tick too early is told EAGAIN, and waits again.
 */
static int once_more(struct port *p, __u32 exchange, const char *key, __u32 number)
{
	__u64 end = now_ms() + LONG_MS;
	int ret;

	do {
		ret = room(p, LONG_MS);
		if (!ret)
			ret = again(p, exchange, key, number);
	} while (ret == -EAGAIN && now_ms() < end);
	return ret;
}

static int type_of(struct port *p)
{
	struct mqk_completion c;

	return port_completion(p, &c, LONG_MS) ?: (int)c.type;
}

static bool pollout(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && p.revents == POLLOUT;
}

/* --- waiting -------------------------------------------------------------- */

/* Ports that a queue holds back, and those that a limit does, as two digits. */
static __s64 held(int fd)
{
	struct mqk_stat s;

	return stat_get(fd, &s) ? -1 : (__s64)(s.held_queue * 10 + s.held_limit);
}

TEST_F(block, it_waits_until_there_is_room)
{
	struct mqk_error e = { .size = sizeof(e) };
	__s64 q = queue_declare_args(self->pair.s, "q", ONE);

	ASSERT_LT(0, q);
	EXPECT_TRUE(pollout(self->pair.s));
	EXPECT_EQ(0, room(&self->pair.port, 0));
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&self->pair.port));
	EXPECT_TRUE(pollout(self->pair.s));
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->pair.exchange, "q", 2));
	ASSERT_EQ(0, error_get(self->pair.s, &e));
	EXPECT_EQ(MQK_RULE_HELD, e.rule);
	EXPECT_EQ(q, e.used);
	EXPECT_EQ(MQK_PORT_PAGE_F_HELD, self->pair.port.k->flags);
	EXPECT_EQ(MQK_HELD_QUEUE, self->pair.port.k->reason);
	EXPECT_EQ(q, self->pair.port.k->about);
	EXPECT_FALSE(pollout(self->pair.s));
	EXPECT_EQ(-EAGAIN, room(&self->pair.port, 0));
	EXPECT_EQ(-ETIMEDOUT, room(&self->pair.port, SHORT_MS));
	ASSERT_EQ(-EAGAIN, again(&self->pair.port, self->pair.exchange, "q", 2));
	EXPECT_EQ(0, port_completions(&self->pair.port));
	EXPECT_EQ(10, held(self->pair.s));

	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(0, held(self->pair.s));
	EXPECT_TRUE(pollout(self->pair.s));
	EXPECT_EQ(0, room(&self->pair.port, 0));
	EXPECT_EQ(0, self->pair.port.k->flags);
	ASSERT_EQ(0, again(&self->pair.port, self->pair.exchange, "q", 2));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&self->pair.port));
	EXPECT_EQ(MQK_HELD_NOT, self->pair.port.k->reason);
	EXPECT_EQ(2, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* A reader's port is none that could be written to. */
TEST_F(block, who_cannot_publish_has_no_room)
{
	int fd = env_session(&self->pair.env, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_FALSE(pollout(fd));
}

TEST_F(block, nothing_overtakes_it)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE);
	__u32 number = 9;
	struct mqk_message m = {
		.exchange = self->pair.exchange, .key = (uintptr_t)"other", .key_len = 5,
		.payload = (uintptr_t)&number, .payload_len = 4,
	};
	struct mqk_publish pub = {
		.size = sizeof(pub), .port = self->pair.port.c.id, .count = 1,
		.messages = (uintptr_t)&m,
	};

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->pair.exchange, "q", 2));
	if (!self->pair.port.inplace) {
		/* it is its caller's: who sends another one has given it up */
		ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "other", 3));
		EXPECT_EQ(3, pair_take(&self->pair, self->other));
		return;
	}
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->pair.exchange, "other", 3));
	ASSERT_EQ(-EAGAIN, mq(self->pair.s, MQK_IOC_PUBLISH, &pub));
	EXPECT_EQ(MQK_RULE_HELD, rule(self->pair.s));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->other));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	ASSERT_EQ(0, room(&self->pair.port, LONG_MS));
	EXPECT_EQ(2, port_doorbell(&self->pair.port));
	EXPECT_EQ(2, pair_take(&self->pair, q));
	EXPECT_EQ(3, pair_take(&self->pair, self->other));
	ASSERT_EQ(0, mq(self->pair.s, MQK_IOC_PUBLISH, &pub));
	EXPECT_EQ(9, pair_take(&self->pair, self->other));
}

TEST_F(block, none_of_the_others_gets_it)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE), reject;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q", ""));
	ASSERT_EQ(0, sends(&self->pair.port, self->exchange, "", 1));
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->exchange, "", 2));
	EXPECT_EQ(1, pair_take(&self->pair, self->other));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->other));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	ASSERT_EQ(0, once_more(&self->pair.port, self->exchange, "", 2));
	EXPECT_EQ(2, pair_take(&self->pair, self->other));
	EXPECT_EQ(2, pair_take(&self->pair, q));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&self->pair.port));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&self->pair.port));

	/* one that refuses is another matter: these have it */
	reject = queue_declare_args(self->pair.s, "no",
				    "x-max-length=0 x-overflow=reject-publish");
	ASSERT_LT(0, reject);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "no", ""));
	ASSERT_EQ(0, sends(&self->pair.port, self->exchange, "", 3));
	ASSERT_EQ(MQK_COMPLETION_NACK, type_of(&self->pair.port));
	EXPECT_EQ(3, pair_take(&self->pair, self->other));
	EXPECT_EQ(3, pair_take(&self->pair, q));
}

/* --- patience ------------------------------------------------------------- */

TEST_F(block, in_the_end_it_is_refused)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE " x-mqk-block-timeout=200");
	__u64 begin;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q", ""));
	ASSERT_EQ(0, sends(&self->pair.port, self->exchange, "", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&self->pair.port));
	EXPECT_EQ(1, pair_take(&self->pair, self->other));
	begin = now_ms();
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->exchange, "", 2));
	ASSERT_EQ(0, once_more(&self->pair.port, self->exchange, "", 2));
	EXPECT_LE(199, now_ms() - begin);
	ASSERT_EQ(MQK_COMPLETION_NACK, type_of(&self->pair.port));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->other));
	/* the next one has as long */
	begin = now_ms();
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->exchange, "", 3));
	ASSERT_EQ(0, once_more(&self->pair.port, self->exchange, "", 3));
	EXPECT_LE(199, now_ms() - begin);
	ASSERT_EQ(MQK_COMPLETION_NACK, type_of(&self->pair.port));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->other));
}

TEST_F(block, without_patience)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE " x-mqk-block-timeout=0");

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&self->pair.port));
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 2));
	ASSERT_EQ(MQK_COMPLETION_NACK, type_of(&self->pair.port));
	EXPECT_EQ(0, self->pair.port.k->flags);
}

TEST_F(block, arguments)
{
	static const char * const bad[] = {
		"x-mqk-block-timeout=-1", "x-mqk-block-timeout=4294967296",
		"x-mqk-block-timeout=soon", "x-overflow=blocks",
	};

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	ASSERT_LT(0, queue_declare_args(self->pair.s, "q", ONE));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", ONE " x-mqk-block-timeout=1"));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	ASSERT_EQ(0, queue_set(self->pair.s, "q", 0, "x-mqk-block-timeout=4294967295"));
}

/* --- who makes room ------------------------------------------------------- */

static void *waits(void *arg)
{
	return (void *)(intptr_t)room(arg, LONG_MS);
}

static int purge(FIXTURE_DATA(block) *self)
{
	return queue_purge(self->pair.s, "q") == 1 ? 0 : -EIO;
}

static int delete(FIXTURE_DATA(block) *self)
{
	return queue_delete(self->pair.s, "q", 0);
}

static int lengthen(FIXTURE_DATA(block) *self)
{
	return queue_set(self->pair.s, "q", 0, "x-max-length=2");
}

static int drop_head(FIXTURE_DATA(block) *self)
{
	return queue_set(self->pair.s, "q", 0, "x-overflow=drop-head");
}

static int consume(FIXTURE_DATA(block) *self)
{
	static struct consumer c;

	return consumer_make(&c, self->pair.r, "q", MQK_CONSUMER_F_NOACK, 0, 16);
}

TEST_F(block, whoever_makes_room_wakes)
{
	static int (* const make[])(FIXTURE_DATA(block) *self) = {
		purge, lengthen, drop_head, consume, delete,
	};
	unsigned int i;
	pthread_t thread;
	void *ret;

	for (i = 0; i < ARRAY_SIZE(make); i++) {
		struct port p;

		ASSERT_LT(0, queue_declare_args(self->pair.s, "q", ONE));
		ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
		ASSERT_EQ(0, sends(&p, self->pair.exchange, "q", 1));
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&p));
		ASSERT_EQ(-EAGAIN, sends(&p, self->pair.exchange, "q", 2));
		ASSERT_EQ(0, pthread_create(&thread, NULL, waits, &p));
		sleep_ms(SHORT_MS);
		ASSERT_EQ(0, make[i](self)) {
			TH_LOG("%u", i);
		}
		ASSERT_EQ(0, pthread_join(thread, &ret));
		EXPECT_EQ(0, (intptr_t)ret);
		EXPECT_EQ(0, again(&p, self->pair.exchange, "q", 2)) {
			TH_LOG("%u", i);
		}
		EXPECT_EQ(MQK_COMPLETION_CONFIRM, type_of(&p));
		ASSERT_EQ(0, port_close(&p));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

/* What a waiting consumer takes fits a queue of length 0. */
TEST_F(block, a_consumer_comes)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=0 x-overflow=block");
	struct consumer c;

	ASSERT_LT(0, q);
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 1, 16));
	ASSERT_EQ(0, once_more(&self->pair.port, self->pair.exchange, "q", 1));
	EXPECT_EQ(1, take_number(&c, NULL, LONG_MS));
	/* out of credit: then it is the acknowledgement that makes room */
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->pair.exchange, "q", 2));
	EXPECT_EQ(-EAGAIN, room(&self->pair.port, 0));
	ASSERT_EQ(1, consumer_settle(&c, 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE));
	ASSERT_EQ(0, once_more(&self->pair.port, self->pair.exchange, "q", 2));
	EXPECT_EQ(2, take_number(&c, NULL, LONG_MS));
}

/* A large message that does not fit keeps no small one from it. */
TEST_F(block, large_and_small)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     "x-max-length-bytes=6 x-overflow=block");
	struct msg large = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = "sevenbytes", .payload_len = 7,
	};
	struct port p;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(-EAGAIN, port_publish(&p, &large));
	ASSERT_EQ(-EAGAIN, sends(&self->pair.port, self->pair.exchange, "q", 2));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, room(&p, 0));
	EXPECT_EQ(0, room(&self->pair.port, 0));
	EXPECT_EQ(0, again(&self->pair.port, self->pair.exchange, "q", 2));
	EXPECT_EQ(-EAGAIN, room(&p, 0));
}

#define MANY	70

/* More than the queue keeps in mind: the others look again. */
TEST_F_TIMEOUT(block, many_wait, 60)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=80 x-overflow=block");
	static struct port p[MANY];
	struct mqk_queue_next info;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&self->pair.port, self->pair.s, 0, 64));
	ASSERT_EQ(0, port_numbers(&self->pair.port, self->pair.exchange, "q", 1, 80));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, port_make(&p[i], self->pair.s, variant->flags, 16));
		ASSERT_EQ(-EAGAIN, sends(&p[i], self->pair.exchange, "q", 100 + i));
	}
	ASSERT_EQ(80, queue_purge(self->pair.s, "q"));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, room(&p[i], LONG_MS));
		ASSERT_EQ(0, again(&p[i], self->pair.exchange, "q", 100 + i));
	}
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(MANY, info.ready);
}

struct sender {
	pthread_t thread;
	struct port port;
	__u32 exchange, first;
	int error;
};

#define SENDERS	4
#define EACH	120

static void *send_all(void *arg)
{
	struct sender *v = arg;
	__u32 i;
	int ret;

	for (i = 0; i < EACH; i++) {
		ret = sends(&v->port, v->exchange, "", v->first + i);
		while (ret == -EAGAIN) {
			ret = room(&v->port, LONG_MS);
			if (!ret)
				ret = again(&v->port, v->exchange, "", v->first + i);
		}
		if (!ret && type_of(&v->port) != MQK_COMPLETION_CONFIRM)
			ret = -EBADE;
		if (ret)
			break;
	}
	v->error = ret;
	return NULL;
}

/* All arrive, in both queues, in order, and there are never too many. */
TEST_F_TIMEOUT(block, senders, 120)
{
	static struct sender v[SENDERS];
	__u32 i, next[2][SENDERS] = {}, left = 2 * SENDERS * EACH;
	__u64 end = now_ms() + 90000;
	struct mqk_queue_next info;
	__s64 q[2], got;

	memset(v, 0, sizeof(v));
	ASSERT_EQ(0, binding_del(self->pair.s, "f", "other", ""));
	q[0] = queue_declare_args(self->pair.s, "a", "x-max-length=3 x-overflow=block");
	q[1] = queue_declare_args(self->pair.s, "b", "x-max-length=5 x-overflow=block");
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "a", ""));
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "b", ""));
	for (i = 0; i < SENDERS; i++) {
		v[i].first = i << 16;
		v[i].exchange = self->exchange;
		ASSERT_EQ(0, port_make(&v[i].port, env_session(&self->pair.env, O_RDWR),
				       variant->flags, 16));
		ASSERT_EQ(0, pthread_create(&v[i].thread, NULL, send_all, &v[i]));
	}
	while (left && now_ms() < end)
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, queue_info(self->pair.s, q[i], &info));
			ASSERT_GE(i ? 5 : 3, info.ready);
			got = pair_take(&self->pair, q[i]);
			if (got == -EAGAIN)
				continue;
			ASSERT_LE(0, got);
			ASSERT_GT(SENDERS, got >> 16);
			ASSERT_EQ(next[i][got >> 16]++, got & 0xffff);
			left--;
		}
	EXPECT_EQ(0, left);
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, pthread_join(v[i].thread, NULL));
		EXPECT_EQ(0, v[i].error);
	}
}

/* --- the end -------------------------------------------------------------- */

TEST_F(block, its_port_ends)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE);
	pthread_t thread;
	struct port p;
	void *ret;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q", ""));
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 1));
	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	ASSERT_EQ(-EAGAIN, sends(&p, self->exchange, "", 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, waits, &p));
	sleep_ms(SHORT_MS);
	EXPECT_EQ(10, held(self->pair.s));
	ASSERT_EQ(0, port_close(&p));
	EXPECT_EQ(0, held(self->pair.s));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-ENOENT, (intptr_t)ret);
	/* what waited is gone, and in no queue */
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->other));
}

TEST_F(block, its_process_is_killed)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE);
	__u32 *there = shared(sizeof(*there));
	pid_t pid;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 1));
	pid = spawn();
	if (!pid) {
		struct port p;
		int s = broker_open(&self->pair.env.broker, O_RDWR);

		if (!port_make(&p, s, variant->flags, 16) &&
		    sends(&p, self->pair.exchange, "q", 2) == -EAGAIN)
			word_set(there, 1);
		room(&p, -1);
		_exit(1);
	}
	ASSERT_EQ(0, word_wait(there, 1, LONG_MS));
	EXPECT_EQ(128 + 9, kill_hard(pid));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
	EXPECT_EQ(0, sends(&self->pair.port, self->pair.exchange, "q", 3));
}

/* --- other reasons -------------------------------------------------------- */

TEST_F(block, a_limit)
{
	struct mqk_broker_create want = { .limit = { [MQK_RES_MESSAGES] = 64 } };
	struct broker b;
	struct port p;
	__s64 e, q;
	__u32 i;
	int s, ret;

	ASSERT_EQ(0, broker_make(&b, &want));
	s = broker_open(&b, O_RDWR);
	ASSERT_LE(0, s);
	e = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
	q = queue_declare(s, "q", 0);
	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&p, s, variant->flags & ~CONFIRM, 64));
	for (i = 0, ret = 0; i < 65 && !ret; i++)
		ret = sends(&p, e, "q", i);
	ASSERT_EQ(-ENOSPC, ret);
	EXPECT_EQ(MQK_HELD_LIMIT, p.k->reason);
	EXPECT_EQ(MQK_RES_MESSAGES, p.k->about);
	/* it is looked at again after a while */
	EXPECT_EQ(0, room(&p, LONG_MS));
	ASSERT_EQ(i - 1, queue_purge(s, "q"));
	EXPECT_EQ(0, again(&p, e, "q", i));
	EXPECT_EQ(MQK_HELD_NOT, p.k->reason);
	EXPECT_EQ(0, p.k->flags);
	EXPECT_EQ(0, held(s));
	port_unmap(&p);
	session_close(s);
	ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
}

/* The ring is the process's own: there is nothing to wait for. */
TEST_F(block, a_full_ring)
{
	struct mqk_completion c;
	struct port p;
	int i, ret = 0;

	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	for (i = 0; i < 20 && !ret; i++)
		ret = sends(&p, self->exchange, "", i);
	ASSERT_EQ(-EAGAIN, ret);
	EXPECT_EQ(MQK_HELD_RING, p.k->reason);
	EXPECT_EQ(0, p.k->flags);
	EXPECT_EQ(0, room(&p, 0));
	while (!port_completion(&p, &c, 0))
		;
	EXPECT_EQ(0, again(&p, self->exchange, "", i));
	EXPECT_EQ(MQK_HELD_NOT, p.k->reason);
}

/* A producer's message that was refused in the end comes again with its number. */
TEST_F(block, of_a_producer)
{
	__s64 q = queue_declare_args(self->pair.s, "q", ONE " x-mqk-block-timeout=100");
	struct port p;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q", ""));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "p", 0));
	ASSERT_EQ(0, sends(&p, self->exchange, "", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&p));
	ASSERT_EQ(-EAGAIN, sends(&p, self->exchange, "", 2));
	ASSERT_EQ(0, once_more(&p, self->exchange, "", 2));
	ASSERT_EQ(MQK_COMPLETION_NACK, type_of(&p));
	EXPECT_EQ(1, pair_take(&self->pair, self->other));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, self->other));
	EXPECT_EQ(1, pair_take(&self->pair, q));
	ASSERT_EQ(0, port_close(&p));
	ASSERT_EQ(0, port_make_for(&p, self->pair.s, variant->flags, 16, "p", 0));
	EXPECT_EQ(1, p.c.last);
	ASSERT_EQ(0, sends(&p, self->exchange, "", 2));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, type_of(&p));
	EXPECT_EQ(2, pair_take(&self->pair, q));
	EXPECT_EQ(2, pair_take(&self->pair, self->other));
	ASSERT_EQ(0, port_forget(&p));
}

TEST_HARNESS_MAIN
