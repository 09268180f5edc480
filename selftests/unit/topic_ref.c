// SPDX-License-Identifier: GPL-2.0-only
#include "topic_ref.h"

#include <errno.h>
#include <string.h>

#define MAX_WORDS	(MQK_TOPIC_MAX_LEN + 1)

struct words {
	unsigned int n;
	const u8 *at[MAX_WORDS];
	unsigned int len[MAX_WORDS];
};

/* A pair of positions that was tried in vain: keeps bad cases polynomial. */
static bool hopeless[MAX_WORDS + 1][MAX_WORDS + 1];

static char separator(enum mqk_topic_dialect dialect)
{
	return dialect == MQK_TOPIC_MQTT ? '/' : '.';
}

static char single(enum mqk_topic_dialect dialect)
{
	return dialect == MQK_TOPIC_MQTT ? '+' : '*';
}

static void split(struct words *w, char sep, const u8 *text, unsigned int len)
{
	unsigned int i, start = 0;

	w->n = 0;
	if (!len)
		return;
	for (i = 0; i <= len; i++) {
		if (i < len && text[i] != sep)
			continue;
		w->at[w->n] = text + start;
		w->len[w->n++] = i - start;
		start = i + 1;
	}
}

static bool word_is(const struct words *w, unsigned int i, char c)
{
	return w->len[i] == 1 && w->at[i][0] == c;
}

static bool match_from(enum mqk_topic_dialect d, const struct words *p, unsigned int i,
		       const struct words *k, unsigned int j)
{
	unsigned int next;
	bool same;

	if (i == p->n)
		return j == k->n;
	if (hopeless[i][j])
		return false;
	if (word_is(p, i, '#')) {
		for (next = j; next <= k->n; next++)
			if (match_from(d, p, i + 1, k, next))
				return true;
	} else if (j < k->n) {
		same = p->len[i] == k->len[j] && !memcmp(p->at[i], k->at[j], p->len[i]);
		if ((word_is(p, i, single(d)) || same) && match_from(d, p, i + 1, k, j + 1))
			return true;
	}
	hopeless[i][j] = true;
	return false;
}

bool ref_match(enum mqk_topic_dialect dialect, const u8 *pattern, unsigned int pattern_len,
	       const u8 *key, unsigned int key_len)
{
	struct words p, k;
	unsigned int i;

	split(&p, separator(dialect), pattern, pattern_len);
	split(&k, separator(dialect), key, key_len);
	if (dialect == MQK_TOPIC_MQTT && key_len && key[0] == '$' && p.n &&
	    (word_is(&p, 0, '+') || word_is(&p, 0, '#')))
		return false;
	for (i = 0; i <= p.n; i++)
		memset(hopeless[i], 0, k.n + 1);
	return match_from(dialect, &p, 0, &k, 0);
}

static unsigned int count(const u8 *text, unsigned int len, char c)
{
	unsigned int i, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

static int check_size(const u8 *text, unsigned int len, enum mqk_topic_dialect dialect)
{
	if (len > 255)
		return -ENAMETOOLONG;
	return count(text, len, separator(dialect)) > 127 ? -EINVAL : 0;
}

int ref_check(const u8 *pattern, unsigned int len, enum mqk_topic_dialect dialect,
	      unsigned int max_multi)
{
	char sep = separator(dialect);
	int err = check_size(pattern, len, dialect);
	unsigned int i, multi = 0;

	if (err)
		return err;
	if (dialect == MQK_TOPIC_MQTT && (!len || memchr(pattern, 0, len)))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		bool whole = (i == 0 || pattern[i - 1] == sep) &&
			     (i == len - 1 || pattern[i + 1] == sep);

		if (pattern[i] == '#' && whole)
			multi++;
		if (dialect == MQK_TOPIC_AMQP)
			continue;
		if ((pattern[i] == '#' || pattern[i] == '+') && !whole)
			return -EINVAL;
		if (pattern[i] == '#' && i != len - 1)
			return -EINVAL;
	}
	return multi > max_multi ? -EINVAL : 0;
}

int ref_check_key(const u8 *key, unsigned int len, enum mqk_topic_dialect dialect)
{
	int err = check_size(key, len, dialect);

	if (err || dialect == MQK_TOPIC_AMQP)
		return err;
	if (!len || count(key, len, '+') || count(key, len, '#') || memchr(key, 0, len))
		return -EINVAL;
	return 0;
}
