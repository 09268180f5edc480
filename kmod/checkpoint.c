// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checkpoints.
 */
#include "checkpoint.h"

#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "dir.h"
#include "journal.h"
#include "limits.h"
#include "util/log.h"

/* A file being written. */
struct writer {
	struct mqk_journal *j;
	enum mqk_dir_file file;
	u64 at;
	u64 seq;
	u32 used;			/* of the batch */
};

static int write_out(struct writer *w)
{
	int err = mqk_dir_write(w->j->dir, w->file, w->j->batch, w->at, w->used);

	w->at += w->used;
	w->used = 0;
	return err;
}

static int add_record(struct writer *w, const void *record)
{
	const struct mqk_log_record *r = record;
	u32 size = le32_to_cpu(r->size);
	struct mqk_log_record *copy;
	int err = 0;

	if (w->used + size > MQK_JOURNAL_BATCH)
		err = write_out(w);
	copy = (void *)(w->j->batch + w->used);
	memcpy(w->j->batch + w->used, record, size);
	mqk_log_record_seal(copy, w->j->seed, w->seq++, 0);
	w->used += size;
	return err;
}

/* Head, all definitions, and what says that they are all. */
static int write_all(struct writer *w, u64 generation)
{
	const struct mqk_log_record ready = {
		.size = cpu_to_le32(MQK_LOG_BARE),
		.id = cpu_to_le64(w->j->last_id + 1),
		.type = cpu_to_le16(MQK_LOG_READY),
	};
	struct mqk_definition *def;
	int err = 0;

	mqk_log_head_fill((void *)w->j->batch, w->j->seed, generation, w->seq);
	w->used = sizeof(struct mqk_log_head);
	list_for_each_entry(def, &w->j->in_order, in_order) {
		err = add_record(w, def->whole);
		if (err)
			return err;
		cond_resched();
	}
	return add_record(w, &ready) ?: write_out(w);
}

static u64 checkpoint_size(const struct mqk_journal *j)
{
	return sizeof(struct mqk_log_head) + j->live_bytes + MQK_LOG_BARE;
}

/**
 * mqk_checkpoint_first() - begin the first file of a new broker
 * @j: its journal
 *
 * Context: may sleep.
 * Return: 0; errno of the file system
 */
int mqk_checkpoint_first(struct mqk_journal *j)
{
	struct writer w = { .j = j, .file = MQK_DIR_JOURNAL, .seq = j->seq };
	int err;

	err = mqk_dir_truncate(j->dir, MQK_DIR_JOURNAL, 0) ?:
	      mqk_dir_truncate(j->dir, MQK_DIR_JOURNAL + 1, 0) ?:
	      write_all(&w, j->generation) ?:
	      mqk_dir_sync(j->dir, MQK_DIR_JOURNAL + 1) ?:
	      mqk_dir_sync(j->dir, MQK_DIR_JOURNAL);
	if (err)
		return err;
	j->at = w.at;
	j->seq = w.seq;
	j->stable = w.seq - 1;
	return 0;
}

static void poison(struct mqk_journal *j, int err)
{
	pr_warn("mqk: broker %s: flushing a checkpoint: error %d: its definitions cannot change any more\n",
	       j->broker, -err);
	spin_lock(&j->lock);
	j->error = -EIO;
	spin_unlock(&j->lock);
}

/**
 * mqk_checkpoint_write() - write a checkpoint and go on behind it
 * @j: the journal
 *
 * Without room for it the file in use goes on to grow.
 *
 * Context: may sleep.
 */
void mqk_checkpoint_write(struct mqk_journal *j)
{
	struct writer w = { .j = j, .file = MQK_DIR_JOURNAL + !j->file, .seq = j->seq };
	u64 size = checkpoint_size(j), room = j->end - j->at;
	int err;

	j->checkpoint_at = j->at + MQK_JOURNAL_EXTEND;
	/* what is on the disk is not known any more: neither file is touched */
	if (READ_ONCE(j->error) || size + room > MQK_LOG_FILE_MAX)
		return;
	err = mqk_dir_truncate(j->dir, w.file, 0) ?:
	      mqk_dir_reserve(j->dir, w.file, 0, size + room) ?:
	      write_all(&w, j->generation + 1);
	if (err) {
		mqk_dir_truncate(j->dir, w.file, 0);
		return;
	}
	err = mqk_dir_sync(j->dir, w.file) ?:
	      mqk_dir_truncate(j->dir, MQK_DIR_JOURNAL + j->file, 0) ?:
	      mqk_dir_sync(j->dir, MQK_DIR_JOURNAL + j->file);
	if (err) {
		poison(j, err);
		return;
	}
	j->file = !j->file;
	j->generation++;
	j->at = w.at;
	j->end = w.at + room;
	j->seq = w.seq;
	j->stable = w.seq - 1;
	j->checkpoint_at = 0;
}

/**
 * mqk_checkpoint_maybe() - write one when the file has grown to twice what it says
 * @j: the journal
 *
 * Context: may sleep.
 */
void mqk_checkpoint_maybe(struct mqk_journal *j)
{
	if (j->at > j->checkpoint_at &&
	    j->at > 2 * checkpoint_size(j) + MQK_JOURNAL_SLACK)
		mqk_checkpoint_write(j);
}
