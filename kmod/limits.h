/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every limit of mqk, in one place.
 *
 * Fixed limits bound what one call can make the kernel do or allocate.  The
 * defaults bound what a user or a broker can hold: those of a broker are set
 * when it is made (struct mqk_broker_create), those of a user through the
 * module's parameters user_*.  A limit that refuses something is named to the
 * caller (struct mqk_error).
 */
#ifndef MQK_LIMITS_H
#define MQK_LIMITS_H

#include <linux/sizes.h>

#define MQK_BROKERS_MAX		1024u

/* Segments: a table of two levels, DIR * LEAF numbers per broker. */
#define MQK_SEGMENT_SIZE_MIN	SZ_64K
#define MQK_SEGMENT_SIZE_DEFAULT SZ_1M
#define MQK_SEGMENT_SIZE_MAX	SZ_64M
#define MQK_SEGMENT_DIR		512u
#define MQK_SEGMENT_LEAF	512u
#define MQK_SEGMENTS_MAX	(MQK_SEGMENT_DIR * MQK_SEGMENT_LEAF)
/* Bytes of free segments that a broker keeps for reuse. */
#define MQK_SEGMENT_POOL_BYTES	(32ull << 20)

/* A record with its head, key, headers and payload: a little over 64 MiB. */
#define MQK_MESSAGE_MAX		(128ull << 20)

#define MQK_RING_MIN		16u
#define MQK_RING_DEFAULT	256u
#define MQK_RING_MAX		65536u
#define MQK_PREFETCH_MAX	65536u
#define MQK_PUBLISH_MAX		1024u	/* messages in one MQK_IOC_PUBLISH */
#define MQK_TARGETS_MAX		4096u	/* queues that one message reaches */
#define MQK_HOPS_MAX		64u	/* exchanges that one message goes through */
#define MQK_MATCH_HEADERS	64u	/* headers, arguments that are compared */
#define MQK_MATCH_STEPS		16384u	/* arguments compared with one message */
#define MQK_HASH_WEIGHT_MAX	100u	/* weight of a binding of a hash exchange */
#define MQK_HASH_WEIGHTS	4096u	/* of all of its bindings */
/*
 * What a last-value exchange remembers: keys, messages of a key, of all; a power of
 * two of lists to find the keys in.  Room for so many is got at a time.
 */
#define MQK_RETAINED_KEYS	1024u
#define MQK_RETAINED_HISTORY	1024u
#define MQK_RETAINED_MAX	16384u
#define MQK_RETAINED_BUCKETS	256u
#define MQK_RETAINED_ROOM	8u
#define MQK_TOPIC_MULTI_MAX	2u	/* `#` words in a pattern */

/* Routes that a port remembers; a power of two. */
#define MQK_ROUTE_CACHE		256u

/* Queues that the messages of a transaction reach, each counted by itself. */
#define MQK_TX_TARGETS_MAX	65536u
/* Nanoseconds that a message waits which is late, and is just being settled. */
#define MQK_CLAIMED_WAIT	(1000000ull)

/* Work done under one hold of a queue's lock. */
#define MQK_ACK_BUDGET		256u
#define MQK_DELIVER_BUDGET	256u
#define MQK_UPKEEP_BUDGET	256u
/* Levels of a queue. */
#define MQK_LEVELS_MAX		32u
/* Nanoseconds after which a message that is due, and found no memory, tries again. */
#define MQK_SCHEDULE_AGAIN	(100 * 1000000ull)
/* Chunks that are given extras, because a queue's rules change to need them. */
#define MQK_KEEP_CHUNKS		64u
/* Such holds in a row by one who publishes; then a work goes on. */
#define MQK_RUN_ROUNDS		8u
/* Consumers whose acknowledgements a look at a queue takes first. */
#define MQK_SETTLE_CONSUMERS	64u
/* Dying messages of a queue before who publishes there waits, so long at most. */
#define MQK_DYING_CROWD		1024u
#define MQK_DYING_WAIT		(HZ / 10)
/* Until a dead letter that lacked memory or credit is tried again. */
#define MQK_LETTER_RETRY	(HZ / 10)
/* Letters that are tried in a row when one after the other lacks something. */
#define MQK_LETTER_TRIES	64u
/* Messages put into a queue under one hold of its lock. */
#define MQK_HOLD_MESSAGES	16u
/* Records taken between two looks at need_resched() and signals. */
#define MQK_WALK_BATCH		64u

/*
 * Compaction (compact.h): a segment is sparse when less than one part in SPARSE
 * of its bytes is live.  Chunks looked at, records and bytes moved in a step;
 * segments looked at under one hold of the store's lock; the shortest and the
 * longest pause in jiffies, and how many times as long as its work it rests.
 */
#define MQK_COMPACT_SEGMENTS	8u	/* default of the module's parameter */
#define MQK_COMPACT_SPARSE	4u
#define MQK_COMPACT_CHUNKS	2u
#define MQK_COMPACT_RECORDS	16u
#define MQK_COMPACT_BYTES	SZ_256K
#define MQK_COMPACT_LOOK	256u
#define MQK_COMPACT_PAUSE_MIN	(HZ / 10)
#define MQK_COMPACT_PAUSE_MAX	(10 * HZ)
#define MQK_COMPACT_REST	15u

/* Ports that a queue wakes when it has room; how often others look, in jiffies. */
#define MQK_WRITERS_MAX		64u
#define MQK_ROOM_PAUSE		((unsigned long)HZ / 10)

/*
 * Journals of durable brokers: bytes written at a time, room got on the disk at a
 * time, and how much more than twice what it says a file may hold.
 */
#define MQK_JOURNAL_BATCH	SZ_128K
#define MQK_JOURNAL_EXTEND	SZ_256K
#define MQK_JOURNAL_SLACK	SZ_1M

/* Events of a broker that were not published yet. */
#define MQK_EVENTS_MAX		1024u

/*
 * Messages of a broker that were not traced yet, and the bytes of their payloads; how
 * much of a payload is.
 */
#define MQK_TAPS_MAX		1024u
#define MQK_TAPS_BYTES		(16ull << 20)
#define MQK_TRACE_BODY		SZ_64K

/* Ids of messages that a queue with x-mqk-dedup-window has seen. */
#define MQK_SEEN_MAX		65536u

/* Names of producers that one user pays for in a broker. */
#define MQK_PRODUCERS_MAX	4096u

/* Messages are charged this many at a time; a power of two. */
#define MQK_MESSAGE_GRANT	64u

/* Acknowledgements are taken after so many messages; a large one, bytes of whose
 * payload fill more than a share, counts as several.
 */
#define MQK_DRAIN_MESSAGES	32u
#define MQK_DRAIN_SHARE		SZ_8K

/* Defaults of what one user, and one broker, can hold (MQK_RES_*). */
#define MQK_USER_SESSIONS	16384ull
#define MQK_USER_PORTS		16384ull
#define MQK_USER_CONSUMERS	65536ull
#define MQK_USER_EXCHANGES	16384ull
#define MQK_USER_QUEUES		262144ull
#define MQK_USER_BINDINGS	1048576ull
#define MQK_USER_MESSAGES	(64ull << 20)
/* MQK_RES_BYTES and MQK_RES_MAPPED: these fractions of the machine's memory. */
#define MQK_USER_BYTES_SHARE	4
#define MQK_USER_MAPPED_SHARE	8

#endif /* MQK_LIMITS_H */
