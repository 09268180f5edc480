// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Runs the tests of one program.
 */
#include "check.h"

#include <unistd.h>

#define TIMEOUT	120	/* seconds for a test: a lost wake-up ends here */

jmp_buf test_end;

int test_main(const struct test *tests, int count)
{
	volatile int i, failed = 0;	/* kept across longjmp() */

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", count);
	for (i = 0; i < count; i++) {
		alarm(TIMEOUT);
		if (setjmp(test_end)) {
			printf("not ok %d - %s\n", i + 1, tests[i].name);
			failed++;
			continue;
		}
		tests[i].run();
		printf("ok %d - %s\n", i + 1, tests[i].name);
	}
	return failed != 0;
}
