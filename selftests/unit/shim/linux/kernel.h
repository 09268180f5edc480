/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/types.h>

#define U8_MAX		((u8)~0U)
#define U16_MAX		((u16)~0U)
#define U32_MAX		((u32)~0U)
#define S32_MAX	INT32_MAX
#define S32_MIN	INT32_MIN
#define U64_MAX		((u64)~0ULL)
#define S64_MAX		((s64)(U64_MAX >> 1))

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define offsetofend(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))

#define swap(a, b) do { \
	__typeof__(a) _swap = (a); \
	(a) = (b); \
	(b) = _swap; \
} while (0)

#define sizeof_field(type, member)	sizeof(((type *)0)->member)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define upper_32_bits(n)	((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n)	((u32)((n) & 0xffffffff))

#define min(a, b) ({ __auto_type _a = (a); __auto_type _b = (b); _a < _b ? _a : _b; })
#define max(a, b) ({ __auto_type _a = (a); __auto_type _b = (b); _a > _b ? _a : _b; })

#define min3(a, b, c)	min(min(a, b), c)
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define clamp(n, low, high)	min(max(n, low), high)
#define max_t(type, a, b)	max((type)(a), (type)(b))

#define ALIGN(n, to)		round_up(n, to)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define round_down(n, to)	((n) & ~((__typeof__(n))(to) - 1))
#define round_up(n, to)		((((n) - 1) | ((__typeof__(n))(to) - 1)) + 1)

#undef static_assert
#define static_assert(expr, ...)	_Static_assert(expr, #expr)

/* A warning of the kernel's is the end of a test. */
#define WARN_ON(cond) ({ \
	bool _warn = (cond); \
	if (_warn) { \
		fprintf(stderr, "%s:%d: WARN_ON(%s)\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
	_warn; \
})
/* What the module prints tells of a bug of its own. */
#define pr_err(...) ({ \
	fprintf(stderr, __VA_ARGS__); \
	abort(); \
})
/* That of what the disk does does not. */
#define pr_warn(...)		((void)(0 && printf(__VA_ARGS__)))
#define pr_info(...)		pr_warn(__VA_ARGS__)

static inline int hex_to_bin(unsigned char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? at - digits : -1;
}

#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define BUG_ON(cond)		((void)WARN_ON(cond))

#endif
