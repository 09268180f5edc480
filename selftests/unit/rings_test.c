// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings between the library and the module, with threads on both sides: no
 * message is lost, doubled, torn or overwritten too early, each sleeper is woken,
 * and nobody waits for ever. Built with the thread sanitizer, which sees what is
 * ordered, and without, so that the processor really reorders.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "random.h"
#include "test.h"
#include "user.h"

#define THREADS_MAX	8
#define QUEUES_MAX	3
#define STOP		0xffu		/* a producer that tells to leave */

#ifdef __SANITIZE_THREAD__
#define SCALE		12u		/* so many times fewer messages */
#define PATIENCE	60u
#else
#define SCALE		1u
#define PATIENCE	20u
#endif

enum sleep { IN_WAIT, IN_POLL, SPINNING };

struct plan {
	uint32_t messages;		/* of each producer, in all */
	uint32_t producers, consumers;	/* consumers of each queue */
	uint32_t queues;
	uint32_t window;		/* messages under way of a producer */
	uint32_t prefetch, entries, batch;
	uint32_t hold;			/* acknowledged together, at most */
	uint32_t requeue;		/* one in so many goes back */
	uint32_t reopen;		/* closed and opened after so many */
	enum sleep sleep;
	bool noack;
	bool copies;			/* published by copy */
	bool bell;			/* somebody else rings the doorbell */
	bool prefetch_changes;
	bool churn;			/* other queues come and go */
};

static struct plan plan;
static uint32_t queue_id[QUEUES_MAX];
static uint32_t exchange;

/* By queue and producer, how often each message was accepted. */
static uint8_t *accepted[QUEUES_MAX][THREADS_MAX];
/* These order nothing: that is left to the rings. */
static uint64_t progress;
static uint64_t settled[THREADS_MAX];	/* of a producer, in all queues */
static uint64_t bad;

static const char *queue_name(uint32_t i)
{
	static const char *const name[QUEUES_MAX] = { "one", "two", "three" };

	return name[i];
}

static void wrong(const char *what, uint64_t a, uint64_t b)
{
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED) < 10)
		test_note("%s: %llu, %llu", what, (unsigned long long)a, (unsigned long long)b);
}

#define MUST(cond)	((cond) ? (void)0 : wrong(#cond, __LINE__, 0))

/* ---- messages that tell whether they are whole ---- */

struct body {
	uint32_t producer, n, len, check;
	uint8_t fill[];
};

/* Mostly short; now and then so long that a segment holds few. */
static uint32_t length(uint32_t n)
{
	uint32_t x = n * 2654435761u;

	return x % 1000 == 0 ? 20000 + x % 30000 : x % 97;
}

static uint8_t fill_byte(const struct body *b, uint32_t i)
{
	return b->producer * 31 + b->n * 7 + i;
}

static void write_body(struct body *b, uint32_t producer, uint32_t n)
{
	uint32_t i;

	b->producer = producer;
	b->n = n;
	b->len = length(n);
	b->check = ~n;
	for (i = 0; i < b->len; i++)
		b->fill[i] = fill_byte(b, i);
}

static bool whole(const struct mqk_msg *msg)
{
	const struct body *b = msg->payload;
	uint32_t i;

	if (msg->d.payload_len != sizeof(*b) + b->len || b->check != ~b->n ||
	    (b->producer != STOP && b->len != length(b->n)))
		return false;
	for (i = 0; i < b->len; i++)
		if (b->fill[i] != fill_byte(b, i))
			return false;
	return true;
}

/* ---- producers ---- */

static bool no_more_bells;

static void publish(struct mqk_port *p, uint32_t producer, uint32_t n)
{
	static __thread uint8_t copy[65536];
	size_t size = sizeof(struct body) + length(n);
	void *to = copy;
	int err;

	if (!plan.copies) {
		do
			err = mqk_reserve(p, exchange, "k", 1, NULL, 0, size, 0, &to);
		while (err == -EAGAIN);
		MUST(!err);
		if (err)
			return;
	}
	write_body(to, producer, n);
	if (plan.copies)
		err = mqk_publish(p, exchange, "k", 1, to, size, 0);
	else
		err = mqk_commit(p);
	MUST(!err);
}

static bool under_way(uint32_t producer, uint32_t n)
{
	return (n + 1) * (uint64_t)plan.queues >
	       __atomic_load_n(&settled[producer], __ATOMIC_RELAXED) +
	       plan.window * (uint64_t)plan.queues;
}

static void *ringer(void *arg)
{
	struct mqk_port *p = arg;

	while (!__atomic_load_n(&no_more_bells, __ATOMIC_RELAXED))
		MUST(mqk_ioctl_id(p->m, MQK_IOC_DOORBELL, p->id) >= 0);
	return NULL;
}

/* A moment of some length or other, so that all things meet in all ways. */
static void dawdle(struct random *r)
{
	uint32_t n = random_below(r, 256);

	while (n--)
		__asm__ volatile("" ::: "memory");
}

static void *producer(void *arg)
{
	uint32_t id = (uintptr_t)arg, n;
	struct random r = random_from(1000 + id);
	pthread_t bell;
	struct mqk_port *p;
	struct mqk *m;

	MUST(!mqk_open(NODE, MQK_OPEN_PUBLISH, &m));
	MUST(!user_port_open(m, &(struct mqk_port_opts){ .sz = sizeof(struct mqk_port_opts),
							 .inplace = !plan.copies,
							 .batch = plan.batch }, &p));
	if (plan.bell)
		pthread_create(&bell, NULL, ringer, p);
	for (n = 0; n < plan.messages; n++) {
		if (under_way(id, n)) {
			MUST(plan.bell || mqk_flush(p) >= 0);
			while (under_way(id, n))
				sched_yield();
			dawdle(&r);
		}
		publish(p, id, n);
	}
	MUST(plan.bell || mqk_flush(p) >= 0);
	if (plan.bell) {
		while (under_way(id, n + plan.window - 1))
			sched_yield();
		__atomic_store_n(&no_more_bells, true, __ATOMIC_RELAXED);
		pthread_join(bell, NULL);
	}
	user_port_close(p);
	mqk_close(m);
	return NULL;
}

/* ---- consumers ---- */

struct reader {
	uint32_t queue;
	struct random random;
	struct mqk *m;
	struct mqk_consumer *c;
	/* received and not settled */
	struct mqk_msg held[256];
	uint32_t nr_held;
	/* of each producer, the last one that came for the first time, and 1 */
	uint32_t last[THREADS_MAX];
	uint32_t received;
	bool stop;
};

static void open_consumer(struct reader *r)
{
	struct mqk_consumer_opts o = {
		.sz = sizeof(o),
		.prefetch = plan.prefetch,
		.entries = plan.entries,
		.noack = plan.noack,
		.spin_ns = plan.sleep == SPINNING ? 20000 : 0,
	};

	MUST(!mqk_consume(r->m, queue_name(r->queue), &o, &r->c));
}

static void count_accepted(struct reader *r, const struct mqk_msg *msg)
{
	const struct body *b = msg->payload;
	uint32_t producer = b->producer, n = b->n;

	if (!whole(msg))
		wrong("overwritten before it was settled", producer, n);
	if (producer == STOP) {
		r->stop = true;
		return;
	}
	if (__atomic_add_fetch(&accepted[r->queue][producer][n], 1, __ATOMIC_RELAXED) != 1)
		wrong("accepted twice", producer, n);
	__atomic_add_fetch(&settled[producer], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&progress, 1, __ATOMIC_RELAXED);
}

static void ack_held(struct reader *r)
{
	uint64_t tag;
	uint32_t i;

	if (!r->nr_held)
		return;
	for (i = 0; i < r->nr_held; i++)
		count_accepted(r, &r->held[i]);
	tag = r->held[r->nr_held - 1].d.tag;
	if (r->nr_held == 1)
		MUST(!mqk_ack(r->c, tag));
	else
		MUST(!mqk_ack_multiple(r->c, tag));
	r->nr_held = 0;
}

static void check_message(struct reader *r, const struct mqk_msg *msg)
{
	const struct body *b = msg->payload;
	bool again = msg->d.flags & MQK_DELIVERY_F_REDELIVERED;

	if (!whole(msg)) {
		wrong("not whole", msg->d.seq, msg->d.ref);
		abort();
	}
	MUST(msg->d.queue == queue_id[r->queue]);
	MUST(again == !!msg->d.count);
	MUST(plan.requeue || plan.reopen || !again);
	MUST(!(msg->d.flags & MQK_DELIVERY_F_SETTLED) == !plan.noack);
	if (b->producer == STOP || again)
		return;
	/* those of one producer come in order, and to a single reader all of them */
	if (b->n < r->last[b->producer])
		wrong("out of order", b->producer, b->n);
	if (plan.consumers == 1 && !plan.reopen && b->n != r->last[b->producer])
		wrong("left out", b->producer, b->n);
	r->last[b->producer] = b->n + 1;
}

static void take(struct reader *r, const struct mqk_msg *msg)
{
	check_message(r, msg);
	r->received++;
	if (plan.noack) {
		count_accepted(r, msg);
		return;
	}
	if (plan.requeue && random_below(&r->random, plan.requeue) == 0) {
		/* also those before it, or it alone */
		bool multiple = random_below(&r->random, 2);

		if (multiple)
			r->nr_held = 0;
		MUST(!mqk_nack(r->c, msg->d.tag, true, multiple));
		/* Before poll(2), which does not take what was acknowledged. */
		if (plan.sleep == IN_POLL)
			MUST(mqk_settle(r->c) >= 0);
		return;
	}
	r->held[r->nr_held++] = *msg;
	if (r->nr_held >= 1 + random_below(&r->random, plan.hold))
		ack_held(r);
}

/* Closed with messages in hand: these, and what is in its ring, go back. */
static void reopen(struct reader *r)
{
	if (random_below(&r->random, 2))
		ack_held(r);
	r->nr_held = 0;
	if (random_below(&r->random, 4) == 0)
		MUST(!mqk_cancel(r->c));
	mqk_consumer_close(r->c);
	open_consumer(r);
}

static void *consumer(void *arg)
{
	struct reader *r = arg;
	struct mqk_msg msg;
	int ret;

	while (!r->stop) {
		ret = mqk_next(r->c, &msg);
		if (!ret && r->nr_held) {
			ack_held(r);
			continue;
		}
		if (!ret && plan.sleep == IN_POLL)
			user_poll(r->m);
		else if (!ret)
			ret = mqk_recv(r->c, &msg, MQK_FOREVER);
		MUST(ret >= 0);
		if (ret < 0)
			break;
		if (ret)
			take(r, &msg);
		if (plan.reopen && !r->stop && random_below(&r->random, plan.reopen) == 0)
			reopen(r);
	}
	/* at once: it may hold what another one waits for */
	mqk_consumer_close(r->c);
	mqk_close(r->m);
	return NULL;
}

/* ---- the others ---- */

static bool finished, no_more_changes;

/* Nobody may stand still for so long. */
static void *watchdog(void *arg)
{
	uint64_t last = 0, now;
	uint32_t still = 0;

	while (!__atomic_load_n(&finished, __ATOMIC_RELAXED)) {
		usleep(50000);
		now = __atomic_load_n(&progress, __ATOMIC_RELAXED);
		still = now == last ? still + 1 : 0;
		last = now;
		if (still < PATIENCE * 20)
			continue;
		fprintf(stderr, "no progress after %llu messages\n", (unsigned long long)now);
		kernel_dump();
		_exit(1);
	}
	return NULL;
}

static void *prefetch_changer(void *arg)
{
	struct reader *r = arg;
	struct random random = random_from(77);

	while (!__atomic_load_n(&no_more_changes, __ATOMIC_RELAXED)) {
		MUST(!mqk_consumer_prefetch(r->c, 1 + random_below(&random, plan.entries)));
		usleep(200);
	}
	return NULL;
}

static bool no_more_churn;

/* Queues that get everything, for a short life. */
static void *churner(void *arg)
{
	struct random r = random_from(88);
	struct mqk *m;
	char name[8];

	MUST(!mqk_open(NODE, 0, &m));
	while (!__atomic_load_n(&no_more_churn, __ATOMIC_RELAXED)) {
		snprintf(name, sizeof(name), "c%u", random_below(&r, 4));
		if (random_below(&r, 2)) {
			MUST(!mqk_queue_declare(m, name, NULL, NULL));
			MUST(!mqk_bind(m, "amq.fanout", name, NULL, 0, NULL, 0));
		} else {
			int err = mqk_queue_delete(m, name, 0, NULL);

			MUST(!err || err == -ENOENT);
		}
		if (random_below(&r, 4) == 0)
			usleep(random_below(&r, 100));
	}
	mqk_close(m);
	return NULL;
}

static void make_topology(struct mqk *m)
{
	struct mqk_queue_info info = { .sz = sizeof(info) };
	uint32_t i;

	for (i = 0; i < plan.queues; i++) {
		MUST(!mqk_queue_declare(m, queue_name(i), NULL, &info));
		queue_id[i] = info.id;
		MUST(!mqk_bind(m, "amq.fanout", queue_name(i), NULL, 0, NULL, 0));
	}
	MUST(!mqk_exchange_id(m, "amq.fanout", &exchange));
}

/* As many as there are readers; each takes one, and returns others. */
static void send_stops(struct mqk *m)
{
	struct body stop = { .producer = STOP, .check = ~0u };
	struct mqk_port *p;
	uint32_t i;

	MUST(!user_port_open(m, NULL, &p));
	for (i = 0; i < plan.consumers; i++)
		MUST(!mqk_publish(p, exchange, "k", 1, &stop, sizeof(stop), 0));
	user_port_close(p);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* MQK_TIMES=10 for a long run. */
static uint32_t times(void)
{
	const char *text = getenv("MQK_TIMES");

	return text ? strtoul(text, NULL, 0) : 1;
}

static void run(struct plan with)
{
	static struct reader readers[THREADS_MAX];
	pthread_t producers[THREADS_MAX], consumers[THREADS_MAX], dog, changer, churn;
	uint64_t start = now_ms(), total, ms;
	uint32_t i, q, k, nr_readers;
	unsigned long calls = user_calls();
	struct mqk *m;

	plan = with;
	plan.producers = plan.producers ? plan.producers : 1;
	plan.consumers = plan.consumers ? plan.consumers : 1;
	plan.queues = plan.queues ? plan.queues : 1;
	plan.hold = plan.hold ? plan.hold : 1;
	plan.messages = plan.messages * times() / SCALE / plan.producers;
	progress = bad = 0;
	finished = no_more_changes = no_more_bells = no_more_churn = false;
	memset(settled, 0, sizeof(settled));
	memset(readers, 0, sizeof(readers));
	kernel_start(0, true);
	MUST(!mqk_open(NODE, 0, &m));
	make_topology(m);
	for (q = 0; q < plan.queues; q++)
		for (i = 0; i < plan.producers; i++)
			accepted[q][i] = calloc(plan.messages, 1);

	pthread_create(&dog, NULL, watchdog, NULL);
	for (nr_readers = q = 0; q < plan.queues; q++) {
		for (i = 0; i < plan.consumers; i++) {
			struct reader *r = &readers[nr_readers];

			r->queue = q;
			r->random = random_from(nr_readers);
			MUST(!mqk_open(NODE, MQK_OPEN_CONSUME, &r->m));
			open_consumer(r);
			pthread_create(&consumers[nr_readers++], NULL, consumer, r);
		}
	}
	for (i = 0; i < plan.producers; i++)
		pthread_create(&producers[i], NULL, producer, (void *)(uintptr_t)i);
	if (plan.prefetch_changes)
		pthread_create(&changer, NULL, prefetch_changer, &readers[0]);
	if (plan.churn)
		pthread_create(&churn, NULL, churner, NULL);
	for (i = 0; i < plan.producers; i++)
		pthread_join(producers[i], NULL);
	if (plan.churn) {
		__atomic_store_n(&no_more_churn, true, __ATOMIC_RELAXED);
		pthread_join(churn, NULL);
	}
	total = (uint64_t)plan.messages * plan.producers * plan.queues;
	while (__atomic_load_n(&progress, __ATOMIC_RELAXED) < total)
		usleep(1000);
	if (plan.prefetch_changes) {
		__atomic_store_n(&no_more_changes, true, __ATOMIC_RELAXED);
		pthread_join(changer, NULL);
	}
	send_stops(m);
	for (i = 0; i < nr_readers; i++)
		pthread_join(consumers[i], NULL);
	__atomic_store_n(&finished, true, __ATOMIC_RELAXED);
	pthread_join(dog, NULL);

	for (q = 0; q < plan.queues; q++) {
		for (i = 0; i < plan.producers; i++) {
			for (k = 0; k < plan.messages; k++)
				if (accepted[q][i][k] != 1)
					wrong("accepted so often", k, accepted[q][i][k]);
			free(accepted[q][i]);
		}
	}
	for (q = 0; q < plan.queues; q++)
		MUST(!mqk_queue_delete(m, queue_name(q), 0, NULL));
	MUST(plan.churn || kernel_used(MQK_RES_QUEUES) == 0);
	MUST(kernel_used(MQK_RES_CONSUMERS) == 0);
	mqk_close(m);
	MUST(plan.churn || kernel_used(MQK_RES_MESSAGES) == 0);
	MUST(plan.churn || kernel_used(MQK_RES_BYTES) == 0);
	CHECK_OK(kernel_stop());
	CHECK_EQ(bad, 0);
	ms = now_ms() - start;
	test_note("%llu messages, %lu calls, %llu per second", (unsigned long long)total,
		  user_calls() - calls, (unsigned long long)(total * 1000 / (ms ? ms : 1)));
}

/* ---- completions ---- */

#define CONFIRMS	100000u

static uint32_t confirm_window;

static bool is_mandatory(uint64_t seq)
{
	return seq % 5 == 0;
}

/* To an exchange that leads nowhere: what is mandatory is returned. */
static void *confirmed_producer(void *arg)
{
	struct mqk_port *p = arg;
	uint32_t n, count = CONFIRMS * times() / SCALE;
	void *to;
	int err;

	for (n = 1; n <= count; n++) {
		do {
			err = mqk_reserve(p, exchange, "k", 1, NULL, 0, n % 100,
					  is_mandatory(n) ? MQK_MSG_F_MANDATORY : 0, &to);
			if (err == -EAGAIN)
				sched_yield();
		} while (err == -EAGAIN);
		MUST(!err);
		err = mqk_commit(p);
		MUST(!err || err == -EAGAIN);
		while (n - __atomic_load_n(&progress, __ATOMIC_RELAXED) >= confirm_window) {
			mqk_flush(p);
			sched_yield();
		}
	}
	while ((err = mqk_flush(p)) == -EAGAIN)
		sched_yield();
	MUST(err >= 0);
	return NULL;
}

/*
 * The library allows one thread at a time; but what publishes and what reads
 * completions has nothing in common but the rings.
 */
static void read_completions(struct mqk *m, struct mqk_port *p, bool poll)
{
	uint64_t confirmed = 0, returned = 0, count = CONFIRMS * times() / SCALE;
	struct mqk_completion done;

	while (confirmed < count) {
		int ret = mqk_completion_next(p, &done);

		MUST(ret >= 0);
		if (!ret && poll)
			user_poll(m);
		else if (!ret)
			MUST(mqk_port_wait(p, MQK_FOREVER) == 1);
		if (ret <= 0)
			continue;
		MUST(done.seq > confirmed && done.seq <= count);
		if (done.type == MQK_COMPLETION_RETURN) {
			MUST(is_mandatory(done.seq) && done.seq == returned + 5);
			MUST(done.result == -ENOENT);
			returned = done.seq;
		} else {
			MUST(done.type == MQK_COMPLETION_CONFIRM);
			MUST(!(done.flags & MQK_COMPLETION_F_MULTIPLE) ==
			     (done.seq == confirmed + 1));
			/* the returns came before */
			MUST(returned == done.seq - done.seq % 5);
			confirmed = done.seq;
			__atomic_store_n(&progress, confirmed, __ATOMIC_RELAXED);
		}
	}
	MUST(mqk_completion_next(p, &done) == 0);
	MUST(mqk_port_confirmed(p) == count);
}

static void confirm(bool poll, uint32_t batch, uint32_t window)
{
	struct mqk_port_opts o = {
		.sz = sizeof(o), .inplace = true, .confirm = true, .entries = 16, .batch = batch,
	};
	pthread_t thread, dog;
	struct mqk_port *p;
	struct mqk *m;

	progress = bad = 0;
	finished = false;
	confirm_window = window;
	kernel_start(0, true);
	MUST(!mqk_open(NODE, 0, &m));
	MUST(!mqk_exchange_id(m, "amq.fanout", &exchange));
	MUST(!user_port_open(m, &o, &p));
	pthread_create(&dog, NULL, watchdog, NULL);
	pthread_create(&thread, NULL, confirmed_producer, p);
	read_completions(m, p, poll);
	pthread_join(thread, NULL);
	__atomic_store_n(&finished, true, __ATOMIC_RELAXED);
	pthread_join(dog, NULL);
	user_port_close(p);
	mqk_close(m);
	CHECK_OK(kernel_stop());
	CHECK_EQ(bad, 0);
}

static void confirms(void)
{
	confirm(false, 1, 1);
}

static void confirms_in_poll(void)
{
	confirm(true, 3, 50);
}

#define RUN(name, ...)	static void name(void) { run((struct plan){ __VA_ARGS__ }); }

RUN(one_by_one, .messages = 100000, .window = 1, .prefetch = 1, .entries = 16)
RUN(one_by_one_in_poll, .messages = 60000, .window = 1, .entries = 16, .sleep = IN_POLL)
RUN(one_credit, .messages = 100000, .window = 8, .prefetch = 1, .entries = 16)
RUN(one_credit_in_poll, .messages = 100000, .window = 3, .prefetch = 1, .entries = 16,
    .sleep = IN_POLL)
RUN(few_credits, .messages = 300000, .window = 20, .prefetch = 3, .entries = 16, .hold = 3,
    .batch = 4)
RUN(few_credits_in_poll, .messages = 200000, .window = 9, .prefetch = 4, .entries = 16, .hold = 6,
    .sleep = IN_POLL)
RUN(spinning, .messages = 20000, .window = 4, .entries = 16, .hold = 4, .sleep = SPINNING)
RUN(many, .messages = 600000, .producers = 2, .consumers = 2, .window = 64, .prefetch = 16,
    .entries = 64, .hold = 8, .batch = 7)
RUN(wide, .messages = 2000000, .window = 2000, .entries = 1024, .hold = 200, .batch = 50)
RUN(noack, .messages = 200000, .window = 50, .entries = 16, .noack = true, .batch = 3)
RUN(noack_wide, .messages = 600000, .window = 3000, .entries = 256, .noack = true, .batch = 20)
RUN(noack_one_by_one, .messages = 60000, .window = 1, .entries = 16, .noack = true)
RUN(noack_in_poll, .messages = 100000, .window = 33, .entries = 16, .noack = true,
    .sleep = IN_POLL)
RUN(requeue, .messages = 60000, .window = 16, .prefetch = 6, .entries = 16, .hold = 4,
    .requeue = 6)
RUN(requeue_many, .messages = 60000, .consumers = 2, .window = 20, .prefetch = 2, .entries = 16,
    .hold = 2, .requeue = 4, .sleep = IN_POLL)
RUN(come_and_go, .messages = 60000, .consumers = 2, .window = 40, .prefetch = 8, .entries = 16,
    .hold = 8, .reopen = 100)
RUN(fan_out, .messages = 60000, .queues = 3, .window = 10, .prefetch = 4, .entries = 16,
    .hold = 4)
RUN(fan_out_copies, .messages = 60000, .queues = 3, .window = 30, .entries = 64, .hold = 9,
    .copies = true)
RUN(bell, .messages = 200000, .window = 100, .entries = 64, .hold = 20, .bell = true,
    .batch = MQK_BATCH_MANUAL)
RUN(churn, .messages = 60000, .producers = 2, .window = 10, .entries = 16, .hold = 4, .churn = true)
RUN(churn_copies, .messages = 60000, .window = 10, .entries = 16, .hold = 4, .churn = true,
    .copies = true)
RUN(prefetch_changes, .messages = 100000, .window = 300, .prefetch = 8, .entries = 256,
    .hold = 40, .prefetch_changes = true, .sleep = IN_POLL)

static const struct test tests[] = {
	{ "one message at a time", one_by_one },
	{ "one message at a time, in poll", one_by_one_in_poll },
	{ "one credit", one_credit },
	{ "one credit, in poll", one_credit_in_poll },
	{ "few credits", few_credits },
	{ "few credits, in poll", few_credits_in_poll },
	{ "a reader that spins", spinning },
	{ "two producers, two readers", many },
	{ "many at a time", wide },
	{ "no acknowledgements", noack },
	{ "no acknowledgements, many at a time", noack_wide },
	{ "no acknowledgements, one message at a time", noack_one_by_one },
	{ "no acknowledgements, in poll", noack_in_poll },
	{ "some go back", requeue },
	{ "some go back, two readers in poll", requeue_many },
	{ "readers come and go", come_and_go },
	{ "three queues", fan_out },
	{ "copies to three queues", fan_out_copies },
	{ "another thread rings the doorbell", bell },
	{ "queues come and go", churn },
	{ "queues come and go under copies", churn_copies },
	{ "confirms", confirms },
	{ "confirms, in poll", confirms_in_poll },
	{ "the credit changes", prefetch_changes },
};

TEST_MAIN(tests)
