/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Areas: pages that the kernel shares with a process.
 *
 * The kernel sees an area through one contiguous mapping; a process maps all of
 * it, or none.  The pages are inserted when it is mapped, so there are no
 * faults, and a mapping keeps the pages, not the area: an area can be freed
 * while it is mapped, and what a process then reads or writes is nobody's
 * business but its own.  Their charge lasts as long as they do: mapped.h.
 */
#ifndef MQK_AREA_H
#define MQK_AREA_H

#include <linux/types.h>
#include <asm/page.h>

struct page;
struct vm_area_struct;

struct mqk_area {
	struct page **pages;
	unsigned int nr_pages;
	void *vaddr;
};

int mqk_area_alloc(struct mqk_area *area, size_t size);
void mqk_area_free(struct mqk_area *area);
int mqk_area_map(struct mqk_area *area, struct vm_area_struct *vma);

static inline size_t mqk_area_size(const struct mqk_area *area)
{
	return (size_t)area->nr_pages << PAGE_SHIFT;
}

#endif /* MQK_AREA_H */
