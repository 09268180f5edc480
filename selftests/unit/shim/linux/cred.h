/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_CRED_H
#define SHIM_LINUX_CRED_H

#include <linux/uidgid.h>

struct group_info {
	int ngroups;
	kgid_t gid[8];
};

struct cred;

/* Nobody asks who it is. */
static inline const struct cred *current_cred(void)
{
	return NULL;
}

static inline const struct cred *get_cred(const struct cred *cred)
{
	return cred;
}

static inline void put_cred(const struct cred *cred)
{
}

struct cred {
	kuid_t fsuid;
	kgid_t fsgid;
	struct group_info *group_info;
	struct user_namespace *user_ns;
	unsigned int cap_effective;
};

extern int init_task;

/* Rights of nobody in particular: nobody asks, and nobody frees them. */
static inline struct cred *prepare_kernel_cred(int *task)
{
	static __thread struct cred cred[64];
	static __thread unsigned int next;
	struct cred *c = &cred[next++ % 64];

	*c = (struct cred){ .user_ns = &init_user_ns };
	return c;
}

#endif
