// SPDX-License-Identifier: GPL-2.0-only
/*
 * The format, read.
 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#include <linux/mqk.h>
#include <linux/mqk_log.h>

/* Bytes of the heads, and where their members are. */
#define HEAD		32
#define RECORD		40
#define DEFINITION	40
#define SUPER		512

static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | p[bytes];
	return n;
}

static bool zeros(const uint8_t *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

/* Whether the checksum at an offset is that of what follows it. */
static bool sound(const uint8_t *p, size_t at, size_t len, const uint8_t uuid[16])
{
	uint32_t crc = crc32c_of(0xffffffffu, uuid, 16);

	return get(p + at, 4) == (uint32_t)~crc32c_of(crc, p + at + 4, len - at - 4);
}

enum super_state super_read(const uint8_t *p, size_t len, struct super *s)
{
	unsigned int i;

	if (!len)
		return SUPER_EMPTY;
	if (len != SUPER || memcmp(p, MQK_LOG_SUPER_MAGIC, 8) || get(p + 12, 4) != SUPER ||
	    !sound(p, 8, SUPER, p + 40) || !zeros(p + 208, SUPER - 208))
		return SUPER_BAD;
	s->compat = get(p + 16, 8);
	s->ro_compat = get(p + 24, 8);
	s->incompat = get(p + 32, 8);
	memcpy(s->uuid, p + 40, 16);
	s->created = get(p + 56, 8);
	s->segment_size = get(p + 64, 8);
	s->sync = get(p + 72, 4);
	s->flags = get(p + 76, 4);
	for (i = 0; i < 16; i++)
		s->limit[i] = get(p + 80 + 8 * i, 8);
	if (s->flags & ~(uint32_t)MQK_LOG_SUPER_F_NOMAP)
		return SUPER_BAD;
	return SUPER_GOOD;
}

/* ---- encoded headers ---- */

/* Bytes of a value of fixed size; -1: any, -2: headers in it, -3: no such type. */
static int value_size(uint8_t type)
{
	switch (type) {
	case MQK_HEADER_BOOL:
	case MQK_HEADER_BYTE:
		return 1;
	case MQK_HEADER_SHORT:
		return 2;
	case MQK_HEADER_INT:
	case MQK_HEADER_FLOAT:
		return 4;
	case MQK_HEADER_LONG:
	case MQK_HEADER_DOUBLE:
	case MQK_HEADER_TIMESTAMP:
		return 8;
	case MQK_HEADER_VOID:
		return 0;
	case MQK_HEADER_STRING:
	case MQK_HEADER_BYTES:
		return -1;
	case MQK_HEADER_ARRAY:
	case MQK_HEADER_TABLE:
		return -2;
	}
	return -3;
}

/* The depth is bounded by the format. */
static bool headers_good(const uint8_t *p, size_t len, bool named, bool top, int depth)
{
	while (len) {
		size_t value, used, padded;
		int fixed;

		if (len < 8)
			return false;
		if (top && zeros(p, 8)) {
			p += 8;
			len -= 8;
			continue;
		}
		fixed = value_size(p[0]);
		value = get(p + 2, 2);
		used = 4 + (size_t)p[1] + value;
		padded = (used + 7) / 8 * 8;
		if (fixed == -3 || !p[1] == named || padded > len ||
		    (fixed >= 0 && value != (size_t)fixed) ||
		    (p[0] == MQK_HEADER_BOOL && p[4 + p[1]] > 1) ||
		    !zeros(p + used, padded - used))
			return false;
		if (fixed == -2 &&
		    (depth == MQK_HEADERS_DEPTH || value % 8 ||
		     !headers_good(p + 4 + p[1], value, p[0] == MQK_HEADER_TABLE, false,
				   depth + 1)))
			return false;
		p += padded;
		len -= padded;
	}
	return true;
}

/* ---- records ---- */

static bool is_definition(uint32_t type)
{
	return type == MQK_LOG_EXCHANGE || type == MQK_LOG_QUEUE || type == MQK_LOG_BINDING;
}

static uint32_t known_flags(uint32_t type)
{
	switch (type) {
	case MQK_LOG_EXCHANGE:
		return MQK_LOG_F_AUTO_DELETE | MQK_LOG_F_INTERNAL | MQK_LOG_F_ALL_RIGHTS;
	case MQK_LOG_QUEUE:
		return MQK_LOG_F_AUTO_DELETE | MQK_LOG_F_PAUSED | MQK_LOG_F_ALL_RIGHTS;
	default:
		return MQK_LOG_F_TO_EXCHANGE;
	}
}

static bool read_definition(const uint8_t *p, size_t len, struct record *r)
{
	size_t names, padded;

	if (len < DEFINITION)
		return false;
	r->flags = get(p, 4);
	r->kind = get(p + 4, 4);
	r->payer = get(p + 8, 4);
	r->uid = get(p + 12, 4);
	r->gid = get(p + 16, 4);
	r->mode = get(p + 20, 4);
	r->by_uid = get(p + 24, 4);
	r->by_gid = get(p + 28, 4);
	r->args.len = get(p + 32, 4);
	r->name.len = p[36];
	r->target.len = p[37];
	r->key.len = p[38];
	if (p[39] || r->flags & ~known_flags(r->type) || !r->name.len)
		return false;
	if ((r->type == MQK_LOG_EXCHANGE) != (r->kind != 0))
		return false;
	if (r->type == MQK_LOG_BINDING ?
	    !r->target.len || r->uid || r->gid || r->mode || r->by_uid || r->by_gid :
	    r->target.len || r->key.len || r->mode > 0777)
		return false;
	names = r->name.len + r->target.len + r->key.len;
	padded = (names + 7) / 8 * 8;
	if (r->args.len > MQK_HEADERS_MAX || r->args.len % 8 ||
	    len != DEFINITION + padded + r->args.len)
		return false;
	r->name.bytes = p + DEFINITION;
	r->target.bytes = r->name.bytes + r->name.len;
	r->key.bytes = r->target.bytes + r->target.len;
	r->args.bytes = r->name.bytes + padded;
	return !memchr(r->name.bytes, 0, r->name.len) &&
	       !memchr(r->target.bytes, 0, r->target.len) &&
	       zeros(r->name.bytes + names, padded - names) &&
	       headers_good(r->args.bytes, r->args.len, true, true, 0);
}

/* A record whose size and checksum are right, of whatever number and content. */
static bool sealed(const uint8_t *p, size_t len, size_t at, const uint8_t uuid[16],
		   struct record *r)
{
	if (len - at < RECORD)
		return false;
	memset(r, 0, sizeof(*r));
	p += at;
	r->at = at;
	r->size = get(p + 4, 4);
	r->seq = get(p + 8, 8);
	r->stable = get(p + 16, 8);
	r->id = get(p + 24, 8);
	r->type = get(p + 32, 2);
	return r->size % 8 == 0 && r->size >= RECORD && r->size <= MQK_LOG_RECORD_MAX &&
	       r->size <= len - at && sound(p, 0, r->size, uuid);
}

static bool meaningful(const uint8_t *p, struct record *r)
{
	p += r->at;
	if (!zeros(p + 34, 6) || r->stable >= r->seq)
		return false;
	if (is_definition(r->type))
		return r->id && read_definition(p + RECORD, r->size - RECORD, r);
	if (r->size != RECORD)
		return false;
	if (r->type == MQK_LOG_CLOSED)
		return !r->id;
	return (r->type == MQK_LOG_FORGET || r->type == MQK_LOG_READY) && r->id;
}

/* ---- what is declared ---- */

static struct record *find_live(struct journal *j, uint64_t id)
{
	size_t low = 0, high = j->nr_live;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (j->live[mid].id == id)
			return &j->live[mid];
		if (j->live[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

enum effect { FINE, CONTRADICTION, NO_MEMORY };

static enum effect declare(struct journal *j, const struct record *r, uint64_t *last)
{
	struct record *old = find_live(j, r->id), *more;

	if (old) {
		if (j->state != JOURNAL_WHOLE || r->type != MQK_LOG_QUEUE ||
		    old->type != r->type)
			return CONTRADICTION;
		*old = *r;
		return FINE;
	}
	if (r->id <= *last)
		return CONTRADICTION;
	/* at a power of two there is room for one more, at least, then for as many again */
	if (!(j->nr_live & (j->nr_live - 1))) {
		more = realloc(j->live, (j->nr_live ? 2 * j->nr_live : 1) * sizeof(*more));
		if (!more)
			return NO_MEMORY;
		j->live = more;
	}
	j->live[j->nr_live++] = *r;
	*last = r->id;
	return FINE;
}

static enum effect apply(struct journal *j, const struct record *r, uint64_t *last)
{
	struct record *old;

	if (is_definition(r->type))
		return declare(j, r, last);
	if (r->type == MQK_LOG_READY) {
		if (j->state == JOURNAL_WHOLE || r->id <= *last)
			return CONTRADICTION;
		j->state = JOURNAL_WHOLE;
		*last = r->id - 1;
		return FINE;
	}
	if (j->state != JOURNAL_WHOLE)
		return CONTRADICTION;
	if (r->type == MQK_LOG_CLOSED)
		return FINE;
	old = find_live(j, r->id);
	if (!old)
		return CONTRADICTION;
	j->nr_live--;
	memmove(old, old + 1, (size_t)(j->live + j->nr_live - old) * sizeof(*old));
	return FINE;
}

/* What comes behind the last valid record. */
static enum journal_end judge_end(const uint8_t *p, size_t len, const struct journal *j,
				  const uint8_t uuid[16])
{
	struct record r;
	size_t at;

	if (j->at == len)
		return END_CLEAN;
	if (sealed(p, len, j->at, uuid, &r) && r.seq == j->next_seq)
		return END_DAMAGED;
	for (at = j->at; at + RECORD <= len; at += 8)
		if (sealed(p, len, at, uuid, &r) && r.seq > r.stable &&
		    r.stable >= j->next_seq)
			return END_DAMAGED;
	return END_TORN;
}

bool journal_read(const uint8_t *p, size_t len, const uint8_t uuid[16],
		  struct journal *j, record_fn each, void *arg)
{
	uint64_t last = 0;
	struct record r;

	memset(j, 0, sizeof(*j));
	if (!len)
		return true;
	j->state = JOURNAL_NO_HEAD;
	if (len < HEAD || memcmp(p, MQK_LOG_MAGIC, 8) || get(p + 12, 4) != HEAD ||
	    !sound(p, 8, HEAD, uuid) || !get(p + 16, 8) || !get(p + 24, 8))
		return true;
	j->state = JOURNAL_UNFINISHED;
	j->generation = get(p + 16, 8);
	j->next_seq = get(p + 24, 8);
	j->at = HEAD;
	while (sealed(p, len, j->at, uuid, &r) && r.seq == j->next_seq &&
	       meaningful(p, &r)) {
		enum effect effect = apply(j, &r, &last);

		if (effect == NO_MEMORY)
			return false;
		if (effect == CONTRADICTION) {
			j->end = END_NONSENSE;
			return true;
		}
		if (each)
			each(arg, &r);
		j->at += r.size;
		j->next_seq++;
		j->records++;
	}
	j->end = judge_end(p, len, j, uuid);
	return true;
}

void journal_free(struct journal *j)
{
	free(j->live);
	j->live = NULL;
	j->nr_live = 0;
}
