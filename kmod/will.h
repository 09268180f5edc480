/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Last wills: a message that is published when a session ends without a goodbye.
 *
 * MQK_IOC_WILL hands the message in as PUBLISH does, and it is copied into a
 * segment at once, with a port of its own to publish it through: permission,
 * sizes, headers and what memory and credit the copy takes are seen to then, with
 * the identity of the session.  A second will takes the place of the first;
 * without a message, there is none any more: that is the goodbye, which libmqk
 * says when it closes a session.
 *
 * When the session ends, also because its process was killed, and there still is
 * one, it is routed as any message at that time, after all that the session's
 * ports had committed, and after what its consumers held went back.  What a limit
 * refuses then is lost, as is a will whose exchange is not there any more.
 *
 * One that has a delay waits for that long after the end of the session, and is
 * routed then.  Nobody can take it back: who opens the broker again is another
 * session.  It keeps its port, its record and its credentials until then, and is
 * charged for them, so the limit on ports bounds how many wait.  A broker that is
 * removed publishes no wills, and drops those that wait.
 *
 * Life: the session has one; it owns its port, the reference to its record, and a
 * reference to its credentials.  One that waits is in broker->wills and holds the
 * broker.  Whoever takes it out of that list ends it: the work that its timer
 * queues, or who removes the broker.
 *
 * Locks: session->mutex guards which one it is, broker->mutex the list.  The timer's
 * function takes no lock.
 */
#ifndef MQK_WILL_H
#define MQK_WILL_H

#include <linux/types.h>

struct mqk_broker;
struct mqk_message;
struct mqk_refusal;
struct mqk_session;
struct mqk_testament;

int mqk_will_make(struct mqk_session *s, const struct mqk_message *m, u64 delay,
		  struct mqk_refusal *why);
void mqk_will_forget(struct mqk_session *s);
void mqk_will_execute(struct mqk_session *s);
void mqk_will_cancel_all(struct mqk_broker *broker);

#endif /* MQK_WILL_H */
