// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Properties: headers with names that all agree upon.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "session.h"

static const struct text_property {
	const char *name;
	size_t offset;
} texts[] = {
#define TEXT(name, member) \
	{ MQK_PROPERTY_##name, offsetof(struct mqk_properties, member) }
	TEXT(CONTENT_TYPE, content_type),
	TEXT(CONTENT_ENCODING, content_encoding),
	TEXT(CORRELATION_ID, correlation_id),
	TEXT(REPLY_TO, reply_to),
	TEXT(MESSAGE_ID, message_id),
	TEXT(TYPE, type),
	TEXT(APP_ID, app_id),
	TEXT(GROUP_ID, group_id),
#undef TEXT
};

#define TEXTS	(sizeof(texts) / sizeof(texts[0]))

static struct mqk_text *text_of(struct mqk_properties *p, size_t i)
{
	return (struct mqk_text *)(void *)((char *)p + texts[i].offset);
}

static bool named(const char *property, const char *name, size_t len)
{
	return strlen(property) == len && !memcmp(property, name, len);
}

/* Index of the text property of a name, TEXTS: none. */
static size_t find_text(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < TEXTS; i++)
		if (named(texts[i].name, name, len))
			break;
	return i;
}

int mqk_property_type(const char *name, size_t name_len)
{
	if (named(MQK_PROPERTY_TIMESTAMP, name, name_len))
		return MQK_HEADER_TIMESTAMP;
	if (named(MQK_PROPERTY_USER_ID, name, name_len))
		return MQK_HEADER_LONG;
	return find_text(name, name_len) < TEXTS ? MQK_HEADER_STRING : 0;
}

static int add_all(struct mqk_headers *h, struct mqk_properties *p)
{
	int err = 0;
	size_t i;

	for (i = 0; i < TEXTS && !err; i++) {
		const struct mqk_text *t = text_of(p, i);

		if (t->at)
			err = mqk_headers_add(h, MQK_HEADER_STRING,
					      texts[i].name, t->at, t->len);
	}
	if (!err && p->timestamp_set)
		err = mqk_headers_add_timestamp(h, MQK_PROPERTY_TIMESTAMP,
						p->timestamp);
	if (!err && p->user_id_set)
		err = mqk_headers_add_int(h, MQK_PROPERTY_USER_ID, p->user_id);
	return err;
}

int mqk_properties_add(struct mqk_headers *h, const struct mqk_properties *p)
{
	struct mqk_properties mine;
	size_t len = h->len;
	int err;

	err = mqk_opts_take(&mine, sizeof(mine), p);
	if (!err)
		err = add_all(h, &mine);
	if (err)
		h->len = len;
	return err;
}

/* Take one header, if it is a property that was not there yet: 1, else 0. */
static int take(struct mqk_properties *p, const struct mqk_header_view *v,
		uint32_t uid)
{
	struct mqk_text *t;
	int64_t number;
	size_t i;

	if (v->type != mqk_property_type(v->name, v->name_len))
		return 0;
	i = find_text(v->name, v->name_len);
	if (i < TEXTS) {
		t = text_of(p, i);
		if (t->at)
			return 0;
		t->at = v->value;
		t->len = v->value_len;
		return 1;
	}
	if (mqk_header_int(v, &number))
		return 0;
	if (v->type == MQK_HEADER_TIMESTAMP) {
		if (p->timestamp_set)
			return 0;
		p->timestamp_set = true;
		p->timestamp = number;
		return 1;
	}
	if (p->user_id_set || number != (int64_t)uid)
		return 0;
	p->user_id_set = true;
	p->user_id = uid;
	return 1;
}

int mqk_properties_get(const struct mqk_msg *msg, struct mqk_properties *p)
{
	struct mqk_properties found = { .sz = sizeof(found) };
	struct mqk_header_view v;
	size_t pos = 0;
	int ret, n = 0;

	if (p->sz < sizeof(p->sz))
		return -EINVAL;
	while ((ret = mqk_headers_next(msg->headers, msg->d.headers_len, &pos,
				       &v)) > 0)
		n += take(&found, &v, msg->d.uid);
	if (ret < 0)
		return ret;
	mqk_info_give(p, &found, sizeof(found));
	return n;
}
