// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a match costs, in nodes visited and in look-ups: never in time, which
 * depends on the machine.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/rcupdate.h>

#include "test.h"
#include "topic_model.h"

struct cost {
	unsigned int visits;
	unsigned int lookups;
	unsigned int hits;
};

static struct mqk_topic trie;
static struct mqk_topic_scratch scratch;
static DEFINE_MUTEX(lock);

static int count_hit(void *value, void *arg)
{
	struct cost *c = arg;

	c->hits++;
	return 0;
}

static struct cost cost_of(const char *key)
{
	struct cost c = {};

	rcu_read_lock();
	CHECK_EQ(mqk_topic_match(&trie, (const u8 *)key, strlen(key), &scratch, count_hit, &c), 0);
	rcu_read_unlock();
	c.visits = scratch.visits;
	c.lookups = scratch.lookups;
	return c;
}

static void begin(void)
{
	CHECK_EQ(mqk_topic_init(&trie, MQK_TOPIC_AMQP, &lock), 0);
}

static void insert(const char *pattern)
{
	struct mqk_topic_node *node;

	mutex_lock(&lock);
	node = mqk_topic_insert(&trie, (const u8 *)pattern, strlen(pattern));
	if (CHECK(!IS_ERR(node)))
		rcu_assign_pointer(node->value, (void *)node);
	mutex_unlock(&lock);
}

static void end(void)
{
	mqk_topic_destroy(&trie);
}

static void check_same(struct cost a, struct cost b)
{
	CHECK_EQ(a.visits, b.visits);
	CHECK_EQ(a.lookups, b.lookups);
	CHECK_EQ(a.hits, b.hits);
}

/* In every place where a binding can part from the key. */
static const char *const parting[] = {
	"other%u", "other%u.b.c", "a.other%u", "a.other%u.#", "a.b.other%u", "a.b.c.other%u",
	"*.other%u.c", "*.*.other%u", "#.other%u", "#.other%u.#", "a.#.other%u", "*.#.other%u.c",
};

static void add_parting(unsigned int from, unsigned int to)
{
	char pattern[64];
	unsigned int i;

	for (i = from; i < to; i++) {
		snprintf(pattern, sizeof(pattern), parting[i % ARRAY_SIZE(parting)],
			 i / (unsigned int)ARRAY_SIZE(parting));
		insert(pattern);
	}
}

static void test_bindings_that_do_not_match(void)
{
	struct cost few, many;

	begin();
	insert("a.b.c");
	insert("a.#");
	insert("*.b.*");
	add_parting(0, ARRAY_SIZE(parting));
	few = cost_of("a.b.c");
	CHECK_EQ(few.hits, 3);
	add_parting(ARRAY_SIZE(parting), 100000);
	many = cost_of("a.b.c");
	test_note("%u nodes: %u visits, %u look-ups", trie.nodes, many.visits, many.lookups);
	check_same(few, many);
	end();
}

/* Without any look-up where only wildcards follow, without visits to misses. */
static void test_nothing_for_nothing(void)
{
	struct cost c;

	begin();
	c = cost_of("a.b.c");
	CHECK_EQ(c.visits, 1);
	CHECK_EQ(c.lookups, 0);
	insert("*.*");
	c = cost_of("a.b.c");
	CHECK_EQ(c.visits, 3);
	CHECK_EQ(c.lookups, 0);
	insert("x.y.z");
	c = cost_of("a.b.c");
	CHECK_EQ(c.visits, 3);
	CHECK_EQ(c.lookups, 3 - 2);
	end();
}

static char *repeat(const char *unit, unsigned int n, const char *last)
{
	static char text[1024];

	text[0] = '\0';
	while (n--)
		strcat(text, unit);
	return strcat(text, last);
}

/* Backtracking would take about 2^100 steps. */
static void test_many_multi_wildcards(void)
{
	struct cost c;

	begin();
	insert(repeat("#.a.", 63, "#.b"));
	insert(repeat("#.a.", 63, "#.a"));
	insert(repeat("#.", 127, "b"));
	insert(repeat("#.*.", 63, "#.b"));
	c = cost_of(repeat("a.", 127, "a"));
	test_note("%u nodes: %u visits, %u look-ups", trie.nodes, c.visits, c.lookups);
	CHECK_EQ(c.hits, 1);
	CHECK(c.visits <= trie.nodes + 1);
	CHECK(c.lookups <= c.visits);
	end();
}

/* Words of four kinds, up to six of them: every node may be visited, once. */
static void test_full_tree(void)
{
	static const char *const word[] = { "a", "b", "*", "#" };
	char pattern[64], *p;
	unsigned int n, i, j, k;
	struct cost c;

	begin();
	for (n = 1; n <= 6; n++) {
		for (i = 0; i < 1U << 2 * n; i++) {
			p = pattern;
			for (j = 0, k = i; j < n; j++, k /= 4)
				p += sprintf(p, "%s%s", j ? "." : "", word[k % 4]);
			insert(pattern);
		}
	}
	c = cost_of(repeat("a.b.", 63, "a.b"));
	test_note("%u nodes: %u visits, %u look-ups", trie.nodes, c.visits, c.lookups);
	CHECK(c.visits <= trie.nodes + 1);
	CHECK(c.lookups <= 2 * c.visits);
	c = cost_of("a.b.a");
	CHECK(c.visits <= trie.nodes + 1);
	CHECK(c.lookups <= 2 * c.visits);
	end();
}

static const struct test tests[] = {
	{ "100,000 bindings that do not match cost nothing", test_bindings_that_do_not_match },
	{ "no look-up without literal children", test_nothing_for_nothing },
	{ "128 words against 64 multi-word wildcards", test_many_multi_wildcards },
	{ "no node of a full tree is visited twice", test_full_tree },
};

TEST_MAIN(tests)
