// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users, tenants and their charges.
 */
#include "account.h"

#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "limits.h"

static DEFINE_MUTEX(users_lock);
static DEFINE_HASHTABLE(users, 6);

static unsigned long user_limit[MQK_RES_NR] = {
	[MQK_RES_SESSIONS] = MQK_USER_SESSIONS,
	[MQK_RES_PORTS] = MQK_USER_PORTS,
	[MQK_RES_CONSUMERS] = MQK_USER_CONSUMERS,
	[MQK_RES_EXCHANGES] = MQK_USER_EXCHANGES,
	[MQK_RES_QUEUES] = MQK_USER_QUEUES,
	[MQK_RES_BINDINGS] = MQK_USER_BINDINGS,
	[MQK_RES_MESSAGES] = MQK_USER_MESSAGES,
};

/* What applies where neither the maker of a broker nor a parameter says else. */
static u64 default_limit(u32 res)
{
	static const u64 count[MQK_RES_NR] = {
		[MQK_RES_SESSIONS] = MQK_USER_SESSIONS,
		[MQK_RES_PORTS] = MQK_USER_PORTS,
		[MQK_RES_CONSUMERS] = MQK_USER_CONSUMERS,
		[MQK_RES_EXCHANGES] = MQK_USER_EXCHANGES,
		[MQK_RES_QUEUES] = MQK_USER_QUEUES,
		[MQK_RES_BINDINGS] = MQK_USER_BINDINGS,
		[MQK_RES_MESSAGES] = MQK_USER_MESSAGES,
	};
	u64 memory = (u64)totalram_pages() << PAGE_SHIFT;

	if (res == MQK_RES_BYTES)
		return memory / MQK_USER_BYTES_SHARE;
	if (res == MQK_RES_MAPPED)
		return memory / MQK_USER_MAPPED_SHARE;
	return count[res];
}

/* Set a limit; 0 is the default. */
static void set_limit(struct mqk_account *account, u32 res, u64 limit)
{
	WRITE_ONCE(account->limit[res],
		   min_t(u64, limit ?: default_limit(res), S64_MAX / 2));
}

/* A parameter is for all users, those that are there as well. */
static int set_user_limit(const char *text, const struct kernel_param *param)
{
	u32 res = (unsigned long *)param->arg - user_limit;
	struct mqk_user *user;
	int err, i;

	mutex_lock(&users_lock);
	err = param_set_ulong(text, param);
	if (!err)
		hash_for_each(users, i, user, node)
			set_limit(&user->account, res, user_limit[res]);
	mutex_unlock(&users_lock);
	return err;
}

static const struct kernel_param_ops user_limit_ops = {
	.set = set_user_limit,
	.get = param_get_ulong,
};

#define USER_LIMIT(name, res)						\
	module_param_cb(user_##name, &user_limit_ops, &user_limit[res], 0644); \
	__MODULE_PARM_TYPE(user_##name, "ulong");			\
	MODULE_PARM_DESC(user_##name, "most " #name " of one user"	\
			 " (0: the default; holds at once, for all users)")
USER_LIMIT(sessions, MQK_RES_SESSIONS);
USER_LIMIT(ports, MQK_RES_PORTS);
USER_LIMIT(consumers, MQK_RES_CONSUMERS);
USER_LIMIT(exchanges, MQK_RES_EXCHANGES);
USER_LIMIT(queues, MQK_RES_QUEUES);
USER_LIMIT(bindings, MQK_RES_BINDINGS);
USER_LIMIT(messages, MQK_RES_MESSAGES);
USER_LIMIT(bytes, MQK_RES_BYTES);
USER_LIMIT(mapped, MQK_RES_MAPPED);

/**
 * mqk_account_init() - make an account with nothing in use
 * @account: the account
 * @limit: limits by MQK_RES_*, 0 for the default
 */
void mqk_account_init(struct mqk_account *account, const u64 *limit)
{
	u32 res;

	for (res = 0; res < MQK_RES_NR; res++) {
		atomic64_set(&account->used[res], 0);
		set_limit(account, res, limit[res]);
	}
}

/**
 * mqk_account_idle() - check that everything was uncharged
 * @account: the account
 * @what: whose, for the log
 *
 * Called when nothing can be charged any more; anything left is a bug of ours.
 * Return: true when nothing is in use
 */
bool mqk_account_idle(const struct mqk_account *account, const char *what)
{
	bool idle = true;
	u32 res;

	for (res = 0; res < MQK_RES_NR; res++) {
		s64 used = atomic64_read(&account->used[res]);

		if (!used)
			continue;
		pr_err("mqk: leaked %lld of resource %u of %s\n", used, res, what);
		idle = false;
	}
	return idle;
}

static struct mqk_user *lookup_user(kuid_t uid)
{
	struct mqk_user *user;

	lockdep_assert_held(&users_lock);
	hash_for_each_possible(users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * mqk_user_get() - find or make the user of a uid
 * @uid: whose
 *
 * Context: may sleep.
 * Return: the user with a reference, or ERR_PTR(-ENOMEM)
 */
struct mqk_user *mqk_user_get(kuid_t uid)
{
	struct mqk_user *user, *fresh;
	u64 limit[MQK_RES_NR];
	u32 res;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&users_lock);
	user = lookup_user(uid);
	if (user) {
		refcount_inc(&user->refs);
		kfree(fresh);
	} else {
		user = fresh;
		user->uid = uid;
		refcount_set(&user->refs, 1);
		for (res = 0; res < MQK_RES_NR; res++)
			limit[res] = user_limit[res];
		mqk_account_init(&user->account, limit);
		hash_add(users, &user->node, __kuid_val(uid));
	}
	mutex_unlock(&users_lock);
	return user;
}

/**
 * mqk_user_put() - drop a reference
 * @user: the user
 *
 * Context: may sleep.
 */
void mqk_user_put(struct mqk_user *user)
{
	if (!refcount_dec_and_mutex_lock(&user->refs, &users_lock))
		return;
	hash_del(&user->node);
	mutex_unlock(&users_lock);
	mqk_account_idle(&user->account, "a user");
	kfree(user);
}

/**
 * mqk_tenant_alloc() - make the tenant that a user is in a broker
 * @uid: the user
 * @broker: the broker's account
 *
 * Context: may sleep.
 * Return: the tenant, or ERR_PTR(-ENOMEM)
 */
struct mqk_tenant *mqk_tenant_alloc(kuid_t uid, struct mqk_account *broker)
{
	struct mqk_tenant *tenant = kzalloc(sizeof(*tenant), GFP_KERNEL_ACCOUNT);
	struct mqk_user *user;

	if (!tenant)
		return ERR_PTR(-ENOMEM);
	user = mqk_user_get(uid);
	if (IS_ERR(user)) {
		kfree(tenant);
		return ERR_CAST(user);
	}
	tenant->user = user;
	tenant->broker = broker;
	return tenant;
}

/**
 * mqk_tenant_free() - free a tenant to whom nothing is charged any more
 * @tenant: the tenant
 */
void mqk_tenant_free(struct mqk_tenant *tenant)
{
	mqk_user_put(tenant->user);
	kfree(tenant);
}

static bool take(struct mqk_account *account, u32 res, u64 n,
		 struct mqk_refusal *why)
{
	s64 used = atomic64_add_return(n, &account->used[res]);
	s64 limit = READ_ONCE(account->limit[res]);

	/* Below 0 for a moment: see mqk_segment_close(). */
	if (likely(used <= limit))
		return true;
	atomic64_sub(n, &account->used[res]);
	if (why) {
		why->resource = res;
		why->limit = limit;
		why->used = used - n;
	}
	return false;
}

/**
 * mqk_charge() - charge something to a user and a broker
 * @tenant: who
 * @res: MQK_RES_*
 * @n: how much, below 2^48
 * @why: filled when it is refused, may be NULL
 *
 * Context: any.
 * Return: 0, -EDQUOT at the user's limit, -ENOSPC at the broker's
 */
int mqk_charge(struct mqk_tenant *tenant, u32 res, u64 n,
	       struct mqk_refusal *why)
{
	if (!take(&tenant->user->account, res, n, why))
		return mqk_refuse(why, MQK_RULE_USER_LIMIT, -EDQUOT);
	if (take(tenant->broker, res, n, why))
		return 0;
	atomic64_sub(n, &tenant->user->account.used[res]);
	return mqk_refuse(why, MQK_RULE_BROKER_LIMIT, -ENOSPC);
}

static bool exceeded(const struct mqk_account *account, u32 res)
{
	return atomic64_read(&account->used[res]) > (s64)account->limit[res];
}

/**
 * mqk_overdraw() - charge something that may exceed a limit, once
 * @tenant: who
 * @res: MQK_RES_*
 * @n: how much
 *
 * For what is needed to give more back: at its limit a user could never get out
 * of it otherwise.
 *
 * Context: any.
 * Return: 0; -EDQUOT when a limit is exceeded already
 */
int mqk_overdraw(struct mqk_tenant *tenant, u32 res, u64 n)
{
	if (exceeded(&tenant->user->account, res) ||
	    exceeded(tenant->broker, res))
		return -EDQUOT;
	mqk_charge_anyway(tenant, res, n);
	return 0;
}

/**
 * mqk_charge_anyway() - charge something, whatever the limit
 * @tenant: who
 * @res: MQK_RES_*
 * @n: how much
 *
 * For what is charged twice for a moment, and what was given back too much.
 *
 * Context: any.
 */
void mqk_charge_anyway(struct mqk_tenant *tenant, u32 res, u64 n)
{
	atomic64_add(n, &tenant->user->account.used[res]);
	atomic64_add(n, &tenant->broker->used[res]);
}

/**
 * mqk_uncharge() - give back what was charged
 * @tenant: who
 * @res: MQK_RES_*
 * @n: how much
 *
 * Context: any.
 */
void mqk_uncharge(struct mqk_tenant *tenant, u32 res, u64 n)
{
	atomic64_sub(n, &tenant->user->account.used[res]);
	atomic64_sub(n, &tenant->broker->used[res]);
}
