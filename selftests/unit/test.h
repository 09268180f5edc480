/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H

/*
 * A test program is a table of functions and test_run() as its main(). Output
 * is TAP: "ok N - name", "not ok N - name", "ok N - name # SKIP why".
 */

#include <stdbool.h>
#include <stdio.h>

struct test {
	const char *name;
	void (*fn)(void);
};

/* A failed check marks the running test; it goes on. */
#define CHECK(cond)	test_check(!!(cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(a, b)	test_check_eq((long long)(a), (long long)(b), \
				      __FILE__, __LINE__, #a " == " #b)
/* For functions that return NULL or a complaint. */
#define CHECK_OK(msg)	test_check_ok(msg, __FILE__, __LINE__, #msg)

bool test_check(bool ok, const char *file, int line, const char *what);
bool test_check_eq(long long a, long long b, const char *file, int line, const char *what);
bool test_check_ok(const char *complaint, const char *file, int line, const char *what);

/* A remark for whoever reads the output. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Count the running test as skipped, unless it has failed. */
void test_skip(const char *why);

/* Run all; the exit status for main(). */
int test_run(const struct test *tests, unsigned int n);

#define TEST_MAIN(tests) \
	int main(void) \
	{ \
		return test_run(tests, sizeof(tests) / sizeof((tests)[0])); \
	}

#endif
