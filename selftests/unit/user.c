// SPDX-License-Identifier: GPL-2.0-only
#include "user.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel.h"

#define FD	10000		/* of session 0 */
#define FD_END	20000
#define PORTS	64

static unsigned long calls;
static struct mqk_port *ports[PORTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int __real_open64(const char *path, int flags, ...);
int __real_close(int fd);
int __real_ioctl(int fd, unsigned long request, ...);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *addr, size_t len);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, ...);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *addr, size_t len);

static bool ours(int fd)
{
	return fd >= FD && fd < FD_END;
}

static int fail(int err)
{
	errno = -err;
	return -1;
}

int __wrap_open64(const char *path, int flags, ...)
{
	int ret;

	if (strcmp(path, NODE))
		return __real_open64(path, flags, 0600);
	ret = kernel_open(MQK_ACCESS_READ | MQK_ACCESS_WRITE | MQK_ACCESS_MAP);
	return ret < 0 ? fail(ret) : ret + FD;
}

int __wrap_close(int fd)
{
	if (!ours(fd))
		return __real_close(fd);
	kernel_close(fd - FD);
	return 0;
}

/* The window shows another segment: the library has it mapped no more. */
static void segment_opened(int fd, uint32_t id)
{
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < PORTS; i++)
		if (ports[i] && ports[i]->m->fd == fd && ports[i]->id == id)
			ports[i]->window = NULL;
	pthread_mutex_unlock(&lock);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;
	long ret;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	if (!ours(fd))
		return __real_ioctl(fd, request, arg);
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	ret = kernel_ioctl(fd - FD, request, arg);
	if (ret < 0)
		return fail(ret);
	if (request == MQK_IOC_PORT_SEGMENT)
		segment_opened(fd, ((struct mqk_port_segment *)arg)->port);
	return ret;
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	void *p;

	if (!ours(fd))
		return __real_mmap64(addr, len, prot, flags, fd, off);
	p = kernel_map(fd - FD, off);
	if (p)
		return p;
	errno = ENXIO;
	return MAP_FAILED;
}

/* What the library unmaps is the kernel's memory. */
int __wrap_munmap(void *addr, size_t len)
{
	return 0;
}

int user_port_open(struct mqk *m, const struct mqk_port_opts *opts, struct mqk_port **p)
{
	int err = mqk_port_open(m, opts, p);
	int i;

	if (err)
		return err;
	pthread_mutex_lock(&lock);
	for (i = 0; ports[i]; i++)
		if (i == PORTS - 1)
			abort();
	ports[i] = *p;
	pthread_mutex_unlock(&lock);
	return 0;
}

void user_port_close(struct mqk_port *p)
{
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < PORTS; i++)
		if (ports[i] == p)
			ports[i] = NULL;
	pthread_mutex_unlock(&lock);
	mqk_port_close(p);
}

void user_poll(struct mqk *m)
{
	kernel_poll(m->fd - FD);
}

unsigned long user_calls(void)
{
	return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}
