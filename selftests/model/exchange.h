/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_EXCHANGE_H
#define MODEL_EXCHANGE_H

/* Exchanges, and the bindings that lead from them to queues and exchanges. */

#include "message.h"

struct broker;

enum kind {
	DEFAULT, DIRECT, FANOUT, TOPIC, HEADERS, HASH, LAST_VALUE, NR_KINDS
};

#define F_DURABLE	1u
#define F_AUTO_DELETE	2u
#define F_INTERNAL	4u
#define F_EXCLUSIVE	8u
#define F_PASSIVE	16u

struct exchange {
	char name[NAME_ROOM];
	enum kind kind;
	unsigned int flags;
	struct table args;
};

struct binding {
	char from[NAME_ROOM];
	char to[NAME_ROOM];
	bool to_exchange;
	char key[NAME_ROOM];
	struct table args;
};

/* As on the wire: "direct", "x-consistent-hash", ... */
int exchange_declare(struct broker *b, const char *name, const char *type, unsigned int flags,
		     const struct table *args);
int exchange_delete(struct broker *b, const char *name, bool if_unused);
struct exchange *exchange_find(struct broker *b, const char *name);
const struct topic_dialect *exchange_dialect(const struct exchange *x);

/* errno; *made tells whether there is one more than before */
int binding_make(struct broker *b, unsigned int session, const struct binding *binding,
		 bool *made);
int binding_remove(struct broker *b, unsigned int session, const struct binding *binding);
/* Remove all from or to something that goes. */
void binding_remove_all(struct broker *b, const char *name, bool exchange);
bool binding_matches(const struct exchange *x, const struct binding *binding,
		     const struct message *m);
/* headers_match.c */
bool headers_match(const struct table *args, const struct table *headers);
int headers_check(const struct table *args);
/* consistent_hash.c: the binding that gets a message, or NULL */
const struct binding *hash_choose(const struct broker *b, const struct exchange *x,
				  const struct message *m);
int hash_check_key(const char *key);

#endif
