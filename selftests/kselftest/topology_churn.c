// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects come and go while messages flow: threads that declare, bind, unbind,
 * consume, get, purge and delete, beside producers whose messages to a queue
 * that stays must all arrive, in order and once.
 *
 * mqk-test: timeout=90
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "innocent.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define CHURNERS	3
#define SECONDS		6
#define NAMES		6		/* queues and exchanges of the churn */

FIXTURE(churn)
{
	struct env env;
	struct innocent innocent;
	int s;
	struct consumer stable;
	__u32 fanout, topic;
};

FIXTURE_SETUP(churn)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };

	ASSERT_EQ(0, env_begin(&self->env, &want));
	ASSERT_EQ(0, innocent_start(&self->innocent, &self->env));
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
	ASSERT_LT(0, queue_declare(self->s, "stable", 0));
	self->fanout = exchange_declare(self->s, "fanout", MQK_EXCHANGE_FANOUT,
					0);
	self->topic = exchange_declare(self->s, "topic", MQK_EXCHANGE_TOPIC, 0);
	ASSERT_EQ(0, binding_add(self->s, "fanout", "stable", ""));
	ASSERT_EQ(0, binding_add(self->s, "topic", "stable", "#.x"));
	ASSERT_EQ(0, consumer_make(&self->stable, self->s, "stable", 0, 0, 256));
}

FIXTURE_TEARDOWN(churn)
{
	EXPECT_LT(0, innocent_stop(&self->innocent));
	EXPECT_EQ(0, env_end(&self->env));
}

#define MARK	0x80000000u		/* in numbers of the producers proper */

/* --- who churns ------------------------------------------------------------- */

struct worker {
	FIXTURE_DATA(churn) *self;
	__u32 number;
	__u32 *stop;
	__u32 steps, odd;		/* outcomes that cannot be */
	int example;
};

/* What may happen to a call on objects that others delete and make. */
static void expect(struct worker *w, __s64 ret)
{
	static const int may[] = {
		ENOENT, EBUSY, EINVAL, EACCES, EAGAIN, ENOSPC, ENOBUFS,
	};
	unsigned int i;

	w->steps++;
	if (ret >= 0)
		return;
	for (i = 0; i < ARRAY_SIZE(may); i++)
		if (ret == -may[i])
			return;
	w->odd++;
	w->example = ret;
}

static void churn_consumer(struct worker *w, int s, const char *queue,
			   __u64 *random)
{
	struct mqk_delivery d;
	struct consumer c;
	int i, ret = consumer_make(&c, s, queue, random_next(random) % 4 ?
				   0 : MQK_CONSUMER_F_NOACK, 8, 16);

	expect(w, ret);
	if (ret)
		return;
	for (i = 0; i < 20 && !consumer_next(&c, &d, 1); i++) {
		if (!(d.flags & MQK_DELIVERY_F_SETTLED) &&
		    random_next(random) % 2)
			consumer_ack(&c, d.tag, 1 + random_next(random) % 3, 0);
	}
	/* The queue may have gone under it, and with it the tags. */
	consumer_kick(&c);
	expect(w, consumer_close(&c));
	consumer_unmap(&c);
}

static void churn_step(struct worker *w, int s, struct port *port,
		       struct consumer *pull, __u64 *random)
{
	static const char * const keys[] = { "#", "a.*", "*.x", "#.x.#", "a.x" };
	char q[16], e[16], name[MQK_NAME_MAX];
	struct mqk_queue_next next = {
		.size = sizeof(next), .name = (uintptr_t)name,
	};
	__u32 r = random_next(random), ids[16];
	const char *key = keys[r / 1000 % 5];
	struct mqk_delivery d;

	sprintf(q, "q%u", r / 16 % NAMES);
	sprintf(e, "e%u", r / 128 % NAMES);
	switch (r % 16) {
	case 0: case 1:
		expect(w, queue_declare(s, q, r & 0x10000 ?
					MQK_DECLARE_F_AUTO_DELETE : 0));
		break;
	case 2:
		expect(w, queue_delete(s, q, 0));
		break;
	case 3:
		expect(w, exchange_declare(s, e, 1 + r / 4096 % 3, r & 0x10000 ?
					   MQK_DECLARE_F_AUTO_DELETE : 0));
		break;
	case 4:
		expect(w, exchange_delete(s, e, 0));
		break;
	case 5: case 6:
		expect(w, binding_add(s, e, q, key));
		expect(w, binding_add(s, "topic", q, key));
		break;
	case 7:
		expect(w, binding_add(s, "fanout", q, ""));
		break;
	case 8:
		expect(w, binding_del(s, "topic", q, key));
		expect(w, binding_del(s, "fanout", q, ""));
		break;
	case 9: case 10:
		churn_consumer(w, s, q, random);
		break;
	case 11:
		expect(w, queue_purge(s, q));
		break;
	case 12:
		expect(w, port_number(port, exchange_declare(s, e, 0,
				      MQK_DECLARE_F_PASSIVE), "a.x", r & ~MARK));
		break;
	case 13:
		expect(w, route(s, "topic", "a.x", 3, ids, 16));
		break;
	case 14:
		while (!mq(s, MQK_IOC_QUEUE_NEXT, &next)) {
			next.flags = 0;
			if (next.ready && next.name_len == 2)
				expect(w, queue_get(s, pull->c.id, next.id, 0,
						    0, &d, NULL));
		}
		consumer_ack(pull, 0, MQK_ACK_ACCEPT, MQK_ACK_F_MULTIPLE);
		consumer_kick(pull);
		break;
	case 15:
		expect(w, port_number(port, w->self->fanout, "", r & ~MARK));
		break;
	}
}

static void *churn(void *arg)
{
	struct worker *w = arg;
	__u64 random = w->number + 1;
	struct consumer pull;
	struct port port;
	int s = broker_open(&w->self->env.broker, O_RDWR);

	if (s < 0 || port_make(&port, s, 0, 1024) ||
	    consumer_make(&pull, s, NULL, MQK_CONSUMER_F_PULL, 0, 256)) {
		w->odd = 1000;
		return NULL;
	}
	while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE))
		churn_step(w, s, &port, &pull, &random);
	port_unmap(&port);
	consumer_unmap(&pull);
	close(s);
	return NULL;
}

/* --- who publishes ---------------------------------------------------------- */

static void *produce(void *arg)
{
	struct worker *w = arg;
	struct port port;
	int s = broker_open(&w->self->env.broker, O_RDWR), ret;

	if (s < 0 || port_make(&port, s, w->number & 1 ?
			       MQK_PORT_F_INPLACE : 0, 16)) {
		w->odd = 1000;
		return NULL;
	}
	while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE)) {
		__u32 number = MARK | w->number << 28 | w->steps;

		struct msg m = {
			.exchange = w->steps & 1 ? w->self->fanout :
						   w->self->topic,
			.key = "a.x", .key_len = 3,
			.payload = &number, .payload_len = 4,
		};

		ret = port.inplace ? port_place(&port, &m) :
				     port_publish(&port, &m);
		if (ret == -ENOSPC) {
			usleep(1000);
			continue;
		}
		/* It lies there: only ring again. */
		while (port.inplace && !ret) {
			ret = port_doorbell(&port);
			if (ret != -ENOSPC)
				break;
			usleep(1000);
			ret = 0;
		}
		if (ret < 0) {
			w->odd++;
			w->example = ret;
			break;
		}
		w->steps++;
	}
	port_unmap(&port);
	close(s);
	return NULL;
}

TEST_F_TIMEOUT(churn, messages_to_a_queue_that_stays, 60)
{
	struct worker workers[CHURNERS + 2] = { { 0 } };
	pthread_t threads[CHURNERS + 2];
	__u64 end = now_ms() + SECONDS * 1000;
	__u32 stop = 0, next[2] = { 0 }, i;
	struct mqk_delivery d;
	bool ended = false;

	for (i = 0; i < CHURNERS + 2; i++) {
		workers[i].self = self;
		workers[i].number = i < CHURNERS ? i : i - CHURNERS;
		workers[i].stop = &stop;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, i < CHURNERS ?
					    churn : produce, &workers[i]));
	}
	for (;;) {
		int ret = consumer_next(&self->stable, &d, 200);
		__u32 number;

		if (!ended && now_ms() > end) {
			word_set(&stop, 1);
			for (i = 0; i < CHURNERS + 2; i++) {
				ASSERT_EQ(0, pthread_join(threads[i], NULL));
			}
			ended = true;
		}
		if (ret == -ETIMEDOUT && ended)
			break;
		if (ret == -ETIMEDOUT)
			continue;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, d.flags);
		number = delivery_number(self->s, &d);
		consumer_ack(&self->stable, d.tag, MQK_ACK_ACCEPT, 0);
		/* The churners' own messages are as they are. */
		if (!(number & MARK) || number == ~0u)
			continue;
		i = number >> 28 & 7;
		ASSERT_GT(2, i);
		ASSERT_EQ(next[i], number & 0xfffffff) {
			TH_LOG("producer %u", i);
		}
		next[i]++;
	}
	for (i = 0; i < CHURNERS + 2; i++) {
		EXPECT_EQ(0, workers[i].odd) {
			TH_LOG("worker %u: %d", i, workers[i].example);
		}
		EXPECT_LT(20, workers[i].steps);
	}
	EXPECT_EQ(workers[CHURNERS].steps, next[0]);
	EXPECT_EQ(workers[CHURNERS + 1].steps, next[1]);
	TH_LOG("%u and %u messages through, %u %u %u steps of churn", next[0],
	       next[1], workers[0].steps, workers[1].steps, workers[2].steps);
}

TEST_HARNESS_MAIN
