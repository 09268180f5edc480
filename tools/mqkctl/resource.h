/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted and limited: MQK_RES_* by name.
 */
#ifndef MQKCTL_RESOURCE_H
#define MQKCTL_RESOURCE_H

#include "json.h"
#include "mqkctl.h"

extern const char *const resource_names[MQK_RES_NR];

/* {"sessions":{"used":N,"limit":N},...}; no limit is null. */
void resources_json(struct json *j, const char *name, const uint64_t *used,
		    const uint64_t *limit);
/* A column of numbers in the table. */
struct table;
void resource_cell(struct table *t, uint64_t limit);

#endif /* MQKCTL_RESOURCE_H */
