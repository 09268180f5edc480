// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues with groups: x-mqk-groups, the header group-id.
 *
 * mqk-test: parallel timeout=360
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "rings_pair.h"
#include "harness.h"

#define PULL		MQK_CONSUMER_F_PULL
#define COPY		MQK_CONSUMER_F_COPY
#define NOACK		MQK_CONSUMER_F_NOACK
#define REQUEUE		MQK_ACK_F_REQUEUE
#define GROUP		MQK_MSG_F_GROUP
#define GROUPS		"x-mqk-groups=true"

FIXTURE(groups)
{
	struct pair pair;		/* the port with confirms */
};

FIXTURE_VARIANT(groups)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(groups, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(groups, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(groups)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags | MQK_PORT_F_CONFIRM));
}

FIXTURE_TEARDOWN(groups)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

/* Publish a number as @m says: 0, -EIO when it is refused, or -errno. */
static int publishes(FIXTURE_DATA(groups) *self, __u32 number, struct msg m)
{
	struct mqk_completion c;
	int err;

	m.exchange = self->pair.exchange;
	m.key = "q";
	m.key_len = 1;
	m.payload = &number;
	m.payload_len = sizeof(number);
	err = port_publish(&self->pair.port, &m);
	if (!err)
		err = port_completion(&self->pair.port, &c, LONG_MS);
	if (err)
		return err;
	return c.type == MQK_COMPLETION_CONFIRM ? 0 :
	       c.type == MQK_COMPLETION_ERROR ? c.result : -EIO;
}

/* One of a group, with more of it. */
static int sends_as(FIXTURE_DATA(groups) *self, __u32 number, const char *group,
		    struct msg m)
{
	struct headers h = {};

	if (!group)
		return publishes(self, number, m);
	headers_text(&h, "group-id", group);
	m.flags |= GROUP;
	m.headers = h.bytes;
	m.headers_len = h.len;
	return publishes(self, number, m);
}

/* One of a group, or of none. */
static int sends(FIXTURE_DATA(groups) *self, __u32 number, const char *group)
{
	return sends_as(self, number, group, (struct msg){});
}

static int make(FIXTURE_DATA(groups) *self, struct consumer *c, __u32 flags, __u32 prefetch)
{
	return consumer_make(c, self->pair.r, "q", flags, prefetch, 256);
}

/* The number of the next message that comes; its tag is kept, for says(). */
static __s64 comes(struct consumer *c, __u64 *tag)
{
	struct mqk_delivery d;
	__s64 number = take_number(c, &d, LONG_MS);
	__u32 copy = 0;

	if (number < 0)
		return number;
	*tag = d.tag;
	/* as a copy, it is the same; what needs no acknowledgement cannot be read */
	if (c->c.flags & NOACK)
		return number;
	if (delivery_read(c, &d, &copy, sizeof(copy)) != sizeof(copy) || copy != number)
		return -EBADMSG;
	return number;
}

static int says(struct consumer *c, __u64 tag, __u32 op)
{
	return consumer_settle(c, tag, op, op == MQK_ACK_ACCEPT ? 0 : REQUEUE);
}

/* The number of a message that is got, or -errno; it is still to be settled. */
static __s64 gets(FIXTURE_DATA(groups) *self, __u32 queue, __u64 *tag)
{
	struct mqk_delivery d;
	int ret = queue_get(self->pair.r, self->pair.get.c.id, queue, 0, 0, &d, NULL);

	if (ret)
		return ret;
	*tag = d.tag;
	return delivery_number(self->pair.r, &d);
}

static __s64 takes(FIXTURE_DATA(groups) *self, __u32 queue)
{
	return pair_take(&self->pair, queue);
}

/* The same, by another one who gets. */
static __s64 takes_as(struct consumer *c, __u32 queue)
{
	struct mqk_delivery d;
	int ret = queue_get(c->fd, c->c.id, queue, 0, 0, &d, NULL);

	if (ret)
		return ret;
	return says(c, d.tag, MQK_ACK_ACCEPT) == 1 ? (__s64)delivery_number(c->fd, &d) : -EIO;
}

/* The number of the next message that waits, from *seq on, which goes behind it. */
static __s64 browses(FIXTURE_DATA(groups) *self, __u32 queue, __u64 *seq)
{
	struct mqk_delivery d;
	__s64 number = pair_browse(&self->pair, queue, seq, &d);

	++*seq;
	return number;
}

/* Wait until so many are ready. */
static int until_ready(FIXTURE_DATA(groups) *self, __u32 queue, __u64 ready)
{
	return pair_ready(&self->pair, queue, ready) == ready ? 0 : -ETIME;
}

static __s64 redrives(int fd, const char *queue, __u64 max)
{
	struct mqk_queue_redrive r = {
		.size = sizeof(r), .name = (uintptr_t)queue, .name_len = strlen(queue),
		.count = max,
	};
	int ret = mq(fd, MQK_IOC_QUEUE_REDRIVE, &r);

	return ret ? ret : (__s64)r.count;
}

/* Bytes that are charged in the broker. */
static __u64 bytes_used(int fd)
{
	struct mqk_query q = { .size = sizeof(q) };

	return mq(fd, MQK_IOC_QUERY, &q) ? 0 : q.broker_used[MQK_RES_BYTES];
}

TEST_F(groups, arguments)
{
	static const char * const bad[] = {
		"x-mqk-groups=1", "x-mqk-groups=yes", GROUPS " x-max-priority=1",
		GROUPS " x-mqk-levels=2", "x-mqk-levels=2 " GROUPS,
	};
	static const char * const good[] = {
		GROUPS, "x-mqk-groups=false", GROUPS " x-max-priority=0",
		"x-mqk-groups=false x-max-priority=3", GROUPS " x-single-active-consumer=true",
	};

	EXPECT_STREQ("", pair_args_refused(&self->pair, bad, ARRAY_SIZE(bad)));
	EXPECT_STREQ("", pair_args_taken(&self->pair, good, ARRAY_SIZE(good)));
	ASSERT_LT(0, queue_declare_args(self->pair.s, "q", GROUPS));
	EXPECT_EQ(-EINVAL, queue_set(self->pair.s, "q", 0, "x-mqk-groups=false"));
}

/* The flag says that there is an id, a string of 1 to 255 bytes: else it is refused. */
TEST_F(groups, ids)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct headers h = {};
	char id[257];

	ASSERT_LT(0, q);
	memset(id, 'g', sizeof(id));
	EXPECT_EQ(-EINVAL, publishes(self, 1, (struct msg){ .flags = GROUP }));
	EXPECT_EQ(-EINVAL, sends(self, 1, ""));
	id[256] = 0;
	EXPECT_EQ(-EINVAL, sends(self, 1, id));
	id[255] = 0;
	EXPECT_EQ(0, sends(self, 1, id));
	headers_number(&h, "group-id", 1);
	EXPECT_EQ(-EINVAL, publishes(self, 2, (struct msg){ .flags = GROUP,
				     .headers = h.bytes, .headers_len = h.len }));
	/* of two, the first counts */
	headers_text(&h, "group-id", "a");
	EXPECT_EQ(-EINVAL, publishes(self, 2, (struct msg){ .flags = GROUP,
				     .headers = h.bytes, .headers_len = h.len }));
	/* without the flag it is a header as others are */
	EXPECT_EQ(0, publishes(self, 3, (struct msg){ .headers = h.bytes,
			       .headers_len = h.len }));
	EXPECT_EQ(1, takes(self, q));
	EXPECT_EQ(3, takes(self, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
	/* and a queue without groups does not mind */
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	q = queue_declare(self->pair.s, "q", 0);
	ASSERT_EQ(0, sends(self, 4, "a"));
	ASSERT_EQ(0, sends(self, 5, "a"));
	EXPECT_EQ(4, takes(self, q));
	EXPECT_EQ(5, takes(self, q));
}

/* One owner at a time for each group; groups side by side. */
TEST_F(groups, one_owner)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer a, b;
	__u64 tag[4];

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(0, sends(self, 2, "x"));
	ASSERT_EQ(0, sends(self, 3, "y"));
	ASSERT_EQ(0, sends(self, 4, "y"));
	ASSERT_EQ(0, sends(self, 5, NULL));
	ASSERT_EQ(0, make(self, &a, 0, 1));
	ASSERT_EQ(0, make(self, &b, COPY, 2));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	/* x is a's; y and what has no group are free */
	ASSERT_EQ(3, comes(&b, &tag[1]));
	ASSERT_EQ(4, comes(&b, &tag[2]));
	EXPECT_EQ(5, takes(self, q));
	EXPECT_EQ(-EAGAIN, takes(self, q));
	/* nobody holds x any more: it goes to whom it may */
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_REJECT));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(0, consumer_cancel(&a));
	ASSERT_EQ(1, says(&b, tag[1], MQK_ACK_ACCEPT));
	ASSERT_EQ(1, says(&b, tag[2], MQK_ACK_ACCEPT));
	EXPECT_EQ(0, consumer_count(&b));
	/* one that was cancelled settles, and lets others have the rest */
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_ACCEPT));
	ASSERT_EQ(2, comes(&b, &tag[1]));
	ASSERT_EQ(1, says(&b, tag[1], MQK_ACK_ACCEPT));
}

/* What is free and what a consumer owns: the older one first. */
TEST_F(groups, older_first)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer a;
	__u64 tag;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 1));
	for (i = 1; i <= 6; i++)
		ASSERT_EQ(0, sends(self, i, i % 3 == 1 ? "x" : i % 3 == 2 ? NULL : "y"));
	ASSERT_EQ(1, comes(&a, &tag));
	/* 4 is its own, the others are free */
	ASSERT_EQ(0, consumer_prefetch(&a, 8));
	for (i = 2; i <= 6; i++)
		EXPECT_EQ(i, comes(&a, &tag));
	/* the same for who gets */
	ASSERT_EQ(0, consumer_close(&a));
	ASSERT_EQ(1, gets(self, q, &tag));
	for (i = 2; i <= 6; i++)
		EXPECT_EQ(i, takes(self, q));
}

/* Who was cancelled is told that each of its acknowledgements is waited for. */
TEST_F(groups, cancelled_is_to_kick)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer a, b;
	__u64 tag[2];

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 8));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(0, sends(self, 2, "x"));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(2, comes(&a, &tag[1]));
	ASSERT_EQ(0, consumer_cancel(&a));
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_KICK | MQK_CONSUMER_PAGE_F_CANCELLED, a.k->flags);
	EXPECT_EQ((__u32)a.k->ack_head + 1, a.k->kick_at);
	ASSERT_EQ(0, make(self, &b, 0, 8));
	ASSERT_EQ(0, sends(self, 3, "x"));
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_ACCEPT));
	EXPECT_EQ(0, consumer_count(&b));
	EXPECT_EQ((__u32)a.k->ack_head + 1, a.k->kick_at);
	ASSERT_EQ(1, says(&a, tag[1], MQK_ACK_ACCEPT));
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_CANCELLED, a.k->flags);
	ASSERT_EQ(3, comes(&b, &tag[0]));
}

/* One that has no credit left is to tell of each, too. */
TEST_F(groups, idle_is_to_kick)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer a, b;
	__u64 tag[16];
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 16));
	for (i = 0; i < 18; i++)
		ASSERT_EQ(0, sends(self, i, i ? "y" : "x"));
	for (i = 0; i < 16; i++)
		ASSERT_EQ(i, comes(&a, &tag[i]));
	EXPECT_EQ(MQK_CONSUMER_PAGE_F_KICK, a.k->flags);
	EXPECT_EQ((__u32)a.k->ack_head + 1, a.k->kick_at);
	ASSERT_EQ(0, make(self, &b, 0, 16));
	ASSERT_EQ(0, sends(self, 20, "x"));
	EXPECT_EQ(0, consumer_count(&b));
	/* it is given 16 for that, and x is nobody's */
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_ACCEPT));
	ASSERT_EQ(16, comes(&a, &tag[0]));
	ASSERT_EQ(20, comes(&b, &tag[1]));
}

/* What returns goes to its place in its group, which is anybody's then. */
TEST_F(groups, returns_to_its_place)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer a, b;
	__u64 tag[3], seq = 0;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 3));
	for (i = 1; i <= 5; i++)
		ASSERT_EQ(0, sends(self, i, i == 4 ? "y" : "x"));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(i + 1, comes(&a, &tag[i]));
	ASSERT_EQ(0, consumer_cancel(&a));
	/* 1 is ready; 2 and 3 are still held, so it is for nobody else */
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_NACK));
	ASSERT_EQ(1, browses(self, q, &seq));
	ASSERT_EQ(4, browses(self, q, &seq));
	ASSERT_EQ(5, browses(self, q, &seq));
	EXPECT_EQ(-EAGAIN, browses(self, q, &seq));
	ASSERT_EQ(0, make(self, &b, 0, 8));
	ASSERT_EQ(4, comes(&b, &tag[0]));
	EXPECT_EQ(0, consumer_count(&b));
	ASSERT_EQ(1, says(&a, tag[2], MQK_ACK_NACK));
	EXPECT_EQ(0, consumer_count(&b));
	ASSERT_EQ(1, says(&a, tag[1], MQK_ACK_NACK));
	for (i = 1; i <= 5; i++)
		if (i != 4)
			ASSERT_EQ(i, comes(&b, &tag[0]));
}

/* The death of a consumer gives what it owned to others, in order. */
TEST_F(groups, death_frees)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct mqk_delivery d;
	struct consumer a, b;
	char group[16];
	__u64 tag;
	__u32 i;
	int s;

	ASSERT_LT(0, q);
	for (i = 0; i < 100; i++) {
		snprintf(group, sizeof(group), "g%u", i % 10);
		ASSERT_EQ(0, sends(self, i, group));
	}
	s = env_session(&self->pair.env, O_RDWR);
	ASSERT_LE(0, s);
	ASSERT_EQ(0, consumer_make(&a, s, "q", 0, 10, 256));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, consumer_next(&a, &d, LONG_MS));
	ASSERT_EQ(0, make(self, &b, 0, 200));
	EXPECT_EQ(0, consumer_count(&b));
	consumer_unmap(&a);
	close(s);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(i, comes(&b, &tag));
		ASSERT_EQ(1, says(&b, tag, MQK_ACK_ACCEPT));
	}
}

/* Who gets owns what it got, in each queue. */
TEST_F(groups, got)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS), p;
	struct consumer other;
	__u64 tag[4];

	p = queue_declare_args(self->pair.s, "p", GROUPS);
	ASSERT_LT(0, p);
	self->pair.exchange = exchange_declare(self->pair.s, "all", MQK_EXCHANGE_FANOUT, 0);
	ASSERT_EQ(0, binding_add(self->pair.s, "all", "q", ""));
	ASSERT_EQ(0, binding_add(self->pair.s, "all", "p", ""));
	ASSERT_EQ(0, consumer_make(&other, self->pair.r, NULL, PULL, 0, 64));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(0, sends(self, 2, "x"));
	ASSERT_EQ(0, sends(self, 3, "y"));
	ASSERT_EQ(1, gets(self, q, &tag[0]));
	ASSERT_EQ(1, gets(self, p, &tag[1]));
	EXPECT_EQ(3, takes_as(&other, q));
	EXPECT_EQ(-EAGAIN, takes_as(&other, q));
	ASSERT_EQ(2, gets(self, q, &tag[2]));
	ASSERT_EQ(1, says(&self->pair.get, tag[0], MQK_ACK_NACK));
	EXPECT_EQ(-EAGAIN, takes_as(&other, q));
	ASSERT_EQ(1, says(&self->pair.get, tag[2], MQK_ACK_NACK));
	EXPECT_EQ(1, takes_as(&other, q));
	EXPECT_EQ(2, takes_as(&other, q));
	/* in the other queue it is as it was */
	EXPECT_EQ(3, takes_as(&other, p));
	EXPECT_EQ(-EAGAIN, takes_as(&other, p));
	ASSERT_EQ(1, says(&self->pair.get, tag[1], MQK_ACK_ACCEPT));
	EXPECT_EQ(2, takes_as(&other, p));
}

struct getter {
	int fd;
	__u32 consumer, queue;
	__s64 result;
};

static void *waits(void *arg)
{
	struct getter *g = arg;
	struct mqk_delivery d;

	g->result = queue_get(g->fd, g->consumer, g->queue, 0, (__s64)LONG_MS * 1000000, &d,
			      NULL);
	if (!g->result)
		g->result = delivery_number(g->fd, &d);
	return NULL;
}

/* A get that waits sleeps while what is ready is another one's. */
TEST_F(groups, get_waits)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer other;
	struct getter g;
	pthread_t thread;
	__u64 tag;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, consumer_make(&other, self->pair.r, NULL, PULL, 0, 64));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(0, sends(self, 2, "x"));
	ASSERT_EQ(1, gets(self, q, &tag));
	g = (struct getter){ self->pair.r, other.c.id, q, 0 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, waits, &g));
	sleep_ms(20);
	ASSERT_EQ(1, says(&self->pair.get, tag, MQK_ACK_ACCEPT));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(2, g.result);
}

/* What is settled by its delivery leaves its group to all. */
TEST_F(groups, no_acknowledgement)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct consumer a, b;
	__u32 i;
	__u64 tag;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, NOACK, 0));
	ASSERT_EQ(0, make(self, &b, NOACK, 0));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, sends(self, i, "x"));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(i, comes(i % 2 ? &b : &a, &tag));
}

/* One that waits for its next try holds up the younger ones of its group. */
TEST_F(groups, retry_holds_up)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS " x-mqk-retry-delay=150");
	struct mqk_queue_next info;
	struct consumer a, b;
	__u64 tag[3];

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 4));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(0, sends(self, 2, "x"));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(2, comes(&a, &tag[1]));
	/* 2 fails first: 1 is older, and may still come back before it */
	ASSERT_EQ(1, says(&a, tag[1], MQK_ACK_REJECT));
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_NACK));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_REJECT));
	ASSERT_EQ(0, make(self, &b, 0, 4));
	ASSERT_EQ(0, sends(self, 3, "x"));
	ASSERT_EQ(0, sends(self, 4, "y"));
	ASSERT_EQ(4, comes(&a, &tag[2]) + consumer_count(&b) * 100);
	/* 2 is due first, but 1 came before it */
	ASSERT_EQ(1, comes(&b, &tag[0]));
	ASSERT_EQ(2, comes(&b, &tag[1]));
	ASSERT_EQ(3, comes(&b, &tag[2]));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.retrying);
	EXPECT_EQ(4, info.unacked);
}

/* The head of a group expires, is dropped or purged: the next one takes its place. */
TEST_F(groups, out_of_the_middle)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS), dead;
	struct msg soon = { .flags = MQK_MSG_F_EXPIRATION, .expiration = 1 };
	struct mqk_queue_next info;
	__u64 tag, seq = 0;
	__u32 i;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(1, gets(self, q, &tag));
	ASSERT_EQ(0, sends_as(self, 2, "x", soon));
	ASSERT_EQ(0, sends_as(self, 3, "y", soon));
	ASSERT_EQ(0, sends(self, 4, "x"));
	ASSERT_EQ(0, sends_as(self, 5, "x", soon));
	ASSERT_EQ(0, sends(self, 6, "y"));
	ASSERT_EQ(0, until_ready(self, q, 2));
	EXPECT_EQ(4, browses(self, q, &seq));
	EXPECT_EQ(6, browses(self, q, &seq));
	ASSERT_EQ(1, says(&self->pair.get, tag, MQK_ACK_ACCEPT));
	EXPECT_EQ(4, takes(self, q));
	EXPECT_EQ(6, takes(self, q));
	/* the oldest ones go, whoever may have them */
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
	dead = queue_declare(self->pair.s, "dead", 0);
	q = queue_declare_args(self->pair.s, "q", GROUPS " x-max-length=2 x-dead-letter-exchange= "
			       "x-dead-letter-routing-key=dead");
	ASSERT_LT(0, q);
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(1, gets(self, q, &tag));
	for (i = 2; i <= 5; i++)
		ASSERT_EQ(0, sends(self, i, i % 2 ? "y" : "x"));
	ASSERT_EQ(0, until_ready(self, dead, 2));
	EXPECT_EQ(2, takes(self, dead));
	EXPECT_EQ(3, takes(self, dead));
	ASSERT_EQ(1, says(&self->pair.get, tag, MQK_ACK_ACCEPT));
	EXPECT_EQ(4, takes(self, q));
	ASSERT_EQ(0, sends(self, 6, "y"));
	EXPECT_EQ(2, queue_purge(self->pair.s, "q"));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(0, info.ready + info.unacked + info.bytes);
}

/* Its group comes with a dead letter, and with what is redriven. */
TEST_F(groups, dead_letters)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS " x-dead-letter-exchange= "
				     "x-dead-letter-routing-key=dead"), dead;
	struct consumer other;
	__u64 tag;
	__u32 i;

	ASSERT_LT(0, q);
	dead = queue_declare_args(self->pair.s, "dead", GROUPS);
	ASSERT_LT(0, dead);
	ASSERT_EQ(0, consumer_make(&other, self->pair.r, NULL, PULL, 0, 64));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, sends(self, i, i == 3 ? "y" : "x"));
		ASSERT_EQ(i, gets(self, q, &tag));
		ASSERT_EQ(1, consumer_settle(&self->pair.get, tag, MQK_ACK_REJECT, 0));
		ASSERT_EQ(0, until_ready(self, dead, i));
	}
	ASSERT_EQ(1, gets(self, dead, &tag));
	EXPECT_EQ(3, takes_as(&other, dead));
	EXPECT_EQ(-EAGAIN, takes_as(&other, dead));
	ASSERT_EQ(1, says(&self->pair.get, tag, MQK_ACK_NACK));
	EXPECT_EQ(2, redrives(self->pair.s, "dead", 9));
	ASSERT_EQ(1, gets(self, q, &tag));
	EXPECT_EQ(-EAGAIN, takes_as(&other, q));
	ASSERT_EQ(1, says(&self->pair.get, tag, MQK_ACK_ACCEPT));
	EXPECT_EQ(2, takes_as(&other, q));
}

/* A scheduled message is of its group from its moment on. */
TEST_F(groups, scheduled)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	struct msg later = { .flags = MQK_MSG_F_DELAY, .delay = 40 };
	struct mqk_queue_next info;
	struct consumer a, b;
	__u64 tag[2];

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 1));
	ASSERT_EQ(0, make(self, &b, 0, 4));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(0, sends_as(self, 2, "x", later));
	ASSERT_EQ(0, sends_as(self, 3, "y", later));
	ASSERT_EQ(3, comes(&b, &tag[1]));
	EXPECT_EQ(0, consumer_count(&b));
	ASSERT_EQ(0, until_ready(self, q, 1));
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_ACCEPT));
	/* whose turn it is then: who settled is the last one now */
	ASSERT_EQ(2, comes(&b, &tag[0]));
	/* it goes with its queue, and its group too */
	later.delay = 3600 * 1000;
	ASSERT_EQ(0, sends_as(self, 4, "z", later));
	ASSERT_EQ(0, queue_info(self->pair.s, q, &info));
	EXPECT_EQ(1, info.scheduled);
	ASSERT_EQ(0, queue_delete(self->pair.s, "q", 0));
}

/* Who is let in: what somebody who waits may have. */
TEST_F(groups, room)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS " x-max-length=0 "
				     "x-overflow=reject-publish x-mqk-retry-delay=3600000");
	struct consumer a, b;
	__u64 tag[2];

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 1));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(0, make(self, &b, 0, 4));
	EXPECT_EQ(-EIO, sends(self, 2, "x"));
	EXPECT_EQ(0, sends(self, 3, "y"));
	EXPECT_EQ(0, sends(self, 4, "y"));
	EXPECT_EQ(0, sends(self, 5, NULL));
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_REJECT));
	/* it waits for its next try, and x with it */
	EXPECT_EQ(-EIO, sends(self, 6, "x"));
	EXPECT_EQ(0, sends(self, 7, "z"));
}

/* A publisher that waits for room is let go when its group is free. */
TEST_F(groups, blocked)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS " x-max-length=0 "
				     "x-overflow=block");
	struct mqk_completion c;
	struct consumer a, b;
	struct headers h = {};
	__u32 number = 2;
	__u64 tag;

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 1));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(1, comes(&a, &tag));
	ASSERT_EQ(0, make(self, &b, 0, 1));
	headers_text(&h, "group-id", "x");
	{
		struct msg m = {
			.exchange = self->pair.exchange, .flags = GROUP, .key = "q", .key_len = 1,
			.headers = h.bytes, .headers_len = h.len,
			.payload = &number, .payload_len = sizeof(number),
		};
		struct mqk_wait w = {
			.size = sizeof(w), .flags = MQK_WAIT_F_ROOM, .id = self->pair.port.c.id,
			.timeout = (__s64)LONG_MS * 1000000,
		};

		EXPECT_EQ(-EAGAIN, port_publish(&self->pair.port, &m));
		EXPECT_EQ(MQK_RULE_HELD, rule(self->pair.s));
		ASSERT_EQ(1, says(&a, tag, MQK_ACK_ACCEPT));
		ASSERT_EQ(0, mq(self->pair.s, MQK_IOC_WAIT, &w));
		if (variant->flags & MQK_PORT_F_INPLACE) {
			ASSERT_LE(0, port_doorbell(&self->pair.port));
		} else {
			ASSERT_EQ(0, port_publish(&self->pair.port, &m));
		}
	}
	ASSERT_EQ(0, port_completion(&self->pair.port, &c, LONG_MS));
	EXPECT_EQ(MQK_COMPLETION_CONFIRM, c.type);
	ASSERT_EQ(2, comes(&b, &tag));
}

/* With a single active consumer there is one owner for all. */
TEST_F(groups, single_active)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS " x-single-active-consumer=true "
				     "x-mqk-handover=force");
	struct consumer a, b;
	__u64 tag[3];

	ASSERT_LT(0, q);
	ASSERT_EQ(0, make(self, &a, 0, 2));
	ASSERT_EQ(0, make(self, &b, 0, 2));
	ASSERT_EQ(0, sends(self, 1, "x"));
	ASSERT_EQ(0, sends(self, 2, "y"));
	ASSERT_EQ(0, sends(self, 3, "x"));
	ASSERT_EQ(0, sends(self, 4, "z"));
	ASSERT_EQ(1, comes(&a, &tag[0]));
	ASSERT_EQ(2, comes(&a, &tag[1]));
	EXPECT_EQ(0, consumer_count(&a) + consumer_count(&b));
	/* the next one takes over at once, but not what is another one's */
	ASSERT_EQ(0, consumer_cancel(&a));
	ASSERT_EQ(4, comes(&b, &tag[2]));
	EXPECT_EQ(0, consumer_count(&b));
	ASSERT_EQ(1, says(&a, tag[0], MQK_ACK_ACCEPT));
	ASSERT_EQ(3, comes(&b, &tag[0]));
}

/* Each group is charged, and goes with its last message. */
TEST_F(groups, memory)
{
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	__u64 before, with, after;
	char group[16];
	__u64 tag;
	__u32 i;

	ASSERT_LT(0, q);
	/* what a queue and a port keep for the next message is there already */
	ASSERT_EQ(0, sends(self, 0, "g"));
	ASSERT_EQ(0, takes(self, q));
	before = bytes_used(self->pair.s);
	for (i = 0; i < 100; i++) {
		snprintf(group, sizeof(group), "%u", i);
		ASSERT_EQ(0, sends(self, i, group));
	}
	with = bytes_used(self->pair.s);
	EXPECT_LE(before + 99 * 128, with);
	ASSERT_EQ(0, gets(self, q, &tag));
	for (i = 1; i < 100; i++)
		ASSERT_EQ(i, takes(self, q));
	ASSERT_EQ(1, says(&self->pair.get, tag, MQK_ACK_ACCEPT));
	after = bytes_used(self->pair.s);
	EXPECT_GE(before + 128, after);
}

/* At random: of each group one has messages, in order, and nothing is lost. */
TEST_F(groups, at_random)
{
	enum { CONSUMERS = 5, NR_GROUPS = 7, MESSAGES = 400 };
	__s64 q = queue_declare_args(self->pair.s, "q", GROUPS);
	__u32 first[NR_GROUPS] = {}, sent = 0, done = 0, i, j, g, n;
	struct {
		struct consumer c;
		__u64 tag;
		__u32 group;		/* of the message it holds, or NR_GROUPS */
	} c[CONSUMERS];
	__u64 begin = now_ms();
	struct mqk_delivery d;
	char group[8];

	ASSERT_LT(0, q);
	srand(1);
	for (i = 0; i < CONSUMERS; i++) {
		ASSERT_EQ(0, make(self, &c[i].c, i % 2 ? COPY : 0, 1 + i * 3));
		c[i].group = NR_GROUPS;
	}
	while (done < MESSAGES) {
		ASSERT_GT(begin + 4 * LONG_MS, now_ms());
		for (i = rand() % 4; i && sent < MESSAGES; i--, sent++) {
			snprintf(group, sizeof(group), "g%u", sent % NR_GROUPS);
			ASSERT_EQ(0, sends(self, sent, group));
		}
		i = rand() % CONSUMERS;
		if (c[i].group < NR_GROUPS) {
			n = rand() % 4;
			ASSERT_EQ(1, says(&c[i].c, c[i].tag,
					  n ? MQK_ACK_ACCEPT : MQK_ACK_NACK));
			c[i].group = NR_GROUPS;
			done += !!n;
			continue;
		}
		if (consumer_poll(&c[i].c, &d))
			continue;
		n = delivery_number(self->pair.r, &d);
		g = n % NR_GROUPS;
		for (j = 0; j < CONSUMERS; j++)
			EXPECT_NE(g, c[j].group) {
				TH_LOG("message %u: %u has the group, not %u", n, j, i);
			}
		/* what comes for the first time is the next one of its group */
		if (!d.count)
			EXPECT_EQ(first[g]++ * NR_GROUPS + g, n);
		c[i].group = g;
		c[i].tag = d.tag;
	}
	EXPECT_EQ(0, until_ready(self, q, 0));
}

TEST_HARNESS_MAIN
