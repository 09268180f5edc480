// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines.
 */
#include "line.h"

#include "link.h"

static struct mqk_entry *entry_at(struct rb_node *node)
{
	return mqk_link_entry(rb_entry(node, struct mqk_link, back));
}

static bool before(struct rb_node *a, const struct rb_node *b)
{
	return mqk_entry_seq(entry_at(a)) <
	       mqk_entry_seq(mqk_link_entry(rb_entry(b, struct mqk_link, back)));
}

/**
 * mqk_line_add() - a message comes to the end
 * @line: the line
 * @e: its entry, never taken, behind all others
 *
 * Context: q->lock.
 */
void mqk_line_add(struct mqk_line *line, struct mqk_entry *e)
{
	list_add_tail(&mqk_link_of(e)->fresh, &line->fresh);
}

/**
 * mqk_line_return() - a message that was taken, or taken out, goes back to its place
 * @line: the line
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_line_return(struct mqk_line *line, struct mqk_entry *e)
{
	e->flags = MQK_ENTRY_F_BACK;
	rb_add_cached(&mqk_link_of(e)->back, &line->back, before);
}

/**
 * mqk_line_leave() - a message leaves, wherever it stands
 * @line: the line
 * @e: its entry
 *
 * Context: q->lock.
 */
void mqk_line_leave(struct mqk_line *line, struct mqk_entry *e)
{
	struct mqk_link *l = mqk_link_of(e);

	if (e->flags & MQK_ENTRY_F_BACK)
		rb_erase_cached(&l->back, &line->back);
	else
		list_del(&l->fresh);
}

/**
 * mqk_line_first() - who is next
 * @line: the line
 *
 * Context: q->lock.
 * Return: the oldest entry, or NULL
 */
struct mqk_entry *mqk_line_first(struct mqk_line *line)
{
	struct rb_node *node = rb_first_cached(&line->back);
	struct mqk_link *l;
	struct mqk_entry *e;

	l = list_first_entry_or_null(&line->fresh, struct mqk_link, fresh);
	if (!node)
		return l ? mqk_link_entry(l) : NULL;
	e = entry_at(node);
	if (l && mqk_entry_seq(mqk_link_entry(l)) < mqk_entry_seq(e))
		return mqk_link_entry(l);
	return e;
}
