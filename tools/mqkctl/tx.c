// SPDX-License-Identifier: GPL-2.0-only
/*
 * tx: publish and get in a transaction, a command a line: all of it happens, or nothing.
 *
 * The first line that fails ends it.  Consumers stay open until then: one that is closed
 * gives back what the transaction was to settle.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "commands.h"
#include "json.h"

/**
 * struct tx - a transaction under way
 * @consumer: those that got something
 * @nr: how many
 */
struct tx {
	struct mqk_consumer **consumer;
	size_t nr;
};

int tx_keep(struct ctl *ctl, struct mqk_consumer *c)
{
	struct mqk_consumer **more;

	if (!ctl->tx) {
		mqk_consumer_close(c);
		return DONE;
	}
	more = realloc(ctl->tx->consumer, (ctl->tx->nr + 1) * sizeof(*more));
	if (!more) {
		mqk_consumer_close(c);
		return out_of_memory(ctl);
	}
	ctl->tx->consumer = more;
	more[ctl->tx->nr++] = c;
	return DONE;
}

static void say_committed(struct ctl *ctl)
{
	struct json j;

	if (!ctl->json)
		return;
	json_begin(&j, stdout);
	json_bool(&j, "committed", true);
	json_end(&j);
}

int tx(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .doing = "commit the transaction" };
	struct tx t = { NULL, 0 };
	struct mqk *m;
	int status, err;

	if (ctl->batch)
		return bad_usage(ctl, "tx: not in a batch");
	m = ctl_session(ctl, ACCESS_BOTH);
	if (!m)
		return REFUSED;
	err = mqk_tx_begin(m);
	if (err)
		return refused(ctl, m, err, &subject);
	ctl->tx = &t;
	status = batch_run(ctl, args->pos[0]);
	ctl->tx = NULL;
	err = status == DONE ? mqk_tx_commit(m) : mqk_tx_rollback(m);
	if (err)
		status = refused(ctl, m, err, &subject);
	else if (status == DONE)
		say_committed(ctl);
	while (t.nr)
		mqk_consumer_close(t.consumer[--t.nr]);
	free(t.consumer);
	return status;
}
