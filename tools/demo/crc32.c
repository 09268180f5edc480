// SPDX-License-Identifier: GPL-2.0-only
#include "crc32.h"

#include <endian.h>
#include <string.h>

/* table[k][b]: what byte b does to the sum when k more bytes follow it. */
static uint32_t table[8][256];

static void make_table(void)
{
	uint32_t b, k, c;

	for (b = 0; b < 256; b++) {
		for (c = b, k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
		table[0][b] = c;
	}
	for (k = 1; k < 8; k++)
		for (b = 0; b < 256; b++)
			table[k][b] = table[0][table[k - 1][b] & 0xff] ^
				      table[k - 1][b] >> 8;
}

uint32_t crc32_add(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t word;
	int k;

	if (!table[0][1])
		make_table();
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		word = le64toh(word) ^ crc;
		for (crc = 0, k = 0; k < 8; k++)
			crc ^= table[7 - k][word >> 8 * k & 0xff];
	}
	for (; len; len--)
		crc = table[0][(crc ^ *p++) & 0xff] ^ crc >> 8;
	return ~crc;
}
