/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libmqk - the C library of mqk, a message broker inside the Linux kernel.
 *
 * A thin layer: each function is one call on a broker's device node, or a step
 * of the shared-memory protocol of <linux/mqk.h>, which is the source of every
 * rule here.  mqk(7) has the overview and a complete program.
 *
 * Handles
 *   struct mqk           a session: one open broker node, or the control node
 *   struct mqk_port      a producer of a session
 *   struct mqk_consumer  a consumer of a session
 * Ports and consumers belong to their session; close them first.  No handle can
 * be used in a child of fork(2): the shared memory is not there.
 *
 * Results
 *   Every function that can fail returns int: 0 or more for success, a negative
 *   errno value otherwise, with no effect unless it says so.  Arguments that no
 *   kernel could accept give -EINVAL without a call.  Nothing is printed, there
 *   is no global state.  "The errors of the call" are those that <linux/mqk.h>
 *   lists at the structure named; -ESHUTDOWN comes from any call once the broker
 *   was removed, -ENOMEM from any function that allocates.
 *
 * Units
 *   Times are in nanoseconds, sizes in bytes.  Names are C strings of 1 to
 *   MQK_NAME_MAX bytes (-ENAMETOOLONG above), keys are bytes with a length of 0
 *   to MQK_KEY_MAX; MQK_STR("text") makes the pair out of a C string.
 *
 * Threads
 *   Functions of a session may be called from any thread at any time.  A port,
 *   and a consumer, are used by one thread at a time each; different ports and
 *   consumers of one session do not disturb each other.  Only mqk_close() must
 *   be the last call.  Where a function differs, it says so.
 *
 * Options
 *   An option structure begins with its size: struct mqk_port_opts o =
 *   { .sz = sizeof(o), .confirm = true }.  What is zero takes its default, and
 *   a null pointer stands for all defaults.  A structure longer than the
 *   library's is taken if the excess is zero, else -E2BIG; members that a
 *   shorter one lacks count as zero; an sz that was not set gives -EINVAL.
 *   Structures that the library fills (info) begin with their size as well.
 */
#ifndef MQK_MQK_H
#define MQK_MQK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/mqk.h>

#ifdef __cplusplus
extern "C" {
#ifdef __GNUC__
/* As stat(2) and struct stat: C++ can have both, but may say so. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

#define MQK_LIB_VERSION_MAJOR	0
#define MQK_LIB_VERSION_MINOR	1

struct mqk;
struct mqk_port;
struct mqk_consumer;

/* A C string as the two arguments pointer and length. */
#define MQK_STR(s)		(s), strlen(s)

/* A timeout that never ends. */
#define MQK_FOREVER		((int64_t)-1)

/* ------------------------------------------------------------------------
 * Sessions (session.c)
 */

/* mqk_open(): 0 stands for both. */
#define MQK_OPEN_CONSUME	0x1	/* needs read permission on the node */
#define MQK_OPEN_PUBLISH	0x2	/* needs write permission on the node */

/**
 * mqk_open - open a broker and begin a session
 * @broker: name of a broker; a path when it contains a '/'; NULL: "default"
 * @flags: MQK_OPEN_*, 0 for both
 * @m: out: the session
 *
 * The descriptor is close-on-exec.
 *
 * Return: 0.  -EINVAL flags or name; -ENOENT no such broker; -EACCES the node's
 * permissions; -EPROTONOSUPPORT the kernel speaks another MQK_ABI; -ENOTTY not a
 * broker's node; -EDQUOT, -ENOSPC too many sessions; errors of open(2).
 * Source: uapi MQK_IOC_QUERY.
 */
int mqk_open(const char *broker, int flags, struct mqk **m);

/**
 * mqk_close - end a session
 * @m: the session or NULL
 *
 * A last will (mqk_will()) is taken back first.
 * What the kernel does then: exclusive queues go, unacknowledged messages return
 * to their queues in their old places.  Ports and consumers that are still open
 * keep the session alive until the last of them is closed.
 * Threads: no other thread uses @m in a call, or later.
 */
void mqk_close(struct mqk *m);

/**
 * mqk_fd - the descriptor of a session, for poll loops
 * @m: session
 *
 * Readable (POLLIN) while a consumer has deliveries, or a port completions, that
 * its handle has not released yet, or one of them has ended; see
 * mqk_consumer_arm().  POLLERR and POLLHUP: the broker was removed.  The descriptor belongs to the session: do not close it.
 */
int mqk_fd(const struct mqk *m);

/**
 * mqk_query - what the kernel, this broker and this session can do
 * @m: session or control
 * @q: q->size is set by the caller
 *
 * Return: 0; the errors of the call.  Source: uapi MQK_IOC_QUERY.
 */
int mqk_query(struct mqk *m, struct mqk_query *q);

/**
 * mqk_stat - counters of the broker
 * @m: session
 * @s: s->size is set by the caller
 *
 * Return: 0; the errors of the call.  Source: uapi MQK_IOC_STAT.
 */
int mqk_stat(struct mqk *m, struct mqk_stat *s);

/**
 * mqk_will - have a message published when the session ends without mqk_close()
 * @m: session
 * @msg: as for mqk_publishv(), copied now; NULL: none
 * @delay: nanoseconds from the end of the session, at most MQK_WILL_DELAY_MAX
 *
 * It takes the place of the one before.  When the process dies, or the descriptor
 * is closed otherwise, it is published after all else that the session has
 * published; mqk_close() takes it back.  A child that has the descriptor keeps the
 * session alive.  With a @delay it is published so long after that, and nobody can
 * take it back meanwhile.
 * Return: 0; -EMSGSIZE its record takes more than MQK_WILL_MAX; -EINVAL @delay is
 * too long; the errors of struct mqk_will.  Source: uapi MQK_IOC_WILL.
 */
int mqk_will(struct mqk *m, const struct mqk_message *msg, uint64_t delay);

/**
 * mqk_version - version of the library in use, "major.minor"
 */
const char *mqk_version(void);

/* ------------------------------------------------------------------------
 * Refusals (error.c)
 */

/**
 * mqk_last_error - why the last failed call of a session was refused
 * @m: session or control
 * @e: e->size is set by the caller; e->error is 0 when no call has failed
 *
 * What the library itself refused (-EINVAL of bad arguments) does not show.
 * Threads: any, but threads that share a session share what it reports.
 * Return: 0; the errors of the call.  Source: uapi MQK_IOC_ERROR.
 */
int mqk_last_error(struct mqk *m, struct mqk_error *e);

/* Room that every sentence of mqk_error_text() fits into. */
#define MQK_ERROR_TEXT_MAX	512

/**
 * mqk_error_text - a sentence for people about a refusal
 * @e: from mqk_last_error()
 * @buf: where it goes, NULL if @size is 0
 * @size: bytes at @buf
 *
 * Says what was refused, by which rule or limit, and what would change that.
 * Always ends in a 0 byte when @size is not 0.
 *
 * Return: length of the whole sentence, also when @buf was too small.
 */
int mqk_error_text(const struct mqk_error *e, char *buf, size_t size);

/* ------------------------------------------------------------------------
 * Brokers (control.c)
 */

/**
 * mqk_control_open - open /dev/mqk/control
 * @m: out: a handle for mqk_broker_*() and mqk_query() only
 *
 * Return: 0; as mqk_open().
 */
int mqk_control_open(struct mqk **m);

/**
 * struct mqk_broker_opts - options of a new broker
 * @sz: bytes of this structure
 * @mode_set: @mode is meant; else the node gets 0600
 * @owner_set: @uid and @gid are meant; else the caller's
 * @nomap: readers get copies and none maps segments
 * @mode: permissions of the node, 0000 to 0777
 * @uid: owner of the node
 * @gid: group of the node
 * @segment_size: power of two from 64 KiB to 64 MiB; 0: 1 MiB
 * @limit: limits by MQK_RES_*; 0: the default
 * @durable: it is kept in the directory @dir
 * @dir: descriptor of the directory
 * @sync: MQK_SYNC_*: what is kept of messages
 */
struct mqk_broker_opts {
	size_t sz;
	bool mode_set;
	bool owner_set;
	bool nomap;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t segment_size;
	uint64_t limit[MQK_RES_NR];
	bool durable;
	int dir;
	uint32_t sync;
};

/**
 * mqk_broker_create - make a broker and its node /dev/mqk/@name
 * @m: control
 * @name: 1 to MQK_BROKER_NAME_MAX letters, digits, '-', '_', '.'
 * @opts: options or NULL
 *
 * Return: 0; -E2BIG; the errors of struct mqk_broker_create.
 */
int mqk_broker_create(struct mqk *m, const char *name,
		      const struct mqk_broker_opts *opts);

/**
 * mqk_broker_delete - remove a broker
 * @m: control
 * @name: its name
 * @flags: 0, or MQK_BROKER_DELETE_F_FORCE to end its sessions
 *
 * Return: 0; the errors of struct mqk_broker_delete.
 */
int mqk_broker_delete(struct mqk *m, const char *name, uint32_t flags);

/**
 * mqk_broker_open - open a durable broker that was closed
 * @m: control
 * @name: as of mqk_broker_create(); it may be another one than before
 * @dir: descriptor of the directory that keeps it
 * @opts: options or NULL; of them mode and owner
 *
 * Return: 0; -E2BIG; -EINVAL for other options; the errors of struct mqk_broker_open.
 */
int mqk_broker_open(struct mqk *m, const char *name, int dir,
		    const struct mqk_broker_opts *opts);

/**
 * mqk_broker_close - close a durable broker, whose files stay
 * @m: control
 * @name: its name
 * @flags: as of mqk_broker_delete()
 *
 * Return: 0; the errors of struct mqk_broker_delete.
 */
int mqk_broker_close(struct mqk *m, const char *name, uint32_t flags);

/**
 * struct mqk_broker_info - a broker, as mqk_broker_next() tells it
 * @sz: in: bytes of this structure
 * @id: in: 0 or the last one's; out: this one's
 * @flags: MQK_BROKER_F_NOMAP, _DIR
 * @segment_size: bytes of a segment
 * @used: what is in use, by MQK_RES_*
 * @limit: limits, by MQK_RES_*
 * @name: its name
 */
struct mqk_broker_info {
	size_t sz;
	uint32_t id;
	uint32_t flags;
	uint64_t segment_size;
	uint64_t used[MQK_RES_NR];
	uint64_t limit[MQK_RES_NR];
	char name[MQK_BROKER_NAME_MAX + 1];
};

/**
 * mqk_broker_next - go through the brokers
 * @m: control
 * @info: begin with { .sz = sizeof(info) } and pass it again unchanged
 *
 * Return: 1 and the next broker, 0 no more; the errors of struct
 * mqk_broker_next.
 */
int mqk_broker_next(struct mqk *m, struct mqk_broker_info *info);

/* ------------------------------------------------------------------------
 * Exchanges, queues, bindings (topology.c)
 *
 * Arguments (args) are encoded headers: see mqk_headers_init().
 */

/**
 * struct mqk_exchange_opts - options of an exchange
 * @sz: bytes of this structure
 * @durable: a durable broker keeps it
 * @auto_delete: goes with its last binding
 * @internal: is not published to
 * @mode_set: @mode is meant; else 0766
 * @mode: permissions: r bind from it, w publish to it, x delete it
 * @args: encoded headers or NULL
 * @args_len: their bytes
 */
struct mqk_exchange_opts {
	size_t sz;
	bool durable;
	bool auto_delete;
	bool internal;
	bool mode_set;
	uint32_t mode;
	const void *args;
	size_t args_len;
};

/**
 * mqk_exchange_declare - make an exchange, or agree that there is one
 * @m: session
 * @name: its name
 * @type: MQK_EXCHANGE_DIRECT, _FANOUT or _TOPIC
 * @opts: options or NULL
 * @id: out: id for records and messages; may be NULL
 *
 * Return: 0 also when it existed with the same properties; -EINVAL with others;
 * -E2BIG; the errors of struct mqk_exchange_declare.
 * Source: AMQP 0-9-1 exchange.declare.
 */
int mqk_exchange_declare(struct mqk *m, const char *name, uint32_t type,
			 const struct mqk_exchange_opts *opts, uint32_t *id);

/**
 * mqk_exchange_id - look an exchange up by name
 * @m: session
 * @name: its name; "" for the default exchange
 * @id: out: its id
 *
 * Return: 0; -ENOENT.  Source: MQK_DECLARE_F_PASSIVE.
 */
int mqk_exchange_id(struct mqk *m, const char *name, uint32_t *id);

/**
 * mqk_exchange_delete - delete an exchange and its bindings
 * @m: session
 * @name: its name
 * @flags: 0 or MQK_DELETE_F_IF_UNUSED
 *
 * Return: 0 also when there is none; the errors of struct mqk_delete.
 * Source: AMQP 0-9-1 exchange.delete.
 */
int mqk_exchange_delete(struct mqk *m, const char *name, uint32_t flags);

/**
 * struct mqk_exchange_info - an exchange, as mqk_exchange_next() tells it
 * @sz: in: bytes of this structure
 * @id: in: 0 or the last one's; out: this one's
 * @flags: MQK_DECLARE_F_*
 * @type: MQK_EXCHANGE_*
 * @mode: permissions
 * @uid: owner
 * @gid: group
 * @bindings: bindings from it
 * @name: its name, "" for the default exchange
 * @args_len: bytes of its arguments
 * @args: its arguments, encoded headers
 */
struct mqk_exchange_info {
	size_t sz;
	uint32_t id;
	uint32_t flags;
	uint32_t type;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t bindings;
	char name[MQK_NAME_MAX + 1];
	size_t args_len;
	unsigned char args[MQK_EXCHANGE_ARGS_MAX];
};

/**
 * mqk_exchange_next - go through the exchanges of a broker
 * @m: session
 * @info: begin with { .sz = sizeof(info) } and pass it again unchanged
 *
 * Return: 1 and the next exchange, 0 no more; the errors of the call.
 */
int mqk_exchange_next(struct mqk *m, struct mqk_exchange_info *info);

/**
 * mqk_exchange_get - one exchange by its id
 * @m: session
 * @id: its id
 * @info: info->sz is set by the caller
 *
 * Return: 0; -ENOENT.
 */
int mqk_exchange_get(struct mqk *m, uint32_t id,
		     struct mqk_exchange_info *info);

/**
 * struct mqk_queue_opts - options of a queue
 * @sz: bytes of this structure
 * @durable: a durable broker keeps it
 * @auto_delete: goes with its last consumer; never when it never had one
 * @exclusive: of this session alone, and goes with it
 * @reply: for replies: the kernel makes a name that cannot be guessed, and tells
 *	nobody else (MQK_DECLARE_F_REPLY); with @exclusive and no name
 * @mode_set: @mode is meant; else 0700
 * @mode: permissions: r consume, get, browse and purge; w bind it; x delete and
 *	change it
 * @args: encoded headers or NULL
 * @args_len: their bytes
 */
struct mqk_queue_opts {
	size_t sz;
	bool durable;
	bool auto_delete;
	bool exclusive;
	bool mode_set;
	bool reply;
	uint32_t mode;
	const void *args;
	size_t args_len;
};

/**
 * struct mqk_queue_info - a queue
 * @sz: in: bytes of this structure
 * @id: in (next): 0 or the last one's; out: this one's
 * @consumers: consumers
 * @ready: messages ready for delivery
 * @name: its name, also one that the kernel made
 * @flags: MQK_DECLARE_F_*, MQK_QUEUE_F_*; this member and those behind it are
 *	filled by mqk_queue_next() and mqk_queue_get() alone, else 0
 * @mode: permissions
 * @uid: owner
 * @gid: group
 * @unacked: messages delivered and not acknowledged
 * @bytes: payload bytes of ready and unacknowledged messages
 * @published: messages that ever came in
 * @delivered: deliveries that ever went out
 * @redelivered: those that were not the first of their message
 * @acked: messages acknowledged, or settled by their delivery
 * @dropped: messages nacked or rejected without requeue, purged
 * @index_bytes: kernel memory of its index
 * @retrying: messages that failed and wait for their next try
 * @scheduled: messages with a delay that are not due
 * @dying: messages that have left it as dead letters, and are not where they go yet
 * @repeated: messages that it had taken before (x-mqk-dedup-window), and did not take
 */
struct mqk_queue_info {
	size_t sz;
	uint32_t id;
	uint32_t consumers;
	uint64_t ready;
	char name[MQK_NAME_MAX + 1];
	uint32_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t unacked;
	uint64_t bytes;
	uint64_t published;
	uint64_t delivered;
	uint64_t redelivered;
	uint64_t acked;
	uint64_t dropped;
	uint64_t index_bytes;
	uint64_t retrying;
	uint64_t scheduled;
	uint64_t dying;
	uint64_t repeated;
};

/**
 * mqk_queue_declare - make a queue, or agree that there is one
 * @m: session
 * @name: its name; NULL or "": the kernel makes one ("amq.gen-...")
 * @opts: options or NULL
 * @info: out: id, name, consumers, ready; info->sz is set; may be NULL
 *
 * Return: 0 also when it existed with the same properties; -EINVAL with others;
 * -E2BIG; the errors of struct mqk_queue_declare.
 * Source: AMQP 0-9-1 queue.declare.
 */
int mqk_queue_declare(struct mqk *m, const char *name,
		      const struct mqk_queue_opts *opts,
		      struct mqk_queue_info *info);

/**
 * mqk_queue_lookup - look a queue up by name
 * @m: session
 * @name: its name
 * @info: out: as mqk_queue_declare()
 *
 * Return: 0; -ENOENT; -EBUSY exclusive to another session.
 * Source: MQK_DECLARE_F_PASSIVE.
 */
int mqk_queue_lookup(struct mqk *m, const char *name,
		     struct mqk_queue_info *info);

/**
 * mqk_queue_delete - delete a queue with its messages and bindings
 * @m: session
 * @name: its name
 * @flags: MQK_DELETE_F_*
 * @messages: out: ready messages that are gone; may be NULL
 *
 * Its consumers end with -ENOENT.
 * Return: 0 also when there is none; the errors of struct mqk_delete.
 * Source: AMQP 0-9-1 queue.delete.
 */
int mqk_queue_delete(struct mqk *m, const char *name, uint32_t flags,
		     uint64_t *messages);

/**
 * mqk_queue_purge - drop the ready messages of a queue
 * @m: session
 * @name: its name
 * @messages: out: how many; may be NULL
 *
 * Unacknowledged messages stay.
 * Return: 0; -ENOENT; the errors of struct mqk_delete.
 * Source: AMQP 0-9-1 queue.purge.
 */
int mqk_queue_purge(struct mqk *m, const char *name, uint64_t *messages);

/**
 * mqk_queue_cancel - drop scheduled messages of an id
 * @m: session
 * @name: the queue's name
 * @id: the id, as its publisher gave it in the property message-id
 * @id_len: its bytes, at most MQK_ID_MAX
 * @messages: out: how many; may be NULL
 *
 * Those that were published with a delay and MQK_MSG_F_ID, and are not due.
 * Return: 0 also when there were none; -EINVAL no such id can be; -ENOENT; the
 * errors of struct mqk_queue_cancel.
 * Source: MQK_IOC_QUEUE_CANCEL.
 */
int mqk_queue_cancel(struct mqk *m, const char *name, const void *id, size_t id_len,
		     uint64_t *messages);

/**
 * mqk_queue_redrive - move dead letters back to the queues that they died in last
 * @m: session
 * @name: name of the queue where they are
 * @max: how many at most; UINT64_MAX: all
 * @moved: out: how many were; or NULL
 *
 * Those that are ready, oldest first, to the end of their queues.  What did not die, or
 * whose queue is not there, stays; it stops at a queue that refuses.
 * Return: 0; -ENOENT no such queue; -EACCES, -EBUSY, -EINTR, -EDQUOT, -ENOMEM.
 */
int mqk_queue_redrive(struct mqk *m, const char *name, uint64_t max, uint64_t *moved);

/**
 * mqk_queue_set - change arguments of a queue while it lives
 * @m: session
 * @name: its name
 * @args: encoded headers: those that change
 * @args_len: their bytes
 *
 * Return: 0; -EINVAL an argument that may not change, or would not do in a
 * declaration; -ENOENT; the errors of struct mqk_queue_set.
 * Source: struct mqk_queue_set.
 */
int mqk_queue_set(struct mqk *m, const char *name,
		  const void *args, size_t args_len);

/**
 * mqk_queue_pause - let a queue deliver nothing until it is resumed
 * @m: session
 * @name: its name
 *
 * Return: 0 also when it was paused; -ENOENT; the errors of struct mqk_queue_set.
 * Source: MQK_QUEUE_SET_F_PAUSE.
 */
int mqk_queue_pause(struct mqk *m, const char *name);

/**
 * mqk_queue_resume - let a paused queue deliver again
 * @m: session
 * @name: its name
 *
 * Return: as mqk_queue_pause().
 * Source: MQK_QUEUE_SET_F_RESUME.
 */
int mqk_queue_resume(struct mqk *m, const char *name);

/**
 * mqk_queue_next - go through the queues of a broker
 * @m: session
 * @info: begin with { .sz = sizeof(info) } and pass it again unchanged
 *
 * Return: 1 and the next queue, 0 no more; the errors of the call.
 */
int mqk_queue_next(struct mqk *m, struct mqk_queue_info *info);

/**
 * mqk_queue_get - one queue by its id
 * @m: session
 * @id: its id
 * @info: info->sz is set by the caller
 *
 * Return: 0; -ENOENT.
 */
int mqk_queue_get(struct mqk *m, uint32_t id, struct mqk_queue_info *info);

/**
 * mqk_bind - bind a queue to an exchange
 * @m: session
 * @exchange: name of the exchange
 * @queue: name of the queue
 * @key: binding key; a pattern for topic exchanges
 * @key_len: its bytes
 * @args: encoded headers or NULL
 * @args_len: their bytes
 *
 * A binding is known by all four; making it twice succeeds.
 * Return: 0; the errors of struct mqk_bind.  Source: AMQP 0-9-1 queue.bind.
 */
int mqk_bind(struct mqk *m, const char *exchange, const char *queue,
	     const void *key, size_t key_len,
	     const void *args, size_t args_len);

/**
 * mqk_unbind - remove a binding
 * @m: session
 * @exchange: name of the exchange
 * @queue: name of the queue
 * @key: binding key
 * @key_len: its bytes
 * @args: encoded headers or NULL
 * @args_len: their bytes
 *
 * Return: 0 also when there is none; the errors of struct mqk_bind.
 * Source: AMQP 0-9-1 queue.unbind.
 */
int mqk_unbind(struct mqk *m, const char *exchange, const char *queue,
	       const void *key, size_t key_len,
	       const void *args, size_t args_len);

/**
 * mqk_bind_exchange - have messages go on from an exchange to another one
 * @m: session
 * @exchange: name of the exchange that they come from
 * @to: name of the exchange that they go on to
 * @key: binding key, as for mqk_bind()
 * @key_len: its bytes
 * @args: encoded headers or NULL
 * @args_len: their bytes
 *
 * A message goes through each exchange once, however many bindings lead there.
 * Return: 0; the errors of struct mqk_bind.  Source: RabbitMQ exchange.bind.
 */
int mqk_bind_exchange(struct mqk *m, const char *exchange, const char *to,
		      const void *key, size_t key_len,
		      const void *args, size_t args_len);

/**
 * mqk_unbind_exchange - remove a binding between exchanges
 * @m: session
 * @exchange: name of the exchange that messages come from
 * @to: name of the exchange that they go on to
 * @key: binding key
 * @key_len: its bytes
 * @args: encoded headers or NULL
 * @args_len: their bytes
 *
 * Return: 0 also when there is none; the errors of struct mqk_bind.
 * Source: RabbitMQ exchange.unbind.
 */
int mqk_unbind_exchange(struct mqk *m, const char *exchange, const char *to,
			const void *key, size_t key_len,
			const void *args, size_t args_len);

/**
 * mqk_route - the queues that a message would reach
 * @m: session
 * @exchange: name of the exchange, "" for the default exchange
 * @key: routing key
 * @key_len: its bytes
 * @headers: encoded headers or NULL
 * @headers_len: their bytes
 * @flags: 0 or MQK_MSG_F_CC: CC and BCC in @headers are further routing keys
 * @ids: out: ids of queues (mqk_queue_get() tells their names)
 * @room: ids that fit; may be 0
 *
 * Publishes nothing.
 * Return: number of queues, also when it is more than @room; the errors of
 * struct mqk_route_query.
 */
int mqk_route(struct mqk *m, const char *exchange,
	      const void *key, size_t key_len,
	      const void *headers, size_t headers_len, uint32_t flags,
	      uint32_t *ids, uint32_t room);

/* ------------------------------------------------------------------------
 * Lists of bindings and consumers (list.c)
 *
 * A function is called for each one; a list takes one call of the kernel for 64
 * of them.  What is there from the beginning to the end is told once, what comes
 * or goes meanwhile may be.  The function may make any other calls.
 */

/**
 * struct mqk_binding_info - a binding; only as long as the function runs
 * @number: its number in the broker, from 1
 * @exchange_id: id of the exchange
 * @queue_id: id of the queue, or of the exchange that it leads to
 * @key_len: bytes of the binding key
 * @exchange: name of the exchange
 * @queue: name of the queue, or of the exchange that it leads to
 * @key: binding key
 * @args: encoded headers: its arguments
 * @args_len: their bytes
 * @flags: MQK_BIND_F_EXCHANGE: it leads to an exchange
 */
struct mqk_binding_info {
	uint32_t number;
	uint32_t exchange_id;
	uint32_t queue_id;
	uint32_t key_len;
	const char *exchange;
	const char *queue;
	const void *key;
	const void *args;
	size_t args_len;
	uint32_t flags;
};

/**
 * struct mqk_consumer_info - a consumer; only as long as the function runs
 * @number: its number in the broker, from 1
 * @flags: MQK_CONSUMER_F_*
 * @session: number of its session in the broker
 * @id: its id in the session
 * @queue_id: id of its queue; 0: it gets from any queue
 * @queue: name of its queue, or NULL
 * @uid: user who opened the session
 * @pid: process that opened the session, in the initial namespace
 * @prefetch: most unacknowledged messages
 * @unacked: messages delivered and not acknowledged
 * @delivered: deliveries since it was made
 * @error: 0, or the negative errno that ended it
 * @state: MQK_CONSUMER_PAGE_F_*, MQK_CONSUMER_STATE_*
 * @priority: its x-priority
 */
struct mqk_consumer_info {
	uint32_t number;
	uint32_t flags;
	uint64_t session;
	uint32_t id;
	uint32_t queue_id;
	const char *queue;
	uint32_t uid;
	uint32_t pid;
	uint32_t prefetch;
	uint32_t unacked;
	uint64_t delivered;
	int32_t error;
	uint32_t state;
	int32_t priority;
};

/**
 * struct mqk_producer_info - a producer's name, listed
 * @number: its number in the broker
 * @flags: MQK_PRODUCER_F_*
 * @last: number of the last message that was taken; 0: none
 * @uid: whose it is
 * @gid: its group
 * @mode: who may use it
 * @pid: process that opened the session of the port that has it, in the initial
 *	namespace; 0: none has it
 * @name: the name
 */
struct mqk_producer_info {
	uint32_t number;
	uint32_t flags;
	uint64_t last;
	uint32_t uid;
	uint32_t gid;
	uint32_t mode;
	uint32_t pid;
	const char *name;
};

/* What is called for each; anything but 0 ends the list, and is returned. */
typedef int mqk_producer_fn(const struct mqk_producer_info *info, void *arg);
typedef int mqk_binding_fn(const struct mqk_binding_info *info, void *arg);
typedef int mqk_consumer_fn(const struct mqk_consumer_info *info, void *arg);

/**
 * mqk_binding_list - list the bindings of a broker
 * @m: session
 * @fn: called for each, in the order in which they were made
 * @arg: for it
 *
 * That the default exchange leads to each queue is no binding.
 * Return: 0; what @fn returned; -ENOMEM; the errors of struct mqk_list.
 */
int mqk_binding_list(struct mqk *m, mqk_binding_fn *fn, void *arg);

/**
 * mqk_consumer_list - list the consumers of a broker
 * @m: session
 * @fn: called for each, in the order in which they were made
 * @arg: for it
 *
 * Return: 0; what @fn returned; -ENOMEM; the errors of struct mqk_list.
 */
int mqk_consumer_list(struct mqk *m, mqk_consumer_fn *fn, void *arg);

/**
 * mqk_producer_list - list the producers whose names a broker remembers
 * @m: session
 * @fn: called for each, in the order in which they were made
 * @arg: for it
 *
 * Return: 0; what @fn returned; -ENOMEM; the errors of struct mqk_list.
 */
int mqk_producer_list(struct mqk *m, mqk_producer_fn *fn, void *arg);

/* ------------------------------------------------------------------------
 * Encoded headers (headers.c)
 *
 * Message headers and declare arguments: typed values with names, in the form
 * that <linux/mqk.h> describes at struct mqk_header.  No kernel is needed, all
 * functions are pure.
 */

/**
 * struct mqk_headers - headers that are being written
 * @buf: the caller's buffer
 * @room: bytes of it
 * @len: bytes that are written, a multiple of 8: pass buf and len on
 *
 * Threads: one at a time.
 */
struct mqk_headers {
	unsigned char *buf;
	size_t room;
	size_t len;
};

/**
 * mqk_headers_init - begin to write headers into a buffer
 * @h: filled
 * @buf: MQK_HEADERS_MAX bytes suffice for any headers; no alignment is needed
 * @room: its bytes
 */
void mqk_headers_init(struct mqk_headers *h, void *buf, size_t room);

/**
 * mqk_headers_add - append a header
 * @h: headers
 * @type: MQK_HEADER_*
 * @name: its name, 1 to 255 bytes
 * @value: value as encoded (numbers little-endian); NULL with @value_len 0
 * @value_len: its bytes
 *
 * Return: 0; -EINVAL type, name or a length that does not fit the type; -ENOBUFS
 * the buffer is full; -EMSGSIZE more than MQK_HEADERS_MAX.
 */
int mqk_headers_add(struct mqk_headers *h, int type, const char *name,
		    const void *value, size_t value_len);

/* Append a header of one type.  Return: as mqk_headers_add(). */
int mqk_headers_add_bool(struct mqk_headers *h, const char *name, bool value);
int mqk_headers_add_int(struct mqk_headers *h, const char *name,
			int64_t value);			/* MQK_HEADER_LONG */
int mqk_headers_add_double(struct mqk_headers *h, const char *name,
			   double value);
int mqk_headers_add_string(struct mqk_headers *h, const char *name,
			   const char *value);
int mqk_headers_add_timestamp(struct mqk_headers *h, const char *name,
			      int64_t seconds);		/* since 1970 */

/**
 * mqk_headers_add_strings - append a header that is an array of strings
 * @h: headers
 * @name: its name, as CC or BCC (MQK_MSG_F_CC)
 * @values: the strings
 * @count: how many
 *
 * Return: as mqk_headers_add().
 */
int mqk_headers_add_strings(struct mqk_headers *h, const char *name,
			    const char *const *values, unsigned int count);

/**
 * struct mqk_header_view - a header that was read
 * @name: its name, not terminated
 * @value: its value, as encoded and not aligned
 * @name_len: bytes of the name
 * @value_len: bytes of the value; fits the type
 * @type: MQK_HEADER_*
 *
 * Points into the headers that it was read from.
 */
struct mqk_header_view {
	const char *name;
	const void *value;
	uint16_t value_len;
	uint8_t name_len;
	uint8_t type;
};

/**
 * mqk_headers_next - read headers one after the other
 * @headers: encoded headers
 * @len: their bytes
 * @pos: in: 0 to begin; out: where the next one begins
 * @view: out: the header
 *
 * Never reads outside the @len bytes, whatever they hold and even while their
 * producer changes them (an in-place record is its producer's until the segment
 * is closed; a view's bytes can then change, its bounds cannot).
 *
 * Return: 1 a header, 0 the end, -EBADMSG malformed.
 */
int mqk_headers_next(const void *headers, size_t len, size_t *pos,
		     struct mqk_header_view *view);

/**
 * mqk_headers_find - the first header with a name
 * @headers: encoded headers
 * @len: their bytes
 * @name: the name, compared byte by byte
 * @view: out: the header
 *
 * Return: 1 found, 0 there is none, -EBADMSG malformed.
 */
int mqk_headers_find(const void *headers, size_t len, const char *name,
		     struct mqk_header_view *view);

/**
 * mqk_headers_check - whether headers are well formed
 * @headers: encoded headers
 * @len: their bytes
 *
 * Return: number of headers, -EBADMSG malformed.
 */
int mqk_headers_check(const void *headers, size_t len);

/**
 * mqk_header_item - read what is in an array or a table, one after the other
 * @outer: a header of type MQK_HEADER_ARRAY or MQK_HEADER_TABLE
 * @pos: in: 0 to begin; out: where the next one begins
 * @view: out: the value; those of a table have a name, those of an array have none
 *
 * Return: 1 a value, 0 the end, -EBADMSG malformed, -EINVAL no array or table.
 */
int mqk_header_item(const struct mqk_header_view *outer, size_t *pos,
		    struct mqk_header_view *view);

/**
 * mqk_header_int - value of a bool, integer or timestamp header
 * @view: the header
 * @value: out: its value
 *
 * Return: 0; -EINVAL for another type.
 */
int mqk_header_int(const struct mqk_header_view *view, int64_t *value);

/**
 * mqk_header_double - value of a float or double header
 * @view: the header
 * @value: out: its value
 *
 * Return: 0; -EINVAL for another type.
 */
int mqk_header_double(const struct mqk_header_view *view, double *value);

/* ------------------------------------------------------------------------
 * Properties of messages (properties.c)
 *
 * Headers with names and types that all agree upon: MQK_PROPERTY_*.
 */

/**
 * struct mqk_text - bytes with a length
 * @at: where they are, not terminated; NULL: there are none
 * @len: how many
 */
struct mqk_text {
	const char *at;
	size_t len;
};

/* A C string as such. */
#define MQK_TEXT(s)	{ (s), strlen(s) }

/**
 * struct mqk_properties - properties of a message; those that are NULL or not
 *	set are not there
 * @sz: bytes of this structure
 * @timestamp_set: @timestamp is meant
 * @user_id_set: @user_id is meant
 * @user_id: user who published it, as d.uid of struct mqk_msg tells
 * @timestamp: seconds since 1970
 * @content_type: MIME type
 * @content_encoding: MIME encoding
 * @correlation_id: which request a reply is for; any bytes
 * @reply_to: where replies go: a key of the default exchange
 * @message_id: a name of the message
 * @type: a name of its kind
 * @app_id: a name of the program
 * @group_id: a name of its group, which counts with MQK_MSG_F_GROUP
 */
struct mqk_properties {
	size_t sz;
	bool timestamp_set;
	bool user_id_set;
	uint32_t user_id;
	int64_t timestamp;
	struct mqk_text content_type;
	struct mqk_text content_encoding;
	struct mqk_text correlation_id;
	struct mqk_text reply_to;
	struct mqk_text message_id;
	struct mqk_text type;
	struct mqk_text app_id;
	struct mqk_text group_id;
};

/* Type of the header that is a property of this name; 0: none is. */
int mqk_property_type(const char *name, size_t name_len);

/**
 * mqk_properties_add - append properties to headers
 * @h: headers; unchanged on failure
 * @p: the properties
 *
 * Return: 0; -E2BIG; as mqk_headers_add().
 */
int mqk_properties_add(struct mqk_headers *h, const struct mqk_properties *p);

struct mqk_msg;

/**
 * mqk_properties_get - the properties of a message that was received
 * @msg: the message
 * @p: out: they point into the message; p->sz is set by the caller
 *
 * The first header of a name counts.  A user id that is not that of who
 * published the message (msg->d.uid, which nobody can forge) is none.
 * Return: number of properties; -EBADMSG malformed headers; -EINVAL p->sz.
 */
int mqk_properties_get(const struct mqk_msg *msg, struct mqk_properties *p);

/* ------------------------------------------------------------------------
 * Ports: publishing (port.c, publish.c, completion.c)
 *
 * The n-th message of a port has the publish sequence number n, from 1.  What
 * becomes of it is told by completions: a refusal (ERROR) and the return of a
 * mandatory message (RETURN) always, a confirm or the refusal of a full queue (NACK)
 * with the option confirm.  A
 * completion ring that is full stops the port with -EAGAIN until completions
 * are read.
 *
 * Threads: a port is used by one thread at a time.
 */

/* mqk_port_opts.batch: records are handed in by mqk_flush() alone. */
#define MQK_BATCH_MANUAL	UINT32_MAX

/**
 * struct mqk_port_opts - options of a port
 * @sz: bytes of this structure
 * @inplace: publishes from mapped segments too: mqk_reserve(), mqk_put()
 * @confirm: wants confirms
 * @entries: entries of the completion ring, a power of two from 16; 0: 1024
 * @batch: hand committed records in after so many commits; 0: 1;
 *	MQK_BATCH_MANUAL: never without mqk_flush()
 * @refused: called by mqk_confirm_wait() for each ERROR, NACK and RETURN that
 *	it reads; may be NULL.  It must not call functions of the port.
 * @arg: its first argument
 * @producer: name of the producer that it publishes for, or NULL: then repeats are
 *	dropped (mqk_port_last(), mqk_port_renumber())
 * @producer_mode: who may use the name, if it is new: w of a file's mode; 0: 0600
 */
struct mqk_port_opts {
	size_t sz;
	bool inplace;
	bool confirm;
	uint32_t entries;
	uint32_t batch;
	void (*refused)(void *arg, const struct mqk_completion *c);
	void *arg;
	const char *producer;
	uint32_t producer_mode;
};

/**
 * mqk_port_open - make a port
 * @m: session
 * @opts: options or NULL
 * @p: out: the port
 *
 * Return: 0; -E2BIG; errors of mmap(2); the errors of struct mqk_port_create.
 */
int mqk_port_open(struct mqk *m, const struct mqk_port_opts *opts,
		  struct mqk_port **p);

/**
 * mqk_port_close - close a port
 * @p: the port or NULL
 *
 * The kernel takes what is committed; a reservation is lost, completions that
 * were not read are lost.
 */
void mqk_port_close(struct mqk_port *p);

/**
 * mqk_port_wait_room - wait until a port that is held back may try again
 * @p: the port
 * @timeout: nanoseconds; 0 does not sleep, MQK_FOREVER
 *
 * What -EAGAIN of mqk_publish(), mqk_flush() and the like is about: a queue that
 * blocks (x-overflow) is full, and the message waits; or, with -EDQUOT and -ENOSPC, a
 * limit is reached.  Then the same call is made again; it may have to wait again.
 * Where the completion ring is full, this returns at once: completions are to be read.
 *
 * Threads: one at a time.
 * Return: 1: try again; 0: not yet; -EINTR; the port's error, when it has ended.
 */
int mqk_port_wait_room(struct mqk_port *p, int64_t timeout);

/**
 * mqk_port_last - number of the last message that was taken from the port's producer
 * @p: the port
 *
 * Return: what it was when the port was opened; 0: none, or no producer.
 */
uint64_t mqk_port_last(const struct mqk_port *p);

/**
 * mqk_port_renumber - say which number the producer's next message has
 * @p: a port with the option producer, and no reservation
 * @number: the number, from 1
 *
 * Without it, the first message of a port has mqk_port_last() + 1, and each one the
 * next number, those that were refused included: after a refusal (NACK, ERROR) what
 * came behind it has left a gap (-ERANGE), and all of it is sent again, from the
 * number that was refused.  What is sent again and was taken is confirmed and
 * dropped.
 *
 * Threads: one at a time.
 * Return: 0; -EINVAL no producer, a number of 0, or a reservation; in place: the
 * errors of mqk_flush() and mqk_reserve().
 */
int mqk_port_renumber(struct mqk_port *p, uint64_t number);

/**
 * mqk_port_forget - close a port, and forget its producer's name
 * @p: the port
 *
 * A port that is opened for the name later begins with 1.
 * Return: 0; -EINVAL no producer, -ESTALE another port has the name: it is still open.
 */
int mqk_port_forget(struct mqk_port *p);

/**
 * mqk_port_seq - sequence number of the port's last message
 * @p: port
 *
 * 0 before the first.  Counts messages taken (mqk_publish()) and records committed (mqk_commit()).
 */
uint64_t mqk_port_seq(const struct mqk_port *p);

/**
 * mqk_publish - publish a copy of a message
 * @p: port
 * @exchange: id of the exchange
 * @key: routing key
 * @key_len: its bytes, at most MQK_KEY_MAX
 * @payload: the payload
 * @len: its bytes
 * @flags: MQK_MSG_F_*
 *
 * The kernel copies before the call returns; no process can change the copy.
 * On a port with records that are not handed in yet, hands those in first.
 *
 * Return: 0; the errors of struct mqk_publish, among them -EAGAIN: the
 * completion ring is full.  Source: AMQP 0-9-1 basic.publish.
 */
int mqk_publish(struct mqk_port *p, uint32_t exchange,
		const void *key, size_t key_len,
		const void *payload, size_t len, uint32_t flags);

/**
 * mqk_publishv - publish copies of several messages with one call
 * @p: port
 * @msgs: messages; pointers in them are cast to uintptr_t; unused members 0
 * @count: how many; more than publish_max (mqk_query()) are split
 *
 * Return: number of messages taken, in order.  Fewer than @count: the next one
 * was refused, and a call with the rest tells why.  When the first one is
 * refused: its error, as mqk_publish().
 */
int mqk_publishv(struct mqk_port *p, const struct mqk_message *msgs,
		 uint32_t count);

/**
 * mqk_reserve_last - the slow path of mqk_reserve(); do not call
 * @p: port
 * @size: bytes that must fit
 *
 * Return: as mqk_reserve().
 */
int mqk_reserve_last(struct mqk_port *p, uint64_t size);

/*
 * In place: mqk_reserve() and mqk_commit() are inline functions of ring.h,
 * documented there.
 */

/**
 * mqk_reserved_set - set properties of the reserved record
 * @p: port with a reservation
 * @priority: 0 to 255; a new reservation has 0
 * @expiration: milliseconds that the message may wait in a queue; -1, as in a new
 *	reservation: for ever
 *
 * Copies have them in struct mqk_message.
 * Return: 0; -EINVAL no reservation, or @expiration out of range.
 */
int mqk_reserved_set(struct mqk_port *p, uint8_t priority, int64_t expiration);

/**
 * mqk_reserved_delay - schedule the reserved record
 * @p: port with a reservation
 * @ms: milliseconds until the message takes its place in its queues; 0, as in a new
 *	reservation: none
 *
 * Copies have it in struct mqk_message.
 * Return: 0; -EINVAL no reservation.
 */
int mqk_reserved_delay(struct mqk_port *p, uint32_t ms);

/**
 * mqk_commit_len - commit a record with a shorter payload than was reserved
 * @p: port with a reservation
 * @payload_len: bytes of payload, at most those reserved
 *
 * The rest of the reservation is used for the next record.
 * Return: as mqk_commit(); -EINVAL no reservation, or longer than it.
 */
int mqk_commit_len(struct mqk_port *p, size_t payload_len);

/**
 * mqk_put - mqk_reserve(), copy the payload, mqk_commit()
 * @p: port with the option inplace
 * @exchange: id of the exchange
 * @key: routing key
 * @key_len: its bytes, at most MQK_KEY_MAX
 * @payload: the payload
 * @len: its bytes
 * @flags: MQK_MSG_F_*
 *
 * Unlike with mqk_publish() the producer writes the record, and
 * many records cost one call (option batch).
 * Return: as mqk_reserve() with no effect, or as mqk_commit().  To tell them
 * apart: mqk_port_seq() has risen when the record is committed.
 */
int mqk_put(struct mqk_port *p, uint32_t exchange,
	    const void *key, size_t key_len,
	    const void *payload, size_t len, uint32_t flags);

/**
 * mqk_flush - hand the committed records to the kernel
 * @p: port
 *
 * Return: number of records taken now (0: there were none); -EAGAIN the
 * completion ring is full: read it and call again; -EDQUOT, -ENOSPC, -ENOMEM the
 * next record cannot be taken now: it stays, call again later; -EPROTO the port
 * is broken.  Records before the one that stopped it are taken.
 * Source: uapi MQK_IOC_DOORBELL.
 */
int mqk_flush(struct mqk_port *p);

/**
 * mqk_completion_next - read a completion, without blocking
 * @p: port
 * @c: out: the completion; c->pos has no meaning
 *
 * Return: 1 a completion, 0 nothing there, or why the port has ended (-EPROTO,
 * -ESHUTDOWN) when nothing is left.  After 0 poll(2) on mqk_fd() tells of the
 * next one.  Makes no system call.
 */
int mqk_completion_next(struct mqk_port *p, struct mqk_completion *c);

/**
 * mqk_port_wait - sleep until there is a completion to read
 * @p: port
 * @timeout: 0 does not sleep; MQK_FOREVER
 *
 * Return: 1 there is one, 0 timeout, -EINTR a signal, or why the port has ended.
 * Source: uapi MQK_IOC_WAIT.
 */
int mqk_port_wait(struct mqk_port *p, int64_t timeout);

/**
 * mqk_port_confirmed - up to which number all messages are accounted for
 * @p: port with the option confirm
 *
 * Each of them was confirmed or refused, as far as completions have been read by
 * mqk_completion_next() or mqk_confirm_wait().
 */
uint64_t mqk_port_confirmed(const struct mqk_port *p);

/**
 * mqk_confirm_wait - wait until messages are confirmed
 * @p: port with the option confirm
 * @seq: the last one that matters; 0: mqk_port_seq()
 * @timeout: 0 does not sleep; MQK_FOREVER
 *
 * Hands committed records in, then reads completions until mqk_port_confirmed()
 * has reached @seq.  Refusals and returns that it meets go to the option
 * refused.
 *
 * Return: 0 all are accounted for.  Without the option refused, the error of the
 * first refusal (-ENOENT for a return) that this function has read and not told
 * yet, once all are accounted for.  -ETIMEDOUT; -EINTR; -EINVAL no option
 * confirm, or @seq not published yet; the errors of mqk_flush() but -EAGAIN; why
 * the port has ended.
 * Source: RabbitMQ publisher confirms; semantics of MQK_COMPLETION_*.
 */
int mqk_confirm_wait(struct mqk_port *p, uint64_t seq, int64_t timeout);

/* ------------------------------------------------------------------------
 * Consumers: receiving (consumer.c, view.c, ack.c, segment.c)
 *
 * Threads: a consumer is used by one thread at a time.
 */

/**
 * struct mqk_msg - a message that was received
 * @d: the delivery, as <linux/mqk.h> describes it: tag, exchange, queue, seq,
 *	count, uid, pid, flags, key_len, headers_len, payload_len
 * @key: routing key, d.key_len bytes
 * @headers: encoded headers, d.headers_len bytes: mqk_headers_next()
 * @payload: payload, d.payload_len bytes
 *
 * Points into a segment that is mapped read-only; then it is valid until the
 * message is settled.  Of a consumer with the option noack it is valid until the
 * next mqk_next(), mqk_recv(), mqk_get() or mqk_consumer_arm() on that consumer;
 * so it is with the option copy, when it points into the consumer's buffer.  At
 * the latest it ends with mqk_consumer_close().  The payload is aligned to 64
 * bytes in a segment, to 16 bytes in a buffer.
 *
 * Until its segment is closed, the producer of an in-place record can still
 * change the bytes (never the lengths): read a byte once, or copy first, where
 * that matters.
 */
struct mqk_msg {
	struct mqk_delivery d;
	const void *key;
	const void *headers;
	const void *payload;
};

/**
 * struct mqk_consumer_opts - options of a consumer
 * @sz: bytes of this structure
 * @noack: messages are settled by their delivery
 * @exclusive: be the only consumer of the queue
 * @copy: read with MQK_IOC_READ instead of mapping segments; implied where the
 *	session may not map
 * @spin: the caller polls with mqk_next() and wants no wake-ups:
 *	mqk_consumer_arm() is then a must before poll(2)
 * @prefetch: most unacknowledged messages; 0: as many as the ring has entries
 * @entries: entries of the delivery ring, a power of two from 16; 0: 1024 or
 *	more
 * @spin_ns: how long mqk_recv() polls before it sleeps; 0: not at all
 * @args: encoded headers or NULL; mqk_puller_open() has none
 * @args_len: their bytes
 */
struct mqk_consumer_opts {
	size_t sz;
	bool noack;
	bool exclusive;
	bool copy;
	bool spin;
	uint32_t prefetch;
	uint32_t entries;
	uint64_t spin_ns;
	const void *args;
	size_t args_len;
};

/**
 * mqk_consume - begin to consume a queue
 * @m: session
 * @queue: name of the queue
 * @opts: options or NULL
 * @c: out: the consumer
 *
 * Return: 0; -E2BIG; errors of mmap(2); the errors of struct
 * mqk_consumer_create.  Source: AMQP 0-9-1 basic.consume.
 */
int mqk_consume(struct mqk *m, const char *queue,
		const struct mqk_consumer_opts *opts, struct mqk_consumer **c);

/**
 * mqk_cancel - stop deliveries
 * @c: consumer
 *
 * What is delivered can still be read and acknowledged; when it is read,
 * mqk_next() returns -ECANCELED.
 * Return: 0; the errors of struct mqk_id.  Source: AMQP 0-9-1 basic.cancel.
 */
int mqk_cancel(struct mqk_consumer *c);

/**
 * mqk_consumer_close - end a consumer
 * @c: the consumer or NULL
 *
 * The kernel takes the acknowledgements first; unacknowledged messages return to
 * the queue in their old places.  The consumer's messages become invalid.
 */
void mqk_consumer_close(struct mqk_consumer *c);

/**
 * mqk_consumer_queue - id of the queue that a consumer consumes
 * @c: consumer
 *
 * Return: the id; 0 for a puller
 */
uint32_t mqk_consumer_queue(const struct mqk_consumer *c);

/**
 * mqk_consumer_copies - whether a consumer reads copies
 * @c: consumer
 *
 * Return: true with the option copy, or when the session may not map segments
 */
bool mqk_consumer_copies(const struct mqk_consumer *c);

/*
 * mqk_next() and mqk_ack() are inline functions of ring.h, documented there.
 */

/**
 * mqk_recv - receive a message, waiting for it
 * @c: consumer
 * @msg: out: the message
 * @timeout: 0 does not sleep; MQK_FOREVER
 *
 * mqk_next(), for option spin_ns again and again, then asleep.  Acknowledgements
 * are taken before it sleeps.
 * Return: 1 a message, 0 timeout, -EINTR a signal; else as mqk_next().
 * Source: uapi MQK_IOC_WAIT.
 */
int mqk_recv(struct mqk_consumer *c, struct mqk_msg *msg, int64_t timeout);

/**
 * mqk_consumer_arm - prepare to sleep in poll(2), epoll(7) or io_uring
 * @c: consumer
 *
 * Releases what was read, asks for wake-ups and looks again.  Optional after
 * mqk_next() or mqk_recv() has returned 0, except with the option spin.
 * Return: 1 there is something to read already, do not sleep; 0 sleep; why the
 * consumer has ended.
 * Source: barrier pair (D) of <linux/mqk.h>.
 */
int mqk_consumer_arm(struct mqk_consumer *c);

/**
 * mqk_ack_multiple - accept all messages up to a tag
 * @c: consumer
 * @tag: delivery tag; 0: all that are unacknowledged
 *
 * Return: as mqk_ack().  Source: AMQP 0-9-1 basic.ack, multiple.
 */
int mqk_ack_multiple(struct mqk_consumer *c, uint64_t tag);

/**
 * mqk_nack - return messages that were not processed: no failure is counted
 * @c: consumer
 * @tag: delivery tag; 0 with @multiple: all that are unacknowledged
 * @requeue: back to its old place in the queue; else dropped
 * @multiple: this tag and all before it
 *
 * Return: as mqk_ack().  Source: RabbitMQ basic.nack.
 */
int mqk_nack(struct mqk_consumer *c, uint64_t tag, bool requeue, bool multiple);

/**
 * mqk_reject - return a message whose processing failed: counts as a failure
 * @c: consumer
 * @tag: delivery tag
 * @requeue: back to its old place in the queue; else dropped
 *
 * Return: as mqk_ack().  Source: AMQP 0-9-1 basic.reject.
 */
int mqk_reject(struct mqk_consumer *c, uint64_t tag, bool requeue);

/**
 * mqk_settle - have the kernel take the acknowledgements now
 * @c: consumer
 *
 * Only needed for a prompt effect: the kernel takes them when it needs room or
 * credit, when the consumer waits and when it is closed.
 * Return: number of messages settled by this call; -EINVAL, -EPROTO the consumer
 * is broken; -ENOENT.  Source: uapi MQK_IOC_KICK.
 */
int mqk_settle(struct mqk_consumer *c);

/**
 * mqk_consumer_prefetch - change how many unacknowledged messages it may have
 * @c: consumer
 * @prefetch: 0: as many as the ring has entries
 *
 * Return: 0; the errors of struct mqk_prefetch.  Source: AMQP 0-9-1 basic.qos.
 */
int mqk_consumer_prefetch(struct mqk_consumer *c, uint32_t prefetch);

/**
 * mqk_consumer_trim - unmap segments that this consumer has seen
 * @c: consumer; the caller holds none of its messages any more
 *
 * Mappings of segments are kept, because the kernel uses segments again.  When
 * mqk_next() fails with -ENOMEM, settle what is in hand, call this for each
 * consumer of the session and go on: nothing is lost.  (With the option noack
 * mqk_next() does that by itself.)
 */
void mqk_consumer_trim(struct mqk_consumer *c);

/* The slow paths of mqk_next() and mqk_ack(); do not call. */
int mqk_next_dry(struct mqk_consumer *c, struct mqk_msg *msg);
int mqk_next_view(struct mqk_consumer *c, struct mqk_msg *msg);
void mqk_next_release(struct mqk_consumer *c);
int mqk_ack_room(struct mqk_consumer *c, uint64_t tag, uint32_t flags);

/* ------------------------------------------------------------------------
 * Pulling and browsing (pull.c)
 */

/**
 * mqk_puller_open - make a consumer that gets single messages of any queue
 * @m: session
 * @opts: noack and copy are used; or NULL
 * @c: out: for mqk_get(), the functions that acknowledge, mqk_consumer_trim()
 *	and mqk_consumer_close(); the others give -EINVAL
 *
 * Return: 0; as mqk_consume().
 */
int mqk_puller_open(struct mqk *m, const struct mqk_consumer_opts *opts,
		    struct mqk_consumer **c);

/**
 * mqk_get - take one message from a queue
 * @c: puller
 * @queue: id of the queue (mqk_queue_lookup())
 * @msg: out: the message
 * @ready: out: messages still ready; may be NULL
 * @timeout: 0 does not wait for one; MQK_FOREVER
 *
 * Return: 1 a message, 0 none; -EINVAL not a puller; the errors of struct
 * mqk_get.  When the message cannot be mapped or copied, the error of that, and
 * it is requeued (with the option noack: lost).
 * Source: AMQP 0-9-1 basic.get.
 */
int mqk_get(struct mqk_consumer *c, uint32_t queue, struct mqk_msg *msg,
	    uint64_t *ready, int64_t timeout);

/**
 * struct mqk_buffer - memory that the library grows
 * @data: from malloc(3), or NULL
 * @size: its bytes
 *
 * Begin with { NULL, 0 }, end with mqk_buffer_free().
 */
struct mqk_buffer {
	void *data;
	size_t size;
};

void mqk_buffer_free(struct mqk_buffer *b);

/**
 * mqk_browse - look at a waiting message without taking it
 * @m: session
 * @queue: id of the queue
 * @seq: in: lowest place in the queue that is wanted, 0 for the first; out: the
 *	place behind the one found (which is msg->d.seq)
 * @msg: out: the message, in @buf; its tag is 0
 * @buf: grown as needed
 *
 * Threads: any, each with its own @buf.
 * Return: 1 a message, 0 none from there on; the errors of struct mqk_browse.
 */
int mqk_browse(struct mqk *m, uint32_t queue, uint64_t *seq,
	       struct mqk_msg *msg, struct mqk_buffer *buf);

/* ------------------------------------------------------------------------
 * Requests and replies (caller.c)
 *
 * A request is a message whose properties say where replies go and which request
 * they are for.  A caller has an address that the kernel has made, which nobody
 * can guess, and which ends with it; each of its requests has a correlation id
 * that nobody can guess either.  A server is a consumer and a port.
 *
 * Threads: a caller is used by one thread at a time.
 */

struct mqk_caller;

/**
 * struct mqk_caller_opts - options of a caller
 * @sz: bytes of this structure
 * @copy: read replies as the option of consumers of that name
 * @spin_ns: how long to poll for a reply before sleeping; 0: not at all
 */
struct mqk_caller_opts {
	size_t sz;
	bool copy;
	uint64_t spin_ns;
};

/**
 * mqk_caller_open - make a caller: a port, a queue for replies and its consumer
 * @m: session, opened for both
 * @opts: options or NULL
 * @c: out: the caller
 *
 * Return: 0; as mqk_queue_declare(), mqk_consume() and mqk_port_open().
 */
int mqk_caller_open(struct mqk *m, const struct mqk_caller_opts *opts,
		    struct mqk_caller **c);

/**
 * mqk_caller_close - end a caller
 * @c: the caller or NULL
 *
 * Its address leads nowhere from then on, and its last reply becomes invalid.
 */
void mqk_caller_close(struct mqk_caller *c);

/**
 * mqk_caller_address - where replies to a caller go
 * @c: caller
 *
 * For requests that are sent by other means: who knows it can reply.
 * Return: the key of the default exchange; good as long as the caller
 */
const char *mqk_caller_address(const struct mqk_caller *c);

/**
 * mqk_call - send a request, and wait for its reply
 * @c: caller
 * @exchange: id of the exchange
 * @key: routing key
 * @key_len: its bytes
 * @payload: the payload
 * @len: its bytes
 * @reply: out: the reply, until the next call
 * @timeout: for all of it; MQK_FOREVER
 *
 * The request is mandatory.  A reply that comes too late is dropped by a later
 * call.  After an error the request may still be carried out.
 *
 * Return: 0; -ENOENT no such exchange, or the request reaches no queue; -ENOBUFS a
 * queue refuses it; -ETIMEDOUT no reply in time; -EINTR a signal; the errors of
 * mqk_publish() and mqk_recv().
 */
int mqk_call(struct mqk_caller *c, uint32_t exchange,
	     const void *key, size_t key_len, const void *payload, size_t len,
	     struct mqk_msg *reply, int64_t timeout);

/**
 * mqk_callv - mqk_call() with headers and flags
 * @c: caller
 * @request: as for mqk_publishv(); reply-to and correlation-id are put before its
 *	headers
 * @reply: out: the reply, until the next call
 * @timeout: for all of it; MQK_FOREVER
 *
 * Return: as mqk_call(); -EMSGSIZE too many headers.
 */
int mqk_callv(struct mqk_caller *c, const struct mqk_message *request,
	      struct mqk_msg *reply, int64_t timeout);

/**
 * mqk_reply - reply to a request
 * @p: port
 * @request: the request, not settled yet
 * @payload: the payload
 * @len: its bytes
 *
 * A caller who has gone meanwhile is no error.
 * Return: 0; -EDESTADDRREQ it wants no reply; -ENOBUFS its correlation id is too
 * long (about 490 bytes); -EBADMSG malformed headers; as mqk_publish().
 */
int mqk_reply(struct mqk_port *p, const struct mqk_msg *request,
	      const void *payload, size_t len);

/*
 * What is called for each request; it replies with mqk_reply().  0: it is done,
 * and acknowledged; negative: it is rejected, and dropped; positive: done, and
 * mqk_serve() returns that.
 */
typedef int mqk_serve_fn(struct mqk_port *p, const struct mqk_msg *request,
			 void *arg);

/**
 * mqk_serve - serve requests
 * @c: consumer of the queue that they come to
 * @p: port for replies
 * @fn: called for each
 * @arg: for it
 * @idle: return when no request has come for so long; MQK_FOREVER
 *
 * Return: 0 idle; what @fn returned; -EINTR a signal; as mqk_recv(), mqk_ack().
 */
int mqk_serve(struct mqk_consumer *c, struct mqk_port *p, mqk_serve_fn *fn,
	      void *arg, int64_t idle);

/* ------------------------------------------------------------------------
 * Transactions (tx.c)
 *
 * Of a session: what its ports publish and what its consumers settle, all of it at
 * once or not at all.  While one thread ends it, the session's other threads hand in
 * nothing.
 */

/**
 * mqk_tx_begin - keep back what the session publishes and settles from now on
 * @m: session
 *
 * What was published and acknowledged before is not part of it.
 * Return: 0; -EBUSY there is a transaction; -EAGAIN a message of a port waits for room;
 * -ENOTTY a kernel without them; the errors of struct mqk_tx.
 * Source: uapi MQK_IOC_TX.
 */
int mqk_tx_begin(struct mqk *m);

/**
 * mqk_tx_commit - do all of it
 * @m: session
 *
 * When it fails, nothing has happened, and the transaction is over: messages that were
 * acknowledged in it are unacknowledged again.
 * Return: 0; -EINVAL there is no transaction; -ENOSPC a queue refuses a message;
 * -ESTALE a message that was acknowledged is not the consumer's any more; the errors of
 * struct mqk_tx.  Source: uapi MQK_IOC_TX.
 */
int mqk_tx_commit(struct mqk *m);

/**
 * mqk_tx_rollback - forget it
 * @m: session
 *
 * Messages that were acknowledged are unacknowledged again; one that was mapped by
 * itself (larger than a segment) cannot be read any more.
 * Return: 0; -EINVAL there is no transaction.  Source: uapi MQK_IOC_TX.
 */
int mqk_tx_rollback(struct mqk *m);

/*
 * What is called for each message: it publishes what comes of it, on ports of the
 * session.  0: done; negative: it has failed.
 */
typedef int mqk_process_fn(const struct mqk_msg *msg, void *arg);

/**
 * mqk_process - take messages, publish what comes of them, and acknowledge them, in
 *	one transaction
 * @c: consumer that is pushed, and acknowledges
 * @fn: called for each
 * @arg: for it
 * @max: most messages of one transaction, 1 to MQK_TX_SETTLEMENTS_MAX; no more than are
 *	there
 * @timeout: how long to wait for the first; MQK_FOREVER
 *
 * A process that dies at any time leaves either a message that nothing was published
 * for, or what was published for it and no message.  So does a failure: the message
 * for which @fn failed is rejected and the others of that transaction are returned,
 * all to their old places.
 * Return: how many were processed; 0 none has come; what @fn returned, when it failed;
 * -EINTR a signal; as mqk_recv(), mqk_ack(), mqk_tx_begin(), mqk_tx_commit().
 */
int mqk_process(struct mqk_consumer *c, mqk_process_fn *fn, void *arg, int max,
		int64_t timeout);

/* ------------------------------------------------------------------------
 * Idempotent consumers (idem.c)
 *
 * A message may be delivered twice: after its consumer has died, or because its
 * publisher sent it twice.  What makes its effect happen once is the consumer's: it
 * remembers what was done, together with the effect.
 */

struct mqk_idem;

/* The effect of a message: 0 or more when it happened, or -errno. */
typedef int (*mqk_idem_effect)(void *arg);

/**
 * struct mqk_idem_store - where it is remembered beyond the process
 * @begin: begin a transaction: 0 or -errno
 * @check: whether a message is known: 1, 0, or -errno; NULL: @record tells
 * @record: remember a message; -EEXIST: it is known (a unique key); NULL: nothing
 * @version: the version that a key has, 0 when it is not known; NULL: the table's
 * @set_version: the version that it has now; NULL: nothing
 * @commit: make all since @begin last, the effect as well: 0 or -errno
 * @rollback: undo all since @begin; also when @commit has failed
 *
 * Each gets the context of the options.  None is called under a lock of the library;
 * two threads may be in them at once, for different names.
 */
struct mqk_idem_store {
	int (*begin)(void *ctx);
	int (*check)(void *ctx, const void *id, size_t len);
	int (*record)(void *ctx, const void *id, size_t len);
	int (*version)(void *ctx, const void *key, size_t len, uint64_t *version);
	int (*set_version)(void *ctx, const void *key, size_t len, uint64_t version);
	int (*commit)(void *ctx);
	void (*rollback)(void *ctx);
};

/**
 * struct mqk_idem_opts - what a table is made with
 * @sz: bytes of this structure
 * @entries: names that it holds, then that which was done longest ago goes; 0: 65,536
 * @store: or NULL: what was done is forgotten with the table; it must outlive that
 * @ctx: for the store's functions
 */
struct mqk_idem_opts {
	size_t sz;
	uint32_t entries;
	const struct mqk_idem_store *store;
	void *ctx;
};

/**
 * mqk_idem_open - make a table of what was done
 * @opts: options, may be NULL
 * @t: out: the table; any number of threads may use it
 *
 * Return: 0; -EINVAL more than 16,777,216 entries, or a store without begin, commit
 * or rollback; -ENOMEM; -EIO no random numbers.
 */
int mqk_idem_open(const struct mqk_idem_opts *opts, struct mqk_idem **t);
/* Nobody uses it any more; NULL is none. */
void mqk_idem_close(struct mqk_idem *t);

/**
 * mqk_idem_id - the message-id of a message
 * @msg: the message
 * @id: out: points into the message
 *
 * Return: 0; -ENOENT it has none; -EBADMSG malformed headers.
 */
int mqk_idem_id(const struct mqk_msg *msg, struct mqk_text *id);

/**
 * mqk_idem_once - have the effect of a message happen once
 * @t: table
 * @id: name of the message
 * @len: bytes of it
 * @effect: the effect
 * @arg: for @effect
 *
 * In one transaction of the store: asks whether it is known, calls @effect, and
 * records it.  What fails is forgotten and can be tried again.
 * Return: 1 it happened; 0 it had happened before: acknowledge; -EBUSY it is just
 * happening in another thread; -ENOBUFS only such are in the table; -EINVAL no name;
 * -ENOMEM; errors of @effect and of the store.
 */
int mqk_idem_once(struct mqk_idem *t, const void *id, size_t len,
		  mqk_idem_effect effect, void *arg);

/**
 * mqk_idem_update - have the effect of a message happen if it is newer
 * @t: table
 * @key: name of what it changes
 * @len: bytes of it
 * @version: what it is changed to, above 0 and rising
 * @effect: the effect
 * @arg: for @effect
 *
 * As mqk_idem_once(), but what is asked is the version of @key.
 * Return: 1 it happened; 0 @version is not above the last: acknowledge; as
 * mqk_idem_once().
 */
int mqk_idem_update(struct mqk_idem *t, const void *key, size_t len,
		    uint64_t version, mqk_idem_effect effect, void *arg);

/**
 * mqk_idem_begin - begin something by hand: mqk_idem_once() without its frame
 * @t: table; its store is not asked
 * @id: name of the message
 * @len: bytes of it
 *
 * Return: 1 do it, then mqk_idem_end(); 0 it was done; as mqk_idem_once().
 */
int mqk_idem_begin(struct mqk_idem *t, const void *id, size_t len);
/* It was done, or has failed and may be done again: 0; -ENOENT it was not begun. */
int mqk_idem_end(struct mqk_idem *t, const void *id, size_t len, bool done);

#ifdef __cplusplus
}
#endif

#include "ring.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif /* MQK_MQK_H */
