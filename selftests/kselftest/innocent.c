// SPDX-License-Identifier: GPL-2.0-only
#include "innocent.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rings_consumer.h"
#include "rings_port.h"

#define PAYLOAD_MAX	2000

struct state {
	struct innocent *i;
	int s, r;
	struct port ports[2];
	struct consumer c;
	char name[MQK_NAME_MAX + 1];	/* of exchange, queue and key */
	__u32 exchange, number;
};

#define FAIL(st, err) ({					\
	(st)->i->shared->line = __LINE__;			\
	__atomic_store_n(&(st)->i->shared->error, (err),	\
			 __ATOMIC_RELEASE);			\
	(err);							\
})

static int set_up(struct state *st, const struct env *env)
{
	const char *name = st->name;
	int ret;

	st->s = broker_open(&env->broker, O_RDWR);
	st->r = broker_open(&env->broker, O_RDWR);
	if (st->s < 0 || st->r < 0)
		return FAIL(st, -EIO);
	snprintf(st->name, sizeof(st->name), "innocent-%d", getpid());
	/* a key of its own: who guesses the exchange does not reach the queue */
	ret = exchange_declare(st->s, name, MQK_EXCHANGE_DIRECT, 0);
	if (ret < 0)
		return FAIL(st, ret);
	st->exchange = ret;
	ret = queue_declare(st->s, name, MQK_DECLARE_F_AUTO_DELETE);
	if (ret < 0)
		return FAIL(st, ret);
	ret = binding_add(st->s, name, name, name) ?:
	      port_make(&st->ports[0], st->s, 0, 16) ?:
	      port_make(&st->ports[1], st->s, MQK_PORT_F_INPLACE, 16) ?:
	      consumer_make(&st->c, st->r, name, 0, 8, 16);
	return ret ? FAIL(st, ret) : 0;
}

static int round_of_four(struct state *st)
{
	__u8 payload[PAYLOAD_MAX];
	struct mqk_delivery d;
	int ret, k;

	/* One port at a time: only its own order is promised. */
	for (k = 0; k < 4; k++) {
		__u32 number = st->number + k;
		struct msg m = {
			.exchange = st->exchange,
			.key = st->name, .key_len = strlen(st->name),
			.payload = payload,
			.payload_len = number * 37 % PAYLOAD_MAX,
		};

		pattern_fill(payload, m.payload_len, number);
		ret = port_publish(&st->ports[number >> 2 & 1], &m);
		if (ret)
			return FAIL(st, ret);
	}
	for (k = 0; k < 4; k++) {
		__u32 number = st->number + k;

		ret = consumer_next(&st->c, &d, LONG_MS);
		if (ret)
			return FAIL(st, ret);
		if (d.payload_len != number * 37 % PAYLOAD_MAX)
			return FAIL(st, -EBADMSG);
		if (!pattern_ok(delivery_payload(st->r, &d), d.payload_len,
				number))
			return FAIL(st, -EBADMSG);
		if (d.flags || d.count)
			return FAIL(st, -EBADE);
		consumer_ack(&st->c, d.tag, MQK_ACK_ACCEPT, 0);
	}
	st->number += 4;
	__atomic_store_n(&st->i->shared->messages, st->number,
			 __ATOMIC_RELEASE);
	if (st->c.k->error || st->ports[0].k->error || st->ports[1].k->error)
		return FAIL(st, -EPROTO);
	return 0;
}

int innocent_start(struct innocent *i, const struct env *env)
{
	i->shared = shared(PAGE);
	if (!i->shared)
		return -ENOMEM;
	i->pid = spawn();
	if (i->pid < 0)
		return i->pid;
	if (!i->pid) {
		struct state st = { .i = i };

		if (set_up(&st, env))
			_exit(1);
		word_set(&i->shared->ready, 1);
		while (!__atomic_load_n(&i->shared->stop, __ATOMIC_ACQUIRE))
			if (round_of_four(&st))
				_exit(1);
		_exit(0);
	}
	/* The first messages are through. */
	if (word_wait(&i->shared->ready, 1, LONG_MS))
		return i->shared->error ?: -ETIMEDOUT;
	return word_wait(&i->shared->messages, 4, LONG_MS);
}

__s64 innocent_stop(struct innocent *i)
{
	__u32 messages = i->shared->messages;
	__s64 ret;

	/* Still going after all that. */
	ret = word_wait(&i->shared->messages, messages + 4, LONG_MS);
	word_set(&i->shared->stop, 1);
	if (reap(i->pid, LONG_MS) && !ret)
		ret = -EIO;
	if (i->shared->error) {
		fprintf(stderr, "# innocent.c:%u: %s after %u messages\n",
			i->shared->line, strerror(-i->shared->error),
			i->shared->messages);
		ret = i->shared->error;
	}
	if (!ret)
		ret = i->shared->messages;
	munmap(i->shared, PAGE);
	return ret;
}

bool queue_adds_up(int fd, __u32 queue)
{
	struct mqk_queue_next q;

	if (queue_info(fd, queue, &q))
		return false;
	if (q.published == q.ready + q.unacked + q.acked + q.dropped)
		return true;
	fprintf(stderr, "# %llu published, %llu ready, %llu unacked, "
		"%llu acked, %llu dropped\n", (unsigned long long)q.published,
		(unsigned long long)q.ready, (unsigned long long)q.unacked,
		(unsigned long long)q.acked, (unsigned long long)q.dropped);
	return false;
}
