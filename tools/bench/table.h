/* SPDX-License-Identifier: GPL-2.0-only */
/* The results as tables on the terminal. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

void table_print(void);

#endif /* BENCH_TABLE_H */
