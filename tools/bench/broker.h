/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The broker of this run: bench-PID, removed when the run ends, also by a
 * signal that can be caught.
 */
#ifndef BENCH_BROKER_H
#define BENCH_BROKER_H

#include <mqk.h>

/*
 * Make the broker with segments of @segment_size bytes (not 0), in place of the
 * one there is if that has others.  Return: 0, or -errno and @why.
 */
int broker_need(uint64_t segment_size, const char **why);
/* Remove it, with all that is in it. */
void broker_remove(void);
const char *broker_name(void);

/* "exchange: No such file or directory" and the kernel's reason, if it has one. */
const char *broker_error(struct mqk *m, int err, const char *what);

#endif /* BENCH_BROKER_H */
