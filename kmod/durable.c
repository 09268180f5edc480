// SPDX-License-Identifier: GPL-2.0-only
/*
 * Durable brokers.
 */
#include "durable.h"

#include <linux/err.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "account.h"
#include "broker.h"
#include "dir.h"
#include "journal.h"
#include "limits.h"
#include "recover.h"

static_assert(ARRAY_SIZE(((struct mqk_log_super *)0)->limit) >= MQK_RES_NR);

/* What the super file says, as options; it is not believed more than a caller is. */
static int take_super(struct mqk_broker_options *o, const struct mqk_log_super *s,
		      struct mqk_refusal *why)
{
	u32 i;

	o->segment_size = le64_to_cpu(s->segment_size);
	o->nomap = le32_to_cpu(s->flags) & MQK_LOG_SUPER_F_NOMAP;
	for (i = 0; i < MQK_RES_NR; i++)
		o->limit[i] = le64_to_cpu(s->limit[i]);
	if (le32_to_cpu(s->sync) != MQK_SYNC_NONE)
		return mqk_refuse(why, MQK_RULE_SYNC, -EOPNOTSUPP);
	if (!is_power_of_2(o->segment_size) ||
	    o->segment_size < MQK_SEGMENT_SIZE_MIN ||
	    o->segment_size > MQK_SEGMENT_SIZE_MAX) {
		if (why)
			why->limit = MQK_DIR_SUPER;
		return mqk_refuse(why, MQK_RULE_DAMAGED, -EUCLEAN);
	}
	return 0;
}

/**
 * mqk_durable_read() - read the files of a broker that is to be opened
 * @o: what it is opened with; @o->durable->fd, and name, node and maker are set, the
 *	rest is filled
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0, after which mqk_durable_begin() or mqk_durable_abandon() has to follow;
 * errno as struct mqk_broker_open says
 */
int mqk_durable_read(struct mqk_broker_options *o, struct mqk_refusal *why)
{
	struct mqk_durable *d = o->durable;
	struct mqk_dir *dir;
	int err;

	dir = mqk_dir_open(d->fd, false, why);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	d->journal = mqk_journal_read(dir, o->name, &d->super, why);
	if (IS_ERR(d->journal)) {
		mqk_dir_close(dir);
		err = PTR_ERR(d->journal);
		d->journal = NULL;
		return err;
	}
	err = take_super(o, &d->super, why);
	if (err)
		mqk_durable_abandon(d);
	return err;
}

/**
 * mqk_durable_abandon() - undo mqk_durable_read()
 * @d: what was read
 *
 * Context: may sleep.
 */
void mqk_durable_abandon(struct mqk_durable *d)
{
	if (!d->journal)
		return;
	mqk_journal_close(d->journal);
	mqk_journal_free(d->journal);
	d->journal = NULL;
}

static int make(struct mqk_broker *broker, struct mqk_durable *d,
		struct mqk_refusal *why)
{
	struct mqk_log_super *s = &d->super;
	struct mqk_journal *j;
	struct mqk_dir *dir;
	u32 i;

	get_random_bytes(s->uuid, sizeof(s->uuid));
	s->created = cpu_to_le64(ktime_get_real_ns());
	s->segment_size = cpu_to_le64(broker->store.segment_size);
	s->sync = cpu_to_le32(d->sync);
	s->flags = cpu_to_le32(broker->nomap ? MQK_LOG_SUPER_F_NOMAP : 0);
	for (i = 0; i < MQK_RES_NR; i++)
		s->limit[i] = cpu_to_le64(broker->asked_limit[i]);

	dir = mqk_dir_open(d->fd, true, why);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	j = mqk_journal_make(dir, broker->name, s, why);
	if (IS_ERR(j)) {
		mqk_dir_close(dir);
		return PTR_ERR(j);
	}
	broker->journal = j;
	return 0;
}

/**
 * mqk_durable_begin() - have a broker be kept
 * @broker: the broker, which has its name, and which nobody can reach yet
 * @d: where; when it is opened, what was read becomes the broker's
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0; errno as struct mqk_broker_create and mqk_broker_open say, the broker to
 * be removed
 */
int mqk_durable_begin(struct mqk_broker *broker, struct mqk_durable *d,
		      struct mqk_refusal *why)
{
	if (d->make)
		return make(broker, d, why);
	broker->journal = d->journal;
	broker->journal->broker = broker->name;
	d->journal = NULL;
	return mqk_recover(broker, why) ?: mqk_journal_begin(broker->journal, why);
}

/**
 * mqk_durable_stop() - keep a broker as it is now
 * @broker: the broker, just dead; may be transient
 *
 * Context: broker->mutex.
 */
void mqk_durable_stop(struct mqk_broker *broker)
{
	if (broker->journal)
		mqk_journal_stop(broker->journal);
}

/**
 * mqk_durable_close() - write what is to be written, and give the directory back
 * @broker: the broker, dead; may be transient
 *
 * Context: may sleep.
 */
void mqk_durable_close(struct mqk_broker *broker)
{
	if (broker->journal)
		mqk_journal_close(broker->journal);
}
