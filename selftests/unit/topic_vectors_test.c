// SPDX-License-Identifier: GPL-2.0-only
/*
 * The published and observed behaviour of other brokers, row by row: each row
 * in a trie of its own, and all patterns of a dialect in one trie.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rcupdate.h>

#include "test.h"
#include "topic_model.h"
#include "topic_ref.h"

#define MAX_ROWS	4096
#define COLUMNS		5

struct row {
	char *column[COLUMNS];
};

struct table {
	struct row row[MAX_ROWS];
	unsigned int n;
};

static struct table vectors, validity;

static bool split_row(char *line, struct row *row)
{
	unsigned int i;

	line[strcspn(line, "\n")] = '\0';
	line = strdup(line);
	for (i = 0; i < COLUMNS && line; i++)
		row->column[i] = strsep(&line, "\t");
	return i == COLUMNS && !line;
}

/* Rows after the title; none may be malformed. */
static void load(struct table *t, const char *name)
{
	const char *dir = getenv("MQK_VECTORS");
	char path[4096], line[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir ?: "../vectors", name);
	f = fopen(path, "r");
	if (!CHECK(f) || !CHECK(fgets(line, sizeof(line), f)))
		return;
	while (t->n < MAX_ROWS && fgets(line, sizeof(line), f))
		CHECK(split_row(line, &t->row[t->n++]));
	fclose(f);
}

static void free_table(struct table *t)
{
	while (t->n)
		free(t->row[--t->n].column[0]);
}

static bool is_dialect(const struct row *row, enum mqk_topic_dialect d)
{
	return !strcmp(row->column[0], d == MQK_TOPIC_MQTT ? "mqtt" : "amqp");
}

static int count_hit(void *value, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

/* How often the only pattern of a trie is reported. */
static int hits_alone(enum mqk_topic_dialect d, const char *pattern, const char *key)
{
	struct mqk_topic_scratch *s = malloc(sizeof(*s));
	struct mqk_topic_node *node;
	unsigned int hits = 0;
	struct mqk_topic t;
	DEFINE_MUTEX(lock);
	int ret;

	CHECK_EQ(mqk_topic_init(&t, d, &lock), 0);
	mutex_lock(&lock);
	node = mqk_topic_insert(&t, (const u8 *)pattern, strlen(pattern));
	rcu_assign_pointer(node->value, (void *)s);
	mutex_unlock(&lock);
	rcu_read_lock();
	ret = mqk_topic_match(&t, (const u8 *)key, strlen(key), s, count_hit, &hits);
	rcu_read_unlock();
	CHECK_EQ(ret, 0);
	mqk_topic_destroy(&t);
	free(s);
	return hits;
}

static void rows_alone(enum mqk_topic_dialect d, unsigned int at_least)
{
	unsigned int i, n = 0;

	for (i = 0; i < vectors.n; i++) {
		const struct row *r = &vectors.row[i];
		int want = atoi(r->column[3]);

		if (!is_dialect(r, d))
			continue;
		n++;
		CHECK_EQ(mqk_topic_check((const u8 *)r->column[1], strlen(r->column[1]), d, 128),
			 0);
		if (!CHECK_EQ(hits_alone(d, r->column[1], r->column[2]), want))
			test_note("row %u: %s against %s", i + 2, r->column[1], r->column[2]);
		/* The reference has to be right as well. */
		CHECK_EQ(ref_match(d, (const u8 *)r->column[1], strlen(r->column[1]),
				   (const u8 *)r->column[2], strlen(r->column[2])), want);
	}
	test_note("%u rows", n);
	CHECK(n >= at_least);
}

/* Every pattern, and every key against all of them. */
static void rows_together(enum mqk_topic_dialect d)
{
	struct model *m = malloc(sizeof(*m));
	unsigned int i;

	CHECK_OK(model_init(m, d));
	for (i = 0; i < vectors.n; i++)
		if (is_dialect(&vectors.row[i], d))
			CHECK_OK(model_insert(m, vectors.row[i].column[1],
					      strlen(vectors.row[i].column[1]), NULL));
	CHECK_OK(model_shape(m));
	for (i = 0; i < vectors.n; i++)
		if (is_dialect(&vectors.row[i], d))
			CHECK_OK(model_match(m, vectors.row[i].column[2],
					     strlen(vectors.row[i].column[2])));
	test_note("%u patterns, %u nodes", m->live, m->trie.nodes);
	CHECK_OK(model_destroy(m));
	free(m);
}

static void test_load(void)
{
	load(&vectors, "topic_vectors.tsv");
	load(&validity, "topic_validity.tsv");
}

static void test_amqp_alone(void)
{
	rows_alone(MQK_TOPIC_AMQP, 503);
}

static void test_amqp_together(void)
{
	rows_together(MQK_TOPIC_AMQP);
}

static void test_mqtt_alone(void)
{
	rows_alone(MQK_TOPIC_MQTT, 73);
}

static void test_mqtt_together(void)
{
	rows_together(MQK_TOPIC_MQTT);
}

static void check_validity(const char *dialect, const char *kind, unsigned int at_least)
{
	enum mqk_topic_dialect d = strcmp(dialect, "mqtt") ? MQK_TOPIC_AMQP : MQK_TOPIC_MQTT;
	unsigned int i, n = 0;

	for (i = 0; i < validity.n; i++) {
		const struct row *r = &validity.row[i];
		const u8 *text = (const u8 *)r->column[2];
		unsigned int len = strlen(r->column[2]);
		int got, ref;

		if (strcmp(r->column[0], dialect) || strcmp(r->column[1], kind))
			continue;
		n++;
		if (!strcmp(kind, "topic")) {
			got = mqk_topic_check_key(text, len, d);
			ref = ref_check_key(text, len, d);
		} else {
			got = mqk_topic_check(text, len, d, 2);
			ref = ref_check(text, len, d, 2);
		}
		if (!CHECK_EQ(got, atoi(r->column[3]) ? 0 : -EINVAL))
			test_note("row %u: %s", i + 2, r->column[2]);
		CHECK_EQ(ref, got);
	}
	test_note("%u rows", n);
	CHECK(n >= at_least);
}

static void test_amqp_validity(void)
{
	check_validity("amqp", "binding", 14);
}

static void test_mqtt_filter_validity(void)
{
	check_validity("mqtt", "filter", 36);
}

static void test_mqtt_topic_validity(void)
{
	check_validity("mqtt", "topic", 15);
	free_table(&vectors);
	free_table(&validity);
}

static const struct test tests[] = {
	{ "vectors load", test_load },
	{ "AMQP rows, one trie each", test_amqp_alone },
	{ "AMQP rows, all patterns in one trie", test_amqp_together },
	{ "MQTT rows, one trie each", test_mqtt_alone },
	{ "MQTT rows, all patterns in one trie", test_mqtt_together },
	{ "AMQP binding validity", test_amqp_validity },
	{ "MQTT filter validity", test_mqtt_filter_validity },
	{ "MQTT topic validity", test_mqtt_topic_validity },
};

TEST_MAIN(tests)
