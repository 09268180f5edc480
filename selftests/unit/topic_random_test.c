// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small worlds: all patterns of a few words against all keys of a few words,
 * and random ones that come and go. MQK_SEED repeats a run with another seed.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "shim.h"
#include "test.h"
#include "topic_model.h"

static u64 random_state;

static unsigned int random_below(unsigned int n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % n;
}

static void seed_random(void)
{
	const char *seed = getenv("MQK_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 20240601;
	test_note("seed %llu", (unsigned long long)random_state);
}

struct world {
	enum mqk_topic_dialect dialect;
	const char *separator;
	const char *pattern_word[8];
	const char *key_word[8];
};

static const struct world amqp = {
	MQK_TOPIC_AMQP, ".",
	{ "a", "*", "#", "", "b", "#", "*" }, { "a", "b", "", "*", "#", "aa", "a" },
};

static const struct world mqtt = {
	MQK_TOPIC_MQTT, "/",
	{ "a", "+", "", "b", "$", "+", "$a" }, { "a", "b", "", "$", "$a", "aa", "a" },
};

/* Text number i of all that have n words out of the first w of the list. */
static void nth_text(char *text, const char *const *word, unsigned int w, const char *separator,
		     unsigned int n, unsigned int i)
{
	text[0] = '\0';
	while (n--) {
		strcat(text, word[i % w]);
		if (n)
			strcat(text, separator);
		i /= w;
	}
}

static unsigned int power(unsigned int base, unsigned int exponent)
{
	return exponent ? base * power(base, exponent - 1) : 1;
}

static void test_all_short_texts(void)
{
	unsigned int n, i, matches = 0;
	struct model m;
	char text[64];

	CHECK_OK(model_init(&m, amqp.dialect));
	for (n = 0; n <= 4; n++) {
		for (i = 0; i < power(5, n); i++) {
			nth_text(text, amqp.pattern_word, 5, ".", n, i);
			CHECK_OK(model_insert(&m, text, strlen(text), NULL));
		}
	}
	CHECK_OK(model_shape(&m));
	for (n = 0; n <= 5; n++) {
		for (i = 0; i < power(4, n); i++, matches++) {
			nth_text(text, amqp.key_word, 4, ".", n, i);
			CHECK_OK(model_match(&m, text, strlen(text)));
		}
	}
	test_note("%u patterns, %u keys", m.live, matches);
	CHECK_OK(model_destroy(&m));
}

static unsigned int random_text(char *text, const char *const *word, const char *separator,
				unsigned int max_words)
{
	unsigned int n = random_below(max_words + 1);

	text[0] = '\0';
	while (n--) {
		strcat(text, word[random_below(7)]);
		if (n)
			strcat(text, separator);
	}
	return strlen(text);
}

static unsigned int random_pattern(const struct world *w, char *text, unsigned int max_words)
{
	unsigned int len;

	do {
		len = random_text(text, w->pattern_word, w->separator, max_words);
		if (w->dialect == MQK_TOPIC_MQTT && random_below(3) == 0)
			len = strlen(strcat(text, len ? "/#" : "#"));
	} while (mqk_topic_check((u8 *)text, len, w->dialect, ~0U));
	return len;
}

static void come_and_go(const struct world *w, unsigned int max_words, unsigned int steps,
			unsigned int max_live)
{
	unsigned int step, len, matches = 0, changes = 0;
	struct model *m = malloc(sizeof(*m));
	char text[512];

	CHECK_OK(model_init(m, w->dialect));
	for (step = 0; step < steps; step++) {
		unsigned int what = random_below(16);

		if (what < 4 && m->live < max_live) {
			len = random_pattern(w, text, max_words);
			CHECK_OK(model_insert(m, text, len, NULL));
			changes++;
		} else if (what < 8 && m->n) {
			CHECK_OK(model_remove_nth(m, random_below(m->n)));
			changes++;
		} else {
			len = random_text(text, w->key_word, w->separator, max_words + 2);
			CHECK_OK(model_match(m, text, len));
			matches++;
		}
		if (step % 256 == 0)
			CHECK_OK(model_shape(m));
	}
	CHECK_OK(model_shape(m));
	test_note("%u changes, %u matches, %u different patterns", changes, matches, m->n);
	CHECK_OK(model_destroy(m));
	free(m);
}

static void test_amqp_short(void)
{
	seed_random();
	come_and_go(&amqp, 4, 12000, 300);
}

static void test_amqp_long(void)
{
	seed_random();
	come_and_go(&amqp, 12, 6000, 1000);
}

/* Up to the limit of words; words are short enough for the limit of bytes. */
static void test_amqp_very_long(void)
{
	static const struct world single = {
		MQK_TOPIC_AMQP, ".",
		{ "a", "*", "#", "", "a", "a", "*" }, { "a", "a", "", "a", "a", "", "a" },
	};

	seed_random();
	come_and_go(&single, 126, 1500, 200);
}

static void test_mqtt(void)
{
	seed_random();
	come_and_go(&mqtt, 5, 12000, 300);
}

static void test_colliding(void)
{
	shim_hash_mask = 1;
	seed_random();
	come_and_go(&amqp, 5, 3000, 100);
	shim_hash_mask = ~0U;
}

/* Random failures of memory on the way. */
static void test_out_of_memory(void)
{
	unsigned int step, len, failures = 0;
	struct model m;
	char text[512];
	int err;

	seed_random();
	CHECK_OK(model_init(&m, MQK_TOPIC_AMQP));
	for (step = 0; step < 6000; step++) {
		len = random_pattern(&amqp, text, 6);
		shim_fail_nth(1 + random_below(4));
		if (random_below(2) && m.n)
			CHECK_OK(model_remove_nth(&m, random_below(m.n)));
		else
			CHECK_OK(model_insert(&m, text, len, &err));
		failures += shim_failed();
		shim_fail_nth(0);
		if (step % 64)
			continue;
		CHECK_OK(model_shape(&m));
		len = random_text(text, amqp.key_word, ".", 6);
		CHECK_OK(model_match(&m, text, len));
	}
	test_note("%u failures", failures);
	CHECK(failures > 200);
	CHECK_OK(model_destroy(&m));
	CHECK_EQ(shim_live(), 0);
}

static const struct test tests[] = {
	{ "all patterns of 4 words, all keys of 5", test_all_short_texts },
	{ "random AMQP, up to 4 words", test_amqp_short },
	{ "random AMQP, up to 12 words", test_amqp_long },
	{ "random AMQP, up to 126 words", test_amqp_very_long },
	{ "random MQTT", test_mqtt },
	{ "random AMQP, hashes of one bit", test_colliding },
	{ "random AMQP, memory failing", test_out_of_memory },
};

TEST_MAIN(tests)
