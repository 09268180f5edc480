// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Idempotent consumers: what happens once, what is forgotten, what a store is asked
 * and told, threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "../session.h"

static struct mqk_idem *t;
static int happened;

static int happens(void *arg)
{
	happened++;
	return arg ? *(int *)arg : 0;
}

static void make(uint32_t entries, const struct mqk_idem_store *store, void *ctx)
{
	struct mqk_idem_opts o = {
		.sz = sizeof(o), .entries = entries, .store = store, .ctx = ctx,
	};

	happened = 0;
	CHECK_EQ(mqk_idem_open(&o, &t), 0);
}

static int once(const char *id)
{
	return mqk_idem_once(t, MQK_STR(id), happens, NULL);
}

static void happens_once(void)
{
	int fails = -EIO;

	make(0, NULL, NULL);
	CHECK_EQ(once("a"), 1);
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(once("b"), 1);
	CHECK_EQ(happened, 2);
	/* what fails can be tried again */
	CHECK_EQ(mqk_idem_once(t, MQK_STR("c"), happens, &fails), -EIO);
	CHECK_EQ(once("c"), 1);
	CHECK_EQ(once("c"), 0);
	CHECK_EQ(happened, 4);
	/* names are bytes with a length */
	CHECK_EQ(mqk_idem_once(t, "a\0b", 3, happens, NULL), 1);
	CHECK_EQ(mqk_idem_once(t, "a\0c", 3, happens, NULL), 1);
	CHECK_EQ(mqk_idem_once(t, "a\0b", 3, happens, NULL), 0);
	mqk_idem_close(t);
}

static void refuses(void)
{
	const struct mqk_idem_store half = { .check = NULL };
	struct mqk_idem_opts o = { .sz = sizeof(o), .entries = (1u << 24) + 1 };

	CHECK_EQ(mqk_idem_open(&o, &t), -EINVAL);
	CHECK_EQ(mqk_idem_open(&o, NULL), -EINVAL);
	o.entries = 1;
	o.store = &half;
	CHECK_EQ(mqk_idem_open(&o, &t), -EINVAL);
	make(1, NULL, NULL);
	CHECK_EQ(mqk_idem_once(t, "", 0, happens, NULL), -EINVAL);
	CHECK_EQ(mqk_idem_once(t, NULL, 1, happens, NULL), -EINVAL);
	CHECK_EQ(mqk_idem_once(t, "a", 1, NULL, NULL), -EINVAL);
	CHECK_EQ(mqk_idem_update(t, "a", 1, 0, happens, NULL), -EINVAL);
	CHECK_EQ(mqk_idem_begin(t, "", 0), -EINVAL);
	CHECK_EQ(mqk_idem_end(t, "a", 1, true), -ENOENT);
	CHECK_EQ(happened, 0);
	mqk_idem_close(t);
	mqk_idem_close(NULL);
}

/* The oldest goes; what was asked for is young again; what is going on stays. */
static void is_bounded(void)
{
	char name[16];
	int i;

	make(3, NULL, NULL);
	CHECK_EQ(once("a"), 1);
	CHECK_EQ(once("b"), 1);
	CHECK_EQ(once("c"), 1);
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(once("d"), 1);
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(once("c"), 0);
	CHECK_EQ(once("b"), 1);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("x")), 1);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("y")), 1);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("z")), 1);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("w")), -ENOBUFS);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("x")), -EBUSY);
	CHECK_EQ(mqk_idem_end(t, MQK_STR("x"), true), 0);
	CHECK_EQ(mqk_idem_end(t, MQK_STR("x"), true), -ENOENT);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("x")), 0);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("w")), 1);
	CHECK_EQ(mqk_idem_end(t, MQK_STR("y"), false), 0);
	CHECK_EQ(mqk_idem_begin(t, MQK_STR("y")), 1);
	mqk_idem_close(t);

	make(1000, NULL, NULL);
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_EQ(once(name), 1);
		CHECK_EQ(once(name), 0);
	}
	CHECK_EQ(once("n4000"), 0);
	CHECK_EQ(once("n3999"), 1);
	mqk_idem_close(t);
}

static int update(const char *key, uint64_t version)
{
	return mqk_idem_update(t, MQK_STR(key), version, happens, NULL);
}

static void versions_rise(void)
{
	int fails = -EIO;

	make(0, NULL, NULL);
	CHECK_EQ(update("k", 5), 1);
	CHECK_EQ(update("k", 5), 0);
	CHECK_EQ(update("k", 4), 0);
	CHECK_EQ(update("k", 7), 1);
	CHECK_EQ(update("k", 6), 0);
	CHECK_EQ(update("l", 1), 1);
	CHECK_EQ(mqk_idem_update(t, MQK_STR("k"), 8, happens, &fails), -EIO);
	CHECK_EQ(update("k", 7), 0);
	CHECK_EQ(update("k", 8), 1);
	CHECK_EQ(happened, 5);
	/* a message of that name is another thing */
	CHECK_EQ(once("k"), 1);
	mqk_idem_close(t);
}

/* ---- a store: names and versions that survive the table ---- */

#define ROOM	8

struct shop {
	char name[ROOM][16];
	uint64_t version[ROOM];
	int nr, staged_nr;
	uint64_t staged[ROOM];
	int begun, committed, rolled_back;
	bool open;
	int fail_commit, fail_check;
};

static int shop_find(struct shop *s, const void *id, size_t len)
{
	int i;

	for (i = 0; i < s->staged_nr; i++)
		if (strlen(s->name[i]) == len && !memcmp(s->name[i], id, len))
			break;
	return i;
}

static int shop_begin(void *ctx)
{
	struct shop *s = ctx;

	CHECK(!s->open);
	s->open = true;
	s->begun++;
	s->staged_nr = s->nr;
	memcpy(s->staged, s->version, sizeof(s->staged));
	return 0;
}

static int shop_check(void *ctx, const void *id, size_t len)
{
	struct shop *s = ctx;

	CHECK(s->open);
	return s->fail_check ? s->fail_check : shop_find(s, id, len) < s->nr;
}

static int shop_add(struct shop *s, const void *id, size_t len)
{
	int i = shop_find(s, id, len);

	CHECK(s->open && i < ROOM && len < sizeof(s->name[0]));
	if (i == s->staged_nr) {
		memcpy(s->name[i], id, len);
		s->name[i][len] = '\0';
		s->staged[i] = 0;
		s->staged_nr++;
	}
	return i;
}

static int shop_record(void *ctx, const void *id, size_t len)
{
	struct shop *s = ctx;
	int before = s->staged_nr;

	shop_add(s, id, len);
	return before == s->staged_nr ? -EEXIST : 0;
}

static int shop_version(void *ctx, const void *key, size_t len, uint64_t *version)
{
	struct shop *s = ctx;
	int i = shop_find(s, key, len);

	CHECK(s->open);
	*version = i < s->nr ? s->version[i] : 0;
	return 0;
}

static int shop_set_version(void *ctx, const void *key, size_t len, uint64_t version)
{
	struct shop *s = ctx;

	s->staged[shop_add(s, key, len)] = version;
	return 0;
}

static int shop_commit(void *ctx)
{
	struct shop *s = ctx;

	CHECK(s->open);
	if (s->fail_commit)
		return s->fail_commit;
	s->open = false;
	s->committed++;
	s->nr = s->staged_nr;
	memcpy(s->version, s->staged, sizeof(s->version));
	return 0;
}

static void shop_rollback(void *ctx)
{
	struct shop *s = ctx;

	CHECK(s->open);
	s->open = false;
	s->rolled_back++;
}

static const struct mqk_idem_store shop_store = {
	.begin = shop_begin, .check = shop_check, .record = shop_record,
	.version = shop_version, .set_version = shop_set_version,
	.commit = shop_commit, .rollback = shop_rollback,
};

/* As a table with a unique key: nothing is asked before. */
static const struct mqk_idem_store unique_store = {
	.begin = shop_begin, .record = shop_record,
	.commit = shop_commit, .rollback = shop_rollback,
};

static void store_remembers(void)
{
	struct shop s = { .nr = 0 };
	int fails = -EIO;

	make(0, &shop_store, &s);
	CHECK_EQ(once("a"), 1);
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(s.begun, 1);		/* the table knew */
	CHECK_EQ(mqk_idem_once(t, MQK_STR("b"), happens, &fails), -EIO);
	CHECK_EQ(s.rolled_back, 1);
	s.fail_commit = -ENOSPC;
	CHECK_EQ(once("b"), -ENOSPC);
	CHECK_EQ(s.rolled_back, 2);
	s.fail_commit = 0;
	s.fail_check = -EAGAIN;
	CHECK_EQ(once("b"), -EAGAIN);
	s.fail_check = 0;
	CHECK_EQ(once("b"), 1);
	CHECK_EQ(s.committed, 2);
	mqk_idem_close(t);

	/* another process, as it were */
	make(0, &shop_store, &s);
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(once("b"), 0);
	CHECK_EQ(happened, 0);
	CHECK(!s.open);
	CHECK_EQ(s.committed, 2);
	mqk_idem_close(t);
}

static void store_has_a_unique_key(void)
{
	struct shop s = { .nr = 0 };

	make(0, &unique_store, &s);
	CHECK_EQ(once("a"), 1);
	mqk_idem_close(t);
	make(0, &unique_store, &s);
	/* the effect was undone with the transaction */
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(happened, 1);
	CHECK_EQ(s.rolled_back, 1);
	CHECK_EQ(once("a"), 0);
	CHECK_EQ(s.rolled_back, 1);
	mqk_idem_close(t);
}

static void store_has_versions(void)
{
	struct shop s = { .nr = 0 };

	make(0, &shop_store, &s);
	CHECK_EQ(update("k", 3), 1);
	mqk_idem_close(t);
	make(0, &shop_store, &s);
	CHECK_EQ(update("k", 3), 0);
	CHECK_EQ(update("k", 4), 1);
	CHECK_EQ(s.version[0], 4);
	/* somebody else has changed it meanwhile */
	s.version[0] = 9;
	CHECK_EQ(update("k", 8), 0);
	CHECK_EQ(update("k", 10), 1);
	CHECK_EQ(s.version[0], 10);
	mqk_idem_close(t);
}

/* ---- the name of a message ---- */

static void id_of_a_message(void)
{
	struct mqk_properties p = { .sz = sizeof(p) };
	unsigned char buf[128];
	struct mqk_headers h;
	struct mqk_msg msg = { .headers = buf };
	struct mqk_text id;

	CHECK_EQ(mqk_idem_id(&msg, &id), -ENOENT);
	mqk_headers_init(&h, buf, sizeof(buf));
	p.message_id = (struct mqk_text)MQK_TEXT("m17");
	CHECK_EQ(mqk_properties_add(&h, &p), 0);
	msg.d.headers_len = (uint16_t)h.len;
	CHECK_EQ(mqk_idem_id(&msg, &id), 0);
	CHECK(id.len == 3 && !memcmp(id.at, "m17", 3));
	buf[0] = '?';
	CHECK_EQ(mqk_idem_id(&msg, &id), -EBADMSG);
}

/* ---- threads ---- */

#define THREADS	4
#define NAMES	3000

static int counts[NAMES];

static int count_it(void *arg)
{
	__atomic_fetch_add(&counts[*(int *)arg], 1, __ATOMIC_RELAXED);
	return 0;
}

static void *all_names(void *unused)
{
	char name[16];
	int i, ret;

	(void)unused;
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		do
			ret = mqk_idem_once(t, MQK_STR(name), count_it, &i);
		while (ret == -EBUSY);
		if (ret < 0)
			return (void *)1;
	}
	return NULL;
}

static void threads_race(void)
{
	pthread_t thread[THREADS];
	void *failed;
	int i;

	memset(counts, 0, sizeof(counts));
	make(NAMES, NULL, NULL);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, all_names, NULL), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &failed);
		CHECK(!failed);
	}
	for (i = 0; i < NAMES; i++)
		CHECK_EQ(counts[i], 1);
	mqk_idem_close(t);
}

static const struct test tests[] = {
	TEST(happens_once),
	TEST(refuses),
	TEST(is_bounded),
	TEST(versions_rise),
	TEST(store_remembers),
	TEST(store_has_a_unique_key),
	TEST(store_has_versions),
	TEST(id_of_a_message),
	TEST(threads_race),
};

int main(void)
{
	return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
