/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device nodes: /dev/mqk/control, and one for each broker; the table of
 * brokers.
 *
 * Locks: brokers_lock guards the table and what is in it.
 */
#ifndef MQK_DEV_H
#define MQK_DEV_H

#include <linux/types.h>

struct mqk_broker_options;
struct mqk_broker_next;
struct mqk_broker;
struct mqk_refusal;
struct cred;

int mqk_dev_init(void);
void mqk_dev_exit(void);

int mqk_dev_add_broker(const struct mqk_broker_options *options,
		       struct mqk_refusal *why);
int mqk_dev_remove_broker(const char *name, const struct cred *cred, bool durable,
			  bool force, struct mqk_refusal *why);
struct mqk_broker *mqk_dev_next_broker(u32 id);

#endif /* MQK_DEV_H */
