/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_UIDGID_H
#define SHIM_LINUX_UIDGID_H

/* One user namespace, in which everybody is who he is. */

#include <linux/types.h>

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

struct user_namespace {
	int unused;
};

extern struct user_namespace init_user_ns;

#define current_user_ns()	(&init_user_ns)
#define __kuid_val(u)		((u).val)
#define uid_eq(a, b)		((a).val == (b).val)
#define gid_eq(a, b)		((a).val == (b).val)
#define gid_gt(a, b)		((a).val > (b).val)
#define make_kuid(ns, id)	((void)(ns), (kuid_t){ id })
#define make_kgid(ns, id)	((void)(ns), (kgid_t){ id })
#define uid_valid(u)		((u).val != (u32)-1)
#define gid_valid(g)		((g).val != (u32)-1)
#define from_kuid(ns, id)	((void)(ns), (id).val)
#define from_kgid(ns, id)	((void)(ns), (id).val)
#define from_kuid_munged(ns, id)	((void)(ns), (id).val)
#define from_kgid_munged(ns, id)	((void)(ns), (id).val)

#endif
