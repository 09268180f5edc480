/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_UNALIGNED_H
#define SHIM_LINUX_UNALIGNED_H

#include <string.h>

#include <linux/types.h>

#define SHIM_UNALIGNED(type, name) \
	static inline type get_unaligned_##name(const void *p) \
	{ \
		type value; \
		memcpy(&value, p, sizeof(value)); \
		return value; \
	}

/* As on the machines that the tests run on. */
SHIM_UNALIGNED(u16, le16)
SHIM_UNALIGNED(u32, le32)
SHIM_UNALIGNED(u64, le64)

#define SHIM_PUT_UNALIGNED(type, name) \
	static inline void put_unaligned_##name(type value, void *p) \
	{ \
		memcpy(p, &value, sizeof(value)); \
	}

SHIM_PUT_UNALIGNED(u16, le16)
SHIM_PUT_UNALIGNED(u64, le64)

#define put_unaligned(val, to) do { \
	__typeof__(*(to)) _val = (val); \
	memcpy(to, &_val, sizeof(_val)); \
} while (0)

#endif
