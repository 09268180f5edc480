// SPDX-License-Identifier: GPL-2.0-only
#include <linux/crc32.h>

static u32 table[256];

__attribute__((constructor)) static void fill(void)
{
	u32 i, bit;

	for (i = 0; i < 256; i++) {
		table[i] = i;
		for (bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78 : 0);
	}
}

u32 __crc32c_le(u32 crc, const unsigned char *p, size_t len)
{
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
	return crc;
}
