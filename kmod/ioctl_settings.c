// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that change the settings of a queue, what is scheduled in it, and where
 * its dead letters are.
 */
#include "ioctl.h"

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "broker.h"
#include "definition.h"
#include "deliver.h"
#include "journal.h"
#include "msgid.h"
#include "queue.h"
#include "redrive.h"
#include "retire.h"
#include "rules.h"
#include "session.h"
#include "settings.h"

#define SET_FLAGS	(MQK_QUEUE_SET_F_PAUSE | MQK_QUEUE_SET_F_RESUME)

/* Look the queue up, and change it; the queue with a reference, or why not. */
static struct mqk_queue *set(struct mqk_session *s, const struct mqk_text *name,
			     const struct mqk_settings *settings,
			     struct mqk_definition **def, struct mqk_refusal *why)
{
	struct mqk_queue *q;
	int err;

	mutex_lock(&s->broker->mutex);
	q = mqk_queue_find(s->broker, name->text, name->len);
	if (s->broker->dead)
		err = -ESHUTDOWN;
	else if (!q)
		err = mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	else
		err = mqk_queue_access(q, s->cred, s, MQK_MAY_DELETE, why) ?:
		      mqk_queue_set(q, settings, why);
	if (!err) {
		mqk_define_again(q, def);
		kref_get(&q->ref);
	}
	mutex_unlock(&s->broker->mutex);
	return err ? ERR_PTR(err) : q;
}

int mqk_ioctl_queue_set(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_queue_set *a = arg;
	struct mqk_settings settings = {
		.flags = a->flags,
		.args_len = a->args_len,
		.cred = s->cred,
	};
	struct mqk_definition *def;
	struct mqk_queue *q;
	struct mqk_text name;
	void *args;
	int err;

	if (mqk_bad_flags(a->flags, SET_FLAGS) || a->flags == SET_FLAGS)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&name, a->name, a->name_len, false, why);
	if (err)
		return err;
	args = mqk_copy_headers(a->args, a->args_len, why);
	if (IS_ERR(args))
		return PTR_ERR(args);
	settings.args = args;
	def = mqk_define_begin(s->broker, name.len, MQK_RULES_ENCODED_MAX, s->tenant,
			       why);
	q = IS_ERR(def) ? ERR_CAST(def) : set(s, &name, &settings, &def, why);
	if (!IS_ERR(def))
		mqk_definition_cancel(def);
	kvfree(args);
	if (IS_ERR(q))
		return PTR_ERR(q);
	/* a queue that is resumed delivers, a shorter one drops */
	mqk_queue_run(q);
	mqk_queue_put(q);
	return mqk_journal_flush(s->broker->journal, why);
}

/* The queue of a name, with a reference, if its messages may be taken. */
static struct mqk_queue *find_readable(struct mqk_session *s, const struct mqk_text *name,
				       struct mqk_refusal *why)
{
	struct mqk_queue *q;
	int err;

	mutex_lock(&s->broker->mutex);
	q = mqk_queue_find(s->broker, name->text, name->len);
	err = q ? mqk_queue_access(q, s->cred, s, MQK_MAY_READ, why) :
		  mqk_refuse(why, MQK_RULE_NO_QUEUE, -ENOENT);
	if (!err)
		kref_get(&q->ref);
	mutex_unlock(&s->broker->mutex);
	return err ? ERR_PTR(err) : q;
}

int mqk_ioctl_queue_cancel(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_queue_cancel *a = arg;
	struct mqk_queue *q;
	struct mqk_text name;
	u8 id[MQK_ID_MAX];
	int err;

	if (mqk_bad_flags(a->flags, 0) || !a->id_len || a->id_len > MQK_ID_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&name, a->name, a->name_len, false, why);
	if (err)
		return err;
	if (copy_from_user(id, u64_to_user_ptr(a->id), a->id_len))
		return -EFAULT;
	q = find_readable(s, &name, why);
	if (IS_ERR(q))
		return PTR_ERR(q);
	a->messages = mqk_queue_cancel(q, mqk_msgid(id, a->id_len).number);
	mqk_queue_put(q);
	return 0;
}

int mqk_ioctl_queue_redrive(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why)
{
	struct mqk_queue_redrive *a = arg;
	struct mqk_text name;
	struct mqk_queue *q;
	int err;

	if (mqk_bad_flags(a->flags, 0) || a->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	err = mqk_copy_name(&name, a->name, a->name_len, false, why);
	if (err)
		return err;
	q = find_readable(s, &name, why);
	if (IS_ERR(q))
		return PTR_ERR(q);
	err = mqk_queue_redrive(q, s->cred, a->count, &a->count, why);
	mqk_queue_put(q);
	return err;
}
