// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions whose process is killed, closes its session, or forks, at whatever
 * moment, also inside COMMIT: all of each is done, or nothing.
 *
 * mqk-test: parallel timeout=300
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define INPLACE		MQK_PORT_F_INPLACE
#define PULL		MQK_CONSUMER_F_PULL
#define TOKENS		64
#define BATCH		8		/* messages of a transaction */
#define ROUNDS		12

FIXTURE(ltx)
{
	struct env env;
	int r;				/* looks on */
	struct port out;
	struct consumer get;
	__u32 direct, fanout;
	__u32 source, a, b;		/* fanout leads to a and b */
	__u32 *begun;			/* transactions of the child */
};

FIXTURE_VARIANT(ltx)
{
	__u32 flags;
	bool closes;			/* its session, instead of being killed */
};

FIXTURE_VARIANT_ADD(ltx, copy_killed) { .flags = 0, .closes = false };
FIXTURE_VARIANT_ADD(ltx, copy_closed) { .flags = 0, .closes = true };
FIXTURE_VARIANT_ADD(ltx, inplace_killed) { .flags = INPLACE, .closes = false };
/* Not in place and closed: who writes to a window that was taken away gets a SIGBUS. */

FIXTURE_SETUP(ltx)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->r, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->direct = id;
	id = exchange_declare(self->r, "f", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_LT(0, id);
	self->fanout = id;
	id = queue_declare(self->r, "in", 0);
	ASSERT_LT(0, id);
	self->source = id;
	id = queue_declare(self->r, "a", 0);
	ASSERT_LT(0, id);
	self->a = id;
	id = queue_declare(self->r, "b", 0);
	ASSERT_LT(0, id);
	self->b = id;
	ASSERT_EQ(0, binding_add(self->r, "f", "a", ""));
	ASSERT_EQ(0, binding_add(self->r, "f", "b", ""));
	ASSERT_EQ(0, port_make(&self->out, self->r, 0, 64));
	ASSERT_EQ(0, consumer_make(&self->get, self->r, NULL, PULL, 0, 64));
	self->begun = shared(sizeof(*self->begun));
	ASSERT_NE(NULL, self->begun);
}

FIXTURE_TEARDOWN(ltx)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static int transact(int fd, __u32 flag)
{
	struct mqk_tx tx = { .size = sizeof(tx), .flags = flag };

	return mq(fd, MQK_IOC_TX, &tx);
}

/* A session that moves tokens from the source to both queues, so many at once. */
struct mover {
	FIXTURE_DATA(ltx) *self;
	int s;
	struct port p;
	struct consumer in;
};

static int mover_open(struct mover *m, FIXTURE_DATA(ltx) *self, __u32 flags)
{
	m->self = self;
	m->s = broker_open(&self->env.broker, O_RDWR);
	if (m->s < 0)
		return m->s;
	return port_make(&m->p, m->s, flags, 64) ?:
	       consumer_make(&m->in, m->s, "in", 0, BATCH, 64);
}

/* Take part of a batch into the transaction: 0 or -errno. */
static int stage(struct mover *m)
{
	struct mqk_delivery d;
	int i, ret = 0;

	for (i = 0; i < BATCH && !ret; i++) {
		if (consumer_poll(&m->in, &d))
			break;
		ret = port_number(&m->p, m->self->fanout, "", delivery_number(m->s, &d));
		consumer_ack(&m->in, d.tag, MQK_ACK_ACCEPT, 0);
	}
	return ret;
}

/* Until somebody ends it, or there is nothing left. */
static void *move(void *arg)
{
	struct mover *m = arg;
	int ret = 0;

	while (!ret) {
		ret = transact(m->s, MQK_TX_F_BEGIN) ?: stage(m);
		word_set(m->self->begun, *m->self->begun + 1);
		ret = ret ?: transact(m->s, MQK_TX_F_COMMIT);
	}
	return NULL;
}

static void child(FIXTURE_DATA(ltx) *self, __u32 flags, bool closes, unsigned int us)
{
	struct mover m;
	pthread_t thread;

	if (mover_open(&m, self, flags))
		_exit(1);
	if (!closes) {
		move(&m);
		_exit(2);
	}
	if (pthread_create(&thread, NULL, move, &m))
		_exit(3);
	word_wait(self->begun, 1, LONG_MS);
	usleep(us);
	/* the session ends when the call that the other one may be in returns */
	close(m.s);
	pthread_join(thread, NULL);
	_exit(0);
}

static __s64 count(FIXTURE_DATA(ltx) *self, __u32 queue, bool unacked)
{
	struct mqk_queue_next info = {};
	int ret = queue_info(self->r, queue, &info);

	return ret ? ret : unacked ? (__s64)info.unacked : (__s64)info.ready;
}

static __s64 gets(FIXTURE_DATA(ltx) *self, __u32 queue)
{
	struct mqk_delivery d;
	int ret = queue_get(self->r, self->get.c.id, queue, 0, 0, &d, NULL);
	__u32 number;

	if (ret)
		return ret;
	number = delivery_number(self->r, &d);
	ret = consumer_settle(&self->get, d.tag, MQK_ACK_ACCEPT, 0);
	return ret == 1 ? (__s64)number : -EIO;
}

/* Where each token is: a bit for each queue; -1 if one comes twice. */
static int find_all(FIXTURE_DATA(ltx) *self, unsigned char *where)
{
	__u32 queues[] = { self->source, self->a, self->b };
	__s64 number;
	int i;

	memset(where, 0, TOKENS + 1);
	for (i = 0; i < 3; i++)
		while ((number = gets(self, queues[i])) > 0) {
			if (number > TOKENS || where[number] & 1 << i)
				return -1;
			where[number] |= 1 << i;
		}
	return 0;
}

TEST_F_TIMEOUT(ltx, ends_at_a_random_moment, 300)
{
	unsigned int seed = 1 + variant->flags + variant->closes, round, moved = 0, i;
	unsigned char where[TOKENS + 1];

	for (round = 0; round < ROUNDS; round++) {
		unsigned int us = rand_r(&seed) % 3000;
		__u64 end;
		pid_t pid;

		ASSERT_EQ(0, port_numbers(&self->out, self->direct, "in", 1, TOKENS));
		word_set(self->begun, 0);
		pid = spawn();
		ASSERT_LE(0, pid);
		if (!pid)
			child(self, variant->flags, variant->closes, us);
		ASSERT_EQ(0, word_wait(self->begun, 1, LONG_MS));
		if (variant->closes) {
			int status;

			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EQ(0, status);
		} else {
			usleep(us);
			EXPECT_EQ(128 + SIGKILL, kill_hard(pid));
		}
		end = now_ms() + LONG_MS;
		while (count(self, self->source, true) && now_ms() < end)
			sleep_ms(10);
		EXPECT_EQ(0, count(self, self->source, true));
		EXPECT_EQ(count(self, self->a, false), count(self, self->b, false));
		ASSERT_EQ(0, find_all(self, where));
		for (i = 1; i <= TOKENS; i++) {
			EXPECT_TRUE(where[i] == 1 || where[i] == 6) {
				TH_LOG("round %u: token %u is in %#x", round, i, where[i]);
			}
			moved += where[i] == 6;
		}
	}
	TH_LOG("%u of %u were moved", moved, ROUNDS * TOKENS);
	EXPECT_LT(0, moved);
}

/* A child has the session as its parent does: whoever commits, commits. */
TEST_F(ltx, a_child_has_it_too)
{
	struct mover m;
	int status, i;
	pid_t pid;

	ASSERT_EQ(0, port_numbers(&self->out, self->direct, "in", 1, 2 * BATCH));
	ASSERT_EQ(0, mover_open(&m, self, variant->flags));
	for (i = 0; i < 2; i++) {
		bool commits = variant->closes == (i == 0);

		while (count(self, self->source, true) < BATCH)
			sleep_ms(10);
		ASSERT_EQ(0, transact(m.s, MQK_TX_F_BEGIN));
		ASSERT_EQ(0, stage(&m));
		pid = spawn();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (commits)
				_exit(transact(m.s, MQK_TX_F_COMMIT) ? 1 : 0);
			execl("/bin/true", "true", NULL);
			_exit(2);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		/* what exec closes is the child's descriptor */
		EXPECT_EQ(commits ? -EINVAL : 0, transact(m.s, MQK_TX_F_COMMIT));
		EXPECT_EQ((i + 1) * BATCH, count(self, self->a, false));
		EXPECT_EQ((i + 1) * BATCH, count(self, self->b, false));
	}
	port_unmap(&m.p);
	consumer_unmap(&m.in);
	record_unmap(m.s);
	close(m.s);
	EXPECT_EQ(0, count(self, self->source, false));
}

TEST_HARNESS_MAIN
