// SPDX-License-Identifier: GPL-2.0-only
/*
 * What holds for every call: its size may be longer but not shorter, unknown
 * flags and reserved members are refused, it works on its own nodes, needs its
 * own access, and a refusal changes nothing.  Driven by the table in calls.c,
 * one variant per call.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <sys/ioctl.h>
#include <unistd.h>
#include "calls.h"
#include "harness.h"

FIXTURE(call)
{
	struct world w;
	struct world_state before;
	const struct call *call;
	__u8 request[REQUEST_MAX];
};

FIXTURE_VARIANT(call)
{
	const char *name;
};

#define CALL_VARIANT(NAME) \
	FIXTURE_VARIANT_ADD(call, NAME) { .name = #NAME };

CALLS_ALL(CALL_VARIANT)

FIXTURE_SETUP(call)
{
	self->call = call_find(variant->name);
	ASSERT_NE(NULL, self->call);
	ASSERT_EQ(0, world_begin(&self->w));
	world_state(&self->w, &self->before);
	ASSERT_EQ(0, self->before.error);
	call_fill(self->call, &self->w, self->request);
}

FIXTURE_TEARDOWN(call)
{
	EXPECT_EQ(0, world_end(&self->w));
}

#define SIZE(self)	(*(__u32 *)(self)->request)
#define FLAGS(self)	(((__u32 *)(self)->request)[1])

/* Each row of the table has a variant here. */
TEST(all_calls_are_tested)
{
	static const char * const names[] = { CALLS_ALL(CALLS_NAME) };

	ASSERT_EQ(ARRAY_SIZE(names), nr_calls);
}

TEST_F(call, exact_size_works)
{
	ASSERT_EQ(0, call_do(self->call, &self->w, self->request));
}

static void too_short_is_EINVAL(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	const __u32 full = self->call->size;
	const __u32 sizes[] = {
		0, 1, 4, 7, 8, full / 2, full - 8, full - 4, full - 1,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] >= full)
			continue;
		SIZE(self) = sizes[i];
		EXPECT_EQ(-EINVAL,
			  call_do(self->call, &self->w, self->request)) {
			TH_LOG("size %u of %u", sizes[i], full);
		}
	}
}

TEST_F(call, longer_with_zero_tail_works)
{
	SIZE(self) = self->call->size + 24;
	ASSERT_EQ(0, call_do(self->call, &self->w, self->request));
}

/* A program built with a later header sends another number: _IOWR() has the
 * size of the structure in it.
 */
TEST_F(call, number_of_a_longer_structure_works)
{
	unsigned long cmd = self->call->cmd & ~((unsigned long)_IOC_SIZEMASK
						<< _IOC_SIZESHIFT);

	cmd |= (unsigned long)(self->call->size + 24) << _IOC_SIZESHIFT;
	SIZE(self) = self->call->size + 24;
	ASSERT_EQ(0, mq(world_fd(&self->w, self->call), cmd, self->request));
}

static void longer_with_nonzero_tail_is_E2BIG(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	const __u32 full = self->call->size;

	SIZE(self) = full + 24;
	self->request[full] = 1;
	EXPECT_EQ(-E2BIG, call_do(self->call, &self->w, self->request));
	self->request[full] = 0;
	self->request[full + 23] = 0x80;
	EXPECT_EQ(-E2BIG, call_do(self->call, &self->w, self->request));
}

static void unknown_flag_is_EINVAL(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	__u32 flags = FLAGS(self);
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (self->call->flags & (1u << bit))
			continue;
		FLAGS(self) = flags | 1u << bit;
		EXPECT_EQ(-EINVAL,
			  call_do(self->call, &self->w, self->request)) {
			TH_LOG("flag %#x", 1u << bit);
		}
	}
}

static void nonzero_reserved_is_EINVAL(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	unsigned int i, j;

	for (i = 0; i < CALL_RESV && self->call->resv[i].len; i++) {
		for (j = 0; j < self->call->resv[i].len; j++) {
			__u8 *byte = &self->request[
				self->call->resv[i].offset + j];

			*byte = 1;
			EXPECT_EQ(-EINVAL, call_do(self->call, &self->w,
						   self->request)) {
				TH_LOG("byte %zd", byte - self->request);
			}
			*byte = 0;
		}
	}
}

static void other_node_is_ENOTTY(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	if (!self->call->control) {
		EXPECT_EQ(-ENOTTY, mq(self->w.control, self->call->cmd,
				      self->request));
	}
	if (!self->call->broker) {
		EXPECT_EQ(-ENOTTY, mq(self->w.s, self->call->cmd,
				      self->request));
	}
}

/* A session opened for the other thing only. */
static void wrong_access_is_EACCES(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	int fd;

	if (self->call->access == O_RDWR)
		return;
	fd = env_session(&self->w.env, self->call->access == O_RDONLY ?
				       O_WRONLY : O_RDONLY);
	ASSERT_LE(0, fd);
	world_state(&self->w, &self->before);
	EXPECT_EQ(-EACCES, mq(fd, self->call->cmd, self->request));
	EXPECT_EQ(MQK_RULE_PERMISSION, rule(fd));
}

/* Ports and consumers belong to one session. */
static void id_of_another_session_is_ENOENT(struct __test_metadata *_metadata,
		FIXTURE_DATA(call) *self)
{
	int fd;

	if (!self->call->own_id)
		return;
	fd = env_session(&self->w.env, O_RDWR);
	ASSERT_LE(0, fd);
	world_state(&self->w, &self->before);
	EXPECT_EQ(-ENOENT, mq(fd, self->call->cmd, self->request));
}

/* In one world: no refusal has an effect, so that none spoils the next. */
TEST_F(call, refused_without_effect)
{
	static void (* const refuse[])(struct __test_metadata *, FIXTURE_DATA(call) *) = {
		too_short_is_EINVAL, longer_with_nonzero_tail_is_E2BIG,
		unknown_flag_is_EINVAL, nonzero_reserved_is_EINVAL,
		other_node_is_ENOTTY, wrong_access_is_EACCES,
		id_of_another_session_is_ENOENT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refuse); i++) {
		call_fill(self->call, &self->w, self->request);
		refuse[i](_metadata, self);
		EXPECT_EQ(0, world_changed(&self->w, &self->before)) {
			TH_LOG("refusal %u had an effect", i);
		}
	}
}

TEST_HARNESS_MAIN
