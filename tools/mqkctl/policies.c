// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "number.h"
#include "policies.h"
#include "words.h"

/* NAME PATTERN PRIORITY, and an argument. */
#define LEAST_WORDS	4

static void free_policy(struct policy *p)
{
	int i;

	for (i = 0; i < p->nargs; i++)
		free(p->arg[i]);
	free(p->arg);
	if (p->pattern)
		regfree(&p->regex);
	free(p->pattern);
	free(p->name);
}

void policies_free(struct policies *all)
{
	int i;

	for (i = 0; i < all->n; i++)
		free_policy(&all->policy[i]);
	free(all->policy);
	*all = (struct policies){ NULL, 0 };
}

/* Where a name is, or would be. */
static int find(const struct policies *all, const char *name, bool *found)
{
	int i, order = 1;

	for (i = 0; i < all->n; i++) {
		order = strcmp(all->policy[i].name, name);
		if (order >= 0)
			break;
	}
	*found = i < all->n && !order;
	return i;
}

static void take_out(struct policies *all, int i)
{
	free_policy(&all->policy[i]);
	all->n--;
	memmove(&all->policy[i], &all->policy[i + 1],
		(size_t)(all->n - i) * sizeof(all->policy[0]));
}

static int put_in(struct ctl *ctl, struct policies *all, const struct policy *p)
{
	struct policy *more;
	bool found;
	int i = find(all, p->name, &found);

	if (found)
		take_out(all, i);
	more = realloc(all->policy, (size_t)(all->n + 1) * sizeof(*more));
	if (!more)
		return out_of_memory(ctl);
	all->policy = more;
	memmove(&more[i + 1], &more[i], (size_t)(all->n - i) * sizeof(*more));
	more[i] = *p;
	all->n++;
	return DONE;
}

/* What would have to be quoted in a way that a line cannot hold. */
static bool bad_word(const char *word)
{
	return strpbrk(word, "\n'") != NULL;
}

static int fill(struct ctl *ctl, struct policy *p, char **word, int n)
{
	char why[200];
	int i, err;

	p->name = strdup(word[0]);
	p->arg = calloc((size_t)n, sizeof(*p->arg));
	if (!p->name || !p->arg)
		return out_of_memory(ctl);
	err = regcomp(&p->regex, word[1], REG_EXTENDED | REG_NOSUB);
	if (err) {
		regerror(err, &p->regex, why, sizeof(why));
		return bad_usage(ctl, "policy '%s': pattern '%s': %s", word[0],
				 word[1], why);
	}
	p->pattern = strdup(word[1]);
	if (!p->pattern) {
		regfree(&p->regex);
		return out_of_memory(ctl);
	}
	for (i = 3; i < n; i++) {
		p->arg[p->nargs] = strdup(word[i]);
		if (!p->arg[p->nargs++])
			return out_of_memory(ctl);
	}
	return DONE;
}

int policies_set(struct ctl *ctl, struct policies *all, char **word, int n)
{
	struct policy p = { .nargs = 0 };
	int i, status;

	if (n < LEAST_WORDS ||
	    !number_i64(word[2], INT32_MIN, INT32_MAX, &p.priority))
		return bad_usage(ctl, "a policy is NAME PATTERN PRIORITY ARGUMENT...");
	for (i = 0; i < n; i++)
		if (bad_word(word[i]))
			return bad_usage(ctl, "a policy has no quotes or newlines: %s",
					 word[i]);
	status = fill(ctl, &p, word, n);
	if (!status)
		status = put_in(ctl, all, &p);
	if (status)
		free_policy(&p);
	return status;
}

bool policies_delete(struct policies *all, const char *name)
{
	bool found;
	int i = find(all, name, &found);

	if (found)
		take_out(all, i);
	return found;
}

const struct policy *policies_for(const struct policies *all, const char *queue)
{
	const struct policy *best = NULL;
	int i;

	for (i = 0; i < all->n; i++) {
		const struct policy *p = &all->policy[i];

		if ((!best || p->priority > best->priority) &&
		    !regexec(&p->regex, queue, 0, NULL, 0))
			best = p;
	}
	return best;
}

/* ---- the file ---- */

static int load_line(struct ctl *ctl, struct policies *all, const char *line)
{
	struct words w;
	int err, status = DONE;

	err = words_split(&w, line);
	if (err == -ENOMEM)
		status = out_of_memory(ctl);
	else if (err)
		status = bad_usage(ctl, "a quote is not closed, or nothing follows a backslash");
	else if (w.n)
		status = policies_set(ctl, all, w.word, w.n);
	words_free(&w);
	return status;
}

int policies_load(struct ctl *ctl, const char *file, struct policies *all)
{
	const char *outer = ctl->where;
	FILE *f = fopen(file, "re");
	unsigned long number = 0;
	int status = DONE;
	char *line = NULL, *where;
	size_t room = 0;

	*all = (struct policies){ NULL, 0 };
	if (!f)
		return errno == ENOENT ? DONE :
		       refuse(ctl, "%s: %s", file, strerror(errno));
	while (!status && getline(&line, &room, f) >= 0) {
		if (asprintf(&where, "%s:%lu: ", file, ++number) < 0) {
			status = out_of_memory(ctl);
			break;
		}
		ctl->where = where;
		status = load_line(ctl, all, line);
		ctl->where = outer;
		free(where);
	}
	if (!status && ferror(f))
		status = refuse(ctl, "%s: %s", file, strerror(errno));
	free(line);
	fclose(f);
	if (status)
		policies_free(all);
	return status;
}

static bool write_all(FILE *f, const struct policies *all)
{
	int i, j;

	fputs("# NAME PATTERN PRIORITY ARGUMENT...: mqkctl policy\n", f);
	for (i = 0; i < all->n; i++) {
		const struct policy *p = &all->policy[i];

		fprintf(f, "'%s' '%s' %lld", p->name, p->pattern,
			(long long)p->priority);
		for (j = 0; j < p->nargs; j++)
			fprintf(f, " '%s'", p->arg[j]);
		putc('\n', f);
	}
	return !ferror(f) && !fflush(f) && !fsync(fileno(f));
}

/* The directory that it lies in, and those above that. */
static void make_directories(const char *file)
{
	char *path = strdup(file), *slash = path;

	while (slash && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	free(path);
}

int policies_save(struct ctl *ctl, const char *file, const struct policies *all)
{
	char *temporary;
	bool good;
	FILE *f;
	int err;

	if (asprintf(&temporary, "%s.%ld", file, (long)getpid()) < 0)
		return out_of_memory(ctl);
	make_directories(file);
	f = fopen(temporary, "wxe");
	good = f && write_all(f, all);
	err = errno;
	if (f && fclose(f) && good) {
		good = false;
		err = errno;
	}
	if (good && rename(temporary, file)) {
		good = false;
		err = errno;
	}
	if (!good)
		unlink(temporary);
	free(temporary);
	return good ? DONE : refuse(ctl, "%s: %s", file, strerror(err));
}
