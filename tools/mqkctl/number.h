/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers out of texts.  A text counts as a whole, or not at all: false.
 */
#ifndef MQKCTL_NUMBER_H
#define MQKCTL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool number_u64(const char *text, uint64_t *value);
bool number_i64(const char *text, int64_t min, int64_t max, int64_t *value);
/* With K, M, G or T behind it, for powers of 1024. */
bool number_size(const char *text, uint64_t *value);
/* Octal, at most 0777. */
bool number_mode(const char *text, uint32_t *value);
/* Not negative, finite, at most a year. */
bool number_seconds(const char *text, double *value);
bool number_double(const char *text, double *value);

#endif /* MQKCTL_NUMBER_H */
