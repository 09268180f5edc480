/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_TOPIC_H
#define MODEL_TOPIC_H

/* Patterns of words, in AMQP's dialect (a.*.#) and in MQTT's (a/+/#). */

#include <stdbool.h>

struct topic_dialect {
	char separator, single;
	bool guard;		/* a leading wildcard matches nothing that begins with $ */
};

extern const struct topic_dialect topic_amqp, topic_mqtt;

bool topic_matches(const struct topic_dialect *d, const char *pattern, const char *key);
/* 0 or -EINVAL */
int topic_check_pattern(const struct topic_dialect *d, const char *pattern);
int topic_check_key(const struct topic_dialect *d, const char *key);
/* Whether all that one MQTT filter matches is matched by another one. */
bool topic_covers(const char *wide, const char *narrow);

#endif
