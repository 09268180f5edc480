// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking one message at a time (GET), looking at what waits (BROWSE), and
 * copies of what was delivered (READ).
 *
 * mqk-test: parallel timeout=60 kernels=stock,debug,host
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define ACCEPT	MQK_ACK_ACCEPT
#define PULL	MQK_CONSUMER_F_PULL

FIXTURE(get)
{
	struct pair pair;
	__u32 queue;
};

FIXTURE_SETUP(get)
{
	__s64 id;

	ASSERT_EQ(0, pair_begin(&self->pair, 0));
	id = queue_declare(self->pair.s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
}

FIXTURE_TEARDOWN(get)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static int send(FIXTURE_DATA(get) *self, __u32 from, __u32 to)
{
	return port_numbers(&self->pair.port, self->pair.exchange, "q", from, to);
}

static int get(FIXTURE_DATA(get) *self, struct mqk_delivery *d)
{
	return queue_get(self->pair.r, self->pair.get.c.id, self->queue, 0, 0, d, NULL);
}

/* --- GET ------------------------------------------------------------------ */

TEST_F(get, in_order_until_there_is_none)
{
	struct mqk_delivery d;
	__u64 left, tag = 0;
	__u32 i;

	EXPECT_EQ(-EAGAIN, get(self, &d));
	ASSERT_EQ(0, send(self, 0, 9));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, self->queue, 0,
				       0, &d, &left));
		EXPECT_EQ(9 - i, left);
		EXPECT_EQ(0, d.pos);
		EXPECT_LT(tag, d.tag);
		tag = d.tag;
		EXPECT_EQ(self->queue, d.queue);
		EXPECT_EQ(i, delivery_number(self->pair.r, &d));
		EXPECT_EQ(0, d.flags);
	}
	EXPECT_EQ(-EAGAIN, get(self, &d));
	ASSERT_EQ(10, consumer_settle(&self->pair.get, 0, ACCEPT, MQK_ACK_F_MULTIPLE));
	EXPECT_EQ(-EAGAIN, get(self, &d));
}

TEST_F(get, what_is_not_acknowledged_comes_back)
{
	struct mqk_queue_next info;
	struct mqk_delivery d, e;

	ASSERT_EQ(0, send(self, 1, 3));
	ASSERT_EQ(0, get(self, &d));
	ASSERT_EQ(0, get(self, &e));
	ASSERT_EQ(0, queue_info(self->pair.s, self->queue, &info));
	EXPECT_EQ(2, info.unacked);
	EXPECT_EQ(1, info.ready);
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK,
				     MQK_ACK_F_REQUEUE));
	ASSERT_EQ(0, get(self, &d));
	EXPECT_EQ(1, delivery_number(self->pair.r, &d));
	EXPECT_EQ(MQK_DELIVERY_F_REDELIVERED, d.flags);
	EXPECT_EQ(1, d.count);
	ASSERT_EQ(0, consumer_close(&self->pair.get));
	ASSERT_EQ(0, queue_info(self->pair.s, self->queue, &info));
	EXPECT_EQ(0, info.unacked);
	EXPECT_EQ(3, info.ready);
}

/* GET has nothing to do with credit. */
TEST_F(get, ignores_prefetch)
{
	struct mqk_delivery d, none;
	struct consumer push;
	int i;

	ASSERT_EQ(0, consumer_make(&push, self->pair.r, "q", 0, 3, 16));
	ASSERT_EQ(0, send(self, 1, 100));
	ASSERT_EQ(3, consumer_count(&push));
	/* As many as its ring has entries. */
	ASSERT_EQ(0, consumer_close(&self->pair.get));
	ASSERT_EQ(0, consumer_make(&self->pair.get, self->pair.r, NULL, PULL, 0, 64));
	for (i = 4; i < 4 + 64; i++) {
		ASSERT_EQ(0, get(self, &d));
		ASSERT_EQ(i, delivery_number(self->pair.r, &d));
	}
	EXPECT_EQ(-ENOBUFS, get(self, &none));
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, ACCEPT, 0));
	EXPECT_EQ(0, get(self, &d));
	EXPECT_EQ(-ENOBUFS, get(self, &none));
}

TEST_F(get, noack)
{
	struct mqk_queue_next info;
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->pair.r, NULL,
				   PULL | MQK_CONSUMER_F_NOACK, 0, 16));
	ASSERT_EQ(0, send(self, 1, 50));
	for (i = 1; i <= 50; i++) {
		ASSERT_EQ(0, queue_get(self->pair.r, c.c.id, self->queue, 0, 0, &d,
				       NULL));
		EXPECT_EQ(MQK_DELIVERY_F_SETTLED, d.flags);
		EXPECT_EQ(i, delivery_number(self->pair.r, &d));
	}
	ASSERT_EQ(0, queue_info(self->pair.s, self->queue, &info));
	EXPECT_EQ(0, info.unacked);
	EXPECT_EQ(50, info.acked);
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_EQ(0, queue_info(self->pair.s, self->queue, &info));
	EXPECT_EQ(0, info.ready);
}

TEST_F(get, from_several_queues)
{
	struct mqk_delivery d;
	__s64 other = queue_declare(self->pair.s, "other", 0);

	ASSERT_LT(0, other);
	ASSERT_EQ(0, send(self, 1, 1));
	ASSERT_EQ(0, port_number(&self->pair.port, self->pair.exchange, "other", 2));
	ASSERT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, other, 0, 0, &d, NULL));
	EXPECT_EQ(2, delivery_number(self->pair.r, &d));
	ASSERT_EQ(0, get(self, &d));
	EXPECT_EQ(1, delivery_number(self->pair.r, &d));
	/* The tags are the consumer's, whatever the queue. */
	ASSERT_EQ(2, consumer_settle(&self->pair.get, d.tag, ACCEPT,
				     MQK_ACK_F_MULTIPLE));
}

TEST_F(get, of_nothing)
{
	struct mqk_delivery d;
	struct consumer push;

	EXPECT_EQ(-ENOENT, queue_get(self->pair.r, self->pair.get.c.id, self->queue + 100,
				     0, 0, &d, NULL));
	EXPECT_EQ(MQK_RULE_NO_QUEUE, rule(self->pair.r));
	EXPECT_EQ(-ENOENT, queue_get(self->pair.r, self->pair.get.c.id + 100, self->queue,
				     0, 0, &d, NULL));
	EXPECT_EQ(-ENOENT, queue_get(self->pair.r, 0, self->queue, 0, 0, &d, NULL));
	/* A consumer that gets pushed to is not one to get with. */
	ASSERT_EQ(0, consumer_make(&push, self->pair.r, "q", 0, 3, 16));
	EXPECT_GT(0, queue_get(self->pair.r, push.c.id, self->queue, 0, 0, &d,
			       NULL));
}

TEST_F(get, exclusive_consumer_keeps_others_out)
{
	struct mqk_delivery d;
	struct consumer push;

	ASSERT_EQ(0, consumer_make(&push, self->pair.s, "q",
				   MQK_CONSUMER_F_EXCLUSIVE, 1, 16));
	ASSERT_EQ(0, send(self, 1, 3));
	EXPECT_EQ(-EACCES, get(self, &d));
	EXPECT_EQ(MQK_RULE_IN_USE, rule(self->pair.r));
}

TEST_F(get, timeout)
{
	struct mqk_delivery d;
	__u64 begin = now_ms();

	EXPECT_EQ(-ETIMEDOUT, queue_get(self->pair.r, self->pair.get.c.id, self->queue, 0,
					SHORT_MS * 1000000ll, &d, NULL));
	EXPECT_LE(SHORT_MS, now_ms() - begin);
	EXPECT_GT(LONG_MS, now_ms() - begin);
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, self->queue, 0, -1, &d,
			       NULL));
}

/* --- a thread that sleeps in GET ------------------------------------------ */

struct sleeper {
	int fd;
	__u32 consumer, queue;
	struct mqk_delivery d;
	int ret, done;
	pid_t tid;
};

static void *sleep_in_get(void *arg)
{
	struct sleeper *s = arg;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = queue_get(s->fd, s->consumer, s->queue, 0, -1, &s->d, NULL);
	__atomic_store_n(&s->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int sleeper_start(struct sleeper *s, pthread_t *thread)
{
	s->tid = 0;
	s->ret = 1;
	s->done = 0;
	if (pthread_create(thread, NULL, sleep_in_get, s))
		return -EAGAIN;
	while (!__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return asleep(s->tid, LONG_MS) ? 0 : -ETIMEDOUT;
}

TEST_F(get, wakes_when_a_message_comes)
{
	struct sleeper s = {
		.fd = self->pair.r, .consumer = self->pair.get.c.id, .queue = self->queue,
	};
	pthread_t thread;

	ASSERT_EQ(0, sleeper_start(&s, &thread));
	ASSERT_EQ(0, send(self, 4, 4));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, s.ret);
	EXPECT_EQ(4, delivery_number(self->pair.r, &s.d));
}

/* Two sleep, one message comes: one of them has it, the other sleeps on. */
TEST_F(get, one_message_wakes_one)
{
	__u64 end = now_ms() + LONG_MS;
	struct sleeper s[2];
	pthread_t thread[2];
	int i;

	for (i = 0; i < 2; i++) {
		s[i].fd = self->pair.r;
		s[i].consumer = self->pair.get.c.id;
		s[i].queue = self->queue;
		ASSERT_EQ(0, sleeper_start(&s[i], &thread[i]));
	}
	ASSERT_EQ(0, send(self, 1, 1));
	while (!__atomic_load_n(&s[0].done, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&s[1].done, __ATOMIC_ACQUIRE) && now_ms() < end)
		sleep_ms(1);
	sleep_ms(SHORT_MS);
	EXPECT_EQ(1, s[0].done + s[1].done);
	ASSERT_EQ(0, send(self, 2, 2));
	ASSERT_EQ(0, pthread_join(thread[0], NULL));
	ASSERT_EQ(0, pthread_join(thread[1], NULL));
	EXPECT_EQ(0, s[0].ret);
	EXPECT_EQ(0, s[1].ret);
	EXPECT_EQ(3, delivery_number(self->pair.r, &s[0].d) +
		     delivery_number(self->pair.r, &s[1].d));
}

/* A message that comes back is as good as a new one. */
TEST_F(get, wakes_when_a_message_comes_back)
{
	struct sleeper s = {
		.fd = self->pair.r, .consumer = self->pair.get.c.id, .queue = self->queue,
	};
	struct mqk_delivery d;
	struct consumer c;
	pthread_t thread;

	ASSERT_EQ(0, consumer_make(&c, self->pair.s, NULL, PULL, 0, 16));
	ASSERT_EQ(0, send(self, 1, 1));
	ASSERT_EQ(0, queue_get(self->pair.s, c.c.id, self->queue, 0, 0, &d, NULL));
	ASSERT_EQ(0, sleeper_start(&s, &thread));
	ASSERT_EQ(0, consumer_close(&c));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, s.ret);
	EXPECT_EQ(MQK_DELIVERY_F_REDELIVERED, s.d.flags);
}

TEST_F(get, wakes_when_the_queue_is_deleted)
{
	struct sleeper s = {
		.fd = self->pair.r, .consumer = self->pair.get.c.id, .queue = self->queue,
	};
	pthread_t thread;

	ASSERT_EQ(0, sleeper_start(&s, &thread));
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOENT, s.ret);
}

TEST_F(get, wakes_when_its_consumer_is_closed)
{
	struct sleeper s = {
		.fd = self->pair.r, .consumer = self->pair.get.c.id, .queue = self->queue,
	};
	pthread_t thread;

	ASSERT_EQ(0, sleeper_start(&s, &thread));
	ASSERT_EQ(0, consumer_close(&self->pair.get));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOENT, s.ret);
}

static void nothing(int sig)
{
}

TEST_F(get, a_signal_is_EINTR)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct sleeper s = {
		.fd = self->pair.r, .consumer = self->pair.get.c.id, .queue = self->queue,
	};
	struct mqk_delivery d;
	pthread_t thread;

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_EQ(0, sleeper_start(&s, &thread));
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EINTR, s.ret);
	/* And no message is missing afterwards. */
	ASSERT_EQ(0, send(self, 1, 1));
	EXPECT_EQ(0, get(self, &d));
}

/* A result that cannot be handed over is not lost. */
TEST_F(get, bad_pointer_loses_nothing)
{
	struct mqk_get g = {
		.size = sizeof(g), .consumer = self->pair.get.c.id,
		.queue = self->queue, .delivery = 8,
	};
	struct mqk_delivery d;

	ASSERT_EQ(0, send(self, 1, 2));
	EXPECT_EQ(-EFAULT, mq(self->pair.r, MQK_IOC_GET, &g));
	ASSERT_EQ(0, get(self, &d));
	EXPECT_EQ(1, delivery_number(self->pair.r, &d));
	EXPECT_EQ(0, d.flags);
}

/* --- READ ----------------------------------------------------------------- */

static int read_at(FIXTURE_DATA(get) *self, __u64 tag, __u64 offset, void *to,
		   __u64 *len)
{
	struct mqk_read r = {
		.size = sizeof(r), .consumer = self->pair.get.c.id, .tag = tag,
		.offset = offset, .data = (uintptr_t)to, .len = *len,
	};
	int ret = mq(self->pair.r, MQK_IOC_READ, &r);

	*len = r.len;
	return ret;
}

TEST_F(get, read_any_part)
{
	__u8 payload[10000], out[12000];
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = payload, .payload_len = sizeof(payload),
	};
	static const __u32 offsets[] = { 0, 1, 63, 64, 4000, 4096, 9999 };
	static const __u32 lengths[] = { 0, 1, 2, 64, 4096, 5000 };
	unsigned int i, j;
	struct mqk_delivery d;
	__u64 len;

	pattern_fill(payload, sizeof(payload), 9);
	ASSERT_EQ(0, port_publish(&self->pair.port, &m));
	ASSERT_EQ(0, get(self, &d));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			__u64 left = sizeof(payload) - offsets[i];

			len = lengths[j];
			memset(out, 0xaa, sizeof(out));
			ASSERT_EQ(0, read_at(self, d.tag, 64 + offsets[i], out,
					     &len));
			if (lengths[j] <= left) {
				ASSERT_EQ(lengths[j], len);
			} else {
				ASSERT_LE(left, len);
			}
			ASSERT_EQ(0, memcmp(out, payload + offsets[i],
					    len < left ? len : left));
			ASSERT_EQ(0xaa, out[len]);
		}
	}
	/* The key, and what follows it. */
	len = 1;
	ASSERT_EQ(0, read_at(self, d.tag, MQK_RECORD_KEY, out, &len));
	EXPECT_EQ('q', out[0]);
}

TEST_F(get, read_stays_inside_the_record)
{
	__u8 out[8192];
	struct mqk_delivery d;
	__u64 len;

	ASSERT_EQ(0, send(self, 0, 3));
	ASSERT_EQ(0, get(self, &d));
	len = sizeof(out);
	ASSERT_EQ(0, read_at(self, d.tag, MQK_RECORD_KEY, out, &len));
	EXPECT_GE(MQK_RECORD_SIZE(1, 0, 4) - MQK_RECORD_KEY, len);
	len = 8;
	EXPECT_EQ(-EINVAL, read_at(self, d.tag, 0, out, &len));
	len = 8;
	EXPECT_EQ(-EINVAL, read_at(self, d.tag, MQK_RECORD_KEY - 1, out, &len));
	/* At the end and behind it there is nothing. */
	len = 8;
	if (!read_at(self, d.tag, MQK_RECORD_SIZE(1, 0, 4), out, &len)) {
		EXPECT_EQ(0, len);
	}
	len = 8;
	if (!read_at(self, d.tag, ~0ull - 4, out, &len)) {
		EXPECT_EQ(0, len);
	}
	len = ~0ull;
	ASSERT_EQ(0, read_at(self, d.tag, MQK_RECORD_KEY, out, &len));
	EXPECT_GE(MQK_RECORD_SIZE(1, 0, 4), len);
}

TEST_F(get, read_needs_an_unacknowledged_tag)
{
	struct mqk_delivery d;
	__u32 number;
	__u64 len = 4;

	ASSERT_EQ(0, send(self, 5, 6));
	ASSERT_EQ(0, get(self, &d));
	EXPECT_EQ(-EINVAL, read_at(self, d.tag + 1, 64, &number, &len));
	EXPECT_EQ(MQK_RULE_UNKNOWN_TAG, rule(self->pair.r));
	EXPECT_EQ(-EINVAL, read_at(self, 0, 64, &number, &len));
	len = 4;
	EXPECT_EQ(0, read_at(self, d.tag, 64, &number, &len));
	EXPECT_EQ(5, number);
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, ACCEPT, 0));
	EXPECT_EQ(-EINVAL, read_at(self, d.tag, 64, &number, &len));
	/* A mistake here does not break the consumer. */
	EXPECT_EQ(0, self->pair.get.k->error);
	EXPECT_EQ(0, get(self, &d));
}

/* --- where readers may not map -------------------------------------------- */

TEST(nomap_broker_hands_out_copies)
{
	struct mqk_broker_create want = { .flags = MQK_BROKER_F_NOMAP };
	struct mqk_delivery d;
	struct mqk_query q;
	struct consumer c;
	struct port port;
	struct env env;
	__u32 number;
	int s;

	ASSERT_EQ(0, env_begin(&env, &want));
	s = env_session(&env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, query(s, &q));
	EXPECT_EQ(MQK_ACCESS_READ | MQK_ACCESS_WRITE, q.access);
	ASSERT_LT(0, queue_declare(s, "q", 0));
	EXPECT_EQ(-EACCES, consumer_make(&c, s, "q", 0, 0, 16));
	ASSERT_EQ(0, consumer_make(&c, s, "q", MQK_CONSUMER_F_COPY, 0, 16));
	ASSERT_EQ(0, port_make(&port, s, 0, 16));
	ASSERT_EQ(0, port_number(&port, exchange_declare(s, "", 0,
							 MQK_DECLARE_F_PASSIVE),
				 "q", 99));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	ASSERT_EQ(4, delivery_read(&c, &d, &number, 4));
	EXPECT_EQ(99, number);
	EXPECT_EQ(EACCES, map_errno(s, q.segment_base +
				    ((__u64)MQK_REF_SEGMENT(d.ref) <<
				     q.segment_shift), PAGE, PROT_READ,
				    MAP_SHARED));
	EXPECT_EQ(0, env_end(&env));
}

/* What one producer wrote is not there for the next to find in its window. */
TEST(nomap_segments_are_clean_when_handed_out)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_NOMAP, .segment_size = 64 << 10,
	};
	static const char secret[] = "the secret of another producer";
	__u8 payload[30000];
	struct msg m = { .key = "q", .key_len = 1, .payload = payload,
			 .payload_len = sizeof(payload) };
	struct port copy, inplace;
	struct consumer c;
	struct env env;
	int s, other, i;

	ASSERT_EQ(0, env_begin(&env, &want));
	s = env_session(&env, O_RDWR);
	other = env_session(&env, O_RDWR);
	ASSERT_LT(0, queue_declare(s, "q", 0));
	ASSERT_EQ(0, consumer_make(&c, s, "q", MQK_CONSUMER_F_COPY |
					       MQK_CONSUMER_F_NOACK, 0, 16));
	ASSERT_EQ(0, port_make(&copy, s, 0, 16));
	for (i = 0; i < (int)sizeof(payload); i += sizeof(secret)) {
		memcpy(payload + i, secret, sizeof(secret) < sizeof(payload) - i
		       ? sizeof(secret) : sizeof(payload) - i);
	}
	m.exchange = exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE);
	for (i = 0; i < 20; i++) {
		struct mqk_delivery d;

		ASSERT_EQ(0, port_publish(&copy, &m));
		ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	}
	session_close(s);
	i = port_make(&inplace, other, MQK_PORT_F_INPLACE, 16);
	if (i) {
		/* Refusing is an answer, too. */
		EXPECT_EQ(-EACCES, i);
		EXPECT_EQ(0, env_end(&env));
		return;
	}
	for (i = 0; i < 30; i++) {
		if (port_segment(&inplace, 0))
			break;
		ASSERT_EQ(NULL, memmem(inplace.open, inplace.seg.map_size,
				       secret, sizeof(secret) - 1));
	}
	EXPECT_EQ(0, env_end(&env));
}

/* --- BROWSE --------------------------------------------------------------- */

static int browse(FIXTURE_DATA(get) *self, __u64 *seq, struct mqk_delivery *d,
		  void *data, __u64 *len)
{
	struct mqk_browse b = {
		.size = sizeof(b), .queue = self->queue, .seq = *seq,
		.delivery = (uintptr_t)d, .data = (uintptr_t)data,
		.len = len ? *len : 0,
	};
	int ret = mq(self->pair.r, MQK_IOC_BROWSE, &b);

	*seq = b.seq;
	if (len)
		*len = b.len;
	return ret;
}

TEST_F(get, browse_sees_all_and_takes_nothing)
{
	struct mqk_queue_next info;
	struct mqk_delivery d;
	__u64 seq = 0, last = 0, len;
	__u8 record[128];
	__u32 i, number, round;

	ASSERT_EQ(0, send(self, 10, 19));
	for (round = 0; round < 2; round++) {
		for (i = 10, seq = 0; i < 20; i++, seq++) {
			len = sizeof(record);
			ASSERT_EQ(0, browse(self, &seq, &d, record, &len));
			if (i > 10) {
				EXPECT_LT(last, seq);
			}
			last = seq;
			EXPECT_EQ(seq, d.seq);
			EXPECT_EQ(0, d.tag);
			EXPECT_EQ(4, d.payload_len);
			EXPECT_EQ('q', record[0]);
			memcpy(&number, record + 64 - MQK_RECORD_KEY, 4);
			EXPECT_EQ(i, number);
		}
		EXPECT_EQ(-EAGAIN, browse(self, &seq, &d, NULL, NULL));
	}
	ASSERT_EQ(0, queue_info(self->pair.s, self->queue, &info));
	EXPECT_EQ(10, info.ready);
	EXPECT_EQ(0, info.delivered);
	ASSERT_EQ(0, get(self, &d));
	EXPECT_EQ(0, d.flags);
	EXPECT_EQ(0, d.count);
}

TEST_F(get, browse_passes_over_what_is_out)
{
	struct mqk_delivery d, held;
	__u64 seq;

	ASSERT_EQ(0, send(self, 1, 3));
	ASSERT_EQ(0, get(self, &held));
	seq = 0;
	ASSERT_EQ(0, browse(self, &seq, &d, NULL, NULL));
	EXPECT_EQ(held.seq + 1, d.seq);
	ASSERT_EQ(1, consumer_settle(&self->pair.get, held.tag, MQK_ACK_NACK,
				     MQK_ACK_F_REQUEUE));
	seq = 0;
	ASSERT_EQ(0, browse(self, &seq, &d, NULL, NULL));
	EXPECT_EQ(held.seq, d.seq);
	EXPECT_EQ(1, d.count);
}

TEST_F(get, browse_tells_how_long_it_is)
{
	__u8 payload[3000], part[100];
	struct msg m = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = payload, .payload_len = sizeof(payload),
	};
	struct mqk_delivery d;
	__u64 seq = 0, len = sizeof(part);

	pattern_fill(payload, sizeof(payload), 1);
	ASSERT_EQ(0, port_publish(&self->pair.port, &m));
	memset(part, 0xaa, sizeof(part));
	ASSERT_EQ(0, browse(self, &seq, &d, part, &len));
	EXPECT_LE(3000 + 32, len);
	EXPECT_EQ(0, memcmp(part + 32, payload, sizeof(part) - 32));
	seq = 0;
	EXPECT_EQ(-ENOENT, ({
		struct mqk_browse b = {
			.size = sizeof(b), .queue = self->queue + 100,
			.delivery = (uintptr_t)&d,
		};
		mq(self->pair.r, MQK_IOC_BROWSE, &b);
	}));
}

TEST_HARNESS_MAIN
