// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compaction, one pass at a time and without threads: what a pass comes to, and
 * what it leaves behind when any of its allocations fails.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "test.h"
#include "user.h"

#define SEGMENT		65536u
#define SEGMENTS	20u
#define SIZE		5000u
#define IN_SEGMENT	12u		/* records of that size */

struct body {
	uint32_t n;
	uint8_t fill[SIZE - 4];
};

static struct mqk *m;
static struct mqk_port *port;
static uint32_t exchange;

static uint64_t segments(void)
{
	struct mqk_stat s = { .size = sizeof(s) };

	CHECK_EQ(mqk_stat(m, &s), 0);
	return s.segments;
}

static uint64_t compacted(void)
{
	struct mqk_stat s = { .size = sizeof(s) };

	CHECK_EQ(mqk_stat(m, &s), 0);
	return s.compacted;
}

static void publish(const char *queue, uint32_t n)
{
	static struct body b;

	b.n = n;
	memset(b.fill, n * 7 + 1, sizeof(b.fill));
	CHECK_EQ(mqk_publish(port, exchange, queue, strlen(queue), &b, sizeof(b), 0), 0);
}

/* One message of each segment is left, in the slow queue. */
static void begin(void)
{
	uint64_t purged;
	uint32_t i;

	kernel_start(SEGMENT, false);
	CHECK_EQ(mqk_open(NODE, 0, &m), 0);
	CHECK_EQ(mqk_queue_declare(m, "slow", NULL, NULL), 0);
	CHECK_EQ(mqk_queue_declare(m, "fast", NULL, NULL), 0);
	CHECK_EQ(mqk_exchange_id(m, "", &exchange), 0);
	CHECK_EQ(user_port_open(m, NULL, &port), 0);
	for (i = 0; i < SEGMENTS * IN_SEGMENT; i++)
		publish(i % IN_SEGMENT == 5 ? "slow" : "fast", i);
	CHECK_EQ(mqk_queue_purge(m, "fast", &purged), 0);
	CHECK_EQ(purged, SEGMENTS * (IN_SEGMENT - 1));
	CHECK_EQ(segments(), SEGMENTS);
}

/* All that is left comes out, whole and in order. */
static void end(void)
{
	struct mqk_consumer *c;
	struct mqk_msg msg;
	uint32_t i, j;

	CHECK_EQ(mqk_consume(m, "slow", NULL, &c), 0);
	for (i = 0; i < SEGMENTS; i++) {
		const struct body *b;

		if (!CHECK_EQ(mqk_recv(c, &msg, 0), 1))
			break;
		b = msg.payload;
		CHECK_EQ(msg.d.payload_len, SIZE);
		CHECK_EQ(msg.d.seq, i);
		CHECK_EQ(b->n, i * IN_SEGMENT + 5);
		for (j = 0; j < sizeof(b->fill); j++)
			if (b->fill[j] != (uint8_t)(b->n * 7 + 1))
				break;
		CHECK_EQ(j, sizeof(b->fill));
		mqk_ack(c, msg.d.tag);
	}
	mqk_consumer_close(c);
	user_port_close(port);
	mqk_close(m);
	CHECK_OK(kernel_stop());
}

static void test_pass(void)
{
	begin();
	CHECK(!kernel_compact(0));
	/* two with what was moved, one that is open still */
	CHECK_EQ(segments(), 3);
	CHECK_EQ(compacted(), SEGMENTS - 1);
	/* what it made is not sparse: nothing to do */
	CHECK(!kernel_compact(0));
	CHECK_EQ(compacted(), SEGMENTS - 1);
	end();
}

static void test_failing(void)
{
	unsigned long n;
	bool failed;

	for (n = 1;; n++) {
		begin();
		failed = kernel_compact(n);
		if (failed)
			CHECK(segments() <= SEGMENTS);
		else
			CHECK_EQ(compacted(), SEGMENTS - 1);
		/* the next one does what this one could not */
		kernel_compact(0);
		CHECK(segments() <= 3 + 7);
		end();
		if (!failed)
			break;
	}
	/* a segment needs more than a few */
	CHECK(n > 10);
}

static const struct test tests[] = {
	{ "a pass", test_pass },
	{ "each allocation failing", test_failing },
};

TEST_MAIN(tests)
