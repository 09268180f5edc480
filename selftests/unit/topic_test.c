// SPDX-License-Identifier: GPL-2.0-only
/*
 * The topic trie call by call: limits, life of nodes, failures, and the edges
 * of the position sets.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/err.h>
#include <linux/rcupdate.h>

#include "shim.h"
#include "test.h"
#include "topic_model.h"
#include "topic_ref.h"

/* A text of n times the unit, and an end. The last two results stay valid. */
static const char *repeat(const char *unit, unsigned int n, const char *end)
{
	static char text[2][1024];
	static unsigned int turn;
	char *t = text[turn++ % 2];

	t[0] = '\0';
	while (n--)
		strcat(t, unit);
	return strcat(t, end);
}

static int check(const char *pattern, enum mqk_topic_dialect dialect, unsigned int max_multi)
{
	return mqk_topic_check((const u8 *)pattern, strlen(pattern), dialect, max_multi);
}

static int check_key(const char *key, enum mqk_topic_dialect dialect)
{
	return mqk_topic_check_key((const u8 *)key, strlen(key), dialect);
}

static void test_check_amqp(void)
{
	const enum mqk_topic_dialect d = MQK_TOPIC_AMQP;

	CHECK_EQ(check("", d, 0), 0);
	CHECK_EQ(check("#", d, 0), -EINVAL);
	CHECK_EQ(check("#", d, 1), 0);
	CHECK_EQ(check("#.#", d, 1), -EINVAL);
	CHECK_EQ(check("#.a.#", d, 2), 0);
	CHECK_EQ(check("#.a.#.#", d, 2), -EINVAL);
	CHECK_EQ(check("##.a#.#b.*#.#.", d, 1), 0);
	CHECK_EQ(check(repeat("x", 255, ""), d, 2), 0);
	CHECK_EQ(check(repeat("x", 256, ""), d, 2), -ENAMETOOLONG);
	CHECK_EQ(check(repeat("x.", 127, "x"), d, 2), 0);
	CHECK_EQ(check(repeat(".", 127, ""), d, 2), 0);
	CHECK_EQ(check(repeat(".", 128, ""), d, 2), -EINVAL);
	CHECK_EQ(check(repeat(".", 256, ""), d, 2), -ENAMETOOLONG);
	CHECK_EQ(check(repeat("#.", 127, "#"), d, 128), 0);
	CHECK_EQ(check(repeat("#.", 127, "#"), d, 127), -EINVAL);
	CHECK_EQ(mqk_topic_check((const u8 *)"a\0b\xff", 4, d, 0), 0);
}

static void test_check_mqtt(void)
{
	const enum mqk_topic_dialect d = MQK_TOPIC_MQTT;

	CHECK_EQ(check("", d, 1), -EINVAL);
	CHECK_EQ(check("#", d, 1), 0);
	CHECK_EQ(check("#", d, 0), -EINVAL);
	CHECK_EQ(check("a.#", d, 1), -EINVAL);
	CHECK_EQ(check("a/#", d, 1), 0);
	CHECK_EQ(check("a/#/b", d, 1), -EINVAL);
	CHECK_EQ(check("#/", d, 1), -EINVAL);
	CHECK_EQ(check("+/+", d, 1), 0);
	CHECK_EQ(check("*/a", d, 1), 0);
	CHECK_EQ(check("a+/b", d, 1), -EINVAL);
	CHECK_EQ(mqk_topic_check((const u8 *)"a\0b", 3, d, 1), -EINVAL);
	CHECK_EQ(check(repeat("/", 128, ""), d, 1), -EINVAL);
}

static void test_check_key(void)
{
	CHECK_EQ(check_key("", MQK_TOPIC_AMQP), 0);
	CHECK_EQ(check_key("*.#.#.#", MQK_TOPIC_AMQP), 0);
	CHECK_EQ(check_key(repeat(".", 127, ""), MQK_TOPIC_AMQP), 0);
	CHECK_EQ(check_key(repeat(".", 128, ""), MQK_TOPIC_AMQP), -EINVAL);
	CHECK_EQ(check_key(repeat("x", 256, ""), MQK_TOPIC_AMQP), -ENAMETOOLONG);
	CHECK_EQ(check_key("", MQK_TOPIC_MQTT), -EINVAL);
	CHECK_EQ(check_key("a//b", MQK_TOPIC_MQTT), 0);
	CHECK_EQ(check_key("a/+/b", MQK_TOPIC_MQTT), -EINVAL);
	CHECK_EQ(check_key("a/#", MQK_TOPIC_MQTT), -EINVAL);
	CHECK_EQ(check_key("a#/b", MQK_TOPIC_MQTT), -EINVAL);
}

static const char *insert(struct model *m, const char *pattern)
{
	return model_insert(m, pattern, strlen(pattern), NULL);
}

static const char *drop(struct model *m, const char *pattern)
{
	return model_remove(m, pattern, strlen(pattern));
}

static const char *match(struct model *m, const char *key)
{
	return model_match(m, key, strlen(key));
}

static struct mqk_topic_node *find(struct model *m, const char *pattern)
{
	struct mqk_topic_node *node;

	mutex_lock(&m->lock);
	node = mqk_topic_find(&m->trie, (const u8 *)pattern, strlen(pattern));
	mutex_unlock(&m->lock);
	return node;
}

static void test_nodes_shared_and_pruned(void)
{
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "a.b.c"));
	CHECK_EQ(m.trie.nodes, 3);
	CHECK_OK(insert(&m, "a.b.c"));
	CHECK_EQ(m.trie.nodes, 3);
	CHECK_OK(insert(&m, "a.b"));
	CHECK_EQ(m.trie.nodes, 3);
	CHECK_OK(insert(&m, "a.*.#"));
	CHECK_EQ(m.trie.nodes, 5);
	CHECK_OK(insert(&m, "#.*"));
	CHECK_EQ(m.trie.nodes, 7);
	CHECK(find(&m, "a.*") && !find(&m, "a.x") && !find(&m, "a.#") && !find(&m, "*"));
	CHECK(find(&m, "a") != find(&m, "a.b"));

	CHECK_OK(drop(&m, "a.b"));
	CHECK_EQ(m.trie.nodes, 7);
	CHECK(find(&m, "a.b"));
	CHECK_OK(drop(&m, "a.b.c"));
	CHECK_EQ(m.trie.nodes, 5);
	CHECK(find(&m, "a") && !find(&m, "a.b"));
	CHECK_OK(drop(&m, "a.*.#"));
	CHECK_EQ(m.trie.nodes, 2);
	CHECK_OK(model_shape(&m));
	CHECK_OK(drop(&m, "#.*"));
	CHECK_EQ(m.trie.nodes, 0);
	CHECK_OK(model_destroy(&m));
}

static void test_prune_stops_at_values(void)
{
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "a"));
	CHECK_OK(insert(&m, "a.b.c.d"));
	CHECK_OK(drop(&m, "a.b.c.d"));
	CHECK_EQ(m.trie.nodes, 1);
	/* Pruning what has a value is no removal. */
	mutex_lock(&m.lock);
	mqk_topic_prune(&m.trie, mqk_topic_find(&m.trie, (const u8 *)"a", 1));
	mutex_unlock(&m.lock);
	CHECK_EQ(m.trie.nodes, 1);
	CHECK_OK(match(&m, "a"));
	CHECK_OK(model_destroy(&m));
}

static void test_bare_node_given_back(void)
{
	struct mqk_topic_node *node;
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "a.b"));
	mutex_lock(&m.lock);
	node = mqk_topic_insert(&m.trie, (const u8 *)"a.b.*.#", 7);
	CHECK(!IS_ERR(node));
	CHECK_EQ(m.trie.nodes, 4);
	mqk_topic_prune(&m.trie, node);
	mutex_unlock(&m.lock);
	CHECK_EQ(m.trie.nodes, 2);
	CHECK_OK(model_shape(&m));
	CHECK_OK(model_destroy(&m));
}

static void test_empty_pattern(void)
{
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, ""));
	CHECK_EQ(m.trie.nodes, 0);
	CHECK_OK(match(&m, ""));
	CHECK_EQ(m.entry[0]->hits, 1);
	CHECK_OK(match(&m, "."));
	CHECK_OK(match(&m, "a"));
	CHECK_EQ(m.entry[0]->hits, 0);
	CHECK_OK(insert(&m, "."));
	CHECK_EQ(m.trie.nodes, 2);
	CHECK_OK(match(&m, ""));
	CHECK_OK(match(&m, "."));
	CHECK_OK(drop(&m, ""));
	CHECK_OK(match(&m, ""));
	CHECK_EQ(m.entry[0]->hits, 0);
	CHECK_OK(model_destroy(&m));
}

static int stop_at_second(void *value, void *arg)
{
	return ++*(int *)arg == 2 ? -ECANCELED : 0;
}

static void test_match_stops(void)
{
	struct mqk_topic_scratch *s = malloc(sizeof(*s));
	int calls = 0, ret;
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "#"));
	CHECK_OK(insert(&m, "*"));
	CHECK_OK(insert(&m, "a"));
	rcu_read_lock();
	ret = mqk_topic_match(&m.trie, (const u8 *)"a", 1, s, stop_at_second, &calls);
	rcu_read_unlock();
	CHECK_EQ(ret, -ECANCELED);
	CHECK_EQ(calls, 2);
	CHECK_OK(model_destroy(&m));
	free(s);
}

static void test_refused_texts(void)
{
	const char *long_text = repeat("x", 256, ""), *many = repeat(".", 128, "");
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "#"));
	/* The model compares the return with the reference's. */
	CHECK_OK(match(&m, long_text));
	CHECK_EQ(m.entry[0]->hits, 0);
	CHECK_OK(match(&m, many));
	CHECK_EQ(m.entry[0]->hits, 0);
	CHECK_OK(match(&m, repeat(".", 127, "")));
	CHECK_EQ(m.entry[0]->hits, 1);

	mutex_lock(&m.lock);
	CHECK_EQ(PTR_ERR(mqk_topic_insert(&m.trie, (const u8 *)long_text, 256)), -ENAMETOOLONG);
	CHECK_EQ(PTR_ERR(mqk_topic_insert(&m.trie, (const u8 *)many, 128)), -EINVAL);
	mutex_unlock(&m.lock);
	CHECK(!find(&m, long_text) && !find(&m, many));
	CHECK_EQ(m.trie.nodes, 1);
	CHECK_OK(model_destroy(&m));

	CHECK_OK(model_init(&m, MQK_TOPIC_MQTT));
	mutex_lock(&m.lock);
	CHECK_EQ(PTR_ERR(mqk_topic_insert(&m.trie, (const u8 *)"#/a", 3)), -EINVAL);
	mutex_unlock(&m.lock);
	CHECK_OK(model_destroy(&m));
}

/* Keys of every length across the borders of the set's 64-bit words. */
static void test_key_lengths(void)
{
	static const char *const shapes[][2] = {
		{ "a.", "a" }, { "*.", "*" }, { "a.", "#" }, { "*.", "#" },
		{ "#.", "a" }, { "a.", "*" }, { "", "#.a" }, { "", "#.a.*" },
		{ "", "#.*.#" }, { "", "a.#.a" }, { "", "*.#.*" }, { "", "#.b" },
	};
	unsigned int n, i, w;
	struct model m;

	for (n = 1; n <= 128; n++) {
		if (n > 4 && n < 60 && n % 7)
			continue;
		CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
		for (i = 0; i < ARRAY_SIZE(shapes); i++) {
			if (!*shapes[i][0]) {
				CHECK_OK(insert(&m, shapes[i][1]));
				continue;
			}
			for (w = n > 2 ? n - 2 : 0; w <= n && w < 128; w++)
				CHECK_OK(insert(&m, repeat(shapes[i][0], w, shapes[i][1])));
		}
		CHECK_OK(match(&m, repeat("a.", n - 1, "a")));
		CHECK_OK(match(&m, repeat("a.", n - 1, "b")));
		CHECK_OK(match(&m, repeat("b.", n - 1, "a")));
		CHECK_OK(match(&m, repeat(".", n - 1, "")));
		CHECK_OK(model_shape(&m));
		CHECK_OK(model_destroy(&m));
	}
}

/* A key that has as many different words as fit. */
static void test_distinct_words(void)
{
	char key[256], pattern[256];
	unsigned int i, len = 0;
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	for (i = 0; i < 128; i++) {
		int c = i + 1 == '.' ? 200 : i + 1;

		if (i)
			key[len++] = '.';
		key[len++] = c;
		snprintf(pattern, sizeof(pattern), "#.%c.#", c);
		CHECK_OK(insert(&m, pattern));
	}
	CHECK_OK(model_match(&m, key, len));
	CHECK_EQ(m.scratch.words, 128);
	CHECK_EQ(m.scratch.distinct, 128);
	CHECK_OK(model_match(&m, key + 1, len - 1));
	CHECK_OK(model_destroy(&m));
}

static void test_mqtt_guard(void)
{
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_MQTT));
	CHECK_OK(insert(&m, "#"));
	CHECK_OK(insert(&m, "+/x"));
	CHECK_OK(insert(&m, "$a/#"));
	CHECK_OK(insert(&m, "$a/+"));
	CHECK_OK(insert(&m, "$a/x"));
	CHECK_OK(match(&m, "$a/x"));
	CHECK_EQ(m.entry[0]->hits + m.entry[1]->hits, 0);
	CHECK_EQ(m.entry[2]->hits + m.entry[3]->hits + m.entry[4]->hits, 3);
	CHECK_OK(match(&m, "a/x"));
	CHECK_EQ(m.entry[0]->hits + m.entry[1]->hits, 2);
	CHECK_OK(model_destroy(&m));

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "#"));
	CHECK_OK(match(&m, "$a.x"));
	CHECK_EQ(m.entry[0]->hits, 1);
	CHECK_OK(model_destroy(&m));
}

static const char *const mixture[] = {
	"", "#", "*", "a", "b", "a.b", "a.*", "a.#", "*.b", "#.b", "#.b.#", "a.b.c", "a.*.c",
	"a..c", "*.*.*", ".", "..", ".a", "a.", "#.#", "*.#", "#.*", "a.#.c", "aa.bb", "ab",
};

static void insert_mixture(struct model *m)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mixture); i++)
		CHECK_OK(insert(m, mixture[i]));
}

static void match_mixture(struct model *m)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mixture); i++)
		CHECK_OK(match(m, mixture[i]));
}

static void test_hash_collisions(void)
{
	static const u32 masks[] = { 0, 1, 3 };
	unsigned int i;
	struct model m;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		shim_hash_mask = masks[i];
		CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
		insert_mixture(&m);
		match_mixture(&m);
		CHECK_OK(model_shape(&m));
		CHECK_OK(model_destroy(&m));
	}
	shim_hash_mask = ~0U;
}

static void test_charge(void)
{
	struct model m;
	size_t one;

	CHECK_EQ(mqk_topic_pattern_bytes((const u8 *)"", 0, MQK_TOPIC_AMQP), 0);
	one = mqk_topic_pattern_bytes((const u8 *)"a", 1, MQK_TOPIC_AMQP);
	CHECK(one >= sizeof(struct mqk_topic_node));
	CHECK_EQ(mqk_topic_pattern_bytes((const u8 *)"a.#.", 4, MQK_TOPIC_AMQP) - 2 * one,
		 mqk_topic_pattern_bytes((const u8 *)".", 1, MQK_TOPIC_AMQP) / 2);

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "aa.*.c"));
	CHECK_EQ(m.trie.bytes,
		 mqk_topic_pattern_bytes((const u8 *)"aa.*.c", 6, MQK_TOPIC_AMQP));
	CHECK_OK(insert(&m, "aa.*.d"));
	CHECK_OK(drop(&m, "aa.*.c"));
	CHECK_EQ(m.trie.bytes,
		 mqk_topic_pattern_bytes((const u8 *)"aa.*.d", 6, MQK_TOPIC_AMQP));
	CHECK_OK(model_destroy(&m));
}

static void test_init_out_of_memory(void)
{
	size_t live = shim_live();
	struct mqk_topic t;
	DEFINE_MUTEX(lock);
	unsigned int n;
	int err;

	for (n = 1; ; n++) {
		shim_fail_nth(n);
		err = mqk_topic_init(&t, MQK_TOPIC_AMQP, &lock);
		if (!shim_failed())
			break;
		CHECK_EQ(err, -ENOMEM);
		CHECK_EQ(shim_live(), live);
	}
	shim_fail_nth(0);
	CHECK_EQ(err, 0);
	CHECK_EQ(n, 3);
	mqk_topic_destroy(&t);
	CHECK_EQ(shim_live(), live);
}

/* Let each allocation of one insert fail in turn. Returns how many there are. */
static unsigned int sweep_insert(struct model *m, const char *pattern)
{
	unsigned int n;
	size_t live;
	int err;

	for (n = 1; ; n++) {
		live = shim_live();
		shim_fail_nth(n);
		CHECK_OK(model_insert(m, pattern, strlen(pattern), &err));
		if (!shim_failed())
			break;
		shim_fail_nth(0);
		if (!err)	/* the table does without its new size */
			CHECK_OK(drop(m, pattern));
		CHECK_EQ(shim_live(), live);
		CHECK_OK(model_shape(m));
		match_mixture(m);
	}
	shim_fail_nth(0);
	return n - 1;
}

static void test_insert_out_of_memory(void)
{
	unsigned int i, failures = 0;
	size_t live = shim_live();
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	for (i = 0; i < ARRAY_SIZE(mixture); i++)
		failures += sweep_insert(&m, mixture[i]);
	failures += sweep_insert(&m, repeat("a.*.#.", 20, "b"));
	failures += sweep_insert(&m, repeat("#.", 127, "#"));
	/* At least one for each node. */
	CHECK(failures >= m.trie.nodes);
	test_note("%u failed allocations survived", failures);
	match_mixture(&m);
	CHECK_OK(model_destroy(&m));
	CHECK_EQ(shim_live(), live);
}

/* A failed insert must not take what it found, not even a node without value. */
static void test_failed_insert_keeps_bare_node(void)
{
	struct mqk_topic_node *node;
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	mutex_lock(&m.lock);
	node = mqk_topic_insert(&m.trie, (const u8 *)"a.b", 3);
	CHECK(!IS_ERR(node));
	shim_fail_nth(1);
	CHECK_EQ(PTR_ERR(mqk_topic_insert(&m.trie, (const u8 *)"a.b.c", 5)), -ENOMEM);
	shim_fail_nth(0);
	CHECK_EQ(m.trie.nodes, 2);
	CHECK(mqk_topic_find(&m.trie, (const u8 *)"a.b", 3) == node);
	if (m.trie.nodes == 2)
		mqk_topic_prune(&m.trie, node);
	mutex_unlock(&m.lock);
	CHECK_OK(model_destroy(&m));
}

static void test_destroy_with_nodes(void)
{
	static const char *const more[] = {
		"*.*.*.*", "#.#.#.#", "*.#.*.#.a.#.*.b.*", "#.*.#.*.a.*.*.#", "a.#.*.#", "#.a.*",
	};
	size_t live = shim_live();
	struct mqk_topic t;
	DEFINE_MUTEX(lock);
	unsigned int i;

	CHECK_EQ(mqk_topic_init(&t, MQK_TOPIC_AMQP, &lock), 0);
	mutex_lock(&lock);
	for (i = 0; i < ARRAY_SIZE(more); i++)
		CHECK(!IS_ERR(mqk_topic_insert(&t, (const u8 *)more[i], strlen(more[i]))));
	for (i = 0; i < ARRAY_SIZE(mixture); i++)
		CHECK(!IS_ERR(mqk_topic_insert(&t, (const u8 *)mixture[i], strlen(mixture[i]))));
	mutex_unlock(&lock);
	mqk_topic_destroy(&t);
	CHECK_EQ(shim_live(), live);
}

/* Change the trie from inside a match: what stays must be reported. */
struct upheaval {
	struct model *m;
	unsigned int kept;
	unsigned int round;
};

static bool is_kept(const struct model_entry *e)
{
	return e->len && e->pattern[e->len - 1] == 'k';
}

static int turn_upside_down(void *value, void *arg)
{
	static const char *const coming[] = { "#.x.#", "*.b.#", "a.*.*", "x.y.z", "a.b.#" };
	struct upheaval *u = arg;
	unsigned int i, r = u->round++;

	u->kept += is_kept(value);
	for (i = 0; i < u->m->n; i++)
		if (!is_kept(u->m->entry[i]) && (r + i) % 2)
			CHECK_OK(model_remove_nth(u->m, i));
	for (i = 0; i < ARRAY_SIZE(coming); i++)
		if ((r + i) % 2)
			CHECK_OK(insert(u->m, coming[i]));
	return 0;
}

static void test_changes_during_match(void)
{
	static const char *const kept[] = { "#.k", "a.b.k", "*.*.k", "#.b.k", "a.#.k" };
	static const char *const going[] = {
		"a.b.*", "a.#", "#", "*.#", "#.#", "a.b.#.k.#", "#.*", "a.*.#", "*.b.*", "#.a.b.*",
	};
	size_t live = shim_live();
	struct upheaval u = {};
	unsigned int i, times;
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	u.m = &m;
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		CHECK_OK(insert(&m, kept[i]));
	for (times = 0; times < 50; times++) {
		for (i = 0; i < ARRAY_SIZE(going); i++)
			CHECK_OK(insert(&m, going[(i + times) % ARRAY_SIZE(going)]));
		u.kept = 0;
		u.round = times;
		rcu_read_lock();
		CHECK_EQ(mqk_topic_match(&m.trie, (const u8 *)"a.b.k", 5, &m.scratch,
					 turn_upside_down, &u), 0);
		rcu_read_unlock();
		CHECK_EQ(u.kept, ARRAY_SIZE(kept));
		CHECK_OK(model_shape(&m));
		CHECK_OK(match(&m, "a.b.k"));
	}
	CHECK_OK(model_destroy(&m));
	CHECK_EQ(shim_live(), live);
}

/* Does it run into an assertion? */
static bool aborts(void (*fn)(struct model *m), struct model *m)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		fn(m);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void insert_unlocked(struct model *m)
{
	mqk_topic_insert(&m->trie, (const u8 *)"", 0);
}

static void find_unlocked(struct model *m)
{
	mqk_topic_find(&m->trie, (const u8 *)"", 0);
}

static void prune_unlocked(struct model *m)
{
	mqk_topic_prune(&m->trie, m->trie.root);
}

static int ignore(void *value, void *arg)
{
	return 0;
}

static void match_unlocked(struct model *m)
{
	mqk_topic_match(&m->trie, (const u8 *)"a", 1, &m->scratch, ignore, NULL);
}

static void insert_locked(struct model *m)
{
	mutex_lock(&m->lock);
	insert_unlocked(m);
}

static void test_locks_are_asserted(void)
{
	struct model m;

	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	CHECK(aborts(insert_unlocked, &m));
	CHECK(aborts(find_unlocked, &m));
	CHECK(aborts(prune_unlocked, &m));
	CHECK(aborts(match_unlocked, &m));
	CHECK(!aborts(insert_locked, &m));
	CHECK_OK(model_destroy(&m));
}

static void test_sizes(void)
{
	test_note("scratch %zu bytes, node %zu bytes and its word, trie %zu bytes",
		  sizeof(struct mqk_topic_scratch), sizeof(struct mqk_topic_node),
		  sizeof(struct mqk_topic));
	CHECK(sizeof(struct mqk_topic_scratch) <= 10 * 1024);
}

static const struct test tests[] = {
	{ "limits and wildcard count of AMQP patterns", test_check_amqp },
	{ "limits and form of MQTT filters", test_check_mqtt },
	{ "limits and form of keys", test_check_key },
	{ "nodes are shared, and pruned when unused", test_nodes_shared_and_pruned },
	{ "pruning stops at values", test_prune_stops_at_values },
	{ "a bare node can be given back", test_bare_node_given_back },
	{ "the empty pattern is the root", test_empty_pattern },
	{ "the callback can end a match", test_match_stops },
	{ "texts over the limits are refused", test_refused_texts },
	{ "keys of 1 to 128 words", test_key_lengths },
	{ "128 distinct words", test_distinct_words },
	{ "MQTT: wildcards do not see $ topics", test_mqtt_guard },
	{ "hash collisions", test_hash_collisions },
	{ "charged bytes", test_charge },
	{ "init with each allocation failing", test_init_out_of_memory },
	{ "insert with each allocation failing", test_insert_out_of_memory },
	{ "a failed insert keeps a bare node", test_failed_insert_keeps_bare_node },
	{ "destroy frees what is left", test_destroy_with_nodes },
	{ "changes during a match", test_changes_during_match },
	{ "locks are asserted", test_locks_are_asserted },
	{ "sizes", test_sizes },
};

TEST_MAIN(tests)
