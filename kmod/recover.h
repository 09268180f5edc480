/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recovery: what a journal says, made again.
 *
 * The definitions that were read are declared one after the other, in the order in
 * which they were first; who paid for them pays again.  A limit that is too low now
 * refuses the broker as a whole: raise it, and open the broker again.
 */
#ifndef MQK_RECOVER_H
#define MQK_RECOVER_H

struct mqk_broker;
struct mqk_refusal;

int mqk_recover(struct mqk_broker *broker, struct mqk_refusal *why);

#endif /* MQK_RECOVER_H */
