// SPDX-License-Identifier: GPL-2.0-only
#include "index_model.h"

#include <linux/kernel.h>
#include <stdlib.h>
#include <string.h>

#define NONE	(~0ull)

/* What the index must not touch: everything of an entry but its flags. */
static struct mqk_entry entry_of(u64 seq)
{
	return (struct mqk_entry){
		.ref = seq * 0x10001,
		.payload_len = seq * 3,
		.headers_len = seq,
		.key_len = seq >> 3,
		.exchange = ~seq,
		.count = seq >> 5,
		.uid = seq << 7,
		.pid = seq + 1,
	};
}

static bool intact(const struct mqk_entry *e, u64 seq, u8 flags)
{
	struct mqk_entry want = entry_of(seq);

	want.flags = flags;
	return !memcmp(e, &want, sizeof(want));
}

static u64 find_state(const struct index_model *m, u8 state)
{
	const u8 *p = memchr(m->state + m->first, state, m->next - m->first);

	return p ? (u64)(p - m->state) : NONE;
}

/* Which one is next in turn. */
static u64 model_next(const struct index_model *m)
{
	u64 seq = find_state(m, RETURNED);

	return seq == NONE ? find_state(m, WAITING) : seq;
}

bool model_idle(const struct index_model *m)
{
	return model_next(m) == NONE;
}

static struct span *last_span(struct index_model *m)
{
	struct span *s = m->nr_spans ? &m->span[m->nr_spans - 1] : NULL;

	return s && !s->gone ? s : NULL;
}

static struct span *span_of(struct index_model *m, u64 seq)
{
	u32 low = 0, high = m->nr_spans - 1;

	while (low < high) {
		u32 mid = (low + high + 1) / 2;

		if (m->span[mid].base <= seq)
			low = mid;
		else
			high = mid - 1;
	}
	return &m->span[low];
}

u64 model_room(const struct index_model *m)
{
	struct span *s = last_span((struct index_model *)m);

	return m->nr_spare * (u64)MQK_CHUNK_ENTRIES + (s ? MQK_CHUNK_ENTRIES - s->used : 0);
}

static const char *check_counts(const struct index_model *m)
{
	if (m->x.room != model_room(m))
		return "wrong room";
	if (m->x.reserved != m->reserved)
		return "wrong number of reservations";
	if (m->x.next_seq != m->next)
		return "wrong next place";
	if (m->x.nr_chunks != m->nr_chunks)
		return "wrong number of chunks";
	return NULL;
}

void model_init(struct index_model *m)
{
	m->first = m->next = m->reserved = 0;
	m->nr_detached = 0;
	m->nr_taken = m->nr_spans = m->nr_spare = m->nr_chunks = 0;
	memset(&m->x, 0xa5, sizeof(m->x));
	mqk_index_init(&m->x);
}

const char *model_feed(struct index_model *m)
{
	struct mqk_chunk *c = aligned_alloc(MQK_CHUNK_BYTES, MQK_CHUNK_BYTES);

	memset(c, 0xa5, MQK_CHUNK_BYTES);
	mqk_index_feed(&m->x, c, m);
	m->nr_spare++;
	m->nr_chunks++;
	return check_counts(m);
}

static const char *free_chunk(struct index_model *m, struct mqk_chunk *c)
{
	if (c->owner != m)
		return "a chunk with another owner";
	free(c);
	m->nr_chunks--;
	return NULL;
}

const char *model_reserve(struct index_model *m, bool *ok)
{
	*ok = mqk_index_reserve(&m->x);
	if (*ok != (m->reserved < model_room(m)))
		return *ok ? "reserved without room" : "no reservation although there is room";
	m->reserved += *ok;
	return check_counts(m);
}

const char *model_unreserve(struct index_model *m)
{
	mqk_index_unreserve(&m->x);
	m->reserved--;
	return check_counts(m);
}

static const char *take(struct index_model *m, struct mqk_entry *e, u64 seq, bool settled)
{
	u8 flags = MQK_ENTRY_F_TAKEN;

	mqk_index_take(&m->x, e);
	if (settled)
		flags |= e->flags |= MQK_ENTRY_F_SETTLED;
	if (!intact(e, seq, flags))
		return "taking has changed the entry";
	m->state[seq] = TAKEN;
	m->nth_taken[seq] = m->nr_taken;
	m->taken[m->nr_taken++] = seq;
	return NULL;
}

const char *model_take(struct index_model *m, bool settled)
{
	struct mqk_entry *e = mqk_index_next(&m->x);
	u64 seq = model_next(m);

	if (seq == NONE)
		return e ? "something is next where nothing is" : NULL;
	if (!e)
		return "nothing is next where something is";
	if (e != m->at[seq] || mqk_entry_seq(e) != seq)
		return "another one is next";
	if (mqk_index_next(&m->x) != e)
		return "to look has changed what is next";
	return take(m, e, seq, settled);
}

/* Where the next place is, in a chunk of which so many places are used. */
static struct span *grow(struct index_model *m)
{
	struct span *s = last_span(m);

	if (!s || s->used == MQK_CHUNK_ENTRIES) {
		s = &m->span[m->nr_spans++];
		*s = (struct span){ .base = m->next };
		m->nr_spare--;
	}
	return s;
}

const char *model_through(struct index_model *m, u32 n)
{
	u64 room = model_room(m) - m->reserved;
	u32 got = n, want, i;
	struct mqk_entry *at;
	struct span *s;

	if (model_next(m) != NONE)
		return "something waits";
	/* there are only so many in the model */
	n = got = min((u64)n, MODEL_PLACES - m->next);
	at = mqk_index_front(&m->x, &got);
	if (!room)
		return got ? "places without room" : check_counts(m);
	s = grow(m);
	want = MQK_CHUNK_ENTRIES - s->used;
	want = min(min(want, n), (u32)min(room, (u64)n));
	if (got != want)
		return "more or fewer places than there are";
	if (!got)
		return check_counts(m);
	for (i = 0; i < got; i++) {
		u64 seq = m->next++;

		at[i] = entry_of(seq);
		at[i].flags = MQK_ENTRY_F_TAKEN;
		m->at[seq] = &at[i];
		m->state[seq] = TAKEN;
		m->nth_taken[seq] = m->nr_taken;
		m->taken[m->nr_taken++] = seq;
		if (mqk_entry_seq(&at[i]) != seq)
			return "passed through at another place";
	}
	s->used += got;
	s->live += got;
	mqk_index_through(&m->x, got);
	if (mqk_index_next(&m->x))
		return "something waits after passing through";
	return check_counts(m);
}

const char *model_append(struct index_model *m)
{
	struct span *s = grow(m);
	u64 seq = m->next++;
	struct mqk_entry e = entry_of(seq), *at;

	s->used++;
	s->live++;
	m->reserved--;
	m->state[seq] = WAITING;

	/* the promise is taken back to be used */
	mqk_index_unreserve(&m->x);
	at = mqk_index_append(&m->x);
	*at = e;
	m->at[seq] = at;
	if (mqk_entry_seq(at) != seq)
		return "appended at another place";
	return check_counts(m);
}

const char *model_pass(struct index_model *m, bool settled)
{
	u64 seq = m->next;
	const char *bad;

	bad = model_next(m) == NONE ? model_append(m) : "something waits";
	if (bad)
		return bad;
	mqk_index_skip_to(&m->x, m->at[seq]);
	return take(m, m->at[seq], seq, settled);
}

static u64 untake(struct index_model *m, u32 n, u8 state)
{
	u64 seq = m->taken[n];
	u32 last = m->taken[--m->nr_taken];

	m->taken[n] = last;
	m->nth_taken[last] = n;
	m->state[seq] = state;
	return seq;
}

const char *model_return(struct index_model *m, u32 n)
{
	u64 seq = untake(m, n, RETURNED);
	struct mqk_entry *e = m->at[seq];

	mqk_index_return(&m->x, e);
	return intact(e, seq, 0) ? NULL : "returning has changed the entry";
}

/* What becomes of its chunk when an entry ends. */
static const char *end(struct index_model *m, u64 seq,
		       struct mqk_chunk *(*how)(struct mqk_index *x, struct mqk_entry *e))
{
	struct span *s = span_of(m, seq);
	struct mqk_entry *e = m->at[seq];
	bool want = false;
	struct mqk_chunk *c;

	while (m->first < m->next && m->state[m->first] >= DONE)
		m->first++;
	m->at[seq] = NULL;
	if (!--s->live && s->used == MQK_CHUNK_ENTRIES) {
		s->gone = true;
		/* One is kept. */
		want = m->nr_spare;
		m->nr_spare += !want;
	}

	c = how(&m->x, e);
	if (!c != !want)
		return c ? "a chunk to free that is needed" : "a chunk that nobody needs is kept";
	if (c && c != mqk_entry_chunk(e))
		return "another chunk to free";
	return (c ? free_chunk(m, c) : NULL) ?: check_counts(m);
}

const char *model_done(struct index_model *m, u32 n)
{
	return end(m, untake(m, n, DONE), mqk_index_done);
}

static bool ready(const struct index_model *m, u64 seq)
{
	return m->state[seq] == WAITING || m->state[seq] == RETURNED;
}

/* The first one from there that is ready, or the end. */
static u64 first_ready(const struct index_model *m, u64 seq)
{
	for (seq = max(seq, m->first); seq < m->next && !ready(m, seq); seq++)
		;
	return seq;
}

const char *model_remove(struct index_model *m, u64 seq)
{
	seq = first_ready(m, seq);
	if (seq == m->next)
		return NULL;
	m->state[seq] = m->state[seq] == WAITING ? REMOVED : DONE;
	return end(m, seq, mqk_index_remove);
}

const char *model_end_detached(struct index_model *m)
{
	u64 seq = m->detached[0];

	memmove(m->detached, m->detached + 1, --m->nr_detached * sizeof(seq));
	m->state[seq] = m->state[seq] == DETACHED ? REMOVED : DONE;
	return end(m, seq, mqk_index_done);
}

/* Whether it waits or is returned is seen; it must be the one that keeps the order. */
const char *model_attach(struct index_model *m)
{
	u64 seq = m->detached[0], other;
	struct mqk_entry *e = m->at[seq];
	struct mqk_chunk *c = mqk_entry_chunk(e);
	u32 i = e - c->entry;
	bool returned;

	memmove(m->detached, m->detached + 1, --m->nr_detached * sizeof(seq));
	mqk_index_attach(&m->x, e);
	returned = c->returned[i / 64] >> i % 64 & 1;
	for (other = m->first; other < m->next; other++) {
		if (returned && other < seq && m->state[other] == WAITING)
			return "attached in front of what waits";
		if (!returned && other > seq &&
		    (m->state[other] == TAKEN || m->state[other] == RETURNED))
			return "attached where nobody comes by any more";
	}
	m->state[seq] = returned ? RETURNED : WAITING;
	return intact(e, seq, 0) ? check_counts(m) : "attaching has changed the entry";
}

const char *model_detach(struct index_model *m, u64 seq)
{
	const char *bad = NULL;

	if (m->nr_detached == ARRAY_SIZE(m->detached))
		bad = model_end_detached(m);
	seq = first_ready(m, seq);
	if (bad || seq == m->next)
		return bad;
	m->state[seq] = m->state[seq] == WAITING ? DETACHED : TAKEN;
	m->detached[m->nr_detached++] = seq;
	mqk_index_detach(&m->x, m->at[seq]);
	return intact(m->at[seq], seq, MQK_ENTRY_F_TAKEN) ? check_counts(m) :
	       "detaching has changed the entry";
}

/* The place behind so many chunks in use, from the one at that place on. */
static u64 behind(const struct index_model *m, u64 seq, u32 chunks)
{
	u32 i;

	for (i = 0; i < m->nr_spans; i++) {
		const struct span *s = &m->span[i];

		if (s->gone || s->base + s->used <= seq)
			continue;
		seq = s->base + s->used;
		if (!--chunks)
			return seq;
	}
	return m->next;
}

const char *model_find(struct index_model *m, u64 seq, u32 chunks)
{
	u64 want = first_ready(m, seq), end = behind(m, seq, chunks), at = seq;
	struct mqk_entry *e = mqk_index_find(&m->x, &at, chunks);

	if (mqk_index_at(&m->x, seq) != (seq < m->next && want == seq ? m->at[seq] : NULL))
		return "another one in that place";
	if (want < end) {
		if (!e)
			return "not found";
		if (at != want || e != m->at[want])
			return "found another one";
		return NULL;
	}
	if (e)
		return "found one too far away";
	return at == end ? NULL : "looked less or more far than asked";
}

const char *model_find_all(struct index_model *m, u64 seq, u32 chunks)
{
	u64 want = first_ready(m, seq), at = seq, before;
	struct mqk_entry *e;

	for (;;) {
		before = at;
		e = mqk_index_find(&m->x, &at, chunks);
		if (e) {
			if (at != want || e != m->at[want])
				return "another one in turn";
			want = first_ready(m, ++at);
			continue;
		}
		if (at >= m->x.next_seq)
			break;
		if (at <= before)
			return "does not get on";
	}
	return want == m->next ? NULL : "ended too early";
}

const char *model_drain(struct index_model *m)
{
	struct mqk_chunk *c = mqk_index_drain(&m->x);
	struct span *s = last_span(m);

	if (m->nr_spare)
		m->nr_spare--;
	else if (s && m->first == m->next)
		s->gone = true;
	else
		return c ? "drained a chunk that is needed" : NULL;
	if (!c)
		return "an unused chunk is not drained";
	return free_chunk(m, c) ?: check_counts(m);
}

const char *model_destroy(struct index_model *m)
{
	const char *bad = NULL;
	bool more = true;

	m->reserved = 0;
	m->x.reserved = 0;
	while (more && !bad) {
		u32 taken = m->nr_taken;

		bad = model_take(m, false);
		more = m->nr_taken != taken;
	}
	while (m->nr_taken && !bad)
		bad = model_done(m, m->nr_taken - 1);
	while (m->nr_detached && !bad)
		bad = model_end_detached(m);
	while (m->nr_chunks && !bad)
		bad = model_drain(m);
	if (!bad && mqk_index_drain(&m->x))
		bad = "a chunk too many";
	return bad ?: model_check(m);
}

static const char *check_chunk(const struct index_model *m, const struct mqk_chunk *c,
			       const struct span *s)
{
	u64 returned[MQK_CHUNK_WORDS] = {};
	u32 i, head = 0, limit = s->used;

	if (c->index != &m->x || c->owner != m)
		return "a chunk of somebody else";
	if (c->base != s->base || c->used != s->used || c->live != s->live)
		return "a chunk's counts are wrong";
	for (i = 0; i < s->used; i++) {
		u64 seq = s->base + i;
		u8 state = m->state[seq];

		if (state == WAITING)
			limit = min(limit, i);
		else if (state != REMOVED && state != DETACHED)
			head = i + 1;
		if (state == RETURNED)
			returned[i / 64] |= 1ull << i % 64;
		if (state < DONE && m->at[seq] != &c->entry[i])
			return "an entry has moved";
	}
	/* those that were removed or detached may have been passed or not */
	if (c->head < head || c->head > limit)
		return "a chunk's head is wrong";
	if (memcmp(c->returned, returned, sizeof(returned)))
		return "a chunk's returned entries are wrong";
	return NULL;
}

static const char *check_trees(const struct index_model *m)
{
	struct rb_node *place = rb_first(&m->x.places);
	struct rb_node *returned = rb_first(&m->x.returned.rb_root);
	const struct mqk_chunk *c;

	if (rb_first_cached(&m->x.returned) != returned)
		return "the first returned chunk is another one";
	list_for_each_entry(c, &m->x.chunks, link) {
		if (place != &c->place)
			return "the tree of places is wrong";
		place = rb_next(place);
		if (!(c->returned[0] | c->returned[1]))
			continue;
		if (returned != &c->node)
			return "the tree of returned entries is wrong";
		returned = rb_next(returned);
	}
	return place || returned ? "a tree has a chunk too many" : NULL;
}

/* From the cursor on is the first entry that waits; before it none. */
static const char *check_cursor(const struct index_model *m)
{
	const struct mqk_chunk *c;
	bool passed = false;

	list_for_each_entry(c, &m->x.chunks, link) {
		passed = passed || c == m->x.cursor;
		if (!passed && memchr(m->state + c->base, WAITING, c->used))
			return "the cursor has left an entry behind";
	}
	if (m->x.cursor && !passed)
		return "the cursor is not in the list";
	return NULL;
}

const char *model_check(const struct index_model *m)
{
	const struct mqk_chunk *c;
	const char *bad = NULL;
	u32 i = 0, spare = 0;

	list_for_each_entry(c, &m->x.chunks, link) {
		while (i < m->nr_spans && m->span[i].gone)
			i++;
		if (i == m->nr_spans)
			return "a chunk too many in use";
		bad = check_chunk(m, c, &m->span[i++]);
		if (bad)
			return bad;
	}
	while (i < m->nr_spans && m->span[i].gone)
		i++;
	if (i != m->nr_spans)
		return "a chunk in use is missing";
	list_for_each_entry(c, &m->x.spare, link)
		spare++;
	if (spare != m->nr_spare)
		return "wrong number of spare chunks";
	return check_trees(m) ?: check_cursor(m) ?: check_counts(m);
}
