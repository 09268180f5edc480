// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues for replies: an address that only who was told it can use, and only as
 * long as its session lives; and user ids that are checked.
 *
 * mqk-test: parallel timeout=120 kernels=stock,debug,host
 */
#include <stdio.h>
#include <unistd.h>
#include "rings_consumer.h"
#include "rings_port.h"
#include "harness.h"

#define REPLY		(MQK_DECLARE_F_REPLY | MQK_DECLARE_F_EXCLUSIVE)
#define CONFIRM		MQK_PORT_F_CONFIRM
#define PULL		MQK_CONSUMER_F_PULL
#define SHOWN		26
#define WHOLE		59

FIXTURE(reply)
{
	struct env env;
	int s;				/* the caller's */
	int r;				/* the server's */
	struct port port;		/* of r */
	__u32 exchange;			/* the default one */
	char name[MQK_NAME_MAX + 1];	/* of a reply queue of s */
	__u32 queue;
};

FIXTURE_VARIANT(reply)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(reply, copy) { .flags = 0 };
FIXTURE_VARIANT_ADD(reply, inplace) { .flags = MQK_PORT_F_INPLACE };

FIXTURE_SETUP(reply)
{
	__s64 id;

	ASSERT_EQ(0, env_begin(&self->env, NULL));
	self->s = env_session(&self->env, O_RDWR);
	self->r = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, self->r);
	id = exchange_declare(self->r, "", 0, MQK_DECLARE_F_PASSIVE);
	ASSERT_LT(0, id);
	self->exchange = id;
	ASSERT_EQ(0, port_make(&self->port, self->r, variant->flags | CONFIRM,
			       64));
	id = queue_declare_made(self->s, self->name, REPLY);
	ASSERT_LT(0, id);
	self->queue = id;
}

FIXTURE_TEARDOWN(reply)
{
	EXPECT_EQ(0, env_end(&self->env));
}

/* Whether a mandatory message for a key reached a queue: 1, 0, or -errno. */
static int reaches(FIXTURE_DATA(reply) *self, const char *key)
{
	struct mqk_completion c;
	struct msg m = {
		.exchange = self->exchange, .flags = MQK_MSG_F_MANDATORY,
		.key = key, .key_len = strlen(key),
		.payload = "1234", .payload_len = 4,
	};
	int ret = port_publish(&self->port, &m);
	bool returned = false;

	while (ret >= 0) {
		ret = port_completion(&self->port, &c, LONG_MS);
		if (ret)
			return ret;
		if (c.type != MQK_COMPLETION_RETURN)
			return c.type == MQK_COMPLETION_CONFIRM ? !returned :
								  -EIO;
		returned = true;
	}
	return ret;
}

/* --- declaring ------------------------------------------------------------- */

TEST_F(reply, its_name_is_the_kernels)
{
	char other[MQK_NAME_MAX + 1];
	size_t i;

	ASSERT_EQ(WHOLE, strlen(self->name));
	EXPECT_EQ(0, strncmp("amq.reply-", self->name, 10));
	EXPECT_EQ('-', self->name[SHOWN]);
	for (i = SHOWN + 1; i < WHOLE; i++)
		EXPECT_NE(NULL, strchr("0123456789abcdef", self->name[i]));
	ASSERT_LT(0, queue_declare_made(self->s, other, REPLY));
	EXPECT_NE(0, strncmp(self->name, other, SHOWN));
	EXPECT_NE(0, strcmp(self->name + SHOWN, other + SHOWN));
}

TEST_F(reply, what_it_cannot_be)
{
	static const __u32 bad[] = {
		MQK_DECLARE_F_REPLY,
		REPLY | MQK_DECLARE_F_PASSIVE,
		REPLY | MQK_DECLARE_F_DURABLE,
		REPLY | MQK_DECLARE_F_INTERNAL,
	};
	char name[MQK_NAME_MAX + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, queue_declare_made(self->s, name, bad[i])) {
			TH_LOG("flags %#x", bad[i]);
		}
		EXPECT_EQ(MQK_RULE_BAD_ARGUMENT, rule(self->s));
	}
	EXPECT_EQ(-EINVAL, queue_declare(self->s, "mine", REPLY));
	EXPECT_EQ(-EINVAL, queue_declare(self->s, self->name, REPLY));
	EXPECT_EQ(-EINVAL, exchange_declare(self->s, "x", MQK_EXCHANGE_DIRECT,
					    MQK_DECLARE_F_REPLY));
}

/* --- who is told ------------------------------------------------------------ */

TEST_F(reply, works_for_who_was_told)
{
	struct consumer c;
	struct mqk_delivery d;

	ASSERT_EQ(0, consumer_make(&c, self->s, self->name, 0, 0, 16));
	ASSERT_EQ(1, reaches(self, self->name));
	ASSERT_EQ(0, consumer_next(&c, &d, LONG_MS));
	EXPECT_EQ(4, d.payload_len);
	EXPECT_EQ(0, memcmp("1234", delivery_payload(self->s, &d), 4));
	EXPECT_EQ(1, consumer_settle(&c, d.tag, MQK_ACK_ACCEPT, 0));
}

/* Name of a queue as a session is told it by id: its length, or -errno. */
static int name_by_id(int fd, __u32 id, char name[MQK_NAME_MAX + 1])
{
	struct mqk_queue_next q = {
		.size = sizeof(q), .flags = MQK_NEXT_F_EXACT, .id = id,
		.name = (uintptr_t)name,
	};
	int ret;

	memset(name, 0, MQK_NAME_MAX + 1);
	ret = mq(fd, MQK_IOC_QUEUE_NEXT, &q);
	return ret < 0 ? ret : (int)q.name_len;
}

static bool holds(const void *bytes, size_t len, const char *what)
{
	return memmem(bytes, len, what, strlen(what));
}

TEST_F(reply, lists_tell_nobody_else)
{
	static char text[65536];
	struct mqk_consumer_entry e[4];
	struct mqk_list l = {
		.size = sizeof(l), .count = 4, .entries = (uintptr_t)e,
		.data = (uintptr_t)text, .data_len = sizeof(text),
	};
	const char *secret = self->name + SHOWN + 1;
	char name[MQK_NAME_MAX + 1];
	struct consumer c;
	ssize_t n, at = 0;

	ASSERT_EQ(0, consumer_make(&c, self->s, self->name, 0, 0, 16));
	EXPECT_EQ(WHOLE, name_by_id(self->s, self->queue, name));
	EXPECT_STREQ(self->name, name);
	EXPECT_EQ(SHOWN, name_by_id(self->r, self->queue, name));
	EXPECT_EQ(SHOWN, strlen(name));
	EXPECT_EQ(0, memcmp(self->name, name, SHOWN));

	ASSERT_EQ(0, mq(self->r, MQK_IOC_CONSUMER_LIST, &l));
	EXPECT_EQ(1, l.count);
	EXPECT_EQ(SHOWN, e[0].queue_len);
	EXPECT_TRUE(holds(text, sizeof(text), "amq.reply-"));
	EXPECT_FALSE(holds(text, sizeof(text), secret));
	l.after = 0;
	l.count = 4;
	l.data_len = sizeof(text);
	ASSERT_EQ(0, mq(self->s, MQK_IOC_CONSUMER_LIST, &l));
	EXPECT_EQ(WHOLE, e[0].queue_len);

	memset(text, 0, sizeof(text));
	while ((n = read(self->r, text + at, sizeof(text) - at - 1)) > 0)
		at += n;
	EXPECT_TRUE(holds(text, at, "amq.reply-"));
	EXPECT_FALSE(holds(text, at, secret));
	EXPECT_FALSE(holds(text, at, secret + 16));
}

/* --- guessing ---------------------------------------------------------------- */

TEST_F(reply, what_is_shown_leads_nowhere)
{
	char name[MQK_NAME_MAX + 1];

	ASSERT_EQ(SHOWN, name_by_id(self->r, self->queue, name));
	EXPECT_EQ(0, reaches(self, name));
	EXPECT_EQ(-ENOENT, queue_declare(self->r, name, MQK_DECLARE_F_PASSIVE));
	EXPECT_EQ(-EACCES, queue_declare(self->r, name, 0));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->r));
	EXPECT_EQ(0, reaches(self, name));
}

TEST_F(reply, no_guess_that_is_near_reaches_it)
{
	static const char digits[] = "0123456789abcdef";
	char guess[MQK_NAME_MAX + 1];
	__u32 ids[4];
	int i, d, n = 0;

	for (i = SHOWN + 1; i < WHOLE; i++) {
		for (d = 0; d < 16; d++) {
			strcpy(guess, self->name);
			if (guess[i] == digits[d])
				continue;
			guess[i] = digits[d];
			ASSERT_EQ(0, route(self->r, "", guess, WHOLE, ids, 4));
			n++;
		}
	}
	EXPECT_EQ(32 * 15, n);
	strcpy(guess, self->name);
	guess[WHOLE - 1] = 0;
	EXPECT_EQ(0, reaches(self, guess));
	strcpy(guess, self->name);
	guess[12] ^= 1;
	EXPECT_EQ(0, reaches(self, guess));
	EXPECT_EQ(1, reaches(self, self->name));
}

/* --- what the address is not good for ---------------------------------------- */

TEST_F(reply, who_was_told_can_do_nothing_else)
{
	struct consumer c;
	struct mqk_delivery d;
	struct mqk_browse b = {
		.size = sizeof(b), .queue = self->queue, .delivery = (uintptr_t)&d,
	};

	EXPECT_EQ(1, reaches(self, self->name));
	EXPECT_EQ(-EBUSY, consumer_make(&c, self->r, self->name, 0, 0, 16));
	EXPECT_EQ(MQK_RULE_LOCKED, rule(self->r));
	EXPECT_EQ(-EBUSY, queue_delete(self->r, self->name, 0));
	EXPECT_EQ(-EBUSY, queue_purge(self->r, self->name));
	EXPECT_EQ(-EBUSY, queue_declare(self->r, self->name,
					MQK_DECLARE_F_PASSIVE));
	EXPECT_EQ(-EBUSY, mq(self->r, MQK_IOC_BROWSE, &b));
	ASSERT_EQ(0, consumer_make(&c, self->r, NULL, PULL, 0, 16));
	EXPECT_EQ(-EBUSY, queue_get(self->r, c.c.id, self->queue, 0, 0, &d, NULL));
	EXPECT_EQ(1, queue_purge(self->s, self->name));
}

TEST_F(reply, nothing_binds_it)
{
	ASSERT_LT(0, exchange_declare(self->s, "x", MQK_EXCHANGE_FANOUT, 0));
	EXPECT_EQ(-EACCES, binding_add(self->s, "x", self->name, ""));
	EXPECT_EQ(MQK_RULE_RESERVED_NAME, rule(self->s));
	EXPECT_EQ(-EACCES, binding_add(self->r, "x", self->name, ""));
	EXPECT_EQ(-EACCES, binding_add(self->r, "amq.topic", self->name, "#"));
	EXPECT_EQ(0, route(self->r, "x", "", 0, NULL, 0));
}

/* --- after the end -------------------------------------------------------------- */

TEST_F(reply, replay_after_the_end_of_its_session)
{
	char now[MQK_NAME_MAX + 1];
	int again;

	/* the route is known by now */
	ASSERT_EQ(1, reaches(self, self->name));
	ASSERT_EQ(1, reaches(self, self->name));
	session_close(self->s);
	EXPECT_EQ(0, reaches(self, self->name));
	again = env_session(&self->env, O_RDWR);
	ASSERT_LE(0, again);
	ASSERT_LT(0, queue_declare_made(again, now, REPLY));
	EXPECT_EQ(0, reaches(self, self->name));
	EXPECT_EQ(1, reaches(self, now));
	EXPECT_EQ(-EACCES, queue_declare(again, self->name, 0));
}

TEST_F(reply, replay_after_it_was_deleted)
{
	ASSERT_EQ(1, reaches(self, self->name));
	ASSERT_EQ(0, queue_delete(self->s, self->name, 0));
	EXPECT_EQ(0, reaches(self, self->name));
	EXPECT_EQ(-EACCES, queue_declare(self->s, self->name,
					 MQK_DECLARE_F_EXCLUSIVE));
}

TEST_F(reply, goes_with_a_process_that_is_killed)
{
	char *told = shared(PAGE);
	__u32 *ready = (__u32 *)(told + PAGE - 8);
	pid_t pid = spawn();

	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = broker_open(&self->env.broker, O_RDWR);

		if (queue_declare_made(fd, told, REPLY) > 0)
			word_set(ready, 1);
		pause();
	}
	ASSERT_EQ(0, word_wait(ready, 1, LONG_MS));
	EXPECT_EQ(1, reaches(self, told));
	kill_hard(pid);
	EXPECT_EQ(0, reaches(self, told));
}

/* --- user ids -------------------------------------------------------------------- */

/* Publish with one header to a key: 0, or -errno. */
static int with_header(FIXTURE_DATA(reply) *self, const char *key,
		       const struct headers *h)
{
	struct msg m = {
		.exchange = self->exchange, .key = key, .key_len = strlen(key),
		.headers = h->bytes, .headers_len = h->len,
		.payload = "1234", .payload_len = 4,
	};
	int ret = port_publish(&self->port, &m);

	return ret < 0 ? ret : 0;
}

TEST_F(reply, user_ids_are_checked)
{
	static const __s64 wrong[] = { 1, -1, 65534, 1ll << 32, (__s64)(1ull << 63) };
	/* what lies in place is its producer's: the reader compares there */
	int refused = variant->flags & MQK_PORT_F_INPLACE ? 0 : -EACCES;
	struct mqk_queue_next q;
	unsigned int i;
	__u64 before;

	ASSERT_EQ(0, geteuid());
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct headers h = { .len = 0 };

		headers_number(&h, "x", 5);
		headers_number(&h, MQK_PROPERTY_USER_ID, 0);
		EXPECT_EQ(0, with_header(self, self->name, &h));
		EXPECT_EQ(0, with_header(self, "nowhere", &h));
		ASSERT_EQ(0, queue_info(self->r, self->queue, &q));
		before = q.published;
		headers_number(&h, MQK_PROPERTY_USER_ID, wrong[i]);
		EXPECT_EQ(refused, with_header(self, self->name, &h)) {
			TH_LOG("user %lld", wrong[i]);
		}
		if (refused)
			EXPECT_EQ(MQK_RULE_PERMISSION, rule(self->r));
		EXPECT_EQ(refused, with_header(self, "nowhere", &h));
		ASSERT_EQ(0, queue_info(self->r, self->queue, &q));
		EXPECT_EQ(before + !refused, q.published);
	}
}

TEST_F(reply, other_headers_are_not_user_ids)
{
	struct headers h = { .len = 0 };

	headers_text(&h, MQK_PROPERTY_USER_ID, "guest");
	headers_number(&h, "user-ids", 7);
	headers_number(&h, "User-id", 7);
	headers_number(&h, "user-i", 7);
	EXPECT_EQ(0, with_header(self, self->name, &h));
}

TEST_HARNESS_MAIN
