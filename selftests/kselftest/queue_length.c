// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues of limited length: x-max-length, x-max-length-bytes, x-overflow.
 *
 * mqk-test: parallel timeout=120
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define CONFIRM		MQK_PORT_F_CONFIRM
#define REJECT		"x-overflow=reject-publish"

FIXTURE(length)
{
	struct pair pair;
};

FIXTURE_VARIANT(length)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(length, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(length, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(length)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | CONFIRM));
}

FIXTURE_TEARDOWN(length)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* Publish one number: the type of the completion that it makes, or -errno. */
static int verdict(struct port *p, __u32 exchange, const char *key,
		   __u32 number, struct mqk_completion *c)
{
	int ret = port_number(p, exchange, key, number);

	if (!ret)
		ret = port_completion(p, c, LONG_MS);
	return ret ? ret : (int)c->type;
}

/* --- arguments ------------------------------------------------------------ */

TEST_F(length, arguments_that_are_none)
{
	static const char * const bad[] = {
		"x-max-length=-1", "x-max-length=many", "x-max-length-bytes=-5",
		"x-max-length-bytes=1k", "x-overflow=1", "x-overflow=block-publish",
		"x-overflow=drop", "x-overflow=reject-publishes", "x-max-lengths=1",
		"x-max=1", "max-length=1", "x-max-length=1 x-unknown=2",
	};

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	EXPECT_EQ(-ENOENT, queue_declare(self->pair.s, "q", MQK_DECLARE_F_PASSIVE));
}

/* Every whole type is a number; no other is. */
TEST_F(length, types_of_numbers)
{
	static const struct {
		char type;
		__u8 len;
		int ret;
	} types[] = {
		{ MQK_HEADER_BYTE, 1, 0 }, { MQK_HEADER_SHORT, 2, 0 },
		{ MQK_HEADER_INT, 4, 0 }, { MQK_HEADER_LONG, 8, 0 },
		{ MQK_HEADER_BOOL, 1, -EINVAL }, { MQK_HEADER_VOID, 0, -EINVAL },
		{ MQK_HEADER_FLOAT, 4, -EINVAL }, { MQK_HEADER_DOUBLE, 8, -EINVAL },
		{ MQK_HEADER_TIMESTAMP, 8, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		__u8 bytes[24] = { types[i].type, 12, types[i].len, 0 };
		struct mqk_queue_declare d = {
			.size = sizeof(d), .name = (uintptr_t)"q", .name_len = 1,
			.args = (uintptr_t)bytes, .args_len = sizeof(bytes),
		};

		if (!types[i].len)
			d.args_len = 16;
		memcpy(bytes + 4, "x-max-length", 12);
		if (types[i].len)
			bytes[16] = 1;
		EXPECT_EQ(types[i].ret, mq(self->pair.s, MQK_IOC_QUEUE_DECLARE, &d)) {
			TH_LOG("type %c", types[i].type);
		}
		if (types[i].ret)
			continue;
		EXPECT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
		EXPECT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
		EXPECT_EQ(1, pair_ready(&self->pair, d.id, 1)) {
			TH_LOG("type %c", types[i].type);
		}
		/* the highest bit of a narrow one is its sign */
		bytes[16 + types[i].len - 1] = 0x80;
		EXPECT_EQ(-EINVAL, mq(self->pair.s, MQK_IOC_QUEUE_DECLARE, &d));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

TEST_F(length, declared_again)
{
	__s64 id = queue_declare_args(self->pair.s, "q", "x-max-length=5 " REJECT);

	ASSERT_LT(0, id);
	EXPECT_EQ(id, queue_declare_args(self->pair.s, "q", REJECT " x-max-length=5"));
	EXPECT_EQ(id, queue_declare(self->pair.r, "q", MQK_DECLARE_F_PASSIVE));
	EXPECT_EQ(-EINVAL, queue_declare(self->pair.s, "q", 0));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", "x-max-length=5"));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "q", "x-max-length=6 " REJECT));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
	ASSERT_LT(0, queue_declare(self->pair.s, "plain", 0));
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "plain", "x-max-length-bytes=1"));
	/* said or not, it is the same rule but not the same argument */
	EXPECT_EQ(-EINVAL, queue_declare_args(self->pair.s, "plain", "x-overflow=drop-head"));
	EXPECT_EQ(MQK_RULE_INEQUIVALENT, rule(self->pair.s));
}

/* --- drop-head ------------------------------------------------------------ */

TEST_F(length, the_oldest_go)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=3");
	struct mqk_queue_next info;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 10; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(3, info.ready);
	EXPECT_EQ(12, info.bytes);
	EXPECT_EQ(10, info.published);
	EXPECT_EQ(7, info.dropped);
	for (i = 8; i <= 10; i++)
		EXPECT_EQ(i, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

TEST_F(length, bytes_are_counted)
{
	__s64 q = queue_declare_args(self->pair.s, "q",
				     "x-max-length-bytes=14 x-overflow=drop-head");
	struct msg large = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = "fifteen bytes..", .payload_len = 15,
	};
	struct mqk_completion c;
	__u32 i;

	ASSERT_LT(0, q);
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	EXPECT_EQ(3, pair_ready(&self->pair, q, 3));
	EXPECT_EQ(3, pair_take(&self->pair, q));
	large.payload_len = 8;
	ASSERT_EQ(0, port_publish(&self->pair.port, &large));
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	/* 4 and 8 of 14 */
	EXPECT_EQ(2, pair_ready(&self->pair, q, 2));
	/* takes the place of all, and does not fit itself */
	large.payload_len = 15;
	ASSERT_EQ(0, port_publish(&self->pair.port, &large));
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	EXPECT_EQ(0, pair_ready(&self->pair, q, 0));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 6));
	EXPECT_EQ(6, pair_take(&self->pair, q));
}

/* More than one hold of the lock drops. */
TEST_F(length, one_takes_the_place_of_many)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length-bytes=20000");
	static const char bytes[20000];
	struct msg large = {
		.exchange = self->pair.exchange, .key = "q", .key_len = 1,
		.payload = bytes, .payload_len = sizeof(bytes),
	};
	struct port p;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	ASSERT_EQ(0, port_numbers(&p, self->pair.exchange, "q", 1, 5000));
	EXPECT_EQ(5000, pair_ready(&self->pair, q, 5000));
	ASSERT_EQ(0, port_publish(&p, &large));
	EXPECT_EQ(1, pair_ready(&self->pair, q, 1));
}

/* What returns goes to its old place, which is that of the first to go. */
TEST_F(length, what_returns_is_counted)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=1");
	struct mqk_delivery d;

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(0, queue_get(self->pair.r, self->pair.get.c.id, q, 0, 0, &d, NULL));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	/* the one that is out does not count */
	ASSERT_EQ(1, pair_ready(&self->pair, q, 1));
	ASSERT_EQ(1, consumer_settle(&self->pair.get, d.tag, MQK_ACK_NACK,
				     MQK_ACK_F_REQUEUE));
	EXPECT_EQ(1, pair_ready(&self->pair, q, 1));
	EXPECT_EQ(2, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* --- reject-publish ------------------------------------------------------- */

TEST_F(length, the_new_one_is_refused)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=2 " REJECT);
	struct mqk_completion c;
	struct mqk_stat s;

	ASSERT_LT(0, q);
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
	ASSERT_EQ(MQK_COMPLETION_NACK,
		  verdict(&self->pair.port, self->pair.exchange, "q", 3, &c));
	EXPECT_EQ(3, c.seq);
	EXPECT_EQ(0, c.queues);
	EXPECT_EQ(0, c.flags);
	EXPECT_EQ(-ENOBUFS, c.result);
	EXPECT_EQ(0, port_completions(&self->pair.port));
	ASSERT_EQ(0, stat_get(self->pair.s, &s));
	EXPECT_EQ(1, s.refused);
	EXPECT_EQ(3, s.published);
	EXPECT_EQ(0, s.unrouted);
	EXPECT_EQ(1, pair_take(&self->pair, q));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 4));
	ASSERT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "q", 5));
	EXPECT_EQ(2, pair_take(&self->pair, q));
	EXPECT_EQ(4, pair_take(&self->pair, q));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* A nack speaks for one; confirms around it for the others, in order. */
TEST_F(length, in_the_midst_of_a_batch)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length-bytes=10 " REJECT);
	static const __u32 len[] = { 4, 7, 4, 0, 4, 2, 1 };
	static const bool fits[] = { 1, 0, 1, 1, 0, 1, 0 };
	struct mqk_completion c;
	__u64 told = 0, i;
	struct msg m[7];

	ASSERT_LT(0, q);
	for (i = 0; i < 7; i++)
		m[i] = (struct msg) {
			.exchange = self->pair.exchange, .key = "q", .key_len = 1,
			.payload = "payload", .payload_len = len[i],
			.flags = MQK_MSG_F_MANDATORY,
		};
	ASSERT_EQ(7, port_publish_batch(&self->pair.port, m, 7));
	while (told < 7) {
		ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
		ASSERT_LT(told, c.seq);
		if (c.type == MQK_COMPLETION_NACK) {
			ASSERT_EQ(told + 1, c.seq);
			ASSERT_FALSE(fits[told]);
		} else {
			ASSERT_EQ(MQK_COMPLETION_CONFIRM, c.type);
			for (i = told; i < c.seq; i++)
				ASSERT_TRUE(fits[i]);
		}
		told = c.seq;
	}
	EXPECT_EQ(4, pair_ready(&self->pair, q, 4));
}

TEST_F(length, the_others_of_the_route_get_it)
{
	__s64 e = exchange_declare(self->pair.s, "f", MQK_EXCHANGE_FANOUT, 0);
	__s64 q[3], i;
	struct mqk_completion c;

	q[0] = queue_declare(self->pair.s, "q0", 0);
	q[1] = queue_declare_args(self->pair.s, "q1", "x-max-length=1 " REJECT);
	q[2] = queue_declare_args(self->pair.s, "q2", "x-max-length=1");
	for (i = 0; i < 3; i++)
		ASSERT_LT(0, q[i]);
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q0", ""));
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q1", ""));
	ASSERT_EQ(0, binding_add(self->pair.s, "f", "q2", ""));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, verdict(&self->pair.port, e, "", 1, &c));
	EXPECT_EQ(3, c.queues);
	ASSERT_EQ(MQK_COMPLETION_NACK, verdict(&self->pair.port, e, "", 2, &c));
	EXPECT_EQ(2, c.queues);
	EXPECT_EQ(1, pair_take(&self->pair, q[0]));
	EXPECT_EQ(2, pair_take(&self->pair, q[0]));
	EXPECT_EQ(1, pair_take(&self->pair, q[1]));
	EXPECT_EQ(2, pair_take(&self->pair, q[2]));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q[i]));
	ASSERT_EQ(MQK_COMPLETION_CONFIRM, verdict(&self->pair.port, e, "", 3, &c));
	EXPECT_EQ(3, c.queues);
}

/* Who asked for no confirms is told nothing. */
TEST_F(length, without_confirms)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=0 " REJECT);
	struct mqk_completion c;
	struct port p;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, port_make(&p, self->pair.s, variant->flags, 16));
	ASSERT_EQ(0, port_numbers(&p, self->pair.exchange, "q", 1, 100));
	EXPECT_EQ(-ETIMEDOUT, port_completion(&p, &c, SHORT_MS));
	EXPECT_EQ(-EAGAIN, pair_take(&self->pair, q));
}

/* --- both ----------------------------------------------------------------- */

/* What a waiting consumer takes is never ready: it fits a queue of length 0. */
TEST_F(length, a_waiting_consumer_takes_it)
{
	static const char * const overflow[] = { REJECT, "x-overflow=drop-head" };
	struct mqk_queue_next info;
	char args[64];
	__s64 q;
	int i;

	for (i = 0; i < 2; i++) {
		struct consumer c;
		__u32 numbers[2];
		__u64 tags[2];

		sprintf(args, "x-max-length=0 %s", overflow[i]);
		q = queue_declare_args(self->pair.s, "q", args);
		ASSERT_LT(0, q);
		ASSERT_EQ(0, consumer_make(&c, self->pair.r, "q", 0, 2, 16));
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 1));
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 2));
		EXPECT_EQ(i ? MQK_COMPLETION_CONFIRM : MQK_COMPLETION_NACK,
			  pair_number(&self->pair, "q", 3));
		ASSERT_EQ(2, take_numbers(&c, 2, numbers, tags));
		EXPECT_EQ(1, numbers[0]);
		EXPECT_EQ(2, numbers[1]);
		EXPECT_EQ(-EAGAIN, take_number(&c, NULL, 0));
		ASSERT_EQ(1, consumer_settle(&c, tags[0], MQK_ACK_ACCEPT, 0));
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", 4));
		EXPECT_EQ(4, take_number(&c, NULL, LONG_MS));
		ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
		EXPECT_EQ(0, info.ready);
		EXPECT_EQ(i, info.dropped);
		ASSERT_EQ(0, consumer_close(&c));
		ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	}
}

/* One that has no credit left is not the end of the search. */
TEST_F(length, another_one_takes_it)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=0 " REJECT);
	struct headers h = {};
	struct consumer c[3];
	__u32 i;

	ASSERT_LT(0, q);
	headers_number(&h, "x-priority", 1);
	ASSERT_EQ(0, consumer_make(&c[0], self->pair.r, "q", 0, 1, 16));
	ASSERT_EQ(0, consumer_make_args(&c[1], self->pair.r, "q", 0, 1, 16, &h));
	ASSERT_EQ(0, consumer_make_args(&c[2], self->pair.r, "q", 0, 1, 16, &h));
	for (i = 1; i <= 3; i++)
		ASSERT_EQ(MQK_COMPLETION_CONFIRM, pair_number(&self->pair, "q", i));
	EXPECT_EQ(MQK_COMPLETION_NACK, pair_number(&self->pair, "q", 4));
	EXPECT_EQ(3, take_number(&c[0], NULL, LONG_MS));
	EXPECT_EQ(1, take_number(&c[1], NULL, LONG_MS));
	EXPECT_EQ(2, take_number(&c[2], NULL, LONG_MS));
}

struct racer {
	pthread_t thread;
	struct port port;
	__u32 exchange, confirmed, nacked;
	int error;
};

#define RACERS	4
#define EACH	300

static void *race(void *arg)
{
	struct racer *r = arg;
	struct mqk_completion c;
	__u32 i;

	for (i = 0; i < EACH && !r->error; i++) {
		int type = verdict(&r->port, r->exchange, "q", i, &c);

		if (type == MQK_COMPLETION_CONFIRM)
			r->confirmed++;
		else if (type == MQK_COMPLETION_NACK)
			r->nacked++;
		else
			r->error = type ? type : -1;
	}
	return NULL;
}

/* However many publish at once, exactly so many are let in. */
TEST_F_TIMEOUT(length, it_is_exact, 60)
{
	__s64 q = queue_declare_args(self->pair.s, "q", "x-max-length=500 " REJECT);
	static struct racer r[RACERS];
	__u32 confirmed = 0, nacked = 0, i;

	ASSERT_LT(0, q);
	memset(r, 0, sizeof(r));
	for (i = 0; i < RACERS; i++) {
		int s = env_session(&self->pair.env, O_RDWR);

		ASSERT_LE(0, s);
		r[i].exchange = self->pair.exchange;
		ASSERT_EQ(0, port_make(&r[i].port, s, variant->flags | CONFIRM, 16));
	}
	for (i = 0; i < RACERS; i++)
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, race, &r[i]));
	for (i = 0; i < RACERS; i++) {
		pthread_join(r[i].thread, NULL);
		EXPECT_EQ(0, r[i].error);
		confirmed += r[i].confirmed;
		nacked += r[i].nacked;
	}
	EXPECT_EQ(500, confirmed);
	EXPECT_EQ(RACERS * EACH - 500, nacked);
	EXPECT_EQ(500, pair_ready(&self->pair, q, 500));
}

TEST_HARNESS_MAIN
