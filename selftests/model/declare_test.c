// SPDX-License-Identifier: GPL-2.0-only
/*
 * Declaring, deleting, binding: what is refused, and with which error. RabbitMQ's
 * codes stand beside: 403 EACCES, 404 ENOENT, 405 EBUSY, 406 EINVAL.
 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static int exchange(struct fixture *f, const char *name, const char *type, const char *args)
{
	struct table t = table_of(args);

	return exchange_declare(f->b, name, type, 0, &t);
}

static void test_exchange(void)
{
	static const struct table none;
	struct fixture f;

	fixture_open(&f);
	CHECK_EQ(exchange(&f, "x", "direct", ""), 0);
	CHECK_EQ(exchange(&f, "x", "direct", ""), 0);
	CHECK_EQ(exchange(&f, "x", "topic", ""), -EINVAL);
	CHECK_EQ(exchange(&f, "x", "direct", "alternate-exchange=y"), -EINVAL);
	CHECK_EQ(exchange_declare(f.b, "x", "direct", F_DURABLE, &none), -EINVAL);
	CHECK_EQ(exchange(&f, "amq.topic", "direct", ""), -EINVAL);
	CHECK_EQ(exchange(&f, "amq.foo", "direct", ""), -EACCES);
	CHECK_EQ(exchange(&f, "", "direct", ""), -EACCES);
	CHECK_EQ(exchange(&f, "y", "nonesuch", ""), -EINVAL);
	CHECK_EQ(exchange(&f, "y", "system", ""), -EINVAL);
	CHECK_EQ(exchange_declare(f.b, "y", "", F_PASSIVE, &none), -ENOENT);
	CHECK_EQ(exchange_declare(f.b, "x", "", F_PASSIVE, &none), 0);
	CHECK_EQ(exchange_declare(f.b, "", "", F_PASSIVE, &none), 0);
	fixture_close(&f);
}

static void test_exchange_args(void)
{
	struct fixture f;

	fixture_open(&f);
	CHECK_EQ(exchange(&f, "a", "direct", "alternate-exchange=nobody"), 0);
	CHECK_EQ(exchange(&f, "b", "direct", "alternate-exchange=1"), -EINVAL);
	CHECK_EQ(exchange(&f, "b", "direct", "x-mqk-dialect=mqtt"), -EINVAL);
	CHECK_EQ(exchange(&f, "b", "topic", "x-mqk-dialect=stomp"), -EINVAL);
	CHECK_EQ(exchange(&f, "b", "topic", "x-mqk-dialect=mqtt"), 0);
	CHECK_EQ(exchange(&f, "c", "x-consistent-hash", "hash-header=who"), 0);
	CHECK_EQ(exchange(&f, "d", "fanout", "hash-header=who"), -EINVAL);
	CHECK_EQ(exchange(&f, "d", "x-last-value", "x-recent-history-length=0"), -EINVAL);
	CHECK_EQ(exchange(&f, "d", "fanout", "unheard-of=1"), -EINVAL);
	fixture_close(&f);
}

static void test_queue(void)
{
	static const struct table none;
	struct fixture f;

	fixture_open(&f);
	CHECK_EQ(fixture_queue(&f, "q", ""), 0);
	CHECK_EQ(fixture_queue(&f, "q", ""), 0);
	CHECK_EQ(queue_declare(f.b, f.session, "q", F_DURABLE, &none, NULL), -EINVAL);
	CHECK_EQ(queue_declare(f.b, f.session, "q", F_AUTO_DELETE, &none, NULL), -EINVAL);
	CHECK_EQ(fixture_queue(&f, "q", "x-max-length=1"), -EINVAL);
	CHECK_EQ(queue_declare(f.b, f.session, "none", F_PASSIVE, &none, NULL), -ENOENT);
	CHECK_EQ(queue_declare(f.b, f.session, "q", F_PASSIVE, &none, NULL), 0);
	CHECK_EQ(fixture_queue(&f, "amq.foo", ""), -EACCES);
	fixture_close(&f);
}

static void test_made_name(void)
{
	static const struct table none;
	char name[2][NAME_ROOM];
	struct fixture f;

	fixture_open(&f);
	CHECK_EQ(queue_declare(f.b, f.session, "", 0, &none, name[0]), 0);
	CHECK_EQ(queue_declare(f.b, f.session, "", 0, &none, name[1]), 0);
	CHECK(!strncmp(name[0], "amq.gen-", 8) && strcmp(name[0], name[1]));
	CHECK_EQ(fixture_put(&f, name[0], 1), 0);
	CHECK_TEXT(fixture_drain(&f, name[0]), "1");
	fixture_close(&f);
}

static void test_queue_args(void)
{
	static const char * const good[] = {
		"x-message-ttl=0", "x-expires=1", "x-max-length=0", "x-max-length-bytes=0",
		"x-overflow=drop-head", "x-overflow=reject-publish",
		"x-overflow=reject-publish-dlx", "x-overflow=block x-mqk-block-timeout=5",
		"x-dead-letter-exchange=nobody x-dead-letter-routing-key=k",
		"x-max-priority=31", "x-single-active-consumer=true", "x-delivery-limit=0",
		"x-consumer-timeout=1", "x-mqk-retry-delay=5 x-mqk-retry-backoff=linear",
		"x-mqk-levels=2 x-mqk-demote-after=1", "x-mqk-groups=true", "x-queue-type=classic",
		"x-mqk-dedup-window=1000", "x-mqk-handover=force",
	};
	static const char * const bad[] = {
		"x-message-ttl=-1", "x-message-ttl=soon", "x-message-ttl=true", "x-expires=0",
		"x-max-length=-1", "x-max-length-bytes=-1", "x-overflow=no", "x-overflow=1",
		"x-dead-letter-routing-key=k", "x-dead-letter-exchange=1", "x-max-priority=32",
		"x-max-priority=-1", "x-single-active-consumer=1", "x-delivery-limit=-1",
		"x-consumer-timeout=0", "x-mqk-retry-backoff=cubic", "x-mqk-levels=1",
		"x-mqk-levels=33", "x-mqk-levels=2 x-max-priority=3",
		"x-mqk-levels=2 x-delivery-limit=3", "x-mqk-groups=1", "x-queue-type=stream",
		"x-unheard-of=1",
	};
	struct fixture f;
	unsigned int i;

	fixture_open(&f);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!CHECK_EQ(fixture_queue(&f, "q", good[i]), 0))
			test_note("  %s", good[i]);
		CHECK_EQ(queue_delete(f.b, f.session, "q", false, false), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK_EQ(fixture_queue(&f, "q", bad[i]), -EINVAL))
			test_note("  %s", bad[i]);
	fixture_close(&f);
}

static void test_names(void)
{
	struct message m = message_make(1);
	char name[300];
	struct fixture f;

	fixture_open(&f);
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	CHECK_EQ(fixture_queue(&f, name, ""), -ENAMETOOLONG);
	CHECK_EQ(exchange(&f, name, "direct", ""), -ENAMETOOLONG);
	name[255] = '\0';
	CHECK_EQ(fixture_queue(&f, name, ""), 0);
	CHECK_EQ(fixture_send_message(&f, "", name, m), 0);
	CHECK_TEXT(fixture_drain(&f, name), "1");
	fixture_close(&f);
}

static void test_bind(void)
{
	struct binding binding = { .from = "amq.direct", .to = "q", .key = "k" };
	struct fixture f;
	bool made;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	CHECK_EQ(fixture_bind(&f, "", "q", "k"), -EACCES);
	CHECK_EQ(fixture_bind_exchange(&f, "amq.direct", "", "k"), -EACCES);
	CHECK_EQ(fixture_bind(&f, "nox", "q", "k"), -ENOENT);
	CHECK_EQ(fixture_bind(&f, "amq.direct", "noq", "k"), -ENOENT);
	CHECK_EQ(fixture_bind(&f, "amq.topic", "q", "#.#.#"), -EINVAL);
	CHECK_EQ(binding_make(f.b, f.session, &binding, &made), 0);
	CHECK(made);
	CHECK_EQ(binding_make(f.b, f.session, &binding, &made), 0);
	CHECK(!made);
	/* other arguments make another binding, and one copy still */
	binding.args = table_of("a=1");
	CHECK_EQ(binding_make(f.b, f.session, &binding, &made), 0);
	CHECK(made);
	fixture_send(&f, "amq.direct", "k", 1);
	CHECK_TEXT(fixture_drain(&f, "q"), "1");
	CHECK_EQ(binding_remove(f.b, f.session, &binding), 0);
	CHECK_EQ(binding_remove(f.b, f.session, &binding), 0);
	CHECK_EQ(f.b->nr_bindings, 1);
	fixture_close(&f);
}

static void test_delete(void)
{
	struct fixture f;

	fixture_open(&f);
	CHECK_EQ(queue_delete(f.b, f.session, "none", false, false), 0);
	CHECK_EQ(exchange_delete(f.b, "none", false), 0);
	CHECK_EQ(exchange_delete(f.b, "amq.topic", false), -EACCES);
	CHECK_EQ(exchange_delete(f.b, "", false), -EACCES);
	exchange(&f, "x", "fanout", "");
	fixture_queue(&f, "q", "");
	fixture_bind(&f, "x", "q", "");
	CHECK_EQ(exchange_delete(f.b, "x", true), -EBUSY);
	fixture_put(&f, "q", 1);
	CHECK_EQ(queue_delete(f.b, f.session, "q", false, true), -EBUSY);
	fixture_drain(&f, "q");
	fixture_consume(&f, "q", 1);
	CHECK_EQ(queue_delete(f.b, f.session, "q", true, false), -EBUSY);
	CHECK_EQ(queue_delete(f.b, f.session, "q", false, true), 0);
	CHECK_EQ(f.b->nr_bindings, 0);
	CHECK_EQ(exchange_delete(f.b, "x", true), 0);
	fixture_close(&f);
}

static void test_exclusive(void)
{
	static const struct table none;
	struct consumer_options options = { .level = ANY_LEVEL };
	unsigned int other;
	struct fixture f;

	fixture_open(&f);
	other = session_open(f.b);
	CHECK_EQ(queue_declare(f.b, other, "q", F_EXCLUSIVE, &none, NULL), 0);
	CHECK_EQ(queue_declare(f.b, f.session, "q", F_EXCLUSIVE, &none, NULL), -EBUSY);
	CHECK_EQ(queue_declare(f.b, f.session, "q", F_PASSIVE, &none, NULL), -EBUSY);
	CHECK_EQ(consumer_open(f.b, f.session, "q", &options), -EBUSY);
	CHECK_EQ(consumer_get(f.b, f.puller, "q", true), -EBUSY);
	CHECK_EQ(fixture_bind(&f, "amq.fanout", "q", ""), -EBUSY);
	CHECK_EQ(queue_purge(f.b, f.session, "q"), -EBUSY);
	CHECK_EQ(queue_delete(f.b, f.session, "q", false, false), -EBUSY);
	/* but anybody may publish to it */
	CHECK_EQ(fixture_put(&f, "q", 1), 0);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	CHECK_EQ(fixture_ready(&f, "q"), 1);
	CHECK_EQ(session_close(f.b, other, false), 0);
	CHECK_EQ(queue_declare(f.b, f.session, "q", F_PASSIVE, &none, NULL), -ENOENT);
	fixture_close(&f);
}

static void test_auto_delete(void)
{
	static const struct table none;
	int c[2];
	struct fixture f;

	fixture_open(&f);
	queue_declare(f.b, f.session, "q", F_AUTO_DELETE, &none, NULL);
	fixture_put(&f, "q", 1);
	CHECK_TEXT(fixture_drain(&f, "q"), "1");
	/* never consumed from: it stays */
	CHECK(queue_find(f.b, "q"));
	c[0] = fixture_consume(&f, "q", 1);
	c[1] = fixture_consume(&f, "q", 1);
	consumer_cancel(f.b, c[0]);
	CHECK(queue_find(f.b, "q"));
	consumer_cancel(f.b, c[1]);
	CHECK(!queue_find(f.b, "q"));

	exchange_declare(f.b, "x", "fanout", F_AUTO_DELETE, &none);
	fixture_queue(&f, "q", "");
	CHECK(exchange_find(f.b, "x"));
	fixture_bind(&f, "x", "q", "");
	fixture_bind(&f, "x", "q", "k");
	queue_delete(f.b, f.session, "q", false, false);
	CHECK(!exchange_find(f.b, "x"));
	fixture_close(&f);
}

static void test_change(void)
{
	struct fixture f;
	struct table t;
	unsigned int i;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-max-priority=3");
	for (i = 1; i <= 5; i++)
		fixture_put(&f, "q", i);
	t = table_of("x-max-length=2");
	CHECK_EQ(queue_change(f.b, "q", &t), 0);
	CHECK_TEXT(fixture_drain(&f, "q"), "4 5");
	t = table_of("x-max-priority=5");
	CHECK_EQ(queue_change(f.b, "q", &t), -EINVAL);
	t = table_of("x-dead-letter-routing-key=k");
	CHECK_EQ(queue_change(f.b, "q", &t), -EINVAL);
	CHECK_EQ(queue_change(f.b, "none", &t), -ENOENT);
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "exchanges: the same again, others refused", test_exchange },
	{ "exchanges: arguments", test_exchange_args },
	{ "queues: the same again, others refused", test_queue },
	{ "queues: a name made by the broker", test_made_name },
	{ "queues: arguments", test_queue_args },
	{ "names of 255 bytes", test_names },
	{ "bindings: what is refused, identity", test_bind },
	{ "deleting: what is not there, what is used", test_delete },
	{ "an exclusive queue is its session's, but for publishing", test_exclusive },
	{ "auto-delete", test_auto_delete },
	{ "changing a queue while it lives", test_change },
};

TEST_MAIN(tests)
