/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands, their options, and a command line that was checked against them.
 *
 * A command has one word ("publish") or two ("queue declare").  Positional
 * arguments are described by words: "NAME" must be there, "[NAME]" may, and
 * "[NAME]..." as often as one likes; that is also what usage texts print and
 * what completion goes by.  Options may stand anywhere behind the command,
 * "--" ends them, `--name VALUE' and `--name=VALUE' are the same.
 */
#ifndef MQKCTL_ARGS_H
#define MQKCTL_ARGS_H

#include <stdio.h>

#include "mqkctl.h"

enum opt {
	OPT_ACK,
	OPT_AFTER,
	OPT_APPLY_TO,
	OPT_ARG,
	OPT_AUTO_DELETE,
	OPT_BATCH,
	OPT_BCC,
	OPT_CC,
	OPT_CONFIRM,
	OPT_COUNT,
	OPT_DELAY,
	OPT_DELIVER,
	OPT_DIR,
	OPT_DURABLE,
	OPT_EXCLUSIVE,
	OPT_FILE,
	OPT_FORCE,
	OPT_GROUP,
	OPT_HEADER,
	OPT_IF_EMPTY,
	OPT_IF_UNUSED,
	OPT_INTERNAL,
	OPT_INTERVAL,
	OPT_ITERATIONS,
	OPT_LIMIT,
	OPT_LINES,
	OPT_MANDATORY,
	OPT_MAX_BYTES,
	OPT_MODE,
	OPT_NO_ACK,
	OPT_NOMAP,
	OPT_NUMBER,
	OPT_OWNER,
	OPT_PASSIVE,
	OPT_POLICIES,
	OPT_PREFETCH,
	OPT_PRIORITY,
	OPT_PRODUCER,
	OPT_PROMETHEUS,
	OPT_PROPERTY,
	OPT_PUBLISH,
	OPT_RAW,
	OPT_REJECT,
	OPT_REQUEUE,
	OPT_SEGMENT_SIZE,
	OPT_SYNC,
	OPT_TIMEOUT,
	OPT_TO_EXCHANGE,
	OPT_TYPE,
	OPT_NR
};

#define OPT(name)	((uint64_t)1 << OPT_##name)

/**
 * struct option_text - an option, the same wherever it appears
 * @name: without the dashes
 * @value: what its value is called; NULL: it has none
 * @many: may be given several times
 * @help: what it does
 */
struct option_text {
	const char *name;
	const char *value;
	bool many;
	const char *help;
};

extern const struct option_text option_texts[OPT_NR];

#define POSITIONS	3

struct args;

/**
 * struct command - a row of the table
 * @noun: first word
 * @verb: second word, NULL: there is none
 * @pos: positional arguments
 * @opts: options that it takes
 * @one_of: those of which one may be given
 * @needs: those that must be given, unless --passive is
 * @help: what it does
 * @run: does it, returns an exit status
 */
struct command {
	const char *noun;
	const char *verb;
	const char *pos[POSITIONS];
	uint64_t opts;
	uint64_t one_of;
	uint64_t needs;
	const char *help;
	int (*run)(struct ctl *ctl, const struct args *args);
};

extern const struct command commands[];
extern const unsigned int commands_nr;

struct given {
	enum opt opt;
	const char *value;
};

/**
 * struct args - a command line
 * @command: its command
 * @pos: positional arguments; NULL behind the last one
 * @npos: how many
 * @given: options in the order in which they were given
 * @ngiven: how many
 */
struct args {
	const struct command *command;
	const char **pos;
	int npos;
	struct given *given;
	int ngiven;
};

/*
 * Split the words behind the command; args_free() in any case.  Takes -j, -b
 * and -h there as well.  HELP: usage was asked for.
 */
#define HELP	(-1)
int args_parse(struct ctl *ctl, const struct command *command, int argc,
	       char **argv, struct args *args);
void args_free(struct args *args);

bool args_has(const struct args *args, enum opt opt);
/* Value of an option, NULL when it was not given. */
const char *args_value(const struct args *args, enum opt opt);
/* The next use of an option behind *pos, which begins as 0; NULL: no more. */
const char *args_each(const struct args *args, enum opt opt, int *pos);

/*
 * Numbers out of options.  With no such option *value is left alone.  DONE, or
 * USAGE with the reason printed.
 */
int args_count(struct ctl *ctl, const struct args *args, enum opt opt,
	       uint64_t min, uint64_t max, uint64_t *value);
int args_size(struct ctl *ctl, const struct args *args, enum opt opt,
	      uint64_t *value);
int args_mode(struct ctl *ctl, const struct args *args, bool *set,
	      uint32_t *mode);

/* Find the command that words name, exactly or by an abbreviation. */
const struct command *command_find(struct ctl *ctl, int argc, char **argv,
				   int *used, int *status);
/* The one of n words that word is or begins, -1: none, -2: several. */
int word_find(const char *word, const char *const *words, int n);

/* The option that text names (up to its end or '='), OPT_NR: none. */
enum opt option_find(const char *text);

/* Usage texts (usage.c) */
void usage_line(FILE *f, const struct command *command);
void usage_command(FILE *f, const struct command *command);
void usage_noun(FILE *f, const char *noun);
void usage_all(FILE *f);

#endif /* MQKCTL_ARGS_H */
