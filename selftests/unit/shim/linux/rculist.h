/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RCULIST_H
#define SHIM_LINUX_RCULIST_H

#include <linux/list.h>
#include <linux/rcupdate.h>

static inline void list_add_tail_rcu(struct list_head *entry, struct list_head *head)
{
	entry->prev = head->prev;
	entry->next = head;
	rcu_assign_pointer(head->prev->next, entry);
	head->prev = entry;
}

/*
 * The way on stays, for those who stand there. The next one was made known
 * before, under the same lock: the sanitizer has to be told again.
 */
static inline void list_del_rcu(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	rcu_assign_pointer(entry->prev->next, entry->next);
	entry->prev = NULL;
}

#define shim_list_entry_rcu(ptr, type, member) \
	list_entry(rcu_dereference_check(ptr, true), type, member)
#define list_for_each_entry_rcu(pos, head, member, ...) \
	for (pos = shim_list_entry_rcu((head)->next, __typeof__(*pos), member); \
	     &pos->member != (head); \
	     pos = shim_list_entry_rcu(pos->member.next, __typeof__(*pos), member))

#endif
