// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Sessions: opening a node, its calls and its mappings.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NODE_DIR	"/dev/mqk/"
#define TO_STRING(x)	TO_STRING_(x)
#define TO_STRING_(x)	#x

int mqk_ioctl(const struct mqk *m, unsigned long request, void *arg)
{
	int ret = ioctl(m->fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int mqk_map(const struct mqk *m, uint64_t offset, uint64_t size, int prot,
	    void **addr)
{
	void *p;

	if (size != (size_t)size)
		return -ENOMEM;
	p = mmap(NULL, (size_t)size, prot, MAP_SHARED, m->fd, (off_t)offset);
	if (p == MAP_FAILED)
		return -errno;
	*addr = p;
	return 0;
}

void mqk_unmap(void *addr, uint64_t size)
{
	munmap(addr, (size_t)size);
}

uint64_t mqk_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int64_t mqk_timeout_left(int64_t timeout, uint64_t start)
{
	uint64_t gone;

	if (timeout < 0)
		return timeout;
	gone = mqk_now() - start;
	return gone < (uint64_t)timeout ? timeout - (int64_t)gone : 0;
}

int mqk_opts_take(void *dst, size_t dst_size, const void *src)
{
	const unsigned char *tail;
	size_t size;

	memset(dst, 0, dst_size);
	if (!src)
		return 0;
	memcpy(&size, src, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	if (size > dst_size) {
		for (tail = (const unsigned char *)src + dst_size;
		     tail < (const unsigned char *)src + size; tail++)
			if (*tail)
				return -E2BIG;
		size = dst_size;
	}
	memcpy(dst, src, size);
	return 0;
}

void mqk_info_give(void *dst, const void *src, size_t src_size)
{
	size_t size, head = sizeof(size);

	memcpy(&size, dst, sizeof(size));
	if (size > src_size) {
		memset((char *)dst + src_size, 0, size - src_size);
		size = src_size;
	}
	memcpy((char *)dst + head, (const char *)src + head, size - head);
}

int mqk_name_len(const char *name, uint32_t *len)
{
	size_t n;

	if (!name || !*name)
		return -EINVAL;
	n = strnlen(name, MQK_NAME_MAX + 1);
	if (n > MQK_NAME_MAX)
		return -ENAMETOOLONG;
	*len = (uint32_t)n;
	return 0;
}

struct mqk *mqk_session_get(struct mqk *m)
{
	__atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
	return m;
}

void mqk_session_put(struct mqk *m)
{
	if (__atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL))
		return;
	mqk_segments_destroy(m);
	close(m->fd);
	free(m);
}

static int open_node(const char *path, int oflags, struct mqk **out)
{
	struct mqk *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->refs = 1;
	m->fd = open(path, oflags | O_CLOEXEC);
	if (m->fd < 0) {
		err = -errno;
		goto err_free;
	}
	m->query.size = sizeof(m->query);
	err = mqk_ioctl(m, MQK_IOC_QUERY, &m->query);
	if (err < 0)
		goto err_close;
	if (m->query.abi != MQK_ABI) {
		err = -EPROTONOSUPPORT;
		goto err_close;
	}
	err = mqk_segments_init(m);
	if (err)
		goto err_close;
	*out = m;
	return 0;

err_close:
	close(m->fd);
err_free:
	free(m);
	return err;
}

int mqk_open(const char *broker, int flags, struct mqk **m)
{
	char path[sizeof(NODE_DIR) + MQK_BROKER_NAME_MAX];
	int oflags;
	int n;

	if (flags & ~(MQK_OPEN_CONSUME | MQK_OPEN_PUBLISH) || !m)
		return -EINVAL;
	if (flags == MQK_OPEN_CONSUME)
		oflags = O_RDONLY;
	else if (flags == MQK_OPEN_PUBLISH)
		oflags = O_WRONLY;
	else
		oflags = O_RDWR;
	if (!broker)
		broker = "default";
	if (strchr(broker, '/'))
		return open_node(broker, oflags, m);
	if (!*broker)
		return -EINVAL;
	n = snprintf(path, sizeof(path), NODE_DIR "%s", broker);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return open_node(path, oflags, m);
}

int mqk_control_open(struct mqk **m)
{
	if (!m)
		return -EINVAL;
	return open_node(NODE_DIR "control", O_RDWR, m);
}

int mqk_will(struct mqk *m, const struct mqk_message *msg, uint64_t delay)
{
	struct mqk_will w = {
		.size = sizeof(w),
		.flags = msg ? 0 : MQK_WILL_F_NONE,
		.message = mqk_ptr(msg),
		.delay = msg ? delay : 0,
	};

	if (msg)
		__atomic_store_n(&m->will, true, __ATOMIC_RELAXED);
	return mqk_ioctl(m, MQK_IOC_WILL, &w);
}

void mqk_close(struct mqk *m)
{
	if (!m)
		return;
	/* the goodbye */
	if (__atomic_load_n(&m->will, __ATOMIC_RELAXED))
		mqk_will(m, NULL, 0);
	mqk_session_put(m);
}

int mqk_fd(const struct mqk *m)
{
	return m->fd;
}

int mqk_query(struct mqk *m, struct mqk_query *q)
{
	if (!q)
		return -EINVAL;
	return mqk_ioctl(m, MQK_IOC_QUERY, q);
}

int mqk_stat(struct mqk *m, struct mqk_stat *s)
{
	if (!s)
		return -EINVAL;
	return mqk_ioctl(m, MQK_IOC_STAT, s);
}

const char *mqk_version(void)
{
	return TO_STRING(MQK_LIB_VERSION_MAJOR) "."
	       TO_STRING(MQK_LIB_VERSION_MINOR);
}
