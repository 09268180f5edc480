// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls on consumers, and those that wait.
 */
#include "ioctl.h"

#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "attach.h"
#include "broker.h"
#include "consumer.h"
#include "deliver.h"
#include "limits.h"
#include "owner.h"
#include "peek.h"
#include "port.h"
#include "queue.h"
#include "retire.h"
#include "ringmap.h"
#include "segment.h"
#include "session.h"
#include "util/headers.h"

#define CONSUMER_FLAGS (MQK_CONSUMER_F_NOACK | MQK_CONSUMER_F_EXCLUSIVE | \
			MQK_CONSUMER_F_COPY | MQK_CONSUMER_F_PULL)

static int check_create(struct mqk_session *s,
			const struct mqk_consumer_create *a,
			struct mqk_refusal *why)
{
	bool pull = a->flags & MQK_CONSUMER_F_PULL;

	if (mqk_bad_flags(a->flags, CONSUMER_FLAGS) || a->resv ||
	    (pull && (a->queue || a->queue_len || a->args_len ||
		      a->flags & MQK_CONSUMER_F_EXCLUSIVE)))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (!(s->access & MQK_ACCESS_MAP) && !(a->flags & MQK_CONSUMER_F_COPY))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	return 0;
}

static int read_arg(const struct mqk_header_at *h, struct mqk_consumer_options *o)
{
	struct mqk_value v = mqk_value_of(h);
	s64 n = v.number;

	if (v.class != MQK_VALUE_NUMBER)
		return -EINVAL;
	if (mqk_header_is(h, "x-priority") && n >= S32_MIN && n <= S32_MAX)
		o->priority = n;
	else if (mqk_header_is(h, "x-mqk-level") && n >= 0 && n < MQK_LEVELS_MAX)
		o->level = n;
	else
		return -EINVAL;
	return 0;
}

/* What the arguments ask for; of one that is given twice, the last counts. */
static int read_args(const struct mqk_consumer_create *a,
		     struct mqk_consumer_options *o, struct mqk_refusal *why)
{
	void *args = mqk_copy_headers(a->args, a->args_len, why);
	u32 len = a->args_len;
	struct mqk_header_at h;
	const u8 *p = args;
	int err = 0;

	if (IS_ERR(args))
		return PTR_ERR(args);
	while (!err && mqk_header_next(&p, &len, &h))
		err = read_arg(&h, o);
	kvfree(args);
	return err ? mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, err) : 0;
}

/* The queue of a name, with a reference, if the session may consume it. */
static struct mqk_queue *find_queue(struct mqk_session *s,
				    const struct mqk_text *name,
				    struct mqk_refusal *why)
{
	struct mqk_queue *q;
	int err;

	mutex_lock(&s->broker->mutex);
	q = mqk_queue_find(s->broker, name->text, name->len);
	if (!q)
		err = mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	else
		err = mqk_queue_access(q, s->cred, s, MQK_MAY_READ, why);
	if (!err)
		kref_get(&q->ref);
	mutex_unlock(&s->broker->mutex);
	return err ? ERR_PTR(err) : q;
}

static void fill_consumer(struct mqk_consumer_create *a, struct mqk_consumer *c,
			  const struct mqk_queue *q)
{
	a->prefetch = c->prefetch;
	a->entries = c->mask + 1;
	a->ack_entries = c->ack_mask + 1;
	a->ring_offset = MQK_CONSUMER_RING;
	a->page_size = mqk_area_size(&c->kernel_area);
	a->user_size = mqk_area_size(&c->user_area);
	a->ack_offset = MQK_CONSUMER_ACKS;
	a->queue_id = q ? q->id : 0;
}

int mqk_ioctl_consumer_create(struct mqk_session *s, void *arg,
			      struct mqk_refusal *why)
{
	struct mqk_consumer_create *a = arg;
	struct mqk_consumer_options o = {
		.flags = a->flags, .prefetch = a->prefetch, .entries = a->entries,
		.level = MQK_ANY_LEVEL,
	};
	struct mqk_queue *q = NULL;
	struct mqk_consumer *c;
	struct mqk_text name;
	int err;

	err = check_create(s, a, why) ?: read_args(a, &o, why);
	if (err)
		return err;
	if (!(a->flags & MQK_CONSUMER_F_PULL)) {
		err = mqk_copy_name(&name, a->queue, a->queue_len, false, why);
		if (err)
			return err;
		q = find_queue(s, &name, why);
		if (IS_ERR(q))
			return PTR_ERR(q);
	}
	c = mqk_consumer_alloc(s->broker, s->tenant, &o, why);
	if (IS_ERR(c)) {
		if (q)
			mqk_queue_put(q);
		return PTR_ERR(c);
	}
	fill_consumer(a, c, q);
	refcount_inc(&c->refs);		/* ours: another thread may close it */
	err = mqk_session_add_consumer(s, c, q, why);
	if (err) {
		mqk_consumer_put(c);
	} else {
		a->id = c->id;
		a->page_offset = mqk_map_offset(MQK_MAP_CONSUMER_PAGE, a->id);
		a->user_offset = mqk_map_offset(MQK_MAP_CONSUMER_USER, a->id);
	}
	mqk_consumer_put(c);
	return err;
}

int mqk_ioctl_consumer_cancel(struct mqk_session *s, void *arg,
			      struct mqk_refusal *why)
{
	struct mqk_id *a = arg;
	struct mqk_consumer *c;

	if (a->flags || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	c = mqk_session_consumer(s, a->id);
	if (!c)
		return -ENOENT;
	mqk_consumer_cancel(c);
	if (c->queue)
		mqk_queue_autodelete(c->queue);
	mqk_consumer_put(c);
	return 0;
}

int mqk_ioctl_consumer_close(struct mqk_session *s, void *arg,
			     struct mqk_refusal *why)
{
	struct mqk_id *a = arg;

	if (a->flags || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	return mqk_session_drop_consumer(s, a->id, false);
}

int mqk_ioctl_prefetch(struct mqk_session *s, void *arg,
		       struct mqk_refusal *why)
{
	struct mqk_prefetch *a = arg;
	struct mqk_consumer *c;
	int err;

	if (a->flags)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	c = mqk_session_consumer(s, a->id);
	if (!c)
		return -ENOENT;
	err = mqk_consumer_prefetch(c, a->prefetch);
	if (err == -EINVAL)
		mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, err);
	mqk_consumer_put(c);
	return err;
}

/* MQK_IOC_KICK: a hot path, so no structure and no table */
int mqk_ioctl_kick(struct mqk_session *s, unsigned long id)
{
	struct mqk_consumer *c = mqk_session_consumer(s, id);
	struct mqk_refusal why = {};
	int n = READ_ONCE(s->broker->dead) ? -ESHUTDOWN : -ENOENT;

	if (likely(c)) {
		n = mqk_consumer_kick(c);
		mqk_consumer_put(c);
	}
	if (unlikely(n < 0)) {
		if (READ_ONCE(s->broker->dead))
			n = -ESHUTDOWN;
		why.rule = n == -EINVAL ? MQK_RULE_UNKNOWN_TAG :
			   n == -EOVERFLOW ? MQK_RULE_TX_LIMIT :
			   n == -EPROTO ? MQK_RULE_BROKEN : MQK_RULE_NONE;
		mqk_session_refused(s, n, &why);
	}
	return n;
}

/*
 * Sleep until woken, a signal, or the time that is left has passed.  Returns 0
 * when the caller should look again.
 */
static int nap(ktime_t *deadline, s64 timeout)
{
	if (signal_pending(current))
		return -EINTR;
	if (timeout < 0) {
		schedule();
		return 0;
	}
	if (!schedule_hrtimeout(deadline, HRTIMER_MODE_ABS))
		return -ETIMEDOUT;
	return 0;
}

/* Something to wait for, and who else may wake us. */
struct await {
	wait_queue_head_t *wq;
	wait_queue_head_t *also;
	bool (*ready)(void *object);
	void *object;
};

static ktime_t deadline_of(s64 timeout)
{
	return ktime_add_safe(ktime_get(), ns_to_ktime(max(timeout, 0ll)));
}

static int await(const struct await *w, s64 timeout, ktime_t deadline)
{
	DEFINE_WAIT(wait);
	DEFINE_WAIT(also);
	int err = 0;

	if (w->ready(w->object))
		return 0;
	if (!timeout)
		return -EAGAIN;
	for (;;) {
		if (w->also)
			prepare_to_wait(w->also, &also, TASK_INTERRUPTIBLE);
		prepare_to_wait(w->wq, &wait, TASK_INTERRUPTIBLE);
		if (w->ready(w->object)) {
			err = 0;
			break;
		}
		if (err)
			break;
		err = nap(&deadline, timeout);
	}
	finish_wait(w->wq, &wait);
	if (w->also)
		finish_wait(w->also, &also);
	return err;
}

static bool consumer_ready(void *object)
{
	return mqk_consumer_readable(object);
}

static bool port_ready(void *object)
{
	return mqk_port_readable(object);
}

static bool port_has_room(void *object)
{
	return mqk_port_writable(object);
}

static int wait_consumer(struct mqk_session *s, const struct mqk_wait *a)
{
	struct mqk_consumer *c = mqk_session_consumer(s, a->id);
	struct await w = { .ready = consumer_ready };
	int err;

	if (!c)
		return -ENOENT;
	w.wq = &c->wq;
	w.object = c;
	err = mqk_consumer_kick(c);
	if (err >= 0) {
		WRITE_ONCE(c->cpu, raw_smp_processor_id());
		err = await(&w, a->timeout, deadline_of(a->timeout));
		WRITE_ONCE(c->cpu, -1);
	}
	/* What is in the ring comes first, then the end. */
	if (err >= 0 && READ_ONCE(c->pos) == READ_ONCE(c->user->head)) {
		err = READ_ONCE(c->error);
		if (!err && READ_ONCE(c->page->flags) & MQK_CONSUMER_PAGE_F_CANCELLED)
			err = -ENOENT;
	}
	mqk_consumer_put(c);
	return min(err, 0);
}

static int wait_port(struct mqk_session *s, const struct mqk_wait *a)
{
	struct mqk_port *p = mqk_session_port(s, a->id);
	struct await w = { .ready = port_ready };
	int err;

	if (!p)
		return -ENOENT;
	w.wq = &p->wq;
	w.object = p;
	err = await(&w, a->timeout, deadline_of(a->timeout));
	if (!err && READ_ONCE(p->pos) == READ_ONCE(p->user->head))
		err = READ_ONCE(p->error);
	mqk_port_put(p);
	return err;
}

static int wait_room(struct mqk_session *s, const struct mqk_wait *a)
{
	struct mqk_port *p = mqk_session_port(s, a->id);
	struct await w = { .ready = port_has_room };
	int err;

	if (!p)
		return -ENOENT;
	w.wq = &p->wq;
	w.object = p;
	err = await(&w, a->timeout, deadline_of(a->timeout)) ?: READ_ONCE(p->error);
	mqk_port_put(p);
	return err;
}

int mqk_ioctl_wait(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_wait *a = arg;

	if (a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	switch (a->flags) {
	case MQK_WAIT_F_CONSUMER:
		return wait_consumer(s, a);
	case MQK_WAIT_F_PORT:
		return wait_port(s, a);
	case MQK_WAIT_F_ROOM:
		return wait_room(s, a);
	}
	return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
}

/* A get that waits. */
struct getter {
	struct mqk_queue *q;
	struct mqk_consumer *c;
	struct mqk_delivery delivery;
	u64 ready;
};

static bool getter_ready(void *object)
{
	struct getter *g = object;

	return mqk_queue_gettable(g->q, g->c) || READ_ONCE(g->c->error);
}

static int get(struct getter *g, s64 timeout)
{
	struct await w = {
		.wq = &g->q->getters,
		.also = &g->c->wq,
		.ready = getter_ready,
		.object = g,
	};
	ktime_t deadline = deadline_of(timeout);
	int err, get_err;

	err = mqk_consumer_kick(g->c);
	while (err >= 0) {
		mutex_lock(&g->c->mutex);
		get_err = mqk_queue_get(g->q, g->c, &g->delivery, &g->ready);
		mutex_unlock(&g->c->mutex);
		if (get_err != -EAGAIN)
			return get_err;
		/* It may be gone again when we wake: then try again. */
		err = await(&w, timeout, deadline);
		if (!timeout)
			return -EAGAIN;
	}
	return err;
}

int mqk_ioctl_get(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_get *a = arg;
	struct getter g = {};
	int err;

	if (a->flags)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	/* It is too late to find out when a message has been taken. */
	if (copy_to_user(u64_to_user_ptr(a->delivery), &g.delivery,
			 sizeof(g.delivery)))
		return -EFAULT;
	g.c = mqk_session_consumer(s, a->consumer);
	if (!g.c)
		return -ENOENT;
	err = -EINVAL;
	if (!mqk_consumer_pulls(g.c))
		goto out_consumer;
	g.q = mqk_queue_get_by_id(s->broker, a->queue);
	err = mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	if (!g.q)
		goto out_consumer;
	why->rule = MQK_RULE_NONE;
	err = mqk_queue_access(g.q, s->cred, s, MQK_MAY_READ, why);
	if (!err && g.q->single)
		err = mqk_refuse(why, MQK_RULE_SINGLE_ACTIVE, -EBUSY);
	if (!err) {
		err = get(&g, a->timeout);
		if (err == -EACCES)	/* an exclusive consumer */
			mqk_refuse(why, MQK_RULE_IN_USE, err);
	}
	if (!err) {
		a->ready = g.ready;
		if (copy_to_user(u64_to_user_ptr(a->delivery), &g.delivery,
				 sizeof(g.delivery))) {
			mqk_consumer_give_back(g.q, g.c, g.delivery.tag);
			err = -EFAULT;
		}
	}
	mqk_queue_put(g.q);
out_consumer:
	mqk_consumer_put(g.c);
	return err;
}

/*
 * Copy a part of a record: its key, headers and payload are somebody's message,
 * what lies between them is not, and appears as zeros.
 */
static int copy_record(const struct mqk_peek *peek, u64 offset, u64 data,
		       u64 len)
{
	const struct mqk_delivery *d = &peek->delivery;
	const u8 *record = peek->segment->vaddr + MQK_REF_OFFSET(d->ref);
	const struct {
		u64 start;
		u64 end;
	} part[] = {
		{ MQK_RECORD_KEY, MQK_RECORD_KEY + d->key_len },
		{ MQK_RECORD_HEADERS(d->key_len),
		  MQK_RECORD_HEADERS(d->key_len) + d->headers_len },
		{ MQK_RECORD_PAYLOAD(d->key_len, d->headers_len),
		  MQK_RECORD_PAYLOAD(d->key_len, d->headers_len) +
		  (u64)d->payload_len },
	};
	u64 at = offset, end = offset + len, stop;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		stop = min(end, part[i].start);
		if (at < stop) {
			if (clear_user(u64_to_user_ptr(data + at - offset),
				       stop - at))
				return -EFAULT;
			at = stop;
		}
		stop = min(end, part[i].end);
		if (at < stop) {
			if (copy_to_user(u64_to_user_ptr(data + at - offset),
					 record + at, stop - at))
				return -EFAULT;
			at = stop;
		}
	}
	return 0;
}

/* Bytes of a record, without what pads its payload. */
static u64 record_len(const struct mqk_delivery *d)
{
	return MQK_RECORD_PAYLOAD(d->key_len, d->headers_len) +
	       (u64)d->payload_len;
}

int mqk_ioctl_read(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_read *a = arg;
	struct mqk_consumer *c;
	struct mqk_peek peek;
	u64 size;
	int err;

	if (a->flags || a->resv || a->offset < MQK_RECORD_KEY)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	c = mqk_session_consumer(s, a->consumer);
	if (!c)
		return -ENOENT;
	err = mqk_consumer_peek(c, a->tag, &peek);
	if (err) {
		mqk_refuse(why, MQK_RULE_UNKNOWN_TAG, err);
	} else {
		size = record_len(&peek.delivery);
		a->len = a->offset < size ? min(a->len, size - a->offset) : 0;
		err = copy_record(&peek, a->offset, a->data, a->len);
		mqk_peek_end(&peek);
	}
	mqk_consumer_put(c);
	return err;
}

static int browse(struct mqk_session *s, struct mqk_queue *q,
		  struct mqk_browse *a, struct mqk_refusal *why)
{
	struct mqk_peek peek;
	u64 size, room = a->len;
	int err;

	err = mqk_queue_access(q, s->cred, s, MQK_MAY_READ, why) ?:
	      mqk_queue_peek(q, &a->seq, &peek);
	if (err)
		return err;
	size = record_len(&peek.delivery) - MQK_RECORD_KEY;
	a->len = size;
	err = copy_record(&peek, MQK_RECORD_KEY, a->data, min(room, size));
	if (!err && copy_to_user(u64_to_user_ptr(a->delivery), &peek.delivery,
				 sizeof(peek.delivery)))
		err = -EFAULT;
	mqk_peek_end(&peek);
	return err;
}

int mqk_ioctl_browse(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_browse *a = arg;
	struct mqk_queue *q;
	int err;

	if (a->flags || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	q = mqk_queue_get_by_id(s->broker, a->queue);
	if (!q)
		return mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	err = browse(s, q, a, why);
	mqk_queue_put(q);
	return err;
}
