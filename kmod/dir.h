/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of a durable broker: its three files, and nothing else there.
 *
 * Whoever makes or opens the broker hands the directory in as a descriptor; the
 * files are made and opened with that process's rights, once, and only regular files
 * right in that directory: no link is followed, nothing else is opened.  They stay
 * open as long as the broker, so the file system stays mounted; what becomes of the
 * names meanwhile does not matter.
 *
 * A lock (flock) on mqk.super, taken as by any process, makes the broker, or a tool
 * that checks or copies the files, the only one.
 *
 * All I/O that follows is the journal's, done by its work (journal.h): with the
 * kernel's rights and limits, not those of who happens to cause it.
 */
#ifndef MQK_DIR_H
#define MQK_DIR_H

#include <linux/types.h>

struct mqk_dir;
struct mqk_refusal;

enum mqk_dir_file {
	MQK_DIR_SUPER,
	MQK_DIR_JOURNAL,	/* and the next one */
	MQK_DIR_FILES = MQK_DIR_JOURNAL + 2,
};

struct mqk_dir *mqk_dir_open(int fd, bool create, struct mqk_refusal *why);
void mqk_dir_close(struct mqk_dir *dir);

s64 mqk_dir_size(struct mqk_dir *dir, enum mqk_dir_file file);
int mqk_dir_read(struct mqk_dir *dir, enum mqk_dir_file file, void *to, u64 at,
		 u64 len);
int mqk_dir_write(struct mqk_dir *dir, enum mqk_dir_file file, const void *from,
		  u64 at, u32 len);
int mqk_dir_reserve(struct mqk_dir *dir, enum mqk_dir_file file, u64 at, u64 len);
int mqk_dir_truncate(struct mqk_dir *dir, enum mqk_dir_file file, u64 len);
int mqk_dir_sync(struct mqk_dir *dir, enum mqk_dir_file file);
int mqk_dir_sync_names(struct mqk_dir *dir);

#endif /* MQK_DIR_H */
