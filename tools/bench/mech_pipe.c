// SPDX-License-Identifier: GPL-2.0-only
/*
 * Byte streams: pipes and AF_UNIX stream sockets.
 *
 * A message has a fixed size, so it needs no frame.  One write hands over a
 * batch; one read takes what is there, up to a batch, and what is left of a
 * message.  Buffers hold what link_depth() allows, as far as the system lets
 * them.  Spinning sets O_NONBLOCK and asks again.
 */
#include "bench.h"
#include "clock.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct state {
	int fd[2][2];		/* by direction: to read, to write */
	bool same;		/* fd[1] are those of fd[0], exchanged */
};

static void finish(struct link *l)
{
	struct state *s = l->state;
	int i;

	if (!s)
		return;
	for (i = 0; i < 2; i++) {
		if (s->fd[i][0] >= 0 && (!i || !s->same))
			close(s->fd[i][0]);
		if (s->fd[i][1] >= 0 && (!i || !s->same))
			close(s->fd[i][1]);
	}
	free(s);
}

static struct state *state_alloc(struct link *l)
{
	struct state *s = calloc(1, sizeof(*s));

	if (s)
		s->fd[0][0] = s->fd[0][1] = s->fd[1][0] = s->fd[1][1] = -1;
	l->state = s;
	return s;
}

static int set_nonblock(struct link *l, int fd)
{
	if (l->test->wait == WAIT_BLOCK || !fcntl(fd, F_SETFL, O_NONBLOCK))
		return 0;
	return link_fail(l, errno, "O_NONBLOCK");
}

static int pipe_prepare(struct link *l)
{
	struct state *s = state_alloc(l);
	int size, i;

	if (!s)
		return -ENOMEM;
	for (i = 0; i < 2; i++) {
		if (pipe2(s->fd[i], O_CLOEXEC))
			return link_fail(l, errno, "pipe");
		/* An ordinary user gets less (fs.pipe-max-size). */
		for (size = (int)(link_depth(l->test) * l->test->size);
		     size > 65536 && fcntl(s->fd[i][1], F_SETPIPE_SZ, size) < 0;)
			size /= 2;
		if (set_nonblock(l, s->fd[i][0]) || set_nonblock(l, s->fd[i][1]))
			return -EINVAL;
	}
	return 0;
}

static int stream_prepare(struct link *l)
{
	struct state *s = state_alloc(l);
	int size = (int)(link_depth(l->test) * l->test->size), i, pair[2];

	if (!s)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return link_fail(l, errno, "socketpair");
	s->same = true;
	s->fd[0][1] = s->fd[1][0] = pair[0];
	s->fd[0][0] = s->fd[1][1] = pair[1];
	for (i = 0; i < 2; i++) {
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		if (set_nonblock(l, pair[i]))
			return -EINVAL;
	}
	return 0;
}

static int stream_send(struct link *l, uint64_t seq, uint32_t n)
{
	const struct state *s = l->state;
	uint32_t size = l->test->size, i;
	size_t done = 0, all = (size_t)size * n;
	ssize_t ret;

	for (i = 0; i < n; i++)
		message_fill(l->out + (size_t)i * size, size, seq + i);
	while (done < all) {
		ret = write(s->fd[l->side][1], l->out + done, all - done);
		if (ret > 0)
			done += (size_t)ret;
		else if (ret == 0 || (errno != EAGAIN && errno != EINTR))
			return link_fail(l, errno, "write");
		else
			clock_relax();
	}
	return 0;
}

static int stream_recv(struct link *l, uint64_t seq, uint32_t max)
{
	const struct state *s = l->state;
	uint32_t size = l->test->size, n = 0, i;
	size_t got = 0;
	ssize_t ret;

	/* Whole messages: one that is there in part is waited for. */
	do {
		ret = read(s->fd[!l->side][0], l->in + got,
			   got ? (got + size - 1) / size * size - got :
				 (size_t)size * max);
		if (ret > 0)
			got += (size_t)ret;
		else if (ret == 0)
			return link_fail(l, 0, "end of file");
		else if (errno != EAGAIN && errno != EINTR)
			return link_fail(l, errno, "read");
		else
			clock_relax();
	} while (!got || got % size);
	n = (uint32_t)(got / size);
	for (i = 0; i < n; i++)
		if (!message_check(l->in + (size_t)i * size, size, seq + i))
			return link_bad(l, l->in + (size_t)i * size, seq + i);
	return (int)n;
}

const struct mech mech_pipe = {
	.name = "pipe",
	.batches = true,
	.prepare = pipe_prepare,
	.send = stream_send,
	.recv = stream_recv,
	.finish = finish,
};

const struct mech mech_stream = {
	.name = "stream",
	.batches = true,
	.prepare = stream_prepare,
	.send = stream_send,
	.recv = stream_recv,
	.finish = finish,
};
