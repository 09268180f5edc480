// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqkctl --complete WORD...: what could stand in the place of the last word,
 * a candidate a line.  The words are those behind the program's name.  Exit
 * status 3 asks the shell for names of files instead.
 *
 * All is taken from the table of commands, and names from the broker.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

#define FILES	3

static const char *const global_words[] = {
	"-b", "-j", "--help", "--version",
};

/* A name that a completion script can take as a line. */
static void candidate(const char *name, const char *beginning)
{
	const char *s;

	for (s = name; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return;
	if (*name && !strncmp(name, beginning, strlen(beginning)))
		puts(name);
}

static void brokers(struct ctl *ctl, const char *word)
{
	struct mqk_broker_info b = { .sz = sizeof(b) };
	struct mqk *m = ctl_control(ctl);

	while (m && mqk_broker_next(m, &b) > 0)
		candidate(b.name, word);
}

static void exchanges(struct ctl *ctl, const char *word)
{
	struct mqk_exchange_info x = { .sz = sizeof(x) };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);

	while (m && mqk_exchange_next(m, &x) > 0)
		candidate(x.name, word);
}

static void queues(struct ctl *ctl, const char *word)
{
	struct mqk_queue_info q = { .sz = sizeof(q) };
	struct mqk *m = ctl_session(ctl, ACCESS_ANY);

	while (m && mqk_queue_next(m, &q) > 0)
		candidate(q.name, word);
}

/* Words of a place: by what it is called and whose it is. */
static int position(struct ctl *ctl, const struct command *c, int place,
		    const char *word)
{
	const char *what = place < POSITIONS && c->pos[place] ?
			   c->pos[place] : "";

	if (!strcmp(what, "FILE"))
		return FILES;
	if (!strcmp(what, "EXCHANGE"))
		exchanges(ctl, word);
	else if (!strcmp(what, "QUEUE"))
		queues(ctl, word);
	else if (strcmp(what, "NAME"))
		return DONE;
	else if (!strcmp(c->noun, "broker"))
		brokers(ctl, word);
	else if (!strcmp(c->noun, "exchange"))
		exchanges(ctl, word);
	else
		queues(ctl, word);
	return DONE;
}

static int option_words(enum opt opt, const char *word)
{
	static const char *const exchange_types[] = {
		"direct", "fanout", "topic", "headers", "x-consistent-hash",
		"x-last-value",
	};
	size_t nr = sizeof(exchange_types) / sizeof(exchange_types[0]);
	size_t i;

	if (opt == OPT_FILE || opt == OPT_POLICIES || opt == OPT_DIR)
		return FILES;
	for (i = 0; opt == OPT_TYPE && i < nr; i++)
		candidate(exchange_types[i], word);
	return DONE;
}

static void options(const struct command *c, const char *word)
{
	char name[64];
	unsigned int i;

	for (i = 0; i < OPT_NR; i++) {
		if (!(c->opts >> i & 1))
			continue;
		snprintf(name, sizeof(name), "--%s", option_texts[i].name);
		candidate(name, word);
	}
	candidate("--help", word);
}

static int behind_command(struct ctl *ctl, const struct command *c, int argc,
			  char **argv)
{
	const char *last = argv[argc - 1];
	int i, place = 0;

	for (i = 0; i < argc - 1; i++) {
		enum opt opt;

		if (strncmp(argv[i], "--", 2)) {
			place++;
			continue;
		}
		opt = option_find(argv[i] + 2);
		if (opt == OPT_NR || !option_texts[opt].value ||
		    strchr(argv[i], '='))
			continue;
		if (++i == argc - 1)
			return option_words(opt, last);
	}
	if (*last == '-') {
		options(c, last);
		return DONE;
	}
	return position(ctl, c, place, last);
}

static void nouns(const char *word)
{
	unsigned int i;

	for (i = 0; i < commands_nr; i++)
		if (!i || strcmp(commands[i].noun, commands[i - 1].noun))
			candidate(commands[i].noun, word);
	for (i = 0; i < sizeof(global_words) / sizeof(global_words[0]); i++)
		if (*word == '-')
			candidate(global_words[i], word);
}

static void verbs(const char *noun, const char *word)
{
	unsigned int i;

	for (i = 0; i < commands_nr; i++)
		if (!strcmp(commands[i].noun, noun) && commands[i].verb)
			candidate(commands[i].verb, word);
}

static bool has_verbs(const char *noun)
{
	unsigned int i;

	for (i = 0; i < commands_nr; i++)
		if (!strcmp(commands[i].noun, noun))
			return commands[i].verb != NULL;
	return false;
}

/* Leave the options before the command behind; -1: the last word is one's. */
static int skip_globals(struct ctl *ctl, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc - 1 && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-b") && strcmp(argv[i], "--broker"))
			continue;
		if (++i == argc - 1)
			return -1;
		ctl->broker = argv[i];
	}
	return i;
}

int complete(struct ctl *ctl, int argc, char **argv)
{
	const struct command *c;
	int skip, used, status, null;

	if (argc < 1)
		return USAGE;
	/* A completion has nothing to say when something is wrong. */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	skip = skip_globals(ctl, argc, argv);
	if (skip < 0) {
		brokers(ctl, argv[argc - 1]);
		return DONE;
	}
	argc -= skip;
	argv += skip;
	if (argc == 1) {
		nouns(argv[0]);
		return DONE;
	}
	if (argc == 2 && has_verbs(argv[0])) {
		verbs(argv[0], argv[1]);
		return DONE;
	}
	c = command_find(ctl, argc, argv, &used, &status);
	if (!c)
		return DONE;
	return behind_command(ctl, c, argc - used, argv + used);
}
