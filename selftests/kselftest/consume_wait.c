// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleeping and waking: MQK_IOC_WAIT, poll, epoll, and the words in the shared
 * pages that say whether anyone wants to be woken or kicked.
 *
 * mqk-test: parallel timeout=60
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define ACCEPT	MQK_ACK_ACCEPT

FIXTURE(wait)
{
	struct env env;
	int s, r;
	struct port port;
	struct consumer c;
	__u32 exchange, queue;
};

FIXTURE_SETUP(wait)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, MQK_PORT_F_CONFIRM, 16));
	ASSERT_EQ(0, consumer_make(&self->c, self->r, "q", 0, 4, 16));
}

FIXTURE_TEARDOWN(wait)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static int send(FIXTURE_DATA(wait) *self, __u32 from, __u32 to)
{
	struct mqk_completion c;
	int ret = 0;

	for (; from <= to && !ret; from++) {
		ret = port_number(&self->port, self->exchange, "q", from);
		while (!port_completion(&self->port, &c, 0))
			;
	}
	return ret;
}

/* --- WAIT ----------------------------------------------------------------- */

TEST_F(wait, timeouts)
{
	__u64 begin;

	EXPECT_EQ(-EAGAIN, consumer_wait(&self->c, 0));
	begin = now_ms();
	EXPECT_EQ(-ETIMEDOUT, consumer_wait(&self->c, SHORT_MS * 1000000ll));
	EXPECT_LE(SHORT_MS, now_ms() - begin);
	EXPECT_EQ(-ETIMEDOUT, consumer_wait(&self->c, 1));
	/* With something there it does not matter. */
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(0, consumer_wait(&self->c, 0));
	EXPECT_EQ(0, consumer_wait(&self->c, -1));
	EXPECT_EQ(0, consumer_wait(&self->c, INT64_MIN));
	EXPECT_EQ(0, consumer_wait(&self->c, INT64_MAX));
}

TEST_F(wait, wants_one_kind)
{
	struct mqk_wait w = { .size = sizeof(w), .id = self->c.c.id };

	EXPECT_EQ(-EINVAL, mq(self->r, MQK_IOC_WAIT, &w));
	w.flags = MQK_WAIT_F_CONSUMER | MQK_WAIT_F_PORT;
	EXPECT_EQ(-EINVAL, mq(self->r, MQK_IOC_WAIT, &w));
	w.flags = MQK_WAIT_F_CONSUMER;
	w.id = 0;
	EXPECT_EQ(-ENOENT, mq(self->r, MQK_IOC_WAIT, &w));
	w.id = self->c.c.id + 1;
	EXPECT_EQ(-ENOENT, mq(self->r, MQK_IOC_WAIT, &w));
	w.flags = MQK_WAIT_F_PORT;
	w.id = self->c.c.id;
	EXPECT_EQ(-ENOENT, mq(self->r, MQK_IOC_WAIT, &w));
}

/* Acknowledgements are taken first: they may make room for what one waits for. */
TEST_F(wait, takes_acknowledgements_first)
{
	__u64 tags[4];

	ASSERT_EQ(0, send(self, 1, 10));
	ASSERT_EQ(4, take_numbers(&self->c, 4, NULL, tags));
	EXPECT_EQ(-EAGAIN, consumer_wait(&self->c, 0));
	consumer_ack(&self->c, tags[0], ACCEPT, 0);
	EXPECT_EQ(0, consumer_wait(&self->c, 0));
	EXPECT_EQ(1, consumer_count(&self->c));
	EXPECT_EQ(1, self->c.k->ack_head);
}

/* --- a thread that sleeps ------------------------------------------------- */

struct sleeper {
	struct consumer *c;
	__s64 timeout;
	int ret;
	pid_t tid;
};

static void *sleep_in_wait(void *arg)
{
	struct sleeper *s = arg;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = consumer_wait(s->c, s->timeout);
	return NULL;
}

static int sleeper_start(struct sleeper *s, struct consumer *c,
			 pthread_t *thread)
{
	s->c = c;
	s->timeout = -1;
	s->tid = 0;
	s->ret = 1;
	if (pthread_create(thread, NULL, sleep_in_wait, s))
		return -EAGAIN;
	while (!__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return asleep(s->tid, LONG_MS) ? 0 : -ETIMEDOUT;
}

TEST_F(wait, wakes_for_a_message)
{
	struct sleeper s;
	pthread_t thread;

	ASSERT_EQ(0, sleeper_start(&s, &self->c, &thread));
	ASSERT_EQ(0, send(self, 1, 1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, s.ret);
	EXPECT_EQ(1, take_number(&self->c, NULL, 0));
}

TEST_F(wait, wakes_for_an_inplace_message)
{
	struct sleeper s;
	struct port p;
	pthread_t thread;

	ASSERT_EQ(0, port_make(&p, self->s, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, sleeper_start(&s, &self->c, &thread));
	ASSERT_EQ(0, port_number(&p, self->exchange, "q", 2));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, s.ret);
	EXPECT_EQ(2, take_number(&self->c, NULL, 0));
}

TEST_F(wait, wakes_for_one_that_comes_back)
{
	struct consumer other;
	struct sleeper s;
	pthread_t thread;
	__u64 tag;

	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(0, consumer_make(&other, self->s, "q", 0, 1, 16));
	ASSERT_EQ(0, send(self, 1, 1));
	ASSERT_EQ(1, take_numbers(&other, 1, NULL, &tag));
	ASSERT_EQ(0, consumer_make(&self->c, self->r, "q", 0, 1, 16));
	ASSERT_EQ(0, sleeper_start(&s, &self->c, &thread));
	ASSERT_EQ(0, consumer_close(&other));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, s.ret);
}

static void nothing(int sig)
{
}

TEST_F(wait, a_signal_is_EINTR)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct sleeper s;
	pthread_t thread;

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_EQ(0, sleeper_start(&s, &self->c, &thread));
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EINTR, s.ret);
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(1, take_number(&self->c, NULL, LONG_MS));
}

TEST_F(wait, wakes_when_the_queue_is_deleted)
{
	struct sleeper s;
	pthread_t thread;

	ASSERT_EQ(0, sleeper_start(&s, &self->c, &thread));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOENT, s.ret);
	EXPECT_EQ(-ENOENT, self->c.k->error);
}

TEST_F(wait, wakes_when_it_is_closed)
{
	struct sleeper s;
	pthread_t thread;

	ASSERT_EQ(0, sleeper_start(&s, &self->c, &thread));
	ASSERT_EQ(0, consumer_close(&self->c));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOENT, s.ret);
}

/* What was delivered before the end can be read before one hears of it. */
TEST_F(wait, the_ring_comes_before_the_error)
{
	ASSERT_EQ(0, send(self, 1, 2));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	EXPECT_EQ(0, consumer_wait(&self->c, -1));
	ASSERT_EQ(2, take_numbers(&self->c, 2, NULL, NULL));
	EXPECT_EQ(-ENOENT, consumer_wait(&self->c, -1));
	EXPECT_EQ(-ENOENT, consumer_wait(&self->c, 0));
}

TEST_F(wait, two_sleepers_of_one_consumer_both_wake)
{
	struct sleeper s[2];
	pthread_t thread[2];

	ASSERT_EQ(0, sleeper_start(&s[0], &self->c, &thread[0]));
	ASSERT_EQ(0, sleeper_start(&s[1], &self->c, &thread[1]));
	ASSERT_EQ(0, send(self, 1, 1));
	ASSERT_EQ(0, pthread_join(thread[0], NULL));
	ASSERT_EQ(0, pthread_join(thread[1], NULL));
	EXPECT_EQ(0, s[0].ret);
	EXPECT_EQ(0, s[1].ret);
}

/* The lost wake-up: a message that comes while the reader goes to sleep. */
struct pinger {
	FIXTURE_DATA(wait) *self;
	__u32 rounds, done;
};

static void *ping(void *arg)
{
	struct pinger *p = arg;
	__u32 i;

	for (i = 0; i < p->rounds; i++) {
		while (__atomic_load_n(&p->done, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		if (send(p->self, i, i))
			break;
	}
	return NULL;
}

static __u32 ping_pong(FIXTURE_DATA(wait) *self, struct pinger *p, bool awake)
{
	struct mqk_delivery d;
	pthread_t thread;
	__u32 i;

	if (pthread_create(&thread, NULL, ping, p))
		return 0;
	for (i = 0; i < p->rounds; i++) {
		int spin = i % 200;

		/* Look a while, go to sleep at various moments. */
		if (awake) {
			__atomic_store_n(&self->c.u->awake, 1,
					 __ATOMIC_RELAXED);
			while (spin-- && !consumer_there(&self->c, 0))
				;
			__atomic_store_n(&self->c.u->awake, 0,
					 __ATOMIC_RELAXED);
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
		}
		if (take_number(&self->c, &d, LONG_MS) != i)
			break;
		consumer_ack(&self->c, d.tag, ACCEPT, 0);
		__atomic_store_n(&p->done, i + 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&p->done, p->rounds + 1, __ATOMIC_RELEASE);
	if (i < p->rounds)
		pthread_cancel(thread);
	pthread_join(thread, NULL);
	return i;
}

TEST_F_TIMEOUT(wait, no_wakeup_is_lost, 90)
{
	struct pinger p = { .self = self, .rounds = 3000 };

	EXPECT_EQ(3000, ping_pong(self, &p, false));
}

TEST_F_TIMEOUT(wait, no_wakeup_is_lost_with_the_awake_word, 90)
{
	struct pinger p = { .self = self, .rounds = 3000 };

	EXPECT_EQ(3000, ping_pong(self, &p, true));
}

/* --- poll ----------------------------------------------------------------- */

static int polled(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int ret = poll(&p, 1, ms);

	return ret < 0 ? -errno : p.revents;
}

#define IN	(POLLIN | POLLRDNORM)

TEST_F(wait, poll_is_level_triggered)
{
	struct mqk_delivery d;

	EXPECT_EQ(0, polled(self->r, POLLIN, 0));
	ASSERT_EQ(0, send(self, 1, 2));
	EXPECT_EQ(POLLIN, polled(self->r, POLLIN, LONG_MS));
	EXPECT_EQ(POLLIN, polled(self->r, POLLIN, 0));
	ASSERT_EQ(1, take_number(&self->c, &d, 0));
	EXPECT_EQ(POLLIN, polled(self->r, POLLIN, 0));
	ASSERT_EQ(2, take_number(&self->c, &d, 0));
	EXPECT_EQ(0, polled(self->r, POLLIN, 0));
	EXPECT_EQ(0, polled(self->r, POLLIN, SHORT_MS));
	/* The producer's session has nothing to read. */
	EXPECT_EQ(0, polled(self->s, POLLIN, 0));
}

TEST_F(wait, poll_for_completions)
{
	struct mqk_completion c;

	EXPECT_EQ(0, polled(self->s, POLLIN, 0));
	ASSERT_EQ(0, port_number(&self->port, self->exchange, "q", 1));
	EXPECT_EQ(POLLIN, polled(self->s, POLLIN, LONG_MS));
	ASSERT_EQ(0, port_completion(&self->port, &c, 0));
	EXPECT_EQ(0, polled(self->s, POLLIN, 0));
}

TEST_F(wait, poll_of_any_consumer_of_the_session)
{
	struct consumer other;

	ASSERT_LT(0, queue_declare(self->s, "other", 0));
	ASSERT_EQ(0, consumer_make(&other, self->r, "other", 0, 0, 16));
	ASSERT_EQ(0, port_number(&self->port, self->exchange, "other", 1));
	EXPECT_EQ(POLLIN, polled(self->r, POLLIN, LONG_MS));
	ASSERT_EQ(1, take_number(&other, NULL, 0));
	EXPECT_EQ(0, polled(self->r, POLLIN, 0));
}

struct poller {
	int fd, ret;
	pid_t tid;
};

static void *sleep_in_poll(void *arg)
{
	struct poller *p = arg;

	__atomic_store_n(&p->tid, gettid(), __ATOMIC_RELEASE);
	p->ret = polled(p->fd, POLLIN, LONG_MS);
	return NULL;
}

static int poller_start(struct poller *p, int fd, pthread_t *thread)
{
	p->fd = fd;
	p->tid = 0;
	if (pthread_create(thread, NULL, sleep_in_poll, p))
		return -EAGAIN;
	while (!__atomic_load_n(&p->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return asleep(p->tid, LONG_MS) ? 0 : -ETIMEDOUT;
}

TEST_F(wait, poll_wakes_for_a_message)
{
	struct poller p;
	pthread_t thread;

	ASSERT_EQ(0, poller_start(&p, self->r, &thread));
	ASSERT_EQ(0, send(self, 1, 1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(POLLIN, p.ret);
}

TEST_F(wait, poll_wakes_when_the_queue_is_deleted)
{
	struct poller p;
	pthread_t thread;

	ASSERT_EQ(0, poller_start(&p, self->r, &thread));
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, p.ret);
	EXPECT_EQ(-ENOENT, self->c.k->error);
}

TEST_F(wait, poll_wakes_when_the_broker_goes)
{
	struct poller p;
	pthread_t thread;

	ASSERT_EQ(0, poller_start(&p, self->r, &thread));
	ASSERT_EQ(0, broker_delete(&self->env.broker,
				   MQK_BROKER_DELETE_F_FORCE));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_NE(0, p.ret & (POLLHUP | POLLERR));
	/* For the teardown. */
	close(self->env.admin);
	env_release(&self->env);
	ASSERT_EQ(0, env_begin(&self->env, NULL));
}

TEST_F(wait, epoll_level)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->r, &e));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, LONG_MS));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, 0));
	ASSERT_EQ(1, take_number(&self->c, NULL, 0));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	close(ep);
}

/* Once for each arrival, whether or not the last was read. */
TEST_F(wait, epoll_edge)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->r, &e));
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, LONG_MS));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	ASSERT_EQ(0, send(self, 2, 2));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, LONG_MS));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, SHORT_MS));
	ASSERT_EQ(2, take_numbers(&self->c, 2, NULL, NULL));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	close(ep);
}

TEST_F(wait, epoll_oneshot)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = epoll_create1(0);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->r, &e));
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, LONG_MS));
	ASSERT_EQ(0, send(self, 2, 2));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	e.events = EPOLLIN | EPOLLONESHOT;
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->r, &e));
	EXPECT_EQ(1, epoll_wait(ep, &e, 1, LONG_MS));
	close(ep);
}

/* A session that is watched can be closed. */
TEST_F(wait, epoll_outlives_the_session)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->r, &e));
	session_close(self->r);
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(0, epoll_wait(ep, &e, 1, 0));
	close(ep);
}

/* --- kicks ---------------------------------------------------------------- */

static bool kick_wanted(const struct consumer *c)
{
	__u32 at = __atomic_load_n(&c->k->kick_at, __ATOMIC_ACQUIRE);

	return (__atomic_load_n(&c->k->flags, __ATOMIC_ACQUIRE) &
		MQK_CONSUMER_PAGE_F_KICK) &&
	       (__s32)((__u32)c->ack_tail - at) >= 0;
}

/* A reader that acknowledges, and calls only when the page says so or when the
 * ring is dry, gets everything and calls seldom.
 */
TEST_F(wait, kick_only_when_asked)
{
	__u32 got = 0, kicks = 0, dry = 0;
	struct mqk_delivery d;

	ASSERT_EQ(0, send(self, 0, 999));
	while (got < 1000) {
		if (consumer_poll(&self->c, &d)) {
			/* Out of deliveries: the flag must be up. */
			ASSERT_NE(0, self->c.k->flags &
				     MQK_CONSUMER_PAGE_F_KICK);
			ASSERT_LT(0, consumer_kick(&self->c));
			dry++;
			continue;
		}
		ASSERT_EQ(got++, delivery_number(self->r, &d));
		consumer_ack(&self->c, d.tag, ACCEPT, 0);
		if (kick_wanted(&self->c)) {
			ASSERT_LT(0, consumer_kick(&self->c));
			kicks++;
		}
	}
	EXPECT_GE(1000, kicks + dry);
	ASSERT_LE(0, consumer_kick(&self->c));
	EXPECT_EQ(0, self->c.k->flags & MQK_CONSUMER_PAGE_F_KICK);
}

/* With credit to spare, no kick is asked for and none is needed. */
TEST_F(wait, no_kick_with_credit_to_spare)
{
	struct mqk_delivery d;
	__u32 i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, send(self, i, i));
		ASSERT_EQ(i, take_number(&self->c, &d, 0));
		EXPECT_FALSE(kick_wanted(&self->c));
	}
}

/* Publishing takes acknowledgements that lie there: no kick, no wait, and the
 * next message comes though the credit had been used up.
 */
TEST_F(wait, publishing_takes_acknowledgements)
{
	struct mqk_delivery d;
	__u32 i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, send(self, i, i));
		ASSERT_TRUE(consumer_there(&self->c, 0));
		ASSERT_EQ(0, consumer_poll(&self->c, &d));
		ASSERT_EQ(i, delivery_number(self->r, &d));
		consumer_ack(&self->c, d.tag, ACCEPT, 0);
	}
}

TEST_HARNESS_MAIN
