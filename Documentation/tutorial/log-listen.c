/* SPDX-License-Identifier: MIT */
/* Lesson 4: print lines of the severities that are named. */
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
	struct mqk_queue_opts mine = { .sz = sizeof(mine), .exclusive = true };
	struct mqk_queue_info queue = { .sz = sizeof(queue) };
	struct mqk_consumer *c;
	struct mqk_msg msg;
	struct mqk *m;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(mqk_open("default", 0, &m), "open");
	check(mqk_exchange_declare(m, "log", MQK_EXCHANGE_DIRECT, NULL, NULL),
	      "declare");
	check(mqk_queue_declare(m, NULL, &mine, &queue), "queue");
	for (i = 1; i < argc; i++)
		check(mqk_bind(m, "log", queue.name, MQK_STR(argv[i]),
			       NULL, 0), argv[i]);
	check(mqk_consume(m, queue.name, NULL, &c), "consume");
	printf("listening\n");
	for (;;) {
		check(mqk_recv(c, &msg, MQK_FOREVER), "receive");
		printf("%.*s: %.*s\n",
		       (int)msg.d.key_len, (const char *)msg.key,
		       (int)msg.d.payload_len, (const char *)msg.payload);
		check(mqk_ack(c, msg.d.tag), "acknowledge");
	}
}
