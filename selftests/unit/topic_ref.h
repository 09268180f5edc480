/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TOPIC_REF_H
#define TOPIC_REF_H

/*
 * What a topic pattern means, written from the specifications and not from the
 * trie: slow, and easy to see right.
 */

#include "util/topic.h"

bool ref_match(enum mqk_topic_dialect dialect, const u8 *pattern, unsigned int pattern_len,
	       const u8 *key, unsigned int key_len);
int ref_check(const u8 *pattern, unsigned int len, enum mqk_topic_dialect dialect,
	      unsigned int max_multi);
int ref_check_key(const u8 *key, unsigned int len, enum mqk_topic_dialect dialect);

#endif
