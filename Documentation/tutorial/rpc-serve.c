/* SPDX-License-Identifier: MIT */
/* Lesson 6: a service: answers each number with its square. */
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

static int square(struct mqk_port *p, const struct mqk_msg *request, void *arg)
{
	char text[32];
	long long n;

	(void)arg;
	snprintf(text, sizeof(text), "%.*s", (int)request->d.payload_len,
		 (const char *)request->payload);
	n = atoll(text);
	printf("asked for the square of %lld\n", n);
	snprintf(text, sizeof(text), "%lld", n * n);
	return mqk_reply(p, request, MQK_STR(text));
}

int main(void)
{
	struct mqk_consumer *c;
	struct mqk_port *p;
	struct mqk *m;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, "square", NULL, NULL), "declare");
	check(mqk_consume(m, "square", NULL, &c), "consume");
	check(mqk_port_open(m, NULL, &p), "port");
	printf("serving\n");
	check(mqk_serve(c, p, square, NULL, MQK_FOREVER), "serve");
	return 0;
}
