// SPDX-License-Identifier: GPL-2.0-only
/*
 * batch: many commands in one session, a command a line; those of a transaction, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "words.h"

/* The worse one of two exit statuses, which is the higher one. */
static int worse(int a, int b)
{
	return a > b ? a : b;
}

static int run_words(struct ctl *ctl, struct words *w, int err)
{
	struct ctl line = *ctl;
	int status;

	if (err == -ENOMEM)
		return out_of_memory(ctl);
	if (err)
		return bad_usage(ctl, "a quote is not closed, or nothing follows a backslash");
	if (!w->n)
		return DONE;
	if (ctl->tx && strcmp(w->word[0], "publish") && strcmp(w->word[0], "get"))
		return bad_usage(ctl, "%s takes no part in a transaction; publish and get do",
				 w->word[0]);
	/* -b and -j of a line hold for that line; sessions stay. */
	status = ctl_run(&line, w->n, w->word);
	ctl->sessions = line.sessions;
	return status;
}

static int run_line(struct ctl *ctl, const char *text, const char *file,
		    unsigned long number)
{
	struct words w;
	char *where;
	int status;

	if (asprintf(&where, "%s:%lu: ", file, number) < 0)
		return out_of_memory(ctl);
	ctl->where = where;
	status = run_words(ctl, &w, words_split(&w, text));
	words_free(&w);
	ctl->where = "";
	free(where);
	return status;
}

static int run_file(struct ctl *ctl, FILE *f, const char *name)
{
	unsigned long number = 0;
	int status = DONE;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	errno = 0;
	/* what has failed is the end of a transaction */
	while ((!ctl->tx || status == DONE) && (len = getline(&line, &room, f)) >= 0) {
		number++;
		if (strlen(line) != (size_t)len)
			status = worse(status, bad_usage(ctl, "%s:%lu: there is a zero byte in the line",
							 name, number));
		else
			status = worse(status, run_line(ctl, line, name,
							number));
		fflush(stdout);
		errno = 0;
	}
	if (ferror(f))
		status = worse(status, refuse(ctl, "%s: %s", name,
					      strerror(errno)));
	free(line);
	return status;
}

int batch_run(struct ctl *ctl, const char *name)
{
	bool is_stdin = !strcmp(name, "-");
	FILE *f;
	int status;

	f = is_stdin ? stdin : fopen(name, "re");
	if (!f)
		return refuse(ctl, "%s: %s", name, strerror(errno));
	ctl->batch++;
	ctl->stdin_used = is_stdin;
	status = run_file(ctl, f, is_stdin ? "standard input" : name);
	ctl->batch--;
	ctl->stdin_used = false;
	if (!is_stdin)
		fclose(f);
	return status;
}

int batch(struct ctl *ctl, const struct args *args)
{
	if (ctl->batch)
		return bad_usage(ctl, "batch: not in a batch");
	return batch_run(ctl, args->pos[0]);
}
