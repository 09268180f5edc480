// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a session hangs on: the open file, not a descriptor and not a process.
 * And what happens to callers when it ends under them.
 *
 * mqk-test: parallel timeout=60
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

FIXTURE(fd)
{
	struct env env;
	int s, other;
	struct port port;
	struct consumer c;
	__u32 exchange;
};

FIXTURE_SETUP(fd)
{
	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->other = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->other);
	self->exchange = exchange_declare(self->s, "", 0,
					  MQK_DECLARE_F_PASSIVE);
	/* Locked to the session: there as long as it is. */
	ASSERT_LT(0, queue_declare(self->s, "locked", MQK_DECLARE_F_EXCLUSIVE));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&self->port, self->s, 0, 16));
	ASSERT_EQ(0, consumer_make(&self->c, self->s, "q", 0, 4, 16));
}

FIXTURE_TEARDOWN(fd)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* 1 while the session is there, 0 when it is not. */
static int there(FIXTURE_DATA(fd) *self)
{
	int ret = queue_declare(self->other, "locked", MQK_DECLARE_F_PASSIVE);

	return ret == -EBUSY ? 1 : ret == -ENOENT ? 0 : -1;
}

TEST_F(fd, ends_with_its_descriptor)
{
	ASSERT_EQ(1, there(self));
	session_close(self->s);
	EXPECT_EQ(0, there(self));
}

TEST_F(fd, dup_keeps_it)
{
	int fd = dup(self->s);

	ASSERT_LE(0, fd);
	session_close(self->s);
	EXPECT_EQ(1, there(self));
	/* Through the other descriptor everything goes on. */
	EXPECT_EQ(self->exchange, exchange_declare(fd, "", 0,
						   MQK_DECLARE_F_PASSIVE));
	EXPECT_EQ(0, mq_value(fd, MQK_IOC_KICK, self->c.c.id));
	close(fd);
	EXPECT_EQ(0, there(self));
}

TEST_F(fd, fork_keeps_it)
{
	__u32 *go = shared(4);
	pid_t pid = spawn();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (word_wait(go, 1, LONG_MS))
			_exit(1);
		_exit(mq_value(self->s, MQK_IOC_KICK, self->c.c.id));
	}
	session_close(self->s);
	EXPECT_EQ(1, there(self));
	word_set(go, 1);
	EXPECT_EQ(0, reap(pid, LONG_MS));
	EXPECT_EQ(0, there(self));
}

/* A child can map the rings anew and go on where the parent was. */
TEST_F(fd, a_child_maps_for_itself)
{
	pid_t pid;

	ASSERT_EQ(0, port_numbers(&self->port, self->exchange, "q", 1, 3));
	ASSERT_EQ(1, take_number(&self->c, NULL, LONG_MS));
	pid = spawn();
	if (!pid) {
		struct consumer c = self->c;
		struct mqk_delivery d;

		c.k = map(self->s, c.c.page_offset, c.c.page_size, 1);
		c.u = map(self->s, c.c.user_offset, c.c.user_size, 3);
		c.ring = (const void *)((const __u8 *)c.k + c.c.ring_offset);
		c.acks = (void *)((__u8 *)c.u + c.c.ack_offset);
		if (take_number(&c, &d, LONG_MS) != 2)
			_exit(1);
		_exit(consumer_settle(&c, 0, MQK_ACK_ACCEPT,
				      MQK_ACK_F_MULTIPLE) == 3 ? 0 : 2);
	}
	EXPECT_EQ(0, reap(pid, LONG_MS));
	/* The head is where the child left it. */
	EXPECT_EQ(2, self->c.u->head);
}

static int pass(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(to, &m, 0) == 1 ? 0 : -errno;
}

static int passed(int from)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(from, &m, 0) != 1 || !CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* In flight in a socket, with no descriptor anywhere, it is still there. */
TEST_F(fd, passed_over_a_socket_it_stays)
{
	int pair[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, pass(pair[0], self->s));
	session_close(self->s);
	EXPECT_EQ(1, there(self));
	fd = passed(pair[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, there(self));
	EXPECT_EQ(0, mq_value(fd, MQK_IOC_KICK, self->c.c.id));
	close(fd);
	EXPECT_EQ(0, there(self));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(fd, lost_in_a_socket_it_ends)
{
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, pass(pair[0], self->s));
	session_close(self->s);
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(0, there(self));
}

/* Mappings do not keep it: one that is forgotten must not lock a queue. */
TEST_F(fd, mappings_do_not_keep_it)
{
	session_drop(self->s);
	EXPECT_EQ(0, there(self));
}

/* --- ending under a caller ------------------------------------------------ */

struct caller {
	int fd;
	__u32 id;
	int ret;
	pid_t tid;
};

static void *wait_for_ever(void *arg)
{
	struct caller *c = arg;
	struct mqk_wait w = {
		.size = sizeof(w), .flags = MQK_WAIT_F_CONSUMER, .id = c->id,
		.timeout = -1,
	};

	__atomic_store_n(&c->tid, gettid(), __ATOMIC_RELEASE);
	c->ret = mq(c->fd, MQK_IOC_WAIT, &w);
	return NULL;
}

/* The sleeper has the file: the session lives until it is done, and a message
 * still wakes it.
 */
TEST_F(fd, close_while_a_thread_waits)
{
	struct caller c = { .fd = self->s, .id = self->c.c.id, .ret = 1 };
	struct port port;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_ever, &c));
	while (!__atomic_load_n(&c.tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	ASSERT_TRUE(asleep(c.tid, LONG_MS));
	session_close(self->s);
	EXPECT_EQ(1, there(self));
	ASSERT_EQ(0, port_make(&port, self->other, 0, 16));
	ASSERT_EQ(0, port_number(&port, self->exchange, "q", 1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, c.ret);
	EXPECT_EQ(0, there(self));
}

/* Many threads use, make and close things of one session at once. */
struct worker {
	FIXTURE_DATA(fd) *self;
	unsigned int seed;
	__u32 rounds;
};

static void *use_session(void *arg)
{
	struct worker *w = arg;
	__u64 random = w->seed;
	__u32 i;

	for (i = 0; i < w->rounds; i++) {
		struct mqk_consumer_create c = {
			.size = sizeof(c), .queue = (uintptr_t)"q",
			.queue_len = 1, .entries = 16,
		};
		struct mqk_port_create p = { .size = sizeof(p), .entries = 16 };
		struct mqk_id id = { .size = sizeof(id) };

		switch (random_next(&random) % 6) {
		case 0:
			if (mq(w->self->s, MQK_IOC_CONSUMER_CREATE, &c))
				return (void *)1;
			break;
		case 1:
			if (mq(w->self->s, MQK_IOC_PORT_CREATE, &p))
				return (void *)2;
			break;
		case 2:
			id.id = random_next(&random) % 64;
			if (id.id != w->self->c.c.id)
				mq(w->self->s, MQK_IOC_CONSUMER_CLOSE, &id);
			break;
		case 3:
			id.id = random_next(&random) % 64;
			if (id.id != w->self->port.c.id)
				mq(w->self->s, MQK_IOC_PORT_CLOSE, &id);
			break;
		case 4:
			mq_value(w->self->s, MQK_IOC_KICK,
				 random_next(&random) % 64);
			break;
		case 5:
			port_number(&w->self->port, w->self->exchange, "q", i);
			break;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(fd, threads_share_a_session, 60)
{
	struct worker workers[4];
	pthread_t threads[4];
	void *result;
	int i;

	for (i = 0; i < 4; i++) {
		workers[i].self = self;
		workers[i].seed = i + 1;
		workers[i].rounds = 500;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, use_session,
					    &workers[i]));
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		EXPECT_EQ(NULL, result);
	}
}

/* Sessions by the hundred. */
TEST_F(fd, many_sessions)
{
	enum { MANY = 300 };
	__u64 used = env_used(&self->env, MQK_RES_SESSIONS, 3);
	int fds[MANY], i;

	ASSERT_EQ(3, used);
	for (i = 0; i < MANY; i++) {
		fds[i] = broker_open(&self->env.broker, O_RDWR);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(used + MANY, env_used(&self->env, MQK_RES_SESSIONS,
					used + MANY));
	for (i = 0; i < MANY; i++) {
		close(fds[i]);
	}
	EXPECT_EQ(used, env_used(&self->env, MQK_RES_SESSIONS, used));
}

TEST_HARNESS_MAIN
