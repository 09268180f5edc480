/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the table of commands calls, by file.  Each returns an exit status.
 */
#ifndef MQKCTL_COMMANDS_H
#define MQKCTL_COMMANDS_H

struct args;
struct ctl;

int broker_create(struct ctl *ctl, const struct args *args);
int broker_open(struct ctl *ctl, const struct args *args);
int broker_close(struct ctl *ctl, const struct args *args);
int broker_delete(struct ctl *ctl, const struct args *args);
int broker_list(struct ctl *ctl, const struct args *args);

int exchange_declare(struct ctl *ctl, const struct args *args);
int exchange_delete(struct ctl *ctl, const struct args *args);
int exchange_list(struct ctl *ctl, const struct args *args);

int queue_declare(struct ctl *ctl, const struct args *args);
int queue_delete(struct ctl *ctl, const struct args *args);
int queue_purge(struct ctl *ctl, const struct args *args);
int queue_cancel(struct ctl *ctl, const struct args *args);
int queue_redrive(struct ctl *ctl, const struct args *args);
int queue_set(struct ctl *ctl, const struct args *args);
int queue_pause(struct ctl *ctl, const struct args *args);
int queue_resume(struct ctl *ctl, const struct args *args);
int queue_list(struct ctl *ctl, const struct args *args);

int binding_list(struct ctl *ctl, const struct args *args);
int consumer_list(struct ctl *ctl, const struct args *args);
int producer_list(struct ctl *ctl, const struct args *args);

int bind_bind(struct ctl *ctl, const struct args *args);
int bind_unbind(struct ctl *ctl, const struct args *args);
int bind_route(struct ctl *ctl, const struct args *args);

int policy_set(struct ctl *ctl, const struct args *args);
int policy_delete(struct ctl *ctl, const struct args *args);
int policy_list(struct ctl *ctl, const struct args *args);
int policy_apply(struct ctl *ctl, const struct args *args);

int publish(struct ctl *ctl, const struct args *args);
int forget(struct ctl *ctl, const struct args *args);
int will(struct ctl *ctl, const struct args *args);
int call_call(struct ctl *ctl, const struct args *args);
int get(struct ctl *ctl, const struct args *args);
int browse(struct ctl *ctl, const struct args *args);
int consume(struct ctl *ctl, const struct args *args);
int events(struct ctl *ctl, const struct args *args);
/* trace --publish, --deliver */
int traced(struct ctl *ctl, const struct args *args);

int stat_print(struct ctl *ctl, const struct args *args);
int top(struct ctl *ctl, const struct args *args);
int trace(struct ctl *ctl, const struct args *args);
int batch(struct ctl *ctl, const struct args *args);
int tx(struct ctl *ctl, const struct args *args);

/* Run the commands in a file, or in standard input ("-"): batch.c */
int batch_run(struct ctl *ctl, const char *name);
/* Close a consumer; in a transaction, when that ends: tx.c */
int tx_keep(struct ctl *ctl, struct mqk_consumer *c);

/* Not in the table: candidates for the last word, for completion. */
int complete(struct ctl *ctl, int argc, char **argv);

#endif /* MQKCTL_COMMANDS_H */
