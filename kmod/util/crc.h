/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC32C, by the function that is in the kernel itself: crc32c() was in a module of
 * its own before the one that tells which checksums are fast.
 */
#ifndef MQK_UTIL_CRC_H
#define MQK_UTIL_CRC_H

#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/types.h>

/* Go on with a checksum; neither begun nor ended here. */
static inline u32 mqk_crc32c(u32 crc, const void *from, u32 len)
{
#ifdef CRC32C_OPTIMIZATION
	return crc32c(crc, from, len);
#else
	return __crc32c_le(crc, from, len);
#endif
}

#endif /* MQK_UTIL_CRC_H */
