/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MQKCTL_TRACELINE_H
#define MQKCTL_TRACELINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Print a line of trace_pipe: task, processor, time, event and its fields; with
 * JSON {"task":..,"pid":..,"cpu":..,"time":..,"event":..,"fields":{..}}.
 */
void trace_line(bool json, const char *line, size_t len);

#endif /* MQKCTL_TRACELINE_H */
