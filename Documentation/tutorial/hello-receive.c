/* SPDX-License-Identifier: MIT */
/* Lesson 1: print the messages of the queue "greetings". */
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
	struct mqk_consumer *c;
	struct mqk_msg msg;
	struct mqk *m;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, "greetings", NULL, NULL), "declare");
	check(mqk_consume(m, "greetings", NULL, &c), "consume");
	printf("waiting\n");
	for (;;) {
		check(mqk_recv(c, &msg, MQK_FOREVER), "receive");
		printf("received: %.*s\n", (int)msg.d.payload_len,
		       (const char *)msg.payload);
		check(mqk_ack(c, msg.d.tag), "acknowledge");
	}
}
