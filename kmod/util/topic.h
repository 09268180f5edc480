/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MQK_UTIL_TOPIC_H
#define MQK_UTIL_TOPIC_H

/**
 * DOC: topic trie
 *
 * The binding patterns of one topic exchange, kept so that a routing key finds
 * all patterns that match it. A node stands for a pattern's first words, the
 * edge into it for the last of these. Literal edges of all nodes share one
 * hash table, keyed by (parent, word); the single-word and the multi-word
 * wildcard have a pointer each in their parent. A node carries one ``value``,
 * which belongs to the trie's user: this file stores, reports and tests it
 * for NULL, and never looks behind it.
 *
 * Patterns and keys are bytes, split into words at a separator; a word may be
 * empty, and an empty text has no words at all. A wildcard is one only as a
 * whole word of a pattern; in a key it is a word like any other.
 *
 * =======  =========  ===========  ============  ===========================
 * dialect  separator  one word     any number,   moreover
 *                     (empty too)  none too
 * =======  =========  ===========  ============  ===========================
 * AMQP     ``.``      ``*``        ``#``         every text within the
 *                                                limits is a valid pattern
 * MQTT     ``/``      ``+``        ``#``, last   no wildcard matches a first
 *                                  word only     word that begins with ``$``
 * =======  =========  ===========  ============  ===========================
 *
 * Matching keeps with every node on the way the set of key positions: those i
 * for which the path to the node matches exactly the first i words of the key.
 * A child's set follows from its parent's alone, so no node is entered twice,
 * however many multi-word wildcards a pattern has, and a node is entered only
 * if its whole path matches some beginning of the key. The cost is at most
 * (nodes entered) x (distinct words of the key) table look-ups, whatever else
 * is bound. There is no recursion, and no allocation: the caller brings
 * &struct mqk_topic_scratch.
 *
 * States of a node::
 *
 *   insert        caller sets value       caller clears value, prune
 *   --------> bare ----------------> live -----------------------> gone
 *              |                      ^ (or stays, as part of a
 *              | prune                |  longer pattern's path)
 *              +-----> gone           +-- insert finds it again
 *
 * The trie promises
 *
 * - a match reports every value that was there from its beginning to its end,
 *   and each once; one that comes or goes meanwhile may be reported or not;
 * - a failed insert leaves nothing behind;
 * - a node that readers may still see is freed only after a grace period;
 * - memory in use never exceeds the sum of mqk_topic_pattern_bytes() over the
 *   live patterns (plus the root), however these share their nodes.
 *
 * It does not promise an order among the values, nor does it free or count
 * them, nor tell patterns apart that mean the same (``#`` and ``#.#``).
 *
 * Locks: insert, find and prune, and every change of a value, under the mutex
 * named to mqk_topic_init(). Match under rcu_read_lock() alone. A value that
 * was taken out must outlive a grace period.
 */

#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/types.h>

#include "util/posset.h"

struct mutex;

/* Longest pattern and key in bytes; most words in either. */
#define MQK_TOPIC_MAX_LEN	255
#define MQK_TOPIC_MAX_WORDS	128

/**
 * enum mqk_topic_dialect - how texts are split, and which words are wildcards
 * @MQK_TOPIC_AMQP: words between dots, ``*`` and ``#``
 * @MQK_TOPIC_MQTT: levels between slashes, ``+`` and ``#``
 */
enum mqk_topic_dialect {
	MQK_TOPIC_AMQP,
	MQK_TOPIC_MQTT,
};

/**
 * struct mqk_topic_node - the end of one path of words
 * @value: the user's, read under RCU and written under the trie's mutex
 * @edge: in the trie's table, if the word is literal
 * @parent: the path without the last word; never changes
 * @single: child by the single-word wildcard
 * @multi: child by the multi-word wildcard
 * @rcu: defers the freeing
 * @hash: of the word
 * @literals: number of literal children
 * @kind: literal or which wildcard
 * @len: bytes in the word
 * @word: the word
 *
 * Only @value is the user's business.
 */
struct mqk_topic_node {
	void __rcu		*value;
	struct rhash_head	edge;
	struct mqk_topic_node	*parent;
	struct mqk_topic_node __rcu *single;
	struct mqk_topic_node __rcu *multi;
	struct rcu_head		rcu;
	u32			hash;
	unsigned int		literals;
	u8			kind;
	u8			len;
	u8			word[] __counted_by(len);
};

/**
 * struct mqk_topic - the patterns of one exchange
 * @lock: the owner's mutex, held by whoever changes the trie
 * @dialect: never changes
 * @nodes: nodes in the trie besides the root (under @lock)
 * @bytes: what these nodes take, their share of the table included (@lock)
 * @root: the pattern without words
 * @edges: all literal edges
 * @key: secret of the word hash, so that no one can choose colliding words
 */
struct mqk_topic {
	struct mutex		*lock;
	enum mqk_topic_dialect	dialect;
	unsigned int		nodes;
	size_t			bytes;
	struct mqk_topic_node	*root;
	struct rhashtable	edges;
	hsiphash_key_t		key;
};

/* A distinct word of the key, and the positions where it stands. */
struct mqk_topic_key_word {
	struct mqk_posset	at;
	u32			hash;
	u8			offset;
	u8			len;
};

/* A node being visited: its positions, and which child comes next. */
struct mqk_topic_frame {
	struct mqk_topic_node	*node;
	struct mqk_posset	set;
	u8			step;
};

/**
 * struct mqk_topic_scratch - working memory of one match
 * @visits: result: nodes entered by the last match
 * @lookups: result: look-ups in the table of edges by the last match
 * @words: words in the key
 * @distinct: distinct words among them
 * @key: the key
 * @all: positions 0 to @words
 * @index: position to distinct word
 * @word: the distinct words
 * @stack: the path from the root to the node being visited
 *
 * About 9.3 KiB: one per processor or per publisher, never on a stack. Needs no
 * initialisation; one match at a time may use it.
 */
struct mqk_topic_scratch {
	unsigned int		visits;
	unsigned int		lookups;
	unsigned int		words;
	unsigned int		distinct;
	const u8		*key;
	struct mqk_posset	all;
	u8			index[MQK_TOPIC_MAX_WORDS];
	struct mqk_topic_key_word word[MQK_TOPIC_MAX_WORDS];
	struct mqk_topic_frame	stack[MQK_TOPIC_MAX_WORDS + 1];
};

int mqk_topic_check(const u8 *pattern, unsigned int len,
		    enum mqk_topic_dialect dialect, unsigned int max_multi);
int mqk_topic_check_key(const u8 *key, unsigned int len,
			enum mqk_topic_dialect dialect);
size_t mqk_topic_pattern_bytes(const u8 *pattern, unsigned int len,
			       enum mqk_topic_dialect dialect);

int mqk_topic_init(struct mqk_topic *t, enum mqk_topic_dialect dialect,
		   struct mutex *lock);
void mqk_topic_destroy(struct mqk_topic *t);

struct mqk_topic_node *mqk_topic_insert(struct mqk_topic *t, const u8 *pattern,
					unsigned int len);
struct mqk_topic_node *mqk_topic_find(struct mqk_topic *t, const u8 *pattern,
				      unsigned int len);
void mqk_topic_prune(struct mqk_topic *t, struct mqk_topic_node *node);

int mqk_topic_match(struct mqk_topic *t, const u8 *key, unsigned int len,
		    struct mqk_topic_scratch *s,
		    int (*fn)(void *value, void *arg), void *arg);

#endif
