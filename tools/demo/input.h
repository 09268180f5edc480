/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of the demo: the stanzas of a Debian package index, one message
 * each.
 *
 * A stanza is a run of lines between blank ones, without the newlines at its
 * end.  Stanzas are numbered from 0, as they stand in the file.  The routing key
 * is section.priority.name, from the fields as they are; a field that is missing
 * or empty gives "-", and a key is cut at 255 bytes.  tools/demo/expect has the
 * same rules, written down anew.
 */
#ifndef DEMO_INPUT_H
#define DEMO_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_MAX	255

struct input {
	const char *base;
	size_t size;
	size_t pos;
	uint64_t next;		/* number of the next record */
};

struct record {
	uint64_t id;
	const char *text;
	size_t len;
	size_t key_len;
	char key[KEY_MAX + 1];
};

/* Map a file; exits when it cannot. */
void input_open(struct input *in, const char *path);
void input_rewind(struct input *in);
/* The next record; false: there are no more. */
bool input_next(struct input *in, struct record *r);
/* How many records there are, and the bytes of the largest one. */
uint64_t input_count(struct input *in, size_t *largest);

/*
 * What a record is checked by: the CRC of its key, a newline and its text.
 */
uint32_t input_sum(const void *key, size_t key_len, const void *text, size_t len);

#endif /* DEMO_INPUT_H */
