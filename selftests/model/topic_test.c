// SPDX-License-Identifier: GPL-2.0-only
/*
 * Topics, by the vectors.
 */
#include "topic.h"

#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const struct topic_dialect *dialect(const char *name)
{
	return strcmp(name, "mqtt") ? &topic_amqp : &topic_mqtt;
}

static void match_row(char **c)
{
	if (!CHECK_EQ(topic_matches(dialect(c[0]), c[1], c[2]), atoi(c[3])))
		test_note("  %s: %s against %s", c[0], c[1], c[2]);
}

static void test_matches(void)
{
	CHECK(vectors_read("topic_vectors.tsv", 5, match_row) >= 576);
}

static void validity_row(char **c)
{
	int err = strcmp(c[1], "topic") ? topic_check_pattern(dialect(c[0]), c[2]) :
					  topic_check_key(dialect(c[0]), c[2]);

	if (!CHECK_EQ(!err, atoi(c[3])))
		test_note("  %s %s: %s", c[0], c[1], c[2]);
}

static void test_validity(void)
{
	CHECK(vectors_read("topic_validity.tsv", 5, validity_row) >= 65);
}

static void cover_row(char **c)
{
	if (!CHECK_EQ(topic_covers(c[0], c[1]), atoi(c[2])))
		test_note("  %s over %s", c[0], c[1]);
}

static void test_covers(void)
{
	CHECK(vectors_read("mqtt_filter_cover.tsv", 4, cover_row) >= 26);
}

static const struct test tests[] = {
	{ "a pattern matches a key, by the vectors", test_matches },
	{ "patterns and keys are valid, by the vectors", test_validity },
	{ "a filter covers another, by the vectors", test_covers },
};

TEST_MAIN(tests)
