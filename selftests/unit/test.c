// SPDX-License-Identifier: GPL-2.0-only
#include "test.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A broken loop should not bury its first complaint. */
#define MAX_COMPLAINTS	10

static unsigned int complaints;
static const char *skipped;

bool test_check(bool ok, const char *file, int line, const char *what)
{
	if (!ok && complaints++ < MAX_COMPLAINTS)
		printf("# %s:%d: failed: %s\n", file, line, what);
	return ok;
}

bool test_check_eq(long long a, long long b, const char *file, int line, const char *what)
{
	if (!test_check(a == b, file, line, what) && complaints <= MAX_COMPLAINTS)
		printf("#   %lld against %lld\n", a, b);
	return a == b;
}

bool test_check_ok(const char *complaint, const char *file, int line, const char *what)
{
	if (!test_check(!complaint, file, line, what) && complaints <= MAX_COMPLAINTS)
		printf("#   %s\n", complaint);
	return !complaint;
}

void test_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void test_skip(const char *why)
{
	skipped = why;
}

/* MQK_TEST=some words: only the tests with these in their names. */
static bool wanted(const struct test *test, const char *words)
{
	return !words || strstr(test->name, words);
}

int test_run(const struct test *tests, unsigned int n)
{
	const char *only = getenv("MQK_TEST");
	unsigned int i, left = 0, bad = 0;

	for (i = 0; i < n; i++)
		left += wanted(&tests[i], only);
	printf("1..%u\n", left);
	for (i = 0; i < n; i++) {
		if (!wanted(&tests[i], only))
			continue;
		complaints = 0;
		skipped = NULL;
		tests[i].fn();
		if (complaints)
			bad++;
		printf("%s %u - %s%s%s\n", complaints ? "not ok" : "ok", i + 1, tests[i].name,
		       skipped && !complaints ? " # SKIP " : "",
		       skipped && !complaints ? skipped : "");
		fflush(stdout);
	}
	return bad ? 1 : 0;
}
