/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mqkctl: what all commands share.
 *
 * main() makes one struct ctl and runs one command line with it; `batch' runs
 * many.  A command is a row of the table in commands.c: its words, what may
 * stand behind them, and a function.  The function gets a checked command line
 * (args.h), asks for a session (session.c) and returns an exit status.
 *
 * Nothing is printed by the library.  Results go to standard output through
 * json.h and table.h, or text.h; refusals to standard error through the
 * functions below, each one line that begins with "mqkctl: ".
 */
#ifndef MQKCTL_H
#define MQKCTL_H

#include <stdbool.h>
#include <stdint.h>

#include <mqk/mqk.h>

/* Exit statuses. */
enum { DONE = 0, REFUSED = 1, USAGE = 2 };

/* What a command needs of a broker's node, besides opening it. */
enum access {
	ACCESS_ANY,		/* read or write permission */
	ACCESS_READ,
	ACCESS_WRITE,
	ACCESS_BOTH,
};

struct session;
struct tx;

/**
 * struct ctl - the state of a run
 * @broker: broker that was asked for; NULL: "default"
 * @json: print JSON
 * @where: what stands before errors: "" or "FILE:LINE: "
 * @batch: depth of `batch': 0 or 1
 * @tx: the transaction that commands are part of, or NULL (tx.c)
 * @stdin_used: commands come from standard input, so no command may read it
 * @sessions: sessions that are open, kept until the end (session.c)
 */
struct ctl {
	const char *broker;
	bool json;
	const char *where;
	int batch;
	struct tx *tx;
	bool stdin_used;
	struct session *sessions;
};

/* Run one command line (without the program's name): main.c */
int ctl_run(struct ctl *ctl, int argc, char **argv);

/* Errors (error.c) ------------------------------------------------------- */

/* A line on standard error; the status to return. */
int refuse(struct ctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int bad_usage(struct ctl *ctl, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * struct subject - what a refused call was about
 * @exchange: name of the exchange, NULL: not about one
 * @queue: name of the queue, NULL: not about one
 * @doing: what was tried, in words: "publish to", "bind"; may be NULL
 *
 * When both names are there, the rule that refused tells which is meant.
 */
struct subject {
	const char *exchange;
	const char *queue;
	const char *doing;
};

/* Say why a call of a session was refused; err is a negative errno. */
int refused(struct ctl *ctl, struct mqk *m, int err,
	    const struct subject *subject);
/* The same for calls about a broker (and of the control node, m or NULL). */
int broker_refused(struct ctl *ctl, struct mqk *m, int err, const char *broker,
		   const char *doing);
int out_of_memory(struct ctl *ctl);

/* Sessions (session.c) --------------------------------------------------- */

/* NULL: the reason was printed, return REFUSED. */
struct mqk *ctl_session(struct ctl *ctl, enum access access);
struct mqk *ctl_control(struct ctl *ctl);
void ctl_sessions_close(struct ctl *ctl);
const char *ctl_broker(const struct ctl *ctl);

#endif /* MQKCTL_H */
