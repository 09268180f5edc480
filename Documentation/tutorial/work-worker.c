/* SPDX-License-Identifier: MIT */
/* Lesson 2: do tasks; each dot is a second of work. */
#include <mqk/mqk.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

static void work(const char *task, size_t len)
{
	for (; len--; task++)
		if (*task == '.')
			sleep(1);
}

int main(void)
{
	struct mqk_consumer_opts opts = { .sz = sizeof(opts), .prefetch = 1 };
	struct mqk_consumer *c;
	struct mqk_msg msg;
	struct mqk *m;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, "tasks", NULL, NULL), "declare");
	check(mqk_consume(m, "tasks", &opts, &c), "consume");
	printf("waiting\n");
	for (;;) {
		check(mqk_recv(c, &msg, MQK_FOREVER), "receive");
		printf("begun: %.*s%s\n", (int)msg.d.payload_len,
		       (const char *)msg.payload,
		       msg.d.flags & MQK_DELIVERY_F_REDELIVERED ?
		       " (again)" : "");
		work(msg.payload, msg.d.payload_len);
		check(mqk_ack(c, msg.d.tag), "acknowledge");
		check(mqk_settle(c), "acknowledge");
		printf("done\n");
	}
}
