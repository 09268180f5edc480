// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

#define CHUNK	(128 * 1024)

void input_init(struct input *in, int fd, uint64_t max)
{
	memset(in, 0, sizeof(*in));
	in->fd = fd;
	in->max = max;
}

void input_destroy(struct input *in)
{
	free(in->buf);
}

/* Have room for another chunk behind what is there. */
static int make_room(struct input *in)
{
	size_t room = in->room ? in->room : 2 * CHUNK;
	char *buf;

	if (in->start) {
		memmove(in->buf, in->buf + in->start, in->len);
		in->start = 0;
	}
	if (in->room - in->len >= CHUNK)
		return 0;
	if (in->len > in->max)
		return -EMSGSIZE;
	while (room - in->len < CHUNK) {
		if (room > SIZE_MAX / 2)
			return -EMSGSIZE;
		room *= 2;
	}
	buf = realloc(in->buf, room);
	if (!buf)
		return -ENOMEM;
	in->buf = buf;
	in->room = room;
	return 0;
}

int input_read(struct input *in)
{
	ssize_t n;
	int err = make_room(in);

	if (err)
		return err;
	do {
		n = read(in->fd, in->buf + in->len, in->room - in->len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	in->len += (size_t)n;
	in->end = !n;
	return 0;
}

int input_read_all(struct input *in)
{
	int err = 0;

	while (!err && !in->end)
		err = input_read(in);
	return !err && in->len > in->max ? -EMSGSIZE : err;
}

bool input_line(struct input *in, const char **line, size_t *len)
{
	const char *begin = in->buf + in->start;
	const char *newline;

	if (in->scanned == in->len && !(in->end && in->len))
		return false;
	newline = memchr(begin + in->scanned, '\n', in->len - in->scanned);
	if (!newline && !(in->end && in->len)) {
		in->scanned = in->len;
		return false;
	}
	*line = begin;
	*len = newline ? (size_t)(newline - begin) : in->len;
	in->start += *len + !!newline;
	in->len -= *len + !!newline;
	in->scanned = 0;
	return true;
}
