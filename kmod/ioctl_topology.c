// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls on exchanges, queues and bindings.
 */
#include "ioctl.h"

#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "attach.h"
#include "binding.h"
#include "broker.h"
#include "definition.h"
#include "dying.h"
#include "exchange.h"
#include "extra.h"
#include "give.h"
#include "group.h"
#include "journal.h"
#include "limits.h"
#include "link.h"
#include "port.h"
#include "queue.h"
#include "reply.h"
#include "retained.h"
#include "retire.h"
#include "route.h"
#include "rules.h"
#include "seen.h"
#include "session.h"

#define EXCHANGE_FLAGS (MQK_DECLARE_F_PASSIVE | MQK_DECLARE_F_DURABLE |	\
			MQK_DECLARE_F_AUTO_DELETE | MQK_DECLARE_F_INTERNAL | \
			MQK_DECLARE_F_MODE)
#define QUEUE_FLAGS (MQK_DECLARE_F_PASSIVE | MQK_DECLARE_F_DURABLE |	\
		     MQK_DECLARE_F_AUTO_DELETE | MQK_DECLARE_F_EXCLUSIVE | \
		     MQK_DECLARE_F_MODE | MQK_DECLARE_F_REPLY)

#define EXCHANGE_MODE	0766
#define QUEUE_MODE	0700

/* What the arguments of a queue ask for. */
static int copy_rules(u64 from, u32 len, struct mqk_rules *rules,
		      struct mqk_refusal *why)
{
	void *args = mqk_copy_headers(from, len, why);
	int err;

	if (IS_ERR(args))
		return PTR_ERR(args);
	err = mqk_rules_parse(rules, args, len, why);
	kvfree(args);
	return err;
}

/* What a declare names and wants, but for its flags. */
static int start_declare(struct mqk_session *s, struct mqk_declare *d,
			 u32 flags, u32 mode, u32 default_mode,
			 struct mqk_refusal *why)
{
	if (mode & ~0777u || (mode && !(flags & MQK_DECLARE_F_MODE)))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	d->flags = flags;
	d->owner.uid = s->cred->fsuid;
	d->owner.gid = s->cred->fsgid;
	d->owner.mode = flags & MQK_DECLARE_F_MODE ? mode : default_mode;
	d->tenant = s->tenant;
	d->session = s;
	d->exclusive = &s->exclusive;
	return 0;
}

/* Lock the broker's names, unless it is being removed. */
static int lock_names(struct mqk_session *s)
{
	mutex_lock(&s->broker->mutex);
	if (!s->broker->dead)
		return 0;
	mutex_unlock(&s->broker->mutex);
	return -ESHUTDOWN;
}

static void unlock_names(struct mqk_session *s)
{
	mutex_unlock(&s->broker->mutex);
}

/* Locked: how much the broker has noted for its disk. */
static u64 noted(const struct mqk_session *s)
{
	return s->broker->journal ? s->broker->journal->noted : 0;
}

/*
 * Have on the disk what a call has changed; and what it found as it wanted it, too,
 * since who changed that may still be waiting.  Only the former can fail it.
 */
static int keep(struct mqk_session *s, bool changed, struct mqk_refusal *why)
{
	struct mqk_refusal unused;

	if (changed)
		return mqk_journal_flush(s->broker->journal, why);
	mqk_journal_flush(s->broker->journal, &unused);
	return 0;
}

/* Whether what is declared is kept by a broker that keeps anything. */
static bool is_kept(u32 flags)
{
	const u32 not = MQK_DECLARE_F_PASSIVE | MQK_DECLARE_F_EXCLUSIVE;

	return flags & MQK_DECLARE_F_DURABLE && !(flags & not);
}

int mqk_ioctl_exchange_declare(struct mqk_session *s, void *arg,
			       struct mqk_refusal *why)
{
	struct mqk_exchange_declare *a = arg;
	struct mqk_declare d = { .type = a->type };
	struct mqk_definition *def = NULL;
	struct mqk_text name;
	void *args;
	int err;

	if (mqk_bad_flags(a->flags, EXCHANGE_FLAGS) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (!(a->flags & MQK_DECLARE_F_PASSIVE) && !(s->access & MQK_ACCESS_WRITE))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	err = start_declare(s, &d, a->flags, a->mode, EXCHANGE_MODE, why) ?:
	      mqk_copy_name(&name, a->name, a->name_len, true, why);
	if (err)
		return err;
	args = mqk_copy_headers(a->args, a->args_len, why);
	if (IS_ERR(args))
		return PTR_ERR(args);
	d.name = name.text;
	d.name_len = name.len;
	d.args = args;
	d.args_len = a->args_len;
	d.cred = s->cred;
	d.definition = &def;

	if (is_kept(a->flags))
		def = mqk_define_begin(s->broker, name.len, a->args_len, s->tenant, why);
	err = IS_ERR(def) ? PTR_ERR(def) : lock_names(s);
	if (!err) {
		err = mqk_exchange_declare(s->broker, &d, why);
		unlock_names(s);
	}
	kvfree(args);
	if (!IS_ERR(def))
		mqk_definition_cancel(def);
	if (err < 0)
		return err;
	a->id = err;
	return is_kept(a->flags) ? keep(s, true, why) : 0;
}

int mqk_ioctl_exchange_delete(struct mqk_session *s, void *arg,
			      struct mqk_refusal *why)
{
	struct mqk_delete *a = arg;
	struct mqk_text name;
	u64 before;
	bool changed;
	int err;

	if (mqk_bad_flags(a->flags, MQK_DELETE_F_IF_UNUSED) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&name, a->name, a->name_len, true, why) ?:
	      lock_names(s);
	if (err)
		return err;
	before = noted(s);
	err = mqk_exchange_delete(s->broker, name.text, name.len, s->cred,
				  a->flags & MQK_DELETE_F_IF_UNUSED, why);
	changed = noted(s) != before;
	unlock_names(s);
	a->messages = 0;
	return err ?: keep(s, changed, why);
}

static void describe_queue(struct mqk_queue *q, struct mqk_queue_declare *a)
{
	spin_lock(&q->lock);
	a->id = q->id;
	a->consumers = q->nr_consumers;
	a->ready = q->ready;
	spin_unlock(&q->lock);
}

static void forget_made(struct mqk_session *s, struct mqk_queue *q)
{
	bool kill;

	mutex_lock(&s->broker->mutex);
	kill = !q->dead;
	if (kill)
		mqk_queue_kill(q);
	mutex_unlock(&s->broker->mutex);
	if (kill)
		mqk_queue_bury(q);
}

/* A reply queue is its session's own, and has the kernel's name. */
static bool bad_reply(const struct mqk_queue_declare *a)
{
	const u32 other = MQK_DECLARE_F_PASSIVE | MQK_DECLARE_F_DURABLE;

	return a->flags & MQK_DECLARE_F_REPLY &&
	       (a->name_len || a->flags & other ||
		!(a->flags & MQK_DECLARE_F_EXCLUSIVE));
}

int mqk_ioctl_queue_declare(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why)
{
	struct mqk_queue_declare *a = arg;
	struct mqk_definition *def = NULL;
	struct mqk_declare d = {};
	struct mqk_rules rules;
	struct mqk_text name;
	struct mqk_queue *q;
	int id, err;

	if (mqk_bad_flags(a->flags, QUEUE_FLAGS) || bad_reply(a))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = start_declare(s, &d, a->flags, a->mode, QUEUE_MODE, why) ?:
	      mqk_copy_name(&name, a->name, a->name_len,
			    !(a->flags & MQK_DECLARE_F_PASSIVE), why) ?:
	      copy_rules(a->args, a->args_len, &rules, why);
	if (err)
		return err;
	d.name = name.text;
	d.name_len = name.len;
	d.rules = &rules;
	d.cred = s->cred;
	d.definition = &def;

	if (is_kept(a->flags))
		def = mqk_define_begin_queue(s->broker, name.len, &rules, s->tenant, why);
	if (IS_ERR(def))
		return PTR_ERR(def);
	id = lock_names(s);
	if (!id) {
		id = mqk_queue_declare(s->broker, &d, why);
		if (id >= 0)
			q = mqk_queue_get_by_id(s->broker, id);
		unlock_names(s);
	}
	mqk_definition_cancel(def);
	if (id < 0)
		return id;

	describe_queue(q, a);
	a->made_name_len = name.len ? 0 : q->name_len;
	if (!name.len && a->made_name &&
	    copy_to_user(u64_to_user_ptr(a->made_name), q->name, q->name_len)) {
		/* Nobody knows its name: it is as if it had never been. */
		forget_made(s, q);
		err = -EFAULT;
	}
	mqk_queue_put(q);
	return err || !is_kept(a->flags) ? err : keep(s, true, why);
}

/* Why a queue may not be deleted now; if it may, it is dead from here on. */
static int check_delete(struct mqk_session *s, struct mqk_queue *q, u32 flags,
			struct mqk_refusal *why)
{
	bool in_use;
	int err;

	err = mqk_queue_access(q, s->cred, s, MQK_MAY_DELETE, why);
	if (!err && q->definition)
		err = mqk_journal_error(s->broker->journal, why);
	if (err)
		return err;
	spin_lock(&q->lock);
	in_use = (flags & MQK_DELETE_F_IF_UNUSED && q->nr_consumers) ||
		 (flags & MQK_DELETE_F_IF_EMPTY && q->ready);
	/* at once: nothing comes in between */
	q->dead |= !in_use;
	spin_unlock(&q->lock);
	return in_use ? mqk_refuse(why, MQK_RULE_IN_USE, -EBUSY) : 0;
}

int mqk_ioctl_queue_delete(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why)
{
	struct mqk_delete *a = arg;
	struct mqk_queue *q;
	struct mqk_text name;
	u64 before;
	bool changed;
	int err;

	if (mqk_bad_flags(a->flags, MQK_DELETE_F_IF_UNUSED | MQK_DELETE_F_IF_EMPTY) ||
	    a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&name, a->name, a->name_len, false, why) ?:
	      lock_names(s);
	if (err)
		return err;
	a->messages = 0;
	before = noted(s);
	q = mqk_queue_find(s->broker, name.text, name.len);
	if (q)
		err = check_delete(s, q, a->flags, why);
	if (q && !err)
		a->messages = mqk_queue_kill(q);
	changed = noted(s) != before;
	unlock_names(s);
	if (q && !err)
		mqk_queue_bury(q);
	return err ?: keep(s, changed, why);
}

int mqk_ioctl_queue_purge(struct mqk_session *s, void *arg,
			  struct mqk_refusal *why)
{
	struct mqk_delete *a = arg;
	struct mqk_queue *q;
	struct mqk_text name;
	int err;

	if (a->flags || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&name, a->name, a->name_len, false, why) ?:
	      lock_names(s);
	if (err)
		return err;
	q = mqk_queue_find(s->broker, name.text, name.len);
	if (!q)
		err = mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	else
		err = mqk_queue_access(q, s->cred, s, MQK_MAY_READ, why);
	if (!err)
		kref_get(&q->ref);
	unlock_names(s);
	if (err)
		return err;
	a->messages = mqk_queue_purge(q);
	mqk_queue_put(q);
	return 0;
}

/* The names, key and arguments of a bind or unbind. */
struct bind_text {
	struct mqk_text exchange;
	struct mqk_text target;
	struct mqk_text key;
	void *args;
};

static int copy_bind(const struct mqk_bind *a, struct bind_text *t,
		     struct mqk_refusal *why)
{
	int err;

	bool to_exchange = a->flags & MQK_BIND_F_EXCHANGE;

	if (mqk_bad_flags(a->flags, MQK_BIND_F_EXCHANGE))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&t->exchange, a->exchange, a->exchange_len, true, why) ?:
	      mqk_copy_name(&t->target, a->queue, a->queue_len, to_exchange, why) ?:
	      mqk_copy_key(&t->key, a->key, a->key_len, why);
	if (err)
		return err;
	t->args = mqk_copy_headers(a->args, a->args_len, why);
	return PTR_ERR_OR_ZERO(t->args);
}

/* Where a binding leads; @missing_ok leaves it NULL. */
static int find_target(struct mqk_session *s, const struct bind_text *t,
		       bool to_exchange, struct mqk_binding_id *id,
		       bool missing_ok, struct mqk_refusal *why)
{
	if (to_exchange) {
		id->to = mqk_exchange_find(s->broker, t->target.text,
					   t->target.len);
		return id->to || missing_ok ? 0 :
		       mqk_refuse(why, MQK_RULE_NO_EXCHANGE, -ENOENT);
	}
	id->queue = mqk_queue_find(s->broker, t->target.text, t->target.len);
	return id->queue || missing_ok ? 0 :
	       mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
}

/* Who binds must be able to publish to where it leads, or to bind the queue. */
static int check_target(struct mqk_session *s, const struct mqk_binding_id *id,
			struct mqk_refusal *why)
{
	if (id->queue && id->queue->flags & MQK_DECLARE_F_REPLY)
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	if (id->queue)
		return mqk_queue_access(id->queue, s->cred, s, MQK_MAY_WRITE, why);
	/* what goes there is the broker's own, whoever asks */
	if (id->to->system)
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	if (!mqk_may(&id->to->owner, s->cred, MQK_MAY_WRITE))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	return 0;
}

/* Both ends; for unbind, @missing_ok, a missing one leaves it NULL. */
static int find_ends(struct mqk_session *s, const struct bind_text *t,
		     bool to_exchange, struct mqk_binding_id *id,
		     bool missing_ok, struct mqk_refusal *why)
{
	int err;

	if (!t->exchange.len || !t->target.len)
		return mqk_refuse(why, MQK_RULE_RESERVED_NAME, -EACCES);
	id->exchange = mqk_exchange_find(s->broker, t->exchange.text,
					 t->exchange.len);
	if (!id->exchange && !missing_ok)
		return mqk_refuse(why, MQK_RULE_NO_EXCHANGE, -ENOENT);
	err = find_target(s, t, to_exchange, id, missing_ok, why);
	if (err || !id->exchange || (!id->queue && !id->to))
		return err;
	err = check_target(s, id, why);
	if (err)
		return err;
	if (!mqk_may(&id->exchange->owner, s->cred, MQK_MAY_READ))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	return 0;
}

/* Make a binding; from a last-value exchange, with a port: give what it remembers. */
static int make_binding(struct mqk_session *s, const struct mqk_binding_id *id,
			struct mqk_port *port, struct mqk_refusal *why)
{
	struct mqk_giving *g;
	int err;

	if (!id->exchange->retained) {
		err = mqk_binding_make(s->broker, id, s->tenant, why);
		return min(err, 0);
	}
	mqk_retained_freeze(s->broker);
	g = mqk_giving_prepare(port, id, why);
	err = PTR_ERR_OR_ZERO(g);
	if (!err) {
		err = mqk_binding_make(s->broker, id, s->tenant, why);
		if (err > 0)
			mqk_giving_give(g);
		mqk_giving_end(g);
	}
	mqk_retained_thaw(s->broker);
	return min(err, 0);
}

/* What giving needs, which cannot be made while names are locked. */
static struct mqk_port *giving_port(struct mqk_session *s, struct mqk_refusal *why)
{
	const struct mqk_port_options o = {
		.entries = MQK_RING_MIN,
		.cred = s->cred,
		.uid = s->uid,
		.pid = s->pid,
	};

	return mqk_port_alloc(s->broker, s->tenant, &o, why);
}

static int bind_or_unbind(struct mqk_session *s, const struct mqk_bind *a,
			  bool unbind, struct mqk_refusal *why)
{
	struct mqk_definition *def = NULL;
	struct mqk_binding_id id = { .definition = &def };
	struct mqk_port *port = NULL;
	bool again, changed = false;
	struct bind_text *t;
	u64 before;
	int err;

	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	err = copy_bind(a, t, why);
	if (err)
		goto out;
	id.key = t->key.text;
	id.key_len = t->key.len;
	id.args = t->args;
	id.args_len = a->args_len;
	if (!unbind)
		def = mqk_define_begin(s->broker, t->exchange.len + t->target.len +
				       t->key.len, a->args_len, s->tenant, why);
	if (IS_ERR(def)) {
		err = PTR_ERR(def);
		goto out_args;
	}

	do {
		again = false;
		err = lock_names(s);
		if (err)
			break;
		before = noted(s);
		err = find_ends(s, t, a->flags & MQK_BIND_F_EXCHANGE, &id, unbind,
				why);
		if (!err && unbind && id.exchange && (id.queue || id.to))
			err = mqk_binding_unmake(s->broker, &id, why);
		else if (!err && !unbind && id.exchange->retained && !port)
			again = true;
		else if (!err && !unbind)
			err = make_binding(s, &id, port, why);
		changed |= noted(s) != before;
		unlock_names(s);
		if (again) {
			port = giving_port(s, why);
			err = PTR_ERR_OR_ZERO(port);
		}
	} while (again && !err);
	if (!IS_ERR_OR_NULL(port))
		mqk_port_put(port);
	mqk_definition_cancel(def);
	if (!err)
		err = keep(s, changed, why);
out_args:
	kvfree(t->args);
out:
	kfree(t);
	return err;
}

int mqk_ioctl_bind(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	return bind_or_unbind(s, arg, false, why);
}

int mqk_ioctl_unbind(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	return bind_or_unbind(s, arg, true, why);
}

/* Find a route, and copy the ids of its queues. */
static int ask_route(struct mqk_router *r, u32 exchange,
		     const struct mqk_key *key,
		     const struct mqk_envelope *envelope, u32 *ids, u32 *count,
		     struct mqk_refusal *why)
{
	const struct mqk_route *route;
	int err;
	u32 i;

	do {
		rcu_read_lock();
		route = mqk_route_find(r, exchange, key, envelope, why);
		err = PTR_ERR_OR_ZERO(route);
		for (i = 0; !err && i < route->nr; i++)
			ids[i] = route->queue[i]->id;
		if (!err)
			*count = route->nr;
		rcu_read_unlock();
		if (err == -ENOBUFS)
			err = mqk_router_grow(r, why) ?: -ENOBUFS;
	} while (err == -ENOBUFS);
	return err;
}

static int exchange_id(struct mqk_session *s, const struct mqk_text *name,
		       struct mqk_refusal *why)
{
	struct mqk_exchange *x;
	int id;

	rcu_read_lock();
	x = mqk_exchange_find(s->broker, name->text, name->len);
	id = x ? x->id : mqk_refuse(why, MQK_RULE_NO_EXCHANGE, -ENOENT);
	rcu_read_unlock();
	return id;
}

static int copy_route_query(const struct mqk_route_query *a,
			    struct mqk_text *name, struct mqk_key *key,
			    void **headers, struct mqk_refusal *why)
{
	int err;

	if (mqk_bad_flags(a->flags, MQK_MSG_F_CC))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	if (a->key_len > MQK_KEY_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_NAME, -ENAMETOOLONG);
	err = mqk_copy_name(name, a->exchange, a->exchange_len, true, why);
	if (err)
		return err;
	if (copy_from_user(key->word, u64_to_user_ptr(a->key), a->key_len))
		return -EFAULT;
	mqk_key_pad(key, a->key_len);
	*headers = mqk_copy_headers(a->headers, a->headers_len, why);
	return PTR_ERR_OR_ZERO(*headers);
}

int mqk_ioctl_route(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_route_query *a = arg;
	struct mqk_envelope envelope = {
		.flags = a->flags,
		.headers_len = a->headers_len,
	};
	struct mqk_router *r;
	struct mqk_text name;
	struct mqk_key key;
	u32 *ids, count, room = a->count;
	int exchange, err;
	void *headers;

	err = copy_route_query(a, &name, &key, &headers, why);
	if (err)
		return err;
	exchange = exchange_id(s, &name, why);
	r = exchange < 0 ? ERR_PTR(exchange) :
			   mqk_router_alloc(s->broker, s->tenant, s->cred, why);
	if (IS_ERR(r)) {
		kvfree(headers);
		return PTR_ERR(r);
	}
	ids = kvmalloc_array(MQK_TARGETS_MAX, sizeof(*ids), GFP_KERNEL_ACCOUNT);
	envelope.headers = headers;
	err = ids ? ask_route(r, exchange, &key, &envelope, ids, &count, why) :
		    -ENOMEM;
	if (!err) {
		a->count = count;
		if (copy_to_user(u64_to_user_ptr(a->ids), ids,
				 min(room, count) * sizeof(*ids)))
			err = -EFAULT;
	}
	kvfree(ids);
	kvfree(headers);
	mqk_router_free(r);
	return err;
}

/* The object after an id, or of exactly that id. */
static void *find_next(struct xarray *xa, u32 flags, u32 id)
{
	unsigned long index = id;

	if (flags & MQK_NEXT_F_EXACT)
		return xa_load(xa, index);
	return xa_find_after(xa, &index, INT_MAX, XA_PRESENT);
}

int mqk_ioctl_exchange_next(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why)
{
	struct mqk_exchange_next *a = arg;
	struct mqk_exchange *x;
	struct mqk_text name;
	u32 room = a->args_len;
	int err = 0;
	u8 *args;

	if (mqk_bad_flags(a->flags, MQK_NEXT_F_EXACT) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	args = kmalloc(MQK_EXCHANGE_ARGS_MAX, GFP_KERNEL_ACCOUNT);
	if (!args)
		return -ENOMEM;
	rcu_read_lock();
	x = find_next(&s->broker->exchanges, a->flags, a->id);
	if (!x) {
		rcu_read_unlock();
		kfree(args);
		return mqk_refuse(why, MQK_RULE_NO_EXCHANGE, -ENOENT);
	}
	a->flags = x->flags;
	a->id = x->id;
	a->type = x->ops->type;
	a->mode = x->owner.mode;
	a->uid = from_kuid_munged(current_user_ns(), x->owner.uid);
	a->gid = from_kgid_munged(current_user_ns(), x->owner.gid);
	a->bindings = READ_ONCE(x->nr_bindings);
	a->name_len = x->name_len;
	memcpy(name.text, x->name, x->name_len);
	a->args_len = x->args.len;
	memcpy(args, x->args.encoded, x->args.len);
	rcu_read_unlock();
	if (copy_to_user(u64_to_user_ptr(a->name), name.text, a->name_len) ||
	    copy_to_user(u64_to_user_ptr(a->args), args, min(room, a->args_len)))
		err = -EFAULT;
	kfree(args);
	return err;
}

/* What it has seen. */
static u64 seen_bytes(const struct mqk_queue *q)
{
	return q->seen ? sizeof(*q->seen) + q->seen->nr_pages * (u64)MQK_SEEN_BYTES : 0;
}

/* What its chunks take, with what lies beside them. */
static u64 index_bytes(const struct mqk_queue *q)
{
	u64 bytes = MQK_CHUNK_BYTES;

	if (!q->keep)
		return q->index.nr_chunks * bytes;
	bytes += MQK_EXTRA_BYTES;
	return q->index.nr_chunks * (bytes + (mqk_queue_linked(q) ? MQK_LINK_BYTES : 0)) +
	       q->keep->schedule.index.nr_chunks * (bytes + MQK_LINK_BYTES);
}

static void fill_queue(struct mqk_queue *q, u32 known, struct mqk_queue_next *a)
{
	a->id = q->id;
	a->flags = q->flags;
	a->mode = q->owner.mode;
	a->uid = from_kuid_munged(current_user_ns(), q->owner.uid);
	a->gid = from_kgid_munged(current_user_ns(), q->owner.gid);
	a->name_len = known;

	spin_lock(&q->lock);
	a->consumers = q->nr_consumers;
	a->ready = q->ready;
	a->unacked = q->unacked;
	a->bytes = q->bytes;
	a->published = q->published;
	a->delivered = q->delivered;
	a->redelivered = q->redelivered;
	a->acked = q->acked;
	a->dropped = q->dropped;
	a->index_bytes = index_bytes(q) + seen_bytes(q);
	a->retrying = q->keep ? q->keep->retrying : 0;
	a->scheduled = q->keep ? q->keep->schedule.nr : 0;
	a->dying = q->dying ? q->dying->nr : 0;
	a->repeated = q->repeated;
	if (q->paused)
		a->flags |= MQK_QUEUE_F_PAUSED;
	spin_unlock(&q->lock);
}

int mqk_ioctl_queue_next(struct mqk_session *s, void *arg,
			 struct mqk_refusal *why)
{
	struct mqk_queue_next *a = arg;
	struct mqk_queue *q;
	int err = 0;

	if (mqk_bad_flags(a->flags, MQK_NEXT_F_EXACT))
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	rcu_read_lock();
	do {
		q = find_next(&s->broker->queues, a->flags, a->id);
		if (q)
			a->id = q->id;
	} while (q && !kref_get_unless_zero(&q->ref));
	rcu_read_unlock();
	if (!q)
		return mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	mqk_queue_settle(q);
	fill_queue(q, mqk_reply_known(q, s), a);
	if (copy_to_user(u64_to_user_ptr(a->name), q->name, a->name_len))
		err = -EFAULT;
	mqk_queue_put(q);
	return err;
}
