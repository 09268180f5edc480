// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-demo-publish: publish every record of a file in place, 32 with one
 * doorbell, and wait until the kernel has confirmed all of them.
 *
 * The payload is the number of the record (8 bytes) and its text.  Prints
 * "RECORDS BYTES NANOSECONDS", of what was confirmed.
 */
#include "input.h"
#include "say.h"

#include <inttypes.h>
#include <mqk.h>
#include <stdio.h>
#include <time.h>

#define BATCH		32
#define CONFIRM_EVERY	1024
/* Consumers make room; if none does for so long, something is wrong. */
#define PATIENCE_MS	60000

static uint64_t refused;

static void on_refused(void *arg, const struct mqk_completion *c)
{
	(void)arg;
	if (!refused++)
		fprintf(stderr, "mqk-demo-publish: message %" PRIu64 ": %s\n",
			(uint64_t)c->seq, strerror(-c->result));
}

static bool no_room(int err)
{
	return err == -EDQUOT || err == -ENOSPC || err == -ENOMEM;
}

/* Wait a little, for memory that others give back. */
static void pause_for_room(struct mqk *m, int err)
{
	static int waited;
	struct timespec ms = { .tv_nsec = 1000000 };

	if (++waited > PATIENCE_MS)
		die_mqk(m, "no room", err);
	nanosleep(&ms, NULL);
}

/* Read completions; wait for the confirms of all so far now and then. */
static void confirm(struct mqk *m, struct mqk_port *p)
{
	int err;

	do {
		err = mqk_confirm_wait(p, 0, 30000000000);
		if (no_room(err))
			pause_for_room(m, err);
	} while (no_room(err) || err == -EINTR);
	if (err)
		die_mqk(m, "confirm", err);
}

static void publish(struct mqk *m, struct mqk_port *p, uint32_t exchange,
		    const struct record *r)
{
	void *payload;
	int err;

	for (;;) {
		err = mqk_reserve(p, exchange, r->key, r->key_len, NULL, 0,
				  sizeof(r->id) + r->len, 0, &payload);
		if (!err)
			break;
		if (err == -EAGAIN)
			confirm(m, p);
		else if (no_room(err))
			pause_for_room(m, err);
		else
			die_mqk(m, "reserve", err);
	}
	memcpy(payload, &r->id, sizeof(r->id));
	memcpy((char *)payload + sizeof(r->id), r->text, r->len);
	err = mqk_commit(p);
	/* The record is committed: confirm() hands it in again. */
	if (err && err != -EAGAIN && !no_room(err))
		die_mqk(m, "commit", err);
}

int main(int argc, char **argv)
{
	struct mqk_port_opts opts = {
		.sz = sizeof(opts),
		.inplace = true,
		.confirm = true,
		.batch = BATCH,
		.refused = on_refused,
	};
	uint64_t bytes = 0, start;
	struct mqk_port *p;
	struct record r;
	struct input in;
	uint32_t exchange;
	struct mqk *m;
	int err;

	if (argc != 3)
		usage("BROKER INPUT");
	input_open(&in, argv[2]);
	err = mqk_open(argv[1], 0, &m);
	if (err)
		die(argv[1], err);
	err = mqk_exchange_id(m, "packages", &exchange);
	if (!err)
		err = mqk_port_open(m, &opts, &p);
	if (err)
		die_mqk(m, "port", err);
	start = now_ns();
	while (input_next(&in, &r)) {
		publish(m, p, exchange, &r);
		bytes += r.len;
		if (in.next % CONFIRM_EVERY == 0)
			confirm(m, p);
	}
	confirm(m, p);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
	       mqk_port_confirmed(p) - refused, bytes, now_ns() - start);
	mqk_port_close(p);
	mqk_close(m);
	return 0;
}
