/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policies: arguments that all queues with certain names are to have.
 *
 * They lie in a file, a line for each: NAME PATTERN PRIORITY ARGUMENT..., words as of
 * batch (words.h).  The kernel knows nothing of them: applying them changes queues.
 */
#ifndef MQKCTL_POLICIES_H
#define MQKCTL_POLICIES_H

#include <regex.h>

#include "args.h"

/**
 * struct policy - a policy
 * @name: its name
 * @pattern: extended regular expression that a queue's name has to match somewhere
 * @regex: the same
 * @priority: the highest one that matches a queue counts; of equals, the first name
 * @arg: arguments, as --arg takes them, up to a NULL
 * @nargs: how many
 */
struct policy {
	char *name;
	char *pattern;
	regex_t regex;
	int64_t priority;
	char **arg;
	int nargs;
};

struct policies {
	struct policy *policy;		/* by name */
	int n;
};

/* No file is no policies.  DONE, or a status with the reason printed. */
int policies_load(struct ctl *ctl, const char *file, struct policies *all);
/* In the place of the file, all of it or nothing. */
int policies_save(struct ctl *ctl, const char *file, const struct policies *all);
void policies_free(struct policies *all);
/* Make one, or change it to this; its words are copied. */
int policies_set(struct ctl *ctl, struct policies *all, char **word, int n);
/* False: there is none of that name. */
bool policies_delete(struct policies *all, const char *name);
/* The one that counts for a queue, or NULL. */
const struct policy *policies_for(const struct policies *all, const char *queue);

#endif /* MQKCTL_POLICIES_H */
