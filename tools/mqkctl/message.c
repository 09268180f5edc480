// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "message.h"
#include "property.h"
#include "text.h"

#define NAMES	64	/* a power of two */

/**
 * struct exchange_name - an exchange that was looked up
 * @id: its id, 0: none
 * @known: it was there
 * @name: its name
 */
struct exchange_name {
	uint32_t id;
	bool known;
	char name[MQK_NAME_MAX + 1];
};

int printer_init(struct printer *p, struct ctl *ctl, struct mqk *m,
		 const struct args *args)
{
	p->ctl = ctl;
	p->m = m;
	p->queue = args->pos[0];
	p->raw = args_has(args, OPT_RAW);
	p->names = calloc(NAMES, sizeof(*p->names));
	if (p->raw && ctl->json) {
		free(p->names);
		return bad_usage(ctl, "--raw and -j exclude each other");
	}
	return p->names ? DONE : out_of_memory(ctl);
}

void printer_destroy(struct printer *p)
{
	free(p->names);
}

/* NULL: it was deleted. */
static const char *exchange_name(struct printer *p, uint32_t id)
{
	struct exchange_name *n = &p->names[id & (NAMES - 1)];
	struct mqk_exchange_info info = { .sz = sizeof(info) };

	if (!n->known || n->id != id) {
		n->id = id;
		n->known = !mqk_exchange_get(p->m, id, &info);
		if (n->known)
			memcpy(n->name, info.name, sizeof(n->name));
	}
	return n->known ? n->name : NULL;
}

static void message_json(struct printer *p, const struct mqk_msg *msg)
{
	const struct mqk_delivery *d = &msg->d;
	const char *exchange = exchange_name(p, d->exchange);
	struct json j;

	json_begin(&j, stdout);
	json_string(&j, "queue", p->queue);
	if (exchange)
		json_string(&j, "exchange", exchange);
	else
		json_null(&j, "exchange");
	json_text(&j, "key", msg->key, d->key_len);
	json_u64(&j, "tag", d->tag);
	json_bool(&j, "redelivered", d->flags & MQK_DELIVERY_F_REDELIVERED);
	json_u64(&j, "delivery_count", d->count);
	json_u64(&j, "priority", d->priority);
	json_u64(&j, "seq", d->seq);
	json_u64(&j, "uid", d->uid);
	json_u64(&j, "pid", d->pid);
	properties_json(&j, msg);
	headers_json(&j, "headers", msg->headers, d->headers_len);
	json_u64(&j, "bytes", d->payload_len);
	if (utf8_valid(msg->payload, d->payload_len))
		json_text(&j, "data", msg->payload, d->payload_len);
	else
		json_base64(&j, "data_base64", msg->payload, d->payload_len);
	json_end(&j);
}

static void print_word(const char *title, const void *s, size_t len)
{
	char *escaped = text_escape(s, len);
	bool plain = escaped && *escaped && !strpbrk(escaped, " \"\\");

	printf(plain ? " %s %s" : " %s \"%s\"", title,
	       escaped ? escaped : "?");
	free(escaped);
}

static void message_print(struct printer *p, const struct mqk_msg *msg)
{
	const struct mqk_delivery *d = &msg->d;
	const char *exchange = exchange_name(p, d->exchange);

	printf("%" PRIu64 ":", d->tag ? (uint64_t)d->tag : (uint64_t)d->seq);
	if (exchange)
		print_word("exchange", exchange, strlen(exchange));
	else
		fputs(" exchange (deleted)", stdout);
	print_word("key", msg->key, d->key_len);
	printf(" bytes %" PRIu32 " uid %" PRIu32 " pid %" PRIu32 "%s\n",
	       d->payload_len, d->uid, d->pid,
	       d->flags & MQK_DELIVERY_F_REDELIVERED ? " redelivered" : "");
	headers_print(stdout, msg->headers, d->headers_len);
	if (d->payload_len) {
		text_print(stdout, msg->payload, d->payload_len, "    ");
		if (((const char *)msg->payload)[d->payload_len - 1] != '\n')
			putchar('\n');
	}
}

void printer_message(struct printer *p, const struct mqk_msg *msg)
{
	if (p->ctl->json) {
		message_json(p, msg);
	} else if (p->raw) {
		fwrite(msg->payload, 1, msg->d.payload_len, stdout);
		putchar('\n');
	} else {
		message_print(p, msg);
	}
}

/* Have room; what was there is not needed any more. */
static bool grow(struct mqk_buffer *b, size_t size)
{
	if (size <= b->size)
		return true;
	mqk_buffer_free(b);
	b->size = 0;
	b->data = malloc(size + size / 4);
	if (b->data)
		b->size = size + size / 4;
	return b->data != NULL;
}

const struct mqk_msg *snapshot_take(struct snapshot *s,
				    const struct mqk_msg *msg)
{
	const struct mqk_delivery *d = &msg->d;
	unsigned char *p;

	if (!grow(&s->buf, (size_t)d->key_len + d->headers_len +
			   d->payload_len + 1))
		return NULL;
	s->msg.d = *d;
	s->msg.key = p = s->buf.data;
	memcpy(p, msg->key, d->key_len);
	s->msg.headers = p += d->key_len;
	memcpy(p, msg->headers, d->headers_len);
	s->msg.payload = p += d->headers_len;
	memcpy(p, msg->payload, d->payload_len);
	return &s->msg;
}

void snapshot_free(struct snapshot *s)
{
	mqk_buffer_free(&s->buf);
}

bool printer_flush(void)
{
	errno = 0;
	return !fflush(stdout) && !ferror(stdout);
}

int printer_failed(struct ctl *ctl, const char *outcome)
{
	const char *reason = errno ? strerror(errno) : "cannot be written";

	return refuse(ctl, "standard output: %s; %s", reason, outcome);
}
