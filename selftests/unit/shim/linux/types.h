/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The C library's headers come here too: give them what they expect. */
#include_next <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned int gfp_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

#define cpu_to_le16(n)	((__le16)(n))
#define cpu_to_le32(n)	((__le32)(n))
#define cpu_to_le64(n)	((__le64)(n))
#define le16_to_cpu(n)	((u16)(n))
#define le32_to_cpu(n)	((u32)(n))
#define le64_to_cpu(n)	((u64)(n))

#define __rcu
#define __user
#define __must_check	__attribute__((warn_unused_result))
#define __counted_by(member)

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

#endif
