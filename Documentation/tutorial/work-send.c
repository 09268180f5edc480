/* SPDX-License-Identifier: MIT */
/* Lesson 2: a task for one of the workers, confirmed. */
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
	struct mqk_port_opts opts = { .sz = sizeof(opts), .confirm = true };
	struct mqk_port *p;
	uint32_t exchange;
	struct mqk *m;
	int i;

	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, "tasks", NULL, NULL), "declare");
	check(mqk_port_open(m, &opts, &p), "port");
	check(mqk_exchange_id(m, "", &exchange), "default exchange");
	for (i = 1; i < argc; i++)
		check(mqk_publish(p, exchange, MQK_STR("tasks"),
				  MQK_STR(argv[i]), MQK_MSG_F_MANDATORY),
		      "publish");
	/* 0: all of them are in the queue; an error: which one is not. */
	check(mqk_confirm_wait(p, 0, MQK_FOREVER), "confirm");
	printf("%d tasks are in the queue\n", argc - 1);
	mqk_port_close(p);
	mqk_close(m);
	return 0;
}
