/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SIPHASH_H
#define SHIM_LINUX_SIPHASH_H

#include <linux/types.h>

typedef struct {
	unsigned long key[2];
} hsiphash_key_t;

/* Neither the kernel's values nor its strength. */
u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key);

typedef struct {
	u64 key[2];
} siphash_key_t;

static inline u64 siphash(const void *data, size_t len, const siphash_key_t *key)
{
	hsiphash_key_t half = { { key->key[0], key->key[1] } };

	return hsiphash(data, len, &half) * 0x9e3779b97f4a7c15ull;
}

static inline u64 siphash_3u64(u64 a, u64 b, u64 c, const siphash_key_t *key)
{
	u64 words[3] = { a, b, c };

	return siphash(words, sizeof(words), key);
}

#endif
