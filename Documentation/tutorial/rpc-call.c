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
	struct mqk_queue_opts mine = { .sz = sizeof(mine), .exclusive = true };
	struct mqk_queue_info queue = { .sz = sizeof(queue) };
	const char *number = argc > 1 ? argv[1] : "12";
	struct mqk_message request = { .flags = MQK_MSG_F_MANDATORY };
	struct mqk_port_opts opts = { .sz = sizeof(opts), .confirm = true };
	unsigned char buf[512];
	struct mqk_headers h;
	struct mqk_consumer *c;
	struct mqk_port *p;
	struct mqk_msg msg;
	struct mqk *m;
	int ret;

	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, NULL, &mine, &queue), "queue");
	check(mqk_consume(m, queue.name, NULL, &c), "consume");
	check(mqk_port_open(m, &opts, &p), "port");
	check(mqk_exchange_id(m, "", &request.exchange), "default exchange");
	mqk_headers_init(&h, buf, sizeof(buf));
	check(mqk_headers_add_string(&h, "reply-to", queue.name), "header");
	request.key = (uintptr_t)"square";
	request.key_len = strlen("square");
	request.headers = (uintptr_t)h.buf;
	request.headers_len = (uint16_t)h.len;
	request.payload = (uintptr_t)number;
	request.payload_len = (uint32_t)strlen(number);
	check(mqk_publishv(p, &request, 1), "publish");
	check(mqk_confirm_wait(p, 0, MQK_FOREVER), "nobody serves");
	ret = mqk_recv(c, &msg, 5 * 1000000000ll);	/* 5 seconds */
	check(ret ? ret : -ETIMEDOUT, "no answer");
	printf("%s squared is %.*s\n", number, (int)msg.d.payload_len,
	       (const char *)msg.payload);
	mqk_consumer_close(c);
	mqk_port_close(p);
	mqk_close(m);
	return 0;
}
