/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a broker in the text format that Prometheus scrapes.
 *
 * Counters end in _total; what can fall is a gauge.  All samples of a metric
 * stand together behind its HELP and TYPE.  A name that is not well-formed UTF-8
 * is written as in JSON, and a second label with _base64 behind it tells it apart.
 */
#ifndef MQKCTL_PROMETHEUS_H
#define MQKCTL_PROMETHEUS_H

#include "sample.h"

/**
 * struct stat_counter - a member of struct mqk_stat
 * @name: its name
 * @offset: where it is
 * @help: what it counts
 * @gauge: it can fall
 */
struct stat_counter {
	const char *name;
	size_t offset;
	const char *help;
	bool gauge;
};

/* Print all; a negative errno when a call was refused meanwhile. */
int prometheus_print(struct mqk *m, const char *broker,
		     const struct stat_counter *counters, size_t n);

#endif /* MQKCTL_PROMETHEUS_H */
