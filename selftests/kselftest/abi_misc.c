// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rest of the interface's frame: layout, numbers, QUERY, STAT, ERROR,
 * brokers by name, the two calls by value, and what open() and the node allow.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "calls.h"
#include "harness.h"

/* The layout is fixed: these numbers never change. */
_Static_assert(sizeof(struct mqk_record) == 64, "");
_Static_assert(offsetof(struct mqk_record, key) == MQK_RECORD_KEY, "");
_Static_assert(offsetof(struct mqk_record, exchange) == 16, "");
_Static_assert(sizeof(struct mqk_delivery) == 64, "");
_Static_assert(offsetof(struct mqk_delivery, ref) == 32, "");
_Static_assert(sizeof(struct mqk_ack) == 16, "");
_Static_assert(sizeof(struct mqk_completion) == 32, "");
_Static_assert(sizeof(struct mqk_header) == 4, "");
_Static_assert(sizeof(struct mqk_message) == 64, "");
_Static_assert(sizeof(struct mqk_port_page) == 24, "");
_Static_assert(sizeof(struct mqk_port_user) == 16, "");
_Static_assert(sizeof(struct mqk_consumer_page) == 24, "");
_Static_assert(offsetof(struct mqk_consumer_user, ack_tail) == 64, "");
_Static_assert(MQK_RECORD_PAYLOAD(0, 0) == 64, "");
_Static_assert(MQK_RECORD_PAYLOAD(32, 0) == 64, "");
_Static_assert(MQK_RECORD_PAYLOAD(33, 0) == 128, "");
_Static_assert(MQK_RECORD_PAYLOAD(255, MQK_HEADERS_MAX) == 65856, "");
_Static_assert(MQK_RECORD_SIZE(0, 0, 0) == 64, "");
_Static_assert(MQK_RECORD_SIZE(255, MQK_HEADERS_MAX, 0xffffffffu) ==
	       0x100010140ull, "");

FIXTURE(node)
{
	struct env env;
	int control, s;
};

FIXTURE_SETUP(node)
{
	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->control = control_open();
	ASSERT_LE(0, self->control);
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(node)
{
	close(self->control);
	EXPECT_EQ(0, env_end(&self->env));
}

TEST_F(node, unknown_calls_are_ENOTTY)
{
	const unsigned long cmds[] = {
		0, ~0ul, _IO(MQK_IOC_MAGIC, 0),
		_IO(MQK_IOC_MAGIC, 0x0f), _IO(MQK_IOC_MAGIC, 0xff),
		_IOWR(MQK_IOC_MAGIC, 0x15, struct mqk_query),
		_IOWR(MQK_IOC_MAGIC, 0x59, struct mqk_query),
		_IOWR(MQK_IOC_MAGIC + 1, 0x10, struct mqk_query),
		_IO(MQK_IOC_MAGIC, 0x82),
	};
	struct mqk_query q = { .size = sizeof(q) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(-ENOTTY, mq(self->control, cmds[i], &q)) {
			TH_LOG("call %#lx", cmds[i]);
		}
		EXPECT_EQ(-ENOTTY, mq(self->s, cmds[i], &q)) {
			TH_LOG("call %#lx", cmds[i]);
		}
	}
	EXPECT_EQ(-ENOTTY, mq_value(self->control, MQK_IOC_DOORBELL, 1));
	EXPECT_EQ(-ENOTTY, mq_value(self->control, MQK_IOC_KICK, 1));
}

TEST_F(node, doorbell_and_kick_of_nothing_are_ENOENT)
{
	const unsigned long ids[] = { 0, 1, 2, 0xffffffff, 1ul << 32, ~0ul };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-ENOENT, mq_value(self->s, MQK_IOC_DOORBELL, ids[i]));
		EXPECT_EQ(-ENOENT, mq_value(self->s, MQK_IOC_KICK, ids[i]));
	}
}

/* An id is 32 bits; nothing above them is cut off. */
TEST_F(node, doorbell_and_kick_ids_are_not_truncated)
{
	struct consumer c;
	struct port p;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, port_make(&p, self->s, MQK_PORT_F_INPLACE, 16));
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	ASSERT_EQ(0, mq_value(self->s, MQK_IOC_DOORBELL, p.c.id));
	ASSERT_EQ(0, mq_value(self->s, MQK_IOC_KICK, c.c.id));
	ASSERT_EQ(-ENOENT, mq_value(self->s, MQK_IOC_DOORBELL,
				    p.c.id | 1ul << 32));
	ASSERT_EQ(-ENOENT, mq_value(self->s, MQK_IOC_KICK,
				    c.c.id | 1ul << 32));
}

TEST_F(node, query_on_control)
{
	struct mqk_query q;

	ASSERT_EQ(0, query(self->control, &q));
	EXPECT_EQ(MQK_ABI, q.abi);
	EXPECT_EQ(0, q.access);
	EXPECT_EQ(0, q.segment_size);
	EXPECT_EQ(0, q.broker_limit[MQK_RES_QUEUES]);
	EXPECT_EQ(0, q.broker_used[MQK_RES_SESSIONS]);
	EXPECT_NE(0, q.user_limit[MQK_RES_SESSIONS]);
	EXPECT_LE(64 << 20, q.message_max);
	EXPECT_NE(0, q.ring_max);
	EXPECT_EQ(0, q.ring_max & (q.ring_max - 1));
	EXPECT_NE(0, q.targets_max);
	EXPECT_NE(0, q.prefetch_max);
	EXPECT_NE(0, q.publish_max);
	EXPECT_EQ(MQK_FEATURE_INPLACE | MQK_FEATURE_COPY | MQK_FEATURE_JUMBO |
		  MQK_FEATURE_BROWSE | MQK_FEATURE_LIST |
		  MQK_FEATURE_EXCHANGES | MQK_FEATURE_CC |
		  MQK_FEATURE_HASH |
		  MQK_FEATURE_PRIORITY | MQK_FEATURE_DELAY |
		  MQK_FEATURE_LEVELS | MQK_FEATURE_GROUPS |
		  MQK_FEATURE_QUEUE_SET | MQK_FEATURE_REPLY |
		  MQK_FEATURE_CONSUMER_ARGS | MQK_FEATURE_WILL |
		  MQK_FEATURE_DEAD_LETTER | MQK_FEATURE_REDRIVE |
		  MQK_FEATURE_WILL_DELAY | MQK_FEATURE_LAST_VALUE |
		  MQK_FEATURE_PRODUCER | MQK_FEATURE_BLOCK |
		  MQK_FEATURE_DURABLE | MQK_FEATURE_TX | MQK_FEATURE_DEDUP |
		  MQK_FEATURE_EVENTS | MQK_FEATURE_TRACE, q.features);
}

TEST_F(node, query_on_broker)
{
	struct mqk_query q;

	ASSERT_EQ(0, query(self->s, &q));
	EXPECT_EQ(MQK_ABI, q.abi);
	EXPECT_EQ(MQK_ACCESS_READ | MQK_ACCESS_WRITE | MQK_ACCESS_MAP,
		  q.access);
	EXPECT_EQ(1 << 20, q.segment_size);
	/* Of each segment, also the last jumbo one. */
	EXPECT_GE(1ull << MQK_MAP_OFFSET_BITS,
		  q.segment_base + ((2ull * MQK_SEGMENT_JUMBO) << q.segment_shift));
	EXPECT_LE(PAGE, 1ull << q.segment_shift);
	/* The admin's session and this one. */
	EXPECT_EQ(2, q.broker_used[MQK_RES_SESSIONS]);
	EXPECT_LE(2, q.user_used[MQK_RES_SESSIONS]);
	EXPECT_LE(q.broker_used[MQK_RES_SESSIONS],
		  q.broker_limit[MQK_RES_SESSIONS]);
}

TEST_F(node, access_is_how_it_was_opened)
{
	struct mqk_query q;
	int fd;

	fd = env_session(&self->env, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(MQK_ACCESS_READ | MQK_ACCESS_MAP, q.access);
	fd = env_session(&self->env, O_WRONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(MQK_ACCESS_WRITE, q.access);
}

TEST_F(node, error_says_nothing_at_first)
{
	struct mqk_error e;

	ASSERT_EQ(0, error_get(self->s, &e));
	EXPECT_EQ(0, e.error);
	EXPECT_EQ(MQK_RULE_NONE, e.rule);
	EXPECT_EQ(-ENOENT, binding_add(self->s, "no", "q", ""));
	ASSERT_EQ(0, error_get(self->s, &e));
	EXPECT_EQ(ENOENT, e.error);
	EXPECT_EQ(MQK_RULE_NO_EXCHANGE, e.rule);
	/* A success leaves it. */
	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	ASSERT_EQ(0, error_get(self->s, &e));
	EXPECT_EQ(ENOENT, e.error);
}

static int broker_create(int control, const void *name, __u32 len,
			 __u64 segment, __u32 flags, __u32 mode)
{
	struct mqk_broker_create c = {
		.size = sizeof(c),
		.flags = flags,
		.name = (uintptr_t)name,
		.name_len = len,
		.segment_size = segment,
		.mode = mode,
	};

	return mq(control, MQK_IOC_BROKER_CREATE, &c);
}

/* The control node tells which rule, as a session does; each open one its own. */
TEST_F(node, refusals_on_control)
{
	struct mqk_broker_create c = {
		.size = sizeof(c), .name = (uintptr_t)"x", .name_len = 1,
	};
	struct mqk_broker_delete d = {
		.size = sizeof(d), .name = (uintptr_t)"none", .name_len = 4,
	};
	int other = control_open(), rdonly = open(MQK_CONTROL, O_RDONLY);
	struct mqk_error e;

	ASSERT_EQ(0, error_get(self->control, &e));
	EXPECT_EQ(0, e.error);
	EXPECT_EQ(-EINVAL, broker_create(self->control, "a b", 3, 0, 0, 0));
	EXPECT_EQ(MQK_RULE_BAD_NAME, rule(self->control));
	EXPECT_EQ(-EINVAL, broker_create(self->control, "x", 1, 0,
					 MQK_BROKER_F_MODE, 01777));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->control));
	EXPECT_EQ(-EINVAL, broker_create(self->control, "x", 1, 12345, 0, 0));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->control));
	EXPECT_EQ(-EEXIST, broker_create(self->control, "default", 7, 0, 0, 0));
	EXPECT_EQ(MQK_RULE_EXISTS, rule(self->control));
	c.limit[MQK_RES_EXCHANGES] = 3;
	EXPECT_EQ(-ENOSPC, mq(self->control, MQK_IOC_BROKER_CREATE, &c));
	ASSERT_EQ(0, error_get(self->control, &e));
	EXPECT_EQ(ENOSPC, e.error);
	EXPECT_EQ(MQK_RULE_BROKER_LIMIT, e.rule);
	EXPECT_EQ(MQK_RES_EXCHANGES, e.resource);
	EXPECT_EQ(3, e.limit);
	EXPECT_EQ(3, e.used);
	EXPECT_EQ(-ENOENT, mq(self->control, MQK_IOC_BROKER_DELETE, &d));
	EXPECT_EQ(MQK_RULE_NO_BROKER, rule(self->control));
	EXPECT_EQ(-EBUSY, broker_delete(&self->env.broker, 0));
	EXPECT_EQ(-EACCES, broker_create(rdonly, "x", 1, 0, 0, 0));
	EXPECT_EQ(MQK_RULE_PERMISSION, rule(rdonly));
	/* What succeeds changes nothing. */
	EXPECT_EQ(MQK_RULE_NO_BROKER, rule(self->control));
	ASSERT_EQ(0, error_get(other, &e));
	EXPECT_EQ(0, e.error);
	close(rdonly);
	close(other);
}

TEST_F(node, broker_names)
{
	static const char * const bad[] = {
		"", ".", "..", ".x", "control", "a/b", "a b", "a\n", "\xc3\xa4",
		"x:", "*",
	};
	char longest[MQK_BROKER_NAME_MAX + 2];
	struct broker b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, broker_create(self->control, bad[i],
						 strlen(bad[i]), 0, 0, 0)) {
			TH_LOG("name %u", i);
		}
	}
	EXPECT_EQ(-EINVAL, broker_create(self->control, "a\0b", 3, 0, 0, 0));
	/* "test-" and the process make it no one else's. */
	memset(longest, 'x', sizeof(longest));
	longest[snprintf(longest, 30, "test-%d", getpid())] = '_';
	EXPECT_GT(0, broker_create(self->control, longest,
				   MQK_BROKER_NAME_MAX + 1, 0, 0, 0));
	EXPECT_GT(0, broker_create(self->control, longest, 1u << 31, 0, 0, 0));
	ASSERT_EQ(0, broker_create(self->control, longest, MQK_BROKER_NAME_MAX,
				   0, 0, 0));
	memcpy(b.name, longest, MQK_BROKER_NAME_MAX);
	b.name[MQK_BROKER_NAME_MAX] = '\0';
	EXPECT_EQ(-EEXIST, broker_create(self->control, longest,
					 MQK_BROKER_NAME_MAX, 0, 0, 0));
	EXPECT_EQ(0, broker_delete(&b, 0));
	EXPECT_EQ(-ENOENT, broker_delete(&b, 0));
}

TEST_F(node, broker_segment_sizes)
{
	static const __u64 bad[] = {
		1, 4096, 65535, 65537, 98304, 128u << 20, 1ull << 32, ~0ull,
		1ull << 63,
	};
	static const __u64 good[] = { 65536, 1 << 21, 64 << 20 };
	struct mqk_broker_create want = { 0 };
	struct mqk_query q;
	struct broker b;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		want.segment_size = bad[i];
		EXPECT_EQ(-EINVAL, broker_make(&b, &want));
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		want.segment_size = good[i];
		ASSERT_EQ(0, broker_make(&b, &want));
		fd = broker_open(&b, O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, query(fd, &q));
		EXPECT_EQ(good[i], q.segment_size);
		close(fd);
		EXPECT_EQ(0, broker_delete(&b, 0));
	}
}

TEST_F(node, broker_modes_and_owner)
{
	struct mqk_broker_create want = { .mode = 0640 };
	char path[128];
	struct stat st;
	struct broker b;

	EXPECT_EQ(-EINVAL, broker_make(&b, &want));
	want.flags = MQK_BROKER_F_MODE;
	want.mode = 01777;
	EXPECT_EQ(-EINVAL, broker_make(&b, &want));
	want.mode = 0640;
	want.flags |= MQK_BROKER_F_OWNER;
	want.uid = 12345;
	want.gid = 23456;
	ASSERT_EQ(0, broker_make(&b, &want));
	snprintf(path, sizeof(path), "%s/%s", MQK_DIR, b.name);
	EXPECT_EQ(0, stat(path, &st));
	EXPECT_EQ(0640, st.st_mode & 07777);
	EXPECT_EQ(12345, st.st_uid);
	EXPECT_EQ(23456, st.st_gid);
	EXPECT_EQ(0, broker_delete(&b, 0));

	ASSERT_EQ(0, broker_make(&b, NULL));
	snprintf(path, sizeof(path), "%s/%s", MQK_DIR, b.name);
	EXPECT_EQ(0, stat(path, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, broker_delete(&b, 0));
}

/* BROKER_NEXT sees each broker once, with its name, size and counters. */
TEST_F(node, broker_list)
{
	char name[MQK_BROKER_NAME_MAX + 1];
	struct mqk_broker_next n = { .size = sizeof(n) };
	int ret, seen = 0, standard = 0;
	__u32 last = 0;

	for (;;) {
		memset(name, 0, sizeof(name));
		n.flags = 0;
		n.name = (uintptr_t)name;
		n.name_len = MQK_BROKER_NAME_MAX;
		ret = mq(self->control, MQK_IOC_BROKER_NEXT, &n);
		if (ret)
			break;
		ASSERT_LT(last, n.id);
		last = n.id;
		ASSERT_EQ(strlen(name), n.name_len);
		standard += !strcmp(name, "default");
		if (strcmp(name, self->env.broker.name))
			continue;
		seen++;
		EXPECT_EQ(1 << 20, n.segment_size);
		EXPECT_EQ(2, n.used[MQK_RES_SESSIONS]);
	}
	EXPECT_EQ(-ENOENT, ret);
	EXPECT_EQ(1, seen);
	EXPECT_EQ(1, standard);
	n.id = 0;
	n.flags = 0;
	n.name_len = 1;
	EXPECT_EQ(-ERANGE, mq(self->control, MQK_IOC_BROKER_NEXT, &n));
}

/* In the child: become nobody in particular. */
static int drop_to(unsigned int uid)
{
	return setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	       setresuid(uid, uid, uid) ? -errno : 0;
}

TEST_F(node, broker_is_its_makers_to_delete)
{
	struct broker b = self->env.broker;
	pid_t pid = spawn();

	ASSERT_LE(0, pid);
	if (!pid) {
		struct mqk_broker_delete d = {
			.size = sizeof(d),
			.flags = MQK_BROKER_DELETE_F_FORCE,
			.name = (uintptr_t)b.name,
			.name_len = strlen(b.name),
		};

		int control;

		if (chmod(MQK_CONTROL, 0666) || drop_to(12345))
			_exit(1);
		control = control_open();
		if (control < 0)
			_exit(3);
		_exit(mq(control, MQK_IOC_BROKER_DELETE, &d) == -EPERM ? 0 : 2);
	}
	EXPECT_EQ(0, reap(pid, LONG_MS));
}

TEST_F(node, broker_owner_is_roots_to_give)
{
	pid_t pid = spawn();

	ASSERT_LE(0, pid);
	if (!pid) {
		char name[32];
		struct mqk_broker_create c = {
			.size = sizeof(c),
			.flags = MQK_BROKER_F_OWNER,
			.name = (uintptr_t)name,
			.name_len = snprintf(name, sizeof(name), "own-%d",
					     getpid()),
			.uid = 0,
			.gid = 0,
		};

		int control;

		if (chmod(MQK_CONTROL, 0666) || drop_to(12345))
			_exit(1);
		control = control_open();
		if (control < 0)
			_exit(3);
		_exit(mq(control, MQK_IOC_BROKER_CREATE, &c) == -EPERM ? 0 : 2);
	}
	EXPECT_EQ(0, reap(pid, LONG_MS));
}

/* open() of a node asks the node's mode. */
TEST_F(node, node_mode_is_obeyed)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE, .mode = 0604,
	};
	struct broker b;
	pid_t pid;

	ASSERT_EQ(0, broker_make(&b, &want));
	pid = spawn();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (drop_to(12345))
			_exit(1);
		if (broker_open(&b, O_RDWR) != -EACCES)
			_exit(2);
		if (broker_open(&b, O_WRONLY) != -EACCES)
			_exit(3);
		_exit(broker_open(&b, O_RDONLY) >= 0 ? 0 : 4);
	}
	EXPECT_EQ(0, reap(pid, LONG_MS));
	EXPECT_EQ(0, broker_delete(&b, 0));
}

/* `cat` of a broker's node shows its queues. */
TEST_F(node, node_can_be_read)
{
	char text[65536];
	ssize_t n, all = 0;
	int fd;

	ASSERT_LT(0, queue_declare(self->s, "a-queue-to-see", 0));
	fd = env_session(&self->env, O_RDONLY);
	ASSERT_LE(0, fd);
	while ((n = read(fd, text + all, sizeof(text) - 1 - all)) > 0)
		all += n;
	ASSERT_EQ(0, n);
	text[all] = '\0';
	EXPECT_NE(NULL, strstr(text, "a-queue-to-see"));
	EXPECT_NE(NULL, strstr(text, "amq.topic"));
}

TEST_F(node, other_file_operations_are_refused)
{
	char byte = 0;

	EXPECT_EQ(-1, write(self->s, &byte, 1));
	EXPECT_EQ(-1, read(self->control, &byte, 1));
	EXPECT_EQ(-1, write(self->control, &byte, 1));
	EXPECT_EQ(ENODEV, map_errno(self->control, 0, PAGE, PROT_READ,
				    MAP_SHARED));
	EXPECT_EQ(-1, ftruncate(self->s, 0));
	EXPECT_EQ(-1, fallocate(self->s, 0, 0, 4096));
}

TEST_HARNESS_MAIN
