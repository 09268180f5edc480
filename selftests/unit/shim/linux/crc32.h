/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_CRC32_H
#define SHIM_LINUX_CRC32_H

#include <linux/types.h>

/* By a table. */
u32 __crc32c_le(u32 crc, const unsigned char *p, size_t len);

#endif
