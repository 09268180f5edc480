// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of a durable broker.
 */
#include "util/log.h"

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "util/crc.h"
#include "util/record.h"

static_assert(sizeof(struct mqk_log_super) == 512);
static_assert(sizeof(struct mqk_log_head) == 32);
static_assert(sizeof(struct mqk_log_record) == 40);
static_assert(sizeof(struct mqk_log_definition) == 40);
static_assert(MQK_LOG_RECORD_MAX >=
	      sizeof(struct mqk_log_record) + sizeof(struct mqk_log_definition) +
	      3 * 255 + 7 + MQK_HEADERS_MAX);

/* Bytes that a look behind the end may check before it gives up. */
#define LOOK_BYTES	(16u << 20)

/**
 * mqk_log_seed() - what the checksums of a broker begin with
 * @uuid: its MQK_LOG_UUID bytes
 * Return: the checksum so far
 */
u32 mqk_log_seed(const u8 *uuid)
{
	return mqk_crc32c(~0u, uuid, MQK_LOG_UUID);
}

/**
 * mqk_log_crc() - checksum of a structure
 * @seed: of the broker
 * @from: what is behind the checksum
 * @len: bytes of it
 * Return: the checksum
 */
u32 mqk_log_crc(u32 seed, const void *from, u32 len)
{
	return ~mqk_crc32c(seed, from, len);
}

/* The checksum of a structure whose member crc is at an offset. */
#define crc_of(p, seed, size)							\
	mqk_log_crc(seed, (const u8 *)(p) + offsetofend(typeof(*(p)), crc),	\
		    (size) - (u32)offsetofend(typeof(*(p)), crc))

/**
 * mqk_log_super_valid() - whether mqk.super is what was written
 * @s: its bytes, as many as the structure has
 * Return: true if so; the features may be unknown, the numbers good for nothing
 */
bool mqk_log_super_valid(const struct mqk_log_super *s)
{
	return !memcmp(s->magic, MQK_LOG_SUPER_MAGIC, sizeof(s->magic)) &&
	       le32_to_cpu(s->size) == sizeof(*s) &&
	       le32_to_cpu(s->crc) == crc_of(s, mqk_log_seed(s->uuid), sizeof(*s)) &&
	       !memchr_inv(s->resv, 0, sizeof(s->resv)) &&
	       !(le32_to_cpu(s->flags) & ~MQK_LOG_SUPER_F_NOMAP);
}

/**
 * mqk_log_super_seal() - make mqk.super valid
 * @s: filled but for magic, size and checksum
 */
void mqk_log_super_seal(struct mqk_log_super *s)
{
	memcpy(s->magic, MQK_LOG_SUPER_MAGIC, sizeof(s->magic));
	s->size = cpu_to_le32(sizeof(*s));
	s->crc = cpu_to_le32(crc_of(s, mqk_log_seed(s->uuid), sizeof(*s)));
}

/**
 * mqk_log_head_fill() - make the head of a journal
 * @h: the head
 * @seed: of the broker
 * @generation: of the file
 * @first_seq: sequence number of its first record
 */
void mqk_log_head_fill(struct mqk_log_head *h, u32 seed, u64 generation,
		       u64 first_seq)
{
	memcpy(h->magic, MQK_LOG_MAGIC, sizeof(h->magic));
	h->size = cpu_to_le32(sizeof(*h));
	h->generation = cpu_to_le64(generation);
	h->first_seq = cpu_to_le64(first_seq);
	h->crc = cpu_to_le32(crc_of(h, seed, sizeof(*h)));
}

/**
 * mqk_log_walk_begin() - begin at the head of a journal
 * @w: the walk
 * @bytes: the file
 * @len: bytes of it
 * @seed: of the broker
 * Return: false when the head is not valid
 */
bool mqk_log_walk_begin(struct mqk_log_walk *w, const void *bytes, u64 len,
			u32 seed)
{
	const struct mqk_log_head *h = bytes;

	if (len < sizeof(*h) || memcmp(h->magic, MQK_LOG_MAGIC, sizeof(h->magic)) ||
	    le32_to_cpu(h->size) != sizeof(*h) ||
	    le32_to_cpu(h->crc) != crc_of(h, seed, sizeof(*h)) ||
	    !h->generation || !h->first_seq)
		return false;
	w->bytes = bytes;
	w->len = len;
	w->at = sizeof(*h);
	w->seq = le64_to_cpu(h->first_seq);
	w->generation = le64_to_cpu(h->generation);
	w->seed = seed;
	return true;
}

/**
 * mqk_log_definition_size() - bytes of a record with a definition
 * @names_len: bytes of name, target and key
 * @args_len: bytes of arguments, a multiple of 8
 * Return: that many
 */
u32 mqk_log_definition_size(u32 names_len, u32 args_len)
{
	return MQK_LOG_BARE + (u32)sizeof(struct mqk_log_definition) +
	       ALIGN(names_len, MQK_LOG_RECORD_ALIGN) + args_len;
}

/* What a definition of each type may say. */
static bool definition_fits(u32 type, const struct mqk_log_definition *d)
{
	static const u32 flags[] = {
		[MQK_LOG_EXCHANGE] = MQK_LOG_F_AUTO_DELETE | MQK_LOG_F_INTERNAL |
				     MQK_LOG_F_ALL_RIGHTS,
		[MQK_LOG_QUEUE] = MQK_LOG_F_AUTO_DELETE | MQK_LOG_F_PAUSED |
				  MQK_LOG_F_ALL_RIGHTS,
		[MQK_LOG_BINDING] = MQK_LOG_F_TO_EXCHANGE,
	};

	if (!d->name_len || d->resv || le32_to_cpu(d->flags) & ~flags[type] ||
	    !d->type == (type == MQK_LOG_EXCHANGE))
		return false;
	if (type == MQK_LOG_BINDING)
		return d->target_len &&
		       !(d->uid | d->gid | d->mode | d->by_uid | d->by_gid);
	return !d->target_len && !d->key_len && le32_to_cpu(d->mode) <= 0777;
}

static bool definition_view(const u8 *at, u32 len, struct mqk_log_view *v)
{
	const struct mqk_log_definition *d = (const void *)at;
	u32 names, padded;

	if (len < sizeof(*d) || !definition_fits(v->type, d))
		return false;
	v->args_len = le32_to_cpu(d->args_len);
	if (v->args_len > MQK_HEADERS_MAX || v->args_len % 8)
		return false;
	names = d->name_len + d->target_len + d->key_len;
	padded = ALIGN(names, MQK_LOG_RECORD_ALIGN);
	if (len != sizeof(*d) + padded + v->args_len)
		return false;
	v->d = d;
	v->name = at + sizeof(*d);
	v->target = v->name + d->name_len;
	v->key = v->target + d->target_len;
	v->args = v->name + padded;
	/* a name has no byte of 0 */
	return !memchr(v->name, 0, d->name_len + d->target_len) &&
	       !memchr_inv(v->name + names, 0, padded - names) &&
	       (!v->args_len || mqk_headers_valid(v->args, v->args_len));
}

/**
 * mqk_log_record_view() - look at a record whose checksum is right
 * @r: the record
 * @size: bytes of it
 * @v: what it says
 * Return: false when it is not valid by rule 4
 */
bool mqk_log_record_view(const struct mqk_log_record *r, u32 size,
			 struct mqk_log_view *v)
{
	memset(v, 0, sizeof(*v));
	v->size = size;
	v->type = le16_to_cpu(r->type);
	v->seq = le64_to_cpu(r->seq);
	v->id = le64_to_cpu(r->id);
	if (memchr_inv(r->resv, 0, sizeof(r->resv)) ||
	    le64_to_cpu(r->stable) >= v->seq ||
	    !v->id != (v->type == MQK_LOG_CLOSED))
		return false;
	switch (v->type) {
	case MQK_LOG_EXCHANGE:
	case MQK_LOG_QUEUE:
	case MQK_LOG_BINDING:
		return definition_view((const u8 *)(r + 1), size - MQK_LOG_BARE, v);
	case MQK_LOG_FORGET:
	case MQK_LOG_READY:
	case MQK_LOG_CLOSED:
		return size == MQK_LOG_BARE;
	}
	return false;
}

/* Bytes of the record at an offset, by rule 1; 0: there is none. */
static u32 size_at(const struct mqk_log_walk *w, u64 at)
{
	const struct mqk_log_record *r = (const void *)(w->bytes + at);
	u32 size;

	if (w->len - at < MQK_LOG_BARE)
		return 0;
	size = le32_to_cpu(r->size);
	if (size < MQK_LOG_BARE || size > MQK_LOG_RECORD_MAX ||
	    size % MQK_LOG_RECORD_ALIGN || size > w->len - at)
		return 0;
	return size;
}

static bool sound(const struct mqk_log_walk *w, u64 at, u32 size)
{
	const struct mqk_log_record *r = (const void *)(w->bytes + at);

	return le32_to_cpu(r->crc) == crc_of(r, w->seed, size);
}

/**
 * mqk_log_walk_next() - take one record
 * @w: the walk
 * @v: what the record says
 * Return: false when there is no valid one
 */
bool mqk_log_walk_next(struct mqk_log_walk *w, struct mqk_log_view *v)
{
	const struct mqk_log_record *r = (const void *)(w->bytes + w->at);
	u32 size = size_at(w, w->at);

	if (!size || le64_to_cpu(r->seq) != w->seq || !sound(w, w->at, size) ||
	    !mqk_log_record_view(r, size, v))
		return false;
	w->at += size;
	w->seq++;
	return true;
}

/**
 * mqk_log_walk_end() - what it is that a walk has ended at
 * @w: the walk, which has taken the last valid record
 *
 * What was made to look like records costs a bounded time; it is damage.
 *
 * Context: may sleep.
 * Return: MQK_LOG_END_*
 */
enum mqk_log_end mqk_log_walk_end(const struct mqk_log_walk *w)
{
	u64 at, room = w->len - w->at, checked = 0;
	const struct mqk_log_record *r;
	u32 size, n = 0;

	if (!memchr_inv(w->bytes + w->at, 0, room))
		return room ? MQK_LOG_END_TORN : MQK_LOG_END_CLEAN;
	/* What was written whole, and is not understood, was not torn. */
	r = (const void *)(w->bytes + w->at);
	size = size_at(w, w->at);
	if (size && le64_to_cpu(r->seq) == w->seq && sound(w, w->at, size))
		return MQK_LOG_END_DAMAGED;
	for (at = w->at; at < w->len; at += MQK_LOG_RECORD_ALIGN) {
		if (!(++n % SZ_64K))
			cond_resched();
		r = (const void *)(w->bytes + at);
		size = size_at(w, at);
		/* Only those that say that there was more than is left. */
		if (!size || le64_to_cpu(r->stable) < w->seq ||
		    le64_to_cpu(r->stable) >= le64_to_cpu(r->seq))
			continue;
		checked += size;
		if (checked > LOOK_BYTES || sound(w, at, size))
			return MQK_LOG_END_DAMAGED;
	}
	return MQK_LOG_END_TORN;
}

/**
 * mqk_log_record_seal() - make a record valid
 * @r: the record, its size, id and type set
 * @seed: of the broker
 * @seq: its sequence number
 * @stable: up to which number all is on the disk
 */
void mqk_log_record_seal(struct mqk_log_record *r, u32 seed, u64 seq, u64 stable)
{
	r->seq = cpu_to_le64(seq);
	r->stable = cpu_to_le64(stable);
	r->crc = cpu_to_le32(crc_of(r, seed, le32_to_cpu(r->size)));
}
