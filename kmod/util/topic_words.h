/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MQK_UTIL_TOPIC_WORDS_H
#define MQK_UTIL_TOPIC_WORDS_H

/**
 * DOC: words of a topic
 *
 * Splits a pattern or a key into words, left to right, in the text itself. An
 * empty text has no words; otherwise there is one word more than separators,
 * and any of them may be empty. For topic.c only.
 */

#include <linux/string.h>
#include <linux/types.h>

#include "util/topic.h"

/**
 * struct mqk_topic_syntax - what tells the dialects apart
 * @separator: between words
 * @single: as a pattern's whole word: stands for one word
 * @multi: likewise, for any number of words
 * @strict: wildcards and NUL only where they have a meaning, and no empty text
 * @guarded: a key that begins with @guard hides from leading wildcards
 * @guard: see @guarded
 */
struct mqk_topic_syntax {
	u8 separator;
	u8 single;
	u8 multi;
	bool strict;
	bool guarded;
	u8 guard;
};

static const struct mqk_topic_syntax mqk_topic_syntaxes[] = {
	[MQK_TOPIC_AMQP] = {
		.separator = '.', .single = '*', .multi = '#',
	},
	[MQK_TOPIC_MQTT] = {
		.separator = '/', .single = '+', .multi = '#',
		.strict = true, .guarded = true, .guard = '$',
	},
};

enum mqk_topic_word_kind {
	MQK_TOPIC_LITERAL,
	MQK_TOPIC_SINGLE,
	MQK_TOPIC_MULTI,
};

/**
 * struct mqk_topic_word - one word of a text
 * @at: its first byte, in the text
 * @len: its length
 * @kind: what it is in a pattern
 * @last: no word follows
 */
struct mqk_topic_word {
	const u8 *at;
	unsigned int len;
	enum mqk_topic_word_kind kind;
	bool last;
};

/**
 * struct mqk_topic_cursor - how far a text has been split
 * @syntax: whose rules
 * @next: where the next word begins, or NULL
 * @end: of the text
 */
struct mqk_topic_cursor {
	const struct mqk_topic_syntax *syntax;
	const u8 *next;
	const u8 *end;
};

static inline struct mqk_topic_cursor
mqk_topic_words(enum mqk_topic_dialect dialect, const u8 *text, unsigned int len)
{
	return (struct mqk_topic_cursor){
		.syntax = &mqk_topic_syntaxes[dialect],
		.next = len ? text : NULL,
		.end = text + len,
	};
}

static inline enum mqk_topic_word_kind
mqk_topic_word_kind(const struct mqk_topic_syntax *x, const u8 *at, unsigned int len)
{
	if (len != 1)
		return MQK_TOPIC_LITERAL;
	if (*at == x->single)
		return MQK_TOPIC_SINGLE;
	return *at == x->multi ? MQK_TOPIC_MULTI : MQK_TOPIC_LITERAL;
}

/* Get the next word into @w; false if there is none. */
static inline bool mqk_topic_next_word(struct mqk_topic_cursor *c, struct mqk_topic_word *w)
{
	const u8 *end;

	if (!c->next)
		return false;
	end = memchr(c->next, c->syntax->separator, c->end - c->next);
	w->at = c->next;
	w->len = (end ?: c->end) - w->at;
	w->kind = mqk_topic_word_kind(c->syntax, w->at, w->len);
	w->last = !end;
	/* A separator at the very end is followed by an empty word. */
	c->next = end ? end + 1 : NULL;
	return true;
}

/* Does a strict dialect allow this word in a pattern? */
static inline bool mqk_topic_word_is_strict(const struct mqk_topic_syntax *x,
					    const struct mqk_topic_word *w)
{
	if (w->kind == MQK_TOPIC_MULTI)
		return w->last;
	if (w->kind == MQK_TOPIC_SINGLE)
		return true;
	return !memchr(w->at, x->single, w->len) && !memchr(w->at, x->multi, w->len) &&
	       !memchr(w->at, 0, w->len);
}

#endif
