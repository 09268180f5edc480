// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device nodes and the table of brokers.
 */
#include "dev.h"

#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "broker.h"
#include "control.h"
#include "durable.h"
#include "ioctl.h"
#include "limits.h"
#include "queue.h"
#include "retire.h"
#include "ringmap.h"
#include "session.h"
#include "show.h"
#include "will.h"

/* Minor 0 is the control node; a broker's is its id. */
#define MINORS		(MQK_BROKERS_MAX + 1)

static DEFINE_MUTEX(brokers_lock);
static DEFINE_XARRAY_ALLOC1(brokers);
static u32 next_id;
static dev_t first;
static struct cdev cdev;
static struct device *control_dev;

static char *devnode(const struct device *dev, umode_t *mode, kuid_t *uid,
		     kgid_t *gid)
{
	struct mqk_broker *broker = dev_get_drvdata(dev);

	if (mode)
		*mode = broker ? broker->node.mode : 0600;
	if (uid && broker)
		*uid = broker->node.uid;
	if (gid && broker)
		*gid = broker->node.gid;
	return kasprintf(GFP_KERNEL, "mqk/%s", dev_name(dev) + strlen("mqk!"));
}

static const struct device_type device_type = {
	.name = "mqk",
	.devnode = devnode,
};

static struct class *class;

static void release_device(struct device *dev)
{
	kfree(dev);
}

/* Make a node; @broker is NULL for the control node. */
static struct device *add_node(u32 minor, const char *name,
			       struct mqk_broker *broker)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->class = class;
	dev->type = &device_type;
	dev->devt = MKDEV(MAJOR(first), minor);
	dev->release = release_device;
	dev_set_drvdata(dev, broker);
	err = dev_set_name(dev, "mqk!%s", name) ?: device_add(dev);
	if (err) {
		put_device(dev);
		return ERR_PTR(err);
	}
	return dev;
}

static struct mqk_broker *find_broker(const char *name)
{
	struct mqk_broker *broker;
	unsigned long id;

	lockdep_assert_held(&brokers_lock);
	xa_for_each(&brokers, id, broker)
		if (!strcmp(broker->name, name))
			return broker;
	return NULL;
}

static int add_broker(struct mqk_broker *broker, struct mqk_refusal *why)
{
	int err;

	lockdep_assert_held(&brokers_lock);
	if (find_broker(broker->name))
		return mqk_refuse(why, MQK_RULE_EXISTS, -EEXIST);
	/* Not the last one's: its node may still be somewhere. */
	err = xa_alloc_cyclic(&brokers, &broker->id, broker,
			      XA_LIMIT(1, MQK_BROKERS_MAX), &next_id, GFP_KERNEL);
	if (err == -EBUSY) {
		if (why)
			why->limit = why->used = MQK_BROKERS_MAX;
		return mqk_refuse(why, MQK_RULE_BROKERS, -ENOSPC);
	}
	if (err < 0)
		return err;
	broker->dev = add_node(broker->id, broker->name, broker);
	if (!IS_ERR(broker->dev))
		return 0;
	xa_erase(&brokers, broker->id);
	return PTR_ERR(broker->dev);
}

/* Make a broker dead, unless it has sessions and that was not forced. */
static int kill_broker(struct mqk_broker *broker, bool force)
{
	struct mqk_session *s;
	struct mqk_queue *q;
	unsigned long id;

	mutex_lock(&broker->mutex);
	if (!force && !list_empty(&broker->sessions)) {
		mutex_unlock(&broker->mutex);
		return -EBUSY;
	}
	WRITE_ONCE(broker->dead, true);
	mqk_durable_stop(broker);
	list_for_each_entry(s, &broker->sessions, link)
		mqk_session_shutdown(s);
	xa_for_each(&broker->queues, id, q) {
		mqk_queue_kill(q);
		mutex_unlock(&broker->mutex);
		mqk_queue_bury(q);
		mutex_lock(&broker->mutex);
	}
	mutex_unlock(&broker->mutex);
	mqk_will_cancel_all(broker);
	return 0;
}

static int remove_broker(struct mqk_broker *broker, bool force)
{
	int err;

	lockdep_assert_held(&brokers_lock);
	err = kill_broker(broker, force);
	if (err)
		return err;
	xa_erase(&brokers, broker->id);
	device_unregister(broker->dev);
	return 0;
}

/* What is left of one that was removed: its I/O, which nobody else waits for. */
static void end_broker(struct mqk_broker *broker)
{
	mqk_durable_close(broker);
	mqk_broker_retire(broker);
}

static void show_broker(struct mqk_broker *broker)
{
	mutex_lock(&brokers_lock);
	broker->ready = true;
	mutex_unlock(&brokers_lock);
}

/**
 * mqk_dev_add_broker() - make a broker and its node
 * @options: what it is made with, checked
 * @why: filled when it is refused, may be NULL
 *
 * Its name is taken first; it can be used when it is kept where it shall be.
 *
 * Context: may sleep.
 * Return: 0, -EEXIST, -EDQUOT, -ENOSPC, -ENOMEM; of a durable one also as
 * mqk_durable_begin()
 */
int mqk_dev_add_broker(const struct mqk_broker_options *options,
		       struct mqk_refusal *why)
{
	struct mqk_broker *broker = mqk_broker_alloc(options, why);
	int err;

	if (IS_ERR(broker))
		return PTR_ERR(broker);
	mutex_lock(&brokers_lock);
	err = add_broker(broker, why);
	mutex_unlock(&brokers_lock);
	if (err) {
		mqk_broker_retire(broker);
		return err;
	}
	if (options->durable)
		err = mqk_durable_begin(broker, options->durable, why);
	if (!err) {
		show_broker(broker);
		return 0;
	}
	mutex_lock(&brokers_lock);
	remove_broker(broker, true);
	mutex_unlock(&brokers_lock);
	end_broker(broker);
	return err;
}

/**
 * mqk_dev_remove_broker() - delete a transient broker, or close a durable one
 * @name: its name
 * @cred: who asks
 * @durable: which of the two
 * @force: also when it has sessions
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0, -ENOENT, -EPERM, -EBUSY; -EINVAL when it is the other
 */
int mqk_dev_remove_broker(const char *name, const struct cred *cred, bool durable,
			  bool force, struct mqk_refusal *why)
{
	struct mqk_broker *broker;
	int err;

	mutex_lock(&brokers_lock);
	broker = find_broker(name);
	if (!broker || !broker->ready)
		err = mqk_refuse(why, MQK_RULE_NO_BROKER, -ENOENT);
	else if (!uid_eq(broker->maker, cred->fsuid) && !capable(CAP_SYS_ADMIN))
		err = mqk_refuse(why, MQK_RULE_PERMISSION, -EPERM);
	else if (durable != !!broker->journal)
		err = mqk_refuse(why, MQK_RULE_DIRECTORY, -EINVAL);
	else
		err = remove_broker(broker, force);
	if (err == -EBUSY)
		mqk_refuse(why, MQK_RULE_IN_USE, err);
	mutex_unlock(&brokers_lock);
	if (!err)
		end_broker(broker);
	return err;
}

/**
 * mqk_dev_next_broker() - go through the brokers
 * @id: the last one's, or 0
 *
 * Context: may sleep.
 * Return: the next one with a reference, or NULL
 */
struct mqk_broker *mqk_dev_next_broker(u32 id)
{
	unsigned long index = id;
	struct mqk_broker *broker;

	mutex_lock(&brokers_lock);
	do
		broker = xa_find_after(&brokers, &index, MQK_BROKERS_MAX, XA_PRESENT);
	while (broker && !broker->ready);
	if (broker)
		mqk_broker_get(broker);
	mutex_unlock(&brokers_lock);
	return broker;
}

static struct mqk_broker *get_broker(u32 id)
{
	struct mqk_broker *broker;

	mutex_lock(&brokers_lock);
	broker = xa_load(&brokers, id);
	if (broker && !broker->ready)
		broker = NULL;
	if (broker)
		mqk_broker_get(broker);
	mutex_unlock(&brokers_lock);
	return broker;
}

/* ---- broker nodes ---- */

static struct mqk_session *file_session(struct file *file)
{
	return ((struct seq_file *)file->private_data)->private;
}

static u32 granted(const struct file *file, const struct mqk_broker *broker)
{
	u32 access = 0;

	if (file->f_mode & FMODE_READ)
		access |= MQK_ACCESS_READ;
	if (file->f_mode & FMODE_WRITE)
		access |= MQK_ACCESS_WRITE;
	if (access & MQK_ACCESS_READ && !broker->nomap)
		access |= MQK_ACCESS_MAP;
	return access;
}

static int broker_open(struct inode *inode, struct file *file)
{
	struct mqk_broker *broker = get_broker(iminor(inode));
	struct mqk_session *s;
	int err;

	if (!broker)
		return -ENXIO;
	s = mqk_session_open(broker, file, granted(file, broker));
	if (IS_ERR(s)) {
		mqk_broker_put(broker);
		return PTR_ERR(s);
	}
	err = seq_open(file, &mqk_show_ops);
	if (err) {
		mqk_session_close(s);
		return err;
	}
	((struct seq_file *)file->private_data)->private = s;
	/*
	 * Consuming alone needs a ring to write to, publishing alone one to
	 * read, and mmap looks at these bits.  What a session may do is in its
	 * access; the bits are put back before the file is let go.
	 */
	file->f_mode |= FMODE_READ | FMODE_WRITE;
	return 0;
}

static int broker_release(struct inode *inode, struct file *file)
{
	struct mqk_session *s = file_session(file);

	if (!(s->access & MQK_ACCESS_READ))
		file->f_mode &= ~FMODE_READ;
	if (!(s->access & MQK_ACCESS_WRITE))
		file->f_mode &= ~FMODE_WRITE;
	mqk_session_close(s);
	return seq_release(inode, file);
}

static ssize_t broker_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct mqk_session *s = file_session(iocb->ki_filp);

	if (!(s->access & MQK_ACCESS_READ))
		return -EBADF;
	return seq_read_iter(iocb, to);
}

static long broker_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return mqk_session_ioctl(file_session(file), cmd, arg);
}

static int broker_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mqk_session *s = file_session(file);

	if (READ_ONCE(s->broker->dead))
		return -ESHUTDOWN;
	return mqk_session_mmap(s, vma);
}

static __poll_t broker_poll(struct file *file, poll_table *wait)
{
	struct mqk_session *s = file_session(file);
	__poll_t events = 0;

	poll_wait(file, &s->wq, wait);
	/* (D) on the list of sleepers before looking */
	smp_mb();
	if (mqk_session_readable(s))
		events |= EPOLLIN | EPOLLRDNORM;
	if (s->access & MQK_ACCESS_WRITE && mqk_session_writable(s))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (READ_ONCE(s->broker->dead))
		events |= EPOLLERR | EPOLLHUP;
	return events;
}

static void broker_show_fdinfo(struct seq_file *m, struct file *file)
{
	mqk_session_show(m, file_session(file));
}

static const struct file_operations broker_fops = {
	.owner = THIS_MODULE,
	.open = broker_open,
	.release = broker_release,
	.read_iter = broker_read,
	.llseek = seq_lseek,
	.unlocked_ioctl = broker_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = broker_mmap,
	.poll = broker_poll,
	.show_fdinfo = broker_show_fdinfo,
};

/* ---- all nodes ---- */

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.release = mqk_control_release,
	.unlocked_ioctl = mqk_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static int any_open(struct inode *inode, struct file *file)
{
	if (!iminor(inode)) {
		replace_fops(file, fops_get(&control_fops));
		return mqk_control_open(file);
	}
	replace_fops(file, fops_get(&broker_fops));
	return broker_open(inode, file);
}

static const struct file_operations any_fops = {
	.owner = THIS_MODULE,
	.open = any_open,
	.llseek = noop_llseek,
};

static int __init add_default_broker(void)
{
	static const struct mqk_broker_options options = {
		.name = "default",
		.segment_size = MQK_SEGMENT_SIZE_DEFAULT,
		.maker = GLOBAL_ROOT_UID,
		.node = { GLOBAL_ROOT_UID, GLOBAL_ROOT_GID, 0660 },
	};

	return mqk_dev_add_broker(&options, NULL);
}

static void remove_brokers(void)
{
	struct mqk_broker *broker;
	unsigned long id;

	mutex_lock(&brokers_lock);
	xa_for_each(&brokers, id, broker) {
		remove_broker(broker, true);
		/* nobody else can be waiting for the lock */
		end_broker(broker);
	}
	mutex_unlock(&brokers_lock);
}

/**
 * mqk_dev_init() - make the control node and the broker `default`
 * Return: 0 or errno
 */
int __init mqk_dev_init(void)
{
	int err;

	err = alloc_chrdev_region(&first, 0, MINORS, "mqk");
	if (err)
		return err;
	class = class_create("mqk");
	if (IS_ERR(class)) {
		err = PTR_ERR(class);
		goto err_region;
	}
	cdev_init(&cdev, &any_fops);
	cdev.owner = THIS_MODULE;
	err = cdev_add(&cdev, first, MINORS);
	if (err)
		goto err_class;
	control_dev = add_node(0, "control", NULL);
	if (IS_ERR(control_dev)) {
		err = PTR_ERR(control_dev);
		goto err_cdev;
	}
	err = add_default_broker();
	if (err)
		goto err_control;
	return 0;

err_control:
	device_unregister(control_dev);
err_cdev:
	cdev_del(&cdev);
err_class:
	class_destroy(class);
err_region:
	unregister_chrdev_region(first, MINORS);
	return err;
}

/**
 * mqk_dev_exit() - undo mqk_dev_init(); no node is open
 */
void mqk_dev_exit(void)
{
	remove_brokers();
	xa_destroy(&brokers);
	device_unregister(control_dev);
	cdev_del(&cdev);
	class_destroy(class);
	unregister_chrdev_region(first, MINORS);
}
