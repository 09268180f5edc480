// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad pointers, of every call and to every call: EFAULT, and no effect.
 * Driven by the table in calls.c.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "calls.h"
#include "harness.h"

/* Addresses that no process may use. */
static const __u64 bad[] = {
	8, 0x7fffffffffff0000ull, 0x8000000000000000ull, 0xffff888000000000ull,
	~0ull - 4095, ~0ull - 3,
};

FIXTURE(world)
{
	struct world w;
	struct world_state before;
	__u8 request[REQUEST_MAX];
};

FIXTURE_SETUP(world)
{
	ASSERT_EQ(0, world_begin(&self->w));
	world_state(&self->w, &self->before);
	ASSERT_EQ(0, self->before.error);
}

FIXTURE_TEARDOWN(world)
{
	EXPECT_EQ(0, world_end(&self->w));
}

TEST_F(world, bad_structure_is_EFAULT)
{
	unsigned int i, j;

	for (i = 0; i < nr_calls; i++) {
		int fd = world_fd(&self->w, &calls[i]);

		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			EXPECT_EQ(-EFAULT, mq_value(fd, calls[i].cmd, bad[j])) {
				TH_LOG("%s at %#llx", calls[i].name, bad[j]);
			}
		}
		EXPECT_EQ(-EFAULT, mq_value(fd, calls[i].cmd, 0)) {
			TH_LOG("%s at NULL", calls[i].name);
		}
	}
	EXPECT_EQ(0, world_changed(&self->w, &self->before));
}

/* The structure ends where memory ends: fine to the last byte, and not one
 * byte further.
 */
TEST_F(world, structure_running_into_a_hole_is_EFAULT)
{
	unsigned int i, cut;

	for (i = 0; i < nr_calls; i++) {
		const __u32 cuts[] = { 1, 4, calls[i].size - 4 };
		__u8 *end = (__u8 *)before_hole(calls[i].size) + calls[i].size;

		for (cut = 0; cut < ARRAY_SIZE(cuts); cut++) {
			__u32 there = calls[i].size - cuts[cut];
			int fd = world_fd(&self->w, &calls[i]);

			call_fill(&calls[i], &self->w, self->request);
			memcpy(end - there, self->request, there);
			EXPECT_EQ(-EFAULT, mq(fd, calls[i].cmd, end - there)) {
				TH_LOG("%s, %u bytes there", calls[i].name,
				       there);
			}
		}
	}
	EXPECT_EQ(0, world_changed(&self->w, &self->before));
}

TEST_F(world, structure_up_to_a_hole_works)
{
	static const char * const harmless[] = {
		"QUERY", "ERROR", "STAT", "ROUTE", "PREFETCH", "WAIT", "READ",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(harmless); i++) {
		const struct call *call = call_find(harmless[i]);
		void *there = before_hole(call->size);

		call_fill(call, &self->w, self->request);
		memcpy(there, self->request, call->size);
		EXPECT_EQ(0, mq(world_fd(&self->w, call), call->cmd, there)) {
			TH_LOG("%s", call->name);
		}
	}
}

/* Each row of the table that has a pointer has a variant here. */
TEST(all_pointers_are_tested)
{
	static const char * const names[] = { CALLS_WITH_RESULTS(CALLS_NAME) };
	unsigned int i, j;

	for (i = 0; i < nr_calls; i++) {
		for (j = 0; j < ARRAY_SIZE(names) && strcmp(names[j], calls[i].name); j++)
			;
		EXPECT_FALSE(calls[i].ptr[0].len && j == ARRAY_SIZE(names)) {
			TH_LOG("%s", calls[i].name);
		}
	}
}

/* One fixture per call here: a call that took effect would spoil the next. */
FIXTURE(pointer)
{
	struct world w;
	struct world_state before;
	const struct call *call;
	__u8 request[REQUEST_MAX];
};

FIXTURE_VARIANT(pointer)
{
	const char *name;
};

#define CALL_VARIANT(NAME) \
	FIXTURE_VARIANT_ADD(pointer, NAME) { .name = #NAME };

CALLS_WITH_RESULTS(CALL_VARIANT)

FIXTURE_SETUP(pointer)
{
	self->call = call_find(variant->name);
	ASSERT_NE(NULL, self->call);
	ASSERT_EQ(0, world_begin(&self->w));
	world_state(&self->w, &self->before);
	ASSERT_EQ(0, self->before.error);
}

FIXTURE_TEARDOWN(pointer)
{
	EXPECT_EQ(0, world_end(&self->w));
}

static __u64 *pointer_in(__u8 *request, const struct call_ptr *ptr)
{
	return (__u64 *)(request + ptr->offset);
}

static void length_set(__u8 *request, const struct call_ptr *ptr)
{
	if (ptr->len_at)
		memcpy(request + ptr->len_at, &ptr->len, ptr->len_bytes);
}

static void bad_member_is_EFAULT(struct __test_metadata *_metadata,
		FIXTURE_DATA(pointer) *self)
{
	unsigned int i, j;

	for (i = 0; i < CALL_PTRS && self->call->ptr[i].len; i++) {
		const struct call_ptr *ptr = &self->call->ptr[i];

		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			call_fill(self->call, &self->w, self->request);
			length_set(self->request, ptr);
			*pointer_in(self->request, ptr) = bad[j];
			EXPECT_EQ(-EFAULT, call_do(self->call, &self->w,
						   self->request)) {
				TH_LOG("member at %u: %#llx", ptr->offset,
				       bad[j]);
			}
		}
	}
}

static void member_running_into_a_hole_is_EFAULT(struct __test_metadata *_metadata,
		FIXTURE_DATA(pointer) *self)
{
	unsigned int i;

	for (i = 0; i < CALL_PTRS && self->call->ptr[i].len; i++) {
		const struct call_ptr *ptr = &self->call->ptr[i];
		__u8 *end = (__u8 *)before_hole(ptr->len) + ptr->len;
		__u64 *member;

		call_fill(self->call, &self->w, self->request);
		length_set(self->request, ptr);
		member = pointer_in(self->request, ptr);
		if (*member && !ptr->out)
			memcpy(end - ptr->len + 1, (void *)*member,
			       ptr->len - 1);
		*member = (uintptr_t)(end - ptr->len + 1);
		EXPECT_EQ(-EFAULT, call_do(self->call, &self->w,
					   self->request)) {
			TH_LOG("member at %u", ptr->offset);
		}
	}
}

/* Memory that can be read and not written: where the kernel has something to
 * tell, the call fails, and a call that fails has no effect.
 */
static void read_only_result_is_EFAULT(struct __test_metadata *_metadata,
		FIXTURE_DATA(pointer) *self)
{
	unsigned int i;

	for (i = 0; i < CALL_PTRS && self->call->ptr[i].len; i++) {
		void *page;

		if (!self->call->ptr[i].out)
			continue;
		page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		call_fill(self->call, &self->w, self->request);
		*pointer_in(self->request, &self->call->ptr[i]) =
			(uintptr_t)page;
		EXPECT_EQ(-EFAULT, call_do(self->call, &self->w,
					   self->request)) {
			TH_LOG("member at %u", self->call->ptr[i].offset);
		}
	}
}

TEST_F(pointer, read_only_structure_has_no_effect_if_it_fails)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	call_fill(self->call, &self->w, page);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	/* A call that has nothing to tell may succeed. */
	ret = call_do(self->call, &self->w, page);
	if (ret) {
		EXPECT_EQ(-EFAULT, ret);
		EXPECT_EQ(0, world_changed(&self->w, &self->before));
	}
}

/* Its first word, or its last byte, cannot be written. */
static void structure_with_a_read_only_end_is_EFAULT(struct __test_metadata *_metadata,
		FIXTURE_DATA(pointer) *self)
{
	__u32 size = self->call->size, i;

	for (i = 0; i < 2; i++) {
		__u8 *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		__u8 *at = pages + PAGE - (i ? size - 1 : 4);
		int ret;

		ASSERT_NE(MAP_FAILED, (void *)pages);
		call_fill(self->call, &self->w, self->request);
		memcpy(at, self->request, size);
		ASSERT_EQ(0, mprotect(pages + (i ? PAGE : 0), PAGE, PROT_READ));
		ret = call_do(self->call, &self->w, at);
		EXPECT_EQ(-EFAULT, ret) {
			TH_LOG("%s, %s", self->call->name, i ? "tail" : "head");
		}
		munmap(pages, 2 * PAGE);
	}
}

/* In one world: no refusal has an effect, so that none spoils the next. */
TEST_F(pointer, refused_without_effect)
{
	static void (* const refuse[])(struct __test_metadata *, FIXTURE_DATA(pointer) *) = {
		bad_member_is_EFAULT, member_running_into_a_hole_is_EFAULT,
		read_only_result_is_EFAULT, structure_with_a_read_only_end_is_EFAULT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refuse); i++) {
		refuse[i](_metadata, self);
		EXPECT_EQ(0, world_changed(&self->w, &self->before)) {
			TH_LOG("refusal %u had an effect", i);
		}
	}
}

/* --- the messages of a PUBLISH -------------------------------------------- */

static int publish(struct world *w, struct mqk_message *messages, __u32 n,
		   __u32 *taken)
{
	struct mqk_publish p = {
		.size = sizeof(p),
		.port = w->copy.c.id,
		.count = n,
		.messages = (uintptr_t)messages,
	};
	int ret = mq(w->s, MQK_IOC_PUBLISH, &p);

	*taken = p.count;
	return ret;
}

static void message(struct world *w, struct mqk_message *m, void *payload,
		    __u32 len)
{
	memset(m, 0, sizeof(*m));
	m->exchange = w->exchange;
	m->key = (uintptr_t)"key";
	m->key_len = 3;
	m->payload = (uintptr_t)payload;
	m->payload_len = len;
}

TEST_F(world, bad_message_member_is_EFAULT)
{
	struct mqk_message m;
	unsigned int i;
	__u32 taken;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		message(&self->w, &m, (void *)bad[i], 100);
		EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
		message(&self->w, &m, "x", 1);
		m.key = bad[i];
		EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
		message(&self->w, &m, "x", 1);
		m.headers = bad[i];
		m.headers_len = 16;
		EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
	}
	EXPECT_EQ(0, world_changed(&self->w, &self->before));
}

/* What is no message is none wherever it would lead. */
TEST_F(world, bad_message_member_is_EFAULT_without_a_queue)
{
	__u8 *end = (__u8 *)before_hole(2 * PAGE) + 2 * PAGE;
	struct mqk_stat before, after;
	struct mqk_message m;
	unsigned int i;
	__u32 taken;
	int fanout = exchange_declare(self->w.s, "amq.fanout", 0,
				      MQK_DECLARE_F_PASSIVE);

	ASSERT_LT(0, fanout);
	ASSERT_EQ(0, stat_get(self->w.s, &before));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		message(&self->w, &m, (void *)bad[i], 100);
		m.exchange = fanout;
		EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
		message(&self->w, &m, "x", 1);
		m.exchange = fanout;
		m.headers = bad[i];
		m.headers_len = 16;
		EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
	}
	message(&self->w, &m, end - PAGE - 3, PAGE + 4);
	m.exchange = fanout;
	EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
	/* Malformed headers: a name that ends behind them. */
	message(&self->w, &m, "x", 1);
	m.exchange = fanout;
	m.headers = (uintptr_t)"S\377\0\0name";
	m.headers_len = 8;
	EXPECT_EQ(-EINVAL, publish(&self->w, &m, 1, &taken));
	EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->w.s));
	ASSERT_EQ(0, stat_get(self->w.s, &after));
	EXPECT_EQ(before.published, after.published);
	EXPECT_EQ(before.refused + 2 * ARRAY_SIZE(bad) + 2, after.refused);
	/* And to the last byte. */
	message(&self->w, &m, end - PAGE - 3, PAGE + 3);
	m.exchange = fanout;
	EXPECT_EQ(0, publish(&self->w, &m, 1, &taken));
	EXPECT_EQ(1, taken);
}

TEST_F(world, message_running_into_a_hole_is_EFAULT)
{
	__u8 *end = (__u8 *)before_hole(8 * PAGE) + 8 * PAGE;
	const __u32 lengths[] = { 1, 64, PAGE, 5 * PAGE + 3 };
	struct mqk_message m;
	unsigned int i;
	__u32 taken;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		message(&self->w, &m, end - lengths[i], lengths[i] + 1);
		EXPECT_EQ(-EFAULT, publish(&self->w, &m, 1, &taken));
	}
	EXPECT_EQ(0, world_changed(&self->w, &self->before));
	/* And to the last byte. */
	message(&self->w, &m, end - 5 * PAGE, 5 * PAGE);
	EXPECT_EQ(0, publish(&self->w, &m, 1, &taken));
	EXPECT_EQ(1, taken);
}

/* The first message is good, the second is not: one is taken. */
TEST_F(world, messages_before_a_bad_one_are_taken)
{
	struct mqk_message m[2];
	struct mqk_queue_next info;
	struct mqk_stat stat;
	__u32 taken;

	message(&self->w, &m[0], "x", 1);
	message(&self->w, &m[1], (void *)bad[0], 8);
	ASSERT_EQ(0, publish(&self->w, m, 2, &taken));
	ASSERT_EQ(1, taken);
	ASSERT_EQ(0, stat_get(self->w.s, &stat));
	EXPECT_EQ(0, stat.refused);
	ASSERT_EQ(-EFAULT, publish(&self->w, m + 1, 1, &taken));
	/* Once, although two calls have met it. */
	ASSERT_EQ(0, stat_get(self->w.s, &stat));
	EXPECT_EQ(1, stat.refused);
	ASSERT_EQ(0, queue_info(self->w.s, self->w.queue, &info));
	ASSERT_EQ(4, info.ready);
}

TEST_F(world, reserved_message_members_are_EINVAL)
{
	static const __u16 offsets[] = {
		/* without its flag */
		offsetof(struct mqk_message, expiration),
		offsetof(struct mqk_message, delay),
		offsetof(struct mqk_message, number),
		offsetof(struct mqk_message, resv) + 7,
	};
	struct mqk_message m;
	unsigned int i;
	__u32 taken;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		message(&self->w, &m, "x", 1);
		((__u8 *)&m)[offsets[i]] = 1;
		EXPECT_EQ(-EINVAL, publish(&self->w, &m, 1, &taken)) {
			TH_LOG("byte %u", offsets[i]);
		}
	}
	for (i = 3; i < 32; i++) {
		if (1u << i & (MQK_MSG_F_DELAY | MQK_MSG_F_GROUP | MQK_MSG_F_ID))
			continue;
		message(&self->w, &m, "x", 1);
		m.flags = 1u << i;
		EXPECT_EQ(-EINVAL, publish(&self->w, &m, 1, &taken)) {
			TH_LOG("flag %#x", 1u << i);
		}
	}
	/* A multiple of 8. */
	message(&self->w, &m, "x", 1);
	m.headers = (uintptr_t)self->w.out;
	m.headers_len = 12;
	EXPECT_EQ(-EINVAL, publish(&self->w, &m, 1, &taken));
	EXPECT_EQ(0, world_changed(&self->w, &self->before));
}

TEST_HARNESS_MAIN
