/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * mqk - a message broker inside the kernel: the user interface.
 *
 * /dev/mqk/control makes and removes brokers; /dev/mqk/NAME is one broker.
 * Opening a broker's node makes a session.  A session declares exchanges,
 * queues and bindings, publishes through ports and receives through consumers.
 * Ports and consumers have memory shared with the kernel; the rules for every
 * word in it are in Documentation/rings.rst.
 *
 * Rules that hold for every call:
 *  - Each structure begins with size (bytes, as the caller knows the structure)
 *    and flags.  A structure longer than the kernel's is taken if the excess is
 *    zero (else E2BIG); a shorter one if it reaches the members of ABI 1 (else
 *    EINVAL); missing members count as zero.
 *  - Unknown flags and non-zero reserved members: EINVAL.  A bad pointer:
 *    EFAULT.  A known value that this kernel cannot do: EOPNOTSUPP.
 *  - A call that fails has no effect.  MQK_IOC_ERROR then tells which rule or
 *    limit refused it.  A structure that cannot be written back: EFAULT; one
 *    that goes away during the call only loses what it would have been told.
 *  - Pointers travel as __u64.  Names and keys are bytes with a length; a name
 *    has 1 to 255 bytes, none of them 0; a key 0 to 255 of any value.
 *  - Times are in nanoseconds, sizes in bytes.
 *
 * This file compiles as C89, as C++ and with -m32, with the same layout.
 */
#ifndef _UAPI_LINUX_MQK_H
#define _UAPI_LINUX_MQK_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when a meaning changes; additions only set feature bits. */
#define MQK_ABI			1

#define MQK_NAME_MAX		255	/* bytes of an exchange or queue name */
#define MQK_KEY_MAX		255	/* bytes of a routing or binding key */
#define MQK_KEY_WORDS_MAX	128	/* words of a topic key or pattern */
#define MQK_HEADERS_MAX		65528	/* bytes of encoded message headers */
#define MQK_EXCHANGE_ARGS_MAX	1024	/* bytes of an exchange's arguments */
#define MQK_BROKER_NAME_MAX	63	/* bytes of a broker's name */

/*
 * mmap offsets, which the calls tell, are below 1 << MQK_MAP_OFFSET_BITS and
 * multiples of 64 KiB, so that a 32-bit process reaches them: its mmap2(2) takes
 * 32 bits of pages of 4 KiB.  A session has fewer than 1 << 25 ports and as many
 * consumers.
 */
#define MQK_MAP_OFFSET_BITS	44

/* ------------------------------------------------------------------------
 * Records: how a message lies in a segment
 */

#define MQK_RECORD_ALIGN	64	/* records start at multiples of this */
#define MQK_RECORD_KEY		32	/* offset of the key in a record */

/* struct mqk_record.type */
#define MQK_RECORD_DATA		1
#define MQK_RECORD_NUMBER	3	/* no message, but of 64 bytes: the key, 8 bytes,
					 * is the number that the next message of
					 * the port's producer has; the rest is 0
					 */

/* struct mqk_record.flags, struct mqk_message.flags */
#define MQK_MSG_F_MANDATORY	0x1	/* report it when no queue is reached */
#define MQK_MSG_F_CC		0x2	/* the headers CC and BCC, strings or arrays
					 * of them, are further routing keys
					 */
#define MQK_KEYS_MAX		32	/* most further routing keys */
#define MQK_MSG_F_EXPIRATION	0x4	/* @expiration is set */
#define MQK_MSG_F_DELAY		0x8	/* @delay is set */
#define MQK_MSG_F_GROUP		0x10	/* it is of the group that its header group-id
					 * names: a string of 1 to MQK_ID_MAX bytes
					 */
#define MQK_MSG_F_ID		0x20	/* the property message-id counts: it is a
					 * string of 1 to MQK_ID_MAX bytes
					 */
#define MQK_ID_MAX		255	/* most bytes of such an id */

/**
 * struct mqk_record - the head of a message in a segment
 * @commit: the generation of the segment (struct mqk_port_segment) once the
 *	record is complete, 0 before.  Stored last, with release semantics;
 *	before that the @commit of the place behind this record is stored as 0,
 *	so that no stale byte can be taken for a record.
 * @payload_len: bytes of payload
 * @headers_len: bytes of encoded headers, a multiple of 8, at most
 *	MQK_HEADERS_MAX
 * @key_len: bytes of the routing key
 * @type: MQK_RECORD_DATA, or for a port of a producer MQK_RECORD_NUMBER
 * @flags: MQK_MSG_F_*
 * @exchange: id of the exchange (struct mqk_exchange_declare)
 * @priority: 0 to 255, delivered with the message
 * @resv0: 0
 * @expiration: with F_EXPIRATION: milliseconds that the message may wait in a
 *	queue; else 0
 * @delay: with F_DELAY: milliseconds until it takes its place in its queues; else 0
 * @key: the routing key; one longer than 32 bytes runs on behind the structure
 *
 * Behind the key follow, without a gap, padding to a multiple of 8, the
 * encoded headers, padding to a multiple of 64, the payload, and padding to
 * the next record (mqk_record_* below compute the offsets).  The kernel copies
 * the head once and uses only its copy.
 *
 * With MQK_MSG_F_CC it copies the headers, too, and if there are BCC writes them
 * back without those, before anybody gets the message.  EINVAL: malformed headers,
 * a CC or BCC of another type, more than MQK_KEYS_MAX keys, or one that is longer
 * than MQK_KEY_MAX.  With MQK_MSG_F_ID and MQK_MSG_F_GROUP it copies them as well;
 * EINVAL: malformed headers, or no such id.
 */
struct mqk_record {
	__u32 commit;
	__u32 payload_len;
	__u16 headers_len;
	__u8 key_len;
	__u8 type;
	__u32 flags;
	__u32 exchange;
	__u8 priority;
	__u8 resv0[3];
	__u32 expiration;
	__u32 delay;
	__u8 key[32];
};

/* Offset of the encoded headers in a record. */
#define MQK_RECORD_HEADERS(key_len) \
	((MQK_RECORD_KEY + (__u32)(key_len) + 7u) & ~7u)

/* Offset of the payload in a record. */
#define MQK_RECORD_PAYLOAD(key_len, headers_len) \
	((MQK_RECORD_HEADERS(key_len) + (__u32)(headers_len) + 63u) & ~63u)

/* Bytes that a record takes in a segment; a __u64, it cannot overflow. */
#define MQK_RECORD_SIZE(key_len, headers_len, payload_len) \
	(((__u64)MQK_RECORD_PAYLOAD(key_len, headers_len) + \
	  (__u64)(payload_len) + 63u) & ~(__u64)63u)

/* A reference to a record: number of the segment and offset in it. */
#define MQK_REF(segment, offset)	(((__u64)(segment) << 32) | (offset))
#define MQK_REF_SEGMENT(ref)		((__u32)((__u64)(ref) >> 32))
#define MQK_REF_OFFSET(ref)		((__u32)(ref))

/*
 * A number without this bit is one file as long as the broker lives, so that a
 * reader may keep it mapped.  One with it is a jumbo segment: it has one record,
 * larger than segment_size, and its number may be used again for another file
 * when that record is settled.
 */
#define MQK_SEGMENT_JUMBO	0x20000u

/*
 * Encoded headers: one after the other, each
 *	__u8 type; __u8 name_len; __u16 value_len; name; value; padding to 8.
 * value_len is in little-endian order.  Types as in AMQP 0-9-1 field tables.
 * Where a header would begin, 8 bytes of 0 are none, and left out.
 */
#define MQK_HEADER_BOOL		't'	/* 1 byte, 0 or 1 */
#define MQK_HEADER_BYTE		'b'	/* 1 byte, signed */
#define MQK_HEADER_SHORT	's'	/* 2 bytes, signed, little-endian */
#define MQK_HEADER_INT		'I'	/* 4 bytes, signed, little-endian */
#define MQK_HEADER_LONG		'l'	/* 8 bytes, signed, little-endian */
#define MQK_HEADER_FLOAT	'f'	/* 4 bytes, IEEE 754, little-endian */
#define MQK_HEADER_DOUBLE	'd'	/* 8 bytes, IEEE 754, little-endian */
#define MQK_HEADER_STRING	'S'	/* UTF-8 by convention, unchecked */
#define MQK_HEADER_BYTES	'x'	/* any bytes */
#define MQK_HEADER_TIMESTAMP	'T'	/* 8 bytes, seconds since 1970 */
#define MQK_HEADER_VOID		'V'	/* no value */
#define MQK_HEADER_ARRAY	'A'	/* encoded headers without names
					 * (name_len is 0)
					 */
#define MQK_HEADER_TABLE	'F'	/* encoded headers; no 8 bytes of 0 there */
#define MQK_HEADERS_DEPTH	4	/* arrays and tables, one in the other */

struct mqk_header {
	__u8 type;
	__u8 name_len;
	__u16 value_len;
};

/*
 * Properties of a message: headers of these names, strings unless said
 * otherwise; a header of such a name and another type is just a header.  None
 * but USER_ID means anything to the kernel.
 */
#define MQK_PROPERTY_CONTENT_TYPE	"content-type"
#define MQK_PROPERTY_CONTENT_ENCODING	"content-encoding"
#define MQK_PROPERTY_CORRELATION_ID	"correlation-id"
#define MQK_PROPERTY_REPLY_TO		"reply-to"	/* key of the default
							 * exchange
							 */
#define MQK_PROPERTY_MESSAGE_ID		"message-id"
#define MQK_PROPERTY_TIMESTAMP		"timestamp"	/* TIMESTAMP */
#define MQK_PROPERTY_TYPE		"type"
#define MQK_PROPERTY_USER_ID		"user-id"	/* LONG: the uid of
							 * struct mqk_delivery
							 */
#define MQK_PROPERTY_APP_ID		"app-id"
#define MQK_PROPERTY_GROUP_ID		"group-id"

/* ------------------------------------------------------------------------
 * Shared pages
 *
 * A K page is written by the kernel and mapped read-only; a U page is written
 * by the process.  Each word has one writer.  The letters (A)-(H) name the
 * barrier pairs of Documentation/rings.rst.
 */

/**
 * struct mqk_delivery - an entry of a consumer's delivery ring (K)
 * @pos: number of the entry from 1; stored last (A).  Entry n lies in slot
 *	(n - 1) & (entries - 1): a reader at position n polls that slot until
 *	@pos equals n.
 * @tag: delivery tag, rising; what is acknowledged
 * @seq: its place in the queue; of one with x-max-priority or x-mqk-levels, what is
 *	delivered earlier has a lower number: in its upper 8 bits is by how much its
 *	priority is below the highest, or its level, the place is below that
 * @queue: id of the queue it came from
 * @flags: MQK_DELIVERY_F_*
 * @ref: the record, as MQK_REF()
 * @payload_len: bytes of payload
 * @headers_len: bytes of encoded headers
 * @key_len: bytes of the routing key
 * @resv0: 0
 * @exchange: id of the exchange it was published to
 * @priority: 0 to 255, as its publisher set it
 * @resv1: 0
 * @count: earlier deliveries of this message from this queue, at most
 *	MQK_DELIVERY_COUNT_MAX
 * @uid: user who published it, in the initial user namespace
 * @pid: process that opened the publishing session, in the initial namespace
 *
 * The lengths are the kernel's own; the bytes of an in-place record are its
 * producer's until the segment is closed.
 */
struct mqk_delivery {
	__u64 pos;
	__u64 tag;
	__u64 seq;
	__u32 queue;
	__u32 flags;
	__u64 ref;
	__u32 payload_len;
	__u16 headers_len;
	__u8 key_len;
	__u8 resv0;
	__u32 exchange;
	__u8 priority;
	__u8 resv1;
	__u16 count;
	__u32 uid;
	__u32 pid;
};

#define MQK_DELIVERY_F_REDELIVERED	0x1	/* was delivered before */
#define MQK_DELIVERY_F_SETTLED		0x2	/* no acknowledgement wanted */
#define MQK_DELIVERY_COUNT_MAX		0xffffu

/**
 * struct mqk_ack - an entry of a consumer's acknowledgement ring (U)
 * @tag: delivery tag; 0 together with MULTIPLE: all that are unacknowledged
 * @op: MQK_ACK_*
 * @flags: MQK_ACK_F_*
 */
struct mqk_ack {
	__u64 tag;
	__u32 op;
	__u32 flags;
};

#define MQK_ACK_ACCEPT		1	/* done: take it out of the queue */
#define MQK_ACK_NACK		2	/* not processed: a benign return */
#define MQK_ACK_REJECT		3	/* failed: counts as a failed delivery */
#define MQK_ACK_F_MULTIPLE	0x1	/* this tag and all before it */
#define MQK_ACK_F_REQUEUE	0x2	/* NACK, REJECT: back to its old place,
					 * else dropped
					 */

/**
 * struct mqk_consumer_page - what the kernel tells a consumer (K)
 * @error: 0, or the negative errno that ended this consumer for good:
 *	-EINVAL unknown delivery tag or bad entry in the acknowledgement ring,
 *	-EPROTO a shared word out of range, -ENOENT the queue was deleted,
 *	-ESHUTDOWN the broker was removed
 * @flags: MQK_CONSUMER_PAGE_F_*
 * @kick_at: with F_KICK: once the acknowledgement ring's tail reaches this
 *	position (wrapping comparison of 32 bits) or the delivery ring runs dry,
 *	the kernel wants MQK_IOC_KICK
 * @resv: 0
 * @ack_head: acknowledgements taken (C); the ring has room for
 *	ack_entries - (ack_tail - ack_head) more
 */
struct mqk_consumer_page {
	__s32 error;
	__u32 flags;
	__u32 kick_at;
	__u32 resv;
	__u64 ack_head;
};

#define MQK_CONSUMER_PAGE_F_KICK	0x1	/* out of credit or room, or another one
						 * waits for what it acknowledges
						 */
#define MQK_CONSUMER_PAGE_F_CANCELLED	0x2	/* no more deliveries */

/**
 * struct mqk_consumer_user - what a consumer tells the kernel (U)
 * @head: deliveries that need not be kept any more (B): their slots may be
 *	overwritten, and those that wanted no acknowledgement are released
 * @awake: 1 while the reader polls the ring and wants no wake-up (D); 0, the
 *	default, before it sleeps
 * @resv: 0
 * @ack_tail: acknowledgements written (C)
 */
struct mqk_consumer_user {
	__u64 head;
	__u32 awake;
	__u32 resv[13];
	__u64 ack_tail;
};

/**
 * struct mqk_completion - an entry of a port's completion ring (K)
 * @pos: number of the entry from 1; stored last (E)
 * @seq: publish sequence number: the n-th message of the port has n, from 1
 * @type: MQK_COMPLETION_*
 * @flags: MQK_COMPLETION_F_*
 * @result: 0, or the negative errno of an ERROR, RETURN or NACK
 * @queues: CONFIRM without MULTIPLE, NACK: number of queues reached
 */
struct mqk_completion {
	__u64 pos;
	__u64 seq;
	__u32 type;
	__u32 flags;
	__s32 result;
	__u32 queues;
};

/*
 * Completions come in the order of seq; the RETURN of a message comes before the
 * CONFIRM that covers it.  Each message has one CONFIRM, NACK or ERROR.
 */
#define MQK_COMPLETION_CONFIRM	1	/* in all its queues */
#define MQK_COMPLETION_RETURN	2	/* mandatory, and no queue (-ENOENT):
					 * comes before its confirm
					 */
#define MQK_COMPLETION_ERROR	3	/* refused, in no queue */
#define MQK_COMPLETION_NACK	4	/* with CONFIRM: a queue that is full
					 * refused it (-ENOBUFS); the others
					 * have it
					 */
#define MQK_COMPLETION_F_MULTIPLE 0x1	/* all not yet reported up to @seq */

/**
 * struct mqk_port_page - what the kernel tells a producer (K)
 * @error: 0, or the negative errno that ended this port for good: -EPROTO a
 *	malformed record or a shared word out of range, -ESHUTDOWN the broker
 *	was removed, -ESTALE another port has the producer's name
 * @flags: MQK_PORT_PAGE_F_*
 * @position: bytes of the open segment that the kernel has taken
 * @reason: MQK_HELD_*: why the last call did not take all messages
 * @about: with HELD_QUEUE the id of the queue, with HELD_LIMIT the MQK_RES_*
 */
struct mqk_port_page {
	__s32 error;
	__u32 flags;
	__u64 position;
	__u32 reason;
	__u32 about;
};

#define MQK_PORT_PAGE_F_HELD	0x1	/* it is not worth trying again yet:
					 * MQK_WAIT_F_ROOM, or poll for POLLOUT
					 */

#define MQK_HELD_NOT		0
#define MQK_HELD_QUEUE		1	/* a queue that blocks has no room */
#define MQK_HELD_RING		2	/* the completion ring is full: read it */
#define MQK_HELD_LIMIT		3	/* EDQUOT, ENOSPC: looked at again after a while */

/**
 * struct mqk_port_user - what a producer tells the kernel (U)
 * @head: completions that were read (F)
 * @awake: as in struct mqk_consumer_user (D)
 * @resv: 0
 */
struct mqk_port_user {
	__u64 head;
	__u32 awake;
	__u32 resv;
};

/* ------------------------------------------------------------------------
 * Limits, resources and refusals
 */

/* What is counted, per user and per broker. */
#define MQK_RES_SESSIONS	0
#define MQK_RES_PORTS		1
#define MQK_RES_CONSUMERS	2
#define MQK_RES_EXCHANGES	3
#define MQK_RES_QUEUES		4
#define MQK_RES_BINDINGS	5
#define MQK_RES_MESSAGES	6	/* entries of queues, in grants of 64 */
#define MQK_RES_BYTES		7	/* segments and queue indexes */
#define MQK_RES_MAPPED		8	/* rings */
#define MQK_RES_NR		9

/* Whose limit, or which rule, refused a call: struct mqk_error.rule */
#define MQK_RULE_NONE		0
#define MQK_RULE_USER_LIMIT	1	/* EDQUOT: resource and limits are set */
#define MQK_RULE_BROKER_LIMIT	2	/* ENOSPC: resource and limits are set */
#define MQK_RULE_PERMISSION	3	/* EACCES: mode of the object or node;
					 * EPERM: BROKER_*
					 */
#define MQK_RULE_RESERVED_NAME	4	/* EACCES: amq.*, default exchange */
#define MQK_RULE_INEQUIVALENT	5	/* EINVAL: declared otherwise before */
#define MQK_RULE_NO_EXCHANGE	6	/* ENOENT */
#define MQK_RULE_NO_QUEUE	7	/* ENOENT */
#define MQK_RULE_LOCKED		8	/* EBUSY: exclusive to another session */
#define MQK_RULE_IN_USE		9	/* EBUSY: IF_UNUSED, IF_EMPTY, sessions;
					 * EACCES: an exclusive consumer
					 */
#define MQK_RULE_BAD_NAME	10	/* EINVAL, ENAMETOOLONG */
#define MQK_RULE_BAD_TYPE	11	/* EINVAL: exchange type */
#define MQK_RULE_BAD_PATTERN	12	/* EINVAL: topic pattern */
#define MQK_RULE_BAD_ARGUMENT	13	/* EINVAL: unknown or bad argument */
#define MQK_RULE_TOO_LARGE	14	/* EMSGSIZE */
#define MQK_RULE_TARGETS	15	/* EMLINK: more queues than one may reach */
#define MQK_RULE_UNKNOWN_TAG	16	/* EINVAL */
#define MQK_RULE_BROKEN		17	/* EPROTO: this ring was broken before */
#define MQK_RULE_EXISTS		18	/* EEXIST: there is such a broker */
#define MQK_RULE_NO_BROKER	19	/* ENOENT */
#define MQK_RULE_BROKERS	20	/* ENOSPC: limit and used are set */
#define MQK_RULE_HOPS		21	/* ELOOP: more exchanges than one may pass */
#define MQK_RULE_SINGLE_ACTIVE	22	/* EBUSY: get from a queue that one consumer
					 * alone is given messages of
					 */
#define MQK_RULE_FENCED		23	/* ESTALE: another port has the producer's name */
#define MQK_RULE_GAP		24	/* ERANGE: limit is the number that comes next,
					 * used the one that came
					 */
#define MQK_RULE_PRODUCERS	25	/* EDQUOT: limit and used are set */
#define MQK_RULE_HELD		26	/* EAGAIN: used is the id of a queue that is full
					 * and blocks
					 */
#define MQK_RULE_DIRECTORY	27	/* the directory, or a file in it, cannot be what
					 * is asked for: EBADF, ENOTDIR, EINVAL, ENOENT,
					 * EEXIST, EBUSY and errors of the file system;
					 * EINVAL also: CLOSE of a transient broker,
					 * DELETE of a durable one
					 */
#define MQK_RULE_SYNC		28	/* EOPNOTSUPP: MQK_SYNC_* that is not built yet */
#define MQK_RULE_FORMAT		29	/* EOPNOTSUPP: a later version wrote the files */
#define MQK_RULE_DAMAGED	30	/* EUCLEAN: limit is the file (0 mqk.super, 1 and 2
					 * the journals), used the place in it
					 */
#define MQK_RULE_JOURNAL	31	/* reading, writing or flushing the journal failed;
					 * EIO: now or before, for good
					 */
#define MQK_RULE_NO_TX		32	/* EINVAL: the session has no transaction */
#define MQK_RULE_IN_TX		33	/* EBUSY: it has one, or one that is being ended */
#define MQK_RULE_TX_LIMIT	34	/* EOVERFLOW: limit and used are set */
#define MQK_RULE_FULL		35	/* ENOSPC: used is the id of a queue that refuses
					 * a message of a transaction
					 */
#define MQK_RULE_TAKEN_BACK	36	/* ESTALE: a message that a transaction settles is
					 * not its consumer's any more
					 */
#define MQK_RULE_NR		37

/**
 * struct mqk_error - MQK_IOC_ERROR: why the last failed call of this session, or
 *	of this open control node, was refused
 * @size: bytes of this structure
 * @flags: 0
 * @error: positive errno of that call, 0 when none has failed
 * @rule: MQK_RULE_*
 * @resource: MQK_RES_*, when a limit refused
 * @resv: 0
 * @limit: the limit
 * @used: what was in use already
 *
 * Threads that share a descriptor share this as well.
 */
struct mqk_error {
	__u32 size;
	__u32 flags;
	__u32 error;
	__u32 rule;
	__u32 resource;
	__u32 resv;
	__aligned_u64 limit;
	__aligned_u64 used;
};

/* ------------------------------------------------------------------------
 * Calls on /dev/mqk/control
 */

/**
 * struct mqk_query - MQK_IOC_QUERY: what this kernel does (any node)
 * @size: bytes of this structure
 * @flags: 0
 * @abi: MQK_ABI
 * @access: MQK_ACCESS_* of this session; 0 on the control node
 * @features: MQK_FEATURE_*
 * @segment_size: bytes of a segment of this broker; 0 on the control node
 * @segment_base: mmap offset of segment 0
 * @segment_shift: segment n is mapped at @segment_base + (n << @segment_shift);
 *	that is its name, not a place: it may be longer than the distance to the
 *	next, and is mapped from its beginning only
 * @ring_max: most entries of a ring
 * @message_max: most bytes of a record
 * @targets_max: most queues that one message reaches
 * @prefetch_max: most unacknowledged messages of a consumer
 * @publish_max: most messages in one MQK_IOC_PUBLISH
 * @resv: 0
 * @user_limit: limits of this user, by MQK_RES_*
 * @user_used: what this user uses
 * @broker_limit: limits of this broker; 0 on the control node
 * @broker_used: what is in use; 0 on the control node
 */
struct mqk_query {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 access;
	__aligned_u64 features;
	__aligned_u64 segment_size;
	__aligned_u64 segment_base;
	__u32 segment_shift;
	__u32 ring_max;
	__aligned_u64 message_max;
	__u32 targets_max;
	__u32 prefetch_max;
	__u32 publish_max;
	__u32 resv;
	__aligned_u64 user_limit[MQK_RES_NR];
	__aligned_u64 user_used[MQK_RES_NR];
	__aligned_u64 broker_limit[MQK_RES_NR];
	__aligned_u64 broker_used[MQK_RES_NR];
};

#define MQK_ACCESS_READ		0x1	/* may consume */
#define MQK_ACCESS_WRITE	0x2	/* may publish */
#define MQK_ACCESS_MAP		0x4	/* may map segments to read them */

#define MQK_FEATURE_INPLACE	0x1	/* ports that publish in place */
#define MQK_FEATURE_COPY	0x2	/* consumers that get copies */
#define MQK_FEATURE_JUMBO	0x4	/* records larger than a segment */
#define MQK_FEATURE_BROWSE	0x8	/* MQK_IOC_BROWSE */
#define MQK_FEATURE_LIST	0x10	/* MQK_IOC_BINDING_LIST, _CONSUMER_LIST,
					 * _PRODUCER_LIST
					 */
#define MQK_FEATURE_EXCHANGES	0x20	/* bindings between exchanges, alternate
					 * and headers exchanges
					 */
#define MQK_FEATURE_CC		0x40	/* MQK_MSG_F_CC */
#define MQK_FEATURE_HASH	0x80	/* consistent-hash exchanges */
#define MQK_FEATURE_QUEUE_SET	0x100	/* MQK_IOC_QUEUE_SET */
#define MQK_FEATURE_REPLY	0x200	/* MQK_DECLARE_F_REPLY, and user ids that
					 * are checked
					 */
#define MQK_FEATURE_WILL	0x400	/* MQK_IOC_WILL */
#define MQK_FEATURE_CONSUMER_ARGS 0x800	/* arguments of consumers */
#define MQK_FEATURE_DEAD_LETTER	0x1000	/* x-dead-letter-exchange, MQK_HEADER_TABLE */
#define MQK_FEATURE_REDRIVE	0x2000	/* MQK_IOC_QUEUE_REDRIVE */
#define MQK_FEATURE_PRIORITY	0x4000	/* x-max-priority of queues */
#define MQK_FEATURE_DELAY	0x8000	/* MQK_MSG_F_DELAY, MQK_IOC_QUEUE_CANCEL */
#define MQK_FEATURE_LEVELS	0x10000	/* x-mqk-levels of queues */
#define MQK_FEATURE_GROUPS	0x20000	/* x-mqk-groups of queues, MQK_MSG_F_GROUP */
#define MQK_FEATURE_PRODUCER	0x40000	/* ports of producers */
#define MQK_FEATURE_BLOCK	0x80000	/* x-overflow block, MQK_WAIT_F_ROOM, POLLOUT */
#define MQK_FEATURE_DEDUP	0x100000 /* x-mqk-dedup-window of queues */
#define MQK_FEATURE_TX		0x200000 /* MQK_IOC_TX */
#define MQK_FEATURE_LAST_VALUE	0x400000 /* last-value exchanges */
#define MQK_FEATURE_EVENTS	0x800000 /* the exchange amq.mqk.event */
#define MQK_FEATURE_WILL_DELAY	0x1000000 /* struct mqk_will.delay */
#define MQK_FEATURE_DURABLE	0x4000000 /* MQK_BROKER_F_DIR, MQK_IOC_BROKER_OPEN, _CLOSE;
					   * what is declared is kept, messages are not
					   */
#define MQK_FEATURE_TRACE	0x8000000 /* the exchange amq.mqk.trace */

/**
 * struct mqk_broker_create - MQK_IOC_BROKER_CREATE
 * @size: bytes of this structure
 * @flags: MQK_BROKER_F_*
 * @name: pointer to the name, letters, digits, '-', '_' and '.', not beginning
 *	with '.', other than "control"
 * @name_len: its bytes, 1 to MQK_BROKER_NAME_MAX
 * @mode: permissions of the node, 0000 to 0777; 0 with @flags F_MODE unset: 0600
 * @uid: owner of the node with F_OWNER, else the caller
 * @gid: group of the node with F_OWNER, else the caller's
 * @segment_size: power of two from 64 KiB to 64 MiB; 0: 1 MiB
 * @limit: limits by MQK_RES_*; 0: the default
 * @dir: with F_DIR: a descriptor of the directory that keeps the broker, opened to be
 *	read; the caller may write there
 * @sync: with F_DIR: MQK_SYNC_*: what is kept of messages
 *
 * With F_DIR the broker is durable: exchanges, queues and bindings that are declared
 * so are there again when it is opened (MQK_IOC_BROKER_OPEN), on the disk before the
 * call that declares them returns.  Of messages nothing is kept yet.
 *
 * EEXIST: there is such a broker, or with F_DIR there is one in the directory.
 * EINVAL: name, mode, owner without F_OWNER or unknown, segment size, @dir or @sync
 * without F_DIR; something in the directory has the name of a broker's file and is
 * not one.  EBADF, ENOTDIR: @dir.  EBUSY: who makes a broker there, or a tool, has it.
 * EOPNOTSUPP: @sync.  ENOSPC: too many brokers, or @limit has no room for the
 * seven exchanges that a broker begins with.  EDQUOT: the caller's limit of
 * exchanges.  EPERM: owner is not the caller, who may not chown.
 */
struct mqk_broker_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__aligned_u64 segment_size;
	__aligned_u64 limit[MQK_RES_NR];
	__s32 dir;
	__u32 sync;
};

#define MQK_SYNC_NONE		0	/* messages are in memory only */
#define MQK_SYNC_CACHE		1	/* in the page cache of files: not built yet */
#define MQK_SYNC_DISK		2	/* on the disk when confirmed: not built yet */

#define MQK_BROKER_F_MODE	0x1	/* @mode is set */
#define MQK_BROKER_F_OWNER	0x2	/* @uid and @gid are set */
#define MQK_BROKER_F_NOMAP	0x4	/* readers get copies, none maps segments */
#define MQK_BROKER_F_DIR	0x8	/* @dir is set: it is durable */

/**
 * struct mqk_broker_delete - MQK_IOC_BROKER_DELETE
 * @size: bytes of this structure
 * @flags: MQK_BROKER_DELETE_F_*
 * @name: pointer to the name
 * @name_len: its bytes
 * @resv: 0
 *
 * MQK_IOC_BROKER_CLOSE is the same for a durable broker, of which the files stay.
 *
 * ENOENT: no such broker.  EBUSY: it has sessions and F_FORCE is unset.  EPERM:
 * the caller neither made it nor has CAP_SYS_ADMIN.  EINVAL: DELETE of a durable
 * broker (close it, and remove its files), CLOSE of another one.
 */
struct mqk_broker_delete {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 resv;
};

#define MQK_BROKER_DELETE_F_FORCE 0x1	/* end its sessions: ESHUTDOWN */

/**
 * struct mqk_broker_open - MQK_IOC_BROKER_OPEN: open a durable broker that was closed,
 *	or that ended with the module or the machine
 * @size: bytes of this structure
 * @flags: MQK_BROKER_F_MODE, _OWNER
 * @name: pointer to its name, as in struct mqk_broker_create; it may be another one
 *	than before
 * @name_len: its bytes
 * @mode: permissions of the node, as in struct mqk_broker_create
 * @uid: owner of the node with F_OWNER, else the caller
 * @gid: group of the node with F_OWNER, else the caller's
 * @dir: a descriptor of the directory that keeps it
 * @resv: 0
 *
 * What the files say of users is believed as far as the caller may say it: EPERM when
 * others than the caller own, declared or pay for what is kept, without CAP_CHOWN; or
 * when it was declared with all rights, without CAP_DAC_OVERRIDE.  So who has those:
 * open only what nobody else can have written.
 *
 * EEXIST: there is such a broker.  ENOENT: the directory has none.  EBUSY: it is open
 * already, or a tool has it.  EINVAL, EBADF, ENOTDIR, EPERM also: as in
 * struct mqk_broker_create.  EUCLEAN: the files are damaged; mqk-fsck(8) says how.
 * EOPNOTSUPP: a later version wrote them.  EDQUOT, ENOSPC: a limit has no room for what
 * was declared, or the disk none for its end.  EACCES, EROFS, EIO and others of the
 * file system.
 */
struct mqk_broker_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__s32 dir;
	__u32 resv;
};

/**
 * struct mqk_broker_next - MQK_IOC_BROKER_NEXT: the broker after @id
 * @size: bytes of this structure
 * @flags: out: MQK_BROKER_F_NOMAP, _DIR
 * @id: in: 0 or the last one's; out: this one's
 * @name_len: in: room at @name; out: bytes of the name
 * @name: pointer to where the name goes
 * @segment_size: bytes of a segment
 * @used: what is in use, by MQK_RES_*
 * @limit: limits, by MQK_RES_*
 *
 * ENOENT: no more.  ERANGE: @name_len is too small.
 */
struct mqk_broker_next {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 name_len;
	__aligned_u64 name;
	__aligned_u64 segment_size;
	__aligned_u64 used[MQK_RES_NR];
	__aligned_u64 limit[MQK_RES_NR];
};

/* ------------------------------------------------------------------------
 * Exchanges, queues, bindings
 */

#define MQK_EXCHANGE_DIRECT	1
#define MQK_EXCHANGE_FANOUT	2
#define MQK_EXCHANGE_TOPIC	3
#define MQK_EXCHANGE_HEADERS	4
#define MQK_EXCHANGE_HASH	5	/* "x-consistent-hash" */
#define MQK_EXCHANGE_LAST_VALUE	6	/* "x-last-value" */
#define MQK_EXCHANGE_SYSTEM	7	/* the broker's own: nobody declares one, or
					 * publishes to it
					 */

#define MQK_DECLARE_F_PASSIVE		0x01	/* only look it up */
#define MQK_DECLARE_F_DURABLE		0x02	/* a durable broker keeps it, unless
						 * it is exclusive; elsewhere a
						 * property
						 */
#define MQK_DECLARE_F_AUTO_DELETE	0x04	/* goes with its last binding
						 * (exchange) or consumer (queue)
						 */
#define MQK_DECLARE_F_INTERNAL		0x08	/* exchange: not published to */
#define MQK_DECLARE_F_EXCLUSIVE		0x10	/* queue: of this session alone */
#define MQK_DECLARE_F_MODE		0x20	/* @mode is set */
#define MQK_DECLARE_F_REPLY		0x40	/* queue: for replies; see below */

/* struct mqk_queue_next.flags, beside MQK_DECLARE_F_* */
#define MQK_QUEUE_F_PAUSED		0x10000	/* MQK_QUEUE_SET_F_PAUSE */

/**
 * struct mqk_exchange_declare - MQK_IOC_EXCHANGE_DECLARE
 * @size: bytes of this structure
 * @flags: MQK_DECLARE_F_* but EXCLUSIVE and REPLY
 * @name: pointer to the name
 * @args: pointer to encoded headers: the arguments
 * @name_len: bytes of the name
 * @args_len: bytes of the arguments, at most MQK_EXCHANGE_ARGS_MAX
 * @type: MQK_EXCHANGE_*; ignored with PASSIVE when 0
 * @mode: permissions 0000 to 0777: r bind from it, w publish to it, x delete
 *	it; 0766 when F_MODE is unset
 * @id: out: id of the exchange, for records and messages
 * @resv: 0
 *
 * Arguments, each at most once; with PASSIVE they mean nothing:
 *  - alternate-exchange, a string: name of the exchange to which messages go on
 *    that find no binding.  It need not be there yet; and must let who declares
 *    this exchange publish to it, else it is as if it were not there.
 *  - x-mqk-dialect, a string, topic and last-value exchanges: "amqp", or "mqtt": patterns of
 *    words between '/', '+' for one and '#' for all further ones; none of them
 *    first matches a key that begins with '$'.  A key that is no topic name in
 *    MQTT (empty, with '+', '#' or a 0 byte) matches nothing.
 *  - hash-header, a string, hash exchanges: name of the header whose text chooses
 *    where a message goes, in place of its key; without it, or where it is no
 *    text, as an empty one.
 *  - x-recent-history-length, a whole number from 1 to 1,024, last-value exchanges:
 *    how many messages of a key are remembered; 1 without it.
 *
 * The default exchange, whose name is empty, can only be looked up.
 * EACCES: name is empty, or begins with "amq." and there is none of that name;
 * node opened without write permission; not so with PASSIVE.  EINVAL: exists with other properties, unknown type or argument,
 * name.  ENAMETOOLONG.  ENOENT: PASSIVE, and there is none.  EDQUOT, ENOSPC:
 * limit.
 */
struct mqk_exchange_declare {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__aligned_u64 args;
	__u32 name_len;
	__u32 args_len;
	__u32 type;
	__u32 mode;
	__u32 id;
	__u32 resv;
};

/**
 * struct mqk_queue_declare - MQK_IOC_QUEUE_DECLARE
 * @size: bytes of this structure
 * @flags: MQK_DECLARE_F_* but INTERNAL
 * @name: pointer to the name
 * @args: pointer to encoded headers: the arguments
 * @name_len: bytes of the name; 0: the kernel makes one ("amq.gen-...")
 * @args_len: bytes of the arguments
 * @mode: permissions 0000 to 0777: r consume, get, browse and purge; w bind it;
 *	x delete and change it; 0700 when F_MODE is unset
 * @id: out: id of the queue
 * @made_name: pointer to MQK_NAME_MAX bytes for a name made by the kernel,
 *	or 0
 * @made_name_len: out: bytes of that name
 * @consumers: out: consumers
 * @ready: out: messages ready for delivery
 *
 * Arguments, numbers of any whole type from 0:
 *	x-max-length		most messages that are ready for delivery; where new
 *				ones are refused, scheduled ones count, too
 *	x-max-length-bytes	most payload bytes of those
 *	x-overflow		string; when there would be more: "drop-head", the
 *				default: what would be delivered next is dropped;
 *				"reject-publish": the new one is refused (NACK);
 *				"reject-publish-dlx": the same, and it is dead
 *				"block": its publisher waits for room, and nothing of
 *				its route has it before (EAGAIN, MQK_WAIT_F_ROOM)
 *	x-mqk-block-timeout	ms, 0 to 2^32 - 1, the default; after which it is
 *				refused by all of them (NACK)
 *	x-max-priority		0 to 31; messages of a higher priority go first, those
 *				of one in order; a higher one than this counts as this.
 *				0: all are alike.  May not change
 *	x-mqk-levels		2 to 32; a message begins on the highest level; each
 *				x-mqk-demote-after failures take it one level down, and
 *				from the last one it is dropped, or dead.  Higher levels
 *				go first, on one level older ones; one that was passed
 *				over eight times in a row has its turn.  Not with
 *				x-max-priority, nor with x-delivery-limit.  May not
 *				change
 *	x-mqk-demote-after	1 to 65535; 3 unless it is said.  May not change
 *	x-mqk-groups		bool; messages of one group (MQK_MSG_F_GROUP) go to one
 *				consumer as long as it holds any of them, in order.
 *				Not with x-max-priority, nor with x-mqk-levels.  May
 *				not change
 *	x-dead-letter-exchange	string: the exchange, there or not, through which goes
 *				what dies in the queue: what is settled with NACK or
 *				REJECT and without REQUEUE, has expired, is too much,
 *				or has failed too often; with the rights of who names
 *				it.  Headers tell of it (x-death, x-first-death-*,
 *				x-last-death-*), and it does not expire again.  Where
 *				this leads nowhere, and without it, it is gone
 *	x-dead-letter-routing-key string: its key, and CC is left out; needs the exchange
 *	x-single-active-consumer bool; one consumer alone is given messages: that of
 *				the highest priority, the first among equals; get is
 *				EBUSY.  May not change while the queue lives
 *	x-mqk-handover		string; when another one takes over: "drain", the default:
 *				once the one before has settled all it holds;
 *				"force": at once.  May not change
 *
 * A queue for replies (REPLY, with EXCLUSIVE and no name, neither PASSIVE nor
 * DURABLE) gets a name of which nobody can guess the last 32 bytes, and which only
 * this session is told: lists show others what comes before those.  Who is sent
 * the name, as the property reply-to of a request, can publish to it through the
 * default exchange; when the session ends, nobody can.  It cannot be bound
 * (EACCES, rule RESERVED_NAME).
 *	x-message-ttl		milliseconds, below 2^32: so long may a message be
 *				ready; then it is dropped
 *	x-expires		milliseconds, 1 and more, below 2^32: when nobody has
 *				used the queue for so long, it is deleted: no
 *				consumers, not declared, no MQK_IOC_GET
 *	x-delivery-limit	to 65535: a message that fails more often is dropped.
 *				It fails by REJECT with REQUEUE, and with a consumer
 *				that is not closed but whose session ends, or that
 *				is broken
 *	x-mqk-retry-delay	milliseconds, below 2^32: after failure n a message
 *				waits n times as long, then is ready in its old place
 *	x-mqk-retry-max		the same; at most so long
 *	x-mqk-retry-backoff	string; "linear", the default, or "exponential":
 *				2^(n - 1) times as long
 *	x-consumer-timeout	milliseconds, 1 and more, below 2^32: a message that
 *				is unacknowledged for so long returns, and has not
 *				failed; acknowledging it later means nothing
 *	x-mqk-dedup-window	milliseconds, below 2^32; 0: none: a message with
 *				MQK_MSG_F_ID whose id the queue has taken within so
 *				long does not enter it, and is confirmed; of 65,536
 *				ids at most, then the oldest is forgotten
 *
 * EACCES: name begins with "amq." and there is none of that name; not so with
 * PASSIVE.  EBUSY: exclusive to another session.  EINVAL: exists with other properties, unknown
 * argument, name.  ENAMETOOLONG.  ENOENT: PASSIVE, and there is none.  EDQUOT,
 * ENOSPC: limit.
 */
struct mqk_queue_declare {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__aligned_u64 args;
	__u32 name_len;
	__u32 args_len;
	__u32 mode;
	__u32 id;
	__aligned_u64 made_name;
	__u32 made_name_len;
	__u32 consumers;
	__aligned_u64 ready;
};

/**
 * struct mqk_delete - MQK_IOC_EXCHANGE_DELETE, MQK_IOC_QUEUE_DELETE,
 *	MQK_IOC_QUEUE_PURGE
 * @size: bytes of this structure
 * @flags: MQK_DELETE_F_*; 0 for PURGE
 * @name: pointer to the name
 * @name_len: bytes of the name
 * @resv: 0
 * @messages: out: messages that were ready and are gone
 *
 * To delete what does not exist succeeds; to purge it is ENOENT.  Purging
 * leaves unacknowledged messages alone.  EACCES: permission; an exchange whose
 * name is empty or begins with "amq.", whether there is one or not (queues of such
 * names can be deleted).  EBUSY: IF_UNUSED and the exchange has bindings, or the
 * queue consumers; IF_EMPTY and the queue has ready messages; exclusive to another
 * session.
 */
struct mqk_delete {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 resv;
	__aligned_u64 messages;
};

#define MQK_DELETE_F_IF_UNUSED	0x1
#define MQK_DELETE_F_IF_EMPTY	0x2

/**
 * struct mqk_queue_set - MQK_IOC_QUEUE_SET: change a queue while it lives
 * @size: bytes of this structure
 * @flags: MQK_QUEUE_SET_F_*
 * @name: pointer to the name
 * @args: pointer to encoded headers: the arguments that change
 * @name_len: bytes of the name
 * @args_len: bytes of the arguments; 0: all stay as they are
 *
 * Arguments that may change are x-max-length, x-max-length-bytes, x-overflow,
 * x-dead-letter-exchange, x-dead-letter-routing-key, x-mqk-block-timeout,
 * x-message-ttl, x-expires, x-delivery-limit, x-consumer-timeout, x-mqk-dedup-window
 * and x-mqk-retry-delay, -max, -backoff of struct mqk_queue_declare; the others stay.  One of type void is
 * taken away, as if it had never been given.  A shorter length takes effect before
 * the call returns, or soon after when that drops very many messages; other times and
 * limits for messages that come, are delivered, return or fail from then on.
 * Changing arguments is a use of the queue (x-expires).  Declaring the queue again
 * compares with what they are then.
 *
 * A paused queue (F_PAUSE) delivers nothing, and gives nothing to get (EAGAIN),
 * until it is resumed (F_RESUME); all else goes on.  What it is already, it stays.
 *
 * All of it is done, or nothing.  ENOENT: no such queue.  EACCES: permission (x on
 * the queue).  EBUSY: exclusive to another session.  EINVAL: an argument that is
 * unknown, may not change, or would not do in a declaration; both flags; name.
 * ENAMETOOLONG.  EDQUOT, ENOSPC: limit, for what is to be known of messages then.
 */
struct mqk_queue_set {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__aligned_u64 args;
	__u32 name_len;
	__u32 args_len;
};

#define MQK_QUEUE_SET_F_PAUSE	0x1
#define MQK_QUEUE_SET_F_RESUME	0x2

/**
 * struct mqk_queue_cancel - MQK_IOC_QUEUE_CANCEL: drop scheduled messages of an id
 * @size: bytes of this structure
 * @flags: 0
 * @name: pointer to the queue's name
 * @id: pointer to the id
 * @name_len: bytes of the name
 * @id_len: bytes of the id, 1 to MQK_ID_MAX
 * @messages: out: how many are gone
 *
 * Those are meant that were published with a delay and MQK_MSG_F_ID, and are not due.
 * There may be none.  ENOENT: no such queue.  EACCES: permission (r on the queue).
 * EBUSY: exclusive to another session.  EINVAL: @id_len, name.  ENAMETOOLONG.
 */
struct mqk_queue_cancel {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__aligned_u64 id;
	__u32 name_len;
	__u32 id_len;
	__aligned_u64 messages;
};

/**
 * struct mqk_queue_redrive - MQK_IOC_QUEUE_REDRIVE: move dead letters back
 * @size: bytes of this structure
 * @flags: 0
 * @name: pointer to the name
 * @name_len: bytes of the name
 * @resv: 0
 * @count: in: how many at most; out: how many were moved
 *
 * Ready messages, oldest first, that have died (x-death) go to the end of the queue
 * that they died in last, as new ones, with their x-death.  Those whose queue is not
 * there stay, as do all behind one that its queue refuses.  ENOENT: no such queue.
 * EACCES: permission (r on the queue, w on the default exchange).  EBUSY: exclusive to
 * another session.  EINTR, EDQUOT, ENOMEM: before the first was moved; afterwards
 * @count is smaller.
 */
struct mqk_queue_redrive {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 resv;
	__aligned_u64 count;
};

/**
 * struct mqk_bind - MQK_IOC_BIND, MQK_IOC_UNBIND
 * @size: bytes of this structure
 * @flags: MQK_BIND_F_*
 * @exchange: pointer to the exchange's name
 * @queue: pointer to the queue's name; with F_EXCHANGE, to the name of the
 *	exchange that messages go on to
 * @key: pointer to the binding key
 * @args: pointer to encoded headers: the arguments
 * @exchange_len: bytes of the exchange's name
 * @queue_len: bytes of the queue's name
 * @key_len: bytes of the key
 * @args_len: bytes of the arguments
 *
 * A binding is known by all four.  Making one twice, or removing one that is
 * not there, succeeds.  A message goes through each exchange once, and comes to
 * each queue once.  A new binding from a last-value exchange is given what that
 * remembers and matches, before the call returns; that takes a port for as long, and
 * a queue is given all or, with the error of a limit, nothing.  ENOENT: no such
 * exchange or queue.  EACCES: default
 * exchange at either end, permission (r on the exchange, w on the queue or the
 * other exchange).  EINVAL: topic pattern; of a hash exchange, a key that is no
 * weight (decimal, 1 to 100).  EMLINK: its weights would be over 4,096 together.  EBUSY: queue exclusive to another session.  EDQUOT, ENOSPC: limit.
 */
struct mqk_bind {
	__u32 size;
	__u32 flags;
	__aligned_u64 exchange;
	__aligned_u64 queue;
	__aligned_u64 key;
	__aligned_u64 args;
	__u32 exchange_len;
	__u32 queue_len;
	__u32 key_len;
	__u32 args_len;
};

#define MQK_BIND_F_EXCHANGE	0x1	/* to another exchange */

/**
 * struct mqk_route_query - MQK_IOC_ROUTE: the queues that a message would reach
 * @size: bytes of this structure
 * @flags: 0 or MQK_MSG_F_CC
 * @exchange: pointer to the exchange's name
 * @key: pointer to the routing key
 * @headers: pointer to encoded headers
 * @exchange_len: bytes of the name
 * @key_len: bytes of the key
 * @headers_len: bytes of the headers
 * @count: in: room at @ids; out: number of queues, also when that is more
 * @ids: pointer to __u32[@count], filled with ids of queues
 *
 * ENOENT, EACCES, ELOOP, EINVAL as publishing to it; EMLINK: more than targets_max.
 */
struct mqk_route_query {
	__u32 size;
	__u32 flags;
	__aligned_u64 exchange;
	__aligned_u64 key;
	__aligned_u64 headers;
	__u32 exchange_len;
	__u32 key_len;
	__u32 headers_len;
	__u32 count;
	__aligned_u64 ids;
};

/* struct mqk_*_next.flags */
#define MQK_NEXT_F_EXACT	0x80000000u	/* this id, not the one after */

/**
 * struct mqk_exchange_next - MQK_IOC_EXCHANGE_NEXT: the exchange after @id
 * @size: bytes of this structure
 * @flags: in: 0 or MQK_NEXT_F_EXACT; out: MQK_DECLARE_F_*
 * @id: in: 0 or the last one's; out: this one's
 * @type: MQK_EXCHANGE_*
 * @name: pointer to MQK_NAME_MAX bytes for the name
 * @name_len: out: bytes of the name (0: the default exchange)
 * @mode: permissions
 * @uid: owner
 * @gid: group
 * @bindings: bindings from it
 * @args: pointer to where the arguments go
 * @args_len: in: room there; out: bytes of the arguments, also if more
 * @resv: 0
 *
 * ENOENT: no more, or not this one.
 */
struct mqk_exchange_next {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 type;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__aligned_u64 bindings;
	__aligned_u64 args;
	__u32 args_len;
	__u32 resv;
};

/**
 * struct mqk_queue_next - MQK_IOC_QUEUE_NEXT: the queue after @id
 * @size: bytes of this structure
 * @flags: in: 0 or MQK_NEXT_F_EXACT; out: MQK_DECLARE_F_*, MQK_QUEUE_F_*
 * @id: in: 0 or the last one's; out: this one's
 * @name_len: out: bytes of the name
 * @name: pointer to MQK_NAME_MAX bytes for the name
 * @mode: permissions
 * @uid: owner
 * @gid: group
 * @consumers: consumers
 * @ready: messages ready for delivery
 * @unacked: messages delivered and not acknowledged
 * @bytes: payload bytes of both, and of those that are retried or scheduled
 * @published: messages that ever came in
 * @delivered: deliveries that ever went out
 * @redelivered: those that were not the first of their message
 * @acked: messages that were acknowledged, or delivered to consumers that
 *	acknowledge nothing
 * @dropped: messages nacked or rejected without requeue, purged, expired, failed
 *	too often, or too many for the queue's length
 * @index_bytes: kernel memory of its index, and of the ids that it has seen
 * @retrying: messages that failed and wait for their next try
 * @scheduled: messages with a delay that are not due
 * @dying: messages that have left it as dead letters, and are not where they go yet
 * @repeated: messages that it had taken before (x-mqk-dedup-window), and did not take
 */
struct mqk_queue_next {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 name_len;
	__aligned_u64 name;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 consumers;
	__aligned_u64 ready;
	__aligned_u64 unacked;
	__aligned_u64 bytes;
	__aligned_u64 published;
	__aligned_u64 delivered;
	__aligned_u64 redelivered;
	__aligned_u64 acked;
	__aligned_u64 dropped;
	__aligned_u64 index_bytes;
	__aligned_u64 retrying;
	__aligned_u64 scheduled;
	__aligned_u64 dying;
	__aligned_u64 repeated;
};

/**
 * struct mqk_list - MQK_IOC_BINDING_LIST, MQK_IOC_CONSUMER_LIST,
 *	MQK_IOC_PRODUCER_LIST: those after @after, as many as there is room for
 * @size: bytes of this structure
 * @flags: 0
 * @after: in: 0 or the number of the last one listed; out: that number
 * @count: in: room at @entries; out: how many were listed, at least 1
 * @entries: pointer to struct mqk_binding_entry[@count], to struct
 *	mqk_consumer_entry[@count], or to struct mqk_producer_entry[@count]
 * @data: pointer to where names, keys and arguments go
 * @data_len: in: room there; out: bytes used
 * @resv: 0
 *
 * A call lists at most MQK_LIST_MAX and MQK_LIST_DATA bytes, whatever room there
 * is.  Who goes on from @after until ENOENT sees all that were there from the
 * beginning to the end once, and of those that came or went meanwhile some.
 * ENOENT: no more.  EINVAL: @count 0.  ERANGE: the next one's bytes do not fit
 * into @data; MQK_LIST_DATA always suffice.
 */
struct mqk_list {
	__u32 size;
	__u32 flags;
	__u32 after;
	__u32 count;
	__aligned_u64 entries;
	__aligned_u64 data;
	__u32 data_len;
	__u32 resv;
};

#define MQK_LIST_MAX		64u	/* most entries of one call */
#define MQK_LIST_DATA		131072u	/* most bytes of one call */

/**
 * struct mqk_binding_entry - a binding, listed
 * @number: its number in the broker
 * @flags: MQK_BIND_F_*
 * @exchange: id of the exchange
 * @queue: id of the queue; with F_EXCHANGE, of the exchange it leads to
 * @data: where its bytes are in the data of the call, a multiple of 8: the
 *	arguments, the name of the exchange, that of where it leads, the key
 * @args_len: bytes of the arguments
 * @exchange_len: bytes of the exchange's name
 * @queue_len: bytes of the name of where it leads
 * @key_len: bytes of the key
 * @resv: 0
 *
 * That the default exchange leads to each queue is no binding.
 */
struct mqk_binding_entry {
	__u32 number;
	__u32 flags;
	__u32 exchange;
	__u32 queue;
	__u32 data;
	__u16 args_len;
	__u8 exchange_len;
	__u8 queue_len;
	__u8 key_len;
	__u8 resv[7];
};

/**
 * struct mqk_consumer_entry - a consumer, listed
 * @number: its number in the broker
 * @flags: MQK_CONSUMER_F_*, as it was made
 * @session: number of its session in the broker
 * @id: its id in the session
 * @queue: id of its queue; 0: it pulls
 * @uid: user who opened the session
 * @pid: process that opened the session, in the initial namespace
 * @prefetch: most unacknowledged messages
 * @unacked: messages delivered and not acknowledged
 * @delivered: deliveries since it was made
 * @error: as in struct mqk_consumer_page
 * @state: MQK_CONSUMER_PAGE_F_*; of a queue with x-single-active-consumer also
 *	MQK_CONSUMER_STATE_*
 * @data: where its queue's name is in the data of the call, a multiple of 8
 * @queue_len: bytes of that name
 * @resv: 0
 * @priority: its x-priority
 * @resv1: 0
 *
 * What lies in the acknowledgement ring of a consumer that does not pull is taken
 * first, up to 256.
 */
struct mqk_consumer_entry {
	__u32 number;
	__u32 flags;
	__aligned_u64 session;
	__u32 id;
	__u32 queue;
	__u32 uid;
	__u32 pid;
	__u32 prefetch;
	__u32 unacked;
	__aligned_u64 delivered;
	__s32 error;
	__u32 state;
	__u32 data;
	__u8 queue_len;
	__u8 resv[3];
	__s32 priority;
	__u32 resv1;
};

#define MQK_CONSUMER_STATE_ACTIVE	0x100	/* the one; perhaps it only has to settle
						 * before another one is
						 */
#define MQK_CONSUMER_STATE_WAITS	0x200	/* gets nothing as long as it is not */

/**
 * struct mqk_producer_entry - a producer's name, listed
 * @number: its number in the broker
 * @flags: MQK_PRODUCER_F_*
 * @last: number of the last message that was taken; 0: none
 * @uid: whose it is
 * @gid: its group
 * @mode: who may use it, as of a file
 * @pid: process that opened the session of the port that has it, in the initial
 *	namespace; 0: none has it
 * @data: where its name is in the data of the call, a multiple of 8
 * @name_len: bytes of the name
 * @resv: 0
 */
struct mqk_producer_entry {
	__u32 number;
	__u32 flags;
	__aligned_u64 last;
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 pid;
	__u32 data;
	__u8 name_len;
	__u8 resv[3];
};

#define MQK_PRODUCER_F_OPEN	0x1	/* a port has it */

/**
 * struct mqk_stat - MQK_IOC_STAT: counters of the broker since it was made
 * @size: bytes of this structure
 * @flags: 0
 * @published: messages that ports handed in
 * @published_bytes: their payload bytes
 * @routed: entries that they made in queues
 * @unrouted: messages that reached no queue
 * @returned: those of them that were mandatory
 * @refused: messages refused: copies that a call failed with, but for EAGAIN,
 *	records that made an ERROR completion, and what a full queue refused
 * @delivered: deliveries
 * @acked: as in struct mqk_queue_next
 * @requeued: messages that went back to their queue
 * @dropped: as in struct mqk_queue_next
 * @route_misses: routes that were not in a port's cache
 * @broken: rings broken by their users
 * @segments: segments in use
 * @segments_free: segments kept for reuse
 * @compactions: times that messages were moved out of sparse segments
 * @compacted: messages that were moved, once for each queue
 * @compacted_bytes: bytes of their records
 * @dead_letters: messages that died and came to another queue, or to the same again
 * @dead_lost: messages that died in a queue with x-dead-letter-exchange, and came to
 *	none
 * @events: events that were published
 * @events_lost: those that were not
 * @held_queue: ports that are held back now, by a queue that blocks and has no room
 * @held_limit: the same, by a limit
 * @traces: messages that were traced, through amq.mqk.trace
 * @traces_lost: those that were to be, and were not
 */
struct mqk_stat {
	__u32 size;
	__u32 flags;
	__aligned_u64 published;
	__aligned_u64 published_bytes;
	__aligned_u64 routed;
	__aligned_u64 unrouted;
	__aligned_u64 returned;
	__aligned_u64 refused;
	__aligned_u64 delivered;
	__aligned_u64 acked;
	__aligned_u64 requeued;
	__aligned_u64 dropped;
	__aligned_u64 route_misses;
	__aligned_u64 broken;
	__aligned_u64 segments;
	__aligned_u64 segments_free;
	__aligned_u64 compactions;
	__aligned_u64 compacted;
	__aligned_u64 compacted_bytes;
	__aligned_u64 dead_letters;
	__aligned_u64 dead_lost;
	__aligned_u64 events;
	__aligned_u64 events_lost;
	__aligned_u64 held_queue;
	__aligned_u64 held_limit;
	__aligned_u64 traces;
	__aligned_u64 traces_lost;
};

/**
 * struct mqk_will - MQK_IOC_WILL: a message for when this session dies
 * @size: bytes of this structure
 * @flags: MQK_WILL_F_*
 * @message: pointer to a struct mqk_message, copied now; 0 with NONE
 * @delay: how long after the end of the session, at most MQK_WILL_DELAY_MAX; 0
 *	with NONE
 *
 * It is published when the session ends, after all else that the session has
 * published, unless the last such call had NONE: that is a goodbye.  It takes the
 * place of the one before.  It takes a port (MQK_RES_PORTS), and its record at most
 * MQK_WILL_MAX bytes (EMSGSIZE), both until it is published.  When the time has
 * come it is a message like any other: what is not there, or refuses it, loses it.
 * Once the session has ended nobody can take it back; the time runs while the
 * machine sleeps, too.  Removing the broker publishes none.  EINVAL: a @delay that
 * is too long; the errors of MQK_IOC_PORT_CREATE and of MQK_IOC_PUBLISH.
 */
struct mqk_will {
	__u32 size;
	__u32 flags;
	__aligned_u64 message;
	__aligned_u64 delay;
};

#define MQK_WILL_F_NONE		0x1	/* there is none any more */
#define MQK_WILL_MAX		65536u	/* most bytes of its record */

/* The longest delay of a will: 2^32 - 1 seconds. */
#define MQK_WILL_DELAY_MAX	((__u64)0xffffffffu * 1000000000u)

/* ------------------------------------------------------------------------
 * Ports
 */

/**
 * struct mqk_port_create - MQK_IOC_PORT_CREATE
 * @size: bytes of this structure
 * @flags: MQK_PORT_F_*
 * @entries: in: entries of the completion ring, a power of two from 16 to
 *	ring_max; 0: 256; out: how many there are
 * @id: out: id of the port in this session
 * @page_offset: out: mmap offset of the K pages: struct mqk_port_page, and the
 *	completion ring at @ring_offset in them
 * @page_size: out: their bytes
 * @ring_offset: out: offset of the completion ring in the K pages
 * @resv: 0
 * @user_offset: out: mmap offset of the U page: struct mqk_port_user
 * @user_size: out: its bytes
 * @window_offset: out: mmap offset of the window onto the open segment
 *	(INPLACE), map it readable and writable and shared
 * @window_size: out: its bytes, the broker's segment size
 * @producer: pointer to the name of the producer that it publishes for
 * @producer_len: bytes of the name, at most MQK_NAME_MAX; 0: none
 * @producer_mode: if the name is new: who may use it, as the mode of a file, of which
 *	w counts; 0: 0600.  Its owner is who opened the node.
 * @last: out: number of the last message that was taken from the producer, 0: none
 *
 * Messages of a producer have numbers, one after the other from 1: the first one of
 * this port @last + 1, each one the next number, refused ones included; but a struct
 * mqk_message, or a MQK_RECORD_NUMBER in front of a record, can say another one.  A
 * message whose number was taken before is confirmed and dropped; one with numbers
 * between is refused (ERANGE, rule GAP).  If a queue refuses a message of a producer
 * (NACK), none has it, and its number is not taken.
 *
 * From then on a port that had the name is broken (ESTALE, rule FENCED): nothing
 * comes from it any more, what it has committed included.  The broker knows a name
 * as long as it lives, unless nothing was taken from it and its last port is closed,
 * or it is forgotten (MQK_ID_F_FORGET).
 *
 * EACCES: node opened without write permission; the mode of the name.  EINVAL,
 * ENAMETOOLONG: bad name.  EDQUOT, ENOSPC: limit; 4,096 names of a user in a broker
 * (EDQUOT, rule PRODUCERS).
 */
struct mqk_port_create {
	__u32 size;
	__u32 flags;
	__u32 entries;
	__u32 id;
	__aligned_u64 page_offset;
	__aligned_u64 page_size;
	__u32 ring_offset;
	__u32 resv;
	__aligned_u64 user_offset;
	__aligned_u64 user_size;
	__aligned_u64 window_offset;
	__aligned_u64 window_size;
	__aligned_u64 producer;
	__u32 producer_len;
	__u32 producer_mode;
	__aligned_u64 last;
};

#define MQK_PORT_F_INPLACE	0x1	/* publishes from its own segments */
#define MQK_PORT_F_CONFIRM	0x2	/* wants confirms */

/**
 * struct mqk_id - MQK_IOC_PORT_CLOSE, MQK_IOC_CONSUMER_CANCEL,
 *	MQK_IOC_CONSUMER_CLOSE
 * @size: bytes of this structure
 * @flags: 0, or of PORT_CLOSE MQK_ID_F_*
 * @id: which
 * @resv: 0
 *
 * PORT_CLOSE takes what is committed in the open segment before it closes it.
 * CONSUMER_CANCEL stops deliveries; what is delivered can still be read and
 * acknowledged.  CONSUMER_CLOSE takes what was acknowledged, and returns the rest
 * to its queue, in its place and flagged as redelivered; so does closing the
 * session, which closes all ports first.  ENOENT: no such port or consumer.
 * With FORGET, EINVAL: the port is no producer's; ESTALE: another one has the name.
 */
struct mqk_id {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 resv;
};

#define MQK_ID_F_FORGET		0x1	/* the name of the port's producer, and what was
					 * taken from it
					 */

/**
 * struct mqk_port_segment - MQK_IOC_PORT_SEGMENT: the next segment of a port
 * @size: bytes of this structure
 * @flags: 0
 * @port: id of the port, made with MQK_PORT_F_INPLACE
 * @generation: out: what a record's commit word must hold
 * @min_size: bytes that must fit, at most message_max
 * @map_offset: out: mmap offset of the window
 * @map_size: out: bytes of the segment.  Where that is more than the window_size
 *	of struct mqk_port_create, it takes a mapping of @map_size bytes at
 *	@map_offset to see all of it.
 * @segment: out: number of the segment
 * @resv: 0
 *
 * First takes what is committed in the segment that was open (as
 * MQK_IOC_DOORBELL), then closes it: from then on its producer cannot write to
 * it.  A record that was not committed is lost.  EAGAIN: the completion ring is
 * full; read it first.  EMSGSIZE: @min_size.  EDQUOT, ENOSPC, ENOMEM: the open
 * segment stays.
 */
struct mqk_port_segment {
	__u32 size;
	__u32 flags;
	__u32 port;
	__u32 generation;
	__aligned_u64 min_size;
	__aligned_u64 map_offset;
	__aligned_u64 map_size;
	__u32 segment;
	__u32 resv;
};

/**
 * struct mqk_message - a message for MQK_IOC_PUBLISH
 * @exchange: id of the exchange
 * @flags: MQK_MSG_F_*
 * @key: pointer to the routing key
 * @headers: pointer to encoded headers
 * @payload: pointer to the payload
 * @payload_len: bytes of the payload
 * @headers_len: bytes of the headers, a multiple of 8
 * @key_len: bytes of the key
 * @priority: 0 to 255
 * @expiration: as in struct mqk_record
 * @delay: as in struct mqk_record
 * @number: its number, on a port of a producer; 0: the next one
 * @resv: 0
 */
struct mqk_message {
	__u32 exchange;
	__u32 flags;
	__aligned_u64 key;
	__aligned_u64 headers;
	__aligned_u64 payload;
	__u32 payload_len;
	__u16 headers_len;
	__u8 key_len;
	__u8 priority;
	__u32 expiration;
	__u32 delay;
	__aligned_u64 number;
	__aligned_u64 resv;
};

/**
 * struct mqk_publish - MQK_IOC_PUBLISH: publish copies
 * @size: bytes of this structure
 * @flags: 0
 * @port: id of the port
 * @count: in: number of messages, 1 to publish_max; out: those that were taken
 * @messages: pointer to struct mqk_message[@count]
 * @first_seq: out: sequence number of the first one
 * @resv: 0
 *
 * The messages are taken in order, up to the first one that is refused.  If it
 * is the first, the call fails with its error; else it succeeds with a smaller
 * @count, and a call with the rest tells.  Which queues a message reaches, if
 * any, makes no difference to what is checked.  ENOENT: no such exchange or port.
 * EACCES: exchange internal, or permission, or the property user-id is not the
 * publisher (rule PERMISSION).  EMSGSIZE: larger than message_max.
 * EMLINK: more queues than targets_max.  ELOOP: more than 64 exchanges.  EAGAIN:
 * completion ring full; a queue that blocks is full (rule HELD), or a record of the
 * port waits for one: the message waits with its caller, who comes again with it.  EDQUOT, ENOSPC, ENOMEM.  ERANGE, ESTALE: as struct
 * mqk_port_create says.
 */
struct mqk_publish {
	__u32 size;
	__u32 flags;
	__u32 port;
	__u32 count;
	__aligned_u64 messages;
	__aligned_u64 first_seq;
	__aligned_u64 resv;
};

/**
 * struct mqk_tx - MQK_IOC_TX: a transaction of this session
 * @size: bytes of this structure
 * @flags: MQK_TX_F_*, exactly one
 * @messages: out: with COMMIT, how many were published; with ROLLBACK, forgotten
 * @settlements: out: the same, of messages that were settled
 *
 * From BEGIN on, what the session's ports publish and what its consumers settle is
 * kept back.  COMMIT does all of it; when it fails, it has done nothing of it, and the
 * transaction is over as by ROLLBACK, which forgets it: what was to be settled stays
 * unacknowledged.  So does the end of the session.
 *
 * What is handed in is checked at once, and refused as without a transaction; a record
 * in place that was refused makes COMMIT fail with the same error.  Where messages
 * lead, and whether there is room for them, is seen at COMMIT, and their completions
 * come then.  They are numbered as they are handed in; numbers of what was forgotten
 * are passed over, and a later CONFIRM says nothing of them.  Ports of producers refuse
 * all messages (EINVAL).
 * Consumers with NOACK settle as ever.  KICK takes acknowledgements into the
 * transaction; credit and acknowledgement timeouts go on as if there were none.
 *
 * At most MQK_TX_MESSAGES_MAX are kept back, and as many settlements, those that a
 * MULTIPLE stands for counted: then publishing and KICK are EOVERFLOW (rule TX_LIMIT),
 * and so is COMMIT if more was handed in.  A port that has no room in its ring
 * for the RETURN of one more mandatory message says EAGAIN.
 *
 * EINVAL: not exactly one flag; COMMIT, ROLLBACK: there is none (rule NO_TX).
 * BEGIN, EBUSY: there is one (rule IN_TX); EAGAIN: a record of a port waits
 * for room; other errors of MQK_IOC_DOORBELL for records that were committed before.
 * COMMIT, ENOSPC: a queue refuses a message (rule FULL), or a limit; ENOENT,
 * EACCES, EMLINK, ELOOP: as MQK_IOC_PUBLISH, of a message that has become so since;
 * ESTALE: a message that is to be settled was taken back, its consumer was closed or
 * is broken (rule TAKEN_BACK); EDQUOT, ENOMEM; the error of a port that is broken.
 * While a transaction is being ended, publishing on its ports is EBUSY.
 */
struct mqk_tx {
	__u32 size;
	__u32 flags;
	__u32 messages;
	__u32 settlements;
};

#define MQK_TX_F_BEGIN		0x1
#define MQK_TX_F_COMMIT		0x2
#define MQK_TX_F_ROLLBACK	0x4

#define MQK_TX_MESSAGES_MAX	1024
#define MQK_TX_SETTLEMENTS_MAX	1024

/* ------------------------------------------------------------------------
 * Consumers
 */

/**
 * struct mqk_consumer_create - MQK_IOC_CONSUMER_CREATE
 * @size: bytes of this structure
 * @flags: MQK_CONSUMER_F_*
 * @queue: pointer to the queue's name; 0 with PULL
 * @queue_len: bytes of the name; 0 with PULL
 * @prefetch: in: most unacknowledged messages, at most @entries; 0: as many as
 *	@entries; out: how many
 * @entries: in: entries of the delivery ring, a power of two from 16 to
 *	ring_max; 0: 256, or more if @prefetch needs it; out: how many there are
 * @ack_entries: out: entries of the acknowledgement ring
 * @id: out: id of the consumer in this session
 * @ring_offset: out: offset of the delivery ring in the K pages
 * @page_offset: out: mmap offset of the K pages: struct mqk_consumer_page and
 *	the delivery ring
 * @page_size: out: their bytes
 * @user_offset: out: mmap offset of the U pages: struct mqk_consumer_user and
 *	the acknowledgement ring
 * @user_size: out: their bytes
 * @ack_offset: out: offset of the acknowledgement ring in the U pages
 * @queue_id: out: id of the queue
 * @args: pointer to encoded headers: the arguments
 * @args_len: bytes of the arguments; 0 with PULL
 * @resv: 0
 *
 * Arguments:
 *	x-priority	whole number of any type, from -2^31 to 2^31 - 1; 0: a
 *			message goes to those of the highest priority among who
 *			can take one, in turn
 *	x-mqk-level	whole number from 0: the only level that it is given messages
 *			of; EINVAL where x-mqk-levels of the queue is not above it
 *
 * ENOENT: no such queue.  EACCES: permission (r on the queue), an exclusive
 * consumer where there are others, or others where there is one; map not
 * granted and F_COPY unset.  EBUSY: queue exclusive to another session.  EINVAL:
 * @entries, @prefetch over prefetch_max, an unknown argument.  EDQUOT, ENOSPC:
 * limit.
 */
struct mqk_consumer_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 queue;
	__u32 queue_len;
	__u32 prefetch;
	__u32 entries;
	__u32 ack_entries;
	__u32 id;
	__u32 ring_offset;
	__aligned_u64 page_offset;
	__aligned_u64 page_size;
	__aligned_u64 user_offset;
	__aligned_u64 user_size;
	__u32 ack_offset;
	__u32 queue_id;
	__aligned_u64 args;
	__u32 args_len;
	__u32 resv;
};

#define MQK_CONSUMER_F_NOACK	0x1	/* settled when delivered */
#define MQK_CONSUMER_F_EXCLUSIVE 0x2	/* the only one of its queue */
#define MQK_CONSUMER_F_COPY	0x4	/* reads with MQK_IOC_READ */
#define MQK_CONSUMER_F_PULL	0x8	/* gets with MQK_IOC_GET only */

/**
 * struct mqk_prefetch - MQK_IOC_PREFETCH: change a consumer's credit
 * @size: bytes of this structure
 * @flags: 0
 * @id: id of the consumer
 * @prefetch: most unacknowledged messages from now on; 0: as many as the ring
 *	has entries.  What is in flight stays; deliveries go on when it has
 *	fallen below.
 *
 * A consumer with NOACK has no credit: it succeeds and changes nothing.  EINVAL:
 * over the entries of the ring; a consumer with PULL.  ENOENT.
 */
struct mqk_prefetch {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 prefetch;
};

/**
 * struct mqk_wait - MQK_IOC_WAIT: sleep until there is something to read, or room
 * @size: bytes of this structure
 * @flags: MQK_WAIT_F_*, exactly one
 * @id: id of the consumer or the port
 * @resv: 0
 * @timeout: nanoseconds; 0 does not sleep, negative waits for ever
 *
 * A consumer's acknowledgements are taken first.  Succeeds when the ring holds
 * an entry behind the user's head; with ROOM, when the page of port @id does not say
 * HELD: then publishing is worth another try, which may have to wait again.  EAGAIN: @timeout 0 and nothing there.
 * ETIMEDOUT.  EINTR: a signal.  The error of the consumer or port, when it has
 * ended and its ring is empty.  ENOENT.
 */
struct mqk_wait {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 resv;
	__aligned_s64 timeout;
};

#define MQK_WAIT_F_CONSUMER	0x1
#define MQK_WAIT_F_PORT		0x2
#define MQK_WAIT_F_ROOM		0x4	/* until the port's page does not say HELD */

/**
 * struct mqk_get - MQK_IOC_GET: take one message from a queue
 * @size: bytes of this structure
 * @flags: 0
 * @consumer: id of a consumer made with PULL
 * @queue: id of the queue
 * @delivery: pointer to a struct mqk_delivery that is filled; its pos is 0
 * @ready: out: messages still ready
 * @timeout: nanoseconds to wait for one; 0: not at all; negative: for ever
 *
 * Ignores prefetch; ENOBUFS: as many are unacknowledged as the consumer's ring
 * has entries.  With NOACK the record can be read until the consumer's next get.
 * EAGAIN: no message.  EBUSY: the queue has x-single-active-consumer.  ETIMEDOUT,
 * EINTR.  ENOENT: no such queue or consumer.  EACCES, EBUSY as
 * MQK_IOC_CONSUMER_CREATE.
 */
struct mqk_get {
	__u32 size;
	__u32 flags;
	__u32 consumer;
	__u32 queue;
	__aligned_u64 delivery;
	__aligned_u64 ready;
	__aligned_s64 timeout;
};

/**
 * struct mqk_read - MQK_IOC_READ: copy a delivered record
 * @size: bytes of this structure
 * @flags: 0
 * @consumer: id of the consumer
 * @resv: 0
 * @tag: its delivery tag, unacknowledged; with NOACK, not passed by the head
 *	(PULL: until the next get)
 * @offset: first byte of the record that is wanted, MQK_RECORD_KEY or more
 * @data: pointer to where the bytes go
 * @len: in: room there; out: bytes copied, fewer at the record's end
 *
 * For consumers that may not map segments, and any other.  EINVAL: unknown tag.
 */
struct mqk_read {
	__u32 size;
	__u32 flags;
	__u32 consumer;
	__u32 resv;
	__aligned_u64 tag;
	__aligned_u64 offset;
	__aligned_u64 data;
	__aligned_u64 len;
};

/**
 * struct mqk_browse - MQK_IOC_BROWSE: look at a message that waits
 * @size: bytes of this structure
 * @flags: 0
 * @queue: id of the queue
 * @resv: 0
 * @seq: in: lowest place in the queue that is wanted; out: the one found
 * @delivery: pointer to a struct mqk_delivery that is filled; its tag is 0
 * @data: pointer to where the record goes, from MQK_RECORD_KEY
 * @len: in: room there; out: bytes of the record from there, also if more
 *
 * Neither takes the message nor counts as a delivery.  ENOENT: no such queue.
 * EAGAIN: no message waits from there on.  EACCES, EBUSY as
 * MQK_IOC_CONSUMER_CREATE, but for exclusive consumers.
 */
struct mqk_browse {
	__u32 size;
	__u32 flags;
	__u32 queue;
	__u32 resv;
	__aligned_u64 seq;
	__aligned_u64 delivery;
	__aligned_u64 data;
	__aligned_u64 len;
};

/* ------------------------------------------------------------------------
 * The calls.  Control node: QUERY, ERROR, BROKER_*.  Broker node: all but
 * BROKER_*.
 * ENOTTY: not a call of this node.  ESHUTDOWN: the broker was removed.
 *
 * What they need; where that is missing: EACCES, rule PERMISSION.
 *
 *	call				node open for	mode of the object
 *	QUERY, ERROR, STAT, *_NEXT,	either		-
 *	*_LIST, WAIT, TX
 *	BROKER_CREATE, BROKER_DELETE	writing		-
 *	EXCHANGE_DECLARE		writing; with	-
 *					PASSIVE either
 *	EXCHANGE_DELETE			writing		x on the exchange
 *	QUEUE_DECLARE			either		-
 *	QUEUE_DELETE, QUEUE_SET		reading		x on the queue
 *	QUEUE_PURGE, QUEUE_CANCEL	reading		r on the queue
 *	QUEUE_REDRIVE			reading		r on the queue, w on the
 *							default exchange
 *	BIND, UNBIND			reading		r on the exchange,
 *							w on the queue
 *	ROUTE				either		w on the exchange
 *	PORT_*				writing		-
 *	PUBLISH, DOORBELL, WILL		writing		w on the exchange of
 *							each message
 *	CONSUMER_CREATE			reading; with-	r on the queue
 *					out F_COPY also
 *					MQK_ACCESS_MAP
 *	CONSUMER_CANCEL, _CLOSE,	reading		-
 *	PREFETCH, READ, KICK
 *	GET, BROWSE			reading		r on the queue
 *
 * The modes are looked at as those of a file, with the identity of who opened
 * the node; CAP_DAC_OVERRIDE grants them all.  A queue that is exclusive to
 * another session is EBUSY, rule LOCKED, whatever its mode.
 *
 * poll(2) on a broker's node: POLLIN when a consumer's or port's ring holds an
 * entry behind its user's head, or it has ended; POLLOUT when it is open for writing,
 * and no port of it is held back (MQK_PORT_PAGE_F_HELD); POLLERR | POLLHUP when the
 * broker was removed.  read(2) shows exchanges and queues as text.
 */
#define MQK_IOC_MAGIC		0xB4

#define MQK_IOC_QUERY		_IOWR(MQK_IOC_MAGIC, 0x10, struct mqk_query)
#define MQK_IOC_ERROR		_IOWR(MQK_IOC_MAGIC, 0x11, struct mqk_error)
#define MQK_IOC_STAT		_IOWR(MQK_IOC_MAGIC, 0x12, struct mqk_stat)
#define MQK_IOC_WILL		_IOWR(MQK_IOC_MAGIC, 0x13, struct mqk_will)
#define MQK_IOC_TX		_IOWR(MQK_IOC_MAGIC, 0x14, struct mqk_tx)
#define MQK_IOC_BROKER_CREATE	_IOWR(MQK_IOC_MAGIC, 0x18, struct mqk_broker_create)
#define MQK_IOC_BROKER_DELETE	_IOWR(MQK_IOC_MAGIC, 0x19, struct mqk_broker_delete)
#define MQK_IOC_BROKER_NEXT	_IOWR(MQK_IOC_MAGIC, 0x1a, struct mqk_broker_next)
#define MQK_IOC_BROKER_OPEN	_IOWR(MQK_IOC_MAGIC, 0x1b, struct mqk_broker_open)
#define MQK_IOC_BROKER_CLOSE	_IOWR(MQK_IOC_MAGIC, 0x1c, struct mqk_broker_delete)
#define MQK_IOC_EXCHANGE_DECLARE _IOWR(MQK_IOC_MAGIC, 0x20, struct mqk_exchange_declare)
#define MQK_IOC_EXCHANGE_DELETE	_IOWR(MQK_IOC_MAGIC, 0x21, struct mqk_delete)
#define MQK_IOC_EXCHANGE_NEXT	_IOWR(MQK_IOC_MAGIC, 0x22, struct mqk_exchange_next)
#define MQK_IOC_QUEUE_DECLARE	_IOWR(MQK_IOC_MAGIC, 0x28, struct mqk_queue_declare)
#define MQK_IOC_QUEUE_DELETE	_IOWR(MQK_IOC_MAGIC, 0x29, struct mqk_delete)
#define MQK_IOC_QUEUE_PURGE	_IOWR(MQK_IOC_MAGIC, 0x2a, struct mqk_delete)
#define MQK_IOC_QUEUE_NEXT	_IOWR(MQK_IOC_MAGIC, 0x2b, struct mqk_queue_next)
#define MQK_IOC_QUEUE_SET	_IOWR(MQK_IOC_MAGIC, 0x2c, struct mqk_queue_set)
#define MQK_IOC_QUEUE_CANCEL	_IOWR(MQK_IOC_MAGIC, 0x2e, struct mqk_queue_cancel)
#define MQK_IOC_QUEUE_REDRIVE	_IOWR(MQK_IOC_MAGIC, 0x2d, struct mqk_queue_redrive)
#define MQK_IOC_BIND		_IOWR(MQK_IOC_MAGIC, 0x30, struct mqk_bind)
#define MQK_IOC_UNBIND		_IOWR(MQK_IOC_MAGIC, 0x31, struct mqk_bind)
#define MQK_IOC_ROUTE		_IOWR(MQK_IOC_MAGIC, 0x32, struct mqk_route_query)
#define MQK_IOC_BINDING_LIST	_IOWR(MQK_IOC_MAGIC, 0x33, struct mqk_list)
#define MQK_IOC_PORT_CREATE	_IOWR(MQK_IOC_MAGIC, 0x40, struct mqk_port_create)
#define MQK_IOC_PORT_CLOSE	_IOWR(MQK_IOC_MAGIC, 0x41, struct mqk_id)
#define MQK_IOC_PORT_SEGMENT	_IOWR(MQK_IOC_MAGIC, 0x42, struct mqk_port_segment)
#define MQK_IOC_PUBLISH		_IOWR(MQK_IOC_MAGIC, 0x43, struct mqk_publish)
#define MQK_IOC_PRODUCER_LIST	_IOWR(MQK_IOC_MAGIC, 0x44, struct mqk_list)
#define MQK_IOC_CONSUMER_CREATE	_IOWR(MQK_IOC_MAGIC, 0x50, struct mqk_consumer_create)
#define MQK_IOC_CONSUMER_CANCEL	_IOWR(MQK_IOC_MAGIC, 0x51, struct mqk_id)
#define MQK_IOC_CONSUMER_CLOSE	_IOWR(MQK_IOC_MAGIC, 0x52, struct mqk_id)
#define MQK_IOC_PREFETCH	_IOWR(MQK_IOC_MAGIC, 0x53, struct mqk_prefetch)
#define MQK_IOC_WAIT		_IOWR(MQK_IOC_MAGIC, 0x54, struct mqk_wait)
#define MQK_IOC_GET		_IOWR(MQK_IOC_MAGIC, 0x55, struct mqk_get)
#define MQK_IOC_READ		_IOWR(MQK_IOC_MAGIC, 0x56, struct mqk_read)
#define MQK_IOC_BROWSE		_IOWR(MQK_IOC_MAGIC, 0x57, struct mqk_browse)
#define MQK_IOC_CONSUMER_LIST	_IOWR(MQK_IOC_MAGIC, 0x58, struct mqk_list)

/*
 * The two calls of the hot paths take an id by value instead of a structure:
 * what they work on lies in the shared pages.
 *
 * DOORBELL takes the committed records of port @id; returns how many.  EAGAIN:
 * there are some, but the completion ring is full, or the first one waits for room in
 * a queue that blocks (rule HELD).  EDQUOT, ENOSPC, ENOMEM: the
 * first one cannot be taken now; it stays, and another call tries again.
 * EPROTO: the port is broken.  ENOENT.
 *
 * KICK takes the acknowledgements of consumer @id and delivers what they make
 * room for; returns how many messages were settled.  EINVAL, EPROTO: the
 * consumer is broken.  ENOENT.
 */
#define MQK_IOC_DOORBELL	_IO(MQK_IOC_MAGIC, 0x80)
#define MQK_IOC_KICK		_IO(MQK_IOC_MAGIC, 0x81)

#endif /* _UAPI_LINUX_MQK_H */
