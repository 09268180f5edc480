// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options;

static const char usage_text[] =
"usage: mqk-bench [OPTION...]\n"
"\n"
"Measures mqk against the other ways to hand messages between processes.\n"
"\n"
"  --quick        two sizes, fewer rounds, less time\n"
"  --cases PATTERN  only the cases whose name matches (shell pattern, several\n"
"                 separated by commas; --list names them)\n"
"  --list         name the cases\n"
"  --rounds N     rounds, of which the medians are reported (5)\n"
"  --time S       seconds that each case is measured in a round (0.3)\n"
"  --no-scale     leave out the cost with many queues, messages, sessions\n"
"  --segment N    bytes of the broker's segments (1 MiB; for messages of 1 MiB\n"
"                 16 MiB)\n"
"  --json FILE    write the results to FILE\n"
"  --svg FILE     draw them\n"
"  --icount       count instructions per message in a single process; for a\n"
"                 machine whose clock counts instructions (QEMU -icount\n"
"                 shift=0,sleep=off).  Adds to the JSON file\n"
"  --budget       as --icount, and hold the counts against the recorded ones, as\n"
"                 TAP; exit status 1 when one is over\n"
"  --record       as --icount, and print the file of recorded counts anew\n"
"  --budgets FILE the recorded counts\n"
"\n"
"A case that cannot be run is named with its reason.  Exit status: 0, 1 a case\n"
"failed or is over its budget, 2 usage.\n";

static _Noreturn void usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static double number(const char *text, double low, double high)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= low && value <= high)) {
		fprintf(stderr, "mqk-bench: not a number from %g to %g: %s\n",
			low, high, text);
		exit(2);
	}
	return value;
}

enum {
	OPT_QUICK = 256, OPT_CASES, OPT_LIST, OPT_ROUNDS, OPT_TIME, OPT_NO_SCALE,
	OPT_SEGMENT, OPT_JSON, OPT_SVG, OPT_ICOUNT, OPT_BUDGET, OPT_RECORD,
	OPT_BUDGETS, OPT_HELP,
};

static const struct option longs[] = {
	{ "quick", no_argument, NULL, OPT_QUICK },
	{ "cases", required_argument, NULL, OPT_CASES },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "time", required_argument, NULL, OPT_TIME },
	{ "no-scale", no_argument, NULL, OPT_NO_SCALE },
	{ "segment", required_argument, NULL, OPT_SEGMENT },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "svg", required_argument, NULL, OPT_SVG },
	{ "icount", no_argument, NULL, OPT_ICOUNT },
	{ "budget", no_argument, NULL, OPT_BUDGET },
	{ "record", no_argument, NULL, OPT_RECORD },
	{ "budgets", required_argument, NULL, OPT_BUDGETS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

void options_parse(int argc, char **argv)
{
	int c;

	options.scale = true;
	options.budgets = MQK_BENCH_BUDGETS;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case OPT_QUICK:		options.quick = true; break;
		case OPT_CASES:		options.cases = optarg; break;
		case OPT_LIST:		options.list = true; break;
		case OPT_ROUNDS:	options.rounds = (int)number(optarg, 1, 1000); break;
		case OPT_TIME:		options.time = number(optarg, 0.01, 60); break;
		case OPT_NO_SCALE:	options.scale = false; break;
		case OPT_SEGMENT:	options.segment = (uint64_t)number(optarg, 65536, 67108864); break;
		case OPT_JSON:		options.json = optarg; break;
		case OPT_SVG:		options.svg = optarg; break;
		case OPT_ICOUNT:	options.icount = true; break;
		case OPT_BUDGET:	options.budget = true; break;
		case OPT_RECORD:	options.record = true; break;
		case OPT_BUDGETS:	options.budgets = optarg; break;
		case OPT_HELP:
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			usage();
		}
	}
	if (optind < argc)
		usage();
	if (options.budget || options.record)
		options.icount = true;
	if (!options.rounds)
		options.rounds = options.quick ? 3 : 5;
	if (options.time == 0)
		options.time = options.quick ? 0.1 : 0.3;
}

bool options_match(const char *name)
{
	char pattern[128];
	const char *p = options.cases, *end;

	if (!p)
		return true;
	for (; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, ",");
		snprintf(pattern, sizeof(pattern), "%.*s", (int)(end - p), p);
		if (!fnmatch(pattern, name, 0))
			return true;
	}
	return false;
}
