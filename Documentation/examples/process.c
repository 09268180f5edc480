// SPDX-License-Identifier: GPL-2.0-only
/*
 * process: take messages from one queue, and publish each in capitals to another one,
 * exactly once, whatever dies and when.
 *
 *	process FROM TO [BROKER]
 *
 * It ends when FROM is empty.  Any number of them may run at once.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mqk/mqk.h>

struct job {
	struct mqk_port *port;
	uint32_t exchange;
	const char *to;
};

/* What comes of a message; it is there when the message is gone, and only then. */
static int capitals(const struct mqk_msg *msg, void *arg)
{
	const unsigned char *from = msg->payload;
	uint32_t i, len = msg->d.payload_len;
	const struct job *job = arg;
	char *text = malloc(len + 1);
	int err;

	if (!text)
		return -ENOMEM;
	for (i = 0; i < len; i++)
		text[i] = (char)toupper(from[i]);
	err = mqk_publish(job->port, job->exchange, job->to, strlen(job->to), text, len, 0);
	free(text);
	return err;
}

static int run(struct mqk *m, const char *from, const char *to)
{
	struct job job = { .to = to };
	struct mqk_consumer *c;
	int n;

	n = mqk_exchange_id(m, "", &job.exchange);
	if (n)
		return n;
	n = mqk_port_open(m, NULL, &job.port);
	if (n)
		return n;
	n = mqk_consume(m, from, NULL, &c);
	if (n)
		return n;
	/* 16 messages in a transaction; none for a second: it is done */
	do
		n = mqk_process(c, capitals, &job, 16, 1000000000);
	while (n > 0);
	mqk_consumer_close(c);
	mqk_port_close(job.port);
	return n;
}

int main(int argc, char **argv)
{
	struct mqk *m;
	int err;

	if (argc < 3) {
		fprintf(stderr, "usage: process FROM TO [BROKER]\n");
		return 2;
	}
	err = mqk_open(argc > 3 ? argv[3] : NULL, 0, &m);
	if (err) {
		fprintf(stderr, "process: %s\n", strerror(-err));
		return 1;
	}
	err = run(m, argv[1], argv[2]);
	if (err)
		fprintf(stderr, "process: %s\n", strerror(-err));
	mqk_close(m);
	return err ? 1 : 0;
}
