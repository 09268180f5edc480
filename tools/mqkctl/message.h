/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Printing messages that were received.
 *
 * What is checked and escaped must not be changed by its producer in between:
 * a message in a mapped segment is copied first (snapshot), a few are better
 * received with the option copy.
 */
#ifndef MQKCTL_MESSAGE_H
#define MQKCTL_MESSAGE_H

#include "args.h"

struct exchange_name;

/**
 * struct printer - prints the messages of a queue
 * @ctl: how
 * @m: session, to look names up
 * @queue: name of the queue
 * @raw: data alone
 * @names: exchanges by id, those that were seen last
 */
struct printer {
	struct ctl *ctl;
	struct mqk *m;
	const char *queue;
	bool raw;
	struct exchange_name *names;
};

int printer_init(struct printer *p, struct ctl *ctl, struct mqk *m,
		 const struct args *args);
void printer_destroy(struct printer *p);

void printer_message(struct printer *p, const struct mqk_msg *msg);
/**
 * struct snapshot - a copy of a message; begins as zeros
 * @msg: the copy
 * @buf: its bytes
 */
struct snapshot {
	struct mqk_msg msg;
	struct mqk_buffer buf;
};

/* The copy, until the next one; NULL: no memory. */
const struct mqk_msg *snapshot_take(struct snapshot *s,
				    const struct mqk_msg *msg);
void snapshot_free(struct snapshot *s);

/* Whether all that was printed has left this process; else errno tells. */
bool printer_flush(void);
/* Say that it has not; what became of the message. */
int printer_failed(struct ctl *ctl, const char *outcome);

#endif /* MQKCTL_MESSAGE_H */
