/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in a message, and how its receiver checks it.
 *
 * Message number n (from 1) carries n in its first 8 bytes.  Behind it stand
 * words that depend on n and on their place: in messages up to 64 bytes every
 * word, up to 4 KiB the first word of each 64 bytes, above that the first word
 * of each 4 KiB; and always the last word.  The sender writes these words for
 * each message, whatever the mechanism: into a buffer of its own where the
 * mechanism copies, into the message's place where it does not.  The other
 * bytes are written once.  So what is measured is the handing over, not the
 * making of the data, which costs any mechanism the same.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stdint.h>

#define MESSAGE_SIZE_MIN	16u

static inline uint32_t message_stride(uint32_t size)
{
	return size <= 64 ? 8 : size <= 4096 ? 64 : 4096;
}

static inline uint64_t message_word(uint64_t seq, uint32_t place)
{
	return seq * 0x9e3779b97f4a7c15ull + place;
}

/* Write message number @seq of @size bytes, a multiple of 8, to @p. */
static inline void message_fill(void *p, uint32_t size, uint64_t seq)
{
	uint32_t step = message_stride(size), i;
	unsigned char *b = p;

	*(uint64_t *)(void *)b = seq;
	for (i = step; i < size; i += step)
		*(uint64_t *)(void *)(b + i) = message_word(seq, i);
	*(uint64_t *)(void *)(b + size - 8) = message_word(seq, size);
}

/* Whether @p holds message number @seq; message_complain() says what is wrong. */
static inline int message_check(const void *p, uint32_t size, uint64_t seq)
{
	uint32_t step = message_stride(size), i;
	const unsigned char *b = p;
	uint64_t bad;

	bad = *(const volatile uint64_t *)(const void *)b ^ seq;
	for (i = step; i < size - 8; i += step)
		bad |= *(const volatile uint64_t *)(const void *)(b + i) ^
		       message_word(seq, i);
	bad |= *(const volatile uint64_t *)(const void *)(b + size - 8) ^
	       message_word(seq, size);
	return !bad;
}

/*
 * For counts of instructions: the first and the last word alone, so that next to
 * nothing but the handing over is counted.
 */
static inline void message_stamp(void *p, uint32_t size, uint64_t seq)
{
	unsigned char *b = p;

	*(uint64_t *)(void *)b = seq;
	*(uint64_t *)(void *)(b + size - 8) = ~seq;
}

static inline int message_stamped(const void *p, uint32_t size, uint64_t seq)
{
	const unsigned char *b = p;

	return *(const volatile uint64_t *)(const void *)b == seq &&
	       *(const volatile uint64_t *)(const void *)(b + size - 8) == ~seq;
}

/* A sentence on a message that failed the check. */
void message_complain(char *text, uint32_t room, const void *p, uint32_t size,
		      uint64_t seq);

#endif /* BENCH_MESSAGE_H */
