/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_LOCKDEP_H
#define SHIM_LINUX_LOCKDEP_H

#include <linux/kernel.h>

/* Which thread holds the lock. */
struct lockdep_map {
	const void *owner;
};

/* Something that each thread has at an address of its own. */
extern __thread char shim_self;

#define lockdep_is_held(lock) \
	(shim_read((lock)->dep_map.owner) == (const void *)&shim_self)
#define lockdep_assert_held(lock)	BUG_ON(!lockdep_is_held(lock))

#endif
