/* SPDX-License-Identifier: GPL-2.0-only */
/* The CRC-32 of Ethernet and zlib: begin with 0, go on with the last result. */
#ifndef DEMO_CRC32_H
#define DEMO_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_add(uint32_t crc, const void *data, size_t len);

#endif /* DEMO_CRC32_H */
