/* SPDX-License-Identifier: GPL-2.0-only */
/* How the programs of the demo complain. */
#ifndef DEMO_SAY_H
#define DEMO_SAY_H

#include <stdint.h>

struct mqk;

/* Both print "PROGRAM: WHAT: reason" on standard error and exit with 1. */
_Noreturn void die(const char *what, int err);
/* With the kernel's reason for what it refused last. */
_Noreturn void die_mqk(struct mqk *m, const char *what, int err);

/* Prints a usage line and exits with 2. */
_Noreturn void usage(const char *text);

/* CLOCK_MONOTONIC, the same in all processes. */
uint64_t now_ns(void);

#endif /* DEMO_SAY_H */
