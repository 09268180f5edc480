/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SHMEM_FS_H
#define SHIM_LINUX_SHMEM_FS_H

/*
 * A shmem file is memory: the same for all who map it. What is cut off is
 * overwritten with rubbish, and zero when it is read again.
 */

#include <linux/fs.h>
#include <linux/mm.h>

#define VM_NORESERVE	0

struct file *shmem_file_setup(const char *name, s64 size, unsigned long flags);
struct page *shmem_read_mapping_page_gfp(struct address_space *mapping, size_t index, gfp_t gfp);
void shmem_truncate_range(struct inode *inode, s64 first, s64 last);

#endif
