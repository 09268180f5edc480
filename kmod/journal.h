/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a durable broker: what is declared, on disk.
 *
 * Whoever declares something takes a definition with room on the disk for it first
 * (mqk_definition_begin()), outside of all locks; that is what may fail.  Then the
 * thing is made, and its definition put, which cannot fail and only takes note of it;
 * last, outside of all locks again, mqk_journal_flush() waits until the note is on the
 * disk.  What goes away is noted the same way; the room for that note was taken
 * with the definition, so that nothing has to stay because the disk is full.
 *
 * One work does all I/O: it writes the notes that there are in one go, flushes once
 * for all who wait, and writes a checkpoint into the other file when the one in use
 * has grown to twice what it says.  No lock is held meanwhile.
 *
 * The first error of a write or flush is final: nobody knows what is on the disk then.
 * From there on nothing durable can be declared, changed or removed (-EIO); what there
 * is goes on as it would in a transient broker.
 *
 * Life: made or read with its broker; closed when the broker is dead, which gives the
 * directory back, whoever still holds the broker; freed with it.
 *
 * Locks: lock (spin), for notes, room and the error; inside broker->mutex.  The rest
 * is the work's alone, and before it begins and after it has ended the broker's.
 */
#ifndef MQK_JOURNAL_H
#define MQK_JOURNAL_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/mqk_log.h>

struct mqk_dir;
struct mqk_journal;
struct mqk_refusal;
struct mqk_tenant;

/* What is to be written: a definition, or that it is gone. */
struct mqk_note {
	struct list_head link;
	bool forget;
};

/**
 * struct mqk_definition - something that is declared, as it is on disk
 * @in_order: all of them, in order of id; the work's
 * @put: note of it
 * @gone: note of its end
 * @journal: where it is
 * @tenant: who pays, NULL while nobody does
 * @old: what it replaces, or NULL
 * @promised: room on the disk that it has and has not used
 * @bytes: charged
 * @room: most bytes of the record
 * @record: the head of what is written; sequence number and checksum then
 * @whole: all of it
 */
struct mqk_definition {
	struct list_head in_order;
	struct mqk_note put;
	struct mqk_note gone;
	struct mqk_journal *journal;
	struct mqk_tenant *tenant;
	struct mqk_definition *old;
	u32 promised;
	u32 bytes;
	u32 room;
	union {
		struct mqk_log_record record;
		DECLARE_FLEX_ARRAY(u8, whole);
	};
};

struct mqk_journal {
	struct mqk_dir *dir;
	struct work_struct work;
	spinlock_t lock;
	struct list_head notes;
	u64 noted;			/* how many there were */
	u64 next_id;
	u64 room;			/* bytes on disk that nobody was promised */
	u64 promised;
	u64 wanted;			/* room that somebody waits for */
	int no_room;			/* why that was not to be had */
	int error;			/* final */
	bool closing;			/* no more notes */
	/* the work's */
	bool begun;			/* it may write */
	bool closed;			/* it has written the last */
	bool cut;			/* a torn tail is still there */
	unsigned int file;		/* which one is in use */
	u64 at;				/* where the next record goes */
	u64 end;			/* of the room in the file: for room, promised, and
					 * a last record
					 */
	u64 seq;			/* of the next record */
	u64 stable;			/* all up to here is on disk */
	u64 generation;
	u64 last_id;			/* highest that was written */
	u64 checkpoint_at;		/* not before the file is as long as this */
	u64 live_bytes;			/* of records in order */
	struct list_head in_order;
	u8 *batch;
	u32 seed;
	const char *broker;		/* its name, for the log */
};

struct mqk_journal *mqk_journal_make(struct mqk_dir *dir, const char *broker,
				     struct mqk_log_super *super,
				     struct mqk_refusal *why);
struct mqk_journal *mqk_journal_read(struct mqk_dir *dir, const char *broker,
				     struct mqk_log_super *super,
				     struct mqk_refusal *why);
int mqk_journal_begin(struct mqk_journal *j, struct mqk_refusal *why);
void mqk_journal_stop(struct mqk_journal *j);
void mqk_journal_close(struct mqk_journal *j);
void mqk_journal_free(struct mqk_journal *j);

struct mqk_journal *mqk_journal_alloc(struct mqk_dir *dir, const char *broker,
				      u32 seed);
struct mqk_definition *mqk_definition_alloc(struct mqk_journal *j, u32 size);
struct mqk_definition *mqk_definition_begin(struct mqk_journal *j, u32 size,
					    struct mqk_tenant *tenant,
					    struct mqk_refusal *why);
void mqk_definition_cancel(struct mqk_definition *def);
void mqk_definition_put(struct mqk_definition *def, struct mqk_definition *old);
void mqk_definition_forget(struct mqk_definition *def);
int mqk_definition_charge(struct mqk_definition *def, struct mqk_tenant *tenant,
			  struct mqk_refusal *why);
int mqk_journal_wait(struct mqk_journal *j, struct mqk_refusal *why);
int mqk_journal_error(struct mqk_journal *j, struct mqk_refusal *why);

/**
 * mqk_journal_flush() - wait until all that was noted is on the disk
 * @j: the journal; NULL: the broker is transient
 * @why: filled when it failed
 *
 * Context: may sleep; no locks.
 * Return: 0; -EIO when nobody knows what is on the disk
 */
static inline int mqk_journal_flush(struct mqk_journal *j, struct mqk_refusal *why)
{
	return j ? mqk_journal_wait(j, why) : 0;
}

#endif /* MQK_JOURNAL_H */
