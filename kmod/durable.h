/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Durable brokers: how they begin and end.
 *
 * Making one: the broker is made and its name taken, then its files are made, then it
 * can be reached.  Opening one: its files are read, then the broker is made as they
 * say and its name taken, then what was declared is declared again and the files are
 * made ready for more, then it can be reached.  What fails on the way leaves no broker
 * and the directory as good as it was.
 *
 * Closing one: once the broker is dead, nothing is noted any more; what was is
 * written, and the directory is given back before the call returns.
 */
#ifndef MQK_DURABLE_H
#define MQK_DURABLE_H

#include <linux/types.h>
#include <linux/mqk_log.h>

struct mqk_broker;
struct mqk_broker_options;
struct mqk_journal;
struct mqk_refusal;

/**
 * struct mqk_durable - where a broker is kept
 * @fd: the caller's descriptor of the directory
 * @make: there is none yet
 * @sync: MQK_SYNC_*, of one that is made
 * @journal: what was read, of one that is opened
 * @super: what it is
 */
struct mqk_durable {
	int fd;
	bool make;
	u32 sync;
	struct mqk_journal *journal;
	struct mqk_log_super super;
};

int mqk_durable_read(struct mqk_broker_options *o, struct mqk_refusal *why);
int mqk_durable_begin(struct mqk_broker *broker, struct mqk_durable *d,
		      struct mqk_refusal *why);
void mqk_durable_abandon(struct mqk_durable *d);
void mqk_durable_stop(struct mqk_broker *broker);
void mqk_durable_close(struct mqk_broker *broker);

#endif /* MQK_DURABLE_H */
