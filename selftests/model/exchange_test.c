// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where messages go.
 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static void declare(struct fixture *f, const char *name, const char *type, const char *args)
{
	struct table t = table_of(args);

	CHECK_EQ(exchange_declare(f->b, name, type, 0, &t), 0);
}

static void open_queues(struct fixture *f, unsigned int nr)
{
	char name[NAME_ROOM];
	unsigned int i;

	fixture_open(f);
	for (i = 0; i < nr; i++) {
		sprintf(name, "q%u", i);
		CHECK_EQ(fixture_queue(f, name, ""), 0);
	}
}

static void test_default(void)
{
	struct fixture f;

	open_queues(&f, 2);
	fixture_put(&f, "q0", 1);
	fixture_put(&f, "none", 2);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1");
	CHECK_TEXT(fixture_drain(&f, "q1"), "");
	CHECK_TEXT(fixture_confirms(&f), "ack ack");
	fixture_close(&f);
}

static void test_direct(void)
{
	struct fixture f;

	open_queues(&f, 3);
	fixture_bind(&f, "amq.direct", "q0", "k");
	fixture_bind(&f, "amq.direct", "q1", "k");
	fixture_bind(&f, "amq.direct", "q2", "");
	fixture_send(&f, "amq.direct", "k", 1);
	fixture_send(&f, "amq.direct", "K", 2);
	fixture_send(&f, "amq.direct", "", 3);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1");
	CHECK_TEXT(fixture_drain(&f, "q1"), "1");
	CHECK_TEXT(fixture_drain(&f, "q2"), "3");
	fixture_close(&f);
}

static void test_one_copy(void)
{
	struct fixture f;

	open_queues(&f, 1);
	fixture_bind(&f, "amq.topic", "q0", "x.#");
	fixture_bind(&f, "amq.topic", "q0", "#.x");
	fixture_send(&f, "amq.topic", "x.x", 1);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1");
	fixture_close(&f);
}

/* amq.topic stands for what is written in words; "mqtt" reads the other way. */
static void test_dialects(void)
{
	struct fixture f;

	open_queues(&f, 2);
	declare(&f, "mqtt", "topic", "x-mqk-dialect=mqtt");
	fixture_bind(&f, "mqtt", "q0", "#");
	fixture_bind(&f, "mqtt", "q1", "a/+/c");
	CHECK_EQ(fixture_bind(&f, "mqtt", "q1", "a/#/c"), -EINVAL);
	fixture_send(&f, "mqtt", "a/b/c", 1);
	fixture_send(&f, "mqtt", "$sys", 2);
	fixture_send(&f, "mqtt", "a.b.c", 3);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1 3");
	CHECK_TEXT(fixture_drain(&f, "q1"), "1");
	fixture_close(&f);
}

static void test_diamond(void)
{
	struct fixture f;

	open_queues(&f, 1);
	declare(&f, "a", "fanout", "");
	declare(&f, "b", "fanout", "");
	declare(&f, "c", "fanout", "");
	fixture_bind_exchange(&f, "a", "b", "");
	fixture_bind_exchange(&f, "a", "c", "");
	fixture_bind_exchange(&f, "b", "a", "");
	fixture_bind_exchange(&f, "c", "c", "");
	fixture_bind(&f, "b", "q0", "");
	fixture_bind(&f, "c", "q0", "");
	fixture_send(&f, "a", "", 1);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1");
	exchange_delete(f.b, "b", false);
	fixture_send(&f, "a", "", 2);
	CHECK_TEXT(fixture_drain(&f, "q0"), "2");
	CHECK_EQ(f.b->nr_bindings, 3);
	fixture_close(&f);
}

static void test_alternate(void)
{
	struct message m = message_make(1);
	struct fixture f;

	open_queues(&f, 2);
	declare(&f, "x", "direct", "alternate-exchange=rest");
	m.mandatory = true;
	/* the alternate exchange is not there yet */
	fixture_send_message(&f, "x", "k", m);
	CHECK_TEXT(fixture_confirms(&f), "return1 ack");
	declare(&f, "rest", "fanout", "alternate-exchange=x");
	fixture_send_message(&f, "x", "k", m);
	CHECK_TEXT(fixture_confirms(&f), "return1 ack");
	fixture_bind(&f, "rest", "q0", "");
	fixture_send_message(&f, "x", "k", m);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	fixture_bind(&f, "x", "q1", "k");
	m.body = 2;
	fixture_send_message(&f, "x", "k", m);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1");
	CHECK_TEXT(fixture_drain(&f, "q1"), "2");
	fixture_close(&f);
}

static void test_internal(void)
{
	static const struct table none;
	struct fixture f;

	open_queues(&f, 1);
	exchange_declare(f.b, "in", "fanout", F_INTERNAL, &none);
	fixture_bind(&f, "in", "q0", "");
	CHECK_EQ(fixture_send(&f, "in", "", 1), -EACCES);
	CHECK_EQ(fixture_bind_exchange(&f, "amq.fanout", "in", ""), 0);
	fixture_send(&f, "amq.fanout", "", 2);
	CHECK_TEXT(fixture_drain(&f, "q0"), "2");
	fixture_close(&f);
}

static void test_copies(void)
{
	struct message m = message_make(1);
	const struct message *got;
	struct fixture f;

	open_queues(&f, 4);
	m.cc.nr = m.bcc.nr = 1;
	strcpy(m.cc.key[0], "q1");
	strcpy(m.bcc.key[0], "q2");
	fixture_send_message(&f, "", "q0", m);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	got = fixture_first(&f, "q2");
	CHECK(got && got->cc.nr == 1 && got->bcc.nr == 0);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1");
	CHECK_TEXT(fixture_drain(&f, "q1"), "1");
	CHECK_TEXT(fixture_drain(&f, "q2"), "1");
	fixture_bind(&f, "amq.topic", "q3", "q2");
	fixture_send_message(&f, "amq.topic", "q0", m);
	CHECK_TEXT(fixture_drain(&f, "q3"), "1");
	fixture_close(&f);
}

/* Each key to one queue; those of a queue that stays do not move when another one goes. */
static void test_hash(void)
{
	unsigned int where[2][300], i, j, n[3] = {}, moved = 0;
	char key[NAME_ROOM], name[NAME_ROOM];
	struct fixture f;

	open_queues(&f, 3);
	declare(&f, "x", "x-consistent-hash", "");
	CHECK_EQ(fixture_bind(&f, "x", "q0", "many"), -EINVAL);
	CHECK_EQ(fixture_bind(&f, "x", "q0", "0"), -EINVAL);
	fixture_bind(&f, "x", "q0", "1");
	fixture_bind(&f, "x", "q1", "1");
	fixture_bind(&f, "x", "q2", "2");
	for (j = 0; j < 2; j++) {
		for (i = 0; i < 300; i++) {
			unsigned int q, hits = 0;

			sprintf(key, "key %u", i);
			fixture_send(&f, "x", key, i);
			for (q = 0; q < 3; q++) {
				sprintf(name, "q%u", q);
				if (!fixture_ready(&f, name))
					continue;
				where[j][i] = q;
				hits++;
				fixture_drain(&f, name);
			}
			CHECK_EQ(hits, 1);
			n[where[j][i]] += !j;
			moved += j && where[0][i] != 1 && where[0][i] != where[1][i];
		}
		queue_delete(f.b, f.session, "q1", false, false);
	}
	CHECK_EQ(moved, 0);
	test_note("weights 1, 1, 2: %u, %u, %u of 300", n[0], n[1], n[2]);
	CHECK(n[0] > 40 && n[0] < 110 && n[1] > 40 && n[1] < 110 && n[2] > 110);
	fixture_close(&f);
}

static void test_last_value(void)
{
	struct message empty = message_make(9);
	struct fixture f;

	open_queues(&f, 4);
	declare(&f, "x", "x-last-value", "");
	fixture_bind(&f, "x", "q0", "a.*");
	fixture_send(&f, "x", "a.b", 1);
	fixture_send(&f, "x", "a.b", 2);
	fixture_send(&f, "x", "a.c", 3);
	fixture_send(&f, "x", "d", 4);
	CHECK_TEXT(fixture_drain(&f, "q0"), "1 2 3");
	/* who comes late gets the last of each key */
	fixture_bind(&f, "x", "q1", "a.#");
	CHECK_TEXT(fixture_drain(&f, "q1"), "2 3");
	fixture_bind(&f, "x", "q1", "a.#");
	CHECK_TEXT(fixture_drain(&f, "q1"), "");
	empty.bytes = 0;
	fixture_send_message(&f, "x", "a.b", empty);
	CHECK_TEXT(fixture_drain(&f, "q1"), "9");
	fixture_bind(&f, "x", "q2", "#");
	CHECK_TEXT(fixture_drain(&f, "q2"), "3 4");

	declare(&f, "y", "x-last-value", "x-recent-history-length=2");
	fixture_send(&f, "y", "k", 1);
	fixture_send(&f, "y", "k", 2);
	fixture_send(&f, "y", "k", 3);
	fixture_bind(&f, "y", "q3", "k");
	CHECK_TEXT(fixture_drain(&f, "q3"), "2 3");
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "the default exchange", test_default },
	{ "direct: byte for byte, several queues, the empty key", test_direct },
	{ "several bindings, one copy", test_one_copy },
	{ "topics in MQTT's dialect", test_dialects },
	{ "exchange to exchange: diamonds and cycles, one copy", test_diamond },
	{ "alternate exchange: before a return, cycles", test_alternate },
	{ "internal", test_internal },
	{ "CC and BCC", test_copies },
	{ "consistent hash", test_hash },
	{ "last value", test_last_value },
};

TEST_MAIN(tests)
