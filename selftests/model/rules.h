/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

/* What the arguments of a queue ask for. */

#include "value.h"

#define NEVER		UINT64_MAX
#define UNLIMITED	INT64_MAX
#define MAX_PRIORITY	31
#define MAX_LEVELS	32
#define MAX_MS		4294967295ll

enum overflow {
	DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX, BLOCK,
};

struct rules {
	int64_t message_ttl, expires;		/* ms, -1: none */
	int64_t max_length, max_bytes;		/* of what is ready */
	enum overflow overflow;
	int64_t block_timeout;			/* ms */
	bool dead_letters;
	char dead_exchange[NAME_ROOM];
	bool has_dead_key;
	char dead_key[NAME_ROOM];
	unsigned int max_priority;
	bool single_active, force_handover;
	int64_t delivery_limit;			/* failures it survives, -1: any */
	int64_t consumer_timeout;		/* ms, -1: none */
	int64_t retry_delay, retry_max;		/* ms, 0: at once */
	bool exponential;
	unsigned int levels, demote_after;	/* 0: no levels */
	bool groups;
	int64_t dedup_window;			/* ms, 0: none */
};

/* -EINVAL for an argument that is unknown, of another type, out of range or at odds with another */
int rules_read(struct rules *rules, const struct table *args);
/* Whether an argument may change while the queue lives. */
bool rules_may_change(const char *name);

#endif
