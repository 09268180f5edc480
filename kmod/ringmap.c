// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping.
 *
 * Every mapping is made to refer to a file other than the session's, so that a
 * session ends when its descriptor is closed, not when its process has
 * forgotten the last mapping: a segment's own file, a window's, or for rings
 * an empty file that exists for nothing else and can do nothing.
 */
#include "ringmap.h"

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "broker.h"
#include "consumer.h"
#include "limits.h"
#include "mapped.h"
#include "port.h"
#include "session.h"
#include "window.h"

static_assert((MQK_MAP_CONSUMER_USER + 1ull) << MQK_MAP_KIND_SHIFT <=
	      1ull << MQK_MAP_OFFSET_BITS);
static_assert((u64)MQK_SEGMENTS_MAX << MQK_MAP_SEGMENT_SHIFT <=
	      1ull << MQK_MAP_KIND_SHIFT);
static_assert(PAGE_SHIFT <= MQK_MAP_ID_SHIFT);

static int ring_release(struct inode *inode, struct file *file)
{
	mqk_mapped_put(file->private_data);
	return 0;
}

/* Whoever maps a ring keeps its charge, and the module as an open node does. */
static const struct file_operations ring_fops = {
	.owner = THIS_MODULE,
	.release = ring_release,
};

/* Make a mapping refer to an empty file of its own. */
static int leave_session(struct vm_area_struct *vma, struct mqk_mapped *mapped)
{
	struct file *file;

	mqk_mapped_get(mapped);
	file = anon_inode_getfile("[mqk-ring]", &ring_fops, mapped, O_RDWR);
	if (IS_ERR(file)) {
		mqk_mapped_put(mapped);
		return PTR_ERR(file);
	}
	vma_set_file(vma, file);
	fput(file);
	vma->vm_pgoff = 0;
	return 0;
}

static int make_readonly(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}

static int map_area(struct mqk_area *area, struct mqk_mapped *mapped,
		    struct vm_area_struct *vma, bool readonly)
{
	int err = readonly ? make_readonly(vma) : 0;

	if (err)
		return err;
	if (vma_pages(vma) != area->nr_pages)
		return -EINVAL;
	return leave_session(vma, mapped) ?: mqk_area_map(area, vma);
}

static int map_segment(struct mqk_session *s, u32 no,
		       struct vm_area_struct *vma)
{
	struct file *file;
	u64 size;
	int err;

	if (!(s->access & MQK_ACCESS_MAP))
		return -EACCES;
	err = make_readonly(vma);
	if (err)
		return err;
	file = mqk_segment_file(&s->broker->store, no, &size);
	if (!file)
		return -ENXIO;
	err = -EINVAL;
	if (vma_pages(vma) <= size >> PAGE_SHIFT) {
		vma_set_file(vma, file);
		vma->vm_pgoff = 0;
		vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
		/* as for any shared mapping of a file that is open read-only */
		vm_flags_clear(vma, VM_SHARED);
		err = call_mmap(file, vma);
	}
	fput(file);
	return err;
}

static int map_port(struct mqk_session *s, enum mqk_map kind, u32 id,
		    struct vm_area_struct *vma)
{
	struct mqk_port *p = mqk_session_port(s, id);
	int err = -ENXIO;

	if (!p)
		return -ENXIO;
	if (kind == MQK_MAP_PORT_PAGE)
		err = map_area(&p->kernel_area, p->rings, vma, true);
	else if (kind == MQK_MAP_PORT_USER)
		err = map_area(&p->user_area, p->rings, vma, false);
	else if (p->window)
		err = mqk_window_map(p->window, vma);
	mqk_port_put(p);
	return err;
}

static int map_consumer(struct mqk_session *s, enum mqk_map kind, u32 id,
			struct vm_area_struct *vma)
{
	struct mqk_consumer *c = mqk_session_consumer(s, id);
	int err;

	if (!c)
		return -ENXIO;
	if (kind == MQK_MAP_CONSUMER_PAGE)
		err = map_area(&c->kernel_area, c->rings, vma, true);
	else
		err = map_area(&c->user_area, c->rings, vma, false);
	mqk_consumer_put(c);
	return err;
}

/**
 * mqk_session_mmap() - map something of a session
 * @s: the session
 * @vma: where; its offset says what
 *
 * Context: in mmap, with the mm's lock.
 * Return: 0; -EINVAL for an offset or a length that is nothing's, or a private
 * mapping; -ENXIO for a port, consumer or segment that does not exist; -EACCES
 * for write access to what is read-only, or a segment without the right;
 * -ENOMEM
 */
int mqk_session_mmap(struct mqk_session *s, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	enum mqk_map kind = offset >> MQK_MAP_KIND_SHIFT;
	u64 rest = offset & ((1ull << MQK_MAP_KIND_SHIFT) - 1);
	u32 id = rest >> MQK_MAP_ID_SHIFT;
	bool exact = !(rest & ((1ull << MQK_MAP_ID_SHIFT) - 1));

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	switch (kind) {
	case MQK_MAP_SEGMENT:
		if (rest & ((1ull << MQK_MAP_SEGMENT_SHIFT) - 1))
			return -EINVAL;
		return map_segment(s, rest >> MQK_MAP_SEGMENT_SHIFT, vma);
	case MQK_MAP_PORT_PAGE:
	case MQK_MAP_PORT_USER:
	case MQK_MAP_PORT_WINDOW:
		return exact ? map_port(s, kind, id, vma) : -EINVAL;
	case MQK_MAP_CONSUMER_PAGE:
	case MQK_MAP_CONSUMER_USER:
		return exact ? map_consumer(s, kind, id, vma) : -EINVAL;
	}
	return -EINVAL;
}
