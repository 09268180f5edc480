// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of messages that nobody could use: dead letters, limits, retries,
 * levels, and the way back.
 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

#define TO(queue)	" x-dead-letter-exchange= x-dead-letter-routing-key=" queue

/* The last message that was got. */
static int settle(struct fixture *f, enum verdict verdict, bool requeue)
{
	return consumer_settle(f->b, f->puller, f->b->consumer[f->puller].last_tag, false,
			       verdict, requeue);
}

static int get(struct fixture *f, const char *queue)
{
	return consumer_get(f->b, f->puller, queue, false);
}

static unsigned int deaths(struct fixture *f, const char *queue)
{
	const struct message *m = fixture_first(f, queue);

	return m && m->nr_deaths ? m->death[0].count : 0;
}

static void test_reasons(void)
{
	static const char * const args[] = {
		"", " x-message-ttl=10", " x-max-length=0", " x-delivery-limit=0",
	};
	struct fixture f;
	unsigned int i;
	char text[200];

	for (i = 0; i < 4; i++) {
		const struct message *m;

		fixture_open(&f);
		fixture_queue(&f, "dead", "");
		sprintf(text, TO("dead") "%s", args[i]);
		fixture_queue(&f, "q", text);
		fixture_put(&f, "q", 1);
		if (!get(&f, "q"))
			settle(&f, i == DELIVERY_LIMIT ? REJECT :
				   i == REJECTED ? NACK : ACCEPT, i == DELIVERY_LIMIT);
		if (i == EXPIRED) {
			fixture_put(&f, "q", 1);
			broker_advance(f.b, 10);
		}
		m = fixture_first(&f, "dead");
		if (CHECK(m)) {
			CHECK_EQ(m->death[0].reason, i);
			CHECK_TEXT(table_find(&m->headers, "x-first-death-reason")->text,
				   reason_name[i]);
		}
		fixture_close(&f);
	}
}

static void test_headers(void)
{
	const struct message *d;
	struct message m = message_make(7);
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "dead", "");
	fixture_queue(&f, "a", "x-message-ttl=50" TO("b"));
	fixture_queue(&f, "b", TO("dead"));
	m.expiration = 20;
	m.cc.nr = 1;
	strcpy(m.cc.key[0], "nobody");
	broker_advance(f.b, 1000);
	fixture_send_message(&f, "", "a", m);
	broker_advance(f.b, 20);
	d = fixture_first(&f, "b");
	CHECK(d && d->expiration == -1 && d->cc.nr == 0);
	get(&f, "b");
	settle(&f, REJECT, false);
	d = fixture_first(&f, "dead");
	if (CHECK(d && d->nr_deaths == 2)) {
		CHECK_TEXT(d->death[0].queue, "b");
		CHECK_EQ(d->death[0].reason, REJECTED);
		CHECK_EQ(d->death[0].expiration, -1);
		CHECK_TEXT(d->death[1].queue, "a");
		CHECK_EQ(d->death[1].time, 1020);
		CHECK_EQ(d->death[1].expiration, 20);
		CHECK_EQ(d->death[1].keys.nr, 2);
		CHECK_TEXT(d->death[1].keys.key[0], "a");
		CHECK_TEXT(d->death[1].keys.key[1], "nobody");
		CHECK_TEXT(table_find(&d->headers, "x-first-death-queue")->text, "a");
		CHECK_TEXT(table_find(&d->headers, "x-last-death-queue")->text, "b");
		CHECK_TEXT(table_find(&d->headers, "x-last-death-reason")->text, "rejected");
		CHECK_TEXT(table_find(&d->headers, "x-last-death-exchange")->text, "");
	}
	fixture_close(&f);
}

static void test_own_keys(void)
{
	const struct message *d;
	struct message m = message_make(7);
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-dead-letter-exchange=amq.direct");
	fixture_queue(&f, "by-key", "");
	fixture_queue(&f, "by-cc", "");
	fixture_queue(&f, "by-bcc", "");
	fixture_bind(&f, "amq.direct", "by-key", "q");
	fixture_bind(&f, "amq.direct", "by-cc", "copy");
	fixture_bind(&f, "amq.direct", "by-bcc", "blind");
	m.cc.nr = m.bcc.nr = 1;
	strcpy(m.cc.key[0], "copy");
	strcpy(m.bcc.key[0], "blind");
	fixture_send_message(&f, "", "q", m);
	get(&f, "q");
	settle(&f, NACK, false);
	d = fixture_first(&f, "by-key");
	CHECK(d && !strcmp(d->exchange, "amq.direct") && !strcmp(d->key, "q"));
	CHECK_TEXT(fixture_drain(&f, "by-cc"), "7");
	CHECK_TEXT(fixture_drain(&f, "by-bcc"), "");
	fixture_close(&f);
}

static void test_missing(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-dead-letter-exchange=nobody");
	fixture_put(&f, "q", 1);
	get(&f, "q");
	CHECK_EQ(settle(&f, REJECT, false), 0);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	fixture_close(&f);
}

static void test_ttl_cycle(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-message-ttl=10" TO("q"));
	fixture_put(&f, "q", 1);
	broker_advance(f.b, 10);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	/* the same by way of another queue */
	fixture_queue(&f, "a", "x-message-ttl=10" TO("b"));
	fixture_queue(&f, "b", "x-message-ttl=10" TO("a"));
	fixture_put(&f, "a", 1);
	broker_advance(f.b, 10);
	CHECK_EQ(fixture_ready(&f, "b"), 1);
	broker_advance(f.b, 10);
	CHECK_EQ(fixture_ready(&f, "a") + fixture_ready(&f, "b"), 0);
	fixture_close(&f);
}

static void test_reject_cycle(void)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", TO("q"));
	fixture_put(&f, "q", 1);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(deaths(&f, "q"), i);
		CHECK_EQ(get(&f, "q"), 0);
		settle(&f, REJECT, false);
	}
	/* a retry queue in between: expired there, rejected here, both counted */
	fixture_queue(&f, "work", TO("wait"));
	fixture_queue(&f, "wait", "x-message-ttl=10" TO("work"));
	fixture_put(&f, "work", 1);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(deaths(&f, "work"), i);
		get(&f, "work");
		settle(&f, NACK, false);
		CHECK_EQ(deaths(&f, "wait"), i + 1);
		broker_advance(f.b, 10);
	}
	CHECK_EQ(fixture_first(&f, "work")->nr_deaths, 2);
	fixture_close(&f);
}

static void test_limit(void)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-delivery-limit=20");
	fixture_put(&f, "q", 1);
	for (i = 0; i <= 20; i++) {
		char want[64];
		const struct consumer *c = &f.b->consumer[f.puller];

		CHECK_EQ(get(&f, "q"), 0);
		sprintf(want, "count=%u]", i);
		CHECK(strstr(text_of(&c->seen), want));
		settle(&f, REJECT, true);
	}
	CHECK_EQ(get(&f, "q"), -EAGAIN);
	fixture_close(&f);
}

static void test_failures(void)
{
	struct consumer_options options = { .level = ANY_LEVEL };
	int session, c;
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-delivery-limit=1");
	fixture_put(&f, "q", 1);
	/* to give back, to close and to say goodbye is no failure */
	for (i = 0; i < 3; i++) {
		get(&f, "q");
		settle(&f, NACK, true);
		c = fixture_consume(&f, "q", 1);
		consumer_close(f.b, c, false);
		session = session_open(f.b);
		consumer_open(f.b, session, "q", &options);
		session_close(f.b, session, false);
	}
	CHECK_EQ(fixture_ready(&f, "q"), 1);
	/* to die is */
	for (i = 0; i < 2; i++) {
		CHECK_EQ(fixture_ready(&f, "q"), 1);
		session = session_open(f.b);
		consumer_open(f.b, session, "q", &options);
		session_close(f.b, session, true);
	}
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	fixture_close(&f);
}

static void test_no_limit(void)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	fixture_put(&f, "q", 1);
	for (i = 0; i < 30; i++) {
		CHECK_EQ(get(&f, "q"), 0);
		settle(&f, REJECT, true);
	}
	CHECK_EQ(fixture_ready(&f, "q"), 1);
	fixture_close(&f);
}

/* How long a message is away after each of its failures. */
static void check_delays(const char *args, const unsigned int *want, unsigned int nr)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", args);
	fixture_put(&f, "q", 1);
	fixture_put(&f, "q", 2);
	for (i = 0; i < nr; i++) {
		get(&f, "q");
		settle(&f, REJECT, true);
		CHECK_EQ(fixture_ready(&f, "q"), 1);
		broker_advance(f.b, want[i] - 1);
		CHECK_EQ(fixture_ready(&f, "q"), 1);
		broker_advance(f.b, 1);
		CHECK_EQ(fixture_ready(&f, "q"), 2);
	}
	/* and then it is in its old place, which a return has not left */
	get(&f, "q");
	settle(&f, NACK, true);
	CHECK_TEXT(fixture_drain(&f, "q"), "1r 2");
	fixture_close(&f);
}

static void test_backoff(void)
{
	static const unsigned int linear[] = { 100, 200, 250, 250 };
	static const unsigned int exponential[] = { 100, 200, 400, 500, 500 };

	check_delays("x-mqk-retry-delay=100 x-mqk-retry-max=250", linear, 4);
	check_delays("x-mqk-retry-delay=100 x-mqk-retry-max=500 x-mqk-retry-backoff=exponential",
		     exponential, 5);
}

static int consume_level(struct fixture *f, int level)
{
	return consumer_open(f->b, f->session, "q", &(struct consumer_options){
		.prefetch = 1, .level = level });
}

static void test_demotion(void)
{
	struct fixture f;
	int c[3];
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "dead", "");
	fixture_queue(&f, "q", "x-mqk-levels=3 x-mqk-demote-after=3" TO("dead"));
	for (i = 0; i < 3; i++)
		c[i] = consume_level(&f, i);
	fixture_put(&f, "q", 1);
	for (i = 0; i < 9; i++) {
		CHECK_TEXT(fixture_given(&f, c[i / 3]), i ? "1r" : "1");
		/* to give it back does not count */
		consumer_settle(f.b, c[i / 3], 0, true, NACK, true);
		CHECK_TEXT(fixture_given(&f, c[i / 3]), "1r");
		consumer_settle(f.b, c[i / 3], 0, true, REJECT, true);
	}
	CHECK(fixture_first(&f, "dead"));
	CHECK(fixture_first(&f, "dead")->death[0].reason == DELIVERY_LIMIT);
	fixture_close(&f);
}

/* Those who take any level take lower ones seldom, but they do. */
static void test_levels_starve_nobody(void)
{
	unsigned int i;
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-mqk-levels=2 x-mqk-demote-after=1");
	for (i = 0; i < 2; i++)
		fixture_put(&f, "q", 1000 + i);
	for (i = 0; i < 2; i++) {
		get(&f, "q");
		settle(&f, REJECT, true);
	}
	for (i = 0; i < 30; i++)
		fixture_put(&f, "q", i);
	text_clear(&f.b->consumer[f.puller].seen);
	for (i = 0; i < 18; i++)
		consumer_get(f.b, f.puller, "q", true);
	/* after eight others each; 1001 was the first that 1000 waited for */
	CHECK_TEXT(fixture_given(&f, f.puller),
		   "0 1 2 3 4 5 6 1000r 7 8 9 10 11 12 13 14 1001r 15");
	fixture_close(&f);
}

static void test_redrive(void)
{
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "dead", "");
	fixture_queue(&f, "a", "x-delivery-limit=0" TO("dead"));
	fixture_queue(&f, "b", TO("dead"));
	fixture_put(&f, "dead", 100);
	for (i = 1; i <= 3; i++)
		fixture_put(&f, "a", i);
	fixture_put(&f, "b", 4);
	for (i = 0; i < 3; i++) {
		get(&f, "a");
		settle(&f, REJECT, true);
	}
	get(&f, "b");
	settle(&f, REJECT, false);
	CHECK_EQ(queue_redrive(f.b, "dead", 2), 2);
	CHECK_EQ(fixture_ready(&f, "a"), 2);
	CHECK_EQ(queue_redrive(f.b, "dead", 100), 2);
	/* with its history, and a new life */
	CHECK_EQ(deaths(&f, "a"), 1);
	get(&f, "a");
	settle(&f, NACK, true);
	CHECK_TEXT(fixture_drain(&f, "a"), "1r 2 3");
	CHECK_TEXT(fixture_drain(&f, "b"), "4");
	/* what never died, stays */
	CHECK_TEXT(fixture_drain(&f, "dead"), "100");
	CHECK_EQ(queue_redrive(f.b, "none", 1), -ENOENT);
	fixture_close(&f);
}

/* Dead letters for a queue that is full: refused ones are gone, or go on. */
static void test_full(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "last", "");
	fixture_queue(&f, "dead", "x-max-length=1 x-overflow=reject-publish-dlx" TO("last"));
	fixture_queue(&f, "q", "x-max-length=1" TO("dead"));
	fixture_put(&f, "q", 1);
	fixture_put(&f, "q", 2);
	fixture_put(&f, "q", 3);
	CHECK_TEXT(fixture_confirms(&f), "ack ack ack");
	CHECK_TEXT(fixture_drain(&f, "q"), "3");
	CHECK_TEXT(fixture_drain(&f, "dead"), "1");
	CHECK_EQ(fixture_first(&f, "last")->nr_deaths, 2);
	CHECK_TEXT(fixture_drain(&f, "last"), "2");
	fixture_close(&f);
}

static void test_queue_gone(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "dead", "");
	fixture_queue(&f, "q", TO("dead"));
	fixture_put(&f, "q", 1);
	queue_purge(f.b, f.session, "q");
	fixture_put(&f, "q", 2);
	queue_delete(f.b, f.session, "q", false, false);
	CHECK_EQ(fixture_ready(&f, "dead"), 0);
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "four reasons", test_reasons },
	{ "x-death: newest first, keys, time, expiration", test_headers },
	{ "without a key of its own, a dead letter keeps key and CC", test_own_keys },
	{ "no such dead-letter exchange", test_missing },
	{ "a cycle of expiry is cut", test_ttl_cycle },
	{ "a cycle with a rejection is not, and counts", test_reject_cycle },
	{ "delivery limit 20: gone after the 21st delivery", test_limit },
	{ "what counts as a failure", test_failures },
	{ "no limit unless there is one", test_no_limit },
	{ "delayed retry: linear and exponential", test_backoff },
	{ "levels: demoted after failures, at last dead", test_demotion },
	{ "levels: the lower ones have their turn", test_levels_starve_nobody },
	{ "redrive", test_redrive },
	{ "dead letters for a full queue", test_full },
	{ "purged and deleted messages are no dead letters", test_queue_gone },
};

TEST_MAIN(tests)
