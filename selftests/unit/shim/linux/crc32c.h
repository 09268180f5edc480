/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/crc32.h>
#define crc32c(crc, from, len)	__crc32c_le(crc, (const void *)(from), len)
