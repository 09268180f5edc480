// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priorities of consumers: x-priority.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdlib.h>
#include "rings_pair.h"
#include "harness.h"

#define PULL		MQK_CONSUMER_F_PULL

FIXTURE(priority)
{
	struct pair pair;
	__u32 number;
	__s64 q;
};

FIXTURE_VARIANT(priority)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(priority, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(priority, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(priority)
{
	ASSERT_EQ(0, pair_begin(&self->pair, variant->flags));
	self->q = queue_declare(self->pair.s, "q", 0);
	ASSERT_LT(0, self->q);
	self->number = 0;
}

FIXTURE_TEARDOWN(priority)
{
	EXPECT_EQ(0, pair_end(&self->pair));
}

static int make(FIXTURE_DATA(priority) *self, struct consumer *c, __u32 flags,
		__u32 prefetch, __s64 priority)
{
	struct headers h = {};

	headers_number(&h, "x-priority", priority);
	return consumer_make_args(c, self->pair.r, "q", flags, prefetch, 16, &h);
}

/* Publish @n messages; returns the number of the last one. */
static __u32 send(FIXTURE_DATA(priority) *self, __u32 n)
{
	__u32 first = self->number + 1;

	self->number += n;
	return port_numbers(&self->pair.port, self->pair.exchange, "q", first, self->number) ?
	       0 : self->number;
}

TEST_F(priority, arguments_that_are_none)
{
	static const __s64 far[] = { 1ll << 31, -(1ll << 31) - 1, INT64_MAX };
	struct headers h = {};
	struct consumer c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		EXPECT_EQ(-EINVAL, make(self, &c, 0, 0, far[i]));
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.r));
	}
	headers_text(&h, "x-priority", "1");
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	memset(&h, 0, sizeof(h));
	headers_add(&h, MQK_HEADER_BOOL, "x-priority", "\1", 1);
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	memset(&h, 0, sizeof(h));
	headers_number(&h, "x-priorities", 1);
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	memset(&h, 0, sizeof(h));
	headers_number(&h, "x-priority", 1);
	EXPECT_EQ(-EINVAL, consumer_make_args(&c, self->pair.r, NULL, PULL, 0, 16, &h));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->pair.r));
	EXPECT_EQ(0, make(self, &c, 0, 0, INT32_MIN));
	EXPECT_EQ(0, consumer_close(&c));
	memset(&h, 0, sizeof(h));
	headers_add(&h, MQK_HEADER_BYTE, "x-priority", "\xff", 1);
	EXPECT_EQ(0, consumer_make_args(&c, self->pair.r, "q", 0, 0, 16, &h));
	EXPECT_EQ(0, consumer_close(&c));
}

/* As long as the higher one has credit, it gets all; then the lower one does. */
TEST_F(priority, the_higher_one_first)
{
	struct consumer low, high;
	__u64 tags[4];
	__u32 n[4];

	ASSERT_EQ(0, make(self, &low, 0, 4, -1));
	ASSERT_EQ(0, make(self, &high, 0, 3, 1));
	ASSERT_EQ(5, send(self, 5));
	ASSERT_EQ(3, take_numbers(&high, 3, n, tags));
	EXPECT_EQ(1, n[0]);
	EXPECT_EQ(3, n[2]);
	ASSERT_EQ(2, take_numbers(&low, 2, n, NULL));
	EXPECT_EQ(4, n[0]);
	EXPECT_EQ(5, n[1]);
	ASSERT_EQ(1, consumer_settle(&high, tags[1], MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(7, send(self, 2));
	EXPECT_EQ(6, take_number(&high, NULL, LONG_MS));
	EXPECT_EQ(7, take_number(&low, NULL, LONG_MS));
	EXPECT_EQ(-EAGAIN, take_number(&high, NULL, 0));
}

/* One that comes later takes over; when it goes, the others go on. */
TEST_F(priority, come_and_go)
{
	struct consumer low, high;

	ASSERT_EQ(0, consumer_make(&low, self->pair.r, "q", 0, 0, 16));
	ASSERT_EQ(1, send(self, 1));
	EXPECT_EQ(1, take_number(&low, NULL, LONG_MS));
	ASSERT_EQ(0, make(self, &high, 0, 0, 5));
	ASSERT_EQ(2, send(self, 1));
	EXPECT_EQ(2, take_number(&high, NULL, LONG_MS));
	EXPECT_EQ(-EAGAIN, take_number(&low, NULL, 0));
	ASSERT_EQ(0, consumer_cancel(&high));
	ASSERT_EQ(3, send(self, 1));
	EXPECT_EQ(3, take_number(&low, NULL, LONG_MS));
	/* what it held returns to its place, and goes to who is there */
	ASSERT_EQ(0, consumer_close(&high));
	EXPECT_EQ(2, take_number(&low, NULL, LONG_MS));
}

#define LEVELS	3
#define EACH	4

/* Equals take turns; a whole level is passed by when nobody of it has credit. */
TEST_F(priority, turns_among_equals)
{
	static const __s64 level[LEVELS] = { 7, 0, -7 };
	struct consumer c[LEVELS][EACH];
	unsigned int i, j, round;

	for (j = 0; j < EACH; j++)
		for (i = 0; i < LEVELS; i++)
			ASSERT_EQ(0, make(self, &c[i][j], 0, 2, level[i]));
	ASSERT_EQ(LEVELS * EACH * 2, send(self, LEVELS * EACH * 2));
	for (i = 0; i < LEVELS; i++)
		for (round = 0; round < 2; round++)
			for (j = 0; j < EACH; j++)
				EXPECT_EQ((i * 2 + round) * EACH + j + 1,
					  take_number(&c[i][j], NULL, 0));
	/* all of it is settled, in whatever order: turns are as they were */
	for (j = 0; j < EACH; j++)
		for (i = 0; i < LEVELS; i++)
			ASSERT_EQ(2, consumer_settle(&c[i][EACH - 1 - j], 0, MQK_ACK_ACCEPT,
						     MQK_ACK_F_MULTIPLE));
	ASSERT_EQ(LEVELS * EACH * 2 + 4, send(self, 4));
	for (j = 0; j < EACH; j++) {
		struct mqk_delivery d;

		EXPECT_EQ(0, consumer_poll(&c[0][j], &d));
		EXPECT_EQ(-EAGAIN, consumer_poll(&c[1][j], &d));
	}
}

/* The one with a priority is alone with the queue, though others are able. */
TEST_F(priority, one_above_many)
{
	struct consumer many[8], high;
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, consumer_make(&many[i], self->pair.r, "q", 0, 0, 16));
	ASSERT_EQ(0, make(self, &high, MQK_CONSUMER_F_NOACK, 0, 1));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(self->number + 3, send(self, 3));
		ASSERT_EQ(3, take_numbers(&high, 3, NULL, NULL));
		__atomic_store_n(&high.u->head, high.head, __ATOMIC_RELEASE);
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(-EAGAIN, take_number(&many[i], NULL, 0));
}

TEST_F(priority, listed)
{
	struct mqk_consumer_entry e = {};
	char data[MQK_NAME_MAX];
	struct mqk_list l = {
		.size = sizeof(l), .count = 1, .entries = (uintptr_t)&e,
		.data = (uintptr_t)data, .data_len = sizeof(data),
	};
	struct consumer c;

	ASSERT_EQ(0, consumer_close(&self->pair.get));
	ASSERT_EQ(0, make(self, &c, 0, 0, -77));
	ASSERT_EQ(0, mq(self->pair.s, MQK_IOC_CONSUMER_LIST, &l));
	EXPECT_EQ(-77, e.priority);
	EXPECT_EQ(c.c.id, e.id);
}

#define RANDOM	24

/*
 * Many consumers of random priorities come, go, run out of credit and get it back:
 * each message goes to one of the highest priority that has credit.
 */
TEST_F_TIMEOUT(priority, random, 60)
{
	static struct consumer c[RANDOM];
	static bool open[RANDOM];
	static __s64 priority[RANDOM];
	static __u32 held[RANDOM];
	__u64 state = 11;
	struct mqk_delivery d;
	unsigned int i, step;

	memset(open, 0, sizeof(open));
	for (step = 0; step < 3000; step++) {
		unsigned int who = random_next(&state) % RANDOM;
		__s64 best = INT64_MIN;
		bool any = false;

		if (!open[who]) {
			priority[who] = (__s64)(random_next(&state) % 5) - 2;
			held[who] = 0;
			ASSERT_EQ(0, make(self, &c[who], 0, 2, priority[who]));
			open[who] = true;
		} else if (held[who] && random_next(&state) % 2) {
			ASSERT_EQ(held[who], consumer_settle(&c[who], 0, MQK_ACK_ACCEPT,
							     MQK_ACK_F_MULTIPLE));
			held[who] = 0;
		} else if (!held[who] && random_next(&state) % 4 == 0) {
			ASSERT_EQ(0, consumer_close(&c[who]));
			consumer_unmap(&c[who]);
			open[who] = false;
		}
		for (i = 0; i < RANDOM; i++)
			if (open[i] && held[i] < 2 && priority[i] >= best) {
				best = priority[i];
				any = true;
			}
		if (!any)
			continue;
		ASSERT_NE(0, send(self, 1));
		for (any = false, i = 0; i < RANDOM; i++) {
			if (!open[i] || consumer_poll(&c[i], &d))
				continue;
			ASSERT_FALSE(any);
			ASSERT_EQ(best, priority[i]) {
				TH_LOG("step %u", step);
			}
			held[i]++;
			any = true;
		}
		ASSERT_TRUE(any);
	}
}

TEST_HARNESS_MAIN
