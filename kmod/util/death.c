// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deaths in headers.
 */
#include "util/death.h"

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "util/headers.h"
#include "util/record.h"

#define HEAD	sizeof(struct mqk_header)

static const char * const names[] = {
	[MQK_REASON_NONE] = "none",
	[MQK_REASON_REJECTED] = "rejected",
	[MQK_REASON_EXPIRED] = "expired",
	[MQK_REASON_MAXLEN] = "maxlen",
	[MQK_REASON_DELIVERY_LIMIT] = "delivery_limit",
};

/**
 * mqk_reason_name() - the name of a reason
 * @reason: MQK_REASON_*
 *
 * Return: as x-death has it
 */
const char *mqk_reason_name(enum mqk_reason reason)
{
	return names[reason];
}

/* ---- writing ---- */

/* Where headers are written; what does not fit sets @full. */
struct writer {
	u8 *start;
	u32 len;
	u32 room;
	bool full;
};

static void put(struct writer *w, const void *bytes, u32 len)
{
	if (w->full || len > w->room - w->len) {
		w->full = true;
		return;
	}
	memcpy(w->start + w->len, bytes, len);
	w->len += len;
}

/* Begin a header; where it begins, for end(). */
static u32 begin(struct writer *w, u8 type, const char *name)
{
	u8 head[HEAD] = { type, strlen(name) };
	u32 at = w->len;

	put(w, head, sizeof(head));
	put(w, name, strlen(name));
	return at;
}

/* All that was written since is its value. */
static void end(struct writer *w, u32 at)
{
	static const u8 zeros[8];
	u32 len = w->len - at;
	u8 *head = w->start + at;

	if (w->full)
		return;
	put(w, zeros, -len & 7);
	len -= HEAD + head[1];
	head[2] = len;
	head[3] = len >> 8;
}

static void put_value(struct writer *w, u8 type, const char *name, const void *value,
		      u32 len)
{
	u32 at = begin(w, type, name);

	put(w, value, len);
	end(w, at);
}

static void put_text(struct writer *w, const char *name, const char *text)
{
	put_value(w, MQK_HEADER_STRING, name, text, strlen(text));
}

static void put_span(struct writer *w, const char *name, struct mqk_span s)
{
	if (s.at)
		put_value(w, MQK_HEADER_STRING, name, s.at, s.len);
}

static void put_number(struct writer *w, u8 type, const char *name, u64 n)
{
	u8 bytes[8];
	u32 i;

	for (i = 0; i < sizeof(bytes); i++, n >>= 8)
		bytes[i] = n;
	put_value(w, type, name, bytes, sizeof(bytes));
}

static void put_decimal(struct writer *w, const char *name, u64 n)
{
	char digits[20];
	u32 at = sizeof(digits);

	do {
		digits[--at] = '0' + n % 10;
		n /= 10;
	} while (n);
	put_value(w, MQK_HEADER_STRING, name, digits + at, sizeof(digits) - at);
}

/* ---- looking ---- */

/* The first header of a name, if it has that type. */
static bool find(const u8 *p, u32 len, const char *name, u8 type,
		 struct mqk_header_at *h)
{
	while (mqk_header_next(&p, &len, h))
		if (mqk_header_is(h, name))
			return h->type == type;
	return false;
}

/* What matters of an entry of x-death. */
struct entry {
	struct mqk_header_at queue;
	struct mqk_header_at reason;
	struct mqk_header_at count;
	struct mqk_span exchange;	/* may be missing */
};

/* Whether it is one. */
static bool is_entry(const struct mqk_header_at *h, struct entry *e)
{
	struct mqk_header_at x;

	e->exchange = (struct mqk_span) {};
	if (h->type == MQK_HEADER_TABLE &&
	    find(h->value, h->value_len, "exchange", MQK_HEADER_STRING, &x))
		e->exchange = (struct mqk_span) { x.value, x.value_len };
	return h->type == MQK_HEADER_TABLE &&
	       find(h->value, h->value_len, "queue", MQK_HEADER_STRING, &e->queue) &&
	       find(h->value, h->value_len, "reason", MQK_HEADER_STRING, &e->reason) &&
	       find(h->value, h->value_len, "count", MQK_HEADER_LONG, &e->count);
}

static bool is(const struct mqk_header_at *h, const void *bytes, u32 len)
{
	return h->value_len == len && !memcmp(h->value, bytes, len);
}

static bool is_text(const struct mqk_header_at *h, const char *text)
{
	return is(h, text, strlen(text));
}

/* The entries of x-death, to be gone through. */
struct deaths {
	const u8 *p;
	u32 len;
};

static void deaths_of(const u8 *headers, u32 len, struct deaths *d)
{
	struct mqk_header_at h;

	*d = (struct deaths) {};
	if (find(headers, len, "x-death", MQK_HEADER_ARRAY, &h))
		*d = (struct deaths) { h.value, h.value_len };
}

/* The next one, and where it begins. */
static bool next_death(struct deaths *d, struct entry *e, const u8 **at)
{
	struct mqk_header_at h;

	for (;;) {
		*at = d->p;
		if (!mqk_header_next(&d->p, &d->len, &h))
			return false;
		if (is_entry(&h, e))
			return true;
	}
}

/* ---- a death ---- */

static bool starts_with(const struct mqk_header_at *h, const char *start)
{
	return h->name_len >= strlen(start) && !memcmp(h->name, start, strlen(start));
}

/* All headers that stay as they are. */
static void put_others(struct writer *w, const struct mqk_death *d, const u8 *p,
		       u32 len)
{
	struct mqk_header_at h;

	while (mqk_header_next(&p, &len, &h)) {
		const u8 *at = h.name - HEAD;

		if (mqk_header_is(&h, "x-death") || starts_with(&h, "x-last-death-") ||
		    (d->forget && mqk_header_is(&h, "CC")))
			continue;
		put(w, at, mqk_header_size(at));
	}
}

/* The key and what CC holds, whose strings are encoded as they are here. */
static void put_keys(struct writer *w, const struct mqk_death *d, const u8 *headers,
		     u32 len)
{
	u32 at = begin(w, MQK_HEADER_ARRAY, "routing-keys");
	struct mqk_header_at h;

	put_value(w, MQK_HEADER_STRING, "", d->key.at, d->key.len);
	while (d->further && mqk_header_next(&headers, &len, &h)) {
		if (!mqk_header_is(&h, "CC"))
			continue;
		if (h.type == MQK_HEADER_STRING)
			put_value(w, MQK_HEADER_STRING, "", h.value, h.value_len);
		else if (h.type == MQK_HEADER_ARRAY)
			put(w, h.value, h.value_len);
		break;
	}
	end(w, at);
}

static void put_new(struct writer *w, const struct mqk_death *d, const u8 *headers,
		    u32 len)
{
	u32 at = begin(w, MQK_HEADER_TABLE, "");

	put_number(w, MQK_HEADER_LONG, "count", 1);
	put_text(w, "reason", names[d->reason]);
	put_span(w, "queue", d->queue);
	put_number(w, MQK_HEADER_TIMESTAMP, "time", d->time);
	put_span(w, "exchange", d->exchange);
	put_keys(w, d, headers, len);
	if (d->expiration >= 0)
		put_decimal(w, "original-expiration", d->expiration);
	end(w, at);
}

/* One that is there already: it has died there once more for that reason. */
static void put_again(struct writer *w, const struct entry *e, const u8 *at)
{
	u8 *count = w->start + w->len + (e->count.value - at);
	u32 i;

	put(w, at, mqk_header_size(at));
	for (i = 0; !w->full && i < 8 && !++count[i]; i++)
		;
}

/* The one entry for this queue and reason. */
static bool same(const struct entry *e, const struct mqk_death *d)
{
	return is(&e->queue, d->queue.at, d->queue.len) &&
	       is_text(&e->reason, names[d->reason]);
}

/* The entry of this death, where there is one already, and where it begins. */
static bool find_death(const struct mqk_death *d, const u8 *headers, u32 len,
		       struct entry *e, const u8 **at)
{
	struct deaths old;

	deaths_of(headers, len, &old);
	while (next_death(&old, e, at))
		if (same(e, d))
			return true;
	return false;
}

/* The first death and this one; @exchange: as the entry in x-death has it. */
static void put_ends(struct writer *w, const struct mqk_death *d,
		     struct mqk_span exchange, const u8 *headers, u32 len)
{
	struct mqk_header_at h;

	if (!find(headers, len, "x-first-death-queue", MQK_HEADER_STRING, &h)) {
		put_text(w, "x-first-death-reason", names[d->reason]);
		put_span(w, "x-first-death-queue", d->queue);
		put_span(w, "x-first-death-exchange", exchange);
	}
	put_text(w, "x-last-death-reason", names[d->reason]);
	put_span(w, "x-last-death-queue", d->queue);
	put_span(w, "x-last-death-exchange", exchange);
}

/*
 * This death, and those before it, as many as fit.  Returns false when some do not,
 * and nobody has rejected the message in those that do: nothing tells then whether
 * it goes in a circle.
 */
static bool put_deaths(struct writer *w, const struct mqk_death *d, const u8 *headers,
		       u32 len)
{
	bool rejected = d->reason == MQK_REASON_REJECTED;
	u32 at = begin(w, MQK_HEADER_ARRAY, "x-death"), n = 1;
	struct deaths old;
	struct entry e;
	const u8 *p;

	if (find_death(d, headers, len, &e, &p))
		put_again(w, &e, p);
	else
		put_new(w, d, headers, len);

	deaths_of(headers, len, &old);
	while (!w->full && next_death(&old, &e, &p)) {
		u32 size = mqk_header_size(p);

		if (same(&e, d))
			continue;
		if (n++ == MQK_DEATHS_MAX || size + 7 > w->room - w->len) {
			end(w, at);
			return rejected;
		}
		put(w, p, size);
		rejected |= is_text(&e.reason, names[MQK_REASON_REJECTED]);
	}
	end(w, at);
	return true;
}

/**
 * mqk_death_write() - the headers of a dead letter
 * @d: the death
 * @headers: those that the message had; checked
 * @len: bytes of them
 * @to: where they go
 * @room: bytes there
 *
 * At most MQK_DEATHS_MAX deaths are told, fewer where they do not fit.
 *
 * Return: bytes of them; -EMSGSIZE when there is no room for this death, or none for
 * all of those since the message was rejected
 */
int mqk_death_write(const struct mqk_death *d, const u8 *headers, u32 len, u8 *to,
		    u32 room)
{
	struct writer w = { .start = to, .room = room };
	struct mqk_span exchange = d->exchange;
	struct entry e;
	const u8 *at;
	bool told;

	if (find_death(d, headers, len, &e, &at))
		exchange = e.exchange;
	put_others(&w, d, headers, len);
	put_ends(&w, d, exchange, headers, len);
	told = put_deaths(&w, d, headers, len);
	return w.full || !told ? -EMSGSIZE : (int)w.len;
}

/**
 * mqk_death_cycles() - whether a dead letter would come back to where it died
 * @headers: its headers, checked
 * @len: bytes of them
 * @queue: name of the queue that it would enter
 * @queue_len: bytes of it
 *
 * Return: true when it died there, and nobody has rejected it since
 */
bool mqk_death_cycles(const u8 *headers, u32 len, const u8 *queue, u32 queue_len)
{
	struct deaths d;
	struct entry e;
	const u8 *at;

	deaths_of(headers, len, &d);
	while (next_death(&d, &e, &at)) {
		if (is_text(&e.reason, names[MQK_REASON_REJECTED]))
			return false;
		if (is(&e.queue, queue, queue_len))
			return true;
	}
	return false;
}

/**
 * mqk_death_queue() - where a message died last
 * @headers: its headers, checked
 * @len: bytes of them
 *
 * Return: the name of the queue, in the headers; none when it did not die
 */
struct mqk_span mqk_death_queue(const u8 *headers, u32 len)
{
	struct deaths d;
	struct entry e;
	const u8 *at;

	deaths_of(headers, len, &d);
	if (!next_death(&d, &e, &at))
		return (struct mqk_span) {};
	return (struct mqk_span) { e.queue.value, e.queue.value_len };
}
