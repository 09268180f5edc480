// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery tags: stragglers, and what is oldest.
 */
#include "util/slots.h"

/**
 * mqk_slots_skip() - pass by the tags whose slots are taken
 * @s: the tags; fewer than half of the slots are taken
 *
 * Those that stand in the way for the first time become stragglers.
 */
void mqk_slots_skip(struct mqk_slots *s)
{
	for (;;) {
		u32 i = (s->tag + 1) & s->mask;
		struct mqk_slot *slot = &s->slot[i];

		if (!slot->entry)
			return;
		s->tag++;
		/* met before, in an earlier turn */
		if (s->tag - slot->tag > (u64)s->mask + 1)
			continue;
		slot->prev = s->last;
		slot->next = MQK_SLOT_NONE;
		if (s->last == MQK_SLOT_NONE)
			s->first = i;
		else
			s->slot[s->last].next = i;
		s->last = i;
	}
}

/**
 * mqk_slots_unlink() - take a straggler out of their list
 * @s: the tags
 * @slot: its slot
 */
void mqk_slots_unlink(struct mqk_slots *s, struct mqk_slot *slot)
{
	if (slot->prev == MQK_SLOT_NONE)
		s->first = slot->next;
	else
		s->slot[slot->prev].next = slot->next;
	if (slot->next == MQK_SLOT_NONE)
		s->last = slot->prev;
	else
		s->slot[slot->next].prev = slot->prev;
}

/**
 * mqk_slots_first() - the slot of the lowest tag
 * @s: the tags
 *
 * Return: the slot, or NULL when no tag is outstanding
 */
struct mqk_slot *mqk_slots_first(struct mqk_slots *s)
{
	if (s->first != MQK_SLOT_NONE)
		return &s->slot[s->first];
	if (!s->nr) {
		s->low = s->tag + 1;
		return NULL;
	}
	/* what is further behind is a straggler */
	if (s->tag - s->low > s->mask)
		s->low = s->tag - s->mask;
	for (; s->low <= s->tag; s->low++) {
		struct mqk_slot *slot = mqk_slots_find(s, s->low);

		if (slot)
			return slot;
	}
	return NULL;
}
