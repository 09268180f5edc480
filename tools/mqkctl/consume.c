// SPDX-License-Identifier: GPL-2.0-only
/*
 * consume: messages as they come.
 *
 * Messages are acknowledged when what they were printed as has left this
 * process: all that are there are printed, then flushed, then acknowledged.
 * What could not be written stays in the queue.  No more messages are taken than
 * --count says: the prefetch never exceeds what is still wanted.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "message.h"

#define FLUSH_MESSAGES	256	/* printed before they are acknowledged */
#define FLUSH_BYTES	(256 * 1024)
#define PREFETCH	256	/* when nothing else is said */

static volatile sig_atomic_t stopped;

/**
 * struct consuming - a run of consume
 * @p: prints
 * @c: the consumer
 * @copy: the message that is being printed
 * @left: messages that are still wanted
 * @prefetch: credit that the kernel knows of
 * @noack: settled by their delivery
 * @rest: stopped, but what was delivered is printed
 * @early: settle before printing: --no-ack, but exact as --count wants it
 * @last: tag of the last one printed
 * @printed: messages since the last flush
 * @bytes: and their bytes
 * @args: arguments of the consumer
 */
struct consuming {
	struct printer p;
	struct mqk_consumer *c;
	struct snapshot copy;
	uint64_t left;
	uint32_t prefetch;
	bool noack;
	bool rest;
	bool early;
	uint64_t last;
	unsigned int printed;
	uint64_t bytes;
	struct mqk_headers args;
};

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* The first signal stops in good order, the second one at once. */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESETHAND };

	stopped = 0;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static void release_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static int failed(struct consuming *g, int err)
{
	struct subject subject = { .queue = g->p.queue,
				   .doing = "consume" };

	if (err == -ENOENT)
		return refuse(g->p.ctl, "queue '%s': it was deleted",
			      g->p.queue);
	return refused(g->p.ctl, g->p.m, err, &subject);
}

/* Never have more credit than is wanted; none: no more deliveries at all. */
static int lower_prefetch(struct consuming *g)
{
	int err;

	if (g->noack || g->left >= g->prefetch)
		return 0;
	if (!g->left)
		return mqk_cancel(g->c);
	err = mqk_consumer_prefetch(g->c, (uint32_t)g->left);
	if (!err)
		g->prefetch = (uint32_t)g->left;
	return err;
}

static int acknowledge(struct consuming *g)
{
	int err = lower_prefetch(g);

	if (!err)
		err = mqk_ack_multiple(g->c, g->last);
	if (!err)
		err = mqk_settle(g->c);
	return err < 0 ? failed(g, err) : DONE;
}

/* Have what was printed written, and then acknowledged. */
static int finish(struct consuming *g)
{
	bool any = g->printed;

	g->printed = 0;
	g->bytes = 0;
	if (!any)
		return DONE;
	if (!printer_flush())
		return printer_failed(g->p.ctl, g->noack || g->early ?
				      "messages may be lost" :
				      "messages that were not written stay in the queue");
	return g->noack || g->early ? DONE : acknowledge(g);
}

static int take(struct consuming *g, const struct mqk_msg *msg)
{
	if (!mqk_consumer_copies(g->c))
		msg = snapshot_take(&g->copy, msg);
	if (!msg)
		return out_of_memory(g->p.ctl);
	g->left--;
	g->printed++;
	g->bytes += msg->d.payload_len;
	g->last = msg->d.tag;
	printer_message(&g->p, msg);
	if (g->early)
		return acknowledge(g);
	return DONE;
}

/* mqk_next(), giving up what was mapped when there is no room for more. */
static int next(struct consuming *g, struct mqk_msg *msg, int *status)
{
	int ret = mqk_next(g->c, msg);

	if (ret != -ENOMEM)
		return ret;
	*status = finish(g);
	if (*status != DONE)
		return 0;
	mqk_consumer_trim(g->c);
	return mqk_next(g->c, msg);
}

/* Print what there is.  *ret: as of mqk_next(). */
static int drain(struct consuming *g, int *ret)
{
	struct mqk_msg msg;
	int status = DONE;

	*ret = 0;
	while (status == DONE && g->left) {
		if (stopped && !g->rest)
			break;
		*ret = next(g, &msg, &status);
		if (*ret <= 0)
			break;
		status = take(g, &msg);
		if (status == DONE && (g->printed >= FLUSH_MESSAGES ||
				       g->bytes >= FLUSH_BYTES))
			status = finish(g);
	}
	return status == DONE ? finish(g) : status;
}

/*
 * Until there is something to read, a signal, or no reader of our output.
 * Signals are blocked from the last look at the flag until the kernel sleeps.
 */
static int sleep_for_more(struct consuming *g)
{
	struct pollfd fds[2] = {
		{ .fd = mqk_fd(g->p.m), .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	sigset_t block, old;
	int ret;

	ret = mqk_consumer_arm(g->c);
	if (ret)
		return ret > 0 ? DONE : failed(g, ret);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	ret = stopped ? 0 : ppoll(fds, 2, NULL, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (ret < 0 && errno != EINTR)
		return refuse(g->p.ctl, "poll: %s", strerror(errno));
	if (ret > 0 && fds[1].revents) {
		errno = EPIPE;
		return printer_failed(g->p.ctl, "nobody reads it");
	}
	return DONE;
}

static int loop(struct consuming *g)
{
	int ret, status = DONE;

	while (status == DONE && g->left && !stopped) {
		status = drain(g, &ret);
		if (status == DONE && ret < 0)
			status = failed(g, ret);
		else if (status == DONE && g->left && !stopped)
			status = sleep_for_more(g);
	}
	if (stopped && g->noack && status == DONE) {
		/* What was delivered would be lost. */
		g->rest = true;
		mqk_cancel(g->c);
		status = drain(g, &ret);
	}
	return status;
}

static int run(struct consuming *g)
{
	struct mqk_consumer_opts o = {
		.sz = sizeof(o),
		.noack = g->noack,
		.prefetch = g->noack ? 0 : g->prefetch,
		.args = g->args.buf,
		.args_len = g->args.len,
	};
	int err, status;

	err = mqk_consume(g->p.m, g->p.queue, &o, &g->c);
	if (err) {
		struct subject subject = { .queue = g->p.queue,
					   .doing = "consume" };

		return refused(g->p.ctl, g->p.m, err, &subject);
	}
	catch_signals();
	status = loop(g);
	release_signals();
	mqk_consumer_close(g->c);
	return status;
}

static int options(struct ctl *ctl, const struct args *args,
		   struct consuming *g)
{
	bool noack = args_has(args, OPT_NO_ACK);
	uint64_t prefetch = PREFETCH;
	int status;

	g->left = UINT64_MAX;
	status = args_count(ctl, args, OPT_COUNT, 1, UINT64_MAX, &g->left);
	if (!status)
		status = args_count(ctl, args, OPT_PREFETCH, 1, UINT32_MAX,
				    &prefetch);
	g->early = noack && args_has(args, OPT_COUNT);
	g->noack = noack && !g->early;
	g->prefetch = (uint32_t)(g->left < prefetch ? g->left : prefetch);
	return status;
}

/* Print what comes from a queue: with the arguments that it is consumed with. */
static int follow(struct ctl *ctl, const struct args *args, struct mqk *m,
		  const char *queue, struct consuming *g)
{
	int status = headers_build(ctl, args, OPT_ARG, &g->args);

	if (status)
		return status;
	status = printer_init(&g->p, ctl, m, args);
	g->p.queue = queue;
	if (!status) {
		status = run(g);
		snapshot_free(&g->copy);
		printer_destroy(&g->p);
	}
	headers_free(&g->args);
	return status;
}

int consume(struct ctl *ctl, const struct args *args)
{
	struct consuming g = { .last = 0 };
	struct mqk *m;
	int status;

	status = options(ctl, args, &g);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_READ);
	return m ? follow(ctl, args, m, args->pos[0], &g) : REFUSED;
}

/* A queue of its own, bound to an exchange of the broker's; the caller binds more. */
static int listen_to(struct ctl *ctl, struct mqk *m, const char *exchange,
		     const char *pattern, struct mqk_queue_info *q)
{
	struct mqk_queue_opts o = { .sz = sizeof(o), .exclusive = true };
	struct subject subject = { .exchange = exchange, .doing = "bind" };
	int err = q->name[0] ? 0 : mqk_queue_declare(m, NULL, &o, q);

	if (!err)
		err = mqk_bind(m, exchange, q->name, MQK_STR(pattern), NULL, 0);
	return err ? refused(ctl, m, err, &subject) : DONE;
}

/* With the patterns that are given, or for all. */
static int listen_to_events(struct ctl *ctl, const struct args *args, struct mqk *m,
			    struct mqk_queue_info *q)
{
	int i, status = DONE;

	for (i = 0; !status && i < (args->npos ? args->npos : 1); i++)
		status = listen_to(ctl, m, "amq.mqk.event",
				   args->npos ? args->pos[i] : "#", q);
	return status;
}

static int listen_to_some(struct ctl *ctl, const struct args *args, struct mqk *m,
			  enum opt opt, struct mqk_queue_info *q)
{
	char key[MQK_KEY_MAX + 1];
	int pos = 0, status = DONE;
	const char *pattern;

	while (!status && (pattern = args_each(args, opt, &pos))) {
		int len = snprintf(key, sizeof(key), "%s.%s", option_texts[opt].name,
				   pattern);

		if (len > MQK_KEY_MAX)
			return bad_usage(ctl, "--%s %s: it is too long",
					 option_texts[opt].name, pattern);
		status = listen_to(ctl, m, "amq.mqk.trace", key, q);
	}
	return status;
}

static int listen_to_traces(struct ctl *ctl, const struct args *args, struct mqk *m,
			    struct mqk_queue_info *q)
{
	int status = listen_to_some(ctl, args, m, OPT_PUBLISH, q);

	return status ? status : listen_to_some(ctl, args, m, OPT_DELIVER, q);
}

typedef int listen_fn(struct ctl *ctl, const struct args *args, struct mqk *m,
		      struct mqk_queue_info *q);

/* Print what the broker itself publishes. */
static int hear(struct ctl *ctl, const struct args *args, listen_fn *listen)
{
	struct mqk_queue_info q = { .sz = sizeof(q) };
	struct consuming g = { .last = 0 };
	struct mqk *m;
	int status;

	status = options(ctl, args, &g);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_READ);
	if (!m)
		return REFUSED;
	status = listen(ctl, args, m, &q);
	return status ? status : follow(ctl, args, m, q.name, &g);
}

int events(struct ctl *ctl, const struct args *args)
{
	return hear(ctl, args, listen_to_events);
}

int traced(struct ctl *ctl, const struct args *args)
{
	return hear(ctl, args, listen_to_traces);
}
