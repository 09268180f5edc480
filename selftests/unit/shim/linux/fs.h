/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_FS_H
#define SHIM_LINUX_FS_H

/* Files are shmem files; see shmem_fs.h. */

#include <fcntl.h>

#include <linux/types.h>

struct cred;

struct address_space {
	struct file *file;
};

struct inode {
	struct file *file;
	s64 i_size;
};

struct path {
	struct file *file;
};

struct file {
	const struct cred *f_cred;
	struct address_space *f_mapping;
	struct path f_path;
	struct address_space mapping;
	struct inode inode;
	size_t size;
	u8 *memory;
	bool *present;		/* by page */
	int refs;
};

static inline struct inode *file_inode(struct file *file)
{
	return &file->inode;
}

#define inode_lock(inode)	((void)(inode))
#define inode_unlock(inode)	((void)(inode))

static inline void i_size_write(struct inode *inode, s64 size)
{
	inode->i_size = size;
}

/* Another reference to the same file; it may fail. */
struct file *dentry_open(const struct path *path, int flags, const struct cred *cred);

struct file *get_file(struct file *file);
void fput(struct file *file);

#endif
