// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any patterns and any keys against the reference. Input: one byte of options,
 * then lines; the first four are keys, the others patterns.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"
#include "topic_model.h"
#include "topic_ref.h"

#define KEYS	4

static void ok(const char *complaint)
{
	if (!complaint)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

struct line {
	const u8 *text;
	size_t len;
};

static struct line next_line(const u8 **data, size_t *size)
{
	const u8 *end = memchr(*data, '\n', *size);
	struct line l = { *data, end ? (size_t)(end - *data) : *size };

	*data += l.len + !!end;
	*size -= l.len + !!end;
	return l;
}

static void check_line(struct line l, enum mqk_topic_dialect d)
{
	unsigned int max;

	for (max = 0; max <= 3; max++)
		BUG_ON(mqk_topic_check(l.text, l.len, d, max) != ref_check(l.text, l.len, d, max));
	BUG_ON(mqk_topic_check_key(l.text, l.len, d) != ref_check_key(l.text, l.len, d));
}

static void match_all(struct model *m, const struct line *key)
{
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		ok(model_match(m, key[i].text, key[i].len));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct model m;
	struct line key[KEYS];
	enum mqk_topic_dialect d;
	unsigned int i;

	if (!size)
		return 0;
	d = *data & 1 ? MQK_TOPIC_MQTT : MQK_TOPIC_AMQP;
	shim_hash_mask = *data & 2 ? 1 : ~0U;
	data++;
	size--;
	ok(model_init(&m, d));
	for (i = 0; i < KEYS; i++) {
		key[i] = next_line(&data, &size);
		check_line(key[i], d);
	}
	while (size) {
		struct line l = next_line(&data, &size);

		check_line(l, d);
		if (!ref_check(l.text, l.len, d, ~0U))
			ok(model_insert(&m, l.text, l.len, NULL));
	}
	match_all(&m, key);
	ok(model_shape(&m));
	for (i = 0; i < m.n; i += 2)
		ok(model_remove_nth(&m, i));
	match_all(&m, key);
	ok(model_shape(&m));
	ok(model_destroy(&m));
	BUG_ON(shim_live());
	return 0;
}
