// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows onto open segments.
 */
#include "window.h"

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "segment.h"

/* Pages inserted by one fault: as many as one page table holds. */
#define FAULT_PAGES	256ul

static int window_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations window_fops = {
	.owner = THIS_MODULE,
	.release = window_release,
};

/**
 * mqk_window_alloc() - make a window that shows nothing
 *
 * Context: may sleep.
 * Return: the window or an ERR_PTR
 */
struct mqk_window *mqk_window_alloc(void)
{
	struct mqk_window *w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!w)
		return ERR_PTR(-ENOMEM);
	mutex_init(&w->lock);
	file = anon_inode_create_getfile("[mqk-window]", &window_fops, w, O_RDWR,
					 NULL);
	if (IS_ERR(file)) {
		kfree(w);
		return ERR_CAST(file);
	}
	w->file = file;
	return w;
}

/**
 * mqk_window_free() - let go of a window that shows nothing
 * @w: the window; mappings may keep it
 *
 * Context: may sleep.
 */
void mqk_window_free(struct mqk_window *w)
{
	fput(w->file);
}

/**
 * mqk_window_show() - change what a window shows
 * @w: the window
 * @seg: an open segment, or NULL: nobody can write to the last one any more
 *	when this returns
 *
 * Context: may sleep; takes w->lock, and locks of the mm.
 */
void mqk_window_show(struct mqk_window *w, struct mqk_segment *seg)
{
	struct mqk_segment *old;

	mutex_lock(&w->lock);
	old = w->segment;
	w->segment = seg;
	mutex_unlock(&w->lock);
	/* A fault that came before has inserted its pages: now they go. */
	if (old)
		unmap_mapping_range(w->file->f_mapping, 0, 0, 1);
}

static vm_fault_t window_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mqk_window *w = vma->vm_file->private_data;
	unsigned long addr = vmf->address & PAGE_MASK;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct mqk_segment *seg;
	pgoff_t i, end;

	mutex_lock(&w->lock);
	seg = w->segment;
	if (seg && vmf->pgoff < seg->nr_pages) {
		end = min3(vma->vm_pgoff + vma_pages(vma),
			   (pgoff_t)seg->nr_pages, vmf->pgoff + FAULT_PAGES);
		ret = VM_FAULT_NOPAGE;
		for (i = vmf->pgoff; i < end && ret == VM_FAULT_NOPAGE; i++) {
			ret = vmf_insert_pfn(vma, addr, page_to_pfn(seg->pages[i]));
			addr += PAGE_SIZE;
		}
	}
	mutex_unlock(&w->lock);
	return ret;
}

static const struct vm_operations_struct window_vm_ops = {
	.fault = window_fault,
};

/**
 * mqk_window_map() - map a window into a process
 * @w: the window
 * @vma: where; shared
 *
 * Context: in mmap, with the mm's lock.
 * Return: 0
 */
int mqk_window_map(struct mqk_window *w, struct vm_area_struct *vma)
{
	vma_set_file(vma, w->file);
	vma->vm_pgoff = 0;
	vma->vm_ops = &window_vm_ops;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
		     VM_DONTCOPY);
	return 0;
}
