// SPDX-License-Identifier: GPL-2.0-only
#include "disk.h"

#include <stdlib.h>
#include <string.h>

#include <linux/err.h>

#include "kmod/account.h"

struct image {
	uint8_t *bytes;
	size_t len, room;
};

static struct {
	struct image now, stable;
} files[MQK_DIR_FILES];

struct mqk_dir {
	int unused;
};

static struct mqk_dir only;
static bool in_use;
static unsigned long ops, fail_at;
static int fail_err;
static bool failed, off;

static void resize(struct image *i, size_t len)
{
	if (len > i->room || !i->room) {
		i->room = 2 * len + 4096;
		i->bytes = realloc(i->bytes, i->room);
		if (!i->bytes)
			abort();
	}
	if (len > i->len)
		memset(i->bytes + i->len, 0, len - i->len);
	i->len = len;
}

static void copy(struct image *to, const struct image *from)
{
	resize(to, from->len);
	memcpy(to->bytes, from->bytes, from->len);
}

void disk_reset(void)
{
	unsigned int i;

	for (i = 0; i < MQK_DIR_FILES; i++) {
		resize(&files[i].now, 0);
		resize(&files[i].stable, 0);
	}
	in_use = false;
	ops = fail_at = 0;
	failed = false;
}

void disk_cut(struct random *r)
{
	static const uint8_t zeros[DISK_SECTOR];
	unsigned int i;
	size_t at;

	for (i = 0; i < MQK_DIR_FILES; i++) {
		struct image *now = &files[i].now, *stable = &files[i].stable;
		/* no sector beyond one of the sizes is of any use */
		size_t most = now->len > stable->len ? now->len : stable->len;
		size_t len = random_below(r, 2) ? now->len : stable->len;
		struct image result = {};

		resize(&result, most);
		for (at = 0; at < most; at += DISK_SECTOR) {
			const struct image *from = random_below(r, 2) ? now : stable;
			size_t n = most - at < DISK_SECTOR ? most - at : DISK_SECTOR;
			size_t has = at >= from->len ? 0 : from->len - at < n ?
				     from->len - at : n;

			memcpy(result.bytes + at, zeros, n);
			if (has)
				memcpy(result.bytes + at, from->bytes + at, has);
		}
		resize(&result, len);
		copy(now, &result);
		copy(stable, &result);
		free(result.bytes);
	}
	in_use = false;
	fail_at = 0;
}

void disk_settle(void)
{
	unsigned int i;

	for (i = 0; i < MQK_DIR_FILES; i++)
		copy(&files[i].stable, &files[i].now);
}

void disk_fail_nth(unsigned long n, int err)
{
	fail_at = n ? ops + n : 0;
	fail_err = err;
	failed = false;
}

bool disk_failed(void)
{
	return failed;
}

unsigned long disk_ops(void)
{
	return ops;
}

void disk_power(bool on)
{
	off = !on;
}

static int step(void)
{
	if (off)
		return -EIO;
	if (++ops != fail_at)
		return 0;
	failed = true;
	return fail_err;
}

uint8_t *disk_bytes(enum mqk_dir_file file, size_t *len)
{
	*len = files[file].now.len;
	return files[file].now.bytes;
}

void disk_replace(enum mqk_dir_file file, const void *bytes, size_t len)
{
	const struct image from = { .bytes = (uint8_t *)bytes, .len = len };

	copy(&files[file].now, &from);
	copy(&files[file].stable, &from);
}

bool disk_in_use(void)
{
	return in_use;
}

/* ---- kmod/dir.h ---- */

struct mqk_dir *mqk_dir_open(int fd, bool create, struct mqk_refusal *why)
{
	if (in_use)
		return ERR_PTR(mqk_refuse(why, MQK_RULE_DIRECTORY, -EBUSY));
	if (create && files[MQK_DIR_SUPER].now.len)
		return ERR_PTR(mqk_refuse(why, MQK_RULE_DIRECTORY, -EEXIST));
	in_use = true;
	return &only;
}

void mqk_dir_close(struct mqk_dir *dir)
{
	in_use = false;
}

s64 mqk_dir_size(struct mqk_dir *dir, enum mqk_dir_file file)
{
	return files[file].now.len;
}

int mqk_dir_read(struct mqk_dir *dir, enum mqk_dir_file file, void *to, u64 at, u64 len)
{
	const struct image *i = &files[file].now;

	if (at > i->len || len > i->len - at)
		return -EIO;
	memcpy(to, i->bytes + at, len);
	return 0;
}

int mqk_dir_write(struct mqk_dir *dir, enum mqk_dir_file file, const void *from, u64 at,
		  u32 len)
{
	struct image *i = &files[file].now;
	int err = step();

	if (off)
		return err;
	if (err)
		len = len / 2;
	if (at + len > i->len)
		resize(i, at + len);
	memcpy(i->bytes + at, from, len);
	return err;
}

int mqk_dir_reserve(struct mqk_dir *dir, enum mqk_dir_file file, u64 at, u64 len)
{
	return step();
}

int mqk_dir_truncate(struct mqk_dir *dir, enum mqk_dir_file file, u64 len)
{
	int err = step();

	if (!err)
		resize(&files[file].now, len);
	return err;
}

int mqk_dir_sync(struct mqk_dir *dir, enum mqk_dir_file file)
{
	int err = step();

	/* nobody knows what is there after an error: disk_cut() */
	if (!err)
		copy(&files[file].stable, &files[file].now);
	return err;
}

int mqk_dir_sync_names(struct mqk_dir *dir)
{
	return step();
}
