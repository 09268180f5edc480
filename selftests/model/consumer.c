// SPDX-License-Identifier: GPL-2.0-only
#include "consumer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

static bool has_credit(const struct consumer *c)
{
	return !c->prefetch || c->held < c->prefetch;
}

/* Who was passed over comes last, when it has credit again. */
static void queue_up(struct broker *b, struct consumer *c)
{
	if (!c->passed_over || !has_credit(c))
		return;
	c->passed_over = false;
	c->turn = b->turn++;
}

unsigned int consumer_count(const struct broker *b, const char *queue)
{
	unsigned int i, nr = 0;

	for (i = 0; i < b->nr_consumers; i++)
		nr += b->consumer[i].open && b->consumer[i].attached &&
		      !strcmp(b->consumer[i].queue, queue);
	return nr;
}

static bool has_exclusive(const struct broker *b, const char *queue)
{
	unsigned int i;

	for (i = 0; i < b->nr_consumers; i++)
		if (b->consumer[i].open && b->consumer[i].attached && b->consumer[i].exclusive &&
		    !strcmp(b->consumer[i].queue, queue))
			return true;
	return false;
}

int consumer_open(struct broker *b, unsigned int session, const char *queue,
		  const struct consumer_options *options)
{
	struct queue *q = queue ? queue_find(b, queue) : NULL;
	struct consumer *c = &b->consumer[b->nr_consumers];

	if (queue && !q)
		return -ENOENT;
	if (q && queue_access(q, session))
		return -EBUSY;
	if (q && options->level != ANY_LEVEL && options->level >= (int)q->rules.levels)
		return -EINVAL;
	if (q && (has_exclusive(b, queue) || (options->exclusive && consumer_count(b, queue))))
		return -EACCES;
	if (b->nr_consumers == ROOM)
		return -ENOSPC;
	*c = (struct consumer){
		.open = true, .session = session, .pulls = !queue, .attached = queue,
		.noack = options->noack, .exclusive = options->exclusive,
		.prefetch = options->prefetch, .priority = options->priority,
		.level = options->level, .turn = b->turn++,
	};
	if (q) {
		strcpy(c->queue, queue);
		q->consumed = true;
	}
	b->nr_consumers++;
	broker_settle(b);
	return c - b->consumer;
}

int consumer_cancel(struct broker *b, unsigned int id)
{
	if (id >= b->nr_consumers || !b->consumer[id].open)
		return -ENOENT;
	consumer_stop(b, id);
	broker_settle(b);
	return 0;
}

void consumer_stop(struct broker *b, unsigned int id)
{
	struct consumer *c = &b->consumer[id];
	struct queue *q;

	if (!c->open || !c->attached)
		return;
	c->attached = false;
	q = queue_find(b, c->queue);
	if (!consumer_count(b, q->name)) {
		q->used_at = b->now;
		if (q->flags & F_AUTO_DELETE)
			queue_remove(b, q);
	}
}

/* The oldest entry that a consumer holds, in all queues. */
static struct entry *first_held(struct broker *b, unsigned int id, uint64_t from,
				struct queue **q)
{
	struct entry *first = NULL;
	unsigned int i, j;

	for (i = 0; i < b->nr_queues; i++)
		for (j = 0; j < b->queue[i]->nr; j++) {
			struct entry *e = b->queue[i]->entry[j];

			if (e->state != TAKEN || e->consumer != id || e->tag < from ||
			    (first && first->tag < e->tag))
				continue;
			first = e;
			*q = b->queue[i];
		}
	return first;
}

struct entry *consumer_holds(struct broker *b, unsigned int id, uint64_t tag, struct queue **q)
{
	struct entry *e = first_held(b, id, tag, q);

	return e && e->tag == tag ? e : NULL;
}

uint64_t consumer_nth(struct broker *b, unsigned int id, unsigned int n)
{
	struct entry *e = NULL;
	struct queue *q;
	uint64_t from = 1;

	do {
		e = first_held(b, id, from, &q);
		from = e ? e->tag + 1 : 0;
	} while (e && n--);
	return e ? e->tag : 0;
}

void consumer_lose(struct broker *b, struct entry *e, bool lapsed)
{
	struct consumer *c = &b->consumer[e->consumer];

	if (c->nr_gone == VOID_ROOM)
		abort();
	c->gone[c->nr_gone++] = (struct gone){ .tag = e->tag, .lapsed = lapsed };
	c->lapsed |= lapsed;
	if (lapsed)
		session_lose(&b->session[c->session], e->consumer, e->tag);
	c->held--;
	queue_up(b, c);
}

/*
 * All that it holds comes back before anything is delivered; but what was got comes
 * back one by one, and what follows from each follows before the next one does.
 */
void consumer_end(struct broker *b, unsigned int id, bool died)
{
	struct consumer *c = &b->consumer[id];
	bool attached = c->attached;
	struct entry *e;
	struct queue *q;

	if (!c->open)
		return;
	c->attached = false;
	session_lose_all(&b->session[c->session], id);
	while ((e = first_held(b, id, 0, &q))) {
		c->held--;
		queue_return(b, q, e, died);
		if (c->pulls)
			queue_settle(b, q);
	}
	c->open = false;
	q = attached ? queue_find(b, c->queue) : NULL;
	if (q && !consumer_count(b, q->name)) {
		q->used_at = b->now;
		if (q->flags & F_AUTO_DELETE)
			queue_remove(b, q);
	}
}

int consumer_close(struct broker *b, unsigned int id, bool died)
{
	if (id >= b->nr_consumers || !b->consumer[id].open)
		return -ENOENT;
	consumer_end(b, id, died);
	broker_settle(b);
	return 0;
}

int consumer_prefetch(struct broker *b, unsigned int id, unsigned int prefetch)
{
	if (id >= b->nr_consumers || !b->consumer[id].open)
		return -ENOENT;
	b->consumer[id].prefetch = prefetch;
	queue_up(b, &b->consumer[id]);
	broker_settle(b);
	return 0;
}

/* ---- delivering ---- */

static bool may_have_group(struct queue *q, const struct message *m, unsigned int id)
{
	unsigned int i;

	if (!q->rules.groups || !*m->group)
		return true;
	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == TAKEN && !strcmp(q->entry[i]->m.group, m->group) &&
		    q->entry[i]->consumer != id)
			return false;
	return true;
}

/* One of its group that came before that place waits to be tried again. */
static bool is_held_up(const struct queue *q, const struct message *m, uint64_t place)
{
	unsigned int i;

	if (!q->rules.groups || !*m->group)
		return false;
	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == RETRYING && q->entry[i]->place < place &&
		    !strcmp(q->entry[i]->m.group, m->group))
			return true;
	return false;
}

static bool overtakes(const struct queue *q, const struct entry *e)
{
	return is_held_up(q, &e->m, e->place);
}

static bool is_attached(const struct consumer *c, const struct queue *q)
{
	return c->open && c->attached && !strcmp(c->queue, q->name);
}

static unsigned int held_of(const struct queue *q, unsigned int id)
{
	unsigned int i, nr = 0;

	for (i = 0; i < q->nr; i++)
		nr += q->entry[i]->state == TAKEN && q->entry[i]->consumer == id;
	return nr;
}

/* Which one is active: the first of the highest priority, once the last one has settled. */
static void choose_active(struct broker *b, struct queue *q)
{
	unsigned int i, best = NOBODY;

	for (i = 0; i < b->nr_consumers; i++)
		if (is_attached(&b->consumer[i], q) &&
		    (best == NOBODY || b->consumer[i].priority > b->consumer[best].priority))
			best = i;
	if (q->active == best)
		return;
	if (q->active != NOBODY && held_of(q, q->active) && !q->rules.force_handover)
		return;
	q->active = best;
}

/* The active one gets no more once another one is to take over. */
static bool is_active(const struct broker *b, const struct queue *q, unsigned int id)
{
	unsigned int i;

	if (!q->rules.single_active)
		return true;
	for (i = 0; i < b->nr_consumers; i++)
		if (is_attached(&b->consumer[i], q) &&
		    b->consumer[i].priority > b->consumer[id].priority)
			return false;
	return q->active == id;
}

/* Whether it may have that, and could take it if it has credit. */
static bool may_take(const struct broker *b, struct queue *q, unsigned int id,
		     const struct message *m, int level)
{
	const struct consumer *c = &b->consumer[id];

	return is_attached(c, q) && (c->level == ANY_LEVEL || c->level == level) &&
	       is_active(b, q, id) && may_have_group(q, m, id);
}

static bool can_take(const struct broker *b, struct queue *q, unsigned int id,
		     const struct message *m, int level)
{
	return has_credit(&b->consumer[id]) && may_take(b, q, id, m, level);
}

/* Of those who can take it, the one of the highest priority that waited longest. */
static unsigned int taker(const struct broker *b, struct queue *q, const struct message *m,
			  int level)
{
	unsigned int i, best = NOBODY;

	for (i = 0; i < b->nr_consumers; i++) {
		const struct consumer *c = &b->consumer[i];

		if (!can_take(b, q, i, m, level))
			continue;
		if (best == NOBODY || c->priority > b->consumer[best].priority ||
		    (c->priority == b->consumer[best].priority &&
		     c->turn < b->consumer[best].turn))
			best = i;
	}
	return best;
}

static int level_of(const struct queue *q, const struct entry *e)
{
	return q->rules.levels ? (int)(e->failures / q->rules.demote_after) : 0;
}

/* Lower levels with something ready were passed over once more. */
static void count_passed(struct queue *q, int level)
{
	bool waits[MAX_LEVELS] = {};
	unsigned int i;

	if (!q->rules.levels)
		return;
	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == READY)
			waits[level_of(q, q->entry[i])] = true;
	q->passed[level] = 0;
	for (i = level + 1; i < q->rules.levels; i++)
		q->passed[i] += waits[i];
}

/* Who could have had that but for credit, and before its taker if it has one, will be last. */
static void pass_over(struct broker *b, struct queue *q, const struct message *m, int level,
		      unsigned int id)
{
	const struct consumer *taker = id == NOBODY ? NULL : &b->consumer[id];
	unsigned int i;

	for (i = 0; i < b->nr_consumers; i++) {
		struct consumer *c = &b->consumer[i];

		if (!has_credit(c) && may_take(b, q, i, m, level) &&
		    (!taker || c->priority > taker->priority ||
		     (c->priority == taker->priority && c->turn < taker->turn)))
			c->passed_over = true;
	}
}

static void take(struct broker *b, struct queue *q, struct entry *e, unsigned int id, bool noack,
		 struct text *out)
{
	struct consumer *c = &b->consumer[id];

	e->state = TAKEN;
	e->consumer = id;
	e->tag = ++c->last_tag;
	e->timeout = q->rules.consumer_timeout < 0 ? NEVER :
		     b->now + q->rules.consumer_timeout;
	c->held++;
	c->turn = b->turn++;
	count_passed(q, level_of(q, e));
	text_add(out, "[%s ", q->name);
	message_print(out, &e->m);
	text_add(out, "%s count=%u]", e->deliveries ? " redelivered" : "", e->deliveries);
	e->deliveries++;
	if (noack) {
		c->held--;
		queue_drop(q, e);
	}
}

/* The first one that nothing holds up, behind another one if that is given. */
static struct entry *next_ready(struct queue *q, const struct entry *behind)
{
	struct entry *first = NULL;
	unsigned int i;

	for (i = 0; i < q->nr; i++) {
		struct entry *e = q->entry[i];

		if (e->state == READY && (!behind || queue_before(q, behind, e)) &&
		    (!first || queue_before(q, e, first)) && !overtakes(q, e))
			first = e;
	}
	return first;
}

bool consumer_dispatch(struct broker *b, struct queue *q)
{
	unsigned int id = NOBODY;
	struct entry *e = NULL;

	if (q->rules.single_active)
		choose_active(b, q);
	if (q->paused)
		return false;
	while (id == NOBODY && (e = next_ready(q, e))) {
		id = taker(b, q, &e->m, level_of(q, e));
		pass_over(b, q, &e->m, level_of(q, e), id);
	}
	if (e)
		take(b, q, e, id, b->consumer[id].noack, &b->consumer[id].seen);
	return e;
}

bool consumer_waits_for(struct broker *b, struct queue *q, const struct message *m,
			unsigned int staged)
{
	const struct consumer *c;
	unsigned int i, id;

	for (i = 0; i < q->nr; i++)
		if (q->entry[i]->state == READY)
			return false;
	if (q->rules.single_active)
		choose_active(b, q);
	if (q->paused || is_held_up(q, m, NEVER))
		return false;
	id = taker(b, q, m, 0);
	/* who is asked in its turn, and has no credit, has had it */
	pass_over(b, q, m, 0, id);
	if (id == NOBODY)
		return false;
	c = &b->consumer[id];
	return c->noack || !c->prefetch || c->prefetch - c->held > staged;
}

int consumer_get(struct broker *b, unsigned int id, const char *queue, bool noack)
{
	struct queue *q = queue_find(b, queue);
	struct entry *first = NULL;
	unsigned int i;

	if (id >= b->nr_consumers || !b->consumer[id].open || !b->consumer[id].pulls)
		return -ENOENT;
	if (!q)
		return -ENOENT;
	if (queue_access(q, b->consumer[id].session))
		return -EBUSY;
	/* to ask for a queue by its name is a use, whatever comes of it */
	q->used_at = b->now;
	if (q->rules.single_active)
		return -EBUSY;
	for (i = 0; i < q->nr && !q->paused; i++) {
		struct entry *e = q->entry[i];

		if (e->state == READY && !overtakes(q, e) && may_have_group(q, &e->m, id) &&
		    (!first || queue_before(q, e, first)))
			first = e;
	}
	if (!first)
		return -EAGAIN;
	take(b, q, first, id, noack, &b->consumer[id].seen);
	broker_settle(b);
	return 0;
}

/* ---- settling ---- */

static void carry_out(struct broker *b, struct queue *q, struct entry *e,
		      enum verdict verdict, bool requeue)
{
	b->consumer[e->consumer].held--;
	if (verdict == ACCEPT)
		queue_drop(q, e);
	else if (requeue)
		queue_return(b, q, e, verdict == REJECT);
	else
		death_of_entry(b, q, e, REJECTED);
}

/* As consumer_end(): what was got is settled one by one. */
static void settle(struct broker *b, struct queue *q, struct entry *e, enum verdict verdict,
		   bool requeue)
{
	bool pulled = b->consumer[e->consumer].pulls;

	carry_out(b, q, e, verdict, requeue);
	if (pulled)
		queue_settle(b, q);
}

/* Keep back what becomes of one message. */
static void stage(struct session *s, unsigned int id, uint64_t tag, enum verdict verdict,
		  bool requeue)
{
	*session_stage(s) = (struct staged){
		.id = id, .tag = tag, .requeue = requeue, .verdict = verdict,
	};
}

/*
 * Tags whose message was taken away are settled as well, once; a transaction keeps that
 * back, too, but of what has lapsed there is nothing to settle.
 */
static unsigned int settle_lost(struct broker *b, unsigned int id, uint64_t tag, bool multiple)
{
	struct consumer *c = &b->consumer[id];
	struct session *s = &b->session[c->session];
	unsigned int i, kept = 0, settled = 0, nr = c->nr_gone;

	for (i = 0; i < nr; i++) {
		struct gone gone = c->gone[i];

		if (multiple ? tag && gone.tag > tag : gone.tag != tag) {
			c->gone[kept++] = gone;
		} else if (s->tx && !gone.lapsed) {
			c->gone[kept++] = gone;
			if (session_staged(s, id, gone.tag))
				continue;
			stage(s, id, gone.tag, ACCEPT, false);
			settled++;
		} else {
			settled++;
		}
	}
	c->nr_gone = kept;
	return settled;
}

static int settle_up_to(struct broker *b, unsigned int id, uint64_t tag, enum verdict verdict,
			bool requeue)
{
	int nr = settle_lost(b, id, tag, true);
	struct entry *e;
	struct queue *q;

	while ((e = first_held(b, id, 0, &q)) && (!tag || e->tag <= tag)) {
		settle(b, q, e, verdict, requeue);
		nr++;
	}
	return nr || !tag ? 0 : -EINVAL;
}

/* As settle_up_to(), in a transaction. */
static int stage_up_to(struct broker *b, unsigned int id, uint64_t tag, enum verdict verdict,
		       bool requeue)
{
	struct session *s = &b->session[b->consumer[id].session];
	int nr = settle_lost(b, id, tag, true);
	uint64_t from = 1;
	struct entry *e;
	struct queue *q;

	while ((e = first_held(b, id, from, &q)) && (!tag || e->tag <= tag)) {
		from = e->tag + 1;
		if (session_staged(s, id, e->tag))
			continue;
		stage(s, id, e->tag, verdict, requeue);
		nr++;
	}
	return nr || !tag || b->consumer[id].lapsed ? 0 : -EINVAL;
}

static int settle_one(struct broker *b, unsigned int id, uint64_t tag, enum verdict verdict,
		      bool requeue)
{
	struct session *s = &b->session[b->consumer[id].session];
	struct queue *q;
	struct entry *e = consumer_holds(b, id, tag, &q);

	if (!e)
		return settle_lost(b, id, tag, false) ? 0 : -EINVAL;
	if (!s->tx)
		settle(b, q, e, verdict, requeue);
	else if (session_staged(s, id, tag))
		return -EINVAL;
	else
		stage(s, id, tag, verdict, requeue);
	return 0;
}

int consumer_take(struct broker *b, unsigned int id, uint64_t tag, bool multiple,
		  enum verdict verdict, bool requeue)
{
	struct consumer *c = id < b->nr_consumers ? &b->consumer[id] : NULL;
	int err = -EINVAL;

	if (!c || !c->open)
		return -ENOENT;
	if (!multiple)
		err = settle_one(b, id, tag, verdict, requeue);
	else if (tag <= c->last_tag && b->session[c->session].tx)
		err = stage_up_to(b, id, tag, verdict, requeue);
	else if (tag <= c->last_tag)
		err = settle_up_to(b, id, tag, verdict, requeue);
	queue_up(b, c);
	if (err) {
		/* It has lost count: what it says is worth nothing from here on. */
		text_add(&c->seen, "broken");
		consumer_end(b, id, true);
	}
	return err;
}

void consumer_commit(struct broker *b, unsigned int id, uint64_t tag, enum verdict verdict,
		     bool requeue)
{
	struct queue *q;
	struct entry *e = consumer_holds(b, id, tag, &q);

	/* its queue may be gone */
	if (e)
		carry_out(b, q, e, verdict, requeue);
	else
		settle_lost(b, id, tag, false);
	queue_up(b, &b->consumer[id]);
}

int consumer_settle(struct broker *b, unsigned int id, uint64_t tag, bool multiple,
		    enum verdict verdict, bool requeue)
{
	int err = consumer_take(b, id, tag, multiple, verdict, requeue);

	broker_settle(b);
	return err;
}
