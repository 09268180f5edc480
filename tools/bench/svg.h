/* SPDX-License-Identifier: GPL-2.0-only */
/* The results as a drawing. */
#ifndef BENCH_SVG_H
#define BENCH_SVG_H

/* Return: 0 or -errno. */
int svg_write(const char *path);

#endif /* BENCH_SVG_H */
