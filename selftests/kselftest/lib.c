// SPDX-License-Identifier: GPL-2.0-only
#include "lib.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PTR(p)	((__u64)(uintptr_t)(p))

/* What this process has open: emptied by env_release(), not kept by a child. */
#define OPEN_MAX_	512
static struct {
	pid_t owner;
	int sessions[OPEN_MAX_];
	int nr_sessions;
	struct { void *address; size_t bytes; int fd; } maps[OPEN_MAX_ * 4];
	int nr_maps;
	pid_t children[OPEN_MAX_];
	int nr_children;
} held;
unsigned int session_epoch;
/* Threads of a test may map and open side by side. */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;

static void held_own(void)
{
	if (held.owner == getpid())
		return;
	memset(&held, 0, sizeof(held));
	held.owner = getpid();
}

int mq(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int mq_value(int fd, unsigned long cmd, unsigned long value)
{
	int ret = ioctl(fd, cmd, value);

	return ret < 0 ? -errno : ret;
}

/* --- brokers ------------------------------------------------------------- */

int control_open(void)
{
	int fd = open(MQK_CONTROL, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int broker_make(struct broker *b, const struct mqk_broker_create *want)
{
	static unsigned int number;
	struct mqk_broker_create c = { 0 };
	int control = control_open();
	int ret;

	if (control < 0)
		return control;
	if (want)
		c = *want;
	snprintf(b->name, sizeof(b->name), "test-%d-%u", getpid(), ++number);
	c.size = sizeof(c);
	c.name = PTR(b->name);
	c.name_len = strlen(b->name);
	ret = mq(control, MQK_IOC_BROKER_CREATE, &c);
	close(control);
	return ret;
}

static int broker_end(const struct broker *b, unsigned long cmd, __u32 flags)
{
	struct mqk_broker_delete d = {
		.size = sizeof(d),
		.flags = flags,
		.name = PTR(b->name),
		.name_len = strlen(b->name),
	};
	int control = control_open();
	int ret;

	if (control < 0)
		return control;
	ret = mq(control, cmd, &d);
	close(control);
	return ret;
}

int broker_delete(const struct broker *b, __u32 flags)
{
	return broker_end(b, MQK_IOC_BROKER_DELETE, flags);
}

int broker_close(const struct broker *b, __u32 flags)
{
	return broker_end(b, MQK_IOC_BROKER_CLOSE, flags);
}

int broker_keep(struct broker *b, const char *dir)
{
	struct mqk_broker_create c = { .flags = MQK_BROKER_F_DIR };
	int ret;

	c.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.dir < 0)
		return -errno;
	ret = broker_make(b, &c);
	close(c.dir);
	return ret;
}

int broker_reopen(struct broker *b, const char *dir)
{
	struct mqk_broker_open o = { .size = sizeof(o) };
	int control = control_open();
	int ret;

	if (control < 0)
		return control;
	o.name = PTR(b->name);
	o.name_len = strlen(b->name);
	o.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = o.dir < 0 ? -errno : mq(control, MQK_IOC_BROKER_OPEN, &o);
	if (o.dir >= 0)
		close(o.dir);
	close(control);
	return ret;
}

int directory_make(char *path, size_t size)
{
	snprintf(path, size, "/tmp/mqk-test-XXXXXX");
	return mkdtemp(path) ? 0 : -errno;
}

void directory_remove(const char *path)
{
	static const char *const names[] = {
		"mqk.super", "mqk.journal.0", "mqk.journal.1",
	};
	char name[128];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, names[i]);
		unlink(name);
	}
	rmdir(path);
}

int broker_open(const struct broker *b, int mode)
{
	char path[sizeof(MQK_DIR) + sizeof(b->name) + 1];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", MQK_DIR, b->name);
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* --- env ----------------------------------------------------------------- */

int env_begin(struct env *env, const struct mqk_broker_create *want)
{
	struct mqk_query q;
	int ret;

	held_own();
	ret = broker_make(&env->broker, want);
	if (ret)
		return ret;
	env->admin = broker_open(&env->broker, O_RDWR);
	if (env->admin < 0) {
		broker_delete(&env->broker, MQK_BROKER_DELETE_F_FORCE);
		return env->admin;
	}
	ret = query(env->admin, &q);
	memcpy(env->used, q.broker_used, sizeof(env->used));
	return ret;
}

int env_session(struct env *env, int mode)
{
	int fd;

	pthread_mutex_lock(&held_lock);
	held_own();
	fd = held.nr_sessions < OPEN_MAX_ ? broker_open(&env->broker, mode) :
					    -ENFILE;
	if (fd >= 0)
		held.sessions[held.nr_sessions++] = fd;
	pthread_mutex_unlock(&held_lock);
	return fd;
}

void env_release(struct env *env)
{
	int i;

	held_own();
	while (held.nr_children)
		kill_hard(held.children[--held.nr_children]);
	for (i = 0; i < held.nr_maps; i++)
		if (held.maps[i].address)
			munmap(held.maps[i].address, held.maps[i].bytes);
	for (i = 0; i < held.nr_sessions; i++)
		close(held.sessions[i]);
	held.nr_maps = 0;
	held.nr_sessions = 0;
	session_epoch++;
}

void session_drop(int fd)
{
	int i;

	held_own();
	for (i = 0; i < held.nr_sessions; i++)
		if (held.sessions[i] == fd)
			held.sessions[i] = held.sessions[--held.nr_sessions];
	session_epoch++;
	close(fd);
}

void session_close(int fd)
{
	int i;

	held_own();
	for (i = 0; i < held.nr_maps; i++)
		if (held.maps[i].address && held.maps[i].fd == fd) {
			munmap(held.maps[i].address, held.maps[i].bytes);
			held.maps[i].address = NULL;
		}
	session_drop(fd);
}

int env_clear(int fd)
{
	char name[MQK_NAME_MAX + 1];
	struct mqk_queue_next q = {
		.size = sizeof(q), .name = PTR(name),
	};
	struct mqk_exchange_next e = {
		.size = sizeof(e), .name = PTR(name),
	};
	struct mqk_delete d = { .size = sizeof(d), .name = PTR(name) };

	while (!mq(fd, MQK_IOC_QUEUE_NEXT, &q)) {
		d.name_len = q.name_len;
		mq(fd, MQK_IOC_QUEUE_DELETE, &d);
		q.flags = 0;
	}
	while (!mq(fd, MQK_IOC_EXCHANGE_NEXT, &e)) {
		d.name_len = e.name_len;
		if (e.name_len && (e.name_len < 4 || memcmp(name, "amq.", 4)))
			mq(fd, MQK_IOC_EXCHANGE_DELETE, &d);
		e.flags = 0;
		e.args_len = 0;
	}
	return 0;
}

__u64 env_used(struct env *env, unsigned int res, __u64 value)
{
	__u64 end = now_ms() + LONG_MS;
	struct mqk_query q;

	/* Objects are freed, and uncharged, a little later: RCU, fput(). */
	do {
		if (query(env->admin, &q))
			return ~0ull;
		if (q.broker_used[res] == value)
			break;
		sleep_ms(5);
	} while (now_ms() < end);
	return q.broker_used[res];
}

int env_end(struct env *env)
{
	static const char * const names[MQK_RES_NR] = {
		"sessions", "ports", "consumers", "exchanges", "queues",
		"bindings", "messages", "bytes", "mapped",
	};
	unsigned int i;
	int leaks = 0;

	env_release(env);
	env_clear(env->admin);
	for (i = 0; i < MQK_RES_NR; i++) {
		__u64 used;

		/* Free segments are kept for reuse: no leak. */
		if (i == MQK_RES_BYTES)
			continue;
		used = env_used(env, i, env->used[i]);
		if (used == env->used[i])
			continue;
		fprintf(stderr, "# leak: %s: %llu in use, %llu at the start\n",
			names[i], (unsigned long long)used,
			(unsigned long long)env->used[i]);
		leaks++;
	}
	close(env->admin);
	if (broker_delete(&env->broker, MQK_BROKER_DELETE_F_FORCE)) {
		fprintf(stderr, "# cannot delete the broker\n");
		leaks++;
	}
	return leaks;
}

/* --- mappings ------------------------------------------------------------ */

void *map(int fd, __u64 offset, size_t bytes, int prot)
{
	void *address = mmap(NULL, bytes, prot, MAP_SHARED, fd, offset);
	int i;

	if (address == MAP_FAILED)
		return address;
	pthread_mutex_lock(&held_lock);
	held_own();
	for (i = 0; i < held.nr_maps; i++)
		if (!held.maps[i].address)
			break;
	if (i < (int)(sizeof(held.maps) / sizeof(held.maps[0]))) {
		held.maps[i].address = address;
		held.maps[i].bytes = bytes;
		held.maps[i].fd = fd;
		if (i == held.nr_maps)
			held.nr_maps++;
	}
	pthread_mutex_unlock(&held_lock);
	return address;
}

void unmap(void *address, size_t bytes)
{
	int i;

	/* Forgotten first: the place may be another thread's right after. */
	pthread_mutex_lock(&held_lock);
	for (i = 0; i < held.nr_maps; i++)
		if (held.maps[i].address == address)
			held.maps[i].address = NULL;
	pthread_mutex_unlock(&held_lock);
	munmap(address, bytes);
}

int map_errno(int fd, __u64 offset, size_t bytes, int prot, int flags)
{
	void *address = mmap(NULL, bytes, prot, flags, fd, offset);

	if (address == MAP_FAILED)
		return errno;
	munmap(address, bytes);
	return 0;
}

void *before_hole(size_t bytes)
{
	size_t pages = (bytes + PAGE - 1) / PAGE * PAGE;
	__u8 *address = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (address == MAP_FAILED)
		return NULL;
	mprotect(address + pages, PAGE, PROT_NONE);
	return address + pages - bytes;
}

/* --- topology ------------------------------------------------------------ */

int query(int fd, struct mqk_query *q)
{
	memset(q, 0, sizeof(*q));
	q->size = sizeof(*q);
	return mq(fd, MQK_IOC_QUERY, q);
}

int stat_get(int fd, struct mqk_stat *s)
{
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	return mq(fd, MQK_IOC_STAT, s);
}

int error_get(int fd, struct mqk_error *e)
{
	memset(e, 0, sizeof(*e));
	e->size = sizeof(*e);
	return mq(fd, MQK_IOC_ERROR, e);
}

int rule(int fd)
{
	struct mqk_error e;
	int ret = error_get(fd, &e);

	return ret ? ret : (int)e.rule;
}

static __s64 declare_exchange(int fd, const void *name, __u32 len, __u32 type,
			      __u32 flags, __u32 mode)
{
	struct mqk_exchange_declare d = {
		.size = sizeof(d),
		.flags = flags,
		.name = PTR(name),
		.name_len = len,
		.type = type,
		.mode = mode,
	};
	int ret = mq(fd, MQK_IOC_EXCHANGE_DECLARE, &d);

	return ret < 0 ? ret : (__s64)d.id;
}

static __s64 declare_queue(int fd, const void *name, __u32 len, __u32 flags,
			   __u32 mode)
{
	struct mqk_queue_declare d = {
		.size = sizeof(d),
		.flags = flags,
		.name = PTR(name),
		.name_len = len,
		.mode = mode,
	};
	int ret = mq(fd, MQK_IOC_QUEUE_DECLARE, &d);

	return ret < 0 ? ret : (__s64)d.id;
}

__s64 exchange_declare_n(int fd, const void *name, __u32 len, __u32 type,
			 __u32 flags)
{
	return declare_exchange(fd, name, len, type, flags, 0);
}

__s64 exchange_declare(int fd, const char *name, __u32 type, __u32 flags)
{
	return declare_exchange(fd, name, strlen(name), type, flags, 0);
}

__s64 exchange_declare_mode(int fd, const char *name, __u32 type, __u32 mode)
{
	return declare_exchange(fd, name, strlen(name), type,
				MQK_DECLARE_F_MODE, mode);
}

__s64 queue_declare_n(int fd, const void *name, __u32 len, __u32 flags)
{
	return declare_queue(fd, name, len, flags, 0);
}

__s64 queue_declare(int fd, const char *name, __u32 flags)
{
	return declare_queue(fd, name, strlen(name), flags, 0);
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

/* Encode one argument; the bytes that it takes. */
static __u32 encode(__u8 *to, const char *word, size_t len)
{
	const char *value = memchr(word, '=', len) + 1;
	size_t name_len = value - 1 - word, value_len = len - name_len - 1;
	struct mqk_header h = {
		.type = MQK_HEADER_STRING, .name_len = name_len,
	};
	const void *bytes = value;
	__s64 number;

	if (value_len && strspn(value, "-0123456789") >= value_len) {
		number = strtoll(value, NULL, 10);
		h.type = MQK_HEADER_LONG;
		bytes = &number;
		value_len = sizeof(number);
	} else if (is_word(value, value_len, "true") || is_word(value, value_len, "false")) {
		h.type = MQK_HEADER_BOOL;
		bytes = *(const char *)value == 't' ? "\1" : "\0";
		value_len = 1;
	}
	h.value_len = value_len;
	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), word, name_len);
	memcpy(to + sizeof(h) + name_len, bytes, value_len);
	return (sizeof(h) + name_len + value_len + 7) & ~7u;
}

static __u32 encode_all(__u8 *bytes, const char *args)
{
	__u32 used = 0;

	while (*args) {
		size_t len = strcspn(args, " ");

		used += encode(bytes + used, args, len);
		args += len;
		args += *args == ' ';
	}
	return used;
}

__s64 queue_declare_args(int fd, const char *name, const char *args)
{
	__u8 bytes[1024] = {};
	struct mqk_queue_declare d = {
		.size = sizeof(d),
		.name = PTR(name),
		.name_len = strlen(name),
		.args = PTR(bytes),
	};
	int ret;

	d.args_len = encode_all(bytes, args);
	ret = mq(fd, MQK_IOC_QUEUE_DECLARE, &d);
	return ret < 0 ? ret : (__s64)d.id;
}

int queue_set(int fd, const char *name, __u32 flags, const char *args)
{
	__u8 bytes[1024] = {};
	struct mqk_queue_set s = {
		.size = sizeof(s),
		.flags = flags,
		.name = PTR(name),
		.name_len = strlen(name),
		.args = PTR(bytes),
		.args_len = encode_all(bytes, args ? args : ""),
	};

	return mq(fd, MQK_IOC_QUEUE_SET, &s);
}

int queue_set_headers(int fd, const char *name, const struct headers *h)
{
	struct mqk_queue_set s = {
		.size = sizeof(s),
		.name = PTR(name),
		.name_len = strlen(name),
		.args = PTR(h->bytes),
		.args_len = h->len,
	};

	return mq(fd, MQK_IOC_QUEUE_SET, &s);
}

__s64 queue_declare_mode(int fd, const char *name, __u32 mode)
{
	return declare_queue(fd, name, strlen(name), MQK_DECLARE_F_MODE, mode);
}

__s64 queue_declare_made(int fd, char name[MQK_NAME_MAX + 1], __u32 flags)
{
	struct mqk_queue_declare d = {
		.size = sizeof(d),
		.flags = flags,
		.made_name = PTR(name),
	};
	int ret = mq(fd, MQK_IOC_QUEUE_DECLARE, &d);

	if (ret < 0)
		return ret;
	name[d.made_name_len <= MQK_NAME_MAX ? d.made_name_len : 0] = '\0';
	return d.id;
}

static int delete_object(int fd, unsigned long cmd, const char *name,
			 __u32 flags, __u64 *messages)
{
	struct mqk_delete d = {
		.size = sizeof(d),
		.flags = flags,
		.name = PTR(name),
		.name_len = strlen(name),
	};
	int ret = mq(fd, cmd, &d);

	if (messages)
		*messages = d.messages;
	return ret;
}

int exchange_delete(int fd, const char *name, __u32 flags)
{
	return delete_object(fd, MQK_IOC_EXCHANGE_DELETE, name, flags, NULL);
}

int queue_delete(int fd, const char *name, __u32 flags)
{
	return delete_object(fd, MQK_IOC_QUEUE_DELETE, name, flags, NULL);
}

__s64 queue_purge(int fd, const char *name)
{
	__u64 messages = 0;
	int ret = delete_object(fd, MQK_IOC_QUEUE_PURGE, name, 0, &messages);

	return ret ? ret : (__s64)messages;
}

static int binding(int fd, unsigned long cmd, const char *exchange,
		   const char *queue, const void *key, __u32 key_len)
{
	struct mqk_bind b = {
		.size = sizeof(b),
		.exchange = PTR(exchange),
		.exchange_len = strlen(exchange),
		.queue = PTR(queue),
		.queue_len = strlen(queue),
		.key = PTR(key),
		.key_len = key_len,
	};

	return mq(fd, cmd, &b);
}

int binding_add_n(int fd, const char *exchange, const char *queue,
		  const void *key, __u32 key_len)
{
	return binding(fd, MQK_IOC_BIND, exchange, queue, key, key_len);
}

int binding_add(int fd, const char *exchange, const char *queue,
		const char *key)
{
	return binding(fd, MQK_IOC_BIND, exchange, queue, key, strlen(key));
}

int binding_del(int fd, const char *exchange, const char *queue,
		const char *key)
{
	return binding(fd, MQK_IOC_UNBIND, exchange, queue, key, strlen(key));
}

void headers_add(struct headers *h, char type, const char *name,
		 const void *value, __u32 value_len)
{
	struct mqk_header head = {
		.type = type, .name_len = strlen(name), .value_len = value_len,
	};
	__u8 *at = h->bytes + h->len;
	__u32 size = (sizeof(head) + head.name_len + value_len + 7) & ~7u;

	if (size > sizeof(h->bytes) - h->len)
		abort();
	memset(at, 0, size);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), name, head.name_len);
	if (value_len)
		memcpy(at + sizeof(head) + head.name_len, value, value_len);
	h->len += size;
}

void headers_text(struct headers *h, const char *name, const char *value)
{
	headers_add(h, MQK_HEADER_STRING, name, value, strlen(value));
}

void headers_array(struct headers *h, const char *name, const char *const *values)
{
	__u8 items[1024] = {};
	__u32 len = 0;

	for (; *values; values++) {
		__u32 n = strlen(*values);

		items[len] = MQK_HEADER_STRING;
		items[len + 2] = n;
		items[len + 3] = n >> 8;
		memcpy(items + len + 4, *values, n);
		len += (4 + n + 7) & ~7u;
	}
	headers_add(h, MQK_HEADER_ARRAY, name, items, len);
}

void headers_number(struct headers *h, const char *name, __s64 value)
{
	headers_add(h, MQK_HEADER_LONG, name, &value, sizeof(value));
}

__s64 exchange_declare_args(int fd, const char *name, __u32 type, __u32 flags,
			    const struct headers *h)
{
	struct mqk_exchange_declare d = {
		.size = sizeof(d),
		.flags = flags,
		.name = PTR(name),
		.name_len = strlen(name),
		.args = h ? PTR(h->bytes) : 0,
		.args_len = h ? h->len : 0,
		.type = type,
	};
	int ret = mq(fd, MQK_IOC_EXCHANGE_DECLARE, &d);

	return ret ? ret : (__s64)d.id;
}

int bind_full(int fd, unsigned long cmd, __u32 flags, const char *exchange,
	      const char *target, const char *key, const struct headers *h)
{
	struct mqk_bind b = {
		.size = sizeof(b),
		.flags = flags,
		.exchange = PTR(exchange),
		.exchange_len = strlen(exchange),
		.queue = PTR(target),
		.queue_len = strlen(target),
		.key = PTR(key),
		.key_len = strlen(key),
		.args = h ? PTR(h->bytes) : 0,
		.args_len = h ? h->len : 0,
	};

	return mq(fd, cmd, &b);
}

int exchange_bind(int fd, const char *exchange, const char *to, const char *key)
{
	return bind_full(fd, MQK_IOC_BIND, MQK_BIND_F_EXCHANGE, exchange, to,
			 key, NULL);
}

int exchange_unbind(int fd, const char *exchange, const char *to,
		    const char *key)
{
	return bind_full(fd, MQK_IOC_UNBIND, MQK_BIND_F_EXCHANGE, exchange, to,
			 key, NULL);
}

int route(int fd, const char *exchange, const void *key, __u32 key_len,
	  __u32 *ids, __u32 room)
{
	return route_headers(fd, 0, exchange, key, key_len, NULL, ids, room);
}

int route_headers(int fd, __u32 flags, const char *exchange, const void *key,
		  __u32 key_len, const struct headers *h, __u32 *ids,
		  __u32 room)
{
	struct mqk_route_query r = {
		.size = sizeof(r),
		.flags = flags,
		.exchange = PTR(exchange),
		.exchange_len = strlen(exchange),
		.key = PTR(key),
		.headers = h ? PTR(h->bytes) : 0,
		.headers_len = h ? h->len : 0,
		.key_len = key_len,
		.ids = PTR(ids),
		.count = room,
	};
	int ret = mq(fd, MQK_IOC_ROUTE, &r);

	return ret < 0 ? ret : (int)r.count;
}

int queue_info(int fd, __u32 id, struct mqk_queue_next *info)
{
	char name[MQK_NAME_MAX];

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->flags = MQK_NEXT_F_EXACT;
	info->id = id;
	info->name = PTR(name);
	return mq(fd, MQK_IOC_QUEUE_NEXT, info);
}

int exchange_info(int fd, __u32 id, struct mqk_exchange_next *info)
{
	char name[MQK_NAME_MAX];

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->flags = MQK_NEXT_F_EXACT;
	info->id = id;
	info->name = PTR(name);
	return mq(fd, MQK_IOC_EXCHANGE_NEXT, info);
}

/* --- bytes --------------------------------------------------------------- */

static __u64 mix(__u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

void pattern_fill(void *buf, size_t len, __u64 seed)
{
	__u64 state = mix(seed + 1), word;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		word = (state += 0x9e3779b97f4a7c15ull);
		memcpy((__u8 *)buf + i, &word, 8);
	}
	word = state + 0x9e3779b97f4a7c15ull;
	memcpy((__u8 *)buf + i, &word, len - i);
}

bool pattern_ok(const void *buf, size_t len, __u64 seed)
{
	__u64 state = mix(seed + 1), word;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		word = (state += 0x9e3779b97f4a7c15ull);
		if (memcmp((const __u8 *)buf + i, &word, 8))
			return false;
	}
	word = state + 0x9e3779b97f4a7c15ull;
	return !memcmp((const __u8 *)buf + i, &word, len - i);
}

__u64 random_next(__u64 *state)
{
	*state += 0x9e3779b97f4a7c15ull;
	return mix(*state);
}

/* --- processes ----------------------------------------------------------- */

pid_t spawn(void)
{
	pid_t parent = getpid();
	pid_t pid;

	held_own();
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		held_own();
	} else if (held.nr_children < OPEN_MAX_) {
		held.children[held.nr_children++] = pid;
	}
	return pid;
}

static void forget_child(pid_t pid)
{
	int i;

	for (i = 0; i < held.nr_children; i++)
		if (held.children[i] == pid)
			held.children[i] = held.children[--held.nr_children];
}

int reap(pid_t pid, int ms)
{
	__u64 end = now_ms() + ms;
	int status;
	pid_t got;

	for (;;) {
		got = waitpid(pid, &status, WNOHANG);
		if (got < 0)
			return -errno;
		if (got == pid)
			break;
		if (now_ms() >= end)
			return -ETIMEDOUT;
		sleep_ms(1);
	}
	forget_child(pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int kill_hard(pid_t pid)
{
	if (kill(pid, SIGKILL))
		return -errno;
	return reap(pid, LONG_MS);
}

void *shared(size_t bytes)
{
	void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return address == MAP_FAILED ? NULL : address;
}

int word_wait(const __u32 *word, __u32 value, int ms)
{
	__u64 end = now_ms() + ms;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		sleep_ms(1);
	}
	return 0;
}

void word_set(__u32 *word, __u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

void sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

bool kernel_is_slow(void)
{
	const char *kind = getenv("MQK_VM_KERNEL");

	return kind && strcmp(kind, "stock");
}

__u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

bool asleep(pid_t tid, int ms)
{
	__u64 end = now_ms() + ms;
	char path[64], line[512];
	unsigned int seen = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	do {
		FILE *file = fopen(path, "r");
		char *after = NULL;

		if (!file)
			return false;
		if (fgets(line, sizeof(line), file))
			after = strrchr(line, ')');
		fclose(file);
		/* Twice in a row: a page fault or a lock may sleep too. */
		seen = after && after[2] == 'S' ? seen + 1 : 0;
		if (seen == 3)
			return true;
		sleep_ms(2);
	} while (now_ms() < end);
	return false;
}

int child_signal(void (*fn)(void *arg), void *arg)
{
	pid_t pid = spawn();
	int status;

	if (pid < 0)
		return pid;
	if (!pid) {
		fn(arg);
		_exit(0);
	}
	status = reap(pid, LONG_MS);
	return status >= 128 ? status - 128 : status < 0 ? status : 0;
}
