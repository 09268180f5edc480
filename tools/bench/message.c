// SPDX-License-Identifier: GPL-2.0-only
#include "message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void message_complain(char *text, uint32_t room, const void *p, uint32_t size,
		      uint64_t seq)
{
	uint32_t step = message_stride(size), i;
	const unsigned char *b = p;
	uint64_t word;

	memcpy(&word, b, 8);
	if (word != seq) {
		snprintf(text, room,
			 "expected message %" PRIu64 ", got %" PRIu64,
			 seq, word);
		return;
	}
	for (i = step; i < size - 8; i += step) {
		memcpy(&word, b + i, 8);
		if (word != message_word(seq, i))
			break;
	}
	snprintf(text, room, "message %" PRIu64 " is damaged at byte %u",
		 seq, i < size - 8 ? i : size - 8);
}
