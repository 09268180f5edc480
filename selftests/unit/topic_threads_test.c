// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers beside a writer, under the thread sanitizer.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "shim.h"
#include "test.h"
#include "topic_ref.h"

#define READERS		3
#define CHANGES		30000

/* Those of an even number come and go, the others stay. */
static const char *const pattern[] = {
	"#", "a.b.c", "a.*", "a.b.*", "*.b.#", "#.c", "a.b.c.d", "*.*.*", "a.b", "a.#.c",
	"x.y.z", "#.b.#", "a.b.c.#", "*.#.c", "#.x", "a.#", "b.b.c", "a.*.c", "a.b.#.d.#", "#.#",
};

static const char *const key[] = { "a.b.c", "a.b", "a.x.c", "x.y.z", "b.b.c", "a.b.c.d" };

#define PATTERNS	ARRAY_SIZE(pattern)
#define KEYS		ARRAY_SIZE(key)

static bool fits[PATTERNS][KEYS];

static struct mqk_topic trie;
static DEFINE_MUTEX(lock);
static bool done;

struct reader {
	pthread_t thread;
	struct mqk_topic_scratch scratch;
	unsigned int hits[PATTERNS];
	unsigned long matches;
	unsigned long wrong;
};

/* Written before it is published, read by whoever matches, freed by RCU. */
struct value {
	unsigned int pattern;
	struct rcu_head rcu;
};

static void add(unsigned int i)
{
	struct mqk_topic_node *node;
	struct value *v;

	mutex_lock(&lock);
	node = mqk_topic_insert(&trie, (const u8 *)pattern[i], strlen(pattern[i]));
	if (CHECK(!IS_ERR(node)) && !rcu_access_pointer(node->value)) {
		v = kmalloc(sizeof(*v), GFP_KERNEL);
		v->pattern = i;
		rcu_assign_pointer(node->value, (void *)v);
	}
	mutex_unlock(&lock);
}

static void take(unsigned int i)
{
	struct mqk_topic_node *node;
	struct value *v = NULL;

	mutex_lock(&lock);
	node = mqk_topic_find(&trie, (const u8 *)pattern[i], strlen(pattern[i]));
	if (node)
		v = rcu_dereference_protected(node->value, lockdep_is_held(&lock));
	if (v) {
		RCU_INIT_POINTER(node->value, (void *)NULL);
		mqk_topic_prune(&trie, node);
		kfree_rcu(v, rcu);
	}
	mutex_unlock(&lock);
}

static int note_hit(void *value, void *arg)
{
	const struct value *v = value;
	struct reader *r = arg;

	r->hits[v->pattern]++;
	return 0;
}

static void read_once(struct reader *r, unsigned int k)
{
	unsigned int i;
	int ret;

	memset(r->hits, 0, sizeof(r->hits));
	rcu_read_lock();
	ret = mqk_topic_match(&trie, (const u8 *)key[k], strlen(key[k]), &r->scratch, note_hit, r);
	rcu_read_unlock();
	r->wrong += ret != 0;
	for (i = 0; i < PATTERNS; i++) {
		if (i % 2)
			r->wrong += r->hits[i] != fits[i][k];
		else
			r->wrong += r->hits[i] > fits[i][k];
	}
	r->matches++;
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	unsigned int k = 0;

	while (!READ_ONCE(done))
		read_once(r, k++ % KEYS);
	return NULL;
}

static void change_a_lot(void)
{
	u32 x = 1, n;
	unsigned int i;

	for (n = 0; n < CHANGES; n++) {
		x = x * 1664525 + 1013904223;
		i = (x >> 16) % (PATTERNS / 2) * 2;
		if (x >> 31)
			add(i);
		else
			take(i);
	}
}

static void test_readers_and_writer(void)
{
	struct reader *reader = calloc(READERS, sizeof(*reader));
	size_t live = shim_live();
	unsigned long matches = 0;
	unsigned int i, j;

	for (i = 0; i < PATTERNS; i++)
		for (j = 0; j < KEYS; j++)
			fits[i][j] = ref_match(MQK_TOPIC_AMQP, (const u8 *)pattern[i],
					       strlen(pattern[i]), (const u8 *)key[j],
					       strlen(key[j]));
	CHECK_EQ(mqk_topic_init(&trie, MQK_TOPIC_AMQP, &lock), 0);
	for (i = 1; i < PATTERNS; i += 2)
		add(i);
	for (i = 0; i < READERS; i++)
		CHECK_EQ(pthread_create(&reader[i].thread, NULL, reader_main, &reader[i]), 0);
	change_a_lot();
	WRITE_ONCE(done, true);
	for (i = 0; i < READERS; i++) {
		pthread_join(reader[i].thread, NULL);
		CHECK_EQ(reader[i].wrong, 0);
		CHECK(reader[i].matches);
		matches += reader[i].matches;
	}
	for (i = 0; i < PATTERNS; i++)
		take(i);
	CHECK_EQ(trie.nodes, 0);
	mqk_topic_destroy(&trie);
	rcu_barrier();
	CHECK_EQ(shim_live(), live);
	test_note("%u changes, %lu matches", CHANGES, matches);
	free(reader);
}

static const struct test tests[] = {
	{ "readers beside a writer", test_readers_and_writer },
};

TEST_MAIN(tests)
