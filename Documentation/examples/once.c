// SPDX-License-Identifier: GPL-2.0-only
/*
 * once: book amounts, each message once, whatever dies in between.
 *
 *	once FILE QUEUE [BROKER]
 *
 * A message is a decimal number; its message-id is its name.  FILE holds the sum and
 * the names of what was booked.  It is replaced as a whole: that is the transaction,
 * and the sum and the name of a message are in it or neither is.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mqk/mqk.h>

struct book {
	const char *file;
	long long sum, sum_before;
	char **name;			/* those that were booked */
	size_t nr;
	bool named;			/* the last one is of this transaction */
};

struct booking {
	struct book *book;
	const struct mqk_msg *msg;
};

static int load(struct book *b)
{
	FILE *f = fopen(b->file, "re");
	char line[512];

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	if (fgets(line, sizeof(line), f))
		b->sum = atoll(line);
	while (fgets(line, sizeof(line), f)) {
		char **more = realloc(b->name, (b->nr + 1) * sizeof(*more));

		line[strcspn(line, "\n")] = '\0';
		if (!more)
			break;
		b->name = more;
		b->name[b->nr] = strdup(line);
		if (!b->name[b->nr++])
			break;
	}
	fclose(f);
	return 0;
}

static int begin(void *ctx)
{
	struct book *b = ctx;

	b->sum_before = b->sum;
	b->named = false;
	return 0;
}

static int check(void *ctx, const void *id, size_t len)
{
	struct book *b = ctx;
	size_t i;

	for (i = 0; i < b->nr; i++)
		if (strlen(b->name[i]) == len && !memcmp(b->name[i], id, len))
			return 1;
	return 0;
}

static int record(void *ctx, const void *id, size_t len)
{
	struct book *b = ctx;
	char **more = realloc(b->name, (b->nr + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	b->name = more;
	b->name[b->nr] = strndup(id, len);
	if (!b->name[b->nr])
		return -ENOMEM;
	b->nr++;
	b->named = true;
	return 0;
}

static int commit(void *ctx)
{
	struct book *b = ctx;
	char fresh[4096];
	bool good;
	size_t i;
	FILE *f;

	snprintf(fresh, sizeof(fresh), "%s.new", b->file);
	f = fopen(fresh, "we");
	if (!f)
		return -errno;
	fprintf(f, "%lld\n", b->sum);
	for (i = 0; i < b->nr; i++)
		fprintf(f, "%s\n", b->name[i]);
	good = !fflush(f) && !fsync(fileno(f));
	if (fclose(f) || !good || rename(fresh, b->file))
		return -EIO;
	return 0;
}

static void rollback(void *ctx)
{
	struct book *b = ctx;

	b->sum = b->sum_before;
	if (b->named)
		free(b->name[--b->nr]);
	b->named = false;
}

/* The effect. */
static int book(void *arg)
{
	struct booking *it = arg;
	char text[32];
	size_t len = it->msg->d.payload_len;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, it->msg->payload, len);
	text[len] = '\0';
	it->book->sum += atoll(text);
	return 0;
}

static int once(struct mqk_idem *done, struct book *b, const struct mqk_msg *msg)
{
	struct booking it = { b, msg };
	struct mqk_text id;
	int err = mqk_idem_id(msg, &id);

	/* a name is a line of the file */
	if (!err && memchr(id.at, '\n', id.len))
		err = -EINVAL;
	return err ? err : mqk_idem_once(done, id.at, id.len, book, &it);
}

int main(int argc, char **argv)
{
	static const struct mqk_idem_store store = {
		.begin = begin, .check = check, .record = record,
		.commit = commit, .rollback = rollback,
	};
	struct book b = { .file = argc > 1 ? argv[1] : NULL };
	struct mqk_idem_opts opts = { .sz = sizeof(opts), .store = &store, .ctx = &b };
	struct mqk_consumer *c;
	struct mqk_idem *done;
	struct mqk_msg msg;
	struct mqk *m;
	int ret;

	if (argc < 3) {
		fprintf(stderr, "usage: once FILE QUEUE [BROKER]\n");
		return 2;
	}
	ret = load(&b);
	if (!ret)
		ret = mqk_idem_open(&opts, &done);
	if (!ret)
		ret = mqk_open(argc > 3 ? argv[3] : "default", 0, &m);
	if (!ret)
		ret = mqk_consume(m, argv[2], NULL, &c);
	while (!ret && mqk_recv(c, &msg, MQK_FOREVER) == 1) {
		int n = once(done, &b, &msg);

		printf("%s %lld\n", n > 0 ? "booked" : n ? "refused" : "known", b.sum);
		fflush(stdout);
		/* what cannot be booked is dropped, or dead */
		ret = n < 0 ? mqk_reject(c, msg.d.tag, n != -EINVAL && n != -ENOENT) :
			      mqk_ack(c, msg.d.tag);
	}
	fprintf(stderr, "once: %s\n", strerror(-ret));
	return 1;
}
