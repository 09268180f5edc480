/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rings of a port or a consumer are charged: MQK_RES_MAPPED.
 *
 * The pages of a ring last as long as somebody maps them, so their charge does:
 * until the object that they belong to is closed and the last mapping of one of
 * its areas is gone.
 *
 * Life: references are the object, and each file that a mapping refers to
 * (ringmap.h).  It keeps its broker, whose account and tenants it gives back to.
 */
#ifndef MQK_MAPPED_H
#define MQK_MAPPED_H

#include <linux/refcount.h>
#include <linux/types.h>

struct mqk_broker;
struct mqk_refusal;
struct mqk_tenant;

struct mqk_mapped {
	refcount_t refs;
	struct mqk_broker *broker;
	struct mqk_tenant *tenant;	/* who pays */
	u64 bytes;
};

struct mqk_mapped *mqk_mapped_alloc(struct mqk_broker *broker,
				    struct mqk_tenant *tenant, u64 bytes,
				    struct mqk_refusal *why);
struct mqk_mapped *mqk_mapped_get(struct mqk_mapped *m);
void mqk_mapped_put(struct mqk_mapped *m);

#endif /* MQK_MAPPED_H */
