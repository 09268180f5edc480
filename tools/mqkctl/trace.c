// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace: the module's tracepoints as they fire; or what comes through a broker's
 * exchange of traces (consume.c).
 *
 * They are enabled in an instance of tracefs of our own, which goes when we do:
 * nobody else's tracing is disturbed, and nothing needs to be put back.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "input.h"
#include "tracefs.h"
#include "traceline.h"

#define LOOK_MS		200	/* a signal waits no longer than that */
#define LINE_MAX_BYTES	(1 << 20)

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	stopped = 0;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static void release_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

/* Whether somebody still reads what we print. */
static bool wait_for_more(int fd)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};

	return poll(fds, 2, LOOK_MS) <= 0 || !fds[1].revents;
}

static void print_lines(struct ctl *ctl, struct input *in, uint64_t *left)
{
	const char *line;
	size_t len;

	while (*left && input_line(in, &line, &len)) {
		trace_line(ctl->json, line, len);
		--*left;
	}
	fflush(stdout);
}

static int follow(struct ctl *ctl, int fd, uint64_t left)
{
	struct input in;
	int err = 0;

	input_init(&in, fd, LINE_MAX_BYTES);
	while (left && !stopped && !ferror(stdout) && wait_for_more(fd)) {
		err = input_read(&in);
		if (err && err != -EAGAIN)
			break;
		print_lines(ctl, &in, &left);
		/* No end of file: there is just nothing more yet. */
		in.end = false;
		err = 0;
	}
	input_destroy(&in);
	return err ? refuse(ctl, "trace_pipe: %s", strerror(-err)) : DONE;
}

static int enable_all(struct ctl *ctl, struct tracefs *t,
		      const struct args *args)
{
	int i, status = DONE;

	if (ctl->broker)
		status = tracefs_filter(ctl, t, ctl->broker);
	if (status)
		return status;
	if (!args->npos)
		return tracefs_enable(ctl, t, NULL);
	for (i = 0; i < args->npos && status == DONE; i++)
		status = tracefs_enable(ctl, t, args->pos[i]);
	return status;
}

int trace(struct ctl *ctl, const struct args *args)
{
	uint64_t count = UINT64_MAX;
	struct tracefs t;
	int status, fd;

	if (args_has(args, OPT_PUBLISH) || args_has(args, OPT_DELIVER)) {
		if (args->npos)
			return bad_usage(ctl, "trace: EVENT and --publish, --deliver exclude each other");
		return traced(ctl, args);
	}
	if (args_has(args, OPT_RAW))
		return bad_usage(ctl, "trace: --raw needs --publish or --deliver");
	status = args_count(ctl, args, OPT_COUNT, 1, UINT64_MAX, &count);
	if (status)
		return status;
	/* From here on, lest a signal leaves the instance behind. */
	catch_signals();
	status = tracefs_open(ctl, &t);
	if (status == DONE) {
		fd = tracefs_pipe(ctl, &t);
		status = fd < 0 ? REFUSED : enable_all(ctl, &t, args);
		if (status == DONE)
			status = follow(ctl, fd, count);
		if (fd >= 0)
			close(fd);
		tracefs_close(&t);
	}
	release_signals();
	return status;
}
