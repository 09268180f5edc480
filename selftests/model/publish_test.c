// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a producer is told, and what it can undo or repeat.
 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static void test_confirm(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	CHECK_EQ(fixture_put(&f, "q", 1), 0);
	CHECK_TEXT(text_of(&f.b->port[f.port].seen), "[confirm 1 ack]");
	fixture_confirms(&f);
	/* an acknowledgement has nothing to do with it */
	CHECK_TEXT(fixture_drain(&f, "q"), "1");
	CHECK_TEXT(fixture_confirms(&f), "");
	/* refused calls have no number */
	CHECK_EQ(fixture_send(&f, "nox", "q", 2), -ENOENT);
	fixture_put(&f, "q", 3);
	CHECK_TEXT(text_of(&f.b->port[f.port].seen), "[confirm 2 ack]");
	fixture_close(&f);
}

static void test_mandatory(void)
{
	struct message m = message_make(4);
	struct fixture f;

	fixture_open(&f);
	fixture_send_message(&f, "", "nobody", m);
	m.mandatory = true;
	fixture_send_message(&f, "", "nobody", m);
	CHECK_TEXT(fixture_confirms(&f), "ack return4 ack");
	fixture_close(&f);
}

static void test_nack(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "small", "x-max-length=1 x-overflow=reject-publish");
	fixture_queue(&f, "big", "");
	fixture_bind(&f, "amq.fanout", "small", "");
	fixture_bind(&f, "amq.fanout", "big", "");
	fixture_send(&f, "amq.fanout", "", 1);
	fixture_send(&f, "amq.fanout", "", 2);
	/* one of them refused; the other one has it */
	CHECK_TEXT(fixture_confirms(&f), "ack nack");
	CHECK_TEXT(fixture_drain(&f, "small"), "1");
	CHECK_TEXT(fixture_drain(&f, "big"), "1 2");
	fixture_close(&f);
}

static void test_properties(void)
{
	struct message m = message_make(1);
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	m.priority = 256;
	CHECK_EQ(fixture_send_message(&f, "", "q", m), -EINVAL);
	m.priority = 255;
	m.delay = -1;
	CHECK_EQ(fixture_send_message(&f, "", "q", m), -EINVAL);
	m.delay = 0;
	CHECK_EQ(fixture_send_message(&f, "", "q", m), 0);
	CHECK_EQ(port_close(f.b, f.port), 0);
	CHECK_EQ(fixture_put(&f, "q", 2), -ENOENT);
	fixture_close(&f);
}

static void test_tx_publish(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	CHECK_EQ(session_commit(f.b, f.session), -EINVAL);
	session_tx(f.b, f.session);
	fixture_put(&f, "q", 1);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	CHECK_EQ(session_rollback(f.b, f.session), 0);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	session_tx(f.b, f.session);
	fixture_put(&f, "q", 2);
	CHECK_EQ(fixture_send(&f, "nox", "", 3), -ENOENT);
	CHECK_EQ(fixture_ready(&f, "q"), 0);
	CHECK_EQ(session_commit(f.b, f.session), 0);
	CHECK_TEXT(fixture_confirms(&f), "ack");
	CHECK_TEXT(fixture_drain(&f, "q"), "2");
	fixture_close(&f);
}

static void test_tx_mandatory(void)
{
	struct message m = message_make(1);
	struct fixture f;

	fixture_open(&f);
	session_tx(f.b, f.session);
	m.mandatory = true;
	fixture_send_message(&f, "", "nobody", m);
	CHECK_TEXT(fixture_confirms(&f), "");
	session_commit(f.b, f.session);
	CHECK_TEXT(fixture_confirms(&f), "return1 ack");
	fixture_close(&f);
}

static void test_tx_ack(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	fixture_put(&f, "q", 1);
	fixture_put(&f, "q", 2);
	consumer_get(f.b, f.puller, "q", false);
	consumer_get(f.b, f.puller, "q", false);
	session_tx(f.b, f.session);
	consumer_settle(f.b, f.puller, 1, false, ACCEPT, false);
	CHECK_EQ(queue_count(queue_find(f.b, "q"), TAKEN), 2);
	/* undone is not requeued */
	session_rollback(f.b, f.session);
	CHECK_EQ(queue_count(queue_find(f.b, "q"), TAKEN), 2);
	session_tx(f.b, f.session);
	consumer_settle(f.b, f.puller, 1, false, ACCEPT, false);
	CHECK_EQ(session_commit(f.b, f.session), 0);
	session_tx(f.b, f.session);
	consumer_settle(f.b, f.puller, 2, false, ACCEPT, false);
	session_close(f.b, f.session, false);
	CHECK_EQ(fixture_ready(&f, "q"), 1);
	CHECK_EQ(fixture_first(&f, "q")->body, 2);
	fixture_close(&f);
}

/* In all queues or in none, and then nothing was acknowledged either. */
static void test_tx_atomic(void)
{
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "in", "");
	fixture_queue(&f, "big", "");
	fixture_queue(&f, "small", "x-max-length=1 x-overflow=reject-publish");
	fixture_put(&f, "in", 1);
	consumer_get(f.b, f.puller, "in", false);
	fixture_confirms(&f);
	session_tx(f.b, f.session);
	consumer_settle(f.b, f.puller, 1, false, ACCEPT, false);
	fixture_put(&f, "big", 2);
	fixture_put(&f, "small", 3);
	fixture_put(&f, "small", 4);
	CHECK_EQ(session_commit(f.b, f.session), -ENOSPC);
	CHECK_EQ(fixture_ready(&f, "big") + fixture_ready(&f, "small"), 0);
	CHECK_EQ(queue_count(queue_find(f.b, "in"), TAKEN), 1);
	CHECK_TEXT(fixture_confirms(&f), "");
	session_tx(f.b, f.session);
	consumer_settle(f.b, f.puller, 1, false, ACCEPT, false);
	fixture_put(&f, "big", 2);
	fixture_put(&f, "small", 3);
	CHECK_EQ(session_commit(f.b, f.session), 0);
	CHECK_EQ(fixture_ready(&f, "big") + fixture_ready(&f, "small"), 2);
	CHECK_EQ(queue_count(queue_find(f.b, "in"), TAKEN), 0);
	fixture_close(&f);
}

static int send_numbered(struct fixture *f, int port, unsigned int body, uint64_t number)
{
	struct message m = message_make(body);

	strcpy(m.key, "q");
	return port_publish(f->b, port, &m, number);
}

static void test_producer(void)
{
	uint64_t last = 99;
	struct fixture f;
	int p, next;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	p = port_open(f.b, f.session, "me", &last);
	CHECK_EQ(last, 0);
	CHECK_EQ(send_numbered(&f, p, 1, 1), 0);
	CHECK_EQ(send_numbered(&f, p, 2, 2), 0);
	CHECK_EQ(send_numbered(&f, p, 2, 2), 0);
	CHECK_EQ(send_numbered(&f, p, 1, 1), 0);
	CHECK_EQ(send_numbered(&f, p, 4, 4), -ERANGE);
	CHECK_TEXT(fixture_drain(&f, "q"), "1 2");
	/* each was confirmed, also the repeated ones */
	CHECK_TEXT(text_of(&f.b->port[p].seen),
		   "[confirm 1 ack][confirm 2 ack][confirm 3 ack][confirm 4 ack]");
	next = port_open(f.b, f.session, "me", &last);
	CHECK_EQ(last, 2);
	CHECK_EQ(send_numbered(&f, p, 3, 3), -ESTALE);
	CHECK_EQ(send_numbered(&f, next, 2, 2), 0);
	CHECK_EQ(send_numbered(&f, next, 3, 3), 0);
	CHECK_TEXT(fixture_drain(&f, "q"), "3");
	fixture_close(&f);
}

/* What was refused was not taken, by any queue: it can be sent again. */
static void test_producer_refused(void)
{
	struct message m = message_make(2);
	struct fixture f;
	int p;

	fixture_open(&f);
	fixture_queue(&f, "small", "x-max-length=1 x-overflow=reject-publish");
	fixture_queue(&f, "big", "");
	fixture_bind(&f, "amq.fanout", "big", "");
	fixture_bind(&f, "amq.fanout", "small", "");
	fixture_put(&f, "small", 1);
	p = port_open(f.b, f.session, "me", NULL);
	strcpy(m.exchange, "amq.fanout");
	CHECK_EQ(port_publish(f.b, p, &m, 1), 0);
	CHECK_TEXT(text_of(&f.b->port[p].seen), "[confirm 1 nack]");
	CHECK_EQ(fixture_ready(&f, "big"), 0);
	fixture_drain(&f, "small");
	CHECK_EQ(port_publish(f.b, p, &m, 1), 0);
	CHECK_TEXT(fixture_drain(&f, "big"), "2");
	CHECK_TEXT(fixture_drain(&f, "small"), "2");
	fixture_close(&f);
}

static void test_dedup(void)
{
	struct message m = message_make(1);
	struct fixture f;

	fixture_open(&f);
	fixture_queue(&f, "q", "x-mqk-dedup-window=100");
	fixture_queue(&f, "r", "");
	fixture_bind(&f, "amq.fanout", "q", "");
	fixture_bind(&f, "amq.fanout", "r", "");
	strcpy(m.id, "id");
	fixture_send_message(&f, "amq.fanout", "", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "1");
	/* within the window of the first, though it is consumed */
	broker_advance(f.b, 99);
	m.body = 2;
	fixture_send_message(&f, "amq.fanout", "", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "");
	CHECK_TEXT(fixture_drain(&f, "r"), "1 2");
	CHECK_TEXT(fixture_confirms(&f), "ack ack");
	broker_advance(f.b, 1);
	m.body = 3;
	fixture_send_message(&f, "amq.fanout", "", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "3");
	m.body = 4;
	*m.id = '\0';
	fixture_send_message(&f, "amq.fanout", "", m);
	fixture_send_message(&f, "amq.fanout", "", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "4 4");
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "confirms count what was taken", test_confirm },
	{ "mandatory: returned before it is confirmed", test_mandatory },
	{ "nack when any queue refuses", test_nack },
	{ "properties and ports", test_properties },
	{ "transaction: invisible until commit", test_tx_publish },
	{ "transaction: returns come with the commit", test_tx_mandatory },
	{ "transaction: acknowledgements", test_tx_ack },
	{ "transaction: all or nothing, over queues", test_tx_atomic },
	{ "producer: repeats, gaps, zombies", test_producer },
	{ "producer: what was refused can be sent again", test_producer_refused },
	{ "deduplication within a window", test_dedup },
};

TEST_MAIN(tests)
