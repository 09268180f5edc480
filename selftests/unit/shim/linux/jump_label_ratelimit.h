/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_JUMP_LABEL_RATELIMIT_H
#define SHIM_LINUX_JUMP_LABEL_RATELIMIT_H

#include <linux/types.h>

/* No code is patched: a key is a count, and nothing about it is put off. */
struct static_key_false {
	int enabled;
};

struct static_key_false_deferred {
	struct static_key_false key;
};

#define DEFINE_STATIC_KEY_DEFERRED_FALSE(name, delay)	\
	struct static_key_false_deferred name

#define static_branch_unlikely(k)	(__atomic_load_n(&(k)->enabled, __ATOMIC_RELAXED) > 0)
#define static_branch_inc(k)		__atomic_add_fetch(&(k)->enabled, 1, __ATOMIC_RELAXED)
#define static_branch_dec(k)		__atomic_sub_fetch(&(k)->enabled, 1, __ATOMIC_RELAXED)
#define static_branch_deferred_inc(k)		static_branch_inc(&(k)->key)
#define static_branch_slow_dec_deferred(k)	static_branch_dec(&(k)->key)
#define static_key_deferred_flush(k)		((void)(k))

#endif
