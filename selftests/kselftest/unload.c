// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading: refused while a session, a control descriptor or a
 * ring mapping needs the module; clean when nothing does; and never harmful to
 * those who open and close meanwhile.
 *
 * Needs the module's file in MQK_MODULE; leaves it loaded.
 *
 * mqk-test: timeout=120
 */
#include <signal.h>
#include <stdlib.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

static int module_unload(void)
{
	return syscall(SYS_delete_module, "mqk", O_NONBLOCK) ? -errno : 0;
}

static int module_load(void)
{
	const char *path = getenv("MQK_MODULE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, ret;

	if (fd < 0)
		return -ENOENT;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* References go a little after the last process: retry for a while. */
static int module_unload_soon(void)
{
	__u64 end = now_ms() + LONG_MS;
	int ret;

	do {
		ret = module_unload();
		if (!ret)
			return 0;
		sleep_ms(20);
	} while (now_ms() < end);
	return ret;
}

FIXTURE(unload)
{
	bool can;
};

FIXTURE_SETUP(unload)
{
	const char *path = getenv("MQK_MODULE");

	self->can = path && !access(path, R_OK) && !geteuid();
	if (self->can && access(MQK_CONTROL, F_OK)) {
		ASSERT_EQ(0, module_load());
	}
}

FIXTURE_TEARDOWN(unload)
{
	if (self->can && access(MQK_CONTROL, F_OK)) {
		EXPECT_EQ(0, module_load());
	}
}

#define NEEDS_MODULE()						\
	if (!self->can)						\
		SKIP(return, "no MQK_MODULE, or not root")

TEST_F(unload, and_load_again)
{
	struct broker standard = { "default" };
	int i, fd;

	NEEDS_MODULE();
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, module_unload_soon());
		EXPECT_EQ(-ENOENT, control_open());
		ASSERT_EQ(0, module_load());
		fd = broker_open(&standard, O_RDWR);
		ASSERT_LE(0, fd);
		close(fd);
	}
}

TEST_F(unload, is_refused_while_a_session_is_open)
{
	struct broker standard = { "default" };
	int fd;

	NEEDS_MODULE();
	fd = broker_open(&standard, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	EXPECT_LT(0, queue_declare(fd, "q", 0));
	close(fd);
	EXPECT_EQ(0, module_unload_soon());
}

TEST_F(unload, is_refused_while_control_is_open)
{
	int fd;

	NEEDS_MODULE();
	fd = control_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	close(fd);
	EXPECT_EQ(0, module_unload_soon());
}

/* Brokers, queues and messages do not keep it; they go. */
TEST_F(unload, with_brokers_and_messages)
{
	struct broker b, standard = { "default" };
	struct port p;
	int fd, i;

	NEEDS_MODULE();
	for (i = 0; i < 2; i++) {
		if (i) {
			ASSERT_EQ(0, broker_make(&b, NULL));
		}
		fd = broker_open(i ? &b : &standard, O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_LT(0, queue_declare(fd, "q", 0));
		ASSERT_EQ(0, port_make(&p, fd, MQK_PORT_F_INPLACE, 16));
		ASSERT_EQ(0, port_numbers(&p, exchange_declare(fd, "", 0,
					  MQK_DECLARE_F_PASSIVE), "q", 1, 100));
		port_unmap(&p);
		close(fd);
	}
	EXPECT_EQ(0, module_unload_soon());
}

/* Nor does a will that waits: it goes with its broker. */
TEST_F(unload, with_a_will_that_waits)
{
	struct broker standard = { "default" };
	struct mqk_message m = { .payload_len = 0 };
	struct mqk_will w = {
		.size = sizeof(w), .message = (uintptr_t)&m,
		.delay = MQK_WILL_DELAY_MAX,
	};
	int fd, i;

	NEEDS_MODULE();
	for (i = 0; i < 5; i++) {
		fd = broker_open(&standard, O_RDWR);
		ASSERT_LE(0, fd);
		m.exchange = exchange_declare(fd, "", 0, MQK_DECLARE_F_PASSIVE);
		w.delay = i % 2 ? MQK_WILL_DELAY_MAX : 5000000;
		ASSERT_EQ(0, mq(fd, MQK_IOC_WILL, &w));
		close(fd);
	}
	EXPECT_EQ(0, module_unload_soon());
}

/* Each ring that is still mapped after close keeps the module, alone. */
TEST_F_TIMEOUT(unload, with_a_ring_left_behind, 60)
{
	static const char * const names[] = {
		"port's page", "port's user page", "window", "consumer's pages",
		"consumer's user pages",
	};
	struct broker standard = { "default" };
	struct consumer c;
	struct port p;
	unsigned int i;
	int fd;

	NEEDS_MODULE();
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		void *at;
		__u64 size;

		fd = broker_open(&standard, O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_LT(0, queue_declare(fd, "q", 0));
		ASSERT_EQ(0, port_make(&p, fd, MQK_PORT_F_INPLACE, 16));
		ASSERT_EQ(0, consumer_make(&c, fd, "q", 0, 0, 16));
		port_unmap(&p);
		consumer_unmap(&c);
		const __u64 where[][2] = {
			{ p.c.page_offset, p.c.page_size },
			{ p.c.user_offset, p.c.user_size },
			{ p.c.window_offset, p.c.window_size },
			{ c.c.page_offset, c.c.page_size },
			{ c.c.user_offset, c.c.user_size },
		};

		size = where[i][1];
		at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, where[i][0]);
		ASSERT_NE(MAP_FAILED, at) {
			TH_LOG("%s", names[i]);
		}
		close(fd);
		sleep_ms(SHORT_MS);
		EXPECT_EQ(-EWOULDBLOCK, module_unload()) {
			TH_LOG("%s", names[i]);
		}
		munmap(at, size);
		EXPECT_EQ(0, module_unload_soon()) {
			TH_LOG("%s", names[i]);
		}
		ASSERT_EQ(0, module_load());
	}
}

static sigjmp_buf fault_env;

static void on_fault(int sig)
{
	siglongjmp(fault_env, sig);
}

/*
 * A segment that is still mapped is a file of its own, which needs no module: it
 * has the pages that it had, or none.
 */
TEST_F(unload, with_a_segment_left_behind)
{
	struct broker standard = { "default" };
	struct mqk_delivery d;
	struct consumer c;
	struct port p;
	const volatile __u8 *payload;
	__u8 first;
	int fd;

	NEEDS_MODULE();
	fd = broker_open(&standard, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, queue_declare(fd, "q", 0));
	ASSERT_EQ(0, port_make(&p, fd, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, consumer_make(&c, fd, "q", 0, 0, 16));
	ASSERT_EQ(0, port_number(&p, exchange_declare(fd, "", 0,
						      MQK_DECLARE_F_PASSIVE),
				 "q", 1));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	payload = delivery_payload(fd, &d);
	ASSERT_NE(NULL, payload);
	first = *payload;
	close(fd);
	port_unmap(&p);
	consumer_unmap(&c);
	EXPECT_EQ(0, module_unload_soon());
	signal(SIGBUS, on_fault);
	if (!sigsetjmp(fault_env, 1)) {
		EXPECT_EQ(first, *payload);
	}
	signal(SIGBUS, SIG_DFL);
}

static void open_for_ever(void)
{
	struct broker standard = { "default" };
	__u64 random = getpid();
	struct consumer c;
	struct port p;

	for (;;) {
		int fd;

		usleep(random_next(&random) % 20000);
		fd = broker_open(&standard, O_RDWR);

		if (fd < 0)
			continue;
		queue_declare(fd, "q", 0);
		if (!port_make(&p, fd, MQK_PORT_F_INPLACE, 16)) {
			port_segment(&p, 0);
			port_unmap(&p);
		}
		if (!consumer_make(&c, fd, "q", 0, 0, 16))
			consumer_unmap(&c);
		close(fd);
	}
}

TEST_F_TIMEOUT(unload, under_open_and_close, 60)
{
	__u64 end = now_ms() + 6000;
	__u32 unloads = 0, refused = 0;
	pid_t pids[3];
	int i;

	NEEDS_MODULE();
	for (i = 0; i < 3; i++) {
		pids[i] = spawn();
		if (!pids[i])
			open_for_ever();
	}
	/* on a slow machine it takes a while until nobody has it open */
	while (now_ms() < end || (!unloads && now_ms() < end + 30000)) {
		int ret = module_unload();

		if (!ret) {
			unloads++;
			ASSERT_EQ(0, module_load());
		} else {
			EXPECT_EQ(-EWOULDBLOCK, ret);
			refused++;
		}
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(128 + SIGKILL, kill_hard(pids[i]));
	}
	TH_LOG("%u unloads, %u refused", unloads, refused);
	EXPECT_LT(0, unloads);
	EXPECT_LT(0, refused);
	EXPECT_EQ(0, module_unload_soon());
}

/* Two that load and unload at once; one wins each time. */
TEST_F_TIMEOUT(unload, loaders_race, 60)
{
	pid_t pids[2];
	int i, j;

	NEEDS_MODULE();
	for (i = 0; i < 2; i++) {
		pids[i] = spawn();
		if (!pids[i]) {
			for (j = 0; j < 20; j++) {
				int ret = module_load();

				if (ret && ret != -EEXIST && ret != -EBUSY)
					_exit(-ret);
				ret = module_unload();
				if (ret && ret != -ENOENT && ret != -EBUSY &&
				    ret != -EWOULDBLOCK)
					_exit(-ret);
			}
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, reap(pids[i], 2 * LONG_MS));
	}
}

TEST_HARNESS_MAIN
