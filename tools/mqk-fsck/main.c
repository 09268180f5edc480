// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-fsck: check, or print, the files of a durable broker.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/mqk.h>
#include <linux/mqk_log.h>

#include "format.h"

/* As fsck(8) has them. */
enum { EXIT_GOOD = 0, EXIT_DAMAGED = 4, EXIT_TROUBLE = 8, EXIT_USAGE = 16 };

static const char *const names[3] = {
	MQK_LOG_SUPER, MQK_LOG_JOURNAL_0, MQK_LOG_JOURNAL_1,
};

struct file {
	uint8_t *bytes;
	size_t len;
	int fd;
};

static bool dump;
static const char *directory;

static int say(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "mqk-fsck: %s: ", directory);
	vfprintf(stderr, format, ap);
	putc('\n', stderr);
	va_end(ap);
	return status;
}

/* ---- printing ---- */

static void print_text(const struct text *t)
{
	uint32_t i;

	putchar('"');
	for (i = 0; i < t->len; i++)
		if (t->bytes[i] == '"' || t->bytes[i] == '\\')
			printf("\\%c", t->bytes[i]);
		else if (isprint(t->bytes[i]))
			putchar(t->bytes[i]);
		else
			printf("\\x%02x", t->bytes[i]);
	putchar('"');
}

static void print_flags(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} table[] = {
		{ MQK_LOG_F_AUTO_DELETE, "auto-delete" },
		{ MQK_LOG_F_INTERNAL, "internal" },
		{ MQK_LOG_F_PAUSED, "paused" },
		{ MQK_LOG_F_ALL_RIGHTS, "all-rights" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (flags & table[i].flag)
			printf(" %s", table[i].name);
}

static void print_args(const struct text *args)
{
	static const uint8_t none[8];
	const uint8_t *p = args->bytes, *end = p + args->len;
	size_t size;

	for (; p < end; p += (size + 7) / 8 * 8) {
		uint32_t len = p[2] | (uint32_t)p[3] << 8;
		struct text name = { p + 4, p[1] };
		struct text value = { p + 4 + p[1], len };
		uint64_t n = 0;
		uint32_t i;

		size = 4 + (size_t)p[1] + len;
		if (!memcmp(p, none, sizeof(none))) {
			size = 8;
			continue;
		}
		putchar(' ');
		print_text(&name);
		printf(":%c=", p[0]);
		if (strchr("tbsIl", p[0])) {
			for (i = len; i--;)
				n = n << 8 | value.bytes[i];
			if (len && len < 8 && value.bytes[len - 1] & 0x80 && p[0] != 't')
				n |= ~(uint64_t)0 << 8 * len;
			printf("%" PRId64, (int64_t)n);
		} else {
			print_text(&value);
		}
	}
}

static const char *kind_name(uint32_t kind)
{
	static const char *const kinds[] = {
		[MQK_EXCHANGE_DIRECT] = "direct", [MQK_EXCHANGE_FANOUT] = "fanout",
		[MQK_EXCHANGE_TOPIC] = "topic", [MQK_EXCHANGE_HEADERS] = "headers",
		[MQK_EXCHANGE_HASH] = "x-consistent-hash",
		[MQK_EXCHANGE_LAST_VALUE] = "x-last-value",
	};

	return kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind] ? kinds[kind] : "?";
}

static void print_record(void *arg, const struct record *r)
{
	(void)arg;
	printf("  %" PRIu64 ": seq %" PRIu64 " stable %" PRIu64 " ", r->at, r->seq, r->stable);
	switch (r->type) {
	case MQK_LOG_EXCHANGE:
		printf("exchange %" PRIu64 " ", r->id);
		print_text(&r->name);
		printf(" %s", kind_name(r->kind));
		break;
	case MQK_LOG_QUEUE:
		printf("queue %" PRIu64 " ", r->id);
		print_text(&r->name);
		break;
	case MQK_LOG_BINDING:
		printf("binding %" PRIu64 " ", r->id);
		print_text(&r->name);
		printf(" to %s ", r->flags & MQK_LOG_F_TO_EXCHANGE ? "exchange" : "queue");
		print_text(&r->target);
		printf(" key ");
		print_text(&r->key);
		break;
	case MQK_LOG_FORGET:
		printf("forget %" PRIu64, r->id);
		break;
	case MQK_LOG_READY:
		printf("ready, next id %" PRIu64, r->id);
		break;
	case MQK_LOG_CLOSED:
		printf("closed");
		break;
	}
	if (r->type == MQK_LOG_EXCHANGE || r->type == MQK_LOG_QUEUE) {
		print_flags(r->flags);
		printf(" mode %04o owner %u:%u by %u:%u", r->mode, r->uid, r->gid,
		       r->by_uid, r->by_gid);
	}
	if (r->name.len) {
		printf(" payer %u", r->payer);
		print_args(&r->args);
	}
	putchar('\n');
}

static void print_super(const struct super *s)
{
	time_t created = (time_t)(s->created / 1000000000);
	char when[32] = "";
	struct tm tm;
	unsigned int i;

	if (gmtime_r(&created, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%s: uuid ", MQK_LOG_SUPER);
	for (i = 0; i < 16; i++)
		printf("%02x", s->uuid[i]);
	printf(" created %s segment-size %" PRIu64 " sync %u%s", when, s->segment_size,
	       s->sync, s->flags & MQK_LOG_SUPER_F_NOMAP ? " nomap" : "");
	for (i = 0; i < 16; i++)
		if (s->limit[i])
			printf(" limit[%u] %" PRIu64, i, s->limit[i]);
	putchar('\n');
}

/* ---- files ---- */

static int load(int dir, int i, struct file *f)
{
	struct stat st;
	size_t done = 0;
	ssize_t n;

	f->fd = openat(dir, names[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st))
		return say(EXIT_TROUBLE, "%s: %s", names[i], strerror(errno));
	if (!S_ISREG(st.st_mode))
		return say(EXIT_TROUBLE, "%s: not a regular file", names[i]);
	if (i == 0 && flock(f->fd, LOCK_EX | LOCK_NB))
		return say(EXIT_TROUBLE, "%s: %s", names[i],
			   errno == EWOULDBLOCK ? "in use: the broker is open; close it first" :
						  strerror(errno));
	if ((uint64_t)st.st_size > MQK_LOG_FILE_MAX)
		return say(EXIT_DAMAGED, "%s: longer than any journal", names[i]);
	f->len = (size_t)st.st_size;
	f->bytes = malloc(f->len ? f->len : 1);
	if (!f->bytes)
		return say(EXIT_TROUBLE, "out of memory");
	while (done < f->len) {
		n = read(f->fd, f->bytes + done, f->len - done);
		if (n <= 0)
			return say(EXIT_TROUBLE, "%s: %s", names[i],
				   n ? strerror(errno) : "became shorter");
		done += (size_t)n;
	}
	return EXIT_GOOD;
}

static const char *state_text(enum journal_state state)
{
	switch (state) {
	case JOURNAL_EMPTY:
		return "empty";
	case JOURNAL_NO_HEAD:
		return "no valid head";
	case JOURNAL_UNFINISHED:
		return "its checkpoint does not come to its end";
	case JOURNAL_WHOLE:
		return "whole";
	}
	return "";
}

/* The one that counts, or -1. */
static int choose(const struct journal *j)
{
	bool a = j[0].state == JOURNAL_WHOLE, b = j[1].state == JOURNAL_WHOLE;

	if (a && b)
		return j[1].generation > j[0].generation;
	return a ? 0 : b ? 1 : -1;
}

static int judge(const struct journal *j, const struct file *files)
{
	int in_use = choose(j), i;

	if (in_use < 0) {
		for (i = 0; i < 2; i++)
			say(0, "%s: %s, at %" PRIu64 " of %zu bytes", names[1 + i],
			    state_text(j[i].state), j[i].at, files[1 + i].len);
		return say(EXIT_DAMAGED, "no journal is whole: what was declared is not known");
	}
	if (j[!in_use].state != JOURNAL_EMPTY)
		printf("%s: %s: left from a checkpoint, not used\n", names[1 + !in_use],
		       state_text(j[!in_use].state));
	j += in_use;
	files += 1 + in_use;
	printf("%s: generation %" PRIu64 ", %" PRIu64 " records, %zu definitions\n",
	       names[1 + in_use], j->generation, j->records, j->nr_live);
	switch (j->end) {
	case END_CLEAN:
		return EXIT_GOOD;
	case END_TORN:
		printf("%s: torn tail: %zu bytes from %" PRIu64 " on were never confirmed; they are cut when the broker is opened\n",
		       names[1 + in_use], files->len - (size_t)j->at, j->at);
		return EXIT_GOOD;
	case END_DAMAGED:
		return say(EXIT_DAMAGED, "%s: damaged at %" PRIu64 ": what was confirmed is not valid",
			   names[1 + in_use], j->at);
	case END_NONSENSE:
		return say(EXIT_DAMAGED, "%s: damaged at %" PRIu64 ": a record contradicts those before it",
			   names[1 + in_use], j->at);
	}
	return EXIT_DAMAGED;
}

static int read_journals(const struct file *files, const struct super *s)
{
	struct journal j[2];
	int i, status = EXIT_GOOD;

	memset(j, 0, sizeof(j));
	for (i = 0; i < 2; i++) {
		if (dump && files[1 + i].len)
			printf("%s:\n", names[1 + i]);
		if (!journal_read(files[1 + i].bytes, files[1 + i].len, s->uuid, &j[i],
				  dump ? print_record : NULL, NULL))
			status = say(EXIT_TROUBLE, "out of memory");
	}
	if (status == EXIT_GOOD)
		status = judge(j, files);
	for (i = 0; i < 2; i++)
		journal_free(&j[i]);
	return status;
}

static int check(struct file *files)
{
	struct super s;

	switch (super_read(files[0].bytes, files[0].len, &s)) {
	case SUPER_EMPTY:
		return say(EXIT_DAMAGED, "%s: empty: no broker was made here", names[0]);
	case SUPER_BAD:
		return say(EXIT_DAMAGED, "%s: damaged", names[0]);
	case SUPER_GOOD:
		break;
	}
	if (s.incompat & ~(uint64_t)MQK_LOG_INCOMPAT)
		return say(EXIT_TROUBLE, "a later version wrote this: features %#" PRIx64,
			   s.incompat);
	if (dump)
		print_super(&s);
	return read_journals(files, &s);
}

static int usage(FILE *f, int status)
{
	fputs("usage: mqk-fsck [--dump] DIRECTORY\n"
	      "Check the files of a durable broker that is not open.\n"
	      "  -d, --dump     print what they say\n"
	      "      --version  print the version\n"
	      "Exit status: 0 good, 4 damaged, 8 trouble, 16 usage.\n", f);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dump", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct file files[3] = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 } };
	int dir, i, c, status = EXIT_GOOD;

	while ((c = getopt_long(argc, argv, "dh", options, NULL)) != -1) {
		if (c == 'd') {
			dump = true;
		} else if (c == 'V') {
			puts("mqk-fsck " VERSION);
			return EXIT_GOOD;
		} else {
			return usage(c == 'h' ? stdout : stderr,
				     c == 'h' ? EXIT_GOOD : EXIT_USAGE);
		}
	}
	if (argc - optind != 1)
		return usage(stderr, EXIT_USAGE);
	directory = argv[optind];
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return say(EXIT_TROUBLE, "%s", strerror(errno));
	for (i = 0; i < 3 && !status; i++)
		status = load(dir, i, &files[i]);
	if (!status)
		status = check(files);
	for (i = 0; i < 3; i++) {
		free(files[i].bytes);
		if (files[i].fd >= 0)
			close(files[i].fd);
	}
	close(dir);
	if (fflush(stdout) || ferror(stdout))
		return say(EXIT_TROUBLE, "standard output: %s", strerror(errno));
	return status;
}
