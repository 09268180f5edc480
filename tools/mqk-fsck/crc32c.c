// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRC32C: the polynomial 0x1EDC6F41, bits reversed, four bits at a time.
 */
#include "format.h"

uint32_t crc32c_of(uint32_t crc, const void *bytes, size_t len)
{
	static uint32_t table[16];
	const uint8_t *p = bytes;
	unsigned int i, bit;

	if (!table[1])
		for (i = 0; i < 16; i++) {
			uint32_t n = i;

			for (bit = 0; bit < 4; bit++)
				n = n & 1 ? n >> 1 ^ 0x82f63b78u : n >> 1;
			table[i] = n;
		}
	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}
