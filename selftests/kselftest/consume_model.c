// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue against a model of it: random publishing, getting, acknowledging,
 * returning, purging and closing, and after each step the queue must be what an
 * array in this file says.  And deep queues: what waits costs little, and
 * leaves nothing behind.
 *
 * mqk-test: parallel timeout=120
 */
#include <stdlib.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define MESSAGES	30000
#define READERS		3
#define ROOM		128		/* entries of a reader's ring */

enum state { UNBORN, READY, OUT, GONE };

struct model {
	__u8 state[MESSAGES];
	__u8 reader[MESSAGES];
	__u16 count[MESSAGES];		/* deliveries so far */
	__u64 tag[MESSAGES];
	__u32 published, first;		/* all before @first are gone */
	__u64 ready, out, acked, dropped;
};

FIXTURE(model)
{
	struct env env;
	int s, r;
	struct port port;
	struct consumer c[READERS];
	__u32 exchange, queue;
	struct model *m;
	__u64 random;
};

FIXTURE_VARIANT(model)
{
	__u32 flags;
	__u64 seed;
};

FIXTURE_VARIANT_ADD(model, copy) { .flags = 0, .seed = 1 };
FIXTURE_VARIANT_ADD(model, inplace) { .flags = MQK_PORT_F_INPLACE, .seed = 2 };

FIXTURE_SETUP(model)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	__s64 id;
	int i;

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	id = queue_declare(self->s, "q", 0);
	ASSERT_LT(0, id);
	self->queue = id;
	ASSERT_EQ(0, port_make(&self->port, self->s, variant->flags, 16));
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, consumer_make(&self->c[i], self->r, NULL,
					   MQK_CONSUMER_F_PULL, 0, ROOM));
	}
	self->m = calloc(1, sizeof(*self->m));
	ASSERT_NE(NULL, self->m);
	self->random = variant->seed;
}

FIXTURE_TEARDOWN(model)
{
	EXPECT_EQ(0, env_end(&self->env));
}

static __u32 draw(FIXTURE_DATA(model) *self, __u32 below)
{
	return random_next(&self->random) % below;
}

/* The oldest ready message from @from on; published if there is none. */
static __u32 oldest(struct model *m, __u32 from)
{
	while (m->first < m->published && m->state[m->first] == GONE)
		m->first++;
	if (from < m->first)
		from = m->first;
	while (from < m->published && m->state[from] != READY)
		from++;
	return from;
}

static __u32 held_by(struct model *m, __u32 reader)
{
	__u32 i, n = 0;

	for (i = m->first; i < m->published; i++)
		n += m->state[i] == OUT && m->reader[i] == reader;
	return n;
}

/* --- steps: 0, or a line number --------------------------------------------- */

#define CHECK(condition)	do {	\
	if (!(condition))		\
		return __LINE__;	\
} while (0)

static int step_publish(FIXTURE_DATA(model) *self)
{
	struct model *m = self->m;
	__u32 n = 1 + draw(self, 8);

	while (n-- && m->published < MESSAGES) {
		CHECK(!port_number(&self->port, self->exchange, "q",
				   m->published));
		m->state[m->published++] = READY;
		m->ready++;
	}
	return 0;
}

static int step_get(FIXTURE_DATA(model) *self, __u32 reader)
{
	struct model *m = self->m;
	__u32 wanted = oldest(m, 0), got;
	struct mqk_delivery d;
	int ret = queue_get(self->r, self->c[reader].c.id, self->queue, 0, 0,
			    &d, NULL);

	if (held_by(m, reader) == ROOM) {
		CHECK(ret == -ENOBUFS);
		return 0;
	}
	if (wanted == m->published) {
		CHECK(ret == -EAGAIN);
		return 0;
	}
	CHECK(!ret);
	got = delivery_number(self->r, &d);
	CHECK(got == wanted);
	CHECK(d.count == m->count[got]);
	CHECK(!!(d.flags & MQK_DELIVERY_F_REDELIVERED) == !!m->count[got]);
	m->state[got] = OUT;
	m->reader[got] = reader;
	m->tag[got] = d.tag;
	m->count[got]++;
	m->ready--;
	m->out++;
	return 0;
}

static void model_settle(struct model *m, __u32 i, __u32 op, bool requeue)
{
	m->out--;
	if (requeue) {
		m->state[i] = READY;
		m->ready++;
		return;
	}
	m->state[i] = GONE;
	if (op == MQK_ACK_ACCEPT)
		m->acked++;
	else
		m->dropped++;
}

/* A random one of what a reader holds, or all up to it. */
static int step_ack(FIXTURE_DATA(model) *self, __u32 reader)
{
	struct model *m = self->m;
	__u32 held = held_by(m, reader), which, i, settled = 0;
	__u32 op = 1 + draw(self, 3);
	bool requeue = op != MQK_ACK_ACCEPT && draw(self, 3);
	bool multiple = !draw(self, 6);
	__u64 tag = 0;

	if (!held)
		return 0;
	which = draw(self, held);
	for (i = m->first; i < m->published; i++)
		if (m->state[i] == OUT && m->reader[i] == reader && !which--)
			break;
	tag = m->tag[i];
	if (multiple) {
		for (i = m->first; i < m->published; i++) {
			if (m->state[i] != OUT || m->reader[i] != reader ||
			    m->tag[i] > tag)
				continue;
			model_settle(m, i, op, requeue);
			settled++;
		}
	} else {
		model_settle(m, i, op, requeue);
		settled = 1;
	}
	CHECK(consumer_settle(&self->c[reader], tag, op,
			      (requeue ? MQK_ACK_F_REQUEUE : 0) |
			      (multiple ? MQK_ACK_F_MULTIPLE : 0)) ==
	      (int)settled);
	return 0;
}

static int step_close(FIXTURE_DATA(model) *self, __u32 reader)
{
	struct model *m = self->m;
	__u32 i;

	CHECK(!consumer_close(&self->c[reader]));
	consumer_unmap(&self->c[reader]);
	for (i = m->first; i < m->published; i++)
		if (m->state[i] == OUT && m->reader[i] == reader)
			model_settle(m, i, MQK_ACK_NACK, true);
	CHECK(!consumer_make(&self->c[reader], self->r, NULL,
			     MQK_CONSUMER_F_PULL, 0, ROOM));
	return 0;
}

static int step_purge(FIXTURE_DATA(model) *self)
{
	struct model *m = self->m;
	__u32 i;

	CHECK(queue_purge(self->s, "q") == (__s64)m->ready);
	for (i = m->first; i < m->published; i++) {
		if (m->state[i] != READY)
			continue;
		m->state[i] = GONE;
		m->dropped++;
	}
	m->ready = 0;
	return 0;
}

/* Walk over what is ready, from a random place on: each, in order. */
static int step_browse(FIXTURE_DATA(model) *self)
{
	struct mqk_delivery d;
	__u32 number, i = oldest(self->m, 0), n;
	struct mqk_browse b = {
		.size = sizeof(b), .queue = self->queue,
		.delivery = (uintptr_t)&d,
	};

	for (n = 0; n < 20; n++) {
		__u8 record[64 - MQK_RECORD_KEY + 4];

		b.data = (uintptr_t)record;
		b.len = sizeof(record);
		if (i == self->m->published) {
			CHECK(mq(self->r, MQK_IOC_BROWSE, &b) == -EAGAIN);
			return 0;
		}
		CHECK(!mq(self->r, MQK_IOC_BROWSE, &b));
		memcpy(&number, record + 64 - MQK_RECORD_KEY, 4);
		CHECK(number == i);
		CHECK(d.count == self->m->count[i]);
		b.seq++;
		i = oldest(self->m, i + 1);
	}
	return 0;
}

static int step_count(FIXTURE_DATA(model) *self)
{
	struct model *m = self->m;
	struct mqk_queue_next q;

	CHECK(!queue_info(self->s, self->queue, &q));
	CHECK(q.published == m->published);
	CHECK(q.ready == m->ready);
	CHECK(q.unacked == m->out);
	CHECK(q.acked == m->acked);
	CHECK(q.dropped == m->dropped);
	CHECK(q.bytes == 4 * (m->ready + m->out));
	return 0;
}

TEST_F_TIMEOUT(model, random_steps, 60)
{
	int step, ret = 0;

	for (step = 0; step < 20000 && !ret; step++) {
		__u32 what = draw(self, 100), reader = draw(self, READERS);

		if (what < 25)
			ret = step_publish(self);
		else if (what < 65)
			ret = step_get(self, reader);
		else if (what < 95)
			ret = step_ack(self, reader);
		else if (what < 97)
			ret = step_browse(self);
		else if (what < 99)
			ret = step_count(self);
		else if (draw(self, 10))
			ret = step_close(self, reader);
		else
			ret = step_purge(self);
	}
	EXPECT_EQ(0, ret) {
		TH_LOG("consume_model.c:%d at step %d", ret, step);
	}
	EXPECT_EQ(0, step_count(self));
}

/* The same with everything in the hands of readers that die together. */
TEST_F_TIMEOUT(model, all_out_and_back, 60)
{
	int i, ret = 0;

	for (i = 0; i < 40 && !ret; i++)
		ret = step_publish(self) ?: step_publish(self);
	for (i = 0; i < 3 * READERS * ROOM && !ret; i++)
		ret = step_get(self, i % READERS);
	for (i = 0; i < READERS && !ret; i++)
		ret = step_close(self, i);
	while (self->m->ready && !ret)
		ret = step_get(self, 0) ?: step_ack(self, 0);
	EXPECT_EQ(0, ret) {
		TH_LOG("consume_model.c:%d", ret);
	}
	EXPECT_EQ(0, step_count(self));
}

/* --- depth ------------------------------------------------------------------ */

#define DEEP	50000

TEST_F_TIMEOUT(model, deep_queue, 60)
{
	struct mqk_queue_next q;
	struct mqk_query before, after;
	struct mqk_stat stat_;
	struct consumer c;
	struct msg m[500];
	__u32 numbers[500], i, j;

	ASSERT_EQ(0, query(self->s, &before));
	for (i = 0; i < DEEP; i += 500) {
		for (j = 0; j < 500; j++) {
			numbers[j] = i + j;
			m[j] = (struct msg) {
				.exchange = self->exchange, .key = "q",
				.key_len = 1, .payload = &numbers[j],
				.payload_len = 4,
			};
		}
		ASSERT_LE(0, port_publish_batch(&self->port, m, 500));
	}
	ASSERT_EQ(0, queue_info(self->s, self->queue, &q));
	EXPECT_EQ(DEEP, q.ready);
	/* What a waiting message may cost the kernel, beside its record. */
	EXPECT_GE(64 * DEEP, q.index_bytes);
	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 0, 1024));
	for (i = 0; i < DEEP; i++) {
		struct mqk_delivery d;

		ASSERT_EQ(i, take_number(&c, &d, LONG_MS));
		consumer_ack(&c, d.tag, MQK_ACK_ACCEPT, 0);
	}
	ASSERT_LE(0, consumer_kick(&c));
	ASSERT_EQ(0, queue_info(self->s, self->queue, &q));
	EXPECT_EQ(0, q.ready + q.unacked);
	EXPECT_EQ(DEEP, q.acked);
	/* Its memory is back: a chunk of the index, the writer's segment. */
	EXPECT_GT(65536, q.index_bytes);
	ASSERT_EQ(0, stat_get(self->s, &stat_));
	EXPECT_GE(2, stat_.segments);
	ASSERT_EQ(0, query(self->s, &after));
	EXPECT_GE(before.broker_used[MQK_RES_BYTES] + 3 * (64 << 10) + 65536,
		  after.broker_used[MQK_RES_BYTES]);
}

/* One message that is never acknowledged holds its segment, and nothing else. */
TEST_F_TIMEOUT(model, one_held_back, 60)
{
	struct mqk_delivery first, d;
	struct mqk_stat stat_;
	struct consumer c;
	__u32 i;

	ASSERT_EQ(0, consumer_make(&c, self->r, "q", 0, 0, 64));
	ASSERT_EQ(0, port_number(&self->port, self->exchange, "q", 0));
	ASSERT_EQ(0, take_number(&c, &first, LONG_MS));
	for (i = 1; i < 5000; i++) {
		ASSERT_EQ(0, port_number(&self->port, self->exchange, "q", i));
		ASSERT_EQ(i, take_number(&c, &d, LONG_MS));
		consumer_ack(&c, d.tag, MQK_ACK_ACCEPT, 0);
	}
	ASSERT_LE(0, consumer_kick(&c));
	EXPECT_EQ(0, delivery_number(self->r, &first));
	ASSERT_EQ(0, stat_get(self->s, &stat_));
	EXPECT_GE(3, stat_.segments);
	ASSERT_EQ(1, consumer_settle(&c, first.tag, MQK_ACK_ACCEPT, 0));
}

TEST_HARNESS_MAIN
