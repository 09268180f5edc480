// SPDX-License-Identifier: GPL-2.0-only
#include "say.h"

#include <mqk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *what, int err)
{
	if (err < 0)
		err = -err;
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what,
		err ? ": " : "", err ? strerror(err) : "");
	exit(1);
}

void die_mqk(struct mqk *m, const char *what, int err)
{
	struct mqk_error e = { .size = sizeof(e) };
	char text[MQK_ERROR_TEXT_MAX];

	if (m && !mqk_last_error(m, &e) && (int)e.error == -err) {
		mqk_error_text(&e, text, sizeof(text));
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name,
			what, text);
		exit(1);
	}
	die(what, err);
}

void usage(const char *text)
{
	fprintf(stderr, "usage: %s %s\n", program_invocation_short_name, text);
	exit(2);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
