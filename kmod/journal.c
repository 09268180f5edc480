// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: definitions, notes, and the work that writes them.
 */
#include "journal.h"

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "account.h"
#include "checkpoint.h"
#include "dir.h"
#include "limits.h"
#include "util/log.h"
#include "work.h"

static_assert(MQK_JOURNAL_BATCH >= MQK_LOG_RECORD_MAX);

static u32 size_of(const struct mqk_definition *def)
{
	return le32_to_cpu(def->record.size);
}

/* The end of all writing: what is in memory goes on, what is on disk stays. */
static void poison(struct mqk_journal *j, int err, const char *doing)
{
	pr_warn("mqk: broker %s: %s %s: error %d: its definitions cannot change any more\n",
	       j->broker, doing,
	       j->file ? MQK_LOG_JOURNAL_1 : MQK_LOG_JOURNAL_0, -err);
	spin_lock(&j->lock);
	j->error = -EIO;
	spin_unlock(&j->lock);
}

/* ---- the work ---- */

/* Have more room in the file. */
static void extend(struct mqk_journal *j, u64 wanted)
{
	u64 more = max_t(u64, wanted, MQK_JOURNAL_EXTEND);
	int err;

	if (j->end + more > MQK_LOG_FILE_MAX)
		mqk_checkpoint_write(j);
	err = j->end + more > MQK_LOG_FILE_MAX ? -ENOSPC :
	      mqk_dir_reserve(j->dir, MQK_DIR_JOURNAL + j->file, j->end, more);
	if (!err)
		j->end += more;
	spin_lock(&j->lock);
	j->no_room = err;
	if (!err)
		j->room += more;
	spin_unlock(&j->lock);
}

static struct mqk_definition *note_definition(struct mqk_note *note)
{
	return note->forget ? container_of(note, struct mqk_definition, gone) :
			      container_of(note, struct mqk_definition, put);
}

/* What was written, or never will be, is as the note says. */
static void carry_out(struct mqk_journal *j, struct mqk_note *note)
{
	struct mqk_definition *def = note_definition(note);

	list_del(&note->link);
	if (note->forget) {
		list_del(&def->in_order);
		j->live_bytes -= size_of(def);
		kvfree(def);
		return;
	}
	if (def->old) {
		list_replace(&def->old->in_order, &def->in_order);
		j->live_bytes -= size_of(def->old);
		kvfree(def->old);
		def->old = NULL;
	} else {
		list_add_tail(&def->in_order, &j->in_order);
	}
	j->live_bytes += size_of(def);
}

static void used_room(struct mqk_journal *j, u32 bytes)
{
	j->at += bytes;
	spin_lock(&j->lock);
	j->promised -= bytes;
	spin_unlock(&j->lock);
}

static int write_batch(struct mqk_journal *j, u32 len)
{
	int err = mqk_dir_write(j->dir, MQK_DIR_JOURNAL + j->file, j->batch, j->at, len);

	if (err)
		poison(j, err, "writing");
	else
		used_room(j, len);
	return err;
}

/* Put a record into the batch; bytes of it. */
static u32 seal(struct mqk_journal *j, struct mqk_note *note, u8 *to)
{
	const struct mqk_definition *def = note_definition(note);
	struct mqk_log_record *r = (void *)to;
	u32 size = size_of(def);

	if (note->forget) {
		size = MQK_LOG_BARE;
		*r = (struct mqk_log_record) {
			.size = cpu_to_le32(size),
			.id = def->record.id,
			.type = cpu_to_le16(MQK_LOG_FORGET),
		};
	} else {
		memcpy(to, def->whole, size);
	}
	mqk_log_record_seal(r, j->seed, j->seq++, j->stable);
	j->last_id = max(j->last_id, le64_to_cpu(r->id));
	return size;
}

static void write_notes(struct mqk_journal *j, struct list_head *notes, int err)
{
	struct mqk_note *note, *next;
	u32 used = 0;

	list_for_each_entry_safe(note, next, notes, link) {
		u32 size = note->forget ? MQK_LOG_BARE :
					  size_of(note_definition(note));

		if (!err && used + size > MQK_JOURNAL_BATCH) {
			err = write_batch(j, used);
			used = 0;
		}
		if (!err)
			used += seal(j, note, j->batch + used);
		carry_out(j, note);
		cond_resched();
	}
	if (!err && used)
		err = write_batch(j, used);
	if (err)
		return;
	err = mqk_dir_sync(j->dir, MQK_DIR_JOURNAL + j->file);
	if (err)
		poison(j, err, "flushing");
	else
		j->stable = j->seq - 1;
}

/* Say that nothing is under way. */
static void finish(struct mqk_journal *j, int err)
{
	struct mqk_log_record r = {
		.size = cpu_to_le32(MQK_LOG_BARE),
		.type = cpu_to_le16(MQK_LOG_CLOSED),
	};

	if (j->begun && !err) {
		mqk_log_record_seal(&r, j->seed, j->seq++, j->stable);
		err = mqk_dir_write(j->dir, MQK_DIR_JOURNAL + j->file, &r, j->at, sizeof(r)) ?:
		      mqk_dir_sync(j->dir, MQK_DIR_JOURNAL + j->file);
		if (err)
			poison(j, err, "closing");
	}
	j->closed = true;
}

static void run(struct work_struct *work)
{
	struct mqk_journal *j = container_of(work, struct mqk_journal, work);
	LIST_HEAD(notes);
	bool closing;
	u64 wanted;
	int err;

	spin_lock(&j->lock);
	list_splice_init(&j->notes, &notes);
	wanted = j->wanted;
	j->wanted = 0;
	closing = j->closing;
	err = j->error;
	spin_unlock(&j->lock);
	if (j->closed)
		return;

	if (wanted && !err)
		extend(j, wanted);
	if (!list_empty(&notes)) {
		write_notes(j, &notes, READ_ONCE(j->error));
		if (!READ_ONCE(j->error))
			mqk_checkpoint_maybe(j);
	}
	if (closing)
		finish(j, READ_ONCE(j->error));
}

/* ---- what others do ---- */

/**
 * mqk_journal_alloc() - allocate a journal that has nothing
 * @dir: its directory; the journal's, if this succeeds
 * @broker: name of the broker, which outlives it
 * @seed: of the broker
 *
 * Context: may sleep.
 * Return: the journal; NULL
 */
struct mqk_journal *mqk_journal_alloc(struct mqk_dir *dir, const char *broker,
				      u32 seed)
{
	struct mqk_journal *j = kzalloc(sizeof(*j), GFP_KERNEL_ACCOUNT);

	if (!j)
		return NULL;
	j->batch = kvmalloc(MQK_JOURNAL_BATCH, GFP_KERNEL_ACCOUNT);
	if (!j->batch) {
		kfree(j);
		return NULL;
	}
	j->dir = dir;
	j->broker = broker;
	j->seed = seed;
	j->next_id = 1;
	j->seq = 1;
	j->generation = 1;
	spin_lock_init(&j->lock);
	INIT_LIST_HEAD(&j->notes);
	INIT_LIST_HEAD(&j->in_order);
	INIT_WORK(&j->work, run);
	return j;
}

/**
 * mqk_definition_alloc() - allocate a definition
 * @j: its journal
 * @size: most bytes of its record
 *
 * Context: may sleep.
 * Return: the definition; NULL
 */
struct mqk_definition *mqk_definition_alloc(struct mqk_journal *j, u32 size)
{
	struct mqk_definition *def;
	u32 bytes = offsetof(struct mqk_definition, record) + size;

	def = kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!def)
		return NULL;
	def->journal = j;
	def->room = size;
	def->bytes = bytes;
	def->gone.forget = true;
	return def;
}

/**
 * mqk_definition_charge() - have somebody pay for a definition
 * @def: the definition
 * @tenant: who
 * @why: filled when it is refused
 *
 * Context: any.
 * Return: 0, -EDQUOT, -ENOSPC
 */
int mqk_definition_charge(struct mqk_definition *def, struct mqk_tenant *tenant,
			  struct mqk_refusal *why)
{
	int err = mqk_charge(tenant, MQK_RES_BYTES, def->bytes, why);

	if (!err)
		def->tenant = tenant;
	return err;
}

/**
 * mqk_journal_error() - whether definitions can still change
 * @j: the journal
 * @why: filled when they cannot
 *
 * Context: any.
 * Return: 0, -EIO
 */
int mqk_journal_error(struct mqk_journal *j, struct mqk_refusal *why)
{
	return READ_ONCE(j->error) ? mqk_refuse(why, MQK_RULE_JOURNAL, -EIO) : 0;
}

/**
 * mqk_journal_wait() - as mqk_journal_flush()
 * @j: the journal
 * @why: filled when it failed
 *
 * Context: may sleep; no locks.
 * Return: 0; -EIO
 */
int mqk_journal_wait(struct mqk_journal *j, struct mqk_refusal *why)
{
	queue_work(mqk_workqueue, &j->work);
	flush_work(&j->work);
	return mqk_journal_error(j, why);
}

/* Take room on the disk, if there is; whether that is answered. */
static bool try_reserve(struct mqk_journal *j, u32 bytes, bool asked, int *err)
{
	bool done = true;

	spin_lock(&j->lock);
	*err = 0;
	if (j->error) {
		*err = -EIO;
	} else if (j->closing) {
		*err = -ESHUTDOWN;
	} else if (j->room >= bytes) {
		j->room -= bytes;
		j->promised += bytes;
	} else if (asked && j->no_room) {
		*err = j->no_room;
	} else {
		j->wanted = max_t(u64, j->wanted, bytes);
		j->no_room = 0;
		done = false;
	}
	spin_unlock(&j->lock);
	return done;
}

static int reserve(struct mqk_journal *j, u32 bytes)
{
	bool asked = false;
	int err;

	while (!try_reserve(j, bytes, asked, &err)) {
		queue_work(mqk_workqueue, &j->work);
		flush_work(&j->work);
		asked = true;
	}
	return err;
}

static void release_room(struct mqk_journal *j, u32 bytes)
{
	spin_lock(&j->lock);
	j->promised -= bytes;
	j->room += bytes;
	spin_unlock(&j->lock);
}

/**
 * mqk_definition_begin() - get what it takes to declare something
 * @j: the journal
 * @size: most bytes of its record
 * @tenant: who pays
 * @why: filled when it is refused
 *
 * Context: may sleep; no locks.
 * Return: an empty definition, to be filled and put, or cancelled; ERR_PTR of -EIO,
 * -EDQUOT, -ENOSPC, -ENOMEM and what the file system says
 */
struct mqk_definition *mqk_definition_begin(struct mqk_journal *j, u32 size,
					    struct mqk_tenant *tenant,
					    struct mqk_refusal *why)
{
	struct mqk_definition *def = mqk_definition_alloc(j, size);
	int err;

	if (!def)
		return ERR_PTR(-ENOMEM);
	err = mqk_definition_charge(def, tenant, why);
	if (err)
		goto err_free;
	/* it goes again some day */
	def->promised = size + MQK_LOG_BARE;
	err = reserve(j, def->promised);
	if (err)
		goto err_charge;
	return def;

err_charge:
	mqk_refuse(why, MQK_RULE_JOURNAL, err);
	mqk_uncharge(tenant, MQK_RES_BYTES, def->bytes);
err_free:
	kvfree(def);
	return ERR_PTR(err);
}

/**
 * mqk_definition_cancel() - give back what was not put
 * @def: the definition, or NULL
 *
 * Context: any.
 */
void mqk_definition_cancel(struct mqk_definition *def)
{
	if (!def)
		return;
	release_room(def->journal, def->promised);
	mqk_uncharge(def->tenant, MQK_RES_BYTES, def->bytes);
	kvfree(def);
}

static bool closing(struct mqk_journal *j)
{
	bool closing;

	spin_lock(&j->lock);
	closing = j->closing;
	spin_unlock(&j->lock);
	return closing;
}

/* Note something; ids are given in order. */
static void note(struct mqk_journal *j, struct mqk_definition *def,
		 struct mqk_note *what)
{
	spin_lock(&j->lock);
	if (!what->forget)
		def->record.id = def->old ? def->old->record.id :
					    cpu_to_le64(j->next_id++);
	list_add_tail(&what->link, &j->notes);
	j->noted++;
	spin_unlock(&j->lock);
	queue_work(mqk_workqueue, &j->work);
}

/**
 * mqk_definition_put() - note what was declared
 * @def: filled; whoever declared it has it from now on
 * @old: what it takes the place of, which is no longer the caller's; or NULL
 *
 * Context: broker->mutex, the broker not dead.
 */
void mqk_definition_put(struct mqk_definition *def, struct mqk_definition *old)
{
	u32 size = size_of(def), spare;

	/* what it does not need; the old one has room for its end already */
	spare = def->promised - size - MQK_LOG_BARE;
	if (old)
		spare += MQK_LOG_BARE;
	release_room(def->journal, spare);
	def->old = old;
	if (old) {
		mqk_uncharge(old->tenant, MQK_RES_BYTES, old->bytes);
		old->tenant = NULL;
	}
	note(def->journal, def, &def->put);
}

/**
 * mqk_definition_forget() - note that something is gone
 * @def: its definition, which is not used any more; or NULL
 *
 * In a broker that ends nothing is noted: it is there again when it is opened.
 *
 * Context: broker->mutex, or nobody else can reach the broker.
 */
void mqk_definition_forget(struct mqk_definition *def)
{
	struct mqk_journal *j;

	if (!def)
		return;
	j = def->journal;
	if (def->tenant)
		mqk_uncharge(def->tenant, MQK_RES_BYTES, def->bytes);
	def->tenant = NULL;
	if (!closing(j))
		note(j, def, &def->gone);
}

/**
 * mqk_journal_stop() - note nothing any more
 * @j: the journal
 *
 * Context: any; nothing is declared any more.
 */
void mqk_journal_stop(struct mqk_journal *j)
{
	spin_lock(&j->lock);
	j->closing = true;
	spin_unlock(&j->lock);
}

/**
 * mqk_journal_close() - write what is noted, and give the directory back
 * @j: the journal
 *
 * Context: may sleep; the broker is dead, or was never reached: nothing is declared
 * any more.
 */
void mqk_journal_close(struct mqk_journal *j)
{
	mqk_journal_stop(j);
	queue_work(mqk_workqueue, &j->work);
	flush_work(&j->work);
	/*
	 * Not by the work: what a kernel thread lets go of is closed later, and who closes
	 * a broker may open it next.
	 */
	mqk_dir_close(j->dir);
	j->dir = NULL;
}

/**
 * mqk_journal_free() - free a journal that is closed
 * @j: the journal; of its definitions nobody has one any more
 *
 * Context: may sleep.
 */
void mqk_journal_free(struct mqk_journal *j)
{
	struct mqk_definition *def, *next;

	list_for_each_entry_safe(def, next, &j->in_order, in_order)
		kvfree(def);
	kvfree(j->batch);
	kfree(j);
}
