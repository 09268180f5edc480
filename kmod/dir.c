// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory of a durable broker, on a file system.
 */
#include "dir.h"

#include <linux/err.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/mqk_log.h>

#include "account.h"

static const char *const names[MQK_DIR_FILES] = {
	MQK_LOG_SUPER, MQK_LOG_JOURNAL_0, MQK_LOG_JOURNAL_1,
};

struct mqk_dir {
	struct file *names;
	struct file *file[MQK_DIR_FILES];
};

/* A file that is there. */
static struct file *open_old(const struct path *dir, const char *name)
{
	const int may = MAY_READ | MAY_WRITE;
	struct file *file;
	struct path path;
	int err;

	err = vfs_path_lookup(dir->dentry, dir->mnt, name, 0, &path);
	if (err)
		return ERR_PTR(err);
	/* Looked at before it is opened: to open a device may do something. */
	if (!d_is_reg(path.dentry))
		err = -EINVAL;
	else
		err = inode_permission(mnt_idmap(path.mnt), d_inode(path.dentry), may);
	file = err ? ERR_PTR(err) :
		     dentry_open(&path, O_RDWR | O_LARGEFILE, current_cred());
	path_put(&path);
	return file;
}

static struct file *open_file(const struct path *dir, const char *name, bool create)
{
	struct file *file = open_old(dir, name);

	if (!create || file != ERR_PTR(-ENOENT))
		return file;
	return file_open_root(dir, name, O_RDWR | O_CREAT | O_EXCL | O_LARGEFILE,
			      0600);
}

/* Be the only one: of processes, and of brokers. */
static int lock_file(struct file *file)
{
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	lock->c.flc_file = file;
	lock->c.flc_owner = file;
	lock->c.flc_flags = FL_FLOCK;
	lock->c.flc_type = F_WRLCK;
	lock->fl_end = OFFSET_MAX;
	if (file->f_op->flock)
		err = file->f_op->flock(file, F_SETLK, lock);
	else
		err = locks_lock_file_wait(file, lock);
	locks_free_lock(lock);
	return err == -EAGAIN ? -EBUSY : err;
}

/*
 * The super file first: it is there before the others are, and who has its lock may
 * touch them.
 */
static int open_files(struct mqk_dir *dir, bool create)
{
	const struct path *path = &dir->names->f_path;
	struct file *file;
	unsigned int i;
	int err;

	for (i = 0; i < MQK_DIR_FILES; i++) {
		file = open_file(path, names[i], create);
		if (IS_ERR(file))
			return PTR_ERR(file);
		dir->file[i] = file;
		if (i != MQK_DIR_SUPER)
			continue;
		err = lock_file(file);
		if (err)
			return err;
		/* One of no bytes was begun, and never was a broker's. */
		if (create && i_size_read(file_inode(file)))
			return -EEXIST;
	}
	return 0;
}

/**
 * mqk_dir_open() - open the files of a broker
 * @fd: descriptor of the directory, of the calling process
 * @create: make them, where there is no broker yet
 * @why: filled when they are refused
 *
 * Context: may sleep.
 * Return: the directory; ERR_PTR of -EBADF; -ENOTDIR; -ENOENT when a file is missing;
 * -EINVAL when one is not a regular file; -EEXIST when @create and there is a broker;
 * -EBUSY when it is in use; -EACCES, -EROFS, -ENOSPC and others of the file system
 */
struct mqk_dir *mqk_dir_open(int fd, bool create, struct mqk_refusal *why)
{
	struct mqk_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL_ACCOUNT);
	int err;

	if (!dir)
		return ERR_PTR(-ENOMEM);
	dir->names = fget(fd);
	if (!dir->names)
		err = -EBADF;
	else if (!S_ISDIR(file_inode(dir->names)->i_mode))
		err = -ENOTDIR;
	else
		err = open_files(dir, create);
	if (!err)
		return dir;
	mqk_dir_close(dir);
	return ERR_PTR(mqk_refuse(why, MQK_RULE_DIRECTORY, err));
}

/**
 * mqk_dir_close() - close the files, and with that give the lock back
 * @dir: the directory
 *
 * Context: may sleep.
 */
void mqk_dir_close(struct mqk_dir *dir)
{
	unsigned int i;

	for (i = MQK_DIR_FILES; i--;)
		if (dir->file[i])
			fput(dir->file[i]);
	if (dir->names)
		fput(dir->names);
	kfree(dir);
}

/**
 * mqk_dir_size() - how long a file is
 * @dir: the directory
 * @file: which
 * Return: its bytes
 */
s64 mqk_dir_size(struct mqk_dir *dir, enum mqk_dir_file file)
{
	return i_size_read(file_inode(dir->file[file]));
}

/**
 * mqk_dir_read() - read a part of a file
 * @dir: the directory
 * @file: which
 * @to: where to
 * @at: where it begins
 * @len: bytes, all of which must be there
 *
 * Context: may sleep.
 * Return: 0; -EIO when they are not there; errno of the file system
 */
int mqk_dir_read(struct mqk_dir *dir, enum mqk_dir_file file, void *to, u64 at,
		 u64 len)
{
	loff_t pos = at;
	ssize_t n;

	while (len) {
		n = kernel_read(dir->file[file], to, min_t(u64, len, SZ_1M), &pos);
		if (n <= 0)
			return n ?: -EIO;
		to += n;
		len -= n;
	}
	return 0;
}

/**
 * mqk_dir_write() - write a part of a file, into the page cache
 * @dir: the directory
 * @file: which
 * @from: what
 * @at: where it begins
 * @len: bytes
 *
 * Context: may sleep.
 * Return: 0; errno of the file system, when a part may be written
 */
int mqk_dir_write(struct mqk_dir *dir, enum mqk_dir_file file, const void *from,
		  u64 at, u32 len)
{
	loff_t pos = at;
	ssize_t n;

	while (len) {
		n = kernel_write(dir->file[file], from, len, &pos);
		if (n <= 0)
			return n ?: -EIO;
		from += n;
		len -= n;
	}
	return 0;
}

/**
 * mqk_dir_reserve() - have room on the disk for what is written later
 * @dir: the directory
 * @file: which
 * @at: where it begins
 * @len: bytes
 *
 * Context: may sleep.
 * Return: 0, also when the file system cannot do that; -ENOSPC, -EDQUOT and others of
 * the file system
 */
int mqk_dir_reserve(struct mqk_dir *dir, enum mqk_dir_file file, u64 at, u64 len)
{
	int err = vfs_fallocate(dir->file[file], FALLOC_FL_KEEP_SIZE, at, len);

	return err == -EOPNOTSUPP ? 0 : err;
}

/**
 * mqk_dir_truncate() - end a file earlier, and give back what lies behind
 * @dir: the directory
 * @file: which
 * @len: bytes that stay
 *
 * Context: may sleep.
 * Return: 0; errno of the file system
 */
int mqk_dir_truncate(struct mqk_dir *dir, enum mqk_dir_file file, u64 len)
{
	return vfs_truncate(&dir->file[file]->f_path, len);
}

/**
 * mqk_dir_sync() - have all that was written of a file on the disk
 * @dir: the directory
 * @file: which
 *
 * Context: may sleep.
 * Return: 0; errno of the file system, when nobody knows what is there
 */
int mqk_dir_sync(struct mqk_dir *dir, enum mqk_dir_file file)
{
	return vfs_fsync(dir->file[file], 0);
}

/**
 * mqk_dir_sync_names() - have the names of the files on the disk
 * @dir: the directory
 *
 * Context: may sleep.
 * Return: as mqk_dir_sync()
 */
int mqk_dir_sync_names(struct mqk_dir *dir)
{
	return vfs_fsync(dir->names, 0);
}
