/* SPDX-License-Identifier: MIT */
/* Lesson 6: ask the service "square", and wait for its answer. */
#include <mqk/mqk.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

int main(int argc, char **argv)
{
	const char *number = argc > 1 ? argv[1] : "12";
	struct mqk_caller *caller;
	struct mqk_msg answer;
	uint32_t exchange;
	struct mqk *m;

	check(mqk_open("default", 0, &m), "open");
	check(mqk_caller_open(m, NULL, &caller), "caller");
	check(mqk_exchange_id(m, "", &exchange), "default exchange");
	check(mqk_call(caller, exchange, MQK_STR("square"), MQK_STR(number),
		       &answer, 5 * 1000000000ll), "call");
	printf("%s squared is %.*s\n", number, (int)answer.d.payload_len,
	       (const char *)answer.payload);
	mqk_caller_close(caller);
	mqk_close(m);
	return 0;
}
