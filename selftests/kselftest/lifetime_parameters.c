// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of users: the module's parameters, also when they are changed while the
 * users are there.  Alone, since a parameter holds for everybody.
 *
 * mqk-test: timeout=60 kernels=stock,debug,host
 */
#include <stdio.h>
#include <unistd.h>
#include "rings_port.h"
#include "harness.h"

#define SOMEBODY	54321u
#define QUEUES		"/sys/module/mqk/parameters/user_queues"

FIXTURE(parameters)
{
	struct env env;
	char before[32];
	int s;
};

/* 0 or -errno. */
static int parameter_set(const char *value)
{
	int fd = open(QUEUES, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int parameter_get(char *value, size_t room)
{
	FILE *file = fopen(QUEUES, "r");
	bool good = file && fgets(value, room, file);

	if (file)
		fclose(file);
	return good ? 0 : -EIO;
}

/* A session of another user. */
static int open_as(struct env *env, uid_t uid)
{
	int s;

	if (setresuid(uid, uid, 0))
		return -errno;
	s = broker_open(&env->broker, O_RDWR);
	return setresuid(0, 0, 0) ? -errno : s;
}

FIXTURE_SETUP(parameters)
{
	struct mqk_broker_create want = {
		.flags = MQK_BROKER_F_MODE, .mode = 0666,
	};

	ASSERT_EQ(0, parameter_get(self->before, sizeof(self->before)));
	ASSERT_EQ(0, env_begin(&self->env, &want));
	self->s = open_as(&self->env, SOMEBODY);
	ASSERT_LE(0, self->s);
}

FIXTURE_TEARDOWN(parameters)
{
	EXPECT_EQ(0, parameter_set(self->before));
	close(self->s);
	EXPECT_EQ(0, env_end(&self->env));
}

static __s64 declare(FIXTURE_DATA(parameters) *self, int number)
{
	char name[16];

	sprintf(name, "q%d", number);
	return queue_declare(self->s, name, 0);
}

static __u64 limit(int s)
{
	struct mqk_query q;

	return query(s, &q) ? 0 : q.user_limit[MQK_RES_QUEUES];
}

TEST_F(parameters, a_change_reaches_who_is_there)
{
	struct mqk_error e;

	ASSERT_LT(0, declare(self, 1));
	ASSERT_EQ(0, parameter_set("3"));
	EXPECT_EQ(3, limit(self->s));
	ASSERT_LT(0, declare(self, 2));
	ASSERT_LT(0, declare(self, 3));
	ASSERT_EQ(-EDQUOT, declare(self, 4));
	ASSERT_EQ(0, error_get(self->s, &e));
	EXPECT_EQ(MQK_RULE_USER_LIMIT, e.rule);
	EXPECT_EQ(MQK_RES_QUEUES, e.resource);
	EXPECT_EQ(3, e.limit);
	EXPECT_EQ(3, e.used);
	ASSERT_EQ(0, parameter_set("4"));
	EXPECT_LT(0, declare(self, 4));
	EXPECT_EQ(-EDQUOT, declare(self, 5));
}

/* What is there stays there, and nothing is added until there is less. */
TEST_F(parameters, lowered_below_what_is_in_use)
{
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_LT(0, declare(self, i));
	ASSERT_EQ(0, parameter_set("3"));
	EXPECT_EQ(-EDQUOT, declare(self, 5));
	EXPECT_LT(0, declare(self, 4));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, queue_delete(self->s, i ? "q1" : "q0", 0));
		EXPECT_EQ(-EDQUOT, declare(self, 5));
	}
	ASSERT_EQ(0, queue_delete(self->s, "q2", 0));
	EXPECT_LT(0, declare(self, 5));
	EXPECT_EQ(-EDQUOT, declare(self, 6));
}

TEST_F(parameters, zero_is_the_default_and_rubbish_is_refused)
{
	__u64 before = limit(self->s);
	char now[32];

	ASSERT_EQ(0, parameter_set("5"));
	EXPECT_EQ(-EINVAL, parameter_set("many"));
	EXPECT_EQ(-EINVAL, parameter_set("-1"));
	EXPECT_EQ(5, limit(self->s));
	ASSERT_EQ(0, parameter_get(now, sizeof(now)));
	EXPECT_EQ(0, strcmp("5\n", now));
	ASSERT_EQ(0, parameter_set("0"));
	EXPECT_EQ(before, limit(self->s));
}

TEST_F(parameters, a_change_reaches_who_comes)
{
	int s;

	ASSERT_EQ(0, parameter_set("7"));
	s = open_as(&self->env, SOMEBODY + 1);
	ASSERT_LE(0, s);
	EXPECT_EQ(7, limit(s));
	close(s);
}

TEST_HARNESS_MAIN
