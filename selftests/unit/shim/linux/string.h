/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_STRING_H
#define SHIM_LINUX_STRING_H

#include <string.h>

#define memzero_explicit(at, len)	memset(at, 0, len)

static inline char *bin2hex(char *to, const void *from, size_t len)
{
	const unsigned char *p = from;

	while (len--) {
		*to++ = "0123456789abcdef"[*p >> 4];
		*to++ = "0123456789abcdef"[*p++ & 15];
	}
	return to;
}

/* The first byte that is not @c; NULL: all are. */
static inline const void *memchr_inv(const void *from, int c, size_t len)
{
	const unsigned char *p = from;

	for (; len; len--, p++)
		if (*p != (unsigned char)c)
			return p;
	return NULL;
}

/* What fits, always with a 0 at the end. */
#define strscpy(to, from, size)	((void)snprintf(to, size, "%s", from))

#endif
