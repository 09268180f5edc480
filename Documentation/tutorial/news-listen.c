/* SPDX-License-Identifier: MIT */
/* Lesson 3: print all news from now on. */
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

int main(void)
{
	struct mqk_queue_opts mine = { .sz = sizeof(mine), .exclusive = true };
	struct mqk_queue_info queue = { .sz = sizeof(queue) };
	struct mqk_consumer *c;
	struct mqk_msg msg;
	struct mqk *m;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(mqk_open("default", 0, &m), "open");
	check(mqk_exchange_declare(m, "news", MQK_EXCHANGE_FANOUT, NULL, NULL),
	      "declare");
	check(mqk_queue_declare(m, NULL, &mine, &queue), "queue");
	check(mqk_bind(m, "news", queue.name, NULL, 0, NULL, 0), "bind");
	check(mqk_consume(m, queue.name, NULL, &c), "consume");
	printf("listening\n");
	for (;;) {
		check(mqk_recv(c, &msg, MQK_FOREVER), "receive");
		printf("heard: %.*s\n", (int)msg.d.payload_len,
		       (const char *)msg.payload);
		check(mqk_ack(c, msg.d.tag), "acknowledge");
	}
}
