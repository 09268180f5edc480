// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "number.h"

enum opt option_find(const char *text)
{
	size_t len = strcspn(text, "=");
	unsigned int i;

	for (i = 0; i < OPT_NR; i++)
		if (strlen(option_texts[i].name) == len &&
		    !memcmp(option_texts[i].name, text, len))
			break;
	return (enum opt)i;
}

/* The options of a command by an unambiguous beginning. */
static enum opt option_short(const struct command *c, const char *text)
{
	size_t len = strcspn(text, "=");
	enum opt found = option_find(text);
	unsigned int i;

	if (found != OPT_NR || !len)
		return found;
	for (i = 0; i < OPT_NR; i++) {
		if (!(c->opts >> i & 1) ||
		    strncmp(option_texts[i].name, text, len))
			continue;
		if (found != OPT_NR)
			return OPT_NR;
		found = (enum opt)i;
	}
	return found;
}

static int usage_hint(struct ctl *ctl, const struct command *c)
{
	fprintf(stderr, "mqkctl: %susage: ", ctl->where);
	usage_line(stderr, c);
	return USAGE;
}

/* Take an option whose value, if any, is given or the next word. */
static int take_option(struct ctl *ctl, struct args *args, const char *word,
		       const char *next, int *used)
{
	const struct command *c = args->command;
	enum opt opt = option_short(c, word + 2);
	const char *value = strchr(word, '=');
	const struct option_text *o;

	*used = 1;
	if (opt == OPT_NR || !(c->opts >> opt & 1)) {
		bad_usage(ctl, "%s%s%s: no option %.*s", c->noun,
			  c->verb ? " " : "", c->verb ? c->verb : "",
			  (int)strcspn(word, "="), word);
		return usage_hint(ctl, c);
	}
	o = &option_texts[opt];
	if (!o->value && value)
		return bad_usage(ctl, "option --%s takes no value", o->name);
	if (!o->many && args_has(args, opt))
		return bad_usage(ctl, "option --%s is given twice", o->name);
	if (o->value && value) {
		value++;
	} else if (o->value) {
		if (!next)
			return bad_usage(ctl, "option --%s needs a value (%s)",
					 o->name, o->value);
		value = next;
		*used = 2;
	}
	args->given[args->ngiven].opt = opt;
	args->given[args->ngiven++].value = value ? value : "";
	return DONE;
}

/* -b and -j behind the command, as before it. */
static int take_global(struct ctl *ctl, const char *word, const char *next,
		       int *used)
{
	*used = 1;
	if (!strcmp(word, "-j") || !strcmp(word, "--json")) {
		ctl->json = true;
		return DONE;
	}
	if (!strcmp(word, "-h") || !strcmp(word, "--help"))
		return HELP;
	if (!strcmp(word, "-b") || !strcmp(word, "--broker")) {
		if (!next)
			return bad_usage(ctl, "option -b needs the name of a broker");
		ctl->broker = next;
		*used = 2;
		return DONE;
	}
	*used = 0;
	return DONE;
}

static int take_word(struct ctl *ctl, struct args *args, int argc, char **argv,
		     int *used)
{
	const char *word = argv[0];
	const char *next = argc > 1 ? argv[1] : NULL;
	int status = take_global(ctl, word, next, used);

	if (status || *used)
		return status;
	if (!strcmp(word, "-n") && args->command->opts & OPT(ITERATIONS))
		word = "--iterations";
	if (!strncmp(word, "--", 2))
		return take_option(ctl, args, word, next, used);
	if (word[0] == '-' && word[1]) {
		bad_usage(ctl, "no option %s; put -- before a word that begins with a dash",
			  word);
		return usage_hint(ctl, args->command);
	}
	args->pos[args->npos++] = word;
	*used = 1;
	return DONE;
}

static bool many_positions(const struct command *c, int *max)
{
	bool many = false;

	for (*max = 0; *max < POSITIONS && c->pos[*max]; (*max)++)
		many = strstr(c->pos[*max], "...") != NULL;
	return many;
}

static int check_positions(struct ctl *ctl, const struct args *args)
{
	const struct command *c = args->command;
	int max;
	bool many = many_positions(c, &max);

	if (args->npos < max && c->pos[args->npos][0] != '[') {
		bad_usage(ctl, "%s%s%s: %s is missing", c->noun,
			  c->verb ? " " : "", c->verb ? c->verb : "",
			  c->pos[args->npos]);
		return usage_hint(ctl, c);
	}
	if (args->npos > max && !many) {
		bad_usage(ctl, "%s%s%s: there is no place for '%s'", c->noun,
			  c->verb ? " " : "", c->verb ? c->verb : "",
			  args->pos[max]);
		return usage_hint(ctl, c);
	}
	return DONE;
}

static int check_needs(struct ctl *ctl, const struct args *args)
{
	const struct command *c = args->command;
	unsigned int i;

	if (args_has(args, OPT_PASSIVE))
		return DONE;
	for (i = 0; i < OPT_NR; i++) {
		if (!(c->needs >> i & 1) || args_has(args, (enum opt)i))
			continue;
		bad_usage(ctl, "%s%s%s: --%s is missing", c->noun,
			  c->verb ? " " : "", c->verb ? c->verb : "",
			  option_texts[i].name);
		return usage_hint(ctl, c);
	}
	return DONE;
}

static int check_alternatives(struct ctl *ctl, const struct args *args)
{
	const char *first = NULL;
	int i;

	for (i = 0; i < args->ngiven; i++) {
		enum opt opt = args->given[i].opt;

		if (!(args->command->one_of >> opt & 1))
			continue;
		if (first)
			return bad_usage(ctl, "--%s and --%s exclude each other",
					 first, option_texts[opt].name);
		first = option_texts[opt].name;
	}
	return DONE;
}

int args_parse(struct ctl *ctl, const struct command *command, int argc,
	       char **argv, struct args *args)
{
	int status = DONE, used, i;

	memset(args, 0, sizeof(*args));
	args->command = command;
	args->pos = calloc((size_t)argc + POSITIONS + 1, sizeof(*args->pos));
	args->given = calloc((size_t)argc + 1, sizeof(*args->given));
	if (!args->pos || !args->given)
		return out_of_memory(ctl);
	for (i = 0; i < argc; i += used) {
		if (!strcmp(argv[i], "--")) {
			while (++i < argc)
				args->pos[args->npos++] = argv[i];
			break;
		}
		status = take_word(ctl, args, argc - i, argv + i, &used);
		if (status)
			return status;
	}
	status = check_positions(ctl, args);
	if (!status)
		status = check_needs(ctl, args);
	return status ? status : check_alternatives(ctl, args);
}

void args_free(struct args *args)
{
	free(args->pos);
	free(args->given);
}

const char *args_each(const struct args *args, enum opt opt, int *pos)
{
	while (*pos < args->ngiven) {
		const struct given *g = &args->given[(*pos)++];

		if (g->opt == opt)
			return g->value;
	}
	return NULL;
}

const char *args_value(const struct args *args, enum opt opt)
{
	int pos = 0;

	return args_each(args, opt, &pos);
}

bool args_has(const struct args *args, enum opt opt)
{
	return args_value(args, opt) != NULL;
}

int args_count(struct ctl *ctl, const struct args *args, enum opt opt,
	       uint64_t min, uint64_t max, uint64_t *value)
{
	const char *text = args_value(args, opt);
	uint64_t v;

	if (!text)
		return DONE;
	if (!number_u64(text, &v) || v < min || v > max)
		return bad_usage(ctl, "--%s %s: give a number from %" PRIu64 " to %" PRIu64,
				 option_texts[opt].name, text, min, max);
	*value = v;
	return DONE;
}

int args_size(struct ctl *ctl, const struct args *args, enum opt opt,
	      uint64_t *value)
{
	const char *text = args_value(args, opt);

	if (text && !number_size(text, value))
		return bad_usage(ctl, "--%s %s: give a number of bytes, such as 65536 or 64K",
				 option_texts[opt].name, text);
	return DONE;
}

int args_mode(struct ctl *ctl, const struct args *args, bool *set,
	      uint32_t *mode)
{
	const char *text = args_value(args, OPT_MODE);

	if (!text)
		return DONE;
	if (!number_mode(text, mode))
		return bad_usage(ctl, "--mode %s: give an octal number from 0 to 0777",
				 text);
	*set = true;
	return DONE;
}
