// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-demo-consume: consume a queue of the demo, check each message and
 * acknowledge it, until SIGTERM comes and nothing is left to read.
 *
 *   --copy	have the kernel copy, instead of reading in place
 *   --hold N	after N messages, process 20 more without acknowledging them and
 *		stay there: what a process does that is about to be killed
 */
#include "results.h"
#include "say.h"

#include <getopt.h>
#include <mqk.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELD	20

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

struct job {
	struct mqk *m;
	struct mqk_consumer *c;
	struct results *r;
	uint64_t hold;		/* 0: not at all */
};

static void hold(struct job *j)
{
	atomic_store(&j->r->state, RESULTS_HOLDING);
	for (;;)
		pause();
}

static void take(struct job *j, const struct mqk_msg *msg)
{
	uint64_t id = UINT64_MAX, n;
	size_t len = msg->d.payload_len;
	int err;

	if (len >= sizeof(id)) {
		memcpy(&id, msg->payload, sizeof(id));
		len -= sizeof(id);
	}
	results_note(j->r, id, msg->key, msg->d.key_len,
		     (const char *)msg->payload + sizeof(id), len,
		     msg->d.flags & MQK_DELIVERY_F_REDELIVERED);
	n = atomic_load(&j->r->messages);
	if (j->hold && n > j->hold) {
		if (n == j->hold + HELD)
			hold(j);
		return;
	}
	results_acked(j->r, id);
	err = mqk_ack(j->c, msg->d.tag);
	if (err)
		die_mqk(j->m, "ack", err);
}

static void run(struct job *j)
{
	struct mqk_msg msg;
	int ret;

	while (!stop) {
		ret = mqk_recv(j->c, &msg, 100000000);
		if (ret == 1)
			take(j, &msg);
		else if (ret && ret != -EINTR)
			die_mqk(j->m, "receive", ret);
	}
	/* What is delivered already. */
	while ((ret = mqk_next(j->c, &msg)) == 1)
		take(j, &msg);
	if (ret)
		die_mqk(j->m, "receive", ret);
}

static const char usage_text[] =
"[--copy] [--hold N] [--prefetch N] BROKER QUEUE RECORDS RESULTS";

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "copy", no_argument, NULL, 'c' },
		{ "hold", required_argument, NULL, 'h' },
		{ "prefetch", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	struct mqk_consumer_opts opts = { .sz = sizeof(opts), .prefetch = 256 };
	struct sigaction term = { .sa_handler = on_term };
	struct job j = { NULL };
	int c, err;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'c': opts.copy = true; break;
		case 'h': j.hold = strtoull(optarg, NULL, 10); break;
		case 'p': opts.prefetch = (uint32_t)strtoul(optarg, NULL, 10); break;
		default: usage(usage_text);
		}
	}
	if (argc - optind != 4)
		usage(usage_text);
	argv += optind;
	sigaction(SIGTERM, &term, NULL);
	err = mqk_open(argv[0], MQK_OPEN_CONSUME, &j.m);
	if (err)
		die(argv[0], err);
	err = mqk_consume(j.m, argv[1], &opts, &j.c);
	if (err)
		die_mqk(j.m, argv[1], err);
	j.r = results_create(argv[3], argv[1], strtoull(argv[2], NULL, 10));
	j.r->prefetch = opts.prefetch;
	snprintf(j.r->how, sizeof(j.r->how), "%s",
		 mqk_consumer_copies(j.c) ? "copy" : "in place");
	run(&j);
	mqk_consumer_close(j.c);
	mqk_close(j.m);
	atomic_store(&j.r->state, RESULTS_DONE);
	return 0;
}
