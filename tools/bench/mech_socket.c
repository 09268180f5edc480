// SPDX-License-Identifier: GPL-2.0-only
/*
 * AF_UNIX sockets that keep messages apart (SOCK_SEQPACKET): send() and recv(),
 * or sendmmsg() and recvmmsg() for batches.  Spinning asks with MSG_DONTWAIT.
 */
#include "bench.h"
#include "clock.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_MAX	64

struct state {
	int fd[2];		/* of side 0, of side 1 */
	int flags;
	struct mmsghdr out[BATCH_MAX], in[BATCH_MAX];
	struct iovec out_vec[BATCH_MAX], in_vec[BATCH_MAX];
};

static void finish(struct link *l)
{
	struct state *s = l->state;

	if (!s)
		return;
	if (s->fd[0] >= 0)
		close(s->fd[0]);
	if (s->fd[1] >= 0)
		close(s->fd[1]);
	free(s);
}

/* Room for @depth messages to be under way; less for an ordinary user. */
static int set_buffer(struct link *l, int fd)
{
	int want = (int)(link_depth(l->test) * l->test->size), got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &len))
		return link_fail(l, errno, "SO_SNDBUF");
	if (got < (int)l->test->size + 1024)
		return link_fail(l, 0, "a send buffer of %d bytes is all there is", got);
	return 0;
}

static int prepare(struct link *l)
{
	struct state *s = calloc(1, sizeof(*s));
	uint32_t size = l->test->size, i;

	if (!s)
		return -ENOMEM;
	s->fd[0] = s->fd[1] = -1;
	l->state = s;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->fd))
		return link_fail(l, errno, "socketpair");
	if (set_buffer(l, s->fd[0]) || set_buffer(l, s->fd[1]))
		return -ENOBUFS;
	s->flags = l->test->wait == WAIT_SPIN ? MSG_DONTWAIT : 0;
	for (i = 0; i < l->test->batch && i < BATCH_MAX; i++) {
		s->out_vec[i] = (struct iovec){ l->out + (size_t)i * size, size };
		s->in_vec[i] = (struct iovec){ l->in + (size_t)i * size, size };
		s->out[i].msg_hdr.msg_iov = &s->out_vec[i];
		s->in[i].msg_hdr.msg_iov = &s->in_vec[i];
		s->out[i].msg_hdr.msg_iovlen = s->in[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

static int send_one(struct link *l, uint64_t seq)
{
	const struct state *s = l->state;
	ssize_t ret;

	message_fill(l->out, l->test->size, seq);
	while ((ret = send(s->fd[l->side], l->out, l->test->size, s->flags)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return link_fail(l, errno, "send");
		clock_relax();
	}
	return ret == (ssize_t)l->test->size ? 0 : link_fail(l, 0, "short send");
}

static int seqpacket_send(struct link *l, uint64_t seq, uint32_t n)
{
	struct state *s = l->state;
	uint32_t i, done = 0;
	int ret;

	if (l->test->batch == 1)
		return send_one(l, seq);
	for (i = 0; i < n; i++)
		message_fill(s->out_vec[i].iov_base, l->test->size, seq + i);
	while (done < n) {
		ret = sendmmsg(s->fd[l->side], s->out + done, n - done, s->flags);
		if (ret > 0)
			done += (uint32_t)ret;
		else if (errno != EAGAIN && errno != EINTR)
			return link_fail(l, errno, "sendmmsg");
		else
			clock_relax();
	}
	return 0;
}

static int check(struct link *l, const void *p, size_t len, uint64_t seq)
{
	if (len != l->test->size)
		return link_fail(l, 0, "a message of %zu bytes", len);
	return message_check(p, l->test->size, seq) ? 0 : link_bad(l, p, seq);
}

static int seqpacket_recv(struct link *l, uint64_t seq, uint32_t max)
{
	struct state *s = l->state;
	ssize_t ret;
	int i, err;

	for (;;) {
		if (max == 1)
			ret = recv(s->fd[l->side], l->in, l->test->size, s->flags);
		else
			ret = recvmmsg(s->fd[l->side], s->in, max,
				       s->flags | MSG_WAITFORONE, NULL);
		if (ret > 0)
			break;
		if (ret == 0)
			return link_fail(l, 0, "end of file");
		if (errno != EAGAIN && errno != EINTR)
			return link_fail(l, errno, "recv");
		clock_relax();
	}
	if (max == 1) {
		err = check(l, l->in, (size_t)ret, seq);
		return err ? err : 1;
	}
	for (i = 0; i < (int)ret; i++) {
		err = check(l, s->in_vec[i].iov_base, s->in[i].msg_len, seq + (uint64_t)i);
		if (err)
			return err;
	}
	return (int)ret;
}

const struct mech mech_seqpacket = {
	.name = "seqpacket",
	.batches = true,
	.prepare = prepare,
	.send = seqpacket_send,
	.recv = seqpacket_recv,
	.finish = finish,
};
