/* SPDX-License-Identifier: MIT */
/* Lesson 1: put a message into the queue "greetings". */
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
	const char *text = argc > 1 ? argv[1] : "Hello, world!";
	struct mqk_port *p;
	uint32_t exchange;
	struct mqk *m;

	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, "greetings", NULL, NULL), "declare");
	check(mqk_port_open(m, NULL, &p), "port");
	check(mqk_exchange_id(m, "", &exchange), "default exchange");
	check(mqk_publish(p, exchange, MQK_STR("greetings"), MQK_STR(text), 0),
	      "publish");
	printf("sent: %s\n", text);
	mqk_port_close(p);
	mqk_close(m);
	return 0;
}
