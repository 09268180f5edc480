// SPDX-License-Identifier: GPL-2.0-only
/*
 * kill -9 of producers and consumers in every state.  A child goes to a named
 * state and stays there (or goes round a loop) until it is killed; then the
 * queue must hold exactly what the state says.
 *
 * mqk-test: parallel timeout=120
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define ACCEPT	MQK_ACK_ACCEPT

/* What child and test share. */
struct board {
	__u32 state;			/* 1: there; for loops, how far */
	__u32 sent, confirmed, got, acked;
	__s32 error;
};

FIXTURE(kill)
{
	struct env env;
	int s;
	struct port port;
	__u32 exchange, queue;
	struct board *board;
};

FIXTURE_SETUP(kill)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, 0, 16));
	self->board = shared(sizeof(*self->board));
	ASSERT_NE(NULL, self->board);
}

FIXTURE_TEARDOWN(kill)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static int depth(FIXTURE_DATA(kill) *self)
{
	struct mqk_queue_next info;

	if (queue_info(self->s, self->queue, &info))
		return -1;
	return info.unacked ? -2 : (int)info.ready;
}

/* What is left: the digits, 'r' behind a redelivered one. */
static const char *left(FIXTURE_DATA(kill) *self)
{
	static char text[64];
	struct mqk_delivery d;
	struct consumer c;
	char *at = text;
	__s64 number;

	if (!consumer_make(&c, self->s, "q", 0, 16, 16)) {
		while ((number = take_number(&c, &d, 0)) >= 0) {
			*at++ = '0' + number % 10;
			if (d.flags & MQK_DELIVERY_F_REDELIVERED)
				*at++ = 'r';
		}
		consumer_close(&c);
	}
	*at = '\0';
	return text;
}

/* Run @fn in a child until it says that it is there, then kill it. */
static int kill_at(FIXTURE_DATA(kill) *self, void (*fn)(int s,
		   FIXTURE_DATA(kill) *self), bool sleeps)
{
	pid_t pid = spawn();
	int ret;

	if (pid < 0)
		return pid;
	if (!pid) {
		int s = broker_open(&self->env.broker, O_RDWR);

		if (s < 0)
			_exit(1);
		fn(s, self);
		word_set(&self->board->state, 1);
		for (;;)
			pause();
	}
	ret = word_wait(&self->board->state, 1, LONG_MS);
	if (!ret && sleeps && !asleep(pid, LONG_MS))
		ret = -ETIMEDOUT;
	if (kill_hard(pid) != 128 + SIGKILL)
		return ret ?: -ECHILD;
	word_set(&self->board->state, 0);
	return self->board->error ?: ret;
}

/* --- producers ------------------------------------------------------------ */

static struct port child_port;

static struct mqk_record *place(FIXTURE_DATA(kill) *self, __u32 number)
{
	struct msg m = {
		.exchange = self->exchange, .key = "q", .key_len = 1,
		.payload = &number, .payload_len = 4,
	};
	struct mqk_record *r = port_reserve(&child_port, 1, 0, 4);

	if (!r)
		_exit(1);
	port_fill(r, &m);
	return r;
}

static void open_port(int s, __u32 flags)
{
	if (port_make(&child_port, s, flags, 16))
		_exit(1);
}

static void with_an_empty_port(int s, FIXTURE_DATA(kill) *self)
{
	open_port(s, MQK_PORT_F_INPLACE);
}

static void after_reserve(int s, FIXTURE_DATA(kill) *self)
{
	open_port(s, MQK_PORT_F_INPLACE);
	place(self, 1);
}

static void after_commit(int s, FIXTURE_DATA(kill) *self)
{
	open_port(s, MQK_PORT_F_INPLACE);
	port_commit(&child_port, place(self, 1));
}

static void after_doorbell(int s, FIXTURE_DATA(kill) *self)
{
	after_commit(s, self);
	port_doorbell(&child_port);
}

static void in_the_middle_of_a_batch(int s, FIXTURE_DATA(kill) *self)
{
	struct mqk_record *r[6];
	int i;

	open_port(s, MQK_PORT_F_INPLACE);
	for (i = 0; i < 6; i++)
		r[i] = place(self, i);
	/* 0, 1, 2 and, behind a gap, 4. */
	for (i = 0; i < 5; i++)
		if (i != 3)
			port_commit(&child_port, r[i]);
}

static void after_half_a_batch_was_taken(int s, FIXTURE_DATA(kill) *self)
{
	int i;

	open_port(s, MQK_PORT_F_INPLACE);
	for (i = 0; i < 3; i++)
		port_commit(&child_port, place(self, i));
	port_doorbell(&child_port);
	for (i = 3; i < 6; i++)
		port_commit(&child_port, place(self, i));
}

static void after_a_copy(int s, FIXTURE_DATA(kill) *self)
{
	open_port(s, 0);
	if (port_number(&child_port, self->exchange, "q", 1))
		_exit(1);
}

static void waiting_for_a_confirm(int s, FIXTURE_DATA(kill) *self)
{
	struct mqk_completion c;

	open_port(s, 0);
	port_number(&child_port, self->exchange, "q", 1);
	word_set(&self->board->state, 1);
	port_completion(&child_port, &c, 10 * LONG_MS);
}

TEST_F(kill, producer_with_an_empty_port)
{
	ASSERT_EQ(0, kill_at(self, with_an_empty_port, false));
	EXPECT_EQ(0, depth(self));
}

TEST_F(kill, producer_after_reserve)
{
	ASSERT_EQ(0, kill_at(self, after_reserve, false));
	EXPECT_EQ(0, depth(self));
}

/* A commit is a publish; the doorbell only asks for attention. */
TEST_F(kill, producer_after_commit)
{
	ASSERT_EQ(0, kill_at(self, after_commit, false));
	EXPECT_EQ(1, depth(self));
	EXPECT_STREQ("1", left(self));
}

TEST_F(kill, producer_after_doorbell)
{
	ASSERT_EQ(0, kill_at(self, after_doorbell, false));
	EXPECT_STREQ("1", left(self));
}

TEST_F(kill, producer_in_the_middle_of_a_batch)
{
	ASSERT_EQ(0, kill_at(self, in_the_middle_of_a_batch, false));
	EXPECT_STREQ("012", left(self));
}

TEST_F(kill, producer_after_half_a_batch_was_taken)
{
	ASSERT_EQ(0, kill_at(self, after_half_a_batch_was_taken, false));
	EXPECT_STREQ("012345", left(self));
}

TEST_F(kill, producer_after_a_copy)
{
	ASSERT_EQ(0, kill_at(self, after_a_copy, false));
	EXPECT_STREQ("1", left(self));
}

TEST_F(kill, producer_waiting_for_a_confirm)
{
	ASSERT_EQ(0, kill_at(self, waiting_for_a_confirm, true));
	EXPECT_STREQ("1", left(self));
}

/* What it had published can be read, byte for byte, long after it. */
TEST_F(kill, what_a_dead_producer_wrote_stays)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 16, 16));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, kill_at(self, after_commit, false));
		ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	}
	EXPECT_EQ(1, delivery_number(self->s, &d));
}

/* --- consumers ------------------------------------------------------------ */

static struct consumer child;
static struct mqk_delivery child_deliveries[8];

static void open_consumer(int s, __u32 flags, __u32 prefetch)
{
	if (consumer_make(&child, s, flags & MQK_CONSUMER_F_PULL ? NULL : "q",
			  flags, prefetch, 16))
		_exit(1);
}

static void take(int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (consumer_next(&child, &child_deliveries[i], LONG_MS))
			_exit(1);
}

static void having_seen_nothing(int s, FIXTURE_DATA(kill) *self)
{
	open_consumer(s, 0, 3);
}

static void having_read(int s, FIXTURE_DATA(kill) *self)
{
	open_consumer(s, 0, 3);
	take(2);
}

static void having_acknowledged(int s, FIXTURE_DATA(kill) *self)
{
	having_read(s, self);
	if (consumer_settle(&child, child_deliveries[0].tag, ACCEPT, 0) != 1)
		_exit(1);
}

static void having_written_an_ack(int s, FIXTURE_DATA(kill) *self)
{
	having_read(s, self);
	consumer_ack(&child, child_deliveries[1].tag, ACCEPT, 0);
}

static void having_half_written_an_ack(int s, FIXTURE_DATA(kill) *self)
{
	struct mqk_ack *ack;

	having_read(s, self);
	ack = &child.acks[child.ack_tail & (child.c.ack_entries - 1)];
	ack->tag = child_deliveries[1].tag;
	ack->op = ACCEPT;
	/* The tail has not moved. */
}

static void having_requeued(int s, FIXTURE_DATA(kill) *self)
{
	open_consumer(s, 0, 3);
	take(3);
	consumer_ack(&child, child_deliveries[1].tag, MQK_ACK_NACK,
		     MQK_ACK_F_REQUEUE);
}

static void cancelled(int s, FIXTURE_DATA(kill) *self)
{
	having_read(s, self);
	consumer_cancel(&child);
}

static void in_wait(int s, FIXTURE_DATA(kill) *self)
{
	having_acknowledged(s, self);
	take(2);
	word_set(&self->board->state, 1);
	consumer_wait(&child, -1);
}

static void in_get(int s, FIXTURE_DATA(kill) *self)
{
	struct mqk_delivery d;
	int i;

	open_consumer(s, MQK_CONSUMER_F_PULL, 0);
	for (i = 0; i < 5; i++)
		if (queue_get(s, child.c.id, self->queue, 0, 0, &d, NULL))
			_exit(1);
	word_set(&self->board->state, 1);
	queue_get(s, child.c.id, self->queue, 0, -1, &d, NULL);
}

static void without_acknowledgement(int s, FIXTURE_DATA(kill) *self)
{
	open_consumer(s, MQK_CONSUMER_F_NOACK, 0);
	take(2);
}

static void with_a_broken_ring(int s, FIXTURE_DATA(kill) *self)
{
	having_read(s, self);
	child.u->ack_tail = ~0ull;
	consumer_kick(&child);
}

static void with_a_ring_yet_to_break(int s, FIXTURE_DATA(kill) *self)
{
	having_read(s, self);
	child.u->ack_tail = ~0ull;
	child.u->head = 12345;
}

/* The states, and what is left of 1 2 3 4 5 after each. */
static const struct {
	const char *name;
	void (*fn)(int s, FIXTURE_DATA(kill) *self);
	const char *left;
	bool sleeps;
} states[] = {
	{ "having seen nothing", having_seen_nothing, "1r2r3r45" },
	{ "having read", having_read, "1r2r3r45" },
	{ "having acknowledged", having_acknowledged, "2r3r4r5" },
	{ "having written an ack", having_written_an_ack, "1r3r45" },
	{ "having half written one", having_half_written_an_ack, "1r2r3r45" },
	{ "having requeued", having_requeued, "1r2r3r45" },
	{ "cancelled", cancelled, "1r2r3r45" },
	{ "in WAIT", in_wait, "2r3r4r5", true },
	{ "in GET", in_get, "1r2r3r4r5r", true },
	{ "without acknowledgement", without_acknowledgement, "" },
	{ "with a broken ring", with_a_broken_ring, "1r2r3r45" },
	{ "with a ring yet to break", with_a_ring_yet_to_break, "1r2r3r45" },
};

TEST_F(kill, consumer_in_each_state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		ASSERT_EQ(0, port_numbers(&self->port, self->exchange, "q", 1,
					  5));
		EXPECT_EQ(0, kill_at(self, states[i].fn, states[i].sleeps)) {
			TH_LOG("%s", states[i].name);
		}
		EXPECT_STREQ(states[i].left, left(self)) {
			TH_LOG("%s", states[i].name);
		}
		ASSERT_LE(0, queue_purge(self->s, "q"));
	}
}

/* A consumer that lives gets what the dead one held, ahead of what waits. */
TEST_F(kill, another_consumer_takes_over)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, port_numbers(&self->port, self->exchange, "q", 1, 5));
	ASSERT_EQ(0, kill_at(self, having_read, false));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 16, 16));
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(i, take_number(&c, &d, LONG_MS));
		EXPECT_EQ(i <= 3, d.count);
	}
}

/* Twice killed is counted twice. */
TEST_F(kill, count_goes_up_with_each_death)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, port_number(&self->port, self->exchange, "q", 1));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kill_at(self, having_seen_nothing, false));
	}
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 16, 16));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(4, d.count);
}

/* --- in the middle of loops ----------------------------------------------- */

static void publish_for_ever(int s, FIXTURE_DATA(kill) *self, __u32 flags)
{
	__u32 number = 0;

	open_port(s, flags | MQK_PORT_F_CONFIRM);
	for (;;) {
		__atomic_store_n(&self->board->sent, number + 1,
				 __ATOMIC_RELEASE);
		if (port_number(&child_port, self->exchange, "q", number) ||
		    port_confirmed(&child_port, number + 1, NULL))
			_exit(1);
		number++;
		__atomic_store_n(&self->board->confirmed, number,
				 __ATOMIC_RELEASE);
	}
}

/* Kill a producer at @rounds random moments; each time what arrived is 0, 1,
 * 2 ... without a gap, at least what was confirmed, at most what was begun.
 */
static int kill_producers(FIXTURE_DATA(kill) *self, __u32 flags, int rounds)
{
	struct consumer c;
	__u64 random = flags + 5;
	int i;

	for (i = 0; i < rounds; i++) {
		__u32 next = 0;
		__s64 number;
		pid_t pid;

		memset(self->board, 0, sizeof(*self->board));
		pid = spawn();
		if (!pid) {
			int s = broker_open(&self->env.broker, O_RDWR);

			if (s >= 0)
				publish_for_ever(s, self, flags);
			_exit(1);
		}
		if (word_wait(&self->board->confirmed, 1, LONG_MS))
			return -ETIMEDOUT;
		usleep(random_next(&random) % 20000);
		if (kill_hard(pid) != 128 + SIGKILL)
			return -ECHILD;
		if (consumer_make(&c, self->s, "q", MQK_CONSUMER_F_NOACK, 0,
				  1024))
			return -EIO;
		while ((number = take_number(&c, NULL, 0)) >= 0)
			if (number != next++)
				return 1000 + i;
		if (next < self->board->confirmed)
			return 2000 + i;
		if (next > self->board->sent)
			return 3000 + i;
		consumer_close(&c);
		consumer_unmap(&c);
	}
	return 0;
}

TEST_F_TIMEOUT(kill, producers_at_random_by_copy, 60)
{
	EXPECT_EQ(0, kill_producers(self, 0, 30));
}

TEST_F_TIMEOUT(kill, producers_at_random_in_place, 60)
{
	EXPECT_EQ(0, kill_producers(self, MQK_PORT_F_INPLACE, 30));
}

#define ROUND	2000

/* Takes and acknowledges; says what it saw and, after the kernel took it, what
 * is settled.
 */
static void consume_for_ever(int s, FIXTURE_DATA(kill) *self, __u8 *seen,
			     bool batch)
{
	struct mqk_delivery d;
	__u32 pending[16], n = 0, i;

	open_consumer(s, 0, 16);
	for (;;) {
		__s64 number = take_number(&child, &d, LONG_MS);

		if (number < 0 || number >= ROUND)
			_exit(1);
		/* 2: settled.  Never again after that. */
		if (seen[number] == 2) {
			self->board->error = -EEXIST;
			_exit(1);
		}
		if (seen[number] == 1 &&
		    !(d.flags & MQK_DELIVERY_F_REDELIVERED)) {
			self->board->error = -EBADE;
			_exit(1);
		}
		seen[number] = 1;
		pending[n++] = number;
		__atomic_add_fetch(&self->board->got, 1, __ATOMIC_RELEASE);
		consumer_ack(&child, d.tag, ACCEPT,
			     batch ? MQK_ACK_F_MULTIPLE : 0);
		if (batch && n < 5)
			continue;
		/* Time enough to be killed in. */
		usleep(300);
		if (consumer_kick(&child) < 0)
			_exit(1);
		for (i = 0; i < n; i++)
			seen[pending[i]] = 2;
		__atomic_add_fetch(&self->board->acked, n, __ATOMIC_RELEASE);
		n = 0;
	}
}

static int kill_consumers(FIXTURE_DATA(kill) *self, bool batch)
{
	__u64 random = batch + 77, end = now_ms() + 2 * LONG_MS;
	__u8 *seen = shared(ROUND);
	struct mqk_queue_next info = { 0 };
	__u32 i, unseen = 0;
	int kills = 0;

	if (!seen || port_numbers(&self->port, self->exchange, "q", 0,
				  ROUND - 1))
		return -EIO;
	while (now_ms() < end) {
		pid_t pid = spawn();

		if (!pid) {
			int s = broker_open(&self->env.broker, O_RDWR);

			if (s >= 0)
				consume_for_ever(s, self, seen, batch);
			_exit(1);
		}
		word_wait(&self->board->got,
			  self->board->got + random_next(&random) % 20, 500);
		if (kill_hard(pid) != 128 + SIGKILL)
			return self->board->error ?: -ECHILD;
		kills++;
		if (queue_info(self->s, self->queue, &info) || info.unacked)
			return -EBUSY;
		if (!info.ready)
			break;
	}
	/* Settled or, killed between the kernel's taking and its own noting,
	 * at least seen; on a slow machine some are still in the queue.
	 */
	for (i = 0; i < ROUND; i++)
		unseen += !seen[i];
	if (unseen > info.ready)
		return 1000 + unseen;
	return kills > 3 ? 0 : -EAGAIN;
}

TEST_F_TIMEOUT(kill, consumers_at_random_one_by_one, 60)
{
	EXPECT_EQ(0, kill_consumers(self, false));
}

TEST_F_TIMEOUT(kill, consumers_at_random_in_batches, 60)
{
	EXPECT_EQ(0, kill_consumers(self, true));
}

/* Both at once, one dying after the other. */
TEST_F(kill, producer_and_consumer_together)
{
	pid_t producer, consumer;

	memset(self->board, 0, sizeof(*self->board));
	producer = spawn();
	if (!producer) {
		int s = broker_open(&self->env.broker, O_RDWR);

		publish_for_ever(s, self, MQK_PORT_F_INPLACE);
	}
	consumer = spawn();
	if (!consumer) {
		struct mqk_delivery d;

		open_consumer(broker_open(&self->env.broker, O_RDWR), 0, 8);
		for (;;) {
			if (consumer_next(&child, &d, LONG_MS))
				_exit(1);
			consumer_ack(&child, d.tag, ACCEPT, 0);
			__atomic_add_fetch(&self->board->got, 1,
					   __ATOMIC_RELEASE);
		}
	}
	EXPECT_EQ(0, word_wait(&self->board->got, 100, LONG_MS));
	EXPECT_EQ(0, word_wait(&self->board->confirmed, 100, LONG_MS));
	EXPECT_EQ(128 + SIGKILL, kill_hard(consumer));
	EXPECT_EQ(128 + SIGKILL, kill_hard(producer));
	EXPECT_LE(0, depth(self));
}

TEST_HARNESS_MAIN
