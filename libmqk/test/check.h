/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Tests of libmqk: a list of functions, a line of TAP for each.  A check that
 * fails ends its test.
 */
#ifndef MQK_TEST_CHECK_H
#define MQK_TEST_CHECK_H

#include <setjmp.h>
#include <stdio.h>

struct test {
	const char *name;
	void (*run)(void);
};

extern jmp_buf test_end;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			longjmp(test_end, 1);				\
		}							\
	} while (0)

#define CHECK_EQ(a, b)							\
	do {								\
		long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
		if (a_ != b_) {						\
			printf("# %s:%d: %s is %lld, not %lld\n",	\
			       __FILE__, __LINE__, #a, a_, b_);		\
			longjmp(test_end, 1);				\
		}							\
	} while (0)

#define TEST(name) { #name, name }

int test_main(const struct test *tests, int count);

#endif /* MQK_TEST_CHECK_H */
