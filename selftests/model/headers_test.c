// SPDX-License-Identifier: GPL-2.0-only
/*
 * Headers bindings: by the vectors, and rule by rule.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* {"name": ["T", value], ...}, as the vectors have it: no escapes, no nesting. */
static struct table read_table(const char *s)
{
	struct table t = {};
	char name[TEXT_ROOM], text[NAME_ROOM];
	char type;
	int used;

	while ((s = strchr(s, '"'))) {
		struct value v = {};

		if (!CHECK(sscanf(s, "\"%63[^\"]\": [\"%c\", %n", name, &type, &used) == 2))
			break;
		s += used;
		v.type = type;
		if (*s == '"') {
			CHECK(sscanf(s, "\"%255[^\"]\"]", text) == 1);
			strcpy(v.text, text);
		} else {
			v.number = strtoll(s, NULL, 10);
		}
		table_set(&t, name, &v);
		s = strchr(s, ']');
	}
	return t;
}

static void vector_row(char **c)
{
	struct table args = read_table(c[1]), headers = read_table(c[2]);

	table_set_text(&args, "x-match", c[0]);
	CHECK_EQ(headers_check(&args), 0);
	if (!CHECK_EQ(headers_match(&args, &headers), atoi(c[3])))
		test_note("  %s %s against %s", c[0], c[1], c[2]);
}

static void test_vectors(void)
{
	struct table t = read_table("{\"a\": [\"S\", \"x y\"], \"b\": [\"V\", null], \"c\": [\"I\", 42]}");

	CHECK_EQ(t.nr, 3);
	CHECK(!strcmp(table_find(&t, "a")->text, "x y"));
	CHECK_EQ(table_find(&t, "c")->number, 42);
	CHECK(vectors_read("headers_vectors.tsv", 6, vector_row) >= 56);
}

static bool matches(const char *args, const char *headers)
{
	struct table a = table_of(args), h = table_of(headers);

	return headers_match(&a, &h);
}

static void test_empty(void)
{
	CHECK(matches("", ""));
	CHECK(matches("x-match=all", "a=1"));
	CHECK(!matches("x-match=any", "a=1"));
	CHECK(matches("x-match=all x-a=1", ""));
	CHECK(!matches("x-match=all-with-x x-a=1", ""));
}

static void test_names(void)
{
	CHECK(!matches("Foo=1", "foo=1"));
	/* a name that begins with X- is no argument of the exchange's */
	CHECK(!matches("X-a=1", ""));
	CHECK(matches("X-a=1", "X-a=1"));
}

static void test_x_match(void)
{
	struct table args = table_of("x-match=all");

	CHECK_EQ(headers_check(&args), 0);
	args = table_of("x-match=some");
	CHECK_EQ(headers_check(&args), -EINVAL);
	args = table_of("x-match=1");
	CHECK_EQ(headers_check(&args), -EINVAL);
	args = table_of("x-match=anything");
	CHECK_EQ(headers_check(&args), -EINVAL);
	/* bytes are no string */
	args = table_of("x-match=any");
	args.field[0].value.type = 'x';
	CHECK_EQ(headers_check(&args), -EINVAL);
	args.nr = 0;
	CHECK_EQ(headers_check(&args), 0);
}

static bool equal(char a_type, const char *a, char b_type, const char *b)
{
	struct value v[2] = { { .type = a_type }, { .type = b_type } };

	v[0].number = atoll(a);
	v[0].real = atof(a);
	strcpy(v[0].text, a);
	v[1].number = atoll(b);
	v[1].real = atof(b);
	strcpy(v[1].text, b);
	return value_equal(&v[0], &v[1]);
}

static void test_types(void)
{
	const char *whole = "bsIl";
	unsigned int i, j;

	for (i = 0; i < 4; i++)
		for (j = 0; j < 4; j++)
			CHECK(equal(whole[i], "1", whole[j], "1"));
	CHECK(!equal('l', "1", 'l', "2"));
	CHECK(!equal('l', "1", 'd', "1.0"));
	CHECK(!equal('d', "1.0", 'l', "1"));
	CHECK(equal('f', "1.5", 'd', "1.5"));
	CHECK(equal('S', "a", 'x', "a"));
	CHECK(!equal('S', "1", 'l', "1"));
	CHECK(!equal('l', "1", 'S', "1"));
	CHECK(!equal('t', "1", 'l', "1"));
	CHECK(equal('t', "1", 't', "1"));
	CHECK(!equal('T', "1", 'T', "1"));
	CHECK(!equal('T', "1", 'l', "1"));
	CHECK(!equal('l', "1", 'T', "1"));
	CHECK(equal('V', "", 'V', ""));
}

/* Through an exchange, with the error that a bad x-match is. */
static void test_exchange(void)
{
	struct binding binding = { .from = "amq.headers", .to = "q" };
	struct message m = message_make(1);
	struct fixture f;
	bool made;

	fixture_open(&f);
	fixture_queue(&f, "q", "");
	binding.args = table_of("x-match=what");
	CHECK_EQ(binding_make(f.b, f.session, &binding, &made), -EINVAL);
	binding.args = table_of("x-match=any a=1 b=2");
	CHECK_EQ(binding_make(f.b, f.session, &binding, &made), 0);
	m.headers = table_of("a=2");
	fixture_send_message(&f, "amq.headers", "", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "");
	m.headers = table_of("b=2");
	fixture_send_message(&f, "amq.headers", "any key", m);
	CHECK_TEXT(fixture_drain(&f, "q"), "1");
	fixture_close(&f);
}

static const struct test tests[] = {
	{ "a binding matches headers, by the vectors", test_vectors },
	{ "no arguments", test_empty },
	{ "names", test_names },
	{ "x-match", test_x_match },
	{ "types", test_types },
	{ "a headers exchange", test_exchange },
};

TEST_MAIN(tests)
