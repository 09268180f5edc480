// SPDX-License-Identifier: GPL-2.0-only
#include "topic.h"

#include <errno.h>
#include <string.h>

#define MAX_WORDS	128
#define MAX_MULTI	2

const struct topic_dialect topic_amqp = { '.', '*', false };
const struct topic_dialect topic_mqtt = { '/', '+', true };

struct words {
	unsigned int nr;
	const char *at[257];
	unsigned int len[257];
};

/* No text is no word; else one more than there are separators. */
static void split(struct words *w, char separator, const char *text)
{
	w->nr = 0;
	while (*text || w->nr) {
		const char *end = strchr(text, separator);

		w->at[w->nr] = text;
		w->len[w->nr++] = end ? end - text : strlen(text);
		if (!end)
			return;
		text = end + 1;
	}
}

static bool is(const struct words *w, unsigned int i, char c)
{
	return w->len[i] == 1 && *w->at[i] == c;
}

static bool same(const struct words *a, unsigned int i, const struct words *b, unsigned int j)
{
	return a->len[i] == b->len[j] && !memcmp(a->at[i], b->at[j], a->len[i]);
}

static bool match(const struct topic_dialect *d, const struct words *p, unsigned int i,
		  const struct words *k, unsigned int j)
{
	if (i == p->nr)
		return j == k->nr;
	if (is(p, i, '#'))
		return match(d, p, i + 1, k, j) || (j < k->nr && match(d, p, i, k, j + 1));
	return j < k->nr && (is(p, i, d->single) || same(p, i, k, j)) &&
	       match(d, p, i + 1, k, j + 1);
}

static bool guarded(const struct topic_dialect *d, const struct words *p, const char *key)
{
	return d->guard && *key == '$' && p->nr && (is(p, 0, '#') || is(p, 0, d->single));
}

bool topic_matches(const struct topic_dialect *d, const char *pattern, const char *key)
{
	struct words p, k;

	split(&p, d->separator, pattern);
	split(&k, d->separator, key);
	return !guarded(d, &p, key) && match(d, &p, 0, &k, 0);
}

int topic_check_pattern(const struct topic_dialect *d, const char *pattern)
{
	unsigned int i, multi = 0;
	struct words w;

	split(&w, d->separator, pattern);
	if (w.nr > MAX_WORDS || (d->guard && !w.nr))
		return -EINVAL;
	for (i = 0; i < w.nr; i++) {
		multi += is(&w, i, '#');
		if (!d->guard)
			continue;
		if (is(&w, i, '#') ? i + 1 < w.nr : memchr(w.at[i], '#', w.len[i]) != NULL)
			return -EINVAL;
		if (!is(&w, i, '+') && memchr(w.at[i], '+', w.len[i]))
			return -EINVAL;
	}
	return multi > MAX_MULTI ? -EINVAL : 0;
}

int topic_check_key(const struct topic_dialect *d, const char *key)
{
	struct words w;

	split(&w, d->separator, key);
	if (w.nr > MAX_WORDS || (d->guard && (!w.nr || strpbrk(key, "+#"))))
		return -EINVAL;
	return 0;
}

bool topic_covers(const char *wide, const char *narrow)
{
	struct words a, b;
	unsigned int i;

	split(&a, '/', wide);
	split(&b, '/', narrow);
	if (guarded(&topic_mqtt, &a, narrow))
		return false;
	for (i = 0; i < a.nr; i++) {
		if (is(&a, i, '#'))
			return true;
		if (i == b.nr || is(&b, i, '#'))
			return false;
		if (!is(&a, i, '+') && !same(&a, i, &b, i))
			return false;
	}
	return i == b.nr;
}
