// SPDX-License-Identifier: GPL-2.0-only
#include <linux/idr.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bitops.h>

#include "shim.h"

void ida_init(struct ida *ida)
{
	mutex_init(&ida->lock);
	ida->words = NULL;
	ida->nr_words = 0;
}

static bool grow(struct ida *ida, unsigned int words)
{
	u64 *more = shim_alloc(words * sizeof(*more));

	if (!more)
		return false;
	memset(more, 0, words * sizeof(*more));
	if (ida->nr_words)
		memcpy(more, ida->words, ida->nr_words * sizeof(*more));
	free(ida->words);
	ida->words = more;
	ida->nr_words = words;
	return true;
}

int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp)
{
	unsigned int id;
	int ret = -ENOSPC;

	mutex_lock(&ida->lock);
	for (id = min; id <= max; id++) {
		if (id / 64 >= ida->nr_words && !grow(ida, id / 64 + 1)) {
			ret = -ENOMEM;
			break;
		}
		if (!(ida->words[id / 64] & BIT_ULL(id % 64))) {
			ida->words[id / 64] |= BIT_ULL(id % 64);
			ret = id;
			break;
		}
	}
	mutex_unlock(&ida->lock);
	return ret;
}

void ida_free(struct ida *ida, unsigned int id)
{
	mutex_lock(&ida->lock);
	BUG_ON(id / 64 >= ida->nr_words || !(ida->words[id / 64] & BIT_ULL(id % 64)));
	ida->words[id / 64] &= ~BIT_ULL(id % 64);
	mutex_unlock(&ida->lock);
}

void ida_destroy(struct ida *ida)
{
	free(ida->words);
	ida->words = NULL;
	ida->nr_words = 0;
}
