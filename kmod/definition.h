/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Definitions of exchanges, queues and bindings: how they are written.
 *
 * What a durable broker declares is kept if it is durable: an exchange or queue that
 * is declared so, but for an exclusive queue, which goes with its session; a binding
 * both of whose ends are kept, or there in every broker.
 *
 * A declaring call gets a definition before it takes broker->mutex, and hands it down
 * by reference; whoever makes the object takes it, past the last failure.  One that
 * was read from disk is handed down the same way, and only taken.
 */
#ifndef MQK_DEFINITION_H
#define MQK_DEFINITION_H

#include <linux/types.h>

struct mqk_binding;
struct mqk_broker;
struct mqk_declare;
struct mqk_definition;
struct mqk_exchange;
struct mqk_queue;
struct mqk_refusal;
struct mqk_rules;
struct mqk_tenant;

struct mqk_definition *mqk_define_begin(struct mqk_broker *broker, u32 names_len,
					u32 args_len, struct mqk_tenant *tenant,
					struct mqk_refusal *why);
struct mqk_definition *mqk_define_begin_queue(struct mqk_broker *broker,
					      u32 name_len,
					      const struct mqk_rules *rules,
					      struct mqk_tenant *tenant,
					      struct mqk_refusal *why);
void mqk_define_exchange(struct mqk_exchange *x, const struct mqk_declare *d);
void mqk_define_queue(struct mqk_queue *q, const struct mqk_declare *d);
void mqk_define_binding(struct mqk_binding *b, struct mqk_definition **def);
void mqk_define_again(struct mqk_queue *q, struct mqk_definition **def);

/* Whether it was read from disk, not declared now. */
bool mqk_definition_known(struct mqk_definition *const *def);

#endif /* MQK_DEFINITION_H */
