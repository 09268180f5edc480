/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transactions: what a session publishes and settles, all of it at once or not at all.
 *
 * BEGIN has all ports and consumers of the session take part, and so do those that come
 * later; what they had handed in before is carried out first.  What they hand in from
 * then on is kept back (staged.h).  COMMIT closes them to the transaction one by one,
 * takes what is still in their rings and segments, and carries it all out (commit.c).
 * ROLLBACK, a COMMIT that fails, and the end of the session forget it.
 *
 * A port or consumer that is closed meanwhile leaves what it has handed in.  Its messages
 * are published; what it held has gone back, so a settlement of it ends the transaction.
 *
 * A session without one pays nothing: ports and consumers that take part are apart
 * from the others in a test that those do anyway (mqk_port.apart, mqk_consumer.odd).
 *
 * Locks: session->tx_mutex from begin to end of each call, and while ports and
 * consumers come and go.
 */
#ifndef MQK_TX_H
#define MQK_TX_H

#include <linux/types.h>

struct mqk_refusal;
struct mqk_session;

int mqk_tx_begin(struct mqk_session *s, struct mqk_refusal *why);
int mqk_tx_commit(struct mqk_session *s, u32 *messages, u32 *settlements,
		  struct mqk_refusal *why);
int mqk_tx_rollback(struct mqk_session *s, u32 *messages, u32 *settlements,
		    struct mqk_refusal *why);
void mqk_tx_close(struct mqk_session *s);

#endif /* MQK_TX_H */
