/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading files: whole, or line by line.
 */
#ifndef MQKCTL_INPUT_H
#define MQKCTL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct input - a file that is being read
 * @fd: the file
 * @max: most bytes that may be wanted at a time
 * @buf: what was read and not dropped yet
 * @start: where that begins
 * @len: its bytes
 * @room: bytes of @buf
 * @scanned: bytes at the front of which it is known that they end no line
 * @end: all of the file was read
 */
struct input {
	int fd;
	uint64_t max;
	char *buf;
	size_t start;
	size_t len;
	size_t room;
	size_t scanned;
	bool end;
};

void input_init(struct input *in, int fd, uint64_t max);
void input_destroy(struct input *in);

/* Read once.  0, also at the end; -EMSGSIZE over max; -ENOMEM; read(2). */
int input_read(struct input *in);
/* Read all. */
int input_read_all(struct input *in);
/*
 * The next line of what was read, without its newline; the last line of a file
 * need not have one.  It is valid until the next read.
 */
bool input_line(struct input *in, const char **line, size_t *len);

#endif /* MQKCTL_INPUT_H */
