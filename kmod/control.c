// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls on the control node.
 */
#include "control.h"

#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "broker.h"
#include "dev.h"
#include "durable.h"
#include "ioctl.h"
#include "limits.h"

/* Letters, digits, and what does no harm in a path, a unit or a shell. */
static bool good_name(const char *name, u32 len)
{
	u32 i;

	if (!len || name[0] == '.' || !strcmp(name, "control"))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum(name[i]) && !memchr("-_.", name[i], 3))
			return false;
	return true;
}

static int copy_broker_name(char *name, u64 from, u32 len,
			    struct mqk_refusal *why)
{
	if (len > MQK_BROKER_NAME_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_NAME, -EINVAL);
	if (copy_from_user(name, u64_to_user_ptr(from), len))
		return -EFAULT;
	name[len] = 0;
	return good_name(name, len) ? 0 :
	       mqk_refuse(why, MQK_RULE_BAD_NAME, -EINVAL);
}

/* Owner and mode of the node: what is asked for, if it may be. */
static int node_owner(u32 flags, u32 mode, u32 uid, u32 gid, const struct cred *cred,
		      struct mqk_owner *owner, struct mqk_refusal *why)
{
	if (mode & ~0777u || (mode && !(flags & MQK_BROKER_F_MODE)))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	owner->mode = flags & MQK_BROKER_F_MODE ? mode : 0600;
	owner->uid = cred->fsuid;
	owner->gid = cred->fsgid;
	if (!(flags & MQK_BROKER_F_OWNER))
		return uid || gid ?
		       mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL) : 0;
	owner->uid = make_kuid(current_user_ns(), uid);
	owner->gid = make_kgid(current_user_ns(), gid);
	if (!uid_valid(owner->uid) || !gid_valid(owner->gid))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (uid_eq(owner->uid, cred->fsuid) && mqk_in_group(cred, owner->gid))
		return 0;
	return capable(CAP_CHOWN) ? 0 :
	       mqk_refuse(why, MQK_RULE_PERMISSION, -EPERM);
}

/* Where it shall be kept, if it shall. */
static int check_dir(const struct mqk_broker_create *a, struct mqk_refusal *why)
{
	if (!(a->flags & MQK_BROKER_F_DIR))
		return a->dir || a->sync ?
		       mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL) : 0;
	if (a->sync > MQK_SYNC_DISK)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	/* It would not be kept what is asked to be. */
	if (a->sync != MQK_SYNC_NONE)
		return mqk_refuse(why, MQK_RULE_SYNC, -EOPNOTSUPP);
	return 0;
}

static int broker_create(struct file *file, void *arg, struct mqk_refusal *why)
{
	struct mqk_broker_create *a = arg;
	struct mqk_durable durable = { .fd = a->dir, .make = true, .sync = a->sync };
	struct mqk_broker_options o = {
		.segment_size = a->segment_size ?: MQK_SEGMENT_SIZE_DEFAULT,
		.nomap = a->flags & MQK_BROKER_F_NOMAP,
		.maker = file->f_cred->fsuid,
		.durable = a->flags & MQK_BROKER_F_DIR ? &durable : NULL,
	};
	char name[MQK_BROKER_NAME_MAX + 1];
	int err;

	if (mqk_bad_flags(a->flags, MQK_BROKER_F_MODE | MQK_BROKER_F_OWNER |
			  MQK_BROKER_F_NOMAP | MQK_BROKER_F_DIR) ||
	    !is_power_of_2(o.segment_size) ||
	    o.segment_size < MQK_SEGMENT_SIZE_MIN ||
	    o.segment_size > MQK_SEGMENT_SIZE_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = node_owner(a->flags, a->mode, a->uid, a->gid, file->f_cred, &o.node, why) ?:
	      check_dir(a, why) ?:
	      copy_broker_name(name, a->name, a->name_len, why);
	if (err)
		return err;
	memcpy(o.limit, a->limit, sizeof(o.limit));
	o.name = name;
	return mqk_dev_add_broker(&o, why);
}

static int broker_open(struct file *file, void *arg, struct mqk_refusal *why)
{
	struct mqk_broker_open *a = arg;
	struct mqk_durable durable = { .fd = a->dir };
	struct mqk_broker_options o = {
		.maker = file->f_cred->fsuid,
		.durable = &durable,
	};
	char name[MQK_BROKER_NAME_MAX + 1];
	int err;

	if (mqk_bad_flags(a->flags, MQK_BROKER_F_MODE | MQK_BROKER_F_OWNER) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = node_owner(a->flags, a->mode, a->uid, a->gid, file->f_cred, &o.node, why) ?:
	      copy_broker_name(name, a->name, a->name_len, why);
	if (err)
		return err;
	o.name = name;
	err = mqk_durable_read(&o, why);
	if (err)
		return err;
	err = mqk_dev_add_broker(&o, why);
	if (err)
		mqk_durable_abandon(&durable);
	return err;
}

static int remove(struct file *file, struct mqk_broker_delete *a, bool durable,
		  struct mqk_refusal *why)
{
	char name[MQK_BROKER_NAME_MAX + 1];
	int err;

	if (mqk_bad_flags(a->flags, MQK_BROKER_DELETE_F_FORCE) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = copy_broker_name(name, a->name, a->name_len, why);
	if (err)
		return err;
	return mqk_dev_remove_broker(name, file->f_cred, durable,
				     a->flags & MQK_BROKER_DELETE_F_FORCE, why);
}

static int broker_delete(struct file *file, void *arg, struct mqk_refusal *why)
{
	return remove(file, arg, false, why);
}

static int broker_close(struct file *file, void *arg, struct mqk_refusal *why)
{
	return remove(file, arg, true, why);
}

static int broker_next(struct file *file, void *arg, struct mqk_refusal *why)
{
	struct mqk_broker_next *a = arg;
	struct mqk_broker *broker;
	u32 res, len;
	int err = 0;

	if (a->flags)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	broker = mqk_dev_next_broker(a->id);
	if (!broker)
		return mqk_refuse(why, MQK_RULE_NO_BROKER, -ENOENT);
	len = strlen(broker->name);
	if (len > a->name_len)
		err = -ERANGE;
	else if (copy_to_user(u64_to_user_ptr(a->name), broker->name, len))
		err = -EFAULT;
	a->flags = (broker->nomap ? MQK_BROKER_F_NOMAP : 0) |
		   (broker->journal ? MQK_BROKER_F_DIR : 0);
	a->id = broker->id;
	a->name_len = len;
	a->segment_size = broker->store.segment_size;
	for (res = 0; res < MQK_RES_NR; res++) {
		a->used[res] = max(atomic64_read(&broker->account.used[res]), 0);
		a->limit[res] = broker->account.limit[res];
	}
	mqk_broker_put(broker);
	return err;
}

static int query(struct file *file, void *arg, struct mqk_refusal *why)
{
	struct mqk_query *q = arg;
	struct mqk_user *user;

	if (q->flags || q->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	user = mqk_user_get(file->f_cred->fsuid);
	if (IS_ERR(user))
		return PTR_ERR(user);
	mqk_fill_query(q);
	mqk_fill_account(&user->account, q->user_limit, q->user_used);
	mqk_user_put(user);
	return 0;
}

/* Why the last failed call on an open control node was refused. */
struct control {
	spinlock_t lock;
	struct mqk_error last;
};

static int error(struct file *file, void *arg, struct mqk_refusal *why)
{
	struct control *control = file->private_data;
	struct mqk_error *e = arg;
	u32 size = e->size;

	if (e->flags || e->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	spin_lock(&control->lock);
	*e = control->last;
	spin_unlock(&control->lock);
	e->size = size;
	return 0;
}

static const struct {
	int (*handler)(struct file *file, void *arg, struct mqk_refusal *why);
	u32 size;
	u32 min;
	fmode_t mode;
} calls[] = {
	[_IOC_NR(MQK_IOC_QUERY)] = {
		query, sizeof(struct mqk_query),
		offsetofend(struct mqk_query, broker_used), 0 },
	[_IOC_NR(MQK_IOC_ERROR)] = {
		error, sizeof(struct mqk_error),
		offsetofend(struct mqk_error, used), 0 },
	[_IOC_NR(MQK_IOC_BROKER_CREATE)] = {
		broker_create, sizeof(struct mqk_broker_create),
		offsetofend(struct mqk_broker_create, sync), FMODE_WRITE },
	[_IOC_NR(MQK_IOC_BROKER_DELETE)] = {
		broker_delete, sizeof(struct mqk_broker_delete),
		offsetofend(struct mqk_broker_delete, resv), FMODE_WRITE },
	[_IOC_NR(MQK_IOC_BROKER_OPEN)] = {
		broker_open, sizeof(struct mqk_broker_open),
		offsetofend(struct mqk_broker_open, resv), FMODE_WRITE },
	[_IOC_NR(MQK_IOC_BROKER_CLOSE)] = {
		broker_close, sizeof(struct mqk_broker_delete),
		offsetofend(struct mqk_broker_delete, resv), FMODE_WRITE },
	[_IOC_NR(MQK_IOC_BROKER_NEXT)] = {
		broker_next, sizeof(struct mqk_broker_next),
		offsetofend(struct mqk_broker_next, limit), 0 },
};

static int run(struct file *file, unsigned int nr, void __user *user,
	       struct mqk_refusal *why)
{
	union {
		struct mqk_query query;
		struct mqk_error error;
		struct mqk_broker_create create;
		struct mqk_broker_delete delete;
		struct mqk_broker_open open;
		struct mqk_broker_next next;
	} u;
	u32 user_size;
	int err;

	if ((file->f_mode & calls[nr].mode) != calls[nr].mode)
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	err = mqk_arg_in(&u, calls[nr].size, calls[nr].min, user, &user_size) ?:
	      calls[nr].handler(file, &u, why);
	/* as in ioctl.c: it has had its effect */
	if (!err)
		mqk_arg_out(&u, calls[nr].size, user, user_size);
	return err;
}

/**
 * mqk_control_ioctl() - a call on the control node
 * @file: the open node
 * @cmd: which
 * @arg: pointer to its structure
 *
 * Context: may sleep.
 * Return: as the call says; -EACCES when the node is not open for writing
 */
long mqk_control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct control *control = file->private_data;
	unsigned int nr = _IOC_NR(cmd);
	struct mqk_refusal why = {};
	int err;

	if (_IOC_TYPE(cmd) != MQK_IOC_MAGIC || nr >= ARRAY_SIZE(calls))
		return -ENOTTY;
	nr = array_index_nospec(nr, ARRAY_SIZE(calls));
	if (!calls[nr].handler || _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE))
		return -ENOTTY;
	err = run(file, nr, (void __user *)arg, &why);
	if (err) {
		spin_lock(&control->lock);
		mqk_fill_error(&control->last, err, &why);
		spin_unlock(&control->lock);
	}
	return err;
}

/**
 * mqk_control_open() - open the control node
 * @file: the file, which gets what its calls share
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM
 */
int mqk_control_open(struct file *file)
{
	struct control *control = kzalloc(sizeof(*control), GFP_KERNEL_ACCOUNT);

	if (!control)
		return -ENOMEM;
	spin_lock_init(&control->lock);
	file->private_data = control;
	return 0;
}

int mqk_control_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}
