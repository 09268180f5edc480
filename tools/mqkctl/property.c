// SPDX-License-Identifier: GPL-2.0-only
#include "property.h"

#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "number.h"

/**
 * struct property - a row for each that --property takes
 * @name: its name
 * @type: type of the header of that name; 0: @set puts it into the head
 * @wants: what its value is, for people
 * @set: for those in the head of a message: whether the value is good
 */
struct property {
	const char *name;
	int type;
	const char *wants;
	bool (*set)(struct mqk_message *msg, const char *value);
};

static bool set_priority(struct mqk_message *msg, const char *value)
{
	int64_t n;

	if (!number_i64(value, 0, UINT8_MAX, &n))
		return false;
	msg->priority = (uint8_t)n;
	return true;
}

static bool set_expiration(struct mqk_message *msg, const char *value)
{
	int64_t n;

	if (!number_i64(value, 0, UINT32_MAX, &n))
		return false;
	msg->expiration = (uint32_t)n;
	msg->flags |= MQK_MSG_F_EXPIRATION;
	return true;
}

static const struct property table[] = {
#define TEXT(name)	{ MQK_PROPERTY_##name, MQK_HEADER_STRING, "a text", NULL }
	TEXT(CONTENT_TYPE),
	TEXT(CONTENT_ENCODING),
	TEXT(CORRELATION_ID),
	TEXT(REPLY_TO),
	TEXT(MESSAGE_ID),
	TEXT(TYPE),
	TEXT(APP_ID),
	TEXT(GROUP_ID),
#undef TEXT
	{ MQK_PROPERTY_TIMESTAMP, MQK_HEADER_TIMESTAMP,
	  "a number of seconds since 1970", NULL },
	{ MQK_PROPERTY_USER_ID, MQK_HEADER_LONG, "the number of a user", NULL },
	{ "priority", 0, "a number from 0 to 255", set_priority },
	{ "expiration", 0, "a number of milliseconds from 0 to 4294967295",
	  set_expiration },
};

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

static const struct property *find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < NR(table); i++)
		if (strlen(table[i].name) == len &&
		    !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static int unknown(struct ctl *ctl, const char *text, int len)
{
	char names[256] = "";
	size_t i, at = 0;

	for (i = 0; i < NR(table) && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
				       i ? ", " : "", table[i].name);
	return bad_usage(ctl, "--property %s: '%.*s' is no property; there are %s; others are headers (--header)",
			 text, len, text, names);
}

/* 0, -EINVAL for a bad value, or as mqk_headers_add() */
static int put(struct mqk_message *msg, struct mqk_headers *h,
	       const struct property *p, const char *value)
{
	int64_t n;

	switch (p->type) {
	case 0:
		return p->set(msg, value) ? 0 : -EINVAL;
	case MQK_HEADER_STRING:
		return mqk_headers_add_string(h, p->name, value);
	case MQK_HEADER_TIMESTAMP:
		if (!number_i64(value, INT64_MIN, INT64_MAX, &n))
			return -EINVAL;
		return mqk_headers_add_timestamp(h, p->name, n);
	default:
		if (!number_i64(value, 0, UINT32_MAX, &n))
			return -EINVAL;
		return mqk_headers_add_int(h, p->name, n);
	}
}

static int add(struct ctl *ctl, struct mqk_message *msg, struct mqk_headers *h,
	       const char *text, uint64_t *seen)
{
	size_t len = strcspn(text, "=");
	const struct property *p = find(text, len);
	int err;

	if (!p)
		return unknown(ctl, text, (int)len);
	if (!text[len])
		return bad_usage(ctl, "--property %s: give %s=VALUE", text,
				 p->name);
	if (*seen >> (p - table) & 1)
		return bad_usage(ctl, "--property %s is given twice", p->name);
	*seen |= (uint64_t)1 << (p - table);
	err = put(msg, h, p, text + len + 1);
	if (err == -EINVAL)
		return bad_usage(ctl, "--property %s: '%s' is not %s", text,
				 text + len + 1, p->wants);
	if (err)
		return bad_usage(ctl, "--property %s: with all headers it takes more than %d bytes",
				 p->name, MQK_HEADERS_MAX);
	return DONE;
}

int properties_build(struct ctl *ctl, const struct args *args,
		     struct mqk_message *msg, struct mqk_headers *h)
{
	const char *text;
	int pos = 0, status = DONE;
	uint64_t seen = 0;

	if (!args_has(args, OPT_PROPERTY))
		return DONE;
	if (!headers_room(h))
		return out_of_memory(ctl);
	while (!status && (text = args_each(args, OPT_PROPERTY, &pos)))
		status = add(ctl, msg, h, text, &seen);
	return status;
}

bool property_is(const struct mqk_header_view *v)
{
	return v->type == mqk_property_type(v->name, v->name_len);
}

static void text_json(struct json *j, const char *name,
		      const struct mqk_text *text)
{
	if (text->at)
		json_text(j, name, text->at, text->len);
}

void properties_json(struct json *j, const struct mqk_msg *msg)
{
	struct mqk_properties p = { .sz = sizeof(p) };

	if (mqk_properties_get(msg, &p) <= 0)
		return;
	json_open(j, "properties", '{');
	text_json(j, "content_type", &p.content_type);
	text_json(j, "content_encoding", &p.content_encoding);
	text_json(j, "correlation_id", &p.correlation_id);
	text_json(j, "reply_to", &p.reply_to);
	text_json(j, "message_id", &p.message_id);
	text_json(j, "type", &p.type);
	text_json(j, "app_id", &p.app_id);
	text_json(j, "group_id", &p.group_id);
	if (p.timestamp_set)
		json_i64(j, "timestamp", p.timestamp);
	if (p.user_id_set)
		json_u64(j, "user_id", p.user_id);
	json_close(j, '}');
}
