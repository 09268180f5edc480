// SPDX-License-Identifier: GPL-2.0-only
#include "icount.h"
#include "broker.h"
#include "clock.h"
#include "loop.h"
#include "message.h"
#include "options.h"
#include "result.h"
#include "rules.h"
#include "scale.h"

#include <errno.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE		64u
#define KEY		"key"
#define SAMPLES		7
/* As many messages as a segment of 1 MiB has records of 64 bytes. */
#define MESSAGES	8192u
#define NOTES_MAX	64
/* Batches acknowledged as a whole. */
#define MULTIPLE	"inplace-64-32-multiple"

static struct {
	char name[40];
	double value;
} notes[NOTES_MAX];
static size_t noted;

void icount_note(const char *name, double value)
{
	if (noted == NOTES_MAX)
		return;
	snprintf(notes[noted].name, sizeof(notes[0].name), "%s", name);
	notes[noted++].value = value;
}

double icount_value(const char *name)
{
	size_t i;

	for (i = 0; i < noted; i++)
		if (!strcmp(notes[i].name, name))
			return notes[i].value;
	return -1;
}

const char *icount_next(size_t i, double *value)
{
	if (i >= noted)
		return NULL;
	*value = notes[i].value;
	return notes[i].name;
}

void icount_print(void)
{
	double value;
	const char *name;
	size_t i;

	printf("\n  %-24s %14s\n", "case", "instructions");
	for (i = 0; (name = icount_next(i, &value)); i++)
		printf("  %-24s %14.0f%s\n", name, value,
		       strstr(name, "-bytes") ? " bytes" : "");
}

bool icount_wanted(const char *name)
{
	return options_match(name) && (!options.budget || budget_wants(name));
}

/*
 * A turn of the loop has two instructions: 2 ns if the clock counts them.  An
 * interrupt can only make it longer.
 */
bool icount_clock(void)
{
	uint64_t turns = 100000, least = UINT64_MAX, start, ns, left;
	int try;

	for (try = 0; try < 20; try++) {
		left = turns;
		start = clock_now();
		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(left) : : "cc");
		ns = clock_now() - start;
		if (ns < least)
			least = ns;
	}
	return least >= 2 * turns - turns / 50 && least <= 2 * turns + turns / 50;
}

/* --- the kernel's own ------------------------------------------------------- */

struct plain {
	mqd_t queue;
	int in, out;
	uint64_t seq;
};

static int getppid_pass(void *arg, uint64_t n)
{
	(void)arg;
	for (; n; n--)
		syscall(SYS_getppid);
	return 0;
}

/* A call that no broker's node has: to the module and back. */
static int ioctl_pass(void *arg, uint64_t n)
{
	int fd = *(int *)arg;

	for (; n; n--)
		if (ioctl(fd, _IO(MQK_IOC_MAGIC, 0xff), 0) != -1)
			return loop_fail(NULL, -EIO, "an unknown call was taken");
	return 0;
}

static int check(const void *buf, ssize_t len, uint64_t seq)
{
	if (len == (ssize_t)SIZE && message_stamped(buf, SIZE, seq))
		return 0;
	return loop_fail(NULL, -EBADMSG, "message");
}

static int mqueue_pass(void *arg, uint64_t n)
{
	struct plain *p = arg;
	char buf[SIZE];
	ssize_t len;

	for (; n; n--) {
		message_stamp(buf, SIZE, ++p->seq);
		if (mq_send(p->queue, buf, SIZE, 0))
			return loop_fail(NULL, -errno, "mq_send");
		len = mq_receive(p->queue, buf, SIZE, NULL);
		if (check(buf, len, p->seq))
			return -EBADMSG;
	}
	return 0;
}

static int socket_pass(void *arg, uint64_t n)
{
	struct plain *p = arg;
	char buf[SIZE];
	ssize_t len;

	for (; n; n--) {
		message_stamp(buf, SIZE, ++p->seq);
		if (send(p->out, buf, SIZE, 0) != SIZE)
			return loop_fail(NULL, -errno, "send");
		len = recv(p->in, buf, SIZE, 0);
		if (check(buf, len, p->seq))
			return -EBADMSG;
	}
	return 0;
}

static int pipe_pass(void *arg, uint64_t n)
{
	struct plain *p = arg;
	char buf[SIZE];
	ssize_t len;

	for (; n; n--) {
		message_stamp(buf, SIZE, ++p->seq);
		if (write(p->out, buf, SIZE) != SIZE)
			return loop_fail(NULL, -errno, "write");
		len = read(p->in, buf, SIZE);
		if (check(buf, len, p->seq))
			return -EBADMSG;
	}
	return 0;
}

static int open_mqueue(struct plain *p)
{
	struct mq_attr attr = { .mq_maxmsg = 8, .mq_msgsize = SIZE };
	char name[40];

	snprintf(name, sizeof(name), "/mqk-bench-%d", (int)getpid());
	p->queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (p->queue == (mqd_t)-1)
		return -errno;
	mq_unlink(name);
	return 0;
}

static int failed;

static void count(const char *name, const char *mechanism, uint32_t batch,
		  int (*pass)(void *, uint64_t), void *arg)
{
	struct result r = {
		.mechanism = mechanism,
		.wait = "spin",
		.metric = "instructions_per_msg",
		.size = SIZE,
		.batch = batch,
		.n = 1,
	};

	if (!icount_wanted(name))
		return;
	if (loop_cost(pass, arg, MESSAGES, SAMPLES, &r.value)) {
		printf("# FAILED: %s: %s\n", name, loop_error());
		failed++;
		return;
	}
	if (!strcmp(name, mechanism)) {
		r.mechanism = "syscall";
		r.scale = name;
		r.size = 0;
	}
	if (!strcmp(name, MULTIPLE))
		r.scale = "acknowledged-at-once";
	result_add(&r);
	icount_note(name, r.value);
}

static void count_plain(void)
{
	struct plain p = { .seq = 0 };
	int fd[2];

	count("getppid", "getppid", 1, getppid_pass, NULL);
	if (open_mqueue(&p)) {
		printf("# skipped: mqueue-64: %s\n", strerror(errno));
	} else {
		count("mqueue-64", "mqueue", 1, mqueue_pass, &p);
		mq_close(p.queue);
	}
	if (!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd)) {
		p.in = fd[0];
		p.out = fd[1];
		count("seqpacket-64", "seqpacket", 1, socket_pass, &p);
		close(fd[0]);
		close(fd[1]);
	}
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) {
		p.in = fd[0];
		p.out = fd[1];
		count("stream-64", "stream", 1, socket_pass, &p);
		close(fd[0]);
		close(fd[1]);
	}
	if (!pipe(fd)) {
		p.in = fd[0];
		p.out = fd[1];
		count("pipe-64", "pipe", 1, pipe_pass, &p);
		close(fd[0]);
		close(fd[1]);
	}
}

/* --- mqk ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	const char *mechanism;
	bool copy;
	uint32_t batch;
	bool multiple;
} mqk_cases[] = {
	{ "inplace-64-1",  "mqk-inplace", false, 1, false },
	{ "inplace-64-32", "mqk-inplace", false, 32, false },
	{ "copy-64-1",     "mqk-copy",    true,  1, false },
	{ "copy-64-32",    "mqk-copy",    true,  32, false },
	{ MULTIPLE,	   "mqk-inplace", false, 32, true },
};

#define MQK_CASES	(sizeof(mqk_cases) / sizeof(mqk_cases[0]))

/* What a program does that publishes in place and receives: nothing else. */
static int inplace_pass(void *arg, uint64_t n)
{
	struct loop *l = arg;
	struct mqk_consumer *c = l->consumer;
	struct mqk_port *p = l->port;
	uint32_t batch = l->batch, i;
	struct mqk_msg msg;
	void *payload;
	int ret;

	for (; n; n -= batch) {
		for (i = 0; i < batch; i++) {
			ret = mqk_reserve(p, l->exchange, KEY, sizeof(KEY) - 1,
					  NULL, 0, SIZE, 0, &payload);
			if (ret)
				return loop_fail(l->from, ret, "reserve");
			message_stamp(payload, SIZE, ++l->sent);
			ret = mqk_commit(p);
			if (ret)
				return loop_fail(l->from, ret, "commit");
		}
		for (i = 0; i < batch; i++) {
			ret = mqk_next(c, &msg);
			if (ret != 1)
				ret = mqk_recv(c, &msg, LOOP_PATIENCE);
			if (ret != 1)
				return loop_fail(l->to, ret ? ret : -ETIMEDOUT, "receive");
			if (msg.d.payload_len != SIZE ||
			    !message_stamped(msg.payload, SIZE, ++l->received))
				return loop_fail(l->to, -EBADMSG, "message");
			ret = mqk_ack(c, msg.d.tag);
			if (ret)
				return loop_fail(l->to, ret, "ack");
		}
	}
	return 0;
}

static int loop_pass_any(void *arg, uint64_t n)
{
	return loop_pass(arg, n);
}

static int declare(struct mqk **m)
{
	int err = mqk_open(broker_name(), 0, m);

	if (!err)
		err = mqk_exchange_declare(*m, "count", MQK_EXCHANGE_DIRECT, NULL, NULL);
	if (!err)
		err = mqk_queue_declare(*m, "count", NULL, NULL);
	if (!err)
		err = mqk_bind(*m, "count", "count", MQK_STR(KEY), NULL, 0);
	return err ? loop_fail(*m, err, "declare") : 0;
}

static void count_mqk(void)
{
	const char *why = NULL;
	struct mqk *m = NULL;
	size_t i;
	int fd;

	if (broker_need(1u << 20, &why)) {
		printf("# skipped: mqk: %s\n", why);
		failed += options.budget;
		return;
	}
	if (declare(&m)) {
		printf("# FAILED: mqk: %s\n", loop_error());
		failed++;
		mqk_close(m);
		return;
	}
	fd = mqk_fd(m);
	count("ioctl", "ioctl", 1, ioctl_pass, &fd);
	for (i = 0; i < MQK_CASES; i++) {
		struct loop l = {
			.size = SIZE,
			.batch = mqk_cases[i].batch,
			.copy = mqk_cases[i].copy,
			.multiple = mqk_cases[i].multiple,
			.key = KEY,
		};

		if (!icount_wanted(mqk_cases[i].name))
			continue;
		if (loop_open(&l, "count", "count")) {
			printf("# FAILED: %s: %s\n", mqk_cases[i].name, loop_error());
			failed++;
		} else {
			count(mqk_cases[i].name, mqk_cases[i].mechanism, l.batch,
			      l.copy || l.multiple ? loop_pass_any : inplace_pass, &l);
		}
		loop_close(&l);
	}
	mqk_close(m);
}

void icount_list(void)
{
	size_t i;

	puts("getppid\nioctl\nmqueue-64\nseqpacket-64\nstream-64\npipe-64");
	for (i = 0; i < MQK_CASES; i++)
		puts(mqk_cases[i].name);
}

int icount_run(void)
{
	failed = 0;
	/*
	 * tools/vm/run has let the machine settle already; what started us has
	 * still to be cleared away.
	 */
	sleep(getenv("MQK_VM") ? 1 : 20);
	count_plain();
	count_mqk();
	if (options.scale) {
		failed += rules_run();
		/* last: it leaves the kernel much to clear away */
		failed += scale_run();
	}
	return failed;
}
