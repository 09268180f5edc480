/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compaction: live records are copied out of sparse segments.
 *
 * A closed segment is used again when its last record is settled, so a slow
 * queue that keeps a few records in each of many segments would pin them all.
 * A work looks at the closed segments now and then; where a user has many that
 * are sparse, it moves what lives in them together into fresh ones, and the old
 * ones end as any other: with their last reference.
 *
 * A pass:
 *	look	walk the closed segments; go on only if some user has enough of
 *		those to which few references are left
 *	count	walk the queues; add up, for each closed segment, the ready
 *		entries that refer to it, and their bytes
 *	judge	a victim is a segment all of whose references were counted, which
 *		means that nothing in it is out for delivery, and less than a
 *		quarter of whose bytes live
 *	move	walk the queues again; for each ready entry whose record lies in
 *		a victim: hold the segment, let go of the queue, copy, take the
 *		queue's lock, look at the entry again, and change its reference
 *
 * An entry that was delivered, settled or dropped meanwhile stays as it is, and
 * the copy is given up.  Nothing but the reference changes: place, count, flags
 * and lengths are the entry's own.  An entry has its record moved for itself: a
 * record that waits in several queues becomes several, and counts as often when
 * segments are judged, so that moving always takes less than it gives.
 *
 * What is copied was written by a process that can write there no more; it has
 * no effect here whatever it is.  Size and place come from the entry, and so
 * does the head of the copy.
 *
 * Not moved: what is out for delivery, since a consumer may be reading it; what
 * lies in an open segment, or in a jumbo one, which is as large as its record.
 *
 * Who is alive: the work, as long as the broker; it holds the queue it is at.
 * Locks: a queue's lock, or the store's, in bounded steps; none while it copies.
 */
#ifndef MQK_COMPACT_H
#define MQK_COMPACT_H

struct mqk_broker;

void mqk_compact_start(struct mqk_broker *broker);
void mqk_compact_stop(struct mqk_broker *broker);

#endif /* MQK_COMPACT_H */
