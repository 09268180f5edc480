// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A producer in one thread, a consumer in another: every message arrives once,
 * whole and in order, and nobody sleeps for ever.
 */
#include <pthread.h>

#include "rig.h"

struct job {
	unsigned int count;		/* 0: 20000 */
	uint32_t batch;
	struct mqk_consumer_opts opts;
	bool poll;
	bool confirm;
	int error;
};

static struct job job;

static size_t length(uint32_t n)
{
	uint32_t x = n * 2654435761u;

	/* Now and then larger than a segment. */
	return x % 500 == 0 ? 70000 + x % 9000 : x % 600;
}

static void *produce(void *unused)
{
	unsigned int i;
	int err = 0;

	(void)unused;
	for (i = 0; i < job.count; i++) {
		do {
			err = put(i, length(i));
		} while (err == -ENOSPC);
		if (err)
			break;
		if (job.confirm && i % 64 == 63) {
			err = mqk_confirm_wait(p, 0, MQK_FOREVER);
			if (err)
				break;
		}
	}
	if (!err && mqk_flush(p) < 0)
		err = -1;
	job.error = err;
	return NULL;
}

static void race(void)
{
	unsigned int n = 0;
	pthread_t thread;
	int ret;

	if (!job.count)
		job.count = 20000;
	begin(PORT(.inplace = true, .batch = job.batch, .confirm = job.confirm),
	      &job.opts);
	pthread_create(&thread, NULL, produce, NULL);
	while (n < job.count) {
		if (job.poll) {
			ret = mqk_next(c, &msg);
			if (!ret && (!job.opts.spin || !mqk_consumer_arm(c)))
				fake_poll();
		} else {
			ret = mqk_recv(c, &msg, MQK_FOREVER);
		}
		CHECK(ret >= 0);
		if (!ret)
			continue;
		CHECK_EQ(msg.d.exchange, n);
		CHECK_EQ(msg.d.payload_len, length(n));
		CHECK(filled(msg.payload, length(n), n));
		n++;
		if (!job.opts.noack && (job.opts.prefetch == 1 || n % 3 != 1))
			CHECK_EQ(mqk_ack_multiple(c, msg.d.tag), 0);
	}
	pthread_join(thread, NULL);
	CHECK_EQ(job.error, 0);
	if (!job.opts.noack)
		CHECK_EQ(mqk_ack_multiple(c, 0), 0);
	CHECK_EQ(mqk_next(c, &msg), 0);
	end();
}

#define RACE(name, ...)							\
	static void name(void)						\
	{								\
		job = (struct job){ __VA_ARGS__ };			\
		job.opts.sz = sizeof(job.opts);				\
		race();							\
	}

RACE(race_sleep, .opts = { .prefetch = 8 })
RACE(race_one_credit, .count = 5000, .opts = { .prefetch = 1 })
RACE(race_spin, .batch = 16, .opts = { .spin_ns = 50000, .entries = 64 })
RACE(race_poll, .poll = true, .batch = 3, .opts = { .entries = 16 })
RACE(race_poll_spin, .poll = true, .opts = { .entries = 32, .spin = true })
RACE(race_noack, .batch = 5, .opts = { .noack = true, .entries = 16 })
RACE(race_noack_poll, .poll = true, .opts = { .noack = true, .spin_ns = 1 })
RACE(race_copy, .count = 5000, .opts = { .copy = true, .prefetch = 5 })
RACE(race_confirm, .confirm = true, .batch = 64, .opts = { .prefetch = 8 })

static const struct test tests[] = {
	TEST(race_sleep),
	TEST(race_one_credit),
	TEST(race_spin),
	TEST(race_poll),
	TEST(race_poll_spin),
	TEST(race_noack),
	TEST(race_noack_poll),
	TEST(race_copy),
	TEST(race_confirm),
};

int main(void)
{
	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
