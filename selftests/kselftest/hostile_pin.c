// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeping write access by other means than a page table: pages that were pinned
 * while the segment was open (a fixed buffer of io_uring), or that another
 * process or /proc/PID/mem writes to.  After the segment is closed, its bytes
 * do not change.
 *
 * mqk-test: parallel timeout=60
 */
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define PAYLOAD	20000

FIXTURE(pin)
{
	struct env env;
	int s, r;
	struct port port;
	struct consumer c;
	struct mqk_delivery d;
	__u8 *written;			/* the payload in the window */
	const __u8 *seen;		/* the same, as the consumer sees it */
};

FIXTURE_SETUP(pin)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	__u8 payload[PAYLOAD];
	struct msg m = {
		.key = "q", .key_len = 1, .payload = payload,
		.payload_len = PAYLOAD,
	};

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	m.exchange = exchange_declare(self->s, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_EQ(0, port_make(&self->port, self->s, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, consumer_make(&self->c, self->r, "q", 0, 0, 16));
	pattern_fill(payload, PAYLOAD, 5);
	ASSERT_EQ(0, port_publish(&self->port, &m));
	ASSERT_EQ(0, consumer_next(&self->c, &self->d, LONG_MS));
	self->written = self->port.open + 64;
	self->seen = delivery_payload(self->r, &self->d);
	ASSERT_TRUE(pattern_ok(self->seen, PAYLOAD, 5));
}

FIXTURE_TEARDOWN(pin)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* A file of garbage to read from. */
static int garbage(void)
{
	__u8 bytes[PAGE];
	int fd = memfd_create("garbage", 0), i;

	memset(bytes, 0xee, sizeof(bytes));
	for (i = 0; i < 8; i++)
		if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
			return -1;
	return fd;
}

/* The least of io_uring that reads into a fixed buffer. */
struct ring {
	int fd;
	struct io_uring_params p;
	__u8 *sq, *cq;
	struct io_uring_sqe *sqes;
};

static int ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = syscall(__NR_io_uring_setup, 4, &r->p);
	if (r->fd < 0)
		return -errno;
	r->sq = mmap(NULL, r->p.sq_off.array + r->p.sq_entries * 4,
		     PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		     IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, r->p.cq_off.cqes + r->p.cq_entries * 16,
		     PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		     IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(*r->sqes),
		       PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED ||
	       r->sqes == MAP_FAILED ? -ENOMEM : 0;
}

static int ring_read_fixed(struct ring *r, int from, void *to, unsigned int len)
{
	__u32 *tail = (__u32 *)(r->sq + r->p.sq_off.tail);
	__u32 mask = *(__u32 *)(r->sq + r->p.sq_off.ring_mask);
	__u32 *head = (__u32 *)(r->cq + r->p.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(r->cq + r->p.cq_off.cqes);
	struct io_uring_sqe *sqe = &r->sqes[*tail & mask];
	int ret;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ_FIXED;
	sqe->fd = from;
	sqe->addr = (uintptr_t)to;
	sqe->len = len;
	((__u32 *)(r->sq + r->p.sq_off.array))[*tail & mask] = *tail & mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ret = syscall(__NR_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS,
		      NULL, 0);
	if (ret < 0)
		return -errno;
	ret = cqes[*head & *(__u32 *)(r->cq + r->p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return ret;
}

/* Register @at while the segment is open: 0, or why it cannot be. */
static int ring_pin(struct ring *r, void *at, unsigned int len)
{
	struct iovec iov = { at, len };

	return syscall(__NR_io_uring_register, r->fd, IORING_REGISTER_BUFFERS,
		       &iov, 1) ? -errno : 0;
}

TEST_F(pin, fixed_buffer_of_io_uring)
{
	struct ring ring;
	int from = garbage(), ret = ring_open(&ring);

	ASSERT_LE(0, from);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no io_uring here");
	ASSERT_EQ(0, ret);
	ret = ring_pin(&ring, self->written, PAYLOAD);
	ASSERT_EQ(0, port_segment(&self->port, 0));
	if (!ret) {
		/* It may say that it wrote, but not to these bytes. */
		ring_read_fixed(&ring, from, self->written, PAYLOAD);
	}
	EXPECT_TRUE(pattern_ok(self->seen, PAYLOAD, 5));
	close(ring.fd);
}

/* Held over the recycling of the segment, it would reach somebody else's. */
TEST_F(pin, fixed_buffer_and_the_next_message_there)
{
	struct ring ring;
	int from = garbage(), ret = ring_open(&ring), i;
	__u8 payload[PAYLOAD];
	struct port other;

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no io_uring here");
	ret = ring_pin(&ring, self->written, PAYLOAD);
	ASSERT_EQ(1, consumer_settle(&self->c, self->d.tag, MQK_ACK_ACCEPT, 0));
	ASSERT_EQ(0, port_close(&self->port));
	ASSERT_EQ(0, port_make(&other, self->r, MQK_PORT_F_INPLACE, 16));
	for (i = 0; i < 4; i++) {
		struct msg m = {
			.exchange = exchange_declare(self->r, "", 0,
						     MQK_DECLARE_F_PASSIVE),
			.key = "q", .key_len = 1, .payload = payload,
			.payload_len = PAYLOAD,
		};

		pattern_fill(payload, PAYLOAD, 100 + i);
		ASSERT_EQ(0, port_publish(&other, &m));
		ASSERT_EQ(0, consumer_next(&self->c, &self->d, LONG_MS));
		if (!ret)
			ring_read_fixed(&ring, from, self->written, PAYLOAD);
		EXPECT_TRUE(pattern_ok(delivery_payload(self->r, &self->d),
				       PAYLOAD, 100 + i));
	}
	close(ring.fd);
}

/* Through another process, or the debugger's file: not after the close. */
TEST_F(pin, written_to_from_outside)
{
	__u8 bytes[64];
	struct iovec local = { bytes, sizeof(bytes) };
	struct iovec remote = { self->written, sizeof(bytes) };
	const __u8 *consumers = self->seen;
	int mem = open("/proc/self/mem", O_RDWR);

	memset(bytes, 0xdd, sizeof(bytes));
	ASSERT_LE(0, mem);
	ASSERT_EQ(0, port_segment(&self->port, 0));
	/* Into the new segment, or nowhere. */
	process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	pwrite(mem, bytes, sizeof(bytes), (uintptr_t)self->written);
	EXPECT_TRUE(pattern_ok(consumers, PAYLOAD, 5));
	/* The consumer's own mapping is read-only for them as well. */
	remote.iov_base = (void *)consumers;
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, pwrite(mem, bytes, sizeof(bytes), (uintptr_t)consumers));
	EXPECT_TRUE(pattern_ok(consumers, PAYLOAD, 5));
	close(mem);
}

/* A child may have the window if its parent asks for that; it loses it with the
 * parent.
 */
TEST_F(pin, inherited_by_asking)
{
	__u32 *go = shared(2 * sizeof(*go));
	pid_t pid;

	if (madvise(self->port.window, self->port.c.window_size, MADV_DOFORK))
		return;
	pid = spawn();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* The page is in its tables. */
		*(volatile __u8 *)(self->written + PAYLOAD + 64) = 1;
		word_set(&go[0], 1);
		if (word_wait(&go[1], 1, LONG_MS))
			_exit(1);
		memset(self->written, 0xcc, PAYLOAD);
		_exit(0);
	}
	ASSERT_EQ(0, word_wait(&go[0], 1, LONG_MS));
	ASSERT_EQ(0, port_segment(&self->port, 0));
	word_set(&go[1], 1);
	EXPECT_LE(0, reap(pid, LONG_MS));
	EXPECT_TRUE(pattern_ok(self->seen, PAYLOAD, 5));
}

/* The kernel's own copying into the window stops with it, too. */
TEST_F(pin, read_into_a_closed_window)
{
	int from = garbage();

	ASSERT_LE(0, from);
	ASSERT_EQ(0, port_close(&self->port));
	EXPECT_EQ(-1, pread(from, self->written, PAYLOAD, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(pattern_ok(self->seen, PAYLOAD, 5));
}

TEST_HARNESS_MAIN
