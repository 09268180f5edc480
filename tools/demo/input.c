// SPDX-License-Identifier: GPL-2.0-only
#include "input.h"
#include "crc32.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void input_open(struct input *in, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	memset(in, 0, sizeof(*in));
	if (fd < 0 || fstat(fd, &st))
		die(path, errno);
	in->size = (size_t)st.st_size;
	in->base = in->size ? mmap(NULL, in->size, PROT_READ, MAP_PRIVATE, fd, 0) : "";
	if (in->base == MAP_FAILED)
		die(path, errno);
	close(fd);
}

void input_rewind(struct input *in)
{
	in->pos = 0;
	in->next = 0;
}

struct span {
	const char *p;
	size_t len;
};

/* Note the value of a line if it is field @name and has not been seen. */
static void take_field(struct span *value, const char *name, const char *line,
		       size_t len)
{
	size_t n = strlen(name);

	if (value->p || len <= n || line[n] != ':' || memcmp(line, name, n))
		return;
	line += n + 1;
	len -= n + 1;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	*value = (struct span){ line, len };
}

static void add_to_key(struct record *r, struct span s)
{
	size_t room = KEY_MAX - r->key_len;

	if (!s.len)
		s = (struct span){ "-", 1 };
	if (s.len > room)
		s.len = room;
	memcpy(r->key + r->key_len, s.p, s.len);
	r->key_len += s.len;
}

static void make_key(struct record *r)
{
	struct span section = { 0 }, priority = { 0 }, package = { 0 };
	const char *line = r->text, *end = r->text + r->len, *stop;

	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		/* All three mostly stand apart; most lines are none of them. */
		if (*line != 'S' && *line != 'P')
			continue;
		take_field(&package, "Package", line, (size_t)(stop - line));
		take_field(&section, "Section", line, (size_t)(stop - line));
		take_field(&priority, "Priority", line, (size_t)(stop - line));
	}
	r->key_len = 0;
	add_to_key(r, section);
	add_to_key(r, (struct span){ ".", 1 });
	add_to_key(r, priority);
	add_to_key(r, (struct span){ ".", 1 });
	add_to_key(r, package);
	r->key[r->key_len] = 0;
}

bool input_next(struct input *in, struct record *r)
{
	const char *start, *end;

	while (in->pos < in->size && in->base[in->pos] == '\n')
		in->pos++;
	if (in->pos >= in->size)
		return false;
	start = in->base + in->pos;
	end = memmem(start, in->size - in->pos, "\n\n", 2);
	if (!end)
		end = in->base + in->size;
	in->pos = (size_t)(end - in->base);
	while (end > start && end[-1] == '\n')
		end--;
	r->id = in->next++;
	r->text = start;
	r->len = (size_t)(end - start);
	make_key(r);
	return true;
}

uint64_t input_count(struct input *in, size_t *largest)
{
	struct record r;
	uint64_t n;

	input_rewind(in);
	*largest = 0;
	while (input_next(in, &r))
		if (r.len > *largest)
			*largest = r.len;
	n = in->next;
	input_rewind(in);
	return n;
}

uint32_t input_sum(const void *key, size_t key_len, const void *text, size_t len)
{
	uint32_t crc = crc32_add(0, key, key_len);

	crc = crc32_add(crc, "\n", 1);
	return crc32_add(crc, text, len);
}
