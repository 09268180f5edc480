/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_UACCESS_H
#define SHIM_LINUX_UACCESS_H

/* A process's memory is there, but for what lies at NULL. */

#include <string.h>

#include <linux/err.h>
#include <linux/slab.h>

/* What the kernel's configuration says where the tests run. */
#define CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS	1
#define IS_ENABLED(option)			(option)

#define u64_to_user_ptr(n)	((void *)(unsigned long)(n))

static inline unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	if (!n)
		return 0;
	if (!from || !to)
		return n;
	memcpy(to, from, n);
	return 0;
}

static inline unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	return copy_from_user(to, from, n);
}

static inline unsigned long clear_user(void *to, unsigned long n)
{
	if (!to)
		return n;
	memset(to, 0, n);
	return 0;
}

#define get_user(to, from)	(copy_from_user(&(to), from, sizeof(to)) ? -EFAULT : 0)
#define put_user(val, to) ({ \
	__typeof__(*(to)) _val = (val); \
	copy_to_user(to, &_val, sizeof(_val)) ? -EFAULT : 0; \
})

#define user_read_access_begin(from, n)	((from) || !(n))
#define user_read_access_end()		do { } while (0)
#define unsafe_get_user(to, from, fault)	do { \
	__typeof__(to) *_to = &(to); \
	if (copy_from_user(_to, from, sizeof(*_to))) \
		goto fault; \
} while (0)

static inline int copy_struct_from_user(void *to, size_t size, const void *from, size_t user)
{
	const char *rest = from;
	size_t i;

	for (i = size; i < user; i++)
		if (rest[i])
			return -E2BIG;
	memset(to, 0, size);
	return copy_from_user(to, from, size < user ? size : user) ? -EFAULT : 0;
}

static inline void *vmemdup_user(const void *from, size_t n)
{
	void *copy = kvmalloc(n, GFP_KERNEL);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_user(copy, from, n))
		return copy;
	kvfree(copy);
	return ERR_PTR(-EFAULT);
}

#endif
