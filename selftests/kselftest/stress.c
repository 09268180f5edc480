// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several producers, by copy and in place, to several exchanges and queues,
 * with consumers of different habits, while any of them is killed and started
 * again.  Then the history is checked (history.h has the rules).  One queue has
 * nobody who reads it at first, so that what waits there is moved (compaction).
 *
 *	stress [SECONDS]	default 10, or MQK_STRESS_SECONDS
 *
 * mqk-test: timeout=180
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "history.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "kselftest.h"

#define BATCH		24
#define SLOW		5		/* queue */

static struct env env;
static struct history *h;
static __u32 exchanges[4];		/* topic, fanout, direct, default */
static __u32 queue_ids[QUEUES];
static __u32 *awake;			/* is the slow queue's consumer */

/* Where each route begins, and the bindings that make it end as route_queues()
 * says.
 */
static const struct { int exchange; const char *key; } routes[ROUTES] = {
	{ 0, "net.high.curl" }, { 0, "net.low.wget" }, { 0, "lib.low.zlib" },
	{ 0, "lib.mid.c" }, { 1, "" }, { 2, "x" }, { 2, "nowhere" },
	{ 3, "q5" },
};

static const struct { const char *exchange, *queue, *key; } bindings[] = {
	{ "topic", "q0", "#" }, { "topic", "q1", "*.high.*" },
	{ "topic", "q2", "net.#" }, { "topic", "q3", "*.low.*" },
	/* Reached twice, delivered once. */
	{ "topic", "q0", "net.*.curl" }, { "topic", "q3", "#.low.#" },
	{ "fanout", "q3", "" }, { "fanout", "q4", "anything" },
	{ "direct", "q1", "x" }, { "direct", "q4", "x" },
};

static int set_up(void)
{
	static const char * const names[] = { "topic", "fanout", "direct" };
	static const __u32 types[] = {
		MQK_EXCHANGE_TOPIC, MQK_EXCHANGE_FANOUT, MQK_EXCHANGE_DIRECT,
	};
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	char name[8];
	unsigned int i;
	__s64 id;

	/* A backlog that the consumers can work off at the end. */
	want.limit[MQK_RES_MESSAGES] = 20000;
	if (env_begin(&env, &want))
		return -1;
	for (i = 0; i < 3; i++) {
		id = exchange_declare(env.admin, names[i], types[i], 0);
		if (id < 0)
			return id;
		exchanges[i] = id;
	}
	exchanges[3] = exchange_declare(env.admin, "", 0,
					MQK_DECLARE_F_PASSIVE);
	for (i = 0; i < QUEUES; i++) {
		sprintf(name, "q%u", i);
		id = queue_declare(env.admin, name, 0);
		if (id < 0)
			return id;
		queue_ids[i] = id;
	}
	for (i = 0; i < ARRAY_SIZE(bindings); i++) {
		int ret = binding_add(env.admin, bindings[i].exchange,
				      bindings[i].queue, bindings[i].key);

		if (ret)
			return ret;
	}
	return 0;
}

/* --- producers ------------------------------------------------------------ */

struct producer {
	__u32 number;			/* which of the PRODUCERS */
	struct port port;
	__u32 base;			/* message of the port's sequence 1 */
	__u64 confirmed, returned;	/* sequence numbers */
	__u8 *payload[BATCH];
};

/* Read what completions there are. */
static void read_completions(struct producer *p, int ms)
{
	struct mqk_completion c;

	while (!port_completion(&p->port, &c, ms)) {
		__u32 number = p->base + c.seq - 1;

		ms = 0;
		if (c.type == MQK_COMPLETION_RETURN) {
			if (c.seq <= p->returned ||
			    !message_mandatory(p->number, number) ||
			    route_queues(message_route(p->number, number)))
				history_offence(h, REPORT, 0, p->number,
						number);
			p->returned = c.seq;
			__atomic_fetch_add(&h->returns, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (c.type != MQK_COMPLETION_CONFIRM || c.seq <= p->confirmed ||
		    (!(c.flags & MQK_COMPLETION_F_MULTIPLE) &&
		     c.seq != p->confirmed + 1))
			history_offence(h, REPORT, 1, p->number, number);
		while (p->confirmed < c.seq) {
			number = p->base + p->confirmed++;
			/* Its return came first, if it should have one. */
			if (message_mandatory(p->number, number) &&
			    !route_queues(message_route(p->number, number)) &&
			    p->returned < p->confirmed)
				history_offence(h, REPORT, 2, p->number,
						number);
			history_confirm(h, p->number, number);
		}
	}
}

static void fill_message(struct producer *p, __u32 number, __u8 *payload,
			 struct msg *m)
{
	__u32 route = message_route(p->number, number);

	message_fill(p->number, number, payload);
	*m = (struct msg) {
		.exchange = exchanges[routes[route].exchange],
		.key = routes[route].key,
		.key_len = strlen(routes[route].key),
		.flags = message_mandatory(p->number, number) ?
			 MQK_MSG_F_MANDATORY : 0,
		.payload = payload,
		.payload_len = message_len(p->number, number),
	};
}

/* A refusal that time will mend: read, wait, and try again. */
static void try_later(struct producer *p, int error)
{
	if (error == -EAGAIN || error == -ENOSPC || error == -EDQUOT)
		read_completions(p, 1);
	else
		_exit(10);
	if (error != -EAGAIN)
		usleep(500);
}

static void publish(struct producer *p, struct msg *m, __u32 n)
{
	__u32 done = 0;
	int ret;

	while (done < n) {
		if (p->port.inplace) {
			ret = port_place(&p->port, &m[done]);
			done += !ret;
		} else {
			ret = port_publish_batch(&p->port, m + done, n - done);
			if (ret > 0)
				done += ret;
		}
		if (ret < 0)
			try_later(p, ret);
	}
	if (!p->port.inplace)
		return;
	/* What it takes before it lacks room it tells instead of the error. */
	while ((ret = port_doorbell(&p->port)))
		if (ret < 0)
			try_later(p, ret);
}

static void produce(__u32 number, __u32 seed)
{
	struct producer p = { .number = number };
	__u64 random = (__u64)seed << 8 | number;
	struct msg m[BATCH];
	__u32 i;
	int s = broker_open(&env.broker, O_RDWR);

	if (s < 0 || port_make(&p.port, s, MQK_PORT_F_CONFIRM |
			       ((number + seed) & 1 ? MQK_PORT_F_INPLACE : 0),
			       64))
		_exit(1);
	p.base = h->begun[number];
	for (i = 0; i < BATCH; i++)
		p.payload[i] = malloc(200000);
	while (!__atomic_load_n(&h->stop_producers, __ATOMIC_ACQUIRE)) {
		__u32 from = h->begun[number];
		__u32 n = 1 + random_next(&random) % BATCH;

		if (from + n > h->numbers)
			break;
		for (i = 0; i < n; i++)
			fill_message(&p, from + i, p.payload[i], &m[i]);
		history_begin(h, number, n);
		publish(&p, m, n);
		read_completions(&p, 0);
		if (!(random_next(&random) % 16))
			usleep(random_next(&random) % 3000);
	}
	while (p.base + p.confirmed < h->begun[number]) {
		__u64 before = p.confirmed;

		read_completions(&p, LONG_MS);
		if (p.confirmed == before)
			_exit(2);
	}
	_exit(0);
}

/* --- consumers ------------------------------------------------------------ */

enum habit { ONE_BY_ONE, MULTIPLE, MOODY, PULLING, CARELESS, DROPPING };

static const struct {
	__u32 queue;
	enum habit habit;
	bool mortal;
} consumers[] = {
	{ 0, ONE_BY_ONE, true }, { 0, ONE_BY_ONE, true },
	{ 1, MULTIPLE, true },
	{ 2, MOODY, true },
	{ 3, ONE_BY_ONE, true }, { 3, MOODY, true }, { 3, PULLING, true },
	/* What it is given is gone when it dies: it does not. */
	{ 4, CARELESS, false },
	{ SLOW, DROPPING, true },
};

#define CONSUMERS	ARRAY_SIZE(consumers)
#define PENDING		64

struct reader {
	struct consumer c;
	__u32 queue;
	enum habit habit;
	__u64 random;
	__u32 last[PRODUCERS];
	struct cell *pending[PENDING];	/* told to the kernel, not yet taken */
	__u32 nr_pending;
	__u64 last_tag;
};

/* Have the kernel take the acknowledgements, and note that they are final. */
static void flush(struct reader *r)
{
	__u32 i;

	if (r->habit == MULTIPLE && r->nr_pending)
		consumer_ack(&r->c, r->last_tag, MQK_ACK_ACCEPT,
			     MQK_ACK_F_MULTIPLE);
	if (consumer_kick(&r->c) < 0)
		_exit(11);
	for (i = 0; i < r->nr_pending; i++)
		history_settle(h, r->pending[i]);
	r->nr_pending = 0;
}

static void settle(struct reader *r, const struct mqk_delivery *d,
		   struct cell *cell)
{
	__u32 mood = random_next(&r->random) % 8;
	__u32 op = MQK_ACK_ACCEPT, flags = 0;

	if (r->habit == CARELESS) {
		history_settle(h, cell);
		return;
	}
	if (r->habit == MOODY && mood < 2) {
		op = mood ? MQK_ACK_NACK : MQK_ACK_REJECT;
		flags = MQK_ACK_F_REQUEUE;
	}
	if (r->habit == DROPPING && mood < 2)
		op = mood ? MQK_ACK_NACK : MQK_ACK_REJECT;
	r->last_tag = d->tag;
	if (r->habit != MULTIPLE)
		consumer_ack(&r->c, d->tag, op, flags);
	if (!flags)
		r->pending[r->nr_pending++] = cell;
	if (r->nr_pending == PENDING ||
	    r->nr_pending == (r->habit == PULLING ? 1 : 8) + mood)
		flush(r);
}

static int next(struct reader *r, struct mqk_delivery *d)
{
	if (r->habit == PULLING)
		return queue_get(r->c.fd, r->c.c.id, queue_ids[r->queue], 0,
				 20000000, d, NULL);
	/* Read where it lies: a settled record is free once head passes it. */
	if (!consumer_there(&r->c, 0)) {
		int ret = consumer_wait(&r->c, 20000000);

		if (ret)
			return ret;
	}
	*d = r->c.ring[r->c.head & (r->c.c.entries - 1)];
	return 0;
}

static void consume(__u32 which, __u32 seed)
{
	struct reader r = {
		.queue = consumers[which].queue,
		.habit = consumers[which].habit,
		.random = (__u64)seed << 8 | which,
	};
	int s = broker_open(&env.broker, O_RDWR);
	char name[8];

	sprintf(name, "q%u", r.queue);
	while (r.queue == SLOW && word_wait(awake, 1, LONG_MS))
		;
	if (s < 0 || consumer_make(&r.c, s, r.habit == PULLING ? NULL : name,
				   r.habit == PULLING ? MQK_CONSUMER_F_PULL :
				   r.habit == CARELESS ? MQK_CONSUMER_F_NOACK :
				   0, 0, 64))
		_exit(1);
	for (;;) {
		struct mqk_delivery d;
		struct cell *cell;
		int ret = next(&r, &d);

		if (ret == -ETIMEDOUT || ret == -EAGAIN || ret == -ENOBUFS) {
			flush(&r);
			if (__atomic_load_n(&h->stop_consumers,
					    __ATOMIC_ACQUIRE))
				_exit(0);
			continue;
		}
		if (ret)
			_exit(12);
		cell = history_deliver(h, r.queue, &d, delivery_payload(s, &d),
				       r.last);
		if (r.habit != PULLING)
			consumer_poll(&r.c, &d);
		if (cell)
			settle(&r, &d, cell);
	}
}

/* --- the run -------------------------------------------------------------- */

static pid_t producer_pids[PRODUCERS], consumer_pids[CONSUMERS];
static __u32 kills, starts;

static pid_t start(void (*fn)(__u32, __u32), __u32 which)
{
	pid_t pid = spawn();

	if (!pid)
		fn(which, starts);
	starts++;
	return pid;
}

/* Kill one at random and start another in its place; non-zero if one had ended
 * by itself with an error.
 */
static int kill_one(__u64 *random)
{
	__u32 which = random_next(random) % (PRODUCERS + CONSUMERS);
	pid_t *pid;
	int status;

	if (which < PRODUCERS) {
		pid = &producer_pids[which];
	} else {
		which -= PRODUCERS;
		if (!consumers[which].mortal)
			return 0;
		pid = &consumer_pids[which];
	}
	status = kill_hard(*pid);
	if (status && status != 128 + SIGKILL) {
		ksft_print_msg("a process ended with status %d\n", status);
		return status;
	}
	kills++;
	*pid = pid == &producer_pids[which] ? start(produce, which) :
					      start(consume, which);
	return 0;
}

static __u64 waiting(void)
{
	struct mqk_queue_next info;
	__u64 all = 0;
	__u32 q;

	for (q = 0; q < QUEUES; q++)
		if (!queue_info(env.admin, queue_ids[q], &info))
			all += info.ready + info.unacked;
	return all;
}

/* Whether enough has gone on that something could have gone wrong. */
static bool eventful(void)
{
	return __atomic_load_n(&h->deliveries, __ATOMIC_RELAXED) > 100 &&
	       __atomic_load_n(&h->redeliveries, __ATOMIC_RELAXED) && kills > 5;
}

static int run(int seconds)
{
	__u64 end = now_ms() + seconds * 1000ull, random = 1;
	__u64 late = now_ms() + seconds * 600ull;
	/* a slow machine takes longer */
	__u64 last = now_ms() + seconds * 6000ull;
	int status, ret = 0;
	__u32 i;

	for (i = 0; i < CONSUMERS; i++)
		consumer_pids[i] = start(consume, i);
	for (i = 0; i < PRODUCERS; i++)
		producer_pids[i] = start(produce, i);
	while ((now_ms() < end || (!eventful() && now_ms() < last)) && !ret) {
		sleep_ms(5 + random_next(&random) % 50);
		ret = kill_one(&random);
		if (now_ms() > late)
			word_set(awake, 1);
	}
	word_set(awake, 1);
	word_set(&h->stop_producers, 1);
	for (i = 0; i < PRODUCERS; i++) {
		status = reap(producer_pids[i], 3 * LONG_MS);
		if (status) {
			ksft_print_msg("producer %u: status %d\n", i, status);
			ret = ret ?: status;
		}
	}
	end = now_ms() + 3 * LONG_MS;
	while (waiting() && now_ms() < end)
		sleep_ms(20);
	word_set(&h->stop_consumers, 1);
	for (i = 0; i < CONSUMERS; i++) {
		status = reap(consumer_pids[i], LONG_MS);
		if (status) {
			ksft_print_msg("consumer %u: status %d\n", i, status);
			ret = ret ?: status;
		}
	}
	return ret;
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : getenv("MQK_STRESS_SECONDS");
	int seconds = wanted ? atoi(wanted) : 10, ret;
	struct mqk_stat st = {};
	__u64 begun = 0, left;
	unsigned int i;

	if (seconds < 1)
		seconds = 1;
	ksft_print_header();
	ksft_set_plan(NR_OFFENCES + 4);
	h = history_make(20000 + seconds * 5000);
	awake = shared(sizeof(*awake));
	ret = h && awake ? set_up() : -ENOMEM;
	if (ret)
		ksft_exit_fail_msg("cannot set up: %d\n", ret);

	ret = run(seconds);
	left = waiting();
	history_check(h);
	for (i = 0; i < PRODUCERS; i++)
		begun += h->begun[i];
	ksft_print_msg("%llu published, %llu confirmed, %llu returned, "
		       "%llu delivered, %llu redelivered, %llu settled, "
		       "%u processes killed, in %d s\n",
		       (unsigned long long)begun,
		       (unsigned long long)h->confirms,
		       (unsigned long long)h->returns,
		       (unsigned long long)h->deliveries,
		       (unsigned long long)h->redeliveries,
		       (unsigned long long)h->settled, kills, seconds);
	for (i = 0; i < NR_OFFENCES; i++) {
		if (h->offences[i])
			ksft_print_msg("%u times; first: queue %u, producer %u, "
				       "message %u\n", h->offences[i],
				       h->example[i].queue,
				       h->example[i].producer,
				       h->example[i].number);
		ksft_test_result(!h->offences[i], "%s\n", offence_name[i]);
	}
	stat_get(env.admin, &st);
	ksft_print_msg("%llu compactions moved %llu messages\n",
		       (unsigned long long)st.compactions,
		       (unsigned long long)st.compacted);
	ksft_test_result(st.compacted > 0, "what waited was moved\n");
	ksft_test_result(!ret && !left, "all processes did their work\n");
	ksft_test_result(eventful(), "there was traffic, and trouble\n");
	ksft_test_result(!env_end(&env), "the counters are back\n");
	ksft_finished();
}
