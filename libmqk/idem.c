// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Idempotent consumers: a bounded table of what was done, and a frame around the
 * effect of a message that is to happen once.
 *
 * The table has a place for each name that was done, the last ones, and for those
 * that are being done, which never lose theirs.  It is one of the process: what must
 * survive it, or be atomic with the effect, the user's store remembers; then the
 * table only saves asking it.
 *
 * The mutex guards the table.  No callback is called under it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "session.h"

#define ENTRIES_DEFAULT	65536u
#define ENTRIES_MAX	(1u << 24)
#define BUCKETS_MIN	64u

/* Names of messages and names of things with versions are not the same. */
enum kind { ID, KEY };

/* A name that was done, or is being done. */
struct entry {
	struct entry *next;		/* in the bucket */
	struct entry *newer, *older;	/* of those that are done */
	uint64_t hash;
	uint64_t version;		/* of a KEY */
	size_t len;
	enum kind kind;
	bool busy;
	unsigned char name[];
};

struct mqk_idem {
	pthread_mutex_t lock;
	const struct mqk_idem_store *store;
	void *ctx;
	uint64_t seed;
	uint32_t nr, max, mask;
	struct entry *newest, *oldest;
	struct entry *bucket[];
};

static uint64_t hash(const struct mqk_idem *t, enum kind kind, const void *name,
		     size_t len)
{
	uint64_t h = t->seed ^ (uint64_t)kind << 63;
	const unsigned char *at = name;

	while (len--)
		h = (h ^ *at++) * 0x100000001b3ull;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	return h ^ h >> 33;
}

static struct entry **place_of(struct mqk_idem *t, enum kind kind, const void *name,
			       size_t len, uint64_t h)
{
	struct entry **p = &t->bucket[h & t->mask], *e;

	for (; (e = *p); p = &e->next)
		if (e->hash == h && e->kind == kind && e->len == len &&
		    !memcmp(e->name, name, len))
			break;
	return p;
}

static void unlink_done(struct mqk_idem *t, struct entry *e)
{
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
}

static void link_done(struct mqk_idem *t, struct entry *e)
{
	e->newer = NULL;
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
}

static void forget(struct mqk_idem *t, struct entry **place)
{
	struct entry *e = *place;

	*place = e->next;
	t->nr--;
	free(e);
}

/* A place for one more: the one that was done longest ago goes. */
static bool make_room(struct mqk_idem *t)
{
	struct entry *e = t->oldest;

	if (t->nr < t->max)
		return true;
	if (!e)
		return false;
	unlink_done(t, e);
	forget(t, place_of(t, e->kind, e->name, e->len, e->hash));
	return true;
}

/*
 * Begin something: its entry, busy, in *to, and 1 when it was not there.  An entry of
 * a key that was there is taken out of those that are done.
 */
static int begin(struct mqk_idem *t, enum kind kind, const void *name, size_t len,
		 struct entry **to)
{
	uint64_t h = hash(t, kind, name, len);
	struct entry **place = place_of(t, kind, name, len, h), *e = *place;

	if (e && e->busy)
		return -EBUSY;
	if (e) {
		unlink_done(t, e);
		if (kind == ID)
			link_done(t, e);
		e->busy = kind == KEY;
		*to = e;
		return 0;
	}
	if (!make_room(t))
		return -ENOBUFS;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return -ENOMEM;
	*e = (struct entry){ .hash = h, .len = len, .kind = kind, .busy = true };
	memcpy(e->name, name, len);
	/* after make_room(), which may have changed the bucket */
	e->next = t->bucket[h & t->mask];
	t->bucket[h & t->mask] = e;
	t->nr++;
	*to = e;
	return 1;
}

static int begin_one(struct mqk_idem *t, enum kind kind, const void *name,
			size_t len, struct entry **to)
{
	int ret;

	if (!len || !name)
		return -EINVAL;
	pthread_mutex_lock(&t->lock);
	ret = begin(t, kind, name, len, to);
	pthread_mutex_unlock(&t->lock);
	return ret;
}

/* What is busy is done, or forgotten. */
static void end_locked(struct mqk_idem *t, struct entry *e, bool keep)
{
	e->busy = false;
	if (keep)
		link_done(t, e);
	else
		forget(t, place_of(t, e->kind, e->name, e->len, e->hash));
}

static void end(struct mqk_idem *t, struct entry *e, bool keep)
{
	pthread_mutex_lock(&t->lock);
	end_locked(t, e, keep);
	pthread_mutex_unlock(&t->lock);
}

int mqk_idem_open(const struct mqk_idem_opts *opts, struct mqk_idem **to)
{
	struct mqk_idem_opts o;
	uint32_t buckets = BUCKETS_MIN;
	struct mqk_idem *t;
	int err;

	if (!to)
		return -EINVAL;
	err = mqk_opts_take(&o, sizeof(o), opts);
	if (err)
		return err;
	if (!o.entries)
		o.entries = ENTRIES_DEFAULT;
	if (o.entries > ENTRIES_MAX)
		return -EINVAL;
	if (o.store && (!o.store->begin || !o.store->commit || !o.store->rollback))
		return -EINVAL;
	while (buckets < o.entries)
		buckets *= 2;
	t = calloc(1, sizeof(*t) + buckets * sizeof(t->bucket[0]));
	if (!t)
		return -ENOMEM;
	/* or whoever chooses names could choose which collide */
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed)) {
		free(t);
		return -EIO;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->store = o.store;
	t->ctx = o.ctx;
	t->max = o.entries;
	t->mask = buckets - 1;
	*to = t;
	return 0;
}

void mqk_idem_close(struct mqk_idem *t)
{
	struct entry *e, *next;
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i <= t->mask; i++)
		for (e = t->bucket[i]; e; e = next) {
			next = e->next;
			free(e);
		}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int mqk_idem_begin(struct mqk_idem *t, const void *id, size_t len)
{
	struct entry *e;

	return begin_one(t, ID, id, len, &e);
}

int mqk_idem_end(struct mqk_idem *t, const void *id, size_t len, bool done)
{
	struct entry *e;
	bool busy;

	if (!len || !id)
		return -EINVAL;
	pthread_mutex_lock(&t->lock);
	e = *place_of(t, ID, id, len, hash(t, ID, id, len));
	busy = e && e->busy;
	if (busy)
		end_locked(t, e, done);
	pthread_mutex_unlock(&t->lock);
	return busy ? 0 : -ENOENT;
}

/* ---- around the effect ---- */

/* What a store is asked: 1 go on, 0 it was done, or -errno. */
static int ask_id(struct mqk_idem *t, const struct entry *e, uint64_t version)
{
	int known;

	(void)version;
	if (!t->store || !t->store->check)
		return 1;
	known = t->store->check(t->ctx, e->name, e->len);
	return known < 0 ? known : !known;
}

static int record_id(struct mqk_idem *t, const struct entry *e, uint64_t version)
{
	int err;

	(void)version;
	if (!t->store || !t->store->record)
		return 1;
	err = t->store->record(t->ctx, e->name, e->len);
	/* a unique key is there: somebody else has done it */
	return err == -EEXIST ? 0 : err < 0 ? err : 1;
}

static int ask_key(struct mqk_idem *t, const struct entry *e, uint64_t version)
{
	uint64_t now = e->version;
	int err = 0;

	if (t->store && t->store->version)
		err = t->store->version(t->ctx, e->name, e->len, &now);
	return err < 0 ? err : version > now;
}

static int record_key(struct mqk_idem *t, const struct entry *e, uint64_t version)
{
	int err = 0;

	if (t->store && t->store->set_version)
		err = t->store->set_version(t->ctx, e->name, e->len, version);
	return err < 0 ? err : 1;
}

typedef int (*ask_fn)(struct mqk_idem *t, const struct entry *e, uint64_t version);

/* Ask, do it and record it: 1, 0 when it was known, or -errno. */
static int try_it(struct mqk_idem *t, const struct entry *e, uint64_t version,
		  mqk_idem_effect effect, void *arg)
{
	static const ask_fn ask[] = { ask_id, ask_key };
	static const ask_fn record[] = { record_id, record_key };
	int ret = ask[e->kind](t, e, version);

	if (ret <= 0)
		return ret;
	ret = effect(arg);
	return ret < 0 ? ret : record[e->kind](t, e, version);
}

/* The same, in one transaction of the store. */
static int attempt(struct mqk_idem *t, const struct entry *e, uint64_t version,
		   mqk_idem_effect effect, void *arg)
{
	int ret, err;

	if (!t->store)
		return try_it(t, e, version, effect, arg);
	err = t->store->begin(t->ctx);
	if (err < 0)
		return err;
	ret = try_it(t, e, version, effect, arg);
	if (ret > 0) {
		err = t->store->commit(t->ctx);
		if (err >= 0)
			return ret;
		ret = err;
	}
	t->store->rollback(t->ctx);
	return ret;
}

int mqk_idem_once(struct mqk_idem *t, const void *id, size_t len,
		  mqk_idem_effect effect, void *arg)
{
	struct entry *e;
	int ret;

	if (!effect)
		return -EINVAL;
	ret = begin_one(t, ID, id, len, &e);
	if (ret <= 0)
		return ret;
	ret = attempt(t, e, 0, effect, arg);
	end(t, e, ret >= 0);
	return ret;
}

int mqk_idem_update(struct mqk_idem *t, const void *key, size_t len,
		    uint64_t version, mqk_idem_effect effect, void *arg)
{
	struct entry *e;
	bool known;
	int ret;

	if (!effect || !version)
		return -EINVAL;
	ret = begin_one(t, KEY, key, len, &e);
	if (ret < 0)
		return ret;
	known = !ret;
	/* what is known never falls: no need to ask */
	ret = known && version <= e->version ? 0 : attempt(t, e, version, effect, arg);
	if (ret > 0)
		e->version = version;
	end(t, e, known || ret > 0);
	return ret;
}

int mqk_idem_id(const struct mqk_msg *msg, struct mqk_text *id)
{
	struct mqk_properties p = { .sz = sizeof(p) };
	int ret = mqk_properties_get(msg, &p);

	if (ret < 0)
		return ret;
	if (!p.message_id.at || !p.message_id.len)
		return -ENOENT;
	*id = p.message_id;
	return 0;
}
