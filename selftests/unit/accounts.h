/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

/*
 * In the place of kmod/account.c: tenants that belong to no user, so that only
 * their broker's account counts. A limit of 0 is none.
 */

#include "kmod/account.h"

struct payer {
	struct mqk_tenant tenant;
	struct mqk_account account;
};

void payer_init(struct payer *p);
s64 payer_used(const struct payer *p, u32 res);
/* Whether nothing is charged. */
bool payer_idle(const struct payer *p);

#endif
