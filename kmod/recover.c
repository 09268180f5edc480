// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery.
 */
#include "recover.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/sched/task.h>

#include "account.h"
#include "binding.h"
#include "broker.h"
#include "dir.h"
#include "exchange.h"
#include "journal.h"
#include "queue.h"
#include "rules.h"
#include "settings.h"
#include "util/log.h"

static kuid_t uid_of(__le32 uid)
{
	return make_kuid(&init_user_ns, le32_to_cpu(uid));
}

static kgid_t gid_of(__le32 gid)
{
	return make_kgid(&init_user_ns, le32_to_cpu(gid));
}

/* The rights of who declared it, as far as they are kept. */
static const struct cred *restore_cred(const struct mqk_log_definition *d)
{
	struct cred *cred = prepare_kernel_cred(&init_task);

	if (!cred)
		return NULL;
	cred->fsuid = uid_of(d->by_uid);
	cred->fsgid = gid_of(d->by_gid);
	cap_clear(cred->cap_effective);
	if (le32_to_cpu(d->flags) & MQK_LOG_F_ALL_RIGHTS)
		cap_raise(cred->cap_effective, CAP_DAC_OVERRIDE);
	return cred;
}

static void describe(struct mqk_declare *d, const struct mqk_log_view *v,
		     struct mqk_tenant *tenant, struct mqk_definition **def)
{
	*d = (struct mqk_declare) {
		.name = v->name,
		.name_len = v->d->name_len,
		.flags = MQK_DECLARE_F_DURABLE,
		.type = le32_to_cpu(v->d->type),
		.owner = {
			.uid = uid_of(v->d->uid),
			.gid = gid_of(v->d->gid),
			.mode = le32_to_cpu(v->d->mode),
		},
		.args = v->args,
		.args_len = v->args_len,
		.tenant = tenant,
		.definition = def,
	};
	if (le32_to_cpu(v->d->flags) & MQK_LOG_F_AUTO_DELETE)
		d->flags |= MQK_DECLARE_F_AUTO_DELETE;
	if (le32_to_cpu(v->d->flags) & MQK_LOG_F_INTERNAL)
		d->flags |= MQK_DECLARE_F_INTERNAL;
}

static int redeclare_exchange(struct mqk_broker *broker, struct mqk_declare *d,
			      struct mqk_refusal *why)
{
	int err;

	if (d->args_len > MQK_EXCHANGE_ARGS_MAX)
		return -EINVAL;
	err = mqk_exchange_declare(broker, d, why);
	return min(err, 0);
}

static int redeclare_queue(struct mqk_broker *broker, struct mqk_declare *d,
			   bool paused, struct mqk_refusal *why)
{
	const struct mqk_settings pause = { .flags = MQK_QUEUE_SET_F_PAUSE };
	struct mqk_rules rules;
	int err;

	err = mqk_rules_parse(&rules, d->args, d->args_len, why);
	if (err)
		return err;
	d->rules = &rules;
	err = mqk_queue_declare(broker, d, why);
	if (err < 0 || !paused)
		return min(err, 0);
	return mqk_queue_set(mqk_queue_find(broker, d->name, d->name_len), &pause, why);
}

static int rebind(struct mqk_broker *broker, const struct mqk_log_view *v,
		  struct mqk_tenant *tenant, struct mqk_definition **def,
		  struct mqk_refusal *why)
{
	struct mqk_binding_id id = {
		.key = v->key,
		.key_len = v->d->key_len,
		.args = v->args,
		.args_len = v->args_len,
		.definition = def,
	};
	int err;

	id.exchange = mqk_exchange_find(broker, v->name, v->d->name_len);
	if (le32_to_cpu(v->d->flags) & MQK_LOG_F_TO_EXCHANGE)
		id.to = mqk_exchange_find(broker, v->target, v->d->target_len);
	else
		id.queue = mqk_queue_find(broker, v->target, v->d->target_len);
	if (!id.exchange || (!id.queue && !id.to))
		return -EINVAL;
	err = mqk_binding_make(broker, &id, tenant, why);
	return min(err, 0);
}

/* Declare one again; it has taken its definition then. */
static int redeclare(struct mqk_broker *broker, const struct mqk_log_view *v,
		     struct mqk_tenant *tenant, struct mqk_definition **def,
		     struct mqk_refusal *why)
{
	struct mqk_declare d;
	int err;

	if (v->type == MQK_LOG_BINDING)
		return rebind(broker, v, tenant, def, why);
	describe(&d, v, tenant, def);
	if (!uid_valid(d.owner.uid) || !gid_valid(d.owner.gid) ||
	    !uid_valid(uid_of(v->d->by_uid)) || !gid_valid(gid_of(v->d->by_gid)))
		return -EINVAL;
	d.cred = restore_cred(v->d);
	if (!d.cred)
		return -ENOMEM;
	if (v->type == MQK_LOG_EXCHANGE)
		err = redeclare_exchange(broker, &d, why);
	else
		err = redeclare_queue(broker, &d, le32_to_cpu(v->d->flags) &
				      MQK_LOG_F_PAUSED, why);
	put_cred(d.cred);
	return err;
}

/*
 * Whether who opens the broker may have users pay, own and act as the files say: anybody
 * can write a file.
 */
static bool may_say(const struct mqk_broker *broker, const struct mqk_log_view *v)
{
	const struct mqk_log_definition *d = v->d;
	kuid_t me = broker->maker;

	if (le32_to_cpu(d->flags) & MQK_LOG_F_ALL_RIGHTS && !capable(CAP_DAC_OVERRIDE))
		return false;
	if (capable(CAP_CHOWN))
		return true;
	return uid_eq(uid_of(d->payer), me) &&
	       (v->type == MQK_LOG_BINDING ||
		(uid_eq(uid_of(d->uid), me) && uid_eq(uid_of(d->by_uid), me)));
}

static int recover_one(struct mqk_broker *broker, struct mqk_definition *def,
		       struct mqk_refusal *why)
{
	struct mqk_tenant *tenant;
	struct mqk_log_view v;
	int err;

	/* it was valid when it was read */
	if (!mqk_log_record_view(&def->record, le32_to_cpu(def->record.size), &v) ||
	    !uid_valid(uid_of(v.d->payer)))
		return -EINVAL;
	if (!may_say(broker, &v))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EPERM);
	tenant = mqk_broker_tenant(broker, uid_of(v.d->payer));
	if (IS_ERR(tenant))
		return PTR_ERR(tenant);
	err = mqk_definition_charge(def, tenant, why);
	if (err)
		return err;
	err = redeclare(broker, &v, tenant, &def, why);
	if (!def)
		return err;
	mqk_uncharge(tenant, MQK_RES_BYTES, def->bytes);
	def->tenant = NULL;
	/* there is one of that name, or it is nothing that is kept */
	return err ?: -EINVAL;
}

/* What cannot be there, although the checksum is right. */
static int nonsense(struct mqk_broker *broker, u64 id, struct mqk_refusal *why)
{
	pr_warn("mqk: broker %s: definition %llu contradicts what there is\n",
	       broker->name, id);
	if (why) {
		why->limit = MQK_DIR_JOURNAL + broker->journal->file;
		why->used = 0;
	}
	return mqk_refuse(why, MQK_RULE_DAMAGED, -EUCLEAN);
}

/**
 * mqk_recover() - declare again what a journal says
 * @broker: the broker, with a journal that was read; nobody can reach it yet
 * @why: filled when it is refused
 *
 * Context: may sleep; takes broker->mutex.
 * Return: 0; -EUCLEAN when something cannot be declared; -EDQUOT, -ENOSPC at a limit;
 * -EPERM: it is for others than the caller to own or pay for; -ENOMEM.  Then what was
 * made has to be removed with the broker.
 */
int mqk_recover(struct mqk_broker *broker, struct mqk_refusal *why)
{
	struct mqk_definition *def;
	u64 id = 0;
	int err = 0;

	mutex_lock(&broker->mutex);
	/* Nothing is noted meanwhile: nobody else looks at this list. */
	list_for_each_entry(def, &broker->journal->in_order, in_order) {
		id = le64_to_cpu(def->record.id);
		err = recover_one(broker, def, why);
		if (err)
			break;
		cond_resched();
	}
	mutex_unlock(&broker->mutex);
	if (err == -EDQUOT || err == -ENOSPC || err == -ENOMEM ||
	    err == -EPERM || !err)
		return err;
	return nonsense(broker, id, why);
}
