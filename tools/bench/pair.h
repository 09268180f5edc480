/* SPDX-License-Identifier: GPL-2.0-only */
/* A round of a test: two processes, a link between them, an outcome. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include "bench.h"

#include <stddef.h>

/* Processors that the two processes can be put on. */
int pair_processors(void);
/* Put the calling process on the @n-th of them. */
void pair_pin(int n);

/*
 * Return: 0 and @out; -1 and a sentence at @error.  Both processes are gone
 * when it returns, however they ended.
 */
int pair_run(const struct test *t, struct outcome *out, char *error, size_t room);

#endif /* BENCH_PAIR_H */
