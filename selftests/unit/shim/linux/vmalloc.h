/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_VMALLOC_H
#define SHIM_LINUX_VMALLOC_H

#include <linux/mm.h>

#define VM_MAP	0

/* All pages of a shmem file, or pages of nobody's, which it zeroes. */
void *vmap(struct page **pages, unsigned int n, unsigned long flags, int prot);
void vunmap(const void *addr);

#endif
