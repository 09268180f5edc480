/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_PAGEMAP_H
#define SHIM_LINUX_PAGEMAP_H

#include <linux/fs.h>
#include <linux/mm.h>

static inline void mapping_set_unevictable(struct address_space *mapping)
{
}

static inline gfp_t mapping_gfp_mask(struct address_space *mapping)
{
	return 0;
}

static inline size_t fault_in_readable(const char *from, size_t n)
{
	return from ? 0 : n;
}

#endif
