// SPDX-License-Identifier: GPL-2.0-only
#include "result.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTED	"\"metric\":\"instructions_per_msg\""

static struct result *results;
static size_t count, room;

void result_add(const struct result *r)
{
	if (count == room) {
		room = room ? 2 * room : 256;
		results = realloc(results, room * sizeof(*results));
		if (!results) {
			perror("mqk-bench");
			exit(1);
		}
	}
	results[count++] = *r;
}

size_t result_list(const struct result **list)
{
	*list = results;
	return count;
}

double result_value(const char *mechanism, const char *wait, const char *metric,
		    uint32_t size, uint32_t batch)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct result *r = &results[i];

		if (!r->scale && r->size == size && r->batch == batch &&
		    !strcmp(r->mechanism, mechanism) && !strcmp(r->wait, wait) &&
		    !strcmp(r->metric, metric))
			return r->value;
	}
	return -1;
}

static void write_result(FILE *f, const struct result *r)
{
	fprintf(f, "{\"mechanism\":\"%s\"", r->mechanism);
	if (r->scale)
		fprintf(f, ",\"case\":\"%s\",\"n\":%" PRIu64, r->scale, r->n);
	if (r->keys)
		fprintf(f, ",\"keys\":\"%s\"", r->keys);
	fprintf(f, ",\"size\":%u,\"batch\":%u,\"wait\":\"%s\",\"metric\":\"%s\",\"value\":%.*f}",
		r->size, r->batch, r->wait, r->metric,
		r->value < 100 ? 2 : r->value < 10000 ? 1 : 0, r->value);
}

/* Copy the objects of an earlier file, one a line, but for counts. */
static size_t copy_earlier(FILE *to, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512], *end;
	size_t n = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		end = strrchr(line, '}');
		if (line[0] != '{' || !end || strstr(line, COUNTED))
			continue;
		end[1] = 0;
		fprintf(to, "%s%s", n++ ? ",\n" : "", line);
	}
	fclose(f);
	return n;
}

int result_write(const char *path, bool merge)
{
	char tmp[4096];
	size_t n = 0, i;
	FILE *f;
	int err;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	f = fopen(tmp, "w");
	if (!f)
		return -errno;
	fputs("[\n", f);
	if (merge)
		n = copy_earlier(f, path);
	for (i = 0; i < count; i++) {
		if (merge && strcmp(results[i].metric, "instructions_per_msg"))
			continue;
		fputs(n++ ? ",\n" : "", f);
		write_result(f, &results[i]);
	}
	fputs("\n]\n", f);
	err = ferror(f) ? -EIO : 0;
	if (fclose(f) && !err)
		err = -errno;
	if (!err && rename(tmp, path))
		err = -errno;
	if (err)
		remove(tmp);
	return err;
}
