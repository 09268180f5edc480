/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delivery tags: from a tag to what was delivered under it, in constant time.
 *
 * Tags rise from 1.  What has a tag lies in slot (tag & mask) of a table with
 * at least twice as many slots as there can be tags outstanding.  When the slot
 * of the next tag still holds an old one, that tag is skipped: so tags may have
 * gaps, a slot has one owner, and one that stays unacknowledged for ever holds
 * nobody up.
 *
 * MULTIPLE needs the lowest tag.  Those that were given within the last turn
 * round the table lie in it in order, and low runs after them; the stragglers
 * that were skipped are in a list, in order as well, since they are met in order.
 * A tag is a straggler as soon as the last one given is a whole table ahead.
 *
 * Every operation takes constant time, but for mqk_slots_first(): its steps are
 * at most as many as tags were given since, and as the table has slots.
 *
 * Locks: the caller's.
 */
#ifndef MQK_UTIL_SLOTS_H
#define MQK_UTIL_SLOTS_H

#include <linux/compiler.h>
#include <linux/types.h>

#define MQK_SLOT_NONE	(~0u)

/**
 * struct mqk_slot - a tag that is outstanding
 * @entry: what was delivered; NULL: the slot is free
 * @tag: under which tag
 * @prev: of a straggler: slot of the one before it, or MQK_SLOT_NONE
 * @next: of a straggler: slot of the one behind it, or MQK_SLOT_NONE
 */
struct mqk_slot {
	void *entry;
	u64 tag;
	u32 prev;
	u32 next;
};

/**
 * struct mqk_slots - the tags outstanding
 * @slot: the table, zeroed
 * @mask: its size, a power of two, less 1
 * @nr: how many
 * @tag: the last one given
 * @low: no tag below it is outstanding, but for stragglers
 * @first: slot of the first straggler, or MQK_SLOT_NONE
 * @last: slot of the last one
 */
struct mqk_slots {
	struct mqk_slot *slot;
	u32 mask;
	u32 nr;
	u64 tag;
	u64 low;
	u32 first;
	u32 last;
};

void mqk_slots_skip(struct mqk_slots *s);
void mqk_slots_unlink(struct mqk_slots *s, struct mqk_slot *slot);
struct mqk_slot *mqk_slots_first(struct mqk_slots *s);

static inline void mqk_slots_init(struct mqk_slots *s, struct mqk_slot *table,
				  u32 size)
{
	s->slot = table;
	s->mask = size - 1;
	s->nr = 0;
	s->tag = 0;
	s->low = 1;
	s->first = MQK_SLOT_NONE;
	s->last = MQK_SLOT_NONE;
}

/**
 * mqk_slots_add() - give a tag
 * @s: the tags; fewer than half of the slots are taken
 * @entry: what for, not NULL
 *
 * Return: the tag
 */
static __always_inline u64 mqk_slots_add(struct mqk_slots *s, void *entry)
{
	u64 tag = s->tag + 1;
	struct mqk_slot *slot = &s->slot[tag & s->mask];

	if (unlikely(slot->entry)) {
		mqk_slots_skip(s);
		tag = s->tag + 1;
		slot = &s->slot[tag & s->mask];
	}
	slot->entry = entry;
	slot->tag = tag;
	s->nr++;
	s->tag = tag;
	return tag;
}

/* Where a tag would be, and whether it is there: outstanding. */
static __always_inline struct mqk_slot *mqk_slots_at(struct mqk_slots *s, u64 tag)
{
	return &s->slot[tag & s->mask];
}

static __always_inline bool mqk_slot_is(const struct mqk_slot *slot, u64 tag)
{
	return slot->entry && slot->tag == tag;
}

/* The slot of a tag, or NULL when it is not outstanding. */
static inline struct mqk_slot *mqk_slots_find(struct mqk_slots *s, u64 tag)
{
	struct mqk_slot *slot = mqk_slots_at(s, tag);

	return mqk_slot_is(slot, tag) ? slot : NULL;
}

static inline bool mqk_slots_straggler(const struct mqk_slots *s,
				       const struct mqk_slot *slot)
{
	return s->tag - slot->tag > s->mask;
}

/**
 * mqk_slots_del() - end a tag
 * @s: the tags
 * @slot: its slot
 *
 * Return: what it was for
 */
static __always_inline void *mqk_slots_del(struct mqk_slots *s,
					   struct mqk_slot *slot)
{
	void *entry = slot->entry;

	if (unlikely(mqk_slots_straggler(s, slot)))
		mqk_slots_unlink(s, slot);
	slot->entry = NULL;
	s->nr--;
	return entry;
}

#endif /* MQK_UTIL_SLOTS_H */
