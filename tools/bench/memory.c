// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

#include <stdio.h>
#include <string.h>

/* The value of a line "name: N kB". */
static int64_t field(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	size_t len = strlen(name);
	long long value = 0;
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':') {
			sscanf(line + len + 1, "%lld", &value);
			break;
		}
	fclose(f);
	return value * 1024;
}

void memory_read(struct memory *m)
{
	const char *all = "/proc/meminfo", *self = "/proc/self/status";

	m->used = field(all, "MemTotal") - field(all, "MemFree");
	m->segments = field(all, "Shmem");
	m->cache = field(all, "Cached") - m->segments + field(all, "Buffers");
	m->own = field(self, "RssAnon") + field(self, "VmPTE");
}

int64_t memory_kernel(const struct memory *before, const struct memory *after)
{
	return (after->used - before->used) -
	       (after->segments - before->segments) -
	       (after->cache - before->cache) - (after->own - before->own);
}
