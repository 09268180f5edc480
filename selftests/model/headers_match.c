// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "exchange.h"

struct how {
	bool any, with_x;
};

static int read_how(const struct table *args, struct how *how)
{
	const struct value *v = table_find(args, "x-match");
	const char *s = v ? v->text : "all";

	if (v && v->type != 'S')
		return -EINVAL;
	how->any = !strncmp(s, "any", 3);
	how->with_x = !strcmp(s, "all-with-x") || !strcmp(s, "any-with-x");
	return how->with_x || !strcmp(s, "all") || !strcmp(s, "any") ? 0 : -EINVAL;
}

int headers_check(const struct table *args)
{
	struct how how;

	return read_how(args, &how);
}

static bool counts(const char *name, const struct how *how)
{
	return how->with_x ? strcmp(name, "x-match") != 0 : strncmp(name, "x-", 2) != 0;
}

/* Without arguments all matches, and any does not. */
bool headers_match(const struct table *args, const struct table *headers)
{
	struct how how;
	unsigned int i;

	if (read_how(args, &how))
		return false;
	for (i = 0; i < args->nr; i++) {
		const struct field *want = &args->field[i];
		const struct value *v = table_find(headers, want->name);
		bool hit = v && (want->value.type == 'V' || value_equal(&want->value, v));

		if (counts(want->name, &how) && hit == how.any)
			return how.any;
	}
	return !how.any;
}
