// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#include "args.h"
#include "commands.h"

#define OUTPUT_BUFFER	(64 * 1024)

#ifndef VERSION
#define VERSION "0.0.0"
#endif

static int version(void)
{
	printf("mqkctl %s, library %s, ABI %d\n", VERSION, mqk_version(),
	       MQK_ABI);
	return DONE;
}

/* Options before the command; *used is how many words they were. */
static int global_options(struct ctl *ctl, int argc, char **argv, int *used)
{
	int i;

	for (i = 0; i < argc && argv[i][0] == '-'; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "-j") || !strcmp(word, "--json")) {
			ctl->json = true;
		} else if (!strcmp(word, "-b") || !strcmp(word, "--broker")) {
			if (++i == argc)
				return bad_usage(ctl, "option -b needs the name of a broker");
			ctl->broker = argv[i];
		} else if (!strncmp(word, "--broker=", 9)) {
			ctl->broker = word + 9;
		} else if (!strncmp(word, "-b", 2)) {
			ctl->broker = word + 2;
		} else if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
			usage_all(stdout);
			return HELP;
		} else if (!strcmp(word, "-V") || !strcmp(word, "--version")) {
			version();
			return HELP;
		} else {
			return bad_usage(ctl, "no option %s; mqkctl --help lists what there is",
					 word);
		}
	}
	*used = i;
	return DONE;
}

static int help(struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;
	int used, status;

	if (!argc) {
		usage_all(stdout);
		return DONE;
	}
	if (argc == 1) {
		char *words[2] = { argv[0], "--help" };

		command = command_find(ctl, 2, words, &used, &status);
	} else {
		command = command_find(ctl, argc, argv, &used, &status);
	}
	if (!command)
		return status;
	usage_command(stdout, command);
	return DONE;
}

int ctl_run(struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;
	struct args args;
	int used, status;

	status = global_options(ctl, argc, argv, &used);
	if (status)
		return status == HELP ? DONE : status;
	argc -= used;
	argv += used;
	if (!argc)
		return bad_usage(ctl, "a command is missing; mqkctl --help lists them");
	if (!strcmp(argv[0], "help"))
		return help(ctl, argc - 1, argv + 1);
	command = command_find(ctl, argc, argv, &used, &status);
	if (!command)
		return status;
	status = args_parse(ctl, command, argc - used, argv + used, &args);
	if (status == HELP) {
		usage_command(stdout, command);
		status = DONE;
	} else if (status == DONE) {
		status = command->run(ctl, &args);
	}
	args_free(&args);
	return status;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .where = "" };
	int status;

	/* Writing tells; consume has to know what was not printed. */
	signal(SIGPIPE, SIG_IGN);
	/* One thread, and commands flush where somebody waits. */
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	__fsetlocking(stdout, FSETLOCKING_BYCALLER);
	if (argc > 1 && !strcmp(argv[1], "--complete"))
		status = complete(&ctl, argc - 2, argv + 2);
	else
		status = ctl_run(&ctl, argc - 1, argv + 1);
	ctl_sessions_close(&ctl);
	if ((fflush(stdout) || ferror(stdout)) && status == DONE) {
		/* The reason is that of the first failure, long gone. */
		status = refuse(&ctl, "standard output: not all could be written");
	}
	return status;
}
