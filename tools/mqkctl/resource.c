// SPDX-License-Identifier: GPL-2.0-only
#include "resource.h"
#include "table.h"

const char *const resource_names[MQK_RES_NR] = {
	[MQK_RES_SESSIONS]	= "sessions",
	[MQK_RES_PORTS]		= "ports",
	[MQK_RES_CONSUMERS]	= "consumers",
	[MQK_RES_EXCHANGES]	= "exchanges",
	[MQK_RES_QUEUES]	= "queues",
	[MQK_RES_BINDINGS]	= "bindings",
	[MQK_RES_MESSAGES]	= "messages",
	[MQK_RES_BYTES]		= "bytes",
	[MQK_RES_MAPPED]	= "mapped",
};

/* No number of things comes near: there is no limit. */
static bool limitless(uint64_t limit)
{
	return limit >= INT64_MAX;
}

void resources_json(struct json *j, const char *name, const uint64_t *used,
		    const uint64_t *limit)
{
	unsigned int i;

	json_open(j, name, '{');
	for (i = 0; i < MQK_RES_NR; i++) {
		json_open(j, resource_names[i], '{');
		json_u64(j, "used", used[i]);
		if (limitless(limit[i]))
			json_null(j, "limit");
		else
			json_u64(j, "limit", limit[i]);
		json_close(j, '}');
	}
	json_close(j, '}');
}

void resource_cell(struct table *t, uint64_t limit)
{
	if (limitless(limit))
		table_text(t, "-");
	else
		table_u64(t, limit);
}
