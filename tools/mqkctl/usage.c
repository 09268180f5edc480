// SPDX-License-Identifier: GPL-2.0-only
/*
 * Usage texts, made out of the table; and finding a command in it.
 */
#include <string.h>

#include "args.h"

#define NAMES_MAX	32	/* first words, or second ones of a first one */

static void put_option(FILE *f, unsigned int opt)
{
	const struct option_text *o = &option_texts[opt];

	fprintf(f, "--%s%s%s", o->name, o->value ? " " : "",
		o->value ? o->value : "");
}

static void put_alternatives(FILE *f, uint64_t opts)
{
	const char *between = " [";
	unsigned int i;

	for (i = 0; i < OPT_NR; i++) {
		if (!(opts >> i & 1))
			continue;
		fputs(between, f);
		put_option(f, i);
		between = " | ";
	}
	putc(']', f);
}

void usage_line(FILE *f, const struct command *c)
{
	unsigned int i;

	fprintf(f, "mqkctl [-b BROKER] [-j] %s%s%s", c->noun,
		c->verb ? " " : "", c->verb ? c->verb : "");
	for (i = 0; i < POSITIONS && c->pos[i]; i++)
		fprintf(f, " %s", c->pos[i]);
	for (i = 0; i < OPT_NR; i++) {
		if (!(c->needs >> i & 1))
			continue;
		putc(' ', f);
		put_option(f, i);
	}
	if (c->one_of)
		put_alternatives(f, c->one_of);
	for (i = 0; i < OPT_NR; i++) {
		if (!((c->opts & ~c->one_of & ~c->needs) >> i & 1))
			continue;
		fputs(" [", f);
		put_option(f, i);
		fprintf(f, "]%s", option_texts[i].many ? "..." : "");
	}
	putc('\n', f);
}

static int option_width(unsigned int opt)
{
	const struct option_text *o = &option_texts[opt];

	return (int)(strlen(o->name) + (o->value ? strlen(o->value) + 1 : 0));
}

void usage_command(FILE *f, const struct command *c)
{
	int width = 0;
	unsigned int i;

	fputs("usage: ", f);
	usage_line(f, c);
	fprintf(f, "\n  %s\n", c->help);
	for (i = 0; i < OPT_NR; i++)
		if (c->opts >> i & 1 && option_width(i) > width)
			width = option_width(i);
	if (c->opts)
		putc('\n', f);
	for (i = 0; i < OPT_NR; i++) {
		if (!(c->opts >> i & 1))
			continue;
		fputs("  ", f);
		put_option(f, i);
		fprintf(f, "%*s  %s\n", width - option_width(i), "",
			option_texts[i].help);
	}
}

void usage_noun(FILE *f, const char *noun)
{
	const char *before = "usage: ";
	unsigned int i;

	for (i = 0; i < commands_nr; i++) {
		if (strcmp(commands[i].noun, noun))
			continue;
		fputs(before, f);
		usage_line(f, &commands[i]);
		before = "       ";
	}
}

void usage_all(FILE *f)
{
	unsigned int i;

	fputs("usage: mqkctl [-b BROKER] [-j] COMMAND ...\n"
	      "       mqkctl COMMAND --help | --help | --version\n\n"
	      "  -b BROKER   a broker's name, or the path of its node [default]\n"
	      "  -j          print JSON, one object a line\n\n"
	      "Commands, which may be abbreviated:\n", f);
	for (i = 0; i < commands_nr; i++) {
		const struct command *c = &commands[i];

		fprintf(f, "  %-8s %-8s %s\n", c->noun, c->verb ? c->verb : "",
			c->help);
	}
	fputs("\nmqkctl(8) has the details.\n", f);
}

int word_find(const char *word, const char *const *words, int n)
{
	size_t len = strlen(word);
	int i, found = -1;

	for (i = 0; i < n; i++) {
		if (!strcmp(words[i], word))
			return i;
		if (!len || strncmp(words[i], word, len))
			continue;
		found = found == -1 ? i : -2;
	}
	return found;
}

/* First words without repetition, or the second ones of a noun. */
static int words_of(const char *noun, const char **words)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < commands_nr && n < NAMES_MAX; i++) {
		const struct command *c = &commands[i];

		if (noun ? strcmp(c->noun, noun) || !c->verb :
			   n && !strcmp(words[n - 1], c->noun))
			continue;
		words[n++] = noun ? c->verb : c->noun;
	}
	return n;
}

static const struct command *row(const char *noun, const char *verb)
{
	unsigned int i;

	for (i = 0; i < commands_nr; i++)
		if (!strcmp(commands[i].noun, noun) &&
		    (!verb || !strcmp(commands[i].verb, verb)))
			return &commands[i];
	return NULL;
}

static int not_found(struct ctl *ctl, const char *word, const char *noun,
		     const char *const *words, int n, int found)
{
	char list[256] = "";
	size_t len = 0;
	int i;

	for (i = 0; i < n && len < sizeof(list); i++) {
		if (found == -2 && strncmp(words[i], word, strlen(word)))
			continue;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					len ? ", " : "", words[i]);
	}
	return bad_usage(ctl, "%s%s%s'%s' is %s: %s", noun ? noun : "",
			 noun ? ": " : "", noun ? "" : "command ", word,
			 found == -2 ? "ambiguous" : "not one of", list);
}

static int asks_for_help(const char *word)
{
	return !strcmp(word, "-h") || !strcmp(word, "--help");
}

const struct command *command_find(struct ctl *ctl, int argc, char **argv,
				   int *used, int *status)
{
	const char *words[NAMES_MAX];
	int n = words_of(NULL, words);
	int found = word_find(argv[0], words, n);
	const char *noun;

	*used = 1;
	if (found < 0) {
		*status = not_found(ctl, argv[0], NULL, words, n, found);
		return NULL;
	}
	noun = words[found];
	n = words_of(noun, words);
	if (!n)
		return row(noun, NULL);
	*used = 2;
	if (argc > 1 && asks_for_help(argv[1])) {
		usage_noun(stdout, noun);
		*status = DONE;
		return NULL;
	}
	if (argc < 2) {
		*status = bad_usage(ctl, "%s: what to do is missing", noun);
		usage_noun(stderr, noun);
		return NULL;
	}
	found = word_find(argv[1], words, n);
	if (found < 0) {
		*status = not_found(ctl, argv[1], noun, words, n, found);
		return NULL;
	}
	return row(noun, words[found]);
}
