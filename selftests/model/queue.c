// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

/* A level that others went before so often has its turn. */
#define PATIENCE	8

struct queue *queue_find(struct broker *b, const char *name)
{
	unsigned int i;

	for (i = 0; i < b->nr_queues; i++)
		if (!strcmp(b->queue[i]->name, name))
			return b->queue[i];
	return NULL;
}

int queue_access(const struct queue *q, unsigned int session)
{
	return q->session != NOBODY && q->session != session ? -EBUSY : 0;
}

/* ---- declaring and what is done to a queue as a whole ---- */

static int declare_again(struct broker *b, struct queue *q, unsigned int session,
			 unsigned int flags, const struct table *args)
{
	if (queue_access(q, session))
		return -EBUSY;
	if (!(flags & F_PASSIVE) && (flags != q->flags || !table_equal(args, &q->args)))
		return -EINVAL;
	q->used_at = b->now;
	return 0;
}

int queue_declare(struct broker *b, unsigned int session, const char *name, unsigned int flags,
		  const struct table *args, char *made_name)
{
	struct queue *q = *name ? queue_find(b, name) : NULL;
	char made[NAME_ROOM];
	struct rules rules;

	if (name_check(name) == -ENAMETOOLONG)
		return -ENAMETOOLONG;
	if (rules_read(&rules, args))
		return -EINVAL;
	if (q)
		return declare_again(b, q, session, flags, args);
	if (flags & F_PASSIVE)
		return -ENOENT;
	if (!strncmp(name, "amq.", 4))
		return -EACCES;
	if (b->nr_queues == ROOM)
		return -ENOSPC;
	if (!*name) {
		sprintf(made, "amq.gen-%016llx", (unsigned long long)++b->next_name);
		name = made;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		abort();
	strcpy(q->name, name);
	if (made_name)
		strcpy(made_name, name);
	q->flags = flags;
	q->session = flags & F_EXCLUSIVE ? session : NOBODY;
	q->args = *args;
	q->rules = rules;
	q->active = NOBODY;
	q->used_at = b->now;
	b->queue[b->nr_queues++] = q;
	return 0;
}

/* Messages of a queue that goes are no dead letters. */
void queue_remove(struct broker *b, struct queue *q)
{
	unsigned int i;

	for (i = 0; i < b->nr_consumers; i++) {
		struct consumer *c = &b->consumer[i];

		if (!c->open || !c->attached || strcmp(c->queue, q->name))
			continue;
		c->attached = false;
		text_add(&c->seen, "cancelled");
	}
	for (i = 0; b->queue[i] != q; i++)
		;
	b->queue[i] = b->queue[--b->nr_queues];
	binding_remove_all(b, q->name, false);
	death_forget(b, q);
	while (q->nr) {
		if (q->entry[0]->state == TAKEN)
			consumer_lose(b, q->entry[0], false);
		queue_drop(q, q->entry[0]);
	}
	free(q->entry);
	free(q);
}

int queue_delete(struct broker *b, unsigned int session, const char *name, bool if_unused,
		 bool if_empty)
{
	struct queue *q = queue_find(b, name);

	if (!q)
		return 0;
	if (queue_access(q, session))
		return -EBUSY;
	if (if_unused && consumer_count(b, name))
		return -EBUSY;
	if (if_empty && queue_count(q, READY))
		return -EBUSY;
	queue_remove(b, q);
	broker_settle(b);
	return 0;
}

int queue_change(struct broker *b, const char *name, const struct table *args)
{
	struct queue *q = queue_find(b, name);
	struct table all;
	struct rules rules;
	unsigned int i;

	if (!q)
		return -ENOENT;
	all = q->args;
	for (i = 0; i < args->nr; i++) {
		if (!rules_may_change(args->field[i].name))
			return -EINVAL;
		if (args->field[i].value.type == 'V')
			table_remove(&all, args->field[i].name);
		else
			table_set(&all, args->field[i].name, &args->field[i].value);
	}
	if (rules_read(&rules, &all))
		return -EINVAL;
	q->args = all;
	q->rules = rules;
	/* what is not asked for any more is not remembered */
	if (!rules.dedup_window)
		q->nr_seen = 0;
	q->used_at = b->now;
	broker_settle(b);
	return 0;
}

int queue_pause(struct broker *b, const char *name, bool paused)
{
	struct queue *q = queue_find(b, name);

	if (!q)
		return -ENOENT;
	q->paused = paused;
	broker_settle(b);
	return 0;
}

/* What is scheduled has not come yet, what is taken or retried is unacknowledged. */
int queue_purge(struct broker *b, unsigned int session, const char *name)
{
	struct queue *q = queue_find(b, name);
	unsigned int i, nr = 0;

	if (!q)
		return -ENOENT;
	if (queue_access(q, session))
		return -EBUSY;
	for (i = q->nr; i-- > 0;)
		if (q->entry[i]->state == READY) {
			queue_drop(q, q->entry[i]);
			nr++;
		}
	broker_settle(b);
	return nr;
}

int queue_cancel(struct broker *b, const char *name, const char *message_id)
{
	struct queue *q = queue_find(b, name);
	unsigned int i, nr = 0;

	if (!q)
		return -ENOENT;
	for (i = q->nr; i-- > 0;)
		if (q->entry[i]->state == SCHEDULED && !strcmp(q->entry[i]->m.id, message_id)) {
			queue_drop(q, q->entry[i]);
			nr++;
		}
	broker_settle(b);
	return nr;
}

/* ---- order ---- */

unsigned int queue_count(const struct queue *q, enum state state)
{
	unsigned int i, nr = 0;

	for (i = 0; i < q->nr; i++)
		nr += q->entry[i]->state == state;
	return nr;
}

static unsigned int level_of(const struct queue *q, const struct entry *e)
{
	return e->failures / q->rules.demote_after;
}

/* Higher goes first. */
unsigned int queue_rank(const struct queue *q, const struct entry *e)
{
	unsigned int level;

	if (q->rules.levels) {
		level = level_of(q, e);
		return q->passed[level] >= PATIENCE ? 2 * MAX_LEVELS - level : MAX_LEVELS - level;
	}
	if (!q->rules.max_priority || e->m.priority < 0)
		return 0;
	return (unsigned int)e->m.priority < q->rules.max_priority ? (unsigned int)e->m.priority :
								     q->rules.max_priority;
}

bool queue_before(const struct queue *q, const struct entry *a, const struct entry *b)
{
	if (queue_rank(q, a) != queue_rank(q, b))
		return queue_rank(q, a) > queue_rank(q, b);
#ifdef MODEL_BREAK_PRIORITY
	if (queue_rank(q, a))
		return a->place > b->place;
#endif
	return a->place < b->place;
}

static struct entry *head(struct queue *q)
{
	struct entry *first = NULL;
	unsigned int i;

	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == READY &&
		    (!first || queue_before(q, q->entry[i], first)))
			first = q->entry[i];
	return first;
}

/* ---- coming in ---- */

static bool is_repeated(struct broker *b, struct queue *q, const char *id)
{
	unsigned int i;

	for (i = 0; i < q->nr_seen; i++)
		if (q->seen[i].until > b->now && !strcmp(q->seen[i].id, id))
			return true;
	return false;
}

static void remember(struct broker *b, struct queue *q, const char *id)
{
	unsigned int i, kept = 0;

	for (i = 0; i < q->nr_seen; i++)
		if (q->seen[i].until > b->now)
			q->seen[kept++] = q->seen[i];
	if (kept == SEEN_ROOM)
		abort();
	strcpy(q->seen[kept].id, id);
	q->seen[kept].until = b->now + q->rules.dedup_window;
	q->nr_seen = kept + 1;
}

static uint64_t bytes_of(const struct queue *q, bool scheduled)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == READY ||
		    (scheduled && q->entry[i]->state == SCHEDULED))
			bytes += q->entry[i]->m.bytes;
	return bytes;
}

static bool has_room(struct broker *b, struct queue *q, const struct message *m,
		     unsigned int staged)
{
	const struct rules *r = &q->rules;
	uint64_t nr = queue_count(q, READY) + queue_count(q, SCHEDULED) + staged;

	if (r->overflow == DROP_HEAD)
		return true;
	if (nr + 1 <= (uint64_t)r->max_length &&
	    bytes_of(q, true) + (staged + 1) * (uint64_t)m->bytes <= (uint64_t)r->max_bytes)
		return true;
	return !m->delay && consumer_waits_for(b, q, m, staged);
}

enum admission queue_admits(struct broker *b, struct queue *q, const struct message *m,
			    unsigned int staged)
{
	if (q->rules.dedup_window && *m->id && is_repeated(b, q, m->id))
		return REPEATED;
	return has_room(b, q, m, staged) ? ADMITTED : REFUSED;
}

static uint64_t expiry(const struct broker *b, const struct queue *q, const struct message *m)
{
	int64_t ttl = q->rules.message_ttl;

	if (m->expiration >= 0 && (ttl < 0 || m->expiration < ttl))
		ttl = m->expiration;
	return ttl < 0 ? NEVER : b->now + ttl;
}

static void append(struct broker *b, struct queue *q, const struct message *m)
{
	struct entry *e = calloc(1, sizeof(*e));

	q->entry = realloc(q->entry, (q->nr + 1) * sizeof(e));
	if (!e || !q->entry)
		abort();
	q->entry[q->nr++] = e;
	e->m = *m;
	e->m.bcc.nr = 0;
	e->came = q->next_came++;
	e->consumer = NOBODY;
	if (m->delay) {
		e->state = SCHEDULED;
		e->place = NEVER;
		e->expires = NEVER;
		e->due = b->now + m->delay;
		e->m.delay = 0;
		return;
	}
	e->place = q->next_place++;
	e->expires = expiry(b, q, m);
}

void queue_append(struct broker *b, struct queue *q, const struct message *m)
{
	if (q->rules.dedup_window && *m->id)
		remember(b, q, m->id);
	append(b, q, m);
}

/* Of those that came before so many. */
static struct entry *oldest_dead(struct broker *b, struct queue *q, uint64_t end,
				 struct queue **home)
{
	struct entry *oldest = NULL;
	unsigned int i;

	for (i = 0; i < q->nr; i++) {
		struct entry *e = q->entry[i];
		struct queue *to = e->m.nr_deaths ? queue_find(b, e->m.death[0].queue) : NULL;

		if (e->state != READY || e->came >= end || !to || to == q ||
		    (oldest && oldest->place < e->place))
			continue;
		oldest = e;
		*home = to;
	}
	return oldest;
}

int queue_redrive(struct broker *b, const char *name, unsigned int max)
{
	struct queue *q = queue_find(b, name), *home;
	struct entry *e;
	unsigned int n;
	uint64_t end;

	if (!q)
		return -ENOENT;
	end = q->next_came;
	for (n = 0; n < max && (e = oldest_dead(b, q, end, &home)); n++) {
		/* it is no repeat of itself */
		if (!has_room(b, home, &e->m, 0))
			break;
		append(b, home, &e->m);
		queue_drop(q, e);
		broker_settle(b);
	}
	return n;
}

/* ---- leaving and coming back ---- */

void queue_drop(struct queue *q, struct entry *e)
{
	unsigned int i;

	for (i = 0; q->entry[i] != e; i++)
		;
	q->entry[i] = q->entry[--q->nr];
	free(e);
}

static uint64_t retry_delay(const struct rules *r, unsigned int failures)
{
	uint64_t delay = r->retry_delay;

	if (!r->exponential)
		delay *= failures;
	for (; r->exponential && --failures && delay < (uint64_t)r->retry_max;)
		delay *= 2;
	return delay < (uint64_t)r->retry_max ? delay : (uint64_t)r->retry_max;
}

static bool gives_up(const struct queue *q, const struct entry *e)
{
	if (q->rules.levels)
		return level_of(q, e) >= q->rules.levels;
#ifdef MODEL_BREAK_LIMIT
	return q->rules.delivery_limit >= 0 && e->failures >= q->rules.delivery_limit;
#endif
	return q->rules.delivery_limit >= 0 && e->failures > q->rules.delivery_limit;
}

/* Nobody counts what nothing depends on. */
static bool counts_failures(const struct rules *r)
{
	return r->levels || r->delivery_limit >= 0 || r->retry_delay;
}

void queue_return(struct broker *b, struct queue *q, struct entry *e, bool failed)
{
	uint64_t delay = 0;

	e->consumer = NOBODY;
	e->state = READY;
	if (failed && counts_failures(&q->rules)) {
		e->failures++;
		if (gives_up(q, e)) {
			death_of_entry(b, q, e, DELIVERY_LIMIT);
			return;
		}
		delay = retry_delay(&q->rules, e->failures);
	}
#ifdef MODEL_BREAK_REQUEUE
	e->place = q->next_place++;
#endif
	if (delay) {
		e->state = RETRYING;
		e->due = b->now + delay;
	} else if (e->expires <= b->now) {
		death_of_entry(b, q, e, EXPIRED);
	}
}

/* ---- time and length ---- */

/* Of two at the same time, what has its place already; then the one that came first. */
static bool is_due_before(const struct entry *a, const struct entry *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	if (a->state != b->state)
		return a->state == RETRYING;
	return a->state == RETRYING ? a->place < b->place : a->came < b->came;
}

bool queue_wake_up(struct broker *b, struct queue *q)
{
	struct entry *e = NULL;
	unsigned int i;

	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state >= SCHEDULED && q->entry[i]->due <= b->now &&
		    (!e || is_due_before(q->entry[i], e)))
			e = q->entry[i];
	if (!e)
		return false;
	if (e->state == SCHEDULED) {
		e->place = q->next_place++;
		e->expires = expiry(b, q, &e->m);
		e->state = READY;
		return true;
	}
	e->state = READY;
	if (e->expires <= b->now)
		death_of_entry(b, q, e, EXPIRED);
	return true;
}

bool queue_expire(struct broker *b, struct queue *q)
{
	struct entry *e = NULL;
	unsigned int i;

#ifdef MODEL_BREAK_TTL
	e = head(q);
	if (e && e->expires > b->now)
		e = NULL;
#else
	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == READY && q->entry[i]->expires <= b->now &&
		    (!e || q->entry[i]->expires < e->expires ||
		     (q->entry[i]->expires == e->expires && q->entry[i]->place < e->place)))
			e = q->entry[i];
#endif
	(void)i;
	if (e)
		death_of_entry(b, q, e, EXPIRED);
	return e;
}

bool queue_shorten(struct broker *b, struct queue *q)
{
	if (q->rules.overflow != DROP_HEAD ||
	    (queue_count(q, READY) <= q->rules.max_length &&
	     bytes_of(q, false) <= (uint64_t)q->rules.max_bytes))
		return false;
	death_of_entry(b, q, head(q), MAXLEN);
	return true;
}

void queue_settle(struct broker *b, struct queue *q)
{
	while (consumer_dispatch(b, q) || queue_expire(b, q) || queue_shorten(b, q))
		;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t queue_deadline(const struct broker *b, const struct queue *q)
{
	uint64_t first = NEVER;
	unsigned int i;

	for (i = 0; i < q->nr; i++) {
		const struct entry *e = q->entry[i];

		if (e->state == READY)
			first = earlier(first, e->expires);
		else if (e->state != TAKEN)
			first = earlier(first, e->due);
		else
			first = earlier(first, e->timeout);
	}
	if (q->rules.expires >= 0 && !consumer_count(b, q->name))
		first = earlier(first, q->used_at + q->rules.expires);
	return first;
}

bool queue_expired(const struct broker *b, const struct queue *q)
{
	return q->rules.expires >= 0 && !consumer_count(b, q->name) &&
	       q->used_at + q->rules.expires <= b->now;
}
