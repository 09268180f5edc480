// SPDX-License-Identifier: GPL-2.0-only
/*
 * What waits in a queue: its order, and how long and how much.
 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static void put_priority(struct fixture *f, unsigned int body, int priority)
{
	struct message m = message_make(body);

	m.priority = priority;
	fixture_send_message(f, "", "q", m);
}

static void put_ttl(struct fixture *f, unsigned int body, int64_t ms)
{
	struct message m = message_make(body);

	m.expiration = ms;
	fixture_send_message(f, "", "q", m);
}

static void test_requeue(void)
{
	struct fixture f;
	unsigned int i;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	for (i = 1; i <= 5; i++)
		fixture_put(&f, "q", i);
	c = fixture_consume(&f, "q", 3);
	CHECK_TEXT(fixture_given(&f, c), "1 2 3");
	consumer_cancel(f.b, c);
	consumer_settle(f.b, c, 2, false, NACK, true);
	CHECK_TEXT(fixture_drain(&f, "q"), "2r 4 5");
	consumer_close(f.b, c, false);
	CHECK_TEXT(fixture_drain(&f, "q"), "1r 3r");
	fixture_close(&f);
}

static void test_return_all(void)
{
	struct fixture f;
	unsigned int i;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	for (i = 1; i <= 5; i++)
		fixture_put(&f, "q", i);
	c = fixture_consume(&f, "q", 0);
	CHECK_TEXT(fixture_given(&f, c), "1 2 3 4 5");
	consumer_close(f.b, c, true);
	CHECK_TEXT(fixture_drain(&f, "q"), "1r 2r 3r 4r 5r");
	fixture_close(&f);
}

static void test_priority(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-max-priority=5");
	put_priority(&f, 100, -1);
	put_priority(&f, 0, 0);
	put_priority(&f, 1, 1);
	put_priority(&f, 5, 5);
	put_priority(&f, 9, 9);
	put_priority(&f, 4, 4);
	/* 9 is as 5; none is as 0: among equals, the first comes first */
	CHECK_TEXT(fixture_drain(&f, "q"), "5 9 4 1 100 0");
	put_priority(&f, 1, 2);
	put_priority(&f, 2, 2);
	CHECK_EQ(consumer_get(f.b, f.puller, "q", false), 0);
	put_priority(&f, 3, 2);
	put_priority(&f, 4, 3);
	consumer_settle(f.b, f.puller, f.b->consumer[f.puller].last_tag, false, NACK, true);
	CHECK_TEXT(fixture_drain(&f, "q"), "4 1r 2 3");
	fixture_close(&f);
}

static void test_no_priority(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	put_priority(&f, 1, 0);
	put_priority(&f, 2, 9);
	CHECK_TEXT(fixture_drain(&f, "q"), "1 2");
	fixture_close(&f);
}

static void test_ttl(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-message-ttl=100");
	put_ttl(&f, 1, -1);
	put_ttl(&f, 2, 30);
	put_ttl(&f, 3, 500);
	broker_advance(f.b, 29);
	CHECK_EQ(fixture_ready(&f, "q"), 3);
	/* to the millisecond, also behind a longer one */
	broker_advance(f.b, 1);
	CHECK_EQ(fixture_ready(&f, "q"), 2);
	broker_advance(f.b, 69);
	CHECK_EQ(fixture_ready(&f, "q"), 2);
	broker_advance(f.b, 1);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	put_ttl(&f, 4, -2);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	fixture_close(&f);
}

static void test_negative_ttl(void)
{
	struct message m = message_make(1);
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	m.expiration = -5;
	CHECK_EQ(fixture_send_message(&f, "", "q", m), -EINVAL);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	CHECK_TEXT(fixture_confirms(&f), "");
	fixture_close(&f);
}

static void test_ttl_zero(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-message-ttl=0");
	fixture_put(&f, "q", 1);
	CHECK_TEXT(fixture_drain(&f, "q"), "");
	c = fixture_consume(&f, "q", 2);
	fixture_put(&f, "q", 2);
	fixture_put(&f, "q", 3);
	fixture_put(&f, "q", 4);
	CHECK_TEXT(fixture_given(&f, c), "2 3");
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	/* its time is over: it does not come back */
	consumer_settle(f.b, c, 1, false, NACK, true);
	CHECK_TEXT(fixture_given(&f, c), "");
	fixture_close(&f);
}

static void test_ttl_taken(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-message-ttl=50");
	fixture_put(&f, "q", 1);
	CHECK_EQ(consumer_get(f.b, f.puller, "q", false), 0);
	broker_advance(f.b, 100);
	CHECK_EQ(queue_count(queue_find(f.b, "q"), TAKEN), 1);
	consumer_settle(f.b, f.puller, 1, false, NACK, true);
	CHECK_TEXT(fixture_drain(&f, "q"), "");
	fixture_close(&f);
}

static void test_expires(void)
{
	static const struct table none;
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-expires=100");
	broker_advance(f.b, 99);
	/* declaring it again, or getting, is use; publishing is not */
	queue_declare(f.b, f.session, "q", F_PASSIVE, &none, NULL);
	broker_advance(f.b, 99);
	consumer_get(f.b, f.puller, "q", true);
	fixture_put(&f, "q", 1);
	broker_advance(f.b, 99);
	CHECK(queue_find(f.b, "q"));
	c = fixture_consume(&f, "q", 1);
	broker_advance(f.b, 1000);
	CHECK(queue_find(f.b, "q"));
	consumer_cancel(f.b, c);
	broker_advance(f.b, 99);
	CHECK(queue_find(f.b, "q"));
	broker_advance(f.b, 1);
	CHECK(!queue_find(f.b, "q"));
	fixture_close(&f);
}

static void test_drop_head(void)
{
	const struct message *m;
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "dead", "");
	fixture_queue(&f, "q", "x-max-length=3 x-dead-letter-exchange= x-dead-letter-routing-key=dead");
	for (i = 1; i <= 5; i++)
		fixture_put(&f, "q", i);
	CHECK_TEXT(fixture_confirms(&f), "ack ack ack ack ack");
	CHECK_TEXT(fixture_drain(&f, "q"), "3 4 5");
	m = fixture_first(&f, "dead");
	CHECK(m && m->nr_deaths == 1 && m->death[0].reason == MAXLEN && m->death[0].count == 1);
	CHECK(m && m->headers.nr == 6 && !strcmp(m->death[0].queue, "q"));
	CHECK_TEXT(fixture_drain(&f, "dead"), "1 2");
	fixture_close(&f);
}

static void test_length_ready_only(void)
{
	struct fixture f;
	unsigned int i;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-max-length=2");
	c = fixture_consume(&f, "q", 2);
	for (i = 1; i <= 6; i++)
		fixture_put(&f, "q", i);
	CHECK_TEXT(fixture_given(&f, c), "1 2");
	CHECK_EQ(fixture_ready(&f, "q"), 2);
	/* the old ones come back at the head, and are dropped there */
	consumer_close(f.b, c, false);
	CHECK_TEXT(fixture_drain(&f, "q"), "5 6");
	fixture_close(&f);
}

static void test_bytes(void)
{
	struct message m = message_make(1);
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-max-length-bytes=200");
	m.bytes = 100;
	fixture_send_message(&f, "", "q", m);
	m.body = 2;
	fixture_send_message(&f, "", "q", m);
	CHECK_EQ(fixture_ready(&f, "q"), 2);
	m.body = 3;
	m.bytes = 150;
	fixture_send_message(&f, "", "q", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "3");
	m.bytes = 201;
	fixture_send_message(&f, "", "q", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "");
	fixture_close(&f);
}

static void test_reject_publish(void)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-max-length=2 x-overflow=reject-publish");
	for (i = 1; i <= 4; i++)
		fixture_put(&f, "q", i);
	CHECK_TEXT(fixture_confirms(&f), "ack ack nack nack");
	CHECK_TEXT(fixture_drain(&f, "q"), "1 2");
	/* nobody can say that there is no room when somebody waits for it */
	fixture_queue(&f, "hand", "x-max-length=0 x-overflow=reject-publish");
	fixture_put(&f, "hand", 1);
	fixture_consume(&f, "hand", 1);
	fixture_put(&f, "hand", 2);
	fixture_put(&f, "hand", 3);
	CHECK_TEXT(fixture_confirms(&f), "nack ack nack");
	fixture_close(&f);
}

static void test_reject_publish_dlx(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "dead", "");
	fixture_queue(&f, "q", "x-max-length=1 x-overflow=reject-publish-dlx "
			       "x-dead-letter-exchange= x-dead-letter-routing-key=dead");
	fixture_put(&f, "q", 1);
	fixture_put(&f, "q", 2);
	CHECK_TEXT(fixture_confirms(&f), "ack nack");
	CHECK_TEXT(fixture_drain(&f, "q"), "1");
	CHECK_TEXT(fixture_drain(&f, "dead"), "2");
	fixture_close(&f);
}

static void test_block(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-max-length=1 x-overflow=block x-mqk-block-timeout=100");
	fixture_queue(&f, "r", "");
	fixture_bind(&f, "amq.fanout", "q", "");
	fixture_bind(&f, "amq.fanout", "r", "");
	fixture_send(&f, "amq.fanout", "", 1);
	fixture_send(&f, "amq.fanout", "", 2);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	/* it is nowhere yet, and nothing overtakes it */
	CHECK_EQ(fixture_ready(&f, "r"), 1);
	CHECK_EQ(fixture_put(&f, "r", 3), -EAGAIN);
	CHECK_EQ(consumer_get(f.b, f.puller, "q", true), 0);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	CHECK_TEXT(fixture_drain(&f, "r"), "1 2");
	fixture_send(&f, "amq.fanout", "", 4);
	broker_advance(f.b, 99);
	CHECK_TEXT(fixture_confirms(&f), "");
	broker_advance(f.b, 1);
	CHECK_TEXT(fixture_confirms(&f), "nack");
	CHECK_TEXT(fixture_drain(&f, "r"), "");
	CHECK_EQ(fixture_put(&f, "r", 5), 0);
	fixture_close(&f);
}

static void test_purge(void)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	for (i = 0; i < 3; i++)
		fixture_put(&f, "q", i);
	consumer_get(f.b, f.puller, "q", false);
	CHECK_EQ(queue_purge(f.b, f.session, "q"), 2);
	consumer_settle(f.b, f.puller, 1, false, NACK, true);
	CHECK_TEXT(fixture_drain(&f, "q"), "0r");
	CHECK_EQ(queue_purge(f.b, f.session, "none"), -ENOENT);
	fixture_close(&f);
}

static void put_later(struct fixture *f, unsigned int body, int64_t delay, const char *id)
{
	struct message m = message_make(body);

	m.delay = delay;
	strcpy(m.id, id);
	fixture_send_message(f, "", "q", m);
}

static void test_delay(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	put_later(&f, 1, 100, "a");
	put_later(&f, 2, 50, "b");
	put_later(&f, 3, 100, "c");
	fixture_put(&f, "q", 4);
	CHECK_TEXT(fixture_confirms(&f), "ack ack ack ack");
	CHECK_EQ(fixture_ready(&f, "q"), 1);
	broker_advance(f.b, 50);
	CHECK_EQ(fixture_ready(&f, "q"), 2);
	CHECK_EQ(queue_cancel(f.b, "q", "c"), 1);
	CHECK_EQ(queue_cancel(f.b, "q", "b"), 0);
	fixture_put(&f, "q", 5);
	broker_advance(f.b, 50);
	CHECK_TEXT(fixture_drain(&f, "q"), "4 2 5 1");
	fixture_close(&f);
}

/* Its time runs from when it is due. */
static void test_delay_ttl(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-message-ttl=30");
	put_later(&f, 1, 100, "");
	broker_advance(f.b, 129);
	CHECK_EQ(fixture_ready(&f, "q"), 1);
	broker_advance(f.b, 1);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	fixture_close(&f);
}

static void test_pause(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	c = fixture_consume(&f, "q", 0);
	CHECK_EQ(queue_pause(f.b, "q", true), 0);
	fixture_put(&f, "q", 1);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	CHECK_EQ(consumer_get(f.b, f.puller, "q", true), -EAGAIN);
	CHECK_TEXT(fixture_given(&f, c), "");
	queue_pause(f.b, "q", false);
	CHECK_TEXT(fixture_given(&f, c), "1");
	CHECK_EQ(queue_pause(f.b, "none", true), -ENOENT);
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "requeued: to its place", test_requeue },
	{ "a consumer's end: all in order, flagged", test_return_all },
	{ "priorities: clamped, none is 0, first in first out among equals", test_priority },
	{ "priorities mean nothing to a queue without", test_no_priority },
	{ "TTL: the shorter one, to the millisecond, behind a longer one", test_ttl },
	{ "TTL: negative is refused", test_negative_ttl },
	{ "TTL 0: to a waiting consumer or nobody", test_ttl_zero },
	{ "TTL: not while it is unacknowledged", test_ttl_taken },
	{ "queue expiry: what use is", test_expires },
	{ "length: the head is dropped, and dead", test_drop_head },
	{ "length: of what is ready only", test_length_ready_only },
	{ "length in bytes", test_bytes },
	{ "reject-publish, exactly", test_reject_publish },
	{ "reject-publish-dlx", test_reject_publish_dlx },
	{ "block: in no queue until in all, with timeout", test_block },
	{ "purge leaves what is unacknowledged", test_purge },
	{ "delay: in the order of being due, cancelled", test_delay },
	{ "delay and TTL", test_delay_ttl },
	{ "pause", test_pause },
};

TEST_MAIN(tests)
