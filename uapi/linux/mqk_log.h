/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * mqk: what the directory of a durable broker holds.
 *
 * Three regular files.  mqk.super says what the broker is; it is written when the
 * broker is made and never again.  mqk.journal.0 and mqk.journal.1 hold what was
 * declared: one of them is in use, the other is empty but while a checkpoint is
 * written.  All numbers are little-endian, all structures begin at a multiple of 8,
 * and what is reserved, or padding, is 0.
 *
 * Checksums are CRC32C (Castagnoli; begins with all ones, is inverted at the end)
 * and cover first the 16 bytes of the broker's uuid, so that a record of another
 * broker is none of this one's, then the structure from behind its checksum to its
 * end.
 *
 * A journal is a struct mqk_log_head and records behind it, without a gap.
 *
 * A record is valid
 *  1. if its size is a multiple of 8, at least that of its head and at most
 *     MQK_LOG_RECORD_MAX, and it ends within the file;
 *  2. if its checksum is right;
 *  3. if its sequence number is that of the record in front of it and one, or for
 *     the first one, first_seq of the file's head;
 *  4. if its type is known, what is reserved is 0, and what it holds is as the type
 *     says.
 *
 * The first record that is not valid is the end.  What lies behind it is a torn tail,
 * writes that nobody was told of, unless a record whose checksum is right says
 * (stable) that what is not valid was on the disk once: then the file is damaged.
 *
 * The records up to and with MQK_LOG_READY are the checkpoint: all that was declared
 * at that moment, in order of id.  A file without it holds no state: it was being
 * written.  If both files are complete, the one of the higher generation counts;
 * nothing was appended to it then.
 *
 * Documentation/durable.rst has the rules for who reads and writes them, and what
 * may be lost when.
 */
#ifndef _UAPI_LINUX_MQK_LOG_H
#define _UAPI_LINUX_MQK_LOG_H

#include <linux/types.h>

#define MQK_LOG_SUPER		"mqk.super"
#define MQK_LOG_JOURNAL_0	"mqk.journal.0"
#define MQK_LOG_JOURNAL_1	"mqk.journal.1"

#define MQK_LOG_SUPER_MAGIC	"mqksuper"	/* 8 bytes, without a 0 */
#define MQK_LOG_MAGIC		"mqkdefns"
#define MQK_LOG_UUID		16
#define MQK_LOG_RECORD_MAX	0x11000u	/* bytes of a record */
#define MQK_LOG_RECORD_ALIGN	8u
#define MQK_LOG_FILE_MAX	0x8000000u	/* bytes of a journal that is read */

/*
 * Features of the format.  Who does not know a bit of @incompat must leave the
 * directory alone, of @ro_compat may only read it; @compat may be ignored.  None is
 * defined yet.
 */
#define MQK_LOG_COMPAT		0
#define MQK_LOG_RO_COMPAT	0
#define MQK_LOG_INCOMPAT	0

/**
 * struct mqk_log_super - mqk.super, all of it
 * @magic: MQK_LOG_SUPER_MAGIC
 * @crc: checksum of what follows
 * @size: bytes of this structure
 * @compat: features that may be ignored
 * @ro_compat: features that who writes must know
 * @incompat: features that who reads must know
 * @uuid: random, of this broker
 * @created: nanoseconds since 1970
 * @segment_size: struct mqk_broker_create.segment_size, not 0
 * @sync: MQK_SYNC_*
 * @flags: MQK_LOG_SUPER_F_*
 * @limit: struct mqk_broker_create.limit, and 0 behind it
 * @resv: 0
 *
 * A file of no bytes: the broker was never made.
 */
struct mqk_log_super {
	__u8 magic[8];
	__le32 crc;
	__le32 size;
	__le64 compat;
	__le64 ro_compat;
	__le64 incompat;
	__u8 uuid[MQK_LOG_UUID];
	__le64 created;
	__le64 segment_size;
	__le32 sync;
	__le32 flags;
	__le64 limit[16];
	__u8 resv[304];
};

#define MQK_LOG_SUPER_F_NOMAP	0x1	/* readers get copies, none maps segments */

/**
 * struct mqk_log_head - what a journal begins with
 * @magic: MQK_LOG_MAGIC
 * @crc: checksum of what follows
 * @size: bytes of this structure
 * @generation: 1 for the first file, one more for each checkpoint
 * @first_seq: sequence number of the first record
 */
struct mqk_log_head {
	__u8 magic[8];
	__le32 crc;
	__le32 size;
	__le64 generation;
	__le64 first_seq;
};

/**
 * struct mqk_log_record - what a record begins with
 * @crc: checksum of what follows
 * @size: bytes of the record, a multiple of 8
 * @seq: sequence number
 * @stable: when this was written, all up to this number was on the disk; below @seq
 * @id: number of what is declared, rising from 1; READY: one more than the highest
 *	that was ever given; CLOSED: 0
 * @type: MQK_LOG_*
 * @resv: 0
 */
struct mqk_log_record {
	__le32 crc;
	__le32 size;
	__le64 seq;
	__le64 stable;
	__le64 id;
	__le16 type;
	__u8 resv[6];
};

#define MQK_LOG_EXCHANGE	1	/* declared; a struct mqk_log_definition follows */
#define MQK_LOG_QUEUE		2	/* declared; with an id that is there: changed */
#define MQK_LOG_BINDING		3	/* made; its ends have lower ids, or are those
					 * that every broker has
					 */
#define MQK_LOG_FORGET		4	/* what has this id is gone; the head is all */
#define MQK_LOG_READY		5	/* the checkpoint ends; the head is all */
#define MQK_LOG_CLOSED		6	/* the broker was closed; the head is all */

/**
 * struct mqk_log_definition - an exchange, a queue or a binding
 * @flags: MQK_LOG_F_*
 * @type: exchange: MQK_EXCHANGE_*; else 0
 * @payer: user who pays for it
 * @uid: exchange, queue: owner; else 0
 * @gid: exchange, queue: group; else 0
 * @mode: exchange, queue: permissions, 0 to 0777; else 0
 * @by_uid: exchange, queue: user with whose rights it passes messages on; else 0
 * @by_gid: that user's group
 * @args_len: bytes of encoded headers, a multiple of 8
 * @name_len: bytes of its name; binding: of the exchange that it leads from
 * @target_len: binding: bytes of the name of what it leads to; else 0
 * @key_len: binding: bytes of its key; else 0
 * @resv: 0
 *
 * Behind it follow name, target and key, without a gap, padding to a multiple of 8,
 * and the encoded headers, which are as struct mqk_exchange_declare,
 * mqk_queue_declare and mqk_bind say.  Users and groups are those of the initial
 * user namespace.
 */
struct mqk_log_definition {
	__le32 flags;
	__le32 type;
	__le32 payer;
	__le32 uid;
	__le32 gid;
	__le32 mode;
	__le32 by_uid;
	__le32 by_gid;
	__le32 args_len;
	__u8 name_len;
	__u8 target_len;
	__u8 key_len;
	__u8 resv;
};

#define MQK_LOG_F_AUTO_DELETE	0x1	/* exchange, queue */
#define MQK_LOG_F_INTERNAL	0x2	/* exchange */
#define MQK_LOG_F_PAUSED	0x4	/* queue */
#define MQK_LOG_F_TO_EXCHANGE	0x8	/* binding: leads to an exchange */
#define MQK_LOG_F_ALL_RIGHTS	0x10	/* exchange, queue: who declared it could pass
					 * any permission of an exchange or queue
					 */

#endif /* _UAPI_LINUX_MQK_LOG_H */
