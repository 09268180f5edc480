// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy of every call fails once: the call succeeds
 * all the same, or it returns ENOMEM or EFAULT and has had no effect; nothing
 * leaks.  Sweeps /proc/thread-self/fail-nth, so it needs a kernel with fault
 * injection.
 *
 * mqk-test: timeout=300 kernels=debug
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "calls.h"
#include "harness.h"

#define POINTS_MAX	600
#define PLACED		300		/* records for a doorbell or a close */

/* --- the injection -------------------------------------------------------- */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Why there can be no injection, or NULL. */
static const char *injection_begin(void)
{
	static const char * const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/cache-filter", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[128];
	unsigned int i;

	if (access("/proc/self/fail-nth", W_OK))
		return "no /proc/self/fail-nth: CONFIG_FAULT_INJECTION";
	if (access("/sys/kernel/debug/failslab", F_OK))
		return "no failslab in debugfs: CONFIG_FAILSLAB";
	if (access("/sys/kernel/debug/fail_page_alloc", F_OK))
		return "no fail_page_alloc in debugfs";
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 settings[i][0]);
		put(path, settings[i][1]);
	}
	return NULL;
}

/* The n-th chance of this thread to fail, from now on, is taken. */
static int inject(int fd, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(fd, text, len, 0) == len ? 0 : -errno;
}

/* Stop; whether it had happened.  Reading and stopping can fail as well, which
 * means that it had not.
 */
static bool injected(int fd)
{
	char text[16] = "1";
	bool happened = true;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		happened = false;
	if (pwrite(fd, "0", 1, 0) != 1) {
		happened = false;
		pwrite(fd, "0", 1, 0);
	}
	return happened && atoi(text) == 0;
}

/* --- every call ----------------------------------------------------------- */

FIXTURE(fault)
{
	int fd;
};

FIXTURE_VARIANT(fault)
{
	const char *name;
};

#define CALL_VARIANT(NAME) \
	FIXTURE_VARIANT_ADD(fault, NAME) { .name = #NAME };

CALLS_ALL(CALL_VARIANT)
/* Not in the table of calls. */
CALL_VARIANT(open)
CALL_VARIANT(close)
CALL_VARIANT(doorbell)
CALL_VARIANT(kick)
CALL_VARIANT(map_port)
CALL_VARIANT(map_consumer)
CALL_VARIANT(map_segment)
CALL_VARIANT(publish_many)
CALL_VARIANT(publish_expiring)
CALL_VARIANT(declare_rules)
CALL_VARIANT(set_window)
CALL_VARIANT(publish_jumbo)
CALL_VARIANT(bind_topic)
CALL_VARIANT(force_delete)
CALL_VARIANT(tx_publish)
CALL_VARIANT(tx_commit)

FIXTURE_SETUP(fault)
{
	self->fd = -1;
	if (injection_begin())
		return;
	self->fd = open("/proc/thread-self/fail-nth", O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(fault)
{
	if (self->fd >= 0)
		close(self->fd);
}

/* What is done under injection, and what must hold when it has failed and when
 * it has succeeded; both return 0 if it does.
 */
struct work {
	struct world w;
	struct world_state before;
	const struct call *call;
	__u8 request[REQUEST_MAX];
	int opened;
	void *mapped;
	__u8 *large;
};

static int do_call(struct work *k)
{
	return call_do(k->call, &k->w, k->request);
}

static int do_open(struct work *k)
{
	k->opened = broker_open(&k->w.env.broker, O_RDWR);
	return k->opened < 0 ? k->opened : 0;
}

static int do_close(struct work *k)
{
	session_close(k->w.s);
	return 0;
}

static int do_doorbell(struct work *k)
{
	int ret = port_doorbell(&k->w.inplace);

	return ret < 0 ? ret : 0;
}

static int do_kick(struct work *k)
{
	int ret = consumer_kick(&k->w.push);

	return ret < 0 ? ret : 0;
}

static int do_map(struct work *k, __u64 offset, __u64 bytes, int prot)
{
	k->mapped = mmap(NULL, bytes, prot, MAP_SHARED, k->w.s, offset);
	return k->mapped == MAP_FAILED ? -errno : munmap(k->mapped, bytes);
}

static int do_map_port(struct work *k)
{
	const struct mqk_port_create *c = &k->w.inplace.c;

	return do_map(k, c->page_offset, c->page_size, PROT_READ) ?:
	       do_map(k, c->user_offset, c->user_size,
		      PROT_READ | PROT_WRITE) ?:
	       do_map(k, c->window_offset, c->window_size,
		      PROT_READ | PROT_WRITE);
}

static int do_map_consumer(struct work *k)
{
	const struct mqk_consumer_create *c = &k->w.push.c;

	return do_map(k, c->page_offset, c->page_size, PROT_READ) ?:
	       do_map(k, c->user_offset, c->user_size, PROT_READ | PROT_WRITE);
}

static int do_map_segment(struct work *k)
{
	struct mqk_query q = {};

	/* what the kernel could not tell is not there */
	if (query(k->w.s, &q) || !q.segment_base)
		return -EFAULT;
	return do_map(k, q.segment_base +
		      ((__u64)MQK_REF_SEGMENT(k->w.unacked.ref) <<
		       q.segment_shift), PAGE, PROT_READ);
}

static int do_publish_many(struct work *k)
{
	struct mqk_message m[40];
	struct mqk_publish p = {
		.size = sizeof(p), .port = k->w.copy.c.id, .count = 40,
		.messages = (uintptr_t)m,
	};
	int i, ret;

	for (i = 0; i < 40; i++) {
		m[i] = (struct mqk_message) {
			.exchange = k->w.exchange, .key = (uintptr_t)"key",
			.key_len = 3, .payload = (uintptr_t)k->large,
			.payload_len = 4000,
		};
	}
	ret = mq(k->w.s, MQK_IOC_PUBLISH, &p);
	/* Fewer is a success: a call with the rest tells. */
	return ret;
}

/* The queue has to keep times from here on. */
static int do_publish_expiring(struct work *k)
{
	struct mqk_message m = {
		.exchange = k->w.exchange, .key = (uintptr_t)"key", .key_len = 3,
		.flags = MQK_MSG_F_EXPIRATION, .expiration = 1000 * 1000,
	};
	struct mqk_publish p = {
		.size = sizeof(p), .port = k->w.copy.c.id, .count = 1,
		.messages = (uintptr_t)&m,
	};

	return mq(k->w.s, MQK_IOC_PUBLISH, &p);
}

/* A queue with rules that need memory of their own. */
static int do_declare_rules(struct work *k)
{
	__s64 id = queue_declare_args(k->w.s, "rules",
				      "x-message-ttl=1000 x-expires=1000000 "
				      "x-mqk-dedup-window=1000");

	return id < 0 ? (int)id : 0;
}

/* A queue begins to see ids. */
static int do_set_window(struct work *k)
{
	return queue_set(k->w.s, "q", 0, "x-mqk-dedup-window=1000");
}

static int do_publish_jumbo(struct work *k)
{
	struct msg m = {
		.exchange = k->w.exchange, .key = "key", .key_len = 3,
		.payload = k->large, .payload_len = 200000,
	};

	return port_publish(&k->w.copy, &m);
}

static int do_bind_topic(struct work *k)
{
	return binding_add(k->w.s, "amq.topic", "q",
			   "many.words.*.in.#.this.pattern");
}

static int do_force_delete(struct work *k)
{
	return broker_delete(&k->w.victim, MQK_BROKER_DELETE_F_FORCE);
}

static int transact(struct work *k, __u32 flag)
{
	struct mqk_tx tx = { .size = sizeof(tx), .flags = flag };

	return mq(k->w.s, MQK_IOC_TX, &tx);
}

static int publish_one(struct port *p, struct work *k)
{
	struct msg m = {
		.exchange = k->w.exchange, .key = "key", .key_len = 3,
		.flags = MQK_MSG_F_EXPIRATION, .expiration = 1000 * 1000,
		.payload = "x", .payload_len = 1,
	};

	return port_publish(p, &m);
}

static int do_tx_publish(struct work *k)
{
	return publish_one(&k->w.copy, k);
}

static int do_tx_commit(struct work *k)
{
	return transact(k, MQK_TX_F_COMMIT);
}

static const struct {
	const char *name;
	int (*fn)(struct work *k);
} works[] = {
	{ "tx_publish", do_tx_publish }, { "tx_commit", do_tx_commit },
	{ "open", do_open }, { "close", do_close }, { "doorbell", do_doorbell },
	{ "kick", do_kick }, { "map_port", do_map_port },
	{ "map_consumer", do_map_consumer },
	{ "map_segment", do_map_segment },
	{ "publish_many", do_publish_many },
	{ "publish_expiring", do_publish_expiring },
	{ "declare_rules", do_declare_rules }, { "set_window", do_set_window },
	{ "publish_jumbo", do_publish_jumbo },
	{ "bind_topic", do_bind_topic }, { "force_delete", do_force_delete },
};

static int (*work_find(struct work *k, const char *name))(struct work *)
{
	unsigned int i;

	k->call = call_find(name);
	if (k->call)
		return do_call;
	for (i = 0; i < ARRAY_SIZE(works); i++)
		if (!strcmp(works[i].name, name))
			return works[i].fn;
	return NULL;
}

/* Both queues have what they had, somewhere. */
static __u64 messages_in(struct world *w)
{
	char name[MQK_NAME_MAX];
	struct mqk_queue_next q = { .size = sizeof(q), .name = (uintptr_t)name };
	__u64 all = 0;

	while (!mq(w->env.admin, MQK_IOC_QUEUE_NEXT, &q)) {
		all += q.ready + q.unacked;
		q.flags = 0;
	}
	return all;
}

/* What needs more than "unchanged". */
static int aftermath(struct work *k, const char *name, int ret)
{
	if (!strcmp(name, "close"))
		/* All of them are there. */
		return messages_in(&k->w) == 6 + 2 * PLACED ? 0 : -1;
	if (!strcmp(name, "doorbell")) {
		/* Later, or at once: each of them, once, in both queues. */
		while (port_doorbell(&k->w.inplace) > 0)
			;
		return messages_in(&k->w) == 6 + 2 * PLACED ? 0 : -2;
	}
	if (!strcmp(name, "open")) {
		if (k->opened >= 0)
			close(k->opened);
		return 0;
	}
	/* Kept back or not: a copy for each of both queues, or nothing. */
	if (!strcmp(name, "tx_publish"))
		return transact(k, MQK_TX_F_COMMIT) ?:
		       messages_in(&k->w) == 6 + 2 * !ret ? 0 : -4;
	/* All, and one is settled; or nothing, and none is. */
	if (!strcmp(name, "tx_commit"))
		return messages_in(&k->w) == (ret ? 6 : 6 + 4 - 1) ? 0 : -5;
	/* What the port got meanwhile stays with it, for the next try. */
	if (!strcmp(name, "publish_expiring"))
		return messages_in(&k->w) == 6 + 2 * !ret ? 0 : -3;
	if (ret && strcmp(name, "kick"))
		return world_changed(&k->w, &k->before);
	return 0;
}

static int prepare(struct work *k, const char *name)
{
	int i, ret = world_begin(&k->w);

	if (ret)
		return ret;
	if (!strcmp(name, "doorbell") || !strcmp(name, "close")) {
		/* More than one place in a queue's index. */
		for (i = 0; i < PLACED && !ret; i++) {
			struct msg m = {
				.exchange = k->w.exchange, .key = "key",
				.key_len = 3, .payload = "x", .payload_len = 1,
			};

			ret = port_place(&k->w.inplace, &m);
		}
	}
	if (!ret && !strncmp(name, "tx_", 3))
		ret = transact(k, MQK_TX_F_BEGIN);
	if (!ret && !strcmp(name, "tx_commit"))
		ret = publish_one(&k->w.copy, k) ?: publish_one(&k->w.inplace, k);
	if (!strcmp(name, "kick") || !strcmp(name, "tx_commit"))
		consumer_ack(&k->w.push, k->w.unacked.tag, MQK_ACK_ACCEPT, 0);
	if (k->call)
		call_fill(k->call, &k->w, k->request);
	world_state(&k->w, &k->before);
	return ret;
}

TEST_F_TIMEOUT(fault, each_point, 400)
{
	static struct work k;
	int (*fn)(struct work *k);
	unsigned int n, failures = 0;
	const char *why = injection_begin();
	bool happened = true;

	if (!why && !getenv("MQK_FAULT"))
		why = "a sweep takes long under emulation: set MQK_FAULT=1";
	if (why)
		SKIP(return, "%s", why);
	fn = work_find(&k, variant->name);
	ASSERT_NE(NULL, fn);
	k.large = malloc(4 << 20);
	memset(k.large, 1, 4 << 20);
	for (n = 1; happened; n++) {
		int ret;

		ASSERT_GT(POINTS_MAX, n);
		ASSERT_EQ(0, prepare(&k, variant->name));
		ASSERT_EQ(0, inject(self->fd, n));
		ret = fn(&k);
		happened = injected(self->fd);
		failures += ret != 0;
		if (!happened) {
			EXPECT_EQ(0, ret);
		} else if (ret) {
			EXPECT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
				TH_LOG("point %u: %d", n, ret);
			}
		}
		EXPECT_EQ(0, aftermath(&k, variant->name, ret)) {
			TH_LOG("point %u: returned %d", n, ret);
		}
		EXPECT_EQ(0, world_end(&k.w)) {
			TH_LOG("point %u: returned %d", n, ret);
		}
	}
	TH_LOG("%u points, %u failures", n - 2, failures);
}

TEST_HARNESS_MAIN
