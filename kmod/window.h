/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Windows: through which a producer sees and writes its open segment.
 *
 * A process maps a port's window once; which segment it shows changes under it.
 * When a segment is closed, the window shows none: its page table entries are
 * zapped, and a write gets SIGBUS until the next segment is opened.  Readers
 * map the segment's own file and notice nothing of this.
 *
 * The entries are special ones, without a struct page: nothing can pin a page
 * through a window (get_user_pages fails), so that zapping takes all access
 * away.  The segment keeps the pages for as long as the window shows it.
 *
 * A window is a file with an inode of its own, which every mapping of it
 * refers to instead of the session: so closing the session's descriptor ends
 * the session even while the window is mapped, and the mappings can be found
 * for zapping.  The file keeps the module loaded.
 *
 * Life: the window belongs to its file; the port has a reference to the file,
 * each mapping has one.  Locks: lock guards segment; it nests inside mmap_lock.
 */
#ifndef MQK_WINDOW_H
#define MQK_WINDOW_H

#include <linux/mutex.h>
#include <linux/types.h>

struct file;
struct mqk_segment;
struct vm_area_struct;

struct mqk_window {
	struct mutex lock;
	struct mqk_segment *segment;
	struct file *file;
};

struct mqk_window *mqk_window_alloc(void);
void mqk_window_free(struct mqk_window *w);
void mqk_window_show(struct mqk_window *w, struct mqk_segment *seg);
int mqk_window_map(struct mqk_window *w, struct vm_area_struct *vma);

#endif /* MQK_WINDOW_H */
