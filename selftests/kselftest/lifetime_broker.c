// SPDX-License-Identifier: GPL-2.0-only
/*
 * Brokers come and go: busy ones are kept, forced ones take everyone's sleep
 * away, and nothing is left of them.
 *
 * mqk-test: parallel timeout=120
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "calls.h"
#include "harness.h"

#define FORCE	MQK_BROKER_DELETE_F_FORCE

FIXTURE(broker)
{
	struct broker b;
	int s;
};

FIXTURE_SETUP(broker)
{
	ASSERT_EQ(0, broker_make(&self->b, NULL));
	self->s = broker_open(&self->b, O_RDWR);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(broker)
{
	if (self->s >= 0)
		close(self->s);
	broker_delete(&self->b, FORCE);
}

TEST_F(broker, is_busy_while_it_has_sessions)
{
	EXPECT_EQ(-EBUSY, broker_delete(&self->b, 0));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	close(self->s);
	self->s = -1;
	/* Queues and messages are no reason. */
	EXPECT_EQ(0, broker_delete(&self->b, 0));
	EXPECT_EQ(-ENOENT, broker_open(&self->b, O_RDWR));
	EXPECT_EQ(-ENOENT, broker_delete(&self->b, FORCE));
}

TEST_F(broker, forced_it_ends_its_sessions)
{
	struct mqk_query q;

	ASSERT_EQ(0, broker_delete(&self->b, FORCE));
	EXPECT_EQ(-ESHUTDOWN, queue_declare(self->s, "q", 0));
	EXPECT_EQ(-ESHUTDOWN, query(self->s, &q));
	EXPECT_EQ(-ESHUTDOWN, mq_value(self->s, MQK_IOC_DOORBELL, 1));
	EXPECT_EQ(-ESHUTDOWN, mq_value(self->s, MQK_IOC_KICK, 1));
	EXPECT_EQ(-ENOENT, broker_open(&self->b, O_RDWR));
}

/* Every call on a session of a broker that is no more. */
TEST_F(broker, every_call_is_ESHUTDOWN)
{
	__u8 request[REQUEST_MAX];
	struct world w;
	unsigned int i;

	ASSERT_EQ(0, world_begin(&w));
	ASSERT_EQ(0, broker_delete(&w.env.broker, FORCE));
	for (i = 0; i < nr_calls; i++) {
		if (calls[i].control)
			continue;
		call_fill(&calls[i], &w, request);
		EXPECT_EQ(-ESHUTDOWN, call_do(&calls[i], &w, request)) {
			TH_LOG("%s", calls[i].name);
		}
	}
	EXPECT_EQ(-ESHUTDOWN, w.push.k->error);
	EXPECT_EQ(-ESHUTDOWN, w.copy.k->error);
	broker_delete(&w.victim, FORCE);
	close(w.control);
	close(w.env.admin);
	env_release(&w.env);
}

/* The name is free at once, and the new broker has nothing of the old. */
TEST_F(broker, a_name_can_be_used_again)
{
	struct mqk_broker_create c = {
		.size = sizeof(c), .name = (uintptr_t)self->b.name,
		.name_len = strlen(self->b.name),
	};
	int control = control_open(), fd;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, broker_delete(&self->b, FORCE));
	ASSERT_EQ(0, mq(control, MQK_IOC_BROKER_CREATE, &c));
	fd = broker_open(&self->b, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOENT, queue_declare(fd, "q", MQK_DECLARE_F_PASSIVE));
	EXPECT_LT(0, queue_declare(fd, "q", 0));
	EXPECT_EQ(-ESHUTDOWN, queue_declare(self->s, "r", 0));
	close(fd);
	close(control);
}

/* --- sleepers ------------------------------------------------------------- */

struct sleeper {
	int fd, ret;
	__u32 id, queue;
	pid_t tid;
	pthread_t thread;
};

static void *in_wait(void *arg)
{
	struct sleeper *s = arg;
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_CONSUMER, .id = s->id,
		.timeout = -1,
	};

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = mq(s->fd, MQK_IOC_WAIT, &w);
	return NULL;
}

static void *in_port_wait(void *arg)
{
	struct sleeper *s = arg;
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_PORT, .id = s->id,
		.timeout = -1,
	};

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = mq(s->fd, MQK_IOC_WAIT, &w);
	return NULL;
}

static void *in_get(void *arg)
{
	struct sleeper *s = arg;
	struct mqk_delivery d;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = queue_get(s->fd, s->id, s->queue, 0, -1, &d, NULL);
	return NULL;
}

static void *in_poll(void *arg)
{
	struct sleeper *s = arg;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	poll(&p, 1, LONG_MS);
	s->ret = p.revents;
	return NULL;
}

static int start(struct sleeper *s, void *(*fn)(void *))
{
	s->ret = 1;
	if (pthread_create(&s->thread, NULL, fn, s))
		return -EAGAIN;
	while (!__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return asleep(s->tid, LONG_MS) ? 0 : -ETIMEDOUT;
}

TEST_F(broker, sleepers_wake_when_it_is_forced)
{
	struct sleeper s[4] = { { 0 } };
	struct consumer push, pull;
	struct port port;
	__s64 q;
	int i;

	q = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&push, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_make(&pull, self->s, NULL, MQK_CONSUMER_F_PULL,
				   0, 16));
	ASSERT_EQ(0, port_make(&port, self->s, 0, 16));
	for (i = 0; i < 4; i++) {
		s[i].fd = self->s;
		s[i].queue = q;
	}
	s[0].id = push.c.id;
	s[1].id = pull.c.id;
	s[2].id = port.c.id;
	ASSERT_EQ(0, start(&s[0], in_wait));
	ASSERT_EQ(0, start(&s[1], in_get));
	ASSERT_EQ(0, start(&s[2], in_port_wait));
	ASSERT_EQ(0, start(&s[3], in_poll));
	ASSERT_EQ(0, broker_delete(&self->b, FORCE));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(s[i].thread, NULL));
	}
	EXPECT_EQ(-ESHUTDOWN, s[0].ret);
	EXPECT_EQ(-ESHUTDOWN, s[1].ret);
	EXPECT_EQ(-ESHUTDOWN, s[2].ret);
	EXPECT_NE(0, s[3].ret & (POLLHUP | POLLERR));
	EXPECT_EQ(-ESHUTDOWN, push.k->error);
	EXPECT_EQ(-ESHUTDOWN, port.k->error);
}

/* What was delivered can still be read out of the ring. */
TEST_F(broker, deliveries_outlive_it)
{
	struct mqk_delivery d;
	struct consumer c;
	struct port port;
	const void *payload;
	__u32 number;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&port, self->s, 0, 16));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, port_numbers(&port, exchange_declare(self->s, "", 0,
							  MQK_DECLARE_F_PASSIVE),
				  "q", 1, 2));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	ASSERT_EQ(0, broker_delete(&self->b, FORCE));
	ASSERT_EQ(0, consumer_poll(&c, &d));
	/* Its segment was mapped before. */
	payload = delivery_payload(self->s, &d);
	ASSERT_NE(NULL, payload);
	memcpy(&number, payload, 4);
	EXPECT_EQ(2, number);
	EXPECT_EQ(-ESHUTDOWN, consumer_wait(&c, -1));
}

/* --- again and again ------------------------------------------------------ */

TEST_F_TIMEOUT(broker, made_and_deleted_in_a_loop, 60)
{
	struct mqk_query before, after;
	int control = control_open(), i;

	ASSERT_EQ(0, query(control, &before));
	for (i = 0; i < 100; i++) {
		struct broker b;
		int fd;

		ASSERT_EQ(0, broker_make(&b, NULL));
		fd = broker_open(&b, O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_LT(0, queue_declare(fd, "q", 0));
		if (i & 1) {
			ASSERT_EQ(0, broker_delete(&b, FORCE));
			close(fd);
		} else {
			close(fd);
			ASSERT_EQ(0, broker_delete(&b, 0));
		}
	}
	ASSERT_EQ(0, query(control, &after));
	close(control);
}

/* One thread makes and forces, others open and use what they catch. */
struct opener {
	struct broker b;
	__u32 stop, caught, missed, odd;
};

static void *open_for_ever(void *arg)
{
	struct opener *o = arg;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE)) {
		int fd = broker_open(&o->b, O_RDWR);
		__s64 ret;

		if (fd < 0 && fd != -ENOENT && fd != -ESHUTDOWN &&
		    fd != -ENXIO)
			fprintf(stderr, "# open: %s\n", strerror(-fd));
		if (fd < 0) {
			__atomic_add_fetch(fd == -ENOENT || fd == -ESHUTDOWN ||
					   fd == -ENXIO ?
					   &o->missed : &o->odd, 1,
					   __ATOMIC_RELAXED);
			continue;
		}
		ret = queue_declare(fd, "q", MQK_DECLARE_F_EXCLUSIVE);
		if (ret < 0 && ret != -ESHUTDOWN && ret != -EBUSY)
			fprintf(stderr, "# declare: %s\n", strerror(-ret));
		__atomic_add_fetch(ret > 0 || ret == -ESHUTDOWN ||
				   ret == -EBUSY ? &o->caught : &o->odd, 1,
				   __ATOMIC_RELAXED);
		close(fd);
	}
	return NULL;
}

TEST_F_TIMEOUT(broker, opened_while_it_is_deleted, 60)
{
	struct mqk_broker_create c = { .size = sizeof(c) };
	struct opener o = { .b = self->b };
	__u64 end = now_ms() + 4000;
	int control = control_open(), i;
	pthread_t threads[3];

	c.name = (uintptr_t)self->b.name;
	c.name_len = strlen(self->b.name);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, open_for_ever,
					    &o));
	}
	for (i = 0; now_ms() < end; i++) {
		ASSERT_EQ(0, broker_delete(&self->b, FORCE));
		ASSERT_EQ(0, mq(control, MQK_IOC_BROKER_CREATE, &c));
		sleep_ms(i % 5);
	}
	__atomic_store_n(&o.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	}
	EXPECT_LT(0, o.caught);
	EXPECT_EQ(0, o.odd);
	close(control);
}

/* Traffic on a broker that is forced away under it, in a child that must end
 * with an errno and not with a signal.
 */
static void traffic(const struct broker *b, __u32 *running)
{
	struct mqk_delivery d;
	struct consumer c;
	struct port p[2];
	__s64 e;
	int s = broker_open(b, O_RDWR), ret;
	__u32 i;

	if (s < 0 || queue_declare(s, "q", 0) < 0 ||
	    consumer_make(&c, s, "q", 0, 0, 16) ||
	    port_make(&p[0], s, 0, 16))
		_exit(1);
	if (port_make(&p[1], s, MQK_PORT_F_INPLACE, 16))
		_exit(2);
	e = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
	for (i = 0; ; i++) {
		/* By copy only: the window may go at any moment. */
		ret = port_number(&p[0], e, "q", i) ?:
		      consumer_next(&c, &d, LONG_MS);
		if (ret)
			_exit(ret == -ESHUTDOWN ? 0 : 3);
		consumer_ack(&c, d.tag, MQK_ACK_ACCEPT, 0);
		word_set(running, i);
	}
}

TEST_F_TIMEOUT(broker, forced_under_traffic, 60)
{
	__u32 *running = shared(3 * sizeof(__u32));
	pid_t pids[3];
	int i, round;

	for (round = 0; round < 10; round++) {
		struct broker b;

		ASSERT_EQ(0, broker_make(&b, NULL));
		memset(running, 0, 3 * sizeof(__u32));
		for (i = 0; i < 2; i++) {
			pids[i] = spawn();
			if (!pids[i])
				traffic(&b, &running[i]);
		}
		for (i = 0; i < 1; i++) {
			ASSERT_EQ(0, word_wait(&running[i], 5, LONG_MS));
		}
		sleep_ms(round * 3);
		ASSERT_EQ(0, broker_delete(&b, FORCE));
		for (i = 0; i < 2; i++) {
			int status = reap(pids[i], LONG_MS);

			/* The one that came late found no broker. */
			EXPECT_TRUE(status == 0 || (i && status < 4)) {
				TH_LOG("status %d", status);
			}
		}
	}
}

/* In place the window goes: SIGBUS, and only in the process that has it. */
TEST_F(broker, forced_under_an_inplace_producer)
{
	__u32 *running = shared(sizeof(__u32));
	pid_t pid = spawn();
	int status;

	ASSERT_LE(0, pid);
	if (!pid) {
		int s = broker_open(&self->b, O_RDWR);
		struct port p;
		__s64 e;
		int ret;

		queue_declare(s, "q", 0);
		port_make(&p, s, MQK_PORT_F_INPLACE, 16);
		e = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
		for (;;) {
			ret = port_number(&p, e, "q", 1);
			if (ret)
				_exit(ret == -ESHUTDOWN ? 0 : -ret);
			word_set(running, *running + 1);
		}
	}
	ASSERT_EQ(0, word_wait(running, 50, LONG_MS));
	ASSERT_EQ(0, broker_delete(&self->b, FORCE));
	status = reap(pid, LONG_MS);
	EXPECT_TRUE(status == 0 || status == 128 + SIGBUS) {
		TH_LOG("status %d", status);
	}
}

TEST_HARNESS_MAIN
