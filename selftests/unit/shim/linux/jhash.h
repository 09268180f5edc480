/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_JHASH_H
#define SHIM_LINUX_JHASH_H

#include <linux/types.h>

/* Other values than the kernel's: nothing may depend on them. */
u32 jhash(const void *data, u32 len, u32 seed);

static inline u32 jhash_3words(u32 a, u32 b, u32 c, u32 seed)
{
	u32 words[] = { a, b, c };

	return jhash(words, sizeof(words), seed);
}

#endif
