// SPDX-License-Identifier: GPL-2.0-only
/*
 * Latency is half of a ping-pong: side 0 sends a message, side 1 checks it and
 * sends one of its own of the same size by the same mechanism, side 0 checks
 * that.  There is never more than one message under way.  Both readings come
 * from one clock of one processor.
 *
 * Throughput is counted at the receiver, from some time after its first message
 * until the last one.
 *
 * A fifth of the time goes before anything is measured.
 */
#include "pair.h"
#include "clock.h"
#include "options.h"
#include "stats.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"

/* So many at least, on a machine that is busy with other things, ... */
#define SAMPLES_MIN	20
/* ... if they come in this time. */
#define PATIENCE	(10 * SECOND)

static struct pair *pair;

int link_fail(struct link *l, int err, const char *format, ...)
{
	char *text = l->side < 0 ? l->pair->error[0] : l->pair->error[l->side];
	size_t room = sizeof(l->pair->error[0]), n;
	va_list args;

	va_start(args, format);
	vsnprintf(text, room, format, args);
	va_end(args);
	n = strlen(text);
	if (err)
		snprintf(text + n, room - n, ": %s", strerror(err < 0 ? -err : err));
	return err < 0 ? err : err > 0 ? -err : -EIO;
}

int link_bad(struct link *l, const void *p, uint64_t seq)
{
	message_complain(l->pair->error[l->side], sizeof(l->pair->error[0]), p,
			 l->test->size, seq);
	return -EBADMSG;
}

/* A power of two: 4 MiB, at least 8 and two batches, at most 1024 messages. */
uint32_t link_depth(const struct test *t)
{
	uint32_t depth = (4u << 20) / t->size;

	if (depth > 1024)
		depth = 1024;
	if (depth < 8)
		depth = 8;
	if (depth < 2 * t->batch)
		depth = 2 * t->batch;
	return depth;
}

int pair_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

void pair_pin(int n)
{
	cpu_set_t set, one;
	int cpu, seen = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	n %= CPU_COUNT(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set) || seen++ < n)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static uint64_t measured_ns(void)
{
	return (uint64_t)(options.time * (double)SECOND);
}

static uint64_t warmup_ns(void)
{
	return measured_ns() / 5;
}

/* Receive and check exactly one message. */
static int receive_one(struct link *l, uint64_t seq)
{
	int n = l->test->mech->recv(l, seq, 1);

	return n < 0 ? n : n == 1 ? 0 : link_fail(l, 0, "received %d messages", n);
}

static int latency_ask(struct link *l)
{
	static struct histogram h;
	struct outcome *out = &l->pair->outcome;
	uint64_t start = clock_now(), seq = 1, t0, t1, ends;
	bool last = false;
	int err;

	ends = start + warmup_ns() + measured_ns();
	for (t1 = start; !last; seq++) {
		t0 = clock_now();
		last = t0 >= ends && (h.count >= SAMPLES_MIN || t0 - start >= PATIENCE);
		if (last)
			atomic_store(&l->pair->last, seq);
		err = l->test->mech->send(l, seq, 1);
		if (err >= 0)
			err = receive_one(l, seq);
		if (err < 0)
			return err;
		t1 = clock_now();
		if (t0 - start >= warmup_ns() && !last)
			histogram_add(&h, (t1 - t0) / 2);
	}
	if (!h.count)
		return link_fail(l, 0, "no message in %g s", options.time);
	out->messages = h.count;
	out->p50 = histogram_percentile(&h, 0.5);
	out->p99 = histogram_percentile(&h, 0.99);
	out->p999 = histogram_percentile(&h, 0.999);
	return 0;
}

static int latency_answer(struct link *l)
{
	uint64_t seq;
	bool last;
	int err;

	for (seq = 1; ; seq++) {
		err = receive_one(l, seq);
		if (err < 0)
			return err;
		/* Before the answer: behind it side 0 may end. */
		last = atomic_load(&l->pair->last) == seq;
		err = l->test->mech->send(l, seq, 1);
		if (err < 0)
			return err;
		if (last)
			return 0;
	}
}

/* Messages between two looks at the clock. */
static uint32_t clock_interval(const struct test *t)
{
	uint32_t n = (256u << 10) / t->size;

	return n > 64 ? 64 : n ? n : 1;
}

/* The receiver says when it is enough. */
static int throughput_send(struct link *l)
{
	uint32_t n = l->test->batch, look = clock_interval(l->test);
	uint64_t seq = 1, next = 1;
	uint64_t ends = clock_now() + measured_ns() + PATIENCE;
	bool last = false;
	int err;

	while (!last) {
		if (seq >= next) {
			last = atomic_load_explicit(&l->pair->enough,
						    memory_order_relaxed) ||
			       clock_now() >= ends;
			next = seq + look;
		}
		if (last)
			atomic_store(&l->pair->last, seq + n - 1);
		err = l->test->mech->send(l, seq, n);
		if (err < 0)
			return err;
		seq += n;
	}
	return 0;
}

static int throughput_receive(struct link *l)
{
	uint32_t look = clock_interval(l->test);
	uint64_t seq = 1, next = 1, begin = 0, first = 0, start = 0, now;
	struct outcome *out = &l->pair->outcome;
	int n;

	do {
		n = l->test->mech->recv(l, seq, l->test->batch);
		if (n <= 0)
			return n ? n : link_fail(l, 0, "received nothing");
		seq += (uint64_t)n;
		if (seq < next)
			continue;
		next = seq + look;
		now = clock_now();
		if (!begin)
			begin = now;
		if (!first && now - begin >= warmup_ns()) {
			start = now;
			first = seq;
		} else if (first && now - start >= measured_ns()) {
			atomic_store(&l->pair->enough, 1);
		}
	} while (seq - 1 != atomic_load_explicit(&l->pair->last,
						 memory_order_relaxed));
	now = clock_now();
	if (!first || seq == first)
		return link_fail(l, 0, "too few messages in %g s", options.time);
	out->messages = seq - first;
	out->rate = (double)(seq - first) * (double)SECOND / (double)(now - start);
	return 0;
}

static int run_side(struct link *l)
{
	const struct test *t = l->test;
	int err;

	pair_pin(l->side);
	if (t->mech->join) {
		err = t->mech->join(l);
		if (err < 0)
			return err;
	}
	atomic_fetch_add(&l->pair->joined, 1);
	while (atomic_load(&l->pair->joined) < 2)
		usleep(100);
	if (t->metric == METRIC_LATENCY)
		return l->side ? latency_answer(l) : latency_ask(l);
	return l->side ? throughput_receive(l) : throughput_send(l);
}

static pid_t start_side(struct link *l, int side)
{
	pid_t parent = getpid(), pid = fork();
	int err;

	if (pid)
		return pid;
	/* SIGTERM would run what is for the parent. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	l->side = side;
	err = run_side(l);
	if (err < 0 && !l->pair->error[side][0])
		link_fail(l, err, "side %d", side);
	_exit(err < 0);
}

/* Wait until @pid ends, at most until @deadline; kills it then. */
static int end_side(pid_t pid, uint64_t deadline)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_now() >= deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		usleep(500);
	}
	if (WIFSIGNALED(status))
		return -WTERMSIG(status) - 1;
	return WEXITSTATUS(status);
}

static const char *end_text(int status)
{
	return status == -1 ? "was not done in time" :
	       status < 0 ? strsignal(-status - 1) : "failed without a word";
}

/* Take both processes in; the second is given a moment once the first failed. */
static int end_both(const pid_t *pid, char *error, size_t room)
{
	uint64_t limit = clock_now() + 2 * PATIENCE + 2 * measured_ns();
	int status[2], first = -1, side, bad;

	/* Whichever ends first: it may be the one that failed. */
	while (first < 0 && clock_now() < limit) {
		siginfo_t info = { 0 };

		waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG);
		if (info.si_pid == pid[0] || info.si_pid == pid[1])
			first = info.si_pid == pid[1];
		else
			usleep(500);
	}
	if (first < 0)
		first = 0;
	status[first] = end_side(pid[first], limit);
	if (status[first])
		limit = clock_now() + SECOND / 10;
	status[!first] = end_side(pid[!first], limit);
	if (!status[0] && !status[1])
		return 0;
	bad = status[first] ? first : !first;
	side = pair->error[bad][0] ? bad : pair->error[!bad][0] ? !bad : -1;
	if (side >= 0)
		snprintf(error, room, "%s", pair->error[side]);
	else
		snprintf(error, room, "side %d %s", bad, end_text(status[bad]));
	return -1;
}

static int buffers(struct link *l)
{
	size_t size = (size_t)l->test->size * l->test->batch;

	/* Touched here, so that no test pays for the first touch. */
	l->out = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
	l->in = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
	if (!l->out || !l->in)
		return -ENOMEM;
	memset(l->out, 0x55, size);
	memset(l->in, 0xaa, size);
	return 0;
}

int pair_run(const struct test *t, struct outcome *out, char *error, size_t room)
{
	struct link l = { .test = t, .side = -1 };
	pid_t pid[2];
	int err;

	if (!pair) {
		pair = mmap(NULL, sizeof(*pair), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (pair == MAP_FAILED)
			abort();
	}
	memset(pair, 0, sizeof(*pair));
	l.pair = pair;
	fflush(NULL);
	err = buffers(&l);
	if (!err)
		err = t->mech->prepare(&l);
	if (err < 0) {
		if (!pair->error[0][0])
			link_fail(&l, err, "prepare");
		snprintf(error, room, "%s", pair->error[0]);
		goto finish;
	}
	pid[0] = start_side(&l, 0);
	pid[1] = pid[0] > 0 ? start_side(&l, 1) : -1;
	if (pid[1] < 0) {
		snprintf(error, room, "fork: %s", strerror(errno));
		err = -1;
		if (pid[0] > 0)
			end_side(pid[0], 0);
		goto finish;
	}
	err = end_both(pid, error, room);
	if (!err)
		*out = pair->outcome;
finish:
	t->mech->finish(&l);
	free(l.out);
	free(l.in);
	return err;
}
