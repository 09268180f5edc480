// SPDX-License-Identifier: GPL-2.0-only
/*
 * get and browse: the messages that are waiting now.
 */
#include <stdio.h>

#include "args.h"
#include "commands.h"
#include "message.h"

#define SETTLE_EVERY	64	/* messages printed before they are settled */

enum settle { REQUEUE, ACK, REJECT };

/**
 * struct getter - a run of get
 * @p: prints
 * @c: the puller
 * @subject: for errors
 * @settle: what becomes of a message
 * @tags: those that are printed and not settled
 * @ntags: how many
 */
struct getter {
	struct printer p;
	struct mqk_consumer *c;
	struct subject subject;
	enum settle settle;
	uint64_t tags[SETTLE_EVERY];
	unsigned int ntags;
};

/* What was printed leaves the queue, once it has left this process. */
static int settle(struct getter *g)
{
	unsigned int i;
	int err = 0;

	if (!printer_flush())
		return printer_failed(g->p.ctl, "messages that were not printed stay in the queue");
	for (i = 0; i < g->ntags && err >= 0; i++)
		err = g->settle == ACK ? mqk_ack(g->c, g->tags[i]) :
		      mqk_reject(g->c, g->tags[i], false);
	g->ntags = 0;
	if (err >= 0)
		err = mqk_settle(g->c);
	return err < 0 ? refused(g->p.ctl, g->p.m, err, &g->subject) : DONE;
}

/* All of them back, at the end: else the same one would come again. */
static int requeue(struct getter *g)
{
	int err = mqk_nack(g->c, 0, true, true);

	if (!err)
		err = mqk_settle(g->c);
	return err < 0 ? refused(g->p.ctl, g->p.m, err, &g->subject) : DONE;
}

static int get_all(struct getter *g, uint32_t queue, uint64_t count)
{
	struct mqk_msg msg;
	uint64_t n;
	int ret, status = DONE;

	for (n = 0; n < count && status == DONE && !ferror(stdout); n++) {
		ret = mqk_get(g->c, queue, &msg, NULL, 0);
		if (ret < 0)
			status = refused(g->p.ctl, g->p.m, ret, &g->subject);
		if (ret <= 0)
			break;
		printer_message(&g->p, &msg);
		if (g->settle == REQUEUE)
			continue;
		g->tags[g->ntags++] = msg.d.tag;
		if (g->ntags == SETTLE_EVERY)
			status = settle(g);
	}
	if (g->settle == REQUEUE) {
		int back = n ? requeue(g) : DONE;

		return status == DONE ? back : status;
	}
	if (g->ntags && settle(g) != DONE)
		status = REFUSED;
	return status;
}

static int get_open(struct getter *g, uint64_t count)
{
	struct mqk_consumer_opts o = { .sz = sizeof(o), .copy = true };
	struct mqk_queue_info q = { .sz = sizeof(q) };
	int err, status;

	err = mqk_queue_lookup(g->p.m, g->p.queue, &q);
	if (!err)
		err = mqk_puller_open(g->p.m, &o, &g->c);
	if (err)
		return refused(g->p.ctl, g->p.m, err, &g->subject);
	status = get_all(g, q.id, count);
	err = tx_keep(g->p.ctl, g->c);
	return status ? status : err;
}

int get(struct ctl *ctl, const struct args *args)
{
	struct getter g = {
		.subject = { .queue = args->pos[0], .doing = "get from" },
		.settle = args_has(args, OPT_ACK) ? ACK :
			  args_has(args, OPT_REJECT) ? REJECT : REQUEUE,
	};
	uint64_t count = 1;
	struct mqk *m;
	int status;

	status = args_count(ctl, args, OPT_COUNT, 1, UINT64_MAX, &count);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_READ);
	if (!m)
		return REFUSED;
	status = printer_init(&g.p, ctl, m, args);
	if (status)
		return status;
	status = get_open(&g, count);
	printer_destroy(&g.p);
	return status;
}

static int browse_all(struct printer *p, uint32_t queue, uint64_t count)
{
	struct subject subject = { .queue = p->queue, .doing = "browse" };
	struct mqk_buffer buf = { NULL, 0 };
	struct mqk_msg msg;
	uint64_t seq = 0;
	int ret = 0;

	for (; count; count--) {
		ret = mqk_browse(p->m, queue, &seq, &msg, &buf);
		if (ret <= 0)
			break;
		printer_message(p, &msg);
		if (ferror(stdout))
			break;
	}
	mqk_buffer_free(&buf);
	return ret < 0 ? refused(p->ctl, p->m, ret, &subject) : DONE;
}

int browse(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .queue = args->pos[0], .doing = "browse" };
	struct mqk_queue_info q = { .sz = sizeof(q) };
	uint64_t count = UINT64_MAX;
	struct printer p;
	struct mqk *m;
	int status, err;

	status = args_count(ctl, args, OPT_COUNT, 1, UINT64_MAX, &count);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_READ);
	if (!m)
		return REFUSED;
	status = printer_init(&p, ctl, m, args);
	if (status)
		return status;
	err = mqk_queue_lookup(m, p.queue, &q);
	status = err ? refused(ctl, m, err, &subject) :
		 browse_all(&p, q.id, count);
	printer_destroy(&p);
	return status;
}
