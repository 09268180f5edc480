// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets what, and what they may say about it.
 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static int consume(struct fixture *f, const char *queue, struct consumer_options options)
{
	return consumer_open(f->b, f->session, queue, &options);
}

static void put_many(struct fixture *f, unsigned int from, unsigned int to)
{
	for (; from <= to; from++)
		fixture_put(f, "q", from);
}

static void test_turns(void)
{
	struct fixture f;
	int a, b;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	a = fixture_consume(&f, "q", 0);
	b = fixture_consume(&f, "q", 0);
	put_many(&f, 0, 5);
	CHECK_TEXT(fixture_given(&f, a), "0 2 4");
	CHECK_TEXT(fixture_given(&f, b), "1 3 5");
	/* who has no credit is passed over */
	consumer_prefetch(f.b, a, 3);
	put_many(&f, 6, 7);
	CHECK_TEXT(fixture_given(&f, a), "");
	CHECK_TEXT(fixture_given(&f, b), "6 7");
	fixture_close(&f);
}

static void test_prefetch(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	put_many(&f, 1, 6);
	c = fixture_consume(&f, "q", 3);
	CHECK_TEXT(fixture_given(&f, c), "1 2 3");
	consumer_settle(f.b, c, 2, false, ACCEPT, false);
	CHECK_TEXT(fixture_given(&f, c), "4");
	CHECK_TEXT(fixture_drain(&f, "q"), "5 6");
	fixture_close(&f);
}

static void test_tags(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	put_many(&f, 1, 6);
	c = fixture_consume(&f, "q", 0);
	CHECK_EQ(consumer_settle(f.b, c, 2, true, ACCEPT, false), 0);
	CHECK_EQ(f.b->consumer[c].held, 4);
	CHECK_EQ(consumer_settle(f.b, c, 4, false, ACCEPT, false), 0);
	CHECK_EQ(consumer_settle(f.b, c, 0, true, ACCEPT, false), 0);
	CHECK_EQ(f.b->consumer[c].held, 0);
	CHECK_EQ(consumer_settle(f.b, c, 0, true, ACCEPT, false), 0);
	put_many(&f, 7, 7);
	/* the second time it is not there: the consumer is broken */
	CHECK_EQ(consumer_settle(f.b, c, 4, false, ACCEPT, false), -EINVAL);
	CHECK_EQ(consumer_settle(f.b, c, 7, false, ACCEPT, false), -ENOENT);
	CHECK_TEXT(fixture_drain(&f, "q"), "7r");
	/* nor may it be one that is still to come */
	fixture_put(&f, "q", 8);
	c = fixture_consume(&f, "q", 0);
	CHECK_EQ(consumer_settle(f.b, c, 2, true, ACCEPT, false), -EINVAL);
	CHECK_TEXT(fixture_drain(&f, "q"), "8r");
	fixture_close(&f);
}

static void test_noack(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	put_many(&f, 1, 3);
	c = consume(&f, "q", (struct consumer_options){ .noack = true, .prefetch = 1,
							.level = ANY_LEVEL });
	CHECK_TEXT(fixture_given(&f, c), "1 2 3");
	CHECK_EQ(consumer_settle(f.b, c, 1, false, ACCEPT, false), -EINVAL);
	CHECK_TEXT(fixture_drain(&f, "q"), "");
	fixture_close(&f);
}

static void test_cancel(void)
{
	struct fixture f;
	int c, d;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	put_many(&f, 1, 2);
	c = fixture_consume(&f, "q", 1);
	consumer_cancel(f.b, c);
	/* what it holds it may still settle */
	CHECK_EQ(consumer_settle(f.b, c, 1, false, ACCEPT, false), 0);
	CHECK_TEXT(fixture_drain(&f, "q"), "2");
	d = fixture_consume(&f, "q", 1);
	fixture_put(&f, "q", 3);
	CHECK_TEXT(fixture_given(&f, d), "3");
	queue_delete(f.b, f.session, "q", false, false);
	CHECK_TEXT(fixture_given(&f, d), "cancelled");
	CHECK_EQ(consumer_settle(f.b, d, 1, false, ACCEPT, false), 0);
	fixture_close(&f);
}

static void test_exclusive(void)
{
	struct consumer_options exclusive = { .exclusive = true, .level = ANY_LEVEL };
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	c = fixture_consume(&f, "q", 1);
	CHECK_EQ(consume(&f, "q", exclusive), -EACCES);
	consumer_cancel(f.b, c);
	c = consume(&f, "q", exclusive);
	CHECK(c >= 0);
	CHECK_EQ(fixture_consume(&f, "q", 1), -EACCES);
	consumer_close(f.b, c, false);
	CHECK(fixture_consume(&f, "q", 1) >= 0);
	fixture_close(&f);
}

static void test_consumer_priority(void)
{
	struct fixture f;
	int low, high;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	low = consume(&f, "q", (struct consumer_options){ .prefetch = 2, .level = ANY_LEVEL });
	high = consume(&f, "q", (struct consumer_options){ .prefetch = 2, .priority = 10,
							   .level = ANY_LEVEL });
	put_many(&f, 1, 3);
	CHECK_TEXT(fixture_given(&f, high), "1 2");
	CHECK_TEXT(fixture_given(&f, low), "3");
	consumer_settle(f.b, high, 0, true, ACCEPT, false);
	put_many(&f, 4, 4);
	CHECK_TEXT(fixture_given(&f, high), "4");
	fixture_close(&f);
}

static void test_single_active(void)
{
	struct fixture f;
	int a, b;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-single-active-consumer=true");
	a = fixture_consume(&f, "q", 1);
	b = fixture_consume(&f, "q", 1);
	put_many(&f, 0, 2);
	CHECK_TEXT(fixture_given(&f, a), "0");
	CHECK_TEXT(fixture_given(&f, b), "");
	CHECK_EQ(consumer_get(f.b, f.puller, "q", true), -EBUSY);
	/* handed over when the old one has settled: so 0 comes before 1 */
	consumer_cancel(f.b, a);
	CHECK_TEXT(fixture_given(&f, b), "");
	consumer_settle(f.b, a, 1, false, NACK, true);
	CHECK_TEXT(fixture_given(&f, b), "0r");
	consumer_settle(f.b, b, 1, false, ACCEPT, false);
	CHECK_TEXT(fixture_given(&f, b), "1");
	fixture_close(&f);
}

static void test_single_active_force(void)
{
	struct fixture f;
	int a, b;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-single-active-consumer=true x-mqk-handover=force");
	a = fixture_consume(&f, "q", 1);
	b = fixture_consume(&f, "q", 1);
	put_many(&f, 0, 1);
	consumer_cancel(f.b, a);
	CHECK_TEXT(fixture_given(&f, b), "1");
	fixture_close(&f);
}

static void test_single_active_priority(void)
{
	struct fixture f;
	int a, b;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-single-active-consumer=true");
	a = fixture_consume(&f, "q", 2);
	put_many(&f, 0, 0);
	b = consume(&f, "q", (struct consumer_options){ .prefetch = 1, .priority = 1,
							.level = ANY_LEVEL });
	put_many(&f, 1, 1);
	CHECK_TEXT(fixture_given(&f, a), "0");
	CHECK_TEXT(fixture_given(&f, b), "");
	consumer_settle(f.b, a, 1, false, ACCEPT, false);
	CHECK_TEXT(fixture_given(&f, b), "1");
	fixture_close(&f);
}

static void put_group(struct fixture *f, unsigned int body, const char *group)
{
	struct message m = message_make(body);

	strcpy(m.group, group);
	fixture_send_message(f, "", "q", m);
}

static void test_groups(void)
{
	struct fixture f;
	int a, b;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-mqk-groups=true");
	put_group(&f, 1, "x");
	put_group(&f, 2, "x");
	put_group(&f, 3, "y");
	put_group(&f, 4, "y");
	put_group(&f, 5, "");
	a = fixture_consume(&f, "q", 1);
	b = fixture_consume(&f, "q", 2);
	CHECK_TEXT(fixture_given(&f, a), "1");
	/* x is a's; y and what has no group are free */
	CHECK_TEXT(fixture_given(&f, b), "3 4");
	CHECK_TEXT(fixture_drain(&f, "q"), "5");
	/* nobody holds x any more: it goes to whom it may */
	consumer_settle(f.b, a, 1, false, REJECT, true);
	CHECK_TEXT(fixture_given(&f, a), "1r");
	consumer_cancel(f.b, a);
	consumer_settle(f.b, b, 0, true, ACCEPT, false);
	CHECK_TEXT(fixture_given(&f, b), "");
	consumer_settle(f.b, a, 2, false, ACCEPT, false);
	CHECK_TEXT(fixture_given(&f, b), "2");
	fixture_close(&f);
}

/* One that is retried later holds up its own group only. */
static void test_group_retry(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-mqk-groups=true x-mqk-retry-delay=100");
	put_group(&f, 1, "x");
	put_group(&f, 2, "x");
	put_group(&f, 3, "y");
	c = fixture_consume(&f, "q", 1);
	CHECK_TEXT(fixture_given(&f, c), "1");
	consumer_settle(f.b, c, 1, false, REJECT, true);
	CHECK_TEXT(fixture_given(&f, c), "3");
	consumer_settle(f.b, c, 2, false, ACCEPT, false);
	CHECK_TEXT(fixture_given(&f, c), "");
	broker_advance(f.b, 100);
	CHECK_TEXT(fixture_given(&f, c), "1r");
	fixture_close(&f);
}

static void test_timeout(void)
{
	struct fixture f;
	int c;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-consumer-timeout=100 x-delivery-limit=0");
	put_many(&f, 1, 2);
	c = fixture_consume(&f, "q", 1);
	broker_advance(f.b, 50);
	CHECK_TEXT(fixture_given(&f, c), "1");
	consumer_prefetch(f.b, c, 2);
	consumer_cancel(f.b, c);
	broker_advance(f.b, 50);
	/* only the message that took too long, and that is no failure */
	CHECK_TEXT(fixture_drain(&f, "q"), "1r");
	CHECK_EQ(consumer_settle(f.b, c, 1, false, ACCEPT, false), 0);
	CHECK_EQ(consumer_settle(f.b, c, 2, false, ACCEPT, false), 0);
	CHECK_EQ(consumer_settle(f.b, c, 2, false, ACCEPT, false), -EINVAL);
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "in turn", test_turns },
	{ "prefetch; get goes beyond", test_prefetch },
	{ "tags: multiple, zero, unknown", test_tags },
	{ "no acknowledgement: no limit", test_noack },
	{ "cancelled: by itself, with its queue", test_cancel },
	{ "an exclusive consumer", test_exclusive },
	{ "consumer priority", test_consumer_priority },
	{ "single active consumer: handed over when settled", test_single_active },
	{ "single active consumer: by force", test_single_active_force },
	{ "single active consumer: a higher priority takes over", test_single_active_priority },
	{ "groups: one owner at a time", test_groups },
	{ "groups: a retry is not overtaken", test_group_retry },
	{ "acknowledgement timeout: the message only", test_timeout },
};

TEST_MAIN(tests)
