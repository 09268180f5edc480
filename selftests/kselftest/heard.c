// SPDX-License-Identifier: GPL-2.0-only
#include "heard.h"

#include <errno.h>
#include <string.h>

int heard_take(struct consumer *c, struct heard *e, int ms)
{
	struct mqk_read r = {
		.size = sizeof(r), .consumer = c->c.id, .offset = MQK_RECORD_KEY,
		.data = (uintptr_t)e->record, .len = sizeof(e->record),
	};
	struct mqk_delivery *d = &e->d;
	int err = consumer_next(c, d, ms);

	if (err)
		return err;
	r.tag = d->tag;
	err = mq(c->fd, MQK_IOC_READ, &r);
	if (err)
		return err;
	memset(e->key, 0, sizeof(e->key));
	memset(e->body, 0, sizeof(e->body));
	memcpy(e->key, e->record, d->key_len);
	e->headers = e->record + MQK_RECORD_HEADERS(d->key_len) - MQK_RECORD_KEY;
	e->headers_len = d->headers_len;
	e->payload = e->record + MQK_RECORD_PAYLOAD(d->key_len, d->headers_len) -
		     MQK_RECORD_KEY;
	memcpy(e->body, e->payload, d->payload_len < sizeof(e->body) ? d->payload_len :
								       sizeof(e->body) - 1);
	return consumer_settle(c, d->tag, MQK_ACK_ACCEPT, 0) == 1 ? 0 : -EIO;
}

const void *headers_find(const void *headers, __u32 headers_len, const char *name,
			 char type, __u32 *len)
{
	const __u8 *at = headers, *end = at + headers_len;

	for (; at < end;) {
		__u32 name_len = at[1], value_len = at[2] | at[3] << 8;

		if (at[0] == (__u8)type && name_len == strlen(name) &&
		    !memcmp(at + 4, name, name_len)) {
			*len = value_len;
			return at + 4 + name_len;
		}
		at += (4 + name_len + value_len + 7) & ~7u;
	}
	return NULL;
}

const void *heard_header(const struct heard *e, const char *name, char type, __u32 *len)
{
	return headers_find(e->headers, e->headers_len, name, type, len);
}

bool heard_says(const struct heard *e, const char *name, const char *text)
{
	__u32 len;
	const void *value = heard_header(e, name, MQK_HEADER_STRING, &len);

	return value && len == strlen(text) && !memcmp(value, text, len);
}

__s64 heard_number(const struct heard *e, const char *name)
{
	__u32 len;
	const void *value = heard_header(e, name, MQK_HEADER_LONG, &len);
	__s64 number;

	if (!value || len != sizeof(number))
		return -1;
	memcpy(&number, value, sizeof(number));
	return number;
}

int heard_flag(const struct heard *e, const char *name)
{
	__u32 len;
	const __u8 *value = heard_header(e, name, MQK_HEADER_BOOL, &len);

	return value && len == 1 ? *value : -1;
}
