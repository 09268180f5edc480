/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accounts: what users and brokers hold, and how much they may.
 *
 * A user (struct mqk_user, one per uid, over all brokers) and a broker each
 * have an account.  A tenant is a user in a broker: everything that is made in
 * a broker is charged to a tenant, which means to both accounts, before it is
 * made, and uncharged when it is freed.
 *
 * Life: a user lives while a tenant or an open node refers to it.  A tenant
 * lives as long as its broker, so that whatever is charged to it needs no
 * reference to it.
 *
 * Locks: none for charging (atomics; a failed charge may make a concurrent one
 * fail that would have fitted, never the reverse).  The table of users has a
 * mutex, which users' limits are changed under and read without; the list of
 * tenants is guarded by the broker's mutex.
 */
#ifndef MQK_ACCOUNT_H
#define MQK_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>
#include <linux/mqk.h>

/**
 * struct mqk_refusal - why a call is refused, for struct mqk_error
 * @rule: MQK_RULE_*
 * @resource: MQK_RES_*, for limits
 * @limit: the limit
 * @used: what was in use
 */
struct mqk_refusal {
	u32 rule;
	u32 resource;
	u64 limit;
	u64 used;
};

struct mqk_account {
	atomic64_t used[MQK_RES_NR];
	u64 limit[MQK_RES_NR];
};

struct mqk_user {
	struct hlist_node node;
	refcount_t refs;
	kuid_t uid;
	struct mqk_account account;
};

/**
 * struct mqk_mover - what compaction knows of a tenant (compact.c)
 * @link: in its work's list
 * @pass: for which pass the rest is meant
 * @sparse: closed segments that seem sparse
 * @victims: those that are
 * @segment: where their records go, or NULL
 * @offset: how far it is filled
 *
 * Only the broker's compactor looks at it.
 */
struct mqk_mover {
	struct list_head link;
	u32 pass;
	u32 sparse;
	u32 victims;
	struct mqk_segment *segment;
	u64 offset;
};

struct mqk_tenant {
	struct list_head link;		/* broker->tenants */
	struct mqk_user *user;
	struct mqk_account *broker;
	struct mqk_appender *appender;	/* where copies go */
	unsigned int ports;		/* open ones; broker->mutex */
	unsigned int producers;		/* names it pays for; broker->mutex */
	struct mqk_mover mover;
};

/**
 * mqk_refuse() - note why, and return the error
 * @why: where to note it, may be NULL
 * @rule: MQK_RULE_*
 * @error: negative errno
 * Return: @error
 */
static inline int mqk_refuse(struct mqk_refusal *why, u32 rule, int error)
{
	if (why)
		why->rule = rule;
	return error;
}

/**
 * mqk_fill_error() - tell of a refused call
 * @e: where to; its size and flags stay
 * @error: negative errno
 * @why: the reason
 */
static inline void mqk_fill_error(struct mqk_error *e, int error,
				  const struct mqk_refusal *why)
{
	e->error = -error;
	e->rule = why->rule;
	e->resource = why->resource;
	e->limit = why->limit;
	e->used = why->used;
}

struct mqk_user *mqk_user_get(kuid_t uid);
void mqk_user_put(struct mqk_user *user);

struct mqk_tenant *mqk_tenant_alloc(kuid_t uid, struct mqk_account *broker);
void mqk_tenant_free(struct mqk_tenant *tenant);

void mqk_account_init(struct mqk_account *account, const u64 *limit);
bool mqk_account_idle(const struct mqk_account *account, const char *what);
int mqk_charge(struct mqk_tenant *tenant, u32 res, u64 n,
	       struct mqk_refusal *why);
int mqk_overdraw(struct mqk_tenant *tenant, u32 res, u64 n);
void mqk_charge_anyway(struct mqk_tenant *tenant, u32 res, u64 n);
void mqk_uncharge(struct mqk_tenant *tenant, u32 res, u64 n);

#endif /* MQK_ACCOUNT_H */
