/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving: what a last-value exchange remembers goes to a new binding.
 *
 * It is given before BIND returns, oldest first, and before anything that is
 * published later (retained.h).  To a queue, all of it: what memory and credit that
 * takes is reserved before, so the call fails, and has no effect, or nothing does.
 * Through an exchange, each message goes where its key leads from there, as if it
 * were published; what a limit refuses then is counted as refused.
 *
 * Who binds pays for places in the queue; each reference counts as a message of who
 * published it, as when it was published to what was bound then.
 *
 * Locks: broker->mutex; publishers to last-value exchanges wait meanwhile.
 */
#ifndef MQK_GIVE_H
#define MQK_GIVE_H

struct mqk_binding_id;
struct mqk_giving;
struct mqk_port;
struct mqk_refusal;

struct mqk_giving *mqk_giving_prepare(struct mqk_port *p,
				      const struct mqk_binding_id *id,
				      struct mqk_refusal *why);
void mqk_giving_give(struct mqk_giving *g);
void mqk_giving_end(struct mqk_giving *g);

#endif /* MQK_GIVE_H */
