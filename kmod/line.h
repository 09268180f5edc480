/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line: messages that are ready, and go one after the other, by place.
 *
 * What was never taken is in a list, to whose end the next one comes; what has
 * returned is in a tree.  The first one of the line is the older of the first two:
 * what was taken from the head is older than all that is in the list, but what was
 * taken out from further behind (redrive.h) is not.  So coming in and being taken are
 * O(1), whatever waits; only returning is O(log n), and n is what has returned.
 *
 * Which of the two a message is in, MQK_ENTRY_F_BACK of its entry tells.
 *
 * Locks: queue->lock.
 */
#ifndef MQK_LINE_H
#define MQK_LINE_H

#include <linux/list.h>
#include <linux/rbtree.h>

struct mqk_entry;

/**
 * struct mqk_line - a line
 * @fresh: what was never taken
 * @back: tree of what has returned
 */
struct mqk_line {
	struct list_head fresh;
	struct rb_root_cached back;
};

static inline void mqk_line_init(struct mqk_line *line)
{
	INIT_LIST_HEAD(&line->fresh);
	line->back = RB_ROOT_CACHED;
}

static inline bool mqk_line_empty(const struct mqk_line *line)
{
	return list_empty(&line->fresh) && !rb_first_cached(&line->back);
}

void mqk_line_add(struct mqk_line *line, struct mqk_entry *e);
void mqk_line_return(struct mqk_line *line, struct mqk_entry *e);
void mqk_line_leave(struct mqk_line *line, struct mqk_entry *e);
struct mqk_entry *mqk_line_first(struct mqk_line *line);

#endif /* MQK_LINE_H */
