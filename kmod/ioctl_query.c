// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that ask: what the kernel does, what was refused, what happened.
 */
#include "ioctl.h"

#include <linux/string.h>

#include "broker.h"
#include "limits.h"
#include "ringmap.h"
#include "session.h"

/**
 * mqk_fill_account() - tell what an account holds
 * @account: the account
 * @limit: where its limits go, by MQK_RES_*
 * @used: where what is in use goes
 */
void mqk_fill_account(const struct mqk_account *account, u64 *limit, u64 *used)
{
	u32 res;

	for (res = 0; res < MQK_RES_NR; res++) {
		limit[res] = READ_ONCE(account->limit[res]);
		used[res] = max(atomic64_read(&account->used[res]), 0);
	}
}

/**
 * mqk_fill_query() - what is the same for every node
 * @q: where to; its size stays
 */
void mqk_fill_query(struct mqk_query *q)
{
	u32 size = q->size;

	memset(q, 0, sizeof(*q));
	q->size = size;
	q->abi = MQK_ABI;
	q->features = MQK_FEATURE_INPLACE | MQK_FEATURE_COPY |
		      MQK_FEATURE_JUMBO | MQK_FEATURE_BROWSE |
		      MQK_FEATURE_LIST | MQK_FEATURE_EXCHANGES |
		      MQK_FEATURE_CC | MQK_FEATURE_HASH |
		      MQK_FEATURE_QUEUE_SET |
		      MQK_FEATURE_PRIORITY | MQK_FEATURE_DELAY |
		      MQK_FEATURE_LEVELS | MQK_FEATURE_GROUPS |
		      MQK_FEATURE_CONSUMER_ARGS | MQK_FEATURE_REPLY |
		      MQK_FEATURE_DEAD_LETTER | MQK_FEATURE_REDRIVE |
		      MQK_FEATURE_WILL | MQK_FEATURE_WILL_DELAY |
		      MQK_FEATURE_DURABLE | MQK_FEATURE_DEDUP |
		      MQK_FEATURE_LAST_VALUE | MQK_FEATURE_EVENTS |
		      MQK_FEATURE_PRODUCER | MQK_FEATURE_BLOCK |
		      MQK_FEATURE_TX | MQK_FEATURE_TRACE;
	q->segment_base = (u64)MQK_MAP_SEGMENT << MQK_MAP_KIND_SHIFT;
	q->segment_shift = MQK_MAP_SEGMENT_SHIFT;
	q->ring_max = MQK_RING_MAX;
	q->message_max = MQK_MESSAGE_MAX;
	q->targets_max = MQK_TARGETS_MAX;
	q->prefetch_max = MQK_PREFETCH_MAX;
	q->publish_max = MQK_PUBLISH_MAX;
}

/* MQK_IOC_QUERY; every word but the size and the flags is an answer. */
int mqk_ioctl_query(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_query *q = arg;

	if (q->flags || q->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	mqk_broker_trim(s->broker);
	mqk_fill_query(q);
	q->access = s->access;
	q->segment_size = s->broker->store.segment_size;
	mqk_fill_account(&s->tenant->user->account, q->user_limit, q->user_used);
	mqk_fill_account(&s->broker->account, q->broker_limit, q->broker_used);
	return 0;
}

/* MQK_IOC_ERROR */
int mqk_ioctl_error(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_error *e = arg;
	u32 size = e->size;

	if (e->flags || e->resv)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	spin_lock(&s->error_lock);
	*e = s->last;
	spin_unlock(&s->error_lock);
	e->size = size;
	return 0;
}

/* MQK_IOC_STAT */
int mqk_ioctl_stat(struct mqk_session *s, void *arg, struct mqk_refusal *why)
{
	struct mqk_stat *stat = arg;
	u32 size = stat->size;

	if (stat->flags)
		return mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL);
	memset(stat, 0, sizeof(*stat));
	stat->size = size;
	mqk_broker_stat(s->broker, stat);
	return 0;
}
