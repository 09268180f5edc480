// SPDX-License-Identifier: GPL-2.0-only
#include "topic_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/rcupdate.h>

#include "topic_ref.h"

static char complaint[4096];

static void say(const char *format, ...)
{
	size_t used = strlen(complaint);
	va_list args;

	va_start(args, format);
	vsnprintf(complaint + used, sizeof(complaint) - used, format, args);
	va_end(args);
}

static void say_text(const u8 *text, unsigned int len)
{
	unsigned int i;

	say(" \"");
	for (i = 0; i < len; i++)
		say(text[i] > ' ' && text[i] <= '~' ? "%c" : "\\x%02x", text[i]);
	say("\"");
}

static const char *complain(const char *what, const void *text, unsigned int len)
{
	complaint[0] = '\0';
	say("%s:", what);
	say_text(text, len);
	return complaint;
}

const char *model_init(struct model *m, enum mqk_topic_dialect dialect)
{
	memset(m, 0, sizeof(*m));
	mutex_init(&m->lock);
	if (mqk_topic_init(&m->trie, dialect, &m->lock))
		return "init failed";
	return NULL;
}

static struct model_entry *find_entry(struct model *m, const void *pattern, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->entry[i]->len == len && !memcmp(m->entry[i]->pattern, pattern, len))
			return m->entry[i];
	return NULL;
}

static struct model_entry *add_entry(struct model *m, const void *pattern, unsigned int len)
{
	struct model_entry *e = calloc(1, sizeof(*e));

	memcpy(e->pattern, pattern, len);
	e->len = len;
	if (!(m->n & (m->n - 1)))
		m->entry = realloc(m->entry, (m->n ? 2 * m->n : 1) * sizeof(e));
	m->entry[m->n++] = e;
	return e;
}

static const char *insert_locked(struct model *m, const void *pattern, unsigned int len, int *err)
{
	unsigned int nodes = m->trie.nodes;
	struct mqk_topic_node *node;
	size_t bytes = m->trie.bytes;
	struct model_entry *e;

	node = mqk_topic_insert(&m->trie, pattern, len);
	if (IS_ERR(node)) {
		if (m->trie.nodes != nodes || m->trie.bytes != bytes)
			return complain("failed insert left nodes", pattern, len);
		if (!err || PTR_ERR(node) != -ENOMEM)
			return complain("insert failed", pattern, len);
		*err = -ENOMEM;
		return NULL;
	}
	e = find_entry(m, pattern, len) ?: add_entry(m, pattern, len);
	if (rcu_dereference_protected(node->value, true) != (e->live ? e : NULL))
		return complain("insert found another's node", pattern, len);
	if (e->live && e->node != node)
		return complain("insert found another node", pattern, len);
	if (!e->live)
		m->live++;
	e->live = true;
	e->node = node;
	rcu_assign_pointer(node->value, (void *)e);
	return NULL;
}

const char *model_insert(struct model *m, const void *pattern, unsigned int len, int *err)
{
	const char *bad;

	if (err)
		*err = 0;
	mutex_lock(&m->lock);
	bad = insert_locked(m, pattern, len, err);
	mutex_unlock(&m->lock);
	return bad;
}

static const char *remove_entry(struct model *m, struct model_entry *e)
{
	struct mqk_topic_node *node;

	if (!e || !e->live)
		return NULL;
	mutex_lock(&m->lock);
	node = mqk_topic_find(&m->trie, e->pattern, e->len);
	if (node == e->node) {
		RCU_INIT_POINTER(node->value, NULL);
		mqk_topic_prune(&m->trie, node);
	}
	mutex_unlock(&m->lock);
	if (node != e->node)
		return complain("live pattern not found", e->pattern, e->len);
	e->live = false;
	m->live--;
	return NULL;
}

const char *model_remove(struct model *m, const void *pattern, unsigned int len)
{
	return remove_entry(m, find_entry(m, pattern, len));
}

const char *model_remove_nth(struct model *m, unsigned int i)
{
	return remove_entry(m, m->entry[i]);
}

static int hit(void *value, void *arg)
{
	struct model_entry *e = value;
	struct model *m = arg;

	if (!e->live)
		m->stray = true;
	e->hits++;
	return 0;
}

static const char *check_hits(struct model *m, const void *key, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		struct model_entry *e = m->entry[i];
		bool want = e->live && ref_match(m->trie.dialect, e->pattern, e->len, key, len);

		if (e->hits == want)
			continue;
		complain(e->hits > 1 ? "reported twice" : want ? "not reported" : "reported", key,
			 len);
		say(" for pattern");
		say_text(e->pattern, e->len);
		return complaint;
	}
	return m->stray ? "reported a dead value" : NULL;
}

const char *model_match(struct model *m, const void *key, unsigned int len)
{
	struct mqk_topic_scratch *s = &m->scratch;
	unsigned int i;
	int ret;

	for (i = 0; i < m->n; i++)
		m->entry[i]->hits = 0;
	rcu_read_lock();
	ret = mqk_topic_match(&m->trie, key, len, s, hit, m);
	rcu_read_unlock();
	if (ret != ref_check_key(key, len, MQK_TOPIC_AMQP) && m->trie.dialect == MQK_TOPIC_AMQP)
		return complain("wrong return from match", key, len);
	if (ret)
		return NULL;
	if (s->visits > m->trie.nodes + 1)
		return complain("more visits than nodes", key, len);
	if (s->lookups > s->visits * s->distinct)
		return complain("too many look-ups", key, len);
	return check_hits(m, key, len);
}

struct prefix {
	const u8 *text;
	unsigned int len;
};

static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->text, y->text, x->len);
}

/* One node for each different beginning, a whole number of words, of a pattern. */
static unsigned int count_prefixes(struct model *m)
{
	char sep = m->trie.dialect == MQK_TOPIC_MQTT ? '/' : '.';
	unsigned int i, j, n = 0, distinct = 0;
	struct prefix *p = malloc((m->n + 1) * (MQK_TOPIC_MAX_LEN + 1) * sizeof(*p));

	for (i = 0; i < m->n; i++) {
		const struct model_entry *e = m->entry[i];

		for (j = 0; e->live && e->len && j <= e->len; j++)
			if (j == e->len || e->pattern[j] == sep)
				p[n++] = (struct prefix){ e->pattern, j };
	}
	qsort(p, n, sizeof(*p), compare_prefixes);
	for (i = 0; i < n; i++)
		distinct += !i || compare_prefixes(&p[i - 1], &p[i]);
	free(p);
	return distinct;
}

static const char *check_found(struct model *m, const struct model_entry *e)
{
	struct mqk_topic_node *node;
	void *value = NULL;

	mutex_lock(&m->lock);
	node = mqk_topic_find(&m->trie, e->pattern, e->len);
	if (node)
		value = rcu_dereference_protected(node->value, true);
	mutex_unlock(&m->lock);
	return value == (e->live ? e : NULL) ? NULL : complain("found wrongly", e->pattern, e->len);
}

const char *model_shape(struct model *m)
{
	const char *bad = NULL;
	size_t charge = 0;
	unsigned int i;

	for (i = 0; i < m->n && !bad; i++) {
		struct model_entry *e = m->entry[i];

		if (e->live)
			charge += mqk_topic_pattern_bytes(e->pattern, e->len, m->trie.dialect);
		bad = check_found(m, e);
	}
	if (bad)
		return bad;
	if (m->trie.nodes != count_prefixes(m))
		return "wrong number of nodes";
	if (m->trie.bytes > charge)
		return "more bytes than charged";
	if (!m->trie.nodes != !m->trie.bytes)
		return "bytes without nodes";
	return NULL;
}

const char *model_destroy(struct model *m)
{
	const char *bad = NULL;
	unsigned int i;

	for (i = 0; i < m->n && !bad; i++)
		bad = model_remove_nth(m, i);
	if (!bad)
		bad = model_shape(m);
	for (i = 0; i < m->n; i++)
		free(m->entry[i]);
	free(m->entry);
	mqk_topic_destroy(&m->trie);
	mutex_destroy(&m->lock);
	return bad;
}
