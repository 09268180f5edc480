/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MM_H
#define SHIM_LINUX_MM_H

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <asm/page.h>

#define PAGE_SIZE	(1ul << PAGE_SHIFT)
#define PAGE_ALIGN(n)	(((n) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define PAGE_KERNEL	0
#define totalram_pages()	(1ul << 22)

/*
 * A page of a file, as long as somebody has a reference; or one of nobody's,
 * which can be seen through one vmap().
 */
struct page {
	struct file *file;
	size_t index;
};

struct page *alloc_page(gfp_t gfp);

void put_page(struct page *page);

static inline void set_page_dirty(struct page *page)
{
}

/* Mapping into processes is left to the tests. */
struct vm_area_struct {
	unsigned long vm_start;
};

#define VM_MIXEDMAP	0
#define VM_DONTEXPAND	0
#define VM_DONTDUMP	0
#define VM_DONTCOPY	0
#define VM_IO		0
#define VM_PFNMAP	0
#define vma_pages(vma)	((void)(vma), 0ul)
#define vm_flags_set(vma, flags)			((void)(vma))
#define vm_insert_pages(vma, start, pages, left)	((void)(left), -1)

#endif
