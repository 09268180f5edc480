// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of budgets.  Lines of words, # begins a comment:
 *
 *	design CASE N		what the design allows: at most 5 % more
 *	flat CASE BASE N	at most N times what BASE costs
 *	recorded CASE N		measured before: at most 5 % more
 */
#include "icount.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX	128
#define MARGIN		1.05

enum kind { DESIGN, FLAT, RECORDED };

struct line {
	enum kind kind;
	char name[40];
	char base[40];
	double value;
};

static struct line lines[LINES_MAX];
static size_t nlines;
static char *head;	/* comments that the file begins with */

static bool parse(const char *text, struct line *l)
{
	if (sscanf(text, "design %39s %lf", l->name, &l->value) == 2) {
		l->kind = DESIGN;
		return true;
	}
	if (sscanf(text, "recorded %39s %lf", l->name, &l->value) == 2) {
		l->kind = RECORDED;
		return true;
	}
	l->kind = FLAT;
	return sscanf(text, "flat %39s %39s %lf", l->name, l->base, &l->value) == 3;
}

static void keep_head(const char *text)
{
	size_t old = head ? strlen(head) : 0;

	head = realloc(head, old + strlen(text) + 1);
	if (!head)
		abort();
	strcpy(head + old, text);
}

int budget_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char text[256];
	int number = 0;

	if (!f) {
		fprintf(stderr, "mqk-bench: %s: %s\n", path, strerror(errno));
		return -1;
	}
	while (fgets(text, sizeof(text), f)) {
		number++;
		if (text[0] == '#' || text[0] == '\n') {
			if (!nlines)
				keep_head(text);
			continue;
		}
		if (nlines == LINES_MAX || !parse(text, &lines[nlines])) {
			fprintf(stderr, "mqk-bench: %s:%d: not a budget: %s",
				path, number, text);
			fclose(f);
			return -1;
		}
		nlines++;
	}
	fclose(f);
	return 0;
}

bool budget_wants(const char *name)
{
	size_t i;

	for (i = 0; i < nlines; i++)
		if (!strcmp(lines[i].name, name) || !strcmp(lines[i].base, name))
			return true;
	return false;
}

static int miss(size_t i, const struct line *l, const char *why)
{
	printf("not ok %zu - %s: %s\n", i + 1, l->name, why);
	return 1;
}

static int check_flat(size_t i, const struct line *l, double got)
{
	double base = icount_value(l->base), ratio;
	bool ok;

	if (base <= 0)
		return miss(i, l, "its base was not measured");
	ratio = got / base;
	ok = ratio <= l->value;
	printf("%s %zu - %s: %.2f of %.2f times %s (%.0f and %.0f)\n",
	       ok ? "ok" : "not ok", i + 1, l->name, ratio, l->value, l->base,
	       got, base);
	return !ok;
}

static int check(size_t i, const struct line *l)
{
	const char *unit = strstr(l->name, "-bytes") ? "bytes" : "instructions";
	double got = icount_value(l->name);
	bool ok;

	if (got < 0 && !options_match(l->name)) {
		printf("ok %zu - %s # SKIP not asked for\n", i + 1, l->name);
		return 0;
	}
	if (got < 0)
		return miss(i, l, "was not measured");
	if (l->kind == FLAT)
		return check_flat(i, l, got);
	ok = got <= l->value * MARGIN;
	if (!ok && l->kind == DESIGN) {
		printf("ok %zu - %s # SKIP not reached yet: %.0f %s, the design asks for %.0f; held to what is recorded\n",
		       i + 1, l->name, got, unit, l->value);
		return 0;
	}
	printf("%s %zu - %s: %.0f of %.0f %s%s\n", ok ? "ok" : "not ok", i + 1,
	       l->name, got, l->value, unit,
	       l->kind == RECORDED ? ", as recorded" : "");
	if (l->kind == RECORDED && got * MARGIN < l->value)
		printf("# %s is better than recorded: record it anew\n", l->name);
	return !ok;
}

int budget_check(void)
{
	int missed = 0;
	size_t i;

	printf("TAP version 13\n1..%zu\n", nlines);
	for (i = 0; i < nlines; i++)
		missed += check(i, &lines[i]);
	return missed;
}

/* What is the kernel's own, or the machine's, is not ours to hold. */
static bool worth_recording(const char *name)
{
	static const char *const ours[] = {
		"inplace-", "copy-", "bindings-", "waiting-", "scheduled-", "sessions-", "index-",
		"plain-", "priority-", "ttl-", "groups-", "dedup-", "headers-"
	};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strncmp(name, ours[i], strlen(ours[i])))
			return true;
	return false;
}

void budget_record(void)
{
	const char *name;
	double value;
	size_t i;

	fputs(head ? head : "", stdout);
	for (i = 0; i < nlines; i++) {
		if (lines[i].kind == DESIGN)
			printf("design %s %.0f\n", lines[i].name, lines[i].value);
		else if (lines[i].kind == FLAT)
			printf("flat %s %s %.2f\n", lines[i].name, lines[i].base,
			       lines[i].value);
	}
	for (i = 0; (name = icount_next(i, &value)); i++)
		if (worth_recording(name))
			printf("recorded %s %.0f\n", name, value);
}
