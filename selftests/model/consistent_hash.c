// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring of points, some for each destination; a message goes to the one whose
 * point comes next. What else is bound does not move those that stay.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

#define POINTS_PER_WEIGHT	64u
#define MAX_WEIGHT		100

/* FNV-1a, and Murmur3's last step, since FNV's upper bits move little. */
static uint64_t hash(const char *s, uint64_t salt)
{
	uint64_t h = 0xcbf29ce484222325ull ^ salt;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

static int weight(const char *key)
{
	char *end;
	long n = strtol(key, &end, 10);

	return *key >= '0' && *key <= '9' && !*end && n >= 1 && n <= MAX_WEIGHT ? n : -1;
}

int hash_check_key(const char *key)
{
	return weight(key) < 0 ? -EINVAL : 0;
}

static uint64_t hash_message(const struct exchange *x, const struct message *m)
{
	const struct value *header = table_find(&x->args, "hash-header");
	const struct value *v = header ? table_find(&m->headers, header->text) : NULL;

	if (!header)
		return hash(m->key, 0);
	return hash(v && value_is_text(v) ? v->text : "", 0);
}

const struct binding *hash_choose(const struct broker *b, const struct exchange *x,
				  const struct message *m)
{
	uint64_t h = hash_message(x, m), best = 0;
	const struct binding *chosen = NULL;
	unsigned int i, point;

	for (i = 0; i < b->nr_bindings; i++) {
		const struct binding *binding = &b->binding[i];

		if (strcmp(binding->from, x->name))
			continue;
		for (point = 0; point < weight(binding->key) * POINTS_PER_WEIGHT; point++) {
			/* how far behind the message, round the ring */
			uint64_t far = hash(binding->to, point + 1) - h;

			if (chosen && far >= best)
				continue;
			chosen = binding;
			best = far;
		}
	}
	return chosen;
}
