// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owner and mode of exchanges and queues: what another user may do, and under
 * which rule the rest is refused.  The other user is a process of its own,
 * since identity is fixed when a node is opened.
 *
 * mqk-test: parallel timeout=60 kernels=stock,debug,host
 */
#include <grp.h>
#include <unistd.h>
#include "calls.h"
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define OWNER	1234
#define GROUP	1300
#define OTHER	4321

FIXTURE(access)
{
	struct env env;
	int s;
};

FIXTURE_SETUP(access)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE, .mode = 0666,
	};

	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(access)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Run @fn with a session of user @uid in group @gid; what it returns, or
 * 1000 + errno if there is no such session.
 */
static int as(FIXTURE_DATA(access) *self, unsigned int uid, unsigned int gid,
	      int (*fn)(int s))
{
	int *result = shared(sizeof(*result));
	pid_t pid = spawn();

	if (!pid) {
		int s;

		if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
		    setresuid(uid, uid, uid))
			_exit(1);
		s = broker_open(&self->env.broker, O_RDWR);
		*result = s < 0 ? 1000 - s : fn(s);
		_exit(0);
	}
	return pid < 0 || reap(pid, LONG_MS) ? 2000 : *result;
}

/* The rule of a refusal with @error, or the error itself. */
static int refused(int s, int ret, int error)
{
	return ret == error ? rule(s) : ret;
}

static int make_queue(int s)
{
	return queue_declare(s, "q", 0) < 0;
}

static int do_consume(int s)
{
	struct consumer c;

	return refused(s, consumer_make(&c, s, "q", 0, 0, 16), -EACCES);
}

static int do_purge(int s)
{
	return refused(s, queue_purge(s, "q"), -EACCES);
}

static int do_delete(int s)
{
	return refused(s, queue_delete(s, "q", 0), -EACCES);
}

static int do_set(int s)
{
	return refused(s, queue_set(s, "q", MQK_QUEUE_SET_F_PAUSE, NULL), -EACCES);
}

static int do_cancel(int s)
{
	struct mqk_queue_cancel c = {
		.size = sizeof(c), .name = (uintptr_t)"q", .name_len = 1,
		.id = (uintptr_t)"i", .id_len = 1,
	};

	return refused(s, mq(s, MQK_IOC_QUEUE_CANCEL, &c), -EACCES);
}

static int do_bind(int s)
{
	return refused(s, binding_add(s, "amq.fanout", "q", ""), -EACCES);
}

static int do_unbind(int s)
{
	return refused(s, binding_del(s, "amq.fanout", "q", ""), -EACCES);
}

static __u32 find(int s)
{
	char name[MQK_NAME_MAX];
	struct mqk_queue_next n = { .size = sizeof(n), .name = (uintptr_t)name };

	return mq(s, MQK_IOC_QUEUE_NEXT, &n) ? 0 : n.id;
}

static int do_get(int s)
{
	struct mqk_delivery d;
	struct consumer c;

	if (consumer_make(&c, s, NULL, MQK_CONSUMER_F_PULL, 0, 16))
		return 3000;
	return refused(s, queue_get(s, c.c.id, find(s), 0, 0, &d, NULL),
		       -EACCES);
}

static int do_browse(int s)
{
	struct mqk_delivery d;
	struct mqk_browse b = {
		.size = sizeof(b), .queue = find(s), .delivery = (uintptr_t)&d,
	};

	return refused(s, mq(s, MQK_IOC_BROWSE, &b), -EACCES);
}

static int do_publish_to_queue(int s)
{
	struct port p;

	if (port_make(&p, s, 0, 16))
		return 3000;
	return port_number(&p, exchange_declare(s, "", 0,
						MQK_DECLARE_F_PASSIVE),
			   "q", 1);
}

/* 0700: the owner alone; but anyone may publish to it. */
TEST_F(access, queue_by_default_is_its_owners)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_queue));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_consume));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_get));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_browse));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_purge));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_cancel));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_bind));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_delete));
	EXPECT_EQ(0, as(self, OTHER, GROUP, do_publish_to_queue));
	EXPECT_EQ(0, as(self, OWNER, GROUP, do_bind));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, GROUP, do_unbind));
	EXPECT_EQ(0, as(self, OWNER, OTHER, do_unbind));
	EXPECT_EQ(0, as(self, OWNER, OTHER, do_consume));
	EXPECT_EQ(0, as(self, OWNER, GROUP, do_delete));
}

/* The superuser's capability overrides, as with files. */
TEST_F(access, root_may)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_queue));
	EXPECT_EQ(0, do_consume(self->s));
	EXPECT_EQ(0, do_bind(self->s));
	EXPECT_EQ(0, do_purge(self->s));
	EXPECT_EQ(0, do_delete(self->s));
}

static int make_r__(int s)
{
	return queue_declare_mode(s, "q", 0444) < 0;
}

static int make__w_(int s)
{
	return queue_declare_mode(s, "q", 0222) < 0;
}

static int make___x(int s)
{
	return queue_declare_mode(s, "q", 0111) < 0;
}

TEST_F(access, r_is_to_consume_get_browse_and_purge)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_r__));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_consume));
	EXPECT_EQ(-EAGAIN, as(self, OTHER, OTHER, do_get));
	EXPECT_EQ(-EAGAIN, as(self, OTHER, OTHER, do_browse));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_purge));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_cancel));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_bind));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_delete));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_set));
}

TEST_F(access, w_is_to_bind)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make__w_));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_consume));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_purge));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_bind));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_unbind));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_delete));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_set));
}

TEST_F(access, x_is_to_delete_and_change)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make___x));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_set));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_consume));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_bind));
	EXPECT_EQ(0, as(self, OTHER, OTHER, do_delete));
}

static int make_group(int s)
{
	return queue_declare_mode(s, "q", 0070) < 0;
}

/* As with files, the first class that fits decides: the owner has nothing. */
TEST_F(access, group_and_owner_are_told_apart)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_group));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OWNER, GROUP, do_consume));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, do_consume));
	EXPECT_EQ(0, as(self, OTHER, GROUP, do_consume));
	EXPECT_EQ(0, as(self, OTHER, GROUP, do_delete));
}

/* --- exchanges ------------------------------------------------------------ */

static int publish_e(int s)
{
	__s64 id = exchange_declare(s, "e", 0, MQK_DECLARE_F_PASSIVE);
	struct port p;

	if (id < 0 || port_make(&p, s, 0, 16))
		return 3000;
	return refused(s, port_number(&p, id, "k", 1), -EACCES);
}

static int publish_e_inplace(int s)
{
	__s64 id = exchange_declare(s, "e", 0, MQK_DECLARE_F_PASSIVE);
	struct mqk_completion c;
	struct port p;
	int ret;

	if (id < 0 || port_make(&p, s, MQK_PORT_F_INPLACE, 16))
		return 3000;
	ret = port_number(&p, id, "k", 1) ?: port_completion(&p, &c, 0);
	if (ret == -EAGAIN)
		return 0;
	return ret ?: c.type == MQK_COMPLETION_ERROR ? c.result : 3001;
}

static int route_e(int s)
{
	__u32 id;
	int ret = route(s, "e", "k", 1, &id, 1);

	return refused(s, ret > 0 ? 0 : ret, -EACCES);
}

static int bind_e(int s)
{
	char own[MQK_NAME_MAX + 1];

	if (queue_declare_made(s, own, MQK_DECLARE_F_EXCLUSIVE) < 0)
		return 3000;
	return refused(s, binding_add(s, "e", own, "k"), -EACCES);
}

static int delete_e(int s)
{
	return refused(s, exchange_delete(s, "e", 0), -EACCES);
}

static int make_e(int s)
{
	return exchange_declare(s, "e", MQK_EXCHANGE_FANOUT, 0) < 0;
}

static int make_e_r(int s)
{
	return exchange_declare_mode(s, "e", MQK_EXCHANGE_FANOUT, 0744) < 0;
}

static int make_e_w(int s)
{
	return exchange_declare_mode(s, "e", MQK_EXCHANGE_FANOUT, 0722) < 0;
}

static int make_e_x(int s)
{
	return exchange_declare_mode(s, "e", MQK_EXCHANGE_FANOUT, 0711) < 0;
}

/* 0766: all may publish and bind, the owner may delete. */
TEST_F(access, exchange_by_default_is_for_all_to_use)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_e));
	EXPECT_EQ(0, as(self, OTHER, OTHER, publish_e));
	EXPECT_EQ(0, as(self, OTHER, OTHER, publish_e_inplace));
	EXPECT_EQ(0, as(self, OTHER, OTHER, route_e));
	EXPECT_EQ(0, as(self, OTHER, OTHER, bind_e));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, delete_e));
	EXPECT_EQ(0, as(self, OWNER, OTHER, delete_e));
}

TEST_F(access, exchange_r_is_to_bind)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_e_r));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, publish_e));
	EXPECT_EQ(-EACCES, as(self, OTHER, OTHER, publish_e_inplace));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, route_e));
	EXPECT_EQ(0, as(self, OTHER, OTHER, bind_e));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, delete_e));
}

TEST_F(access, exchange_w_is_to_publish)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_e_w));
	EXPECT_EQ(0, as(self, OTHER, OTHER, publish_e));
	EXPECT_EQ(0, as(self, OTHER, OTHER, route_e));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, bind_e));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, delete_e));
}

TEST_F(access, exchange_x_is_to_delete)
{
	ASSERT_EQ(0, as(self, OWNER, GROUP, make_e_x));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, publish_e));
	EXPECT_EQ(MQK_RULE_PERMISSION, as(self, OTHER, OTHER, bind_e));
	EXPECT_EQ(0, as(self, OTHER, OTHER, delete_e));
}

/* --- identity ------------------------------------------------------------- */

static int publish_and_report(int s)
{
	struct port p;

	if (port_make(&p, s, 0, 16))
		return 3000;
	if (port_number(&p, exchange_declare(s, "", 0, MQK_DECLARE_F_PASSIVE),
			"q", 1))
		return 3001;
	return getpid();
}

/* Who published is the kernel's word, in the initial namespaces. */
TEST_F(access, deliveries_name_their_publisher)
{
	struct mqk_delivery d;
	struct consumer c;
	int pid;

	ASSERT_LT(0, queue_declare(self->s, "q", 0));
	pid = as(self, OTHER, OTHER, publish_and_report);
	ASSERT_EQ(0, consumer_make(&c, self->s, "q", 0, 0, 16));
	ASSERT_EQ(1, take_number(&c, &d, LONG_MS));
	EXPECT_EQ(OTHER, d.uid);
	EXPECT_EQ(pid, d.pid);
}

static int change_and_declare(int s)
{
	/* The session was opened as OTHER; what it does now is OTHER's. */
	return queue_declare(s, "q", 0) < 0;
}

TEST_F(access, objects_are_owned_by_who_opened_the_session)
{
	struct mqk_queue_next info;

	ASSERT_EQ(0, as(self, OTHER, GROUP, change_and_declare));
	ASSERT_EQ(0, queue_info(self->s, find(self->s), &info));
	EXPECT_EQ(OTHER, info.uid);
	EXPECT_EQ(GROUP, info.gid);
}

/* A session handed to another user stays its opener's. */
TEST_F(access, identity_is_fixed_at_open)
{
	struct mqk_queue_next info;
	pid_t pid = spawn();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setresgid(GROUP, GROUP, GROUP) ||
		    setresuid(OTHER, OTHER, OTHER))
			_exit(1);
		_exit(queue_declare(self->s, "q", 0) < 0);
	}
	ASSERT_EQ(0, reap(pid, LONG_MS));
	ASSERT_EQ(0, queue_info(self->s, find(self->s), &info));
	EXPECT_EQ(0, info.uid);
	EXPECT_EQ(0, info.gid);
}

/* --- the node ---------------------------------------------------------------- */

/* What the node must be opened for; each call of calls.c has a row. */
static const struct {
	const char *call;
	int mode;			/* O_RDWR: any will do */
} needs[] = {
	{ "QUERY", O_RDWR }, { "ERROR", O_RDWR }, { "STAT", O_RDWR },
	{ "WILL", O_WRONLY }, { "TX", O_RDWR },
	{ "EXCHANGE_DECLARE", O_WRONLY }, { "EXCHANGE_DELETE", O_WRONLY },
	{ "EXCHANGE_NEXT", O_RDWR }, { "QUEUE_DECLARE", O_RDWR },
	{ "QUEUE_DELETE", O_RDONLY }, { "QUEUE_PURGE", O_RDONLY },
	{ "QUEUE_SET", O_RDONLY }, { "QUEUE_CANCEL", O_RDONLY },
	{ "QUEUE_REDRIVE", O_RDONLY },
	{ "QUEUE_NEXT", O_RDWR }, { "BIND", O_RDONLY }, { "UNBIND", O_RDONLY },
	{ "ROUTE", O_RDWR }, { "BINDING_LIST", O_RDWR },
	{ "PORT_CREATE", O_WRONLY }, { "PORT_CLOSE", O_WRONLY },
	{ "PORT_SEGMENT", O_WRONLY }, { "PUBLISH", O_WRONLY },
	{ "CONSUMER_CREATE", O_RDONLY }, { "CONSUMER_CANCEL", O_RDONLY },
	{ "CONSUMER_CLOSE", O_RDONLY }, { "PREFETCH", O_RDONLY },
	{ "WAIT", O_RDWR }, { "GET", O_RDONLY }, { "READ", O_RDONLY },
	{ "BROWSE", O_RDONLY }, { "CONSUMER_LIST", O_RDWR },
	{ "PRODUCER_LIST", O_RDWR },
};

/* Whether the mode of the node refuses a call that says nothing. */
static bool node_refuses(int s, const struct call *call)
{
	__u8 request[REQUEST_MAX] = { 0 };

	*(__u32 *)request = call->size;
	return mq(s, call->cmd, request) == -EACCES &&
	       rule(s) == MQK_RULE_PERMISSION;
}

TEST_F(access, what_each_call_needs_of_the_node)
{
	int r = env_session(&self->env, O_RDONLY);
	int w = env_session(&self->env, O_WRONLY);
	unsigned int i, rows = 0;

	for (i = 0; i < nr_calls; i++)
		rows += calls[i].broker;
	ASSERT_EQ(rows, ARRAY_SIZE(needs));
	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		const struct call *call = call_find(needs[i].call);

		ASSERT_NE(NULL, call);
		EXPECT_EQ(needs[i].mode == O_WRONLY, node_refuses(r, call)) {
			TH_LOG("%s, opened for reading", call->name);
		}
		EXPECT_EQ(needs[i].mode == O_RDONLY, node_refuses(w, call)) {
			TH_LOG("%s, opened for writing", call->name);
		}
		EXPECT_FALSE(node_refuses(self->s, call)) {
			TH_LOG("%s, opened for both", call->name);
		}
	}
}

/* The control node: for writing to make and remove, else any. */
TEST_F(access, what_each_call_needs_of_the_control_node)
{
	int r = open(MQK_CONTROL, O_RDONLY);

	ASSERT_LE(0, r);
	EXPECT_TRUE(node_refuses(r, call_find("BROKER_CREATE")));
	EXPECT_TRUE(node_refuses(r, call_find("BROKER_DELETE")));
	EXPECT_FALSE(node_refuses(r, call_find("BROKER_NEXT")));
	EXPECT_FALSE(node_refuses(r, call_find("QUERY")));
	EXPECT_FALSE(node_refuses(r, call_find("ERROR")));
	close(r);
}

static int do_find(int s)
{
	return find(s);
}

static int declare_again(int s)
{
	return queue_declare(s, "q", 0) < 0 ||
	       queue_declare(s, "q", MQK_DECLARE_F_PASSIVE) < 0 ||
	       exchange_declare(s, "e", MQK_EXCHANGE_DIRECT, 0) < 0;
}

/* To find what is there takes no right on it; nor does listing it. */
TEST_F(access, declaring_again_needs_no_right)
{
	ASSERT_LT(0, queue_declare_mode(self->s, "q", 0));
	ASSERT_LT(0, exchange_declare_mode(self->s, "e", MQK_EXCHANGE_DIRECT, 0));
	EXPECT_EQ(0, as(self, OTHER, OTHER, declare_again));
	EXPECT_LT(0, as(self, OTHER, OTHER, do_find));
}

TEST_HARNESS_MAIN
