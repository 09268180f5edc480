/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DISK_H
#define DISK_H

/*
 * In the place of kmod/dir.c: three files on a disk whose power can be cut.  What was
 * written is in memory until the file is synced; when the power is cut, each sector of
 * that, and the file's size, are as they were or as they would have become, each for
 * itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmod/dir.h"
#include "random.h"

#define DISK_SECTOR	512u

/* Forget everything. */
void disk_reset(void);
/* The machine loses its memory. */
void disk_cut(struct random *r);
/* All that is in memory gets to the disk, as it does some day. */
void disk_settle(void);
/* Let the n-th operation from now on that writes fail, the first being 1; 0: none.
 * A write that fails may have been done in part.
 */
void disk_fail_nth(unsigned long n, int err);
bool disk_failed(void);
/* Without power every operation fails that writes, and leaves nothing. */
void disk_power(bool on);
/* Operations that write, so far. */
unsigned long disk_ops(void);

/* The bytes of a file, to be looked at, or damaged in memory and on the disk. */
uint8_t *disk_bytes(enum mqk_dir_file file, size_t *len);
void disk_replace(enum mqk_dir_file file, const void *bytes, size_t len);
/* Is a directory open? */
bool disk_in_use(void);

#endif
