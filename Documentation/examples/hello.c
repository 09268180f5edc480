/* SPDX-License-Identifier: MIT */
/* The program of README.md: one message, there and back. */
#include <mqk/mqk.h>
#include <stdio.h>

int main(void)
{
	struct mqk_queue_opts mine = { .sz = sizeof(mine), .exclusive = true };
	struct mqk_consumer *c;
	struct mqk_port *p;
	struct mqk_msg msg;
	struct mqk *m;
	uint32_t topic;

	if (mqk_open("default", 0, &m) ||		/* /dev/mqk/default */
	    mqk_queue_declare(m, "hello", &mine, NULL) ||
	    mqk_bind(m, "amq.topic", "hello", MQK_STR("greeting.#"), NULL, 0) ||
	    mqk_consume(m, "hello", NULL, &c) ||
	    mqk_exchange_id(m, "amq.topic", &topic) ||
	    mqk_port_open(m, NULL, &p) ||
	    mqk_publish(p, topic, MQK_STR("greeting.en"), MQK_STR("Hello!"), 0) ||
	    mqk_recv(c, &msg, MQK_FOREVER) != 1)	/* maps, copies nothing */
		return 1;
	printf("%.*s\n", (int)msg.d.payload_len, (const char *)msg.payload);
	mqk_ack(c, msg.d.tag);
	mqk_consumer_close(c);
	mqk_port_close(p);
	mqk_close(m);
	return 0;
}
