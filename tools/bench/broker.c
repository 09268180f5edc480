// SPDX-License-Identifier: GPL-2.0-only
#include "broker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mqk *control;
static uint64_t current;	/* segment size of the broker there is */
static pid_t owner;

const char *broker_name(void)
{
	static char name[32];

	if (!name[0])
		snprintf(name, sizeof(name), "bench-%d", (int)getpid());
	return name;
}

void broker_remove(void)
{
	/* Not from a forked side. */
	if (!current || getpid() != owner)
		return;
	current = 0;
	mqk_broker_delete(control, broker_name(), MQK_BROKER_DELETE_F_FORCE);
}

static void on_signal(int sig)
{
	broker_remove();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* What a run that was killed has left. */
static void remove_stale(void)
{
	struct mqk_broker_info info = { .sz = sizeof(info) };
	char *end;
	long pid;

	while (mqk_broker_next(control, &info) == 1) {
		if (strncmp(info.name, "bench-", 6))
			continue;
		pid = strtol(info.name + 6, &end, 10);
		if (!*end && pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH)
			mqk_broker_delete(control, info.name, 0);
	}
}

static int open_control(const char **why)
{
	int err;

	if (control)
		return 0;
	err = mqk_control_open(&control);
	if (err) {
		*why = err == -ENOENT ? "the module is not loaded" :
		       broker_error(NULL, err, "/dev/mqk/control");
		return err;
	}
	owner = getpid();
	broker_name();
	remove_stale();
	atexit(broker_remove);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	return 0;
}

int broker_need(uint64_t segment_size, const char **why)
{
	struct mqk_broker_opts opts = {
		.sz = sizeof(opts),
		.segment_size = segment_size,
	};
	int err = open_control(why);

	if (err)
		return err;
	if (current == segment_size)
		return 0;
	broker_remove();
	err = mqk_broker_create(control, broker_name(), &opts);
	if (err) {
		*why = broker_error(control, err, "creating a broker");
		return err;
	}
	current = segment_size;
	return 0;
}

const char *broker_error(struct mqk *m, int err, const char *what)
{
	static char text[256];
	struct mqk_error e = { .size = sizeof(e) };
	int n = snprintf(text, sizeof(text), "%s: %s", what, strerror(-err));

	if (m && n < (int)sizeof(text) - 4 && !mqk_last_error(m, &e) &&
	    (int)e.error == -err) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ": ");
		mqk_error_text(&e, text + n, sizeof(text) - (size_t)n);
	}
	return text;
}
