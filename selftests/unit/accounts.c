// SPDX-License-Identifier: GPL-2.0-only
#include "accounts.h"

#include <string.h>

#include <linux/errno.h>

void payer_init(struct payer *p)
{
	memset(p, 0, sizeof(*p));
	p->tenant.broker = &p->account;
}

s64 payer_used(const struct payer *p, u32 res)
{
	return atomic64_read(&p->account.used[res]);
}

bool payer_idle(const struct payer *p)
{
	u32 res;

	for (res = 0; res < MQK_RES_NR; res++)
		if (payer_used(p, res))
			return false;
	return true;
}

int mqk_charge(struct mqk_tenant *tenant, u32 res, u64 n, struct mqk_refusal *why)
{
	struct mqk_account *a = tenant->broker;
	s64 used = atomic64_add_return(n, &a->used[res]);

	if (!a->limit[res] || used <= (s64)a->limit[res])
		return 0;
	atomic64_sub(n, &a->used[res]);
	return mqk_refuse(why, MQK_RULE_BROKER_LIMIT, -ENOSPC);
}

int mqk_overdraw(struct mqk_tenant *tenant, u32 res, u64 n)
{
	struct mqk_account *a = tenant->broker;

	if (a->limit[res] && payer_used(container_of(a, struct payer, account), res) >
	    (s64)a->limit[res])
		return -EDQUOT;
	atomic64_add(n, &a->used[res]);
	return 0;
}

void mqk_uncharge(struct mqk_tenant *tenant, u32 res, u64 n)
{
	atomic64_sub(n, &tenant->broker->used[res]);
}
