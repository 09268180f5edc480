// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-demo-wait: wait for a step of the demo.
 *
 *   ready FILE...	the consumers with these results consume
 *   holding FILE	that consumer has stopped half way
 *   drained BROKER	all queues of the broker are empty
 *
 * Gives up, with exit status 1, when nothing has moved for 30 s.
 */
#include "results.h"
#include "say.h"

#include <inttypes.h>
#include <mqk.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_NS	30000000000u
#define LOOK_US		20000

/* Sleep until the next look; @progress is what should change. */
static void look_again(uint64_t progress)
{
	static uint64_t last, since;

	if (progress != last || !since) {
		last = progress;
		since = now_ns();
	} else if (now_ns() - since > PATIENCE_NS) {
		die("nothing moves any more", 0);
	}
	usleep(LOOK_US);
}

static void wait_ready(const char *path)
{
	while (!results_open(path))
		look_again(0);
}

static void wait_holding(const char *path)
{
	const struct results *r;

	while (!(r = results_open(path)))
		look_again(0);
	while (atomic_load(&r->state) != RESULTS_HOLDING)
		look_again(atomic_load(&r->messages));
}

static void wait_drained(const char *broker)
{
	uint64_t left, progress;
	struct mqk *m;
	int err;

	err = mqk_open(broker, 0, &m);
	if (err)
		die(broker, err);
	for (;;) {
		struct mqk_queue_info q = { .sz = sizeof(q) };

		left = progress = 0;
		while ((err = mqk_queue_next(m, &q)) == 1) {
			left += q.ready + q.unacked;
			progress += q.delivered + q.acked;
		}
		if (err)
			die_mqk(m, "queues", err);
		if (!left)
			break;
		look_again(progress);
	}
	mqk_close(m);
}

int main(int argc, char **argv)
{
	int i;

	if (argc >= 3 && !strcmp(argv[1], "ready"))
		for (i = 2; i < argc; i++)
			wait_ready(argv[i]);
	else if (argc == 3 && !strcmp(argv[1], "holding"))
		wait_holding(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "drained"))
		wait_drained(argv[2]);
	else
		usage("ready FILE... | holding FILE | drained BROKER");
	return 0;
}
