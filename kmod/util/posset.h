/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MQK_UTIL_POSSET_H
#define MQK_UTIL_POSSET_H

/**
 * DOC: position set
 *
 * A small set of numbers from 0 to MQK_POSSET_END - 1, by value: the positions
 * in a routing key that a path of the topic trie can have come to. No memory,
 * no lock; arguments are not checked.
 */

#include <linux/bitops.h>
#include <linux/types.h>

#define MQK_POSSET_WORDS	3
#define MQK_POSSET_END		(64 * MQK_POSSET_WORDS)

/**
 * struct mqk_posset - a set of positions
 * @w: one bit for each
 */
struct mqk_posset {
	u64 w[MQK_POSSET_WORDS];
};

/* Only @pos. */
static inline struct mqk_posset mqk_posset_of(unsigned int pos)
{
	struct mqk_posset s = {};

	s.w[pos / 64] = BIT_ULL(pos % 64);
	return s;
}

static inline void mqk_posset_add(struct mqk_posset *s, unsigned int pos)
{
	s->w[pos / 64] |= BIT_ULL(pos % 64);
}

static inline bool mqk_posset_has(const struct mqk_posset *s, unsigned int pos)
{
	return s->w[pos / 64] & BIT_ULL(pos % 64);
}

/* The lowest position, or MQK_POSSET_END. */
static inline unsigned int mqk_posset_first(const struct mqk_posset *s)
{
	unsigned int i;

	for (i = 0; i < MQK_POSSET_WORDS; i++)
		if (s->w[i])
			return 64 * i + __ffs64(s->w[i]);
	return MQK_POSSET_END;
}

/* The positions of @s that are @pos or higher. */
static inline struct mqk_posset mqk_posset_from(struct mqk_posset s, unsigned int pos)
{
	unsigned int i;

	for (i = 0; i < pos / 64; i++)
		s.w[i] = 0;
	s.w[i] &= ~0ULL << (pos % 64);
	return s;
}

static inline struct mqk_posset mqk_posset_and(struct mqk_posset s, struct mqk_posset with)
{
	unsigned int i;

	for (i = 0; i < MQK_POSSET_WORDS; i++)
		s.w[i] &= with.w[i];
	return s;
}

static inline void mqk_posset_remove(struct mqk_posset *s, struct mqk_posset gone)
{
	unsigned int i;

	for (i = 0; i < MQK_POSSET_WORDS; i++)
		s->w[i] &= ~gone.w[i];
}

/* Every position one higher; the highest possible one falls out. */
static inline struct mqk_posset mqk_posset_advance(struct mqk_posset s)
{
	unsigned int i;

	for (i = MQK_POSSET_WORDS - 1; i > 0; i--)
		s.w[i] = s.w[i] << 1 | s.w[i - 1] >> 63;
	s.w[0] <<= 1;
	return s;
}

#endif
