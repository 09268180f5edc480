/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Splitting a line into words, as a shell does: blanks between words, single
 * and double quotes, backslashes, and comments from a word that begins with #.
 */
#ifndef MQKCTL_WORDS_H
#define MQKCTL_WORDS_H

/* Text and words of a line; both are freed by words_free(). */
struct words {
	char *text;
	char **word;
	int n;
};

/* 0; -EINVAL a quote is not closed or nothing follows a backslash; -ENOMEM. */
int words_split(struct words *w, const char *line);
void words_free(struct words *w);

#endif /* MQKCTL_WORDS_H */
