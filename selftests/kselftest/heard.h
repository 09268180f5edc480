/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes through the broker's own exchanges: a message with its key, headers and
 * text, as a copy.
 */
#ifndef MQK_TEST_HEARD_H
#define MQK_TEST_HEARD_H

#include "rings_consumer.h"

struct heard {
	char key[256];
	char body[600];			/* its first bytes */
	__u8 record[144 * 1024];
	const __u8 *headers;
	const __u8 *payload;
	__u32 headers_len;
	struct mqk_delivery d;
};

/* The next one, which is acknowledged: 0 or -errno. */
int heard_take(struct consumer *c, struct heard *e, int ms);

/* The value of a header of that type, or NULL. */
const void *heard_header(const struct heard *e, const char *name, char type, __u32 *len);
/* The same, among @headers. */
const void *headers_find(const void *headers, __u32 headers_len, const char *name,
			 char type, __u32 *len);
/* Whether it is that string. */
bool heard_says(const struct heard *e, const char *name, const char *text);
/* Its number, or -1. */
__s64 heard_number(const struct heard *e, const char *name);
/* Its bool, or -1. */
int heard_flag(const struct heard *e, const char *name);

#endif /* MQK_TEST_HEARD_H */
