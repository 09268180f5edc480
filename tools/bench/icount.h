/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions per message, on a machine whose clock counts instructions.
 *
 * Everything runs in one thread: getppid(), a trivial ioctl, and a message of
 * 64 bytes out and in again through mqueue, SEQPACKET, stream, pipe and mqk
 * (in place and by copy, one at a time and in batches of 32, the
 * acknowledgement included), then the cases at scale.
 */
#ifndef BENCH_ICOUNT_H
#define BENCH_ICOUNT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the clock counts instructions here. */
bool icount_clock(void);
void icount_list(void);
/* Run those that were asked for.  Return: cases that failed. */
int icount_run(void);

/* Whether a case was asked for: by --cases, by the file of budgets. */
bool icount_wanted(const char *name);

/* Counts by the name of their case; the one of @name, or negative. */
void icount_note(const char *name, double value);
double icount_value(const char *name);
/* Number @i of them, in order; NULL: there are no more. */
const char *icount_next(size_t i, double *value);
void icount_print(void);

/* budget.c: whether the file of budgets has a line on @name */
bool budget_wants(const char *name);
/* Read it.  Return: 0, or -1 and a message was printed. */
int budget_read(const char *path);
/* Print TAP.  Return: misses. */
int budget_check(void);
/* Print the file anew, with what was counted now. */
void budget_record(void);

#endif /* BENCH_ICOUNT_H */
