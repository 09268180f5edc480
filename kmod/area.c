// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas shared with processes.
 */
#include "area.h"

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/**
 * mqk_area_alloc() - allocate an area of zeros
 * @area: the area
 * @size: bytes, rounded up to pages; the caller caps and charges it
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM
 */
int mqk_area_alloc(struct mqk_area *area, size_t size)
{
	unsigned int n = PAGE_ALIGN(size) >> PAGE_SHIFT;

	area->nr_pages = 0;
	area->vaddr = NULL;
	area->pages = kvcalloc(n, sizeof(*area->pages), GFP_KERNEL_ACCOUNT);
	if (!area->pages)
		return -ENOMEM;
	for (; area->nr_pages < n; area->nr_pages++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			goto err;
		area->pages[area->nr_pages] = page;
	}
	area->vaddr = vmap(area->pages, n, VM_MAP, PAGE_KERNEL);
	if (area->vaddr)
		return 0;
err:
	mqk_area_free(area);
	return -ENOMEM;
}

/**
 * mqk_area_free() - free an area; harmless on one that was never allocated
 * @area: the area, zeroed or once allocated
 *
 * Context: may sleep.
 */
void mqk_area_free(struct mqk_area *area)
{
	vunmap(area->vaddr);
	while (area->nr_pages)
		put_page(area->pages[--area->nr_pages]);
	kvfree(area->pages);
	area->pages = NULL;
	area->vaddr = NULL;
}

/**
 * mqk_area_map() - map an area into a process
 * @area: the area
 * @vma: as long as the area
 *
 * Context: in mmap, with the mm's lock.
 * Return: 0, -EINVAL for another length, -ENOMEM
 */
int mqk_area_map(struct mqk_area *area, struct vm_area_struct *vma)
{
	unsigned long left = area->nr_pages;

	if (vma_pages(vma) != left)
		return -EINVAL;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	return vm_insert_pages(vma, vma->vm_start, area->pages, &left);
}
