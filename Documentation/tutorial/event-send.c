/* SPDX-License-Identifier: MIT */
/* Lesson 5: an event with a key such as "kitchen.lamp.on". */
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
	struct mqk_port *p;
	uint32_t exchange;
	struct mqk *m;

	if (argc != 3) {
		fprintf(stderr, "usage: event-send KEY TEXT\n");
		return 2;
	}
	check(mqk_open("default", 0, &m), "open");
	check(mqk_exchange_declare(m, "events", MQK_EXCHANGE_TOPIC, NULL,
				   &exchange), "declare");
	check(mqk_port_open(m, NULL, &p), "port");
	check(mqk_publish(p, exchange, MQK_STR(argv[1]), MQK_STR(argv[2]), 0),
	      "publish");
	printf("sent: %s %s\n", argv[1], argv[2]);
	mqk_port_close(p);
	mqk_close(m);
	return 0;
}
