// SPDX-License-Identifier: GPL-2.0-only
/*
 * Journals: making those of new brokers, and reading those of old ones.
 *
 * Reading changes nothing on the disk; only when the broker is there again is a torn
 * tail cut, and appended to what is valid (mqk_journal_begin()).
 */
#include "journal.h"

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "account.h"
#include "checkpoint.h"
#include "dir.h"
#include "limits.h"
#include "util/log.h"

static int damaged(struct mqk_refusal *why, enum mqk_dir_file file, u64 at)
{
	if (why) {
		why->limit = file;
		why->used = at;
	}
	return mqk_refuse(why, MQK_RULE_DAMAGED, -EUCLEAN);
}

/* Room for the ends of all that is there, and some more. */
static int first_room(struct mqk_journal *j)
{
	u64 promised = 0, room;
	struct mqk_definition *def;
	int err;

	list_for_each_entry(def, &j->in_order, in_order)
		promised += MQK_LOG_BARE;
	room = MQK_JOURNAL_EXTEND;
	err = mqk_dir_reserve(j->dir, MQK_DIR_JOURNAL + j->file, j->at,
			      promised + room + MQK_LOG_BARE);
	if (err)
		return err;
	j->promised = promised;
	j->room = room;
	j->end = j->at + promised + room + MQK_LOG_BARE;
	return 0;
}

static int write_super(struct mqk_dir *dir, const struct mqk_log_super *super)
{
	return mqk_dir_write(dir, MQK_DIR_SUPER, super, 0, sizeof(*super)) ?:
	       mqk_dir_sync(dir, MQK_DIR_SUPER) ?:
	       mqk_dir_sync_names(dir);
}

/**
 * mqk_journal_make() - make the files of a new broker
 * @dir: the directory, opened to make them; the journal's, if this succeeds
 * @broker: name of the broker, which outlives the journal
 * @super: what the broker is; made valid here
 * @why: filled when it is refused
 *
 * The super file is written last.  As long as it has no bytes, there is no broker:
 * when this fails, or the machine does, the directory is as good as before.
 *
 * Context: may sleep.
 * Return: the journal, which may be written to; ERR_PTR of -ENOMEM, and errno of the
 * file system
 */
struct mqk_journal *mqk_journal_make(struct mqk_dir *dir, const char *broker,
				     struct mqk_log_super *super,
				     struct mqk_refusal *why)
{
	struct mqk_journal *j;
	int err;

	j = mqk_journal_alloc(dir, broker, mqk_log_seed(super->uuid));
	if (!j)
		return ERR_PTR(-ENOMEM);
	mqk_log_super_seal(super);
	err = mqk_checkpoint_first(j) ?:
	      first_room(j) ?:
	      mqk_dir_sync_names(dir) ?:
	      write_super(dir, super);
	if (!err) {
		j->begun = true;
		return j;
	}
	mqk_dir_truncate(dir, MQK_DIR_SUPER, 0);
	mqk_dir_truncate(dir, MQK_DIR_JOURNAL, 0);
	mqk_journal_free(j);
	return ERR_PTR(mqk_refuse(why, MQK_RULE_JOURNAL, err));
}

static int read_super(struct mqk_dir *dir, struct mqk_log_super *super,
		      struct mqk_refusal *why)
{
	s64 size = mqk_dir_size(dir, MQK_DIR_SUPER);
	int err;

	if (!size)
		return mqk_refuse(why, MQK_RULE_DIRECTORY, -ENOENT);
	if (size != sizeof(*super))
		return damaged(why, MQK_DIR_SUPER, size);
	err = mqk_dir_read(dir, MQK_DIR_SUPER, super, 0, sizeof(*super));
	if (err)
		return mqk_refuse(why, MQK_RULE_JOURNAL, err);
	if (!mqk_log_super_valid(super))
		return damaged(why, MQK_DIR_SUPER, 0);
	if (le64_to_cpu(super->incompat) & ~(u64)MQK_LOG_INCOMPAT ||
	    le64_to_cpu(super->ro_compat) & ~(u64)MQK_LOG_RO_COMPAT)
		return mqk_refuse(why, MQK_RULE_FORMAT, -EOPNOTSUPP);
	return 0;
}

/* One of the two files, in memory. */
struct image {
	void *bytes;
	u64 len;
	bool whole;		/* there is a checkpoint, all of it */
	struct mqk_log_walk begin;
};

static int read_image(struct mqk_journal *j, unsigned int i, struct image *image,
		      struct mqk_refusal *why)
{
	s64 size = mqk_dir_size(j->dir, MQK_DIR_JOURNAL + i);
	struct mqk_log_walk walk;
	struct mqk_log_view v;
	int err;

	if (!size)
		return 0;
	if (size > MQK_LOG_FILE_MAX)
		return damaged(why, MQK_DIR_JOURNAL + i, size);
	image->bytes = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!image->bytes)
		return -ENOMEM;
	image->len = size;
	err = mqk_dir_read(j->dir, MQK_DIR_JOURNAL + i, image->bytes, 0, size);
	if (err)
		return mqk_refuse(why, MQK_RULE_JOURNAL, err);
	if (!mqk_log_walk_begin(&image->begin, image->bytes, size, j->seed))
		return 0;
	walk = image->begin;
	while (!image->whole && mqk_log_walk_next(&walk, &v)) {
		image->whole = v.type == MQK_LOG_READY;
		cond_resched();
	}
	return 0;
}

/* What is read of a file: definitions by id, and how far it has come. */
struct load {
	struct mqk_journal *j;
	struct xarray by_id;
	bool ready;
};

static int keep(struct load *l, const struct mqk_log_view *v)
{
	const struct mqk_log_record *r = (const void *)((const u8 *)v->d - sizeof(*r));
	struct mqk_definition *old = xa_load(&l->by_id, v->id), *def;
	int err;

	/* A queue may change, which takes the number that it has. */
	if (old ? !l->ready || v->type != MQK_LOG_QUEUE ||
		  old->record.type != r->type :
		  v->id <= l->j->last_id)
		return -EUCLEAN;
	def = mqk_definition_alloc(l->j, v->size);
	if (!def)
		return -ENOMEM;
	memcpy(def->whole, r, v->size);
	err = old ? 0 : xa_insert(&l->by_id, v->id, def, GFP_KERNEL_ACCOUNT);
	if (err) {
		kvfree(def);
		return err;
	}
	l->j->live_bytes += v->size;
	if (old) {
		xa_store(&l->by_id, v->id, def, GFP_KERNEL_ACCOUNT);
		list_replace(&old->in_order, &def->in_order);
		l->j->live_bytes -= le32_to_cpu(old->record.size);
		kvfree(old);
	} else {
		list_add_tail(&def->in_order, &l->j->in_order);
		l->j->last_id = v->id;
	}
	return 0;
}

static int drop(struct load *l, u64 id)
{
	struct mqk_definition *def = xa_erase(&l->by_id, id);

	if (!def)
		return -EUCLEAN;
	list_del(&def->in_order);
	l->j->live_bytes -= le32_to_cpu(def->record.size);
	kvfree(def);
	return 0;
}

static int take(struct load *l, const struct mqk_log_view *v)
{
	/* ids are indexes of a table here */
	if (v->id != (unsigned long)v->id)
		return -EUCLEAN;
	if (v->d)
		return keep(l, v);
	if (v->type == MQK_LOG_READY) {
		if (l->ready || v->id <= l->j->last_id)
			return -EUCLEAN;
		l->ready = true;
		l->j->last_id = v->id - 1;
		return 0;
	}
	if (!l->ready)
		return -EUCLEAN;
	return v->type == MQK_LOG_FORGET ? drop(l, v->id) : 0;
}

/* Take all that an image holds; only what cannot be is an error. */
static int load_image(struct mqk_journal *j, struct image *image,
		      struct mqk_refusal *why)
{
	struct mqk_log_walk walk = image->begin;
	struct load l = { .j = j };
	struct mqk_log_view v;
	enum mqk_log_end end;
	u64 at = walk.at;
	int err = 0;

	xa_init(&l.by_id);
	while (mqk_log_walk_next(&walk, &v)) {
		err = take(&l, &v);
		if (err)
			break;
		at = walk.at;
		cond_resched();
	}
	xa_destroy(&l.by_id);
	if (err)
		return err == -EUCLEAN ? damaged(why, MQK_DIR_JOURNAL + j->file, at) :
					 err;
	end = mqk_log_walk_end(&walk);
	if (end == MQK_LOG_END_DAMAGED)
		return damaged(why, MQK_DIR_JOURNAL + j->file, at);
	j->cut = end == MQK_LOG_END_TORN;
	j->at = at;
	j->seq = walk.seq;
	j->stable = walk.seq - 1;
	j->generation = walk.generation;
	j->next_id = j->last_id + 1;
	return 0;
}

static int read_journal(struct mqk_journal *j, struct mqk_refusal *why)
{
	struct image image[2] = {};
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < 2; i++)
		err = read_image(j, i, &image[i], why);
	if (!err && !image[0].whole && !image[1].whole)
		err = damaged(why, MQK_DIR_JOURNAL + !image[0].bytes, 0);
	if (!err) {
		j->file = image[1].whole &&
			  (!image[0].whole ||
			   image[1].begin.generation > image[0].begin.generation);
		err = load_image(j, &image[j->file], why);
	}
	for (i = 0; i < 2; i++)
		kvfree(image[i].bytes);
	return err;
}

/**
 * mqk_journal_read() - read the files of a broker
 * @dir: the directory; the journal's, if this succeeds
 * @broker: name of the broker, which outlives the journal
 * @super: where what the broker is goes
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: the journal, with all definitions, which nobody pays for yet; ERR_PTR of
 * -ENOENT when there is no broker; -EUCLEAN, with the file and the place; -EOPNOTSUPP
 * when a later version wrote it; -ENOMEM; errno of the file system
 */
struct mqk_journal *mqk_journal_read(struct mqk_dir *dir, const char *broker,
				     struct mqk_log_super *super,
				     struct mqk_refusal *why)
{
	struct mqk_journal *j;
	int err;

	err = read_super(dir, super, why);
	if (err)
		return ERR_PTR(err);
	j = mqk_journal_alloc(dir, broker, mqk_log_seed(super->uuid));
	if (!j)
		return ERR_PTR(-ENOMEM);
	err = read_journal(j, why);
	if (!err)
		return j;
	mqk_journal_free(j);
	return ERR_PTR(err);
}

/**
 * mqk_journal_begin() - begin to write to a journal that was read
 * @j: the journal
 * @why: filled when it fails
 *
 * What is left of a torn tail, or of a checkpoint that did not come to its end, goes
 * for good before anything is written.
 *
 * Context: may sleep.
 * Return: 0; errno of the file system
 */
int mqk_journal_begin(struct mqk_journal *j, struct mqk_refusal *why)
{
	enum mqk_dir_file file = MQK_DIR_JOURNAL + j->file;
	enum mqk_dir_file other = MQK_DIR_JOURNAL + !j->file;
	int err = 0;

	if (j->cut) {
		pr_info("mqk: broker %s: %s ends at %llu of %lld bytes: the rest was never confirmed, and is cut\n",
			j->broker, j->file ? MQK_LOG_JOURNAL_1 : MQK_LOG_JOURNAL_0,
			j->at, mqk_dir_size(j->dir, file));
		err = mqk_dir_truncate(j->dir, file, j->at);
	}
	if (!err && mqk_dir_size(j->dir, other))
		err = mqk_dir_truncate(j->dir, other, 0) ?:
		      mqk_dir_sync(j->dir, other);
	/* Also what was read may be in memory only: of a machine that went on. */
	if (!err)
		err = mqk_dir_sync(j->dir, file) ?: first_room(j);
	if (err)
		return mqk_refuse(why, MQK_RULE_JOURNAL, err);
	j->begun = true;
	return 0;
}
