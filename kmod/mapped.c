// SPDX-License-Identifier: GPL-2.0-only
/*
 * Charges of rings.
 */
#include "mapped.h"

#include <linux/slab.h>
#include <linux/mqk.h>

#include "account.h"
#include "broker.h"

/**
 * mqk_mapped_alloc() - charge rings that are to be made
 * @broker: their broker
 * @tenant: who pays
 * @bytes: bytes of all their areas
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: the charge with one reference; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_mapped *mqk_mapped_alloc(struct mqk_broker *broker,
				    struct mqk_tenant *tenant, u64 bytes,
				    struct mqk_refusal *why)
{
	struct mqk_mapped *m;
	int err;

	err = mqk_charge(tenant, MQK_RES_MAPPED, bytes, why);
	if (err)
		return ERR_PTR(err);
	m = kmalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m) {
		mqk_uncharge(tenant, MQK_RES_MAPPED, bytes);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&m->refs, 1);
	m->broker = mqk_broker_get(broker);
	m->tenant = tenant;
	m->bytes = bytes;
	return m;
}

/**
 * mqk_mapped_get() - take a reference
 * @m: the charge
 * Return: @m
 */
struct mqk_mapped *mqk_mapped_get(struct mqk_mapped *m)
{
	refcount_inc(&m->refs);
	return m;
}

/**
 * mqk_mapped_put() - drop a reference; the last one gives the charge back
 * @m: the charge, or NULL
 *
 * Context: may sleep.
 */
void mqk_mapped_put(struct mqk_mapped *m)
{
	if (!m || !refcount_dec_and_test(&m->refs))
		return;
	mqk_uncharge(m->tenant, MQK_RES_MAPPED, m->bytes);
	mqk_broker_put(m->broker);
	kfree(m);
}
