// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static int blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* In double quotes a backslash has a meaning before these alone. */
static int escapes(char c)
{
	return c == '"' || c == '\\' || c == '$' || c == '`';
}

/* Copy what is between quotes; the line behind them, NULL: they never end. */
static const char *quoted(const char *s, char quote, char **out)
{
	for (; *s && *s != quote; s++) {
		if (quote == '"' && *s == '\\' && escapes(s[1]))
			s++;
		*(*out)++ = *s;
	}
	return *s ? s + 1 : NULL;
}

/* Copy a word; the line behind it, NULL: it is malformed. */
static const char *word(const char *s, char **out)
{
	while (s && *s && !blank(*s)) {
		if (*s == '\'' || *s == '"') {
			s = quoted(s + 1, *s, out);
			continue;
		}
		if (*s == '\\' && !*++s)
			return NULL;
		*(*out)++ = *s++;
	}
	*(*out)++ = '\0';
	return s;
}

int words_split(struct words *w, const char *line)
{
	size_t len = strlen(line);
	char *out;

	w->n = 0;
	/* Each word but the last one is followed by a blank, at least. */
	w->text = out = malloc(len + 2);
	w->word = calloc(len / 2 + 2, sizeof(*w->word));
	if (!w->text || !w->word)
		return -ENOMEM;
	for (;;) {
		while (blank(*line))
			line++;
		if (!*line || *line == '#')
			return 0;
		w->word[w->n++] = out;
		line = word(line, &out);
		if (!line)
			return -EINVAL;
	}
}

void words_free(struct words *w)
{
	free(w->text);
	free(w->word);
}
