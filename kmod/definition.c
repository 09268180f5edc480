// SPDX-License-Identifier: GPL-2.0-only
/*
 * Definitions, written.
 */
#include "definition.h"

#include <linux/cred.h>
#include <linux/string.h>

#include "account.h"
#include "binding.h"
#include "broker.h"
#include "dying.h"
#include "exchange.h"
#include "journal.h"
#include "queue.h"
#include "rules.h"
#include "util/log.h"

/**
 * mqk_define_begin() - get what it takes to declare something durable
 * @broker: the broker
 * @names_len: most bytes of name, target and key
 * @args_len: most bytes of arguments
 * @tenant: who pays
 * @why: filled when it is refused
 *
 * Context: may sleep; no locks.
 * Return: a definition, to be taken or cancelled; NULL in a transient broker; ERR_PTR
 * as mqk_definition_begin()
 */
struct mqk_definition *mqk_define_begin(struct mqk_broker *broker, u32 names_len,
					u32 args_len, struct mqk_tenant *tenant,
					struct mqk_refusal *why)
{
	if (!broker->journal)
		return NULL;
	return mqk_definition_begin(broker->journal,
				    mqk_log_definition_size(names_len, args_len),
				    tenant, why);
}

static noinline_for_stack u32 encoded_len(const struct mqk_rules *rules)
{
	u8 args[MQK_RULES_ENCODED_MAX];

	return mqk_rules_encode(rules, args);
}

/**
 * mqk_define_begin_queue() - get what it takes to declare a durable queue
 * @broker: the broker
 * @name_len: bytes of its name; 0: the broker makes one
 * @rules: its rules
 * @tenant: who pays
 * @why: filled when it is refused
 *
 * Context: may sleep; no locks.
 * Return: as mqk_define_begin()
 */
struct mqk_definition *mqk_define_begin_queue(struct mqk_broker *broker,
					      u32 name_len,
					      const struct mqk_rules *rules,
					      struct mqk_tenant *tenant,
					      struct mqk_refusal *why)
{
	return mqk_define_begin(broker, name_len ?: MQK_NAME_MAX,
				encoded_len(rules), tenant, why);
}

/* What is defined: the texts of one. */
struct texts {
	const u8 *name;
	const u8 *target;
	const u8 *key;
	const u8 *args;
	u32 name_len;
	u32 target_len;
	u32 key_len;
	u32 args_len;
};

static struct mqk_log_definition *fill(struct mqk_definition *def, u32 type,
				       const struct texts *t,
				       const struct mqk_tenant *payer)
{
	struct mqk_log_definition *d = (void *)(def->whole + MQK_LOG_BARE);
	u32 names_len = t->name_len + t->target_len + t->key_len;
	u8 *at = def->whole + MQK_LOG_BARE + sizeof(*d);

	def->record.size = cpu_to_le32(mqk_log_definition_size(names_len, t->args_len));
	def->record.type = cpu_to_le16(type);
	d->payer = cpu_to_le32(from_kuid(&init_user_ns, payer->user->uid));
	d->name_len = t->name_len;
	d->target_len = t->target_len;
	d->key_len = t->key_len;
	d->args_len = cpu_to_le32(t->args_len);
	memcpy(at, t->name, t->name_len);
	memcpy(at + t->name_len, t->target, t->target_len);
	memcpy(at + t->name_len + t->target_len, t->key, t->key_len);
	/* the padding is 0 from the beginning */
	memcpy(at + ALIGN(names_len, MQK_LOG_RECORD_ALIGN), t->args, t->args_len);
	return d;
}

static void fill_owner(struct mqk_log_definition *d, const struct mqk_owner *owner)
{
	d->uid = cpu_to_le32(from_kuid(&init_user_ns, owner->uid));
	d->gid = cpu_to_le32(from_kgid(&init_user_ns, owner->gid));
	d->mode = cpu_to_le32(owner->mode);
}

/* With whose rights messages go on; of groups, only the main one. */
static void fill_rights(struct mqk_log_definition *d, const struct cred *cred)
{
	d->by_uid = cpu_to_le32(from_kuid(&init_user_ns, cred->fsuid));
	d->by_gid = cpu_to_le32(from_kgid(&init_user_ns, cred->fsgid));
	if (cred->user_ns == &init_user_ns &&
	    cap_raised(cred->cap_effective, CAP_DAC_OVERRIDE))
		d->flags |= cpu_to_le32(MQK_LOG_F_ALL_RIGHTS);
}

bool mqk_definition_known(struct mqk_definition *const *def)
{
	return def && *def && (*def)->record.id;
}

/* Take what was handed down; NULL when there is nothing, or it is not kept. */
static struct mqk_definition *take(struct mqk_definition **def, bool kept)
{
	struct mqk_definition *taken;

	if (!def || !kept)
		return NULL;
	taken = *def;
	*def = NULL;
	return taken;
}

/**
 * mqk_define_exchange() - keep an exchange that was made
 * @x: the exchange
 * @d: how it was declared
 *
 * Context: broker->mutex.
 */
void mqk_define_exchange(struct mqk_exchange *x, const struct mqk_declare *d)
{
	const struct texts t = {
		.name = x->name, .name_len = x->name_len,
		.args = x->args.encoded, .args_len = x->args.len,
	};
	bool known = mqk_definition_known(d->definition);
	struct mqk_log_definition *at;

	x->definition = take(d->definition, x->flags & MQK_DECLARE_F_DURABLE);
	if (!x->definition || known)
		return;
	at = fill(x->definition, MQK_LOG_EXCHANGE, &t, x->tenant);
	at->type = cpu_to_le32(x->ops->type);
	if (x->flags & MQK_DECLARE_F_AUTO_DELETE)
		at->flags |= cpu_to_le32(MQK_LOG_F_AUTO_DELETE);
	if (x->flags & MQK_DECLARE_F_INTERNAL)
		at->flags |= cpu_to_le32(MQK_LOG_F_INTERNAL);
	fill_owner(at, &x->owner);
	fill_rights(at, d->cred);
	mqk_definition_put(x->definition, NULL);
}

static bool queue_is_kept(const struct mqk_queue *q)
{
	return q->flags & MQK_DECLARE_F_DURABLE &&
	       !(q->flags & MQK_DECLARE_F_EXCLUSIVE);
}

static struct mqk_log_definition *fill_queue(struct mqk_definition *def,
					     const struct mqk_queue *q)
{
	u8 args[MQK_RULES_ENCODED_MAX];
	const struct texts t = {
		.name = q->name, .name_len = q->name_len,
		.args = args, .args_len = mqk_rules_encode(q->rules, args),
	};
	struct mqk_log_definition *at;

	at = fill(def, MQK_LOG_QUEUE, &t, q->tenant);
	if (q->flags & MQK_DECLARE_F_AUTO_DELETE)
		at->flags |= cpu_to_le32(MQK_LOG_F_AUTO_DELETE);
	if (q->paused)
		at->flags |= cpu_to_le32(MQK_LOG_F_PAUSED);
	fill_owner(at, &q->owner);
	return at;
}

/**
 * mqk_define_queue() - keep a queue that was made
 * @q: the queue
 * @d: how it was declared
 *
 * Context: broker->mutex.
 */
void mqk_define_queue(struct mqk_queue *q, const struct mqk_declare *d)
{
	bool known = mqk_definition_known(d->definition);

	q->definition = take(d->definition, queue_is_kept(q));
	if (!q->definition || known)
		return;
	fill_rights(fill_queue(q->definition, q), d->cred);
	mqk_definition_put(q->definition, NULL);
}

/**
 * mqk_define_again() - keep a queue as it was changed
 * @q: the queue
 * @def: a definition that is taken if the queue is kept
 *
 * Context: broker->mutex.
 */
void mqk_define_again(struct mqk_queue *q, struct mqk_definition **def)
{
	struct mqk_definition *old = q->definition;
	const struct mqk_log_definition *was;
	struct mqk_log_definition *at;

	if (!old)
		return;
	was = (void *)(old->whole + MQK_LOG_BARE);
	q->definition = take(def, true);
	at = fill_queue(q->definition, q);
	if (q->dying) {
		fill_rights(at, q->dying->cred);
	} else {
		at->by_uid = was->by_uid;
		at->by_gid = was->by_gid;
		at->flags |= was->flags & cpu_to_le32(MQK_LOG_F_ALL_RIGHTS);
	}
	mqk_definition_put(q->definition, old);
}

/**
 * mqk_define_binding() - keep a binding that was made
 * @b: the binding
 * @def: a definition that is taken if the binding is kept, or NULL
 *
 * Context: broker->mutex.
 */
void mqk_define_binding(struct mqk_binding *b, struct mqk_definition **def)
{
	const struct mqk_exchange *x = b->exchange;
	const struct texts t = {
		.name = x->name, .name_len = x->name_len,
		.target = b->queue ? b->queue->name : b->to->name,
		.target_len = b->queue ? b->queue->name_len : b->to->name_len,
		.key = b->data, .key_len = b->key_len,
		.args = b->data + b->key_len, .args_len = b->args_len,
	};
	bool known = mqk_definition_known(def);
	struct mqk_log_definition *at;

	b->definition = take(def, x->flags & MQK_DECLARE_F_DURABLE &&
			     (b->queue ? queue_is_kept(b->queue) :
					 b->to->flags & MQK_DECLARE_F_DURABLE));
	if (!b->definition || known)
		return;
	at = fill(b->definition, MQK_LOG_BINDING, &t, b->tenant);
	if (b->to)
		at->flags |= cpu_to_le32(MQK_LOG_F_TO_EXCHANGE);
	mqk_definition_put(b->definition, NULL);
}
