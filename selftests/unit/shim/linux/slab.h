/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <string.h>

#include <linux/overflow.h>
#include <linux/types.h>

#define GFP_KERNEL		0u
#define GFP_ATOMIC		1u
#define GFP_KERNEL_ACCOUNT	2u
#define GFP_NOWAIT		4u
#define __GFP_ZERO		0x100u
#define __GFP_NOWARN		0x200u
#define __GFP_NORETRY		0x400u
#define __GFP_ACCOUNT		0x800u

/* These obey the fault injection of shim.h. */
void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *ptr);

/* A page of 4096 bytes, full of rubbish; it counts as an object. */
unsigned long __get_free_page(gfp_t gfp);
void free_page(unsigned long addr);
unsigned long __get_free_pages(gfp_t gfp, unsigned int order);
void free_pages(unsigned long addr, unsigned int order);

/* To the bucket that the kernel would take. */
size_t kmalloc_size_roundup(size_t size);

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | __GFP_ZERO);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return n && size > (size_t)-1 / n ? NULL : kzalloc(n * size, gfp);
}

static inline void *kmemdup(const void *from, size_t size, gfp_t gfp)
{
	void *to = kmalloc(size, gfp);

	return to ? memcpy(to, from, size) : NULL;
}

#define kvmalloc(size, gfp)	kmalloc(size, gfp)
#define kvzalloc(size, gfp)	kzalloc(size, gfp)
#define kvcalloc(n, size, gfp)	kcalloc(n, size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc((size_t)(n) * (size), gfp)
#define kvfree(ptr)		kfree(ptr)

#endif
