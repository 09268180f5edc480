/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Inside of libmqk: sessions.
 *
 * A session is a descriptor, what the kernel said of it when it was opened, and
 * the segments that its consumers have mapped (segment.h).
 *
 * Life: one reference is the caller's until mqk_close(), each port and consumer
 * has another; the last one closes the descriptor and frees the session.
 *
 * Threads: everything but refs and segments is constant after mqk_open().
 */
#ifndef MQK_LIB_SESSION_H
#define MQK_LIB_SESSION_H

/* Everything is hidden but what the public headers declare. */
#pragma GCC visibility push(default)
#include "mqk.h"
#pragma GCC visibility pop

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "segment.h"

struct mqk {
	int fd;
	unsigned int refs;		/* atomic */
	bool will;			/* atomic: there is one, or was */
	struct mqk_query query;
	struct mqk_segments segments;
};

#define mqk_unlikely(x)	__builtin_expect(!!(x), 0)

struct mqk *mqk_session_get(struct mqk *m);
void mqk_session_put(struct mqk *m);

/* ioctl(2) that returns a negative errno. */
int mqk_ioctl(const struct mqk *m, unsigned long request, void *arg);
/* The same for the calls that take an id by value. */
static inline int mqk_ioctl_id(const struct mqk *m, unsigned long request, uint32_t id)
{
	int ret = ioctl(m->fd, request, (unsigned long)id);

	return ret < 0 ? -errno : ret;
}

/* mmap(2) of the session: 0 or a negative errno; and munmap(2). */
int mqk_map(const struct mqk *m, uint64_t offset, uint64_t size, int prot,
	    void **addr);
void mqk_unmap(void *addr, uint64_t size);

/* Nanoseconds of the monotonic clock. */
uint64_t mqk_now(void);
/* What is left of a timeout that began at start; negative stays negative. */
int64_t mqk_timeout_left(int64_t timeout, uint64_t start);

/*
 * Options: copy what the caller's structure (src, or NULL) and ours (dst) have in
 * common and zero the rest of ours.  -E2BIG: the caller sets what we do not know.
 */
int mqk_opts_take(void *dst, size_t dst_size, const void *src);
/* The other way for what the library fills; both begin with a size_t sz. */
void mqk_info_give(void *dst, const void *src, size_t src_size);

/* Length of a name; -EINVAL NULL or empty, -ENAMETOOLONG. */
int mqk_name_len(const char *name, uint32_t *len);

static inline uint64_t mqk_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

#endif /* MQK_LIB_SESSION_H */
