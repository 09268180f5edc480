/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of /dev/mqk, one function each, for the tests.
 *
 * Deliberately not libmqk: these tests hold the kernel to <linux/mqk.h>
 * itself.  Every function returns what the call returns, 0 or more, or -errno;
 * none prints, none ends the program, so that a test states each outcome in one
 * assertion.
 *
 * An env is a broker of the test's own and the sessions, mappings and children
 * it has there.  env_end() gives all of them back, deletes every queue and
 * exchange, and says whether the broker's counters are where they began.
 */
#ifndef MQK_TEST_LIB_H
#define MQK_TEST_LIB_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <linux/mqk.h>

#define MQK_DIR			"/dev/mqk"
#define MQK_CONTROL		"/dev/mqk/control"
#define PAGE			4096u
/* Longer than any call takes on a loaded, emulated, instrumented machine. */
#define LONG_MS			20000
/* Long enough to see that nothing happens. */
#define SHORT_MS		50

/* -errno, or what the call returned. */
int mq(int fd, unsigned long cmd, void *arg);
int mq_value(int fd, unsigned long cmd, unsigned long value);

/* --- brokers ------------------------------------------------------------- */

struct broker {
	char name[MQK_BROKER_NAME_MAX + 1];
};

int control_open(void);
/* @want: NULL, or what to ask for; its name is set here. */
int broker_make(struct broker *b, const struct mqk_broker_create *want);
int broker_delete(const struct broker *b, __u32 flags);
int broker_open(const struct broker *b, int mode);
/* Of durable ones: make in, close, and open from a directory. */
int broker_keep(struct broker *b, const char *dir);
int broker_close(const struct broker *b, __u32 flags);
int broker_reopen(struct broker *b, const char *dir);
/* A directory of the test's own, and its end with the files in it. */
int directory_make(char *path, size_t size);
void directory_remove(const char *path);

/* --- env ----------------------------------------------------------------- */

struct env {
	struct broker broker;
	int admin;			/* session that looks at the counters */
	__u64 used[MQK_RES_NR];		/* broker_used at the start */
};

int env_begin(struct env *env, const struct mqk_broker_create *want);
/* A session that env_end() closes: a descriptor. */
int env_session(struct env *env, int mode);
/* Close a session now, with (close) or without (drop) its mappings. */
void session_close(int fd);
void session_drop(int fd);
/* Changes whenever a descriptor's number may have been given back. */
extern unsigned int session_epoch;
/* Number of counters that are not as at the start; prints them to stderr. */
int env_end(struct env *env);
/* Close the sessions and mappings of this process, keep the broker. */
void env_release(struct env *env);
/* Delete all queues and exchanges through @fd. */
int env_clear(int fd);
/* Wait until broker_used[@res] is @value; returns the last value seen. */
__u64 env_used(struct env *env, unsigned int res, __u64 value);

/* --- mappings ------------------------------------------------------------ */

/* mmap() that env_release() undoes; MAP_FAILED as usual. */
void *map(int fd, __u64 offset, size_t bytes, int prot);
void unmap(void *address, size_t bytes);
/* The errno of an mmap() that must fail; 0 if it did not. */
int map_errno(int fd, __u64 offset, size_t bytes, int prot, int flags);
/* @bytes of ordinary memory that end where an inaccessible page begins. */
void *before_hole(size_t bytes);

/* --- topology ------------------------------------------------------------ */

int query(int fd, struct mqk_query *q);
int stat_get(int fd, struct mqk_stat *s);
/* Rule that refused the last failed call (MQK_RULE_*), or -errno. */
int rule(int fd);
int error_get(int fd, struct mqk_error *e);

/* Ids, or -errno. */
__s64 exchange_declare(int fd, const char *name, __u32 type, __u32 flags);
__s64 queue_declare(int fd, const char *name, __u32 flags);
/* Declare with a name of any bytes. */
__s64 exchange_declare_n(int fd, const void *name, __u32 len, __u32 type,
			 __u32 flags);
__s64 queue_declare_n(int fd, const void *name, __u32 len, __u32 flags);
/* Server-named: fills @name with a C string. */
__s64 queue_declare_made(int fd, char name[MQK_NAME_MAX + 1], __u32 flags);
__s64 exchange_declare_mode(int fd, const char *name, __u32 type, __u32 mode);
/* Declare with arguments in words, "name=value": of digits, a long; true
 * and false, a bool; else a string.
 */
__s64 queue_declare_args(int fd, const char *name, const char *args);
/* Change a queue; @args as above, or NULL. */
int queue_set(int fd, const char *name, __u32 flags, const char *args);
__s64 queue_declare_mode(int fd, const char *name, __u32 mode);
int exchange_delete(int fd, const char *name, __u32 flags);
int queue_delete(int fd, const char *name, __u32 flags);
/* Number of messages purged, or -errno. */
__s64 queue_purge(int fd, const char *name);
int binding_add(int fd, const char *exchange, const char *queue,
		const char *key);
int binding_add_n(int fd, const char *exchange, const char *queue,
		  const void *key, __u32 key_len);
int binding_del(int fd, const char *exchange, const char *queue,
		const char *key);
/* Number of queues reached, the first @room of their ids in @ids, or -errno. */
int route(int fd, const char *exchange, const void *key, __u32 key_len,
	  __u32 *ids, __u32 room);
/* Queue or exchange by id: its counters. */
int queue_info(int fd, __u32 id, struct mqk_queue_next *info);
int exchange_info(int fd, __u32 id, struct mqk_exchange_next *info);

/* Encoded headers being written: arguments, or headers of a message. */
struct headers {
	__u8 bytes[2048];
	__u32 len;
};

void headers_add(struct headers *h, char type, const char *name,
		 const void *value, __u32 value_len);
void headers_text(struct headers *h, const char *name, const char *value);
/* An array of strings, up to a NULL. */
void headers_array(struct headers *h, const char *name, const char *const *values);
void headers_number(struct headers *h, const char *name, __s64 value);
/* Change a queue, with arguments of any type. */
int queue_set_headers(int fd, const char *name, const struct headers *h);
/* The same calls with what they take beside names and keys; @h may be NULL. */
__s64 exchange_declare_args(int fd, const char *name, __u32 type, __u32 flags,
			    const struct headers *h);
int bind_full(int fd, unsigned long cmd, __u32 flags, const char *exchange,
	      const char *target, const char *key, const struct headers *h);
/* From an exchange to another one. */
int exchange_bind(int fd, const char *exchange, const char *to, const char *key);
int exchange_unbind(int fd, const char *exchange, const char *to,
		    const char *key);
int route_headers(int fd, __u32 flags, const char *exchange, const void *key,
		  __u32 key_len, const struct headers *h, __u32 *ids,
		  __u32 room);

/* --- bytes --------------------------------------------------------------- */

/* Fill with, check for, bytes that depend on @seed and the position. */
void pattern_fill(void *buf, size_t len, __u64 seed);
bool pattern_ok(const void *buf, size_t len, __u64 seed);
/* A repeatable pseudo-random number; @state is any non-zero seed. */
__u64 random_next(__u64 *state);

/* --- processes ----------------------------------------------------------- */

/* fork() whose child dies with its parent; env_end() kills it if it is left. */
pid_t spawn(void);
/* Wait for @pid: exit status, or 128 + signal; -ETIMEDOUT after @ms. */
int reap(pid_t pid, int ms);
/* kill -9 and wait: what reap() says. */
int kill_hard(pid_t pid);
/* Memory shared with children, zeroed. */
void *shared(size_t bytes);
/* Wait until *@word is @value or more: 0, or -ETIMEDOUT after @ms. */
int word_wait(const __u32 *word, __u32 value, int ms);
void word_set(__u32 *word, __u32 value);
void sleep_ms(int ms);
/* Whether the kernel is an instrumented one: for what takes minutes there. */
bool kernel_is_slow(void);

__u64 now_ms(void);
/* Whether thread @tid of this process, or process @tid, sleeps in the kernel
 * within @ms: how a test knows that a blocking call has begun.
 */
bool asleep(pid_t tid, int ms);
/* Signal that @fn(@arg) dies of in a forked child; 0: none. */
int child_signal(void (*fn)(void *arg), void *arg);

#endif /* MQK_TEST_LIB_H */
