// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX message queues, one per direction.  They know no batches.  Spinning
 * opens them with O_NONBLOCK and asks again.
 *
 * The default limits (10 messages of 8 KiB) are lifted as far as the system
 * allows: root may have messages of 16 MiB, and RLIMIT_MSGQUEUE is raised.
 */
#include "bench.h"
#include "clock.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct state {
	mqd_t queue[2];
};

static void finish(struct link *l)
{
	struct state *s = l->state;
	int i;

	if (!s)
		return;
	for (i = 0; i < 2; i++)
		if (s->queue[i] != (mqd_t)-1)
			mq_close(s->queue[i]);
	free(s);
}

static void raise_limit(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MSGQUEUE, &limit) &&
	    !getrlimit(RLIMIT_MSGQUEUE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_MSGQUEUE, &limit);
	}
}

/* A queue with a name that is gone at once. */
static mqd_t queue_open(const struct test *t, int i, long depth)
{
	struct mq_attr attr = {
		.mq_maxmsg = depth,
		.mq_msgsize = (long)t->size,
	};
	int flags = O_RDWR | O_CREAT | O_EXCL |
		    (t->wait == WAIT_SPIN ? O_NONBLOCK : 0);
	char name[64];
	mqd_t q;

	snprintf(name, sizeof(name), "/mqk-bench-%d-%d", (int)getpid(), i);
	q = mq_open(name, flags, 0600, &attr);
	if (q != (mqd_t)-1)
		mq_unlink(name);
	return q;
}

static int prepare(struct link *l)
{
	struct state *s = calloc(1, sizeof(*s));
	long depth;
	int i;

	if (!s)
		return -ENOMEM;
	l->state = s;
	s->queue[0] = s->queue[1] = (mqd_t)-1;
	raise_limit();
	for (i = 0; i < 2; i++) {
		for (depth = link_depth(l->test); depth; depth /= 2) {
			s->queue[i] = queue_open(l->test, i, depth);
			if (s->queue[i] != (mqd_t)-1 ||
			    (errno != EINVAL && errno != EMFILE))
				break;
		}
		if (s->queue[i] == (mqd_t)-1)
			return link_fail(l, errno, "mq_open");
	}
	return 0;
}

static const char *why_not(const struct test *t)
{
	mqd_t q;

	raise_limit();
	q = queue_open(t, 2, 1);
	if (q == (mqd_t)-1) {
		if (errno == ENOSYS)
			return "this kernel has no message queues";
		if (errno == EINVAL)
			return "fs.mqueue.msgsize_max is smaller (root may have more)";
		if (errno == EMFILE)
			return "RLIMIT_MSGQUEUE is smaller (root may have more)";
		return NULL;	/* let it fail */
	}
	mq_close(q);
	return NULL;
}

static int mqueue_send(struct link *l, uint64_t seq, uint32_t n)
{
	const struct state *s = l->state;

	(void)n;
	message_fill(l->out, l->test->size, seq);
	while (mq_send(s->queue[l->side], (const char *)l->out, l->test->size, 0)) {
		if (errno != EAGAIN && errno != EINTR)
			return link_fail(l, errno, "mq_send");
		clock_relax();
	}
	return 0;
}

static int mqueue_recv(struct link *l, uint64_t seq, uint32_t max)
{
	const struct state *s = l->state;
	ssize_t ret;

	(void)max;
	while ((ret = mq_receive(s->queue[!l->side], (char *)l->in, l->test->size, NULL)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return link_fail(l, errno, "mq_receive");
		clock_relax();
	}
	if (ret != (ssize_t)l->test->size)
		return link_fail(l, 0, "a message of %zd bytes", ret);
	return message_check(l->in, l->test->size, seq) ? 1 : link_bad(l, l->in, seq);
}

const struct mech mech_mqueue = {
	.name = "mqueue",
	.prepare = prepare,
	.why_not = why_not,
	.send = mqueue_send,
	.recv = mqueue_recv,
	.finish = finish,
};
