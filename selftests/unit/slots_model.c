// SPDX-License-Identifier: GPL-2.0-only
#include "slots_model.h"

#include <string.h>

static void *what_for(u64 tag)
{
	return (void *)(unsigned long)(tag << 4 | 8);
}

static bool outstanding(const struct slots_model *m, u64 tag)
{
	u32 i;

	for (i = 0; i < m->n; i++)
		if (m->tag[i] == tag)
			return true;
	return false;
}

/* Somebody has the slot that a tag would have. */
static bool taken(const struct slots_model *m, u64 tag)
{
	u32 i;

	for (i = 0; i < m->n; i++)
		if (m->tag[i] % m->size == tag % m->size)
			return true;
	return false;
}

void slots_init(struct slots_model *m, u32 size, u64 given)
{
	memset(m, 0, sizeof(*m));
	m->size = size;
	m->given = given;
	m->table = calloc(size, sizeof(*m->table));
	memset(&m->s, 0xa5, sizeof(m->s));
	mqk_slots_init(&m->s, m->table, size);
	m->s.tag = given;
}

const char *slots_destroy(struct slots_model *m)
{
	const char *bad = slots_del_up_to(m, ~0ull) ?: slots_check(m);

	if (!bad && m->n)
		bad = "MULTIPLE has left some";
	free(m->table);
	return bad;
}

const char *slots_add(struct slots_model *m)
{
	u64 want = m->given + 1, tag;

	for (; taken(m, want); want++)
		m->skips++;
	m->adds++;
	tag = mqk_slots_add(&m->s, what_for(want));
	if (tag != want)
		return tag < want ? "a tag that a straggler stands in the way of" :
				    "a gap without a straggler";
	m->given = tag;
	m->tag[m->n++] = tag;
	return slots_find(m, tag);
}

static const char *del(struct slots_model *m, struct mqk_slot *slot, u32 n)
{
	u64 tag = m->tag[n];
	void *entry;

	if (!slot || slot->tag != tag)
		return "another tag";
	entry = mqk_slots_del(&m->s, slot);
	memmove(&m->tag[n], &m->tag[n + 1], (--m->n - n) * sizeof(m->tag[0]));
	if (entry != what_for(tag))
		return "something else was delivered under that tag";
	return slots_find(m, tag);
}

const char *slots_del(struct slots_model *m, u32 n)
{
	return del(m, mqk_slots_find(&m->s, m->tag[n]), n);
}

const char *slots_del_up_to(struct slots_model *m, u64 tag)
{
	struct mqk_slot *slot;
	const char *bad = NULL;

	while (!bad && (slot = mqk_slots_first(&m->s)) && slot->tag <= tag)
		bad = m->n ? del(m, slot, 0) : "one too many";
	if (!bad && m->n && m->tag[0] <= tag)
		return "ended too early";
	return bad;
}

const char *slots_find(struct slots_model *m, u64 tag)
{
	struct mqk_slot *slot = mqk_slots_find(&m->s, tag);

	if (!slot != !outstanding(m, tag))
		return slot ? "found a tag that is not outstanding" : "a tag is not found";
	if (slot && (slot->tag != tag || slot->entry != what_for(tag)))
		return "found another tag";
	return NULL;
}

/* Those that are a whole table behind are listed, in order, both ways. */
static const char *check_stragglers(const struct slots_model *m)
{
	u32 i, at = m->s.first, prev = MQK_SLOT_NONE;

	for (i = 0; i < m->n && m->given - m->tag[i] >= m->size; i++) {
		const struct mqk_slot *slot;

		if (at >= m->size)
			return "the list of stragglers ends too early";
		slot = &m->table[at];
		if (slot->tag != m->tag[i] || !slot->entry)
			return "the list of stragglers has another order";
		if (slot->prev != prev)
			return "the way back is another one";
		prev = at;
		at = slot->next;
	}
	if (at != MQK_SLOT_NONE || m->s.last != prev)
		return "the end of the list of stragglers is wrong";
	/* the next one is not below low */
	return i < m->n && m->tag[i] < m->s.low ? "a tag below the lowest" : NULL;
}

const char *slots_check(struct slots_model *m)
{
	u32 i, used = 0;

	for (i = 0; i < m->n; i++) {
		const struct mqk_slot *slot = &m->table[m->tag[i] % m->size];

		if (slot->tag != m->tag[i] || !slot->entry)
			return "a slot holds another tag";
	}
	for (i = 0; i < m->size; i++)
		used += m->table[i].entry != NULL;
	if (m->s.nr != m->n || used != m->n)
		return "wrong number of tags";
	if (m->s.tag != m->given)
		return "the last tag is another one";
	return check_stragglers(m);
}
