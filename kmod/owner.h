/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owner and mode of exchanges and queues, read as those of a file.
 *
 *		read		write		execute
 * exchange	bind from it	publish to it	delete it
 * queue	consume, get,	bind it		delete it
 *		browse, purge
 *
 * Identity is that of the session: the credentials of who opened the node.
 */
#ifndef MQK_OWNER_H
#define MQK_OWNER_H

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/uidgid.h>

#define MQK_MAY_READ	4u
#define MQK_MAY_WRITE	2u
#define MQK_MAY_DELETE	1u

struct mqk_owner {
	kuid_t uid;
	kgid_t gid;
	u32 mode;
};

/* groups_search() is not exported; the array is sorted. */
static inline bool mqk_in_group(const struct cred *cred, kgid_t gid)
{
	const struct group_info *info = cred->group_info;
	int low = 0, high = info->ngroups;

	if (gid_eq(cred->fsgid, gid))
		return true;
	while (low < high) {
		int mid = low + (high - low) / 2;

		if (gid_eq(info->gid[mid], gid))
			return true;
		if (gid_gt(gid, info->gid[mid]))
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/**
 * mqk_may() - check a permission
 * @owner: of the object
 * @cred: of the session
 * @want: MQK_MAY_*
 * Return: true when it is granted
 */
static inline bool mqk_may(const struct mqk_owner *owner,
			   const struct cred *cred, u32 want)
{
	u32 mode = owner->mode;

	if (uid_eq(cred->fsuid, owner->uid))
		mode >>= 6;
	else if (mqk_in_group(cred, owner->gid))
		mode >>= 3;
	if ((mode & want) == want)
		return true;
	return cred->user_ns == &init_user_ns &&
	       cap_raised(cred->cap_effective, CAP_DAC_OVERRIDE);
}

#endif /* MQK_OWNER_H */
