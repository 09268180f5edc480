// SPDX-License-Identifier: GPL-2.0-only
/*
 * Acknowledgements: what is done is gone, what is not comes back, to its old
 * place, and says that it was there before.  The expectations are what a
 * RabbitMQ 4.0.5 was seen to do with classic queues.
 *
 * mqk-test: parallel timeout=60
 */
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define ACCEPT		MQK_ACK_ACCEPT
#define NACK		MQK_ACK_NACK
#define REJECT		MQK_ACK_REJECT
#define MULTIPLE	MQK_ACK_F_MULTIPLE
#define REQUEUE		MQK_ACK_F_REQUEUE
#define AGAIN		MQK_DELIVERY_F_REDELIVERED

FIXTURE(ack)
{
	struct env env;
	int s, a, b;
	struct port port;
	struct consumer c;		/* of a, sees 1, 2, 3 */
	__u32 exchange, queue;
	__u64 tag[8];			/* tag[n] of number n */
};

FIXTURE_SETUP(ack)
{
	__u32 numbers[3];
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->a = env_session(&self->env, O_RDWR);
	self->b = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->b);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, 0, 16));
	ASSERT_EQ(0, port_numbers(&self->port, self->exchange, "q", 1, 5));
	ASSERT_EQ(0, consumer_make(&self->c, self->a, "q", 0, 3, 16));
	ASSERT_EQ(3, take_numbers(&self->c, 3, numbers, self->tag + 1));
	ASSERT_EQ(1, numbers[0]);
	ASSERT_EQ(3, numbers[2]);
}

FIXTURE_TEARDOWN(ack)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static int counts(FIXTURE_DATA(ack) *self, __u64 *ready, __u64 *unacked)
{
	struct mqk_queue_next info;
	int ret = queue_info(self->s, self->queue, &info);

	*ready = info.ready;
	*unacked = info.unacked;
	return ret;
}

/* ready * 100 + unacked */
static int state(FIXTURE_DATA(ack) *self)
{
	__u64 ready, unacked;
	int ret = counts(self, &ready, &unacked);

	return ret ? ret : (int)(ready * 100 + unacked);
}

/* What another consumer gets now, each number and its flag: the digits, with
 * 'r' behind a redelivered one, into @text.
 */
static void drain(FIXTURE_DATA(ack) *self, char *text)
{
	struct mqk_delivery d;
	struct consumer other;
	__s64 number;


	if (!consumer_make(&other, self->b, "q", 0, 16, 16)) {
		while ((number = take_number(&other, &d, 0)) >= 0) {
			*text++ = '0' + number % 10;
			if (d.flags & AGAIN)
				*text++ = 'r';
		}
	}
	*text = '\0';
}

TEST_F(ack, accept_takes_it_out)
{
	struct mqk_queue_next info;

	EXPECT_EQ(203, state(self));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[1], ACCEPT, 0));
	EXPECT_EQ(103, state(self));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(1, info.acked);
	EXPECT_EQ(5, info.published);
	EXPECT_EQ(4, info.delivered);
	EXPECT_EQ(0, info.redelivered);
	EXPECT_EQ(0, info.dropped);
	EXPECT_EQ(16, info.bytes);
}

TEST_F(ack, out_of_order)
{
	char text[32];

	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[3], ACCEPT, 0));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[1], ACCEPT, 0));
	EXPECT_EQ(201, state(self));
	ASSERT_EQ(0, consumer_close(&self->c));
	drain(self, text);
	EXPECT_STREQ("2r45", text);
}

TEST_F(ack, multiple_takes_all_before)
{
	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(2, consumer_settle(&self->c, self->tag[2], ACCEPT, MULTIPLE));
	EXPECT_EQ(201, state(self));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[3], ACCEPT, MULTIPLE));
	EXPECT_EQ(200, state(self));
}

TEST_F(ack, multiple_passes_over_what_is_settled)
{
	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[2], ACCEPT, 0));
	ASSERT_EQ(2, consumer_settle(&self->c, self->tag[3], ACCEPT, MULTIPLE));
	EXPECT_EQ(200, state(self));
	EXPECT_EQ(0, self->c.k->error);
}

TEST_F(ack, tag_zero_multiple_is_all)
{
	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(3, consumer_settle(&self->c, 0, ACCEPT, MULTIPLE));
	EXPECT_EQ(200, state(self));
	/* All of nothing is nothing, and no error. */
	EXPECT_EQ(0, consumer_settle(&self->c, 0, ACCEPT, MULTIPLE));
	EXPECT_EQ(0, self->c.k->error);
}

/* --- coming back ---------------------------------------------------------- */

/* 2 of 1, 2, 3 goes back, 4 and 5 are ready: 2, 4, 5 it is. */
TEST_F(ack, requeue_goes_to_the_old_place)
{
	char text[32];

	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[2], NACK, REQUEUE));
	EXPECT_EQ(302, state(self));
	drain(self, text);
	EXPECT_STREQ("2r45", text);
}

TEST_F(ack, requeue_by_reject_as_by_nack)
{
	char text[32];

	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[2], REJECT, REQUEUE));
	drain(self, text);
	EXPECT_STREQ("2r45", text);
}

TEST_F(ack, requeue_in_any_order_restores_the_order)
{
	char text[32];

	ASSERT_EQ(0, consumer_cancel(&self->c));
	consumer_ack(&self->c, self->tag[2], NACK, REQUEUE);
	consumer_ack(&self->c, self->tag[3], REJECT, REQUEUE);
	consumer_ack(&self->c, self->tag[1], NACK, REQUEUE);
	ASSERT_EQ(3, consumer_kick(&self->c));
	EXPECT_EQ(500, state(self));
	drain(self, text);
	EXPECT_STREQ("1r2r3r45", text);
}

TEST_F(ack, requeue_multiple)
{
	char text[32];

	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(2, consumer_settle(&self->c, self->tag[2], NACK,
				     REQUEUE | MULTIPLE));
	drain(self, text);
	EXPECT_STREQ("1r2r45", text);
}

/* Its own consumer may get it again: the first that has credit. */
TEST_F(ack, requeue_comes_back_to_the_only_consumer)
{
	struct mqk_delivery d;

	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[2], NACK, REQUEUE));
	ASSERT_EQ(2, take_number(&self->c, &d, LONG_MS));
	EXPECT_EQ(AGAIN, d.flags & AGAIN);
	EXPECT_EQ(1, d.count);
	EXPECT_LT(self->tag[3], d.tag);
	EXPECT_EQ(203, state(self));
}

TEST_F(ack, close_returns_all_in_order)
{
	char text[32];

	ASSERT_EQ(0, consumer_close(&self->c));
	EXPECT_EQ(500, state(self));
	drain(self, text);
	EXPECT_STREQ("1r2r3r45", text);
}

TEST_F(ack, session_close_returns_all_in_order)
{
	char text[32];

	session_close(self->a);
	drain(self, text);
	EXPECT_STREQ("1r2r3r45", text);
}

/* All five delivered, none seen: all five have been delivered before. */
TEST_F(ack, unseen_deliveries_are_redelivered_too)
{
	char text[32];

	ASSERT_EQ(0, consumer_prefetch(&self->c, 16));
	EXPECT_EQ(5, state(self));
	session_close(self->a);
	drain(self, text);
	EXPECT_STREQ("1r2r3r4r5r", text);
}

TEST_F(ack, count_of_deliveries)
{
	struct mqk_queue_next info;
	struct mqk_delivery d;
	__u32 i;

	ASSERT_EQ(0, consumer_prefetch(&self->c, 1));
	ASSERT_EQ(2, consumer_settle(&self->c, self->tag[3], ACCEPT, 0) +
		     consumer_settle(&self->c, self->tag[2], ACCEPT, 0));
	d.tag = self->tag[1];
	for (i = 1; i < 20; i++) {
		ASSERT_EQ(1, consumer_settle(&self->c, d.tag,
					     i & 1 ? NACK : REJECT, REQUEUE));
		ASSERT_EQ(1, take_number(&self->c, &d, LONG_MS));
		ASSERT_EQ(i, d.count);
		ASSERT_EQ(AGAIN, d.flags);
	}
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(22, info.delivered);
	EXPECT_EQ(19, info.redelivered);
}

TEST_F(ack, without_requeue_it_is_dropped)
{
	struct mqk_queue_next info;
	char text[32];

	ASSERT_EQ(0, consumer_cancel(&self->c));
	consumer_ack(&self->c, self->tag[1], NACK, 0);
	consumer_ack(&self->c, self->tag[2], REJECT, 0);
	ASSERT_EQ(2, consumer_kick(&self->c));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &info));
	EXPECT_EQ(2, info.dropped);
	EXPECT_EQ(0, info.acked);
	ASSERT_EQ(0, consumer_close(&self->c));
	drain(self, text);
	EXPECT_STREQ("3r45", text);
}

TEST_F(ack, after_cancel_it_still_counts)
{
	ASSERT_EQ(0, consumer_cancel(&self->c));
	EXPECT_EQ(1, consumer_settle(&self->c, self->tag[2], ACCEPT, 0));
	EXPECT_EQ(0, self->c.k->error);
	EXPECT_EQ(202, state(self));
}

/* Written before the end, taken at the end. */
TEST_F(ack, what_was_written_counts_when_the_session_closes)
{
	char text[32];

	consumer_ack(&self->c, self->tag[1], ACCEPT, 0);
	consumer_ack(&self->c, self->tag[3], ACCEPT, 0);
	session_close(self->a);
	drain(self, text);
	EXPECT_STREQ("2r45", text);
}

TEST_F(ack, what_was_written_counts_when_the_consumer_closes)
{
	char text[32];

	consumer_ack(&self->c, self->tag[1], ACCEPT, 0);
	ASSERT_EQ(0, consumer_close(&self->c));
	drain(self, text);
	EXPECT_STREQ("2r3r45", text);
}

/* Tags are per consumer. */
TEST_F(ack, two_consumers_do_not_mix)
{
	struct consumer other;
	__u64 tags[2];

	ASSERT_EQ(0, consumer_make(&other, self->a, "q", 0, 2, 16));
	ASSERT_EQ(2, take_numbers(&other, 2, NULL, tags));
	ASSERT_EQ(2, consumer_settle(&other, 0, ACCEPT, MULTIPLE));
	EXPECT_EQ(3, state(self));
	ASSERT_EQ(0, consumer_cancel(&self->c));
	ASSERT_EQ(3, consumer_settle(&self->c, 0, NACK, REQUEUE | MULTIPLE));
	EXPECT_EQ(2, consumer_count(&other));
}

/* --- mistakes ------------------------------------------------------------- */

/* They end the consumer that made them, and nothing else. */
static int broken(FIXTURE_DATA(ack) *self, const char *expected)
{
	__u64 end = now_ms() + LONG_MS;
	struct mqk_delivery d;
	struct consumer other;
	char text[32];

	if (self->c.k->error != -EINVAL)
		return 1;
	/* Sticky: every further call on it says so. */
	if (consumer_kick(&self->c) != -EINVAL)
		return 2;
	while (!consumer_poll(&self->c, &d))
		;
	if (consumer_wait(&self->c, -1) != -EINVAL)
		return 3;
	/* What it held is back, a little later. */
	while (state(self) % 100 && now_ms() < end)
		sleep_ms(1);
	drain(self, text);
	if (strcmp(text, expected)) {
		fprintf(stderr, "# got %s\n", text);
		return 4;
	}
	/* Its session and its port go on, and it can be closed. */
	if (consumer_close(&self->c))
		return 5;
	return consumer_make(&other, self->a, "q", 0, 0, 16) ? 6 : 0;
}

TEST_F(ack, unknown_tag)
{
	EXPECT_EQ(-EINVAL, consumer_settle(&self->c, self->tag[3] + 1000,
					   ACCEPT, 0));
	EXPECT_EQ(MQK_RULE_UNKNOWN_TAG, rule(self->a));
	EXPECT_EQ(0, broken(self, "1r2r3r45"));
}

TEST_F(ack, tag_zero_alone)
{
	EXPECT_EQ(-EINVAL, consumer_settle(&self->c, 0, ACCEPT, 0));
	EXPECT_EQ(0, broken(self, "1r2r3r45"));
}

TEST_F(ack, unknown_tag_multiple)
{
	EXPECT_EQ(-EINVAL, consumer_settle(&self->c, self->tag[3] + 1000,
					   ACCEPT, MULTIPLE));
	EXPECT_EQ(0, broken(self, "1r2r3r45"));
}

TEST_F(ack, double_ack)
{
	ASSERT_EQ(0, consumer_prefetch(&self->c, 1));
	ASSERT_EQ(1, consumer_settle(&self->c, self->tag[2], ACCEPT, 0));
	EXPECT_EQ(-EINVAL, consumer_settle(&self->c, self->tag[2], ACCEPT, 0));
	EXPECT_EQ(0, broken(self, "1r3r45"));
}

/* Valid ones before the bad one count, those behind it do not. */
TEST_F(ack, bad_one_in_the_middle)
{
	ASSERT_EQ(0, consumer_prefetch(&self->c, 1));
	consumer_ack(&self->c, self->tag[1], ACCEPT, 0);
	consumer_ack(&self->c, ~0ull, ACCEPT, 0);
	consumer_ack(&self->c, self->tag[3], ACCEPT, 0);
	EXPECT_EQ(-EINVAL, consumer_kick(&self->c));
	EXPECT_EQ(0, broken(self, "2r3r45"));
}

TEST_F(ack, unknown_operation)
{
	static const __u32 bad[] = { 0, 4, 5, 0x100, 0x80000000, ~0u };
	struct mqk_delivery d;
	struct consumer c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, consumer_make(&c, self->b, "q", 0, 1, 16));
		ASSERT_EQ(4, take_number(&c, &d, LONG_MS));
		EXPECT_EQ(-EINVAL, consumer_settle(&c, d.tag, bad[i], 0));
		EXPECT_EQ(-EINVAL, c.k->error);
		ASSERT_EQ(0, consumer_close(&c));
	}
	EXPECT_EQ(203, state(self));
}

TEST_F(ack, unknown_flag)
{
	EXPECT_EQ(-EINVAL, consumer_settle(&self->c, self->tag[2], NACK, 4));
	EXPECT_EQ(0, broken(self, "1r2r3r45"));
}

TEST_F(ack, accept_is_not_requeued)
{
	EXPECT_EQ(-EINVAL, consumer_settle(&self->c, self->tag[2], ACCEPT,
					   REQUEUE));
	EXPECT_EQ(0, broken(self, "1r2r3r45"));
}

TEST_F(ack, noack_consumer_has_no_tags)
{
	struct mqk_delivery d;
	struct consumer c;

	ASSERT_EQ(0, consumer_make(&c, self->b, "q", MQK_CONSUMER_F_NOACK, 0,
				   16));
	ASSERT_EQ(4, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(-EINVAL, consumer_settle(&c, d.tag, ACCEPT, 0));
	EXPECT_EQ(-EINVAL, c.k->error);
	EXPECT_EQ(0, self->c.k->error);
}

TEST_F(ack, tag_of_another_consumer)
{
	struct consumer other;

	ASSERT_EQ(0, consumer_make(&other, self->a, "q", 0, 2, 16));
	/* Two delivered: the third tag of the first is none of its own. */
	EXPECT_EQ(-EINVAL, consumer_settle(&other, self->tag[3], ACCEPT, 0));
	EXPECT_EQ(-EINVAL, other.k->error);
	EXPECT_EQ(0, self->c.k->error);
	EXPECT_EQ(1, consumer_settle(&self->c, self->tag[3], ACCEPT, 0));
}

/* The queue goes away under a consumer with unacknowledged messages. */
TEST_F(ack, queue_deleted_with_unacked)
{
	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	EXPECT_EQ(-ENOENT, self->c.k->error);
	EXPECT_EQ(-ENOENT, consumer_wait(&self->c, -1));
	EXPECT_EQ(0, consumer_close(&self->c));
}

/* More acknowledgements than the ring holds: the kernel takes as it goes. */
TEST_F(ack, ack_ring_goes_round)
{
	struct mqk_delivery d;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, queue_delete(self->s, "q", 0));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, consumer_make(&c, self->b, "q", 0, 16, 16));
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, port_number(&self->port, self->exchange, "q", i));
		ASSERT_EQ(i, take_number(&c, &d, LONG_MS));
		consumer_ack(&c, d.tag, i % 3 ? ACCEPT : NACK, 0);
		ASSERT_GE(c.c.ack_entries, c.ack_tail - c.k->ack_head);
	}
	ASSERT_LE(0, consumer_kick(&c));
	EXPECT_EQ(c.ack_tail, c.k->ack_head);
}

TEST_HARNESS_MAIN
