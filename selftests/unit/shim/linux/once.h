/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ONCE_H
#define SHIM_LINUX_ONCE_H

#include <linux/random.h>

/* Whose threads begin after the first call. */
#define get_random_once(buf, len) do { \
	static bool _done; \
	if (!_done) \
		get_random_bytes(buf, len); \
	_done = true; \
} while (0)

#endif
