// SPDX-License-Identifier: GPL-2.0-only
/*
 * Games with the mappings: more rights than given, more bytes than there are,
 * other people's offsets, fork, mremap, munmap, and mappings that outlive what
 * they show.
 *
 * mqk-test: parallel timeout=60
 */
#include <signal.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "innocent.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(map)
{
	struct env env;
	struct innocent innocent;
	int s, other;
	struct port port;
	struct consumer c;
	struct mqk_query q;
	struct mqk_delivery d;		/* delivered to c */
	const __u8 *record;
	__u8 *segment;			/* where d's segment is mapped */
	__u64 segment_at;		/* its offset */
};

FIXTURE_SETUP(map)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };

	ASSERT_EQ(0, env_begin(&self->env, &want));
	ASSERT_EQ(0, innocent_start(&self->innocent, &self->env));
	self->s = env_session(&self->env, O_RDWR);
	self->other = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, query(self->s, &self->q));
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&self->port, self->s, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, consumer_make(&self->c, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, port_number(&self->port,
				 exchange_declare(self->s, "", 0,
						  MQK_DECLARE_F_PASSIVE),
				 "q", 42));
	ASSERT_EQ(42, take_number(&self->c, &self->d, LONG_MS));
	self->record = record_map(self->s, &self->d);
	self->segment = (__u8 *)self->record - MQK_REF_OFFSET(self->d.ref);
	self->segment_at = self->q.segment_base +
		((__u64)MQK_REF_SEGMENT(self->d.ref) << self->q.segment_shift);
}

FIXTURE_TEARDOWN(map)
{
	EXPECT_LT(0, innocent_stop(&self->innocent));
	EXPECT_EQ(0, env_end(&self->env));
}

/* --- faults --------------------------------------------------------------- */

static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

static int fault(volatile const void *at, bool write)
{
	struct sigaction sa = { .sa_handler = on_fault }, bus, segv;
	int sig;

	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		if (write)
			*(volatile __u8 *)at = 1;
		else
			(void)*(volatile const __u8 *)at;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

/* --- rights --------------------------------------------------------------- */

TEST_F(map, kernel_pages_are_read_only)
{
	EXPECT_EQ(EACCES, map_errno(self->s, self->port.c.page_offset,
				    self->port.c.page_size, RW, MAP_SHARED));
	EXPECT_EQ(EACCES, map_errno(self->s, self->c.c.page_offset,
				    self->c.c.page_size, RW, MAP_SHARED));
	EXPECT_EQ(EACCES, map_errno(self->s, self->segment_at, PAGE, RW,
				    MAP_SHARED));
	EXPECT_EQ(EACCES, map_errno(self->s, self->segment_at, PAGE, PROT_WRITE,
				    MAP_SHARED));
}

TEST_F(map, kernel_pages_cannot_be_made_writable)
{
	void * const pages[] = {
		(void *)self->port.k, (void *)self->c.k, self->segment,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		EXPECT_EQ(-1, mprotect(pages[i], PAGE, RW));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, mprotect(pages[i], PAGE, PROT_WRITE));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(SIGSEGV, fault(pages[i], true));
		EXPECT_EQ(0, fault(pages[i], false));
	}
}

/* The debugger's way round the protection. */
TEST_F(map, not_through_proc_self_mem)
{
	void * const pages[] = {
		(void *)self->port.k, (void *)self->c.k, self->segment,
	};
	int fd = open("/proc/self/mem", O_RDWR);
	__u8 before, byte;
	unsigned int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		before = *(volatile __u8 *)pages[i];
		byte = before + 1;
		EXPECT_EQ(-1, pwrite(fd, &byte, 1, (uintptr_t)pages[i])) {
			TH_LOG("page %u", i);
		}
		EXPECT_EQ(before, *(volatile __u8 *)pages[i]);
	}
	close(fd);
}

TEST_F(map, nothing_is_executable_by_surprise)
{
	/* Whatever one may do with one's own mapping: it shows the same bytes
	 * and is not writable with it.
	 */
	if (!mprotect((void *)self->c.k, PAGE, PROT_READ | PROT_EXEC)) {
		EXPECT_EQ(-1, mprotect((void *)self->c.k, PAGE,
				       PROT_READ | PROT_WRITE | PROT_EXEC));
	}
	EXPECT_EQ(0, self->c.k->error);
}

TEST_F(map, user_pages_are_readable_and_writable)
{
	EXPECT_EQ(0, map_errno(self->s, self->port.c.user_offset,
			       self->port.c.user_size, RW, MAP_SHARED));
	EXPECT_EQ(0, map_errno(self->s, self->c.c.user_offset,
			       self->c.c.user_size, RW, MAP_SHARED));
	EXPECT_EQ(0, map_errno(self->s, self->c.c.user_offset,
			       self->c.c.user_size, PROT_READ, MAP_SHARED));
}

TEST_F(map, private_mappings_are_EINVAL)
{
	static const int prots[] = { PROT_READ, RW };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		EXPECT_EQ(EINVAL, map_errno(self->s, self->port.c.page_offset,
					    self->port.c.page_size, prots[i],
					    MAP_PRIVATE));
		EXPECT_EQ(EINVAL, map_errno(self->s, self->c.c.page_offset,
					    self->c.c.page_size, prots[i],
					    MAP_PRIVATE));
		EXPECT_EQ(EINVAL, map_errno(self->s, self->port.c.user_offset,
					    self->port.c.user_size, prots[i],
					    MAP_PRIVATE));
		EXPECT_EQ(EINVAL, map_errno(self->s, self->segment_at, PAGE,
					    prots[i], MAP_PRIVATE));
	}
}

/* --- what is not there ---------------------------------------------------- */

/* An errno that mmap() may give for a place where there is nothing. */
static bool nothing_there(int error)
{
	return error == EINVAL || error == ENXIO;
}

#define NOTHING(fd, offset, bytes, prot)				\
	EXPECT_TRUE(nothing_there(map_errno(fd, offset, bytes, prot,	\
					    MAP_SHARED)))

TEST_F(map, longer_than_they_are)
{
	NOTHING(self->s, self->port.c.page_offset,
		self->port.c.page_size + PAGE, PROT_READ);
	NOTHING(self->s, self->port.c.user_offset,
		self->port.c.user_size + PAGE, RW);
	NOTHING(self->s, self->c.c.page_offset, self->c.c.page_size + PAGE,
		PROT_READ);
	NOTHING(self->s, self->c.c.user_offset, self->c.c.user_size + PAGE, RW);
	NOTHING(self->s, self->segment_at, (64 << 10) + PAGE, PROT_READ);
	NOTHING(self->s, self->segment_at, 1ull << 40, PROT_READ);
}

TEST_F(map, offsets_where_there_is_nothing)
{
	static const __u64 offsets[] = {
		1ull << 20, 1ull << 30, 1ull << 40, 1ull << 50, 1ull << 62,
		0x7ffffffffffff000ull, 0xfffffffffffff000ull,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		/* The VFS itself refuses those beyond what a file can have. */
		EXPECT_NE(0, map_errno(self->other, offsets[i], PAGE, PROT_READ,
				       MAP_SHARED)) {
			TH_LOG("offset %#llx", offsets[i]);
		}
	}
	/* Segments that do not exist: the next numbers, and the last. */
	for (i = 60; i < 64; i++) {
		NOTHING(self->s, self->q.segment_base +
			((__u64)i << self->q.segment_shift), PAGE, PROT_READ);
	}
	NOTHING(self->s, self->q.segment_base + (0xffffull <<
		self->q.segment_shift), PAGE, PROT_READ);
	/* Between two segments: their numbers are closer than their sizes. */
	NOTHING(self->s, self->segment_at + PAGE, PAGE, PROT_READ);
	NOTHING(self->s, self->segment_at + (1ull << self->q.segment_shift) -
		PAGE, PAGE, PROT_READ);
}

/* The beginning of a segment is as good as the whole. */
TEST_F(map, parts_of_a_segment)
{
	EXPECT_EQ(0, map_errno(self->s, self->segment_at, PAGE, PROT_READ,
			       MAP_SHARED));
	EXPECT_EQ(0, map_errno(self->s, self->segment_at, 64 << 10, PROT_READ,
			       MAP_SHARED));
}

/* What a 32-bit process can name, and no two the same. */
TEST_F(map, offsets_are_below_the_limit_and_differ)
{
	const __u64 at[] = {
		self->port.c.page_offset, self->port.c.user_offset,
		self->port.c.window_offset, self->c.c.page_offset,
		self->c.c.user_offset, self->segment_at,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		EXPECT_GT(1ull << MQK_MAP_OFFSET_BITS, at[i]);
		EXPECT_EQ(0, at[i] % (64 << 10));
		/* Above it there is nothing, nor in between. */
		NOTHING(self->s, at[i] + (1ull << MQK_MAP_OFFSET_BITS), PAGE,
			PROT_READ);
		NOTHING(self->s, at[i] + PAGE, PAGE, PROT_READ);
		for (j = 0; j < i; j++)
			EXPECT_NE(at[i], at[j]);
	}
}

/* The first few thousand pages by trial: a session without port and consumer
 * finds no ring, neither its neighbour's nor any other.
 */
TEST_F(map, other_sessions_rings_cannot_be_guessed)
{
	static const __u64 strides[] = { PAGE, 64 << 10, 1 << 20 };
	__u64 at, page;
	unsigned int i, hits = 0;

	NOTHING(self->other, self->port.c.page_offset, PAGE, PROT_READ);
	NOTHING(self->other, self->port.c.user_offset, PAGE, RW);
	NOTHING(self->other, self->port.c.window_offset, PAGE, RW);
	NOTHING(self->other, self->c.c.page_offset, PAGE, PROT_READ);
	NOTHING(self->other, self->c.c.user_offset, PAGE, RW);
	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		for (page = 0; page < 500; page++) {
			at = page * strides[i];
			if (at >= self->q.segment_base)
				break;
			if (!map_errno(self->other, at, PAGE, PROT_READ,
				       MAP_SHARED))
				hits++;
			if (!map_errno(self->other, at, PAGE, RW, MAP_SHARED))
				hits++;
		}
	}
	EXPECT_EQ(0, hits);
}

/* With rings of its own at the same offsets, it sees its own. */
TEST_F(map, the_same_offset_is_each_sessions_own)
{
	struct port own;

	ASSERT_EQ(0, port_make(&own, self->other, MQK_PORT_F_INPLACE, 16));
	own.u->head = 0x1234;
	EXPECT_NE(0x1234, self->port.u->head);
	own.u->head = 0;
	ASSERT_EQ(0, port_segment(&own, 0));
	EXPECT_NE(own.seg.segment, self->port.seg.segment);
	memset(own.open, 0x55, 128);
	EXPECT_EQ(42, delivery_number(self->s, &self->d));
}

TEST_F(map, read_only_session_maps_no_window)
{
	int fd = env_session(&self->env, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, map_errno(fd, self->segment_at, PAGE, PROT_READ,
			       MAP_SHARED));
	EXPECT_EQ(EACCES, map_errno(fd, self->segment_at, PAGE, RW,
				    MAP_SHARED));
	fd = env_session(&self->env, O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, map_errno(fd, self->segment_at, PAGE, PROT_READ,
				    MAP_SHARED));
}

/* A consumer needs its ring of acknowledgements, whatever it was opened for. */
TEST_F(map, read_only_session_can_consume)
{
	struct mqk_delivery d;
	struct consumer c;
	int fd = env_session(&self->env, O_RDONLY);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, consumer_close(&self->c));
	ASSERT_EQ(0, consumer_make(&c, fd, "q", 0, 0, 16));
	ASSERT_EQ(42, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
}

/* --- mremap, fork, munmap ------------------------------------------------- */

TEST_F(map, mremap_does_not_grow_them)
{
	const struct { void *at; size_t bytes; } maps[] = {
		{ (void *)self->port.k, self->port.c.page_size },
		{ self->port.u, self->port.c.user_size },
		{ self->port.window, self->port.c.window_size },
		{ (void *)self->c.k, self->c.c.page_size },
		{ self->c.u, self->c.c.user_size },
		{ self->segment, 64 << 10 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(MAP_FAILED, mremap(maps[i].at, maps[i].bytes,
					     maps[i].bytes + PAGE,
					     MREMAP_MAYMOVE)) {
			TH_LOG("mapping %u grew", i);
		}
		/* Nor twice, by the trick with a length of 0. */
		EXPECT_EQ(MAP_FAILED, mremap(maps[i].at, 0, maps[i].bytes +
					     PAGE, MREMAP_MAYMOVE)) {
			TH_LOG("mapping %u doubled", i);
		}
	}
}

/* Moved, it still shows the same. */
TEST_F(map, mremap_may_move_them)
{
	void *moved = mremap(self->segment, 64 << 10, 64 << 10,
			     MREMAP_MAYMOVE | MREMAP_FIXED,
			     mmap(NULL, 64 << 10, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	__u32 number;

	if (moved == MAP_FAILED)
		return;
	memcpy(&number, (__u8 *)moved + MQK_REF_OFFSET(self->d.ref) + 64, 4);
	EXPECT_EQ(42, number);
	EXPECT_EQ(-1, mprotect(moved, PAGE, RW));
	EXPECT_EQ(SIGSEGV, fault(moved, true));
	munmap(moved, 64 << 10);
	unmap(self->segment, 64 << 10);
}

static void touch(void *at)
{
	(void)*(volatile __u8 *)at;
}

TEST_F(map, children_do_not_inherit_them)
{
	void * const maps[] = {
		(void *)self->port.k, self->port.u, self->port.window,
		(void *)self->c.k, self->c.u, self->segment,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(SIGSEGV, child_signal(touch, maps[i])) {
			TH_LOG("mapping %u", i);
		}
	}
	/* And are none the worse for it here. */
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(0, fault(maps[i], false));
	}
}

TEST_F(map, munmap_in_any_order)
{
	struct consumer c;
	struct port p;
	int i;

	for (i = 0; i < 6; i++) {
		ASSERT_LT(0, queue_declare(self->s, "any", 0));
		ASSERT_EQ(0, port_make(&p, self->s, MQK_PORT_F_INPLACE, 16));
		ASSERT_EQ(0, consumer_make(&c, self->s, "any", 0, 0, 16));
		ASSERT_EQ(0, port_segment(&p, 0));
		p.window[100] = 1;
		if (i & 1) {
			unmap((void *)c.k, c.c.page_size);
			port_unmap(&p);
		}
		if (i & 2) {
			ASSERT_EQ(0, port_close(&p));
			ASSERT_EQ(0, consumer_close(&c));
		}
		if (!(i & 1)) {
			port_unmap(&p);
			unmap(c.u, c.c.user_size);
		}
		ASSERT_EQ(0, queue_delete(self->s, "any", 0));
	}
}

/* A hole in the middle splits a mapping in two. */
TEST_F(map, partial_munmap)
{
	__u8 *at = self->segment;

	ASSERT_EQ(0, munmap(at + 4 * PAGE, PAGE));
	EXPECT_EQ(SIGSEGV, fault(at + 4 * PAGE, false));
	EXPECT_EQ(0, fault(at + 5 * PAGE, false));
	EXPECT_EQ(0, fault(at, false));
	at = self->port.window;
	ASSERT_EQ(0, munmap(at + 4 * PAGE, 2 * PAGE));
	EXPECT_EQ(SIGSEGV, fault(at + 5 * PAGE, true));
	EXPECT_EQ(0, fault(at + 6 * PAGE, true));
	EXPECT_EQ(0, port_segment(&self->port, 0));
	EXPECT_EQ(0, fault(at + 6 * PAGE, true));
}

/* Advice about one's own mappings concerns nobody else's: the pages of one
 * process's rings are not a part of a file that another could cut.
 */
TEST_F(map, madvise_harms_nobody)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_COLD, MADV_PAGEOUT,
		MADV_DONTNEED_LOCKED, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
		MADV_MERGEABLE, MADV_HUGEPAGE, MADV_WIPEONFORK, MADV_HWPOISON,
	};
	unsigned int i, j;
	struct port p;
	struct consumer c;

	/* Others, as near as can be. */
	ASSERT_LT(0, queue_declare(self->other, "near", 0));
	ASSERT_EQ(0, port_make(&p, self->other, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, consumer_make(&c, self->other, "near", 0, 0, 16));
	ASSERT_EQ(0, port_segment(&p, 0));
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		const struct { void *at; size_t bytes; } maps[] = {
			{ (void *)self->port.k, self->port.c.page_size },
			{ self->port.u, self->port.c.user_size },
			{ self->port.window, self->port.c.window_size },
			{ (void *)self->c.k, self->c.c.page_size },
			{ self->c.u, self->c.c.user_size },
			{ self->segment, 64 << 10 },
		};

		if (advice[i] == MADV_HWPOISON)
			continue;
		for (j = 0; j < ARRAY_SIZE(maps); j++) {
			madvise(maps[j].at, maps[j].bytes, advice[i]);
		}
		EXPECT_EQ(0, fault(p.k, false)) {
			TH_LOG("advice %d", advice[i]);
		}
		EXPECT_EQ(0, fault(p.u, true)) {
			TH_LOG("advice %d", advice[i]);
		}
		EXPECT_EQ(0, fault(c.k, false)) {
			TH_LOG("advice %d", advice[i]);
		}
		EXPECT_EQ(0, fault(c.u, true)) {
			TH_LOG("advice %d", advice[i]);
		}
		EXPECT_EQ(0, fault(p.window, true)) {
			TH_LOG("advice %d", advice[i]);
		}
	}
	p.window[0] = 0;
	c.u->head = 0;
	p.u->head = 0;
	ASSERT_EQ(0, port_number(&p, exchange_declare(self->s, "", 0,
						      MQK_DECLARE_F_PASSIVE),
				 "near", 3));
	EXPECT_EQ(3, take_number(&c, NULL, LONG_MS));
}

/* --- mappings that stay --------------------------------------------------- */

TEST_F(map, they_outlive_the_consumer_and_the_port)
{
	ASSERT_EQ(0, consumer_close(&self->c));
	ASSERT_EQ(0, port_close(&self->port));
	EXPECT_EQ(0, fault(self->c.k, false));
	EXPECT_EQ(0, fault(self->c.u, true));
	EXPECT_EQ(0, fault(self->port.k, false));
	EXPECT_EQ(0, fault(self->port.u, true));
	EXPECT_EQ(SIGBUS, fault(self->port.window, true));
	EXPECT_EQ(42, delivery_number(self->s, &self->d));
	/* A new one may get the number; the old page is not its page. */
	self->c.u->ack_tail = ~0ull;
	ASSERT_EQ(0, consumer_make(&self->c, self->s, "q", 0, 0, 16));
	EXPECT_EQ(0, self->c.u->ack_tail);
	EXPECT_EQ(0, consumer_kick(&self->c));
}

TEST_F(map, they_outlive_the_descriptor)
{
	struct mqk_delivery d;
	struct consumer c;

	session_drop(self->s);
	EXPECT_EQ(0, fault(self->c.k, false));
	EXPECT_EQ(0, fault(self->c.u, true));
	EXPECT_EQ(0, fault(self->port.u, true));
	EXPECT_EQ(0, fault(self->segment, false));
	/* The session has ended all the same: what it held is back. */
	ASSERT_EQ(0, consumer_make(&c, self->other, "q", 0, 0, 16));
	ASSERT_EQ(42, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(MQK_DELIVERY_F_REDELIVERED, d.flags);
	/* Its pages are nobody's: what is written there goes nowhere. */
	memset(self->c.u, 0xff, self->c.c.user_size);
	memset(self->port.u, 0xff, self->port.c.user_size);
	EXPECT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
	EXPECT_EQ(SIGBUS, fault(self->port.window, true));
}

TEST_F(map, they_outlive_the_broker)
{
	struct broker b;
	struct mqk_delivery d;
	struct consumer c;
	struct port p;
	const __u8 *payload;
	int fd;

	ASSERT_EQ(0, broker_make(&b, NULL));
	fd = broker_open(&b, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, queue_declare(fd, "q", 0));
	ASSERT_EQ(0, consumer_make(&c, fd, "q", 0, 0, 16));
	ASSERT_EQ(0, port_make(&p, fd, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, port_number(&p, exchange_declare(fd, "", 0,
						      MQK_DECLARE_F_PASSIVE),
				 "q", 7));
	ASSERT_EQ(7, take_number(&c, &d, LONG_MS));
	payload = delivery_payload(fd, &d);
	ASSERT_EQ(0, broker_delete(&b, MQK_BROKER_DELETE_F_FORCE));
	EXPECT_EQ(-ESHUTDOWN, c.k->error);
	EXPECT_EQ(-ESHUTDOWN, p.k->error);
	EXPECT_EQ(0, fault(c.u, true));
	/* The bytes that were delivered may still be read. */
	EXPECT_EQ(0, fault(payload, false));
	EXPECT_NE(0, map_errno(fd, p.c.page_offset, PAGE, PROT_READ,
			       MAP_SHARED));
	close(fd);
	EXPECT_EQ(0, fault(c.k, false));
	EXPECT_EQ(0, fault(payload, false));
}

/* A cached mapping of a segment shows what is in the segment of that number
 * now, however often it was recycled; also for large ones.
 */
TEST_F(map, cached_segment_mappings_stay_right)
{
	__u32 exchange = exchange_declare(self->s, "", 0,
					  MQK_DECLARE_F_PASSIVE);
	static __u8 payload[200000];
	struct mqk_delivery d;
	int i;

	for (i = 0; i < 60; i++) {
		struct msg m = {
			.exchange = exchange, .key = "q", .key_len = 1,
			.payload = payload,
			.payload_len = i % 3 ? 1000 + i : 70000 + i * 1000,
		};

		pattern_fill(payload, m.payload_len, i);
		ASSERT_EQ(0, port_publish(&self->port, &m));
		ASSERT_EQ(0, consumer_next(&self->c, &d, LONG_MS));
		ASSERT_TRUE(pattern_ok(delivery_payload(self->s, &d),
				       m.payload_len, i)) {
			TH_LOG("message %d, segment %u", i,
			       MQK_REF_SEGMENT(d.ref));
		}
		ASSERT_LE(0, consumer_settle(&self->c, 0, MQK_ACK_ACCEPT,
					     MQK_ACK_F_MULTIPLE));
		ASSERT_EQ(0, port_segment(&self->port, 0));
	}
}

/* The kernel reads from and writes to any memory of the caller's, also to
 * mappings of this device.
 */
TEST_F(map, payload_from_a_segment)
{
	struct msg m = {
		.exchange = exchange_declare(self->s, "", 0,
					     MQK_DECLARE_F_PASSIVE),
		.key = "q", .key_len = 1,
		.payload = self->segment, .payload_len = 64 << 10,
	};
	struct mqk_delivery d;
	struct port copy;

	ASSERT_EQ(0, port_make(&copy, self->s, 0, 16));
	ASSERT_EQ(0, port_publish(&copy, &m));
	ASSERT_EQ(0, consumer_next(&self->c, &d, LONG_MS));
	EXPECT_EQ(0, memcmp(delivery_payload(self->s, &d), self->segment,
			    64 << 10));
	/* But not out of it where the mapping is read-only. */
	EXPECT_EQ(-EFAULT, ({
		struct mqk_read r = {
			.size = sizeof(r), .consumer = self->c.c.id,
			.tag = d.tag, .offset = 64, .len = 100,
			.data = (uintptr_t)self->segment,
		};
		mq(self->s, MQK_IOC_READ, &r);
	}));
}

TEST_HARNESS_MAIN
