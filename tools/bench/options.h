/* SPDX-License-Identifier: GPL-2.0-only */
/* What mqk-bench was asked to do. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	bool quick;		/* fewer sizes, rounds, and less time */
	bool icount;		/* count instructions */
	bool budget;		/* hold them against the recorded ones */
	bool record;		/* print what could be recorded */
	bool list;		/* only name the cases */
	bool scale;		/* also the cost at scale */
	int rounds;
	double time;		/* seconds that a round of a test measures */
	const char *cases;	/* shell pattern */
	const char *json;
	const char *svg;
	const char *budgets;
	uint64_t segment;	/* bytes of a broker's segment, 0: by size */
};

extern struct options options;

/* Fills options; does not return when they are wrong. */
void options_parse(int argc, char **argv);
/* Whether a case is among those asked for. */
bool options_match(const char *name);

#endif /* BENCH_OPTIONS_H */
