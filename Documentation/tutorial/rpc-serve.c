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

static void answer(struct mqk_port *p, uint32_t exchange,
		   const struct mqk_msg *msg)
{
	struct mqk_header_view to;
	char text[32];
	long long n;

	if (mqk_headers_find(msg->headers, msg->d.headers_len, "reply-to",
			     &to) != 1 || to.value_len > MQK_KEY_MAX)
		return;				/* nobody wants to know */
	snprintf(text, sizeof(text), "%.*s", (int)msg->d.payload_len,
		 (const char *)msg->payload);
	n = atoll(text);
	snprintf(text, sizeof(text), "%lld", n * n);
	mqk_publish(p, exchange, to.value, to.value_len, MQK_STR(text), 0);
}

int main(void)
{
	struct mqk_consumer *c;
	struct mqk_port *p;
	struct mqk_msg msg;
	uint32_t exchange;
	struct mqk *m;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(mqk_open("default", 0, &m), "open");
	check(mqk_queue_declare(m, "square", NULL, NULL), "declare");
	check(mqk_consume(m, "square", NULL, &c), "consume");
	check(mqk_port_open(m, NULL, &p), "port");
	check(mqk_exchange_id(m, "", &exchange), "default exchange");
	printf("serving\n");
	for (;;) {
		check(mqk_recv(c, &msg, MQK_FOREVER), "receive");
		answer(p, exchange, &msg);
		check(mqk_ack(c, msg.d.tag), "acknowledge");
	}
}
